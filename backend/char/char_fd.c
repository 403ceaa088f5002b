/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Byte streams on file descriptors: what stdio, files, ptys, pipes and sockets share.
 *
 * Output goes to the descriptor at once while the queue is empty, so that a guest's bytes appear
 * without a trip through the main loop. What the host does not take is queued and written when it
 * polls writable. Input is watched only while the front end has room, so a guest that does not
 * read holds its sender back.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/char/char_internal.h"

bool fd_set_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0;
}

void char_fd_init(CharFd *f, Chardev *c, int in, int out)
{
    f->c = c;
    f->in = in;
    f->out = out;
    f->head = 0;
    if (!f->queue)
        f->queue = g_byte_array_new();
    g_byte_array_set_size(f->queue, 0);
}

size_t char_fd_queued(const CharFd *f)
{
    return f->queue ? f->queue->len - f->head : 0;
}

static void stop_source(guint *tag)
{
    if (*tag)
        g_source_remove(*tag);
    *tag = 0;
}

void char_fd_close(CharFd *f)
{
    stop_source(&f->in_tag);
    stop_source(&f->out_tag);
    if (f->in >= 0)
        close(f->in);
    if (f->out >= 0 && f->out != f->in)
        close(f->out);
    f->in = f->out = -1;
    if (f->queue)
        g_byte_array_unref(f->queue);
    f->queue = NULL;
    f->head = 0;
}

/* ---- input ---- */

/* The first one; a sender of more than that is not understood anyway. */
static void take_fds(Chardev *c, struct msghdr *msg)
{
    for (struct cmsghdr *m = CMSG_FIRSTHDR(msg); m; m = CMSG_NXTHDR(msg, m)) {
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(m) + i * sizeof fd, sizeof fd);
            if (i) {
                close(fd);
                continue;
            }
            if (c->passed_fd >= 0)
                close(c->passed_fd);
            c->passed_fd = fd;
        }
    }
}

static ssize_t read_some(CharFd *f, uint8_t *buf, size_t len)
{
    if (!f->takes_fds)
        return read(f->in, buf, len);
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
                          .msg_controllen = sizeof control.space };
    ssize_t n = recvmsg(f->in, &msg, MSG_CMSG_CLOEXEC);
    if (n > 0)
        take_fds(f->c, &msg);
    return n;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    CharFd *f = opaque;
    Chardev *c = f->c;
    size_t room = chardev_input_room(c);
    if (!room) { /* filled up since the watch was set */
        f->in_tag = 0;
        return G_SOURCE_REMOVE;
    }
    uint8_t buf[CHAR_READ_MAX];
    ssize_t n = read_some(f, buf, MIN(room, sizeof(buf)));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        f->in_tag = 0;
        if (f->input_end) {
            f->input_end(c);
        } else if (f->in != f->out) {
            close(f->in);
            f->in = -1;
        }
        return G_SOURCE_REMOVE;
    }
    chardev_ref(c);
    size_t len = f->filter ? f->filter(c, buf, n) : (size_t)n;
    if (len)
        chardev_input(c, buf, len);
    /* The callback may have closed the stream, or opened another one in its place. */
    bool mine = f->in_tag == g_source_get_id(g_main_current_source());
    bool more = mine && chardev_input_room(c);
    if (mine && !more)
        f->in_tag = 0;
    chardev_unref(c);
    return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void char_fd_update_input(CharFd *f)
{
    bool want = f->in >= 0 && chardev_input_room(f->c) > 0;
    if (want && !f->in_tag)
        f->in_tag = g_unix_fd_add(f->in, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, f);
    else if (!want)
        stop_source(&f->in_tag);
}

/* ---- output ---- */

/* As write, for descriptors that may or may not be in non-blocking mode. */
static ssize_t write_some(CharFd *f, const uint8_t *buf, size_t len)
{
    if (!f->out_blocks)
        return write(f->out, buf, len);
    ssize_t n = send(f->out, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0 || errno != ENOTSOCK)
        return n;
    struct pollfd p = { .fd = f->out, .events = POLLOUT };
    if (poll(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    /* Writable means room for at least this much in a pipe or terminal (pipe(7)). */
    return write(f->out, buf, MIN(len, 512));
}

static void output_lost(CharFd *f)
{
    stop_source(&f->out_tag);
    g_byte_array_set_size(f->queue, 0);
    f->head = 0;
    if (f->output_end) {
        f->output_end(f->c);
    } else if (f->out >= 0) {
        if (f->out != f->in)
            close(f->out);
        f->out = -1;
    }
}

/* Writes until the host takes no more; returns how much, or -1 when the other end is gone. */
static ssize_t write_all(CharFd *f, const uint8_t *buf, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write_some(f, buf + done, len - done);
        if (n > 0)
            done += n;
        else if (n < 0 && errno == EAGAIN)
            break;
        else if (n == 0 || errno != EINTR)
            return -1;
    }
    return done;
}

/* False when the other end is gone. */
static bool flush_queue(CharFd *f)
{
    ssize_t n = write_all(f, f->queue->data + f->head, f->queue->len - f->head);
    if (n < 0)
        return false;
    f->head += n;
    if (f->head == f->queue->len) {
        g_byte_array_set_size(f->queue, 0);
        f->head = 0;
    }
    return true;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    CharFd *f = opaque;
    if (!flush_queue(f)) {
        f->out_tag = 0;
        output_lost(f);
        return G_SOURCE_REMOVE;
    }
    if (char_fd_queued(f))
        return G_SOURCE_CONTINUE;
    f->out_tag = 0;
    return G_SOURCE_REMOVE;
}

static void enqueue(CharFd *f, const uint8_t *buf, size_t len)
{
    if (len > CHAR_QUEUE_MAX) {
        buf += len - CHAR_QUEUE_MAX;
        len = CHAR_QUEUE_MAX;
    }
    size_t queued = char_fd_queued(f);
    if (queued + len > CHAR_QUEUE_MAX)
        f->head += queued + len - CHAR_QUEUE_MAX;
    if (f->head > CHAR_QUEUE_MAX || (f->head && f->head == f->queue->len)) {
        g_byte_array_remove_range(f->queue, 0, f->head);
        f->head = 0;
    }
    g_byte_array_append(f->queue, buf, len);
    if (!f->out_tag)
        f->out_tag = g_unix_fd_add(f->out, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable, f);
}

void char_fd_write(CharFd *f, const uint8_t *buf, size_t len)
{
    if (f->out < 0)
        return;
    if (!char_fd_queued(f)) {
        ssize_t n = write_all(f, buf, len);
        if (n < 0) {
            output_lost(f);
            return;
        }
        buf += n;
        len -= n;
    }
    if (len)
        enqueue(f, buf, len);
}

bool char_fd_drain(CharFd *f)
{
    return f->out < 0 || !char_fd_queued(f) || !flush_queue(f) || !char_fd_queued(f);
}
