/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots of the whole machine (savevm, loadvm): see docs/snapshots.md.
 *
 * Main thread, main lock held.
 */
#ifndef SOFTMMU_SNAPSHOT_H
#define SOFTMMU_SNAPSHOT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* -snapshots DIR: where they are kept. NULL: beside the first writable disk, or per user. */
void snapshot_set_dir(const char *dir);

typedef struct SnapshotInfo {
    unsigned id;
    char *tag;
    char *path;          /* its folder */
    char *uuid;
    int64_t date_s;      /* since the Unix epoch */
    int64_t vm_clock_ns;
    int64_t icount;      /* -1: not counted */
    uint64_t vm_size;    /* bytes that belong to it alone */
    char *problem;       /* it can't be used, and why; NULL: it can, as far as its manifest tells */
} SnapshotInfo;

/* SnapshotInfo *, oldest first; with its free function. NULL with an error. */
GPtrArray *snapshot_list(GError **error);

/*
 * Takes a snapshot; one with the same tag is replaced. The machine stands still for a moment only;
 * done(opaque, error) comes later, on the main thread (error is NULL if all went well, and stays
 * the caller's of done).
 */
typedef void SnapshotDone(void *opaque, GError *error);
bool snapshot_save(const char *tag, SnapshotDone *done, void *opaque, GError **error);
/* Is one being saved? How far is it? */
bool snapshot_saving(uint64_t *done, uint64_t *total);
/* Waits until nothing is being saved; devices and other monitors go on meanwhile. */
void snapshot_wait(void);

/* The machine must be stopped. If this fails it is as it was. devices: ids of the disks that go
 * back, NULL-terminated; NULL: all. */
bool snapshot_load(const char *tag, const char *const *devices, GError **error);
bool snapshot_delete(const char *tag, GError **error);
bool snapshot_exists(const char *tag);

#endif
