/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses: see sockaddr.h. */
#include "backend/char/sockaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/fdset.h"
#include "util/error.h"
#include "util/opts.h"

bool sock_port_check(const char *port, GError **error)
{
    uint64_t n;
    if (!port || !parse_number(port, &n) || n <= UINT16_MAX)
        return true; /* a name of /etc/services is getaddrinfo's to find */
    return error_set(error, "socket: port %s: must be at most 65535", port);
}

bool sock_spec_take(SockSpec *s, GHashTable *opts, GError **error)
{
    bool v4_given = g_hash_table_contains(opts, "ipv4");
    bool v6_given = g_hash_table_contains(opts, "ipv6");
    *s = (SockSpec){ .tight = true };
    s->path = opts_take(opts, "path");
    s->fd_text = opts_take(opts, "fd");
    s->host = opts_take(opts, "host");
    s->port = opts_take(opts, "port");
    if (!opts_take_bool(opts, "abstract", &s->abstract, error) ||
        !opts_take_bool(opts, "tight", &s->tight, error) ||
        !opts_take_bool(opts, "ipv4", &s->ipv4, error) ||
        !opts_take_bool(opts, "ipv6", &s->ipv6, error) ||
        !opts_take_number(opts, "to", &s->to, error))
        return false;
    /* Naming one family as on means only that one; as off, only the other. */
    if (!v4_given && !v6_given)
        s->ipv4 = s->ipv6 = true;
    else if (!v4_given)
        s->ipv4 = !s->ipv6;
    else if (!v6_given)
        s->ipv6 = !s->ipv4;
    if (!s->ipv4 && !s->ipv6)
        return error_set(error, "socket: ipv4 and ipv6 are both off; switch one on");
    if (!!s->path + !!s->fd_text + (s->host || s->port) > 1)
        return error_set(error, "None or one of 'path', 'fd' or 'host' option required.");
    if (s->path || s->fd_text)
        return true;
    if (!s->host && !s->port)
        return error_set(error, "socket: no address given; add path=FILE or host=HOST,port=PORT");
    if (!s->port || !*s->port)
        return error_set(error, "chardev: socket: no port given; add port=PORT");
    if (!sock_port_check(s->port, error))
        return false;
    if (!s->host)
        s->host = g_strdup("");
    return true;
}

void sock_spec_clear(SockSpec *s)
{
    g_clear_pointer(&s->host, g_free);
    g_clear_pointer(&s->port, g_free);
    g_clear_pointer(&s->path, g_free);
    g_clear_pointer(&s->fd_text, g_free);
}

/* unix(7): an abstract name starts with a zero byte; a tight one is not padded with more. */
static bool unix_address(const SockSpec *s, SockAddr *a, GError **error)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&a->ss;
    size_t n = strlen(s->path), room = sizeof(un->sun_path) - 1;
    if (n > room)
        return error_set(error, "UNIX socket path '%s' is too long: at most %zu bytes", s->path,
                         room);
    memset(a, 0, sizeof(*a));
    a->family = un->sun_family = AF_UNIX;
    memcpy(un->sun_path + s->abstract, s->path, n);
    a->len = s->abstract && s->tight ? offsetof(struct sockaddr_un, sun_path) + 1 + n
                                     : sizeof(*un);
    return true;
}

int sock_resolve(const SockSpec *s, bool passive, SockAddr *addrs, unsigned max, GError **error)
{
    if (s->path)
        return unix_address(s, addrs, error) ? 1 : -1;
    struct addrinfo hints = {
        .ai_family = s->ipv4 && s->ipv6 ? AF_UNSPEC : s->ipv4 ? AF_INET : AF_INET6,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = passive ? AI_PASSIVE : 0,
    }, *list;
    int err = getaddrinfo(*s->host ? s->host : NULL, s->port, &hints, &list);
    if (err) {
        error_set(error, "address resolution failed for %s:%s: %s", s->host, s->port,
                  gai_strerror(err));
        return -1;
    }
    unsigned n = 0;
    for (struct addrinfo *a = list; a && n < max; a = a->ai_next) {
        addrs[n].family = a->ai_family;
        addrs[n].len = a->ai_addrlen;
        memcpy(&addrs[n].ss, a->ai_addr, a->ai_addrlen);
        n++;
    }
    freeaddrinfo(list);
    return n;
}

static int listen_one(const SockAddr *a)
{
    int one = 1;
    int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (a->family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (!bind(fd, (const struct sockaddr *)&a->ss, a->len) && !listen(fd, 4))
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

static void set_port(SockAddr *a, unsigned port)
{
    if (a->family == AF_INET)
        ((struct sockaddr_in *)&a->ss)->sin_port = htons(port);
    else if (a->family == AF_INET6)
        ((struct sockaddr_in6 *)&a->ss)->sin6_port = htons(port);
}

static unsigned get_port(const SockAddr *a)
{
    if (a->family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&a->ss)->sin_port);
    return a->family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&a->ss)->sin6_port) : 0;
}

