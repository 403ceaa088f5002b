/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer vector operations, lane by lane. See eval_vec.h. */
#include "accel/ir/eval_vec.h"

#include "util/bits.h"

typedef struct Lanes {
    unsigned op, size, bits, n; /* size: log2 of bytes */
    unsigned imm;
    bool low, round;
    uint64_t ones, top;
} Lanes;

static int64_t sx(const Lanes *l, uint64_t v)
{
    return sign_extend(v, l->bits);
}

static uint64_t clamp_s(unsigned bits, __int128 v)
{
    __int128 max = ((__int128)1 << (bits - 1)) - 1, min = -max - 1;
    return (uint64_t)(v > max ? max : v < min ? min : v);
}

static uint64_t clamp_u(unsigned bits, __int128 v)
{
    __int128 max = ((__int128)1 << bits) - 1;
    return (uint64_t)(v > max ? max : v < 0 ? 0 : v);
}

/* Shifts right by 0..bits and more, of a value that is as wide as can be. */
static uint64_t right(const Lanes *l, __int128 v, unsigned n)
{
    if (n > l->bits + 1)
        n = l->bits + 1; /* with rounding a shift by `bits` still shows the top bit */
    if (l->round && n)
        v += (__int128)1 << (n - 1);
    return (uint64_t)(v >> n);
}

/* By the signed low byte of b. */
static uint64_t shift_by(const Lanes *l, uint64_t a, uint64_t b, bool is_signed)
{
    int n = (int8_t)(uint8_t)b;
    if (n >= 0)
        return (unsigned)n >= l->bits ? 0 : a << n;
    return right(l, is_signed ? (__int128)sx(l, a) : (__int128)a, (unsigned)-n);
}

static uint64_t sqdmulh(const Lanes *l, int64_t a, int64_t b)
{
    __int128 p = (__int128)a * b * 2;
    if (l->round)
        p += (__int128)1 << (l->bits - 1);
    return clamp_s(l->bits, p >> l->bits);
}

static uint64_t reverse_bits8(uint64_t v)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        r |= (v >> i & 1) << (7 - i);
    return r;
}

static unsigned leading_zeros(const Lanes *l, uint64_t v)
{
    return v ? (unsigned)__builtin_clzll(v) - (64 - l->bits) : l->bits;
}

static uint64_t pmul(uint64_t a, uint64_t b, unsigned bits)
{
    uint64_t r = 0;
    for (unsigned i = 0; i < bits; i++)
        r ^= b >> i & 1 ? a << i : 0;
    return r;
}

