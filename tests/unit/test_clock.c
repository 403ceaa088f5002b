/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, timers, the main loop that runs them, deferred calls. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "softmmu/run.h"

enum { MS = 1000000 };

static void stop_loop(void *opaque)
{
    vm_request_shutdown(SHUTDOWN_HOST_QMP_QUIT, 0);
}

/* The main loop for ms milliseconds. */
static void loop_for(unsigned ms)
{
    Timer *t = timer_new(CLOCK_RT, stop_loop, NULL);
    timer_mod(t, clock_ns(CLOCK_RT) + (int64_t)ms * MS);
    g_assert_cmpint(main_loop_run(), ==, 0);
    timer_free(t);
}

/* Until *n is `least`: a busy host may take long to give us our turn. */
typedef struct {
    Timer *timer;
    const unsigned *n;
    unsigned least;
} Awaited;

static void stop_when_there(void *opaque)
{
    Awaited *a = opaque;
    if (*a->n >= a->least)
        stop_loop(NULL);
    else
        timer_mod(a->timer, clock_ns(CLOCK_RT) + MS);
}

static void loop_until(const unsigned *n, unsigned least)
{
    Awaited a = { .n = n, .least = least };
    a.timer = timer_new(CLOCK_RT, stop_when_there, &a);
    timer_mod(a.timer, clock_ns(CLOCK_RT));
    loop_for(60000);
    timer_free(a.timer);
    g_assert_cmpuint(*n, >=, least);
}

static void count(void *opaque)
{
    g_assert_true(main_lock_held());
    ++*(unsigned *)opaque;
}

static void test_virtual(void)
{
    clock_set_virtual(1234);
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), ==, 1234);
    usleep(2000);
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), ==, 1234);

    unsigned n = 0;
    Timer *t = timer_new(CLOCK_VIRTUAL, count, &n);
    timer_mod(t, 1234 + 5 * MS);
    g_assert_cmpint(clock_virtual_deadline(), ==, 1234 + 5 * MS);
    loop_for(20);
    g_assert_cmpuint(n, ==, 0); /* time stands still */
    vm_start();
    loop_until(&n, 1); /* and stops the machine in the end */
    g_assert_cmpuint(n, ==, 1);
    g_assert_false(timer_pending(t));
    g_assert_cmpint(timer_expire_ns(t), ==, -1);
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    g_assert_cmpint(now, >=, 1234 + 5 * MS);
    usleep(2000);
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), ==, now);
    timer_free(t);
    g_assert_cmpint(clock_virtual_deadline(), ==, INT64_MAX);
}

static void test_host(void)
{
    int64_t real = g_get_real_time() * 1000;
    g_assert_cmpint(ABS(clock_ns(CLOCK_HOST) - real), <, 60000LL * MS);
    clock_set_host(CLOCK_HOST, -3600 * 1000LL * MS);
    g_assert_cmpint(ABS(clock_ns(CLOCK_HOST) + 3600 * 1000LL * MS - real), <, 60000LL * MS);
    unsigned n = 0;
    Timer *t = timer_new(CLOCK_HOST, count, &n);
    timer_mod(t, clock_ns(CLOCK_HOST) + 5 * MS);
    loop_until(&n, 1);
    g_assert_cmpuint(n, ==, 1);
    /* From the machine's clock, as -rtc clock=vm: stands still with it. */
    clock_set_host(CLOCK_VIRTUAL, 5000);
    g_assert_cmpint(clock_ns(CLOCK_HOST), ==, clock_ns(CLOCK_VIRTUAL) + 5000);
    timer_mod(t, clock_ns(CLOCK_HOST) + 5 * MS);
    loop_for(10);
    g_assert_cmpuint(n, ==, 1);
    clock_set_host(CLOCK_HOST, 0); /* jumps, so it is long due */
    loop_until(&n, 2);
    g_assert_cmpuint(n, ==, 2);
    timer_free(t);
}

/* ---- a source of virtual time that the test moves ---- */

static _Atomic int64_t fake_ns;
static int64_t fake_now(void) { return fake_ns; }

