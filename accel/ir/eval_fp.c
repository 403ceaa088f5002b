/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FP operations of the IR, scalar and by lane, in terms of util/softfloat. See eval_vec.h. */
#include "accel/ir/eval_vec.h"

static uint64_t compare(unsigned how, bool d, uint64_t a, uint64_t b, FpStatus *st)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b;
    switch (how) {
    case IR_FEQ: return d ? fp_f64_eq_quiet(a, b, st) : fp_f32_eq_quiet(x, y, st);
    case IR_FLT: return d ? fp_f64_lt_signaling(a, b, st) : fp_f32_lt_signaling(x, y, st);
    case IR_FLE: return d ? fp_f64_le_signaling(a, b, st) : fp_f32_le_signaling(x, y, st);
    case IR_FEQ_SIG: return d ? fp_f64_eq_signaling(a, b, st) : fp_f32_eq_signaling(x, y, st);
    case IR_FLT_QUIET: return d ? fp_f64_lt_quiet(a, b, st) : fp_f32_lt_quiet(x, y, st);
    default: return d ? fp_f64_le_quiet(a, b, st) : fp_f32_le_quiet(x, y, st);
    }
}

/* N Z C V as AArch64 FCMP sets them (DDI 0487, FPCompare). */
static uint64_t compare_nzcv(bool signaling, bool d, uint64_t a, uint64_t b, FpStatus *st)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b;
    FpRelation r = signaling ? d ? fp_f64_compare_signaling(a, b, st)
                                 : fp_f32_compare_signaling(x, y, st)
                             : d ? fp_f64_compare_quiet(a, b, st) : fp_f32_compare_quiet(x, y, st);
    switch (r) {
    case FP_LESS: return 0x80000000;
    case FP_EQUAL: return 0x60000000;
    case FP_GREATER: return 0x20000000;
    default: return 0x30000000;
    }
}

static uint64_t to_int(uint64_t desc, uint64_t a, unsigned rm, FpStatus *st)
{
    unsigned aux = ir_desc_aux(desc), nx = st->flags & FP_FLAG_NX;
    bool d = ir_desc_type2(desc) == IR_F64, w = ir_desc_type(desc) == IR_I32;
    bool u = aux & IR_CVT_UNSIGNED;
    int scale = (int)ir_desc_imm(desc);
    FpIntPolicy how = ir_desc_policy(desc);
    uint8_t m = (uint8_t)rm;
    uint32_t x = (uint32_t)a;
    uint64_t r;
    if (w && u)
        r = d ? fp_f64_to_u32_scaled(a, scale, m, how, st)
              : fp_f32_to_u32_scaled(x, scale, m, how, st);
    else if (w)
        r = (uint32_t)(d ? fp_f64_to_i32_scaled(a, scale, m, how, st)
                         : fp_f32_to_i32_scaled(x, scale, m, how, st));
    else if (u)
        r = d ? fp_f64_to_u64_scaled(a, scale, m, how, st)
              : fp_f32_to_u64_scaled(x, scale, m, how, st);
    else
        r = (uint64_t)(d ? fp_f64_to_i64_scaled(a, scale, m, how, st)
                         : fp_f32_to_i64_scaled(x, scale, m, how, st));
    if (aux & IR_CVT_NO_NX)
        st->flags = (uint8_t)((st->flags & ~FP_FLAG_NX) | nx);
    return r;
}

static uint64_t from_int(uint64_t desc, uint64_t a, FpStatus *st)
{
    bool d = ir_desc_type(desc) == IR_F64, w = ir_desc_type2(desc) == IR_I32;
    int scale = -(int)ir_desc_imm(desc);
    if (ir_desc_aux(desc) & IR_CVT_UNSIGNED) {
        uint64_t u = w ? (uint32_t)a : a;
        return d ? fp_u64_to_f64_scaled(u, scale, st) : fp_u64_to_f32_scaled(u, scale, st);
    }
    int64_t s = w ? (int64_t)(int32_t)(uint32_t)a : (int64_t)a;
    return d ? fp_i64_to_f64_scaled(s, scale, st) : fp_i64_to_f32_scaled(s, scale, st);
}

