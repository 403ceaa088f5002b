/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From A64 instructions to IR: decode (generated from arm.isa and simd.isa), and what happens
 * around every instruction. The semantics are in trans_*.c.
 *
 * Branches don't look at the tag byte of their target (DDI 0487 D8.6, "address tagging"): blocks at
 * addresses with a tag that is ignored just go on at the address without it.
 */
#include "target/arm/trans.h"

/* --- leaving the block --- */

/* What has to happen before the next instruction, at pc and in another mode. Engines write the pc
 * slot at helpers: it is set after them. */
static void exit_changed_mode(TransCtx *t, IrRef pc)
{
    if (t->mode & MODE_SS)
        ir_call(t->f, &arm_helper_ss_advance, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_mov(t->f, IR_SLOT(SLOT_PC), pc);
    ir_exit_lookup(t->f);
    t->end = true;
}

void arm_exit_jump(TransCtx *t, uint64_t pc)
{
    if (G_UNLIKELY(arm_mode_changes(t))) {
        exit_changed_mode(t, ir_address(t->f, pc));
        return;
    }
    arm_flags_at_target(t, pc);
    ir_exit_jump(t->f, pc);
    t->end = true;
}

void arm_exit_ind(TransCtx *t, IrRef pc, IrJump kind)
{
    if (G_UNLIKELY(arm_mode_changes(t))) {
        exit_changed_mode(t, pc);
        return;
    }
    ir_exit_ind(t->f, pc, kind);
    t->end = true;
}

void arm_exit_if(TransCtx *t, IrType type, IrCond cc, IrRef a, IrRef b, uint64_t pc)
{
    if (G_UNLIKELY(arm_mode_changes(t))) {
        IrRef taken = ir_temp(t->f, IR_I64), to = ir_temp(t->f, IR_I64);
        ir_setcond(t->f, type, cc, taken, a, b);
        ir_select(t->f, IR_I64, IR_NE, to, taken, arm_const(t, 0), ir_address(t->f, pc),
                  ir_address(t->f, arm_next(t)));
        exit_changed_mode(t, to);
        return;
    }
    arm_flags_at_target(t, pc);
    ir_exit_if(t->f, type, cc, a, b, pc);
}

void arm_exit_lookup_next(TransCtx *t)
{
    exit_changed_mode(t, ir_address(t->f, arm_next(t)));
}

void arm_trans_leave(TransCtx *t, const IrHelper *h, IrRef a, IrRef b)
{
    ir_call(t->f, h, IR_NONE, a, b, IR_NONE, IR_NONE);
    ir_exit_lookup(t->f);
    t->end = true;
}

/* --- the stack pointer --- */

/* Is SP known to be aligned: by a check of this block, and changes by multiples of 16 since? */
static bool sp_is_aligned(TransCtx *t)
{
    uint64_t at = t->target_data[TD_SP];
    IrRef sp = IR_SLOT(SLOT_SP);

    if (!at)
        return false;
    for (unsigned k = (unsigned)at - 1; k < t->f->n; k++) {
        const IrInsn *i = &t->f->insns[k];
        if (i->op == IR_call ? ((const IrHelper *)(intptr_t)i->imm)->effects & IR_WRITES
                             : i->dst == sp)
            return false;
    }
    t->target_data[TD_SP] = 1 + t->f->n;
    return true;
}

void arm_check_sp(TransCtx *t, int rn)
{
    if (rn != 31 || !(t->mode & MODE_SA) || sp_is_aligned(t))
        return;
    ir_trap_if(t->f, IR_I64, IR_TSTNE, IR_SLOT(SLOT_SP), arm_const(t, 15),
               &arm_helper_sp_alignment);
    t->target_data[TD_SP] = 1 + t->f->n;
}

void arm_add_sp(TransCtx *t, int64_t offset)
{
    bool aligned = !(offset & 15) && sp_is_aligned(t);

    ir_emit(t->f, IR_add, IR_I64, IR_SLOT(SLOT_SP), IR_SLOT(SLOT_SP),
            arm_const(t, (uint64_t)offset));
    t->target_data[TD_SP] = aligned ? 1 + t->f->n : 0;
}

void arm_writeback(TransCtx *t, int rn, int64_t offset)
{
    if (rn == 31)
        arm_add_sp(t, offset);
    else
        ir_emit(t->f, IR_add, IR_I64, arm_xsp(rn), arm_xsp(rn), arm_const(t, (uint64_t)offset));
}

/* --- instructions --- */

/*
 * The address without the tag that a branch to it ignores (AArch64.BranchAddr). One range of
 * addresses (EL3, EL2 without E2H): the tag becomes 0; two: copies of bit 55.
 */
static uint64_t branch_address(const TransCtx *t, uint64_t pc)
{
    bool one_range = arm_mode_el(t) == 3 || (arm_mode_el(t) == 2 && !(t->mode & MODE_E2H));
    uint64_t sext = (uint64_t)((int64_t)(pc << 8) >> 8);

    if (one_range)
        return t->mode & MODE_TBI0 ? pc & MASK(56) : pc;
    return t->mode & (pc >> 55 & 1 ? MODE_TBI1 : MODE_TBI0) ? sext : pc;
}

/* BTYPE goes with a branch to the address without the tag. */
static void move_btype(TransCtx *t, uint64_t address)
{
    IrRef here = ir_temp(t->f, IR_I64);

    ir_setcond(t->f, IR_I64, IR_EQ, here, IR_SLOT(SLOT_BTYPE_PC), ir_address(t->f, t->pc));
    ir_select(t->f, IR_I64, IR_NE, IR_SLOT(SLOT_BTYPE_PC), here, arm_const(t, 0),
              ir_address(t->f, address), IR_SLOT(SLOT_BTYPE_PC));
}

/* Things that come before the instruction itself; true if one ends the block. */
static bool before_insn(TransCtx *t)
{
    uint64_t address = branch_address(t, t->pc);

    if (address != t->pc) {
        ir_insn(t->f, t->pc, 0);
        if (arm_tcpu(t)->feat.bti)
            move_btype(t, address);
        ir_exit_jump(t->f, address);
        t->end = true;
        return true;
    }
    ir_insn(t->f, t->pc, 4);
    if ((t->mode & (MODE_SS_ACTIVE | MODE_SS)) == MODE_SS_ACTIVE)
        arm_trans_leave(t, &arm_helper_ss_exception, IR_NONE, IR_NONE);
    else if (t->pc & 3)
        arm_trans_leave(t, &arm_helper_pc_alignment, IR_NONE, IR_NONE);
    else if (t->mode & MODE_IL)
        arm_trans_leave(t, &arm_helper_illegal_state, IR_NONE, IR_NONE);
    return t->end;
}

static bool decode(TransCtx *t, uint32_t w)
{
    /* op0 of the instruction word (C4.1): x111 data processing, x1x0 with bit 26 memory, of FP. */
    if ((w >> 25 & 7) == 7 || (w >> 25 & 7) == 6)
        return arm_simd_decode32(t, w);
    return a64_decode32(t, w);
}

/* Values of PSTATE.BTYPE, as bits, with which the instruction can't be branched to in a guarded page
 * (DDI 0487 D8.4.5). */
static unsigned forbidden_btypes(const TransCtx *t, uint32_t w)
{
    if ((w & 0xffe0001f) == 0xd4200000 || (w & 0xffe0001f) == 0xd4400000)
        return 0; /* BRK, HLT: their own exceptions come first */
    switch (w) {
    case 0xd503245f: /* BTI c */
        return 1 << 3;
    case 0xd503249f: /* BTI j */
        return 1 << 2;
    case 0xd50324df: /* BTI jc */
        return 0;
    case 0xd503233f: case 0xd503237f: /* PACIASP, PACIBSP: also for 3 unless SCTLR.BT says no */
        return t->mode & MODE_BT ? 1 << 3 : 0;
    default:
        return 1 << 1 | 1 << 2 | 1 << 3;
    }
}

static void check_branch_target(TransCtx *t, uint32_t w)
{
    unsigned forbidden = forbidden_btypes(t, w), allowed = ir_label_new(t->f);
    IrRef hit;

    if (!forbidden)
        return;
    ir_brcond(t->f, IR_I64, IR_NE, IR_SLOT(SLOT_BTYPE_PC), ir_address(t->f, t->pc), allowed);
    hit = ir_temp(t->f, IR_I64);
    ir_emit(t->f, IR_shr, IR_I64, hit, arm_const(t, forbidden), IR_SLOT(SLOT_BTYPE));
    ir_brcond(t->f, IR_I64, IR_TSTEQ, hit, arm_const(t, 1), allowed);
    ir_call(t->f, &arm_helper_bti, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_label(t->f, allowed);
}

void arm_translate_insn(TransCtx *t)
{
    uint32_t w;

    t->target_data[TD_NEXT] = t->pc + 4;
    if (before_insn(t)) {
        t->pc += t->pc & 3 ? 2 : 4;
        return;
    }
    w = trans_fetch32(t, t->pc);
    if (t->mode & MODE_BP)
        ir_call(t->f, &arm_helper_breakpoints, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    if (t->pc == t->pc_first && t->cflags & ARM_PAGE_GUARDED << CF_ATTRS_SHIFT)
        check_branch_target(t, w);
    if (!decode(t, w))
        arm_trans_leave(t, &arm_helper_undef, IR_NONE, IR_NONE);
    if (!t->end && (t->target_data[TD_LOOKUP] || arm_mode_changes(t)))
        arm_exit_lookup_next(t);
    t->pc = arm_next(t);
}
