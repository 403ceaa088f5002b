/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Screens without a guest: pixels and files, ramfb by fw_cfg, virtio-gpu's commands as a driver
 * gives them (virtio 1.2, 5.7.6), well and badly.
 */
#include <zlib.h>

#include "backend/display.h"
#include "hw/fw_cfg.h"
#include "virtio_driver.h"

/* ---- pixels ---- */

static DisplayFrame shown;
static bool is_on;

static bool show(void *opaque, unsigned head, DisplayFrame *f)
{
    *f = shown;
    return is_on;
}

static void test_pixels(void)
{
    static const uint8_t bytes[] = { 0x11, 0x22, 0x33, 0x44, 0xaa, 0xbb, 0xcc, 0xdd };
    static const uint32_t wanted[PIXEL_FORMAT_N] = {
        [PIXEL_BGRA] = 0x332211, [PIXEL_BGRX] = 0x332211, [PIXEL_ARGB] = 0x223344,
        [PIXEL_XRGB] = 0x223344, [PIXEL_RGBA] = 0x112233, [PIXEL_RGBX] = 0x112233,
        [PIXEL_XBGR] = 0x443322, [PIXEL_ABGR] = 0x443322, [PIXEL_BGR] = 0x332211,
        [PIXEL_RGB565] = 0x21418c, /* 0x2211 */
    };
    for (unsigned i = 0; i < PIXEL_FORMAT_N; i++) {
        uint32_t row[2];
        DisplayFrame f = { 2, 1, 8, i, bytes };
        display_row(&f, 0, row);
        g_assert_cmphex(row[0], ==, wanted[i]);
        /* From an odd address, with an odd stride. */
        uint8_t odd[32];
        f = (DisplayFrame){ 1, 2, 9, i, odd + 1 };
        memcpy(odd + 1 + 9, bytes, 8);
        display_row(&f, 1, row);
        g_assert_cmphex(row[0], ==, wanted[i]);
    }
}

static uint32_t be32(const char *p)
{
    return load_be32((const uint8_t *)p);
}

/* What a byte is the difference to (PNG, chapter 9); left, up and the one between. */
static int predict(unsigned filter, int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    const int by[] = { 0, a, b, (a + b) / 2, pa <= pb && pa <= pc ? a : pb <= pc ? b : c };
    g_assert_cmpuint(filter, <, G_N_ELEMENTS(by));
    return by[filter];
}

/* The rows of a PNG with one IDAT. */
static void read_png(const char *data, gsize len, uint8_t *rgb, unsigned width, unsigned height)
{
    g_assert_cmpmem(data, 8, "\x89PNG\r\n\x1a\n", 8);
    g_assert_cmpuint(be32(data + 16), ==, width);
    g_assert_cmpuint(be32(data + 20), ==, height);
    g_assert_cmpmem(data + 24, 5, "\x08\x02\0\0\0", 5);
    for (gsize at = 8; at + 8 < len; at += 12 + be32(data + at)) {
        if (memcmp(data + at + 4, "IDAT", 4))
            continue;
        g_autofree uint8_t *raw = g_malloc(height * (3 * width + 1));
        uLongf n = height * (3 * width + 1);
        g_assert_cmpint(uncompress(raw, &n, (const Bytef *)data + at + 8, be32(data + at)), ==, Z_OK);
        for (unsigned y = 0; y < height; y++) {
            const uint8_t *row = raw + y * (3 * width + 1);
            for (unsigned x = 0; x < 3 * width; x++) {
                uint8_t *to = rgb + y * 3 * width + x;
                bool left = x >= 3;
                *to = row[1 + x] + predict(row[0], left ? to[-3] : 0, y ? *(to - 3 * width) : 0,
                                           left && y ? *(to - 3 * width - 3) : 0);
            }
        }
        return;
    }
    g_assert_not_reached();
}

