/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating point on the host's SSE unit, which runs under the guest's rounding mode and collects
 * its sticky flags (Cpu.mxcsr). IEEE 754 leaves little room: what differs between guests is NaNs,
 * conversions out of range, rounding modes that x86 lacks. These are found after the fact (the
 * result of the operation is a NaN: ucomis r,r; jp) and done again out of line, in software.
 *
 * Guests with one canonical NaN (FP_NAN_DEFAULT) are done here; invalid operations raise IE where
 * they raise NV, so a NaN result is just replaced, except for multiply-add, where x86 does not
 * flag infinity * 0 + quiet NaN (SDM vol. 1, 14.5.2). x86's own rules need no fix-up. With Arm's
 * NaN propagation or tininess before rounding the operands are kept and software does the
 * operation again where that matters. Arm's flushing to zero goes to software whole.
 */
#include <stddef.h>

#include "accel/fp.h"
#include "accel/ir/eval_vec.h"
#include "vec.h"

static unsigned x(unsigned reg)
{
    return reg - XMM0;
}

static Opnd opnd_x(unsigned reg)
{
    return (Opnd){ .kind = OPND_REG, .reg = (uint8_t)reg };
}

/* --- in software --- */

static unsigned fp_nargs(unsigned op)
{
    switch (op) {
    case IR_fma:
        return 3;
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fmin: case IR_fmax:
    case IR_fcmp: case IR_fcmp_nzcv:
        return 2;
    default:
        return 1;
    }
}

static void soft(Emit *e)
{
    uint64_t desc = ir_op_desc(e->in, &e->f->fp);
    emit_call_effects(e, jit_fp_soft, fp_nargs(e->in->op), IR_PURE, &desc);
}

static void put_arg(Emit *e, int32_t cell, Opnd o)
{
    Mem m = mem_bd(RSP, cell);
    switch (o.kind) {
    case OPND_REG:
        if (o.reg >= XMM0) {
            asm_rm(&e->a, OP_MOVSD_MR, x(o.reg), m);
        } else {
            asm_store(&e->a, m, o.reg);
        }
        break;
    case OPND_MEM:
        /* through the result cell's register-free way: push and pop keep everything */
        asm_rm(&e->a, 0xff, 6, o.mem);
        asm_rm(&e->a, 0x8f, 0, m);
        break;
    case OPND_IMM:
        asm_mov_mi(&e->a, true, m, (int32_t)o.imm);
        break;
    }
}

/* The whole operation again in software; operands in value, value2, their registers intact. */
static void stub_soft(Emit *e, Stub *s)
{
    uint64_t desc = ir_op_desc(s->in, &e->f->fp);
    Mem cell = mem_bd(RSP, FRAME_RESULT), hi = mem_bd(RSP, FRAME_RESULT + 4);
    put_arg(e, FRAME_MEMOP, s->value);
    put_arg(e, FRAME_ARG0, s->value2);
    if (s->x2 != NO_REG) {
        put_arg(e, FRAME_ARG1, opnd_x(s->x2));
    } else if (s->in->op == IR_fma) {
        /* The addend is gone; see cold_fma. A quiet NaN of the type: */
        uint64_t nan = s->in->type == IR_F64 ? 0x7ff8000000000000 : 0x7fc00000;
        asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_ARG1), (int32_t)nan);
        asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_ARG1 + 4), (int32_t)(nan >> 32));
    }
    asm_mov_mi(&e->a, false, cell, (int32_t)desc);
    asm_mov_mi(&e->a, false, hi, (int32_t)(desc >> 32));
    emit_cold_begin(e, s);
    asm_call(&e->a, thunks.fp_soft);
    emit_cold_end(e, s);
    if (s->dst >= XMM0) {
        asm_rm(&e->a, OP_MOVSD, x(s->dst), cell);
    } else {
        asm_load(&e->a, s->dst, cell);
    }
    asm_jmp(&e->a, s->resume);
}

