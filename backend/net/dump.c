/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -object filter-dump: frames of a backend in a pcap file ("PCAP Capture File Format",
 * draft-ietf-opsawg-pcap), with the machine's time as time stamps.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/net.h"
#include "softmmu/run.h"
#include "util/error.h"

typedef struct Dump {
    NetTap tap;
    NetBackend *backend;
    FILE *file;
    uint64_t maxlen;
    bool failed;
} Dump;

static void write_frame(void *opaque, const uint8_t *frame, size_t len)
{
    Dump *d = opaque;
    uint32_t kept = MIN(len, d->maxlen);
    int64_t us = clock_ns(CLOCK_VIRTUAL) / 1000;
    uint32_t head[4] = { us / 1000000, us % 1000000, kept, len };
    if (d->failed)
        return;
    if (fwrite(head, sizeof head, 1, d->file) != 1 || fwrite(frame, 1, kept, d->file) != kept ||
        fflush(d->file)) {
        g_printerr("filter-dump: can't write: %s; the file ends here\n", g_strerror(errno));
        d->failed = true;
    }
}

void *net_dump_new(const char *netdev, const char *file, uint64_t maxlen, GError **error)
{
    NetBackend *n = net_find(netdev);
    if (!n) {
        error_set(error, "there is no network backend '%s'; add -netdev ...,id=%s", netdev, netdev);
        return NULL;
    }
    FILE *f = fopen(file, "we");
    if (!f) {
        error_set_errno(error, errno, "can't write '%s'", file);
        return NULL;
    }
    struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, sigfigs, snaplen, linktype;
    } head = { 0xa1b2c3d4, 2, 4, 0, 0, MIN(maxlen, UINT32_MAX), 1 /* Ethernet */ };
    if (fwrite(&head, sizeof head, 1, f) != 1 || fflush(f)) {
        error_set_errno(error, errno, "can't write '%s'", file);
        fclose(f);
        return NULL;
    }
    Dump *d = g_new0(Dump, 1);
    *d = (Dump){ .tap = { write_frame, d }, .backend = n, .file = f, .maxlen = maxlen };
    g_ptr_array_add(n->taps, &d->tap);
    return d;
}

void net_dump_free(void *dump)
{
    Dump *d = dump;
    g_ptr_array_remove(d->backend->taps, &d->tap);
    fclose(d->file);
    g_free(d);
}
