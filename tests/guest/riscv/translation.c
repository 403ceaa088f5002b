// SPDX-License-Identifier: GPL-2.0-or-later
// cpu: svade=on,svadu=on
// reference: skip it has neither Svadu's menvcfg bit nor all PMP rules
/*
 * Random page tables and PMP entries, and what accesses to them do, compared with a second, plain
 * reading of the privileged manual (1.13: 3.7 PMP, 10.3 to 10.6 Sv39 to Sv57, Svnapot, Svpbmt,
 * Svade, Svadu) in model(): cause, tval, and the page table after it.
 *
 * Loads and stores come from M mode with MPRV, fetches from S and U mode. Where the manual leaves a
 * choice the model does not: A and D are set only if nothing else forbids the access. Not tried:
 * page tables and pages outside RAM, and which part of an access across pages is tried first.
 */
#ifndef SEED
#define SEED 1
#endif
enum { ROUNDS = 400, ACCESSES = 10, DATA_PAGES = 64, PTES = 16 };
enum { READ = 1, WRITE = 2, EXEC = 4 }; /* the bits of PMP's permissions */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define CSR_READ(n) ({ u64 v_; asm volatile("csrr %0, " #n : "=r"(v_) :: "memory"); v_; })
#define CSR_WRITE(n, v) asm volatile("csrw " #n ", %0" :: "r"((u64)(v)) : "memory")
#define CSR_SET(n, v) asm volatile("csrs " #n ", %0" :: "r"((u64)(v)) : "memory")
#define CSR_CLEAR(n, v) asm volatile("csrc " #n ", %0" :: "r"((u64)(v)) : "memory")
#define FLUSH() asm volatile("sfence.vma" ::: "memory")

#define PTE_V 1ul
#define PTE_R 2ul
#define PTE_W 4ul
#define PTE_X 8ul
#define PTE_U 0x10ul
#define PTE_G 0x20ul
#define PTE_A 0x40ul
#define PTE_D 0x80ul
#define PTE_N (1ul << 63)
#define PPN(pte) ((pte) >> 10 & ((1ul << 44) - 1))
#define MPRV (1ul << 17)

/* All traps come back to M mode at saved.resume. */
asm(".section .text.start, \"ax\"\n"
    ".globl _start\n"
    "_start: csrr t0, mhartid\n"
    "2:  bnez t0, 2b\n"
    "    la sp, stack_top\n"
    "    la t0, trap\n"
    "    csrw mtvec, t0\n"
    "    call test\n"
    "    li t0, 0x100000\n"
    "    li t1, 0x5555\n"
    "    sw t1, 0(t0)\n"
    "    j .\n"
    "    .align 2\n"
    "trap: csrw mscratch, t6\n"
    "    la t6, saved\n"
    "    sd t5, 0(t6)\n"
    "    csrr t5, mcause\n"
    "    sd t5, 8(t6)\n"
    "    csrr t5, mtval\n"
    "    sd t5, 16(t6)\n"
    "    ld t5, 24(t6)\n"
    "    csrw mepc, t5\n"
    "    li t5, 3 << 11\n"
    "    csrs mstatus, t5\n"
    "    li t5, 1 << 17\n"
    "    csrc mstatus, t5\n"
    "    ld t5, 0(t6)\n"
    "    csrr t6, mscratch\n"
    "    mret\n"
    ".bss\n"
    "    .align 4\n"
    "    .skip 16384\n"
    "stack_top:\n"
    ".text\n");

struct {
    u64 t5, cause, tval, resume;
} saved;

static void put(char c)
{
    while (!(*(volatile u8 *)0x10000005 & 0x20))
        ;
    *(volatile u8 *)0x10000000 = (u8)c;
}

static void print(const char *s)
{
    while (*s)
        put(*s++);
}

static void print_hex(const char *name, u64 v)
{
    int bit = 60;
    print(name);
    for (put(' '); bit && !(v >> bit & 15); bit -= 4)
        ;
    for (; bit >= 0; bit -= 4)
        put("0123456789abcdef"[v >> bit & 15]);
    put(' ');
}

static u64 random64(void)
{
    static u64 x = SEED * 0x9e3779b97f4a7c15ul + 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x * 0x2545f4914f6cdd1dul >> 3;
}

static u64 below(u64 n) { return random64() % n; }
static int chance(u64 percent) { return below(100) < percent; }

/* --- the machine under test, as the model sees it --- */

static u64 tables[5][512] __attribute__((aligned(4096)));
static u8 data[DATA_PAGES * 4096] __attribute__((aligned(65536))); /* ebreaks */
static u64 *ptes[PTES];             /* all entries that are not zero */
static u64 before[PTES], after[PTES];
static int n_ptes, levels, adue, pbmte;
static u8 pmp_cfg[16];
static u64 pmp_addr[16];

static int in_ram(u64 pa) { return pa >= 0x80000000 && pa < 0x84000000; }
static int in_data(u64 pa) { return pa >= (u64)data && pa + 64 <= (u64)data + sizeof data; }

static int pmp_allows(u64 pa, u64 len, unsigned perm)
{
    for (int i = 0; i < 16; i++) {
        u64 lo = 0, hi = pmp_addr[i] << 2, size = 8;
        switch (pmp_cfg[i] >> 3 & 3) {
        case 0:
            continue;
        case 1:
            lo = i ? pmp_addr[i - 1] << 2 : 0;
            break;
        case 2:
            lo = hi;
            hi = lo + 4;
            break;
        case 3:
            for (u64 a = pmp_addr[i]; a & 1; a >>= 1)
                size *= 2;
            lo = hi & ~(size - 1);
            hi = lo + size;
            break;
        }
        if (lo >= hi || pa + len <= lo || pa >= hi)
            continue;
        return pa >= lo && pa + len <= hi && (pmp_cfg[i] & perm) == perm;
    }
    return 0;
}

typedef struct Result {
    enum { FINE, PAGE_FAULT, ACCESS_FAULT, NOT_RAM } what;
    u64 pa, *pte, update; /* pte: to be updated, or none */
} Result;

static Result walk(u64 va, unsigned perm, int user, int sum, int mxr)
{
    Result page_fault = { PAGE_FAULT, 0, 0, 0 }, access_fault = { ACCESS_FAULT, 0, 0, 0 };
    Result r = { FINE, va, 0, 0 };
    int unused = 64 - (12 + 9 * levels);
    u64 table = (u64)tables[4];
    if (!levels)
        return r;
    if ((u64)((long)(va << unused) >> unused) != va)
        return page_fault;
    for (int i = levels - 1; i >= 0; i--) {
        u64 at = table + (va >> (12 + 9 * i) & 511) * 8, pte, pages = (1ul << 9 * i) - 1;
        if (!in_ram(at)) {
            r.what = NOT_RAM;
            return r;
        }
        if (!pmp_allows(at, 8, READ))
            return access_fault;
        pte = *(u64 *)at;
        u64 memory_type = pte >> 61 & 3;
        if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || pte >> 54 & 0x7f ||
            memory_type == 3 || (memory_type && !pbmte))
            return page_fault;
        if (!(pte & (PTE_R | PTE_X))) {
            if (pte & (PTE_U | PTE_A | PTE_D | PTE_N) || memory_type)
                return page_fault;
            table = PPN(pte) << 12;
            continue;
        }
        if (PPN(pte) & pages || (pte & PTE_N && (i || (PPN(pte) & 15) != 8)))
            return page_fault;
        if (user ? !(pte & PTE_U) : pte & PTE_U && (perm == EXEC || !sum))
            return page_fault;
        if ((perm == READ && !(pte & PTE_R) && !(mxr && pte & PTE_X)) ||
            (perm == WRITE && !(pte & PTE_W)) || (perm == EXEC && !(pte & PTE_X)))
            return page_fault;
        r.update = pte | PTE_A | (perm == WRITE ? PTE_D : 0);
        if (r.update != pte) {
            if (!adue)
                return page_fault;
            r.pte = (u64 *)at;
            if (!pmp_allows(at, 8, WRITE))
                return access_fault;
        }
        u64 offset = pte & PTE_N ? 0xffff : pages << 12 | 0xfff;
        r.pa = ((PPN(pte) << 12) & ~offset) | (va & offset);
        return r;
    }
    return page_fault;
}

/* The cause, or 0; sets *tval, and *pa of the first byte; -1: not to be tried. */
static long model(u64 va, u64 len, unsigned perm, int user, int sum, int mxr, u64 *tval, u64 *pa)
{
    static const u8 causes[2][5] = { { 0, 13, 15, 0, 12 }, { 0, 5, 7, 0, 1 } };
    u64 first = 4096 - (va & 4095), part;
    *tval = va;
    for (u64 done = 0; done < len; done += part) {
        part = done ? len - first : len < first ? len : first;
        Result r = walk(va + done, perm, user, sum, mxr);
        if (!done)
            *pa = r.pa;
        if (r.what == NOT_RAM || (r.what == FINE && !in_ram(r.pa)))
            return -1;
        if (r.what == FINE && !pmp_allows(r.pa, part, perm))
            r.what = ACCESS_FAULT;
        if (r.what) {
            *tval = va + done;
            return causes[r.what == ACCESS_FAULT][perm];
        }
        if (r.pte)
            *r.pte = r.update;
    }
    return 0;
}

/* --- making it --- */

static void set_pte(u64 *pte, u64 value)
{
    *pte = value;
    for (int i = 0; i < n_ptes; i++)
        if (ptes[i] == pte)
            return;
    ptes[n_ptes++] = pte;
}

static u64 random_leaf(int level)
{
    u64 ppn = (u64)data >> 12, pte = chance(92) ? PTE_V | PTE_R | PTE_X : below(256);
    if (!level)
        ppn += below(16);
    else if (chance(90))
        ppn &= ~0ul << 9 * level;
    pte |= chance(60) ? PTE_W : 0;
    pte &= chance(20) ? ~PTE_X : ~0ul;
    pte |= (chance(50) ? PTE_U : 0) | (chance(60) ? PTE_A : 0) | (chance(50) ? PTE_D : 0);
    pte |= (chance(10) ? PTE_G : 0) | below(4) << 8 | ppn << 10;
    pte |= chance(5) ? 1ul << (54 + below(7)) : 0;
    pte |= chance(10) ? below(4) << 61 : 0;
    if (chance(20)) {
        pte |= PTE_N;
        if (chance(60))
            pte = (pte & ~(15ul << 10)) | 8ul << 10;
    }
    return pte;
}

/* One path of tables for va, and an entry behind its last one. */
static void make_tables(u64 va)
{
    int leaf = chance(70) ? 0 : (int)below(levels + 1), spare = 3;
    u64 *table = tables[4];
    if (leaf >= levels)
        leaf = 0;
    for (int i = 0; i < n_ptes; i++)
        *ptes[i] = 0;
    n_ptes = 0;
    for (int i = levels - 1; i >= leaf; i--) {
        u64 index = va >> (12 + 9 * i) & 511;
        if (i == leaf) {
            set_pte(&table[index], random_leaf(i));
            if (index < 511)
                set_pte(&table[index + 1], random_leaf(i));
            break;
        }
        u64 next = (u64)tables[spare] >> 12 << 10 | PTE_V;
        set_pte(&table[index], chance(2) ? next ^ 1ul << below(64) : chance(1) ? 0 : next);
        table = tables[spare--];
    }
}

static u64 pmp_cfg_word(int first)
{
    u64 v = 0;
    for (int i = 0; i < 8; i++)
        v |= (u64)pmp_cfg[first + i] << 8 * i;
    return v;
}

/* The last entry lets everything through. pmpcfg0 is written around accesses only. */
static void make_pmp(void)
{
    int n = chance(60) ? 0 : 1 + (int)below(6);
    for (int i = 0; i < 16; i++) {
        u64 targets[] = { (u64)tables[below(5)] + below(4096), (u64)data + below(65536),
                          0x80000000 + below(0x4000000) };
        unsigned perm = chance(40) ? 7 : (unsigned)below(8), mode = (unsigned)below(4);
        pmp_cfg[i] = 0;
        pmp_addr[i] = 0;
        if (i >= n)
            continue;
        pmp_addr[i] = targets[below(3)] >> 2;
        if (mode == 3) {
            u64 ones = (1ul << below(chance(30) ? 24 : 12)) - 1;
            pmp_addr[i] = (pmp_addr[i] & ~(ones * 2 + 1)) | ones;
        }
        pmp_cfg[i] = (u8)(mode << 3 | ((perm & 3) == WRITE ? perm | READ : perm));
    }
    pmp_cfg[15] = 0x1f;
    pmp_addr[15] = ~0ul >> 10;
#define ADDR(n) CSR_WRITE(pmpaddr##n, pmp_addr[n]);
    ADDR(0) ADDR(1) ADDR(2) ADDR(3) ADDR(4) ADDR(5) ADDR(6) ADDR(15)
    CSR_WRITE(pmpcfg2, pmp_cfg_word(8));
}

/* --- accesses --- */

typedef struct Kind {
    unsigned perm, len;
    u8 crosses;
} Kind;
static const Kind kinds[] = {
    { EXEC, 4, 0 }, { READ, 8, 0 }, { WRITE, 8, 0 }, { WRITE, 8, 0 }, { READ, 8, 0 },
    { WRITE, 64, 0 }, { READ, 1, 0 }, { WRITE, 1, 0 }, { READ, 4, 0 }, { WRITE, 2, 0 },
    { READ, 8, 1 }, { WRITE, 8, 1 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void access(int kind, u64 va)
{
    u64 v = 0;
    saved.cause = saved.tval = 0;
#define TRY(text)                                                                              \
    asm volatile("la t0, 8f\n la t1, saved\n sd t0, 24(t1)\n csrs mstatus, %2\n" text          \
                 "\n csrc mstatus, %2\n8:"                                                     \
                 : "+r"(v) : "r"(va), "r"(MPRV) : "t0", "t1", "memory")
    switch (kind) {
    case 0:
        asm volatile("la t0, 8f\n la t1, saved\n sd t0, 24(t1)\n csrw mepc, %0\n mret\n8:"
                     :: "r"(va) : "t0", "t1", "memory");
        break;
    case 1: case 10: TRY("ld %0, (%1)"); break;
    case 2: case 11: TRY("sd %0, (%1)"); break;
    case 3: TRY("amoadd.d %0, x0, (%1)"); break;
    case 4: TRY("lr.d %0, (%1)"); break;
    case 5: TRY(".insn i 0x0f, 2, x0, %1, 4"); break; /* cbo.zero */
    case 6: TRY("lbu %0, (%1)"); break;
    case 7: TRY("sb %0, (%1)"); break;
    case 8: TRY("lwu %0, (%1)"); break;
    case 9: TRY("sh %0, (%1)"); break;
    }
}

static void fill(u64 from, u64 n)
{
    for (u64 a = from; a < from + n; a++)
        *(volatile u8 *)a = (u8)(0x00100073 >> 8 * (a & 3)); /* ebreak */
}

/* False where it was not as the model says. */
static int one_access(u64 va)
{
    int kind = (int)below(KINDS), user = chance(50), sum = chance(50), mxr = chance(50), ok = 1;
    const Kind *k = &kinds[kind];
    u64 tval, pa = 0, len = k->len;
    va = k->crosses ? (va | 4095) - below(7) : (va & ~4095ul) | (below(4096) & ~(len - 1));
    for (int i = 0; i < n_ptes; i++)
        before[i] = *ptes[i];
    long want = model(va, len, k->perm, user, sum, mxr, &tval, &pa);
    for (int i = 0; i < n_ptes; i++) {
        after[i] = *ptes[i];
        *ptes[i] = before[i];
    }
    if (want >= 0 && (want || in_data(pa))) {
        if (!k->perm || (k->perm == EXEC && !want))
            want = 3;
        FLUSH();
        CSR_CLEAR(mstatus, 3ul << 11 | 1ul << 18 | 1ul << 19);
        CSR_SET(mstatus, (user ? 0ul : 1ul) << 11 | (u64)sum << 18 | (u64)mxr << 19);
        CSR_WRITE(pmpcfg0, pmp_cfg_word(0));
        access(kind, va);
        CSR_WRITE(pmpcfg0, 0);
        ok = (long)saved.cause == want && (!want || saved.tval == tval);
        /* Of two parts either may be the first; then what the other did to its entry is open. */
        if (k->crosses && want && saved.cause &&
            (saved.tval == va || saved.tval == (va | 4095) + 1))
            ok = 1;
        else
            for (int i = 0; i < n_ptes; i++)
                ok = ok && *ptes[i] == after[i];
    }
    for (int i = 0; i < n_ptes && !ok; i++) {
        print_hex("entry", (u64)ptes[i]);
        print_hex("was", before[i]);
        print_hex("is", *ptes[i]);
        print_hex("want", after[i]);
        put('\n');
    }
    if (!ok) {
        print_hex("BAD kind", (u64)kind);
        print_hex("va", va);
        print_hex("levels", (u64)levels);
        print_hex("user, sum, mxr", (u64)(user << 8 | sum << 4 | mxr));
        print_hex("adue, pbmte", (u64)(adue << 4 | pbmte));
        print_hex("pmp", pmp_cfg_word(0));
        print_hex("cause", saved.cause);
        print_hex("want", (u64)want);
        print_hex("tval", saved.tval);
        print_hex("want", tval);
        put('\n');
    }
    for (int i = 0; i < n_ptes; i++)
        *ptes[i] = after[i];
    int wrote = !want && k->perm == WRITE && in_data(pa);
    if (wrote && !k->crosses)
        fill(pa & ~63ul, 64);
    for (u64 p = 0; p < DATA_PAGES && wrote && k->crosses; p++) {
        fill((u64)data + 4096 * p, 8);
        fill((u64)data + 4096 * p + 4088, 8);
    }
    asm volatile("fence.i" ::: "memory");
    return ok;
}

void test(void)
{
    int bad = 0;
    fill((u64)data, sizeof data);
    for (int round = 0; round < ROUNDS && bad < 5; round++) {
        u64 va = random64() << 3 ^ random64();
        levels = chance(5) ? 0 : 3 + (int)below(3);
        adue = chance(50);
        pbmte = chance(50);
        CSR_WRITE(menvcfg, (u64)adue << 61 | (u64)pbmte << 62 | 0xf0);
        CSR_WRITE(satp, levels ? (levels + 5ul) << 60 | below(16) << 44 | (u64)tables[4] >> 12 : 0);
        int unused = 64 - (12 + 9 * levels);
        va = levels ? (u64)((long)(va << unused) >> unused) : (u64)data + below(65536);
        if (levels && chance(4))
            va ^= 1ul << (63 - below((u64)unused));
        make_tables(va);
        make_pmp();
        for (int i = 0; i < ACCESSES; i++)
            bad += !one_access(va);
    }
    if (!bad)
        print("ok as the model says\n");
    print("done\n");
}
