/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums and TCP segmentation: RFC 1071, 791, 8200, 9293. */
#include "hw/net/offload.h"

#include <string.h>

#include "hw/device.h"
#include "util/bits.h"

enum {
    ETH_HEADER = 14, ETH_VLAN = 4, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100,
    IPV4_MIN = 20, IPV6_HEADER = 40, TCP_MIN = 20, PROTO_TCP = 6,
    TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80,
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = v >> 8;
    p[1] = (uint8_t)v;
}

static uint64_t fold_once(uint64_t total)
{
    return (total & 0xffff) + (total >> 16);
}

/* The sum does not depend on the order of bytes but for a swap at the end (RFC 1071, 2 (B)), so
 * whole words are added as the host reads them. */
static uint64_t sum(const uint8_t *p, size_t len)
{
    uint64_t total = 0;
    for (; len >= 4; p += 4, len -= 4)
        total += load_le32(p);
    uint8_t rest[4] = { 0 };
    memcpy(rest, p, len);
    total += load_le32(rest);
    while (total >> 16)
        total = fold_once(total);
    return __builtin_bswap16((uint16_t)total);
}

static uint16_t fold(uint64_t total)
{
    while (total >> 16)
        total = fold_once(total);
    return (uint16_t)~total;
}

bool offload_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
    if (start > len || offset > len - start || len - start - offset < 2)
        return false;
    uint16_t c = fold(sum(frame + start, len - start));
    put16(frame + start + offset, c ? c : 0xffff); /* 0 is "none" in UDP, the same in TCP */
    return true;
}

/* Headers of one frame: where they are, checked. */
typedef struct Headers {
    size_t ip, tcp, payload;
    bool v6;
} Headers;

static bool find_headers(const uint8_t *frame, size_t len, size_t tcp, Headers *h)
{
    h->ip = ETH_HEADER;
    if (len < ETH_HEADER + ETH_VLAN)
        return false;
    unsigned type = get16(frame + 12);
    if (type == TYPE_VLAN) {
        type = get16(frame + 16);
        h->ip += ETH_VLAN;
    }
    h->v6 = type == TYPE_IPV6;
    h->tcp = tcp;
    if ((type != TYPE_IPV4 && !h->v6) || tcp < h->ip + (h->v6 ? IPV6_HEADER : IPV4_MIN) ||
        tcp > len || len - tcp < TCP_MIN)
        return false;
    if (!h->v6 && (size_t)(frame[h->ip] & 15) * 4 != tcp - h->ip)
        return false;
    size_t tcp_header = (size_t)(frame[tcp + 12] >> 4) * 4;
    h->payload = tcp + tcp_header;
    return tcp_header >= TCP_MIN && h->payload <= len;
}

static void finish_ip(uint8_t *frame, size_t len, const Headers *h, unsigned index)
{
    uint8_t *ip = frame + h->ip;
    if (h->v6) {
        put16(ip + 4, (uint16_t)(len - h->ip - IPV6_HEADER));
        return;
    }
    put16(ip + 2, (uint16_t)(len - h->ip));
    put16(ip + 4, (uint16_t)(get16(ip + 4) + index));
    put16(ip + 10, 0);
    put16(ip + 10, fold(sum(ip, h->tcp - h->ip)));
}

static void finish_tcp(uint8_t *frame, size_t len, const Headers *h)
{
    const uint8_t *ip = frame + h->ip;
    uint64_t total = h->v6 ? sum(ip + 8, 32) : sum(ip + 12, 8);
    total += PROTO_TCP + (len - h->tcp);
    put16(frame + h->tcp + 16, 0);
    put16(frame + h->tcp + 16, fold(total + sum(frame + h->tcp, len - h->tcp)));
}

bool offload_segment(uint8_t *frame, size_t len, size_t tcp, unsigned mss,
                     void (*emit)(void *opaque, const uint8_t *frame, size_t len), void *opaque)
{
    Headers h;
    if (!mss || len > 65536 + ETH_HEADER + ETH_VLAN || !find_headers(frame, len, tcp, &h))
        return false;
    uint8_t flags = frame[tcp + 13];
    uint32_t seq = load_be32(frame + tcp + 4);
    uint8_t *out = g_malloc(h.payload + mss);
    unsigned index = 0;
    for (size_t at = h.payload; at < len; at += mss, index++) {
        size_t n = MIN(mss, len - at);
        bool first = !index, last = at + n == len;
        memcpy(out, frame, h.payload);
        memcpy(out + h.payload, frame + at, n);
        store_be32(out + tcp + 4, seq + (uint32_t)(at - h.payload));
        out[tcp + 13] = flags & (last ? 0xff : ~(TCP_FIN | TCP_PSH)) & (first ? 0xff : ~TCP_CWR);
        finish_ip(out, h.payload + n, &h, index);
        finish_tcp(out, h.payload + n, &h);
        emit(opaque, out, h.payload + n);
    }
    g_free(out);
    return true;
}
