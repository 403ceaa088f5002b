/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AdvSIMD shifts by immediate, and what widens or narrows integers (DDI 0487 C4.1.96: three
 * different, shift by immediate, narrowing of two-register miscellaneous).
 *
 * Narrowing instructions with Q set write the upper half of the destination and keep the lower.
 */
#include "target/arm/simd.h"

#define TRANS(name) bool arm_simd_trans_##name(TransCtx *t, const SimdArgs *a)

/* --- widening --- */

/* The half of n or m that Q says, widened. */
static IrRef extended(TransCtx *t, const SimdArgs *a, int reg, bool is_signed)
{
    IrOp op = is_signed ? (a->q ? IR_vsxtl2 : IR_vsxtl) : (a->q ? IR_vuxtl2 : IR_vuxtl);

    return simd_new1(t, op, (unsigned)a->size, arm_v(reg), 0);
}

static bool wide_op(TransCtx *t, const SimdArgs *a, IrOp op, bool is_signed, bool n_is_wide)
{
    IrRef n = n_is_wide ? arm_v(a->rn) : extended(t, a, a->rn, is_signed);
    IrRef m = extended(t, a, a->rm, is_signed);

    simd_op2(t, op, (unsigned)a->size + 1, arm_v(a->rd), n, m);
    return true;
}
TRANS(saddl_v) { return wide_op(t, a, IR_vadd, true, false); }
TRANS(uaddl_v) { return wide_op(t, a, IR_vadd, false, false); }
TRANS(ssubl_v) { return wide_op(t, a, IR_vsub, true, false); }
TRANS(usubl_v) { return wide_op(t, a, IR_vsub, false, false); }
TRANS(saddw_v) { return wide_op(t, a, IR_vadd, true, true); }
TRANS(uaddw_v) { return wide_op(t, a, IR_vadd, false, true); }
TRANS(ssubw_v) { return wide_op(t, a, IR_vsub, true, true); }
TRANS(usubw_v) { return wide_op(t, a, IR_vsub, false, true); }
TRANS(sabdl_v) { return wide_op(t, a, IR_vsabd, true, false); }
TRANS(uabdl_v) { return wide_op(t, a, IR_vsabd, false, false); }

static bool wide_accumulate(TransCtx *t, const SimdArgs *a, IrRef v, IrOp op)
{
    simd_op2(t, op, (unsigned)a->size + 1, arm_v(a->rd), arm_v(a->rd), v);
    return true;
}

/* |n - m| of widened numbers: they are far enough from the ends for a signed difference. */
static bool difference_accumulate(TransCtx *t, const SimdArgs *a, bool is_signed)
{
    IrRef n = extended(t, a, a->rn, is_signed), m = extended(t, a, a->rm, is_signed);

    return wide_accumulate(t, a, simd_new2(t, IR_vsabd, (unsigned)a->size + 1, n, m), IR_vadd);
}
TRANS(sabal_v) { return difference_accumulate(t, a, true); }
TRANS(uabal_v) { return difference_accumulate(t, a, false); }

static IrOp multiply_op(const SimdArgs *a, bool is_signed)
{
    return is_signed ? (a->q ? IR_vsmull2 : IR_vsmull) : (a->q ? IR_vumull2 : IR_vumull);
}

static bool multiply(TransCtx *t, const SimdArgs *a, bool is_signed, IrRef m)
{
    simd_op2(t, multiply_op(a, is_signed), (unsigned)a->size, arm_v(a->rd), arm_v(a->rn), m);
    return true;
}

