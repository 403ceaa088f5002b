/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The software TLB, guest memory accesses, the table of code blocks and the execution loop, with a
 * small guest architecture (fake_target.h). Everything with the interpreter, then with the JIT.
 */
#include "fake_target.h"

#include "accel/core/tcg.h"

/* Counters and tags are not what a test expects when TLB and code go away by chance. */
#define CALM (!chaos.tiny_tlb && !chaos.random_flush && !chaos.random_evict)

static FakeCpu *c;
static Cpu *cpu;

/* Calls fn, true if it left by cpu_loop_exit. */
static void (*guarded_fn)(void);
static bool __attribute__((noinline)) leaves(void (*fn)(void))
{
    guarded_fn = fn;
    if (jump_set(cpu->jmpbuf))
        return true;
    guarded_fn();
    return false;
}

static vaddr access_va;
static IrMemOp access_op;
static uint64_t access_value;
static void do_load(void)
{
    access_value = cpu_load(cpu, access_va, access_op);
}
static void do_store(void)
{
    cpu_store(cpu, access_va, access_value, access_op);
}
static void do_rmw(void)
{
    access_value = cpu_atomic_rmw(cpu, access_va, access_value, access_op, IR_RMW_ADD);
}

static bool load_faults(vaddr va, IrMemOp m)
{
    access_va = va;
    access_op = m;
    return leaves(do_load);
}

static bool store_faults(vaddr va, uint64_t v, IrMemOp m)
{
    access_va = va;
    access_op = m;
    access_value = v;
    return leaves(do_store);
}

static void paging(unsigned asid, unsigned idx)
{
    c->paging = true;
    c->asid = asid;
    c->idx = idx;
    fake_update(c);
}

static void fresh(void)
{
    memset(fake_pages, 0, sizeof fake_pages);
    memset(fake_host(0), 0, FAKE_RAM_SIZE);
    code_flush_all();
    tlb_flush_all(cpu);
    c->stop_on_fault = false;
    atomic_store(&cpu->exit_request, 0);
    atomic_store(&cpu->interrupt_request, 0);
    fake_reset(cpu);
    c->n_faults = c->n_unaligned = c->n_bus_errors = c->n_traps = c->n_interrupts = 0;
}

/* ---- accesses ---- */

static void test_accesses(void)
{
    fresh();
    static const uint8_t bytes[] = { 0xf1, 0x82, 0x93, 0x74, 0xb5, 0xc6, 0xd7, 0xe8, 0x79 };
    for (unsigned at = 0x2ff0; at < 0x3010; at++) { /* aligned, unaligned, across a page */
        memcpy(fake_host(at), bytes, sizeof bytes);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_8), ==, 0xf1);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_8 | IR_MO_SIGN), ==, 0xfffffffffffffff1);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_16), ==, 0x82f1);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_16 | IR_MO_SIGN | IR_MO_BE), ==,
                        0xfffffffffffff182);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_32), ==, 0x749382f1);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_32 | IR_MO_BE), ==, 0xf1829374);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_64), ==, 0xe8d7c6b5749382f1);
        cpu_store(cpu, at, 0x1122334455667788, IR_MO_64 | IR_MO_BE);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_64), ==, 0x8877665544332211);
        cpu_store(cpu, at + 1, 0xaabb, IR_MO_16);
        g_assert_cmphex(cpu_load(cpu, at, IR_MO_64), ==, 0x8877665544aabb11);
        memset(fake_host(0x2ff0), 0, 64);
    }
}

static void test_faults(void)
{
    fresh();
    fake_map(1, 0x5000, 0x8000, "rw");
    fake_map(1, 0x6000, 0x9000, "r");
    fake_map(1, 0x7000, 0xa000, "w");
    paging(1, 0);
    g_assert_true(load_faults(0x4123, IR_MO_32));
    g_assert_cmphex(c->fault_va, ==, 0x4123);
    g_assert_cmpint(c->fault_access, ==, MMU_READ);
    g_assert_false(load_faults(0x5000, IR_MO_64));
    g_assert_true(store_faults(0x6010, 1, IR_MO_8));
    g_assert_cmpint(c->fault_access, ==, MMU_WRITE);
    /* Half a store must not happen. */
    g_assert_false(store_faults(0x5ff8, 0, IR_MO_64));
    g_assert_true(store_faults(0x5ffc, ~0ULL, IR_MO_64));
    g_assert_cmphex(c->fault_va, ==, 0x6000);
    g_assert_cmphex(cpu_load(cpu, 0x5ff8, IR_MO_64), ==, 0);
    /* A load that faults as a store. */
    g_assert_true(load_faults(0x6010, IR_MO_64 | IR_MO_RMW_FAULT));
    g_assert_cmpint(c->fault_access, ==, MMU_WRITE);
    g_assert_false(load_faults(0x5010, IR_MO_64 | IR_MO_RMW_FAULT));
    /* Alignment comes first, also where tags have low bits. */
    for (unsigned i = 1; i < 8; i++)
        g_assert_true(load_faults(0x5000 + i, IR_MO_64 | IR_MO_ALIGN));
    g_assert_cmpuint(c->n_unaligned, ==, 7);
    g_assert_false(load_faults(0x5008, IR_MO_64 | IR_MO_ALIGN));
    access_va = 0x5004;
    access_op = IR_MO_64 | IR_MO_ALIGN;
    g_assert_true(leaves(do_rmw));
    g_assert_cmpuint(c->n_unaligned, ==, 8);
}

