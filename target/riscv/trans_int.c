/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V integer computation: RV64I arithmetic, M, Zba, Zbb, Zbc, Zbs, Zicond (unprivileged ISA).
 * None of these may fault; one that would write x0 is a hint and emits nothing.
 */
#include "target/riscv/trans.h"

/* --- shapes --- */

static bool op_rr(TransCtx *t, IrOp op, const RiscvArgsR *a)
{
    if (a->rd) {
        ir_emit(t->f, op, IR_I64, IR_SLOT(a->rd), riscv_x(t, a->rs1), riscv_x(t, a->rs2));
    }
    return true;
}

static bool op_rr_w(TransCtx *t, IrOp op, const RiscvArgsR *a)
{
    if (a->rd) {
        riscv_put_w(t, a->rd, ir_op2(t->f, op, IR_I32, riscv_x(t, a->rs1), riscv_x(t, a->rs2)));
    }
    return true;
}

static bool op_ri(TransCtx *t, IrOp op, const RiscvArgsI *a)
{
    if (a->rd) {
        IrRef imm = riscv_const(t, (int64_t)a->imm);
        ir_emit(t->f, op, IR_I64, IR_SLOT(a->rd), riscv_x(t, a->rs1), imm);
    }
    return true;
}

static bool op_ri_w(TransCtx *t, IrOp op, const RiscvArgsI *a)
{
    if (a->rd) {
        riscv_put_w(t, a->rd,
                    ir_op2(t->f, op, IR_I32, riscv_x(t, a->rs1), riscv_const(t, (uint32_t)a->imm)));
    }
    return true;
}

static bool op_r(TransCtx *t, IrOp op, const RiscvArgsR *a)
{
    if (a->rd) {
        ir_emit(t->f, op, IR_I64, IR_SLOT(a->rd), riscv_x(t, a->rs1), IR_NONE);
    }
    return true;
}

static bool op_r_w(TransCtx *t, IrOp op, const RiscvArgsR *a)
{
    if (a->rd) {
        riscv_put_w(t, a->rd, ir_op1(t->f, op, IR_I32, riscv_x(t, a->rs1)));
    }
    return true;
}

#define ROW(name, shape, op, Args)                                                             \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgs##Args *a)                             \
    {                                                                                          \
        return shape(t, IR_##op, a);                                                           \
    }

/* --- rotations --- */

/*
 * Without Zbb a rotation is two shifts and an `or` (or `xor`, `addw`) of their results. The shifts
 * stay, for whoever looks at their registers; most die in the optimiser.
 */
typedef struct Shift {
    unsigned at; /* in f->insns */
    bool left, wide;
    unsigned n;
    IrRef of;
} Shift;

/* The shift of a register by a constant that x has the result of, if that was not long ago. */
static bool find_shift(const IrFunc *f, IrRef x, Shift *s)
{
    enum { LOOK_BACK = 24 };
    unsigned k = f->n, end = f->n > LOOK_BACK ? f->n - LOOK_BACK : 0;
    const IrInsn *i;
    do {
        if (k-- == end) {
            return false;
        }
        i = &f->insns[k];
        if (i->op == IR_label || i->op == IR_br || i->op == IR_brcond || i->op == IR_call) {
            return false;
        }
    } while (i->dst != x);
    s->wide = i->op != IR_sext32;
    if (!s->wide) {
        if (!k || i[-1].dst != i->a) {
            return false;
        }
        i--;
        k--;
    }
    if ((i->op != IR_shl && i->op != IR_shr) || i->type != (s->wide ? IR_I64 : IR_I32) ||
        !ir_is_slot(i->a) || !ir_is_const(i->b)) {
        return false;
    }
    s->at = k;
    s->left = i->op == IR_shl;
    s->n = (unsigned)ir_const_value(f, i->b);
    s->of = i->a;
    return true;
}

static bool is_written(const IrFunc *f, IrRef x, unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++) {
        if (f->insns[k].dst == x) {
            return true;
        }
    }
    return false;
}

