/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector operations. What has no emission of its own is done by accel/ir/eval_vec.c, out of line,
 * with operands and result in the frame.
 */
#include "accel/ir/eval_vec.h"
#include "accel/ir/internal.h"
#include "emit.h"

static Mem frame_vec(unsigned n)
{
    return mem_bd(RSP, FRAME_VEC + (int32_t)n * 16);
}

static void put_operand(Emit *e, unsigned n, Opnd o)
{
    if (o.kind == OPND_IMM) {
        asm_mov_mi(&e->a, true, frame_vec(n), (int32_t)o.imm);
    } else if (o.reg >= XMM0) {
        asm_rm(&e->a, OP_MOVUPS_MR, o.reg - XMM0, frame_vec(n));
    } else {
        asm_store(&e->a, frame_vec(n), o.reg);
    }
}

/* The whole operation in software; operands in value, value2, x2, their registers intact. */
static void stub_vec(Emit *e, Stub *s)
{
    uint64_t desc = ir_op_desc(s->in, &e->f->fp);
    put_operand(e, 0, s->value);
    if (ir_vec_n_operands(s->in->op) > 1) {
        put_operand(e, 1, s->value2);
    }
    if (ir_vec_n_operands(s->in->op) > 2) {
        put_operand(e, 2, (Opnd){ .kind = OPND_REG, .reg = s->x2 });
    }
    asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_RESULT), (int32_t)desc);
    asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_RESULT + 4), (int32_t)(desc >> 32));
    emit_cold_begin(e, s);
    asm_call(&e->a, thunks.vec_soft);
    emit_cold_end(e, s);
    if (s->dst >= XMM0) {
        asm_rm(&e->a, OP_MOVUPS, s->dst - XMM0, frame_vec(0));
    } else {
        asm_load(&e->a, s->dst, frame_vec(0));
    }
    asm_jmp(&e->a, s->resume);
}

static Opnd operand(Emit *e, unsigned which)
{
    if (ir_vec_operand_is_vec(e->in->op, which)) {
        return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_vec(e, which) };
    }
    IrRef ref = operand_ref(e, which);
    if (ref_is_xmm(e, ref)) {
        return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_xmm(e, which, true) };
    }
    return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, which) };
}

static void generic(Emit *e)
{
    unsigned n = ir_vec_n_operands(e->in->op);
    Opnd a = operand(e, 0), b = { 0 };
    unsigned c = NO_REG;
    if (n > 1) {
        b = operand(e, 1);
    }
    if (n > 2) {
        c = operand(e, 2).reg;
    }
    unsigned d = ra_alloc(e, ir_vec_gives_int(e->in->op) ? CLS_GPR : CLS_XMM);
    Stub *s = emit_stub(e, stub_vec, asm_jmp_fwd(&e->a));
    s->value = a;
    s->value2 = b;
    s->x2 = (uint8_t)c;
    s->dst = (uint8_t)d;
    s->resume = e->a.p;
    ra_release(e);
    ra_def_end(e, d);
}

bool emit_vec(Emit *e)
{
    if (!ir_op_is_vec(e->in->op)) {
        return false;
    }
    generic(e);
    return true;
}
