/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V address translation (priv chapters 10.3 to 10.6 and the Sv* extensions): Sv39, Sv48,
 * Sv57, Svade and Svadu, Svnapot, Svpbmt; memory protection by pmp.c.
 *
 * A TLB miss comes here, so page tables are read through a host pointer to the RAM block that was
 * used last. Memory types of Svpbmt are checked and otherwise have no effect: all RAM is coherent.
 */
#include "target/riscv/cpu.h"

#include <inttypes.h>
#include <string.h>

#include "util/log.h"

enum {
    PTE_V = 1 << 0, PTE_R = 1 << 1, PTE_W = 1 << 2, PTE_X = 1 << 3,
    PTE_U = 1 << 4, PTE_G = 1 << 5, PTE_A = 1 << 6, PTE_D = 1 << 7,
    PTE_PPN_SHIFT = 10,
};
#define PTE_RESERVED (0x7fULL << 54)
#define PTE_PBMT (3ULL << 61)
#define PTE_N (1ULL << 63)

enum { REGIME_BARE, REGIME_PAGED, REGIME_MXR = 2 };

enum { PERM_R = 1 << MMU_READ, PERM_W = 1 << MMU_WRITE, PERM_X = 1 << MMU_EXEC };

static const uint8_t page_fault_cause[] = {
    [MMU_READ] = CAUSE_LOAD_PAGE, [MMU_WRITE] = CAUSE_STORE_PAGE, [MMU_EXEC] = CAUSE_FETCH_PAGE,
};
static const uint8_t access_fault_cause[] = {
    [MMU_READ] = CAUSE_LOAD_ACCESS, [MMU_WRITE] = CAUSE_STORE_ACCESS,
    [MMU_EXEC] = CAUSE_FETCH_ACCESS,
};
static const uint8_t misaligned_cause[] = {
    [MMU_READ] = CAUSE_LOAD_MISALIGNED, [MMU_WRITE] = CAUSE_STORE_MISALIGNED,
    [MMU_EXEC] = CAUSE_FETCH_MISALIGNED,
};

unsigned riscv_satp_levels(unsigned mode)
{
    return mode >= SATP_SV39 && mode <= SATP_SV57 ? mode - SATP_SV39 + 3 : 0;
}

/* --- access modes and contexts --- */

static inline int mmu_idx(const RiscvCpu *r, uint64_t priv, bool data)
{
    if (priv == PRV_M)
        return RISCV_MMU_M;
    if (!(r->satp >> SATP_MODE_SHIFT))
        return RISCV_MMU_BARE_S;
    if (priv == PRV_U)
        return RISCV_MMU_U;
    return data && r->mstatus & MSTATUS_SUM ? RISCV_MMU_S_SUM : RISCV_MMU_S;
}

/* The privilege of loads and stores: MPRV (priv 3.1.6.3). */
static inline uint64_t data_priv(const RiscvCpu *r)
{
    if (r->priv == PRV_M && r->mstatus & MSTATUS_MPRV)
        return bits_get(r->mstatus, MSTATUS_MPP_SHIFT, 2);
    return r->priv;
}

int riscv_fetch_mmu_idx(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    return mmu_idx(r, r->priv, false);
}

int riscv_data_mmu_idx(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    return mmu_idx(r, data_priv(r), true);
}

void riscv_update_mode(RiscvCpu *r)
{
    static const TlbKey bare = { .regime = REGIME_BARE };
    int fetch_idx = mmu_idx(r, r->priv, false), data_idx = mmu_idx(r, data_priv(r), true);
    uint32_t fs = (r->mstatus & MSTATUS_FS) >> MSTATUS_FS_SHIFT, mode = (uint32_t)r->priv;
    TlbKey paged = {
        .root = { r->satp & ~SATP_ASID, 0 },
        .asid = (r->satp & SATP_ASID) >> SATP_ASID_SHIFT,
        .regime = REGIME_PAGED | (r->mstatus & MSTATUS_MXR ? REGIME_MXR : 0),
    };

    /* Initial and Clean are the same to the translator; frm is nothing while the FPU is off. */
    if (fs)
        mode |= (fs == 1 ? 2 : fs) << MODE_FS_SHIFT | (uint32_t)r->frm << MODE_FRM_SHIFT;
    cpu_set_translation(&r->cpu, data_idx < RISCV_MMU_BARE_S ? &paged : &bare, data_idx,
                        fetch_idx < RISCV_MMU_BARE_S ? &paged : &bare, fetch_idx, mode);
}

/* --- page tables in memory --- */

/* Points pt_host at the RAM that holds pa; false: that is not RAM or ROM. */
static bool pt_find(RiscvCpu *r, hwaddr pa)
{
    uint32_t version = atomic_load_explicit(&memory_map_version, memory_order_acquire);
    MemorySection s = memory_section_lookup(r->cpu.as, pa);

    if (!s.host || s.last - pa < 7)
        return false;
    r->pt_host = s.host;
    r->pt_start = s.start;
    r->pt_last = s.last - 7;
    r->pt_ram_page = s.ram_page;
    r->pt_writable = s.writable;
    r->pt_version = version;
    return true;
}

