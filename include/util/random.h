/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random bytes for guests (rng-seed, virtio-rng's builtin source): the host's, or repeatable
 * ones after random_seed (-seed). Any thread.
 */
#ifndef UTIL_RANDOM_H
#define UTIL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void random_seed(uint64_t seed);
void random_bytes(void *buf, size_t len);
/* The same from a file (a descriptor), as far as that has any. */
void random_bytes_from(int fd, void *buf, size_t len);

/*
 * For whoever goes back in time: from now on all bytes are kept, and come again at the same
 * position.
 */
void random_record(void);
bool random_recorded(void);
uint64_t random_position(void);
void random_set_position(uint64_t position);

#endif
