/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop, its lock, clocks and timers, and the run state of the machine.
 *
 * The main thread holds the main lock except while it waits for events. A vCPU thread takes it
 * for MMIO and whatever else touches devices. Everything here is called with the main lock held
 * unless it says otherwise.
 */
#ifndef SOFTMMU_RUN_H
#define SOFTMMU_RUN_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- lock (any thread) ---- */
void main_lock(void);
void main_unlock(void);
bool main_lock_held(void); /* by the calling thread */
/* The lock may be taken again by its holder. These give it up altogether, and take it back. */
unsigned main_lock_drop(void);
void main_lock_retake(unsigned depth);
/* Waits on cond, with the main lock given up altogether meanwhile. */
void main_cond_wait(GCond *cond);
bool main_cond_wait_until(GCond *cond, int64_t monotonic_us); /* false: timed out */
/* Runs fn(opaque) on the main thread with the lock held, soon. Any thread, lock held or not. */
void main_defer(void (*fn)(void *opaque), void *opaque);

/* ---- clocks ---- */
typedef enum ClockType {
    CLOCK_VIRTUAL,  /* ns of machine time: starts at 0, stops while the machine is stopped */
    CLOCK_HOST,     /* ns since the Unix epoch, as -rtc sets it; jumps when the host's does */
    CLOCK_RT,       /* ns, monotonic, never stops */
    CLOCK_N
} ClockType;

int64_t clock_ns(ClockType clock); /* any thread, without the lock */

/*
 * -icount: virtual time is what a callback says (instructions << shift), and advances while all
 * CPUs sleep by clock_warp. NULL goes back to host time.
 */
void clock_set_virtual_source(int64_t (*ns)(void));
/* -rtc: CLOCK_HOST is `base` (CLOCK_HOST: the host's time of day) plus offset_ns. */
void clock_set_host(ClockType base, int64_t offset_ns);
/* Snapshot: sets CLOCK_VIRTUAL while the machine is stopped. */
void clock_set_virtual(int64_t ns);
/* The earliest deadline of a CLOCK_VIRTUAL timer, or INT64_MAX. Any thread. */
int64_t clock_virtual_deadline(void);
/* Runs this clock's expired timers now (icount mode, tests). */
void clock_run_timers(ClockType clock);
/* Called (timer lock held: no timer functions) when a CLOCK_VIRTUAL timer became the earliest. */
void clock_set_deadline_hook(void (*fn)(void));

typedef struct Timer Timer;
/* cb runs on the main thread (icount: on the vCPU thread that holds the lock), lock held. */
/* timer_mod and timer_del do not need the main lock; without it, cb may still run once after
 * timer_del. */
Timer *timer_new(ClockType clock, void (*cb)(void *opaque), void *opaque);
void timer_free(Timer *t);          /* NULL is fine */
void timer_mod(Timer *t, int64_t expire_ns); /* (re)arms; a time in the past fires at once */
void timer_del(Timer *t);
bool timer_pending(const Timer *t);
int64_t timer_expire_ns(const Timer *t); /* -1 if not pending */

/* ---- run state ---- */
/* X(constant, name as `info status` and query-status print it) */
#define RUN_STATES(X)                                                                          \
    X(PRELAUNCH, "prelaunch") X(RUNNING, "running") X(PAUSED, "paused") X(DEBUG, "debug")      \
    X(SHUTDOWN, "shutdown") X(INTERNAL_ERROR, "internal-error") X(IO_ERROR, "io-error")        \
    X(GUEST_PANICKED, "guest-panicked") X(SAVE_VM, "save-vm") X(RESTORE_VM, "restore-vm")      \
    X(SUSPENDED, "suspended") X(WATCHDOG, "watchdog") X(INMIGRATE, "inmigrate")                \
    X(FINISH_MIGRATE, "finish-migrate") X(POSTMIGRATE, "postmigrate")
typedef enum RunState {
#define X(c, n) RUN_STATE_##c,
    RUN_STATES(X)
#undef X
    RUN_STATE_N
} RunState;

RunState run_state(void);
const char *run_state_name(RunState s);
bool run_state_is_running(void);

/* Stops all vCPUs (waits for them) and virtual time; starts them again, but not a machine that has
 * not come yet (RUN_STATE_INMIGRATE). */
void vm_stop(RunState why);
void vm_start(void);
/* As vm_start, but virtual time stands still until the next vm_stop: a debugger's single steps. */
void vm_start_frozen(void);
/* From one state to another, both not running. */
void run_state_set(RunState s);
/* Called on every change, main thread. */
void run_state_add_listener(void (*fn)(void *opaque, bool running, RunState s), void *opaque);

