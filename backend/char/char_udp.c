/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp: every write is a datagram to host:port; what arrives there is input. */
#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/char/char_internal.h"
#include "backend/char/sockaddr.h"
#include "util/error.h"
#include "util/opts.h"

typedef struct CharUdp {
    Chardev c;
    int fd;
    guint tag;
    uint8_t buf[65536]; /* the datagram being handed over in pieces */
    size_t pos, len;
} CharUdp;

static int udp_socket(const char *lhost, const char *lport, const char *host, const char *port,
                      int family, GError **error)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM }, *to, *from;
    int err = getaddrinfo(*host ? host : "localhost", port, &hints, &to);
    if (err) {
        error_set(error, "address resolution failed for %s:%s: %s", host, port, gai_strerror(err));
        return -1;
    }
    hints.ai_flags = AI_PASSIVE;
    hints.ai_family = to->ai_family;
    err = getaddrinfo(lhost && *lhost ? lhost : NULL, lport ? lport : "0", &hints, &from);
    int fd = -1;
    if (err) {
        error_set(error, "address resolution failed for %s:%s: %s", lhost ? lhost : "", lport,
                  gai_strerror(err));
    } else {
        fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, from->ai_addr, from->ai_addrlen) ||
            connect(fd, to->ai_addr, to->ai_addrlen)) {
            error_set_errno(error, errno, "Failed to open UDP socket to %s:%s", host, port);
            if (fd >= 0)
                close(fd);
            fd = -1;
        }
        freeaddrinfo(from);
    }
    freeaddrinfo(to);
    return fd;
}

static void udp_accept_input(Chardev *c);

static gboolean on_datagram(gint fd, GIOCondition condition, gpointer opaque)
{
    CharUdp *u = opaque;
    ssize_t n = recv(fd, u->buf, sizeof(u->buf), MSG_DONTWAIT);
    u->pos = 0;
    u->len = MAX(n, 0); /* an error tells of an earlier datagram that nobody took */
    u->tag = 0;
    udp_accept_input(&u->c);
    return G_SOURCE_REMOVE;
}

/* Hands over what is there; watches for more when that is done. */
static void udp_accept_input(Chardev *c)
{
    CharUdp *u = (CharUdp *)c;
    size_t room;
    while (u->pos < u->len && (room = chardev_input_room(c))) {
        size_t from = u->pos, n = MIN(room, u->len - u->pos);
        u->pos += n;
        chardev_input(c, u->buf + from, n);
    }
    bool want = u->pos == u->len && c->attached && u->fd >= 0;
    if (want && !u->tag)
        u->tag = g_unix_fd_add(u->fd, G_IO_IN | G_IO_ERR, on_datagram, u);
}

static bool udp_open(Chardev *c, GHashTable *opts, GError **error)
{
    CharUdp *u = (CharUdp *)c;
    g_autofree char *host = opts_take(opts, "host"), *port = opts_take(opts, "port");
    g_autofree char *lhost = opts_take(opts, "localaddr"), *lport = opts_take(opts, "localport");
    bool v4 = false, v6 = false;
    if (!opts_take_bool(opts, "ipv4", &v4, error) || !opts_take_bool(opts, "ipv6", &v6, error))
        return false;
    if (!port || !*port)
        return error_set(error, "chardev: udp: remote port not specified; add port=PORT");
    if (!sock_port_check(port, error) || !sock_port_check(lport, error))
        return false;
    int fd = udp_socket(lhost, lport, host ? host : "", port,
                        v4 == v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6, error);
    if (fd < 0)
        return false;
    u->fd = fd;
    c->open = true;
    return true;
}

static void udp_write(Chardev *c, const uint8_t *buf, size_t len)
{
    /* Datagrams do not queue: what the host refuses is lost, as on the network. */
    ssize_t n = send(((CharUdp *)c)->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ECONNREFUSED)
        send(((CharUdp *)c)->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void udp_close(Chardev *c)
{
    CharUdp *u = (CharUdp *)c;
    if (u->tag)
        g_source_remove(u->tag);
    u->tag = 0;
    close(u->fd);
    u->fd = -1;
}

static const char *const udp_options[] = { "host", "port", "localaddr", "localport", "ipv4",
                                           "ipv6", "mux", "logfile", "logappend", NULL };
static const ChardevClass udp_class = {
    .name = "udp", .doc = "UDP datagrams", .size = sizeof(CharUdp), .options = udp_options,
    .open = udp_open, .close = udp_close, .write = udp_write, .accept_input = udp_accept_input,
};
CHARDEV_REGISTER(udp_class)
