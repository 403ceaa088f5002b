/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -icount for those who go back in time (softmmu/snapshot/reverse.c). The machine stands still. */
#ifndef ACCEL_ICOUNT_H
#define ACCEL_ICOUNT_H

#include <stdbool.h>
#include <stdint.h>

/* Whose turn it is, and how much is left of it. */
typedef struct IcountTurn {
    unsigned cpu;
    int64_t left;
} IcountTurn;
IcountTurn icount_turn(void);
void icount_set_turn(IcountTurn t);
/*
 * When so many instructions were done in all, before anything else happens, all vCPUs stop as if
 * each had called cpu_stop_current, and `reached` is called on their thread. UINT64_MAX: never.
 */
void icount_stop_at(uint64_t total, void (*reached)(void));

/*
 * Interrupts and deadlines take effect right behind the instruction that causes them, however code
 * is cut into blocks: so that a stretch can be repeated with stops at other places. Set before
 * anything runs.
 */
extern bool icount_exact;

#endif
