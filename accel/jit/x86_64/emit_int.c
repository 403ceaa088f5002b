/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer operations. 32-bit operations use 32-bit instructions, which clear the upper half as
 * the IR wants. BMI1/2, LZCNT, POPCNT, PCLMULQDQ are used where the host has them; without, C
 * does the rarer ones.
 */
#include "emit.h"

static bool wide(const Emit *e)
{
    return e->in->type != IR_I32 && e->in->type != IR_F32;
}

static bool is_reg(Opnd o, unsigned reg)
{
    return o.kind == OPND_REG && o.reg == reg;
}

static unsigned hint_of(Opnd o)
{
    return o.kind == OPND_REG ? o.reg : NO_REG;
}

/* d = a; nothing if it is there already and the upper half doesn't matter. */
static void move_to(Emit *e, bool w, unsigned d, Opnd a)
{
    if (!is_reg(a, d)) {
        emit_mov_opnd(e, w, d, a);
    }
}

static void alu(Emit *e, unsigned op, bool commutes)
{
    bool w = wide(e);
    Opnd a = ra_opnd(e, 0), b = ra_opnd(e, 1);
    if (commutes && (a.kind == OPND_IMM || (a.kind == OPND_MEM && b.kind == OPND_REG))) {
        Opnd t = a;
        a = b;
        b = t;
    }
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(a));
    if (is_reg(b, d) && !is_reg(a, d)) {
        if (commutes) {
            Opnd t = a;
            a = b;
            b = t;
        } else { /* d = a - d */
            asm_rr(&e->a, 0xf7 | (w ? O_W : 0), 3, d);
            emit_alu_rr_opnd(e, w, OP_ADD, d, a);
            ra_def_end(e, d);
            return;
        }
    }
    if (op == OP_ADD && a.kind == OPND_REG && a.reg != d && b.kind != OPND_MEM) {
        asm_rm(&e->a, OP_LEA | (w ? O_W : 0), d,
               b.kind == OPND_REG ? mem_bid(a.reg, b.reg, 0, 0) : mem_bd(a.reg, (int32_t)b.imm));
    } else if (op == OP_SUB && a.kind == OPND_REG && a.reg != d && b.kind == OPND_IMM &&
               b.imm != INT32_MIN) {
        asm_rm(&e->a, OP_LEA | (w ? O_W : 0), d, mem_bd(a.reg, (int32_t)-b.imm));
    } else {
        move_to(e, w, d, a);
        emit_alu_rr_opnd(e, w, op, d, b);
    }
    ra_def_end(e, d);
}

/*
 * Indexed addresses: `t = shl x, 1..3; d = add y, t` is one lea where t has no other use. Nothing is
 * emitted for the shift then, and the addition fetches its operand.
 */
static bool shift_joins_add(const Emit *e, unsigned i)
{
    if (i + 1 >= e->f->n) {
        return false;
    }
    const IrInsn *shl = &e->f->insns[i], *add = shl + 1;
    if (shl->op != IR_shl || add->op != IR_add || shl->type != add->type ||
        !ir_is_temp(shl->dst) || !ir_is_const(shl->b) || ir_is_const(shl->a)) {
        return false;
    }
    uint64_t n = ir_const_value(e->f, shl->b);
    unsigned which = add->b == shl->dst;
    IrRef other = which ? add->a : add->b;
    return n >= 1 && n <= 3 && (which || add->a == shl->dst) && other != shl->dst &&
           !ir_is_const(other) && e->next_use[i + 1].use[which] == NEVER;
}

static void use_insn(Emit *e, unsigned i)
{
    e->in = &e->f->insns[i];
    e->nu = &e->next_use[i];
}

