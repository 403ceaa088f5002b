/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI buses: who is where, configuration cycles (PCI Express Base Specification 3.0, 7.3), the
 * routing of pins, and what of a device depends on the bridges above it.
 */
#include <inttypes.h>
#include <string.h>

#include "hw/pci/pci_internal.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { BRIDGE_RESETS_BUS = 1 << 6, FUNCTIONS = 8 };
enum { DEPTH_MAX = 24 }; /* of bridges: windows in windows, which softmmu/memory follows so far */

static GPtrArray *root_buses; /* PciBus * */

PciBus *pci_root_bus(unsigned n)
{
    return root_buses && n < root_buses->len ? g_ptr_array_index(root_buses, n) : NULL;
}

unsigned pci_bus_number(const PciBus *b)
{
    return b->bridge ? b->bridge->config[PCI_SECONDARY_BUS] : 0;
}

PciBus *pci_secondary_bus(const PciDevice *pci)
{
    if (pci_class(pci)->header_type != PCI_HEADER_BRIDGE || !pci->dev.buses->len)
        return NULL;
    return ((Bus *)g_ptr_array_index(pci->dev.buses, 0))->opaque;
}

static bool held_in_reset(const PciBus *b)
{
    return b->bridge &&
           (load_le16(b->bridge->config + PCI_BRIDGE_CONTROL) & BRIDGE_RESETS_BUS);
}

bool pci_bus_reached(const PciBus *b)
{
    for (; b->bridge; b = pci_bus_of(b->bridge))
        if (b->off || held_in_reset(b))
            return false;
    return true;
}

/* ---- from a device upwards ---- */

/* PCI 3.0, 2.2.6, and PCI-to-PCI bridges, 9.1: on every bus the pins rotate by the slot. */
PciBus *pci_route_pin(const PciDevice *pci, unsigned *pin)
{
    for (;;) {
        PciBus *b = pci_bus_of(pci);
        *pin = (pci->devfn / FUNCTIONS + *pin) % 4;
        if (!b->bridge)
            return b;
        pci = b->bridge;
    }
}

/*
 * The bits of bridges above do not count, as in QEMU: EDK2 leaves them off where it connects only
 * the device that it boots from, and would wait for ever.
 */
bool pci_can_master(const PciDevice *pci)
{
    bool own = pci_bus_master(pci);
    for (; own && pci; pci = pci_bus_of(pci)->bridge)
        if (pci_bus_of(pci)->off || held_in_reset(pci_bus_of(pci)))
            return false;
    return own;
}

/*
 * PCI Express to PCI Bridge 1.0, 2.3: a bridge from conventional PCI takes over what comes from
 * below, as function 0 of its secondary bus; a conventional bridge does so under its own number.
 */
unsigned pci_requester_id(const PciDevice *pci)
{
    unsigned id = pci_bus_number(pci_bus_of(pci)) << 8 | pci->devfn;
    for (const PciBus *b = pci_bus_of(pci); b->bridge; b = pci_bus_of(b->bridge)) {
        if (!b->bridge->express)
            id = pci_bus_number(pci_bus_of(b->bridge)) << 8 | b->bridge->devfn;
        else if (!b->express)
            id = pci_bus_number(b) << 8;
    }
    return id;
}

/* ---- configuration cycles ---- */

static PciBus *find_bus(PciBus *b, unsigned nr)
{
    while (pci_bus_number(b) != nr || b->off || held_in_reset(b)) {
        PciBus *next = NULL;
        for (unsigned devfn = 0; devfn < ARRAY_LEN(b->devices) && !next; devfn++) {
            PciBus *behind = b->devices[devfn] ? pci_secondary_bus(b->devices[devfn]) : NULL;
            if (!behind || behind->off || held_in_reset(behind))
                continue;
            const uint8_t *c = b->devices[devfn]->config;
            if (c[PCI_SECONDARY_BUS] && c[PCI_SECONDARY_BUS] <= nr && nr <= c[PCI_SUBORDINATE_BUS])
                next = behind;
        }
        if (!next)
            return NULL;
        b = next;
    }
    return b;
}

/* Functions that were added while the machine runs appear when function 0 does. */
static bool hidden(const PciBus *b, const PciDevice *pci)
{
    return pci->dev.hotplugged && pci->devfn % FUNCTIONS &&
           !b->devices[pci->devfn & ~(FUNCTIONS - 1)];
}

static PciDevice *find_device(PciBus *root, unsigned bus_nr, unsigned devfn)
{
    PciBus *b = find_bus(root, bus_nr);
    PciDevice *pci = b ? b->devices[devfn & 0xff] : NULL;
    return pci && !hidden(b, pci) ? pci : NULL;
}

