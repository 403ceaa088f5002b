/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building IR functions (accel/ir.h).
 *
 * Storage is kept between functions (ir_func_clear) and grows by doubling, so in the steady state
 * an operation costs one array store. Constants are shared through a small direct-mapped cache;
 * a constant that falls out of it merely gets a second pool entry.
 */
#include "accel/ir/internal.h"

#include <string.h>

enum { FIRST_INSNS = 1024, FIRST_TEMPS = 1024, FIRST_CONSTS = 256 };

IrFunc *ir_func_new(const IrSlot *slots, unsigned n_slots, uint16_t pc_slot)
{
    g_assert(n_slots <= IR_MAX_SLOTS && pc_slot < n_slots);
    IrFunc *f = g_new0(IrFunc, 1);
    f->slots = slots;
    f->n_slots = n_slots;
    f->pc_slot = pc_slot;
    f->cap = FIRST_INSNS;
    f->insns = g_new(IrInsn, f->cap);
    f->cap_temps = FIRST_TEMPS;
    f->temp_type = g_new(IrType, f->cap_temps);
    f->cap_consts = FIRST_CONSTS;
    f->consts = g_new(uint64_t, f->cap_consts);
    f->scratch = g_new(IrScratch, 1);
    return f;
}

void ir_func_free(IrFunc *f)
{
    if (!f)
        return;
    g_free(f->insns);
    g_free(f->temp_type);
    g_free(f->consts);
    g_free(f->scratch);
    g_free(f);
}

void ir_func_clear(IrFunc *f)
{
    f->n = f->n_consts = f->n_temps = f->n_labels = f->n_guest_insns = 0;
}

/* A copy has just the room it needs and no scratch memory: it is for keeping. */
IrFunc *ir_func_copy(const IrFunc *f)
{
    IrFunc *c = g_new(IrFunc, 1);
    *c = *f;
    c->insns = g_memdup2(f->insns, f->n * sizeof *f->insns);
    c->cap = f->n;
    c->temp_type = g_memdup2(f->temp_type, f->n_temps * sizeof *f->temp_type);
    c->cap_temps = f->n_temps;
    c->consts = g_memdup2(f->consts, f->n_consts * sizeof *f->consts);
    c->cap_consts = f->n_consts;
    c->scratch = NULL;
    return c;
}

static IrRef renumber(IrRef r, unsigned temps, const IrRef *consts)
{
    if (ir_is_temp(r))
        return (IrRef)(r + temps);
    return ir_is_const(r) ? consts[r & 0x3fff] : r;
}

bool ir_append(IrFunc *f, const IrFunc *g)
{
    unsigned temps = f->n_temps, labels = f->n_labels;
    if (temps + g->n_temps >= IR_MAX_TEMPS || f->n_consts + g->n_consts >= IR_MAX_CONSTS ||
        labels + g->n_labels >= IR_MAX_LABELS)
        return false;
    IrRef consts[g->n_consts + 1];
    for (unsigned k = 0; k < g->n_consts; k++)
        consts[k] = ir_const(f, g->consts[k]);
    for (unsigned k = 0; k < g->n_temps; k++)
        ir_temp(f, g->temp_type[k]);
    for (unsigned k = 0; k < g->n_labels; k++)
        ir_label_new(f);
    for (unsigned k = 0; k < g->n; k++) {
        IrInsn i = g->insns[k];
        i.dst = renumber(i.dst, temps, consts);
        i.a = renumber(i.a, temps, consts);
        i.b = renumber(i.b, temps, consts);
        i.c = renumber(i.c, temps, consts);
        i.d = renumber(i.d, temps, consts);
        if (i.op == IR_label || i.op == IR_br)
            i.aux += labels;
        else if (i.op == IR_brcond)
            i.imm += labels;
        IrInsn *at = ir_emit(f, i.op, i.type, i.dst, i.a, i.b);
        *at = i;
    }
    f->n_guest_insns += g->n_guest_insns;
    return true;
}

IrRef ir_const(IrFunc *f, uint64_t v)
{
    uint64_t h = v * 0x9e3779b97f4a7c15u;
    uint16_t *cached = &f->const_hash[h >> 58];
    if (*cached < f->n_consts && f->consts[*cached] == v)
        return IR_CONST_BASE | *cached;
    if (G_UNLIKELY(f->n_consts == f->cap_consts)) {
        f->cap_consts = MAX(f->cap_consts * 2, FIRST_CONSTS);
        f->consts = g_renew(uint64_t, f->consts, f->cap_consts);
    }
    g_assert(f->n_consts < IR_MAX_CONSTS);
    *cached = f->n_consts;
    f->consts[f->n_consts] = v;
    return IR_CONST_BASE | f->n_consts++;
}

