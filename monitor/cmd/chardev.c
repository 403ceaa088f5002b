/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices. */
#include "backend/char.h"

#include <string.h>

#include "hw/device.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"
#include "util/opts.h"

static void describe(Chardev *c, const char *label, const char *filename, bool open, void *arg)
{
    Json *o = json_object();
    json_set_bool(o, "frontend-open", open);
    json_set_str(o, "filename", filename);
    json_set_str(o, "label", label);
    json_add(arg, o);
}

Json *qmp_query_chardev(const Json *args, GError **error)
{
    Json *list = json_array();
    chardev_foreach(describe, list);
    return list;
}

void hmp_info_chardev(Monitor *mon, const Json *args)
{
    g_autoptr(Json) list = qmp_query_chardev(args, NULL);
    for (unsigned i = 0; i < json_len(list); i++)
        monitor_printf(mon, "%s: filename=%s\n", json_get_str(json_at(list, i), "label", ""),
                       json_get_str(json_at(list, i), "filename", ""));
}

Json *qmp_query_chardev_backends(const Json *args, GError **error)
{
    g_autofree char *help = chardev_help();
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);
    Json *list = json_array();
    for (char **l = lines; *l; l++) {
        if (!g_str_has_prefix(*l, "  ") || !(*l)[2])
            continue;
        Json *o = json_object();
        json_set_str(o, "name", *l + 2);
        json_add(list, o);
    }
    return list;
}

/* ---- adding ---- */

/* QMP spells addresses as nested objects, the command line as flat keys. */
static const char *const renamed[][2] = {
    { "addr.data.", "" }, { "addr.type", NULL }, { "remote.data.", "" }, { "remote.type", NULL },
    { "local.data.host", "localaddr" }, { "local.data.port", "localport" }, { "local.type", NULL },
    { "out", "path" }, { "in", "input-path" }, { "device", "path" },
};

/* The command line's name of a member of `data`; NULL: it says nothing there. */
static char *flat_key(const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renamed); i++) {
        size_t n = strlen(renamed[i][0]);
        bool prefix = renamed[i][0][n - 1] == '.';
        if (prefix ? strncmp(key, renamed[i][0], n) : strcmp(key, renamed[i][0]))
            continue;
        return !renamed[i][1] ? NULL : g_strconcat(renamed[i][1], prefix ? key + n : NULL, NULL);
    }
    return g_strdup(key);
}

static GHashTable *flat_options(const Json *backend, GError **error)
{
    g_autoptr(Json) nothing = json_object();
    const Json *data = json_get(backend, "data");
    GHashTable *nested = json_to_opts(data ? data : nothing, error);
    if (!nested)
        return NULL;
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter it;
    gpointer k, v;
    g_hash_table_iter_init(&it, nested);
    while (g_hash_table_iter_next(&it, &k, &v)) {
        char *key = flat_key(k);
        if (key)
            g_hash_table_replace(opts, key, g_strdup(v));
    }
    const char *addr = opts_get(nested, "addr.type", "");
    if (!strcmp(addr, "fd") && g_hash_table_contains(opts, "str")) {
        g_hash_table_insert(opts, g_strdup("fd"), opts_take(opts, "str"));
    }
    const char *type = json_get_str(backend, "type", "");
    /* In the schema a socket is a server unless it says otherwise. */
    if (!strcmp(type, "socket") && !g_hash_table_contains(opts, "server"))
        g_hash_table_insert(opts, g_strdup("server"), g_strdup("on"));
    g_hash_table_replace(opts, g_strdup("backend"), g_strdup(type));
    g_hash_table_unref(nested);
    return opts;
}

/* The machine runs: nobody may wait for a client. */
static void never_wait(GHashTable *opts)
{
    bool server = false;
    g_autofree char *text = g_strdup(opts_get(opts, "server", "off"));
    if (parse_bool(text, &server) && server)
        g_hash_table_replace(opts, g_strdup("wait"), g_strdup("off"));
    else
        g_hash_table_remove(opts, "wait");
}

static Json *added(Chardev *c)
{
    Json *reply = json_object();
    const char *name = chardev_filename(c);
    json_set_str(reply, "pty", g_str_has_prefix(name, "pty:") ? name + 4 : NULL);
    return reply;
}

Json *qmp_chardev_add(const Json *args, GError **error)
{
    GHashTable *opts = flat_options(json_get(args, "backend"), error);
    if (!opts)
        return NULL;
    never_wait(opts);
    Chardev *c = chardev_new(json_get_str(args, "id", NULL), opts, error);
    g_hash_table_unref(opts);
    return c ? added(c) : NULL;
}

