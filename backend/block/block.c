/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block backends: what there is, who uses it, what it is like. */
#include <errno.h>
#include <string.h>

#include "backend/block/block_int.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

static BlockBackend *backends; /* in order of creation */
static const char *default_interface = "virtio";
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

BlockBackend *block_backend_new(const char *id, const char *node_name, GError **error)
{
    static unsigned count;
    if (!count)
        exit_add_notifier(flush_all, NULL);
    count++;
    const char *names[] = { id, node_name };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i] && block_find(names[i])) {
            error_set(error, "there is already a drive '%s'; give this one another name",
                      names[i]);
            return NULL;
        }
    }
    BlockBackend *b = g_new0(BlockBackend, 1);
    b->id = g_strdup(id);
    b->node_name = node_name ? g_strdup(node_name) : g_strdup_printf("#block%u", count);
    b->format = "raw";
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

void block_node_unref(BlockNode *n)
{
    if (n && --n->refs == 0)
        n->driver->close(n);
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
    g_free(b->node_name);
    g_free(b->filename);
    g_free(b->full_path);
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
    if (b->below)
        b->below->used_as_child = false;
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
        if (!g_strcmp0(b->id, name) || !strcmp(b->node_name, name))
            return b;
    return NULL;
}

void block_foreach(void (*fn)(BlockBackend *b, void *arg), void *arg)
{
    for (BlockBackend *b = backends, *next; b; b = next) {
        next = b->next;
        fn(b, arg);
    }
}

/* ---- drives by interface ---- */

void drive_set_default_interface(const char *interface)
{
    default_interface = interface;
}

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

BlockBackend *drive_next(const char *interface)
{
    BlockBackend *found = NULL;
    int lowest = 0;
    for (BlockBackend *b = backends; b; b = b->next) {
        if (b->owner || !has_interface(b, interface))
            continue;
        int unit = unit_of(b);
        if (!found || unit < lowest) {
            found = b;
            lowest = unit;
        }
    }
    return found;
}

/* ---- what a drive is like ---- */

const char *block_id(const BlockBackend *b)
{
    return b->id ? b->id : b->node_name;
}

const char *block_node_name(const BlockBackend *b)
{
    return b->node_name;
}

bool block_is_drive(const BlockBackend *b)
{
    return b->is_drive;
}

bool block_is_cdrom(const BlockBackend *b)
{
    return b->cdrom;
}

bool block_direct(const BlockBackend *b)
{
    return b->direct;
}

bool block_no_flush(const BlockBackend *b)
{
    return b->no_flush;
}

const char *block_filename(const BlockBackend *b)
{
    return b->filename ? b->filename : "";
}

/* Asked for when a device takes the drive: later the program may be in another folder. */
const char *block_full_path(BlockBackend *b)
{
    if (!b->full_path)
        b->full_path = g_canonicalize_filename(block_filename(b), NULL);
    return b->full_path;
}

const char *block_format(const BlockBackend *b)
{
    return b->format;
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
    return b->used_as_child;
}

bool block_temporary(const BlockBackend *b)
{
    return block_node_is_overlay(block_history_base(b->node));
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
    if (block_file_reopen_rw(b->node, b->filename, &denied, &why))
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
    if (b->used_as_child)
        return error_set(error, "drive '%s' lies under another -blockdev; use that one",
                         block_id(b));
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
    if (size > INT64_MAX - BLOCK_SECTOR)
        return error_set(error, "drive '%s': the new size is too big", block_id(b));
    block_drain(b);
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

static bool commit_one(BlockBackend *b, GError **error)
{
    block_drain(b);
    g_autofree char *kept = g_strconcat(b->filename, ".snapshots", NULL);
    if (block_node_is_history(b->node) || g_file_test(kept, G_FILE_TEST_EXISTS))
        return error_set(error, "drive '%s' has snapshots, which would lose their disk; delete "
                         "them first (delvm)", block_id(b));
    if (!block_node_is_file(block_overlay_base(b->node)))
        return error_set(error, "drive '%s': changes can be written back to raw images only",
                         block_id(b));
    if (!block_file_reopen_rw(block_overlay_base(b->node), b->filename, NULL, error)) {
        g_prefix_error(error, "drive '%s': ", block_id(b));
        return false;
    }
    int r = block_overlay_commit(b->node);
    if (r)
        return error_set_errno(error, -r, "drive '%s': the overlay could not be written to '%s', "
                               "and is kept", block_id(b), b->filename);
    return true;
}

bool block_commit(BlockBackend *b, GError **error)
{
    if (b)
        return block_temporary(b)
                   ? commit_one(b, error)
                   : error_set(error, "drive '%s' has no overlay; it was not started with "
                               "-snapshot or snapshot=on", block_id(b));
    for (b = backends; b; b = b->next)
        if (block_temporary(b) && !commit_one(b, error))
            return false;
    return true;
}

/* ---- info block ---- */

void block_print(GString *out, char *(*name_of)(const char *owner))
{
    for (BlockBackend *b = backends; b; b = b->next) {
        if (b->used_as_child)
            continue;
        if (out->len)
            g_string_append_c(out, '\n');
        if (b->id)
            g_string_append_printf(out, "%s", b->id);
        if (b->node)
            g_string_append_printf(out, "%s%s%s: %s (%s%s%s)\n", b->id ? " (" : "", b->node_name,
                                   b->id ? ")" : "", block_filename(b), b->format,
                                   b->read_only ? ", read-only" : "",
                                   block_temporary(b) ? ", temporary overlay" : "");
        else
            g_string_append(out, ": [not inserted]\n");
        if (b->owner) {
            g_autofree char *name = name_of(b->owner);
            g_string_append_printf(out, "    Attached to:      %s\n", name);
        }
        if (b->cdrom)
            g_string_append(out, "    Removable device: not locked, tray closed\n");
        if (block_qcow2_backing(block_history_base(b->node)))
            g_string_append_printf(out, "    Backing file:     %s\n",
                                   block_qcow2_backing(block_history_base(b->node)));
        if (b->node)
            g_string_append_printf(out, "    Cache mode:       %s%s%s\n",
                                   b->write_cache ? "writeback" : "writethrough",
                                   b->direct ? ", direct" : "",
                                   b->no_flush ? ", ignore flushes" : "");
        if (b->detect_zeroes)
            g_string_append_printf(out, "    Detect zeroes:    %s\n",
                                   b->detect_zeroes == DETECT_ZEROES_ON ? "on" : "unmap");
    }
}
