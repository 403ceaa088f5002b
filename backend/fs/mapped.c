/* SPDX-License-Identifier: GPL-2.0-or-later */
/* security_model=mapped-xattr: user.virtfs.{uid,gid,mode} (le32) and .rdev (le64). */
#include "backend/fs/fs_int.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "util/bits.h"

static const char prefix[] = "user.virtfs.";

bool fs_mapped_name(const char *xattr)
{
    return g_str_has_prefix(xattr, prefix);
}

static bool get32(const char *path, const char *name, uint32_t *v)
{
    uint8_t raw[4];
    if (lgetxattr(path, name, raw, sizeof raw) != sizeof raw)
        return false;
    *v = load_le32(raw);
    return true;
}

void fs_mapped_stat(const FsPlace *place, struct stat *st)
{
    g_autofree char *path = fs_proc_path(place);
    uint32_t v;
    uint8_t rdev[8];
    if (get32(path, "user.virtfs.uid", &v))
        st->st_uid = v;
    if (get32(path, "user.virtfs.gid", &v))
        st->st_gid = v;
    if (get32(path, "user.virtfs.mode", &v))
        st->st_mode = v;
    if (lgetxattr(path, "user.virtfs.rdev", rdev, sizeof rdev) == sizeof rdev)
        st->st_rdev = load_u64(rdev);
}

static int set32(const char *path, const char *name, uint32_t v)
{
    uint8_t raw[4];
    if (v == UINT32_MAX)
        return 0;
    store_le32(raw, v);
    return lsetxattr(path, name, raw, sizeof raw, 0) ? -errno : 0;
}

int fs_mapped_set(const FsPlace *place, uint32_t uid, uint32_t gid, uint32_t mode, uint64_t rdev)
{
    g_autofree char *path = fs_proc_path(place);
    int r = set32(path, "user.virtfs.uid", uid);
    if (!r)
        r = set32(path, "user.virtfs.gid", gid);
    if (!r)
        r = set32(path, "user.virtfs.mode", mode);
    if (!r && rdev != UINT64_MAX) {
        uint8_t raw[8];
        store_u64(raw, rdev);
        r = lsetxattr(path, "user.virtfs.rdev", raw, sizeof raw, 0) ? -errno : 0;
    }
    return r;
}
