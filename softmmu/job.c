/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dialogue of jobs: see softmmu/job.h. Its messages are those of QEMU 7.2, one by one. */
#include "softmmu/job.h"

#include <string.h>

#include "monitor/monitor.h"
#include "util/error.h"

static GPtrArray *jobs; /* latest first */

static const char *const names[] = {
    "undefined", "created", "running", "paused", "ready", "standby", "waiting", "pending",
    "aborting", "concluded", "null",
};

static const struct {
    const char *name;
    unsigned in; /* bits: statuses that take it */
} verbs[] = {
#define S(x) (1u << JOB_##x)
#define ALIVE (S(CREATED) | S(RUNNING) | S(PAUSED) | S(READY) | S(STANDBY))
    [JOB_CANCEL] = { "cancel", ALIVE | S(WAITING) | S(PENDING) },
    [JOB_PAUSE] = { "pause", ALIVE }, [JOB_RESUME] = { "resume", ALIVE },
    [JOB_SET_SPEED] = { "set-speed", ALIVE }, [JOB_COMPLETE] = { "complete", S(READY) },
    [JOB_FINALIZE] = { "finalize", S(PENDING) }, [JOB_DISMISS] = { "dismiss", S(CONCLUDED) },
#undef S
#undef ALIVE
};

const char *job_status_name(JobStatus s)
{
    return names[s];
}

Job *job_find(const char *id)
{
    for (guint i = 0; jobs && i < jobs->len; i++)
        if (!strcmp(((Job *)jobs->pdata[i])->id, id))
            return jobs->pdata[i];
    return NULL;
}

Job *job_next(Job *j)
{
    guint i = 0;
    if (j && g_ptr_array_find(jobs, j, &i))
        i++;
    return jobs && i < jobs->len ? jobs->pdata[i] : NULL;
}

void job_progress(Job *j, uint64_t *done, uint64_t *total)
{
    *done = *total = 0;
    if (j->kind->progress)
        j->kind->progress(j, done, total);
}

/* ---- what is told ---- */

void job_set_status(Job *j, JobStatus s)
{
    Json *data = json_object();
    j->status = s;
    json_set_str(data, "status", names[s]);
    json_set_str(data, "id", j->id);
    qmp_event_emit("JOB_STATUS_CHANGE", data);
}

static void tell(Job *j, const char *event)
{
    Json *data = json_object();
    uint64_t done, total;
    job_progress(j, &done, &total);
    json_set_str(data, "type", j->kind->type);
    json_set_str(data, "device", j->id);
    json_set_uint(data, "len", total);
    json_set_uint(data, "offset", done);
    json_set_uint(data, "speed", j->speed);
    if (!strcmp(event, "BLOCK_JOB_COMPLETED"))
        json_set_str(data, "error", j->error); /* NULL: none */
    qmp_event_emit(event, data);
}

void job_io_error(Job *j, const char *operation, const char *action)
{
    Json *data = json_object();
    json_set_str(data, "device", j->id);
    json_set_str(data, "operation", operation);
    json_set_str(data, "action", action);
    qmp_event_emit("BLOCK_JOB_ERROR", data);
    if (strcmp(action, "stop") || j->user_paused)
        return;
    j->failed_io = j->user_paused = true;
    job_set_status(j, j->status == JOB_READY ? JOB_STANDBY : JOB_PAUSED);
}

/* ---- life ---- */

bool job_add(Job *j, const JobKind *kind, const char *id, GError **error)
{
    if (!g_ascii_isalpha(*id) || strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._") !=
        strlen(id))
        return error_set(error, "Invalid job ID '%s'", id);
    if (job_find(id))
        return error_set(error, "Job ID '%s' already in use", id);
    j->kind = kind;
    j->id = g_strdup(id);
    if (!jobs)
        jobs = g_ptr_array_new();
    g_ptr_array_insert(jobs, 0, j);
    job_set_status(j, JOB_CREATED);
    return true;
}

