/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine as a tree of objects, the way programs that drive QEMU look at it: qom-list, qom-get,
 * qom-set, info qom-tree.
 *
 *   /machine                        the board
 *   /machine/peripheral/ID          devices that the user gave an id
 *   /machine/peripheral-anon/device[N]   the user's other devices
 *   /machine/unattached/device[N]   what the board made, processors first
 *
 * (Harts are in /machine/soc0/harts[N], as on QEMU's riscv boards.) Properties are those of the
 * device type, which are set when a device is made; what qom-set changes is in hw/attr.h.
 */
#include "monitor/cmd/qom.h"

#include <inttypes.h>
#include <string.h>

#include "hw/attr.h"
#include "hw/board.h"
#include "hw/device.h"
#include "monitor/schema/commands_gen.h"
#include "util/error.h"

typedef enum NodeKind { NODE_NONE, NODE_FOLDER, NODE_MACHINE, NODE_CPU, NODE_DEVICE } NodeKind;
typedef struct Node {
    char *path;      /* owned by the list */
    NodeKind kind;
    char *type;
    Device *dev;
    Cpu *cpu;
} Node;

static void node_free(void *p)
{
    Node *n = p;
    g_free(n->path);
    g_free(n->type);
    g_free(n);
}

static void add(GPtrArray *nodes, NodeKind kind, char *path, char *type, Device *dev, Cpu *cpu)
{
    Node *n = g_new0(Node, 1);
    *n = (Node){ .path = path, .kind = kind, .type = type, .dev = dev, .cpu = cpu };
    g_ptr_array_add(nodes, n);
}

static bool on_soc(const Cpu *cpu)
{
    return g_str_has_prefix(cpu->target->name, "riscv");
}

char *qom_cpu_path(const Cpu *cpu)
{
    return g_strdup_printf(on_soc(cpu) ? "/machine/soc0/harts[%u]" : "/machine/unattached/device[%u]",
                           cpu->index);
}

char *qom_cpu_type(const TargetOps *t, const char *model)
{
    const char *family = g_str_has_prefix(t->name, "riscv") ? "riscv"
                         : !strcmp(t->name, "aarch64")      ? "arm" : t->name;
    return g_strdup_printf("%s-%s-cpu", model, family);
}

static char *cpu_type(const Cpu *cpu)
{
    const char *text = current_machine && current_machine->cpu_model ? current_machine->cpu_model
                                                                     : "max";
    g_autofree char *model = g_strndup(text, strcspn(text, ","));
    return qom_cpu_type(cpu->target, model);
}

/* A parent stands before what is in it. */
static GPtrArray *tree(void)
{
    GPtrArray *nodes = g_ptr_array_new_with_free_func(node_free);
    unsigned unattached = 0, anonymous = 0;
    const BoardType *board = current_machine ? current_machine->board : NULL;
    add(nodes, NODE_MACHINE, g_strdup("/machine"),
        g_strdup_printf("%s-machine", board ? board->name : "none"), NULL, NULL);
    if (cpu_count && on_soc(cpus[0]))
        add(nodes, NODE_FOLDER, g_strdup("/machine/soc0"), g_strdup("container"), NULL, NULL);
    static const char *const folders[] = { "peripheral", "peripheral-anon", "unattached" };
    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++)
        add(nodes, NODE_FOLDER, g_strdup_printf("/machine/%s", folders[i]), g_strdup("container"),
            NULL, NULL);
    for (unsigned i = 0; i < cpu_count; i++) {
        add(nodes, NODE_CPU, qom_cpu_path(cpus[i]), cpu_type(cpus[i]), NULL, cpus[i]);
        if (!on_soc(cpus[i]))
            unattached++;
    }
    for (Device *d = device_first(); d; d = d->next) {
        char *path = d->id ? g_strdup_printf("/machine/peripheral/%s", d->id)
                     : !strchr(d->path, '/')
                         ? g_strdup_printf("/machine/peripheral-anon/device[%u]", anonymous++)
                         : g_strdup_printf("/machine/unattached/device[%u]", unattached++);
        add(nodes, NODE_DEVICE, path, g_strdup(d->type->name), d, NULL);
    }
    return nodes;
}

