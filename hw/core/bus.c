/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buses: what devices plug into. */
#include <inttypes.h>
#include <string.h>

#include "hw/core/core.h"

static GPtrArray *all_buses; /* in order of creation */

static GPtrArray *buses(void)
{
    if (!all_buses)
        all_buses = g_ptr_array_new();
    return all_buses;
}

Bus *bus_new(const char *type, const char *name, Device *owner)
{
    Bus *bus = g_new0(Bus, 1);
    bus->type = type;
    bus->owner = owner;
    bus->children = g_ptr_array_new();
    if (name) {
        bus->name = g_strdup(name);
    } else {
        /* As QEMU names them: the owner's id, or the type, and a number. */
        const char *base = owner && owner->id ? owner->id : type;
        unsigned n = 0;
        do {
            g_free(bus->name);
            bus->name = g_strdup_printf("%s.%u", base, n++);
        } while (bus_find(bus->name));
    }
    if (owner)
        g_ptr_array_add(owner->buses, bus);
    g_ptr_array_add(buses(), bus);
    return bus;
}

void bus_free(Bus *bus)
{
    while (bus->children->len)
        device_unrealize(g_ptr_array_index(bus->children, bus->children->len - 1));
    g_ptr_array_remove(buses(), bus);
    g_ptr_array_free(bus->children, TRUE);
    g_free(bus->name);
    g_free(bus);
}

static char *sysbus_boot_node(const Bus *bus, const Device *child)
{
    const DeviceType *t = child->type;
    return t->boot_node ? g_strdup(t->boot_node)
                        : g_strdup_printf("%s@%016" PRIx64, t->name, child->mmio.addr);
}

Bus *bus_main(void)
{
    static Bus *main_bus;
    if (!main_bus) {
        main_bus = bus_new("sysbus", "main-system-bus", NULL);
        main_bus->boot_node = sysbus_boot_node;
    }
    return main_bus;
}

Bus *bus_find(const char *name)
{
    for (guint i = 0; i < buses()->len; i++) {
        Bus *bus = g_ptr_array_index(all_buses, i);
        if (!strcmp(bus->name, name))
            return bus;
    }
    return NULL;
}

static Bus *find_free(Bus *bus, const char *type)
{
    if (!strcmp(bus->type, type) &&
        (!bus->max_children || bus->children->len < (guint)bus->max_children))
        return bus;
    for (guint i = bus->children->len; i-- > 0;) {
        const Device *dev = g_ptr_array_index(bus->children, i);
        for (guint j = dev->buses->len; j-- > 0;) {
            Bus *found = find_free(g_ptr_array_index(dev->buses, j), type);
            if (found)
                return found;
        }
    }
    return NULL;
}

/*
 * QEMU walks its tree newest child first, and looks at a bus before what is behind it: the first
 * virtio-*-device lands on the highest virtio-mmio slot, and PCI devices on the root bus. Guests see
 * that as the order of their disks: keep it.
 */
Bus *bus_find_free(const char *type)
{
    Bus *found = find_free(bus_main(), type);
    /* What a test made has no place in the tree. */
    for (guint i = buses()->len; !found && i-- > 0;)
        if (!((Bus *)g_ptr_array_index(all_buses, i))->owner)
            found = find_free(g_ptr_array_index(all_buses, i), type);
    return found;
}

const char *bus_type_title(const char *type)
{
    if (!type || !strcmp(type, "sysbus"))
        return "System";
    if (!strcmp(type, "pci"))
        return "PCI";
    return type;
}
