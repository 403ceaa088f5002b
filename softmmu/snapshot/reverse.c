/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going back in time: -reverse.
 *
 * Time is counted in instructions (-icount, exact), and checkpoints are taken every so many
 * instructions and after every input from outside. So nothing from outside happens
 * between two checkpoints: from each, the machine does again exactly what it did. To go back is to
 * restore a checkpoint and run forward. To find the last hit of a breakpoint, the stretch from the
 * latest checkpoint to now is run with breakpoints, and if there is none the stretch before it.
 * When the machine then goes on, it is put to each checkpoint that it comes to, which brings the
 * inputs back, until it is where it has never been; up to there what it says is not said again.
 *
 * Disks are read and written at once, and go back along. Frames from the network are inputs like
 * characters; random numbers of the host come again.
 */
#include "softmmu/reverse.h"

#include "accel/accel.h"
#include "accel/icount.h"
#include "backend/block.h"
#include "backend/char.h"
#include "backend/char_hook.h"
#include "backend/input.h"
#include "backend/net.h"
#include "hw/device.h"
#include "softmmu/checkpoint.h"
#include "softmmu/rtc.h"
#include "softmmu/run.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"
#include "util/random.h"

enum {
    INTERVAL = 8000000, /* instructions between checkpoints */
    RING = 4096,        /* checkpoints */
    MANY = 64,          /* stops in a stretch */
};

static bool enabled, nested;
static CheckpointRing *ring;
static uint64_t frontier;       /* instructions: the latest moment ever */
static _Atomic bool reached;    /* the instruction count that was asked for */

bool reverse_enabled(void)
{
    return enabled;
}

/* In the past: what was said is not said again. */
static void mute(bool on)
{
    chardev_mute(on);
    net_mute(on);
}

/* ---- stretches ---- */

static void carry_on(void *opaque);

/* vCPU thread: all vCPUs have been stopped. */
static void at_stop(void)
{
    atomic_store(&reached, true);
    if (!nested)
        main_defer(carry_on, NULL);
}

/* The next moment at which something is to be done. */
static uint64_t next_stop(void)
{
    uint64_t now = icount_total();
    unsigned i = checkpoint_current(ring);
    uint64_t at = i + 1 < checkpoint_count(ring) ? checkpoint_icount(ring, i + 1)
                                                 : checkpoint_icount(ring, i) + INTERVAL;
    return now < frontier ? MIN(at, frontier) : at;
}

static void arm(uint64_t at)
{
    atomic_store(&reached, false);
    icount_stop_at(at, at_stop);
}

/* At a moment that next_stop named: the next checkpoint is restored, or taken. vCPUs paused. */
static void at_moment(void)
{
    uint64_t now = icount_total();
    unsigned i = checkpoint_current(ring);
    g_autoptr(GError) error = NULL;
    if (i + 1 < checkpoint_count(ring)) {
        if (now >= checkpoint_icount(ring, i + 1) && !checkpoint_restore(ring, i + 1, &error))
            error_report("can't go on in the history: %s", error->message);
    } else if (now >= checkpoint_icount(ring, i) + INTERVAL) {
        checkpoint_take(ring);
    }
    frontier = MAX(frontier, now);
    mute(now < frontier);
    arm(next_stop());
}

static void carry_on(void *opaque)
{
    if (nested || !atomic_load(&reached))
        return;
    cpus_pause_all();
    block_drain_all();
    at_moment();
    cpus_resume_all();
}

/* ---- inputs ---- */

/* Something from outside: it has no place in a future that was seen already. */
static void input_begin(void)
{
    if (nested)
        return;
    cpus_pause_all();
    checkpoint_truncate(ring);
    frontier = icount_total();
    mute(false);
}

static void input_end(void)
{
    if (nested)
        return;
    block_drain_all();
    checkpoint_take(ring);
    arm(next_stop());
    cpus_resume_all();
}

static void on_event(void *opaque, VmEvent e, ShutdownCause cause)
{
    if (e == VM_EVENT_SHUTDOWN)
        return;
    input_begin();
    input_end();
}

void reverse_restart(void)
{
    if (!enabled || !ring)
        return;
    cpus_pause_all();
    checkpoint_ring_free(ring);
    ring = checkpoint_ring_new(RING, true);
    checkpoint_take(ring);
    frontier = icount_total();
    arm(next_stop());
    cpus_resume_all();
}

/* ---- going back ---- */

static bool debug_stop(unsigned *cpu)
{
    for (*cpu = 0; *cpu < cpu_count; ++*cpu)
        if (cpus[*cpu]->debug_stop != CPU_DEBUG_NONE)
            return true;
    return false;
}

static bool all_stopped(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        if (!atomic_load(&cpus[i]->stopped))
            return false;
    return true;
}

/* Runs until the moment `at` or a debugger's stop, which is what the result says. */
static bool run_to(uint64_t at, unsigned *cpu)
{
    while (icount_total() < at) {
        arm(at);
        cpus_resume_all();
        while (!all_stopped()) {
            unsigned depth = main_lock_drop();
            g_usleep(50);
            main_lock_retake(depth);
        }
        cpus_pause_all();
        block_drain_all();
        if (debug_stop(cpu))
            return true;
        if (!atomic_load(&reached))
            break; /* stopped by something else: it does not go on by itself */
    }
    return false;
}

static void pass(Cpu *c)
{
    c->pass_break = c->debug_stop == CPU_DEBUG_BREAK;
    c->pass_watch = c->debug_stop == CPU_DEBUG_WATCH && c->target->watch_before;
    c->pass_pc = c->target->get_pc(c);
    c->debug_stop = CPU_DEBUG_NONE;
}

