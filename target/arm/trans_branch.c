/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 branches and instructions that raise exceptions (DDI 0487 C6).
 *
 * A block goes on after a conditional branch that is not taken, and through a plain branch forward
 * within the page. Branches to registers leave a tag in the target alone: see trans.c.
 */
#include "target/arm/trans.h"

/* --- direct --- */

bool a64_trans_b(TransCtx *t, const A64ArgsB *a)
{
    uint64_t target = t->pc + (uint64_t)(int64_t)a->imm;

    if (target > t->pc && target < t->page_end && !t->straddles && !arm_mode_changes(t)) {
        t->target_data[TD_NEXT] = target;
        return true;
    }
    arm_exit_jump(t, target);
    return true;
}

bool a64_trans_bl(TransCtx *t, const A64ArgsB *a)
{
    ir_set_address(t->f, IR_SLOT(SLOT_X0 + 30), t->pc + 4);
    arm_exit_jump(t, t->pc + (uint64_t)(int64_t)a->imm);
    return true;
}

static bool branch(TransCtx *t, IrType type, IrCond cc, IrRef a, IrRef b, int32_t offset)
{
    arm_exit_if(t, type, cc, a, b, t->pc + (uint64_t)(int64_t)offset);
    return true;
}

bool a64_trans_cbz(TransCtx *t, const A64ArgsCb *a)
{
    return branch(t, arm_type(a->sf), IR_EQ, arm_x(t, a->rt), arm_const(t, 0), a->imm);
}

bool a64_trans_cbnz(TransCtx *t, const A64ArgsCb *a)
{
    return branch(t, arm_type(a->sf), IR_NE, arm_x(t, a->rt), arm_const(t, 0), a->imm);
}

/* Sign bits are better compared with zero; masks above bit 30 have no immediate form. */
static bool test_bit(TransCtx *t, const A64ArgsTb *a, bool set)
{
    IrRef x = arm_x(t, a->rt), zero = arm_const(t, 0);

    if (a->bit == 63 || a->bit == 31)
        return branch(t, arm_type(a->bit == 63), set ? IR_LT : IR_GE, x, zero, a->imm);
    return branch(t, arm_type(a->bit > 31), set ? IR_TSTNE : IR_TSTEQ, x,
                  arm_const(t, 1ULL << a->bit), a->imm);
}

bool a64_trans_tbz(TransCtx *t, const A64ArgsTb *a)
{
    return test_bit(t, a, false);
}

bool a64_trans_tbnz(TransCtx *t, const A64ArgsTb *a)
{
    return test_bit(t, a, true);
}

bool a64_trans_b_cond(TransCtx *t, const A64ArgsBc *a)
{
    if (a->cond >= 14)
        return a64_trans_b(t, &(A64ArgsB){ a->imm });
    arm_flags_branch(t, (unsigned)a->cond, t->pc + (uint64_t)(int64_t)a->imm);
    return true;
}

/* --- to registers --- */

/*
 * PSTATE.BTYPE after a branch to a register: 2 after calls, 1 after BR of X16 and X17, which linker
 * veneers use; after another BR 3 from a guarded page and 1 from others (C6.2.41).
 */
static void set_btype(TransCtx *t, unsigned btype, IrRef target)
{
    if (!arm_tcpu(t)->feat.bti)
        return;
    ir_mov(t->f, IR_SLOT(SLOT_BTYPE), arm_const(t, btype));
    ir_mov(t->f, IR_SLOT(SLOT_BTYPE_PC), target);
}

static bool jump(TransCtx *t, IrRef target, int rn)
{
    bool guarded = t->cflags & ARM_PAGE_GUARDED << CF_ATTRS_SHIFT;

    set_btype(t, guarded && rn != 16 && rn != 17 ? 3 : 1, target);
    arm_exit_ind(t, target, IR_JUMP);
    return true;
}

static bool call(TransCtx *t, IrRef target)
{
    IrRef to = target;

    set_btype(t, 2, target);
    if (target == IR_SLOT(SLOT_X0 + 30)) {
        to = ir_temp(t->f, IR_I64);
        ir_mov(t->f, to, target);
    }
    ir_set_address(t->f, IR_SLOT(SLOT_X0 + 30), t->pc + 4);
    arm_exit_ind(t, to, IR_JUMP_CALL);
    return true;
}

bool a64_trans_br(TransCtx *t, const A64ArgsBr *a)
{
    return jump(t, arm_x(t, a->rn), a->rn);
}

