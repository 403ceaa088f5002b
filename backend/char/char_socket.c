/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * socket: TCP and Unix stream sockets, as server or client, plain or telnet (RFC 854).
 *
 * A server talks to one client at a time; a second one waits in the listen queue until the first
 * has hung up. A client with reconnect= tries again forever, without blocking.
 * Left out: TLS, websocket.
 */
#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/char/char_internal.h"
#include "backend/char/sockaddr.h"
#include "util/error.h"
#include "util/opts.h"

enum { LISTEN_MAX = 8 };

/* RFC 854 and the options of RFC 856 (binary), 857 (echo), 858 (suppress go ahead) */
enum { TN_BREAK = 243, TN_SB = 250, TN_SE = 240, TN_WILL = 251, TN_DONT = 254, TN_DO = 253,
       TN_IAC = 255, TN_BINARY = 0, TN_ECHO = 1, TN_SGA = 3 };

typedef enum TelnetState { TN_TEXT, TN_GOT_IAC, TN_OPTION, TN_SUB, TN_SUB_IAC } TelnetState;

typedef struct CharSocket {
    Chardev c;
    CharFd fd;
    SockSpec spec;
    bool server, telnet, nodelay;
    uint64_t reconnect;          /* seconds; 0: never */
    int listen[LISTEN_MAX];
    guint listen_tag[LISTEN_MAX];
    unsigned n_listen;
    char *bound;                 /* "127.0.0.1:4444" as listening */
    SockAddr addr[LISTEN_MAX];   /* of the server, for reconnecting */
    unsigned n_addr, next_addr;
    int connecting;              /* descriptor of a connection under way, or -1 */
    guint connect_tag, retry_tag, hangup_tag;
    TelnetState telnet_state;
    bool leaving;                /* the peer is gone, and left words that nobody has read yet */
} CharSocket;

static void socket_listen_watch(CharSocket *s, bool on);
static void socket_retry_later(CharSocket *s);

/* ---- what `info chardev` says ---- */

static void socket_name(CharSocket *s, int fd)
{
    const char *down = fd < 0 ? "disconnected:" : "";
    const char *server = s->server ? ",server=on" : "";
    GString *n = g_string_new(down);
    if (s->spec.path) {
        g_string_append_printf(n, "unix:%s%s%s", s->spec.path,
                               !s->spec.abstract ? "" : s->spec.tight ? ",abstract=on,tight=on"
                                                                      : ",abstract=on", server);
    } else if (s->spec.fd_text) {
        g_string_append_printf(n, "fd:%s%s", s->spec.fd_text, server);
    } else {
        const char *kind = s->telnet ? "telnet" : "tcp";
        g_autofree char *local = fd >= 0 ? sock_name(fd, false) : NULL;
        g_autofree char *peer = fd >= 0 ? sock_name(fd, true) : NULL;
        g_autofree char *given = g_strdup_printf("%s:%s", s->spec.host, s->spec.port);
        const char *here = fd >= 0 && s->server ? local : s->bound ? s->bound : given;
        g_string_append_printf(n, "%s:%s%s", kind, here, server);
        if (peer)
            g_string_append_printf(n, " <-> %s", s->server ? peer : local);
    }
    chardev_set_filename(&s->c, g_string_free(n, FALSE));
}

/* ---- a connection ---- */

static void socket_lost(Chardev *c)
{
    CharSocket *s = (CharSocket *)c;
    if (s->fd.in < 0)
        return;
    if (s->hangup_tag)
        g_source_remove(s->hangup_tag);
    s->hangup_tag = 0;
    s->leaving = false;
    char_fd_close(&s->fd);
    int passed = chardev_take_fd(c);
    if (passed >= 0)
        close(passed);
    socket_name(s, -1);
    chardev_ref(c);
    chardev_set_open(c, false);
    if (s->n_listen)
        socket_listen_watch(s, true);
    else if (s->reconnect && !s->server)
        socket_retry_later(s);
    chardev_unref(c);
}

