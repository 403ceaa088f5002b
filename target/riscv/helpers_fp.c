/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V floating point in software (unpriv "F", "D", "Zfhmin", "Zfa"), for engines that have no
 * better way, and for the cases where the host's FPU does not agree with the manual.
 *
 * Arguments are in target/riscv/cpu.h. Operands narrower than a register that are not NaN-boxed
 * count as the canonical NaN. Flags gather in Cpu.fp.
 */
#include "target/riscv/cpu.h"

enum { PURE_FP = IR_FP };

#define CANONICAL_S 0x7fc00000u
#define CANONICAL_H 0x7e00u

static inline uint32_t in_s(uint64_t v)
{
    return v >> 32 == UINT32_MAX ? (uint32_t)v : CANONICAL_S;
}
static inline uint16_t in_h(uint64_t v)
{
    return v >> 16 == MASK(48) ? (uint16_t)v : CANONICAL_H;
}
static inline uint64_t in_d(uint64_t v) { return v; }
static inline uint64_t out_s(uint32_t v) { return v | 0xffffffff00000000; }
static inline uint64_t out_h(uint16_t v) { return v | 0xffffffffffff0000; }
static inline uint64_t out_d(uint64_t v) { return v; }
static inline uint64_t out_w(int32_t v) { return (uint64_t)(int64_t)v; }
static inline uint64_t out_wu(uint32_t v) { return (uint64_t)(int64_t)(int32_t)v; }
static inline uint64_t out_l(uint64_t v) { return v; }

/*
 * Runs an operation under the rounding mode of the instruction. The mode is put into the status
 * only for that time, as Cpu.fp.rm is the dynamic one.
 */
#define WITH_RM(rm_arg, expr)                                                                  \
    FpStatus *st = &cpu->fp;                                                                   \
    uint8_t dyn = st->rm;                                                                      \
    uint8_t rm = ((rm_arg) & 7) == IR_RM_DYN ? dyn : (uint8_t)((rm_arg) & 7);                  \
    uint64_t result;                                                                           \
    st->rm = rm;                                                                               \
    result = (expr);                                                                           \
    st->rm = dyn;                                                                              \
    return result

#define DEFINE(n, nargs) \
    const IrHelper riscv_helper_##n = { #n, helper_##n, nargs, true, PURE_FP };

