/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the block jobs share. A job is a thread that copies between nodes; what it must know of the
 * guest's writes comes from a tap, a layer at the root of the disk. It starts and ends on the main
 * thread, with the disk quiesced, where it also changes the graph.
 */
#ifndef BACKEND_BLOCK_JOB_INT_H
#define BACKEND_BLOCK_JOB_INT_H

#include "backend/block/block_int.h"
#include "backend/block_job.h"
#include "softmmu/job.h"

/* ---- tap.c ---- */

/* A bit per chunk of a disk. Any thread. */
typedef struct ChunkMap {
    _Atomic uint64_t *bits, n; /* n: bits that are set */
    uint64_t size, chunk, chunks;
} ChunkMap;
bool chunk_map_init(ChunkMap *m, uint64_t size, uint64_t chunk, bool set);
void chunk_map_free(ChunkMap *m);
bool chunk_map_get(const ChunkMap *m, uint64_t c);
bool chunk_map_set(ChunkMap *m, uint64_t c);   /* returns what it was */
bool chunk_map_clear(ChunkMap *m, uint64_t c); /* returns what it was */
void chunk_map_mark(ChunkMap *m, uint64_t offset, uint64_t len);
/* The first from c on that is set, or m->chunks. */
uint64_t chunk_map_next(const ChunkMap *m, uint64_t c);
static inline uint64_t chunk_len(const ChunkMap *m, uint64_t c)
{
    return MIN(m->chunk, m->size - c * m->chunk);
}

/* A layer that tells of writes, discards and zeros: before (may be NULL), and after (the same). */
typedef struct BlockTap {
    BlockNode node;
    void (*before)(void *opaque, uint64_t offset, uint64_t len);
    void (*after)(void *opaque, uint64_t offset, uint64_t len);
    void *opaque;
} BlockTap;
/* On top of all of the disk; quiesced. */
BlockTap *block_tap_insert(BlockNode *root);
void block_tap_remove(BlockTap *t);

/* ---- job.c ---- */

typedef struct BlockJobKind {
    JobKind job;
    /* The job's thread. 0 or -errno; -ECANCELED where block_job_step said so. */
    int (*run)(BlockJob *j);
    /* Quiesced, main thread: the end of a good one, and of any other. */
    bool (*finish)(BlockJob *j, GError **error);
    void (*abort)(BlockJob *j);
    void (*free)(BlockJob *j);
} BlockJobKind;

/* Kinds' structs begin with one. */
struct BlockJob {
    Job job;
    const BlockJobKind *kind;
    GThread *thread;
    GMutex lock;              /* what follows */
    GCond cond;
    bool pausing, stopping, finishing; /* asked for; finishing: of one that is ready */
    uint64_t speed;
    int64_t next_us;          /* no transfer before that */
    _Atomic uint64_t done, total;
    bool is_ready;            /* main thread */
    int ret;
    BlockJobError on_source_error, on_target_error;
    GPtrArray *nodes;         /* that it holds, and that say so */
};

/* The methods of a JobKind that are the same for all. */
void block_job_progress(Job *job, uint64_t *done, uint64_t *total);
void block_job_pause(Job *job, bool on);
void block_job_set_speed(Job *job, uint64_t speed);
void block_job_cancel(Job *job, bool force);
void block_job_complete(Job *job);
bool block_job_finish(Job *job, GError **error);
void block_job_abort(Job *job);
void block_job_free(Job *job); /* also of one that was not started */
#define BLOCK_JOB_KIND(name)                                                                    \
    { .type = name, .block = true, .progress = block_job_progress, .pause = block_job_pause,    \
      .set_speed = block_job_set_speed, .cancel = block_job_cancel,                             \
      .complete = block_job_complete, .finish = block_job_finish, .abort = block_job_abort,     \
      .free = block_job_free }

/* The disk that a user names, free for a job; its topmost node in *root. */
BlockNode *block_job_disk(const BlockJobArgs *a, BlockNode **root, GError **error);
/* Common part of every job; job-id from the arguments or the disk. size of the kind's struct. */
BlockJob *block_job_new(size_t size, const BlockJobKind *kind, const BlockJobArgs *a,
                        GError **error);
/* The node is free for a job; nobody else takes it then, and it stays until the job is gone. */
bool block_job_hold(BlockJob *j, BlockNode *n, GError **error);
void block_job_start(BlockJob *j);
/* The node of a target, opened or found; *fresh: it reads as zeros throughout. */
BlockNode *block_job_target(const BlockJobArgs *a, BlockNode *source, uint64_t size,
                            BlockNode *backing, bool *fresh, GError **error);

/* ---- mirror.c ---- */
/* From the disk's own image down to base; the disk is base then. */
bool block_commit_active(const BlockJobArgs *a, BlockNode *source, BlockNode *root, BlockNode *base,
                         GError **error);

/* ---- job.c: of the thread ---- */
/* Waits as speed and pauses want, after n bytes; false: stop. */
bool block_job_step(BlockJob *j, uint64_t n);
/* Has it been told to stop? Or to come to an end? */
bool block_job_stopping(BlockJob *j);
bool block_job_finishing(BlockJob *j);
/* Waits up to that long for something to do. False: stop, or finish. */
bool block_job_idle(BlockJob *j, int64_t us);
void block_job_wake(BlockJob *j);
/* It has copied everything, and follows from now on. */
void block_job_is_ready(BlockJob *j);
/* After an error: 0, go on with the next; -EAGAIN, try again; or r, end with it. */
int block_job_error(BlockJob *j, bool reading, int r);
/* Copies; all zeros become a hole. *read: it was the reading that failed. */
int block_job_copy(BlockNode *from, BlockNode *to, uint64_t offset, uint64_t len, uint8_t *buf,
                   bool *reading);

#endif
