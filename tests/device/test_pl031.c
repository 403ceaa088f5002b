/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL031 against DDI 0224, on the virtual clock (-rtc clock=vm). */
#include "bare_rtc.h"

enum { BASE = 0x09010000, DR = 0, MR = 4, LR = 8, CR = 12, IMSC = 16, RIS = 20, MIS = 24, ICR = 28 };
static const int64_t second = 1000000000;

static void setup(void)
{
    rtc_setup("pl031", BASE);
}

static void test_counts(void)
{
    setup();
    g_assert_cmpuint(rd(DR), ==, 1577934245); /* 2020-01-02T03:04:05Z */
    step(5 * second);
    g_assert_cmpuint(rd(DR), ==, 1577934250);
    g_assert_cmphex(rd(CR), ==, 1);
    wr(CR, 0);
    g_assert_cmphex(rd(CR), ==, 1);
    wr(LR, 1000);
    g_assert_cmpuint(rd(DR), ==, 1000);
    g_assert_cmpuint(rd(LR), ==, 1000);
    step(second);
    g_assert_cmpuint(rd(DR), ==, 1001);
}

/* The match comes while it is being set. */
static void test_race(void)
{
    setup();
    for (unsigned i = 1; i < 10; i++) {
        uint32_t count = rd(DR);
        bare_drift = second / i;
        wr(MR, count + 1);
        bare_drift = 0;
        while (rd(DR) == count)
            step(second / 10);
        g_assert_cmphex(rd(RIS), ==, 1);
        wr(ICR, 1);
    }
}

static void test_alarm(void)
{
    setup();
    wr(LR, 0xfffffff0);
    wr(IMSC, 1);
    wr(MR, 4); /* behind the wrap */
    g_assert_cmphex(rd(RIS), ==, 0);
    step(19 * second);
    g_assert_cmphex(rd(RIS), ==, 0);
    step(second);
    g_assert_cmphex(rd(RIS), ==, 1);
    g_assert_cmphex(rd(MIS), ==, 1);
    g_assert_cmpint(bare_level[0], ==, 1);
    wr(IMSC, 0);
    g_assert_cmphex(rd(MIS), ==, 0);
    g_assert_cmpint(bare_level[0], ==, 0);
    wr(ICR, 1);
    g_assert_cmphex(rd(RIS), ==, 0);
    wr(MR, rd(DR)); /* equal already */
    g_assert_cmphex(rd(RIS), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pl031/counts", test_counts);
    g_test_add_func("/pl031/alarm", test_alarm);
    g_test_add_func("/pl031/race", test_race);
    return g_test_run();
}
