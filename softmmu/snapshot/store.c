/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder that snapshots are kept in: one folder each, named ID-TAG.
 *
 * A snapshot is made in a folder that begins with a dot, and renamed when everything in it is on
 * stable storage; before it is removed, it is renamed back to such a name. So whatever has a proper
 * name is complete. Of several with one tag the newest counts: the others were about to be removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/block.h"
#include "hw/board.h"
#include "monitor/monitor.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/error.h"

static char *given_dir;

void snapshot_set_dir(const char *dir)
{
    g_free(given_dir);
    given_dir = dir ? g_canonicalize_filename(dir, NULL) : NULL;
}

/* ---- where ---- */

static void first_writable(BlockBackend *b, void *arg)
{
    char **path = arg;
    struct stat st;
    if (!*path && block_inserted(b) && !block_read_only(b) && !block_temporary(b) &&
        !stat(block_full_path(b), &st) && S_ISREG(st.st_mode))
        *path = g_strconcat(block_full_path(b), ".snapshots", NULL);
}

static char *user_dir(void)
{
    const char *name = monitor_guest_name();
    const Machine *m = current_machine;
    g_autofree char *board = m && m->board ? g_strdup_printf("%s-%s", m->target, m->board->name)
                                           : g_strdup("none");
    g_autofree char *escaped = store_escape(name && *name ? name : board);
    return g_build_filename(g_get_user_state_dir(), "sosia", "snapshots", escaped, NULL);
}

char *store_dir(bool create, GError **error)
{
    char *dir = g_strdup(given_dir);
    if (!dir)
        block_foreach(first_writable, &dir);
    if (!dir)
        dir = user_dir();
    if (create && g_mkdir_with_parents(dir, 0755)) {
        error_set_errno(error, errno, "can't make the folder '%s' for snapshots; name another "
                        "one with -snapshots DIR", dir);
        g_clear_pointer(&dir, g_free);
    }
    return dir;
}

int store_lock(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, ".lock", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_set_errno(error, errno, "can't write to '%s'; name another folder with -snapshots "
                        "DIR", dir);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        error_set(error, "another program is changing the snapshots in '%s'; try again when it "
                  "has finished", dir);
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- names ---- */

char *store_escape(const char *tag)
{
    GString *s = g_string_new(NULL);
    for (const char *p = tag; *p; p++) {
        if (g_ascii_isalnum(*p) || strchr("_+=@,:", *p) || (strchr(".-", *p) && p != tag))
            g_string_append_c(s, *p);
        else
            g_string_append_printf(s, "%%%02x", (unsigned char)*p);
    }
    return g_string_free(s, FALSE);
}

static char *unescape(const char *name)
{
    GString *s = g_string_new(NULL);
    for (const char *p = name; *p; p++) {
        if (*p == '%' && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])) {
            g_string_append_c(s, g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2]));
            p += 2;
        } else {
            g_string_append_c(s, *p);
        }
    }
    return g_string_free(s, FALSE);
}

/* "12-tag" */
static bool parse_name(const char *name, unsigned *id, char **tag)
{
    if (!g_ascii_isdigit(*name))
        return false;
    char *end;
    errno = 0;
    unsigned long n = strtoul(name, &end, 10);
    if (errno || n > G_MAXINT || *end != '-' || !end[1])
        return false;
    *id = n;
    *tag = unescape(end + 1);
    return true;
}

/* ---- files ---- */

bool store_sync_dir(const char *dir, GError **error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && !fsync(fd);
    if (!ok)
        error_set_errno(error, errno, "can't sync '%s'", dir);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool store_write(const char *dir, const char *name, const void *data, size_t len, GError **error)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    const uint8_t *p = data;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok = fd >= 0;
    while (ok && len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0;
        if (ok) {
            p += n;
            len -= n;
        }
    }
    ok = ok && !fsync(fd);
    if (!ok)
        error_set_errno(error, errno, "can't write '%s'", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool store_read(const char *dir, const char *name, GByteArray *out, GError **error)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        error_set_errno(error, errno, "can't read '%s'", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = S_ISREG(st.st_mode) && st.st_size < 1 << 30;
    if (!ok)
        error_set(error, "'%s' is no part of a snapshot", path);
    g_byte_array_set_size(out, ok ? st.st_size : 0);
    for (size_t done = 0; ok && done < out->len;) {
        ssize_t n = read(fd, out->data + done, out->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0;
        if (!ok)
            error_set_errno(error, n ? errno : EIO, "can't read '%s'", path);
        else
            done += n;
    }
    close(fd);
    return ok;
}

static const char *const summed[] = { SNAP_MANIFEST, SNAP_STATE, SNAP_RAM_INDEX };

static bool make_sums(const char *dir, GString *out, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(summed); i++) {
        g_autoptr(GByteArray) data = g_byte_array_new();
        if (!store_read(dir, summed[i], data, error))
            return false;
        g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data->data,
                                                           data->len);
        g_string_append_printf(out, "%s  %s\n", sum, summed[i]);
    }
    return true;
}

bool store_sums_write(const char *dir, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    return make_sums(dir, text, error) && store_write(dir, SNAP_SUMS, text->str, text->len, error);
}

bool store_sums_check(const char *dir, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GByteArray) have = g_byte_array_new();
    if (!make_sums(dir, text, error) || !store_read(dir, SNAP_SUMS, have, error))
        return false;
    if (have->len == text->len && !memcmp(have->data, text->str, text->len))
        return true;
    return error_set(error, "the files in '%s' are damaged: their checksums do not match", dir);
}

/* ---- removing ---- */

