/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -snapshot: a temporary overlay over any node.
 *
 * Written clusters live at their own offset in an unlinked sparse file; a bit for each says that
 * it is there. A cluster is filled from the base before its first partial write. Writers take
 * turns (a lock); readers look at the bits only, which are set after the data is in place. A read
 * beside a write of the same bytes may see either, as on any disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/block/block_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/tsan.h"

enum { CLUSTER_BITS = 12, CLUSTER = 1 << CLUSTER_BITS };

typedef struct OverlayNode {
    BlockNode node;
    int fd;
    InlineGate gate;
    GMutex lock;
    _Atomic uint64_t *bits; /* by cluster; reserved memory, touched where written */
    size_t bits_bytes;
} OverlayNode;

static OverlayNode *overlay(BlockNode *n)
{
    return (OverlayNode *)n;
}

static void lock(OverlayNode *o)
{
    g_mutex_lock(&o->lock);
    TSAN_ACQUIRE(&o->lock);
}

static void unlock(OverlayNode *o)
{
    TSAN_RELEASE(&o->lock);
    g_mutex_unlock(&o->lock);
}

static bool present(OverlayNode *o, uint64_t cluster)
{
    return atomic_load_explicit(&o->bits[cluster / 64], memory_order_acquire) >> cluster % 64 & 1;
}

static void set_present(OverlayNode *o, uint64_t cluster)
{
    atomic_fetch_or_explicit(&o->bits[cluster / 64], BIT(cluster % 64), memory_order_release);
}

/* Bytes from offset on, up to len, that are all present or all absent. */
static uint64_t run_length(OverlayNode *o, uint64_t offset, uint64_t len, bool *is_present)
{
    uint64_t cluster = offset >> CLUSTER_BITS, end = offset + len;
    *is_present = present(o, cluster);
    do {
        cluster++;
    } while (cluster << CLUSTER_BITS < end && present(o, cluster) == *is_present);
    return MIN(cluster << CLUSTER_BITS, end) - offset;
}

/* The part [skip, skip + len) of a vector; returns the number of elements in out. */
static int slice(const struct iovec *iov, int n_iov, uint64_t skip, uint64_t len,
                 struct iovec *out)
{
    int n = 0;
    for (int i = 0; i < n_iov && len; i++) {
        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        out[n].iov_base = (char *)iov[i].iov_base + skip;
        out[n].iov_len = MIN(len, iov[i].iov_len - skip);
        len -= out[n].iov_len;
        skip = 0;
        n++;
    }
    return n;
}

/* Reading at the end of a base of odd length must not pass its size. */
static int base_readv(OverlayNode *o, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t len)
{
    uint64_t have = offset < o->node.file->size ? MIN(len, o->node.file->size - offset) : 0;
    struct iovec *part = g_new(struct iovec, n_iov);
    int n = slice(iov, n_iov, 0, have, part);
    int r = have ? o->node.file->driver->readv(o->node.file, offset, part, n, have) : 0;
    n = slice(iov, n_iov, have, len - have, part);
    for (int i = 0; i < n; i++)
        memset(part[i].iov_base, 0, part[i].iov_len);
    g_free(part);
    return r;
}

static int overlay_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                         uint64_t len)
{
    OverlayNode *o = overlay(n);
    struct iovec *part = g_new(struct iovec, n_iov);
    int r = 0;
    for (uint64_t done = 0; !r && done < len;) {
        bool here;
        uint64_t run = run_length(o, offset + done, len - done, &here);
        int n_part = slice(iov, n_iov, done, run, part);
        r = here ? block_fd_rw(o->fd, false, offset + done, part, n_part, run)
                 : base_readv(o, offset + done, part, n_part, run);
        done += run;
    }
    g_free(part);
    return r;
}

