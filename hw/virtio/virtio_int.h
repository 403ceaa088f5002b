/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/virtio share. */
#ifndef HW_VIRTIO_VIRTIO_INT_H
#define HW_VIRTIO_VIRTIO_INT_H

#include "hw/virtio.h"

/* Flags of descriptors (virtio 1.2, 2.7.5 and 2.8) */
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };

/* A descriptor as it lies in memory; split rings have flags and next in the last two. */
typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Desc;

/* What a chain adds up to. */
typedef struct Chain {
    uint16_t head, n_desc;
    unsigned n_out, n_in;
    uint64_t out_len, in_len;
    struct iovec iov[VIRTIO_QUEUE_MAX_SIZE];
} Chain;

/* ---- virtqueue.c ---- */
/* RAM of the ring, or NULL after virtio_error. */
void *virtqueue_ring_map(VirtQueue *vq, uint64_t addr, unsigned len, bool write);
uint16_t virtqueue_load16(VirtQueue *vq, uint64_t addr);
void virtqueue_store16(VirtQueue *vq, uint64_t addr, uint16_t value);
/* Adds a buffer; false after virtio_error. */
bool virtqueue_chain_add(VirtQueue *vq, uint64_t addr, uint64_t left, bool write, Chain *c);

/* Is `event` among the indices [old, new)? (virtio 2.7.10) */
static inline bool virtqueue_passed(uint16_t event, uint16_t new, uint16_t old)
{
    return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* ---- virtqueue_packed.c ---- */
bool packed_pending(VirtQueue *vq);
bool packed_take(VirtQueue *vq, Chain *c);
void packed_untake(VirtQueue *vq, unsigned n_desc);
void packed_give(VirtQueue *vq, const VirtElement *e, uint32_t written);
bool packed_wants_interrupt(VirtQueue *vq);

#endif
