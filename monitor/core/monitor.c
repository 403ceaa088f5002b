/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors on their chardevs: input, output, focus of a mux. */
#include "monitor/monitor.h"

#include <string.h>

#include "accel/accel.h"
#include "backend/char_hook.h"
#include "monitor/core/monitor_int.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/version.h"

enum {
    MONITOR_OUT_MAX = 1 << 20,    /* kept while a mux shows something else */
    MONITOR_CLIENT_LAG = 1 << 18, /* no more input while the client has this much to read */
    MONITOR_INPUT = 4096,
};

GPtrArray *monitors;

/* ---- output ---- */

void monitor_flush(Monitor *mon)
{
    if (!mon->chr || !mon->focus || !mon->out->len)
        return;
    chardev_write(mon->chr, mon->out->str, mon->out->len);
    g_string_truncate(mon->out, 0);
}

void monitor_puts(Monitor *mon, const char *text)
{
    for (const char *nl; (nl = strchr(text, '\n')); text = nl + 1) {
        g_string_append_len(mon->out, text, nl - text);
        g_string_append(mon->out, "\r\n");
    }
    g_string_append(mon->out, text);
    if (mon->chr && !mon->focus && mon->out->len > MONITOR_OUT_MAX)
        g_string_erase(mon->out, 0, mon->out->len - MONITOR_OUT_MAX);
}

void monitor_printf(Monitor *mon, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    monitor_puts(mon, text);
}

void monitor_report(Monitor *mon, GError *error)
{
    monitor_printf(mon, "Error: %s\n", error ? error->message : "the command failed");
    g_clear_error(&error);
}

bool qmp_error_set(GError **error, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (error)
        *error = g_error_new_valist(SOSIA_ERROR, code, fmt, ap);
    va_end(ap);
    return false;
}

Cpu *monitor_cpu(Monitor *mon)
{
    Cpu *cpu = mon->cpu < cpu_count ? cpus[mon->cpu] : NULL;
    /* What another accelerator keeps to itself. */
    if (cpu && accel_current && accel_current->state_to_cpu)
        accel_current->state_to_cpu(cpu);
    return cpu;
}

void monitor_set_cpu(Monitor *mon, unsigned index)
{
    mon->cpu = index;
}

static char *guest_name, *guest_uuid;

void monitor_set_guest(const char *name, const char *uuid)
{
    g_free(guest_name);
    g_free(guest_uuid);
    guest_name = g_strdup(name);
    guest_uuid = g_strdup(uuid);
}

const char *monitor_guest_name(void)
{
    return guest_name;
}

const char *monitor_guest_uuid(void)
{
    return guest_uuid;
}

/* ---- lines ---- */

static bool ending;

void monitor_end(void)
{
    ending = true;
}

static void on_print(void *opaque, const char *text)
{
    monitor_puts(opaque, text);
}

static void on_line(void *opaque, const char *line)
{
    Monitor *mon = opaque;
    mon->ran = true;
    monitor_flush(mon);
    hmp_run(mon, line);
    if (!ending && !mon->suspended)
        readline_prompt(mon->readline, "(qemu) ");
}

static GPtrArray *on_complete(void *opaque, const char *text, size_t *start)
{
    return hmp_complete(text, start);
}

static const ReadlineOps readline_ops = { on_print, on_line, on_complete };

static void greet(Monitor *mon)
{
    monitor_printf(mon, "QEMU %s monitor - type 'help' for more information\n",
                   QEMU_COMPAT_VERSION);
    mon->greeted = true;
    if (mon->focus)
        readline_prompt(mon->readline, "(qemu) ");
    monitor_flush(mon);
}

/* ---- the chardev's callbacks ---- */

static gboolean more_input(gpointer opaque);

static void go_on(Monitor *mon)
{
    if (mon->input->len && !mon->input_tag)
        mon->input_tag = g_idle_add_full(G_PRIORITY_DEFAULT, more_input, mon, NULL);
    else if (!mon->input->len)
        chardev_accept_input(mon->chr, mon);
}

bool monitor_suspend(Monitor *mon)
{
    mon->suspended = mon->chr;
    return mon->suspended;
}

void monitor_resume(Monitor *mon)
{
    mon->suspended = false;
    if (mon->greeted && mon->focus && !ending)
        readline_prompt(mon->readline, "(qemu) ");
    monitor_flush(mon);
    go_on(mon);
}

/* Goes on once the client has read most of what waits for it. */
static gboolean resume_input(gpointer opaque)
{
    Monitor *mon = opaque;
    if (chardev_queued(mon->chr) > MONITOR_CLIENT_LAG / 2)
        return G_SOURCE_CONTINUE;
    mon->resume_tag = 0;
    go_on(mon);
    return G_SOURCE_REMOVE;
}

static bool client_lags(Monitor *mon)
{
    if (chardev_queued(mon->chr) <= MONITOR_CLIENT_LAG)
        return false;
    if (!mon->resume_tag)
        mon->resume_tag = g_timeout_add(5, resume_input, mon);
    return true;
}

