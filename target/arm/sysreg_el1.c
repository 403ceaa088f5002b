/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EL0's and EL1's registers: PSTATE, control, translation, exceptions, thread pointers
 * (DDI 0487 D19.2, C5.2).
 */
#include "target/arm/sysreg.h"

#include "util/random.h"

/* --- control --- */

static uint64_t sctlr_mask(const ArmCpu *a, unsigned el)
{
    uint64_t m = SCTLR_M | SCTLR_A | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN | SCTLR_EE;

    if (el == 1)
        m |= SCTLR_SA0 | SCTLR_UMA | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_E0E |
             SCTLR_UCI;
    /* EL2 with E2H has the layout of EL1. */
    if (el == 2 && a->feat.vhe)
        m |= SCTLR_SA0 | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_E0E | SCTLR_UCI |
             SCTLR_SPAN;
    if (a->feat.pan && el == 1)
        m |= SCTLR_SPAN;
    if (a->id.aa64isar1 & 0xff0)
        m |= SCTLR_ENDA | SCTLR_ENDB | SCTLR_ENIA | SCTLR_ENIB;
    if (a->feat.bti)
        m |= el == 3 ? SCTLR_BT1 : SCTLR_BT0 | SCTLR_BT1;
    if (a->feat.ssbs)
        m |= SCTLR_DSSBS;
    if (a->id.aa64mmfr2 >> 12 & 15)
        m |= SCTLR_IESB;
    if (a->feat.lse2)
        m |= SCTLR_NAA;
    if (a->feat.predres && el != 3)
        m |= SCTLR_ENRCTX;
    if ((a->id.aa64pfr0 >> 56 & 15) >= 2 && el != 3)
        m |= SCTLR_TSCXT;
    if (a->id.aa64mmfr0 >> 44 & 15) /* FEAT_ExS */
        m |= SCTLR_EIS | SCTLR_EOS;
    return m;
}

/* TLB contexts are found by what these registers say (mmu.c), so nothing is flushed. */
static void write_sctlr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    unsigned el = (unsigned)(sysreg_cell(a, r) - a->sctlr);
    uint64_t old = a->sctlr[el], mask = sctlr_mask(a, el);

    a->sctlr[el] = v = (old & ~mask) | (v & mask);
    if (old != v)
        arm_update_mode(a);
}

static void write_cpacr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    a->cpacr = v;
    arm_update_mode(a);
}

/* --- translation --- */

static void write_ttbr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    *sysreg_cell(a, r) = v;
    arm_pstate_changed(a);
}

static void write_tcr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    uint64_t *cell = sysreg_cell(a, r);

    if (*cell == v)
        return;
    *cell = v;
    arm_update_mode(a);
}

static void write_vbar(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    *sysreg_cell(a, r) = v & ~(uint64_t)0x7ff;
}

/* --- PSTATE --- */

static void change_pstate(ArmCpu *a, uint64_t mask, uint64_t v)
{
    a->pstate = (a->pstate & ~mask) | (v & mask);
    arm_pstate_changed(a);
}

static uint64_t read_spsel(ArmCpu *a, const ArmSysReg *r)
{
    return a->pstate & PSTATE_SP;
}

static void write_spsel(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_set_el(a, arm_el(a), v & 1);
    arm_pstate_changed(a);
}

/* The stack pointer that is in use is no system register. */
static ArmAccess check_sp_el0(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return a->pstate & PSTATE_SP ? ACCESS_OK : ACCESS_UNDEF;
}

static uint64_t read_currentel(ArmCpu *a, const ArmSysReg *r)
{
    return a->pstate & PSTATE_EL;
}

static uint64_t read_nzcv(ArmCpu *a, const ArmSysReg *r)
{
    return arm_nzcv(a);
}

static void write_nzcv(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_set_nzcv(a, (uint32_t)v);
}

static ArmAccess check_daif(ArmCpu *a, const ArmSysReg *r, bool write)
{
    if (arm_el(a) == 0 && !(arm_sctlr_el0(a) & SCTLR_UMA))
        return arm_trap_from_el0(a);
    if (arm_el(a) == 0 && (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE))
        return ACCESS_EL2;
    return ACCESS_OK;
}

static uint64_t read_daif(ArmCpu *a, const ArmSysReg *r)
{
    return a->pstate & PSTATE_DAIF;
}

