/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI-to-PCI bridges: windows, secondary bus, secondary bus reset.
 * PCI-to-PCI Bridge Architecture Specification 1.2, chapters 3 and 4. Left out: subtractive
 * decoding, VGA and ISA enables, the posting of writes, timers of discarded transactions.
 */
#include "hw/pci/bridge.h"
#include "util/bits.h"

enum { CONTROL_BUS_RESET = 1 << 6 };
enum { MEMORY_UNIT = 1 << 20, IO_UNIT = 1 << 12 };

/* 3.2.5.6, .8, .9: the limits are those of the last unit. */
void pci_bridge_windows(const PciDevice *pci, PciWindow w[PCI_WINDOWS])
{
    const uint8_t *c = pci->config;
    w[PCI_WINDOW_IO].base = (uint64_t)(c[PCI_IO_BASE] & 0xf0) << 8;
    w[PCI_WINDOW_IO].limit = (uint64_t)(c[PCI_IO_LIMIT] & 0xf0) << 8 | (IO_UNIT - 1);
    w[PCI_WINDOW_MEMORY].base = (uint64_t)(load_le16(c + PCI_MEMORY_BASE) & 0xfff0) << 16;
    w[PCI_WINDOW_MEMORY].limit = (uint64_t)(load_le16(c + PCI_MEMORY_LIMIT) & 0xfff0) << 16 |
                                 (MEMORY_UNIT - 1);
    w[PCI_WINDOW_PREF].base = (uint64_t)(load_le16(c + PCI_PREF_BASE) & 0xfff0) << 16 |
                              (uint64_t)load_le32(c + PCI_PREF_BASE_UPPER) << 32;
    w[PCI_WINDOW_PREF].limit = (uint64_t)(load_le16(c + PCI_PREF_LIMIT) & 0xfff0) << 16 |
                               (MEMORY_UNIT - 1) |
                               (uint64_t)load_le32(c + PCI_PREF_LIMIT_UPPER) << 32;
}

static const PciWindow closed = { 1, 0 };

/*
 * What is to be mapped. Both memory windows lead to the same memory: where they overlap one does
 * for both, so that bridges behind bridges don't double the work at every level.
 */
static void wanted(const PciBridge *br, PciWindow w[PCI_WINDOWS])
{
    uint16_t command = load_le16(br->pci.config + PCI_COMMAND);
    pci_bridge_windows(&br->pci, w);
    for (unsigned i = 0; i < PCI_WINDOWS; i++) {
        unsigned enable = i == PCI_WINDOW_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
        if (!(command & enable) || w[i].base > w[i].limit)
            w[i] = closed;
    }
    PciWindow *m = &w[PCI_WINDOW_MEMORY], *p = &w[PCI_WINDOW_PREF];
    if (m->base <= m->limit && p->base <= p->limit && m->base <= p->limit && p->base <= m->limit) {
        m->base = MIN(m->base, p->base);
        m->limit = MAX(m->limit, p->limit);
        *p = closed;
    }
}

static void map_window(PciBridge *br, unsigned i, PciWindow w)
{
    static const char *const names[] = { "pci_bridge_io", "pci_bridge_mem", "pci_bridge_pref_mem" };
    PciBus *above = pci_bus_of(&br->pci);
    MemoryRegion *r = &br->windows[i];
    if (br->open[i].base == w.base && br->open[i].limit == w.limit)
        return;
    if (r->name)
        memory_region_deinit(r);
    *r = (MemoryRegion){ .name = NULL };
    br->open[i] = w;
    if (w.base > w.limit)
        return;
    bool io = i == PCI_WINDOW_IO;
    uint64_t size = w.limit - w.base + 1; /* 0: all that there is */
    memory_region_init_alias(r, names[i], io ? &br->io : &br->mem, w.base, size ? size : UINT64_MAX);
    memory_region_add(io ? above->io : above->mem, w.base, r, 1);
}

void pci_bridge_update(PciBridge *br)
{
    PciWindow w[PCI_WINDOWS];
    wanted(br, w);
    memory_transaction_begin();
    for (unsigned i = 0; i < PCI_WINDOWS; i++)
        map_window(br, i, w[i]);
    memory_transaction_commit();
    bool reset = load_le16(br->pci.config + PCI_BRIDGE_CONTROL) & CONTROL_BUS_RESET;
    if (reset == br->bus_in_reset)
        return;
    if (reset)
        pci_bus_reset(&br->sec);
    br->bus_in_reset = reset;
    pci_bus_update(&br->sec);
}

/* What is behind has loaded its own state: it isn't reset. */
void pci_bridge_loaded(PciBridge *br)
{
    br->bus_in_reset = load_le16(br->pci.config + PCI_BRIDGE_CONTROL) & CONTROL_BUS_RESET;
    pci_bridge_update(br);
}

void pci_bridge_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    bool window = offset < PCI_PREF_LIMIT_UPPER + 4 && offset + size > PCI_IO_BASE;
    bool control = offset < PCI_BRIDGE_CONTROL + 2 && offset + size > PCI_BRIDGE_CONTROL;
    if (offset <= PCI_COMMAND + 1 || window || control)
        pci_bridge_update((PciBridge *)pci);
}

/* What is behind can be a master unless the bridge is off or in reset. */
void pci_bridge_master_changed(PciDevice *pci)
{
    PciBus *b = pci_secondary_bus(pci);
    for (unsigned devfn = 0; b && devfn < ARRAY_LEN(b->devices); devfn++)
        if (b->devices[devfn] && pci_class(b->devices[devfn])->master_changed)
            pci_class(b->devices[devfn])->master_changed(b->devices[devfn]);
}

void pci_bridge_close_windows(PciBridge *br)
{
    uint8_t *c = br->pci.config;
    c[PCI_IO_BASE] |= 0xf0 & br->pci.wmask[PCI_IO_BASE];
    store_le16(c + PCI_MEMORY_BASE, 0xfff0);
    store_le16(c + PCI_PREF_BASE, load_le16(c + PCI_PREF_BASE) | 0xfff0);
}

/* As QEMU names it: the bridge's id, or by the kind of bus and a number. */
static char *bus_name(PciBridge *br, bool express)
{
    if (br->pci.dev.id)
        return g_strdup(br->pci.dev.id);
    for (unsigned n = 0;; n++) {
        char *name = g_strdup_printf("%s.%u", express ? "pcie" : "pci", n);
        if (!bus_find(name))
            return name;
        g_free(name);
    }
}

void pci_bridge_init(PciBridge *br, bool express, uint16_t control_mask)
{
    PciDevice *pci = &br->pci;
    g_autofree char *name = bus_name(br, express);
    for (unsigned i = 0; i < PCI_WINDOWS; i++)
        br->open[i] = closed;
    store_le16(pci->wmask + PCI_BRIDGE_CONTROL, control_mask);
    memory_region_init_container(&br->mem, "pci_bridge_pci", UINT64_MAX);
    memory_region_init_container(&br->io, "pci_bridge_io", 0x10000);
    pci_bus_init(&br->sec, &pci->dev, name, &br->mem, &br->io);
    br->sec.bridge = pci;
    br->sec.express = express;
    br->sec.bus->title = express ? "PCIE" : "PCI";
}

void pci_bridge_exit(PciBridge *br)
{
    for (unsigned i = 0; i < PCI_WINDOWS; i++)
        if (br->windows[i].name)
            memory_region_deinit(&br->windows[i]);
    memory_region_deinit(&br->mem);
    memory_region_deinit(&br->io);
}
