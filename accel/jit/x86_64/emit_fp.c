/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point. */
#include "emit.h"

static unsigned fp_nargs(unsigned op)
{
    switch (op) {
    case IR_fma:
        return 3;
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fmin: case IR_fmax:
    case IR_fcmp:
        return 2;
    default:
        return 1;
    }
}

static uint64_t descriptor(const Emit *e)
{
    const IrInsn *in = e->in;
    return in->op | in->type << 8 | in->type2 << 12 | (uint64_t)in->aux << 16 |
           (uint64_t)e->f->fp.int_policy << 32;
}

static void soft(Emit *e)
{
    uint64_t desc = descriptor(e);
    emit_call_effects(e, jit_fp_soft, fp_nargs(e->in->op), IR_PURE, &desc);
}

static uint64_t unbox(Cpu *cpu, uint64_t a)
{
    return a >> 32 == UINT32_MAX ? (uint32_t)a : 0x7fc00000;
}

static uint64_t box(Cpu *cpu, uint64_t a)
{
    return a | 0xffffffff00000000;
}

bool emit_fp(Emit *e)
{
    switch (e->in->op) {
    case IR_funbox:
        emit_call_effects(e, unbox, 1, IR_PURE, NULL);
        break;
    case IR_fbox:
        emit_call_effects(e, box, 1, IR_PURE, NULL);
        break;
    default:
        soft(e);
        break;
    }
    return true;
}
