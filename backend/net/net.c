/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of network backends: see include/backend/net.h. */
#include "backend/net.h"

#include <string.h>

#include "softmmu/run.h"
#include "util/error.h"
#include "util/opts.h"

static const NetType *const types[] = {
    &net_bridge_type, &net_dgram_type, &net_socket_type, &net_stream_type, &net_tap_type,
    &net_user_type,
};
static GPtrArray *all;

static const NetType *find_type(const char *name, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (!strcmp(types[i]->name, name))
            return types[i];
    GString *have = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        g_string_append_printf(have, "%s%s", i ? ", " : "", types[i]->name);
    error_set(error, "this build has no network backend '%s'; it has: %s", name, have->str);
    g_string_free(have, TRUE);
    return NULL;
}

static void free_backend(NetBackend *n)
{
    if (n->state)
        n->type->destroy(n);
    g_queue_free_full(n->pending, (GDestroyNotify)g_bytes_unref);
    g_ptr_array_free(n->taps, TRUE);
    g_free(n->id);
    g_free(n);
}

/* A machine that stands still takes no frames. */
static void on_run_state(void *opaque, bool running, RunState state)
{
    for (guint i = 0; running && i < all->len; i++)
        net_resume(all->pdata[i]);
}

static void on_program_exit(void *opaque)
{
    for (guint i = 0; i < all->len; i++) {
        NetBackend *n = all->pdata[i];
        n->nic = NULL;
        if (n->type->leaves_traces)
            n->type->destroy(n);
    }
    g_ptr_array_set_size(all, 0);
}

static NetBackend *new_from_opts(GHashTable *opts, GPtrArray *repeated, GError **error)
{
    g_autofree char *type_name = opts_take(opts, "type");
    g_autofree char *id = opts_take(opts, "id");
    if (!type_name || !*type_name) {
        error_set(error, "the type is missing; 'help' lists them");
        return NULL;
    }
    const NetType *type = find_type(type_name, error);
    if (!type)
        return NULL;
    if (!id || !*id) {
        error_set(error, "id= is missing");
        return NULL;
    }
    if (net_find(id)) {
        error_set(error, "there is a network backend '%s' already", id);
        return NULL;
    }
    NetBackend *n = g_new0(NetBackend, 1);
    n->id = g_strdup(id);
    n->type = type;
    n->pending = g_queue_new();
    n->taps = g_ptr_array_new();
    if (!type->create(n, opts, repeated, error) ||
        !opts_check_empty(opts, type_name, type->keys, error)) {
        free_backend(n);
        return NULL;
    }
    if (!all) {
        all = g_ptr_array_new();
        run_state_add_listener(on_run_state, NULL);
        exit_add_notifier(on_program_exit, NULL);
    }
    g_ptr_array_add(all, n);
    return n;
}

/* Options that may be given several times. */
static const char *const several_keys[] = { "hostfwd", "guestfwd", "dnssearch", NULL };

NetBackend *net_new_from_json(const Json *args, GError **error)
{
    g_autoptr(GPtrArray) repeated = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Json) rest = json_object();
    for (unsigned i = 0; i < json_len(args); i++) {
        const char *key = json_key_at(args, i);
        const Json *value = json_get(args, key);
        if (!g_strv_contains(several_keys, key)) {
            json_set(rest, key, json_copy(value));
            continue;
        }
        /* [{"str": "tcp::22-:22"}, ...], as QAPI has it; or one text */
        if (json_str(value))
            g_ptr_array_add(repeated, g_strdup_printf("%s=%s", key, json_str(value)));
        for (unsigned k = 0; k < json_len(value); k++)
            g_ptr_array_add(repeated, g_strdup_printf("%s=%s", key,
                                json_get_str(json_at(value, k), "str", "")));
    }
    g_autoptr(GHashTable) opts = json_to_opts(rest, error);
    return opts ? new_from_opts(opts, repeated, error) : NULL;
}

