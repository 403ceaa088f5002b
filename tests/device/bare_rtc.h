/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real-time clock without a machine, on the virtual clock (-rtc clock=vm), at 2020-01-02T03:04:05Z. */
#ifndef TESTS_DEVICE_BARE_RTC_H
#define TESTS_DEVICE_BARE_RTC_H

#include "bare.h"
#include "softmmu/rtc.h"

static hwaddr rtc_base;

/* As after a reset; the device is made the first time. */
static void rtc_setup(const char *type, hwaddr base)
{
    static Device *rtc;
    if (!rtc) {
        bare_init();
        g_assert_true(rtc_configure("2020-01-02T03:04:05", "vm", NULL));
        rtc = bare_device(type, base, NULL);
        rtc_base = base;
        bare_watch_pins(rtc);
    }
    device_reset(rtc);
}

static uint32_t rd(unsigned reg)
{
    return (uint32_t)bare_read(rtc_base + reg, 4);
}

static void wr(unsigned reg, uint32_t v)
{
    bare_write(rtc_base + reg, 4, v);
}

static void step(int64_t ns)
{
    bare_advance(ns);
    clock_run_timers(CLOCK_HOST);
}

#endif