static void test_mmio(void)
{
    fresh();
    fake_mmio_cell = 0x1234567890abcdef;
    fake_mmio_reads = fake_mmio_writes = 0;
    g_assert_cmphex(cpu_load(cpu, FAKE_MMIO + 8, IR_MO_32), ==, 0x90abcdef);
    g_assert_cmphex(cpu_load(cpu, FAKE_MMIO + 8, IR_MO_16 | IR_MO_SIGN), ==, 0xffffffffffffcdef);
    g_assert_cmpuint(fake_mmio_reads, ==, 2);
    cpu_store(cpu, FAKE_MMIO + 16, 0x55, IR_MO_64);
    g_assert_cmphex(fake_mmio_cell, ==, 0x55);
    g_assert_cmphex(cpu_atomic_rmw(cpu, FAKE_MMIO + 16, 3, IR_MO_64, IR_RMW_ADD), ==, 0x55);
    g_assert_cmphex(fake_mmio_cell, ==, 0x58);
    g_assert_true(load_faults(FAKE_MMIO + 0x900, IR_MO_32));
    g_assert_true(store_faults(FAKE_MMIO + 0x900, 1, IR_MO_32));
    g_assert_true(load_faults(0x60000000, IR_MO_8)); /* nothing there */
    g_assert_cmpuint(c->n_bus_errors, ==, 3);
    /* ROM: reads are memory, writes are not. */
    memset(fake_rom.ram->host, 0x77, 16);
    g_assert_cmphex(cpu_load(cpu, FAKE_ROM, IR_MO_32), ==, 0x77777777);
    store_faults(FAKE_ROM, 0, IR_MO_32);
    g_assert_cmphex(cpu_load(cpu, FAKE_ROM, IR_MO_32), ==, 0x77777777);
    /* The map changes: at once for whoever does it on the vCPU, else with its next work. */
    memory_region_set_enabled(&fake_mmio, false);
    g_assert_true(load_faults(FAKE_MMIO + 8, IR_MO_32));
    memory_region_set_enabled(&fake_mmio, true);
    g_assert_false(load_faults(FAKE_MMIO + 8, IR_MO_32));
}

static void test_atomics(void)
{
    fresh();
    static const struct { IrRmw op; uint64_t old, v, new; } cases[] = {
        { IR_RMW_SWAP, 5, 9, 9 }, { IR_RMW_ADD, 0xffffffff, 1, 0 },
        { IR_RMW_AND, 0xf0f0, 0xff00, 0xf000 }, { IR_RMW_OR, 0xf0, 0x0f, 0xff },
        { IR_RMW_XOR, 0xff, 0x0f, 0xf0 }, { IR_RMW_ANDN, 0xff, 0x0f, 0xf0 },
        { IR_RMW_SMIN, 0x80000000, 1, 0x80000000 }, { IR_RMW_SMAX, 0x80000000, 1, 1 },
        { IR_RMW_UMIN, 0x80000000, 1, 1 }, { IR_RMW_UMAX, 0x80000000, 1, 0x80000000 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned be = 0; be < 2; be++) {
            IrMemOp m = IR_MO_32 | (be ? IR_MO_BE : 0);
            cpu_store(cpu, 0x100, 0xaaaaaaaaaaaaaaaa, IR_MO_64);
            cpu_store(cpu, 0x100, cases[i].old, m);
            g_assert_cmphex(cpu_atomic_rmw(cpu, 0x100, cases[i].v, m, cases[i].op), ==,
                            cases[i].old);
            g_assert_cmphex(cpu_load(cpu, 0x100, m), ==, cases[i].new);
            g_assert_cmphex(cpu_load(cpu, 0x104, IR_MO_32), ==, 0xaaaaaaaa);
        }
    }
    cpu_store(cpu, 0x200, 0x80, IR_MO_8);
    g_assert_cmphex(cpu_atomic_cas(cpu, 0x200, 0x7f, 1, IR_MO_8 | IR_MO_SIGN), ==,
                    0xffffffffffffff80);
    g_assert_cmphex(cpu_atomic_cas(cpu, 0x200, 0xffffff80, 1, IR_MO_8), ==, 0x80);
    g_assert_cmphex(cpu_load(cpu, 0x200, IR_MO_8), ==, 1);
    uint64_t expect[2] = { 1, 0 }, value[2] = { 7, 8 }, old[2];
    cpu_atomic_cas16(cpu, 0x200, expect, value, old, IR_MO_128);
    g_assert_cmphex(old[0], ==, 1);
    g_assert_cmphex(cpu_load(cpu, 0x208, IR_MO_64), ==, 8);
    cpu_atomic_cas16(cpu, 0x200, expect, value, old, IR_MO_128);
    g_assert_cmphex(old[0], ==, 7);
    g_assert_cmphex(old[1], ==, 8);
}

/* ---- translations ---- */

static void put(hwaddr pa, uint64_t v)
{
    memcpy(fake_host(pa), &v, 8);
}

static uint64_t ld(vaddr va)
{
    return load_faults(va, IR_MO_64) ? 0xfa : access_value;
}

