/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks' part of a snapshot. */
#include "backend/block.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"

struct DiskMarks {
    Json *list;
};

static void find_writable(BlockBackend *b, void *arg)
{
    const char **id = arg;
    if (!*id && block_inserted(b) && !block_read_only(b))
        *id = block_id(b);
}

bool disks_check(GError **error)
{
    const char *id = NULL;
    block_foreach(find_writable, &id);
    return !id || error_set(error, "disk '%s' is writable, and this version does not keep disks "
                            "yet; add readonly=on", id);
}

static void describe(BlockBackend *b, void *arg)
{
    if (!block_inserted(b))
        return;
    Json *d = json_object();
    json_set_str(d, "id", block_id(b));
    json_set_str(d, "file", block_filename(b));
    json_set_uint(d, "size", block_size(b));
    json_set_bool(d, "read-only", block_read_only(b));
    json_add(arg, d);
}

DiskMarks *disk_marks_new(const char *path, const char *uuid, const char *const *devices,
                          GError **error)
{
    DiskMarks *m = g_new0(DiskMarks, 1);
    m->list = json_array();
    block_foreach(describe, m->list);
    return m;
}

Json *disk_marks_describe(const DiskMarks *m)
{
    return json_copy(m->list);
}

bool disk_marks_sync(DiskMarks *m, GError **error)
{
    return true;
}

void disk_marks_drop(DiskMarks *m)
{
}

void disk_marks_free(DiskMarks *m)
{
    if (m)
        json_free(m->list);
    g_free(m);
}

bool disks_match(const Json *list, GError **error)
{
    for (unsigned i = 0; i < json_len(list); i++) {
        const char *id = json_get_str(json_at(list, i), "id", "");
        uint64_t size = json_get_uint(json_at(list, i), "size", 0);
        const BlockBackend *b = block_find(id);
        if (!b || !block_inserted(b))
            return error_set(error, "it has a disk '%s' (%s), and this machine does not", id,
                             json_get_str(json_at(list, i), "file", ""));
        if (block_size(b) != size)
            return error_set(error, "its disk '%s' has %" G_GUINT64_FORMAT " bytes, and here it "
                             "has %" G_GUINT64_FORMAT, id, size, block_size(b));
    }
    return true;
}

bool disks_restore(const Json *list, const char *uuid, const char *const *devices, GError **error)
{
    return true;
}

void disks_forget(const char *uuid)
{
}
