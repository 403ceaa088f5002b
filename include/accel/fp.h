/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's floating-point environment: where rounding mode and sticky flags live.
 *
 * Generated code computes with the host's SSE unit under MXCSR = Cpu.mxcsr, so flags that host
 * operations raise gather in its sticky bits; softfloat's gather in Cpu.fp.flags. The guest's
 * flags are both together. The JIT stores MXCSR to Cpu.mxcsr (and goes back to the host's) when it
 * leaves generated code and around helpers with IR_FP; elsewhere use nothing of this file.
 *
 * Cpu.mxcsr always has all exceptions masked, and RC = the rounding mode where x86 can say it;
 * RMM and RTO can't be: engines compute those in software (IrFunc.fp.rm).
 */
#ifndef ACCEL_FP_H
#define ACCEL_FP_H

#include "accel/cpu.h"
#include "accel/ir.h"

/* MXCSR (Intel SDM vol. 1, 10.2.3). */
enum {
    MXCSR_IE = 1 << 0, MXCSR_DE = 1 << 1, MXCSR_ZE = 1 << 2,
    MXCSR_OE = 1 << 3, MXCSR_UE = 1 << 4, MXCSR_PE = 1 << 5,
    MXCSR_FLAGS = 0x3f,
    MXCSR_DAZ = 1 << 6,
    MXCSR_MASKS = 0x3f << 7,
    MXCSR_RC_SHIFT = 13,
    MXCSR_RC = 3 << 13,
    MXCSR_FTZ = 1 << 15,
    MXCSR_DEFAULT = MXCSR_MASKS,
};

/* Sets the dynamic rounding mode: FP_RNE... of util/softfloat.h. */
void cpu_fp_set_rounding(Cpu *cpu, unsigned rm);
/* FP_FLAG_* bits accrued so far. */
unsigned cpu_fp_flags(const Cpu *cpu);
/* Replaces them. */
void cpu_fp_set_flags(Cpu *cpu, unsigned flags);
/* The rest of Cpu.fp (NaN policy, flushing) was changed: brings Cpu.mxcsr in line. */
void cpu_fp_update(Cpu *cpu);
/* The policy that Cpu.fp stands for. */
IrFpPolicy cpu_fp_policy(const Cpu *cpu);

#endif
