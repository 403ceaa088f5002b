/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of -netdev stream, dgram and socket, and what is told of them. */
#ifndef BACKEND_NET_ADDRESS_H
#define BACKEND_NET_ADDRESS_H

#include "backend/char/sockaddr.h"
#include "util/json.h"

/*
 * "KEY.type=inet,KEY.host=...", a SocketAddress of QEMU's. *given: there was one; without it
 * nothing is set. Free s with sock_spec_clear in any case.
 */
bool net_address_take(GHashTable *opts, const char *key, SockSpec *s, bool *given, GError **error);
/* "[HOST]:PORT" of -netdev socket; IPv4. */
bool net_address_parse(const char *text, SockSpec *s, GError **error);

/* The other end of a connection: as info network has it ("tcp:127.0.0.1:22", "unix:/x"), and as
 * events have it. */
char *net_peer_text(int fd);
Json *net_peer_json(int fd);
/* "127.0.0.1:22" or the path */
char *net_address_text(const SockAddr *a);

#endif
