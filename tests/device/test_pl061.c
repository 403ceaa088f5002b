/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL061 against DDI 0190, and the button that boards put on it. */
#include "bare.h"

enum { BASE = 0x09030000, ALL = 0x3fc, DIRECTION = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c,
       IE = 0x410, RIS = 0x414, MIS = 0x418, IC = 0x41c };

static Device *gpio;

static uint32_t rd(unsigned reg)
{
    return bare_read(BASE + reg, 4);
}

static void wr(unsigned reg, uint32_t v)
{
    bare_write(BASE + reg, 4, v);
}

static void drive(int line, int level)
{
    IrqSink pin = device_gpio_in(gpio, line);
    pin.set(pin.opaque, pin.n, level);
}

static void setup(void)
{
    if (!gpio) {
        gpio = bare_device("pl061", BASE, (const char *const[]){ "pullups=0", "pulldowns=255", NULL });
        bare_watch_pins(gpio);
    }
    for (int i = 0; i < 8; i++)
        drive(i, 0);
    device_reset(gpio);
}

/* 3.3.1: the address chooses the bits. */
static void test_data(void)
{
    setup();
    wr(DIRECTION, 0x0f);
    wr(ALL, 0xff);
    g_assert_cmphex(rd(ALL), ==, 0x0f);
    wr(0x5 << 2, 0x0a); /* lines 0 and 2 only */
    g_assert_cmphex(rd(ALL), ==, 0x0a);
    g_assert_cmphex(rd(0x2 << 2), ==, 0x02);
    for (int i = 0; i < 8; i++)
        g_assert_cmpint(bare_level[1 + i], ==, 0x0a >> i & 1);
    drive(7, 1);
    g_assert_cmphex(rd(ALL), ==, 0x8a);
    wr(DIRECTION, 0);
    g_assert_cmphex(rd(ALL), ==, 0x80);
    g_assert_cmpint(bare_level[2], ==, 0); /* pulled down */
}

static void test_edges(void)
{
    setup();
    wr(IE, 0xff);
    wr(IEV, 0x02);
    wr(IBE, 0x04);
    for (int i = 0; i < 3; i++)
        drive(i, 1);
    g_assert_cmphex(rd(RIS), ==, 0x06); /* rising on 1, both on 2 */
    g_assert_cmpint(bare_level[0], ==, 1);
    wr(IC, 0xff);
    g_assert_cmphex(rd(RIS), ==, 0);
    g_assert_cmpint(bare_level[0], ==, 0);
    for (int i = 0; i < 3; i++)
        drive(i, 0);
    g_assert_cmphex(rd(RIS), ==, 0x05);
    wr(IE, 0x04);
    g_assert_cmphex(rd(MIS), ==, 0x04);
}

static void test_levels(void)
{
    setup();
    wr(IEV, 0xff);
    wr(IS, 0x01);
    wr(IE, 0x01);
    drive(0, 1);
    g_assert_cmphex(rd(MIS), ==, 1);
    wr(IC, 1); /* has no effect on a level */
    g_assert_cmphex(rd(MIS), ==, 1);
    drive(0, 0);
    g_assert_cmphex(rd(MIS), ==, 0);
    wr(IEV, 0xfe); /* active low */
    g_assert_cmphex(rd(MIS), ==, 1);
}

static void test_key(void)
{
    setup();
    Device *key = bare_device("gpio-key", 0, NULL);
    irq_connect(&key->irq[0], device_gpio_in(gpio, 3));
    wr(IBE, 8);
    IrqSink in = device_gpio_in(key, 0);
    in.set(in.opaque, in.n, 1);
    g_assert_cmphex(rd(ALL), ==, 8);
    g_assert_cmphex(rd(RIS), ==, 8);
    wr(IC, 8);
    bare_advance(200000000);
    g_assert_cmphex(rd(ALL), ==, 0);
    g_assert_cmphex(rd(RIS), ==, 8);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pl061/data", test_data);
    g_test_add_func("/pl061/edges", test_edges);
    g_test_add_func("/pl061/levels", test_levels);
    g_test_add_func("/pl061/key", test_key);
    return g_test_run();
}
