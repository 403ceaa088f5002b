/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V address translation: random page tables, of which most are wrong somewhere, against a
 * model that follows the steps of priv 10.3.2 and the Sv* extensions one by one.
 */
#include <time.h>

#include "tests/unit/riscv_test.h"

enum { N_TABLES = 24, ROUNDS = 300, WALKS = 150 };

/* --- the model --- */

typedef struct Model {
    uint64_t *ram; /* a copy of the guest's, changed as the manual says */
    uint64_t satp, mstatus, menvcfg;
    uint8_t cfg[16];
    uint64_t addr[16];
    bool svade, svadu, svnapot;
} Model;

typedef struct Answer {
    bool ok;
    unsigned cause;
    uint64_t pa;
    unsigned bits;
    bool global;
} Answer;

static bool in_ram(uint64_t pa)
{
    return pa >= TEST_RAM && pa < TEST_RAM + TEST_RAM_SIZE;
}

static Answer fault(unsigned access, bool page)
{
    static const unsigned page_causes[] = { 13, 15, 12 }, access_causes[] = { 5, 7, 1 };
    return (Answer){ .cause = page ? page_causes[access] : access_causes[access] };
}

static Answer model_walk(Model *m, uint64_t va, unsigned access, unsigned priv, bool sum)
{
    unsigned mode = m->satp >> 60, levels = mode == 8 ? 3 : mode == 9 ? 4 : 5;
    unsigned top = 9 * levels + 11; /* highest VA bit */
    uint64_t a = (m->satp & 0xfffffffffffULL) * 4096, pte = 0, pte_pa = 0, vpn, ppn, pa;
    bool global = false, pbmte = m->menvcfg >> 62 & 1, update;
    bool adue = m->svadu ? m->menvcfg >> 61 & 1 : !m->svade;
    int i;

    /* Bits above the highest have to equal it. */
    for (unsigned b = top; b < 64; b++)
        if ((va >> b & 1) != (va >> top & 1))
            return fault(access, true);
    for (i = (int)levels - 1; i >= 0; i--) {
        vpn = va >> (12 + 9 * i) & 0x1ff;
        pte_pa = a + vpn * 8;
        if (!model_pmp_allows(m->cfg, m->addr, pte_pa, 8, MMU_READ, false))
            return fault(access, false);
        if (pte_pa >= TEST_ROM && pte_pa < TEST_ROM + TEST_ROM_SIZE)
            pte = 0; /* the ROM is empty */
        else if (in_ram(pte_pa))
            pte = m->ram[(pte_pa - TEST_RAM) / 8];
        else
            return fault(access, false);
        if (!(pte & 1) || (!(pte & 2) && pte & 4))
            return fault(access, true);
        if (pte >> 54 & 0x7f || (!pbmte && pte >> 61 & 3) || (!m->svnapot && pte >> 63))
            return fault(access, true);
        global |= pte >> 5 & 1;
        if (pte & 2 || pte & 8)
            break;
        if (pte & 0xd0 || pte >> 61)
            return fault(access, true);
        a = (pte >> 10 & 0xfffffffffffULL) * 4096;
    }
    if (i < 0)
        return fault(access, true);

    ppn = pte >> 10 & 0xfffffffffffULL;
    if ((pte >> 61 & 3) == 3)
        return fault(access, true);
    /* May this be done? */
    if (access == MMU_READ && !(pte & 2) && !(m->mstatus >> 19 & 1))
        return fault(access, true);
    if (access == MMU_WRITE && !(pte & 4))
        return fault(access, true);
    if (access == MMU_EXEC && !(pte & 8))
        return fault(access, true);
    if (priv == PRV_U && !(pte & 16))
        return fault(access, true);
    if (priv == PRV_S && pte & 16 && (access == MMU_EXEC || !sum))
        return fault(access, true);
    if (i > 0 && ppn % (1ULL << (9 * i)))
        return fault(access, true);
    if (pte >> 63 && (i > 0 || (ppn & 15) != 8))
        return fault(access, true);
    update = !(pte & 64) || (access == MMU_WRITE && !(pte & 128));
    if (update && !adue)
        return fault(access, true);
    /* The physical address. */
    if (pte >> 63)
        ppn = (ppn & ~15ULL) | (va >> 12 & 15);
    pa = ppn * 4096 + (va & ((4096ULL << (9 * i)) - 1) & ~4095ULL) + (va & 4095);
    if (pte >> 63)
        pa = ppn * 4096 + (va & 4095);
    if (!model_pmp_allows(m->cfg, m->addr, pa, 1, access, false))
        return fault(access, false);
    if (update) {
        if (!in_ram(pte_pa) || !model_pmp_allows(m->cfg, m->addr, pte_pa, 8, MMU_WRITE, false))
            return fault(access, false);
        m->ram[(pte_pa - TEST_RAM) / 8] |= access == MMU_WRITE ? 192 : 64;
    }
    return (Answer){ .ok = true, .pa = pa, .bits = pte >> 63 ? 16 : 12 + 9 * (unsigned)i,
                     .global = global };
}