static void test_flushes(void)
{
    fresh();
    put(0x8000, 1);
    put(0x9000, 2);
    put(0xa000, 3);
    fake_map(1, 0x5000, 0x8000, "rw");
    fake_map(1, 0x6000, 0x9000, "rwg");
    fake_map(2, 0x5000, 0xa000, "rw");
    fake_map(2, 0x6000, 0x9000, "rwg");
    paging(1, 0);
    g_assert_cmphex(ld(0x5000), ==, 1);
    g_assert_cmphex(ld(0x6000), ==, 2);
    unsigned walks = c->n_walks;
    paging(2, 0);
    g_assert_cmphex(ld(0x5000), ==, 3);
    paging(1, 0);
    g_assert_cmphex(ld(0x5000), ==, 1);
    g_assert_cmphex(ld(0x6000), ==, 2);
    g_assert_cmpuint(c->n_walks, ==, walks + 1); /* coming back costs nothing */

    fake_map(1, 0x5000, 0x9000, "rw");
    tlb_flush_page(cpu, 0x6000);
    g_assert_cmphex(ld(0x6000), ==, 2);
    tlb_flush_page(cpu, 0x5008);
    g_assert_cmphex(ld(0x5000), ==, 2);

    fake_map(1, 0x5000, 0x8000, "rw");
    fake_map(1, 0x6000, 0xa000, "rwg");
    tlb_flush_asid(cpu, 2);
    g_assert_cmphex(ld(0x5000), ==, 2);
    tlb_flush_asid(cpu, 1);
    g_assert_cmphex(ld(0x5000), ==, 1);
    g_assert_cmphex(ld(0x6000), ==, 2); /* global: may stay, and does */
    tlb_flush_all(cpu);
    g_assert_cmphex(ld(0x6000), ==, 3);
    g_assert_cmphex(ld(0x5000), ==, 1);

    fake_map(1, 0x5000, 0xa000, "rw");
    tlb_flush_page_asid(cpu, 0x5000, 2);
    g_assert_cmphex(ld(0x5000), ==, 1);
    tlb_flush_page_asid(cpu, 0x5000, 1);
    g_assert_cmphex(ld(0x5000), ==, 3);
    fake_map(1, 0x5000, 0x8000, "rw");
    tlb_flush_regime(cpu, 0);
    g_assert_cmphex(ld(0x5000), ==, 3);
    tlb_flush_regime(cpu, 1);
    g_assert_cmphex(ld(0x5000), ==, 1);

    /* Many entries: the list of filled ones overflows. */
    for (unsigned i = 0; i < 300; i++) {
        put(0x100000 + i * 0x1000, i);
        fake_map(1, 0x40000 + i * 0x1000, 0x100000 + i * 0x1000, i % 3 ? "rw" : "rwg");
        g_assert_cmphex(ld(0x40000 + i * 0x1000), ==, i);
    }
    for (unsigned i = 0; i < 300; i++)
        fake_pages[1][0x40 + i].valid = false;
    tlb_flush_asid(cpu, 1);
    for (unsigned i = 0; i < 300; i++)
        g_assert_cmphex(ld(0x40000 + i * 0x1000), ==, i % 3 ? 0xfa : i);
    tlb_flush_all(cpu);
    for (unsigned i = 0; i < 300; i++)
        g_assert_cmphex(ld(0x40000 + i * 0x1000), ==, 0xfa);
}

/* More pages than a table holds: the second level keeps them, and forgets what is flushed. */
static void test_second_level(void)
{
    enum { FIRST = 0x400, N = 2048 };
    fresh();
    for (unsigned i = 0; i < N; i++)
        fake_map(1, (FIRST + i) * 0x1000, 0x100000 + i % 512 * 0x1000, i == 9 ? "rwg" : "rw");
    for (unsigned i = 0; i < 512; i++)
        put(0x100000 + i * 0x1000, i);
    paging(1, 0);
    for (unsigned pass = 0; pass < 3; pass++)
        for (unsigned i = 0; i < N; i++)
            g_assert_cmphex(ld((FIRST + i) * 0x1000), ==, i % 512);
    unsigned walks = c->n_walks;
    for (unsigned i = 0; i < N; i++)
        g_assert_cmphex(ld((FIRST + i) * 0x1000), ==, i % 512);
    g_assert_cmpuint(c->n_walks, ==, walks);

    fake_map(1, (FIRST + 5) * 0x1000, 0x100000, "r");
    fake_map(1, (FIRST + 6) * 0x1000, 0x100000, "r");
    tlb_flush_page(cpu, (FIRST + 5) * 0x1000);
    g_assert_cmphex(ld((FIRST + 5) * 0x1000), ==, 0);
    g_assert_cmphex(ld((FIRST + 6) * 0x1000), ==, 6);
    g_assert_true(store_faults((FIRST + 5) * 0x1000, 1, IR_MO_64));
    g_assert_false(store_faults((FIRST + 6) * 0x1000, 6, IR_MO_64));
    /* What it doesn't allow is looked up again: more rights need no flush. */
    for (unsigned i = 0; i < N; i++)
        ld((FIRST + i) * 0x1000);
    fake_map(1, (FIRST + 5) * 0x1000, 0x100000, "rw");
    g_assert_false(store_faults((FIRST + 5) * 0x1000, 0, IR_MO_64));

    for (unsigned i = 0; i < N; i++)
        fake_map(1, (FIRST + i) * 0x1000, 0x100000 + (i + 1) % 512 * 0x1000, "rw");
    tlb_flush_asid(cpu, 2);
    g_assert_cmphex(ld((FIRST + 40) * 0x1000), ==, 40);
    tlb_flush_asid(cpu, 1);
    for (unsigned i = 0; i < N; i++)
        if (i != 9)
            g_assert_cmphex(ld((FIRST + i) * 0x1000), ==, (i + 1) % 512);

    /* A large page that was pushed out goes with any of its addresses. */
    tlb_flush_all(cpu);
    for (unsigned i = 512; i < 1024; i++)
        fake_pages[1][FIRST + i].bits = 21;
    for (unsigned pass = 0; pass < 3; pass++)
        for (unsigned i = 0; i < N; i++)
            ld((FIRST + i) * 0x1000);
    for (unsigned i = 512; i < 1024; i++)
        fake_pages[1][FIRST + i].valid = false;
    tlb_flush_page(cpu, (FIRST + 700) * 0x1000);
    for (unsigned i = 512; i < 1024; i++)
        g_assert_cmphex(ld((FIRST + i) * 0x1000), ==, 0xfa);
}

