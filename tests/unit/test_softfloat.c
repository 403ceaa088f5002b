/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests of util/softfloat against two things that are not it:
 *
 *   - the host's SSE, FMA and F16C instructions, under FP_NAN_X86, flags and DE included;
 *   - an oracle that knows the exact result only as the root of an equation in integers (for
 *     a / b, "v * b - a = 0").  It finds the two neighbouring values of the format around the
 *     root by bisection, and picks one by the definition of the rounding mode.  It serves all
 *     formats, modes and both kinds of tininess.  Infinities and NaNs come from a plain
 *     transcription of the rules.
 *
 * The host part needs an x86-64 host and is skipped elsewhere.
 */
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "util/softfloat.h"

typedef unsigned __int128 U128;

/* ---- formats and operations, uniformly on uint64_t ---- */

typedef enum Op { ADD, SUB, MUL, DIV, SQRT, FMA, N_OPS, CVT = N_OPS } Op;
static const char *const op_names[] = { "add", "sub", "mul", "div", "sqrt", "fma", "cvt" };
static const int op_arity[] = { 2, 2, 2, 2, 1, 3, 1 };

typedef enum FormatId { F16, BF16, F32, F64, N_FORMATS } FormatId;

typedef struct Format {
    const char *name;
    int frac;
    int bias;
    int bits;
    uint64_t (*op[N_OPS])(uint64_t a, uint64_t b, uint64_t c, FpStatus *st);
    uint64_t (*muladd)(uint64_t a, uint64_t b, uint64_t c, int scale, unsigned neg, FpStatus *st);
    uint64_t (*min_max[6])(uint64_t a, uint64_t b, FpStatus *st);
    FpRelation (*compare[2])(uint64_t a, uint64_t b, FpStatus *st);
    unsigned (*predicates)(uint64_t a, uint64_t b, bool signaling, FpStatus *st);
    uint64_t (*round_to_int)(uint64_t a, uint8_t rm, bool exact, FpStatus *st);
    uint64_t (*scalbn)(uint64_t a, int n, FpStatus *st);
    /* i16, u16, i32, u32, i64, u64 */
    uint64_t (*to_int[6])(uint64_t a, int scale, uint8_t rm, FpIntPolicy policy, FpStatus *st);
    uint64_t (*from_int[6])(uint64_t v, int scale, FpStatus *st);
    uint64_t (*from[N_FORMATS])(uint64_t a, FpStatus *st);
    unsigned (*classify)(uint64_t a);
    uint64_t (*default_nan)(const FpStatus *st);
} Format;

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
static const Format formats[N_FORMATS] = {
    FORMAT(f16, 10, 15, 16, NULL, bf16_to_f16, f32_to_f16, f64_to_f16),
    FORMAT(bf16, 7, 127, 16, f16_to_bf16, NULL, f32_to_bf16, f64_to_bf16),
    FORMAT(f32, 23, 127, 32, f16_to_f32, bf16_to_f32, NULL, f64_to_f32),
    FORMAT(f64, 52, 1023, 64, f16_to_f64, bf16_to_f64, f32_to_f64, NULL),
};

static uint64_t sign_of(const Format *f) { return 1ull << (f->bits - 1); }
static uint64_t mag(const Format *f, uint64_t v) { return v & (sign_of(f) - 1); }
static bool is_neg(const Format *f, uint64_t v) { return (v & sign_of(f)) != 0; }
static uint64_t inf_of(const Format *f) { return (2ull * f->bias + 1) << f->frac; }
static bool is_inf(const Format *f, uint64_t v) { return mag(f, v) == inf_of(f); }
static bool is_nan(const Format *f, uint64_t v) { return mag(f, v) > inf_of(f); }
static bool is_sub(const Format *f, uint64_t v) { return mag(f, v) && mag(f, v) >> f->frac == 0; }
static uint64_t quiet(const Format *f, uint64_t v) { return v | 1ull << (f->frac - 1); }
static bool is_snan(const Format *f, uint64_t v) { return is_nan(f, v) && quiet(f, v) != v; }

/* ---- operands ---- */

static uint64_t rng_state = 0x853c49e6748fea9bull;

static uint64_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}

static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 32) * n >> 32);
}

/* Special values of both signs; `small` leaves out about half of them. */
static int make_grid(const Format *f, bool small, uint64_t *g)
{
    uint64_t one = (uint64_t)f->bias << f->frac, ulp1 = 1ull << f->frac, inf = inf_of(f);
    uint64_t q = ulp1 >> 1;
    const uint64_t v[] = {
        0, 1, ulp1 - 1, ulp1, one, one + 1, inf - 1, inf, inf | q, inf | 1, one - 1,
        /* the rest only in the large grid */
        3, q, ulp1 + 1, 2 * ulp1 - 1, one - ulp1, one - ulp1 - 1, one - ulp1 + 1, one + q,
        one + ulp1, one + ulp1 + q, one + ((uint64_t)f->frac << f->frac) + 1,
        one + ((uint64_t)(f->frac - 1) << f->frac) + 1, one - ((uint64_t)f->frac << f->frac),
        one - ((uint64_t)(f->frac + 1) << f->frac), inf - 2, inf - ulp1, inf | q | 5, inf | 6,
        inf + ulp1 - 1,
    };
    int n = small ? 11 : (int)G_N_ELEMENTS(v), count = 0;

    for (int i = 0; i < n; i++) {
        g[count++] = v[i];
        g[count++] = v[i] | sign_of(f);
    }
    return count;
}
#define GRID_MAX 80

static uint64_t random_with_exp(const Format *f, int exp)
{
    uint64_t frac = rnd();

    switch (below(4)) {
    case 0:
        frac &= rnd() & rnd() & rnd();
        break;
    case 1:
        frac |= rnd() | rnd() | rnd();
        break;
    case 2:
        frac = below(8) - 4ull;
        break;
    }
    exp = CLAMP(exp, 0, 2 * f->bias + 1);
    if (exp == 2 * f->bias + 1 && below(4)) {
        exp--;
    }
    return (frac & ((1ull << f->frac) - 1)) | (uint64_t)exp << f->frac |
           (rnd() & 1 ? sign_of(f) : 0);
}

static int exp_field(const Format *f, uint64_t v) { return (int)(mag(f, v) >> f->frac); }

static uint64_t random_value(const Format *f)
{
    switch (below(4)) {
    case 0:
        return random_with_exp(f, (int)below(f->frac + 4));
    case 1:
        return random_with_exp(f, f->bias + (int)below(8) - 4);
    default:
        return random_with_exp(f, (int)below(2 * f->bias + 2));
    }
}

static void random_operands(const Format *f, Op op, uint64_t *v)
{
    FpStatus st = fp_status_riscv(FP_RNE);
    int ea, eb;

    v[0] = random_value(f);
    v[1] = random_value(f);
    v[2] = random_value(f);
    ea = exp_field(f, v[0]);
    if (below(2)) {
        switch (op) {
        case MUL: /* results around the smallest normal */
        case FMA:
            v[1] = random_with_exp(f, f->bias - ea + (int)below(2 * f->frac) - f->frac);
            break;
        case DIV:
            v[1] = random_with_exp(f, ea + f->bias - (int)below(f->frac + 4));
            break;
        default:
            v[1] = random_with_exp(f, ea + (int)below(f->frac + 6) - f->frac / 2 - 3);
            break;
        }
    }
    eb = exp_field(f, v[1]);
    switch (below(3)) {
    case 0:
        v[2] = random_with_exp(f, ea + eb - f->bias + (int)below(4 * f->frac) - 2 * f->frac);
        break;
    case 1: /* cancellation */
        v[2] = (f->op[MUL](v[0], v[1], 0, &st) ^ sign_of(f)) + below(3) - 1;
        v[2] &= sign_of(f) | (sign_of(f) - 1);
        break;
    }
}

