/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -blockdev driver=raw,file=NODE: an image without a format, whose bytes are the node's. */
#include <errno.h>

#include "backend/block/block_int.h"

static int raw_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                     uint64_t len)
{
    return n->file->driver->readv(n->file, offset, iov, n_iov, len);
}

static int raw_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t len)
{
    return n->file->driver->writev(n->file, offset, iov, n_iov, len);
}

static int raw_flush(BlockNode *n)
{
    return n->file->driver->flush(n->file);
}

static int raw_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    return n->file->driver->discard(n->file, offset, len);
}

static int raw_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    return n->file->driver->write_zeroes(n->file, offset, len, may_unmap);
}

static int raw_resize(BlockNode *n, uint64_t size)
{
    int r = n->file->driver->resize(n->file, size);
    n->size = n->file->size;
    return r;
}

static int raw_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                      int n_iov, uint64_t len)
{
    return n->file->driver->try_rw
               ? n->file->driver->try_rw(n->file, write, offset, iov, n_iov, len) : -EAGAIN;
}

static int raw_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s)
{
    return block_node_status(n->file, offset, run, s);
}

static bool raw_activate(BlockNode *n, GError **error)
{
    n->size = n->file->size;
    return true;
}

static void raw_close(BlockNode *n)
{
    block_node_unref(n->file);
    g_free(n);
}

static const BlockDriver raw_driver = {
    .name = "raw", .readv = raw_readv, .writev = raw_writev, .flush = raw_flush,
    .discard = raw_discard, .write_zeroes = raw_write_zeroes, .resize = raw_resize,
    .try_rw = raw_try_rw, .status = raw_status, .close = raw_close,
    .activate = raw_activate,
};

BlockNode *block_raw_open(BlockNode *file)
{
    BlockNode *n = g_new0(BlockNode, 1);
    *n = (BlockNode){ .driver = &raw_driver, .refs = 1, .size = file->size,
                      .read_only = file->read_only, .file = file };
    return n;
}
