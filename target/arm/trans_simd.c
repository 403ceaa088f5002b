/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AdvSIMD on integers of the same size (DDI 0487 C4.1.96): three registers, two registers, across
 * lanes, logic. Every shape of instruction is one function; the list of the instructions that have
 * it follows it.
 */
#include "target/arm/simd.h"

/* --- shared, see simd.h --- */

bool arm_fp_check(TransCtx *t)
{
    if (G_LIKELY(!(t->mode & MODE_FP)))
        return true;
    arm_trans_leave(t, &arm_helper_fp_access,
                    arm_const(t, (t->mode & MODE_FP) >> MODE_FP_SHIFT), IR_NONE);
    return false;
}

void simd_call(TransCtx *t, const IrHelper *h, const SimdArgs *a, uint64_t more)
{
    ir_call(t->f, h, IR_NONE, arm_const(t, simd_desc(a) | more), IR_NONE, IR_NONE, IR_NONE);
}

IrRef simd_const(TransCtx *t, uint64_t low, uint64_t high)
{
    IrRef v = simd_temp(t);

    ir_vec(t->f, IR_vmake, IR_V128, 0, v, arm_const(t, low), arm_const(t, high), IR_NONE, 0);
    return v;
}

IrRef simd_const_lanes(TransCtx *t, unsigned size, uint64_t v)
{
    v &= size == 3 ? UINT64_MAX : MASK(8u << size);
    for (unsigned bits = 8u << size; bits < 64; bits *= 2)
        v |= v << bits;
    return simd_const(t, v, v);
}

IrRef simd_in(TransCtx *t, const SimdArgs *a, int reg)
{
    IrRef v, x;

    if (!a->scalar || a->size == 3)
        return arm_v(reg);
    v = simd_temp(t);
    if (a->size == 2) {
        ir_vzext(t->f, IR_I32, v, arm_v(reg));
        return v;
    }
    x = ir_temp(t->f, IR_I64);
    ir_vec(t->f, IR_vget, IR_I64, (unsigned)a->size, x, arm_v(reg), IR_NONE, IR_NONE, 0);
    ir_vzext(t->f, IR_I64, v, x);
    return v;
}

IrRef simd_in_elem(TransCtx *t, const SimdArgs *a)
{
    return simd_new1(t, IR_vdup_lane, (unsigned)a->size, arm_v(a->rm), a->imm);
}

void simd_qc_differ(TransCtx *t, IrRef x, IrRef y)
{
    IrRef qc = IR_SLOT(SLOT_QC);

    simd_op2(t, IR_vor, 0, qc, qc, simd_new2(t, IR_vxor, 0, x, y));
}

void simd_put_upper(TransCtx *t, int rd, IrRef v)
{
    simd_op2(t, IR_vins_lane, IR_VE_64, arm_v(rd), arm_v(rd), v);
    t->f->insns[t->f->n - 1].imm = 1;
}

#define TRANS(name) bool arm_simd_trans_##name(TransCtx *t, const SimdArgs *a)

/* --- d = n op m --- */

static bool three(TransCtx *t, const SimdArgs *a, IrOp op, unsigned flags, bool swap)
{
    simd_op2(t, op, simd_aux(a) | flags, arm_v(a->rd), arm_v(swap ? a->rm : a->rn),
             arm_v(swap ? a->rn : a->rm));
    return true;
}
#define THREE(name, op, flags) TRANS(name) { return three(t, a, IR_##op, flags, false); }
THREE(add_v, vadd, 0)
THREE(sub_v, vsub, 0)
THREE(mul_v, vmul, 0)
THREE(pmul_v, vpmul, 0)
THREE(addp_v, vaddp, 0)
THREE(shadd_v, vavgs, 0)
THREE(uhadd_v, vavgu, 0)
THREE(srhadd_v, vavgs_r, 0)
THREE(urhadd_v, vavgu_r, 0)
THREE(shsub_v, vhsubs, 0)
THREE(uhsub_v, vhsubu, 0)
THREE(cmgt_v, vcmpgt, 0)
THREE(cmhi_v, vcmpgtu, 0)
THREE(cmge_v, vcmpge, 0)
THREE(cmhs_v, vcmpgeu, 0)
THREE(cmtst_v, vtst, 0)
THREE(cmeq_v, vcmpeq, 0)
THREE(sshl_v, vsshl, 0)
THREE(ushl_v, vushl, 0)
THREE(srshl_v, vsshl, IR_V_ROUND)
THREE(urshl_v, vushl, IR_V_ROUND)
THREE(smax_v, vsmax, 0)
THREE(umax_v, vumax, 0)
THREE(smin_v, vsmin, 0)
THREE(umin_v, vumin, 0)
THREE(sabd_v, vsabd, 0)
THREE(uabd_v, vuabd, 0)
THREE(uzp1, vuzp1, 0)
THREE(uzp2, vuzp2, 0)
THREE(trn1, vtrn1, 0)
THREE(trn2, vtrn2, 0)
THREE(zip1, vzip1, 0)
THREE(zip2, vzip2, 0)
THREE(and_v, vand, 0)
THREE(bic_v, vandn, 0)
THREE(orn_v, vorn, 0)
THREE(eor_v, vxor, 0)

