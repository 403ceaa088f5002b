/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 9P2000.L: open files, folders, extended attributes, locks. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "hw/9pfs/p9_int.h"

enum { READ_HEADER = P9_HEADER + 4, WRITE_HEADER = P9_HEADER + 16, MAX_XATTR = 65536 };

static Fid *get_fid(P9Server *s)
{
    return p9_fid(s, p9_get32(s));
}

/* The numbers of 9P2000.L's flags are those of Linux on x86, whatever this host's are. */
static int host_flags(uint32_t l)
{
    static const struct { uint32_t l; int host; } map[] = {
        { 02000, O_APPEND }, { 01000, O_TRUNC }, { 0200000, O_DIRECTORY }, { 010000, O_DSYNC },
        { 04000000, O_SYNC }, { 0100000, O_LARGEFILE }, { 01000000, O_NOATIME },
    };
    int flags = l & 3;
    for (size_t i = 0; i < G_N_ELEMENTS(map); i++)
        if ((l & map[i].l) == map[i].l)
            flags |= map[i].host;
    return flags & ~O_NOATIME; /* only owners may ask for it */
}

static uint32_t io_unit(const P9Server *s)
{
    return s->msize > 8192 ? (s->msize - 24) & ~4095u : s->msize - 24;
}

int p9_lopen(P9Server *s)
{
    Fid *f = get_fid(s);
    int flags = host_flags(p9_get32(s));
    struct stat st;
    if (!f || f->kind != FID_PATH)
        return EBADF;
    int r = fs_stat(s->fs, f->path, &st);
    if (r)
        return -r;
    if (S_ISDIR(st.st_mode)) {
        f->kind = FID_DIR;
        r = p9_fid_dir(s, f);
    } else {
        if (s->fs->readonly && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
            return EROFS;
        r = fs_open(s->fs, f->path, flags);
        /* Write-only files are read too, by guests that cache; as root may. */
        f->kind = FID_FILE;
        f->flags = flags;
        f->fd = r;
        r = MIN(r, 0);
    }
    if (r) {
        f->kind = FID_PATH;
        f->fd = -1;
        return -r;
    }
    p9_put_qid(s, &st);
    p9_put32(s, io_unit(s));
    return 0;
}

int p9_lcreate(P9Server *s)
{
    Fid *f = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    int flags = host_flags(p9_get32(s));
    uint32_t mode = p9_get32(s), gid = p9_get32(s);
    struct stat st;
    if (!f || f->kind != FID_PATH)
        return EBADF;
    g_autofree char *path = p9_join(f->path, name);
    if (s->bad || !path)
        return EINVAL;
    int fd = fs_create(s->fs, path, flags, mode, (FsCred){ f->cred.uid, gid });
    if (fd == -EEXIST) /* O_CREAT without O_EXCL: the guest lost a race */
        fd = fs_open(s->fs, path, flags);
    if (fd < 0)
        return -fd;
    int r = fs_stat(s->fs, path, &st);
    if (r) {
        close(fd);
        return -r;
    }
    f->kind = FID_FILE;
    f->flags = flags;
    f->fd = fd;
    g_free(f->path);
    f->path = g_strdup(path);
    p9_put_qid(s, &st);
    p9_put32(s, io_unit(s));
    return 0;
}

/* Room for data in this reply, at most what was asked for. */
static uint32_t data_room(const P9Server *s, uint32_t count)
{
    return s->room > READ_HEADER ? MIN(count, s->room - READ_HEADER) : 0;
}

int p9_read(P9Server *s)
{
    Fid *f = get_fid(s);
    uint64_t offset = p9_get64(s);
    uint32_t count = data_room(s, p9_get32(s));
    if (s->bad)
        return EINVAL;
    if (!f || offset > INT64_MAX)
        return f ? EINVAL : EBADF;
    if (f->kind == FID_XATTR) {
        size_t have = f->value->len, from = MIN(offset, have);
        count = MIN(count, have - from);
        p9_put32(s, count);
        g_byte_array_append(s->out, f->value->data + from, count);
        return 0;
    }
    if (f->kind != FID_FILE)
        return f->kind == FID_DIR ? EISDIR : EBADF;
    int fd = p9_fid_fd(s, f);
    if (fd < 0)
        return -fd;
    g_byte_array_set_size(s->out, READ_HEADER + count);
    ssize_t n = pread(fd, s->out->data + READ_HEADER, count, (off_t)offset);
    if (n < 0)
        return errno;
    g_byte_array_set_size(s->out, READ_HEADER + n);
    store_le32(s->out->data + P9_HEADER, (uint32_t)n);
    return 0;
}

static int write_xattr(P9Server *s, Fid *f, uint64_t offset, uint32_t count)
{
    if (!f->xattr_write || offset > f->xattr_size || count > f->xattr_size - offset)
        return ENOSPC;
    if (f->value->len < offset + count)
        g_byte_array_set_size(f->value, offset + count);
    memcpy(f->value->data + offset, s->in, count);
    p9_put32(s, count);
    return 0;
}

int p9_write(P9Server *s)
{
    Fid *f = get_fid(s);
    uint64_t offset = p9_get64(s);
    uint32_t count = p9_get32(s);
    if (s->bad || count > s->left || offset > INT64_MAX)
        return EINVAL;
    if (f && f->kind == FID_XATTR)
        return write_xattr(s, f, offset, count);
    if (!f || f->kind != FID_FILE)
        return EBADF;
    if (s->fs->readonly)
        return EROFS;
    int fd = p9_fid_fd(s, f);
    if (fd < 0)
        return -fd;
    ssize_t n = pwrite(fd, s->in, count, (off_t)offset);
    if (n < 0)
        return errno;
    p9_put32(s, (uint32_t)n);
    return 0;
}

int p9_readdir(P9Server *s)
{
    enum { ENTRY = 13 + 8 + 1 + 2 };
    Fid *f = get_fid(s);
    uint64_t offset = p9_get64(s);
    uint32_t room = data_room(s, p9_get32(s));
    if (!f || f->kind != FID_DIR)
        return EBADF;
    int r = p9_fid_dir(s, f);
    if (r)
        return -r;
    if (offset)
        seekdir(f->dir, (long)offset);
    else
        rewinddir(f->dir);
    p9_put32(s, 0);
    uint32_t used = 0;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(f->dir);
        if (!e) {
            if (errno)
                return errno;
            break;
        }
        if (used + ENTRY + strlen(e->d_name) > room)
            break;
        struct stat st = { .st_ino = e->d_ino, .st_dev = s->fs->root_dev,
                           .st_mode = DTTOIF(e->d_type) };
        g_autofree char *path = p9_join(f->path, e->d_name);
        if (path && fs_stat(s->fs, path, &st))
            continue; /* gone since, or not to be seen */
        p9_put_qid(s, &st);
        p9_put64(s, telldir(f->dir));
        p9_put8(s, IFTODT(st.st_mode));
        p9_put_string(s, e->d_name);
        used += ENTRY + strlen(e->d_name);
    }
    store_le32(s->out->data + P9_HEADER, used);
    return 0;
}

