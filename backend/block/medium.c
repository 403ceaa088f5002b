/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media that come and go: drives with a tray, and drives that no device has. The steps and the
 * words of errors are those that QEMU's blockdev-open-tray, -remove-medium, -insert-medium and
 * -close-tray have.
 */
#include <string.h>

#include "backend/block/block_int.h"
#include "util/error.h"

static void (*tray_listener)(BlockBackend *b, bool open);

void block_set_tray(BlockBackend *b, const BlockTray *t, void *opaque)
{
    b->tray = t;
    b->tray_opaque = opaque;
}

bool block_has_tray(const BlockBackend *b)
{
    return b->tray;
}

bool block_removable(const BlockBackend *b)
{
    return b->tray || !b->owner;
}

bool block_tray_open(const BlockBackend *b)
{
    return b->tray && b->tray->is_open(b->tray_opaque);
}

bool block_tray_locked(const BlockBackend *b)
{
    return b->tray && b->tray->is_locked(b->tray_opaque);
}

void block_set_tray_listener(void (*fn)(BlockBackend *b, bool open))
{
    tray_listener = fn;
}

void block_tray_moved(BlockBackend *b, bool open)
{
    if (tray_listener)
        tray_listener(b, open);
}

BlockBackend *block_new_empty(void)
{
    BlockBackend *b = block_backend_new(NULL, NULL);
    b->read_only = true;
    return b;
}

/* ---- steps ---- */

static bool check_removable(const BlockBackend *b, const char *name, GError **error)
{
    return block_removable(b) || error_set(error, "Device '%s' is not removable", name);
}

static void move_tray(BlockBackend *b, bool load)
{
    bool was_open = block_tray_open(b);
    if (!b->tray)
        return;
    block_drain(b);
    b->tray->moved(b->tray_opaque, load);
    if (block_tray_open(b) != was_open)
        block_tray_moved(b, !was_open);
}

BlockEject block_open_tray(BlockBackend *b, const char *name, bool force, GError **error)
{
    if (!check_removable(b, name, error))
        return BLOCK_EJECT_FAILED;
    if (!b->tray || block_tray_open(b))
        return BLOCK_EJECT_OPEN;
    bool locked = block_tray_locked(b);
    if (locked)
        b->tray->eject_requested(b->tray_opaque, force);
    if (locked && !force) {
        error_set(error, "Device '%s' is locked and force was not specified, wait for tray to "
                  "open and try again", name);
        return BLOCK_EJECT_LOCKED;
    }
    move_tray(b, false);
    return BLOCK_EJECT_OPEN;
}

bool block_close_tray(BlockBackend *b, const char *name, GError **error)
{
    if (!check_removable(b, name, error))
        return false;
    if (block_tray_open(b))
        move_tray(b, true);
    return true;
}

/* A node of -blockdev goes back to where blockdev-del finds it. */
static void drop_medium(BlockBackend *b)
{
    if (!b->node)
        return;
    block_drain(b);
    block_quiesce();
    if (!b->read_only)
        block_run(b, BLOCK_FLUSH, 0, NULL, 0, 0);
    block_history_settle(b->node);
    block_backend_switch(b, NULL);
    b->writable_later = false;
}

bool block_remove_medium(BlockBackend *b, const char *name, GError **error)
{
    if (!check_removable(b, name, error))
        return false;
    if (b->tray && b->node && !block_tray_open(b))
        return error_set(error, "Tray of device '%s' is not open", name);
    if (b->node && !block_node_idle(block_image(b), NULL, error))
        return false;
    drop_medium(b);
    return true;
}

static bool may_insert(BlockBackend *b, const char *name, GError **error)
{
    if (!check_removable(b, name, error))
        return false;
    if (b->tray && !block_tray_open(b))
        return error_set(error, "Tray of device '%s' is not open", name);
    return !b->node || error_set(error, "There already is a medium in device '%s'", name);
}

/* For a device that writes (scsi-hd,removable=on) as when it took the drive. */
static bool settle_in(BlockBackend *b, GError **error)
{
    if (!b->owner || (b->tray && b->tray->read_only) ||
        (block_make_writable(b, error) && block_history_attach(b, error)))
        return true;
    drop_medium(b);
    return false;
}

bool block_insert_medium(BlockBackend *b, const char *name, const char *node, GError **error)
{
    BlockNode *n = block_node_find(node);
    BlockBackend *t = block_find(node);
    if (!n)
        return error_set(error, "Node '%s' not found", node);
    if (!t || !t->monitored || t->owner || block_is_child(t) || n->job)
        return error_set(error, "Node '%s' is already in use", node);
    if (!may_insert(b, name, error))
        return false;
    block_quiesce();
    block_backend_switch(b, t->node);
    return settle_in(b, error);
}

bool block_change_medium(BlockBackend *b, const char *name, const char *filename,
                         const char *format, int read_only, bool force, GError **error)
{
    if (!check_removable(b, name, error) ||
        (b->node && !block_node_idle(block_image(b), NULL, error)))
        return false;
    /* The new one is opened first, so that a mistake leaves the old one where it is. */
    BlockBackend *fresh = block_new_empty();
    fresh->read_only = read_only >= 0 ? read_only : b->read_only;
    if (!block_open_medium(fresh, filename, format, error) ||
        block_open_tray(b, name, force, error) != BLOCK_EJECT_OPEN) {
        block_backend_discard(fresh);
        return false;
    }
    drop_medium(b);
    b->node = g_steal_pointer(&fresh->node);
    b->probed = fresh->probed;
    b->read_only = fresh->read_only;
    block_backend_discard(fresh);
    return settle_in(b, error) && block_close_tray(b, name, error);
}
