/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive-mirror, blockdev-mirror, and the commit of a disk's topmost image: a copy that follows the
 * disk until somebody says that it shall take its place, or be left as it is then.
 *
 * A chunk's bit is cleared before it is copied, and set after each write to it: so that what changed
 * while it was read is copied again. The last chunks are copied while nobody writes.
 *
 * A commit writes only where the images above the base have something: the chain holds the disk as
 * it is whenever the program is killed.
 */
#include <errno.h>
#include <string.h>

#include "backend/block/job_int.h"
#include "util/error.h"

enum {
    COPY_MAX = 1 << 20,      /* neighbours are copied together, up to this */
    SCAN_CHUNKS = 1024,
    LAST_BYTES = 8 << 20,    /* so much may be left for the moment when the guest waits */
    IDLE_US = 100000,
};

typedef struct MirrorJob {
    BlockJob j;
    BlockNode *root, *source, *target; /* root: below the tap */
    BlockNode *base;         /* only what lies above it is copied; NULL: everything */
    BlockNode *new_backing;  /* of the target, once it is the disk */
    bool give_backing, fresh, nothing_yet, is_commit, was_read_only, write_blocking;
    _Atomic bool following;
    BlockTap *tap;
    ChunkMap dirty;
    GMutex copying;
} MirrorJob;

/* ---- copying ---- */

static int copy_range(MirrorJob *m, uint64_t c, uint64_t n, uint8_t *buf, bool *reading)
{
    uint64_t at = c * m->dirty.chunk, len = MIN(n * m->dirty.chunk, m->dirty.size - at);
    g_mutex_lock(&m->copying);
    for (uint64_t k = 0; k < n; k++)
        chunk_map_clear(&m->dirty, c + k);
    int r = block_job_copy(m->root, m->target, at, len, buf, reading);
    if (r)
        chunk_map_mark(&m->dirty, at, len);
    g_mutex_unlock(&m->copying);
    return r;
}

static void written(void *opaque, uint64_t offset, uint64_t len)
{
    MirrorJob *m = opaque;
    bool reading;
    chunk_map_mark(&m->dirty, offset, len);
    if (!m->write_blocking || !m->following || !len)
        return;
    /* What fails stays marked: the thread comes upon it, and tells. */
    g_autofree uint8_t *buf = g_malloc(m->dirty.chunk);
    for (uint64_t c = offset / m->dirty.chunk; c <= (offset + len - 1) / m->dirty.chunk; c++)
        if (copy_range(m, c, 1, buf, &reading))
            break;
}

/* Takes off the map what needs no copy. */
static void scan(MirrorJob *m)
{
    uint64_t step = SCAN_CHUNKS * m->dirty.chunk;
    if (!m->base && !m->fresh)
        return;
    for (uint64_t start = 0; start < m->dirty.size && !block_job_stopping(&m->j); start += step) {
        uint64_t end = MIN(start + step, m->dirty.size), run;
        for (uint64_t c = start / m->dirty.chunk; c * m->dirty.chunk < end; c++)
            chunk_map_clear(&m->dirty, c);
        for (uint64_t at = start; at < end; at += run) {
            BlockStatus s;
            run = end - at;
            int r = block_chain_status(m->root, m->base, at, &run, &s);
            if (r || (m->base ? s != BLOCK_ABSENT : s == BLOCK_DATA))
                chunk_map_mark(&m->dirty, at, run);
        }
    }
}

static uint64_t neighbours(const MirrorJob *m, uint64_t c)
{
    uint64_t n = 1;
    while ((n + 1) * m->dirty.chunk <= COPY_MAX && c + n < m->dirty.chunks &&
           chunk_map_get(&m->dirty, c + n))
        n++;
    return n;
}