static Stub *soft_stub(Emit *e, uint8_t *site, Opnd a, Opnd b, unsigned dst)
{
    Stub *s = emit_stub(e, stub_soft, site);
    s->value = a;
    s->value2 = b;
    s->x2 = NO_REG;
    s->dst = (uint8_t)dst;
    s->resume = e->a.p;
    return s;
}

/* --- results that need another look --- */

static void stub_nan(Emit *e, Stub *s)
{
    asm_rip(&e->a, OP_MOVSD, x(s->dst), s->is_single ? thunks.nan32 : thunks.nan64);
    asm_jmp(&e->a, s->resume);
}

static uint8_t *jump_if_nan(Emit *e, unsigned reg, bool single)
{
    asm_rr(&e->a, 0x2e | O_0F | (single ? 0 : O_66), x(reg), x(reg));
    return asm_jcc_fwd(&e->a, CC_P);
}

/*
 * Arm looks at tininess before rounding, x86 after it: these differ where the result was rounded
 * up to the smallest normal number (and is inexact, as only products, quotients and narrowings
 * are there). ucomis sets ZF where |r| equals it and where r is a NaN.
 */
static uint8_t *jump_if_nan_or_tiny(Emit *e, unsigned reg, bool single)
{
    unsigned t = ra_alloc(e, CLS_XMM);
    vec3_const(e, OP_PAND, t, reg, single ? VC_ABS32 : VC_ABS64);
    asm_rip(&e->a, 0x2e | O_0F | (single ? 0 : O_66), x(t),
            thunks.vec[single ? VC_MIN32 : VC_MIN64]);
    return asm_jcc_fwd(&e->a, CC_E);
}

/* A NaN result needs no more than its replacement. */
static bool nans_are_default(const Emit *e)
{
    return e->f->fp.nan == FP_NAN_DEFAULT && !e->f->fp.tiny_before;
}

/* NaNs are what x86 makes of them. */
static bool nans_are_native(const Emit *e)
{
    return e->f->fp.nan == FP_NAN_X86;
}

static void canonical(Emit *e, unsigned reg, bool single)
{
    Stub *s = emit_stub(e, stub_nan, jump_if_nan(e, reg, single));
    s->dst = (uint8_t)reg;
    s->is_single = single;
    s->resume = e->a.p;
}

/* Where the result goes: operands must be kept if software may want them again. */
static unsigned result_reg(Emit *e, unsigned hint)
{
    if (nans_are_native(e) || nans_are_default(e)) {
        ra_release(e);
        return ra_def(e, CLS_XMM, hint);
    }
    return ra_def_early(e, CLS_XMM);
}

/* After the operation. */
static void result_check(Emit *e, unsigned d, bool single, bool tiny, Opnd a, Opnd b)
{
    if (nans_are_native(e)) {
        return;
    }
    if (nans_are_default(e)) {
        canonical(e, d, single);
        return;
    }
    tiny = tiny && e->f->fp.tiny_before;
    soft_stub(e, tiny ? jump_if_nan_or_tiny(e, d, single) : jump_if_nan(e, d, single), a, b, d);
    ra_release(e);
}

/* --- what can be done natively --- */

/* With flushing to zero, and only then, the flags of Arm and x86 have too little in common. */
bool fp_policy_native(const Emit *e)
{
    const IrFpPolicy *p = &e->f->fp;
    return p->nan == FP_NAN_X86 || (!p->ftz && !p->daz);
}

unsigned fp_rm(const Emit *e)
{
    unsigned rm = e->in->aux & 7;
    return rm == IR_RM_DYN ? e->f->fp.rm : rm;
}

bool fp_rm_native(const Emit *e)
{
    return fp_rm(e) == e->f->fp.rm && e->f->fp.rm <= FP_RUP;
}

static void binary(Emit *e, unsigned op, unsigned d, unsigned a, Opnd b)
{
    vec_binary(e, op, d, a, b);
}

