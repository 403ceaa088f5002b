/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small kinds: null, vc, file, pipe, serial, ringbuf. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "backend/char/char_internal.h"
#include "util/error.h"
#include "util/opts.h"

#define COMMON_OPTIONS "mux", "logfile", "logappend"

/* ---- null ---- */

static bool null_open(Chardev *c, GHashTable *opts, GError **error)
{
    c->open = true;
    return true;
}

static void null_write(Chardev *c, const uint8_t *buf, size_t len)
{
}

static const char *const null_options[] = { COMMON_OPTIONS, NULL };
static const ChardevClass null_class = {
    .name = "null", .doc = "discards output and gives no input", .size = sizeof(Chardev),
    .options = null_options, .open = null_open, .write = null_write,
};
CHARDEV_REGISTER(null_class)

/* ---- vc: a text console of a graphical window; without windows nobody sees it ---- */

static bool vc_open(Chardev *c, GHashTable *opts, GError **error)
{
    static const char *const sizes[] = { "width", "height", "cols", "rows" };
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
        g_free(opts_take(opts, sizes[i]));
    c->open = true;
    return true;
}

static const char *const vc_options[] = { "width", "height", "cols", "rows", COMMON_OPTIONS,
                                          NULL };
static const ChardevClass vc_class = {
    .name = "vc", .doc = "text console in a window; discards output where there is no window",
    .size = sizeof(Chardev), .options = vc_options, .open = vc_open, .write = null_write,
};
CHARDEV_REGISTER(vc_class)

/* ---- file, pipe, serial: streams on descriptors ---- */

typedef struct CharStream {
    Chardev c;
    CharFd fd;
} CharStream;

static void stream_write(Chardev *c, const uint8_t *buf, size_t len)
{
    char_fd_write(&((CharStream *)c)->fd, buf, len);
}

static size_t stream_queued(const Chardev *c)
{
    return char_fd_queued(&((const CharStream *)c)->fd);
}

static void stream_accept_input(Chardev *c)
{
    char_fd_update_input(&((CharStream *)c)->fd);
}

static bool stream_drain(Chardev *c)
{
    return char_fd_drain(&((CharStream *)c)->fd);
}

static void stream_close(Chardev *c)
{
    char_fd_close(&((CharStream *)c)->fd);
}

static char *take_path(Chardev *c, GHashTable *opts, GError **error)
{
    char *path = opts_take(opts, "path");
    if (path && *path)
        return path;
    g_free(path);
    error_set(error, "chardev: %s: no filename given; add path=FILE", c->cls->name);
    return NULL;
}

static bool file_open(Chardev *c, GHashTable *opts, GError **error)
{
    g_autofree char *path = take_path(c, opts, error);
    g_autofree char *in_path = opts_take(opts, "input-path");
    bool append = false;
    if (!path || !opts_take_bool(opts, "append", &append, error))
        return false;
    int out = chardev_open_output(path, append);
    if (out < 0)
        return error_set_errno(error, errno, "Could not open '%s'", path);
    int in = in_path ? open(in_path, O_RDONLY | O_CLOEXEC) : -1;
    if (in_path && in < 0) {
        int err = errno;
        close(out);
        return error_set_errno(error, err, "Could not open '%s'", in_path);
    }
    char_fd_init(&((CharStream *)c)->fd, c, in, out);
    c->open = true;
    return true;
}

static const char *const file_options[] = { "path", "append", "input-path", COMMON_OPTIONS, NULL };
static const ChardevClass file_class = {
    .name = "file", .doc = "output into a file", .size = sizeof(CharStream),
    .options = file_options, .open = file_open, .close = stream_close, .write = stream_write,
    .queued = stream_queued, .accept_input = stream_accept_input, .drain = stream_drain,
};
CHARDEV_REGISTER(file_class)

