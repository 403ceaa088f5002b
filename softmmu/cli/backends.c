/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host side that the command line asks for: character backends and what sits on them, drives
 * with their default devices, and -device.
 */
#include <string.h>

#include "backend/block.h"
#include "backend/char.h"
#include "backend/object.h"
#include "monitor/monitor.h"
#include "softmmu/cli/cli.h"
#include "util/error.h"
#include "util/json.h"
#include "util/opts.h"

/* Serial ports whose backend is shared with a monitor ("mon:..."). */
static GPtrArray *shared_with_monitor;

static bool is_none(const char *text)
{
    return !strcmp(text, "none");
}

static bool add_serial(const char *text, GError **error)
{
    if (is_none(text)) {
        serial_hd_add(NULL);
        return true;
    }
    static unsigned count;
    char *id = g_strdup_printf("serial%u", count++);
    Chardev *c = chardev_new_from_legacy(text, id, error);
    g_free(id);
    if (!c) {
        g_prefix_error(error, "-serial %s: ", text);
        return false;
    }
    serial_hd_add(c);
    if (g_str_has_prefix(text, "mon:"))
        g_ptr_array_add(shared_with_monitor, c);
    return true;
}

bool cli_make_chardevs(Cli *cli, GError **error)
{
    shared_with_monitor = g_ptr_array_new();
    for (guint i = 0; i < cli->chardevs->len; i++) {
        if (!chardev_new_from_opts(cli->chardevs->pdata[i], error)) {
            g_prefix_error(error, "-chardev %s: ", (char *)cli->chardevs->pdata[i]);
            return false;
        }
    }
    /* As in QEMU: -nographic puts the first port and the monitor on the terminal. Without any
     * display in this build, a machine that was given neither does the same rather than keep
     * silent. */
    bool terminal = cli->nographic || !cli->display_none;
    if (!cli->serial_given && !cli->nodefaults && terminal) {
        bool share = !cli->monitor_given;
        /* A monitor on stdio has the terminal for itself. */
        for (guint i = 0; i < cli->monitors->len; i++) {
            const CliMonitor *m = cli->monitors->pdata[i];
            if (!strcmp(m->text, "stdio"))
                terminal = false;
        }
        for (guint i = 0; i < cli->chardevs->len; i++) {
            if (g_str_has_prefix(cli->chardevs->pdata[i], "stdio"))
                terminal = false;
        }
        if (terminal && !add_serial(share ? "mon:stdio" : "stdio", error))
            return false;
    }
    for (guint i = 0; i < cli->serials->len; i++) {
        if (!add_serial(cli->serials->pdata[i], error))
            return false;
    }
    return true;
}

bool cli_make_monitors(Cli *cli, GError **error)
{
    static const MonitorKind kinds[] = {
        [CLI_MONITOR_HMP] = MONITOR_HMP, [CLI_MONITOR_QMP] = MONITOR_QMP,
        [CLI_MONITOR_QMP_PRETTY] = MONITOR_QMP_PRETTY,
    };
    for (guint i = 0; i < shared_with_monitor->len; i++) {
        if (!monitor_new(shared_with_monitor->pdata[i], MONITOR_HMP, error))
            return false;
    }
    for (guint i = 0; i < cli->monitors->len; i++) {
        const CliMonitor *m = cli->monitors->pdata[i];
        if (!m->is_chardev_id && is_none(m->text))
            continue;
        Chardev *c;
        if (m->is_chardev_id) {
            c = chardev_find(m->text);
            if (!c)
                return error_set(error, "-mon: there is no chardev '%s'; add -chardev ...,id=%s",
                                 m->text, m->text);
        } else {
            char *id = g_strdup_printf("compat_monitor%u", i);
            c = chardev_new_from_legacy(m->text, id, error);
            g_free(id);
            if (!c) {
                g_prefix_error(error, "-%s %s: ", m->mode == CLI_MONITOR_HMP ? "monitor" : "qmp",
                               m->text);
                return false;
            }
        }
        if (!monitor_new(c, kinds[m->mode], error))
            return false;
    }
    return true;
}

