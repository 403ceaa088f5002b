/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic timers: the counter, five timers of which each has an interrupt line, and who may use
 * them (DDI 0487 D12 and D19.12). One tick is 16 ns of virtual time.
 *
 * The guest sets its next tick on its own thread; the Timer behind it belongs to the main loop. A
 * deadline that moves later leaves the Timer alone: it fires early once, looks again, and is set
 * anew. The state of a timer changes with the main lock held.
 */
#include "target/arm/sysreg.h"

#include <inttypes.h>

#include "target/arm/debug.h"

enum { NS_PER_TICK_SHIFT = 4 };
G_STATIC_ASSERT(1000000000 >> NS_PER_TICK_SHIFT == ARM_CNTFRQ);
enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4 };

uint64_t arm_count(void)
{
    return (uint64_t)clock_ns(CLOCK_VIRTUAL) >> NS_PER_TICK_SHIFT;
}

static uint64_t offset_of(const ArmCpu *a, unsigned n)
{
    return n == ARM_OUT_TIMER_VIRT ? a->cntvoff : 0;
}

static bool is_due_at(const ArmCpu *a, unsigned n, uint64_t count)
{
    const ArmTimer *t = &a->timer[n];
    return t->ctl & CTL_ENABLE && count - offset_of(a, n) >= t->cval;
}

static bool is_due(const ArmCpu *a, unsigned n)
{
    return is_due_at(a, n, arm_count());
}

/*
 * Main lock held: the output, and the Timer for when it is to change. The counter is read once: had
 * the deadline passed between two readings, there would be none left to wait for.
 */
static void update(ArmCpu *a, unsigned n)
{
    ArmTimer *t = &a->timer[n];
    uint64_t count = arm_count(), left;
    bool due = is_due_at(a, n, count), level = due && !(t->ctl & CTL_IMASK);
    int64_t at;

    if (a->out[n].level != level)
        irq_set(&a->out[n], level);
    if (due || !(t->ctl & CTL_ENABLE)) {
        /* It fires for nothing if it is set; that costs less than taking it off every time. */
        return;
    }
    left = t->cval - (count - offset_of(a, n));
    if (left > (uint64_t)INT64_MAX >> (NS_PER_TICK_SHIFT + 2))
        left = (uint64_t)INT64_MAX >> (NS_PER_TICK_SHIFT + 2);
    at = (int64_t)((count + left) << NS_PER_TICK_SHIFT);
    if (at < t->armed) {
        t->armed = at;
        timer_mod(t->timer, at);
    }
}

/* A new value for a register of timer n; the main thread reads these when a timer expires. */
static void change(ArmCpu *a, unsigned n, uint64_t *cell, uint64_t v)
{
    main_lock();
    *cell = v;
    update(a, n);
    main_unlock();
}

typedef struct TimerRef {
    ArmCpu *a;
    unsigned n;
} TimerRef;

static void expired(void *opaque)
{
    TimerRef *ref = opaque;

    ref->a->timer[ref->n].armed = INT64_MAX;
    update(ref->a, ref->n);
}

void arm_timer_init(ArmCpu *a)
{
    for (unsigned n = 0; n < ARM_N_TIMERS; n++) {
        TimerRef *ref = g_new(TimerRef, 1);
        *ref = (TimerRef){ a, n };
        a->timer[n].armed = INT64_MAX;
        a->timer[n].timer = timer_new(CLOCK_VIRTUAL, expired, ref);
    }
}

void arm_timer_update(ArmCpu *a)
{
    bool locked = main_lock_held();

    if (!locked)
        main_lock();
    for (unsigned n = 0; n < ARM_N_TIMERS; n++) {
        a->timer[n].armed = INT64_MAX;
        timer_del(a->timer[n].timer);
        update(a, n);
    }
    if (!locked)
        main_unlock();
}

void arm_timer_print(const ArmCpu *a, GString *out)
{
    static const char *const names[ARM_N_TIMERS] = {
        [ARM_OUT_TIMER_PHYS] = "physical", [ARM_OUT_TIMER_VIRT] = "virtual",
        [ARM_OUT_TIMER_HYP] = "EL2", [ARM_OUT_TIMER_SEC] = "secure",
        [ARM_OUT_TIMER_HYPVIRT] = "EL2 virtual",
    };
    uint64_t count = arm_count();

    for (unsigned n = 0; n < ARM_N_TIMERS; n++) {
        const ArmTimer *t = &a->timer[n];
        uint64_t now = count - offset_of(a, n);
        if (!(t->ctl & CTL_ENABLE))
            continue;
        g_string_append_printf(out, "  %s timer: %s %" PRIu64 " us%s, output %d\n", names[n],
                               now >= t->cval ? "due for" : "due in",
                               (now >= t->cval ? now - t->cval : t->cval - now) *
                                   (1 << NS_PER_TICK_SHIFT) / 1000,
                               t->ctl & CTL_IMASK ? ", masked" : "", a->out[n].level);
    }
}

