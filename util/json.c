/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON values and their printing: see include/util/json.h. The parser is in json_parse.c. */
#include "util/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"

struct Json {
    JsonType type;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        char *s;
    };
    GPtrArray *items; /* Json *, of arrays and objects */
    GPtrArray *keys;  /* char *, of objects */
    GHashTable *index;/* key -> position + 1, of big objects */
};

enum { INDEX_FROM = 16 };

static Json *new_value(JsonType type)
{
    Json *v = g_new0(Json, 1);
    v->type = type;
    return v;
}

Json *json_null(void)
{
    return new_value(JSON_NULL);
}

Json *json_bool(bool b)
{
    Json *v = new_value(JSON_BOOL);
    v->b = b;
    return v;
}

Json *json_int(int64_t i)
{
    Json *v = new_value(JSON_INT);
    v->i = i;
    return v;
}

Json *json_uint(uint64_t u)
{
    if (u <= INT64_MAX)
        return json_int(u);
    Json *v = new_value(JSON_UINT);
    v->u = u;
    return v;
}

Json *json_double(double d)
{
    Json *v = new_value(JSON_DOUBLE);
    v->d = d;
    return v;
}

Json *json_string_len(const char *s, size_t len)
{
    Json *v = new_value(JSON_STRING);
    v->s = g_utf8_make_valid(len ? s : "", len); /* no bytes may be at NULL */
    return v;
}

Json *json_string(const char *s)
{
    return json_string_len(s, strlen(s));
}

Json *json_array(void)
{
    Json *v = new_value(JSON_ARRAY);
    v->items = g_ptr_array_new();
    return v;
}

Json *json_object(void)
{
    Json *v = new_value(JSON_OBJECT);
    v->items = g_ptr_array_new();
    v->keys = g_ptr_array_new_with_free_func(g_free);
    return v;
}

void json_free(Json *v)
{
    if (!v)
        return;
    /* Depth is bounded by the parser; values built by us are flat. */
    if (v->items) {
        for (unsigned i = 0; i < v->items->len; i++)
            json_free(v->items->pdata[i]);
        g_ptr_array_unref(v->items);
    }
    if (v->index)
        g_hash_table_unref(v->index);
    if (v->keys)
        g_ptr_array_unref(v->keys);
    if (v->type == JSON_STRING)
        g_free(v->s);
    g_free(v);
}

void json_add(Json *array, Json *v)
{
    g_assert(array->type == JSON_ARRAY);
    g_ptr_array_add(array->items, v);
}

/* Position of key, or -1. */
static int find_key(const Json *o, const char *key)
{
    if (o->index)
        return GPOINTER_TO_INT(g_hash_table_lookup(o->index, key)) - 1;
    for (unsigned i = 0; i < o->keys->len; i++) {
        if (!strcmp(o->keys->pdata[i], key))
            return i;
    }
    return -1;
}

void json_set(Json *object, const char *key, Json *v)
{
    g_assert(object->type == JSON_OBJECT);
    int i = find_key(object, key);
    if (i >= 0) {
        json_free(object->items->pdata[i]);
        object->items->pdata[i] = v;
        return;
    }
    g_ptr_array_add(object->keys, g_strdup(key));
    g_ptr_array_add(object->items, v);
    unsigned n = object->keys->len;
    if (object->index) {
        g_hash_table_insert(object->index, object->keys->pdata[n - 1], GINT_TO_POINTER(n));
    } else if (n >= INDEX_FROM) {
        object->index = g_hash_table_new(g_str_hash, g_str_equal);
        for (unsigned k = 0; k < n; k++)
            g_hash_table_insert(object->index, object->keys->pdata[k], GINT_TO_POINTER(k + 1));
    }
}

void json_set_str(Json *object, const char *key, const char *s)
{
    if (s)
        json_set(object, key, json_string(s));
}

void json_set_int(Json *object, const char *key, int64_t v)
{
    json_set(object, key, json_int(v));
}

void json_set_uint(Json *object, const char *key, uint64_t v)
{
    json_set(object, key, json_uint(v));
}

void json_set_bool(Json *object, const char *key, bool v)
{
    json_set(object, key, json_bool(v));
}

Json *json_copy(const Json *v)
{
    Json *c = new_value(v->type);
    c->u = v->u;
    if (v->type == JSON_DOUBLE)
        c->d = v->d;
    if (v->type == JSON_STRING)
        c->s = g_strdup(v->s);
    if (v->items)
        c->items = g_ptr_array_new();
    if (v->keys)
        c->keys = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < json_len(v); i++) {
        Json *item = json_copy(v->items->pdata[i]);
        if (v->keys)
            json_set(c, v->keys->pdata[i], item);
        else
            json_add(c, item);
    }
    return c;
}

/* ---- looking ---- */

JsonType json_type(const Json *v)
{
    return v->type;
}

unsigned json_len(const Json *v)
{
    return v && v->items ? v->items->len : 0;
}

const Json *json_at(const Json *v, unsigned i)
{
    return i < json_len(v) ? v->items->pdata[i] : NULL;
}

