/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AdvSIMD on integers that the IR has no operations for (DDI 0487 C7.2 and the shared functions
 * SatQ, RecipEstimate, RecipSqrtEstimate): saturating shifts, doubling multiplications, dot
 * products, estimates. One function per instruction; see simd.h for the descriptor it gets.
 */
#include "target/arm/simd.h"

enum { VECTORS = IR_READS | IR_WRITES };

#define HELPER(n)                                                                              \
    const IrHelper arm_helper_##n = { #n, (void *)helper_##n, 1, false, VECTORS };

static inline int64_t sx(uint64_t v, unsigned bits)
{
    return sign_extend(v, bits);
}

static inline uint64_t sat_s(__int128 v, unsigned bits, bool *sat)
{
    __int128 max = ((__int128)1 << (bits - 1)) - 1;

    if (v > max || v < -max - 1) {
        *sat = true;
        v = v < 0 ? -max - 1 : max;
    }
    return (uint64_t)v;
}

static inline uint64_t sat_u(__int128 v, unsigned bits, bool *sat)
{
    __int128 max = ((__int128)1 << bits) - 1;

    if (v < 0 || v > max) {
        *sat = true;
        v = v < 0 ? 0 : max;
    }
    return (uint64_t)v;
}

static inline void set_qc(Cpu *cpu, bool sat)
{
    if (sat)
        arm_cpu(cpu)->qc.d[0] = 1;
}

/* --- lane by lane: n, m (an element if the descriptor says so) and the old d --- */

typedef uint64_t LaneFn(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat);

static inline __attribute__((always_inline)) uint64_t each(Cpu *cpu, uint64_t desc, LaneFn *fn)
{
    unsigned size = simd_size(desc), lanes = simd_lanes(desc, size);
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };
    bool sat = false;

    for (unsigned i = 0; i < lanes; i++)
        simd_put(&r, size, i,
                 fn(simd_get(n, size, i), simd_get(m, size, simd_rm_lane(desc, i)),
                    simd_get(d, size, i), 8u << size, &sat));
    *d = r;
    set_qc(cpu, sat);
    return 0;
}
#define EACH(n)                                                                                \
    static uint64_t helper_##n(Cpu *cpu, uint64_t desc)                                        \
    {                                                                                          \
        return each(cpu, desc, lane_##n);                                                      \
    }                                                                                          \
    HELPER(n)

/* v << shift, or v >> -shift with or without rounding, saturated. */
static inline uint64_t sat_shift(__int128 v, int shift, bool round, bool is_signed, unsigned bits,
                                 bool *sat)
{
    if (shift < 0) {
        unsigned n = (unsigned)-shift;
        if (n > 65)
            n = 65; /* nothing is left, and 1 << 64 rounds nothing up */
        v = (v + (round ? (__int128)1 << (n - 1) : 0)) >> n;
    } else if (shift >= (int)bits) {
        v = v ? (v < 0 ? -((__int128)1 << 120) : (__int128)1 << 120) : 0;
    } else {
        v *= (__int128)1 << shift;
    }
    return is_signed ? sat_s(v, bits, sat) : sat_u(v, bits, sat);
}

static inline uint64_t lane_sqshl(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_shift(sx(n, bits), (int8_t)m, false, true, bits, sat);
}
EACH(sqshl)
static inline uint64_t lane_uqshl(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_shift(n, (int8_t)m, false, false, bits, sat);
}
EACH(uqshl)
static inline uint64_t lane_sqrshl(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_shift(sx(n, bits), (int8_t)m, true, true, bits, sat);
}
EACH(sqrshl)
static inline uint64_t lane_uqrshl(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_shift(n, (int8_t)m, true, false, bits, sat);
}
EACH(uqrshl)

static inline uint64_t lane_suqadd(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_s((__int128)n + sx(d, bits), bits, sat);
}
EACH(suqadd)
static inline uint64_t lane_usqadd(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_u((__int128)sx(n, bits) + d, bits, sat);
}
EACH(usqadd)
static inline uint64_t lane_sqneg(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return sat_s(-(__int128)sx(n, bits), bits, sat);
}
EACH(sqneg)
static inline uint64_t lane_sqabs(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    __int128 v = sx(n, bits);

    return sat_s(v < 0 ? -v : v, bits, sat);
}
EACH(sqabs)

static inline uint64_t lane_urecpe(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return n >> 31 ? (uint64_t)simd_recip_estimate((unsigned)(n >> 23)) << 23 : UINT32_MAX;
}
EACH(urecpe)
static inline uint64_t lane_ursqrte(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    return n >> 30 ? (uint64_t)simd_rsqrt_estimate((unsigned)(n >> 23)) << 23 : UINT32_MAX;
}
EACH(ursqrte)

/* --- shifts by imm --- */

typedef uint64_t ShiftFn(uint64_t n, unsigned shift, unsigned bits, bool *sat);

static inline __attribute__((always_inline)) uint64_t each_imm(Cpu *cpu, uint64_t desc, ShiftFn *fn)
{
    unsigned size = simd_size(desc), lanes = simd_lanes(desc, size);
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN);
    ArmVec r = { { 0, 0 } };
    bool sat = false;

    for (unsigned i = 0; i < lanes; i++)
        simd_put(&r, size, i, fn(simd_get(n, size, i), simd_imm(desc), 8u << size, &sat));
    *simd_v(cpu, desc, SIMD_RD) = r;
    set_qc(cpu, sat);
    return 0;
}
#define EACH_IMM(n, v, is_signed)                                                              \
    static inline uint64_t shift_##n(uint64_t x, unsigned shift, unsigned bits, bool *sat)     \
    {                                                                                          \
        return sat_shift(v, (int)shift, false, is_signed, bits, sat);                          \
    }                                                                                          \
    static uint64_t helper_##n(Cpu *cpu, uint64_t desc)                                        \
    {                                                                                          \
        return each_imm(cpu, desc, shift_##n);                                                 \
    }                                                                                          \
    HELPER(n)
EACH_IMM(sqshl_i, sx(x, bits), true)
EACH_IMM(uqshl_i, x, false)
EACH_IMM(sqshlu_i, sx(x, bits), false)

/* --- doubling multiplication --- */

static inline uint64_t lane_sqrdmlah(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    __int128 v = (__int128)sx(d, bits) * ((__int128)1 << bits) +
                 (__int128)2 * sx(n, bits) * sx(m, bits);

    return sat_s((v + ((__int128)1 << (bits - 1))) >> bits, bits, sat);
}
EACH(sqrdmlah)
static inline uint64_t lane_sqrdmlsh(uint64_t n, uint64_t m, uint64_t d, unsigned bits, bool *sat)
{
    __int128 v = (__int128)sx(d, bits) * ((__int128)1 << bits) -
                 (__int128)2 * sx(n, bits) * sx(m, bits);

    return sat_s((v + ((__int128)1 << (bits - 1))) >> bits, bits, sat);
}
EACH(sqrdmlsh)

/* 2nm of twice the size, saturated; added to d or subtracted from it, saturated again. */
static inline uint64_t double_long(Cpu *cpu, uint64_t desc, int sign)
{
    unsigned size = simd_size(desc), bits = 8u << size;
    unsigned lanes = simd_scalar(desc) ? 1 : 8u >> size;
    unsigned from = simd_q(desc) && !simd_scalar(desc) ? lanes : 0;
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };
    bool sat = false;

    for (unsigned i = 0; i < lanes; i++) {
        unsigned at = simd_elem(desc) ? simd_imm(desc) : from + i;
        __int128 v = (__int128)2 * sx(simd_get(n, size, from + i), bits) *
                     sx(simd_get(m, size, at), bits);
        uint64_t p = sat_s(v, 2 * bits, &sat);
        if (sign)
            p = sat_s((__int128)sx(simd_get(d, size + 1, i), 2 * bits) +
                      sign * (__int128)sx(p, 2 * bits), 2 * bits, &sat);
        simd_put(&r, size + 1, i, p);
    }
    *d = r;
    set_qc(cpu, sat);
    return 0;
}
static uint64_t helper_sqdmull(Cpu *cpu, uint64_t desc) { return double_long(cpu, desc, 0); }
static uint64_t helper_sqdmlal(Cpu *cpu, uint64_t desc) { return double_long(cpu, desc, 1); }
static uint64_t helper_sqdmlsl(Cpu *cpu, uint64_t desc) { return double_long(cpu, desc, -1); }
HELPER(sqdmull)
HELPER(sqdmlal)
HELPER(sqdmlsl)

