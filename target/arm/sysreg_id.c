/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Identification registers and those that describe caches (DDI 0487 D19.2). The identification
 * space (op0 3, op1 0, CRn 0, CRm 1 to 7) reads as zero where nothing is allocated; what describes
 * AArch32 reads as zero too, as there is none.
 */
#include "target/arm/models.h"
#include "target/arm/sysreg.h"

/* FEAT_IDST: reads at EL0 are trapped as what they are instead of being UNDEFINED. */
static ArmAccess check_id(ArmCpu *a, const ArmSysReg *r, bool write)
{
    if (arm_el(a))
        return ACCESS_OK;
    if (write || !(a->id.aa64mmfr2 >> 36 & 15))
        return ACCESS_UNDEF;
    return arm_trap_from_el0(a);
}

static uint64_t read_midr(ArmCpu *a, const ArmSysReg *r)
{
    return arm_el(a) == 1 && arm_el2_on(a) ? a->vpidr : a->id.midr;
}

static uint64_t read_mpidr(ArmCpu *a, const ArmSysReg *r)
{
    return arm_el(a) == 1 && arm_el2_on(a) ? a->vmpidr : a->mpidr;
}

static uint64_t read_ccsidr(ArmCpu *a, const ArmSysReg *r)
{
    switch (a->csselr & 15) {
    case 0: return a->model->ccsidr[0];
    case 1: return a->model->ccsidr[1];
    case 2: return a->model->ccsidr[2];
    default: return 0;
    }
}

static ArmAccess check_ctr(ArmCpu *a, const ArmSysReg *r, bool write)
{
    if (arm_el(a) == 0 && !(arm_sctlr_el0(a) & SCTLR_UCT))
        return arm_trap_from_el0(a);
    return ACCESS_OK;
}

/* DC ZVA's block size, and whether it may be used here. */
static uint64_t read_dczid(ArmCpu *a, const ArmSysReg *r)
{
    unsigned el = arm_el(a);
    bool prohibited = (el == 0 && !(arm_sctlr_el0(a) & SCTLR_DZE)) ||
                      (el < 2 && a->hcr_eff & HCR_TDZ);

    return a->id.dczid | (prohibited ? 1 << 4 : 0);
}

static uint64_t read_isr(ArmCpu *a, const ArmSysReg *r)
{
    uint64_t level = __atomic_load_n(&a->irq_level, __ATOMIC_SEQ_CST), hcr = a->hcr_eff;
    bool guest = arm_el(a) == 1, irq, fiq;

    irq = guest && hcr & HCR_IMO ? level & (1 << ARM_CPU_VIRQ | ARM_SOFT_VI)
                                 : level & 1 << ARM_CPU_IRQ;
    fiq = guest && hcr & HCR_FMO ? level & (1 << ARM_CPU_VFIQ | ARM_SOFT_VF)
                                 : level & 1 << ARM_CPU_FIQ;
    return (irq ? 1 << 7 : 0) | (fiq ? 1 << 6 : 0) |
           (guest && hcr & HCR_AMO && level & ARM_SOFT_VSE ? 1 << 8 : 0);
}

#define ID(name_, crm, op2, member)                                                            \
    { .name = name_, SYS(3, 0, 0, crm, op2), .access = AR_0, .trap = TRAP_ID3,                 \
      .check = check_id, CELL(id.member) }
#define ZERO(name_, crm, op2)                                                                  \
    { .name = name_, SYS(3, 0, 0, crm, op2), .access = AR_0, .trap = TRAP_ID3,                 \
      .check = check_id }
#define RESERVED(crm, op2) ZERO("RES_0_C0_C" #crm "_" #op2, crm, op2)