/* PATH.in and PATH.out are the two directions if they exist, else PATH is both. */
static bool pipe_open(Chardev *c, GHashTable *opts, GError **error)
{
    g_autofree char *path = take_path(c, opts, error);
    if (!path)
        return false;
    g_autofree char *in_path = g_strconcat(path, ".in", NULL);
    g_autofree char *out_path = g_strconcat(path, ".out", NULL);
    /* For reading and writing, so that opening does not wait for the other side. */
    int flags = O_RDWR | O_NONBLOCK | O_CLOEXEC;
    int in = open(in_path, flags), out = open(out_path, flags);
    if (in < 0 || out < 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        in = out = open(path, flags);
        if (in < 0)
            return error_set_errno(error, errno, "Could not open '%s' (make it with mkfifo)", path);
    }
    char_fd_init(&((CharStream *)c)->fd, c, in, out);
    c->open = true;
    return true;
}

static const char *const path_options[] = { "path", COMMON_OPTIONS, NULL };
static const ChardevClass pipe_class = {
    .name = "pipe", .doc = "named pipes PATH.in and PATH.out, or PATH", .size = sizeof(CharStream),
    .options = path_options, .open = pipe_open, .close = stream_close, .write = stream_write,
    .queued = stream_queued, .accept_input = stream_accept_input, .drain = stream_drain,
};
CHARDEV_REGISTER(pipe_class)

static bool serial_open(Chardev *c, GHashTable *opts, GError **error)
{
    g_autofree char *path = take_path(c, opts, error);
    if (!path)
        return false;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "Could not open '%s'", path);
    struct termios t;
    if (tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        t.c_cflag |= CLOCAL | CREAD;
        cfsetspeed(&t, B115200);
        tcsetattr(fd, TCSANOW, &t);
    }
    char_fd_init(&((CharStream *)c)->fd, c, fd, fd);
    c->open = true;
    return true;
}

static void serial_send_break(Chardev *c)
{
    tcsendbreak(((CharStream *)c)->fd.out, 0);
}

static const ChardevClass serial_class = {
    .name = "serial", .alias = "tty", .doc = "serial port or terminal of the host",
    .size = sizeof(CharStream), .options = path_options, .open = serial_open,
    .close = stream_close, .write = stream_write, .queued = stream_queued,
    .accept_input = stream_accept_input, .drain = stream_drain, .send_break = serial_send_break,
};
CHARDEV_REGISTER(serial_class)

/* ---- ringbuf: the last bytes of output, for the monitor ---- */

typedef struct CharRing {
    Chardev c;
    uint8_t *data;
    uint64_t size, prod, cons; /* size is a power of two; prod - cons <= size */
} CharRing;

static bool ringbuf_open(Chardev *c, GHashTable *opts, GError **error)
{
    CharRing *r = (CharRing *)c;
    r->size = 65536;
    if (!opts_take_size(opts, "size", 1, &r->size, error))
        return false;
    if (!r->size || r->size & (r->size - 1) || r->size > 1 << 30)
        return error_set(error, "size of ringbuf chardev must be power of two, at most 1G");
    r->data = g_malloc0(r->size);
    c->open = true;
    return true;
}

static void ringbuf_write(Chardev *c, const uint8_t *buf, size_t len)
{
    CharRing *r = (CharRing *)c;
    for (size_t i = 0; i < len; i++)
        r->data[r->prod++ & (r->size - 1)] = buf[i];
    if (r->prod - r->cons > r->size)
        r->cons = r->prod - r->size;
}

static void ringbuf_close(Chardev *c)
{
    g_free(((CharRing *)c)->data);
}

static const char *const ringbuf_options[] = { "size", COMMON_OPTIONS, NULL };
static const ChardevClass ringbuf_class = {
    .name = "ringbuf", .alias = "memory", .doc = "keeps the last bytes for ringbuf_read",
    .size = sizeof(CharRing), .options = ringbuf_options, .open = ringbuf_open,
    .close = ringbuf_close, .write = ringbuf_write,
};
CHARDEV_REGISTER(ringbuf_class)

bool chardev_is_ringbuf(const Chardev *c)
{
    return c->cls == &ringbuf_class;
}

bool chardev_ringbuf_read(Chardev *c, void *buf, size_t *len)
{
    CharRing *r = (CharRing *)c;
    if (!chardev_is_ringbuf(c))
        return false;
    *len = MIN(*len, r->prod - r->cons);
    for (size_t i = 0; i < *len; i++)
        ((uint8_t *)buf)[i] = r->data[r->cons++ & (r->size - 1)];
    return true;
}