/* ---- the exact oracle ---- */

typedef struct Dyadic { /* (-1)^neg * m * 2^e */
    U128 m;
    int e;
    bool neg;
} Dyadic;

static Dyadic dyadic(const Format *f, uint64_t v)
{
    uint64_t m = mag(f, v) & ((1ull << f->frac) - 1);
    int exp = exp_field(f, v);

    return (Dyadic){
        .m = exp ? m | 1ull << f->frac : m,
        .e = MAX(exp, 1) - f->bias - f->frac,
        .neg = is_neg(f, v),
    };
}

static Dyadic times(Dyadic a, Dyadic b)
{
    return (Dyadic){ .m = a.m * b.m, .e = a.e + b.e, .neg = a.neg != b.neg };
}

static Dyadic minus(Dyadic a)
{
    a.neg = !a.neg;
    return a;
}

/* The sign of a sum, by adding long integers. */
static int sign_of_sum(const Dyadic *t, int n)
{
    uint64_t acc[100] = { 0 };
    int base = INT32_MAX, top = INT32_MIN, limbs;

    for (int i = 0; i < n; i++) {
        if (t[i].m) {
            base = MIN(base, t[i].e);
            top = MAX(top, t[i].e);
        }
    }
    if (base > top) {
        return 0;
    }
    limbs = (top - base + 128 + 8) / 64 + 1;
    g_assert_cmpint(limbs, <, (int)G_N_ELEMENTS(acc));
    for (int i = 0; i < n; i++) {
        int at, shift;
        uint64_t w[3], carry = t[i].neg;

        if (!t[i].m) {
            continue;
        }
        at = (t[i].e - base) / 64;
        shift = (t[i].e - base) % 64;
        w[0] = (uint64_t)(t[i].m << shift);
        w[1] = (uint64_t)(t[i].m << shift >> 64);
        w[2] = shift ? (uint64_t)(t[i].m >> 64 >> (64 - shift)) : 0;
        for (int j = t[i].neg ? 0 : at; j < limbs; j++) {
            uint64_t x = j >= at && j < at + 3 ? w[j - at] : 0;
            U128 sum = (U128)acc[j] + (t[i].neg ? ~x : x) + carry;

            acc[j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
            if (!t[i].neg && j >= at + 2 && !carry) {
                break;
            }
        }
    }
    if (acc[limbs - 1] >> 63) {
        return -1;
    }
    for (int i = 0; i < limbs; i++) {
        if (acc[i]) {
            return 1;
        }
    }
    return 0;
}

/* An exact number x, as the result of an operation on finite operands. */
typedef struct Exact {
    Op op;
    Dyadic a, b, c;
    int sign; /* -1, 0, 1 */
} Exact;

/* The sign of v - x */
static int compare_exact(const Exact *x, Dyadic v)
{
    switch (x->op) {
    case ADD:
        return sign_of_sum((Dyadic[]){ v, minus(x->a), minus(x->b) }, 3);
    case SUB:
        return sign_of_sum((Dyadic[]){ v, minus(x->a), x->b }, 3);
    case MUL:
        return sign_of_sum((Dyadic[]){ v, minus(times(x->a, x->b)) }, 2);
    case DIV:
        return sign_of_sum((Dyadic[]){ times(v, x->b), minus(x->a) }, 2) * (x->b.neg ? -1 : 1);
    case SQRT:
        return sign_of_sum((Dyadic[]){ times(v, v), minus(x->a) }, 2);
    case FMA:
        return sign_of_sum((Dyadic[]){ v, minus(times(x->a, x->b)), minus(x->c) }, 3);
    default:
        return sign_of_sum((Dyadic[]){ v, minus(x->a) }, 2);
    }
}

/* The sign of m * 2^e - |x| */
static int compare_magnitude(const Exact *x, U128 m, int e)
{
    return compare_exact(x, (Dyadic){ m, e, x->sign < 0 }) * (x->sign < 0 ? -1 : 1);
}

/* Round to f.  hint is a guess of the result's bits, which only saves time. */
static uint64_t round_exact(const Format *f, Exact *x, const FpStatus *st, uint64_t hint,
                            unsigned *flags)
{
    uint64_t inf = inf_of(f), lo = 0, hi = inf + 1, r;
    int emin = 1 - f->bias, sign_x, half;
    bool away, tiny, exact;
    Dyadic d;

    x->sign = 1;
    sign_x = x->sign = -compare_exact(x, (Dyadic){ 0, 0, false });
    if (sign_x == 0) {
        bool s = x->a.neg, t = x->op == SUB ? !x->b.neg : x->b.neg;

        if (x->op == FMA) {
            s = x->a.neg != x->b.neg;
            t = x->c.neg;
        }
        if (x->op == MUL || x->op == DIV) {
            s = t = s != t;
        }
        if (x->op == SQRT || x->op == CVT) {
            t = s;
        }
        return (s == t ? s : st->rm == FP_RDN) ? sign_of(f) : 0;
    }
    /* lo: the largest magnitude of the format, with infinity as one more power, <= |x| */
    hint = MIN(mag(f, hint), inf);
    for (int i = 0; i < 2; i++) {
        uint64_t guess = hint - MIN(hint, (uint64_t)i);

        d = dyadic(f, guess);
        if (compare_magnitude(x, d.m, d.e) <= 0 &&
            (guess == inf || compare_magnitude(x, d.m + 1, d.e) > 0)) {
            lo = guess;
            hi = lo + 1;
            break;
        }
    }
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;

        d = dyadic(f, mid);
        if (compare_magnitude(x, d.m, d.e) <= 0) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    d = dyadic(f, lo);
    exact = compare_magnitude(x, d.m, d.e) == 0;
    half = -compare_magnitude(x, 2 * d.m + 1, d.e - 1); /* |x| against the middle */
    away = (st->rm == FP_RUP && sign_x > 0) || (st->rm == FP_RDN && sign_x < 0);
    tiny = compare_magnitude(x, 1, emin) > 0;
    if (tiny && !st->tininess_before_rounding) {
        /* The two largest numbers below 2^emin with a full significand, and their middle. */
        bool nearest = st->rm == FP_RNE || st->rm == FP_RMM;
        U128 full = (U128)1 << (f->frac + 2);
        int e = emin - f->frac - 2;

        if ((nearest && compare_magnitude(x, full - 1, e) <= 0) ||
            (away && compare_magnitude(x, full - 2, e) < 0)) {
            tiny = false;
        }
    }
    if (tiny && st->flush_outputs) {
        *flags |= st->tininess_before_rounding ? FP_FLAG_UF : FP_FLAG_UF | FP_FLAG_NX;
        return sign_x < 0 ? sign_of(f) : 0;
    }
    if (lo == inf) {
        exact = false;
        r = st->rm == FP_RNE || st->rm == FP_RMM || away ? inf : inf - 1;
    } else if (exact) {
        r = lo;
    } else if (st->rm == FP_RNE) {
        r = lo + (half > 0 || (half == 0 && (lo & 1)));
    } else if (st->rm == FP_RMM) {
        r = lo + (half >= 0);
    } else if (st->rm == FP_RTO) {
        r = lo | 1;
    } else {
        r = lo + away;
    }
    if (!exact) {
        *flags |= FP_FLAG_NX;
        *flags |= tiny ? FP_FLAG_UF : 0;
        *flags |= r == inf || lo == inf ? FP_FLAG_OF : 0;
    }
    return r | (sign_x < 0 ? sign_of(f) : 0);
}

static uint64_t flushed(const Format *f, uint64_t v, const FpStatus *st, unsigned *flags)
{
    if (st->flush_inputs && is_sub(f, v)) {
        *flags |= f != &formats[F16] ? FP_FLAG_ID : 0;
        return v & sign_of(f);
    }
    return v;
}

/* The NaN rules of RISC-V and Arm for operands in the order the architecture looks at them. */
static uint64_t nan_result(const Format *f, const uint64_t *v, int n, const FpStatus *st,
                           unsigned *flags)
{
    uint64_t picked = 0;

    for (int i = 0; i < n; i++) {
        if (is_snan(f, v[i])) {
            *flags |= FP_FLAG_NV;
            picked = picked && is_snan(f, picked) ? picked : v[i];
        } else if (is_nan(f, v[i]) && !picked) {
            picked = v[i];
        }
    }
    return st->nan_policy == FP_NAN_ARM ? quiet(f, picked) : quiet(f, inf_of(f));
}

static uint64_t invalid(const Format *f, unsigned *flags)
{
    *flags |= FP_FLAG_NV;
    return quiet(f, inf_of(f));
}

/* What an operation must give on RISC-V or Arm. */
static uint64_t expect(const Format *f, Op op, const uint64_t *operands, const FpStatus *st,
                       uint64_t hint, unsigned *flags)
{
    uint64_t v[3], sa, sb, sc;
    int n = op_arity[op];
    Exact x = { .op = op };

    for (int i = 0; i < 3; i++) {
        v[i] = i < n ? flushed(f, operands[i], st, flags) : 0;
    }
    sa = v[0] & sign_of(f);
    sb = v[1] & sign_of(f);
    sc = v[2] & sign_of(f);
    if (op == FMA) {
        bool inf_zero = (is_inf(f, v[0]) && mag(f, v[1]) == 0) ||
                        (is_inf(f, v[1]) && mag(f, v[0]) == 0);

        if (is_nan(f, v[0]) || is_nan(f, v[1]) || is_nan(f, v[2])) {
            uint64_t order[3] = { v[2], v[0], v[1] };

            if (inf_zero && !is_snan(f, v[2])) {
                return invalid(f, flags);
            }
            return nan_result(f, order, 3, st, flags);
        }
        if (inf_zero) {
            return invalid(f, flags);
        }
        if (is_inf(f, v[0]) || is_inf(f, v[1])) {
            if (is_inf(f, v[2]) && sc != (sa ^ sb)) {
                return invalid(f, flags);
            }
            return inf_of(f) | (sa ^ sb);
        }
        if (is_inf(f, v[2])) {
            return v[2];
        }
    } else {
        bool ia = is_inf(f, v[0]), ib = is_inf(f, v[1]);
        bool za = mag(f, v[0]) == 0, zb = mag(f, v[1]) == 0;

        if (is_nan(f, v[0]) || is_nan(f, v[1])) {
            return nan_result(f, v, n, st, flags);
        }
        switch (op) {
        case ADD:
        case SUB:
            sb ^= op == SUB ? sign_of(f) : 0;
            if (ia && ib && sa != sb) {
                return invalid(f, flags);
            }
            if (ia || ib) {
                return inf_of(f) | (ia ? sa : sb);
            }
            break;
        case MUL:
            if ((ia && zb) || (ib && za)) {
                return invalid(f, flags);
            }
            if (ia || ib) {
                return inf_of(f) | (sa ^ sb);
            }
            break;
        case DIV:
            if ((ia && ib) || (za && zb)) {
                return invalid(f, flags);
            }
            if (ia || zb) {
                *flags |= ia ? 0 : FP_FLAG_DZ;
                return inf_of(f) | (sa ^ sb);
            }
            if (ib) {
                return sa ^ sb;
            }
            break;
        case SQRT:
            if (sa && !za) {
                return invalid(f, flags);
            }
            if (ia) {
                return v[0];
            }
            break;
        default:
            if (ia) {
                return v[0];
            }
            break;
        }
    }
    x.a = dyadic(f, v[0]);
    x.b = dyadic(f, v[1]);
    x.c = dyadic(f, v[2]);
    return round_exact(f, &x, st, hint, flags);
}

/* ---- comparison and reports ---- */

static int failures;
static int64_t checks;

static bool agrees(uint64_t got, unsigned got_flags, uint64_t want, unsigned want_flags)
{
    return got == want && got_flags == want_flags;
}

static void check(const char *what, const Format *f, const uint64_t *v, const FpStatus *st,
                  uint64_t got, uint64_t want, unsigned want_flags)
{
    checks++;
    if (!agrees(got, st->flags, want, want_flags) && failures++ < 20) {
        g_printerr("%s %s rm %d nan %d before %d flush %d%d: %" PRIx64 " %" PRIx64 " %" PRIx64
                   " -> %" PRIx64 " flags %02x, want %" PRIx64 " flags %02x\n",
                   f->name, what, st->rm, st->nan_policy, st->tininess_before_rounding,
                   st->flush_inputs, st->flush_outputs, v[0], v[1], v[2], got, st->flags, want,
                   want_flags);
    }
}

static void report(void)
{
    g_test_message("%" PRId64 " checks", checks);
    g_assert_cmpint(failures, ==, 0);
    g_assert_cmpint(checks, >, 0);
    checks = 0;
}

static FpStatus make_status(int kind, uint8_t rm)
{
    FpStatus st = kind == 0 ? fp_status_riscv(rm) : fp_status_arm(rm);

    st.flush_inputs = kind == 2;
    st.flush_outputs = kind >= 2; /* 3: a tiny result of normal operands more often */
    if (kind == 4) {              /* x86-like flushing in the modes x86 does not have */
        st = fp_status_riscv(rm);
        st.flush_outputs = true;
    }
    return st;
}
#define N_KINDS 5

static void check_exact(const Format *f, Op op, const uint64_t *v, int kind, uint8_t rm)
{
    FpStatus st = make_status(kind, rm);
    unsigned flags = 0;
    uint64_t got = f->op[op](v[0], v[1], v[2], &st);
    uint64_t want = expect(f, op, v, &st, got, &flags);

    check(op_names[op], f, v, &st, got, want, flags);
}

static void test_exact(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX], s[GRID_MAX];
    int ng = make_grid(f, false, g), ns = make_grid(f, true, s);
    unsigned turn = 0;

    for (int op = 0; op < FMA; op++) {
        for (int i = 0; i < ng; i++) {
            for (int j = 0; j < (op_arity[op] > 1 ? ng : 1); j++) {
                for (uint8_t rm = FP_RNE; rm <= FP_RTO; rm++) {
                    check_exact(f, op, (uint64_t[]){ g[i], g[j], 0 }, turn++ % N_KINDS, rm);
                }
            }
        }
    }
    for (int i = 0; i < ns * ns * ns; i++) {
        uint64_t v[3] = { s[i % ns], s[i / ns % ns], s[i / ns / ns] };

        check_exact(f, FMA, v, turn % N_KINDS, i % 6);
        turn += 1 + !(i % 31);
    }
    for (int i = 0; i < 40000; i++) {
        uint64_t v[3];

        random_operands(f, i % N_OPS, v);
        check_exact(f, i % N_OPS, v, (int)below(N_KINDS), (uint8_t)below(6));
    }
    report();
}

