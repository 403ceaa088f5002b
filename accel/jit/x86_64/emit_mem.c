/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory accesses: the inline TLB probe, its slow paths, plain loads and stores, fences.
 *
 * The probe (accel/tlb.h): the entry's tag must equal the page of the last byte with, where
 * alignment is enforced, the first byte's low bits. x86-64 is TSO, so plain moves have acquire and
 * release order; only sequentially consistent stores and store-load fences need more.
 *
 * Accesses that share a probe, or that need none in a loop, are in mem_group.c.
 */
#include "mem.h"

#include <stddef.h>

enum { INDEX_MASK = (TLB_SIZE - 1) << 5 };

static int32_t tag_offset(MmuAccess access)
{
    return (int32_t)(offsetof(TlbEntry, tag) + access * sizeof(uint64_t));
}

/* --- slow paths --- */

void mem_slow_address(Emit *e, Stub *s)
{
    Mem cell = mem_bd(RSP, FRAME_RESULT);
    if (s->base == NO_REG) {
        if (s->offset == (int32_t)s->offset) {
            asm_mov_mi(&e->a, true, cell, (int32_t)s->offset);
        } else {
            asm_mov_ri(&e->a, s->x0, (uint64_t)s->offset);
            asm_store(&e->a, cell, s->x0);
        }
        return;
    }
    unsigned reg = s->base;
    if (s->offset) {
        asm_rm(&e->a, OP_LEA | O_W, s->x0, mem_bd(s->base, (int32_t)s->offset));
        reg = s->x0;
    }
    asm_store(&e->a, cell, reg);
}

void mem_slow_value(Emit *e, int32_t cell, Opnd v)
{
    Mem m = mem_bd(RSP, cell);
    if (v.kind == OPND_IMM) {
        asm_mov_mi(&e->a, true, m, (int32_t)v.imm);
    } else if (v.reg >= XMM0) {
        asm_rm(&e->a, OP_MOVSD_MR, v.reg - XMM0, m);
    } else {
        asm_store(&e->a, m, v.reg);
    }
}

void mem_slow_stored(Emit *e, Stub *s)
{
    if (ir_mo_bytes(s->in->memop) == 16) {
        asm_rm(&e->a, OP_MOVUPS_MR, s->value.reg - XMM0, mem_bd(RSP, FRAME_VEC));
    } else {
        mem_slow_value(e, FRAME_ARG0, s->value);
    }
}

void mem_slow_memop(Emit *e, Stub *s, uint32_t extra)
{
    asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_MEMOP), (int32_t)(s->in->memop | extra));
}

void mem_slow_result(Emit *e, Stub *s)
{
    Mem m = mem_bd(RSP, FRAME_RESULT);
    if (s->dst == NO_REG) {
        return;
    }
    if (ir_mo_bytes(s->in->memop) == 16) {
        asm_rm(&e->a, OP_MOVUPS, s->dst - XMM0, mem_bd(RSP, FRAME_VEC));
    } else if (s->dst >= XMM0) {
        asm_rm(&e->a, OP_MOVSD, s->dst - XMM0, m);
    } else {
        asm_rm(&e->a, OP_MOV | (s->in->type == IR_I32 ? 0 : O_W), s->dst, m);
    }
}

const uint8_t *mem_load_thunk(const IrInsn *in)
{
    return ir_mo_bytes(in->memop) == 16 ? thunks.load16 : thunks.load;
}

const uint8_t *mem_store_thunk(const IrInsn *in)
{
    return ir_mo_bytes(in->memop) == 16 ? thunks.store16 : thunks.store;
}

static void stub_load(Emit *e, Stub *s)
{
    mem_refill_window(e, s);
    mem_slow_address(e, s);
    emit_slow_begin(e, s);
    mem_slow_memop(e, s, 0);
    asm_call(&e->a, mem_load_thunk(s->in));
    emit_slow_end(e, s);
    mem_slow_result(e, s);
    asm_jmp(&e->a, s->resume);
}

static void stub_store(Emit *e, Stub *s)
{
    mem_refill_window(e, s);
    mem_slow_address(e, s);
    mem_slow_stored(e, s);
    emit_slow_begin(e, s);
    mem_slow_memop(e, s, 0);
    asm_call(&e->a, mem_store_thunk(s->in));
    emit_slow_end(e, s);
    asm_jmp(&e->a, s->resume);
}

/* --- the probe --- */

