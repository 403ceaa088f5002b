/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Screens. */
#include "monitor/cmd/display.h"

#include <string.h>

#include "hw/device.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

DisplayConsole *monitor_screen(const Json *args, GError **error)
{
    const char *device = json_get_str(args, "device", NULL);
    int64_t head = json_get_int(args, "head", 0);
    DisplayConsole *c = NULL;
    if (!device && json_get(args, "head"))
        error_set(error, "'head' must be specified together with 'device'");
    else if (device && !device_find(device))
        qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", device);
    else if (!(c = head >= 0 && head <= INT32_MAX ? display_find(device, (unsigned)head) : NULL) &&
             device)
        error_set(error, "Device %s (head %d) is not bound to a QemuConsole", device, (int)head);
    else if (!c)
        error_set(error, "There is no console to take a screendump from");
    return c;
}

static bool save(const Json *args, GError **error)
{
    const char *format = json_get_str(args, "format", "ppm");
    const DisplayConsole *c = monitor_screen(args, error);
    return c && display_save(c, json_get_str(args, "filename", ""),
                             strcmp(format, "png") ? IMAGE_PPM : IMAGE_PNG, error);
}

bool qmp_screendump(const Json *args, GError **error)
{
    return save(args, error);
}

void hmp_screendump(Monitor *mon, const Json *args)
{
    const char *format = json_get_str(args, "format", "ppm");
    GError *error = NULL;
    if (strcmp(format, "ppm") && strcmp(format, "png"))
        error_set(&error, "invalid parameter value: %s", format);
    if (error || !save(args, &error))
        monitor_report(mon, error);
}
