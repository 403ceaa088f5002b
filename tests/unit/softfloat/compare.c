/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons, minimum and maximum, classification. */
#include "softfloat_test.h"

static uint64_t expect_min_max(const Format *f, int which, uint64_t a, uint64_t b,
                               const FpStatus *st, unsigned *flags)
{
    bool max = which & 1, loses = which >= 2, snan = is_snan(f, a) || is_snan(f, b);
    uint64_t v[2];
    int order;

    v[0] = a = sf_flushed(f, a, st, flags);
    v[1] = b = sf_flushed(f, b, st, flags);
    *flags |= snan ? FP_FLAG_NV : 0;
    if (which >= 4 && snan) {
        loses = false;
    }
    if (is_nan(f, a) || is_nan(f, b)) {
        if (loses && !(is_nan(f, a) && is_nan(f, b))) {
            return is_nan(f, a) ? b : a;
        }
        return sf_nan_result(f, v, 2, st, flags);
    }
    order = sf_sign_of_sum((Dyadic[]){ dyadic(f, a), minus(dyadic(f, b)) }, 2);
    if (order == 0) {
        order = (int)is_neg(f, b) - (int)is_neg(f, a);
    }
    return (order > 0) == max ? a : b;
}

void sf_test_compare(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX];
    int ng = sf_make_grid(f, false, g);

    for (int i = 0; i < ng * ng + 10000; i++) {
        uint64_t v[3] = { g[i % ng], g[i / ng % ng], 0 };

        if (i >= ng * ng) {
            sf_random_operands(f, ADD, v);
        }
        for (int kind = 0; kind < 3; kind++) {
            FpStatus init = sf_make_status(kind, FP_RNE), st;
            bool unordered = is_nan(f, v[0]) || is_nan(f, v[1]);
            unsigned id = 0;
            uint64_t a = sf_flushed(f, v[0], &init, &id), b = sf_flushed(f, v[1], &init, &id);
            Dyadic difference[] = { dyadic(f, a), minus(dyadic(f, b)) };
            int want = unordered ? FP_UNORDERED : sf_sign_of_sum(difference, 2);

            for (int s = 0; s < 2; s++) {
                unsigned flags = id;

                if (unordered && (s || is_snan(f, a) || is_snan(f, b))) {
                    flags |= FP_FLAG_NV;
                }
                st = init;
                sf_check("compare", f, v, &st, (uint64_t)(int64_t)f->compare[s](v[0], v[1], &st),
                         (uint64_t)(int64_t)want, flags);
                st = init;
                sf_check("predicates", f, v, &st, f->predicates(v[0], v[1], s, &st),
                         want == 0 ? 5 : want == -1 ? 6 : 0, flags);
            }
            for (int which = 0; which < 6; which++) {
                unsigned flags = 0;
                uint64_t w, got;

                st = init;
                got = f->min_max[which](v[0], v[1], &st);
                w = expect_min_max(f, which, v[0], v[1], &st, &flags);
                sf_check("min_max", f, v, &st, got, w, flags);
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
    sf_report();
}
