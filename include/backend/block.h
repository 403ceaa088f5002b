/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block backends: -drive, -blockdev. Requests are asynchronous: submitted on the main thread (or
 * by a device under the main lock), carried out by worker threads, completed on the main thread
 * under the main lock.
 */
#ifndef BACKEND_BLOCK_H
#define BACKEND_BLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/json.h"

typedef struct BlockBackend BlockBackend;

typedef enum BlockOp {
    BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES
} BlockOp;

/* -drive text ("file=x,format=raw,if=none,id=hd0"); *interface gets if= ("none", "virtio", ...). */
BlockBackend *drive_new(const char *opts, char **interface, GError **error);
/* -blockdev text or JSON ("driver=raw,node-name=n0,file.driver=file,file.filename=x"). */
BlockBackend *blockdev_new(const char *opts, GError **error);
/* The same from blockdev-add's arguments. */
BlockBackend *blockdev_new_from_json(const Json *args, GError **error);
BlockBackend *block_find(const char *id_or_node);
/* The drive with if=<interface> at that unit (index=N or unit=N; else in order), or NULL. */
BlockBackend *drive_get(const char *interface, unsigned unit);
void block_foreach(void (*fn)(BlockBackend *b, void *arg), void *arg);
void block_free(BlockBackend *b);
/* Drains, flushes and frees everything. (A clean exit drains and flushes by itself.) */
void block_close_all(void);

const char *block_id(const BlockBackend *b);
const char *block_node_name(const BlockBackend *b);
bool block_is_drive(const BlockBackend *b);      /* of -drive, not -blockdev */
bool block_is_cdrom(const BlockBackend *b);
const char *block_filename(const BlockBackend *b);
const char *block_full_path(BlockBackend *b);
const char *block_format(const BlockBackend *b);
uint64_t block_size(const BlockBackend *b);      /* bytes */
bool block_read_only(const BlockBackend *b);
bool block_inserted(const BlockBackend *b);      /* false: a drive without a medium */
bool block_discard_enabled(const BlockBackend *b);
bool block_is_child(const BlockBackend *b);      /* another -blockdev lies on top */
bool block_is_monitored(const BlockBackend *b);  /* its node is -blockdev's */
bool block_is_busy(const BlockBackend *b);       /* a job or an export has it */
bool block_temporary(const BlockBackend *b);     /* writes go to an overlay that nobody keeps */
const char *block_serial(const BlockBackend *b); /* serial=, or NULL */
/* Write-back cache: while off, a write is on stable storage before it completes. */
bool block_write_cache(const BlockBackend *b);
void block_set_write_cache(BlockBackend *b, bool on);
/* "report", "ignore", "stop", and for writes "enospc"; NULL: as it is. False: no such word. */
bool block_set_error_actions(BlockBackend *b, const char *on_read, const char *on_write);
/* Grows or shrinks (block_resize); the owner's listener is told. NULL takes the listener away. */
bool block_resize(BlockBackend *b, uint64_t size, GError **error);
void block_set_resize_listener(BlockBackend *b, void (*fn)(void *opaque), void *opaque);
/* One device per drive. */
bool block_claim(BlockBackend *b, const char *owner, GError **error);
void block_release(BlockBackend *b);
const char *block_owner(const BlockBackend *b); /* the device that claimed it, or NULL */

/*
 * Submits; done(opaque, ret) with ret 0 or -errno comes later, never from within the call.
 * iov and what it points at must live until then. Ranges beyond the end give -EIO.
 */
void block_submit(BlockBackend *b, BlockOp op, uint64_t offset, const struct iovec *iov, int n_iov,
                  uint64_t len, void (*done)(void *opaque, int ret), void *opaque);
/*
 * Between these, requests may be held back so that a burst costs one wake-up, and what the host
 * has in its cache may complete at once: block_batch_end calls done() for those. May nest.
 */
void block_batch_begin(void);
void block_batch_end(void);
/* Within done(): more calls of it for this backend follow at once (interrupt after the last). */
bool block_completions_left(const BlockBackend *b);
/* Waits until nothing is in flight for it. */
void block_drain(BlockBackend *b);
/*
 * Waits until no request is under way; what waits for `cont` after an error goes on doing so. The
 * disks stand still until the main lock is given up.
 */
