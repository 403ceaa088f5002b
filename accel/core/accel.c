/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of accelerators, and the choice among them. */
#include "accel/accel.h"

#include <string.h>

#include "util/error.h"

const Accel *accel_current;

static GPtrArray *all_accels;

GPtrArray *accels(void)
{
    if (!all_accels)
        all_accels = g_ptr_array_new();
    return all_accels;
}

void accel_register(const Accel *a)
{
    g_ptr_array_add(accels(), (void *)a);
}

static bool unknown_accel(const char *name, GError **error)
{
    const char **names = g_new0(const char *, accels()->len + 1);
    for (unsigned i = 0; i < all_accels->len; i++)
        names[i] = ((const Accel *)all_accels->pdata[i])->name;
    char *list = g_strjoinv(", ", (char **)names);
    const char *nearest = error_nearest(name, names);
    if (nearest)
        error_set(error, "invalid accelerator '%s': did you mean '%s'? (available: %s)", name,
                  nearest, list);
    else
        error_set(error, "invalid accelerator '%s' (available: %s)", name, list);
    g_free(list);
    g_free(names);
    return false;
}

/* An option is "name=doc" in the table. */
static bool has_option(const Accel *a, const char *key)
{
    size_t n = strlen(key);
    for (const char *const *o = a->options; o && *o; o++) {
        if (!strncmp(*o, key, n) && ((*o)[n] == '=' || !(*o)[n]))
            return true;
    }
    return false;
}

static bool check_options(const Accel *a, GHashTable *opts, GError **error)
{
    GHashTableIter i;
    gpointer key;
    if (!opts)
        return true;
    g_hash_table_iter_init(&i, opts);
    while (g_hash_table_iter_next(&i, &key, NULL)) {
        if (strcmp(key, "accel") && !has_option(a, key))
            return error_set(error, "accelerator '%s' has no option '%s'; see -accel help", a->name,
                             (char *)key);
    }
    return true;
}

char *accel_options_help(const char *name, GError **error)
{
    for (unsigned i = 0; i < accels()->len; i++) {
        const Accel *a = all_accels->pdata[i];
        if (strcmp(a->name, name))
            continue;
        GString *s = g_string_new(NULL);
        g_string_append_printf(s, "%s options:\n", a->name);
        for (const char *const *o = a->options; o && *o; o++) {
            g_autofree char *left = g_strndup(*o, strcspn(*o, "="));
            g_string_append_printf(s, "  %-20s %s\n", left, strchr(*o, '=') ? strchr(*o, '=') + 1 : "");
        }
        return g_string_free(s, FALSE);
    }
    unknown_accel(name, error);
    return NULL;
}

static bool try_accel(const char *name, const TargetOps *t, GHashTable *opts, GError **error)
{
    for (unsigned i = 0; i < accels()->len; i++) {
        const Accel *a = all_accels->pdata[i];
        if (strcmp(a->name, name))
            continue;
        if (!check_options(a, opts, error))
            return false;
        if (!a->init(t, opts, error)) {
            g_prefix_error(error, "failed to initialize %s: ", name);
            return false;
        }
        accel_current = a;
        return true;
    }
    return unknown_accel(name, error);
}

bool accel_select(const char *list, const TargetOps *t, GHashTable *opts, GError **error)
{
    char **names = g_strsplit(list, ":", -1);
    bool ok = false;
    if (!names[0])
        error_set(error, "-accel: no accelerator is named; try tcg");
    for (unsigned i = 0; names[i] && !ok; i++) {
        GError *why = NULL;
        ok = try_accel(names[i], t, opts, &why);
        if (ok && i > 0)
            error_report("falling back to %s", names[i]);
        if (why && names[i + 1]) {
            warn_report("%s", why->message);
            g_error_free(why);
        } else if (why) {
            g_propagate_error(error, why);
        }
    }
    g_strfreev(names);
    return ok;
}
