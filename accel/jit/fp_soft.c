/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FP operations of generated code that the host's unit can't do as the guest wants: rounding modes
 * that x86 lacks or that differ from the one in force, NaN rules, range errors.
 */
#include "jit.h"

#include "accel/fp.h"

static uint64_t compare(unsigned how, bool d, uint64_t a, uint64_t b, FpStatus *st)
{
    switch (how) {
    case IR_FEQ: return d ? fp_f64_eq_quiet(a, b, st) : fp_f32_eq_quiet(a, b, st);
    case IR_FLT: return d ? fp_f64_lt_signaling(a, b, st) : fp_f32_lt_signaling(a, b, st);
    case IR_FLE: return d ? fp_f64_le_signaling(a, b, st) : fp_f32_le_signaling(a, b, st);
    case IR_FEQ_SIG: return d ? fp_f64_eq_signaling(a, b, st) : fp_f32_eq_signaling(a, b, st);
    case IR_FLT_QUIET: return d ? fp_f64_lt_quiet(a, b, st) : fp_f32_lt_quiet(a, b, st);
    default: return d ? fp_f64_le_quiet(a, b, st) : fp_f32_le_quiet(a, b, st);
    }
}

static uint64_t to_int(bool from_d, bool w, bool u, uint64_t a, unsigned rm, FpIntPolicy how,
                       FpStatus *st)
{
    if (w && u) {
        return from_d ? fp_f64_to_u32(a, rm, how, st) : fp_f32_to_u32(a, rm, how, st);
    }
    if (w) {
        return (uint32_t)(from_d ? fp_f64_to_i32(a, rm, how, st) : fp_f32_to_i32(a, rm, how, st));
    }
    if (u) {
        return from_d ? fp_f64_to_u64(a, rm, how, st) : fp_f32_to_u64(a, rm, how, st);
    }
    return (uint64_t)(from_d ? fp_f64_to_i64(a, rm, how, st) : fp_f32_to_i64(a, rm, how, st));
}

static uint64_t from_int(bool d, bool w, bool u, uint64_t a, FpStatus *st)
{
    if (w && u) {
        return d ? fp_u32_to_f64((uint32_t)a, st) : fp_u32_to_f32((uint32_t)a, st);
    }
    if (w) {
        return d ? fp_i32_to_f64((int32_t)a, st) : fp_i32_to_f32((int32_t)a, st);
    }
    if (u) {
        return d ? fp_u64_to_f64(a, st) : fp_u64_to_f32(a, st);
    }
    return d ? fp_i64_to_f64((int64_t)a, st) : fp_i64_to_f32((int64_t)a, st);
}

uint64_t jit_fp_soft(Cpu *cpu, uint64_t desc, uint64_t a, uint64_t b, uint64_t c)
{
    FpStatus *st = &cpu->fp;
    unsigned op = desc & 0xff, aux = (desc >> 16) & 0xffff;
    unsigned type = desc >> 8 & 15, type2 = desc >> 12 & 15, how = (unsigned)(desc >> 32) & 15;
    bool d = type == IR_F64;
    uint8_t dyn = st->rm;
    unsigned rm = (aux & 7) == IR_RM_DYN ? dyn : aux & 7;
    uint64_t r = 0;
    if (!d && op != IR_fcvt_fi && op != IR_fcvt_if && op != IR_fcvt_f) {
        a = (uint32_t)a;
        b = (uint32_t)b;
        c = (uint32_t)c;
    }
    if (op == IR_fcmp || op == IR_fmin || op == IR_fmax) {
        rm = dyn; /* their aux is something else */
    }
    st->rm = (uint8_t)rm;
    switch (op) {
    case IR_fadd: r = d ? fp_f64_add(a, b, st) : fp_f32_add(a, b, st); break;
    case IR_fsub: r = d ? fp_f64_sub(a, b, st) : fp_f32_sub(a, b, st); break;
    case IR_fmul: r = d ? fp_f64_mul(a, b, st) : fp_f32_mul(a, b, st); break;
    case IR_fdiv: r = d ? fp_f64_div(a, b, st) : fp_f32_div(a, b, st); break;
    case IR_fsqrt: r = d ? fp_f64_sqrt(a, st) : fp_f32_sqrt(a, st); break;
    case IR_fma: {
        unsigned negate = (aux & IR_FMA_NEG_PRODUCT ? FP_MULADD_NEG_PRODUCT : 0) |
                          (aux & IR_FMA_NEG_ADDEND ? FP_MULADD_NEG_ADDEND : 0);
        r = d ? fp_f64_muladd(a, b, c, negate, st) : fp_f32_muladd(a, b, c, negate, st);
        break;
    }
    case IR_fmin: r = d ? fp_f64_minimum_number(a, b, st) : fp_f32_minimum_number(a, b, st); break;
    case IR_fmax: r = d ? fp_f64_maximum_number(a, b, st) : fp_f32_maximum_number(a, b, st); break;
    case IR_fcmp: r = compare(aux, d, a, b, st); break;
    case IR_fcvt_f: r = d ? fp_f32_to_f64((uint32_t)a, st) : fp_f64_to_f32(a, st); break;
    case IR_fcvt_fi: {
        unsigned nx = st->flags & FP_FLAG_NX;
        bool from_d = type2 == IR_F64;
        r = to_int(from_d, type == IR_I32, aux & IR_CVT_UNSIGNED, from_d ? a : (uint32_t)a, rm,
                   (FpIntPolicy)how, st);
        if (aux & IR_CVT_NO_NX) {
            st->flags = (uint8_t)((st->flags & ~FP_FLAG_NX) | nx);
        }
        break;
    }
    case IR_fcvt_if: r = from_int(d, type2 == IR_I32, aux & IR_CVT_UNSIGNED, a, st); break;
    case IR_fround: {
        bool exact = !(aux & IR_CVT_NO_NX);
        r = d ? fp_f64_round_to_int(a, (uint8_t)rm, exact, st)
              : fp_f32_round_to_int((uint32_t)a, (uint8_t)rm, exact, st);
        break;
    }
    }
    st->rm = dyn;
    return r;
}