static void test_large_pages(void)
{
    fresh();
    for (unsigned i = 0; i < 512; i++) {
        put(0x200000 + i * 0x1000, i);
        fake_map(1, 0x200000 + i * 0x1000, 0x200000 + i * 0x1000, "rw");
        fake_pages[1][0x200 + i].bits = 21;
    }
    fake_map(1, 0x1000, 0x3000, "rw");
    put(0x3000, 77);
    paging(1, 0);
    g_assert_cmphex(ld(0x201000), ==, 1);
    g_assert_cmphex(ld(0x3ff000), ==, 511);
    g_assert_cmphex(ld(0x1000), ==, 77);
    for (unsigned i = 0; i < 512; i++)
        fake_pages[1][0x200 + i].valid = false;
    fake_pages[1][1].valid = false;
    tlb_flush_page(cpu, 0x280000);
    g_assert_cmphex(ld(0x201000), ==, 0xfa);
    g_assert_cmphex(ld(0x3ff000), ==, 0xfa);
    g_assert_cmphex(ld(0x1000), ==, 77);

    /* One of 4 MiB, flushed by an address in its other half, which nothing was read from. */
    fake_map(1, 0x401000, 0x201000, "rw");
    fake_pages[1][0x401].bits = 22;
    g_assert_cmphex(ld(0x401000), ==, 1);
    fake_pages[1][0x401].valid = false;
    tlb_flush_page(cpu, 0x200000);
    g_assert_cmphex(ld(0x401000), ==, 1);
    tlb_flush_page(cpu, 0x7ff000);
    g_assert_cmphex(ld(0x401000), ==, 0xfa);
}

static void test_contexts(void)
{
    fresh();
    TlbStats before, after;
    tlb_stats_get(&before);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned asid = 1; asid < FAKE_SPACES; asid++) {
            put(0x10000 + asid * 0x1000, asid);
            fake_map(asid, 0x5000, 0x10000 + asid * 0x1000, "rw");
            for (unsigned idx = 0; idx < 2; idx++) {
                paging(asid, idx);
                g_assert_cmphex(ld(0x5000), ==, idx ? 0xfa : asid); /* not a user page */
            }
        }
    }
    tlb_stats_get(&after);
    g_assert_cmpuint(after.contexts_reused, >, before.contexts_reused);
    /* Explicit access mode. */
    paging(3, 1);
    g_assert_true(load_faults(0x5000, IR_MO_64));
    g_assert_false(load_faults(0x5000, IR_MO_64 | IR_MO_IDX | 0 << IR_MO_IDX_SHIFT));
    g_assert_cmphex(access_value, ==, 3);
}

static void test_no_tlb(void)
{
    fresh();
    fake_map(1, 0x5000, 0x8000, "rw");
    fake_pages[1][5].extent = 0x802;
    paging(1, 0);
    g_assert_false(load_faults(0x57f8, IR_MO_64));
    g_assert_true(load_faults(0x57fc, IR_MO_64));
    g_assert_true(load_faults(0x5802, IR_MO_8));
    g_assert_false(store_faults(0x5800, 0x1234, IR_MO_16));
    g_assert_cmphex(cpu_load(cpu, 0x5800, IR_MO_16), ==, 0x1234);
    unsigned walks = c->n_walks;
    cpu_load(cpu, 0x5000, IR_MO_8);
    cpu_load(cpu, 0x5000, IR_MO_8);
    g_assert_cmpuint(c->n_walks, ==, walks + 2);
}

/* ---- programs ---- */

static void program(hwaddr pa, const uint32_t *code, unsigned n)
{
    memcpy(fake_host(pa), code, 4 * n);
    ram_page_written(fake_ram_page(pa), pa & 0xfff, 4 * n);
}
#define PROGRAM(pa, ...)                                                                       \
    do {                                                                                       \
        const uint32_t code_[] = { __VA_ARGS__ };                                       \
        program(pa, code_, G_N_ELEMENTS(code_));                                               \
    } while (0)

/* Runs until halt; the exit reason. */
static CpuExit go(uint64_t pc)
{
    c->pc = pc;
    current_cpu = cpu;
    CpuExit why;
    do {
        atomic_store(&cpu->exit_request, 0);
        main_unlock();
        why = accel_current->exec(cpu);
        main_lock();
    } while (why == CPU_EXIT_NONE);
    current_cpu = NULL;
    return why;
}

static void sum_program(void)
{
    /* r2 = 1 + 2 + ... + r1 */
    PROGRAM(0x1000, enc(OP_ADD, 2, 1, 0), enc(OP_ADDI, 1, 1, -1), enc(OP_BNE, 1, 3, -2),
            enc(OP_HALT, 0, 0, 0));
}

