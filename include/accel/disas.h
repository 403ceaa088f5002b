/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disassembly of guest and host code for logs and the monitor. */
#ifndef ACCEL_DISAS_H
#define ACCEL_DISAS_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/cpu.h"

/*
 * Appends one line per instruction of `len` bytes at `code`, which the reader knows as address pc:
 * "0x0000000080000000:  00000297          auipc  t0, 0". What isn't an instruction is shown as
 * data. Stops after max instructions (0: no limit). Returns the bytes consumed.
 */
size_t disas_guest(const TargetOps *t, GString *out, const void *code, size_t len, uint64_t pc,
                   unsigned max);
/* The same for the machine that we run on. */
size_t disas_host(GString *out, const void *code, size_t len);
/* Appends what the A64 instruction at code says; its length, 0 if it is none. */
size_t disas_a64(GString *out, const uint8_t *code, size_t len, uint64_t pc);

#endif
