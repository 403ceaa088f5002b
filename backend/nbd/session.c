/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One NBD client: fixed newstyle handshake, simple or structured replies, block status. What it
 * sends is checked here; a client that breaks the protocol is disconnected.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backend/nbd/nbd_int.h"
#include "softmmu/run.h"
#include "util/bits.h"

enum { MAX_OPTIONS = 64, CONTEXT_ID = 1, MAX_EXTENTS = 512, DISCARDED_MAX = 64 << 10 };


/* ---- handshake ---- */

static bool reply(const NbdSession *s, uint32_t option, uint32_t type, const void *data, uint32_t len)
{
    uint8_t h[20];
    store_be64(h, NBD_REPLY_MAGIC);
    store_be32(h + 8, option);
    store_be32(h + 12, type);
    store_be32(h + 16, len);
    return nbd_put(s->fd, h, sizeof h) && nbd_put(s->fd, data, len);
}

static uint16_t export_flags(const NbdSession *s)
{
    return NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA | NBD_MULTI_CONN |
           (s->e->writable ? NBD_SEND_TRIM | NBD_SEND_ZEROES : NBD_READ_ONLY) |
           (s->structured ? NBD_SEND_DF : 0);
}

static bool list(const NbdSession *s)
{
    bool ok = true;
    main_lock();
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (NbdExport *e = nbd_export_next(NULL); e; e = nbd_export_next(e))
        if (!e->closing)
            g_ptr_array_add(names, g_strdup(e->name));
    main_unlock();
    for (guint i = 0; ok && i < names->len; i++) {
        uint32_t n = (uint32_t)strlen(names->pdata[i]);
        g_autofree uint8_t *data = g_malloc(4 + n);
        store_be32(data, n);
        memcpy(data + 4, names->pdata[i], n);
        ok = reply(s, NBD_OPT_LIST, NBD_REP_SERVER, data, 4 + n);
    }
    return ok && reply(s, NBD_OPT_LIST, NBD_REP_ACK, NULL, 0);
}

/* The client has it from now on. */
static bool choose(NbdSession *s, const void *name, uint32_t len)
{
    g_autofree char *text = g_strndup(name, len);
    main_lock();
    NbdExport *e = strlen(text) == len ? nbd_export_find(text) : NULL;
    if (s->e)
        nbd_export_leave(s->e);
    s->e = e;
    if (e)
        e->clients++;
    main_unlock();
    return e;
}

static void drop(NbdSession *s)
{
    main_lock();
    if (s->e)
        nbd_export_leave(s->e);
    s->e = NULL;
    main_unlock();
}

static uint64_t export_size(const NbdSession *s)
{
    main_lock();
    uint64_t size = block_size(s->e->b);
    main_unlock();
    return size;
}

/* INFO or GO. */
static bool info(NbdSession *s, uint32_t option, const uint8_t *data, uint32_t len, bool *go)
{
    uint32_t n = len >= 6 ? load_be32(data) : UINT32_MAX;
    if (len < 6 || n > len - 6 || len - 6 - n != 2u * load_be16(data + 4 + n))
        return reply(s, option, NBD_ERR(NBD_INVALID), NULL, 0);
    if (!choose(s, data + 4, n))
        return reply(s, option, NBD_ERR(NBD_UNKNOWN), NULL, 0);
    uint8_t about[14], sizes[14];
    store_be16(about, NBD_INFO_EXPORT);
    store_be64(about + 2, export_size(s));
    store_be16(about + 10, export_flags(s));
    store_be16(sizes, NBD_INFO_BLOCK_SIZE);
    store_be32(sizes + 2, 1);
    store_be32(sizes + 6, 4096);
    store_be32(sizes + 10, NBD_MAX_DATA);
    bool ok = reply(s, option, NBD_REP_INFO, about, 12);
    for (const uint8_t *p = data + 6 + n; ok && p < data + len; p += 2) {
        const char *text = load_be16(p) == NBD_INFO_NAME ? s->e->name
                           : load_be16(p) == NBD_INFO_DESCRIPTION ? s->e->description : NULL;
        if (load_be16(p) == NBD_INFO_BLOCK_SIZE)
            ok = reply(s, option, NBD_REP_INFO, sizes, sizeof sizes);
        if (!text)
            continue;
        g_autofree uint8_t *named = g_malloc(2 + strlen(text));
        memcpy(named, p, 2);
        memcpy(named + 2, text, strlen(text));
        ok = reply(s, option, NBD_REP_INFO, named, (uint32_t)(2 + strlen(text)));
    }
    *go = option == NBD_OPT_GO;
    if (!*go)
        drop(s);
    return ok && reply(s, option, NBD_REP_ACK, NULL, 0);
}

