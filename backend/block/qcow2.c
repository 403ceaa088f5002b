/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images, versions 2 and 3 (QEMU's docs/interop/qcow2.txt): read and written, with backing
 * files, reference counts of any width, compressed clusters (deflate) to read, and snapshots of the
 * format's own kind, which are kept but neither made nor loaded. Refused: encryption, external data
 * files, extended L2 entries, zstd, and images that were not closed cleanly.
 *
 * Tables are read when they are first needed and kept. Against loss of power, data and tables are
 * in order from one flush of the guest to the next.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/block/qcow2_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/inflate.h"

enum {
    EXT_BACKING_FORMAT = 0xe2792aca & 0x7fffffff, /* without its top bit: enums are int */
    CHAIN_MAX = 64, L1_MAX = 4 << 20,
};
enum { INCOMPATIBLE_DIRTY = 1, INCOMPATIBLE_CORRUPT = 2, INCOMPATIBLE_COMPRESSION = 8 };

static QcowNode *qcow(BlockNode *n)
{
    return (QcowNode *)n;
}

int qcow2_pread(QcowNode *q, uint64_t at, void *buf, uint64_t len)
{
    struct iovec iov = { buf, len };
    return at > INT64_MAX - len ? -EIO : q->node.file->driver->readv(q->node.file, at, &iov, 1, len);
}

int qcow2_pwrite(QcowNode *q, uint64_t at, const void *buf, uint64_t len)
{
    struct iovec iov = { (void *)buf, len };
    return at > INT64_MAX - len ? -EIO : q->node.file->driver->writev(q->node.file, at, &iov, 1, len);
}

/* ---- where things are ---- */

int qcow2_l2(QcowNode *q, uint64_t guest, uint64_t **table)
{
    uint64_t i = guest >> q->l2_bits, at = q->l1[i] & QCOW_OFFSET, n = 1ULL << q->l2_bits;
    *table = NULL;
    if (!at)
        return 0;
    if (at & (q->cluster - 1))
        return -EIO;
    int r = 0;
    g_mutex_lock(&q->l2_lock);
    *table = g_hash_table_lookup(q->l2, &i);
    if (!*table) {
        uint64_t *t = g_malloc(n * 8);
        r = qcow2_pread(q, at, t, n * 8);
        for (uint64_t k = 0; k < n; k++)
            t[k] = GUINT64_FROM_BE(t[k]);
        if (r) {
            g_free(t);
        } else {
            g_hash_table_insert(q->l2, g_memdup2(&i, sizeof i), t);
            *table = t;
        }
    }
    g_mutex_unlock(&q->l2_lock);
    return r;
}

QcowKind qcow2_kind(const QcowNode *q, uint64_t entry)
{
    if (entry & QCOW_COMPRESSED)
        return QCOW_DEFLATED;
    if (q->version >= 3 && entry & QCOW_ZERO)
        return QCOW_ZEROS;
    return entry & QCOW_OFFSET ? QCOW_DATA : QCOW_ABSENT;
}

/* Of the cluster at a guest offset. */
int qcow2_entry(QcowNode *q, uint64_t offset, uint64_t *entry)
{
    uint64_t guest = offset >> q->cluster_bits, *table;
    int r = qcow2_l2(q, guest, &table);
    *entry = !r && table ? table[guest & ((1ULL << q->l2_bits) - 1)] : 0;
    if (!r && qcow2_kind(q, *entry) == QCOW_DATA && *entry & QCOW_OFFSET & (q->cluster - 1))
        return -EIO;
    return r;
}

/* How many bytes from offset on, up to len, are of one kind and, if QCOW_DATA, in a row. */
static int run_at(QcowNode *q, uint64_t offset, uint64_t len, uint64_t *entry, uint64_t *run)
{
    uint64_t next, in = offset & (q->cluster - 1);
    int r = qcow2_entry(q, offset, entry);
    *run = MIN(len, q->cluster - in);
    QcowKind kind = qcow2_kind(q, *entry);
    while (!r && *run < len && kind != QCOW_DEFLATED) {
        r = qcow2_entry(q, offset + *run, &next);
        bool same = qcow2_kind(q, next) == kind && ((next ^ *entry) & QCOW_COPIED) == 0 &&
                    (kind != QCOW_DATA || (next & QCOW_OFFSET) == (*entry & QCOW_OFFSET) + in + *run);
        if (r || !same)
            break;
        *run += MIN(len - *run, q->cluster);
    }
    return r;
}

/* ---- vectors ---- */

static int slice(const struct iovec *iov, int n_iov, uint64_t skip, uint64_t len, struct iovec *out)
{
    int n = 0;
    for (int i = 0; i < n_iov && len; i++) {
        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        out[n].iov_base = (char *)iov[i].iov_base + skip;
        out[n].iov_len = MIN(len, iov[i].iov_len - skip);
        len -= out[n++].iov_len;
        skip = 0;
    }
    return n;
}

static void zero(const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++)
        memset(iov[i].iov_base, 0, iov[i].iov_len);
}