static int mirror_run(BlockJob *j)
{
    MirrorJob *m = (MirrorJob *)j;
    g_autofree uint8_t *buf = g_malloc(MAX(COPY_MAX, m->dirty.chunk));
    uint64_t pos = 0;
    if (!m->nothing_yet)
        scan(m);
    j->total = m->dirty.n * m->dirty.chunk;
    for (;;) {
        uint64_t c = chunk_map_next(&m->dirty, pos);
        if (c == m->dirty.chunks && pos) {
            pos = 0;
            continue;
        }
        if (block_job_stopping(j))
            return -ECANCELED;
        if (block_job_finishing(j) && m->dirty.n * m->dirty.chunk <= LAST_BYTES)
            return 0;
        if (c == m->dirty.chunks) {
            if (!m->following)
                block_job_is_ready(j);
            m->following = true;
            block_job_idle(j, IDLE_US);
            continue;
        }
        bool reading;
        uint64_t n = neighbours(m, c), len = MIN(n * m->dirty.chunk,
                                                 m->dirty.size - c * m->dirty.chunk);
        int r = copy_range(m, c, n, buf, &reading);
        if (r) {
            r = block_job_error(j, reading, r);
            if (r && r != -EAGAIN)
                return r;
            if (!r)
                for (uint64_t k = 0; k < n; k++)
                    chunk_map_clear(&m->dirty, c + k);
        } else {
            j->done += len;
            j->total = MAX(j->total, j->done + m->dirty.n * m->dirty.chunk);
        }
        pos = c + n;
        if (!block_job_step(j, r ? 0 : len))
            return -ECANCELED;
    }
}

/* ---- the end ---- */

static void tap_off(MirrorJob *m)
{
    if (m->tap)
        block_tap_remove(m->tap);
    m->tap = NULL;
}

static void pivot(MirrorJob *m)
{
    if (m->give_backing && !m->target->backing)
        m->target->backing = block_node_ref(m->new_backing);
    block_users_switch(m->root, m->target);
    if (m->new_backing == m->source)
        block_node_reopen(m->source, false, NULL);
}

static bool mirror_finish(BlockJob *j, GError **error)
{
    MirrorJob *m = (MirrorJob *)j;
    g_autofree uint8_t *buf = g_malloc(MAX(COPY_MAX, m->dirty.chunk));
    bool reading;
    int r = 0;
    for (uint64_t c; !r && (c = chunk_map_next(&m->dirty, 0)) < m->dirty.chunks;)
        r = copy_range(m, c, neighbours(m, c), buf, &reading);
    if (!r)
        r = m->target->driver->flush(m->target);
    if (r)
        return error_set(error, "%s", g_strerror(-r));
    tap_off(m);
    if (!j->job.soft_cancelled)
        pivot(m);
    else if (m->is_commit && m->was_read_only)
        block_node_reopen(m->target, false, NULL);
    return true;
}

static void mirror_abort(BlockJob *j)
{
    MirrorJob *m = (MirrorJob *)j;
    tap_off(m);
    if (m->is_commit && m->was_read_only && m->target)
        block_node_reopen(m->target, false, NULL);
}

static void mirror_free(BlockJob *j)
{
    MirrorJob *m = (MirrorJob *)j;
    chunk_map_free(&m->dirty);
    g_mutex_clear(&m->copying);
    block_node_unref(m->root);
    block_node_unref(m->target);
    block_node_unref(m->new_backing);
}

static const BlockJobKind mirror_kind = {
    .job = BLOCK_JOB_KIND("mirror"), .run = mirror_run, .finish = mirror_finish,
    .abort = mirror_abort, .free = mirror_free,
};

static const BlockJobKind commit_kind = {
    .job = BLOCK_JOB_KIND("commit"), .run = mirror_run, .finish = mirror_finish,
    .abort = mirror_abort, .free = mirror_free,
};

/* ---- start ---- */

/* A disk that savevm knows could not change its image. */
static bool without_snapshots(BlockNode *source, BlockNode **root, GError **error)
{
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b)) {
        if (!b->node || block_image(b) != source)
            continue;
        if (!block_history_detach(b, error))
            return false;
        *root = b->node;
    }
    return true;
}

