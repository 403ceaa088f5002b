/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software floating point, arithmetic: add, subtract, multiply, divide, square root, fused
 * multiply-add, scaling and rounding to an integral value.  Each operation works on unpacked
 * numbers and leaves an exact result, or a truncated one with its sticky bit, to
 * fp_round_pack.  See include/util/softfloat.h for the documents.
 */
#include "softfloat_internal.h"

/* An exact sum of zero is -0 when rounding down and +0 otherwise (IEEE 754-2019, 6.3). */
static FpParts zero_sum(const FpStatus *st)
{
    return (FpParts){ .kind = FP_KIND_ZERO, .sign = st->rm == FP_RDN };
}

static FpParts add_numbers(FpParts a, FpParts b, const FpStatus *st)
{
    if (a.exp < b.exp || (a.exp == b.exp && a.frac < b.frac)) {
        FpParts t = a;

        a = b;
        b = t;
    }
    b.frac = fp_shift_jam64(b.frac, (uint32_t)(a.exp - b.exp));
    if (a.sign == b.sign) {
        if (__builtin_add_overflow(a.frac, b.frac, &a.frac)) {
            a.frac = fp_shift_jam64(a.frac, 1) | FP_TOP_BIT;
            a.exp++;
        }
    } else {
        int lz;

        a.frac -= b.frac;
        if (a.frac == 0) {
            return zero_sum(st);
        }
        lz = __builtin_clzll(a.frac);
        a.frac <<= lz;
        a.exp -= lz;
    }
    return a;
}

static uint64_t add(const FpFormat *f, uint64_t ra, uint64_t rb, bool subtract, FpStatus *st)
{
    FpParts op[2] = { fp_unpack(f, ra, st), fp_unpack(f, rb, st) };
    FpParts a = op[0], b = op[1], r;

    if (fp_parts_nan(a) || fp_parts_nan(b)) {
        return fp_round_pack(f, fp_pick_nan(op, 2, st), st);
    }
    b.sign ^= subtract;
    if (a.kind == FP_KIND_INF && b.kind == FP_KIND_INF && a.sign != b.sign) {
        return fp_round_pack(f, fp_invalid(st), st);
    }
    fp_raise_used(a.denormal | b.denormal, st);
    if (a.kind == FP_KIND_INF || b.kind == FP_KIND_INF) {
        r = a.kind == FP_KIND_INF ? a : b;
    } else if (a.kind == FP_KIND_ZERO && b.kind == FP_KIND_ZERO) {
        r = a.sign == b.sign ? a : zero_sum(st);
    } else if (a.kind == FP_KIND_ZERO || b.kind == FP_KIND_ZERO) {
        r = a.kind == FP_KIND_ZERO ? b : a;
    } else {
        r = add_numbers(a, b, st);
    }
    return fp_round_pack(f, r, st);
}

static uint64_t mul(const FpFormat *f, uint64_t ra, uint64_t rb, FpStatus *st)
{
    FpParts op[2] = { fp_unpack(f, ra, st), fp_unpack(f, rb, st) };
    FpParts a = op[0], b = op[1];
    FpParts r = { .sign = a.sign ^ b.sign };

    if (fp_parts_nan(a) || fp_parts_nan(b)) {
        return fp_round_pack(f, fp_pick_nan(op, 2, st), st);
    }
    if (a.kind == FP_KIND_INF || b.kind == FP_KIND_INF) {
        if (a.kind == FP_KIND_ZERO || b.kind == FP_KIND_ZERO) {
            return fp_round_pack(f, fp_invalid(st), st);
        }
        r.kind = FP_KIND_INF;
    } else if (a.kind == FP_KIND_ZERO || b.kind == FP_KIND_ZERO) {
        r.kind = FP_KIND_ZERO;
    } else {
        FpU128 product = (FpU128)a.frac * b.frac; /* 2^126 up to 2^128 */
        int carry = product >> 127 != 0;

        product <<= !carry;
        r.kind = FP_KIND_NORMAL;
        r.exp = a.exp + b.exp + carry;
        r.frac = (uint64_t)(product >> 64) | ((uint64_t)product != 0);
    }
    fp_raise_used(a.denormal | b.denormal, st);
    return fp_round_pack(f, r, st);
}

