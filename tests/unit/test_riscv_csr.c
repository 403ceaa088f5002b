/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V CSRs: which of all 4096 numbers may be accessed from which privilege, which bits can be
 * written (WARL), the conditions that other registers impose; and traps, interrupts, -cpu.
 */
#include "tests/unit/riscv_test.h"

#include "accel/fp.h"

static uint64_t call1(const IrHelper *h, Cpu *cpu, uint64_t a)
{
    return ((uint64_t(*)(Cpu *, uint64_t))h->fn)(cpu, a);
}

static uint64_t call3(const IrHelper *h, Cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    return ((uint64_t(*)(Cpu *, uint64_t, uint64_t, uint64_t))h->fn)(cpu, a, b, c);
}

static uint64_t csr_read(RiscvCpu *r, unsigned csr)
{
    g_assert_true(riscv_csr_allowed(r, csr, false));
    return call1(&riscv_helper_csr_read, &r->cpu, csr);
}

static uint64_t csr_swap(RiscvCpu *r, unsigned csr, uint64_t value)
{
    g_assert_true(riscv_csr_allowed(r, csr, true));
    return call3(&riscv_helper_csr_rw, &r->cpu, csr, value, ~0ULL);
}

static void csr_write(RiscvCpu *r, unsigned csr, uint64_t value)
{
    csr_swap(r, csr, value);
}

static void set_bits(RiscvCpu *r, unsigned csr, uint64_t bits)
{
    call3(&riscv_helper_csr_rw, &r->cpu, csr, ~0ULL, bits);
}

static void clear_bits(RiscvCpu *r, unsigned csr, uint64_t bits)
{
    call3(&riscv_helper_csr_rw, &r->cpu, csr, 0, bits);
}

/* --- access --- */

typedef struct Span {
    unsigned first, last;
    int priv; /* lowest that may access */
} Span;
static const Span rv64_csrs[] = {
    { 0x001, 0x003, 0 }, /* fflags, frm, fcsr */
    { 0xc00, 0xc1f, 0 }, /* cycle, time, instret, hpmcounter3.. */
    { 0x100, 0x100, 1 }, { 0x104, 0x106, 1 }, { 0x10a, 0x10a, 1 }, { 0x140, 0x144, 1 },
    { 0x14d, 0x14d, 1 }, { 0x180, 0x180, 1 },
    { 0x300, 0x306, 3 }, { 0x30a, 0x30a, 3 }, { 0x320, 0x320, 3 }, { 0x323, 0x33f, 3 },
    { 0x340, 0x344, 3 },
    { 0x3a0, 0x3a0, 3 }, { 0x3a2, 0x3a2, 3 }, { 0x3b0, 0x3bf, 3 },
    { 0x7a0, 0x7a4, 3 }, /* that there are no triggers */
    { 0xb00, 0xb00, 3 }, { 0xb02, 0xb1f, 3 },
    { 0xf11, 0xf15, 3 },
};

/* Everything that can forbid an access allows it. */
static void open_all(RiscvCpu *r)
{
    r->mstatus |= MSTATUS_FS;
    r->mcounteren = r->scounteren = UINT32_MAX;
    r->menvcfg |= ENVCFG_STCE;
}

static void test_access(void)
{
    static const int privs[] = { PRV_U, PRV_S, PRV_M };
    RiscvCpu *r = test_hart("rv64");
    unsigned n = 0;

    open_all(r);
    for (unsigned p = 0; p < 3; p++)
        for (unsigned csr = 0; csr < 4096; csr++) {
            bool want = false, ro = csr >> 10 == 3;
            RiscvCsrInline how;
            uint32_t mode = (uint32_t)privs[p] | 3 << MODE_FS_SHIFT;
            r->priv = (uint64_t)privs[p];
            for (unsigned i = 0; i < ARRAY_LEN(rv64_csrs); i++)
                if (csr >= rv64_csrs[i].first && csr <= rv64_csrs[i].last)
                    want = privs[p] >= rv64_csrs[i].priv;
            if (riscv_csr_allowed(r, csr, false) != want ||
                riscv_csr_allowed(r, csr, true) != (want && !ro) ||
                riscv_csr_inline(r, mode, csr, false, &how) != want ||
                riscv_csr_inline(r, mode, csr, true, &how) != (want && !ro))
                g_error("CSR %#x from privilege %d", csr, privs[p]);
            n += want;
        }
    g_assert_cmpuint(n, >, 200);
}

