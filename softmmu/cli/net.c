/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev, -nic, -net, and the card that a machine has if none of them (nor -nodefaults) is given.
 *
 * -nic is a backend and a card in one. -net nic and -net user, older, are put together in pairs.
 */
#include <string.h>

#include "backend/net.h"
#include "hw/device.h"
#include "softmmu/cli/cli.h"
#include "util/error.h"
#include "util/opts.h"

static const char default_model[] = "virtio-net-pci";

/* The names by which -nic and -net know the cards. */
static const char *device_of_model(const char *model)
{
    return !model || !strcmp(model, "virtio") ? default_model : model;
}

static bool add_card(const char *model, const char *mac, const char *id, const char *addr,
                     const char *netdev, GError **error)
{
    const char *name = device_of_model(model);
    const DeviceType *t = device_type_find(name);
    if (!t || t->category != CATEGORY_NETWORK)
        return error_set(error, "there is no network card '%s'; '-nic model=help' lists them", name);
    g_autoptr(GHashTable) opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(opts, g_strdup("driver"), g_strdup(name));
    if (netdev)
        g_hash_table_insert(opts, g_strdup("netdev"), g_strdup(netdev));
    if (mac)
        g_hash_table_insert(opts, g_strdup("mac"), g_strdup(mac));
    if (id)
        g_hash_table_insert(opts, g_strdup("id"), g_strdup(id));
    if (addr)
        g_hash_table_insert(opts, g_strdup("addr"), g_strdup(addr));
    return device_create_from_opts(opts, error);
}

/* The text without the parts that are the card's; these go to card. */
static char *split_nic(const char *text, GHashTable *card)
{
    static const char *const keys[] = { "model=", "mac=", "macaddr=", "addr=", "vectors=" };
    GString *rest = g_string_new(NULL);
    char **part = g_strsplit(text, ",", -1); /* a doubled comma: an empty part, joined again */
    for (char **p = part; *p; p++) {
        const char *key = NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(keys) && !key; i++)
            key = g_str_has_prefix(*p, keys[i]) ? keys[i] : NULL;
        if (key)
            g_hash_table_insert(card, g_strndup(key, strlen(key) - 1), g_strdup(*p + strlen(key)));
        else
            g_string_append_printf(rest, "%s%s", p == part ? "" : ",", *p);
    }
    g_strfreev(part);
    return g_string_free(rest, FALSE);
}

static const char *card_mac(GHashTable *card)
{
    const char *mac = g_hash_table_lookup(card, "mac");
    return mac ? mac : g_hash_table_lookup(card, "macaddr");
}

static bool add_nic(const char *text, unsigned number, GError **error)
{
    g_autoptr(GHashTable) card = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *rest = split_nic(text, card);
    g_autofree char *given = NULL;
    g_autoptr(GHashTable) opts = opts_parse(rest, "type", error);
    if (!opts)
        return false;
    given = g_strdup(opts_get(opts, "id", NULL));
    g_autofree char *id = given ? g_strdup(given) : g_strdup_printf("#net%03u", number);
    g_autofree char *whole = given ? g_strdup(rest) : g_strdup_printf("%s%sid=%s", rest,
                                                                      *rest ? "," : "", id);
    NetBackend *n = net_new(whole, error);
    return n && add_card(g_hash_table_lookup(card, "model"), card_mac(card), NULL,
                         g_hash_table_lookup(card, "addr"), n->id, error);
}

/* -net nic,... and -net TYPE,... : the first card gets the first backend, and so on. */
static bool add_legacy(GPtrArray *nets, unsigned *number, GError **error)
{
    g_autoptr(GPtrArray) backends = g_ptr_array_new();
    unsigned used = 0;
    for (guint i = 0; i < nets->len; i++) {
        const char *text = nets->pdata[i];
        if (g_str_has_prefix(text, "nic"))
            continue;
        g_autofree char *whole = strstr(text, ",id=") ? g_strdup(text)
                                 : g_strdup_printf("%s,id=#net%03u", text, (*number)++);
        NetBackend *n = net_new(whole, error);
        if (!n) {
            g_prefix_error(error, "-net %s: ", text);
            return false;
        }
        g_ptr_array_add(backends, n);
    }
    for (guint i = 0; i < nets->len; i++) {
        const char *text = nets->pdata[i];
        if (!g_str_has_prefix(text, "nic"))
            continue;
        g_autoptr(GHashTable) opts = opts_parse(text, "type", error);
        NetBackend *n = used < backends->len ? backends->pdata[used++] : NULL;
        const char *netdev = opts ? opts_get(opts, "netdev", n ? n->id : NULL) : NULL;
        if (!opts || !add_card(opts_get(opts, "model", NULL), opts_get(opts, "macaddr", NULL), NULL,
                               opts_get(opts, "addr", NULL), netdev, error)) {
            g_prefix_error(error, "-net %s: ", text);
            return false;
        }
    }
    return true;
}

bool cli_make_netdevs(Cli *cli, GError **error)
{
    device_set_netdev_lookup(net_find_any, net_id);
    for (guint i = 0; i < cli->netdevs->len; i++) {
        if (!net_new(cli->netdevs->pdata[i], error)) {
            g_prefix_error(error, "-netdev %s: ", (char *)cli->netdevs->pdata[i]);
            return false;
        }
    }
    return true;
}

bool cli_make_nics(Cli *cli, GError **error)
{
    unsigned number = 0;
    for (guint i = 0; i < cli->nics->len; i++) {
        if (!add_nic(cli->nics->pdata[i], number++, error)) {
            g_prefix_error(error, "-nic %s: ", (char *)cli->nics->pdata[i]);
            return false;
        }
    }
    if (!add_legacy(cli->nets, &number, error))
        return false;
    bool wanted = !cli->nodefaults && !cli->net_given && !cli->netdevs->len;
    return !wanted || !bus_find_free("pci") || add_nic("user", number, error);
}
