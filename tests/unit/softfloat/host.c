/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/softfloat under FP_NAN_X86 against the host's SSE, FMA and F16C instructions. */
#include "softfloat_test.h"

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
    sf_check(sf_op_names[op], f, v, &st, got, want, host_seen());
}

void sf_test_host_arith(gconstpointer data)
{
    const Format *f = data;
    int ops = __builtin_cpu_supports("fma") ? N_OPS : FMA;
    uint64_t g[GRID_MAX], s[GRID_MAX];
    int ng = sf_make_grid(f, false, g), ns = sf_make_grid(f, true, s);

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

        sf_random_operands(f, op, v);
        check_host(f, op, v, (uint8_t)sf_below(4), (int)(sf_below(8) & sf_below(8) & 3));
    }
    sf_report();
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
    r = is64 ? sf_formats[F32].from[F64](v[0], &st) : sf_formats[F64].from[F32](v[0], &st);
    sf_check("host cvt", f, v, &st, r, low(x, !is64), host_seen());

    BOTH("=r", r, "cvtsd2siq %[a], %[o]", "cvtss2siq %[a], %[o]", [a] "x"(a));
    sf_check("host si64", f, v, &st, f->to_int[4](v[0], 0, rm, FP_INT_X86, &st), r, host_seen());
    BOTH("=r", r, "cvtsd2sil %[a], %k[o]", "cvtss2sil %[a], %k[o]", [a] "x"(a));
    sf_check("host si32", f, v, &st, (uint32_t)f->to_int[2](v[0], 0, rm, FP_INT_X86, &st),
             (uint32_t)r, host_seen());
    BOTH("=r", r, "cvttsd2siq %[a], %[o]", "cvttss2siq %[a], %[o]", [a] "x"(a));
    sf_check("host tsi64", f, v, &st, f->to_int[4](v[0], 0, FP_RTZ, FP_INT_X86, &st), r,
             host_seen());

    x = xmm(0);
    BOTH("+x", x, "cvtsi2sdq %[a], %[o]", "cvtsi2ssq %[a], %[o]", [a] "r"(v[0]));
    sf_check("host from i64", f, v, &st, f->from_int[4](v[0], 0, &st), low(x, is64), host_seen());
    BOTH("+x", x, "cvtsi2sdl %k[a], %[o]", "cvtsi2ssl %k[a], %[o]", [a] "r"(v[0]));
    sf_check("host from i32", f, v, &st, f->from_int[2](v[0], 0, &st), low(x, is64), host_seen());

    if (__builtin_cpu_supports("sse4.1")) {
        BOTH("+x", x, "roundsd $4, %[a], %[o]", "roundss $4, %[a], %[o]", [a] "x"(a));
        sf_check("host rint", f, v, &st, f->round_to_int(v[0], rm, true, &st), low(x, is64),
                 host_seen());
        BOTH("+x", x, "roundsd $12, %[a], %[o]", "roundss $12, %[a], %[o]", [a] "x"(a));
        sf_check("host nearbyint", f, v, &st, f->round_to_int(v[0], rm, false, &st), low(x, is64),
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
        sf_check("host compare", f, v, &st, rel, want, host_seen());
    }
}

void sf_test_host_other(gconstpointer data)
{
    const Format *f = data;
    uint64_t g[GRID_MAX];
    int ng = sf_make_grid(f, false, g);

    for (int i = 0; i < ng * ng * 4; i++) {
        check_host_other(f, (uint64_t[]){ g[i / 4 % ng], g[i / 4 / ng], 0 }, i % 4, i / 8 % 4);
    }
    for (int i = 0; i < 60000; i++) {
        uint64_t v[3];

        sf_random_operands(f, ADD, v);
        if (i % 2) {
            v[0] = sf_random_with_exp(f, f->bias - 2 + (int)sf_below(70));
        }
        check_host_other(f, v, (uint8_t)sf_below(4), (int)(sf_below(8) & sf_below(8) & 3));
    }
    sf_report();
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
    sf_check("f16c narrow", &sf_formats[F32], v, &st, fp_f32_to_f16((uint32_t)a, &st),
             low(r, false) & 0xffff, host_seen());
}

void sf_test_host_f16c(void)
{
    const Format *f = &sf_formats[F32];
    uint64_t g[GRID_MAX];
    int ng = sf_make_grid(f, false, g);

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
            sf_check("f16c widen", &sf_formats[F16], v, &st, fp_f16_to_f32((uint16_t)h, &st),
                     low(r, false), host_seen());
        }
    }
    for (int i = 0; i < ng * 16; i++) {
        check_f16c(g[i / 16], i % 4, i / 4 % 4);
    }
    for (int i = 0; i < 100000; i++) {
        uint64_t a = sf_random_with_exp(f, 127 - 28 + (int)sf_below(48));

        check_f16c(i % 2 ? a : a & ~0xfffull, (uint8_t)sf_below(4), (int)sf_below(4));
    }
    sf_report();
}
#endif
