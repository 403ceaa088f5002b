/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations in a shared folder. The way to a file is opened name by name without following links
 * (openat2 with RESOLVE_BENEATH where the kernel has it), so that nothing that changes meanwhile
 * leads out of the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backend/fs/fs_int.h"

static int open_step(int dir, const char *name)
{
    return openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* For kernels before 5.6. */
static int open_dir_slowly(FsDev *fs, const char *path)
{
    int dir = open_step(fs->root, ".");
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    for (char **n = names; dir >= 0 && *n; n++) {
        int next = open_step(dir, *n);
        int saved = errno;
        close(dir);
        dir = next;
        errno = saved;
    }
    return dir < 0 ? -errno : dir;
}

static int open_dir(FsDev *fs, const char *path)
{
    static bool missing;
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    if (!*path)
        path = ".";
    if (!__atomic_load_n(&missing, __ATOMIC_RELAXED)) {
        int fd = (int)syscall(SYS_openat2, fs->root, path, &how, sizeof how);
        if (fd >= 0)
            return fd;
        if (errno != ENOSYS && errno != EPERM)
            return -errno;
        if (errno == ENOSYS)
            __atomic_store_n(&missing, true, __ATOMIC_RELAXED);
    }
    return open_dir_slowly(fs, path);
}

int fs_enter(FsDev *fs, const char *path, FsPlace *place)
{
    const char *slash = strrchr(path, '/');
    g_autofree char *parent = slash ? g_strndup(path, slash - path) : g_strdup("");
    place->name = !*path ? "." : slash ? slash + 1 : path;
    place->dir = open_dir(fs, parent);
    return MIN(place->dir, 0);
}

void fs_leave(FsPlace *place)
{
    close(place->dir);
}

char *fs_proc_path(const FsPlace *place)
{
    return g_strdup_printf("/proc/self/fd/%d/%s", place->dir, place->name);
}

static bool mapped(const FsDev *fs)
{
    return fs->security == FS_MAPPED_XATTR;
}

/* result of a system call -> minus errno */
#define CALL(x) ((x) < 0 ? -errno : 0)

/* What is at a place now, whatever it is, and not by a link; minus errno. */
static int grab(const FsPlace *p)
{
    int fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* fchmodat follows links, and a link may have come since somebody looked. */
static int chmod_place(const FsPlace *p, uint32_t mode)
{
    int fd = grab(p);
    if (fd < 0)
        return fd;
    struct stat st;
    int r = CALL(fstat(fd, &st));
    if (!r && S_ISLNK(st.st_mode)) {
        r = -EOPNOTSUPP;
    } else if (!r) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        r = CALL(chmod(path, mode & 07777));
    }
    close(fd);
    return r;
}

static int stat_at(FsDev *fs, const FsPlace *p, struct stat *st)
{
    if (fstatat(p->dir, p->name, st, AT_SYMLINK_NOFOLLOW))
        return -errno;
    if (fs->multidevs_forbid && st->st_dev != fs->root_dev)
        return -EXDEV;
    if (mapped(fs))
        fs_mapped_stat(p, st);
    return 0;
}

int fs_stat(FsDev *fs, const char *path, struct stat *st)
{
    FsPlace p;
    int r = fs_enter(fs, path, &p);
    if (r)
        return r;
    r = stat_at(fs, &p, st);
    fs_leave(&p);
    return r;
}

int fs_open(FsDev *fs, const char *path, int flags)
{
    FsPlace p;
    struct stat st;
    int r = fs_enter(fs, path, &p);
    if (r)
        return r;
    int fd = grab(&p);
    fs_leave(&p);
    if (fd < 0)
        return fd;
    /* Devices, FIFOs and sockets of the host are no business of the guest. What was looked at is
     * what is opened, whoever renames meanwhile. */
    if (fstat(fd, &st)) {
        r = -errno;
    } else if (S_ISLNK(st.st_mode)) {
        r = -ELOOP;
    } else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        r = -ENXIO;
    } else {
        char proc[32];
        snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
        r = open(proc, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (r < 0)
            r = -errno;
    }
    close(fd);
    return r;
}

/* Gives what was made its owner and mode. */
static int own(FsDev *fs, const FsPlace *p, uint32_t mode, uint64_t rdev, FsCred cred)
{
    if (mapped(fs))
        return fs_mapped_set(p, cred.uid, cred.gid, mode, rdev);
    int r = CALL(fchownat(p->dir, p->name, cred.uid, cred.gid, AT_SYMLINK_NOFOLLOW));
    if (!r && !S_ISLNK(mode))
        r = chmod_place(p, mode);
    return fs->security == FS_NONE ? 0 : r;
}

static int refuse_or_enter(FsDev *fs, const char *path, FsPlace *p)
{
    return fs->readonly ? -EROFS : fs_enter(fs, path, p);
}

int fs_create(FsDev *fs, const char *path, int flags, uint32_t mode, FsCred cred)
{
    FsPlace p;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    int fd = openat(p.dir, p.name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
                    mapped(fs) ? fs->fmode : mode & 0777);
    if (fd < 0) {
        r = -errno;
    } else if ((r = own(fs, &p, S_IFREG | (mode & 07777), UINT64_MAX, cred))) {
        close(fd);
        unlinkat(p.dir, p.name, 0);
    }
    fs_leave(&p);
    return r ? r : fd;
}

int fs_mkdir(FsDev *fs, const char *path, uint32_t mode, FsCred cred)
{
    FsPlace p;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    r = CALL(mkdirat(p.dir, p.name, mapped(fs) ? fs->dmode : mode & 0777));
    if (!r && (r = own(fs, &p, S_IFDIR | (mode & 07777), UINT64_MAX, cred)))
        unlinkat(p.dir, p.name, AT_REMOVEDIR);
    fs_leave(&p);
    return r;
}

int fs_mknod(FsDev *fs, const char *path, uint32_t mode, uint64_t rdev, FsCred cred)
{
    FsPlace p;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    if (mapped(fs))
        r = CALL(mknodat(p.dir, p.name, S_IFREG | fs->fmode, 0));
    else
        r = CALL(mknodat(p.dir, p.name, mode, rdev));
    if (!r && (r = own(fs, &p, mode, rdev, cred)))
        unlinkat(p.dir, p.name, 0);
    fs_leave(&p);
    return r;
}

/* A mapped link is a file that says where it leads. */
static int mapped_symlink(FsDev *fs, const FsPlace *p, const char *target)
{
    int fd = openat(p->dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, fs->fmode);
    if (fd < 0)
        return -errno;
    size_t len = strlen(target);
    ssize_t n = write(fd, target, len);
    close(fd);
    return n == (ssize_t)len ? 0 : -EIO;
}

int fs_symlink(FsDev *fs, const char *path, const char *target, FsCred cred)
{
    FsPlace p;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    r = mapped(fs) ? mapped_symlink(fs, &p, target) : CALL(symlinkat(target, p.dir, p.name));
    if (!r && (r = own(fs, &p, S_IFLNK | 0777, UINT64_MAX, cred)))
        unlinkat(p.dir, p.name, 0);
    fs_leave(&p);
    return r;
}

int fs_readlink(FsDev *fs, const char *path, char **target)
{
    FsPlace p;
    char buf[4096];
    ssize_t n = 0;
    int r = fs_enter(fs, path, &p);
    if (r)
        return r;
    struct stat st;
    if (mapped(fs) && !fstatat(p.dir, p.name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode)) {
        r = stat_at(fs, &p, &st);
        int fd = r ? -1 : openat(p.dir, p.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (!r && !S_ISLNK(st.st_mode))
            r = -EINVAL;
        else if (fd < 0 || (n = read(fd, buf, sizeof buf)) < 0)
            r = -errno;
        if (fd >= 0)
            close(fd);
    } else {
        n = readlinkat(p.dir, p.name, buf, sizeof buf);
        r = CALL(n);
    }
    fs_leave(&p);
    if (!r)
        *target = g_strndup(buf, n);
    return r;
}

/* Operations on two places. */
static int with_two(FsDev *fs, const char *old, const char *new,
                    int (*op)(const FsPlace *a, const FsPlace *b))
{
    FsPlace a, b;
    int r = refuse_or_enter(fs, old, &a);
    if (r)
        return r;
    r = fs_enter(fs, new, &b);
    if (!r) {
        r = op(&a, &b);
        fs_leave(&b);
    }
    fs_leave(&a);
    return r;
}

static int link_op(const FsPlace *a, const FsPlace *b)
{
    return CALL(linkat(a->dir, a->name, b->dir, b->name, 0));
}

static int rename_op(const FsPlace *a, const FsPlace *b)
{
    return CALL(renameat(a->dir, a->name, b->dir, b->name));
}

int fs_link(FsDev *fs, const char *old, const char *new)
{
    return with_two(fs, old, new, link_op);
}

int fs_rename(FsDev *fs, const char *old, const char *new)
{
    return !*old || !*new ? -EBUSY : with_two(fs, old, new, rename_op);
}

int fs_unlink(FsDev *fs, const char *path, bool dir)
{
    FsPlace p;
    int r = *path ? refuse_or_enter(fs, path, &p) : -EBUSY;
    if (r)
        return r;
    r = CALL(unlinkat(p.dir, p.name, dir ? AT_REMOVEDIR : 0));
    fs_leave(&p);
    return r;
}

int fs_chmod(FsDev *fs, const char *path, uint32_t mode)
{
    FsPlace p;
    struct stat st;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    r = stat_at(fs, &p, &st);
    if (!r && S_ISLNK(st.st_mode))
        r = -EOPNOTSUPP;
    else if (!r && mapped(fs))
        r = fs_mapped_set(&p, UINT32_MAX, UINT32_MAX, (st.st_mode & S_IFMT) | (mode & 07777),
                          UINT64_MAX);
    else if (!r)
        r = chmod_place(&p, mode);
    fs_leave(&p);
    return r;
}

int fs_chown(FsDev *fs, const char *path, uint32_t uid, uint32_t gid)
{
    FsPlace p;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    if (mapped(fs))
        r = fs_mapped_set(&p, uid, gid, UINT32_MAX, UINT64_MAX);
    else
        r = CALL(fchownat(p.dir, p.name, uid, gid, AT_SYMLINK_NOFOLLOW));
    fs_leave(&p);
    return fs->security == FS_NONE && r == -EPERM ? 0 : r;
}

int fs_truncate(FsDev *fs, const char *path, uint64_t size)
{
    if (fs->readonly)
        return -EROFS;
    if (size > INT64_MAX)
        return -EFBIG;
    int fd = fs_open(fs, path, O_WRONLY);
    if (fd < 0)
        return fd;
    int r = CALL(ftruncate(fd, (off_t)size));
    close(fd);
    return r;
}

int fs_utimens(FsDev *fs, const char *path, const struct timespec ts[2])
{
    FsPlace p;
    int r = refuse_or_enter(fs, path, &p);
    if (r)
        return r;
    r = CALL(utimensat(p.dir, p.name, ts, AT_SYMLINK_NOFOLLOW));
    fs_leave(&p);
    return r;
}

int fs_statfs(FsDev *fs, struct statvfs *st)
{
    return CALL(fstatvfs(fs->root, st));
}

/* ---- extended attributes ---- */

/* Enters, and gives the path by which the attribute is reached. */
static int xattr_path(FsDev *fs, const char *path, const char *name, FsPlace *p, char **proc)
{
    if (mapped(fs) && name && fs_mapped_name(name))
        return -ENODATA;
    int r = fs_enter(fs, path, p);
    if (!r)
        *proc = fs_proc_path(p);
    return r;
}

ssize_t fs_getxattr(FsDev *fs, const char *path, const char *name, void *data, size_t size)
{
    FsPlace p;
    g_autofree char *proc = NULL;
    ssize_t r = xattr_path(fs, path, name, &p, &proc);
    if (r)
        return r;
    r = lgetxattr(proc, name, data, size);
    if (r < 0)
        r = -errno;
    fs_leave(&p);
    return r;
}

ssize_t fs_listxattr(FsDev *fs, const char *path, char **list)
{
    FsPlace p;
    g_autofree char *proc = NULL;
    ssize_t r = xattr_path(fs, path, NULL, &p, &proc);
    if (r)
        return r;
    char *raw = g_malloc(65536);
    ssize_t n = llistxattr(proc, raw, 65536), kept = 0;
    if (n < 0)
        kept = -errno;
    for (ssize_t at = 0; at < n; at += strlen(raw + at) + 1) {
        size_t len = strlen(raw + at) + 1;
        if (mapped(fs) && fs_mapped_name(raw + at))
            continue;
        memmove(raw + kept, raw + at, len);
        kept += len;
    }
    fs_leave(&p);
    *list = raw;
    return kept;
}

int fs_setxattr(FsDev *fs, const char *path, const char *name, const void *data, size_t size,
                int flags)
{
    FsPlace p;
    g_autofree char *proc = NULL;
    int r = fs->readonly ? -EROFS : xattr_path(fs, path, name, &p, &proc);
    if (r)
        return r;
    r = CALL(lsetxattr(proc, name, data, size, flags));
    fs_leave(&p);
    return r;
}

int fs_removexattr(FsDev *fs, const char *path, const char *name)
{
    FsPlace p;
    g_autofree char *proc = NULL;
    int r = fs->readonly ? -EROFS : xattr_path(fs, path, name, &p, &proc);
    if (r)
        return r;
    r = CALL(lremovexattr(proc, name));
    fs_leave(&p);
    return r;
}

/* ---- numbers ---- */

uint64_t fs_unique(FsDev *fs, const struct stat *st)
{
    g_mutex_lock(&fs->lock);
    guint i = 0;
    while (i < fs->devices->len && g_array_index(fs->devices, dev_t, i) != st->st_dev)
        i++;
    if (i == fs->devices->len)
        g_array_append_val(fs->devices, st->st_dev);
    g_mutex_unlock(&fs->lock);
    return fs->multidevs_remap ? st->st_ino ^ (uint64_t)i << 48 : st->st_ino;
}
