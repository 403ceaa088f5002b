/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The optimiser of tier-0 code: one pass forward, one backward, both linear and without allocation.
 *
 * Forward: constants and copies of temps, constants in slots (from their `mov slot, const` to the
 * next write, label or helper that writes slots), FP temps that vector slots were made from,
 * folding, algebra, branches with a known outcome, code that can't be reached.
 * Backward: backward.c.
 *
 * The pc slot is left alone: engines write it behind the IR's back. FP operations are neither
 * folded nor removed: they set sticky flags.
 */
#include "accel/ir/internal.h"
#include "accel/ir/eval.h"

#include <string.h>

/* ---- forward ---- */

typedef struct Forward {
    IrFunc *f;
    IrScratch *s;
    SlotSet known;  /* slots whose value is the constant in s->slot_value */
    SlotSet boxed;  /* slots that hold a NaN-boxed F32 */
    SlotSet placed; /* slots whose value is the page's address plus the constant in s->slot_value */
    SlotSet is_signed; /* slots whose bits from 31 on are equal */
    SlotSet scalar; /* slots whose low bits are the FP temp in s->slot_value: vectors, boxes */
    unsigned out;
    unsigned open;  /* branches to labels not yet placed */
    bool reachable;
} Forward;

static inline bool is_fp_type(unsigned t)
{
    return t == IR_F32 || t == IR_F64;
}

/* Kinds of host registers: a copy of one kind doesn't stand for one of another. */
static inline unsigned kind_of_type(unsigned t)
{
    return t == IR_V128 ? 2 : is_fp_type(t);
}

/* Does the value of r have zeros above bit 31 for certain? */
static bool is_narrow(const Forward *p, IrRef r)
{
    if (ir_is_const(r))
        return ir_const_value(p->f, r) <= UINT32_MAX;
    return ir_is_temp(r) && ir_type_bits(p->f->temp_type[r]) == 32;
}

/* Is r its own low half, sign-extended? */
static bool is_signed(const Forward *p, IrRef r)
{
    if (ir_is_const(r))
        return (int64_t)ir_const_value(p->f, r) == (int32_t)ir_const_value(p->f, r);
    if (ir_is_temp(r))
        return p->s->temp_signed[r] || p->s->temp_positive[r];
    return ir_is_slot(r) && set_has(&p->is_signed, ir_slot_index(r));
}

static bool known_value(const Forward *p, IrRef r, uint64_t *v)
{
    if (ir_is_slot(r) && set_has(&p->known, ir_slot_index(r)))
        r = p->s->slot_value[ir_slot_index(r)];
    if (!ir_is_const(r))
        return false;
    *v = ir_const_value(p->f, r);
    return true;
}

/* Is r an address of position-independent code, *offset from its page? */
static bool known_place(const Forward *p, IrRef r, uint64_t *offset)
{
    IrRef c = IR_NONE;
    if (!p->f->pic)
        return false;
    if (ir_is_temp(r))
        c = p->s->temp_placed[r];
    else if (ir_is_slot(r) && set_has(&p->placed, ir_slot_index(r)))
        c = p->s->slot_value[ir_slot_index(r)];
    *offset = c != IR_NONE ? ir_const_value(p->f, c) : 0;
    return c != IR_NONE || r == IR_SLOT(p->f->page_slot);
}

/* Notes that dst is such an address, or isn't. */
static void track_place(Forward *p, const IrInsn *i)
{
    uint64_t offset;
    if (!p->f->pic || i->dst == IR_NONE)
        return;
    bool placed = i->type == IR_I64 && (i->op == IR_mov || i->op == IR_add) &&
                  known_place(p, i->a, &offset) && (i->op == IR_mov || ir_is_const(i->b));
    if (placed && i->op == IR_add)
        offset += ir_const_value(p->f, i->b);
    IrRef c = placed ? ir_const(p->f, offset) : IR_NONE;
    if (ir_is_temp(i->dst)) {
        p->s->temp_placed[i->dst] = c;
        return;
    }
    unsigned slot = ir_slot_index(i->dst);
    set_del(&p->placed, slot);
    if (placed && slot != p->f->pc_slot) {
        p->s->slot_value[slot] = c;
        set_add(&p->placed, slot);
    }
}

