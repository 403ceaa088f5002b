/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of backend/block share.
 *
 * The graph: an image is a BlockNode, and has up to two children: `file`, in which its data lies,
 * and `backing`, which answers for what it does not have. Users name nodes; between them may lie
 * layers of our own (driver->layer: what savevm keeps, -snapshot's overlay, a block job's), which
 * have no names. A BlockBackend points at the topmost node of a disk, its root: drives and devices,
 * a node that -blockdev opened, and exports each have one of their own.
 *
 * Who changes the graph (main thread) calls block_quiesce first: then no request is with a worker
 * before the main lock is given up. Pointers may be exchanged until then, and only then. Job
 * threads hold references, and touch only nodes that nobody exchanges while they run.
 */
#ifndef BACKEND_BLOCK_BLOCK_INT_H
#define BACKEND_BLOCK_BLOCK_INT_H

#include "backend/block.h"

enum { BLOCK_SECTOR = 512 };

typedef enum BlockStatus { BLOCK_ABSENT, BLOCK_ZERO, BLOCK_DATA } BlockStatus;

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
    /*
     * What [offset, offset + *run) is, *run being cut to where that changes. NULL: data; of layers,
     * what the node below says.
     */
    int (*status)(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s);
    /* Opens it, and what is below, for writing or for reading only. Quiesced. NULL: as file does. */
    bool (*reopen)(BlockNode *n, bool write, GError **error);
    /*
     * Another program may have worked on the image: takes its locks, and forgets what was read of
     * it. And gives it up. Children are done before their parents. Quiesced. NULL: nothing to do.
     */
    bool (*activate)(BlockNode *n, GError **error);
    void (*inactivate)(BlockNode *n);
    bool layer; /* shows what `file` shows */
} BlockDriver;

/* Drivers' structs begin with one. */
struct BlockNode {
    const BlockDriver *driver;
    int refs;        /* main lock */
    uint64_t size;   /* bytes, a multiple of BLOCK_SECTOR */
    bool read_only;
    BlockNode *file, *backing;
    /* Nodes with a name: */
    char *name, *filename, *full_path;
    const char *format;
    const char *job; /* "commit": what kind of job has it; NULL: none */
    BlockNode *next; /* the next with a name, latest first */
};

typedef enum BlockErrorAction {
    BLOCK_ERROR_REPORT, BLOCK_ERROR_IGNORE, BLOCK_ERROR_ENOSPC, BLOCK_ERROR_STOP,
} BlockErrorAction;

typedef enum DetectZeroes { DETECT_ZEROES_OFF, DETECT_ZEROES_ON, DETECT_ZEROES_UNMAP } DetectZeroes;

struct BlockBackend {
    BlockBackend *next;
    char *id;        /* of -drive, or NULL */
    char *serial;
    BlockNode *node; /* its root; NULL: no medium */
    bool is_drive;
    bool monitored;  /* the node is -blockdev's, until blockdev-del */
    bool hidden;     /* of an export: nobody's drive */
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
    const BlockTray *tray;
    void *tray_opaque;
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
/* As a new file of that length. */
bool block_file_create(const char *filename, uint64_t size, GError **error);
/* The name of the format whose magic the first bytes are, or NULL: raw. */
const char *block_probe_format(const void *head, size_t len);
/* Makes a file writable, or read-only again; *denied (if wanted): no permission. Quiesced. */
bool block_file_reopen(BlockNode *n, bool write, bool *denied, GError **error);
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
/*
 * Takes over the reference to file, also where it fails. depth: of it in a chain. backing NULL: as
 * the image says; else *backing is the node, or NULL for none. The node has no name yet.
 */
BlockNode *block_qcow2_open(BlockNode *file, const char *filename, unsigned depth,
                            BlockNode *const *backing, GError **error);
bool block_node_is_qcow2(const BlockNode *n);
const char *block_qcow2_backing(const BlockNode *n); /* name of its backing file, or NULL */
const char *block_qcow2_backing_format(const BlockNode *n);
uint64_t block_qcow2_cluster(const BlockNode *n); /* 0: of another format */
/* What the image says its backing file is; name NULL: it has none. One write of the header. */
int block_qcow2_set_backing_name(BlockNode *n, const char *name, const char *format);
/*
 * Gives [offset, offset + len) a place in the image, with what the backing file has there, where the
 * image has nothing and a layer above `base` does. Guests may write meanwhile.
 */
int block_qcow2_copy_up(BlockNode *n, BlockNode *base, uint64_t offset, uint64_t len);
/* No cluster has a place in it any more: all is read from below. Quiesced. */
int block_qcow2_empty(BlockNode *n);
void block_qcow2_features(const BlockNode *n, BlockNodeInfo *i);
/* A new, empty image. backing may be NULL. */
typedef struct Qcow2Create {
    uint64_t size, cluster_size; /* 0: 64 KiB */
    const char *backing, *backing_format;
} Qcow2Create;
bool block_qcow2_create(const char *filename, const Qcow2Create *how, GError **error);

/* ---- raw.c ---- */
/* An image without a format over a node; takes over the reference. */
BlockNode *block_raw_open(BlockNode *file);

/* ---- overlay.c ---- */
/* Takes over the reference to base. */
BlockNode *block_overlay_open(BlockNode *base, GError **error);
bool block_node_is_overlay(const BlockNode *n);
/* Writes what the overlay holds to its base, and empties the overlay. */
int block_overlay_commit(BlockNode *n);

/* ---- history.c ---- */
/* Puts the layer over a node whose image has snapshots. */
bool block_history_attach(BlockBackend *b, GError **error);
bool block_node_is_history(const BlockNode *n);
void block_history_settle(BlockNode *n);
/* Takes the layer away, where it keeps nothing; false: the disk has snapshots. Quiesced. */
bool block_history_detach(BlockBackend *b, GError **error);
/* Takes it away whatever it keeps: whoever opens the image next goes on with it. Quiesced. */
void block_history_give_up(BlockBackend *b);
/* False with a reason: the file has snapshots, which need it as it is. */
bool block_history_none(const BlockNode *image, GError **error);

/* ---- journal.c ---- */
/* Before [offset, offset + len) is overwritten; any thread. 0 or -errno. */
int block_journal_note(BlockBackend *b, uint64_t offset, uint64_t len);

/* ---- graph.c ---- */
/* Who the users know it as; name NULL: made up ("#block12"). */
void block_node_register(BlockNode *n, const char *name, const char *filename, const char *format);
BlockNode *block_node_ref(BlockNode *n);  /* NULL is fine */
void block_node_unref(BlockNode *n);
/* The named node that n, which may be a layer over it, shows. */
BlockNode *block_node_image(BlockNode *n);
bool block_node_has_parent(const BlockNode *n);
/* Is it n, or below n? */
bool block_node_in_chain(BlockNode *n, const BlockNode *below);
/* The image in n's chain with this file name, as QEMU finds it; or the name of a node. */
BlockNode *block_chain_find(BlockNode *n, const char *filename);
unsigned block_chain_depth(const BlockNode *n);
/* As BlockDriver.status, of one node; and of n and what is below as far as `base` (exclusive). */
int block_node_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s);
int block_chain_status(BlockNode *n, const BlockNode *base, uint64_t offset, uint64_t *run,
                       BlockStatus *s);