static void write_daif(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    change_pstate(a, PSTATE_DAIF, v);
    arm_check_interrupts(a);
}

/* A bit of PSTATE that has a register; `reset` says which. */
static uint64_t read_bit(ArmCpu *a, const ArmSysReg *r)
{
    return a->pstate & r->reset;
}

static void write_bit(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    change_pstate(a, r->reset, v);
}

/* --- floating point --- */

static uint64_t read_fpcr(ArmCpu *a, const ArmSysReg *r)
{
    return a->fpcr;
}

static void write_fpcr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_set_fpcr(a, v);
}

static uint64_t read_fpsr(ArmCpu *a, const ArmSysReg *r)
{
    return arm_fpsr(a);
}

static void write_fpsr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_set_fpsr(a, v);
}

/* --- the rest --- */

static uint64_t read_rndr(ArmCpu *a, const ArmSysReg *r)
{
    uint64_t v = 0;

    random_bytes(&v, sizeof v);
    arm_set_nzcv(a, 0); /* there always is one */
    return v;
}

static uint64_t read_rvbar(ArmCpu *a, const ArmSysReg *r)
{
    return a->rvbar;
}

static uint64_t read_disr(ArmCpu *a, const ArmSysReg *r)
{
    return arm_el(a) == 1 && a->hcr_eff & HCR_AMO ? a->vdisr : a->disr;
}

static void write_disr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    v &= 1ULL << 31 | MASK(25);
    if (arm_el(a) == 1 && a->hcr_eff & HCR_AMO)
        a->vdisr = v;
    else
        a->disr = v;
}

#define VM_(name_, crn, crm, op2, cell, mask_, ...)                                            \
    { .name = name_, SYS(3, 0, crn, crm, op2), .access = ARW_1, .trap = TRAP_VM, CELL(cell),   \
      .mask = mask_, __VA_ARGS__ }
#define E2H_(op1, crn, crm, op2) .e2h = ARM_SYSREG(3, op1, crn, crm, op2)
#define KEY(name_, crm, op2, n)                                                                \
    { .name = name_, SYS(3, 0, 2, crm, op2), .access = ARW_1, .need = NEED_PAUTH,              \
      .trap = TRAP_APK, CELL(apkey[n]), .mask = ~0ULL }
#define ALL32 0xffffffffULL