static bool fits_imm32(uint64_t v)
{
    return (int64_t)v == (int32_t)v;
}

/* A temp is replaced by what it is a copy of, a slot by a constant that hosts have immediates for. */
static IrRef resolve(const Forward *p, IrRef r, bool slots_too)
{
    if (ir_is_temp(r))
        return p->s->temp_value[r];
    uint64_t v;
    if (slots_too && ir_is_slot(r) && known_value(p, r, &v) && fits_imm32(v))
        return p->s->slot_value[ir_slot_index(r)];
    return r;
}

static void make_mov(IrInsn *i, IrType type, IrRef a)
{
    i->op = IR_mov;
    i->type = type;
    i->a = a;
    i->b = i->c = i->d = IR_NONE;
    i->aux = 0;
}

static void make_const(Forward *p, IrInsn *i, uint64_t v)
{
    make_mov(i, IR_I64, ir_const(p->f, v));
}

static void make_op1(IrInsn *i, IrOp op)
{
    i->op = op;
    i->b = IR_NONE;
    i->aux = 0;
}

/* a op b with b constant and a not. */
static void simplify_const_b(Forward *p, IrInsn *i, uint64_t b)
{
    bool w = i->type == IR_I32;
    unsigned width = w ? 32 : 64;
    uint64_t ones = w ? UINT32_MAX : UINT64_MAX;
    b &= ones;
    switch (i->op) {
    case IR_add:
        if (b == 0)
            make_mov(i, i->type, i->a);
        break;
    case IR_sub:
        if (b == 0) {
            make_mov(i, i->type, i->a);
        } else if (fits_imm32(w ? (uint64_t)(int32_t)-(uint32_t)b : -b)) {
            i->op = IR_add;
            i->b = ir_const(p->f, w ? (uint64_t)(int32_t)-(uint32_t)b : -b);
        }
        break;
    case IR_or:
        if (b == 0)
            make_mov(i, i->type, i->a);
        else if (b == ones)
            make_const(p, i, ones);
        break;
    case IR_xor:
        if (b == 0)
            make_mov(i, i->type, i->a);
        else if (b == ones)
            make_op1(i, IR_not);
        break;
    case IR_xnor:
        if (b == ones)
            make_mov(i, i->type, i->a);
        else if (b == 0)
            make_op1(i, IR_not);
        break;
    case IR_and:
        if (b == 0)
            make_const(p, i, 0);
        else if (b == ones)
            make_mov(i, i->type, i->a);
        else if (b == 0xff)
            make_op1(i, IR_zext8);
        else if (b == 0xffff)
            make_op1(i, IR_zext16);
        else if (b == 0xffffffff)
            make_op1(i, IR_zext32);
        break;
    case IR_andn:
        if (b == 0) {
            make_mov(i, i->type, i->a);
        } else if (b == ones) {
            make_const(p, i, 0);
        } else if (w || fits_imm32(~b)) {
            i->op = IR_and;
            i->b = ir_const(p->f, w ? (uint64_t)(int32_t)~(uint32_t)b : ~b);
        }
        break;
    case IR_orn:
        if (b == ones) {
            make_mov(i, i->type, i->a);
        } else if (b == 0) {
            make_const(p, i, ones);
        } else if (w || fits_imm32(~b)) {
            i->op = IR_or;
            i->b = ir_const(p->f, w ? (uint64_t)(int32_t)~(uint32_t)b : ~b);
        }
        break;
    case IR_shl: case IR_shr: case IR_sar: case IR_rotl: case IR_rotr:
        if ((b & (width - 1)) == 0)
            make_mov(i, i->type, i->a);
        else if (b >= width)
            i->b = ir_const(p->f, b & (width - 1));
        break;
    case IR_mul:
        if (b == 0) {
            make_const(p, i, 0);
        } else if (b == 1) {
            make_mov(i, i->type, i->a);
        } else if (is_pow2(b)) {
            i->op = IR_shl;
            i->b = ir_const(p->f, (unsigned)__builtin_ctzll(b));
        }
        break;
    case IR_divu:
        if (b == 1) {
            make_mov(i, i->type, i->a);
        } else if (is_pow2(b)) {
            i->op = IR_shr;
            i->b = ir_const(p->f, (unsigned)__builtin_ctzll(b));
        }
        break;
    case IR_divs:
        if (b == 1)
            make_mov(i, i->type, i->a);
        break;
    case IR_remu:
        if (b == 1) {
            make_const(p, i, 0);
        } else if (is_pow2(b)) {
            i->op = IR_and;
            i->b = ir_const(p->f, b - 1);
        }
        break;
    case IR_clmul: case IR_mulhu:
        if (b == 0)
            make_const(p, i, 0);
        break;
    default:
        break;
    }
}

