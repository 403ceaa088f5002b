/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that take and give one frame at a time: datagram sockets and TAP devices. */
#ifndef BACKEND_NET_PACKETS_H
#define BACKEND_NET_PACKETS_H

#include <sys/types.h>

#include "backend/net.h"

typedef struct Packets Packets;

/* As read(2) and write(2) on a descriptor that does not block. */
typedef struct PacketOps {
    ssize_t (*read)(void *opaque, NetOffload *o, uint8_t *frame, size_t size);
    ssize_t (*write)(void *opaque, const NetOffload *o, const uint8_t *frame, size_t len);
    /* Reading fails for good if this says so; NULL: never. */
    bool (*is_gone)(void *opaque, int err);
    bool poll_lies; /* poll(2) does not tell when there is room: it is tried now and then */
} PacketOps;

Packets *packets_new(NetBackend *n, int fd, const PacketOps *ops, void *opaque);
void packets_free(Packets *p); /* not the descriptor */
/* What finds no room waits, and blocks the backend; when too much does, frames are lost. */
void packets_send(Packets *p, const NetOffload *o, const uint8_t *frame, size_t len);
void packets_room(Packets *p); /* NetType.room */

#endif