static const ArmSysReg rows[] = {
    VM_("SCTLR_EL1", 1, 0, 0, sctlr[1], ~0ULL, .reset = 0x30d00980, E2H_(4, 1, 0, 0),
        .write = write_sctlr),
    { "ACTLR_EL1", SYS(3, 0, 1, 0, 1), .access = ARW_1, .trap = TRAP_ACR },
    { "CPACR_EL1", SYS(3, 0, 1, 0, 2), .access = ARW_1, .trap = TRAP_CPACR, CELL(cpacr),
      .mask = 3 << 20, E2H_(4, 1, 1, 2), .write = write_cpacr },
    VM_("TTBR0_EL1", 2, 0, 0, ttbr0[1], ~0ULL, E2H_(4, 2, 0, 0), .write = write_ttbr),
    VM_("TTBR1_EL1", 2, 0, 1, ttbr1[1], ~0ULL, E2H_(4, 2, 0, 1), .write = write_ttbr),
    VM_("TCR_EL1", 2, 0, 2, tcr[1], ~(1ULL << 6 | 1ULL << 35), E2H_(4, 2, 0, 2),
        .write = write_tcr),
    VM_("AFSR0_EL1", 5, 1, 0, afsr0[1], 0, E2H_(4, 5, 1, 0)),
    VM_("AFSR1_EL1", 5, 1, 1, afsr1[1], 0, E2H_(4, 5, 1, 1)),
    VM_("ESR_EL1", 5, 2, 0, esr[1], ~0ULL, E2H_(4, 5, 2, 0)),
    VM_("FAR_EL1", 6, 0, 0, far_[1], ~0ULL, E2H_(4, 6, 0, 0)),
    VM_("MAIR_EL1", 10, 2, 0, mair[1], ~0ULL, E2H_(4, 10, 2, 0), .write = write_tcr),
    VM_("AMAIR_EL1", 10, 3, 0, amair[1], 0, E2H_(4, 10, 3, 0)),
    VM_("CONTEXTIDR_EL1", 13, 0, 1, contextidr[1], ALL32, E2H_(4, 13, 0, 1)),
    { "PAR_EL1", SYS(3, 0, 7, 4, 0), .access = ARW_1, CELL(par), .mask = ~0ULL },
    { "SPSR_EL1", SYS(3, 0, 4, 0, 0), .access = ARW_1, CELL(spsr[1]), .mask = ALL32,
      E2H_(4, 4, 0, 0) },
    { "ELR_EL1", SYS(3, 0, 4, 0, 1), .access = ARW_1, CELL(elr[1]), .mask = ~0ULL,
      E2H_(4, 4, 0, 1) },
    { "SP_EL0", SYS(3, 0, 4, 1, 0), .access = ARW_1, CELL(sp_el[0]), .mask = ~0ULL,
      .check = check_sp_el0 },
    { "SPSel", SYS(3, 0, 4, 2, 0), .access = ARW_1, .read = read_spsel, .write = write_spsel },
    { "CurrentEL", SYS(3, 0, 4, 2, 2), .access = AR_1, .read = read_currentel },
    { "PAN", SYS(3, 0, 4, 2, 3), .access = ARW_1, .need = NEED_PAN, .reset = PSTATE_PAN,
      .read = read_bit, .write = write_bit },
    { "UAO", SYS(3, 0, 4, 2, 4), .access = ARW_1, .need = NEED_UAO, .reset = PSTATE_UAO,
      .read = read_bit, .write = write_bit },
    { "VBAR_EL1", SYS(3, 0, 12, 0, 0), .access = ARW_1, CELL(vbar[1]), .mask = ~0x7ffULL,
      E2H_(4, 12, 0, 0), .write = write_vbar },
    { "DISR_EL1", SYS(3, 0, 12, 1, 1), .access = ARW_1, .need = NEED_RAS, .read = read_disr,
      .write = write_disr },
    { "ERRIDR_EL1", SYS(3, 0, 5, 3, 0), .access = AR_1, .need = NEED_RAS, .trap = TRAP_ERR },
    { "TPIDR_EL1", SYS(3, 0, 13, 0, 4), .access = ARW_1, CELL(tpidr_el1), .mask = ~0ULL },
    { "SCXTNUM_EL1", SYS(3, 0, 13, 0, 7), .access = ARW_1, .need = NEED_SCXT, .trap = TRAP_SCXT,
      CELL(scxtnum[1]), .mask = ~0ULL, E2H_(4, 13, 0, 7) },
    { "LORSA_EL1", SYS(3, 0, 10, 4, 0), .access = ARW_1, .need = NEED_LOR, .trap = TRAP_LOR },
    { "LOREA_EL1", SYS(3, 0, 10, 4, 1), .access = ARW_1, .need = NEED_LOR, .trap = TRAP_LOR },
    { "LORN_EL1", SYS(3, 0, 10, 4, 2), .access = ARW_1, .need = NEED_LOR, .trap = TRAP_LOR },
    { "LORC_EL1", SYS(3, 0, 10, 4, 3), .access = ARW_1, .need = NEED_LOR, .trap = TRAP_LOR },
    { "LORID_EL1", SYS(3, 0, 10, 4, 7), .access = AR_1, .need = NEED_LOR, .trap = TRAP_LOR },
    KEY("APIAKeyLo_EL1", 1, 0, 0), KEY("APIAKeyHi_EL1", 1, 1, 1), KEY("APIBKeyLo_EL1", 1, 2, 2),
    KEY("APIBKeyHi_EL1", 1, 3, 3), KEY("APDAKeyLo_EL1", 2, 0, 4), KEY("APDAKeyHi_EL1", 2, 1, 5),
    KEY("APDBKeyLo_EL1", 2, 2, 6), KEY("APDBKeyHi_EL1", 2, 3, 7), KEY("APGAKeyLo_EL1", 3, 0, 8),
    KEY("APGAKeyHi_EL1", 3, 1, 9),

    { "RNDR", SYS(3, 3, 2, 4, 0), .access = AR_0, .need = NEED_RNG, .no_gdb = true,
      .read = read_rndr },
    { "RNDRRS", SYS(3, 3, 2, 4, 1), .access = AR_0, .need = NEED_RNG, .no_gdb = true,
      .read = read_rndr },
    { "NZCV", SYS(3, 3, 4, 2, 0), .access = ARW_0, .read = read_nzcv, .write = write_nzcv },
    { "DAIF", SYS(3, 3, 4, 2, 1), .access = ARW_0, .check = check_daif, .read = read_daif,
      .write = write_daif },
    { "DIT", SYS(3, 3, 4, 2, 5), .access = ARW_0, .need = NEED_DIT, .reset = PSTATE_DIT,
      .read = read_bit, .write = write_bit },
    { "SSBS", SYS(3, 3, 4, 2, 6), .access = ARW_0, .need = NEED_SSBS, .reset = PSTATE_SSBS,
      .read = read_bit, .write = write_bit },
    { "FPCR", SYS(3, 3, 4, 4, 0), .access = ARW_0, .trap = TRAP_FP, .read = read_fpcr,
      .write = write_fpcr },
    { "FPSR", SYS(3, 3, 4, 4, 1), .access = ARW_0, .trap = TRAP_FP, .read = read_fpsr,
      .write = write_fpsr },
    { "TPIDR_EL0", SYS(3, 3, 13, 0, 2), .access = ARW_0, CELL(tpidr_el0), .mask = ~0ULL },
    { "TPIDRRO_EL0", SYS(3, 3, 13, 0, 3), .access = AR_0 | AW_1, CELL(tpidrro_el0),
      .mask = ~0ULL },
    { "SCXTNUM_EL0", SYS(3, 3, 13, 0, 7), .access = ARW_0, .need = NEED_SCXT, .trap = TRAP_SCXT,
      CELL(scxtnum[0]), .mask = ~0ULL },
};
SYSREG_PART(arm_sysregs_el1, rows);

