/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector operations: the choice between instructions and software, and the pieces that emitters
 * are made of. Instructions are used where the host has SSE4.2 (in VEX form with AVX); what has no
 * emission of its own is done by accel/ir/eval_vec.c, out of line, with operands and result in the
 * frame.
 */
#include "accel/ir/eval_vec.h"
#include "accel/ir/internal.h"
#include "vec.h"

static unsigned x(unsigned reg)
{
    return reg - XMM0;
}

/* --- pieces --- */

void vec_mov(Emit *e, unsigned d, unsigned a)
{
    if (d != a) {
        asm_rr(&e->a, OP_MOVAPS, x(d), x(a));
    }
}

void vec_binary(Emit *e, unsigned op, unsigned d, unsigned a, Opnd b)
{
    if (host.avx) {
        if (b.kind == OPND_REG) {
            asm_vrr(&e->a, op, x(d), x(a), x(b.reg));
        } else {
            asm_vrm(&e->a, op, x(d), x(a), b.mem);
        }
        return;
    }
    if (b.kind == OPND_REG && b.reg == d && d != a) {
        unsigned t = vec_alloc(e);
        vec_mov(e, t, b.reg);
        b.reg = (uint8_t)t;
    }
    vec_mov(e, d, a);
    if (b.kind == OPND_REG) {
        asm_rr(&e->a, op, x(d), x(b.reg));
    } else {
        asm_rm(&e->a, op, x(d), b.mem);
    }
}

void vec3(Emit *e, unsigned op, unsigned d, unsigned a, unsigned b)
{
    vec_binary(e, op, d, a, vec_reg(b));
}

void vec3_imm(Emit *e, unsigned op, unsigned d, unsigned a, unsigned b, unsigned imm)
{
    vec_binary(e, op, d, a, vec_reg(b));
    asm8(&e->a, imm);
}

void vec3_const(Emit *e, unsigned op, unsigned d, unsigned a, VecConst c)
{
    if (host.avx) {
        asm_vrip(&e->a, op, x(d), x(a), thunks.vec[c]);
    } else {
        vec_mov(e, d, a);
        asm_rip(&e->a, op, x(d), thunks.vec[c]);
    }
}

void vec_load_const(Emit *e, unsigned d, VecConst c)
{
    asm_rip(&e->a, OP_MOVAPS, x(d), thunks.vec[c]);
}

void vec2(Emit *e, unsigned op, unsigned d, unsigned a, int imm)
{
    if (host.avx) {
        asm_vrr(&e->a, op, x(d), 0, x(a));
    } else {
        asm_rr(&e->a, op, x(d), x(a));
    }
    if (imm >= 0) {
        asm8(&e->a, (unsigned)imm);
    }
}

void vec_zero(Emit *e, unsigned d)
{
    vec3(e, OP_PXOR, d, d, d);
}

void vec_ones(Emit *e, unsigned d)
{
    vec3(e, OP_PCMPEQD, d, d, d);
}

void vec_shift(Emit *e, unsigned how, unsigned size, unsigned d, unsigned a, unsigned n)
{
    unsigned op = (how == SH_BYTES_R ? 0x73u : 0x70u + size) | O_0F | O_66;
    if (host.avx) {
        asm_vrr(&e->a, op, how, x(d), x(a));
    } else {
        vec_mov(e, d, a);
        asm_rr(&e->a, op, how, x(d));
    }
    asm8(&e->a, n);
}

void vec_clear_high(Emit *e, unsigned d)
{
    vec2(e, OP_MOVQ_X, d, d, -1);
}

void vec_finish(Emit *e, unsigned d)
{
    if (e->in->aux & IR_V_LOW64) {
        vec_clear_high(e, d);
    }
    ra_release(e);
    ra_def_end(e, d);
}

/* --- in software --- */

static Mem frame_vec(unsigned n)
{
    return mem_bd(RSP, FRAME_VEC + (int32_t)n * 16);
}

static void put_operand(Emit *e, unsigned n, unsigned reg)
{
    if (reg >= XMM0) {
        asm_rm(&e->a, OP_MOVUPS_MR, x(reg), frame_vec(n));
    } else {
        asm_store(&e->a, frame_vec(n), reg);
    }
}