static uint64_t divide(const FpFormat *f, uint64_t ra, uint64_t rb, FpStatus *st)
{
    FpParts op[2] = { fp_unpack(f, ra, st), fp_unpack(f, rb, st) };
    FpParts a = op[0], b = op[1];
    FpParts r = { .sign = a.sign ^ b.sign };

    if (fp_parts_nan(a) || fp_parts_nan(b)) {
        return fp_round_pack(f, fp_pick_nan(op, 2, st), st);
    }
    if (a.kind == b.kind && a.kind != FP_KIND_NORMAL) {
        return fp_round_pack(f, fp_invalid(st), st); /* 0 / 0, infinity / infinity */
    }
    if (b.kind == FP_KIND_ZERO && a.kind == FP_KIND_NORMAL) {
        fp_raise(st, FP_FLAG_DZ);
        r.kind = FP_KIND_INF;
        return fp_round_pack(f, r, st);
    }
    if (a.kind == FP_KIND_INF || b.kind == FP_KIND_ZERO) {
        r.kind = FP_KIND_INF;
    } else if (a.kind == FP_KIND_ZERO || b.kind == FP_KIND_INF) {
        r.kind = FP_KIND_ZERO;
    } else {
        FpU128 dividend = (FpU128)a.frac << 63;
        uint64_t quotient = (uint64_t)(dividend / b.frac); /* 2^62 up to 2^64 */
        bool sticky = (FpU128)quotient * b.frac != dividend;
        int lz = __builtin_clzll(quotient);

        r.kind = FP_KIND_NORMAL;
        r.exp = a.exp - b.exp - lz;
        r.frac = quotient << lz | sticky;
    }
    fp_raise_used(a.denormal | b.denormal, st);
    return fp_round_pack(f, r, st);
}

/* The root of n with its top `bits` of 64 bits found, one by one; the last bit is sticky. */
static uint64_t root128(FpU128 n, int bits)
{
    uint64_t root = 0;
    FpU128 rest = n; /* n - root^2 */

    for (int i = 63; i > 63 - bits; i--) {
        /* (root + 2^i)^2 - root^2 */
        FpU128 step = ((FpU128)root << (i + 1)) + ((FpU128)1 << (2 * i));

        if (rest >= step) {
            rest -= step;
            root |= 1ull << i;
        }
    }
    return root | (rest != 0);
}

static uint64_t square_root(const FpFormat *f, uint64_t ra, FpStatus *st)
{
    FpParts a = fp_unpack(f, ra, st);

    if (fp_parts_nan(a)) {
        return fp_round_pack(f, fp_pick_nan(&a, 1, st), st);
    }
    if (a.kind == FP_KIND_ZERO) {
        return fp_round_pack(f, a, st); /* keeps its sign */
    }
    if (a.sign) {
        return fp_round_pack(f, fp_invalid(st), st);
    }
    fp_raise_used(a.denormal, st);
    if (a.kind == FP_KIND_NORMAL) {
        int odd = a.exp & 1;

        /*
         * The root of frac * 2^(63 + odd) is 2^63 up to 2^64.  Beyond the format's precision
         * of frac_bits + 1, one bit tells halves and the sticky bit the rest.
         */
        a.frac = root128((FpU128)a.frac << (63 + odd), f->frac_bits + 2);
        a.exp = (a.exp - odd) / 2;
    }
    return fp_round_pack(f, a, st);
}

/* a * b + c for numbers; c may be zero. */
static FpParts muladd_numbers(FpParts a, FpParts b, FpParts c, const FpStatus *st)
{
    /*
     * Both terms as 128-bit significands with bit 126 as their top bit.  That is exact, since
     * a product of two 53-bit numbers leaves 22 low bits empty; and as in add_numbers a sticky
     * bit only appears when at most one leading bit can cancel.
     */
    FpU128 p = (FpU128)a.frac * b.frac;
    FpU128 q = (FpU128)c.frac << 63;
    FpParts r = { .kind = FP_KIND_NORMAL, .sign = a.sign ^ b.sign, .exp = a.exp + b.exp };
    int lz;

    if (p >> 127) {
        p >>= 1;
        r.exp++;
    }
    if (c.kind == FP_KIND_NORMAL) {
        if (r.exp < c.exp || (r.exp == c.exp && p < q)) {
            FpU128 t = p;
            int32_t exp = r.exp;
            uint8_t sign = r.sign;

            p = q;
            q = t;
            r.exp = c.exp;
            c.exp = exp;
            r.sign = c.sign;
            c.sign = sign;
        }
        q = fp_shift_jam128(q, (uint32_t)(r.exp - c.exp));
        p = r.sign == c.sign ? p + q : p - q;
        if (p == 0) {
            return zero_sum(st);
        }
    }
    lz = p >> 64 ? __builtin_clzll((uint64_t)(p >> 64)) : 64 + __builtin_clzll((uint64_t)p);
    p <<= lz;
    r.exp += 1 - lz;
    r.frac = (uint64_t)(p >> 64) | ((uint64_t)p != 0);
    return r;
}

