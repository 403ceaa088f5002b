/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AdvSIMD floating point, vector and scalar (DDI 0487 C4.1.96).
 *
 * The common operations on singles and doubles are IR; halves and the rest are helpers. Scalar
 * forms compute with zeros in the lanes that they don't have, which raises nothing.
 */
#include "target/arm/simd.h"

#define TRANS(name) bool arm_simd_trans_##name(TransCtx *t, const SimdArgs *a)
#define ELEM (1ULL << SIMD_ELEM)

static IrType elem_type(const SimdArgs *a)
{
    return a->size == 3 ? IR_F64 : IR_F32;
}

static void fp_op(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, IrRef dst, IrRef x, IrRef y,
                  IrRef z)
{
    ir_vec_fp(t->f, op, elem_type(a), aux | simd_low(a), dst, x, y, z);
}

static IrRef fp_new(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, IrRef x, IrRef y)
{
    IrRef v = simd_temp(t);

    fp_op(t, a, op, aux, v, x, y, IR_NONE);
    return v;
}

/* Where a result goes, and what has to be done to it: a scalar clears what is above it. */
static IrRef result(TransCtx *t, const SimdArgs *a)
{
    return a->scalar && a->size < 3 ? simd_temp(t) : arm_v(a->rd);
}
static void put(TransCtx *t, const SimdArgs *a, IrRef v)
{
    if (a->scalar && a->size < 3)
        ir_vzext(t->f, IR_F32, arm_v(a->rd), v);
}

/* --- two operands --- */

static bool soft2(TransCtx *t, const SimdArgs *a, unsigned op, uint64_t more)
{
    simd_call(t, &arm_helper_fp2, a, simd_more(op, SIMD_DYN_RM) | more);
    return true;
}

static bool arith2(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, unsigned soft)
{
    IrRef d;

    if (a->size == 1)
        return soft2(t, a, soft, 0);
    d = result(t, a);
    fp_op(t, a, op, aux, d, simd_in(t, a, a->rn), simd_in(t, a, a->rm), IR_NONE);
    put(t, a, d);
    return true;
}
TRANS(fadd_v) { return arith2(t, a, IR_vfadd, IR_RM_DYN, SIMD_FADD); }
TRANS(fsub_v) { return arith2(t, a, IR_vfsub, IR_RM_DYN, SIMD_FSUB); }
TRANS(fmul_v) { return arith2(t, a, IR_vfmul, IR_RM_DYN, SIMD_FMUL); }
TRANS(fdiv_v) { return arith2(t, a, IR_vfdiv, IR_RM_DYN, SIMD_FDIV); }
TRANS(fabd_v) { return arith2(t, a, IR_vfabd, IR_RM_DYN, SIMD_FABD); }
TRANS(fmax_v) { return arith2(t, a, IR_vfmax, IR_MM_PROPAGATE, SIMD_FMAX); }
TRANS(fmin_v) { return arith2(t, a, IR_vfmin, IR_MM_PROPAGATE, SIMD_FMIN); }
TRANS(fmaxnm_v) { return arith2(t, a, IR_vfmax, IR_MM_MINNUM, SIMD_FMAXNM); }
TRANS(fminnm_v) { return arith2(t, a, IR_vfmin, IR_MM_MINNUM, SIMD_FMINNM); }
TRANS(fmulx_v) { return soft2(t, a, SIMD_FMULX, 0); }
TRANS(fmulx_e) { return soft2(t, a, SIMD_FMULX, ELEM); }
TRANS(frecps_v) { return soft2(t, a, SIMD_FRECPS, 0); }
TRANS(frsqrts_v) { return soft2(t, a, SIMD_FRSQRTS, 0); }

static bool compare(TransCtx *t, const SimdArgs *a, unsigned how, bool absolute, unsigned soft)
{
    IrRef n, m, d;

    if (a->size == 1)
        return soft2(t, a, soft, 0);
    n = simd_in(t, a, a->rn);
    m = simd_in(t, a, a->rm);
    if (absolute) {
        n = fp_new(t, a, IR_vfabs, 0, n, IR_NONE);
        m = fp_new(t, a, IR_vfabs, 0, m, IR_NONE);
    }
    d = result(t, a);
    if (how == IR_FEQ)
        fp_op(t, a, IR_vfcmp, how, d, n, m, IR_NONE);
    else
        fp_op(t, a, IR_vfcmp, how, d, m, n, IR_NONE);
    put(t, a, d);
    return true;
}
TRANS(fcmeq_v) { return compare(t, a, IR_FEQ, false, SIMD_FCMEQ); }
TRANS(fcmge_v) { return compare(t, a, IR_FLE, false, SIMD_FCMGE); }
TRANS(fcmgt_v) { return compare(t, a, IR_FLT, false, SIMD_FCMGT); }
TRANS(facge_v) { return compare(t, a, IR_FLE, true, SIMD_FACGE); }
TRANS(facgt_v) { return compare(t, a, IR_FLT, true, SIMD_FACGT); }

