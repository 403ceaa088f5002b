/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image that an NBD server has: nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH,
 * nbd:HOST:PORT[:exportname=X], nbd:unix:PATH[:exportname=X].
 *
 * One connection, one request at a time, simple replies (doc/proto.md of NetworkBlockDevice/nbd).
 * Whatever the server does wrong ends the connection: then all requests fail. A server that is
 * silent for a minute is given up. Left out: TLS, structured replies, reconnecting.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/block/block_int.h"
#include "backend/char/sockaddr.h"
#include "backend/nbd/nbd_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/tsan.h"

enum { PATIENCE_S = 60, HANDSHAKE_S = 10, MAX_REPLIES = 256, MAX_REPLY = 64 << 10, MAX_ADDRS = 8 };

typedef struct NbdNode {
    BlockNode node;
    int fd;
    uint16_t flags;
    uint64_t size;   /* as the server says; node.size is rounded up */
    GMutex lock;     /* the connection */
    uint64_t handle;
    bool dead;
} NbdNode;

/* ---- requests ---- */

static int host_error(uint32_t e)
{
    return e == EPERM || e == ENOMEM || e == EINVAL || e == ENOSPC ? -(int)e : e ? -EIO : 0;
}

/* Lock held. The payload of a write goes out of iov, that of a read into it. */
static int exchange(NbdNode *n, uint16_t type, uint16_t flags, uint64_t offset, uint32_t len,
                    const struct iovec *iov, int n_iov)
{
    uint8_t h[28], r[16];
    store_be32(h, NBD_REQUEST_MAGIC);
    store_be16(h + 4, flags);
    store_be16(h + 6, type);
    store_be64(h + 8, ++n->handle);
    store_be64(h + 16, offset);
    store_be32(h + 24, len);
    bool ok = nbd_put(n->fd, h, sizeof h);
    for (int i = 0; ok && type == NBD_WRITE && i < n_iov; i++)
        ok = nbd_put(n->fd, iov[i].iov_base, iov[i].iov_len);
    if (!ok || !nbd_get(n->fd, r, sizeof r) || load_be32(r) != NBD_SIMPLE_MAGIC ||
        load_be64(r + 8) != n->handle)
        return -ESHUTDOWN;
    int e = host_error(load_be32(r + 4));
    for (int i = 0; !e && type == NBD_READ && i < n_iov; i++)
        if (!nbd_get(n->fd, iov[i].iov_base, iov[i].iov_len))
            return -ESHUTDOWN;
    return e;
}

static int request(BlockNode *node, uint16_t type, uint16_t flags, uint64_t offset, uint32_t len,
                   const struct iovec *iov, int n_iov)
{
    NbdNode *n = (NbdNode *)node;
    g_mutex_lock(&n->lock);
    TSAN_ACQUIRE(&n->lock);
    int r = n->dead ? -EIO : exchange(n, type, flags, offset, len, iov, n_iov);
    if (r == -ESHUTDOWN) {
        warn_report("the NBD server of '%s' is gone, or broke the protocol: requests fail from now "
                    "on", node->filename);
        n->dead = true;
        shutdown(n->fd, SHUT_RDWR);
        r = -EIO;
    }
    TSAN_RELEASE(&n->lock);
    g_mutex_unlock(&n->lock);
    return r;
}

/* Pieces of a vector; the last sector may be longer than the image. */
static int rw(BlockNode *node, bool write, uint64_t offset, const struct iovec *iov, int n_iov)
{
    uint64_t size = ((NbdNode *)node)->size;
    int r = 0;
    for (int i = 0; !r && i < n_iov; i++) {
        for (size_t at = 0, step; !r && at < iov[i].iov_len; at += step, offset += step) {
            char *p = (char *)iov[i].iov_base + at;
            step = MIN(iov[i].iov_len - at, (size_t)NBD_MAX_DATA);
            size_t here = offset < size ? MIN(step, size - offset) : 0;
            struct iovec part = { p, here };
            if (!write)
                memset(p + here, 0, step - here);
            if (here)
                r = request(node, write ? NBD_WRITE : NBD_READ, 0, offset, (uint32_t)here, &part, 1);
        }
    }
    return r;
}

static int nbd_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov, uint64_t len)
{
    return rw(n, false, offset, iov, n_iov);
}

static int nbd_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t len)
{
    return rw(n, true, offset, iov, n_iov);
}

static int nbd_flush(BlockNode *n)
{
    return ((NbdNode *)n)->flags & NBD_SEND_FLUSH ? request(n, NBD_FLUSH, 0, 0, 0, NULL, 0) : 0;
}

/* Without data, in steps that fit. */
static int over_range(BlockNode *n, uint16_t type, uint16_t flags, uint64_t offset, uint64_t len)
{
    uint64_t end = MIN(offset + len, ((NbdNode *)n)->size);
    int r = 0;
    for (uint64_t step; !r && offset < end; offset += step) {
        step = MIN(end - offset, 1u << 30);
        r = request(n, type, flags, offset, (uint32_t)step, NULL, 0);
    }
    return r;
}

