/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames one at a time over a descriptor: see packets.h. */
#include "backend/net/packets.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>

enum { QUEUE_MAX = 256, AT_ONCE = 64, RETRY_MS_MAX = 64 };

struct Packets {
    NetBackend *n;
    int fd;
    const PacketOps *ops;
    void *opaque;
    guint in_tag, out_tag;
    bool gone;
    unsigned retry_ms;
    GQueue *out;   /* of GBytes *, NetOffload and frame: what found no room */
    uint8_t in[NET_MAX_FRAME];
};

/* ---- to the guest ---- */

static gboolean on_input(gint fd, GIOCondition c, gpointer opaque)
{
    Packets *p = opaque;
    for (int left = AT_ONCE; left && net_wants(p->n); left--) {
        NetOffload o = { 0 };
        ssize_t got = p->ops->read(p->opaque, &o, p->in, sizeof p->in);
        if (got >= 0) {
            net_deliver(p->n, &o, p->in, got);
            continue;
        }
        /* Else there is nothing more, or it was the error of an earlier frame. */
        p->gone = p->ops->is_gone && errno != EAGAIN && p->ops->is_gone(p->opaque, errno);
        break;
    }
    if (net_wants(p->n) && !p->gone)
        return G_SOURCE_CONTINUE;
    p->in_tag = 0;
    return G_SOURCE_REMOVE;
}

void packets_room(Packets *p)
{
    if (!p->in_tag && !p->gone)
        p->in_tag = g_unix_fd_add(p->fd, G_IO_IN, on_input, p);
}

/* ---- from the guest ---- */

/* False: there is no room now. Whatever else is wrong, the frame is lost, as on a wire. */
static bool push(Packets *p, const NetOffload *o, const uint8_t *frame, size_t len)
{
    ssize_t done;
    do {
        done = p->ops->write(p->opaque, o, frame, len);
    } while (done < 0 && errno == EINTR);
    return done >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

static void flush(Packets *p);

static gboolean on_output(gint fd, GIOCondition c, gpointer opaque)
{
    Packets *p = opaque;
    p->out_tag = 0;
    flush(p);
    return G_SOURCE_REMOVE;
}

static gboolean on_retry(gpointer opaque)
{
    return on_output(-1, 0, opaque);
}

static void wait_for_room(Packets *p)
{
    if (p->out_tag)
        return;
    if (p->ops->poll_lies) {
        p->out_tag = g_timeout_add(p->retry_ms, on_retry, p);
        p->retry_ms = MIN(2 * p->retry_ms, RETRY_MS_MAX);
    } else {
        p->out_tag = g_unix_fd_add(p->fd, G_IO_OUT | G_IO_ERR, on_output, p);
    }
}

static void flush(Packets *p)
{
    for (GBytes *b; (b = g_queue_peek_head(p->out)); g_bytes_unref(g_queue_pop_head(p->out))) {
        gsize len;
        const uint8_t *kept = g_bytes_get_data(b, &len);
        if (!push(p, (const NetOffload *)kept, kept + sizeof(NetOffload),
                  len - sizeof(NetOffload))) {
            wait_for_room(p);
            return;
        }
        p->retry_ms = 1;
    }
    net_set_blocked(p->n, false);
}

void packets_send(Packets *p, const NetOffload *o, const uint8_t *frame, size_t len)
{
    static const NetOffload plain;
    o = o ? o : &plain;
    if (g_queue_is_empty(p->out) && push(p, o, frame, len))
        return;
    if (g_queue_get_length(p->out) < QUEUE_MAX) {
        uint8_t *kept = g_malloc(sizeof *o + len);
        memcpy(kept, o, sizeof *o);
        memcpy(kept + sizeof *o, frame, len);
        g_queue_push_tail(p->out, g_bytes_new_take(kept, sizeof *o + len));
    }
    net_set_blocked(p->n, true);
    wait_for_room(p);
}

/* ---- life ---- */

Packets *packets_new(NetBackend *n, int fd, const PacketOps *ops, void *opaque)
{
    Packets *p = g_new0(Packets, 1);
    p->n = n;
    p->fd = fd;
    p->ops = ops;
    p->opaque = opaque;
    p->retry_ms = 1;
    p->out = g_queue_new();
    packets_room(p);
    return p;
}

void packets_free(Packets *p)
{
    g_clear_handle_id(&p->in_tag, g_source_remove);
    g_clear_handle_id(&p->out_tag, g_source_remove);
    g_queue_free_full(p->out, (GDestroyNotify)g_bytes_unref);
    g_free(p);
}
