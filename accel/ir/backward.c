/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The optimiser's pass backward, linear and without allocation:
 *   dead temps go, and slot writes that nothing can see (overwritten before a read, a fault, an
 *   exit, a label, a helper that reads);
 *   `t = op ...; mov slot, t` becomes `slot = op ...`;
 *   extensions of 32 bits to 64 go where only 32 are read before the slot is written again;
 *   what is read, but by nobody outside of the function's basic block, before the slot is written
 *   again, becomes a temp: engines write unpinned slots through to memory.
 *
 * The pc slot is left alone: engines write it behind the IR's back.
 */
#include "accel/ir/internal.h"

enum { DELETED = IR_N_OPS };

typedef struct Backward {
    IrFunc *f;
    IrScratch *s;
    uint32_t epoch; /* counts what sees slots, in steps of EPOCH */
    unsigned renamed;
} Backward;

/* What is known of a slot, in s->slot_state, if the rest of that is the current epoch. */
enum {
    DEAD = 1,   /* overwritten below before anything can see it */
    UNSEEN = 2, /* overwritten below before anything but operations read it */
    NARROW = 4, /* until then only its low 32 bits are read */
    EPOCH = 8,
};

static inline unsigned slot_state(const Backward *p, unsigned slot)
{
    uint32_t s = p->s->slot_state[slot] - p->epoch;
    return s < EPOCH ? s : 0;
}

static inline void set_slot_state(Backward *p, unsigned slot, unsigned state)
{
    p->s->slot_state[slot] = p->epoch + state;
}

static bool observes_slots(const IrInsn *i)
{
    switch (i->op) {
    case IR_ld: case IR_st: case IR_rmw: case IR_cas: case IR_label: case IR_br: case IR_brcond:
    case IR_exit_if: case IR_exit_jump: case IR_exit_ind: case IR_exit_loop: case IR_exit_lookup:
    case IR_trap_if:
        return true;
    case IR_call:
        return ((const IrHelper *)(intptr_t)i->imm)->effects & (IR_READS | IR_WRITES | IR_FAULTS);
    default:
        return false;
    }
}

static bool is_removable(const IrInsn *i)
{
    if (i->op == IR_call)
        return ((const IrHelper *)(intptr_t)i->imm)->effects == IR_PURE;
    return ir_op_flags[i->op] & IR_OPF_P && !ir_op_sets_fp_flags(i->op);
}

static bool uses(const IrInsn *i, IrRef r)
{
    return i->a == r || i->b == r || i->c == r || i->d == r;
}

static void replace_uses(IrInsn *i, IrRef from, IrRef to)
{
    i->a = i->a == from ? to : i->a;
    i->b = i->b == from ? to : i->b;
    i->c = i->c == from ? to : i->c;
    i->d = i->d == from ? to : i->d;
}

/*
 * insns[at] is `mov slot, t` and t's last use. Makes t's definition write the slot itself where
 * nothing between the two touches the slot or could see it.
 */
static bool write_slot_directly(Backward *p, unsigned at)
{
    enum { LOOK_BACK = 12 };
    IrInsn *insns = p->f->insns;
    IrRef slot = insns[at].dst, t = insns[at].a;
    bool pinned = p->f->slots[ir_slot_index(slot)].pin >= 0;
    unsigned k = at;
    for (;;) {
        if (k == 0 || at - k >= LOOK_BACK)
            return false;
        IrInsn *i = &insns[--k];
        if (i->op == DELETED)
            continue;
        if (i->dst == t)
            break;
        if (i->op == IR_insn || observes_slots(i) || i->dst == slot || uses(i, slot))
            return false;
        /* Other readers would have to read the slot: good if that is a register. */
        if (uses(i, t) && !pinned)
            return false;
    }
    if (insns[k].type == IR_F32)
        return false;
    insns[k].dst = slot;
    for (unsigned n = k + 1; n < at; n++)
        if (insns[n].op != DELETED)
            replace_uses(&insns[n], t, slot);
    return true;
}

