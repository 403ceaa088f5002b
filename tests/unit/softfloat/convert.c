/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between formats, with Arm's alternative half precision. */
#include "softfloat_test.h"

static void check_convert(const Format *to, FormatId from, uint64_t a, int kind, uint8_t rm)
{
    const Format *f = &sf_formats[from];
    uint64_t v[3] = { a, 0, 0 }, got, want, in = a;
    FpStatus st = sf_make_status(kind, rm), oracle;
    unsigned flags = 0;

    got = to->from[from](a, &st);
    oracle = st;
    oracle.flush_inputs = st.flush_inputs && from != F16;
    oracle.flush_outputs = st.flush_outputs && to != &sf_formats[F16];
    in = sf_flushed(f, in, &oracle, &flags);
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

        want = sf_round_exact(to, &x, &oracle, got, &flags);
    }
    sf_check(to->name, f, v, &st, got, want, flags);
}

void sf_test_convert(gconstpointer data)
{
    const Format *to = data;

    for (int from = 0; from < N_FORMATS; from++) {
        const Format *f = &sf_formats[from];
        uint64_t g[GRID_MAX];
        int ng = sf_make_grid(f, false, g);

        if (!to->from[from]) {
            continue;
        }
        for (int i = 0; i < ng * 6 * N_KINDS; i++) {
            check_convert(to, from, g[i % ng], i / ng % N_KINDS, i / ng / N_KINDS);
        }
        for (int i = 0; i < 20000; i++) {
            /* Half of them around the range of the target, with few bits beyond its own. */
            int e = f->bias - to->bias + (int)sf_below(2 * to->bias + 2 * to->frac) - to->frac;
            uint64_t a = i % 2 ? sf_random_value(f) : sf_random_with_exp(f, e);

            if (f->frac > to->frac && i % 3 == 0) {
                a &= ~0ull << (f->frac - to->frac - 1);
            }
            check_convert(to, from, a, (int)sf_below(N_KINDS), (uint8_t)sf_below(6));
        }
    }
    sf_report();
}

void sf_test_ahp(void)
{
    const Format *f = &sf_formats[F32];

    /* Every half is a number: exponent 31 is one binade more. */
    for (unsigned h = 0; h < 0x10000; h++) {
        FpStatus st = fp_status_arm(FP_RNE);
        uint32_t s;
        Dyadic want = { .m = h & 0x3ff, .e = MAX(h >> 10 & 31, 1) - 25, .neg = h >> 15 };

        want.m |= h & 0x7c00 ? 0x400 : 0;
        st.f16_ahp = true;
        s = fp_f16_to_f32((uint16_t)h, &st);
        g_assert_cmpint(sf_sign_of_sum((Dyadic[]){ dyadic(f, s), minus(want) }, 2), ==, 0);
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
