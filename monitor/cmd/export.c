/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NBD server and its exports. */
#include "backend/export.h"

#include <string.h>

#include "backend/block.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static void gone(const char *id)
{
    Json *data = json_object();
    json_set_str(data, "id", id);
    qmp_event_emit("BLOCK_EXPORT_DELETED", data);
}

bool qmp_nbd_server_start(const Json *args, GError **error)
{
    const Json *addr = json_get(args, "addr"), *data = json_get(addr, "data");
    const char *type = json_get_str(addr, "type", "");
    NbdAddress a = { 0 };
    int64_t max = json_get_int(args, "max-connections", 100);
    if (json_get_str(args, "tls-creds", NULL) || json_get_str(args, "tls-authz", NULL))
        return error_set(error, "TLS is not supported");
    if (max < 0 || max > UINT32_MAX)
        return error_set(error, "Parameter 'max-connections' is out of range");
    if (!strcmp(type, "unix")) {
        a.path = json_get_str(data, "path", NULL);
        if (!a.path)
            return error_set(error, "Parameter 'addr.data.path' is missing");
    } else if (!strcmp(type, "inet")) {
        a.host = json_get_str(data, "host", NULL);
        a.port = json_get_str(data, "port", NULL);
        if (!a.host || !a.port)
            return error_set(error, "Parameter 'addr.data.%s' is missing", a.host ? "port" : "host");
    } else {
        return error_set(error, "addresses are of type 'inet' or 'unix'");
    }
    return nbd_server_start(&a, (unsigned)max, error);
}

bool qmp_nbd_server_stop(const Json *args, GError **error)
{
    nbd_export_set_gone_hook(gone);
    return nbd_server_stop(error);
}

static bool add(const char *device, const char *id, const char *name, const char *description,
                bool writable, bool if_can, GError **error)
{
    NbdExportArgs a = { .id = id, .device = device, .name = name, .description = description,
                        .writable = writable, .writable_if_can = if_can };
    nbd_export_set_gone_hook(gone);
    return nbd_export_add(&a, error);
}

bool qmp_nbd_server_add(const Json *args, GError **error)
{
    const char *device = json_get_str(args, "device", "");
    const char *name = json_get_str(args, "name", device);
    return add(device, name, name, json_get_str(args, "description", NULL),
               json_get_bool(args, "writable", false), true, error);
}

bool qmp_block_export_add(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "id", ""), *node = json_get_str(args, "node-name", "");
    if (strcmp(json_get_str(args, "type", ""), "nbd"))
        return error_set(error, "Parameter 'type' does not accept value '%s'; exports here are of "
                         "type nbd", json_get_str(args, "type", ""));
    if (!g_ascii_isalpha(*id) || strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._") !=
        strlen(id))
        return error_set(error, "Invalid block export id");
    if (!block_node_find(node))
        return error_set(error, "Cannot find device='' nor node-name='%s'", node);
    return add(node, id, json_get_str(args, "name", node), json_get_str(args, "description", NULL),
               json_get_bool(args, "writable", false), false, error);
}

static bool del(const char *id, const Json *args, GError **error)
{
    nbd_export_set_gone_hook(gone);
    return nbd_export_del(id, !strcmp(json_get_str(args, "mode", "safe"), "hard"), error);
}

bool qmp_nbd_server_remove(const Json *args, GError **error)
{
    return del(json_get_str(args, "name", ""), args, error);
}

bool qmp_block_export_del(const Json *args, GError **error)
{
    return del(json_get_str(args, "id", ""), args, error);
}

static void describe(const char *id, const char *node, bool closing, void *arg)
{
    Json *o = json_object();
    json_set_str(o, "id", id);
    json_set_str(o, "type", "nbd");
    json_set_str(o, "node-name", node);
    json_set_bool(o, "shutting-down", closing);
    json_add(arg, o);
}

Json *qmp_query_block_exports(const Json *args, GError **error)
{
    Json *list = json_array();
    nbd_export_foreach(describe, list);
    return list;
}

/* ---- HMP ---- */

typedef struct AddAll {
    bool writable;
    GError *error;
} AddAll;

static void add_one(BlockBackend *b, void *arg)
{
    AddAll *a = arg;
    if (!a->error && block_is_drive(b) && block_inserted(b))
        add(block_id(b), block_id(b), block_id(b), NULL, a->writable, true, &a->error);
}

void hmp_nbd_server_start(Monitor *mon, const Json *args)
{
    const char *uri = json_get_str(args, "uri", ""), *colon = strrchr(uri, ':');
    AddAll a = { .writable = json_get_bool(args, "writable", false) };
    bool all = json_get_bool(args, "all", false);
    if (a.writable && !all) {
        monitor_puts(mon, "Error: -w only valid together with -a\n");
        return;
    }
    g_autofree char *host = colon ? g_strndup(uri, (gsize)(colon - uri)) : NULL;
    if (!strcmp(host ? host : "", "unix"))
        nbd_server_start(&(NbdAddress){ .path = colon + 1 }, 100, &a.error);
    else if (!colon)
        error_set(&a.error, "invalid address '%s': it is HOST:PORT or unix:PATH", uri);
    else
        nbd_server_start(&(NbdAddress){ .host = host, .port = colon + 1 }, 100, &a.error);
    if (!a.error && all) {
        block_foreach(add_one, &a);
        if (a.error)
            nbd_server_stop(NULL);
    }
    if (a.error)
        monitor_report(mon, a.error);
}

void hmp_nbd_server_add(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    const char *device = json_get_str(args, "device", "");
    const char *name = json_get_str(args, "name", device);
    if (!add(device, name, name, NULL, json_get_bool(args, "writable", false), true, &error))
        monitor_report(mon, error);
}

void hmp_nbd_server_remove(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    nbd_export_set_gone_hook(gone);
    if (!nbd_export_del(json_get_str(args, "name", ""), json_get_bool(args, "force", false), &error))
        monitor_report(mon, error);
}

void hmp_nbd_server_stop(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!qmp_nbd_server_stop(args, &error))
        monitor_report(mon, error);
}
