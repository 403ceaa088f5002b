/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of screens as files: PPM (P6) and PNG (by libpng). */
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/display.h"
#include "backend/fdset.h"
#include "util/error.h"

/* A row of bytes R, G, B. */
static void rgb_row(const DisplayFrame *f, unsigned y, uint32_t *words, uint8_t *rgb)
{
    display_row(f, y, words);
    for (unsigned x = 0; x < f->width; x++) {
        *rgb++ = words[x] >> 16;
        *rgb++ = words[x] >> 8;
        *rgb++ = words[x];
    }
}

static bool save_ppm(FILE *out, const DisplayFrame *f, uint32_t *words, uint8_t *rgb)
{
    if (fprintf(out, "P6\n%u %u\n255\n", f->width, f->height) < 0)
        return false;
    for (unsigned y = 0; y < f->height; y++) {
        rgb_row(f, y, words, rgb);
        if (fwrite(rgb, 3, f->width, out) != f->width)
            return false;
    }
    return true;
}

/* libpng tells of errors by longjmp: nothing of ours may live between. */
static bool save_png(FILE *out, const DisplayFrame *f, uint32_t *words, uint8_t *rgb)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (!png)
        return false;
    png_infop info = png_create_info_struct(png);
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, NULL);
        return false;
    }
    png_init_io(png, out);
    png_set_IHDR(png, info, f->width, f->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < f->height; y++) {
        rgb_row(f, y, words, rgb);
        png_write_row(png, rgb);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}

static FILE *open_new(const char *filename)
{
    int fd;
    if (!fdset_open(filename, O_WRONLY, &fd))
        fd = open(filename, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
    if (fd >= 0 && !out)
        close(fd);
    return out;
}

bool display_save(const DisplayConsole *c, const char *filename, ImageFormat format,
                  GError **error)
{
    FILE *out = open_new(filename);
    if (!out)
        return error_set(error, "failed to open file '%s': %s", filename, g_strerror(errno));
    DisplayFrame f;
    display_frame(c, &f);
    g_autofree uint32_t *words = g_new(uint32_t, f.width);
    g_autofree uint8_t *rgb = g_malloc(3 * f.width);
    struct stat st;
    bool regular = !fstat(fileno(out), &st) && S_ISREG(st.st_mode);
    errno = 0;
    bool ok = (format == IMAGE_PNG ? save_png : save_ppm)(out, &f, words, rgb);
    int err = errno;
    if (fclose(out) && ok) {
        ok = false;
        err = errno;
    }
    if (!ok && regular)
        unlink(filename);
    return ok || error_set(error, "failed to write file '%s': %s", filename,
                           err ? g_strerror(err) : "the PNG library gave up");
}
