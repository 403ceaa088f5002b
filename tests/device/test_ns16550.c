/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A against the PC16550D data sheet. Bytes are received through loopback. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "backend/char.h"
#include "bare.h"

enum { BASE = 0x10000000 };
enum { RBR = 0, THR = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

static Device *uart;

static uint8_t rd(unsigned reg)
{
    return bare_read(BASE + reg, 1);
}

static void wr(unsigned reg, uint8_t v)
{
    bare_write(BASE + reg, 1, v);
}

static void setup(void)
{
    if (!uart) {
        uart = bare_device("serial-mm", BASE, NULL);
        bare_watch_pins(uart);
    }
    device_reset(uart);
}

/* Table of reset configuration. */
static void test_reset(void)
{
    setup();
    g_assert_cmphex(rd(IER), ==, 0);
    g_assert_cmphex(rd(IIR), ==, 1);
    g_assert_cmphex(rd(LCR), ==, 0);
    g_assert_cmphex(rd(MCR), ==, 0);
    g_assert_cmphex(rd(LSR), ==, 0x60);
    g_assert_cmphex(rd(MSR) & 0x0f, ==, 0);
    g_assert_cmpint(bare_level[0], ==, 0);
}

static void test_scratch_and_divisor(void)
{
    setup();
    wr(SCR, 0xa5);
    g_assert_cmphex(rd(SCR), ==, 0xa5);
    device_reset(uart);
    g_assert_cmphex(rd(SCR), ==, 0xa5);
    wr(LCR, 0x83);
    wr(0, 0x34);
    wr(1, 0x12);
    g_assert_cmphex(rd(0), ==, 0x34);
    g_assert_cmphex(rd(1), ==, 0x12);
    wr(LCR, 0x03);
    g_assert_cmphex(rd(IER), ==, 0);
    wr(IER, 0xff);
    g_assert_cmphex(rd(IER), ==, 0x0f);
}

/* 8.7, bit 4: outputs lead to the inputs; MSR tells changes. */
static void test_loopback_modem(void)
{
    setup();
    wr(MCR, 0x10);
    rd(MSR);
    wr(MCR, 0x1a); /* RTS, OUT2 */
    g_assert_cmphex(rd(MSR), ==, 0x99);
    g_assert_cmphex(rd(MSR), ==, 0x90);
    wr(MCR, 0x15); /* DTR, OUT1 */
    g_assert_cmphex(rd(MSR), ==, 0x6b);
    wr(IER, 8);
    wr(MCR, 0x11); /* RI falls: TERI */
    g_assert_cmpint(bare_level[0], ==, 1);
    g_assert_cmphex(rd(IIR), ==, 0x00);
    g_assert_cmphex(rd(MSR), ==, 0x24);
    g_assert_cmpint(bare_level[0], ==, 0);
}

static void test_loopback_data_without_fifo(void)
{
    setup();
    wr(LCR, 3);
    wr(MCR, 0x10);
    wr(IER, 1);
    wr(THR, 'A');
    g_assert_cmphex(rd(LSR), ==, 0x61);
    g_assert_cmphex(rd(IIR), ==, 0x04);
    g_assert_cmpint(bare_level[0], ==, 1);
    g_assert_cmphex(rd(RBR), ==, 'A');
    g_assert_cmpint(bare_level[0], ==, 0);
    /* Overrun: the new character replaces the old one. */
    wr(IER, 5);
    wr(THR, 'B');
    wr(THR, 'C');
    g_assert_cmphex(rd(IIR), ==, 0x06);
    g_assert_cmphex(rd(LSR), ==, 0x63);
    g_assert_cmphex(rd(LSR), ==, 0x61);
    g_assert_cmphex(rd(RBR), ==, 'C');
    /* 7 bits. */
    wr(LCR, 2);
    wr(THR, 0xff);
    g_assert_cmphex(rd(RBR), ==, 0x7f);
}

static void test_fifo_levels_and_timeout(void)
{
    setup();
    wr(LCR, 3);
    wr(FCR, 0x81 | 6); /* trigger at 8 */
    g_assert_cmphex(rd(IIR), ==, 0xc1);
    wr(MCR, 0x10);
    wr(IER, 1);
    for (unsigned i = 0; i < 7; i++)
        wr(THR, i);
    g_assert_cmphex(rd(IIR), ==, 0xc1);
    g_assert_cmpint(bare_level[0], ==, 0);
    wr(THR, 7);
    g_assert_cmphex(rd(IIR), ==, 0xc4);
    rd(RBR);
    g_assert_cmphex(rd(IIR), ==, 0xc1);
    /* Nothing moves for four characters: timeout. 12 * 10 bits at 115200 baud. */
    bare_advance(4 * 10 * 1000000000ll * 12 / 115200 - 1000);
    g_assert_cmphex(rd(IIR), ==, 0xc1);
    bare_advance(2000);
    g_assert_cmphex(rd(IIR), ==, 0xcc);
    for (unsigned i = 1; i < 8; i++)
        g_assert_cmphex(rd(RBR), ==, i);
    g_assert_cmphex(rd(IIR), ==, 0xc1);
    g_assert_cmphex(rd(LSR) & 1, ==, 0);
    /* 17 characters: the last is lost, and says so. */
    for (unsigned i = 0; i < 17; i++)
        wr(THR, i);
    g_assert_cmphex(rd(LSR) & 3, ==, 3);
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(rd(RBR), ==, i);
    /* Clearing. */
    wr(THR, 1);
    wr(FCR, 0x83);
    g_assert_cmphex(rd(LSR) & 1, ==, 0);
}

static void test_transmit_interrupt(void)
{
    setup();
    wr(IER, 2);
    g_assert_cmpint(bare_level[0], ==, 1); /* THR is empty */
    g_assert_cmphex(rd(IIR), ==, 0x02);
    g_assert_cmphex(rd(IIR), ==, 0x01);    /* reading it was the acknowledgement */
    g_assert_cmpint(bare_level[0], ==, 0);
    wr(THR, 'x');
    g_assert_cmphex(rd(IIR), ==, 0x02);
    /* Priority: received data first. */
    wr(LCR, 3);
    wr(MCR, 0x10);
    wr(IER, 3);
    wr(THR, 'y');
    g_assert_cmphex(rd(IIR), ==, 0x04);
    rd(RBR);
    g_assert_cmphex(rd(IIR), ==, 0x02);
}

static void test_output(void)
{
    bare_init();
    char *file;
    int fd = g_file_open_tmp("sosia-uart-XXXXXX", &file, NULL);
    close(fd);
    char *opts = g_strdup_printf("file,id=out,path=%s", file);
    GError *error = NULL;
    Chardev *c = chardev_new_from_opts(opts, &error);
    g_assert_no_error(error);
    g_assert_nonnull(c);
    Device *dev = bare_device("serial-mm", BASE + 0x1000,
                              (const char *const[]){ "chardev=out", "regshift=2", NULL });
    for (const char *p = "hello\n"; *p; p++) {
        g_assert_cmphex(bare_read(BASE + 0x1000 + (LSR << 2), 4), ==, 0x60);
        bare_write(BASE + 0x1000, 4, (uint8_t)*p);
    }
    device_unrealize(dev);
    chardev_free(c);
    char *text;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello\n");
    g_unlink(file);
    g_free(text);
    g_free(file);
    g_free(opts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ns16550/reset", test_reset);
    g_test_add_func("/ns16550/scratch-divisor", test_scratch_and_divisor);
    g_test_add_func("/ns16550/loopback-modem", test_loopback_modem);
    g_test_add_func("/ns16550/loopback-data", test_loopback_data_without_fifo);
    g_test_add_func("/ns16550/fifo", test_fifo_levels_and_timeout);
    g_test_add_func("/ns16550/transmit-interrupt", test_transmit_interrupt);
    g_test_add_func("/ns16550/output", test_output);
    return g_test_run();
}