MemAddress mem_address(Emit *e)
{
    IrRef ref = e->in->a;
    int64_t offset = e->in->imm;
    if (ir_is_const(ref)) {
        return (MemAddress){ NO_REG, (int64_t)(ir_const_value(e->f, ref) + (uint64_t)offset) };
    }
    unsigned base = ra_gpr(e, 0);
    if (offset != (int32_t)offset || offset + 64 != (int32_t)(offset + 64)) {
        unsigned sum = ra_alloc(e, CLS_GPR);
        asm_mov_ri(&e->a, sum, (uint64_t)offset);
        asm_rr(&e->a, OP_ADD | O_W, sum, base);
        e->locked &= ~(1u << base); /* registers are scarce in the widest operations */
        return (MemAddress){ sum, 0 };
    }
    return (MemAddress){ base, offset };
}

bool mem_always_slow(const IrInsn *in)
{
    return (in->memop & IR_MO_IDX) || (in->type == IR_V128 && (in->memop & IR_MO_BE)) ||
           (in->type == IR_V128 && (in->memop & IR_MO_SIZE) == IR_MO_8 && !host.sse41);
}

void mem_probe_begin(Emit *e, unsigned base, int32_t first, int32_t last, unsigned align,
                     unsigned index, unsigned page)
{
    Asm *a = &e->a;
    int32_t mask = (int32_t)((uint32_t)TLB_PAGE_MASK | align);
    if (first == 0 && host.bmi2) {
        asm_vrr(a, OP_RORX | O_W, index, 0, base);
        asm8(a, 7);
    } else {
        if (first) {
            asm_rm(a, OP_LEA | O_W, index, mem_bd(base, first));
        } else {
            asm_mov_rr(a, index, base);
        }
        asm_shift_ri(a, false, G_SHR, index, 7);
    }
    if (last) {
        asm_rm(a, OP_LEA | O_W, page, mem_bd(base, last));
    } else {
        asm_mov_rr(a, page, base);
    }
    asm_alu_ri(a, true, G_AND, page, mask);
    asm_alu_ri(a, false, G_AND, index, INDEX_MASK);
}

uint8_t *mem_compare_tag(Emit *e, unsigned index, unsigned page, MmuAccess access)
{
    asm_rm(&e->a, OP_CMP | O_W, page, mem_bid(R14, index, 0, tag_offset(access)));
    return asm_jcc_fwd(&e->a, CC_NE);
}

void mem_load_addend(Emit *e, unsigned index)
{
    asm_load(&e->a, index, mem_bid(R14, index, 0, (int32_t)offsetof(TlbEntry, addend)));
}

uint8_t *mem_probe(Emit *e, MemAddress ad, unsigned index, unsigned page, MmuAccess access)
{
    Asm *a = &e->a;
    IrMemOp m = e->in->memop;
    unsigned size = ir_mo_bytes(m), align = m & IR_MO_ALIGN ? size - 1 : 0;
    if (ad.base == NO_REG) {
        uint64_t va = (uint64_t)ad.offset, last = align ? va : va + size - 1;
        int32_t entry = (int32_t)(tlb_index(va) * sizeof(TlbEntry));
        asm_mov_ri(a, page, last & (TLB_PAGE_MASK | align));
        asm_rm(a, OP_CMP | O_W, page, mem_bd(R14, entry + tag_offset(access)));
        uint8_t *site = asm_jcc_fwd(a, CC_NE);
        asm_mov_ri(a, page, va);
        asm_load(a, index, mem_bd(R14, entry + (int32_t)offsetof(TlbEntry, addend)));
        return site;
    }
    int32_t off = (int32_t)ad.offset;
    mem_probe_begin(e, ad.base, off, off + (align ? 0 : (int32_t)size - 1), align, index, page);
    uint8_t *site = mem_compare_tag(e, index, page, access);
    mem_load_addend(e, index);
    return site;
}

Mem mem_host(MemAddress ad, unsigned index, unsigned page)
{
    return ad.base == NO_REG ? mem_bid(page, index, 0, 0)
                             : mem_bid(ad.base, index, 0, (int32_t)ad.offset);
}

Stub *mem_stub(Emit *e, void (*fn)(Emit *, Stub *), uint8_t *site, MemAddress ad,
               unsigned scratch)
{
    Stub *s = emit_stub(e, fn, site);
    s->base = (uint8_t)ad.base;
    s->offset = ad.offset;
    s->x0 = (uint8_t)scratch;
    s->dst = NO_REG;
    s->group = 0;
    return s;
}

static void emit_bswap(Emit *e, unsigned reg, unsigned size)
{
    switch (size) {
    case 2:
        asm8(&e->a, 0x66);
        asm_shift_ri(&e->a, false, G_ROL, reg, 8);
        break;
    case 4:
    case 8:
        asm_prefix(&e->a, (0xc8u + (reg & 7)) | O_0F | (size == 8 ? O_W : 0), 0, 0, reg, false);
        break;
    }
}

/* --- loads and stores --- */

