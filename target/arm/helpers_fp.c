/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating point that the IR has no operations for, and all of it in half precision (DDI 0487
 * J1.3, shared pseudocode functions under "functions/float"): elementwise operations of one and
 * two operands, pairwise and across lanes, multiply-add.
 *
 * A family is one helper with a table of operations by format. Halves are flushed by FPCR.FZ16,
 * and record nothing about it; other formats as Cpu.fp says.
 */
#include "target/arm/simd.h"

#include "accel/fp.h"

enum { VECTORS_FP = IR_READS | IR_WRITES | IR_FP };
#define HELPER(n)                                                                              \
    const IrHelper arm_helper_##n = { #n, (void *)helper_##n, 1, false, VECTORS_FP };

FpStatus simd_fp_begin(Cpu *cpu, unsigned size)
{
    FpStatus st = cpu->fp;

    if (size == 1)
        st.flush_inputs = st.flush_outputs = arm_cpu(cpu)->fpcr & FPCR_FZ16;
    st.flags = 0;
    return st;
}

void simd_fp_end(Cpu *cpu, const FpStatus *st)
{
    cpu->fp.flags |= st->flags;
}

static unsigned mode_of(const FpStatus *st, unsigned how)
{
    return (how & 7) == IR_RM_DYN ? st->rm : how & 7;
}

/* --- formats --- */

typedef struct Format {
    unsigned bits, fraction; /* of all, of the fraction */
    int bias;
} Format;
static const Format formats[4] = { [1] = { 16, 10, 15 }, [2] = { 32, 23, 127 },
                                   [3] = { 64, 52, 1023 } };

static inline uint64_t sign_bit(const Format *f) { return 1ULL << (f->bits - 1); }
static inline uint64_t infinity(const Format *f)
{
    return (uint64_t)(2 * f->bias + 1) << f->fraction;
}
static inline bool is_nan(const Format *f, uint64_t v)
{
    return (v & ~sign_bit(f)) > infinity(f);
}
static inline bool is_snan(const Format *f, uint64_t v)
{
    return is_nan(f, v) && !(v >> (f->fraction - 1) & 1);
}
static inline bool is_inf(const Format *f, uint64_t v)
{
    return (v & ~sign_bit(f)) == infinity(f);
}
static inline bool is_subnormal(const Format *f, uint64_t v)
{
    return (v & ~sign_bit(f)) && !(v & infinity(f));
}

/* FPUnpack's flushing of an operand. */
static uint64_t flush(const Format *f, uint64_t v, FpStatus *st)
{
    if (!st->flush_inputs || !is_subnormal(f, v))
        return v;
    if (f->bits != 16)
        st->flags |= FP_FLAG_ID;
    return v & sign_bit(f);
}

/* FPProcessNaN */
static uint64_t process_nan(const Format *f, uint64_t v, FpStatus *st)
{
    if (is_snan(f, v))
        st->flags |= FP_FLAG_NV;
    if (st->nan_policy == FP_NAN_DEFAULT)
        return infinity(f) | 1ULL << (f->fraction - 1);
    return v | 1ULL << (f->fraction - 1);
}

/* --- two operands --- */

typedef uint64_t Fp2(uint64_t a, uint64_t b, FpStatus *st);

/* One operand infinite and the other zero. */
static bool inf_times_zero(const Format *f, uint64_t a, uint64_t b, const FpStatus *st)
{
    FpStatus dummy = *st;

    return (is_inf(f, a) && !(flush(f, b, &dummy) & ~sign_bit(f))) ||
           (is_inf(f, b) && !(flush(f, a, &dummy) & ~sign_bit(f)));
}

