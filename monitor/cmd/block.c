/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks. */
#include "backend/block.h"

#include <string.h>

#include "monitor/cmd/qom.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static Json *inserted(BlockBackend *b)
{
    static const char *const zeroes[] = { "backing_file_depth", "bps", "bps_rd", "bps_wr", "iops",
                                          "iops_rd", "iops_wr", "write_threshold" };
    const char *file = block_filename(b) ? block_filename(b) : "";
    Json *o = json_object(), *image = json_object(), *cache = json_object();
    json_set_str(image, "filename", file);
    json_set_str(image, "format", block_format(b));
    json_set_uint(image, "virtual-size", block_size(b));
    json_set_bool(cache, "writeback", block_write_cache(b));
    json_set_bool(cache, "direct", block_direct(b));
    json_set_bool(cache, "no-flush", block_no_flush(b));
    json_set_str(o, "file", file);
    json_set_str(o, "node-name", block_node_name(b));
    json_set_bool(o, "ro", block_read_only(b));
    json_set_str(o, "drv", block_format(b));
    json_set_bool(o, "encrypted", false);
    json_set_str(o, "detect_zeroes", "off");
    for (size_t i = 0; i < G_N_ELEMENTS(zeroes); i++)
        json_set_int(o, zeroes[i], 0);
    json_set(o, "image", image);
    json_set(o, "cache", cache);
    return o;
}

/* What a device has, or could get: drives, and nodes that a device took. */
static void describe(BlockBackend *b, void *arg)
{
    const char *owner = block_owner(b);
    if (!block_is_drive(b) && !owner)
        return;
    Json *o = json_object();
    json_set_str(o, "device", block_is_drive(b) ? block_id(b) : "");
    json_set_bool(o, "locked", false);
    json_set_bool(o, "removable", !block_inserted(b) || block_is_cdrom(b));
    if (block_inserted(b))
        json_set(o, "inserted", inserted(b));
    g_autofree char *qdev = owner ? qom_device_path(owner) : NULL;
    json_set_str(o, "qdev", qdev); /* NULL: not there */
    json_set_str(o, "type", "unknown");
    json_add(arg, o);
}

Json *qmp_query_block(const Json *args, GError **error)
{
    Json *list = json_array();
    block_foreach(describe, list);
    return list;
}

static Json *stats(const BlockStats *s)
{
    static const char *const names[BLOCK_STAT_KINDS] = { "rd", "wr", "flush", "unmap" };
    Json *o = json_object();
    for (int k = 0; k < BLOCK_STAT_KINDS; k++) {
        const struct {
            const char *format;
            uint64_t value;
        } fields[] = {
            { "%s_bytes", s->of[k].bytes }, { "%s_operations", s->of[k].operations },
            { "%s_total_time_ns", s->of[k].ns }, { "%s_merged", 0 },
            { "failed_%s_operations", s->of[k].failed },
            { "invalid_%s_operations", s->of[k].invalid },
        };
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
            bool none = k == BLOCK_STAT_FLUSH && (i == 0 || i == 3); /* flushes have no size */
            g_autofree char *name = g_strdup_printf(fields[i].format, names[k]);
            if (!none)
                json_set_uint(o, name, fields[i].value);
        }
    }
    json_set_uint(o, "wr_highest_offset", s->highest_write);
    if (s->last_us)
        json_set_int(o, "idle_time_ns", (g_get_monotonic_time() - s->last_us) * 1000);
    json_set_bool(o, "account_invalid", true);
    json_set_bool(o, "account_failed", true);
    json_set(o, "timed_stats", json_array());
    return o;
}

static Json *node_stats(BlockBackend *b)
{
    Json *o = json_object();
    json_set(o, "stats", stats(block_stats(b)));
    if (block_inserted(b))
        json_set_str(o, "node-name", block_node_name(b));
    return o;
}

static void describe_stats(BlockBackend *b, void *arg)
{
    const char *owner = block_owner(b);
    if (!block_is_drive(b) && !owner)
        return;
    g_autofree char *qdev = owner ? qom_device_path(owner) : NULL;
    Json *o = node_stats(b);
    json_set_str(o, "device", block_is_drive(b) ? block_id(b) : "");
    json_set_str(o, "qdev", qdev); /* NULL: not there */
    json_add(arg, o);
}

static void describe_node_stats(BlockBackend *b, void *arg)
{
    if (block_inserted(b))
        json_add(arg, node_stats(b));
}

Json *qmp_query_blockstats(const Json *args, GError **error)
{
    Json *list = json_array();
    block_foreach(json_get_bool(args, "query-nodes", false) ? describe_node_stats : describe_stats,
                  list);
    return list;
}