int p9_fsync(P9Server *s)
{
    Fid *f = get_fid(s);
    uint32_t data_only = s->left >= 4 ? p9_get32(s) : 0;
    if (!f || (f->kind != FID_FILE && f->kind != FID_DIR))
        return EBADF;
    if (f->kind == FID_DIR)
        return p9_fid_dir(s, f) || fsync(dirfd(f->dir)) ? errno : 0;
    int fd = p9_fid_fd(s, f);
    if (fd < 0)
        return -fd;
    return (data_only ? fdatasync(fd) : fsync(fd)) ? errno : 0;
}

int p9_xattrwalk(P9Server *s)
{
    Fid *f = get_fid(s);
    uint32_t to = p9_get32(s);
    g_autofree char *name = p9_get_string(s);
    if (s->bad)
        return EINVAL;
    if (!f)
        return EBADF;
    char *list = NULL;
    ssize_t n;
    if (*name) {
        list = g_malloc(MAX_XATTR);
        n = fs_getxattr(s->fs, f->path, name, list, MAX_XATTR);
    } else {
        n = fs_listxattr(s->fs, f->path, &list);
    }
    if (n < 0) {
        g_free(list);
        return (int)-n;
    }
    Fid *x = p9_fid_new(s, to, f->path, f->cred);
    if (x) {
        x->kind = FID_XATTR;
        x->xattr = g_strdup(name);
        x->value = g_byte_array_new();
        g_byte_array_append(x->value, (const uint8_t *)list, n);
        p9_put64(s, n);
    }
    g_free(list);
    return x ? 0 : EBADF;
}

/* The fid becomes the attribute: written to, and set when it is clunked. */
int p9_xattrcreate(P9Server *s)
{
    Fid *f = get_fid(s);
    g_autofree char *name = p9_get_string(s);
    uint64_t size = p9_get64(s);
    uint32_t flags = p9_get32(s);
    if (s->bad || !*name || flags > 2)
        return EINVAL;
    if (!f || f->kind != FID_PATH)
        return EBADF;
    if (size > MAX_XATTR)
        return E2BIG;
    if (s->fs->readonly)
        return EROFS;
    f->kind = FID_XATTR;
    f->xattr = g_strdup(name);
    f->value = g_byte_array_new();
    f->xattr_write = true;
    f->xattr_size = size;
    f->xattr_flags = (int)flags;
    return 0;
}

int p9_clunk(P9Server *s)
{
    Fid *f = get_fid(s);
    int r = 0;
    if (!f)
        return EBADF;
    if (f->kind == FID_XATTR && f->xattr_write) {
        if (f->value->len != f->xattr_size)
            r = -EIO;
        else if (!f->xattr_size) /* what the protocol has for removal */
            r = fs_removexattr(s->fs, f->path, f->xattr);
        else
            r = fs_setxattr(s->fs, f->path, f->xattr, f->value->data, f->value->len,
                            f->xattr_flags);
    }
    p9_fid_drop(s, f);
    return -r;
}

/* Locks are between the guest's own processes, and its kernel keeps these: here all succeed. */
int p9_lock(P9Server *s)
{
    enum { LOCK_SUCCESS = 0 };
    if (!get_fid(s))
        return EBADF;
    p9_put8(s, LOCK_SUCCESS);
    return 0;
}

int p9_getlock(P9Server *s)
{
    enum { UNLOCKED = 2 };
    Fid *f = get_fid(s);
    p9_get8(s);
    uint64_t start = p9_get64(s), length = p9_get64(s);
    uint32_t process = p9_get32(s);
    g_autofree char *client = p9_get_string(s);
    if (!f)
        return EBADF;
    p9_put8(s, UNLOCKED);
    p9_put64(s, start);
    p9_put64(s, length);
    p9_put32(s, process);
    p9_put_string(s, client);
    return 0;
}
