/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board needs of the CLINT beyond its pins: the platform's time. */
#ifndef HW_RISCV_CLINT_H
#define HW_RISCV_CLINT_H

#include "hw/device.h"

enum { RISCV_CLINT_MAX_HARTS = 64 };

/* Pins: dev->irq[2 * hart] is the software interrupt, [2 * hart + 1] the timer interrupt. */

/* mtime in ticks of RISCV_CLINT_HZ. Any thread, without a lock. opaque is the Device. */
enum { RISCV_CLINT_HZ = 10000000 };
uint64_t riscv_clint_time(void *opaque);
/* fn is called, with the main lock held, when mtime jumps (a guest wrote it, or a reset). */
void riscv_clint_on_time_changed(Device *dev, void (*fn)(void *opaque), void *opaque);

#endif
