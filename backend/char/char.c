/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character backends: the list of them, their front ends, and the texts that make them.
 * The kinds are in the other files of this folder.
 */
#include "backend/char.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "backend/char_hook.h"
#include "backend/char/char_internal.h"
#include "backend/fdset.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/opts.h"

static GPtrArray *classes;  /* const ChardevClass * */
static GPtrArray *chardevs; /* Chardev *, in order of creation */
static GPtrArray *serials;  /* Chardev * or NULL, by -serial N */

void chardev_class_register(const ChardevClass *cls)
{
    if (!classes)
        classes = g_ptr_array_new();
    g_ptr_array_add(classes, (gpointer)cls);
}

static int compare_classes(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const ChardevClass *const *)a)->name, (*(const ChardevClass *const *)b)->name);
}

static const ChardevClass *class_find(const char *name)
{
    for (unsigned i = 0; i < classes->len; i++) {
        const ChardevClass *cls = classes->pdata[i];
        if (!cls->internal && (!strcmp(cls->name, name) || !g_strcmp0(cls->alias, name)))
            return cls;
    }
    return NULL;
}

char *chardev_help(void)
{
    GString *s = g_string_new("Available chardev backend types: \n");
    g_ptr_array_sort(classes, compare_classes);
    for (unsigned i = 0; i < classes->len; i++) {
        const ChardevClass *cls = classes->pdata[i];
        if (!cls->internal)
            g_string_append_printf(s, "  %s\n", cls->name);
        if (!cls->internal && cls->alias)
            g_string_append_printf(s, "  %s\n", cls->alias);
    }
    return g_string_free(s, FALSE);
}

static void no_such_kind(const char *driver, GError **error)
{
    const char *known[64] = { NULL };
    for (unsigned i = 0, n = 0; i < classes->len && n < 63; i++) {
        const ChardevClass *k = classes->pdata[i];
        if (!k->internal)
            known[n++] = k->name;
    }
    const char *near = error_nearest(driver, known);
    error_set(error, "'%s' is not a valid char driver name%s%s%s", driver,
              near ? "; did you mean '" : "; -chardev help lists them", near ? near : "",
              near ? "'?" : "");
}

char *chardev_options_help(const char *kind, GError **error)
{
    const ChardevClass *cls = class_find(kind);
    if (!cls || cls->internal) {
        no_such_kind(kind, error);
        return NULL;
    }
    GString *s = g_string_new("chardev options:\n");
    for (const char *const *o = cls->options; o && *o; o++)
        g_string_append_printf(s, "  %s=\n", *o);
    return g_string_free(s, FALSE);
}

/* ---- for the kinds ---- */

void chardev_ref(Chardev *c)
{
    c->refs++;
}

void chardev_unref(Chardev *c)
{
    if (--c->refs)
        return;
    g_free(c->label);
    g_free(c->filename);
    g_free(c);
}

void chardev_event(Chardev *c, CharEvent event)
{
    if (c->attached && c->fe.event)
        c->fe.event(c->fe.opaque, event);
}

int chardev_take_fd(Chardev *c)
{
    int fd = c->passed_fd;
    c->passed_fd = -1;
    return fd;
}

void chardev_set_open(Chardev *c, bool open)
{
    if (c->open == open)
        return;
    c->open = open;
    chardev_event(c, open ? CHAR_OPENED : CHAR_CLOSED);
    if (open && c->cls->accept_input)
        c->cls->accept_input(c);
}

void chardev_set_filename(Chardev *c, char *filename)
{
    g_free(c->filename);
    c->filename = filename;
}

size_t chardev_input_room(Chardev *c)
{
    return c->attached ? c->fe.can_read(c->fe.opaque) : 0;
}

static void (*before_input)(void), (*after_input)(void);
static void (*not_machine[8])(void *opaque, const uint8_t *buf, size_t len);
static bool muted;

void chardev_set_input_hooks(void (*before)(void), void (*after)(void))
{
    before_input = before;
    after_input = after;
}

