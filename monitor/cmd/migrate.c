/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Migration: commands around softmmu/migrate.h. */
#include "softmmu/migrate.h"

#include <inttypes.h>

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

/* ---- away ---- */

bool qmp_migrate(const Json *args, GError **error)
{
    if (json_get_bool(args, "blk", false) || json_get_bool(args, "inc", false))
        return error_set(error, "disks can't be migrated along; have them where both programs see "
                         "them, and leave -b and -i out");
    if (json_get_bool(args, "resume", false))
        return error_set(error, "Cannot resume if there is no paused migration");
    return migrate_start(json_get_str(args, "uri", ""), error);
}

static GPtrArray *waiting; /* monitors */

static void on_state(MigrateState s)
{
    if (migrate_is_running() || !waiting)
        return;
    while (waiting->len) {
        Monitor *mon = g_ptr_array_steal_index(waiting, 0);
        g_autoptr(Json) info = migrate_info();
        const char *why = json_get_str(info, "error-desc", NULL);
        if (why)
            monitor_printf(mon, "Error: %s\n", why);
        monitor_resume(mon);
    }
}

void hmp_migrate(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!waiting) {
        waiting = g_ptr_array_new();
        migrate_set_listener(on_state);
    }
    if (!qmp_migrate(args, &error)) {
        monitor_report(mon, error);
    } else if (!json_get_bool(args, "detach", false)) {
        if (monitor_suspend(mon))
            g_ptr_array_add(waiting, mon);
        else
            monitor_puts(mon, "terminal does not allow synchronous migration, continuing "
                         "detached\n");
    }
}

bool qmp_migrate_cancel(const Json *args, GError **error)
{
    migrate_cancel();
    return true;
}

bool qmp_migrate_continue(const Json *args, GError **error)
{
    return migrate_go_on(json_get_str(args, "state", ""), error);
}

void hmp_migrate_continue(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!qmp_migrate_continue(args, &error))
        monitor_report(mon, error);
}

/* ---- to here ---- */

bool qmp_migrate_incoming(const Json *args, GError **error)
{
    return migrate_incoming(json_get_str(args, "uri", ""), error);
}

/* ---- postcopy, which there is not ---- */

bool qmp_migrate_recover(const Json *args, GError **error)
{
    return error_set(error, "Migrate recover can only be run when postcopy is paused.");
}

bool qmp_migrate_pause(const Json *args, GError **error)
{
    return error_set(error, "migrate-pause is currently only supported during postcopy-active "
                     "state");
}

bool qmp_migrate_start_postcopy(const Json *args, GError **error)
{
    return error_set(error, "Enable postcopy with migrate_set_capability before the start of "
                     "migration");
}

/* ---- capabilities and parameters ---- */

Json *qmp_query_migrate_capabilities(const Json *args, GError **error)
{
    return migrate_capabilities();
}

void hmp_info_migrate_capabilities(Monitor *mon, const Json *args)
{
    g_autoptr(Json) list = migrate_capabilities();
    for (unsigned i = 0; i < json_len(list); i++)
        monitor_printf(mon, "%s: %s\n", json_get_str(json_at(list, i), "capability", ""),
                       json_get_bool(json_at(list, i), "state", false) ? "on" : "off");
}

bool qmp_migrate_set_capabilities(const Json *args, GError **error)
{
    return migrate_set_capabilities(json_get(args, "capabilities"), error);
}

void hmp_migrate_set_capability(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(Json) list = json_array();
    json_add(list, json_copy(args));
    if (!migrate_set_capabilities(list, &error))
        monitor_report(mon, error);
}

Json *qmp_query_migrate_parameters(const Json *args, GError **error)
{
    return migrate_parameters();
}

void hmp_info_migrate_parameters(Monitor *mon, const Json *args)
{
    g_autoptr(GString) out = g_string_new(NULL);
    migrate_print_parameters(out);
    monitor_puts(mon, out->str);
}

bool qmp_migrate_set_parameters(const Json *args, GError **error)
{
    return migrate_set_parameters(args, error);
}

void hmp_migrate_set_parameter(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!migrate_set_parameter_text(json_get_str(args, "parameter", ""),
                                    json_get_str(args, "value", ""), &error))
        monitor_report(mon, error);
}

/* ---- looking ---- */

Json *qmp_query_migrate(const Json *args, GError **error)
{
    return migrate_info();
}