/* Negation flags, scaling of fma, scalbn and the NaN an invalid operation makes. */
static void test_muladd_options(gconstpointer data)
{
    const Format *f = data;

    for (int i = 0; i < 20000; i++) {
        FpStatus st = make_status((int)below(N_KINDS), (uint8_t)below(6)), st2 = st;
        uint64_t v[3], w[3], got, want;
        unsigned neg = below(4), flags = 0;
        int n = (int)below(2 * f->bias) - f->bias;

        random_operands(f, FMA, v);
        w[0] = v[0] ^ (neg & FP_MULADD_NEG_PRODUCT ? sign_of(f) : 0);
        w[1] = v[1];
        w[2] = v[2] ^ (neg & FP_MULADD_NEG_ADDEND ? sign_of(f) : 0);
        got = f->muladd(v[0], v[1], v[2], 0, neg, &st);
        want = expect(f, FMA, w, &st, got, &flags);
        check("muladd negate", f, v, &st, got, want, flags);

        st = st2;
        flags = 0;
        got = f->scalbn(v[0], n, &st);
        w[0] = flushed(f, v[0], &st, &flags);
        if (is_nan(f, w[0]) || is_inf(f, w[0])) {
            want = expect(f, CVT, w, &st, got, &flags);
        } else {
            Exact x = { .op = CVT, .a = dyadic(f, w[0]) };

            x.a.e += n;
            want = round_exact(f, &x, &st, got, &flags);
        }
        check("scalbn", f, v, &st, got, want, flags);

        /* (a * b + c) / 2^n for finite operands */
        st = st2;
        flags = 0;
        n = (int)below(16) - 8;
        got = f->muladd(v[0], v[1], v[2], n, 0, &st);
        for (int k = 0; k < 3; k++) {
            w[k] = flushed(f, v[k], &st, &flags);
        }
        if (MAX(MAX(mag(f, w[0]), mag(f, w[1])), mag(f, w[2])) < inf_of(f)) {
            Exact x = { FMA, dyadic(f, w[0]), dyadic(f, w[1]), dyadic(f, w[2]), 0 };

            x.a.e += n;
            x.c.e += n;
            want = round_exact(f, &x, &st, got, &flags);
            check("muladd scale", f, v, &st, got, want, flags);
        }
    }
    for (int n = -70000; n <= 70000; n += 140000) {
        FpStatus st = fp_status_riscv(FP_RNE);
        uint64_t v[3] = { n < 0 ? inf_of(f) - 1 : 1, 0, 0 };

        check("scalbn far", f, v, &st, f->scalbn(v[0], n < 0 ? INT32_MIN : INT32_MAX, &st),
              n < 0 ? 0 : inf_of(f), FP_FLAG_NX | (n < 0 ? FP_FLAG_UF : FP_FLAG_OF));
    }
    for (int kind = 0; kind < 3; kind++) {
        FpStatus st = kind == 2 ? fp_status_x86(0) : make_status(kind, 0);

        g_assert_cmphex(f->default_nan(&st), ==,
                        quiet(f, inf_of(f)) | (kind == 2 ? sign_of(f) : 0));
    }
    report();
}