void chardev_not_machine(void (*read)(void *opaque, const uint8_t *buf, size_t len))
{
    for (size_t i = 0; i < G_N_ELEMENTS(not_machine); i++) {
        if (not_machine[i] == read)
            return;
        if (!not_machine[i]) {
            not_machine[i] = read;
            return;
        }
    }
}

static bool reads_for_machine(void (*read)(void *opaque, const uint8_t *buf, size_t len))
{
    for (size_t i = 0; i < G_N_ELEMENTS(not_machine); i++)
        if (not_machine[i] == read)
            return false;
    return true;
}

static bool is_machine(const Chardev *c)
{
    return reads_for_machine(c->fe.read);
}

bool chardev_input_is_hooked(void)
{
    return before_input;
}

bool chardev_in_past(void)
{
    return muted;
}

void chardev_hand_over(const CharFrontend *fe, const uint8_t *buf, size_t len)
{
    bool hooked = before_input && reads_for_machine(fe->read);
    if (hooked)
        before_input();
    fe->read(fe->opaque, buf, len);
    if (hooked)
        after_input();
}

void chardev_mute(bool on)
{
    muted = on;
}

void chardev_input(Chardev *c, const uint8_t *buf, size_t len)
{
    if (!c->attached || !len)
        return;
    chardev_hand_over(&c->fe, buf, len);
}

/* ---- front ends ---- */

bool chardev_attach(Chardev *c, const CharFrontend *fe, GError **error)
{
    if (c->cls->attach)
        return c->cls->attach(c, fe, error);
    if (c->attached)
        return error_set(error, "Device '%s' is in use; give mux=on to share it", c->label);
    c->fe = *fe;
    c->attached = true;
    if (c->open)
        chardev_event(c, CHAR_OPENED);
    if (c->cls->accept_input)
        c->cls->accept_input(c);
    return true;
}

void chardev_detach(Chardev *c, void *opaque)
{
    if (c->cls->detach) {
        c->cls->detach(c, opaque);
        return;
    }
    if (!c->attached || c->fe.opaque != opaque)
        return;
    c->attached = false;
    if (c->cls->accept_input)
        c->cls->accept_input(c); /* sees that nobody wants input */
}

void chardev_accept_input(Chardev *c, void *opaque)
{
    if (c->cls->accept_input)
        c->cls->accept_input(c);
}