void ir_set_address(IrFunc *f, IrRef dst, uint64_t pc)
{
    if (f->pic)
        ir_emit(f, IR_add, IR_I64, dst, IR_SLOT(f->page_slot), ir_const(f, pc - f->page));
    else
        ir_mov(f, dst, ir_const(f, pc));
}

IrRef ir_address(IrFunc *f, uint64_t pc)
{
    if (!f->pic)
        return ir_const(f, pc);
    IrRef t = ir_temp(f, IR_I64);
    ir_set_address(f, t, pc);
    return t;
}

IrRef ir_temp(IrFunc *f, IrType t)
{
    if (G_UNLIKELY(f->n_temps == f->cap_temps)) {
        f->cap_temps = MAX(f->cap_temps * 2, FIRST_TEMPS);
        f->temp_type = g_renew(IrType, f->temp_type, f->cap_temps);
    }
    g_assert(f->n_temps < IR_MAX_TEMPS);
    f->temp_type[f->n_temps] = t;
    return IR_TEMP_BASE + f->n_temps++;
}

unsigned ir_label_new(IrFunc *f)
{
    g_assert(f->n_labels < IR_MAX_LABELS);
    return f->n_labels++;
}

IrInsn *ir_emit(IrFunc *f, IrOp op, IrType type, IrRef dst, IrRef a, IrRef b)
{
    if (G_UNLIKELY(f->n == f->cap)) {
        f->cap = MAX(f->cap * 2, FIRST_INSNS);
        f->insns = g_renew(IrInsn, f->insns, f->cap);
    }
    IrInsn *i = &f->insns[f->n++];
    *i = (IrInsn){ .op = op, .type = type, .type2 = IR_VOID, .dst = dst, .a = a, .b = b,
                   .c = IR_NONE, .d = IR_NONE };
    return i;
}

void ir_insn(IrFunc *f, uint64_t pc, unsigned len)
{
    IrInsn *i = ir_emit(f, IR_insn, IR_VOID, IR_NONE, IR_NONE, IR_NONE);
    i->imm = pc;
    i->aux = len;
    f->n_guest_insns += len != 0;
}

void ir_setcond(IrFunc *f, IrType t, IrCond cc, IrRef dst, IrRef a, IrRef b)
{
    ir_emit(f, IR_setcond, t, dst, a, b)->cond = cc;
}

void ir_select(IrFunc *f, IrType t, IrCond cc, IrRef dst, IrRef a, IrRef b, IrRef c, IrRef d)
{
    IrInsn *i = ir_emit(f, IR_select, t, dst, a, b);
    i->cond = cc;
    i->c = c;
    i->d = d;
}

void ir_ld(IrFunc *f, IrType t, IrRef dst, IrRef addr, int64_t offset, IrMemOp m)
{
    IrInsn *i = ir_emit(f, IR_ld, t, dst, addr, IR_NONE);
    i->imm = offset;
    i->memop = m;
}

void ir_st(IrFunc *f, IrType t, IrRef value, IrRef addr, int64_t offset, IrMemOp m)
{
    IrInsn *i = ir_emit(f, IR_st, t, IR_NONE, addr, value);
    i->imm = offset;
    i->memop = m;
}

void ir_rmw(IrFunc *f, IrType t, IrRmw op, IrRef dst, IrRef addr, IrRef value, IrMemOp m)
{
    IrInsn *i = ir_emit(f, IR_rmw, t, dst, addr, value);
    i->aux = op;
    i->memop = m;
}

void ir_cas(IrFunc *f, IrType t, IrRef dst, IrRef addr, IrRef expect, IrRef value, IrMemOp m)
{
    IrInsn *i = ir_emit(f, IR_cas, t, dst, addr, expect);
    i->c = value;
    i->memop = m;
}

void ir_vec(IrFunc *f, IrOp op, IrType type, unsigned aux, IrRef dst, IrRef a, IrRef b, IrRef c,
            int64_t imm)
{
    IrInsn *i = ir_emit(f, op, type, dst, a, b);
    i->aux = aux;
    i->c = c;
    i->imm = imm;
}

