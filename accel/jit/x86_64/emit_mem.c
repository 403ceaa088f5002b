/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory accesses: the inline TLB probe, its slow paths, atomics, fences.
 *
 * The probe (accel/tlb.h): the entry's tag must equal the page of the last byte with, where
 * alignment is enforced, the first byte's low bits. x86-64 is TSO, so plain moves have acquire and
 * release order; only sequentially consistent stores and store-load fences need more.
 */
#include <stddef.h>

#include "emit.h"

enum { INDEX_MASK = (TLB_SIZE - 1) << 5 };

static int32_t tag_offset(MmuAccess access)
{
    return (int32_t)(offsetof(TlbEntry, tag) + access * sizeof(uint64_t));
}

/* Out of line, before all else where the access has a window. */
static void refill_window(Emit *e, Stub *s);

/* --- slow paths --- */

static void slow_address(Emit *e, Stub *s)
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

static void slow_value(Emit *e, int32_t cell, Opnd v)
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

/* The value to store: all of a vector, or a word. */
static void slow_stored(Emit *e, Stub *s)
{
    if (ir_mo_bytes(s->in->memop) == 16) {
        asm_rm(&e->a, OP_MOVUPS_MR, s->value.reg - XMM0, mem_bd(RSP, FRAME_VEC));
    } else {
        slow_value(e, FRAME_ARG0, s->value);
    }
}

static void slow_memop(Emit *e, Stub *s, uint32_t extra)
{
    asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_MEMOP), (int32_t)(s->in->memop | extra));
}

static void slow_result(Emit *e, Stub *s)
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

static const uint8_t *load_thunk(const IrInsn *in)
{
    return ir_mo_bytes(in->memop) == 16 ? thunks.load16 : thunks.load;
}

static const uint8_t *store_thunk(const IrInsn *in)
{
    return ir_mo_bytes(in->memop) == 16 ? thunks.store16 : thunks.store;
}

static void stub_load(Emit *e, Stub *s)
{
    refill_window(e, s);
    slow_address(e, s);
    emit_slow_begin(e, s);
    slow_memop(e, s, 0);
    asm_call(&e->a, load_thunk(s->in));
    emit_slow_end(e, s);
    slow_result(e, s);
    asm_jmp(&e->a, s->resume);
}

static void stub_store(Emit *e, Stub *s)
{
    refill_window(e, s);
    slow_address(e, s);
    slow_stored(e, s);
    emit_slow_begin(e, s);
    slow_memop(e, s, 0);
    asm_call(&e->a, store_thunk(s->in));
    emit_slow_end(e, s);
    asm_jmp(&e->a, s->resume);
}

static void stub_atomic(Emit *e, Stub *s)
{
    bool cas = s->in->op == IR_cas;
    slow_address(e, s);
    slow_value(e, FRAME_ARG0, s->value);
    if (cas) {
        slow_value(e, FRAME_ARG1, s->value2);
    }
    emit_slow_begin(e, s);
    slow_memop(e, s, cas ? 0 : (uint32_t)s->in->aux << 24);
    asm_call(&e->a, cas ? thunks.cas : thunks.rmw);
    emit_slow_end(e, s);
    slow_result(e, s);
    asm_jmp(&e->a, s->resume);
}

/* --- the probe --- */

typedef struct Address {
    unsigned base;    /* NO_REG: constant address in offset */
    int64_t offset;   /* fits 32 bits if there is a base */
} Address;

static Address get_address(Emit *e)
{
    IrRef ref = e->in->a;
    int64_t offset = e->in->imm;
    if (ir_is_const(ref)) {
        return (Address){ NO_REG, (int64_t)(ir_const_value(e->f, ref) + (uint64_t)offset) };
    }
    unsigned base = ra_gpr(e, 0);
    if (offset != (int32_t)offset || offset + 64 != (int32_t)(offset + 64)) {
        unsigned sum = ra_alloc(e, CLS_GPR);
        asm_mov_ri(&e->a, sum, (uint64_t)offset);
        asm_rr(&e->a, OP_ADD | O_W, sum, base);
        e->locked &= ~(1u << base); /* registers are scarce in the widest operations */
        return (Address){ sum, 0 };
    }
    return (Address){ base, offset };
}

