/* SPDX-License-Identifier: GPL-2.0-or-later */
/* balloon, info balloon. */
#include "hw/balloon.h"

#include <inttypes.h>

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static bool present(GError **error)
{
    return balloon_present() || qmp_error_set(error, QMP_ERROR_DEVICE_NOT_ACTIVE,
                                              "No balloon device has been activated");
}

Json *qmp_query_balloon(const Json *args, GError **error)
{
    if (!present(error))
        return NULL;
    Json *o = json_object();
    json_set_uint(o, "actual", balloon_actual());
    return o;
}

bool qmp_balloon(const Json *args, GError **error)
{
    int64_t value = json_get_int(args, "value", 0);
    if (!present(error))
        return false;
    if (value <= 0)
        return error_set(error, "Parameter 'target' expects a size");
    balloon_set_target((uint64_t)value);
    return true;
}

/* In MiB, like the answer of info balloon. */
void hmp_balloon(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(Json) q = json_object();
    int64_t value = json_get_int(args, "value", 0);
    if (value < 0) {
        monitor_puts(mon, "enter a positive value\n"
                          "Try \"help balloon\" for more information\n");
        return;
    }
    json_set_int(q, "value", MIN(value, INT64_MAX >> 20) << 20);
    if (!qmp_balloon(q, &error))
        monitor_report(mon, error);
}

void hmp_info_balloon(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!present(&error))
        monitor_report(mon, error);
    else
        monitor_printf(mon, "balloon: actual=%" PRIu64 "\n", balloon_actual() >> 20);
}
