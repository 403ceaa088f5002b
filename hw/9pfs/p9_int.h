/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the 9P server: fids, and reading and writing of messages. */
#ifndef HW_9PFS_P9_INT_H
#define HW_9PFS_P9_INT_H

#include <string.h>

#include "hw/9pfs/p9.h"
#include "util/bits.h"

typedef enum FidKind { FID_PATH, FID_FILE, FID_DIR, FID_XATTR } FidKind;

typedef struct Fid {
    uint32_t number;
    FidKind kind;
    char *path;          /* in the folder */
    FsCred cred;         /* of the attach that it comes from */
    int flags;           /* of open, without creation */
    int fd;              /* FID_FILE; -1: to be opened when used */
    DIR *dir;            /* FID_DIR; NULL: likewise */
    char *xattr;         /* FID_XATTR: name; "" the list of names */
    GByteArray *value;   /* its contents */
    bool xattr_write;
    uint64_t xattr_size;
    int xattr_flags;
} Fid;

struct P9Server {
    FsDev *fs;
    uint32_t msize;
    GHashTable *fids;    /* number -> Fid */
    /* the request being served */
    const uint8_t *in;
    size_t left;
    bool bad;            /* it is shorter than it should be */
    GByteArray *out;
    size_t room;
};

/* ---- reading the request; past its end: zeros, and bad ---- */
uint8_t p9_get8(P9Server *s);
uint16_t p9_get16(P9Server *s);
uint32_t p9_get32(P9Server *s);
uint64_t p9_get64(P9Server *s);
char *p9_get_string(P9Server *s);          /* caller frees; never NULL */

/* ---- writing the reply ---- */
void p9_put8(P9Server *s, uint8_t v);
void p9_put16(P9Server *s, uint16_t v);
void p9_put32(P9Server *s, uint32_t v);
void p9_put64(P9Server *s, uint64_t v);
void p9_put_string(P9Server *s, const char *text);
void p9_put_qid(P9Server *s, const struct stat *st);

/* ---- fids ---- */
Fid *p9_fid(P9Server *s, uint32_t number);
Fid *p9_fid_new(P9Server *s, uint32_t number, const char *path, FsCred cred); /* NULL: in use */
void p9_fid_drop(P9Server *s, Fid *f);
void p9_fid_close(Fid *f);
/* A file or folder was renamed: fids below it too. */
void p9_fids_moved(P9Server *s, const char *old, const char *new);
/* path/name; NULL for names that are none (caller frees). */
char *p9_join(const char *path, const char *name);
/* The descriptor of an open file or folder, opened again if need be; minus an errno. */
int p9_fid_fd(P9Server *s, Fid *f);
int p9_fid_dir(P9Server *s, Fid *f);

/* Each serves a request of its kind (the header is read) and returns 0 or a positive errno. */
typedef int P9Op(P9Server *s);
/* p9_files.c */
P9Op p9_lopen, p9_lcreate, p9_read, p9_write, p9_readdir, p9_fsync, p9_xattrwalk, p9_xattrcreate,
    p9_lock, p9_getlock, p9_clunk;
/* p9_names.c */
P9Op p9_attach, p9_walk, p9_statfs, p9_getattr, p9_setattr, p9_symlink, p9_mknod, p9_mkdir,
    p9_readlink, p9_link, p9_rename, p9_renameat, p9_unlinkat, p9_remove;

#endif