static int nbd_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    return ((NbdNode *)n)->flags & NBD_SEND_TRIM ? over_range(n, NBD_TRIM, 0, offset, len) : 0;
}

static int nbd_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    static const uint8_t zeros[64 << 10];
    int r = 0;
    if (((NbdNode *)n)->flags & NBD_SEND_ZEROES)
        return over_range(n, NBD_ZEROES, may_unmap ? 0 : NBD_NO_HOLE, offset, len);
    for (uint64_t step; !r && len; len -= step, offset += step) {
        struct iovec iov = { (void *)zeros, step = MIN(len, sizeof zeros) };
        r = rw(n, true, offset, &iov, 1);
    }
    return r;
}

static int nbd_resize(BlockNode *n, uint64_t size)
{
    return -ENOTSUP;
}

static bool nbd_reopen(BlockNode *n, bool write, GError **error)
{
    if (write && ((NbdNode *)n)->flags & NBD_READ_ONLY)
        return error_set(error, "'%s': the server lets it be read only", n->filename);
    n->read_only = !write;
    return true;
}

static void nbd_close(BlockNode *node)
{
    NbdNode *n = (NbdNode *)node;
    uint8_t h[28] = { 0 };
    store_be32(h, NBD_REQUEST_MAGIC);
    store_be16(h + 6, NBD_DISCONNECT);
    if (!n->dead)
        nbd_put(n->fd, h, sizeof h);
    close(n->fd);
    g_mutex_clear(&n->lock);
    g_free(n);
}

static const BlockDriver nbd_driver = {
    .name = "nbd", .readv = nbd_readv, .writev = nbd_writev, .flush = nbd_flush,
    .discard = nbd_discard, .write_zeroes = nbd_write_zeroes, .resize = nbd_resize,
    .reopen = nbd_reopen, .close = nbd_close,
};

/* ---- handshake ---- */

/* The option GO; old servers know only EXPORT_NAME, which has no reply but data or the end. */
static bool option(int fd, uint32_t what, const void *data, uint32_t len)
{
    uint8_t h[16];
    store_be64(h, NBD_OPTION_MAGIC);
    store_be32(h + 8, what);
    store_be32(h + 12, len);
    return nbd_put(fd, h, sizeof h) && nbd_put(fd, data, len);
}

static bool plain_export(NbdNode *n, const char *export, bool no_zeroes, GError **error)
{
    uint8_t h[134];
    if (!option(n->fd, NBD_OPT_EXPORT_NAME, export, (uint32_t)strlen(export)) ||
        !nbd_get(n->fd, h, no_zeroes ? 10 : sizeof h))
        return error_set(error, "the server does not have the export '%s'", export);
    n->size = load_be64(h);
    n->flags = load_be16(h + 8);
    return true;
}

static bool take_info(NbdNode *n, const uint8_t *data, uint32_t len, bool *known, GError **error)
{
    if (len >= 12 && load_be16(data) == NBD_INFO_EXPORT) {
        n->size = load_be64(data + 2);
        n->flags = load_be16(data + 10);
        *known = true;
    }
    if (len >= 14 && load_be16(data) == NBD_INFO_BLOCK_SIZE && load_be32(data + 2) > BLOCK_SECTOR)
        return error_set(error, "the server wants blocks of more than 512 bytes");
    return true;
}

static bool go(NbdNode *n, const char *export, bool no_zeroes, GError **error)
{
    uint32_t len = (uint32_t)strlen(export);
    g_autofree uint8_t *ask = g_malloc0(8 + len), *data = g_malloc(MAX_REPLY);
    bool known = false;
    store_be32(ask, len);
    memcpy(ask + 4, export, len);
    store_be16(ask + 4 + len, 1);
    store_be16(ask + 6 + len, NBD_INFO_BLOCK_SIZE);
    if (!option(n->fd, NBD_OPT_GO, ask, 8 + len))
        return error_set(error, "the server hung up");
    for (int i = 0; i < MAX_REPLIES; i++) {
        uint8_t h[20];
        if (!nbd_get(n->fd, h, sizeof h) || load_be64(h) != NBD_REPLY_MAGIC ||
            load_be32(h + 8) != NBD_OPT_GO || load_be32(h + 16) > MAX_REPLY ||
            !nbd_get(n->fd, data, load_be32(h + 16)))
            return error_set(error, "the server broke the protocol, or hung up");
        uint32_t type = load_be32(h + 12);
        if (type == NBD_REP_INFO && !take_info(n, data, load_be32(h + 16), &known, error))
            return false;
        if (type == NBD_REP_ACK)
            return known || error_set(error, "the server does not tell the size of '%s'", export);
        if (type == NBD_ERR(NBD_UNSUPPORTED))
            return plain_export(n, export, no_zeroes, error);
        if (type == NBD_ERR(NBD_UNKNOWN))
            return error_set(error, "the server does not have the export '%s'", export);
        if (type & NBD_ERR(0))
            return error_set(error, "the server refuses the export '%s' (0x%x)", export, type);
    }
    return error_set(error, "the server broke the protocol");
}

