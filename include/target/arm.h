/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What boards and interrupt controllers may know of an A64 processor (DDI 0487). */
#ifndef TARGET_ARM_H
#define TARGET_ARM_H

#include "accel/cpu.h"
#include "hw/arm_gic_cpu.h"
#include "hw/irq.h"

/* Interrupt inputs; level-sensitive, may be driven from any thread. */
enum { ARM_CPU_IRQ, ARM_CPU_FIQ, ARM_CPU_VIRQ, ARM_CPU_VFIQ, ARM_N_CPU_INPUTS };
IrqSink arm_cpu_irq(Cpu *cpu, int n);

/* Interrupt outputs: what a board wires to PPIs. Driven with the main lock held. */
enum {
    ARM_OUT_TIMER_PHYS,    /* CNTP, non-secure EL1 */
    ARM_OUT_TIMER_VIRT,    /* CNTV */
    ARM_OUT_TIMER_HYP,     /* CNTHP */
    ARM_OUT_TIMER_SEC,     /* CNTPS */
    ARM_OUT_TIMER_HYPVIRT, /* CNTHV */
    ARM_OUT_PMU,
    ARM_N_CPU_OUTPUTS
};
IrqLine *arm_cpu_output(Cpu *cpu, int n);

/* --- before the first reset --- */
void arm_cpu_set_mpidr(Cpu *cpu, uint64_t affinity); /* Aff3..Aff0 in their places of MPIDR_EL1 */
uint64_t arm_cpu_mpidr(Cpu *cpu);
void arm_cpu_set_rvbar(Cpu *cpu, uint64_t pc);       /* where it starts after reset */
void arm_cpu_set_powered_off(Cpu *cpu, bool off);    /* waits for PSCI CPU_ON after reset */
/* Which exception levels the board wants: machine options secure= and virtualization=. */
void arm_cpu_set_levels(Cpu *cpu, bool el2, bool el3);
/* Who answers PSCI calls (DEN 0022): nobody here, or this program at SMC or HVC. */
typedef enum ArmPsciConduit { ARM_PSCI_NONE, ARM_PSCI_SMC, ARM_PSCI_HVC } ArmPsciConduit;
void arm_cpu_set_psci(Cpu *cpu, ArmPsciConduit conduit);
/*
 * Direct kernel boot, called by the board after each reset of the first processor: pc and x0 as
 * given, at the highest level a kernel may use (EL2 if there is one, else EL1, non-secure, what
 * firmware at EL3 would have set up being done).
 */
void arm_cpu_direct_boot(Cpu *cpu, uint64_t entry, uint64_t x0);
unsigned arm_cpu_pa_bits(Cpu *cpu);
const char *arm_cpu_fdt_compatible(Cpu *cpu);        /* "arm,cortex-a72" */
bool arm_cpu_has_pmu(Cpu *cpu);
enum { ARM_CNTFRQ = 62500000 };                      /* Hz of the generic timers */

/* --- GICv3's processor interface (hw/arm_gic_cpu.h) --- */
/* ID_AA64PFR0_EL1.GIC says so from then on. Before the first reset. */
void arm_cpu_set_gic(Cpu *cpu, const ArmGicOps *ops, void *opaque);
ArmGicView arm_cpu_gic_view(Cpu *cpu);

#endif