static bool multiply_accumulate(TransCtx *t, const SimdArgs *a, bool is_signed, IrOp op, IrRef m)
{
    IrRef v = simd_new2(t, multiply_op(a, is_signed), (unsigned)a->size, arm_v(a->rn), m);

    return wide_accumulate(t, a, v, op);
}
#define MULTIPLY(name, is_signed)                                                              \
    TRANS(name##_v) { return multiply(t, a, is_signed, arm_v(a->rm)); }                        \
    TRANS(name##_e) { return multiply(t, a, is_signed, simd_in_elem(t, a)); }
#define MULTIPLY_ACCUMULATE(name, is_signed, op)                                               \
    TRANS(name##_v) { return multiply_accumulate(t, a, is_signed, op, arm_v(a->rm)); }         \
    TRANS(name##_e) { return multiply_accumulate(t, a, is_signed, op, simd_in_elem(t, a)); }
MULTIPLY(smull, true)
MULTIPLY(umull, false)
MULTIPLY_ACCUMULATE(smlal, true, IR_vadd)
MULTIPLY_ACCUMULATE(umlal, false, IR_vadd)
MULTIPLY_ACCUMULATE(smlsl, true, IR_vsub)
MULTIPLY_ACCUMULATE(umlsl, false, IR_vsub)

TRANS(pmull_v)
{
    simd_op2(t, a->q ? IR_vpmull2 : IR_vpmull, (unsigned)a->size, arm_v(a->rd), arm_v(a->rn),
             arm_v(a->rm));
    return true;
}

TRANS(shll_v)
{
    simd_op1(t, IR_vshl, (unsigned)a->size + 1, arm_v(a->rd), extended(t, a, a->rn, false),
             8 << a->size);
    return true;
}

/* --- narrowing --- */

static void put_narrow(TransCtx *t, const SimdArgs *a, IrRef v)
{
    if (a->q)
        simd_put_upper(t, a->rd, v);
    else
        ir_emit(t->f, IR_mov, IR_V128, arm_v(a->rd), v, IR_NONE);
}

static bool narrow_high(TransCtx *t, const SimdArgs *a, IrOp op, unsigned round)
{
    IrRef v = simd_new2(t, op, (unsigned)a->size + 1, arm_v(a->rn), arm_v(a->rm));

    v = simd_new1(t, IR_vshr, ((unsigned)a->size + 1) | round, v, 8 << a->size);
    put_narrow(t, a, simd_new1(t, IR_vxtn, (unsigned)a->size, v, 0));
    return true;
}
TRANS(addhn_v) { return narrow_high(t, a, IR_vadd, 0); }
TRANS(raddhn_v) { return narrow_high(t, a, IR_vadd, IR_V_ROUND); }
TRANS(subhn_v) { return narrow_high(t, a, IR_vsub, 0); }
TRANS(rsubhn_v) { return narrow_high(t, a, IR_vsub, IR_V_ROUND); }

/* The operand of a narrowing instruction: of a scalar one, an element of twice the size. */
static IrRef narrow_in(TransCtx *t, const SimdArgs *a)
{
    SimdArgs wide = *a;
    IrRef v;

    wide.size++;
    if (!a->scalar || wide.size < 3)
        return simd_in(t, &wide, a->rn);
    v = simd_temp(t);
    ir_vzext(t->f, IR_I64, v, arm_v(a->rn));
    return v;
}

/* v cut to half its size by op; `back` undoes that where it didn't saturate. */
static bool narrow(TransCtx *t, const SimdArgs *a, unsigned size, IrRef v, IrOp op, IrOp back)
{
    IrRef r = simd_new1(t, op, size, v, 0);

    if (op != IR_vxtn)
        simd_qc_differ(t, v, simd_new1(t, back, size, r, 0));
    put_narrow(t, a, r);
    return true;
}
#define NARROW(name, op, back)                                                                 \
    TRANS(name) { return narrow(t, a, (unsigned)a->size, narrow_in(t, a), IR_##op, IR_##back); }
NARROW(xtn_v, vxtn, vuxtl)
NARROW(sqxtn_v, vsqxtn, vsxtl)
NARROW(uqxtn_v, vuqxtn, vuxtl)
NARROW(sqxtun_v, vsqxtun, vuxtl)

/* --- shifts: imm is immh:immb, of which the highest bit set tells the size --- */

static unsigned shift_size(const SimdArgs *a)
{
    return 28 - (unsigned)__builtin_clz((unsigned)a->imm);
}
static int64_t shift_right(const SimdArgs *a, unsigned size)
{
    return (16 << size) - a->imm;
}
static int64_t shift_left(const SimdArgs *a, unsigned size)
{
    return a->imm - (8 << size);
}

static bool right(TransCtx *t, const SimdArgs *a, IrOp op, unsigned round, bool add)
{
    unsigned size = shift_size(a), aux = size | simd_low(a);
    IrRef d = arm_v(a->rd);

    if (!add) {
        simd_op1(t, op, aux | round, d, arm_v(a->rn), shift_right(a, size));
        return true;
    }
    simd_op2(t, IR_vadd, aux, d, d,
             simd_new1(t, op, aux | round, arm_v(a->rn), shift_right(a, size)));
    return true;
}
TRANS(sshr_vi) { return right(t, a, IR_vsar, 0, false); }
TRANS(ushr_vi) { return right(t, a, IR_vshr, 0, false); }
TRANS(ssra_vi) { return right(t, a, IR_vsar, 0, true); }
TRANS(usra_vi) { return right(t, a, IR_vshr, 0, true); }
TRANS(srshr_vi) { return right(t, a, IR_vsar, IR_V_ROUND, false); }
TRANS(urshr_vi) { return right(t, a, IR_vshr, IR_V_ROUND, false); }
TRANS(srsra_vi) { return right(t, a, IR_vsar, IR_V_ROUND, true); }
TRANS(ursra_vi) { return right(t, a, IR_vshr, IR_V_ROUND, true); }

TRANS(shl_vi)
{
    unsigned size = shift_size(a);

    simd_op1(t, IR_vshl, size | simd_low(a), arm_v(a->rd), arm_v(a->rn), shift_left(a, size));
    return true;
}

/* Bits of d where the mask has none, of v elsewhere; v has only such bits. */
static bool insert(TransCtx *t, const SimdArgs *a, unsigned size, uint64_t kept, IrRef v)
{
    IrRef d = arm_v(a->rd), old;

    old = simd_new2(t, IR_vand, simd_low(a), d, simd_const_lanes(t, size, kept));
    simd_op2(t, IR_vor, simd_low(a), d, old, v);
    return true;
}
TRANS(sri_vi)
{
    unsigned size = shift_size(a), bits = 8u << size;
    int64_t n = shift_right(a, size);
    uint64_t ones = bits == 64 ? UINT64_MAX : MASK(bits);

    return insert(t, a, size, n == bits ? ones : ~(ones >> n),
                  simd_new1(t, IR_vshr, size | simd_low(a), arm_v(a->rn), n));
}
TRANS(sli_vi)
{
    unsigned size = shift_size(a);
    int64_t n = shift_left(a, size);

    return insert(t, a, size, n ? MASK(n) : 0,
                  simd_new1(t, IR_vshl, size | simd_low(a), arm_v(a->rn), n));
}

TRANS(sshll_vi)
{
    SimdArgs b = *a;
    IrRef v;

    b.size = (int32_t)shift_size(a);
    v = extended(t, &b, a->rn, true);
    simd_op1(t, IR_vshl, (unsigned)b.size + 1, arm_v(a->rd), v, shift_left(a, (unsigned)b.size));
    return true;
}
TRANS(ushll_vi)
{
    SimdArgs b = *a;
    IrRef v;

    b.size = (int32_t)shift_size(a);
    v = extended(t, &b, a->rn, false);
    simd_op1(t, IR_vshl, (unsigned)b.size + 1, arm_v(a->rd), v, shift_left(a, (unsigned)b.size));
    return true;
}

static bool narrow_shift(TransCtx *t, const SimdArgs *a, IrOp shift, unsigned round, IrOp op,
                         IrOp back)
{
    SimdArgs b = *a;
    IrRef v;

    b.size = (int32_t)shift_size(a);
    v = simd_new1(t, shift, ((unsigned)b.size + 1) | round, narrow_in(t, &b),
                  shift_right(a, (unsigned)b.size));
    return narrow(t, &b, (unsigned)b.size, v, op, back);
}
#define NARROW_SHIFT(name, shift, round, op, back)                                             \
    TRANS(name##_vi) { return narrow_shift(t, a, IR_##shift, round, IR_##op, IR_##back); }
NARROW_SHIFT(shrn, vshr, 0, vxtn, vuxtl)
NARROW_SHIFT(rshrn, vshr, IR_V_ROUND, vxtn, vuxtl)
NARROW_SHIFT(sqshrn, vsar, 0, vsqxtn, vsxtl)
NARROW_SHIFT(sqrshrn, vsar, IR_V_ROUND, vsqxtn, vsxtl)
NARROW_SHIFT(uqshrn, vshr, 0, vuqxtn, vuxtl)
NARROW_SHIFT(uqrshrn, vshr, IR_V_ROUND, vuqxtn, vuxtl)
NARROW_SHIFT(sqshrun, vsar, 0, vsqxtun, vuxtl)
NARROW_SHIFT(sqrshrun, vsar, IR_V_ROUND, vsqxtun, vuxtl)

static bool saturating_left(TransCtx *t, const SimdArgs *a, const IrHelper *h)
{
    SimdArgs b = *a;

    b.size = (int32_t)shift_size(a);
    b.imm = (int32_t)shift_left(a, (unsigned)b.size);
    simd_call(t, h, &b, 0);
    return true;
}
TRANS(sqshl_vi) { return saturating_left(t, a, &arm_helper_sqshl_i); }
TRANS(uqshl_vi) { return saturating_left(t, a, &arm_helper_uqshl_i); }
TRANS(sqshlu_vi) { return saturating_left(t, a, &arm_helper_sqshlu_i); }
