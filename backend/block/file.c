/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw images: files and host block devices.
 *
 * A file whose length is no multiple of 512 reads as if zeros followed. Images are locked with
 * open-file-description locks on the bytes that QEMU uses, so that either program refuses an
 * image that the other is writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/block/block_int.h"
#include "backend/fdset.h"
#include "util/bits.h"
#include "util/error.h"

typedef struct FileNode {
    BlockNode node;
    int fd;
    uint64_t start;          /* of the image in the file */
    bool is_device;
    bool fixed_size;         /* size= was given: others follow the file */
    bool share_rw;
    _Atomic bool no_punch, no_zero_range; /* the host refused it once */
    InlineGate gate;
} FileNode;

static FileNode *file_node(BlockNode *n)
{
    return (FileNode *)n;
}

/* ---- transfers ---- */

static ssize_t rw_once(int fd, bool write, uint64_t offset, const struct iovec *iov, int n_iov)
{
    ssize_t r;
    do {
        r = write ? pwritev(fd, iov, n_iov, offset) : preadv(fd, iov, n_iov, offset);
    } while (r < 0 && errno == EINTR);
    return r;
}

int block_fd_rw(int fd, bool write, uint64_t offset, const struct iovec *iov, int n_iov,
                uint64_t len)
{
    struct iovec part[64];
    size_t skip = 0; /* bytes of iov[0] that are done */
    while (len) {
        const struct iovec *v = iov;
        int n = MIN(n_iov, IOV_MAX);
        if (skip) {
            n = MIN(n_iov, (int)G_N_ELEMENTS(part));
            memcpy(part, iov, n * sizeof part[0]);
            part[0].iov_base = (char *)part[0].iov_base + skip;
            part[0].iov_len -= skip;
            v = part;
        }
        ssize_t r = rw_once(fd, write, offset, v, n);
        if (r < 0)
            return -errno;
        if (r == 0) {
            if (write)
                return -EIO;
            /* Behind the end of the file: zeros. */
            for (; n_iov; iov++, n_iov--, skip = 0)
                memset((char *)iov->iov_base + skip, 0, iov->iov_len - skip);
            return 0;
        }
        offset += r;
        len -= r;
        for (size_t left = r; left;) {
            size_t step = MIN(left, iov->iov_len - skip);
            left -= step;
            skip += step;
            if (skip == iov->iov_len) {
                iov++;
                n_iov--;
                skip = 0;
            }
        }
        while (len && n_iov && !iov->iov_len) {
            iov++;
            n_iov--;
        }
    }
    return 0;
}

static int file_readv(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                      uint64_t len)
{
    FileNode *f = file_node(n);
    return block_fd_rw(f->fd, false, f->start + offset, iov, n_iov, len);
}

static int file_writev(BlockNode *n, uint64_t offset, const struct iovec *iov, int n_iov,
                       uint64_t len)
{
    FileNode *f = file_node(n);
    return block_fd_rw(f->fd, true, f->start + offset, iov, n_iov, len);
}

enum {
    INLINE_MAX = 256 << 10,   /* longer transfers are better done beside the vCPU */
    INLINE_SLOW_NS = 2000000, /* a write that took this long may have met the host's limit of
                                 dirty pages, so that workers do the next ones: */
    INLINE_PAUSE = 16,        /* this many, and twice as many each time that it happens again */
    INLINE_PAUSE_DOUBLINGS = 9,
};

static void judge_write(InlineGate *g, const struct timespec *t0, const struct timespec *t1)
{
    int64_t ns = (t1->tv_sec - t0->tv_sec) * 1000000000LL + t1->tv_nsec - t0->tv_nsec;
    if (ns > INLINE_SLOW_NS) {
        g->pause = INLINE_PAUSE << g->slow;
        g->slow = MIN(g->slow + 1, INLINE_PAUSE_DOUBLINGS);
        g->quick = 0;
    } else if (++g->quick == 256) {
        g->slow = g->quick = 0;
    }
}

int block_fd_try_rw(int fd, InlineGate *g, bool write, uint64_t offset, const struct iovec *iov,
                    int n_iov, uint64_t len)
{
    ssize_t r;
    if (len > INLINE_MAX || n_iov > IOV_MAX)
        return -EAGAIN;
    if (!write) {
        if (g->no_nowait)
            return -EAGAIN;
        r = preadv2(fd, iov, n_iov, offset, RWF_NOWAIT);
        if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
            g->no_nowait = true;
    } else {
        struct timespec t0, t1;
        if (g->pause) {
            g->pause--;
            return -EAGAIN;
        }
        clock_gettime(CLOCK_MONOTONIC, &t0);
        r = pwritev(fd, iov, n_iov, offset);
        clock_gettime(CLOCK_MONOTONIC, &t1);
        judge_write(g, &t0, &t1);
    }
    return r >= 0 && (uint64_t)r == len ? 0 : -EAGAIN;
}

