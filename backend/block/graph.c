/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes, what lies on what, and exchanging them: see block_int.h. */
#include <errno.h>
#include <string.h>

#include "backend/block/block_int.h"
#include "util/error.h"

static BlockNode *named; /* latest first */

/* ---- nodes ---- */

void block_node_register(BlockNode *n, const char *name, const char *filename, const char *format)
{
    static unsigned count;
    char *own = g_strdup(name);
    while (!own || (!name && block_find(own))) {
        g_free(own);
        own = g_strdup_printf("#block%03u", ++count);
    }
    n->name = own; /* only now: a drive may have the node already, and is not in its own way */
    n->filename = g_strdup(filename);
    n->full_path = g_canonicalize_filename(filename, NULL);
    n->format = format;
    n->next = named;
    named = n;
}

BlockNode *block_node_find(const char *name)
{
    for (BlockNode *n = named; n; n = n->next)
        if (name && !strcmp(n->name, name))
            return n;
    return NULL;
}

BlockNode *block_node_next(BlockNode *n)
{
    return n ? n->next : named;
}

BlockNode *block_node_ref(BlockNode *n)
{
    if (n)
        n->refs++;
    return n;
}

void block_node_unref(BlockNode *n)
{
    if (!n || --n->refs)
        return;
    for (BlockNode **at = &named; *at; at = &(*at)->next) {
        if (*at == n) {
            *at = n->next;
            break;
        }
    }
    g_free(n->name);
    g_free(n->filename);
    g_free(n->full_path);
    n->driver->close(n);
}

BlockNode *block_node_image(BlockNode *n)
{
    while (n && n->driver->layer)
        n = n->file;
    return n;
}

bool block_node_has_parent(const BlockNode *n)
{
    for (const BlockNode *p = named; p; p = p->next)
        if (p->backing == n || block_node_image(p->file) == n)
            return true;
    return false;
}

bool block_node_in_chain(BlockNode *n, const BlockNode *below)
{
    for (n = block_node_image(n); n; n = block_node_image(n->backing))
        if (n == below)
            return true;
    return false;
}

unsigned block_chain_depth(const BlockNode *n)
{
    unsigned depth = 0;
    for (n = block_node_image((BlockNode *)n); n && n->backing; depth++)
        n = block_node_image(n->backing);
    return depth;
}

BlockNode *block_chain_find(BlockNode *n, const char *filename)
{
    g_autofree char *path = g_canonicalize_filename(filename, NULL);
    for (n = block_node_image(n); n; n = block_node_image(n->backing)) {
        if (!strcmp(n->filename, filename) || !strcmp(n->full_path, path))
            return n;
        /* As the image above says it, relative to where that one is. */
        const char *said = block_qcow2_backing(n);
        if (said && n->backing && !strcmp(said, filename))
            return block_node_image(n->backing);
    }
    return NULL;
}

bool block_node_idle(const BlockNode *n, const char *called, GError **error)
{
    return !n->job || error_set(error, "Node '%s' is busy: block device is in use by block job: %s",
                                called ? called : n->name, n->job);
}

/* ---- contents ---- */

int block_node_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s)
{
    *s = BLOCK_DATA;
    if (n->driver->status)
        return n->driver->status(n, offset, run, s);
    return n->driver->layer ? block_node_status(n->file, offset, run, s) : 0;
}

int block_chain_status(BlockNode *n, const BlockNode *base, uint64_t offset, uint64_t *run,
                       BlockStatus *s)
{
    *s = BLOCK_ABSENT;
    for (; n && block_node_image(n) != base; n = block_node_image(n)->backing) {
        if (offset >= n->size) {
            *s = BLOCK_ZERO; /* behind the end of a short layer nothing shows through */
            return 0;
        }
        *run = MIN(*run, n->size - offset);
        int r = block_node_status(n, offset, run, s);
        if (r || *s != BLOCK_ABSENT)
            return r;
    }
    return 0;
}

int block_node_read(BlockNode *n, uint64_t offset, void *buf, uint64_t len)
{
    uint64_t have = offset < n->size ? MIN(len, n->size - offset) : 0;
    struct iovec iov = { buf, have };
    memset((char *)buf + have, 0, len - have);
    return have ? n->driver->readv(n, offset, &iov, 1, have) : 0;
}

int block_node_write(BlockNode *n, uint64_t offset, const void *buf, uint64_t len)
{
    struct iovec iov = { (void *)buf, len };
    if (offset > n->size || len > n->size - offset)
        return -EIO;
    return n->driver->writev(n, offset, &iov, 1, len);
}

