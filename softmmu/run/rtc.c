/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -rtc: see include/softmmu/rtc.h. What it says becomes CLOCK_HOST, timers included. */
#include "softmmu/rtc.h"

#include <string.h>
#include <time.h>

#include "softmmu/run.h"
#include "util/error.h"

/* Local time as if it were UTC, less UTC. */
static int64_t local_offset_ns(void)
{
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    return (int64_t)tm.tm_gmtoff * 1000000000;
}

bool rtc_configure(const char *base, const char *clock, GError **error)
{
    ClockType source = CLOCK_HOST;
    bool fixed_start = false; /* the base is a date: count from it */
    int64_t offset = 0;       /* ns to add to the source */

    if (clock && !strcmp(clock, "vm"))
        source = CLOCK_VIRTUAL;
    else if (clock && !strcmp(clock, "rt"))
        source = CLOCK_RT;
    else if (clock && strcmp(clock, "host"))
        return error_set(error, "-rtc clock=%s: must be host, rt or vm", clock);

    if (base && !strcmp(base, "localtime")) {
        offset = local_offset_ns();
    } else if (base && strcmp(base, "utc")) {
        struct tm tm = { 0 };
        const char *end = strptime(base, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!end) {
            tm = (struct tm){ 0 };
            end = strptime(base, "%Y-%m-%d", &tm);
        }
        if (!end || *end)
            return error_set(error, "-rtc base=%s: must be utc, localtime or a date such as "
                             "2026-01-31T12:00:00", base);
        offset = (int64_t)timegm(&tm) * 1000000000 - clock_ns(source);
        fixed_start = true;
    }
    if (source != CLOCK_HOST && !fixed_start)
        offset += clock_ns(CLOCK_HOST) - clock_ns(source);
    clock_set_host(source, offset);
    return true;
}

int64_t rtc_now_ns(void)
{
    return clock_ns(CLOCK_HOST);
}
