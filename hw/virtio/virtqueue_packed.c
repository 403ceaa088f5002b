/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed virtqueues (virtio 1.2, 2.8): one ring of descriptors that driver and device take turns
 * to write, told apart by two flag bits and a counter of wraps on either side.
 */
#include <string.h>

#include "hw/virtio/virtio_int.h"
#include "util/bits.h"

enum { PACKED_AVAIL = 1 << 7, PACKED_USED = 1 << 15 };

/* Event suppression (2.8.14): an offset with the wrap counter on top, and flags. */
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_DESC = 2 };
enum { EVENT_OFFSET = 0, EVENT_FLAGS = 2, WRAP_BIT = 15 };

/* addr, len, id, flags */
enum { PACKED_LEN = 8, PACKED_ID = 12, PACKED_FLAGS = 14, PACKED_SIZE = 16 };

static uint64_t desc_address(const VirtQueue *vq, unsigned i)
{
    return vq->desc + (uint64_t)PACKED_SIZE * i;
}

/* ---- taking ---- */

static bool is_available(VirtQueue *vq)
{
    uint16_t flags = virtqueue_load16(vq, desc_address(vq, vq->last_avail) + PACKED_FLAGS);
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the rest of the descriptor after its flags */
    return !vq->v->broken && !!(flags & PACKED_AVAIL) == vq->avail_wrap &&
           !!(flags & PACKED_USED) != vq->avail_wrap;
}

bool packed_pending(VirtQueue *vq)
{
    if (is_available(vq))
        return true;
    bool event_idx = virtio_has(vq->v, VIRTIO_F_EVENT_IDX);
    if (event_idx)
        virtqueue_store16(vq, vq->used + EVENT_OFFSET,
                          vq->last_avail | vq->avail_wrap << WRAP_BIT);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    virtqueue_store16(vq, vq->used + EVENT_FLAGS, event_idx ? EVENT_DESC : EVENT_ENABLE);
    /* The driver may have added one before it could see that. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return is_available(vq);
}

static void advance(uint16_t *at, bool *wrap, unsigned by, unsigned num)
{
    unsigned next = *at + by;
    if (next >= num) {
        next -= num;
        *wrap = !*wrap;
    }
    *at = next;
}

static bool load(VirtQueue *vq, uint64_t addr, uint8_t d[PACKED_SIZE])
{
    const void *p = virtqueue_ring_map(vq, addr, PACKED_SIZE, false);
    if (p)
        memcpy(d, p, PACKED_SIZE);
    return p;
}

/* 2.8.7: all entries of the table, in order; NEXT means nothing there. */
static bool take_indirect(VirtQueue *vq, uint64_t table, uint32_t len, Chain *c)
{
    unsigned n = len / PACKED_SIZE;
    if (!n || len % PACKED_SIZE || n > VIRTIO_QUEUE_MAX_SIZE ||
        !virtio_has(vq->v, VIRTIO_F_INDIRECT_DESC)) {
        virtio_error(vq->v, "queue %u: an indirect descriptor that is not allowed", vq->index);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        uint8_t d[PACKED_SIZE];
        if (!load(vq, table + (uint64_t)PACKED_SIZE * i, d))
            return false;
        uint16_t flags = load_le16(d + PACKED_FLAGS);
        if (flags & DESC_INDIRECT) {
            virtio_error(vq->v, "queue %u: an indirect descriptor in an indirect table",
                         vq->index);
            return false;
        }
        if (!virtqueue_chain_add(vq, load_le64(d), load_le32(d + PACKED_LEN),
                                 flags & DESC_WRITE, c))
            return false;
    }
    return true;
}

bool packed_take(VirtQueue *vq, Chain *c)
{
    unsigned at = vq->last_avail;
    for (;;) {
        uint8_t d[PACKED_SIZE];
        if (!load(vq, desc_address(vq, at), d))
            return false;
        uint16_t flags = load_le16(d + PACKED_FLAGS);
        c->n_desc++;
        c->head = load_le16(d + PACKED_ID); /* the last one's counts */
        if (flags & DESC_INDIRECT) {
            if (c->n_desc > 1 || flags & DESC_NEXT) {
                virtio_error(vq->v, "queue %u: an indirect descriptor within a chain",
                             vq->index);
                return false;
            }
            if (!take_indirect(vq, load_le64(d), load_le32(d + PACKED_LEN), c))
                return false;
            break;
        }
        if (!virtqueue_chain_add(vq, load_le64(d), load_le32(d + PACKED_LEN),
                                 flags & DESC_WRITE, c))
            return false;
        if (!(flags & DESC_NEXT))
            break;
        if (c->n_desc == vq->num) {
            virtio_error(vq->v, "queue %u: a chain of descriptors that does not end", vq->index);
            return false;
        }
        at = at + 1 == vq->num ? 0 : at + 1;
    }
    advance(&vq->last_avail, &vq->avail_wrap, c->n_desc, vq->num);
    return true;
}

void packed_untake(VirtQueue *vq, unsigned n_desc)
{
    if (vq->last_avail < n_desc) {
        vq->last_avail += vq->num;
        vq->avail_wrap = !vq->avail_wrap;
    }
    vq->last_avail -= n_desc;
}

/* ---- giving back ---- */

void packed_give(VirtQueue *vq, const VirtElement *e, uint32_t written)
{
    uint8_t *p = virtqueue_ring_map(vq, desc_address(vq, vq->used_idx), PACKED_SIZE, true);
    if (!p)
        return;
    uint16_t flags = (written ? DESC_WRITE : 0) |
                     (vq->used_wrap ? PACKED_AVAIL | PACKED_USED : 0);
    store_le32(p + PACKED_LEN, written);
    store_le16(p + PACKED_ID, e->head);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* data and entry before the flags */
    __atomic_store_n((uint16_t *)(void *)(p + PACKED_FLAGS), flags, __ATOMIC_RELAXED);
    address_space_unmap(vq->v->dev.dma, p, PACKED_SIZE, true);
    bool wrap = vq->used_wrap;
    advance(&vq->used_idx, &vq->used_wrap, e->n_desc, vq->num);
    if (wrap != vq->used_wrap)
        vq->signalled_valid = false; /* indices before and after a wrap don't compare */
}

bool packed_wants_interrupt(VirtQueue *vq)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the used descriptor before the driver's wishes */
    uint16_t flags = virtqueue_load16(vq, vq->avail + EVENT_FLAGS) & 3;
    uint16_t event = virtqueue_load16(vq, vq->avail + EVENT_OFFSET);
    uint16_t old = vq->signalled_used, new = vq->used_idx;
    bool valid = vq->signalled_valid;
    vq->signalled_used = new;
    vq->signalled_valid = true;
    if (flags != EVENT_DESC || !virtio_has(vq->v, VIRTIO_F_EVENT_IDX))
        return flags != EVENT_DISABLE;
    uint16_t offset = event & MASK(WRAP_BIT);
    if (event >> WRAP_BIT != vq->used_wrap)
        offset -= vq->num;
    return !valid || virtqueue_passed(offset, new, old);
}