static void write_log(Chardev *c, const uint8_t *buf, size_t len)
{
    while (len) {
        ssize_t n = write(c->log_fd, buf, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a full disk must not stop the machine */
        buf += n;
        len -= n;
    }
}

void chardev_write(Chardev *c, const void *buf, size_t len)
{
    if (!len || (muted && c->attached && is_machine(c)))
        return;
    if (c->log_fd >= 0)
        write_log(c, buf, len);
    c->cls->write(c, buf, len);
}

size_t chardev_queued(const Chardev *c)
{
    return c->cls->queued ? c->cls->queued(c) : 0;
}

bool chardev_writable(const Chardev *c)
{
    if (before_input)
        return true; /* how fast the host takes it must make no difference */
    return chardev_queued(c) <= CHAR_QUEUE_SHORT;
}

void chardev_send_break(Chardev *c)
{
    if (c->cls->send_break)
        c->cls->send_break(c);
}

const char *chardev_label(const Chardev *c)
{
    return c->label;
}

const char *chardev_filename(const Chardev *c)
{
    return c->filename;
}

bool chardev_busy(const Chardev *c)
{
    return c->attached;
}

/* ---- the list ---- */

Chardev *chardev_find(const char *id)
{
    for (unsigned i = 0; chardevs && i < chardevs->len; i++) {
        Chardev *c = chardevs->pdata[i];
        if (!strcmp(c->label, id))
            return c;
    }
    return NULL;
}

void chardev_foreach(void (*fn)(Chardev *c, const char *label, const char *filename, bool open,
                                void *arg), void *arg)
{
    for (unsigned i = 0; chardevs && i < chardevs->len; i++) {
        Chardev *c = chardevs->pdata[i];
        fn(c, c->label, c->filename, c->attached, arg);
    }
}

Chardev *serial_hd(unsigned n)
{
    return serials && n < serials->len ? serials->pdata[n] : NULL;
}

void serial_hd_add(Chardev *c)
{
    if (!serials)
        serials = g_ptr_array_new();
    g_ptr_array_add(serials, c);
}

/* Output still queued at the end (a guest's last words) gets a moment to leave. */
static void drain_all(void *opaque)
{
    gint64 deadline = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
    for (bool more = true; more && g_get_monotonic_time() < deadline;) {
        more = false;
        for (unsigned i = 0; i < chardevs->len; i++) {
            Chardev *c = chardevs->pdata[i];
            more |= c->cls->drain && !c->cls->drain(c);
        }
        if (more)
            g_usleep(1000);
    }
}

static void close_all(void *opaque)
{
    drain_all(NULL);
    while (chardevs->len) {
        Chardev *c = chardevs->pdata[chardevs->len - 1];
        c->attached = false;
        chardev_free(c);
    }
}

void chardev_free(Chardev *c)
{
    if (!c)
        return;
    g_ptr_array_remove(chardevs, c);
    for (unsigned i = 0; serials && i < serials->len; i++) {
        if (serials->pdata[i] == c)
            serials->pdata[i] = NULL;
    }
    if (c->cls->close)
        c->cls->close(c);
    if (c->log_fd >= 0)
        close(c->log_fd);
    if (c->passed_fd >= 0)
        close(c->passed_fd);
    c->log_fd = c->passed_fd = -1;
    c->open = false;
    chardev_unref(c);
}

/* ---- making them ---- */

static bool id_ok(const char *id)
{
    if (!g_ascii_isalpha(*id))
        return false;
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id))
            return false;
    }
    return true;
}

int chardev_open_output(const char *path, bool append)
{
    int fd;
    if (!fdset_open(path, O_WRONLY, &fd))
        return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0)
        fdset_open(path, O_RDWR, &fd);
    return fd;
}

static bool open_log(Chardev *c, const char *name, bool append, GError **error)
{
    if (!name)
        return true;
    c->log_fd = chardev_open_output(name, append);
    return c->log_fd >= 0 || error_set_errno(error, errno, "Unable to open logfile '%s'", name);
}

static Chardev *chardev_make(const ChardevClass *cls, const char *id, GHashTable *opts,
                             GError **error)
{
    if (!chardevs) {
        chardevs = g_ptr_array_new();
        exit_add_notifier(close_all, NULL);
        signal(SIGPIPE, SIG_IGN); /* a reader that goes away gives EPIPE */
    }
    Chardev *c = g_malloc0(cls->size);
    c->cls = cls;
    c->label = g_strdup(id);
    c->filename = g_strdup(cls->name);
    c->refs = 1;
    c->log_fd = c->passed_fd = -1;
    bool append = false;
    char *log = opts_take(opts, "logfile");
    bool ok = opts_take_bool(opts, "logappend", &append, error) &&
              (!cls->open || cls->open(c, opts, error));
    if (ok && !opts_check_empty(opts, id, cls->options, error)) {
        if (cls->close)
            cls->close(c);
        ok = false;
    }
    if (ok && !open_log(c, log, append, error)) {
        if (cls->close)
            cls->close(c);
        ok = false;
    }
    g_free(log);
    if (!ok) {
        chardev_unref(c);
        return NULL;
    }
    g_ptr_array_add(chardevs, c);
    return c;
}

static Chardev *chardev_make_mux(const char *id, Chardev *base, GError **error)
{
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(opts, g_strdup("chardev"), g_strdup(base->label));
    Chardev *mux = chardev_make(&chardev_mux_class, id, opts, error);
    g_hash_table_unref(opts);
    return mux;
}