static unsigned scalar(const Emit *e)
{
    return O_0F | (e->in->type == IR_F32 ? O_F3 : O_F2);
}

static void arithmetic(Emit *e, unsigned opcode, bool tiny)
{
    bool single = e->in->type == IR_F32;
    unsigned a = ra_xmm(e, 0, single);
    Opnd b = ra_xmm_opnd(e, 1, single);
    unsigned d = result_reg(e, a);
    binary(e, opcode | scalar(e), d, a, b);
    result_check(e, d, single, tiny, opnd_x(a), b);
    ra_def_end(e, d);
}

static void square_root(Emit *e)
{
    bool single = e->in->type == IR_F32;
    unsigned a = ra_xmm(e, 0, single), d = result_reg(e, a);
    binary(e, 0x51 | scalar(e), d, a, opnd_x(a));
    result_check(e, d, single, false, opnd_x(a), (Opnd){ .kind = OPND_IMM });
    ra_def_end(e, d);
}

/*
 * d = a * b + c in the addend's place, so that the factors are still there if the result is a NaN.
 * Software then computes a * b + quiet NaN: the result is the canonical NaN, and the flags that
 * this raises are those that the host did not (the host flagged signaling addends, and invalid
 * sums).
 */
static void multiply_add(Emit *e)
{
    static const uint8_t opcodes[] = { 0xb9, 0xbd, 0xbb, 0xbf };
    bool single = e->in->type == IR_F32;
    unsigned a = ra_xmm(e, 0, single), c = ra_xmm(e, 2, single);
    Opnd b = ra_xmm_opnd(e, 1, single);
    unsigned op = opcodes[e->in->aux >> 3 & 3] | O_0F38 | O_66 | (single ? 0 : O_W);
    bool keep = !nans_are_native(e) && !nans_are_default(e);
    unsigned d;
    if (keep) {
        d = ra_def_early(e, CLS_XMM);
    } else {
        ra_release(e);
        d = ra_def(e, CLS_XMM, c);
        if (d == a || (b.kind == OPND_REG && d == b.reg)) {
            d = ra_alloc(e, CLS_XMM);
        }
    }
    if (d != c) {
        asm_rr(&e->a, OP_MOVAPS, x(d), x(c));
    }
    if (b.kind == OPND_REG) {
        asm_vrr(&e->a, op, x(d), x(a), x(b.reg));
    } else {
        asm_vrm(&e->a, op, x(d), x(a), b.mem);
    }
    if (nans_are_default(e)) {
        soft_stub(e, jump_if_nan(e, d, single), opnd_x(a), b, d);
    } else if (keep) {
        uint8_t *site = e->f->fp.tiny_before ? jump_if_nan_or_tiny(e, d, single)
                                             : jump_if_nan(e, d, single);
        soft_stub(e, site, opnd_x(a), b, d)->x2 = (uint8_t)c;
        ra_release(e);
    }
    ra_def_end(e, d);
}

/*
 * min(a, b) | min(b, a) has -0 for zeros of both signs: where operands are equal x86 returns the
 * second. NaN operands go to software.
 */
static void minmax(Emit *e, bool max)
{
    bool single = e->in->type == IR_F32;
    unsigned a = ra_xmm(e, 0, single), b = ra_xmm(e, 1, single);
    unsigned t = ra_alloc(e, CLS_XMM), d = ra_alloc(e, CLS_XMM);
    unsigned op = (max ? 0x5f : 0x5d) | scalar(e);
    asm_rr(&e->a, 0x2e | O_0F | (single ? 0 : O_66), x(a), x(b));
    uint8_t *site = asm_jcc_fwd(&e->a, CC_P);
    binary(e, op, d, a, opnd_x(b));
    binary(e, op, t, b, opnd_x(a));
    asm_rr(&e->a, (max ? 0x54 : 0x56) | O_0F, x(d), x(t));
    soft_stub(e, site, opnd_x(a), opnd_x(b), d);
    ra_release(e);
    ra_def_end(e, d);
}

