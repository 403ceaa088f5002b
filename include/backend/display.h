/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Screens: what display devices show, for whoever looks (screendump). A console is a screen of a
 * device; its picture is asked for when it is wanted, and stays in the device's or the guest's
 * memory. Everything: main thread, main lock held.
 */
#ifndef BACKEND_DISPLAY_H
#define BACKEND_DISPLAY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Named after the bytes of a pixel in memory; X does not count, and A is not looked at. RGB565 is
 * a 16-bit number. */
typedef enum PixelFormat {
    PIXEL_BGRA, PIXEL_BGRX, PIXEL_ARGB, PIXEL_XRGB, PIXEL_RGBA, PIXEL_XBGR, PIXEL_ABGR, PIXEL_RGBX,
    PIXEL_BGR, PIXEL_RGB565, PIXEL_FORMAT_N
} PixelFormat;

enum { DISPLAY_MAX_SIZE = 16384 }; /* of either side: pixman's coordinates have 16 bits */

unsigned pixel_format_bytes(PixelFormat f);

typedef struct DisplayFrame {
    unsigned width, height;
    size_t stride;      /* bytes from a row to the next */
    PixelFormat format;
    const void *pixels; /* NULL: black. Until the main lock is given up */
} DisplayFrame;

typedef struct DisplayOps {
    /* What is on screen `head` now; false: the guest has set up nothing. The picture is within
     * DISPLAY_MAX_SIZE, and its pixels may change at any time. */
    bool (*frame)(void *opaque, unsigned head, DisplayFrame *f);
} DisplayOps;

typedef struct DisplayConsole DisplayConsole;
/* device: the id that users know, or NULL. */
DisplayConsole *display_console_new(const DisplayOps *ops, void *opaque, const char *device,
                                    unsigned head);
void display_console_free(DisplayConsole *c); /* NULL is fine */
/* The first one for device NULL; NULL: there is none. */
DisplayConsole *display_find(const char *device, unsigned head);
/* Black where the guest has set up nothing. */
void display_frame(const DisplayConsole *c, DisplayFrame *f);
/* Row y as 0x00RRGGBB, f->width of them. */
void display_row(const DisplayFrame *f, unsigned y, uint32_t *out);

typedef enum ImageFormat { IMAGE_PPM, IMAGE_PNG } ImageFormat;
/* Writes the picture as it is now to a file. */
bool display_save(const DisplayConsole *c, const char *filename, ImageFormat format,
                  GError **error);

#endif
