/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. */
#ifndef SOFTMMU_RUN_INTERNAL_H
#define SOFTMMU_RUN_INTERNAL_H

#include "softmmu/run.h"

int64_t monotonic_ns(void);

/* CLOCK_VIRTUAL runs or stands still. */
void clock_virtual_start(void);
void clock_virtual_stop(void);
bool clock_virtual_running(void);
/* clock_set_virtual_source is in force: the main loop does not run CLOCK_VIRTUAL timers. */
bool clock_virtual_is_counted(void);

/*
 * When `deadline` of `clock` is reached on the host's monotonic clock. With *realtime it is the
 * host's time of day instead, which may be set. INT64_MAX: never, as things are.
 */
int64_t clock_to_host(ClockType clock, int64_t deadline, bool *realtime);

/* The main loop's part of timers. */
enum { TIMER_FD_MONOTONIC, TIMER_FD_REALTIME, TIMER_FDS };
void timers_init(void);
extern int timer_fds[TIMER_FDS]; /* readable when a timer may have expired */
void timers_run(unsigned readable); /* bits: which of timer_fds are */
void timers_clock_changed(void);    /* a clock jumped, stopped or started: arm anew */

/* Tells vm_add_event_listener's listeners. */
void event_tell(VmEvent e, ShutdownCause cause);

/* Carries requests out. True: the program is to end, with *status. */
bool requests_run(int *status);

#endif
