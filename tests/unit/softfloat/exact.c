/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic against the oracle: all operations, multiply-add's options, scalbn. */
#include "softfloat_test.h"

static void check_exact(const Format *f, Op op, const uint64_t *v, int kind, uint8_t rm)
{
    FpStatus st = sf_make_status(kind, rm);
    unsigned flags = 0;
    uint64_t got = f->op[op](v[0], v[1], v[2], &st);
    uint64_t want = sf_expect(f, op, v, &st, got, &flags);

    sf_check(sf_op_names[op], f, v, &st, got, want, flags);
}

void sf_test_exact(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX], s[GRID_MAX];
    int ng = sf_make_grid(f, false, g), ns = sf_make_grid(f, true, s);
    unsigned turn = 0;

    for (int op = 0; op < FMA; op++) {
        for (int i = 0; i < ng; i++) {
            for (int j = 0; j < (sf_op_arity[op] > 1 ? ng : 1); j++) {
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

        sf_random_operands(f, i % N_OPS, v);
        check_exact(f, i % N_OPS, v, (int)sf_below(N_KINDS), (uint8_t)sf_below(6));
    }
    sf_report();
}

/* Negation flags, scaling of fma, scalbn and the NaN an invalid operation makes. */
void sf_test_muladd_options(gconstpointer data)
{
    const Format *f = data;

    for (int i = 0; i < 20000; i++) {
        FpStatus st = sf_make_status((int)sf_below(N_KINDS), (uint8_t)sf_below(6)), st2 = st;
        uint64_t v[3], w[3], got, want;
        unsigned neg = sf_below(4), flags = 0;
        int n = (int)sf_below(2 * f->bias) - f->bias;

        sf_random_operands(f, FMA, v);
        w[0] = v[0] ^ (neg & FP_MULADD_NEG_PRODUCT ? sign_of(f) : 0);
        w[1] = v[1];
        w[2] = v[2] ^ (neg & FP_MULADD_NEG_ADDEND ? sign_of(f) : 0);
        got = f->muladd(v[0], v[1], v[2], 0, neg, &st);
        want = sf_expect(f, FMA, w, &st, got, &flags);
        sf_check("muladd negate", f, v, &st, got, want, flags);

        st = st2;
        flags = 0;
        got = f->scalbn(v[0], n, &st);
        w[0] = sf_flushed(f, v[0], &st, &flags);
        if (is_nan(f, w[0]) || is_inf(f, w[0])) {
            want = sf_expect(f, CVT, w, &st, got, &flags);
        } else {
            Exact x = { .op = CVT, .a = dyadic(f, w[0]) };

            x.a.e += n;
            want = sf_round_exact(f, &x, &st, got, &flags);
        }
        sf_check("scalbn", f, v, &st, got, want, flags);

        /* (a * b + c) / 2^n for finite operands */
        st = st2;
        flags = 0;
        n = (int)sf_below(16) - 8;
        got = f->muladd(v[0], v[1], v[2], n, 0, &st);
        for (int k = 0; k < 3; k++) {
            w[k] = sf_flushed(f, v[k], &st, &flags);
        }
        if (MAX(MAX(mag(f, w[0]), mag(f, w[1])), mag(f, w[2])) < inf_of(f)) {
            Exact x = { FMA, dyadic(f, w[0]), dyadic(f, w[1]), dyadic(f, w[2]), 0 };

            x.a.e += n;
            x.c.e += n;
            want = sf_round_exact(f, &x, &st, got, &flags);
            sf_check("muladd scale", f, v, &st, got, want, flags);
        }
    }
    for (int n = -70000; n <= 70000; n += 140000) {
        FpStatus st = fp_status_riscv(FP_RNE);
        uint64_t v[3] = { n < 0 ? inf_of(f) - 1 : 1, 0, 0 };

        sf_check("scalbn far", f, v, &st, f->scalbn(v[0], n < 0 ? INT32_MIN : INT32_MAX, &st),
                 n < 0 ? 0 : inf_of(f), FP_FLAG_NX | (n < 0 ? FP_FLAG_UF : FP_FLAG_OF));
    }
    for (int kind = 0; kind < 3; kind++) {
        FpStatus st = kind == 2 ? fp_status_x86(0) : sf_make_status(kind, 0);

        g_assert_cmphex(f->default_nan(&st), ==,
                        quiet(f, inf_of(f)) | (kind == 2 ? sign_of(f) : 0));
    }
    sf_report();
}
