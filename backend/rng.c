/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of randomness: see include/backend/rng.h. */
#include "backend/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"
#include "util/random.h"

enum { RNG_MOST = 4096 }; /* bytes at a time */

struct RngBackend {
    char *filename; /* NULL: builtin */
    int fd;
    guint watch;
    size_t wanted;
    void (*done)(void *opaque, const void *buf, size_t len);
    void *opaque;
};

RngBackend *rng_new_builtin(void)
{
    RngBackend *r = g_new0(RngBackend, 1);
    r->fd = -1;
    return r;
}

RngBackend *rng_new_file(const char *filename, GError **error)
{
    /* Generators in hardware may take their time: never wait for them. */
    int fd = open(filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "can't open '%s'", filename);
        return NULL;
    }
    RngBackend *r = rng_new_builtin();
    r->filename = g_strdup(filename);
    r->fd = fd;
    return r;
}

void rng_cancel(RngBackend *r)
{
    if (r->watch)
        g_source_remove(r->watch);
    r->watch = 0;
    r->done = NULL;
}

void rng_free(RngBackend *r)
{
    rng_cancel(r);
    if (r->fd >= 0)
        close(r->fd);
    g_free(r->filename);
    g_free(r);
}

/* False: nothing there yet. */
static bool read_some(RngBackend *r)
{
    uint8_t buf[RNG_MOST];
    ssize_t n;
    do {
        n = read(r->fd, buf, MIN(r->wanted, sizeof buf));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        warn_report("rng-random: '%s' %s; the guest gets no more from it", r->filename,
                    n ? g_strerror(errno) : "is at its end");
        return true;
    }
    void (*done)(void *, const void *, size_t) = r->done;
    r->done = NULL;
    done(r->opaque, buf, n);
    return true;
}

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    RngBackend *r = opaque;
    guint mine = r->watch;
    if (!read_some(r))
        return G_SOURCE_CONTINUE;
    /* done() may have asked again, and have set a watch of its own. */
    if (r->watch == mine)
        r->watch = 0;
    return G_SOURCE_REMOVE;
}

void rng_request(RngBackend *r, size_t len,
                 void (*done)(void *opaque, const void *buf, size_t len), void *opaque)
{
    g_assert(!r->done && len);
    if (!r->filename || random_recorded()) {
        uint8_t buf[RNG_MOST];
        len = MIN(len, sizeof buf);
        random_bytes_from(r->fd, buf, len);
        done(opaque, buf, len);
        return;
    }
    r->wanted = len;
    r->done = done;
    r->opaque = opaque;
    if (!read_some(r))
        r->watch = g_unix_fd_add(r->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, r);
}
