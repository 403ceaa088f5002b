/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V PMP: random configurations against the byte-wise model. */
#include "tests/unit/riscv_test.h"

enum { ROUNDS = 400, CHECKS = 120 };

/* An address near something: addresses of entries, their ends, page ends. */
static uint64_t near_something(GRand *g, const uint64_t *addr)
{
    uint64_t a = addr[g_rand_int_range(g, 0, 16)];

    switch (g_rand_int_range(g, 0, 4)) {
    case 0:
        a &= a + 1; /* base of a NAPOT range */
        break;
    case 1:
        a |= (a + 1) >> 1;
        break;
    default:
        break;
    }
    return (a << 2) + (uint64_t)(int64_t)g_rand_int_range(g, -12, 12);
}

static uint64_t random_addr(GRand *g)
{
    uint64_t a = TEST_RAM + (uint64_t)g_rand_int_range(g, 0, 1 << 15);

    switch (g_rand_int_range(g, 0, 8)) {
    case 0:
        a = random_u64(g);
        break;
    case 1:
        a = UINT64_MAX;
        break;
    case 2:
        a = 0;
        break;
    default:
        break;
    }
    a >>= 2;
    if (g_rand_boolean(g))
        a |= MASK((unsigned)g_rand_int_range(g, 0, 14));
    return a;
}

/* Registers as the manual has them after a write (WARL, locks). */
static void model_write_cfg(uint8_t *cfg, unsigned n, uint8_t v)
{
    if (cfg[n] & 0x80)
        return;
    v &= 0x9f;
    if ((v & 3) == 2)
        v &= 0x98;
    cfg[n] = v;
}

static void model_write_addr(const uint8_t *cfg, uint64_t *addr, unsigned n, uint64_t v)
{
    if (cfg[n] & 0x80 || (n < 15 && (cfg[n + 1] & 0x98) == 0x88))
        return;
    addr[n] = v & ((1ULL << 54) - 1);
}

static void check(RiscvCpu *r, GRand *g, const uint8_t *cfg, const uint64_t *addr)
{
    uint64_t pa = near_something(g, addr), page = pa & ~4095ULL;
    unsigned len = 1u << g_rand_int_range(g, 0, 4);
    unsigned access = (unsigned)g_rand_int_range(g, 0, 3);
    int priv = g_rand_boolean(g) ? PRV_M : g_rand_boolean(g) ? PRV_S : PRV_U;
    bool uniform, one = true, ok;

    if (pa > UINT64_MAX - 4096)
        pa &= MASK(56);
    page = pa & ~4095ULL;
    if (g_rand_int_range(g, 0, 10))
        pa &= ~(uint64_t)(len - 1);
    ok = riscv_pmp_check(r, pa, len, (MmuAccess)access, priv, &uniform);
    g_assert_cmpint(ok, ==, model_pmp_allows(cfg, addr, pa, len, access, priv == PRV_M));
    for (unsigned i = 4; i < 4096 && one; i += 4)
        one = model_pmp_entry(cfg, addr, page + i) == model_pmp_entry(cfg, addr, page);
    g_assert_cmpint(uniform, ==, one);
}

static void test_random(void)
{
    RiscvCpu *r = test_hart("rv64");
    g_autoptr(GRand) g = g_rand_new_with_seed(0x504d50);

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t cfg[16] = { 0 };
        uint64_t addr[16] = { 0 };
        uint64_t lock = round % 4 ? 0 : 0x80;

        r->cpu.target->reset(&r->cpu);
        for (unsigned k = 0; k < 24; k++) {
            unsigned n = (unsigned)g_rand_int_range(g, 0, 16);
            uint64_t a = random_addr(g);
            if (g_rand_boolean(g)) {
                uint64_t eight = random_u64(g) & (0x7f7f7f7f7f7f7f7f | lock * 0x0101010101010101);
                n &= 8;
                riscv_pmp_write_cfg(r, n, eight);
                for (unsigned i = 0; i < 8; i++)
                    model_write_cfg(cfg, n + i, (uint8_t)(eight >> 8 * i));
            } else {
                riscv_pmp_write_addr(r, n, a);
                model_write_addr(cfg, addr, n, a);
            }
        }
        g_assert_cmpmem(cfg, 16, r->pmpcfg, 16);
        g_assert_cmpmem(addr, sizeof addr, r->pmpaddr, sizeof addr);
        for (unsigned k = 0; k < CHECKS; k++)
            check(r, g, cfg, addr);
    }
}

static void test_none(void)
{
    RiscvCpu *r = test_hart("rv64");
    bool uniform;

    /* Implemented but off: M may do all, S and U nothing. */
    g_assert_false(r->pmp_active);
    g_assert_true(riscv_pmp_check(r, TEST_RAM, 8, MMU_WRITE, PRV_M, &uniform));
    g_assert_true(uniform);
    g_assert_false(riscv_pmp_check(r, TEST_RAM, 8, MMU_READ, PRV_S, NULL));
    g_assert_false(riscv_csr_allowed(r, 0x3a1, false));
    g_assert_true(riscv_csr_allowed(r, 0x3a2, false));

    r = test_hart("rv64,pmp=off");
    g_assert_true(riscv_pmp_check(r, TEST_RAM, 8, MMU_READ, PRV_U, NULL));
    g_assert_false(riscv_csr_allowed(r, 0x3a0, false));
}

/* A page that is not uniform gives a result for as many bytes as agree. */
static void test_extent(void)
{
    RiscvCpu *r = test_hart("rv64");
    MmuResult res;

    riscv_pmp_write_addr(r, 0, (TEST_RAM + 0x100) >> 2);
    riscv_pmp_write_addr(r, 1, UINT64_MAX);
    riscv_pmp_write_cfg(r, 0, 0x1f00 | 0x88); /* TOR, locked, nothing; then all, NAPOT */
    g_assert_false(riscv_translate(&r->cpu, TEST_RAM + 0xfc, MMU_READ, RISCV_MMU_M, false, &res));
    g_assert_cmpuint(res.fault, ==, CAUSE_LOAD_ACCESS);
    g_assert_true(riscv_translate(&r->cpu, TEST_RAM + 0x100, MMU_READ, RISCV_MMU_BARE_S, false,
                                  &res));
    g_assert_true(res.no_tlb);
    g_assert_cmpuint(res.extent, ==, 0xf00);
    g_assert_true(riscv_translate(&r->cpu, TEST_RAM + 0x1000, MMU_EXEC, RISCV_MMU_BARE_S, false,
                                  &res));
    g_assert_false(res.no_tlb);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/pmp/random", test_random);
    g_test_add_func("/riscv/pmp/none", test_none);
    g_test_add_func("/riscv/pmp/extent", test_extent);
    return g_test_run();
}
