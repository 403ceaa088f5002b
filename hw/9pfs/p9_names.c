/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 9P2000.L: names, links and attributes. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "hw/9pfs/p9_int.h"

enum { MAX_WALK = 16 };

/* Reads a fid's number; NULL: there is none. */
static Fid *get_fid(P9Server *s)
{
    return p9_fid(s, p9_get32(s));
}

int p9_attach(P9Server *s)
{
    uint32_t number = p9_get32(s), afid = p9_get32(s);
    g_free(p9_get_string(s)); /* the user's name, and which tree: there is one */
    g_free(p9_get_string(s));
    uint32_t uid = p9_get32(s);
    struct stat st;
    if (s->bad || afid != UINT32_MAX)
        return EINVAL;
    int r = fs_stat(s->fs, "", &st);
    if (r)
        return -r;
    FsCred cred = { uid == UINT32_MAX ? 0 : uid, 0 };
    if (!p9_fid_new(s, number, "", cred))
        return EINVAL;
    p9_put_qid(s, &st);
    return 0;
}

/* The parent of the root is the root. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? g_strndup(path, slash - path) : g_strdup("");
}

int p9_walk(P9Server *s)
{
    Fid *f = get_fid(s);
    uint32_t to = p9_get32(s);
    unsigned n = p9_get16(s), done = 0;
    if (s->bad || n > MAX_WALK)
        return EINVAL;
    if (!f || f->kind == FID_XATTR)
        return EBADF;
    struct stat qids[MAX_WALK];
    g_autofree char *path = g_strdup(f->path);
    int r = 0;
    for (; done < n; done++) {
        g_autofree char *name = p9_get_string(s);
        char *next = !strcmp(name, "..") ? parent_of(path)
                     : !strcmp(name, ".") ? g_strdup(path) : p9_join(path, name);
        if (s->bad)
            r = -EINVAL;
        else
            r = next ? fs_stat(s->fs, next, &qids[done]) : -ENOENT;
        if (r) {
            g_free(next);
            break;
        }
        g_free(path);
        path = next;
    }
    if (r && !done)
        return -r;
    s->bad = false; /* names behind the one that failed were not read */
    if (done == n) {
        if (to == f->number) {
            if (f->kind != FID_PATH)
                return EBUSY;
            g_free(f->path);
            f->path = g_strdup(path);
        } else if (!p9_fid_new(s, to, path, f->cred)) {
            return EBADF;
        }
    }
    p9_put16(s, done);
    for (unsigned i = 0; i < done; i++)
        p9_put_qid(s, &qids[i]);
    return 0;
}

int p9_statfs(P9Server *s)
{
    enum { V9FS_MAGIC = 0x01021997 };
    struct statvfs st;
    if (!get_fid(s))
        return EBADF;
    int r = fs_statfs(s->fs, &st);
    if (r)
        return -r;
    p9_put32(s, V9FS_MAGIC);
    p9_put32(s, st.f_bsize);
    p9_put64(s, st.f_blocks);
    p9_put64(s, st.f_bfree);
    p9_put64(s, st.f_bavail);
    p9_put64(s, st.f_files);
    p9_put64(s, st.f_ffree);
    p9_put64(s, st.f_fsid);
    p9_put32(s, st.f_namemax);
    return 0;
}

static void put_time(P9Server *s, const struct timespec *t)
{
    p9_put64(s, t->tv_sec);
    p9_put64(s, t->tv_nsec);
}

int p9_getattr(P9Server *s)
{
    enum { GETATTR_BASIC = 0x7ff };
    struct stat st;
    Fid *f = get_fid(s);
    p9_get64(s);
    if (!f)
        return EBADF;
    /* An open file may have lost its name. */
    int r = f->fd >= 0 && s->fs->security != FS_MAPPED_XATTR
                ? (fstat(f->fd, &st) ? -errno : 0) : fs_stat(s->fs, f->path, &st);
    if (r == -ENOENT && f->fd >= 0)
        r = fstat(f->fd, &st) ? -errno : 0;
    if (r)
        return -r;
    p9_put64(s, GETATTR_BASIC);
    p9_put_qid(s, &st);
    p9_put32(s, st.st_mode);
    p9_put32(s, st.st_uid);
    p9_put32(s, st.st_gid);
    p9_put64(s, st.st_nlink);
    p9_put64(s, st.st_rdev);
    p9_put64(s, st.st_size);
    p9_put64(s, s->msize > 8192 ? (s->msize - 24) & ~4095u : 4096);
    p9_put64(s, st.st_blocks);
    put_time(s, &st.st_atim);
    put_time(s, &st.st_mtim);
    put_time(s, &st.st_ctim);
    for (int i = 0; i < 4; i++) /* birth time, generation, data version: not known */
        p9_put64(s, 0);
    return 0;
}

static struct timespec wanted_time(uint32_t valid, uint32_t set, uint32_t explicit, uint64_t sec,
                                   uint64_t nsec)
{
    struct timespec t = { .tv_nsec = UTIME_OMIT };
    if (valid & set)
        t = valid & explicit ? (struct timespec){ (time_t)sec, (long)nsec }
                             : (struct timespec){ .tv_nsec = UTIME_NOW };
    return t;
}

