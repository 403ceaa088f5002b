/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pty: a pseudo-terminal whose other end the user opens (screen /dev/pts/N).
 *
 * The kernel reports a hang-up while nobody has the other end open, and there is no event for the
 * moment when someone opens it, so we look a few times a second. Output of that time is lost, as
 * on a line with nothing plugged in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "backend/char/char_internal.h"
#include "util/error.h"
#include "util/opts.h"

enum { PTY_POLL_MS = 200 };

typedef struct CharPty {
    Chardev c;
    CharFd fd;
    guint poll_tag;
    char *link; /* path=: symbolic link to the terminal */
} CharPty;

static bool pty_connected(CharPty *p)
{
    struct pollfd f = { .fd = p->fd.in, .events = POLLOUT };
    return poll(&f, 1, 0) >= 0 && !(f.revents & POLLHUP);
}

static gboolean pty_look(gpointer opaque)
{
    CharPty *p = opaque;
    if (!pty_connected(p))
        return G_SOURCE_CONTINUE;
    p->poll_tag = 0;
    chardev_set_open(&p->c, true);
    return G_SOURCE_REMOVE;
}

/* The other end was closed: read gives EIO, write still fills the terminal's buffer. */
static void pty_hangup(Chardev *c)
{
    CharPty *p = (CharPty *)c;
    chardev_set_open(c, false);
    if (!p->poll_tag)
        p->poll_tag = g_timeout_add(PTY_POLL_MS, pty_look, p);
}

static int pty_make(char **name, GError **error)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char buf[128];
    if (fd < 0 || grantpt(fd) || unlockpt(fd) || ptsname_r(fd, buf, sizeof(buf))) {
        error_set_errno(error, errno, "Failed to create a pseudo-terminal");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    /* Raw from the start, and hung up once: only then does POLLHUP mean "nobody there". */
    int other = open(buf, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios t;
    if (other >= 0 && tcgetattr(other, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(other, TCSAFLUSH, &t);
    }
    if (other >= 0)
        close(other);
    *name = g_strdup(buf);
    return fd;
}

static bool pty_open(Chardev *c, GHashTable *opts, GError **error)
{
    CharPty *p = (CharPty *)c;
    g_autofree char *name = NULL;
    g_autofree char *link = opts_take(opts, "path");
    int fd = pty_make(&name, error);
    if (fd < 0)
        return false;
    if (link && symlink(name, link)) {
        int err = errno;
        close(fd);
        return error_set_errno(error, err, "Failed to create PTY symlink '%s'", link);
    }
    p->link = g_steal_pointer(&link);
    char_fd_init(&p->fd, c, fd, fd);
    p->fd.input_end = pty_hangup;
    p->fd.output_end = pty_hangup;
    p->poll_tag = g_timeout_add(PTY_POLL_MS, pty_look, p);
    chardev_set_filename(c, g_strdup_printf("pty:%s", name));
    printf("char device redirected to %s (label %s)\n", name, c->label);
    fflush(stdout);
    return true;
}

static void pty_close(Chardev *c)
{
    CharPty *p = (CharPty *)c;
    if (p->poll_tag)
        g_source_remove(p->poll_tag);
    if (p->link)
        unlink(p->link);
    g_free(p->link);
    char_fd_close(&p->fd);
}

static void pty_write(Chardev *c, const uint8_t *buf, size_t len)
{
    CharPty *p = (CharPty *)c;
    if (!c->open && pty_connected(p)) {
        if (p->poll_tag)
            g_source_remove(p->poll_tag);
        p->poll_tag = 0;
        chardev_set_open(c, true);
    }
    if (c->open)
        char_fd_write(&p->fd, buf, len);
}

static size_t pty_queued(const Chardev *c)
{
    return c->open ? char_fd_queued(&((const CharPty *)c)->fd) : 0;
}

static void pty_accept_input(Chardev *c)
{
    if (c->open)
        char_fd_update_input(&((CharPty *)c)->fd);
}

static bool pty_drain(Chardev *c)
{
    return !c->open || char_fd_drain(&((CharPty *)c)->fd);
}

static const char *const pty_options[] = { "path", "mux", "logfile", "logappend", NULL };
static const ChardevClass pty_class = {
    .name = "pty", .doc = "new pseudo-terminal", .size = sizeof(CharPty),
    .options = pty_options, .open = pty_open, .close = pty_close, .write = pty_write,
    .queued = pty_queued, .accept_input = pty_accept_input, .drain = pty_drain,
};
CHARDEV_REGISTER(pty_class)
