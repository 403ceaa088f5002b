/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev dgram: Ethernet frames as datagrams over UDP, a multicast group, or Unix sockets.
 *
 * Frames of the guest's own that a multicast group sends back are not shown to it: a card does not
 * hear itself.
 */
#include "backend/net/dgram.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/net/packets.h"
#include "util/error.h"
#include "util/opts.h"

typedef struct Dgram {
    NetBackend *n;
    int fd;
    SockAddr remote;      /* len 0: the socket is connected */
    bool multicast;
    char *own_path, *info;
    Packets *packets;
} Dgram;

/* ---- frames ---- */

static ssize_t read_frame(void *opaque, NetOffload *o, uint8_t *frame, size_t size)
{
    Dgram *d = opaque;
    for (;;) {
        ssize_t got = recv(d->fd, frame, size, MSG_DONTWAIT | MSG_TRUNC);
        if (got > (ssize_t)size)
            continue; /* no frame is that long */
        bool own = d->multicast && d->n->nic && got >= 12 &&
                   !memcmp(frame + 6, d->n->nic->mac, 6);
        if (!own)
            return got;
    }
}

static ssize_t write_frame(void *opaque, const NetOffload *o, const uint8_t *frame, size_t len)
{
    Dgram *d = opaque;
    const struct sockaddr *to = d->remote.len ? (const struct sockaddr *)&d->remote.ss : NULL;
    return sendto(d->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL, to, d->remote.len);
}

/* Of an unconnected Unix socket poll(2) tells about its own buffer, not about its peer's queue. */
static const PacketOps plain_ops = { .read = read_frame, .write = write_frame };
static const PacketOps unix_ops = { .read = read_frame, .write = write_frame, .poll_lies = true };

void dgram_room(NetBackend *n)
{
    packets_room(((Dgram *)n->state)->packets);
}

void dgram_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len)
{
    packets_send(((Dgram *)n->state)->packets, o, frame, len);
}

/* ---- sockets ---- */

bool dgram_resolve(const SockSpec *s, bool passive, SockAddr *a, GError **error)
{
    SockAddr all[8];
    int n = sock_resolve(s, passive, all, G_N_ELEMENTS(all), error);
    if (n <= 0)
        return false;
    *a = all[0];
    for (int i = n; i-- > 0;)
        if (all[i].family == AF_INET)
            *a = all[i];
    return true;
}

bool dgram_is_multicast(const SockAddr *a)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&a->ss;
    return a->family == AF_INET && IN_MULTICAST(ntohl(in->sin_addr.s_addr));
}

static int bind_shared(const SockAddr *a)
{
    int one = 1, fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (a->family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!bind(fd, (const struct sockaddr *)&a->ss, a->len))
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

int dgram_bind(const SockAddr *a, GError **error)
{
    struct stat st;
    g_autofree char *text = net_address_text(a);
    /* What an earlier run left behind; a plain file is not ours to remove. */
    if (a->family == AF_UNIX && !stat(text, &st) && S_ISSOCK(st.st_mode))
        unlink(text);
    int fd = bind_shared(a);
    if (fd < 0)
        error_set_errno(error, errno, "can't bind the socket to %s", text);
    return fd;
}

int dgram_join(const SockAddr *to, const SockAddr *local, GError **error)
{
    g_autofree char *text = net_address_text(to);
    struct ip_mreq group = { ((const struct sockaddr_in *)&to->ss)->sin_addr, { 0 } };
    unsigned char loop = 1; /* other machines of this host are in the group */
    int fd = bind_shared(to);
    if (fd < 0) {
        error_set_errno(error, errno, "can't bind the socket to %s", text);
        return -1;
    }
    if (local)
        group.imr_interface = ((const struct sockaddr_in *)&local->ss)->sin_addr;
    if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof loop) ||
        (local && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group.imr_interface,
                             sizeof group.imr_interface))) {
        error_set_errno(error, errno, "can't join the multicast group %s", text);
        close(fd);
        return -1;
    }
    return fd;
}

char *dgram_fd_text(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof family;
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
    return g_strdup_printf("fd=%d%s", fd, family == AF_UNIX ? " unix" : "");
}

/* ---- life ---- */

void dgram_start(NetBackend *n, int fd, const SockAddr *remote, const char *own_path, char *info)
{
    Dgram *d = n->state = g_new0(Dgram, 1);
    d->n = n;
    d->fd = fd;
    if (remote)
        d->remote = *remote;
    d->multicast = remote && dgram_is_multicast(remote);
    d->own_path = g_strdup(own_path);
    d->info = info;
    d->packets = packets_new(n, fd, d->remote.family == AF_UNIX ? &unix_ops : &plain_ops, d);
}