unsigned mem_load_op(IrMemOp m, bool i32)
{
    unsigned w = i32 ? 0 : O_W;
    switch (m & (IR_MO_SIZE | IR_MO_SIGN)) {
    case IR_MO_8:
        return OP_MOVZX8 & ~O_B8RM;
    case IR_MO_16:
        return OP_MOVZX16;
    case IR_MO_8 | IR_MO_SIGN:
        return (OP_MOVSX8 & ~O_B8RM) | w;
    case IR_MO_16 | IR_MO_SIGN:
        return OP_MOVSX16 | w;
    case IR_MO_32 | IR_MO_SIGN:
        return i32 ? OP_MOV : OP_MOVSXD;
    case IR_MO_32:
        return OP_MOV;
    default:
        return OP_MOV | O_W;
    }
}

/* Does dst want an xmm register? */
static bool dst_is_fp(const Emit *e)
{
    IrRef dst = e->in->dst;
    return ref_is_xmm(e, dst) &&
           !(ir_is_slot(dst) && e->f->slots[ir_slot_index(dst)].pin >= 0);
}

void mem_load_from(Emit *e, unsigned d, Mem from)
{
    Asm *a = &e->a;
    IrMemOp m = e->in->memop;
    unsigned size = ir_mo_bytes(m);
    bool i32 = e->in->type == IR_I32;
    if (d >= XMM0 && size < 4) {
        asm_rr(a, 0xef | O_0F | O_66, d - XMM0, d - XMM0); /* pxor; pinsrw, pinsrb */
        asm_rm(a, size == 2 ? 0xc4 | O_0F | O_66 : 0x20 | O_0F3A | O_66, d - XMM0, from);
        asm8(a, 0);
    } else if (d >= XMM0) {
        asm_rm(a, size == 4 ? OP_MOVSS : size == 8 ? OP_MOVSD : OP_MOVUPS, d - XMM0, from);
    } else if (m & IR_MO_BE) {
        asm_rm(a, mem_load_op(m & IR_MO_SIZE, false), d, from);
        emit_bswap(e, d, size);
        if ((m & IR_MO_SIGN) && (size < 4 || (size == 4 && !i32))) {
            unsigned op = size == 1 ? OP_MOVSX8 : size == 2 ? OP_MOVSX16 : OP_MOVSXD;
            asm_rr(a, op | (i32 ? 0 : O_W), d, d);
        }
    } else {
        asm_rm(a, mem_load_op(m, i32), d, from);
    }
}

bool mem_is_fp_load(const Emit *e)
{
    IrMemOp m = e->in->memop;
    return e->in->type == IR_V128 ||
           (dst_is_fp(e) && ir_mo_bytes(m) >= 4 && !(m & (IR_MO_BE | IR_MO_SIGN)));
}

static void emit_ld(Emit *e)
{
    Asm *a = &e->a;
    IrMemOp m = e->in->memop;
    bool fp = mem_is_fp_load(e);
    MemAddress ad = mem_address(e);
    unsigned index = ra_alloc(e, CLS_GPR);
    if (mem_always_slow(e->in)) {
        unsigned r = e->in->type == IR_V128 ? ra_alloc(e, CLS_XMM) : index;
        Stub *s = mem_stub(e, stub_load, asm_jmp_fwd(a), ad, index);
        s->resume = a->p;
        s->dst = (uint8_t)r;
        ra_release(e);
        ra_def_end(e, r);
        return;
    }
    unsigned page = ra_alloc(e, CLS_GPR);
    /* No register may be spilled between the probe and `resume`: slow paths would not do it. */
    unsigned d = fp ? ra_def(e, CLS_XMM, NO_REG) : NO_REG;
    unsigned g = mem_own_window(e);
    uint8_t *site = g ? mem_check_window(e, g, ad.base, index)
                      : mem_probe(e, ad, index, page,
                                  m & IR_MO_RMW_FAULT ? MMU_WRITE : MMU_READ);
    Stub *s = mem_stub(e, stub_load, site, ad, index);
    mem_window_stub(s, g, page, a->p);
    ra_release(e);
    if (!fp) {
        ra_recycle(e, index);
        d = ra_def(e, CLS_GPR, index);
    }
    s->dst = (uint8_t)d;
    mem_load_from(e, d, mem_host(ad, index, page));
    s->resume = a->p;
    ra_def_end(e, d);
}

