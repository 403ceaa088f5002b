/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers, as a user of the machine has them. */
#include "backend/input.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/cmd/display.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/run.h"
#include "util/error.h"

enum { KEYS_MOST = 256 }; /* of one command */

/* ---- JSON ---- */

/* A member that the schema leaves open, of the type that `want` tells; NULL with an error. */
static const Json *member(const Json *o, const char *path, const char *name, JsonType want,
                          GError **error)
{
    static const char *const names[] = {
        [JSON_BOOL] = "boolean", [JSON_STRING] = "string", [JSON_OBJECT] = "object",
        [JSON_INT] = "integer",
    };
    const Json *v = json_get(o, name);
    if (!v)
        error_set(error, "Parameter '%s.%s' is missing", path, name);
    else if (json_type(v) != want)
        error_set(error, "Invalid parameter type for '%s.%s', expected: %s", path, name,
                  names[want]);
    else
        return v;
    return NULL;
}

/* {"type": "qcode", "data": "a"} or {"type": "number", "data": 30}; false with an error. */
static bool read_key(const Json *v, const char *path, unsigned *key, GError **error)
{
    const Json *type = member(v, path, "type", JSON_STRING, error);
    if (!type)
        return false;
    if (!strcmp(json_str(type), "number")) {
        const Json *data = member(v, path, "data", JSON_INT, error);
        *key = data ? input_key_from_number(json_get_int(v, "data", 0)) : 0;
        return data;
    }
    if (strcmp(json_str(type), "qcode"))
        return error_set(error, "Parameter 'type' does not accept value '%s'", json_str(type));
    const Json *data = member(v, path, "data", JSON_STRING, error);
    if (!data)
        return false;
    const char *name = json_str(data);
    *key = input_key_find(name, strlen(name));
    if (!*key && strcmp(name, "unmapped"))
        return error_set(error, "Parameter 'data' does not accept value '%s'", name);
    return true;
}

bool qmp_send_key(const Json *args, GError **error)
{
    const Json *list = json_get(args, "keys");
    g_autofree unsigned *keys = g_new0(unsigned, json_len(list) + 1);
    for (unsigned i = 0; i < json_len(list); i++) {
        g_autofree char *path = g_strdup_printf("keys[%u]", i);
        if (!read_key(json_at(list, i), path, &keys[i], error))
            return false;
    }
    if (json_len(list) > KEYS_MOST)
        return error_set(error, "Parameter 'keys' has more than %d keys", KEYS_MOST);
    input_press_keys(keys, json_len(list), json_get_int(args, "hold-time", 0));
    return true;
}

static bool read_axis(const Json *data, const char *path, InputEvent *e, GError **error)
{
    const Json *axis = member(data, path, "axis", JSON_STRING, error);
    if (!axis || !member(data, path, "value", JSON_INT, error))
        return false;
    if (strcmp(json_str(axis), "x") && strcmp(json_str(axis), "y"))
        return error_set(error, "Parameter 'axis' does not accept value '%s'", json_str(axis));
    e->code = strcmp(json_str(axis), "x") ? INPUT_Y : INPUT_X;
    e->value = (int32_t)json_get_int(data, "value", 0);
    return true;
}

static bool read_event(const Json *v, unsigned index, InputEvent *e, GError **error)
{
    g_autofree char *path = g_strdup_printf("events[%u]", index);
    g_autofree char *inner = g_strconcat(path, ".data", NULL);
    const Json *data = member(v, path, "data", JSON_OBJECT, error);
    if (!data)
        return false;
    *e = (InputEvent){ .kind = input_kind_find(json_get_str(v, "type", "")) };
    if (e->kind == INPUT_REL || e->kind == INPUT_ABS)
        return read_axis(data, inner, e, error);
    const Json *what = e->kind == INPUT_KEY ? member(data, inner, "key", JSON_OBJECT, error)
                                            : member(data, inner, "button", JSON_STRING, error);
    if (!what || !member(data, inner, "down", JSON_BOOL, error))
        return false;
    e->value = json_get_bool(data, "down", false);
    if (e->kind == INPUT_KEY) {
        g_autofree char *key_path = g_strconcat(inner, ".key", NULL);
        unsigned key;
        bool ok = read_key(what, key_path, &key, error);
        e->code = ok ? key : 0;
        return ok;
    }
    int button = input_button_find(json_str(what));
    e->code = button;
    return button >= 0 || error_set(error, "Parameter 'button' does not accept value '%s'",
                                    json_str(what));
}

