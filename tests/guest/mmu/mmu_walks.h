/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random translation tables and AT instructions on them: the same for a guest program (mmu.c), whose
 * output on the reference is compared with ours.
 *
 * The includer provides: rd, wr (physical memory), set_reg, get_id, at (returns PAR_EL1), print.
 * RAM from POOL on, for 4 MiB, is for tables; code must not be there.
 */
#ifndef MMU_WALKS_H
#define MMU_WALKS_H

#include <stdint.h>

enum Reg { R_TCR_EL1, R_SCTLR_EL1, R_TTBR0, R_TTBR1, R_MAIR, R_VTCR, R_VTTBR, R_HCR };
enum Id { ID_MMFR0, ID_MMFR1, ID_MMFR2, ID_ISAR1 };

static uint64_t rd(uint64_t pa);
static void wr(uint64_t pa, uint64_t v);
static void set_reg(enum Reg r, uint64_t v);
static uint64_t get_id(enum Id id);
static uint64_t at(unsigned op, uint64_t va);
static void print_config(unsigned config, const uint64_t *values, unsigned n);

#define POOL 0x48000000ULL        /* 12 tables of 64 KiB */
#define S2_ROOT 0x48100000ULL     /* 1 MiB, concatenated tables */
#define S2_POOL 0x48200000ULL     /* 12 tables */
enum { N_TABLES = 12, N_ENTRIES = 16, N_VAS = 24, OPS = 10 };

static uint64_t rng;
static unsigned large, big_endian; /* TCR.DS, SCTLR.EE */

static uint64_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * 0x2545f4914f6cdd1dULL;
}
static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 33) % n);
}
static int one_in(unsigned n)
{
    return below(n) == 0;
}

/* An output address of a leaf, or where a table is said to be but isn't. */
static uint64_t random_address(void)
{
    switch (below(8)) {
    case 0:
        return rnd() & 0xffffffff0000ULL;
    case 1:
        return 1ULL << (30 + below(22));
    case 2:
    case 3:
        return 0x40000000ULL | (rnd() & 0x01fff000);
    case 4:
        return (uint64_t)below(16) << 30 | (uint64_t)below(16) << 21 | (uint64_t)below(16) << 12;
    case 5:
        return (uint64_t)below(16) << 25 | (uint64_t)below(16) << 14;
    case 6:
        return (uint64_t)below(16) << 29 | (uint64_t)below(16) << 16;
    default:
        return 0x48000000ULL | (rnd() & 0x3ff000);
    }
}

/* Machines differ in what there is below 2^40 besides RAM: tables are not looked for there. */
static uint64_t nowhere_else(uint64_t d)
{
    uint64_t address = d & 0xfffffffff000ULL;

    return address >= 0x40000000 && address < 0x50000000 ? d : d | 1ULL << 41;
}

static uint64_t random_descriptor(uint64_t pool, unsigned deep)
{
    uint64_t d = rnd() & 0xfff8000000000ffcULL, attr;

    if (large && !one_in(8))
        d &= ~0x300ULL; /* PA[51:50] */
    attr = d;

    if (!one_in(4))
        attr |= 1 << 10; /* AF */
    if (!one_in(3))
        attr &= ~(7ULL << 60); /* hierarchical permissions that leave something */
    if (one_in(24))
        return nowhere_else(rnd());
    if (one_in(24))
        return d & ~1ULL;
    if (below(100) < deep)
        return (attr & ~0xf000ULL) | (pool + 0x10000 * (uint64_t)below(N_TABLES)) | 3;
    if (one_in(3))
        return (pool == POOL ? random_address() : nowhere_else(random_address())) | attr | 1;
    return attr | nowhere_else(random_address()) | 3;
}

static void fill(uint64_t table, uint64_t pool, unsigned n, unsigned deep)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t d = random_descriptor(pool, deep);
        wr(table + 8 * i, big_endian && pool == POOL ? __builtin_bswap64(d) : d);
    }
}

/* The reference takes blocks at levels that have none: not in a first table of such a level. */
static void no_blocks(uint64_t table)
{
    for (unsigned i = 0; i < N_ENTRIES; i++) {
        uint64_t d = rd(table + 8 * i), e = big_endian ? __builtin_bswap64(d) : d;
        if ((e & 3) == 1) {
            e = nowhere_else(e | 2);
            wr(table + 8 * i, big_endian ? __builtin_bswap64(e) : e);
        }
    }
}
static unsigned first_level(unsigned granule, unsigned tsz)
{
    return 3 - (63 - tsz - granule) / (granule - 3);
}

