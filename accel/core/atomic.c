/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic read-modify-writes of guest memory: by host atomics where the data are aligned RAM. MMIO is
 * done under the main lock. What host atomics can't do (a locked x86 access that is not aligned)
 * leaves to the execution loop, which does the whole instruction again while all other vCPUs are
 * stopped.
 */
#include "accel/core/softmmu.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/tsan.h"

#include <string.h>

static uint64_t rmw_result(uint64_t old, uint64_t v, unsigned bits, IrRmw op)
{
    uint64_t a = old & MASK(bits), b = v & MASK(bits);
    int64_t sa = sign_extend(a, bits), sb = sign_extend(b, bits);
    switch (op) {
    case IR_RMW_SWAP: return b;
    case IR_RMW_ADD: return a + b;
    case IR_RMW_AND: return a & b;
    case IR_RMW_OR: return a | b;
    case IR_RMW_XOR: return a ^ b;
    case IR_RMW_ANDN: return a & ~b;
    case IR_RMW_SMIN: return sa < sb ? a : b;
    case IR_RMW_SMAX: return sa > sb ? a : b;
    case IR_RMW_UMIN: return a < b ? a : b;
    case IR_RMW_UMAX: return a > b ? a : b;
    }
    return b;
}

/* ---- host atomics on aligned data, values in the guest's byte order ---- */

