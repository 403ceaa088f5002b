/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PLIC against the RISC-V PLIC specification 1.0.0. Two harts: contexts M0 S0 M1 S1. */
#include "bare.h"

enum { BASE = 0x0c000000 };

static Device *plic;

static void setup(void)
{
    if (!plic) {
        plic = bare_device("riscv.sifive.plic", BASE,
                           (const char *const[]){ "hart-config=MS,MS", "num-sources=96", NULL });
        bare_watch_pins(plic);
    }
    for (int i = 1; i < 96; i++)
        device_gpio_in(plic, i).set(plic, i, 0);
    device_reset(plic);
}

static void line(int n, int level)
{
    IrqSink s = device_gpio_in(plic, n);
    s.set(s.opaque, n, level);
}

static uint32_t rd(uint32_t at) { return bare_read(BASE + at, 4); }
static void wr(uint32_t at, uint32_t v) { bare_write(BASE + at, 4, v); }
static void priority(unsigned n, uint32_t v) { wr(4 * n, v); }
static void enable(unsigned ctx, unsigned n) { wr(0x2000 + 0x80 * ctx + n / 32 * 4, 1u << n % 32); }
static uint32_t claim(unsigned ctx) { return rd(0x200004 + 0x1000 * ctx); }
static void complete(unsigned ctx, unsigned n) { wr(0x200004 + 0x1000 * ctx, n); }
static void threshold(unsigned ctx, uint32_t v) { wr(0x200000 + 0x1000 * ctx, v); }

static void test_level(void)
{
    setup();
    g_assert_cmpint(plic->n_irqs, ==, 4);
    priority(10, 1);
    enable(1, 10);
    line(10, 1);
    g_assert_cmphex(rd(0x1000), ==, 1u << 10);
    g_assert_cmpint(bare_level[1], ==, 1);
    g_assert_cmpint(bare_level[0], ==, 0);
    g_assert_cmpuint(claim(0), ==, 0);
    g_assert_cmpuint(claim(1), ==, 10);
    g_assert_cmpint(bare_level[1], ==, 0);
    g_assert_cmphex(rd(0x1000), ==, 0);
    /* Still high: not again before completion, but then. */
    line(10, 1);
    g_assert_cmpint(bare_level[1], ==, 0);
    complete(1, 10);
    g_assert_cmpint(bare_level[1], ==, 1);
    g_assert_cmpuint(claim(1), ==, 10);
    line(10, 0);
    complete(1, 10);
    g_assert_cmpint(bare_level[1], ==, 0);
    /* A request that was passed on stays when the line falls. */
    line(10, 1);
    line(10, 0);
    g_assert_cmpuint(claim(1), ==, 10);
    complete(1, 10);
}

static void test_priorities(void)
{
    setup();
    priority(3, 2);
    priority(40, 7);
    priority(41, 7);
    priority(95, 0); /* never interrupts */
    wr(0x2000, 1u << 3);
    wr(0x2004, 3u << 8);
    wr(0x2008, 1u << 31);
    line(3, 1);
    line(41, 1);
    line(40, 1);
    line(95, 1);
    g_assert_cmpuint(claim(0), ==, 40); /* the lowest of equals */
    g_assert_cmpuint(claim(0), ==, 41);
    threshold(0, 2);
    g_assert_cmpint(bare_level[0], ==, 0);
    g_assert_cmpuint(claim(0), ==, 3);  /* the threshold doesn't hold a claim back */
    g_assert_cmpuint(claim(0), ==, 0);
    line(40, 0);
    line(41, 0);
    complete(0, 41);
    complete(0, 40);
    complete(0, 3);                     /* still high, at the threshold */
    g_assert_cmpint(bare_level[0], ==, 0);
    threshold(0, 1);
    g_assert_cmpint(bare_level[0], ==, 1);
    line(95, 0);
}

/* Both contexts are told; whoever claims first gets it. */
static void test_shared(void)
{
    setup();
    priority(8, 1);
    enable(1, 8);
    enable(3, 8);
    line(8, 1);
    g_assert_cmpint(bare_level[1] + bare_level[3], ==, 2);
    g_assert_cmpuint(claim(3), ==, 8);
    g_assert_cmpuint(claim(1), ==, 0);
    g_assert_cmpint(bare_level[1] + bare_level[3], ==, 0);
    line(8, 0);
    complete(0, 8); /* not enabled there: ignored */
    line(8, 1);
    g_assert_cmpint(bare_level[3], ==, 0);
    complete(1, 8);
    g_assert_cmpint(bare_level[3], ==, 1);
}

static void test_registers(void)
{
    setup();
    priority(5, 0xffffffff);
    g_assert_cmphex(rd(4 * 5), ==, 7);
    priority(0, 7);
    g_assert_cmphex(rd(0), ==, 0);
    wr(0x2000, 0xffffffff);
    g_assert_cmphex(rd(0x2000), ==, 0xfffffffe); /* source 0 doesn't exist */
    wr(0x200c, 0xffffffff);
    g_assert_cmphex(rd(0x200c), ==, 0);          /* nor does 96 */
    wr(0x1000, 0xffffffff);
    g_assert_cmphex(rd(0x1000), ==, 0);          /* pending bits are read-only */
    threshold(2, 0xff);
    g_assert_cmphex(rd(0x202000), ==, 7);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plic/level", test_level);
    g_test_add_func("/plic/priorities", test_priorities);
    g_test_add_func("/plic/shared", test_shared);
    g_test_add_func("/plic/registers", test_registers);
    return g_test_run();
}