static void test_run(void)
{
    fresh();
    sum_program();
    c->r[1] = 1000;
    g_assert_cmpint(go(0x1000), ==, CPU_EXIT_HALTED);
    g_assert_cmpuint(c->r[2], ==, 500500);
    g_assert_cmphex(c->pc, ==, 0x100c);
    /* Calls across pages, through a register. */
    PROGRAM(0x1000, enc(OP_JR, 0, 4, 0), enc(OP_NOP, 0, 0, 0));
    PROGRAM(0x3000, enc(OP_ADDI, 5, 5, 3), enc(OP_JR, 0, 6, 0));
    PROGRAM(0x2000, enc(OP_ADDI, 1, 1, -1), enc(OP_BNE, 1, 3, -0x10), enc(OP_HALT, 0, 0, 0));
    PROGRAM(0x1fc4, enc(OP_JR, 0, 7, 0));
    c->r[1] = 500;
    c->r[4] = 0x3000;
    c->r[6] = 0x2000;
    c->r[7] = 0x1000;
    c->r[5] = 0;
    go(0x1000);
    g_assert_cmpuint(c->r[5], ==, 1500);
    /* Exceptions come back with the precise pc. */
    PROGRAM(0x1000, enc(OP_ADDI, 1, 1, 1), enc(OP_TRAP, 0, 0, 0), enc(OP_HALT, 0, 0, 0));
    PROGRAM(0x100, enc(OP_ADDI, 15, 15, 4), enc(OP_JR, 0, 15, 0));
    c->r[1] = 0;
    c->n_traps = 0;
    go(0x1000);
    g_assert_cmpuint(c->n_traps, ==, 1);
    g_assert_cmphex(c->pc, ==, 0x1008);
    g_assert_cmpuint(c->r[1], ==, 1);
}

/* A fault in the middle of a block shows the state before the instruction, and nothing after. */
static void test_precise_faults(void)
{
    fresh();
    c->stop_on_fault = true;
    fake_map(1, 0x1000, 0x1000, "rx");
    fake_map(1, 0x5000, 0x8000, "rw");
    PROGRAM(0x1000, enc(OP_ADDI, 1, 1, 1), enc(OP_ADDI, 2, 2, 2), enc(OP_LD, 2, 3, 0),
            enc(OP_ADDI, 1, 1, 1), enc(OP_HALT, 0, 0, 0));
    paging(1, 0);
    c->r[3] = 0x7000;
    g_assert_cmpint(go(0x1000), ==, CPU_EXIT_HALTED);
    g_assert_cmphex(c->pc, ==, 0x1008);
    g_assert_cmphex(c->fault_va, ==, 0x7000);
    g_assert_cmpuint(c->r[1], ==, 1);
    g_assert_cmpuint(c->r[2], ==, 2);
    /* Fetch fault. */
    go(0x3000);
    g_assert_cmphex(c->pc, ==, 0x3000);
    g_assert_cmpint(c->fault_access, ==, MMU_EXEC);
}

/* An instruction across two pages: one block of its own; its second page may be missing. */
static void test_straddling(void)
{
    fresh();
    c->stop_on_fault = true;
    fake_map(1, 0x1000, 0x1000, "rx");
    fake_map(1, 0x2000, 0x6000, "rx");
    uint8_t head[] = { 0x80, 1 }; /* INC r1 at 0x1ff6, then 4-byte instructions from 0x1ff8 + 2 */
    memcpy(fake_host(0x1ff8), head, 2);
    uint32_t a = enc(OP_ADDI, 2, 2, 5), b = enc(OP_ADDI, 3, 3, 7), halt = enc(OP_HALT, 0, 0, 0);
    memcpy(fake_host(0x1ffa), &a, 4);
    memcpy(fake_host(0x1ffe), &b, 2);
    memcpy(fake_host(0x6000), (uint8_t *)&b + 2, 2);
    memcpy(fake_host(0x6002), &halt, 4);
    paging(1, 0);
    go(0x1ff8);
    g_assert_cmphex(c->pc, ==, 0x2002);
    g_assert_cmpuint(c->r[1], ==, 1);
    g_assert_cmpuint(c->r[2], ==, 5);
    g_assert_cmpuint(c->r[3], ==, 7);
    /* The second page goes elsewhere: the block is another one. */
    uint32_t other = enc(OP_ADDI, 3, 3, 100);
    memcpy(fake_host(0x7000), (uint8_t *)&other + 2, 2);
    memcpy(fake_host(0x7002), &halt, 4);
    fake_map(1, 0x2000, 0x7000, "rx");
    tlb_flush_page(cpu, 0x2000);
    c->r[3] = 0;
    go(0x1ff8);
    g_assert_cmpuint(c->r[3], ==, 100);
    fake_map(1, 0x2000, 0x6000, "rx");
    tlb_flush_page(cpu, 0x2000);
    c->r[3] = 0;
    go(0x1ff8);
    g_assert_cmpuint(c->r[3], ==, 7);
    /* It goes away: the fault is that instruction's. */
    fake_pages[1][2].valid = false;
    tlb_flush_page(cpu, 0x2000);
    c->r[1] = 0;
    go(0x1ff8);
    g_assert_cmphex(c->pc, ==, 0x1ffe);
    g_assert_cmphex(c->fault_va, ==, 0x2000);
    g_assert_cmpuint(c->r[1], ==, 1);
    /* Both pages in the same RAM page, and a store to either part. */
    fake_map(1, 0x2000, 0x1000, "rx");
    memcpy(fake_host(0x1000), (uint8_t *)&b + 2, 2);
    memcpy(fake_host(0x1002), &halt, 4);
    tlb_flush_page(cpu, 0x2000);
    c->r[3] = 0;
    go(0x1ffe);
    g_assert_cmpuint(c->r[3], ==, 7);
    c->paging = false;
    fake_update(c);
    cpu_store(cpu, 0x1001, 9, IR_MO_8);
    paging(1, 0);
    c->r[3] = 0;
    go(0x1ffe);
    g_assert_cmpuint(c->r[3], ==, 9);
}

