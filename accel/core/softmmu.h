/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between softmmu.c and atomic.c. */
#ifndef ACCEL_CORE_SOFTMMU_H
#define ACCEL_CORE_SOFTMMU_H

#include "accel/core/tcg.h"

static inline int memop_idx(const Cpu *cpu, IrMemOp m)
{
    return m & IR_MO_IDX ? (int)(m >> IR_MO_IDX_SHIFT & 15) : cpu->tlb_state->data_idx;
}

static inline TlbEntry *table_of(Cpu *cpu, IrMemOp m)
{
    return m & IR_MO_IDX ? tlb_table(cpu, cpu->tlb_ctx, memop_idx(cpu, m))->entry : cpu->tlb;
}

uint64_t host_load(const uint8_t *p, unsigned size);
void host_store(uint8_t *p, unsigned size, uint64_t v);
/* Between the guest's byte order of the access and the host's. */
uint64_t memop_swap(uint64_t v, IrMemOp m);
uint64_t memop_extend(uint64_t v, IrMemOp m);
void check_watch(Cpu *cpu, vaddr va, uint64_t len, MmuAccess access, int mmu_idx);
void probe_access(Cpu *cpu, vaddr va, unsigned len, MmuAccess access, IrMemOp m, TlbLookup *l);
void page_stored(const TlbLookup *l, unsigned offset, unsigned len);

#endif