#define FP2_FORMAT(F, T, s)                                                                    \
    static uint64_t F##_add(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_add((T)a, (T)b, st);                                                   \
    }                                                                                          \
    static uint64_t F##_sub(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_sub((T)a, (T)b, st);                                                   \
    }                                                                                          \
    static uint64_t F##_mul(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_mul((T)a, (T)b, st);                                                   \
    }                                                                                          \
    static uint64_t F##_div(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_div((T)a, (T)b, st);                                                   \
    }                                                                                          \
    static uint64_t F##_max(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_maximum((T)a, (T)b, st);                                               \
    }                                                                                          \
    static uint64_t F##_min(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_minimum((T)a, (T)b, st);                                               \
    }                                                                                          \
    static uint64_t F##_maxnm(uint64_t a, uint64_t b, FpStatus *st)                            \
    {                                                                                          \
        return fp_##F##_maxnum((T)a, (T)b, st);                                                \
    }                                                                                          \
    static uint64_t F##_minnm(uint64_t a, uint64_t b, FpStatus *st)                            \
    {                                                                                          \
        return fp_##F##_minnum((T)a, (T)b, st);                                                \
    }                                                                                          \
    static uint64_t F##_nmul(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        return fp_##F##_mul((T)a, (T)b, st) ^ sign_bit(&formats[s]);                           \
    }                                                                                          \
    static uint64_t F##_abd(uint64_t a, uint64_t b, FpStatus *st)                              \
    {                                                                                          \
        return fp_##F##_sub((T)a, (T)b, st) & ~sign_bit(&formats[s]);                          \
    }                                                                                          \
    /* FPMulX: infinity * 0 is 2 with the sign of the product */                               \
    static uint64_t F##_mulx(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        const Format *f = &formats[s];                                                         \
        if (!inf_times_zero(f, a, b, st))                                                      \
            return fp_##F##_mul((T)a, (T)b, st);                                               \
        flush(f, a, st);                                                                       \
        flush(f, b, st);                                                                       \
        return ((a ^ b) & sign_bit(f)) | (uint64_t)(f->bias + 1) << f->fraction;               \
    }                                                                                          \
    /* FPRecipStepFused: 2 - ab */                                                             \
    static uint64_t F##_recps(uint64_t a, uint64_t b, FpStatus *st)                            \
    {                                                                                          \
        const Format *f = &formats[s];                                                         \
        uint64_t two_ = (uint64_t)(f->bias + 1) << f->fraction;                                \
        if (inf_times_zero(f, a, b, st)) {                                                     \
            flush(f, a, st);                                                                   \
            flush(f, b, st);                                                                   \
            return two_;                                                                       \
        }                                                                                      \
        return fp_##F##_muladd((T)a, (T)b, (T)two_, FP_MULADD_NEG_PRODUCT, st);                \
    }                                                                                          \
    /* FPRSqrtStepFused: (3 - ab) / 2 */                                                       \
    static uint64_t F##_rsqrts(uint64_t a, uint64_t b, FpStatus *st)                           \
    {                                                                                          \
        const Format *f = &formats[s];                                                         \
        uint64_t half_ = 1ULL << (f->fraction - 1);                                            \
        if (inf_times_zero(f, a, b, st)) {                                                     \
            flush(f, a, st);                                                                   \
            flush(f, b, st);                                                                   \
            return (uint64_t)f->bias << f->fraction | half_;                                   \
        }                                                                                      \
        return fp_##F##_muladd_scalbn((T)a, (T)b,                                              \
                                      (T)((uint64_t)(f->bias + 1) << f->fraction | half_), -1, \
                                      FP_MULADD_NEG_PRODUCT, st);                              \
    }                                                                                          \
    static uint64_t F##_cmeq(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        return fp_##F##_eq_quiet((T)a, (T)b, st) ? UINT64_MAX : 0;                             \
    }                                                                                          \
    static uint64_t F##_cmge(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        return fp_##F##_le_signaling((T)b, (T)a, st) ? UINT64_MAX : 0;                         \
    }                                                                                          \
    static uint64_t F##_cmgt(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        return fp_##F##_lt_signaling((T)b, (T)a, st) ? UINT64_MAX : 0;                         \
    }                                                                                          \
    static uint64_t F##_acge(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        uint64_t m = ~sign_bit(&formats[s]);                                                   \
        return F##_cmge(a & m, b & m, st);                                                     \
    }                                                                                          \
    static uint64_t F##_acgt(uint64_t a, uint64_t b, FpStatus *st)                             \
    {                                                                                          \
        uint64_t m = ~sign_bit(&formats[s]);                                                   \
        return F##_cmgt(a & m, b & m, st);                                                     \
    }
