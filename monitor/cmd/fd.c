/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that come with a command over a Unix socket (SCM_RIGHTS). */
#include <inttypes.h>
#include <unistd.h>

#include "backend/fdset.h"
#include "monitor/monitor.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

/* Of the command that is being carried out; -1 with a reason. */
static int received(GError **error)
{
    int fd = monitor_received_fd();
    if (fd < 0)
        error_set(error, "No file descriptor supplied via SCM_RIGHTS");
    return fd;
}

bool qmp_getfd(const Json *args, GError **error)
{
    int fd = received(error);
    if (fd < 0)
        return false;
    if (fd_name(json_get_str(args, "fdname", ""), fd, error))
        return true;
    close(fd);
    return false;
}

bool qmp_closefd(const Json *args, GError **error)
{
    return fd_unname(json_get_str(args, "fdname", ""), error);
}

Json *qmp_add_fd(const Json *args, GError **error)
{
    int fd = received(error);
    int64_t set;
    if (fd < 0)
        return NULL;
    if (!fdset_add(fd, json_get(args, "fdset-id"), json_get_int(args, "fdset-id", 0),
                   json_get_str(args, "opaque", NULL), &set, error)) {
        close(fd);
        return NULL;
    }
    Json *info = json_object();
    json_set_int(info, "fd", fd);
    json_set_int(info, "fdset-id", set);
    return info;
}

bool qmp_remove_fd(const Json *args, GError **error)
{
    int64_t fd = json_get_int(args, "fd", -1), set = json_get_int(args, "fdset-id", -1);
    if (json_get(args, "fd") && fd < 0)
        return error_set(error, "File descriptor named 'fdset-id:%" PRId64 ", fd:%" PRId64
                         "' not found", set, fd);
    return fdset_remove(set, fd, error);
}

/* Sets come one after the other; the last one is still growing. */
typedef struct FdsetList {
    Json *list, *fds;
    int64_t set;
} FdsetList;

static void end_set(FdsetList *l)
{
    if (!l->fds)
        return;
    Json *o = json_object();
    json_set(o, "fds", l->fds);
    json_set_int(o, "fdset-id", l->set);
    json_add(l->list, o);
    l->fds = NULL;
}

static void describe(int64_t set, int fd, const char *opaque, void *arg)
{
    FdsetList *l = arg;
    if (l->set != set)
        end_set(l);
    l->set = set;
    if (!l->fds)
        l->fds = json_array();
    Json *o = json_object();
    json_set_int(o, "fd", fd);
    if (opaque)
        json_set_str(o, "opaque", opaque);
    json_add(l->fds, o);
}

Json *qmp_query_fdsets(const Json *args, GError **error)
{
    FdsetList l = { json_array(), NULL, -1 };
    fdset_foreach(describe, &l);
    end_set(&l);
    return l.list;
}
