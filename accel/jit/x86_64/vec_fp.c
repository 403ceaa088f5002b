/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FP vector operations on the host's unit, as emit_fp.c does the scalar ones: the operation, then
 * one test over all lanes whether the guest's rules may ask for something else (a NaN; where the
 * guest looks at tininess before rounding, a result that is the smallest normal number, see
 * emit_fp.c), and if so all of it again in software. Flags that both raise are the same ones.
 *
 * Operations on 64-bit vectors are done on operands whose halves were made equal, so that what is
 * in the upper half raises no flags of its own.
 */
#include "accel/fp.h"
#include "vec.h"

#define P3A(op) ((op) | O_0F3A | O_66)
enum { CMP_EQ = 0, CMP_UNORD = 3, CMP_EQ_UQ = 8 };

static bool f64(const Emit *e)
{
    return e->in->type2 == IR_F64;
}

/* 66 is the prefix of packed double precision, none that of single. */
static unsigned packed(const Emit *e, unsigned op)
{
    return op | O_0F | (f64(e) ? O_66 : 0);
}

static unsigned fp_operand(Emit *e, unsigned which)
{
    return ra_vec(e, which);
}

/* What the instruction works on in the place of operand v. */
static unsigned both_halves(Emit *e, unsigned v)
{
    if (!(e->in->aux & IR_V_LOW64)) {
        return v;
    }
    unsigned t = vec_alloc(e);
    vec2(e, OP_MOVDDUP, t, v, -1);
    return t;
}

static uint8_t *jump_if_any(Emit *e, unsigned mask)
{
    vec2(e, OP_PTEST, mask, mask, -1);
    return asm_jcc_fwd(&e->a, CC_NE);
}

/* The jump to the cold path: r, of element size `wide`, isn't certain to be right. */
static uint8_t *check(Emit *e, unsigned r, bool wide, bool tiny)
{
    unsigned t = vec_alloc(e), cmp = 0xc2 | O_0F | (wide ? O_66 : 0);
    if (!tiny) {
        vec3_imm(e, cmp, t, r, r, CMP_UNORD);
    } else if (host.avx) { /* |r| equal to it, or unordered */
        vec3_const(e, OP_PAND, t, r, wide ? VC_ABS64 : VC_ABS32);
        asm_vrip(&e->a, cmp, t - XMM0, t - XMM0, thunks.vec[wide ? VC_MIN64 : VC_MIN32] - 1);
        asm8(&e->a, CMP_EQ_UQ);
    } else {
        unsigned u = vec_alloc(e), v = vec_alloc(e);
        vec3_const(e, OP_PAND, t, r, wide ? VC_ABS64 : VC_ABS32);
        vec_load_const(e, u, wide ? VC_MIN64 : VC_MIN32);
        vec3_imm(e, cmp, v, t, u, CMP_EQ);
        vec3_imm(e, cmp, t, t, t, CMP_UNORD);
        vec3(e, OP_POR, t, t, v);
    }
    return jump_if_any(e, t);
}

static bool checked(const Emit *e)
{
    return e->f->fp.nan != FP_NAN_X86;
}

/* After the operation and its check: what is wrong with d comes from software. */
static void finish(Emit *e, unsigned d, uint8_t *site, const unsigned *operands, unsigned n)
{
    if (e->in->aux & IR_V_LOW64) {
        vec_clear_high(e, d);
    }
    if (site) {
        vec_cold(e, site, operands, n, d);
    }
    ra_release(e);
    ra_def_end(e, d);
}

static void arithmetic(Emit *e, unsigned opcode, bool tiny)
{
    unsigned v[2] = { fp_operand(e, 0), fp_operand(e, 1) }, d = vec_dst(e);
    unsigned a = both_halves(e, v[0]), b = v[1] == v[0] ? a : both_halves(e, v[1]);
    uint8_t *site = NULL;
    vec3(e, packed(e, opcode), d, a, b);
    if (checked(e)) {
        site = check(e, d, f64(e), tiny && e->f->fp.tiny_before);
    }
    if (e->in->op == IR_vfabd) {
        vec3_const(e, OP_PAND, d, d, f64(e) ? VC_ABS64 : VC_ABS32);
    }
    finish(e, d, site, v, 2);
}