/* ---- comparisons, minimum and maximum, classification ---- */

static uint64_t expect_min_max(const Format *f, int which, uint64_t a, uint64_t b,
                               const FpStatus *st, unsigned *flags)
{
    bool max = which & 1, loses = which >= 2, snan = is_snan(f, a) || is_snan(f, b);
    uint64_t v[2];
    int order;

    v[0] = a = flushed(f, a, st, flags);
    v[1] = b = flushed(f, b, st, flags);
    *flags |= snan ? FP_FLAG_NV : 0;
    if (which >= 4 && snan) {
        loses = false;
    }
    if (is_nan(f, a) || is_nan(f, b)) {
        if (loses && !(is_nan(f, a) && is_nan(f, b))) {
            return is_nan(f, a) ? b : a;
        }
        return nan_result(f, v, 2, st, flags);
    }
    order = sign_of_sum((Dyadic[]){ dyadic(f, a), minus(dyadic(f, b)) }, 2);
    if (order == 0) {
        order = (int)is_neg(f, b) - (int)is_neg(f, a);
    }
    return (order > 0) == max ? a : b;
}

static void test_compare(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX];
    int ng = make_grid(f, false, g);

    for (int i = 0; i < ng * ng + 10000; i++) {
        uint64_t v[3] = { g[i % ng], g[i / ng % ng], 0 };

        if (i >= ng * ng) {
            random_operands(f, ADD, v);
        }
        for (int kind = 0; kind < 3; kind++) {
            FpStatus init = make_status(kind, FP_RNE), st;
            bool unordered = is_nan(f, v[0]) || is_nan(f, v[1]);
            unsigned id = 0;
            uint64_t a = flushed(f, v[0], &init, &id), b = flushed(f, v[1], &init, &id);
            int want = unordered ? FP_UNORDERED
                                 : sign_of_sum((Dyadic[]){ dyadic(f, a), minus(dyadic(f, b)) }, 2);

            for (int s = 0; s < 2; s++) {
                unsigned flags = id;

                if (unordered && (s || is_snan(f, a) || is_snan(f, b))) {
                    flags |= FP_FLAG_NV;
                }
                st = init;
                check("compare", f, v, &st, (uint64_t)(int64_t)f->compare[s](v[0], v[1], &st),
                      (uint64_t)(int64_t)want, flags);
                st = init;
                check("predicates", f, v, &st, f->predicates(v[0], v[1], s, &st),
                      want == 0 ? 5 : want == -1 ? 6 : 0, flags);
            }
            for (int which = 0; which < 6; which++) {
                unsigned flags = 0;
                uint64_t w, got;

                st = init;
                got = f->min_max[which](v[0], v[1], &st);
                w = expect_min_max(f, which, v[0], v[1], &st, &flags);
                check("min_max", f, v, &st, got, w, flags);
            }
        }
    }
    for (int i = 0; i < ng; i++) {
        uint64_t m = mag(f, g[i]);
        unsigned c = f->classify(g[i]);
        int rank = m == 0 ? 0 : is_sub(f, m) ? 1 : m < inf_of(f) ? 2 : 3;
        unsigned want = is_nan(f, m) ? (is_snan(f, m) ? 1u << 8 : 1u << 9)
                                     : 1u << (is_neg(f, g[i]) ? 3 - rank : 4 + rank);

        g_assert_cmphex(c, ==, want);
    }
    report();
}

/* ---- integers ---- */

static const struct { int bits; bool is_signed; } int_types[6] = {
    { 16, true }, { 16, false }, { 32, true }, { 32, false }, { 64, true }, { 64, false },
};

