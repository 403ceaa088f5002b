/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loadvm, in two phases: first everything is read and compared with this machine, then it is
 * changed. What can still go wrong in the second (a device that refuses its record, a disk that
 * can't be switched) comes before RAM is touched, and is undone.
 */
#include <string.h>
#include <unistd.h>

#include "accel/tlb.h"
#include "backend/block.h"
#include "hw/board.h"
#include "softmmu/migrate.h"
#include "softmmu/reverse.h"
#include "softmmu/run.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"

typedef struct Load {
    SnapshotInfo *info;
    Json *manifest;
    RamIndex *index;
    RamLoad *ram;
    MachineRecords *records;
} Load;

static void load_free(Load *l)
{
    ram_load_free(l->ram);
    ram_index_free(l->index);
    machine_records_free(l->records);
    json_free(l->manifest);
    snapshot_info_free(l->info);
}

static bool prepare(Load *l, const char *tag, GError **error)
{
    g_autoptr(GByteArray) text = g_byte_array_new(), state = g_byte_array_new();
    l->info = store_find(tag, error);
    if (!l->info)
        return false;
    const char *dir = l->info->path;
    if (l->info->problem)
        return error_set(error, "%s", l->info->problem);
    if (!store_sums_check(dir, error) || !store_read(dir, SNAP_MANIFEST, text, error))
        return false;
    l->manifest = json_parse((const char *)text->data, text->len, error);
    return l->manifest && machine_matches(l->manifest, error) &&
           (l->index = ram_index_read(dir, error)) && ram_index_matches(l->index, error) &&
           (l->ram = ram_load_prepare(dir, l->index, error)) &&
           store_read(dir, SNAP_STATE, state, error) &&
           (l->records = machine_check(state->data, state->len, error)) &&
           disks_match(json_get(l->manifest, "disks"), l->info->uuid, error);
}

static bool commit(Load *l, const char *const *devices, GError **error)
{
    vm_drain();
    block_drain_all();
    if (!machine_load(l->records, error))
        return false;
    if (!disks_restore(json_get(l->manifest, "disks"), l->info->uuid, devices, error)) {
        machine_loaded();
        return false;
    }
    ram_load_commit(l->ram);
    base_loaded(l->info->path, l->index);
    l->index = NULL;
    for (unsigned i = 0; i < cpu_count; i++)
        tlb_flush_all(cpus[i]);
    machine_loaded();
    return true;
}

/* Names in a damaged snapshot may hold anything; the message is one line of text. */
static void make_line(GError *e)
{
    char *text = g_utf8_make_valid(e->message, -1);
    for (char *p = text; *p; p++)
        if (g_ascii_iscntrl(*p))
            *p = '?';
    g_free(e->message);
    e->message = text;
}

bool snapshot_load(const char *tag, const char *const *devices, GError **error)
{
    Load l = { 0 };
    if (snapshot_saving(NULL, NULL))
        return error_set(error, "a snapshot is being saved; wait until that is done");
    if (!migrate_is_idle(error))
        return false;
    if (!current_machine || !current_machine->board || !cpu_count)
        return error_set(error, "there is no machine to load a snapshot into");
    bool ok = prepare(&l, tag, error) && commit(&l, devices, error);
    if (!ok && l.info)
        g_prefix_error(error, "snapshot '%s' can't be loaded: ", tag);
    if (!ok && error && *error)
        make_line(*error);
    load_free(&l);
    if (ok)
        reverse_restart();
    return ok;
}
