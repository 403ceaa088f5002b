/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating point between formats (DDI 0487 J1.3): conversions with halves and bfloat16, halves and
 * integers, FJCVTZS, widening multiply-add, BFloat16 dot products, complex arithmetic.
 */
#include "target/arm/simd.h"

#include "accel/fp.h"

enum { VECTORS_FP = IR_READS | IR_WRITES | IR_FP };
#define HELPER(n)                                                                              \
    const IrHelper arm_helper_##n = { #n, (void *)helper_##n, 1, false, VECTORS_FP };

static void put_scalar(Cpu *cpu, uint64_t desc, uint64_t v)
{
    *simd_v(cpu, desc, SIMD_RD) = (ArmVec){ { v, 0 } };
}

/* --- conversions between formats --- */

/* From type SIMD_SIZE to type imm: 0 single, 1 double, 3 half. */
static uint64_t helper_fcvt(Cpu *cpu, uint64_t desc)
{
    uint64_t v = simd_v(cpu, desc, SIMD_RN)->d[0], r;
    unsigned from = simd_size(desc), to = simd_imm(desc);
    FpStatus st = simd_fp_begin(cpu, 0);

    if (from == 3)
        r = to ? fp_f16_to_f64((uint16_t)v, &st) : fp_f16_to_f32((uint16_t)v, &st);
    else
        r = from ? fp_f64_to_f16(v, &st) : fp_f32_to_f16((uint32_t)v, &st);
    put_scalar(cpu, desc, r);
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fcvt)

/* Four lanes of half the size in the half of d that Q says. */
static void put_half(Cpu *cpu, uint64_t desc, uint64_t v)
{
    ArmVec *d = simd_v(cpu, desc, SIMD_RD);

    if (simd_q(desc))
        d->d[1] = v;
    else
        *d = (ArmVec){ { v, 0 } };
}

static uint64_t helper_fcvtn(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN);
    FpStatus st = simd_fp_begin(cpu, 0);
    ArmVec r = { { 0, 0 } };

    for (unsigned i = 0; i < 4; i++)
        simd_put(&r, 1, i, fp_f32_to_f16((uint32_t)simd_get(n, 2, i), &st));
    put_half(cpu, desc, r.d[0]);
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fcvtn)

static uint64_t helper_fcvtl(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN);
    FpStatus st = simd_fp_begin(cpu, 0);
    ArmVec r;

    for (unsigned i = 0; i < 4; i++)
        simd_put(&r, 2, i,
                 fp_f16_to_f32((uint16_t)simd_get(n, 1, i + (simd_q(desc) ? 4 : 0)), &st));
    *simd_v(cpu, desc, SIMD_RD) = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fcvtl)

/* Double to single, rounded to odd. */
static uint64_t helper_fcvtxn(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN);
    FpStatus st = simd_fp_begin(cpu, 0);
    uint64_t r;

    st.rm = FP_RTO;
    r = fp_f64_to_f32(n->d[0], &st);
    if (simd_scalar(desc)) {
        put_scalar(cpu, desc, r);
    } else {
        r |= (uint64_t)fp_f64_to_f32(n->d[1], &st) << 32;
        put_half(cpu, desc, r);
    }
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fcvtxn)

static uint64_t helper_bfcvt(Cpu *cpu, uint64_t v)
{
    FpStatus st = simd_fp_begin(cpu, 0);
    uint16_t r = fp_f32_to_bf16((uint32_t)v, &st);

    simd_fp_end(cpu, &st);
    return r;
}
const IrHelper arm_helper_bfcvt = { "bfcvt", (void *)helper_bfcvt, 1, true, IR_FP };

static uint64_t helper_bfcvtn(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN);
    FpStatus st = simd_fp_begin(cpu, 0);
    ArmVec r = { { 0, 0 } };

    for (unsigned i = 0; i < 4; i++)
        simd_put(&r, 1, i, fp_f32_to_bf16((uint32_t)simd_get(n, 2, i), &st));
    put_half(cpu, desc, r.d[0]);
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(bfcvtn)

/* --- halves and integers --- */

static uint64_t helper_f16_to_int(Cpu *cpu, uint64_t v, uint64_t kind, uint64_t rm)
{
    FpStatus st = simd_fp_begin(cpu, 1);
    int fbits = (int)(kind >> 16);
    uint16_t h = (uint16_t)v;
    uint64_t r;

    if (kind >> 8 & 1)
        r = kind & 64 ? fp_f16_to_u64_scaled(h, fbits, (uint8_t)rm, FP_INT_ARM, &st) :
            fp_f16_to_u32_scaled(h, fbits, (uint8_t)rm, FP_INT_ARM, &st);
    else
        r = kind & 64 ? (uint64_t)fp_f16_to_i64_scaled(h, fbits, (uint8_t)rm, FP_INT_ARM, &st) :
            (uint32_t)fp_f16_to_i32_scaled(h, fbits, (uint8_t)rm, FP_INT_ARM, &st);
    simd_fp_end(cpu, &st);
    return r;
}
const IrHelper arm_helper_f16_to_int = { "f16_to_int", (void *)helper_f16_to_int, 3, true, IR_FP };