static void scatter(const struct iovec *iov, int n, const uint8_t *from)
{
    for (int i = 0; i < n; i++) {
        memcpy(iov[i].iov_base, from, iov[i].iov_len);
        from += iov[i].iov_len;
    }
}

/* ---- reading ---- */

/* A whole compressed cluster, as raw deflate makes it. */
static int inflate_cluster(QcowNode *q, uint64_t entry, uint8_t *to)
{
    unsigned x = 62 - (q->cluster_bits - 8);
    uint64_t at = entry & ((1ULL << x) - 1);
    uint64_t sectors = (entry >> x & ((1ULL << (62 - x)) - 1)) + 1, len = sectors * 512 - (at & 511);
    g_autofree uint8_t *from = g_malloc(len);
    int r = qcow2_pread(q, at, from, len);
    return r ? r : inflate_raw(from, len, to, q->cluster) ? 0 : -EIO;
}

static int read_backing(QcowNode *q, uint64_t offset, const struct iovec *iov, int n_iov,
                        uint64_t len)
{
    uint64_t have = q->node.backing && offset < q->node.backing->size ? MIN(len, q->node.backing->size - offset) : 0;
    g_autofree struct iovec *part = g_new(struct iovec, n_iov);
    int n = slice(iov, n_iov, have, len - have, part);
    zero(part, n);
    if (!have)
        return 0;
    n = slice(iov, n_iov, 0, have, part);
    return q->node.backing->driver->readv(q->node.backing, offset, part, n, have);
}

static int read_run(QcowNode *q, uint64_t offset, const struct iovec *iov, int n, uint64_t len,
                    uint64_t entry)
{
    uint64_t in = offset & (q->cluster - 1);
    g_autofree uint8_t *buf = NULL;
    int r;
    switch (qcow2_kind(q, entry)) {
    case QCOW_ABSENT:
        return read_backing(q, offset, iov, n, len);
    case QCOW_ZEROS:
        zero(iov, n);
        return 0;
    case QCOW_DATA:
        return q->node.file->driver->readv(q->node.file, (entry & QCOW_OFFSET) + in, iov, n, len);
    case QCOW_DEFLATED:
        break;
    }
    buf = g_malloc(q->cluster);
    r = inflate_cluster(q, entry, buf);
    if (!r)
        scatter(iov, n, buf + in);
    return r;
}

/* Lock held, in either way. */
static int read_all(QcowNode *q, uint64_t offset, const struct iovec *iov, int n_iov, uint64_t len)
{
    g_autofree struct iovec *part = g_new(struct iovec, n_iov);
    int r = 0;
    for (uint64_t done = 0, run; !r && done < len; done += run) {
        uint64_t entry;
        r = run_at(q, offset + done, len - done, &entry, &run);
        if (!r)
            r = read_run(q, offset + done, part, slice(iov, n_iov, done, run, part), run, entry);
    }
    return r;
}

static int qcow2_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                       uint64_t len)
{
    QcowNode *q = qcow(n);
    g_rw_lock_reader_lock(&q->lock);
    int r = read_all(q, offset, iov, n_iov, len);
    g_rw_lock_reader_unlock(&q->lock);
    return r;
}

/* ---- writing ---- */

static bool in_place(const QcowNode *q, uint64_t entry)
{
    return qcow2_kind(q, entry) == QCOW_DATA && entry & QCOW_COPIED;
}

