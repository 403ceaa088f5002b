/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: which clusters of the file are in use, and changes of the mapping.
 *
 * Everything is written through at once, new things before what names them. A program that is killed
 * leaves at worst clusters that nobody uses. New clusters come from the end of the file, or were
 * freed since it was opened.
 */
#include <errno.h>
#include <string.h>

#include "backend/block/qcow2_int.h"
#include "util/bits.h"
#include "util/error.h"

enum { MAX_TABLE = 8 << 20 }; /* bytes of a refcount table: QEMU's limit */

/* ---- reference counts ---- */

static unsigned block_bits(const QcowNode *q)
{
    return q->cluster_bits + 3 - q->refcount_order;
}

bool qcow2_load_refcounts(QcowNode *q, GError **error)
{
    if (!q->n_refcount || q->n_refcount * 8 > MAX_TABLE || !q->refcount_offset ||
        q->refcount_offset & (q->cluster - 1))
        return error_set(error, "its refcount table is damaged");
    q->refcounts = g_new(uint64_t, q->n_refcount);
    int r = qcow2_pread(q, q->refcount_offset, q->refcounts, q->n_refcount * 8);
    if (r)
        return error_set_errno(error, -r, "can't read its refcount table");
    for (uint64_t i = 0; i < q->n_refcount; i++) {
        q->refcounts[i] = GUINT64_FROM_BE(q->refcounts[i]) & ~0x1ffULL;
        if (q->refcounts[i] & (q->cluster - 1))
            return error_set(error, "its refcount table is damaged");
    }
    q->blocks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    q->freed = g_array_new(false, false, sizeof(uint64_t));
    q->free_at = (q->node.file->size + q->cluster - 1) >> q->cluster_bits;
    return true;
}

void qcow2_free_refcounts(QcowNode *q)
{
    g_free(q->refcounts);
    if (q->blocks)
        g_hash_table_unref(q->blocks);
    if (q->freed)
        g_array_unref(q->freed);
}

/* The block that counts cluster c, loaded; *block NULL: there is none yet. */
static int block_of(QcowNode *q, uint64_t c, uint8_t **block)
{
    uint64_t i = c >> block_bits(q);
    *block = NULL;
    if (i >= q->n_refcount || !q->refcounts[i])
        return 0;
    *block = g_hash_table_lookup(q->blocks, &i);
    if (*block)
        return 0;
    uint8_t *b = g_malloc(q->cluster);
    int r = qcow2_pread(q, q->refcounts[i], b, q->cluster);
    if (r) {
        g_free(b);
        return r;
    }
    g_hash_table_insert(q->blocks, g_memdup2(&i, sizeof i), b);
    *block = b;
    return 0;
}

static uint64_t entry_get(const QcowNode *q, const uint8_t *block, uint64_t i)
{
    switch (q->refcount_order) {
    case 3:
        return block[i];
    case 4:
        return block[2 * i] << 8 | block[2 * i + 1];
    case 5:
        return GUINT32_FROM_BE(((const uint32_t *)block)[i]);
    case 6:
        return GUINT64_FROM_BE(((const uint64_t *)block)[i]);
    default: { /* several in a byte, the first in the low bits */
        unsigned bits = 1u << q->refcount_order, per = 8 / bits;
        return block[i / per] >> i % per * bits & ((1u << bits) - 1);
    }
    }
}

static void entry_set(const QcowNode *q, uint8_t *block, uint64_t i, uint64_t v)
{
    switch (q->refcount_order) {
    case 3:
        block[i] = (uint8_t)v;
        break;
    case 4:
        block[2 * i] = (uint8_t)(v >> 8);
        block[2 * i + 1] = (uint8_t)v;
        break;
    case 5:
        ((uint32_t *)block)[i] = GUINT32_TO_BE((uint32_t)v);
        break;
    case 6:
        ((uint64_t *)block)[i] = GUINT64_TO_BE(v);
        break;
    default: {
        unsigned bits = 1u << q->refcount_order, per = 8 / bits;
        unsigned shift = i % per * bits, mask = ((1u << bits) - 1) << shift;
        block[i / per] = (uint8_t)((block[i / per] & ~mask) | (v << shift & mask));
    }
    }
}

static int count_of(QcowNode *q, uint64_t c, uint64_t *count)
{
    uint8_t *block;
    int r = block_of(q, c, &block);
    *count = !r && block ? entry_get(q, block, c & ((1ULL << block_bits(q)) - 1)) : 0;
    return r;
}

