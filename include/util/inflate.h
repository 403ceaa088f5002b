/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacking what zlib's deflate packed. */
#ifndef UTIL_INFLATE_H
#define UTIL_INFLATE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A whole gzip file. NULL: damaged, or *too_long, more than max bytes. */
GBytes *inflate_gzip(const void *data, size_t len, uint64_t max, bool *too_long);
/* Raw deflate data that makes exactly `room` bytes; what follows it is ignored. */
bool inflate_raw(const void *data, size_t len, void *to, size_t room);

#endif