static void print_row(Monitor *mon, const Json *o, const char *key, const char *label,
                      const char *unit, unsigned shift)
{
    if (json_get(o, key))
        monitor_printf(mon, "%s: %" PRIu64 "%s\n", label, json_get_uint(o, key, 0) >> shift, unit);
}

static void print_ram(Monitor *mon, const Json *ram)
{
    print_row(mon, ram, "transferred", "transferred ram", " kbytes", 10);
    monitor_printf(mon, "throughput: %0.2f mbps\n", json_get_number(ram, "mbps", 0));
    static const struct { const char *key, *label, *unit; unsigned shift; } rows[] = {
        { "remaining", "remaining ram", " kbytes", 10 },
        { "total", "total ram", " kbytes", 10 },
        { "duplicate", "duplicate", " pages", 0 },
        { "skipped", "skipped", " pages", 0 },
        { "normal", "normal", " pages", 0 },
        { "normal-bytes", "normal bytes", " kbytes", 10 },
        { "dirty-sync-count", "dirty sync count", "", 0 },
        { "page-size", "page size", " kbytes", 10 },
        { "multifd-bytes", "multifd bytes", " kbytes", 10 },
        { "pages-per-second", "pages-per-second", "", 0 },
        { "dirty-pages-rate", "dirty pages rate", " pages", 0 },
        { "precopy-bytes", "precopy ram", " kbytes", 10 },
        { "downtime-bytes", "downtime ram", " kbytes", 10 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (i < 10 || json_get_uint(ram, rows[i].key, 0))
            print_row(mon, ram, rows[i].key, rows[i].label, rows[i].unit, rows[i].shift);
}

void hmp_info_migrate(Monitor *mon, const Json *args)
{
    g_autoptr(Json) info = migrate_info();
    const char *status = json_get_str(info, "status", NULL);
    const char *why = json_get_str(info, "error-desc", NULL);
    const Json *ram = json_get(info, "ram"), *sockets = json_get(info, "socket-address");
    monitor_puts(mon, "globals:\nstore-global-state: on\nonly-migratable: off\n"
                 "send-configuration: on\nsend-section-footer: on\ndecompress-error-check: on\n"
                 "clear-bitmap-shift: 18\n");
    if (status)
        monitor_printf(mon, "Migration status: %s%s%s%s\ntotal time: %" PRId64 " ms\n", status,
                       why ? " (" : "", why ? why : "", why ? ")" : "",
                       json_get_int(info, "total-time", 0));
    print_row(mon, info, "expected-downtime", "expected downtime", " ms", 0);
    print_row(mon, info, "downtime", "downtime", " ms", 0);
    print_row(mon, info, "setup-time", "setup", " ms", 0);
    if (ram)
        print_ram(mon, ram);
    print_row(mon, info, "cpu-throttle-percentage", "cpu throttle percentage", "", 0);
    if (!sockets)
        return;
    monitor_puts(mon, "socket address: [\n");
    for (unsigned i = 0; i < json_len(sockets); i++) {
        const Json *s = json_at(sockets, i);
        if (json_get(s, "path"))
            monitor_printf(mon, "\tunix:%s\n", json_get_str(s, "path", ""));
        else
            monitor_printf(mon, "\ttcp:%s:%s\n", json_get_str(s, "host", ""),
                           json_get_str(s, "port", ""));
    }
    monitor_puts(mon, "]\n");
}

/* ---- announcing ---- */

bool qmp_announce_self(const Json *args, GError **error)
{
    const Json *list = json_get(args, "interfaces");
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned i = 0; i < json_len(list); i++)
        g_ptr_array_add(names, (char *)json_str(json_at(list, i)));
    g_ptr_array_add(names, NULL);
    return migrate_announce(MAX(json_get_int(args, "initial", 0), 0),
                            MAX(json_get_int(args, "max", 0), 0),
                            MAX(json_get_int(args, "rounds", 0), 0),
                            MAX(json_get_int(args, "step", 0), 0), (char **)names->pdata,
                            json_get_str(args, "id", NULL), error);
}

void hmp_announce_self(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    const char *list = json_get_str(args, "interfaces", NULL);
    g_auto(GStrv) names = list ? g_strsplit(list, ",", -1) : NULL;
    if (!migrate_announce(-1, -1, -1, -1, names, json_get_str(args, "id", NULL), &error))
        monitor_report(mon, error);
}
