/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who works on the images: this program, or another one until a migration is over.
 *
 * A program that waits for a machine opens its images without locks (the other has them), so that
 * names, formats and sizes are checked and devices can be made. When the machine has come, each
 * node takes its lock and reads anew what it had read (lengths, qcow2's tables); only then the
 * layers come that keep snapshots. The way back is the reverse.
 */
#include "backend/block/block_int.h"
#include "softmmu/run.h"
#include "util/error.h"

bool block_inactive;

void block_begin_inactive(void)
{
    block_inactive = true;
}

bool block_is_inactive(void)
{
    return block_inactive;
}

bool block_is_here(GError **error)
{
    return !block_inactive ||
           error_set(error, "the disks belong to another program, as the machine was migrated; "
                     "'cont' takes them back");
}

/* ---- nodes ---- */

/* Adds n and what is below it to the list, children first. */
static void collect_node(BlockNode *n, GPtrArray *list)
{
    if (!n || g_ptr_array_find(list, n, NULL))
        return;
    collect_node(n->file, list);
    collect_node(n->backing, list);
    g_ptr_array_add(list, n);
}

static GPtrArray *all_nodes(void)
{
    GPtrArray *list = g_ptr_array_new();
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        collect_node(b->node, list);
    return list;
}

static void give_up(GPtrArray *nodes, guint n)
{
    while (n-- > 0) {
        BlockNode *node = nodes->pdata[n];
        if (node->driver->inactivate)
            node->driver->inactivate(node);
    }
}

static bool take(GPtrArray *nodes, GError **error)
{
    for (guint i = 0; i < nodes->len; i++) {
        BlockNode *n = nodes->pdata[i];
        if (n->driver->activate && !n->driver->activate(n, error)) {
            give_up(nodes, i);
            return false;
        }
    }
    return true;
}

bool block_activate_all(GError **error)
{
    if (!block_inactive)
        return true;
    g_autoptr(GPtrArray) sizes = g_ptr_array_new();
    block_quiesce();
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        g_ptr_array_add(sizes, GSIZE_TO_POINTER(b->node ? b->node->size : 0));
    g_autoptr(GPtrArray) nodes = all_nodes();
    block_inactive = false;
    bool ok = take(nodes, error);
    for (BlockBackend *b = block_backend_next(NULL); ok && b; b = block_backend_next(b))
        ok = !b->owner || !b->node || block_history_attach(b, error);
    if (!ok) {
        block_inactivate_all(NULL);
        block_inactive = true;
        return false;
    }
    guint i = 0;
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b), i++)
        if (b->node && b->resized && GPOINTER_TO_SIZE(sizes->pdata[i]) != b->node->size)
            b->resized(b->resized_opaque);
    return true;
}

bool block_inactivate_all(GError **error)
{
    if (block_inactive)
        return true;
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        if (b->node && !block_node_idle(block_image(b), block_id(b), error))
            return false;
    block_quiesce();
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        block_history_give_up(b);
    g_autoptr(GPtrArray) nodes = all_nodes();
    give_up(nodes, nodes->len);
    block_inactive = true;
    return true;
}

/* ---- flush ---- */

typedef struct Flush {
    unsigned left;
    int ret;
    void (*done)(void *opaque, int ret);
    void *opaque;
} Flush;

static void flushed(void *opaque, int ret)
{
    Flush *f = opaque;
    if (!f->ret)
        f->ret = ret;
    if (--f->left)
        return;
    f->done(f->opaque, f->ret);
    g_free(f);
}

static void flush_one(BlockBackend *b, void *arg)
{
    Flush *f = arg;
    if (!b->node || b->read_only)
        return;
    f->left++;
    block_submit(b, BLOCK_FLUSH, 0, NULL, 0, 0, flushed, f);
}

/* The answer comes later also where no disk has to be flushed. */
static void nothing_to_flush(void *opaque)
{
    flushed(opaque, 0);
}

void block_flush_all(void (*done)(void *opaque, int ret), void *opaque)
{
    Flush *f = g_new0(Flush, 1);
    f->left = 1;
    f->done = done;
    f->opaque = opaque;
    block_foreach(flush_one, f);
    main_defer(nothing_to_flush, f);
}