static void compare(Emit *e)
{
    Asm *a = &e->a;
    bool single = e->in->type == IR_F32;
    unsigned how = e->in->aux, size = single ? 0 : O_66;
    if (how == IR_FEQ_SIG) {
        soft(e);
        return;
    }
    /* less: b above a, which is false for unordered operands */
    bool equal = how == IR_FEQ, quiet = how >= IR_FEQ_SIG;
    unsigned first = ra_xmm(e, equal ? 0 : 1, single);
    Opnd second = ra_xmm_opnd(e, equal ? 1 : 0, single);
    ra_release(e);
    if (equal) {
        unsigned t = ra_alloc(e, CLS_XMM);
        binary(e, 0xc2 | scalar(e), t, first, second);
        asm8(a, 0); /* cmpeq, quiet */
        unsigned d = ra_def(e, CLS_GPR, NO_REG);
        asm_rr(a, 0x50 | O_0F, d, x(t)); /* movmskps */
        asm_alu_ri(a, false, G_AND, d, 1);
        ra_def_end(e, d);
        return;
    }
    unsigned d = ra_def(e, CLS_GPR, NO_REG);
    unsigned op = (quiet ? 0x2e : 0x2f) | O_0F | size;
    asm_rr(a, OP_XOR, d, d);
    if (second.kind == OPND_REG) {
        asm_rr(a, op, x(first), x(second.reg));
    } else {
        asm_rm(a, op, x(first), second.mem);
    }
    bool or_equal = how == IR_FLE || how == IR_FLE_QUIET;
    asm_rr(a, (0x90 + (or_equal ? CC_AE : CC_A)) | O_0F | O_B8RM, 0, d);
    ra_def_end(e, d);
}

/* ucomis: ZF PF CF for unordered, CF for less, ZF for equal. */
static void compare_nzcv(Emit *e)
{
    enum { GREATER = 0x20000000, EQUAL = 0x60000000, UNORDERED = 0x30000000 };
    Asm *a = &e->a;
    bool single = e->in->type == IR_F32;
    unsigned op = (e->in->aux & IR_FCMP_SIGNALING ? 0x2f : 0x2e) | O_0F | (single ? 0 : O_66);
    unsigned first = ra_xmm(e, 0, single);
    Opnd second = ra_xmm_opnd(e, 1, single);
    unsigned t = ra_alloc(e, CLS_GPR);
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, NO_REG);
    if (second.kind == OPND_REG) {
        asm_rr(a, op, x(first), x(second.reg));
    } else {
        asm_rm(a, op, x(first), second.mem);
    }
    asm_mov_ri(a, d, GREATER);
    asm_mov_ri(a, t, 0x80000000);
    asm_rr(a, OP_CMOV + CC_B, d, t);
    asm_mov_ri(a, t, EQUAL);
    asm_rr(a, OP_CMOV + CC_E, d, t);
    asm_mov_ri(a, t, UNORDERED);
    asm_rr(a, OP_CMOV + CC_P, d, t);
    ra_def_end(e, d);
}

/* --- conversions --- */

static void convert_fp(Emit *e)
{
    bool to_single = e->in->type == IR_F32;
    unsigned a = ra_xmm(e, 0, !to_single), d = result_reg(e, a);
    binary(e, 0x5a | O_0F | (to_single ? O_F2 : O_F3), d, a, opnd_x(a));
    result_check(e, d, to_single, to_single, opnd_x(a), (Opnd){ .kind = OPND_IMM });
    ra_def_end(e, d);
}

/*
 * x86 answers INT_MIN and IE for what doesn't fit; unsigned types are done where the value is
 * between zero and the signed (of 64 bits) or unsigned (of 32) maximum, by its bits.
 */
