/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector operations that move lanes: in and out of integers, permutations, changes of size. */
#include "vec.h"

#define P(op) ((op) | O_0F | O_66)
#define P38(op) ((op) | O_0F38 | O_66)
#define P3A(op) ((op) | O_0F3A | O_66)

static unsigned x(unsigned reg)
{
    return reg - XMM0;
}

static bool low64(const Emit *e)
{
    return e->in->aux & IR_V_LOW64;
}

/* --- integers and scalars --- */

static void zero_extend(Emit *e)
{
    unsigned from = e->in->type2;
    bool single = from == IR_F32 || from == IR_I32;
    if (!ref_is_xmm(e, e->in->a)) {
        if (ir_is_const(e->in->a) && ir_const_value(e->f, e->in->a) == 0) {
            unsigned d = vec_dst(e);
            vec_zero(e, d);
            vec_finish(e, d);
            return;
        }
        unsigned g = ra_gpr(e, 0), d = vec_dst(e);
        asm_rr(&e->a, single ? OP_MOVD_XR : OP_MOVQ_XR, x(d), g);
        vec_finish(e, d);
        return;
    }
    unsigned clean = vec_clean(e, e->in->a);
    if (clean && clean <= (single ? 32 : 64)) {
        unsigned a = ra_xmm(e, 0, false);
        ra_release(e);
        unsigned d = e->nu->dst == NEVER ? a : ra_def(e, CLS_XMM, a);
        vec_mov(e, d, a);
        ra_def_end(e, d);
        return;
    }
    if (single) { /* insertps, all but lane 0 zeroed */
        unsigned a = ra_xmm(e, 0, true), d = vec_dst(e);
        vec3_imm(e, P3A(0x21), d, a, a, 0x0e);
        vec_finish(e, d);
        return;
    }
    unsigned a = ra_xmm(e, 0, false);
    ra_release(e);
    unsigned d = ra_def(e, CLS_XMM, a);
    vec2(e, OP_MOVQ_X, d, a, -1);
    ra_def_end(e, d);
}

/* d = a with lane n replaced by general register g */
static void insert(Emit *e, unsigned size, unsigned d, unsigned a, unsigned g, unsigned n)
{
    static const unsigned ops[] = { P3A(0x20), P(0xc4), P3A(0x22), P3A(0x22) | O_W };
    if (host.avx) {
        asm_vrr(&e->a, ops[size], x(d), x(a), g);
    } else {
        vec_mov(e, d, a);
        asm_rr(&e->a, ops[size], x(d), g);
    }
    asm8(&e->a, n);
}

static void extract(Emit *e, unsigned size, unsigned g, unsigned a, unsigned n)
{
    static const unsigned ops[] = { P3A(0x14), P3A(0x15), P3A(0x16), P3A(0x16) | O_W };
    if (n == 0 && size >= 2) {
        asm_rr(&e->a, size == 3 ? OP_MOVQ_RX : OP_MOVD_RX, x(a), g);
        return;
    }
    asm_rr(&e->a, ops[size], x(a), g);
    asm8(&e->a, n);
}

static void make(Emit *e)
{
    unsigned lo = ra_gpr(e, 0), hi = ra_gpr(e, 1), d = vec_dst(e);
    asm_rr(&e->a, OP_MOVQ_XR, x(d), lo);
    insert(e, 3, d, d, hi, 1);
    vec_finish(e, d);
}

/* Lane 0 of d in all lanes. */
static void spread(Emit *e, unsigned size, unsigned d)
{
    switch (size) {
    case 0: {
        unsigned t = vec_alloc(e);
        vec_zero(e, t);
        vec3(e, OP_PSHUFB, d, d, t);
        break;
    }
    case 1:
        vec2(e, OP_PSHUFLW, d, d, 0);
        vec2(e, OP_PSHUFD, d, d, 0);
        break;
    case 2:
        vec2(e, OP_PSHUFD, d, d, 0);
        break;
    default:
        vec3(e, OP_PUNPCKLQDQ, d, d, d);
        break;
    }
}

static void duplicate(Emit *e, unsigned size)
{
    if (ir_is_const(e->in->a)) {
        unsigned bits = 8u << size;
        uint64_t v = ir_const_value(e->f, e->in->a);
        uint64_t ones = bits == 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1;
        if ((v & ones) == 0 || (v & ones) == ones) {
            unsigned d = vec_dst(e);
            (v & ones ? vec_ones : vec_zero)(e, d);
            vec_finish(e, d);
            return;
        }
    }
    unsigned g = ra_gpr(e, 0), d = vec_dst(e);
    asm_rr(&e->a, OP_MOVQ_XR, x(d), g);
    spread(e, size, d);
    vec_finish(e, d);
}

