/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs that copy disks while the guest goes on: see backend/block/job.c. Main thread. */
#ifndef BACKEND_BLOCK_JOB_H
#define BACKEND_BLOCK_JOB_H

#include "backend/block.h"

typedef enum BlockJobError {
    BLOCK_JOB_REPORT, BLOCK_JOB_IGNORE, BLOCK_JOB_STOP, BLOCK_JOB_ENOSPC
} BlockJobError;
typedef enum BlockSync { BLOCK_SYNC_FULL, BLOCK_SYNC_TOP, BLOCK_SYNC_NONE } BlockSync;

typedef struct BlockJobArgs {
    const char *id;          /* of the job; NULL: the disk's */
    const char *device;      /* the disk, by its name or its node's */
    uint64_t speed;          /* bytes per second; 0: as fast as it goes */
    BlockJobError on_source_error, on_target_error;
    bool keep_pending, keep_concluded; /* auto-finalize=off, auto-dismiss=off */
    const char *filter_node; /* not asked further: the layer has no name here */
    /* commit: top NULL is the disk itself, base NULL the lowest. stream: base, bottom or NULL. */
    const char *top, *top_node, *base, *base_node, *bottom;
    const char *backing_file; /* name for the header instead of the obvious one */
    /* mirror, backup: a node that is open, or a file. */
    const char *target_node, *target, *format, *node_name;
    bool existing;
    BlockSync sync;
    uint64_t granularity;
    bool write_blocking;
    const char *replaces;
} BlockJobArgs;

bool block_commit_start(const BlockJobArgs *a, GError **error);
bool block_stream_start(const BlockJobArgs *a, GError **error);
bool block_mirror_start(const BlockJobArgs *a, GError **error);
/* In two steps, for transactions. */
typedef struct BlockJob BlockJob;
BlockJob *block_backup_prepare(const BlockJobArgs *a, GError **error);
void block_backup_commit(BlockJob *j);
void block_backup_abort(BlockJob *j);

#endif
