/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log and logfile. */
#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "util/log.h"

void hmp_log(Monitor *mon, const Json *args)
{
    const char *items = json_get_str(args, "items", "");
    GError *error = NULL;
    if (strcmp(items, "help") && strcmp(items, "?") && log_set_items(items, &error))
        return;
    g_autofree char *help = log_items_help();
    if (error)
        monitor_printf(mon, "%s\n", error->message);
    monitor_puts(mon, help);
    g_clear_error(&error);
}

void hmp_logfile(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!log_set_file(json_get_str(args, "filename", ""), &error)) {
        monitor_printf(mon, "%s\n", error->message);
        g_error_free(error);
    }
}
