/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bare metal, entered at EL3 with the MMU off: random translation tables of the regimes that EL1
 * can't see. Each is asked by AT, and by accesses from its levels, with what the exceptions say
 * printed: EL2, EL2&0 (HCR_EL2.E2H), EL3, and EL1&0 in Secure state, some of whose addresses are
 * in secure memory.
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
#define SECURE_RAM 0x0e000000ULL
#define CODE_TABLES 0x48400000ULL /* one of 64 KiB per level, from -1 on */
#define STUBS 0x44800000ULL

enum { LDR, STR, LDRB, LDTR, STTR, STP, BR, LDRSW, AT_R, AT_W, LDP_Q, N_STUBS };
enum Kind { EL2, EL20, EL3, SECURE_EL10, N_KINDS };
extern char stubs[];
void run_stub(uint64_t stub, uint64_t spsr, uint64_t va, uint64_t out[5], uint64_t sctlr_el3);

static unsigned has_vhe, tsz[2], gran[2];

/* Some leaves are in secure memory, and may be said not to be. */
static void fill_levels(uint64_t table)
{
    fill(table, POOL, N_ENTRIES, 55);
    for (unsigned i = 0; i < N_ENTRIES; i++) {
        uint64_t d = rd(table + 8 * i);
        if (one_in(6) && (d & 3) == 3 && !(d >> 12 & 0xfffffffffULL & ~0x1ffULL))
            continue;
        if (one_in(8) && d & 1)
            wr(table + 8 * i, (d & ~0xffffff000000ULL) | SECURE_RAM | (one_in(4) ? 0 : 3));
    }
}

static int level_of(unsigned granule, unsigned size)
{
    return 3 - (int)((63 - size - granule) / (granule - 3));
}

/* The page of the stubs, where it is. */
static void map_code(uint64_t root, unsigned granule, unsigned size)
{
    uint64_t at = root, page = STUBS | (large ? 0 : 3 << 8) | 1 << 10 | 3 << 6 | 3;
    int start = level_of(granule, size);

    for (int level = start; level <= 3; level++) {
        unsigned shift = granule + (granule - 3) * (unsigned)(3 - level);
        unsigned bits = level == start ? 64 - size - shift : granule - 3;
        uint64_t entry = at + 8 * (STUBS >> shift & ((1ULL << bits) - 1));
        uint64_t next = CODE_TABLES + 0x10000 * (uint64_t)(level + 1);

        if (level == 3) {
            wr(entry, page);
            if (granule == 12) /* they are a bit longer than 4 KiB */
                wr(entry + 8, page + 0x1000);
            return;
        }
        for (unsigned i = 0; i < 8192; i++)
            wr(next + 8 * i, 0);
        wr(entry, next | 3);
        at = next;
    }
}

static uint64_t one_range_tcr(void)
{
    static const unsigned char tg0[] = { [12] = 0, [14] = 2, [16] = 1 };
    uint64_t tcr = tsz[0] | tg0[gran[0]] << 14 | (uint64_t)output_size(gran[0], gran[0]) << 16 |
                   (uint64_t)below(2) << 20 | 1ULL << 31 | 1 << 23;

    if (get_id(ID_MMFR1) & 15)
        tcr |= (rnd() & 3) << 21;
    if (get_id(ID_MMFR1) >> 12 & 15 && one_in(3))
        tcr |= 1 << 24;
    return large ? (tcr & ~(7ULL << 16)) | 6 << 16 | 1ULL << 32 : tcr;
}

static uint64_t two_range_tcr(void)
{
    static const unsigned char tg0[] = { [12] = 0, [14] = 2, [16] = 1 };
    static const unsigned char tg1[] = { [12] = 2, [14] = 1, [16] = 3 };
    uint64_t tcr = tsz[0] | tsz[1] << 16 | tg0[gran[0]] << 14 | (uint64_t)tg1[gran[1]] << 30 |
                   (uint64_t)output_size(gran[0], gran[1]) << 32 | (uint64_t)below(4) << 37 |
                   1ULL << 36;

    if (get_id(ID_MMFR1) & 15)
        tcr |= (rnd() & 3) << 39;
    if (get_id(ID_MMFR1) >> 12 & 15 && one_in(3))
        tcr |= (rnd() & 3) << 41;
    if (get_id(ID_MMFR2) >> 60 && one_in(4))
        tcr |= (rnd() & 3) << 55;
    return large ? (tcr & ~(7ULL << 32)) | 6ULL << 32 | 1ULL << 59 : tcr;
}