/* Copies the cluster from the base, where it isn't here yet. Lock held. */
static int fill(OverlayNode *o, uint64_t cluster)
{
    if (present(o, cluster))
        return 0;
    uint8_t buf[CLUSTER];
    struct iovec iov = { buf, CLUSTER };
    uint64_t at = cluster << CLUSTER_BITS;
    int r = base_readv(o, at, &iov, 1, CLUSTER);
    if (!r)
        r = block_fd_rw(o->fd, true, at, &iov, 1, CLUSTER);
    if (!r)
        set_present(o, cluster);
    return r;
}

/* Fills the clusters that [offset, offset + len) covers in part. Lock held. */
static int fill_edges(OverlayNode *o, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;
    int r = offset % CLUSTER ? fill(o, offset >> CLUSTER_BITS) : 0;
    if (!r && end % CLUSTER && end < o->node.size)
        r = fill(o, end >> CLUSTER_BITS);
    return r;
}

static void mark(OverlayNode *o, uint64_t offset, uint64_t len)
{
    uint64_t last = (offset + len - 1) >> CLUSTER_BITS;
    for (uint64_t c = offset >> CLUSTER_BITS; c <= last; c++)
        if (!present(o, c))
            set_present(o, c);
}

static int overlay_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                          uint64_t len)
{
    OverlayNode *o = overlay(n);
    if (!len)
        return 0;
    lock(o);
    int r = fill_edges(o, offset, len);
    if (!r)
        r = block_fd_rw(o->fd, true, offset, iov, n_iov, len);
    if (!r)
        mark(o, offset, len);
    unlock(o);
    return r;
}

/* Does the range cut a cluster that would have to be filled first? */
static bool needs_fill(OverlayNode *o, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;
    return (offset % CLUSTER && !present(o, offset >> CLUSTER_BITS)) ||
           (end % CLUSTER && end < o->node.size && !present(o, end >> CLUSTER_BITS));
}

static int overlay_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                          int n_iov, uint64_t len)
{
    OverlayNode *o = overlay(n);
    int r = -EAGAIN;
    if (!write) {
        bool here;
        if (run_length(o, offset, len, &here) < len)
            return -EAGAIN;
        if (here)
            return block_fd_try_rw(o->fd, &o->gate, false, offset, iov, n_iov, len);
        return o->node.file->driver->try_rw && offset + len <= o->node.file->size
                   ? o->node.file->driver->try_rw(o->node.file, false, offset, iov, n_iov, len)
                   : -EAGAIN;
    }
    if (!g_mutex_trylock(&o->lock))
        return -EAGAIN;
    TSAN_ACQUIRE(&o->lock);
    if (!needs_fill(o, offset, len))
        r = block_fd_try_rw(o->fd, &o->gate, true, offset, iov, n_iov, len);
    if (!r)
        mark(o, offset, len);
    unlock(o);
    return r;
}

static int zero_bytes(OverlayNode *o, uint64_t offset, uint64_t len)
{
    static const uint8_t zeros[CLUSTER];
    while (len) {
        struct iovec iov = { (void *)zeros, MIN(len, CLUSTER) };
        int r = block_fd_rw(o->fd, true, offset, &iov, 1, iov.iov_len);
        if (r)
            return r;
        offset += iov.iov_len;
        len -= iov.iov_len;
    }
    return 0;
}

static int overlay_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    OverlayNode *o = overlay(n);
    if (!len)
        return 0;
    lock(o);
    int r = fill_edges(o, offset, len);
    if (!r && fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len))
        r = zero_bytes(o, offset, len);
    if (!r)
        mark(o, offset, len);
    unlock(o);
    return r;
}

static int overlay_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    return overlay_write_zeroes(n, offset, len, true);
}

static int overlay_flush(BlockNode *n)
{
    return 0; /* nothing of it outlives the program */
}

static size_t bitmap_bytes(uint64_t size)
{
    uint64_t clusters = (size >> CLUSTER_BITS) + 1;
    return ALIGN_UP(clusters / 8 + 8, CLUSTER);
}