static bool add_shifted(Emit *e)
{
    unsigned at = e->i;
    if (!at || !shift_joins_add(e, at - 1)) {
        return false;
    }
    use_insn(e, at - 1);
    unsigned index = ra_gpr(e, 0), n = (unsigned)ir_const_value(e->f, e->in->b);
    IrRef shifted = e->in->dst;
    use_insn(e, at);
    unsigned base = ra_gpr(e, e->in->a == shifted);
    use_insn(e, at - 1);
    ra_release(e);
    use_insn(e, at);
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, base);
    asm_rm(&e->a, OP_LEA | (wide(e) ? O_W : 0), d, mem_bid(base, index, n, 0));
    ra_def_end(e, d);
    return true;
}

/* andn, orn, xnor: op(a, ~b) and ~(a ^ b) */
static void alu_not(Emit *e, unsigned op)
{
    bool w = wide(e);
    unsigned ow = w ? O_W : 0;
    if (op == OP_AND && host.bmi1) {
        unsigned b = ra_gpr(e, 1);
        unsigned a = ra_gpr(e, 0);
        ra_release(e);
        unsigned d = ra_def(e, CLS_GPR, a);
        asm_vrr(&e->a, OP_ANDN | ow, d, b, a);
        ra_def_end(e, d);
        return;
    }
    Opnd a = ra_opnd(e, 0), b = ra_opnd(e, 1);
    unsigned s = ra_alloc(e, CLS_GPR);
    emit_mov_opnd(e, w, s, b);
    if (op != OP_XOR) {
        asm_rr(&e->a, 0xf7 | ow, 2, s);
    }
    emit_alu_rr_opnd(e, w, op, s, a);
    if (op == OP_XOR) {
        asm_rr(&e->a, 0xf7 | ow, 2, s);
    }
    ra_release(e);
    ra_def_end(e, s);
}

static void unary_group(Emit *e, unsigned digit)
{
    bool w = wide(e);
    Opnd a = ra_opnd(e, 0);
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(a));
    move_to(e, w, d, a);
    asm_rr(&e->a, 0xf7 | (w ? O_W : 0), digit, d);
    ra_def_end(e, d);
}

static void shift(Emit *e, unsigned group, unsigned vex)
{
    bool w = wide(e);
    unsigned ow = w ? O_W : 0, width = w ? 64 : 32;
    IrRef count = e->in->b;
    if (ir_is_const(count)) {
        unsigned n = ir_const_value(e->f, count) & (width - 1);
        Opnd a = ra_opnd(e, 0);
        ra_release(e);
        unsigned d = ra_def(e, CLS_GPR, hint_of(a));
        if ((group == G_ROR || group == G_ROL) && host.bmi2 && a.kind == OPND_REG && a.reg != d) {
            asm_vrr(&e->a, OP_RORX | ow, d, 0, a.reg);
            asm8(&e->a, (group == G_ROR ? n : width - n) & (width - 1));
        } else if (group == G_SHL && n && n <= 3 && a.kind == OPND_REG && a.reg != d) {
            if (n == 1) {
                asm_rm(&e->a, OP_LEA | ow, d, mem_bid(a.reg, a.reg, 0, 0));
            } else {
                asm_mov_rr(&e->a, d, a.reg);
                asm_shift_ri(&e->a, w, group, d, n);
            }
        } else {
            if (!is_reg(a, d) || (!w && !n)) {
                emit_mov_opnd(e, w, d, a);
            }
            if (n) {
                asm_shift_ri(&e->a, w, group, d, n);
            }
        }
        ra_def_end(e, d);
        return;
    }
    if (vex && host.bmi2) {
        unsigned c = ra_gpr(e, 1);
        Opnd a = ra_opnd(e, 0);
        if (a.kind == OPND_IMM) {
            a = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 0) };
        }
        ra_release(e);
        unsigned d = ra_def(e, CLS_GPR, hint_of(a));
        if (a.kind == OPND_REG) {
            asm_vrr(&e->a, vex | ow, d, c, a.reg);
        } else {
            asm_vrm(&e->a, vex | ow, d, c, a.mem);
        }
        ra_def_end(e, d);
        return;
    }
    ra_take(e, RCX);
    Opnd a = ra_opnd(e, 0), c = ra_opnd(e, 1);
    unsigned d = ra_def_early(e, CLS_GPR);
    emit_mov_opnd(e, false, RCX, c);
    move_to(e, w, d, a);
    asm_rr(&e->a, 0xd3 | ow, group, d);
    ra_release(e);
    ra_def_end(e, d);
}