static void flush(void)
{
    __asm__ volatile("dsb sy\n tlbi alle1\n tlbi alle3" : : : "memory");
    if (MRS("scr_el3") & 1)
        __asm__ volatile("tlbi alle2" : : : "memory");
    __asm__ volatile("dsb sy\n isb" : : : "memory");
}

static uint64_t at_level(unsigned op, uint64_t va)
{
    switch (op) {
    case 0: AT("s1e2r"); break;
    case 1: AT("s1e2w"); break;
    case 2: AT("s1e1r"); break;
    case 3: AT("s1e1w"); break;
    case 4: AT("s1e0r"); break;
    case 5: AT("s1e0w"); break;
    case 6: AT("s12e1r"); break;
    default: AT("s12e0w"); break;
    }
    return MRS("par_el1");
}

static void print_access(unsigned config, unsigned op, unsigned el, uint64_t va,
                         const uint64_t out[5])
{
    uint64_t values[5] = { va, out[0] };

    if (op == AT_R || op == AT_W) {
        values[2] = out[0] >> 26 == 0x15 ? out[4] : 0;
    } else {
        unsigned ec = out[0] >> 26;
        values[2] = ec >> 2 == 8 || ec >> 2 == 9 ? out[1] : 0; /* of aborts */
        values[3] = out[3] == 2 && (ec == 0x20 || ec == 0x24) ? out[2] : 0;
    }
    values[4] = out[3];
    print_config(config << 12 | op << 4 | el, values, 5);
}

static unsigned level_for(enum Kind kind)
{
    switch (kind) {
    case EL2: return 2;
    case EL3: return 3;
    case EL20: return one_in(2) ? 2 : 0;
    default: return below(2);
    }
}

static void accesses(enum Kind kind, unsigned config, uint64_t va, uint64_t sctlr, int hd)
{
    va &= ~15ULL;
    for (unsigned k = 0; k < 10; k++) {
        unsigned op = below(N_STUBS), el = level_for(kind);
        uint64_t out[5] = { 0 }, par, pa, spsr = 0x3c0 | el << 2 | (el != 0);

        if ((op == AT_R || op == AT_W) && kind != EL3)
            op = LDR;
        if (op == BR && hd) /* see mmu_access.c */
            op = STP;
        if (kind == EL3) {
            run_stub(STUBS + ((uint64_t)stubs & 0xffff) + 16 * AT_R, 0x3cd, va, out, sctlr);
            if (out[0] >> 26 != 0x15) /* no table */
                return;
            par = out[4];
        } else {
            par = at_level(kind == SECURE_EL10 ? 2 : 0, va);
        }
        pa = par & 0xffffffffff000ULL;
        if (!(par & 1) && !(pa >= SCRATCH && pa < SCRATCH + SCRATCH_SIZE) &&
            !(pa >= SECURE_RAM && pa < SECURE_RAM + 0x1000000) &&
            !(pa >= 1ULL << 41 && pa < 1ULL << 44))
            continue;
        if (!(par & 1) && op == BR && pa >= 1ULL << 41)
            continue;
        run_stub(STUBS + ((uint64_t)stubs & 0xffff) + 16 * op, spsr, va, out, sctlr);
        print_access(config, op, el, va, out);
    }
}