/* Of clusters whose blocks are there. */
static int set_count(QcowNode *q, uint64_t c, uint64_t v)
{
    uint8_t *block;
    uint64_t i = c & ((1ULL << block_bits(q)) - 1), at = (i << q->refcount_order >> 3) & ~7ULL;
    int r = block_of(q, c, &block);
    if (r || !block)
        return r ? r : -EIO;
    entry_set(q, block, i, v);
    return qcow2_pwrite(q, q->refcounts[c >> block_bits(q)] + at, block + at, 8);
}

static int ensure_block(QcowNode *q, uint64_t c);

/* A longer table, for block i. */
static int grow_table(QcowNode *q, uint64_t i)
{
    uint64_t per = q->cluster / 8, old = q->refcount_offset, n_old = q->n_refcount / per;
    uint64_t n = MAX(n_old * 2, i / per + 1), at = q->free_at;
    uint8_t head[12];
    if (n * q->cluster > MAX_TABLE)
        return -EFBIG;
    q->free_at += n;
    q->refcounts = g_renew(uint64_t, q->refcounts, n * per);
    memset(q->refcounts + q->n_refcount, 0, (n * per - q->n_refcount) * 8);
    q->n_refcount = n * per;
    g_autofree uint64_t *be = g_new(uint64_t, n * per);
    for (uint64_t k = 0; k < n * per; k++)
        be[k] = GUINT64_TO_BE(q->refcounts[k]);
    int r = qcow2_pwrite(q, at << q->cluster_bits, be, n * q->cluster);
    q->refcount_offset = at << q->cluster_bits;
    store_be64(head, q->refcount_offset);
    store_be32(head + 8, (uint32_t)n);
    if (!r)
        r = qcow2_pwrite(q, 48, head, sizeof head);
    for (uint64_t k = 0; !r && k < n; k++)
        if (!(r = ensure_block(q, at + k)))
            r = set_count(q, at + k, 1);
    for (uint64_t k = 0; !r && k < n_old; k++)
        r = set_count(q, (old >> q->cluster_bits) + k, 0);
    return r;
}

/* The first clusters behind a block's creation may be counted by it, or by one that is new, too. */
static int ensure_block(QcowNode *q, uint64_t c)
{
    uint64_t i = c >> block_bits(q);
    int r = i >= q->n_refcount ? grow_table(q, i) : 0;
    if (r || q->refcounts[i])
        return r;
    uint64_t at = q->free_at++, be;
    uint8_t *zeros = g_malloc0(q->cluster);
    r = qcow2_pwrite(q, at << q->cluster_bits, zeros, q->cluster);
    if (r) {
        g_free(zeros);
        return r;
    }
    g_hash_table_insert(q->blocks, g_memdup2(&i, sizeof i), zeros);
    q->refcounts[i] = at << q->cluster_bits;
    r = ensure_block(q, at);
    if (!r)
        r = set_count(q, at, 1);
    be = GUINT64_TO_BE(q->refcounts[i]);
    return r ? r : qcow2_pwrite(q, q->refcount_offset + i * 8, &be, 8);
}

/* ---- clusters ---- */

/* n free ones in a row at q->free_at, which blocks count. */
static int find_room(QcowNode *q, uint64_t n)
{
    for (uint64_t k = 0; k < n;) {
        uint64_t was = q->free_at, count;
        int r = ensure_block(q, was + k);
        if (!r && q->free_at == was)
            r = count_of(q, was + k, &count);
        if (r)
            return r;
        if (q->free_at != was) {
            k = 0; /* the block itself took a place */
        } else if (count) {
            q->free_at = was + k + 1;
            k = 0;
        } else {
            k++;
        }
    }
    return 0;
}

int qcow2_alloc(QcowNode *q, uint64_t n, uint64_t *offset)
{
    uint64_t c;
    int r = 0;
    if (n == 1 && q->freed->len) {
        c = g_array_index(q->freed, uint64_t, q->freed->len - 1);
        g_array_set_size(q->freed, q->freed->len - 1);
    } else {
        r = find_room(q, n);
        c = q->free_at;
        q->free_at += r ? 0 : n;
    }
    for (uint64_t k = 0; !r && k < n; k++)
        r = set_count(q, c + k, 1);
    *offset = c << q->cluster_bits;
    return r;
}

static int drop(QcowNode *q, uint64_t c)
{
    uint64_t count;
    int r = count_of(q, c, &count);
    if (r || !count) /* a damaged image: nothing that could be given back */
        return r;
    r = set_count(q, c, count - 1);
    if (!r && count == 1)
        g_array_append_val(q->freed, c);
    return r;
}

