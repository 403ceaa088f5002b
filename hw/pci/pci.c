/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI buses and the configuration space of devices: see include/hw/pci.h.
 * PCI Local Bus Specification 3.0, chapter 6. Left out: bridges, hot-plug, option ROMs.
 */
#include <inttypes.h>
#include <string.h>

#include "hw/pci.h"
#include "hw/pci/pci_internal.h"
#include "util/bits.h"
#include "util/error.h"

static GPtrArray *all_buses; /* PciBus * */

static PciBus *bus_of(PciDevice *pci)
{
    return pci->dev.parent_bus->opaque;
}

static const PciClass *class_of(const PciDevice *pci)
{
    return pci->dev.type->class_data;
}

static unsigned config_size(const PciDevice *pci)
{
    return class_of(pci)->express ? PCIE_CONFIG_SIZE : PCI_CONFIG_SIZE;
}

/* ---- INTx ---- */

/* 2.2.6: the pins of a slot are rotated by its number. */
static void update_intx(PciDevice *pci)
{
    PciBus *b = bus_of(pci);
    if (!pci->config[PCI_INT_PIN])
        return;
    bool off = load_le16(pci->config + PCI_COMMAND) & PCI_COMMAND_INTX_OFF;
    bool level = pci->intx_level && !off;
    pci->config[PCI_STATUS] =
        (pci->config[PCI_STATUS] & ~PCI_STATUS_INTX) | (pci->intx_level ? PCI_STATUS_INTX : 0);
    if (level == pci->intx_driven)
        return;
    pci->intx_driven = level;
    unsigned pin = (pci->devfn / 8 + pci->config[PCI_INT_PIN] - 1) % 4;
    int before = b->intx_count[pin];
    b->intx_count[pin] += level ? 1 : -1;
    if (!before != !b->intx_count[pin])
        b->set_intx(b->opaque, (int)pin, level);
}

void pci_set_intx(PciDevice *pci, int level)
{
    pci->intx_level = level;
    update_intx(pci);
}

void pci_use_intx(PciDevice *pci)
{
    pci->config[PCI_INT_PIN] = 1;
}

/* ---- BARs ---- */

static unsigned bar_offset(unsigned n)
{
    return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BAR0 + 4 * n;
}

void pci_add_bar(PciDevice *pci, unsigned n, unsigned flags, MemoryRegion *region)
{
    g_assert(n < PCI_BARS && !pci->bars[n].region && is_pow2(region->size));
    g_assert(region->size >= ((flags & PCI_BAR_IO) ? 4 : 16));
    pci->bars[n] = (PciBar){ .region = region, .size = region->size, .flags = flags };
    uint64_t mask = ~(region->size - 1);
    store_le32(pci->config + bar_offset(n), flags);
    store_le32(pci->wmask + bar_offset(n), (uint32_t)mask);
    if (flags & PCI_BAR_MEM64) {
        g_assert(n + 1 < PCI_BARS);
        store_le32(pci->config + bar_offset(n + 1), 0);
        store_le32(pci->wmask + bar_offset(n + 1), mask >> 32);
    }
}

bool pci_bar_address(const PciDevice *pci, unsigned n, hwaddr *addr)
{
    const PciBar *bar = &pci->bars[n];
    uint16_t command = load_le16(pci->config + PCI_COMMAND);
    uint64_t v = load_le32(pci->config + bar_offset(n));
    if (bar->flags & PCI_BAR_IO) {
        *addr = v & ~3ull; /* 0 is a port like others: EDK2 begins there */
        return (command & PCI_COMMAND_IO) && *addr + bar->size <= 0x10000;
    }
    if (bar->flags & PCI_BAR_MEM64)
        v |= (uint64_t)load_le32(pci->config + bar_offset(n + 1)) << 32;
    *addr = v & ~15ull;
    uint64_t last = *addr + bar->size - 1;
    /* All ones, but for the size, is how software asks for the size: not an address. */
    uint64_t limit = bar->flags & PCI_BAR_MEM64 ? UINT64_MAX : UINT32_MAX;
    return (command & PCI_COMMAND_MEMORY) && *addr && last > *addr && last < limit;
}

static void update_bars(PciDevice *pci)
{
    PciBus *b = bus_of(pci);
    memory_transaction_begin();
    for (unsigned n = 0; n < PCI_BARS; n++) {
        PciBar *bar = &pci->bars[n];
        if (!bar->region)
            continue;
        hwaddr addr;
        bool want = pci_bar_address(pci, n, &addr);
        MemoryRegion *r = bar->region;
        if (r->container && (!want || r->addr != addr))
            memory_region_del(r->container, r);
        if (want && !r->container)
            memory_region_add(bar->flags & PCI_BAR_IO ? b->io : b->mem, addr, r, 1);
    }
    memory_transaction_commit();
}