bool block_node_reopen(BlockNode *n, bool write, GError **error)
{
    if (n->read_only == !write)
        return true;
    if (n->driver->reopen)
        return n->driver->reopen(n, write, error);
    if (n->file && !block_node_reopen(n->file, write, error))
        return false;
    n->read_only = !write;
    return true;
}

/* ---- roots ---- */

static void set_node(BlockBackend *b, BlockNode *to)
{
    BlockNode *old = b->node;
    b->node = block_node_ref(to);
    block_node_unref(old);
}

void block_roots_replace(BlockNode *from, BlockNode *to)
{
    bool same = block_node_image(from) == block_node_image(to);
    block_node_ref(from);
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        if (b->node == from && (same || b->is_drive || b->owner || b->hidden))
            set_node(b, to);
    block_node_unref(from);
}

static BlockBackend *monitor_reference(const BlockNode *image)
{
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        if (b->monitored && !b->owner && block_image(b) == image)
            return b;
    return NULL;
}

/* What belongs to a node as -blockdev opened it. */
static void swap_settings(BlockBackend *a, BlockBackend *b)
{
#define SWAP(member) do { __typeof__(a->member) t_ = a->member; a->member = b->member; \
                          b->member = t_; } while (0)
    SWAP(node);
    SWAP(read_only);
    SWAP(no_flush);
    SWAP(direct);
    SWAP(discard);
    SWAP(probed);
    SWAP(detect_zeroes);
    SWAP(writable_later);
#undef SWAP
}

void block_backend_switch(BlockBackend *b, BlockNode *to)
{
    BlockBackend *t = to ? monitor_reference(to) : NULL;
    bool was_monitored = b->monitored;
    if (t && !b->hidden) {
        swap_settings(b, t);
        b->monitored = true;
        t->monitored = was_monitored;
        if (!was_monitored)
            block_backend_discard(t);
    } else if (was_monitored) {
        t = block_backend_new(NULL, NULL);
        t->read_only = b->read_only;
        t->no_flush = b->no_flush;
        t->direct = b->direct;
        t->discard = b->discard;
        t->detect_zeroes = b->detect_zeroes;
        t->node = block_node_ref(b->node);
        t->monitored = true;
        b->monitored = false;
        set_node(b, to);
    } else {
        set_node(b, to);
    }
    b->probed = false;
}

void block_users_switch(BlockNode *from, BlockNode *to)
{
    BlockBackend *b;
    block_node_ref(from);
    do {
        /* From the start each time: the backends may be others now. */
        for (b = block_backend_next(NULL); b; b = block_backend_next(b))
            if (b->node == from && (b->is_drive || b->owner || b->hidden))
                break;
        if (b)
            block_backend_switch(b, to);
    } while (b);
    block_node_unref(from);
}

/* ---- exports ---- */

BlockBackend *block_export_new(const char *device, bool *writable, bool if_can, GError **error)
{
    BlockBackend *b = block_find(device), *user = NULL;
    if (b && !b->node)
        return error_set(error, "Device '%s' has no medium", device), NULL;
    BlockNode *n = b ? block_image(b) : block_node_find(device), *root = n;
    if (!n)
        return error_set(error, "Cannot find device='%s' nor node-name='%s'", device, device), NULL;
    for (b = block_backend_next(NULL); b; b = block_backend_next(b)) {
        if (!b->node || block_image(b) != n)
            continue;
        root = b->node;
        if (*writable && !b->hidden && !block_make_writable(b, error))
            return NULL;
        if (b->owner && !b->read_only)
            user = b;
    }
    bool fixed = root->read_only || (block_node_has_parent(n) && !user);
    if (*writable && fixed && !if_can)
        return error_set(error, "Block node is read-only"), NULL;
    *writable &= !fixed;
    if (*writable && user)
        return error_set(error, "Conflicts with use by '%s', which does not allow 'write' on %s",
                         user->owner, n->name), NULL;
    if (*writable && !block_node_idle(n, device, error))
        return NULL;
    b = block_backend_new(NULL, NULL);
    b->hidden = true;
    b->discard = true;
    b->write_error = BLOCK_ERROR_REPORT;
    b->read_only = !*writable;
    b->node = block_node_ref(root);
    return b;
}

bool block_reads_as_zeros(BlockBackend *b, uint64_t offset, uint64_t *run)
{
    BlockStatus s;
    return !block_chain_status(b->node, NULL, offset, run, &s) && s != BLOCK_DATA;
}
