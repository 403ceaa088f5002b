/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks. What each is made of fits an atomic word, so that any thread may read without a lock. */
#include <stdatomic.h>
#include <time.h>

#include "softmmu/run/run_internal.h"

/*
 * CLOCK_VIRTUAL: twice the time, plus 1 while it runs; the time is then relative to the host's
 * monotonic clock. While it is being stopped it is BUSY: a reader that added the old offset to a
 * later time of the host would be ahead of where the clock then stands.
 */
static _Atomic int64_t virtual_word;
#define BUSY INT64_MIN

typedef int64_t (*VirtualSource)(void);
static _Atomic(VirtualSource) virtual_source;
static _Atomic int64_t virtual_source_offset;
static _Atomic bool virtual_counting; /* running, for either kind */

static _Atomic int64_t host_offset;
static _Atomic int host_base = CLOCK_HOST;

static int64_t host_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int64_t monotonic_ns(void)
{
    return host_clock(CLOCK_MONOTONIC);
}

static int64_t virtual_ns(void)
{
    VirtualSource source = atomic_load_explicit(&virtual_source, memory_order_acquire);
    if (source)
        return source() + atomic_load_explicit(&virtual_source_offset, memory_order_relaxed);
    for (;;) {
        int64_t w = atomic_load_explicit(&virtual_word, memory_order_acquire);
        if (w == BUSY)
            continue;
        if (!(w & 1))
            return w >> 1;
        int64_t ns = monotonic_ns() + (w >> 1);
        if (atomic_load_explicit(&virtual_word, memory_order_acquire) == w)
            return ns;
    }
}

int64_t clock_ns(ClockType clock)
{
    switch (clock) {
    case CLOCK_VIRTUAL:
        return virtual_ns();
    case CLOCK_HOST: {
        int base = atomic_load_explicit(&host_base, memory_order_relaxed);
        int64_t ns = base == CLOCK_HOST ? host_clock(CLOCK_REALTIME) : clock_ns(base);
        return ns + atomic_load_explicit(&host_offset, memory_order_relaxed);
    }
    default:
        return monotonic_ns();
    }
}

int64_t clock_to_host(ClockType clock, int64_t deadline, bool *realtime)
{
    *realtime = false;
    if (clock == CLOCK_HOST) {
        int base = atomic_load(&host_base);
        if (__builtin_sub_overflow(deadline, atomic_load(&host_offset), &deadline))
            return INT64_MAX;
        if (base == CLOCK_HOST) {
            *realtime = true;
            return deadline;
        }
        clock = base;
    }
    if (clock == CLOCK_VIRTUAL) {
        int64_t w = atomic_load(&virtual_word);
        if (!(w & 1) || clock_virtual_is_counted() ||
            __builtin_sub_overflow(deadline, w >> 1, &deadline))
            return INT64_MAX;
    }
    return deadline;
}

void clock_set_host(ClockType base, int64_t offset_ns)
{
    atomic_store(&host_base, base);
    atomic_store(&host_offset, offset_ns);
    timers_clock_changed();
}

void clock_set_virtual_source(int64_t (*ns)(void))
{
    atomic_store(&virtual_source_offset, 0);
    atomic_store(&virtual_source, ns);
    timers_clock_changed();
}

bool clock_virtual_is_counted(void)
{
    return atomic_load_explicit(&virtual_source, memory_order_relaxed) != NULL;
}

bool clock_virtual_running(void)
{
    return atomic_load_explicit(&virtual_counting, memory_order_relaxed);
}

void clock_virtual_start(void)
{
    int64_t w = atomic_load(&virtual_word);
    atomic_store(&virtual_counting, true);
    if (!(w & 1))
        atomic_store(&virtual_word, ((w >> 1) - monotonic_ns()) * 2 + 1);
    timers_clock_changed();
}

void clock_virtual_stop(void)
{
    int64_t w = atomic_load(&virtual_word);
    atomic_store(&virtual_counting, false);
    if (w & 1) {
        atomic_store(&virtual_word, BUSY);
        atomic_store(&virtual_word, ((w >> 1) + monotonic_ns()) * 2);
    }
    timers_clock_changed();
}

void clock_set_virtual(int64_t ns)
{
    VirtualSource source = atomic_load(&virtual_source);
    if (source)
        atomic_store(&virtual_source_offset, ns - source());
    else if (atomic_load(&virtual_word) & 1)
        atomic_store(&virtual_word, (ns - monotonic_ns()) * 2 + 1);
    else
        atomic_store(&virtual_word, ns * 2);
    timers_clock_changed();
}
