/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB buses: ports and what is plugged into them. A bus of the device tree is a controller with all
 * the hubs behind it; ports are told apart by their path ("2", "2.1").
 */
#include <string.h>

#include "hw/usb.h"
#include "util/bits.h"
#include "util/error.h"

static const char *const speed_names[USB_SPEEDS] = {
    [USB_LOW] = "1.5", [USB_FULL] = "12", [USB_HIGH] = "480", [USB_SUPER] = "5000",
};

static GPtrArray *buses; /* UsbBus *, in order of creation */

static const UsbClass *class_of(const UsbDevice *d)
{
    return d->dev.type->class_data;
}

UsbBus *usb_bus_of(const UsbDevice *d)
{
    return d->dev.parent_bus->opaque;
}

/* ---- ports ---- */

static unsigned speeds_of(const UsbDevice *d)
{
    unsigned speeds = 0;
    for (unsigned s = 1; s < USB_SPEEDS; s++)
        speeds |= d->desc->at[s] ? 1u << s : 0;
    return speeds;
}

/* The first free one, or that of the user's choice. */
static UsbPort *choose_port(UsbBus *b, UsbDevice *d, GError **error)
{
    const char *want = d->port_path && *d->port_path ? d->port_path : NULL;
    for (guint i = 0; i < b->ports->len; i++) {
        UsbPort *p = g_ptr_array_index(b->ports, i);
        if (!p->dev && (!want || !strcmp(p->path, want)))
            return p;
    }
    if (want)
        error_set(error, "usb port %s (bus %s) not found (in use?)", want, b->bus->name);
    else
        error_set(error, "tried to attach usb device %s to a bus with no free ports; give the "
                  "controller more (p2=, p3=)", class_of(d)->name);
    return NULL;
}

static bool plug(Bus *bus, Device *child, GError **error)
{
    UsbBus *b = bus->opaque;
    UsbDevice *d = (UsbDevice *)child;
    UsbPort *p = choose_port(b, d, error);
    if (!p)
        return false;
    unsigned speeds = p->speeds & speeds_of(d);
    if (!speeds)
        return error_set(error, "usb device %s can't go at a speed that port %s of bus %s has",
                         class_of(d)->name, p->path, bus->name);
    for (d->speed = USB_SUPER; !(speeds >> d->speed & 1); d->speed--)
        continue;
    d->port = p;
    p->dev = d;
    b->ops->attached(b->opaque, p);
    return true;
}

static void unplug(Bus *bus, Device *child)
{
    UsbBus *b = bus->opaque;
    UsbDevice *d = (UsbDevice *)child;
    UsbPort *p = d->port;
    if (!p)
        return;
    b->ops->detaching(b->opaque, p);
    p->dev = NULL;
    d->port = NULL;
}

static void child_info(Bus *bus, Device *child, GString *out)
{
    const UsbBus *b = bus->opaque;
    const UsbDevice *d = (const UsbDevice *)child;
    g_string_append_printf(out, "addr %u.%u, port %s, speed %s, name %s, attached\n", b->number,
                           d->address, d->port->path, speed_names[d->speed], class_of(d)->name);
}

static char *boot_node(const Bus *bus, const Device *child)
{
    const UsbDevice *d = (const UsbDevice *)child;
    return g_strdup_printf("storage@%x", d->port ? d->port->number : 0);
}

void usb_bus_add_port(UsbBus *b, UsbPort *p, UsbDevice *hub, unsigned number, unsigned speeds)
{
    *p = (UsbPort){ .bus = b, .hub = hub, .number = number, .speeds = speeds };
    if (hub)
        g_snprintf(p->path, sizeof p->path, "%s.%u", hub->port->path, number);
    else
        g_snprintf(p->path, sizeof p->path, "%u", number);
    g_ptr_array_add(b->ports, p);
}

void usb_port_reset(UsbPort *p)
{
    if (p->dev)
        usb_device_reset(p->dev);
}

/* ---- buses ---- */

UsbBus *usb_bus_new(Device *owner, const UsbBusOps *ops, void *opaque, const char *location)
{
    UsbBus *b = g_new0(UsbBus, 1);
    if (!buses)
        buses = g_ptr_array_new();
    if (buses->len)
        b->number = ((UsbBus *)g_ptr_array_index(buses, buses->len - 1))->number + 1;
    b->bus = bus_new("usb-bus", NULL, owner);
    b->bus->plug = plug;
    b->bus->unplug = unplug;
    b->bus->child_info = child_info;
    b->bus->boot_node = boot_node;
    b->bus->opaque = b;
    b->ops = ops;
    b->opaque = opaque;
    b->location = g_strdup(location);
    b->ports = g_ptr_array_new();
    g_ptr_array_add(buses, b);
    return b;
}

void usb_bus_free(UsbBus *b)
{
    g_ptr_array_remove(buses, b);
    g_ptr_array_free(b->ports, TRUE);
    g_free(b->location);
    g_free(b);
}

bool usb_any_bus(void)
{
    return buses && buses->len;
}

void usb_print(GString *out)
{
    for (guint i = 0; buses && i < buses->len; i++) {
        const UsbBus *b = g_ptr_array_index(buses, i);
        for (guint j = 0; j < b->bus->children->len; j++) {
            const UsbDevice *d = g_ptr_array_index(b->bus->children, j);
            g_string_append_printf(out, "  Device %u.%u, Port %s, Speed %s Mb/s, Product %s%s%s\n",
                                   b->number, d->address, d->port->path, speed_names[d->speed],
                                   class_of(d)->name, d->dev.id ? ", ID: " : "",
                                   d->dev.id ? d->dev.id : "");
        }
    }
}