/* Where inline access is offered, it is the same as the helper's. */
static void test_inline(void)
{
    RiscvCpu *r = test_hart("max");
    RiscvCsrInline how;

    open_all(r);
    for (unsigned csr = 0; csr < 4096; csr++) {
        static const uint64_t values[] = { ~0ULL, 0, 0x123456789abcdef0, 0xf };
        uint64_t *cell, expect;
        if (!riscv_csr_inline(r, PRV_M | 3 << MODE_FS_SHIFT, csr, true, &how) ||
            how.write_slot < 0)
            continue;
        g_assert_false(how.ends_block);
        cell = (uint64_t *)(void *)((char *)r + riscv_slots[how.write_slot].offset);
        for (unsigned i = 0; i < ARRAY_LEN(values); i++) {
            expect = (*cell & ~how.write_mask) | (values[i] & how.write_mask);
            csr_write(r, csr, values[i]);
            g_assert_cmphex(*cell, ==, expect);
            g_assert_cmpint(how.read_slot, ==, how.write_slot);
            g_assert_cmphex(csr_read(r, csr), ==, *cell & how.read_mask);
        }
    }
}

static void test_conditions(void)
{
    RiscvCpu *r = test_hart("rv64");

    /* FP registers while the FPU is off. */
    g_assert_false(riscv_csr_allowed(r, 3, false));
    r->mstatus |= 1 << MSTATUS_FS_SHIFT;
    g_assert_true(riscv_csr_allowed(r, 3, true));
    /* Counters: mcounteren for S, both for U. */
    for (unsigned n = 0; n < 32; n++) {
        for (unsigned k = 0; k < 4; k++) {
            r->mcounteren = (k & 1) << n;
            r->scounteren = (uint64_t)(k >> 1) << n;
            r->priv = PRV_M;
            g_assert_true(riscv_csr_allowed(r, 0xc00 + n, false));
            r->priv = PRV_S;
            g_assert_cmpint(riscv_csr_allowed(r, 0xc00 + n, false), ==, k & 1);
            r->priv = PRV_U;
            g_assert_cmpint(riscv_csr_allowed(r, 0xc00 + n, false), ==, k == 3);
        }
    }
    /* stimecmp from S: TM and STCE. */
    for (unsigned k = 0; k < 4; k++) {
        r->mcounteren = k & 1 ? 2 : 0;
        r->menvcfg = k & 2 ? ENVCFG_STCE : 0;
        r->priv = PRV_S;
        g_assert_cmpint(riscv_csr_allowed(r, 0x14d, true), ==, k == 3);
        r->priv = PRV_M;
        g_assert_true(riscv_csr_allowed(r, 0x14d, true));
    }
    /* satp with TVM */
    r->mstatus |= MSTATUS_TVM;
    g_assert_true(riscv_csr_allowed(r, 0x180, true));
    r->priv = PRV_S;
    g_assert_false(riscv_csr_allowed(r, 0x180, false));
    /* A hart without S mode knows nothing of it. */
    r = test_hart("rv64,s=off");
    for (unsigned csr = 0x100; csr < 0x200; csr++)
        g_assert_false(riscv_csr_allowed(r, csr, false));
    g_assert_false(riscv_csr_allowed(r, 0x302, false));
    csr_write(r, 0x300, 1 << MSTATUS_MPP_SHIFT);
    g_assert_cmphex(csr_read(r, 0x300) & MSTATUS_MPP, ==, 0);
}

/* --- WARL --- */

static void test_warl(void)
{
    static const struct { unsigned csr; uint64_t ones, zeros; } rows[] = {
        { 0x001, 0x1f, 0 }, { 0x002, 7, 0 }, { 0x003, 0xff, 0 },
        { 0x104, 0x222, 0 }, { 0x105, ~2ULL, 0 }, { 0x106, 0xffffffff, 0 },
        { 0x10a, 0xf1, 0 }, { 0x140, ~0ULL, 0 }, { 0x141, ~1ULL, 0 }, { 0x142, ~0ULL, 0 },
        { 0x143, ~0ULL, 0 }, { 0x301, 0x800000000014112d, 0x800000000014112d },
        { 0x302, 0xb3ff, 0 }, { 0x303, 0x222, 0 }, { 0x304, 0xaaa, 0 }, { 0x305, ~2ULL, 0 },
        { 0x306, 0xffffffff, 0 }, { 0x30a, 0xe0000000000000f1, 0 }, { 0x320, 5, 0 },
        { 0x323, 0, 0 }, { 0x7a0, 0, 0 }, { 0x7a1, 0, 0 }, { 0x7a4, 1, 1 },
        { 0x340, ~0ULL, 0 }, { 0x341, ~1ULL, 0 }, { 0xb03, 0, 0 },
        { 0xb1f, 0, 0 }, { 0x3b0, MASK(54), 0 }, { 0x3bf, MASK(54), 0 },
    };
    RiscvCpu *r = test_hart("rv64");

    csr_write(r, 0x303, ~0ULL); /* so that sie shows all */
    r->mstatus |= MSTATUS_FS;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        csr_write(r, rows[i].csr, 0);
        csr_write(r, rows[i].csr, ~0ULL);
        if (rows[i].csr == 0x303)
            continue;
        g_assert_cmphex(csr_read(r, rows[i].csr), ==, rows[i].ones);
        csr_write(r, rows[i].csr, 0);
        g_assert_cmphex(csr_read(r, rows[i].csr), ==, rows[i].zeros);
    }
}

