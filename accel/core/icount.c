/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -icount: time is counted in instructions.
 *
 * All vCPUs take turns on one thread. CLOCK_VIRTUAL is (instructions << shift) plus the time that
 * was skipped while all of them slept, and its timers run on that thread, at exactly the
 * instruction that their deadline names. A turn ends by number of instructions, halting or
 * yielding only: when a kick from elsewhere makes a vCPU leave, it gets the rest of its turn. So
 * without input from outside, two runs are the same.
 *
 * "auto" fits the shift to the speed of the host, which is not reproducible. Record and replay
 * (rr=) are not part of this.
 *
 * -d hash writes a hash of the running vCPU's state after every x-hash=N instructions. Two engines
 * that run the same guest must write the same lines (tests/boot/lockstep.py).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accel/accel.h"
#include "accel/core/vcpu.h"
#include "accel/icount.h"
#include "hw/state.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/log.h"

enum {
    MAX_SHIFT = 10,
    AUTO_SHIFT = 3,           /* where "auto" begins: 125 MIPS */
    TURN = 100000,            /* instructions, where there are several vCPUs */
    TURN_ALONE = 1 << 22,
    ADJUST_NS = 100000000,    /* "auto": how often */
    WOBBLE_NS = 10000000,     /* "auto": how far off is fine */
    ALIGN_NS = 1000000,       /* "align": how far ahead is fine */
};

static struct {
    bool enabled, sleep, align, automatic;
    uint64_t hash; /* instructions between two hashes of -d hash */
} conf = { .hash = 1 << 20 };

CpuWaker icount_waker;
_Atomic(Cpu *) icount_running;
bool icount_exact;

/* What other threads see: as of the last stop. */
static _Atomic uint64_t seen_total;
static _Atomic int64_t seen_ns;

/* The thread's own. */
static __thread bool this_is_it;
static unsigned shift;
static uint64_t total;     /* instructions before this turn's part */
static int64_t bias;       /* ns: virtual time is bias + (instructions << shift) */
static Cpu *in_turn;       /* executing; NULL between */
static int64_t budget;     /* given to in_turn */
static int64_t real_base;  /* CLOCK_RT when virtual time was 0, stops left out */
static int64_t last_adjust;

/* ---- time ---- */

static uint64_t done_now(void)
{
    return in_turn ? total + (uint64_t)(budget - in_turn->icount_left) : total;
}

static int64_t counted_ns(void)
{
    return this_is_it ? bias + (int64_t)(done_now() << shift) : atomic_load(&seen_ns);
}

uint64_t icount_total(void)
{
    return this_is_it ? done_now() : atomic_load(&seen_total);
}

static void publish(void)
{
    atomic_store(&seen_total, total);
    atomic_store(&seen_ns, bias + (int64_t)(total << shift));
}

void icount_set_total(uint64_t n)
{
    bias += (int64_t)((total - n) << shift);
    total = n;
    publish();
}

static void skip_ns(int64_t ns)
{
    bias += ns;
    publish();
}

/* The current budget ends n instructions from now, if not before. */
static void cut_budget(int64_t n)
{
    if (n < in_turn->icount_left) {
        budget -= in_turn->icount_left - n;
        in_turn->icount_left = n;
    }
}

void icount_kicked_itself(void)
{
    if (icount_exact && this_is_it && in_turn)
        cut_budget(0);
}

/* Instructions until the earliest timer: 0 if it is due. */
static int64_t insns_to_deadline(void)
{
    int64_t ns;
    if (__builtin_sub_overflow(clock_virtual_deadline(), clock_ns(CLOCK_VIRTUAL), &ns))
        return INT64_MAX;
    if (ns <= 0)
        return 0;
    return ((ns - 1) >> shift) + 1;
}

/* A timer was set before all others: maybe before the end of the current budget. */
static void deadline_changed(void)
{
    if (!this_is_it) {
        if (cpu_count)
            cpu_kick(cpus[0]);
        return;
    }
    if (!in_turn)
        return;
    cut_budget(insns_to_deadline());
}

/* ---- host time: auto, align, sleep ---- */

static void adjust_shift(void)
{
    int64_t real = clock_ns(CLOCK_RT);
    if (!conf.automatic || real - last_adjust < ADJUST_NS)
        return;
    last_adjust = real;
    int64_t now = counted_ns(), ahead = now - (real - real_base);
    unsigned old = shift;
    if (ahead > WOBBLE_NS && shift > 0)
        shift--;
    else if (ahead < -WOBBLE_NS && shift < MAX_SHIFT)
        shift++;
    if (shift != old)
        bias = now - (int64_t)(total << shift);
    publish();
}

static void wait_for_host(void)
{
    int64_t ahead = counted_ns() - (clock_ns(CLOCK_RT) - real_base);
    if (conf.align && ahead > ALIGN_NS)
        waker_wait(&icount_waker, ahead);
}

