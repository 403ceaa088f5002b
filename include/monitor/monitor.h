/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor: control of the machine by people (HMP) and programs (QMP).
 *
 * Every command is one entry of monitor/schema/commands.toml and one body in monitor/cmd. Main
 * thread, main lock held.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <glib.h>
#include <stdbool.h>

#include "accel/cpu.h"
#include "backend/char.h"
#include "util/json.h"

typedef struct Monitor Monitor;

typedef enum MonitorKind { MONITOR_HMP, MONITOR_QMP, MONITOR_QMP_PRETTY } MonitorKind;

/* Puts a monitor on c (-monitor, -qmp, -mon). It lives until the program ends. */
bool monitor_new(Chardev *c, MonitorKind kind, GError **error);

/* -name and -uuid, for query-name and query-uuid; NULL: not given. */
void monitor_set_guest(const char *name, const char *uuid);

/*
 * Runs one HMP command line and returns what it says, for gdb's `monitor` and
 * human-monitor-command. Lines end with CR LF, as on a monitor. cpu NULL: the first.
 */
GString *hmp_execute(const char *line, Cpu *cpu);

/*
 * Emits a QMP event to every QMP monitor. data is taken over; NULL: none. The event must be in the
 * schema. Any thread that holds the main lock.
 */
void qmp_event_emit(const char *name, Json *data);

/* ---- for command bodies ---- */

/* Error classes of QMP, as codes of a GError; anything else is GenericError. */
enum { QMP_ERROR_GENERIC = 1, QMP_ERROR_COMMAND_NOT_FOUND = 100, QMP_ERROR_DEVICE_NOT_FOUND,
       QMP_ERROR_DEVICE_NOT_ACTIVE, QMP_ERROR_KVM_MISSING_CAP };
/* As error_set, with a class. Returns false. */
bool qmp_error_set(GError **error, int code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

void monitor_printf(Monitor *mon, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void monitor_puts(Monitor *mon, const char *text);
/* "Error: <message>" of an HMP command; frees the error. */
void monitor_report(Monitor *mon, GError *error);
/* No more of its lines are run until it is resumed, which prompts. False: its output is collected,
 * nobody waits. */
bool monitor_suspend(Monitor *mon);
void monitor_resume(Monitor *mon);
/* The CPU that `cpu N` chose; NULL if the machine has none. */
Cpu *monitor_cpu(Monitor *mon);
void monitor_set_cpu(Monitor *mon, unsigned index);
/* -name and -uuid; NULL: not given. */
const char *monitor_guest_name(void);
const char *monitor_guest_uuid(void);
/* The descriptor that came with the command being carried out, if any; the caller's. -1: none. */
int monitor_received_fd(void);
/* quit was asked for: no more prompts. */
void monitor_end(void);

#endif
