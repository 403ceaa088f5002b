/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests leave to the network card: checksums, and cutting big TCP segments. */
#ifndef HW_NET_OFFLOAD_H
#define HW_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Puts the Internet checksum (RFC 1071) of [start, len) at start + offset, where the sum of the
 * pseudo header stands. False: these do not lie within the frame. */
bool offload_checksum(uint8_t *frame, size_t len, size_t start, size_t offset);
/*
 * Cuts an Ethernet frame with one TCP segment, whose TCP header is at `tcp`, into frames with at
 * most `mss` bytes of payload, all checksums right, and gives each to emit. False: it is no such
 * frame.
 */
bool offload_segment(uint8_t *frame, size_t len, size_t tcp, unsigned mss,
                     void (*emit)(void *opaque, const uint8_t *frame, size_t len), void *opaque);

#endif