/* Accesses that the inline path does not know. */
static bool always_slow(const IrInsn *in)
{
    return (in->memop & IR_MO_IDX) || (in->type == IR_V128 && (in->memop & IR_MO_BE)) ||
           (in->type == IR_V128 && (in->memop & IR_MO_SIZE) == IR_MO_8 && !host.sse41);
}

/*
 * Is [base + first, base + last] within a page of which the table has an entry? The index comes
 * from the first byte, the page from the last one. `index` ends up holding the address of the
 * entry, less r14; false jumps are those of the comparisons, see compare_tag.
 */
static void probe_begin(Emit *e, unsigned base, int32_t first, int32_t last, unsigned align,
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

static uint8_t *compare_tag(Emit *e, unsigned index, unsigned page, MmuAccess access)
{
    asm_rm(&e->a, OP_CMP | O_W, page, mem_bid(R14, index, 0, tag_offset(access)));
    return asm_jcc_fwd(&e->a, CC_NE);
}

static void load_addend(Emit *e, unsigned index)
{
    asm_load(&e->a, index, mem_bid(R14, index, 0, (int32_t)offsetof(TlbEntry, addend)));
}

/*
 * The probe for one access. `index` ends up holding the addend; `page` is scratch. Returns the
 * site of the jump to the slow path.
 */
static uint8_t *emit_probe(Emit *e, Address ad, unsigned index, unsigned page, MmuAccess access)
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
    probe_begin(e, ad.base, off, off + (align ? 0 : (int32_t)size - 1), align, index, page);
    uint8_t *site = compare_tag(e, index, page, access);
    load_addend(e, index);
    return site;
}

/* The host address after emit_probe. */
static Mem host_mem(Address ad, unsigned index, unsigned page)
{
    return ad.base == NO_REG ? mem_bid(page, index, 0, 0)
                             : mem_bid(ad.base, index, 0, (int32_t)ad.offset);
}

static Stub *mem_stub(Emit *e, void (*fn)(Emit *, Stub *), uint8_t *site, Address ad,
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

/* --- windows --- */

/*
 * In a loop, an access whose address moves in one direction, or not at all, keeps the result of its
 * probe in two cells of the frame: how far the base may get within the page, and the addend. While
 * the base is not beyond, the access needs nothing else.
 *
 * The cells are empty when the loop is entered, and after each slow path: C may fill TLB entries
 * over others, and nobody would find those any more. Flushes, and pages that become slow, are for
 * the vCPU's safe points, or make others wait for one (tlb_demote_page): leaving the loop, that is.
 */
typedef struct MemGroup {
    int32_t first, last; /* bytes, from the base */
    uint16_t left;       /* accesses still to come */
    uint16_t latest;     /* index of the latest access, while scanning */
    uint8_t reg;         /* holds the addend; NO_REG */
    uint8_t window;      /* 1 + its number, or 0 */
    bool reads, writes;
} MemGroup;

static Mem window_cell(unsigned window, unsigned cell)
{
    return mem_bd(RSP, FRAME_WINDOW + (int32_t)((window - 1) * 16 + cell * 8));
}

static bool window_is_down(const Emit *e, unsigned window)
{
    return e->windows_down >> (window - 1) & 1;
}

void emit_forget_windows(Emit *e)
{
    for (unsigned w = 1; w <= e->n_windows; w++) {
        asm_mov_mi(&e->a, true, window_cell(w, 0), window_is_down(e, w) ? -1 : 0);
    }
}

/* The addend into `index`, if the base is within the window; else the site's jump. */
static uint8_t *check_window(Emit *e, unsigned window, unsigned base, unsigned index)
{
    asm_rm(&e->a, OP_CMP | O_W, base, window_cell(window, 0));
    uint8_t *site = asm_jcc_fwd(&e->a, window_is_down(e, window) ? CC_BE : CC_AE);
    asm_load(&e->a, index, window_cell(window, 1));
    return site;
}

static void window_stub(Stub *s, unsigned group, unsigned page, uint8_t *again)
{
    s->group = (uint16_t)group;
    s->x1 = (uint8_t)page;
    s->again = again;
}

static void refill_window(Emit *e, Stub *s)
{
    enum { NEAR_ENDS = 1 << 20 }; /* of the address space: there the base might wrap around */
    Asm *a = &e->a;
    if (!s->group) {
        return;
    }
    const MemGroup *g = &e->groups[s->group];
    bool down = window_is_down(e, g->window);
    uint8_t *miss2 = NULL;
    probe_begin(e, s->base, g->first, g->last, 0, s->x0, s->x1);
    uint8_t *miss = compare_tag(e, s->x0, s->x1, g->reads ? MMU_READ : MMU_WRITE);
    if (g->reads && g->writes) {
        miss2 = compare_tag(e, s->x0, s->x1, MMU_WRITE);
    }
    load_addend(e, s->x0);
    asm_alu_ri(a, true, G_CMP, s->base, down ? NEAR_ENDS : -NEAR_ENDS);
    uint8_t *none = asm_jcc8_fwd(a, down ? CC_B : CC_AE);
    asm_rm(a, OP_LEA | O_W, s->x1,
           mem_bd(s->x1, down ? -g->first - 1 : (1 << TLB_PAGE_BITS) - g->last));
    asm_store(a, window_cell(g->window, 0), s->x1);
    asm_store(a, window_cell(g->window, 1), s->x0);
    asm_fix8(none, a->p);
    asm_jmp(a, s->again);
    asm_fix32(miss, a->p);
    if (miss2) {
        asm_fix32(miss2, a->p);
    }
}

/* The group of this access, if that has a window that is just the access's. */
static unsigned own_window(const Emit *e)
{
    unsigned g = e->insn_group[e->i];
    const MemGroup *group = &e->groups[g];
    int64_t first = e->in->imm;
    return g && group->window && group->first == first &&
           group->last == first + ir_mo_bytes(e->in->memop) - 1 ? g : 0;
}

static unsigned load_op(IrMemOp m, bool i32)
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

/* The access itself; d may be of either class. */
static void load_from(Emit *e, unsigned d, Mem from)
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
        asm_rm(a, load_op(m & IR_MO_SIZE, false), d, from);
        emit_bswap(e, d, size);
        if ((m & IR_MO_SIGN) && (size < 4 || (size == 4 && !i32))) {
            unsigned op = size == 1 ? OP_MOVSX8 : size == 2 ? OP_MOVSX16 : OP_MOVSXD;
            asm_rr(a, op | (i32 ? 0 : O_W), d, d);
        }
    } else {
        asm_rm(a, load_op(m, i32), d, from);
    }
}