/* Snapshots have no folders in them; one that somebody made there stays, with a message. */
void store_remove_tree(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    if (rmdir(path) && errno != ENOENT)
        warn_report("can't remove '%s': %s", path, g_strerror(errno));
}

bool store_remove(const char *dir, const char *path, GError **error)
{
    g_autofree char *uuid = g_uuid_string_random();
    g_autofree char *away = g_strdup_printf("%s/.del-%s", dir, uuid);
    if (rename(path, away))
        return error_set_errno(error, errno, "can't remove '%s'", path);
    store_remove_tree(away);
    return true;
}

void store_clean(const char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;
    while (d && (name = g_dir_read_name(d))) {
        if (g_str_has_prefix(name, ".new-") || g_str_has_prefix(name, ".del-")) {
            g_autofree char *path = g_build_filename(dir, name, NULL);
            store_remove_tree(path);
        }
    }
    if (d)
        g_dir_close(d);
}

/* ---- listing ---- */

void snapshot_info_free(SnapshotInfo *i)
{
    if (!i)
        return;
    g_free(i->tag);
    g_free(i->path);
    g_free(i->uuid);
    g_free(i->problem);
    g_free(i);
}

static bool read_info(SnapshotInfo *i, GError **error)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    if (!store_read(i->path, SNAP_MANIFEST, text, error))
        return false;
    g_autoptr(Json) m = json_parse((const char *)text->data, text->len, error);
    if (!m) {
        g_prefix_error(error, "its manifest is damaged: ");
        return false;
    }
    int64_t format = json_get_int(m, "format", 0);
    const char *uuid = json_get_str(m, "uuid", NULL);
    if (format != SNAPSHOT_FORMAT)
        return error_set(error, "its format is %" G_GINT64_FORMAT ", and this program knows %d "
                         "only", format, SNAPSHOT_FORMAT);
    if (!uuid || strlen(uuid) > 64)
        return error_set(error, "its manifest is damaged: it has no uuid");
    i->uuid = g_strdup(uuid);
    i->date_s = json_get_int(m, "date", 0);
    i->vm_clock_ns = json_get_int(m, "vm-clock-ns", 0);
    i->icount = json_get_int(m, "icount", -1);
    i->vm_size = json_get_uint(m, "vm-size", 0);
    return true;
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    const SnapshotInfo *const *s = a, *const *t = b;
    return ((*s)->id > (*t)->id) - ((*s)->id < (*t)->id);
}

/* The newest of each tag. */
static void drop_superseded(GPtrArray *list)
{
    for (guint i = list->len; i-- > 0;) {
        const SnapshotInfo *s = list->pdata[i];
        for (guint k = i + 1; k < list->len; k++) {
            if (!strcmp(((SnapshotInfo *)list->pdata[k])->tag, s->tag)) {
                g_ptr_array_remove_index(list, i);
                break;
            }
        }
    }
}

GPtrArray *store_list(const char *dir, GError **error)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)snapshot_info_free);
    DIR *d = opendir(dir);
    if (!d && errno != ENOENT) {
        error_set_errno(error, errno, "can't look into '%s'", dir);
        g_ptr_array_unref(list);
        return NULL;
    }
    for (struct dirent *e; d && (e = readdir(d));) {
        SnapshotInfo i = { .icount = -1 };
        if (!parse_name(e->d_name, &i.id, &i.tag))
            continue;
        g_autoptr(GError) why = NULL;
        i.path = g_build_filename(dir, e->d_name, NULL);
        if (!read_info(&i, &why))
            i.problem = g_strdup(why->message);
        g_ptr_array_add(list, g_memdup2(&i, sizeof i));
    }
    if (d)
        closedir(d);
    g_ptr_array_sort(list, by_id);
    drop_superseded(list);
    return list;
}

GPtrArray *snapshot_list(GError **error)
{
    g_autofree char *dir = store_dir(false, error);
    return dir ? store_list(dir, error) : NULL;
}

SnapshotInfo *store_find(const char *tag, GError **error)
{
    g_autoptr(GPtrArray) list = snapshot_list(error);
    if (!list)
        return NULL;
    for (guint i = list->len; i-- > 0;)
        if (!strcmp(((SnapshotInfo *)list->pdata[i])->tag, tag))
            return g_ptr_array_steal_index(list, i);
    error_set(error, "Snapshot '%s' does not exist in one or more devices", tag);
    return NULL;
}

bool snapshot_exists(const char *tag)
{
    SnapshotInfo *i = store_find(tag, NULL);
    snapshot_info_free(i);
    return i;
}

unsigned store_next_id(const char *dir)
{
    unsigned next = 1;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        unsigned id;
        g_autofree char *tag = NULL;
        if (parse_name(e->d_name, &id, &tag))
            next = MAX(next, id + 1);
    }
    if (d)
        closedir(d);
    return next;
}

bool store_publish(const char *dir, const char *from, unsigned id, const char *tag,
                   GError **error)
{
    g_autofree char *name = store_escape(tag);
    g_autofree char *to = g_strdup_printf("%s/%u-%s", dir, id, name);
    if (rename(from, to))
        return error_set_errno(error, errno, "can't rename '%s' to '%s'", from, to);
    if (!store_sync_dir(dir, error))
        return false;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        unsigned old;
        g_autofree char *t = NULL;
        if (parse_name(e->d_name, &old, &t) && old < id && !strcmp(t, tag)) {
            g_autofree char *path = g_build_filename(dir, e->d_name, NULL);
            g_autoptr(GError) why = NULL;
            if (!store_remove(dir, path, &why))
                warn_report("%s", why->message);
        }
    }
    if (d)
        closedir(d);
    return true;
}