/* Both operands are the same slot or temp. */
static void simplify_same(Forward *p, IrInsn *i)
{
    switch (i->op) {
    case IR_sub: case IR_xor: case IR_andn:
        make_const(p, i, 0);
        break;
    case IR_and: case IR_or: case IR_smin: case IR_smax: case IR_umin: case IR_umax:
        make_mov(i, i->type, i->a);
        break;
    case IR_orn: case IR_xnor:
        make_const(p, i, i->type == IR_I32 ? UINT32_MAX : UINT64_MAX);
        break;
    default:
        break;
    }
}

static void simplify_field(Forward *p, IrInsn *i)
{
    unsigned start = i->aux & 0xff, len = i->aux >> 8, width = ir_type_bits(i->type);
    bool sign = i->op == IR_sextract;
    if (i->op == IR_deposit) {
        if (len == width)
            make_mov(i, i->type, i->b);
    } else if (len == width) {
        make_mov(i, i->type, i->a);
    } else if (start == 0 && (len == 8 || len == 16 || len == 32)) {
        make_op1(i, len == 8 ? (sign ? IR_sext8 : IR_zext8) :
                    len == 16 ? (sign ? IR_sext16 : IR_zext16) : sign ? IR_sext32 : IR_zext32);
    } else if (start + len == width) {
        i->op = sign ? IR_sar : IR_shr;
        i->b = ir_const(p->f, start);
        i->aux = 0;
    }
}

/*
 * `i` shifts right what the operation before it shifted left: that is a field. Without Zbb this is
 * how RISC-V extends.
 */
static void join_shifts(Forward *p, IrInsn *i)
{
    unsigned k = p->out;
    do {
        if (!k)
            return;
    } while (p->f->insns[--k].op == IR_insn);
    IrInsn *left = &p->f->insns[k];
    uint64_t l, r;
    if (left->op != IR_shl || left->type != i->type || i->a != left->dst ||
        !ir_is_const(left->b) || !ir_is_const(i->b))
        return;
    l = ir_const_value(p->f, left->b);
    r = ir_const_value(p->f, i->b);
    bool overwritten = left->dst == left->a;
    unsigned width = ir_type_bits(i->type);
    if (l > r || r >= width || (overwritten && i->dst != left->dst))
        return;
    i->op = i->op == IR_shr ? IR_extract : IR_sextract;
    i->a = left->a;
    i->b = IR_NONE;
    i->aux = (uint16_t)((r - l) | (width - r) << 8);
    if (overwritten) /* by i as well: nobody sees the value in between */
        make_mov(left, IR_I64, left->a);
}

/* An operation that ir_eval knows. */
static void simplify(Forward *p, IrInsn *i)
{
    if (i->op == IR_shr || i->op == IR_sar)
        join_shifts(p, i);
    uint64_t a, b = 0;
    bool two = i->b != IR_NONE;
    bool ka = known_value(p, i->a, &a), kb = !two || known_value(p, i->b, &b);
    if (ka && kb) {
        make_const(p, i, ir_eval(i->op, i->type, i->aux, a, b));
        return;
    }
    if (two && ka && ir_op_commutes(i->op)) {
        IrRef t = i->a;
        i->a = i->b;
        i->b = t;
        b = a;
        kb = true;
        ka = false;
    }
    uint64_t offset;
    if (two && kb && i->type == IR_I64 && known_place(p, i->a, &offset)) {
        /* Pages are aligned: an `and` that keeps all bits above is one of the offset. */
        bool sum = i->op == IR_add, cut = i->op == IR_and && (b | 0xfff) == UINT64_MAX;
        offset = sum ? offset + b : offset & b;
        if ((sum || cut) && fits_imm32(offset)) {
            i->op = IR_add;
            i->a = IR_SLOT(p->f->page_slot);
            i->b = ir_const(p->f, offset);
            b = offset;
        }
    }
    if (i->op == IR_extract || i->op == IR_sextract || i->op == IR_deposit)
        simplify_field(p, i);
    else if (two && kb)
        simplify_const_b(p, i, b);
    else if (two && i->a == i->b)
        simplify_same(p, i);
    else if (i->op == IR_sub && ka && (i->type == IR_I32 ? (uint32_t)a : a) == 0) {
        i->a = i->b;
        make_op1(i, IR_neg);
    }
    if ((i->op == IR_zext32 && is_narrow(p, i->a)) ||
        (i->op == IR_sext32 && i->type == IR_I64 && is_signed(p, i->a)))
        make_mov(i, IR_I64, i->a);
}