static void multiply(Emit *e)
{
    bool w = wide(e);
    unsigned ow = w ? O_W : 0;
    Opnd a = ra_opnd(e, 0), b = ra_opnd(e, 1);
    if (a.kind == OPND_IMM || (a.kind == OPND_MEM && b.kind == OPND_REG)) {
        Opnd t = a;
        a = b;
        b = t;
    }
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(a));
    if (b.kind == OPND_IMM) {
        if (a.kind == OPND_IMM) {
            asm_mov_ri(&e->a, d, (uint64_t)a.imm);
            a = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)d };
        }
        bool small = b.imm == (int8_t)b.imm;
        if (a.kind == OPND_REG) {
            asm_rr(&e->a, (small ? 0x6b : 0x69) | ow, d, a.reg);
        } else {
            asm_rm(&e->a, (small ? 0x6b : 0x69) | ow, d, a.mem);
        }
        if (small) {
            asm8(&e->a, (unsigned)b.imm);
        } else {
            asm32(&e->a, (uint32_t)b.imm);
        }
    } else {
        if (is_reg(b, d) && !is_reg(a, d)) {
            Opnd t = a;
            a = b;
            b = t;
        }
        move_to(e, w, d, a);
        emit_alu_rr_opnd(e, w, OP_IMUL, d, b);
    }
    ra_def_end(e, d);
}

static void multiply_high(Emit *e, unsigned op)
{
    bool w = wide(e);
    unsigned ow = w ? O_W : 0;
    ra_take(e, RAX);
    ra_take(e, RDX);
    Opnd a = ra_opnd(e, 0);
    unsigned b = ra_gpr(e, 1);
    emit_mov_opnd(e, w, RAX, a);
    if (op == IR_mulhsu) {
        /* unsigned product, less b where a is negative */
        unsigned s = ra_alloc(e, CLS_GPR);
        asm_mov_rr(&e->a, s, RAX);
        asm_shift_ri(&e->a, w, G_SAR, s, w ? 63 : 31);
        asm_rr(&e->a, OP_AND | ow, s, b);
        asm_rr(&e->a, 0xf7 | ow, 4, b);
        asm_rr(&e->a, OP_SUB | ow, RDX, s);
    } else {
        asm_rr(&e->a, 0xf7 | ow, op == IR_mulhu ? 4 : 5, b);
    }
    ra_release(e);
    ra_def_end(e, RDX);
}

static void divide(Emit *e, unsigned op)
{
    Asm *a = &e->a;
    bool w = wide(e), rem = op == IR_rems || op == IR_remu, sgn = op == IR_divs || op == IR_rems;
    unsigned ow = w ? O_W : 0;
    ra_take(e, RAX);
    ra_take(e, RDX);
    Opnd x = ra_opnd(e, 0);
    unsigned y = ra_gpr(e, 1);
    emit_mov_opnd(e, w, RAX, x);
    asm_rr(a, OP_TEST | ow, y, y);
    uint8_t *zero = asm_jcc8_fwd(a, CC_E);
    uint8_t *minus = NULL, *done_minus = NULL;
    if (sgn) {
        asm_alu_ri(a, w, G_CMP, y, -1);
        minus = asm_jcc8_fwd(a, CC_E);
        if (w) {
            asm8(a, 0x48);
        }
        asm8(a, 0x99); /* cqo, cdq */
        asm_rr(a, 0xf7 | ow, 7, y);
    } else {
        asm_rr(a, OP_XOR, RDX, RDX);
        asm_rr(a, 0xf7 | ow, 6, y);
    }
    uint8_t *done = asm_jmp8_fwd(a);
    if (sgn) { /* by -1: no overflow trap wanted */
        asm_fix8(minus, a->p);
        if (rem) {
            asm_rr(a, OP_XOR, RDX, RDX);
        } else {
            asm_rr(a, 0xf7 | ow, 3, RAX);
        }
        done_minus = asm_jmp8_fwd(a);
    }
    asm_fix8(zero, a->p);
    if (rem) {
        asm_rr(a, OP_MOV | ow, RDX, RAX);
    } else if (w) {
        asm_mov_ri(a, RAX, ~(uint64_t)0);
    } else {
        asm_mov_ri(a, RAX, 0xffffffff);
    }
    asm_fix8(done, a->p);
    if (done_minus) {
        asm_fix8(done_minus, a->p);
    }
    ra_release(e);
    ra_def_end(e, rem ? RDX : RAX);
}

