/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gdb's remote protocol, for -gdb, -s and the monitor's gdbserver. Main thread, main lock held. */
#ifndef MONITOR_GDB_H
#define MONITOR_GDB_H

#include <glib.h>
#include <stdbool.h>

/*
 * Waits for gdb on a device: tcp:[HOST]:PORT, unix:PATH, stdio, chardev:ID and the other forms of
 * -serial; "none" ends it. Takes the place of the one before. CPUs must exist.
 */
bool gdb_server_start(const char *device, GError **error);

#endif