/* What is known of the outcome of a condition: 0, 1, or -1 for nothing. May swap a and b. */
static int condition(Forward *p, IrInsn *i)
{
    uint64_t a, b;
    bool ka = known_value(p, i->a, &a), kb = known_value(p, i->b, &b);
    if (ka && kb)
        return ir_eval_cond(i->type, i->cond, a, b);
    if (ka) {
        IrRef t = i->a;
        i->a = i->b;
        i->b = t;
        i->cond = ir_cond_swap(i->cond);
        b = a;
        kb = true;
    }
    if (kb && (i->type == IR_I32 ? (uint32_t)b : b) == 0) {
        if (i->cond == IR_LTU || i->cond == IR_TSTNE)
            return 0;
        if (i->cond == IR_GEU || i->cond == IR_TSTEQ)
            return 1;
    }
    if (i->a == i->b) {
        switch (i->cond) {
        case IR_EQ: case IR_GE: case IR_LE: case IR_GEU: case IR_LEU:
            return 1;
        case IR_NE: case IR_LT: case IR_GT: case IR_LTU: case IR_GTU:
            return 0;
        default:
            break;
        }
    }
    return -1;
}

/* Notes what a mov makes known of its dst. False: it does nothing and can go. */
static bool track_mov(Forward *p, IrInsn *i)
{
    IrScratch *s = p->s;
    uint64_t v;
    if (known_value(p, i->a, &v)) {
        if (ir_type_bits(i->type) == 32)
            v = (uint32_t)v;
        IrRef c = ir_const(p->f, v);
        if (ir_is_temp(i->dst)) {
            s->temp_value[i->dst] = c;
            return false;
        }
        uint64_t old;
        if (known_value(p, i->dst, &old) && old == v)
            return false;
        /* A constant without an immediate form stays a copy of where it already is. */
        if (fits_imm32(v) || !ir_is_slot(i->a) || ir_type_bits(i->type) == 32)
            make_mov(i, IR_I64, c);
        unsigned slot = ir_slot_index(i->dst);
        if (slot != p->f->pc_slot) {
            s->slot_value[slot] = c;
            set_add(&p->known, slot);
            set_put(&p->is_signed, slot, is_signed(p, c));
            set_del(&p->placed, slot);
            set_del(&p->boxed, slot);
            set_del(&p->scalar, slot);
        }
        return true;
    }
    bool whole = ir_type_bits(i->type) >= 64 || is_narrow(p, i->a);
    if (ir_is_temp(i->dst)) {
        IrRef dst = i->dst, a = i->a;
        s->temp_positive[dst] = false;
        s->temp_signed[dst] = whole && is_signed(p, a);
        bool copy = ir_is_temp(a) && whole &&
                    kind_of_type(p->f->temp_type[a]) == kind_of_type(p->f->temp_type[dst]);
        s->temp_value[dst] = copy ? a : dst;
        return !copy;
    }
    if (i->dst == i->a && whole)
        return false;
    if (whole && kind_of_type(i->type) == 0)
        i->type = IR_I64;
    unsigned slot = ir_slot_index(i->dst);
    set_put(&p->is_signed, slot, whole && is_signed(p, i->a));
    set_del(&p->known, slot);
    set_del(&p->scalar, slot);
    if (ir_is_slot(i->a) && set_has(&p->boxed, ir_slot_index(i->a)) && ir_type_bits(i->type) == 64)
        set_add(&p->boxed, slot);
    else
        set_del(&p->boxed, slot);
    return true;
}