static int file_try_rw(BlockNode *n, bool write, uint64_t offset, const struct iovec *iov,
                       int n_iov, uint64_t len)
{
    FileNode *f = file_node(n);
    /* Host block devices may make writers wait for the medium. */
    if (write && f->is_device)
        return -EAGAIN;
    return block_fd_try_rw(f->fd, &f->gate, write, f->start + offset, iov, n_iov, len);
}

static int file_flush(BlockNode *n)
{
    return fdatasync(file_node(n)->fd) ? -errno : 0;
}

static bool not_supported(int err)
{
    return err == EOPNOTSUPP || err == ENOSYS || err == ENOTTY || err == EINVAL || err == ENODEV;
}

static int fallocate_all(int fd, int mode, uint64_t offset, uint64_t len)
{
    int r;
    do {
        r = fallocate(fd, mode, offset, len);
    } while (r && errno == EINTR);
    return r ? -errno : 0;
}

static int file_discard(BlockNode *n, uint64_t offset, uint64_t len)
{
    FileNode *f = file_node(n);
    if (f->no_punch)
        return 0; /* a hint */
    int r = fallocate_all(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, f->start + offset,
                          len);
    if (r && not_supported(-r)) {
        f->no_punch = true;
        return 0;
    }
    return r;
}

static int write_zero_bytes(FileNode *f, uint64_t offset, uint64_t len)
{
    static const uint8_t zeros[64 << 10];
    struct iovec iov[16];
    while (len) {
        uint64_t chunk = 0;
        int n = 0;
        for (; n < (int)G_N_ELEMENTS(iov) && chunk < len; n++) {
            iov[n].iov_base = (void *)zeros;
            iov[n].iov_len = MIN(len - chunk, sizeof zeros);
            chunk += iov[n].iov_len;
        }
        int r = block_fd_rw(f->fd, true, offset, iov, n, chunk);
        if (r)
            return r;
        offset += chunk;
        len -= chunk;
    }
    return 0;
}

static int file_write_zeroes(BlockNode *n, uint64_t offset, uint64_t len, bool may_unmap)
{
    FileNode *f = file_node(n);
    uint64_t at = f->start + offset;
    int r;
    if (may_unmap && !f->no_punch) {
        /* A hole behind the end of the file keeps its length, and reads as zeros all the same. */
        r = fallocate_all(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len);
        if (!r || !not_supported(-r))
            return r;
        f->no_punch = true;
    }
    if (!f->no_zero_range) {
        r = fallocate_all(f->fd, FALLOC_FL_ZERO_RANGE, at, len);
        if (!r || !not_supported(-r))
            return r;
        f->no_zero_range = true;
    }
    return write_zero_bytes(f, at, len);
}

static int file_resize(BlockNode *n, uint64_t size)
{
    FileNode *f = file_node(n);
    if (f->is_device || f->fixed_size || f->start)
        return -ENOTSUP;
    if (ftruncate(f->fd, size))
        return -errno;
    n->size = size;
    return 0;
}

/* Holes read as zeros. The host says where they are, but not of every file. */
static int file_status(BlockNode *n, uint64_t offset, uint64_t *run, BlockStatus *s)
{
    FileNode *f = file_node(n);
    uint64_t at = f->start + offset;
    off_t data = f->is_device ? (off_t)at : lseek(f->fd, at, SEEK_DATA);
    *s = BLOCK_DATA;
    if (data < 0 && errno == ENXIO) {
        *s = BLOCK_ZERO;
    } else if (data > (off_t)at) {
        *s = BLOCK_ZERO;
        *run = MIN(*run, data - at);
    } else if (data >= 0 && !f->is_device) {
        off_t hole = lseek(f->fd, at, SEEK_HOLE);
        if (hole > (off_t)at)
            *run = MIN(*run, hole - at);
    }
    return 0;
}

static bool file_length(int fd, const struct stat *st, uint64_t *len)
{
    if (S_ISBLK(st->st_mode))
        return !ioctl(fd, BLKGETSIZE64, len);
    *len = st->st_size;
    return true;
}

static bool file_activate(BlockNode *n, GError **error);
static void file_inactivate(BlockNode *n);

static bool file_reopen(BlockNode *n, bool write, GError **error)
{
    return block_file_reopen(n, write, NULL, error);
}

static void file_close(BlockNode *n)
{
    close(file_node(n)->fd);
    g_free(n);
}

