/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Performance monitors, PMUv3 (DDI 0487 D13 and D19.5): the cycle counter and six event counters
 * with the events software increment, instructions retired (with -icount, which counts them) and
 * cycles; stalls never happen. A cycle is a nanosecond of virtual time.
 *
 * Counters are brought up to date when somebody looks and when what decides about counting changes:
 * nothing is done per instruction.
 */
#include "target/arm/sysreg.h"

#include "accel/accel.h"
#include "target/arm/debug.h"
#include "target/arm/models.h"

enum {
    PMCR_E = 1 << 0, PMCR_P = 1 << 1, PMCR_C = 1 << 2, PMCR_D = 1 << 3, PMCR_X = 1 << 4,
    PMCR_DP = 1 << 5, PMCR_LC = 1 << 6,
};
#define CYCLES (1ULL << 31) /* of the cycle counter in the sets */
enum { EVENT_SW_INCR = 0, EVENT_INST_RETIRED = 8, EVENT_CPU_CYCLES = 0x11 };
/* PMCCFILTR_EL0, PMEVTYPER<n>_EL0 */
enum { FILTER_M = 1 << 26, FILTER_NSH = 1 << 27, FILTER_NSU = 1 << 28, FILTER_NSK = 1 << 29 };
#define FILTER_U (1ULL << 30)
#define FILTER_P (1ULL << 31)
#define FILTERS (FILTER_P | FILTER_U | FILTER_NSK | FILTER_NSU | FILTER_NSH | FILTER_M)

static unsigned n_counters(const ArmCpu *a)
{
    return MIN(a->pmcr >> 11 & 31, ARM_N_PMC);
}

/* Those that EL1 and EL0 may use: MDCR_EL2.HPMN keeps the upper ones for EL2. */
static unsigned visible_counters(const ArmCpu *a)
{
    unsigned n = n_counters(a);

    if (arm_el(a) < 2 && arm_el2_on(a))
        return MIN(n, a->mdcr_el2 & 31);
    return n;
}

static uint64_t visible_set(const ArmCpu *a)
{
    return MASK(visible_counters(a)) | CYCLES;
}

/* --- counting --- */

static bool filter_allows(const ArmCpu *a, uint64_t filter, bool cycles)
{
    bool p = filter & FILTER_P, u = filter & FILTER_U, secure = arm_is_secure(a);

    switch (arm_el(a)) {
    case 0:
        return !(secure ? u : u != !!(filter & FILTER_NSU));
    case 1:
        return !(secure ? p : p != !!(filter & FILTER_NSK));
    case 2:
        return filter & FILTER_NSH;
    default:
        return p == !!(filter & FILTER_M);
    }
}

/* Is counter i (31: cycles) on, whatever its filter? */
static bool counter_on(const ArmCpu *a, unsigned i)
{
    bool upper = i != 31 && a->has_el2 && i >= (a->mdcr_el2 & 31);

    if (!(a->pmcnten >> i & 1))
        return false;
    if (!(upper ? a->mdcr_el2 & MDCR2_HPME : a->pmcr & PMCR_E))
        return false;
    /* Prohibited regions: EL2 with HPMD, Secure state without SPME. */
    if (arm_el(a) == 2 && !upper && a->mdcr_el2 & MDCR2_HPMD && (i != 31 || a->pmcr & PMCR_DP))
        return false;
    if (a->has_el3 && arm_is_secure(a) && !(a->mdcr_el3 & MDCR3_SPME) &&
        (i != 31 || a->pmcr & PMCR_DP))
        return false;
    return true;
}

static uint64_t filter_of(const ArmCpu *a, unsigned i)
{
    return i == 31 ? a->pmccfiltr : a->pmevtyper[i];
}

static bool counts_now(const ArmCpu *a, unsigned i)
{
    return counter_on(a, i) && filter_allows(a, filter_of(a, i), i == 31);
}

static unsigned overflow_bits(const ArmCpu *a, unsigned i)
{
    return i == 31 && a->pmcr & PMCR_LC ? 64 : 32;
}

static void advance(ArmCpu *a, unsigned i, uint64_t *count, uint64_t by)
{
    uint64_t old = *count;

    *count += by;
    if (overflow_bits(a, i) == 64) {
        if (*count < old)
            a->pmovs |= 1ULL << i;
        return;
    }
    if (by >> 32 || (*count ^ old) >> 32)
        a->pmovs |= 1ULL << i;
    if (i != 31)
        *count = (uint32_t)*count;
}

