/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What register assignment knows before code is emitted: when a value is read next, and what a loop
 * has in registers.
 *
 * Code with loops in it (a region, or a block that jumps back to its own start) does more than other
 * code: the slots that it uses most get the pins' registers and xmm registers for the whole block
 * ("soft" pins). The block's entry makes the exchange, its back edge enters after that, and everything
 * that leaves the block, be it to C, goes through emit_standard_map. Soft pins that the block writes
 * are not kept up to date in memory.
 */
#include "emit.h"

/* --- the scan --- */

static void grow_tables(Emit *e)
{
    IrFunc *f = e->f;
    if (e->cap_next_use < f->n) {
        e->cap_next_use = f->n + 256;
        e->next_use = g_renew(NextUse, e->next_use, e->cap_next_use);
        e->insn_group = g_renew(uint16_t, e->insn_group, e->cap_next_use);
        e->group_next = g_renew(uint16_t, e->group_next, e->cap_next_use);
        e->depth = g_renew(uint8_t, e->depth, e->cap_next_use);
        e->moves = g_renew(uint8_t, e->moves, e->cap_next_use);
    }
    if (e->cap_temps <= f->n_temps) { /* also for none: memset takes no NULL */
        e->cap_temps = f->n_temps + 256;
        e->temp_loc = g_renew(uint8_t, e->temp_loc, e->cap_temps);
        e->temp_spill = g_renew(uint16_t, e->temp_spill, e->cap_temps);
        e->temp_clean = g_renew(uint8_t, e->temp_clean, e->cap_temps);
        e->scan_temp = g_renew(uint16_t, e->scan_temp, e->cap_temps);
    }
    if (e->cap_slots < f->n_slots) {
        e->cap_slots = f->n_slots;
        e->slot_loc[0] = g_renew(int8_t, e->slot_loc[0], e->cap_slots);
        e->slot_loc[1] = g_renew(int8_t, e->slot_loc[1], e->cap_slots);
        e->slot_fixed = g_renew(int8_t, e->slot_fixed, e->cap_slots);
        e->slot_boxed = g_renew(uint8_t, e->slot_boxed, e->cap_slots);
        e->slot_clean = g_renew(uint8_t, e->slot_clean, e->cap_slots);
        e->scan_slot = g_renew(uint16_t, e->scan_slot, e->cap_slots);
        e->scan_epoch = g_renew(uint16_t, e->scan_epoch, e->cap_slots);
    }
    if (e->cap_labels < f->n_labels + 1) {
        e->cap_labels = f->n_labels + 16;
        e->label_at = g_renew(uint8_t *, e->label_at, e->cap_labels);
        e->label_seen = g_renew(bool, e->label_seen, e->cap_labels);
    }
    memset(e->label_seen, 0, (f->n_labels + 1) * sizeof(*e->label_seen));
    memset(e->label_at, 0, (f->n_labels + 1) * sizeof(*e->label_at));
}

static uint16_t next_of(const Emit *e, IrRef r, uint16_t epoch)
{
    if (ir_is_temp(r)) {
        return e->scan_temp[r];
    }
    if (ir_is_slot(r)) {
        unsigned s = ir_slot_index(r);
        return e->scan_epoch[s] == epoch ? e->scan_slot[s] : NEVER;
    }
    return NEVER;
}

static void set_next(Emit *e, IrRef r, uint16_t epoch, uint16_t i)
{
    if (ir_is_temp(r)) {
        e->scan_temp[r] = i;
    } else if (ir_is_slot(r)) {
        unsigned s = ir_slot_index(r);
        e->scan_slot[s] = i;
        e->scan_epoch[s] = epoch;
    }
}

static bool loop_depths(Emit *e, uint8_t *depth);

/* May it be a jump to somewhere in this code? */
static bool is_loop_exit(const Emit *e, const IrInsn *in)
{
    return (in->op == IR_exit_if || in->op == IR_exit_jump) &&
           (in->aux || (uint64_t)in->imm == e->b->pc);
}

void ra_scan(Emit *e)
{
    IrFunc *f = e->f;
    uint16_t epoch = 1;
    bool loops = false;
    grow_tables(e);
    memset(e->scan_temp, 0xff, f->n_temps * sizeof(*e->scan_temp));
    memset(e->scan_epoch, 0, f->n_slots * sizeof(*e->scan_epoch));
    for (unsigned i = f->n; i-- > 0;) {
        const IrInsn *in = &f->insns[i];
        NextUse *nu = &e->next_use[i];
        if (in->op == IR_insn) {
            continue;
        }
        if (in->op == IR_label || in->op == IR_call) {
            epoch++; /* copies of slots don't survive these */
        }
        loops |= is_loop_exit(e, in);
        nu->dst = NEVER;
        if (in->dst != IR_NONE) {
            nu->dst = next_of(e, in->dst, epoch);
            set_next(e, in->dst, epoch, NEVER);
        }
        nu->use[0] = next_of(e, in->a, epoch);
        nu->use[1] = next_of(e, in->b, epoch);
        nu->use[2] = nu->use[3] = NEVER;
        if (in->c != IR_NONE || in->d != IR_NONE) { /* few have so many */
            nu->use[2] = next_of(e, in->c, epoch);
            nu->use[3] = next_of(e, in->d, epoch);
            set_next(e, in->c, epoch, (uint16_t)i);
            set_next(e, in->d, epoch, (uint16_t)i);
        }
        set_next(e, in->a, epoch, (uint16_t)i);
        set_next(e, in->b, epoch, (uint16_t)i);
    }
    e->loops = loops && loop_depths(e, e->depth);
}

