/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stdio: the terminal (or pipes, files) that the program was started on.
 *
 * A terminal is put into raw mode, and back at exit, when the program is suspended, and before it
 * dies of a signal. Descriptors 0 and 1 are usually shared with other processes (a shell, a
 * pipeline), so their mode must not change: we open our own non-blocking description of the same
 * terminal or pipe where the system allows it, and poll before each write where it does not.
 * The end of input is no end of the machine: reading stops, writing goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "backend/char/char_internal.h"
#include "util/error.h"
#include "util/opts.h"

typedef struct CharStdio {
    Chardev c;
    CharFd fd;
} CharStdio;

/* ---- terminal mode; there is one standard input, so one of these ---- */

static struct termios cooked, raw;
static volatile sig_atomic_t terminal_used; /* cooked and raw are set */
static volatile sig_atomic_t stdio_in_use;
static pid_t owner; /* a forked child (-daemonize) must leave the mode alone */

static bool in_foreground(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Both are async-signal-safe. From the background tcsetattr would stop the program. */
static void terminal_set(const struct termios *t)
{
    if (terminal_used && getpid() == owner && in_foreground())
        tcsetattr(STDIN_FILENO, TCSANOW, t);
}

static void restore_at_exit(void)
{
    terminal_set(&cooked);
}

void char_terminal_leave(int sig)
{
    int err = errno;
    terminal_set(&cooked);
    struct sigaction def = { .sa_handler = SIG_DFL }, old;
    sigaction(sig, &def, &old);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    raise(sig);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops or dies here */
    sigaction(sig, &old, NULL);
    terminal_set(&raw);
    errno = err;
}

static void on_continue(int sig)
{
    int err = errno;
    terminal_set(&raw);
    errno = err;
}

static void terminal_init(bool signals)
{
    static bool once;
    if (tcgetattr(STDIN_FILENO, &cooked))
        return; /* no terminal */
    raw = cooked;
    raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;
    raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        raw.c_lflag &= ~ISIG;
    raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    owner = getpid();
    terminal_used = 1;
    if (!once) {
        once = true;
        static const int leave[] = { SIGTSTP, SIGQUIT, SIGABRT };
        struct sigaction sa = { .sa_handler = char_terminal_leave, .sa_flags = SA_RESTART };
        for (size_t i = 0; i < G_N_ELEMENTS(leave); i++)
            sigaction(leave[i], &sa, NULL);
        sa.sa_handler = on_continue;
        sigaction(SIGCONT, &sa, NULL);
        atexit(restore_at_exit); /* for ends that do not come by the main loop */
    }
    terminal_set(&raw);
}

/* ---- descriptors ---- */

/* Our own non-blocking description of what fd is; *blocks tells if it could not be had. */
static int own_fd(int fd, int flags, bool *blocks)
{
    struct stat st;
    char path[32];
    *blocks = false;
    if (fstat(fd, &st))
        return -1;
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0)
            return own;
    }
    *blocks = !S_ISREG(st.st_mode); /* files share the offset and never block */
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static bool stdio_open(Chardev *c, GHashTable *opts, GError **error)
{
    CharStdio *s = (CharStdio *)c;
    bool signals = true, in_blocks;
    if (!opts_take_bool(opts, "signal", &signals, error))
        return false;
    if (stdio_in_use)
        return error_set(error, "cannot use stdio by multiple character devices; share one with "
                         "mux=on");
    int in = own_fd(STDIN_FILENO, O_RDONLY, &in_blocks);
    int out = own_fd(STDOUT_FILENO, O_WRONLY, &s->fd.out_blocks);
    char_fd_init(&s->fd, c, in, out);
    stdio_in_use = 1;
    terminal_init(signals);
    c->open = true;
    return true;
}

static void stdio_close(Chardev *c)
{
    CharStdio *s = (CharStdio *)c;
    terminal_set(&cooked);
    terminal_used = 0;
    stdio_in_use = 0;
    char_fd_close(&s->fd);
}

static void stdio_write(Chardev *c, const uint8_t *buf, size_t len)
{
    char_fd_write(&((CharStdio *)c)->fd, buf, len);
}

static size_t stdio_queued(const Chardev *c)
{
    return char_fd_queued(&((const CharStdio *)c)->fd);
}

static void stdio_accept_input(Chardev *c)
{
    char_fd_update_input(&((CharStdio *)c)->fd);
}

static bool stdio_drain(Chardev *c)
{
    return char_fd_drain(&((CharStdio *)c)->fd);
}

static const char *const stdio_options[] = { "signal", "mux", "logfile", "logappend", NULL };
static const ChardevClass stdio_class = {
    .name = "stdio", .doc = "standard input and output", .size = sizeof(CharStdio),
    .options = stdio_options, .open = stdio_open, .close = stdio_close, .write = stdio_write,
    .queued = stdio_queued, .accept_input = stdio_accept_input, .drain = stdio_drain,
};
CHARDEV_REGISTER(stdio_class)
