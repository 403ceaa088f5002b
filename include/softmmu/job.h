/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: what goes on in the background and is watched and steered by job-* and block-job-*. This is
 * their dialogue; the work is their owners'. Main thread, main lock held.
 *
 *   created -> running <-> paused -> waiting -> pending -> concluded -> null (gone)
 *              ready <-> standby        |          |
 *                        aborting <-----+----------+   (cancelled or failed) -> concluded
 */
#ifndef SOFTMMU_JOB_H
#define SOFTMMU_JOB_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum JobStatus {
    JOB_UNDEFINED, JOB_CREATED, JOB_RUNNING, JOB_PAUSED, JOB_READY, JOB_STANDBY, JOB_WAITING,
    JOB_PENDING, JOB_ABORTING, JOB_CONCLUDED, JOB_NULL,
} JobStatus;

typedef enum JobVerb {
    JOB_CANCEL, JOB_PAUSE, JOB_RESUME, JOB_SET_SPEED, JOB_COMPLETE, JOB_FINALIZE, JOB_DISMISS,
} JobVerb;

typedef struct Job Job;

/* NULL: nothing to do; a kind without cancel can't be steered at all. */
typedef struct JobKind {
    const char *type; /* "commit" */
    bool block;       /* block-job-* know it, and it has BLOCK_JOB_* events */
    void (*progress)(Job *j, uint64_t *done, uint64_t *total);
    void (*pause)(Job *j, bool on);
    void (*set_speed)(Job *j, uint64_t bytes_per_s);
    void (*cancel)(Job *j, bool force); /* job_ended follows, now or later */
    void (*complete)(Job *j);           /* of one that is ready; job_ended follows */
    /* The last step, which may fail. Then, or where it was given up, abort undoes everything. */
    bool (*finish)(Job *j, GError **error);
    void (*abort)(Job *j);
    void (*free)(Job *j);
} JobKind;

/* Owners' structs begin with one. */
struct Job {
    const JobKind *kind;
    char *id, *error;
    JobStatus status;
    bool auto_finalize, auto_dismiss, user_paused, cancelled;
    bool soft_cancelled; /* a ready one: it ends well, without its last step */
    bool failed_io;      /* stopped by an error, until it is resumed */
    uint64_t speed;
};

/* Checks the name, and makes it known (created). */
bool job_add(Job *j, const JobKind *kind, const char *id, GError **error);
void job_set_status(Job *j, JobStatus s);
/* One that is not to be started after all: null, and gone. */
void job_drop(Job *j);
void job_ready(Job *j);
/* The work is done, or was given up (cancelled), or failed. j may be gone afterwards. */
void job_ended(Job *j, const char *error);
/* An error that it goes on from, stops at or ends with: "read"; "stop", "ignore", "report". */
void job_io_error(Job *j, const char *operation, const char *action);

Job *job_find(const char *id);
Job *job_next(Job *j); /* NULL: the latest */
const char *job_status_name(JobStatus s);
/* What a user asks for. */
bool job_verb(Job *j, JobVerb v, GError **error);
bool job_cancel(Job *j, bool force, GError **error);
bool job_set_speed(Job *j, uint64_t bytes_per_s, GError **error);
void job_progress(Job *j, uint64_t *done, uint64_t *total);

#endif
