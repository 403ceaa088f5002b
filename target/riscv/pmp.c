/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V physical memory protection (priv 3.7): 16 entries, granularity of 4 bytes (G = 0).
 *
 * The entries are flattened into disjoint ranges that cover the address space, each with the entry
 * that has the highest priority there. An access is allowed if one range holds all of its bytes
 * and permits it: an access that leaves its range touches two entries (or one and none), and the
 * one with the lower number matches only some of its bytes, which must fail in any mode (3.7.1.3).
 *
 * Left out: Smepmp (mseccfg).
 */
#include "target/riscv/cpu.h"

#include <string.h>

enum {
    PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_L = 0x80,
    PMP_A_SHIFT = 3,
    PMP_OFF = 0, PMP_TOR = 1, PMP_NA4 = 2, PMP_NAPOT = 3,
    PMP_ALL = PMP_R | PMP_W | PMP_X,
};
_Static_assert(PMP_R == 1 << MMU_READ && PMP_W == 1 << MMU_WRITE && PMP_X == 1 << MMU_EXEC,
               "pmpcfg permission bits serve as masks of MmuAccess");

#define PMPADDR_MASK MASK(54) /* address bits 55:2 */

static unsigned pmp_mode(uint8_t cfg)
{
    return cfg >> PMP_A_SHIFT & 3;
}

/* The addresses that entry n matches; false: none. */
static bool entry_range(const RiscvCpu *r, unsigned n, uint64_t *start, uint64_t *last)
{
    uint64_t addr = r->pmpaddr[n], low;
    unsigned bits;

    switch (pmp_mode(r->pmpcfg[n])) {
    case PMP_TOR:
        low = n ? r->pmpaddr[n - 1] : 0;
        if (low >= addr)
            return false;
        *start = low << 2;
        *last = (addr << 2) - 1;
        return true;
    case PMP_NA4:
        *start = addr << 2;
        *last = *start + 3;
        return true;
    case PMP_NAPOT:
        bits = (unsigned)__builtin_ctzll(~addr) + 3; /* bits 63:54 of addr are clear */
        *start = (addr << 2) & ~MASK(bits);
        *last = *start | MASK(bits);
        return true;
    default:
        return false;
    }
}

static void add_range(RiscvCpu *r, unsigned *n, uint64_t start, uint64_t last, int entry)
{
    PmpRange *p = &r->pmp_ranges[*n];

    if (*n && p[-1].entry == entry) {
        p[-1].last = last;
        return;
    }
    memset(p, 0, sizeof *p);
    p->start = start;
    p->last = last;
    p->entry = (int8_t)entry;
    if (entry < 0) {
        p->perm_m = PMP_ALL;
        p->perm_su = r->pmp ? 0 : PMP_ALL;
    } else {
        p->perm_su = r->pmpcfg[entry] & PMP_ALL;
        p->perm_m = r->pmpcfg[entry] & PMP_L ? p->perm_su : PMP_ALL;
    }
    ++*n;
}

void riscv_pmp_update(RiscvCpu *r)
{
    PmpRange old[ARRAY_LEN(r->pmp_ranges)];
    uint64_t start[RISCV_N_PMP], last[RISCV_N_PMP], cut[2 * RISCV_N_PMP + 1];
    unsigned n_cuts = 0, n = 0, old_n = r->n_pmp_ranges;
    bool on[RISCV_N_PMP] = { false };

    memcpy(old, r->pmp_ranges, sizeof old);
    r->pmp_active = false;
    cut[n_cuts++] = 0;
    for (unsigned i = 0; r->pmp && i < RISCV_N_PMP; i++) {
        on[i] = entry_range(r, i, &start[i], &last[i]);
        if (!on[i])
            continue;
        r->pmp_active = true;
        cut[n_cuts++] = start[i];
        if (last[i] != UINT64_MAX)
            cut[n_cuts++] = last[i] + 1;
    }
    for (unsigned i = 1; i < n_cuts; i++) { /* insertion sort: few, and nearly sorted */
        uint64_t v = cut[i];
        unsigned j = i;
        for (; j && cut[j - 1] > v; j--)
            cut[j] = cut[j - 1];
        cut[j] = v;
    }
    for (unsigned i = 0; i < n_cuts; i++) {
        int entry = -1;
        if (i + 1 < n_cuts && cut[i + 1] == cut[i])
            continue;
        for (unsigned k = 0; k < RISCV_N_PMP; k++)
            if (on[k] && start[k] <= cut[i] && cut[i] <= last[k]) {
                entry = (int)k;
                break;
            }
        add_range(r, &n, cut[i], i + 1 < n_cuts ? cut[i + 1] - 1 : UINT64_MAX, entry);
    }
    r->n_pmp_ranges = (uint8_t)n;
    r->last_pmp_range = 0;
    if (n != old_n || memcmp(old, r->pmp_ranges, n * sizeof *old))
        tlb_flush_all(&r->cpu);
}

const PmpRange *riscv_pmp_range(RiscvCpu *r, hwaddr pa)
{
    const PmpRange *p = &r->pmp_ranges[r->last_pmp_range];
    unsigned lo = 0, hi = r->n_pmp_ranges;

    if (G_LIKELY(pa >= p->start && pa <= p->last))
        return p;
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;
        if (pa >= r->pmp_ranges[mid].start)
            lo = mid;
        else
            hi = mid;
    }
    r->last_pmp_range = (uint8_t)lo;
    return &r->pmp_ranges[lo];
}

bool riscv_pmp_check(RiscvCpu *r, hwaddr pa, uint64_t len, MmuAccess access, int priv,
                     bool *page_uniform)
{
    const PmpRange *p = riscv_pmp_range(r, pa);
    uint64_t page = pa & TLB_PAGE_MASK;

    if (page_uniform)
        *page_uniform = p->start <= page && p->last >= (page | ~TLB_PAGE_MASK);
    if (len && len - 1 > p->last - pa)
        return false;
    return (priv == PRV_M ? p->perm_m : p->perm_su) >> access & 1;
}

void riscv_pmp_write_cfg(RiscvCpu *r, unsigned first_entry, uint64_t eight)
{
    bool changed = false;

    for (unsigned i = 0; i < 8 && first_entry + i < RISCV_N_PMP; i++) {
        uint8_t *cfg = &r->pmpcfg[first_entry + i];
        uint8_t v = (uint8_t)(eight >> 8 * i) & (PMP_L | 3 << PMP_A_SHIFT | PMP_ALL);
        if (*cfg & PMP_L)
            continue; /* until reset */
        if ((v & (PMP_R | PMP_W)) == PMP_W)
            v &= ~PMP_ALL; /* reserved: a legal value instead (WARL) */
        changed |= *cfg != v;
        *cfg = v;
    }
    if (changed)
        riscv_pmp_update(r);
}

void riscv_pmp_write_addr(RiscvCpu *r, unsigned entry, uint64_t value)
{
    if (entry >= RISCV_N_PMP || r->pmpcfg[entry] & PMP_L)
        return;
    /* A locked TOR entry also locks its lower bound (3.7.1.2). */
    if (entry + 1 < RISCV_N_PMP && r->pmpcfg[entry + 1] & PMP_L &&
        pmp_mode(r->pmpcfg[entry + 1]) == PMP_TOR)
        return;
    value &= PMPADDR_MASK;
    if (value == r->pmpaddr[entry])
        return;
    r->pmpaddr[entry] = value;
    riscv_pmp_update(r);
}
