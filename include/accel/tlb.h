/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The software TLB.
 *
 * Each vCPU keeps a few contexts, one per address space (key: translation root, ASID, VMID and
 * whatever else changes translations). A context has one table per access mode ("mmu_idx"); the
 * entry of an address is found by its page number alone. Cpu.tlb points at the table for data
 * accesses now, so switching address space or privilege is one pointer. Nothing is flushed at a
 * switch; LRU contexts are reused.
 *
 * A tag is the page's address; a fast access needs
 *     tag == (addr + size - alignment) & (~0xfff | (alignment - 1))
 * (alignment 1 where none is asked for), so a bit of 4..11 in a tag sends every access to the slow
 * path: all of an entry's kinds of access that are not plain RAM are marked there.
 *
 * Everything is for the vCPU's own thread, except tlb_make_pages_slow.
 */
#ifndef ACCEL_TLB_H
#define ACCEL_TLB_H

#include "accel/cpu.h"
#include "accel/ir.h"

enum { TLB_BITS = 10, TLB_SIZE = 1 << TLB_BITS, TLB_PAGE_BITS = 12 };
#define TLB_PAGE_MASK (~(uint64_t)0 << TLB_PAGE_BITS)

struct TlbEntry {
    _Atomic uint64_t tag[3]; /* by MmuAccess */
    uintptr_t addend;        /* host address = guest virtual address + addend */
};
_Static_assert(sizeof(struct TlbEntry) == 32, "generated code shifts by 5");

/*
 * Low tag bits. Above every alignment mask (accesses are up to 16 bytes), so that the low address
 * bits of a misaligned access can't look like them.
 */
enum {
    TLB_ALIGNED = 1 << 7,   /* accesses that are not aligned fault (MmuResult.aligned) */
    TLB_MMIO = 1 << 8,      /* not RAM, or not whole-page RAM */
    TLB_SLOW_PAGE = 1 << 9, /* RAM whose page flags want to hear of stores (RAM_PAGE_SLOW_WRITE) */
    TLB_WATCH = 1 << 10,    /* a watchpoint is in this page */
    TLB_INVALID = 1 << 11,
    TLB_FLAGS = 0xf80,
};

static inline unsigned tlb_index(vaddr va)
{
    return va >> TLB_PAGE_BITS & (TLB_SIZE - 1);
}

/* Which address space a context is for. All members count. */
typedef struct TlbKey {
    uint64_t root[2];
    uint64_t share; /* contexts that differ here share no code of global pages; follows from root */
    uint32_t asid, vmid;
    uint32_t regime; /* target-defined: which translation, and bits such as MXR */
} TlbKey;

/*
 * The target calls this whenever what it depends on changes (satp, privilege, SUM, MPRV, ...):
 * data and fetch contexts and access modes, and the translation mode word. Cheap if nothing
 * changed.
 */
void cpu_set_translation(Cpu *cpu, const TlbKey *data, int data_idx, const TlbKey *fetch,
                         int fetch_idx, uint32_t mode);

/* Flushes, as sfence.vma / TLBI name them; they take effect at once on this vCPU. */
void tlb_flush_all(Cpu *cpu);
void tlb_flush_asid(Cpu *cpu, uint32_t asid);          /* non-global entries of this ASID */
void tlb_flush_page(Cpu *cpu, vaddr va);               /* in all contexts */
void tlb_flush_page_asid(Cpu *cpu, vaddr va, uint32_t asid);
void tlb_flush_regime(Cpu *cpu, uint32_t regime);      /* all contexts with this key.regime */
/*
 * A flush in general. Contexts are those with (key.regime & regime_mask) == regime, and with this
 * vmid and asid if any_vmid, any_asid don't say that it doesn't matter. Addresses are compared
 * without their top byte, which targets may ignore.
 */
typedef struct TlbFlush {
    uint32_t regime, regime_mask, vmid, asid;
    bool any_vmid, any_asid;
    bool global;      /* global entries, too: if an address is given, whatever their asid */
    bool one_address; /* what was made from a page in [va, va + size), else everything */
    vaddr va;
    uint64_t size;
} TlbFlush;
void tlb_flush(Cpu *cpu, const TlbFlush *f);
/*
 * The same on all other vCPUs: done before they run anything after their next safe point.
 * tlb_flush_wait returns when none of them uses what earlier tlb_flush_others of this vCPU flush.
 * From helpers.
 */
void tlb_flush_others(Cpu *self, const TlbFlush *f);
void tlb_flush_wait(Cpu *self);
/*
 * For walks of fetches that are not global but may be CODE_SHARED (accel/core/tables.c): the pages
 * that descriptors were read from. NEW: they are watched from now on, walk again.
 */
typedef enum TlbTables { TLB_TABLES_WATCHED, TLB_TABLES_NEW, TLB_TABLES_UNSETTLED } TlbTables;
TlbTables tlb_watch_tables(Cpu *cpu, const uint64_t *ram_page, unsigned n);
/* Any thread: stores to this page go slow in all vCPUs from now on (accel/core/tlb.c). */
void tlb_make_page_slow(uint64_t ram_page);

/* --- slow path and C accessors; may leave by cpu_loop_exit with a guest fault --- */
/*
 * The access that memop describes at va; those of 16 bytes (little-endian) by the second pair.
 * Precondition: Cpu's pc and all slots are precise.
 */
uint64_t cpu_load(Cpu *cpu, vaddr va, IrMemOp memop);
void cpu_store(Cpu *cpu, vaddr va, uint64_t value, IrMemOp memop);
void cpu_load16(Cpu *cpu, vaddr va, uint64_t value[2], IrMemOp memop);
void cpu_store16(Cpu *cpu, vaddr va, const uint64_t value[2], IrMemOp memop);
/*
 * Host address for an atomic read-modify-write of aligned data, writable and readable; raises the
 * guest's faults. NULL: not plain RAM (MMIO, or a page with code): use cpu_atomic_rmw, _cas.
 */
void *cpu_atomic_host(Cpu *cpu, vaddr va, IrMemOp memop);
uint64_t cpu_atomic_rmw(Cpu *cpu, vaddr va, uint64_t value, IrMemOp memop, IrRmw op);
uint64_t cpu_atomic_cas(Cpu *cpu, vaddr va, uint64_t expect, uint64_t value, IrMemOp memop);
/* 16-byte compare and swap; returns the old value through *old. */
void cpu_atomic_cas16(Cpu *cpu, vaddr va, const uint64_t expect[2], const uint64_t value[2],
                      uint64_t old[2], IrMemOp memop);
/* Checks that [va, va + len) may be accessed (len <= 4096 * 2), filling the TLB, or faults. */
void cpu_probe(Cpu *cpu, vaddr va, unsigned len, MmuAccess access, int mmu_idx);
/* Bytes of code at va within a page, without side effects on the guest. False: none there. */
bool cpu_peek_code(Cpu *cpu, vaddr va, void *buf, unsigned len);

/* info tlb-style counters for `info jit`; the sum over all vCPUs */
typedef struct TlbStats {
    uint64_t fills, walks, flushes, page_flushes, switches, contexts_reused;
} TlbStats;
void tlb_stats_get(TlbStats *sum);

#endif