static void levels_config(unsigned config)
{
    enum Kind kind = (enum Kind)((config + SEED) % N_KINDS);
    unsigned two, tge = below(2), sif = one_in(4);
    uint64_t tcr, sctlr, hcr = 1ULL << 31, scr = 0x530, values[6], hash = 0;

    if (kind == EL20 && !has_vhe)
        kind = EL2;
    two = kind == EL20 || kind == SECURE_EL10;
    large = (get_id(ID_MMFR0) >> 28 & 15) == 1 && one_in(3);
    for (unsigned i = 0; i < 2; i++) {
        gran[i] = random_granule();
        tsz[i] = random_size(gran[i]);
        /* 52 bits: sizes that others don't have */
        if (one_in(3) && (gran[i] == 16 ? get_id(ID_MMFR2) >> 16 & 15 : large))
            tsz[i] = 12 + below(5);
    }
    for (unsigned i = 0; i < N_TABLES; i++)
        fill_levels(POOL + 0x10000 * (uint64_t)i);
    for (unsigned i = 0; i < 2; i++) {
        if (tsz[i] < 48 && level_of(gran[i], tsz[i]) < (gran[i] == 12 ? 1 : 2))
            no_blocks(POOL + 0x10000 * (uint64_t)i);
    }
    tcr = two ? two_range_tcr() : one_range_tcr();
    sctlr = 0x30c50830 | (one_in(3) ? 1 << 19 : 0) | 1 << 26 | 1 << 14 | 1;
    if (kind == EL20)
        hcr |= 1ULL << 34 | (uint64_t)tge << 27;
    if (kind != EL3 && kind != SECURE_EL10)
        scr |= 1;
    scr |= sif << 9; /* not EA: the reference doesn't take external aborts to EL3 */
    if (tsz[0] <= 33)
        map_code(POOL, gran[0], tsz[0]);
    MSR("scr_el3", scr);
    MSR("hcr_el2", hcr);
    MSR("cptr_el2", hcr >> 34 & 1 ? 3ULL << 20 : 0x33ffULL & ~0x400ULL);
    MSR("cpacr_el1", 3ULL << 20);
    MSR("sctlr_el1", 0x30d00800ULL);
    MSR("sctlr_el2", 0x30c50830ULL);
    switch (kind) {
    case EL2:
    case EL20:
        MSR("tcr_el2", tcr);
        MSR("mair_el2", 0x00ff44ff04bb4fffULL);
        MSR("ttbr0_el2", POOL);
        if (kind == EL20)
            MSR("s3_4_c2_c0_1", POOL + 0x10000); /* TTBR1_EL2 */
        MSR("sctlr_el2", sctlr);
        break;
    case EL3:
        MSR("tcr_el3", tcr);
        MSR("mair_el3", 0x00ff44ff04bb4fffULL);
        MSR("ttbr0_el3", POOL);
        break;
    default:
        MSR("tcr_el1", tcr);
        MSR("mair_el1", 0x00ff44ff04bb4fffULL);
        MSR("ttbr0_el1", POOL);
        MSR("ttbr1_el1", POOL + 0x10000);
        MSR("sctlr_el1", sctlr | 0x30d00800);
        break;
    }
    flush();
    values[0] = kind;
    values[1] = tcr;
    values[2] = sctlr;
    values[3] = hcr;
    values[4] = scr;
    print_config(config, values, 5);
    for (unsigned n = 0; n < N_VAS; n++) {
        unsigned high = two ? below(2) : 0;
        uint64_t va = random_va(gran[high], tsz[high], high, 1);
        unsigned first = kind == SECURE_EL10 ? 2 : 0, last = kind == EL20 && tge ? 5 : first + 1;

        if (kind == SECURE_EL10)
            last = 7;
        for (unsigned op = first; kind != EL3 && op <= last; op++) {
            uint64_t par = at_level(op, va);
            hex(config);
            put(' ');
            hex(op);
            put(' ');
            hex(va);
            put(' ');
            hex(par);
            put('\n');
        }
        /* Without HCR_EL2.TGE there is no EL0 in the EL2&0 regime. */
        if (tsz[0] <= 33 && !(kind == EL20 && !tge))
            accesses(kind, config, va, sctlr, tcr >> (two ? 40 : 22) & 1);
    }
    MSR("sctlr_el1", 0x30d00800ULL);
    MSR("sctlr_el2", 0x30c50830ULL);
    for (unsigned i = 0; i < N_TABLES; i++) {
        for (unsigned k = 0; k < N_ENTRIES; k++) {
            uint64_t d = rd(POOL + 0x10000 * (uint64_t)i + 8 * k);
            /* AT does not make pages dirty, but the reference thinks so. */
            d = d >> 51 & 1 ? d & ~(1ULL << 7) : d;
            hash = (hash ^ d) * 0x9e3779b97f4a7c15ULL;
        }
    }
    values[0] = hash;
    print_config(config, values, 1);
}

void start(void)
{
    /* Fields about other things. */
    uint64_t ids[2] = { get_id(ID_MMFR0) & ~0xfff00000000ULL, get_id(ID_MMFR1) & ~(15ULL << 40) };

    has_vhe = ids[1] >> 8 & 15;
    MSR("cptr_el3", 0ULL);
    for (uint64_t i = 0; i < SCRATCH_SIZE; i += 8)
        wr(SCRATCH + i, 0xd4000042d4000042ULL);
    print_config(0xfff, ids, 2);
    for (unsigned i = 0; i < CONFIGS; i++) {
        rng = (SEED * 1000 + i) * 0x9e3779b97f4a7c15ULL | 1;
        rnd();
        rnd();
        levels_config(i);
    }
    puts_("done\n");
    /* Secure GPIO: power off by a rising edge of line 0. */
    *(volatile uint32_t *)0x090b0400 = 1;
    *(volatile uint32_t *)0x090b0004 = 0;
    *(volatile uint32_t *)0x090b0004 = 1;
}