static bool compare_zero(TransCtx *t, const SimdArgs *a, unsigned how, bool swap, unsigned soft)
{
    IrRef n, zero, d;

    if (a->size == 1) {
        simd_call(t, &arm_helper_fp1, a, simd_more(soft, SIMD_DYN_RM));
        return true;
    }
    n = simd_in(t, a, a->rn);
    zero = simd_const(t, 0, 0);
    d = result(t, a);
    fp_op(t, a, IR_vfcmp, how, d, swap ? zero : n, swap ? n : zero, IR_NONE);
    put(t, a, d);
    return true;
}
TRANS(fcmgt_vz) { return compare_zero(t, a, IR_FLT, true, SIMD_FCMGT0); }
TRANS(fcmge_vz) { return compare_zero(t, a, IR_FLE, true, SIMD_FCMGE0); }
TRANS(fcmeq_vz) { return compare_zero(t, a, IR_FEQ, false, SIMD_FCMEQ0); }
TRANS(fcmle_vz) { return compare_zero(t, a, IR_FLE, false, SIMD_FCMLE0); }
TRANS(fcmlt_vz) { return compare_zero(t, a, IR_FLT, false, SIMD_FCMLT0); }

/* --- neighbours and all lanes --- */

static bool soft_pairs(TransCtx *t, const SimdArgs *a, unsigned op)
{
    simd_call(t, &arm_helper_fp2p, a, simd_more(op, SIMD_DYN_RM));
    return true;
}

static bool pairs(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, unsigned soft)
{
    IrRef n = arm_v(a->rn), m = arm_v(a->rm), even, odd;

    if (a->size == 1)
        return soft_pairs(t, a, soft);
    if (op == IR_vfaddp) {
        fp_op(t, a, op, aux, arm_v(a->rd), n, m, IR_NONE);
        return true;
    }
    even = simd_new2(t, IR_vuzp1, simd_aux(a), n, m);
    odd = simd_new2(t, IR_vuzp2, simd_aux(a), n, m);
    fp_op(t, a, op, aux, arm_v(a->rd), even, odd, IR_NONE);
    return true;
}
TRANS(faddp_v) { return pairs(t, a, IR_vfaddp, IR_RM_DYN, SIMD_FADD); }
TRANS(fmaxp_v) { return pairs(t, a, IR_vfmax, IR_MM_PROPAGATE, SIMD_FMAX); }
TRANS(fminp_v) { return pairs(t, a, IR_vfmin, IR_MM_PROPAGATE, SIMD_FMIN); }
TRANS(fmaxnmp_v) { return pairs(t, a, IR_vfmax, IR_MM_MINNUM, SIMD_FMAXNM); }
TRANS(fminnmp_v) { return pairs(t, a, IR_vfmin, IR_MM_MINNUM, SIMD_FMINNM); }

TRANS(faddp_s)
{
    IrRef odd, v;

    if (a->size == 1)
        return soft_pairs(t, a, SIMD_FADD);
    odd = simd_new1(t, IR_vdup_lane, (unsigned)a->size, arm_v(a->rn), 1);
    v = ir_temp(t->f, elem_type(a));
    ir_emit(t->f, IR_fadd, elem_type(a), v, arm_v(a->rn), odd)->aux = IR_RM_DYN;
    ir_vzext(t->f, elem_type(a), arm_v(a->rd), v);
    return true;
}
TRANS(fmaxp_s) { return soft_pairs(t, a, SIMD_FMAX); }
TRANS(fminp_s) { return soft_pairs(t, a, SIMD_FMIN); }
TRANS(fmaxnmp_s) { return soft_pairs(t, a, SIMD_FMAXNM); }
TRANS(fminnmp_s) { return soft_pairs(t, a, SIMD_FMINNM); }

static bool across(TransCtx *t, const SimdArgs *a, unsigned op)
{
    simd_call(t, &arm_helper_fpv, a, simd_more(op, SIMD_DYN_RM));
    return true;
}
TRANS(fmaxv) { return across(t, a, SIMD_FMAX); }
TRANS(fminv) { return across(t, a, SIMD_FMIN); }
TRANS(fmaxnmv) { return across(t, a, SIMD_FMAXNM); }
TRANS(fminnmv) { return across(t, a, SIMD_FMINNM); }

/* --- multiply and add --- */