/* The peer is gone, and perhaps nobody reads who would see it. */
static gboolean on_hangup(gint fd, GIOCondition condition, gpointer opaque)
{
    CharSocket *s = opaque;
    uint8_t byte;
    s->hangup_tag = 0;
    /* What it sent before still counts, if there is someone to read it; then read gives 0. But who
     * may never read it, so the next client does not wait for that. */
    s->leaving = s->c.attached && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    if (s->leaving)
        socket_listen_watch(s, true);
    else
        socket_lost(&s->c);
    return G_SOURCE_REMOVE;
}

/* Takes telnet's commands out of the input. */
static size_t telnet_filter(Chardev *c, uint8_t *buf, size_t len)
{
    CharSocket *s = (CharSocket *)c;
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t b = buf[i];
        switch (s->telnet_state) {
        case TN_TEXT:
            if (b == TN_IAC)
                s->telnet_state = TN_GOT_IAC;
            else
                buf[out++] = b;
            break;
        case TN_GOT_IAC:
            s->telnet_state = TN_TEXT;
            if (b == TN_IAC)
                buf[out++] = b;
            else if (b == TN_SB)
                s->telnet_state = TN_SUB;
            else if (b >= TN_WILL && b <= TN_DONT)
                s->telnet_state = TN_OPTION;
            else if (b == TN_BREAK)
                chardev_event(c, CHAR_BREAK);
            break;
        case TN_OPTION:
            s->telnet_state = TN_TEXT;
            break;
        case TN_SUB:
            if (b == TN_IAC)
                s->telnet_state = TN_SUB_IAC;
            break;
        case TN_SUB_IAC:
            s->telnet_state = b == TN_SE ? TN_TEXT : TN_SUB;
            break;
        }
    }
    return out;
}

static bool is_unix(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    return !getsockname(fd, (struct sockaddr *)&ss, &len) && ss.ss_family == AF_UNIX;
}

static void socket_connected(CharSocket *s, int fd)
{
    static const uint8_t hello[] = {
        TN_IAC, TN_WILL, TN_ECHO, TN_IAC, TN_WILL, TN_SGA, TN_IAC, TN_WILL, TN_BINARY,
        TN_IAC, TN_DO, TN_BINARY,
    };
    fd_set_nonblock(fd);
    if (s->nodelay)
        sock_set_nodelay(fd);
    char_fd_init(&s->fd, &s->c, fd, fd);
    s->fd.input_end = s->fd.output_end = socket_lost;
    s->fd.filter = s->telnet ? telnet_filter : NULL;
    s->fd.takes_fds = is_unix(fd);
    s->telnet_state = TN_TEXT;
    socket_name(s, fd);
    s->hangup_tag = g_unix_fd_add(fd, G_IO_HUP | G_IO_ERR, on_hangup, s);
    if (s->telnet && s->server)
        char_fd_write(&s->fd, hello, sizeof(hello));
    chardev_set_open(&s->c, true);
}

/* ---- server ---- */

static bool socket_accept(CharSocket *s, int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    socket_listen_watch(s, false);
    socket_connected(s, fd);
    return true;
}

static gboolean on_client(gint fd, GIOCondition condition, gpointer opaque)
{
    CharSocket *s = opaque;
    unsigned i = 0;
    while (i < s->n_listen && s->listen[i] != fd)
        i++;
    /* accept removes all the watches; this one goes by the return value. */
    guint tag = s->listen_tag[i];
    s->listen_tag[i] = 0;
    if (s->leaving)
        socket_lost(&s->c); /* listens anew */
    if (socket_accept(s, fd) || s->listen_tag[i])
        return G_SOURCE_REMOVE;
    s->listen_tag[i] = tag;
    return G_SOURCE_CONTINUE;
}

static void socket_listen_watch(CharSocket *s, bool on)
{
    for (unsigned i = 0; i < s->n_listen; i++) {
        if (on && !s->listen_tag[i]) {
            s->listen_tag[i] = g_unix_fd_add(s->listen[i], G_IO_IN, on_client, s);
        } else if (!on && s->listen_tag[i]) {
            g_source_remove(s->listen_tag[i]);
            s->listen_tag[i] = 0;
        }
    }
}

