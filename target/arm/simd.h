/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of FP and AdvSIMD (trans_fp.c, trans_simd*.c, helpers_fp.c, helpers_simd*.c,
 * helpers_crypto.c) share.
 *
 * What the IR has no operation for is done by a C function on the registers themselves. It gets
 * one constant, a descriptor of the instruction's operands (SIMD_* below).
 */
#ifndef TARGET_ARM_SIMD_H
#define TARGET_ARM_SIMD_H

#include "target/arm/arm_simd_decode.h"
#include "target/arm/trans.h"

typedef ArmSimdArgsV SimdArgs;

/* --- descriptors: register numbers and so on, by bit position --- */
enum {
    SIMD_RD = 0, SIMD_RN = 5, SIMD_RM = 10, SIMD_RA = 15, /* 5 bits each */
    SIMD_SIZE = 20,   /* 2 bits: log2 of an element's bytes */
    SIMD_Q = 22, SIMD_SCALAR = 23,
    SIMD_ELEM = 24,   /* the third operand is one element, imm, for all lanes */
    SIMD_IMM = 25,    /* 7 bits */
    SIMD_OP = 32,     /* 8 bits: which operation of a family */
    SIMD_HOW = 40,    /* 8 bits: rounding and the like */
};
static inline uint64_t simd_desc(const SimdArgs *a)
{
    return (uint64_t)a->rd << SIMD_RD | (uint64_t)a->rn << SIMD_RN | (uint64_t)a->rm << SIMD_RM |
           (uint64_t)a->ra << SIMD_RA | (uint64_t)(a->size & 3) << SIMD_SIZE |
           (uint64_t)a->q << SIMD_Q | (uint64_t)a->scalar << SIMD_SCALAR |
           (uint64_t)(a->imm & 127) << SIMD_IMM;
}
static inline unsigned simd_field(uint64_t desc, unsigned at, unsigned bits)
{
    return (unsigned)(desc >> at) & ((1u << bits) - 1);
}
static inline unsigned simd_size(uint64_t desc) { return simd_field(desc, SIMD_SIZE, 2); }
static inline unsigned simd_imm(uint64_t desc) { return simd_field(desc, SIMD_IMM, 7); }
static inline unsigned simd_op(uint64_t desc) { return simd_field(desc, SIMD_OP, 8); }
static inline unsigned simd_how(uint64_t desc) { return simd_field(desc, SIMD_HOW, 8); }
static inline bool simd_q(uint64_t desc) { return desc >> SIMD_Q & 1; }
static inline bool simd_scalar(uint64_t desc) { return desc >> SIMD_SCALAR & 1; }
static inline bool simd_elem(uint64_t desc) { return desc >> SIMD_ELEM & 1; }
static inline unsigned simd_lanes(uint64_t desc, unsigned size)
{
    return simd_scalar(desc) ? 1 : (simd_q(desc) ? 16u : 8u) >> size;
}
static inline ArmVec *simd_v(Cpu *cpu, uint64_t desc, unsigned at)
{
    return &arm_cpu(cpu)->v[simd_field(desc, at, 5)];
}

/* FPCR (DDI 0487 C5.2.8) */
enum {
    FPCR_FZ16 = 1 << 19, FPCR_RMODE_SHIFT = 22, FPCR_RMODE = 3 << 22, FPCR_FZ = 1 << 24,
    FPCR_DN = 1 << 25, FPCR_AHP = 1 << 26,
};
/* Cpu.fp for an operation on elements of this size, with no flags; and its flags back to Cpu.fp */
FpStatus simd_fp_begin(Cpu *cpu, unsigned size);
void simd_fp_end(Cpu *cpu, const FpStatus *st);

/* --- lanes --- */
static inline uint64_t simd_get(const ArmVec *v, unsigned size, unsigned i)
{
    switch (size) {
    case 0: return ((const uint8_t *)v)[i];
    case 1: return ((const uint16_t *)v)[i];
    case 2: return ((const uint32_t *)v)[i];
    default: return v->d[i];
    }
}
static inline void simd_put(ArmVec *v, unsigned size, unsigned i, uint64_t x)
{
    switch (size) {
    case 0: ((uint8_t *)v)[i] = (uint8_t)x; break;
    case 1: ((uint16_t *)v)[i] = (uint16_t)x; break;
    case 2: ((uint32_t *)v)[i] = (uint32_t)x; break;
    default: v->d[i] = x; break;
    }
}
/* The lane of the third operand that goes with lane i. */
static inline unsigned simd_rm_lane(uint64_t desc, unsigned i)
{
    return simd_elem(desc) ? simd_imm(desc) : i;
}

