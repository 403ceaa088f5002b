/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IR interpreter for those who execute single functions: engine_interp, tests, lockstep. */
#ifndef ACCEL_INTERP_H
#define ACCEL_INTERP_H

#include "accel/ir.h"
#include "accel/cpu.h"

typedef enum InterpExit {
    INTERP_JUMP, /* the pc slot says where to go on */
    INTERP_LOOP, /* exit_loop: to the dispatcher */
} InterpExit;

/* Executes f once. `count`: takes its guest instructions off icount_left. May cpu_loop_exit. */
InterpExit ir_interpret(Cpu *cpu, const IrFunc *f, bool count);

#endif