char *qom_device_path(const char *path)
{
    g_autoptr(GPtrArray) nodes = tree();
    for (unsigned i = 0; i < nodes->len; i++) {
        const Node *n = nodes->pdata[i];
        if (!n->dev || strcmp(n->dev->path, path))
            continue;
        /* A virtio device over PCI is two objects in QEMU. */
        bool two = g_str_has_prefix(n->type, "virtio-") && strstr(n->type, "-pci");
        return g_strconcat(n->path, two ? "/virtio-backend" : "", NULL);
    }
    return g_strdup(path);
}

/* Also "ID" for /machine/peripheral/ID, as QEMU resolves a unique last part. */
static const Node *find(GPtrArray *nodes, const char *path, GError **error)
{
    g_autofree char *tidy = g_strdup(path);
    for (size_t n = strlen(tidy); n > 1 && tidy[n - 1] == '/'; n--)
        tidy[n - 1] = 0;
    for (unsigned i = 0; i < nodes->len; i++) {
        const Node *n = nodes->pdata[i];
        const char *last = strrchr(n->path, '/') + 1;
        if (!strcmp(n->path, tidy) || (*tidy != '/' && !strcmp(last, tidy)))
            return n;
    }
    qmp_error_set(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    return NULL;
}

/* A virtio device over PCI shows those of its backend, which *dev becomes. */
static const DeviceAttr *attrs(const Node *node, Device **dev)
{
    static const DeviceAttr none;
    *dev = node->dev;
    if (!node->dev)
        return &none;
    const DeviceAttr *list = device_attrs(node->dev->type);
    const GPtrArray *buses = node->dev->buses;
    const Bus *bus = !list->name && buses->len == 1 ? buses->pdata[0] : NULL;
    if (!bus || strcmp(bus->type, "virtio-bus") || bus->children->len != 1)
        return list;
    *dev = bus->children->pdata[0];
    return device_attrs((*dev)->type);
}

static const DeviceAttr *find_attr(const Node *node, const char *name, Device **dev)
{
    for (const DeviceAttr *a = attrs(node, dev); a->name; a++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

static void add_property(Json *list, const char *name, const char *type)
{
    Json *o = json_object();
    json_set_str(o, "name", name);
    json_set_str(o, "type", type);
    json_add(list, o);
}

static bool is_child(const Node *child, const char *parent)
{
    size_t n = strlen(parent);
    return !strncmp(child->path, parent, n) && child->path[n] == '/' &&
           !strchr(child->path + n + 1, '/');
}

Json *qmp_qom_list(const Json *args, GError **error)
{
    g_autoptr(GPtrArray) nodes = tree();
    const char *path = json_get_str(args, "path", "");
    Json *list = json_array();
    Device *dev;
    if (!strcmp(path, "/")) {
        add_property(list, "type", "string");
        add_property(list, "machine", "child<machine>");
        return list;
    }
    const Node *node = find(nodes, path, error);
    if (!node) {
        json_free(list);
        return NULL;
    }
    add_property(list, "type", "string");
    if (node->kind == NODE_DEVICE || node->kind == NODE_CPU)
        add_property(list, "realized", "bool");
    for (const Prop *p = node->dev ? node->dev->type->props : NULL; p && p->name; p++)
        if (!find_attr(node, p->name, &dev))
            add_property(list, p->name, qom_prop_type(p->type));
    for (const DeviceAttr *a = attrs(node, &dev); a->name; a++)
        add_property(list, a->name, a->type);
    for (unsigned i = 0; i < nodes->len; i++) {
        const Node *child = nodes->pdata[i];
        if (!is_child(child, node->path))
            continue;
        g_autofree char *type = g_strdup_printf("child<%s>", child->type);
        add_property(list, strrchr(child->path, '/') + 1, type);
    }
    return list;
}

static const Prop *find_prop(const Device *dev, const char *name)
{
    for (const Prop *p = dev->type->props; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

static Json *prop_value(Device *dev, const Prop *p)
{
    g_autofree char *text = device_get_prop(dev, p->name);
    switch (p->type) {
    case PROP_BOOL:
        return json_bool(!strcmp(text, "true"));
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_SIZE:
        return json_uint(g_ascii_strtoull(text, NULL, 10));
    case PROP_BOOTINDEX:
        return json_int(g_ascii_strtoll(text, NULL, 10));
    default:
        return json_string(text);
    }
}

Json *qmp_qom_get(const Json *args, GError **error)
{
    g_autoptr(GPtrArray) nodes = tree();
    const Node *node = find(nodes, json_get_str(args, "path", ""), error);
    const char *name = json_get_str(args, "property", "");
    Device *dev;
    if (!node)
        return NULL;
    if (!strcmp(name, "type"))
        return json_string(node->type);
    if (!strcmp(name, "realized") && (node->dev || node->cpu))
        return json_bool(true);
    const DeviceAttr *a = find_attr(node, name, &dev);
    if (a)
        return a->get(dev);
    const Prop *p = node->dev ? find_prop(node->dev, name) : NULL;
    if (p)
        return prop_value(node->dev, p);
    error_set(error, "Property '%s.%s' not found", node->type, name);
    return NULL;
}

/* The one property of a device type that may change while the device is in use. */
static bool set_bootindex(Device *dev, const char *name, const Json *args, GError **error)
{
    JsonType type = json_type(json_get(args, "value"));
    if (type != JSON_INT && type != JSON_UINT)
        return error_set(error, "Invalid parameter type for '%s', expected: integer", name);
    int64_t v = json_get_int(args, "value", INT64_MIN);
    if (v < INT32_MIN || v > INT32_MAX)
        return error_set(error, "Parameter '%s' expects int32_t", name);
    g_autofree char *text = g_strdup_printf("%" PRId64, v);
    return device_set_prop(dev, name, text, error);
}

bool qmp_qom_set(const Json *args, GError **error)
{
    g_autoptr(GPtrArray) nodes = tree();
    const Node *node = find(nodes, json_get_str(args, "path", ""), error);
    const char *name = json_get_str(args, "property", "");
    Device *dev = NULL;
    const DeviceAttr *a = node ? find_attr(node, name, &dev) : NULL;
    if (!node)
        return false;
    if (a)
        return a->set ? a->set(dev, json_get(args, "value"), error)
                      : error_set(error, "Property '%s.%s' is not writable", dev->type->name, name);
    g_autoptr(Json) old = qmp_qom_get(args, error);
    if (!old)
        return false;
    const Prop *p = node->dev ? find_prop(node->dev, name) : NULL;
    if (p && p->type == PROP_BOOTINDEX)
        return set_bootindex(node->dev, name, args, error);
    return error_set(error, "Property '%s' can only be set when its object is made: use -device, "
                     "device_add or -machine", json_get_str(args, "property", ""));
}

void hmp_qom_list(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(Json) ask = json_object();
    json_set_str(ask, "path", json_get_str(args, "path", "/"));
    g_autoptr(Json) list = qmp_qom_list(ask, &error);
    if (!list) {
        monitor_report(mon, error);
        return;
    }
    for (unsigned i = 0; i < json_len(list); i++)
        monitor_printf(mon, "%s (%s)\n", json_get_str(json_at(list, i), "name", ""),
                       json_get_str(json_at(list, i), "type", ""));
}

void hmp_qom_get(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(Json) value = qmp_qom_get(args, &error);
    if (!value) {
        monitor_report(mon, error);
        return;
    }
    GString *text = g_string_new(NULL);
    json_print(value, text, false);
    monitor_printf(mon, "%s\n", text->str);
    g_string_free(text, TRUE);
}

/* What people type is a number where it looks like one. */
void hmp_qom_set(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    const char *text = json_get_str(args, "value", "");
    g_autoptr(Json) typed = json_copy(args);
    char *end;
    gint64 v = g_ascii_strtoll(text, &end, 0);
    if (*text && !*end)
        json_set_int(typed, "value", v);
    if (!qmp_qom_set(typed, &error))
        monitor_report(mon, error);
}

void hmp_info_qom_tree(Monitor *mon, const Json *args)
{
    g_autoptr(GPtrArray) nodes = tree();
    const char *from = json_get_str(args, "path", "/machine");
    size_t n = strlen(from);
    for (unsigned i = 0; i < nodes->len; i++) {
        const Node *node = nodes->pdata[i];
        if (strncmp(node->path, from, n) || (node->path[n] && node->path[n] != '/'))
            continue;
        int depth = -1;
        for (const char *c = node->path; *c; c++)
            depth += *c == '/';
        monitor_printf(mon, "%*s/%s (%s)\n", depth * 2, "", strrchr(node->path, '/') + 1, node->type);
    }
}