/* bits: 12, 14 or 16 */
static unsigned granule_ok(unsigned bits)
{
    uint64_t m = get_id(ID_MMFR0);

    return bits == 12 ? (m >> 28 & 15) != 15 : bits == 14 ? (m >> 20 & 15) != 0
                                                          : (m >> 24 & 15) != 15;
}
static unsigned random_granule(void)
{
    for (;;) {
        unsigned bits = 12 + 2 * below(3);
        if (granule_ok(bits))
            return bits;
    }
}

/*
 * The size of output addresses for a control register. Where 64 KiB pages have 52-bit addresses, it
 * is that: else the reference doesn't look at what descriptors have in those bits.
 */
static unsigned output_size(unsigned granule0, unsigned granule1)
{
    unsigned max = get_id(ID_MMFR0) & 15;

    if (max == 6 && (granule0 == 16 || granule1 == 16))
        return 6;
    return one_in(4) ? below(8) : 5;
}

static unsigned random_size(unsigned granule)
{
    unsigned max = get_id(ID_MMFR2) >> 28 & 15 ? granule == 16 ? 47 : 48 : 39;

    unsigned min = granule == 14 ? 17 : 16; /* 16 KiB: no level 0 */

    if (one_in(10))
        return min + below(64 - min);
    if (one_in(4))
        return min;
    return min + below(max + 1 - min);
}

static uint64_t random_va(unsigned granule, unsigned tsz, unsigned high, unsigned tbi)
{
    unsigned ia = 64 - (tsz < 12 ? 12 : tsz > 48 ? 48 : tsz), stride = granule - 3;
    uint64_t va = rnd() & ((1ULL << granule) - 1);

    for (unsigned shift = granule; shift < ia; shift += stride)
        va |= (uint64_t)below(N_ENTRIES) << shift;
    va &= (1ULL << ia) - 1;
    if (high)
        va |= ~0ULL << ia;
    if (tbi && one_in(2))
        va = (va & ~(255ULL << 56)) | rnd() << 56;
    if (one_in(20))
        va ^= 1ULL << below(64);
    return va;
}

/* Stage 2: mostly the identity for the pool, so that stage 1 tables can be read. */
static uint64_t stage2(uint64_t *vtcr)
{
    static const unsigned char tg[] = { [12] = 0, [14] = 2, [16] = 1 };
    unsigned granule = random_granule(), stride = granule - 3, start = 1 + below(2), ia, sl0, level;
    unsigned ps;
    uint64_t good = 0x7ff | (one_in(3) ? 0 : 0xf << 2), at;

    if (granule == 12 && one_in(2))
        start = 0;
    if (granule != 12)
        start = 2;
    ia = granule + stride * (4 - start) - below(stride) + (one_in(3) ? below(5) : 0);
    if (ia > 40 && !one_in(8))
        ia = 40;
    if (ia < 32)
        ia = 32;
    sl0 = granule == 12 ? 2 - start : 3 - start;
    if (one_in(20))
        sl0 = below(4);
    ps = 5 + below(2);
    if (large && (get_id(ID_MMFR0) >> 40 & 15) == 3 && one_in(2)) {
        ps = 6 | 1 << 16; /* DS */
        good &= ~0x300ULL;
    }
    if (granule == 16 && (get_id(ID_MMFR0) & 15) == 6)
        ps = 6;
    *vtcr = (64 - ia) | sl0 << 6 | tg[granule] << 14 | (uint64_t)ps << 16 |
            1ULL << 31 | (uint64_t)(rnd() & 3) << 21;
    for (unsigned i = 0; i < N_TABLES; i++)
        fill(S2_POOL + 0x10000 * (uint64_t)i, S2_POOL, N_ENTRIES, 40);
    fill(S2_ROOT, S2_POOL, N_ENTRIES, 80);
    /* The way to POOL, as blocks. */
    at = S2_ROOT;
    for (level = start;; level++) {
        unsigned shift = granule + stride * (3 - level), first = level == start;
        uint64_t index = POOL >> shift & (first ? ~0ULL : (1ULL << stride) - 1);
        if (shift <= 30) {
            wr(at + 8 * index, (POOL >> shift << shift) | (good & ~3ULL) | 1);
            break;
        }
        wr(at + 8 * index, S2_POOL | 3);
        at = S2_POOL;
    }
    return S2_ROOT;
}

#ifndef WALKS_ONLY_TABLES
static void print_walk(unsigned config, unsigned op, uint64_t va, uint64_t par);

/* AT does not make pages dirty (AArch64.SetDirtyFlag), but the reference thinks so. */
static uint64_t without_dirty(uint64_t d)
{
    if (big_endian)
        d = __builtin_bswap64(d);
    return d >> 51 & 1 ? d & ~(1ULL << 7) : d;
}

