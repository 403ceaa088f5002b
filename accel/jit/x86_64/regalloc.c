/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register assignment, done while code is emitted: one scan backwards (ra_scan.c) has found for every
 * operand when its value is read next; going forward, temps and copies of unpinned slots get registers
 * as they come, and the one that is needed last gives way.
 *
 * A slot's cell in memory is always current (writes go through), so copies can be forgotten at any
 * time; that keeps labels, slow paths and helper calls simple. The soft pins of a loop are an
 * exception: see ra_scan.c.
 */
#include "accel/ir/internal.h"
#include "emit.h"

const uint8_t pin_regs[IR_N_PINS] = { RBX, R8, R9, R10, R11, R12, R13, R15 };
int pin_slot[IR_N_PINS];
static int8_t slot_pin[IR_MAX_SLOTS]; /* by slot: its register at block boundaries, or -1 */

void ra_init(const TargetOps *t)
{
    for (unsigned p = 0; p < IR_N_PINS; p++) {
        pin_slot[p] = -1;
    }
    for (unsigned s = 0; s < t->n_slots; s++) {
        int pin = t->slots[s].pin;
        slot_pin[s] = pin >= 0 ? (int8_t)pin_regs[pin] : -1;
        if (pin >= 0) {
            pin_slot[pin] = (int)s;
        }
    }
}

void ra_begin(Emit *e)
{
    const IrFunc *f = e->f;
    memset(e->temp_loc, LOC_NONE, f->n_temps);
    memset(e->temp_spill, 0xff, f->n_temps * sizeof(*e->temp_spill));
    memset(e->slot_loc[0], -1, f->n_slots);
    memset(e->slot_loc[1], -1, f->n_slots);
    memset(e->slot_boxed, 0, f->n_slots);
    memset(e->slot_clean, 0, f->n_slots);
    for (unsigned i = 0; i < N_HOST_REGS; i++) {
        e->r[i].ref = IR_NONE;
    }
    memcpy(e->slot_fixed, slot_pin, f->n_slots);
    e->allowed = GPR_TEMPS | 0xffff0000u;
    e->soft = e->soft_written = e->soft_through = e->evicted = 0;
    if (e->loops && e->faster) {
        ra_choose_soft_pins(e);
    }
    e->free = e->allowed;
    e->locked = e->released = 0;
    e->n_spills = 0;
}

/* --- registers --- */

static void unbind(Emit *e, unsigned reg)
{
    IrRef ref = e->r[reg].ref;
    if (ref == IR_NONE) {
        return;
    }
    if (ir_is_temp(ref)) {
        e->temp_loc[ref] = e->temp_spill[ref] != NEVER ? LOC_SPILLED : LOC_NONE;
    } else if (ir_is_slot(ref)) {
        e->slot_loc[reg >= XMM0][ir_slot_index(ref)] = -1;
    } else if (ref >= IR_GROUP_BASE) {
        mem_group_forget(e, ref);
    }
    e->r[reg].ref = IR_NONE;
    e->free |= 1u << reg;
}

static void bind(Emit *e, unsigned reg, IrRef ref, uint16_t next)
{
    e->r[reg] = (RegState){ ref, next, false };
    e->free &= ~(1u << reg);
    if (ir_is_temp(ref)) {
        e->temp_loc[ref] = (uint8_t)reg;
    } else if (ir_is_slot(ref)) {
        e->slot_loc[reg >= XMM0][ir_slot_index(ref)] = (int8_t)reg;
    }
}

static Mem spill_mem(unsigned n)
{
    return mem_bd(RSP, FRAME_SPILL + (int32_t)n * 8);
}

void emit_xmm_store(Emit *e, bool vec, Mem to, unsigned reg)
{
    asm_rm(&e->a, vec ? OP_MOVUPS_MR : OP_MOVSD_MR, reg - XMM0, to);
}

void emit_xmm_load(Emit *e, bool vec, unsigned reg, Mem from)
{
    asm_rm(&e->a, vec ? OP_MOVUPS : OP_MOVSD, reg - XMM0, from);
}

static void spill(Emit *e, unsigned reg)
{
    IrRef ref = e->r[reg].ref;
    if (e->temp_spill[ref] == NEVER) {
        bool vec = ref_is_vec(e, ref);
        /* Far more cells than a block of CODE_BLOCK_MAX_INSNS can have live temps. */
        g_assert(e->n_spills + vec < FRAME_N_SPILLS);
        e->temp_spill[ref] = (uint16_t)e->n_spills;
        e->n_spills += vec ? 2 : 1;
        if (reg >= XMM0) {
            emit_xmm_store(e, vec, spill_mem(e->temp_spill[ref]), reg);
        } else {
            asm_store(&e->a, spill_mem(e->temp_spill[ref]), reg);
        }
    }
    unbind(e, reg);
}

