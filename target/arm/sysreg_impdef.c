/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IMPLEMENTATION DEFINED registers that firmware and kernels touch for errata and power control
 * (technical reference manuals of the cores): they exist and do nothing.
 */
#include "target/arm/sysreg.h"

#define ZERO(name_, op1, crn, crm, op2, acc, need_)                                            \
    { .name = name_, SYS(3, op1, crn, crm, op2), .access = acc, .need = need_ }

static void ignore(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
}

/* The number of cores less one, in the cluster. */
static uint64_t read_l2ctlr(ArmCpu *a, const ArmSysReg *r)
{
    return (uint64_t)(MIN(cpu_count, 4) - 1) << 24;
}

/* Where the GIC is: boards say it otherwise. */
static uint64_t read_cbar(ArmCpu *a, const ArmSysReg *r)
{
    return 0x08000000;
}

static const ArmSysReg rows[] = {
    { "L2CTLR_EL1", SYS(3, 1, 11, 0, 2), .access = ARW_1, .need = NEED_A57, .read = read_l2ctlr,
      .write = ignore },
    ZERO("L2ECTLR_EL1", 1, 11, 0, 3, ARW_1, NEED_A57),
    ZERO("L2ACTLR_EL1", 1, 15, 0, 0, ARW_1, NEED_A57),
    ZERO("CPUACTLR_EL1", 1, 15, 2, 0, ARW_1, NEED_A57),
    ZERO("CPUECTLR_EL1", 1, 15, 2, 1, ARW_1, NEED_A57),
    ZERO("CPUMERRSR_EL1", 1, 15, 2, 2, ARW_1, NEED_A57),
    ZERO("L2MERRSR_EL1", 1, 15, 2, 3, ARW_1, NEED_A57),
    { "CBAR_EL1", SYS(3, 1, 15, 3, 0), .access = AR_1, .read = read_cbar },
    /* Cores with a DynamIQ shared unit: A55, A76, N1. */
    ZERO("CPUACTLR_EL1", 0, 15, 1, 0, ARW_1, NEED_DSU),
    ZERO("CPUACTLR2_EL1", 0, 15, 1, 1, ARW_1, NEED_DSU),
    ZERO("CPUACTLR3_EL1", 0, 15, 1, 2, ARW_1, NEED_DSU),
    ZERO("CPUECTLR_EL1", 0, 15, 1, 4, ARW_1, NEED_DSU),
    ZERO("CPUCFR_EL1", 0, 15, 0, 0, AR_1, NEED_DSU),
    ZERO("CPUPWRCTLR_EL1", 0, 15, 2, 7, ARW_1, NEED_DSU),
    ZERO("CLUSTERCFR_EL1", 0, 15, 3, 0, AR_1, NEED_DSU),
    ZERO("CLUSTERIDR_EL1", 0, 15, 3, 1, AR_1, NEED_DSU),
    ZERO("CLUSTERACTLR_EL1", 0, 15, 3, 3, ARW_1, NEED_DSU),
    ZERO("CLUSTERECTLR_EL1", 0, 15, 3, 4, ARW_1, NEED_DSU),
    ZERO("CLUSTERPWRCTLR_EL1", 0, 15, 3, 5, ARW_1, NEED_DSU),
    ZERO("CPUPSELR_EL3", 6, 15, 8, 0, ARW_3, NEED_DSU),
    ZERO("CPUPCR_EL3", 6, 15, 8, 1, ARW_3, NEED_DSU),
    ZERO("CPUPOR_EL3", 6, 15, 8, 2, ARW_3, NEED_DSU),
    ZERO("CPUPMR_EL3", 6, 15, 8, 3, ARW_3, NEED_DSU),
};
SYSREG_PART(arm_sysregs_impdef, rows);