static bool multiply_add(TransCtx *t, const SimdArgs *a, unsigned negate)
{
    if (a->size == 1)
        simd_call(t, &arm_helper_fmla, a, simd_more(0, negate));
    else
        fp_op(t, a, IR_vfma, IR_RM_DYN | negate, arm_v(a->rd), arm_v(a->rn), arm_v(a->rm),
              arm_v(a->rd));
    return true;
}
TRANS(fmla_v) { return multiply_add(t, a, 0); }
TRANS(fmls_v) { return multiply_add(t, a, IR_FMA_NEG_PRODUCT); }

/* By element: the scalar forms are scalar operations on the low lane. */
static bool by_element(TransCtx *t, const SimdArgs *a, bool add, unsigned negate)
{
    IrType type = elem_type(a);
    IrRef m = simd_in_elem(t, a), v;
    IrInsn *i;

    if (!a->scalar) {
        if (add)
            fp_op(t, a, IR_vfma, IR_RM_DYN | negate, arm_v(a->rd), arm_v(a->rn), m, arm_v(a->rd));
        else
            fp_op(t, a, IR_vfmul, IR_RM_DYN, arm_v(a->rd), arm_v(a->rn), m, IR_NONE);
        return true;
    }
    v = ir_temp(t->f, type);
    i = ir_emit(t->f, add ? IR_fma : IR_fmul, type, v, arm_v(a->rn), m);
    i->c = add ? arm_v(a->rd) : IR_NONE;
    i->aux = (uint16_t)(IR_RM_DYN | negate);
    ir_vzext(t->f, type, arm_v(a->rd), v);
    return true;
}
TRANS(fmul_e)
{
    return a->size == 1 ? soft2(t, a, SIMD_FMUL, ELEM) : by_element(t, a, false, 0);
}
TRANS(fmla_e)
{
    if (a->size != 1)
        return by_element(t, a, true, 0);
    simd_call(t, &arm_helper_fmla, a, ELEM);
    return true;
}
TRANS(fmls_e)
{
    if (a->size != 1)
        return by_element(t, a, true, IR_FMA_NEG_PRODUCT);
    simd_call(t, &arm_helper_fmla, a, ELEM | simd_more(0, IR_FMA_NEG_PRODUCT));
    return true;
}

/* --- one operand --- */

static bool arith1(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, unsigned soft)
{
    if (a->size == 1)
        simd_call(t, &arm_helper_fp1, a, simd_more(soft, aux));
    else
        fp_op(t, a, op, aux, arm_v(a->rd), arm_v(a->rn), IR_NONE, IR_NONE);
    return true;
}
TRANS(fabs_v) { return arith1(t, a, IR_vfabs, 0, SIMD_FABS); }
TRANS(fneg_v) { return arith1(t, a, IR_vfneg, 0, SIMD_FNEG); }
TRANS(fsqrt_v) { return arith1(t, a, IR_vfsqrt, IR_RM_DYN, SIMD_FSQRT); }

#define ROUND(name, rm) TRANS(name##_v) { return arith1(t, a, IR_vfround, rm, SIMD_FRINT); }
SIMD_ROUNDINGS(ROUND)

static bool soft1(TransCtx *t, const SimdArgs *a, unsigned op, unsigned rm)
{
    simd_call(t, &arm_helper_fp1, a, simd_more(op, rm));
    return true;
}
TRANS(frint32z_v) { return soft1(t, a, SIMD_FRINT32, FP_RTZ); }
TRANS(frint32x_v) { return soft1(t, a, SIMD_FRINT32, SIMD_DYN_RM); }
TRANS(frint64z_v) { return soft1(t, a, SIMD_FRINT64, FP_RTZ); }
TRANS(frint64x_v) { return soft1(t, a, SIMD_FRINT64, SIMD_DYN_RM); }
TRANS(frecpe_v) { return soft1(t, a, SIMD_FRECPE, SIMD_DYN_RM); }
TRANS(frsqrte_v) { return soft1(t, a, SIMD_FRSQRTE, SIMD_DYN_RM); }
TRANS(frecpx_s) { return soft1(t, a, SIMD_FRECPX, SIMD_DYN_RM); }

/* --- conversions with integers: imm is the number of fraction bits --- */