int p9_setattr(P9Server *s)
{
    enum { MODE = 1, UID = 2, GID = 4, SIZE = 8, ATIME = 16, MTIME = 32, CTIME = 64,
           ATIME_SET = 128, MTIME_SET = 256 };
    Fid *f = get_fid(s);
    uint32_t valid = p9_get32(s), mode = p9_get32(s), uid = p9_get32(s), gid = p9_get32(s);
    uint64_t size = p9_get64(s), atime = p9_get64(s), atime_ns = p9_get64(s), mtime = p9_get64(s),
             mtime_ns = p9_get64(s);
    int r = 0;
    if (s->bad)
        return EINVAL;
    if (!f)
        return EBADF;
    if (atime_ns > 999999999 || mtime_ns > 999999999)
        return EINVAL;
    if (valid & MODE)
        r = fs_chmod(s->fs, f->path, mode);
    if (!r && valid & (ATIME | MTIME)) {
        struct timespec ts[2] = { wanted_time(valid, ATIME, ATIME_SET, atime, atime_ns),
                                  wanted_time(valid, MTIME, MTIME_SET, mtime, mtime_ns) };
        r = fs_utimens(s->fs, f->path, ts);
    }
    if (!r && valid & (UID | GID))
        r = fs_chown(s->fs, f->path, valid & UID ? uid : UINT32_MAX, valid & GID ? gid : UINT32_MAX);
    if (!r && valid & SIZE) {
        if (f->fd >= 0 && !s->fs->readonly && size <= INT64_MAX && (f->flags & 3))
            r = ftruncate(f->fd, (off_t)size) ? -errno : 0;
        else
            r = fs_truncate(s->fs, f->path, size);
    }
    return -r;
}

/* Answers with the qid of what was made. */
static int made(P9Server *s, int r, const char *path)
{
    struct stat st;
    if (!r)
        r = fs_stat(s->fs, path, &st);
    if (!r)
        p9_put_qid(s, &st);
    return -r;
}

int p9_symlink(P9Server *s)
{
    Fid *f = get_fid(s);
    g_autofree char *name = p9_get_string(s), *target = p9_get_string(s);
    uint32_t gid = p9_get32(s);
    g_autofree char *path = f ? p9_join(f->path, name) : NULL;
    if (s->bad || !path)
        return f ? EINVAL : EBADF;
    return made(s, fs_symlink(s->fs, path, target, (FsCred){ f->cred.uid, gid }), path);
}

int p9_mknod(P9Server *s)
{
    Fid *f = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    uint32_t mode = p9_get32(s), major = p9_get32(s), minor = p9_get32(s), gid = p9_get32(s);
    g_autofree char *path = f ? p9_join(f->path, name) : NULL;
    if (s->bad || !path)
        return f ? EINVAL : EBADF;
    int r = fs_mknod(s->fs, path, mode, makedev(major, minor), (FsCred){ f->cred.uid, gid });
    return made(s, r, path);
}

int p9_mkdir(P9Server *s)
{
    Fid *f = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    uint32_t mode = p9_get32(s), gid = p9_get32(s);
    g_autofree char *path = f ? p9_join(f->path, name) : NULL;
    if (s->bad || !path)
        return f ? EINVAL : EBADF;
    return made(s, fs_mkdir(s->fs, path, mode, (FsCred){ f->cred.uid, gid }), path);
}

int p9_readlink(P9Server *s)
{
    Fid *f = get_fid(s);
    g_autofree char *target = NULL;
    if (!f)
        return EBADF;
    int r = fs_readlink(s->fs, f->path, &target);
    if (!r)
        p9_put_string(s, target);
    return -r;
}

int p9_link(P9Server *s)
{
    Fid *dir = get_fid(s), *f = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    g_autofree char *path = dir ? p9_join(dir->path, name) : NULL;
    if (s->bad || !path || !f)
        return dir && f ? EINVAL : EBADF;
    return -fs_link(s->fs, f->path, path);
}

static int move(P9Server *s, const char *old, const char *new)
{
    /* into itself: the host says EINVAL; the names of fids must not change then */
    int r = fs_rename(s->fs, old, new);
    if (!r && strcmp(old, new))
        p9_fids_moved(s, old, new);
    return -r;
}

int p9_rename(P9Server *s)
{
    Fid *f = get_fid(s), *dir = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    g_autofree char *path = dir ? p9_join(dir->path, name) : NULL;
    if (s->bad || !path || !f)
        return dir && f ? EINVAL : EBADF;
    g_autofree char *old = g_strdup(f->path);
    return move(s, old, path);
}

int p9_renameat(P9Server *s)
{
    Fid *from = get_fid(s);
    g_autofree char *old_name = p9_get_string(s);
    Fid *to = get_fid(s);
    g_autofree char *new_name = p9_get_string(s);
    g_autofree char *old = from ? p9_join(from->path, old_name) : NULL;
    g_autofree char *new = to ? p9_join(to->path, new_name) : NULL;
    if (s->bad || !old || !new)
        return from && to ? EINVAL : EBADF;
    return move(s, old, new);
}

int p9_unlinkat(P9Server *s)
{
    enum { REMOVEDIR = 0x200 };
    Fid *f = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    uint32_t flags = p9_get32(s);
    g_autofree char *path = f ? p9_join(f->path, name) : NULL;
    if (s->bad || !path)
        return f ? EINVAL : EBADF;
    return -fs_unlink(s->fs, path, flags & REMOVEDIR);
}

/* Forgets the fid, whatever happens to the file. */
int p9_remove(P9Server *s)
{
    Fid *f = get_fid(s);
    struct stat st;
    if (!f)
        return EBADF;
    int r = fs_stat(s->fs, f->path, &st);
    if (!r)
        r = fs_unlink(s->fs, f->path, S_ISDIR(st.st_mode));
    p9_fid_drop(s, f);
    return -r;
}
