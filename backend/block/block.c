/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block backends: what there is, who uses it, what it is like. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/block/block_int.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

static BlockBackend *backends; /* in order of creation */
static const char default_interface[] = "virtio"; /* where a -drive has no if= */
bool block_snapshot_default;

/* ---- life ---- */

/* At the end of the program devices still point at their drives: nothing is freed. */
static void flush_all(void *opaque)
{
    block_drain_all();
    for (BlockBackend *b = backends; b; b = b->next)
        if (b->node && !b->read_only)
            block_run(b, BLOCK_FLUSH, 0, NULL, 0, 0);
    for (BlockBackend *b = backends; b; b = b->next)
        block_history_settle(b->node);
}

bool block_name_free(const char *name, GError **error)
{
    return !name || (!block_find(name) && !block_node_find(name)) ||
           error_set(error, "there is already a drive '%s'; give this one another name", name);
}

BlockBackend *block_backend_new(const char *id, GError **error)
{
    static bool known;
    if (!known)
        exit_add_notifier(flush_all, NULL);
    known = true;
    if (!block_name_free(id, error))
        return NULL;
    BlockBackend *b = g_new0(BlockBackend, 1);
    b->id = g_strdup(id);
    b->unit = -1;
    b->write_cache = true;
    b->read_error = BLOCK_ERROR_REPORT;
    b->write_error = BLOCK_ERROR_ENOSPC;
    BlockBackend **at = &backends;
    while (*at)
        at = &(*at)->next;
    *at = b;
    return b;
}

BlockBackend *block_backend_next(BlockBackend *b)
{
    return b ? b->next : backends;
}

BlockNode *block_image(const BlockBackend *b)
{
    return block_node_image(b->node);
}

void block_backend_discard(BlockBackend *b)
{
    for (BlockBackend **at = &backends; *at; at = &(*at)->next) {
        if (*at == b) {
            *at = b->next;
            break;
        }
    }
    block_node_unref(b->node);
    if (b->journal)
        g_hash_table_unref(b->journal);
    g_free(b->id);
    g_free(b->serial);
    g_free(b->interface);
    g_free(b->owner);
    g_free(b);
}

void block_free(BlockBackend *b)
{
    block_drain(b);
    if (b->node && !b->read_only)
        block_run(b, BLOCK_FLUSH, 0, NULL, 0, 0);
    block_backend_discard(b);
}

void block_close_all(void)
{
    block_drain_all();
    while (backends)
        block_free(backends);
}

BlockBackend *block_find(const char *name)
{
    for (BlockBackend *b = backends; b; b = b->next)
        if (!b->hidden && (!g_strcmp0(b->id, name) || !g_strcmp0(block_node_name(b), name)))
            return b;
    return NULL;
}

void block_foreach(void (*fn)(BlockBackend *b, void *arg), void *arg)
{
    for (BlockBackend *b = backends, *next; b; b = next) {
        next = b->next;
        if (!b->hidden)
            fn(b, arg);
    }
}

/* ---- drives by interface ---- */

const char *block_interface(const BlockBackend *b)
{
    return b->interface ? b->interface : default_interface;
}

static bool has_interface(const BlockBackend *b, const char *interface)
{
    return b->is_drive && !strcmp(block_interface(b), interface);
}

/* Drives without index= take the lowest units that nobody named, in order. */
static int unit_of(const BlockBackend *b)
{
    if (b->unit >= 0)
        return b->unit;
    int unit = -1;
    for (const BlockBackend *c = backends; c; c = c->next) {
        if (c->unit >= 0 || !has_interface(c, block_interface(b)))
            continue;
        bool taken;
        do {
            unit++;
            taken = false;
            for (const BlockBackend *d = backends; d && !taken; d = d->next)
                taken = d->unit == unit && has_interface(d, block_interface(b));
        } while (taken);
        if (c == b)
            break;
    }
    return unit;
}

BlockBackend *drive_get(const char *interface, unsigned unit)
{
    for (BlockBackend *b = backends; b; b = b->next)
        if (has_interface(b, interface) && unit_of(b) == (int)unit)
            return b;
    return NULL;
}

/* ---- what a drive is like ---- */

