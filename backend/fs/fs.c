/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -fsdev local: see include/backend/fs.h. */
#include "backend/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/error.h"
#include "util/opts.h"

static GPtrArray *all;

/* Guests keep many files open: as many as the host lets this process have. */
static void raise_limit(void)
{
    struct rlimit r;
    if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static bool take_mode(GHashTable *opts, const char *key, uint32_t def, uint32_t *mode,
                      GError **error)
{
    g_autofree char *text = opts_take(opts, key);
    guint64 v = def;
    if (text && !g_ascii_string_to_unsigned(text, 8, 0, 0777, &v, NULL))
        return error_set(error, "%s=%s: must be octal, like 0644", key, text);
    *mode = v;
    return true;
}

static bool take_words(GHashTable *opts, FsDev *fs, GError **error)
{
    g_autofree char *security = opts_take(opts, "security_model");
    g_autofree char *devices = opts_take(opts, "multidevs");
    g_autofree char *writeout = opts_take(opts, "writeout");
    if (!security)
        return error_set(error, "security_model= is missing: none, passthrough or mapped-xattr");
    if (!strcmp(security, "none"))
        fs->security = FS_NONE;
    else if (!strcmp(security, "passthrough"))
        fs->security = FS_PASSTHROUGH;
    else if (!strcmp(security, "mapped-xattr") || !strcmp(security, "mapped"))
        fs->security = FS_MAPPED_XATTR;
    else if (!strcmp(security, "mapped-file"))
        return error_set(error, "security_model=mapped-file is not supported; use mapped-xattr");
    else
        return error_set(error, "security_model=%s: must be none, passthrough or mapped-xattr",
                         security);
    if (devices && strcmp(devices, "remap") && strcmp(devices, "forbid") && strcmp(devices, "warn"))
        return error_set(error, "multidevs=%s: must be remap, forbid or warn", devices);
    fs->multidevs_forbid = devices && !strcmp(devices, "forbid");
    fs->multidevs_remap = !devices || !strcmp(devices, "remap");
    if (writeout && strcmp(writeout, "immediate"))
        return error_set(error, "writeout=%s: must be immediate", writeout);
    return true;
}

/* Does the file system of the folder keep user.* attributes? Else nothing could be mapped. */
static bool check_mapping(FsDev *fs, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/.", fs->root);
    char buf[4];
    if (fs->security != FS_MAPPED_XATTR || getxattr(path, "user.virtfs.uid", buf, sizeof buf) >= 0 ||
        errno != ENOTSUP)
        return true;
    return error_set(error, "the file system of '%s' keeps no user.* attributes, which "
                     "security_model=mapped-xattr needs; use none", fs->path);
}

static void fsdev_free(FsDev *fs)
{
    if (fs->root >= 0)
        close(fs->root);
    g_array_free(fs->devices, TRUE);
    g_mutex_clear(&fs->lock);
    g_free(fs->id);
    g_free(fs->path);
    g_free(fs);
}

FsDev *fsdev_new(const char *text, char **mount_tag, GError **error)
{
    static const char *const keys[] = { "id", "path", "security_model", "readonly", "fmode",
                                        "dmode", "multidevs", "writeout", "mount_tag", NULL };
    g_autoptr(GHashTable) opts = opts_parse(text, "fsdriver", error);
    if (!opts)
        return NULL;
    g_autofree char *driver = opts_take(opts, "fsdriver");
    FsDev *fs = g_new0(FsDev, 1);
    fs->root = -1;
    fs->devices = g_array_new(FALSE, FALSE, sizeof(dev_t));
    g_mutex_init(&fs->lock);
    fs->id = opts_take(opts, "id");
    fs->path = opts_take(opts, "path");
    if (mount_tag)
        *mount_tag = opts_take(opts, "mount_tag");
    bool ok = true;
    if (!driver || strcmp(driver, "local"))
        ok = error_set(error, "there is no file system driver '%s'; use local", driver ? driver : "");
    else if (!fs->id)
        ok = error_set(error, "id= is missing");
    else if (fsdev_find(fs->id))
        ok = error_set(error, "there is an fsdev '%s' already", fs->id);
    else if (!fs->path)
        ok = error_set(error, "path= is missing: the folder to share");
    ok = ok && take_words(opts, fs, error) &&
         opts_take_bool(opts, "readonly", &fs->readonly, error) &&
         take_mode(opts, "fmode", 0600, &fs->fmode, error) &&
         take_mode(opts, "dmode", 0700, &fs->dmode, error) &&
         opts_check_empty(opts, "local", keys, error);
    if (ok) {
        fs->root = open(fs->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fs->root < 0)
            ok = error_set_errno(error, errno, "can't share the folder '%s'", fs->path);
        struct stat st;
        if (ok && !fstat(fs->root, &st))
            fs->root_dev = st.st_dev;
    }
    if (!ok || !check_mapping(fs, error)) {
        fsdev_free(fs);
        return NULL;
    }
    if (!all) {
        all = g_ptr_array_new();
        raise_limit();
    }
    g_ptr_array_add(all, fs);
    return fs;
}

FsDev *fsdev_find(const char *id)
{
    for (guint i = 0; all && i < all->len; i++) {
        FsDev *fs = all->pdata[i];
        if (!strcmp(fs->id, id))
            return fs;
    }
    return NULL;
}
