/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all block jobs have: a thread, its speed, pauses, errors, and its end. See job_int.h. */
#include "backend/block/job_int.h"

#include <errno.h>
#include <string.h>

#include "softmmu/run.h"
#include "util/error.h"

/* ---- start ---- */

BlockNode *block_job_disk(const BlockJobArgs *a, BlockNode **root, GError **error)
{
    BlockBackend *b = block_find(a->device);
    BlockNode *n = block_node_find(a->device);
    if (b && !b->node)
        return error_set(error, "Device '%s' has no medium", a->device), NULL;
    if (b)
        n = block_image(b);
    if (!n)
        return error_set(error, "Cannot find device='%s' nor node-name='%s'", a->device,
                         a->device), NULL;
    if (!block_node_idle(n, a->device, error))
        return NULL;
    block_quiesce();
    *root = n;
    for (b = block_backend_next(NULL); b; b = block_backend_next(b))
        if (b->node && block_image(b) == n)
            *root = b->node;
    return n;
}

BlockJob *block_job_new(size_t size, const BlockJobKind *kind, const BlockJobArgs *a,
                        GError **error)
{
    const BlockBackend *b = block_find(a->device);
    const char *id = a->id ? a->id : b ? b->id : NULL;
    if (!block_is_here(error))
        return NULL;
    if (!id)
        return error_set(error, "An explicit job ID is required for this node"), NULL;
    BlockJob *j = g_malloc0(size);
    j->kind = kind;
    j->nodes = g_ptr_array_new();
    g_mutex_init(&j->lock);
    g_cond_init(&j->cond);
    j->speed = j->job.speed = a->speed;
    j->on_source_error = a->on_source_error;
    j->on_target_error = a->on_target_error;
    j->job.auto_finalize = !a->keep_pending;
    j->job.auto_dismiss = !a->keep_concluded;
    if (job_add(&j->job, &kind->job, id, error))
        return j;
    block_job_free(&j->job);
    return NULL;
}

bool block_job_hold(BlockJob *j, BlockNode *n, GError **error)
{
    if (!block_node_idle(n, NULL, error))
        return false;
    n->job = j->kind->job.type;
    g_ptr_array_add(j->nodes, block_node_ref(n));
    return true;
}

static void let_go(BlockJob *j)
{
    for (guint i = 0; i < j->nodes->len; i++) {
        BlockNode *n = j->nodes->pdata[i];
        n->job = NULL;
        block_node_unref(n);
    }
    g_ptr_array_set_size(j->nodes, 0);
}

void block_job_free(Job *job)
{
    BlockJob *j = (BlockJob *)job;
    let_go(j);
    if (j->kind->free)
        j->kind->free(j);
    g_ptr_array_unref(j->nodes);
    g_mutex_clear(&j->lock);
    g_cond_clear(&j->cond);
    g_free(j);
}

static void ended(void *opaque)
{
    BlockJob *j = opaque;
    g_thread_join(j->thread);
    j->thread = NULL;
    if (j->ret == -ECANCELED)
        job_ended(&j->job, NULL);
    else
        job_ended(&j->job, j->ret ? g_strerror(-j->ret) : NULL);
}

static gpointer thread(gpointer arg)
{
    BlockJob *j = arg;
    j->ret = j->kind->run(j);
    main_defer(ended, j);
    return NULL;
}

void block_job_start(BlockJob *j)
{
    job_set_status(&j->job, JOB_RUNNING);
    j->thread = g_thread_new(j->kind->job.type, thread, j);
}

BlockNode *block_job_target(const BlockJobArgs *a, BlockNode *source, uint64_t size,
                            BlockNode *backing, bool *fresh, GError **error)
{
    BlockNode *n = a->target_node ? block_node_find(a->target_node) : NULL, *none = NULL;
    *fresh = false;
    if (a->target_node) {
        if (!n)
            return error_set(error, "Cannot find device='%s' nor node-name='%s'", a->target_node,
                             a->target_node), NULL;
        if (n == source)
            return error_set(error, "Source and target cannot be the same"), NULL;
        if (!block_node_idle(n, NULL, error) || !block_history_none(n, error))
            return NULL;
        for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b)) {
            if (b->node && block_image(b) == n && (b->is_drive || b->owner))
                return error_set(error, "Node '%s' is in use by '%s'", n->name,
                                 b->owner ? b->owner : block_id(b)), NULL;
            if (b->node == n && !block_make_writable(b, error))
                return NULL;
        }
        if (n->read_only)
            return error_set(error, "Node '%s' is read-only", n->name), NULL;
        if (n->size != size)
            return error_set(error, "Source and target image have different sizes"), NULL;
        return block_node_ref(n);
    }
    const char *format = a->format ? a->format : a->existing ? NULL : source->format;
    if (a->node_name && !block_name_free(a->node_name, error))
        return NULL;
    if (format && !strcmp(format, "file"))
        format = "raw";
    if (format && strcmp(format, "raw") && strcmp(format, "qcow2"))
        return error_set(error, "Unknown file format '%s'", format), NULL;
    if (!a->existing && !block_image_create(a->target, format, size, 0, backing, error))
        return NULL;
    *fresh = !a->existing;
    n = block_image_open(a->target, format, a->node_name, true, &none, error);
    if (n && (!block_history_none(n, error) ||
              (n->size != size &&
               !error_set(error, "Source and target image have different sizes")))) {
        block_node_unref(n);
        return NULL;
    }
    return n;
}

/* ---- the thread's side ---- */

