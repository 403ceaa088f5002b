/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that emit vector and FP operations. Registers are numbered as in emit.h. */
#ifndef JIT_X86_64_VEC_H
#define JIT_X86_64_VEC_H

#include "emit.h"

enum {
    OP_PAND = 0xdb | O_0F | O_66, OP_PANDN = 0xdf | O_0F | O_66, OP_POR = 0xeb | O_0F | O_66,
    OP_PXOR = 0xef | O_0F | O_66, OP_PADDB = 0xfc | O_0F | O_66, OP_PADDW = 0xfd | O_0F | O_66,
    OP_PADDD = 0xfe | O_0F | O_66, OP_PADDQ = 0xd4 | O_0F | O_66, OP_PSUBB = 0xf8 | O_0F | O_66,
    OP_PMULLW = 0xd5 | O_0F | O_66, OP_PCMPEQB = 0x74 | O_0F | O_66,
    OP_PCMPEQD = 0x76 | O_0F | O_66, OP_PCMPGTQ = 0x37 | O_0F38 | O_66,
    OP_PACKUSWB = 0x67 | O_0F | O_66, OP_PACKUSDW = 0x2b | O_0F38 | O_66,
    OP_PUNPCKLQDQ = 0x6c | O_0F | O_66, OP_PUNPCKHQDQ = 0x6d | O_0F | O_66,
    OP_PSHUFB = 0x00 | O_0F38 | O_66, OP_PSHUFD = 0x70 | O_0F | O_66,
    OP_PSHUFLW = 0x70 | O_0F | O_F2, OP_PSHUFHW = 0x70 | O_0F | O_F3,
    OP_PBLENDW = 0x0e | O_0F3A | O_66, OP_SHUFPS = 0xc6 | O_0F, OP_SHUFPD = 0xc6 | O_0F | O_66,
    OP_PALIGNR = 0x0f | O_0F3A | O_66, OP_PTEST = 0x17 | O_0F38 | O_66,
    OP_MOVDDUP = 0x12 | O_0F | O_F2, OP_PSADBW = 0xf6 | O_0F | O_66,
    OP_PADDUSB = 0xdc | O_0F | O_66,
};

/* Groups of shifts by an immediate: opcode, /digit. */
enum { SH_L = 6, SH_R = 2, SH_A = 4, SH_BYTES_R = 3 };

/* d = a op b, b a register, a cell (AVX) or memory whose alignment is known. */
void vec_binary(Emit *e, unsigned op, unsigned d, unsigned a, Opnd b);
/* The same of registers. Without AVX d must not be b, unless it is a, too. */
void vec3(Emit *e, unsigned op, unsigned d, unsigned a, unsigned b);
void vec3_imm(Emit *e, unsigned op, unsigned d, unsigned a, unsigned b, unsigned imm);
/* b is a constant of the table. */
void vec3_const(Emit *e, unsigned op, unsigned d, unsigned a, VecConst c);
void vec_load_const(Emit *e, unsigned d, VecConst c);
/* d = op a; moves, shuffles by an immediate (imm < 0: none) */
void vec2(Emit *e, unsigned op, unsigned d, unsigned a, int imm);
void vec_mov(Emit *e, unsigned d, unsigned a);
void vec_zero(Emit *e, unsigned d);
void vec_ones(Emit *e, unsigned d);
/* d = a shifted by an immediate: SH_*, lanes of 1 << size bytes (1..3; SH_BYTES_R: whole) */
void vec_shift(Emit *e, unsigned how, unsigned size, unsigned d, unsigned a, unsigned n);
/* Upper half = 0. */
void vec_clear_high(Emit *e, unsigned d);
/* The operation in software where `site` jumps; operands are in registers. */
void vec_cold(Emit *e, uint8_t *site, const unsigned *operands, unsigned n, unsigned dst);
static inline Opnd vec_reg(unsigned reg)
{
    return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)reg };
}
static inline unsigned vec_alloc(Emit *e)
{
    return ra_alloc(e, CLS_XMM);
}
/* Where a multi-instruction sequence makes its result: no operand's register. */
static inline unsigned vec_dst(Emit *e)
{
    return ra_def_early(e, CLS_XMM);
}
/* LOW64, and the result to where it belongs. */
void vec_finish(Emit *e, unsigned d);

/* Each: false, and nothing was emitted, if it isn't one of its operations or sizes. */
bool vec_emit_arith(Emit *e);
bool vec_emit_move(Emit *e);
bool vec_emit_resize(Emit *e);
bool vec_emit_fp(Emit *e);

/* --- what emit_fp.c and vec_fp.c share --- */
bool fp_policy_native(const Emit *e);  /* results are the host's, but for NaNs and tininess */
bool fp_rm_native(const Emit *e);      /* the rounding mode asked for is in MXCSR */
unsigned fp_rm(const Emit *e);         /* that which is asked for */

/* What is known of the upper bits of a register with this value: 32, 64 or 0; see Emit. */
unsigned vec_clean(const Emit *e, IrRef r);

#endif