/* --- EL2 --- */

static uint64_t hcr_mask(const ArmCpu *a)
{
    uint64_t m = MASK(34) & ~(HCR_RW | (a->has_el3 ? HCR_HCD : 0));

    if (a->feat.vhe)
        m |= HCR_E2H;
    if (a->feat.lor)
        m |= HCR_TLOR;
    if (a->id.aa64pfr0 >> 28 & 15)
        m |= HCR_TERR | HCR_TEA;
    if (a->id.aa64isar1 & 0xff0)
        m |= HCR_API | HCR_APK;
    if (a->id.aa64mmfr2 >> 40 & 15) /* FEAT_S2FWB */
        m |= 1ULL << 46;
    if ((a->id.aa64pfr0 >> 56 & 15) >= 2)
        m |= HCR_ENSCXT;
    if (a->id.aa64mmfr2 >> 56 & 15) /* FEAT_EVT */
        m |= HCR_TTLBIS | HCR_TTLBOS | HCR_TICAB | HCR_TOCU | HCR_TID4;
    return m;
}

static void write_hcr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    uint64_t old = a->hcr;

    a->hcr = (v & hcr_mask(a)) | HCR_RW;
    if (old != a->hcr)
        arm_hcr_changed(a);
}

static void write_mdcr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_pmu_before_change(a);
    *sysreg_cell(a, r) = v;
    arm_pmu_changed(a);
    arm_update_mode(a);
}

static void write_cptr_el2(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    /* With E2H the layout is CPACR_EL1's; without it these bits are RES1 and RES0. */
    uint64_t mask = 1ULL << 31 | 1ULL << 20 | 1ULL << 10, res1 = 0x33ff & ~(1ULL << 10);

    if (a->hcr & HCR_E2H)
        a->cptr_el2 = v & (1ULL << 31 | 3ULL << 20);
    else
        a->cptr_el2 = (v & (mask & ~(1ULL << 20))) | res1;
    arm_update_mode(a);
}

#define EL2(name_, crn, crm, op2, cell, mask_, ...)                                            \
    { .name = name_, SYS(3, 4, crn, crm, op2), .access = ARW_2, .need = NEED_EL2, CELL(cell),  \
      .mask = mask_, __VA_ARGS__ }
#define EL2_ZERO(name_, crn, crm, op2)                                                         \
    { .name = name_, SYS(3, 4, crn, crm, op2), .access = ARW_2, .need = NEED_EL2 }

