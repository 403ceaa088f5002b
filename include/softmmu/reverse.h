/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -reverse: a debugger may go back in time. Main thread, main lock held.
 */
#ifndef SOFTMMU_REVERSE_H
#define SOFTMMU_REVERSE_H

#include <glib.h>
#include <stdbool.h>

/* Before CPUs are made. */
bool reverse_configure(const char *icount, GError **error);
/* The machine is complete and about to run. */
bool reverse_start(GError **error);
bool reverse_enabled(void);
/* History begins anew here: a snapshot was loaded. */
void reverse_restart(void);

typedef enum ReverseStop {
    REVERSE_HIT,    /* a breakpoint or watchpoint: Cpu.debug_stop of `cpu` tells */
    REVERSE_STEPPED,
    REVERSE_BEGIN,  /* of what is remembered */
} ReverseStop;

/*
 * One instruction back, or to the last time before now that a breakpoint or watchpoint of the CPUs
 * was hit. The machine stands still before and after.
 */
ReverseStop reverse_step(void);
ReverseStop reverse_continue(unsigned *cpu);

#endif