/* |d| as an integer rounded by rm; magnitudes from 2^70 on give 2^70. */
static U128 round_dyadic(Dyadic d, uint8_t rm, bool *inexact)
{
    U128 q, unit, rest;

    *inexact = false;
    if (d.m == 0) {
        return 0;
    }
    if (d.e >= 0) {
        return d.e >= 70 ? (U128)1 << 70 : MIN(d.m << MIN(d.e, 60), (U128)1 << 70);
    }
    if (d.e < -120) { /* |d| < 2^-50 */
        d.m = 1;
        d.e = -120;
    }
    unit = (U128)1 << -d.e;
    q = d.m / unit;
    rest = d.m % unit;
    *inexact = rest != 0;
    switch (rm) {
    case FP_RNE:
        return q + (2 * rest > unit || (2 * rest == unit && q % 2));
    case FP_RMM:
        return q + (2 * rest >= unit);
    case FP_RDN:
        return q + (rest && d.neg);
    case FP_RUP:
        return q + (rest && !d.neg);
    case FP_RTO:
        return rest && q % 2 == 0 ? q + 1 : q;
    default:
        return q;
    }
}

static uint64_t expect_int(const Format *f, uint64_t a, int scale, int t, uint8_t rm,
                           FpIntPolicy policy, const FpStatus *st, unsigned *flags)
{
    int bits = int_types[t].bits;
    bool is_signed = int_types[t].is_signed, inexact;
    __int128 hi = ((__int128)1 << (bits - is_signed)) - 1, lo = is_signed ? -hi - 1 : 0, q;
    Dyadic d;

    a = flushed(f, a, st, flags);
    if (mag(f, a) < inf_of(f)) {
        d = dyadic(f, a);
        d.e += scale;
        q = (__int128)round_dyadic(d, rm, &inexact);
        q = d.neg ? -q : q;
        if (q >= lo && q <= hi) {
            *flags |= inexact ? FP_FLAG_NX : 0;
            return (uint64_t)q;
        }
    }
    *flags |= FP_FLAG_NV;
    if (policy == FP_INT_X86) {
        return (uint64_t)(is_signed ? lo : hi);
    }
    if (is_nan(f, a)) {
        return policy == FP_INT_ARM ? 0 : (uint64_t)hi;
    }
    return (uint64_t)(is_neg(f, a) ? lo : hi);
}

static void check_int(const Format *f, uint64_t a, unsigned turn)
{
    uint64_t v[3] = { a, 0, 0 };
    FpStatus st;
    unsigned flags;
    bool inexact;

    for (int t = 0; t < 6; t++) {
        for (uint8_t rm = FP_RNE; rm <= FP_RTO; rm++) {
            FpIntPolicy policy = (FpIntPolicy)(turn++ % 3);
            int scale = turn % 5 ? 0 : (int)below(80) - 8;
            uint64_t got, want;

            v[1] = (uint64_t)scale;
            v[2] = (uint64_t)t << 8 | rm << 4 | policy;
            st = make_status(turn % 7 ? 1 : 2, FP_RNE);
            flags = 0;
            got = f->to_int[t](a, scale, rm, policy, &st);
            want = expect_int(f, a, scale, t, rm, policy, &st, &flags);
            check("to_int", f, v, &st, got, want, flags);
        }
    }
    for (uint8_t rm = FP_RNE; rm <= FP_RTO; rm++) {
        bool exact = turn++ & 1;
        uint64_t got, in;
        U128 q;

        st = make_status(turn % 7 ? (int)(turn & 1) : 2, FP_RNE);
        got = f->round_to_int(a, rm, exact, &st);
        flags = 0;
        v[1] = rm;
        v[2] = exact;
        in = flushed(f, a, &st, &flags);
        if (is_nan(f, in)) {
            in = nan_result(f, &in, 1, &st, &flags);
            check("rint", f, v, &st, got, in, flags);
            continue;
        }
        if (is_inf(f, in) || exp_field(f, in) >= f->bias + f->frac) {
            check("rint", f, v, &st, got, in, flags);
            continue;
        }
        q = round_dyadic(dyadic(f, in), rm, &inexact);
        flags |= inexact && exact ? FP_FLAG_NX : 0;
        /* The result is right if its value and its sign are. */
        check("rint", f, v, &st,
              (uint64_t)sign_of_sum((Dyadic[]){ dyadic(f, mag(f, got)), { q, 0, true } }, 2), 0,
              flags);
        g_assert_true(is_neg(f, got) == is_neg(f, in));
    }
}

static void test_int(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX];
    int ng = make_grid(f, false, g);
    unsigned turn = 0;

    for (int i = 0; i < ng; i++) {
        check_int(f, g[i], turn++);
    }
    /* Around the ends of every type, and halves around small integers. */
    for (int e = -3; e <= 66; e++) {
        uint64_t at = (uint64_t)(f->bias + e) << f->frac, half;

        if (at >= inf_of(f)) {
            break;
        }
        half = e < f->frac && e >= 0 ? 1ull << (f->frac - e) >> 1 : 1;
        for (int k = -6; k <= 6; k++) {
            for (int s = 0; s < 2; s++) {
                uint64_t sign = s ? sign_of(f) : 0;

                check_int(f, (at + (uint64_t)k) | sign, turn++);
                check_int(f, (at + (uint64_t)k * half) | sign, turn++);
                check_int(f, (at + (uint64_t)k * half + 1) | sign, turn++);
            }
        }
    }
    for (int i = 0; i < 4000; i++) {
        check_int(f, random_with_exp(f, f->bias - 4 + (int)below(72)), turn++);
        check_int(f, random_value(f), turn++);
    }
    /* From integers */
    for (int i = 0; i < 20000; i++) {
        int t = 2 + i % 4, scale = below(4) ? 0 : (int)below(80) - 70;
        uint64_t raw = i < 2048 ? (1ull << (i / 4 % 64)) + (uint64_t)(i / 256) - 4
                                : rnd() >> below(64) << below(20);
        uint64_t v[3] = { raw, (uint64_t)scale, (uint64_t)t }, got, want;
        FpStatus st = make_status((int)below(N_KINDS), (uint8_t)below(6));
        unsigned flags = 0;
        Exact x = { .op = CVT };

        raw = t == 2 ? (uint64_t)(int64_t)(int32_t)raw : t == 3 ? (uint32_t)raw : raw;
        x.a.neg = t % 2 == 0 && (int64_t)raw < 0;
        x.a.m = x.a.neg ? -raw : raw;
        x.a.e = scale;
        got = f->from_int[t](raw, scale, &st);
        want = round_exact(f, &x, &st, got, &flags);
        check("from_int", f, v, &st, got, want, flags);
    }
    report();
}

static void test_modular(void)
{
    const Format *f = &formats[F64];
    uint64_t g[GRID_MAX];
    int ng = make_grid(f, false, g);

    for (int i = 0; i < 60000; i++) {
        uint64_t a = i < ng ? g[i] : random_with_exp(f, f->bias - 2 + (int)below(92));
        uint64_t v[3] = { a, 0, 0 }, want = 0;
        FpStatus st = make_status(i % 3, FP_RNE), st2;
        unsigned flags = 0;

        if (i % 64 == 63) {
            a = v[0] = random_value(f);
        }
        (void)expect_int(f, a, 0, 2, FP_RTZ, FP_INT_ARM, &st, &flags);
        if (mag(f, a) < inf_of(f) && exp_field(f, a) >= f->bias) {
            Dyadic d = dyadic(f, a);

            want = d.e > 32 ? 0 : d.e >= 0 ? (uint64_t)(d.m << d.e) : (uint64_t)(d.m >> -d.e);
            want = d.neg ? -want : want;
        }
        st2 = st;
        check("modular", f, v, &st2, (uint64_t)(int64_t)fp_f64_to_i32_modular(a, &st2),
              (uint64_t)(int64_t)(int32_t)want, flags);
    }
    report();
}