FP2_FORMAT(f16, uint16_t, 1)
FP2_FORMAT(f32, uint32_t, 2)
FP2_FORMAT(f64, uint64_t, 3)

#define ROW(op, n) [op] = { NULL, f16_##n, f32_##n, f64_##n },
static Fp2 *const fp2_table[SIMD_N_FP2][4] = {
    ROW(SIMD_FADD, add) ROW(SIMD_FSUB, sub) ROW(SIMD_FMUL, mul) ROW(SIMD_FDIV, div)
    ROW(SIMD_FMAX, max) ROW(SIMD_FMIN, min) ROW(SIMD_FMAXNM, maxnm) ROW(SIMD_FMINNM, minnm)
    ROW(SIMD_FNMUL, nmul) ROW(SIMD_FMULX, mulx) ROW(SIMD_FRECPS, recps)
    ROW(SIMD_FRSQRTS, rsqrts) ROW(SIMD_FABD, abd) ROW(SIMD_FCMEQ, cmeq) ROW(SIMD_FCMGE, cmge)
    ROW(SIMD_FCMGT, cmgt) ROW(SIMD_FACGE, acge) ROW(SIMD_FACGT, acgt)
};
#undef ROW

static uint64_t helper_fp2(Cpu *cpu, uint64_t desc)
{
    unsigned size = simd_size(desc);
    Fp2 *fn = fp2_table[simd_op(desc)][size];
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    FpStatus st = simd_fp_begin(cpu, size);
    ArmVec r = { { 0, 0 } };

    for (unsigned i = 0; i < simd_lanes(desc, size); i++)
        simd_put(&r, size, i, fn(simd_get(n, size, i),
                                 simd_get(m, size, simd_rm_lane(desc, i)), &st));
    *simd_v(cpu, desc, SIMD_RD) = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fp2)

/* Neighbours of n, then of m; of a scalar, those of n alone. */
static uint64_t helper_fp2p(Cpu *cpu, uint64_t desc)
{
    unsigned size = simd_size(desc), lanes = simd_lanes(desc, size);
    Fp2 *fn = fp2_table[simd_op(desc)][size];
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    FpStatus st = simd_fp_begin(cpu, size);
    ArmVec r = { { 0, 0 } };

    for (unsigned i = 0; i < lanes; i++) {
        const ArmVec *v = 2 * i < lanes || lanes == 1 ? n : m;
        unsigned at = lanes == 1 ? 0 : 2 * i % lanes;
        simd_put(&r, size, i, fn(simd_get(v, size, at), simd_get(v, size, at + 1), &st));
    }
    *simd_v(cpu, desc, SIMD_RD) = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fp2p)

/* Reduce: the halves first. */
static uint64_t reduce(Fp2 *fn, const ArmVec *v, unsigned size, unsigned first, unsigned n,
                       FpStatus *st)
{
    uint64_t low, high;

    if (n == 1)
        return simd_get(v, size, first);
    low = reduce(fn, v, size, first, n / 2, st);
    high = reduce(fn, v, size, first + n / 2, n / 2, st);
    return fn(low, high, st);
}

static uint64_t helper_fpv(Cpu *cpu, uint64_t desc)
{
    unsigned size = simd_size(desc);
    FpStatus st = simd_fp_begin(cpu, size);
    ArmVec r = { { reduce(fp2_table[simd_op(desc)][size], simd_v(cpu, desc, SIMD_RN), size, 0,
                          simd_lanes(desc, size), &st), 0 } };

    *simd_v(cpu, desc, SIMD_RD) = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fpv)

