/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PCI Express switch, as Texas Instruments' XIO3130: "x3130-upstream" (104c:8232) with a bus of
 * "xio3130-downstream" ports (104c:8233), each with a slot. Registers beyond the standard ones are
 * left out.
 */
#include "hw/pci/bridge.h"
#include "util/bits.h"

enum { VENDOR_TI = 0x104c, CONTROL_MASK = 0x5f };
enum { MSI_AT = 0x70, SSVID_AT = 0x80, EXPRESS_AT = 0x90 };

static void add_capabilities(PciPort *p, unsigned type)
{
    PciDevice *pci = &p->bridge.pci;
    pci_place_capability(pci, MSI_AT);
    pci_add_msi(pci, 1);
    pci_place_capability(pci, SSVID_AT);
    pci_add_ssvid(pci, 0, 0);
    pci_place_capability(pci, EXPRESS_AT);
    pci_add_express(pci, type, p->number, PCIE_2_5GT, 1);
    pci_add_aer(pci);
}

/* ---- upstream ---- */

static bool upstream_realize(void *dev, GError **error)
{
    PciPort *p = dev;
    add_capabilities(p, PCIE_UPSTREAM_PORT);
    pci_bridge_init(&p->bridge, true, CONTROL_MASK);
    return true;
}

static void upstream_unrealize(void *dev)
{
    pci_bridge_exit(dev);
}

static void upstream_reset(void *dev)
{
    PciPort *p = dev;
    pci_express_reset(&p->bridge.pci);
    pci_bridge_update(&p->bridge);
}

static void upstream_loaded(void *dev)
{
    pci_bridge_loaded(dev);
}

static void upstream_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    pci_bridge_config_written(pci, offset, size);
    pci_express_config_written(pci, offset, size);
}

static const Prop upstream_props[] = {
    PCI_PROPS(PciPort, bridge.pci),
    PROP(PciPort, "port", number, PROP_U8, "0", "number of the port"),
    PROP(PciPort, "aer_log_max", aer_log_max, PROP_U16, "8", "accepted: no error is logged"),
    PROP_LAST,
};

static const StateField upstream_state[] = {
    PCI_STATE(PciPort, bridge.pci),
    { .type = STATE_END },
};

static const PciClass upstream_class = {
    .vendor_id = VENDOR_TI, .device_id = 0x8232, .revision = 2, .class_code = 0x060400,
    .header_type = PCI_HEADER_BRIDGE, .express = true, .express_bus = true,
    .config_written = upstream_config_written, .master_changed = pci_bridge_master_changed,
};

static const DeviceType upstream_type = {
    .name = "x3130-upstream", .doc = "upstream port of a PCI Express switch (TI XIO3130)",
    .category = CATEGORY_BRIDGE, .user_creatable = true, .bus_type = "pci", .size = sizeof(PciPort),
    .version = 1, .props = upstream_props, .state = upstream_state, .realize = upstream_realize,
    .unrealize = upstream_unrealize, .reset = upstream_reset, .loaded = upstream_loaded,
    .class_data = &upstream_class,
};
DEVICE_REGISTER(upstream_type)

/* ---- downstream ---- */

static bool downstream_realize(void *dev, GError **error)
{
    PciPort *p = dev;
    add_capabilities(p, PCIE_DOWNSTREAM_PORT);
    return pci_port_finish(p, error);
}

static void downstream_reset(void *dev)
{
    PciPort *p = dev;
    pci_express_reset(&p->bridge.pci);
    pci_slot_reset(p);
    pci_bridge_update(&p->bridge);
}

static void downstream_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    pci_port_config_written(pci, offset, size);
    pci_express_config_written(pci, offset, size);
}

static const Prop downstream_props[] = {
    PCI_PROPS(PciPort, bridge.pci),
    PROP(PciPort, "port", number, PROP_U8, "0", "number of the port"),
    PCI_SLOT_PROPS(PciPort, slot),
    PROP(PciPort, "aer_log_max", aer_log_max, PROP_U16, "8", "accepted: no error is logged"),
    PROP_LAST,
};

static const StateField downstream_state[] = {
    PCI_STATE(PciPort, bridge.pci),
    PCI_SLOT_STATE(PciPort, slot),
    { .type = STATE_END },
};

static const PciClass downstream_class = {
    .vendor_id = VENDOR_TI, .device_id = 0x8233, .revision = 1, .class_code = 0x060400,
    .header_type = PCI_HEADER_BRIDGE, .express = true, .express_bus = true,
    .config_written = downstream_config_written, .master_changed = pci_bridge_master_changed,
};

static const DeviceType downstream_type = {
    .name = "xio3130-downstream", .doc = "downstream port of a PCI Express switch, with a slot",
    .category = CATEGORY_BRIDGE, .user_creatable = true, .bus_type = "pci", .size = sizeof(PciPort),
    .version = 1, .props = downstream_props, .state = downstream_state,
    .realize = downstream_realize, .unrealize = pci_port_unrealize, .reset = downstream_reset,
    .loaded = pci_port_loaded, .class_data = &downstream_class,
};
DEVICE_REGISTER(downstream_type)