uint32_t pci_config_read(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset, unsigned size)
{
    PciDevice *pci = find_device(b, bus_nr, devfn);
    /* No one answers a cycle to a missing function; what a present one lacks reads as 0. */
    if (!pci)
        return (uint32_t)MASK(8 * size);
    if (size > 4 || offset > pci_config_size(pci) - size)
        return 0;
    return pci_device_config_read(pci, offset, size);
}

void pci_config_write(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset, unsigned size,
                      uint32_t value)
{
    PciDevice *pci = find_device(b, bus_nr, devfn);
    if (!pci || size > 4 || offset > pci_config_size(pci) - size)
        return;
    /* Host bridges take such cycles from processors. A device could reset itself in mid-flight. */
    if (pci_message_sending())
        log_guest_error(pci->dev.path, "an interrupt message to configuration space; ignored");
    else
        pci_device_config_write(pci, offset, size, value);
}

/* ---- from a bus downwards ---- */

void pci_bus_update(PciBus *b)
{
    memory_transaction_begin();
    for (unsigned devfn = 0; devfn < ARRAY_LEN(b->devices); devfn++) {
        PciDevice *pci = b->devices[devfn];
        if (!pci)
            continue;
        pci_device_update_bars(pci);
        pci_device_update_intx(pci);
        if (pci_class(pci)->master_changed)
            pci_class(pci)->master_changed(pci);
        if (pci_secondary_bus(pci))
            pci_bus_update(pci_secondary_bus(pci));
    }
    memory_transaction_commit();
}

void pci_bus_reset(PciBus *b)
{
    for (unsigned devfn = 0; devfn < ARRAY_LEN(b->devices); devfn++)
        if (b->devices[devfn])
            device_reset_tree(&b->devices[devfn]->dev);
}

void pci_bus_set_off(PciBus *b, bool off)
{
    if (b->off == off)
        return;
    if (off)
        pci_bus_reset(b);
    b->off = off;
    pci_bus_update(b);
}

/* ---- plugging ---- */

static bool in_the_way(PciBus *b, PciDevice *there, unsigned devfn, GError **error)
{
    return error_set(error, "slot %u function %u of bus '%s' is taken by '%s'; choose another %s=",
                     devfn >> 3, devfn & 7, b->bus->name, there->dev.type->name,
                     b->link ? "bus" : "addr");
}

static bool choose_devfn(PciBus *b, PciDevice *pci, GError **error)
{
    if (pci->addr < 0) {
        unsigned first = b->first_slot * FUNCTIONS;
        if (b->link && b->devices[0])
            return in_the_way(b, b->devices[0], 0, error);
        for (unsigned devfn = first; devfn < ARRAY_LEN(b->devices); devfn += FUNCTIONS) {
            if (!b->devices[devfn]) {
                pci->devfn = devfn;
                return true;
            }
        }
        return error_set(error, "bus '%s' has no free slot left", b->bus->name);
    }
    unsigned slot = pci->addr >> 3, function = pci->addr & 7;
    pci->devfn = pci->addr;
    PciDevice *there = b->devices[pci->devfn], *first = b->devices[slot << 3];
    if (b->link && slot)
        return error_set(error, "slot %u is not valid on bus '%s': behind a PCI Express port there "
                         "is slot 0 only", slot, b->bus->name);
    if (there)
        return in_the_way(b, there, pci->devfn, error);
    if (function && first && !first->multifunction)
        return error_set(error, "slot %u of bus '%s' has a device with a single function; give "
                         "that device multifunction=on", slot, b->bus->name);
    if (!function && !pci->multifunction)
        for (unsigned f = 1; f < FUNCTIONS; f++)
            if (b->devices[slot << 3 | f])
                return error_set(error, "slot %u of bus '%s' has other functions; give this device "
                                 "multifunction=on", slot, b->bus->name);
    return true;
}

static int depth(const PciBus *b)
{
    int n = 0;
    for (; b->bridge; b = pci_bus_of(b->bridge))
        n++;
    return n;
}

static bool pci_preplug(Bus *bus, Device *child, GError **error)
{
    PciBus *b = bus->opaque;
    PciDevice *pci = (PciDevice *)child;
    const PciClass *k = pci_class(pci);
    if (k->root_bus && b->bridge)
        return error_set(error, "device '%s' must be on a root bus; '%s' is behind a bridge",
                         child->type->name, bus->name);
    if (k->express_bus && !b->express)
        return error_set(error, "device '%s' must be on a PCI Express bus; '%s' is conventional "
                         "PCI", child->type->name, bus->name);
    if (k->header_type == PCI_HEADER_BRIDGE && depth(b) >= DEPTH_MAX)
        return error_set(error, "bus '%s' is behind %d bridges already; no more go behind each other",
                         bus->name, DEPTH_MAX);
    if (!choose_devfn(b, pci, error) || (b->check && !b->check(b, pci, error)))
        return false;
    pci_device_init(pci);
    return true;
}