const char *block_id(const BlockBackend *b)
{
    return b->id ? b->id : block_node_name(b);
}

const char *block_node_name(const BlockBackend *b)
{
    return b->node ? block_image(b)->name : NULL;
}

bool block_is_drive(const BlockBackend *b)
{
    return b->is_drive;
}

bool block_is_cdrom(const BlockBackend *b)
{
    return b->cdrom;
}

const char *block_filename(const BlockBackend *b)
{
    return b->node ? block_image(b)->filename : "";
}

/* As of when it was opened: later the program may be in another folder. */
const char *block_full_path(BlockBackend *b)
{
    return b->node ? block_image(b)->full_path : "";
}

const char *block_format(const BlockBackend *b)
{
    return b->node ? block_image(b)->format : "raw";
}

uint64_t block_size(const BlockBackend *b)
{
    return b->node ? b->node->size : 0;
}

bool block_read_only(const BlockBackend *b)
{
    return b->read_only;
}

bool block_inserted(const BlockBackend *b)
{
    return b->node;
}

bool block_discard_enabled(const BlockBackend *b)
{
    return b->discard;
}

bool block_is_child(const BlockBackend *b)
{
    return b->node && !b->is_drive && !b->owner && block_node_has_parent(block_image(b));
}

bool block_is_monitored(const BlockBackend *b)
{
    return b->monitored;
}

bool block_is_busy(const BlockBackend *b)
{
    const BlockNode *n = b->node ? block_image(b) : NULL;
    for (const BlockBackend *e = backends; n && e; e = e->next)
        if (e->hidden && e->node && block_image(e) == n)
            return true;
    return n && n->job;
}

bool block_temporary(const BlockBackend *b)
{
    for (BlockNode *n = b->node; n && n->driver->layer; n = n->file)
        if (block_node_is_overlay(n))
            return true;
    return false;
}

const char *block_serial(const BlockBackend *b)
{
    return b->serial;
}

bool block_write_cache(const BlockBackend *b)
{
    return b->write_cache;
}

void block_set_write_cache(BlockBackend *b, bool on)
{
    b->write_cache = on;
}

static bool error_action(const char *word, BlockErrorAction *action)
{
    static const char *const words[] = {
        [BLOCK_ERROR_REPORT] = "report", [BLOCK_ERROR_IGNORE] = "ignore",
        [BLOCK_ERROR_ENOSPC] = "enospc", [BLOCK_ERROR_STOP] = "stop",
    };
    for (size_t i = 0; word && i < ARRAY_LEN(words); i++) {
        if (!strcmp(word, words[i])) {
            *action = i;
            return true;
        }
    }
    return !word;
}

bool block_set_error_actions(BlockBackend *b, const char *on_read, const char *on_write)
{
    BlockErrorAction r = b->read_error, w = b->write_error;
    if (!error_action(on_read, &r) || !error_action(on_write, &w) || r == BLOCK_ERROR_ENOSPC)
        return false;
    b->read_error = r;
    b->write_error = w;
    return true;
}

bool block_make_writable(BlockBackend *b, GError **error)
{
    bool denied;
    if (!b->writable_later)
        return true;
    block_drain(b);
    g_autoptr(GError) why = NULL;
    if (block_file_reopen(b->node, true, &denied, &why))
        b->read_only = false;
    else if (!denied)
        return error_set(error, "drive '%s': %s", block_id(b), why->message);
    b->writable_later = false;
    return true;
}

bool block_claim(BlockBackend *b, const char *owner, GError **error)
{
    if (b->owner)
        return error_set(error, "drive '%s' is already used by device '%s'; a drive serves one "
                         "device", block_id(b), b->owner);
    if (block_is_child(b))
        return error_set(error, "drive '%s' lies under another -blockdev; use that one",
                         block_id(b));
    if (b->node && !block_node_idle(block_image(b), block_id(b), error))
        return false;
    if (!block_make_writable(b, error) || !block_history_attach(b, error))
        return false;
    b->owner = g_strdup(owner);
    return true;
}

const char *block_owner(const BlockBackend *b)
{
    return b->owner;
}

