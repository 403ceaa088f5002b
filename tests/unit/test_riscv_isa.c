/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation of RISC-V instructions without running them: whatever the bits are, in every mode,
 * the IR keeps the rules of accel/ir.h, decoding depends on extensions as it should, and reserved
 * encodings raise an illegal instruction. What instructions do is for tests/differential and
 * tests/guest; the encodings themselves are compared with an assembler's there.
 */
#include "target/riscv/trans.h"

enum { BASE = 0x80001000 };

typedef struct Fixture {
    RiscvCpu *r;
    TransCtx t;
    uint8_t page[4096];
    uint32_t mode;
} Fixture;

static Fixture *fixture_new(void)
{
    Fixture *x = g_new0(Fixture, 1);

    x->r = g_new0(RiscvCpu, 1);
#define X(m, n, d) x->r->ext.m = true;
    RISCV_EXTENSIONS(X)
#undef X
    x->r->cbom_blocksize = x->r->cboz_blocksize = 64;
    x->t.f = ir_func_new(riscv_slots, RISCV_N_SLOTS, SLOT_PC);
    x->mode = PRV_M | MODE_FS;
    return x;
}

static void fixture_free(Fixture *x)
{
    ir_func_free(x->t.f);
    g_free(x->r);
    g_free(x);
}

/* Translates one instruction; the function is complete afterwards. */
static void translate(Fixture *x, uint32_t insn)
{
    IrFunc *f = x->t.f;
    const char *wrong;

    ir_func_clear(f);
    x->t = (TransCtx){ .cpu = &x->r->cpu, .f = f, .pc_first = BASE + 64, .pc = BASE + 64,
                       .mode = x->mode, .page_end = BASE + 4096, .host = x->page };
    store_le32(x->page + 64, insn);
    riscv_translate_insn(&x->t);
    if (!x->t.end)
        ir_exit_jump(f, x->t.pc);
    wrong = ir_verify(f);
    if (wrong) {
        ir_print(f, stderr);
        g_error("%08x in mode %x: %s", insn, x->mode, wrong);
    }
}

static bool is_illegal(Fixture *x, uint32_t insn)
{
    translate(x, insn);
    for (unsigned i = 0; i < x->t.f->n; i++) {
        const IrInsn *op = &x->t.f->insns[i];
        if (op->op == IR_call && (const void *)(intptr_t)op->imm == &riscv_helper_illegal)
            return true;
    }
    return false;
}

static const uint32_t modes[] = {
    PRV_M | MODE_FS, PRV_S | 1 << MODE_FS_SHIFT, PRV_U | 2 << MODE_FS_SHIFT, PRV_U,
    PRV_S | MODE_FS | 4 << MODE_FRM_SHIFT, PRV_S | MODE_FS | 6 << MODE_FRM_SHIFT,
};

static void test_all_compressed(void)
{
    Fixture *x = fixture_new();

    for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
        x->mode = modes[m];
        for (uint32_t w = 0; w < 0x10000; w++) {
            if ((w & 3) != 3)
                translate(x, w);
        }
    }
    fixture_free(x);
}

/* Words that are in some row but for its constraints; every row must be met. */
static void test_rows(void)
{
    Fixture *x = fixture_new();
    GRand *rng = g_rand_new_with_seed(1);

    memset(riscv_insn_count, 0, sizeof(uint32_t) * RISCV_N_INSNS);
    for (unsigned i = 0; i < RISCV_N_INSNS * 1200; i++) {
        const RiscvEncoding *e = &riscv_encoding[i % RISCV_N_INSNS];
        uint32_t w = e->value | (g_rand_int(rng) & ~e->mask);
        x->mode = modes[i / RISCV_N_INSNS % ARRAY_LEN(modes)];
        x->r->ext.c = e->width == 16 || i & 8;
        translate(x, e->width == 16 ? w & 0xffff : w);
    }
    for (unsigned i = 0; i < RISCV_N_INSNS; i++) {
        if (!riscv_insn_count[i])
            g_error("%s was never decoded", riscv_insn_name[i]);
    }
    g_rand_free(rng);
    fixture_free(x);
}

static void test_random(void)
{
    Fixture *x = fixture_new();
    GRand *rng = g_rand_new_with_seed(2);

    for (unsigned i = 0; i < 1000000; i++) {
        x->mode = modes[i % ARRAY_LEN(modes)];
        x->r->ext.c = i & 8;
        translate(x, g_rand_int(rng) | 3);
    }
    g_rand_free(rng);
    fixture_free(x);
}

