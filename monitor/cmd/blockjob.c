/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting jobs that copy disks. */
#include "monitor/cmd/blockjob.h"

#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static BlockJobError on_error(const Json *args, const char *key)
{
    static const char *const words[] = { "report", "ignore", "stop", "enospc" };
    const char *w = json_get_str(args, key, "report");
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (!strcmp(w, words[i]))
            return i;
    return BLOCK_JOB_REPORT;
}

/* What several of the commands take. */
static bool take(BlockJobArgs *a, const Json *args, GError **error)
{
    const char *sync = json_get_str(args, "sync", "full");
    int64_t speed = json_get_int(args, "speed", 0);
    *a = (BlockJobArgs){
        .id = json_get_str(args, "job-id", NULL), .device = json_get_str(args, "device", ""),
        .speed = (uint64_t)speed, .on_source_error = on_error(args, "on-source-error"),
        .on_target_error = on_error(args, "on-target-error"),
        .keep_pending = !json_get_bool(args, "auto-finalize", true),
        .keep_concluded = !json_get_bool(args, "auto-dismiss", true),
        .base = json_get_str(args, "base", NULL),
        .base_node = json_get_str(args, "base-node", NULL),
        .top = json_get_str(args, "top", NULL), .top_node = json_get_str(args, "top-node", NULL),
        .bottom = json_get_str(args, "bottom", NULL),
        .backing_file = json_get_str(args, "backing-file", NULL),
        .format = json_get_str(args, "format", NULL),
        .node_name = json_get_str(args, "node-name", NULL),
        .existing = !strcmp(json_get_str(args, "mode", ""), "existing"),
        .sync = !strcmp(sync, "top") ? BLOCK_SYNC_TOP
                : !strcmp(sync, "none") ? BLOCK_SYNC_NONE : BLOCK_SYNC_FULL,
        .granularity = json_get_uint(args, "granularity", 0),
        .write_blocking = !strcmp(json_get_str(args, "copy-mode", ""), "write-blocking"),
        .replaces = json_get_str(args, "replaces", NULL),
    };
    return speed >= 0 || error_set(error, "Parameter 'speed' expects a non-negative value");
}

static bool is_disk(const BlockJobArgs *a, GError **error)
{
    return block_find(a->device) || block_node_find(a->device) ||
           qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", a->device);
}

bool qmp_block_commit(const Json *args, GError **error)
{
    BlockJobArgs a;
    bool ok = take(&a, args, error) && is_disk(&a, error);
    a.on_source_error = a.on_target_error = on_error(args, "on-error");
    return ok && block_commit_start(&a, error);
}

bool qmp_block_stream(const Json *args, GError **error)
{
    BlockJobArgs a;
    bool ok = take(&a, args, error);
    a.on_source_error = a.on_target_error = on_error(args, "on-error");
    return ok && block_stream_start(&a, error);
}

bool qmp_drive_mirror(const Json *args, GError **error)
{
    BlockJobArgs a;
    bool ok = take(&a, args, error);
    a.target = json_get_str(args, "target", "");
    return ok && block_mirror_start(&a, error);
}

bool qmp_blockdev_mirror(const Json *args, GError **error)
{
    BlockJobArgs a;
    bool ok = take(&a, args, error);
    a.target_node = json_get_str(args, "target", "");
    return ok && block_mirror_start(&a, error);
}

void *backup_prepare(const Json *args, bool node, GError **error)
{
    BlockJobArgs a;
    bool ok = take(&a, args, error);
    const char *target = json_get_str(args, "target", "");
    a.target_node = node ? target : NULL;
    a.target = node ? NULL : target;
    return ok ? block_backup_prepare(&a, error) : NULL;
}

static bool backup(const Json *args, bool node, GError **error)
{
    BlockJob *j = backup_prepare(args, node, error);
    if (j)
        block_backup_commit(j);
    return j;
}

bool qmp_drive_backup(const Json *args, GError **error)
{
    return backup(args, false, error);
}

bool qmp_blockdev_backup(const Json *args, GError **error)
{
    return backup(args, true, error);
}

/* ---- HMP ---- */

static void report(Monitor *mon, GError *error)
{
    if (error)
        monitor_report(mon, error);
}

void hmp_block_stream(Monitor *mon, const Json *args)
{
    g_autoptr(Json) a = json_copy(args);
    GError *error = NULL;
    qmp_block_stream(a, &error);
    report(mon, error);
}

/* As QMP's, from "device target [format]" and flags. */
static Json *copy_args(const Json *args)
{
    Json *a = json_object();
    json_set_str(a, "device", json_get_str(args, "device", NULL));
    json_set_str(a, "target", json_get_str(args, "target", NULL));
    json_set_str(a, "format", json_get_str(args, "format", NULL));
    json_set_str(a, "sync", json_get_bool(args, "full", false) ? "full" : "top");
    json_set_str(a, "mode", json_get_bool(args, "reuse", false) ? "existing" : "absolute-paths");
    return a;
}

void hmp_drive_mirror(Monitor *mon, const Json *args)
{
    g_autoptr(Json) a = copy_args(args);
    GError *error = NULL;
    qmp_drive_mirror(a, &error);
    report(mon, error);
}

void hmp_drive_backup(Monitor *mon, const Json *args)
{
    g_autoptr(Json) a = copy_args(args);
    GError *error = NULL;
    if (json_get_bool(args, "compress", false))
        error_set(&error, "Compression is not supported for this drive");
    else
        qmp_drive_backup(a, &error);
    report(mon, error);
}