/* Operands in x0, x1, x2, their registers intact. */
static void stub_vec(Emit *e, Stub *s)
{
    uint64_t desc = ir_op_desc(s->in, &e->f->fp);
    const uint8_t operands[] = { s->x0, s->x1, s->x2 };
    for (unsigned n = 0; n < 3 && operands[n] != NO_REG; n++) {
        put_operand(e, n, operands[n]);
    }
    asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_RESULT), (int32_t)desc);
    asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_RESULT + 4), (int32_t)(desc >> 32));
    emit_cold_begin(e, s);
    asm_call(&e->a, thunks.vec_soft);
    emit_cold_end(e, s);
    if (s->dst >= XMM0) {
        asm_rm(&e->a, OP_MOVUPS, x(s->dst), frame_vec(0));
    } else {
        asm_load(&e->a, s->dst, frame_vec(0));
    }
    asm_jmp(&e->a, s->resume);
}

void vec_cold(Emit *e, uint8_t *site, const unsigned *operands, unsigned n, unsigned dst)
{
    Stub *s = emit_stub(e, stub_vec, site);
    s->x0 = (uint8_t)operands[0];
    s->x1 = (uint8_t)(n > 1 ? operands[1] : NO_REG);
    s->x2 = (uint8_t)(n > 2 ? operands[2] : NO_REG);
    s->dst = (uint8_t)dst;
    s->resume = e->a.p;
}

static unsigned operand(Emit *e, unsigned which)
{
    if (ir_vec_operand_is_vec(e->in->op, which)) {
        return ra_vec(e, which);
    }
    return ref_is_xmm(e, operand_ref(e, which)) ? ra_xmm(e, which, true) : ra_gpr(e, which);
}

static void generic(Emit *e)
{
    unsigned n = ir_vec_n_operands(e->in->op), operands[3];
    for (unsigned k = 0; k < n; k++) {
        operands[k] = operand(e, k);
    }
    unsigned d = ra_alloc(e, ir_vec_gives_int(e->in->op) ? CLS_GPR : CLS_XMM);
    vec_cold(e, asm_jmp_fwd(&e->a), operands, n, d);
    ra_release(e);
    ra_def_end(e, d);
}

/* --- upper bits --- */

unsigned vec_clean(const Emit *e, IrRef r)
{
    return ir_is_slot(r) ? e->slot_clean[ir_slot_index(r)] : ir_is_temp(r) ? e->temp_clean[r] : 0;
}

/*
 * Scalar SSE operations copy the bits above their result from the first operand, of fma from the
 * addend. Results that come from software by way of a cell have zeros there.
 */
static unsigned clean_scalar(const Emit *e)
{
    const IrInsn *in = e->in;
    switch (in->op) {
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fsqrt:
        return vec_clean(e, in->a);
    case IR_fma:
        return vec_clean(e, in->c);
    case IR_fcvt_if:
        return in->type == IR_F32 ? 32 : 64;
    case IR_fcvt_f:
        return in->type == IR_F64 && vec_clean(e, in->a) ? 64 : 0;
    default:
        return 0;
    }
}

static unsigned clean_vector(const Emit *e)
{
    const IrInsn *in = e->in;
    unsigned bits = 8u << (in->memop & IR_MO_SIZE);
    switch (in->op) {
    case IR_vzext:
        return in->type2 == IR_F32 || in->type2 == IR_I32 ? 32 : 64;
    case IR_vmake:
        return ir_is_const(in->b) && ir_const_value(e->f, in->b) == 0 ? 64 : 0;
    case IR_mov:
        return vec_clean(e, in->a);
    case IR_ld:
        return bits <= 32 ? 32 : bits == 64 ? 64 : 0;
    default:
        return ir_op_is_vec(in->op) && in->aux & IR_V_LOW64 ? 64 : 0;
    }
}

void emit_note_clean(Emit *e)
{
    IrRef dst = e->in->dst;
    if (dst == IR_NONE) {
        return;
    }
    unsigned clean = e->in->type == IR_V128 ? clean_vector(e) : clean_scalar(e);
    if (ir_is_slot(dst)) {
        e->slot_clean[ir_slot_index(dst)] = (uint8_t)(e->in->type == IR_V128 ? clean : 0);
    } else {
        e->temp_clean[dst] = (uint8_t)clean;
    }
}

bool emit_vec(Emit *e)
{
    if (!ir_op_is_vec(e->in->op)) {
        return false;
    }
    if (!host.sse42 || !(vec_emit_arith(e) || vec_emit_move(e) || vec_emit_resize(e) ||
                         vec_emit_fp(e))) {
        generic(e);
    }
    return true;
}