void ir_vec_fp(IrFunc *f, IrOp op, IrType elem, unsigned aux, IrRef dst, IrRef a, IrRef b,
               IrRef c)
{
    IrInsn *i = ir_emit(f, op, IR_V128, dst, a, b);
    i->type2 = elem;
    i->aux = aux;
    i->c = c;
}

void ir_vzext(IrFunc *f, IrType from, IrRef dst, IrRef a)
{
    ir_emit(f, IR_vzext, IR_V128, dst, a, IR_NONE)->type2 = from;
}

void ir_fence(IrFunc *f, unsigned mask)
{
    ir_emit(f, IR_fence, IR_VOID, IR_NONE, IR_NONE, IR_NONE)->aux = mask;
}

void ir_label(IrFunc *f, unsigned label)
{
    ir_emit(f, IR_label, IR_VOID, IR_NONE, IR_NONE, IR_NONE)->aux = label;
}

void ir_br(IrFunc *f, unsigned label)
{
    ir_emit(f, IR_br, IR_VOID, IR_NONE, IR_NONE, IR_NONE)->aux = label;
}

void ir_brcond(IrFunc *f, IrType t, IrCond cc, IrRef a, IrRef b, unsigned label)
{
    IrInsn *i = ir_emit(f, IR_brcond, t, IR_NONE, a, b);
    i->cond = cc;
    i->imm = label;
}

void ir_addc(IrFunc *f, IrType t, IrRef dst, IrRef a, IrRef b, IrRef carry)
{
    ir_emit(f, IR_addc, t, dst, a, b)->c = carry;
}

void ir_carry(IrFunc *f, IrType t, IrRef dst, IrRef a, IrRef b, IrRef carry)
{
    ir_emit(f, IR_carry, t, dst, a, b)->c = carry;
}

void ir_nzcv_addc(IrFunc *f, IrType t, IrRef dst, IrRef a, IrRef b, IrRef carry)
{
    ir_emit(f, IR_nzcv_addc, t, dst, a, b)->c = carry;
}

void ir_call(IrFunc *f, const IrHelper *h, IrRef dst, IrRef a, IrRef b, IrRef c, IrRef d)
{
    IrInsn *i = ir_emit(f, IR_call, IR_I64, dst, a, b);
    i->c = c;
    i->d = d;
    i->imm = (intptr_t)h;
}

void ir_trap_if(IrFunc *f, IrType t, IrCond cc, IrRef a, IrRef b, const IrHelper *h)
{
    IrInsn *i = ir_emit(f, IR_trap_if, t, IR_NONE, a, b);
    i->cond = cc;
    i->imm = (intptr_t)h;
}

void ir_exit_if(IrFunc *f, IrType t, IrCond cc, IrRef a, IrRef b, uint64_t pc)
{
    IrInsn *i = ir_emit(f, IR_exit_if, t, IR_NONE, a, b);
    i->cond = cc;
    i->imm = pc;
}

void ir_exit_jump(IrFunc *f, uint64_t pc)
{
    ir_emit(f, IR_exit_jump, IR_VOID, IR_NONE, IR_NONE, IR_NONE)->imm = pc;
}

void ir_exit_ind(IrFunc *f, IrRef pc, IrJump kind)
{
    ir_emit(f, IR_exit_ind, IR_I64, IR_NONE, pc, IR_NONE)->aux = kind;
}

void ir_exit_loop(IrFunc *f)
{
    ir_emit(f, IR_exit_loop, IR_VOID, IR_NONE, IR_NONE, IR_NONE);
}

void ir_exit_lookup(IrFunc *f)
{
    ir_emit(f, IR_exit_lookup, IR_VOID, IR_NONE, IR_NONE, IR_NONE);
}

#define P 1
#define F 2
#define S 4
#define E 8
const char *const ir_op_names[IR_N_OPS] = {
#define X(n, fmt, fl, d) #n,
    IR_OPS(X)
#undef X
};
const char *const ir_op_formats[IR_N_OPS] = {
#define X(n, fmt, fl, d) fmt,
    IR_OPS(X)
#undef X
};
const uint8_t ir_op_flags[IR_N_OPS] = {
#define X(n, fmt, fl, d) fl,
    IR_OPS(X)
#undef X
};
#undef P
#undef F
#undef S
#undef E
