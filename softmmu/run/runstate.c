/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run states, requests to change them, and reset of the machine.
 *
 * Requests come from any thread and are carried out by the main loop. A vCPU that makes one runs
 * nothing more until it was: a guest that switched itself off must not go on.
 */
#include <pthread.h>

#include "accel/cpu.h"
#include "softmmu/run/run_internal.h"

static _Atomic int state = RUN_STATE_PRELAUNCH;
VmActions vm_actions;

/* ---- callbacks ---- */

typedef struct Callback {
    void (*fn)(void);
    void *opaque;
    int stage;
} Callback;

static GArray *state_listeners, *event_listeners, *powerdown_notifiers, *reset_handlers,
    *drain_handlers;

static void callback_add(GArray **list, void (*fn)(void), void *opaque, int stage)
{
    if (!*list)
        *list = g_array_new(false, false, sizeof(Callback));
    unsigned i = (*list)->len;
    while (i > 0 && g_array_index(*list, Callback, i - 1).stage > stage)
        i--;
    Callback c = { fn, opaque, stage };
    g_array_insert_val(*list, i, c);
}

#define FOR_CALLBACKS(c, list)                                                                 \
    for (unsigned i_ = 0; (list) && i_ < (list)->len; i_++)                                    \
        for (Callback c = g_array_index(list, Callback, i_), *once_ = &c; once_; once_ = NULL)

void run_state_add_listener(void (*fn)(void *opaque, bool running, RunState s), void *opaque)
{
    callback_add(&state_listeners, (void (*)(void))fn, opaque, 0);
}

void vm_add_event_listener(void (*fn)(void *opaque, VmEvent e, ShutdownCause cause), void *opaque)
{
    callback_add(&event_listeners, (void (*)(void))fn, opaque, 0);
}

void vm_add_powerdown_notifier(void (*fn)(void *opaque), void *opaque)
{
    callback_add(&powerdown_notifiers, (void (*)(void))fn, opaque, 0);
}

void vm_add_reset_handler(int stage, void (*fn)(void *opaque), void *opaque)
{
    callback_add(&reset_handlers, (void (*)(void))fn, opaque, stage);
}

void vm_add_drain_handler(void (*fn)(void *opaque), void *opaque)
{
    callback_add(&drain_handlers, (void (*)(void))fn, opaque, 0);
}

void vm_remove_drain_handler(void (*fn)(void *opaque), void *opaque)
{
    for (unsigned i = 0; i < drain_handlers->len; i++) {
        const Callback *c = &g_array_index(drain_handlers, Callback, i);
        if (c->fn == (void (*)(void))fn && c->opaque == opaque) {
            g_array_remove_index(drain_handlers, i);
            return;
        }
    }
}

void vm_drain(void)
{
    FOR_CALLBACKS(c, drain_handlers)
        ((void (*)(void *))c.fn)(c.opaque);
}

void event_tell(VmEvent e, ShutdownCause cause)
{
    FOR_CALLBACKS(c, event_listeners)
        ((void (*)(void *, VmEvent, ShutdownCause))c.fn)(c.opaque, e, cause);
}

/* ---- states ---- */

RunState run_state(void)
{
    return atomic_load_explicit(&state, memory_order_relaxed);
}

const char *run_state_name(RunState s)
{
    static const char *const names[] = {
#define X(c, n) [RUN_STATE_##c] = n,
        RUN_STATES(X)
#undef X
    };
    return s < RUN_STATE_N ? names[s] : "unknown";
}

bool run_state_is_running(void)
{
    return run_state() == RUN_STATE_RUNNING;
}

static void change_state(RunState s)
{
    atomic_store(&state, s);
    FOR_CALLBACKS(c, state_listeners)
        ((void (*)(void *, bool, RunState))c.fn)(c.opaque, s == RUN_STATE_RUNNING, s);
}

void run_state_set(RunState s)
{
    g_assert(!run_state_is_running() && s != RUN_STATE_RUNNING);
    if (s != run_state())
        change_state(s);
}

void vm_stop(RunState why)
{
    if (current_cpu) {
        vm_request_stop(why); /* it can't wait for itself */
        return;
    }
    if (!run_state_is_running())
        return;
    clock_virtual_stop();
    cpus_pause_all();
    change_state(why);
}

static void start(bool clock)
{
    if (run_state_is_running() || run_state() == RUN_STATE_INMIGRATE)
        return;
    change_state(RUN_STATE_RUNNING);
    if (clock)
        clock_virtual_start();
    cpus_resume_all();
}

void vm_start(void)
{
    start(true);
}

void vm_start_frozen(void)
{
    start(false);
}

/* ---- requests ---- */