/* --- pins of a loop --- */

/*
 * Nesting of the instructions in loops that are within this code, from its backward exits; false
 * if there is none. In a region these name the label that they go to, in a plain block only those
 * to the block's own address count.
 */
static bool loop_depths(Emit *e, uint8_t *depth)
{
    const IrFunc *f = e->f;
    unsigned at[f->n_labels + 1];
    bool found = false;
    if (e->nochain || e->icount || e->b->page[1] != UINT64_MAX) {
        return false;
    }
    memset(depth, 0, f->n);
    for (unsigned i = 0; i < f->n; i++) {
        const IrInsn *in = &f->insns[i];
        unsigned from;
        if (in->op == IR_label) {
            at[in->aux] = i;
            e->label_seen[in->aux] = true;
        }
        if (in->op != IR_exit_if && in->op != IR_exit_jump) {
            continue;
        }
        if (in->aux && e->label_seen[in->aux - 1]) {
            from = at[in->aux - 1];
        } else if (!in->aux && (uint64_t)in->imm == e->b->pc) {
            from = 0;
        } else {
            continue;
        }
        found = true;
        for (unsigned k = from; k <= i; k++) {
            depth[k] += depth[k] < 3;
        }
    }
    return found;
}

typedef struct SlotUse {
    uint32_t uses;
    bool written, boxed;
} SlotUse;

static void count_slot(SlotUse *u, IrRef r, unsigned weight)
{
    if (ir_is_slot(r)) {
        u[ir_slot_index(r)].uses += weight;
    }
}

static void make_soft(Emit *e, unsigned slot, unsigned reg, const SlotUse *u)
{
    e->slot_fixed[slot] = (int8_t)reg;
    e->soft |= 1u << reg;
    e->soft_slot[reg] = (uint16_t)slot;
    if (u->written) {
        e->soft_written |= 1u << reg;
    }
    if (u->boxed) {
        e->soft_through |= 1u << reg;
    }
    e->allowed &= ~(1u << reg);
}

void ra_choose_soft_pins(Emit *e)
{
    enum { XMM_SOFT = 10, XMM_SOFT_VEC = 8 }; /* vector operations need up to 8 for themselves */
    const IrFunc *f = e->f;
    SlotUse use[f->n_slots];
    int pinned[IR_N_PINS]; /* slot that now has the pin's register */
    memset(use, 0, sizeof use);
    for (unsigned i = 0; i < f->n; i++) {
        const IrInsn *in = &f->insns[i];
        unsigned weight = 1u << 3 * e->depth[i];
        count_slot(use, in->a, weight);
        count_slot(use, in->b, weight);
        count_slot(use, in->c, weight);
        count_slot(use, in->d, weight);
        if (ir_is_slot(in->dst)) { /* a move to memory is nearly as good as one to a register */
            SlotUse *u = &use[ir_slot_index(in->dst)];
            u->uses += in->op == IR_mov && f->slots[u - use].type == IR_I64 ? weight / 2 : weight;
            u->written = true;
        }
        if (in->op == IR_funbox && ir_is_slot(in->a)) {
            use[ir_slot_index(in->a)].boxed = true;
        }
    }
    use[f->pc_slot].uses = 0;
    memcpy(pinned, pin_slot, sizeof pinned);
    for (;;) { /* the most used slot without a register takes that of the least used one */
        int best = -1, worst = -1;
        for (unsigned s = 0; s < f->n_slots; s++) {
            if (use[s].uses && f->slots[s].type == IR_I64 && e->slot_fixed[s] < 0 &&
                (best < 0 || use[s].uses > use[best].uses)) {
                best = (int)s;
            }
        }
        for (unsigned p = 0; p < IR_N_PINS; p++) {
            if (pinned[p] >= 0 && pinned[p] == pin_slot[p] &&
                (worst < 0 || use[pinned[p]].uses < use[pinned[worst]].uses)) {
                worst = (int)p;
            }
        }
        if (best < 0 || worst < 0 ||
            (use[pinned[worst]].uses && use[pinned[worst]].uses + 1u >= use[best].uses)) {
            break;
        }
        e->slot_fixed[pinned[worst]] = -1;
        e->evicted |= 1u << pin_regs[worst];
        make_soft(e, (unsigned)best, pin_regs[worst], &use[best]);
        pinned[worst] = best;
    }
    unsigned xmm_soft = XMM_SOFT;
    for (unsigned s = 0; s < f->n_slots; s++) {
        if (use[s].uses && f->slots[s].type == IR_V128) {
            xmm_soft = XMM_SOFT_VEC;
        }
    }
    for (unsigned n = 0; n < xmm_soft; n++) {
        int best = -1;
        for (unsigned s = 0; s < f->n_slots; s++) {
            if (use[s].uses && f->slots[s].type != IR_I64 && e->slot_fixed[s] < 0 &&
                (best < 0 || use[s].uses > use[best].uses)) {
                best = (int)s;
            }
        }
        if (best < 0) {
            break;
        }
        make_soft(e, (unsigned)best, XMM0 + 15 - n, &use[best]);
    }
}
