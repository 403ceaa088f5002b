/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disks' part of a snapshot: what each held stays with the disk (backend/block/history.c),
 * under the snapshot's uuid; the manifest names the disks.
 *
 * Disks that can't be written need nothing. What a temporary disk (-snapshot) held is gone with the
 * program, so that such a snapshot is good for this run only.
 */
#include <string.h>

#include "backend/block.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"

struct DiskMarks {
    Json *list;
    GPtrArray *marks; /* BlockMark * */
    const char *uuid, *path;
    GError **error;
    bool failed;
};

/* Unique to this run. */
static const char *session(void)
{
    static char *id;
    if (!id)
        id = g_uuid_string_random();
    return id;
}

static bool is_kept(const BlockBackend *b)
{
    return block_inserted(b) && !block_read_only(b) && strcmp(block_format(b), "null-co");
}

static bool chosen(const BlockBackend *b, const char *const *devices)
{
    for (const char *const *d = devices; d && *d; d++)
        if (block_find(*d) == b)
            return true;
    return !devices;
}

static void mark(BlockBackend *b, void *arg)
{
    DiskMarks *m = arg;
    if (m->failed || !block_inserted(b) || block_is_child(b))
        return;
    bool keep = is_kept(b);
    Json *d = json_object();
    json_set_str(d, "id", block_id(b));
    json_set_str(d, "file", block_filename(b));
    json_set_uint(d, "size", block_size(b));
    json_set_bool(d, "kept", keep);
    if (keep && block_temporary(b))
        json_set_str(d, "session", session());
    json_add(m->list, d);
    if (!keep)
        return;
    BlockMark *k = block_mark_new(b, m->uuid, m->path, m->error);
    m->failed = !k;
    if (k)
        g_ptr_array_add(m->marks, k);
    else
        g_prefix_error(m->error, "disk '%s': ", block_id(b));
}

DiskMarks *disk_marks_new(const char *path, const char *uuid, GError **error)
{
    DiskMarks *m = g_new0(DiskMarks, 1);
    m->list = json_array();
    m->marks = g_ptr_array_new();
    m->uuid = uuid;
    m->path = path;
    m->error = error;
    block_foreach(mark, m);
    if (!m->failed)
        return m;
    disk_marks_free(m, false);
    return NULL;
}

Json *disk_marks_describe(const DiskMarks *m)
{
    return json_copy(m->list);
}

bool disk_marks_sync(DiskMarks *m, GError **error)
{
    for (guint i = 0; i < m->marks->len; i++) {
        int r = block_mark_sync(m->marks->pdata[i]);
        if (r)
            return error_set_errno(error, -r, "a disk can't be brought onto stable storage");
    }
    return true;
}

void disk_marks_free(DiskMarks *m, bool keep)
{
    if (!m)
        return;
    for (guint i = 0; i < m->marks->len; i++)
        block_mark_free(m->marks->pdata[i], keep);
    g_ptr_array_unref(m->marks);
    json_free(m->list);
    g_free(m);
}

static bool disk_matches(const Json *d, const char *uuid, GError **error)
{
    const char *id = json_get_str(d, "id", "");
    const char *from = json_get_str(d, "session", NULL);
    uint64_t size = json_get_uint(d, "size", 0);
    BlockBackend *b = block_find(id);
    if (!b || !block_inserted(b))
        return error_set(error, "it has a disk '%s' ('%s'), and this machine does not; add it", id,
                         json_get_str(d, "file", ""));
    if (block_size(b) != size)
        return error_set(error, "its disk '%s' has %" G_GUINT64_FORMAT " bytes, and here it has %"
                         G_GUINT64_FORMAT, id, size, block_size(b));
    if (!json_get_bool(d, "kept", false))
        return true;
    if (from && strcmp(from, session()))
        return error_set(error, "its disk '%s' was a temporary one (-snapshot), and is gone", id);
    if (block_read_only(b))
        return error_set(error, "its disk '%s' was writable, and here it is read-only", id);
    return block_mark_check(b, uuid, error);
}

typedef struct Extra {
    const Json *list;
    const char *id;
} Extra;

static void find_extra(BlockBackend *b, void *arg)
{
    Extra *e = arg;
    if (e->id || !is_kept(b) || block_is_child(b))
        return;
    for (unsigned i = 0; i < json_len(e->list); i++)
        if (!strcmp(json_get_str(json_at(e->list, i), "id", ""), block_id(b)))
            return;
    e->id = block_id(b);
}

bool disks_match(const Json *list, const char *uuid, GError **error)
{
    Extra extra = { list, NULL };
    for (unsigned i = 0; i < json_len(list); i++)
        if (!disk_matches(json_at(list, i), uuid, error))
            return false;
    block_foreach(find_extra, &extra);
    return !extra.id || error_set(error, "this machine has a writable disk '%s', and the snapshot "
                                  "does not; start without it", extra.id);
}

/* The first n of the list, back to what they were before. */
static void undo(const Json *list, const char *const *devices, unsigned n, const char *before)
{
    for (unsigned i = 0; i < n; i++) {
        BlockBackend *b = block_find(json_get_str(json_at(list, i), "id", ""));
        g_autoptr(GError) why = NULL;
        if (json_get_bool(json_at(list, i), "kept", false) && chosen(b, devices) &&
            !block_mark_restore(b, before, &why))
            error_report("disk '%s' can't be switched back: %s", block_id(b), why->message);
    }
}

bool disks_restore(const Json *list, const char *uuid, const char *const *devices, GError **error)
{
    g_autofree char *before = g_uuid_string_random();
    unsigned n = 0, kept = 0;
    bool ok = true;
    for (unsigned i = 0; i < json_len(list); i++)
        kept += json_get_bool(json_at(list, i), "kept", false);
    DiskMarks *marks = kept > 1 ? disk_marks_new("", before, error) : NULL;
    if (kept > 1 && !marks)
        return false;
    for (; ok && n < json_len(list); n++) {
        BlockBackend *b = block_find(json_get_str(json_at(list, n), "id", ""));
        if (json_get_bool(json_at(list, n), "kept", false) && chosen(b, devices))
            ok = block_mark_restore(b, uuid, error);
    }
    if (!ok)
        undo(list, devices, n - 1, before);
    disk_marks_free(marks, false);
    return ok;
}

static void forget(BlockBackend *b, void *arg)
{
    block_mark_forget(b, arg);
}

void disks_forget(const char *uuid)
{
    block_foreach(forget, (void *)uuid);
}
