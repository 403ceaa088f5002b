/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of ram.index and of RAM files, on little-endian hosts (others are not supported). */
#ifndef SOFTMMU_SNAPSHOT_RAM_FORMAT_H
#define SOFTMMU_SNAPSHOT_RAM_FORMAT_H

#include "softmmu/snapshot/snapshot_int.h"

#define RAM_INDEX_MAGIC "SOSIARAM"
#define RAM_FILE_MAGIC "SOSIAPAG"
enum { RAM_INDEX_VERSION = 1 };

typedef struct RamIndexHead {
    char magic[8];
    uint32_t version, n_files, n_blocks, zero;
    uint64_t file_size;
} RamIndexHead;

typedef struct RamIndexBlockHead {
    uint64_t size, offset;
    char name[240];
} RamIndexBlockHead;

/* The first bytes of a RAM file, which holds pages from RAM_FILE_HEAD on. */
typedef struct RamFileHead {
    char magic[8];
    uint32_t version, zero;
    uint64_t file_size;
    char name[64];
} RamFileHead;

RamBlock *ram_block_named(const char *name);

#endif