/* Makes room: forgets a copy, else spills a temp; whichever is needed last. */
static unsigned evict_one(Emit *e, uint32_t candidates)
{
    unsigned best = NO_REG, best_temp = NO_REG;
    for (uint32_t m = candidates; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);
        if (ir_is_temp(e->r[reg].ref)) {
            if (best_temp == NO_REG || e->r[reg].next > e->r[best_temp].next) {
                best_temp = reg;
            }
        } else if (best == NO_REG || e->r[reg].next > e->r[best].next) {
            best = reg;
        }
    }
    if (best != NO_REG) {
        unbind(e, best);
        return best;
    }
    g_assert(best_temp != NO_REG);
    spill(e, best_temp);
    return best_temp;
}

static uint32_t class_mask(const Emit *e, unsigned cls)
{
    return e->allowed & (cls == CLS_GPR ? 0xffffu : 0xffff0000u);
}

unsigned ra_alloc(Emit *e, unsigned cls)
{
    uint32_t m = e->free & ~e->locked & class_mask(e, cls);
    unsigned reg = m ? (unsigned)__builtin_ctz(m)
                     : evict_one(e, class_mask(e, cls) & ~e->locked);
    e->locked |= 1u << reg;
    e->free &= ~(1u << reg);
    return reg;
}

unsigned ra_try_alloc(Emit *e)
{
    uint32_t m = e->free & ~e->locked & class_mask(e, CLS_GPR);
    return m ? ra_alloc(e, CLS_GPR) : NO_REG;
}

void ra_recycle(Emit *e, unsigned reg)
{
    e->released |= 1u << reg;
}

void ra_hold(Emit *e, unsigned reg, IrRef what, uint16_t next)
{
    bind(e, reg, what, next);
}

void ra_take(Emit *e, unsigned reg)
{
    IrRef ref = e->r[reg].ref;
    if (ir_is_temp(ref)) {
        uint32_t m = e->free & ~e->locked & class_mask(e, reg >= XMM0);
        if (m && reg < XMM0) {
            unsigned to = (unsigned)__builtin_ctz(m);
            uint16_t next = e->r[reg].next;
            asm_mov_rr(&e->a, to, reg);
            unbind(e, reg);
            bind(e, to, ref, next);
        } else {
            spill(e, reg);
        }
    } else {
        unbind(e, reg);
    }
    e->locked |= 1u << reg;
    e->free &= ~(1u << reg);
}

void ra_insn_end(Emit *e)
{
    /* Scratch registers and results that nobody reads become free. */
    for (uint32_t m = e->locked | e->released; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);
        if (e->r[reg].ref == IR_NONE) {
            e->free |= 1u << reg;
        } else if (e->r[reg].next == NEVER) {
            unbind(e, reg);
        }
    }
    e->free &= e->allowed;
    e->locked = e->released = 0;
}

/* --- operands --- */

static void lock(Emit *e, unsigned reg)
{
    e->locked |= 1u << reg;
}

static Opnd opnd_reg(unsigned reg)
{
    return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)reg };
}

static Opnd opnd_mem(Mem m)
{
    return (Opnd){ .kind = OPND_MEM, .mem = m };
}

static unsigned const_gpr(Emit *e, IrRef ref, uint64_t v)
{
    for (uint32_t m = e->allowed & ~e->free & 0xffff; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);
        if (e->r[reg].ref == ref) {
            lock(e, reg);
            return reg;
        }
    }
    unsigned reg = ra_alloc(e, CLS_GPR);
    asm_mov_ri(&e->a, reg, v);
    if (v != (uint64_t)(int64_t)(int32_t)v) {
        bind(e, reg, ref, NEVER - 1);
    }
    return reg;
}