/* --- who may --- */

static bool is_host(const ArmCpu *a)
{
    return (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
}

/* EL0's way is by CNTKCTL_EL1, or by CNTHCTL_EL2 which has the same bits with E2H and TGE. */
static ArmAccess el0_allowed(const ArmCpu *a, unsigned bit)
{
    uint64_t ctl = is_host(a) ? a->cnthctl : a->cntkctl;

    if (arm_el(a) != 0 || ctl >> bit & 1)
        return ACCESS_OK;
    return arm_trap_from_el0(a);
}

enum { EL0PCTEN = 0, EL0VCTEN = 1, EL0VTEN = 8, EL0PTEN = 9 };

/* CNTHCTL_EL2.EL1PCTEN and EL1PCEN (EL1PTEN), which move with E2H. */
static ArmAccess el2_allows(const ArmCpu *a, unsigned bit, unsigned bit_e2h)
{
    if (arm_el(a) > 1 || !arm_el2_on(a) || is_host(a))
        return ACCESS_OK;
    return a->cnthctl >> (a->hcr & HCR_E2H ? bit_e2h : bit) & 1 ? ACCESS_OK : ACCESS_EL2;
}

static ArmAccess check_frq(ArmCpu *a, const ArmSysReg *r, bool write)
{
    uint64_t ctl = is_host(a) ? a->cnthctl : a->cntkctl;

    if (write) /* the highest level only */
        return arm_el(a) == (a->has_el3 ? 3U : a->has_el2 ? 2U : 1U) ? ACCESS_OK : ACCESS_UNDEF;
    if (arm_el(a) == 0 && !(ctl & 3))
        return arm_trap_from_el0(a);
    return ACCESS_OK;
}

static ArmAccess check_pct(ArmCpu *a, const ArmSysReg *r, bool write)
{
    ArmAccess why = el0_allowed(a, EL0PCTEN);
    return why == ACCESS_OK ? el2_allows(a, 0, 10) : why;
}

static ArmAccess check_vct(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return el0_allowed(a, EL0VCTEN);
}

static ArmAccess check_ptimer(ArmCpu *a, const ArmSysReg *r, bool write)
{
    ArmAccess why = el0_allowed(a, EL0PTEN);
    return why == ACCESS_OK ? el2_allows(a, 1, 11) : why;
}

static ArmAccess check_vtimer(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return el0_allowed(a, EL0VTEN);
}

/* CNTPS belongs to EL3, which may lend it to Secure EL1 (SCR_EL3.ST). */
static ArmAccess check_stimer(ArmCpu *a, const ArmSysReg *r, bool write)
{
    if (arm_el(a) == 3)
        return ACCESS_OK;
    if (arm_el(a) != 1 || !arm_is_secure_below_el3(a))
        return ACCESS_UNDEF;
    return a->scr & SCR_ST ? ACCESS_OK : ACCESS_EL3;
}

/* --- counters --- */

static uint64_t read_pct(ArmCpu *a, const ArmSysReg *r)
{
    return arm_count();
}

static uint64_t read_vct(ArmCpu *a, const ArmSysReg *r)
{
    unsigned el = arm_el(a);
    bool no_offset = (el == 2 && a->hcr_eff & HCR_E2H) || (el == 0 && is_host(a));

    return arm_count() - (no_offset ? 0 : a->cntvoff);
}

static void write_cntvoff(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    change(a, ARM_OUT_TIMER_VIRT, &a->cntvoff, v);
}

/* --- timers; `reset` of a row is the timer --- */

/* EL0 under E2H and TGE uses EL2's timers by EL1's names; EL2 with E2H by the table's e2h. */
static unsigned timer_of(const ArmCpu *a, const ArmSysReg *r)
{
    unsigned n = (unsigned)r->reset;

    if (arm_el(a) == 0 && is_host(a))
        return n == ARM_OUT_TIMER_PHYS ? ARM_OUT_TIMER_HYP
               : n == ARM_OUT_TIMER_VIRT ? ARM_OUT_TIMER_HYPVIRT : n;
    return n;
}

static uint64_t read_tval(ArmCpu *a, const ArmSysReg *r)
{
    unsigned n = timer_of(a, r);
    return (uint32_t)(a->timer[n].cval - (arm_count() - offset_of(a, n)));
}

static void write_tval(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    unsigned n = timer_of(a, r);

    change(a, n, &a->timer[n].cval, arm_count() - offset_of(a, n) + (uint64_t)(int64_t)(int32_t)v);
}

static uint64_t read_ctl(ArmCpu *a, const ArmSysReg *r)
{
    unsigned n = timer_of(a, r);
    return a->timer[n].ctl | (is_due(a, n) ? CTL_ISTATUS : 0);
}

static void write_ctl(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    unsigned n = timer_of(a, r);

    change(a, n, &a->timer[n].ctl, v & (CTL_ENABLE | CTL_IMASK));
}

static uint64_t read_cval(ArmCpu *a, const ArmSysReg *r)
{
    return a->timer[timer_of(a, r)].cval;
}

static void write_cval(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    unsigned n = timer_of(a, r);

    change(a, n, &a->timer[n].cval, v);
}

#define TIMER(prefix, op1, crm, acc, need_, timer, check_, E2H)                                \
    { prefix "_TVAL_EL" E2H##_NAME, SYS(3, op1, 14, crm, 0), .access = acc, .need = need_,     \
      .reset = timer, .check = check_, E2H(0) .read = read_tval, .write = write_tval },        \
    { prefix "_CTL_EL" E2H##_NAME, SYS(3, op1, 14, crm, 1), .access = acc, .need = need_,      \
      .reset = timer, .check = check_, E2H(1) .read = read_ctl, .write = write_ctl },          \
    { prefix "_CVAL_EL" E2H##_NAME, SYS(3, op1, 14, crm, 2), .access = acc, .need = need_,     \
      .reset = timer, .check = check_, E2H(2) .read = read_cval, .write = write_cval }
#define TO_HYP(op2) .e2h = ARM_SYSREG(3, 4, 14, 2, op2),
#define TO_HYP_NAME "0"
#define TO_HYPVIRT(op2) .e2h = ARM_SYSREG(3, 4, 14, 3, op2),
#define TO_HYPVIRT_NAME "0"
#define STAYS1(op2)
#define STAYS1_NAME "1"
#define STAYS2(op2)
#define STAYS2_NAME "2"

static const ArmSysReg rows[] = {
    { "CNTFRQ_EL0", SYS(3, 3, 14, 0, 0), .access = AR_0 | AW_1, .check = check_frq, CELL(cntfrq),
      .reset = ARM_CNTFRQ, .mask = 0xffffffff },
    { "CNTPCT_EL0", SYS(3, 3, 14, 0, 1), .access = AR_0, .check = check_pct, .read = read_pct },
    { "CNTVCT_EL0", SYS(3, 3, 14, 0, 2), .access = AR_0, .check = check_vct, .read = read_vct },
    { "CNTPCTSS_EL0", SYS(3, 3, 14, 0, 5), .access = AR_0, .need = NEED_ECV, .check = check_pct,
      .read = read_pct },
    { "CNTVCTSS_EL0", SYS(3, 3, 14, 0, 6), .access = AR_0, .need = NEED_ECV, .check = check_vct,
      .read = read_vct },
    { "CNTKCTL_EL1", SYS(3, 0, 14, 1, 0), .access = ARW_1, CELL(cntkctl), .mask = 0x3ff,
      .e2h = ARM_SYSREG(3, 4, 14, 1, 0) },
    { "CNTHCTL_EL2", SYS(3, 4, 14, 1, 0), .access = ARW_2, .need = NEED_EL2, CELL(cnthctl),
      .reset = 3, .mask = 0xfff },
    { "CNTVOFF_EL2", SYS(3, 4, 14, 0, 3), .access = ARW_2, .need = NEED_EL2, CELL(cntvoff),
      .mask = ~0ULL, .write = write_cntvoff },
    TIMER("CNTP", 3, 2, ARW_0, NEED_NOTHING, ARM_OUT_TIMER_PHYS, check_ptimer, TO_HYP),
    TIMER("CNTV", 3, 3, ARW_0, NEED_NOTHING, ARM_OUT_TIMER_VIRT, check_vtimer, TO_HYPVIRT),
    TIMER("CNTHP", 4, 2, ARW_2, NEED_EL2, ARM_OUT_TIMER_HYP, NULL, STAYS2),
    TIMER("CNTHV", 4, 3, ARW_2, NEED_VHE, ARM_OUT_TIMER_HYPVIRT, NULL, STAYS2),
    TIMER("CNTPS", 7, 2, ARW_1, NEED_EL3, ARM_OUT_TIMER_SEC, check_stimer, STAYS1),
};
SYSREG_PART(arm_sysregs_timer, rows);