static bool rotation(TransCtx *t, const RiscvArgsR *a, bool may_be_wide)
{
    IrFunc *f = t->f;
    Shift l, r;
    if (!a->rd || !a->rs1 || !a->rs2 || !find_shift(f, IR_SLOT(a->rs1), &l) ||
        !find_shift(f, IR_SLOT(a->rs2), &r) || l.left == r.left || l.wide != r.wide ||
        (l.wide && !may_be_wide) || l.of != r.of || l.n + r.n != (l.wide ? 64 : 32)) {
        return false;
    }
    unsigned first = MIN(l.at, r.at), second = MAX(l.at, r.at);
    IrRef from = l.of, n = riscv_const(t, l.left ? r.n : l.n);
    if (is_written(f, from, first, second)) {
        return false;
    }
    if (is_written(f, from, second, f->n)) { /* a copy, made before that */
        from = ir_temp(f, IR_I64);
        ir_emit(f, IR_mov, IR_I64, from, l.of, IR_NONE);
        IrInsn copy = f->insns[f->n - 1];
        memmove(f->insns + second + 1, f->insns + second, (f->n - 1 - second) * sizeof copy);
        f->insns[second] = copy;
    }
    if (l.wide) {
        ir_emit(f, IR_rotr, IR_I64, IR_SLOT(a->rd), from, n);
    } else {
        riscv_put_w(t, a->rd, ir_op2(f, IR_rotr, IR_I32, from, n));
    }
    return true;
}

bool riscv_trans_xor(TransCtx *t, const RiscvArgsR *a)
{
    return rotation(t, a, true) || op_rr(t, IR_xor, a);
}

bool riscv_trans_or(TransCtx *t, const RiscvArgsR *a)
{
    return rotation(t, a, true) || op_rr(t, IR_or, a);
}

bool riscv_trans_addw(TransCtx *t, const RiscvArgsR *a)
{
    return rotation(t, a, false) || op_rr_w(t, IR_add, a);
}

/* --- rows --- */

ROW(xori, op_ri, xor, I)
ROW(ori, op_ri, or, I)
ROW(andi, op_ri, and, I)
ROW(slli, op_ri, shl, I)
ROW(srli, op_ri, shr, I)
ROW(srai, op_ri, sar, I)
ROW(slliw, op_ri_w, shl, I)
ROW(srliw, op_ri_w, shr, I)
ROW(sraiw, op_ri_w, sar, I)
ROW(sub, op_rr, sub, R)
ROW(sll, op_rr, shl, R)
ROW(srl, op_rr, shr, R)
ROW(sra, op_rr, sar, R)
ROW(and, op_rr, and, R)
ROW(subw, op_rr_w, sub, R)
ROW(sllw, op_rr_w, shl, R)
ROW(srlw, op_rr_w, shr, R)
ROW(sraw, op_rr_w, sar, R)

ROW(mul, op_rr, mul, R)
ROW(mulh, op_rr, mulhs, R)
ROW(mulhsu, op_rr, mulhsu, R)
ROW(mulhu, op_rr, mulhu, R)
ROW(div, op_rr, divs, R)
ROW(divu, op_rr, divu, R)
ROW(rem, op_rr, rems, R)
ROW(remu, op_rr, remu, R)
ROW(mulw, op_rr_w, mul, R)
ROW(divw, op_rr_w, divs, R)
ROW(divuw, op_rr_w, divu, R)
ROW(remw, op_rr_w, rems, R)
ROW(remuw, op_rr_w, remu, R)

ROW(andn, op_rr, andn, R)
ROW(orn, op_rr, orn, R)
ROW(xnor, op_rr, xnor, R)
ROW(clz, op_r, clz, R)
ROW(ctz, op_r, ctz, R)
ROW(cpop, op_r, popcnt, R)
ROW(clzw, op_r_w, clz, R)
ROW(ctzw, op_r_w, ctz, R)
ROW(cpopw, op_r_w, popcnt, R)
ROW(max, op_rr, smax, R)
ROW(maxu, op_rr, umax, R)
ROW(min, op_rr, smin, R)
ROW(minu, op_rr, umin, R)
ROW(sext_b, op_r, sext8, R)
ROW(sext_h, op_r, sext16, R)
ROW(zext_h, op_r, zext16, R)
ROW(rol, op_rr, rotl, R)
ROW(ror, op_rr, rotr, R)
ROW(rori, op_ri, rotr, I)
ROW(rolw, op_rr_w, rotl, R)
ROW(rorw, op_rr_w, rotr, R)
ROW(roriw, op_ri_w, rotr, I)
ROW(orc_b, op_r, orcb, R)
ROW(rev8, op_r, bswap64, R)