/* Part of a cluster that has no place of its own: all of it gets one. Lock held alone. */
int qcow2_write_part(QcowNode *q, uint64_t offset, const struct iovec *iov, int n, uint64_t len)
{
    uint64_t in = offset & (q->cluster - 1), start = offset - in, entry, at, *table;
    g_autofree uint8_t *buf = g_malloc(q->cluster);
    struct iovec whole = { buf, q->cluster };
    int r = qcow2_entry(q, offset, &entry);
    if (!r)
        r = read_run(q, start, &whole, 1, q->cluster, entry);
    uint8_t *to = buf + in;
    for (int i = 0; i < n; i++) {
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
    if (!r)
        r = qcow2_l2_own(q, start >> q->cluster_bits, &table);
    if (!r)
        r = qcow2_alloc(q, 1, &at);
    if (!r)
        r = qcow2_pwrite(q, at, buf, q->cluster);
    if (!r)
        r = qcow2_set(q, table, start >> q->cluster_bits, 1, at | QCOW_COPIED, 0);
    return r ? r : qcow2_release(q, entry);
}

/* Whole clusters from offset on, all in one L2 table. Lock held alone. */
static int write_whole(QcowNode *q, uint64_t offset, const struct iovec *iov, int n, uint64_t len)
{
    uint64_t first = offset >> q->cluster_bits, count = len >> q->cluster_bits, at, *table;
    int r = qcow2_l2_own(q, first, &table);
    if (!r)
        r = qcow2_alloc(q, count, &at);
    if (!r)
        r = q->node.file->driver->writev(q->node.file, at, iov, n, len);
    if (r)
        return r;
    g_autofree uint64_t *old = g_memdup2(table + (first & ((1ULL << q->l2_bits) - 1)), count * 8);
    r = qcow2_set(q, table, first, count, at | QCOW_COPIED, q->cluster);
    for (uint64_t i = 0; !r && i < count; i++)
        r = qcow2_release(q, old[i]);
    return r;
}

/* One step of a write that changes the mapping; how far it came. Lock held alone. */
static int write_step(QcowNode *q, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t done, uint64_t len, struct iovec *part, uint64_t *step)
{
    uint64_t at = offset + done, left = len - done, in = at & (q->cluster - 1), entry;
    uint64_t table_end = ((at >> q->cluster_bits >> q->l2_bits) + 1) << q->l2_bits << q->cluster_bits;
    int r = run_at(q, at, left, &entry, step);
    if (r)
        return r;
    if (in_place(q, entry)) {
        int n = slice(iov, n_iov, done, *step, part);
        return q->node.file->driver->writev(q->node.file, (entry & QCOW_OFFSET) + in, part, n, *step);
    }
    if (in || left < q->cluster) {
        *step = MIN(left, q->cluster - in);
        return qcow2_write_part(q, at, part, slice(iov, n_iov, done, *step, part), *step);
    }
    *step = MIN(MIN(*step, table_end - at) & ~(q->cluster - 1), 2 << 20);
    /* What was freed comes in single clusters. */
    *step = q->freed->len ? q->cluster : MAX(*step, q->cluster);
    return write_whole(q, at, part, slice(iov, n_iov, done, *step, part), *step);
}

static int qcow2_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                        uint64_t len)
{
    QcowNode *q = qcow(n);
    g_autofree struct iovec *part = g_new(struct iovec, n_iov);
    uint64_t done = 0, step, entry;
    int r = 0;
    g_rw_lock_reader_lock(&q->lock);
    for (; !r && done < len; done += step) {
        r = run_at(q, offset + done, len - done, &entry, &step);
        if (r || !in_place(q, entry))
            break;
        uint64_t at = (entry & QCOW_OFFSET) + ((offset + done) & (q->cluster - 1));
        r = q->node.file->driver->writev(q->node.file, at, part, slice(iov, n_iov, done, step, part), step);
    }
    g_rw_lock_reader_unlock(&q->lock);
    if (r || done >= len)
        return r;
    g_rw_lock_writer_lock(&q->lock);
    for (; !r && done < len; done += step)
        r = write_step(q, offset, iov, n_iov, done, len, part, &step);
    g_rw_lock_writer_unlock(&q->lock);
    return r;
}

static int qcow2_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                        int n_iov, uint64_t len)
{
    QcowNode *q = qcow(n);
    uint64_t entry, run;
    if (!len || !q->node.file->driver->try_rw || !g_rw_lock_reader_trylock(&q->lock))
        return -EAGAIN;
    int r = run_at(q, offset, len, &entry, &run);
    bool can = !r && run == len && (write ? in_place(q, entry) : qcow2_kind(q, entry) == QCOW_DATA);
    r = can ? q->node.file->driver->try_rw(q->node.file, write,
                                      (entry & QCOW_OFFSET) + (offset & (q->cluster - 1)), iov,
                                      n_iov, len)
            : -EAGAIN;
    g_rw_lock_reader_unlock(&q->lock);
    return r;
}

