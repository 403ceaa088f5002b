/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software floating point, conversions: between formats, from integers and to integers.  See
 * include/util/softfloat.h for the documents.
 */
#include "softfloat_internal.h"

static uint64_t convert(const FpFormat *to, const FpFormat *from, uint64_t raw, FpStatus *st)
{
    FpParts p = fp_unpack_convert(from, raw, st);

    if (fp_parts_nan(p)) {
        uint8_t sign = p.sign;

        p = fp_pick_nan(&p, 1, st);
        if (to->is_half && st->f16_ahp) {
            p.sign = sign; /* becomes a zero, of the operand's sign even with DN=1 */
        }
    } else {
        fp_raise_used(p.denormal, st);
    }
    return fp_round_pack_convert(to, p, st);
}

static uint64_t from_integer(const FpFormat *f, uint64_t magnitude, bool sign, int scale,
                             FpStatus *st)
{
    FpParts p = { .kind = FP_KIND_ZERO };

    if (magnitude != 0) {
        int lz = __builtin_clzll(magnitude);

        p.kind = FP_KIND_NORMAL;
        p.sign = sign;
        p.frac = magnitude << lz;
        p.exp = 63 - lz + fp_clamp_scale(scale);
    }
    return fp_round_pack(f, p, st);
}

static uint64_t from_signed(const FpFormat *f, int64_t v, int scale, FpStatus *st)
{
    return from_integer(f, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0, scale, st);
}

/* To an integer of `bits` bits; a negative result is in two's complement of 64 bits. */
static uint64_t to_integer(const FpFormat *f, uint64_t raw, int scale, uint8_t rm, bool is_signed,
                           int bits, FpIntPolicy policy, FpStatus *st)
{
    FpParts p = fp_unpack(f, raw, st);
    uint64_t max = UINT64_MAX >> (64 - bits + is_signed);
    uint64_t magnitude, limit;
    bool inexact;

    if (p.kind == FP_KIND_NORMAL) {
        p.exp += fp_clamp_scale(scale);
    }
    if (p.kind <= FP_KIND_NORMAL && p.exp < 64) {
        magnitude = fp_round_magnitude(p, rm, &inexact);
        limit = !p.sign ? max : is_signed ? max + 1 : 0;
        if (magnitude <= limit) {
            if (inexact) {
                fp_raise(st, FP_FLAG_NX);
            }
            return p.sign ? -magnitude : magnitude;
        }
    }
    fp_raise(st, FP_FLAG_NV);
    switch (policy) {
    case FP_INT_RISCV:
        return p.sign && !fp_parts_nan(p) ? ~max & -(uint64_t)is_signed : max;
    case FP_INT_ARM:
        if (fp_parts_nan(p)) {
            return 0;
        }
        return p.sign ? ~max & -(uint64_t)is_signed : max;
    default:
        return is_signed ? ~max : max;
    }
}

int32_t fp_f64_to_i32_modular(uint64_t a, FpStatus *st)
{
    FpParts p = fp_unpack(&fp_format_f64, a, st);
    uint64_t magnitude;
    bool inexact = false;

    if (p.kind > FP_KIND_NORMAL) {
        fp_raise(st, FP_FLAG_NV);
        return 0;
    }
    if (p.kind == FP_KIND_NORMAL && p.exp > 63) {
        /* The significand's lowest bit is worth 2^(exp - 52); from exp 84 on nothing is left. */
        magnitude = p.exp < 84 ? p.frac << (p.exp - 63) : 0;
        fp_raise(st, FP_FLAG_NV);
    } else {
        magnitude = fp_round_magnitude(p, FP_RTZ, &inexact);
        if (magnitude > (uint64_t)INT32_MAX + p.sign) {
            fp_raise(st, FP_FLAG_NV);
        } else if (inexact) {
            fp_raise(st, FP_FLAG_NX);
        }
    }
    return (int32_t)(uint32_t)(p.sign ? -magnitude : magnitude);
}

