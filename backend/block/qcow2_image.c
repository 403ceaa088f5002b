/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images as wholes: making them, what their header says of the backing file, and what is
 * where. The header's cluster is rewritten by one write: a program that is killed leaves the old
 * one or the new one.
 */
#include <errno.h>
#include <string.h>

#include "backend/block/qcow2_int.h"
#include "util/bits.h"
#include "util/error.h"

enum { HEADER = 104, EXT_BACKING = 0x62792aca /* and its top bit */, HEAD_ROOM = 2048 };

static QcowNode *qcow(BlockNode *n)
{
    return (QcowNode *)n;
}

const char *block_qcow2_backing_format(const BlockNode *n)
{
    return block_node_is_qcow2(n) ? ((const QcowNode *)n)->backing_format : NULL;
}

uint64_t block_qcow2_cluster(const BlockNode *n)
{
    return block_node_is_qcow2(n) ? ((const QcowNode *)n)->cluster : 0;
}

void block_qcow2_features(const BlockNode *n, BlockNodeInfo *i)
{
    if (!block_node_is_qcow2(n))
        return;
    const QcowNode *q = (const QcowNode *)n;
    i->v2 = q->version < 3;
    i->refcount_bits = 1u << q->refcount_order;
    i->lazy_refcounts = q->lazy_refcounts;
    i->corrupt = q->unclean;
}

/* ---- what is where ---- */

int qcow2_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s)
{
    QcowNode *q = qcow(n);
    uint64_t in = offset & (q->cluster - 1), end = q->cluster - in, entry, next;
    static const BlockStatus of[] = {
        [QCOW_ABSENT] = BLOCK_ABSENT, [QCOW_ZEROS] = BLOCK_ZERO,
        [QCOW_DATA] = BLOCK_DATA, [QCOW_DEFLATED] = BLOCK_DATA,
    };
    g_rw_lock_reader_lock(&q->lock);
    int r = qcow2_entry(q, offset, &entry);
    *s = of[qcow2_kind(q, entry)];
    for (; !r && end < *run; end += q->cluster) {
        r = qcow2_entry(q, offset + end, &next);
        if (r || of[qcow2_kind(q, next)] != *s)
            break;
    }
    g_rw_lock_reader_unlock(&q->lock);
    *run = MIN(*run, end);
    return r;
}

/* to_bottom: nothing will be below, so that what has no place reads as zeros. Lock held alone. */
static int give_place(QcowNode *q, uint64_t at, uint8_t *buf, uint64_t len, bool to_bottom)
{
    struct iovec iov = { buf, len };
    uint64_t *table, guest = at >> q->cluster_bits;
    bool zeros = !buf[0] && !memcmp(buf, buf + 1, len - 1);
    if (zeros && to_bottom)
        return 0;
    if (!zeros || q->version < 3)
        return qcow2_write_part(q, at, &iov, 1, len);
    int r = qcow2_l2_own(q, guest, &table);
    return r ? r : qcow2_set(q, table, guest, 1, QCOW_ZERO, 0);
}

int block_qcow2_copy_up(BlockNode *n, BlockNode *base, uint64_t offset, uint64_t len)
{
    QcowNode *q = qcow(n);
    int r = 0;
    g_autofree uint8_t *buf = g_malloc(q->cluster);
    for (uint64_t at = offset & ~(q->cluster - 1); !r && at < offset + len; at += q->cluster) {
        uint64_t entry, part = MIN(q->cluster, n->size - at), run = part, done = 0;
        BlockStatus s = BLOCK_ABSENT;
        g_rw_lock_writer_lock(&q->lock);
        r = qcow2_entry(q, at, &entry);
        if (!r && qcow2_kind(q, entry) == QCOW_ABSENT && n->backing) {
            /* Smaller clusters below: any of them is enough. */
            for (; !r && s == BLOCK_ABSENT && done < part; done += run) {
                run = part - done;
                r = block_chain_status(n->backing, base, at + done, &run, &s);
            }
            if (!r && s != BLOCK_ABSENT)
                r = block_node_read(n->backing, at, buf, part);
            if (!r && s != BLOCK_ABSENT)
                r = give_place(q, at, buf, part, !base);
        }
        g_rw_lock_writer_unlock(&q->lock);
    }
    return r;
}

int block_qcow2_empty(BlockNode *n)
{
    QcowNode *q = qcow(n);
    int r = 0;
    g_rw_lock_writer_lock(&q->lock);
    for (uint64_t i = 0; !r && i < q->n_l1; i++) {
        uint64_t *table, guest = i << q->l2_bits, count = 1ULL << q->l2_bits;
        r = qcow2_l2(q, guest, &table);
        if (r || !table)
            continue;
        r = qcow2_l2_own(q, guest, &table);
        if (r)
            break;
        g_autofree uint64_t *old = g_memdup2(table, count * 8);
        r = qcow2_set(q, table, guest, count, 0, 0);
        for (uint64_t k = 0; !r && k < count; k++) {
            r = qcow2_release(q, old[k]);
            if (!r && qcow2_kind(q, old[k]) == QCOW_DATA && old[k] & QCOW_COPIED)
                n->file->driver->discard(n->file, old[k] & QCOW_OFFSET, q->cluster);
        }
    }
    g_rw_lock_writer_unlock(&q->lock);
    return r;
}

