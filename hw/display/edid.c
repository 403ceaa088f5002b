/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EDID of a monitor that takes any common size (VESA E-EDID 1.4, "E" below; CTA-861). Names, sizes
 * and timings are those that guests see on the reference, so that they choose the same mode.
 */
#include "hw/display/edid.h"

#include <stdbool.h>
#include <string.h>

#include "util/bits.h"

enum { DPI = 100, REFRESH = 75, BLOCK = 128 };

/* E 3.9: a size by its aspect, all at 60 Hz. */
static const struct {
    uint16_t width;
    uint8_t aspect; /* 0: 16:10, 1: 4:3, 2: 5:4, 3: 16:9 */
} standard[8] = {
    { 2048, 3 }, { 1920, 3 }, { 1920, 0 }, { 1600, 1 }, { 1680, 0 }, { 1440, 0 }, { 1280, 2 },
    { 1280, 1 },
};

/* Millimetres of so many dots. */
static unsigned millimetres(unsigned dots)
{
    return dots * 254 / 10 / DPI;
}

/* E 3.10.2: the timing of one mode, with the blanking in parts of the picture. */
static void detailed_timing(uint8_t *d, unsigned width, unsigned height)
{
    unsigned x_front = width * 25 / 100, x_sync = width * 3 / 100, x_blank = width * 35 / 100;
    unsigned y_front = height * 5 / 1000, y_sync = height * 5 / 1000, y_blank = height * 35 / 1000;
    uint64_t clock = (uint64_t)REFRESH * (width + x_blank) * (height + y_blank) / 10000;
    unsigned x_mm = millimetres(width), y_mm = millimetres(height);
    store_le16(d, clock > 0xffff ? 0xffff : clock);
    d[2] = width;
    d[3] = x_blank;
    d[4] = width >> 8 << 4 | x_blank >> 8;
    d[5] = height;
    d[6] = y_blank;
    d[7] = height >> 8 << 4 | y_blank >> 8;
    d[8] = x_front;
    d[9] = x_sync;
    d[10] = (y_front & 15) << 4 | (y_sync & 15);
    d[11] = x_front >> 8 << 6 | x_sync >> 8 << 4 | y_front >> 4 << 2 | y_sync >> 4;
    d[12] = x_mm;
    d[13] = y_mm;
    d[14] = x_mm >> 8 << 4 | y_mm >> 8;
    d[17] = 0x18; /* digital, separate sync */
}

static void descriptor(uint8_t *d, uint8_t tag, const void *data, size_t len)
{
    d[3] = tag;
    memcpy(d + 5, data, len);
}

static void checksum(uint8_t *block)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < BLOCK - 1; i++)
        sum += block[i];
    block[BLOCK - 1] = -sum;
}

void edid_make(uint8_t *edid, unsigned width, unsigned height)
{
    static const uint8_t head[] = {
        0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
        0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0, /* RHT 0x1234, no serial number */
        42, 2014 - 1990, 1, 4,
        0xa5, 0, 0, 0x78, 0x06,             /* 8 bits by DisplayPort, gamma 2.2, sRGB */
        0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, /* sRGB's colours */
        0x21, 0x08, 0x00,                   /* 640x480, 800x600, 1024x768 at 60 Hz */
    };
    /* E 3.10.3.9: 1280x768, 1280x960, 1280x1024, 1360x768, 1440x900, 1400x1050, 1680x1050,
     * 1600x1200, 1792x1344, 1856x1392, 1920x1200, 1920x1440, all at 60 Hz */
    static const uint8_t established[] = { 0x0a, 0x00, 0x40, 0x82, 0x00, 0x28, 0x20 };
    static const uint8_t range[] = { 50, 125, 30, 160, 255, 1, '\n', ' ', ' ', ' ', ' ', ' ', ' ' };
    /* CTA-861: sizes above those by their numbers */
    static const uint8_t video[] = { 2, 3, 11, 0, 0x46, 125, 101, 96, 89, 31, 97 };
    memset(edid, 0, EDID_SIZE);
    memcpy(edid, head, sizeof head);
    edid[21] = millimetres(width) / 10;
    edid[22] = millimetres(height) / 10;
    for (unsigned i = 0; i < 8; i++) {
        edid[38 + 2 * i] = standard[i].width / 8 - 31;
        edid[39 + 2 * i] = standard[i].aspect << 6;
    }
    detailed_timing(edid + 54, width, height);
    descriptor(edid + 72, 0xf7, established, sizeof established);
    descriptor(edid + 90, 0xfd, range, sizeof range);
    descriptor(edid + 108, 0xfc, "QEMU Monitor\n", 13);
    edid[126] = 1;
    memcpy(edid + BLOCK, video, sizeof video);
    for (unsigned at = sizeof video; at + 18 < BLOCK; at += 18)
        edid[BLOCK + at + 3] = 0x10; /* nothing here */
    checksum(edid);
    checksum(edid + BLOCK);
}