static uint64_t granularity(const BlockJobArgs *a, const BlockNode *target)
{
    uint64_t g = a->granularity ? a->granularity : 64 << 10;
    return MAX(g, block_qcow2_cluster(target)); /* whole clusters: nothing need be read below */
}

static bool go(MirrorJob *m, const BlockJobArgs *a, GError **error)
{
    if (!chunk_map_init(&m->dirty, m->root->size, granularity(a, m->target), !m->nothing_yet))
        return error_set(error, "out of memory for the map of a job");
    m->tap = block_tap_insert(m->root);
    m->tap->after = written;
    m->tap->opaque = m;
    block_job_start(&m->j);
    return true;
}

bool block_mirror_start(const BlockJobArgs *a, GError **error)
{
    BlockNode *root, *source = block_job_disk(a, &root, error), *backing = NULL;
    if (!source || !without_snapshots(source, &root, error))
        return false;
    if (a->replaces)
        return error_set(error, "'replaces' is not supported: the copy takes the disk's place");
    if (a->granularity && (a->granularity < 512 || a->granularity > 64 << 20 ||
                           a->granularity & (a->granularity - 1)))
        return error_set(error, "Parameter 'granularity' expects a value in range [512B, 64MB], "
                         "and a power of 2");
    bool file = !a->target_node;
    if (a->sync == BLOCK_SYNC_TOP)
        backing = block_node_image(source->backing);
    else if (a->sync == BLOCK_SYNC_NONE)
        backing = source;
    MirrorJob *m = (MirrorJob *)block_job_new(sizeof *m, &mirror_kind, a, error);
    if (!m)
        return false;
    g_mutex_init(&m->copying);
    m->root = block_node_ref(root);
    m->source = source;
    m->base = a->sync == BLOCK_SYNC_TOP ? backing : NULL;
    m->nothing_yet = a->sync == BLOCK_SYNC_NONE;
    m->write_blocking = a->write_blocking;
    m->give_backing = file && a->sync != BLOCK_SYNC_FULL;
    if (block_job_hold(&m->j, source, error))
        m->target = block_job_target(a, source, root->size, backing, &m->fresh, error);
    if (m->target && m->give_backing)
        m->new_backing = block_node_ref(backing);
    if (m->target && m->new_backing && !block_qcow2_backing(m->target))
        error_set(error, "'%s' does not say that it lies on '%s'", m->target->filename,
                  backing->filename);
    else if (m->target && block_job_hold(&m->j, m->target, error) && go(m, a, error))
        return true;
    job_drop(&m->j.job);
    return false;
}

/* The disk's own image, and those down to base, go to base, which is the disk then. */
bool block_commit_active(const BlockJobArgs *a, BlockNode *source, BlockNode *root, BlockNode *base,
                         GError **error)
{
    if (!without_snapshots(source, &root, error) || !block_history_none(base, error))
        return false;
    if (root != source)
        return error_set(error, "disk '%s' has a temporary overlay (snapshot=on): HMP's commit "
                         "writes that back", a->device);
    MirrorJob *m = (MirrorJob *)block_job_new(sizeof *m, &commit_kind, a, error);
    bool ok = m;
    if (!m)
        return false;
    g_mutex_init(&m->copying);
    m->root = block_node_ref(root);
    m->source = source;
    m->base = base;
    m->is_commit = true;
    m->was_read_only = base->read_only;
    for (BlockNode *n = source; ok && n != base; n = block_node_image(n->backing))
        ok = block_job_hold(&m->j, n, error);
    ok = ok && block_job_hold(&m->j, base, error) && block_node_reopen(base, true, error);
    if (ok)
        m->target = block_node_ref(base);
    int r = ok && base->size < root->size ? base->driver->resize(base, root->size) : 0;
    if (r)
        ok = error_set_errno(error, -r, "'%s' can't be made as large as the disk", base->filename);
    if (ok && go(m, a, error))
        return true;
    mirror_abort(&m->j);
    job_drop(&m->j.job);
    return false;
}
