/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of -netdev stream, dgram and socket: see address.h. */
#include "backend/net/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "util/error.h"
#include "util/opts.h"

typedef struct AddressType {
    const char *name;
    const char *const *needed;
    const char *const *keys;   /* all */
} AddressType;

static const AddressType address_types[] = {
    { "inet", (const char *const[]){ "host", "port", NULL },
      (const char *const[]){ "host", "port", "to", "ipv4", "ipv6", "numeric", "keep-alive", NULL } },
    { "unix", (const char *const[]){ "path", NULL },
      (const char *const[]){ "path", "abstract", "tight", NULL } },
    { "fd", (const char *const[]){ "str", NULL }, (const char *const[]){ "str", NULL } },
};

/* The options that begin with "KEY.", without that. */
static GHashTable *below(GHashTable *opts, const char *key)
{
    g_autofree char *prefix = g_strconcat(key, ".", NULL);
    GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter it;
    gpointer k, v;
    g_hash_table_iter_init(&it, opts);
    while (g_hash_table_iter_next(&it, &k, &v)) {
        if (!g_str_has_prefix(k, prefix))
            continue;
        g_hash_table_insert(found, g_strdup((char *)k + strlen(prefix)), g_strdup(v));
        g_hash_table_iter_remove(&it);
    }
    return found;
}

static const AddressType *find_type(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(address_types); i++)
        if (!strcmp(address_types[i].name, name))
            return &address_types[i];
    return NULL;
}

bool net_address_take(GHashTable *opts, const char *key, SockSpec *s, bool *given, GError **error)
{
    g_autoptr(GHashTable) own = below(opts, key);
    *given = g_hash_table_size(own);
    if (!*given)
        return true;
    g_autofree char *name = opts_take(own, "type");
    if (!name)
        return error_set(error, "Parameter '%s.type' is missing", key);
    const AddressType *t = find_type(name);
    if (!t)
        return error_set(error, "%s.type=%s is not supported; inet, unix and fd are", key, name);
    for (const char *const *k = t->needed; *k; k++)
        if (!g_hash_table_contains(own, *k))
            return error_set(error, "Parameter '%s.%s' is missing", key, *k);
    bool numeric = false, keep_alive = false; /* numbers are taken as such anyway */
    g_autofree char *fd = opts_take(own, "str");
    if (!opts_take_bool(own, "numeric", &numeric, error) ||
        !opts_take_bool(own, "keep-alive", &keep_alive, error))
        return false;
    GHashTableIter it;
    gpointer k;
    g_hash_table_iter_init(&it, own);
    while (g_hash_table_iter_next(&it, &k, NULL))
        if (!g_strv_contains(t->keys, k))
            return error_set(error, "Parameter '%s.%s' is unexpected", key, (char *)k);
    if (fd)
        g_hash_table_insert(own, g_strdup("fd"), g_strdup(fd));
    return sock_spec_take(s, own, error);
}

bool net_address_parse(const char *text, SockSpec *s, GError **error)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return error_set(error, "host address '%s' doesn't contain ':' separating host from port",
                         text);
    if (!colon[1])
        return error_set(error, "host address '%s' has no port behind its ':'", text);
    *s = (SockSpec){ .tight = true, .ipv4 = true };
    s->host = g_strndup(text, colon - text);
    s->port = g_strdup(colon + 1);
    return sock_port_check(s->port, error);
}

/* ---- what is told of them ---- */

static void split(const SockAddr *a, char host[NI_MAXHOST], char port[NI_MAXSERV])
{
    *host = *port = 0;
    getnameinfo((const struct sockaddr *)&a->ss, a->len, host, NI_MAXHOST, port, NI_MAXSERV,
                NI_NUMERICHOST | NI_NUMERICSERV);
}

static char *unix_path(const SockAddr *a)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;
    size_t at = offsetof(struct sockaddr_un, sun_path), n = a->len > at ? a->len - at : 0;
    bool abstract = n && !un->sun_path[0];
    return n ? g_strndup(un->sun_path + abstract, n - abstract) : g_strdup("");
}

/* A client of a Unix socket has no name; then it is known by the server's. */
static SockAddr peer_of(int fd)
{
    SockAddr a = { .len = sizeof a.ss };
    socklen_t unnamed = offsetof(struct sockaddr_un, sun_path);
    if (getpeername(fd, (struct sockaddr *)&a.ss, &a.len))
        a.len = 0;
    if (a.ss.ss_family == AF_UNIX && a.len <= unnamed) {
        a.len = sizeof a.ss;
        if (getsockname(fd, (struct sockaddr *)&a.ss, &a.len))
            a.len = 0;
    }
    a.family = a.len ? a.ss.ss_family : AF_UNSPEC;
    return a;
}

char *net_address_text(const SockAddr *a)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (a->family == AF_UNIX)
        return unix_path(a);
    split(a, host, port);
    return g_strdup_printf("%s:%s", host, port);
}

char *net_peer_text(int fd)
{
    SockAddr a = peer_of(fd);
    g_autofree char *text = net_address_text(&a);
    return g_strconcat(a.family == AF_UNIX ? "unix:" : "tcp:", text, NULL);
}

Json *net_peer_json(int fd)
{
    SockAddr a = peer_of(fd);
    Json *o = json_object();
    if (a.family == AF_UNIX) {
        g_autofree char *path = unix_path(&a);
        json_set_str(o, "path", path);
        json_set_str(o, "type", "unix");
        return o;
    }
    char host[NI_MAXHOST], port[NI_MAXSERV];
    split(&a, host, port);
    json_set_str(o, "port", port);
    json_set_bool(o, a.family == AF_INET6 ? "ipv6" : "ipv4", true);
    json_set_str(o, "host", host);
    json_set_str(o, "type", "inet");
    return o;
}