static void set_output(ArmCpu *a)
{
    int level = a->pmcr & PMCR_E && a->pmovs & a->pminten;
    bool locked = main_lock_held();

    if (a->out[ARM_OUT_PMU].level == level)
        return;
    if (!locked)
        main_lock();
    irq_set(&a->out[ARM_OUT_PMU], level);
    if (!locked)
        main_unlock();
}

void arm_pmu_before_change(ArmCpu *a)
{
    uint64_t now = (uint64_t)clock_ns(CLOCK_VIRTUAL), ns = now - a->pm_base, insns = 0;

    if (icount_enabled()) {
        insns = icount_total() - a->pm_icount;
        a->pm_icount += insns;
    }
    a->pm_base = now;
    if (!a->pmcnten)
        return;
    if (counts_now(a, 31)) {
        bool divided = a->pmcr & PMCR_D && !(a->pmcr & PMCR_LC);
        /* What is left of a division stays in the time base. */
        if (divided)
            a->pm_base -= ns & 63;
        advance(a, 31, &a->pmccnt, divided ? ns >> 6 : ns);
    }
    for (unsigned i = 0; i < n_counters(a); i++) {
        uint64_t event = a->pmevtyper[i] & 0xffff;
        if (!(a->pmcnten >> i & 1) || !counts_now(a, i))
            continue;
        if (event == EVENT_CPU_CYCLES)
            advance(a, i, &a->pmevcnt[i], ns);
        else if (event == EVENT_INST_RETIRED)
            advance(a, i, &a->pmevcnt[i], insns);
    }
}

/* When will the next counter overflow that interrupts? */
static uint64_t ns_to_overflow(const ArmCpu *a)
{
    uint64_t best = UINT64_MAX;

    if (a->pminten & CYCLES && counts_now(a, 31)) {
        uint64_t left = overflow_bits(a, 31) == 64 ? -a->pmccnt : (1ULL << 32) - (uint32_t)a->pmccnt;
        best = a->pmcr & PMCR_D && !(a->pmcr & PMCR_LC) ? left << 6 : left;
    }
    for (unsigned i = 0; i < n_counters(a); i++) {
        uint64_t event = a->pmevtyper[i] & 0xffff;
        /* With icount an instruction takes a power of two of ns, so this comes early at worst. */
        if (a->pminten >> i & 1 && counts_now(a, i) &&
            (event == EVENT_CPU_CYCLES || event == EVENT_INST_RETIRED))
            best = MIN(best, (1ULL << 32) - (uint32_t)a->pmevcnt[i]);
    }
    return best;
}

void arm_pmu_changed(ArmCpu *a)
{
    uint64_t ns;

    if (!a->has_pmu)
        return;
    a->pm_filtered = false;
    for (unsigned i = 0; i < 32; i++)
        if ((i == 31 || i < n_counters(a)) && a->pmcnten >> i & 1 &&
            (filter_of(a, i) & FILTERS || a->has_el2 || a->has_el3))
            a->pm_filtered = true;
    set_output(a);
    ns = a->pminten ? ns_to_overflow(a) : UINT64_MAX;
    if (ns < INT64_MAX / 2)
        timer_mod(a->pm_timer, clock_ns(CLOCK_VIRTUAL) + (int64_t)ns);
}

void arm_pmu_overflow(ArmCpu *a)
{
    arm_pmu_before_change(a);
    arm_pmu_changed(a);
}

static void overflow_timer(void *opaque)
{
    ArmCpu *a = opaque;
    cpu_request(&a->cpu, ARM_REQUEST_PMU);
}

void arm_pmu_init(ArmCpu *a)
{
    if (a->has_pmu)
        a->pm_timer = timer_new(CLOCK_VIRTUAL, overflow_timer, a);
}

/* --- registers --- */

/* PMUSERENR_EL0: EN allows everything, the others single things. */
enum { USER_EN = 1, USER_SW = 2, USER_CR = 4, USER_ER = 8 };

static ArmAccess user(const ArmCpu *a, unsigned bits)
{
    return arm_el(a) || a->pmuserenr & bits ? ACCESS_OK : arm_trap_from_el0(a);
}

static ArmAccess check_en(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return user(a, USER_EN);
}

static ArmAccess check_cycles(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return user(a, USER_EN | (write ? 0 : USER_CR));
}

static ArmAccess check_swinc(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return user(a, USER_EN | USER_SW);
}