static void test_files(void)
{
    static const uint32_t pixels[4] = { 0xff102030, 0x00405060, 0x708090, 0xa0b0c0 };
    static const char ppm[] = "P6\n2 2\n255\n\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0";
    static const DisplayOps ops = { show };
    g_autofree char *dir = g_dir_make_tmp("sosia-display-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "x", NULL);
    g_autofree char *bad = g_build_filename(dir, "no", "x", NULL);
    g_autofree char *data = NULL, *png = NULL;
    gsize len;
    g_autoptr(GError) error = NULL, gone = NULL, full = NULL;
    uint8_t rgb[12];
    g_assert_null(display_find(NULL, 0));
    DisplayConsole *c = display_console_new(&ops, NULL, "d", 1);
    g_assert_true(display_find(NULL, 0) == c && display_find("d", 1) == c);
    g_assert_null(display_find("d", 0));
    g_assert_null(display_find("e", 1));
    shown = (DisplayFrame){ 2, 2, 8, PIXEL_BGRX, pixels };
    is_on = true;
    g_assert_true(display_save(c, path, IMAGE_PPM, &error));
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpmem(data, len, ppm, sizeof ppm - 1);
    g_assert_true(display_save(c, path, IMAGE_PNG, &error));
    g_assert_true(g_file_get_contents(path, &png, &len, NULL));
    read_png(png, len, rgb, 2, 2);
    g_assert_cmpmem(rgb, 12, ppm + 11, 12);
    is_on = false;
    DisplayFrame f;
    display_frame(c, &f);
    g_assert_cmpuint(f.width, ==, 640);
    g_assert_false(display_save(c, bad, IMAGE_PNG, &gone));
    g_assert_true(g_str_has_prefix(gone->message, "failed to open file"));
    for (int i = 0; i < 2; i++) {
        g_clear_error(&full);
        g_assert_false(display_save(c, "/dev/full", i ? IMAGE_PNG : IMAGE_PPM, &full));
    }
    display_console_free(c);
    g_unlink(path);
    g_rmdir(dir);
}

/* ---- ramfb ---- */

enum { FW_CFG = 0x10100000, FOURCC_XR24 = 0x34325258 };

static void configure(uint64_t addr, uint32_t fourcc, uint32_t width, uint32_t height,
                      uint32_t stride)
{
    uint8_t *c = host + 0x100, *r = host + 0x200;
    store_be64(c, addr);
    store_be32(c + 8, fourcc);
    store_be32(c + 12, 0);
    store_be32(c + 16, width);
    store_be32(c + 20, height);
    store_be32(c + 24, stride);
    store_be32(r, FW_CFG_FILE_FIRST << 16 | 8 | 16); /* select, write */
    store_be32(r + 4, 28);
    store_be64(r + 8, RAM + 0x100);
    address_space_store(address_space_memory, FW_CFG + 16, 8, __builtin_bswap64(RAM + 0x200));
    g_assert_cmphex(load_be32(r), ==, 0);
}

static void expect_size(const char *device, unsigned head, unsigned width, unsigned height)
{
    DisplayFrame f;
    display_frame(display_find(device, head), &f);
    g_assert_cmpuint(f.width, ==, width);
    g_assert_cmpuint(f.height, ==, height);
}

static void test_ramfb(void)
{
    g_autoptr(GError) error = NULL;
    Device *dev = device_new(device_type_find("ramfb"), "early", NULL);
    g_assert_false(device_realize(dev, NULL, &error));
    device_unrealize(dev);
    Device *fw_cfg = device_new(device_type_find("fw_cfg_mem"), NULL, NULL);
    g_assert_true(device_realize(fw_cfg, NULL, NULL));
    device_map(fw_cfg, FW_CFG);
    dev = device_new(device_type_find("ramfb"), "r", NULL);
    g_assert_true(device_realize(dev, NULL, NULL));
    device_reset(dev);
    expect_size("r", 0, 640, 480);
    store_le32(host + 0x1000 + 4 * 15 + 2 * 80, 0x123456);
    configure(RAM + 0x1000, FOURCC_XR24, 16, 20, 80);
    expect_size("r", 0, 16, 20);
    DisplayFrame f;
    uint32_t row[16];
    display_frame(display_find("r", 0), &f);
    display_row(&f, 2, row);
    g_assert_cmphex(row[15], ==, 0x123456);
    configure(RAM + RAM_BYTES - 4 * 16 * 20, FOURCC_XR24, 16, 20, 0); /* up to the end */
    expect_size("r", 0, 16, 20);
    g_autoptr(GByteArray) one = g_byte_array_new();
    device_save(dev, one);

    static const struct {
        uint64_t addr;
        uint32_t fourcc, width, height, stride;
    } bad[] = {
        { RAM + RAM_BYTES - 4 * 16 * 20 + 4, FOURCC_XR24, 16, 20, 0 },
        { RAM, FOURCC_XR24, 16, 20, 60 }, { RAM, 0x1234, 16, 20, 0 }, { RAM, FOURCC_XR24, 0, 0, 0 },
        { RAM, FOURCC_XR24, UINT32_MAX, UINT32_MAX, UINT32_MAX }, { FW_CFG, FOURCC_XR24, 16, 16, 0 },
        { RAM, FOURCC_XR24, 16, 16384, UINT32_MAX }, { UINT64_MAX - 100, FOURCC_XR24, 16, 16, 0 },
        { RAM, FOURCC_XR24, 20000, 16, 0 },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        configure(bad[i].addr, bad[i].fourcc, bad[i].width, bad[i].height, bad[i].stride);
        expect_size("r", 0, 640, 480);
    }
    g_assert_true(device_load(dev, one->data, one->len, &error));
    expect_size("r", 0, 16, 20);
    device_reset(dev);
    expect_size("r", 0, 640, 480);
    /* A second one is refused, and takes nothing away from the first. */
    Device *other = device_new(device_type_find("ramfb"), "other", NULL);
    g_assert_false(device_realize(other, NULL, NULL));
    device_unrealize(other);
    configure(RAM, FOURCC_XR24, 16, 16, 0);
    expect_size("r", 0, 16, 16);
    /* With the device its file goes, so there may be another one. */
    device_unrealize(dev);
    dev = device_new(device_type_find("ramfb"), "r2", NULL);
    g_assert_true(device_realize(dev, NULL, NULL));
    device_reset(dev);
    configure(RAM, FOURCC_XR24, 16, 16, 0);
    expect_size("r2", 0, 16, 16);
    device_unrealize(dev);
    device_unrealize(fw_cfg);
}

/* ---- virtio-gpu ---- */

enum { INFO = 0x100, CREATE, UNREF, SCANOUT, FLUSH, TRANSFER, ATTACH, DETACH, GET_EDID = 0x10a,
       CURSOR = 0x300, MOVE };
enum { OK = 0x1100, UNSPEC = 0x1200, NO_MEMORY, NO_SCANOUT, NO_RESOURCE, NO_CONTEXT, BAD };

static int64_t now;

static int64_t virtual_now(void)
{
    return now;
}

/* Command with words behind its header; the answer's type. */
static uint32_t tell(Driver *d, unsigned queue, uint32_t type, const uint32_t *words, unsigned n,
                     hwaddr *reply)
{
    uint32_t head = 0, len = 0;
    d->next = ALIGN_UP(RAM + 0x40000, 4096); /* behind the rings, pictures further on */
    hwaddr in = take(d, 24 + 4 * n, 8), out = take(d, 2048, 8);
    store_le32(at(in), type);
    store_le32(at(in + 4), 1);
    store_le64(at(in + 8), 0x123456789a);
    for (unsigned i = 0; i < n; i++)
        store_le32(at(in + 24 + 4 * i), words[i]);
    Seg s[] = { { in, 24 + 4 * n, false }, { out, 2048, true } };
    add(d, queue, s, queue ? 1 : 2);
    kick(d, queue);
    now++;
    clock_run_timers(CLOCK_VIRTUAL);
    g_assert_true(used(d, queue, &head, &len));
    if (queue)
        return 0;
    g_assert_cmpuint(len, >=, 24);
    g_assert_cmpuint(load_le32(at(out + 4)), ==, 1);
    g_assert_cmphex(load_le64(at(out + 8)), ==, 0x123456789a);
    if (reply)
        *reply = out;
    return load_le32(at(out));
}

#define TELL(type, ...)                                                                        \
    ({                                                                                         \
        const uint32_t words_[] = { __VA_ARGS__ };                                             \
        tell(&d, 0, type, words_, G_N_ELEMENTS(words_), NULL);                                 \
    })
enum { PICTURE = RAM + 0x100000 };

static GHashTable *gpu_props(void)
{
    GHashTable *p = props("max_outputs", "2");
    g_hash_table_insert(p, (gpointer)"max_hostmem", (gpointer)"64K");
    return p;
}

static uint32_t pixel(unsigned x, unsigned y)
{
    DisplayFrame f;
    display_frame(display_find(NULL, 0), &f);
    g_autofree uint32_t *row = g_new(uint32_t, f.width);
    display_row(&f, y, row);
    return row[x];
}

static void open_gpu(Driver *d)
{
    driver_open(d, "virtio-gpu-device", gpu_props(), true);
    driver_start(d, 2, 16, 0);
}

static void test_gpu(void)
{
    Driver d;
    hwaddr reply;
    open_gpu(&d);
    g_assert_cmpuint(rd(0x108), ==, 2);
    g_assert_cmpuint(tell(&d, 0, INFO, NULL, 0, &reply), ==, 0x1101);
    g_assert_cmpuint(load_le32(at(reply + 32)), ==, 1280);
    g_assert_cmpuint(load_le32(at(reply + 40)), ==, 1);
    g_assert_cmpuint(load_le32(at(reply + 64)), ==, 0);
    const uint32_t second[] = { 1, 0 }, third[] = { 2, 0 };
    g_assert_cmpuint(tell(&d, 0, GET_EDID, second, 2, &reply), ==, 0x1104);
    g_assert_cmpuint(load_le32(at(reply + 24)), ==, 256);
    for (unsigned block = 0; block < 2; block++) {
        uint8_t sum = 0;
        for (unsigned i = 0; i < 128; i++)
            sum += *at(reply + 32 + 128 * block + i);
        g_assert_cmpuint(sum, ==, 0);
    }
    g_assert_cmpuint(tell(&d, 0, GET_EDID, third, 2, &reply), ==, BAD);

    g_assert_cmphex(TELL(CREATE, 7, 2, 32, 40), ==, OK);
    g_assert_cmphex(TELL(ATTACH, 7, 2, PICTURE, 0, 100, 0, PICTURE + 4096, 0, 100000, 0), ==, OK);
    store_le32(at(PICTURE), 0xa1);
    store_le32(at(PICTURE + 4096 + 128 * 3 + 16 - 100), 0xb2); /* 4, 3: in the second piece */
    g_assert_cmphex(TELL(TRANSFER, 0, 0, 32, 40, 0, 0, 7, 0), ==, OK);
    expect_size(NULL, 0, 640, 480);
    g_assert_cmphex(TELL(SCANOUT, 0, 0, 32, 40, 0, 7), ==, OK);
    expect_size(NULL, 0, 32, 40);
    g_assert_cmphex(pixel(0, 0), ==, 0xa1);
    g_assert_cmphex(pixel(4, 3), ==, 0xb2);
    /* Part of it, whose first row lies at an offset of the backing. */
    store_le32(at(PICTURE + 4096 + 128 * 5 + 8 - 100), 0xc3);
    store_le32(at(PICTURE + 4096 + 128 * 5 + 16 - 100), 0xd4);
    g_assert_cmphex(TELL(TRANSFER, 2, 5, 1, 1, 128 * 5 + 8, 0, 7, 0), ==, OK);
    g_assert_cmphex(pixel(2, 5), ==, 0xc3);
    g_assert_cmphex(pixel(4, 5), ==, 0);
    g_assert_cmphex(TELL(FLUSH, 0, 0, 32, 40, 7, 0), ==, OK);
    g_assert_cmphex(TELL(SCANOUT, 2, 5, 16, 16, 0, 7), ==, OK); /* a part of it is shown */
    g_assert_cmphex(pixel(0, 0), ==, 0xc3);

    /* A cursor of another size is none; one that is right stays when its resource goes. */
    g_assert_cmphex(TELL(CREATE, 9, 1, 64, 64), ==, OK);
    const uint32_t cursor[] = { 0, 10, 20, 0, 9, 1, 2, 0 };
    tell(&d, 1, CURSOR, cursor, 8, NULL);
    g_assert_cmphex(TELL(UNREF, 9, 0), ==, OK);
    g_autoptr(GString) info = g_string_new(NULL);
    d.dev->type->info(d.dev, info);
    g_assert_cmpstr(info->str, ==, "resources 1, 5408 bytes\noutput 0: 16x16 of resource 7\n"
                                   "cursor 0 at 10,20\n");

    /* Saved, changed, loaded. */
    g_autoptr(GByteArray) one = g_byte_array_new(), two = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    device_save(d.dev, one);
    g_assert_cmphex(TELL(UNREF, 7, 0), ==, OK);
    expect_size(NULL, 0, 640, 480);
    device_reset(d.dev);
    g_assert_true(device_load(d.dev, one->data, one->len, &error));
    device_save(d.dev, two);
    g_assert_cmpmem(one->data, one->len, two->data, two->len);
    g_assert_cmphex(pixel(0, 0), ==, 0xc3);
    /* Damaged in any way: refused or something valid, and no picture out of bounds. */
    for (unsigned i = 0; i < 20000; i++) {
        g_autoptr(GByteArray) bad = g_byte_array_new();
        g_byte_array_append(bad, one->data, one->len);
        for (unsigned k = g_random_int_range(1, 4); k; k--)
            bad->data[g_random_int_range(0, g_random_boolean() ? 1000 : (gint)bad->len)] =
                g_random_int_range(0, g_random_boolean() ? 4 : 256);
        device_load(d.dev, bad->data, bad->len, NULL);
        pixel(0, 0);
    }
    driver_close(&d);
}

static void test_gpu_errors(void)
{
    Driver d;
    open_gpu(&d);
    g_assert_cmphex(TELL(CREATE, 0, 2, 32, 32), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(CREATE, 1, 2, 32, 32), ==, OK);
    g_assert_cmphex(TELL(CREATE, 1, 2, 32, 32), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(CREATE, 2, 5, 32, 32), ==, BAD);
    g_assert_cmphex(TELL(CREATE, 2, 2, 0, 32), ==, BAD);
    g_assert_cmphex(TELL(CREATE, 2, 2, UINT32_MAX, UINT32_MAX), ==, BAD);
    g_assert_cmphex(TELL(CREATE, 2, 2, 16384, 16384), ==, NO_MEMORY);
    g_assert_cmphex(TELL(CREATE, 2, 2, 32), ==, UNSPEC);
    g_assert_cmphex(TELL(TRANSFER, 0, 0, 32, 32, 0, 0, 1, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(DETACH, 1, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 2, 0), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(ATTACH, 1, 16385), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 1, UINT32_MAX), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 1, 1), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 1, 1, MMIO, 0, 4, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 1, 1, RAM + RAM_BYTES - 4, 0, 8, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 1, 1, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(ATTACH, 1, 3, PICTURE, 0, 0, 0, PICTURE, 0, 8, 0, PICTURE, 0, 0, 0), ==, OK);
    g_assert_cmphex(TELL(ATTACH, 1, 1, PICTURE, 0, 8, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(TRANSFER, 0, 0, 32, 32, 0, 0, 1, 0), ==, OK); /* 8 bytes are there */
    g_assert_cmphex(TELL(TRANSFER, 1, 0, 32, 32, 0, 0, 1, 0), ==, BAD);
    g_assert_cmphex(TELL(TRANSFER, UINT32_MAX, 1, 2, 1, 0, 0, 1, 0), ==, BAD);
    g_assert_cmphex(TELL(TRANSFER, 0, 0, 32, 32, UINT32_MAX, UINT32_MAX, 1, 0), ==, BAD);
    g_assert_cmphex(TELL(TRANSFER, 0, 0, 32, 32, 0, 0, 2, 0), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(SCANOUT, 0, 0, 32, 32, 2, 1), ==, NO_SCANOUT);
    g_assert_cmphex(TELL(SCANOUT, 0, 0, 32, 32, 1, 3), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(SCANOUT, 0, 1, 32, 32, 1, 1), ==, BAD);
    g_assert_cmphex(TELL(SCANOUT, 0, 0, 15, 32, 1, 1), ==, BAD);
    g_assert_cmphex(TELL(SCANOUT, 0, 0, 0, 0, 1, 0), ==, OK);
    g_assert_cmphex(TELL(FLUSH, 0, 0, 33, 32, 1, 0), ==, BAD);
    g_assert_cmphex(TELL(FLUSH, 0, 0, 32, 32, 5, 0), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(UNREF, 5, 0), ==, NO_RESOURCE);
    g_assert_cmphex(TELL(0x108, 0, 0), ==, UNSPEC);
    g_assert_cmphex(TELL(0x1100, 0), ==, UNSPEC);
    const uint32_t cursor[] = { 0, 1, 1, 0, 1, 0, 0, 0 }, far[] = { 99, 1, 1, 0, 1, 0, 0, 0 };
    tell(&d, 1, CURSOR, cursor, 8, NULL);
    tell(&d, 1, CURSOR, far, 8, NULL);
    tell(&d, 1, MOVE, far, 8, NULL);
    tell(&d, 1, MOVE, far, 3, NULL);
    /* Small things in great number: bounded too, and all of it comes back. */
    unsigned n = 0;
    while (TELL(CREATE, 100 + n, 1, 1, 1) == OK)
        n++;
    g_assert_cmpuint(n, <, 256);
    for (unsigned i = 0; i < n; i++)
        g_assert_cmphex(TELL(UNREF, 100 + i, 0), ==, OK);
    g_assert_cmphex(TELL(UNREF, 1, 0), ==, OK);
    g_autoptr(GString) info = g_string_new(NULL);
    d.dev->type->info(d.dev, info);
    g_assert_cmpstr(info->str, ==, "resources 0, 0 bytes\n");
    driver_close(&d);
}

/* Any words: whatever comes of them, the device answers, and no more is kept than it may. */
static void test_gpu_noise(void)
{
    Driver d;
    open_gpu(&d);
    static const uint32_t often[] = { 0, 1, 2, 3, 16, 31, 32, 33, 64, 128, PICTURE, UINT32_MAX };
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t words[24];
        bool moves = !g_random_int_range(0, 8);
        for (unsigned k = 0; k < G_N_ELEMENTS(words); k++)
            words[k] = g_random_int_range(0, 200) ? often[g_random_int_range(0, G_N_ELEMENTS(often))]
                                                  : g_random_int();
        tell(&d, moves, moves ? g_random_int_range(CURSOR, MOVE + 1) : g_random_int_range(INFO, 0x110),
             words, g_random_int_range(0, G_N_ELEMENTS(words)), NULL);
        pixel(0, 0);
    }
    g_autoptr(GString) info = g_string_new(NULL);
    unsigned n;
    d.dev->type->info(d.dev, info);
    g_assert_cmpint(sscanf(info->str, "resources %*u, %u bytes", &n), ==, 1);
    g_assert_cmpuint(n, <=, 64 << 10);
    g_autoptr(GByteArray) one = g_byte_array_new();
    device_save(d.dev, one);
    g_assert_true(device_load(d.dev, one->data, one->len, NULL));
    driver_close(&d);
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    clock_set_virtual_source(virtual_now);
    g_test_add_func("/display/pixels", test_pixels);
    g_test_add_func("/display/files", test_files);
    g_test_add_func("/display/ramfb", test_ramfb);
    g_test_add_func("/display/gpu", test_gpu);
    g_test_add_func("/display/gpu-errors", test_gpu_errors);
    g_test_add_func("/display/gpu-noise", test_gpu_noise);
    return test_end();
}