static bool convert(TransCtx *t, const SimdArgs *a, bool to_int, unsigned aux, unsigned soft)
{
    IrType type = elem_type(a), itype = a->size == 3 ? IR_I64 : IR_I32;
    IrInsn *i;
    IrRef v;

    if (a->size == 1) {
        simd_call(t, &arm_helper_fp1, a, simd_more(soft, aux & 7));
        return true;
    }
    if (!a->scalar) {
        fp_op(t, a, to_int ? IR_vfcvt_fi : IR_vfcvt_if, aux, arm_v(a->rd), arm_v(a->rn), IR_NONE,
              IR_NONE);
        t->f->insns[t->f->n - 1].imm = a->imm;
        return true;
    }
    v = ir_temp(t->f, to_int ? itype : type);
    i = ir_emit(t->f, to_int ? IR_fcvt_fi : IR_fcvt_if, to_int ? itype : type, v, arm_v(a->rn),
                IR_NONE);
    i->type2 = (uint8_t)(to_int ? type : itype);
    i->aux = (uint16_t)aux;
    i->imm = a->imm;
    ir_vzext(t->f, to_int ? itype : type, arm_v(a->rd), v);
    return true;
}
#define TO_INT(name, rm)                                                                       \
    TRANS(name##s_v) { return convert(t, a, true, rm, SIMD_FCVT_S); }                          \
    TRANS(name##u_v) { return convert(t, a, true, rm | IR_CVT_UNSIGNED, SIMD_FCVT_U); }
TO_INT(fcvtn, simd_rounding(t, FP_RNE))
TO_INT(fcvtp, simd_rounding(t, FP_RUP))
TO_INT(fcvtm, simd_rounding(t, FP_RDN))
TO_INT(fcvtz, simd_rounding(t, FP_RTZ))
TO_INT(fcvta, (unsigned)FP_RMM)
TRANS(scvtf_v) { return convert(t, a, false, IR_RM_DYN, SIMD_SCVTF); }
TRANS(ucvtf_v) { return convert(t, a, false, IR_RM_DYN | IR_CVT_UNSIGNED, SIMD_UCVTF); }

/* Fixed point: imm is immh:immb. */
static bool convert_fixed(TransCtx *t, const SimdArgs *a, bool to_int, unsigned flags,
                          unsigned soft)
{
    SimdArgs b = *a;

    b.imm = (16 << a->size) - a->imm;
    return convert(t, &b, to_int, (to_int ? simd_rounding(t, FP_RTZ) : (unsigned)IR_RM_DYN) | flags,
                   soft);
}
TRANS(fcvtzs_vi) { return convert_fixed(t, a, true, 0, SIMD_FCVT_S); }
TRANS(fcvtzu_vi) { return convert_fixed(t, a, true, IR_CVT_UNSIGNED, SIMD_FCVT_U); }
TRANS(scvtf_vi) { return convert_fixed(t, a, false, 0, SIMD_SCVTF); }
TRANS(ucvtf_vi) { return convert_fixed(t, a, false, IR_CVT_UNSIGNED, SIMD_UCVTF); }

/* --- conversions between formats: size is that of the narrow one --- */

TRANS(fcvtl_v)
{
    if (a->size == 1)
        simd_call(t, &arm_helper_fcvtl, a, 0);
    else
        ir_vec_fp(t->f, a->q ? IR_vfcvtl2 : IR_vfcvtl, IR_F32, IR_RM_DYN, arm_v(a->rd),
                  arm_v(a->rn), IR_NONE, IR_NONE);
    return true;
}

TRANS(fcvtn_v)
{
    IrRef d;

    if (a->size == 1) {
        simd_call(t, &arm_helper_fcvtn, a, 0);
        return true;
    }
    d = a->q ? simd_temp(t) : arm_v(a->rd);
    ir_vec_fp(t->f, IR_vfcvtn, IR_F64, IR_RM_DYN, d, arm_v(a->rn), IR_NONE, IR_NONE);
    if (a->q)
        simd_put_upper(t, a->rd, d);
    return true;
}

/* --- by helpers --- */

#define HELPER(name, helper, more)                                                             \
    TRANS(name)                                                                                \
    {                                                                                          \
        simd_call(t, &arm_helper_##helper, a, more);                                           \
        return true;                                                                           \
    }
HELPER(fcvtxn_v, fcvtxn, 0)
HELPER(bfcvtn_v, bfcvtn, 0)
HELPER(fcmla_v, fcmla, 0)
HELPER(fcmla_e, fcmla, ELEM)
HELPER(fcadd_v, fcadd, 0)
HELPER(bfdot_v, bfdot, 0)
HELPER(bfdot_e, bfdot, ELEM)
HELPER(bfmmla, bfmmla, 0)
HELPER(bfmlal_v, bfmlal, 0)
HELPER(bfmlal_e, bfmlal, ELEM)
/* SIMD_OP: 1 the upper half of the operands, SIMD_HOW: 1 negated product */
HELPER(fmlal_v, fmlal, simd_more(0, 0))
HELPER(fmlsl_v, fmlal, simd_more(0, 1))
HELPER(fmlal2_v, fmlal, simd_more(1, 0))
HELPER(fmlsl2_v, fmlal, simd_more(1, 1))
HELPER(fmlal_e, fmlal, ELEM | simd_more(0, 0))
HELPER(fmlsl_e, fmlal, ELEM | simd_more(0, 1))
HELPER(fmlal2_e, fmlal, ELEM | simd_more(1, 0))
HELPER(fmlsl2_e, fmlal, ELEM | simd_more(1, 1))
