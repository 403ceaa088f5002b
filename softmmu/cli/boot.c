/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -boot, and -machine boot.KEY=, which is the same. */
#include <string.h>

#include "softmmu/cli/cli.h"
#include "util/error.h"
#include "util/opts.h"

static bool take_number(GHashTable *opts, const char *key, int32_t min, int32_t *value,
                        GError **error)
{
    g_autofree char *text = opts_take(opts, key);
    bool minus = text && *text == '-';
    uint64_t v;
    if (!text)
        return true;
    if (!parse_number(text + minus, &v) || v > UINT16_MAX || (minus && v > (uint64_t)-min))
        return error_set(error, "-boot %s=%s: must be a number from %d to 65535", key, text, min);
    *value = minus ? -(int32_t)v : (int32_t)v;
    return true;
}

/* Drives are letters from a to p, each at most once. */
static bool letters(const char *key, const char *text, GError **error)
{
    for (const char *p = text; p && *p; p++)
        if (*p < 'a' || *p > 'p' || strchr(p + 1, *p))
            return error_set(error, "-boot %s=%s: must be letters from a to p, each once", key,
                             text);
    return true;
}

static bool take_all(BootConfig *b, GHashTable *opts, GError **error)
{
    static const char *const known[] = { "order", "once", "menu", "splash", "splash-time",
                                         "reboot-timeout", "strict", NULL };
    g_autofree char *order = opts_take(opts, "order"), *once = opts_take(opts, "once");
    char *splash = opts_take(opts, "splash");
    if (splash) {
        g_free(b->splash);
        b->splash = splash;
    }
    if (!letters("order", order, error) || !letters("once", once, error) ||
        !opts_take_bool(opts, "menu", &b->menu, error) ||
        !opts_take_bool(opts, "strict", &b->strict, error) ||
        !take_number(opts, "splash-time", 0, &b->splash_time, error) ||
        !take_number(opts, "reboot-timeout", -1, &b->reboot_timeout, error) ||
        !opts_check_empty(opts, "-boot", known, error))
        return false;
    /* An order of letters has no effect on boards without a BIOS; QEMU takes it, and refuses this. */
    return !once || error_set(error, "-boot once=%s: this machine has no boot order of letters to go "
                              "back to; give the devices bootindex=", once);
}

bool opt_boot(Cli *cli, const char *arg, GError **error)
{
    g_autoptr(GHashTable) opts = opts_parse(arg, "order", error);
    return opts && take_all(&cli->boot, opts, error);
}

bool cli_take_boot(Cli *cli, GHashTable *machine, GError **error)
{
    g_autoptr(GHashTable) opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GList) keys = g_hash_table_get_keys(machine);
    for (GList *k = keys; k; k = k->next) {
        g_autofree char *key = g_strdup(k->data);
        if (g_str_has_prefix(key, "boot."))
            g_hash_table_insert(opts, g_strdup(key + strlen("boot.")), opts_take(machine, key));
    }
    return take_all(&cli->boot, opts, error);
}
