/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors from elsewhere: see include/backend/fdset.h. */
#include "backend/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "util/error.h"

typedef struct Member {
    int64_t set;
    int fd;
    char *opaque;
} Member;

static GArray *members; /* of Member, by set */
static GHashTable *names;

/* ---- sets ---- */

static unsigned n_members(void)
{
    if (!members)
        members = g_array_new(false, false, sizeof(Member));
    return members->len;
}

static Member *member(unsigned i)
{
    return &g_array_index(members, Member, i);
}

static int64_t free_number(void)
{
    int64_t n = 0;
    for (unsigned i = 0; i < n_members() && member(i)->set <= n; i++)
        n = member(i)->set + 1;
    return n;
}

bool fdset_add(int fd, bool have_set, int64_t set, const char *opaque, int64_t *number,
               GError **error)
{
    if (have_set && (set < 0 || set > INT32_MAX))
        return error_set(error, "Parameter 'fdset-id' expects a non-negative value");
    if (!have_set)
        set = free_number();
    unsigned at = 0;
    while (at < n_members() && member(at)->set <= set)
        at++;
    Member m = { set, fd, g_strdup(opaque) };
    g_array_insert_val(members, at, m);
    if (number)
        *number = set;
    return true;
}

bool fdset_remove(int64_t set, int64_t fd, GError **error)
{
    bool found = false;
    for (unsigned i = 0; i < n_members();) {
        Member *m = member(i);
        if (m->set != set || (fd >= 0 && m->fd != fd)) {
            i++;
            continue;
        }
        found = true;
        close(m->fd);
        g_free(m->opaque);
        g_array_remove_index(members, i);
    }
    if (found)
        return true;
    return fd < 0 ? error_set(error, "File descriptor named 'fdset-id:%" PRId64 "' not found", set)
                  : error_set(error, "File descriptor named 'fdset-id:%" PRId64 ", fd:%" PRId64
                              "' not found", set, fd);
}

void fdset_foreach(void (*fn)(int64_t set, int fd, const char *opaque, void *arg), void *arg)
{
    for (unsigned i = 0; i < n_members(); i++)
        fn(member(i)->set, member(i)->fd, member(i)->opaque, arg);
}

bool fdset_open(const char *path, int flags, int *fd)
{
    static const char prefix[] = "/dev/fdset/";
    guint64 set;
    if (!g_str_has_prefix(path, prefix) ||
        !g_ascii_string_to_unsigned(path + strlen(prefix), 10, 0, INT32_MAX, &set, NULL))
        return false;
    *fd = -1;
    errno = ENOENT;
    for (unsigned i = 0; i < n_members(); i++) {
        if (member(i)->set != (int64_t)set)
            continue;
        int mode = fcntl(member(i)->fd, F_GETFL);
        errno = EACCES; /* there are some, but not of that mode */
        if (mode < 0 || (mode & O_ACCMODE) != (flags & O_ACCMODE))
            continue;
        *fd = fcntl(member(i)->fd, F_DUPFD_CLOEXEC, 0);
        break;
    }
    return true;
}

/* ---- names ---- */

static void close_named(gpointer fd)
{
    close(GPOINTER_TO_INT(fd));
}

bool fd_name(const char *name, int fd, GError **error)
{
    if (g_ascii_isdigit(*name))
        return error_set(error, "Parameter 'fdname' expects a name not starting with a digit");
    if (!names)
        names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_named);
    g_hash_table_replace(names, g_strdup(name), GINT_TO_POINTER(fd));
    return true;
}

bool fd_unname(const char *name, GError **error)
{
    return (names && g_hash_table_remove(names, name)) ||
           error_set(error, "File descriptor named '%s' not found", name);
}

int fd_take(const char *name)
{
    gpointer key, fd;
    if (!names || !g_hash_table_steal_extended(names, name, &key, &fd))
        return -1;
    g_free(key);
    return GPOINTER_TO_INT(fd);
}
