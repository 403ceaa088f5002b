/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random bytes for guests (rng-seed, virtio-rng's builtin source): the host's, or repeatable
 * ones after random_seed (-seed). Any thread.
 */
#ifndef UTIL_RANDOM_H
#define UTIL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_seed(uint64_t seed);
void random_bytes(void *buf, size_t len);

#endif
