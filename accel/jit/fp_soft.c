/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FP and vector operations of generated code that the host's unit can't do as the guest wants:
 * rounding modes that x86 lacks or that differ from the one in force, NaN rules, range errors; and
 * vector operations without an emission of their own.
 */
#include "jit.h"

#include "accel/ir/eval_vec.h"

uint64_t jit_fp_soft(Cpu *cpu, uint64_t desc, uint64_t a, uint64_t b, uint64_t c)
{
    return ir_eval_fp(desc, a, b, c, &cpu->fp);
}

void jit_vec_soft(Cpu *cpu, uint64_t desc, IrV128 *cells)
{
    ir_eval_vec(desc, &cells[0], &cells[0], &cells[1], &cells[2], &cpu->fp);
}
