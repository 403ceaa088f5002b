/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software floating point: IEEE 754-2019 binary16, binary32, binary64 and bfloat16, computed
 * with integers only, so that a guest's results and flags never depend on the host's FPU.
 *
 * Values travel as raw bits in uint16_t/uint32_t/uint64_t.  Everything the standard leaves to
 * the architecture is selected by FpStatus.  The documents behind the choices:
 *   RISC-V  The RISC-V Instruction Set Manual Vol. I, chapters "F", "D", "Zfh", "Zfa"
 *   Arm     DDI 0487, "Shared pseudocode functions": FPUnpackBase, FPRoundBase, FPProcessNaNs,
 *           FPProcessNaNs3, FPMulAdd, FPConvert, FPMaxNum, FPToFixed, FPToFixedJS
 *   x86     Intel SDM vol. 1, 4.8 and 4.9 (formats, NaNs, exceptions), 10.2.3 (MXCSR), 11.5,
 *           14.4.1 (half precision conversion), 14.5 (FMA)
 *
 * Left out: x87 80-bit and binary128, remainder, decimal, x86 MINxx/MAXxx (they are not
 * symmetric and need no arithmetic), and trapped exceptions: flags are those of the default
 * (masked) handling.
 */
#ifndef SOSIA_UTIL_SOFTFLOAT_H
#define SOSIA_UTIL_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Rounding modes.  The first five have the encoding of the RISC-V frm field, so a legal frm is
 * usable as it is; the caller must have rejected the reserved ones.  FP_RTO (round to odd: set
 * the last bit when inexact) is Arm's FPRounding_ODD.
 */
enum {
    FP_RNE = 0, /* nearest, ties to even */
    FP_RTZ = 1, /* towards zero */
    FP_RDN = 2, /* down, towards -infinity */
    FP_RUP = 3, /* up, towards +infinity */
    FP_RMM = 4, /* nearest, ties away from zero */
    FP_RTO = 5, /* to odd */
};

/* Accrued exceptions.  The first five have the layout of the RISC-V fflags CSR. */
enum {
    FP_FLAG_NX = 1 << 0,
    FP_FLAG_UF = 1 << 1,
    FP_FLAG_OF = 1 << 2,
    FP_FLAG_DZ = 1 << 3,
    FP_FLAG_NV = 1 << 4,
    /*
     * Input denormal.  Under FP_NAN_X86 this is MXCSR.DE: a subnormal operand was used as it
     * is (with DAZ nothing is recorded), unless a NaN operand, an invalid operation or a
     * division by zero comes first (SDM vol. 1, 4.9.2).  Otherwise it is FPSR.IDC: a subnormal
     * operand was replaced by zero; FZ16 flushing of a half records nothing (FPUnpackBase).
     */
    FP_FLAG_ID = 1 << 5,
    FP_FLAGS_RISCV = 0x1f,
};

/* What happens to NaNs. */
enum {
    /* Always the positive canonical NaN: RISC-V ("NaN Generation and Propagation"), Arm DN=1. */
    FP_NAN_DEFAULT = 0,
    /*
     * Arm FPProcessNaNs and FPProcessNaNs3: the first signaling NaN in operand order, else the
     * first quiet one, made quiet.  A multiply-add looks at (addend, op1, op2).  The default
     * NaN is positive.
     */
    FP_NAN_ARM,
    /*
     * SSE, SDM vol. 1 table 4-7: the first operand that is a NaN, whichever its kind, made
     * quiet.  A multiply-add looks at (op1, op2, addend).  The default NaN ("QNaN real
     * indefinite") is negative.
     */
    FP_NAN_X86,
};

typedef struct FpStatus {
    uint8_t rm;         /* FP_RNE... */
    uint8_t flags;      /* FP_FLAG_*; accumulates, only the caller clears it */
    uint8_t nan_policy; /* FP_NAN_* */
    /*
     * Tininess is looked at before rounding by Arm (AH=0), after it by RISC-V and x86.  Either
     * way underflow is flagged only for a result that is inexact as well.
     */
    bool tininess_before_rounding;
    /*
     * Replace a tiny result by zero.  Arm FZ sets UF alone (FPRoundBase), x86 FTZ sets UF and
     * NX (SDM vol. 1, 10.2.3.3); the choice follows tininess_before_rounding, which is also
     * how Arm's AH=1 behaves.  Arm's FZ16 is this flag in the FpStatus used for halves.
     */
    bool flush_outputs;
    /* Read subnormal operands as zero: Arm FZ/FIZ (see FP_FLAG_ID), x86 DAZ. */
    bool flush_inputs;
    /*
     * Arm alternative half precision (FPCR.AHP): conversions from and to f16 know neither
     * infinity nor NaN.  Arithmetic ignores it, as FPUnpack does.
     */
    bool f16_ahp;
} FpStatus;

static inline FpStatus fp_status_riscv(uint8_t rm)
{
    return (FpStatus){ .rm = rm, .nan_policy = FP_NAN_DEFAULT };
}