/* Takes "hostfwd=...", which may come several times, out of the text. ",," is a comma in a value. */
static char *split_repeated(const char *text, GPtrArray *repeated)
{
    GString *rest = g_string_new(NULL), *part = g_string_new(NULL);
    for (const char *c = text;; c++) {
        bool doubled = c[0] == ',' && c[1] == ',';
        if (*c && (*c != ',' || doubled)) {
            g_string_append_c(part, *c);
            if (doubled)
                g_string_append_c(part, *c++);
            continue;
        }
        bool several = false;
        for (const char *const *k = several_keys; *k; k++)
            several |= g_str_has_prefix(part->str, *k) && part->str[strlen(*k)] == '=';
        if (several) {
            char **plain = g_strsplit(part->str, ",,", -1);
            g_ptr_array_add(repeated, g_strjoinv(",", plain));
            g_strfreev(plain);
        } else {
            g_string_append_printf(rest, "%s%s", rest->len ? "," : "", part->str);
        }
        g_string_truncate(part, 0);
        if (!*c)
            break;
    }
    g_string_free(part, TRUE);
    return g_string_free(rest, FALSE);
}

NetBackend *net_new(const char *text, GError **error)
{
    if (*text == '{') {
        g_autoptr(Json) args = json_parse(text, strlen(text), error);
        return args ? net_new_from_json(args, error) : NULL;
    }
    g_autoptr(GPtrArray) repeated = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *rest = split_repeated(text, repeated);
    g_autoptr(GHashTable) opts = opts_parse(rest, "type", error);
    return opts ? new_from_opts(opts, repeated, error) : NULL;
}

bool net_delete(const char *id, GError **error)
{
    NetBackend *n = net_find(id);
    if (!n)
        return error_set(error, "Device '%s' not found", id);
    if (n->nic)
        return error_set(error, "network backend '%s' is in use by a %s; delete that first", id,
                         n->nic->model);
    if (n->taps->len)
        return error_set(error, "network backend '%s' is in use by a filter; delete that first", id);
    g_ptr_array_remove(all, n);
    free_backend(n);
    return true;
}

NetBackend *net_find(const char *id)
{
    for (guint i = 0; all && i < all->len; i++) {
        NetBackend *n = all->pdata[i];
        if (!strcmp(n->id, id))
            return n;
    }
    return NULL;
}

void *net_find_any(const char *id)
{
    return net_find(id);
}

const char *net_id(void *backend)
{
    return ((NetBackend *)backend)->id;
}

NetBackend *net_first_user(void)
{
    for (guint i = 0; all && i < all->len; i++) {
        NetBackend *n = all->pdata[i];
        if (n->type == &net_user_type)
            return n;
    }
    return NULL;
}

void net_foreach(void (*fn)(NetBackend *n, void *arg), void *arg)
{
    for (guint i = 0; all && i < all->len; i++)
        fn(all->pdata[i], arg);
}

char *net_help(void)
{
    GString *s = g_string_new("Available netdev types:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        g_string_append_printf(s, "%s\n", types[i]->name);
    return g_string_free(s, FALSE);
}

/* ---- NICs ---- */

bool net_attach(NetBackend *n, NetNic *nic, GError **error)
{
    if (n->nic)
        return error_set(error, "network backend '%s' has a NIC already; add a -netdev", n->id);
    n->nic = nic;
    return true;
}

/* Nothing waits for the NIC any more. */
static void drop_pending(NetBackend *n)
{
    bool any = !g_queue_is_empty(n->pending);
    g_queue_clear_full(n->pending, (GDestroyNotify)g_bytes_unref);
    if (any && n->type->room)
        n->type->room(n);
}

void net_detach(NetBackend *n)
{
    net_set_offloads(n, 0);
    n->nic = NULL;
    drop_pending(n);
}

static void show_taps(NetBackend *n, const uint8_t *frame, size_t len)
{
    for (guint i = 0; i < n->taps->len; i++) {
        NetTap *tap = n->taps->pdata[i];
        tap->frame(tap->opaque, frame, len);
    }
}

static void (*before_input)(void), (*after_input)(void);
static bool muted, inbox_called;

void net_set_input_hooks(void (*before)(void), void (*after)(void))
{
    before_input = before;
    after_input = after;
}

void net_mute(bool on)
{
    muted = on;
}

void net_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len)
{
    if (n->link_down || muted)
        return;
    show_taps(n, frame, len);
    n->type->send(n, o, frame, len);
}

