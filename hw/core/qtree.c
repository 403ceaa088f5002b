/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info qtree`, -device help and -device X,help: in the forms that scripts parse. */
#include <inttypes.h>
#include <string.h>

#include "hw/core/core.h"
#include "util/error.h"

static void print_bus(GString *out, const Bus *bus, int indent);

static void print_device(GString *out, Device *dev, int indent)
{
    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "", dev->type->name,
                           dev->id ? dev->id : "");
    indent += 2;
    if (dev->type->gpio_ins)
        g_string_append_printf(out, "%*sgpio-in \"\" %d\n", indent, "", dev->type->gpio_ins);
    if (dev->n_irqs)
        g_string_append_printf(out, "%*sgpio-out \"sysbus-irq\" %d\n", indent, "", dev->n_irqs);
    for (const Prop *p = dev->type->props; p && p->name; p++) {
        if (p->type == PROP_BOOTINDEX) /* not in QEMU's list */
            continue;
        g_autofree char *value = prop_pretty(dev, p);
        g_string_append_printf(out, "%*s%s = %s\n", indent, "", p->name, value);
    }
    if (dev->mmio.size)
        g_string_append_printf(out, "%*smmio %016" PRIx64 "/%016" PRIx64 "\n", indent, "",
                               dev->mmio.container ? dev->mmio.addr : UINT64_MAX, dev->mmio.size);
    if (dev->type->info || (dev->parent_bus && dev->parent_bus->child_info)) {
        g_autoptr(GString) extra = g_string_new(NULL);
        if (dev->parent_bus && dev->parent_bus->child_info)
            dev->parent_bus->child_info(dev->parent_bus, dev, extra);
        if (dev->type->info)
            dev->type->info(dev, extra);
        g_auto(GStrv) lines = g_strsplit(extra->str, "\n", -1);
        for (char **l = lines; *l; l++)
            if (**l)
                g_string_append_printf(out, "%*s%s\n", indent, "", *l);
    }
    for (guint i = 0; i < dev->buses->len; i++)
        print_bus(out, g_ptr_array_index(dev->buses, i), indent);
}

static void print_bus(GString *out, const Bus *bus, int indent)
{
    g_string_append_printf(out, "%*sbus: %s\n", indent, "", bus->name);
    g_string_append_printf(out, "%*stype %s\n", indent + 2, "", bus->title ? bus->title : bus_type_title(bus->type));
    for (guint i = bus->children->len; i-- > 0;)
        print_device(out, g_ptr_array_index(bus->children, i), indent + 2);
}

void device_print_tree(GString *out)
{
    print_bus(out, bus_main(), 0);
}

static const char *const category_titles[CATEGORY_N] = {
    [CATEGORY_BRIDGE] = "Controller/Bridge/Hub", [CATEGORY_USB] = "USB",
    [CATEGORY_STORAGE] = "Storage", [CATEGORY_NETWORK] = "Network", [CATEGORY_INPUT] = "Input",
    [CATEGORY_DISPLAY] = "Display", [CATEGORY_SOUND] = "Sound", [CATEGORY_MISC] = "Misc",
    [CATEGORY_CPU] = "CPU", [CATEGORY_WATCHDOG] = "Watchdog",
};

static const DeviceCategory category_order[] = {
    CATEGORY_BRIDGE, CATEGORY_USB, CATEGORY_STORAGE, CATEGORY_NETWORK, CATEGORY_INPUT,
    CATEGORY_DISPLAY, CATEGORY_SOUND, CATEGORY_MISC, CATEGORY_CPU, CATEGORY_WATCHDOG,
};

static char *help_list(void)
{
    GString *out = g_string_new(NULL);
    for (unsigned c = 0; c < G_N_ELEMENTS(category_order); c++) {
        bool heading = false;
        for (guint i = 0; i < device_types()->len; i++) {
            const DeviceType *t = g_ptr_array_index(device_types(), i);
            if (t->category != category_order[c] || !t->user_creatable)
                continue;
            if (!heading)
                g_string_append_printf(out, "%s%s devices:\n", out->len ? "\n" : "",
                                       category_titles[t->category]);
            heading = true;
            g_string_append_printf(out, "name \"%s\", bus %s", t->name,
                                   bus_type_title(t->bus_type));
            if (t->alias)
                g_string_append_printf(out, ", alias \"%s\"", t->alias);
            if (t->doc)
                g_string_append_printf(out, ", desc \"%s\"", t->doc);
            g_string_append_c(out, '\n');
        }
    }
    return g_string_free(out, FALSE);
}

static gint by_prop_name(gconstpointer a, gconstpointer b)
{
    const Prop *const *p = a, *const *q = b;
    return strcmp((*p)->name, (*q)->name);
}

char *device_help(const char *type_name, GError **error)
{
    if (!type_name)
        return help_list();
    const DeviceType *t = device_type_find(type_name);
    if (!t) {
        GPtrArray *names = g_ptr_array_new();
        for (guint i = 0; i < device_types()->len; i++)
            g_ptr_array_add(names,
                            (gpointer)((DeviceType *)g_ptr_array_index(device_types(), i))->name);
        g_ptr_array_add(names, NULL);
        const char *near = error_nearest(type_name, (const char *const *)names->pdata);
        error_set(error, "there is no device '%s'%s%s%s", type_name,
                  near ? "; did you mean '" : "; '-device help' lists them", near ? near : "",
                  near ? "'?" : "");
        g_ptr_array_free(names, TRUE);
        return NULL;
    }
    g_autoptr(GPtrArray) props = g_ptr_array_new();
    for (const Prop *p = t->props; p && p->name; p++)
        g_ptr_array_add(props, (gpointer)p);
    g_ptr_array_sort(props, by_prop_name);

    GString *out = g_string_new(NULL);
    g_string_append_printf(out, props->len ? "%s options:\n" : "There are no options for %s.\n",
                           t->name);
    for (guint i = 0; i < props->len; i++) {
        const Prop *p = g_ptr_array_index(props, i);
        g_autofree char *head = g_strdup_printf("%s=<%s>", p->name, prop_type_name(p->type));
        g_autofree char *def = prop_default_text(p);
        const char *doc = p->doc ? p->doc : prop_type_doc(p->type);
        if (!doc && !def) {
            g_string_append_printf(out, "  %s\n", head);
            continue;
        }
        g_string_append_printf(out, "  %-22s - %s", head, doc ? doc : "");
        if (def)
            g_string_append_printf(out, " (default: %s)", def);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
