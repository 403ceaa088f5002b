/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V floating point: F, D, Zfhmin, Zfa (unprivileged ISA). Loads and stores are in trans_mem.c.
 *
 * The decoder has checked that FS is on and the rounding mode valid. A narrower value is NaN-boxed
 * in its register; one that is not counts as the canonical NaN, except where raw bits are moved
 * (fmv.x.*, stores).
 */
#include "target/riscv/trans.h"

#define BOX_S 0xffffffff00000000ULL
#define BOX_H 0xffffffffffff0000ULL

/* The rounding attribute: the dynamic one where it is the same, since that is free. */
static unsigned rounding(const TransCtx *t, int rm)
{
    return (unsigned)rm == (t->mode & MODE_FRM) >> MODE_FRM_SHIFT ? IR_RM_DYN : (unsigned)rm;
}

/* --- operands and results --- */

static IrRef operand(TransCtx *t, IrType type, int n)
{
    return type == IR_F64 ? riscv_f(n) : ir_op1(t->f, IR_funbox, IR_F32, riscv_f(n));
}

/* Where to compute a result for register rd; put() then completes it. */
static IrRef result(TransCtx *t, IrType type, int rd)
{
    return type == IR_F64 ? riscv_f(rd) : ir_temp(t->f, IR_F32);
}

static void put(TransCtx *t, IrType type, int rd, IrRef v)
{
    if (type == IR_F32) {
        ir_emit(t->f, IR_fbox, IR_F64, riscv_f(rd), v, IR_NONE)->type2 = IR_F32;
    }
}

/* --- arithmetic --- */

static bool arith2(TransCtx *t, IrOp op, IrType type, const RiscvArgsF2 *a, unsigned aux)
{
    IrRef x = operand(t, type, a->rs1), y = operand(t, type, a->rs2), d = result(t, type, a->rd);

    ir_emit(t->f, op, type, d, x, y)->aux = aux;
    put(t, type, a->rd, d);
    return true;
}

static bool arith1(TransCtx *t, IrOp op, IrType type, const RiscvArgsF1 *a, unsigned aux)
{
    IrRef x = operand(t, type, a->rs1), d = result(t, type, a->rd);

    ir_emit(t->f, op, type, d, x, IR_NONE)->aux = aux;
    put(t, type, a->rd, d);
    return true;
}

static bool multiply_add(TransCtx *t, IrType type, const RiscvArgsF3 *a, unsigned negate)
{
    IrRef x = operand(t, type, a->rs1), y = operand(t, type, a->rs2);
    IrRef z = operand(t, type, a->rs3), d = result(t, type, a->rd);
    IrInsn *insn = ir_emit(t->f, IR_fma, type, d, x, y);

    insn->c = z;
    insn->aux = rounding(t, a->rm) | negate;
    put(t, type, a->rd, d);
    return true;
}

static bool compare(TransCtx *t, IrType type, const RiscvArgsF2 *a, IrFcmp how)
{
    IrRef x = operand(t, type, a->rs1), y = operand(t, type, a->rs2);
    IrRef d = a->rd ? IR_SLOT(a->rd) : ir_temp(t->f, IR_I64);

    ir_emit(t->f, IR_fcmp, type, d, x, y)->aux = how;
    return true;
}

