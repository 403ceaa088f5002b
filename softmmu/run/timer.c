/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers: a binary heap per clock, and timerfds on which the main loop sleeps.
 *
 * A vCPU that arms an earlier timer only sets the timerfd: the main thread need not wake up to
 * learn of it. That matters, as guests arm their timer after every tick.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "softmmu/run/run_internal.h"

struct Timer {
    ClockType clock;
    bool due;         /* taken off the heap to be run; in the due list */
    int index;        /* in the heap, or -1 */
    int64_t expire;
    uint64_t seq;     /* order of arming: the tie-break, so that order is reproducible */
    void (*cb)(void *opaque);
    void *opaque;
    Timer *next, *prev; /* due list */
};

typedef struct TimerHeap {
    Timer **t;
    unsigned n, cap;
    _Atomic int64_t deadline; /* of t[0], or INT64_MAX */
    Timer *due, *due_tail;
} TimerHeap;

static pthread_mutex_t timer_lock = PTHREAD_MUTEX_INITIALIZER;
static TimerHeap heaps[CLOCK_N] = {
    { .deadline = INT64_MAX }, { .deadline = INT64_MAX }, { .deadline = INT64_MAX },
};
static uint64_t last_seq;
static void (*deadline_hook)(void);

int timer_fds[TIMER_FDS] = { -1, -1 };
static int64_t armed[TIMER_FDS] = { INT64_MAX, INT64_MAX }; /* what the fds are set to */

/* ---- heap ---- */

static bool before(const Timer *a, const Timer *b)
{
    return a->expire != b->expire ? a->expire < b->expire : a->seq < b->seq;
}

static void heap_put(TimerHeap *h, unsigned i, Timer *t)
{
    h->t[i] = t;
    t->index = i;
}