void block_release(BlockBackend *b)
{
    block_drain(b);
    g_clear_pointer(&b->owner, g_free);
    if (!b->is_drive && !b->monitored)
        block_free(b); /* a snapshot or a job put a node there that nobody else knows */
}

void block_set_resize_listener(BlockBackend *b, void (*fn)(void *opaque), void *opaque)
{
    b->resized = fn;
    b->resized_opaque = opaque;
}

bool block_resize(BlockBackend *b, uint64_t size, GError **error)
{
    if (!b->node)
        return error_set(error, "drive '%s' has no medium", block_id(b));
    if (b->read_only)
        return error_set(error, "drive '%s' is read-only", block_id(b));
    if (!block_is_here(error))
        return false;
    if (size > INT64_MAX - BLOCK_SECTOR)
        return error_set(error, "drive '%s': the new size is too big", block_id(b));
    if (block_image(b)->job)
        return error_set(error, "Device '%s' is in use", block_id(b));
    block_quiesce();
    int r = b->node->driver->resize(b->node, ALIGN_UP(size, BLOCK_SECTOR));
    if (r == -EBUSY)
        return error_set(error, "drive '%s' has snapshots of its present size; delete them first "
                         "(delvm)", block_id(b));
    if (r == -ENOTSUP)
        return error_set(error, "drive '%s' can't change its size: '%s' is no plain file",
                         block_id(b), block_filename(b));
    if (r)
        return error_set_errno(error, -r, "drive '%s': can't change its size", block_id(b));
    if (b->resized)
        b->resized(b->resized_opaque);
    return true;
}

/* ---- -snapshot ---- */

void block_set_snapshot_default(bool on)
{
    block_snapshot_default = on;
}

static BlockNode *overlay_of(BlockBackend *b)
{
    BlockNode *n = b->node;
    while (n && n->driver->layer && !block_node_is_overlay(n))
        n = n->file;
    return block_node_is_overlay(n) ? n : NULL;
}

/* What an image has over its backing file goes there; then the image is empty. */
static int commit_image(BlockNode *top)
{
    enum { CHUNK = 1 << 20 };
    BlockNode *base = top->backing;
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    int r = top->size > base->size ? base->driver->resize(base, top->size) : 0;
    for (uint64_t at = 0, run; !r && at < top->size; at += run) {
        BlockStatus s;
        run = MIN(top->size - at, CHUNK);
        r = block_node_status(top, at, &run, &s);
        if (!r && s == BLOCK_ZERO)
            r = base->driver->write_zeroes(base, at, run, true);
        if (r || s != BLOCK_DATA)
            continue;
        r = block_node_read(top, at, buf, run);
        if (!r)
            r = block_node_write(base, at, buf, run);
    }
    if (!r)
        r = base->driver->flush(base);
    return r ? r : block_qcow2_empty(top);
}

static bool commit_one(BlockBackend *b, GError **error)
{
    BlockNode *over = overlay_of(b), *image = block_image(b);
    BlockNode *base = over ? image : block_node_image(image->backing);
    bool was_read_only = base->read_only;
    if (!block_is_here(error) || !block_node_idle(image, block_id(b), error) ||
        !block_node_idle(base, block_id(b), error))
        return false;
    block_drain(b);
    if (over && b->node != over)
        return error_set(error, "drive '%s' has snapshots, which would lose their disk; delete "
                         "them first (delvm)", block_id(b));
    if (!block_history_none(base, error) ||
        (!over && (!block_history_detach(b, error) || b->read_only)))
        return b->read_only ? error_set(error, "drive '%s' is read-only", block_id(b)) : false;
    block_quiesce();
    if (!block_node_reopen(base, true, error)) {
        g_prefix_error(error, "drive '%s': ", block_id(b));
        return false;
    }
    int r = over ? block_overlay_commit(over) : commit_image(image);
    if (!over && was_read_only)
        block_node_reopen(base, false, NULL);
    if (r)
        return error_set_errno(error, -r, "drive '%s': its changes could not be written to '%s', "
                               "and are kept", block_id(b), base->filename);
    return true;
}

static bool can_commit(BlockBackend *b)
{
    return b->node && (b->is_drive || b->owner) && (overlay_of(b) || block_image(b)->backing);
}

