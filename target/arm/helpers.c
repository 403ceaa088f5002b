/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A64 instructions, or parts of them, that are too big for IR (DDI 0487). */
#include "target/arm/trans.h"

enum { ALL_BUT_FP = IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES };

static uint64_t helper_pc_alignment(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_raise(a, arm_default_target_el(a), ESR(EC_PC_ALIGNMENT, 0), a->pc);
}
const IrHelper arm_helper_pc_alignment = {
    "pc_alignment", helper_pc_alignment, 0, false, ALL_BUT_FP,
};

static uint64_t helper_sp_alignment(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_raise(a, arm_default_target_el(a), ESR(EC_SP_ALIGNMENT, 0), 0);
}
/* It does not return: what comes after it is as if it had written nothing. */
const IrHelper arm_helper_sp_alignment = {
    "sp_alignment", helper_sp_alignment, 0, false, IR_READS | IR_FAULTS,
};

static uint64_t helper_nzcv(Cpu *cpu, uint64_t op, uint64_t x, uint64_t y)
{
    return arm_nzcv_of(op, x, y);
}
const IrHelper arm_helper_nzcv = { "nzcv", helper_nzcv, 3, true, IR_PURE };

/* --- branch targets --- */

static uint64_t helper_bti(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    if (arm_page_guarded(a, a->pc))
        arm_raise(a, arm_default_target_el(a), ESR(EC_BTI, a->btype), 0);
    return 0;
}
const IrHelper arm_helper_bti = { "bti", helper_bti, 0, false, ALL_BUT_FP };

static uint64_t helper_btype_done(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    a->btype = 0;
    arm_update_mode(a);
    return 0;
}
const IrHelper arm_helper_btype_done = {
    "btype_done", helper_btype_done, 0, false, IR_READS | IR_WRITES | IR_FLUSHES,
};
