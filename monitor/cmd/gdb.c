/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gdb stub from the monitor. */
#include <string.h>

#include "monitor/gdb.h"
#include "monitor/schema/commands_gen.h"

void hmp_gdbserver(Monitor *mon, const Json *args)
{
    const char *device = json_get_str(args, "device", "tcp::1234");
    GError *error = NULL;
    if (!gdb_server_start(device, &error))
        monitor_report(mon, error);
    else if (!strcmp(device, "none"))
        monitor_puts(mon, "Disabled gdbserver\n");
    else
        monitor_printf(mon, "Waiting for gdb connection on device '%s'\n", device);
}
