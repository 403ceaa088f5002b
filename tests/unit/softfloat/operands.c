/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operands: special values of a format, and random ones that lie where results are rounded,
 * cancelled or tiny.  The generator always starts at the same state, so that runs are equal.
 */
#include "softfloat_test.h"

static uint64_t rng_state = 0x853c49e6748fea9bull;

uint64_t sf_rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}

unsigned sf_below(unsigned n)
{
    return (unsigned)((sf_rnd() >> 32) * n >> 32);
}

/* Special values of both signs; `small` leaves out about half of them. */
int sf_make_grid(const Format *f, bool small, uint64_t *g)
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

uint64_t sf_random_with_exp(const Format *f, int exp)
{
    uint64_t frac = sf_rnd();

    switch (sf_below(4)) {
    case 0:
        frac &= sf_rnd() & sf_rnd() & sf_rnd();
        break;
    case 1:
        frac |= sf_rnd() | sf_rnd() | sf_rnd();
        break;
    case 2:
        frac = sf_below(8) - 4ull;
        break;
    }
    exp = CLAMP(exp, 0, 2 * f->bias + 1);
    if (exp == 2 * f->bias + 1 && sf_below(4)) {
        exp--;
    }
    return (frac & ((1ull << f->frac) - 1)) | (uint64_t)exp << f->frac |
           (sf_rnd() & 1 ? sign_of(f) : 0);
}

uint64_t sf_random_value(const Format *f)
{
    switch (sf_below(4)) {
    case 0:
        return sf_random_with_exp(f, (int)sf_below(f->frac + 4));
    case 1:
        return sf_random_with_exp(f, f->bias + (int)sf_below(8) - 4);
    default:
        return sf_random_with_exp(f, (int)sf_below(2 * f->bias + 2));
    }
}

void sf_random_operands(const Format *f, Op op, uint64_t *v)
{
    FpStatus st = fp_status_riscv(FP_RNE);
    int ea, eb;

    v[0] = sf_random_value(f);
    v[1] = sf_random_value(f);
    v[2] = sf_random_value(f);
    ea = exp_field(f, v[0]);
    if (sf_below(2)) {
        switch (op) {
        case MUL: /* results around the smallest normal */
        case FMA:
            v[1] = sf_random_with_exp(f, f->bias - ea + (int)sf_below(2 * f->frac) - f->frac);
            break;
        case DIV:
            v[1] = sf_random_with_exp(f, ea + f->bias - (int)sf_below(f->frac + 4));
            break;
        default:
            v[1] = sf_random_with_exp(f, ea + (int)sf_below(f->frac + 6) - f->frac / 2 - 3);
            break;
        }
    }
    eb = exp_field(f, v[1]);
    switch (sf_below(3)) {
    case 0:
        v[2] = sf_random_with_exp(f, ea + eb - f->bias + (int)sf_below(4 * f->frac) - 2 * f->frac);
        break;
    case 1: /* cancellation */
        v[2] = (f->op[MUL](v[0], v[1], 0, &st) ^ sign_of(f)) + sf_below(3) - 1;
        v[2] &= sign_of(f) | (sign_of(f) - 1);
        break;
    }
}
