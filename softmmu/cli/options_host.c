/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options about the host (memory, descriptors, the process), and those that scripts write although
 * they ask nothing of these boards: they are checked, and have no effect.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/fdset.h"
#include "softmmu/cli/cli.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/opts.h"

/* ---- memory ---- */

bool opt_overcommit(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "mem-lock", "cpu-pm", NULL };
    GHashTable *opts = opts_parse(arg, NULL, error);
    bool lock = false, cpu_pm = false;
    if (!opts)
        return false;
    bool ok = opts_take_bool(opts, "mem-lock", &lock, error) &&
              opts_take_bool(opts, "cpu-pm", &cpu_pm, error) &&
              opts_check_empty(opts, "-overcommit", known, error);
    g_hash_table_unref(opts);
    if (ok && lock)
        return error_set(error, "-overcommit mem-lock=on: guest RAM can't be locked into the "
                         "host's; leave it out");
    return ok;
}

/*
 * One node that has all CPUs and all memory is what the boards are; it may name the memory, as those
 * who share it with other programs do.
 */
bool opt_numa(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "type", "nodeid", "cpus", "mem", "memdev", NULL };
    GHashTable *opts = opts_parse(arg, "type", error);
    uint64_t node = 0;
    if (!opts)
        return false;
    g_autofree char *type = opts_take(opts, "type"), *memdev = opts_take(opts, "memdev");
    g_free(opts_take(opts, "cpus"));
    g_free(opts_take(opts, "mem"));
    bool ok = opts_take_number(opts, "nodeid", &node, error) &&
              opts_check_empty(opts, "-numa", known, error);
    g_hash_table_unref(opts);
    if (!ok)
        return false;
    if (!type || strcmp(type, "node") || node || cli->has_numa)
        return error_set(error, "-numa %s: the boards are one node with all CPUs and memory; give "
                         "one -numa node[,memdev=ID], or none", arg);
    cli->has_numa = true;
    if (memdev)
        cli->ram_backend = g_steal_pointer(&memdev);
    return true;
}

/* ---- descriptors ---- */

bool opt_add_fd(Cli *cli, const char *arg, GError **error)
{
    static const char *const known[] = { "fd", "set", "opaque", NULL };
    GHashTable *opts = opts_parse(arg, NULL, error);
    uint64_t fd = UINT64_MAX, set = UINT64_MAX;
    if (!opts)
        return false;
    g_autofree char *opaque = opts_take(opts, "opaque");
    bool ok = opts_take_number(opts, "fd", &fd, error) &&
              opts_take_number(opts, "set", &set, error) &&
              opts_check_empty(opts, "-add-fd", known, error);
    g_hash_table_unref(opts);
    if (!ok)
        return false;
    if (fd > INT_MAX || set > INT_MAX)
        return error_set(error, "-add-fd %s: fd= and set= must be numbers", arg);
    if (fd <= STDERR_FILENO)
        return error_set(error, "-add-fd %s: fd= must not be standard input, output or error", arg);
    int flags = fcntl((int)fd, F_GETFD);
    if (flags < 0)
        return error_set_errno(error, errno, "-add-fd %s: fd=%d", arg, (int)fd);
    int copy = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return error_set_errno(error, errno, "-add-fd %s", arg);
    if (fdset_add(copy, true, (int64_t)set, opaque, NULL, error))
        return true;
    close(copy);
    return false;
}

/* ---- options of options ---- */

/* Does the text define `id=ID`? */
static bool has_id(const char *text, const char *id)
{
    GHashTable *opts = *text == '{' ? NULL : opts_parse(text, NULL, NULL);
    bool is = opts && !strcmp(opts_get(opts, "id", ""), id);
    if (opts)
        g_hash_table_unref(opts);
    return is;
}

/* -set GROUP.ID.KEY=VALUE */
bool opt_set(Cli *cli, const char *arg, GError **error)
{
    const struct {
        const char *group;
        GPtrArray *texts;
    } groups[] = {
        { "device", cli->devices }, { "drive", cli->drives }, { "netdev", cli->netdevs },
        { "chardev", cli->chardevs }, { "object", cli->objects },
    };
    g_auto(GStrv) part = g_strsplit(arg, ".", 3);
    if (g_strv_length(part) != 3 || !strchr(part[2], '='))
        return error_set(error, "-set %s: must be of the form GROUP.ID.KEY=VALUE", arg);
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        for (guint n = 0; !strcmp(groups[i].group, part[0]) && n < groups[i].texts->len; n++) {
            char *text = groups[i].texts->pdata[n];
            if (!has_id(text, part[1]))
                continue;
            groups[i].texts->pdata[n] = g_strdup_printf("%s,%s", text, part[2]);
            g_free(text);
            return true;
        }
    }
    return error_set(error, "-set %s: there is no %s '%s' before it", arg, part[0], part[1]);
}

bool opt_no_acpi(Cli *cli, const char *arg, GError **error)
{
    g_hash_table_replace(cli->machine->opts, g_strdup("acpi"), g_strdup("off"));
    cli->no_acpi = true;
    return true;
}

bool opt_watchdog_action(Cli *cli, const char *arg, GError **error)
{
    if (watchdog_set_action(arg))
        return true;
    g_autofree char *all = g_strjoinv(", ", (char **)watchdog_actions);
    return error_set(error, "-watchdog-action %s: must be one of %s", arg, all);
}

/* ---- of no effect ---- */

bool opt_audiodev(Cli *cli, const char *arg, GError **error)
{
    GHashTable *opts = cli_opts_from_text(arg, "driver", error);
    if (!opts)
        return false;
    bool none = !strcmp(opts_get(opts, "driver", ""), "none");
    g_hash_table_unref(opts);
    if (none)
        return true;
    return error_set(error, "-audiodev %s: the boards have no sound; write none,id=ID", arg);
}

bool opt_accepted(Cli *cli, const char *arg, GError **error)
{
    return true;
}

bool opt_sandbox(Cli *cli, const char *arg, GError **error)
{
    if (strcmp(arg, "off"))
        warn_report("-sandbox %s has no effect: this build does not confine itself", arg);
    return true;
}
