/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 9P server's frame: messages, fids, saving. See hw/9pfs/p9.h. */
#include "hw/9pfs/p9.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "hw/9pfs/p9_int.h"
#include "util/error.h"

/* ---- reading and writing ---- */

static const uint8_t *take(P9Server *s, size_t n)
{
    static const uint8_t zeros[8];
    if (n > s->left) {
        s->bad = true;
        s->left = 0;
        return zeros;
    }
    const uint8_t *p = s->in;
    s->in += n;
    s->left -= n;
    return p;
}

uint8_t p9_get8(P9Server *s) { return *take(s, 1); }
uint16_t p9_get16(P9Server *s) { return load_le16(take(s, 2)); }
uint32_t p9_get32(P9Server *s) { return load_le32(take(s, 4)); }
uint64_t p9_get64(P9Server *s) { return load_u64(take(s, 8)); }

char *p9_get_string(P9Server *s)
{
    uint16_t len = p9_get16(s);
    if (len > s->left) {
        s->bad = true;
        return g_strdup("");
    }
    const uint8_t *p = take(s, len);
    if (memchr(p, 0, len))
        s->bad = true;
    return g_strndup((const char *)p, len);
}

void p9_put8(P9Server *s, uint8_t v)
{
    g_byte_array_append(s->out, &v, 1);
}

void p9_put16(P9Server *s, uint16_t v)
{
    uint8_t raw[2];
    store_le16(raw, v);
    g_byte_array_append(s->out, raw, 2);
}

void p9_put32(P9Server *s, uint32_t v)
{
    uint8_t raw[4];
    store_le32(raw, v);
    g_byte_array_append(s->out, raw, 4);
}

void p9_put64(P9Server *s, uint64_t v)
{
    uint8_t raw[8];
    store_u64(raw, v);
    g_byte_array_append(s->out, raw, 8);
}

void p9_put_string(P9Server *s, const char *text)
{
    size_t len = MIN(strlen(text), UINT16_MAX);
    p9_put16(s, len);
    g_byte_array_append(s->out, (const uint8_t *)text, len);
}

void p9_put_qid(P9Server *s, const struct stat *st)
{
    enum { QTDIR = 0x80, QTSYMLINK = 0x02 };
    p9_put8(s, S_ISDIR(st->st_mode) ? QTDIR : S_ISLNK(st->st_mode) ? QTSYMLINK : 0);
    /* Changes whenever the contents do: what Linux compares cached pages by. */
    p9_put32(s, (uint32_t)st->st_mtime ^ (uint32_t)st->st_size << 8);
    p9_put64(s, fs_unique(s->fs, st));
}

/* ---- fids ---- */

void p9_fid_close(Fid *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->dir)
        closedir(f->dir);
    f->fd = -1;
    f->dir = NULL;
}

static void fid_free(void *p)
{
    Fid *f = p;
    p9_fid_close(f);
    if (f->value)
        g_byte_array_unref(f->value);
    g_free(f->xattr);
    g_free(f->path);
    g_free(f);
}

Fid *p9_fid(P9Server *s, uint32_t number)
{
    return g_hash_table_lookup(s->fids, GUINT_TO_POINTER(number));
}

Fid *p9_fid_new(P9Server *s, uint32_t number, const char *path, FsCred cred)
{
    if (p9_fid(s, number) || g_hash_table_size(s->fids) >= P9_MAX_FIDS)
        return NULL;
    Fid *f = g_new0(Fid, 1);
    *f = (Fid){ .number = number, .path = g_strdup(path), .cred = cred, .fd = -1 };
    g_hash_table_insert(s->fids, GUINT_TO_POINTER(number), f);
    return f;
}

void p9_fid_drop(P9Server *s, Fid *f)
{
    g_hash_table_remove(s->fids, GUINT_TO_POINTER(f->number));
}

void p9_fids_moved(P9Server *s, const char *old, const char *new)
{
    GHashTableIter it;
    void *value;
    size_t n = strlen(old);
    g_hash_table_iter_init(&it, s->fids);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Fid *f = value;
        if (strncmp(f->path, old, n) || (f->path[n] && f->path[n] != '/'))
            continue;
        char *moved = g_strconcat(new, f->path + n, NULL);
        g_free(f->path);
        f->path = moved;
    }
}

char *p9_join(const char *path, const char *name)
{
    if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ||
        strlen(name) > 255)
        return NULL;
    return *path ? g_strconcat(path, "/", name, NULL) : g_strdup(name);
}

int p9_fid_fd(P9Server *s, Fid *f)
{
    if (f->fd < 0)
        f->fd = fs_open(s->fs, f->path, f->flags & ~O_TRUNC);
    return f->fd;
}