/* --- helpers: (descriptor); the FP families have an operation in SIMD_OP --- */
#define SIMD_INT_HELPERS(X)                                                                    \
    X(sqshl) X(uqshl) X(sqrshl) X(uqrshl) X(suqadd) X(usqadd) X(sqabs) X(sqneg) X(sqshlu_i)    \
    X(sqshl_i) X(uqshl_i) X(sqrdmlah) X(sqrdmlsh) X(urecpe) X(ursqrte) X(sqdmull) X(sqdmlal)   \
    X(sqdmlsl) X(sdot) X(udot) X(usdot) X(sudot) X(smmla) X(ummla) X(usmmla)
#define SIMD_CRYPTO_HELPERS(X)                                                                 \
    X(aese) X(aesd) X(aesmc) X(aesimc) X(sha1c) X(sha1p) X(sha1m) X(sha1su0) X(sha1h)          \
    X(sha1su1) X(sha256h) X(sha256h2) X(sha256su0) X(sha256su1) X(sha512h) X(sha512h2)         \
    X(sha512su0) X(sha512su1) X(rax1) X(xar) X(sm3partw1) X(sm3partw2) X(sm3ss1) X(sm3tt1a)    \
    X(sm3tt1b) X(sm3tt2a) X(sm3tt2b) X(sm4e) X(sm4ekey)
#define SIMD_FP_HELPERS(X)                                                                     \
    X(fp1) X(fp2) X(fp2p) X(fpv) X(fmadd) X(fmla) X(fcvt) X(fcvtn) X(fcvtl) X(fcvtxn) X(fcmla) \
    X(fcadd) X(fmlal) X(bfdot) X(bfmmla) X(bfmlal) X(bfcvtn)
#define X(n) extern const IrHelper arm_helper_##n;
SIMD_INT_HELPERS(X)
SIMD_CRYPTO_HELPERS(X)
SIMD_FP_HELPERS(X)
#undef X
/* fp1: one operand. HOW is the rounding mode with IR_CVT_NO_NX, imm the number of fraction bits */
enum {
    SIMD_FABS, SIMD_FNEG, SIMD_FSQRT, SIMD_FRINT, SIMD_FRINT32, SIMD_FRINT64, SIMD_FRECPE,
    SIMD_FRSQRTE, SIMD_FRECPX, SIMD_FCVT_S, SIMD_FCVT_U, SIMD_SCVTF, SIMD_UCVTF, SIMD_FCMGT0,
    SIMD_FCMGE0, SIMD_FCMEQ0, SIMD_FCMLE0, SIMD_FCMLT0, SIMD_N_FP1
};
/* fp2, and fp2p and fpv, which apply it to neighbours and to all lanes */
enum {
    SIMD_FADD, SIMD_FSUB, SIMD_FMUL, SIMD_FDIV, SIMD_FMAX, SIMD_FMIN, SIMD_FMAXNM, SIMD_FMINNM,
    SIMD_FNMUL, SIMD_FMULX, SIMD_FRECPS, SIMD_FRSQRTS, SIMD_FABD, SIMD_FCMEQ, SIMD_FCMGE,
    SIMD_FCMGT, SIMD_FACGE, SIMD_FACGT, SIMD_N_FP2
};
enum { SIMD_DYN_RM = IR_RM_DYN };
/* Half precision and integers. (value, integer bits | unsigned << 8 | fraction bits << 16, rm) */
extern const IrHelper arm_helper_f16_to_int, arm_helper_int_to_f16;
extern const IrHelper arm_helper_f16_compare; /* (a, b, signaling): N Z C V in bits 31..28 */
extern const IrHelper arm_helper_fjcvtzs;     /* (value): result, bit 62: Z */
extern const IrHelper arm_helper_bfcvt;       /* (value) */
extern const IrHelper arm_helper_fp_access;   /* (level): does not return */

