/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues: split rings (virtio 1.2, 2.7) with indirect descriptors and event indices, and what
 * packed rings (virtqueue_packed.c) share with them.
 *
 * The driver is not trusted: a descriptor is copied before it is looked at, every index is
 * checked, chains are bounded by the size of their table, and rings and buffers must be RAM (a
 * ring that lies on a device's registers could otherwise make the device call itself for ever).
 */
#include <string.h>

#include "hw/virtio/virtio_int.h"
#include "util/bits.h"

enum { AVAIL_NO_INTERRUPT = 1 };

/* ---- access to rings ---- */

void *virtqueue_ring_map(VirtQueue *vq, uint64_t addr, unsigned len, bool write)
{
    uint64_t n = len;
    void *p = address_space_map(vq->v->dev.dma, addr, &n, write);
    if (p && n == len)
        return p;
    virtio_error(vq->v, "queue %u: its ring at 0x%" G_GINT64_MODIFIER "x is not in RAM",
                 vq->index, addr);
    return NULL;
}

uint16_t virtqueue_load16(VirtQueue *vq, uint64_t addr)
{
    uint16_t *p = virtqueue_ring_map(vq, addr, 2, false);
    return p ? __atomic_load_n(p, __ATOMIC_RELAXED) : 0;
}

void virtqueue_store16(VirtQueue *vq, uint64_t addr, uint16_t value)
{
    uint16_t *p = virtqueue_ring_map(vq, addr, 2, true);
    if (!p)
        return;
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
    address_space_unmap(vq->v->dev.dma, p, 2, true);
}

static uint16_t avail_flags(VirtQueue *vq)
{
    return virtqueue_load16(vq, vq->avail);
}

static uint16_t avail_idx(VirtQueue *vq)
{
    uint16_t idx = virtqueue_load16(vq, vq->avail + 2);
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* entries after the index that covers them */
    return idx;
}

static uint16_t used_event(VirtQueue *vq)
{
    return virtqueue_load16(vq, vq->avail + 4 + 2 * (uint64_t)vq->num);
}

static void set_avail_event(VirtQueue *vq, uint16_t idx)
{
    virtqueue_store16(vq, vq->used + 4 + 8 * (uint64_t)vq->num, idx);
}

/* ---- taking requests ---- */

/* Requests that wait; tells the driver to kick where there is none. */
static unsigned split_pending(VirtQueue *vq)
{
    uint16_t n = avail_idx(vq) - vq->last_avail;
    if (!n && virtio_has(vq->v, VIRTIO_F_EVENT_IDX)) {
        set_avail_event(vq, vq->last_avail);
        /* The driver may have added one before it could see that. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        n = avail_idx(vq) - vq->last_avail;
    }
    if (n > vq->num) {
        virtio_error(vq->v, "queue %u: the available index jumped by %u", vq->index, n);
        return 0;
    }
    return vq->v->broken ? 0 : n;
}

static bool load_desc(VirtQueue *vq, uint64_t table, unsigned i, Desc *d)
{
    const void *p = virtqueue_ring_map(vq, table + 16 * (uint64_t)i, 16, false);
    if (!p)
        return false;
    memcpy(d, p, sizeof *d);
    return true;
}

/* Adds one buffer, which may lie in several pieces of RAM. */
bool virtqueue_chain_add(VirtQueue *vq, uint64_t addr, uint64_t left, bool write, Chain *c)
{
    if (!write && c->n_in) {
        virtio_error(vq->v, "queue %u: a readable buffer behind a writable one", vq->index);
        return false;
    }
    while (left) {
        uint64_t n = left;
        void *p = address_space_map(vq->v->dev.dma, addr, &n, write);
        if (!p || addr + (n - 1) < addr) {
            virtio_error(vq->v, "queue %u: a buffer at 0x%" G_GINT64_MODIFIER
                         "x is not in %sRAM", vq->index, addr, write ? "writable " : "");
            return false;
        }
        if (c->n_out + c->n_in == VIRTIO_QUEUE_MAX_SIZE) {
            virtio_error(vq->v, "queue %u: a request of too many buffers", vq->index);
            return false;
        }
        c->iov[c->n_out + c->n_in] = (struct iovec){ p, n };
        if (write) {
            c->n_in++;
            c->in_len += n;
        } else {
            c->n_out++;
            c->out_len += n;
        }
        addr += n;
        left -= n;
    }
    return true;
}

/* Follows a chain from descriptor i of a table with max entries. */
static bool chain_walk(VirtQueue *vq, uint64_t table, unsigned i, unsigned max, bool indirect,
                       Chain *c)
{
    for (unsigned seen = 0; seen < max; seen++) {
        Desc d;
        if (i >= max) {
            virtio_error(vq->v, "queue %u: descriptor %u of a table of %u", vq->index, i, max);
            return false;
        }
        if (!load_desc(vq, table, i, &d))
            return false;
        if (d.flags & DESC_INDIRECT) {
            if (indirect || d.flags & DESC_NEXT || !virtio_has(vq->v, VIRTIO_F_INDIRECT_DESC) ||
                !d.len || d.len % 16) {
                virtio_error(vq->v, "queue %u: an indirect descriptor that is not allowed",
                             vq->index);
                return false;
            }
            /* virtio 2.7.5.3.1: a chain is no longer than the queue is, but drivers differ. */
            return chain_walk(vq, d.addr, 0, MIN(d.len / 16, VIRTIO_QUEUE_MAX_SIZE), true, c);
        }
        if (!virtqueue_chain_add(vq, d.addr, d.len, d.flags & DESC_WRITE, c))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        i = d.next;
    }
    virtio_error(vq->v, "queue %u: a chain of descriptors that does not end", vq->index);
    return false;
}

static void *element_new(const Chain *c, size_t size)
{
    unsigned n = c->n_out + c->n_in;
    size_t iov_at = ALIGN_UP(size, 16);
    char *block = g_malloc(iov_at + n * sizeof(struct iovec));
    memset(block, 0, size);
    VirtElement *e = (VirtElement *)block;
    e->head = c->head;
    e->n_desc = c->n_desc;
    e->n_out = c->n_out;
    e->n_in = c->n_in;
    e->out_len = c->out_len;
    e->in_len = c->in_len;
    e->out = (struct iovec *)(block + iov_at);
    e->in = e->out + c->n_out;
    memcpy(e->out, c->iov, n * sizeof(struct iovec));
    return e;
}

static bool is_packed(const VirtQueue *vq)
{
    return virtio_has(vq->v, VIRTIO_F_RING_PACKED);
}

bool virtqueue_empty(VirtQueue *vq)
{
    return !vq->ready || vq->v->broken || vq->v->no_dma ||
           !(is_packed(vq) ? packed_pending(vq) : split_pending(vq));
}

/* The next chain; false where the driver made it wrong. */
static bool split_take(VirtQueue *vq, Chain *c)
{
    c->head = virtqueue_load16(vq, vq->avail + 4 +
                                       2 * (uint64_t)(vq->last_avail & (vq->num - 1)));
    if (!chain_walk(vq, vq->desc, c->head, vq->num, false, c))
        return false;
    vq->last_avail++;
    return true;
}

void *virtqueue_pop(VirtQueue *vq, size_t size)
{
    Chain c;
    if (virtqueue_empty(vq))
        return NULL;
    if (vq->in_use >= vq->num) {
        virtio_error(vq->v, "queue %u: more requests than it has entries", vq->index);
        return NULL;
    }
    c.n_out = c.n_in = c.n_desc = 0;
    c.out_len = c.in_len = 0;
    if (!(is_packed(vq) ? packed_take(vq, &c) : split_take(vq, &c)) || vq->v->broken)
        return NULL;
    vq->in_use++;
    return element_new(&c, size);
}

void virtqueue_unpop(VirtQueue *vq, VirtElement *e)
{
    vq->in_use--;
    if (is_packed(vq))
        packed_untake(vq, e->n_desc);
    else
        vq->last_avail--;
}

/* ---- giving them back ---- */

static void note_written(VirtQueue *vq, const VirtElement *e, uint64_t written)
{
    for (unsigned i = 0; i < e->n_in && written; i++) {
        uint64_t n = MIN(written, e->in[i].iov_len);
        address_space_unmap(vq->v->dev.dma, e->in[i].iov_base, n, true);
        written -= n;
    }
}

static void split_give(VirtQueue *vq, const VirtElement *e, uint32_t written)
{
    uint64_t entry = vq->used + 4 + 8 * (uint64_t)(vq->used_idx & (vq->num - 1));
    uint8_t *p = virtqueue_ring_map(vq, entry, 8, true);
    if (!p)
        return;
    store_le32(p, e->head);
    store_le32(p + 4, written);
    address_space_unmap(vq->v->dev.dma, p, 8, true);
    vq->used_idx++;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* data and entry before the index */
    virtqueue_store16(vq, vq->used + 2, vq->used_idx);
    /* The driver's side must not see 2^15 entries as none: forget where it was told last. */
    if ((uint16_t)(vq->used_idx - vq->signalled_used) > vq->num)
        vq->signalled_valid = false;
}

void virtqueue_push(VirtQueue *vq, VirtElement *e, uint32_t written)
{
    note_written(vq, e, written);
    if (vq->in_use)
        vq->in_use--;
    if (!vq->ready || vq->v->broken)
        return;
    if (is_packed(vq))
        packed_give(vq, e, written);
    else
        split_give(vq, e, written);
    vq->pushed = true;
}

/* virtio 2.7.7.2 */
static bool split_wants_interrupt(VirtQueue *vq)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the used index before the driver's wishes */
    if (virtio_has(vq->v, VIRTIO_F_NOTIFY_ON_EMPTY) && !vq->in_use &&
        avail_idx(vq) == vq->last_avail)
        return true;
    if (!virtio_has(vq->v, VIRTIO_F_EVENT_IDX))
        return !(avail_flags(vq) & AVAIL_NO_INTERRUPT);
    uint16_t old = vq->signalled_used, new = vq->used_idx;
    bool valid = vq->signalled_valid;
    vq->signalled_used = new;
    vq->signalled_valid = true;
    return !valid || virtqueue_passed(used_event(vq), new, old);
}

void virtqueue_notify(VirtQueue *vq)
{
    if (!vq->pushed)
        return;
    vq->pushed = false;
    VirtioDevice *v = vq->v;
    if (!vq->ready || v->broken || !v->transport || v->notifying ||
        !(is_packed(vq) ? packed_wants_interrupt(vq) : split_wants_interrupt(vq)))
        return;
    v->notifying = true;
    v->ops->notify_queue(v->transport, vq);
    v->notifying = false;
}

/* ---- vectors ---- */

static size_t iov_copy(const struct iovec *iov, unsigned n, size_t offset, uint8_t *to,
                       const uint8_t *from, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(len - done, iov[i].iov_len - offset);
        uint8_t *at = (uint8_t *)iov[i].iov_base + offset;
        if (to)
            memcpy(to + done, at, part);
        else
            memcpy(at, from + done, part);
        done += part;
        offset = 0;
    }
    return done;
}

size_t iov_to_buf(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len)
{
    return iov_copy(iov, n, offset, buf, NULL, len);
}

size_t iov_from_buf(const struct iovec *iov, unsigned n, size_t offset, const void *buf,
                    size_t len)
{
    return iov_copy(iov, n, offset, NULL, buf, len);
}
