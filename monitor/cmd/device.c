/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: plugging, lists, properties. */
#include "accel/accel.h"
#include "backend/object.h"
#include "hw/board.h"
#include "hw/device.h"
#include "hw/pci.h"
#include "hw/usb.h"

#include <string.h>

#include "monitor/cmd/qom.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/migrate.h"
#include "util/error.h"
#include "util/opts.h"

static bool add(GHashTable *opts, GError **error)
{
    const char *driver = opts_get(opts, "driver", NULL);
    if (!driver)
        return error_set(error, "Parameter 'driver' is missing");
    const DeviceType *t = device_type_find(driver);
    if (!t)
        return error_set(error, "'%s' is not a valid device model name", driver);
    if (!t->hotpluggable)
        return error_set(error, "Device '%s' can't be added while the machine runs; use -device",
                         driver);
    if (migrate_is_running())
        return error_set(error, "device_add not allowed while migrating");
    return device_create_from_opts(opts, error) != NULL;
}

bool qmp_device_add(const Json *args, GError **error)
{
    GHashTable *opts = json_to_opts(args, error);
    bool ok = opts && add(opts, error);
    g_clear_pointer(&opts, g_hash_table_unref);
    return ok;
}

void hmp_device_add(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    const char *text = json_get_str(args, "device", "");
    bool all = !strcmp(text, "help") || !strcmp(text, "?");
    if (all || g_str_has_suffix(text, ",help") || g_str_has_suffix(text, ",?")) {
        g_autofree char *name = all ? NULL : g_strndup(text, strcspn(text, ","));
        g_autofree char *help = device_help(name, &error);
        if (help)
            monitor_puts(mon, help);
        else
            monitor_report(mon, error);
        return;
    }
    GHashTable *opts = opts_parse(text, "driver", &error);
    if (!opts || !add(opts, &error))
        monitor_report(mon, error);
    g_clear_pointer(&opts, g_hash_table_unref);
}

bool qmp_device_del(const Json *args, GError **error)
{
    const char *id = json_get_str(args, "id", "");
    const char *last = g_str_has_prefix(id, "/machine/peripheral/") ? strrchr(id, '/') + 1 : id;
    Device *dev = *last ? device_find(last) : NULL;
    if (!dev)
        return qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    if (migrate_is_running())
        return error_set(error, "device_del not allowed while migrating");
    return device_unplug_request(dev, error);
}