static _Atomic uint64_t *bitmap_new(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The caller drained: nobody else is in here. */
static int overlay_resize(BlockNode *n, uint64_t size)
{
    OverlayNode *o = overlay(n);
    if (size < n->size) {
        /* What is cut off must not come back from the base, should the disk grow again. */
        int r = overlay_write_zeroes(n, size, n->size - size, true);
        if (!r)
            n->size = size;
        return r;
    }
    size_t bytes = bitmap_bytes(size);
    if (bytes > o->bits_bytes) {
        _Atomic uint64_t *bits = bitmap_new(bytes);
        if (!bits)
            return -ENOMEM;
        memcpy(bits, o->bits, o->bits_bytes);
        munmap(o->bits, o->bits_bytes);
        o->bits = bits;
        o->bits_bytes = bytes;
    }
    n->size = size;
    return 0;
}

/* It does not tell where the base shows through: jobs copy all of it. */
static int overlay_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s)
{
    *s = BLOCK_DATA;
    return 0;
}

static void overlay_close(BlockNode *n)
{
    OverlayNode *o = overlay(n);
    block_node_unref(o->node.file);
    close(o->fd);
    munmap(o->bits, o->bits_bytes);
    g_mutex_clear(&o->lock);
    g_free(o);
}

static const BlockDriver overlay_driver = {
    .name = "overlay", .readv = overlay_readv, .writev = overlay_writev, .flush = overlay_flush,
    .discard = overlay_discard, .write_zeroes = overlay_write_zeroes, .resize = overlay_resize,
    .try_rw = overlay_try_rw, .status = overlay_status,
    .close = overlay_close, .layer = true,
};

static int temporary_file(void)
{
    const char *dir = g_getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/var/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *name = g_strdup_printf("%s/sosia-XXXXXX", dir);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    g_free(name);
    return fd;
}

BlockNode *block_overlay_open(BlockNode *base, GError **error)
{
    int fd = temporary_file();
    if (fd < 0) {
        error_set_errno(error, errno, "can't create a temporary file for -snapshot; set TMPDIR "
                        "to a folder with room");
        return NULL;
    }
    OverlayNode *o = g_new0(OverlayNode, 1);
    o->fd = fd;
    o->bits_bytes = bitmap_bytes(base->size);
    o->bits = bitmap_new(o->bits_bytes);
    if (!o->bits) {
        error_set(error, "out of memory for the map of a -snapshot overlay");
        close(fd);
        g_free(o);
        return NULL;
    }
    g_mutex_init(&o->lock);
    o->node = (BlockNode){ .driver = &overlay_driver, .refs = 1, .size = base->size,
                           .file = base };
    return &o->node;
}

bool block_node_is_overlay(const BlockNode *n)
{
    return n && n->driver == &overlay_driver;
}

int block_overlay_commit(BlockNode *n)
{
    OverlayNode *o = overlay(n);
    enum { CHUNK = 1 << 20 };
    uint8_t *buf = g_malloc(CHUNK);
    int r = 0;
    if (n->size != o->node.file->size)
        r = o->node.file->driver->resize(o->node.file, n->size);
    for (uint64_t at = 0; !r && at < n->size;) {
        bool here;
        uint64_t run = run_length(o, at, n->size - at, &here);
        for (uint64_t done = 0; here && !r && done < run;) {
            struct iovec iov = { buf, MIN(run - done, CHUNK) };
            r = block_fd_rw(o->fd, false, at + done, &iov, 1, iov.iov_len);
            if (!r)
                r = o->node.file->driver->writev(o->node.file, at + done, &iov, 1, iov.iov_len);
            done += iov.iov_len;
        }
        at += run;
    }
    g_free(buf);
    if (!r)
        r = o->node.file->driver->flush(o->node.file);
    /* Only now that all is in the base; until then the overlay stays the truth. */
    if (!r) {
        madvise(o->bits, o->bits_bytes, MADV_DONTNEED);
        if (ftruncate(o->fd, 0))
            r = -errno;
    }
    return r;
}