static const ArmSysReg el2_rows[] = {
    EL2("SCTLR_EL2", 1, 0, 0, sctlr[2], ~0ULL, .reset = 0x30c50830, .write = write_sctlr),
    EL2_ZERO("ACTLR_EL2", 1, 0, 1),
    EL2("HCR_EL2", 1, 1, 0, hcr, ~0ULL, .reset = HCR_RW, .write = write_hcr),
    EL2("MDCR_EL2", 1, 1, 1, mdcr_el2, 0x8fe0f | 0xff << 0 | 1 << 17 | 1 << 19 | 1 << 23,
        .write = write_mdcr),
    EL2("CPTR_EL2", 1, 1, 2, cptr_el2, ~0ULL, .reset = 0x33ff & ~(1 << 10), .trap = TRAP_CPACR,
        .write = write_cptr_el2),
    EL2("HSTR_EL2", 1, 1, 3, hstr, 0),
    EL2_ZERO("HACR_EL2", 1, 1, 7),
    EL2("TTBR0_EL2", 2, 0, 0, ttbr0[2], ~0ULL, .write = write_ttbr),
    { "TTBR1_EL2", SYS(3, 4, 2, 0, 1), .access = ARW_2, .need = NEED_VHE, CELL(ttbr1[2]),
      .mask = ~0ULL, .write = write_ttbr },
    EL2("TCR_EL2", 2, 0, 2, tcr[2], ~0ULL, .write = write_tcr),
    EL2("VTTBR_EL2", 2, 1, 0, vttbr, ~0ULL, .write = write_ttbr),
    EL2("VTCR_EL2", 2, 1, 2, vtcr, ~0ULL, .write = write_tcr),
    EL2("SPSR_EL2", 4, 0, 0, spsr[2], ALL32),
    EL2("ELR_EL2", 4, 0, 1, elr[2], ~0ULL),
    { "SP_EL1", SYS(3, 4, 4, 1, 0), .access = ARW_2, .need = NEED_EL2_OR_EL3, CELL(sp_el[1]),
      .mask = ~0ULL },
    EL2_ZERO("SPSR_irq", 4, 3, 0),
    EL2_ZERO("SPSR_abt", 4, 3, 1),
    EL2_ZERO("SPSR_und", 4, 3, 2),
    EL2_ZERO("SPSR_fiq", 4, 3, 3),
    EL2("AFSR0_EL2", 5, 1, 0, afsr0[2], 0),
    EL2("AFSR1_EL2", 5, 1, 1, afsr1[2], 0),
    EL2("ESR_EL2", 5, 2, 0, esr[2], ~0ULL),
    { "VSESR_EL2", SYS(3, 4, 5, 2, 3), .access = ARW_2, .need = NEED_RAS, CELL(vsesr),
      .mask = MASK(25) },
    EL2("FAR_EL2", 6, 0, 0, far_[2], ~0ULL),
    EL2("HPFAR_EL2", 6, 0, 4, hpfar, ~0ULL),
    EL2("MAIR_EL2", 10, 2, 0, mair[2], ~0ULL, .write = write_tcr),
    EL2("AMAIR_EL2", 10, 3, 0, amair[2], 0),
    EL2("VBAR_EL2", 12, 0, 0, vbar[2], ~0x7ffULL, .write = write_vbar),
    { "RVBAR_EL2", SYS(3, 4, 12, 0, 1), .access = AR_2, .need = NEED_HIGHEST2,
      .read = read_rvbar },
    { "VDISR_EL2", SYS(3, 4, 12, 1, 1), .access = ARW_2, .need = NEED_RAS, CELL(vdisr),
      .mask = 1ULL << 31 | MASK(25) },
    { "CONTEXTIDR_EL2", SYS(3, 4, 13, 0, 1), .access = ARW_2, .need = NEED_VHE,
      CELL(contextidr[2]), .mask = ALL32 },
    EL2("TPIDR_EL2", 13, 0, 2, tpidr_el[2], ~0ULL),
    { "SCXTNUM_EL2", SYS(3, 4, 13, 0, 7), .access = ARW_2, .need = NEED_SCXT, CELL(scxtnum[2]),
      .mask = ~0ULL },
};
SYSREG_PART(arm_sysregs_el2, el2_rows);

/* --- EL3 --- */

