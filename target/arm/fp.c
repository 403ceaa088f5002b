/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FPCR, FPSR (DDI 0487 C5.2.8, C5.2.10) and the trap of FP instructions (D1.3.9, CPACR_EL1,
 * CPTR_ELx).
 *
 * The exception flags are Cpu.mxcsr and Cpu.fp (accel/fp.h), QC is ArmCpu.qc. Trapped exceptions
 * are not implemented: their enable bits are RAZ/WI. So are Len and Stride, as without AArch32.
 */
#include "accel/fp.h"

#include "target/arm/simd.h"

/* FPSR bits of the flags. */
static const struct {
    uint8_t flag, bit;
} fpsr_bits[] = {
    { FP_FLAG_NV, 0 }, { FP_FLAG_DZ, 1 }, { FP_FLAG_OF, 2 }, { FP_FLAG_UF, 3 }, { FP_FLAG_NX, 4 },
    { FP_FLAG_ID, 7 },
};
enum { FPSR_QC = 1 << 27 };

uint64_t arm_fpsr(const ArmCpu *a)
{
    unsigned flags = cpu_fp_flags(&a->cpu);
    uint64_t r = a->qc.d[0] | a->qc.d[1] ? FPSR_QC : 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(fpsr_bits); i++)
        r |= flags & fpsr_bits[i].flag ? 1u << fpsr_bits[i].bit : 0;
    return r;
}

void arm_set_fpsr(ArmCpu *a, uint64_t v)
{
    unsigned flags = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(fpsr_bits); i++)
        flags |= v >> fpsr_bits[i].bit & 1 ? fpsr_bits[i].flag : 0;
    cpu_fp_set_flags(&a->cpu, flags);
    a->qc = (ArmVec){ { v & FPSR_QC ? 1 : 0, 0 } };
}

void arm_set_fpcr(ArmCpu *a, uint64_t v)
{
    static const uint8_t modes[] = { FP_RNE, FP_RUP, FP_RDN, FP_RTZ }; /* by RMode */
    FpStatus *fp = &a->cpu.fp;

    a->fpcr = v & (FPCR_AHP | FPCR_DN | FPCR_FZ | FPCR_RMODE | (a->feat.fp16 ? FPCR_FZ16 : 0));
    fp->rm = modes[a->fpcr >> FPCR_RMODE_SHIFT & 3];
    fp->nan_policy = a->fpcr & FPCR_DN ? FP_NAN_DEFAULT : FP_NAN_ARM;
    fp->tininess_before_rounding = true;
    fp->flush_inputs = fp->flush_outputs = a->fpcr & FPCR_FZ;
    fp->f16_ahp = a->fpcr & FPCR_AHP;
    cpu_fp_update(&a->cpu);
    arm_update_mode(a);
}

/* ISS: CV set, COND always (ESR_ELx, "ISS encoding for an exception from access to SIMD&FP"). */
static uint64_t helper_fp_access(Cpu *cpu, uint64_t el)
{
    arm_raise(arm_cpu(cpu), (unsigned)el, ESR(EC_FP_ACCESS, 1 << 24 | 0xe << 20), 0);
}
const IrHelper arm_helper_fp_access = {
    "fp_access", (void *)helper_fp_access, 1, false,
    IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES,
};
