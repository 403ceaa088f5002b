/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that emit memory accesses have in common. */
#ifndef JIT_X86_64_MEM_H
#define JIT_X86_64_MEM_H

#include "emit.h"

typedef struct MemAddress {
    unsigned base;    /* NO_REG: constant address in offset */
    int64_t offset;   /* fits 32 bits if there is a base */
} MemAddress;

/* --- emit_mem.c: the probe --- */
MemAddress mem_address(Emit *e);
/* Accesses that the inline path does not know. */
bool mem_always_slow(const IrInsn *in);
/*
 * Is [base + first, base + last] within a page of which the table has an entry? The index comes
 * from the first byte, the page from the last one. `index` ends up holding the address of the
 * entry, less r14; false jumps are those of the comparisons, see mem_compare_tag.
 */
void mem_probe_begin(Emit *e, unsigned base, int32_t first, int32_t last, unsigned align,
                     unsigned index, unsigned page);
uint8_t *mem_compare_tag(Emit *e, unsigned index, unsigned page, MmuAccess access);
void mem_load_addend(Emit *e, unsigned index);
/*
 * The probe for one access. `index` ends up holding the addend; `page` is scratch. Returns the
 * site of the jump to the slow path.
 */
uint8_t *mem_probe(Emit *e, MemAddress ad, unsigned index, unsigned page, MmuAccess access);
/* The host address after mem_probe. */
Mem mem_host(MemAddress ad, unsigned index, unsigned page);

/* --- emit_mem.c: the access --- */
unsigned mem_load_op(IrMemOp m, bool i32);
/* Does the value go to an xmm register? */
bool mem_is_fp_load(const Emit *e);
/* d may be of either class. */
void mem_load_from(Emit *e, unsigned d, Mem from);
/* The value operand of a store: register of either class, or immediate. */
Opnd mem_stored(Emit *e, unsigned size);
void mem_store_to(Emit *e, Mem to, Opnd v, unsigned size);

/* --- emit_mem.c: slow paths --- */
Stub *mem_stub(Emit *e, void (*fn)(Emit *, Stub *), uint8_t *site, MemAddress ad,
               unsigned scratch);
void mem_slow_address(Emit *e, Stub *s);
void mem_slow_value(Emit *e, int32_t cell, Opnd v);
/* The value to store: all of a vector, or a word. */
void mem_slow_stored(Emit *e, Stub *s);
void mem_slow_memop(Emit *e, Stub *s, uint32_t extra);
void mem_slow_result(Emit *e, Stub *s);
const uint8_t *mem_load_thunk(const IrInsn *in);
const uint8_t *mem_store_thunk(const IrInsn *in);

/* --- mem_group.c --- */
/* The group of this access, if that has a window that is just the access's; or 0. */
unsigned mem_own_window(const Emit *e);
/* The addend into `index`, if the base is within the group's window; else the site's jump. */
uint8_t *mem_check_window(Emit *e, unsigned group, unsigned base, unsigned index);
/* Out of line, before all else where the access has a window. */
void mem_window_stub(Stub *s, unsigned group, unsigned page, uint8_t *again);
void mem_refill_window(Emit *e, Stub *s);
/* True: the access was made as part of a group. */
bool mem_grouped(Emit *e);

/* --- emit_atomic.c --- */
void mem_rmw(Emit *e);
void mem_cas(Emit *e);

#endif
