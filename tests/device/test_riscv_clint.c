/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CLINT against the FU540-C000 manual. 10 MHz: a tick is 100 ns. */
#include "bare.h"
#include "hw/riscv_clint.h"

enum { BASE = 0x02000000, CMP = 0x4000, TIME = 0xbff8 };

static Device *clint;
static int changes;

static void changed(void *opaque)
{
    changes++;
}

static void setup(void)
{
    if (!clint) {
        clint = bare_device("riscv.clint", BASE, (const char *const[]){ "num-harts=4", NULL });
        bare_watch_pins(clint);
        riscv_clint_on_time_changed(clint, changed, NULL);
    }
    device_reset(clint);
}

static void test_software(void)
{
    setup();
    g_assert_cmpint(clint->n_irqs, ==, 8);
    bare_write(BASE + 4, 4, 0xffffffff);
    g_assert_cmphex(bare_read(BASE + 4, 4), ==, 1);
    g_assert_cmpint(bare_level[2], ==, 1);
    g_assert_cmpint(bare_level[0], ==, 0);
    bare_write(BASE + 4, 4, 0);
    g_assert_cmpint(bare_level[2], ==, 0);
    bare_write(BASE + 4 * 4, 4, 1); /* a hart that isn't there */
    g_assert_cmphex(bare_read(BASE + 4 * 4, 4), ==, 0);
}

static void test_time(void)
{
    setup();
    uint64_t t = bare_read(BASE + TIME, 8);
    bare_advance(12345600);
    g_assert_cmpuint(bare_read(BASE + TIME, 8) - t, ==, 123456);
    g_assert_cmpuint(riscv_clint_time(clint), ==, bare_read(BASE + TIME, 8));
    changes = 0;
    bare_write(BASE + TIME, 8, 0x123456789abcdef0);
    g_assert_cmpint(changes, ==, 1);
    g_assert_cmphex(bare_read(BASE + TIME, 8), ==, 0x123456789abcdef0);
    g_assert_cmphex(bare_read(BASE + TIME, 4), ==, 0x9abcdef0);
    g_assert_cmphex(bare_read(BASE + TIME + 4, 4), ==, 0x12345678);
    /* Halves keep each other. */
    bare_write(BASE + TIME + 4, 4, 1);
    g_assert_cmphex(bare_read(BASE + TIME, 8), ==, 0x19abcdef0);
    bare_write(BASE + TIME, 4, 2);
    g_assert_cmphex(bare_read(BASE + TIME, 8), ==, 0x100000002);
}

static void test_compare(void)
{
    setup();
    uint64_t t = bare_read(BASE + TIME, 8);
    g_assert_cmpint(bare_level[1], ==, 0);
    bare_write(BASE + CMP, 8, t + 10);
    bare_advance(999);
    g_assert_cmpint(bare_level[1], ==, 0);
    bare_advance(1);
    g_assert_cmpint(bare_level[1], ==, 1);
    g_assert_cmpint(bare_level[3], ==, 0);
    bare_write(BASE + CMP, 8, UINT64_MAX);
    g_assert_cmpint(bare_level[1], ==, 0);
    /* In the past: at once. By halves, as 32-bit software does it. */
    bare_write(BASE + CMP + 8 + 4, 4, 0);
    g_assert_cmpint(bare_level[3], ==, 0);
    bare_write(BASE + CMP + 8, 4, 0);
    g_assert_cmpint(bare_level[3], ==, 1);
    g_assert_cmphex(bare_read(BASE + CMP + 8, 8), ==, 0);
    /* A jump of mtime reaches comparators too. */
    bare_write(BASE + CMP, 8, 1ull << 40);
    bare_write(BASE + TIME, 8, 1ull << 40);
    g_assert_cmpint(bare_level[1], ==, 1);
}

/* Deadlines that pass while the comparator is being set. */
static void test_race(void)
{
    setup();
    for (unsigned ticks = 0; ticks < 20; ticks++) {
        uint64_t t = bare_read(BASE + TIME, 8);
        bare_drift = 250;
        bare_write(BASE + CMP, 8, t + ticks);
        bare_drift = 0;
        bare_advance(5000);
        g_assert_cmpint(bare_level[1], ==, 1);
        bare_write(BASE + CMP, 8, UINT64_MAX);
    }
}

static void test_snapshot(void)
{
    setup();
    GError *error = NULL;
    bare_write(BASE + TIME, 8, 5000);
    bare_write(BASE + CMP, 8, 6000);
    GByteArray *record = g_byte_array_new();
    device_save(clint, record);
    device_reset(clint);
    bare_advance(100 * 500);
    g_assert_true(device_load(clint, record->data, record->len, &error));
    g_assert_cmpint(bare_level[1], ==, 0);
    bare_advance(100 * 499);
    g_assert_cmpint(bare_level[1], ==, 0);
    bare_advance(100);
    g_assert_cmpint(bare_level[1], ==, 1);
    g_byte_array_unref(record);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clint/software", test_software);
    g_test_add_func("/clint/time", test_time);
    g_test_add_func("/clint/compare", test_compare);
    g_test_add_func("/clint/race", test_race);
    g_test_add_func("/clint/snapshot", test_snapshot);
    return g_test_run();
}