void job_ready(Job *j)
{
    job_set_status(j, j->user_paused ? JOB_STANDBY : JOB_READY);
    tell(j, "BLOCK_JOB_READY");
}

static void dismiss(Job *j)
{
    job_set_status(j, JOB_NULL);
    g_ptr_array_remove(jobs, j);
    g_free(j->id);
    g_free(j->error);
    j->kind->free(j);
}

void job_drop(Job *j)
{
    dismiss(j);
}

static void conclude(Job *j)
{
    job_set_status(j, JOB_CONCLUDED);
    if (j->auto_dismiss)
        dismiss(j);
}

static void give_up(Job *j)
{
    job_set_status(j, JOB_ABORTING);
    if (j->kind->abort)
        j->kind->abort(j);
    if (j->kind->block)
        tell(j, j->cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED");
    conclude(j);
}

static void finalize(Job *j)
{
    g_autoptr(GError) why = NULL;
    if (j->kind->finish && !j->kind->finish(j, &why)) {
        j->error = g_strdup(why->message);
        give_up(j);
        return;
    }
    if (j->kind->block)
        tell(j, "BLOCK_JOB_COMPLETED");
    conclude(j);
}

void job_ended(Job *j, const char *error)
{
    if (j->cancelled || error) {
        if (!j->cancelled)
            j->error = g_strdup(error);
        give_up(j);
        return;
    }
    job_set_status(j, JOB_WAITING);
    job_set_status(j, JOB_PENDING);
    if (j->auto_finalize) {
        finalize(j);
    } else if (j->kind->block) {
        Json *data = json_object();
        json_set_str(data, "type", j->kind->type);
        json_set_str(data, "id", j->id);
        qmp_event_emit("BLOCK_JOB_PENDING", data);
    }
}

/* ---- what users ask for ---- */

static bool allowed(const Job *j, JobVerb v, GError **error)
{
    bool steered = j->kind->cancel || v == JOB_DISMISS;
    return (steered && verbs[v].in >> j->status & 1) ||
           error_set(error, "Job '%s' in state '%s' cannot accept command verb '%s'", j->id,
                     names[j->status], verbs[v].name);
}

bool job_cancel(Job *j, bool force, GError **error)
{
    if (!allowed(j, JOB_CANCEL, error))
        return false;
    if (j->status == JOB_PENDING) {
        j->cancelled = true;
        give_up(j);
        return true;
    }
    j->soft_cancelled = !force && (j->status == JOB_READY || j->status == JOB_STANDBY);
    j->cancelled = !j->soft_cancelled;
    j->kind->cancel(j, force);
    return true;
}

bool job_set_speed(Job *j, uint64_t bytes_per_s, GError **error)
{
    if (!allowed(j, JOB_SET_SPEED, error))
        return false;
    j->speed = bytes_per_s;
    j->kind->set_speed(j, bytes_per_s);
    return true;
}

static bool rest(Job *j, bool on, GError **error)
{
    if (on == j->user_paused)
        return error_set(error, on ? "Job is already paused"
                                   : "Can't resume a job that was not paused");
    j->user_paused = on;
    j->failed_io = false;
    bool was_ready = j->status == JOB_READY || j->status == JOB_STANDBY;
    job_set_status(j, was_ready ? (on ? JOB_STANDBY : JOB_READY) : on ? JOB_PAUSED : JOB_RUNNING);
    j->kind->pause(j, on);
    return true;
}

bool job_verb(Job *j, JobVerb v, GError **error)
{
    if (!allowed(j, v, error))
        return false;
    switch (v) {
    case JOB_PAUSE:
    case JOB_RESUME:
        return rest(j, v == JOB_PAUSE, error);
    case JOB_COMPLETE:
        j->kind->complete(j);
        return true;
    case JOB_FINALIZE:
        finalize(j);
        return true;
    case JOB_DISMISS:
        dismiss(j);
        return true;
    case JOB_CANCEL:
        return job_cancel(j, true, error);
    case JOB_SET_SPEED:
        break;
    }
    return false;
}