static void write_scr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    uint64_t old = a->scr, mask = SCR_NS | SCR_IRQ | SCR_FIQ | SCR_EA | SCR_SMD | SCR_HCE |
                                  SCR_SIF | SCR_ST | SCR_TWI | SCR_TWE;

    if (!a->has_el2)
        mask &= ~SCR_HCE;
    if (a->feat.lor)
        mask |= SCR_TLOR;
    if (a->id.aa64pfr0 >> 28 & 15)
        mask |= SCR_TERR;
    if (a->id.aa64isar1 & 0xff0)
        mask |= SCR_API | SCR_APK;
    if ((a->id.aa64pfr0 >> 56 & 15) >= 2)
        mask |= 1ULL << 25;
    a->scr = (v & mask) | SCR_RW | 3 << 4;
    if (old != a->scr)
        arm_hcr_changed(a);
}

static void write_cptr_el3(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    a->cptr_el3 = v;
    arm_update_mode(a);
}

static void write_rmr(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    /* RR: a warm reset, which this processor does as a reset of the machine. */
    if (v & 2)
        vm_request_reset(SHUTDOWN_GUEST_RESET);
}

#define EL3(name_, crn, crm, op2, cell, mask_, ...)                                            \
    { .name = name_, SYS(3, 6, crn, crm, op2), .access = ARW_3, .need = NEED_EL3, CELL(cell),  \
      .mask = mask_, __VA_ARGS__ }
#define EL3_ZERO(name_, crn, crm, op2)                                                         \
    { .name = name_, SYS(3, 6, crn, crm, op2), .access = ARW_3, .need = NEED_EL3 }

static const ArmSysReg el3_rows[] = {
    EL3("SCTLR_EL3", 1, 0, 0, sctlr[3], ~0ULL, .reset = 0x30c50830, .write = write_sctlr),
    EL3_ZERO("ACTLR_EL3", 1, 0, 1),
    EL3("SCR_EL3", 1, 1, 0, scr, ~0ULL, .reset = SCR_RW | 3 << 4, .write = write_scr),
    EL3_ZERO("SDER32_EL3", 1, 1, 1),
    EL3("CPTR_EL3", 1, 1, 2, cptr_el3, 1ULL << 31 | 1 << 10, .write = write_cptr_el3),
    EL3("MDCR_EL3", 1, 3, 1, mdcr_el3, 1 << 23 | 1 << 21 | 1 << 20 | 1 << 18 | 1 << 17 | 1 << 16 |
        3 << 14 | 1 << 10 | 1 << 9 | 1 << 6, .write = write_mdcr),
    EL3("TTBR0_EL3", 2, 0, 0, ttbr0[3], ~0ULL, .write = write_ttbr),
    EL3("TCR_EL3", 2, 0, 2, tcr[3], ~0ULL, .write = write_tcr),
    EL3("SPSR_EL3", 4, 0, 0, spsr[3], ALL32),
    EL3("ELR_EL3", 4, 0, 1, elr[3], ~0ULL),
    EL3("SP_EL2", 4, 1, 0, sp_el[2], ~0ULL),
    EL3("AFSR0_EL3", 5, 1, 0, afsr0[3], 0),
    EL3("AFSR1_EL3", 5, 1, 1, afsr1[3], 0),
    EL3("ESR_EL3", 5, 2, 0, esr[3], ~0ULL),
    EL3("FAR_EL3", 6, 0, 0, far_[3], ~0ULL),
    EL3("MAIR_EL3", 10, 2, 0, mair[3], ~0ULL, .write = write_tcr),
    EL3("AMAIR_EL3", 10, 3, 0, amair[3], 0),
    EL3("VBAR_EL3", 12, 0, 0, vbar[3], ~0x7ffULL, .write = write_vbar),
    { "RVBAR_EL3", SYS(3, 6, 12, 0, 1), .access = AR_3, .need = NEED_EL3, .read = read_rvbar },
    { "RMR_EL3", SYS(3, 6, 12, 0, 2), .access = ARW_3, .need = NEED_EL3, .reset = 1,
      .write = write_rmr },
    EL3("TPIDR_EL3", 13, 0, 2, tpidr_el[3], ~0ULL),
    { "SCXTNUM_EL3", SYS(3, 6, 13, 0, 7), .access = ARW_3, .need = NEED_SCXT, CELL(scxtnum[3]),
      .mask = ~0ULL },
};
SYSREG_PART(arm_sysregs_el3, el3_rows);