/* --- random tables --- */

static uint64_t table_pa(unsigned n)
{
    return TEST_RAM + 4096 * (uint64_t)n;
}

static uint64_t random_pte(GRand *g)
{
    uint64_t ppn = table_pa((unsigned)g_rand_int_range(g, 0, N_TABLES)) >> 12, pte = 1;

    if (g_rand_int_range(g, 0, 100) < 55) { /* a pointer, mostly */
        if (!g_rand_int_range(g, 0, 12))
            pte |= 1u << g_rand_int_range(g, 4, 8);
    } else {
        pte |= (uint64_t)g_rand_int_range(g, 0, 256) | (g_rand_boolean(g) ? 0xc0 : 0) | 1;
        if (g_rand_int_range(g, 0, 4))
            pte |= 2;
        if (g_rand_boolean(g))
            pte |= 0xe;
        if (g_rand_int_range(g, 0, 4)) /* aligned for a superpage */
            ppn &= ~MASK(9 * (unsigned)g_rand_int_range(g, 1, 3));
        if (!g_rand_int_range(g, 0, 10)) {
            pte |= 1ULL << 63;
            ppn = (ppn & ~15ULL) | (g_rand_int_range(g, 0, 4) ? 8 : 4);
        }
        if (!g_rand_int_range(g, 0, 10))
            pte |= (uint64_t)g_rand_int_range(g, 0, 4) << 61;
    }
    switch (g_rand_int_range(g, 0, 60)) {
    case 0:
        ppn = random_u64(g) & MASK(44);
        break;
    case 1:
        pte |= 1ULL << g_rand_int_range(g, 54, 64);
        break;
    case 2:
        ppn = TEST_ROM >> 12;
        break;
    case 3:
        pte &= ~1ULL;
        break;
    default:
        break;
    }
    return pte | ppn << 10;
}

static void random_pmp(RiscvCpu *r, GRand *g, Model *m)
{
    memset(r->pmpcfg, 0, sizeof r->pmpcfg);
    if (!g_rand_int_range(g, 0, 3))
        for (unsigned n = 0; n < 3; n++) {
            r->pmpaddr[n] = (table_pa((unsigned)g_rand_int_range(g, 0, N_TABLES)) >> 2) |
                            MASK((unsigned)g_rand_int_range(g, 0, 12));
            r->pmpcfg[n] = (uint8_t)(g_rand_int_range(g, 0, 4) << 3 | 1 |
                                     (g_rand_boolean(g) ? 6 : g_rand_int_range(g, 0, 4) * 2));
        }
    r->pmpaddr[15] = MASK(54);
    r->pmpcfg[15] = 0x1f;
    riscv_pmp_update(r);
    memcpy(m->cfg, r->pmpcfg, sizeof m->cfg);
    memcpy(m->addr, r->pmpaddr, sizeof m->addr);
}

