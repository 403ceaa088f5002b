/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of backend/block share. */
#ifndef BACKEND_BLOCK_BLOCK_INT_H
#define BACKEND_BLOCK_BLOCK_INT_H

#include "backend/block.h"

enum { BLOCK_SECTOR = 512 };

typedef struct BlockNode BlockNode;

/*
 * A driver moves bytes, synchronously, on any thread and on several at once. The caller has
 * checked offset and len against the size. Returns 0 or -errno.
 */
typedef struct BlockDriver {
    const char *name;
    /* iov holds exactly len bytes. */
    int (*readv)(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov, uint64_t len);
    int (*writev)(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                  uint64_t len);
    int (*flush)(BlockNode *n);
    int (*discard)(BlockNode *n, uint64_t offset, uint64_t len);
    int (*write_zeroes)(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap);
    int (*resize)(BlockNode *n, uint64_t size);
    /*
     * Does the transfer only if that takes no longer than copying; -EAGAIN if a worker has to do
     * it. NULL: always a worker.
     */
    int (*try_rw)(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov, int n_iov,
                  uint64_t len);
    void (*close)(BlockNode *n);
} BlockDriver;

/* Drivers' structs begin with one. */
struct BlockNode {
    const BlockDriver *driver;
    int refs;
    uint64_t size;  /* bytes, a multiple of BLOCK_SECTOR */
    bool read_only;
};

typedef enum BlockErrorAction {
    BLOCK_ERROR_REPORT, BLOCK_ERROR_IGNORE, BLOCK_ERROR_ENOSPC, BLOCK_ERROR_STOP,
} BlockErrorAction;

typedef enum DetectZeroes { DETECT_ZEROES_OFF, DETECT_ZEROES_ON, DETECT_ZEROES_UNMAP } DetectZeroes;

struct BlockBackend {
    BlockBackend *next;
    char *id;        /* of -drive, or NULL */
    char *node_name; /* given, or made up ("#block1") */
    char *filename;
    char *full_path; /* of it, as of the first time that somebody asked */
    const char *format;
    char *serial;
    BlockNode *node; /* NULL: no medium */
    bool is_drive;
    char *interface; /* drives: as given, or NULL for the board's default */
    int unit;        /* -1: in order */
    bool cdrom;
    bool read_only;
    bool writable_later; /* auto-read-only: opened read-only until somebody wants to write */
    bool write_cache;
    bool no_flush;   /* cache=unsafe */
    bool direct;     /* shown only: the host's page cache is used all the same */
    bool discard;
    bool probed;     /* raw was a guess: no other format's header may be written to sector 0 */
    DetectZeroes detect_zeroes;
    BlockErrorAction read_error, write_error;
    char *owner;     /* the device that claimed it, or NULL */
    bool used_as_child; /* another -blockdev lies on top */
    BlockBackend *below; /* that this one lies on; NULL: none */
    void (*resized)(void *opaque);
    void *resized_opaque;
    GHashTable *journal;  /* journal.c: piece -> what it held; NULL: nothing yet */
    unsigned in_flight;   /* main lock */
    unsigned completing;  /* main lock: of these, done() is about to be called */
    BlockStats stats;     /* main lock */
};

/* What -drive and -blockdev say about a file. */
typedef struct BlockOpen {
    const char *filename;
    bool read_only;
    bool auto_read_only; /* open read-only where writing is not allowed */
    bool share_rw;       /* others may write the image too (locking=off, force-share=on) */
    uint64_t offset;     /* the image starts here in the file */
    uint64_t size;       /* 0: to the end */
} BlockOpen;

/* ---- file.c ---- */
BlockNode *block_file_open(const BlockOpen *how, GError **error);
bool block_node_is_file(const BlockNode *n);
/* The name of the format whose magic the first bytes are, or NULL: raw. */
const char *block_probe_format(const void *head, size_t len);
/* Makes a file that was opened read-only writable; *denied (if wanted): no permission. */
bool block_file_reopen_rw(BlockNode *n, const char *filename, bool *denied, GError **error);
/* Walks a vector that may be longer than the host takes at once, or partly done. */
int block_fd_rw(int fd, bool write, uint64_t offset, const struct iovec *iov, int n_iov,
                uint64_t len);

/*
 * Whether the submitting thread may do transfers itself: reads where the host has the data, and
 * writes unless they had to wait lately. All under the main lock.
 */
typedef struct InlineGate {
    bool no_nowait;
    unsigned pause, slow, quick; /* writes: still to refuse; that were slow; quick ones since */
} InlineGate;
/* As BlockDriver.try_rw. */
int block_fd_try_rw(int fd, InlineGate *g, bool write, uint64_t offset, const struct iovec *iov,
                    int n_iov, uint64_t len);

/* ---- null.c ---- */
BlockNode *block_null_open(uint64_t size, bool read_zeroes);

/* ---- qcow2.c ---- */
/* Takes over the reference to file, also where it fails. depth: of it in a chain. */
BlockNode *block_qcow2_open(BlockNode *file, const char *filename, unsigned depth, GError **error);
bool block_node_is_qcow2(const BlockNode *n);
const char *block_qcow2_backing(const BlockNode *n); /* name of its backing file, or NULL */

/* ---- overlay.c ---- */
/* Takes over the reference to base. */
BlockNode *block_overlay_open(BlockNode *base, GError **error);
bool block_node_is_overlay(const BlockNode *n);
BlockNode *block_overlay_base(BlockNode *n);
/* Writes what the overlay holds to its base, and empties the overlay. */
int block_overlay_commit(BlockNode *n);

/* ---- history.c ---- */
/* Puts the layer over a node whose image has snapshots. */
bool block_history_attach(BlockBackend *b, GError **error);
bool block_node_is_history(const BlockNode *n);
BlockNode *block_history_base(BlockNode *n); /* n itself, where there is no layer */
void block_history_settle(BlockNode *n);

/* ---- journal.c ---- */
/* Before [offset, offset + len) is overwritten; any thread. 0 or -errno. */
int block_journal_note(BlockBackend *b, uint64_t offset, uint64_t len);

/* ---- block.c ---- */
BlockBackend *block_backend_new(const char *id, const char *node_name, GError **error);
void block_backend_discard(BlockBackend *b); /* one that was never handed out */
/* Before something writes to it: opens it for writing if that was put off and is allowed. */
bool block_make_writable(BlockBackend *b, GError **error);
void block_node_unref(BlockNode *n);
extern bool block_snapshot_default;
const char *block_interface(const BlockBackend *b);

/* ---- queue.c ---- */
/* Runs one operation on the calling thread, as a worker would; all checks made. */
int block_run(BlockBackend *b, BlockOp op, uint64_t offset, const struct iovec *iov, int n_iov,
              uint64_t len);

#endif
