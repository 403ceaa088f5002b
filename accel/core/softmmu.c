/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory as instructions see it: loads and stores of every kind, the slow path of generated
 * code, and the way of C helpers. Atomic read-modify-writes are in atomic.c.
 *
 * An access that crosses a page has both pages checked before anything is read or written, so a
 * fault leaves no half of it behind.
 */
#include "accel/core/softmmu.h"

#include <string.h>

#include "util/bits.h"
#include "util/tsan.h"

/* Single accesses, whatever the alignment, that the compiler neither splits nor repeats. */
typedef struct { uint16_t v; } __attribute__((packed, may_alias)) Packed16;
typedef struct { uint32_t v; } __attribute__((packed, may_alias)) Packed32;
typedef struct { uint64_t v; } __attribute__((packed, may_alias)) Packed64;

TSAN_GUEST_ACCESS uint64_t host_load(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1: return *(const volatile uint8_t *)p;
    case 2: return ((const volatile Packed16 *)p)->v;
    case 4: return ((const volatile Packed32 *)p)->v;
    default: return ((const volatile Packed64 *)p)->v;
    }
}

TSAN_GUEST_ACCESS void host_store(uint8_t *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: *(volatile uint8_t *)p = (uint8_t)v; break;
    case 2: ((volatile Packed16 *)p)->v = (uint16_t)v; break;
    case 4: ((volatile Packed32 *)p)->v = (uint32_t)v; break;
    default: ((volatile Packed64 *)p)->v = v; break;
    }
}

uint64_t memop_swap(uint64_t v, IrMemOp m)
{
    switch (m & (IR_MO_BE | IR_MO_SIZE)) {
    case IR_MO_BE | IR_MO_16: return __builtin_bswap16((uint16_t)v);
    case IR_MO_BE | IR_MO_32: return __builtin_bswap32((uint32_t)v);
    case IR_MO_BE | IR_MO_64: return __builtin_bswap64(v);
    default: return v;
    }
}

uint64_t memop_extend(uint64_t v, IrMemOp m)
{
    unsigned bits = 8 * ir_mo_bytes(m);
    if (m & IR_MO_SIGN)
        return (uint64_t)sign_extend(v, bits);
    return v & MASK(bits);
}

/* ---- one page ---- */

void check_watch(Cpu *cpu, vaddr va, uint64_t len, MmuAccess access, int mmu_idx)
{
    TlbState *s = cpu->tlb_state;
    if (cpu->n_guest_watch)
        cpu->target->guest_watch(cpu, va, len, access == MMU_WRITE, mmu_idx);
    if (s->ignore_watch || s->exclusive)
        return;
    for (unsigned i = 0; i < cpu->watchpoints->len; i++) {
        const CpuWatchpoint *w = &g_array_index(cpu->watchpoints, CpuWatchpoint, i);
        if (!(access == MMU_WRITE ? w->on_write : w->on_read))
            continue;
        if (va - w->addr < w->len || w->addr - va < len) {
            cpu->watch_hit = va - w->addr < w->len ? va : w->addr;
            cpu->watch_write = access == MMU_WRITE;
            s->watch_hit = true;
            tcg_leave_before(cpu);
        }
    }
}

/* Looks up [va, va + len) within a page for an access that is about to be made. */
void probe_access(Cpu *cpu, vaddr va, unsigned len, MmuAccess access, IrMemOp m, TlbLookup *l)
{
    int idx = memop_idx(cpu, m);
    tlb_lookup(cpu, cpu->tlb_ctx, idx, va, access, true, l);
    if (G_UNLIKELY(!l->entry) && len > l->mmu.extent)
        cpu->target->raise_mmu_fault(cpu, va, access, idx, &l->mmu);
    if (G_UNLIKELY(l->flags & TLB_WATCH))
        check_watch(cpu, va, len, access, idx);
}

/* The whole access at va, a part of which is in this page. */
static inline void check_aligned(Cpu *cpu, vaddr va, unsigned size, MmuAccess access,
                                 const TlbLookup *l)
{
    if (G_UNLIKELY(l->flags & TLB_ALIGNED) && va & (size - 1))
        cpu->target->raise_unaligned(cpu, va, access);
}

static void set_initiator(const Cpu *cpu, hwaddr pa)
{
    memory_initiator.cpu = cpu->index;
    memory_initiator.secure = pa & HWADDR_SECURE;
}

