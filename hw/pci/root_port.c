/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "pcie-root-port": QEMU's generic root port, 1b36:000c, with a slot for one device behind it, and
 * what all ports share. PCI Express Base Specification 3.0, 1.3.1.
 */
#include "hw/pci/bridge.h"
#include "util/bits.h"
#include "util/error.h"

enum { CONTROL_MASK = 0x5f }; /* of a PCI Express port: PCI Express 3.0, 7.5.3.6 */

/* ---- all ports with slots ---- */

void pci_port_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    pci_bridge_config_written(pci, offset, size);
    pci_slot_config_written((PciPort *)pci, offset, size);
}

bool pci_port_finish(PciPort *p, GError **error)
{
    if (!pci_slot_add(p, error))
        return false;
    pci_bridge_init(&p->bridge, true, CONTROL_MASK);
    pci_slot_init(p);
    return true;
}

void pci_port_unrealize(void *dev)
{
    PciPort *p = dev;
    pci_slot_exit(p);
    pci_bridge_exit(&p->bridge);
}

void pci_port_loaded(void *dev)
{
    PciPort *p = dev;
    pci_slot_loaded(p);
    pci_bridge_loaded(&p->bridge);
}

/* ---- the root port ---- */

static const char *const speeds[] = { "2_5", "5", "8", "16", NULL };
static const char *const widths[] = { "1", "2", "4", "8", "12", "16", "32", NULL };
static const uint8_t lanes[] = { 1, 2, 4, 8, 12, 16, 32 };

static bool root_port_realize(void *dev, GError **error)
{
    PciPort *p = dev;
    PciDevice *pci = &p->bridge.pci;
    pci_use_intx(pci);
    if (!p->reserve.io) {
        /* No ports for what is behind: there is no I/O window at all. */
        store_le16(pci->wmask + PCI_IO_BASE, 0);
        pci->wmask[PCI_COMMAND] &= ~PCI_COMMAND_IO;
    }
    pci_add_ssvid(pci, PCI_VENDOR_REDHAT, 0);
    if (!pci_add_msix(pci, 1, 0, error))
        return false;
    pci_add_express(pci, PCIE_ROOT_PORT, p->number, (unsigned)p->speed + 1, lanes[p->width]);
    if (!pci_add_reserve(pci, &p->reserve, error))
        return false;
    pci_add_aer(pci);
    if (!p->disable_acs)
        pci_add_acs(pci);
    return pci_port_finish(p, error);
}

static void root_port_reset(void *dev)
{
    PciPort *p = dev;
    pci_express_reset(&p->bridge.pci);
    pci_bridge_close_windows(&p->bridge);
    pci_slot_reset(p);
    pci_bridge_update(&p->bridge);
}

static const Prop root_port_props[] = {
    PCI_PROPS(PciPort, bridge.pci),
    PROP(PciPort, "port", number, PROP_U8, "0", "number of the port"),
    PCI_SLOT_PROPS(PciPort, slot),
    PCI_RESERVE_PROPS(PciPort, reserve),
    PROP(PciPort, "aer_log_max", aer_log_max, PROP_U16, "8", "accepted: no error is logged"),
    PROP(PciPort, "disable-acs", disable_acs, PROP_BOOL, "off", "no Access Control Services"),
    { .name = "x-speed", .type = PROP_ENUM, .offset = offsetof(PciPort, speed), .def = "16",
      .names = speeds, .doc = "GT/s that the link could do" },
    { .name = "x-width", .type = PROP_ENUM, .offset = offsetof(PciPort, width), .def = "32",
      .names = widths, .doc = "lanes of the link" },
    PROP_LAST,
};

static const StateField root_port_state[] = {
    PCI_STATE(PciPort, bridge.pci),
    PCI_SLOT_STATE(PciPort, slot),
    { .type = STATE_END },
};

static const PciClass root_port_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x000c, .class_code = 0x060400,
    .header_type = PCI_HEADER_BRIDGE, .express = true, .express_bus = true, .root_bus = true,
    .config_written = pci_port_config_written, .master_changed = pci_bridge_master_changed,
};

static const DeviceType root_port_type = {
    .name = "pcie-root-port", .doc = "PCI Express root port with a hot-plug slot",
    .category = CATEGORY_BRIDGE, .user_creatable = true, .bus_type = "pci", .size = sizeof(PciPort),
    .version = 1, .props = root_port_props, .state = root_port_state, .realize = root_port_realize,
    .unrealize = pci_port_unrealize, .reset = root_port_reset, .loaded = pci_port_loaded,
    .class_data = &root_port_class,
};
DEVICE_REGISTER(root_port_type)
