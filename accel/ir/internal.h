/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the builder, the passes and the engines' C side. */
#ifndef ACCEL_IR_INTERNAL_H
#define ACCEL_IR_INTERNAL_H

#include <string.h>

#include "accel/ir.h"

enum { IR_MAX_SLOTS = 256, IR_MAX_CONSTS = 0x3fff, IR_MAX_LABELS = 0x3fff };

/* Working memory of ir_optimize, so that it never allocates. */
typedef struct IrScratch {
    IrRef temp_value[IR_MAX_TEMPS + 1];   /* what stands for a temp: itself, a const, another */
    uint16_t temp_uses[IR_MAX_TEMPS + 1]; /* backward pass */
    bool temp_wide[IR_MAX_TEMPS + 1];     /* backward pass: somebody reads more than 32 bits */
    bool temp_positive[IR_MAX_TEMPS + 1]; /* forward pass: all bits from 31 on are zeros */
    bool temp_signed[IR_MAX_TEMPS + 1];   /* forward pass: all bits from 31 on are equal */
    IrRef temp_placed[IR_MAX_TEMPS + 1];  /* forward pass: see Forward.placed; or IR_NONE */
    uint16_t label_refs[IR_MAX_LABELS + 1];
    uint16_t slot_write[IR_MAX_SLOTS];    /* backward pass: where the slot is written next */
    uint32_t slot_state[IR_MAX_SLOTS];    /* backward pass */
    IrRef slot_value[IR_MAX_SLOTS];       /* where a set of the pass has the slot */
} IrScratch;

/* Of slots. */
typedef struct SlotSet {
    uint64_t bits[IR_MAX_SLOTS / 64];
} SlotSet;

static inline bool set_has(const SlotSet *s, unsigned n)
{
    return s->bits[n / 64] >> n % 64 & 1;
}

static inline void set_add(SlotSet *s, unsigned n)
{
    s->bits[n / 64] |= 1ULL << n % 64;
}

static inline void set_del(SlotSet *s, unsigned n)
{
    s->bits[n / 64] &= ~(1ULL << n % 64);
}

static inline void set_put(SlotSet *s, unsigned n, bool in)
{
    s->bits[n / 64] = (s->bits[n / 64] & ~(1ULL << n % 64)) | (uint64_t)in << n % 64;
}

static inline void set_clear(SlotSet *s)
{
    memset(s, 0, sizeof *s);
}

/* The second half of ir_optimize. */
void ir_backward(IrFunc *f);

/* Operations whose only effect besides dst is on the sticky FP flags. */
static inline bool ir_op_sets_fp_flags(unsigned op)
{
    return (op >= IR_fadd && op <= IR_fround) || (op >= IR_vfadd && op <= IR_vfcvtn);
}

/* Vector operations whose result is an integer. */
static inline bool ir_vec_gives_int(unsigned op)
{
    return op == IR_vget || (op >= IR_vaddv && op <= IR_vuminv);
}

/* Is operand 0..2 of a vector operation a vector? */
static inline bool ir_vec_operand_is_vec(unsigned op, unsigned which)
{
    return op != IR_vzext && op != IR_vmake && op != IR_vdup && !(op == IR_vins && which == 1);
}

static inline unsigned ir_vec_n_operands(unsigned op)
{
    switch (op) {
    case IR_vbsl: case IR_vtbl2: case IR_vfma:
        return 3;
    default:
        return ir_op_formats[op][1] == 'B' ? 2 : 1;
    }
}

static inline bool ir_op_commutes(unsigned op)
{
    switch (op) {
    case IR_add: case IR_and: case IR_or: case IR_xor: case IR_xnor: case IR_mul: case IR_mulhu:
    case IR_mulhs: case IR_clmul: case IR_clmulh: case IR_smin: case IR_smax: case IR_umin:
    case IR_umax:
        return true;
    default:
        return false;
    }
}

static inline unsigned ir_type_bits(unsigned type)
{
    return type == IR_V128 ? 128 : type == IR_I32 || type == IR_F32 ? 32 : 64;
}

/* The condition that holds for (b, a) when cc holds for (a, b). */
static inline IrCond ir_cond_swap(IrCond cc)
{
    static const uint8_t swapped[] = { IR_EQ, IR_NE, IR_GT, IR_LE, IR_GE, IR_LT,
                                       IR_GTU, IR_LEU, IR_GEU, IR_LTU, IR_TSTEQ, IR_TSTNE };
    return (IrCond)swapped[cc];
}

#endif