int qcow2_release(QcowNode *q, uint64_t entry)
{
    if (entry & QCOW_COMPRESSED) {
        unsigned x = 62 - (q->cluster_bits - 8);
        uint64_t at = entry & ((1ULL << x) - 1);
        uint64_t sectors = (entry >> x & ((1ULL << (62 - x)) - 1)) + 1;
        uint64_t last = (at & ~511ULL) + sectors * 512 - 1;
        int r = 0;
        for (uint64_t c = at >> q->cluster_bits; !r && c <= last >> q->cluster_bits; c++)
            r = drop(q, c);
        return r;
    }
    return entry & QCOW_OFFSET ? drop(q, (entry & QCOW_OFFSET) >> q->cluster_bits) : 0;
}

/* ---- the mapping ---- */

static int write_l1(QcowNode *q, uint64_t i)
{
    uint64_t be = GUINT64_TO_BE(q->l1[i]);
    return qcow2_pwrite(q, q->l1_offset + i * 8, &be, 8);
}

static int write_l2(QcowNode *q, uint64_t at, const uint64_t *table, uint64_t first, uint64_t n)
{
    g_autofree uint64_t *be = g_new(uint64_t, n);
    for (uint64_t k = 0; k < n; k++)
        be[k] = GUINT64_TO_BE(table[first + k]);
    return qcow2_pwrite(q, at + first * 8, be, n * 8);
}

int qcow2_l2_own(QcowNode *q, uint64_t guest, uint64_t **table)
{
    uint64_t i = guest >> q->l2_bits, at, old = q->l1[i];
    int r = qcow2_l2(q, guest, table);
    if (r || (*table && old & QCOW_COPIED))
        return r;
    r = qcow2_alloc(q, 1, &at);
    if (r)
        return r;
    uint64_t *new = *table ? *table : g_new0(uint64_t, 1ULL << q->l2_bits);
    r = write_l2(q, at, new, 0, 1ULL << q->l2_bits);
    if (!*table)
        g_hash_table_insert(q->l2, g_memdup2(&i, sizeof i), new);
    *table = new;
    if (r)
        return r;
    q->l1[i] = at | QCOW_COPIED;
    r = write_l1(q, i);
    return r ? r : qcow2_release(q, old & QCOW_OFFSET);
}

int qcow2_set(QcowNode *q, uint64_t *table, uint64_t guest, uint64_t n, uint64_t value,
              uint64_t step)
{
    uint64_t first = guest & ((1ULL << q->l2_bits) - 1);
    for (uint64_t k = 0; k < n; k++)
        table[first + k] = value + k * step;
    return write_l2(q, q->l1[guest >> q->l2_bits] & QCOW_OFFSET, table, first, n);
}

int qcow2_grow_l1(QcowNode *q, uint64_t size)
{
    uint64_t covers = 1ULL << (q->l2_bits + q->cluster_bits), n = (size + covers - 1) / covers;
    if (n > 4 << 20)
        return -EFBIG;
    q->l1 = g_renew(uint64_t, q->l1, MAX(n, 1));
    for (uint64_t i = q->n_l1; i < n; i++)
        q->l1[i] = 0;
    int r = 0;
    if (n > q->l1_size) {
        uint64_t clusters = (n * 8 + q->cluster - 1) >> q->cluster_bits, at, old = q->l1_offset;
        uint64_t n_old = ((uint64_t)q->l1_size * 8 + q->cluster - 1) >> q->cluster_bits;
        uint8_t head[12];
        r = qcow2_alloc(q, clusters, &at);
        g_autofree uint64_t *be = g_new0(uint64_t, clusters << q->cluster_bits >> 3);
        for (uint64_t i = 0; i < n; i++)
            be[i] = GUINT64_TO_BE(q->l1[i]);
        store_be32(head, (uint32_t)n);
        store_be64(head + 4, at);
        if (!r)
            r = qcow2_pwrite(q, at, be, clusters << q->cluster_bits);
        if (!r)
            r = qcow2_pwrite(q, 36, head, sizeof head);
        if (r)
            return r;
        q->l1_offset = at;
        q->l1_size = (uint32_t)n;
        for (uint64_t k = 0; !r && k < n_old; k++)
            r = drop(q, (old >> q->cluster_bits) + k);
    }
    q->n_l1 = (uint32_t)n;
    return r;
}
