/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random operations on a disk, and the same on a model in memory. */
#ifndef TESTS_UNIT_BLOCK_OPS_H
#define TESTS_UNIT_BLOCK_OPS_H

#include <glib/gstdio.h>
#include <string.h>

#include "backend/block.h"

static char *dir;

static char *image_new(const char *name, const void *data, size_t len)
{
    char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, data, len, NULL));
    return path;
}

static BlockBackend *drive(const char *fmt, const char *path)
{
    g_autofree char *text = g_strdup_printf(fmt, path);
    g_autoptr(GError) error = NULL;
    BlockBackend *b = drive_new(text, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(b);
    return b;
}

enum { MODEL_SIZE = 1 << 20, MAX_BURST = 20 };

typedef struct Op {
    BlockOp op;
    uint64_t offset, len;
    uint8_t *buf;
    struct iovec iov[5];
    int n_iov, ret;
    bool done;
} Op;

static void op_done(void *opaque, int ret)
{
    Op *o = opaque;
    g_assert_false(o->done);
    o->done = true;
    o->ret = ret;
}

static void split(Op *o, GRand *r)
{
    uint64_t at = 0;
    o->n_iov = 0;
    while (at < o->len && o->n_iov < 4) {
        uint64_t n = o->n_iov == 3 ? o->len - at
                                   : (uint64_t)g_rand_int_range(r, 0, o->len - at + 1);
        o->iov[o->n_iov++] = (struct iovec){ o->buf + at, n };
        at += n;
    }
    if (at < o->len)
        o->iov[o->n_iov++] = (struct iovec){ o->buf + at, o->len - at };
}

/* Disjoint ranges, so that the model doesn't depend on the order within a burst. */
static void burst(BlockBackend *b, uint8_t *model, uint64_t size, GRand *r, bool discard)
{
    Op ops[MAX_BURST] = { 0 };
    int n = g_rand_int_range(r, 1, MAX_BURST + 1);
    uint64_t slice = size / n / 512 * 512;
    bool batch = g_rand_boolean(r), follow = g_rand_boolean(r);
    if (batch)
        block_batch_begin();
    for (int i = 0; i < n; i++) {
        Op *o = &ops[i];
        uint64_t sectors = slice / 512, skip = g_rand_int_range(r, 0, MIN(sectors, 32));
        static const BlockOp kinds[] = { BLOCK_READ, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE,
                                         BLOCK_WRITE_ZEROES, BLOCK_DISCARD, BLOCK_FLUSH };
        o->op = follow ? kinds[n % 4] : kinds[g_rand_int_range(r, 0, G_N_ELEMENTS(kinds))];
        if (follow)
            skip = 0;
        o->offset = i * slice + skip * 512;
        o->len = follow ? slice
                        : (uint64_t)g_rand_int_range(r, 0, MIN(sectors - skip, 64) + 1) * 512;
        o->buf = g_malloc0(o->len + 1);
        if (o->op == BLOCK_WRITE) {
            memset(o->buf, g_rand_int_range(r, 0, 3) ? g_rand_int(r) : 0, o->len);
            memcpy(model + o->offset, o->buf, o->len);
        } else if (o->op == BLOCK_WRITE_ZEROES || (o->op == BLOCK_DISCARD && discard)) {
            memset(model + o->offset, 0, o->len);
        }
        split(o, r);
        block_submit(b, o->op, o->offset, o->iov, o->n_iov, o->len, op_done, o);
        g_assert_false(o->done);
    }
    if (batch)
        block_batch_end();
    block_drain(b);
    for (int i = 0; i < n; i++) {
        g_assert_true(ops[i].done);
        g_assert_cmpint(ops[i].ret, ==, 0);
        if (ops[i].op == BLOCK_READ)
            g_assert_cmpmem(ops[i].buf, ops[i].len, model + ops[i].offset, ops[i].len);
        g_free(ops[i].buf);
    }
}

static void compare(BlockBackend *b, const uint8_t *model, uint64_t size)
{
    g_autofree uint8_t *buf = g_malloc(size);
    g_assert_cmpint(block_read_sync(b, 0, buf, size), ==, 0);
    g_assert_cmpmem(buf, size, model, size);
}

#endif
