/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What PCI buses and their functions look like to the monitor: query-pci, which `info pci` prints.
 * The fields are QEMU's (QAPI PciInfo); a bridge's come from its header (PCI-to-PCI Bridge
 * Architecture Specification 1.2, 3.2.5).
 */
#include <inttypes.h>
#include <string.h>

#include "hw/pci/pci_internal.h"
#include "util/bits.h"

/* PCI Code and ID Assignment Specification, chapter 1; those that QEMU has a name for. */
const char *pci_class_name(uint16_t class_code)
{
    static const struct {
        uint16_t code;
        const char *name;
    } names[] = {
        { 0x0001, "VGA controller" }, { 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" },
        { 0x0102, "Floppy controller" }, { 0x0103, "IPI controller" },
        { 0x0104, "RAID controller" }, { 0x0106, "SATA controller" },
        { 0x0107, "SAS controller" }, { 0x0180, "Storage controller" },
        { 0x0200, "Ethernet controller" }, { 0x0201, "Token Ring controller" },
        { 0x0202, "FDDI controller" }, { 0x0203, "ATM controller" },
        { 0x0280, "Network controller" }, { 0x0300, "VGA controller" },
        { 0x0301, "XGA controller" }, { 0x0302, "3D controller" },
        { 0x0380, "Display controller" }, { 0x0400, "Video controller" },
        { 0x0401, "Audio controller" }, { 0x0402, "Phone" }, { 0x0403, "Audio controller" },
        { 0x0480, "Multimedia controller" }, { 0x0500, "RAM controller" },
        { 0x0501, "Flash controller" }, { 0x0580, "Memory controller" },
        { 0x0600, "Host bridge" }, { 0x0601, "ISA bridge" }, { 0x0602, "EISA bridge" },
        { 0x0603, "MC bridge" }, { 0x0604, "PCI bridge" }, { 0x0605, "PCMCIA bridge" },
        { 0x0680, "Bridge" }, { 0x0700, "Serial port" }, { 0x0701, "Parallel port" },
        { 0x0800, "Interrupt controller" }, { 0x0801, "DMA controller" }, { 0x0802, "Timer" },
        { 0x0803, "RTC" }, { 0x0900, "Keyboard" }, { 0x0901, "Pen" }, { 0x0902, "Mouse" },
        { 0x0c00, "Firewire controller" }, { 0x0c03, "USB controller" }, { 0x0c05, "SMBus" },
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].code == class_code)
            return names[i].name;
    return NULL;
}

/* Classes of what can be booted from, and of bridges on the way to it. */
const char *pci_boot_name(uint16_t class_code)
{
    switch (class_code) {
    case 0x0100:
        return "scsi";
    case 0x0200:
        return "ethernet";
    case 0x0604:
        return "pci-bridge";
    default:
        return NULL;
    }
}

/* ---- query-pci ---- */

static Json *range(uint64_t base, uint64_t limit)
{
    Json *o = json_object();
    json_set_uint(o, "base", base);
    json_set_uint(o, "limit", limit);
    return o;
}

static Json *bridge_windows(const PciDevice *pci)
{
    Json *o = json_object();
    PciWindow w[PCI_WINDOWS];
    pci_bridge_windows(pci, w);
    json_set_int(o, "number", pci->config[PCI_PRIMARY_BUS]);
    json_set_int(o, "secondary", pci->config[PCI_SECONDARY_BUS]);
    json_set_int(o, "subordinate", pci->config[PCI_SUBORDINATE_BUS]);
    json_set(o, "io_range", range(w[PCI_WINDOW_IO].base, w[PCI_WINDOW_IO].limit));
    json_set(o, "memory_range", range(w[PCI_WINDOW_MEMORY].base, w[PCI_WINDOW_MEMORY].limit));
    json_set(o, "prefetchable_range", range(w[PCI_WINDOW_PREF].base, w[PCI_WINDOW_PREF].limit));
    return o;
}

static Json *query_bus(const PciBus *b, unsigned number);

/* The bus behind a bridge, once software has given it a number. */
static Json *query_bridge(const PciDevice *pci)
{
    Json *o = json_object();
    const PciBus *behind = pci_secondary_bus(pci);
    json_set(o, "bus", bridge_windows(pci));
    if (behind && pci_bus_number(behind))
        json_set(o, "devices", query_bus(behind, pci_bus_number(behind)));
    return o;
}

static Json *query_regions(const PciDevice *pci)
{
    Json *list = json_array();
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        const PciBar *bar = &pci->bars[n];
        hwaddr addr;
        if (!bar->region)
            continue;
        bool io = bar->flags & PCI_BAR_IO, mapped = pci_bar_address(pci, n, &addr);
        Json *o = json_object();
        json_set_uint(o, "bar", n);
        json_set_str(o, "type", io ? "io" : "memory");
        json_set_int(o, "address", mapped ? (int64_t)addr : -1);
        json_set_uint(o, "size", bar->size);
        if (!io) {
            json_set_bool(o, "prefetch", bar->flags & PCI_BAR_PREFETCH);
            json_set_bool(o, "mem_type_64", bar->flags & PCI_BAR_MEM64);
        }
        json_add(list, o);
    }
    return list;
}

