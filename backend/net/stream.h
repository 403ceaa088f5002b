/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -netdev stream and socket share: one connection at a time, made or waited for. */
#ifndef BACKEND_NET_STREAM_H
#define BACKEND_NET_STREAM_H

#include "backend/net.h"
#include "backend/net/address.h"

typedef struct StreamSetup {
    SockSpec spec;
    bool server;
    bool legacy;           /* -netdev socket: other texts, no events */
    uint64_t reconnect_ms; /* 0: never */
} StreamSetup;

/* Takes the spec over, also if it fails. */
bool stream_start(NetBackend *n, StreamSetup *setup, GError **error);
/* Of NetType. */
void stream_destroy(NetBackend *n);
void stream_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len);
void stream_room(NetBackend *n);
char *stream_describe(NetBackend *n);

#endif