/* Stores to code: what overlaps goes, data beside it does not disturb. */
static void test_self_modifying(void)
{
    fresh();
    PROGRAM(0x1000, enc(OP_ADDI, 1, 1, 1), enc(OP_HALT, 0, 0, 0));
    PROGRAM(0x1100, enc(OP_ADDI, 2, 2, 1), enc(OP_HALT, 0, 0, 0));
    cpu_store(cpu, 0x1800, 5, IR_MO_64); /* there is a fast entry for writing */
    go(0x1000);
    go(0x1100);
    g_assert_true(ram_page_flags[fake_ram_page(0x1000)] & RAM_PAGE_CODE);
    uint64_t gone = code_stats.invalidated;
    cpu_store(cpu, 0x1800, 6, IR_MO_64);
    if (CALM)
        g_assert_cmpuint(code_stats.invalidated, ==, gone);
    cpu_store(cpu, 0x1003, 5, IR_MO_8);
    if (CALM)
        g_assert_cmpuint(code_stats.invalidated, ==, gone + 1);
    go(0x1000);
    g_assert_cmpuint(c->r[1], ==, 6);
    go(0x1100);
    g_assert_cmpuint(c->r[2], ==, 2);
    /* Across a page into code, and by an atomic operation. */
    cpu_store(cpu, 0x1103, 9, IR_MO_8);
    cpu_atomic_rmw(cpu, 0x1000, 0, IR_MO_32, IR_RMW_SWAP);
    if (CALM)
        g_assert_cmpuint(code_stats.invalidated, ==, gone + 3);
    /* No code is left: the page is plain again, and stores to it fast. */
    cpu_store(cpu, 0x1800, 7, IR_MO_64);
    if (CALM) {
        g_assert_false(ram_page_flags[fake_ram_page(0x1000)] & RAM_PAGE_CODE);
        g_assert_cmphex(tlb_get_tag(&cpu->tlb[tlb_index(0x1000)], MMU_WRITE), ==, 0x1000);
    }
    go(0x1100);
    g_assert_cmpuint(c->r[2], ==, 11);
    if (CALM)
        g_assert_cmphex(tlb_get_tag(&cpu->tlb[tlb_index(0x1000)], MMU_WRITE), ==,
                        0x1000 | TLB_SLOW_PAGE);
    /* A device writes. */
    uint8_t imm = 3;
    g_assert_cmpint(address_space_write(cpu->as, 0x1103, &imm, 1), ==, MEM_OK);
    go(0x1100);
    g_assert_cmpuint(c->r[2], ==, 14);
    /* A guest that writes what it executes next (in another block). */
    PROGRAM(0x1000, enc(OP_STB, 1, 2, 0), enc(OP_ADDI, 1, 1, 1), enc(OP_JMP, 0, 0, 0x1e),
            enc(OP_NOP, 0, 0, 0));
    PROGRAM(0x1080, enc(OP_ADDI, 3, 3, 0), enc(OP_BNE, 1, 4, -0x21), enc(OP_HALT, 0, 0, 0));
    c->r[1] = 1;
    c->r[2] = 0x1083;
    c->r[3] = 0;
    c->r[4] = 11;
    go(0x1000);
    g_assert_cmpuint(c->r[3], ==, 55);
}

static void test_dirty_log(void)
{
    fresh();
    cpu_store(cpu, 0x9000, 1, IR_MO_64);
    uint64_t page = fake_ram_page(0x9000);
    g_assert_cmphex(tlb_get_tag(&cpu->tlb[tlb_index(0x9000)], MMU_WRITE), ==, 0x9000);
    ram_dirty_log_start();
    g_assert_false(ram_page_dirty(page));
    cpu_load(cpu, 0x9000, IR_MO_64);
    g_assert_false(ram_page_dirty(page));
    cpu_store(cpu, 0x9000, 2, IR_MO_64);
    g_assert_true(ram_page_dirty(page));
    g_assert_cmphex(tlb_get_tag(&cpu->tlb[tlb_index(0x9000)], MMU_WRITE), ==, 0x9000);
    ram_dirty_log_start();
    cpu_atomic_rmw(cpu, 0x9000, 2, IR_MO_64, IR_RMW_ADD);
    g_assert_true(ram_page_dirty(page));
    ram_dirty_log_start();
    g_assert_nonnull(cpu_atomic_host(cpu, 0x9000, IR_MO_64));
    g_assert_true(ram_page_dirty(page));
}

/* What code executes at an address follows the mapping, after a flush. */
static void test_remapped_code(void)
{
    fresh();
    PROGRAM(0x8000, enc(OP_ADDI, 1, 1, 1), enc(OP_HALT, 0, 0, 0));
    PROGRAM(0x9000, enc(OP_ADDI, 1, 1, 16), enc(OP_HALT, 0, 0, 0));
    fake_map(1, 0x1000, 0x8000, "rx");
    fake_map(2, 0x1000, 0x9000, "rx");
    for (unsigned i = 0; i < 10; i++) {
        paging(1 + i % 2, 0);
        go(0x1000);
    }
    g_assert_cmpuint(c->r[1], ==, 5 + 5 * 16);
    c->r[1] = 0;
    paging(1, 0);
    fake_map(1, 0x1000, 0x9000, "rx");
    tlb_flush_page(cpu, 0x1000);
    go(0x1000);
    g_assert_cmpuint(c->r[1], ==, 16);
    fake_map(1, 0x1000, 0x8000, "rx");
    tlb_flush_asid(cpu, 1);
    go(0x1000);
    g_assert_cmpuint(c->r[1], ==, 17);
    fake_pages[1][1].x = false;
    tlb_flush_all(cpu);
    c->stop_on_fault = true;
    go(0x1000);
    g_assert_cmpuint(c->n_faults, ==, 1);
    g_assert_cmpuint(c->r[1], ==, 17);
}