static uint64_t minmax(bool max, unsigned how, bool d, uint64_t a, uint64_t b, FpStatus *st)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b;
    switch (how) {
    case IR_MM_NUMBER:
        if (d)
            return max ? fp_f64_maximum_number(a, b, st) : fp_f64_minimum_number(a, b, st);
        return max ? fp_f32_maximum_number(x, y, st) : fp_f32_minimum_number(x, y, st);
    case IR_MM_PROPAGATE:
        if (d)
            return max ? fp_f64_maximum(a, b, st) : fp_f64_minimum(a, b, st);
        return max ? fp_f32_maximum(x, y, st) : fp_f32_minimum(x, y, st);
    default:
        if (d)
            return max ? fp_f64_maxnum(a, b, st) : fp_f64_minnum(a, b, st);
        return max ? fp_f32_maxnum(x, y, st) : fp_f32_minnum(x, y, st);
    }
}

static uint64_t arithmetic(unsigned op, bool d, unsigned aux, uint64_t a, uint64_t b, uint64_t c,
                           FpStatus *st)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b, z = (uint32_t)c;
    unsigned negate = (aux & IR_FMA_NEG_PRODUCT ? FP_MULADD_NEG_PRODUCT : 0) |
                      (aux & IR_FMA_NEG_ADDEND ? FP_MULADD_NEG_ADDEND : 0);
    bool exact = !(aux & IR_CVT_NO_NX);
    switch (op) {
    case IR_fadd: return d ? fp_f64_add(a, b, st) : fp_f32_add(x, y, st);
    case IR_fsub: return d ? fp_f64_sub(a, b, st) : fp_f32_sub(x, y, st);
    case IR_fmul: return d ? fp_f64_mul(a, b, st) : fp_f32_mul(x, y, st);
    case IR_fdiv: return d ? fp_f64_div(a, b, st) : fp_f32_div(x, y, st);
    case IR_fsqrt: return d ? fp_f64_sqrt(a, st) : fp_f32_sqrt(x, st);
    case IR_fma:
        return d ? fp_f64_muladd(a, b, c, negate, st) : fp_f32_muladd(x, y, z, negate, st);
    case IR_fcvt_f: return d ? fp_f32_to_f64(x, st) : fp_f64_to_f32(a, st);
    default: /* fround */
        return d ? fp_f64_round_to_int(a, st->rm, exact, st)
                 : fp_f32_round_to_int(x, st->rm, exact, st);
    }
}

uint64_t ir_eval_fp(uint64_t desc, uint64_t a, uint64_t b, uint64_t c, FpStatus *st)
{
    unsigned op = ir_desc_op(desc), aux = ir_desc_aux(desc);
    bool d = ir_desc_type(desc) == IR_F64;
    uint8_t dyn = st->rm;
    unsigned rm = (aux & 7) == IR_RM_DYN ? dyn : aux & 7;
    uint64_t r;
    switch (op) {
    case IR_fmin: return minmax(false, aux & 0xff, d, a, b, st);
    case IR_fmax: return minmax(true, aux & 0xff, d, a, b, st);
    case IR_fcmp: return compare(aux & 0xff, d, a, b, st);
    case IR_fcmp_nzcv: return compare_nzcv(aux & IR_FCMP_SIGNALING, d, a, b, st);
    default: break;
    }
    st->rm = (uint8_t)rm;
    switch (op) {
    case IR_fcvt_fi: r = to_int(desc, a, rm, st); break;
    case IR_fcvt_if: r = from_int(desc, a, st); break;
    default: r = arithmetic(op, d, aux, a, b, c, st); break;
    }
    st->rm = dyn;
    return r;
}

/* ---- by lane ---- */

static uint64_t scalar_desc(uint64_t desc, unsigned op, unsigned type, unsigned type2)
{
    return (desc & ~(uint64_t)0xffff & ~((uint64_t)IR_V_LOW64 << 16)) | op | type << 8 |
           type2 << 12;
}

