/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Self-hosted debug: breakpoints, watchpoints, software step, OS lock, the debug communication
 * channel's registers (DDI 0487 D2, D19.3; pseudocode AArch64.BreakpointMatch and relatives).
 * There is no external debugger, so no debug state either.
 */
#include "target/arm/debug.h"

#include "target/arm/sysreg.h"

enum {
    CTL_E = 1, CTL_PMC_SHIFT = 1, BCR_BAS_SHIFT = 5, WCR_LSC_SHIFT = 3, CTL_HMC = 1 << 13,
    CTL_SSC_SHIFT = 14, CTL_LBN_SHIFT = 16, BCR_BT_SHIFT = 20, WCR_WT = 1 << 20,
    WCR_MASK_SHIFT = 24,
};
#define OSLSR_OSLK 2ULL
#define OSLSR_OSLM 8ULL
#define OSDLR_DLK 1ULL
#define DBGPRCR_CORENPDRQ 1ULL

/* --- enables --- */

unsigned arm_debug_target(const ArmCpu *a)
{
    return arm_el2_on(a) && (a->hcr_eff & HCR_TGE || a->mdcr_el2 & MDCR2_TDE) ? 2 : 1;
}

bool arm_debug_enabled_from(const ArmCpu *a, unsigned el, bool secure, bool d)
{
    unsigned target = arm_debug_target(a);

    if (a->oslsr & OSLSR_OSLK || a->osdlr & OSDLR_DLK)
        return false;
    if (a->has_el3 && secure && a->mdcr_el3 & MDCR3_SDD)
        return false;
    if (el == target)
        return a->mdscr & MDSCR_KDE && !d;
    return el < target;
}

static bool enabled_here(const ArmCpu *a)
{
    return arm_debug_enabled_from(a, arm_el(a), arm_is_secure(a), a->pstate & PSTATE_D);
}

uint32_t arm_debug_mode(const ArmCpu *a)
{
    uint32_t m = 0;

    if (a->mdscr & MDSCR_SS && enabled_here(a))
        m |= MODE_SS_ACTIVE | (a->pstate & PSTATE_SS ? MODE_SS : 0);
    /* PSTATE.D changes without a change of the mode: the check itself looks at it. */
    if (a->mdscr & MDSCR_MDE &&
        arm_debug_enabled_from(a, arm_el(a), arm_is_secure(a), false))
        for (unsigned i = 0; i < ARM_N_BRP; i++)
            if (a->dbgbcr[i] & CTL_E)
                m |= MODE_BP;
    return m;
}

bool arm_debug_return_ss(const ArmCpu *a, uint64_t spsr, unsigned dest)
{
    bool secure = dest == 3 || arm_is_secure_below_el3(a);

    return a->mdscr & MDSCR_SS && !enabled_here(a) &&
           arm_debug_enabled_from(a, dest, secure, spsr & PSTATE_D) && spsr & PSTATE_SS;
}

void arm_debug_raise(ArmCpu *a, unsigned ec, uint32_t iss, uint64_t far)
{
    unsigned el = arm_el(a), target = MAX(arm_debug_target(a), el);

    if (ec != EC_BRK && el < target)
        ec--; /* from a lower level */
    arm_raise(a, target, ESR(ec, iss), far);
}

/* --- matching --- */

static bool in_host(const ArmCpu *a)
{
    unsigned el = arm_el(a);
    return (el == 2 && a->hcr_eff & HCR_E2H) ||
           (el == 0 && (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE));
}

enum { N_CONTEXT_AWARE = 2 };

/* The part of a breakpoint that is about contexts; bt as in DBGBCR.BT. */
static bool context_matches(const ArmCpu *a, unsigned n, unsigned bt)
{
    uint64_t bvr = a->dbgbvr[n], vmid = a->vttbr >> 48;
    unsigned el = arm_el(a);
    bool ok = true;

    if (n < ARM_N_BRP - N_CONTEXT_AWARE)
        return false;
    if ((bt & 6) == 2 || (bt & 14) == 6 || (bt & 14) == 14) /* CONTEXTIDR_EL1, or EL2's in host */
        ok = (uint32_t)bvr == (in_host(a) ? a->contextidr[2]
                               : el < 2 ? a->contextidr[1] : ~(uint64_t)0);
    if ((bt & 12) == 8) {
        bool vmid16 = a->vtcr >> 19 & 1;
        uint64_t want = bvr >> 32 & (vmid16 ? 0xffff : 0xff);
        ok = ok && el < 2 && arm_el2_on(a) && !in_host(a) &&
             (vmid & (vmid16 ? 0xffff : 0xff)) == want;
    }
    if ((bt & 12) == 12)
        ok = ok && el < 3 && arm_el2_on(a) && a->feat.vhe && bvr >> 32 == a->contextidr[2];
    return ok;
}

