/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flash against the StrataFlash J3 data sheet and JESD68: two x16 chips side by side, 4 bytes
 * wide, as on the riscv virt board.
 */
#include <glib/gstdio.h>
#include <unistd.h>

#include "backend/block.h"
#include "bare.h"

enum { BASE = 0x20000000, SECTOR = 256 << 10 };

static Device *flash;

static void setup(void)
{
    static bool erased;
    if (!flash)
        flash = bare_device("cfi.pflash01", BASE,
                            (const char *const[]){ "num-blocks=16", "name=test.flash", NULL });
    device_reset(flash);
    for (uint32_t at = 0; !erased && at < 16 * SECTOR; at += SECTOR) {
        bare_write(BASE + at, 4, 0x00200020);
        bare_write(BASE + at, 4, 0x00d000d0);
        bare_write(BASE + at, 4, 0x00ff00ff);
    }
    erased = true;
}

static uint32_t rd(uint32_t at) { return bare_read(BASE + at, 4); }
static void wr(uint32_t at, uint32_t v) { bare_write(BASE + at, 4, v); }

static void test_program_and_erase(void)
{
    setup();
    g_assert_cmphex(rd(0x1000), ==, 0xffffffff);
    wr(0, 0x00400040);
    wr(0x1000, 0x12345678);
    g_assert_cmphex(rd(0x1000), ==, 0x00800080); /* status, both chips ready */
    wr(0, 0x00ff00ff);
    g_assert_cmphex(rd(0x1000), ==, 0x12345678);
    /* Programming only clears bits. */
    wr(0, 0x00100010);
    wr(0x1000, 0xffff0000);
    wr(0, 0x00ff00ff);
    g_assert_cmphex(rd(0x1000), ==, 0x12340000);
    wr(SECTOR - 4, 0x00200020);
    wr(SECTOR - 4, 0x00d000d0);
    g_assert_cmphex(rd(0), ==, 0x00800080);
    wr(0, 0x00ff00ff);
    g_assert_cmphex(rd(0x1000), ==, 0xffffffff);
}

static void test_buffer(void)
{
    setup();
    uint32_t base = SECTOR + 0x100;
    wr(base, 0x00e800e8);
    g_assert_cmphex(rd(base), ==, 0x00800080);
    wr(base, 0x001f001f); /* 32 words */
    for (unsigned i = 0; i < 32; i++)
        wr(base + 4 * i, 0x01000000 * i + i);
    wr(base, 0x00d000d0);
    g_assert_cmphex(rd(base), ==, 0x00800080);
    wr(base, 0x00ff00ff);
    for (unsigned i = 0; i < 32; i++)
        g_assert_cmphex(rd(base + 4 * i), ==, 0x01000000 * i + i);
    g_assert_cmphex(rd(base - 4), ==, 0xffffffff);
    g_assert_cmphex(rd(base + 128), ==, 0xffffffff);
    /* Anything but the confirmation: sequence error, nothing programmed. */
    wr(2 * SECTOR, 0x00e800e8);
    wr(2 * SECTOR, 0);
    wr(2 * SECTOR, 0);
    wr(2 * SECTOR, 0x00ff00ff);
    g_assert_cmphex(rd(0), ==, 0x00b000b0);
    wr(0, 0x00500050);
    wr(0, 0x00700070);
    g_assert_cmphex(rd(0), ==, 0x00800080);
    wr(0, 0x00ff00ff);
    g_assert_cmphex(rd(2 * SECTOR), ==, 0xffffffff);
}

static void test_identify(void)
{
    setup();
    wr(0, 0x00900090);
    g_assert_cmphex(rd(0), ==, 0x00890089);
    g_assert_cmphex(rd(4), ==, 0x00180018);
    g_assert_cmphex(rd(8), ==, 0); /* not locked */
    wr(0x55 * 4, 0x00980098);
    g_assert_cmphex(rd(0x10 * 4), ==, 0x00510051);
    g_assert_cmphex(rd(0x11 * 4), ==, 0x00520052);
    g_assert_cmphex(rd(0x12 * 4), ==, 0x00590059);
    g_assert_cmphex(rd(0x13 * 4), ==, 0x00010001);
    g_assert_cmphex(rd(0x27 * 4), ==, 0x00150015); /* 2 MiB per chip */
    g_assert_cmphex(rd(0x2d * 4), ==, 0x000f000f); /* 16 blocks */
    g_assert_cmphex(rd(0x30 * 4), ==, 0x00020002); /* of 128 KiB per chip */
    g_assert_cmphex(bare_read(BASE + 0x10 * 4, 2), ==, 0x51);
    wr(0, 0x00f000f0);
    g_assert_cmphex(rd(0x10 * 4), ==, 0xffffffff);
}

static void test_drive(void)
{
    bare_init();
    char *file;
    int fd = g_file_open_tmp("sosia-flash-XXXXXX", &file, NULL);
    g_assert_cmpint(ftruncate(fd, 2 * SECTOR), ==, 0);
    GError *error = NULL;
    char *interface, *opts = g_strdup_printf("file=%s,format=raw,if=none,id=fl", file);
    BlockBackend *b = drive_new(opts, &interface, &error);
    g_assert_no_error(error);
    Device *dev = bare_device("cfi.pflash01", BASE + 0x10000000,
                              (const char *const[]){ "num-blocks=16", "name=test.flash2",
                                                     "drive=fl", NULL });
    hwaddr at = BASE + 0x10000000;
    g_assert_cmphex(bare_read(at, 4), ==, 0);
    g_assert_cmphex(bare_read(at + 2 * SECTOR, 4), ==, 0xffffffff);
    bare_write(at, 4, 0x00200020);
    bare_write(at, 4, 0x00d000d0);
    bare_write(at, 4, 0x00400040);
    bare_write(at + 8, 4, 0x11223344);
    g_assert_cmphex(bare_read(at, 4), ==, 0x00800080);
    uint32_t words[4];
    g_assert_cmpint(pread(fd, words, sizeof words, 0), ==, sizeof words);
    g_assert_cmphex(words[0], ==, 0xffffffff);
    g_assert_cmphex(words[2], ==, 0x11223344);
    device_unrealize(dev);
    block_free(b);

    /* Read-only: an error, and nothing changes. */
    g_free(opts);
    opts = g_strdup_printf("file=%s,format=raw,if=none,id=ro,readonly=on", file);
    b = drive_new(opts, &interface, &error);
    g_assert_no_error(error);
    dev = bare_device("cfi.pflash01", at, (const char *const[]){ "num-blocks=16", "drive=ro",
                                                                 "name=test.flash3", NULL });
    bare_write(at, 4, 0x00400040);
    bare_write(at + 8, 4, 0);
    g_assert_cmphex(bare_read(at, 4), ==, 0x00900090);
    bare_write(at, 4, 0x00500050);
    bare_write(at, 4, 0x00ff00ff);
    g_assert_cmphex(bare_read(at + 8, 4), ==, 0x11223344);
    device_unrealize(dev);
    g_unlink(file);
    close(fd);
    g_free(file);
    g_free(opts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pflash/program-erase", test_program_and_erase);
    g_test_add_func("/pflash/buffer", test_buffer);
    g_test_add_func("/pflash/identify", test_identify);
    g_test_add_func("/pflash/drive", test_drive);
    return g_test_run();
}