static bool handshake(NbdNode *n, const char *export, GError **error)
{
    uint8_t h[18], flags[4];
    if (!nbd_get(n->fd, h, sizeof h) || load_be64(h) != NBD_MAGIC ||
        load_be64(h + 8) != NBD_OPTION_MAGIC || !(load_be16(h + 16) & NBD_FIXED_NEWSTYLE))
        return error_set(error, "there is no NBD server of the fixed newstyle");
    uint32_t mine = load_be16(h + 16) & (NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    store_be32(flags, mine);
    if (!nbd_put(n->fd, flags, sizeof flags))
        return error_set(error, "the server hung up");
    if (!go(n, export, mine & NBD_NO_ZEROES, error))
        return false;
    return n->size <= INT64_MAX - BLOCK_SECTOR ||
           error_set(error, "the server tells an impossible size");
}

static void set_patience(int fd, int seconds)
{
    struct timeval t = { .tv_sec = seconds };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

BlockNode *block_nbd_open(const BlockNbd *a, bool read_only, GError **error)
{
    SockSpec spec = { .host = (char *)a->host, .port = (char *)(a->port ? a->port : "10809"),
                      .path = (char *)a->path, .ipv4 = true, .ipv6 = true };
    SockAddr addrs[MAX_ADDRS];
    const char *export = a->export ? a->export : "";
    int n_addrs = sock_resolve(&spec, false, addrs, MAX_ADDRS, error);
    int fd = n_addrs < 0 ? -1 : sock_connect(&spec, addrs, (unsigned)n_addrs, error);
    if (fd < 0)
        return NULL;
    if (strlen(export) > NBD_MAX_NAME)
        return close(fd), error_set(error, "the name of the export is too long"), NULL;
    NbdNode *n = g_new0(NbdNode, 1);
    n->fd = fd;
    sock_set_nodelay(fd);
    set_patience(fd, HANDSHAKE_S);
    g_mutex_init(&n->lock);
    n->node = (BlockNode){ .driver = &nbd_driver, .refs = 1 };
    if (!handshake(n, export, error) ||
        (!read_only && n->flags & NBD_READ_ONLY &&
         !error_set(error, "the server lets '%s' be read only (add readonly=on)", export))) {
        n->dead = true;
        nbd_close(&n->node);
        return NULL;
    }
    set_patience(fd, PATIENCE_S);
    n->node.size = ALIGN_UP(n->size, (uint64_t)BLOCK_SECTOR);
    n->node.read_only = read_only || n->flags & NBD_READ_ONLY;
    return &n->node;
}

/* ---- how users write it ---- */

void block_nbd_clear(BlockNbd *a)
{
    g_free(a->host);
    g_free(a->port);
    g_free(a->path);
    g_free(a->export);
    memset(a, 0, sizeof *a);
}

/* nbd:HOST:PORT or nbd:unix:PATH, :exportname=X behind it. */
static bool parse_short(BlockNbd *a, const char *text)
{
    const char *name = strstr(text, ":exportname=");
    g_autofree char *place = name ? g_strndup(text, (gsize)(name - text)) : g_strdup(text);
    char *colon = strrchr(place, ':');
    a->export = g_strdup(name ? name + strlen(":exportname=") : "");
    if (g_str_has_prefix(place, "unix:")) {
        a->path = g_strdup(place + 5);
        return *a->path;
    }
    if (!colon)
        return false;
    a->host = g_strndup(place, (gsize)(colon - place));
    a->port = g_strdup(colon + 1);
    return *a->host && *a->port;
}

bool block_nbd_parse(BlockNbd *a, const char *text, GError **error)
{
    memset(a, 0, sizeof *a);
    if (!strstr(text, "://")) {
        if (parse_short(a, text + strlen("nbd:")))
            return true;
        block_nbd_clear(a);
        return error_set(error, "'%s': write nbd:HOST:PORT or nbd:unix:PATH, and "
                         ":exportname=NAME", text);
    }
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, error);
    if (!uri)
        return false;
    const char *path = g_uri_get_path(uri), *query = g_uri_get_query(uri);
    a->export = g_strdup(path + (*path == '/'));
    if (!strcmp(g_uri_get_scheme(uri), "nbd+unix")) {
        if (query && g_str_has_prefix(query, "socket="))
            a->path = g_strdup(query + 7);
    } else if (g_uri_get_host(uri) && *g_uri_get_host(uri)) {
        a->host = g_strdup(g_uri_get_host(uri));
        a->port = g_uri_get_port(uri) > 0 ? g_strdup_printf("%d", g_uri_get_port(uri)) : NULL;
    }
    if (a->host || a->path)
        return true;
    block_nbd_clear(a);
    return error_set(error, "'%s': write nbd://HOST[:PORT]/NAME or nbd+unix:///NAME?socket=PATH",
                     text);
}
