/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: the exact result as the root of an equation in integers, rounded by the definition
 * of the mode, and a plain transcription of the rules of RISC-V and Arm for infinities and NaNs.
 */
#include "softfloat_test.h"

static Dyadic times(Dyadic a, Dyadic b)
{
    return (Dyadic){ .m = a.m * b.m, .e = a.e + b.e, .neg = a.neg != b.neg };
}

/* The sign of a sum, by adding long integers. */
int sf_sign_of_sum(const Dyadic *t, int n)
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

/* The sign of v - x */
static int compare_exact(const Exact *x, Dyadic v)
{
    switch (x->op) {
    case ADD:
        return sf_sign_of_sum((Dyadic[]){ v, minus(x->a), minus(x->b) }, 3);
    case SUB:
        return sf_sign_of_sum((Dyadic[]){ v, minus(x->a), x->b }, 3);
    case MUL:
        return sf_sign_of_sum((Dyadic[]){ v, minus(times(x->a, x->b)) }, 2);
    case DIV:
        return sf_sign_of_sum((Dyadic[]){ times(v, x->b), minus(x->a) }, 2) * (x->b.neg ? -1 : 1);
    case SQRT:
        return sf_sign_of_sum((Dyadic[]){ times(v, v), minus(x->a) }, 2);
    case FMA:
        return sf_sign_of_sum((Dyadic[]){ v, minus(times(x->a, x->b)), minus(x->c) }, 3);
    default:
        return sf_sign_of_sum((Dyadic[]){ v, minus(x->a) }, 2);
    }
}

/* The sign of m * 2^e - |x| */
static int compare_magnitude(const Exact *x, U128 m, int e)
{
    return compare_exact(x, (Dyadic){ m, e, x->sign < 0 }) * (x->sign < 0 ? -1 : 1);
}

/* Round to f.  hint is a guess of the result's bits, which only saves time. */
uint64_t sf_round_exact(const Format *f, Exact *x, const FpStatus *st, uint64_t hint,
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

uint64_t sf_flushed(const Format *f, uint64_t v, const FpStatus *st, unsigned *flags)
{
    if (st->flush_inputs && is_sub(f, v)) {
        *flags |= f != &sf_formats[F16] ? FP_FLAG_ID : 0;
        return v & sign_of(f);
    }
    return v;
}

/* The NaN rules of RISC-V and Arm for operands in the order the architecture looks at them. */
uint64_t sf_nan_result(const Format *f, const uint64_t *v, int n, const FpStatus *st,
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
uint64_t sf_expect(const Format *f, Op op, const uint64_t *operands, const FpStatus *st,
                   uint64_t hint, unsigned *flags)
{
    uint64_t v[3], sa, sb, sc;
    int n = sf_op_arity[op];
    Exact x = { .op = op };

    for (int i = 0; i < 3; i++) {
        v[i] = i < n ? sf_flushed(f, operands[i], st, flags) : 0;
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
            return sf_nan_result(f, order, 3, st, flags);
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
            return sf_nan_result(f, v, n, st, flags);
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
    return sf_round_exact(f, &x, st, hint, flags);
}
