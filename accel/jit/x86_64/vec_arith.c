/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector logic, integer arithmetic, comparisons and shifts, and what goes across lanes. */
#include "vec.h"

#define P(op) ((op) | O_0F | O_66)
#define P38(op) ((op) | O_0F38 | O_66)

/* Operations that are one instruction d = a op b, by element size; 0: not so. */
static unsigned simple_op(unsigned op, unsigned size)
{
    static const unsigned table[][4] = {
        [IR_vadd - IR_vadd] = { P(0xfc), P(0xfd), P(0xfe), P(0xd4) },
        [IR_vsub - IR_vadd] = { P(0xf8), P(0xf9), P(0xfa), P(0xfb) },
        [IR_vmul - IR_vadd] = { 0, P(0xd5), P38(0x40), 0 },
        [IR_vsmin - IR_vadd] = { P38(0x38), P(0xea), P38(0x39), 0 },
        [IR_vsmax - IR_vadd] = { P38(0x3c), P(0xee), P38(0x3d), 0 },
        [IR_vumin - IR_vadd] = { P(0xda), P38(0x3a), P38(0x3b), 0 },
        [IR_vumax - IR_vadd] = { P(0xde), P38(0x3e), P38(0x3f), 0 },
        [IR_vcmpeq - IR_vadd] = { P(0x74), P(0x75), P(0x76), P38(0x29) },
        [IR_vcmpgt - IR_vadd] = { P(0x64), P(0x65), P(0x66), P38(0x37) },
        [IR_vsqadd - IR_vadd] = { P(0xec), P(0xed), 0, 0 },
        [IR_vuqadd - IR_vadd] = { P(0xdc), P(0xdd), 0, 0 },
        [IR_vsqsub - IR_vadd] = { P(0xe8), P(0xe9), 0, 0 },
        [IR_vuqsub - IR_vadd] = { P(0xd8), P(0xd9), 0, 0 },
        [IR_vavgu_r - IR_vadd] = { P(0xe0), P(0xe3), 0, 0 },
    };
    switch (op) {
    case IR_vand: return OP_PAND;
    case IR_vor: return OP_POR;
    case IR_vxor: return OP_PXOR;
    default: break;
    }
    return op >= IR_vadd && op - IR_vadd < G_N_ELEMENTS(table) ? table[op - IR_vadd][size] : 0;
}

static void one_instruction(Emit *e, unsigned op)
{
    unsigned a = ra_vec(e, 0);
    Opnd b = ra_vec_opnd(e, 1);
    ra_release(e);
    unsigned d = ra_def(e, CLS_XMM, a);
    vec_binary(e, op, d, a, b);
    if (e->in->aux & IR_V_LOW64) {
        vec_clear_high(e, d);
    }
    ra_def_end(e, d);
}

static void invert(Emit *e, unsigned d)
{
    unsigned t = vec_alloc(e);
    vec_ones(e, t);
    vec3(e, OP_PXOR, d, d, t);
}

/* --- logic --- */

static void and_not(Emit *e)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    vec3(e, OP_PANDN, d, b, a);
    vec_finish(e, d);
}

/* ~a, and a | ~b */
static void not(Emit *e, bool or)
{
    unsigned a = ra_vec(e, 0), b = or ? ra_vec(e, 1) : a, d = vec_dst(e);
    vec_ones(e, d);
    vec3(e, OP_PXOR, d, d, b);
    if (or) {
        vec3(e, OP_POR, d, d, a);
    }
    vec_finish(e, d);
}

/* ((b ^ c) & a) ^ c */
static void bit_select(Emit *e)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), c = ra_vec(e, 2), d = vec_dst(e);
    vec3(e, OP_PXOR, d, b, c);
    vec3(e, OP_PAND, d, d, a);
    vec3(e, OP_PXOR, d, d, c);
    vec_finish(e, d);
}

/* --- arithmetic --- */

static void multiply8(Emit *e)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e), t = vec_alloc(e);
    vec_shift(e, SH_R, 1, d, a, 8);
    vec_shift(e, SH_R, 1, t, b, 8);
    vec3(e, OP_PMULLW, d, d, t);
    vec_shift(e, SH_L, 1, d, d, 8);
    vec3(e, OP_PMULLW, t, a, b);
    vec3_const(e, OP_PAND, t, t, VC_LOW_BYTES);
    vec3(e, OP_POR, d, d, t);
    vec_finish(e, d);
}