static void to_int(Emit *e)
{
    Asm *a = &e->a;
    bool single = e->in->type2 == IR_F32, w = e->in->type == IR_I64;
    bool uns = e->in->aux & IR_CVT_UNSIGNED;
    unsigned rm = fp_rm(e);
    if ((rm != FP_RTZ && !fp_rm_native(e)) || (e->in->aux & IR_CVT_NO_NX) ||
        e->in->imm ||
        e->f->fp.int_policy == FP_INT_X86) {
        soft(e);
        return;
    }
    unsigned op = (rm == FP_RTZ ? 0x2c : 0x2d) | O_0F | (single ? O_F3 : O_F2);
    unsigned v = ra_xmm(e, 0, single), d = ra_alloc(e, CLS_GPR);
    uint8_t *site;
    if (uns) {
        unsigned bits = ra_alloc(e, CLS_GPR);
        uint64_t limit = single ? (w ? 0x5f000000 : 0x4f800000)
                                : (w ? 0x43e0000000000000 : 0x41efffffffe00001);
        asm_rr(a, single ? OP_MOVD_RX : OP_MOVQ_RX, x(v), bits);
        asm_mov_ri(a, d, limit);
        asm_rr(a, OP_CMP | O_W, bits, d);
        site = asm_jcc_fwd(a, CC_AE);
        asm_rr(a, op | O_W, d, x(v));
    } else {
        asm_rr(a, op | (w ? O_W : 0), d, x(v));
        asm_alu_ri(a, w, G_CMP, d, 1);
        site = asm_jcc_fwd(a, CC_O);
    }
    soft_stub(e, site, opnd_x(v), (Opnd){ .kind = OPND_IMM }, d);
    ra_release(e);
    ra_def_end(e, d);
}

static void from_int(Emit *e)
{
    Asm *a = &e->a;
    bool single = e->in->type == IR_F32, w = e->in->type2 == IR_I64;
    bool uns = e->in->aux & IR_CVT_UNSIGNED, exact = !w && !single;
    if ((!exact && !fp_rm_native(e)) || e->in->imm) {
        soft(e);
        return;
    }
    unsigned g = ra_gpr(e, 0);
    unsigned d = ra_alloc(e, CLS_XMM);
    uint8_t *site = NULL;
    if (uns && !w) {
        unsigned t = ra_alloc(e, CLS_GPR);
        asm_rr(a, OP_MOV, t, g);
        g = t;
    } else if (uns) {
        asm_rr(a, OP_TEST | O_W, g, g);
        site = asm_jcc_fwd(a, CC_S);
    }
    asm_rr(a, 0x57 | O_0F, x(d), x(d)); /* no dependency on what was there */
    asm_rr(a, 0x2a | scalar(e) | (w || uns ? O_W : 0), x(d), g);
    if (site) {
        soft_stub(e, site, (Opnd){ .kind = OPND_REG, .reg = (uint8_t)g },
                  (Opnd){ .kind = OPND_IMM }, d);
    }
    ra_release(e);
    ra_def_end(e, d);
}

static void round_to_int(Emit *e)
{
    static const uint8_t modes[] = { [FP_RNE] = 0, [FP_RTZ] = 3, [FP_RDN] = 1, [FP_RUP] = 2 };
    bool single = e->in->type == IR_F32;
    unsigned rm = fp_rm(e);
    if (!host.sse41 || rm > FP_RUP) {
        soft(e);
        return;
    }
    unsigned a = ra_xmm(e, 0, single), d = result_reg(e, a);
    binary(e, (single ? 0x0a : 0x0b) | O_0F3A | O_66, d, a, opnd_x(a));
    asm8(&e->a, modes[rm] | (e->in->aux & IR_CVT_NO_NX ? 8 : 0));
    result_check(e, d, single, false, opnd_x(a), (Opnd){ .kind = OPND_IMM });
    ra_def_end(e, d);
}

