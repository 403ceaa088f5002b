/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices' bootindex=, as a list of OpenFirmware paths (IEEE 1275-1994, 2.2.1.1) from a root bus
 * down to what is booted from: "/pci@ffffffffffffffff/scsi@1/disk@0,0". Each bus names the nodes of
 * its children (Bus.boot_node), the property's row the last one.
 */
#include "hw/boot_order.h"

#include "hw/core/core.h"
#include "util/error.h"

typedef struct Entry {
    int32_t index;
    Device *dev;
    const Prop *prop;
} Entry;

/* Every device that has an index, in any order. */
static GArray *entries(void)
{
    GArray *a = g_array_new(FALSE, FALSE, sizeof(Entry));
    for (Device *dev = device_first(); dev; dev = dev->next) {
        for (const Prop *p = dev->type->props; p && p->name; p++) {
            if (p->type != PROP_BOOTINDEX)
                continue;
            Entry e = { *(int32_t *)((char *)dev + p->offset), dev, p };
            if (e.index >= 0)
                g_array_append_val(a, e);
        }
    }
    return a;
}

static gint by_index(gconstpointer a, gconstpointer b)
{
    const Entry *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void append_path(GString *out, const Device *dev)
{
    const Bus *bus = dev->parent_bus;
    if (bus->owner)
        append_path(out, bus->owner);
    g_autofree char *node = bus->boot_node ? bus->boot_node(bus, dev) : NULL;
    if (node)
        g_string_append_printf(out, "/%s", node);
}

GString *boot_order_list(bool strict)
{
    g_autoptr(GArray) a = entries();
    GString *out = g_string_new(NULL);
    g_array_sort(a, by_index);
    for (guint i = 0; i < a->len; i++) {
        const Entry *e = &g_array_index(a, Entry, i);
        if (!e->dev->realized)
            continue;
        if (out->len)
            g_string_append_c(out, '\n');
        append_path(out, e->dev);
        if (e->prop->node)
            g_string_append_printf(out, "/%s", e->prop->node);
    }
    if (out->len && strict)
        g_string_append(out, "\nHALT");
    if (out->len)
        g_string_append_c(out, 0);
    return out;
}

bool boot_order_free(int32_t index, GError **error)
{
    g_autoptr(GArray) a = entries();
    for (guint i = 0; index >= 0 && i < a->len; i++)
        if (g_array_index(a, Entry, i).index == index)
            return error_set(error, "The bootindex %d has already been used", index);
    return true;
}