static void test_status(void)
{
    RiscvCpu *r = test_hart("rv64");

    g_assert_cmphex(csr_read(r, 0x300), ==, 0xa00000000);
    csr_write(r, 0x300, ~0ULL);
    g_assert_cmphex(csr_read(r, 0x300), ==, 0x8000000a007e79aa);
    g_assert_cmphex(csr_read(r, 0x100), ==, 0x80000002000c6122);
    csr_write(r, 0x100, 0);
    g_assert_cmphex(csr_read(r, 0x300), ==, 0xa00721888);
    /* MPP = 2 does not exist. */
    csr_write(r, 0x300, 2 << MSTATUS_MPP_SHIFT);
    g_assert_cmphex(csr_read(r, 0x300) & MSTATUS_MPP, ==, MSTATUS_MPP);
    /* satp: modes that do not exist change nothing. */
    csr_write(r, 0x180, 9ULL << 60 | 0x1234ULL << 44 | 77);
    g_assert_cmphex(csr_read(r, 0x180), ==, 0x912340000000004d);
    csr_write(r, 0x180, 7ULL << 60);
    csr_write(r, 0x180, 11ULL << 60 | 5);
    g_assert_cmphex(csr_read(r, 0x180), ==, 0x912340000000004d);
    /* envcfg: CBIE = 2 is reserved. */
    csr_write(r, 0x30a, 3 << 4);
    csr_write(r, 0x30a, 2 << 4);
    g_assert_cmphex(csr_read(r, 0x30a), ==, 0x30);
}

static void test_fcsr(void)
{
    RiscvCpu *r = test_hart("rv64");

    r->mstatus |= 1 << MSTATUS_FS_SHIFT;
    csr_write(r, 3, 0x5f);
    g_assert_cmphex(r->mstatus & MSTATUS_FS, ==, MSTATUS_FS);
    g_assert_cmphex(csr_read(r, 1), ==, 0x1f);
    g_assert_cmphex(csr_read(r, 2), ==, 2);
    g_assert_cmpuint(r->cpu.fp.rm, ==, FP_RDN);
    g_assert_cmphex((r->cpu.mode & MODE_FRM) >> MODE_FRM_SHIFT, ==, 2);
    clear_bits(r, 1, 0x0f);
    g_assert_cmphex(csr_read(r, 3), ==, 0x50);
    r->cpu.mxcsr |= MXCSR_PE;
    g_assert_cmphex(csr_read(r, 3), ==, 0x51);
}

/* --- interrupts and traps --- */

static void line(RiscvCpu *r, int n, int level)
{
    IrqSink s = riscv_cpu_irq(&r->cpu, n);
    s.set(s.opaque, s.n, level);
}

