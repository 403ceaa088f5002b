/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A64 data processing on general registers (DDI 0487 C6). */
#include "target/arm/trans.h"

/* --- add and subtract --- */

bool a64_trans_add_i(TransCtx *t, const A64ArgsAddImm *a)
{
    uint64_t imm = (uint64_t)a->imm << 12 * a->sh;

    if (a->rd == 31 && a->rn == 31 && a->sf)
        arm_add_sp(t, (int64_t)imm);
    else
        ir_emit(t->f, IR_add, arm_type(a->sf), arm_xsp(a->rd), arm_xsp(a->rn), arm_const(t, imm));
    return true;
}

bool a64_trans_sub_i(TransCtx *t, const A64ArgsAddImm *a)
{
    uint64_t imm = (uint64_t)a->imm << 12 * a->sh;

    if (a->rd == 31 && a->rn == 31 && a->sf)
        arm_add_sp(t, -(int64_t)imm);
    else
        ir_emit(t->f, IR_sub, arm_type(a->sf), arm_xsp(a->rd), arm_xsp(a->rn), arm_const(t, imm));
    return true;
}

static bool add_flags(TransCtx *t, IrType type, IrRef a, IrRef b, int rd)
{
    IrRef r = rd == 31 ? IR_NONE : ir_op2(t->f, IR_add, type, a, b);

    arm_flags_add(t, type, a, b, r, rd);
    return true;
}

static bool sub_flags(TransCtx *t, IrType type, IrRef a, IrRef b, int rd)
{
    IrRef r = rd == 31 ? IR_NONE : ir_op2(t->f, IR_sub, type, a, b);

    arm_flags_sub(t, type, a, b, r, rd);
    return true;
}

bool a64_trans_adds_i(TransCtx *t, const A64ArgsAddImm *a)
{
    return add_flags(t, arm_type(a->sf), arm_xsp(a->rn),
                     arm_const(t, (uint64_t)a->imm << 12 * a->sh), a->rd);
}

bool a64_trans_subs_i(TransCtx *t, const A64ArgsAddImm *a)
{
    return sub_flags(t, arm_type(a->sf), arm_xsp(a->rn),
                     arm_const(t, (uint64_t)a->imm << 12 * a->sh), a->rd);
}