/* Nobody has anything to do. */
static void all_asleep(void)
{
    int64_t deadline = clock_virtual_deadline(), ns = -1;
    if (deadline != INT64_MAX)
        ns = MAX(deadline - clock_ns(CLOCK_VIRTUAL), 0);
    if (!conf.sleep && ns >= 0) {
        skip_ns(ns);
        return;
    }
    int64_t start = clock_ns(CLOCK_RT);
    bool woken = waker_wait(&icount_waker, ns);
    int64_t slept = clock_ns(CLOCK_RT) - start;
    if (!woken)
        skip_ns(ns); /* to the very deadline, however late the host woke us */
    else if (conf.sleep)
        skip_ns(ns < 0 ? slept : MIN(slept, ns));
}

/* ---- the thread ---- */

/* Requests to all vCPUs. False: they are stopped. */
static bool serve_requests(void)
{
    bool stopped = false;
    for (unsigned i = 0; i < cpu_count; i++) {
        current_cpu = cpus[i];
        atomic_exchange(&cpus[i]->exit_request, 0);
        vcpu_run_work(cpus[i]);
        if (atomic_load(&cpus[i]->stop)) {
            vcpu_ready(cpus[i]); /* acknowledges */
            stopped |= !cpus[i]->held;
        } else {
            vcpu_serve(cpus[i]);
        }
    }
    return !stopped;
}

/*
 * Not vcpu_ready: a request to stop is seen in serve_requests only. Seen in the middle of choosing
 * who is next, it would change whose turn it is, or let time be skipped behind the back of whoever
 * asked.
 */
static bool can_run(Cpu *cpu)
{
    if (cpu->held && atomic_load(&cpu->stop))
        return false;
    if (cpu->halted && !cpu->target->has_work(cpu))
        return false;
    cpu->halted = false;
    return true;
}

static void run_due_timers(void)
{
    if (clock_virtual_deadline() > clock_ns(CLOCK_VIRTUAL))
        return;
    main_lock();
    clock_run_timers(CLOCK_VIRTUAL);
    main_unlock();
}

/* ---- for those who go back in time ---- */

static unsigned turn;      /* whose */
static int64_t turn_left;  /* instructions */
static uint64_t stop_total = UINT64_MAX;
static void (*stop_reached)(void);

IcountTurn icount_turn(void)
{
    return (IcountTurn){ turn, turn_left };
}

void icount_set_turn(IcountTurn t)
{
    turn = t.cpu < cpu_count ? t.cpu : 0;
    turn_left = t.left;
}

void icount_stop_at(uint64_t at, void (*reached)(void))
{
    stop_total = at;
    stop_reached = reached;
}

static void stop_all(void)
{
    stop_total = UINT64_MAX;
    current_cpu = cpus[turn];
    cpu_stop_current();
    stop_reached();
}

static int64_t insns_to_stop(void)
{
    return stop_total == UINT64_MAX ? INT64_MAX : (int64_t)(stop_total - total);
}

/* Executes up to n instructions; returns how many were done. */
static int64_t execute(Cpu *cpu, int64_t n, bool *ends_turn)
{
    budget = n;
    cpu->icount_left = n;
    in_turn = cpu;
    current_cpu = cpu;
    atomic_store(&icount_running, cpu);
    CpuExit why = CPU_EXIT_NONE;
    if (!atomic_load(&icount_waker.word))
        why = accel_current->exec(cpu);
    atomic_store(&icount_running, NULL);
    in_turn = NULL;
    int64_t done = budget - cpu->icount_left;
    total += done;
    cpu->icount += done;
    cpu->icount_left = 0;
    publish();
    vcpu_after_exec(cpu, why);
    *ends_turn = why == CPU_EXIT_HALTED || why == CPU_EXIT_YIELD || why == CPU_EXIT_DEBUG;
    return done;
}

/* Instructions until the next hash. */
static int64_t insns_to_hash(void)
{
    return log_on(LOG_HASH) ? (int64_t)(conf.hash - total % conf.hash) : INT64_MAX;
}

/* FNV-1a of the record that a snapshot would keep. */
static void log_hash(const Cpu *cpu)
{
    GByteArray *record = g_byte_array_new();
    uint64_t hash = 0xcbf29ce484222325;
    state_save(cpu->target->state, cpu, record);
    for (guint i = 0; i < record->len; i++)
        hash = (hash ^ record->data[i]) * 0x100000001b3;
    log_printf(LOG_HASH, "%" PRIu64 " cpu %u pc %016" PRIx64 " state %016" PRIx64 "\n", total, cpu->index,
               cpu->target->get_pc((Cpu *)cpu), hash);
    g_byte_array_unref(record);
}