static int qcow2_flush(BlockNode *n)
{
    return n->file->driver->flush(n->file);
}

/* ---- zeros ---- */

/* Now, or when it is opened the next time: a job opens its target without what is below. */
static bool may_show_backing(const QcowNode *q)
{
    return q->node.backing || q->backing_name;
}

/* The cluster at offset reads as zeros from now on, and has no place in the file. */
static int unmap(QcowNode *q, uint64_t offset)
{
    uint64_t guest = offset >> q->cluster_bits, entry, *table;
    uint64_t wanted = q->version >= 3 ? QCOW_ZERO : 0;
    int r = qcow2_entry(q, offset, &entry);
    if (r || entry == wanted || (qcow2_kind(q, entry) == QCOW_ABSENT && !may_show_backing(q)))
        return r;
    r = qcow2_l2_own(q, guest, &table);
    if (!r)
        r = qcow2_set(q, table, guest, 1, wanted, 0);
    if (!r)
        r = qcow2_release(q, entry);
    if (!r && in_place(q, entry))
        q->node.file->driver->discard(q->node.file, entry & QCOW_OFFSET, q->cluster);
    return r;
}

static int write_zero_bytes(BlockNode *n, uint64_t offset, uint64_t len)
{
    static const uint8_t zeros[64 << 10];
    int r = 0;
    for (uint64_t done = 0, step; !r && done < len; done += step) {
        step = MIN(len - done, sizeof zeros);
        struct iovec iov = { (void *)zeros, step };
        r = qcow2_writev(n, offset + done, &iov, 1, step);
    }
    return r;
}

/* Whole clusters by the mapping, the rest by zeros (nothing, for a discard). */
static int zero_range(BlockNode *n, uint64_t offset, uint64_t len, bool bytes_too)
{
    QcowNode *q = qcow(n);
    uint64_t start = ALIGN_UP(offset, q->cluster), end = (offset + len) & ~(q->cluster - 1);
    int r = 0;
    if (offset + len == n->size) /* the last cluster may be cut off by the end */
        end = ALIGN_UP(offset + len, q->cluster);
    if (start >= end || (q->version < 3 && may_show_backing(q)))
        return bytes_too ? write_zero_bytes(n, offset, len) : 0;
    if (bytes_too && offset < start)
        r = write_zero_bytes(n, offset, start - offset);
    g_rw_lock_writer_lock(&q->lock);
    for (uint64_t at = start; !r && at < end; at += q->cluster)
        r = unmap(q, at);
    g_rw_lock_writer_unlock(&q->lock);
    if (!r && bytes_too && end < offset + len)
        r = write_zero_bytes(n, end, offset + len - end);
    return r;
}

static int qcow2_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    return zero_range(n, offset, len, false);
}

static int qcow2_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    return zero_range(n, offset, len, true);
}

/* ---- size ---- */

static int qcow2_resize(BlockNode *n, uint64_t size)
{
    QcowNode *q = qcow(n);
    uint8_t be[8];
    if (size < n->size || q->has_snapshots)
        return -ENOTSUP;
    g_rw_lock_writer_lock(&q->lock);
    int r = qcow2_grow_l1(q, size);
    store_be64(be, size);
    if (!r)
        r = qcow2_pwrite(q, 24, be, 8);
    if (!r)
        n->size = size;
    g_rw_lock_writer_unlock(&q->lock);
    return r;
}

static void qcow2_close(BlockNode *n)
{
    QcowNode *q = qcow(n);
    block_node_unref(n->file);
    block_node_unref(n->backing);
    qcow2_free_refcounts(q);
    if (q->l2)
        g_hash_table_unref(q->l2);
    g_free(q->l1);
    g_free(q->backing_name);
    g_free(q->backing_format);
    g_rw_lock_clear(&q->lock);
    g_mutex_clear(&q->l2_lock);
    g_free(q);
}

static bool qcow2_activate(BlockNode *n, GError **error);

static const BlockDriver qcow2_driver = {
    .name = "qcow2", .readv = qcow2_readv, .writev = qcow2_writev, .flush = qcow2_flush,
    .discard = qcow2_discard, .write_zeroes = qcow2_write_zeroes, .resize = qcow2_resize,
    .try_rw = qcow2_try_rw, .status = qcow2_status, .reopen = qcow2_reopen,
    .close = qcow2_close, .activate = qcow2_activate,
};