static void test_mip(void)
{
    RiscvCpu *r = test_hart("rv64");

    csr_write(r, 0x303, ~0ULL);
    csr_write(r, 0x344, ~0ULL);
    g_assert_cmphex(csr_read(r, 0x344), ==, 0x222);
    csr_write(r, 0x144, 0); /* S owns SSIP only */
    g_assert_cmphex(csr_read(r, 0x344), ==, 0x220);
    csr_write(r, 0x344, 0);
    line(r, RISCV_IRQ_MEIP, 1);
    line(r, RISCV_IRQ_MTIP, 1);
    csr_write(r, 0x344, 0);
    g_assert_cmphex(csr_read(r, 0x344), ==, 0x880);
    g_assert_cmphex(csr_read(r, 0x144), ==, 0);
    /* SEIP: the line does not get into the software bit through csrrs. */
    line(r, RISCV_IRQ_SEIP, 1);
    set_bits(r, 0x344, IP_SSIP);
    g_assert_cmphex(csr_read(r, 0x344), ==, 0xa82);
    line(r, RISCV_IRQ_SEIP, 0);
    g_assert_cmphex(csr_read(r, 0x344), ==, 0x882);
    set_bits(r, 0x344, IP_SEIP);
    g_assert_cmphex(csr_read(r, 0x144), ==, 0x202);
    /* STCE: STIP belongs to the comparator. */
    csr_write(r, 0x344, IP_STIP);
    csr_write(r, 0x30a, ENVCFG_STCE);
    g_assert_cmphex(csr_read(r, 0x344) & IP_STIP, ==, 0);
    csr_write(r, 0x14d, 0);
    g_assert_cmphex(csr_read(r, 0x344) & IP_STIP, ==, IP_STIP);
    csr_write(r, 0x344, 0);
    g_assert_cmphex(csr_read(r, 0x344) & IP_STIP, ==, IP_STIP);
    csr_write(r, 0x14d, ~0ULL);
    g_assert_cmphex(csr_read(r, 0x344) & IP_STIP, ==, 0);
}

static void test_interrupts(void)
{
    static const int order[] = { 11, 3, 7, 9, 1, 5 };
    RiscvCpu *r = test_hart("rv64");
    Cpu *cpu = &r->cpu;

    csr_write(r, 0x304, ~0ULL);
    csr_write(r, 0x305, 0x1001); /* vectored */
    line(r, 11, 1);
    line(r, 3, 1);
    line(r, 7, 1);
    csr_write(r, 0x344, 0x222);
    g_assert_true(riscv_has_work(cpu));
    g_assert_false(riscv_take_interrupt(cpu)); /* MIE is off */
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        csr_write(r, 0x300, MSTATUS_MIE);
        g_assert_true(cpu->interrupt_request & RISCV_INTERRUPT_HARD);
        g_assert_true(riscv_take_interrupt(cpu));
        g_assert_cmphex(r->mcause, ==, 1ULL << 63 | (unsigned)order[i]);
        g_assert_cmphex(r->pc, ==, 0x1000 + 4 * (unsigned)order[i]);
        g_assert_cmphex(r->mstatus & (MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP), ==,
                        MSTATUS_MPIE | MSTATUS_MPP);
        if (i < 3)
            line(r, order[i], 0);
        else
            clear_bits(r, 0x344, 1u << order[i]);
    }
    /* Delegated: not in M, nor in S with SIE off; always in U. */
    csr_write(r, 0x303, ~0ULL);
    csr_write(r, 0x105, 0x2000);
    csr_write(r, 0x344, IP_SSIP);
    csr_write(r, 0x300, MSTATUS_MIE | MSTATUS_SIE);
    g_assert_false(riscv_take_interrupt(cpu));
    r->priv = PRV_S;
    csr_write(r, 0x100, 0);
    g_assert_false(riscv_take_interrupt(cpu));
    r->priv = PRV_U;
    r->pc = 0x4444;
    g_assert_true(riscv_take_interrupt(cpu));
    g_assert_cmphex(r->priv, ==, PRV_S);
    g_assert_cmphex(r->scause, ==, 1ULL << 63 | 1);
    g_assert_cmphex(r->sepc, ==, 0x4444);
    g_assert_cmphex(r->pc, ==, 0x2000);
    g_assert_cmphex(r->mstatus & (MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE), ==, 0);
}

static void test_traps(void)
{
    RiscvCpu *r = test_hart("rv64");
    Cpu *cpu = &r->cpu;

    r->medeleg = 1 << CAUSE_ECALL_U;
    r->stvec = 0x3000;
    r->mtvec = 0x5000;
    r->priv = PRV_U;
    r->mstatus |= MSTATUS_SIE | MSTATUS_MPRV;
    r->pc = 0x100;
    riscv_trap(r, CAUSE_ECALL_U, 0);
    g_assert_cmphex(r->pc, ==, 0x3000);
    g_assert_cmphex(r->priv, ==, PRV_S);
    g_assert_cmphex(r->cpu.mode & MODE_PRIV, ==, PRV_S);
    riscv_trap(r, CAUSE_ILLEGAL, 0x73); /* not delegated */
    g_assert_cmphex(r->priv, ==, PRV_M);
    g_assert_cmphex(r->mtval, ==, 0x73);
    g_assert_cmphex(r->mepc, ==, 0x3000);
    g_assert_cmphex(bits_get(r->mstatus, MSTATUS_MPP_SHIFT, 2), ==, PRV_S);
    ((uint64_t(*)(Cpu *))riscv_helper_mret.fn)(cpu);
    g_assert_cmphex(r->priv, ==, PRV_S);
    g_assert_cmphex(r->mstatus & (MSTATUS_MPP | MSTATUS_MPRV), ==, 0);
    ((uint64_t(*)(Cpu *))riscv_helper_sret.fn)(cpu);
    g_assert_cmphex(r->priv, ==, PRV_U);
    g_assert_cmphex(r->pc, ==, 0x100);
    g_assert_true(r->mstatus & MSTATUS_SIE);
    /* In M mode nothing is delegated. */
    r->priv = PRV_M;
    r->medeleg = ~0ULL;
    riscv_trap(r, CAUSE_BREAKPOINT, 0x100);
    g_assert_cmphex(r->pc, ==, 0x5000);
}