/* ---- drives ---- */

/* if=pflash: the board takes flash chips by number. */
static bool assign_pflash(Cli *cli, BlockBackend *b, const char *text, GError **error)
{
    GHashTable *opts = opts_parse(text, "file", error);
    if (!opts)
        return false;
    uint64_t unit = cli->machine->pflash[0] ? 1 : 0;
    bool ok = opts_take_number(opts, "index", &unit, error) &&
              opts_take_number(opts, "unit", &unit, error);
    g_hash_table_unref(opts);
    if (!ok)
        return false;
    if (unit > 1)
        return error_set(error, "-drive if=pflash: unit must be 0 or 1");
    if (cli->machine->pflash[unit])
        return error_set(error, "-drive if=pflash: unit %u has an image already", (unsigned)unit);
    cli->machine->pflash[unit] = block_id(b);
    return true;
}

static bool named_by_device(const Cli *cli, const char *id)
{
    for (guint i = 0; i < cli->devices->len; i++) {
        GHashTable *opts = cli_opts_from_text(cli->devices->pdata[i], "driver", NULL);
        bool named = opts && !strcmp(opts_get(opts, "drive", ""), id);
        if (opts)
            g_hash_table_unref(opts);
        if (named)
            return true;
    }
    return false;
}

bool cli_make_drives(Cli *cli, GError **error)
{
    for (guint i = 0; i < cli->blockdevs->len; i++) {
        if (!blockdev_new(cli->blockdevs->pdata[i], error)) {
            g_prefix_error(error, "-blockdev %s: ", (char *)cli->blockdevs->pdata[i]);
            return false;
        }
    }
    for (guint i = 0; i < cli->drives->len; i++) {
        const char *text = cli->drives->pdata[i];
        char *interface = NULL;
        BlockBackend *b = drive_new(text, &interface, error);
        if (!b) {
            g_prefix_error(error, "-drive %s: ", text);
            return false;
        }
        bool ok = true;
        if (!strstr(text, "if=") && named_by_device(cli, block_id(b))) {
            /* RISC-V's boards have no default interface in QEMU, and scripts count on that. */
        } else if (!interface || !strcmp(interface, "virtio")) {
            /* Behind the user's devices, as in QEMU: guests number disks by it. */
            g_ptr_array_add(cli->devices, g_strdup_printf("virtio-blk,drive=%s", block_id(b)));
        } else if (!strcmp(interface, "pflash")) {
            ok = assign_pflash(cli, b, text, error);
        } else if (strcmp(interface, "none")) {
            ok = error_set(error, "-drive %s: the board '%s' has no %s interface; use if=virtio, or "
                           "if=none with a -device", text, cli->board->name, interface);
        }
        g_free(interface);
        if (!ok)
            return false;
    }
    return true;
}

/* -device takes JSON as well. */
GHashTable *cli_opts_from_text(const char *text, const char *implied_key, GError **error)
{
    if (*text != '{')
        return opts_parse(text, implied_key, error);
    Json *v = json_parse(text, strlen(text), error);
    GHashTable *opts = v ? json_to_opts(v, error) : NULL;
    json_free(v);
    return opts;
}

bool cli_make_devices(Cli *cli, GError **error)
{
    for (guint i = 0; i < cli->devices->len; i++) {
        const char *text = cli->devices->pdata[i];
        GHashTable *opts = cli_opts_from_text(text, "driver", error);
        if (!opts) {
            g_prefix_error(error, "-device %s: ", text);
            return false;
        }
        Device *dev = device_create_from_opts(opts, error);
        g_hash_table_unref(opts);
        if (!dev) {
            g_prefix_error(error, "-device %s: ", text);
            return false;
        }
    }
    return true;
}
