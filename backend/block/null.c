/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null-co: a disk without a medium behind it, to measure everything else. Writes vanish; reads
 * leave the buffer as it is, or give zeros with read-zeroes=on.
 */
#include <string.h>

#include "backend/block/block_int.h"

typedef struct NullNode {
    BlockNode node;
    bool read_zeroes;
} NullNode;

static int null_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t len)
{
    if (((NullNode *)n)->read_zeroes)
        for (int i = 0; i < n_iov; i++)
            memset(iov[i].iov_base, 0, iov[i].iov_len);
    return 0;
}

static int null_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                       uint64_t len)
{
    return 0;
}

static int null_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                       int n_iov, uint64_t len)
{
    return write ? 0 : null_readv(n, offset, iov, n_iov, len);
}

static int null_flush(BlockNode *n)
{
    return 0;
}

static int null_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    return 0;
}

static int null_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    return 0;
}

static int null_resize(BlockNode *n, uint64_t size)
{
    n->size = size;
    return 0;
}

static void null_close(BlockNode *n)
{
    g_free(n);
}

static const BlockDriver null_driver = {
    .name = "null-co", .readv = null_readv, .writev = null_writev, .flush = null_flush,
    .discard = null_discard, .write_zeroes = null_write_zeroes, .resize = null_resize,
    .try_rw = null_try_rw, .close = null_close,
};

BlockNode *block_null_open(uint64_t size, bool read_zeroes)
{
    NullNode *n = g_new0(NullNode, 1);
    n->node = (BlockNode){ .driver = &null_driver, .refs = 1, .size = size };
    n->read_zeroes = read_zeroes;
    return &n->node;
}