static Opnd get(Emit *e, unsigned which, bool want_reg)
{
    IrRef ref = operand_ref(e, which);
    uint16_t next = e->nu->use[which];
    if (ir_is_const(ref)) {
        uint64_t v = ir_const_value(e->f, ref);
        /* (a is an address in memory operations of type I32) */
        if (e->in->type == IR_I32 && which > 0 && e->in->op != IR_call) {
            v = (uint64_t)(int64_t)(int32_t)v;
        }
        if (!want_reg && v == (uint64_t)(int64_t)(int32_t)v) {
            return (Opnd){ .kind = OPND_IMM, .imm = (int64_t)v };
        }
        return opnd_reg(const_gpr(e, ref, ir_const_value(e->f, ref)));
    }
    if (ir_is_slot(ref)) {
        unsigned s = ir_slot_index(ref);
        int fixed = e->slot_fixed[s], copy = e->slot_loc[CLS_GPR][s];
        if (fixed >= 0 && fixed < XMM0) {
            return opnd_reg((unsigned)fixed);
        }
        if (fixed >= XMM0) {
            unsigned reg = ra_alloc(e, CLS_GPR);
            asm_rr(&e->a, OP_MOVQ_RX, (unsigned)fixed - XMM0, reg);
            return opnd_reg(reg);
        }
        if (copy >= 0) {
            e->r[copy].next = next;
            lock(e, (unsigned)copy);
            return opnd_reg((unsigned)copy);
        }
        if (!want_reg && next == NEVER) {
            return opnd_mem(slot_mem(e, s));
        }
        unsigned reg = ra_alloc(e, CLS_GPR);
        asm_load(&e->a, reg, slot_mem(e, s));
        if (next != NEVER) {
            bind(e, reg, ref, next);
        }
        return opnd_reg(reg);
    }
    unsigned loc = e->temp_loc[ref];
    if (loc < XMM0) {
        e->r[loc].next = next;
        lock(e, loc);
        return opnd_reg(loc);
    }
    if (loc < N_HOST_REGS) {
        unsigned reg = ra_alloc(e, CLS_GPR);
        e->r[loc].next = next;
        lock(e, loc);
        asm_rr(&e->a, e->f->temp_type[ref] == IR_F32 ? OP_MOVD_RX : OP_MOVQ_RX, loc - XMM0, reg);
        return opnd_reg(reg);
    }
    Mem m = spill_mem(e->temp_spill[ref]);
    if (!want_reg && next == NEVER) {
        return opnd_mem(m);
    }
    unsigned reg = ra_alloc(e, CLS_GPR);
    asm_load(&e->a, reg, m);
    if (next != NEVER && !ref_is_xmm(e, ref)) {
        bind(e, reg, ref, next);
    }
    return opnd_reg(reg);
}

Opnd ra_opnd(Emit *e, unsigned which)
{
    return get(e, which, false);
}

unsigned ra_gpr(Emit *e, unsigned which)
{
    return get(e, which, true).reg;
}

/* A copy of a vector slot in a register is always of all 16 bytes. */
static Opnd get_xmm(Emit *e, unsigned which, bool single, bool want_reg)
{
    IrRef ref = operand_ref(e, which);
    uint16_t next = e->nu->use[which];
    unsigned reg;
    Mem m;
    if (ir_is_const(ref)) {
        uint64_t v = ir_const_value(e->f, ref);
        reg = ra_alloc(e, CLS_XMM);
        if (v == 0) {
            asm_rr(&e->a, 0x57 | O_0F, reg - XMM0, reg - XMM0);
        } else {
            unsigned g = ra_alloc(e, CLS_GPR);
            asm_mov_ri(&e->a, g, v);
            asm_rr(&e->a, OP_MOVQ_XR, reg - XMM0, g);
        }
        return opnd_reg(reg);
    }
    if (ir_is_slot(ref)) {
        unsigned s = ir_slot_index(ref);
        int fixed = e->slot_fixed[s], copy = e->slot_loc[CLS_XMM][s];
        if (fixed >= 0 && fixed < XMM0) {
            reg = ra_alloc(e, CLS_XMM);
            asm_rr(&e->a, OP_MOVQ_XR, reg - XMM0, (unsigned)fixed);
            return opnd_reg(reg);
        }
        if (fixed >= XMM0) {
            return opnd_reg((unsigned)fixed);
        }
        if (copy >= 0 && (single || !e->r[copy].single)) {
            e->r[copy].next = next;
            lock(e, (unsigned)copy);
            return opnd_reg((unsigned)copy);
        }
        m = slot_mem(e, s);
        if (!want_reg && next == NEVER) {
            return opnd_mem(m);
        }
        if (copy >= 0) { /* only an F32 of it */
            unbind(e, (unsigned)copy);
        }
        reg = ra_alloc(e, CLS_XMM);
        emit_xmm_load(e, ref_is_vec(e, ref), reg, m);
        if (next != NEVER) {
            bind(e, reg, ref, next);
        }
        return opnd_reg(reg);
    }
    unsigned loc = e->temp_loc[ref];
    if (loc < N_HOST_REGS) {
        e->r[loc].next = next;
        lock(e, loc);
        if (loc >= XMM0) {
            return opnd_reg(loc);
        }
        reg = ra_alloc(e, CLS_XMM);
        asm_rr(&e->a, OP_MOVQ_XR, reg - XMM0, loc);
        return opnd_reg(reg);
    }
    m = spill_mem(e->temp_spill[ref]);
    if (!want_reg && next == NEVER) {
        return opnd_mem(m);
    }
    reg = ra_alloc(e, CLS_XMM);
    emit_xmm_load(e, ref_is_vec(e, ref), reg, m);
    if (next != NEVER && ref_is_xmm(e, ref)) {
        bind(e, reg, ref, next);
    }
    return opnd_reg(reg);
}

