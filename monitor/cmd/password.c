/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords of display servers, of which there are none. */
#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static bool refuse(const Json *args, const char *vnc, GError **error)
{
    if (!strcmp(json_get_str(args, "protocol", ""), "spice"))
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_ACTIVE, "SPICE is not in use");
    return error_set(error, "%s", vnc);
}

bool qmp_set_password(const Json *args, GError **error)
{
    return refuse(args, "Could not set password", error);
}

bool qmp_expire_password(const Json *args, GError **error)
{
    return refuse(args, "Could not set password expire time", error);
}

static void report(Monitor *mon, const Json *args, const char *vnc)
{
    const char *protocol = json_get_str(args, "protocol", "");
    GError *error = NULL;
    if (strcmp(protocol, "vnc") && strcmp(protocol, "spice"))
        error_set(&error, "invalid parameter value: %s", protocol);
    else
        refuse(args, vnc, &error);
    monitor_report(mon, error);
}

void hmp_set_password(Monitor *mon, const Json *args)
{
    report(mon, args, "Could not set password");
}

void hmp_expire_password(Monitor *mon, const Json *args)
{
    report(mon, args, "Could not set password expire time");
}
