/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks: backends, forwards, links. */
#include "backend/net.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/schema/commands_gen.h"
#include "util/error.h"

bool qmp_netdev_add(const Json *args, GError **error)
{
    return net_new_from_json(args, error);
}

void hmp_netdev_add(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!net_new(json_get_str(args, "netdev", ""), &error))
        monitor_report(mon, error);
}

bool qmp_netdev_del(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "id", "");
    if (!net_find(id))
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    return net_delete(id, error);
}

typedef struct LinkSearch {
    const char *name;
    NetBackend *found;
} LinkSearch;

/* By the backend's id, or by that of the card in it. */
static void match(NetBackend *n, void *arg)
{
    LinkSearch *s = arg;
    if (!strcmp(n->id, s->name) || (n->nic && n->nic->id && !strcmp(n->nic->id, s->name)))
        s->found = n;
}

bool qmp_set_link(const Json *args, GError **error)
{
    LinkSearch s = { json_get_str(args, "name", ""), NULL };
    net_foreach(match, &s);
    if (!s.found)
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", s.name);
    net_set_link(s.found, json_get_bool(args, "up", true));
    return true;
}

static void print_mac(GString *out, const uint8_t *m)
{
    g_string_append_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void print_network(NetBackend *n, void *arg)
{
    Monitor *mon = arg;
    g_autofree char *about = n->type->describe(n);
    if (n->nic) {
        g_autoptr(GString) mac = g_string_new(NULL);
        print_mac(mac, n->nic->mac);
        monitor_printf(mon, "%s: index=0,type=nic,model=%s,macaddr=%s\n \\ ",
                       n->nic->id ? n->nic->id : n->nic->model, n->nic->model, mac->str);
    }
    monitor_printf(mon, "%s: index=0,type=%s,%s%s\n", n->id, n->type->name, about,
                   n->link_down ? ",link=down" : "");
}

void hmp_info_network(Monitor *mon, const Json *args)
{
    net_foreach(print_network, mon);
}

static void print_usernet(NetBackend *n, void *arg)
{
    if (n->type != &net_user_type)
        return;
    char *text = net_user_connections(n);
    monitor_printf(arg, "Hub -1 (%s):\n%s", n->id, text);
    free(text);
}

void hmp_info_usernet(Monitor *mon, const Json *args)
{
    net_foreach(print_usernet, mon);
}

/* One argument is the rule for the first user network; two: a backend's id before it. */
static NetBackend *forward_target(Monitor *mon, const Json *args, const char **rule)
{
    const char *first = json_get_str(args, "first", ""), *second = json_get_str(args, "second", NULL);
    NetBackend *n = second ? net_find(first) : net_first_user();
    *rule = second ? second : first;
    if (!n || n->type != &net_user_type) {
        if (second)
            monitor_printf(mon, "unrecognized netdev id '%s'\n", first);
        else
            monitor_puts(mon, "user mode network stack not in use\n");
        return NULL;
    }
    return n;
}

void hmp_hostfwd_add(Monitor *mon, const Json *args)
{
    const char *rule;
    GError *error = NULL;
    NetBackend *n = forward_target(mon, args, &rule);
    if (n && !net_user_hostfwd_add(n, rule, &error))
        monitor_report(mon, error);
}

void hmp_hostfwd_remove(Monitor *mon, const Json *args)
{
    const char *rule;
    GError *error = NULL;
    bool found;
    NetBackend *n = forward_target(mon, args, &rule);
    if (!n)
        return;
    if (!net_user_hostfwd_remove(n, rule, &found, &error))
        monitor_report(mon, error);
    else
        monitor_printf(mon, "host forwarding rule for %s %s\n", rule, found ? "removed" : "not found");
}

/* ---- query-rx-filter ---- */

typedef struct FilterQuery {
    const char *name;
    Json *list;
    bool seen;        /* something is called so */
    bool is_backend;
} FilterQuery;

static char *nic_name(const NetNic *nic)
{
    return nic->id ? g_strdup(nic->id) : g_strconcat(nic->model, ".0", NULL);
}

static void query_filter(NetBackend *n, void *arg)
{
    FilterQuery *q = arg;
    bool backend = q->name && !strcmp(n->id, q->name);
    g_autofree char *name = n->nic ? nic_name(n->nic) : NULL;
    bool asked = name && (!q->name || !strcmp(name, q->name));
    q->is_backend |= backend;
    q->seen |= backend || asked;
    if (!asked || !n->nic->filter)
        return;
    Json *o = n->nic->filter(n->nic->opaque);
    json_set_str(o, "name", name);
    json_add(q->list, o);
    n->nic->filter_told = false;
}

Json *qmp_query_rx_filter(const Json *args, GError **error)
{
    FilterQuery q = { json_get_str(args, "name", NULL), json_array(), false, false };
    net_foreach(query_filter, &q);
    if (!q.name || json_len(q.list))
        return q.list;
    json_free(q.list);
    if (!q.seen)
        error_set(error, "invalid net client name: %s", q.name);
    else if (q.is_backend)
        error_set(error, "net client(%s) isn't a NIC", q.name);
    else
        error_set(error, "net client(%s) doesn't support rx-filter querying", q.name);
    return NULL;
}
