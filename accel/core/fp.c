/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's FP environment in its two halves, MXCSR image and softfloat status (accel/fp.h). */
#include "accel/fp.h"

/* MXCSR.RC (SDM vol. 1, table 4-8): 0 nearest even, 1 down, 2 up, 3 towards zero. */
static const uint8_t rc_of_rm[] = {
    [FP_RNE] = 0, [FP_RTZ] = 3, [FP_RDN] = 1, [FP_RUP] = 2, [FP_RMM] = 0, [FP_RTO] = 0,
};

void cpu_fp_set_rounding(Cpu *cpu, unsigned rm)
{
    g_assert(rm <= FP_RTO);
    cpu->fp.rm = rm;
    cpu->mxcsr = (cpu->mxcsr & ~(unsigned)MXCSR_RC) | (unsigned)rc_of_rm[rm] << MXCSR_RC_SHIFT |
                 MXCSR_MASKS;
}

unsigned cpu_fp_flags(const Cpu *cpu)
{
    unsigned m = cpu->mxcsr, flags = cpu->fp.flags;
    flags |= m & MXCSR_PE ? FP_FLAG_NX : 0;
    flags |= m & MXCSR_UE ? FP_FLAG_UF : 0;
    flags |= m & MXCSR_OE ? FP_FLAG_OF : 0;
    flags |= m & MXCSR_ZE ? FP_FLAG_DZ : 0;
    flags |= m & MXCSR_IE ? FP_FLAG_NV : 0;
    /* Only x86 guests know a flag for operands that are denormal and used as such. */
    if (cpu->fp.nan_policy == FP_NAN_X86)
        flags |= m & MXCSR_DE ? FP_FLAG_ID : 0;
    return flags;
}

void cpu_fp_set_flags(Cpu *cpu, unsigned flags)
{
    cpu->fp.flags = flags;
    cpu->mxcsr &= ~(unsigned)MXCSR_FLAGS;
}

void cpu_fp_update(Cpu *cpu)
{
    cpu->mxcsr &= MXCSR_FLAGS;
    cpu->mxcsr |= (cpu->fp.flush_inputs ? MXCSR_DAZ : 0) | (cpu->fp.flush_outputs ? MXCSR_FTZ : 0);
    cpu_fp_set_rounding(cpu, cpu->fp.rm);
}

IrFpPolicy cpu_fp_policy(const Cpu *cpu)
{
    const FpStatus *s = &cpu->fp;
    return (IrFpPolicy){
        .nan = s->nan_policy, .tiny_before = s->tininess_before_rounding,
        .ftz = s->flush_outputs, .daz = s->flush_inputs, .rm = s->rm,
        .int_policy = s->nan_policy == FP_NAN_X86 ? FP_INT_X86 :
                      s->tininess_before_rounding ? FP_INT_ARM : FP_INT_RISCV,
    };
}
