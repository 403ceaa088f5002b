/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One PCI function: its configuration space, BARs, pin, reset and state. See include/hw/pci.h.
 * PCI Local Bus Specification 3.0, chapter 6; type 1 headers: PCI-to-PCI Bridge Architecture
 * Specification 1.2, 3.2. Buses are in bus.c. Left out: power states (a function in D3 answers).
 */
#include <string.h>

#include "hw/pci/pci_internal.h"
#include "util/bits.h"
#include "util/error.h"

enum { BRIDGE_BARS = 2, ROM_ENABLE = 1, ROM_ADDRESS = ~0x7ff };

static bool is_bridge(const PciDevice *pci)
{
    return pci_class(pci)->header_type == PCI_HEADER_BRIDGE;
}

unsigned pci_config_size(const PciDevice *pci)
{
    return pci->express ? PCIE_CONFIG_SIZE : PCI_CONFIG_SIZE;
}

/* ---- INTx ---- */

void pci_device_update_intx(PciDevice *pci)
{
    if (!pci->config[PCI_INT_PIN])
        return;
    bool off = load_le16(pci->config + PCI_COMMAND) & PCI_COMMAND_INTX_OFF;
    bool level = pci->intx_level && !off && pci_bus_reached(pci_bus_of(pci));
    pci->config[PCI_STATUS] =
        (pci->config[PCI_STATUS] & ~PCI_STATUS_INTX) | (pci->intx_level ? PCI_STATUS_INTX : 0);
    if (level == pci->intx_driven)
        return;
    pci->intx_driven = level;
    unsigned pin = pci->config[PCI_INT_PIN] - 1;
    PciBus *root = pci_route_pin(pci, &pin);
    int before = root->intx_count[pin];
    root->intx_count[pin] += level ? 1 : -1;
    if (!before != !root->intx_count[pin] && root->set_intx)
        root->set_intx(root->opaque, (int)pin, level);
}

void pci_set_intx(PciDevice *pci, int level)
{
    pci->intx_level = level;
    pci_device_update_intx(pci);
}

void pci_use_intx(PciDevice *pci)
{
    pci->config[PCI_INT_PIN] = 1;
}

/* ---- BARs ---- */

static unsigned bar_offset(const PciDevice *pci, unsigned n)
{
    if (n == PCI_ROM_BAR)
        return is_bridge(pci) ? PCI_BRIDGE_ROM_ADDRESS : PCI_ROM_ADDRESS;
    return PCI_BAR0 + 4 * n;
}

void pci_add_bar(PciDevice *pci, unsigned n, unsigned flags, MemoryRegion *region)
{
    g_assert(n <= PCI_ROM_BAR && !pci->bars[n].region && is_pow2(region->size));
    g_assert(!is_bridge(pci) || n < BRIDGE_BARS || n == PCI_ROM_BAR);
    g_assert(region->size >= ((flags & PCI_BAR_IO) ? 4 : 16));
    pci->bars[n] = (PciBar){ .region = region, .size = region->size, .flags = flags };
    uint64_t mask = ~(region->size - 1);
    unsigned at = bar_offset(pci, n);
    store_le32(pci->config + at, flags);
    store_le32(pci->wmask + at, (uint32_t)mask | (n == PCI_ROM_BAR ? ROM_ENABLE : 0));
    if (flags & PCI_BAR_MEM64) {
        g_assert(n + 1 < PCI_BARS);
        store_le32(pci->config + at + 4, 0);
        store_le32(pci->wmask + at + 4, mask >> 32);
    }
}