int block_node_read(BlockNode *n, uint64_t offset, void *buf, uint64_t len);
int block_node_write(BlockNode *n, uint64_t offset, const void *buf, uint64_t len);
bool block_node_reopen(BlockNode *n, bool write, GError **error);
/*
 * All disks and exports whose root is `from` get `to`; so does the -blockdev list where only a layer
 * comes or goes. Quiesced.
 */
void block_roots_replace(BlockNode *from, BlockNode *to);
/* What the backend shows from now on; monitor references stay with their nodes. Quiesced. */
void block_backend_switch(BlockBackend *b, BlockNode *to);
/* The same for all disks and exports whose root is `from`. */
void block_users_switch(BlockNode *from, BlockNode *to);
/* "Node 'x' is busy: ..." */
bool block_node_idle(const BlockNode *n, const char *called, GError **error);

/* ---- activate.c ---- */
/* Images belong to another program for now: they are open without locks, and are not written. */
extern bool block_inactive;
/* False with a reason while it is so. */
bool block_is_here(GError **error);

/* ---- block.c ---- */
BlockBackend *block_backend_new(const char *id, GError **error);
bool block_name_free(const char *name, GError **error);
void block_backend_discard(BlockBackend *b); /* one that was never handed out */
BlockBackend *block_backend_next(BlockBackend *b); /* NULL: the first; hidden ones, too */
BlockNode *block_image(const BlockBackend *b); /* NULL: no medium */
/* Before something writes to it: opens it for writing if that was put off and is allowed. */
bool block_make_writable(BlockBackend *b, GError **error);
extern bool block_snapshot_default;
const char *block_interface(const BlockBackend *b);

/* ---- backend/nbd/client.c ---- */
typedef struct BlockNbd {
    char *host, *port, *path, *export; /* path: of a Unix socket, instead of host and port */
} BlockNbd;
/* "nbd:..." and "nbd+unix:...", as file= has them. */
bool block_nbd_parse(BlockNbd *a, const char *text, GError **error);
void block_nbd_clear(BlockNbd *a);
BlockNode *block_nbd_open(const BlockNbd *a, bool read_only, GError **error);

/* ---- snapshot.c ---- */
/* A new image file; backing may be NULL. */
bool block_image_create(const char *filename, const char *format, uint64_t size,
                        uint64_t cluster_size, BlockNode *backing, GError **error);
/* What the header of an image in the file `overlay` calls its backing file. */
char *block_name_from(const BlockNode *base, const char *overlay);

/* ---- options.c ---- */
/* An image as jobs and snapshots open it, named. backing as of block_qcow2_open. */
BlockNode *block_image_open(const char *filename, const char *format, const char *node_name,
                            bool write, BlockNode *const *backing, GError **error);

/* The medium of a backend that has none: read_only as that says. format NULL: guessed. */
bool block_open_medium(BlockBackend *b, const char *filename, const char *format, GError **error);

/* ---- queue.c ---- */
/* Runs one operation on the calling thread, as a worker would; all checks made. */
int block_run(BlockBackend *b, BlockOp op, uint64_t offset, const struct iovec *iov, int n_iov,
              uint64_t len);

#endif
