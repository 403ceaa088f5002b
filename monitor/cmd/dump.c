/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dump-guest-memory and what tells how it goes. */
#include "softmmu/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "backend/fdset.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/run.h"
#include "util/error.h"

static const char *const status_names[] = { "none", "active", "completed", "failed" };

static Json *describe(void)
{
    uint64_t done, total;
    Json *o = json_object();
    json_set_str(o, "status", status_names[dump_status(&done, &total)]);
    json_set_uint(o, "completed", done);
    json_set_uint(o, "total", total);
    return o;
}

Json *qmp_query_dump(const Json *args, GError **error)
{
    return describe();
}

void hmp_info_dump(Monitor *mon, const Json *args)
{
    uint64_t done, total;
    DumpStatus status = dump_status(&done, &total);
    monitor_printf(mon, "Status: %s\n", status_names[status]);
    if (status == DUMP_ACTIVE)
        monitor_printf(mon, "Finished: %.2f %%\n", total ? 100.0 * done / total : 0);
}

Json *qmp_query_dump_guest_memory_capability(const Json *args, GError **error)
{
    Json *o = json_object(), *formats = json_array();
    json_add(formats, json_string("elf"));
    json_add(formats, json_string("kdump-zlib"));
    json_set(o, "formats", formats);
    return o;
}

/* opaque: where a command that waits wants to read of a failure, or NULL. */
static void done(void *opaque, const GError *error)
{
    GError **to = opaque;
    Json *data = json_object();
    json_set(data, "result", describe());
    if (error) {
        json_set_str(data, "error", error->message);
        if (to)
            *to = g_error_copy(error);
    }
    qmp_event_emit("DUMP_COMPLETED", data);
}

static bool check(const Json *args, DumpRequest *r, GError **error)
{
    const char *format = json_get_str(args, "format", "elf");
    bool kdump = g_str_has_prefix(format, "kdump"), begin = json_get(args, "begin"),
         length = json_get(args, "length");
    r->paging = json_get_bool(args, "paging", false);
    r->begin = json_get_int(args, "begin", 0);
    r->length = json_get_int(args, "length", 0);
    r->filter = length;
    r->format = kdump ? DUMP_KDUMP_ZLIB : DUMP_ELF;
    if (run_state() == RUN_STATE_INMIGRATE)
        return error_set(error, "Dump not allowed during incoming migration.");
    if (dump_in_progress())
        return error_set(error, "There is a dump in process, please wait.");
    if (kdump && (r->paging || begin || length))
        return error_set(error, "kdump-compressed format doesn't support paging or filter");
    if (begin != length)
        return error_set(error, "Parameter '%s' is missing", begin ? "length" : "begin");
    if (length && !r->length)
        return error_set(error, "Invalid parameter 'length'");
    if (!strcmp(format, "win-dmp"))
        return error_set(error, "Windows dump is only available for x86-64");
    if (kdump && strcmp(format, "kdump-zlib"))
        return error_set(error, "%s is not available now", format);
    return true;
}

static int open_target(const char *protocol, GError **error)
{
    const char *name = strchr(protocol, ':');
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, fd;
    if (g_str_has_prefix(protocol, "fd:")) {
        fd = fd_take(name + 1);
        if (fd < 0)
            error_set(error, "File descriptor named '%s' has not been found", name + 1);
        return fd;
    }
    if (!g_str_has_prefix(protocol, "file:")) {
        error_set(error, "Invalid parameter 'protocol'");
        return -1;
    }
    /* Not blocking, for a FIFO that nobody reads would keep us. */
    if (!fdset_open(name + 1, O_WRONLY, &fd) && !fdset_open(name + 1, O_RDWR, &fd))
        fd = open(name + 1, flags | O_NONBLOCK, S_IRUSR | S_IWUSR);
    if (fd < 0)
        error_set_errno(error, errno, "Could not open '%s'", name + 1);
    return fd;
}

bool qmp_dump_guest_memory(const Json *args, GError **error)
{
    DumpRequest r;
    GError *why = NULL;
    bool detach = json_get_bool(args, "detach", false);
    if (!check(args, &r, error))
        return false;
    r.fd = open_target(json_get_str(args, "protocol", ""), error);
    if (r.fd < 0 || !dump_start(&r, done, detach ? NULL : &why, error))
        return false;
    if (detach)
        return true;
    dump_wait();
    if (why)
        g_propagate_error(error, why);
    return !why;
}

void hmp_dump_guest_memory(Monitor *mon, const Json *args)
{
    static const char *const flags[] = { "zlib", "lzo", "snappy", "windmp" };
    static const char *const formats[] = { "kdump-zlib", "kdump-lzo", "kdump-snappy", "win-dmp" };
    g_autoptr(Json) q = json_object();
    g_autofree char *protocol = g_strconcat("file:", json_get_str(args, "filename", ""), NULL);
    GError *error = NULL;
    const char *format = "elf";
    unsigned n = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (json_get_bool(args, flags[i], false)) {
            format = formats[i];
            n++;
        }
    }
    json_set_str(q, "format", format);
    json_set_str(q, "protocol", protocol);
    json_set_bool(q, "paging", json_get_bool(args, "paging", false));
    json_set_bool(q, "detach", json_get_bool(args, "detach", false));
    if (json_get(args, "begin"))
        json_set_int(q, "begin", json_get_int(args, "begin", 0));
    if (json_get(args, "length"))
        json_set_int(q, "length", json_get_int(args, "length", 0));
    if (n > 1)
        error_set(&error, "only one of '-z|-l|-s|-w' can be set");
    else
        qmp_dump_guest_memory(q, &error);
    if (error)
        monitor_report(mon, error);
}