TSAN_GUEST_ACCESS static uint64_t host_cas(void *p, unsigned size, uint64_t expect, uint64_t v)
{
    switch (size) {
    case 1: {
        uint8_t e = (uint8_t)expect;
        __atomic_compare_exchange_n((uint8_t *)p, &e, (uint8_t)v, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e;
    }
    case 2: {
        uint16_t e = (uint16_t)expect;
        __atomic_compare_exchange_n((uint16_t *)p, &e, (uint16_t)v, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e;
    }
    case 4: {
        uint32_t e = (uint32_t)expect;
        __atomic_compare_exchange_n((uint32_t *)p, &e, (uint32_t)v, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e;
    }
    default: {
        uint64_t e = expect;
        __atomic_compare_exchange_n((uint64_t *)p, &e, v, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e;
    }
    }
}

static uint64_t host_rmw(void *p, uint64_t v, IrMemOp m, IrRmw op)
{
    unsigned size = ir_mo_bytes(m);
    uint64_t seen = host_load(p, size);
    for (;;) {
        uint64_t new = memop_swap(rmw_result(memop_swap(seen, m), v, 8 * size, op), m);
        uint64_t was = host_cas(p, size, seen, new);
        if (was == seen)
            return was;
        seen = was;
    }
}

/* ---- finding the data ---- */

typedef enum Place {
    PLACE_HOST,  /* *p, aligned RAM */
    PLACE_MMIO,  /* under the main lock, by load and store */
    PLACE_ALONE, /* this is the exclusive step of the instruction: by load and store */
} Place;

/* May leave: a fault, or for an exclusive step. */
static Place find_place(Cpu *cpu, vaddr va, IrMemOp m, TlbLookup *l)
{
    unsigned size = ir_mo_bytes(m);
    if (va & (size - 1)) {
        if (m & IR_MO_ALIGN)
            cpu->target->raise_unaligned(cpu, va, MMU_WRITE);
        if (cpu->tlb_state->exclusive)
            return PLACE_ALONE;
        cpu_probe(cpu, va, size, MMU_WRITE, memop_idx(cpu, m));
        cpu->tlb_state->want_exclusive = true;
        tcg_leave_before(cpu);
    }
    probe_access(cpu, va, size, MMU_WRITE, m, l);
    if (G_UNLIKELY(l->flags & TLB_WATCH))
        check_watch(cpu, va, size, MMU_READ, memop_idx(cpu, m));
    return l->flags & TLB_MMIO ? PLACE_MMIO : PLACE_HOST;
}

static inline IrMemOp plain(IrMemOp m)
{
    return m & ~(uint32_t)(IR_MO_SIGN | IR_MO_ACQUIRE | IR_MO_RELEASE | IR_MO_SEQ);
}

static uint64_t rmw_by_parts(Cpu *cpu, vaddr va, uint64_t v, IrMemOp m, IrRmw op)
{
    uint64_t old = cpu_load(cpu, va, plain(m) | IR_MO_RMW_FAULT);
    cpu_store(cpu, va, rmw_result(old, v, 8 * ir_mo_bytes(m), op), plain(m));
    return old;
}

uint64_t cpu_atomic_rmw(Cpu *cpu, vaddr va, uint64_t v, IrMemOp m, IrRmw op)
{
    TlbLookup l;
    uint64_t old;
    unsigned size = ir_mo_bytes(m), offset = va & ~TLB_PAGE_MASK;
    switch (find_place(cpu, va, m, &l)) {
    case PLACE_HOST:
        old = memop_swap(host_rmw(l.host + offset, v, m, op), m);
        if (l.flags & TLB_SLOW_PAGE)
            page_stored(&l, offset, size);
        break;
    case PLACE_MMIO:
        main_lock();
        old = rmw_by_parts(cpu, va, v, m, op);
        main_unlock();
        break;
    default:
        old = rmw_by_parts(cpu, va, v, m, op);
        break;
    }
    return memop_extend(old, m);
}

static uint64_t cas_by_parts(Cpu *cpu, vaddr va, uint64_t expect, uint64_t v, IrMemOp m)
{
    uint64_t old = cpu_load(cpu, va, plain(m) | IR_MO_RMW_FAULT);
    if (old == (expect & MASK(8 * ir_mo_bytes(m))))
        cpu_store(cpu, va, v, plain(m));
    return old;
}

uint64_t cpu_atomic_cas(Cpu *cpu, vaddr va, uint64_t expect, uint64_t v, IrMemOp m)
{
    TlbLookup l;
    uint64_t old;
    unsigned size = ir_mo_bytes(m), offset = va & ~TLB_PAGE_MASK;
    switch (find_place(cpu, va, m, &l)) {
    case PLACE_HOST:
        old = memop_swap(host_cas(l.host + offset, size, memop_swap(expect, m), memop_swap(v, m)),
                         m);
        if (l.flags & TLB_SLOW_PAGE)
            page_stored(&l, offset, size);
        break;
    case PLACE_MMIO:
        main_lock();
        old = cas_by_parts(cpu, va, expect, v, m);
        main_unlock();
        break;
    default:
        old = cas_by_parts(cpu, va, expect, v, m);
        break;
    }
    return memop_extend(old, m);
}

#if defined(__x86_64__)
/* Every x86-64 processor since 2005 has cmpxchg16b. */
static bool host_cas16(void *p, const uint64_t expect[2], const uint64_t v[2], uint64_t old[2])
{
    bool ok;
    old[0] = expect[0];
    old[1] = expect[1];
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(ok), "+m"(*(unsigned __int128 *)p), "+a"(old[0]), "+d"(old[1])
                     : "b"(v[0]), "c"(v[1])
                     : "memory");
    return ok;
}
enum { HAVE_CAS16 = 1 };
#else
static bool host_cas16(void *p, const uint64_t expect[2], const uint64_t v[2], uint64_t old[2])
{
    return false;
}
enum { HAVE_CAS16 = 0 };
#endif

static void cas16_by_parts(Cpu *cpu, vaddr va, const uint64_t expect[2], const uint64_t value[2],
                           uint64_t old[2], IrMemOp m)
{
    IrMemOp half = (plain(m) & ~(uint32_t)(IR_MO_SIZE | IR_MO_ALIGN)) | IR_MO_64;
    old[0] = cpu_load(cpu, va, half | IR_MO_RMW_FAULT);
    old[1] = cpu_load(cpu, va + 8, half | IR_MO_RMW_FAULT);
    if (old[0] == expect[0] && old[1] == expect[1]) {
        cpu_store(cpu, va, value[0], half);
        cpu_store(cpu, va + 8, value[1], half);
    }
}

void cpu_atomic_cas16(Cpu *cpu, vaddr va, const uint64_t expect[2], const uint64_t value[2],
                      uint64_t old[2], IrMemOp m)
{
    TlbLookup l;
    unsigned offset = va & ~TLB_PAGE_MASK;
    m = (m & ~(uint32_t)IR_MO_SIZE) | IR_MO_128;
    switch (find_place(cpu, va, m, &l)) {
    case PLACE_HOST:
        if (!HAVE_CAS16 && !cpu->tlb_state->exclusive) {
            cpu->tlb_state->want_exclusive = true;
            tcg_leave_before(cpu);
        }
        if (!HAVE_CAS16) {
            cas16_by_parts(cpu, va, expect, value, old, m);
            break;
        }
        host_cas16(l.host + offset, expect, value, old);
        if (l.flags & TLB_SLOW_PAGE)
            page_stored(&l, offset, 16);
        break;
    case PLACE_MMIO:
        main_lock();
        cas16_by_parts(cpu, va, expect, value, old, m);
        main_unlock();
        break;
    default:
        cas16_by_parts(cpu, va, expect, value, old, m);
        break;
    }
}

void *cpu_atomic_host(Cpu *cpu, vaddr va, IrMemOp m)
{
    TlbLookup l;
    unsigned size = ir_mo_bytes(m), offset = va & ~TLB_PAGE_MASK;
    if (find_place(cpu, va, m, &l) != PLACE_HOST)
        return NULL;
    if (!(l.flags & TLB_SLOW_PAGE))
        return l.host + offset;
    /* A page that is only clean is dirty from now on; elsewhere the store must be seen. */
    if (!(atomic_load(&ram_page_flags[l.ram_page]) & (RAM_PAGE_CODE | RAM_PAGE_TABLE))) {
        page_stored(&l, offset, size);
        return l.host + offset;
    }
    return NULL;
}
