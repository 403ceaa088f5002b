/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames over a connected stream socket: each behind its length, 32 bits, big-endian. */
#ifndef BACKEND_NET_FRAMED_H
#define BACKEND_NET_FRAMED_H

#include "backend/net.h"

typedef struct Framed Framed;

/*
 * Takes fd over. `gone` is called from the main loop when the peer has left (why is NULL) or broke
 * the rule (why is half a sentence); it frees the Framed.
 */
Framed *framed_new(NetBackend *n, int fd, void (*gone)(NetBackend *n, const char *why));
void framed_free(Framed *f);
/* What the peer does not take waits, and blocks the backend; when too much does, frames are lost. */
void framed_send(Framed *f, const uint8_t *frame, size_t len);
void framed_room(Framed *f); /* NetType.room */

#endif