static void test_interrupts(void)
{
    fresh();
    sum_program();
    PROGRAM(0x200, enc(OP_ADDI, 5, 5, 1), enc(OP_JR, 0, 14, 0));
    c->r[1] = 100;
    cpu_interrupt(cpu, 1);
    go(0x1000);
    g_assert_cmpuint(c->n_interrupts, ==, 1);
    g_assert_cmpuint(c->r[5], ==, 1);
    g_assert_cmpuint(c->r[2], ==, 5050);
    /* exit_request: it comes out without having cleared it. */
    PROGRAM(0x1000, enc(OP_JMP, 0, 0, 0));
    c->pc = 0x1000;
    atomic_store(&cpu->exit_request, 1);
    main_unlock();
    g_assert_cmpint(accel_current->exec(cpu), ==, CPU_EXIT_NONE);
    main_lock();
    g_assert_cmpuint(atomic_load(&cpu->exit_request), ==, 1);
}

static gpointer kicker(gpointer arg)
{
    for (unsigned i = 0; i < 200; i++) {
        g_usleep(100);
        cpu_interrupt(cpu, 1);
    }
    atomic_store((_Atomic bool *)arg, true);
    cpu_interrupt(cpu, 1);
    return NULL;
}

/* A guest in an endless loop without a poll of its own is interrupted every time. */
static void test_kicks(void)
{
    static _Atomic bool done;
    fresh();
    PROGRAM(0x1000, enc(OP_ADDI, 1, 1, 1), enc(OP_JMP, 0, 0, -1));
    PROGRAM(0x200, enc(OP_JR, 0, 14, 0));
    done = false;
    GThread *t = g_thread_new("kicker", kicker, (gpointer)&done);
    c->pc = 0x1000;
    main_unlock();
    current_cpu = cpu;
    while (!done || !c->n_interrupts) {
        atomic_store(&cpu->exit_request, 0);
        accel_current->exec(cpu);
    }
    current_cpu = NULL;
    main_lock();
    g_thread_join(t);
}

static void test_debugging(void)
{
    fresh();
    sum_program();
    vaddr at = 0x1004;
    cpus_set_breakpoints(&at, 1);
    c->r[1] = 10;
    g_assert_cmpint(go(0x1000), ==, CPU_EXIT_DEBUG);
    g_assert_cmphex(c->pc, ==, 0x1004);
    g_assert_cmpuint(c->r[2], ==, 10);
    /* Steps go over the breakpoint. */
    static const uint64_t path[] = { 0x1008, 0x1000, 0x1004, 0x1008, 0x1000 };
    cpu->singlestep = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
        g_assert_cmpint(go(c->pc), ==, CPU_EXIT_DEBUG);
        g_assert_cmphex(c->pc, ==, path[i]);
    }
    cpu->singlestep = false;
    g_assert_cmpint(go(c->pc), ==, CPU_EXIT_DEBUG);
    g_assert_cmphex(c->pc, ==, 0x1004);
    /* Without it, and with it again: the code made meanwhile stops there, too, and none is lost. */
    cpus_set_breakpoints(NULL, 0);
    code_flush_all();
    c->r[1] = 10;
    g_assert_cmpint(go(0x1000), ==, CPU_EXIT_HALTED);
    uint64_t lost = code_stats.invalidated;
    cpus_set_breakpoints(&at, 1);
    c->r[1] = 10;
    g_assert_cmpint(go(0x1000), ==, CPU_EXIT_DEBUG);
    g_assert_cmphex(c->pc, ==, 0x1004);
    g_assert_cmpuint(code_stats.invalidated, ==, lost);
    c->r[2] = 10;
    /* Where no code can be there are breakpoints, too. */
    vaddr here = c->pc, nowhere = 0x7ffff000;
    cpus_set_breakpoints(&nowhere, 1);
    g_assert_cmpint(go(nowhere), ==, CPU_EXIT_DEBUG);
    g_assert_cmphex(c->pc, ==, nowhere);
    c->pc = here;
    cpus_forget_breakpoints();
    g_assert_cmpint(go(c->pc), ==, CPU_EXIT_HALTED);
    g_assert_cmpuint(c->r[2], ==, 55);

    PROGRAM(0x1000, enc(OP_LD, 1, 3, 8), enc(OP_ST, 4, 3, 0), enc(OP_ST, 4, 3, 8),
            enc(OP_ADDI, 1, 1, 1), enc(OP_HALT, 0, 0, 0));
    CpuWatchpoint w = { .addr = 0x500c, .len = 2, .on_write = true };
    g_array_append_val(cpu->watchpoints, w);
    tlb_flush_all(cpu);
    c->r[3] = 0x5000;
    c->r[4] = 0x1122334455667788;
    g_assert_cmpint(go(0x1000), ==, CPU_EXIT_DEBUG);
    g_assert_cmphex(cpu->watch_hit, ==, 0x500c);
    g_assert_cmphex(c->pc, ==, 0x100c); /* after the store */
    uint64_t stored;
    memcpy(&stored, fake_host(0x5008), 8);
    g_assert_cmphex(stored, ==, c->r[4]);
    g_assert_cmpint(go(c->pc), ==, CPU_EXIT_HALTED);
    g_array_set_size(cpu->watchpoints, 0);
    tlb_flush_all(cpu);
}

static void test_icount(void)
{
    fresh();
    sum_program();
    cpu->cflags |= CF_ICOUNT;
    for (unsigned budget = 1; budget < 40; budget++) {
        c->r[1] = 1000;
        c->r[2] = 0;
        cpu->icount_left = budget;
        g_assert_cmpint(go(0x1000), ==, CPU_EXIT_BUDGET);
        g_assert_cmpint(cpu->icount_left, ==, 0);
        g_assert_cmphex(c->pc, ==, 0x1000 + budget % 3 * 4);
        g_assert_cmpuint(c->r[1], ==, 1000 - (budget + 1) / 3);
    }
    cpu->cflags &= ~(uint32_t)CF_ICOUNT;
}