const char *json_key_at(const Json *object, unsigned i)
{
    return object->keys && i < object->keys->len ? object->keys->pdata[i] : NULL;
}

const Json *json_get(const Json *object, const char *key)
{
    int i = object && object->type == JSON_OBJECT ? find_key(object, key) : -1;
    return i < 0 ? NULL : object->items->pdata[i];
}

const char *json_str(const Json *v)
{
    return v && v->type == JSON_STRING ? v->s : NULL;
}

const char *json_get_str(const Json *object, const char *key, const char *def)
{
    const char *s = json_str(json_get(object, key));
    return s ? s : def;
}

int64_t json_get_int(const Json *object, const char *key, int64_t def)
{
    const Json *v = json_get(object, key);
    return v && v->type == JSON_INT ? v->i : def;
}

uint64_t json_get_uint(const Json *object, const char *key, uint64_t def)
{
    const Json *v = json_get(object, key);
    return v && v->type == JSON_UINT ? v->u : v && v->type == JSON_INT ? (uint64_t)v->i : def;
}

double json_get_number(const Json *object, const char *key, double def)
{
    const Json *v = json_get(object, key);
    if (v && v->type == JSON_INT)
        return v->i;
    if (v && v->type == JSON_UINT)
        return v->u;
    return v && v->type == JSON_DOUBLE ? v->d : def;
}

bool json_get_bool(const Json *object, const char *key, bool def)
{
    const Json *v = json_get(object, key);
    return v && v->type == JSON_BOOL ? v->b : def;
}

/* ---- printing ---- */

static void print_string(const char *s, GString *out)
{
    g_string_append_c(out, '"');
    for (const char *p = s; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        const char *escaped = strchr("\"\\\b\f\n\r\t", c);
        if (c < 128 && escaped) {
            g_string_append_c(out, '\\');
            g_string_append_c(out, "\"\\bfnrt"[escaped - strchr("\"\\\b\f\n\r\t", '"')]);
        } else if (c >= 0x10000) {
            c -= 0x10000;
            g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 | c >> 10, 0xdc00 | (c & 0x3ff));
        } else if (c < 32 || c > 126) {
            g_string_append_printf(out, "\\u%04X", c);
        } else {
            g_string_append_c(out, c);
        }
    }
    g_string_append_c(out, '"');
}

static void print_double(double d, GString *out)
{
    char buf[G_ASCII_DTOSTR_BUF_SIZE];
    if (!isfinite(d))
        d = 0; /* JSON has no other numbers */
    g_ascii_formatd(buf, sizeof(buf), "%.17g", d);
    g_string_append(out, buf);
}

static void new_line(GString *out, unsigned depth)
{
    g_string_append_printf(out, "\n%*s", (int)depth * 4, "");
}

static void print_value(const Json *v, GString *out, bool pretty, unsigned depth)
{
    switch (v->type) {
    case JSON_NULL:
        g_string_append(out, "null");
        break;
    case JSON_BOOL:
        g_string_append(out, v->b ? "true" : "false");
        break;
    case JSON_INT:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, v->i);
        break;
    case JSON_UINT:
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, v->u);
        break;
    case JSON_DOUBLE:
        print_double(v->d, out);
        break;
    case JSON_STRING:
        print_string(v->s, out);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        g_string_append_c(out, v->keys ? '{' : '[');
        for (unsigned i = 0; i < v->items->len; i++) {
            if (i)
                g_string_append(out, pretty ? "," : ", ");
            if (pretty)
                new_line(out, depth + 1);
            if (v->keys) {
                print_string(v->keys->pdata[i], out);
                g_string_append(out, ": ");
            }
            print_value(v->items->pdata[i], out, pretty, depth + 1);
        }
        if (pretty)
            new_line(out, depth);
        g_string_append_c(out, v->keys ? '}' : ']');
        break;
    }
}

void json_print(const Json *v, GString *out, bool pretty)
{
    print_value(v, out, pretty, 0);
}

/* ---- as options ---- */

static void flatten(const Json *v, const char *prefix, GHashTable *opts)
{
    for (unsigned i = 0; i < json_len(v); i++) {
        char *key = v->keys ? g_strdup_printf("%s%s", prefix, (char *)v->keys->pdata[i])
                            : g_strdup_printf("%s%u", prefix, i);
        const Json *item = v->items->pdata[i];
        if (item->items) {
            char *below = g_strdup_printf("%s.", key);
            flatten(item, below, opts);
            g_free(below);
            g_free(key);
            continue;
        }
        GString *text = g_string_new(NULL);
        if (item->type == JSON_STRING)
            g_string_append(text, item->s);
        else if (item->type == JSON_BOOL)
            g_string_append(text, item->b ? "on" : "off");
        else if (item->type != JSON_NULL)
            json_print(item, text, false);
        g_hash_table_replace(opts, key, g_string_free(text, FALSE));
    }
}

GHashTable *json_to_opts(const Json *v, GError **error)
{
    if (v->type != JSON_OBJECT) {
        error_set(error, "a JSON object ({\"name\": value, ...}) is needed here");
        return NULL;
    }
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    flatten(v, "", opts);
    return opts;
}
