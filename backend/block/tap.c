/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a job learns of writes: a layer at the root of a disk, and a map of its chunks. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/block/job_int.h"
#include "util/bits.h"

/* ---- map ---- */

static size_t map_bytes(const ChunkMap *m)
{
    return ALIGN_UP(m->chunks / 8 + 8, (uint64_t)4096);
}

bool chunk_map_init(ChunkMap *m, uint64_t size, uint64_t chunk, bool set)
{
    m->size = size;
    m->chunk = chunk;
    m->chunks = (size + chunk - 1) / chunk;
    void *p = mmap(NULL, map_bytes(m), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    m->bits = p == MAP_FAILED ? NULL : p;
    for (uint64_t c = 0; m->bits && set && c < m->chunks; c++)
        m->bits[c / 64] |= BIT(c % 64);
    m->n = set ? m->chunks : 0;
    return m->bits;
}

void chunk_map_free(ChunkMap *m)
{
    if (m->bits)
        munmap((void *)m->bits, map_bytes(m));
    m->bits = NULL;
}

bool chunk_map_get(const ChunkMap *m, uint64_t c)
{
    return m->bits[c / 64] >> c % 64 & 1;
}

bool chunk_map_set(ChunkMap *m, uint64_t c)
{
    bool was = atomic_fetch_or(&m->bits[c / 64], BIT(c % 64)) >> c % 64 & 1;
    m->n += !was;
    return was;
}

bool chunk_map_clear(ChunkMap *m, uint64_t c)
{
    bool was = atomic_fetch_and(&m->bits[c / 64], ~BIT(c % 64)) >> c % 64 & 1;
    m->n -= was;
    return was;
}

void chunk_map_mark(ChunkMap *m, uint64_t offset, uint64_t len)
{
    uint64_t end = MIN(offset + len, m->size);
    for (uint64_t c = offset / m->chunk; c * m->chunk < end; c++)
        if (!chunk_map_get(m, c))
            chunk_map_set(m, c);
}

uint64_t chunk_map_next(const ChunkMap *m, uint64_t c)
{
    while (c < m->chunks) {
        uint64_t word = m->bits[c / 64] >> c % 64;
        if (word)
            return c + (unsigned)__builtin_ctzll(word);
        c = (c / 64 + 1) * 64;
    }
    return m->chunks;
}

/* ---- layer ---- */

static BlockTap *tap(BlockNode *n)
{
    return (BlockTap *)n;
}

static void before(BlockNode *n, uint64_t offset, uint64_t len)
{
    if (tap(n)->before)
        tap(n)->before(tap(n)->opaque, offset, len);
}

static void after(BlockNode *n, uint64_t offset, uint64_t len)
{
    if (tap(n)->after)
        tap(n)->after(tap(n)->opaque, offset, len);
}

static int tap_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                     uint64_t len)
{
    return n->file->driver->readv(n->file, offset, iov, n_iov, len);
}

/* Where a write fails it may have been done in part. */
static int tap_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t len)
{
    before(n, offset, len);
    int r = n->file->driver->writev(n->file, offset, iov, n_iov, len);
    after(n, offset, len);
    return r;
}

static int tap_flush(BlockNode *n)
{
    return n->file->driver->flush(n->file);
}

static int tap_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    before(n, offset, len);
    int r = n->file->driver->discard(n->file, offset, len);
    after(n, offset, len);
    return r;
}

static int tap_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    before(n, offset, len);
    int r = n->file->driver->write_zeroes(n->file, offset, len, may_unmap);
    after(n, offset, len);
    return r;
}

static int tap_resize(BlockNode *n, uint64_t size)
{
    return -EBUSY;
}

static int tap_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                      int n_iov, uint64_t len)
{
    if (write || !n->file->driver->try_rw)
        return -EAGAIN;
    return n->file->driver->try_rw(n->file, false, offset, iov, n_iov, len);
}

static void tap_close(BlockNode *n)
{
    block_node_unref(n->file);
    g_free(n);
}

static const BlockDriver tap_driver = {
    .name = "tap", .readv = tap_readv, .writev = tap_writev, .flush = tap_flush,
    .discard = tap_discard, .write_zeroes = tap_write_zeroes, .resize = tap_resize,
    .try_rw = tap_try_rw, .close = tap_close, .layer = true,
};

BlockTap *block_tap_insert(BlockNode *root)
{
    BlockTap *t = g_new0(BlockTap, 1);
    t->node = (BlockNode){ .driver = &tap_driver, .refs = 1, .size = root->size,
                           .read_only = root->read_only, .file = block_node_ref(root) };
    block_roots_replace(root, &t->node);
    return t;
}

void block_tap_remove(BlockTap *t)
{
    block_roots_replace(&t->node, t->node.file);
    block_node_unref(&t->node);
}
