/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What boards may know of a RISC-V hart. */
#ifndef TARGET_RISCV_H
#define TARGET_RISCV_H

#include "accel/cpu.h"
#include "hw/irq.h"

/*
 * Interrupt inputs of a hart, by their bit in mip: 3 MSIP, 7 MTIP, 9 SEIP, 11 MEIP.
 * May be driven from any thread.
 */
enum { RISCV_IRQ_MSIP = 3, RISCV_IRQ_STIP = 5, RISCV_IRQ_MTIP = 7, RISCV_IRQ_SEIP = 9,
       RISCV_IRQ_MEIP = 11 };
IrqSink riscv_cpu_irq(Cpu *cpu, int n);

/* Before the first reset. */
void riscv_cpu_set_hartid(Cpu *cpu, uint64_t hartid);
void riscv_cpu_set_reset_vector(Cpu *cpu, uint64_t pc);
/* mtime of the platform: ticks at `hz`; read from any thread. */
void riscv_cpu_set_time_source(Cpu *cpu, uint64_t (*read)(void *opaque), void *opaque, uint32_t hz);
/* mtime jumped (a guest wrote it): timers based on it must be rearmed. Main lock held. */
void riscv_cpu_time_changed(Cpu *cpu);

/* For the device tree. Caller frees the string. */
char *riscv_cpu_isa_string(Cpu *cpu);                     /* "rv64imafdc_zicbom_..." */
GPtrArray *riscv_cpu_isa_extensions(Cpu *cpu);            /* riscv,isa-extensions; owned strings */
const char *riscv_cpu_mmu_type(Cpu *cpu);                 /* "riscv,sv57", "riscv,none" */
unsigned riscv_cpu_cbom_block_size(Cpu *cpu);             /* 0: none */
unsigned riscv_cpu_cboz_block_size(Cpu *cpu);

#endif
