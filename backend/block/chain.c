/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that make a chain of images shorter.
 *
 * block-stream: an image gets what those below it have, down to a base, and lies on the base then.
 * block-commit: images go down into a base, and whatever lay upon them lies on the base then. (If
 * that is the disk itself, the job is mirror.c's.)
 *
 * Neither changes what the chain as a whole shows, at any moment: an image gets data where it had
 * none, and a base where nobody looks. The header that names another backing file is written last,
 * after a flush, by one write.
 */
#include <errno.h>
#include <string.h>

#include "backend/block/job_int.h"
#include "util/error.h"

enum { STEP = 64 << 10 };

typedef struct ChainJob {
    BlockJob j;
    BlockNode *top, *base, *overlay;     /* base NULL: stream everything; overlay: upon top */
    bool top_was_read_only, base_was_read_only;
    char *name;                          /* for the header */
} ChainJob;

static const char *header_format(const BlockNode *n)
{
    return !n ? NULL : !strcmp(n->format, "qcow2") ? "qcow2" : "raw";
}

/* `n` lies on `base` from now on. Quiesced. */
static int put_upon(ChainJob *k, BlockNode *n, BlockNode *base)
{
    bool was_read_only = n->read_only;
    g_autofree char *name = k->name ? g_strdup(k->name)
                                    : base ? block_name_from(base, n->full_path) : NULL;
    if (!block_node_reopen(n, true, NULL))
        return -EACCES;
    int r = n->driver->flush(n);
    if (!r)
        r = block_qcow2_set_backing_name(n, base ? name : NULL, header_format(base));
    if (was_read_only)
        block_node_reopen(n, false, NULL);
    if (!r) {
        BlockNode *old = n->backing;
        n->backing = block_node_ref(base);
        block_node_unref(old);
    }
    return r;
}

static void chain_free(BlockJob *j)
{
    g_free(((ChainJob *)j)->name);
}

/* ---- stream ---- */

/*
 * After r of a run at *at: 0 to go on, with the next run or the same again; otherwise the job's end.
 * `copied` is how much of the run counts against the job's speed.
 */
static int advance(BlockJob *j, int r, bool reading, uint64_t *at, uint64_t run, uint64_t copied)
{
    if (r)
        r = block_job_error(j, reading, r);
    if (r && r != -EAGAIN)
        return r;
    if (!r)
        j->done = *at += run;
    return block_job_step(j, r ? 0 : copied) ? 0 : -ECANCELED;
}

static int stream_run(BlockJob *j)
{
    ChainJob *k = (ChainJob *)j;
    uint64_t size = k->top->size;
    if (!k->top->backing)
        return 0;
    j->total = size;
    for (uint64_t at = 0, run; at < size;) {
        BlockStatus s, below = BLOCK_ABSENT;
        run = size - at;
        int r = block_node_status(k->top, at, &run, &s);
        if (!r && s == BLOCK_ABSENT) {
            r = block_chain_status(k->top->backing, k->base, at, &run, &below);
            run = below == BLOCK_ABSENT ? run : MIN(run, STEP - at % STEP);
        }
        if (!r && below != BLOCK_ABSENT)
            r = block_qcow2_copy_up(k->top, k->base, at, run);
        r = advance(j, r, r != -ENOSPC, &at, run, below == BLOCK_ABSENT ? 0 : run);
        if (r)
            return r;
    }
    return 0;
}

static bool stream_finish(BlockJob *j, GError **error)
{
    ChainJob *k = (ChainJob *)j;
    int r = k->top->backing ? put_upon(k, k->top, k->base) : 0;
    if (!r && k->top_was_read_only)
        block_node_reopen(k->top, false, NULL);
    return !r || error_set(error, "%s", g_strerror(-r));
}

static void chain_abort(BlockJob *j)
{
    ChainJob *k = (ChainJob *)j;
    if (k->top_was_read_only)
        block_node_reopen(k->top, false, NULL);
    if (k->base_was_read_only)
        block_node_reopen(k->base, false, NULL);
}

static const BlockJobKind stream_kind = {
    .job = BLOCK_JOB_KIND("stream"), .run = stream_run, .finish = stream_finish,
    .abort = chain_abort, .free = chain_free,
};

static BlockNode *in_chain(BlockNode *top, const char *file, const char *node, GError **error)
{
    BlockNode *n = node ? block_node_find(node) : block_chain_find(top, file);
    if (node && !n)
        error_set(error, "Cannot find device='' nor node-name='%s'", node);
    else if (!n || !block_node_in_chain(top, n))
        error_set(error, node ? "Node '%s' is not in the chain of this disk"
                              : "Can't find '%s' in the backing chain", node ? node : file);
    else
        return n;
    return NULL;
}

bool block_stream_start(const BlockJobArgs *a, GError **error)
{
    BlockNode *root, *top = block_job_disk(a, &root, error), *base = NULL;
    if (!top)
        return false;
    if (!!a->base + !!a->base_node + !!a->bottom > 1)
        return error_set(error, "'base', 'base-node' and 'bottom' cannot be specified at the same "
                         "time");
    if (a->bottom) {
        BlockNode *bottom = in_chain(top, NULL, a->bottom, error);
        if (!bottom)
            return false;
        base = block_node_image(bottom->backing);
    } else if (a->base || a->base_node) {
        base = in_chain(top, a->base, a->base_node, error);
        if (!base)
            return false;
        if (base == top)
            return error_set(error, "Node '%s' is its own base", top->name);
    }
    if (a->backing_file && !base)
        return error_set(error, "backing file specified, but streaming the entire chain");
    if (top->backing && !block_node_is_qcow2(top))
        return error_set(error, "'%s' can't be changed while it lies on another image", top->name);
    ChainJob *k = (ChainJob *)block_job_new(sizeof *k, &stream_kind, a, error);
    bool ok = k;
    if (!k)
        return false;
    k->top = top;
    k->base = base;
    k->name = g_strdup(a->backing_file);
    for (BlockNode *n = top; ok && n && n != base; n = block_node_image(n->backing))
        ok = block_job_hold(&k->j, n, error);
    ok = ok && (!base || block_job_hold(&k->j, base, error));
    k->top_was_read_only = ok && top->read_only;
    if (ok && block_node_reopen(top, true, error)) {
        block_job_start(&k->j);
        return true;
    }
    job_drop(&k->j.job);
    return false;
}

/* ---- commit ---- */

static int commit_run(BlockJob *j)
{
    ChainJob *k = (ChainJob *)j;
    enum { COMMIT_MAX = 512 << 10 };
    g_autofree uint8_t *buf = g_malloc(COMMIT_MAX);
    uint64_t size = k->top->size;
    j->total = size;
    for (uint64_t at = 0, run; at < size;) {
        BlockStatus s = BLOCK_ABSENT;
        bool reading = true;
        run = size - at;
        int r = block_chain_status(k->top, k->base, at, &run, &s);
        if (s != BLOCK_ABSENT)
            run = MIN(run, COMMIT_MAX);
        if (!r && s != BLOCK_ABSENT)
            r = block_job_copy(k->top, k->base, at, run, buf, &reading);
        r = advance(j, r, reading, &at, run, s == BLOCK_ABSENT ? 0 : run);
        if (r)
            return r;
    }
    return k->base->driver->flush(k->base);
}

static bool commit_finish(BlockJob *j, GError **error)
{
    ChainJob *k = (ChainJob *)j;
    int r = put_upon(k, k->overlay, k->base);
    if (!r && k->base_was_read_only)
        block_node_reopen(k->base, false, NULL);
    return !r || error_set(error, "%s", g_strerror(-r));
}

static const BlockJobKind commit_kind = {
    .job = BLOCK_JOB_KIND("commit"), .run = commit_run, .finish = commit_finish,
    .abort = chain_abort, .free = chain_free,
};

static bool commit_start(const BlockJobArgs *a, BlockNode *disk, BlockNode *top, BlockNode *base,
                         GError **error)
{
    if (!block_history_none(base, error))
        return false;
    ChainJob *k = (ChainJob *)block_job_new(sizeof *k, &commit_kind, a, error);
    bool ok = k;
    if (!k)
        return false;
    k->top = top;
    k->base = base;
    k->name = g_strdup(a->backing_file);
    k->overlay = disk;
    while (block_node_image(k->overlay->backing) != top)
        k->overlay = block_node_image(k->overlay->backing);
    for (BlockNode *n = k->overlay; ok && n != base; n = block_node_image(n->backing))
        ok = block_job_hold(&k->j, n, error);
    ok = ok && block_job_hold(&k->j, base, error);
    k->base_was_read_only = ok && base->read_only;
    ok = ok && block_node_reopen(base, true, error);
    int r = ok && base->size < top->size ? base->driver->resize(base, top->size) : 0;
    if (r)
        ok = error_set_errno(error, -r, "'%s' can't be made as large as '%s'", base->filename,
                             top->filename);
    if (ok) {
        block_job_start(&k->j);
        return true;
    }
    if (k->base_was_read_only)
        block_node_reopen(base, false, NULL);
    job_drop(&k->j.job);
    return false;
}

bool block_commit_start(const BlockJobArgs *a, GError **error)
{
    BlockNode *root, *disk = block_job_disk(a, &root, error), *top = disk, *base;
    if (!disk)
        return false;
    if (a->base && a->base_node)
        return error_set(error, "'base-node' and 'base' are mutually exclusive");
    if (a->top && a->top_node)
        return error_set(error, "'top-node' and 'top' are mutually exclusive");
    if (a->top_node && !(top = in_chain(disk, NULL, a->top_node, error)))
        return false;
    if (a->top && !(top = block_chain_find(disk, a->top)))
        return error_set(error, "Top image file %s not found", a->top);
    base = top;
    if (a->base || a->base_node)
        base = in_chain(disk, a->base, a->base_node, error);
    else
        while (base->backing)
            base = block_node_image(base->backing);
    if (!base)
        return false;
    if (base == top)
        return error_set(error, "cannot commit an image into itself");
    if (!block_node_in_chain(top, base))
        return error_set(error, "'%s' and '%s' are not in the same chain", top->name, base->name);
    if (top != disk)
        return commit_start(a, disk, top, base, error);
    if (a->backing_file)
        return error_set(error, "'backing-file' specified, but 'top' is the active layer");
    return block_commit_active(a, disk, root, base, error);
}