static void print_stats(BlockBackend *b, void *arg)
{
    const BlockStats *s = block_stats(b);
    if (!block_is_drive(b) && !block_owner(b))
        return;
    monitor_printf(arg, "%s: rd_bytes=%" G_GUINT64_FORMAT " wr_bytes=%" G_GUINT64_FORMAT
                   " rd_operations=%" G_GUINT64_FORMAT " wr_operations=%" G_GUINT64_FORMAT
                   " flush_operations=%" G_GUINT64_FORMAT " wr_total_time_ns=%" G_GUINT64_FORMAT
                   " rd_total_time_ns=%" G_GUINT64_FORMAT " flush_total_time_ns=%" G_GUINT64_FORMAT
                   " rd_merged=0 wr_merged=0 idle_time_ns=%" G_GINT64_FORMAT "\n",
                   block_is_drive(b) ? block_id(b) : "", s->of[BLOCK_STAT_READ].bytes,
                   s->of[BLOCK_STAT_WRITE].bytes, s->of[BLOCK_STAT_READ].operations,
                   s->of[BLOCK_STAT_WRITE].operations, s->of[BLOCK_STAT_FLUSH].operations,
                   s->of[BLOCK_STAT_WRITE].ns, s->of[BLOCK_STAT_READ].ns,
                   s->of[BLOCK_STAT_FLUSH].ns,
                   s->last_us ? (g_get_monotonic_time() - s->last_us) * 1000 : 0);
}

void hmp_info_blockstats(Monitor *mon, const Json *args)
{
    block_foreach(print_stats, mon);
}

static void describe_node(BlockBackend *b, void *arg)
{
    if (block_inserted(b))
        json_add(arg, inserted(b));
}

Json *qmp_query_named_block_nodes(const Json *args, GError **error)
{
    Json *list = json_array();
    block_foreach(describe_node, list);
    return list;
}

bool qmp_blockdev_add(const Json *args, GError **error)
{
    GHashTable *opts = json_to_opts(args, error);
    bool ok = opts && blockdev_new_from_opts(opts, error);
    g_clear_pointer(&opts, g_hash_table_unref);
    return ok;
}

bool qmp_blockdev_del(const Json *args, GError **error)
{
    const char *name = json_get_str(args, "node-name", "");
    BlockBackend *b = block_find(name);
    if (!b || strcmp(block_node_name(b), name))
        return error_set(error, "Failed to find node with node-name='%s'", name);
    if (block_is_drive(b))
        return error_set(error, "Node %s is not owned by the monitor", name);
    if (block_owner(b) || block_is_child(b))
        return error_set(error, "Node %s is in use", name);
    block_free(b);
    return true;
}

/* The lines of one device: from its name to the empty line. */
void hmp_info_block(Monitor *mon, const Json *args)
{
    const char *device = json_get_str(args, "device", NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    if (device && !block_find(device)) {
        monitor_printf(mon, "Error: Device '%s' not found\n", device);
        return;
    }
    block_print(out, qom_device_path);
    if (!device) {
        monitor_puts(mon, out->str);
        return;
    }
    g_auto(GStrv) parts = g_strsplit(out->str, "\n\n", -1);
    for (char **p = parts; *p; p++) {
        const char *text = *p + (**p == '\n');
        size_t n = strlen(device);
        if (!strncmp(text, device, n) && (text[n] == ' ' || text[n] == ':'))
            monitor_printf(mon, "%s\n", g_strchomp(*p) + (text - *p));
    }
}

void hmp_commit(Monitor *mon, const Json *args)
{
    const char *device = json_get_str(args, "device", "");
    bool all = !strcmp(device, "all");
    BlockBackend *b = all ? NULL : block_find(device);
    GError *error = NULL;
    if (!all && !b)
        monitor_printf(mon, "Device '%s' not found\n", device);
    else if (!block_commit(b, &error))
        monitor_printf(mon, "'commit' error for '%s': %s\n", device, error->message);
    g_clear_error(&error);
}

bool qmp_block_resize(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "device", NULL);
    const char *node = json_get_str(args, "node-name", NULL);
    BlockBackend *b = id || node ? block_find(id ? id : node) : NULL;
    int64_t size = json_get_int(args, "size", 0);
    if (!b)
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND,
                             "Cannot find device='%s' nor node-name='%s'", id ? id : "",
                             node ? node : "");
    if (size < 0)
        return error_set(error, "Parameter 'size' is out of range");
    return block_resize(b, size, error);
}

/* "drive_add ADDR OPTIONS": the address is of times when it also plugged a device. */
void hmp_drive_add(Monitor *mon, const Json *args)
{
    g_autofree char *interface = NULL;
    GError *error = NULL;
    const char *text = json_get_str(args, "opts", "");
    BlockBackend *b = drive_new(text, &interface, &error);
    if (!b) {
        monitor_report(mon, error);
    } else if (strcmp(interface, "none")) {
        block_free(b);
        monitor_puts(mon, "Can't hot-add drive to type: only if=none is known here\n");
    } else {
        monitor_puts(mon, "OK\n");
    }
}

void hmp_drive_del(Monitor *mon, const Json *args)
{
    const char *id = json_get_str(args, "id", "");
    BlockBackend *b = block_find(id);
    if (!b || !block_is_drive(b))
        monitor_printf(mon, "Error: Device '%s' not found\n", id);
    else if (block_owner(b))
        monitor_printf(mon, "Error: Device '%s' is in use by '%s'\n", id, block_owner(b));
    else
        block_free(b);
}

bool qmp_eject(const Json *args, GError **error)
{
    const char *device = json_get_str(args, "device", json_get_str(args, "id", ""));
    if (!block_find(device))
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", device);
    return error_set(error, "Device '%s' is not removable", device);
}
