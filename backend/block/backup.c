/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive-backup, blockdev-backup: a copy of a disk as it was when the job began. What the guest is
 * about to overwrite is copied before (copy before write), the rest by the job's thread.
 *
 * If the target fails the job ends; the guest's writes go on.
 */
#include <errno.h>
#include <string.h>

#include "backend/block/job_int.h"
#include "util/error.h"

enum { SCAN_CHUNKS = 1024, IDLE_US = 100000, CHUNK = 64 << 10 };

struct BackupJob {
    BlockJob j;
    BlockNode *root, *source, *target, *base;
    bool fresh, only_before; /* sync=none: only what is overwritten */
    BlockTap *tap;
    ChunkMap todo;
    GMutex copying;          /* and who takes a chunk off the map */
    _Atomic int failed;      /* -errno: before a write */
    bool failed_reading;
};
typedef struct BackupJob BackupJob;

/* Lock held. */
static int copy_one(BackupJob *k, uint64_t c, uint8_t *buf, bool *reading)
{
    if (!chunk_map_get(&k->todo, c))
        return 0;
    uint64_t len = chunk_len(&k->todo, c);
    int r = block_job_copy(k->root, k->target, c * k->todo.chunk, len, buf, reading);
    if (!r) {
        chunk_map_clear(&k->todo, c);
        k->j.done += len;
    }
    return r;
}

static void about_to_write(void *opaque, uint64_t offset, uint64_t len)
{
    BackupJob *k = opaque;
    g_autofree uint8_t *buf = NULL;
    if (!len)
        return;
    for (uint64_t c = offset / k->todo.chunk; c <= (offset + len - 1) / k->todo.chunk; c++) {
        if (k->failed || !chunk_map_get(&k->todo, c))
            continue;
        bool reading = false;
        if (!buf)
            buf = g_malloc(k->todo.chunk);
        g_mutex_lock(&k->copying);
        int r = k->failed ? 0 : copy_one(k, c, buf, &reading);
        if (r) {
            k->failed_reading = reading;
            k->failed = r;
        }
        g_mutex_unlock(&k->copying);
        if (r)
            block_job_wake(&k->j);
    }
}

/* Takes off the map what needs no copy: writers wait for the lock, and so find it as it was. */
static void scan(BackupJob *k)
{
    uint64_t step = SCAN_CHUNKS * k->todo.chunk;
    if (!k->base && !k->fresh)
        return;
    for (uint64_t start = 0; start < k->todo.size && !block_job_stopping(&k->j); start += step) {
        uint64_t end = MIN(start + step, k->todo.size), run, chunk = k->todo.chunk;
        g_autofree bool *needed = g_new0(bool, SCAN_CHUNKS);
        g_mutex_lock(&k->copying);
        for (uint64_t at = start; at < end; at += run) {
            BlockStatus s;
            run = end - at;
            int r = block_chain_status(k->root, k->base, at, &run, &s);
            if (r || (k->base ? s != BLOCK_ABSENT : s == BLOCK_DATA))
                for (uint64_t c = (at - start) / chunk; c <= (at + run - 1 - start) / chunk; c++)
                    needed[c] = true;
        }
        for (uint64_t c = 0; start + c * chunk < end; c++)
            if (!needed[c])
                chunk_map_clear(&k->todo, start / chunk + c);
        g_mutex_unlock(&k->copying);
    }
}

static int wait_for_writes(BackupJob *k)
{
    while (block_job_idle(&k->j, IDLE_US) && !k->failed)
        ;
    return k->failed ? k->failed : -ECANCELED;
}

static int backup_run(BlockJob *j)
{
    BackupJob *k = (BackupJob *)j;
    g_autofree uint8_t *buf = g_malloc(k->todo.chunk);
    int r = 0;
    if (k->only_before)
        return wait_for_writes(k);
    scan(k);
    j->total = j->done + k->todo.n * k->todo.chunk;
    for (uint64_t c = 0; (c = chunk_map_next(&k->todo, c)) < k->todo.chunks;) {
        bool reading = false;
        g_mutex_lock(&k->copying);
        r = k->failed ? k->failed : copy_one(k, c, buf, &reading);
        g_mutex_unlock(&k->copying);
        if (k->failed)
            break;
        if (r)
            r = block_job_error(j, reading, r);
        if (r && r != -EAGAIN)
            return r;
        c += r != -EAGAIN;
        if (!block_job_step(j, r ? 0 : k->todo.chunk))
            return -ECANCELED;
    }
    if (k->failed)
        block_job_error(j, k->failed_reading, k->failed);
    return k->failed;
}

static void tap_off(BackupJob *k)
{
    if (k->tap)
        block_tap_remove(k->tap);
    k->tap = NULL;
}

static bool backup_finish(BlockJob *j, GError **error)
{
    BackupJob *k = (BackupJob *)j;
    int r = k->failed ? k->failed : k->target->driver->flush(k->target);
    if (r)
        return error_set(error, "%s", g_strerror(-r));
    tap_off(k);
    return true;
}

static void backup_abort(BlockJob *j)
{
    tap_off((BackupJob *)j);
}

static void backup_free(BlockJob *j)
{
    BackupJob *k = (BackupJob *)j;
    chunk_map_free(&k->todo);
    g_mutex_clear(&k->copying);
    block_node_unref(k->root);
    block_node_unref(k->target);
}

static const BlockJobKind backup_kind = {
    .job = BLOCK_JOB_KIND("backup"), .run = backup_run, .finish = backup_finish,
    .abort = backup_abort, .free = backup_free,
};

BlockJob *block_backup_prepare(const BlockJobArgs *a, GError **error)
{
    BlockNode *root, *source = block_job_disk(a, &root, error), *backing = NULL;
    if (!source)
        return NULL;
    if (a->sync == BLOCK_SYNC_TOP)
        backing = block_node_image(source->backing);
    else if (a->sync == BLOCK_SYNC_NONE && !a->target_node)
        backing = source;
    BackupJob *k = (BackupJob *)block_job_new(sizeof *k, &backup_kind, a, error);
    if (!k)
        return NULL;
    g_mutex_init(&k->copying);
    k->root = block_node_ref(root);
    k->source = source;
    k->base = a->sync == BLOCK_SYNC_TOP ? backing : NULL;
    k->only_before = a->sync == BLOCK_SYNC_NONE;
    if (block_job_hold(&k->j, source, error))
        k->target = block_job_target(a, source, root->size, backing, &k->fresh, error);
    if (k->target && block_job_hold(&k->j, k->target, error)) {
        if (chunk_map_init(&k->todo, root->size, MAX(CHUNK, block_qcow2_cluster(k->target)), true))
            return &k->j;
        error_set(error, "out of memory for the map of a job");
    }
    block_backup_abort(&k->j);
    return NULL;
}

void block_backup_commit(BlockJob *j)
{
    BackupJob *k = (BackupJob *)j;
    block_quiesce();
    k->tap = block_tap_insert(k->root);
    k->tap->before = about_to_write;
    k->tap->opaque = k;
    block_job_start(j);
}

void block_backup_abort(BlockJob *j)
{
    job_drop(&j->job);
}