/* --- helpers that raise --- */

/* Calls a helper; true if it left by a trap (or to halt) instead of returning. */
static __attribute__((noinline)) bool leaves(RiscvCpu *r, const IrHelper *h, uint64_t a, uint64_t b,
                                             uint64_t c)
{
    if (jump_set(r->cpu.jmpbuf))
        return true;
    ((uint64_t(*)(Cpu *, uint64_t, uint64_t, uint64_t))h->fn)(&r->cpu, a, b, c);
    return false;
}

enum { TEST_INSN = 0x12345673 };

static bool illegal(RiscvCpu *r, uint64_t priv, const IrHelper *h, uint64_t a, uint64_t b,
                    uint64_t c)
{
    bool left;

    r->priv = priv;
    r->mstatus &= ~MSTATUS_MPRV;
    riscv_update_mode(r);
    r->pc = TEST_RAM + 0x100;
    r->mcause = ~0ULL;
    left = leaves(r, h, a, b, c);
    if (!left || r->cpu.exit_reason == CPU_EXIT_HALTED) {
        r->cpu.exit_reason = CPU_EXIT_NONE;
        return false;
    }
    g_assert_cmphex(r->mcause, ==, CAUSE_ILLEGAL);
    g_assert_cmphex(r->mtval, ==, TEST_INSN);
    g_assert_cmphex(r->mepc, ==, TEST_RAM + 0x100);
    return true;
}

static void test_illegal(void)
{
    static const uint64_t privs[] = { PRV_U, PRV_S, PRV_M };
    RiscvCpu *r = test_hart("rv64");
    uint32_t insn = TEST_INSN;
    MmuResult res;

    address_space_write(address_space_memory, TEST_RAM + 0x100, &insn, 4);
    r->pmpaddr[0] = MASK(54);
    r->pmpcfg[0] = 0x1f;
    riscv_pmp_update(r);
    g_assert_true(riscv_translate(&r->cpu, TEST_RAM, MMU_READ, RISCV_MMU_BARE_S, false, &res));
    for (unsigned i = 0; i < 3; i++) {
        uint64_t p = privs[i];
        for (unsigned on = 0; on < 2; on++) {
            uint64_t bit = on ? ~0ULL : 0;
            r->mstatus = (r->mstatus & ~MSTATUS_TSR) | (bit & MSTATUS_TSR);
            g_assert_cmpint(illegal(r, p, &riscv_helper_sret, 0, 0, 0), ==,
                            p == PRV_U || (p == PRV_S && on));
            g_assert_cmpint(illegal(r, p, &riscv_helper_mret, 0, 0, 0), ==, p != PRV_M);
            r->mstatus = (r->mstatus & ~MSTATUS_TW) | (bit & MSTATUS_TW);
            g_assert_cmpint(illegal(r, p, &riscv_helper_wfi, 0x5000, 0, 0), ==,
                            p == PRV_U || (p == PRV_S && on));
            g_assert_cmpint(illegal(r, p, &riscv_helper_wrs, 0x5000, 0, 0), ==, p != PRV_M && on);
            g_assert_false(illegal(r, p, &riscv_helper_wrs, 0x5000, 1, 0));
            r->mstatus = (r->mstatus & ~MSTATUS_TVM) | (bit & MSTATUS_TVM);
            for (unsigned k = 0; k < 4; k++)
                g_assert_cmpint(illegal(r, p, &riscv_helper_sfence_vma, TEST_RAM, 1, k), ==,
                                p == PRV_U || (p == PRV_S && on));
            g_assert_cmpint(illegal(r, p, &riscv_helper_csr_read, 0x180, 0, 0), ==,
                            p == PRV_U || (p == PRV_S && on));
            r->mstatus = (r->mstatus & ~MSTATUS_FS) | (bit & MSTATUS_FS);
            g_assert_cmpint(illegal(r, p, &riscv_helper_csr_write, 3, 0, 0), ==, !on);
            /* Cache blocks: menvcfg below M, senvcfg in U as well. */
            for (unsigned s_on = 0; s_on < 2; s_on++) {
                bool ok = p == PRV_M || (on && (p == PRV_S || s_on));
                r->menvcfg = bit & (ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE);
                r->senvcfg = s_on ? ENVCFG_CBZE | ENVCFG_CBCFE | ENVCFG_CBIE : 0;
                g_assert_cmpint(illegal(r, p, &riscv_helper_cbo_zero, TEST_RAM + 0x208, 0, 0), ==,
                                !ok);
                for (unsigned k = 0; k < 3; k++)
                    g_assert_cmpint(illegal(r, p, &riscv_helper_cbo_check, TEST_RAM, k, 0), ==,
                                    !ok);
            }
        }
    }
    r->frm = 5; /* reserved; as is the rounding mode in TEST_INSN */
    g_assert_true(illegal(r, PRV_M, &riscv_helper_fp_check_rm, TEST_INSN, 0, 0));
    g_assert_true(leaves(r, &riscv_helper_fp_check_rm, TEST_INSN | 7 << 12, 0, 0));
    r->frm = 4;
    g_assert_false(leaves(r, &riscv_helper_fp_check_rm, TEST_INSN | 7 << 12, 0, 0));
}