static void negate(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    vec_zero(e, d);
    vec3(e, simple_op(IR_vsub, size), d, d, a);
    vec_finish(e, d);
}

static void absolute(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (size < 3) {
        vec2(e, P38(0x1c + size), d, a, -1);
    } else {
        unsigned t = vec_alloc(e);
        vec_zero(e, t);
        vec3(e, OP_PCMPGTQ, t, t, a);
        vec3(e, OP_PXOR, d, a, t);
        vec3(e, P(0xfb), d, d, t);
    }
    vec_finish(e, d);
}

/* max - min */
static void absolute_difference(Emit *e, bool is_signed, unsigned size)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e), t = vec_alloc(e);
    vec3(e, simple_op(is_signed ? IR_vsmax : IR_vumax, size), d, a, b);
    vec3(e, simple_op(is_signed ? IR_vsmin : IR_vumin, size), t, a, b);
    vec3(e, simple_op(IR_vsub, size), d, d, t);
    vec_finish(e, d);
}

/* --- comparisons --- */

static void not_less(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    vec3(e, simple_op(IR_vcmpgt, size), d, b, a);
    invert(e, d);
    vec_finish(e, d);
}

/* a >= b where max(a, b) == a; a > b where not min(a, b) == a; of 64 bits with signs inverted */
static void compare_unsigned(Emit *e, bool or_equal, unsigned size)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    if (size == 3) {
        unsigned t = vec_alloc(e);
        vec3_const(e, OP_PXOR, d, or_equal ? b : a, VC_SIGN64);
        vec3_const(e, OP_PXOR, t, or_equal ? a : b, VC_SIGN64);
        vec3(e, OP_PCMPGTQ, d, d, t);
        if (or_equal) {
            invert(e, d);
        }
    } else {
        vec3(e, simple_op(or_equal ? IR_vumax : IR_vumin, size), d, a, b);
        vec3(e, simple_op(IR_vcmpeq, size), d, d, a);
        if (!or_equal) {
            invert(e, d);
        }
    }
    vec_finish(e, d);
}

static void test_bits(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e), t = vec_alloc(e);
    vec3(e, OP_PAND, d, a, b);
    vec_zero(e, t);
    vec3(e, simple_op(IR_vcmpeq, size), d, d, t);
    invert(e, d);
    vec_finish(e, d);
}

/* --- shifts --- */

static void shift8(Emit *e, unsigned how, unsigned n)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (how == SH_A) {
        unsigned t = vec_alloc(e);
        vec3(e, P(0x60), d, a, a);
        vec3(e, P(0x68), t, a, a);
        vec_shift(e, SH_A, 1, d, d, n + 8);
        vec_shift(e, SH_A, 1, t, t, n + 8);
        vec3(e, P(0x63), d, d, t);
    } else if (n == 8) {
        vec_zero(e, d);
    } else {
        vec_shift(e, how, 1, d, a, n);
        vec3_const(e, OP_PAND, d, d, (VecConst)((how == SH_L ? VC_SHL8 : VC_SHR8) + n));
    }
    vec_finish(e, d);
}

static void shift_imm(Emit *e, unsigned how, unsigned size)
{
    unsigned n = (unsigned)e->in->imm, bits = 8u << size;
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    bool round = (e->in->aux & IR_V_ROUND) && how != SH_L && n;
    if (how == SH_A && size == 3) { /* the sign moves in from the left */
        unsigned t = vec_alloc(e);
        vec_zero(e, t);
        vec3(e, OP_PCMPGTQ, t, t, a);
        vec_shift(e, SH_R, 3, d, a, n);
        vec_shift(e, SH_L, 3, t, t, 64 - n);
        vec3(e, OP_POR, d, d, t);
    } else {
        vec_shift(e, how, size, d, a, n);
    }
    if (round) { /* plus the last bit that went out */
        unsigned t = vec_alloc(e);
        vec_shift(e, SH_L, size, t, a, bits - n);
        vec_shift(e, SH_R, size, t, t, bits - 1);
        vec3(e, simple_op(IR_vadd, size), d, d, t);
    }
    vec_finish(e, d);
}

