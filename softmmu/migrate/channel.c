/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a stream goes to and comes from: tcp:, unix:, fd:, exec:, file:.
 *
 * A thread reads and writes here and may wait as long as it takes; mig_channel_stop from another
 * one ends that at once, as every wait is a poll that an eventfd is part of.
 */
#include "softmmu/migrate/migrate_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/char/sockaddr.h"
#include "backend/fdset.h"
#include "util/error.h"
#include "util/opts.h"

typedef enum Scheme { TCP, UNIX, FD, EXEC, FILE_ } Scheme;

struct MigAddress {
    Scheme scheme;
    SockSpec sock;
    int fd;          /* ours */
    char *text;      /* command, file */
    uint64_t offset; /* in the file */
};

struct MigChannel {
    MigAddress *address;
    int fd, wake;
    _Atomic bool stopped;
    bool incoming, is_socket;
    int old_flags;   /* of a descriptor that others may have as well; -1: as it was */
    _Atomic pid_t child; /* leads a group */
};

/* ---- addresses ---- */

/* "HOST:PORT[,to=..][,ipv4][,ipv6]" */
static bool parse_tcp(const char *text, SockSpec *s, GError **error)
{
    g_autofree char *where = g_strndup(text, strcspn(text, ","));
    const char *rest = text[strlen(where)] ? text + strlen(where) + 1 : "";
    char *colon = strrchr(where, ':');
    if (!colon || !colon[1] || (where[0] == '[' && (colon == where || colon[-1] != ']')))
        return error_set(error, "error parsing address '%s'", text);
    GHashTable *opts = opts_parse(rest, NULL, error);
    if (!opts)
        return false;
    *colon = 0;
    bool v6 = where[0] == '[';
    char *host = v6 ? g_strndup(where + 1, strlen(where) - 2) : g_strdup(where);
    g_hash_table_replace(opts, g_strdup("host"), host);
    g_hash_table_replace(opts, g_strdup("port"), g_strdup(colon + 1));
    bool ok = sock_spec_take(s, opts, error) && opts_check_empty(opts, "tcp", NULL, error);
    g_hash_table_unref(opts);
    return ok;
}

static bool parse_fd(const char *text, int *fd, GError **error)
{
    uint64_t n;
    if (!g_ascii_isdigit(*text)) {
        *fd = fd_take(text);
        return *fd >= 0 || error_set(error, "File descriptor named '%s' has not been found", text);
    }
    if (!parse_number(text, &n) || n > INT32_MAX || fcntl(n, F_GETFD) < 0)
        return error_set(error, "Invalid file descriptor number '%s'", text);
    fcntl(n, F_SETFD, FD_CLOEXEC);
    *fd = n;
    return true;
}

/* "NAME[,offset=N]" */
static bool parse_file(const char *text, MigAddress *a, GError **error)
{
    const char *comma = strrchr(text, ',');
    if (comma && g_str_has_prefix(comma, ",offset=")) {
        a->text = g_strndup(text, comma - text);
        if (!parse_size(comma + 8, 1, &a->offset, NULL) || a->offset > INT64_MAX)
            return error_set(error, "file: offset=%s is no size", comma + 8);
    } else {
        a->text = g_strdup(text);
    }
    return *a->text || error_set(error, "file: no name given");
}

MigAddress *mig_address_new(const char *uri, bool incoming, GError **error)
{
    static const char *const schemes[] = {
        [TCP] = "tcp:", [UNIX] = "unix:", [FD] = "fd:", [EXEC] = "exec:", [FILE_] = "file:",
    };
    MigAddress *a = g_new0(MigAddress, 1);
    const char *rest = NULL;
    bool ok = false;
    a->fd = -1;
    for (unsigned i = 0; !rest && i < G_N_ELEMENTS(schemes); i++) {
        if (!g_str_has_prefix(uri, schemes[i]))
            continue;
        rest = uri + strlen(schemes[i]);
        a->scheme = i;
    }
    if (!rest && incoming)
        error_set(error, "unknown migration protocol: %s", uri);
    else if (!rest)
        error_set(error, "Parameter 'uri' expects a valid migration protocol");
    else if (a->scheme == TCP)
        ok = parse_tcp(rest, &a->sock, error);
    else if (a->scheme == FD)
        ok = parse_fd(rest, &a->fd, error);
    else if (a->scheme == FILE_)
        ok = parse_file(rest, a, error);
    else if (!*rest)
        error_set(error, "error parsing address '%s'", uri);
    else
        ok = true;
    if (ok && a->scheme == UNIX)
        a->sock.path = g_strdup(rest);
    if (ok && a->scheme == EXEC)
        a->text = g_strdup(rest);
    if (ok)
        return a;
    mig_address_free(a);
    return NULL;
}