static bool fp_load(const Emit *e)
{
    IrMemOp m = e->in->memop;
    return e->in->type == IR_V128 ||
           (dst_is_fp(e) && ir_mo_bytes(m) >= 4 && !(m & (IR_MO_BE | IR_MO_SIGN)));
}

static void emit_ld(Emit *e)
{
    Asm *a = &e->a;
    IrMemOp m = e->in->memop;
    bool fp = fp_load(e);
    Address ad = get_address(e);
    unsigned index = ra_alloc(e, CLS_GPR);
    if (always_slow(e->in)) {
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
    unsigned g = own_window(e);
    uint8_t *site = g ? check_window(e, e->groups[g].window, ad.base, index)
                      : emit_probe(e, ad, index, page,
                                   m & IR_MO_RMW_FAULT ? MMU_WRITE : MMU_READ);
    Stub *s = mem_stub(e, stub_load, site, ad, index);
    window_stub(s, g, page, a->p);
    ra_release(e);
    if (!fp) {
        ra_recycle(e, index);
        d = ra_def(e, CLS_GPR, index);
    }
    s->dst = (uint8_t)d;
    load_from(e, d, host_mem(ad, index, page));
    s->resume = a->p;
    ra_def_end(e, d);
}

/* The value operand of a store: register of either class, or immediate. */
static Opnd store_value(Emit *e, unsigned size)
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

static void store_to(Emit *e, Mem to, Opnd v, unsigned size)
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
    Address ad = get_address(e);
    Opnd v;
    if ((m & IR_MO_BE) && size > 1) {
        v = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 1) };
    } else {
        v = store_value(e, size);
    }
    unsigned index = ra_alloc(e, CLS_GPR);
    if (always_slow(e->in)) {
        Stub *s = mem_stub(e, stub_store, asm_jmp_fwd(a), ad, index);
        s->value = v;
        s->resume = a->p;
        return;
    }
    unsigned page = ra_alloc(e, CLS_GPR);
    unsigned g = own_window(e);
    uint8_t *site = g ? check_window(e, e->groups[g].window, ad.base, index)
                      : emit_probe(e, ad, index, page, MMU_WRITE);
    Stub *s = mem_stub(e, stub_store, site, ad, index);
    window_stub(s, g, page, a->p);
    s->value = v;
    Mem to = host_mem(ad, index, page);
    if ((m & IR_MO_BE) && size > 1) {
        if (ad.base == NO_REG) {
            asm_rr(a, OP_ADD | O_W, index, page);
            to = mem_bd(index, 0);
        }
        asm_mov_rr(a, page, v.reg);
        emit_bswap(e, page, size);
        v.reg = (uint8_t)page;
    }
    store_to(e, to, v, size);
    s->resume = a->p;
    if (m & IR_MO_SEQ) {
        asm8(a, 0x0f);
        asm8(a, 0xae);
        asm8(a, 0xf0); /* mfence */
    }
}

