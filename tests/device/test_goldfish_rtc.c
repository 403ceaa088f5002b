/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Goldfish real-time clock on the virtual clock (-rtc clock=vm). */
#include "bare_rtc.h"

enum { BASE = 0x00101000, TIME_LOW = 0, TIME_HIGH = 4, ALARM_LOW = 8, ALARM_HIGH = 12,
       IRQ_ENABLED = 16, ALARM_STATUS = 24, CLEAR_INTERRUPT = 28 };

static uint64_t now(void)
{
    uint32_t low = rd(TIME_LOW);
    return (uint64_t)rd(TIME_HIGH) << 32 | low;
}

static void set_alarm(uint64_t ns)
{
    wr(ALARM_HIGH, (uint32_t)(ns >> 32));
    wr(ALARM_LOW, (uint32_t)ns);
}

static void setup(void)
{
    rtc_setup("goldfish_rtc", BASE);
    wr(IRQ_ENABLED, 1);
}

static void test_alarm(void)
{
    setup();
    uint64_t t = now();
    step(12345);
    g_assert_cmpuint(now() - t, ==, 12345);
    set_alarm(now() + 1000);
    g_assert_cmpuint(rd(ALARM_STATUS), ==, 1);
    step(999);
    g_assert_cmpint(bare_level[0], ==, 0);
    step(1);
    g_assert_cmpint(bare_level[0], ==, 1);
    g_assert_cmpuint(rd(ALARM_STATUS), ==, 0);
    wr(CLEAR_INTERRUPT, 1);
    g_assert_cmpint(bare_level[0], ==, 0);
    set_alarm(now() - 1);
    g_assert_cmpint(bare_level[0], ==, 1);
}

/* The alarm comes while it is being set. */
static void test_race(void)
{
    setup();
    for (unsigned ns = 0; ns < 10; ns++) {
        uint64_t t = now();
        bare_drift = 3;
        set_alarm(t + ns);
        bare_drift = 0;
        step(100);
        g_assert_cmpint(bare_level[0], ==, 1);
        wr(CLEAR_INTERRUPT, 1);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/goldfish-rtc/alarm", test_alarm);
    g_test_add_func("/goldfish-rtc/race", test_race);
    return g_test_run();
}