static uint64_t muladd(const FpFormat *f, uint64_t ra, uint64_t rb, uint64_t rc, int scale,
                       unsigned negate, FpStatus *st)
{
    FpParts a = fp_unpack(f, ra, st), b = fp_unpack(f, rb, st), c = fp_unpack(f, rc, st);
    bool x86 = st->nan_policy == FP_NAN_X86;
    bool invalid = (a.kind == FP_KIND_INF && b.kind == FP_KIND_ZERO) ||
                   (a.kind == FP_KIND_ZERO && b.kind == FP_KIND_INF);
    FpParts r;

    if (!x86) {
        a.sign ^= (negate & FP_MULADD_NEG_PRODUCT) != 0;
        c.sign ^= (negate & FP_MULADD_NEG_ADDEND) != 0;
    }
    if (fp_parts_nan(a) || fp_parts_nan(b) || fp_parts_nan(c)) {
        FpParts arm_order[3] = { c, a, b };
        FpParts x86_order[3] = { a, b, c };

        /* DDI 0487 FPMulAdd, and the same words in the RISC-V F chapter. */
        if (invalid && c.kind == FP_KIND_QNAN && !x86) {
            return fp_round_pack(f, fp_invalid(st), st);
        }
        return fp_round_pack(f, fp_pick_nan(x86 ? x86_order : arm_order, 3, st), st);
    }
    if (x86) {
        a.sign ^= (negate & FP_MULADD_NEG_PRODUCT) != 0;
        c.sign ^= (negate & FP_MULADD_NEG_ADDEND) != 0;
    }
    r = (FpParts){ .kind = FP_KIND_INF, .sign = a.sign ^ b.sign };
    if (a.kind == FP_KIND_INF || b.kind == FP_KIND_INF) {
        if (invalid || (c.kind == FP_KIND_INF && c.sign != r.sign)) {
            return fp_round_pack(f, fp_invalid(st), st);
        }
    } else if (c.kind == FP_KIND_INF) {
        r = c;
    } else if (a.kind == FP_KIND_ZERO || b.kind == FP_KIND_ZERO) {
        /* The product is a zero of sign r.sign. */
        r = c.kind == FP_KIND_NORMAL || c.sign == r.sign ? c : zero_sum(st);
    } else {
        r = muladd_numbers(a, b, c, st);
    }
    fp_raise_used(a.denormal | b.denormal | c.denormal, st);
    r.exp += fp_clamp_scale(scale);
    return fp_round_pack(f, r, st);
}

static uint64_t scale_number(const FpFormat *f, uint64_t ra, int n, FpStatus *st)
{
    FpParts a = fp_unpack(f, ra, st);

    if (fp_parts_nan(a)) {
        return fp_round_pack(f, fp_pick_nan(&a, 1, st), st);
    }
    fp_raise_used(a.denormal, st);
    a.exp += fp_clamp_scale(n);
    return fp_round_pack(f, a, st);
}

static uint64_t round_to_int(const FpFormat *f, uint64_t ra, uint8_t rm, bool exact, FpStatus *st)
{
    FpParts a = fp_unpack(f, ra, st);
    bool inexact;

    if (fp_parts_nan(a)) {
        a = fp_pick_nan(&a, 1, st);
    } else if (a.kind == FP_KIND_NORMAL && a.exp < f->frac_bits) {
        /* No ID here: ROUNDSD does not signal it (SDM vol. 2, ROUNDSD). */
        uint64_t whole = fp_round_magnitude(a, rm, &inexact);

        if (inexact && exact) {
            fp_raise(st, FP_FLAG_NX);
        }
        if (whole == 0) {
            a.kind = FP_KIND_ZERO; /* of the operand's sign */
        } else {
            int lz = __builtin_clzll(whole);

            a.frac = whole << lz;
            a.exp = 63 - lz;
        }
    }
    return fp_round_pack(f, a, st);
}

#define DEFINE_FORMAT(F, T)                                                                   \
    T fp_##F##_add(T a, T b, FpStatus *st)                                                    \
    {                                                                                         \
        return (T)add(&fp_format_##F, a, b, false, st);                                       \
    }                                                                                         \
    T fp_##F##_sub(T a, T b, FpStatus *st)                                                    \
    {                                                                                         \
        return (T)add(&fp_format_##F, a, b, true, st);                                        \
    }                                                                                         \
    T fp_##F##_mul(T a, T b, FpStatus *st)                                                    \
    {                                                                                         \
        return (T)mul(&fp_format_##F, a, b, st);                                              \
    }                                                                                         \
    T fp_##F##_div(T a, T b, FpStatus *st)                                                    \
    {                                                                                         \
        return (T)divide(&fp_format_##F, a, b, st);                                           \
    }                                                                                         \
    T fp_##F##_sqrt(T a, FpStatus *st)                                                        \
    {                                                                                         \
        return (T)square_root(&fp_format_##F, a, st);                                         \
    }                                                                                         \
    T fp_##F##_muladd(T a, T b, T c, unsigned negate, FpStatus *st)                           \
    {                                                                                         \
        return (T)muladd(&fp_format_##F, a, b, c, 0, negate, st);                             \
    }                                                                                         \
    T fp_##F##_muladd_scalbn(T a, T b, T c, int scale, unsigned negate, FpStatus *st)         \
    {                                                                                         \
        return (T)muladd(&fp_format_##F, a, b, c, scale, negate, st);                         \
    }                                                                                         \
    T fp_##F##_scalbn(T a, int n, FpStatus *st)                                               \
    {                                                                                         \
        return (T)scale_number(&fp_format_##F, a, n, st);                                     \
    }                                                                                         \
    T fp_##F##_round_to_int(T a, uint8_t rm, bool exact, FpStatus *st)                        \
    {                                                                                         \
        return (T)round_to_int(&fp_format_##F, a, rm, exact, st);                             \
    }

FP_FORMATS(DEFINE_FORMAT)
