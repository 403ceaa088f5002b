/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev socket, the older form of stream and dgram: listen=, connect=, mcast=, udp= or fd=.
 *
 * Which of the two it is shows only here, so there are two types under one name.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/net/dgram.h"
#include "backend/net/stream.h"
#include "util/error.h"
#include "util/opts.h"

static const char *const keys[] = { "fd", "listen", "connect", "mcast", "localaddr", "udp", NULL };
static const char *const kinds[] = { "fd", "listen", "connect", "mcast", "udp", NULL };
static const char about[] = "frames over sockets: the older form of stream and dgram";

static const NetType stream_kind = {
    .name = "socket", .doc = about, .keys = keys,
    .leaves_traces = true, .destroy = stream_destroy, .send = stream_send,
    .room = stream_room, .describe = stream_describe,
};
static const NetType dgram_kind = {
    .name = "socket", .doc = about, .keys = keys,
    .leaves_traces = true, .destroy = dgram_destroy, .send = dgram_send,
    .room = dgram_room, .describe = dgram_describe,
};

static bool start_stream(NetBackend *n, StreamSetup *setup, GError **error)
{
    n->type = &stream_kind;
    setup->legacy = true;
    return stream_start(n, setup, error);
}

static bool with_fd(NetBackend *n, const char *text, GError **error)
{
    int type = 0, fd = sock_take_fd(text, error);
    socklen_t len = sizeof type;
    if (fd < 0)
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
        return error_set_errno(error, errno, "can't get socket option SO_TYPE");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (type == SOCK_STREAM) {
        StreamSetup setup = { .spec = { .fd_text = g_strdup_printf("%d", fd) } };
        return start_stream(n, &setup, error);
    }
    if (type != SOCK_DGRAM)
        return error_set(error, "fd=%s: the socket is neither of streams nor of datagrams", text);
    n->type = &dgram_kind;
    g_autofree char *name = dgram_fd_text(fd);
    dgram_start(n, fd, NULL, NULL, g_strdup_printf("socket: %s", name));
    return true;
}

static bool parse(const char *text, bool passive, SockAddr *a, GError **error)
{
    SockSpec spec = { 0 };
    bool ok = net_address_parse(text, &spec, error) && dgram_resolve(&spec, passive, a, error);
    sock_spec_clear(&spec);
    return ok;
}

static bool with_udp(NetBackend *n, const char *text, const char *local_text, GError **error)
{
    SockAddr to, local;
    if (!local_text)
        return error_set(error, "localaddr= is mandatory with udp=");
    if (!parse(local_text, true, &local, error) || !parse(text, false, &to, error))
        return false;
    int fd = dgram_bind(&local, error);
    if (fd < 0)
        return false;
    n->type = &dgram_kind;
    g_autofree char *name = net_address_text(&to);
    dgram_start(n, fd, &to, NULL, g_strdup_printf("socket: udp=%s", name));
    return true;
}

static bool with_group(NetBackend *n, const char *text, const char *local_text, GError **error)
{
    SockAddr to, local;
    SockSpec spec = { .host = (char *)local_text, .port = (char *)"0", .ipv4 = true };
    if (!parse(text, false, &to, error))
        return false;
    if (!dgram_is_multicast(&to))
        return error_set(error, "specified mcastaddr %s does not contain a multicast address: it "
                         "must be in 224.0.0.0/4", text);
    if (local_text && !dgram_resolve(&spec, false, &local, error))
        return false;
    int fd = dgram_join(&to, local_text ? &local : NULL, error);
    if (fd < 0)
        return false;
    n->type = &dgram_kind;
    g_autofree char *name = net_address_text(&to);
    dgram_start(n, fd, &to, NULL, g_strdup_printf("socket: mcast=%s", name));
    return true;
}

static bool socket_create(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error)
{
    unsigned given = 0;
    const char *kind = NULL;
    for (const char *const *k = kinds; *k; k++) {
        if (g_hash_table_contains(opts, *k)) {
            kind = *k;
            given++;
        }
    }
    if (given != 1)
        return error_set(error, "exactly one of listen=, connect=, mcast=, udp= or fd= is required");
    g_autofree char *value = opts_take(opts, kind), *local = opts_take(opts, "localaddr");
    if (local && strcmp(kind, "mcast") && strcmp(kind, "udp"))
        return error_set(error, "localaddr= is only valid with mcast= or udp=");
    if (!opts_check_empty(opts, n->type->name, keys, error))
        return false;
    if (!strcmp(kind, "fd"))
        return with_fd(n, value, error);
    if (!strcmp(kind, "udp"))
        return with_udp(n, value, local, error);
    if (!strcmp(kind, "mcast"))
        return with_group(n, value, local, error);
    StreamSetup setup = { .server = !strcmp(kind, "listen") };
    bool ok = net_address_parse(value, &setup.spec, error) && start_stream(n, &setup, error);
    sock_spec_clear(&setup.spec);
    return ok;
}

const NetType net_socket_type = { .name = "socket", .doc = about, .keys = keys,
                                  .create = socket_create };