enum { N_TIMERS = 300 };
typedef struct Entry {
    Timer *t;
    int64_t expire; /* -1: off */
    unsigned long order;
} Entry;
static Entry entries[N_TIMERS];
static unsigned long order, fired;
static int64_t last_fired = -1;
static unsigned long last_order;
static GRand *rnd;

static void entry_arm(Entry *e, int64_t expire)
{
    e->expire = expire;
    e->order = ++order;
    timer_mod(e->t, expire);
}

static void entry_cb(void *opaque)
{
    Entry *e = opaque;
    g_assert_cmpint(e->expire, >=, 0);
    g_assert_cmpint(e->expire, <=, fake_ns);
    /* In order of time, then of arming. */
    g_assert_true(e->expire > last_fired || (e->expire == last_fired && e->order > last_order));
    last_fired = e->expire;
    last_order = e->order;
    e->expire = -1;
    fired++;
    g_assert_false(timer_pending(e->t));
    if (g_rand_int_range(rnd, 0, 3) == 0)
        entry_arm(e, fake_ns + g_rand_int_range(rnd, 1, 1000));
    if (g_rand_int_range(rnd, 0, 8) == 0) {
        Entry *other = &entries[g_rand_int_range(rnd, 0, N_TIMERS)];
        timer_del(other->t);
        other->expire = -1;
    }
}

static void test_model(void)
{
    rnd = g_rand_new_with_seed(5);
    clock_set_virtual_source(fake_now);
    fake_ns = 0;
    for (unsigned i = 0; i < N_TIMERS; i++) {
        entries[i].t = timer_new(CLOCK_VIRTUAL, entry_cb, &entries[i]);
        entries[i].expire = -1;
    }
    for (unsigned step = 0; step < 20000; step++) {
        Entry *e = &entries[g_rand_int_range(rnd, 0, N_TIMERS)];
        if (g_rand_int_range(rnd, 0, 4)) {
            entry_arm(e, fake_ns + g_rand_int_range(rnd, 0, 2000));
        } else {
            timer_del(e->t);
            e->expire = -1;
        }
        int64_t first = INT64_MAX;
        for (unsigned i = 0; i < N_TIMERS; i++) {
            if (entries[i].expire >= 0)
                first = MIN(first, entries[i].expire);
            g_assert_cmpint(timer_expire_ns(entries[i].t), ==, entries[i].expire);
        }
        g_assert_cmpint(clock_virtual_deadline(), ==, first);
        fake_ns += g_rand_int_range(rnd, 0, 40);
        last_fired = -1;
        clock_run_timers(CLOCK_VIRTUAL);
        for (unsigned i = 0; i < N_TIMERS; i++)
            g_assert_true(entries[i].expire < 0 || entries[i].expire > fake_ns);
    }
    g_assert_cmpuint(fired, >, 1000);
    for (unsigned i = 0; i < N_TIMERS; i++)
        timer_free(entries[i].t);
    clock_set_virtual_source(NULL);
    g_rand_free(rnd);
}

/* One that always re-arms itself in the past keeps neither the others nor the loop from work. */
static Timer *greedy;
static void greedy_cb(void *opaque)
{
    ++*(unsigned *)opaque;
    timer_mod(greedy, 0);
}

static void test_past(void)
{
    unsigned n_greedy = 0, n = 0;
    greedy = timer_new(CLOCK_RT, greedy_cb, &n_greedy);
    Timer *t = timer_new(CLOCK_RT, count, &n);
    timer_mod(greedy, -5);
    timer_mod(t, clock_ns(CLOCK_RT));
    loop_until(&n, 1);
    g_assert_cmpuint(n, ==, 1);
    loop_until(&n_greedy, 2);
    timer_free(greedy);
    timer_mod(t, INT64_MAX); /* never, and no overflow */
    loop_for(5);
    g_assert_cmpuint(n, ==, 1);
    timer_free(t);
}

/* ---- other threads ---- */

static Timer *remote;
static _Atomic unsigned n_remote;
static unsigned n_deferred;

static void deferred_call(void *opaque)
{
    g_assert_true(main_lock_held());
    g_assert_cmpuint(n_deferred, ==, GPOINTER_TO_UINT(opaque)); /* in order */
    n_deferred++;
}