static inline FpStatus fp_status_arm(uint8_t rm)
{
    return (FpStatus){ .rm = rm, .nan_policy = FP_NAN_ARM, .tininess_before_rounding = true };
}

static inline FpStatus fp_status_x86(uint8_t rm)
{
    return (FpStatus){ .rm = rm, .nan_policy = FP_NAN_X86 };
}

typedef enum FpRelation {
    FP_LESS = -1,
    FP_EQUAL = 0,
    FP_GREATER = 1,
    FP_UNORDERED = 2,
} FpRelation;

/*
 * Result of a conversion to an integer that cannot hold the value, which raises NV and no NX:
 *   RISC-V  nearest end of the range; NaN gives the largest integer ("Domains of
 *           float-to-integer conversions")
 *   Arm     nearest end of the range; NaN gives 0 (FPToFixed)
 *   x86     the integer indefinite: only the top bit set (SDM vol. 1, 4.8.3.7 and 11.5.2.1),
 *           for unsigned types all ones (AVX-512 VCVTxx2USI)
 */
typedef enum FpIntPolicy {
    FP_INT_RISCV,
    FP_INT_ARM,
    FP_INT_X86,
} FpIntPolicy;

/* Bits of the RISC-V FCLASS result. */
enum {
    FP_CLASS_NEG_INF = 1 << 0,
    FP_CLASS_NEG_NORMAL = 1 << 1,
    FP_CLASS_NEG_SUBNORMAL = 1 << 2,
    FP_CLASS_NEG_ZERO = 1 << 3,
    FP_CLASS_POS_ZERO = 1 << 4,
    FP_CLASS_POS_SUBNORMAL = 1 << 5,
    FP_CLASS_POS_NORMAL = 1 << 6,
    FP_CLASS_POS_INF = 1 << 7,
    FP_CLASS_SNAN = 1 << 8,
    FP_CLASS_QNAN = 1 << 9,
};

/* For muladd.  RISC-V FNMADD and x86 VFNMSUB are both together. */
enum {
    FP_MULADD_NEG_PRODUCT = 1 << 0,
    FP_MULADD_NEG_ADDEND = 1 << 1,
};

/*
 * Operations each format F (f16, bf16, f32, f64) of raw type T has:
 *
 * muladd      a * b + c, rounded once.  Under FP_NAN_ARM a negation is applied to the operand
 *             (a or c) before NaNs are looked at, so it shows in a propagated NaN; under
 *             FP_NAN_X86 NaNs keep their sign.  infinity * 0 + quiet NaN raises NV and gives
 *             the default NaN on RISC-V and Arm, but is a plain NaN propagation on x86.
 * muladd_scalbn   (a * b + c) * 2^scale rounded once, for Arm FRSQRTS
 * minimum, maximum     any NaN wins; -0 < +0.  RISC-V FMINM/FMAXM, Arm FMIN/FMAX.
 * minimum_number, maximum_number   a number wins over any NaN; a signaling NaN still raises
 *             NV.  RISC-V FMIN/FMAX.
 * minnum, maxnum       a number wins over a quiet NaN, not over a signaling one (IEEE
 *             754-2008).  Arm FMINNM/FMAXNM.
 * compare     quiet: NV for a signaling NaN only; signaling: for any NaN
 * round_to_int    integral value in the same format; NX is raised only if exact is set.  The
 *             rounding mode is the argument, not the one of the status.
 * scalbn      a * 2^n
 * to_X        to an integer with rounding mode rm
 * to_X_scaled     a * 2^scale to an integer, for Arm's fixed point (scale = fbits)
 * default_nan     the NaN an invalid operation makes
 * classify    FP_CLASS_*, one bit.  Neither this nor is_nan and is_snan look at flushing.
 */