/* One lane from the same lanes of the operands. a and b are zero-extended. */
static uint64_t lane_op(const Lanes *l, uint64_t a, uint64_t b)
{
    int64_t sa = sx(l, a), sb = sx(l, b);
    switch (l->op) {
    case IR_vadd: return a + b;
    case IR_vsub: return a - b;
    case IR_vmul: return a * b;
    case IR_vneg: return -a;
    case IR_vabs: return sa < 0 ? -a : a;
    case IR_vsabd: return sa > sb ? a - b : b - a;
    case IR_vuabd: return a > b ? a - b : b - a;
    case IR_vsmin: return sa < sb ? a : b;
    case IR_vsmax: return sa > sb ? a : b;
    case IR_vumin: return a < b ? a : b;
    case IR_vumax: return a > b ? a : b;
    case IR_vcmpeq: return a == b ? ~0ULL : 0;
    case IR_vcmpgt: return sa > sb ? ~0ULL : 0;
    case IR_vcmpge: return sa >= sb ? ~0ULL : 0;
    case IR_vcmpgtu: return a > b ? ~0ULL : 0;
    case IR_vcmpgeu: return a >= b ? ~0ULL : 0;
    case IR_vtst: return a & b ? ~0ULL : 0;
    case IR_vsqadd: return clamp_s(l->bits, (__int128)sa + sb);
    case IR_vuqadd: return clamp_u(l->bits, (__int128)a + b);
    case IR_vsqsub: return clamp_s(l->bits, (__int128)sa - sb);
    case IR_vuqsub: return clamp_u(l->bits, (__int128)a - b);
    case IR_vavgs: return (uint64_t)((sa + sb) >> 1);
    case IR_vavgu: return (a + b) >> 1;
    case IR_vavgs_r: return (uint64_t)((sa + sb + 1) >> 1);
    case IR_vavgu_r: return (a + b + 1) >> 1;
    case IR_vhsubs: return (uint64_t)((sa - sb) >> 1);
    case IR_vhsubu: return (uint64_t)((int64_t)(a - b) >> 1);
    case IR_vsqdmulh: return sqdmulh(l, sa, sb);
    case IR_vshl: return a << l->imm;
    case IR_vshr: return right(l, (__int128)a, l->imm);
    case IR_vsar: return right(l, (__int128)sa, l->imm);
    case IR_vushl: return shift_by(l, a, b, false);
    case IR_vsshl: return shift_by(l, a, b, true);
    case IR_vpmul: return pmul(a, b, 8);
    case IR_vcnt: return (unsigned)__builtin_popcountll(a);
    case IR_vclz: return leading_zeros(l, a);
    case IR_vcls: return leading_zeros(l, (a ^ (uint64_t)(sa >> 1)) & l->ones) - 1;
    case IR_vrbit: return reverse_bits8(a);
    default: return 0;
    }
}

static bool logic(unsigned op, IrV128 *r, const IrV128 *a, const IrV128 *b, const IrV128 *c)
{
    for (unsigned k = 0; k < 2; k++) {
        uint64_t x = a->d[k], y = b->d[k], z = c->d[k];
        switch (op) {
        case IR_vand: r->d[k] = x & y; break;
        case IR_vor: r->d[k] = x | y; break;
        case IR_vxor: r->d[k] = x ^ y; break;
        case IR_vandn: r->d[k] = x & ~y; break;
        case IR_vorn: r->d[k] = x | ~y; break;
        case IR_vnot: r->d[k] = ~x; break;
        case IR_vbsl: r->d[k] = (x & y) | (~x & z); break;
        default: return false;
        }
    }
    return true;
}

/* Where each lane of the result comes from: lanes of a, then (from n on) of b. */
static bool permute(const Lanes *l, IrV128 *r, const IrV128 *a, const IrV128 *b)
{
    unsigned n = l->n, unit = l->op == IR_vrev ? (1u << l->imm) >> l->size : 0;
    for (unsigned k = 0; k < n; k++) {
        unsigned from;
        switch (l->op) {
        case IR_vzip1: from = k / 2 + k % 2 * n; break;
        case IR_vzip2: from = n / 2 + k / 2 + k % 2 * n; break;
        case IR_vuzp1: from = 2 * k; break;
        case IR_vuzp2: from = 2 * k + 1; break;
        case IR_vtrn1: from = k / 2 * 2 + k % 2 * n; break;
        case IR_vtrn2: from = k / 2 * 2 + 1 + k % 2 * n; break;
        case IR_vrev: from = unit > 1 ? k ^ (unit - 1) : k; break;
        default: return false;
        }
        ir_set_lane(r, l->size, k, from < n ? ir_lane(a, l->size, from)
                                            : ir_lane(b, l->size, from - n));
    }
    return true;
}