/* --- one operand --- */

/* What an operation may ask for: the rounding mode with IR_CVT_NO_NX, fraction bits. */
typedef struct How {
    uint8_t rm;
    bool no_nx;
    int fbits;
    const Format *f;
} How;
typedef uint64_t Fp1(uint64_t a, const How *how, FpStatus *st);

/* FPRecipEstimate */
static uint64_t recpe(uint64_t a, const How *how, FpStatus *st)
{
    const Format *f = how->f;
    uint64_t sign = a & sign_bit(f), max = infinity(f) - 1, fraction;
    int exp;
    bool to_inf;

    if (is_nan(f, a))
        return process_nan(f, a, st);
    a = flush(f, a, st);
    if (is_inf(f, a))
        return sign;
    if (!(a & ~sign_bit(f))) {
        st->flags |= FP_FLAG_DZ;
        return sign | infinity(f);
    }
    exp = (int)((a & ~sign_bit(f)) >> f->fraction);
    fraction = a << (52 - f->fraction) & MASK(52);
    if (!exp && !(fraction >> 50)) { /* below 2^(-bias - 1): the reciprocal overflows */
        st->flags |= FP_FLAG_OF | FP_FLAG_NX;
        to_inf = st->rm == FP_RNE || (st->rm == FP_RUP && !sign) || (st->rm == FP_RDN && sign);
        return sign | (to_inf ? infinity(f) : max);
    }
    if (st->flush_outputs && exp >= 2 * f->bias - 1) { /* the reciprocal would be subnormal */
        st->flags |= FP_FLAG_UF;
        return sign;
    }
    if (!exp) {
        if (fraction >> 51) {
            fraction = fraction << 1 & MASK(52);
        } else {
            exp = -1;
            fraction = fraction << 2 & MASK(52);
        }
    }
    exp = 2 * f->bias - 1 - exp;
    fraction = (uint64_t)(simd_recip_estimate((unsigned)(fraction >> 44) | 256) & 255) << 44;
    if (exp == 0) {
        fraction = fraction >> 1 | 1ULL << 51;
    } else if (exp == -1) {
        fraction = fraction >> 2 | 1ULL << 50;
        exp = 0;
    }
    return sign | (uint64_t)exp << f->fraction | fraction >> (52 - f->fraction);
}

/* FPRSqrtEstimate */
static uint64_t rsqrte(uint64_t a, const How *how, FpStatus *st)
{
    const Format *f = how->f;
    uint64_t sign = a & sign_bit(f), fraction;
    unsigned scaled;
    int exp;

    if (is_nan(f, a))
        return process_nan(f, a, st);
    a = flush(f, a, st);
    if (!(a & ~sign_bit(f))) {
        st->flags |= FP_FLAG_DZ;
        return sign | infinity(f);
    }
    if (sign) {
        st->flags |= FP_FLAG_NV;
        return infinity(f) | 1ULL << (f->fraction - 1);
    }
    if (is_inf(f, a))
        return 0;
    exp = (int)(a >> f->fraction);
    fraction = a << (52 - f->fraction) & MASK(52);
    if (!exp) {
        for (; !(fraction >> 51); exp--)
            fraction <<= 1;
        fraction = fraction << 1 & MASK(52);
    }
    scaled = exp & 1 ? 128 | (unsigned)(fraction >> 45) : 256 | (unsigned)(fraction >> 44);
    exp = (3 * f->bias - 1 - exp) / 2;
    return (uint64_t)exp << f->fraction |
           (uint64_t)(simd_rsqrt_estimate(scaled) & 255) << (f->fraction - 8);
}

/* FPRecpX */
static uint64_t recpx(uint64_t a, const How *how, FpStatus *st)
{
    const Format *f = how->f;
    uint64_t exp = a & infinity(f);

    if (is_nan(f, a))
        return process_nan(f, a, st);
    flush(f, a, st);
    exp = exp ? ~exp & infinity(f) : infinity(f) - (1ULL << f->fraction);
    return (a & sign_bit(f)) | exp;
}

