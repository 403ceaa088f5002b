/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software floating point, the operations that only look at operands: comparison, minimum and
 * maximum, classification.  They work on raw bits, where magnitudes order like integers.  See
 * include/util/softfloat.h for the documents.
 */
#include "softfloat_internal.h"

/* The operand, or a zero of its sign where subnormals are flushed. */
static uint64_t flush_input(const FpFormat *f, uint64_t raw, FpStatus *st)
{
    if (st->flush_inputs && fp_raw_subnormal(f, raw)) {
        fp_raise_flushed(f, st);
        return raw & fp_sign_mask(f);
    }
    return raw;
}

/* An integer that orders as the numbers do, with -0 just below +0. */
static int64_t order_key(const FpFormat *f, uint64_t raw)
{
    int64_t magnitude = (int64_t)(raw & (fp_sign_mask(f) - 1));

    return raw & fp_sign_mask(f) ? -1 - magnitude : magnitude;
}

static FpRelation compare(const FpFormat *f, uint64_t a, uint64_t b, bool signaling, FpStatus *st)
{
    int64_t ka, kb;

    a = flush_input(f, a, st);
    b = flush_input(f, b, st);
    if (fp_raw_nan(f, a) || fp_raw_nan(f, b)) {
        if (signaling || fp_raw_snan(f, a) || fp_raw_snan(f, b)) {
            fp_raise(st, FP_FLAG_NV);
        }
        return FP_UNORDERED;
    }
    fp_raise_used(fp_raw_subnormal(f, a) || fp_raw_subnormal(f, b), st);
    ka = order_key(f, a);
    kb = order_key(f, b);
    /* -1 is the key of -0 */
    ka += ka == -1;
    kb += kb == -1;
    return ka < kb ? FP_LESS : ka > kb ? FP_GREATER : FP_EQUAL;
}

typedef enum NanRule {
    NAN_WINS,       /* IEEE 754-2019 minimum */
    NAN_LOSES,      /* IEEE 754-2019 minimumNumber */
    NAN_QUIET_LOSES /* IEEE 754-2008 minNum */
} NanRule;

static uint64_t min_max(const FpFormat *f, uint64_t a, uint64_t b, bool want_max, NanRule rule,
                        FpStatus *st)
{
    bool nan_a = fp_raw_nan(f, a), nan_b = fp_raw_nan(f, b);
    bool snan = fp_raw_snan(f, a) || fp_raw_snan(f, b);

    a = flush_input(f, a, st);
    b = flush_input(f, b, st);
    if (nan_a || nan_b) {
        FpParts op[2] = { fp_unpack(f, a, st), fp_unpack(f, b, st) };

        if (snan) {
            fp_raise(st, FP_FLAG_NV);
        }
        if (nan_a != nan_b && (rule == NAN_LOSES || (rule == NAN_QUIET_LOSES && !snan))) {
            return nan_a ? b : a;
        }
        return fp_round_pack(f, fp_pick_nan(op, 2, st), st);
    }
    fp_raise_used(fp_raw_subnormal(f, a) || fp_raw_subnormal(f, b), st);
    return (order_key(f, a) < order_key(f, b)) == want_max ? b : a;
}

static unsigned classify(const FpFormat *f, uint64_t raw)
{
    uint64_t magnitude = raw & (fp_sign_mask(f) - 1);
    bool negative = (raw & fp_sign_mask(f)) != 0;

    if (fp_raw_nan(f, raw)) {
        return fp_raw_snan(f, raw) ? FP_CLASS_SNAN : FP_CLASS_QNAN;
    }
    if (magnitude == fp_inf_bits(f)) {
        return negative ? FP_CLASS_NEG_INF : FP_CLASS_POS_INF;
    }
    if (magnitude == 0) {
        return negative ? FP_CLASS_NEG_ZERO : FP_CLASS_POS_ZERO;
    }
    if (magnitude <= fp_frac_mask(f)) {
        return negative ? FP_CLASS_NEG_SUBNORMAL : FP_CLASS_POS_SUBNORMAL;
    }
    return negative ? FP_CLASS_NEG_NORMAL : FP_CLASS_POS_NORMAL;
}

#define DEFINE_MIN_MAX(F, T, NAME, WANT_MAX, RULE)                                            \
    T fp_##F##_##NAME(T a, T b, FpStatus *st)                                                 \
    {                                                                                         \
        return (T)min_max(&fp_format_##F, a, b, WANT_MAX, RULE, st);                          \
    }

#define DEFINE_COMPARE(F, T, KIND, SIGNALING)                                                 \
    FpRelation fp_##F##_compare_##KIND(T a, T b, FpStatus *st)                                \
    {                                                                                         \
        return compare(&fp_format_##F, a, b, SIGNALING, st);                                  \
    }                                                                                         \
    bool fp_##F##_eq_##KIND(T a, T b, FpStatus *st)                                           \
    {                                                                                         \
        return compare(&fp_format_##F, a, b, SIGNALING, st) == FP_EQUAL;                      \
    }                                                                                         \
    bool fp_##F##_lt_##KIND(T a, T b, FpStatus *st)                                           \
    {                                                                                         \
        return compare(&fp_format_##F, a, b, SIGNALING, st) == FP_LESS;                       \
    }                                                                                         \
    bool fp_##F##_le_##KIND(T a, T b, FpStatus *st)                                           \
    {                                                                                         \
        return compare(&fp_format_##F, a, b, SIGNALING, st) <= FP_EQUAL;                      \
    }

#define DEFINE_FORMAT(F, T)                                                                   \
    DEFINE_MIN_MAX(F, T, minimum, false, NAN_WINS)                                            \
    DEFINE_MIN_MAX(F, T, maximum, true, NAN_WINS)                                             \
    DEFINE_MIN_MAX(F, T, minimum_number, false, NAN_LOSES)                                    \
    DEFINE_MIN_MAX(F, T, maximum_number, true, NAN_LOSES)                                     \
    DEFINE_MIN_MAX(F, T, minnum, false, NAN_QUIET_LOSES)                                      \
    DEFINE_MIN_MAX(F, T, maxnum, true, NAN_QUIET_LOSES)                                       \
    DEFINE_COMPARE(F, T, quiet, false)                                                        \
    DEFINE_COMPARE(F, T, signaling, true)                                                     \
    bool fp_##F##_is_nan(T a)                                                                 \
    {                                                                                         \
        return fp_raw_nan(&fp_format_##F, a);                                                 \
    }                                                                                         \
    bool fp_##F##_is_snan(T a)                                                                \
    {                                                                                         \
        return fp_raw_snan(&fp_format_##F, a);                                                \
    }                                                                                         \
    unsigned fp_##F##_classify(T a)                                                           \
    {                                                                                         \
        return classify(&fp_format_##F, a);                                                   \
    }

FP_FORMATS(DEFINE_FORMAT)