/* Addresses that lead through few of the slots, so that entries are found set. */
static uint64_t random_va(GRand *g, unsigned levels)
{
    uint64_t va = 0;

    for (unsigned i = 0; i < levels; i++)
        va |= (uint64_t)(g_rand_int_range(g, 0, 8) * 73 & 511) << (12 + 9 * i);
    va |= (uint64_t)g_rand_int_range(g, 0, 4096);
    va = (uint64_t)sign_extend(va, 12 + 9 * levels);
    if (!g_rand_int_range(g, 0, 30))
        va ^= 1ULL << g_rand_int_range(g, 30, 64);
    return va;
}

/* 1 if the address could be translated. */
static unsigned one_walk(RiscvCpu *r, GRand *g, Model *m, unsigned levels)
{
    static const struct { int idx; unsigned priv; bool sum; } how[] = {
        { RISCV_MMU_U, PRV_U, false }, { RISCV_MMU_S, PRV_S, false },
        { RISCV_MMU_S_SUM, PRV_S, true },
    };
    unsigned k = (unsigned)g_rand_int_range(g, 0, 3), access = (unsigned)g_rand_int_range(g, 0, 3);
    uint64_t va = random_va(g, levels);
    Answer want;
    MmuResult got, again;
    bool ok;

    if (!g_rand_int_range(g, 0, 20)) { /* a debugger's look changes nothing */
        riscv_translate(&r->cpu, va, (MmuAccess)access, how[k].idx, true, &got);
        return 0;
    }
    ok = riscv_translate(&r->cpu, va, (MmuAccess)access, how[k].idx, false, &got);
    want = model_walk(m, va, access, how[k].priv, how[k].sum);
    g_assert_cmpint(ok, ==, want.ok);
    if (!ok) {
        g_assert_cmpuint(got.fault, ==, want.cause);
        return 0;
    }
    g_assert_cmphex(got.paddr, ==, want.pa);
    g_assert_cmpuint(got.page_bits, ==, want.bits);
    g_assert_cmpint(got.global, ==, want.global);
    g_assert_true(access == MMU_READ ? got.r : access == MMU_WRITE ? got.w : got.x);
    /* What it says may be done without another walk must need none: no fault, no update. */
    for (unsigned a = 0; a < 3; a++) {
        g_autofree uint64_t *copy = NULL;
        if (!(a == MMU_READ ? got.r : a == MMU_WRITE ? got.w : got.x))
            continue;
        copy = g_memdup2(m->ram, 4096 * N_TABLES);
        g_assert_true(model_walk(m, va, a, how[k].priv, how[k].sum).ok);
        g_assert_cmpmem(copy, 4096 * N_TABLES, m->ram, 4096 * N_TABLES);
        g_assert_true(riscv_translate(&r->cpu, va, (MmuAccess)a, how[k].idx, false, &again));
        g_assert_cmphex(again.paddr, ==, got.paddr);
    }
    return 1;
}

static void test_random(const char *model)
{
    RiscvCpu *r = test_hart(model);
    g_autoptr(GRand) g = g_rand_new_with_seed(0x5356);
    Model m = { .svade = r->ext.svade, .svadu = r->ext.svadu, .svnapot = r->ext.svnapot };
    uint64_t *ram = (uint64_t *)(void *)memory_section_lookup(address_space_memory, TEST_RAM).host;
    unsigned n_ok = 0;

    m.ram = g_malloc0(TEST_RAM_SIZE);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned levels = 3 + round % 3;
        r->cpu.target->reset(&r->cpu);
        for (unsigned i = 0; i < N_TABLES * 512; i++)
            ram[i] = (i & 511) % 73 == 0 || !g_rand_int_range(g, 0, 4) ? random_pte(g) : 0;
        memcpy(m.ram, ram, N_TABLES * 4096);
        random_pmp(r, g, &m);
        r->satp = (uint64_t)(levels + 5) << 60 | table_pa(round % N_TABLES) >> 12;
        r->mstatus ^= g_rand_boolean(g) ? MSTATUS_MXR : 0;
        r->menvcfg = (uint64_t)g_rand_int_range(g, 0, 4) << 61;
        m.satp = r->satp;
        m.mstatus = r->mstatus;
        m.menvcfg = r->menvcfg;
        for (unsigned k = 0; k < WALKS; k++)
            n_ok += one_walk(r, g, &m, levels);
        g_assert_cmpmem(m.ram, N_TABLES * 4096, ram, N_TABLES * 4096);
    }
    g_test_message("%u of %u walks succeed", n_ok, ROUNDS * WALKS);
    g_assert_cmpuint(n_ok, >, ROUNDS * WALKS / 20); /* else this tests little */
    g_free(m.ram);
}