unsigned ra_vec(Emit *e, unsigned which)
{
    return get_xmm(e, which, false, true).reg;
}

/* Without VEX an operand in memory would have to be aligned. */
Opnd ra_vec_opnd(Emit *e, unsigned which)
{
    return get_xmm(e, which, false, !host.avx);
}

unsigned ra_xmm(Emit *e, unsigned which, bool single)
{
    return get_xmm(e, which, single, true).reg;
}

Opnd ra_xmm_opnd(Emit *e, unsigned which, bool single)
{
    return get_xmm(e, which, single, false);
}

void ra_release(Emit *e)
{
    for (unsigned which = 0; which < 4; which++) {
        IrRef ref = operand_ref(e, which);
        if (ref == IR_NONE || ir_is_const(ref) || e->nu->use[which] != NEVER) {
            continue;
        }
        for (unsigned cls = 0; cls < 2; cls++) {
            int reg = -1;
            if (ir_is_slot(ref)) {
                reg = e->slot_loc[cls][ir_slot_index(ref)];
            } else if (cls == 0 && e->temp_loc[ref] < N_HOST_REGS) {
                reg = e->temp_loc[ref];
            }
            if (reg >= 0) {
                unbind(e, (unsigned)reg);
                e->free &= ~(1u << reg);
                e->released |= 1u << reg;
                e->locked |= 1u << reg;
            }
        }
    }
}

/* --- results --- */

static void forget_dst_copies(Emit *e, IrRef dst)
{
    if (ir_is_slot(dst)) {
        unsigned s = ir_slot_index(dst);
        for (unsigned cls = 0; cls < 2; cls++) {
            int reg = e->slot_loc[cls][s];
            if (reg >= 0) {
                bool was_locked = e->locked >> reg & 1;
                unbind(e, (unsigned)reg);
                if (was_locked) {
                    e->free &= ~(1u << reg);
                    e->released |= 1u << reg;
                }
            }
        }
        e->slot_boxed[s] = 0;
    }
}

static int fixed_dst(const Emit *e, unsigned cls)
{
    IrRef dst = e->in->dst;
    if (ir_is_slot(dst)) {
        int fixed = e->slot_fixed[ir_slot_index(dst)];
        if (fixed >= 0 && (fixed >= XMM0) == (cls == CLS_XMM)) {
            return fixed;
        }
    }
    return -1;
}

unsigned ra_def(Emit *e, unsigned cls, unsigned hint)
{
    int fixed = fixed_dst(e, cls);
    forget_dst_copies(e, e->in->dst);
    if (fixed >= 0) {
        return (unsigned)fixed;
    }
    if (hint < N_HOST_REGS && (e->released >> hint & 1) && (hint >= XMM0) == (cls == CLS_XMM)) {
        return hint;
    }
    uint32_t mask = class_mask(e, cls);
    if (!(e->free & ~e->locked & mask) && (e->released & mask)) {
        return (unsigned)__builtin_ctz(e->released & mask);
    }
    return ra_alloc(e, cls);
}

unsigned ra_def_early(Emit *e, unsigned cls)
{
    int fixed = fixed_dst(e, cls);
    if (fixed >= 0) {
        bool used = false;
        for (unsigned which = 0; which < 4; which++) {
            used |= operand_ref(e, which) == e->in->dst;
        }
        if (!used) {
            return (unsigned)fixed;
        }
    }
    return ra_alloc(e, cls);
}