/* d = op(register or memory) */
static void unary(Emit *e, unsigned op)
{
    Opnd a = ra_opnd(e, 0);
    if (a.kind == OPND_IMM) {
        a = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 0) };
    }
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(a));
    if (a.kind == OPND_REG) {
        asm_rr(&e->a, op, d, a.reg);
    } else {
        asm_rm(&e->a, op & ~O_B8RM, d, a.mem);
    }
    ra_def_end(e, d);
}

static void byte_swap(Emit *e, unsigned bits)
{
    Asm *a = &e->a;
    Opnd x = ra_opnd(e, 0);
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(x));
    move_to(e, bits == 64, d, x);
    asm_prefix(a, (0xc8u + (d & 7)) | O_0F | (bits == 64 ? O_W : 0), 0, 0, d, false);
    if (bits == 16) {
        asm_shift_ri(a, false, G_SHR, d, 16);
    }
    ra_def_end(e, d);
}

/* --- without the newer instructions --- */

static uint64_t soft_popcnt(Cpu *cpu, uint64_t a)
{
    return (uint64_t)__builtin_popcountll(a);
}

static uint64_t soft_popcnt32(Cpu *cpu, uint64_t a)
{
    return (uint64_t)__builtin_popcount((uint32_t)a);
}

static uint64_t clmul_wide(uint64_t a, uint64_t b, uint64_t *high)
{
    uint64_t lo = 0, hi = 0;
    for (unsigned i = 0; i < 64; i++) {
        if (b >> i & 1) {
            lo ^= a << i;
            hi ^= i ? a >> (64 - i) : 0;
        }
    }
    *high = hi;
    return lo;
}

static uint64_t soft_clmul(Cpu *cpu, uint64_t a, uint64_t b)
{
    uint64_t hi;
    return clmul_wide(a, b, &hi);
}

static uint64_t soft_clmulh(Cpu *cpu, uint64_t a, uint64_t b)
{
    uint64_t hi;
    clmul_wide(a, b, &hi);
    return hi;
}

static void count_zeros(Emit *e, bool leading)
{
    Asm *a = &e->a;
    unsigned ow = wide(e) ? O_W : 0, width = wide(e) ? 64 : 32;
    if (host.lzcnt) {
        unary(e, (leading ? OP_LZCNT : OP_TZCNT) | ow);
        return;
    }
    unsigned x = ra_gpr(e, 0), d = ra_alloc(e, CLS_GPR);
    asm_mov_ri(a, d, leading ? 2 * width - 1 : width);
    asm_rr(a, OP_TEST | ow, x, x);
    uint8_t *zero = asm_jcc8_fwd(a, CC_E);
    asm_rr(a, (leading ? OP_BSR : OP_BSF) | ow, d, x);
    asm_fix8(zero, a->p);
    if (leading) {
        asm_alu_ri(a, false, G_XOR, d, (int32_t)width - 1);
    }
    ra_release(e);
    ra_def_end(e, d);
}