static void test_default(void) { test_random("rv64"); }
static void test_max(void) { test_random("max"); }
static void test_svade(void) { test_random("rv64,svadu=off,svade=on,svnapot=off"); }
static void test_neither(void) { test_random("rv64,svadu=off"); }

/* The context that accesses go through, for every privilege and MPRV. */
static void test_modes(void)
{
    RiscvCpu *r = test_hart("rv64");
    Cpu *cpu = &r->cpu;

    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_M);
    r->satp = 8ULL << 60;
    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_M);
    r->mstatus |= MSTATUS_MPRV;
    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_U);
    g_assert_cmpint(riscv_fetch_mmu_idx(cpu), ==, RISCV_MMU_M);
    r->mstatus |= 1ULL << MSTATUS_MPP_SHIFT;
    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_S);
    r->mstatus |= MSTATUS_SUM;
    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_S_SUM);
    r->satp = 0;
    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_BARE_S);
    r->priv = PRV_U;
    r->satp = 9ULL << 60;
    g_assert_cmpint(riscv_data_mmu_idx(cpu), ==, RISCV_MMU_U);
}

static void test_speed(void)
{
    RiscvCpu *r = test_hart("rv64");
    uint64_t pte, n = 5000000;
    MmuResult res;
    clock_t t;

    if (!g_test_perf())
        return;
    for (unsigned i = 0; i < 3; i++) {
        pte = i < 2 ? (table_pa(i + 1) >> 12 << 10) | 1 : (TEST_RAM >> 12 << 10) | 0xff;
        address_space_write(address_space_memory, table_pa(i), &pte, 8);
    }
    r->pmpaddr[0] = TEST_RAM >> 2 | MASK(8);
    r->pmpcfg[0] = 0x18;
    r->pmpaddr[1] = MASK(54);
    r->pmpcfg[1] = 0x1f;
    r->pmpcfg[0] = 0;
    riscv_pmp_update(r);
    r->satp = 8ULL << 60 | table_pa(0) >> 12;
    t = clock();
    for (uint64_t i = 0; i < n; i++)
        g_assert_true(riscv_translate(&r->cpu, i & 4095, MMU_READ, RISCV_MMU_U, false, &res));
    g_test_message("Sv39 walk: %.1f ns", (double)(clock() - t) * 1e9 / CLOCKS_PER_SEC / (double)n);
    t = clock();
    r->priv = PRV_U;
    r->medeleg = ~0ULL;
    for (uint64_t i = 0; i < n; i++) {
        riscv_trap(r, CAUSE_ECALL_U, 0);
        ((uint64_t(*)(Cpu *))riscv_helper_sret.fn)(&r->cpu);
    }
    g_test_message("ecall and sret: %.1f ns",
                   (double)(clock() - t) * 1e9 / CLOCKS_PER_SEC / (double)n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/mmu/rv64", test_default);
    g_test_add_func("/riscv/mmu/max", test_max);
    g_test_add_func("/riscv/mmu/svade", test_svade);
    g_test_add_func("/riscv/mmu/neither", test_neither);
    g_test_add_func("/riscv/mmu/modes", test_modes);
    g_test_add_func("/riscv/mmu/speed", test_speed);
    return g_test_run();
}
