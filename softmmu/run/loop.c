/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop: glib's default context, polled with the main lock given up, plus timers,
 * deferred calls and signals.
 *
 * Timers and requests run only between iterations of this loop, never in a nested one (a device
 * that waits for its backend with g_main_context_iteration must not be entered again); deferred
 * calls are a GSource and do run there.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "softmmu/run/run_internal.h"
#include "util/error.h"

/* ---- deferred calls ---- */

typedef struct Deferred Deferred;
struct Deferred {
    void (*fn)(void *opaque);
    void *opaque;
    Deferred *next;
};

static pthread_mutex_t defer_lock = PTHREAD_MUTEX_INITIALIZER;
static Deferred *deferred, **deferred_end = &deferred;
static GSource *defer_source;

static gboolean defer_dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
    g_source_set_ready_time(source, -1);
    pthread_mutex_lock(&defer_lock);
    Deferred *list = deferred;
    deferred = NULL;
    deferred_end = &deferred;
    pthread_mutex_unlock(&defer_lock);
    while (list) {
        Deferred *d = list;
        list = d->next;
        d->fn(d->opaque);
        g_free(d);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs defer_funcs = { .dispatch = defer_dispatch };

void main_defer(void (*fn)(void *opaque), void *opaque)
{
    Deferred *d = g_new(Deferred, 1);
    *d = (Deferred){ .fn = fn, .opaque = opaque };
    pthread_mutex_lock(&defer_lock);
    *deferred_end = d;
    deferred_end = &d->next;
    if (defer_source)
        g_source_set_ready_time(defer_source, 0);
    pthread_mutex_unlock(&defer_lock);
}

static void defer_init(void)
{
    GSource *s = g_source_new(&defer_funcs, sizeof(GSource));
    g_source_set_name(s, "main_defer");
    g_source_set_can_recurse(s, true);
    pthread_mutex_lock(&defer_lock);
    g_source_attach(s, NULL);
    defer_source = s;
    if (deferred)
        g_source_set_ready_time(s, 0);
    pthread_mutex_unlock(&defer_lock);
}

/* ---- polling ---- */

static bool at_top; /* in main_loop_run's own iteration, not one nested in a callback */
static unsigned timers_readable;
static int signal_fd = -1;

static gint poll_without_lock(GPollFD *fds, guint n, gint timeout_ms)
{
    struct pollfd all[64], *p = all;
    unsigned extra = at_top ? TIMER_FDS + 1 : 0;
    at_top = false; /* what is dispatched next, nests */
    if (n + extra > G_N_ELEMENTS(all))
        p = g_new(struct pollfd, n + extra);
    _Static_assert(sizeof(GPollFD) == sizeof(struct pollfd), "GPollFD is struct pollfd");
    memcpy(p, fds, n * sizeof *p);
    if (extra) {
        for (unsigned i = 0; i < TIMER_FDS; i++)
            p[n + i] = (struct pollfd){ .fd = timer_fds[i], .events = POLLIN };
        p[n + TIMER_FDS] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
    }

    unsigned depth = main_lock_drop();
    int ready = poll(p, n + extra, timeout_ms);
    int err = errno;
    main_lock_retake(depth);

    timers_readable = 0;
    if (ready > 0) {
        memcpy(fds, p, n * sizeof *p);
        for (unsigned i = 0; i < extra; i++) {
            if (!p[n + i].revents)
                continue;
            ready--;
            if (i < TIMER_FDS)
                timers_readable |= 1u << i;
        }
    }
    if (p != all)
        g_free(p);
    errno = err;
    return ready;
}

void main_loop_wake(void)
{
    g_main_context_wakeup(NULL);
}

/* ---- signals ---- */

static _Atomic int signal_number, signal_pid, signal_count;

static void on_signal(int number, siginfo_t *info, void *context)
{
    int err = errno;
    /* Who asks for the third time does not want to wait for a clean end. */
    if (atomic_fetch_add(&signal_count, 1) >= 2) {
        signal(number, SIG_DFL);
        raise(number);
    }
    atomic_store(&signal_pid, info->si_pid);
    atomic_store(&signal_number, number);
    uint64_t one = 1;
    ssize_t n = write(signal_fd, &one, sizeof one);
    (void)n; /* full means that the loop will wake up anyway */
    errno = err;
}

static void signals_init(void)
{
    signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow (ulimit -f) gives EFBIG */
}

/* Command line of a process, or NULL. */
static char *process_name(int pid)
{
    char *path = g_strdup_printf("/proc/%d/cmdline", pid), *text = NULL;
    gsize len = 0;
    g_file_get_contents(path, &text, &len, NULL);
    g_free(path);
    return text;
}

static void signals_run(void)
{
    int number = atomic_exchange(&signal_number, 0);
    if (!number)
        return;
    uint64_t count;
    ssize_t n = read(signal_fd, &count, sizeof count);
    (void)n;
    int pid = atomic_load(&signal_pid);
    if (pid) {
        char *name = process_name(pid);
        error_report("terminating on signal %d from pid %d (%s)", number, pid,
                     name && *name ? name : "<unknown process>");
        g_free(name);
    } else {
        error_report("terminating on signal %d", number);
    }
    vm_request_shutdown(SHUTDOWN_HOST_SIGNAL, 0);
}

/* ---- the loop ---- */

void main_loop_init(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    /* Timers of the host may be late by 50 us otherwise. */
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    timers_init();
    signals_init();
    defer_init();
    g_main_context_set_poll_func(NULL, poll_without_lock);
    main_lock();
}

int main_loop_run(void)
{
    int status = 0;
    for (;;) {
        timers_run(timers_readable);
        timers_readable = 0;
        signals_run();
        if (requests_run(&status))
            break;
        at_top = true;
        g_main_context_iteration(NULL, true);
        at_top = false;
    }
    exit_run_notifiers();
    return status;
}

void main_loop_wait_for(bool (*done)(void *opaque), void *opaque)
{
    while (!done(opaque)) {
        timers_run(timers_readable);
        timers_readable = 0;
        at_top = true;
        g_main_context_iteration(NULL, true);
        at_top = false;
    }
}

/* ---- exit ---- */

typedef struct ExitNotifier ExitNotifier;
struct ExitNotifier {
    void (*fn)(void *opaque);
    void *opaque;
    ExitNotifier *next;
};

static ExitNotifier *exit_notifiers; /* latest first */

void exit_run_notifiers(void)
{
    while (exit_notifiers) {
        ExitNotifier *e = exit_notifiers;
        exit_notifiers = e->next;
        e->fn(e->opaque);
        g_free(e);
    }
}

void exit_add_notifier(void (*fn)(void *opaque), void *opaque)
{
    static bool registered;
    if (!registered) {
        atexit(exit_run_notifiers); /* also where the program ends on an error */
        registered = true;
    }
    ExitNotifier *e = g_new(ExitNotifier, 1);
    *e = (ExitNotifier){ .fn = fn, .opaque = opaque, .next = exit_notifiers };
    exit_notifiers = e;
}
