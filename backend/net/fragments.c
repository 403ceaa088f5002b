/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams put together from a guest's IPv4 fragments (RFC 791, section 3.2), in front of libslirp:
 * its own reassembly (4.7.0) writes to memory that is not its when fragments overlap, so it gets to
 * see whole datagrams only.
 *
 * A datagram with overlapping pieces is dropped as a whole, as RFC 5722 rules for IPv6; no sender
 * makes such. There is no time limit: the oldest datagram goes when there are too many.
 */
#include "backend/net/fragments.h"

#include <glib.h>
#include <string.h>

#include "util/bits.h"

enum { MAX_DATAGRAMS = 16, MAX_DATA = 65535 - 20, UNITS = 8192, ETHER = 14, MAX_HEADER = 60 };

typedef struct Datagram {
    uint64_t age;           /* 0: this place is free */
    uint8_t key[11];        /* source, destination, identification, protocol */
    uint8_t head[ETHER + MAX_HEADER]; /* of the fragment at 0 */
    unsigned head_len;      /* of IP; 0: not yet */
    unsigned have, total;   /* bytes of data; total 0: not known yet */
    unsigned end;           /* of what is there */
    uint8_t seen[UNITS / 8];
    uint8_t *data;          /* MAX_DATA + ETHER + MAX_HEADER, with room for the header in front */
} Datagram;

struct Fragments {
    uint64_t age;
    Datagram datagrams[MAX_DATAGRAMS];
};

Fragments *fragments_new(void)
{
    return g_new0(Fragments, 1);
}

void fragments_free(Fragments *f)
{
    for (unsigned i = 0; i < MAX_DATAGRAMS; i++)
        g_free(f->datagrams[i].data);
    g_free(f);
}

static uint16_t header_sum(const uint8_t *ip, unsigned len)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < len; i += 2)
        sum += load_be16(ip + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static Datagram *find(Fragments *f, const uint8_t *ip)
{
    uint8_t key[11];
    memcpy(key, ip + 12, 8);
    memcpy(key + 8, ip + 4, 2);
    key[10] = ip[9];
    Datagram *oldest = &f->datagrams[0];
    for (unsigned i = 0; i < MAX_DATAGRAMS; i++) {
        Datagram *d = &f->datagrams[i];
        if (d->age && !memcmp(d->key, key, sizeof key))
            return d;
        if (d->age < oldest->age)
            oldest = d;
    }
    uint8_t *data = oldest->data;
    *oldest = (Datagram){ .age = ++f->age, .data = data };
    if (!data)
        oldest->data = g_malloc(ETHER + MAX_HEADER + MAX_DATA);
    memcpy(oldest->key, key, sizeof key);
    return oldest;
}

/* Marks the units; how many of them were marked already. */
static unsigned mark(Datagram *d, unsigned first, unsigned n)
{
    unsigned old = 0;
    for (unsigned u = first; u < first + n; u++) {
        old += d->seen[u / 8] >> u % 8 & 1;
        d->seen[u / 8] |= 1 << u % 8;
    }
    return old;
}

static const uint8_t *complete(Datagram *d, size_t *len)
{
    unsigned size = d->head_len + d->total;
    d->age = 0;
    if (size > 65535)
        return NULL;
    uint8_t *frame = d->data + MAX_HEADER - d->head_len, *ip = frame + ETHER;
    memcpy(frame, d->head, ETHER + d->head_len);
    store_be16(ip + 2, (uint16_t)size);
    store_be16(ip + 6, 0);
    store_be16(ip + 10, 0);
    store_be16(ip + 10, ~header_sum(ip, d->head_len));
    *len = ETHER + size;
    return frame;
}

const uint8_t *fragments_take(Fragments *f, const uint8_t *frame, size_t *len)
{
    const uint8_t *ip = frame + ETHER;
    if (*len < ETHER + 20 || load_be16(frame + 12) != 0x0800 || !(load_be16(ip + 6) & 0x3fff))
        return frame;
    unsigned head = (ip[0] & 15) * 4, size = load_be16(ip + 2);
    bool more = load_be16(ip + 6) & 0x2000;
    if (ip[0] >> 4 != 4 || head < 20 || size <= head || size > *len - ETHER ||
        header_sum(ip, head) != 0xffff)
        return NULL;
    unsigned at = (load_be16(ip + 6) & 0x1fff) * 8, n = size - head;
    if (at + n > MAX_DATA || (more && n % 8))
        return NULL;
    Datagram *d = find(f, ip);
    unsigned units = (n + 7) / 8, old = mark(d, at / 8, units);
    if (old == units)
        return NULL; /* once more */
    d->end = MAX(d->end, at + n);
    if (!more)
        d->total = at + n;
    if (old || (d->total && d->end > d->total)) {
        d->age = 0;
        return NULL;
    }
    memcpy(d->data + ETHER + MAX_HEADER + at, ip + head, n);
    d->have += n;
    if (!at) {
        memcpy(d->head, frame, ETHER + head);
        d->head_len = head;
    }
    return d->total && d->have == d->total && d->head_len ? complete(d, len) : NULL;
}