void block_quiesce(void);
/* Waits until nothing is in flight (snapshot, exit). */
void block_drain_all(void);
/* Synchronous, for firmware images and boot code before the machine runs. */
int block_read_sync(BlockBackend *b, uint64_t offset, void *buf, uint64_t len);
int block_write_sync(BlockBackend *b, uint64_t offset, const void *buf, uint64_t len);
/* Within a batch requests are done at once from now on: the same run takes the same time. */
void block_set_synchronous(void);
/* -snapshot: writes go to a temporary overlay; `commit` writes them back. */
void block_set_snapshot_default(bool on);
/*
 * Media that can be changed (backend/block/medium.c). A device with a tray says what it is like;
 * a drive that no device has can be filled and emptied at will.
 */
typedef struct BlockTray {
    bool (*is_open)(void *opaque);
    bool (*is_locked)(void *opaque);
    void (*eject_requested)(void *opaque, bool force);
    void (*moved)(void *opaque, bool load); /* by the host; load: closed */
    bool read_only; /* the device never writes */
} BlockTray;
void block_set_tray(BlockBackend *b, const BlockTray *t, void *opaque);
bool block_has_tray(const BlockBackend *b);
bool block_removable(const BlockBackend *b);
bool block_tray_open(const BlockBackend *b);
bool block_tray_locked(const BlockBackend *b);
/* The device says that the guest opened or closed it. */
void block_tray_moved(BlockBackend *b, bool open);
void block_set_tray_listener(void (*fn)(BlockBackend *b, bool open));
/* A drive without name and medium, for a device whose user gave none; block_release frees it. */
BlockBackend *block_new_empty(void);
/* The words of their errors are QEMU's; `name` is what the user called the drive. */
typedef enum BlockEject { BLOCK_EJECT_FAILED, BLOCK_EJECT_LOCKED, BLOCK_EJECT_OPEN } BlockEject;
BlockEject block_open_tray(BlockBackend *b, const char *name, bool force, GError **error);
bool block_close_tray(BlockBackend *b, const char *name, GError **error);
bool block_remove_medium(BlockBackend *b, const char *name, GError **error);
bool block_insert_medium(BlockBackend *b, const char *name, const char *node, GError **error);
/* format NULL: guessed; read_only: 0, 1, or -1 as it was. */
bool block_change_medium(BlockBackend *b, const char *name, const char *filename,
                         const char *format, int read_only, bool force, GError **error);

/* NULL: all drives that have an overlay. */
bool block_commit(BlockBackend *b, GError **error); /* and of qcow2 images into what is below */

/*
 * What a disk holds now, kept for a snapshot (backend/block/history.c). Drained, main lock; writes
 * go on at once. The snapshot will be in the folder `path`, or no more: then the next start of a
 * program with this disk frees it.
 */
typedef struct BlockMark BlockMark;
BlockMark *block_mark_new(BlockBackend *b, const char *uuid, const char *path, GError **error);
int block_mark_sync(BlockMark *m); /* onto stable storage; any thread */
/* Frees the handle, and with !keep_it what was kept as well. */
void block_mark_free(BlockMark *m, bool keep_it);
/* Is it there, and good? */
bool block_mark_check(BlockBackend *b, const char *uuid, GError **error);
/* The disk holds what it held then, from now on. If this fails nothing changed. */
bool block_mark_restore(BlockBackend *b, const char *uuid, GError **error);
void block_mark_forget(BlockBackend *b, const char *uuid);

/*
 * For checkpoints in memory: from block_journal_start on, what writable disks held is kept when they
 * are written. Drained, main lock.
 */
void block_journal_start(void);
/* All pieces that were written since then, or since the last of these, with both contents; NULL: none. */
typedef struct BlockChanges BlockChanges;
BlockChanges *block_journal_take(void);
void block_journal_undo(void); /* what was written since */
void block_changes_apply(const BlockChanges *c, bool forward);
void block_changes_free(BlockChanges *c); /* NULL is fine */
uint64_t block_changes_bytes(const BlockChanges *c);