static uint64_t mmio_load(Cpu *cpu, vaddr va, unsigned size, const TlbLookup *l, MmuAccess access)
{
    hwaddr pa = l->paddr | (va & ~TLB_PAGE_MASK);
    uint64_t v = 0;
    tcg_need_alone(cpu);
    set_initiator(cpu, pa);
    MemResult r = address_space_load(cpu->as, pa, size, &v);
    if (r != MEM_OK)
        cpu->target->raise_bus_error(cpu, va, pa, access, r);
    return v;
}

static void mmio_store(Cpu *cpu, vaddr va, unsigned size, uint64_t v, const TlbLookup *l)
{
    hwaddr pa = l->paddr | (va & ~TLB_PAGE_MASK);
    tcg_need_alone(cpu);
    set_initiator(cpu, pa);
    MemResult r = address_space_store(cpu->as, pa, size, v);
    if (r != MEM_OK)
        cpu->target->raise_bus_error(cpu, va, pa, MMU_WRITE, r);
}

/* Data of the page were stored; the page's flags wanted to hear of it. */
void page_stored(const TlbLookup *l, unsigned offset, unsigned len)
{
    atomic_thread_fence(memory_order_seq_cst);
    ram_page_written(l->ram_page, offset, len);
    if (l->entry)
        tlb_make_fast(l->entry, l->ram_page);
}

static uint64_t load_in_page(Cpu *cpu, vaddr va, unsigned size, const TlbLookup *l, MmuAccess access)
{
    /* For an access checked as a write the flags are those of writes: ROM can be read. */
    if (G_LIKELY(l->host))
        return host_load(l->host + (va & ~TLB_PAGE_MASK), size);
    return mmio_load(cpu, va, size, l, access);
}

static void store_in_page(Cpu *cpu, vaddr va, unsigned size, uint64_t v, const TlbLookup *l)
{
    unsigned offset = va & ~TLB_PAGE_MASK;
    if (G_UNLIKELY(l->flags & TLB_MMIO)) {
        mmio_store(cpu, va, size, v, l);
        return;
    }
    host_store(l->host + offset, size, v);
    if (l->flags & TLB_SLOW_PAGE)
        page_stored(l, offset, size);
}

/* ---- across two pages: byte by byte, in little-endian order of addresses ---- */

static uint64_t load_crossing(Cpu *cpu, vaddr va, unsigned size, MmuAccess access, IrMemOp m)
{
    TlbLookup l[2];
    vaddr next = (va | ~TLB_PAGE_MASK) + 1;
    unsigned here = (unsigned)(next - va);
    probe_access(cpu, va, here, access, m, &l[0]);
    check_aligned(cpu, va, size, access, &l[0]);
    probe_access(cpu, next, size - here, access, m, &l[1]);
    check_aligned(cpu, va, size, access, &l[1]);
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= load_in_page(cpu, va + i, 1, &l[i >= here], access) << 8 * i;
    return v;
}

static void store_crossing(Cpu *cpu, vaddr va, unsigned size, uint64_t v, IrMemOp m)
{
    TlbLookup l[2];
    vaddr next = (va | ~TLB_PAGE_MASK) + 1;
    unsigned here = (unsigned)(next - va);
    probe_access(cpu, va, here, MMU_WRITE, m, &l[0]);
    check_aligned(cpu, va, size, MMU_WRITE, &l[0]);
    probe_access(cpu, next, size - here, MMU_WRITE, m, &l[1]);
    check_aligned(cpu, va, size, MMU_WRITE, &l[1]);
    for (unsigned i = 0; i < size; i++)
        store_in_page(cpu, va + i, 1, v >> 8 * i & 0xff, &l[i >= here]);
}

/* ---- the slow path ---- */

static __attribute__((noinline)) uint64_t load_slow(Cpu *cpu, vaddr va, IrMemOp m)
{
    unsigned size = ir_mo_bytes(m);
    MmuAccess access = m & IR_MO_RMW_FAULT ? MMU_WRITE : MMU_READ;
    if (m & IR_MO_ALIGN && va & (size - 1))
        cpu->target->raise_unaligned(cpu, va, access);
    if (G_UNLIKELY((va & ~TLB_PAGE_MASK) + size > RAM_PAGE_SIZE))
        return load_crossing(cpu, va, size, access, m);
    TlbLookup l;
    probe_access(cpu, va, size, access, m, &l);
    check_aligned(cpu, va, size, access, &l);
    return load_in_page(cpu, va, size, &l, access);
}