static ArmAccess check_selr(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return user(a, USER_EN | USER_ER);
}

static ArmAccess check_counter(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return user(a, USER_EN | (write ? 0 : USER_ER));
}

static void write_pmcr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    uint64_t mask = PMCR_E | PMCR_D | PMCR_X | PMCR_DP | PMCR_LC;

    arm_pmu_before_change(a);
    if (v & PMCR_C)
        a->pmccnt = 0;
    for (unsigned i = 0; v & PMCR_P && i < visible_counters(a); i++)
        a->pmevcnt[i] = 0;
    a->pmcr = (a->pmcr & ~mask) | (v & mask);
    arm_pmu_changed(a);
}

static uint64_t read_pmcr(ArmCpu *a, const ArmSysReg *r)
{
    return bits_set(a->pmcr, 11, 5, visible_counters(a));
}

/* Registers in pairs that set and clear bits. */
static bool sets(const ArmSysReg *r)
{
    unsigned op2 = r->enc & 7, crm = r->enc >> 3 & 15;
    return op2 == 1 || (crm == 14 && op2 == 3);
}

static uint64_t read_set(ArmCpu *a, const ArmSysReg *r)
{
    arm_pmu_before_change(a);
    return *sysreg_cell(a, r) & visible_set(a);
}

static void write_set(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    uint64_t *cell = sysreg_cell(a, r);

    arm_pmu_before_change(a);
    v &= visible_set(a);
    *cell = sets(r) ? *cell | v : *cell & ~v;
    arm_pmu_changed(a);
}

static void write_swinc(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_pmu_before_change(a);
    for (unsigned i = 0; i < visible_counters(a); i++)
        if (v >> i & 1 && (a->pmevtyper[i] & 0xffff) == EVENT_SW_INCR && counts_now(a, i))
            advance(a, i, &a->pmevcnt[i], 1);
    arm_pmu_changed(a);
}

static uint64_t read_ceid0(ArmCpu *a, const ArmSysReg *r)
{
    return 1 << EVENT_SW_INCR | 1 << EVENT_CPU_CYCLES |
           (icount_enabled() ? 1 << EVENT_INST_RETIRED : 0);
}

/* STALL_FRONTEND and STALL_BACKEND from PMUv3 for Armv8.1 on, STALL from 8.4. */
static uint64_t read_ceid1(ArmCpu *a, const ArmSysReg *r)
{
    unsigned version = a->id.aa64dfr0 >> 8 & 15;

    return (version >= 4 ? 3 << 3 : 0) | (version >= 5 ? 1 << 28 : 0);
}

static uint64_t read_ccntr(ArmCpu *a, const ArmSysReg *r)
{
    arm_pmu_before_change(a);
    arm_pmu_changed(a);
    return a->pmccnt;
}

static void write_ccntr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_pmu_before_change(a);
    a->pmccnt = v;
    arm_pmu_changed(a);
}

static uint64_t read_counter(ArmCpu *a, unsigned i)
{
    if (i >= visible_counters(a))
        return 0;
    arm_pmu_before_change(a);
    arm_pmu_changed(a);
    return a->pmevcnt[i];
}

static void write_counter(ArmCpu *a, unsigned i, uint64_t v)
{
    if (i >= visible_counters(a))
        return;
    arm_pmu_before_change(a);
    a->pmevcnt[i] = (uint32_t)v;
    arm_pmu_changed(a);
}

static uint64_t read_type(ArmCpu *a, unsigned i)
{
    if (i == 31)
        return a->pmccfiltr & FILTERS;
    return i < visible_counters(a) ? a->pmevtyper[i] : 0;
}

static void write_type(ArmCpu *a, unsigned i, uint64_t v)
{
    arm_pmu_before_change(a);
    if (i == 31)
        a->pmccfiltr = v & FILTERS;
    else if (i < visible_counters(a))
        a->pmevtyper[i] = v & (FILTERS | 0xffff);
    arm_pmu_changed(a);
}

/* Number of an event counter: in CRm and op2. */
static unsigned number(const ArmSysReg *r)
{
    return r->enc & 31;
}

static uint64_t read_evcntr(ArmCpu *a, const ArmSysReg *r)
{
    return read_counter(a, number(r));
}

static void write_evcntr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    write_counter(a, number(r), v);
}

static uint64_t read_evtyper(ArmCpu *a, const ArmSysReg *r)
{
    return read_type(a, number(r));
}