static void test_wfi(void)
{
    RiscvCpu *r = test_hart("rv64");

    g_assert_true(leaves(r, &riscv_helper_wfi, 0x5000, 0, 0));
    g_assert_cmphex(r->pc, ==, 0x5000);
    g_assert_cmpint(r->cpu.exit_reason, ==, CPU_EXIT_HALTED);
    csr_write(r, 0x304, IP_MTIP);
    g_assert_false(riscv_has_work(&r->cpu));
    line(r, RISCV_IRQ_MTIP, 1); /* wakes even with MIE off */
    g_assert_true(riscv_has_work(&r->cpu));
    g_assert_false(leaves(r, &riscv_helper_wfi, 0x6000, 0, 0));
    g_assert_cmphex(r->pc, ==, 0x6000);
    line(r, RISCV_IRQ_MTIP, 0);
}

static uint64_t ram_u64(uint64_t pa)
{
    uint64_t v;
    g_assert_cmpint(address_space_read(address_space_memory, pa, &v, 8), ==, MEM_OK);
    return v;
}

static void test_memory_helpers(void)
{
    RiscvCpu *r = test_hart("rv64");
    uint8_t ones[256];

    memset(ones, 0xff, sizeof ones);
    for (unsigned turn = 0; turn < 2; turn++) { /* a TLB miss, then a hit */
        address_space_write(address_space_memory, TEST_RAM + 0x1000, ones, sizeof ones);
        g_assert_false(leaves(r, &riscv_helper_cbo_zero, TEST_RAM + 0x1047, 0, 0));
        for (unsigned i = 0; i < 256; i += 8)
            g_assert_cmphex(ram_u64(TEST_RAM + 0x1000 + i), ==, i >= 64 && i < 128 ? 0 : ~0ULL);
    }
    /* Beyond RAM, and not aligned. */
    g_assert_true(leaves(r, &riscv_helper_cbo_zero, 0x40, 0, 0));
    g_assert_cmphex(r->mcause, ==, CAUSE_STORE_ACCESS);
    r->x[4] = r->x[5] = ~0ULL;
    r->x[6] = 66;
    r->x[7] = 77;
    g_assert_true(leaves(r, &riscv_helper_cas128, TEST_RAM + 0x1008, 4, 6));
    g_assert_cmphex(r->mcause, ==, CAUSE_STORE_MISALIGNED);
    g_assert_cmphex(r->mtval, ==, TEST_RAM + 0x1008);
    g_assert_false(leaves(r, &riscv_helper_cas128, TEST_RAM + 0x1000, 4, 6));
    g_assert_cmphex(r->x[4], ==, ~0ULL);
    g_assert_cmphex(ram_u64(TEST_RAM + 0x1000), ==, 66);
    g_assert_cmphex(ram_u64(TEST_RAM + 0x1008), ==, 77);
    g_assert_false(leaves(r, &riscv_helper_cas128, TEST_RAM + 0x1000, 4, 0)); /* differs now */
    g_assert_cmphex(r->x[4], ==, 66);
    g_assert_cmphex(r->x[5], ==, 77);
    g_assert_cmphex(ram_u64(TEST_RAM + 0x1000), ==, 66);
    g_assert_false(leaves(r, &riscv_helper_cas128, TEST_RAM + 0x1000, 4, 0)); /* x0: zeros */
    g_assert_cmphex(ram_u64(TEST_RAM + 0x1000), ==, 0);
    g_assert_cmphex(r->x[0], ==, 0);
}