void hmp_chardev_add(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    GHashTable *opts = opts_parse(json_get_str(args, "args", ""), "backend", &error);
    Chardev *c = NULL;
    if (opts) {
        g_autofree char *id = opts_take(opts, "id");
        never_wait(opts);
        c = chardev_new(id, opts, &error);
        g_hash_table_unref(opts);
    }
    if (!c)
        monitor_report(mon, error);
}

/* ---- changing ---- */

static void moved(Chardev *from, Chardev *to)
{
    device_replace_ptr(from, to);
}

/* Takes opts over, unless they are NULL: then there is an error already. */
static Chardev *change(const char *id, GHashTable *opts, GError **error)
{
    Chardev *old = chardev_find(id), *c = NULL;
    if (!opts)
        return NULL;
    if (!old)
        error_set(error, "Chardev '%s' does not exist", id);
    else if (chardev_busy(old) && !chardev_is_mux(old) && !device_replace_ptr(old, NULL))
        error_set(error, "Chardev user does not support chardev hotswap");
    else {
        never_wait(opts);
        c = chardev_change(old, opts, moved, error);
    }
    g_hash_table_unref(opts);
    return c;
}

Json *qmp_chardev_change(const Json *args, GError **error)
{
    GHashTable *opts = flat_options(json_get(args, "backend"), error);
    Chardev *c = change(json_get_str(args, "id", ""), opts, error);
    return c ? added(c) : NULL;
}

void hmp_chardev_change(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    GHashTable *opts = opts_parse(json_get_str(args, "args", ""), "backend", &error);
    if (!change(json_get_str(args, "id", ""), opts, &error))
        monitor_report(mon, error);
}

/* ---- the rest ---- */

static Chardev *find(const char *id, GError **error)
{
    Chardev *c = chardev_find(id);
    if (!c)
        error_set(error, "Chardev '%s' not found", id);
    return c;
}

bool qmp_chardev_remove(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "id", "");
    Chardev *c = find(id, error);
    if (!c)
        return false;
    if (chardev_busy(c))
        return error_set(error, "Chardev '%s' is busy", id);
    chardev_free(c);
    return true;
}

bool qmp_chardev_send_break(const Json *args, GError **error)
{
    Chardev *c = find(json_get_str(args, "id", ""), error);
    if (c)
        chardev_send_break(c);
    return c != NULL;
}

static Chardev *find_ring(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "device", "");
    Chardev *c = chardev_find(id);
    if (!c)
        error_set(error, "Device '%s' not found", id);
    else if (!chardev_is_ringbuf(c))
        error_set(error, "%s is not a ringbuf device", id);
    else
        return c;
    return NULL;
}

static bool is_base64(const Json *args)
{
    return !strcmp(json_get_str(args, "format", "utf8"), "base64");
}

bool qmp_ringbuf_write(const Json *args, GError **error)
{
    Chardev *c = find_ring(args, error);
    if (!c)
        return false;
    const char *data = json_get_str(args, "data", "");
    if (!is_base64(args)) {
        chardev_write(c, data, strlen(data));
        return true;
    }
    size_t len = 0;
    g_autofree guchar *bytes = *data ? g_base64_decode(data, &len) : NULL;
    if (*data && !len)
        return error_set(error, "Parameter 'data' is not base64");
    chardev_write(c, bytes, len);
    return true;
}

/* Up to `size` of the oldest bytes; NULL with an error. */
static GByteArray *read_ring(const Json *args, GError **error)
{
    Chardev *c = find_ring(args, error);
    int64_t size = json_get_int(args, "size", 0);
    if (!c)
        return NULL;
    if (size <= 0) {
        error_set(error, "size must be greater than zero");
        return NULL;
    }
    GByteArray *a = g_byte_array_new();
    uint8_t buf[4096];
    size_t n;
    do {
        n = MIN((uint64_t)size - a->len, sizeof(buf));
        chardev_ringbuf_read(c, buf, &n);
        g_byte_array_append(a, buf, n);
    } while (n && a->len < size);
    return a;
}

Json *qmp_ringbuf_read(const Json *args, GError **error)
{
    g_autoptr(GByteArray) a = read_ring(args, error);
    if (!a)
        return NULL;
    if (!is_base64(args))
        return json_string_len((const char *)a->data, a->len);
    g_autofree char *text = g_base64_encode(a->data, a->len);
    return json_string(text);
}

void hmp_ringbuf_read(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(GByteArray) a = read_ring(args, &error);
    if (!a) {
        monitor_report(mon, error);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < a->len; i++) {
        uint8_t b = a->data[i];
        if (b == '\\')
            g_string_append(text, "\\\\");
        else if ((b < 32 && b != '\n' && b != '\t') || b == 127)
            g_string_append_printf(text, "\\u%04X", b);
        else
            g_string_append_c(text, b);
    }
    monitor_printf(mon, "%s\n", text->str);
}