void ra_def_end(Emit *e, unsigned reg)
{
    IrRef dst = e->in->dst;
    if (dst == IR_NONE) {
        return;
    }
    uint16_t next = e->nu->dst;
    if (ir_is_slot(dst)) {
        unsigned s = ir_slot_index(dst);
        int fixed = e->slot_fixed[s];
        forget_dst_copies(e, dst);
        e->insn_clean = false;
        if (fixed >= 0) {
            if ((unsigned)fixed != reg) {
                if (fixed < XMM0) {
                    asm_rr(&e->a, reg < XMM0 ? OP_MOV | O_W : OP_MOVQ_RX,
                           reg < XMM0 ? (unsigned)fixed : reg - XMM0,
                           reg < XMM0 ? reg : (unsigned)fixed);
                } else if (reg < XMM0) {
                    asm_rr(&e->a, OP_MOVQ_XR, (unsigned)fixed - XMM0, reg);
                } else {
                    asm_rr(&e->a, OP_MOVAPS, (unsigned)fixed - XMM0, reg - XMM0);
                }
            }
            if (e->soft_through >> fixed & 1) {
                if (reg < XMM0) {
                    asm_store(&e->a, slot_mem(e, s), reg);
                } else {
                    emit_xmm_store(e, ref_is_vec(e, dst), slot_mem(e, s), reg);
                }
            }
            return;
        }
        if (reg < XMM0) {
            asm_store(&e->a, slot_mem(e, s), reg);
        } else {
            emit_xmm_store(e, ref_is_vec(e, dst), slot_mem(e, s), reg);
        }
    }
    /* A pinned register can't hold anything else; a hinted one may still be someone's. */
    if (next != NEVER && (e->allowed >> reg & 1) && e->r[reg].ref == IR_NONE) {
        bind(e, reg, dst, next);
    } else if (ir_is_temp(dst) && next != NEVER) {
        g_assert_not_reached();
    }
}

void ra_def_single(Emit *e, unsigned single, unsigned cell)
{
    unsigned s = ir_slot_index(e->in->dst);
    int fixed = e->slot_fixed[s];
    forget_dst_copies(e, e->in->dst);
    e->insn_clean = false;
    e->slot_boxed[s] = 1;
    if (fixed >= XMM0) {
        asm_rr(&e->a, OP_MOVAPS, (unsigned)fixed - XMM0, cell - XMM0);
        return;
    }
    if (e->nu->dst == NEVER) {
        return;
    }
    /* The F32 itself is ready earlier than the cell; but its register may have another owner. */
    if ((e->allowed >> single & 1) && e->r[single].ref == IR_NONE) {
        bind(e, single, e->in->dst, e->nu->dst);
        e->r[single].single = true;
    } else {
        bind(e, cell, e->in->dst, e->nu->dst);
    }
}

void ra_def_in_memory(Emit *e)
{
    unsigned s = ir_slot_index(e->in->dst);
    int fixed = e->slot_fixed[s];
    forget_dst_copies(e, e->in->dst);
    e->insn_clean = false;
    if (fixed >= XMM0) {
        emit_xmm_load(e, ref_is_vec(e, e->in->dst), (unsigned)fixed, slot_mem(e, s));
    } else if (fixed >= 0) {
        asm_load(&e->a, (unsigned)fixed, slot_mem(e, s));
    }
}

void ra_drop_all(Emit *e)
{
    for (unsigned reg = 0; reg < N_HOST_REGS; reg++) {
        if (e->r[reg].ref != IR_NONE) {
            unbind(e, reg);
        }
    }
    memset(e->slot_boxed, 0, e->f->n_slots);
    memset(e->slot_clean, 0, e->f->n_slots);
}

void ra_before_call(Emit *e)
{
    for (unsigned reg = 0; reg < N_HOST_REGS; reg++) {
        IrRef ref = e->r[reg].ref;
        if (ref == IR_NONE) {
            continue;
        }
        if (ir_is_temp(ref) && e->r[reg].next != NEVER) {
            uint32_t locked = e->locked;
            spill(e, reg);
            e->locked = locked;
        } else {
            unbind(e, reg);
        }
    }
}

void emit_mov_opnd(Emit *e, bool w, unsigned d, Opnd o)
{
    switch (o.kind) {
    case OPND_REG:
        if (o.reg != d || !w) {
            asm_rr(&e->a, OP_MOV | (w ? O_W : 0), d, o.reg);
        }
        break;
    case OPND_MEM:
        asm_rm(&e->a, OP_MOV | (w ? O_W : 0), d, o.mem);
        break;
    case OPND_IMM:
        asm_mov_ri(&e->a, d, w ? (uint64_t)o.imm : (uint32_t)o.imm);
        break;
    }
}
