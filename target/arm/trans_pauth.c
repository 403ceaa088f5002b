/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointer authentication of registers (FEAT_PAuth, DDI 0487 D8.10); of branches: trans_branch.c. */
#include "target/arm/trans.h"

/* Traps come also where the result isn't wanted. op: the bits of ARM_PAC_*. */
static bool sign(TransCtx *t, const A64ArgsPac *a, IrRef modifier)
{
    ir_call(t->f, &arm_helper_pac, arm_xd(a->rd), arm_x(t, a->rd), modifier,
            arm_const(t, (uint64_t)a->op), IR_NONE);
    return true;
}

bool a64_trans_pac(TransCtx *t, const A64ArgsPac *a)
{
    return sign(t, a, arm_xsp(a->rn));
}

bool a64_trans_pacz(TransCtx *t, const A64ArgsPac *a)
{
    return sign(t, a, arm_const(t, 0));
}

bool a64_trans_xpac(TransCtx *t, const A64ArgsPac *a)
{
    if (a->rd != 31)
        ir_call(t->f, &arm_helper_xpac, arm_xd(a->rd), arm_xd(a->rd),
                arm_const(t, (uint64_t)a->op), IR_NONE, IR_NONE);
    return true;
}

bool a64_trans_pacga(TransCtx *t, const A64ArgsR3 *a)
{
    IrRef v = ir_temp(t->f, IR_I64);

    ir_call(t->f, &arm_helper_pacga, v, arm_x(t, a->rn), arm_xsp(a->rm), IR_NONE, IR_NONE);
    arm_put_x(t, a->rd, v);
    return true;
}