TRANS(orr_v)
{
    if (a->rn != a->rm)
        return three(t, a, IR_vor, 0, false);
    if (a->q) /* mov */
        ir_emit(t->f, IR_mov, IR_V128, arm_v(a->rd), arm_v(a->rn), IR_NONE);
    else
        ir_vzext(t->f, IR_I64, arm_v(a->rd), arm_v(a->rn));
    return true;
}

static bool select_bits(TransCtx *t, const SimdArgs *a, int mask, int ones, int zeros)
{
    ir_vec(t->f, IR_vbsl, IR_V128, simd_low(a), arm_v(a->rd), arm_v(mask), arm_v(ones),
           arm_v(zeros), 0);
    return true;
}
TRANS(bsl_v) { return select_bits(t, a, a->rd, a->rn, a->rm); }
TRANS(bit_v) { return select_bits(t, a, a->rm, a->rn, a->rd); }
TRANS(bif_v) { return select_bits(t, a, a->rm, a->rd, a->rn); }

/* --- d = d op2 (n op m) --- */

static bool accumulate(TransCtx *t, const SimdArgs *a, IrOp op, IrOp op2, IrRef m)
{
    IrRef v = simd_new2(t, op, simd_aux(a), arm_v(a->rn), m);

    simd_op2(t, op2, simd_aux(a), arm_v(a->rd), arm_v(a->rd), v);
    return true;
}
#define ACCUMULATE(name, op, op2)                                                              \
    TRANS(name##_v) { return accumulate(t, a, IR_##op, IR_##op2, arm_v(a->rm)); }
ACCUMULATE(mla, vmul, vadd)
ACCUMULATE(mls, vmul, vsub)
ACCUMULATE(saba, vsabd, vadd)
ACCUMULATE(uaba, vuabd, vadd)
TRANS(mla_e) { return accumulate(t, a, IR_vmul, IR_vadd, simd_in_elem(t, a)); }
TRANS(mls_e) { return accumulate(t, a, IR_vmul, IR_vsub, simd_in_elem(t, a)); }
TRANS(mul_e)
{
    simd_op2(t, IR_vmul, simd_aux(a), arm_v(a->rd), arm_v(a->rn), simd_in_elem(t, a));
    return true;
}

/* --- saturating: whether it did shows in a comparison with the plain operation --- */

static bool saturating(TransCtx *t, const SimdArgs *a, IrOp op, IrOp plain)
{
    IrRef n = simd_in(t, a, a->rn), m = simd_in(t, a, a->rm);
    IrRef v = simd_new2(t, op, simd_aux(a), n, m), w = simd_new2(t, plain, simd_aux(a), n, m);

    simd_qc_differ(t, v, w);
    ir_emit(t->f, IR_mov, IR_V128, arm_v(a->rd), v, IR_NONE);
    return true;
}
TRANS(sqadd_v) { return saturating(t, a, IR_vsqadd, IR_vadd); }
TRANS(uqadd_v) { return saturating(t, a, IR_vuqadd, IR_vadd); }
TRANS(sqsub_v) { return saturating(t, a, IR_vsqsub, IR_vsub); }
TRANS(uqsub_v) { return saturating(t, a, IR_vuqsub, IR_vsub); }

/* Only MIN * MIN doesn't fit. */
static bool multiply_high(TransCtx *t, const SimdArgs *a, unsigned round, bool by_element)
{
    IrRef n = simd_in(t, a, a->rn);
    IrRef m = by_element ? simd_in_elem(t, a) : simd_in(t, a, a->rm);
    IrRef min = simd_const_lanes(t, (unsigned)a->size, 1ULL << ((8u << a->size) - 1));
    IrRef qc = IR_SLOT(SLOT_QC);
    IrRef both = simd_new2(t, IR_vand, 0, simd_new2(t, IR_vcmpeq, simd_aux(a), n, min),
                           simd_new2(t, IR_vcmpeq, simd_aux(a), m, min));

    simd_op2(t, IR_vor, 0, qc, qc, both); /* lanes that a scalar doesn't have are 0 in n */
    simd_op2(t, IR_vsqdmulh, simd_aux(a) | round, arm_v(a->rd), n, m);
    return true;
}
TRANS(sqdmulh_v) { return multiply_high(t, a, 0, false); }
TRANS(sqrdmulh_v) { return multiply_high(t, a, IR_V_ROUND, false); }
TRANS(sqdmulh_e) { return multiply_high(t, a, 0, true); }
TRANS(sqrdmulh_e) { return multiply_high(t, a, IR_V_ROUND, true); }

/* --- neighbours: those of n, then of m --- */

static bool pairs(TransCtx *t, const SimdArgs *a, IrOp op)
{
    IrRef even = simd_new2(t, IR_vuzp1, simd_aux(a), arm_v(a->rn), arm_v(a->rm));
    IrRef odd = simd_new2(t, IR_vuzp2, simd_aux(a), arm_v(a->rn), arm_v(a->rm));

    simd_op2(t, op, simd_aux(a), arm_v(a->rd), even, odd);
    return true;
}
TRANS(smaxp_v) { return pairs(t, a, IR_vsmax); }
TRANS(umaxp_v) { return pairs(t, a, IR_vumax); }
TRANS(sminp_v) { return pairs(t, a, IR_vsmin); }
TRANS(uminp_v) { return pairs(t, a, IR_vumin); }

TRANS(addp_s)
{
    IrRef high = simd_new1(t, IR_vdup_lane, IR_VE_64, arm_v(a->rn), 1);

    simd_op2(t, IR_vadd, IR_VE_64 | IR_V_LOW64, arm_v(a->rd), arm_v(a->rn), high);
    return true;
}

/* --- one operand --- */

static bool two(TransCtx *t, const SimdArgs *a, IrOp op, int64_t imm)
{
    simd_op1(t, op, simd_aux(a), arm_v(a->rd), arm_v(a->rn), imm);
    return true;
}
#define TWO(name, op, imm) TRANS(name##_v) { return two(t, a, IR_##op, imm); }
TWO(abs, vabs, 0)
TWO(neg, vneg, 0)
TWO(not, vnot, 0)
TWO(cnt, vcnt, 0)
TWO(cls, vcls, 0)
TWO(clz, vclz, 0)
TWO(rbit, vrbit, 0)
TWO(rev64, vrev, 3)
TWO(rev32, vrev, 2)
TWO(rev16, vrev, 1)
TWO(saddlp, vsaddlp, 0)
TWO(uaddlp, vuaddlp, 0)

static bool add_pairs_long(TransCtx *t, const SimdArgs *a, IrOp op)
{
    IrRef v = simd_new1(t, op, simd_aux(a), arm_v(a->rn), 0);

    simd_op2(t, IR_vadd, simd_aux(a) + 1, arm_v(a->rd), arm_v(a->rd), v);
    return true;
}
TRANS(sadalp_v) { return add_pairs_long(t, a, IR_vsaddlp); }
TRANS(uadalp_v) { return add_pairs_long(t, a, IR_vuaddlp); }

static bool compare_zero(TransCtx *t, const SimdArgs *a, IrOp op, bool swap)
{
    IrRef zero = simd_const(t, 0, 0);

    simd_op2(t, op, simd_aux(a), arm_v(a->rd), swap ? zero : arm_v(a->rn),
             swap ? arm_v(a->rn) : zero);
    return true;
}
TRANS(cmgt_vz) { return compare_zero(t, a, IR_vcmpgt, false); }
TRANS(cmge_vz) { return compare_zero(t, a, IR_vcmpge, false); }
TRANS(cmeq_vz) { return compare_zero(t, a, IR_vcmpeq, false); }
TRANS(cmle_vz) { return compare_zero(t, a, IR_vcmpge, true); }
TRANS(cmlt_vz) { return compare_zero(t, a, IR_vcmpgt, true); }

/* --- across lanes --- */

static bool across(TransCtx *t, const SimdArgs *a, IrOp op)
{
    IrRef x = ir_temp(t->f, IR_I64), y = x;

    ir_vec(t->f, op, IR_I64, simd_aux(a), x, arm_v(a->rn), IR_NONE, IR_NONE, 0);
    if (op == IR_vsaddlv && a->size < 2) /* the sum has twice the size of the lanes */
        y = ir_op1(t->f, a->size ? IR_zext32 : IR_zext16, IR_I64, x);
    ir_vzext(t->f, IR_I64, arm_v(a->rd), y);
    return true;
}
#define ACROSS(name) TRANS(name) { return across(t, a, IR_v##name); }
ACROSS(addv)
ACROSS(saddlv)
ACROSS(uaddlv)
ACROSS(smaxv)
ACROSS(umaxv)
ACROSS(sminv)
ACROSS(uminv)

/* --- by helpers --- */

#define HELPER(name, helper, flags)                                                            \
    TRANS(name)                                                                                \
    {                                                                                          \
        simd_call(t, &arm_helper_##helper, a, flags);                                          \
        return true;                                                                           \
    }
#define ELEM (1ULL << SIMD_ELEM)
HELPER(sqshl_v, sqshl, 0)
HELPER(uqshl_v, uqshl, 0)
HELPER(sqrshl_v, sqrshl, 0)
HELPER(uqrshl_v, uqrshl, 0)
HELPER(suqadd_v, suqadd, 0)
HELPER(usqadd_v, usqadd, 0)
HELPER(sqabs_v, sqabs, 0)
HELPER(sqneg_v, sqneg, 0)
HELPER(urecpe_v, urecpe, 0)
HELPER(ursqrte_v, ursqrte, 0)
HELPER(sqrdmlah_v, sqrdmlah, 0)
HELPER(sqrdmlsh_v, sqrdmlsh, 0)
HELPER(sqrdmlah_e, sqrdmlah, ELEM)
HELPER(sqrdmlsh_e, sqrdmlsh, ELEM)
HELPER(sqdmull_v, sqdmull, 0)
HELPER(sqdmlal_v, sqdmlal, 0)
HELPER(sqdmlsl_v, sqdmlsl, 0)
HELPER(sqdmull_e, sqdmull, ELEM)
HELPER(sqdmlal_e, sqdmlal, ELEM)
HELPER(sqdmlsl_e, sqdmlsl, ELEM)
HELPER(sdot_v, sdot, 0)
HELPER(udot_v, udot, 0)
HELPER(usdot_v, usdot, 0)
HELPER(sdot_e, sdot, ELEM)
HELPER(udot_e, udot, ELEM)
HELPER(usdot_e, usdot, ELEM)
HELPER(sudot_e, sudot, ELEM)
HELPER(smmla, smmla, 0)
HELPER(ummla, ummla, 0)
HELPER(usmmla, usmmla, 0)

/* --- cryptography: what isn't plain logic --- */

#define CRYPTO(name) HELPER(name, name, 0)
CRYPTO(aese) CRYPTO(aesd) CRYPTO(aesmc) CRYPTO(aesimc)
CRYPTO(sha1c) CRYPTO(sha1p) CRYPTO(sha1m) CRYPTO(sha1su0) CRYPTO(sha1h) CRYPTO(sha1su1)
CRYPTO(sha256h) CRYPTO(sha256h2) CRYPTO(sha256su0) CRYPTO(sha256su1)
CRYPTO(sha512h) CRYPTO(sha512h2) CRYPTO(sha512su0) CRYPTO(sha512su1)
CRYPTO(rax1) CRYPTO(xar)
CRYPTO(sm3partw1) CRYPTO(sm3partw2) CRYPTO(sm3ss1) CRYPTO(sm3tt1a) CRYPTO(sm3tt1b)
CRYPTO(sm3tt2a) CRYPTO(sm3tt2b) CRYPTO(sm4e) CRYPTO(sm4ekey)

TRANS(eor3)
{
    IrRef v = simd_new2(t, IR_vxor, 0, arm_v(a->rn), arm_v(a->rm));

    simd_op2(t, IR_vxor, 0, arm_v(a->rd), v, arm_v(a->ra));
    return true;
}

TRANS(bcax)
{
    IrRef v = simd_new2(t, IR_vandn, 0, arm_v(a->rm), arm_v(a->ra));

    simd_op2(t, IR_vxor, 0, arm_v(a->rd), arm_v(a->rn), v);
    return true;
}