static bool wait_while_paused(BlockJob *j)
{
    while (j->pausing && !j->stopping)
        g_cond_wait(&j->cond, &j->lock);
    return !j->stopping;
}

bool block_job_step(BlockJob *j, uint64_t n)
{
    g_mutex_lock(&j->lock);
    int64_t now = g_get_monotonic_time();
    if (j->speed && n)
        j->next_us = MAX(j->next_us, now) + (int64_t)((double)n * G_USEC_PER_SEC / j->speed);
    bool go = wait_while_paused(j);
    while (go && j->speed && j->next_us > now) {
        g_cond_wait_until(&j->cond, &j->lock, j->next_us);
        now = g_get_monotonic_time();
        go = wait_while_paused(j);
    }
    g_mutex_unlock(&j->lock);
    return go;
}

bool block_job_idle(BlockJob *j, int64_t us)
{
    g_mutex_lock(&j->lock);
    if (!j->stopping && !j->finishing)
        g_cond_wait_until(&j->cond, &j->lock, g_get_monotonic_time() + us);
    bool go = wait_while_paused(j) && !j->finishing;
    g_mutex_unlock(&j->lock);
    return go;
}

static bool asked(BlockJob *j, const bool *flag)
{
    g_mutex_lock(&j->lock);
    bool on = *flag;
    g_mutex_unlock(&j->lock);
    return on;
}

bool block_job_stopping(BlockJob *j)
{
    return asked(j, &j->stopping);
}

bool block_job_finishing(BlockJob *j)
{
    return asked(j, &j->finishing);
}

void block_job_wake(BlockJob *j)
{
    g_mutex_lock(&j->lock);
    g_cond_signal(&j->cond);
    g_mutex_unlock(&j->lock);
}

static void tell_ready(void *opaque)
{
    BlockJob *j = opaque;
    if (!j->job.cancelled) {
        j->is_ready = true;
        job_ready(&j->job);
    }
}

void block_job_is_ready(BlockJob *j)
{
    main_defer(tell_ready, j);
}

typedef struct IoError {
    BlockJob *j;
    bool reading;
    const char *action;
} IoError;

static void tell_error(void *opaque)
{
    g_autofree IoError *e = opaque;
    job_io_error(&e->j->job, e->reading ? "read" : "write", e->action);
}

int block_job_error(BlockJob *j, bool reading, int r)
{
    static const char *const words[] = { "report", "ignore", "stop" };
    BlockJobError a = reading ? j->on_source_error : j->on_target_error;
    if (r == -ECANCELED)
        return r;
    if (a == BLOCK_JOB_ENOSPC)
        a = r == -ENOSPC ? BLOCK_JOB_STOP : BLOCK_JOB_REPORT;
    IoError *e = g_new(IoError, 1);
    *e = (IoError){ j, reading, words[a] };
    if (a == BLOCK_JOB_STOP) {
        g_mutex_lock(&j->lock);
        j->pausing = true;
        g_mutex_unlock(&j->lock);
    }
    main_defer(tell_error, e);
    return a == BLOCK_JOB_REPORT ? r : a == BLOCK_JOB_IGNORE ? 0 : -EAGAIN;
}

int block_job_copy(BlockNode *from, BlockNode *to, uint64_t offset, uint64_t len, uint8_t *buf,
                   bool *reading)
{
    int r = block_node_read(from, offset, buf, len);
    *reading = r;
    if (r || offset >= to->size)
        return r;
    len = MIN(len, to->size - offset);
    if (!buf[0] && !memcmp(buf, buf + 1, len - 1))
        return to->driver->write_zeroes(to, offset, len, true);
    return block_node_write(to, offset, buf, len);
}

/* ---- what the generic job asks for ---- */

static void ask(BlockJob *j, bool *flag, bool on)
{
    g_mutex_lock(&j->lock);
    *flag = on;
    g_cond_broadcast(&j->cond);
    g_mutex_unlock(&j->lock);
}

void block_job_progress(Job *job, uint64_t *done, uint64_t *total)
{
    BlockJob *j = (BlockJob *)job;
    *done = j->done;
    *total = MAX(j->total, j->done);
}

void block_job_pause(Job *job, bool on)
{
    ask((BlockJob *)job, &((BlockJob *)job)->pausing, on);
}

void block_job_set_speed(Job *job, uint64_t speed)
{
    BlockJob *j = (BlockJob *)job;
    g_mutex_lock(&j->lock);
    j->speed = speed;
    j->next_us = 0;
    g_cond_broadcast(&j->cond);
    g_mutex_unlock(&j->lock);
}

/* One that is ready ends well, without its last step, once it has copied everything. */
void block_job_cancel(Job *job, bool force)
{
    BlockJob *j = (BlockJob *)job;
    ask(j, job->soft_cancelled ? &j->finishing : &j->stopping, true);
    if (job->soft_cancelled)
        ask(j, &j->pausing, false);
}

void block_job_complete(Job *job)
{
    ask((BlockJob *)job, &((BlockJob *)job)->finishing, true);
}

bool block_job_finish(Job *job, GError **error)
{
    BlockJob *j = (BlockJob *)job;
    block_quiesce();
    bool ok = j->kind->finish(j, error);
    if (ok)
        let_go(j);
    return ok;
}

void block_job_abort(Job *job)
{
    BlockJob *j = (BlockJob *)job;
    block_quiesce();
    if (j->kind->abort)
        j->kind->abort(j);
    let_go(j);
}