void hmp_info_qtree(Monitor *mon, const Json *args)
{
    GString *out = g_string_new(NULL);
    device_print_tree(out);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

Json *qmp_query_pci(const Json *args, GError **error)
{
    return pci_query();
}

void hmp_info_pci(Monitor *mon, const Json *args)
{
    GString *out = g_string_new(NULL);
    pci_print(out);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

Json *qmp_x_query_usb(const Json *args, GError **error)
{
    if (!usb_any_bus()) {
        error_set(error, "USB support not enabled");
        return NULL;
    }
    g_autoptr(GString) out = g_string_new(NULL);
    usb_print(out);
    Json *reply = json_object();
    json_set_str(reply, "human-readable-text", out->str);
    return reply;
}

void hmp_info_usb(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(Json) reply = qmp_x_query_usb(args, &error);
    if (reply)
        monitor_puts(mon, json_get_str(reply, "human-readable-text", ""));
    else
        monitor_report(mon, error);
}

void hmp_info_qdm(Monitor *mon, const Json *args)
{
    g_autofree char *help = device_help(NULL, NULL);
    monitor_puts(mon, help ? help : "");
}

void hmp_info_irq(Monitor *mon, const Json *args)
{
    for (Device *dev = device_first(); dev; dev = dev->next) {
        int lines = 0, high = 0;
        for (int i = 0; dev->irq && i < dev->type->irqs; i++) {
            lines++;
            high += dev->irq[i].level != 0;
        }
        if (high)
            monitor_printf(mon, "%s: %d of %d lines raised\n", dev->path, high, lines);
    }
}

void hmp_info_pic(Monitor *mon, const Json *args)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (Device *dev = device_first(); dev; dev = dev->next) {
        if (!dev->type->info_pic)
            continue;
        g_string_append_printf(out, "%s (%s):\n", dev->path, dev->type->name);
        dev->type->info_pic(dev, out);
    }
    for (unsigned i = 0; i < cpu_count; i++) {
        g_string_append_printf(out, "CPU#%u: %s", i, cpus[i]->halted ? "waits" : "runs");
        if (cpus[i]->target->info_pic)
            cpus[i]->target->info_pic(cpus[i], out);
        else
            g_string_append_c(out, '\n');
    }
    monitor_puts(mon, out->str);
}

/* ---- lists for programs ---- */

const char *qom_prop_type(PropType t)
{
    switch (t) {
    case PROP_BOOL:
        return "bool";
    case PROP_U8:
        return "uint8";
    case PROP_U16:
        return "uint16";
    case PROP_U32:
        return "uint32";
    case PROP_U64:
        return "uint64";
    case PROP_SIZE:
        return "size";
    case PROP_ON_OFF_AUTO:
        return "OnOffAuto";
    case PROP_BOOTINDEX:
    case PROP_PCI_ADDR:
        return "int32";
    default: /* ids of backends are strings to a client */
        return "str";
    }
}

Json *qmp_device_list_properties(const Json *args, GError **error)
{
    const char *name = json_get_str(args, "typename", "");
    const DeviceType *t = device_type_find(name);
    if (!t) {
        qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", name);
        return NULL;
    }
    Json *list = json_array();
    for (const Prop *p = t->props; p && p->name; p++) {
        Json *o = json_object();
        json_set_str(o, "name", p->name);
        json_set_str(o, "type", qom_prop_type(p->type));
        json_set_str(o, "description", p->doc);
        if (p->def)
            json_set_str(o, "default-value", p->def);
        json_add(list, o);
    }
    return list;
}

static void add_property(Json *list, const char *name, size_t len, const char *type)
{
    g_autofree char *text = g_strndup(name, len);
    Json *o = json_object();
    json_set_str(o, "name", text);
    json_set_str(o, "type", type);
    json_add(list, o);
}

static Json *object_properties(const char *const *keys)
{
    Json *list = json_array();
    for (; *keys; keys++)
        add_property(list, *keys, strlen(*keys), "string");
    return list;
}

static Json *board_properties(const BoardType *b)
{
    Json *list = json_array();
    for (const char *const *common = machine_common_options; *common; common++)
        add_property(list, *common, strlen(*common), "string");
    for (unsigned i = 0; b->options && b->options[i]; i++)
        add_property(list, b->options[i], strcspn(b->options[i], "="), "string");
    return list;
}

Json *qmp_qom_list_properties(const Json *args, GError **error)
{
    const char *name = json_get_str(args, "typename", "");
    if (device_type_find(name))
        return qmp_device_list_properties(args, error);
    const TargetOps *target = qom_target();
    const char *const *keys, *model, *doc;
    for (unsigned i = 0; object_type_at(i, &keys); i++)
        if (!strcmp(object_type_at(i, &keys), name))
            return object_properties(keys);
    for (unsigned i = 0; i < board_types()->len; i++) {
        const BoardType *b = board_types()->pdata[i];
        g_autofree char *type = g_strdup_printf("%s-machine", b->name);
        if (!strcmp(type, name) && (!b->target || !strcmp(b->target, target->name)))
            return board_properties(b);
    }
    for (unsigned i = 0; (model = target->model(i, &doc)); i++) {
        g_autofree char *type = qom_cpu_type(target, model);
        if (!strcmp(type, name)) /* query-cpu-model-expansion has more */
            return object_properties((const char *const[]){ "type", "realized", NULL });
    }
    error_set(error, "Class '%s' not found", name);
    return NULL;
}

static void add_type(Json *list, const char *name, const char *parent, bool abstract)
{
    Json *o = json_object();
    json_set_str(o, "name", name);
    if (abstract)
        json_set_bool(o, "abstract", true);
    json_set_str(o, "parent", parent);
    json_add(list, o);
}

static const char *parent_of(const DeviceType *t)
{
    if (!t->bus_type || !strcmp(t->bus_type, "sysbus"))
        return "sys-bus-device";
    return !strcmp(t->bus_type, "virtio-bus") ? "virtio-device"
           : !strcmp(t->bus_type, "pci")      ? "pci-device" : "device";
}

/* What isn't a device: objects, accelerators, boards, processors. */
static void add_other_types(Json *list, const char *implements)
{
    bool all = !strcmp(implements, "object");
    const TargetOps *t = qom_target();
    const char *const *keys, *model, *doc;
    for (unsigned i = 0; object_type_at(i, &keys); i++)
        if (all || !strcmp(implements, "user-creatable"))
            add_type(list, object_type_at(i, &keys), "object", false);
    for (unsigned i = 0; i < accels()->len && (all || !strcmp(implements, "accel")); i++) {
        g_autofree char *name = g_strconcat(((const Accel *)accels()->pdata[i])->name, "-accel", NULL);
        add_type(list, name, "accel", false);
    }
    for (unsigned i = 0; i < board_types()->len && (all || !strcmp(implements, "machine")); i++) {
        const BoardType *b = board_types()->pdata[i];
        g_autofree char *name = g_strconcat(b->name, "-machine", NULL);
        if (!b->target || !strcmp(b->target, t->name))
            add_type(list, name, "machine", false);
    }
    for (unsigned i = 0; (all || !strcmp(implements, "cpu")) && (model = t->model(i, &doc)); i++) {
        g_autofree char *name = qom_cpu_type(t, model);
        add_type(list, name, "cpu", false);
    }
}

Json *qmp_qom_list_types(const Json *args, GError **error)
{
    static const char *const bases[][2] = {
        { "device", "object" }, { "sys-bus-device", "device" }, { "virtio-device", "device" },
        { "pci-device", "device" },
    };
    const char *implements = json_get_str(args, "implements", "object");
    bool abstract = json_get_bool(args, "abstract", false);
    bool any = !strcmp(implements, "object") || !strcmp(implements, "device");
    Json *list = json_array();
    for (size_t i = 0; abstract && i < G_N_ELEMENTS(bases); i++)
        add_type(list, bases[i][0], bases[i][1], true);
    for (unsigned i = 0; i < device_types()->len; i++) {
        const DeviceType *t = device_types()->pdata[i];
        if (any || !strcmp(implements, parent_of(t)) || !strcmp(implements, t->name))
            add_type(list, t->name, parent_of(t), false);
    }
    add_other_types(list, implements);
    return list;
}
