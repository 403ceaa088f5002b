/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up target for tests of the engines: registers, one page-mapped RAM, nothing to decode.
 * Addresses outside RAM fault.
 */
#ifndef TESTS_UNIT_JIT_TARGET_H
#define TESTS_UNIT_JIT_TARGET_H

#include "accel/tlb.h"
#include "accel/translate.h"

#define TOY_RAM_BASE 0x40000000ULL
#define TOY_CODE 0x10000ULL
enum { TOY_RAM_SIZE = 4 * 4096, TOY_F0 = 32, TOY_PC = 64, TOY_N_SLOTS = 65 };
enum { TOY_FETCH = 1, TOY_ACCESS = 2, TOY_UNALIGNED = 3 }; /* fault kinds, plus MmuAccess << 4 */

typedef struct ToyCpu {
    Cpu cpu;
    uint64_t x[32], f[32], pc;
    uint64_t fault_va;
    unsigned fault_kind;
} ToyCpu;

extern TargetOps toy_target;
extern uint8_t *toy_ram;
extern CodeBlock *toy_block;  /* the one block there is to find, or NULL */
Cpu *toy_cpu_new(void);
void toy_fault(Cpu *cpu, uint64_t va, unsigned kind) G_GNUC_NORETURN;

#endif
