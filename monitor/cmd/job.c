/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs: what there is, and steering them. Those of disks have a second set of commands. */
#include "softmmu/job.h"

#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

/* ---- all jobs ---- */

Json *qmp_query_jobs(const Json *args, GError **error)
{
    Json *list = json_array();
    for (Job *j = job_next(NULL); j; j = job_next(j)) {
        uint64_t done, total;
        Json *o = json_object();
        job_progress(j, &done, &total);
        json_set_uint(o, "current-progress", done);
        json_set_str(o, "status", job_status_name(j->status));
        json_set_uint(o, "total-progress", total);
        json_set_str(o, "type", j->kind->type);
        json_set_str(o, "id", j->id);
        json_set_str(o, "error", j->error);
        json_add(list, o);
    }
    return list;
}

static bool steer(const Json *args, JobVerb v, GError **error)
{
    Job *j = job_find(json_get_str(args, "id", ""));
    return j ? job_verb(j, v, error) : error_set(error, "Job not found");
}

bool qmp_job_dismiss(const Json *args, GError **error)
{
    return steer(args, JOB_DISMISS, error);
}

bool qmp_job_cancel(const Json *args, GError **error)
{
    return steer(args, JOB_CANCEL, error);
}

bool qmp_job_pause(const Json *args, GError **error)
{
    return steer(args, JOB_PAUSE, error);
}

bool qmp_job_resume(const Json *args, GError **error)
{
    return steer(args, JOB_RESUME, error);
}

bool qmp_job_complete(const Json *args, GError **error)
{
    return steer(args, JOB_COMPLETE, error);
}

bool qmp_job_finalize(const Json *args, GError **error)
{
    return steer(args, JOB_FINALIZE, error);
}

/* ---- of disks ---- */

Json *qmp_query_block_jobs(const Json *args, GError **error)
{
    Json *list = json_array();
    for (Job *j = job_next(NULL); j; j = job_next(j)) {
        uint64_t done, total;
        if (!j->kind->block)
            continue;
        Json *o = json_object();
        job_progress(j, &done, &total);
        json_set_str(o, "type", j->kind->type);
        json_set_str(o, "device", j->id);
        json_set_uint(o, "len", total);
        json_set_uint(o, "offset", done);
        json_set_bool(o, "busy", j->status == JOB_RUNNING);
        json_set_bool(o, "paused", j->user_paused);
        json_set_bool(o, "ready", j->status == JOB_READY || j->status == JOB_STANDBY);
        json_set_uint(o, "speed", j->speed);
        json_set_str(o, "io-status", j->failed_io ? "failed" : "ok");
        json_set_str(o, "status", job_status_name(j->status));
        json_set_bool(o, "auto-finalize", j->auto_finalize);
        json_set_bool(o, "auto-dismiss", j->auto_dismiss);
        json_set_str(o, "error", j->error);
        json_add(list, o);
    }
    return list;
}

void hmp_info_block_jobs(Monitor *mon, const Json *args)
{
    bool any = false;
    for (Job *j = job_next(NULL); j; j = job_next(j)) {
        uint64_t done, total;
        if (!j->kind->block)
            continue;
        any = true;
        job_progress(j, &done, &total);
        if (!strcmp(j->kind->type, "stream"))
            monitor_printf(mon, "Streaming device %s", j->id);
        else
            monitor_printf(mon, "Type %s, device %s", j->kind->type, j->id);
        monitor_printf(mon, ": Completed %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                       " bytes, speed limit %" G_GUINT64_FORMAT " bytes/s\n", done, total,
                       j->speed);
    }
    if (!any)
        monitor_puts(mon, "No active jobs\n");
}

/* The argument is "device" in one language and "id" in the other, and for some commands. */
static Job *block_job(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "device", json_get_str(args, "id", ""));
    Job *j = job_find(id);
    if (j && j->kind->block)
        return j;
    qmp_error_set(error, QMP_ERROR_DEVICE_NOT_ACTIVE, "Block job '%s' not found", id);
    return NULL;
}

static bool steer_block(const Json *args, JobVerb v, GError **error)
{
    Job *j = block_job(args, error);
    return j && job_verb(j, v, error);
}

bool qmp_block_job_set_speed(const Json *args, GError **error)
{
    Job *j = block_job(args, error);
    int64_t speed = json_get_int(args, "speed", 0);
    if (j && speed < 0)
        return error_set(error, "Parameter 'speed' expects a non-negative value");
    return j && job_set_speed(j, speed, error);
}

bool qmp_block_job_cancel(const Json *args, GError **error)
{
    Job *j = block_job(args, error);
    bool force = json_get_bool(args, "force", false);
    if (j && j->user_paused && !force)
        return error_set(error, "The block job for device '%s' is currently paused", j->id);
    return j && job_cancel(j, force, error);
}

bool qmp_block_job_pause(const Json *args, GError **error)
{
    return steer_block(args, JOB_PAUSE, error);
}

bool qmp_block_job_resume(const Json *args, GError **error)
{
    return steer_block(args, JOB_RESUME, error);
}

bool qmp_block_job_complete(const Json *args, GError **error)
{
    return steer_block(args, JOB_COMPLETE, error);
}

bool qmp_block_job_finalize(const Json *args, GError **error)
{
    return steer_block(args, JOB_FINALIZE, error);
}

bool qmp_block_job_dismiss(const Json *args, GError **error)
{
    return steer_block(args, JOB_DISMISS, error);
}