static void duplicate_lane(Emit *e, unsigned size, unsigned n)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (size == 3) {
        vec2(e, OP_PSHUFD, d, a, n ? 0xee : 0x44);
    } else if (size == 2) {
        vec2(e, OP_PSHUFD, d, a, (int)(n * 0x55));
    } else if (size == 1) {
        vec2(e, n < 4 ? OP_PSHUFLW : OP_PSHUFHW, d, a, (int)((n & 3) * 0x55));
        vec2(e, OP_PSHUFD, d, d, n < 4 ? 0 : 0xaa);
    } else {
        vec_shift(e, SH_BYTES_R, 0, d, a, n);
        spread(e, 0, d);
    }
    vec_finish(e, d);
}

static void insert_int(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), g = ra_gpr(e, 1), d = vec_dst(e);
    insert(e, size, d, a, g, (unsigned)e->in->imm);
    vec_finish(e, d);
}

static void insert_lane(Emit *e, unsigned size)
{
    unsigned to = e->in->imm & 15, from = (unsigned)(e->in->imm >> 8) & 15;
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    if (size == 3) {
        if (to == 0) {
            vec3_imm(e, OP_SHUFPD, d, b, a, from | 2);
        } else {
            vec3_imm(e, OP_SHUFPD, d, a, b, from << 1);
        }
    } else if (size == 2) {
        vec3_imm(e, P3A(0x21), d, a, b, from << 6 | to << 4);
    } else {
        unsigned g = ra_alloc(e, CLS_GPR);
        extract(e, size, g, b, from);
        insert(e, size, d, a, g, to);
    }
    vec_finish(e, d);
}

static void get_lane(Emit *e, unsigned size)
{
    static const unsigned ext[] = { OP_MOVSX8, OP_MOVSX16, OP_MOVSXD };
    unsigned a = ra_vec(e, 0), w = e->in->type == IR_I64 ? O_W : 0;
    ra_release(e);
    unsigned d = ra_def(e, CLS_GPR, NO_REG);
    extract(e, size, d, a, (unsigned)e->in->imm);
    if (size == 3 && !w) {
        asm_rr(&e->a, OP_MOV, d, d);
    } else if ((e->in->aux & IR_V_SIGN) && (size < 2 || (size == 2 && w))) {
        asm_rr(&e->a, ext[size] | w, d, d);
    }
    ra_def_end(e, d);
}

/* --- permutations --- */

static void bytes_of_pair(Emit *e)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e), n = (unsigned)e->in->imm;
    if (low64(e)) {
        vec3(e, OP_PUNPCKLQDQ, d, a, b);
        vec_shift(e, SH_BYTES_R, 0, d, d, n);
    } else {
        vec3_imm(e, OP_PALIGNR, d, b, a, n);
    }
    vec_finish(e, d);
}

static void zip(Emit *e, unsigned size, bool high)
{
    static const unsigned lo[] = { P(0x60), P(0x61), P(0x62), OP_PUNPCKLQDQ };
    static const unsigned hi[] = { P(0x68), P(0x69), P(0x6a), OP_PUNPCKHQDQ };
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    if (low64(e)) {
        vec3(e, lo[size], d, a, b);
        if (high) {
            vec_shift(e, SH_BYTES_R, 0, d, d, 8);
        }
    } else {
        vec3(e, (high ? hi : lo)[size], d, a, b);
    }
    vec_finish(e, d);
}

/* The words or bytes that an unzip takes, each zero-extended to twice the size. */
static void halves(Emit *e, unsigned size, bool odd, unsigned d, unsigned a)
{
    if (odd) {
        vec_shift(e, SH_R, size + 1, d, a, 8u << size);
    } else {
        vec3_const(e, OP_PAND, d, a, size ? VC_LOW_WORDS : VC_LOW_BYTES);
    }
}