static uint64_t helper_int_to_f16(Cpu *cpu, uint64_t v, uint64_t kind)
{
    FpStatus st = simd_fp_begin(cpu, 1);
    int fbits = (int)(kind >> 16);
    uint64_t r;

    if (kind >> 8 & 1)
        r = fp_u64_to_f16_scaled(kind & 64 ? v : (uint32_t)v, -fbits, &st);
    else
        r = fp_i64_to_f16_scaled(kind & 64 ? (int64_t)v : (int32_t)v, -fbits, &st);
    simd_fp_end(cpu, &st);
    return r;
}
const IrHelper arm_helper_int_to_f16 = { "int_to_f16", (void *)helper_int_to_f16, 2, true, IR_FP };

static uint64_t helper_f16_compare(Cpu *cpu, uint64_t a, uint64_t b, uint64_t signaling)
{
    FpStatus st = simd_fp_begin(cpu, 1);
    FpRelation r = signaling ? fp_f16_compare_signaling((uint16_t)a, (uint16_t)b, &st) :
                   fp_f16_compare_quiet((uint16_t)a, (uint16_t)b, &st);

    simd_fp_end(cpu, &st);
    return r == FP_LESS ? 8U << 28 : r == FP_EQUAL ? 6U << 28 : r == FP_GREATER ? 2U << 28 :
           3U << 28;
}
const IrHelper arm_helper_f16_compare = {
    "f16_compare", (void *)helper_f16_compare, 3, true, IR_FP,
};

/* FPToFixedJS; Z goes to bit 62. */
static uint64_t helper_fjcvtzs(Cpu *cpu, uint64_t v)
{
    FpStatus st = simd_fp_begin(cpu, 0);
    uint32_t r = (uint32_t)fp_f64_to_i32_modular(v, &st);
    bool z = !st.flags && v != 1ULL << 63;

    simd_fp_end(cpu, &st);
    return r | (uint64_t)z << 62;
}
const IrHelper arm_helper_fjcvtzs = { "fjcvtzs", (void *)helper_fjcvtzs, 1, true, IR_FP };

/* --- widening multiply-add --- */

/* A half as a single, exactly; a signaling NaN stays one. FPMulAddH flushes by FZ16. */
static uint32_t half_bits(uint16_t h, bool fz16)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, f = h & 0x3ff;

    if (exp == 31)
        return sign | 0x7f800000 | f << 13;
    if (exp)
        return sign | (exp + 112) << 23 | f << 13;
    if (!f || fz16)
        return sign;
    for (exp = 113; !(f & 0x400); exp--)
        f <<= 1;
    return sign | exp << 23 | (f & 0x3ff) << 13;
}

/* SIMD_OP: of the upper halves. SIMD_HOW: the product is negated. */
static uint64_t helper_fmlal(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };
    FpStatus st = simd_fp_begin(cpu, 2);
    unsigned lanes = simd_q(desc) ? 4 : 2, from = simd_op(desc) ? lanes : 0;
    bool fz16 = arm_cpu(cpu)->fpcr & FPCR_FZ16;

    for (unsigned i = 0; i < lanes; i++) {
        uint32_t x = half_bits((uint16_t)simd_get(n, 1, from + i), fz16);
        uint32_t y = half_bits((uint16_t)simd_get(m, 1, simd_rm_lane(desc, from + i)), fz16);
        simd_put(&r, 2, i, fp_f32_muladd(x, y, (uint32_t)simd_get(d, 2, i),
                                         simd_how(desc) ? FP_MULADD_NEG_PRODUCT : 0, &st));
    }
    *d = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fmlal)

/* BFMLALB (even elements) and BFMLALT (odd ones: Q) */
static uint64_t helper_bfmlal(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r;
    FpStatus st = simd_fp_begin(cpu, 2);

    for (unsigned i = 0; i < 4; i++) {
        unsigned at = 2 * i + simd_q(desc);
        simd_put(&r, 2, i, fp_f32_muladd((uint32_t)simd_get(n, 1, at) << 16,
                                         (uint32_t)simd_get(m, 1, simd_rm_lane(desc, at)) << 16,
                                         (uint32_t)simd_get(d, 2, i), 0, &st));
    }
    *d = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(bfmlal)

/*
 * BFDotAdd: FPCR has no say. Subnormals count as zero, results are rounded to odd, too large ones
 * are infinite, NaNs are the default one, nothing is recorded.
 */
static const FpStatus bf_status = {
    .rm = FP_RTO, .nan_policy = FP_NAN_DEFAULT, .tininess_before_rounding = true,
    .flush_outputs = true, .flush_inputs = true,
};

static uint32_t bf_round(uint32_t v, const FpStatus *st)
{
    return st->flags & FP_FLAG_OF ? (v & 0x80000000) | 0x7f800000 : v;
}
static uint32_t bf_add(uint32_t a, uint32_t b)
{
    FpStatus st = bf_status;
    uint32_t r = fp_f32_add(a, b, &st);

    return bf_round(r, &st);
}
static uint32_t bf_mul(uint32_t a, uint32_t b)
{
    FpStatus st = bf_status;
    uint32_t r = fp_f32_mul(a, b, &st);

    return bf_round(r, &st);
}
/* sum + a0 * b0 + a1 * b1 of pairs of bfloat16 */
static uint32_t bf_dot(uint32_t sum, uint32_t a, uint32_t b)
{
    uint32_t low = bf_mul(a << 16, b << 16), high = bf_mul(a & 0xffff0000, b & 0xffff0000);

    return bf_add(sum, bf_add(low, high));
}

static uint64_t helper_bfdot(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };

    for (unsigned i = 0; i < simd_lanes(desc, 2); i++)
        simd_put(&r, 2, i, bf_dot((uint32_t)simd_get(d, 2, i), (uint32_t)simd_get(n, 2, i),
                                  (uint32_t)simd_get(m, 2, simd_rm_lane(desc, i))));
    *d = r;
    return 0;
}
HELPER(bfdot)

