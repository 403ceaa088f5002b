/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AdvSIMD copies, table lookup, EXT and modified immediates (DDI 0487 C4.1.96).
 */
#include "target/arm/simd.h"

#define TRANS(name) bool arm_simd_trans_##name(TransCtx *t, const SimdArgs *a)

/* imm5 of copies: the lowest bit set is the size, above it is the lane. */
static unsigned copy_size(const SimdArgs *a)
{
    return (unsigned)__builtin_ctz((unsigned)a->imm);
}
static int64_t copy_lane(const SimdArgs *a)
{
    return a->imm >> (copy_size(a) + 1);
}

TRANS(dup_e)
{
    simd_op1(t, IR_vdup_lane, copy_size(a) | simd_low(a), arm_v(a->rd), arm_v(a->rn),
             copy_lane(a));
    return true;
}

TRANS(dup_s)
{
    IrRef x = ir_temp(t->f, IR_I64);

    ir_vec(t->f, IR_vget, IR_I64, copy_size(a), x, arm_v(a->rn), IR_NONE, IR_NONE, copy_lane(a));
    ir_vzext(t->f, IR_I64, arm_v(a->rd), x);
    return true;
}

TRANS(dup_g)
{
    ir_vec(t->f, IR_vdup, IR_V128, copy_size(a) | simd_low(a), arm_v(a->rd), arm_x(t, a->rn),
           IR_NONE, IR_NONE, 0);
    return true;
}

static bool to_general(TransCtx *t, const SimdArgs *a, IrType type, unsigned sign)
{
    if (a->rd != 31)
        ir_vec(t->f, IR_vget, type, copy_size(a) | sign, arm_xd(a->rd), arm_v(a->rn), IR_NONE,
               IR_NONE, copy_lane(a));
    return true;
}
TRANS(smov) { return to_general(t, a, a->q ? IR_I64 : IR_I32, IR_V_SIGN); }
TRANS(umov) { return to_general(t, a, IR_I64, 0); }

TRANS(ins_g)
{
    ir_vec(t->f, IR_vins, IR_V128, copy_size(a), arm_v(a->rd), arm_v(a->rd), arm_x(t, a->rn),
           IR_NONE, copy_lane(a));
    return true;
}

TRANS(ins_e)
{
    unsigned size = copy_size(a);

    ir_vec(t->f, IR_vins_lane, IR_V128, size, arm_v(a->rd), arm_v(a->rd), arm_v(a->rn), IR_NONE,
           copy_lane(a) | (int64_t)(a->ra >> size) << 8);
    return true;
}

TRANS(ext)
{
    ir_vec(t->f, IR_vext, IR_V128, simd_low(a), arm_v(a->rd), arm_v(a->rn), arm_v(a->rm), IR_NONE,
           a->imm);
    return true;
}

/* Up to 32 bytes of table from register n on. */
static IrRef lookup(TransCtx *t, const SimdArgs *a, int n, int regs, IrRef index)
{
    IrRef v = simd_temp(t);

    if (regs == 1)
        simd_op2(t, IR_vtbl1, simd_low(a), v, arm_v(n & 31), index);
    else
        ir_vec(t->f, IR_vtbl2, IR_V128, simd_low(a), v, arm_v(n & 31), arm_v((n + 1) & 31), index,
               0);
    return v;
}

TRANS(tbl)
{
    int regs = a->imm + 1;
    IrRef index = arm_v(a->rm), v = lookup(t, a, a->rn, MIN(regs, 2), index);

    if (regs > 2) { /* less 32; what was below that becomes too much */
        IrRef above = simd_new2(t, IR_vsub, simd_low(a), index, simd_const_lanes(t, 0, 32));
        v = simd_new2(t, IR_vor, simd_low(a), v, lookup(t, a, a->rn + 2, regs - 2, above));
    }
    if (a->ra) { /* TBX: what is out of range stays */
        IrRef outside = simd_new2(t, IR_vcmpgeu, simd_low(a), index,
                                  simd_const_lanes(t, 0, 16 * (uint64_t)regs));
        IrRef kept = simd_new2(t, IR_vand, simd_low(a), outside, arm_v(a->rd));
        v = simd_new2(t, IR_vor, simd_low(a), v, kept);
    }
    ir_emit(t->f, IR_mov, IR_V128, arm_v(a->rd), v, IR_NONE);
    return true;
}

/* --- modified immediates (AdvSIMDExpandImm) --- */

static uint64_t repeat(uint64_t v, unsigned bits)
{
    for (; bits < 64; bits *= 2)
        v |= v << bits;
    return v;
}

static uint64_t expand(unsigned op, unsigned cmode, uint64_t imm)
{
    uint64_t r = 0;

    if (cmode < 8)
        return repeat(imm << 8 * (cmode >> 1), 32);
    if (cmode < 12)
        return repeat(imm << 8 * (cmode >> 1 & 1), 16);
    if (cmode < 14)
        return repeat(cmode & 1 ? imm << 16 | 0xffff : imm << 8 | 0xff, 32);
    if (cmode == 14 && !op)
        return repeat(imm, 8);
    if (cmode == 14) {
        for (unsigned i = 0; i < 8; i++)
            r |= imm >> i & 1 ? 0xffULL << 8 * i : 0;
        return r;
    }
    if (!op) /* FMOV, single */
        return repeat((imm & 0x80) << 24 | (imm & 0x40 ? 0x3eULL : 0x40ULL) << 24 |
                      (imm & 0x3f) << 19, 32);
    return (imm & 0x80) << 56 | (imm & 0x40 ? 0x3fcULL : 0x400ULL) << 52 | (imm & 0x3f) << 48;
}

TRANS(movi)
{
    unsigned op = (unsigned)a->size, cmode = (unsigned)a->ra;
    uint64_t v = expand(op, cmode, (uint64_t)a->imm);
    IrRef d = arm_v(a->rd);

    if (cmode < 12 && cmode & 1) { /* ORR, BIC */
        simd_op2(t, op ? IR_vandn : IR_vor, simd_low(a), d, d, simd_const(t, v, v));
        return true;
    }
    if (op && cmode < 14)
        v = ~v;
    ir_vec(t->f, IR_vmake, IR_V128, 0, d, arm_const(t, v), arm_const(t, a->q ? v : 0), IR_NONE, 0);
    return true;
}

TRANS(fmov_vih)
{
    uint64_t imm = (uint64_t)a->imm;
    uint64_t v = repeat((imm & 0x80) << 8 | (imm & 0x40 ? 0x30ULL : 0x40ULL) << 8 |
                        (imm & 0x3f) << 6, 16);

    ir_vec(t->f, IR_vmake, IR_V128, 0, arm_v(a->rd), arm_const(t, v), arm_const(t, a->q ? v : 0),
           IR_NONE, 0);
    return true;
}