/* ---- configuration space ---- */

unsigned pci_add_capability(PciDevice *pci, uint8_t id, unsigned size)
{
    unsigned at = pci->caps_end;
    g_assert(at + size <= PCI_CONFIG_SIZE);
    pci->caps_end = ALIGN_UP(at + size, 4);
    /* Appended: software sees them in the order of creation. */
    uint8_t *link = &pci->config[PCI_CAP_PTR];
    while (*link)
        link = &pci->config[*link + 1];
    *link = at;
    pci->config[at] = id;
    pci->config[PCI_STATUS] |= PCI_STATUS_CAPS;
    return at;
}

static void config_init(PciDevice *pci)
{
    const PciClass *k = class_of(pci);
    uint8_t *c = pci->config;
    store_le16(c + PCI_VENDOR_ID, k->vendor_id);
    store_le16(c + PCI_DEVICE_ID, k->device_id);
    c[PCI_REVISION_ID] = k->revision;
    c[PCI_CLASS_PROG] = k->class_code;
    store_le16(c + PCI_CLASS_PROG + 1, k->class_code >> 8);
    c[PCI_HEADER_TYPE] = k->header_type | (pci->multifunction ? 0x80 : 0);
    store_le16(c + PCI_SUBVENDOR_ID, k->subvendor_id ? k->subvendor_id
                                                     : PCI_VENDOR_REDHAT_QUMRANET);
    store_le16(c + PCI_SUBDEVICE_ID, k->subvendor_id ? k->subdevice_id : PCI_SUBDEVICE_QEMU);
    store_le16(pci->wmask + PCI_COMMAND,
               PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
                   PCI_COMMAND_SERR | PCI_COMMAND_INTX_OFF);
    store_le16(pci->w1cmask + PCI_STATUS, 0xf900);
    pci->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    pci->wmask[PCI_INT_LINE] = 0xff;
    pci->caps_end = 0x40;
}

static uint32_t device_config_read(PciDevice *pci, unsigned offset, unsigned size)
{
    if (class_of(pci)->config_reading)
        class_of(pci)->config_reading(pci, offset, size);
    uint32_t v = 0;
    memcpy(&v, pci->config + offset, size);
    return v;
}

static void device_config_write(PciDevice *pci, unsigned offset, unsigned size, uint32_t value)
{
    bool bars = false, command = false;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = offset + i;
        uint8_t v = value >> (8 * i), w = pci->wmask[at];
        pci->config[at] = ((pci->config[at] & ~w) | (v & w)) & ~(v & pci->w1cmask[at]);
        bars |= at >= PCI_BAR0 && at < PCI_BAR0 + 4 * PCI_BARS;
        command |= at == PCI_COMMAND || at == PCI_COMMAND + 1;
    }
    if (bars || command)
        update_bars(pci);
    if (command)
        update_intx(pci);
    pci_msi_config_written(pci, offset, size);
    if (class_of(pci)->config_written)
        class_of(pci)->config_written(pci, offset, size);
}

static PciDevice *find_target(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset,
                              unsigned size)
{
    PciDevice *pci = bus_nr == 0 ? b->devices[devfn & 0xff] : NULL;
    return pci && size <= 4 && offset <= config_size(pci) - size ? pci : NULL;
}

uint32_t pci_config_read(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset, unsigned size)
{
    PciDevice *pci = find_target(b, bus_nr, devfn, offset, size);
    if (pci)
        return device_config_read(pci, offset, size);
    /* No one answers a cycle to a missing function; what a present one lacks reads as 0. */
    bool present = bus_nr == 0 && b->devices[devfn & 0xff];
    return present ? 0 : (uint32_t)MASK(8 * size);
}

void pci_config_write(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset, unsigned size,
                      uint32_t value)
{
    PciDevice *pci = find_target(b, bus_nr, devfn, offset, size);
    if (pci)
        device_config_write(pci, offset, size, value);
}

/* ---- the bus ---- */