static const BlockDriver file_driver = {
    .name = "file", .readv = file_readv, .writev = file_writev, .flush = file_flush,
    .discard = file_discard, .write_zeroes = file_write_zeroes, .resize = file_resize,
    .try_rw = file_try_rw, .status = file_status, .reopen = file_reopen, .close = file_close,
    .activate = file_activate, .inactivate = file_inactivate,
};

bool block_node_is_file(const BlockNode *n)
{
    return n && n->driver == &file_driver;
}

/* ---- locks ---- */

/*
 * QEMU's scheme: whoever has permission i holds a shared lock on byte 100 + i, whoever does not
 * want others to have it holds one on byte 200 + i. Then each looks for what contradicts it.
 * Bits: 0 consistent read, 1 write, 2 write unchanged, 3 resize.
 */
enum {
    LOCK_HELD = 100, LOCK_UNSHARED = 200, LOCK_BITS = 4,
    PERM_READ = 1, PERM_WRITE = 2, PERM_WRITE_UNCHANGED = 4, PERM_RESIZE = 8,
};

static int lock_byte(int fd, int type, off_t byte)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_SETLK, &l) ? -errno : 0;
}

/* Is the byte locked by somebody else? Not where the host can't tell. */
static bool byte_taken(int fd, off_t byte)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}

static bool lock_image(FileNode *f, const char *filename, bool write, GError **error)
{
    if (block_inactive)
        return true;
    unsigned held = PERM_READ | (write ? PERM_WRITE : 0);
    unsigned unshared = f->share_rw ? 0 : PERM_WRITE | PERM_RESIZE;
    for (int i = 0; i < LOCK_BITS; i++) {
        int r = held >> i & 1 ? lock_byte(f->fd, F_RDLCK, LOCK_HELD + i) : 0;
        if (!r && unshared >> i & 1)
            r = lock_byte(f->fd, F_RDLCK, LOCK_UNSHARED + i);
        if (r == -EAGAIN || r == -EACCES)
            return error_set(error, "'%s' is locked by another program; close it there first",
                             filename);
        if (r)
            return true; /* a file system without locks */
    }
    for (int i = 0; i < LOCK_BITS; i++) {
        if ((held >> i & 1 && byte_taken(f->fd, LOCK_UNSHARED + i)) ||
            (unshared >> i & 1 && byte_taken(f->fd, LOCK_HELD + i)))
            return error_set(error, "'%s' is in use by another emulator (no \"%s\" lock); end "
                             "that one, or open the image read-only in both", filename,
                             write ? "write" : "shared read");
    }
    return true;
}

/*
 * The process that writes a snapshot's RAM shares our locks for a moment. If both are killed then,
 * the next program may find it still ending.
 */
static bool lock_image_soon(FileNode *f, const char *filename, bool write, GError **error)
{
    for (int left = 20; left; left--) {
        if (lock_image(f, filename, write, NULL))
            return true;
        g_usleep(20000);
    }
    return lock_image(f, filename, write, error);
}

static void file_inactivate(BlockNode *n)
{
    for (int i = 0; i < LOCK_BITS; i++) {
        lock_byte(file_node(n)->fd, F_UNLCK, LOCK_HELD + i);
        lock_byte(file_node(n)->fd, F_UNLCK, LOCK_UNSHARED + i);
    }
}

static bool file_activate(BlockNode *n, GError **error)
{
    FileNode *f = file_node(n);
    struct stat st;
    uint64_t len;
    if (!lock_image_soon(f, n->filename ? n->filename : "a file", !n->read_only, error)) {
        file_inactivate(n);
        return false;
    }
    if (!f->fixed_size && !fstat(f->fd, &st) && file_length(f->fd, &st, &len) && len >= f->start)
        n->size = ALIGN_UP(len - f->start, BLOCK_SECTOR);
    return true;
}

/* ---- opening ---- */