/* --- several accesses with one probe --- */

/*
 * Accesses off the same base value form a group (mem_scan). The first one makes a probe for the
 * range of all of them and keeps the addend in a register; the others use it. An addend of 0 says
 * that the probe failed, and they make their own, out of line. (Where a true addend is 0 that is
 * only slow.) Nothing can flush the TLB under way: what may flush ends the group.
 */
enum { GROUP_SPAN = 512, MAX_GROUPS = 1024 };

static bool groupable(const IrInsn *in)
{
    if ((in->op != IR_ld && in->op != IR_st) || ir_is_const(in->a)) {
        return false;
    }
    if (in->memop & (IR_MO_BE | IR_MO_SEQ | IR_MO_IDX | IR_MO_RMW_FAULT) || always_slow(in)) {
        return false;
    }
    if ((in->memop & IR_MO_ALIGN) && ir_mo_bytes(in->memop) > 1) {
        return false;
    }
    return in->imm == (int16_t)in->imm;
}

void mem_scan(Emit *e)
{
    static MemGroup groups[MAX_GROUPS];
    const IrFunc *f = e->f;
    unsigned n = 0, n_refs = f->n_temps + f->n_slots;
    if (e->cap_open < n_refs) {
        e->cap_open = n_refs + 256;
        e->open_group = g_renew(uint16_t, e->open_group, e->cap_open);
    }
    memset(e->open_group, 0, n_refs * sizeof(*e->open_group));
    e->groups = groups;
    unsigned oldest = 1; /* groups before this one are closed */
    for (unsigned i = 0; i < f->n; i++) {
        const IrInsn *in = &f->insns[i];
        e->insn_group[i] = 0;
        if (in->op == IR_label || in->op == IR_call) {
            oldest = n + 1;
        }
        if (groupable(in) && n + 1 < MAX_GROUPS) {
            unsigned ref = ir_is_temp(in->a) ? in->a : f->n_temps + ir_slot_index(in->a);
            unsigned g = e->open_group[ref];
            int32_t first = (int32_t)in->imm, last = first + (int32_t)ir_mo_bytes(in->memop) - 1;
            if (g >= oldest && MAX(groups[g].last, last) - MIN(groups[g].first, first) <
                                   GROUP_SPAN) {
                groups[g].first = MIN(groups[g].first, first);
                groups[g].last = MAX(groups[g].last, last);
                groups[g].left++;
                e->group_next[groups[g].latest] = (uint16_t)i;
            } else {
                g = ++n;
                e->open_group[ref] = (uint16_t)g;
                groups[g] = (MemGroup){ first, last, 1, 0, NO_REG, 0, false, false };
            }
            groups[g].latest = (uint16_t)i;
            groups[g].reads |= in->op == IR_ld;
            groups[g].writes |= in->op == IR_st;
            e->insn_group[i] = (uint16_t)g;
            e->group_next[i] = NEVER;
        }
        if (ir_is_slot(in->dst)) {
            e->open_group[f->n_temps + ir_slot_index(in->dst)] = 0;
        }
    }
}

