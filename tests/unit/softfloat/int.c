/* SPDX-License-Identifier: GPL-2.0-or-later */
/* To and from integers, and rounding to an integral value. */
#include "softfloat_test.h"

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

    a = sf_flushed(f, a, st, flags);
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
            int scale = turn % 5 ? 0 : (int)sf_below(80) - 8;
            uint64_t got, want;

            v[1] = (uint64_t)scale;
            v[2] = (uint64_t)t << 8 | rm << 4 | policy;
            st = sf_make_status(turn % 7 ? 1 : 2, FP_RNE);
            flags = 0;
            got = f->to_int[t](a, scale, rm, policy, &st);
            want = expect_int(f, a, scale, t, rm, policy, &st, &flags);
            sf_check("to_int", f, v, &st, got, want, flags);
        }
    }
    for (uint8_t rm = FP_RNE; rm <= FP_RTO; rm++) {
        bool exact = turn++ & 1;
        uint64_t got, in;
        U128 q;

        st = sf_make_status(turn % 7 ? (int)(turn & 1) : 2, FP_RNE);
        got = f->round_to_int(a, rm, exact, &st);
        flags = 0;
        v[1] = rm;
        v[2] = exact;
        in = sf_flushed(f, a, &st, &flags);
        if (is_nan(f, in)) {
            in = sf_nan_result(f, &in, 1, &st, &flags);
            sf_check("rint", f, v, &st, got, in, flags);
            continue;
        }
        if (is_inf(f, in) || exp_field(f, in) >= f->bias + f->frac) {
            sf_check("rint", f, v, &st, got, in, flags);
            continue;
        }
        q = round_dyadic(dyadic(f, in), rm, &inexact);
        flags |= inexact && exact ? FP_FLAG_NX : 0;
        /* The result is right if its value and its sign are. */
        sf_check("rint", f, v, &st,
                 (uint64_t)sf_sign_of_sum((Dyadic[]){ dyadic(f, mag(f, got)), { q, 0, true } }, 2),
                 0, flags);
        g_assert_true(is_neg(f, got) == is_neg(f, in));
    }
}

void sf_test_int(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX];
    int ng = sf_make_grid(f, false, g);
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
        check_int(f, sf_random_with_exp(f, f->bias - 4 + (int)sf_below(72)), turn++);
        check_int(f, sf_random_value(f), turn++);
    }
    /* From integers */
    for (int i = 0; i < 20000; i++) {
        int t = 2 + i % 4, scale = sf_below(4) ? 0 : (int)sf_below(80) - 70;
        uint64_t raw = i < 2048 ? (1ull << (i / 4 % 64)) + (uint64_t)(i / 256) - 4
                                : sf_rnd() >> sf_below(64) << sf_below(20);
        uint64_t v[3] = { raw, (uint64_t)scale, (uint64_t)t }, got, want;
        FpStatus st = sf_make_status((int)sf_below(N_KINDS), (uint8_t)sf_below(6));
        unsigned flags = 0;
        Exact x = { .op = CVT };

        raw = t == 2 ? (uint64_t)(int64_t)(int32_t)raw : t == 3 ? (uint32_t)raw : raw;
        x.a.neg = t % 2 == 0 && (int64_t)raw < 0;
        x.a.m = x.a.neg ? -raw : raw;
        x.a.e = scale;
        got = f->from_int[t](raw, scale, &st);
        want = sf_round_exact(f, &x, &st, got, &flags);
        sf_check("from_int", f, v, &st, got, want, flags);
    }
    sf_report();
}

void sf_test_modular(void)
{
    const Format *f = &sf_formats[F64];
    uint64_t g[GRID_MAX];
    int ng = sf_make_grid(f, false, g);

    for (int i = 0; i < 60000; i++) {
        uint64_t a = i < ng ? g[i] : sf_random_with_exp(f, f->bias - 2 + (int)sf_below(92));
        uint64_t v[3] = { a, 0, 0 }, want = 0;
        FpStatus st = sf_make_status(i % 3, FP_RNE), st2;
        unsigned flags = 0;

        if (i % 64 == 63) {
            a = v[0] = sf_random_value(f);
        }
        (void)expect_int(f, a, 0, 2, FP_RTZ, FP_INT_ARM, &st, &flags);
        if (mag(f, a) < inf_of(f) && exp_field(f, a) >= f->bias) {
            Dyadic d = dyadic(f, a);

            want = d.e > 32 ? 0 : d.e >= 0 ? (uint64_t)(d.m << d.e) : (uint64_t)(d.m >> -d.e);
            want = d.neg ? -want : want;
        }
        st2 = st;
        sf_check("modular", f, v, &st2, (uint64_t)(int64_t)fp_f64_to_i32_modular(a, &st2),
                 (uint64_t)(int64_t)(int32_t)want, flags);
    }
    sf_report();
}
