/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values against the schema's types, and calls of QMP commands by name. */
#include "monitor/core/schema.h"

#include <string.h>

#include "monitor/core/monitor_int.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/run.h"
#include "util/error.h"

static bool wrong_type(const char *name, const char *expected, GError **error)
{
    return error_set(error, "Invalid parameter type for '%s', expected: %s", name, expected);
}

static bool check_enum(const SchemaType *type, const Json *v, const char *name, GError **error)
{
    const char *s = json_str(v);
    if (!s)
        return wrong_type(name, "string", error);
    if (g_strv_contains(type->values, s))
        return true;
    const char *near = error_nearest(s, type->values);
    return error_set(error, "Parameter '%s' does not accept value '%s'%s%s%s", name, s,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool check_int(const SchemaType *type, const Json *v, const char *name, GError **error)
{
    if (json_type(v) != JSON_INT && json_type(v) != JSON_UINT)
        return wrong_type(name, "integer", error);
    g_autoptr(Json) holder = json_object();
    json_set(holder, "v", json_copy(v));
    int64_t i = json_get_int(holder, "v", INT64_MAX);
    if (json_type(v) == JSON_UINT || i < type->min || i > type->max)
        return error_set(error, "Parameter '%s' is out of range", name);
    return true;
}

static bool check_struct(const SchemaType *type, const Json *v, const char *name, bool open,
                         GError **error)
{
    if (json_type(v) != JSON_OBJECT)
        return wrong_type(name, "object", error);
    unsigned known = 0;
    for (unsigned i = 0; i < type->n_members; i++) {
        const SchemaMember *m = &type->members[i];
        const Json *item = json_get(v, m->name);
        g_autofree char *path = *name ? g_strdup_printf("%s.%s", name, m->name)
                                      : g_strdup(m->name);
        if (!item && !m->optional)
            return error_set(error, "Parameter '%s' is missing", path);
        if (item && !schema_check(m->type, item, path, false, error))
            return false;
        known += item != NULL;
    }
    if (open || known == json_len(v))
        return true;
    for (unsigned i = 0; i < json_len(v); i++) {
        const char *key = json_key_at(v, i);
        unsigned k = 0;
        while (k < type->n_members && strcmp(type->members[k].name, key))
            k++;
        if (k == type->n_members)
            return error_set(error, "Parameter '%s%s%s' is unexpected", name, *name ? "." : "",
                             key);
    }
    return true;
}

bool schema_check(const SchemaType *type, const Json *v, const char *name, bool open,
                  GError **error)
{
    JsonType t = json_type(v);
    switch (type->kind) {
    case TYPE_STR:
        return t == JSON_STRING || wrong_type(name, "string", error);
    case TYPE_INT:
        return check_int(type, v, name, error);
    case TYPE_NUMBER:
        return t == JSON_INT || t == JSON_UINT || t == JSON_DOUBLE ||
               wrong_type(name, "number", error);
    case TYPE_BOOL:
        return t == JSON_BOOL || wrong_type(name, "boolean", error);
    case TYPE_ANY:
        return true;
    case TYPE_ENUM:
        return check_enum(type, v, name, error);
    case TYPE_ARRAY:
        if (t != JSON_ARRAY)
            return wrong_type(name, "array", error);
        for (unsigned i = 0; i < json_len(v); i++) {
            g_autofree char *path = g_strdup_printf("%s[%u]", name, i);
            if (!schema_check(type->element, json_at(v, i), path, false, error))
                return false;
        }
        return true;
    case TYPE_STRUCT:
        return check_struct(type, v, name, open, error);
    }
    return true;
}

/* ---- calls ---- */

static const Command *find_qmp(const char *name)
{
    for (const Command *c = commands; c->help; c++) {
        if (!g_strcmp0(c->qmp, name) || !g_strcmp0(c->text, name))
            return c;
    }
    return NULL;
}

/* x-query-...: HMP's text as a reply. */
static Json *call_text(const Command *c, const Json *args, GError **error)
{
    if (json_len(args)) {
        error_set(error, "Parameter '%s' is unexpected", json_key_at(args, 0));
        return NULL;
    }
    GString *text = hmp_execute(c->hmp, NULL);
    Json *reply = json_object();
    g_string_replace(text, "\r\n", "\n", 0); /* which are HMP's */
    json_set(reply, "human-readable-text", json_string_len(text->str, text->len));
    g_string_free(text, TRUE);
    return reply;
}

static bool check_args(const Command *c, const Json *args, GError **error)
{
    static const SchemaType none = { .kind = TYPE_STRUCT };
    return schema_check(c->args ? c->args : &none, args, "", c->open, error);
}

Json *command_call(const Command *c, const Json *args, GError **error)
{
    if (c->refuse) {
        error_set(error, "%s", c->refuse);
        return NULL;
    }
    if (c->reply)
        return json_parse(c->reply, strlen(c->reply), error);
    if (c->query)
        return c->query(args, error);
    return c->act(args, error) ? json_object() : NULL;
}

Json *qmp_call(const char *name, const Json *args, GError **error)
{
    const Command *c = find_qmp(name);
    if (!c) {
        qmp_error_set(error, QMP_ERROR_COMMAND_NOT_FOUND, "The command %s has not been found",
                      name);
        return NULL;
    }
    if (c->text && !strcmp(c->text, name))
        return call_text(c, args, error);
    if (!check_args(c, args, error))
        return NULL;
    bool pause = c->paused && run_state_is_running();
    if (pause)
        cpus_pause_all();
    Json *reply = command_call(c, args, error);
    if (pause)
        cpus_resume_all();
    return reply;
}

/* ---- what the schema says of itself ---- */

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Json *names_reply(GPtrArray *names)
{
    Json *list = json_array();
    g_ptr_array_sort(names, compare_names);
    for (unsigned i = 0; i < names->len; i++) {
        Json *item = json_object();
        json_set_str(item, "name", names->pdata[i]);
        json_add(list, item);
    }
    g_ptr_array_unref(names);
    return list;
}

Json *qmp_query_commands(const Json *args, GError **error)
{
    GPtrArray *names = g_ptr_array_new();
    for (const Command *c = commands; c->help; c++) {
        if (c->qmp)
            g_ptr_array_add(names, (gpointer)c->qmp);
        if (c->text)
            g_ptr_array_add(names, (gpointer)c->text);
    }
    return names_reply(names);
}

Json *qmp_query_events(const Json *args, GError **error)
{
    GPtrArray *names = g_ptr_array_new();
    for (const SchemaEvent *e = schema_events; e->name; e++)
        g_ptr_array_add(names, (gpointer)e->name);
    return names_reply(names);
}

static const char *type_name(const SchemaType *t)
{
    /* All integer types are the same to a client. */
    return !t ? "0" : t->kind == TYPE_INT ? "int" : t->name;
}

static Json *info(const char *name, const char *meta)
{
    Json *o = json_object();
    json_set_str(o, "name", name);
    json_set_str(o, "meta-type", meta);
    return o;
}

static Json *describe_struct(const SchemaType *t)
{
    Json *o = info(t->name, "object"), *members = json_array();
    for (unsigned i = 0; i < t->n_members; i++) {
        Json *m = json_object();
        json_set_str(m, "name", t->members[i].name);
        json_set_str(m, "type", type_name(t->members[i].type));
        if (t->members[i].optional)
            json_set(m, "default", json_null());
        json_add(members, m);
    }
    json_set(o, "members", members);
    return o;
}

static Json *describe_enum(const SchemaType *t)
{
    Json *o = info(t->name, "enum"), *values = json_array(), *members = json_array();
    for (const char *const *v = t->values; *v; v++) {
        Json *m = json_object();
        json_set_str(m, "name", *v);
        json_add(members, m);
        json_add(values, json_string(*v));
    }
    json_set(o, "members", members);
    json_set(o, "values", values);
    return o;
}

static void describe_types(Json *list)
{
    static const char *const builtin[][2] = {
        { "str", "string" }, { "int", "int" }, { "number", "number" }, { "bool", "boolean" },
        { "any", "value" }, { "null", "null" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(builtin); i++) {
        Json *o = info(builtin[i][0], "builtin");
        json_set_str(o, "json-type", builtin[i][1]);
        json_add(list, o);
    }
    for (const SchemaType *const *t = schema_types; *t; t++) {
        if ((*t)->kind == TYPE_STRUCT) {
            json_add(list, describe_struct(*t));
        } else if ((*t)->kind == TYPE_ENUM) {
            json_add(list, describe_enum(*t));
        } else if ((*t)->kind == TYPE_ARRAY) {
            Json *o = info((*t)->name, "array");
            json_set_str(o, "element-type", type_name((*t)->element));
            json_add(list, o);
        }
    }
    static const SchemaType nothing = { .name = "0", .kind = TYPE_STRUCT };
    json_add(list, describe_struct(&nothing));
}

static Json *describe_command(const char *name, const SchemaType *args, const char *returns)
{
    Json *o = info(name, "command");
    json_set_str(o, "arg-type", type_name(args));
    json_set_str(o, "ret-type", returns);
    return o;
}

Json *qmp_query_qmp_schema(const Json *args, GError **error)
{
    Json *list = json_array();
    for (const Command *c = commands; c->help; c++) {
        if (c->qmp)
            json_add(list, describe_command(c->qmp, c->args, type_name(c->returns)));
        if (c->text)
            json_add(list, describe_command(c->text, NULL, "HumanReadableText"));
    }
    for (const SchemaEvent *e = schema_events; e->name; e++) {
        Json *o = info(e->name, "event");
        json_set_str(o, "arg-type", type_name(e->data));
        json_add(list, o);
    }
    describe_types(list);
    return list;
}