static bool move(const Lanes *l, unsigned aux, IrV128 *r, const IrV128 *a, const IrV128 *b,
                 const IrV128 *c)
{
    unsigned bytes = l->low ? 8 : 16;
    switch (l->op) {
    case IR_vmake:
        r->d[0] = a->d[0];
        r->d[1] = b->d[0];
        return true;
    case IR_vdup: case IR_vdup_lane:
        for (unsigned k = 0; k < l->n; k++)
            ir_set_lane(r, l->size, k, l->op == IR_vdup ? a->d[0] : ir_lane(a, l->size, l->imm));
        return true;
    case IR_vins:
        *r = *a;
        ir_set_lane(r, l->size, l->imm, b->d[0]);
        return true;
    case IR_vins_lane:
        *r = *a;
        ir_set_lane(r, l->size, l->imm & 15, ir_lane(b, l->size, l->imm >> 8));
        return true;
    case IR_vget: {
        uint64_t v = ir_lane(a, l->size, l->imm);
        r->d[0] = aux & IR_V_SIGN ? (uint64_t)sx(l, v) : v;
        return true;
    }
    case IR_vext:
        for (unsigned k = 0; k < bytes; k++) {
            unsigned from = k + l->imm;
            r->b[k] = from < bytes ? a->b[from] : b->b[(from - bytes) & 15];
        }
        return true;
    case IR_vtbl1:
        for (unsigned k = 0; k < bytes; k++)
            r->b[k] = b->b[k] < 16 ? a->b[b->b[k]] : 0;
        return true;
    case IR_vtbl2:
        for (unsigned k = 0; k < bytes; k++) {
            unsigned from = c->b[k];
            r->b[k] = from < 16 ? a->b[from] : from < 32 ? b->b[from - 16] : 0;
        }
        return true;
    default:
        return false;
    }
}

/* Sizes change: l->size is that of the narrow lanes. */
static bool resize(const Lanes *l, IrV128 *r, const IrV128 *a, const IrV128 *b)
{
    unsigned half = 8u >> l->size, high = 0, wide = l->size + 1;
    switch (l->op) {
    case IR_vsxtl2: case IR_vuxtl2: case IR_vsmull2: case IR_vumull2: case IR_vpmull2:
        high = half;
        break;
    default:
        break;
    }
    if ((l->op == IR_vpmull || l->op == IR_vpmull2) && l->size == 3) {
        uint64_t x = a->d[high ? 1 : 0], y = b->d[high ? 1 : 0];
        for (unsigned k = 0; k < 64; k++) {
            if (y >> k & 1) {
                r->d[0] ^= x << k;
                r->d[1] ^= k ? x >> (64 - k) : 0;
            }
        }
        return true;
    }
    for (unsigned k = 0; k < half; k++) {
        uint64_t x = ir_lane(a, l->size & 3, k + high), y = ir_lane(b, l->size & 3, k + high);
        uint64_t w = ir_lane(a, wide & 3, k);
        __int128 sw = sign_extend(w, 2 * l->bits < 64 ? 2 * l->bits : 64);
        switch (l->op) {
        case IR_vsxtl: case IR_vsxtl2: ir_set_lane(r, wide, k, (uint64_t)sx(l, x)); break;
        case IR_vuxtl: case IR_vuxtl2: ir_set_lane(r, wide, k, x); break;
        case IR_vxtn: ir_set_lane(r, l->size, k, w); break;
        case IR_vsqxtn: ir_set_lane(r, l->size, k, clamp_s(l->bits, sw)); break;
        case IR_vuqxtn: ir_set_lane(r, l->size, k, clamp_u(l->bits, (__int128)w)); break;
        case IR_vsqxtun: ir_set_lane(r, l->size, k, clamp_u(l->bits, sw)); break;
        case IR_vsmull: case IR_vsmull2:
            ir_set_lane(r, wide, k, (uint64_t)(sx(l, x) * sx(l, y)));
            break;
        case IR_vumull: case IR_vumull2: ir_set_lane(r, wide, k, x * y); break;
        case IR_vpmull: case IR_vpmull2: ir_set_lane(r, wide, k, pmul(x, y, 8)); break;
        default: return false;
        }
    }
    return true;
}