Opnd mem_stored(Emit *e, unsigned size)
{
    IrRef ref = e->in->b;
    Opnd v = { 0 };
    if (size == 16) {
        return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_vec(e, 1) };
    }
    if (ir_is_slot(ref) && e->slot_fixed[ir_slot_index(ref)] < 0 && size >= 4) {
        unsigned s = ir_slot_index(ref);
        int x = e->slot_loc[CLS_XMM][s];
        if (e->slot_loc[CLS_GPR][s] < 0 && x >= 0 && (size == 4 || !e->r[x].single)) {
            v.kind = OPND_REG;
            v.reg = (uint8_t)ra_xmm(e, 1, size == 4);
            return v;
        }
    } else if (ir_is_slot(ref) && e->slot_fixed[ir_slot_index(ref)] >= XMM0 && size >= 4) {
        v.kind = OPND_REG;
        v.reg = (uint8_t)ra_xmm(e, 1, size == 4);
        return v;
    } else if (ir_is_temp(ref) && e->temp_loc[ref] >= XMM0 && e->temp_loc[ref] < N_HOST_REGS &&
               size >= 4) {
        v.kind = OPND_REG;
        v.reg = (uint8_t)ra_xmm(e, 1, size == 4);
        return v;
    }
    if (ir_is_const(ref)) {
        uint64_t c = ir_const_value(e->f, ref);
        if (size < 8 || c == (uint64_t)(int64_t)(int32_t)c) {
            return (Opnd){ .kind = OPND_IMM, .imm = (int32_t)c };
        }
    }
    v.kind = OPND_REG;
    v.reg = (uint8_t)ra_gpr(e, 1);
    return v;
}

void mem_store_to(Emit *e, Mem to, Opnd v, unsigned size)
{
    Asm *a = &e->a;
    if (v.kind == OPND_IMM) {
        switch (size) {
        case 1:
            asm_rm(a, 0xc6, 0, to);
            asm8(a, (unsigned)v.imm);
            break;
        case 2:
            asm_rm(a, 0xc7 | O_66, 0, to);
            asm8(a, (unsigned)v.imm);
            asm8(a, (unsigned)v.imm >> 8);
            break;
        default:
            asm_mov_mi(a, size == 8, to, (int32_t)v.imm);
            break;
        }
    } else if (v.reg >= XMM0) {
        asm_rm(a, size == 4 ? OP_MOVSS_MR : size == 8 ? OP_MOVSD_MR : OP_MOVUPS_MR, v.reg - XMM0,
               to);
    } else {
        asm_rm(a, size == 1 ? OP_MOV8_MR : size == 2 ? OP_MOV16_MR : size == 4 ? OP_MOV_MR
                                                    : OP_MOV_MR | O_W, v.reg, to);
    }
}

static void emit_st(Emit *e)
{
    Asm *a = &e->a;
    IrMemOp m = e->in->memop;
    unsigned size = ir_mo_bytes(m);
    MemAddress ad = mem_address(e);
    Opnd v;
    if ((m & IR_MO_BE) && size > 1) {
        v = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 1) };
    } else {
        v = mem_stored(e, size);
    }
    unsigned index = ra_alloc(e, CLS_GPR);
    if (mem_always_slow(e->in)) {
        Stub *s = mem_stub(e, stub_store, asm_jmp_fwd(a), ad, index);
        s->value = v;
        s->resume = a->p;
        return;
    }
    unsigned page = ra_alloc(e, CLS_GPR);
    unsigned g = mem_own_window(e);
    uint8_t *site = g ? mem_check_window(e, g, ad.base, index)
                      : mem_probe(e, ad, index, page, MMU_WRITE);
    Stub *s = mem_stub(e, stub_store, site, ad, index);
    mem_window_stub(s, g, page, a->p);
    s->value = v;
    Mem to = mem_host(ad, index, page);
    if ((m & IR_MO_BE) && size > 1) {
        if (ad.base == NO_REG) {
            asm_rr(a, OP_ADD | O_W, index, page);
            to = mem_bd(index, 0);
        }
        asm_mov_rr(a, page, v.reg);
        emit_bswap(e, page, size);
        v.reg = (uint8_t)page;
    }
    mem_store_to(e, to, v, size);
    s->resume = a->p;
    if (m & IR_MO_SEQ) {
        asm8(a, 0x0f);
        asm8(a, 0xae);
        asm8(a, 0xf0); /* mfence */
    }
}

void emit_mem(Emit *e)
{
    switch (e->in->op) {
    case IR_ld:
        if (!mem_grouped(e)) {
            emit_ld(e);
        }
        break;
    case IR_st:
        if (!mem_grouped(e)) {
            emit_st(e);
        }
        break;
    case IR_rmw:
        mem_rmw(e);
        break;
    case IR_cas:
        mem_cas(e);
        break;
    default: /* fence: all but store-load order is the host's own */
        if (e->in->aux & IR_FENCE_WR) {
            asm8(&e->a, 0x0f);
            asm8(&e->a, 0xae);
            asm8(&e->a, 0xf0);
        }
        break;
    }
}