/* Requests are carried out by the main loop soon. Any thread, lock held or not. */
typedef enum ShutdownCause {
    SHUTDOWN_GUEST_SHUTDOWN, SHUTDOWN_GUEST_RESET, SHUTDOWN_GUEST_PANIC,
    SHUTDOWN_HOST_QMP_QUIT, SHUTDOWN_HOST_QMP_SYSTEM_RESET, SHUTDOWN_HOST_SIGNAL,
    SHUTDOWN_HOST_UI, SHUTDOWN_HOST_ERROR, SHUTDOWN_SNAPSHOT_LOAD,
} ShutdownCause;
const char *shutdown_cause_name(ShutdownCause c); /* as in QMP's SHUTDOWN event: "guest-reset" */
void vm_request_shutdown(ShutdownCause cause, int exit_code);
void vm_request_reset(ShutdownCause cause);
void vm_request_powerdown(void);          /* the power button */
void vm_request_stop(RunState why);       /* e.g. from a vCPU thread */
void vm_add_powerdown_notifier(void (*fn)(void *opaque), void *opaque);

/* What was carried out, for QMP events. cause is of SHUTDOWN and RESET. Main thread. */
typedef enum VmEvent {
    VM_EVENT_SHUTDOWN, VM_EVENT_RESET, VM_EVENT_POWERDOWN, VM_EVENT_WATCHDOG,
} VmEvent;
void vm_add_event_listener(void (*fn)(void *opaque, VmEvent e, ShutdownCause cause),
                           void *opaque);

/* X(constant, name in -watchdog-action and QMP) */
#define WATCHDOG_ACTIONS(X)                                                                    \
    X(RESET, "reset") X(SHUTDOWN, "shutdown") X(POWEROFF, "poweroff") X(PAUSE, "pause")        \
    X(DEBUG, "debug") X(NONE, "none") X(INJECT_NMI, "inject-nmi")
typedef enum WatchdogAction {
#define X(c, n) WATCHDOG_##c,
    WATCHDOG_ACTIONS(X)
#undef X
} WatchdogAction;
/* X(constant, name in -action panic= and QMP): what vm_guest_panicked does */
#define PANIC_ACTIONS(X)                                                                       \
    X(SHUTDOWN, "shutdown") X(PAUSE, "pause") X(EXIT_FAILURE, "exit-failure") X(NONE, "none")
typedef enum PanicAction {
#define X(c, n) PANIC_##c,
    PANIC_ACTIONS(X)
#undef X
} PanicAction;
extern const char *const watchdog_actions[], *const panic_actions[]; /* names, NULL-terminated */

/* -no-reboot, -no-shutdown, -action */
typedef struct VmActions {
    bool reboot_is_shutdown, shutdown_is_pause;
    PanicAction panic;
    WatchdogAction watchdog;
} VmActions;
extern VmActions vm_actions;
bool watchdog_set_action(const char *name); /* false: there is no such action */
bool panic_set_action(const char *name);    /* likewise */
/* For devices: the guest did not feed its watchdog. */
void vm_watchdog_expired(void);

/*
 * Reset of the whole machine: handlers in ascending order of `stage`, then of registration.
 * Devices use hw/device.h, not this.
 */
enum { RESET_STAGE_DEVICES = 0, RESET_STAGE_ROMS = 50, RESET_STAGE_CPUS = 100 };
void vm_add_reset_handler(int stage, void (*fn)(void *opaque), void *opaque);
void vm_reset_now(void);

/*
 * Before a snapshot is taken or loaded, with the machine standing still: what threads of devices
 * have under way comes to its end, and its results reach the guest's memory.
 */
void vm_add_drain_handler(void (*fn)(void *opaque), void *opaque);
void vm_remove_drain_handler(void (*fn)(void *opaque), void *opaque);
void vm_drain(void);

/* ---- main loop ---- */
/* Once, on the main thread, before other threads exist. Returns with the main lock held. */
void main_loop_init(void);
/* Runs until a shutdown is carried out; returns the exit status. Handles SIGINT/TERM/HUP. */
int main_loop_run(void);
/*
 * Goes on with the loop until done(opaque): for a command whose reply has to wait. Resets and the
 * end of the program wait as well. Not from a device's callback.
 */
void main_loop_wait_for(bool (*done)(void *opaque), void *opaque);
void main_loop_wake(void); /* any thread */
/* At a clean end, before the process exits: terminal modes, pid file, flushes. In reverse order. */
void exit_add_notifier(void (*fn)(void *opaque), void *opaque);
/* Runs and forgets them; main_loop_run and exit() do. */
void exit_run_notifiers(void);

#endif