static bool reduce(const Lanes *l, unsigned aux, IrV128 *r, const IrV128 *a)
{
    if (l->op < IR_vaddv || l->op > IR_vuminv)
        return false;
    uint64_t best = ir_lane(a, l->size, 0), sum = 0;
    for (unsigned k = 0; k < l->n; k++) {
        uint64_t x = ir_lane(a, l->size, k);
        bool take = false;
        sum += l->op == IR_vsaddlv ? (uint64_t)sx(l, x) : x;
        switch (l->op) {
        case IR_vsmaxv: take = sx(l, x) > sx(l, best); break;
        case IR_vsminv: take = sx(l, x) < sx(l, best); break;
        case IR_vumaxv: take = x > best; break;
        case IR_vuminv: take = x < best; break;
        default: break;
        }
        best = take ? x : best;
    }
    switch (l->op) {
    case IR_vaddv: r->d[0] = sum & l->ones; break;
    case IR_vsaddlv: case IR_vuaddlv: r->d[0] = sum; break;
    default: r->d[0] = aux & IR_V_SIGN ? (uint64_t)sx(l, best) : best; break;
    }
    return true;
}

static bool pairs(const Lanes *l, IrV128 *r, const IrV128 *a, const IrV128 *b)
{
    unsigned n = l->n;
    switch (l->op) {
    case IR_vaddp:
        for (unsigned k = 0; k < n; k++) {
            const IrV128 *v = k < n / 2 ? a : b;
            unsigned from = 2 * k % n;
            uint64_t x = n == 1 ? a->d[0] : ir_lane(v, l->size, from);
            uint64_t y = n == 1 ? b->d[0] : ir_lane(v, l->size, from + 1);
            ir_set_lane(r, l->size, k, x + y);
        }
        return true;
    case IR_vsaddlp: case IR_vuaddlp:
        for (unsigned k = 0; k < n / 2; k++) {
            uint64_t x = ir_lane(a, l->size, 2 * k), y = ir_lane(a, l->size, 2 * k + 1);
            ir_set_lane(r, l->size + 1, k,
                        l->op == IR_vuaddlp ? x + y : (uint64_t)sx(l, x) + (uint64_t)sx(l, y));
        }
        return true;
    default:
        return false;
    }
}

static void vzext(uint64_t desc, IrV128 *r, const IrV128 *a)
{
    unsigned from = ir_desc_type2(desc);
    r->d[0] = from == IR_I32 || from == IR_F32 ? (uint32_t)a->d[0] : a->d[0];
}

void ir_eval_vec(uint64_t desc, IrV128 *dst, const IrV128 *a, const IrV128 *b, const IrV128 *c,
                 FpStatus *st)
{
    unsigned op = ir_desc_op(desc), aux = ir_desc_aux(desc);
    if (op >= IR_vfabs && op <= IR_vfcvtn) {
        ir_eval_vec_fp(desc, dst, a, b, c, st);
        return;
    }
    Lanes l = { .op = op, .size = aux & 3, .imm = ir_desc_imm(desc), .low = aux & IR_V_LOW64,
                .round = aux & IR_V_ROUND };
    l.bits = 8u << l.size;
    l.n = (l.low ? 8u : 16u) >> l.size;
    l.ones = l.bits == 64 ? ~0ULL : (1ULL << l.bits) - 1;
    l.top = 1ULL << (l.bits - 1);
    IrV128 r = { .d = { 0, 0 } };
    if (op == IR_vzext) {
        vzext(desc, &r, a);
    } else if (!logic(op, &r, a, b, c) && !permute(&l, &r, a, b) && !move(&l, aux, &r, a, b, c) &&
               !reduce(&l, aux, &r, a) && !pairs(&l, &r, a, b) &&
               !resize(&l, &r, a, b)) {
        for (unsigned k = 0; k < l.n; k++)
            ir_set_lane(&r, l.size, k, lane_op(&l, ir_lane(a, l.size, k), ir_lane(b, l.size, k)));
    }
    if (l.low || ir_desc_type(desc) != IR_V128)
        r.d[1] = 0;
    if (ir_desc_type(desc) == IR_I32)
        r.d[0] = (uint32_t)r.d[0];
    *dst = r;
}
