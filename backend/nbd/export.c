/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is exported under which name. */
#include <string.h>

#include "backend/export.h"
#include "backend/nbd/nbd_int.h"
#include "util/error.h"

static NbdExport *exports; /* latest first */
static void (*gone_hook)(const char *id);

void nbd_export_set_gone_hook(void (*fn)(const char *id))
{
    gone_hook = fn;
}

NbdExport *nbd_export_next(NbdExport *e)
{
    return e ? e->next : exports;
}

NbdExport *nbd_export_find(const char *name)
{
    for (NbdExport *e = exports; e; e = e->next)
        if (!e->closing && !strcmp(e->name, name))
            return e;
    return NULL;
}

static NbdExport *find_id(const char *id)
{
    for (NbdExport *e = exports; e; e = e->next)
        if (!strcmp(e->id, id))
            return e;
    return NULL;
}

static void export_free(NbdExport *e)
{
    for (NbdExport **at = &exports; *at; at = &(*at)->next) {
        if (*at == e) {
            *at = e->next;
            break;
        }
    }
    block_free(e->b);
    if (gone_hook)
        gone_hook(e->id);
    g_free(e->id);
    g_free(e->name);
    g_free(e->description);
    g_free(e);
}

void nbd_export_leave(NbdExport *e)
{
    if (!--e->clients && e->closing)
        export_free(e);
}

bool nbd_export_add(const NbdExportArgs *a, GError **error)
{
    const char *name = a->name ? a->name : a->device;
    bool writable = a->writable;
    if (!nbd_server_running())
        return error_set(error, "NBD server not running");
    if (strlen(name) > NBD_MAX_NAME)
        return error_set(error, "export name '%s' too long", name);
    if (a->description && strlen(a->description) > NBD_MAX_NAME)
        return error_set(error, "description '%s' too long", a->description);
    if (find_id(a->id))
        return error_set(error, "Block export id '%s' is already in use", a->id);
    if (nbd_export_find(name))
        return error_set(error, "NBD server already has export named '%s'", name);
    BlockBackend *b = block_export_new(a->device, &writable, a->writable_if_can, error);
    if (!b)
        return false;
    NbdExport *e = g_new0(NbdExport, 1);
    e->id = g_strdup(a->id);
    e->name = g_strdup(name);
    e->description = g_strdup(a->description);
    e->b = b;
    e->writable = writable;
    e->next = exports;
    exports = e;
    return true;
}

bool nbd_export_del(const char *id, bool hard, GError **error)
{
    NbdExport *e = find_id(id);
    if (!e)
        return error_set(error, "Export '%s' is not found", id);
    if (e->closing)
        return error_set(error, "Export '%s' is already shutting down", id);
    if (!hard && e->clients)
        return error_set(error, "export '%s' still in use; use mode='hard' to disconnect its "
                         "clients", id);
    e->closing = true;
    if (e->clients)
        nbd_close_clients(e); /* the last of them takes it away */
    else
        export_free(e);
    return true;
}

void nbd_export_foreach(void (*fn)(const char *id, const char *node, bool closing, void *arg),
                        void *arg)
{
    for (NbdExport *e = exports; e; e = e->next)
        fn(e->id, block_node_name(e->b), e->closing, arg);
}