static void add_pairs(Emit *e)
{
    unsigned v[2] = { fp_operand(e, 0), fp_operand(e, 1) }, d = vec_dst(e), t = vec_alloc(e);
    unsigned a = v[0], b = v[1];
    if (e->in->aux & IR_V_LOW64) {
        unsigned u = vec_alloc(e);
        vec3(e, OP_PUNPCKLQDQ, u, a, b);
        a = b = u;
    }
    if (f64(e)) {
        vec3(e, OP_PUNPCKLQDQ, d, a, b);
        vec3(e, OP_PUNPCKHQDQ, t, a, b);
    } else {
        vec3_imm(e, OP_SHUFPS, d, a, b, 0x88);
        vec3_imm(e, OP_SHUFPS, t, a, b, 0xdd);
    }
    vec3(e, packed(e, 0x58), d, d, t);
    finish(e, d, checked(e) ? check(e, d, f64(e), false) : NULL, v, 2);
}

static void square_root(Emit *e)
{
    unsigned v = fp_operand(e, 0), d = vec_dst(e), a = both_halves(e, v);
    vec2(e, packed(e, 0x51), d, a, -1);
    finish(e, d, checked(e) ? check(e, d, f64(e), false) : NULL, &v, 1);
}

/* FMA3, form 231: d += a * b. By the flags of aux: product, addend negated. */
static void multiply_add(Emit *e)
{
    static const uint8_t opcodes[] = { 0xb8, 0xbc, 0xba, 0xbe };
    unsigned v[3] = { fp_operand(e, 0), fp_operand(e, 1), fp_operand(e, 2) }, d = vec_dst(e);
    unsigned a = both_halves(e, v[0]), b = v[1] == v[0] ? a : both_halves(e, v[1]);
    unsigned op = opcodes[e->in->aux >> 3 & 3] | O_0F38 | O_66 | (f64(e) ? O_W : 0);
    if (e->in->aux & IR_V_LOW64) {
        vec2(e, OP_MOVDDUP, d, v[2], -1);
    } else {
        vec_mov(e, d, v[2]);
    }
    asm_vrr(&e->a, op, d - XMM0, a - XMM0, b - XMM0);
    finish(e, d, checked(e) ? check(e, d, f64(e), e->f->fp.tiny_before) : NULL, v, 3);
}

/* As the scalar ones: both orders, combined for the sign of zeros; NaNs are never shown to them. */
static void minmax(Emit *e, bool max)
{
    unsigned v[2] = { fp_operand(e, 0), fp_operand(e, 1) }, d = vec_dst(e), t = vec_alloc(e);
    unsigned a = both_halves(e, v[0]), b = both_halves(e, v[1]);
    vec3_imm(e, packed(e, 0xc2), t, a, b, CMP_UNORD);
    uint8_t *site = jump_if_any(e, t);
    vec3(e, packed(e, max ? 0x5f : 0x5d), d, a, b);
    vec3(e, packed(e, max ? 0x5f : 0x5d), t, b, a);
    vec3(e, max ? OP_PAND : OP_POR, d, d, t);
    finish(e, d, site, v, 2);
}

static void compare(Emit *e)
{
    static const uint8_t predicates[] = { [IR_FEQ] = 0, [IR_FLT] = 1, [IR_FLE] = 2,
                                          [IR_FEQ_SIG] = 0x10, [IR_FLT_QUIET] = 0x11,
                                          [IR_FLE_QUIET] = 0x12 };
    unsigned v[2] = { fp_operand(e, 0), fp_operand(e, 1) }, d = vec_dst(e);
    unsigned a = both_halves(e, v[0]), b = v[1] == v[0] ? a : both_halves(e, v[1]);
    vec3_imm(e, packed(e, 0xc2), d, a, b, predicates[e->in->aux & 7]);
    finish(e, d, NULL, v, 2);
}

/* --- conversions --- */

static void from_int(Emit *e)
{
    unsigned v = fp_operand(e, 0), d = vec_dst(e), a = both_halves(e, v);
    vec2(e, 0x5b | O_0F, d, a, -1); /* cvtdq2ps */
    finish(e, d, NULL, &v, 1);
}

/* x86 gives the smallest integer for what doesn't fit; whether that was it, software knows. */
static void to_int(Emit *e)
{
    unsigned v = fp_operand(e, 0), d = vec_dst(e), a = both_halves(e, v), t = vec_alloc(e);
    vec2(e, 0x5b | O_0F | (fp_rm(e) == FP_RTZ ? O_F3 : O_66), d, a, -1);
    vec3_const(e, OP_PCMPEQD, t, d, VC_SIGN32);
    finish(e, d, jump_if_any(e, t), &v, 1);
}

