/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive and -blockdev: from text to backends. */
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "backend/block/block_int.h"
#include "backend/fdset.h"
#include "util/error.h"
#include "util/json.h"
#include "util/opts.h"

static const char *const drive_keys[] = {
    "file", "if", "format", "id", "index", "unit", "bus", "media", "readonly", "read-only",
    "cache", "aio", "discard", "detect-zeroes", "snapshot", "werror", "rerror", "serial",
    "node-name", "driver", "auto-read-only", "force-share", "copy-on-read", "locking", "size",
    "offset", "read-zeroes", "cache.direct", "cache.no-flush", "cache.writeback",
    "file.driver", "file.filename", "file.locking", "file.aio", NULL,
};

static const char *const blockdev_keys[] = {
    "driver", "node-name", "filename", "file", "read-only", "auto-read-only", "force-share",
    "discard", "detect-zeroes", "cache.direct", "cache.no-flush", "aio", "locking", "offset",
    "size", "read-zeroes", "file.driver", "file.filename", "file.aio", "file.locking",
    "server.type", "server.host", "server.port", "server.path", "host", "port", "path", "export",
    "file.node-name", "file.read-only", "file.discard", "file.cache.direct",
    "file.cache.no-flush", "backing", "file.auto-read-only", NULL,
};

/* ---- pieces of both ---- */

/* Index of the option's value among `words`, or def where it isn't given; -1 with a reason. */
static int take_word(GHashTable *opts, const char *key, int def, const char *const *words,
                     GError **error)
{
    g_autofree char *v = opts_take(opts, key);
    if (!v)
        return def;
    for (int i = 0; words[i]; i++)
        if (!strcmp(v, words[i]))
            return i;
    g_autofree char *list = g_strjoinv(", ", (char **)words);
    error_set(error, "%s=%s: must be one of %s", key, v, list);
    return -1;
}

static bool take_discard(GHashTable *opts, bool *discard, GError **error)
{
    static const char *const words[] = { "ignore", "off", "unmap", "on", NULL };
    int i = take_word(opts, "discard", *discard ? 2 : 0, words, error);
    *discard = i >= 2;
    return i >= 0;
}

static bool take_detect_zeroes(GHashTable *opts, BlockBackend *b, GError **error)
{
    static const char *const words[] = { "off", "on", "unmap", NULL };
    int i = take_word(opts, "detect-zeroes", 0, words, error);
    if (i == DETECT_ZEROES_UNMAP && !b->discard)
        return error_set(error, "detect-zeroes=unmap needs discard=unmap");
    b->detect_zeroes = MAX(i, 0);
    return i >= 0;
}

/* How the host does it is our choice; the words are taken as they are. */
static bool take_aio(GHashTable *opts, const char *key, GError **error)
{
    static const char *const words[] = { "threads", "native", "io_uring", NULL };
    return take_word(opts, key, 0, words, error) >= 0;
}

static bool take_locking(GHashTable *opts, const char *key, BlockOpen *how, GError **error)
{
    static const char *const words[] = { "auto", "on", "off", NULL };
    int i = take_word(opts, key, 0, words, error);
    how->share_rw |= i == 2;
    return i >= 0;
}

static bool is_nbd(const char *filename)
{
    return g_str_has_prefix(filename, "nbd:") || g_str_has_prefix(filename, "nbd+unix:");
}

/* "file:x" is x; other protocols (http://) are not ours. */
static bool strip_protocol(const char **filename, GError **error)
{
    if (g_str_has_prefix(*filename, "file:")) {
        *filename += 5;
        return true;
    }
    if (g_str_has_prefix(*filename, "json:"))
        return error_set(error, "file=json:... isn't known; use -blockdev");
    size_t n = strspn(*filename, "abcdefghijklmnopqrstuvwxyz+");
    static const char *const protocols[] = {
        "http", "https", "ftp", "ftps", "ssh", "iscsi", "rbd", "gluster", "nfs", "vvfat",
        "fat", "blkdebug", "blkverify", "quorum",
    };
    if ((*filename)[n] == ':')
        for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
            if (strlen(protocols[i]) == n && !strncmp(protocols[i], *filename, n))
                return error_set(error, "'%s': this build reads images from files, block "
                                 "devices and NBD only, not by %s", *filename, protocols[i]);
    return true;
}

static bool not_ours(const char *filename, const char *format, GError **error)
{
    return error_set(error, "'%s' is a %s image: this build reads raw and qcow2 images; convert it "
                     "with qemu-img convert -O qcow2", filename, format);
}