void mem_windows(Emit *e)
{
    e->n_windows = e->windows_down = 0;
    if (!e->loops || !e->faster) {
        return;
    }
    motion_scan(e, e->moves);
    for (unsigned i = 0; i < e->f->n && e->n_windows < N_WINDOWS; i++) {
        unsigned g = e->insn_group[i];
        if (g && !e->groups[g].window && e->depth[i] && e->moves[i] != MOVES_UNKNOWN) {
            e->windows_down |= (uint32_t)(e->moves[i] == MOVES_DOWN) << e->n_windows;
            e->groups[g].window = (uint8_t)++e->n_windows;
        }
    }
}

void mem_group_forget(Emit *e, IrRef group)
{
    e->groups[group & 0x3fff].reg = NO_REG;
}

/* The group's probe failed, or there is no use in trying: this access alone. */
static void stub_group(Emit *e, Stub *s)
{
    Asm *a = &e->a;
    bool load = s->in->op == IR_ld;
    Address ad = { s->base, s->offset };
    if (s->site2) {
        asm_fix32(s->site2, a->p);
    }
    refill_window(e, s);
    if (s->x1 != NO_REG) {
        uint8_t *miss = emit_probe(e, ad, s->x0, s->x1, load ? MMU_READ : MMU_WRITE);
        if (load) {
            load_from(e, s->dst, host_mem(ad, s->x0, s->x1));
        } else {
            store_to(e, host_mem(ad, s->x0, s->x1), s->value, ir_mo_bytes(s->in->memop));
        }
        asm_rr(a, OP_XOR, s->x0, s->x0);
        asm_jmp(a, s->resume);
        asm_fix32(miss, a->p);
    }
    slow_address(e, s);
    if (!load) {
        slow_stored(e, s);
    }
    emit_slow_begin(e, s);
    slow_memop(e, s, 0);
    asm_call(a, load ? load_thunk(s->in) : store_thunk(s->in));
    emit_slow_end(e, s);
    slow_result(e, s);
    asm_rr(a, OP_XOR, s->x0, s->x0);
    asm_jmp(a, s->resume);
}

/* True: the access was made as part of a group. */
static bool emit_grouped(Emit *e)
{
    Asm *a = &e->a;
    unsigned g = e->insn_group[e->i];
    MemGroup *group = &e->groups[g];
    bool load = e->in->op == IR_ld, fp = load && fp_load(e);
    if (!g || (--group->left == 0 && group->reg == NO_REG)) {
        return false;
    }
    unsigned base = ra_gpr(e, 0), d = NO_REG;
    Opnd v = { 0 };
    if (!load) {
        v = store_value(e, ir_mo_bytes(e->in->memop));
    }
    Address ad = { base, e->in->imm };
    bool first = group->reg == NO_REG;
    unsigned addend = first ? ra_alloc(e, CLS_GPR) : group->reg, scratch;
    uint8_t *site, *site2 = NULL;
    e->locked |= 1u << addend;
    scratch = first ? ra_alloc(e, CLS_GPR) : ra_try_alloc(e);
    if (fp) {
        d = ra_def(e, CLS_XMM, NO_REG);
    } else if (load && scratch == NO_REG) {
        d = ra_def_early(e, CLS_GPR);
    }
    if (first && group->window) {
        site = check_window(e, group->window, base, addend);
    } else if (first) {
        probe_begin(e, base, group->first, group->last, 0, addend, scratch);
        site = compare_tag(e, addend, scratch, group->reads ? MMU_READ : MMU_WRITE);
        if (group->reads && group->writes) {
            site2 = compare_tag(e, addend, scratch, MMU_WRITE);
        }
        load_addend(e, addend);
    } else {
        asm_rr(a, OP_TEST | O_W, addend, addend);
        site = asm_jcc_fwd(a, CC_E);
    }
    Stub *s = mem_stub(e, stub_group, site, ad, addend);
    s->site2 = site2;
    window_stub(s, first && group->window ? g : 0, scratch, a->p);
    s->value = v;
    ra_release(e);
    if (load) {
        if (d == NO_REG) {
            ra_recycle(e, scratch);
            d = ra_def(e, CLS_GPR, scratch);
        }
        s->dst = (uint8_t)d;
        load_from(e, d, host_mem(ad, addend, NO_REG));
    } else {
        store_to(e, host_mem(ad, addend, NO_REG), v, ir_mo_bytes(e->in->memop));
    }
    s->resume = a->p;
    if (first) {
        group->reg = (uint8_t)addend;
        ra_hold(e, addend, (IrRef)(IR_GROUP_BASE | g), e->group_next[e->i]);
    } else {
        e->r[addend].next = e->group_next[e->i];
    }
    if (load) {
        ra_def_end(e, d);
    }
    return true;
}

