/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V control transfer within a privilege mode.
 *
 * A block goes on after a conditional branch that is not taken, and through a plain jump forward
 * within the page.
 */
#include "target/riscv/trans.h"

/* Without C, instructions are on 4-byte boundaries and a jump elsewhere raises an exception. */
static bool misaligned(const TransCtx *t, uint64_t target)
{
    return (target & 2) && !riscv_cpu(t->cpu)->ext.c;
}

static bool branch(TransCtx *t, const RiscvArgsS *a, IrCond cc)
{
    uint64_t target = t->pc + (int64_t)a->imm;
    IrRef x = riscv_x(t, a->rs1), y = riscv_x(t, a->rs2);

    if (misaligned(t, target)) {
        unsigned not_taken = ir_label_new(t->f);
        ir_brcond(t->f, IR_I64, ir_cond_invert(cc), x, y, not_taken);
        ir_call(t->f, &riscv_helper_raise, IR_NONE, riscv_const(t, CAUSE_FETCH_MISALIGNED),
                ir_address(t->f, target), IR_NONE, IR_NONE);
        ir_label(t->f, not_taken);
    } else {
        ir_exit_if(t->f, IR_I64, cc, x, y, target);
    }
    return true;
}

#define BRANCH(name, cc)                                                                       \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsS *a)                                  \
    {                                                                                          \
        return branch(t, a, cc);                                                               \
    }
BRANCH(beq, IR_EQ)
BRANCH(bne, IR_NE)
BRANCH(blt, IR_LT)
BRANCH(bge, IR_GE)
BRANCH(bltu, IR_LTU)
BRANCH(bgeu, IR_GEU)
#undef BRANCH

bool riscv_trans_jal(TransCtx *t, const RiscvArgsU *a)
{
    uint64_t target = t->pc + (int64_t)a->imm;

    if (misaligned(t, target)) {
        riscv_trans_raise(t, CAUSE_FETCH_MISALIGNED, ir_address(t->f, target));
        return true;
    }
    if (a->rd) {
        ir_set_address(t->f, IR_SLOT(a->rd), riscv_next(t));
    } else if (target > t->pc && target < t->page_end && !t->straddles) {
        t->target_data[TD_NEXT] = target;
        return true;
    }
    ir_exit_jump(t->f, target);
    t->end = true;
    return true;
}

/* Return-address hints: the registers ra and t0 ("Unconditional Jumps", table of JALR hints). */
static bool is_link(int reg)
{
    return reg == 1 || reg == 5;
}

bool riscv_trans_jalr(TransCtx *t, const RiscvArgsI *a)
{
    IrFunc *f = t->f;
    IrRef base = riscv_x(t, a->rs1), target;
    IrJump kind = is_link(a->rd)                         ? IR_JUMP_CALL
                  : is_link(a->rs1) && a->rd != a->rs1   ? IR_JUMP_RET
                                                         : IR_JUMP;

    target = a->imm ? ir_op2(f, IR_add, IR_I64, base, riscv_const(t, (int64_t)a->imm)) : base;
    if (!riscv_cpu(t->cpu)->ext.c) {
        unsigned ok = ir_label_new(f);
        ir_brcond(f, IR_I64, IR_TSTEQ, target, riscv_const(t, 2), ok);
        target = ir_op2(f, IR_add, IR_I64, base, riscv_const(t, (int64_t)a->imm));
        target = ir_op2(f, IR_and, IR_I64, target, riscv_const(t, ~1ULL));
        ir_call(f, &riscv_helper_raise, IR_NONE, riscv_const(t, CAUSE_FETCH_MISALIGNED), target,
                IR_NONE, IR_NONE);
        ir_label(f, ok);
        /* Temps end at labels. */
        target = ir_op2(f, IR_add, IR_I64, base, riscv_const(t, (int64_t)a->imm));
    }
    target = ir_op2(f, IR_and, IR_I64, target, riscv_const(t, ~1ULL));
    if (a->rd) {
        ir_set_address(f, IR_SLOT(a->rd), riscv_next(t));
    }
    ir_exit_ind(f, target, kind);
    t->end = true;
    return true;
}