bool qmp_input_send_event(const Json *args, GError **error)
{
    const Json *list = json_get(args, "events");
    const char *device = json_get_str(args, "device", NULL);
    unsigned n = json_len(list);
    g_autofree InputEvent *events = g_new0(InputEvent, n + 1);
    for (unsigned i = 0; i < n; i++) {
        if (!read_event(json_at(list, i), i, &events[i], error))
            return false;
    }
    const DisplayConsole *console = device ? monitor_screen(args, error) : NULL;
    if (device && !console)
        return false;
    if (!run_state_is_running() && run_state() != RUN_STATE_SUSPENDED)
        return error_set(error, "VM not running");
    for (unsigned i = 0; i < n; i++) {
        if (!input_possible(events[i].kind, console))
            return error_set(error, "Input handler not found for event type %s",
                             input_kind_name(events[i].kind));
    }
    input_send(console, events, n);
    return true;
}

static void describe_mouse(void *arg, const char *name, unsigned index, bool current, bool absolute)
{
    Json *o = json_object();
    json_set_str(o, "name", name);
    json_set_uint(o, "index", index);
    json_set_bool(o, "current", current);
    json_set_bool(o, "absolute", absolute);
    json_add(arg, o);
}

Json *qmp_query_mice(const Json *args, GError **error)
{
    Json *list = json_array();
    input_foreach_mouse(describe_mouse, list);
    return list;
}

/* ---- lines ---- */

void hmp_info_mice(Monitor *mon, const Json *args)
{
    g_autoptr(Json) list = qmp_query_mice(args, NULL);
    if (!json_len(list))
        monitor_puts(mon, "No mouse devices connected\n");
    for (unsigned i = 0; i < json_len(list); i++) {
        const Json *o = json_at(list, i);
        monitor_printf(mon, "%c Mouse #%d: %s%s\n", json_get_bool(o, "current", false) ? '*' : ' ',
                       (int)json_get_int(o, "index", 0), json_get_str(o, "name", ""),
                       json_get_bool(o, "absolute", false) ? " (absolute)" : "");
    }
}

/* "a", "0x1e" or "<"; false: none of these. */
static bool find_key(const char *text, size_t len, unsigned *key)
{
    if (len == 1 && *text == '<') {
        text = "less";
        len = 4;
    }
    if (len > 2 && !strncmp(text, "0x", 2)) {
        g_autofree char *number = g_strndup(text, len);
        char *end;
        gint64 n = g_ascii_strtoll(number, &end, 16);
        *key = input_key_from_number(n);
        return !*end;
    }
    *key = input_key_find(text, len);
    return *key || (len == 8 && !memcmp(text, "unmapped", 8));
}

void hmp_sendkey(Monitor *mon, const Json *args)
{
    const char *text = json_get_str(args, "keys", "");
    unsigned keys[KEYS_MOST];
    size_t n = 0;
    for (bool more = true; more && n < KEYS_MOST; n++) {
        size_t len = strcspn(text, "-");
        if (!find_key(text, len, &keys[n])) {
            monitor_printf(mon, "invalid parameter: %.*s\n", (int)len, text);
            return;
        }
        more = text[len];
        text += len + more;
    }
    input_press_keys(keys, n, json_get_int(args, "hold-time", 0));
}

static int32_t number(const Json *args, const char *name)
{
    return (int32_t)strtol(json_get_str(args, name, "0"), NULL, 0);
}

void hmp_mouse_move(Monitor *mon, const Json *args)
{
    int32_t z = number(args, "dz_str");
    InputEvent move[] = { { INPUT_REL, INPUT_X, number(args, "dx_str") },
                          { INPUT_REL, INPUT_Y, number(args, "dy_str") } };
    input_send(NULL, move, G_N_ELEMENTS(move));
    if (!z)
        return;
    InputEvent wheel = { INPUT_BUTTON, z > 0 ? INPUT_WHEEL_UP : INPUT_WHEEL_DOWN, 1 };
    input_send(NULL, &wheel, 1);
    wheel.value = 0;
    input_send(NULL, &wheel, 1);
}

void hmp_mouse_button(Monitor *mon, const Json *args)
{
    static const struct {
        int64_t bit;
        InputButton button;
    } buttons[] = { { 1, INPUT_LEFT }, { 4, INPUT_MIDDLE }, { 2, INPUT_RIGHT } };
    static int64_t pressed;
    int64_t now = json_get_int(args, "button_state", 0), changed = now ^ pressed;
    InputEvent events[G_N_ELEMENTS(buttons)];
    size_t n = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (changed & buttons[i].bit)
            events[n++] = (InputEvent){ INPUT_BUTTON, buttons[i].button,
                                        (now & buttons[i].bit) != 0 };
    }
    input_send(NULL, events, n);
    pressed = now;
}

void hmp_mouse_set(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (!input_select_mouse((unsigned)json_get_int(args, "index", 0), &error)) {
        monitor_printf(mon, "%s\n", error->message);
        g_error_free(error);
    }
}
