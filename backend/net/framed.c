/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames over a connected stream socket: see framed.h.
 *
 * What the guest has no room for stays in the socket, so that the peer waits, and what the peer
 * does not take stays in the guest's queue: neither makes this program grow.
 */
#include "backend/net/framed.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/bits.h"

enum {
    HEAD = 4, IN_SIZE = 2 * (HEAD + NET_MAX_FRAME),
    OUT_BLOCKED = 1 << 16, /* the NIC is to wait; what it had begun may still come */
    OUT_MAX = 1 << 19,
};

struct Framed {
    NetBackend *n;
    int fd;
    void (*gone)(NetBackend *n, const char *why);
    guint in_tag, out_tag, soon_tag;
    GByteArray *out;
    size_t out_head;   /* first byte that is not written */
    size_t have;       /* bytes in `in` */
    bool broken;       /* nothing can be written any more; on_soon tells */
    uint8_t in[IN_SIZE];
};

static gboolean on_input(gint fd, GIOCondition c, gpointer opaque);

static void watch_input(Framed *f, bool on)
{
    if (on && !f->in_tag)
        f->in_tag = g_unix_fd_add(f->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, f);
    else if (!on)
        g_clear_handle_id(&f->in_tag, g_source_remove);
}

/* Hands over what is complete, as long as the guest takes it. False: f is gone. */
static bool take_frames(Framed *f)
{
    size_t at = 0;
    while (f->have - at >= HEAD && net_wants(f->n)) {
        uint32_t len = load_be32(f->in + at);
        if (len > NET_MAX_FRAME) {
            g_autofree char *why = g_strdup_printf("said that a frame has %u bytes", len);
            f->gone(f->n, why);
            return false;
        }
        if (f->have - at < HEAD + len)
            break;
        net_deliver(f->n, NULL, f->in + at + HEAD, len);
        at += HEAD + len;
    }
    f->have -= at;
    memmove(f->in, f->in + at, f->have);
    watch_input(f, net_wants(f->n));
    return true;
}

static gboolean on_input(gint fd, GIOCondition c, gpointer opaque)
{
    Framed *f = opaque;
    ssize_t got = recv(f->fd, f->in + f->have, IN_SIZE - f->have, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (got <= 0) {
        f->gone(f->n, NULL); /* which removes this source */
        return G_SOURCE_CONTINUE;
    }
    f->have += got;
    take_frames(f);
    return G_SOURCE_CONTINUE;
}

static gboolean on_soon(gpointer opaque)
{
    Framed *f = opaque;
    f->soon_tag = 0;
    if (f->broken)
        f->gone(f->n, NULL);
    else
        take_frames(f);
    return G_SOURCE_REMOVE;
}

void framed_room(Framed *f)
{
    if (!f->soon_tag)
        f->soon_tag = g_timeout_add(0, on_soon, f);
}

/* ---- to the peer ---- */

static void give_up(Framed *f)
{
    f->broken = true;
    g_byte_array_set_size(f->out, 0);
    f->out_head = 0;
    framed_room(f);
}

/* Bytes that went out, 0 if there is no room; gives up on errors. */
static size_t push(Framed *f, struct iovec *iov, unsigned n)
{
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };
    ssize_t done = sendmsg(f->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        give_up(f);
    return MAX(done, 0);
}

static gboolean on_output(gint fd, GIOCondition c, gpointer opaque)
{
    Framed *f = opaque;
    struct iovec iov = { f->out->data + f->out_head, f->out->len - f->out_head };
    f->out_head += push(f, &iov, 1);
    bool rest = f->out_head < f->out->len;
    if (!rest || f->out_head >= OUT_BLOCKED) {
        g_byte_array_remove_range(f->out, 0, f->out_head);
        f->out_head = 0;
    }
    if (!rest)
        f->out_tag = 0;
    net_set_blocked(f->n, f->out->len - f->out_head > OUT_BLOCKED / 2);
    return rest ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void framed_send(Framed *f, const uint8_t *frame, size_t len)
{
    uint8_t head[HEAD];
    size_t waiting = f->out->len - f->out_head, done = 0;
    if (f->broken || len > NET_MAX_FRAME || waiting + HEAD + len > OUT_MAX)
        return;
    store_be32(head, len);
    if (!waiting) {
        struct iovec iov[] = { { head, HEAD }, { (void *)frame, len } };
        done = push(f, iov, 2);
        if (done == HEAD + len || f->broken)
            return;
    }
    if (done < HEAD)
        g_byte_array_append(f->out, head + done, HEAD - done);
    size_t skip = done > HEAD ? done - HEAD : 0;
    g_byte_array_append(f->out, frame + skip, len - skip);
    if (!f->out_tag)
        f->out_tag = g_unix_fd_add(f->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_output, f);
    if (f->out->len - f->out_head > OUT_BLOCKED)
        net_set_blocked(f->n, true);
}

/* ---- life ---- */

Framed *framed_new(NetBackend *n, int fd, void (*gone)(NetBackend *n, const char *why))
{
    Framed *f = g_new0(Framed, 1);
    f->n = n;
    f->fd = fd;
    f->gone = gone;
    f->out = g_byte_array_new();
    watch_input(f, true);
    return f;
}

void framed_free(Framed *f)
{
    watch_input(f, false);
    g_clear_handle_id(&f->out_tag, g_source_remove);
    g_clear_handle_id(&f->soon_tag, g_source_remove);
    close(f->fd);
    g_byte_array_free(f->out, TRUE);
    NetBackend *n = f->n;
    g_free(f);
    net_set_blocked(n, false);
}