static bool choose_devfn(PciBus *b, PciDevice *pci, GError **error)
{
    if (pci->addr < 0) {
        for (unsigned devfn = 0; devfn < 256; devfn += 8) {
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
    if (there)
        return error_set(error, "slot %u function %u of bus '%s' is taken by '%s'; choose another "
                         "addr=", slot, function, b->bus->name, there->dev.type->name);
    if (function && first && !first->multifunction)
        return error_set(error, "slot %u of bus '%s' has a device with a single function; give "
                         "that device multifunction=on", slot, b->bus->name);
    if (!function && !pci->multifunction)
        for (unsigned f = 1; f < 8; f++)
            if (b->devices[slot << 3 | f])
                return error_set(error, "slot %u of bus '%s' has other functions; give this device "
                                 "multifunction=on", slot, b->bus->name);
    return true;
}

static bool pci_preplug(Bus *bus, Device *child, GError **error)
{
    PciDevice *pci = (PciDevice *)child;
    if (pci->romfile && *pci->romfile && !g_file_test(pci->romfile, G_FILE_TEST_IS_REGULAR))
        return error_set(error, "romfile=%s: no such file", pci->romfile);
    if (!choose_devfn(bus->opaque, pci, error))
        return false;
    config_init(pci);
    return true;
}

static bool pci_plug(Bus *bus, Device *child, GError **error)
{
    PciBus *b = bus->opaque;
    PciDevice *pci = (PciDevice *)child;
    b->devices[pci->devfn] = pci;
    pci->addr = pci->devfn;
    return true;
}

static void pci_unplug(Bus *bus, Device *child)
{
    PciBus *b = bus->opaque;
    PciDevice *pci = (PciDevice *)child;
    pci_set_intx(pci, 0);
    for (unsigned n = 0; n < PCI_BARS; n++) {
        MemoryRegion *r = pci->bars[n].region;
        if (r && r->container)
            memory_region_del(r->container, r);
    }
    b->devices[pci->devfn] = NULL;
    pci_msi_free(pci);
}

static void pci_reset_child(Bus *bus, Device *child)
{
    PciDevice *pci = (PciDevice *)child;
    /* What software can write goes back to 0: that is every such register's reset value. */
    for (unsigned i = 0; i < config_size(pci); i++)
        pci->config[i] &= ~(pci->wmask[i] | pci->w1cmask[i]);
    pci->intx_level = false;
    update_intx(pci);
    update_bars(pci);
    pci_msi_reset(pci);
}

static void pci_child_loaded(Bus *bus, Device *child)
{
    PciDevice *pci = (PciDevice *)child;
    update_bars(pci);
    update_intx(pci);
}

static void pci_child_info(Bus *bus, Device *child, GString *out)
{
    PciDevice *pci = (PciDevice *)child;
    uint16_t class_code = load_le16(pci->config + PCI_CLASS_PROG + 1);
    const char *name = pci_class_name(class_code);
    g_autofree char *other = g_strdup_printf("Class %04x", class_code);
    g_string_append_printf(out, "class %s, addr 00:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n",
                           name ? name : other, pci->devfn >> 3, pci->devfn & 7,
                           load_le16(pci->config), load_le16(pci->config + 2),
                           load_le16(pci->config + PCI_SUBVENDOR_ID),
                           load_le16(pci->config + PCI_SUBDEVICE_ID));
    for (unsigned n = 0; n < PCI_BARS; n++) {
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

PciBus *pci_bus_new(Device *owner, const char *name, MemoryRegion *mem, MemoryRegion *io)
{
    PciBus *b = g_new0(PciBus, 1);
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
    if (!all_buses)
        all_buses = g_ptr_array_new();
    g_ptr_array_add(all_buses, b);
    return b;
}

/* ---- snapshots ---- */

/*
 * Only what software can write is state; ids and capabilities come from the configuration, and a
 * snapshot of another device model must not replace them.
 */
static void config_save(const void *obj, GByteArray *out)
{
    const PciDevice *pci = obj;
    g_byte_array_append(out, pci->config, config_size(pci));
}

static bool config_load(void *obj, const uint8_t *data, size_t len, GError **error)
{
    PciDevice *pci = obj;
    unsigned size = config_size(pci);
    if (len != size)
        return error_set(error, "configuration space has %zu bytes, this device's has %u", len,
                         size);
    static const uint8_t ids[] = { PCI_VENDOR_ID, PCI_VENDOR_ID + 1, PCI_DEVICE_ID,
                                   PCI_DEVICE_ID + 1, PCI_CLASS_PROG + 1, PCI_CLASS_PROG + 2 };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (data[ids[i]] != pci->config[ids[i]])
            return error_set(error, "is another PCI device (%04x:%04x, this one is %04x:%04x)",
                             load_le16(data), load_le16(data + 2), load_le16(pci->config),
                             load_le16(pci->config + 2));
    for (unsigned i = 0; i < size; i++) {
        uint8_t w = pci->wmask[i] | pci->w1cmask[i];
        pci->config[i] = (pci->config[i] & ~w) | (data[i] & w);
    }
    return true;
}

const StateField pci_state[] = {
    { .name = "config", .type = STATE_CUSTOM, .count = 1, .save = config_save,
      .load = config_load },
    STATE(PciDevice, intx_level),
    STATE_VAR_ARRAY_BYTES(PciDevice, msix_table, msix_table_size),
    STATE_VAR_ARRAY_BYTES(PciDevice, msix_pba, msix_pba_size),
    { .type = STATE_END },
};

PciBus *pci_bus_at(unsigned i)
{
    return all_buses && i < all_buses->len ? g_ptr_array_index(all_buses, i) : NULL;
}
