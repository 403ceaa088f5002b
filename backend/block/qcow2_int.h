/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the qcow2 driver: see qcow2.c. */
#ifndef BACKEND_BLOCK_QCOW2_INT_H
#define BACKEND_BLOCK_QCOW2_INT_H

#include "backend/block/block_int.h"

/* Entries of L1 and L2 tables ("Cluster mapping"). */
#define QCOW_COPIED (1ULL << 63)      /* nobody else uses the cluster */
#define QCOW_COMPRESSED (1ULL << 62)
#define QCOW_ZERO 1ULL                /* version 3: reads as zeros */
#define QCOW_OFFSET 0x00fffffffffffe00ULL

typedef struct QcowNode {
    BlockNode node;
    char *backing_name;       /* as the image says, or NULL */
    char *backing_format;
    unsigned version, cluster_bits, l2_bits, refcount_order;
    uint64_t cluster;         /* bytes */
    /*
     * Readers, and writers of clusters that are there and the image's alone, hold it shared; who
     * changes the mapping holds it alone.
     */
    GRWLock lock;
    uint64_t l1_offset;
    uint32_t l1_size;         /* entries, in the file; at least n_l1 */
    uint32_t n_l1;            /* that the disk's size needs */
    uint64_t *l1;             /* host byte order */
    GHashTable *l2;           /* L1 index -> uint64_t[], host byte order; under l2_lock */
    GMutex l2_lock;
    /* Allocation (qcow2_alloc.c). Lock held alone. */
    uint64_t refcount_offset, n_refcount; /* of the table; entries */
    uint64_t *refcounts;      /* offsets of blocks, host byte order */
    GHashTable *blocks;       /* table index -> the block, as in the file */
    uint64_t free_at;         /* clusters from here on are probably free */
    GArray *freed;            /* uint64_t: single clusters before that */
    bool has_snapshots;       /* of the format's own kind */
    bool lazy_refcounts;
    bool unclean;             /* it says that it was not closed, or is corrupt */
} QcowNode;

/* Reads or writes the file; what is behind its end reads as zeros. */
int qcow2_pread(QcowNode *q, uint64_t at, void *buf, uint64_t len);
int qcow2_pwrite(QcowNode *q, uint64_t at, const void *buf, uint64_t len);
/* The L2 table for a guest cluster, loaded; *table NULL: there is none. */
int qcow2_l2(QcowNode *q, uint64_t guest, uint64_t **table);

/* An entry of an L2 table, of the cluster at a guest offset. */
typedef enum QcowKind { QCOW_ABSENT, QCOW_ZEROS, QCOW_DATA, QCOW_DEFLATED } QcowKind;
QcowKind qcow2_kind(const QcowNode *q, uint64_t entry);
int qcow2_entry(QcowNode *q, uint64_t offset, uint64_t *entry);
/* Part of a cluster, which gets a place of its own. Lock held alone. */
int qcow2_write_part(QcowNode *q, uint64_t offset, const struct iovec *iov, int n, uint64_t len);
/* What the image changes in itself before its first write. */
bool qcow2_begin_writing(QcowNode *q, GError **error);

/* ---- qcow2_image.c ---- */
bool qcow2_reopen(BlockNode *n, bool write, GError **error);
int qcow2_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s);

/* ---- qcow2_alloc.c: lock held alone ---- */
bool qcow2_load_refcounts(QcowNode *q, GError **error);
void qcow2_free_refcounts(QcowNode *q);
/* n clusters in a row, counted as used once; their offset. */
int qcow2_alloc(QcowNode *q, uint64_t n, uint64_t *offset);
/* One user less of what an L2 entry names. */
int qcow2_release(QcowNode *q, uint64_t entry);
/* The L2 table for guest, the image's own, to be changed by qcow2_set. */
int qcow2_l2_own(QcowNode *q, uint64_t guest, uint64_t **table);
/* Sets n entries from guest cluster on, all in that table: value, value + step, ... */
int qcow2_set(QcowNode *q, uint64_t *table, uint64_t guest, uint64_t n, uint64_t value,
              uint64_t step);
/* Room in L1 for the disk to have that size. */
int qcow2_grow_l1(QcowNode *q, uint64_t size);

#endif