static uint64_t fp_abs(uint64_t a, const How *how, FpStatus *st)
{
    return a & ~sign_bit(how->f);
}
static uint64_t fp_neg(uint64_t a, const How *how, FpStatus *st)
{
    return a ^ sign_bit(how->f);
}

/* FPRoundIntN: what doesn't fit becomes the most negative number. */
#define ROUND_INT(F, T, n, I)                                                                  \
    static uint64_t F##_round_##I(uint64_t a, const How *how, FpStatus *st)                    \
    {                                                                                          \
        FpStatus try = *st;                                                                    \
        try.flags = 0;                                                                         \
        fp_##F##_to_##I((T)a, how->rm, FP_INT_ARM, &try);                                      \
        if (try.flags & FP_FLAG_NV) {                                                          \
            st->flags |= FP_FLAG_NV;                                                           \
            return sign_bit(how->f) | (uint64_t)(how->f->bias + n - 1) << how->f->fraction;    \
        }                                                                                      \
        return fp_##F##_round_to_int((T)a, how->rm, true, st);                                 \
    }
ROUND_INT(f32, uint32_t, 32, i32)
ROUND_INT(f32, uint32_t, 64, i64)
ROUND_INT(f64, uint64_t, 32, i32)
ROUND_INT(f64, uint64_t, 64, i64)

#define FP1_FORMAT(F, T, n)                                                                    \
    static uint64_t F##_sqrt(uint64_t a, const How *how, FpStatus *st)                         \
    {                                                                                          \
        return fp_##F##_sqrt((T)a, st);                                                        \
    }                                                                                          \
    static uint64_t F##_rint(uint64_t a, const How *how, FpStatus *st)                         \
    {                                                                                          \
        return fp_##F##_round_to_int((T)a, how->rm, !how->no_nx, st);                          \
    }                                                                                          \
    static uint64_t F##_to_s(uint64_t a, const How *how, FpStatus *st)                         \
    {                                                                                          \
        return (uint64_t)fp_##F##_to_i##n##_scaled((T)a, how->fbits, how->rm, FP_INT_ARM, st); \
    }                                                                                          \
    static uint64_t F##_to_u(uint64_t a, const How *how, FpStatus *st)                         \
    {                                                                                          \
        return fp_##F##_to_u##n##_scaled((T)a, how->fbits, how->rm, FP_INT_ARM, st);           \
    }                                                                                          \
    static uint64_t F##_of_s(uint64_t a, const How *how, FpStatus *st)                         \
    {                                                                                          \
        return fp_i64_to_##F##_scaled(sign_extend(a, n), -how->fbits, st);                     \
    }                                                                                          \
    static uint64_t F##_of_u(uint64_t a, const How *how, FpStatus *st)                         \
    {                                                                                          \
        return fp_u64_to_##F##_scaled(a, -how->fbits, st);                                     \
    }                                                                                          \
    static uint64_t F##_gt0(uint64_t a, const How *how, FpStatus *st)                          \
    {                                                                                          \
        return F##_cmgt(a, 0, st);                                                             \
    }                                                                                          \
    static uint64_t F##_ge0(uint64_t a, const How *how, FpStatus *st)                          \
    {                                                                                          \
        return F##_cmge(a, 0, st);                                                             \
    }                                                                                          \
    static uint64_t F##_eq0(uint64_t a, const How *how, FpStatus *st)                          \
    {                                                                                          \
        return F##_cmeq(a, 0, st);                                                             \
    }                                                                                          \
    static uint64_t F##_le0(uint64_t a, const How *how, FpStatus *st)                          \
    {                                                                                          \
        return F##_cmge(0, a, st);                                                             \
    }                                                                                          \
    static uint64_t F##_lt0(uint64_t a, const How *how, FpStatus *st)                          \
    {                                                                                          \
        return F##_cmgt(0, a, st);                                                             \
    }