#define ARITH2(name, op, rm)                                                                   \
    bool riscv_trans_##name##_s(TransCtx *t, const RiscvArgsF2 *a)                             \
    {                                                                                          \
        return arith2(t, IR_##op, IR_F32, a, rm);                                              \
    }                                                                                          \
    bool riscv_trans_##name##_d(TransCtx *t, const RiscvArgsF2 *a)                             \
    {                                                                                          \
        return arith2(t, IR_##op, IR_F64, a, rm);                                              \
    }
#define ARITH1(name, op, flags)                                                                \
    bool riscv_trans_##name##_s(TransCtx *t, const RiscvArgsF1 *a)                             \
    {                                                                                          \
        return arith1(t, IR_##op, IR_F32, a, rounding(t, a->rm) | (flags));                    \
    }                                                                                          \
    bool riscv_trans_##name##_d(TransCtx *t, const RiscvArgsF1 *a)                             \
    {                                                                                          \
        return arith1(t, IR_##op, IR_F64, a, rounding(t, a->rm) | (flags));                    \
    }
#define MULTIPLY_ADD(name, negate)                                                             \
    bool riscv_trans_##name##_s(TransCtx *t, const RiscvArgsF3 *a)                             \
    {                                                                                          \
        return multiply_add(t, IR_F32, a, negate);                                             \
    }                                                                                          \
    bool riscv_trans_##name##_d(TransCtx *t, const RiscvArgsF3 *a)                             \
    {                                                                                          \
        return multiply_add(t, IR_F64, a, negate);                                             \
    }
#define COMPARE(name, how)                                                                     \
    bool riscv_trans_##name##_s(TransCtx *t, const RiscvArgsF2 *a)                             \
    {                                                                                          \
        return compare(t, IR_F32, a, how);                                                     \
    }                                                                                          \
    bool riscv_trans_##name##_d(TransCtx *t, const RiscvArgsF2 *a)                             \
    {                                                                                          \
        return compare(t, IR_F64, a, how);                                                     \
    }

ARITH2(fadd, fadd, rounding(t, a->rm))
ARITH2(fsub, fsub, rounding(t, a->rm))
ARITH2(fmul, fmul, rounding(t, a->rm))
ARITH2(fdiv, fdiv, rounding(t, a->rm))
ARITH2(fmin, fmin, 0)
ARITH2(fmax, fmax, 0)
ARITH1(fsqrt, fsqrt, 0)
ARITH1(fround, fround, IR_CVT_NO_NX)
ARITH1(froundnx, fround, 0)
MULTIPLY_ADD(fmadd, 0)
MULTIPLY_ADD(fmsub, IR_FMA_NEG_ADDEND)
MULTIPLY_ADD(fnmsub, IR_FMA_NEG_PRODUCT)
MULTIPLY_ADD(fnmadd, IR_FMA_NEG_PRODUCT | IR_FMA_NEG_ADDEND)
COMPARE(feq, IR_FEQ)
COMPARE(flt, IR_FLT)
COMPARE(fle, IR_FLE)
COMPARE(fltq, IR_FLT_QUIET)
COMPARE(fleq, IR_FLE_QUIET)
#undef ARITH2
#undef ARITH1
#undef MULTIPLY_ADD
#undef COMPARE

/* --- conversions --- */

static bool to_integer(TransCtx *t, const RiscvArgsF1 *a, IrType type, IrType from, unsigned flags)
{
    IrRef x = operand(t, from, a->rs1);
    IrRef d = type == IR_I64 && a->rd ? IR_SLOT(a->rd) : ir_temp(t->f, type);
    IrInsn *insn = ir_emit(t->f, IR_fcvt_fi, type, d, x, IR_NONE);

    insn->type2 = from;
    insn->aux = rounding(t, a->rm) | flags;
    if (type == IR_I32 && a->rd) {
        riscv_put_w(t, a->rd, d);
    }
    return true;
}

static bool from_integer(TransCtx *t, const RiscvArgsF1 *a, IrType type, IrType from,
                         unsigned flags)
{
    IrRef d = result(t, type, a->rd);
    IrInsn *insn = ir_emit(t->f, IR_fcvt_if, type, d, riscv_x(t, a->rs1), IR_NONE);

    insn->type2 = from;
    insn->aux = rounding(t, a->rm) | flags;
    put(t, type, a->rd, d);
    return true;
}

#define TO_INTEGER(name, type, from, flags)                                                    \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsF1 *a)                                 \
    {                                                                                          \
        return to_integer(t, a, type, from, flags);                                            \
    }
#define FROM_INTEGER(name, type, from, flags)                                                  \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsF1 *a)                                 \
    {                                                                                          \
        return from_integer(t, a, type, from, flags);                                          \
    }
TO_INTEGER(fcvt_w_s, IR_I32, IR_F32, 0)
TO_INTEGER(fcvt_wu_s, IR_I32, IR_F32, IR_CVT_UNSIGNED)
TO_INTEGER(fcvt_l_s, IR_I64, IR_F32, 0)
TO_INTEGER(fcvt_lu_s, IR_I64, IR_F32, IR_CVT_UNSIGNED)
TO_INTEGER(fcvt_w_d, IR_I32, IR_F64, 0)
TO_INTEGER(fcvt_wu_d, IR_I32, IR_F64, IR_CVT_UNSIGNED)
TO_INTEGER(fcvt_l_d, IR_I64, IR_F64, 0)
TO_INTEGER(fcvt_lu_d, IR_I64, IR_F64, IR_CVT_UNSIGNED)
FROM_INTEGER(fcvt_s_w, IR_F32, IR_I32, 0)
FROM_INTEGER(fcvt_s_wu, IR_F32, IR_I32, IR_CVT_UNSIGNED)
FROM_INTEGER(fcvt_s_l, IR_F32, IR_I64, 0)
FROM_INTEGER(fcvt_s_lu, IR_F32, IR_I64, IR_CVT_UNSIGNED)
FROM_INTEGER(fcvt_d_w, IR_F64, IR_I32, 0)
FROM_INTEGER(fcvt_d_wu, IR_F64, IR_I32, IR_CVT_UNSIGNED)
FROM_INTEGER(fcvt_d_l, IR_F64, IR_I64, 0)
FROM_INTEGER(fcvt_d_lu, IR_F64, IR_I64, IR_CVT_UNSIGNED)
#undef TO_INTEGER
#undef FROM_INTEGER

bool riscv_trans_fcvt_s_d(TransCtx *t, const RiscvArgsF1 *a)
{
    IrRef d = ir_temp(t->f, IR_F32);
    IrInsn *insn = ir_emit(t->f, IR_fcvt_f, IR_F32, d, riscv_f(a->rs1), IR_NONE);

    insn->type2 = IR_F64;
    insn->aux = rounding(t, a->rm);
    put(t, IR_F32, a->rd, d);
    return true;
}

bool riscv_trans_fcvt_d_s(TransCtx *t, const RiscvArgsF1 *a)
{
    IrRef x = operand(t, IR_F32, a->rs1);
    IrInsn *insn = ir_emit(t->f, IR_fcvt_f, IR_F64, riscv_f(a->rd), x, IR_NONE);

    insn->type2 = IR_F32;
    insn->aux = IR_RM_DYN; /* exact */
    return true;
}

/* --- by helpers, on whole registers --- */

static bool helper1(TransCtx *t, const IrHelper *h, IrRef dst, const RiscvArgsF1 *a)
{
    ir_call(t->f, h, dst, riscv_f(a->rs1), h->nargs > 1 ? riscv_const(t, (uint32_t)a->rm) : IR_NONE,
            IR_NONE, IR_NONE);
    return true;
}

#define HELPER1(name, dst)                                                                     \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsF1 *a)                                 \
    {                                                                                          \
        return helper1(t, &riscv_helper_##name, dst(a->rd), a);                                \
    }
#define HELPER2(name)                                                                          \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsF2 *a)                                 \
    {                                                                                          \
        ir_call(t->f, &riscv_helper_##name, riscv_f(a->rd), riscv_f(a->rs1), riscv_f(a->rs2),  \
                IR_NONE, IR_NONE);                                                             \
        return true;                                                                           \
    }
HELPER1(fclass_s, riscv_xd)
HELPER1(fclass_d, riscv_xd)
HELPER1(fcvtmod_w_d, riscv_xd)
HELPER1(fcvt_s_h, riscv_f)
HELPER1(fcvt_h_s, riscv_f)
HELPER1(fcvt_d_h, riscv_f)
HELPER1(fcvt_h_d, riscv_f)
HELPER2(fminm_s)
HELPER2(fmaxm_s)
HELPER2(fminm_d)
HELPER2(fmaxm_d)
#undef HELPER1
#undef HELPER2

/* --- moves of bits --- */

/* Low half: the single in a register; what is above is of no matter. */
static IrRef single_bits(TransCtx *t, int n)
{
    IrRef above = ir_op2(t->f, IR_shr, IR_I64, riscv_f(n), riscv_const(t, 32));
    IrRef v = ir_temp(t->f, IR_I64);

    ir_select(t->f, IR_I64, IR_EQ, v, above, riscv_const(t, 0xffffffff), riscv_f(n),
              riscv_const(t, 0x7fc00000));
    return v;
}

typedef enum SignFrom { SIGN_COPY, SIGN_NOT, SIGN_XOR } SignFrom;

/* The sign bit that goes with magnitude `x` (bits of width 32 or 64), alone. */
static IrRef new_sign(TransCtx *t, SignFrom from, IrRef x, IrRef y, uint64_t bit)
{
    if (from == SIGN_NOT) {
        return ir_op2(t->f, IR_andn, IR_I64, riscv_const(t, bit), y);
    }
    if (from == SIGN_XOR) {
        y = ir_op2(t->f, IR_xor, IR_I64, x, y);
    }
    return ir_op2(t->f, IR_and, IR_I64, y, riscv_const(t, bit));
}

static bool sign_inject(TransCtx *t, const RiscvArgsF2 *a, SignFrom from, bool is_double)
{
    IrFunc *f = t->f;
    uint64_t bit = is_double ? 1ULL << 63 : 1ULL << 31;
    IrRef x, y, v;

    if (!is_double && a->rs1 == a->rs2 && from == SIGN_COPY) { /* fmv.s */
        put(t, IR_F32, a->rd, operand(t, IR_F32, a->rs1));
        return true;
    }
    x = is_double ? riscv_f(a->rs1) : single_bits(t, a->rs1);
    if (a->rs1 == a->rs2) { /* fmv, fneg, fabs */
        if (from == SIGN_COPY) {
            v = x;
        } else if (from == SIGN_NOT) {
            v = ir_op2(f, IR_xor, IR_I64, x, riscv_const(t, bit));
        } else {
            v = ir_op2(f, IR_and, IR_I64, x, riscv_const(t, ~bit));
        }
    } else {
        y = is_double ? riscv_f(a->rs2) : single_bits(t, a->rs2);
        v = ir_op2(f, IR_and, IR_I64, x, riscv_const(t, ~bit));
        v = ir_op2(f, IR_or, IR_I64, v, new_sign(t, from, x, y, bit));
    }
    if (is_double) {
        ir_mov(f, riscv_f(a->rd), v);
    } else {
        ir_emit(f, IR_or, IR_I64, riscv_f(a->rd), v, riscv_const(t, BOX_S));
    }
    return true;
}

#define SIGN_INJECT(name, from)                                                                \
    bool riscv_trans_##name##_s(TransCtx *t, const RiscvArgsF2 *a)                             \
    {                                                                                          \
        return sign_inject(t, a, from, false);                                                 \
    }                                                                                          \
    bool riscv_trans_##name##_d(TransCtx *t, const RiscvArgsF2 *a)                             \
    {                                                                                          \
        return sign_inject(t, a, from, true);                                                  \
    }
SIGN_INJECT(fsgnj, SIGN_COPY)
SIGN_INJECT(fsgnjn, SIGN_NOT)
SIGN_INJECT(fsgnjx, SIGN_XOR)
#undef SIGN_INJECT

static bool move_to_x(TransCtx *t, const RiscvArgsF1 *a, IrOp op)
{
    if (a->rd) {
        ir_emit(t->f, op, IR_I64, IR_SLOT(a->rd), riscv_f(a->rs1), IR_NONE);
    }
    return true;
}

bool riscv_trans_fmv_x_h(TransCtx *t, const RiscvArgsF1 *a)
{
    return move_to_x(t, a, IR_sext16);
}

bool riscv_trans_fmv_x_w(TransCtx *t, const RiscvArgsF1 *a)
{
    return move_to_x(t, a, IR_sext32);
}

bool riscv_trans_fmv_x_d(TransCtx *t, const RiscvArgsF1 *a)
{
    return move_to_x(t, a, IR_mov);
}

bool riscv_trans_fmv_h_x(TransCtx *t, const RiscvArgsF1 *a)
{
    ir_emit(t->f, IR_or, IR_I64, riscv_f(a->rd), riscv_x(t, a->rs1), riscv_const(t, BOX_H));
    return true;
}

bool riscv_trans_fmv_w_x(TransCtx *t, const RiscvArgsF1 *a)
{
    ir_emit(t->f, IR_or, IR_I64, riscv_f(a->rd), riscv_x(t, a->rs1), riscv_const(t, BOX_S));
    return true;
}

bool riscv_trans_fmv_d_x(TransCtx *t, const RiscvArgsF1 *a)
{
    ir_mov(t->f, riscv_f(a->rd), riscv_x(t, a->rs1));
    return true;
}

/*
 * fli: the 32 constants of the Zfa chapter's table, by the rs1 field: -1, the smallest normal,
 * powers of two with up to three values in between, infinity, the canonical NaN.
 */
static const uint32_t fli_s[32] = {
    0xbf800000, 0x00800000, 0x37800000, 0x38000000, 0x3b800000, 0x3c000000, 0x3d800000, 0x3e000000,
    0x3e800000, 0x3ea00000, 0x3ec00000, 0x3ee00000, 0x3f000000, 0x3f200000, 0x3f400000, 0x3f600000,
    0x3f800000, 0x3fa00000, 0x3fc00000, 0x3fe00000, 0x40000000, 0x40200000, 0x40400000, 0x40800000,
    0x41000000, 0x41800000, 0x43000000, 0x43800000, 0x47000000, 0x47800000, 0x7f800000, 0x7fc00000,
};

bool riscv_trans_fli_s(TransCtx *t, const RiscvArgsF1 *a)
{
    ir_mov(t->f, riscv_f(a->rd), riscv_const(t, BOX_S | fli_s[a->rs1]));
    return true;
}

bool riscv_trans_fli_d(TransCtx *t, const RiscvArgsF1 *a)
{
    FpStatus st = fp_status_riscv(FP_RNE);
    /* All are the same numbers in both formats, but for the smallest normal. */
    uint64_t v = a->rs1 == 1 ? 0x0010000000000000ULL : fp_f32_to_f64(fli_s[a->rs1], &st);

    ir_mov(t->f, riscv_f(a->rd), riscv_const(t, v));
    return true;
}