static void socket_wait_client(CharSocket *s)
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction old[G_N_ELEMENTS(ends)], die = { .sa_handler = char_terminal_leave };
    g_printerr("sosia: info: QEMU waiting for connection on: %s\n", s->c.filename);
    /* The main loop, which else sees to them, does not run yet. */
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        sigaction(ends[i], &die, &old[i]);
    while (!s->c.open) {
        struct pollfd p[LISTEN_MAX];
        for (unsigned i = 0; i < s->n_listen; i++)
            p[i] = (struct pollfd){ .fd = s->listen[i], .events = POLLIN };
        if (poll(p, s->n_listen, -1) < 0)
            continue;
        for (unsigned i = 0; i < s->n_listen && !s->c.open; i++) {
            if (p[i].revents)
                socket_accept(s, s->listen[i]);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        sigaction(ends[i], &old[i], NULL);
}

static bool socket_serve(CharSocket *s, bool wait, GError **error)
{
    int n = sock_listen(&s->spec, s->listen, LISTEN_MAX, error);
    if (n < 0)
        return false;
    s->n_listen = n;
    if (!s->spec.path && !s->spec.fd_text)
        s->bound = sock_name(s->listen[0], false);
    socket_name(s, -1);
    if (wait)
        socket_wait_client(s);
    socket_listen_watch(s, !s->c.open);
    return true;
}

/* ---- client ---- */

static gboolean on_retry(gpointer opaque);

static void socket_retry_later(CharSocket *s)
{
    if (!s->retry_tag)
        s->retry_tag = g_timeout_add_seconds(MIN(s->reconnect, 86400), on_retry, s);
}

static gboolean on_connected(gint fd, GIOCondition condition, gpointer opaque)
{
    CharSocket *s = opaque;
    int err = 0;
    socklen_t len = sizeof(err);
    s->connect_tag = 0;
    s->connecting = -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) || err) {
        close(fd);
        socket_retry_later(s);
    } else {
        s->next_addr--; /* the address that works is tried first the next time */
        socket_connected(s, fd);
    }
    return G_SOURCE_REMOVE;
}

/* Begins to connect to the next address in turn. */
static gboolean on_retry(gpointer opaque)
{
    CharSocket *s = opaque;
    s->retry_tag = 0;
    const SockAddr *a = &s->addr[s->next_addr++ % s->n_addr];
    int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (!connect(fd, (const struct sockaddr *)&a->ss, a->len) ||
                    errno == EINPROGRESS)) {
        s->connecting = fd;
        s->connect_tag = g_unix_fd_add(fd, G_IO_OUT | G_IO_ERR | G_IO_HUP, on_connected, s);
        return G_SOURCE_REMOVE;
    }
    if (fd >= 0)
        close(fd);
    socket_retry_later(s);
    return G_SOURCE_REMOVE;
}

static bool socket_connect(CharSocket *s, GError **error)
{
    if (s->spec.fd_text) {
        int fd = sock_take_fd(s->spec.fd_text, error);
        if (fd < 0)
            return false;
        socket_connected(s, fd);
        return true;
    }
    int n = sock_resolve(&s->spec, false, s->addr, LISTEN_MAX, error);
    if (n < 0)
        return false;
    s->n_addr = n;
    socket_name(s, -1);
    if (s->reconnect) {
        on_retry(s);
        return true;
    }
    int fd = sock_connect(&s->spec, s->addr, n, error);
    if (fd < 0)
        return false;
    socket_connected(s, fd);
    return true;
}

/* ---- class ---- */