/* ---- what of their operands operations read ---- */

static void use(Backward *p, IrRef r, bool narrow)
{
    if (ir_is_temp(r)) {
        p->s->temp_uses[r]++;
        p->s->temp_wide[r] |= !narrow;
    } else if (ir_is_slot(r)) {
        unsigned slot = ir_slot_index(r), state = slot_state(p, slot);
        if (!narrow)
            state &= ~(unsigned)NARROW;
        else if (state & DEAD)
            state |= NARROW;
        set_slot_state(p, slot, state & ~(unsigned)DEAD);
    }
}

/* Is nothing above bit 31 of the result wanted? */
static bool result_is_narrow(const Backward *p, const IrInsn *i)
{
    if (ir_is_temp(i->dst))
        return !p->s->temp_wide[i->dst];
    return ir_is_slot(i->dst) && slot_state(p, ir_slot_index(i->dst)) & NARROW;
}

/* When does an operation look at the low 32 bits of its operands only? */
enum { ALWAYS = 1, OF_I32 = 2, OF_RESULT = 4 };
static const uint8_t narrow_ops[IR_N_OPS] = {
    [IR_mov] = OF_I32 | OF_RESULT, [IR_add] = OF_I32 | OF_RESULT, [IR_sub] = OF_I32 | OF_RESULT,
    [IR_mul] = OF_I32 | OF_RESULT, [IR_and] = OF_I32 | OF_RESULT, [IR_or] = OF_I32 | OF_RESULT,
    [IR_xor] = OF_I32 | OF_RESULT, [IR_andn] = OF_I32 | OF_RESULT, [IR_orn] = OF_I32 | OF_RESULT,
    [IR_xnor] = OF_I32 | OF_RESULT, [IR_not] = OF_I32 | OF_RESULT, [IR_neg] = OF_I32 | OF_RESULT,
    [IR_shl] = OF_I32, [IR_shr] = OF_I32, [IR_sar] = OF_I32, [IR_rotl] = OF_I32,
    [IR_rotr] = OF_I32, [IR_divs] = OF_I32, [IR_divu] = OF_I32, [IR_rems] = OF_I32,
    [IR_remu] = OF_I32, [IR_setcond] = OF_I32, [IR_select] = OF_I32, [IR_exit_if] = OF_I32,
    [IR_brcond] = OF_I32, [IR_addc] = OF_I32, [IR_carry] = OF_I32, [IR_nzcv_add] = OF_I32,
    [IR_nzcv_sub] = OF_I32, [IR_nzcv_logic] = OF_I32, [IR_sext8] = ALWAYS, [IR_sext16] = ALWAYS, [IR_sext32] = ALWAYS,
    [IR_zext8] = ALWAYS, [IR_zext16] = ALWAYS, [IR_zext32] = ALWAYS, [IR_bswap16] = ALWAYS,
    [IR_bswap32] = ALWAYS,
};

static bool reads_narrow(const IrInsn *i, bool result_narrow)
{
    unsigned when = narrow_ops[i->op];
    return (when & OF_I32 && i->type == IR_I32) ||
           (when & OF_RESULT && i->type == IR_I64 && result_narrow) || when & ALWAYS;
}

static void use_operands(Backward *p, const IrInsn *i, bool result_narrow)
{
    bool narrow = reads_narrow(i, result_narrow);
    if (i->a != IR_NONE)
        use(p, i->a, narrow || (i->op == IR_shl && result_narrow));
    if (i->b != IR_NONE)
        use(p, i->b, narrow || (i->op == IR_st && (i->memop & IR_MO_SIZE) <= IR_MO_32));
    if (i->c != IR_NONE)
        use(p, i->c, narrow);
    if (i->d != IR_NONE)
        use(p, i->d, narrow);
}

/* ---- slots as temps ---- */

