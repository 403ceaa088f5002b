/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this folder share. The format is told in docs/snapshots.md. */
#ifndef SOFTMMU_SNAPSHOT_INT_H
#define SOFTMMU_SNAPSHOT_INT_H

#include "softmmu/memory.h"
#include "softmmu/snapshot.h"
#include "util/json.h"

enum { SNAPSHOT_FORMAT = 1 };

#define SNAP_MANIFEST "manifest.json"
#define SNAP_STATE "state.bin"
#define SNAP_RAM_INDEX "ram.index"
#define SNAP_SUMS "SHA256SUMS"

/* ---- store.c: the folder with all snapshots ---- */
/* Its path; with `create` it is there afterwards. */
char *store_dir(bool create, GError **error);
/* Held while something in the folder is changed: the descriptor, or -1. */
int store_lock(const char *dir, GError **error);
/* Removes what killed programs left. Lock held. */
void store_clean(const char *dir);
GPtrArray *store_list(const char *dir, GError **error);
/* The newest with that tag, or NULL with an error. */
SnapshotInfo *store_find(const char *tag, GError **error);
void snapshot_info_free(SnapshotInfo *i);
/* Moves the finished folder `from` to its place; an older one with the tag goes. Lock held. */
bool store_publish(const char *dir, const char *from, unsigned id, const char *tag,
                   GError **error);
unsigned store_next_id(const char *dir);
/* Takes the folder of a snapshot away at once, then frees its space. */
bool store_remove(const char *dir, const char *path, GError **error);
void store_remove_tree(const char *path);
/* Writes a file and syncs it. */
bool store_write(const char *dir, const char *name, const void *data, size_t len, GError **error);
bool store_read(const char *dir, const char *name, GByteArray *out, GError **error);
bool store_sync_dir(const char *dir, GError **error);
/* SHA256SUMS of the folder: written, checked. */
bool store_sums_write(const char *dir, GError **error);
bool store_sums_check(const char *dir, GError **error);
char *store_escape(const char *tag);

/* ---- state.c: CPUs, devices, clocks ---- */
/* Appends the records of the machine, which stands still. */
void machine_save(GByteArray *out);
typedef struct MachineRecords MachineRecords;
/* All checks that need no change. */
MachineRecords *machine_check(const uint8_t *data, size_t len, GError **error);
/* Loads the members; if a device refuses, all is as before. `r` may be loaded again. */
bool machine_load(const MachineRecords *r, GError **error);
/* The second step, when RAM is there as well. */
void machine_loaded(void);
void machine_records_free(MachineRecords *r);
/* What must be the same to load it: into the manifest, and compared with this machine. */
void machine_describe(Json *manifest);
bool machine_matches(const Json *manifest, GError **error);

/* ---- ram.c: what a snapshot's RAM consists of ---- */
/*
 * RAM is one sequence of pages, block after block; a run of them is zeros or lies, at the same
 * place, in one of the snapshot's files.
 */
typedef struct RamRun {
    uint32_t page, count; /* page: in the block */
    uint32_t source;      /* 0: zeros; n: file n - 1 */
} RamRun;

typedef struct RamIndexBlock {
    char *name;
    uint64_t size;
    uint64_t offset;      /* of the block in all files */
    RamRun *runs;
    uint32_t n_runs;
} RamIndexBlock;

typedef struct RamIndex {
    unsigned n_files, n_blocks;
    char (*files)[64];    /* names */
    RamIndexBlock *blocks;
    uint64_t file_size;   /* of each file */
    void *data;           /* the block's runs point into it */
} RamIndex;

enum { RAM_FILE_HEAD = RAM_PAGE_SIZE, RAM_FILES_MAX = 12, RAM_RUNS_MAX = 12000 };

RamIndex *ram_index_read(const char *dir, GError **error);
void ram_index_free(RamIndex *x);
/* Does this machine have the same blocks? */
bool ram_index_matches(const RamIndex *x, GError **error);

/* ---- ram_save.c ---- */
/* What is to be written, by whom it is done and from which snapshot it may borrow. */
typedef struct RamPlan RamPlan;
/* base, dirty: NULL: everything is to be written. */
RamPlan *ram_plan_new(const char *dir, const RamIndex *base, const RamDirtyLog *dirty,
                      GError **error);
void ram_plan_free(RamPlan *p);
/*
 * Writes file and index. Uses nothing but system calls and the plan: it runs in a forked child
 * that has RAM as it was at the fork. Returns 0 or an errno.
 */
int ram_plan_write(RamPlan *p, int progress_fd);
/* Files that all who share them may change: to be written before the machine goes on. */
bool ram_plan_needs_pause(void);
uint64_t ram_plan_total(const RamPlan *p);

/* ---- ram_load.c ---- */
typedef struct RamLoad RamLoad;
/* Opens and checks the files; x must outlive it. */
RamLoad *ram_load_prepare(const char *dir, const RamIndex *x, GError **error);
/* Puts the contents in place of those of the machine, which stands still. */
void ram_load_commit(RamLoad *l);
void ram_load_free(RamLoad *l);

/* For close_range around them. */
void ram_plan_fds(const RamPlan *p, int *file, int *index);

/* ---- disks.c ---- */
typedef struct DiskMarks DiskMarks;
/* From now on what the disks hold is kept for the snapshot that will be at `path`. */
DiskMarks *disk_marks_new(const char *path, const char *uuid, GError **error);
Json *disk_marks_describe(const DiskMarks *m);
bool disk_marks_sync(DiskMarks *m, GError **error); /* any thread: onto stable storage */
void disk_marks_free(DiskMarks *m, bool keep);      /* !keep: there will be no such snapshot */
/* Are the disks of a manifest this machine's? */
bool disks_match(const Json *list, const char *uuid, GError **error);
/* Switches them back to what they held; if one can't, all are as before. */
bool disks_restore(const Json *list, const char *uuid, const char *const *devices, GError **error);
void disks_forget(const char *uuid);

/* ---- base.c: which snapshot RAM came from, and what was written since ---- */
const RamIndex *base_index(void);      /* NULL: none */
const char *base_dir(void);
const RamDirtyLog *base_dirty(void);
/* RAM is that of the snapshot at dir, whose index goes to the base. */
void base_loaded(const char *dir, RamIndex *x);
/* RAM as it is now is being saved; and was: x NULL, it failed. */
void base_saving(void);
void base_saved(const char *dir, RamIndex *x);

#endif