static void round_to_int(Emit *e)
{
    static const uint8_t modes[] = { [FP_RNE] = 0, [FP_RTZ] = 3, [FP_RDN] = 1, [FP_RUP] = 2 };
    unsigned v = fp_operand(e, 0), d = vec_dst(e), a = both_halves(e, v);
    vec2(e, P3A(f64(e) ? 0x09 : 0x08), d, a,
         modes[fp_rm(e)] | (e->in->aux & IR_CVT_NO_NX ? 8 : 0));
    finish(e, d, checked(e) ? check(e, d, f64(e), false) : NULL, &v, 1);
}

static void widen(Emit *e, bool high)
{
    unsigned v = fp_operand(e, 0), d = vec_dst(e), a = v;
    if (high) {
        vec2(e, OP_PSHUFD, d, v, 0xee);
        a = d;
    }
    vec2(e, 0x5a | O_0F, d, a, -1); /* cvtps2pd */
    finish(e, d, checked(e) ? check(e, d, true, false) : NULL, &v, 1);
}

static void narrow(Emit *e)
{
    unsigned v = fp_operand(e, 0), d = vec_dst(e);
    vec2(e, 0x5a | O_0F | O_66, d, v, -1); /* cvtpd2ps */
    finish(e, d, checked(e) ? check(e, d, false, e->f->fp.tiny_before) : NULL, &v, 1);
}

static void sign(Emit *e, bool absolute)
{
    unsigned a = ra_vec(e, 0), d = vec_dst(e);
    VecConst c = absolute ? f64(e) ? VC_ABS64 : VC_ABS32 : f64(e) ? VC_SIGN64 : VC_SIGN32;
    vec3_const(e, absolute ? OP_PAND : OP_PXOR, d, a, c);
    vec_finish(e, d);
}

static bool native(const Emit *e)
{
    const IrInsn *in = e->in;
    switch (in->op) {
    case IR_vfmin: case IR_vfmax: case IR_vfcvtl: case IR_vfcvtl2:
        return true;
    case IR_vfcmp:
        return host.avx || (in->aux & 7) <= IR_FLE;
    case IR_vfma:
        return host.fma && fp_rm_native(e);
    case IR_vfcvt_if:
        return !f64(e) && !in->imm && !(in->aux & IR_CVT_UNSIGNED) && fp_rm_native(e);
    case IR_vfcvt_fi:
        return !f64(e) && !in->imm && !(in->aux & (IR_CVT_UNSIGNED | IR_CVT_NO_NX)) &&
               (fp_rm(e) == FP_RTZ || fp_rm_native(e));
    case IR_vfround:
        return fp_rm(e) <= FP_RUP;
    default:
        return fp_rm_native(e);
    }
}

bool vec_emit_fp(Emit *e)
{
    unsigned op = e->in->op;
    if (op == IR_vfabs || op == IR_vfneg) {
        sign(e, op == IR_vfabs);
        return true;
    }
    if (op < IR_vfadd || op > IR_vfcvtn || !fp_policy_native(e) || !native(e)) {
        return false;
    }
    switch (op) {
    case IR_vfadd: arithmetic(e, 0x58, false); break;
    case IR_vfsub: case IR_vfabd: arithmetic(e, 0x5c, false); break;
    case IR_vfmul: arithmetic(e, 0x59, true); break;
    case IR_vfdiv: arithmetic(e, 0x5e, true); break;
    case IR_vfsqrt: square_root(e); break;
    case IR_vfma: multiply_add(e); break;
    case IR_vfmin: minmax(e, false); break;
    case IR_vfmax: minmax(e, true); break;
    case IR_vfaddp: add_pairs(e); break;
    case IR_vfcmp: compare(e); break;
    case IR_vfcvt_if: from_int(e); break;
    case IR_vfcvt_fi: to_int(e); break;
    case IR_vfround: round_to_int(e); break;
    case IR_vfcvtl: widen(e, false); break;
    case IR_vfcvtl2: widen(e, true); break;
    case IR_vfcvtn: narrow(e); break;
    default: return false;
    }
    return true;
}