static void test_reserved(void)
{
    static const uint32_t illegal[] = {
        0x00000000,               /* defined to be illegal */
        0xffffffff, 0x0000,       /* c.addi4spn with 0 */
        0x6101 & ~0x107c,         /* c.addi16sp with 0 */
        0x6001 | 5 << 7,          /* c.lui with 0 */
        0x2001,                   /* c.addiw to x0 */
        0x4002, 0x6002,           /* c.lwsp, c.ldsp to x0 */
        0x8002,                   /* c.jr x0 */
        0x9c41, 0x9c61,           /* reserved in the c.subw group */
        0x8000,                   /* reserved quadrant 0 */
        0x00005053 | 1 << 25,     /* fadd.d with rm 5 */
        0x02006053,               /* fadd.d with rm 6 */
        0x0200101b,               /* slliw with shamt[5] */
        0x00007003,               /* load funct3 7 */
        0x00004023,               /* store funct3 4 */
        0x00001067,               /* jalr funct3 1 */
        0x00002063,               /* branch funct3 2 */
        0x1010202f,               /* lr.w with rs2 1 */
        0x280140af,               /* amocas.q to an odd register */
        0x00004073,               /* system funct3 4 */
        0x12000073 | 1 << 7,      /* sfence.vma with rd */
        0x30200073 | 1 << 7,      /* mret with rd */
        0x0030200f,               /* cbo with selector 3 */
        0x0000100b,               /* custom-0 */
    };
    static const uint32_t legal[] = {
        0x0001, 0x0005,           /* c.nop and its hint with an immediate */
        0x4001,                   /* c.li to x0: hint */
        0x6005,                   /* c.lui to x0: hint */
        0x8006,                   /* c.mv to x0: hint */
        0x0002,                   /* c.slli x0: hint */
        0x8001,                   /* c.srli by 0: hint */
        0x9002,                   /* c.ebreak */
        0x0f1e8e8f & 0xfffff07f,  /* fence with rs1 */
        0xfff0000f,               /* fence with fm reserved */
        0x8330000f,               /* fence.tso */
        0x0100000f,               /* pause */
        0x00006013, 0x00106013, 0x00206013, /* prefetch.i, .r, ori to x0 */
        0x00f0100f | 31 << 7,     /* fence.i with reserved fields */
        0x02007053,               /* fadd.d dyn */
    };
    Fixture *x = fixture_new();

    for (unsigned i = 0; i < ARRAY_LEN(illegal); i++) {
        if (!is_illegal(x, illegal[i]))
            g_error("%08x should be reserved", illegal[i]);
    }
    for (unsigned i = 0; i < ARRAY_LEN(legal); i++) {
        if (is_illegal(x, legal[i]))
            g_error("%08x should be legal", legal[i]);
    }
    fixture_free(x);
}

static void test_extensions(void)
{
    Fixture *x = fixture_new();

    g_assert_false(is_illegal(x, 0x02b50533)); /* mul */
    x->r->ext.m = false;
    g_assert_true(is_illegal(x, 0x02b50533));
    g_assert_false(is_illegal(x, 0x8082)); /* c.jr ra */
    x->r->ext.c = false;
    g_assert_true(is_illegal(x, 0x8082));
    g_assert_false(is_illegal(x, 0x0100000f)); /* pause; without it, a fence */
    x->r->ext.zihintpause = x->r->ext.zicbop = false;
    g_assert_false(is_illegal(x, 0x0100000f));
    g_assert_false(is_illegal(x, 0x00106013)); /* prefetch.r is an ori */
    g_assert_false(is_illegal(x, 0x02b57553)); /* fadd.d */
    x->mode = PRV_U | MODE_FS | 5 << MODE_FRM_SHIFT;
    g_assert_true(is_illegal(x, 0x02b57553));  /* dynamic rounding, frm reserved */
    g_assert_false(is_illegal(x, 0x02b50553)); /* static */
    x->mode = PRV_U;
    g_assert_true(is_illegal(x, 0x02b50553)); /* FS off */
    g_assert_true(is_illegal(x, 0x10200073)); /* sret in U */
    g_assert_true(is_illegal(x, 0x12000073)); /* sfence.vma */
    x->mode = PRV_S;
    g_assert_false(is_illegal(x, 0x10200073));
    g_assert_true(is_illegal(x, 0x30200073)); /* mret in S */
    fixture_free(x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/isa/compressed", test_all_compressed);
    g_test_add_func("/riscv/isa/rows", test_rows);
    g_test_add_func("/riscv/isa/random", test_random);
    g_test_add_func("/riscv/isa/reserved", test_reserved);
    g_test_add_func("/riscv/isa/extensions", test_extensions);
    return g_test_run();
}
