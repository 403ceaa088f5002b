/* SPDX-License-Identifier: GPL-2.0-or-later */
/* External snapshots of disks, and several changes of disks as one. */
#include <string.h>

#include "backend/block_job.h"
#include "monitor/cmd/blockjob.h"
#include "monitor/core/schema.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

/* ---- what a transaction is made of ---- */

static void *prepare_sync(const Json *args, GError **error)
{
    BlockSnapshotArgs a = {
        .device = json_get_str(args, "device", NULL), .node = json_get_str(args, "node-name", NULL),
        .file = json_get_str(args, "snapshot-file", ""),
        .format = json_get_str(args, "format", NULL),
        .node_name = json_get_str(args, "snapshot-node-name", NULL),
        .existing = !strcmp(json_get_str(args, "mode", ""), "existing"),
    };
    return block_snapshot_prepare(&a, error);
}

static void *prepare_overlay(const Json *args, GError **error)
{
    const char *node = json_get_str(args, "node", "");
    BlockSnapshotArgs a = { .device = node, .node = node,
                            .overlay = json_get_str(args, "overlay", "") };
    return block_snapshot_prepare(&a, error);
}

static void *prepare_abort(const Json *args, GError **error)
{
    return error_set(error, "Transaction aborted using Abort action"), NULL;
}

static void snapshot_commit(void *state)
{
    block_snapshot_commit(state);
}

static void snapshot_abort(void *state)
{
    block_snapshot_abort(state);
}

static void *prepare_drive_backup(const Json *args, GError **error)
{
    return backup_prepare(args, false, error);
}

static void *prepare_blockdev_backup(const Json *args, GError **error)
{
    return backup_prepare(args, true, error);
}

static void backup_commit(void *state)
{
    block_backup_commit(state);
}

static void backup_abort(void *state)
{
    block_backup_abort(state);
}

/* commit can't fail. */
typedef struct ActionKind {
    const char *type; /* of the same arguments as the command of that name */
    void *(*prepare)(const Json *args, GError **error);
    void (*commit)(void *state);
    void (*abort)(void *state);
} ActionKind;

static const ActionKind kinds[] = {
    { "abort", prepare_abort, NULL, NULL },
    { "blockdev-backup", prepare_blockdev_backup, backup_commit, backup_abort },
    { "drive-backup", prepare_drive_backup, backup_commit, backup_abort },
    { "blockdev-snapshot", prepare_overlay, snapshot_commit, snapshot_abort },
    { "blockdev-snapshot-sync", prepare_sync, snapshot_commit, snapshot_abort },
};

static bool check_data(const char *type, const Json *data, GError **error)
{
    for (const Command *c = commands; c->help; c++)
        if (!g_strcmp0(c->qmp, type))
            return schema_check(c->args, data, "", false, error);
    return true;
}

static const ActionKind *kind_of(const Json *action)
{
    const char *type = json_get_str(action, "type", "");
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (!strcmp(kinds[i].type, type))
            return &kinds[i];
    return NULL;
}

static bool run_actions(const Json *actions, GError **error)
{
    unsigned n = json_len(actions), done = 0;
    g_autofree void **states = g_new0(void *, n + 1);
    bool ok = true;
    block_quiesce(); /* so that the disks stand still until the last has changed */
    for (; ok && done < n; done += ok) {
        const Json *action = json_at(actions, done), *data = json_get(action, "data");
        const ActionKind *k = kind_of(action);
        ok = check_data(k->type, data, error) && (states[done] = k->prepare(data, error));
    }
    for (unsigned i = 0; i < done; i++) {
        unsigned at = ok ? i : done - 1 - i;
        const ActionKind *k = kind_of(json_at(actions, at));
        (ok ? k->commit : k->abort)(states[at]);
    }
    return ok;
}

bool qmp_transaction(const Json *args, GError **error)
{
    return run_actions(json_get(args, "actions"), error);
}

static bool run_one(const char *type, const Json *args, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        void *state = strcmp(kinds[i].type, type) ? NULL : kinds[i].prepare(args, error);
        if (state) {
            kinds[i].commit(state);
            return true;
        }
    }
    return false;
}

/* ---- commands ---- */

bool qmp_blockdev_snapshot_sync(const Json *args, GError **error)
{
    return run_one("blockdev-snapshot-sync", args, error);
}

bool qmp_blockdev_snapshot(const Json *args, GError **error)
{
    return run_one("blockdev-snapshot", args, error);
}

void hmp_snapshot_blkdev(Monitor *mon, const Json *args)
{
    g_autoptr(Json) a = json_object();
    const char *file = json_get_str(args, "snapshot-file", NULL);
    GError *error = NULL;
    json_set_str(a, "device", json_get_str(args, "device", ""));
    json_set_str(a, "snapshot-file", file);
    json_set_str(a, "format", json_get_str(args, "format", NULL));
    json_set_str(a, "mode", json_get_bool(args, "reuse", false) ? "existing" : "absolute-paths");
    if (!file)
        error_set(&error, "Parameter 'snapshot-file' is missing");
    else
        run_one("blockdev-snapshot-sync", a, &error);
    if (error)
        monitor_report(mon, error);
}

bool qmp_change_backing_file(const Json *args, GError **error)
{
    const char *device = json_get_str(args, "device", "");
    const char *node = json_get_str(args, "image-node-name", "");
    BlockBackend *b = block_find(device);
    if (!b || !block_inserted(b))
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND,
                             "Cannot find device='%s' nor node-name='%s'", device, device);
    if (!block_node_find(node))
        return error_set(error, "Cannot find device='' nor node-name='%s'", node);
    return block_change_backing_file(b, node, json_get_str(args, "backing-file", ""), error);
}
