/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the FP and the vector operations of the IR compute: the one definition behind the
 * interpreter, what generated code calls for cases that the host's instructions don't cover, and
 * the tests.
 */
#ifndef ACCEL_IR_EVAL_VEC_H
#define ACCEL_IR_EVAL_VEC_H

#include "accel/ir.h"
#include "util/softfloat.h"

/* Everything about an operation but its operands, in a word that generated code can pass. */
static inline uint64_t ir_op_desc(const IrInsn *i, const IrFpPolicy *fp)
{
    return (uint64_t)i->op | (uint64_t)(i->type & 15) << 8 | (uint64_t)(i->type2 & 15) << 12 |
           (uint64_t)i->aux << 16 | (uint64_t)(fp->int_policy & 15) << 32 |
           (uint64_t)(i->imm & 0xffff) << 36;
}
static inline unsigned ir_desc_op(uint64_t desc) { return desc & 0xff; }
static inline unsigned ir_desc_type(uint64_t desc) { return desc >> 8 & 15; }
static inline unsigned ir_desc_type2(uint64_t desc) { return desc >> 12 & 15; }
static inline unsigned ir_desc_aux(uint64_t desc) { return desc >> 16 & 0xffff; }
static inline FpIntPolicy ir_desc_policy(uint64_t desc) { return (FpIntPolicy)(desc >> 32 & 15); }
static inline unsigned ir_desc_imm(uint64_t desc) { return desc >> 36 & 0xffff; }

/*
 * A scalar operation, fadd .. fround, on raw bits. Rounding that isn't named by aux, NaN rules
 * and flushing are those of st, and flags go there.
 */
uint64_t ir_eval_fp(uint64_t desc, uint64_t a, uint64_t b, uint64_t c, FpStatus *st);

/*
 * A vector operation. Operands that are not vectors are in d[0]; so is a result that isn't, and
 * then d[1] is 0. dst may be the same as an operand. st is for FP operations.
 */
void ir_eval_vec(uint64_t desc, IrV128 *dst, const IrV128 *a, const IrV128 *b, const IrV128 *c,
                 FpStatus *st);
void ir_eval_vec_fp(uint64_t desc, IrV128 *dst, const IrV128 *a, const IrV128 *b,
                    const IrV128 *c, FpStatus *st); /* of these, vfabs and later */

/* Lanes; size is log2 of the bytes. */
static inline uint64_t ir_lane(const IrV128 *v, unsigned size, unsigned n)
{
    switch (size) {
    case 0: return v->b[n & 15];
    case 1: return v->h[n & 7];
    case 2: return v->w[n & 3];
    default: return v->d[n & 1];
    }
}
static inline void ir_set_lane(IrV128 *v, unsigned size, unsigned n, uint64_t x)
{
    switch (size) {
    case 0: v->b[n & 15] = (uint8_t)x; break;
    case 1: v->h[n & 7] = (uint16_t)x; break;
    case 2: v->w[n & 3] = (uint32_t)x; break;
    default: v->d[n & 1] = x; break;
    }
}

#endif
