/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option texts: see include/util/opts.h. */
#include "util/opts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

/* The next part of the text, commas unescaped; *text moves behind it. */
static char *next_part(const char **text)
{
    GString *s = g_string_new(NULL);
    const char *p = *text;
    for (; *p; p++) {
        if (*p == ',') {
            if (p[1] != ',')
                break;
            p++;
        }
        g_string_append_c(s, *p);
    }
    *text = *p ? p + 1 : NULL;
    return g_string_free(s, FALSE);
}

GHashTable *opts_parse(const char *text, const char *implied_key, GError **error)
{
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    bool first = true;
    for (const char *rest = text; rest && *rest; first = false) {
        char *part = next_part(&rest);
        char *equals = strchr(part, '=');
        if (equals == part || !*part) {
            error_set(error, "'%s' has an empty name between its commas", text);
            g_free(part);
            g_hash_table_unref(opts);
            return NULL;
        }
        if (equals)
            g_hash_table_replace(opts, g_strndup(part, equals - part), g_strdup(equals + 1));
        else if (first && implied_key)
            g_hash_table_replace(opts, g_strdup(implied_key), g_strdup(part));
        else if (g_str_has_prefix(part, "no") && part[2])
            g_hash_table_replace(opts, g_strdup(part + 2), g_strdup("off"));
        else
            g_hash_table_replace(opts, g_strdup(part), g_strdup("on"));
        g_free(part);
    }
    return opts;
}

const char *opts_get(GHashTable *opts, const char *key, const char *def)
{
    const char *v = g_hash_table_lookup(opts, key);
    return v ? v : def;
}

char *opts_take(GHashTable *opts, const char *key)
{
    char *k = NULL, *v = NULL;
    if (g_hash_table_steal_extended(opts, key, (gpointer *)&k, (gpointer *)&v))
        g_free(k);
    return v;
}

bool parse_bool(const char *text, bool *value)
{
    static const char *const words[] = { "off", "no", "false", "n", "on", "yes", "true", "y" };
    for (int i = 0; i < 8; i++) {
        if (!strcmp(text, words[i])) {
            *value = i >= 4;
            return true;
        }
    }
    return false;
}

bool parse_number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    if (!g_ascii_isdigit(*text))
        return false;
    *value = strtoull(text, &end, 0);
    return !errno && end != text && !*end;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *value, GError **error)
{
    static const char suffixes[] = "bkmgtpe";
    char *end = (char *)text;
    errno = 0;
    if (g_ascii_isdigit(*text)) {
        uint64_t whole = strtoull(text, &end, 0);
        double fraction = 0;
        if (*end == '.') {
            char *after;
            fraction = g_ascii_strtod(end, &after);
            end = after == end ? end : after;
        }
        uint64_t scale = unit;
        const char *s = *end ? strchr(suffixes, g_ascii_tolower(*end)) : NULL;
        if (s) {
            scale = 1ULL << 10 * (s - suffixes);
            end++;
            if (*end == 'B' || *end == 'b')
                end++;
        }
        uint64_t bytes;
        if (!errno && !*end && !__builtin_mul_overflow(whole, scale, &bytes)) {
            *value = bytes + (uint64_t)(fraction * scale);
            return true;
        }
    }
    return error_set(error, "'%s' is not a size; write a number with K, M, G or T behind it", text);
}

bool opts_take_bool(GHashTable *opts, const char *key, bool *value, GError **error)
{
    char *v = opts_take(opts, key);
    bool ok = !v || parse_bool(v, value);
    if (!ok)
        error_set(error, "%s=%s: must be on or off", key, v);
    g_free(v);
    return ok;
}

bool opts_take_number(GHashTable *opts, const char *key, uint64_t *value, GError **error)
{
    char *v = opts_take(opts, key);
    bool ok = !v || parse_number(v, value);
    if (!ok)
        error_set(error, "%s=%s: must be a number", key, v);
    g_free(v);
    return ok;
}

bool opts_take_size(GHashTable *opts, const char *key, uint64_t unit, uint64_t *value,
                    GError **error)
{
    char *v = opts_take(opts, key);
    bool ok = !v || parse_size(v, unit, value, error);
    g_free(v);
    return ok;
}

bool opts_check_empty(GHashTable *opts, const char *where, const char *const *known, GError **error)
{
    GHashTableIter it;
    gpointer key;
    g_hash_table_iter_init(&it, opts);
    if (!g_hash_table_iter_next(&it, &key, NULL))
        return true;
    const char *near = known ? error_nearest(key, known) : NULL;
    if (near)
        return error_set(error, "%s: there is no parameter '%s'; did you mean '%s'?", where,
                         (char *)key, near);
    return error_set(error, "%s: there is no parameter '%s'", where, (char *)key);
}