/* Programs under chaos: the results stay the same. */
static void test_chaos(void)
{
    for (unsigned how = 0; how < 6; how++) {
        chaos = (Chaos){ .tiny_tlb = how & 1, .random_flush = how & 2 ? 3 : 0,
                         .random_evict = how & 4 ? 2 : 0, .verify_ir = true,
                         .one_insn = how == 5, .no_optimize = how == 3 };
        test_run();
        test_self_modifying();
        test_straddling();
        test_remapped_code();
    }
    chaos = (Chaos){ 0 };
}

/* ---- two vCPUs ---- */

static _Atomic bool stop;

static gpointer other_vcpu(gpointer arg)
{
    current_cpu = cpus[1];
    while (!stop) {
        atomic_store(&cpus[1]->exit_request, 0);
        accel_current->exec(cpus[1]);
        if (cpus[1]->exit_reason == CPU_EXIT_HALTED)
            ((FakeCpu *)cpus[1])->pc = 0x2000;
    }
    return NULL;
}

/*
 * vCPU 1 writes a counter into an instruction's immediate, then into a flag byte; vCPU 0, which
 * looks at the flag first and then executes the code, must never see older code than the flag.
 */
static void test_cross_modifying(void)
{
    fresh();
    FakeCpu *o = (FakeCpu *)cpus[1];
    fake_reset(cpus[1]);
    PROGRAM(0x1000, enc(OP_LDB, 1, 2, 0), enc(OP_JR, 0, 3, 0));
    PROGRAM(0x3000, enc(OP_ADDI, 4, 5, 0), enc(OP_HALT, 0, 0, 0));
    /* r1 counts to 100, with a pause each time in which r7 counts down from 4096. */
    PROGRAM(0x2000, enc(OP_ADDI, 1, 1, 1), enc(OP_STB, 1, 2, 0), enc(OP_STB, 1, 3, 0),
            enc(OP_LIS, 7, 0, 1), enc(OP_ADDI, 7, 7, -1), enc(OP_BNE, 7, 6, -1),
            enc(OP_BNE, 1, 4, -6), enc(OP_HALT, 0, 0, 0));
    c->r[2] = 0x6000;
    c->r[3] = 0x3000;
    o->r[2] = 0x3003;
    o->r[3] = 0x6000;
    o->r[4] = 100;
    o->pc = 0x2000;
    unsigned fresh_values = 0;
    for (unsigned round = 0; round < 100; round++) {
        o->r[1] = 0;
        *fake_host(0x6000) = 0;
        cpu_store(cpu, 0x3003, 0, IR_MO_8);
        stop = false;
        o->pc = 0x2000;
        main_unlock();
        GThread *t = g_thread_new("other", other_vcpu, NULL);
        for (unsigned i = 0; i < 300; i++) {
            current_cpu = cpu;
            c->pc = 0x1000;
            atomic_store(&cpu->exit_request, 0);
            while (accel_current->exec(cpu) == CPU_EXIT_NONE)
                atomic_store(&cpu->exit_request, 0);
            if (c->r[4] < c->r[1])
                g_error("code %u is older than the flag %u", (unsigned)c->r[4], (unsigned)c->r[1]);
            fresh_values += c->r[4] != 0;
            if (o->r[1] >= 100)
                break;
        }
        stop = true;
        cpu_kick(cpus[1]);
        g_thread_join(t);
        current_cpu = NULL;
        main_lock();
    }
    g_test_message("%u new values seen", fresh_values);
}

static const struct {
    const char *name;
    void (*fn)(void);
} tests[] = {
    { "accesses", test_accesses }, { "faults", test_faults }, { "mmio", test_mmio },
    { "atomics", test_atomics }, { "flushes", test_flushes }, { "large-pages", test_large_pages },
    { "second-level", test_second_level }, { "contexts", test_contexts }, { "no-tlb", test_no_tlb }, { "run", test_run },
    { "precise-faults", test_precise_faults }, { "straddling", test_straddling },
    { "self-modifying", test_self_modifying }, { "dirty-log", test_dirty_log },
    { "remapped", test_remapped_code }, { "interrupts", test_interrupts },
    { "kicks", test_kicks }, { "debugging", test_debugging }, { "icount", test_icount },
    { "chaos", test_chaos }, { "cross-modifying", test_cross_modifying },
};

static void use_accel(const char *name)
{
    if (strcmp(accel_current->name, name)) {
        code_flush_all(); /* with the engine that made it */
        g_assert_true(accel_select(name, &fake_target, NULL, NULL));
    }
}

static void run_interp(gconstpointer fn)
{
    use_accel("interp");
    ((void (*)(void))fn)();
}

static void run_tcg(gconstpointer fn)
{
    use_accel("tcg");
    ((void (*)(void))fn)();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    c = fake_machine("interp", 2);
    cpu = &c->cpu;
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(tests); i++) {
        bool tcg = i >= G_N_ELEMENTS(tests);
        unsigned n = i % G_N_ELEMENTS(tests);
#if !defined(__x86_64__)
        if (tcg)
            break;
#endif
        char *path = g_strdup_printf("/%s/%s", tcg ? "tcg" : "interp", tests[n].name);
        g_test_add_data_func(path, (gconstpointer)tests[n].fn, tcg ? run_tcg : run_interp);
        g_free(path);
    }
    return g_test_run();
}
