/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -netdev dgram and socket share: a datagram socket on which each datagram is a frame. */
#ifndef BACKEND_NET_DGRAM_H
#define BACKEND_NET_DGRAM_H

#include "backend/net.h"
#include "backend/net/address.h"

/* Takes fd and info over. remote: where frames go; NULL: the socket is connected. own_path: to be
 * removed in the end, or NULL. */
void dgram_start(NetBackend *n, int fd, const SockAddr *remote, const char *own_path, char *info);
/* A socket of the multicast group `to`, on the interface with the address `local` (may be NULL);
 * -1 with a reason. */
int dgram_join(const SockAddr *to, const SockAddr *local, GError **error);
bool dgram_is_multicast(const SockAddr *a);
/* Bound to that address; a Unix socket of that name is replaced. */
int dgram_bind(const SockAddr *a, GError **error);
/* The first IPv4 (else IPv6) or the Unix address. */
bool dgram_resolve(const SockSpec *s, bool passive, SockAddr *a, GError **error);
/* "fd=3 unix" */
char *dgram_fd_text(int fd);
/* Of NetType. */
void dgram_destroy(NetBackend *n);
void dgram_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len);
void dgram_room(NetBackend *n);
char *dgram_describe(NetBackend *n);

#endif