static void *arm_remotely(void *arg)
{
    for (unsigned i = 0; i < 50; i++) {
        main_lock();
        timer_mod(remote, clock_ns(CLOCK_RT) + 100000);
        main_unlock();
        /* However long it takes: there is nothing else that would wake the loop. */
        while (n_remote <= i)
            usleep(100);
        main_defer(deferred_call, GUINT_TO_POINTER(i));
    }
    main_defer(stop_loop, NULL);
    return NULL;
}

static int64_t worst_latency;
static void remote_cb(void *opaque)
{
    n_remote++;
}

static void test_remote(void)
{
    remote = timer_new(CLOCK_RT, remote_cb, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, arm_remotely, NULL);
    g_assert_cmpint(main_loop_run(), ==, 0);
    pthread_join(thread, NULL);
    g_assert_cmpuint(n_deferred, ==, 50);
    timer_free(remote);
}

/* How late timers are: reported. */
static Timer *periodic;
static int64_t expected;
static unsigned n_periodic;
static int64_t total_latency;

static void periodic_cb(void *opaque)
{
    int64_t late = clock_ns(CLOCK_RT) - expected;
    g_assert_cmpint(late, >=, 0);
    total_latency += late;
    worst_latency = MAX(worst_latency, late);
    if (++n_periodic < 200) {
        expected = clock_ns(CLOCK_RT) + 200000;
        timer_mod(periodic, expected);
    } else {
        stop_loop(NULL);
    }
}

static void test_latency(void)
{
    periodic = timer_new(CLOCK_RT, periodic_cb, NULL);
    expected = clock_ns(CLOCK_RT) + 200000;
    timer_mod(periodic, expected);
    g_assert_cmpint(main_loop_run(), ==, 0);
    g_test_message("mean lateness %d ns, worst %d ns of %u", (int)(total_latency / n_periodic),
                   (int)worst_latency, n_periodic);
    timer_free(periodic);
}

/* ---- reading while the machine stops and starts ---- */

static _Atomic bool reading = true;
static void *read_clock(void *arg)
{
    int64_t last = 0;
    while (reading) {
        int64_t now = clock_ns(CLOCK_VIRTUAL);
        g_assert_cmpint(now, >=, last);
        last = now;
    }
    return NULL;
}

static void test_readers(void)
{
    pthread_t t[2];
    clock_set_virtual(0);
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, read_clock, NULL);
    for (unsigned i = 0; i < 2000; i++) {
        vm_start();
        vm_stop(RUN_STATE_PAUSED);
    }
    reading = false;
    for (unsigned i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
}

/* A nested iteration runs deferred calls, and neither timers nor requests. */
static unsigned n_nested, n_timer;
static void nested_defer(void *opaque) { n_nested++; }
static void nest(void *opaque)
{
    Timer *t = timer_new(CLOCK_RT, count, &n_timer);
    timer_mod(t, 0);
    main_defer(nested_defer, NULL);
    while (!n_nested)
        g_main_context_iteration(NULL, true);
    g_assert_cmpuint(n_timer, ==, 0);
    timer_free(t);
}

static void test_nested(void)
{
    main_defer(nest, NULL);
    loop_until(&n_nested, 1);
    g_assert_cmpuint(n_nested, ==, 1);
}

static void test_lock(void)
{
    g_assert_true(main_lock_held());
    main_lock();
    g_assert_cmpuint(main_lock_drop(), ==, 2);
    g_assert_false(main_lock_held());
    main_lock_retake(2);
    main_unlock();
    g_assert_true(main_lock_held());
    GCond cond;
    g_cond_init(&cond);
    g_assert_false(main_cond_wait_until(&cond, g_get_monotonic_time() + 1000));
    g_assert_true(main_lock_held());
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    g_test_add_func("/clock/lock", test_lock);
    g_test_add_func("/clock/virtual", test_virtual);
    g_test_add_func("/clock/host", test_host);
    g_test_add_func("/clock/model", test_model);
    g_test_add_func("/clock/past", test_past);
    g_test_add_func("/clock/remote", test_remote);
    g_test_add_func("/clock/latency", test_latency);
    g_test_add_func("/clock/readers", test_readers);
    g_test_add_func("/clock/nested", test_nested);
    return g_test_run();
}