static Chardev *chardev_new_checked(const char *id, GHashTable *opts, GError **error)
{
    g_autofree char *driver = opts_take(opts, "backend");
    if (!driver) {
        error_set(error, "chardev: \"%s\" missing backend", id);
        return NULL;
    }
    const ChardevClass *cls = class_find(driver);
    if (!cls) {
        no_such_kind(driver, error);
        return NULL;
    }
    if (chardev_find(id)) {
        error_set(error, "Duplicate ID '%s' for chardev", id);
        return NULL;
    }
    bool mux = false;
    if (!opts_take_bool(opts, "mux", &mux, error))
        return NULL;
    if (!mux)
        return chardev_make(cls, id, opts, error);
    g_autofree char *base_id = g_strdup_printf("%s-base", id);
    Chardev *base = chardev_make(cls, base_id, opts, error);
    Chardev *c = base ? chardev_make_mux(id, base, error) : NULL;
    if (base && !c)
        chardev_free(base);
    return c;
}

Chardev *chardev_new(const char *id, GHashTable *opts, GError **error)
{
    if (!id) {
        error_set(error, "chardev: no id specified; add id=NAME");
        return NULL;
    }
    if (!id_ok(id)) {
        error_set(error, "Parameter 'id' expects an identifier: letters, digits, '-', '.', '_', "
                  "starting with a letter; not '%s'", id);
        return NULL;
    }
    return chardev_new_checked(id, opts, error);
}

Chardev *chardev_new_from_opts(const char *text, GError **error)
{
    GHashTable *opts = opts_parse(text, "backend", error);
    if (!opts)
        return NULL;
    g_autofree char *id = opts_take(opts, "id");
    Chardev *c = chardev_new(id, opts, error);
    g_hash_table_unref(opts);
    return c;
}

/* ---- changing them ---- */

static void swap_labels(Chardev *a, Chardev *b)
{
    char *label = a->label;
    a->label = b->label;
    b->label = label;
}

Chardev *chardev_change(Chardev *old, GHashTable *opts, void (*moved)(Chardev *from, Chardev *to),
                        GError **error)
{
    const char *mux = opts_get(opts, "mux", "off");
    if (chardev_is_mux(old) || strcmp(mux, "off")) {
        error_set(error, "Mux device hotswap not supported yet");
        return NULL;
    }
    g_autofree char *id = g_strdup_printf("%s.new", old->label);
    Chardev *c = chardev_new(id, opts, error);
    if (!c) {
        g_prefix_error(error, "Failed to add chardev '%s': ", old->label);
        return NULL;
    }
    swap_labels(old, c);
    for (unsigned i = 0; serials && i < serials->len; i++)
        if (serials->pdata[i] == old)
            serials->pdata[i] = c;
    if (old->attached) {
        CharFrontend fe = old->fe;
        chardev_detach(old, fe.opaque);
        if (old->open && fe.event)
            fe.event(fe.opaque, CHAR_CLOSED);
        moved(old, c);
        chardev_attach(c, &fe, NULL);
    }
    chardev_free(old);
    return c;
}

/* ---- the forms of -serial and -monitor ---- */

bool chardev_legacy_wants_monitor(const char *text)
{
    return g_str_has_prefix(text, "mon:");
}

static void put(GHashTable *opts, const char *key, const char *value)
{
    g_hash_table_replace(opts, g_strdup(key), g_strdup(value));
}

/* "HOST:PORT,..." or "[V6]:PORT,...": *rest becomes the options behind the comma, or NULL. */
static bool put_host_port(GHashTable *opts, const char *text, const char *host_key,
                          const char *port_key, const char **rest)
{
    const char *end = strchr(text, ',');
    *rest = end ? end + 1 : NULL;
    g_autofree char *part = end ? g_strndup(text, end - text) : g_strdup(text);
    char *colon = strrchr(part, ':');
    if (!colon || !colon[1])
        return false;
    *colon = '\0';
    char *host = part;
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        host++;
    }
    put(opts, host_key, host);
    put(opts, port_key, colon + 1);
    return true;
}