#define OP2_RM(n, F, x, op)                                                                    \
    static uint64_t helper_##n(Cpu *cpu, uint64_t a, uint64_t b, uint64_t how)                 \
    {                                                                                          \
        WITH_RM(how, out_##x(fp_##F##_##op(in_##x(a), in_##x(b), st)));                        \
    }                                                                                          \
    DEFINE(n, 3)

#define OP2(n, F, x, op)                                                                       \
    static uint64_t helper_##n(Cpu *cpu, uint64_t a, uint64_t b)                               \
    {                                                                                          \
        return out_##x(fp_##F##_##op(in_##x(a), in_##x(b), &cpu->fp));                         \
    }                                                                                          \
    DEFINE(n, 2)

#define COMPARE(n, F, x, op)                                                                   \
    static uint64_t helper_##n(Cpu *cpu, uint64_t a, uint64_t b)                               \
    {                                                                                          \
        return fp_##F##_##op(in_##x(a), in_##x(b), &cpu->fp);                                  \
    }                                                                                          \
    DEFINE(n, 2)

#define OP1_RM(n, to, expr)                                                                    \
    static uint64_t helper_##n(Cpu *cpu, uint64_t v, uint64_t how)                             \
    {                                                                                          \
        WITH_RM(how, out_##to(expr));                                                          \
    }                                                                                          \
    DEFINE(n, 2)

#define FMADD(n, F, x)                                                                         \
    static uint64_t helper_##n(Cpu *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t how)     \
    {                                                                                          \
        unsigned neg = (how & IR_FMA_NEG_PRODUCT ? FP_MULADD_NEG_PRODUCT : 0) |                \
                       (how & IR_FMA_NEG_ADDEND ? FP_MULADD_NEG_ADDEND : 0);                   \
        WITH_RM(how, out_##x(fp_##F##_muladd(in_##x(a), in_##x(b), in_##x(c), neg, st)));      \
    }                                                                                          \
    DEFINE(n, 4)

#define FCLASS(n, F, x)                                                                        \
    static uint64_t helper_##n(Cpu *cpu, uint64_t a)                                           \
    {                                                                                          \
        return fp_##F##_classify(in_##x(a));                                                   \
    }                                                                                          \
    const IrHelper riscv_helper_##n = { #n, helper_##n, 1, true, IR_PURE };

#define FORMAT(F, x)                                                                           \
    OP2_RM(fadd_##x, F, x, add)                                                                \
    OP2_RM(fsub_##x, F, x, sub)                                                                \
    OP2_RM(fmul_##x, F, x, mul)                                                                \
    OP2_RM(fdiv_##x, F, x, div)                                                                \
    OP1_RM(fsqrt_##x, x, fp_##F##_sqrt(in_##x(v), st))                                         \
    FMADD(fmadd_##x, F, x)                                                                     \
    OP2(fmin_##x, F, x, minimum_number)                                                        \
    OP2(fmax_##x, F, x, maximum_number)                                                        \
    OP2(fminm_##x, F, x, minimum)                                                              \
    OP2(fmaxm_##x, F, x, maximum)                                                              \
    COMPARE(feq_##x, F, x, eq_quiet)                                                           \
    COMPARE(flt_##x, F, x, lt_signaling)                                                       \
    COMPARE(fle_##x, F, x, le_signaling)                                                       \
    COMPARE(fltq_##x, F, x, lt_quiet)                                                          \
    COMPARE(fleq_##x, F, x, le_quiet)                                                          \
    FCLASS(fclass_##x, F, x)                                                                   \
    OP1_RM(fcvt_w_##x, w, fp_##F##_to_i32(in_##x(v), rm, FP_INT_RISCV, st))                    \
    OP1_RM(fcvt_wu_##x, wu, fp_##F##_to_u32(in_##x(v), rm, FP_INT_RISCV, st))                  \
    OP1_RM(fcvt_l_##x, l, (uint64_t)fp_##F##_to_i64(in_##x(v), rm, FP_INT_RISCV, st))          \
    OP1_RM(fcvt_lu_##x, l, fp_##F##_to_u64(in_##x(v), rm, FP_INT_RISCV, st))                   \
    OP1_RM(fcvt_##x##_w, x, fp_i32_to_##F((int32_t)v, st))                                     \
    OP1_RM(fcvt_##x##_wu, x, fp_u32_to_##F((uint32_t)v, st))                                   \
    OP1_RM(fcvt_##x##_l, x, fp_i64_to_##F((int64_t)v, st))                                     \
    OP1_RM(fcvt_##x##_lu, x, fp_u64_to_##F(v, st))                                             \
    OP1_RM(fround_##x, x, fp_##F##_round_to_int(in_##x(v), rm, false, st))                     \
    OP1_RM(froundnx_##x, x, fp_##F##_round_to_int(in_##x(v), rm, true, st))

FORMAT(f32, s)
FORMAT(f64, d)

OP1_RM(fcvt_s_d, s, fp_f64_to_f32(v, st))
OP1_RM(fcvt_d_s, d, fp_f32_to_f64(in_s(v), st))
OP1_RM(fcvt_h_s, h, fp_f32_to_f16(in_s(v), st))
OP1_RM(fcvt_s_h, s, fp_f16_to_f32(in_h(v), st))
OP1_RM(fcvt_h_d, h, fp_f64_to_f16(v, st))
OP1_RM(fcvt_d_h, d, fp_f16_to_f64(in_h(v), st))

static uint64_t helper_fcvtmod_w_d(Cpu *cpu, uint64_t a)
{
    return out_w(fp_f64_to_i32_modular(a, &cpu->fp));
}
DEFINE(fcvtmod_w_d, 1)

/* Illegal if the rounding mode that the instruction ends up with is a reserved one. */
static uint64_t helper_fp_check_rm(Cpu *cpu, uint64_t insn)
{
    unsigned rm = insn >> 12 & 7;

    if (rm == IR_RM_DYN)
        rm = (unsigned)riscv_cpu(cpu)->frm;
    if (rm > FP_RMM)
        riscv_raise(cpu, CAUSE_ILLEGAL, insn);
    return 0;
}
const IrHelper riscv_helper_fp_check_rm = {
    "fp_check_rm", helper_fp_check_rm, 1, false, IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES,
};
