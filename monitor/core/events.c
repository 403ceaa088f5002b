/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP events, and those that the run state gives rise to. */
#include <string.h>

#include "hw/device.h"
#include "backend/net.h"
#include "monitor/cmd/qom.h"
#include "monitor/core/monitor_int.h"
#include "softmmu/guest_event.h"
#include "softmmu/run.h"
#include "util/error.h"

enum { EVENT_LAG = 1 << 19 }; /* a client with this much unread misses events */

static const SchemaEvent *find_event(const char *name)
{
    for (const SchemaEvent *e = schema_events; e->name; e++) {
        if (!strcmp(e->name, name))
            return e;
    }
    return NULL;
}

static void emit(const char *name, Json *data)
{
    gint64 now = g_get_real_time();
    g_autoptr(Json) event = json_object();
    Json *time = json_object();
    json_set_int(time, "seconds", now / G_USEC_PER_SEC);
    json_set_int(time, "microseconds", now % G_USEC_PER_SEC);
    json_set(event, "timestamp", time);
    json_set_str(event, "event", name);
    if (data)
        json_set(event, "data", data);
    for (unsigned i = 0; monitors && i < monitors->len; i++) {
        Monitor *mon = monitors->pdata[i];
        if (mon->kind == MONITOR_HMP || !mon->negotiated || chardev_queued(mon->chr) > EVENT_LAG)
            continue;
        json_print(event, mon->out, mon->kind == MONITOR_QMP_PRETTY);
        g_string_append(mon->out, "\r\n");
        monitor_flush(mon);
    }
}

/*
 * Events that a guest can cause as often as it likes come once in a second at most, the last of
 * those in between at its end.
 */
typedef struct Rare {
    const char *name;
    Timer *timer;  /* pending: one was emitted less than a second ago */
    Json *data;    /* of the one that waits, or NULL */
} Rare;

static Rare rare_events[] = { { "WATCHDOG" }, { "BALLOON_CHANGE" } };

static void second_over(void *opaque)
{
    Rare *r = opaque;
    if (!r->data)
        return;
    timer_mod(r->timer, clock_ns(CLOCK_RT) + G_GINT64_CONSTANT(1000000000));
    emit(r->name, g_steal_pointer(&r->data));
}

void qmp_event_emit(const char *name, Json *data)
{
    const SchemaEvent *e = find_event(name);
    g_assert(e && (!e->data || (data && schema_check(e->data, data, name, false, NULL))));
    for (size_t i = 0; i < G_N_ELEMENTS(rare_events); i++) {
        Rare *r = &rare_events[i];
        if (strcmp(r->name, name))
            continue;
        if (!r->timer)
            r->timer = timer_new(CLOCK_RT, second_over, r);
        if (timer_pending(r->timer)) {
            json_free(r->data);
            r->data = data;
            return;
        }
        timer_mod(r->timer, clock_ns(CLOCK_RT) + G_GINT64_CONSTANT(1000000000));
    }
    emit(name, data);
}

static void on_state(void *opaque, bool running, RunState s)
{
    static bool was_running;
    if (running != was_running)
        qmp_event_emit(running ? "RESUME" : "STOP", NULL);
    was_running = running;
}

static void on_event(void *opaque, VmEvent e, ShutdownCause cause)
{
    if (e == VM_EVENT_POWERDOWN) {
        qmp_event_emit("POWERDOWN", NULL);
        return;
    }
    Json *data = json_object();
    if (e == VM_EVENT_WATCHDOG) {
        json_set_str(data, "action", watchdog_actions[vm_actions.watchdog]);
        qmp_event_emit("WATCHDOG", data);
        return;
    }
    const char *reason = shutdown_cause_name(cause);
    json_set_bool(data, "guest", g_str_has_prefix(reason, "guest-"));
    json_set_str(data, "reason", reason);
    qmp_event_emit(e == VM_EVENT_RESET ? "RESET" : "SHUTDOWN", data);
}

static void on_unplug(const char *id, const char *path)
{
    Json *data = json_object();
    g_autofree char *full = g_strconcat("/machine/", path, NULL);
    if (id)
        json_set_str(data, "device", id);
    json_set_str(data, "path", full);
    qmp_event_emit("DEVICE_DELETED", data);
}

static void on_filter(NetNic *nic)
{
    Json *data = json_object();
    g_autofree char *path = qom_device_path(nic->path);
    json_set_str(data, "name", nic->id);
    json_set_str(data, "path", path);
    qmp_event_emit("NIC_RX_FILTER_CHANGED", data);
}

void events_init(void)
{
    net_set_filter_listener(on_filter);
    guest_event_set_listener(qmp_event_emit);
    run_state_add_listener(on_state, NULL);
    vm_add_event_listener(on_event, NULL);
    device_set_unplug_listener(on_unplug);
}