/* --- atomics --- */

/* Loads of operands of atomics are sign-extended if the memop says so. */
static void extend_old(Emit *e, unsigned d, unsigned s)
{
    IrMemOp m = e->in->memop;
    bool i32 = e->in->type == IR_I32;
    switch (m & (IR_MO_SIZE | IR_MO_SIGN)) {
    case IR_MO_8:
        asm_rr(&e->a, OP_MOVZX8, d, s);
        break;
    case IR_MO_16:
        asm_rr(&e->a, OP_MOVZX16, d, s);
        break;
    case IR_MO_8 | IR_MO_SIGN:
        asm_rr(&e->a, OP_MOVSX8 | (i32 ? 0 : O_W), d, s);
        break;
    case IR_MO_16 | IR_MO_SIGN:
        asm_rr(&e->a, OP_MOVSX16 | (i32 ? 0 : O_W), d, s);
        break;
    case IR_MO_32 | IR_MO_SIGN:
        asm_rr(&e->a, i32 ? OP_MOV : OP_MOVSXD, d, s);
        break;
    case IR_MO_32:
        asm_rr(&e->a, OP_MOV, d, s);
        break;
    default:
        asm_mov_rr(&e->a, d, s);
        break;
    }
}

static unsigned sized_op(unsigned op8, unsigned op, unsigned size)
{
    return size == 1 ? op8 | O_B8 : size == 2 ? op | O_66 : size == 4 ? op : op | O_W;
}

enum { LOCK = 0xf0 };

/*
 * The address has to be aligned for the inline path whether the guest insists or not: the page
 * check is made with the alignment bits (unaligned atomics go to C, which decides).
 */
static uint8_t *probe_atomic(Emit *e, Address *ad, unsigned index, unsigned page)
{
    IrInsn aligned = *e->in;
    const IrInsn *saved = e->in;
    aligned.memop |= IR_MO_ALIGN;
    e->in = &aligned;
    uint8_t *site = emit_probe(e, *ad, index, page, MMU_WRITE);
    e->in = saved;
    return site;
}

/* index = host address */
static void full_address(Emit *e, Address ad, unsigned index, unsigned page)
{
    if (ad.base == NO_REG) {
        asm_rr(&e->a, OP_ADD | O_W, index, page);
    } else {
        asm_rm(&e->a, OP_LEA | O_W, index, mem_bid(ad.base, index, 0, (int32_t)ad.offset));
    }
}