ROW(clmul, op_rr, clmul, R)
ROW(clmulh, op_rr, clmulh, R)
#undef ROW

/* --- the rest of RV64I --- */

bool riscv_trans_lui(TransCtx *t, const RiscvArgsU *a)
{
    if (a->rd) {
        ir_mov(t->f, IR_SLOT(a->rd), riscv_const(t, (int64_t)a->imm));
    }
    return true;
}

bool riscv_trans_auipc(TransCtx *t, const RiscvArgsU *a)
{
    if (a->rd) {
        ir_set_address(t->f, IR_SLOT(a->rd), t->pc + (int64_t)a->imm);
    }
    return true;
}

bool riscv_trans_addi(TransCtx *t, const RiscvArgsI *a)
{
    if (!a->rd) {
        return true;
    }
    if (!a->rs1) { /* li */
        ir_mov(t->f, IR_SLOT(a->rd), riscv_const(t, (int64_t)a->imm));
    } else if (a->imm) {
        return op_ri(t, IR_add, a);
    } else if (a->rd != a->rs1) { /* mv */
        ir_mov(t->f, IR_SLOT(a->rd), IR_SLOT(a->rs1));
    }
    return true;
}

bool riscv_trans_addiw(TransCtx *t, const RiscvArgsI *a)
{
    if (a->rd && !a->imm) { /* sext.w */
        riscv_put_w(t, a->rd, riscv_x(t, a->rs1));
        return true;
    }
    return op_ri_w(t, IR_add, a);
}

bool riscv_trans_add(TransCtx *t, const RiscvArgsR *a)
{
    if (a->rd && (!a->rs1 || !a->rs2)) { /* c.mv */
        ir_mov(t->f, IR_SLOT(a->rd), riscv_x(t, a->rs1 | a->rs2));
        return true;
    }
    return op_rr(t, IR_add, a);
}

static bool set_less(TransCtx *t, int rd, IrCond cc, IrRef x, IrRef y)
{
    if (rd) {
        ir_setcond(t->f, IR_I64, cc, IR_SLOT(rd), x, y);
    }
    return true;
}

bool riscv_trans_slt(TransCtx *t, const RiscvArgsR *a)
{
    return set_less(t, a->rd, IR_LT, riscv_x(t, a->rs1), riscv_x(t, a->rs2));
}

bool riscv_trans_sltu(TransCtx *t, const RiscvArgsR *a)
{
    return set_less(t, a->rd, IR_LTU, riscv_x(t, a->rs1), riscv_x(t, a->rs2));
}

bool riscv_trans_slti(TransCtx *t, const RiscvArgsI *a)
{
    return set_less(t, a->rd, IR_LT, riscv_x(t, a->rs1), riscv_const(t, (int64_t)a->imm));
}

bool riscv_trans_sltiu(TransCtx *t, const RiscvArgsI *a)
{
    return set_less(t, a->rd, IR_LTU, riscv_x(t, a->rs1), riscv_const(t, (int64_t)a->imm));
}

/* --- Zba --- */

static bool shift_add(TransCtx *t, const RiscvArgsR *a, unsigned shift, bool uw)
{
    IrRef x = riscv_x(t, a->rs1);

    if (!a->rd) {
        return true;
    }
    if (uw) {
        x = ir_op1(t->f, IR_zext32, IR_I64, x);
    }
    if (shift) {
        x = ir_op2(t->f, IR_shl, IR_I64, x, riscv_const(t, shift));
    }
    ir_emit(t->f, IR_add, IR_I64, IR_SLOT(a->rd), x, riscv_x(t, a->rs2));
    return true;
}

#define SHIFT_ADD(name, shift, uw)                                                             \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsR *a)                                  \
    {                                                                                          \
        return shift_add(t, a, shift, uw);                                                     \
    }