/* The format that the file's first bytes tell, or NULL. */
static const char *probe(const char *filename)
{
    uint8_t head[BLOCK_SECTOR];
    int fd;
    if (!fdset_open(filename, O_RDONLY, &fd))
        fd = open(filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL; /* opening it properly tells why */
    ssize_t n = pread(fd, head, sizeof head, 0);
    close(fd);
    return n > 0 ? block_probe_format(head, n) : NULL;
}

static const char *const foreign_formats[] = {
    "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc", "luks", "parallels", "bochs", "cloop",
    "dmg", NULL,
};

/* format= or driver=: NULL is a guess. */
static bool check_format(BlockBackend *b, const char *format, const char *filename,
                         const char **is, GError **error)
{
    *is = "raw";
    if (!format) {
        const char *found = is_nbd(filename) ? NULL : probe(filename);
        if (found && !strcmp(found, "qcow2"))
            *is = "qcow2";
        else if (found)
            return not_ours(filename, found, error);
        else
            b->probed = true;
        return true;
    }
    if (!strcmp(format, "qcow2")) {
        *is = "qcow2";
        return true;
    }
    if (!strcmp(format, "raw") || !strcmp(format, "file") || !strcmp(format, "host_device") ||
        !strcmp(format, "host_cdrom") || !strcmp(format, "nbd"))
        return true;
    if (g_strv_contains(foreign_formats, format))
        return not_ours(filename, format, error);
    static const char *const known[] = { "raw", "qcow2", "file", "host_device", "null-co", NULL };
    const char *near = error_nearest(format, known);
    return error_set(error, "'%s': there is no image format '%s'%s%s%s", filename, format,
                     near ? "; did you mean '" : "; this build reads raw and qcow2 images",
                     near ? near : "", near ? "'?" : "");
}

static void warn_probed(const BlockBackend *b)
{
    if (b->probed && !b->read_only)
        warn_report("Image format was not specified for '%s' and probing guessed raw. A guest "
                    "could fake another format in sector 0, so such writes are refused; give "
                    "format=raw to allow them.", block_filename(b));
}

static bool take_null(GHashTable *opts, const char *filename, const char *node_name,
                      BlockBackend *b, GError **error)
{
    uint64_t size = 1ULL << 30;
    bool zeroes = false;
    if (!opts_take_size(opts, "size", 1, &size, error) ||
        !opts_take_bool(opts, "read-zeroes", &zeroes, error))
        return false;
    if (size > INT64_MAX || size % BLOCK_SECTOR)
        return error_set(error, "null-co: size= must be a multiple of 512");
    b->node = block_null_open(size, zeroes);
    block_node_register(b->node, node_name, filename ? filename : "null-co://", "null-co");
    return true;
}

/* ---- -drive ---- */

static bool take_cache(GHashTable *opts, BlockBackend *b, GError **error)
{
    static const char *const words[] = {
        "writeback", "none", "off", "writethrough", "directsync", "unsafe", NULL,
    };
    int i = take_word(opts, "cache", 0, words, error);
    b->direct = i == 1 || i == 2 || i == 4;
    b->write_cache = i != 3 && i != 4;
    b->no_flush = i == 5;
    return i >= 0 && opts_take_bool(opts, "cache.direct", &b->direct, error) &&
           opts_take_bool(opts, "cache.no-flush", &b->no_flush, error) &&
           opts_take_bool(opts, "cache.writeback", &b->write_cache, error);
}

static bool take_error_actions(GHashTable *opts, BlockBackend *b, GError **error)
{
    g_autofree char *r = opts_take(opts, "rerror"), *w = opts_take(opts, "werror");
    return block_set_error_actions(b, r, w) ||
           error_set(error, "werror= is one of report, ignore, enospc and stop, rerror= "
                     "one of report, ignore and stop");
}

/* index=, or bus= and unit=. */
static bool take_place(GHashTable *opts, BlockBackend *b, GError **error)
{
    uint64_t index = UINT64_MAX, unit = UINT64_MAX, bus = UINT64_MAX;
    if (!opts_take_number(opts, "index", &index, error) ||
        !opts_take_number(opts, "unit", &unit, error) ||
        !opts_take_number(opts, "bus", &bus, error))
        return false;
    if (index != UINT64_MAX && (unit != UINT64_MAX || bus != UINT64_MAX))
        return error_set(error, "index= says the place by itself; leave bus= and unit= "
                         "out");
    /* IDE has two units on a bus; elsewhere bus is 0. */
    unsigned per_bus = !strcmp(block_interface(b), "ide") ? 2 : 1;
    uint64_t place = index != UINT64_MAX ? index : unit;
    if (index == UINT64_MAX && bus != UINT64_MAX)
        place = MIN(bus, 1000) * per_bus + (unit == UINT64_MAX ? 0 : MIN(unit, 1000));
    if (place == UINT64_MAX)
        return true;
    if (place > 1000)
        return error_set(error, "index= or unit= is too big");
    BlockBackend *there = drive_get(block_interface(b), place);
    if (there && there != b && there->unit >= 0)
        return error_set(error, "if=%s already has a drive at index %" G_GUINT64_FORMAT
                         " ('%s')", block_interface(b), place, block_id(there));
    b->unit = place;
    return true;
}

static bool take_interface(GHashTable *opts, BlockBackend *b, GError **error)
{
    static const char *const known[] = {
        "none", "ide", "scsi", "floppy", "pflash", "mtd", "sd", "virtio", NULL,
    };
    b->interface = opts_take(opts, "if");
    if (!b->interface || g_strv_contains(known, b->interface))
        return true;
    const char *near = error_nearest(b->interface, known);
    return error_set(error, "if=%s: there is no such interface%s%s%s", b->interface,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool ignored_bool(GHashTable *opts, const char *key, bool only_off, GError **error)
{
    bool on = false;
    if (!opts_take_bool(opts, key, &on, error))
        return false;
    return !(on && only_off) || error_set(error, "%s=on is not supported", key);
}

static bool add_overlay(BlockBackend *b, GError **error)
{
    BlockNode *top = block_overlay_open(b->node, error);
    if (top)
        b->node = top;
    return top;
}

static BlockNode *open_protocol(const BlockOpen *how, GError **error)
{
    BlockNbd a;
    if (!is_nbd(how->filename))
        return block_file_open(how, error);
    if (how->offset || how->size)
        return error_set(error, "offset= and size= go with files"), NULL;
    if (!block_nbd_parse(&a, how->filename, error))
        return NULL;
    BlockNode *n = block_nbd_open(&a, how->read_only, error);
    if (!n)
        g_prefix_error(error, "'%s': ", how->filename);
    block_nbd_clear(&a);
    return n;
}

/* format "file": only the file. backing: as of block_qcow2_open. */
static BlockNode *open_image(const BlockOpen *how, const char *format, const char *node_name,
                             BlockNode *const *backing, GError **error)
{
    BlockNode *n = open_protocol(how, error);
    if (n && !strcmp(format, "qcow2")) {
        block_node_register(n, NULL, how->filename, "file");
        n = block_qcow2_open(n, how->filename, 0, backing, error);
    }
    if (n)
        block_node_register(n, node_name, how->filename, format);
    return n;
}

BlockNode *block_image_open(const char *filename, const char *format, const char *node_name,
                            bool write, BlockNode *const *backing, GError **error)
{
    BlockOpen how = { .filename = filename, .read_only = !write };
    const char *found = format || is_nbd(filename) ? NULL : probe(filename);
    const char *is = format ? format : found ? found : "raw";
    if (strcmp(is, "raw") && strcmp(is, "qcow2"))
        return error_set(error, "Unknown file format '%s'", is), NULL;
    return open_image(&how, !strcmp(is, "raw") ? "raw" : "qcow2", node_name, backing, error);
}

bool block_open_medium(BlockBackend *b, const char *filename, const char *format, GError **error)
{
    const char *is;
    if (!strip_protocol(&filename, error) || !check_format(b, format, filename, &is, error))
        return false;
    bool overlay = block_snapshot_default && !b->read_only;
    BlockOpen how = { .filename = filename, .read_only = b->read_only || overlay };
    b->node = open_image(&how, is, NULL, NULL, error);
    if (!b->node)
        return false;
    if (overlay)
        return add_overlay(b, error);
    b->read_only = b->node->read_only;
    return true;
}

static bool open_drive(GHashTable *opts, BlockBackend *b, const char *node_name, GError **error)
{
    BlockOpen how = { 0 };
    static const char *const media[] = { "disk", "cdrom", NULL };
    bool snapshot = block_snapshot_default;
    int m = take_word(opts, "media", 0, media, error);
    if (m < 0)
        return false;
    b->cdrom = m;
    b->read_only = b->cdrom;
    bool force_share = false;
    if (!opts_take_bool(opts, "readonly", &b->read_only, error) ||
        !opts_take_bool(opts, "read-only", &b->read_only, error) ||
        !opts_take_bool(opts, "auto-read-only", &how.auto_read_only, error) ||
        !opts_take_bool(opts, "snapshot", &snapshot, error) ||
        !opts_take_bool(opts, "force-share", &force_share, error) ||
        !ignored_bool(opts, "copy-on-read", true, error) || !take_cache(opts, b, error) ||
        !take_discard(opts, &b->discard, error) ||
        !take_detect_zeroes(opts, b, error) || !take_aio(opts, "aio", error) ||
        !take_aio(opts, "file.aio", error) || !take_error_actions(opts, b, error) ||
        !take_locking(opts, "locking", &how, error) ||
        !take_locking(opts, "file.locking", &how, error) ||
        !opts_take_size(opts, "offset", 1, &how.offset, error))
        return false;
    how.share_rw |= force_share;
    b->serial = opts_take(opts, "serial");

    g_autofree char *file = opts_take(opts, "file");
    g_autofree char *file2 = opts_take(opts, "file.filename");
    g_autofree char *file_driver = opts_take(opts, "file.driver");
    g_autofree char *driver = opts_take(opts, "driver");
    g_autofree char *format = opts_take(opts, "format");
    if (!format)
        format = g_steal_pointer(&driver);
    const char *name = file && *file ? file : file2;
    if ((format && !strcmp(format, "null-co")) ||
        (file_driver && !strcmp(file_driver, "null-co")) ||
        (name && g_str_has_prefix(name, "null-co:")))
        return take_null(opts, name, node_name, b, error);
    if (!opts_take_size(opts, "size", 1, &how.size, error))
        return false;
    if (!name || !*name)
        return true; /* a drive without a medium */
    const char *is;
    if (!strip_protocol(&name, error) || !check_format(b, format, name, &is, error))
        return false;
    /* With an overlay nothing is written to the image before a commit. */
    how.filename = name;
    how.read_only = b->read_only || snapshot;
    b->node = open_image(&how, is, node_name, NULL, error);
    if (!b->node)
        return false;
    if (snapshot && !b->read_only)
        return add_overlay(b, error);
    b->read_only = b->node->read_only;
    return true;
}

/* As QEMU names drives without id=: "virtio0", "ide1-cd0", "none0". */
static char *automatic_id(const char *interface)
{
    for (unsigned n = 0;; n++) {
        char *id = g_strdup_printf("%s%u", interface, n);
        if (!block_find(id))
            return id;
        g_free(id);
    }
}

BlockBackend *drive_new(const char *text, char **interface, GError **error)
{
    GHashTable *opts = opts_parse(text, "file", error);
    if (!opts)
        return NULL;
    g_autofree char *id = opts_take(opts, "id");
    g_autofree char *node_name = opts_take(opts, "node-name");
    BlockBackend *b = block_name_free(node_name, error) ? block_backend_new(id, error) : NULL;
    if (!b) {
        g_hash_table_unref(opts);
        return NULL;
    }
    b->is_drive = true;
    bool ok = take_interface(opts, b, error) && take_place(opts, b, error) &&
              open_drive(opts, b, node_name, error) &&
              opts_check_empty(opts, "drive", drive_keys, error);
    g_hash_table_unref(opts);
    if (!ok) {
        block_backend_discard(b);
        return NULL;
    }
    if (!b->id)
        b->id = automatic_id(block_interface(b));
    warn_probed(b);
    if (interface)
        *interface = g_strdup(block_interface(b));
    return b;
}

/* ---- -blockdev ---- */

/* "backing": null says something, as backing= does. */
static GHashTable *opts_of_json(const Json *v, GError **error)
{
    GHashTable *opts = json_to_opts(v, error);
    const Json *backing = json_get(v, "backing");
    if (opts && backing && json_type(backing) == JSON_NULL)
        g_hash_table_insert(opts, g_strdup("backing"), g_strdup(""));
    return opts;
}

/* Either form of the argument as option texts. */
static GHashTable *opts_parse_any(const char *text, const char *implied_key, GError **error)
{
    if (*text != '{')
        return opts_parse(text, implied_key, error);
    g_autoptr(Json) v = json_parse(text, strlen(text), error);
    return v ? opts_of_json(v, error) : NULL;
}

/* Moves "file.x" to "x" where that isn't given: raw over a file is the file. */
static void lift_file_keys(GHashTable *opts)
{
    GHashTableIter it;
    gpointer key, value;
    GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_iter_init(&it, opts);
    while (g_hash_table_iter_next(&it, &key, &value))
        if (g_str_has_prefix(key, "file.") && strcmp(key, "file.driver"))
            g_ptr_array_add(keys, g_strdup(key));
    for (guint i = 0; i < keys->len; i++) {
        const char *from = g_ptr_array_index(keys, i), *to = from + 5;
        g_autofree char *moved = opts_take(opts, from);
        if (strcmp(to, "node-name") && !g_hash_table_contains(opts, to))
            g_hash_table_replace(opts, g_strdup(to), g_steal_pointer(&moved));
    }
    g_ptr_array_free(keys, TRUE);
}

/* backing=NODE, or null in JSON; not given: what the image says. */
static bool take_backing(GHashTable *opts, const char *driver, bool *given, BlockNode **node,
                         GError **error)
{
    g_autofree char *name = opts_take(opts, "backing");
    *given = name;
    *node = NULL;
    if (!name)
        return true;
    if (strcmp(driver, "qcow2"))
        return error_set(error, "backing= goes with driver=qcow2");
    if (!*name)
        return true;
    *node = block_node_find(name);
    if (!*node)
        return error_set(error, "Cannot find device='%s' nor node-name='%s'", name, name);
    for (BlockBackend *b = block_backend_next(NULL); b; b = block_backend_next(b))
        if (block_image(b) == *node && (b->is_drive || b->owner) && !b->read_only)
            return error_set(error, "node '%s' is written by '%s': it can't be a backing file",
                             name, b->owner ? b->owner : block_id(b));
    return true;
}

/* A monitor node that others may be put upon: its backend. */
static BlockBackend *find_child(const char *name, GError **error)
{
    BlockBackend *child = block_find(name);
    if (!child)
        error_set(error, "file=%s: there is no node of that name; define it by an earlier "
                  "-blockdev", name);
    else if (child->owner || block_is_child(child))
        error_set(error, "node '%s' is in use already", name);
    else if (!child->node)
        error_set(error, "node '%s' has no medium", name);
    else
        return child;
    return NULL;
}

/* driver=raw,file=NODE */
static bool open_over_node(GHashTable *opts, BlockBackend *b, const char *driver, const char *below,
                           const char *node_name, BlockNode *const *backing, GError **error)
{
    BlockBackend *child = find_child(below, error);
    if (!child)
        return false;
    if (g_hash_table_contains(opts, "offset") || g_hash_table_contains(opts, "size"))
        return error_set(error, "give offset= and size= where the file is opened "
                         "('%s')", below);
    if (!b->read_only && !block_make_writable(child, error))
        return false;
    BlockNode *file = block_node_ref(child->node);
    b->node = !strcmp(driver, "qcow2")
                  ? block_qcow2_open(file, block_filename(child), 0, backing, error)
                  : block_raw_open(file);
    if (!b->node)
        return false;
    b->read_only |= child->read_only;
    b->node->read_only = b->read_only;
    block_node_register(b->node, node_name, block_filename(child),
                        !strcmp(driver, "qcow2") ? "qcow2" : "raw");
    b->no_flush |= child->no_flush;
    b->direct |= child->direct;
    b->discard = child->discard && b->discard;
    return true;
}

/* server.type=inet,server.host=H,server.port=P or server.type=unix,server.path=F; export= */
static char *take_nbd(GHashTable *opts, GError **error)
{
    g_autofree char *type = opts_take(opts, "server.type"), *export = opts_take(opts, "export");
    g_autofree char *host = opts_take(opts, "server.host"), *host2 = opts_take(opts, "host");
    g_autofree char *port = opts_take(opts, "server.port"), *port2 = opts_take(opts, "port");
    g_autofree char *path = opts_take(opts, "server.path"), *path2 = opts_take(opts, "path");
    const char *h = host ? host : host2, *p = port ? port : port2, *u = path ? path : path2;
    if (!h == !u || (type && strcmp(type, u ? "unix" : "inet")))
        return error_set(error, "driver=nbd needs server.type=inet,server.host=,server.port= or "
                         "server.type=unix,server.path="), NULL;
    return u ? g_strdup_printf("nbd:unix:%s:exportname=%s", u, export ? export : "")
             : g_strdup_printf("nbd:%s:%s:exportname=%s", h, p ? p : "10809", export ? export : "");
}

static bool open_blockdev(GHashTable *opts, BlockBackend *b, const char *node_name, GError **error)
{
    BlockOpen how = { 0 };
    bool force_share = false, has_backing;
    BlockNode *backing;
    g_autofree char *driver = opts_take(opts, "driver");
    g_autofree char *file_driver = opts_take(opts, "file.driver");
    g_autofree char *below = opts_take(opts, "file");
    if (!driver)
        return error_set(error, "driver= is missing; for a raw image write "
                         "driver=raw,node-name=NAME,file.driver=file,file.filename=FILE");
    lift_file_keys(opts);
    b->discard = !strcmp(driver, "raw") && !g_hash_table_contains(opts, "discard") && below;
    if (!opts_take_bool(opts, "read-only", &b->read_only, error) ||
        !opts_take_bool(opts, "auto-read-only", &how.auto_read_only, error) ||
        !opts_take_bool(opts, "force-share", &force_share, error) ||
        !opts_take_bool(opts, "cache.direct", &b->direct, error) ||
        !opts_take_bool(opts, "cache.no-flush", &b->no_flush, error) ||
        !take_discard(opts, &b->discard, error) ||
        !take_detect_zeroes(opts, b, error) ||
        !take_aio(opts, "aio", error) ||
        !take_backing(opts, driver, &has_backing, &backing, error) ||
        !take_locking(opts, "locking", &how, error))
        return false;
    how.share_rw |= force_share;
    how.read_only = b->read_only;
    if (below)
        return strcmp(driver, "raw") && strcmp(driver, "qcow2")
                   ? error_set(error, "file= goes with driver=raw or driver=qcow2")
                   : open_over_node(opts, b, driver, below, node_name,
                                    has_backing ? &backing : NULL, error);
    if (!strcmp(driver, "null-co") || (file_driver && !strcmp(file_driver, "null-co")))
        return take_null(opts, NULL, node_name, b, error);
    bool nbd = !strcmp(driver, "nbd") || !g_strcmp0(file_driver, "nbd");
    g_autofree char *filename = nbd ? take_nbd(opts, error) : opts_take(opts, "filename");
    if (nbd && !filename)
        return false;
    if (!filename)
        return error_set(error, "driver=%s needs %s=FILE", driver,
                         !strcmp(driver, "raw") ? "file.filename" : "filename");
    const char *is;
    if ((file_driver && !check_format(b, file_driver, filename, &is, error)) ||
        !check_format(b, driver, filename, &is, error) ||
        !opts_take_size(opts, "offset", 1, &how.offset, error) ||
        !opts_take_size(opts, "size", 1, &how.size, error))
        return false;
    how.filename = filename;
    if (strcmp(driver, "raw") && strcmp(driver, "qcow2"))
        is = nbd ? "nbd" : "file";
    /* A file below a read-only node must not be locked for writing: wait for who uses it. */
    b->writable_later = how.auto_read_only && !how.read_only && !strcmp(is, "file");
    how.read_only |= b->writable_later;
    b->node = open_image(&how, is, node_name, has_backing ? &backing : NULL, error);
    if (b->node)
        b->read_only = b->node->read_only;
    return b->node;
}

static BlockBackend *new_from_opts(GHashTable *opts, GError **error)
{
    g_autofree char *node_name = opts_take(opts, "node-name");
    if (!node_name) {
        error_set(error, "node-name= is missing; devices refer to the node by it");
        return NULL;
    }
    if (!block_name_free(node_name, error))
        return NULL;
    BlockBackend *b = block_backend_new(NULL, error);
    b->monitored = true;
    if (open_blockdev(opts, b, node_name, error) &&
        opts_check_empty(opts, "blockdev", blockdev_keys, error))
        return b;
    block_free(b);
    return NULL;
}

BlockBackend *blockdev_new(const char *text, GError **error)
{
    GHashTable *opts = opts_parse_any(text, "driver", error);
    BlockBackend *b = opts ? new_from_opts(opts, error) : NULL;
    if (opts)
        g_hash_table_unref(opts);
    return b;
}

BlockBackend *blockdev_new_from_json(const Json *args, GError **error)
{
    GHashTable *opts = opts_of_json(args, error);
    BlockBackend *b = opts ? new_from_opts(opts, error) : NULL;
    g_clear_pointer(&opts, g_hash_table_unref);
    return b;
}
