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
 * The host part needs an x86-64 host and is left out elsewhere.  The parts are in softfloat/, where
 * softfloat_test.h describes them; here are the list of tests, results written down by hand, and
 * a test that the oracle and its comparison can fail.
 */
#include <string.h>

#include "softfloat/softfloat_test.h"

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
    const Format *f = &sf_formats[F64];
    int wrong_mode = 0, wrong_tininess = 0;

    g_assert_true(agrees(1, 2, 1, 2));
    g_assert_false(agrees(1, 2, 3, 2));
    g_assert_false(agrees(1, 2, 1, 0));
    for (int i = 0; i < 3000; i++) {
        FpStatus up = sf_make_status(0, FP_RUP), down = sf_make_status(0, FP_RDN), before = up;
        uint64_t v[3], got, want;
        unsigned flags = 0;

        sf_random_operands(f, MUL, v);
        got = f->op[MUL](v[0], v[1], 0, &up);
        want = sf_expect(f, MUL, v, &down, got, &flags);
        wrong_mode += !agrees(got, up.flags, want, flags);
        /* The largest subnormal and a bit: tiny only before rounding. */
        v[0] = 0x0010000000000001;
        v[1] = 0x3feffffffffffffe;
        flags = 0;
        up.flags = 0;
        before.tininess_before_rounding = true;
        got = f->op[MUL](v[0], v[1], 0, &up);
        want = sf_expect(f, MUL, v, &before, got, &flags);
        wrong_tininess += got == want && !agrees(got, up.flags, want, flags);
    }
    g_assert_cmpint(wrong_mode, >, 1000);
    g_assert_cmpint(wrong_tininess, ==, 3000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/softfloat/sanity", test_sanity);
    g_test_add_func("/softfloat/known", test_known);
    g_test_add_func("/softfloat/ahp", sf_test_ahp);
    g_test_add_func("/softfloat/modular", sf_test_modular);
    for (int i = 0; i < N_FORMATS; i++) {
        static const struct { const char *name; GTestDataFunc func; } t[] = {
            { "exact", sf_test_exact }, { "muladd", sf_test_muladd_options },
            { "compare", sf_test_compare }, { "int", sf_test_int }, { "convert", sf_test_convert },
#ifdef __x86_64__
            { "host-arith", sf_test_host_arith }, { "host-other", sf_test_host_other },
#endif
        };

        for (unsigned j = 0; j < G_N_ELEMENTS(t); j++) {
            g_autofree char *path = NULL;

            if (strncmp(t[j].name, "host", 4) == 0 && sf_formats[i].bits == 16) {
                continue;
            }
            path = g_strdup_printf("/softfloat/%s/%s", sf_formats[i].name, t[j].name);
            g_test_add_data_func(path, &sf_formats[i], t[j].func);
        }
    }
#ifdef __x86_64__
    g_test_add_func("/softfloat/f16c", sf_test_host_f16c);
#endif
    return g_test_run();
}
