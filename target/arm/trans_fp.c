/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 scalar floating point (DDI 0487 C4.1.96, "Data Processing -- Scalar Floating-Point").
 *
 * Single and double are IR operations. Half precision, which has its own flushing (FPCR.FZ16), is
 * computed by helpers. A scalar result clears the rest of its register.
 */
#include "target/arm/simd.h"

#define TRANS(name) bool arm_simd_trans_##name(TransCtx *t, const SimdArgs *a)

static IrType fp_type(const SimdArgs *a)
{
    return a->size == 3 ? IR_F64 : IR_F32;
}

/* V[rd] = the scalar v */
static void put(TransCtx *t, const SimdArgs *a, IrType type, IrRef v)
{
    ir_vzext(t->f, type, arm_v(a->rd), v);
}

/* --- arithmetic --- */

static bool arith2(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, unsigned soft)
{
    IrRef v;

    if (a->size == 1) {
        simd_call(t, &arm_helper_fp2, a, simd_more(soft, SIMD_DYN_RM));
        return true;
    }
    v = ir_temp(t->f, fp_type(a));
    ir_emit(t->f, op, fp_type(a), v, arm_v(a->rn), arm_v(a->rm))->aux = (uint16_t)aux;
    put(t, a, fp_type(a), v);
    return true;
}
TRANS(fadd_f) { return arith2(t, a, IR_fadd, IR_RM_DYN, SIMD_FADD); }
TRANS(fsub_f) { return arith2(t, a, IR_fsub, IR_RM_DYN, SIMD_FSUB); }
TRANS(fmul_f) { return arith2(t, a, IR_fmul, IR_RM_DYN, SIMD_FMUL); }
TRANS(fdiv_f) { return arith2(t, a, IR_fdiv, IR_RM_DYN, SIMD_FDIV); }
TRANS(fmax_f) { return arith2(t, a, IR_fmax, IR_MM_PROPAGATE, SIMD_FMAX); }
TRANS(fmin_f) { return arith2(t, a, IR_fmin, IR_MM_PROPAGATE, SIMD_FMIN); }
TRANS(fmaxnm_f) { return arith2(t, a, IR_fmax, IR_MM_MINNUM, SIMD_FMAXNM); }
TRANS(fminnm_f) { return arith2(t, a, IR_fmin, IR_MM_MINNUM, SIMD_FMINNM); }

static bool arith1(TransCtx *t, const SimdArgs *a, IrOp op, unsigned aux, unsigned soft)
{
    IrRef v;

    if (a->size == 1) {
        simd_call(t, &arm_helper_fp1, a, simd_more(soft, aux));
        return true;
    }
    v = ir_temp(t->f, fp_type(a));
    ir_emit(t->f, op, fp_type(a), v, arm_v(a->rn), IR_NONE)->aux = (uint16_t)aux;
    put(t, a, fp_type(a), v);
    return true;
}
TRANS(fsqrt_f) { return arith1(t, a, IR_fsqrt, IR_RM_DYN, SIMD_FSQRT); }