static gpointer icount_thread(gpointer arg)
{
    bool was_stopped = true;
    this_is_it = true;
    for (;;) {
        waker_clear(&icount_waker);
        if (!serve_requests()) {
            was_stopped = true;
            waker_wait(&icount_waker, -1);
            continue;
        }
        if (was_stopped)
            real_base = clock_ns(CLOCK_RT) - counted_ns();
        was_stopped = false;
        if (total >= stop_total) {
            stop_all();
            continue;
        }
        run_due_timers();

        unsigned tried = 0;
        while (tried < cpu_count && (turn_left <= 0 || !can_run(cpus[turn]))) {
            turn = (turn + 1) % cpu_count;
            turn_left = cpu_count == 1 ? TURN_ALONE : TURN;
            tried++;
        }
        if (!can_run(cpus[turn])) {
            all_asleep();
            continue;
        }
        bool ends_turn;
        int64_t n = MIN(MIN(turn_left, insns_to_deadline()), insns_to_hash());
        n = MIN(n, insns_to_stop());
        int64_t done = n > 0 ? execute(cpus[turn], n, &ends_turn) : 0;
        turn_left -= done;
        if (log_on(LOG_HASH) && done > 0 && total % conf.hash == 0)
            log_hash(cpus[turn]);
        if (n <= 0)
            ends_turn = false;
        if (ends_turn)
            turn_left = 0;
        adjust_shift();
        wait_for_host();
    }
    return NULL;
}

void icount_thread_start(void)
{
    GThread *t = g_thread_new("CPUs/icount", icount_thread, NULL);
    for (unsigned i = 0; i < cpu_count; i++)
        cpus[i]->thread = t;
}

/* ---- -icount ---- */

bool icount_enabled(void)
{
    return conf.enabled;
}

static bool parse_bool(const char *key, const char *value, bool *to, GError **error)
{
    if (!strcmp(value, "on"))
        *to = true;
    else if (!strcmp(value, "off"))
        *to = false;
    else
        return error_set(error, "-icount: %s=%s: must be on or off", key, value);
    return true;
}

static bool parse_shift(const char *value, bool *automatic, unsigned *to, GError **error)
{
    *automatic = !strcmp(value, "auto");
    if (*automatic) {
        *to = AUTO_SHIFT;
        return true;
    }
    guint64 n;
    if (!g_ascii_string_to_unsigned(value, 10, 0, MAX_SHIFT, &n, NULL))
        return error_set(error, "-icount: shift=%s: must be auto or 0 to %d", value, MAX_SHIFT);
    *to = n;
    return true;
}

bool icount_configure(const char *opts, GError **error)
{
    static const char *const keys[] = { "shift", "sleep", "align", "rr", "x-hash", NULL };
    bool sleep = true, align = false, automatic = false, have_shift = false, ok = true;
    unsigned n = 0;
    char **parts = g_strsplit(opts, ",", -1);
    for (unsigned i = 0; ok && parts[i]; i++) {
        char *value = strchr(parts[i], '=');
        const char *key = value ? parts[i] : "shift"; /* `-icount 7` */
        if (value)
            *value++ = 0;
        else
            value = parts[i];
        if (!strcmp(key, "shift")) {
            have_shift = true;
            ok = parse_shift(value, &automatic, &n, error);
        } else if (!strcmp(key, "sleep")) {
            ok = parse_bool(key, value, &sleep, error);
        } else if (!strcmp(key, "align")) {
            ok = parse_bool(key, value, &align, error);
        } else if (!strcmp(key, "x-hash")) {
            guint64 every;
            if (!g_ascii_string_to_unsigned(value, 10, 1, UINT32_MAX, &every, NULL))
                ok = error_set(error, "-icount: x-hash=%s: must be a number of instructions", value);
            else
                conf.hash = every;
        } else if (g_str_has_prefix(key, "rr")) {
            ok = error_set(error, "-icount: %s: record and replay are not supported; leave it out",
                           key);
        } else {
            const char *nearest = error_nearest(key, keys);
            ok = error_set(error, "-icount: unknown option '%s'; %s%s", key,
                           nearest ? "did you mean " : "use shift, sleep or align",
                           nearest ? nearest : "");
        }
    }
    g_strfreev(parts);
    if (ok && !have_shift)
        ok = error_set(error, "-icount: shift= is missing; shift=auto fits it to the host");
    if (ok && align && (automatic || !sleep))
        ok = error_set(error, "-icount: align=on needs a fixed shift and sleep=on");
    if (ok && automatic && !sleep)
        ok = error_set(error, "-icount: shift=auto and sleep=off exclude each other");
    if (!ok)
        return false;
    shift = n;
    conf.enabled = true;
    conf.sleep = sleep;
    conf.align = align;
    conf.automatic = automatic;
    clock_set_virtual_source(counted_ns);
    clock_set_deadline_hook(deadline_changed);
    return true;
}