bool pci_bar_address(const PciDevice *pci, unsigned n, hwaddr *addr)
{
    const PciBar *bar = &pci->bars[n];
    uint16_t command = load_le16(pci->config + PCI_COMMAND);
    unsigned at = bar_offset(pci, n);
    uint64_t v = load_le32(pci->config + at);
    if (bar->flags & PCI_BAR_IO) {
        *addr = v & ~3ull; /* 0 is a port like others: EDK2 begins there */
        return (command & PCI_COMMAND_IO) && *addr + bar->size <= 0x10000;
    }
    if (bar->flags & PCI_BAR_MEM64)
        v |= (uint64_t)load_le32(pci->config + at + 4) << 32;
    bool enabled = command & PCI_COMMAND_MEMORY;
    if (n == PCI_ROM_BAR)
        enabled &= v & ROM_ENABLE;
    *addr = v & (n == PCI_ROM_BAR ? (uint32_t)ROM_ADDRESS : ~15ull);
    uint64_t last = *addr + bar->size - 1;
    /* All ones, but for the size, is how software asks for the size: not an address. */
    uint64_t limit = bar->flags & PCI_BAR_MEM64 ? UINT64_MAX : UINT32_MAX;
    return enabled && *addr && last > *addr && last < limit;
}

void pci_device_update_bars(PciDevice *pci)
{
    PciBus *b = pci_bus_of(pci);
    bool reached = pci_bus_reached(b);
    memory_transaction_begin();
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        PciBar *bar = &pci->bars[n];
        if (!bar->region)
            continue;
        hwaddr addr;
        bool want = pci_bar_address(pci, n, &addr) && reached;
        MemoryRegion *r = bar->region;
        if (r->container && (!want || r->addr != addr))
            memory_region_del(r->container, r);
        if (want && !r->container)
            memory_region_add(bar->flags & PCI_BAR_IO ? b->io : b->mem, addr, r, 1);
    }
    memory_transaction_commit();
}

/* ---- configuration space ---- */

void pci_place_capability(PciDevice *pci, unsigned offset)
{
    g_assert(offset % 4 == 0 && offset >= pci->caps_end);
    pci->caps_end = offset;
}

/* In front of the others, as in QEMU: software sees them in the reverse order of creation. */
unsigned pci_add_capability(PciDevice *pci, uint8_t id, unsigned size)
{
    unsigned at = pci->caps_end;
    g_assert(at + size <= PCI_CONFIG_SIZE);
    pci->caps_end = ALIGN_UP(at + size, 4);
    pci->config[at] = id;
    pci->config[at + 1] = pci->config[PCI_CAP_PTR];
    pci->config[PCI_CAP_PTR] = at;
    pci->config[PCI_STATUS] |= PCI_STATUS_CAPS;
    return at;
}

/* PCI Express Base Specification 3.0, 7.9: the list begins at 0x100 and only grows. */
unsigned pci_add_ext_capability(PciDevice *pci, uint16_t id, unsigned version, unsigned size)
{
    unsigned at = pci->ext_caps_end ? pci->ext_caps_end : PCI_CONFIG_SIZE;
    g_assert(pci->express && at + size <= PCIE_CONFIG_SIZE);
    for (unsigned i = PCI_CONFIG_SIZE; pci->ext_caps_end;) {
        uint32_t header = load_le32(pci->config + i);
        if (!(header >> 20)) {
            store_le32(pci->config + i, header | at << 20);
            break;
        }
        i = header >> 20;
    }
    store_le32(pci->config + at, id | version << 16);
    pci->ext_caps_end = ALIGN_UP(at + size, 4);
    return at;
}

static void init_type0(PciDevice *pci)
{
    const PciClass *k = pci_class(pci);
    uint8_t *c = pci->config;
    store_le16(c + PCI_SUBVENDOR_ID, k->subvendor_id ? k->subvendor_id
                                                     : PCI_VENDOR_REDHAT_QUMRANET);
    store_le16(c + PCI_SUBDEVICE_ID, k->subvendor_id ? k->subdevice_id : PCI_SUBDEVICE_QEMU);
}

static void init_type1(PciDevice *pci)
{
    uint8_t *w = pci->wmask;
    store_le32(w + PCI_PRIMARY_BUS, UINT32_MAX);
    store_le16(w + PCI_IO_BASE, 0xf0f0);
    store_le16(pci->w1cmask + PCI_SECONDARY_STATUS, 0xf900);
    store_le32(w + PCI_MEMORY_BASE, 0xfff0fff0);
    store_le32(w + PCI_PREF_BASE, 0xfff0fff0);
    store_le32(pci->config + PCI_PREF_BASE, 0x00010001); /* 64 bits */
    store_le32(w + PCI_PREF_BASE_UPPER, UINT32_MAX);
    store_le32(w + PCI_PREF_LIMIT_UPPER, UINT32_MAX);
}

