/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of semantics (trans_*.c) and the generated decoder share. */
#ifndef TARGET_RISCV_TRANS_H
#define TARGET_RISCV_TRANS_H

#include "target/riscv/cpu.h"
#include "target/riscv/riscv_decode.h"
#include "util/bits.h"

/* TransCtx.target_data */
enum {
    TD_NEXT,     /* address of the instruction to decode next: normally the following one */
    TD_LOOKUP,   /* the mode changed: the block ends after this instruction */
};

static inline IrRef riscv_const(TransCtx *t, uint64_t v)
{
    return ir_const(t->f, v);
}

/* Integer register as an operand. */
static inline IrRef riscv_x(TransCtx *t, int n)
{
    return n ? IR_SLOT(SLOT_X0 + n) : ir_const(t->f, 0);
}

/* Integer register as the result of an operation that is done even if nobody wants its result. */
static inline IrRef riscv_xd(int n)
{
    return n ? IR_SLOT(SLOT_X0 + n) : IR_NONE;
}

static inline IrRef riscv_f(int n)
{
    return IR_SLOT(SLOT_F0 + n);
}

static inline unsigned riscv_priv(const TransCtx *t)
{
    return t->mode & MODE_PRIV;
}

static inline uint64_t riscv_next(const TransCtx *t)
{
    return t->target_data[TD_NEXT];
}

/* 32-bit result into a register, sign-extended as RV64 has it. */
static inline void riscv_put_w(TransCtx *t, int rd, IrRef v)
{
    ir_emit(t->f, IR_sext32, IR_I64, IR_SLOT(SLOT_X0 + rd), v, IR_NONE);
}

static inline bool riscv_fp_on(const TransCtx *t)
{
    return t->mode & MODE_FS;
}

/* A rounding mode field that isn't reserved: static, or dynamic with a valid frm. */
static inline bool riscv_rm_ok(const TransCtx *t, int rm)
{
    return rm != IR_RM_DYN || (t->mode & MODE_FRM) >> MODE_FRM_SHIFT <= FP_RMM;
}

/* The block goes on at the next instruction, but in a mode that may be another one. */
static inline void riscv_exit_lookup_next(TransCtx *t)
{
    ir_set_address(t->f, IR_SLOT(SLOT_PC), riscv_next(t));
    ir_exit_lookup(t->f);
    t->end = true;
}

/* isa.c */
void riscv_fp_write(TransCtx *t);
/* Raises an exception for sure: the block ends. */
void riscv_trans_raise(TransCtx *t, uint64_t cause, IrRef tval);

#endif