void mig_address_free(MigAddress *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    sock_spec_clear(&a->sock);
    g_free(a->text);
    g_free(a);
}

/* ---- waiting ---- */

MigChannel *mig_channel_new(MigAddress *a)
{
    MigChannel *c = g_new0(MigChannel, 1);
    c->address = a;
    c->fd = -1;
    c->old_flags = -1;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return c;
}

void mig_channel_stop(MigChannel *c)
{
    uint64_t one = 1;
    atomic_store(&c->stopped, true);
    ssize_t n = write(c->wake, &one, sizeof one);
    (void)n;
    pid_t child = c->child;
    if (child)
        kill(-child, SIGTERM);
}

/* Until fd is ready for one of these, or as long as that; false: stopped. */
static bool wait_for(MigChannel *c, int fd, short events, int timeout_ms)
{
    struct pollfd p[] = { { .fd = c->wake, .events = POLLIN }, { .fd = fd, .events = events } };
    while (poll(p, fd < 0 ? 1 : 2, timeout_ms) < 0 && errno == EINTR)
        ;
    return !atomic_load(&c->stopped);
}

bool mig_channel_sleep(MigChannel *c, int64_t us)
{
    struct pollfd p = { .fd = c->wake, .events = POLLIN };
    struct timespec t = { us / G_USEC_PER_SEC, us % G_USEC_PER_SEC * 1000 };
    ppoll(&p, 1, &t, NULL);
    return !atomic_load(&c->stopped);
}

static bool stopped(GError **error)
{
    return error_set(error, "it was cancelled");
}

/* ---- opening ---- */

static int connect_one(MigChannel *c, const SockAddr *a)
{
    int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int err = 0;
    socklen_t len = sizeof err;
    if (fd < 0)
        return -1;
    if (!connect(fd, (const struct sockaddr *)&a->ss, a->len))
        return fd;
    err = errno;
    if (err == EINPROGRESS)
        err = !wait_for(c, fd, POLLOUT, -1) ? ECANCELED
              : getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
    if (!err)
        return fd;
    close(fd);
    errno = err;
    return -1;
}

static bool open_socket(MigChannel *c, GError **error)
{
    const SockSpec *s = &c->address->sock;
    SockAddr addrs[8];
    int n = sock_resolve(s, false, addrs, G_N_ELEMENTS(addrs), error);
    errno = ECONNREFUSED;
    for (int i = 0; i < n && c->fd < 0; i++)
        c->fd = connect_one(c, &addrs[i]);
    c->is_socket = true;
    if (c->fd >= 0) {
        sock_set_nodelay(c->fd);
        return true;
    }
    if (n < 0)
        return false;
    return s->path ? error_set_errno(error, errno, "Failed to connect to '%s'", s->path)
                   : error_set_errno(error, errno, "Failed to connect to '%s:%s'", s->host,
                                     s->port);
}