static void carryless(Emit *e, bool high)
{
    Asm *a = &e->a;
    if (!host.pclmul) {
        emit_call_effects(e, high ? soft_clmulh : soft_clmul, 2, IR_PURE, NULL);
        return;
    }
    unsigned x = ra_gpr(e, 0), y = ra_gpr(e, 1);
    unsigned vx = ra_alloc(e, CLS_XMM) - XMM0, vy = ra_alloc(e, CLS_XMM) - XMM0;
    asm_rr(a, OP_MOVQ_XR, vx, x);
    asm_rr(a, OP_MOVQ_XR, vy, y);
    asm_rr(a, 0x44 | O_0F3A | O_66, vx, vy);
    asm8(a, 0);
    if (high) {
        asm_rr(a, 0x73 | O_0F | O_66, 3, vx); /* psrldq */
        asm8(a, 8);
    }
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, x);
    asm_rr(a, OP_MOVQ_RX, vx, d);
    ra_def_end(e, d);
}

static void or_combine(Emit *e)
{
    Asm *a = &e->a;
    unsigned x = ra_gpr(e, 0);
    unsigned v = ra_alloc(e, CLS_XMM) - XMM0, zero = ra_alloc(e, CLS_XMM) - XMM0;
    asm_rr(a, OP_MOVQ_XR, v, x);
    asm_rr(a, 0xef | O_0F | O_66, zero, zero); /* pxor */
    asm_rr(a, 0x74 | O_0F | O_66, v, zero);    /* pcmpeqb */
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, x);
    asm_rr(a, OP_MOVQ_RX, v, d);
    asm_rr(a, 0xf7 | O_W, 2, d);
    ra_def_end(e, d);
}

static void minmax(Emit *e, unsigned cc)
{
    bool w = wide(e);
    unsigned ow = w ? O_W : 0;
    unsigned b = ra_gpr(e, 1), a = ra_gpr(e, 0);
    unsigned d = ra_def_early(e, CLS_GPR);
    asm_rr(&e->a, OP_CMP | ow, a, b);
    asm_rr(&e->a, OP_MOV | ow, d, b);
    asm_rr(&e->a, (OP_CMOV + cc) | ow, d, a);
    ra_release(e);
    ra_def_end(e, d);
}

/* dst = 0 or 1 by the host's flags, which stay as they are: so do moves leave them. */
static void set_by_flags(Emit *e, unsigned cc)
{
    Asm *a = &e->a;
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, NO_REG);
    asm_rr(a, (0x90 + cc) | O_0F | O_B8RM, 0, d);
    asm_rr(a, OP_MOVZX8, d, d);
    ra_def_end(e, d);
    if (cc == CC_B && ir_is_temp(e->in->dst)) {
        e->cf_ref = e->in->dst;
        e->cf_end = a->p;
    }
}

static void emit_select(Emit *e)
{
    bool w = wide(e);
    unsigned ow = w ? O_W : 0;
    unsigned c = ra_gpr(e, 2);
    Opnd other = ra_opnd(e, 3);
    unsigned cc = emit_compare(e); /* may load operands: before d is written */
    unsigned d = ra_def_early(e, CLS_GPR);
    emit_mov_opnd(e, w, d, other); /* moves keep the flags */
    asm_rr(&e->a, (OP_CMOV + cc) | ow, d, c);
    ra_release(e);
    ra_def_end(e, d);
}

