/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fw_cfg against its specification: selector, data register, DMA, file directory. */
#include "bare.h"
#include "hw/fw_cfg.h"

enum { BASE = 0x10100000, RAM = 0x80000000, DATA = 0, SELECT = 8, DMA = 16 };

static Device *dev;
static MemoryRegion ram;
static unsigned written;

static void file_written(void *opaque, const uint8_t *data, size_t len)
{
    written++;
    g_assert_cmpuint(len, ==, 8);
}

static void setup(void)
{
    if (dev)
        return;
    GError *error = NULL;
    dev = bare_device("fw_cfg_mem", BASE, NULL);
    g_assert_true(memory_region_init_ram(&ram, "ram", 1 << 20, &error));
    memory_region_add(memory_system_root(), RAM, &ram, 0);
    g_assert_true(fw_cfg_add_file("opt/b", "second", 6, &error));
    g_assert_true(fw_cfg_add_file("etc/a", "first file", 10, &error));
    g_assert_true(fw_cfg_add_writable_file("opt/w", 8, file_written, NULL, &error));
    g_assert_false(fw_cfg_add_file("opt/b", "x", 1, &error));
    g_clear_error(&error);
    char *name = g_strnfill(56, 'n');
    g_assert_false(fw_cfg_add_file(name, "x", 1, &error));
    g_clear_error(&error);
    g_free(name);
}

static void sel(uint16_t key) { bare_write(BASE + SELECT, 2, __builtin_bswap16(key)); }

static void test_signature(void)
{
    setup();
    sel(FW_CFG_SIGNATURE);
    g_assert_cmphex(bare_read(BASE, 4), ==, 0x554d4551); /* "QEMU", first byte lowest */
    g_assert_cmphex(bare_read(BASE, 1), ==, 0);          /* beyond the end */
    sel(FW_CFG_ID);
    g_assert_cmphex(bare_read(BASE, 4), ==, 3);
    g_assert_cmphex(__builtin_bswap64(bare_read(BASE + DMA, 8)), ==, 0x51454d5520434647);
    sel(0x1234);
    g_assert_cmphex(bare_read(BASE, 8), ==, 0);
}

static void test_directory(void)
{
    setup();
    static const char *const names[] = { "etc/a", "opt/b", "opt/w" };
    static const uint32_t sizes[] = { 10, 6, 8 };
    uint8_t dir[4 + 3 * 64];
    sel(FW_CFG_FILE_DIR);
    for (unsigned i = 0; i < sizeof dir; i++)
        dir[i] = bare_read(BASE, 1);
    g_assert_cmpuint(load_be32(dir), ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *e = dir + 4 + 64 * i;
        g_assert_cmpuint(load_be32(e), ==, sizes[i]);
        g_assert_cmphex(load_be16(e + 4), ==, 0x20 + i);
        g_assert_cmpstr((const char *)e + 8, ==, names[i]);
    }
    sel(0x21);
    g_assert_cmphex(bare_read(BASE, 2), ==, 's' | 'e' << 8);
    g_assert_cmphex(bare_read(BASE, 8), ==, 'c' | 'o' << 8 | 'n' << 16 | (uint64_t)'d' << 24);
}

static uint32_t dma(uint32_t control, uint32_t len, hwaddr addr, bool halves)
{
    uint8_t r[16];
    store_be32(r, control);
    store_be32(r + 4, len);
    store_be64(r + 8, addr);
    address_space_write(address_space_memory, RAM + 0x100, r, sizeof r);
    if (halves) {
        bare_write(BASE + DMA, 4, 0);
        bare_write(BASE + DMA + 4, 4, __builtin_bswap32(RAM + 0x100));
    } else {
        bare_write(BASE + DMA, 8, __builtin_bswap64(RAM + 0x100));
    }
    address_space_read(address_space_memory, RAM + 0x100, r, 4);
    return load_be32(r);
}

static void test_dma(void)
{
    setup();
    char text[16];
    memset(text, 'x', sizeof text);
    address_space_write(address_space_memory, RAM, text, sizeof text);
    g_assert_cmphex(dma(0x20 << 16 | 8 | 2, 12, RAM, false), ==, 0);
    address_space_read(address_space_memory, RAM, text, sizeof text);
    g_assert_cmpmem(text, 16, "first file\0\0xxxx", 16);
    /* Select, skip, then read in pieces. */
    g_assert_cmphex(dma(0x20 << 16 | 8 | 4, 6, 0, true), ==, 0);
    g_assert_cmphex(dma(2, 4, RAM, true), ==, 0);
    address_space_read(address_space_memory, RAM, text, 4);
    g_assert_cmpmem(text, 4, "file", 4);
    /* Writing: only to a writable file, within its size. */
    g_assert_cmphex(dma(0x20 << 16 | 8 | 16, 4, RAM, false), ==, 1);
    g_assert_cmphex(dma(0x22 << 16 | 8 | 16, 9, RAM, false), ==, 1);
    g_assert_cmpuint(written, ==, 0);
    g_assert_cmphex(dma(0x22 << 16 | 8 | 16, 4, RAM, false), ==, 0);
    g_assert_cmpuint(written, ==, 1);
    sel(0x22);
    g_assert_cmphex(bare_read(BASE, 4), ==, 'f' | 'i' << 8 | 'l' << 16 | 'e' << 24);
    /* Nowhere to put it. */
    g_assert_cmphex(dma(0x20 << 16 | 8 | 2, 12, 0x40000000, false), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/signature", test_signature);
    g_test_add_func("/fw_cfg/directory", test_directory);
    g_test_add_func("/fw_cfg/dma", test_dma);
    return g_test_run();
}