/* Tags of writable RAM imply readability for all our guests' atomics; C sorts out the rest. */
static void emit_rmw(Emit *e)
{
    Asm *a = &e->a;
    const IrInsn *in = e->in;
    IrMemOp m = in->memop;
    unsigned size = ir_mo_bytes(m);
    ra_take(e, RAX); /* cmpxchg's; also the page of the probe */
    Address ad = get_address(e);
    Opnd v = { .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 1) };
    unsigned index = ra_alloc(e, CLS_GPR);
    if (always_slow(e->in) || (m & IR_MO_BE)) {
        Stub *s = mem_stub(e, stub_atomic, asm_jmp_fwd(a), ad, index);
        s->value = v;
        s->dst = RAX;
        s->resume = a->p;
        ra_release(e);
        ra_def_end(e, RAX);
        return;
    }
    unsigned page = in->aux == IR_RMW_SWAP || in->aux == IR_RMW_ADD ? RAX
                                                                    : ra_alloc(e, CLS_GPR);
    uint8_t *site = probe_atomic(e, &ad, index, page);
    Stub *s = mem_stub(e, stub_atomic, site, ad, index);
    s->value = v;
    s->dst = RAX;
    Mem to = host_mem(ad, index, page);
    unsigned ops[] = { [IR_RMW_AND] = OP_AND, [IR_RMW_OR] = OP_OR, [IR_RMW_XOR] = OP_XOR };
    unsigned old = RAX;
    if (in->dst == IR_NONE && (in->aux == IR_RMW_ADD || in->aux == IR_RMW_AND ||
                               in->aux == IR_RMW_OR || in->aux == IR_RMW_XOR)) {
        unsigned op = in->aux == IR_RMW_ADD ? OP_ADD_MR : ops[in->aux] - 2;
        asm8(a, LOCK);
        asm_rm(a, sized_op(op - 1, op, size), v.reg, to);
        s->resume = a->p;
        return;
    }
    switch (in->aux) {
    case IR_RMW_SWAP:
    case IR_RMW_ADD:
        if (ad.base == NO_REG) {
            full_address(e, ad, index, page);
            to = mem_bd(index, 0);
        }
        asm_mov_rr(a, RAX, v.reg);
        if (in->aux == IR_RMW_ADD) {
            asm8(a, LOCK);
            asm_rm(a, sized_op(0xc0 | O_0F, 0xc1 | O_0F, size), RAX, to);
        } else {
            asm_rm(a, sized_op(0x86, 0x87, size), RAX, to);
        }
        break;
    default: {
        full_address(e, ad, index, page);
        to = mem_bd(index, 0);
        asm_rm(a, load_op(m & ~(unsigned)IR_MO_SIGN, false), RAX, to);
        uint8_t *again = a->p;
        unsigned w = size == 8 ? O_W : 0;
        switch (in->aux) {
        case IR_RMW_AND:
        case IR_RMW_OR:
        case IR_RMW_XOR:
            asm_mov_rr(a, page, RAX);
            asm_rr(a, ops[in->aux] | O_W, page, v.reg);
            break;
        case IR_RMW_ANDN:
            asm_mov_rr(a, page, v.reg);
            asm_rr(a, 0xf7 | O_W, 2, page);
            asm_rr(a, OP_AND | O_W, page, RAX);
            break;
        default: {
            unsigned cc = in->aux == IR_RMW_SMIN ? CC_L : in->aux == IR_RMW_SMAX ? CC_G
                        : in->aux == IR_RMW_UMIN ? CC_B : CC_A;
            asm_mov_rr(a, page, v.reg);
            /* compare at the operand's own width */
            asm_rr(a, size == 1 ? 0x3a | O_B8 | O_B8RM : size == 2 ? OP_CMP | O_66 : OP_CMP | w,
                   RAX, page);
            asm_rr(a, (OP_CMOV + cc) | O_W, page, RAX);
            break;
        }
        }
        asm8(a, LOCK);
        asm_rm(a, sized_op(0xb0 | O_0F, 0xb1 | O_0F, size), page, to);
        asm_jcc(a, CC_NE, again);
        break;
    }
    }
    extend_old(e, RAX, old);
    s->resume = a->p;
    ra_release(e);
    ra_def_end(e, RAX);
}

static void emit_cas(Emit *e)
{
    Asm *a = &e->a;
    const IrInsn *in = e->in;
    IrMemOp m = in->memop;
    unsigned size = ir_mo_bytes(m);
    ra_take(e, RAX);
    Address ad = get_address(e);
    Opnd expect = { .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 1) };
    Opnd value = { .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 2) };
    unsigned index = ra_alloc(e, CLS_GPR);
    bool slow = always_slow(e->in) || (m & IR_MO_BE);
    uint8_t *site = slow ? asm_jmp_fwd(a) : probe_atomic(e, &ad, index, RAX);
    Stub *s = mem_stub(e, stub_atomic, site, ad, index);
    s->value = expect;
    s->value2 = value;
    s->dst = RAX;
    if (!slow) {
        if (ad.base == NO_REG) {
            full_address(e, ad, index, RAX);
        }
        Mem to = ad.base == NO_REG ? mem_bd(index, 0) : host_mem(ad, index, RAX);
        asm_mov_rr(a, RAX, expect.reg);
        asm8(a, LOCK);
        asm_rm(a, sized_op(0xb0 | O_0F, 0xb1 | O_0F, size), value.reg, to);
        extend_old(e, RAX, RAX);
    }
    s->resume = a->p;
    ra_release(e);
    ra_def_end(e, RAX);
}

void emit_mem(Emit *e)
{
    switch (e->in->op) {
    case IR_ld:
        if (!emit_grouped(e)) {
            emit_ld(e);
        }
        break;
    case IR_st:
        if (!emit_grouped(e)) {
            emit_st(e);
        }
        break;
    case IR_rmw:
        emit_rmw(e);
        break;
    case IR_cas:
        emit_cas(e);
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