/* ---- between formats ---- */

static void check_convert(const Format *to, FormatId from, uint64_t a, int kind, uint8_t rm)
{
    const Format *f = &formats[from];
    uint64_t v[3] = { a, 0, 0 }, got, want, in = a;
    FpStatus st = make_status(kind, rm), oracle;
    unsigned flags = 0;

    got = to->from[from](a, &st);
    oracle = st;
    oracle.flush_inputs = st.flush_inputs && from != F16;
    oracle.flush_outputs = st.flush_outputs && to != &formats[F16];
    in = flushed(f, in, &oracle, &flags);
    if (is_nan(f, in)) {
        uint64_t payload = in & ((1ull << f->frac) - 1);

        flags |= is_snan(f, in) ? FP_FLAG_NV : 0;
        payload = to->frac > f->frac ? payload << (to->frac - f->frac)
                                     : payload >> (f->frac - to->frac);
        want = quiet(to, inf_of(to));
        if (st.nan_policy == FP_NAN_ARM) {
            want |= payload | (is_neg(f, in) ? sign_of(to) : 0);
        }
    } else if (is_inf(f, in)) {
        want = inf_of(to) | (is_neg(f, in) ? sign_of(to) : 0);
    } else {
        Exact x = { .op = CVT, .a = dyadic(f, in) };

        want = round_exact(to, &x, &oracle, got, &flags);
    }
    check(to->name, f, v, &st, got, want, flags);
}

static void test_convert(gconstpointer data)
{
    const Format *to = data;

    for (int from = 0; from < N_FORMATS; from++) {
        const Format *f = &formats[from];
        uint64_t g[GRID_MAX];
        int ng = make_grid(f, false, g);

        if (!to->from[from]) {
            continue;
        }
        for (int i = 0; i < ng * 6 * N_KINDS; i++) {
            check_convert(to, from, g[i % ng], i / ng % N_KINDS, i / ng / N_KINDS);
        }
        for (int i = 0; i < 20000; i++) {
            /* Half of them around the range of the target, with few bits beyond its own. */
            int e = f->bias - to->bias + (int)below(2 * to->bias + 2 * to->frac) - to->frac;
            uint64_t a = i % 2 ? random_value(f) : random_with_exp(f, e);

            if (f->frac > to->frac && i % 3 == 0) {
                a &= ~0ull << (f->frac - to->frac - 1);
            }
            check_convert(to, from, a, (int)below(N_KINDS), (uint8_t)below(6));
        }
    }
    report();
}

static void test_ahp(void)
{
    const Format *f = &formats[F32];

    /* Every half is a number: exponent 31 is one binade more. */
    for (unsigned h = 0; h < 0x10000; h++) {
        FpStatus st = fp_status_arm(FP_RNE);
        uint32_t s;
        Dyadic want = { .m = h & 0x3ff, .e = MAX(h >> 10 & 31, 1) - 25, .neg = h >> 15 };

        want.m |= h & 0x7c00 ? 0x400 : 0;
        st.f16_ahp = true;
        s = fp_f16_to_f32((uint16_t)h, &st);
        g_assert_cmpint(sign_of_sum((Dyadic[]){ dyadic(f, s), minus(want) }, 2), ==, 0);
        g_assert_cmpuint(s >> 31, ==, h >> 15);
        g_assert_cmphex(fp_f32_to_f16(s, &st), ==, h);
        g_assert_cmphex(fp_f64_to_f16(fp_f16_to_f64((uint16_t)h, &st), &st), ==, h);
        g_assert_cmphex(st.flags, ==, 0);
    }
    for (int policy = FP_NAN_DEFAULT; policy <= FP_NAN_ARM; policy++) {
        static const struct { uint32_t in; uint16_t out; uint8_t flags; } t[] = {
            { 0x7f800000, 0x7fff, FP_FLAG_NV }, /* infinity */
            { 0xff800000, 0xffff, FP_FLAG_NV },
            { 0x7fc00001, 0x0000, FP_FLAG_NV }, /* NaN */
            { 0xff800001, 0x8000, FP_FLAG_NV },
            { 0x47ffe000, 0x7fff, 0 },          /* 131008, the largest */
            { 0x47ffe001, 0x7fff, FP_FLAG_NX },
            { 0x47fff000, 0x7fff, FP_FLAG_NV }, /* rounds to 2^17 */
            { 0xc8000000, 0xffff, FP_FLAG_NV },
            { 0x33000000, 0x0000, FP_FLAG_NX | FP_FLAG_UF },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(t); i++) {
            FpStatus st = fp_status_arm(FP_RNE);

            st.nan_policy = (uint8_t)policy;
            st.f16_ahp = true;
            g_assert_cmphex(fp_f32_to_f16(t[i].in, &st), ==, t[i].out);
            g_assert_cmphex(st.flags, ==, t[i].flags);
        }
    }
}

/* A few results written down by hand from the manuals, so that no oracle is in between. */
static void test_known(void)
{
    FpStatus rv = fp_status_riscv(FP_RNE), arm = fp_status_arm(FP_RNE), x86 = fp_status_x86(0);

    g_assert_cmphex(fp_f32_add(0x3f800000, 0x40000000, &rv), ==, 0x40400000);
    g_assert_cmphex(fp_f64_div(0x3ff0000000000000, 0x4008000000000000, &rv), ==,
                    0x3fd5555555555555);
    g_assert_cmphex(rv.flags, ==, FP_FLAG_NX);
    rv.flags = 0;
    g_assert_cmphex(fp_f32_muladd(0x7f800000, 0, 0xffc12345, 0, &rv), ==, 0x7fc00000);
    g_assert_cmphex(rv.flags, ==, FP_FLAG_NV);
    g_assert_cmphex(fp_f32_muladd(0x7f800000, 0, 0xffc12345, 0, &arm), ==, 0x7fc00000);
    g_assert_cmphex(arm.flags, ==, FP_FLAG_NV);
    g_assert_cmphex(fp_f32_muladd(0x7f800000, 0, 0xffc12345, 0, &x86), ==, 0xffc12345);
    g_assert_cmphex(x86.flags, ==, 0);
    /* Quiet first operand, signaling second */
    g_assert_cmphex(fp_f32_add(0x7fc00001, 0xff800002, &arm), ==, 0xffc00002);
    g_assert_cmphex(fp_f32_add(0x7fc00001, 0xff800002, &x86), ==, 0x7fc00001);
    g_assert_cmphex(fp_f32_add(0x7fc00001, 0xff800002, &rv), ==, 0x7fc00000);
    g_assert_cmphex(fp_f32_sqrt(0xbf800000, &x86), ==, 0xffc00000);
    g_assert_cmphex(fp_f32_minimum_number(0x7f800001, 0x3f800000, &rv), ==, 0x3f800000);
    g_assert_cmphex(fp_f32_minnum(0x7f800001, 0x3f800000, &arm), ==, 0x7fc00001);
    g_assert_cmphex((uint32_t)fp_f32_to_i32(0x7fc00000, FP_RTZ, FP_INT_RISCV, &rv), ==,
                    0x7fffffff);
    g_assert_cmphex(fp_f32_to_u32(0xbf800000, FP_RTZ, FP_INT_RISCV, &rv), ==, 0);
    g_assert_cmphex((uint32_t)fp_f32_to_i32(0x7fc00000, FP_RTZ, FP_INT_ARM, &arm), ==, 0);
    g_assert_cmphex((uint32_t)fp_f32_to_i32(0x4f000000, FP_RTZ, FP_INT_X86, &x86), ==,
                    0x80000000);
}