static void unzip(Emit *e, unsigned size, bool odd)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    if (low64(e)) {
        unsigned t = vec_alloc(e);
        vec3(e, OP_PUNPCKLQDQ, t, a, b);
        a = b = t;
    }
    switch (size) {
    case 3:
        vec3(e, odd ? OP_PUNPCKHQDQ : OP_PUNPCKLQDQ, d, a, b);
        break;
    case 2:
        vec3_imm(e, OP_SHUFPS, d, a, b, odd ? 0xdd : 0x88);
        break;
    default: {
        unsigned t = vec_alloc(e);
        halves(e, size, odd, d, a);
        halves(e, size, odd, t, b);
        vec3(e, size ? OP_PACKUSDW : OP_PACKUSWB, d, d, t);
        break;
    }
    }
    vec_finish(e, d);
}

static void transpose(Emit *e, unsigned size, bool odd)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    switch (size) {
    case 3:
        vec3(e, odd ? OP_PUNPCKHQDQ : OP_PUNPCKLQDQ, d, a, b);
        break;
    case 2:
        vec3_imm(e, OP_SHUFPS, d, a, b, odd ? 0xdd : 0x88);
        vec2(e, OP_PSHUFD, d, d, 0xd8);
        break;
    case 1:
        if (odd) {
            vec_shift(e, SH_R, 2, d, a, 16);
            vec3_imm(e, OP_PBLENDW, d, d, b, 0xaa);
        } else {
            unsigned t = vec_alloc(e);
            vec_shift(e, SH_L, 2, t, b, 16);
            vec3_imm(e, OP_PBLENDW, d, a, t, 0xaa);
        }
        break;
    default: {
        unsigned t = vec_alloc(e);
        if (odd) {
            vec_shift(e, SH_R, 1, d, a, 8);
            vec_load_const(e, t, VC_LOW_BYTES);
            vec3(e, OP_PANDN, t, t, b);
        } else {
            vec3_const(e, OP_PAND, d, a, VC_LOW_BYTES);
            vec_shift(e, SH_L, 1, t, b, 8);
        }
        vec3(e, OP_POR, d, d, t);
        break;
    }
    }
    vec_finish(e, d);
}

static void reverse(Emit *e, unsigned size, unsigned unit)
{
    static const uint8_t map[4][3] = {
        [1] = { VC_REV16_8 }, [2] = { VC_REV32_8, VC_REV32_16 },
        [3] = { VC_REV64_8, VC_REV64_16 },
    };
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (unit <= size) {
        vec_mov(e, d, a);
    } else if (size == 2) {
        vec2(e, OP_PSHUFD, d, a, 0xb1);
    } else {
        vec3_const(e, OP_PSHUFB, d, a, (VecConst)map[unit][size]);
    }
    vec_finish(e, d);
}

/* pshufb zeroes where bit 7 is set: indices from 16 up get it by a saturating addition. */
static void table(Emit *e, bool two)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), c = two ? ra_vec(e, 2) : b;
    unsigned d = vec_dst(e), t = vec_alloc(e);
    vec3_const(e, OP_PADDUSB, t, c, VC_BYTES_70);
    vec3(e, OP_PSHUFB, d, a, t);
    if (two) {
        unsigned u = vec_alloc(e);
        vec3_const(e, OP_PSUBB, t, c, VC_BYTES_10);
        vec3_const(e, OP_PADDUSB, t, t, VC_BYTES_70);
        vec3(e, OP_PSHUFB, u, b, t);
        vec3(e, OP_POR, d, d, u);
    }
    vec_finish(e, d);
}

bool vec_emit_move(Emit *e)
{
    unsigned op = e->in->op, size = e->in->aux & 3;
    switch (op) {
    case IR_vzext: zero_extend(e); return true;
    case IR_vmake: make(e); return true;
    case IR_vdup: duplicate(e, size); return true;
    case IR_vdup_lane: duplicate_lane(e, size, (unsigned)e->in->imm); return true;
    case IR_vins: insert_int(e, size); return true;
    case IR_vins_lane: insert_lane(e, size); return true;
    case IR_vget: get_lane(e, size); return true;
    case IR_vext: bytes_of_pair(e); return true;
    case IR_vzip1: case IR_vzip2:
        if (low64(e) && size == 3) {
            return false;
        }
        zip(e, size, op == IR_vzip2);
        return true;
    case IR_vuzp1: case IR_vuzp2:
        if (low64(e) && size == 3) {
            return false;
        }
        unzip(e, size, op == IR_vuzp2);
        return true;
    case IR_vtrn1: case IR_vtrn2:
        if (low64(e) && size == 3) {
            return false;
        }
        transpose(e, size, op == IR_vtrn2);
        return true;
    case IR_vrev: reverse(e, size, (unsigned)e->in->imm); return true;
    case IR_vtbl1: table(e, false); return true;
    case IR_vtbl2: table(e, true); return true;
    default: return false;
    }
}