static void extract(Emit *e, bool sign)
{
    Asm *a = &e->a;
    bool w = wide(e);
    unsigned ow = w ? O_W : 0, width = w ? 64 : 32;
    unsigned start = e->in->aux & 0xff, len = e->in->aux >> 8;
    if (start == 0 && (len == 8 || len == 16 || (len == 32 && w))) {
        unary(e, len == 8 ? (sign ? OP_MOVSX8 | ow : OP_MOVZX8)
                 : len == 16 ? (sign ? OP_MOVSX16 | ow : OP_MOVZX16)
                             : (sign ? OP_MOVSXD : OP_MOV));
        return;
    }
    Opnd x = ra_opnd(e, 0);
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(x));
    if (len >= width) {
        emit_mov_opnd(e, w, d, x);
    } else if (!sign && start + len == width) {
        move_to(e, w, d, x);
        asm_shift_ri(a, w, G_SHR, d, start);
    } else if (!sign && len < 32) {
        move_to(e, w, d, x);
        if (start) {
            asm_shift_ri(a, w, G_SHR, d, start);
        }
        asm_alu_ri(a, false, G_AND, d, (int32_t)((1u << len) - 1));
    } else {
        move_to(e, w, d, x);
        if (start + len < width) {
            asm_shift_ri(a, w, G_SHL, d, width - start - len);
        }
        asm_shift_ri(a, w, sign ? G_SAR : G_SHR, d, width - len);
    }
    ra_def_end(e, d);
}

static void deposit(Emit *e)
{
    Asm *a = &e->a;
    bool w = wide(e);
    unsigned ow = w ? O_W : 0, width = w ? 64 : 32;
    unsigned start = e->in->aux & 0xff, len = e->in->aux >> 8;
    uint64_t mask = len >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << len) - 1;
    Opnd x = ra_opnd(e, 0), y = ra_opnd(e, 1);
    unsigned s = ra_alloc(e, CLS_GPR), d = ra_def_early(e, CLS_GPR);
    /* s = field in place */
    emit_mov_opnd(e, w, s, y);
    if (len < width) {
        asm_shift_ri(a, w, G_SHL, s, width - len);
        if (width - start - len) {
            asm_shift_ri(a, w, G_SHR, s, width - start - len);
        }
    }
    uint64_t keep = ~(mask << start);
    if (!w) {
        keep = (uint64_t)(int64_t)(int32_t)keep;
    }
    if (keep == (uint64_t)(int64_t)(int32_t)keep) {
        emit_mov_opnd(e, w, d, x);
        asm_alu_ri(a, w, G_AND, d, (int32_t)keep);
    } else {
        asm_mov_ri(a, d, keep);
        emit_alu_rr_opnd(e, w, OP_AND, d, x);
    }
    asm_rr(a, OP_OR | ow, d, s);
    ra_release(e);
    ra_def_end(e, d);
}

static void move(Emit *e)
{
    IrRef src = e->in->a, dst = e->in->dst;
    bool from = ref_is_xmm(e, src), to = ref_is_xmm(e, dst);
    if (dst == IR_NONE || (src == dst && wide(e))) {
        return;
    }
    bool single = e->in->type == IR_F32 && ir_is_temp(dst);
    if (to && (from || (ir_is_const(src) && ir_const_value(e->f, src) == 0)) &&
        (wide(e) || single)) {
        unsigned x = ra_xmm(e, 0, single);
        ra_release(e);
        unsigned d = ra_def(e, CLS_XMM, x);
        if (d != x) {
            asm_rr(&e->a, OP_MOVAPS, d - XMM0, x - XMM0);
        }
        ra_def_end(e, d);
        return;
    }
    Opnd a = ra_opnd(e, 0);
    bool w = wide(e);
    if (ir_is_slot(dst) && a.kind == OPND_IMM && e->nu->dst == NEVER &&
        e->slot_fixed[ir_slot_index(dst)] < 0) {
        /* constants straight to memory */
        asm_mov_mi(&e->a, true, slot_mem(e, ir_slot_index(dst)),
                   w ? (int32_t)a.imm : (int32_t)a.imm);
        if (!w && a.imm < 0) {
            Mem hi = slot_mem(e, ir_slot_index(dst));
            hi.disp += 4;
            asm_mov_mi(&e->a, false, hi, 0);
        }
        ra_def_in_memory(e);
        return;
    }
    if (ir_is_slot(dst) && a.kind == OPND_REG && w && e->nu->dst == NEVER &&
        e->slot_fixed[ir_slot_index(dst)] < 0) {
        asm_store(&e->a, slot_mem(e, ir_slot_index(dst)), a.reg);
        ra_release(e);
        ra_def_in_memory(e);
        return;
    }
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, hint_of(a));
    if (!is_reg(a, d) || !w) {
        emit_mov_opnd(e, w, d, a);
    }
    ra_def_end(e, d);
}

