/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL011 against DDI 0183. Bytes are received through loopback. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "backend/char.h"
#include "bare.h"

enum { BASE = 0x09000000 };
enum { DR = 0, RSR = 4, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR = 0x2c, CR = 0x30, IFLS = 0x34,
       IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, DMACR = 0x48 };
enum { LOOP = 0x381 }; /* UARTEN, LBE, TXE, RXE */
enum { PIN_ALL, PIN_RX, PIN_TX, PIN_RT, PIN_MODEM, PIN_ERROR };

static Device *uart;

static uint32_t rd(unsigned reg)
{
    return bare_read(BASE + reg, 4);
}

static void wr(unsigned reg, uint32_t v)
{
    bare_write(BASE + reg, 4, v);
}

static void setup(void)
{
    if (!uart) {
        uart = bare_device("pl011", BASE, NULL);
        bare_watch_pins(uart);
    }
    device_reset(uart);
}

/* Table 3-1. */
static void test_reset(void)
{
    static const uint8_t id[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    setup();
    g_assert_cmphex(rd(DR), ==, 0);
    g_assert_cmphex(rd(RSR), ==, 0);
    g_assert_cmphex(rd(FR) & 0xf8, ==, 0x90);
    g_assert_cmphex(rd(LCR), ==, 0);
    g_assert_cmphex(rd(CR), ==, 0x300);
    g_assert_cmphex(rd(IFLS), ==, 0x12);
    g_assert_cmphex(rd(IMSC), ==, 0);
    g_assert_cmphex(rd(RIS), ==, 0);
    for (unsigned i = 0; i < 8; i++)
        g_assert_cmphex(rd(0xfe0 + 4 * i), ==, id[i]);
    for (int i = 0; i < 6; i++)
        g_assert_cmpint(bare_level[i], ==, 0);
}

static void test_masks(void)
{
    setup();
    wr(IBRD, ~0u);
    wr(FBRD, ~0u);
    wr(IFLS, ~0u);
    wr(IMSC, ~0u);
    wr(DMACR, ~0u);
    g_assert_cmphex(rd(IBRD), ==, 0xffff);
    g_assert_cmphex(rd(FBRD), ==, 0x3f);
    g_assert_cmphex(rd(IFLS), ==, 0x3f);
    g_assert_cmphex(rd(IMSC), ==, 0x7ff);
    g_assert_cmphex(rd(DMACR), ==, 7);
}

static void test_character_mode(void)
{
    setup();
    wr(LCR, 0x60);
    wr(CR, LOOP);
    wr(ICR, 0x7ff);
    wr(IMSC, 0x10);
    wr(DR, 'A');
    g_assert_cmpint(bare_level[PIN_ALL], ==, 1);
    g_assert_cmpint(bare_level[PIN_RX], ==, 1);
    g_assert_cmphex(rd(FR) & 0x50, ==, 0x40); /* full, not empty */
    g_assert_cmphex(rd(MIS), ==, 0x10);
    /* Overrun: the holding register keeps the first one (3.3.2). */
    wr(DR, 'B');
    g_assert_cmphex(rd(RSR), ==, 8);
    g_assert_cmphex(rd(RIS) & 0x400, ==, 0x400);
    g_assert_cmphex(rd(DR), ==, 'A');
    g_assert_cmpint(bare_level[PIN_ALL], ==, 0);
    /* The next character carries the bit. */
    wr(DR, 'C');
    g_assert_cmphex(rd(DR), ==, 'C' | 0x800);
    wr(RSR, 0);
    g_assert_cmphex(rd(RSR), ==, 0);
    wr(LCR, 0x40); /* 7 bits */
    wr(DR, 0xff);
    g_assert_cmphex(bare_read(BASE + DR, 1), ==, 0x7f);
}

/* Table 3-14: levels; 2.8: how RX and RT come and go. */
static void test_fifo_levels(void)
{
    static const uint8_t levels[] = { 2, 4, 8, 12, 14 };
    setup();
    wr(LCR, 0x70);
    wr(CR, LOOP);
    wr(IBRD, 13);
    for (unsigned level = 0; level < 5; level++) {
        wr(IFLS, level << 3);
        wr(ICR, 0x7ff);
        for (unsigned i = 1; i < levels[level]; i++)
            wr(DR, i);
        g_assert_cmphex(rd(RIS) & 0x50, ==, 0);
        wr(DR, 0x55);
        g_assert_cmphex(rd(RIS) & 0x50, ==, 0x10);
        rd(DR);
        g_assert_cmphex(rd(RIS) & 0x50, ==, 0);
        /* 32 bit times at 24 MHz / 16 / 13. */
        bare_advance(32ll * 16 * 13 * 1000 / 24 - 1000);
        g_assert_cmphex(rd(RIS) & 0x40, ==, 0);
        bare_advance(2000);
        g_assert_cmphex(rd(RIS) & 0x40, ==, 0x40);
        for (unsigned i = 1; i < levels[level]; i++)
            rd(DR);
        g_assert_cmphex(rd(RIS) & 0x50, ==, 0);
        g_assert_cmphex(rd(FR) & 0x10, ==, 0x10);
    }
    for (unsigned i = 0; i < 17; i++)
        wr(DR, i);
    g_assert_cmphex(rd(RSR), ==, 8);
    g_assert_cmphex(rd(FR) & 0x40, ==, 0x40);
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(rd(DR), ==, i);
    /* Switching the FIFOs empties them. */
    wr(DR, 1);
    wr(LCR, 0x60);
    g_assert_cmphex(rd(FR) & 0x10, ==, 0x10);
    g_assert_cmphex(rd(RIS) & 0x50, ==, 0);
}

static void test_transmit_interrupt(void)
{
    setup();
    wr(CR, 0x301);
    wr(IMSC, 0x20);
    g_assert_cmpint(bare_level[PIN_TX], ==, 0); /* a transition, not a level (2.8.2) */
    wr(DR, 'x');
    g_assert_cmpint(bare_level[PIN_TX], ==, 1);
    g_assert_cmpint(bare_level[PIN_ALL], ==, 1);
    wr(ICR, 0x20);
    g_assert_cmpint(bare_level[PIN_TX], ==, 0);
}

/* 3.3.8, LBE: DTR to DSR, RTS to CTS, OUT1 to DCD, OUT2 to RI. */
static void test_loopback_modem(void)
{
    static const struct {
        unsigned cr, fr, ris;
    } wires[] = { { 0x400, 2, 8 }, { 0x800, 1, 2 }, { 0x1000, 4, 4 }, { 0x2000, 0x100, 1 } };
    setup();
    wr(CR, LOOP);
    for (unsigned i = 0; i < 4; i++) {
        wr(ICR, 0x7ff);
        wr(IMSC, 0xf);
        wr(CR, LOOP | wires[i].cr);
        g_assert_cmphex(rd(FR) & 0x107, ==, wires[i].fr);
        g_assert_cmphex(rd(RIS), ==, wires[i].ris);
        g_assert_cmpint(bare_level[PIN_MODEM], ==, 1);
        wr(CR, LOOP);
    }
    wr(ICR, 0x7ff);
    g_assert_cmpint(bare_level[PIN_MODEM], ==, 0);
}

static void test_break(void)
{
    setup();
    wr(LCR, 0x70);
    wr(CR, LOOP);
    wr(IMSC, 0x200);
    wr(LCR, 0x71);
    g_assert_cmpint(bare_level[PIN_ERROR], ==, 1);
    wr(LCR, 0x70);
    g_assert_cmphex(rd(DR), ==, 0x400);
    g_assert_cmphex(rd(RSR), ==, 4);
    wr(ICR, 0x200);
    g_assert_cmpint(bare_level[PIN_ERROR], ==, 0);
}

static void test_output(void)
{
    bare_init();
    g_autofree char *file = NULL, *text = NULL;
    int fd = g_file_open_tmp("sosia-uart-XXXXXX", &file, NULL);
    close(fd);
    g_autofree char *opts = g_strdup_printf("file,id=out,path=%s", file);
    GError *error = NULL;
    Chardev *c = chardev_new_from_opts(opts, &error);
    g_assert_no_error(error);
    Device *dev = bare_device("pl011", BASE + 0x1000, (const char *const[]){ "chardev=out", NULL });
    /* No UARTCR: a guest of a few lines does as much. */
    for (const char *p = "hello\n"; *p; p++) {
        g_assert_cmphex(bare_read(BASE + 0x1000 + FR, 2) & 0xa8, ==, 0x80);
        bare_write(BASE + 0x1000, 1, (uint8_t)*p);
    }
    device_unrealize(dev);
    chardev_free(c);
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello\n");
    g_unlink(file);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pl011/reset", test_reset);
    g_test_add_func("/pl011/masks", test_masks);
    g_test_add_func("/pl011/character-mode", test_character_mode);
    g_test_add_func("/pl011/fifo", test_fifo_levels);
    g_test_add_func("/pl011/transmit-interrupt", test_transmit_interrupt);
    g_test_add_func("/pl011/loopback-modem", test_loopback_modem);
    g_test_add_func("/pl011/break", test_break);
    g_test_add_func("/pl011/output", test_output);
    return g_test_run();
}
