/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software floating point, core: taking raw numbers apart, rounding and packing them, and
 * choosing NaNs.  See include/util/softfloat.h for the documents and for what is left out.
 */
#include "softfloat_internal.h"

static FpParts unpack(const FpFormat *f, uint64_t raw, FpStatus *st, bool flush, bool ahp)
{
    int32_t exp = (int32_t)(raw >> f->frac_bits) & f->exp_max;
    uint64_t frac = (raw & fp_frac_mask(f)) << (63 - f->frac_bits);
    FpParts p = { .sign = raw >> f->sign_bit & 1 };

    if (exp == 0) {
        if (frac != 0 && !flush) {
            int lz = __builtin_clzll(frac);

            p.kind = FP_KIND_NORMAL;
            p.denormal = 1;
            p.frac = frac << lz;
            p.exp = 1 - f->bias - lz;
            return p;
        }
        if (frac != 0) {
            fp_raise_flushed(f, st);
        }
        p.kind = FP_KIND_ZERO;
        return p;
    }
    if (exp == f->exp_max && !ahp) {
        p.kind = frac == 0 ? FP_KIND_INF : frac & FP_QUIET_BIT ? FP_KIND_QNAN : FP_KIND_SNAN;
        p.frac = frac;
        return p;
    }
    p.kind = FP_KIND_NORMAL;
    p.frac = frac | FP_TOP_BIT;
    p.exp = exp - f->bias;
    return p;
}

FpParts fp_unpack(const FpFormat *f, uint64_t raw, FpStatus *st)
{
    return unpack(f, raw, st, st->flush_inputs, false);
}

FpParts fp_unpack_convert(const FpFormat *f, uint64_t raw, FpStatus *st)
{
    FpParts p = unpack(f, raw, st, st->flush_inputs && !f->is_half, st->f16_ahp && f->is_half);

    if (f->is_half) {
        p.denormal = 0; /* VCVTPH2PS signals no denormal operand, SDM vol. 1, 14.4.1 */
    }
    return p;
}

/* The result of an overflow: infinity, or the largest number if rm points away from it. */
static uint64_t overflow(const FpFormat *f, bool sign, FpStatus *st, bool ahp)
{
    bool to_inf;

    if (ahp) {
        /* FPRoundBase: there is no infinity; the all-ones number and InvalidOp alone. */
        fp_raise(st, FP_FLAG_NV);
        return fp_inf_bits(f) | fp_frac_mask(f);
    }
    fp_raise(st, FP_FLAG_OF | FP_FLAG_NX);
    switch (st->rm) {
    case FP_RNE:
    case FP_RMM:
        to_inf = true;
        break;
    case FP_RDN:
        to_inf = sign;
        break;
    case FP_RUP:
        to_inf = !sign;
        break;
    default:
        to_inf = false;
        break;
    }
    return fp_inf_bits(f) - !to_inf;
}

/* Rounds and packs a finite nonzero number; returns it without sign. */
static uint64_t round_number(const FpFormat *f, FpParts p, FpStatus *st, bool flush, bool ahp)
{
    int shift = 63 - f->frac_bits;
    uint64_t lsb = 1ull << shift;
    uint64_t mask = lsb - 1;
    uint64_t frac = p.frac;
    int32_t biased = p.exp + f->bias;
    bool tiny = biased <= 0;
    bool inexact;

    if (biased == 0 && !st->tininess_before_rounding) {
        /* Just below the smallest normal: not tiny if, with room below, it rounds up to it. */
        uint64_t sum;

        tiny = !__builtin_add_overflow(
            frac, fp_round_increment(st->rm, p.sign, mask, (frac & lsb) != 0), &sum);
    }
    if (tiny && flush) {
        fp_raise(st, st->tininess_before_rounding ? FP_FLAG_UF : FP_FLAG_UF | FP_FLAG_NX);
        return 0;
    }
    if (biased <= 0) {
        /* Subnormal: exponent field 1 without the implicit bit is field 0. */
        frac = fp_shift_jam64(frac, (uint32_t)(1 - biased));
        biased = 1;
    }
    inexact = (frac & mask) != 0;
    if (inexact) {
        if (__builtin_add_overflow(
                frac, fp_round_increment(st->rm, p.sign, mask, (frac & lsb) != 0), &frac)) {
            frac = FP_TOP_BIT;
            biased++;
        }
        if (st->rm == FP_RTO) {
            frac |= lsb;
        }
    }
    if (biased >= f->exp_max + ahp) {
        return overflow(f, p.sign, st, ahp);
    }
    if (inexact) {
        fp_raise(st, tiny ? FP_FLAG_NX | FP_FLAG_UF : FP_FLAG_NX);
    }
    /* The implicit bit, if there, adds the one that biased lacks. */
    return ((uint64_t)(biased - 1) << f->frac_bits) + (frac >> shift);
}

