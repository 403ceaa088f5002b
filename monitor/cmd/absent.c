/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What these machines do not have, said as QEMU says it of machines without: scripts that look at
 * everything find an answer.
 */
#include <inttypes.h>
#include <string.h>

#include "backend/object.h"
#include "hw/board.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

Json *qmp_query_hotpluggable_cpus(const Json *args, GError **error)
{
    error_set(error, "The feature 'query-hotpluggable-cpus' is not enabled");
    return NULL;
}

void hmp_info_hotpluggable_cpus(Monitor *mon, const Json *args)
{
    monitor_puts(mon, "Error: The feature 'query-hotpluggable-cpus' is not enabled\n");
}

/* ---- where the answer has a name in it ---- */

bool qmp_yank(const Json *args, GError **error)
{
    if (!json_len(json_get(args, "instances")))
        return true;
    return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Instance not found");
}

static Json *no_rocker(const Json *args, GError **error)
{
    error_set(error, "rocker %s not found", json_get_str(args, "name", ""));
    return NULL;
}

Json *qmp_query_rocker(const Json *args, GError **error)
{
    return no_rocker(args, error);
}

Json *qmp_query_rocker_ports(const Json *args, GError **error)
{
    return no_rocker(args, error);
}

Json *qmp_query_rocker_of_dpa_flows(const Json *args, GError **error)
{
    return no_rocker(args, error);
}

Json *qmp_query_rocker_of_dpa_groups(const Json *args, GError **error)
{
    return no_rocker(args, error);
}

/* A pattern may well match none. */
static bool no_trace_event(const char *name, GError **error)
{
    return strchr(name, '*') || error_set(error, "unknown event \"%s\"", name);
}

Json *qmp_trace_event_get_state(const Json *args, GError **error)
{
    return no_trace_event(json_get_str(args, "name", ""), error) ? json_array() : NULL;
}

bool qmp_trace_event_set_state(const Json *args, GError **error)
{
    return no_trace_event(json_get_str(args, "name", ""), error);
}

void hmp_trace_event(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!no_trace_event(json_get_str(args, "name", ""), &error))
        monitor_printf(mon, "%s\n", error->message);
    g_clear_error(&error);
}

void hmp_info_trace_events(Monitor *mon, const Json *args)
{
    if (json_get(args, "name"))
        hmp_trace_event(mon, args);
}

/* ---- what there is of memory ---- */

Json *qmp_query_memdev(const Json *args, GError **error)
{
    Json *list = json_array(), *o = json_object();
    const Machine *m = current_machine;
    if (!m || !m->ram.ram) {
        json_free(o);
        return list;
    }
    json_set_str(o, "id", m->board->ram_id);
    json_set_uint(o, "size", m->ram_size);
    json_set_bool(o, "merge", true);
    json_set_bool(o, "dump", true);
    json_set_bool(o, "prealloc", false);
    json_set_bool(o, "share", m->ram_in_file && m->ram_shared);
    json_set_bool(o, "reserve", true);
    json_set(o, "host-nodes", json_array());
    json_set_str(o, "policy", "default");
    json_add(list, o);
    return list;
}

void hmp_info_memdev(Monitor *mon, const Json *args)
{
    g_autoptr(Json) list = qmp_query_memdev(args, NULL);
    static const char *const flags[] = { "merge", "dump", "prealloc", "share", "reserve" };
    for (unsigned i = 0; i < json_len(list); i++) {
        const Json *o = json_at(list, i);
        monitor_printf(mon, "memory backend: %s\n  size:  %" PRId64 "\n", json_get_str(o, "id", ""),
                       json_get_int(o, "size", 0));
        for (size_t k = 0; k < G_N_ELEMENTS(flags); k++)
            monitor_printf(mon, "  %s: %s\n", flags[k],
                           json_get_bool(o, flags[k], false) ? "true" : "false");
        monitor_puts(mon, "  policy: default\n  host nodes: \n\n");
    }
    monitor_puts(mon, "\n");
}

void hmp_info_iothreads(Monitor *mon, const Json *args)
{
    g_autoptr(Json) list = qmp_query_iothreads(args, NULL);
    for (unsigned i = 0; i < json_len(list); i++)
        monitor_printf(mon, "%s:\n  thread_id=%" PRId64 "\n", json_get_str(json_at(list, i), "id", ""),
                       json_get_int(json_at(list, i), "thread-id", 0));
}
