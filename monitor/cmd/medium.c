/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media that can be changed: trays, what is in them. */
#include <string.h>

#include "backend/block.h"
#include "hw/device.h"
#include "monitor/cmd/qom.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

typedef struct Search {
    const Device *dev;
    BlockBackend *found;
} Search;

/* A drive's owner is called by its id or path; over PCI it is the device behind. */
static void look(BlockBackend *b, void *arg)
{
    Search *s = arg;
    const char *owner = block_owner(b);
    size_t n = strlen(s->dev->path);
    if (owner && (!g_strcmp0(owner, s->dev->id) || !strcmp(owner, s->dev->path) ||
                  (!strncmp(owner, s->dev->path, n) && !strcmp(owner + n, "/virtio-backend"))))
        s->found = b;
}

/* "device": a drive's name; "id": a device's, or its QOM path. */
static BlockBackend *find(const Json *args, const char **name, GError **error)
{
    const char *device = json_get_str(args, "device", NULL), *id = json_get_str(args, "id", NULL);
    Search s = { NULL, NULL };
    *name = device ? device : id;
    if (!device == !id) {
        error_set(error, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    if (device) {
        BlockBackend *b = block_find(device);
        s.found = b && block_is_drive(b) && !strcmp(block_id(b), device) ? b : NULL;
    } else {
        const char *last = g_str_has_prefix(id, "/machine/peripheral/") ? strrchr(id, '/') + 1 : id;
        s.dev = *last ? device_find(last) : NULL;
        if (s.dev)
            block_foreach(look, &s);
        if (s.dev && !s.found) {
            error_set(error, "Device '%s' is not a block device", id);
            return NULL;
        }
    }
    if (!s.found)
        qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", *name);
    return s.found;
}

bool qmp_blockdev_open_tray(const Json *args, GError **error)
{
    const char *name;
    BlockBackend *b = find(args, &name, error);
    if (!b)
        return false;
    GError *why = NULL;
    BlockEject how = block_open_tray(b, name, json_get_bool(args, "force", false), &why);
    if (how != BLOCK_EJECT_FAILED) { /* locked: the guest was asked, and an event tells */
        g_clear_error(&why);
        return true;
    }
    g_propagate_error(error, why);
    return false;
}

bool qmp_blockdev_close_tray(const Json *args, GError **error)
{
    const char *name;
    BlockBackend *b = find(args, &name, error);
    return b && block_close_tray(b, name, error);
}

bool qmp_blockdev_remove_medium(const Json *args, GError **error)
{
    const char *name;
    BlockBackend *b = find(args, &name, error);
    return b && block_remove_medium(b, name, error);
}

bool qmp_blockdev_insert_medium(const Json *args, GError **error)
{
    const char *name;
    BlockBackend *b = find(args, &name, error);
    return b && block_insert_medium(b, name, json_get_str(args, "node-name", ""), error);
}

/* 0 and 1; -1: as it was. */
static int read_only_mode(const char *mode)
{
    return !g_strcmp0(mode, "read-only") ? 1 : !g_strcmp0(mode, "read-write") ? 0 : -1;
}

bool qmp_blockdev_change_medium(const Json *args, GError **error)
{
    const char *name;
    BlockBackend *b = find(args, &name, error);
    return b && block_change_medium(b, name, json_get_str(args, "filename", ""),
                                    json_get_str(args, "format", NULL),
                                    read_only_mode(json_get_str(args, "read-only-mode", NULL)),
                                    json_get_bool(args, "force", false), error);
}

bool qmp_eject(const Json *args, GError **error)
{
    const char *name;
    BlockBackend *b = find(args, &name, error);
    return b &&
           block_open_tray(b, name, json_get_bool(args, "force", false), error) ==
               BLOCK_EJECT_OPEN &&
           block_remove_medium(b, name, error);
}

void hmp_change(Monitor *mon, const Json *args)
{
    static const char *const modes[] = { "retain", "read-only", "read-write", NULL };
    const char *mode = json_get_str(args, "read-only-mode", NULL);
    const char *name = json_get_str(args, "device", "");
    BlockBackend *b = block_find(name);
    GError *error = NULL;
    bool ok = false;
    if (mode && !g_strv_contains(modes, mode))
        error_set(&error, "invalid parameter value: %s", mode);
    else if (!b || !block_is_drive(b) || strcmp(block_id(b), name))
        error_set(&error, "Device '%s' not found", name);
    else
        ok = block_change_medium(b, name, json_get_str(args, "target", ""),
                                 json_get_str(args, "format", NULL), read_only_mode(mode),
                                 json_get_bool(args, "force", false), &error);
    if (!ok)
        monitor_report(mon, error);
}

static void tray_moved(BlockBackend *b, bool open)
{
    const char *owner = block_owner(b);
    g_autofree char *id = owner ? qom_device_path(owner) : g_strdup("");
    Json *data = json_object();
    json_set_str(data, "device", block_is_drive(b) ? block_id(b) : "");
    json_set_str(data, "id", id);
    json_set_bool(data, "tray-open", open);
    qmp_event_emit("DEVICE_TRAY_MOVED", data);
}

static void __attribute__((constructor)) watch_trays(void)
{
    block_set_tray_listener(tray_moved);
}