static __attribute__((noinline)) void store_slow(Cpu *cpu, vaddr va, uint64_t v, IrMemOp m)
{
    unsigned size = ir_mo_bytes(m);
    if (m & IR_MO_ALIGN && va & (size - 1))
        cpu->target->raise_unaligned(cpu, va, MMU_WRITE);
    if (G_UNLIKELY((va & ~TLB_PAGE_MASK) + size > RAM_PAGE_SIZE)) {
        store_crossing(cpu, va, size, v, m);
        return;
    }
    TlbLookup l;
    probe_access(cpu, va, size, MMU_WRITE, m, &l);
    check_aligned(cpu, va, size, MMU_WRITE, &l);
    store_in_page(cpu, va, size, v, &l);
}

/* The comparison that generated code makes (accel/tlb.h). */
static inline uint64_t tag_wanted(vaddr va, IrMemOp m)
{
    unsigned size = ir_mo_bytes(m);
    uint64_t align = m & IR_MO_ALIGN ? size - 1 : 0;
    return (va + size - 1 - align) & (TLB_PAGE_MASK | align);
}

uint64_t cpu_load(Cpu *cpu, vaddr va, IrMemOp m)
{
    const TlbEntry *e = table_of(cpu, m) + tlb_index(va);
    uint64_t v;
    if (m & IR_MO_RELEASE)
        atomic_thread_fence(memory_order_seq_cst);
    if (G_LIKELY(tlb_get_tag(e, MMU_READ) == tag_wanted(va, m) &&
                 (!(m & IR_MO_RMW_FAULT) || tlb_get_tag(e, MMU_WRITE) == tag_wanted(va, m))))
        v = host_load((const uint8_t *)(va + e->addend), ir_mo_bytes(m));
    else
        v = load_slow(cpu, va, m);
    if (m & (IR_MO_ACQUIRE | IR_MO_SEQ))
        atomic_thread_fence(memory_order_acquire);
    return memop_extend(memop_swap(v, m), m);
}

void cpu_store(Cpu *cpu, vaddr va, uint64_t value, IrMemOp m)
{
    const TlbEntry *e = table_of(cpu, m) + tlb_index(va);
    value = memop_swap(value, m);
    if (m & (IR_MO_RELEASE | IR_MO_SEQ))
        atomic_thread_fence(memory_order_release);
    if (G_LIKELY(tlb_get_tag(e, MMU_WRITE) == tag_wanted(va, m)))
        host_store((uint8_t *)(va + e->addend), ir_mo_bytes(m), value);
    else
        store_slow(cpu, va, value, m);
    if (m & IR_MO_SEQ)
        atomic_thread_fence(memory_order_seq_cst);
}

/* ---- 16 bytes ---- */

/* Aligned ones are single-copy atomic, where the processor is one that has AVX (SDM vol. 3A,
 * 9.1.1: so are its aligned 16-byte moves). */
TSAN_GUEST_ACCESS static void host_load16(const uint8_t *p, uint64_t v[2])
{
#ifdef __x86_64__
    if (((uintptr_t)p & 15) == 0) {
        __asm__ volatile("movaps %1, %%xmm0\n\tmovups %%xmm0, %0"
                         : "=m"(*(uint64_t(*)[2])v)
                         : "m"(*(const uint8_t(*)[16])p)
                         : "xmm0");
        return;
    }
#endif
    v[0] = host_load(p, 8);
    v[1] = host_load(p + 8, 8);
}

TSAN_GUEST_ACCESS static void host_store16(uint8_t *p, const uint64_t v[2])
{
#ifdef __x86_64__
    if (((uintptr_t)p & 15) == 0) {
        __asm__ volatile("movups %1, %%xmm0\n\tmovaps %%xmm0, %0"
                         : "=m"(*(uint8_t(*)[16])p)
                         : "m"(*(const uint64_t(*)[2])v)
                         : "xmm0");
        return;
    }
#endif
    host_store(p, 8, v[0]);
    host_store(p + 8, 8, v[1]);
}