bool block_commit(BlockBackend *b, GError **error)
{
    if (b && !b->node)
        return error_set(error, "No medium found");
    if (b)
        return can_commit(b) ? commit_one(b, error) : error_set(error, "Operation not supported");
    for (b = backends; b; b = b->next)
        if (can_commit(b) && !commit_one(b, error))
            return false;
    return true;
}

/* ---- info block ---- */

static void print_cache(GString *out, const BlockBackend *b)
{
    g_string_append_printf(out, "    Cache mode:       %s%s%s\n",
                           b && !b->write_cache ? "writethrough" : "writeback",
                           b && b->direct ? ", direct" : "",
                           b && b->no_flush ? ", ignore flushes" : "");
}

static void print_backing(GString *out, const BlockNode *n)
{
    if (n->backing)
        g_string_append_printf(out, "    Backing file:     %s (chain depth: %u)\n",
                               block_node_image(n->backing)->filename, block_chain_depth(n));
}

void block_print(GString *out, char *(*name_of)(const char *owner))
{
    for (BlockBackend *b = backends; b; b = b->next) {
        const BlockNode *image = b->node ? block_image(b) : NULL;
        if (b->hidden || !(b->is_drive || b->owner))
            continue;
        if (out->len)
            g_string_append_c(out, '\n');
        g_autofree char *name = b->owner ? name_of(b->owner) : NULL;
        if (b->id || (!image && name))
            g_string_append_printf(out, "%s", b->id ? b->id : name);
        if (image)
            g_string_append_printf(out, "%s%s%s: %s (%s%s%s)\n", b->id ? " (" : "", image->name,
                                   b->id ? ")" : "", image->filename, image->format,
                                   b->read_only ? ", read-only" : "",
                                   block_temporary(b) ? ", temporary overlay" : "");
        else
            g_string_append(out, ": [not inserted]\n");
        if (name)
            g_string_append_printf(out, "    Attached to:      %s\n", name);
        if (block_removable(b))
            g_string_append_printf(out, "    Removable device: %slocked, tray %s\n",
                                   block_tray_locked(b) ? "" : "not ",
                                   block_tray_open(b) ? "open" : "closed");
        if (!image)
            continue;
        print_cache(out, b);
        print_backing(out, image);
        if (b->detect_zeroes)
            g_string_append_printf(out, "    Detect zeroes:    %s\n",
                                   b->detect_zeroes == DETECT_ZEROES_ON ? "on" : "unmap");
    }
}

static const BlockBackend *user_of(const BlockNode *n)
{
    for (const BlockBackend *b = backends; b; b = b->next)
        if (!b->hidden && b->node && block_image(b) == n)
            return b;
    return NULL;
}

void block_print_nodes(GString *out)
{
    for (BlockNode *n = block_node_next(NULL); n; n = block_node_next(n)) {
        g_string_append_printf(out, "%s%s: %s (%s%s)\n", out->len ? "\n" : "", n->name,
                               n->filename, n->format, n->read_only ? ", read-only" : "");
        print_cache(out, user_of(n));
        print_backing(out, n);
    }
}

BlockNode *block_root_image(const BlockBackend *b)
{
    return b->node ? block_image(b) : NULL;
}

void block_node_info(BlockNode *n, BlockNodeInfo *i)
{
    const BlockBackend *b = user_of(n);
    BlockNode *backing = block_node_image(n->backing);
    struct stat st;
    *i = (BlockNodeInfo){
        .name = n->name, .filename = n->filename, .format = n->format, .size = n->size,
        .read_only = n->read_only, .depth = block_chain_depth(n), .backing = backing,
        .backing_name = block_qcow2_backing(n), .backing_format = block_qcow2_backing_format(n),
        .cluster = block_qcow2_cluster(n), .write_cache = !b || b->write_cache,
        .direct = b && b->direct, .no_flush = b && b->no_flush,
        .detect_zeroes = b ? (unsigned)b->detect_zeroes : 0, .actual_size = -1,
    };
    if (!stat(n->full_path, &st))
        i->actual_size = (int64_t)st.st_blocks * 512;
    block_qcow2_features(n, i);
}
