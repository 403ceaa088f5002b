/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random bytes: see include/util/random.h. */
#include "util/random.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static GMutex lock;
static bool seeded;
static uint64_t state;
static GByteArray *record; /* random_record */
static uint64_t record_at;

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

/* Lock held. */
static void draw(int fd, uint8_t *p, size_t len)
{
    while (fd >= 0 && len) {
        ssize_t n = read(fd, p, len);
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        if (n > 0)
            p += n, len -= n;
        else if (n == 0 || (errno != EINTR && (errno != EAGAIN || poll(&ready, 1, -1) < 0)))
            break;
    }
    while (seeded && len) {
        uint64_t v = next();
        size_t n = MIN(len, sizeof v);
        memcpy(p, &v, n);
        p += n, len -= n;
    }
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n > 0)
            p += n, len -= n;
    }
}

void random_bytes_from(int fd, void *buf, size_t len)
{
    g_mutex_lock(&lock);
    if (record) {
        uint64_t missing = record_at + len > record->len ? record_at + len - record->len : 0;
        g_byte_array_set_size(record, record->len + missing);
        draw(fd, record->data + record->len - missing, missing);
        memcpy(buf, record->data + record_at, len);
        record_at += len;
    } else {
        draw(fd, buf, len);
    }
    g_mutex_unlock(&lock);
}

void random_bytes(void *buf, size_t len)
{
    random_bytes_from(-1, buf, len);
}

/* ---- kept ---- */

void random_record(void)
{
    g_mutex_lock(&lock);
    if (!record)
        record = g_byte_array_new();
    g_mutex_unlock(&lock);
}

bool random_recorded(void)
{
    return record;
}

uint64_t random_position(void)
{
    return record_at;
}

void random_set_position(uint64_t position)
{
    g_mutex_lock(&lock);
    if (record && position <= record->len)
        record_at = position;
    g_mutex_unlock(&lock);
}
