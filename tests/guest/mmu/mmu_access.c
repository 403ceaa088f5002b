/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bare metal, entered at EL2 with the MMU off: loads, stores, atomics and jumps at EL1 and EL0
 * through random translation tables in TTBR0, with what the exceptions say printed. Code of EL1 and
 * EL0 is mapped by TTBR1 and is read-only there.
 */
#define WALKS_ONLY_TABLES
#include "mmu_walks.h"
#include "mmu_bare.h"

#ifndef CONFIGS
#define CONFIGS 30
#endif
#ifndef SEED
#define SEED 1
#endif

#define SCRATCH 0x40000000ULL /* 32 MiB; filled with HVC #2 */
#define SCRATCH_SIZE 0x2000000ULL
#define CODE_TABLE 0x48300000ULL
#define CODE_VA 0xffffff8000000000ULL /* of physical address 0, with T1SZ 25 */

enum { LDR, STR, LDRB, LDTR, STTR, LDADD, BR, CIVAC, ZVA, STP, LDRSW, N_ACCESS };
extern char stubs[], el1_vectors[];
uint64_t run_el1(uint64_t elr, uint64_t spsr, uint64_t va, uint64_t out[4]);

static uint64_t pattern(uint64_t i)
{
    (void)i;
    return 0xd4000042d4000042ULL;
}

static void access_config(unsigned config)
{
    unsigned g = random_granule(), sz = random_size(g), s2 = one_in(3), lse, pan3;
    uint64_t tcr, sctlr, vtcr = 0, vttbr = 0, hcr = 1ULL << 31, values[6], hash = 0;
    uint64_t mmfr1 = get_id(ID_MMFR1), isar0 = MRS("id_aa64isar0_el1");
    static const unsigned char tg0[] = { [12] = 0, [14] = 2, [16] = 1 };

    lse = isar0 >> 20 & 15;
    pan3 = mmfr1 >> 20 & 15;
    for (unsigned i = 0; i < N_TABLES; i++)
        fill(POOL + 0x10000 * (uint64_t)i, POOL, N_ENTRIES, 55);
    if (sz < 48 && first_level(g, sz) < (g == 12 ? 1 : 2))
        no_blocks(POOL);
    tcr = sz | 25ULL << 16 | tg0[g] << 14 | 2ULL << 30 |
          (uint64_t)(g == 16 && (get_id(ID_MMFR0) & 15) == 6 ? 6 : 5) << 32 |
          (uint64_t)below(2) << 37 | 1ULL << 36;
    if (mmfr1 & 15)
        tcr |= (rnd() & 3) << 39;
    if (mmfr1 >> 12 & 15 && one_in(3))
        tcr |= 1ULL << 41;
    if (get_id(ID_MMFR2) >> 60 && one_in(4))
        tcr |= 1ULL << 55;
    sctlr = 0x34d0d805 | (one_in(3) ? 1 << 19 : 0) | 1 << 26 | 1 << 14 | 1 << 15;
    if (s2) {
        vttbr = stage2(&vtcr) | 1ULL << 48;
        vtcr = (vtcr & ~0xc0ffULL) | (64 - 39) | 1 << 6; /* 4 KiB, from level 1 */
        if (!(mmfr1 & 15))
            vtcr &= ~(3ULL << 21);
        wr(S2_ROOT + 8, 0x400007fd);
        hcr |= 1;
    }
    set_reg(R_TCR_EL1, tcr);
    set_reg(R_MAIR, 0x00ff44ff04bb4fffULL);
    set_reg(R_TTBR0, POOL | 1ULL << 48);
    set_reg(R_TTBR1, CODE_TABLE);
    set_reg(R_VTCR, vtcr);
    set_reg(R_VTTBR, vttbr);
    set_reg(R_HCR, hcr);
    values[0] = tcr;
    values[1] = sctlr;
    values[2] = hcr;
    values[3] = vtcr;
    print_config(config, values, 4);
    for (unsigned n = 0; n < N_VAS; n++) {
        uint64_t va = random_va(g, sz, 0, tcr >> 37 & 1) & ~15ULL, par, pa;
        for (unsigned k = 0; k < 16; k++) {
            unsigned op = below(N_ACCESS), el = below(2), pan = pan3 ? below(2) : 0;
            uint64_t out[4] = { 0 };
            if (op == LDADD && !lse)
                op = LDR;
            /* Clean pages count as writable for what follows from that for fetches
             * (AArch64.S1ApplyOutputPerms); the reference thinks otherwise. */
            if (op == BR && tcr >> 40 & 1)
                op = STP;
            set_reg(R_SCTLR_EL1, sctlr);
            par = at(6, va);
            pa = par & 0xfffffffff000ULL;
            /* Where memory may be changed or run, or isn't there. */
            if (!(par & 1) && !(pa >= SCRATCH && pa < SCRATCH + SCRATCH_SIZE) &&
                !(pa >= 1ULL << 41 && pa < 1ULL << 44))
                continue;
            if (!(par & 1) && (op == BR || op == LDADD) && pa >= 1ULL << 41)
                continue;
            run_el1(CODE_VA + (uint64_t)stubs + 16 * op, (el ? 5 : 0) | 0x3c0 | pan << 22, va, out);
            values[0] = va;
            values[1] = out[0];
            values[2] = out[0] >> 28 == 8 || out[0] >> 28 == 9 ? out[1] : 0; /* of aborts */
            values[3] = out[0] >> 26 == 0x24 || out[0] >> 26 == 0x20 ? out[2] : 0;
            values[4] = out[3];
            print_config(config << 12 | op << 4 | el << 1 | pan, values, 5);
        }
    }
    for (unsigned i = 0; i < N_TABLES; i++)
        for (unsigned k = 0; k < N_ENTRIES; k++)
            hash = (hash ^ rd(POOL + 0x10000 * (uint64_t)i + 8 * k)) * 0x9e3779b97f4a7c15ULL;
    values[0] = hash;
    print_config(config, values, 1);
    set_reg(R_SCTLR_EL1, 0x30d00800);
    set_reg(R_HCR, 1ULL << 31);
}

void start(void)
{
    uint64_t ids[4] = { get_id(ID_MMFR0), get_id(ID_MMFR1) & ~(15ULL << 40),
                        get_id(ID_MMFR2) & ~(15ULL << 32), get_id(ID_ISAR1) };

    __asm__ volatile("msr sctlr_el2, %0\n isb" : : "r"(0x30c50830ULL) : "memory");
    MSR("vbar_el1", CODE_VA + (uint64_t)el1_vectors);
    for (uint64_t i = 0; i < SCRATCH_SIZE; i += 8)
        wr(SCRATCH + i, pattern(i));
    for (unsigned i = 0; i < 512; i++)
        wr(CODE_TABLE + 8 * i, 0);
    wr(CODE_TABLE + 8, 0x40000000 | 0x401 | 3 << 6); /* read-only for both, normal */
    print_config(0xfff, ids, 4);
    for (unsigned i = 0; i < CONFIGS; i++) {
        rng = (SEED * 1000 + i) * 0x9e3779b97f4a7c15ULL | 1;
        rnd();
        rnd();
        access_config(i);
    }
    puts_("done\n");
    power_off();
}