/* LIST_META_CONTEXT, SET_META_CONTEXT: export, then queries. */
static bool contexts(NbdSession *s, uint32_t option, const uint8_t *data, uint32_t len)
{
    static const char context[] = "base:allocation";
    uint32_t n = len >= 8 ? load_be32(data) : UINT32_MAX, at;
    bool wanted = false, set = option == NBD_OPT_SET_CONTEXT;
    if (n > len - 8 || !s->structured)
        return reply(s, option, NBD_ERR(NBD_INVALID), NULL, 0);
    uint32_t queries = load_be32(data + 4 + n);
    at = 8 + n;
    wanted = !queries && !set;
    for (uint32_t i = 0; i < queries; i++) {
        uint32_t q = len - at >= 4 ? load_be32(data + at) : UINT32_MAX;
        if (len - at < 4 || q > len - at - 4)
            return reply(s, option, NBD_ERR(NBD_INVALID), NULL, 0);
        wanted |= (q == sizeof context - 1 && !memcmp(data + at + 4, context, q)) ||
                  (!set && q == 5 && !memcmp(data + at + 4, context, q));
        at += 4 + q;
    }
    if (set)
        s->status = wanted;
    uint8_t found[4 + sizeof context - 1];
    store_be32(found, set ? CONTEXT_ID : 0);
    memcpy(found + 4, context, sizeof context - 1);
    return (!wanted || reply(s, option, NBD_REP_CONTEXT, found, sizeof found)) &&
           reply(s, option, NBD_REP_ACK, NULL, 0);
}

static bool export_name(NbdSession *s, const uint8_t *data, uint32_t len, bool no_zeroes)
{
    uint8_t out[134] = { 0 };
    if (!choose(s, data, len))
        return false;
    store_be64(out, export_size(s));
    store_be16(out + 8, export_flags(s));
    return nbd_put(s->fd, out, no_zeroes ? 10 : sizeof out);
}

