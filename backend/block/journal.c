/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What writable disks held, kept in memory for whoever goes back in time (softmmu/checkpoint.h).
 *
 * Before a piece of a disk is written for the first time since the last checkpoint, its contents go
 * to the journal. A checkpoint takes these out, with what the pieces hold now: so that a disk can be
 * moved from one checkpoint to the next and back. The image always is the disk at the moment where
 * the machine is.
 */
#include <string.h>

#include "backend/block/block_int.h"
#include "util/error.h"

enum { PIECE_BITS = 12, PIECE = 1 << PIECE_BITS };

typedef struct Change {
    const char *disk;        /* its id; it may be gone meanwhile */
    uint64_t offset;
    uint32_t len;
    uint8_t *before, *after; /* one allocation */
} Change;

struct BlockChanges {
    GArray *list;
};

static bool active;
static GMutex lock;          /* journals: workers write several pieces at once */

static uint32_t piece_len(const BlockBackend *b, uint64_t offset)
{
    return MIN((uint64_t)PIECE, b->node->size - offset);
}

static int rw(BlockBackend *b, bool write, uint64_t offset, void *buf, uint32_t len)
{
    struct iovec iov = { buf, len };
    const BlockDriver *d = b->node->driver;
    return write ? d->writev(b->node, offset, &iov, 1, len)
                 : d->readv(b->node, offset, &iov, 1, len);
}

int block_journal_note(BlockBackend *b, uint64_t offset, uint64_t len)
{
    int r = 0;
    if (!active || !len)
        return 0;
    g_mutex_lock(&lock);
    if (!b->journal)
        b->journal = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    uint64_t last = (offset + len - 1) >> PIECE_BITS;
    for (uint64_t i = offset >> PIECE_BITS; !r && i <= last; i++) {
        if (g_hash_table_contains(b->journal, GSIZE_TO_POINTER(i)))
            continue;
        uint8_t *before = g_malloc(PIECE);
        r = rw(b, false, i << PIECE_BITS, before, piece_len(b, i << PIECE_BITS));
        if (r)
            g_free(before);
        else
            g_hash_table_insert(b->journal, GSIZE_TO_POINTER(i), before);
    }
    g_mutex_unlock(&lock);
    return r;
}

static void forget(BlockBackend *b, void *arg)
{
    g_clear_pointer(&b->journal, g_hash_table_unref);
}

void block_journal_start(void)
{
    active = true;
    block_foreach(forget, NULL);
}

static void complain(const char *disk, int r)
{
    error_report("disk '%s' can't be brought to another moment: %s", disk, g_strerror(-r));
}

static void take(BlockBackend *b, void *arg)
{
    BlockChanges *c = arg;
    GHashTableIter it;
    void *key, *value;
    if (!b->journal)
        return;
    g_hash_table_iter_init(&it, b->journal);
    while (g_hash_table_iter_next(&it, &key, &value)) {
        Change p = { .disk = g_intern_string(block_id(b)),
                     .offset = (uint64_t)GPOINTER_TO_SIZE(key) << PIECE_BITS };
        if (p.offset >= b->node->size)
            continue; /* it was made smaller */
        p.len = piece_len(b, p.offset);
        p.before = g_malloc(2 * PIECE);
        p.after = p.before + PIECE;
        memcpy(p.before, value, p.len);
        int r = rw(b, false, p.offset, p.after, p.len);
        if (r)
            complain(p.disk, r);
        if (r || !memcmp(p.before, p.after, p.len))
            g_free(p.before);
        else
            g_array_append_val(c->list, p);
    }
    forget(b, NULL);
}

BlockChanges *block_journal_take(void)
{
    BlockChanges *c = g_new(BlockChanges, 1);
    c->list = g_array_new(false, false, sizeof(Change));
    block_foreach(take, c);
    if (c->list->len)
        return c;
    block_changes_free(c);
    return NULL;
}

static void undo(BlockBackend *b, void *arg)
{
    GHashTableIter it;
    void *key, *value;
    if (!b->journal)
        return;
    g_hash_table_iter_init(&it, b->journal);
    while (g_hash_table_iter_next(&it, &key, &value)) {
        uint64_t offset = (uint64_t)GPOINTER_TO_SIZE(key) << PIECE_BITS;
        int r = offset < b->node->size ? rw(b, true, offset, value, piece_len(b, offset)) : 0;
        if (r)
            complain(block_id(b), r);
    }
    forget(b, NULL);
}

void block_journal_undo(void)
{
    block_foreach(undo, NULL);
}

void block_changes_apply(const BlockChanges *c, bool forward)
{
    for (guint i = 0; c && i < c->list->len; i++) {
        const Change *p = &g_array_index(c->list, Change, i);
        BlockBackend *b = block_find(p->disk);
        if (!b || !b->node || p->offset + p->len > b->node->size)
            continue;
        int r = rw(b, true, p->offset, forward ? p->after : p->before, p->len);
        if (r)
            complain(p->disk, r);
    }
}

void block_changes_free(BlockChanges *c)
{
    for (guint i = 0; c && i < c->list->len; i++)
        g_free(g_array_index(c->list, Change, i).before);
    if (c)
        g_array_unref(c->list);
    g_free(c);
}

uint64_t block_changes_bytes(const BlockChanges *c)
{
    return c ? (uint64_t)c->list->len * (sizeof(Change) + 2 * PIECE) : 0;
}
