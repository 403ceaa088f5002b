/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev stream: Ethernet frames over a TCP or Unix connection (framed.c), as other emulators,
 * passt and socket_vmnet speak it. A server has one peer at a time; others wait until it has left.
 *
 * Connections are no part of snapshots; what the guest sends after a load goes over the one that
 * there is.
 */
#include "backend/net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "backend/net/framed.h"
#include "softmmu/guest_event.h"
#include "util/error.h"
#include "util/opts.h"

enum { ADDR_MAX = 8 };

typedef struct Stream {
    NetBackend *n;
    StreamSetup setup;
    int listen[ADDR_MAX];
    guint listen_tag[ADDR_MAX];
    unsigned n_listen;
    SockAddr addr[ADDR_MAX];     /* of the server */
    unsigned n_addr, next_addr;
    int connecting;              /* a connection under way, or -1 */
    guint connect_tag, retry_tag;
    bool told;                   /* the user knows that the server is not there */
    Framed *link;                /* NULL: no peer */
    char *info;
} Stream;

static void watch_listen(Stream *s, bool on);
static void connect_later(Stream *s);

/* ---- a connection ---- */

static void set_info(Stream *s, char *info)
{
    g_free(s->info);
    s->info = info;
}

static void peer_gone(NetBackend *n, const char *why)
{
    Stream *s = n->state;
    bool final = !s->setup.server && !s->setup.reconnect_ms;
    if (why)
        g_printerr("-netdev %s: the peer %s; the connection is closed\n", n->id, why);
    else if (final)
        g_printerr("-netdev %s: the peer has hung up; the guest's network leads nowhere now\n",
                   n->id);
    framed_free(g_steal_pointer(&s->link));
    set_info(s, g_strdup(""));
    if (!s->setup.legacy) {
        Json *data = json_object();
        json_set_str(data, "netdev-id", n->id);
        guest_event("NETDEV_STREAM_DISCONNECTED", data);
    }
    if (s->setup.server)
        watch_listen(s, true);
    else if (!final)
        connect_later(s);
}

static void connected(Stream *s, int fd)
{
    NetBackend *n = s->n;
    g_autofree char *peer = net_peer_text(fd);
    const char *address = strchr(peer, ':') + 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    sock_set_nodelay(fd);
    if (!s->setup.legacy)
        set_info(s, g_strdup(peer));
    else if (s->setup.spec.fd_text)
        set_info(s, g_strdup_printf("socket: fd=%d", fd));
    else
        set_info(s, g_strdup_printf("socket: connect%s %s", s->setup.server ? "ion from" : " to",
                                    address));
    s->told = false;
    s->link = framed_new(n, fd, peer_gone);
    if (!s->setup.legacy) {
        Json *data = json_object();
        json_set_str(data, "netdev-id", n->id);
        json_set(data, "addr", net_peer_json(fd));
        guest_event("NETDEV_STREAM_CONNECTED", data);
    }
}

/* ---- server ---- */

static gboolean on_listen(gint fd, GIOCondition c, gpointer opaque)
{
    Stream *s = opaque;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer < 0)
        return G_SOURCE_CONTINUE; /* it has changed its mind */
    watch_listen(s, false);
    connected(s, peer);
    return G_SOURCE_CONTINUE;
}

static void watch_listen(Stream *s, bool on)
{
    for (unsigned i = 0; i < s->n_listen; i++) {
        g_clear_handle_id(&s->listen_tag[i], g_source_remove);
        if (on)
            s->listen_tag[i] = g_unix_fd_add(s->listen[i], G_IO_IN, on_listen, s);
    }
}

static bool serve(Stream *s, GError **error)
{
    int got = sock_listen(&s->setup.spec, s->listen, ADDR_MAX, error);
    if (got < 0)
        return false;
    s->n_listen = got;
    for (int i = 0; i < got; i++)
        fcntl(s->listen[i], F_SETFL, fcntl(s->listen[i], F_GETFL) | O_NONBLOCK);
    watch_listen(s, true);
    return true;
}

/* ---- client ---- */

static void start_connect(Stream *s);

/* The next address, or the first again after a while. */
static void connect_failed(Stream *s, int err)
{
    const SockAddr *a = &s->addr[s->next_addr++];
    if (s->next_addr < s->n_addr) {
        start_connect(s);
        return;
    }
    g_autofree char *where = net_address_text(a);
    s->next_addr = 0;
    if (!s->told)
        g_printerr("-netdev %s: can't connect to %s: %s%s\n", s->n->id, where, g_strerror(err),
                   s->setup.reconnect_ms ? "; trying again" : "; is its server running?");
    s->told = true;
    if (s->setup.reconnect_ms)
        connect_later(s);
    else if (!s->setup.legacy)
        set_info(s, g_strdup("connection error"));
}

