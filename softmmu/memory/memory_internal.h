/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share: flat views and their lifetime. */
#ifndef SOFTMMU_MEMORY_INTERNAL_H
#define SOFTMMU_MEMORY_INTERNAL_H

#include "softmmu/memory.h"

/*
 * All 2^64 addresses of an address space as a sorted array of sections without gaps (holes are
 * sections without a region). Never changed once it is published.
 */
typedef struct FlatView {
    uint64_t generation; /* unique in the process */
    uint64_t retired_at; /* epoch, once it is no longer published */
    struct FlatView *next_retired;
    unsigned n;
    MemorySection sections[];
} FlatView;

struct AddressSpace {
    char *name;
    MemoryRegion *root;
    _Atomic(FlatView *) view;
    _Atomic uint64_t generation; /* of view */
    AddressSpace *next;
};

extern AddressSpace *address_spaces; /* main lock */
extern MemoryHooks memory_hooks;

/* Last offset in r; r->size must not be 0. */
static inline uint64_t region_last(const MemoryRegion *r)
{
    return r->size == UINT64_MAX ? UINT64_MAX : r->size - 1;
}

FlatView *flatview_build(MemoryRegion *root);
bool flatview_equal(const FlatView *a, const FlatView *b);
/* Publishes v in as, and frees the old view when no reader can hold it. Main lock. */
void flatview_publish(AddressSpace *as, FlatView *v);

/* A new block of at least size bytes, named after `name`, with pages numbered. fd: -1, or a file
 * to map, which then belongs to the block. */
RamBlock *ram_block_new(const char *name, uint64_t size, int fd, bool shared, GError **error);
void ram_block_release(RamBlock *b);
RamBlock *ram_block_by_host(const void *host);
/* Notes that len bytes, offset bytes after the start of first_page, were written. */
void ram_host_written(uint64_t first_page, uint64_t offset, uint64_t len);

#endif