static bool linked_matches(const ArmCpu *a, unsigned lbn)
{
    uint64_t ctl;
    unsigned bt;

    if (lbn >= ARM_N_BRP)
        return false;
    ctl = a->dbgbcr[lbn];
    bt = ctl >> BCR_BT_SHIFT & 15;
    /* Context types that are linked: 3, 7, 9, 11, 13, 15. */
    return ctl & CTL_E && bt & 1 && bt != 1 && bt != 5 && context_matches(a, lbn, bt);
}

static bool state_matches(const ArmCpu *a, uint64_t ctl, unsigned el, bool linked)
{
    unsigned pxc = ctl >> CTL_PMC_SHIFT & 3, ssc = ctl >> CTL_SSC_SHIFT & 3;
    bool hmc = ctl & CTL_HMC, level, secure = arm_is_secure(a);

    switch (el) {
    case 3: level = hmc && !(ssc & 1); break;
    case 2: level = (hmc && !(ssc == 2 && pxc == 0)) || ssc == 3; break;
    case 1: level = pxc & 1; break;
    default: level = pxc & 2; break;
    }
    if (!level)
        return false;
    if ((ssc == 1 && secure) || (ssc == 2 && !secure) || (ssc == 3 && !hmc && !secure))
        return false;
    return !linked || linked_matches(a, ctl >> CTL_LBN_SHIFT & 15);
}

static bool breakpoint_matches(const ArmCpu *a, unsigned n, uint64_t pc)
{
    uint64_t ctl = a->dbgbcr[n];
    unsigned bt = ctl >> BCR_BT_SHIFT & 15;

    if (!(ctl & CTL_E) || bt == 4 || bt == 5)
        return false;
    if (bt > 1)
        return !(bt & 1) && state_matches(a, ctl, arm_el(a), false) && context_matches(a, n, bt);
    if (!state_matches(a, ctl, arm_el(a), bt & 1))
        return false;
    return !((a->dbgbvr[n] ^ pc) & (MASK(a->va_bits + 1) & ~3ULL)) &&
           ctl >> BCR_BAS_SHIFT & 15;
}

static uint64_t helper_breakpoints(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    for (unsigned n = 0; enabled_here(a) && n < ARM_N_BRP; n++)
        if (breakpoint_matches(a, n, a->pc))
            arm_debug_raise(a, EC_BREAKPOINT, 0x22, 0);
    return 0;
}
const IrHelper arm_helper_breakpoints = {
    "breakpoints", helper_breakpoints, 0, false, IR_READS | IR_FAULTS,
};

/* --- software step --- */

static uint64_t helper_ss_exception(Cpu *cpu)
{
    /* ISV and EX of the syndrome are about the last instruction, which nobody remembers. */
    arm_debug_raise(arm_cpu(cpu), EC_STEP, 0x22, 0);
}
const IrHelper arm_helper_ss_exception = {
    "ss_exception", helper_ss_exception, 0, false,
    IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES,
};

static uint64_t helper_ss_advance(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    a->pstate &= ~PSTATE_SS;
    arm_pstate_changed(a);
    return 0;
}
const IrHelper arm_helper_ss_advance = {
    "ss_advance", helper_ss_advance, 0, false, IR_READS | IR_WRITES | IR_FLUSHES,
};

/* --- watchpoints --- */

