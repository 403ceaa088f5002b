/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every format's functions of util/softfloat behind one table, with uint64_t for all values. */
#include "softfloat_test.h"

const char *const sf_op_names[] = { "add", "sub", "mul", "div", "sqrt", "fma", "cvt" };
const int sf_op_arity[] = { 2, 2, 2, 2, 1, 3, 1 };

#define WRAP2(F, NAME)                                                                        \
    static uint64_t F##_##NAME(uint64_t a, uint64_t b, FpStatus *st)                          \
    {                                                                                         \
        return fp_##F##_##NAME(a, b, st);                                                     \
    }
#define WRAP_ARITH(F, NAME, ...)                                                              \
    static uint64_t F##_##NAME(uint64_t a, uint64_t b, uint64_t c, FpStatus *st)              \
    {                                                                                         \
        (void)b;                                                                              \
        (void)c;                                                                              \
        return fp_##F##_##NAME(__VA_ARGS__, st);                                              \
    }
/* The unscaled entry point is used when there is no scale, so that both get tested. */
#define WRAP_TO_INT(F, I)                                                                     \
    static uint64_t F##_to_##I(uint64_t a, int scale, uint8_t rm, FpIntPolicy p, FpStatus *st) \
    {                                                                                         \
        return (uint64_t)(scale ? fp_##F##_to_##I##_scaled(a, scale, rm, p, st)               \
                                : fp_##F##_to_##I(a, rm, p, st));                             \
    }
#define WRAP_FROM_INT(F, I, WIDE)                                                             \
    static uint64_t F##_from_##I(uint64_t v, int scale, FpStatus *st)                         \
    {                                                                                         \
        return scale ? fp_##WIDE##_to_##F##_scaled((int64_t)v, scale, st)                     \
                     : fp_##I##_to_##F(v, st);                                                \
    }
#define WRAP_FORMAT(F)                                                                        \
    WRAP_ARITH(F, add, a, b)                                                                  \
    WRAP_ARITH(F, sub, a, b)                                                                  \
    WRAP_ARITH(F, mul, a, b)                                                                  \
    WRAP_ARITH(F, div, a, b)                                                                  \
    WRAP_ARITH(F, sqrt, a)                                                                    \
    WRAP_ARITH(F, muladd, a, b, c, 0)                                                         \
    static uint64_t F##_muladd_scalbn(uint64_t a, uint64_t b, uint64_t c, int scale,          \
                                      unsigned neg, FpStatus *st)                             \
    {                                                                                         \
        return fp_##F##_muladd_scalbn(a, b, c, scale, neg, st);                               \
    }                                                                                         \
    WRAP2(F, minimum)                                                                         \
    WRAP2(F, maximum)                                                                         \
    WRAP2(F, minimum_number)                                                                  \
    WRAP2(F, maximum_number)                                                                  \
    WRAP2(F, minnum)                                                                          \
    WRAP2(F, maxnum)                                                                          \
    static FpRelation F##_compare_quiet(uint64_t a, uint64_t b, FpStatus *st)                 \
    {                                                                                         \
        return fp_##F##_compare_quiet(a, b, st);                                              \
    }                                                                                         \
    static FpRelation F##_compare_signaling(uint64_t a, uint64_t b, FpStatus *st)             \
    {                                                                                         \
        return fp_##F##_compare_signaling(a, b, st);                                          \
    }                                                                                         \
    static unsigned F##_predicates(uint64_t a, uint64_t b, bool signaling, FpStatus *st)      \
    {                                                                                         \
        return signaling ? fp_##F##_eq_signaling(a, b, st) |                                  \
                               fp_##F##_lt_signaling(a, b, st) << 1 |                         \
                               fp_##F##_le_signaling(a, b, st) << 2                           \
                         : fp_##F##_eq_quiet(a, b, st) | fp_##F##_lt_quiet(a, b, st) << 1 |   \
                               fp_##F##_le_quiet(a, b, st) << 2;                              \
    }                                                                                         \
    static uint64_t F##_round_to_int(uint64_t a, uint8_t rm, bool exact, FpStatus *st)        \
    {                                                                                         \
        return fp_##F##_round_to_int(a, rm, exact, st);                                       \
    }                                                                                         \
    static uint64_t F##_scalbn(uint64_t a, int n, FpStatus *st)                               \
    {                                                                                         \
        return fp_##F##_scalbn(a, n, st);                                                     \
    }                                                                                         \
    static unsigned F##_classify(uint64_t a)                                                  \
    {                                                                                         \
        g_assert_true(fp_##F##_is_nan(a) == (fp_##F##_classify(a) >= FP_CLASS_SNAN));         \
        g_assert_true(fp_##F##_is_snan(a) == (fp_##F##_classify(a) == FP_CLASS_SNAN));        \
        return fp_##F##_classify(a);                                                          \
    }                                                                                         \
    static uint64_t F##_default_nan(const FpStatus *st)                                       \
    {                                                                                         \
        return fp_##F##_default_nan(st);                                                      \
    }                                                                                         \
    WRAP_TO_INT(F, i16)                                                                       \
    WRAP_TO_INT(F, u16)                                                                       \
    WRAP_TO_INT(F, i32)                                                                       \
    WRAP_TO_INT(F, u32)                                                                       \
    WRAP_TO_INT(F, i64)                                                                       \
    WRAP_TO_INT(F, u64)                                                                       \
    WRAP_FROM_INT(F, i32, i64)                                                                \
    WRAP_FROM_INT(F, u32, u64)                                                                \
    WRAP_FROM_INT(F, i64, i64)                                                                \
    WRAP_FROM_INT(F, u64, u64)
WRAP_FORMAT(f16)
WRAP_FORMAT(bf16)
WRAP_FORMAT(f32)
WRAP_FORMAT(f64)

#define WRAP_CVT(FROM, TO)                                                                    \
    static uint64_t FROM##_to_##TO(uint64_t a, FpStatus *st)                                  \
    {                                                                                         \
        return fp_##FROM##_to_##TO(a, st);                                                    \
    }
WRAP_CVT(f32, f16)
WRAP_CVT(f64, f16)
WRAP_CVT(bf16, f16)
WRAP_CVT(f16, bf16)
WRAP_CVT(f32, bf16)
WRAP_CVT(f64, bf16)
WRAP_CVT(f16, f32)
WRAP_CVT(bf16, f32)
WRAP_CVT(f64, f32)
WRAP_CVT(f16, f64)
WRAP_CVT(bf16, f64)
WRAP_CVT(f32, f64)

#define FORMAT(F, FRAC, BIAS, BITS, ...)                                                      \
    {                                                                                         \
        #F, FRAC, BIAS, BITS, { F##_add, F##_sub, F##_mul, F##_div, F##_sqrt, F##_muladd },   \
            F##_muladd_scalbn,                                                                \
            { F##_minimum, F##_maximum, F##_minimum_number, F##_maximum_number, F##_minnum,   \
              F##_maxnum },                                                                   \
            { F##_compare_quiet, F##_compare_signaling }, F##_predicates, F##_round_to_int,   \
            F##_scalbn,                                                                       \
            { F##_to_i16, F##_to_u16, F##_to_i32, F##_to_u32, F##_to_i64, F##_to_u64 },       \
            { NULL, NULL, F##_from_i32, F##_from_u32, F##_from_i64, F##_from_u64 },           \
            { __VA_ARGS__ }, F##_classify, F##_default_nan                                    \
    }
const Format sf_formats[N_FORMATS] = {
    FORMAT(f16, 10, 15, 16, NULL, bf16_to_f16, f32_to_f16, f64_to_f16),
    FORMAT(bf16, 7, 127, 16, f16_to_bf16, NULL, f32_to_bf16, f64_to_bf16),
    FORMAT(f32, 23, 127, 32, f16_to_f32, bf16_to_f32, NULL, f64_to_f32),
    FORMAT(f64, 52, 1023, 64, f16_to_f64, bf16_to_f64, f32_to_f64, NULL),
};