/*
 * Counts are the low byte of b to the left and of -b to the right; of these the one that isn't
 * meant is too large and gives 0 (both are 0 for no shift).
 */
static void shift_by(Emit *e, unsigned size, bool arithmetic)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e), t = vec_alloc(e);
    unsigned u = vec_alloc(e), up = size == 3 ? 56 : 24, w = size == 3 ? O_W : 0;
    vec_shift(e, SH_L, size, t, b, up);
    vec_shift(e, SH_R, size, t, t, up);
    vec3(e, P38(0x47) | w, d, a, t); /* vpsllv */
    vec_zero(e, u);
    vec3(e, simple_op(IR_vsub, size), u, u, b);
    vec_shift(e, SH_L, size, u, u, up);
    vec_shift(e, SH_R, size, u, u, up);
    if (arithmetic) {
        vec3(e, P38(0x46), u, a, u); /* vpsravd */
        vec_shift(e, SH_L, size, t, b, up);
        /* vblendvps d, d, u, t: by the sign of the count */
        asm_vrr(&e->a, 0x4a | O_0F3A | O_66, d - XMM0, d - XMM0, u - XMM0);
        asm8(&e->a, (t - XMM0) << 4);
    } else {
        vec3(e, P38(0x45) | w, u, a, u); /* vpsrlv */
        vec3(e, OP_POR, d, d, u);
    }
    vec_finish(e, d);
}

/* --- bits --- */

static void population(Emit *e)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e), t = vec_alloc(e), u = vec_alloc(e);
    vec3_const(e, OP_PAND, t, a, VC_BYTES_0F);
    vec_load_const(e, u, VC_POPCOUNT);
    vec3(e, OP_PSHUFB, d, u, t);
    vec_shift(e, SH_R, 1, t, a, 4);
    vec3_const(e, OP_PAND, t, t, VC_BYTES_0F);
    vec3(e, OP_PSHUFB, u, u, t);
    vec3(e, OP_PADDB, d, d, u);
    vec_finish(e, d);
}

/* --- neighbours, and across lanes --- */

static void add_pairs(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    if (e->in->aux & IR_V_LOW64) {
        unsigned t = vec_alloc(e);
        vec3(e, OP_PUNPCKLQDQ, t, a, b);
        a = b = t;
    }
    switch (size) {
    case 0: {
        unsigned t = vec_alloc(e);
        vec_shift(e, SH_R, 1, d, a, 8);
        vec3(e, OP_PADDB, d, d, a);
        vec3_const(e, OP_PAND, d, d, VC_LOW_BYTES);
        vec_shift(e, SH_R, 1, t, b, 8);
        vec3(e, OP_PADDB, t, t, b);
        vec3_const(e, OP_PAND, t, t, VC_LOW_BYTES);
        vec3(e, OP_PACKUSWB, d, d, t);
        break;
    }
    case 1: case 2:
        vec3(e, P38(size), d, a, b);
        break;
    default: {
        unsigned t = vec_alloc(e);
        vec3(e, OP_PUNPCKLQDQ, d, a, b);
        vec3(e, OP_PUNPCKHQDQ, t, a, b);
        vec3(e, OP_PADDQ, d, d, t);
        break;
    }
    }
    vec_finish(e, d);
}

static void add_pairs_long(Emit *e, bool is_signed, unsigned size)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (size == 0) { /* pmaddubsw: the first operand's bytes are unsigned, the second's signed */
        if (is_signed) {
            vec_load_const(e, d, VC_BYTES_01);
            vec3(e, P38(0x04), d, d, a);
        } else {
            vec3_const(e, P38(0x04), d, a, VC_BYTES_01);
        }
    } else if (is_signed) {
        vec3_const(e, P(0xf5), d, a, VC_WORDS_1);
    } else {
        unsigned t = vec_alloc(e);
        vec3_const(e, OP_PAND, d, a, VC_LOW_WORDS);
        vec_shift(e, SH_R, 2, t, a, 16);
        vec3(e, OP_PADDD, d, d, t);
    }
    vec_finish(e, d);
}