/* What a watchpoint covers; false: nothing. */
static bool watch_range(const ArmCpu *a, unsigned n, uint64_t *start, uint64_t *len)
{
    uint64_t ctl = a->dbgwcr[n], va = a->dbgwvr[n];
    unsigned mask = ctl >> WCR_MASK_SHIFT & 31, bas = ctl >> 5 & 0xff;

    if (!(ctl & CTL_E))
        return false;
    if (mask >= 3) {
        *start = va & ~MASK(mask);
        *len = 1ULL << mask;
        return true;
    }
    if (mask || !bas) /* reserved masks: none */
        return false;
    if (va & 4)
        bas &= 15;
    *start = (va & ~3ULL & (va & 4 ? ~0ULL : ~7ULL)) + (unsigned)__builtin_ctz(bas ? bas : 1);
    *len = bas ? 32 - (unsigned)__builtin_clz(bas) - (unsigned)__builtin_ctz(bas) : 0;
    return *len;
}

void arm_debug_changed(ArmCpu *a)
{
    CpuWatchpoint w[ARM_N_WRP];
    unsigned n = 0;

    for (unsigned i = 0; a->mdscr & MDSCR_MDE && i < ARM_N_WRP; i++)
        if (watch_range(a, i, &w[n].addr, &w[n].len)) {
            w[n].on_read = a->dbgwcr[i] >> WCR_LSC_SHIFT & 1;
            w[n].on_write = a->dbgwcr[i] >> WCR_LSC_SHIFT & 2;
            n++;
        }
    cpu_set_guest_watchpoints(&a->cpu, w, n);
    arm_pstate_changed(a);
}

static bool bas_hits(const ArmCpu *a, unsigned n, uint64_t va, uint64_t len)
{
    uint64_t start, size, ctl = a->dbgwcr[n], base = a->dbgwvr[n] & ~7ULL;
    unsigned bas = ctl >> 5 & 0xff;

    if (!watch_range(a, n, &start, &size))
        return false;
    if (!(va - start < size || start - va < len))
        return false;
    if (ctl >> WCR_MASK_SHIFT & 31)
        return true;
    if (a->dbgwvr[n] & 4) {
        base += 4;
        bas &= 15;
    }
    for (unsigned i = 0; i < 8; i++)
        if (bas >> i & 1 && base + i - va < len)
            return true;
    return false;
}

/* A data access touches a page with watchpoints: raises the exception if one matches. */
void arm_guest_watch(Cpu *cpu, vaddr va, uint64_t len, bool write, int mmu_idx)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = mmu_idx == ARM_MMU_USER ? 0 : arm_el(a);

    if (!(a->mdscr & MDSCR_MDE) || !enabled_here(a))
        return;
    for (unsigned n = 0; n < ARM_N_WRP; n++) {
        uint64_t ctl = a->dbgwcr[n], start, size;
        if (!(ctl >> WCR_LSC_SHIFT & (write ? 2 : 1)) || !bas_hits(a, n, va, len) ||
            !state_matches(a, ctl, el, ctl & WCR_WT))
            continue;
        watch_range(a, n, &start, &size);
        arm_debug_raise(a, EC_WATCHPOINT, 0x22 | (write ? 1U << 6 : 0), MAX(va, start));
    }
}

/* --- registers --- */

static void write_debug(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    *sysreg_cell(a, r) = v;
    arm_debug_changed(a);
}

static uint64_t read_mdrar(ArmCpu *a, const ArmSysReg *r)
{
    return 0;
}

static void write_oslar(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    a->oslsr = OSLSR_OSLM | (v & 1 ? OSLSR_OSLK : 0);
    arm_pstate_changed(a);
}

static void write_osdlr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    a->osdlr = v & OSDLR_DLK;
    arm_pstate_changed(a);
}

static uint64_t read_claimset(ArmCpu *a, const ArmSysReg *r)
{
    return 0xff;
}

static void write_claimset(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    a->dbgclaim |= v & 0xff;
}

static uint64_t read_claimclr(ArmCpu *a, const ArmSysReg *r)
{
    return a->dbgclaim;
}

static void write_claimclr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    a->dbgclaim &= ~v;
}

static ArmAccess check_dcc(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return arm_el(a) == 0 && a->mdscr & MDSCR_TDCC ? arm_trap_from_el0(a) : ACCESS_OK;
}

/* Who sends to the debugger sends to nobody. */
static void write_dtr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
}

