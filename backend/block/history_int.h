/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the layer that keeps what a disk held: see history.c. */
#ifndef BACKEND_BLOCK_HISTORY_INT_H
#define BACKEND_BLOCK_HISTORY_INT_H

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/block/block_int.h"
#include "util/bits.h"

enum {
    CLUSTER_BITS = 16, CLUSTER = 1 << CLUSTER_BITS, HEAD = 4096, MAP_VERSION = 1,
    IN_IMAGE = 0, ZEROS = 1, FIRST_SLOT = 2,
};

typedef struct MapHead {
    char magic[8];
    uint32_t version, cluster_bits;
    uint64_t disk_size;
    char uuid[64];
    char path[HEAD - 88];    /* of the snapshot that it belongs to */
} MapHead;
_Static_assert(sizeof(MapHead) == HEAD, "the map begins behind its head");

typedef struct Map Map;
struct Map {
    char *uuid;              /* NULL: current */
    int fd;
    uint64_t *slot;          /* by cluster; reserved memory */
    Map *next;
};

typedef struct HistoryNode {
    BlockNode node;
    char *dir;
    char *image;             /* path, or NULL: nothing to stamp */
    bool temporary;          /* dir goes when the program ends */
    bool foreign;
    int log;
    GMutex lock;
    uint64_t clusters, next_slot;
    Map *maps;
    _Atomic(uint64_t *) current; /* slot by cluster, or NULL: the image is the disk */
    int current_fd;
    uint64_t n_current;      /* that are not IN_IMAGE */
    _Atomic uint64_t *needed;/* bit by cluster: some snapshot has it in the image */
    GThread *copier;
    _Atomic bool stop_copier;
} HistoryNode;

static inline int history_fd_rw(int fd, bool write, void *buf, uint64_t len, uint64_t at)
{
    struct iovec iov = { buf, len };
    return block_fd_rw(fd, write, at, &iov, 1, len);
}

static inline off_t history_slot_at(uint64_t slot)
{
    return (off_t)((slot - FIRST_SLOT) << CLUSTER_BITS);
}

static inline bool history_is_needed(const HistoryNode *h, uint64_t c)
{
    return atomic_load_explicit(&h->needed[c / 64], memory_order_acquire) >> c % 64 & 1;
}

static inline void *history_reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static inline uint64_t history_slots_bytes(const HistoryNode *h)
{
    return ALIGN_UP(h->clusters * 8 + 8, (uint64_t)4096);
}

static inline uint64_t history_needed_bytes(const HistoryNode *h)
{
    return ALIGN_UP(h->clusters / 8 + 8, (uint64_t)4096);
}

/* ---- history_map.c ---- */
char *history_map_path(const HistoryNode *h, const char *uuid);
/* Returns the next one. */
Map *history_map_free(Map *m, const HistoryNode *h);
/* next_slot must be known: a map names no slot that the log does not have. */
Map *history_map_open(HistoryNode *h, const char *file, MapHead *head, GError **error);
/* A new map file with these slots (NULL: all IN_IMAGE); its descriptor, or -1. */
int history_map_write(HistoryNode *h, const char *file, const char *uuid, const char *snapshot,
                      const uint64_t *slots);
/* Which clusters must be kept before they are written. */
void history_find_needed(HistoryNode *h);
/* Gives back the space of slots that nobody names. */
void history_free_slots(HistoryNode *h);

#endif