/* Both comparisons must be able to fail. */
static void test_sanity(void)
{
    const Format *f = &formats[F64];
    int wrong_mode = 0, wrong_tininess = 0;

    g_assert_true(agrees(1, 2, 1, 2));
    g_assert_false(agrees(1, 2, 3, 2));
    g_assert_false(agrees(1, 2, 1, 0));
    for (int i = 0; i < 3000; i++) {
        FpStatus up = make_status(0, FP_RUP), down = make_status(0, FP_RDN), before = up;
        uint64_t v[3], got, want;
        unsigned flags = 0;

        random_operands(f, MUL, v);
        got = f->op[MUL](v[0], v[1], 0, &up);
        want = expect(f, MUL, v, &down, got, &flags);
        wrong_mode += !agrees(got, up.flags, want, flags);
        /* The largest subnormal and a bit: tiny only before rounding. */
        v[0] = 0x0010000000000001;
        v[1] = 0x3feffffffffffffe;
        flags = 0;
        up.flags = 0;
        before.tininess_before_rounding = true;
        got = f->op[MUL](v[0], v[1], 0, &up);
        want = expect(f, MUL, v, &before, got, &flags);
        wrong_tininess += got == want && !agrees(got, up.flags, want, flags);
    }
    g_assert_cmpint(wrong_mode, >, 1000);
    g_assert_cmpint(wrong_tininess, ==, 3000);
}

/* ---- the host ---- */

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/*
 * One instruction between loading MXCSR and reading it back, in one asm statement, so that the
 * compiler can move nothing in between nor run its own arithmetic under our rounding mode.
 */
static uint32_t host_mxcsr;
static uint32_t host_flags;
static uint32_t default_mxcsr = 0x1f80;

#define HOST(out_constraint, out, insn, ...)                                                  \
    asm volatile("ldmxcsr %[in]\n\t" insn "\n\tstmxcsr %[seen]\n\tldmxcsr %[restore]"         \
                 : [o] out_constraint(out), [seen] "=m"(host_flags)                           \
                 : [in] "m"(host_mxcsr), [restore] "m"(default_mxcsr), ##__VA_ARGS__          \
                 : "memory", "rax")

static __m128i xmm(uint64_t v) { return _mm_cvtsi64_si128((int64_t)v); }
static uint64_t low(__m128i x, bool is64)
{
    uint64_t v = (uint64_t)_mm_cvtsi128_si64(x);

    return is64 ? v : (uint32_t)v;
}

static void host_mode(FpStatus *st, uint8_t rm, bool ftz, bool daz)
{
    static const uint8_t rc[] = { [FP_RNE] = 0, [FP_RDN] = 1, [FP_RUP] = 2, [FP_RTZ] = 3 };

    *st = fp_status_x86(rm);
    st->flush_outputs = ftz;
    st->flush_inputs = daz;
    host_mxcsr = 0x1f80u | (uint32_t)rc[rm] << 13 | (ftz ? 0x8000u : 0) | (daz ? 0x40u : 0);
}

static unsigned host_seen(void)
{
    uint32_t m = host_flags;

    return (m & 1 ? FP_FLAG_NV : 0) | (m & 2 ? FP_FLAG_ID : 0) | (m & 4 ? FP_FLAG_DZ : 0) |
           (m & 8 ? FP_FLAG_OF : 0) | (m & 16 ? FP_FLAG_UF : 0) | (m & 32 ? FP_FLAG_NX : 0);
}

static uint64_t host_op(bool is64, Op op, const uint64_t *v)
{
    __m128i a = xmm(v[0]), b = xmm(v[1]), c = xmm(v[2]);

#define HOST_OP(name)                                                                         \
    do {                                                                                      \
        if (is64) {                                                                           \
            HOST("+x", a, name "sd %[b], %[o]", [b] "x"(b));                                  \
        } else {                                                                              \
            HOST("+x", a, name "ss %[b], %[o]", [b] "x"(b));                                  \
        }                                                                                     \
    } while (0)
    switch (op) {
    case ADD:
        HOST_OP("add");
        break;
    case SUB:
        HOST_OP("sub");
        break;
    case MUL:
        HOST_OP("mul");
        break;
    case DIV:
        HOST_OP("div");
        break;
    case SQRT:
        b = a;
        HOST_OP("sqrt");
        break;
    default:
        /* c = a * b + c; the 231 form, whose NaN order is the multiplicands first */
        if (is64) {
            HOST("+x", c, "vfmadd231sd %[b], %[a], %[o]", [a] "x"(a), [b] "x"(b));
        } else {
            HOST("+x", c, "vfmadd231ss %[b], %[a], %[o]", [a] "x"(a), [b] "x"(b));
        }
        a = c;
        break;
    }
    return low(a, is64);
}

static void check_host(const Format *f, Op op, const uint64_t *v, uint8_t rm, int flush)
{
    FpStatus st;
    uint64_t got, want;

    host_mode(&st, rm, flush & 1, flush & 2);
    want = host_op(f->bits == 64, op, v);
    got = f->op[op](v[0], v[1], v[2], &st);
    check(op_names[op], f, v, &st, got, want, host_seen());
}

static void test_host_arith(gconstpointer data)
{
    const Format *f = data;
    int ops = __builtin_cpu_supports("fma") ? N_OPS : FMA;
    uint64_t g[GRID_MAX], s[GRID_MAX];
    int ng = make_grid(f, false, g), ns = make_grid(f, true, s);

    for (int op = 0; op < FMA; op++) {
        for (int i = 0; i < ng * ng * 16; i++) {
            check_host(f, op, (uint64_t[]){ g[i / 16 % ng], g[i / 16 / ng], 0 }, i % 4,
                       i / 4 % 4);
        }
    }
    for (int i = 0; i < ns * ns * ns * 4 && ops > FMA; i++) {
        uint64_t v[3] = { s[i / 4 % ns], s[i / 4 / ns % ns], s[i / 4 / ns / ns] };

        check_host(f, FMA, v, i % 4, i / 4 % 5 % 4);
    }
    for (int i = 0; i < 300000; i++) {
        uint64_t v[3];
        Op op = (Op)(i % ops);

        random_operands(f, op, v);
        check_host(f, op, v, (uint8_t)below(4), (int)(below(8) & below(8) & 3));
    }
    report();
}

