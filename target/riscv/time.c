/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V clocks: time, the Sstc comparator, cycle and instret (priv 3.1.10, 3.2.1, 10.1.13 and
 * "Sstc").
 *
 * The guest writes stimecmp at every tick, on its own thread; the timer behind it belongs to the
 * main loop. So a deadline that moves later leaves the timer alone: it fires early once, looks at
 * stimecmp, and is set again. Only an earlier one takes the main lock. stimecmp, stimer_armed and
 * the STIP bit of mip are accessed in sequentially consistent order; each side writes its own and
 * then reads the other's, so one of the two always sees the last deadline.
 */
#include "target/riscv/cpu.h"

#include "accel/accel.h"

#define NS_PER_S 1000000000

uint64_t riscv_read_time(const RiscvCpu *r)
{
    if (r->read_time)
        return r->read_time(r->time_opaque);
    return (uint64_t)((unsigned __int128)(uint64_t)clock_ns(CLOCK_VIRTUAL) * r->time_hz /
                      NS_PER_S);
}

static bool sstc_on(const RiscvCpu *r)
{
    return __atomic_load_n(&r->menvcfg, __ATOMIC_RELAXED) & ENVCFG_STCE;
}

/* Makes STIP what stimecmp says; true if it is due. */
static bool evaluate(RiscvCpu *r, uint64_t cmp, uint64_t now)
{
    if (now < cmp) {
        if (__atomic_load_n(&r->mip, __ATOMIC_SEQ_CST) & IP_STIP)
            __atomic_fetch_and(&r->mip, ~IP_STIP, __ATOMIC_SEQ_CST);
        return false;
    }
    if (!(__atomic_fetch_or(&r->mip, IP_STIP, __ATOMIC_SEQ_CST) & IP_STIP))
        cpu_interrupt(&r->cpu, RISCV_INTERRUPT_HARD);
    return true;
}

/* Main lock held. Sets the timer for stimecmp, and STIP; again if stimecmp changes meanwhile. */
static void rearm(RiscvCpu *r)
{
    uint64_t cmp, now, ns;

    do {
        cmp = __atomic_load_n(&r->stimecmp, __ATOMIC_SEQ_CST);
        /* The earlier reading of the two: early is looked at again, late would be late. */
        ns = (uint64_t)clock_ns(CLOCK_VIRTUAL);
        now = riscv_read_time(r);
        if (evaluate(r, cmp, now) || !sstc_on(r)) {
            __atomic_store_n(&r->stimer_armed, UINT64_MAX, __ATOMIC_SEQ_CST);
            timer_del(r->stimer);
            continue;
        }
        __atomic_store_n(&r->stimer_armed, cmp, __ATOMIC_SEQ_CST);
        /* Rounded up, so that mtime has arrived when the timer fires; far off is never. */
        unsigned __int128 ticks = (unsigned __int128)ns * r->time_hz / NS_PER_S;
        unsigned __int128 at = ((ticks + (cmp - now)) * NS_PER_S + r->time_hz - 1) / r->time_hz;
        timer_mod(r->stimer, at > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)at);
    } while (cmp != __atomic_load_n(&r->stimecmp, __ATOMIC_SEQ_CST));
}

static void stimer_expired(void *opaque)
{
    RiscvCpu *r = opaque;

    __atomic_store_n(&r->stimer_armed, UINT64_MAX, __ATOMIC_SEQ_CST);
    rearm(r);
}

void riscv_stimecmp_changed(RiscvCpu *r)
{
    uint64_t cmp = __atomic_load_n(&r->stimecmp, __ATOMIC_SEQ_CST);
    bool locked;

    if (!r->ext.sstc || evaluate(r, cmp, riscv_read_time(r)) || cmp == UINT64_MAX ||
        !sstc_on(r) || cmp >= __atomic_load_n(&r->stimer_armed, __ATOMIC_SEQ_CST))
        return;
    locked = main_lock_held();
    if (!locked)
        main_lock();
    rearm(r);
    if (!locked)
        main_unlock();
}

void riscv_cpu_time_changed(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);

    if (r->ext.sstc)
        rearm(r);
}

void riscv_cpu_set_time_source(Cpu *cpu, uint64_t (*read)(void *opaque), void *opaque, uint32_t hz)
{
    RiscvCpu *r = riscv_cpu(cpu);

    r->read_time = read;
    r->time_opaque = opaque;
    r->time_hz = hz;
}

void riscv_time_init(RiscvCpu *r)
{
    if (!r->time_hz)
        r->time_hz = 10000000;
    r->stimer_armed = UINT64_MAX;
    if (r->ext.sstc)
        r->stimer = timer_new(CLOCK_VIRTUAL, stimer_expired, r);
}

/*
 * --- cycle and instret ---
 * A 1 GHz clock that is also taken to do one instruction per cycle; with -icount, instructions (of
 * all harts together, as they take turns on one clock).
 */

enum { INHIBIT_CY = 1, INHIBIT_IR = 4 };

static uint64_t counter_clock(void)
{
    return icount_enabled() ? icount_total() : (uint64_t)clock_ns(CLOCK_VIRTUAL);
}

static uint64_t counter_read(const RiscvCpu *r, uint64_t offset, unsigned inhibit)
{
    return r->mcountinhibit & inhibit ? offset : counter_clock() + offset;
}

uint64_t riscv_read_cycle(const RiscvCpu *r)
{
    return counter_read(r, r->mcycle_offset, INHIBIT_CY);
}

uint64_t riscv_read_instret(const RiscvCpu *r)
{
    return counter_read(r, r->minstret_offset, INHIBIT_IR);
}

void riscv_write_cycle(RiscvCpu *r, uint64_t value)
{
    r->mcycle_offset = r->mcountinhibit & INHIBIT_CY ? value : value - counter_clock();
}

void riscv_write_instret(RiscvCpu *r, uint64_t value)
{
    r->minstret_offset = r->mcountinhibit & INHIBIT_IR ? value : value - counter_clock();
}

void riscv_write_countinhibit(RiscvCpu *r, uint64_t value)
{
    uint64_t cycle = riscv_read_cycle(r), instret = riscv_read_instret(r);

    r->mcountinhibit = value & (INHIBIT_CY | INHIBIT_IR);
    riscv_write_cycle(r, cycle);
    riscv_write_instret(r, instret);
}