/* --- time --- */

static uint64_t test_mtime;

static uint64_t read_test_mtime(void *opaque)
{
    return test_mtime;
}

static void test_sstc(void)
{
    RiscvCpu *r = test_hart("rv64");

    test_mtime = 1000;
    riscv_cpu_set_time_source(&r->cpu, read_test_mtime, NULL, 10000000);
    g_assert_cmphex(csr_read(r, 0xc01), ==, 1000);
    csr_write(r, 0x14d, 900); /* not enabled: nothing shows */
    g_assert_cmphex(riscv_mip(r), ==, 0);
    csr_write(r, 0x30a, ENVCFG_STCE);
    g_assert_cmphex(riscv_mip(r), ==, IP_STIP);
    csr_write(r, 0x14d, 2000);
    g_assert_cmphex(riscv_mip(r), ==, 0);
    g_assert_true(timer_pending(r->stimer));
    g_assert_cmphex(r->stimer_armed, ==, 2000);
    csr_write(r, 0x14d, 3000); /* later: the timer stays as it is */
    g_assert_cmphex(r->stimer_armed, ==, 2000);
    csr_write(r, 0x14d, 1500);
    g_assert_cmphex(r->stimer_armed, ==, 1500);
    csr_write(r, 0x14d, ~0ULL);
    test_mtime = 5000; /* the guest moved mtime */
    riscv_cpu_time_changed(&r->cpu);
    g_assert_cmphex(riscv_mip(r), ==, 0);
    csr_write(r, 0x14d, 5001);
    test_mtime = 5001;
    riscv_cpu_time_changed(&r->cpu);
    g_assert_cmphex(riscv_mip(r), ==, IP_STIP);
    g_assert_false(timer_pending(r->stimer));
    csr_write(r, 0x30a, 0);
    g_assert_cmphex(riscv_mip(r), ==, 0);
    /* A deadline in a million years is no overflow. */
    csr_write(r, 0x30a, ENVCFG_STCE);
    csr_write(r, 0x14d, ~1ULL);
    g_assert_cmphex(riscv_mip(r), ==, 0);
    csr_write(r, 0x14d, 5002);
    g_assert_cmphex(r->stimer_armed, ==, 5002);
}

static void test_counters(void)
{
    RiscvCpu *r = test_hart("rv64");

    csr_write(r, 0x320, 5);
    csr_write(r, 0xb00, 1234);
    csr_write(r, 0xb02, 99);
    g_assert_cmphex(csr_read(r, 0xb00), ==, 1234);
    g_assert_cmphex(csr_read(r, 0xc02), ==, 99);
    set_bits(r, 0xb02, 0x100);
    g_assert_cmphex(csr_read(r, 0xb02), ==, 0x163);
    csr_write(r, 0x320, 0);
    g_assert_cmphex(csr_read(r, 0xb00), >=, 1234);
}

/* --- -cpu --- */

static void bad_cpu(const char *text, const char *part)
{
    g_autofree RiscvCpu *r = g_new0(RiscvCpu, 1);
    g_autoptr(GError) error = NULL;

    g_assert_false(riscv_configure(&r->cpu, text, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, part) || strchr(error->message, '\n'))
        g_error("-cpu %s: \"%s\" does not say \"%s\"", text, error->message, part);
}

static void good_cpu(const char *text, const char *isa, const char *mmu)
{
    g_autofree RiscvCpu *r = g_new0(RiscvCpu, 1);
    g_autofree char *s = NULL;
    GError *error = NULL;

    riscv_configure(&r->cpu, text, &error);
    g_assert_no_error(error);
    s = riscv_cpu_isa_string(&r->cpu);
    if (isa)
        g_assert_cmpstr(s, ==, isa);
    g_assert_cmpstr(riscv_cpu_mmu_type(&r->cpu), ==, mmu);
}