static void socket_close(Chardev *c)
{
    CharSocket *s = (CharSocket *)c;
    guint *tags[] = { &s->connect_tag, &s->retry_tag, &s->hangup_tag };
    for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
        if (*tags[i])
            g_source_remove(*tags[i]);
        *tags[i] = 0;
    }
    socket_listen_watch(s, false);
    for (unsigned i = 0; i < s->n_listen; i++)
        close(s->listen[i]);
    if (s->n_listen && s->spec.path && !s->spec.abstract)
        unlink(s->spec.path);
    s->n_listen = 0;
    if (s->connecting >= 0)
        close(s->connecting);
    s->connecting = -1;
    s->reconnect = 0;
    char_fd_close(&s->fd);
    g_clear_pointer(&s->bound, g_free);
    sock_spec_clear(&s->spec);
}

static bool socket_open(Chardev *c, GHashTable *opts, GError **error)
{
    CharSocket *s = (CharSocket *)c;
    bool wait = true, websocket = false, delay = false, tn3270 = false;
    bool wait_given = g_hash_table_contains(opts, "wait");
    s->fd.in = s->fd.out = s->connecting = -1;
    g_autofree char *tls = opts_take(opts, "tls-creds");
    g_free(opts_take(opts, "tls-authz"));
    bool ok = opts_take_bool(opts, "server", &s->server, error) &&
              opts_take_bool(opts, "wait", &wait, error) &&
              opts_take_bool(opts, "telnet", &s->telnet, error) &&
              opts_take_bool(opts, "tn3270", &tn3270, error) &&
              opts_take_bool(opts, "websocket", &websocket, error) &&
              opts_take_bool(opts, "delay", &delay, error) &&
              opts_take_bool(opts, "nodelay", &s->nodelay, error) &&
              opts_take_number(opts, "reconnect", &s->reconnect, error) &&
              sock_spec_take(&s->spec, opts, error);
    s->nodelay |= !delay;
    if (ok && (websocket || tls || tn3270))
        ok = error_set(error, "socket: %s is not supported; connect through a proxy such as socat",
                       tls ? "TLS" : tn3270 ? "tn3270" : "websocket");
    if (ok && s->reconnect && s->server)
        ok = error_set(error, "'reconnect' option is incompatible with 'server=on'");
    if (ok && wait_given && !s->server)
        ok = error_set(error, "'wait' option is incompatible with socket in client connect mode");
    ok = ok && (s->server ? socket_serve(s, wait, error) : socket_connect(s, error));
    if (!ok)
        socket_close(c);
    return ok;
}

static void socket_write(Chardev *c, const uint8_t *buf, size_t len)
{
    CharSocket *s = (CharSocket *)c;
    if (!c->open)
        return;
    if (!s->telnet || !memchr(buf, TN_IAC, len)) {
        char_fd_write(&s->fd, buf, len);
        return;
    }
    g_autoptr(GByteArray) escaped = g_byte_array_sized_new(2 * len);
    for (size_t i = 0; i < len; i++) {
        g_byte_array_append(escaped, &buf[i], 1);
        if (buf[i] == TN_IAC)
            g_byte_array_append(escaped, &buf[i], 1);
    }
    char_fd_write(&s->fd, escaped->data, escaped->len);
}

static size_t socket_queued(const Chardev *c)
{
    return char_fd_queued(&((const CharSocket *)c)->fd);
}

static void socket_accept_input(Chardev *c)
{
    if (c->open)
        char_fd_update_input(&((CharSocket *)c)->fd);
}

static bool socket_drain(Chardev *c)
{
    return !c->open || char_fd_drain(&((CharSocket *)c)->fd);
}

static const char *const socket_options[] = {
    "host", "port", "to", "ipv4", "ipv6", "path", "abstract", "tight", "fd", "server", "wait",
    "telnet", "websocket", "nodelay", "reconnect", "mux", "logfile", "logappend", NULL,
};
static const ChardevClass socket_class = {
    .name = "socket", .doc = "TCP or Unix socket", .size = sizeof(CharSocket),
    .options = socket_options, .open = socket_open, .close = socket_close,
    .write = socket_write, .queued = socket_queued, .accept_input = socket_accept_input,
    .drain = socket_drain,
};
CHARDEV_REGISTER(socket_class)