static void write_evtyper(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    write_type(a, number(r), v);
}

static uint64_t read_xevcntr(ArmCpu *a, const ArmSysReg *r)
{
    return read_counter(a, a->pmselr & 31);
}

static void write_xevcntr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    write_counter(a, a->pmselr & 31, v);
}

static uint64_t read_xevtyper(ArmCpu *a, const ArmSysReg *r)
{
    return read_type(a, a->pmselr & 31);
}

static void write_xevtyper(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    write_type(a, a->pmselr & 31, v);
}

#define PMU(name_, op1, crn, crm, op2, acc, ...)                                               \
    { .name = name_, SYS(3, op1, crn, crm, op2), .access = acc, .need = NEED_PMU,              \
      .trap = TRAP_PM, __VA_ARGS__ }
#define EVENT(n)                                                                               \
    PMU("PMEVCNTR" #n "_EL0", 3, 14, 8 + (n) / 8, (n) % 8, ARW_0, .check = check_counter,      \
        .read = read_evcntr, .write = write_evcntr),                                           \
        PMU("PMEVTYPER" #n "_EL0", 3, 14, 12 + (n) / 8, (n) % 8, ARW_0, .check = check_en,     \
            .read = read_evtyper, .write = write_evtyper)

static const ArmSysReg rows[] = {
    { "PMCR_EL0", SYS(3, 3, 9, 12, 0), .access = ARW_0, .need = NEED_PMU,
      .trap = TRAP_PM | TRAP_PMCR, .check = check_en, .read = read_pmcr, .write = write_pmcr },
    PMU("PMCNTENSET_EL0", 3, 9, 12, 1, ARW_0, .check = check_en, CELL(pmcnten), .mask = ~0ULL,
        .read = read_set, .write = write_set),
    PMU("PMCNTENCLR_EL0", 3, 9, 12, 2, ARW_0, .check = check_en, CELL(pmcnten), .mask = ~0ULL,
        .read = read_set, .write = write_set),
    PMU("PMOVSCLR_EL0", 3, 9, 12, 3, ARW_0, .check = check_en, CELL(pmovs), .mask = ~0ULL,
        .read = read_set, .write = write_set),
    PMU("PMSWINC_EL0", 3, 9, 12, 4, AW_0, .check = check_swinc, .write = write_swinc,
        .no_gdb = true),
    PMU("PMSELR_EL0", 3, 9, 12, 5, ARW_0, .check = check_selr, CELL(pmselr), .mask = 31),
    PMU("PMCEID0_EL0", 3, 9, 12, 6, AR_0, .check = check_en, .read = read_ceid0),
    PMU("PMCEID1_EL0", 3, 9, 12, 7, AR_0, .check = check_en, .read = read_ceid1),
    PMU("PMCCNTR_EL0", 3, 9, 13, 0, ARW_0, .check = check_cycles, .read = read_ccntr,
        .write = write_ccntr),
    PMU("PMXEVTYPER_EL0", 3, 9, 13, 1, ARW_0, .check = check_en, .read = read_xevtyper,
        .write = write_xevtyper),
    PMU("PMXEVCNTR_EL0", 3, 9, 13, 2, ARW_0, .check = check_counter, .read = read_xevcntr,
        .write = write_xevcntr),
    PMU("PMUSERENR_EL0", 3, 9, 14, 0, AR_0 | AW_1, CELL(pmuserenr), .mask = 15),
    PMU("PMINTENSET_EL1", 0, 9, 14, 1, ARW_1, CELL(pminten), .mask = ~0ULL, .read = read_set,
        .write = write_set),
    PMU("PMINTENCLR_EL1", 0, 9, 14, 2, ARW_1, CELL(pminten), .mask = ~0ULL, .read = read_set,
        .write = write_set),
    PMU("PMOVSSET_EL0", 3, 9, 14, 3, ARW_0, .check = check_en, CELL(pmovs), .mask = ~0ULL,
        .read = read_set, .write = write_set),
    { "PMMIR_EL1", SYS(3, 0, 9, 14, 6), .access = AR_1, .need = NEED_PMU_V34, .trap = TRAP_PM },
    EVENT(0), EVENT(1), EVENT(2), EVENT(3), EVENT(4), EVENT(5),
    PMU("PMCCFILTR_EL0", 3, 14, 15, 7, ARW_0, .check = check_en, .read = read_evtyper,
        .write = write_evtyper),
};
SYSREG_PART(arm_sysregs_pmu, rows);
