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

typedef struct Request {
    size_t len;
    void (*done)(void *opaque, const void *buf, size_t len);
    void *opaque;
} Request;

struct RngBackend {
    char *filename; /* NULL: builtin */
    int fd;
    guint watch;    /* while requests wait for the file */
    GQueue waiting; /* Request *, in order */
};

RngBackend *rng_new_builtin(void)
{
    RngBackend *r = g_new0(RngBackend, 1);
    r->fd = -1;
    g_queue_init(&r->waiting);
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

static void stop_watching(RngBackend *r)
{
    if (r->watch)
        g_source_remove(r->watch);
    r->watch = 0;
}

void rng_cancel(RngBackend *r, const void *opaque)
{
    for (GList *at = r->waiting.head, *next; at; at = next) {
        Request *q = at->data;
        next = at->next;
        if (q->opaque == opaque) {
            g_queue_delete_link(&r->waiting, at);
            g_free(q);
        }
    }
    if (g_queue_is_empty(&r->waiting))
        stop_watching(r);
}

void rng_free(RngBackend *r)
{
    stop_watching(r);
    g_queue_clear_full(&r->waiting, g_free);
    if (r->fd >= 0)
        close(r->fd);
    g_free(r->filename);
    g_free(r);
}

/* Serves the first request; done() may append others. False: nothing there yet. */
static bool read_some(RngBackend *r)
{
    uint8_t buf[RNG_MOST];
    const Request *first = g_queue_peek_head(&r->waiting);
    ssize_t n;
    do {
        n = read(r->fd, buf, MIN(first->len, sizeof buf));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        warn_report("rng-random: '%s' %s; the guest gets no more from it", r->filename,
                    n ? g_strerror(errno) : "is at its end");
        g_queue_clear_full(&r->waiting, g_free);
        return true;
    }
    g_autofree Request *q = g_queue_pop_head(&r->waiting);
    q->done(q->opaque, buf, n);
    return true;
}

/* One request a turn, so that a guest that always asks for more does not hold up the main loop. */
static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    RngBackend *r = opaque;
    read_some(r);
    if (!g_queue_is_empty(&r->waiting))
        return G_SOURCE_CONTINUE;
    r->watch = 0;
    return G_SOURCE_REMOVE;
}

void rng_request(RngBackend *r, size_t len,
                 void (*done)(void *opaque, const void *buf, size_t len), void *opaque)
{
    g_assert(len);
    if (!r->filename || random_recorded()) {
        uint8_t buf[RNG_MOST];
        len = MIN(len, sizeof buf);
        random_bytes_from(r->fd, buf, len);
        done(opaque, buf, len);
        return;
    }
    Request *q = g_new(Request, 1);
    *q = (Request){ .len = len, .done = done, .opaque = opaque };
    g_queue_push_tail(&r->waiting, q);
    if (!r->watch && !read_some(r))
        r->watch = g_unix_fd_add(r->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, r);
}
