/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine is: names, boards, accelerators, images in its memory. */
#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"
#include "monitor/cmd/qom.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/boot.h"
#include "softmmu/fdt.h"
#include "util/error.h"
#include "util/version.h"

static void print_and_free(Monitor *mon, GString *text)
{
    monitor_puts(mon, text->str);
    g_string_free(text, TRUE);
}

/* The guest's architecture: of the machine, or of the build where there is none yet. */
const TargetOps *qom_target(void)
{
    if (cpu_count)
        return cpus[0]->target;
    if (current_machine)
        return target_find(current_machine->target);
    return targets()->len ? targets()->pdata[0] : NULL;
}

void hmp_info_version(Monitor *mon, const Json *args)
{
    monitor_printf(mon, "%s%s\n", QEMU_COMPAT_VERSION, SOSIA_PACKAGE);
}

Json *qmp_query_name(const Json *args, GError **error)
{
    Json *o = json_object();
    json_set_str(o, "name", monitor_guest_name());
    return o;
}

void hmp_info_name(Monitor *mon, const Json *args)
{
    if (monitor_guest_name())
        monitor_printf(mon, "%s\n", monitor_guest_name());
}

static const char *uuid_text(void)
{
    return monitor_guest_uuid() ? monitor_guest_uuid() : "00000000-0000-0000-0000-000000000000";
}

Json *qmp_query_uuid(const Json *args, GError **error)
{
    Json *o = json_object();
    json_set_str(o, "UUID", uuid_text());
    return o;
}

void hmp_info_uuid(Monitor *mon, const Json *args)
{
    monitor_printf(mon, "%s\n", uuid_text());
}

/* ---- accelerators ---- */

static bool accel_present(const char *name)
{
    for (unsigned i = 0; i < accels()->len; i++) {
        if (!strcmp(((const Accel *)accels()->pdata[i])->name, name))
            return true;
    }
    return false;
}

static bool accel_enabled(const char *name)
{
    return accel_current && !strcmp(accel_current->name, name);
}

Json *qmp_query_kvm(const Json *args, GError **error)
{
    Json *o = json_object();
    json_set_bool(o, "enabled", accel_enabled("kvm"));
    json_set_bool(o, "present", accel_present("kvm"));
    return o;
}

void hmp_info_kvm(Monitor *mon, const Json *args)
{
    monitor_printf(mon, "kvm support: %s\n", accel_enabled("kvm") ? "enabled"
                   : accel_present("kvm") ? "disabled" : "not compiled");
}

Json *qmp_query_accelerators(const Json *args, GError **error)
{
    Json *o = json_object(), *present = json_array(), *enabled = json_array();
    for (unsigned i = 0; i < accels()->len; i++)
        json_add(present, json_string(((const Accel *)accels()->pdata[i])->name));
    if (accel_current)
        json_add(enabled, json_string(accel_current->name));
    json_set(o, "enabled", enabled);
    json_set(o, "present", present);
    return o;
}

void hmp_info_accelerators(Monitor *mon, const Json *args)
{
    for (unsigned i = 0; i < accels()->len; i++) {
        const Accel *a = accels()->pdata[i];
        monitor_printf(mon, "%c %s: %s\n", a == accel_current ? '*' : ' ', a->name, a->doc);
    }
}

void hmp_info_jit(Monitor *mon, const Json *args)
{
    if (!accel_current || !accel_current->info) {
        monitor_puts(mon, "JIT information is only available with accel=tcg\n");
        return;
    }
    GString *out = g_string_new(NULL);
    accel_current->info(out);
    print_and_free(mon, out);
}

/* ---- boards and CPU models ---- */

Json *qmp_query_target(const Json *args, GError **error)
{
    const TargetOps *t = qom_target();
    Json *o = json_object();
    json_set_str(o, "arch", t ? t->name : "riscv64");
    return o;
}

Json *qmp_query_machines(const Json *args, GError **error)
{
    const TargetOps *t = qom_target();
    Json *list = json_array();
    for (unsigned i = 0; i < board_types()->len; i++) {
        const BoardType *b = board_types()->pdata[i];
        if (b->target && t && strcmp(b->target, t->name))
            continue;
        Json *o = json_object();
        json_set_str(o, "name", b->name);
        json_set_str(o, "alias", b->alias);
        if (!strcmp(b->name, "virt"))
            json_set_bool(o, "is-default", true);
        json_set_int(o, "cpu-max", b->max_cpus);
        json_set_bool(o, "hotpluggable-cpus", false);
        json_set_bool(o, "numa-mem-supported", false);
        json_set_bool(o, "deprecated", false);
        if (b->default_cpu) {
            g_autofree char *type = t ? qom_cpu_type(t, b->default_cpu) : NULL;
            json_set_str(o, "default-cpu-type", type);
        }
        json_set_str(o, "default-ram-id", b->ram_id);
        json_add(list, o);
    }
    return list;
}

Json *qmp_query_current_machine(const Json *args, GError **error)
{
    Json *o = json_object();
    json_set_bool(o, "wakeup-suspend-support", false);
    return o;
}