#define FP_DECLARE_FORMAT(F, T)                                                               \
    T fp_##F##_add(T a, T b, FpStatus *st);                                                   \
    T fp_##F##_sub(T a, T b, FpStatus *st);                                                   \
    T fp_##F##_mul(T a, T b, FpStatus *st);                                                   \
    T fp_##F##_div(T a, T b, FpStatus *st);                                                   \
    T fp_##F##_sqrt(T a, FpStatus *st);                                                       \
    T fp_##F##_muladd(T a, T b, T c, unsigned negate, FpStatus *st);                          \
    T fp_##F##_muladd_scalbn(T a, T b, T c, int scale, unsigned negate, FpStatus *st);        \
    T fp_##F##_minimum(T a, T b, FpStatus *st);                                               \
    T fp_##F##_maximum(T a, T b, FpStatus *st);                                               \
    T fp_##F##_minimum_number(T a, T b, FpStatus *st);                                        \
    T fp_##F##_maximum_number(T a, T b, FpStatus *st);                                        \
    T fp_##F##_minnum(T a, T b, FpStatus *st);                                                \
    T fp_##F##_maxnum(T a, T b, FpStatus *st);                                                \
    FpRelation fp_##F##_compare_quiet(T a, T b, FpStatus *st);                                \
    FpRelation fp_##F##_compare_signaling(T a, T b, FpStatus *st);                            \
    bool fp_##F##_eq_quiet(T a, T b, FpStatus *st);                                           \
    bool fp_##F##_lt_quiet(T a, T b, FpStatus *st);                                           \
    bool fp_##F##_le_quiet(T a, T b, FpStatus *st);                                           \
    bool fp_##F##_eq_signaling(T a, T b, FpStatus *st);                                       \
    bool fp_##F##_lt_signaling(T a, T b, FpStatus *st);                                       \
    bool fp_##F##_le_signaling(T a, T b, FpStatus *st);                                       \
    T fp_##F##_round_to_int(T a, uint8_t rm, bool exact, FpStatus *st);                       \
    T fp_##F##_scalbn(T a, int n, FpStatus *st);                                              \
    int16_t fp_##F##_to_i16(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st);               \
    uint16_t fp_##F##_to_u16(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st);              \
    int32_t fp_##F##_to_i32(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st);               \
    uint32_t fp_##F##_to_u32(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st);              \
    int64_t fp_##F##_to_i64(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st);               \
    uint64_t fp_##F##_to_u64(T a, uint8_t rm, FpIntPolicy policy, FpStatus *st);              \
    int16_t fp_##F##_to_i16_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,            \
                                   FpStatus *st);                                             \
    uint16_t fp_##F##_to_u16_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,           \
                                    FpStatus *st);                                            \
    int32_t fp_##F##_to_i32_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,            \
                                   FpStatus *st);                                             \
    uint32_t fp_##F##_to_u32_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,           \
                                    FpStatus *st);                                            \
    int64_t fp_##F##_to_i64_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,            \
                                   FpStatus *st);                                             \
    uint64_t fp_##F##_to_u64_scaled(T a, int scale, uint8_t rm, FpIntPolicy policy,           \
                                    FpStatus *st);                                            \
    T fp_i32_to_##F(int32_t v, FpStatus *st);                                                 \
    T fp_u32_to_##F(uint32_t v, FpStatus *st);                                                \
    T fp_i64_to_##F(int64_t v, FpStatus *st);                                                 \
    T fp_u64_to_##F(uint64_t v, FpStatus *st);                                                \
    /* v * 2^scale, rounded once; Arm's fixed point has scale = -fbits. */                    \
    T fp_i64_to_##F##_scaled(int64_t v, int scale, FpStatus *st);                             \
    T fp_u64_to_##F##_scaled(uint64_t v, int scale, FpStatus *st);                            \
    T fp_##F##_default_nan(const FpStatus *st);                                               \
    bool fp_##F##_is_nan(T a);                                                                \
    bool fp_##F##_is_snan(T a);                                                               \
    unsigned fp_##F##_classify(T a);

FP_DECLARE_FORMAT(f16, uint16_t)
FP_DECLARE_FORMAT(bf16, uint16_t)
FP_DECLARE_FORMAT(f32, uint32_t)
FP_DECLARE_FORMAT(f64, uint64_t)
#undef FP_DECLARE_FORMAT

/*
 * Between formats.  A propagated NaN keeps the top bits of its payload.  The f16 side is never
 * flushed, neither as operand nor as result, and raises no ID as an operand: Arm FPUnpackCV and
 * FPRoundCV, x86 VCVTPH2PS and VCVTPS2PH agree on that.
 *
 * With f16_ahp (FPConvert): a NaN becomes a zero of its sign with NV, infinity and overflow
 * become the largest number with NV alone, and no f16 operand is special.
 */
uint16_t fp_f32_to_f16(uint32_t a, FpStatus *st);
uint16_t fp_f64_to_f16(uint64_t a, FpStatus *st);
uint16_t fp_bf16_to_f16(uint16_t a, FpStatus *st);
uint16_t fp_f16_to_bf16(uint16_t a, FpStatus *st);
uint16_t fp_f32_to_bf16(uint32_t a, FpStatus *st);
uint16_t fp_f64_to_bf16(uint64_t a, FpStatus *st);
uint32_t fp_f16_to_f32(uint16_t a, FpStatus *st);
uint32_t fp_bf16_to_f32(uint16_t a, FpStatus *st);
uint32_t fp_f64_to_f32(uint64_t a, FpStatus *st);
uint64_t fp_f16_to_f64(uint16_t a, FpStatus *st);
uint64_t fp_bf16_to_f64(uint16_t a, FpStatus *st);
uint64_t fp_f32_to_f64(uint32_t a, FpStatus *st);

/*
 * RISC-V Zfa FCVTMOD.W.D and Arm FJCVTZS: towards zero, then modulo 2^32; infinity and NaN
 * give 0.  NV is raised when the integer is outside int32_t, else NX when it is inexact.
 * FJCVTZS's Z flag is "nothing raised and the operand is not -0 (nor a flushed subnormal)".
 */
int32_t fp_f64_to_i32_modular(uint64_t a, FpStatus *st);

#endif