static void heap_up(TimerHeap *h, unsigned i, Timer *t)
{
    while (i > 0 && before(t, h->t[(i - 1) / 2])) {
        heap_put(h, i, h->t[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(h, i, t);
}

static void heap_down(TimerHeap *h, unsigned i, Timer *t)
{
    for (;;) {
        unsigned child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(h->t[child + 1], h->t[child]))
            child++;
        if (!before(h->t[child], t))
            break;
        heap_put(h, i, h->t[child]);
        i = child;
    }
    heap_put(h, i, t);
}

static void heap_note_deadline(TimerHeap *h)
{
    atomic_store(&h->deadline, h->n ? h->t[0]->expire : INT64_MAX);
}

static void heap_remove(TimerHeap *h, Timer *t)
{
    unsigned i = t->index;
    Timer *moved = h->t[--h->n];
    t->index = -1;
    if (moved != t) {
        if (i > 0 && before(moved, h->t[(i - 1) / 2]))
            heap_up(h, i, moved);
        else
            heap_down(h, i, moved);
    }
    heap_note_deadline(h);
}

static void heap_add(TimerHeap *h, Timer *t)
{
    if (h->n == h->cap) {
        h->cap = MAX(16, h->cap * 2);
        h->t = g_renew(Timer *, h->t, h->cap);
    }
    heap_up(h, h->n++, t);
    heap_note_deadline(h);
}

/* ---- due list ---- */

static void due_append(TimerHeap *h, Timer *t)
{
    t->due = true;
    t->next = NULL;
    t->prev = h->due_tail;
    if (h->due_tail)
        h->due_tail->next = t;
    else
        h->due = t;
    h->due_tail = t;
}

static void due_remove(TimerHeap *h, Timer *t)
{
    t->due = false;
    if (t->prev)
        t->prev->next = t->next;
    else
        h->due = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        h->due_tail = t->prev;
}

/* Off the heap or the due list. Timer lock held. */
static void disarm(Timer *t)
{
    TimerHeap *h = &heaps[t->clock];
    if (t->due)
        due_remove(h, t);
    else if (t->index >= 0)
        heap_remove(h, t);
}

/* ---- timerfds ---- */

static void fd_set_to(unsigned which, int64_t ns)
{
    armed[which] = ns;
    if (timer_fds[which] < 0)
        return;
    struct itimerspec spec = { 0 };
    if (ns != INT64_MAX) {
        ns = MAX(ns, 1); /* 0 would disarm; the past fires at once */
        spec.it_value.tv_sec = ns / 1000000000;
        spec.it_value.tv_nsec = ns % 1000000000;
    }
    int flags = TFD_TIMER_ABSTIME;
    if (which == TIMER_FD_REALTIME)
        flags |= TFD_TIMER_CANCEL_ON_SET;
    timerfd_settime(timer_fds[which], flags, &spec, NULL);
}

/* Sets the fds to the earliest deadlines. Only to earlier ones unless `again`: waking up once too
 * often costs less than a system call whenever a timer is put off. Timer lock held. */
static void arm(bool again)
{
    int64_t want[TIMER_FDS] = { INT64_MAX, INT64_MAX };
    for (int c = 0; c < CLOCK_N; c++) {
        if (!heaps[c].n)
            continue;
        bool realtime;
        int64_t ns = clock_to_host(c, heaps[c].t[0]->expire, &realtime);
        unsigned which = realtime ? TIMER_FD_REALTIME : TIMER_FD_MONOTONIC;
        want[which] = MIN(want[which], ns);
    }
    for (unsigned i = 0; i < TIMER_FDS; i++) {
        if (want[i] < armed[i] || (again && want[i] != armed[i]))
            fd_set_to(i, want[i]);
    }
}

void timers_init(void)
{
    timer_fds[TIMER_FD_MONOTONIC] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    timer_fds[TIMER_FD_REALTIME] = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer_fds[0] < 0 || timer_fds[1] < 0)
        g_error("timerfd_create: %s", g_strerror(errno));
    timers_clock_changed();
}

void timers_clock_changed(void)
{
    pthread_mutex_lock(&timer_lock);
    arm(true);
    pthread_mutex_unlock(&timer_lock);
}

static bool runs_here(ClockType c)
{
    return c != CLOCK_VIRTUAL || (clock_virtual_running() && !clock_virtual_is_counted());
}

void timers_run(unsigned readable)
{
    for (unsigned i = 0; i < TIMER_FDS; i++) {
        uint64_t count;
        if (!(readable & 1u << i))
            continue;
        /* ECANCELED: the time of day was set. Either way it has to be armed anew. */
        ssize_t n = read(timer_fds[i], &count, sizeof count);
        pthread_mutex_lock(&timer_lock);
        if (n > 0 || errno == ECANCELED)
            armed[i] = INT64_MAX;
        pthread_mutex_unlock(&timer_lock);
    }
    for (int c = 0; c < CLOCK_N; c++) {
        if (atomic_load(&heaps[c].deadline) != INT64_MAX && runs_here(c))
            clock_run_timers(c);
    }
    if (readable) {
        pthread_mutex_lock(&timer_lock);
        arm(false);
        pthread_mutex_unlock(&timer_lock);
    }
}

/* ---- interface ---- */

void clock_run_timers(ClockType clock)
{
    TimerHeap *h = &heaps[clock];
    int64_t now = clock_ns(clock);
    pthread_mutex_lock(&timer_lock);
    /* All that are due now first: one that arms itself in the past must not starve the others. */
    while (h->n && h->t[0]->expire <= now) {
        Timer *t = h->t[0];
        heap_remove(h, t);
        due_append(h, t);
    }
    while (h->due) {
        Timer *t = h->due;
        due_remove(h, t);
        void (*cb)(void *) = t->cb;
        void *opaque = t->opaque;
        pthread_mutex_unlock(&timer_lock);
        cb(opaque);
        pthread_mutex_lock(&timer_lock);
    }
    pthread_mutex_unlock(&timer_lock);
}

int64_t clock_virtual_deadline(void)
{
    return atomic_load(&heaps[CLOCK_VIRTUAL].deadline);
}

void clock_set_deadline_hook(void (*fn)(void))
{
    pthread_mutex_lock(&timer_lock);
    deadline_hook = fn;
    pthread_mutex_unlock(&timer_lock);
}

Timer *timer_new(ClockType clock, void (*cb)(void *opaque), void *opaque)
{
    Timer *t = g_new0(Timer, 1);
    t->clock = clock;
    t->index = -1;
    t->cb = cb;
    t->opaque = opaque;
    return t;
}

void timer_free(Timer *t)
{
    if (!t)
        return;
    timer_del(t);
    g_free(t);
}

void timer_mod(Timer *t, int64_t expire_ns)
{
    TimerHeap *h = &heaps[t->clock];
    pthread_mutex_lock(&timer_lock);
    disarm(t);
    t->expire = expire_ns;
    t->seq = ++last_seq;
    heap_add(h, t);
    if (h->t[0] == t) {
        arm(false);
        if (t->clock == CLOCK_VIRTUAL && deadline_hook)
            deadline_hook();
    }
    pthread_mutex_unlock(&timer_lock);
}

void timer_del(Timer *t)
{
    pthread_mutex_lock(&timer_lock);
    disarm(t);
    pthread_mutex_unlock(&timer_lock);
}

bool timer_pending(const Timer *t)
{
    pthread_mutex_lock(&timer_lock);
    bool pending = t->due || t->index >= 0;
    pthread_mutex_unlock(&timer_lock);
    return pending;
}

int64_t timer_expire_ns(const Timer *t)
{
    pthread_mutex_lock(&timer_lock);
    int64_t ns = t->due || t->index >= 0 ? t->expire : -1;
    pthread_mutex_unlock(&timer_lock);
    return ns;
}