static void def_int(Emit *e, unsigned v, unsigned size, bool sign)
{
    static const unsigned ext[2][3] = { { OP_MOVZX8, OP_MOVZX16, OP_MOV },
                                        { OP_MOVSX8, OP_MOVSX16, OP_MOVSXD } };
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, NO_REG), w = e->in->type == IR_I64 ? O_W : 0;
    asm_rr(&e->a, size == 3 && w ? OP_MOVQ_RX : OP_MOVD_RX, v - XMM0, d);
    if (size < 2 || (size == 2 && sign && w)) {
        asm_rr(&e->a, ext[sign][size] | (sign ? w : 0), d, d);
    }
    ra_def_end(e, d);
}

/* Halves, quarters, ... are combined until lane 0 has it. */
static void across(Emit *e, unsigned op, unsigned size, bool sign)
{
    bool low = e->in->aux & IR_V_LOW64;
    unsigned a = ra_vec(e, 0), v = vec_alloc(e), t = vec_alloc(e);
    if (op == OP_PSADBW) {
        vec_zero(e, t);
        vec3(e, op, v, a, t);
        op = OP_PADDQ;
        size = 3;
        a = v;
    }
    if (!low) {
        vec2(e, OP_PSHUFD, t, a, 0xee);
        vec3(e, op, v, a, t);
        a = v;
    }
    if (size < 3) {
        vec2(e, OP_PSHUFD, t, a, 0x55);
        vec3(e, op, v, a, t);
        a = v;
    }
    if (size < 2) {
        vec2(e, OP_PSHUFLW, t, a, 0x55);
        vec3(e, op, v, a, t);
    }
    if (size < 1) {
        vec_shift(e, SH_R, 1, t, v, 8);
        vec3(e, op, v, v, t);
    }
    def_int(e, size == 3 ? a : v, size, sign);
}

bool vec_emit_arith(Emit *e)
{
    unsigned op = e->in->op, aux = e->in->aux, size = aux & 3, simple = simple_op(op, size);
    bool round = aux & IR_V_ROUND;
    if (simple) {
        one_instruction(e, simple);
        return true;
    }
    switch (op) {
    case IR_vandn: and_not(e); return true;
    case IR_vorn: not(e, true); return true;
    case IR_vnot: not(e, false); return true;
    case IR_vbsl: bit_select(e); return true;
    case IR_vmul: multiply8(e); return true;
    case IR_vneg: negate(e, size); return true;
    case IR_vabs: absolute(e, size); return true;
    case IR_vsabd: case IR_vuabd:
        if (size == 3) {
            return false;
        }
        absolute_difference(e, op == IR_vsabd, size);
        return true;
    case IR_vcmpge: not_less(e, size); return true;
    case IR_vcmpgtu: compare_unsigned(e, false, size); return true;
    case IR_vcmpgeu: compare_unsigned(e, true, size); return true;
    case IR_vtst: test_bits(e, size); return true;
    case IR_vshl: case IR_vshr: case IR_vsar: {
        unsigned how = op == IR_vshl ? SH_L : op == IR_vshr ? SH_R : SH_A;
        if (size == 0 && round && how != SH_L && e->in->imm) {
            return false;
        }
        if (size == 0) {
            shift8(e, how, (unsigned)e->in->imm);
        } else {
            shift_imm(e, how, size);
        }
        return true;
    }
    case IR_vushl: case IR_vsshl:
        if (!host.avx2 || round || size < 2 || (op == IR_vsshl && size == 3)) {
            return false;
        }
        shift_by(e, size, op == IR_vsshl);
        return true;
    case IR_vcnt: population(e); return true;
    case IR_vaddp:
        if (size == 3 && (aux & IR_V_LOW64)) {
            return false;
        }
        add_pairs(e, size);
        return true;
    case IR_vsaddlp: case IR_vuaddlp:
        if (size == 2) {
            return false;
        }
        add_pairs_long(e, op == IR_vsaddlp, size);
        return true;
    case IR_vaddv: across(e, simple_op(IR_vadd, size), size, false); return true;
    case IR_vuaddlv:
        if (size) {
            return false;
        }
        across(e, OP_PSADBW, 0, false);
        return true;
    case IR_vsmaxv: case IR_vsminv: case IR_vumaxv: case IR_vuminv: {
        static const uint8_t ops[] = { IR_vsmax, IR_vsmin, IR_vumax, IR_vumin };
        if (size == 3) {
            return false;
        }
        across(e, simple_op(ops[op - IR_vsmaxv], size), size, aux & IR_V_SIGN);
        return true;
    }
    default:
        return false;
    }
}