static void restore(unsigned i)
{
    g_autoptr(GError) error = NULL;
    if (!checkpoint_restore(ring, i, &error))
        error_report("can't go back: %s", error->message);
    for (unsigned k = 0; k < cpu_count; k++) {
        Cpu *c = cpus[k];
        c->debug_stop = CPU_DEBUG_NONE;
        c->pass_break = c->pass_watch = c->singlestep = c->held = false;
    }
}

typedef struct Hit {
    bool any, write;
    uint64_t at;
    unsigned cpu;
    CpuDebugStop why;
    vaddr watch;
} Hit;

/* What the debugger set, while a way is gone without it. */
static GArray *breakpoints, *watchpoints;

static void debug_note(void)
{
    breakpoints = g_array_copy(cpus[0]->breakpoints);
    watchpoints = g_array_copy(cpus[0]->watchpoints);
}

static void debug_set(bool on)
{
    cpus_set_breakpoints((vaddr *)breakpoints->data, on ? breakpoints->len : 0);
    cpus_set_watchpoints((CpuWatchpoint *)watchpoints->data, on ? watchpoints->len : 0);
}

static void debug_forget(void)
{
    debug_set(true);
    g_array_unref(breakpoints);
    g_array_unref(watchpoints);
}

/* To the moment `at`, from checkpoint i, without stops. */
static void go_to(unsigned i, uint64_t at)
{
    unsigned cpu;
    restore(i);
    debug_set(false);
    run_to(at, &cpu);
}

/*
 * The last hit from now to before the moment `end`, both in the stretch behind checkpoint i. Every
 * stop takes its time, and there may be very many: after some, the later half of what is left is
 * looked at first.
 */
static Hit last_hit_to(unsigned i, uint64_t end)
{
    Hit best = { 0 };
    unsigned cpu, n = 0;
    debug_set(true);
    while (run_to(end, &cpu)) {
        Cpu *c = cpus[cpu];
        uint64_t now = icount_total();
        if (now < end)
            best = (Hit){ true, c->watch_write, now, cpu, c->debug_stop, c->watch_hit };
        pass(c);
        if (++n < MANY || end - now < 2 * MANY)
            continue;
        uint64_t half = now + (end - now) / 2;
        debug_set(false);
        run_to(half, &cpu);
        Hit later = last_hit_to(i, end);
        if (later.any)
            return later;
        end = half;
        n = 0;
        go_to(i, best.at);
        debug_set(true);
    }
    return best;
}

static Hit last_hit(unsigned i, uint64_t end)
{
    restore(i);
    return last_hit_to(i, end);
}

static void begin(void)
{
    nested = true;
    frontier = MAX(frontier, icount_total());
    mute(true);
    debug_note();
}

static void end(void)
{
    nested = false;
    debug_forget();
    mute(icount_total() < frontier);
    arm(next_stop());
}

/* The latest checkpoint before the moment; -1: none. */
static int checkpoint_before(uint64_t at)
{
    int i = checkpoint_count(ring) - 1;
    while (i >= 0 && checkpoint_icount(ring, i) >= at)
        i--;
    return i;
}

ReverseStop reverse_step(void)
{
    uint64_t now = icount_total();
    int i = checkpoint_before(now);
    begin();
    if (i >= 0)
        go_to(i, now - 1);
    end();
    return i >= 0 ? REVERSE_STEPPED : REVERSE_BEGIN;
}

/*
 * Where a debugger expects watchpoints to stop before the access, it undoes the access itself when
 * it goes backwards, with a step: so it is stopped behind it.
 */
static uint64_t place_of(const Hit *h)
{
    return h->at + (h->why == CPU_DEBUG_WATCH && cpus[h->cpu]->target->watch_before);
}

ReverseStop reverse_continue(unsigned *cpu)
{
    static uint64_t told = UINT64_MAX - 1; /* the access behind which it stands */
    uint64_t stop = icount_total();
    Hit h = { 0 };
    if (stop == told + 1)
        stop = told;
    begin();
    /* Without anything to look for it is the beginning at once. */
    int i = breakpoints->len || watchpoints->len ? checkpoint_before(stop) : -1;
    for (; i >= 0 && !h.any; i--) {
        h = last_hit(i, stop);
        stop = checkpoint_icount(ring, i);
    }
    if (h.any) {
        told = place_of(&h) > h.at ? h.at : UINT64_MAX - 1;
        go_to(i + 1, place_of(&h));
        Cpu *c = cpus[h.cpu];
        c->debug_stop = h.why;
        c->watch_hit = h.watch;
        c->watch_write = h.write;
        *cpu = h.cpu;
    } else {
        restore(0);
    }
    end();
    return h.any ? REVERSE_HIT : REVERSE_BEGIN;
}

/* ---- -reverse ---- */

bool reverse_configure(const char *icount, GError **error)
{
    if (!icount && !icount_configure("shift=1,sleep=off", error))
        return false;
    if (icount && !g_strrstr(icount, "sleep=off"))
        return error_set(error, "-reverse with -icount needs sleep=off: host time must not count");
    enabled = true;
    return rtc_configure(NULL, "vm", error);
}

bool reverse_start(GError **error)
{
    for (Device *dev = device_first(); dev; dev = dev->next)
        if (g_str_has_prefix(dev->type->name, "virtio-9p"))
            return error_set(error, "-reverse: the past of a folder of the host is not kept; leave "
                             "out -virtfs and %s", dev->type->name);
    icount_exact = true;
    block_set_synchronous();
    random_record();
    ring = checkpoint_ring_new(RING, true);
    checkpoint_take(ring);
    frontier = icount_total();
    arm(next_stop());
    chardev_set_input_hooks(input_begin, input_end);
    net_set_input_hooks(input_begin, input_end);
    input_set_hooks(input_begin, input_end);
    vm_add_event_listener(on_event, NULL);
    return true;
}