#define ROUND(name, rm)                                                                        \
    TRANS(name##_f) { return arith1(t, a, IR_fround, rm, SIMD_FRINT); }
SIMD_ROUNDINGS(ROUND)

static bool round_int(TransCtx *t, const SimdArgs *a, unsigned op, unsigned rm)
{
    simd_call(t, &arm_helper_fp1, a, simd_more(op, rm));
    return true;
}
TRANS(frint32z_f) { return round_int(t, a, SIMD_FRINT32, FP_RTZ); }
TRANS(frint32x_f) { return round_int(t, a, SIMD_FRINT32, SIMD_DYN_RM); }
TRANS(frint64z_f) { return round_int(t, a, SIMD_FRINT64, FP_RTZ); }
TRANS(frint64x_f) { return round_int(t, a, SIMD_FRINT64, SIMD_DYN_RM); }

static bool multiply_add(TransCtx *t, const SimdArgs *a, unsigned negate)
{
    IrInsn *i;
    IrRef v;

    if (a->size == 1) {
        simd_call(t, &arm_helper_fmadd, a, simd_more(0, negate));
        return true;
    }
    v = ir_temp(t->f, fp_type(a));
    i = ir_emit(t->f, IR_fma, fp_type(a), v, arm_v(a->rn), arm_v(a->rm));
    i->c = arm_v(a->ra);
    i->aux = (uint16_t)(IR_RM_DYN | negate);
    put(t, a, fp_type(a), v);
    return true;
}
TRANS(fmadd_f) { return multiply_add(t, a, 0); }
TRANS(fmsub_f) { return multiply_add(t, a, IR_FMA_NEG_PRODUCT); }
TRANS(fnmadd_f) { return multiply_add(t, a, IR_FMA_NEG_PRODUCT | IR_FMA_NEG_ADDEND); }
TRANS(fnmsub_f) { return multiply_add(t, a, IR_FMA_NEG_ADDEND); }

/* --- signs, copies --- */

static void sign_op(TransCtx *t, const SimdArgs *a, IrOp op, IrRef x)
{
    IrRef v = a->size == 3 ? arm_v(a->rd) : simd_temp(t);

    ir_vec_fp(t->f, op, fp_type(a), IR_V_LOW64, v, x, IR_NONE, IR_NONE);
    if (a->size != 3)
        put(t, a, IR_F32, v);
}

static bool sign(TransCtx *t, const SimdArgs *a, IrOp op, unsigned soft)
{
    if (a->size == 1)
        simd_call(t, &arm_helper_fp1, a, simd_more(soft, SIMD_DYN_RM));
    else
        sign_op(t, a, op, arm_v(a->rn));
    return true;
}
TRANS(fabs_f) { return sign(t, a, IR_vfabs, SIMD_FABS); }
TRANS(fneg_f) { return sign(t, a, IR_vfneg, SIMD_FNEG); }

TRANS(fnmul_f)
{
    IrRef v, w;

    if (a->size == 1)
        return arith2(t, a, IR_fmul, 0, SIMD_FNMUL);
    v = ir_temp(t->f, fp_type(a));
    w = simd_temp(t);
    ir_emit(t->f, IR_fmul, fp_type(a), v, arm_v(a->rn), arm_v(a->rm))->aux = IR_RM_DYN;
    ir_vzext(t->f, fp_type(a), w, v);
    sign_op(t, a, IR_vfneg, w);
    return true;
}

static IrRef half(TransCtx *t, int reg)
{
    return ir_op1(t->f, IR_zext16, IR_I64, arm_v(reg));
}

TRANS(fmov_f)
{
    if (a->size == 1)
        put(t, a, IR_I64, half(t, a->rn));
    else
        put(t, a, fp_type(a), arm_v(a->rn));
    return true;
}

/* VFPExpandImm */
TRANS(fmovi_f)
{
    uint64_t imm = (uint64_t)a->imm, v = imm & 0x3f;
    bool small = imm & 0x40; /* the exponent below 2^1 */

    if (a->size == 1)
        v = (imm & 0x80) << 8 | (small ? 0x3000 : 0x4000) | v << 6;
    else if (a->size == 2)
        v = (imm & 0x80) << 24 | (small ? 0x3e000000 : 0x40000000) | v << 19;
    else
        v = (imm & 0x80) << 56 | (small ? 0x3fcULL : 0x400ULL) << 52 | v << 48;
    put(t, a, IR_I64, arm_const(t, v));
    return true;
}

/* Between general and SIMD&FP registers, bit by bit. */
TRANS(fmov_ws)
{
    if (a->rd != 31)
        ir_emit(t->f, IR_mov, IR_I32, arm_xd(a->rd), arm_v(a->rn), IR_NONE);
    return true;
}
TRANS(fmov_xd)
{
    if (a->rd != 31)
        ir_emit(t->f, IR_mov, IR_I64, arm_xd(a->rd), arm_v(a->rn), IR_NONE);
    return true;
}
TRANS(fmov_xv1)
{
    if (a->rd != 31)
        ir_vec(t->f, IR_vget, IR_I64, IR_VE_64, arm_xd(a->rd), arm_v(a->rn), IR_NONE, IR_NONE, 1);
    return true;
}
TRANS(fmov_gh)
{
    if (a->rd != 31)
        ir_emit(t->f, IR_zext16, IR_I64, arm_xd(a->rd), arm_v(a->rn), IR_NONE);
    return true;
}
TRANS(fmov_sw)
{
    put(t, a, IR_I32, arm_x(t, a->rn));
    return true;
}
TRANS(fmov_dx)
{
    put(t, a, IR_I64, arm_x(t, a->rn));
    return true;
}
TRANS(fmov_v1x)
{
    ir_vec(t->f, IR_vins, IR_V128, IR_VE_64, arm_v(a->rd), arm_v(a->rd), arm_x(t, a->rn), IR_NONE,
           1);
    return true;
}
TRANS(fmov_hg)
{
    put(t, a, IR_I64, ir_op1(t->f, IR_zext16, IR_I64, arm_x(t, a->rn)));
    return true;
}

/* --- comparison --- */

static IrRef compare(TransCtx *t, const SimdArgs *a, IrRef x, IrRef y)
{
    IrRef v = ir_temp(t->f, IR_I64);

    if (a->size == 1)
        ir_call(t->f, &arm_helper_f16_compare, v, x, y, arm_const(t, (uint64_t)a->imm), IR_NONE);
    else
        ir_emit(t->f, IR_fcmp_nzcv, fp_type(a), v, x, y)->aux = a->imm ? IR_FCMP_SIGNALING : 0;
    return v;
}
TRANS(fcmp_f)
{
    arm_flags_nzcv(t, compare(t, a, arm_v(a->rn), arm_v(a->rm)));
    return true;
}
TRANS(fcmpz_f)
{
    arm_flags_nzcv(t, compare(t, a, arm_v(a->rn), arm_const(t, 0)));
    return true;
}

/* Where the condition is false, zeros are compared, which raises nothing. */
TRANS(fccmp_f)
{
    ArmCond c = arm_cond(t, (unsigned)a->ra);
    IrRef zero = arm_const(t, 0), nzcv = arm_const(t, (uint64_t)a->rd << 28);
    IrRef x = ir_temp(t->f, IR_I64), y = ir_temp(t->f, IR_I64), v, r;

    arm_select(t, IR_I64, c, x, arm_v(a->rn), zero);
    arm_select(t, IR_I64, c, y, arm_v(a->rm), zero);
    v = compare(t, a, x, y);
    r = ir_temp(t->f, IR_I64);
    arm_select(t, IR_I64, c, r, v, nzcv);
    arm_flags_nzcv(t, r);
    return true;
}

TRANS(fcsel_f)
{
    ArmCond c = arm_cond(t, (unsigned)a->ra);
    IrRef v = ir_temp(t->f, IR_I64);

    arm_select(t, IR_I64, c, v, arm_v(a->rn), arm_v(a->rm));
    if (a->size == 1)
        v = ir_op1(t->f, IR_zext16, IR_I64, v);
    put(t, a, a->size == 3 ? IR_I64 : a->size == 2 ? IR_I32 : IR_I64, v);
    return true;
}

/* --- conversions --- */

/* type and opc: 0 single, 1 double, 3 half */
TRANS(fcvt)
{
    IrRef v;
    IrInsn *i;

    if (a->size == 3 || a->imm == 3) {
        simd_call(t, &arm_helper_fcvt, a, 0);
        return true;
    }
    v = ir_temp(t->f, a->imm ? IR_F64 : IR_F32);
    i = ir_emit(t->f, IR_fcvt_f, a->imm ? IR_F64 : IR_F32, v, arm_v(a->rn), IR_NONE);
    i->type2 = a->imm ? IR_F32 : IR_F64;
    i->aux = IR_RM_DYN;
    put(t, a, a->imm ? IR_F64 : IR_F32, v);
    return true;
}

TRANS(bfcvt)
{
    IrRef v = ir_temp(t->f, IR_I64);

    ir_call(t->f, &arm_helper_bfcvt, v, arm_v(a->rn), IR_NONE, IR_NONE, IR_NONE);
    put(t, a, IR_I64, v);
    return true;
}

TRANS(fjcvtzs)
{
    IrRef v = ir_temp(t->f, IR_I64);
    IrRef nzcv;

    ir_call(t->f, &arm_helper_fjcvtzs, v, arm_v(a->rn), IR_NONE, IR_NONE, IR_NONE);
    nzcv = ir_op2(t->f, IR_shr, IR_I64, v, arm_const(t, 32));
    if (a->rd != 31)
        ir_emit(t->f, IR_zext32, IR_I64, arm_xd(a->rd), v, IR_NONE);
    arm_flags_nzcv(t, nzcv);
    return true;
}

/* What the helpers for halves want to know of the integer. */
static IrRef int_kind(TransCtx *t, const SimdArgs *a, unsigned flags)
{
    return arm_const(t, (a->q ? 64u : 32u) | (flags & IR_CVT_UNSIGNED ? 1u << 8 : 0) |
                     (64u - (unsigned)a->imm) << 16);
}

static bool to_int(TransCtx *t, const SimdArgs *a, unsigned flags)
{
    static const uint8_t modes[] = { FP_RNE, FP_RUP, FP_RDN, FP_RTZ, FP_RMM }; /* by ra */
    IrRef d = a->rd == 31 ? ir_temp(t->f, IR_I64) : arm_xd(a->rd);
    unsigned rm = modes[a->ra];
    IrInsn *i;

    if (a->size == 1) {
        ir_call(t->f, &arm_helper_f16_to_int, d, arm_v(a->rn), int_kind(t, a, flags),
                arm_const(t, rm), IR_NONE);
        return true;
    }
    i = ir_emit(t->f, IR_fcvt_fi, arm_type(a->q), d, arm_v(a->rn), IR_NONE);
    i->type2 = (uint8_t)fp_type(a);
    i->aux = (uint16_t)(simd_rounding(t, rm) | flags);
    i->imm = 64 - a->imm;
    return true;
}
TRANS(fcvt_s_f) { return to_int(t, a, 0); }
TRANS(fcvt_u_f) { return to_int(t, a, IR_CVT_UNSIGNED); }
TRANS(fcvta_s_f) { return to_int(t, a, 0); }
TRANS(fcvta_u_f) { return to_int(t, a, IR_CVT_UNSIGNED); }

static bool from_int(TransCtx *t, const SimdArgs *a, unsigned flags)
{
    IrRef v;
    IrInsn *i;

    if (a->size == 1) {
        v = ir_temp(t->f, IR_I64);
        ir_call(t->f, &arm_helper_int_to_f16, v, arm_x(t, a->rn), int_kind(t, a, flags), IR_NONE,
                IR_NONE);
        put(t, a, IR_I64, v);
        return true;
    }
    v = ir_temp(t->f, fp_type(a));
    i = ir_emit(t->f, IR_fcvt_if, fp_type(a), v, arm_x(t, a->rn), IR_NONE);
    i->type2 = (uint8_t)arm_type(a->q);
    i->aux = (uint16_t)(IR_RM_DYN | flags);
    i->imm = 64 - a->imm;
    put(t, a, fp_type(a), v);
    return true;
}
TRANS(scvtf_f) { return from_int(t, a, 0); }
TRANS(ucvtf_f) { return from_int(t, a, IR_CVT_UNSIGNED); }
