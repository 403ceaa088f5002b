/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams put together from a guest's IPv4 fragments. */
#ifndef BACKEND_NET_FRAGMENTS_H
#define BACKEND_NET_FRAGMENTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct Fragments Fragments;

Fragments *fragments_new(void);
void fragments_free(Fragments *f);
/*
 * The frame to go on with, and its length: this one if it is no fragment, a whole datagram if it
 * was the last piece of one, else NULL. Valid until the next call.
 */
const uint8_t *fragments_take(Fragments *f, const uint8_t *frame, size_t *len);

#endif