static uint64_t round_pack(const FpFormat *f, FpParts p, FpStatus *st, bool flush, bool ahp)
{
    uint64_t sign = (uint64_t)p.sign << f->sign_bit;

    switch (p.kind) {
    case FP_KIND_ZERO:
        return sign;
    case FP_KIND_NORMAL:
        return sign | round_number(f, p, st, flush, ahp);
    case FP_KIND_INF:
        return sign | (ahp ? overflow(f, p.sign, st, true) : fp_inf_bits(f));
    default:
        if (ahp) {
            fp_raise(st, FP_FLAG_NV);
            return sign;
        }
        return sign | fp_inf_bits(f) | (p.frac >> (63 - f->frac_bits) & fp_frac_mask(f));
    }
}

uint64_t fp_round_pack(const FpFormat *f, FpParts p, FpStatus *st)
{
    return round_pack(f, p, st, st->flush_outputs, false);
}

uint64_t fp_round_pack_convert(const FpFormat *f, FpParts p, FpStatus *st)
{
    return round_pack(f, p, st, st->flush_outputs && !f->is_half, st->f16_ahp && f->is_half);
}

uint64_t fp_round_magnitude(FpParts p, uint8_t rm, bool *inexact)
{
    uint64_t whole = 0;
    uint64_t rest; /* what follows the point, in units of 2^-64 */

    if (p.kind == FP_KIND_ZERO) {
        *inexact = false;
        return 0;
    }
    if (p.exp >= 63) {
        *inexact = false;
        return p.frac;
    }
    if (p.exp >= 0) {
        whole = p.frac >> (63 - p.exp);
        rest = p.frac << (p.exp + 1);
    } else {
        rest = fp_shift_jam64(p.frac, (uint32_t)(-1 - p.exp));
    }
    *inexact = rest != 0;
    if (rest != 0) {
        uint64_t sum;

        whole += __builtin_add_overflow(
            rest, fp_round_increment(rm, p.sign, UINT64_MAX, whole & 1), &sum);
        if (rm == FP_RTO) {
            whole |= 1;
        }
    }
    return whole;
}

FpParts fp_default_nan(const FpStatus *st)
{
    return (FpParts){
        .kind = FP_KIND_QNAN,
        .sign = st->nan_policy == FP_NAN_X86,
        .frac = FP_QUIET_BIT,
    };
}

FpParts fp_invalid(FpStatus *st)
{
    fp_raise(st, FP_FLAG_NV);
    return fp_default_nan(st);
}

FpParts fp_pick_nan(const FpParts *ops, int n, FpStatus *st)
{
    const FpParts *first = NULL;
    const FpParts *first_snan = NULL;
    FpParts r;

    for (int i = n - 1; i >= 0; i--) {
        if (fp_parts_nan(ops[i])) {
            first = &ops[i];
        }
        if (ops[i].kind == FP_KIND_SNAN) {
            first_snan = &ops[i];
        }
    }
    if (first_snan) {
        fp_raise(st, FP_FLAG_NV);
    }
    if (st->nan_policy == FP_NAN_DEFAULT || !first) {
        return fp_default_nan(st);
    }
    r = st->nan_policy == FP_NAN_ARM && first_snan ? *first_snan : *first;
    r.kind = FP_KIND_QNAN;
    r.frac |= FP_QUIET_BIT;
    return r;
}
