/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the base registers of memory accesses move from one round of a loop to the next: what
 * mem_group.c needs to know to keep windows. Only for blocks that jump back to their own start and
 * are straight otherwise.
 *
 * First, slots: one that is at the end of each round what it was at its beginning plus a constant.
 * Then all that is a sum of such slots, shifted by constants or not. Sums are modulo 2^64, so is
 * what is found here: signs and bounds of how far a value gets in one round.
 */
#include "accel/ir/internal.h"
#include "emit.h"

enum { MAX_STEP = 256 }; /* beyond, a page has too few rounds in it */

/* The slot's value at the beginning of the round plus a constant. */
typedef struct Place {
    int slot; /* -1: something else */
    int64_t offset;
} Place;

typedef struct Motion {
    bool known;
    int64_t up, down; /* at most so far, in one round */
} Motion;

static Place temp_place[IR_MAX_TEMPS + 1], slot_place[IR_MAX_SLOTS];
static Motion temp_motion[IR_MAX_TEMPS + 1], slot_motion[IR_MAX_SLOTS];

static bool is_back_edge(const Emit *e, const IrInsn *in)
{
    return (in->op == IR_exit_if || in->op == IR_exit_jump) && (uint64_t)in->imm == e->b->pc;
}

/* What can't be followed, or may change the TLB under way. */
static bool is_opaque(const IrInsn *in)
{
    switch (in->op) {
    case IR_label:
    case IR_br:
    case IR_brcond:
        return true;
    case IR_exit_if:
    case IR_exit_jump:
        return in->aux;
    case IR_call:
        return ((const IrHelper *)(uintptr_t)in->imm)->effects & ~(unsigned)IR_FP;
    default:
        return false;
    }
}

static Place place_of(IrRef r)
{
    return ir_is_temp(r) ? temp_place[r]
           : ir_is_slot(r) ? slot_place[ir_slot_index(r)] : (Place){ -1, 0 };
}

static Place place_of_result(const Emit *e, const IrInsn *in)
{
    Place p = { -1, 0 };
    if (in->type != IR_I64 || (in->op != IR_mov && in->op != IR_add)) {
        return p;
    }
    if (in->op == IR_mov) {
        return place_of(in->a);
    }
    if (ir_is_const(in->b)) {
        int64_t c = (int64_t)ir_const_value(e->f, in->b);
        p = place_of(in->a);
        p.offset += c;
        if (c != (int16_t)c || p.offset != (int32_t)p.offset) {
            p.slot = -1;
        }
    }
    return p;
}

static void round_ends(const Emit *e)
{
    for (unsigned s = 0; s < e->f->n_slots; s++) {
        Motion *m = &slot_motion[s];
        m->known &= slot_place[s].slot == (int)s;
        m->up = MAX(m->up, slot_place[s].offset);
        m->down = MAX(m->down, -slot_place[s].offset);
    }
}

static bool slots_move(const Emit *e)
{
    for (unsigned s = 0; s < e->f->n_slots; s++) {
        slot_place[s] = (Place){ (int)s, 0 };
        slot_motion[s] = (Motion){ true, 0, 0 };
    }
    for (unsigned i = 0; i < e->f->n; i++) {
        const IrInsn *in = &e->f->insns[i];
        if (in->op == IR_insn) {
            continue;
        }
        if (is_opaque(in)) {
            return false;
        }
        if (is_back_edge(e, in)) {
            round_ends(e);
        } else if (ir_is_temp(in->dst)) {
            temp_place[in->dst] = place_of_result(e, in);
        } else if (ir_is_slot(in->dst)) {
            slot_place[ir_slot_index(in->dst)] = place_of_result(e, in);
        }
    }
    return true;
}

static Motion motion_of(IrRef r)
{
    return ir_is_temp(r) ? temp_motion[r]
           : ir_is_slot(r) ? slot_motion[ir_slot_index(r)] : (Motion){ true, 0, 0 };
}

static Motion motion_of_result(const Emit *e, const IrInsn *in)
{
    Motion none = { false, 0, 0 }, a, b;
    if (in->type != IR_I64) {
        return none;
    }
    switch (in->op) {
    case IR_mov:
        return motion_of(in->a);
    case IR_add:
    case IR_sub:
        a = motion_of(in->a);
        b = motion_of(in->b);
        a.known &= b.known;
        a.up += in->op == IR_add ? b.up : b.down;
        a.down += in->op == IR_add ? b.down : b.up;
        break;
    case IR_shl:
        if (!ir_is_const(in->b) || ir_const_value(e->f, in->b) > 6) {
            return none;
        }
        a = motion_of(in->a);
        a.up <<= ir_const_value(e->f, in->b);
        a.down <<= ir_const_value(e->f, in->b);
        break;
    default:
        return none;
    }
    a.known &= a.up <= MAX_STEP && a.down <= MAX_STEP;
    return a.known ? a : none;
}

void motion_scan(Emit *e, uint8_t *moves)
{
    if (!slots_move(e)) {
        memset(moves, MOVES_UNKNOWN, e->f->n);
        return;
    }
    for (unsigned i = 0; i < e->f->n; i++) {
        const IrInsn *in = &e->f->insns[i];
        moves[i] = MOVES_UNKNOWN;
        if (in->op == IR_insn) {
            continue;
        }
        if (in->op == IR_ld || in->op == IR_st) {
            Motion m = motion_of(in->a);
            if (m.known && m.up <= MAX_STEP && m.down <= MAX_STEP && !(m.up && m.down)) {
                moves[i] = m.down ? MOVES_DOWN : MOVES_UP;
            }
        }
        if (ir_is_temp(in->dst)) {
            temp_motion[in->dst] = motion_of_result(e, in);
        } else if (ir_is_slot(in->dst)) {
            slot_motion[ir_slot_index(in->dst)] = motion_of_result(e, in);
        }
    }
}