static gboolean on_connected(gint fd, GIOCondition c, gpointer opaque)
{
    Stream *s = opaque;
    int err = 0;
    socklen_t len = sizeof err;
    s->connect_tag = 0;
    s->connecting = -1;
    if (!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && !err) {
        s->next_addr = 0;
        connected(s, fd);
        return G_SOURCE_REMOVE;
    }
    close(fd);
    connect_failed(s, err);
    return G_SOURCE_REMOVE;
}

static void start_connect(Stream *s)
{
    const SockAddr *a = &s->addr[s->next_addr];
    int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (!connect(fd, (const struct sockaddr *)&a->ss, a->len) ||
                    errno == EINPROGRESS)) {
        s->connecting = fd;
        s->connect_tag = g_unix_fd_add(fd, G_IO_OUT | G_IO_ERR | G_IO_HUP, on_connected, s);
        return;
    }
    int err = errno;
    if (fd >= 0)
        close(fd);
    connect_failed(s, err);
}

static gboolean on_retry(gpointer opaque)
{
    Stream *s = opaque;
    s->retry_tag = 0;
    start_connect(s);
    return G_SOURCE_REMOVE;
}

static void connect_later(Stream *s)
{
    s->retry_tag = g_timeout_add(MIN(s->setup.reconnect_ms, G_MAXINT32), on_retry, s);
}

static bool begin_connecting(Stream *s, GError **error)
{
    if (s->setup.spec.fd_text) {
        int fd = sock_take_fd(s->setup.spec.fd_text, error);
        if (fd < 0)
            return false;
        connected(s, fd);
        return true;
    }
    int n = sock_resolve(&s->setup.spec, false, s->addr, ADDR_MAX, error);
    if (n < 0)
        return false;
    s->n_addr = n;
    start_connect(s);
    return true;
}

/* ---- life ---- */

bool stream_start(NetBackend *n, StreamSetup *setup, GError **error)
{
    Stream *s = n->state = g_new0(Stream, 1);
    s->n = n;
    s->setup = *setup;
    s->connecting = -1;
    s->info = g_strdup("");
    *setup = (StreamSetup){ 0 };
    return s->setup.server ? serve(s, error) : begin_connecting(s, error);
}

void stream_destroy(NetBackend *n)
{
    Stream *s = n->state;
    watch_listen(s, false);
    for (unsigned i = 0; i < s->n_listen; i++)
        close(s->listen[i]);
    if (s->n_listen && s->setup.spec.path && !s->setup.spec.abstract)
        unlink(s->setup.spec.path);
    g_clear_handle_id(&s->connect_tag, g_source_remove);
    g_clear_handle_id(&s->retry_tag, g_source_remove);
    if (s->connecting >= 0)
        close(s->connecting);
    if (s->link)
        framed_free(s->link);
    sock_spec_clear(&s->setup.spec);
    g_free(s->info);
    g_free(s);
    n->state = NULL;
}

void stream_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len)
{
    Stream *s = n->state;
    if (s->link)
        framed_send(s->link, frame, len);
}

void stream_room(NetBackend *n)
{
    Stream *s = n->state;
    if (s->link)
        framed_room(s->link);
}

char *stream_describe(NetBackend *n)
{
    return g_strdup(((Stream *)n->state)->info);
}

/* ---- options ---- */

static bool take_reconnect(GHashTable *opts, StreamSetup *setup, GError **error)
{
    uint64_t seconds = 0;
    if (!opts_take_number(opts, "reconnect", &seconds, error) ||
        !opts_take_number(opts, "reconnect-ms", &setup->reconnect_ms, error))
        return false;
    if (seconds && setup->reconnect_ms)
        return error_set(error, "'reconnect' and 'reconnect-ms' are mutually exclusive");
    if (seconds)
        setup->reconnect_ms = MIN(seconds, UINT32_MAX) * 1000;
    if (setup->reconnect_ms && setup->server)
        return error_set(error, "'reconnect' option is incompatible with socket in server mode");
    return true;
}

static bool stream_create(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error)
{
    StreamSetup setup = { 0 };
    bool given;
    bool ok = opts_take_bool(opts, "server", &setup.server, error) &&
              take_reconnect(opts, &setup, error) &&
              net_address_take(opts, "addr", &setup.spec, &given, error) &&
              (given || error_set(error, "Parameter 'addr' is missing: add addr.type=unix,"
                                  "addr.path=FILE or addr.type=inet,addr.host=HOST,"
                                  "addr.port=PORT")) &&
              opts_check_empty(opts, n->type->name, n->type->keys, error) &&
              stream_start(n, &setup, error);
    sock_spec_clear(&setup.spec);
    return ok;
}

static const char *const keys[] = {
    "server", "reconnect", "reconnect-ms", "addr.type", "addr.host", "addr.port", "addr.to",
    "addr.ipv4", "addr.ipv6", "addr.path", "addr.abstract", "addr.str", NULL,
};

const NetType net_stream_type = {
    .name = "stream", .leaves_traces = true,
    .doc = "frames over a TCP or Unix connection", .keys = keys,
    .create = stream_create, .destroy = stream_destroy, .send = stream_send,
    .room = stream_room, .describe = stream_describe,
};
