/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks. */
#include "backend/block.h"

#include <string.h>

#include "monitor/cmd/qom.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

static void describe_features(Json *image, const BlockNodeInfo *i)
{
    Json *specific = json_object(), *data = json_object();
    json_set_uint(image, "cluster-size", i->cluster);
    json_set_str(data, "compat", i->v2 ? "0.10" : "1.1");
    json_set_str(data, "compression-type", "zlib");
    json_set_uint(data, "refcount-bits", i->refcount_bits);
    if (!i->v2) {
        json_set_bool(data, "lazy-refcounts", i->lazy_refcounts);
        json_set_bool(data, "corrupt", i->corrupt);
        json_set_bool(data, "extended-l2", false);
    }
    json_set_str(specific, "type", "qcow2");
    json_set(specific, "data", data);
    json_set(image, "format-specific", specific);
}

static Json *image_info(const BlockNodeInfo *i, bool chain)
{
    Json *image = json_object();
    BlockNodeInfo below;
    json_set_str(image, "filename", i->filename);
    json_set_str(image, "format", i->format);
    json_set_uint(image, "virtual-size", i->size);
    if (i->actual_size >= 0)
        json_set_int(image, "actual-size", i->actual_size);
    json_set_bool(image, "dirty-flag", false);
    json_set_str(image, "backing-filename", i->backing_name);
    json_set_str(image, "backing-filename-format", i->backing_name ? i->backing_format : NULL);
    if (i->cluster)
        describe_features(image, i);
    if (!i->backing)
        return image;
    block_node_info(i->backing, &below);
    json_set_str(image, "full-backing-filename", below.filename);
    if (chain)
        json_set(image, "backing-image", image_info(&below, true));
    return image;
}

static Json *inserted(BlockNode *n, bool flat)
{
    static const char *const zeroes[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr",
                                          "write_threshold" };
    static const char *const detect[] = { "off", "on", "unmap" };
    BlockNodeInfo i, below;
    Json *o = json_object(), *cache = json_object();
    block_node_info(n, &i);
    json_set_bool(cache, "writeback", i.write_cache);
    json_set_bool(cache, "direct", i.direct);
    json_set_bool(cache, "no-flush", i.no_flush);
    json_set_str(o, "file", i.filename);
    json_set_str(o, "node-name", i.name);
    json_set_bool(o, "ro", i.read_only);
    json_set_str(o, "drv", i.format);
    if (i.backing) {
        block_node_info(i.backing, &below);
        json_set_str(o, "backing_file", below.filename);
    }
    json_set_uint(o, "backing_file_depth", flat ? 0 : i.depth);
    json_set_bool(o, "encrypted", false);
    json_set_str(o, "detect_zeroes", detect[i.detect_zeroes]);
    for (size_t k = 0; k < G_N_ELEMENTS(zeroes); k++)
        json_set_int(o, zeroes[k], 0);
    json_set(o, "image", image_info(&i, !flat));
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
    json_set_bool(o, "locked", block_tray_locked(b));
    json_set_bool(o, "removable", block_removable(b));
    if (block_has_tray(b))
        json_set_bool(o, "tray_open", block_tray_open(b));
    if (block_inserted(b))
        json_set(o, "inserted", inserted(block_root_image(b), false));
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

Json *qmp_query_named_block_nodes(const Json *args, GError **error)
{
    Json *list = json_array();
    for (BlockNode *n = block_node_next(NULL); n; n = block_node_next(n))
        json_add(list, inserted(n, json_get_bool(args, "flat", false)));
    return list;
}

bool qmp_blockdev_add(const Json *args, GError **error)
{
    return blockdev_new_from_json(args, error);
}

bool qmp_blockdev_del(const Json *args, GError **error)
{
    const char *name = json_get_str(args, "node-name", "");
    BlockBackend *b = block_find(name);
    if (!block_node_find(name))
        return error_set(error, "Failed to find node with node-name='%s'", name);
    if (!b || !block_is_monitored(b))
        return error_set(error, "Node %s is not owned by the monitor", name);
    if (block_owner(b) || block_is_child(b) || block_is_busy(b))
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
    if (json_get_bool(args, "nodes", false))
        block_print_nodes(out);
    else
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
    else if (block_is_busy(b))
        monitor_printf(mon, "Error: Node '%s' is busy: it has a block job\n", id);
    else
        block_free(b);
}