/* With hooks what the guest sees depends on its own past only: frames too many are lost. */
bool net_blocked(const NetBackend *n)
{
    return n->blocked && !n->link_down && !muted && !before_input;
}

void net_set_blocked(NetBackend *n, bool blocked)
{
    bool was = n->blocked;
    n->blocked = blocked;
    if (was && !blocked && n->nic && n->nic->writable)
        n->nic->writable(n->nic->opaque);
}

void net_set_offloads(NetBackend *n, unsigned taken)
{
    if (n->type->set_offloads)
        n->type->set_offloads(n, taken);
}

void net_set_link(NetBackend *n, bool up)
{
    if (n->link_down == !up)
        return;
    n->link_down = !up;
    if (!n->nic)
        return;
    n->nic->link_changed(n->nic->opaque, up);
    if (!up && n->nic->writable) /* what waited for the peer goes nowhere now */
        n->nic->writable(n->nic->opaque);
}

static bool to_nic(NetBackend *n, GBytes *b)
{
    gsize len;
    const uint8_t *p = g_bytes_get_data(b, &len);
    return n->nic->receive(n->nic->opaque, (const NetOffload *)p, p + sizeof(NetOffload),
                           len - sizeof(NetOffload));
}

/* All frames that came since the last time, as one input. */
static void empty_inbox(void *opaque)
{
    inbox_called = false;
    if (!muted)
        before_input();
    for (guint i = 0; all && i < all->len; i++) {
        NetBackend *n = all->pdata[i];
        bool any = !g_queue_is_empty(n->pending);
        for (GBytes *b; (b = g_queue_pop_head(n->pending)); g_bytes_unref(b))
            if (!muted && n->nic)
                to_nic(n, b);
        if (any && n->type->room)
            n->type->room(n);
    }
    if (!muted)
        after_input();
}

bool net_wants(const NetBackend *n)
{
    return g_queue_is_empty(n->pending);
}

void net_deliver(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len)
{
    static const NetOffload plain, checked = { .flags = NET_CSUM_VALID };
    if (!o)
        o = n->type->checked ? &checked : &plain;
    if (n->link_down || !n->nic || muted)
        return;
    show_taps(n, frame, len);
    if (!before_input && run_state_is_running() && g_queue_is_empty(n->pending) &&
        n->nic->receive(n->nic->opaque, o, frame, len))
        return;
    /* A full queue drops, as a wire's far end would. */
    if (g_queue_get_length(n->pending) < NET_MAX_QUEUE) {
        uint8_t *kept = g_malloc(sizeof *o + len);
        memcpy(kept, o, sizeof *o);
        memcpy(kept + sizeof *o, frame, len);
        g_queue_push_tail(n->pending, g_bytes_new_take(kept, sizeof *o + len));
    }
    if (before_input && !inbox_called) {
        inbox_called = true;
        main_defer(empty_inbox, NULL);
    }
}

void net_resume(NetBackend *n)
{
    if (before_input || !run_state_is_running() || g_queue_is_empty(n->pending))
        return;
    while (!g_queue_is_empty(n->pending)) {
        if (!n->nic || !to_nic(n, g_queue_peek_head(n->pending)))
            return;
        g_bytes_unref(g_queue_pop_head(n->pending));
    }
    if (n->type->room)
        n->type->room(n);
}

static void (*filter_listener)(NetNic *nic);

void net_set_filter_listener(void (*fn)(NetNic *nic))
{
    filter_listener = fn;
}

void net_filter_changed(NetNic *nic)
{
    if (nic->filter_told || !filter_listener)
        return;
    nic->filter_told = true;
    filter_listener(nic);
}

void net_loaded(NetBackend *n)
{
    drop_pending(n);
    if (n->type->loaded)
        n->type->loaded(n);
}

void net_default_mac(uint8_t mac[6])
{
    static uint8_t last = 0x56;
    memcpy(mac, (const uint8_t[]){ 0x52, 0x54, 0x00, 0x12, 0x34, last++ }, 6);
}