/* Conversions, rounding to integral and comparison of one operand (pair) on the host. */
static void check_host_other(const Format *f, const uint64_t *v, uint8_t rm, int flush)
{
    bool is64 = f->bits == 64;
    __m128i a = xmm(v[0]), b = xmm(v[1]), x = a;
    FpStatus init, st;
    uint64_t r;
    uint8_t rel;

#define BOTH(constraint, out, insn64, insn32, ...)                                            \
    do {                                                                                      \
        if (is64) {                                                                           \
            HOST(constraint, out, insn64, __VA_ARGS__);                                       \
        } else {                                                                              \
            HOST(constraint, out, insn32, __VA_ARGS__);                                       \
        }                                                                                     \
        st = init;                                                                            \
    } while (0)
    host_mode(&init, rm, flush & 1, flush & 2);
    BOTH("+x", x, "cvtsd2ss %[a], %[o]", "cvtss2sd %[a], %[o]", [a] "x"(a));
    r = is64 ? f64_to_f32(v[0], &st) : f32_to_f64(v[0], &st);
    check("host cvt", f, v, &st, r, low(x, !is64), host_seen());

    BOTH("=r", r, "cvtsd2siq %[a], %[o]", "cvtss2siq %[a], %[o]", [a] "x"(a));
    check("host si64", f, v, &st, f->to_int[4](v[0], 0, rm, FP_INT_X86, &st), r, host_seen());
    BOTH("=r", r, "cvtsd2sil %[a], %k[o]", "cvtss2sil %[a], %k[o]", [a] "x"(a));
    check("host si32", f, v, &st, (uint32_t)f->to_int[2](v[0], 0, rm, FP_INT_X86, &st),
          (uint32_t)r, host_seen());
    BOTH("=r", r, "cvttsd2siq %[a], %[o]", "cvttss2siq %[a], %[o]", [a] "x"(a));
    check("host tsi64", f, v, &st, f->to_int[4](v[0], 0, FP_RTZ, FP_INT_X86, &st), r,
          host_seen());

    x = xmm(0);
    BOTH("+x", x, "cvtsi2sdq %[a], %[o]", "cvtsi2ssq %[a], %[o]", [a] "r"(v[0]));
    check("host from i64", f, v, &st, f->from_int[4](v[0], 0, &st), low(x, is64), host_seen());
    BOTH("+x", x, "cvtsi2sdl %k[a], %[o]", "cvtsi2ssl %k[a], %[o]", [a] "r"(v[0]));
    check("host from i32", f, v, &st, f->from_int[2](v[0], 0, &st), low(x, is64), host_seen());

    if (__builtin_cpu_supports("sse4.1")) {
        BOTH("+x", x, "roundsd $4, %[a], %[o]", "roundss $4, %[a], %[o]", [a] "x"(a));
        check("host rint", f, v, &st, f->round_to_int(v[0], rm, true, &st), low(x, is64),
              host_seen());
        BOTH("+x", x, "roundsd $12, %[a], %[o]", "roundss $12, %[a], %[o]", [a] "x"(a));
        check("host nearbyint", f, v, &st, f->round_to_int(v[0], rm, false, &st), low(x, is64),
              host_seen());
    }
    for (int s = 0; s < 2; s++) {
        FpRelation got;
        unsigned want;

        /* ZF, PF, CF: 111 unordered, 000 greater, 001 less, 100 equal */
        if (s) {
            BOTH("=Q", r, "comisd %[b], %[a]\n\tlahf\n\tmovzbl %%ah, %k[o]",
                 "comiss %[b], %[a]\n\tlahf\n\tmovzbl %%ah, %k[o]", [a] "x"(a), [b] "x"(b));
        } else {
            BOTH("=Q", r, "ucomisd %[b], %[a]\n\tlahf\n\tmovzbl %%ah, %k[o]",
                 "ucomiss %[b], %[a]\n\tlahf\n\tmovzbl %%ah, %k[o]", [a] "x"(a), [b] "x"(b));
        }
        want = r & 0x45;
        got = f->compare[s](v[0], v[1], &st);
        rel = got == FP_UNORDERED ? 0x45 : got == FP_GREATER ? 0 : got == FP_LESS ? 1 : 0x40;
        check("host compare", f, v, &st, rel, want, host_seen());
    }
}

static void test_host_other(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX];
    int ng = make_grid(f, false, g);

    for (int i = 0; i < ng * ng * 4; i++) {
        check_host_other(f, (uint64_t[]){ g[i / 4 % ng], g[i / 4 / ng], 0 }, i % 4, i / 8 % 4);
    }
    for (int i = 0; i < 60000; i++) {
        uint64_t v[3];

        random_operands(f, ADD, v);
        if (i % 2) {
            v[0] = random_with_exp(f, f->bias - 2 + (int)below(70));
        }
        check_host_other(f, v, (uint8_t)below(4), (int)(below(8) & below(8) & 3));
    }
    report();
}

/* By hand, as clang 14 has no __builtin_cpu_supports("f16c"). */
static bool host_has_f16c(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static void check_f16c(uint64_t a, uint8_t rm, int flush)
{
    uint64_t v[3] = { a, 0, 0 };
    __m128i x = xmm(a), r;
    FpStatus st;

    host_mode(&st, rm, flush & 1, flush & 2);
    HOST("=x", r, "vcvtps2ph $4, %[a], %[o]", [a] "x"(x));
    check("f16c narrow", &formats[F32], v, &st, fp_f32_to_f16((uint32_t)a, &st),
          low(r, false) & 0xffff, host_seen());
}

static void test_host_f16c(void)
{
    const Format *f = &formats[F32];
    uint64_t g[GRID_MAX];
    int ng = make_grid(f, false, g);

    if (!host_has_f16c()) {
        g_test_skip("no F16C");
        return;
    }
    for (unsigned h = 0; h < 0x10000; h++) {
        for (int flush = 0; flush < 4; flush += 3) {
            uint64_t v[3] = { h, 0, 0 };
            __m128i x = xmm(h), r;
            FpStatus st;

            host_mode(&st, FP_RNE, flush & 1, flush & 2);
            HOST("=x", r, "vcvtph2ps %[a], %[o]", [a] "x"(x));
            check("f16c widen", &formats[F16], v, &st, fp_f16_to_f32((uint16_t)h, &st),
                  low(r, false), host_seen());
        }
    }
    for (int i = 0; i < ng * 16; i++) {
        check_f16c(g[i / 16], i % 4, i / 4 % 4);
    }
    for (int i = 0; i < 100000; i++) {
        uint64_t a = random_with_exp(f, 127 - 28 + (int)below(48));

        check_f16c(i % 2 ? a : a & ~0xfffull, (uint8_t)below(4), (int)below(4));
    }
    report();
}
#endif

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/softfloat/sanity", test_sanity);
    g_test_add_func("/softfloat/known", test_known);
    g_test_add_func("/softfloat/ahp", test_ahp);
    g_test_add_func("/softfloat/modular", test_modular);
    for (int i = 0; i < N_FORMATS; i++) {
        static const struct { const char *name; GTestDataFunc func; } t[] = {
            { "exact", test_exact }, { "muladd", test_muladd_options },
            { "compare", test_compare }, { "int", test_int }, { "convert", test_convert },
#ifdef __x86_64__
            { "host-arith", test_host_arith }, { "host-other", test_host_other },
#endif
        };

        for (unsigned j = 0; j < G_N_ELEMENTS(t); j++) {
            g_autofree char *path = NULL;

            if (strncmp(t[j].name, "host", 4) == 0 && formats[i].bits == 16) {
                continue;
            }
            path = g_strdup_printf("/softfloat/%s/%s", formats[i].name, t[j].name);
            g_test_add_data_func(path, &formats[i], t[j].func);
        }
    }
#ifdef __x86_64__
    g_test_add_func("/softfloat/f16c", test_host_f16c);
#endif
    return g_test_run();
}