bool block_node_is_qcow2(const BlockNode *n)
{
    return n && n->driver == &qcow2_driver;
}

const char *block_qcow2_backing(const BlockNode *n)
{
    return block_node_is_qcow2(n) ? ((const QcowNode *)n)->backing_name : NULL;
}

/* ---- opening ---- */

/* What the header says, checked. */
static bool read_header(QcowNode *q, GError **error)
{
    uint8_t h[112] = { 0 };
    int r = qcow2_pread(q, 0, h, sizeof h);
    if (r)
        return error_set_errno(error, -r, "can't read its header");
    q->version = load_be32(h + 4);
    if (memcmp(h, "QFI\xfb", 4) || q->version < 2 || q->version > 3)
        return error_set(error, "it is no qcow2 image of version 2 or 3");
    uint64_t size = load_be64(h + 24), features = q->version >= 3 ? load_be64(h + 72) : 0;
    q->cluster_bits = load_be32(h + 20);
    q->l1_size = load_be32(h + 36);
    q->l1_offset = load_be64(h + 40);
    q->refcount_offset = load_be64(h + 48);
    q->refcount_order = q->version >= 3 ? load_be32(h + 96) : 4;
    q->has_snapshots = load_be32(h + 60);
    if (load_be32(h + 32))
        return error_set(error, "it is encrypted, which is not supported");
    if (features & ~7ULL & ~(uint64_t)INCOMPATIBLE_COMPRESSION)
        return error_set(error, "it has features (0x%" PRIx64 ") that are not supported: external data, "
                         "extended L2 entries or newer", features);
    if (features & 4)
        return error_set(error, "it has an external data file, which is not supported");
    if (features & INCOMPATIBLE_COMPRESSION)
        return error_set(error, "it is compressed with zstd, which is not supported");
    q->unclean = features;
    q->lazy_refcounts = q->version >= 3 && load_be64(h + 80) & 1;
    if (q->cluster_bits < 9 || q->cluster_bits > 21 || q->refcount_order > 6 || size > INT64_MAX / 2)
        return error_set(error, "its header is damaged");
    q->cluster = 1ULL << q->cluster_bits;
    q->l2_bits = q->cluster_bits - 3;
    q->n_refcount = ((uint64_t)load_be32(h + 56) << q->cluster_bits) / 8;
    uint64_t covers = 1ULL << (q->l2_bits + q->cluster_bits), n_l1 = (size + covers - 1) / covers;
    if (n_l1 > L1_MAX || n_l1 > q->l1_size || q->l1_offset & (q->cluster - 1))
        return error_set(error, "its L1 table is damaged or too large");
    q->n_l1 = (uint32_t)n_l1;
    q->node.size = ALIGN_UP(size, BLOCK_SECTOR);
    return true;
}

/* backing file and its format, where the header's extensions name one. */
static bool read_backing_name(QcowNode *q, GError **error)
{
    uint8_t h[112], ext[8];
    char **format = &q->backing_format;
    if (qcow2_pread(q, 0, h, sizeof h))
        return error_set(error, "can't read its header");
    uint64_t at = load_be64(h + 8), len = load_be32(h + 16);
    if (!at)
        return true;
    if (!len || len > 1023 || at > q->cluster - len)
        return error_set(error, "the name of its backing file is damaged");
    q->backing_name = g_malloc0(len + 1);
    if (qcow2_pread(q, at, q->backing_name, len))
        return error_set(error, "can't read the name of its backing file");
    uint64_t e = q->version >= 3 ? load_be32(h + 100) : 72;
    for (int n = 0; n < 32 && e + 8 <= at && !qcow2_pread(q, e, ext, 8); n++) {
        uint32_t type = load_be32(ext), size = load_be32(ext + 4);
        if (!type || size > q->cluster)
            break;
        if ((type & 0x7fffffff) == EXT_BACKING_FORMAT && size < 32) {
            g_free(*format);
            *format = g_malloc0(size + 1);
            if (qcow2_pread(q, e + 8, *format, size))
                **format = 0;
        }
        e += 8 + ALIGN_UP((uint64_t)size, 8ULL);
    }
    return true;
}