static void test_config(void)
{
    static const char *const hostile[] = {
        "", ",", "rv64,", "rv64,,", "rv64,=", "rv64,+", "rv64,-", "rv64,zba=", "rv64,=on",
        "rv64,zba=on=off", "rv64,cbom_blocksize=", "rv64,cbom_blocksize=-1", "\xff\xfe",
    };

    good_cpu("rv64", "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_"
             "zihpm_zacas_zawrs_zfa_zfhmin_zba_zbb_zbc_zbs_sstc_svadu_svinval_svnapot_svpbmt",
             "riscv,sv57");
    good_cpu("rv64,f=off,zicbom=off,zicbop=off,zicboz=off,-zacas,-zawrs,+svade,sv57=off,h=off,Zba="
             "false", "rv64imac_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zbb_zbc_zbs_sstc_"
             "svade_svadu_svinval_svnapot_svpbmt", "riscv,sv48");
    good_cpu("max,sv39=on", NULL, "riscv,sv39");
    good_cpu("rv64,mmu=off", NULL, "riscv,none");
    good_cpu("rv64,s=off", NULL, "riscv,none");
    bad_cpu("rv46", "did you mean rv64");
    bad_cpu("rv64,zbaa=on", "did you mean 'zba'");
    bad_cpu("rv64,f=off,d=on", "d=on needs f");
    bad_cpu("rv64,v=on", "'v' is not implemented");
    bad_cpu("rv64,zba=maybe", "zba=maybe must be on or off");
    bad_cpu("rv64,sv48=off,sv57=on", "sv57=on needs sv48");
    bad_cpu("rv64,mmu=off,sv39=on", "needs an MMU");
    bad_cpu("rv64,cbom_blocksize=48", "power of two");
    bad_cpu("rv64,i=off", "i=off is impossible");
    for (unsigned i = 0; i < ARRAY_LEN(hostile); i++)
        bad_cpu(hostile[i], "-cpu: ");
}

/* --- saved state --- */

static void test_state(void)
{
    RiscvCpu *a = test_hart("rv64"), *b = test_hart("rv64");
    const TargetOps *t = a->cpu.target;
    g_autoptr(GByteArray) first = g_byte_array_new(), second = g_byte_array_new();
    GError *error = NULL;
    uint64_t v;

    for (unsigned i = 1; i < 32; i++)
        a->x[i] = a->f[i] = 0x1111111111111111U * i;
    csr_write(a, 0x300, ~0ULL);
    csr_write(a, 3, 0x7f);
    csr_write(a, 0x180, 8ULL << 60 | 5);
    csr_write(a, 0x3b0, 0x1234);
    csr_write(a, 0x3a0, 0x9f);
    state_save(t->state, a, first);
    g_assert_true(state_load(t->state, b, first->data, first->len, &error));
    g_assert_no_error(error);
    t->loaded(&b->cpu);
    state_save(t->state, b, second);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    g_assert_cmpuint(b->cpu.fp.rm, ==, FP_RUP);
    g_assert_cmpuint(b->pmp_ranges[0].entry, ==, a->pmp_ranges[0].entry);
    g_assert_cmphex(b->cpu.mode, ==, a->cpu.mode);
    g_assert_true(t->reg_by_name(&b->cpu, "$t0", &v) && v == a->x[5]);
    g_assert_true(t->reg_by_name(&b->cpu, "fa0", &v) && v == a->f[10]);
    g_assert_true(t->reg_by_name(&b->cpu, "pmpaddr0", &v) && v == 0x1234);
    g_assert_false(t->reg_by_name(&b->cpu, "x32", &v));
    g_assert_false(t->reg_by_name(&b->cpu, "", &v));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/csr/access", test_access);
    g_test_add_func("/riscv/csr/inline", test_inline);
    g_test_add_func("/riscv/csr/conditions", test_conditions);
    g_test_add_func("/riscv/csr/warl", test_warl);
    g_test_add_func("/riscv/csr/status", test_status);
    g_test_add_func("/riscv/csr/fcsr", test_fcsr);
    g_test_add_func("/riscv/csr/mip", test_mip);
    g_test_add_func("/riscv/trap/interrupts", test_interrupts);
    g_test_add_func("/riscv/trap/exceptions", test_traps);
    g_test_add_func("/riscv/helpers/illegal", test_illegal);
    g_test_add_func("/riscv/helpers/wfi", test_wfi);
    g_test_add_func("/riscv/helpers/memory", test_memory_helpers);
    g_test_add_func("/riscv/time/sstc", test_sstc);
    g_test_add_func("/riscv/time/counters", test_counters);
    g_test_add_func("/riscv/cpu/config", test_config);
    g_test_add_func("/riscv/cpu/state", test_state);
    return g_test_run();
}
