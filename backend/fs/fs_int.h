/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of backend/fs. */
#ifndef BACKEND_FS_FS_INT_H
#define BACKEND_FS_FS_INT_H

#include "backend/fs.h"

/* The folder that path is in, and its name there ("." for the root). */
typedef struct FsPlace {
    int dir;        /* O_PATH; to be closed by fs_leave */
    const char *name;
    char proc[64];  /* "/proc/self/fd/N", for calls that take no descriptor */
} FsPlace;

int fs_enter(FsDev *fs, const char *path, FsPlace *place);
void fs_leave(FsPlace *place);
char *fs_proc_path(const FsPlace *place); /* caller frees */

/* mapped.c: owner, mode, kind of device in extended attributes */
void fs_mapped_stat(const FsPlace *place, struct stat *st);
/* UINT32_MAX, and UINT64_MAX for rdev: leave it. */
int fs_mapped_set(const FsPlace *place, uint32_t uid, uint32_t gid, uint32_t mode, uint64_t rdev);
bool fs_mapped_name(const char *xattr);

#endif