void ir_eval_vec_fp(uint64_t desc, IrV128 *dst, const IrV128 *a, const IrV128 *b,
                    const IrV128 *c, FpStatus *st)
{
    static const uint8_t scalar[] = {
        [IR_vfadd - IR_vfadd] = IR_fadd, [IR_vfsub - IR_vfadd] = IR_fsub,
        [IR_vfmul - IR_vfadd] = IR_fmul, [IR_vfdiv - IR_vfadd] = IR_fdiv,
        [IR_vfsqrt - IR_vfadd] = IR_fsqrt, [IR_vfma - IR_vfadd] = IR_fma,
        [IR_vfmin - IR_vfadd] = IR_fmin, [IR_vfmax - IR_vfadd] = IR_fmax,
        [IR_vfabd - IR_vfadd] = IR_fsub, [IR_vfaddp - IR_vfadd] = IR_fadd,
        [IR_vfcmp - IR_vfadd] = IR_fcmp, [IR_vfcvt_if - IR_vfadd] = IR_fcvt_if,
        [IR_vfcvt_fi - IR_vfadd] = IR_fcvt_fi, [IR_vfround - IR_vfadd] = IR_fround,
        [IR_vfcvtl - IR_vfadd] = IR_fcvt_f, [IR_vfcvtl2 - IR_vfadd] = IR_fcvt_f,
        [IR_vfcvtn - IR_vfadd] = IR_fcvt_f,
    };
    unsigned op = ir_desc_op(desc), f = ir_desc_type2(desc), i = f == IR_F64 ? IR_I64 : IR_I32;
    unsigned size = f == IR_F64 ? 3 : 2;
    unsigned n = (ir_desc_aux(desc) & IR_V_LOW64 ? 8u : 16u) >> size;
    uint64_t sign = f == IR_F64 ? 1ULL << 63 : 1ULL << 31, ones = f == IR_F64 ? ~0ULL : ~0u;
    IrV128 r = { .d = { 0, 0 } };
    if (op == IR_vfabs || op == IR_vfneg) {
        for (unsigned k = 0; k < n; k++) {
            uint64_t x = ir_lane(a, size, k);
            ir_set_lane(&r, size, k, op == IR_vfabs ? x & ~sign : x ^ sign);
        }
        *dst = r;
        return;
    }
    unsigned sop = scalar[op - IR_vfadd];
    uint64_t sd = op == IR_vfcvt_fi ? scalar_desc(desc, sop, i, f) :
                  op == IR_vfcvt_if ? scalar_desc(desc, sop, f, i) :
                  op == IR_vfcvtl || op == IR_vfcvtl2 ? scalar_desc(desc, sop, IR_F64, IR_F32) :
                  op == IR_vfcvtn ? scalar_desc(desc, sop, IR_F32, IR_F64) :
                  scalar_desc(desc, sop, f, IR_VOID);
    switch (op) {
    case IR_vfaddp:
        for (unsigned k = 0; k < n; k++) {
            const IrV128 *v = k < n / 2 ? a : b;
            unsigned from = 2 * k % n;
            uint64_t x = n == 1 ? a->d[0] : ir_lane(v, size, from);
            uint64_t y = n == 1 ? b->d[0] : ir_lane(v, size, from + 1);
            ir_set_lane(&r, size, k, ir_eval_fp(sd, x, y, 0, st));
        }
        break;
    case IR_vfcvtl: case IR_vfcvtl2:
        for (unsigned k = 0; k < 2; k++)
            r.d[k] = ir_eval_fp(sd, a->w[k + (op == IR_vfcvtl2 ? 2 : 0)], 0, 0, st);
        break;
    case IR_vfcvtn:
        for (unsigned k = 0; k < 2; k++)
            r.w[k] = (uint32_t)ir_eval_fp(sd, a->d[k], 0, 0, st);
        break;
    default:
        for (unsigned k = 0; k < n; k++) {
            uint64_t x = ir_eval_fp(sd, ir_lane(a, size, k), ir_lane(b, size, k),
                                    ir_lane(c, size, k), st);
            if (op == IR_vfabd)
                x &= ~sign;
            else if (op == IR_vfcmp)
                x = x ? ones : 0;
            ir_set_lane(&r, size, k, x);
        }
        break;
    }
    *dst = r;
}