static bool pci_plug(Bus *bus, Device *child, GError **error)
{
    PciBus *b = bus->opaque;
    PciDevice *pci = (PciDevice *)child;
    if (!pci_rom_add(pci, error)) {
        pci_msi_free(pci);
        return false;
    }
    b->devices[pci->devfn] = pci;
    pci->addr = pci->devfn;
    if (b->plugged)
        b->plugged(b, pci, child->hotplugged);
    return true;
}

static void pci_unplug(Bus *bus, Device *child)
{
    PciBus *b = bus->opaque;
    PciDevice *pci = (PciDevice *)child;
    pci_set_intx(pci, 0);
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        MemoryRegion *r = pci->bars[n].region;
        if (r && r->container)
            memory_region_del(r->container, r);
    }
    b->devices[pci->devfn] = NULL;
    pci_msi_free(pci);
    pci_rom_free(pci);
    if (b->unplugged)
        b->unplugged(b, pci);
}

static void pci_reset_child(Bus *bus, Device *child)
{
    pci_device_reset((PciDevice *)child);
}

static void pci_child_loaded(Bus *bus, Device *child)
{
    PciDevice *pci = (PciDevice *)child;
    pci_device_update_bars(pci);
    pci_device_update_intx(pci);
    if (pci_class(pci)->master_changed)
        pci_class(pci)->master_changed(pci);
}

/* For `info qtree`. */
static void pci_child_info(Bus *bus, Device *child, GString *out)
{
    PciDevice *pci = (PciDevice *)child;
    uint16_t class_code = load_le16(pci->config + PCI_CLASS_PROG + 1);
    const char *name = pci_class_name(class_code);
    g_autofree char *other = g_strdup_printf("Class %04x", class_code);
    bool bridge = pci_class(pci)->header_type == PCI_HEADER_BRIDGE;
    g_string_append_printf(out, "class %s, addr %02x:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n",
                           name ? name : other, pci_bus_number(bus->opaque), pci->devfn >> 3,
                           pci->devfn & 7, load_le16(pci->config), load_le16(pci->config + 2),
                           bridge ? 0 : load_le16(pci->config + PCI_SUBVENDOR_ID),
                           bridge ? 0 : load_le16(pci->config + PCI_SUBDEVICE_ID));
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        const PciBar *bar = &pci->bars[n];
        hwaddr addr;
        if (!bar->region)
            continue;
        bool mapped = pci_bar_address(pci, n, &addr);
        g_string_append_printf(out, "bar %u: %s at 0x%" PRIx64 " [0x%" PRIx64 "]\n", n,
                               bar->flags & PCI_BAR_IO ? "i/o" : "mem",
                               mapped ? addr : UINT64_MAX,
                               mapped ? addr + bar->size - 1 : bar->size - 2);
    }
}

/* OpenFirmware's PCI binding, 2.2.1.3 (the unit) and QEMU's names of classes. */
static char *pci_boot_node(const Bus *bus, const Device *child)
{
    const PciDevice *pci = (const PciDevice *)child;
    g_autoptr(GString) s = g_string_new(pci_boot_name(load_le16(pci->config + PCI_CLASS_PROG + 1)));
    if (!s->len)
        g_string_printf(s, "pci%04x,%04x", load_le16(pci->config + PCI_VENDOR_ID),
                        load_le16(pci->config + PCI_DEVICE_ID));
    g_string_append_printf(s, "@%x", pci->devfn >> 3);
    if (pci->devfn & 7)
        g_string_append_printf(s, ",%x", pci->devfn & 7);
    return g_strdup(s->str);
}

void pci_bus_init(PciBus *b, Device *owner, const char *name, MemoryRegion *mem, MemoryRegion *io)
{
    b->bus = bus_new("pci", name, owner);
    b->mem = mem;
    b->io = io;
    b->bus->opaque = b;
    b->bus->preplug = pci_preplug;
    b->bus->plug = pci_plug;
    b->bus->unplug = pci_unplug;
    b->bus->reset_child = pci_reset_child;
    b->bus->child_loaded = pci_child_loaded;
    b->bus->child_info = pci_child_info;
    b->bus->boot_node = pci_boot_node;
    b->bus->no_hotplug = true;
}

PciBus *pci_bus_new(Device *owner, const char *name, MemoryRegion *mem, MemoryRegion *io)
{
    PciBus *b = g_new0(PciBus, 1);
    pci_bus_init(b, owner, name, mem, io);
    b->express = true;
    b->bus->title = "PCIE";
    if (!root_buses)
        root_buses = g_ptr_array_new();
    g_ptr_array_add(root_buses, b);
    return b;
}

AddressSpace *pci_ports(void)
{
    static AddressSpace *ports;
    if (!ports && pci_root_bus(0))
        ports = address_space_new(pci_root_bus(0)->io, "I/O");
    return ports;
}