/*
 * Images that another program works on until a migration is over. Main lock; drained.
 *
 * After block_begin_inactive drives are opened without locks and never written. Activation opens all
 * anew, with locks, so that nothing read before counts; if one can't be opened, all are as before.
 * Inactivation gives them up again (flush before: block_flush_all); what devices see stays.
 */
void block_begin_inactive(void);
bool block_is_inactive(void);
bool block_activate_all(GError **error);
bool block_inactivate_all(GError **error);
/* Everything that was written to stable storage, by workers; done(opaque, ret) comes later. */
void block_flush_all(void (*done)(void *opaque, int ret), void *opaque);

/* What a disk was asked for since the program's start, as `info blockstats` counts. Main lock. */
typedef enum BlockStatKind {
    BLOCK_STAT_READ, BLOCK_STAT_WRITE, BLOCK_STAT_FLUSH, BLOCK_STAT_UNMAP, BLOCK_STAT_KINDS
} BlockStatKind;
typedef struct BlockStats {
    struct {
        uint64_t operations, bytes, failed, invalid; /* invalid: beyond the end, or not allowed */
        uint64_t ns;
    } of[BLOCK_STAT_KINDS];
    uint64_t highest_write; /* the byte behind the last one that was ever written */
    int64_t last_us;        /* when the last one was done, of g_get_monotonic_time; 0: none was */
} BlockStats;
const BlockStats *block_stats(const BlockBackend *b);

/* What a machine's print-outs need: `info block`, query-block. */
void block_print(GString *out, char *(*name_of)(const char *owner));
void block_print_nodes(GString *out);

/* The images that are open, each a node with a name; files below them are nodes as well. */
typedef struct BlockNode BlockNode;
typedef struct BlockNodeInfo {
    const char *name, *filename, *format;
    const char *backing_name, *backing_format; /* as the image says; NULL: nothing */
    BlockNode *backing;
    uint64_t size, cluster; /* cluster 0: no qcow2 image */
    int64_t actual_size;    /* -1: not known */
    unsigned depth;         /* images below it */
    bool read_only, write_cache, direct, no_flush;
    bool lazy_refcounts, corrupt, v2;
    unsigned detect_zeroes, refcount_bits;
} BlockNodeInfo;
BlockNode *block_node_next(BlockNode *n);  /* NULL: the first */
BlockNode *block_node_find(const char *name);
BlockNode *block_root_image(const BlockBackend *b); /* that a drive shows; NULL: no medium */
void block_node_info(BlockNode *n, BlockNodeInfo *i);

/*
 * A disk or node for others to use (backend/nbd): a backend of its own at the same root, so that
 * jobs see its writes. *writable: wanted, and whether it is; if_can: less is no error.
 */
BlockBackend *block_export_new(const char *device, bool *writable, bool if_can, GError **error);
/* Cuts *run to what is alike from offset on. */
bool block_reads_as_zeros(BlockBackend *b, uint64_t offset, uint64_t *run);

/*
 * New images that are started from what disks hold now ("external snapshots"). Nothing is changed
 * before all that can fail is done: prepare all, then commit or abort each. Files made stay.
 */
typedef struct BlockSnapshot BlockSnapshot;
typedef struct BlockSnapshotArgs {
    const char *device, *node;         /* the disk, by either */
    const char *file, *format;         /* of the new image */
    const char *node_name;             /* of the new image, or NULL */
    bool existing;                     /* the file is there already */
    const char *overlay;               /* instead: a node that is open already */
} BlockSnapshotArgs;
BlockSnapshot *block_snapshot_prepare(const BlockSnapshotArgs *a, GError **error);
void block_snapshot_commit(BlockSnapshot *s);
void block_snapshot_abort(BlockSnapshot *s);
/* Makes the image of that node say that its backing file is another one. */
bool block_change_backing_file(BlockBackend *b, const char *node, const char *file, GError **error);

#endif
