/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the integer operations of the IR compute: the one definition behind constant folding and
 * the interpreter (and so the reference for the JIT).
 */
#ifndef ACCEL_IR_EVAL_H
#define ACCEL_IR_EVAL_H

#include "accel/ir.h"
#include "util/bits.h"

static inline bool ir_eval_cond(IrType type, IrCond cc, uint64_t a, uint64_t b)
{
    int64_t sa = (int64_t)a, sb = (int64_t)b;
    if (type == IR_I32) {
        a = (uint32_t)a, b = (uint32_t)b;
        sa = (int32_t)a, sb = (int32_t)b;
    }
    switch (cc) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LT: return sa < sb;
    case IR_GE: return sa >= sb;
    case IR_LE: return sa <= sb;
    case IR_GT: return sa > sb;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    case IR_TSTEQ: return (a & b) == 0;
    case IR_TSTNE: return (a & b) != 0;
    }
    return false;
}

/* 128-bit carry-less product of two 64-bit polynomials: low or high half. */
static inline uint64_t ir_eval_clmul(uint64_t a, uint64_t b, bool high)
{
    uint64_t lo = 0, hi = 0;
    for (unsigned i = 0; i < 64; i++) {
        if (b >> i & 1) {
            lo ^= a << i;
            hi ^= i ? a >> (64 - i) : 0;
        }
    }
    return high ? hi : lo;
}

static inline uint64_t ir_eval_orcb(uint64_t a)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 64; i += 8)
        r |= a >> i & 0xff ? 0xffULL << i : 0;
    return r;
}

/* High half of the product; for 32-bit operands, bits 32..63 of it. Signedness of a and of b. */
static inline uint64_t ir_eval_mulh(bool w, uint64_t a, uint64_t b, bool sa, bool sb)
{
    if (w) {
        int64_t x = sa ? (int64_t)(int32_t)a : (int64_t)(uint32_t)a;
        int64_t y = sb ? (int64_t)(int32_t)b : (int64_t)(uint32_t)b;
        return (uint64_t)x * (uint64_t)y >> 32;
    }
    uint64_t hi = (unsigned __int128)a * b >> 64;
    /* A negative operand counted as 2^64 too much. */
    if (sa && (int64_t)a < 0)
        hi -= b;
    if (sb && (int64_t)b < 0)
        hi -= a;
    return hi;
}

static inline uint64_t ir_eval_div(IrOp op, bool w, uint64_t a, uint64_t b)
{
    int64_t min = w ? INT32_MIN : INT64_MIN;
    if (op == IR_divu || op == IR_remu) {
        if (w)
            a = (uint32_t)a, b = (uint32_t)b;
        if (b == 0)
            return op == IR_divu ? ~0ULL : a;
        return op == IR_divu ? a / b : a % b;
    }
    int64_t x = w ? (int64_t)(int32_t)a : (int64_t)a, y = w ? (int64_t)(int32_t)b : (int64_t)b;
    if (y == 0)
        return op == IR_divs ? ~0ULL : (uint64_t)x;
    if (x == min && y == -1)
        return op == IR_divs ? (uint64_t)min : 0;
    return (uint64_t)(op == IR_divs ? x / y : x % y);
}

/* Packed flags (N Z C V in bits 31..28) of an addition with carry or of a value. */
static inline uint64_t ir_eval_nzcv(IrOp op, IrType type, uint64_t a, uint64_t b, uint64_t c)
{
    bool w = type == IR_I32;
    uint64_t ones = w ? UINT32_MAX : UINT64_MAX, top = w ? 1u << 31 : 1ULL << 63;
    if (op == IR_nzcv_sub)
        b = ~b, c = 1;
    else if (op != IR_nzcv_addc)
        c = 0;
    if (op == IR_nzcv_logic)
        b = 0;
    a &= ones;
    b &= ones;
    unsigned __int128 wide = (unsigned __int128)a + b + (c & 1);
    uint64_t r = (uint64_t)wide & ones;
    return (r & top ? 1u << 31 : 0) | (r ? 0 : 1u << 30) |
           (wide >> (w ? 32 : 64) ? 1u << 29 : 0) | (~(a ^ b) & (a ^ r) & top ? 1u << 28 : 0);
}