/* A group of its own: Ctrl-C on the terminal is not for it, and all of a pipeline can be ended. */
static bool open_command(MigChannel *c, GError **error)
{
    int fds[2], theirs = c->incoming ? 1 : 0;
    char *argv[] = { "/bin/sh", "-c", c->address->text, NULL };
    extern char **environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    if (pipe2(fds, O_CLOEXEC))
        return error_set_errno(error, errno, "can't make a pipe");
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                             POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fds[c->incoming ? 1 : 0], theirs);
    posix_spawn_file_actions_addopen(&files, !theirs, "/dev/null", c->incoming ? O_RDONLY
                                                                               : O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    pid_t child = 0;
    int err = posix_spawn(&child, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    close(fds[c->incoming ? 1 : 0]);
    c->fd = fds[c->incoming ? 0 : 1];
    c->child = err ? 0 : child;
    return !err || error_set_errno(error, err, "can't run a shell for 'exec:%s'",
                                   c->address->text);
}

static bool open_file(MigChannel *c, GError **error)
{
    const MigAddress *a = c->address;
    int how = c->incoming ? O_RDONLY : O_WRONLY | O_CREAT;
    c->fd = open(a->text, how | O_CLOEXEC | O_NONBLOCK, 0600);
    struct stat st;
    if (c->fd < 0 || fstat(c->fd, &st))
        return error_set_errno(error, errno, "can't open '%s'", a->text);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) && (a->offset || !S_ISFIFO(st.st_mode)))
        return error_set(error, "'%s' is no file", a->text);
    if (!c->incoming && S_ISREG(st.st_mode) && ftruncate(c->fd, a->offset))
        return error_set_errno(error, errno, "can't write '%s'", a->text);
    if (a->offset && lseek(c->fd, a->offset, SEEK_SET) < 0)
        return error_set_errno(error, errno, "can't go to offset= of '%s'", a->text);
    return true;
}

static bool open_fd(MigChannel *c)
{
    struct stat st;
    c->fd = c->address->fd;
    c->address->fd = -1;
    c->is_socket = !fstat(c->fd, &st) && S_ISSOCK(st.st_mode);
    if (!c->is_socket && !c->incoming) {
        c->old_flags = fcntl(c->fd, F_GETFL);
        fcntl(c->fd, F_SETFL, c->old_flags | O_NONBLOCK);
    }
    return true;
}

bool mig_channel_open(MigChannel *c, bool incoming, GError **error)
{
    c->incoming = incoming;
    switch (c->address->scheme) {
    case EXEC:
        if (!open_command(c, error))
            return false;
        if (!incoming)
            fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
        return true;
    case FILE_:
        return open_file(c, error);
    case FD:
        return open_fd(c);
    default:
        return open_socket(c, error);
    }
}

int mig_channel_listen(MigChannel *c, int *fds, unsigned max, GError **error)
{
    Scheme s = c->address->scheme;
    c->incoming = true;
    return s == TCP || s == UNIX ? sock_listen(&c->address->sock, fds, max, error) : 0;
}

void mig_channel_accepted(MigChannel *c, int fd)
{
    c->fd = fd;
    c->is_socket = true;
    sock_set_nodelay(fd);
}

Json *mig_channel_addresses(const int *fds, int n)
{
    Json *list = json_array();
    for (int i = 0; i < n; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss;
        Json *o = json_object();
        if (getsockname(fds[i], (struct sockaddr *)&ss, &len))
            ss.ss_family = AF_UNSPEC;
        g_autofree char *name = ss.ss_family == AF_UNIX ? NULL : sock_name(fds[i], false);
        char *colon = name ? strrchr(name, ':') : NULL;
        if (colon) {
            bool v6 = ss.ss_family == AF_INET6;
            *colon = 0;
            g_autofree char *host = v6 ? g_strndup(name + 1, strlen(name) - 2) : g_strdup(name);
            json_set_str(o, "port", colon + 1);
            json_set_bool(o, v6 ? "ipv6" : "ipv4", true);
            json_set_str(o, "host", host);
            json_set_str(o, "type", "inet");
        } else {
            g_autofree char *path = g_strndup((char *)&ss + sizeof ss.ss_family,
                                              len > sizeof ss.ss_family
                                                  ? len - sizeof ss.ss_family : 0);
            json_set_str(o, "path", path);
            json_set_str(o, "type", "unix");
        }
        json_add(list, o);
    }
    return list;
}

bool mig_channel_two_way(const MigChannel *c)
{
    Scheme s = c->address->scheme;
    return c->is_socket && (s == TCP || s == UNIX || mig_cap(MIG_CAP_RETURN_PATH));
}