static Json *query_device(const PciDevice *pci, unsigned bus)
{
    const uint8_t *c = pci->config;
    uint16_t class_code = load_le16(c + PCI_CLASS_PROG + 1);
    bool bridge = pci_class(pci)->header_type == PCI_HEADER_BRIDGE;
    Json *o = json_object(), *class_info = json_object(), *id = json_object();
    json_set_uint(o, "bus", bus);
    json_set_uint(o, "slot", pci->devfn >> 3);
    json_set_uint(o, "function", pci->devfn & 7);
    json_set_str(class_info, "desc", pci_class_name(class_code));
    json_set_uint(class_info, "class", class_code);
    json_set(o, "class_info", class_info);
    json_set_uint(id, "device", load_le16(c + PCI_DEVICE_ID));
    json_set_uint(id, "vendor", load_le16(c + PCI_VENDOR_ID));
    if (!bridge) { /* its header has other things there */
        json_set_uint(id, "subsystem", load_le16(c + PCI_SUBDEVICE_ID));
        json_set_uint(id, "subsystem-vendor", load_le16(c + PCI_SUBVENDOR_ID));
    }
    json_set(o, "id", id);
    if (c[PCI_INT_PIN])
        json_set_uint(o, "irq", c[PCI_INT_LINE]);
    json_set_uint(o, "irq_pin", c[PCI_INT_PIN]);
    json_set_str(o, "qdev_id", pci->dev.id ? pci->dev.id : "");
    if (bridge)
        json_set(o, "pci_bridge", query_bridge(pci));
    json_set(o, "regions", query_regions(pci));
    return o;
}

static Json *query_bus(const PciBus *b, unsigned number)
{
    Json *list = json_array();
    for (unsigned devfn = 0; devfn < ARRAY_LEN(b->devices); devfn++)
        if (b->devices[devfn])
            json_add(list, query_device(b->devices[devfn], number));
    return list;
}

Json *pci_query(void)
{
    Json *list = json_array();
    PciBus *b;
    for (unsigned i = 0; (b = pci_root_bus(i)); i++) {
        Json *o = json_object();
        json_set_uint(o, "bus", 0);
        json_set(o, "devices", query_bus(b, 0));
        json_add(list, o);
    }
    return list;
}

/* ---- info pci ---- */

static void print_range(GString *out, const Json *bus, const char *key, const char *text, int digits)
{
    const Json *r = json_get(bus, key);
    g_string_append_printf(out, "      %s [0x%0*" PRIx64 ", 0x%0*" PRIx64 "]\n", text, digits,
                           json_get_uint(r, "base", 0), digits, json_get_uint(r, "limit", 0));
}

static void print_bridge(GString *out, const Json *bus)
{
    static const char *const numbers[][2] = {
        { "number", "BUS" }, { "secondary", "secondary bus" },
        { "subordinate", "subordinate bus" },
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        g_string_append_printf(out, "      %s %d.\n", numbers[i][1],
                               (int)json_get_int(bus, numbers[i][0], 0));
    print_range(out, bus, "io_range", "IO range", 4);
    print_range(out, bus, "memory_range", "memory range", 8);
    print_range(out, bus, "prefetchable_range", "prefetchable memory range", 8);
}

static void print_region(GString *out, const Json *r)
{
    uint64_t addr = (uint64_t)json_get_int(r, "address", -1);
    uint64_t last = addr + json_get_uint(r, "size", 0) - 1;
    int bar = (int)json_get_int(r, "bar", 0);
    if (!strcmp(json_get_str(r, "type", ""), "io"))
        g_string_append_printf(out, "      BAR%d: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", bar,
                               addr, last);
    else
        g_string_append_printf(out, "      BAR%d: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64
                               "].\n", bar, json_get_bool(r, "mem_type_64", false) ? 64 : 32,
                               json_get_bool(r, "prefetch", false) ? " prefetchable" : "", addr,
                               last);
}

static void print_device(GString *out, const Json *d)
{
    const Json *class_info = json_get(d, "class_info"), *id = json_get(d, "id");
    const Json *bridge = json_get(d, "pci_bridge"), *regions = json_get(d, "regions");
    const char *desc = json_get_str(class_info, "desc", NULL);
    g_string_append_printf(out, "  Bus %2d, device %3d, function %d:\n    ",
                           (int)json_get_int(d, "bus", 0), (int)json_get_int(d, "slot", 0),
                           (int)json_get_int(d, "function", 0));
    if (desc)
        g_string_append(out, desc);
    else /* in decimal, as scripts know it */
        g_string_append_printf(out, "Class %04d", (int)json_get_int(class_info, "class", 0));
    g_string_append_printf(out, ": PCI device %04x:%04x\n", (unsigned)json_get_uint(id, "vendor", 0),
                           (unsigned)json_get_uint(id, "device", 0));
    if (json_get(id, "subsystem"))
        g_string_append_printf(out, "      PCI subsystem %04x:%04x\n",
                               (unsigned)json_get_uint(id, "subsystem-vendor", 0),
                               (unsigned)json_get_uint(id, "subsystem", 0));
    if (json_get(d, "irq"))
        g_string_append_printf(out, "      IRQ %d, pin %c\n", (int)json_get_int(d, "irq", 0),
                               (char)('A' + json_get_int(d, "irq_pin", 1) - 1));
    if (bridge)
        print_bridge(out, json_get(bridge, "bus"));
    for (unsigned i = 0; i < json_len(regions); i++)
        print_region(out, json_at(regions, i));
    g_string_append_printf(out, "      id \"%s\"\n", json_get_str(d, "qdev_id", ""));
    const Json *behind = json_get(bridge, "devices");
    for (unsigned i = 0; i < json_len(behind); i++)
        print_device(out, json_at(behind, i));
}

void pci_print(GString *out)
{
    g_autoptr(Json) list = pci_query();
    if (!json_len(list))
        g_string_append(out, "PCI devices not supported\n");
    for (unsigned i = 0; i < json_len(list); i++) {
        const Json *devices = json_get(json_at(list, i), "devices");
        for (unsigned k = 0; k < json_len(devices); k++)
            print_device(out, json_at(devices, k));
    }
}