static unsigned bound_port(int fd)
{
    SockAddr a = { .len = sizeof(a.ss) };
    if (getsockname(fd, (struct sockaddr *)&a.ss, &a.len))
        return 0;
    a.family = a.ss.ss_family;
    return get_port(&a);
}

/* Listens on all addresses at one port. A family that the host lacks is no error if another is
 * there. */
static int listen_port(SockAddr *addrs, unsigned n, unsigned port, int *fds)
{
    unsigned got = 0;
    int err = 0;
    for (unsigned i = 0; i < n; i++) {
        set_port(&addrs[i], port);
        int fd = listen_one(&addrs[i]);
        if (fd < 0) {
            err = errno;
            if (err == EADDRINUSE)
                break;
            continue;
        }
        fds[got++] = fd;
        if (!port)
            port = bound_port(fd);
    }
    if (got && err != EADDRINUSE)
        return got;
    while (got)
        close(fds[--got]);
    errno = err;
    return -1;
}

static int listen_unix(const SockSpec *s, SockAddr *a, int *fds, GError **error)
{
    struct stat st;
    /* What an earlier run left behind; a plain file is not ours to remove. */
    if (!s->abstract && !stat(s->path, &st) && S_ISSOCK(st.st_mode))
        unlink(s->path);
    fds[0] = listen_one(a);
    if (fds[0] >= 0)
        return 1;
    error_set_errno(error, errno, "Failed to bind socket to %s", s->path);
    return -1;
}

static bool fd_is_listening(int fd, GError **error)
{
    int yes = 0;
    socklen_t len = sizeof(yes);
    if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) && yes)
        return true;
    return error_set(error, "File descriptor %d is not a listening socket; drop server=on to use "
                     "it as a connection", fd);
}

int sock_listen(const SockSpec *s, int *fds, unsigned max, GError **error)
{
    SockAddr addrs[8];
    if (s->fd_text) {
        fds[0] = sock_take_fd(s->fd_text, error);
        return fds[0] >= 0 && fd_is_listening(fds[0], error) ? 1 : -1;
    }
    int n = sock_resolve(s, true, addrs, MIN(max, G_N_ELEMENTS(addrs)), error);
    if (n < 0)
        return -1;
    if (s->path)
        return listen_unix(s, addrs, fds, error);
    unsigned first = get_port(&addrs[0]);
    unsigned last = s->to > first && s->to < 65536 ? s->to : first;
    for (unsigned port = first; port <= last; port++) {
        int got = listen_port(addrs, n, port, fds);
        if (got > 0)
            return got;
        if (errno != EADDRINUSE)
            break;
    }
    error_set_errno(error, errno, "Failed to find an available port at %s:%s", s->host, s->port);
    return -1;
}

int sock_connect(const SockSpec *s, const SockAddr *addrs, unsigned n, GError **error)
{
    int err = ECONNREFUSED;
    for (unsigned i = 0; i < n; i++) {
        int fd = socket(addrs[i].family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            err = errno;
            continue;
        }
        int r;
        do {
            r = connect(fd, (const struct sockaddr *)&addrs[i].ss, addrs[i].len);
        } while (r < 0 && errno == EINTR);
        if (!r)
            return fd;
        err = errno;
        close(fd);
    }
    if (s->path)
        error_set_errno(error, err, "Failed to connect to '%s'", s->path);
    else
        error_set_errno(error, err, "Failed to connect to '%s:%s'", s->host, s->port);
    return -1;
}

int sock_take_fd(const char *text, GError **error)
{
    uint64_t n;
    struct stat st;
    if (!g_ascii_isdigit(*text)) { /* of getfd */
        int named = fd_take(text);
        if (named < 0)
            return error_set(error, "File descriptor named '%s' not found", text) - 1;
        n = named;
    } else if (!parse_number(text, &n) || n > INT32_MAX) {
        return error_set(error, "Unable to parse FD number %s", text) - 1;
    }
    if (fstat(n, &st) || !S_ISSOCK(st.st_mode))
        return error_set(error, "File descriptor '%s' is not a socket", text) - 1;
    fcntl(n, F_SETFD, FD_CLOEXEC);
    return n;
}

char *sock_name(int fd, bool peer)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&ss, &len) ||
        getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return g_strdup("");
    return g_strdup_printf(ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void sock_set_nodelay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on Unix sockets: fine */
}