int p9_fid_dir(P9Server *s, Fid *f)
{
    if (f->dir)
        return 0;
    int fd = fs_open(s->fs, f->path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    f->dir = fdopendir(fd);
    if (!f->dir) {
        close(fd);
        return -ENOMEM;
    }
    return 0;
}

/* ---- messages ---- */

static int version(P9Server *s)
{
    uint32_t msize = p9_get32(s);
    g_autofree char *wanted = p9_get_string(s);
    bool known = !strcmp(wanted, "9P2000.L");
    if (!s->bad && msize < P9_MSIZE_MIN)
        return EMSGSIZE;
    g_hash_table_remove_all(s->fids);
    s->msize = MIN(msize, P9_MSIZE_MAX);
    p9_put32(s, s->msize);
    p9_put_string(s, known ? wanted : "unknown");
    return 0;
}

static int no_auth(P9Server *s)
{
    return EOPNOTSUPP;
}

/* Requests are served one after the other: the one named was answered before. */
static int flush(P9Server *s)
{
    return 0;
}

/* By type of the request; the reply's is one more. */
static P9Op *const ops[128] = {
    [8] = p9_statfs, [12] = p9_lopen, [14] = p9_lcreate, [16] = p9_symlink, [18] = p9_mknod,
    [20] = p9_rename, [22] = p9_readlink, [24] = p9_getattr, [26] = p9_setattr,
    [30] = p9_xattrwalk, [32] = p9_xattrcreate, [40] = p9_readdir, [50] = p9_fsync,
    [52] = p9_lock, [54] = p9_getlock, [70] = p9_link, [72] = p9_mkdir, [74] = p9_renameat,
    [76] = p9_unlinkat, [100] = version, [102] = no_auth, [104] = p9_attach, [108] = flush,
    [110] = p9_walk, [116] = p9_read, [118] = p9_write, [120] = p9_clunk, [122] = p9_remove,
};
enum { RLERROR = 7, OP_VERSION = 100 };

bool p9_serve(P9Server *s, const uint8_t *request, size_t len, GByteArray *out, size_t room)
{
    if (len < P9_HEADER || load_le32(request) > len || load_le32(request) < P9_HEADER)
        return false;
    uint8_t type = request[4];
    uint16_t tag = load_le16(request + 5);
    s->in = request + P9_HEADER;
    s->left = load_le32(request) - P9_HEADER;
    s->bad = false;
    s->out = out;
    s->room = type == OP_VERSION ? room : MIN(room, s->msize);
    g_byte_array_set_size(out, P9_HEADER);
    P9Op *op = type < G_N_ELEMENTS(ops) ? ops[type] : NULL;
    int error = s->room < P9_HEADER + 4 ? EIO : !op ? EOPNOTSUPP : op(s);
    if (s->bad)
        error = EINVAL;
    if (!error && out->len > s->room)
        error = EMSGSIZE;
    if (error) {
        g_byte_array_set_size(out, P9_HEADER);
        p9_put32(s, (uint32_t)error);
    }
    store_le32(out->data, out->len);
    out->data[4] = error ? RLERROR : type + 1;
    store_le16(out->data + 5, tag);
    return out->len <= room;
}

P9Server *p9_new(FsDev *fs)
{
    P9Server *s = g_new0(P9Server, 1);
    s->fs = fs;
    s->msize = P9_MSIZE_MIN;
    s->fids = g_hash_table_new_full(NULL, NULL, NULL, fid_free);
    return s;
}

void p9_free(P9Server *s)
{
    g_hash_table_unref(s->fids);
    g_free(s);
}

void p9_reset(P9Server *s)
{
    g_hash_table_remove_all(s->fids);
    s->msize = P9_MSIZE_MIN;
}

/* ---- saving: msize, number of fids, each as its members in this order ---- */

void p9_save(const P9Server *server, GByteArray *out)
{
    P9Server s = { .out = out };
    GHashTableIter it;
    void *value;
    p9_put32(&s, server->msize);
    p9_put32(&s, g_hash_table_size(server->fids));
    g_hash_table_iter_init(&it, server->fids);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const Fid *f = value;
        p9_put32(&s, f->number);
        p9_put8(&s, f->kind);
        p9_put_string(&s, f->path);
        p9_put32(&s, f->cred.uid);
        p9_put32(&s, f->cred.gid);
        p9_put32(&s, f->flags);
        p9_put_string(&s, f->xattr ? f->xattr : "");
        p9_put8(&s, f->xattr_write);
        p9_put64(&s, f->xattr_size);
        p9_put32(&s, f->xattr_flags);
        p9_put32(&s, f->value ? f->value->len : 0);
        if (f->value)
            g_byte_array_append(out, f->value->data, f->value->len);
    }
}

static bool path_is_sound(const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    for (char **n = names; *path && *n; n++) {
        g_autofree char *joined = p9_join("", *n);
        if (!joined)
            return false;
    }
    return true;
}

static bool load_fid(P9Server *s)
{
    uint32_t number = p9_get32(s);
    uint8_t kind = p9_get8(s);
    g_autofree char *path = p9_get_string(s);
    FsCred cred = { p9_get32(s), 0 };
    cred.gid = p9_get32(s);
    if (s->bad || kind > FID_XATTR || !path_is_sound(path))
        return false;
    Fid *f = p9_fid_new(s, number, path, cred);
    if (!f)
        return false;
    f->kind = kind;
    f->flags = (int)p9_get32(s) & (O_ACCMODE | O_APPEND | O_DIRECTORY | O_SYNC | O_DSYNC);
    f->xattr = p9_get_string(s);
    f->xattr_write = p9_get8(s);
    f->xattr_size = p9_get64(s);
    f->xattr_flags = (int)p9_get32(s);
    uint32_t n = p9_get32(s);
    if (s->bad || n > s->left || f->xattr_size > 65536)
        return false;
    if (kind == FID_XATTR) {
        f->value = g_byte_array_new();
        g_byte_array_append(f->value, s->in, n);
    }
    s->in += n;
    s->left -= n;
    return true;
}

bool p9_load(P9Server *s, const uint8_t *data, size_t len, GError **error)
{
    p9_reset(s);
    s->in = data;
    s->left = len;
    s->bad = false;
    uint32_t msize = p9_get32(s), n = p9_get32(s);
    s->msize = CLAMP(msize, P9_MSIZE_MIN, P9_MSIZE_MAX);
    bool ok = true;
    for (; ok && n; n--)
        ok = load_fid(s);
    if (ok && !s->bad && !s->left)
        return true;
    p9_reset(s);
    return error_set(error, "9p: the list of files in the snapshot is damaged");
}