/* Are all bits of the result from 31 on zeros? */
static bool is_positive(const Forward *p, const IrInsn *i)
{
    uint64_t b;
    switch (i->op) {
    case IR_shr:
        return i->type == IR_I32 && known_value(p, i->b, &b) && b & 31;
    case IR_and:
        return known_value(p, i->b, &b) && b <= INT32_MAX;
    case IR_extract:
        return i->aux >> 8 < 32;
    case IR_setcond: case IR_zext8: case IR_zext16:
        return true;
    default:
        return false;
    }
}

/* Are all bits of the result from 31 on equal? */
static bool gives_signed(const Forward *p, const IrInsn *i)
{
    switch (i->op) {
    case IR_ld:
        return i->type == IR_I64 && (i->memop & IR_MO_SIZE) <= IR_MO_32 &&
               (i->memop & IR_MO_SIGN || (i->memop & IR_MO_SIZE) < IR_MO_32);
    case IR_sext8: case IR_sext16: case IR_sext32:
        return i->type == IR_I64;
    case IR_and: case IR_or: case IR_xor: case IR_andn: case IR_orn: case IR_xnor:
        return i->type == IR_I64 && is_signed(p, i->a) && is_signed(p, i->b);
    case IR_not: case IR_sar:
        return i->type == IR_I64 && is_signed(p, i->a);
    default:
        return false;
    }
}

static void track_dst(Forward *p, const IrInsn *i)
{
    if (ir_is_temp(i->dst)) {
        p->s->temp_value[i->dst] = i->dst;
        p->s->temp_signed[i->dst] = gives_signed(p, i);
        p->s->temp_positive[i->dst] = is_positive(p, i);
    } else if (ir_is_slot(i->dst)) {
        unsigned slot = ir_slot_index(i->dst);
        set_del(&p->known, slot);
        set_put(&p->is_signed, slot, gives_signed(p, i) || is_positive(p, i));
        if (i->op == IR_fbox)
            set_add(&p->boxed, slot);
        else
            set_del(&p->boxed, slot);
        unsigned from = i->op == IR_vzext ? i->type2 : i->op == IR_fbox ? IR_F32 : IR_VOID;
        if (is_fp_type(from) && ir_is_temp(i->a) && p->f->temp_type[i->a] == from) {
            p->s->slot_value[slot] = i->a;
            set_add(&p->scalar, slot);
        } else {
            set_del(&p->scalar, slot);
        }
    }
}

/* The type of FP numbers that a scalar operation reads from vector slots; VOID: none. */
static unsigned scalar_operand_type(const IrInsn *i)
{
    switch (i->op) {
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fsqrt: case IR_fma:
    case IR_fmin: case IR_fmax: case IR_fcmp: case IR_fcmp_nzcv: case IR_fround:
        return i->type;
    case IR_fcvt_f: case IR_fcvt_fi: case IR_vzext:
        return is_fp_type(i->type2) ? i->type2 : IR_VOID;
    default:
        return IR_VOID;
    }
}

/* Reads the temp that a vector slot was made from, so that the slot may be a dead one. */
static IrRef scalar_operand(const Forward *p, IrRef r, unsigned type)
{
    if (r != IR_NONE && ir_is_slot(r) && set_has(&p->scalar, ir_slot_index(r))) {
        IrRef t = p->s->slot_value[ir_slot_index(r)];
        if (p->f->temp_type[t] == type)
            return t;
    }
    return r;
}

static void forget_slots(Forward *p)
{
    set_clear(&p->known);
    set_clear(&p->boxed);
    set_clear(&p->placed);
    set_clear(&p->is_signed);
    set_clear(&p->scalar);
}

static void resolve_operands(Forward *p, IrInsn *i)
{
    /* Addresses and FP operands are better off in the slot's register than as immediates. */
    bool fp = ir_op_sets_fp_flags(i->op);
    bool address = ir_op_flags[i->op] & IR_OPF_F;
    unsigned scalar = scalar_operand_type(i);
    if (scalar != IR_VOID) {
        i->a = scalar_operand(p, i->a, scalar);
        i->b = scalar_operand(p, i->b, scalar);
        i->c = scalar_operand(p, i->c, scalar);
    }
    if (i->a != IR_NONE)
        i->a = resolve(p, i->a, !address && !fp);
    if (i->b == IR_NONE)
        return;
    i->b = resolve(p, i->b, !fp);
    if (i->c != IR_NONE)
        i->c = resolve(p, i->c, !fp);
    if (i->d != IR_NONE)
        i->d = resolve(p, i->d, true);
}