/*
 * N Z C V from the host's flags: lahf and seto put SF ZF CF OF into bits 15 14 8 0 of eax, and a
 * multiplication puts these into 31 30 29 28 (its other terms are elsewhere).
 */
static void packed_flags(Emit *e)
{
    enum { FLAGS = 0xc101, SPREAD = 1 << 16 | 1 << 21 | 1 << 28 };
    Asm *a = &e->a;
    unsigned op = e->in->op;
    bool w = wide(e);
    ra_take(e, RAX);
    if (op == IR_nzcv_logic) {
        unsigned x = ra_gpr(e, 0);
        asm_rr(a, OP_TEST | (w ? O_W : 0), x, x);
    } else if (op == IR_nzcv_sub) {
        unsigned x = ra_gpr(e, 0);
        emit_alu_rr_opnd(e, w, OP_CMP, x, ra_opnd(e, 1));
        asm8(a, 0xf5); /* cmc: no borrow is carry */
    } else {
        Opnd x = ra_opnd(e, 0), y = ra_opnd(e, 1);
        if (op == IR_nzcv_addc) {
            unsigned c = ra_gpr(e, 2);
            asm_rr(a, 0xba | O_0F, 4, c); /* bt c, 0 */
            asm8(a, 0);
        }
        emit_mov_opnd(e, w, RAX, x);
        emit_alu_rr_opnd(e, w, op == IR_nzcv_addc ? OP_ADC : OP_ADD, RAX, y);
    }
    asm8(a, 0x9f); /* lahf */
    asm_rr(a, (0x90 + CC_O) | O_0F | O_B8RM, 0, RAX);
    asm_alu_ri(a, false, G_AND, RAX, FLAGS);
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, NO_REG);
    asm_rr(a, 0x69, d, RAX);
    asm32(a, SPREAD);
    asm_alu_ri(a, false, G_AND, d, (int32_t)0xf0000000);
    ra_def_end(e, d);
}

/* A new register with the sum of all three operands, and CF. */
static unsigned sum_with_carry(Emit *e)
{
    Asm *a = &e->a;
    bool w = wide(e), has_carry = e->cf_ref == e->in->c && e->cf_end == a->p;
    Opnd x = ra_opnd(e, 0), y = ra_opnd(e, 1);
    unsigned c = ra_gpr(e, 2), d = ra_alloc(e, CLS_GPR);
    if (!has_carry) {
        asm_rr(a, 0xba | O_0F, 4, c); /* bt c, 0 */
        asm8(a, 0);
    }
    emit_mov_opnd(e, w, d, x);
    emit_alu_rr_opnd(e, w, OP_ADC, d, y);
    return d;
}

static void add_carry(Emit *e)
{
    unsigned d = sum_with_carry(e);
    ra_release(e);
    ra_def_end(e, d);
    e->sum_end = e->a.p;
}

/* Did the operation before this one add the same operands? Then CF is what it left. */
static bool sum_was_made(const Emit *e)
{
    const IrInsn *in = e->in, *sum = in - 1;
    return e->i > 0 && e->sum_end == e->a.p && sum->op == IR_addc && sum->type == in->type &&
           sum->a == in->a && sum->b == in->b && sum->c == in->c && sum->dst != in->a &&
           sum->dst != in->b && sum->dst != in->c;
}