bool a64_trans_blr(TransCtx *t, const A64ArgsBr *a)
{
    return call(t, arm_x(t, a->rn));
}

bool a64_trans_ret(TransCtx *t, const A64ArgsBr *a)
{
    arm_exit_ind(t, arm_x(t, a->rn), IR_JUMP_RET);
    return true;
}

/* --- to authenticated registers --- */

/* AUTIA or AUTIB of a code address with a modifier: zero, or a register or SP. */
static IrRef authenticated(TransCtx *t, const A64ArgsBr *a, bool zero)
{
    IrRef v = ir_temp(t->f, IR_I64);

    ir_call(t->f, &arm_helper_pac, v, arm_x(t, a->rn), zero ? arm_const(t, 0) : arm_xsp(a->rm),
            arm_const(t, ARM_PAC_AUT | ARM_PAC_COMBINED | (a->m ? ARM_PAC_IB : ARM_PAC_IA)),
            IR_NONE);
    return v;
}

bool a64_trans_braz(TransCtx *t, const A64ArgsBr *a)
{
    return jump(t, authenticated(t, a, true), a->rn);
}

bool a64_trans_bra(TransCtx *t, const A64ArgsBr *a)
{
    return jump(t, authenticated(t, a, false), a->rn);
}

bool a64_trans_blraz(TransCtx *t, const A64ArgsBr *a)
{
    return call(t, authenticated(t, a, true));
}

bool a64_trans_blra(TransCtx *t, const A64ArgsBr *a)
{
    return call(t, authenticated(t, a, false));
}

bool a64_trans_reta(TransCtx *t, const A64ArgsBr *a)
{
    arm_exit_ind(t, authenticated(t, a, false), IR_JUMP_RET);
    return true;
}

/* --- exceptions and returns from them --- */

static IrRef elr(TransCtx *t)
{
    IrRef v;

    switch (arm_mode_el(t)) {
    case 1:
        return IR_SLOT(SLOT_ELR_EL1);
    case 2:
        return IR_SLOT(SLOT_ELR_EL2);
    default:
        v = ir_temp(t->f, IR_I64);
        ir_call(t->f, &arm_helper_elr, v, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        return v;
    }
}

bool a64_trans_eret(TransCtx *t, const A64ArgsN *a)
{
    if (arm_mode_el(t) == 0)
        return false;
    arm_trans_leave(t, &arm_helper_eret, elr(t), IR_NONE);
    return true;
}

bool a64_trans_ereta(TransCtx *t, const A64ArgsBr *a)
{
    IrRef v;

    if (arm_mode_el(t) == 0)
        return false;
    v = ir_temp(t->f, IR_I64);
    ir_call(t->f, &arm_helper_pac, v, elr(t), IR_SLOT(SLOT_SP),
            arm_const(t, ARM_PAC_AUT | ARM_PAC_COMBINED | (a->m ? ARM_PAC_IB : ARM_PAC_IA)),
            IR_NONE);
    arm_trans_leave(t, &arm_helper_eret, v, IR_NONE);
    return true;
}

/* The return address is the next instruction's: for single-stepping, this one is done. */
static bool call_exception(TransCtx *t, const IrHelper *h, int imm)
{
    if (t->mode & MODE_SS)
        ir_call(t->f, &arm_helper_ss_advance, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    arm_trans_leave(t, h, arm_const(t, (uint64_t)imm), ir_address(t->f, arm_next(t)));
    return true;
}

bool a64_trans_svc(TransCtx *t, const A64ArgsImm *a)
{
    return call_exception(t, &arm_helper_svc, a->imm);
}

bool a64_trans_hvc(TransCtx *t, const A64ArgsImm *a)
{
    return arm_mode_el(t) && call_exception(t, &arm_helper_hvc, a->imm);
}

bool a64_trans_smc(TransCtx *t, const A64ArgsImm *a)
{
    return arm_mode_el(t) && call_exception(t, &arm_helper_smc, a->imm);
}

bool a64_trans_brk(TransCtx *t, const A64ArgsImm *a)
{
    arm_trans_leave(t, &arm_helper_brk, arm_const(t, (uint64_t)a->imm), IR_NONE);
    return true;
}

bool a64_trans_hlt(TransCtx *t, const A64ArgsImm *a)
{
    arm_trans_leave(t, &arm_helper_hlt, arm_const(t, (uint64_t)a->imm), ir_address(t->f, arm_next(t)));
    return true;
}