/* Mode `rm` as an attribute: the dynamic one where it is the same, since that is free. */
static inline unsigned simd_rounding(const TransCtx *t, unsigned rm)
{
    return rm == (t->mode & MODE_RM) >> MODE_RM_SHIFT ? (unsigned)IR_RM_DYN : rm;
}
/* FRINT*, of scalars and of vectors: name, attributes (only X signals Inexact). */
#define SIMD_ROUNDINGS(ROUND)                                                                  \
    ROUND(frintn, simd_rounding(t, FP_RNE) | IR_CVT_NO_NX)                                     \
    ROUND(frintp, simd_rounding(t, FP_RUP) | IR_CVT_NO_NX)                                     \
    ROUND(frintm, simd_rounding(t, FP_RDN) | IR_CVT_NO_NX)                                     \
    ROUND(frintz, simd_rounding(t, FP_RTZ) | IR_CVT_NO_NX)                                     \
    ROUND(frinta, FP_RMM | IR_CVT_NO_NX)                                                       \
    ROUND(frintx, IR_RM_DYN)                                                                   \
    ROUND(frinti, IR_RM_DYN | IR_CVT_NO_NX)

/* RecipEstimate and RecipSqrtEstimate: of 9 bits, to 9 bits. */
static inline unsigned simd_recip_estimate(unsigned a)
{
    return ((1u << 19) / (2 * a + 1) + 1) / 2;
}
static inline unsigned simd_rsqrt_estimate(unsigned a)
{
    unsigned b = 512;

    a = a < 256 ? 2 * a + 1 : 2 * (a | 1);
    while ((uint64_t)a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

/* --- emitting, trans_simd.c --- */
void simd_call(TransCtx *t, const IrHelper *h, const SimdArgs *a, uint64_t more);
static inline uint64_t simd_more(unsigned op, unsigned how)
{
    return (uint64_t)op << SIMD_OP | (uint64_t)how << SIMD_HOW;
}
static inline IrRef simd_temp(TransCtx *t)
{
    return ir_temp(t->f, IR_V128);
}
static inline void simd_op2(TransCtx *t, IrOp op, unsigned aux, IrRef dst, IrRef a, IrRef b)
{
    ir_vec(t->f, op, IR_V128, aux, dst, a, b, IR_NONE, 0);
}
static inline void simd_op1(TransCtx *t, IrOp op, unsigned aux, IrRef dst, IrRef a, int64_t imm)
{
    ir_vec(t->f, op, IR_V128, aux, dst, a, IR_NONE, IR_NONE, imm);
}
static inline IrRef simd_new2(TransCtx *t, IrOp op, unsigned aux, IrRef a, IrRef b)
{
    IrRef v = simd_temp(t);
    simd_op2(t, op, aux, v, a, b);
    return v;
}
static inline IrRef simd_new1(TransCtx *t, IrOp op, unsigned aux, IrRef a, int64_t imm)
{
    IrRef v = simd_temp(t);
    simd_op1(t, op, aux, v, a, imm);
    return v;
}
/* aux of an operation on 64 or 128 bits as q says */
static inline unsigned simd_aux(const SimdArgs *a)
{
    return (unsigned)a->size | (a->q ? 0 : (unsigned)IR_V_LOW64);
}
static inline unsigned simd_low(const SimdArgs *a)
{
    return a->q ? 0 : (unsigned)IR_V_LOW64;
}
IrRef simd_const(TransCtx *t, uint64_t low, uint64_t high);
/* The same bits in all lanes. */
IrRef simd_const_lanes(TransCtx *t, unsigned size, uint64_t v);
/* A register as an operand: the low element alone if the instruction is a scalar one. */
IrRef simd_in(TransCtx *t, const SimdArgs *a, int reg);
/* The third operand of "by element" forms: one lane of it in all lanes. */
IrRef simd_in_elem(TransCtx *t, const SimdArgs *a);
/* QC is set if these differ. */
void simd_qc_differ(TransCtx *t, IrRef x, IrRef y);
/* V[rd] with its upper half replaced by the low half of v. */
void simd_put_upper(TransCtx *t, int rd, IrRef v);

#endif