static void carry_out(Emit *e)
{
    if (!sum_was_made(e)) {
        sum_with_carry(e);
    }
    set_by_flags(e, CC_B);
}

static void move_keeping_cf(Emit *e)
{
    bool had = e->cf_end == e->a.p && e->in->dst != e->cf_ref;
    move(e);
    if (had) {
        e->cf_end = e->a.p;
    }
}

bool emit_int(Emit *e)
{
    unsigned ow = wide(e) ? O_W : 0;
    switch (e->in->op) {
    case IR_mov: move_keeping_cf(e); break;
    case IR_add:
        if (!add_shifted(e)) {
            alu(e, OP_ADD, true);
        }
        break;
    case IR_sub: alu(e, OP_SUB, false); break;
    case IR_and: alu(e, OP_AND, true); break;
    case IR_or: alu(e, OP_OR, true); break;
    case IR_xor: alu(e, OP_XOR, true); break;
    case IR_andn: alu_not(e, OP_AND); break;
    case IR_orn: alu_not(e, OP_OR); break;
    case IR_xnor: alu_not(e, OP_XOR); break;
    case IR_not: unary_group(e, 2); break;
    case IR_neg: unary_group(e, 3); break;
    case IR_shl:
        if (!shift_joins_add(e, e->i)) {
            shift(e, G_SHL, OP_SHLX);
        }
        break;
    case IR_shr: shift(e, G_SHR, OP_SHRX); break;
    case IR_sar: shift(e, G_SAR, OP_SARX); break;
    case IR_rotl: shift(e, G_ROL, 0); break;
    case IR_rotr: shift(e, G_ROR, 0); break;
    case IR_mul: multiply(e); break;
    case IR_mulhu:
    case IR_mulhs:
    case IR_mulhsu: multiply_high(e, e->in->op); break;
    case IR_divs:
    case IR_divu:
    case IR_rems:
    case IR_remu: divide(e, e->in->op); break;
    case IR_sext8: unary(e, OP_MOVSX8 | ow); break;
    case IR_sext16: unary(e, OP_MOVSX16 | ow); break;
    case IR_sext32: unary(e, wide(e) ? OP_MOVSXD : OP_MOV); break;
    case IR_zext8: unary(e, OP_MOVZX8); break;
    case IR_zext16: unary(e, OP_MOVZX16); break;
    case IR_zext32: unary(e, OP_MOV); break;
    case IR_bswap16: byte_swap(e, 16); break;
    case IR_bswap32: byte_swap(e, 32); break;
    case IR_bswap64: byte_swap(e, 64); break;
    case IR_clz: count_zeros(e, true); break;
    case IR_ctz: count_zeros(e, false); break;
    case IR_popcnt:
        if (host.popcnt) {
            unary(e, OP_POPCNT | ow);
        } else {
            emit_call_effects(e, wide(e) ? soft_popcnt : soft_popcnt32, 1, IR_PURE, NULL);
        }
        break;
    case IR_clmul: carryless(e, false); break;
    case IR_clmulh: carryless(e, true); break;
    case IR_orcb: or_combine(e); break;
    case IR_smin: minmax(e, CC_L); break;
    case IR_smax: minmax(e, CC_G); break;
    case IR_umin: minmax(e, CC_B); break;
    case IR_umax: minmax(e, CC_A); break;
    case IR_setcond: set_by_flags(e, emit_compare(e)); break;
    case IR_select: emit_select(e); break;
    case IR_extract: extract(e, false); break;
    case IR_sextract: extract(e, true); break;
    case IR_deposit: deposit(e); break;
    case IR_nzcv_add:
    case IR_nzcv_sub:
    case IR_nzcv_logic:
    case IR_nzcv_addc: packed_flags(e); break;
    case IR_addc: add_carry(e); break;
    case IR_carry: carry_out(e); break;
    default:
        return false;
    }
    return true;
}