/* Rewrites one reachable operation. False: drop it. *stop: it always leaves the function. */
static bool forward_insn(Forward *p, IrInsn *i, bool *stop)
{
    int known;
    resolve_operands(p, i);
    switch (i->op) {
    case IR_br:
        p->s->label_refs[i->aux]++;
        p->open++;
        p->reachable = false;
        return true;
    case IR_brcond:
        known = condition(p, i);
        if (known == 0)
            return false;
        p->s->label_refs[i->imm]++;
        p->open++;
        set_clear(&p->scalar); /* temps end here */
        if (known == 1) {
            unsigned label = (unsigned)i->imm;
            *i = (IrInsn){ .op = IR_br, .type = IR_VOID, .type2 = IR_VOID, .aux = label,
                           .dst = IR_NONE, .a = IR_NONE, .b = IR_NONE, .c = IR_NONE,
                           .d = IR_NONE };
            p->reachable = false;
        }
        return true;
    case IR_trap_if:
        return condition(p, i) != 0;
    case IR_exit_if:
        known = condition(p, i);
        if (known == 0)
            return false;
        if (known == 1 && p->open == 0) {
            i->op = IR_exit_jump;
            i->type = IR_VOID;
            i->a = i->b = IR_NONE;
            *stop = true;
        }
        return true;
    case IR_exit_ind: {
        uint64_t pc;
        bool placed = known_place(p, i->a, &pc) && fits_imm32(pc);
        if (placed)
            pc += p->f->page;
        /* Exits of position-independent code are moved along with it; a constant stays. */
        if (placed || (!p->f->pic && known_value(p, i->a, &pc))) {
            i->op = IR_exit_jump;
            i->type = IR_VOID;
            i->a = IR_NONE;
            i->aux = 0;
            i->imm = (int64_t)pc;
        }
        return true;
    }
    case IR_setcond:
        known = condition(p, i);
        if (known >= 0)
            make_const(p, i, (unsigned)known);
        break;
    case IR_select:
        known = condition(p, i);
        if (known >= 0)
            make_mov(i, i->type, known ? i->c : i->d);
        else if (i->c == i->d)
            make_mov(i, i->type, i->c);
        break;
    case IR_funbox:
        if (ir_is_slot(i->a) && set_has(&p->boxed, ir_slot_index(i->a)))
            make_mov(i, IR_F32, scalar_operand(p, i->a, IR_F32));
        break;
    case IR_call:
        if (((const IrHelper *)(intptr_t)i->imm)->effects & IR_WRITES)
            forget_slots(p);
        break;
    default:
        if (ir_eval_knows(i->op))
            simplify(p, i);
        break;
    }
    track_place(p, i);
    if (i->op == IR_mov)
        return i->dst != IR_NONE && track_mov(p, i);
    track_dst(p, i);
    return true;
}

static void forward(IrFunc *f)
{
    Forward p = { .f = f, .s = f->scratch, .reachable = true };
    memset(p.s->label_refs, 0, f->n_labels * sizeof p.s->label_refs[0]);
    f->n_guest_insns = 0;
    bool stop = false;
    unsigned n = f->n;
    for (unsigned k = 0; k < n && !stop; k++) {
        IrInsn i = f->insns[k];
        if (i.op == IR_label) {
            if (!p.s->label_refs[i.aux])
                continue; /* nobody comes here but by falling through */
            p.open -= p.s->label_refs[i.aux];
            p.reachable = true;
            forget_slots(&p);
        } else if (!p.reachable) {
            continue;
        } else if (i.op == IR_insn) {
            f->n_guest_insns += i.aux != 0;
        } else if (!forward_insn(&p, &i, &stop)) {
            continue;
        }
        f->insns[p.out++] = i;
    }
    f->n = p.out;
}

void ir_optimize(IrFunc *f)
{
    g_assert(f->scratch);
    forward(f);
    ir_backward(f);
}