static pthread_mutex_t request_lock = PTHREAD_MUTEX_INITIALIZER;
static struct Requests {
    bool any, shutdown, reset, powerdown, stop;
    ShutdownCause shutdown_cause, reset_cause;
    int exit_code;
    RunState stop_state;
} requests;

static void requested(void)
{
    requests.any = true;
    pthread_mutex_unlock(&request_lock);
    cpu_stop_current();
    main_loop_wake();
}

const char *shutdown_cause_name(ShutdownCause c)
{
    static const char *const names[] = {
        [SHUTDOWN_GUEST_SHUTDOWN] = "guest-shutdown",
        [SHUTDOWN_GUEST_RESET] = "guest-reset",
        [SHUTDOWN_GUEST_PANIC] = "guest-panic",
        [SHUTDOWN_HOST_QMP_QUIT] = "host-qmp-quit",
        [SHUTDOWN_HOST_QMP_SYSTEM_RESET] = "host-qmp-system-reset",
        [SHUTDOWN_HOST_SIGNAL] = "host-signal",
        [SHUTDOWN_HOST_UI] = "host-ui",
        [SHUTDOWN_HOST_ERROR] = "host-error",
        [SHUTDOWN_SNAPSHOT_LOAD] = "snapshot-load",
    };
    return c < G_N_ELEMENTS(names) ? names[c] : "none";
}

static bool by_guest(ShutdownCause c)
{
    return c == SHUTDOWN_GUEST_SHUTDOWN || c == SHUTDOWN_GUEST_RESET || c == SHUTDOWN_GUEST_PANIC;
}

void vm_request_shutdown(ShutdownCause cause, int exit_code)
{
    pthread_mutex_lock(&request_lock);
    /* The user's wish to end outranks what the guest wants. */
    if (!requests.shutdown || (by_guest(requests.shutdown_cause) && !by_guest(cause))) {
        requests.shutdown = true;
        requests.shutdown_cause = cause;
        requests.exit_code = exit_code;
    }
    requested();
}

void vm_request_reset(ShutdownCause cause)
{
    if (vm_actions.reboot_is_shutdown && cause != SHUTDOWN_SNAPSHOT_LOAD) {
        vm_request_shutdown(cause, 0);
        return;
    }
    pthread_mutex_lock(&request_lock);
    requests.reset = true;
    requests.reset_cause = cause;
    requested();
}

void vm_request_powerdown(void)
{
    pthread_mutex_lock(&request_lock);
    requests.powerdown = requests.any = true;
    pthread_mutex_unlock(&request_lock);
    main_loop_wake(); /* the guest goes on, to hear of it */
}

void vm_request_stop(RunState why)
{
    pthread_mutex_lock(&request_lock);
    requests.stop = true;
    requests.stop_state = why;
    requested();
}

void vm_reset_now(void)
{
    cpus_pause_all();
    FOR_CALLBACKS(c, reset_handlers)
        ((void (*)(void *))c.fn)(c.opaque);
    cpus_resume_all();
}

/* True: end the program. */
static bool carry_out_shutdown(ShutdownCause cause, int exit_code, int *status)
{
    event_tell(VM_EVENT_SHUTDOWN, cause);
    if (by_guest(cause) && vm_actions.shutdown_is_pause) {
        vm_stop(RUN_STATE_SHUTDOWN);
        return false;
    }
    if (cause == SHUTDOWN_GUEST_PANIC && vm_actions.panic == PANIC_EXIT_FAILURE)
        exit_code = 1;
    vm_stop(RUN_STATE_SHUTDOWN);
    *status = exit_code;
    return true;
}

bool requests_run(int *status)
{
    pthread_mutex_lock(&request_lock);
    struct Requests r = requests;
    requests = (struct Requests){ 0 };
    pthread_mutex_unlock(&request_lock);
    if (!r.any)
        return false;
    if (r.stop && r.stop_state == RUN_STATE_DEBUG)
        vm_stop(RUN_STATE_DEBUG);
    if (r.shutdown && carry_out_shutdown(r.shutdown_cause, r.exit_code, status))
        return true;
    if (r.reset) {
        /* A vCPU that asked has stopped itself; the pair of pause and resume starts it again. */
        vm_reset_now();
        if (!run_state_is_running() && run_state() != RUN_STATE_INMIGRATE)
            run_state_set(RUN_STATE_PRELAUNCH);
        event_tell(VM_EVENT_RESET, r.reset_cause);
    }
    if (r.powerdown) {
        event_tell(VM_EVENT_POWERDOWN, SHUTDOWN_GUEST_SHUTDOWN);
        FOR_CALLBACKS(c, powerdown_notifiers)
            ((void (*)(void *))c.fn)(c.opaque);
    }
    if (r.stop && r.stop_state != RUN_STATE_DEBUG)
        vm_stop(r.stop_state);
    return false;
}