/* Can a temp of the slot's kind hold the result? */
static bool fits_temp(const IrInsn *i, IrType slot_type)
{
    switch (slot_type) {
    case IR_I64:
        return i->type == IR_I64 || i->type == IR_I32;
    case IR_F64: /* a box is best where it belongs */
        return i->type == IR_F64 && i->op != IR_fcmp && i->op != IR_fcmp_nzcv && i->op != IR_fbox;
    default:
        return i->type == IR_V128;
    }
}

/*
 * insns[at] writes a slot that is not seen before it is written again, and read. Not for pinned
 * ones: their registers are as good as any. Frames of engines have room for so many temps only.
 */
static void make_temp(Backward *p, unsigned at, bool narrow)
{
    IrFunc *f = p->f;
    IrInsn *i = &f->insns[at];
    IrRef slot = i->dst;
    const IrSlot *s = &f->slots[ir_slot_index(slot)];
    if (s->pin >= 0 || p->renamed >= f->n_guest_insns || f->n_temps >= IR_MAX_TEMPS ||
        !fits_temp(i, s->type))
        return;
    IrRef t = ir_temp(f, s->type);
    p->renamed++;
    p->s->temp_uses[t] = 1;
    p->s->temp_wide[t] = !narrow;
    i->dst = t;
    for (unsigned k = at + 1; k <= p->s->slot_write[ir_slot_index(slot)]; k++)
        if (f->insns[k].op != DELETED)
            replace_uses(&f->insns[k], slot, t);
}

/* ---- the pass ---- */

/* A slot is written: false if that can go. */
static bool backward_slot(Backward *p, unsigned at)
{
    IrInsn *i = &p->f->insns[at];
    unsigned slot = ir_slot_index(i->dst);
    if (slot == p->f->pc_slot)
        return true;
    unsigned state = slot_state(p, slot);
    bool dead = state & DEAD, narrow = state & NARROW;
    if (dead && is_removable(i))
        return false;
    if (narrow && (i->op == IR_sext32 || i->op == IR_zext32) && i->type == IR_I64)
        i->op = IR_mov;
    if (i->op == IR_mov && ir_type_bits(i->type) >= 64) {
        if (i->a == i->dst)
            return false;
        if (ir_is_temp(i->a) && !p->s->temp_uses[i->a] && write_slot_directly(p, at))
            return false;
    }
    if (!dead && state & UNSEEN)
        make_temp(p, at, narrow);
    set_slot_state(p, slot, DEAD | UNSEEN);
    p->s->slot_write[slot] = (uint16_t)at;
    return true;
}

void ir_backward(IrFunc *f)
{
    Backward p = { .f = f, .s = f->scratch, .epoch = EPOCH };
    memset(p.s->temp_uses, 0, f->n_temps * sizeof p.s->temp_uses[0]);
    memset(p.s->temp_wide, 0, f->n_temps * sizeof p.s->temp_wide[0]);
    memset(p.s->slot_state, 0, f->n_slots * sizeof p.s->slot_state[0]);
    bool deleted = false;
    for (unsigned k = f->n; k-- > 0;) {
        IrInsn *i = &f->insns[k];
        if (i->op == IR_insn)
            continue;
        bool keep = true, narrow = result_is_narrow(&p, i);
        if (ir_is_temp(i->dst))
            keep = p.s->temp_uses[i->dst] || !is_removable(i);
        else if (ir_is_slot(i->dst))
            keep = backward_slot(&p, k);
        if (!keep) {
            i->op = DELETED;
            deleted = true;
            continue;
        }
        if (observes_slots(i))
            p.epoch += EPOCH;
        use_operands(&p, i, narrow);
    }
    if (!deleted)
        return;
    unsigned out = 0;
    for (unsigned k = 0; k < f->n; k++)
        if (f->insns[k].op != DELETED)
            f->insns[out++] = f->insns[k];
    f->n = out;
}