/* d (2x2 singles) += n (2x4) * m transposed */
static uint64_t helper_bfmmla(Cpu *cpu, uint64_t desc)
{
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t sum = (uint32_t)simd_get(d, 2, i);
        for (unsigned k = 0; k < 2; k++)
            sum = bf_dot(sum, (uint32_t)simd_get(n, 2, (i & 2) + k),
                         (uint32_t)simd_get(m, 2, 2 * (i & 1) + k));
        simd_put(&r, 2, i, sum);
    }
    *d = r;
    return 0;
}
HELPER(bfmmla)

/* --- complex numbers: pairs of real and imaginary part --- */

static uint64_t muladd(unsigned size, uint64_t a, uint64_t b, uint64_t c, FpStatus *st)
{
    return size == 1 ? fp_f16_muladd((uint16_t)a, (uint16_t)b, (uint16_t)c, 0, st) :
           size == 2 ? fp_f32_muladd((uint32_t)a, (uint32_t)b, (uint32_t)c, 0, st) :
           fp_f64_muladd(a, b, c, 0, st);
}
static uint64_t add(unsigned size, uint64_t a, uint64_t b, FpStatus *st)
{
    return size == 1 ? fp_f16_add((uint16_t)a, (uint16_t)b, st) :
           size == 2 ? fp_f32_add((uint32_t)a, (uint32_t)b, st) : fp_f64_add(a, b, st);
}

/* Rotation by 0, 90, 180, 270 degrees. */
static uint64_t helper_fcmla(Cpu *cpu, uint64_t desc)
{
    unsigned size = simd_size(desc), rot = simd_field(desc, SIMD_RA, 2);
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    ArmVec *d = simd_v(cpu, desc, SIMD_RD), r = { { 0, 0 } };
    FpStatus st = simd_fp_begin(cpu, size);
    uint64_t sign = 1ULL << ((8u << size) - 1);

    for (unsigned i = 0; i < simd_lanes(desc, size); i += 2) {
        unsigned at = simd_elem(desc) ? 2 * simd_imm(desc) : i;
        uint64_t x = simd_get(n, size, i + (rot & 1));
        uint64_t y = simd_get(m, size, at + (rot & 1)) ^ (rot == 1 || rot == 2 ? sign : 0);
        uint64_t z = simd_get(m, size, at + !(rot & 1)) ^ (rot >= 2 ? sign : 0);
        simd_put(&r, size, i, muladd(size, x, y, simd_get(d, size, i), &st));
        simd_put(&r, size, i + 1, muladd(size, x, z, simd_get(d, size, i + 1), &st));
    }
    *d = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fcmla)

/* n + m turned by 90 (0) or 270 (1) degrees */
static uint64_t helper_fcadd(Cpu *cpu, uint64_t desc)
{
    unsigned size = simd_size(desc);
    const ArmVec *n = simd_v(cpu, desc, SIMD_RN), *m = simd_v(cpu, desc, SIMD_RM);
    bool turn270 = simd_field(desc, SIMD_RA, 1);
    FpStatus st = simd_fp_begin(cpu, size);
    uint64_t sign = 1ULL << ((8u << size) - 1);
    ArmVec r = { { 0, 0 } };

    for (unsigned i = 0; i < simd_lanes(desc, size); i += 2) {
        uint64_t im = simd_get(m, size, i + 1) ^ (turn270 ? 0 : sign);
        uint64_t re = simd_get(m, size, i) ^ (turn270 ? sign : 0);
        simd_put(&r, size, i, add(size, simd_get(n, size, i), im, &st));
        simd_put(&r, size, i + 1, add(size, simd_get(n, size, i + 1), re, &st));
    }
    *simd_v(cpu, desc, SIMD_RD) = r;
    simd_fp_end(cpu, &st);
    return 0;
}
HELPER(fcadd)
