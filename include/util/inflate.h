/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packing and unpacking as zlib does, and its checksum. */
#ifndef UTIL_INFLATE_H
#define UTIL_INFLATE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A whole gzip file. NULL: damaged, or *too_long, more than max bytes. */
GBytes *inflate_gzip(const void *data, size_t len, uint64_t max, bool *too_long);
/* Raw deflate data that makes exactly `room` bytes; what follows it is ignored. */
bool inflate_raw(const void *data, size_t len, void *to, size_t room);
/* The reverse: how many of the `room` bytes it takes, or 0 where they are not enough. */
size_t deflate_raw(const void *data, size_t len, int level, void *to, size_t room);
/* CRC-32 (IEEE 802.3) of what sum is the CRC of (nothing: 0), and this. */
uint32_t crc32_add(uint32_t sum, const void *data, size_t len);

#endif
