/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AT (DDI 0487 D8.15): translations for software, answered in PAR_EL1 (D24.2.114). */
#include "target/arm/cpu.h"

#define PAR_F 1ULL
#define PAR_PTW (1ULL << 8)  /* if F */
#define PAR_S (1ULL << 9)
#define PAR_NS (1ULL << 9)   /* if not F */
#define PAR_RES1 (1ULL << 11)

void arm_at(ArmCpu *a, uint32_t sysreg, uint64_t va)
{
    unsigned op1 = sysreg >> 11 & 7, crm = sysreg >> 3 & 15, op2 = sysreg & 7, fsc;
    uint64_t hcr = arm_hcr(a);
    uint32_t below = a->has_el3 && arm_is_secure_below_el3(a) ? REGIME_SECURE : 0;
    bool host = (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
    bool both_stages = op1 == 4 && op2 >= 4;
    uint32_t which = op1 == 6 ? (uint32_t)REGIME_EL3 | REGIME_SECURE
                     : op1 == 4 && !both_stages ? (hcr & HCR_E2H ? REGIME_EL20 : REGIME_EL2) | below
                     : (host ? REGIME_EL20 : REGIME_EL10) | below;
    ArmAsk ask = { .access = op2 & 1 ? MMU_WRITE : MMU_READ, .no_dirty = true,
                   .stage1_only = !both_stages,
                   .el0 = op1 != 6 && (both_stages ? op2 & 2 : op1 == 0 && op2 & 2),
                   .pan = crm == 9 && a->pstate & PSTATE_PAN };
    ArmRegimeRegs regs = arm_regime_regs(a, which);
    ArmRegime rg;
    ArmXlat x;

    arm_regime_parse(a, &regs, &rg);
    if (arm_walk(a, &rg, va, &ask, &x)) {
        a->par = (x.pa & MASK(52) & ~MASK(12)) | (uint64_t)x.mem.attr << 56 | PAR_RES1 |
                 (uint64_t)x.mem.sh << 7 | (x.ns ? PAR_NS : 0);
        return;
    }
    /* External aborts, and stage 2 aborts of EL1's own table walks, are taken as exceptions. */
    fsc = x.fault & FAULT_FSC;
    if (arm_fsc_is_walk(fsc) ||
        (x.fault & FAULT_S1PTW && arm_el(a) == 1)) {
        ArmAbort b = { .va = va, .ipa = x.ipa, .fault = x.fault, .write = true,
                       .maintenance = true };
        arm_raise_abort(a, &b);
    }
    a->par = PAR_F | (uint64_t)fsc << 1 | (x.fault & FAULT_S1PTW ? PAR_PTW : 0) |
             (x.fault & FAULT_STAGE2 ? PAR_S : 0) | PAR_RES1;
}
