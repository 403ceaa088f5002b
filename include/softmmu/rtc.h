/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What real-time clocks read: -rtc. Any thread.
 */
#ifndef SOFTMMU_RTC_H
#define SOFTMMU_RTC_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * base: "utc" (NULL), "localtime", or a start date "YYYY-MM-DDTHH:MM:SS" (or just the day);
 * clock: "host" (NULL), "rt", "vm" (stops with the machine).
 */
bool rtc_configure(const char *base, const char *clock, GError **error);
/* ns since 1970 as a guest's RTC should tell it. */
int64_t rtc_now_ns(void);

#endif