static size_t monitor_can_read(void *opaque)
{
    Monitor *mon = opaque;
    return mon->suspended || mon->input->len || client_lags(mon) ? 0 : MONITOR_INPUT;
}

Monitor *monitor_active;

int monitor_received_fd(void)
{
    return monitor_active ? chardev_take_fd(monitor_active->chr) : -1;
}

/* Takes input up to the end of a command; how much. */
static size_t feed(Monitor *mon, const uint8_t *buf, size_t len)
{
    size_t n = 0;
    mon->ran = false;
    monitor_active = mon;
    while (n < len && !mon->ran) {
        char c = buf[n++];
        if (mon->kind == MONITOR_HMP)
            readline_feed(mon->readline, c);
        else
            json_stream_feed(mon->stream, &c, 1);
    }
    monitor_active = NULL;
    monitor_flush(mon);
    return n;
}

/*
 * What a command asks the main loop for (a reset, the end) happens before the next command of the
 * same piece of input.
 */
static gboolean more_input(gpointer opaque)
{
    Monitor *mon = opaque;
    if (mon->suspended || client_lags(mon)) {
        mon->input_tag = 0;
        return G_SOURCE_REMOVE;
    }
    g_autofree uint8_t *buf = g_memdup2(mon->input->data, mon->input->len);
    size_t len = mon->input->len, n = feed(mon, buf, len);
    /* A connection that was closed meanwhile takes its input along. */
    g_byte_array_remove_range(mon->input, 0, MIN(n, mon->input->len));
    if (mon->input->len)
        return G_SOURCE_CONTINUE;
    mon->input_tag = 0;
    chardev_accept_input(mon->chr, mon);
    return G_SOURCE_REMOVE;
}

static void monitor_read(void *opaque, const uint8_t *buf, size_t len)
{
    Monitor *mon = opaque;
    size_t n = feed(mon, buf, len);
    g_byte_array_append(mon->input, buf + n, len - n);
    if (mon->input->len && !mon->input_tag && !mon->resume_tag)
        mon->input_tag = g_idle_add_full(G_PRIORITY_DEFAULT, more_input, mon, NULL);
}

static void hmp_event(Monitor *mon, CharEvent event)
{
    switch (event) {
    case CHAR_OPENED:
        g_string_truncate(mon->out, 0);
        greet(mon);
        break;
    case CHAR_CLOSED:
        mon->greeted = false;
        break;
    case CHAR_MUX_IN:
        mon->focus = true;
        if (mon->greeted)
            readline_prompt(mon->readline, "(qemu) ");
        monitor_flush(mon);
        break;
    case CHAR_MUX_OUT:
        if (mon->greeted && mon->focus)
            monitor_puts(mon, "\n");
        monitor_flush(mon);
        mon->focus = false;
        break;
    case CHAR_BREAK:
        break;
    }
}

static void monitor_event(void *opaque, CharEvent event)
{
    Monitor *mon = opaque;
    if (event == CHAR_CLOSED)
        g_byte_array_set_size(mon->input, 0);
    if (mon->kind == MONITOR_HMP) {
        hmp_event(mon, event);
    } else if (event == CHAR_OPENED) {
        qmp_greet(mon);
    } else if (event == CHAR_CLOSED) {
        json_stream_reset(mon->stream);
        mon->negotiated = false;
        mon->greeted = false;
    }
}

static Monitor *monitor_alloc(MonitorKind kind)
{
    Monitor *mon = g_new0(Monitor, 1);
    mon->kind = kind;
    mon->out = g_string_new(NULL);
    mon->input = g_byte_array_new();
    mon->focus = true;
    mon->format = 'x';
    mon->format_size = 4;
    return mon;
}

bool monitor_new(Chardev *c, MonitorKind kind, GError **error)
{
    if (!monitors) {
        monitors = g_ptr_array_new();
        events_init();
    }
    if (kind != MONITOR_HMP && chardev_is_mux(c))
        return error_set(error, "Monitor mode 'control' can't share chardev '%s'; take mux=on away",
                         chardev_label(c));
    Monitor *mon = monitor_alloc(kind);
    mon->chr = c;
    if (kind == MONITOR_HMP)
        mon->readline = readline_new(&readline_ops, mon);
    else
        mon->stream = json_stream_new(qmp_message, mon);
    chardev_not_machine(monitor_read);
    CharFrontend fe = { .can_read = monitor_can_read, .read = monitor_read,
                        .event = monitor_event, .opaque = mon };
    g_ptr_array_add(monitors, mon);
    if (chardev_attach(c, &fe, error)) {
        chardev_yield_focus(c, mon);
        return true;
    }
    g_ptr_array_remove(monitors, mon);
    readline_free(mon->readline);
    json_stream_free(mon->stream);
    g_string_free(mon->out, TRUE);
    g_byte_array_unref(mon->input);
    g_free(mon);
    return false;
}

GString *hmp_execute(const char *line, Cpu *cpu)
{
    Monitor *mon = monitor_alloc(MONITOR_HMP);
    mon->cpu = cpu ? cpu->index : 0;
    hmp_run(mon, line);
    GString *out = mon->out;
    g_byte_array_unref(mon->input);
    g_free(mon);
    return out;
}