static bool put_rest(GHashTable *opts, const char *rest, GError **error)
{
    if (!rest || !*rest)
        return true;
    GHashTable *more = opts_parse(rest, NULL, error);
    if (!more)
        return false;
    GHashTableIter it;
    gpointer k, v;
    g_hash_table_iter_init(&it, more);
    while (g_hash_table_iter_next(&it, &k, &v))
        put(opts, k, v);
    g_hash_table_unref(more);
    return true;
}

/* udp:[rhost]:rport[@[lhost]:lport] */
static bool put_udp(GHashTable *opts, const char *text)
{
    const char *rest;
    g_auto(GStrv) ends = g_strsplit(text, "@", 2);
    return put_host_port(opts, ends[0], "host", "port", &rest) && !rest &&
           (!ends[1] || (put_host_port(opts, ends[1], "localaddr", "localport", &rest) && !rest));
}

static bool put_path(GHashTable *opts, const char *backend, const char *path)
{
    put(opts, "backend", backend);
    put(opts, "path", path);
    return *path;
}

static bool parse_legacy(GHashTable *opts, const char *text, GError **error)
{
    static const char *const plain[] = { "null", "stdio", "pty", "vc", "ringbuf", "memory" };
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
        if (!strcmp(text, plain[i])) {
            put(opts, "backend", text);
            return true;
        }
    }
    const char *arg = strchr(text, ':') ? strchr(text, ':') + 1 : "";
    const char *rest = NULL;
    if (g_str_has_prefix(text, "vc:")) {
        put(opts, "backend", "vc"); /* the size of a text console that nobody sees */
        return true;
    }
    if (g_str_has_prefix(text, "file:"))
        return put_path(opts, "file", arg);
    if (g_str_has_prefix(text, "pipe:"))
        return put_path(opts, "pipe", arg);
    if (g_str_has_prefix(text, "/dev/") || g_str_has_prefix(text, "//./"))
        return put_path(opts, "serial", text);
    if (g_str_has_prefix(text, "udp:")) {
        put(opts, "backend", "udp");
        return put_udp(opts, arg);
    }
    put(opts, "backend", "socket");
    if (g_str_has_prefix(text, "unix:")) {
        const char *comma = strchr(arg, ',');
        g_autofree char *path = comma ? g_strndup(arg, comma - arg) : g_strdup(arg);
        put(opts, "path", path);
        return *path && put_rest(opts, comma ? comma + 1 : NULL, error);
    }
    if (g_str_has_prefix(text, "telnet:"))
        put(opts, "telnet", "on");
    else if (g_str_has_prefix(text, "websocket:"))
        put(opts, "websocket", "on");
    else if (!g_str_has_prefix(text, "tcp:"))
        return false;
    return put_host_port(opts, arg, "host", "port", &rest) && put_rest(opts, rest, error);
}

Chardev *chardev_new_from_legacy(const char *text, const char *id, GError **error)
{
    if (g_str_has_prefix(text, "chardev:")) {
        Chardev *c = chardev_find(text + 8);
        if (!c)
            error_set(error, "there is no chardev '%s'; define it with -chardev ...,id=%s",
                      text + 8, text + 8);
        return c;
    }
    const char *form = chardev_legacy_wants_monitor(text) ? text + 4 : text;
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GError *why = NULL;
    Chardev *c = NULL;
    if (!parse_legacy(opts, form, &why)) {
        if (why)
            g_propagate_error(error, why);
        else
            error_set(error, "'%s' is no character device; forms are stdio, mon:stdio, null, pty, "
                      "file:PATH, pipe:PATH, tcp:HOST:PORT, telnet:HOST:PORT, unix:PATH, "
                      "udp:HOST:PORT, chardev:ID and /dev/...", text);
    } else {
        if (form != text)
            put(opts, "mux", "on");
        if (form != text && !strcmp(form, "stdio"))
            put(opts, "signal", "off"); /* Ctrl-C is for the guest when the monitor can end it */
        c = chardev_new_checked(id, opts, error);
    }
    g_hash_table_unref(opts);
    return c;
}
