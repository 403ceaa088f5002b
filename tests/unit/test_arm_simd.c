/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation of A64 FP and AdvSIMD instructions without running them: every row of the table, in
 * every mode that changes it, gives IR that keeps the rules of accel/ir.h; registers are written
 * behind the last access that may fault; rows depend on their features; FP instructions trap where
 * the mode word says so, reserved ones are undefined even then. What instructions do is for
 * tests/differential/arm_fp.py and tests/guest/aarch64/fp.S.
 */
#include <string.h>

#include "target/arm/simd.h"

enum { BASE = 0x40001000 };

typedef struct Fixture {
    ArmCpu *a;
    TransCtx t;
    uint8_t page[4096];
    uint32_t mode;
} Fixture;

static Fixture *fixture_new(bool features)
{
    Fixture *x = g_new0(Fixture, 1);

    x->a = g_new0(ArmCpu, 1);
    memset(&x->a->feat, features, sizeof x->a->feat);
    x->t.f = ir_func_new(arm_slots, ARM_N_SLOTS, SLOT_PC);
    return x;
}

static void fixture_free(Fixture *x)
{
    ir_func_free(x->t.f);
    g_free(x->a);
    g_free(x);
}

/* Registers must not change before the last access. (A pc at the end is no register.) */
static void check_precise(const IrFunc *f, uint32_t insn)
{
    bool written = false;

    for (unsigned i = 0; i < f->n; i++) {
        const IrInsn *op = &f->insns[i];
        if (written && (op->op == IR_ld || op->op == IR_st)) {
            ir_print(f, stderr);
            g_error("%08x accesses memory behind a write of a register", insn);
        }
        written |= ir_is_slot(op->dst) && ir_slot_index(op->dst) != SLOT_PC;
    }
}

static void translate(Fixture *x, uint32_t insn)
{
    IrFunc *f = x->t.f;
    const char *wrong;

    ir_func_clear(f);
    x->t = (TransCtx){ .cpu = &x->a->cpu, .f = f, .pc_first = BASE + 64, .pc = BASE + 64,
                       .mode = x->mode, .page_end = BASE + 4096, .host = x->page };
    store_le32(x->page + 64, insn);
    arm_translate_insn(&x->t);
    if (!x->t.end)
        ir_exit_jump(f, x->t.pc);
    check_precise(f, insn);
    wrong = ir_verify(f);
    if (!wrong) {
        ir_optimize(f);
        wrong = ir_verify(f);
    }
    if (wrong) {
        ir_print(f, stderr);
        g_error("%08x in mode %x: %s", insn, x->mode, wrong);
    }
}

static bool calls(const Fixture *x, const IrHelper *h)
{
    for (unsigned i = 0; i < x->t.f->n; i++) {
        const IrInsn *op = &x->t.f->insns[i];
        if (op->op == IR_call && (const void *)(intptr_t)op->imm == h)
            return true;
    }
    return false;
}

static const uint32_t modes[] = {
    1, 1 | MODE_A | MODE_SA, 0 | MODE_EE, 1 | MODE_EE | MODE_A, 1 | FP_RTZ << MODE_RM_SHIFT,
    0 | FP_RUP << MODE_RM_SHIFT | MODE_FZ | MODE_DN | MODE_FZ16 | MODE_AHP, 1 | 1 << MODE_FP_SHIFT,
};

static void test_rows(void)
{
    Fixture *x = fixture_new(true);
    GRand *rng = g_rand_new_with_seed(1);

    memset(arm_simd_insn_count, 0, sizeof(uint32_t) * ARM_SIMD_N_INSNS);
    for (unsigned i = 0; i < ARM_SIMD_N_INSNS * 400; i++) {
        const ArmSimdEncoding *e = &arm_simd_encoding[i % ARM_SIMD_N_INSNS];
        x->mode = modes[i / ARM_SIMD_N_INSNS % G_N_ELEMENTS(modes)];
        translate(x, e->value | (g_rand_int(rng) & ~e->mask));
    }
    for (unsigned i = 0; i < ARM_SIMD_N_INSNS; i++) {
        if (!arm_simd_insn_count[i])
            g_error("%s was never decoded", arm_simd_insn_name[i]);
    }
    g_rand_free(rng);
    fixture_free(x);
}

/* Any word with the class bits of FP and AdvSIMD. */
static void test_random(void)
{
    Fixture *x = fixture_new(true);
    GRand *rng = g_rand_new_with_seed(2);

    for (unsigned i = 0; i < 400000; i++) {
        uint32_t w = g_rand_int(rng);
        x->mode = modes[i % G_N_ELEMENTS(modes)];
        translate(x, i & 1 ? (w & ~(7u << 25)) | 6u << 25 : w | 7u << 25);
    }
    g_rand_free(rng);
    fixture_free(x);
}

enum {
    FADD_4S = 0x4e22d420, FADD_8H = 0x4e421420, FADD_1D = 0x0e62d420, AESE = 0x4e284820,
    SDOT = 0x4e829420, EOR3 = 0xce020c20, LD1 = 0x4c407820, BFCVT = 0x1e634020,
};

static void test_features(void)
{
    static const uint32_t optional[] = { FADD_8H, AESE, SDOT, EOR3, BFCVT };
    Fixture *with = fixture_new(true), *without = fixture_new(false);

    with->mode = without->mode = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(optional); i++) {
        translate(with, optional[i]);
        g_assert_false(calls(with, &arm_helper_undef));
        translate(without, optional[i]);
        g_assert_true(calls(without, &arm_helper_undef));
    }
    translate(without, FADD_4S);
    g_assert_false(calls(without, &arm_helper_undef));
    fixture_free(with);
    fixture_free(without);
}

static void test_traps(void)
{
    static const uint32_t words[] = { FADD_4S, LD1, AESE };
    Fixture *x = fixture_new(true);

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        x->mode = 1;
        translate(x, words[i]);
        g_assert_false(calls(x, &arm_helper_fp_access));
        x->mode = 1 | 1 << MODE_FP_SHIFT;
        translate(x, words[i]);
        g_assert_true(calls(x, &arm_helper_fp_access));
        g_assert_true(x->t.end);
    }
    translate(x, FADD_1D);
    g_assert_true(calls(x, &arm_helper_undef));
    g_assert_false(calls(x, &arm_helper_fp_access));
    fixture_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arm_simd/rows", test_rows);
    g_test_add_func("/arm_simd/random", test_random);
    g_test_add_func("/arm_simd/features", test_features);
    g_test_add_func("/arm_simd/traps", test_traps);
    return g_test_run();
}