void dgram_destroy(NetBackend *n)
{
    Dgram *d = n->state;
    packets_free(d->packets);
    close(d->fd);
    if (d->own_path)
        unlink(d->own_path);
    g_free(d->own_path);
    g_free(d->info);
    g_free(d);
    n->state = NULL;
}

char *dgram_describe(NetBackend *n)
{
    return g_strdup(((Dgram *)n->state)->info);
}

/* ---- options ---- */

typedef struct DgramSetup {
    SockSpec local, remote;
    bool have_local, have_remote;
} DgramSetup;

static bool is_inet(const SockSpec *s)
{
    return s->host;
}

/* local.type=fd: connected, or a socket of the group that remote is */
static bool start_with_fd(NetBackend *n, DgramSetup *u, const SockAddr *group, GError **error)
{
    int type = 0, fd = sock_take_fd(u->local.fd_text, error);
    socklen_t len = sizeof type;
    if (fd < 0)
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_DGRAM)
        return error_set(error, "fd %d is no datagram socket; use -netdev stream", fd);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    dgram_start(n, fd, group, NULL, dgram_fd_text(fd));
    return true;
}

static bool start_multicast(NetBackend *n, DgramSetup *u, const SockAddr *to, GError **error)
{
    SockAddr local;
    if (u->have_local && u->local.fd_text)
        return start_with_fd(n, u, to, error);
    if (u->have_local && !is_inet(&u->local))
        return error_set(error, "with a multicast group, local.type must be inet or fd");
    if (u->have_local && !dgram_resolve(&u->local, false, &local, error))
        return false;
    int fd = dgram_join(to, u->have_local ? &local : NULL, error);
    if (fd < 0)
        return false;
    g_autofree char *text = net_address_text(to);
    dgram_start(n, fd, to, NULL, g_strdup_printf("mcast=%s", text));
    return true;
}

static bool start_pair(NetBackend *n, DgramSetup *u, GError **error)
{
    SockAddr local, remote;
    if (!dgram_resolve(&u->local, true, &local, error) ||
        !dgram_resolve(&u->remote, false, &remote, error))
        return false;
    if (local.family != remote.family)
        return error_set(error, "remote and local types must be the same");
    int fd = dgram_bind(&local, error);
    if (fd < 0)
        return false;
    g_autofree char *from = net_address_text(&local), *to = net_address_text(&remote);
    bool named = u->local.path && !u->local.abstract;
    dgram_start(n, fd, &remote, named ? u->local.path : NULL,
                g_strdup_printf("udp=%s%c%s", from, u->local.path ? ':' : '/', to));
    return true;
}

static bool start(NetBackend *n, DgramSetup *u, GError **error)
{
    SockAddr to;
    if (u->have_remote && is_inet(&u->remote)) {
        if (!dgram_resolve(&u->remote, false, &to, error))
            return false;
        if (dgram_is_multicast(&to))
            return start_multicast(n, u, &to, error);
    }
    if (!u->have_local)
        return error_set(error, "dgram requires local= parameter: add local.type=");
    if (u->local.fd_text)
        return u->have_remote ? error_set(error, "don't set remote with local.fd")
                              : start_with_fd(n, u, NULL, error);
    if (!u->have_remote)
        return error_set(error, "type=inet or type=unix requires remote parameter");
    if (u->remote.fd_text || is_inet(&u->local) != is_inet(&u->remote))
        return error_set(error, "remote and local types must be the same");
    return start_pair(n, u, error);
}

static bool dgram_create(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error)
{
    DgramSetup u = { 0 };
    bool ok = net_address_take(opts, "local", &u.local, &u.have_local, error) &&
              net_address_take(opts, "remote", &u.remote, &u.have_remote, error) &&
              opts_check_empty(opts, n->type->name, n->type->keys, error) && start(n, &u, error);
    sock_spec_clear(&u.local);
    sock_spec_clear(&u.remote);
    return ok;
}

static const char *const keys[] = {
    "local.type", "local.host", "local.port", "local.path", "local.str", "remote.type",
    "remote.host", "remote.port", "remote.path", NULL,
};

const NetType net_dgram_type = {
    .name = "dgram", .leaves_traces = true,
    .doc = "frames as datagrams: UDP, multicast, Unix sockets", .keys = keys,
    .create = dgram_create, .destroy = dgram_destroy, .send = dgram_send, .room = dgram_room,
    .describe = dgram_describe,
};
