/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consoles and pixels: see include/backend/display.h. */
#include "backend/display.h"

#include <pixman.h>
#include <string.h>

struct DisplayConsole {
    const DisplayOps *ops;
    void *opaque;
    char *device;
    unsigned head;
};

enum { BLANK_WIDTH = 640, BLANK_HEIGHT = 480 };

/* pixman names formats after 32-bit numbers, from the highest byte. */
static const struct {
    pixman_format_code_t code;
    uint8_t bytes;
} formats[PIXEL_FORMAT_N] = {
    [PIXEL_BGRA] = { PIXMAN_x8r8g8b8, 4 }, [PIXEL_BGRX] = { PIXMAN_x8r8g8b8, 4 },
    [PIXEL_ARGB] = { PIXMAN_b8g8r8x8, 4 }, [PIXEL_XRGB] = { PIXMAN_b8g8r8x8, 4 },
    [PIXEL_RGBA] = { PIXMAN_x8b8g8r8, 4 }, [PIXEL_RGBX] = { PIXMAN_x8b8g8r8, 4 },
    [PIXEL_XBGR] = { PIXMAN_r8g8b8x8, 4 }, [PIXEL_ABGR] = { PIXMAN_r8g8b8x8, 4 },
    [PIXEL_BGR] = { PIXMAN_r8g8b8, 3 }, [PIXEL_RGB565] = { PIXMAN_r5g6b5, 2 },
};

static GPtrArray *consoles;

unsigned pixel_format_bytes(PixelFormat f)
{
    return formats[f].bytes;
}

DisplayConsole *display_console_new(const DisplayOps *ops, void *opaque, const char *device,
                                    unsigned head)
{
    DisplayConsole *c = g_new(DisplayConsole, 1);
    *c = (DisplayConsole){ ops, opaque, g_strdup(device), head };
    if (!consoles)
        consoles = g_ptr_array_new();
    g_ptr_array_add(consoles, c);
    return c;
}

void display_console_free(DisplayConsole *c)
{
    if (!c)
        return;
    g_ptr_array_remove(consoles, c);
    g_free(c->device);
    g_free(c);
}

DisplayConsole *display_find(const char *device, unsigned head)
{
    for (guint i = 0; consoles && i < consoles->len; i++) {
        DisplayConsole *c = consoles->pdata[i];
        if (!device || (!g_strcmp0(c->device, device) && c->head == head))
            return c;
    }
    return NULL;
}

void display_frame(const DisplayConsole *c, DisplayFrame *f)
{
    if (!c->ops->frame(c->opaque, c->head, f))
        *f = (DisplayFrame){ .width = BLANK_WIDTH, .height = BLANK_HEIGHT };
}

void display_row(const DisplayFrame *f, unsigned y, uint32_t *out)
{
    if (!f->pixels) {
        memset(out, 0, f->width * sizeof *out);
        return;
    }
    /* pixman reads aligned words; guests choose any stride. */
    unsigned bytes = f->width * formats[f->format].bytes;
    g_autofree uint32_t *row = g_malloc0(bytes + 4);
    memcpy(row, (const char *)f->pixels + f->stride * y, bytes);
    pixman_image_t *src = pixman_image_create_bits_no_clear(formats[f->format].code, (int)f->width,
                                                            1, row, (int)((bytes + 3) & ~3u));
    pixman_image_t *dst = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8, (int)f->width, 1, out,
                                                            (int)(f->width * sizeof *out));
    pixman_image_composite32(PIXMAN_OP_SRC, src, NULL, dst, 0, 0, 0, 0, 0, 0, (int)f->width, 1);
    pixman_image_unref(src);
    pixman_image_unref(dst);
    for (unsigned x = 0; x < f->width; x++)
        out[x] &= 0xffffff;
}