Json *qmp_query_cpu_definitions(const Json *args, GError **error)
{
    const TargetOps *t = qom_target();
    Json *list = json_array();
    const char *name, *doc;
    for (unsigned i = 0; t && t->model && (name = t->model(i, &doc)); i++) {
        Json *o = json_object();
        g_autofree char *type = qom_cpu_type(t, name);
        json_set_str(o, "name", name);
        json_set_str(o, "typename", type);
        json_set_bool(o, "static", false);
        json_set_bool(o, "deprecated", false);
        json_set(o, "unavailable-features", json_array());
        json_add(list, o);
    }
    return list;
}

static bool is_model(const TargetOps *t, const char *asked)
{
    const char *name, *doc;
    for (unsigned i = 0; t && t->model && (name = t->model(i, &doc)); i++)
        if (!strcmp(name, asked))
            return true;
    return false;
}

/* "max,pmu=off" of {"name": "max", "props": {"pmu": false}}; NULL with an error. */
static char *model_text(const Json *model, GError **error)
{
    const Json *props = json_get(model, "props");
    GString *text = g_string_new(json_get_str(model, "name", ""));
    for (unsigned i = 0; i < json_len(props); i++) {
        const char *key = json_key_at(props, i);
        if (!key || json_type(json_at(props, i)) != JSON_BOOL) {
            error_set(error, "Invalid parameter type for '%s', expected: boolean",
                      key ? key : "model.props");
            g_string_free(text, TRUE);
            return NULL;
        }
        g_string_append_printf(text, ",%s=%s", key,
                               json_get_bool(props, key, false) ? "on" : "off");
    }
    return g_string_free(text, FALSE);
}

/* A processor of its own is configured with the properties given, and asked what it then has. */
static bool expand(const TargetOps *t, const Json *model, Json *props, GError **error)
{
    g_autofree char *text = model_text(model, error);
    if (!text)
        return false;
    Cpu *cpu = g_malloc0(t->cpu_size);
    cpu->target = t;
    GError *why = NULL;
    bool ok = t->configure(cpu, text, &why), on;
    if (!ok) /* which speaks of the command line */
        error_set(error, "%s", why->message + (g_str_has_prefix(why->message, "-cpu: ") ? 6 : 0));
    g_clear_error(&why);
    const char *name;
    for (unsigned i = 0; ok && t->property && (name = t->property(cpu, i, &on)); i++)
        json_set_bool(props, name, on);
    const Json *given = json_get(model, "props");
    for (unsigned i = 0; ok && i < json_len(given); i++)
        if (!json_get(props, json_key_at(given, i)))
            ok = error_set(error, "Parameter '%s' is unexpected", json_key_at(given, i));
    g_free(cpu);
    return ok;
}

Json *qmp_query_cpu_model_expansion(const Json *args, GError **error)
{
    const TargetOps *t = qom_target();
    const Json *model = json_get(args, "model");
    const char *name = json_get_str(model, "name", "");
    if (strcmp(json_get_str(args, "type", ""), "full")) {
        error_set(error, "The requested expansion type is not supported");
        return NULL;
    }
    if (!is_model(t, name)) {
        if (!strcmp(name, "host"))
            error_set(error, "The CPU type 'host' requires KVM");
        else
            error_set(error, "The CPU type '%s' is not a recognized CPU type; "
                      "query-cpu-definitions lists them", name);
        return NULL;
    }
    Json *o = json_object(), *reply = json_object(), *props = json_object();
    json_set_str(reply, "name", name);
    json_set(reply, "props", props);
    json_set(o, "model", reply);
    if (expand(t, model, props, error))
        return o;
    json_free(o);
    return NULL;
}

Json *qmp_query_gic_capabilities(const Json *args, GError **error)
{
    const TargetOps *t = qom_target();
    Json *list = json_array();
    for (int version = 2; t && !strcmp(t->name, "aarch64") && version <= 3; version++) {
        Json *o = json_object();
        json_set_int(o, "version", version);
        json_set_bool(o, "emulated", true);
        json_set_bool(o, "kernel", false);
        json_add(list, o);
    }
    return list;
}

/* ---- memory and what is loaded into it ---- */

Json *qmp_query_memory_size_summary(const Json *args, GError **error)
{
    Json *o = json_object();
    json_set_uint(o, "base-memory", current_machine ? current_machine->ram_size : 0);
    return o;
}

void hmp_info_memory_size_summary(Monitor *mon, const Json *args)
{
    monitor_printf(mon, "base memory: %" G_GUINT64_FORMAT "\n",
                   current_machine ? current_machine->ram_size : 0);
}

Json *qmp_query_iothreads(const Json *args, GError **error)
{
    return json_array(); /* disks have worker threads of their own */
}

void hmp_info_roms(Monitor *mon, const Json *args)
{
    GString *out = g_string_new(NULL);
    boot_print_roms(out);
    print_and_free(mon, out);
}

bool qmp_dumpdtb(const Json *args, GError **error)
{
    if (!current_machine || !current_machine->fdt)
        return error_set(error, "This machine doesn't have a FDT");
    uint32_t size;
    const void *blob = dt_blob(current_machine->fdt, &size);
    GError *why = NULL;
    const char *name = json_get_str(args, "filename", "");
    if (g_file_set_contents(name, blob, size, &why))
        return true;
    error_set(error, "Error saving FDT to file %s: %s", name, why->message);
    g_error_free(why);
    return false;
}

void hmp_dumpdtb(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    if (qmp_dumpdtb(args, &error))
        monitor_printf(mon, "info: dtb dumped to %s\n", json_get_str(args, "filename", ""));
    else
        monitor_report(mon, error);
}