static void run_config(unsigned config)
{
    static const unsigned char tg0[] = { [12] = 0, [14] = 2, [16] = 1 };
    static const unsigned char tg1[] = { [12] = 2, [14] = 1, [16] = 3 };
    unsigned g[2] = { random_granule(), random_granule() };
    unsigned sz[2] = { random_size(g[0]), random_size(g[1]) }, tbi = below(4);
    unsigned s2 = one_in(3), pan = (get_id(ID_MMFR1) >> 20 & 15) >= 2;
    uint64_t tcr, sctlr, vtcr = 0, vttbr = 0, hcr = 1ULL << 31, values[8], hash = 0;

    large = (get_id(ID_MMFR0) >> 28 & 15) == 1 && one_in(3);
    big_endian = one_in(16);
    for (unsigned i = 0; i < N_TABLES; i++)
        fill(POOL + 0x10000 * (uint64_t)i, POOL, N_ENTRIES, 55);
    for (unsigned i = 0; i < 2; i++) {
        if (sz[i] < 48 && first_level(g[i], sz[i]) < (g[i] == 12 ? 1 : 2))
            no_blocks(POOL + 0x10000 * (uint64_t)i);
    }
    tcr = sz[0] | sz[1] << 16 | tg0[g[0]] << 14 | (uint64_t)tg1[g[1]] << 30 |
          (uint64_t)output_size(g[0], g[1]) << 32 | (uint64_t)tbi << 37 | 1ULL << 36;
    if (one_in(8))
        tcr |= 1 << 7;
    if (one_in(8))
        tcr |= 1 << 23;
    if (get_id(ID_MMFR1) & 15)
        tcr |= (rnd() & 3) << 39;              /* HA, HD */
    if (get_id(ID_MMFR1) >> 12 & 15)
        tcr |= one_in(3) ? (rnd() & 3) << 41 : 0; /* HPDn */
    if (get_id(ID_MMFR2) >> 60 && one_in(4))
        tcr |= (rnd() & 3) << 55;              /* E0PDn */
    if (large)
        tcr = (tcr & ~(7ULL << 32)) | 1ULL << 59 | 6ULL << 32; /* DS */
    sctlr = 0x30d00800 | (one_in(12) ? 0 : 1) | (one_in(3) ? 1 << 19 : 0) |
            big_endian << 25;
    if (s2) {
        vttbr = stage2(&vtcr) | 1ULL << 48;
        if (!(get_id(ID_MMFR1) & 15))
            vtcr &= ~(3ULL << 21);
        hcr |= 1 | (one_in(4) ? 1 << 2 : 0) | (one_in(10) ? 1 << 12 : 0);
    }
    set_reg(R_TCR_EL1, tcr);
    set_reg(R_SCTLR_EL1, sctlr);
    set_reg(R_MAIR, values[3] = one_in(4) ? 0xff44bb000c0804ffULL : 0x00ff44ff04bb4fffULL);
    set_reg(R_TTBR0, POOL | (one_in(20) ? 1ULL << (41 + below(7)) : 0));
    set_reg(R_TTBR1, (POOL + 0x10000) | 1ULL << 48);
    set_reg(R_VTCR, vtcr);
    set_reg(R_VTTBR, vttbr);
    set_reg(R_HCR, hcr);
    values[0] = tcr;
    values[1] = sctlr;
    values[2] = hcr;
    values[4] = vtcr;
    print_config(config, values, 5);
    for (unsigned n = 0; n < N_VAS; n++) {
        unsigned high = below(2);
        uint64_t va = random_va(g[high], sz[high], high, tbi >> high & 1);
        for (unsigned op = 0; op < OPS; op++) {
            if (op == 4 || op == 5) {
                if (!pan)
                    continue;
            }
            print_walk(config, op, va, at(op, va));
        }
    }
    for (unsigned i = 0; i < N_TABLES; i++)
        for (unsigned k = 0; k < N_ENTRIES; k++)
            hash = (hash ^ without_dirty(rd(POOL + 0x10000 * (uint64_t)i + 8 * k))) *
                   0x9e3779b97f4a7c15ULL;
    values[0] = hash;
    print_config(config, values, 1);
    set_reg(R_HCR, 1ULL << 31);
}

static void run_walks(uint64_t seed, unsigned configs)
{
    for (unsigned i = 0; i < configs; i++) {
        rng = (seed * 1000 + i) * 0x9e3779b97f4a7c15ULL | 1;
        rnd();
        rnd();
        run_config(i);
    }
}
#endif

#endif