SHIFT_ADD(add_uw, 0, true)
SHIFT_ADD(sh1add, 1, false)
SHIFT_ADD(sh2add, 2, false)
SHIFT_ADD(sh3add, 3, false)
SHIFT_ADD(sh1add_uw, 1, true)
SHIFT_ADD(sh2add_uw, 2, true)
SHIFT_ADD(sh3add_uw, 3, true)
#undef SHIFT_ADD

bool riscv_trans_slli_uw(TransCtx *t, const RiscvArgsI *a)
{
    if (a->rd) {
        IrRef x = ir_op1(t->f, IR_zext32, IR_I64, riscv_x(t, a->rs1));
        ir_emit(t->f, IR_shl, IR_I64, IR_SLOT(a->rd), x, riscv_const(t, (uint32_t)a->imm));
    }
    return true;
}

/* --- Zbc --- */

/* Bits 64..127 of the product shifted left by one: bits 63..126 of the product. */
bool riscv_trans_clmulr(TransCtx *t, const RiscvArgsR *a)
{
    if (a->rd) {
        IrRef x = riscv_x(t, a->rs1), y = riscv_x(t, a->rs2);
        IrRef high = ir_op2(t->f, IR_clmulh, IR_I64, x, y);
        IrRef low = ir_op2(t->f, IR_clmul, IR_I64, x, y);
        high = ir_op2(t->f, IR_shl, IR_I64, high, riscv_const(t, 1));
        low = ir_op2(t->f, IR_shr, IR_I64, low, riscv_const(t, 63));
        ir_emit(t->f, IR_or, IR_I64, IR_SLOT(a->rd), high, low);
    }
    return true;
}

/* --- Zbs --- */

static bool single_bit(TransCtx *t, int rd, int rs1, IrOp op, IrRef index)
{
    if (rd) {
        IrRef bit = ir_is_const(index)
                        ? riscv_const(t, 1ULL << (ir_const_value(t->f, index) & 63))
                        : ir_op2(t->f, IR_shl, IR_I64, riscv_const(t, 1), index);
        ir_emit(t->f, op, IR_I64, IR_SLOT(rd), riscv_x(t, rs1), bit);
    }
    return true;
}

static bool extract_bit(TransCtx *t, int rd, int rs1, IrRef index)
{
    if (rd) {
        IrRef x = ir_op2(t->f, IR_shr, IR_I64, riscv_x(t, rs1), index);
        ir_emit(t->f, IR_and, IR_I64, IR_SLOT(rd), x, riscv_const(t, 1));
    }
    return true;
}

#define SINGLE_BIT(name, op)                                                                   \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsR *a)                                  \
    {                                                                                          \
        return single_bit(t, a->rd, a->rs1, IR_##op, riscv_x(t, a->rs2));                      \
    }                                                                                          \
    bool riscv_trans_##name##i(TransCtx *t, const RiscvArgsI *a)                               \
    {                                                                                          \
        return single_bit(t, a->rd, a->rs1, IR_##op, riscv_const(t, (uint32_t)a->imm));        \
    }
SINGLE_BIT(bclr, andn)
SINGLE_BIT(binv, xor)
SINGLE_BIT(bset, or)
#undef SINGLE_BIT

bool riscv_trans_bext(TransCtx *t, const RiscvArgsR *a)
{
    return extract_bit(t, a->rd, a->rs1, riscv_x(t, a->rs2));
}

bool riscv_trans_bexti(TransCtx *t, const RiscvArgsI *a)
{
    return extract_bit(t, a->rd, a->rs1, riscv_const(t, (uint32_t)a->imm));
}

/* --- Zicond --- */

static bool conditional_zero(TransCtx *t, const RiscvArgsR *a, IrCond zero_if)
{
    IrRef zero = riscv_const(t, 0);

    if (a->rd) {
        ir_select(t->f, IR_I64, zero_if, IR_SLOT(a->rd), riscv_x(t, a->rs2), zero, zero,
                  riscv_x(t, a->rs1));
    }
    return true;
}

bool riscv_trans_czero_eqz(TransCtx *t, const RiscvArgsR *a)
{
    return conditional_zero(t, a, IR_EQ);
}

bool riscv_trans_czero_nez(TransCtx *t, const RiscvArgsR *a)
{
    return conditional_zero(t, a, IR_NE);
}