/* Forgets pt_host if it may be stale: at the start of each walk. */
static inline void pt_check(RiscvCpu *r)
{
    if (G_UNLIKELY(r->pt_version !=
                   atomic_load_explicit(&memory_map_version, memory_order_acquire))) {
        r->pt_start = 1;
        r->pt_last = 0;
    }
}

static inline uint64_t *pt_host(RiscvCpu *r, hwaddr pa)
{
    if (G_UNLIKELY(pa < r->pt_start || pa > r->pt_last) && !pt_find(r, pa))
        return NULL;
    return (uint64_t *)(void *)(r->pt_host + (pa - r->pt_start));
}

static inline bool pte_read(RiscvCpu *r, hwaddr pa, uint64_t *pte)
{
    const uint64_t *host = pt_host(r, pa);

    if (G_UNLIKELY(!host))
        return address_space_load(r->cpu.as, pa, 8, pte) == MEM_OK;
    *pte = __atomic_load_n(host, __ATOMIC_RELAXED);
    return true;
}

bool riscv_debug_read_pte(RiscvCpu *r, hwaddr pa, uint64_t *pte)
{
    MemorySection s = memory_section_lookup(r->cpu.as, pa);

    if (!s.host || s.last - pa < 7) /* no reads of devices for a debugger */
        return false;
    *pte = load_le64(s.host + (pa - s.start));
    return true;
}

typedef enum PteUpdate { PTE_UPDATED, PTE_CHANGED, PTE_NO_ACCESS } PteUpdate;