static bool handshake(NbdSession *s)
{
    uint8_t hello[18], flags[4], h[16];
    store_be64(hello, NBD_MAGIC);
    store_be64(hello + 8, NBD_OPTION_MAGIC);
    store_be16(hello + 16, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    if (!nbd_put(s->fd, hello, sizeof hello) || !nbd_get(s->fd, flags, sizeof flags) ||
        load_be32(flags) & ~(uint32_t)(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES))
        return false;
    for (int i = 0; i < MAX_OPTIONS; i++) {
        if (!nbd_get(s->fd, h, sizeof h) || load_be64(h) != NBD_OPTION_MAGIC)
            return false;
        uint32_t option = load_be32(h + 8), len = load_be32(h + 12);
        if (len > DISCARDED_MAX)
            return false;
        g_autofree uint8_t *data = g_malloc(len + 1);
        bool ok, go = false;
        if (!nbd_get(s->fd, data, len))
            return false;
        switch (option) {
        case NBD_OPT_EXPORT_NAME:
            return export_name(s, data, len, load_be32(flags) & NBD_NO_ZEROES);
        case NBD_OPT_ABORT:
            reply(s, option, NBD_REP_ACK, NULL, 0);
            return false;
        case NBD_OPT_LIST:
            ok = len ? reply(s, option, NBD_ERR(NBD_INVALID), NULL, 0) : list(s);
            break;
        case NBD_OPT_INFO:
        case NBD_OPT_GO:
            ok = info(s, option, data, len, &go);
            break;
        case NBD_OPT_STRUCTURED:
            s->structured |= !len;
            ok = reply(s, option, len ? NBD_ERR(NBD_INVALID) : NBD_REP_ACK, NULL, 0);
            break;
        case NBD_OPT_LIST_CONTEXT:
        case NBD_OPT_SET_CONTEXT:
            ok = contexts(s, option, data, len);
            break;
        default:
            ok = reply(s, option, NBD_ERR(NBD_UNSUPPORTED), NULL, 0);
        }
        if (!ok || go)
            return ok;
    }
    return false;
}

/* ---- requests ---- */

typedef struct Wait {
    GMutex lock;
    GCond cond;
    bool done;
    int ret;
} Wait;

static void request_done(void *opaque, int ret)
{
    Wait *w = opaque;
    g_mutex_lock(&w->lock);
    w->done = true;
    w->ret = ret;
    g_cond_signal(&w->cond);
    g_mutex_unlock(&w->lock);
}

static int carry_out(const NbdSession *s, BlockOp op, uint64_t offset, void *buf, uint64_t len)
{
    Wait w = { .done = false };
    struct iovec iov = { buf, len };
    g_mutex_init(&w.lock);
    g_cond_init(&w.cond);
    main_lock();
    bool closing = s->e->closing;
    if (!closing)
        block_submit(s->e->b, op, offset, &iov, buf ? 1 : 0, len, request_done, &w);
    main_unlock();
    g_mutex_lock(&w.lock);
    while (!closing && !w.done)
        g_cond_wait(&w.cond, &w.lock);
    g_mutex_unlock(&w.lock);
    g_mutex_clear(&w.lock);
    g_cond_clear(&w.cond);
    return closing ? -ESHUTDOWN : w.ret;
}

static uint32_t nbd_error(int r)
{
    switch (-r) {
    case 0: case EPERM: case EIO: case ENOMEM: case EINVAL: case ENOSPC: case EOVERFLOW:
    case ESHUTDOWN:
        return (uint32_t)-r; /* Linux's numbers are the protocol's */
    case EROFS:
        return EPERM;
    case EFBIG:
        return ENOSPC;
    case EOPNOTSUPP:
        return 95;
    default:
        return EINVAL;
    }
}

static bool chunk(const NbdSession *s, uint64_t handle, uint16_t type, const void *a, uint32_t n_a,
                  const void *b, uint32_t n_b)
{
    uint8_t h[20];
    store_be32(h, (uint32_t)NBD_CHUNK_MAGIC);
    store_be16(h + 4, NBD_CHUNK_DONE);
    store_be16(h + 6, type);
    store_be64(h + 8, handle);
    store_be32(h + 16, n_a + n_b);
    return nbd_put(s->fd, h, sizeof h) && nbd_put(s->fd, a, n_a) && nbd_put(s->fd, b, n_b);
}

static bool answer(const NbdSession *s, uint64_t handle, int r)
{
    uint8_t h[16], why[6] = { 0 };
    if (s->structured) {
        store_be32(why, nbd_error(r));
        return r ? chunk(s, handle, NBD_CHUNK_ERROR, why, sizeof why, NULL, 0)
                 : chunk(s, handle, NBD_CHUNK_NONE, NULL, 0, NULL, 0);
    }
    store_be32(h, NBD_SIMPLE_MAGIC);
    store_be32(h + 4, nbd_error(r));
    store_be64(h + 8, handle);
    return nbd_put(s->fd, h, sizeof h);
}

static bool answer_data(const NbdSession *s, uint64_t handle, uint64_t offset, const void *buf,
                        uint32_t len)
{
    uint8_t at[8];
    store_be64(at, offset);
    if (s->structured)
        return chunk(s, handle, NBD_CHUNK_DATA, at, sizeof at, buf, len);
    return answer(s, handle, 0) && nbd_put(s->fd, buf, len);
}

static bool answer_status(const NbdSession *s, uint64_t handle, uint64_t offset, uint32_t len,
                          bool one)
{
    g_autofree uint8_t *out = g_malloc(4 + 8 * MAX_EXTENTS);
    uint32_t n = 0;
    store_be32(out, CONTEXT_ID);
    for (uint64_t at = offset; at < offset + len && n < (one ? 1 : MAX_EXTENTS);) {
        uint64_t run = offset + len - at;
        main_lock();
        bool zero = block_reads_as_zeros(s->e->b, at, &run);
        main_unlock();
        store_be32(out + 4 + 8 * n, (uint32_t)run);
        store_be32(out + 8 + 8 * n++, zero ? NBD_STATE_HOLE | NBD_STATE_ZERO : 0);
        at += run;
    }
    return chunk(s, handle, NBD_CHUNK_STATUS, out, 4 + 8 * n, NULL, 0);
}

/* False: the connection ends. */
static bool serve(NbdSession *s)
{
    uint8_t h[28];
    if (!nbd_get(s->fd, h, sizeof h) || load_be32(h) != NBD_REQUEST_MAGIC)
        return false;
    uint16_t flags = load_be16(h + 4), type = load_be16(h + 6);
    uint64_t handle = load_be64(h + 8), offset = load_be64(h + 16), size = export_size(s);
    uint32_t len = load_be32(h + 24);
    bool data = type == NBD_READ || type == NBD_WRITE;
    bool writes = type == NBD_WRITE || type == NBD_TRIM || type == NBD_ZEROES;
    g_autofree uint8_t *buf = NULL;
    int r = 0;
    if (type == NBD_DISCONNECT)
        return false;
    if (data && len > NBD_MAX_DATA)
        return type == NBD_READ && answer(s, handle, -EINVAL);
    if (data)
        buf = g_malloc(MAX(len, 1));
    if (type == NBD_WRITE && !nbd_get(s->fd, buf, len))
        return false;
    if (flags & ~(NBD_FUA | NBD_NO_HOLE | NBD_DF | NBD_REQ_ONE))
        return answer(s, handle, -EINVAL);
    if (writes && !s->e->writable)
        return answer(s, handle, -EPERM);
    if (type != NBD_FLUSH && (offset > size || len > size - offset))
        return answer(s, handle, writes ? -ENOSPC : -EINVAL);
    switch (type) {
    case NBD_READ:
        r = carry_out(s, BLOCK_READ, offset, buf, len);
        return r ? answer(s, handle, r) : answer_data(s, handle, offset, buf, len);
    case NBD_WRITE:
        r = carry_out(s, BLOCK_WRITE, offset, buf, len);
        break;
    case NBD_TRIM:
        r = carry_out(s, BLOCK_DISCARD, offset, NULL, len);
        break;
    case NBD_ZEROES:
        r = carry_out(s, BLOCK_WRITE_ZEROES, offset, NULL, len);
        break;
    case NBD_FLUSH:
        return answer(s, handle, carry_out(s, BLOCK_FLUSH, 0, NULL, 0));
    case NBD_STATUS:
        return s->status && len ? answer_status(s, handle, offset, len, flags & NBD_REQ_ONE)
                                : answer(s, handle, -EINVAL);
    default:
        return answer(s, handle, -EINVAL);
    }
    if (!r && flags & NBD_FUA)
        r = carry_out(s, BLOCK_FLUSH, 0, NULL, 0);
    return answer(s, handle, r);
}

void nbd_session_run(NbdSession *s)
{
    struct timeval forever = { 0 };
    if (!handshake(s))
        return;
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
    while (serve(s))
        ;
}
