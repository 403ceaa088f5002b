/* SPDX-License-Identifier: GPL-2.0-or-later */
/* savevm and its kin, and the jobs in which QMP does the same. */
#include "softmmu/snapshot.h"

#include <time.h>

#include "backend/block.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/dump.h"
#include "softmmu/job.h"
#include "softmmu/run.h"
#include "util/error.h"

/* ---- HMP ---- */

static void note_error(void *opaque, GError *error)
{
    GError **to = opaque;
    if (error)
        *to = g_error_copy(error);
}

void hmp_savevm(Monitor *mon, const Json *args)
{
    const char *tag = json_get_str(args, "name", NULL);
    g_autofree char *made_up = NULL;
    GError *error = NULL, *later = NULL;
    if (!tag) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        tag = made_up = g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    }
    if (snapshot_save(tag, note_error, &later, &error)) {
        snapshot_wait();
        error = later;
    }
    if (error)
        monitor_report(mon, error);
}

static bool load(const char *tag, const char *const *devices, GError **error)
{
    if (dump_in_progress())
        return error_set(error, "There is a dump in process, please wait.");
    bool was_running = run_state_is_running();
    if (was_running)
        vm_stop(RUN_STATE_RESTORE_VM);
    bool ok = snapshot_load(tag, devices, error);
    if (was_running)
        vm_start();
    return ok;
}

void hmp_loadvm(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!load(json_get_str(args, "name", ""), NULL, &error))
        monitor_report(mon, error);
}

void hmp_delvm(Monitor *mon, const Json *args)
{
    const char *tag = json_get_str(args, "name", "");
    GError *error = NULL;
    if (snapshot_exists(tag) && !snapshot_delete(tag, &error))
        monitor_report(mon, error);
}

/* As the block layer of QEMU prints sizes: three digits. */
static char *human_size(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double n = bytes;
    unsigned u = 0;
    for (; n >= 1000 && u + 1 < G_N_ELEMENTS(units); u++)
        n /= 1024;
    return g_strdup_printf("%.3g %s", n, units[u]);
}

static void print_row(Monitor *mon, const SnapshotInfo *i)
{
    char date[32] = "", clock[32], icount[24] = "";
    time_t t = i->date_s;
    struct tm tm;
    if (localtime_r(&t, &tm))
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
    int64_t s = i->vm_clock_ns / 1000000000;
    g_snprintf(clock, sizeof clock, "%02d:%02d:%02d.%03d", (int)(s / 3600), (int)(s / 60 % 60),
               (int)(s % 60), (int)(i->vm_clock_ns / 1000000 % 1000));
    if (i->icount >= 0)
        g_snprintf(icount, sizeof icount, "%" G_GINT64_FORMAT, i->icount);
    g_autofree char *size = human_size(i->vm_size);
    monitor_printf(mon, "%-9s %-16s %8s%20s%13s%11s\n", "--", i->tag, size, date, clock, icount);
}

void hmp_info_snapshots(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(GPtrArray) list = snapshot_list(&error);
    if (!list) {
        monitor_report(mon, error);
        return;
    }
    if (!list->len) {
        monitor_puts(mon, "There is no snapshot available.\n");
        return;
    }
    monitor_puts(mon, "List of snapshots present on all disks:\n");
    monitor_printf(mon, "%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK",
                   "ICOUNT");
    for (guint i = 0; i < list->len; i++)
        print_row(mon, list->pdata[i]);
    for (guint i = 0; i < list->len; i++) {
        const SnapshotInfo *s = list->pdata[i];
        if (s->problem)
            monitor_printf(mon, "'%s' can't be used: %s\n", s->tag, s->problem);
    }
}

/* ---- jobs ---- */

typedef struct SnapshotJob SnapshotJob;
struct SnapshotJob {
    Job job;
    char *tag, *vmstate;
    char **devices;
    void (*run)(SnapshotJob *j, GError **error);
    bool later; /* it is not over when run returns */
};

static void job_run(void *opaque);

static void free_job(Job *job)
{
    SnapshotJob *j = (SnapshotJob *)job;
    g_free(j->tag);
    g_free(j->vmstate);
    g_strfreev(j->devices);
    g_free(j);
}

static void job_done(void *opaque, GError *error)
{
    job_ended(opaque, error ? error->message : NULL);
}

static void progress(Job *j, uint64_t *done, uint64_t *total)
{
    *done = j->status == JOB_CONCLUDED;
    *total = 1;
    if (j->status != JOB_CONCLUDED && !strcmp(j->kind->type, "snapshot-save"))
        snapshot_saving(done, total);
    *total = MAX(*total, 1);
}

static bool check_names(const SnapshotJob *j, GError **error)
{
    if (!*j->devices)
        return error_set(error, "At least one device is required for snapshot");
    for (char **d = j->devices; *d; d++)
        if (!block_find(*d))
            return error_set(error, "No block device node '%s'", *d);
    if (j->vmstate && !block_find(j->vmstate))
        return error_set(error, "vmstate block device '%s' does not exist", j->vmstate);
    return true;
}

/* Begins it; what it does, and how it ends, comes behind the command's reply. */
static bool job_start(const JobKind *kind, const Json *args,
                      void (*run)(SnapshotJob *j, GError **error), GError **error)
{
    const Json *devices = json_get(args, "devices");
    SnapshotJob *j = g_new0(SnapshotJob, 1);
    j->tag = g_strdup(json_get_str(args, "tag", ""));
    j->vmstate = g_strdup(json_get_str(args, "vmstate", NULL));
    j->run = run;
    j->job.auto_finalize = true;
    j->devices = g_new0(char *, json_len(devices) + 1);
    for (unsigned i = 0; i < json_len(devices); i++)
        j->devices[i] = g_strdup(json_str(json_at(devices, i)));
    if (!job_add(&j->job, kind, json_get_str(args, "job-id", ""), error)) {
        free_job(&j->job);
        return false;
    }
    job_set_status(&j->job, JOB_RUNNING);
    main_defer(job_run, j);
    return true;
}

static void job_run(void *opaque)
{
    SnapshotJob *j = opaque;
    g_autoptr(GError) why = NULL;
    if (check_names(j, &why))
        j->run(j, &why);
    if (why || !j->later)
        job_done(j, why);
}

static void run_save(SnapshotJob *j, GError **error)
{
    if (snapshot_exists(j->tag))
        error_set(error, "Snapshot '%s' already exists in one or more devices", j->tag);
    else
        j->later = snapshot_save(j->tag, job_done, j, error);
}

static void run_load(SnapshotJob *j, GError **error)
{
    load(j->tag, (const char *const *)j->devices, error);
}

static void run_delete(SnapshotJob *j, GError **error)
{
    if (snapshot_exists(j->tag))
        snapshot_delete(j->tag, error);
}

/* They can't be steered, no more than those of the same names can in QEMU. */
static const JobKind save_kind = { .type = "snapshot-save", .progress = progress, .free = free_job };
static const JobKind load_kind = { .type = "snapshot-load", .progress = progress, .free = free_job };
static const JobKind delete_kind = { .type = "snapshot-delete", .progress = progress,
                                     .free = free_job };

bool qmp_snapshot_save(const Json *args, GError **error)
{
    return job_start(&save_kind, args, run_save, error);
}

bool qmp_snapshot_load(const Json *args, GError **error)
{
    return job_start(&load_kind, args, run_load, error);
}

bool qmp_snapshot_delete(const Json *args, GError **error)
{
    return job_start(&delete_kind, args, run_delete, error);
}