static __attribute__((noinline)) void load16_slow(Cpu *cpu, vaddr va, uint64_t v[2], IrMemOp m)
{
    if (m & IR_MO_ALIGN && va & 15)
        cpu->target->raise_unaligned(cpu, va, MMU_READ);
    if (G_UNLIKELY((va & ~TLB_PAGE_MASK) + 16 > RAM_PAGE_SIZE)) {
        TlbLookup l[2];
        vaddr next = (va | ~TLB_PAGE_MASK) + 1;
        unsigned here = (unsigned)(next - va);
        probe_access(cpu, va, here, MMU_READ, m, &l[0]);
        probe_access(cpu, next, 16 - here, MMU_READ, m, &l[1]);
        v[0] = v[1] = 0;
        for (unsigned i = 0; i < 16; i++)
            v[i / 8] |= load_in_page(cpu, va + i, 1, &l[i >= here], MMU_READ) << 8 * (i % 8);
        return;
    }
    TlbLookup l;
    probe_access(cpu, va, 16, MMU_READ, m, &l);
    if (l.host) {
        host_load16(l.host + (va & ~TLB_PAGE_MASK), v);
    } else {
        v[0] = mmio_load(cpu, va, 8, &l, MMU_READ);
        v[1] = mmio_load(cpu, va + 8, 8, &l, MMU_READ);
    }
}

static __attribute__((noinline)) void store16_slow(Cpu *cpu, vaddr va, const uint64_t v[2],
                                                   IrMemOp m)
{
    if (m & IR_MO_ALIGN && va & 15)
        cpu->target->raise_unaligned(cpu, va, MMU_WRITE);
    if (G_UNLIKELY((va & ~TLB_PAGE_MASK) + 16 > RAM_PAGE_SIZE)) {
        TlbLookup l[2];
        vaddr next = (va | ~TLB_PAGE_MASK) + 1;
        unsigned here = (unsigned)(next - va);
        probe_access(cpu, va, here, MMU_WRITE, m, &l[0]);
        probe_access(cpu, next, 16 - here, MMU_WRITE, m, &l[1]);
        for (unsigned i = 0; i < 16; i++)
            store_in_page(cpu, va + i, 1, v[i / 8] >> 8 * (i % 8) & 0xff, &l[i >= here]);
        return;
    }
    TlbLookup l;
    unsigned offset = va & ~TLB_PAGE_MASK;
    probe_access(cpu, va, 16, MMU_WRITE, m, &l);
    if (G_UNLIKELY(l.flags & TLB_MMIO)) {
        mmio_store(cpu, va, 8, v[0], &l);
        mmio_store(cpu, va + 8, 8, v[1], &l);
        return;
    }
    host_store16(l.host + offset, v);
    if (l.flags & TLB_SLOW_PAGE)
        page_stored(&l, offset, 16);
}

void cpu_load16(Cpu *cpu, vaddr va, uint64_t v[2], IrMemOp m)
{
    const TlbEntry *e = table_of(cpu, m) + tlb_index(va);
    if (m & IR_MO_RELEASE)
        atomic_thread_fence(memory_order_seq_cst);
    if (G_LIKELY(tlb_get_tag(e, MMU_READ) == tag_wanted(va, m)))
        host_load16((const uint8_t *)(va + e->addend), v);
    else
        load16_slow(cpu, va, v, m);
    if (m & (IR_MO_ACQUIRE | IR_MO_SEQ))
        atomic_thread_fence(memory_order_acquire);
}

void cpu_store16(Cpu *cpu, vaddr va, const uint64_t v[2], IrMemOp m)
{
    const TlbEntry *e = table_of(cpu, m) + tlb_index(va);
    if (m & (IR_MO_RELEASE | IR_MO_SEQ))
        atomic_thread_fence(memory_order_release);
    if (G_LIKELY(tlb_get_tag(e, MMU_WRITE) == tag_wanted(va, m)))
        host_store16((uint8_t *)(va + e->addend), v);
    else
        store16_slow(cpu, va, v, m);
    if (m & IR_MO_SEQ)
        atomic_thread_fence(memory_order_seq_cst);
}

void cpu_probe(Cpu *cpu, vaddr va, unsigned len, MmuAccess access, int mmu_idx)
{
    while (len) {
        TlbLookup l;
        unsigned here = MIN(len, RAM_PAGE_SIZE - (unsigned)(va & ~TLB_PAGE_MASK));
        TlbContext *ctx = access == MMU_EXEC ? cpu->tlb_fetch_ctx : cpu->tlb_ctx;
        tlb_lookup(cpu, ctx, mmu_idx, va, access, true, &l);
        if (!l.entry && here > l.mmu.extent)
            cpu->target->raise_mmu_fault(cpu, va, access, mmu_idx, &l.mmu);
        va += here;
        len -= here;
    }
}