static bool open_backing(QcowNode *q, const char *filename, unsigned depth, GError **error)
{
    const char *format = q->backing_format;
    if (!q->backing_name)
        return true;
    const char *name = q->backing_name + (g_str_has_prefix(q->backing_name, "file:") ? 5 : 0);
    if (g_str_has_prefix(name, "json:") || strstr(name, "://"))
        return error_set(error, "its backing file '%s' is not a plain file", name);
    g_autofree char *dir = g_path_get_dirname(filename);
    bool as_is = g_path_is_absolute(name) || !strcmp(dir, ".");
    g_autofree char *path = as_is ? g_strdup(name) : g_build_filename(dir, name, NULL);
    if (depth >= CHAIN_MAX)
        return error_set(error, "its chain of backing files is longer than %d", CHAIN_MAX);
    BlockOpen how = { .filename = path, .read_only = true };
    uint8_t head[BLOCK_SECTOR] = { 0 };
    BlockNode *file = block_file_open(&how, error);
    if (!file)
        return false;
    int r = block_node_read(file, 0, head, sizeof head);
    const char *found = r ? NULL : block_probe_format(head, sizeof head);
    const char *is = format && *format ? format : found ? found : "raw";
    if (!strcmp(is, "qcow2")) {
        block_node_register(file, NULL, path, "file");
        q->node.backing = block_qcow2_open(file, path, depth + 1, NULL, error);
    } else if (!strcmp(is, "raw") || !strcmp(is, "file")) {
        q->node.backing = file;
    } else {
        error_set(error, "its backing file '%s' is a %s image, which is not supported", path, is);
        block_node_unref(file);
    }
    if (q->node.backing)
        block_node_register(q->node.backing, NULL, path, strcmp(is, "qcow2") ? "raw" : "qcow2");
    return q->node.backing;
}

static bool read_l1(QcowNode *q, GError **error)
{
    q->l1 = g_new0(uint64_t, MAX(q->n_l1, 1));
    int r = q->n_l1 ? qcow2_pread(q, q->l1_offset, q->l1, (uint64_t)q->n_l1 * 8) : 0;
    for (uint32_t i = 0; i < q->n_l1; i++)
        q->l1[i] = GUINT64_FROM_BE(q->l1[i]);
    return !r || error_set_errno(error, -r, "can't read its L1 table");
}

/* What others keep about the image (bitmaps) is void once it is written: they ask to be told. */
static bool clear_autoclear(QcowNode *q, GError **error)
{
    static const uint8_t zeros[8];
    int r = q->version >= 3 ? qcow2_pwrite(q, 88, zeros, 8) : 0;
    return !r || error_set_errno(error, -r, "can't write its header");
}

bool qcow2_begin_writing(QcowNode *q, GError **error)
{
    if (block_inactive)
        return true;
    if (q->unclean)
        return error_set(error, "it was not closed cleanly or is corrupt; repair it with qemu-img "
                         "check -r all, or add readonly=on");
    return (q->refcounts || qcow2_load_refcounts(q, error)) && clear_autoclear(q, error);
}

static bool qcow2_activate(BlockNode *n, GError **error)
{
    QcowNode *q = qcow(n);
    g_clear_pointer(&q->l1, g_free);
    g_hash_table_remove_all(q->l2);
    qcow2_free_refcounts(q);
    if (read_header(q, error) && read_l1(q, error) &&
        (n->read_only || qcow2_begin_writing(q, error)))
        return true;
    g_prefix_error(error, "'%s': ", n->filename ? n->filename : "image");
    return false;
}

BlockNode *block_qcow2_open(BlockNode *file, const char *filename, unsigned depth,
                            BlockNode *const *backing, GError **error)
{
    QcowNode *q = g_new0(QcowNode, 1);
    q->node.driver = &qcow2_driver;
    q->node.refs = 1;
    q->node.read_only = file->read_only;
    q->node.file = file;
    g_rw_lock_init(&q->lock);
    g_mutex_init(&q->l2_lock);
    q->l2 = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    if (backing)
        q->node.backing = block_node_ref(*backing);
    if (read_header(q, error) && read_l1(q, error) && read_backing_name(q, error) &&
        (backing || open_backing(q, filename, depth, error)) &&
        (q->node.read_only || qcow2_begin_writing(q, error)))
        return &q->node;
    g_prefix_error(error, "'%s': ", filename);
    qcow2_close(&q->node);
    return NULL;
}
