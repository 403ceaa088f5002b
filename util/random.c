/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random bytes: see include/util/random.h. */
#include "util/random.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

static GMutex lock;
static bool seeded;
static uint64_t state;

void random_seed(uint64_t seed)
{
    g_mutex_lock(&lock);
    seeded = true;
    state = seed;
    g_mutex_unlock(&lock);
}

/* SplitMix64: any seed is as good as another. */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void random_bytes(void *buf, size_t len)
{
    uint8_t *p = buf;
    g_mutex_lock(&lock);
    while (seeded && len) {
        uint64_t v = next();
        size_t n = MIN(len, sizeof v);
        memcpy(p, &v, n);
        p += n, len -= n;
    }
    g_mutex_unlock(&lock);
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n > 0)
            p += n, len -= n;
    }
}