const char *block_probe_format(const void *head, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *name;
    } formats[] = {
        { "QFI\xfb\0\0\0\2", 8, "qcow2" }, { "QFI\xfb\0\0\0\3", 8, "qcow2" },
        { "QFI\xfb\0\0\0\1", 8, "qcow" },  { "QED\0", 4, "qed" },
        { "KDMV", 4, "vmdk" },             { "COWD", 4, "vmdk" },
        { "vhdxfile", 8, "vhdx" },         { "conectix", 8, "vpc" },
        { "LUKS\xba\xbe", 6, "luks" },     { "WithoutFreeSpace", 16, "parallels" },
        { "WithouFreSpacExt", 16, "parallels" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (len >= formats[i].len && !memcmp(head, formats[i].magic, formats[i].len))
            return formats[i].name;
    if (len >= 0x44 && load_le32((const uint8_t *)head + 0x40) == 0xbeda107f)
        return "vdi";
    return NULL;
}

static int open_fd(const BlockOpen *how, bool *read_only)
{
    /* /dev/fdset/N is QEMU's name for a descriptor passed in; /dev/fd/N works by itself. */
    int fd;
    if (fdset_open(how->filename, *read_only ? O_RDONLY : O_RDWR, &fd))
        return fd;
    fd = open(how->filename, (*read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0 && !*read_only && how->auto_read_only &&
        (errno == EACCES || errno == EROFS || errno == EPERM)) {
        fd = open(how->filename, O_RDONLY | O_CLOEXEC);
        *read_only = fd >= 0;
    }
    return fd;
}

BlockNode *block_file_open(const BlockOpen *how, GError **error)
{
    bool read_only = how->read_only;
    int fd = open_fd(how, &read_only);
    if (fd < 0) {
        int err = errno;
        bool may_help = !read_only && (err == EACCES || err == EROFS || err == EPERM);
        error_set_errno(error, err, "can't open image '%s'%s", how->filename,
                        may_help ? " for writing (add readonly=on to only read it)" : "");
        return NULL;
    }
    struct stat st;
    uint64_t len = 0;
    FileNode *f = g_new0(FileNode, 1);
    f->fd = fd;
    f->share_rw = how->share_rw;
    if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
        error_set(error, "'%s' is neither a file nor a block device", how->filename);
        goto fail;
    }
    f->is_device = S_ISBLK(st.st_mode);
    if (!file_length(fd, &st, &len)) {
        error_set_errno(error, errno, "can't tell the size of '%s'", how->filename);
        goto fail;
    }
    if (how->offset > len || (how->size && how->size > len - how->offset)) {
        error_set(error, "'%s' has %" PRIu64 " bytes: offset= and size= reach beyond its end",
                  how->filename, len);
        goto fail;
    }
    if (how->size % BLOCK_SECTOR || how->offset % BLOCK_SECTOR) {
        error_set(error, "'%s': offset= and size= must be multiples of 512", how->filename);
        goto fail;
    }
    f->start = how->offset;
    f->fixed_size = how->size;
    f->node.driver = &file_driver;
    f->node.refs = 1;
    f->node.read_only = read_only;
    f->node.size = ALIGN_UP(how->size ? how->size : len - how->offset, BLOCK_SECTOR);
    if (!lock_image_soon(f, how->filename, !read_only, error))
        goto fail;
    return &f->node;
fail:
    close(fd);
    g_free(f);
    return NULL;
}

bool block_file_reopen(BlockNode *n, bool write, bool *denied, GError **error)
{
    FileNode *f = file_node(n);
    if (n->read_only == !write)
        return true;
    int fd;
    struct stat was, is;
    int flags = write ? O_RDWR : O_RDONLY;
    if (!fdset_open(n->filename, flags, &fd))
        fd = open(n->full_path, flags | O_CLOEXEC);
    if (denied)
        *denied = fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM);
    if (fd < 0)
        return error_set_errno(error, errno, "can't open image '%s' for %s", n->filename,
                               write ? "writing" : "reading");
    if (fstat(f->fd, &was) || fstat(fd, &is) || was.st_dev != is.st_dev ||
        was.st_ino != is.st_ino) {
        close(fd);
        return error_set(error, "'%s' is no longer the file that was opened at the start",
                         n->filename);
    }
    int old = f->fd;
    /* The old description's own locks must not look like another program's. */
    for (int i = 0; i < LOCK_BITS; i++) {
        lock_byte(old, F_UNLCK, LOCK_HELD + i);
        lock_byte(old, F_UNLCK, LOCK_UNSHARED + i);
    }
    f->fd = fd;
    if (!lock_image(f, n->filename, write, error)) {
        f->fd = old;
        close(fd);
        lock_image(f, n->filename, !write, NULL);
        return false;
    }
    /* Workers are idle (the caller drained), so that nobody uses the old one. */
    close(old);
    n->read_only = !write;
    return true;
}

bool block_file_create(const char *filename, uint64_t size, GError **error)
{
    /* Not O_TRUNC: the image may be in use, which only the lock tells. */
    int fd = open(filename, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    FileNode f = { .fd = fd };
    struct stat st;
    if (fd < 0)
        return error_set_errno(error, errno, "Could not create '%s'", filename);
    bool ok = lock_image(&f, filename, true, error);
    /* What a block device holds can't be cut off. */
    if (ok && !fstat(fd, &st) && S_ISREG(st.st_mode) && (ftruncate(fd, 0) || ftruncate(fd, size)))
        ok = error_set_errno(error, errno, "Could not resize '%s'", filename);
    close(fd);
    return ok;
}
