/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -fsdev: a folder of the host for guests, and operations in it that can't leave it.
 *
 * A path is relative to the folder, of names joined by '/', without "." and ".."; "" is the folder.
 * No symbolic link is ever followed: guests resolve links themselves. Functions return 0 or a
 * value, or minus an errno. Any thread; they block on the host's file system.
 *
 * Security models decide who owns what the guest makes:
 *   none, passthrough  the host's own owner and mode; passthrough fails where it can't set them
 *   mapped-xattr       owner, mode and kind are in extended attributes user.virtfs.*, so that a
 *                      guest can have root's files and devices without privileges here
 */
#ifndef BACKEND_FS_H
#define BACKEND_FS_H

#include <dirent.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

typedef enum FsSecurity { FS_NONE, FS_PASSTHROUGH, FS_MAPPED_XATTR } FsSecurity;

typedef struct FsDev {
    char *id, *path;
    FsSecurity security;
    bool readonly;
    uint32_t fmode, dmode;  /* mapped-xattr: the host's modes of what is made */
    int root;               /* O_PATH */
    dev_t root_dev;
    bool multidevs_remap, multidevs_forbid;
    GArray *devices;        /* of dev_t, in order of appearance; under lock */
    GMutex lock;
    unsigned users;
} FsDev;

/* "local,id=f0,path=/srv,security_model=none"; for -virtfs the options of the device are given
 * back: mount_tag. */
FsDev *fsdev_new(const char *text, char **mount_tag, GError **error);
FsDev *fsdev_find(const char *id);

/* Who asks, for what is made. */
typedef struct FsCred {
    uint32_t uid, gid;
} FsCred;

int fs_stat(FsDev *fs, const char *path, struct stat *st);
int fs_open(FsDev *fs, const char *path, int flags);          /* a descriptor */
int fs_create(FsDev *fs, const char *path, int flags, uint32_t mode, FsCred cred);
int fs_mkdir(FsDev *fs, const char *path, uint32_t mode, FsCred cred);
int fs_mknod(FsDev *fs, const char *path, uint32_t mode, uint64_t rdev, FsCred cred);
int fs_symlink(FsDev *fs, const char *path, const char *target, FsCred cred);
int fs_readlink(FsDev *fs, const char *path, char **target);
int fs_link(FsDev *fs, const char *old, const char *new);
int fs_rename(FsDev *fs, const char *old, const char *new);
int fs_unlink(FsDev *fs, const char *path, bool dir);
int fs_chmod(FsDev *fs, const char *path, uint32_t mode);
int fs_chown(FsDev *fs, const char *path, uint32_t uid, uint32_t gid); /* UINT32_MAX: as it is */
int fs_truncate(FsDev *fs, const char *path, uint64_t size);
int fs_utimens(FsDev *fs, const char *path, const struct timespec ts[2]);
int fs_statfs(FsDev *fs, struct statvfs *st);
/* Extended attributes; those of the mapping are invisible. data NULL: just the size. */
ssize_t fs_getxattr(FsDev *fs, const char *path, const char *name, void *data, size_t size);
ssize_t fs_listxattr(FsDev *fs, const char *path, char **list); /* caller frees */
int fs_setxattr(FsDev *fs, const char *path, const char *name, const void *data, size_t size,
                int flags);
int fs_removexattr(FsDev *fs, const char *path, const char *name);
/* A number that no other file of this folder has, even from another file system below it. */
uint64_t fs_unique(FsDev *fs, const struct stat *st);

#endif