/* --- changes of size; size is that of the narrow lanes --- */

static void widen(Emit *e, unsigned size, bool is_signed, bool high)
{
    static const uint8_t ops[2][3] = { { 0x30, 0x33, 0x35 }, { 0x20, 0x23, 0x25 } };
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (high) {
        vec2(e, OP_PSHUFD, d, a, 0xee);
        a = d;
    }
    vec2(e, P38(ops[is_signed][size]), d, a, -1);
    vec_finish(e, d);
}

static void narrow(Emit *e, unsigned size)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    if (size == 2) {
        vec2(e, OP_PSHUFD, d, a, 0x08);
        vec_clear_high(e, d);
    } else {
        unsigned t = vec_alloc(e);
        vec_zero(e, t);
        halves(e, size, false, d, a);
        vec3(e, size ? OP_PACKUSDW : OP_PACKUSWB, d, d, t);
    }
    vec_finish(e, d);
}

static void narrow_saturating(Emit *e, unsigned op, unsigned size)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e), t = vec_alloc(e);
    vec_zero(e, t);
    if (op == IR_vsqxtn) {
        vec3(e, size ? P(0x6b) : P(0x63), d, a, t);
    } else if (op == IR_vsqxtun) {
        vec3(e, size ? OP_PACKUSDW : OP_PACKUSWB, d, a, t);
    } else {
        vec3_const(e, size ? P38(0x3b) : P38(0x3a), d, a, size ? VC_LOW_WORDS : VC_LOW_BYTES);
        vec3(e, size ? OP_PACKUSDW : OP_PACKUSWB, d, d, t);
    }
    vec_finish(e, d);
}

static void multiply_long(Emit *e, unsigned size, bool is_signed, bool high)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e), t = vec_alloc(e);
    switch (size) {
    case 0: {
        unsigned ext = P38(is_signed ? 0x20 : 0x30);
        if (high) {
            vec2(e, OP_PSHUFD, d, a, 0xee);
            vec2(e, OP_PSHUFD, t, b, 0xee);
            a = d;
            b = t;
        }
        vec2(e, ext, d, a, -1);
        vec2(e, ext, t, b, -1);
        vec3(e, OP_PMULLW, d, d, t);
        break;
    }
    case 1:
        vec3(e, OP_PMULLW, d, a, b);
        vec3(e, is_signed ? P(0xe5) : P(0xe4), t, a, b);
        vec3(e, high ? P(0x69) : P(0x61), d, d, t);
        break;
    default:
        vec2(e, OP_PSHUFD, d, a, high ? 0xfa : 0x50);
        vec2(e, OP_PSHUFD, t, b, high ? 0xfa : 0x50);
        vec3(e, is_signed ? P38(0x28) : P(0xf4), d, d, t);
        break;
    }
    vec_finish(e, d);
}

static void multiply_carryless(Emit *e, bool high)
{
    unsigned a = ra_vec(e, 0), b = ra_vec(e, 1), d = vec_dst(e);
    vec3_imm(e, P3A(0x44), d, a, b, high ? 0x11 : 0x00);
    vec_finish(e, d);
}

bool vec_emit_resize(Emit *e)
{
    unsigned op = e->in->op, size = e->in->aux & 3;
    switch (op) {
    case IR_vsxtl: widen(e, size, true, false); return true;
    case IR_vuxtl: widen(e, size, false, false); return true;
    case IR_vsxtl2: widen(e, size, true, true); return true;
    case IR_vuxtl2: widen(e, size, false, true); return true;
    case IR_vxtn: narrow(e, size); return true;
    case IR_vsqxtn: case IR_vuqxtn: case IR_vsqxtun:
        if (size == 2) {
            return false;
        }
        narrow_saturating(e, op, size);
        return true;
    case IR_vsmull: multiply_long(e, size, true, false); return true;
    case IR_vumull: multiply_long(e, size, false, false); return true;
    case IR_vsmull2: multiply_long(e, size, true, true); return true;
    case IR_vumull2: multiply_long(e, size, false, true); return true;
    case IR_vpmull: case IR_vpmull2:
        if (size != 3 || !host.pclmul) {
            return false;
        }
        multiply_carryless(e, op == IR_vpmull2);
        return true;
    default: return false;
    }
}