static inline uint64_t ir_eval_carry(IrType type, uint64_t a, uint64_t b, uint64_t c)
{
    return ir_eval_nzcv(IR_nzcv_addc, type, a, b, c) >> 29 & 1;
}

/*
 * Integer operations with up to two operands ("D" and "DB" formats, not FP), for types I32 and I64.
 * Conditional ones are ir_eval_cond and a choice.
 */
static inline uint64_t ir_eval(IrOp op, IrType type, unsigned aux, uint64_t a, uint64_t b)
{
    bool w = type == IR_I32;
    unsigned width = w ? 32 : 64, n = (unsigned)b & (width - 1);
    unsigned start = aux & 0xff, len = aux >> 8;
    uint64_t r = 0;
    if (w)
        a = (uint32_t)a, b = (uint32_t)b;
    int64_t sa = w ? (int64_t)(int32_t)a : (int64_t)a;
    int64_t sb = w ? (int64_t)(int32_t)b : (int64_t)b;
    switch (op) {
    case IR_mov: r = a; break;
    case IR_add: r = a + b; break;
    case IR_sub: r = a - b; break;
    case IR_and: r = a & b; break;
    case IR_or: r = a | b; break;
    case IR_xor: r = a ^ b; break;
    case IR_andn: r = a & ~b; break;
    case IR_orn: r = a | ~b; break;
    case IR_xnor: r = ~(a ^ b); break;
    case IR_not: r = ~a; break;
    case IR_neg: r = -a; break;
    case IR_shl: r = a << n; break;
    case IR_shr: r = a >> n; break;
    case IR_sar: r = (uint64_t)(sa >> n); break;
    case IR_rotl: r = n ? a << n | a >> (width - n) : a; break;
    case IR_rotr: r = n ? a >> n | a << (width - n) : a; break;
    case IR_mul: r = a * b; break;
    case IR_mulhu: r = ir_eval_mulh(w, a, b, false, false); break;
    case IR_mulhs: r = ir_eval_mulh(w, a, b, true, true); break;
    case IR_mulhsu: r = ir_eval_mulh(w, a, b, true, false); break;
    case IR_divs: case IR_divu: case IR_rems: case IR_remu:
        r = ir_eval_div(op, w, a, b);
        break;
    case IR_sext8: r = (uint64_t)(int64_t)(int8_t)a; break;
    case IR_sext16: r = (uint64_t)(int64_t)(int16_t)a; break;
    case IR_sext32: r = (uint64_t)(int64_t)(int32_t)a; break;
    case IR_zext8: r = (uint8_t)a; break;
    case IR_zext16: r = (uint16_t)a; break;
    case IR_zext32: r = (uint32_t)a; break;
    case IR_bswap16: r = __builtin_bswap16((uint16_t)a); break;
    case IR_bswap32: r = __builtin_bswap32((uint32_t)a); break;
    case IR_bswap64: r = __builtin_bswap64(a); break;
    case IR_clz: r = a ? (unsigned)__builtin_clzll(a) - (64 - width) : width; break;
    case IR_ctz: r = a ? (unsigned)__builtin_ctzll(a) : width; break;
    case IR_popcnt: r = (unsigned)__builtin_popcountll(a); break;
    case IR_clmul: r = ir_eval_clmul(a, b, false); break;
    case IR_clmulh: r = ir_eval_clmul(a, b, true); break;
    case IR_orcb: r = ir_eval_orcb(a); break;
    case IR_smin: r = sa < sb ? a : b; break;
    case IR_smax: r = sa > sb ? a : b; break;
    case IR_umin: r = a < b ? a : b; break;
    case IR_umax: r = a > b ? a : b; break;
    case IR_extract: r = bits_get(a, start, len); break;
    case IR_sextract: r = (uint64_t)sign_extend(bits_get(a, start, len), len); break;
    case IR_deposit: r = bits_set(a, start, len, b); break;
    case IR_nzcv_add: case IR_nzcv_sub: case IR_nzcv_logic:
        return ir_eval_nzcv(op, type, a, b, 0);
    default: break;
    }
    return w ? (uint32_t)r : r;
}

/* Is op one that ir_eval knows? */
static inline bool ir_eval_knows(IrOp op)
{
    return (op >= IR_mov && op <= IR_umax) || (op >= IR_extract && op <= IR_deposit) ||
           (op >= IR_nzcv_add && op <= IR_nzcv_logic);
}

#endif