FP1_FORMAT(f16, uint16_t, 16)
FP1_FORMAT(f32, uint32_t, 32)
FP1_FORMAT(f64, uint64_t, 64)

#define ROW(op, n) [op] = { NULL, f16_##n, f32_##n, f64_##n },
static Fp1 *const fp1_table[SIMD_N_FP1][4] = {
    [SIMD_FABS] = { NULL, fp_abs, fp_abs, fp_abs }, [SIMD_FNEG] = { NULL, fp_neg, fp_neg, fp_neg },
    [SIMD_FRECPE] = { NULL, recpe, recpe, recpe }, [SIMD_FRSQRTE] = { NULL, rsqrte, rsqrte, rsqrte },
    [SIMD_FRECPX] = { NULL, recpx, recpx, recpx },
    [SIMD_FRINT32] = { NULL, NULL, f32_round_i32, f64_round_i32 },
    [SIMD_FRINT64] = { NULL, NULL, f32_round_i64, f64_round_i64 },
    ROW(SIMD_FSQRT, sqrt) ROW(SIMD_FRINT, rint) ROW(SIMD_FCVT_S, to_s) ROW(SIMD_FCVT_U, to_u)
    ROW(SIMD_SCVTF, of_s) ROW(SIMD_UCVTF, of_u) ROW(SIMD_FCMGT0, gt0) ROW(SIMD_FCMGE0, ge0)
    ROW(SIMD_FCMEQ0, eq0) ROW(SIMD_FCMLE0, le0) ROW(SIMD_FCMLT0, lt0)
};
#undef ROW

static uint64_t helper_fp1(Cpu *cpu, uint64_t desc)
{
    unsigned size = simd_size(desc);
    Fp1 *fn = fp1_table[simd_op(desc)][size];
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN);
    FpStatus st = simd_fp_begin(cpu, size);
    How how = { .rm = (uint8_t)mode_of(&st, simd_how(desc)),
                .no_nx = simd_how(desc) & IR_CVT_NO_NX, .fbits = (int)simd_imm(desc),
                .f = &formats[size] };
    ArmVec r = { { 0, 0 } };

    for (unsigned i = 0; i < simd_lanes(desc, size); i++)
        simd_put(&r, size, i, fn(simd_get(n, size, i), &how, &st));
    *simd_v(cpu, desc, SIMD_RD) = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fp1)

/* --- multiply and add, half precision --- */

static unsigned negation(uint64_t desc)
{
    return (simd_how(desc) & IR_FMA_NEG_PRODUCT ? FP_MULADD_NEG_PRODUCT : 0) |
           (simd_how(desc) & IR_FMA_NEG_ADDEND ? FP_MULADD_NEG_ADDEND : 0);
}

static uint64_t helper_fmadd(Cpu *cpu, uint64_t desc)
{
    FpStatus st = simd_fp_begin(cpu, 1);
    uint16_t r = fp_f16_muladd((uint16_t)simd_v(cpu, desc, SIMD_RN)->d[0],
                               (uint16_t)simd_v(cpu, desc, SIMD_RM)->d[0],
                               (uint16_t)simd_v(cpu, desc, SIMD_RA)->d[0], negation(desc), &st);

    *simd_v(cpu, desc, SIMD_RD) = (ArmVec){ { r, 0 } };
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fmadd)

static uint64_t helper_fmla(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };
    FpStatus st = simd_fp_begin(cpu, 1);

    for (unsigned i = 0; i < simd_lanes(desc, 1); i++)
        simd_put(&r, 1, i, fp_f16_muladd((uint16_t)simd_get(n, 1, i),
                                         (uint16_t)simd_get(m, 1, simd_rm_lane(desc, i)),
                                         (uint16_t)simd_get(d, 1, i), negation(desc), &st));
    *d = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fmla)