/* --- dot products and matrices of bytes --- */

static inline int64_t byte_of(const ArmVec *v, unsigned i, bool is_signed)
{
    uint8_t b = ((const uint8_t *)v)[i];

    return is_signed ? (int8_t)b : b;
}

static inline uint64_t dot(Cpu *cpu, uint64_t desc, bool n_signed, bool m_signed)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };

    for (unsigned i = 0; i < simd_lanes(desc, 2); i++) {
        int64_t sum = 0;
        for (unsigned k = 0; k < 4; k++)
            sum += byte_of(n, 4 * i + k, n_signed) *
                   byte_of(m, 4 * simd_rm_lane(desc, i) + k, m_signed);
        simd_put(&r, 2, i, simd_get(d, 2, i) + (uint64_t)sum);
    }
    *d = r;
    return 0;
}
static uint64_t helper_sdot(Cpu *cpu, uint64_t desc) { return dot(cpu, desc, true, true); }
static uint64_t helper_udot(Cpu *cpu, uint64_t desc) { return dot(cpu, desc, false, false); }
static uint64_t helper_usdot(Cpu *cpu, uint64_t desc) { return dot(cpu, desc, false, true); }
static uint64_t helper_sudot(Cpu *cpu, uint64_t desc) { return dot(cpu, desc, true, false); }
HELPER(sdot)
HELPER(udot)
HELPER(usdot)
HELPER(sudot)

/* d (2x2 words) += n (2 rows of 8 bytes) * m transposed */
static inline uint64_t matrix(Cpu *cpu, uint64_t desc, bool n_signed, bool m_signed)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r;

    for (unsigned i = 0; i < 4; i++) {
        int64_t sum = 0;
        for (unsigned k = 0; k < 8; k++)
            sum += byte_of(n, 8 * (i >> 1) + k, n_signed) * byte_of(m, 8 * (i & 1) + k, m_signed);
        simd_put(&r, 2, i, simd_get(d, 2, i) + (uint64_t)sum);
    }
    *d = r;
    return 0;
}
static uint64_t helper_smmla(Cpu *cpu, uint64_t desc) { return matrix(cpu, desc, true, true); }
static uint64_t helper_ummla(Cpu *cpu, uint64_t desc) { return matrix(cpu, desc, false, false); }
static uint64_t helper_usmmla(Cpu *cpu, uint64_t desc) { return matrix(cpu, desc, false, true); }
HELPER(smmla)
HELPER(ummla)
HELPER(usmmla)