/* ---- header ---- */

/* Extensions and the name behind the header proper; how long it is, 0 if there is no room. */
static uint64_t put_backing(uint8_t *h, uint64_t room, uint64_t at, const char *name,
                            const char *format)
{
    uint64_t n = name ? strlen(name) : 0, f = format ? strlen(format) : 0;
    uint64_t name_at = at + (f ? 8 + ALIGN_UP(f, (uint64_t)8) : 0) + 8;
    if (n > 1023 || name_at + n > room)
        return 0;
    if (f) {
        store_be32(h + at, EXT_BACKING | 0x80000000u);
        store_be32(h + at + 4, (uint32_t)f);
        memcpy(h + at + 8, format, f);
    }
    if (n)
        memcpy(h + name_at, name, n);
    store_be64(h + 8, n ? name_at : 0);
    store_be32(h + 16, (uint32_t)n);
    return name_at + n;
}

int block_qcow2_set_backing_name(BlockNode *n, const char *name, const char *format)
{
    QcowNode *q = qcow(n);
    uint64_t room = MIN(q->cluster, HEAD_ROOM);
    g_autofree uint8_t *h = g_malloc0(HEAD_ROOM), *old = g_malloc0(HEAD_ROOM);
    g_rw_lock_writer_lock(&q->lock);
    int r = qcow2_pread(q, 0, old, room);
    uint64_t at = q->version >= 3 ? load_be32(old + 100) : 72, to = at;
    if (!r && at > room - 8)
        r = -EINVAL;
    if (!r) {
        memcpy(h, old, at);
        /* Other extensions stay, in front. */
        for (uint64_t e = at; !r && e + 8 <= room && load_be32(old + e);) {
            uint64_t len = 8 + ALIGN_UP((uint64_t)load_be32(old + e + 4), (uint64_t)8);
            if (len > room - e) {
                r = -EINVAL;
            } else if ((load_be32(old + e) & 0x7fffffff) != EXT_BACKING) {
                memcpy(h + to, old + e, len);
                to += len;
            }
            e += len;
        }
        if (!r && !put_backing(h, room, to, name, format))
            r = -ENOSPC;
    }
    if (!r)
        r = qcow2_pwrite(q, 0, h, room);
    if (!r)
        r = n->file->driver->flush(n->file);
    if (!r) {
        char *was = q->backing_name, *was_format = q->backing_format;
        q->backing_name = g_strdup(name);
        q->backing_format = g_strdup(format);
        g_free(was);
        g_free(was_format);
    }
    g_rw_lock_writer_unlock(&q->lock);
    return r;
}

bool qcow2_reopen(BlockNode *n, bool write, GError **error)
{
    if (!block_node_reopen(n->file, write, error))
        return false;
    if (write && !qcow2_begin_writing(qcow(n), error)) {
        g_prefix_error(error, "'%s': ", n->filename);
        block_node_reopen(n->file, false, NULL);
        return false;
    }
    n->read_only = !write;
    return true;
}

/* ---- making ---- */

/*
 * Header, refcount table, one refcount block, L1 table, in this order. The first block counts
 * 16-bit entries for 32768 clusters of 64 KiB: more than these take.
 */
bool block_qcow2_create(const char *filename, const Qcow2Create *how, GError **error)
{
    uint64_t cluster = how->cluster_size ? how->cluster_size : 64 << 10;
    unsigned bits = (unsigned)__builtin_ctzll(cluster);
    uint64_t covers = 1ULL << (2 * bits - 3), n_l1 = (how->size + covers - 1) / covers;
    uint64_t l1_clusters = MAX((n_l1 * 8 + cluster - 1) >> bits, 1), total = 3 + l1_clusters;
    if (cluster < 512 || cluster > 2 << 20 || cluster & (cluster - 1))
        return error_set(error, "Cluster size must be a power of two between 512 and 2048k");
    if (n_l1 > 4 << 20 || total > cluster / 2)
        return error_set(error, "Image is too large for its cluster size");
    g_autofree uint8_t *all = g_malloc0(total << bits);
    memcpy(all, "QFI\xfb", 4);
    store_be32(all + 4, 3);
    store_be32(all + 20, bits);
    store_be64(all + 24, how->size);
    store_be32(all + 36, (uint32_t)n_l1);
    store_be64(all + 40, 3 << bits);
    store_be64(all + 48, 1 << bits);
    store_be32(all + 56, 1);
    store_be32(all + 96, 4); /* counts of 16 bits */
    store_be32(all + 100, HEADER);
    if (!put_backing(all, MIN(cluster, HEAD_ROOM), HEADER, how->backing, how->backing_format))
        return error_set(error, "Backing file name '%s' is too long", how->backing);
    store_be64(all + cluster, 2 * cluster);
    for (uint64_t c = 0; c < total; c++)
        store_be16(all + 2 * cluster + 2 * c, 1);
    BlockOpen open = { .filename = filename };
    if (!block_file_create(filename, 0, error))
        return false;
    BlockNode *file = block_file_open(&open, error);
    if (!file)
        return false;
    struct iovec iov = { all, total << bits };
    int r = file->driver->writev(file, 0, &iov, 1, total << bits);
    if (!r)
        r = file->driver->flush(file);
    block_node_unref(file);
    return !r || error_set_errno(error, -r, "Could not create '%s'", filename);
}