/* ---- transfers ---- */

static const char *what(const MigChannel *c)
{
    static const char *const names[] = {
        [TCP] = "socket", [UNIX] = "socket", [FD] = "descriptor", [EXEC] = "command",
        [FILE_] = "file",
    };
    return names[c->address->scheme];
}

bool mig_channel_write(void *opaque, const void *buf, size_t len, GError **error)
{
    MigChannel *c = opaque;
    const uint8_t *p = buf;
    while (len) {
        if (atomic_load(&c->stopped))
            return stopped(error);
        ssize_t n = c->is_socket ? send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT)
                                 : write(c->fd, p, len);
        if (n > 0) {
            p += n;
            len -= n;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_for(c, c->fd, POLLOUT, -1);
        } else if (n == 0 || errno != EINTR) {
            return error_set_errno(error, n ? errno : EIO, "Unable to write to %s", what(c));
        }
    }
    return true;
}

bool mig_channel_read(void *opaque, void *buf, size_t len, GError **error)
{
    MigChannel *c = opaque;
    uint8_t *p = buf;
    while (len) {
        if (!wait_for(c, c->fd, POLLIN, -1))
            return stopped(error);
        ssize_t n = read(c->fd, p, len);
        if (n > 0) {
            p += n;
            len -= n;
        } else if (n == 0) {
            return error_set(error, "the stream ends too early");
        } else if (errno != EINTR && errno != EAGAIN) {
            return error_set_errno(error, errno, "Unable to read from %s", what(c));
        }
    }
    return true;
}

bool mig_channel_readable(MigChannel *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0;
}

static void close_fd(MigChannel *c)
{
    if (c->fd < 0)
        return;
    if (c->old_flags >= 0)
        fcntl(c->fd, F_SETFL, c->old_flags);
    close(c->fd);
    c->fd = -1;
}

/* Of the command; false: stopped. */
static bool wait_for_child(MigChannel *c, int *status)
{
    int ms = 1;
    while (c->child) {
        pid_t r = waitpid(c->child, status, WNOHANG);
        if (r == c->child || (r < 0 && errno != EINTR)) {
            c->child = 0;
        } else {
            if (!wait_for(c, -1, 0, ms))
                return false;
            ms = MIN(ms * 2, 50);
        }
    }
    return true;
}

bool mig_channel_finish(MigChannel *c, GError **error)
{
    int status = 0;
    if (c->address->scheme == FILE_ && fdatasync(c->fd) && errno != EINVAL && errno != EROFS)
        return error_set_errno(error, errno, "can't bring '%s' onto stable storage",
                               c->address->text);
    if (!c->is_socket)
        close_fd(c);
    if (!wait_for_child(c, &status))
        return stopped(error);
    if (WIFSIGNALED(status))
        return error_set(error, "the command was ended by signal %d", WTERMSIG(status));
    return !WEXITSTATUS(status) ||
           error_set(error, "the command failed with status %d", WEXITSTATUS(status));
}

void mig_channel_linger(MigChannel *c)
{
    uint8_t rest[4096];
    shutdown(c->fd, SHUT_WR);
    for (int64_t end = g_get_monotonic_time() + G_USEC_PER_SEC; g_get_monotonic_time() < end;) {
        if (!wait_for(c, c->fd, POLLIN, 100))
            return;
        ssize_t n = recv(c->fd, rest, sizeof rest, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return;
    }
}

void mig_channel_close(MigChannel *c)
{
    int status;
    close_fd(c);
    for (int i = 0; c->child && i < 200; i++) {
        if (i == 0 || i == 100)
            kill(-c->child, i ? SIGKILL : SIGTERM);
        if (waitpid(c->child, &status, WNOHANG))
            c->child = 0;
        else
            g_usleep(10000);
    }
}

bool mig_channel_is_fd(const MigChannel *c)
{
    return c->address->scheme == FD;
}

void mig_channel_free(MigChannel *c)
{
    if (!c)
        return;
    close_fd(c);
    close(c->wake);
    mig_address_free(c->address);
    g_free(c);
}