#define PAIRS(n)                                                                               \
    { "DBGBVR" #n "_EL1", SYS(2, 0, 0, n, 4), .access = ARW_1, .trap = TRAP_DA,                \
      CELL(dbgbvr[n]), .mask = ~0ULL, .write = write_debug },                                  \
    { "DBGBCR" #n "_EL1", SYS(2, 0, 0, n, 5), .access = ARW_1, .trap = TRAP_DA,                \
      CELL(dbgbcr[n]), .mask = 0xffe1e7, .write = write_debug }
#define WATCH(n)                                                                               \
    { "DBGWVR" #n "_EL1", SYS(2, 0, 0, n, 6), .access = ARW_1, .trap = TRAP_DA,                \
      CELL(dbgwvr[n]), .mask = ~3ULL, .write = write_debug },                                  \
    { "DBGWCR" #n "_EL1", SYS(2, 0, 0, n, 7), .access = ARW_1, .trap = TRAP_DA,                \
      CELL(dbgwcr[n]), .mask = 0x1f1fffff, .write = write_debug }

static const ArmSysReg rows[] = {
    PAIRS(0), PAIRS(1), PAIRS(2), PAIRS(3), PAIRS(4), PAIRS(5),
    WATCH(0), WATCH(1), WATCH(2), WATCH(3),
    { "MDCCINT_EL1", SYS(2, 0, 0, 2, 0), .access = ARW_1, .trap = TRAP_DA, CELL(mdccint),
      .mask = 3 << 29 },
    { "MDSCR_EL1", SYS(2, 0, 0, 2, 2), .access = ARW_1, .trap = TRAP_DA, CELL(mdscr),
      .mask = MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE | 1 << 6 | 1 << 14 | 3 << 22 |
              7 << 26 | 1 << 29 | 1 << 30, .write = write_debug },
    { "OSDTRRX_EL1", SYS(2, 0, 0, 0, 2), .access = ARW_1, .trap = TRAP_DA },
    { "OSDTRTX_EL1", SYS(2, 0, 0, 3, 2), .access = ARW_1, .trap = TRAP_DA },
    { "OSECCR_EL1", SYS(2, 0, 0, 6, 2), .access = ARW_1, .trap = TRAP_DA },
    { "MDRAR_EL1", SYS(2, 0, 1, 0, 0), .access = AR_1, .trap = TRAP_DRA, .read = read_mdrar },
    { "OSLAR_EL1", SYS(2, 0, 1, 0, 4), .access = AW_1, .trap = TRAP_OSA, .write = write_oslar,
      .no_gdb = true },
    { "OSLSR_EL1", SYS(2, 0, 1, 1, 4), .access = AR_1, .trap = TRAP_OSA, CELL(oslsr),
      .mask = ~0ULL, .reset = OSLSR_OSLM | OSLSR_OSLK },
    { "OSDLR_EL1", SYS(2, 0, 1, 3, 4), .access = ARW_1, .trap = TRAP_OSA, CELL(osdlr), .mask = 1,
      .write = write_osdlr },
    { "DBGPRCR_EL1", SYS(2, 0, 1, 4, 4), .access = ARW_1, .trap = TRAP_OSA },
    { "DBGCLAIMSET_EL1", SYS(2, 0, 7, 8, 6), .access = ARW_1, .trap = TRAP_DA,
      .read = read_claimset, .write = write_claimset },
    { "DBGCLAIMCLR_EL1", SYS(2, 0, 7, 9, 6), .access = ARW_1, .trap = TRAP_DA,
      .read = read_claimclr, .write = write_claimclr },
    { "DBGAUTHSTATUS_EL1", SYS(2, 0, 7, 14, 6), .access = AR_1, .trap = TRAP_DA },
    { "MDCCSR_EL0", SYS(2, 3, 0, 1, 0), .access = AR_0, .trap = TRAP_DA, .check = check_dcc },
    { "DBGDTR_EL0", SYS(2, 3, 0, 4, 0), .access = ARW_0, .trap = TRAP_DA, .check = check_dcc,
      .write = write_dtr, .no_gdb = true },
    { "DBGDTRTX_EL0", SYS(2, 3, 0, 5, 0), .access = ARW_0, .trap = TRAP_DA, .check = check_dcc,
      .write = write_dtr, .no_gdb = true },
};
SYSREG_PART(arm_sysregs_debug, rows);
