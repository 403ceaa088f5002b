/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's remote protocol, for -gdb, -s and the monitor's gdbserver. Main thread, main lock held. */
#ifndef MONITOR_GDB_H
#define MONITOR_GDB_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Waits for gdb on a device: tcp:[HOST]:PORT, unix:PATH, stdio, chardev:ID and the other forms of
 * -serial; "none" ends it. Takes the place of the one before. CPUs must exist.
 */
bool gdb_server_start(const char *device, GError **error);

/*
 * Where a symbol of the guest's kernel is now, as far as gdb has told: it is asked for a few.
 * base_now: where the kernel is (0: not known); offset: how far from where it was linked for.
 */
bool gdb_symbol(const char *name, uint64_t base_now, uint64_t offset, uint64_t *value);

#endif
