/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * External snapshots: what a disk holds stays in its image, which is only read from now on, and what
 * is written goes to a new image over it (blockdev-snapshot-sync, blockdev-snapshot, transaction).
 */
#include <errno.h>
#include <string.h>

#include "backend/block/block_int.h"
#include "util/error.h"

struct BlockSnapshot {
    BlockNode *old, *new; /* a reference to each */
};

char *block_name_from(const BlockNode *base, const char *overlay)
{
    g_autofree char *path = g_canonicalize_filename(overlay, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *seen = g_canonicalize_filename(base->filename, dir);
    return g_strdup(strcmp(seen, base->full_path) ? base->full_path : base->filename);
}

bool block_image_create(const char *filename, const char *format, uint64_t size,
                        uint64_t cluster_size, BlockNode *backing, GError **error)
{
    g_autofree char *path = g_canonicalize_filename(filename, NULL);
    g_autofree char *name = backing ? block_name_from(backing, filename) : NULL;
    if (!strcmp(format, "raw"))
        return backing ? error_set(error, "Backing file not supported for file format 'raw'")
                       : block_file_create(filename, size, error);
    if (strcmp(format, "qcow2"))
        return error_set(error, "Unknown file format '%s'", format);
    if (backing && !strcmp(backing->full_path, path))
        return error_set(error, "Error: Trying to create an image with the same filename as the "
                         "backing file");
    Qcow2Create how = { .size = size, .cluster_size = cluster_size, .backing = name,
                        .backing_format = backing && !strcmp(backing->format, "qcow2") ? "qcow2"
                                                                                      : "raw" };
    if (!backing)
        how.backing_format = NULL;
    return block_qcow2_create(filename, &how, error);
}

/* The disk, with only its image at the root, not in use by a job. */
static BlockNode *find_disk(const BlockSnapshotArgs *a, GError **error)
{
    BlockNode *n = NULL;
    BlockBackend *b = a->device ? block_find(a->device) : NULL;
    if (b && !b->node) {
        error_set(error, "Device '%s' has no medium", a->device);
        return NULL;
    }
    n = b ? block_image(b) : block_node_find(a->node);
    if (!n) {
        error_set(error, "Cannot find device='%s' nor node-name='%s'", a->device ? a->device : "",
                  a->node ? a->node : "");
        return NULL;
    }
    if (!block_node_idle(n, a->device ? a->device : a->node, error))
        return NULL;
    bool is_root = false;
    for (b = block_backend_next(NULL); b; b = block_backend_next(b))
        is_root |= block_image(b) == n && (b->is_drive || b->owner);
    if (!is_root && block_node_has_parent(n)) {
        error_set(error, "Need a root block node");
        return NULL;
    }
    block_quiesce();
    for (b = block_backend_next(NULL); b; b = block_backend_next(b)) {
        if (!b->node || block_image(b) != n)
            continue;
        if (block_temporary(b)) {
            error_set(error, "drive '%s' has a temporary overlay (snapshot=on), which can't be "
                      "part of a chain", block_id(b));
            return NULL;
        }
        if (b->read_only && b->is_drive) {
            error_set(error, "Device '%s' is read only", block_id(b));
            return NULL;
        }
        if (!block_history_detach(b, error))
            return NULL;
    }
    return n;
}

static BlockNode *make_overlay(const BlockSnapshotArgs *a, BlockNode *old, GError **error)
{
    const char *format = a->format ? a->format : "qcow2";
    BlockNode *none = NULL;
    if (a->node_name && (block_node_find(a->node_name) || block_find(a->node_name))) {
        error_set(error, "New overlay node-name already in use");
        return NULL;
    }
    if (strcmp(format, "qcow2") && strcmp(format, "raw")) {
        error_set(error, "Unknown file format '%s'", format);
        return NULL;
    }
    if (strcmp(format, "qcow2")) {
        error_set(error, "The overlay does not support backing images");
        return NULL;
    }
    if (!a->existing && !block_image_create(a->file, format, old->size, 0, old, error))
        return NULL;
    return block_image_open(a->file, format, a->node_name, true, &none, error);
}

static BlockNode *find_overlay(const BlockSnapshotArgs *a, BlockNode *old, GError **error)
{
    BlockNode *n = block_node_find(a->overlay);
    if (!n)
        error_set(error, "Cannot find device='' nor node-name='%s'", a->overlay);
    else if (!block_node_is_qcow2(n))
        error_set(error, "The overlay does not support backing images");
    else if (n->backing)
        error_set(error, "The overlay already has a backing image");
    else if (n->read_only)
        error_set(error, "The overlay is read-only");
    else if (n == old || block_node_in_chain(old, n))
        error_set(error, "Making '%s' a backing child of '%s' would create a cycle", old->name,
                  n->name);
    else if (block_node_has_parent(n) || n->job)
        error_set(error, "The overlay is already in use");
    else
        for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
            if (b->node && block_image(b) == n && (b->is_drive || b->owner || b->hidden))
                return error_set(error, "The overlay is already in use"), NULL;
    return error && *error ? NULL : block_node_ref(n);
}

BlockSnapshot *block_snapshot_prepare(const BlockSnapshotArgs *a, GError **error)
{
    BlockNode *old = block_is_here(error) ? find_disk(a, error) : NULL, *new = NULL;
    if (old)
        new = a->overlay ? find_overlay(a, old, error) : make_overlay(a, old, error);
    if (!new)
        return NULL;
    BlockSnapshot *s = g_new(BlockSnapshot, 1);
    *s = (BlockSnapshot){ block_node_ref(old), new };
    new->job = "snapshot"; /* nobody else takes it meanwhile */
    return s;
}

static void free_snapshot(BlockSnapshot *s)
{
    block_node_unref(s->old);
    block_node_unref(s->new);
    g_free(s);
}

void block_snapshot_commit(BlockSnapshot *s)
{
    block_quiesce();
    s->new->job = NULL;
    s->old->driver->flush(s->old);
    s->new->backing = block_node_ref(s->old);
    block_users_switch(s->old, s->new);
    block_node_reopen(s->old, false, NULL);
    free_snapshot(s);
}

void block_snapshot_abort(BlockSnapshot *s)
{
    s->new->job = NULL;
    free_snapshot(s);
}

bool block_change_backing_file(BlockBackend *b, const char *node, const char *file, GError **error)
{
    BlockNode *n = block_node_find(node);
    if (!n || !block_node_in_chain(block_image(b), n))
        return error_set(error, "'%s' and image file are not in the same chain", block_id(b));
    if (!block_node_idle(n, NULL, error))
        return false;
    if (!n->backing)
        return error_set(error, "not allowing backing file change on an image without a backing "
                         "file");
    if (!block_node_is_qcow2(n))
        return error_set(error, "'%s' has no header to name a backing file", n->filename);
    bool was_read_only = n->read_only;
    block_quiesce();
    if (!block_node_reopen(n, true, error))
        return false;
    const BlockNode *below = block_node_image(n->backing);
    int r = block_qcow2_set_backing_name(n, file, !strcmp(below->format, "qcow2") ? "qcow2" : "raw");
    if (was_read_only)
        block_node_reopen(n, false, NULL);
    return !r || error_set_errno(error, -r, "Could not change the backing file to '%s'", file);
}