/* Sets bits in the PTE at pa if it still is `old` (priv 10.3.2 step 9). */
static PteUpdate pte_update(RiscvCpu *r, hwaddr pa, uint64_t old, uint64_t set)
{
    uint64_t *host = pt_host(r, pa), page;

    if (!host || !r->pt_writable || !riscv_pmp_check(r, pa, 8, MMU_WRITE, PRV_S, NULL))
        return PTE_NO_ACCESS;
    if (!__atomic_compare_exchange_n(host, &old, old | set, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return PTE_CHANGED;
    page = r->pt_ram_page + ((pa - r->pt_start) >> RAM_PAGE_BITS);
    if (atomic_load_explicit(&ram_page_flags[page], memory_order_relaxed) & RAM_PAGE_SLOW_WRITE)
        ram_page_written(page, pa & (RAM_PAGE_SIZE - 1), 8);
    return PTE_UPDATED;
}

/* --- the walk --- */

static inline bool fail(MmuResult *res, unsigned cause)
{
    res->fault = cause;
    return false;
}

static inline const PmpRange *pmp_range(RiscvCpu *r, hwaddr pa)
{
    const PmpRange *p = &r->pmp_ranges[r->last_pmp_range];
    return G_LIKELY(pa >= p->start && pa <= p->last) ? p : riscv_pmp_range(r, pa);
}

/* May page tables at pa be read? As S mode, whoever asks (priv 3.7.2). */
static inline bool pte_readable(RiscvCpu *r, hwaddr pa)
{
    const PmpRange *p = pmp_range(r, pa);
    return p->perm_su & PERM_R && p->last - pa >= 7;
}

/* The last steps for any regime: PMP at the physical address. perm: what paging permits. */
static inline bool finish(RiscvCpu *r, vaddr va, hwaddr pa, unsigned perm, MmuAccess access,
                          bool m_mode, bool debug, MmuResult *res)
{
    const PmpRange *p = pmp_range(r, pa);
    uint64_t page = pa & TLB_PAGE_MASK, left = 4096 - (pa & 4095);

    perm &= m_mode ? p->perm_m : p->perm_su;
    res->paddr = pa;
    res->r = perm & PERM_R;
    res->w = perm & PERM_W;
    res->x = perm & PERM_X;
    res->fault = access_fault_cause[access];
    res->fault_info = 0;
    res->no_tlb = p->start > page || p->last < (page | 4095);
    res->extent = 4096;
    if (G_UNLIKELY(res->no_tlb))
        res->extent = p->last - pa < left ? (uint16_t)(p->last - pa + 1) : (uint16_t)left;
    return debug || perm >> access & 1;
}

static bool walk(RiscvCpu *r, unsigned levels, vaddr va, MmuAccess access, int idx, bool debug,
                 MmuResult *res)
{
    uint64_t satp = r->satp, envcfg = r->menvcfg, reserved = PTE_RESERVED, pte, pa, base, mask;
    unsigned va_bits = 12 + 9 * levels, page_fault = page_fault_cause[access], perm;
    bool hw_ad = r->ext.svadu ? envcfg & ENVCFG_ADUE : !r->ext.svade;
    uint64_t want = access == MMU_WRITE ? PTE_A | PTE_D : PTE_A;
    int level;

    if ((uint64_t)sign_extend(va, va_bits) != va)
        return fail(res, page_fault);
    if (!(envcfg & ENVCFG_PBMTE))
        reserved |= PTE_PBMT;
    if (!r->ext.svnapot)
        reserved |= PTE_N;

    pt_check(r);
restart:
    res->global = false;
    base = (satp & SATP_PPN) << 12;
    for (level = (int)levels - 1;; level--) {
        pa = base + (va >> (12 + 9 * level) & 511) * 8;
        if (!debug && G_UNLIKELY(!pte_readable(r, pa)))
            return fail(res, access_fault_cause[access]);
        if (G_UNLIKELY(!pte_read(r, pa, &pte)))
            return fail(res, access_fault_cause[access]);
        if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || pte & reserved)
            return fail(res, page_fault);
        res->global |= (pte & PTE_G) != 0;
        if (pte & (PTE_R | PTE_X))
            break;
        /* A pointer: bits that mean something in leaves only are reserved (10.3.1). */
        if (!level || pte & (PTE_U | PTE_A | PTE_D | PTE_PBMT | PTE_N))
            return fail(res, page_fault);
        base = bits_get(pte, PTE_PPN_SHIFT, 44) << 12;
    }

    base = bits_get(pte, PTE_PPN_SHIFT, 44) << 12;
    res->page_bits = (uint8_t)(12 + 9 * level);
    if (G_UNLIKELY((pte & PTE_PBMT) == PTE_PBMT))
        return fail(res, page_fault);
    if (G_UNLIKELY(pte & PTE_N)) {
        /* 64 KiB is the one size that Svnapot defines. */
        if (level || bits_get(base, 12, 4) != 8)
            return fail(res, page_fault);
        res->page_bits = 16;
        base &= ~MASK(16);
    }
    mask = MASK(res->page_bits);
    if (base & mask)
        return fail(res, page_fault); /* misaligned superpage */

    perm = (pte & PTE_R ? PERM_R : 0) | (pte & PTE_W ? PERM_W : 0) | (pte & PTE_X ? PERM_X : 0);
    if (pte & PTE_X && r->mstatus & MSTATUS_MXR)
        perm |= PERM_R;
    if (pte & PTE_U)
        perm &= idx == RISCV_MMU_U ? ~0u : idx == RISCV_MMU_S_SUM ? ~(unsigned)PERM_X : 0;
    else if (idx == RISCV_MMU_U)
        perm = 0;
    if (!debug && !(perm >> access & 1))
        return fail(res, page_fault);
    /* Svade: to need an update is to fault, before PMP looks at the final address. */
    if (!debug && (pte & want) != want && !hw_ad)
        return fail(res, page_fault);
    if (!(pte & PTE_D) && access != MMU_WRITE)
        perm &= ~(unsigned)PERM_W; /* the first store has to come here to set D */
    if (!finish(r, va, base | (va & mask), perm, access, false, debug, res))
        return false;
    if (!debug && (pte & want) != want) {
        switch (pte_update(r, pa, pte, want)) {
        case PTE_UPDATED:
            break;
        case PTE_CHANGED:
            goto restart;
        case PTE_NO_ACCESS:
            return fail(res, access_fault_cause[access]);
        }
    }
    return true;
}

bool riscv_translate(Cpu *cpu, vaddr va, MmuAccess access, int idx, bool debug, MmuResult *res)
{
    RiscvCpu *r = riscv_cpu(cpu);
    unsigned levels = idx < RISCV_MMU_BARE_S ? riscv_satp_levels(r->satp >> SATP_MODE_SHIFT) : 0;
    bool ok;

    if (levels) {
        ok = walk(r, levels, va, access, idx, debug, res);
    } else {
        res->page_bits = TLB_PAGE_BITS;
        res->global = true;
        ok = finish(r, va, va, PERM_R | PERM_W | PERM_X, access, idx == RISCV_MMU_M, debug, res);
    }
    if (log_on(LOG_MMU) && !debug) {
        if (ok)
            log_printf(LOG_MMU, "riscv_cpu_tlb_fill address=%016" PRIx64 " access %d mmu_idx %d "
                       "physical %016" PRIx64 " prot %c%c%c\n", va, access, idx, res->paddr,
                       res->r ? 'r' : '-', res->w ? 'w' : '-', res->x ? 'x' : '-');
        else
            log_printf(LOG_MMU, "riscv_cpu_tlb_fill address=%016" PRIx64 " access %d mmu_idx %d "
                       "fault %u\n", va, access, idx, res->fault);
    }
    return ok;
}

/* --- faults --- */

void riscv_raise_mmu_fault(Cpu *cpu, vaddr va, MmuAccess access, int idx, const MmuResult *res)
{
    riscv_raise(cpu, res->fault, va);
}

void riscv_raise_unaligned(Cpu *cpu, vaddr va, MmuAccess access)
{
    riscv_raise(cpu, misaligned_cause[access], va);
}

void riscv_raise_bus_error(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access, MemResult why)
{
    riscv_raise(cpu, access_fault_cause[access], va);
}