/* --- boxes --- */

static uint64_t soft_unbox(Cpu *cpu, uint64_t a)
{
    return a >> 32 == UINT32_MAX ? (uint32_t)a : 0x7fc00000;
}

static uint64_t soft_box(Cpu *cpu, uint64_t a)
{
    return a | 0xffffffff00000000;
}

static void unbox(Emit *e)
{
    IrRef src = e->in->a;
    if (!ir_is_slot(src) || e->f->slots[ir_slot_index(src)].pin >= 0) {
        emit_call_effects(e, soft_unbox, 1, IR_PURE, NULL);
        return;
    }
    unsigned s = ir_slot_index(src);
    bool boxed = e->slot_boxed[s];
    Mem hi = slot_mem(e, s);
    hi.disp += 4;
    unsigned v = ra_xmm(e, 0, true);
    ra_release(e);
    unsigned d = ra_def(e, CLS_XMM, v);
    if (d != v) {
        asm_rr(&e->a, OP_MOVAPS, x(d), x(v));
    }
    if (!boxed) {
        asm_alu_mi(&e->a, false, G_CMP, hi, -1);
        Stub *st = emit_stub(e, stub_nan, asm_jcc_fwd(&e->a, CC_NE));
        st->dst = (uint8_t)d;
        st->is_single = true;
        st->resume = e->a.p;
    }
    ra_def_end(e, d);
}

static void box(Emit *e)
{
    IrRef dst = e->in->dst;
    if (!ir_is_slot(dst) || e->f->slots[ir_slot_index(dst)].pin >= 0) {
        emit_call_effects(e, soft_box, 1, IR_PURE, NULL);
        return;
    }
    unsigned v = ra_xmm(e, 0, true), t = ra_alloc(e, CLS_XMM);
    /* All 8 bytes in one store, so that later loads of any size are forwarded. */
    if (host.avx) {
        asm_vrip(&e->a, 0x56 | O_0F, x(t), x(v), thunks.box);
    } else {
        asm_rip(&e->a, OP_MOVAPS, x(t), thunks.box);
        asm_rr(&e->a, 0x56 | O_0F, x(t), x(v));
    }
    asm_rm(&e->a, OP_MOVSD_MR, x(t), slot_mem(e, ir_slot_index(dst)));
    ra_release(e);
    ra_def_single(e, v, t);
}

static bool native(Emit *e)
{
    switch (e->in->op) {
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fsqrt:
        return fp_rm_native(e);
    case IR_fma:
        return fp_rm_native(e) && host.fma;
    case IR_fmin: case IR_fmax:
        return true;
    case IR_fcvt_f:
        return e->in->type == IR_F64 || fp_rm_native(e);
    default:
        return true;
    }
}

void emit_fp(Emit *e)
{
    if (e->in->op == IR_funbox) {
        unbox(e);
        return;
    }
    if (e->in->op == IR_fbox) {
        box(e);
        return;
    }
    if (!fp_policy_native(e) || !native(e)) {
        soft(e);
        return;
    }
    switch (e->in->op) {
    case IR_fadd: arithmetic(e, 0x58, false); break;
    case IR_fsub: arithmetic(e, 0x5c, false); break;
    case IR_fmul: arithmetic(e, 0x59, true); break;
    case IR_fdiv: arithmetic(e, 0x5e, true); break;
    case IR_fsqrt: square_root(e); break;
    case IR_fma: multiply_add(e); break;
    case IR_fmin: minmax(e, false); break;
    case IR_fmax: minmax(e, true); break;
    case IR_fcmp: compare(e); break;
    case IR_fcmp_nzcv: compare_nzcv(e); break;
    case IR_fcvt_f: convert_fp(e); break;
    case IR_fcvt_fi: to_int(e); break;
    case IR_fcvt_if: from_int(e); break;
    case IR_fround: round_to_int(e); break;
    default: g_assert_not_reached();
    }
}