void pci_device_init(PciDevice *pci)
{
    const PciClass *k = pci_class(pci);
    uint8_t *c = pci->config;
    pci->express = k->express;
    store_le16(c + PCI_VENDOR_ID, k->vendor_id);
    store_le16(c + PCI_DEVICE_ID, k->device_id);
    c[PCI_REVISION_ID] = k->revision;
    c[PCI_CLASS_PROG] = k->class_code;
    store_le16(c + PCI_CLASS_PROG + 1, k->class_code >> 8);
    c[PCI_HEADER_TYPE] = k->header_type | (pci->multifunction ? PCI_HEADER_MULTIFUNCTION : 0);
    store_le16(pci->wmask + PCI_COMMAND,
               PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
                   PCI_COMMAND_SERR | PCI_COMMAND_INTX_OFF);
    store_le16(pci->w1cmask + PCI_STATUS, 0xf900);
    pci->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    pci->wmask[PCI_INT_LINE] = 0xff;
    pci->caps_end = 0x40;
    if (is_bridge(pci))
        init_type1(pci);
    else
        init_type0(pci);
}

uint32_t pci_device_config_read(PciDevice *pci, unsigned offset, unsigned size)
{
    if (pci_class(pci)->config_reading)
        pci_class(pci)->config_reading(pci, offset, size);
    uint32_t v = 0;
    memcpy(&v, pci->config + offset, size);
    return v;
}

static bool is_bar(const PciDevice *pci, unsigned at)
{
    unsigned n = is_bridge(pci) ? BRIDGE_BARS : PCI_BARS, rom = bar_offset(pci, PCI_ROM_BAR);
    return (at >= PCI_BAR0 && at < PCI_BAR0 + 4 * n) || (at >= rom && at < rom + 4);
}

void pci_device_config_write(PciDevice *pci, unsigned offset, unsigned size, uint32_t value)
{
    bool bars = false, command = false;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = offset + i;
        uint8_t v = value >> (8 * i), w = pci->wmask[at];
        pci->config[at] = ((pci->config[at] & ~w) | (v & w)) & ~(v & pci->w1cmask[at]);
        bars |= is_bar(pci, at);
        command |= at == PCI_COMMAND || at == PCI_COMMAND + 1;
    }
    if (bars || command)
        pci_device_update_bars(pci);
    if (command) {
        pci_device_update_intx(pci);
        if (pci_class(pci)->master_changed)
            pci_class(pci)->master_changed(pci);
    }
    pci_msi_config_written(pci, offset, size);
    if (pci_class(pci)->config_written)
        pci_class(pci)->config_written(pci, offset, size);
}

void pci_make_master(PciDevice *pci)
{
    pci_device_config_write(pci, PCI_COMMAND, 1, pci->config[PCI_COMMAND] | PCI_COMMAND_MASTER);
}

void pci_device_reset(PciDevice *pci)
{
    /* What software can write goes back to 0, but where the device's own reset says otherwise. */
    for (unsigned i = 0; i < pci_config_size(pci); i++)
        pci->config[i] &= ~(pci->wmask[i] | pci->w1cmask[i]);
    pci->intx_level = false;
    pci_device_update_intx(pci);
    pci_device_update_bars(pci);
    pci_msi_reset(pci);
    if (pci_class(pci)->master_changed)
        pci_class(pci)->master_changed(pci);
}

/* ---- snapshots ---- */

/*
 * Only what software can write is state; ids and capabilities come from the configuration, and a
 * snapshot of another device model must not replace them.
 */
static void config_save(const void *obj, GByteArray *out)
{
    const PciDevice *pci = obj;
    g_byte_array_append(out, pci->config, pci_config_size(pci));
}

static bool config_load(void *obj, const uint8_t *data, size_t len, GError **error)
{
    PciDevice *pci = obj;
    unsigned size = pci_config_size(pci);
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