#define DEFINE_CONVERT(TO, TO_T, FROM, FROM_T)                                                \
    TO_T fp_##FROM##_to_##TO(FROM_T a, FpStatus *st)                                          \
    {                                                                                         \
        return (TO_T)convert(&fp_format_##TO, &fp_format_##FROM, a, st);                      \
    }

DEFINE_CONVERT(f16, uint16_t, f32, uint32_t)
DEFINE_CONVERT(f16, uint16_t, f64, uint64_t)
DEFINE_CONVERT(f16, uint16_t, bf16, uint16_t)
DEFINE_CONVERT(bf16, uint16_t, f16, uint16_t)
DEFINE_CONVERT(bf16, uint16_t, f32, uint32_t)
DEFINE_CONVERT(bf16, uint16_t, f64, uint64_t)
DEFINE_CONVERT(f32, uint32_t, f16, uint16_t)
DEFINE_CONVERT(f32, uint32_t, bf16, uint16_t)
DEFINE_CONVERT(f32, uint32_t, f64, uint64_t)
DEFINE_CONVERT(f64, uint64_t, f16, uint16_t)
DEFINE_CONVERT(f64, uint64_t, bf16, uint16_t)
DEFINE_CONVERT(f64, uint64_t, f32, uint32_t)

#define DEFINE_TO_INT(F, T, NAME, INT, SIGNED, BITS)                                          \
    INT fp_##F##_to_##NAME(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st)                 \
    {                                                                                         \
        return (INT)to_integer(&fp_format_##F, a, 0, rm, SIGNED, BITS, policy, st);           \
    }                                                                                         \
    INT fp_##F##_to_##NAME##_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,           \
                                    FpStatus *st)                                             \
    {                                                                                         \
        return (INT)to_integer(&fp_format_##F, a, scale, rm, SIGNED, BITS, policy, st);       \
    }

#define DEFINE_FORMAT(F, T)                                                                   \
    DEFINE_TO_INT(F, T, i16, int16_t, true, 16)                                               \
    DEFINE_TO_INT(F, T, u16, uint16_t, false, 16)                                             \
    DEFINE_TO_INT(F, T, i32, int32_t, true, 32)                                               \
    DEFINE_TO_INT(F, T, u32, uint32_t, false, 32)                                             \
    DEFINE_TO_INT(F, T, i64, int64_t, true, 64)                                               \
    DEFINE_TO_INT(F, T, u64, uint64_t, false, 64)                                             \
    T fp_i32_to_##F(int32_t v, FpStatus *st)                                                  \
    {                                                                                         \
        return (T)from_signed(&fp_format_##F, v, 0, st);                                      \
    }                                                                                         \
    T fp_u32_to_##F(uint32_t v, FpStatus *st)                                                 \
    {                                                                                         \
        return (T)from_integer(&fp_format_##F, v, false, 0, st);                              \
    }                                                                                         \
    T fp_i64_to_##F(int64_t v, FpStatus *st)                                                  \
    {                                                                                         \
        return (T)from_signed(&fp_format_##F, v, 0, st);                                      \
    }                                                                                         \
    T fp_u64_to_##F(uint64_t v, FpStatus *st)                                                 \
    {                                                                                         \
        return (T)from_integer(&fp_format_##F, v, false, 0, st);                              \
    }                                                                                         \
    T fp_i64_to_##F##_scaled(int64_t v, int scale, FpStatus *st)                              \
    {                                                                                         \
        return (T)from_signed(&fp_format_##F, v, scale, st);                                  \
    }                                                                                         \
    T fp_u64_to_##F##_scaled(uint64_t v, int scale, FpStatus *st)                             \
    {                                                                                         \
        return (T)from_integer(&fp_format_##F, v, false, scale, st);                          \
    }                                                                                         \
    T fp_##F##_default_nan(const FpStatus *st)                                                \
    {                                                                                         \
        FpStatus scratch = *st;                                                               \
                                                                                              \
        return (T)fp_round_pack(&fp_format_##F, fp_default_nan(st), &scratch);                \
    }

FP_FORMATS(DEFINE_FORMAT)
