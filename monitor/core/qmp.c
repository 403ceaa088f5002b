/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP: one JSON object per request, one per reply. Lines end with CR LF, which is what libvirt
 * splits on. Left out: out-of-band execution (commands do not wait here).
 */
#include <string.h>

#include "monitor/core/monitor_int.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"
#include "util/version.h"

static void send(Monitor *mon, Json *v)
{
    json_print(v, mon->out, mon->kind == MONITOR_QMP_PRETTY);
    g_string_append(mon->out, "\r\n");
    monitor_flush(mon);
    json_free(v);
}

static const char *class_name(int code)
{
    switch (code) {
    case QMP_ERROR_COMMAND_NOT_FOUND:
        return "CommandNotFound";
    case QMP_ERROR_DEVICE_NOT_FOUND:
        return "DeviceNotFound";
    case QMP_ERROR_DEVICE_NOT_ACTIVE:
        return "DeviceNotActive";
    case QMP_ERROR_KVM_MISSING_CAP:
        return "KVMMissingCap";
    default:
        return "GenericError";
    }
}

static void send_error(Monitor *mon, const GError *error, const Json *id)
{
    Json *reply = json_object(), *e = json_object();
    if (id)
        json_set(reply, "id", json_copy(id));
    json_set_str(e, "class", class_name(error ? error->code : 0));
    json_set_str(e, "desc", error ? error->message : "the command failed");
    json_set(reply, "error", e);
    send(mon, reply);
}

Json *qmp_query_version(const Json *args, GError **error)
{
    Json *v = json_object(), *qemu = json_object();
    json_set_int(qemu, "micro", QEMU_COMPAT_MICRO);
    json_set_int(qemu, "minor", QEMU_COMPAT_MINOR);
    json_set_int(qemu, "major", QEMU_COMPAT_MAJOR);
    json_set(v, "qemu", qemu);
    json_set_str(v, "package", SOSIA_PACKAGE);
    return v;
}

void qmp_greet(Monitor *mon)
{
    Json *hello = json_object(), *inner = json_object();
    json_set(inner, "version", qmp_query_version(NULL, NULL));
    json_set(inner, "capabilities", json_array());
    json_set(hello, "QMP", inner);
    g_string_truncate(mon->out, 0);
    json_stream_reset(mon->stream);
    mon->negotiated = false;
    send(mon, hello);
}

/* Reached only once negotiation is over: see negotiate. */
bool qmp_qmp_capabilities(const Json *args, GError **error)
{
    return qmp_error_set(error, QMP_ERROR_COMMAND_NOT_FOUND,
                         "Capabilities negotiation is already complete, command ignored");
}

static Json *negotiate(Monitor *mon, const char *name, const Json *args, GError **error)
{
    if (strcmp(name, "qmp_capabilities")) {
        qmp_error_set(error, QMP_ERROR_COMMAND_NOT_FOUND,
                      "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    for (const Command *c = commands; c->help; c++) {
        if (!g_strcmp0(c->qmp, name) && !schema_check(c->args, args, "", false, error))
            return NULL;
    }
    const Json *wanted = json_get(args, "enable");
    if (wanted && json_len(wanted)) {
        error_set(error, "Capability 'oob' not available");
        return NULL;
    }
    mon->negotiated = true;
    return json_object();
}

/* The parts of a request. False with an error. */
static bool take_apart(const Json *v, const char **name, const Json **args, GError **error)
{
    if (json_type(v) != JSON_OBJECT)
        return error_set(error, "QMP input must be a JSON object");
    for (unsigned i = 0; i < json_len(v); i++) {
        const char *key = json_key_at(v, i);
        const Json *item = json_at(v, i);
        if (!strcmp(key, "execute")) {
            *name = json_str(item);
            if (!*name)
                return error_set(error, "QMP input member 'execute' must be a string");
        } else if (!strcmp(key, "arguments")) {
            *args = item;
            if (json_type(item) != JSON_OBJECT)
                return error_set(error, "QMP input member 'arguments' must be an object");
        } else if (strcmp(key, "id")) {
            return error_set(error, "QMP input member '%s' is unexpected", key);
        }
    }
    return *name || error_set(error, "QMP input lacks member 'execute'");
}

void qmp_message(void *opaque, Json *v, GError *error)
{
    Monitor *mon = opaque;
    mon->ran = true;
    if (!v) {
        send_error(mon, error, NULL);
        return;
    }
    GError *why = NULL;
    const char *name = NULL;
    g_autoptr(Json) nothing = json_object();
    const Json *args = nothing, *id = json_get(v, "id");
    Json *value = NULL;
    if (take_apart(v, &name, &args, &why))
        value = mon->negotiated ? qmp_call(name, args, &why) : negotiate(mon, name, args, &why);
    if (value) {
        Json *reply = json_object();
        json_set(reply, "return", value);
        if (id)
            json_set(reply, "id", json_copy(id));
        send(mon, reply);
    } else {
        send_error(mon, why, id);
    }
    g_clear_error(&why);
    json_free(v);
}

Json *qmp_human_monitor_command(const Json *args, GError **error)
{
    int64_t index = json_get_int(args, "cpu-index", 0);
    if (json_get(args, "cpu-index") && (index < 0 || index >= cpu_count)) {
        error_set(error, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    GString *text = hmp_execute(json_get_str(args, "command-line", ""),
                                index < cpu_count ? cpus[index] : NULL);
    Json *reply = json_string_len(text->str, text->len);
    g_string_free(text, TRUE);
    return reply;
}