static const ArmSysReg rows[] = {
    { "MIDR_EL1", SYS(3, 0, 0, 0, 0), .access = AR_0, .check = check_id, .read = read_midr },
    { "MPIDR_EL1", SYS(3, 0, 0, 0, 5), .access = AR_0, .check = check_id, .read = read_mpidr },
    { "REVIDR_EL1", SYS(3, 0, 0, 0, 6), .access = AR_0, .trap = TRAP_ID1, .check = check_id },
    ZERO("ID_PFR0_EL1", 1, 0), ZERO("ID_PFR1_EL1", 1, 1), ZERO("ID_DFR0_EL1", 1, 2),
    ZERO("ID_AFR0_EL1", 1, 3), ZERO("ID_MMFR0_EL1", 1, 4), ZERO("ID_MMFR1_EL1", 1, 5),
    ZERO("ID_MMFR2_EL1", 1, 6), ZERO("ID_MMFR3_EL1", 1, 7), ZERO("ID_ISAR0_EL1", 2, 0),
    ZERO("ID_ISAR1_EL1", 2, 1), ZERO("ID_ISAR2_EL1", 2, 2), ZERO("ID_ISAR3_EL1", 2, 3),
    ZERO("ID_ISAR4_EL1", 2, 4), ZERO("ID_ISAR5_EL1", 2, 5), ZERO("ID_MMFR4_EL1", 2, 6),
    ZERO("ID_ISAR6_EL1", 2, 7), ZERO("MVFR0_EL1", 3, 0), ZERO("MVFR1_EL1", 3, 1),
    ZERO("MVFR2_EL1", 3, 2), RESERVED(3, 3), ZERO("ID_PFR2_EL1", 3, 4), ZERO("ID_DFR1_EL1", 3, 5),
    ZERO("ID_MMFR5_EL1", 3, 6), RESERVED(3, 7),
    ID("ID_AA64PFR0_EL1", 4, 0, aa64pfr0), ID("ID_AA64PFR1_EL1", 4, 1, aa64pfr1), RESERVED(4, 2),
    RESERVED(4, 3), ID("ID_AA64ZFR0_EL1", 4, 4, aa64zfr0), ID("ID_AA64SMFR0_EL1", 4, 5, aa64smfr0),
    RESERVED(4, 6), RESERVED(4, 7),
    ID("ID_AA64DFR0_EL1", 5, 0, aa64dfr0), ID("ID_AA64DFR1_EL1", 5, 1, aa64dfr1), RESERVED(5, 2),
    RESERVED(5, 3), ZERO("ID_AA64AFR0_EL1", 5, 4), ZERO("ID_AA64AFR1_EL1", 5, 5), RESERVED(5, 6),
    RESERVED(5, 7),
    ID("ID_AA64ISAR0_EL1", 6, 0, aa64isar0), ID("ID_AA64ISAR1_EL1", 6, 1, aa64isar1),
    ID("ID_AA64ISAR2_EL1", 6, 2, aa64isar2), RESERVED(6, 3), RESERVED(6, 4), RESERVED(6, 5),
    RESERVED(6, 6), RESERVED(6, 7),
    ID("ID_AA64MMFR0_EL1", 7, 0, aa64mmfr0), ID("ID_AA64MMFR1_EL1", 7, 1, aa64mmfr1),
    ID("ID_AA64MMFR2_EL1", 7, 2, aa64mmfr2), RESERVED(7, 3), RESERVED(7, 4), RESERVED(7, 5),
    RESERVED(7, 6), RESERVED(7, 7),
    { "CCSIDR_EL1", SYS(3, 1, 0, 0, 0), .access = AR_0, .trap = TRAP_ID2 | TRAP_ID4,
      .check = check_id, .read = read_ccsidr },
    { "CLIDR_EL1", SYS(3, 1, 0, 0, 1), .access = AR_0, .trap = TRAP_ID2 | TRAP_ID4,
      .check = check_id, CELL(id.clidr) },
    { "AIDR_EL1", SYS(3, 1, 0, 0, 7), .access = AR_0, .trap = TRAP_ID1, .check = check_id },
    { "CSSELR_EL1", SYS(3, 2, 0, 0, 0), .access = ARW_1, .trap = TRAP_ID2 | TRAP_ID4, CELL(csselr),
      .mask = 15 },
    { "CTR_EL0", SYS(3, 3, 0, 0, 1), .access = AR_0, .trap = TRAP_ID2, .check = check_ctr,
      CELL(id.ctr) },
    { "DCZID_EL0", SYS(3, 3, 0, 0, 7), .access = AR_0, .read = read_dczid },
    { "VPIDR_EL2", SYS(3, 4, 0, 0, 0), .access = ARW_2, .need = NEED_EL2, CELL(vpidr),
      .mask = 0xffffffff },
    { "VMPIDR_EL2", SYS(3, 4, 0, 0, 5), .access = ARW_2, .need = NEED_EL2, CELL(vmpidr),
      .mask = ~0ULL },
    { "ISR_EL1", SYS(3, 0, 12, 1, 0), .access = AR_1, .read = read_isr },
};
SYSREG_PART(arm_sysregs_id, rows);
