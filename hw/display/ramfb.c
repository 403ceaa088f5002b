/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ramfb: a frame buffer in the guest's RAM, for firmware and first drivers (QEMU's
 * docs/specs/fw_cfg and OVMF's QemuRamfbDxe). The guest writes where and how it lies to the fw_cfg
 * file "etc/ramfb".
 */
#include <string.h>

#include "backend/display.h"
#include "hw/device.h"
#include "hw/fw_cfg.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { CONFIG_SIZE = 28, SIDE_LEAST = 16 };

typedef struct Ramfb {
    Device dev;
    uint64_t addr;
    uint32_t fourcc, width, height, stride;
    DisplayConsole *console;
} Ramfb;

static Ramfb *the_ramfb; /* there is one file */

/* Four-character codes of DRM, which count from the lowest byte of a pixel's number. */
#define FOURCC(a, b, c, d) ((uint32_t)(a) | (b) << 8 | (c) << 16 | (uint32_t)(d) << 24)
static const struct {
    uint32_t fourcc;
    PixelFormat format;
} formats[] = {
    { FOURCC('X', 'R', '2', '4'), PIXEL_BGRX }, { FOURCC('A', 'R', '2', '4'), PIXEL_BGRA },
    { FOURCC('X', 'B', '2', '4'), PIXEL_RGBX }, { FOURCC('A', 'B', '2', '4'), PIXEL_RGBA },
    { FOURCC('R', 'G', '2', '4'), PIXEL_BGR }, { FOURCC('R', 'G', '1', '6'), PIXEL_RGB565 },
};

static bool find_format(uint32_t fourcc, PixelFormat *format)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            *format = formats[i].format;
            return true;
        }
    }
    return false;
}

/* The picture where the guest's words are sound: all of it is RAM, in one piece. */
static bool ramfb_frame(void *opaque, unsigned head, DisplayFrame *f)
{
    const Ramfb *s = opaque;
    if (s->width < SIDE_LEAST || s->height < SIDE_LEAST || s->width > DISPLAY_MAX_SIZE ||
        s->height > DISPLAY_MAX_SIZE || !find_format(s->fourcc, &f->format))
        return false;
    uint64_t line = (uint64_t)s->width * pixel_format_bytes(f->format);
    f->stride = s->stride ? s->stride : line;
    if (f->stride < line)
        return false;
    uint64_t size = f->stride * (s->height - 1) + line, got = size;
    f->width = s->width;
    f->height = s->height;
    f->pixels = address_space_map(s->dev.dma, s->addr, &got, false);
    return f->pixels && got == size;
}

static const DisplayOps ramfb_ops = { .frame = ramfb_frame };

static void config_written(void *opaque, const uint8_t *data, size_t len)
{
    Ramfb *s = the_ramfb;
    DisplayFrame f;
    if (!s)
        return;
    s->addr = load_be64(data);
    s->fourcc = load_be32(data + 8);
    s->width = load_be32(data + 16);
    s->height = load_be32(data + 20);
    s->stride = load_be32(data + 24);
    if (!ramfb_frame(s, 0, &f))
        log_guest_error(s->dev.path, "%u x %u pixels of format 0x%x at 0x%" G_GINT64_MODIFIER
                        "x are no picture", s->width, s->height, s->fourcc, s->addr);
}

static void ramfb_reset(void *dev)
{
    Ramfb *s = dev;
    s->addr = 0;
    s->fourcc = s->width = s->height = s->stride = 0;
}

static bool ramfb_realize(void *dev, GError **error)
{
    Ramfb *s = dev;
    if (the_ramfb)
        return error_set(error, "ramfb: there can be one only");
    if (!fw_cfg_present())
        return error_set(error, "ramfb: this machine has no fw_cfg, by which the guest sets it up");
    if (!fw_cfg_add_writable_file("etc/ramfb", CONFIG_SIZE, config_written, NULL, error))
        return false;
    the_ramfb = s;
    s->console = display_console_new(&ramfb_ops, s, s->dev.id, 0);
    return true;
}

static void ramfb_unrealize(void *dev)
{
    Ramfb *s = dev;
    if (the_ramfb != s)
        return; /* it was not made */
    fw_cfg_remove_file("etc/ramfb");
    display_console_free(s->console);
    the_ramfb = NULL;
}

static const Prop ramfb_props[] = {
    PROP_LAST,
};

static const StateField ramfb_state[] = {
    STATE(Ramfb, addr),
    STATE(Ramfb, fourcc),
    STATE(Ramfb, width),
    STATE(Ramfb, height),
    STATE(Ramfb, stride),
    { .type = STATE_END },
};

static const DeviceType ramfb_type = {
    .name = "ramfb", .doc = "frame buffer in RAM (docs/specs/fw_cfg)",
    .category = CATEGORY_DISPLAY, .user_creatable = true, .size = sizeof(Ramfb), .version = 1,
    .props = ramfb_props, .state = ramfb_state, .realize = ramfb_realize,
    .unrealize = ramfb_unrealize, .reset = ramfb_reset,
};
DEVICE_REGISTER(ramfb_type)
