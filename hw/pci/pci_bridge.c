/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bridges to conventional PCI: "pci-bridge" (1b36:0001, PCI-to-PCI Bridge Architecture Specification
 * 1.2) and "pcie-pci-bridge" (1b36:000e, PCI Express to PCI Bridge Specification 1.0). Left out: the
 * standard hot-plug controller that QEMU's have, so that nothing can be plugged while it runs.
 */
#include "hw/pci/bridge.h"
#include "util/bits.h"
#include "util/error.h"

enum { CONTROL_MASK = 0x0bff, CONTROL_TIMER_STATUS = 0x0400 };
enum { CHASSIS = 3 }; /* in the slot identification capability */
enum { STATUS_66MHZ = 1 << 5, STATUS_FAST_BACK_TO_BACK = 1 << 7 };

typedef struct PciToPci {
    PciBridge bridge;
    uint8_t chassis;         /* properties */
    int msi;
    bool shpc;
    uint8_t slot_id;         /* its capability */
    PciReserve reserve;
} PciToPci;

static void init_conventional(PciToPci *s)
{
    PciDevice *pci = &s->bridge.pci;
    pci->config[PCI_STATUS] |= STATUS_66MHZ | STATUS_FAST_BACK_TO_BACK;
    pci->config[PCI_SECONDARY_STATUS] |= STATUS_66MHZ | STATUS_FAST_BACK_TO_BACK;
    store_le16(pci->w1cmask + PCI_BRIDGE_CONTROL, CONTROL_TIMER_STATUS);
}

static void finish(PciToPci *s)
{
    pci_bridge_init(&s->bridge, false, CONTROL_MASK);
    s->bridge.sec.first_slot = 1; /* as in QEMU, where slot 0 is its hot-plug controller's */
}

static bool pci_to_pci_realize(void *dev, GError **error)
{
    enum { SLOT_ID_SIZE = 4, EXPANSION_SLOT = 2, FIRST_IN_CHASSIS = 0x20 };
    PciToPci *s = dev;
    PciDevice *pci = &s->bridge.pci;
    if (!s->chassis)
        return error_set(error, "pci-bridge: chassis_nr= is missing; every bridge has a number of "
                         "its own, from 1");
    init_conventional(s);
    unsigned at = pci_add_capability(pci, PCI_CAP_SLOT_ID, SLOT_ID_SIZE);
    pci->config[at + EXPANSION_SLOT] = FIRST_IN_CHASSIS;
    s->slot_id = at;
    pci->wmask[at + CHASSIS] = 0xff;
    if (!pci_add_reserve(pci, &s->reserve, error))
        return false;
    finish(s);
    return true;
}

static bool pcie_to_pci_realize(void *dev, GError **error)
{
    enum { EXPRESS_AT = 0x48 }; /* behind the capability of the hot-plug controller */
    PciToPci *s = dev;
    PciDevice *pci = &s->bridge.pci;
    init_conventional(s);
    pci_use_intx(pci);
    pci_place_capability(pci, EXPRESS_AT);
    pci_add_express(pci, PCIE_PCI_BRIDGE, 0, PCIE_2_5GT, 1);
    pci_add_pm(pci);
    pci_add_aer(pci);
    if (s->msi)
        pci_add_msi_masked(pci, 1);
    finish(s);
    return true;
}

static void to_pci_unrealize(void *dev)
{
    PciToPci *s = dev;
    pci_bridge_exit(&s->bridge);
}

static void pci_to_pci_reset(void *dev)
{
    PciToPci *s = dev;
    s->bridge.pci.config[s->slot_id + CHASSIS] = s->chassis; /* software may have renumbered it */
    pci_bridge_update(&s->bridge);
}

static void pcie_to_pci_reset(void *dev)
{
    PciToPci *s = dev;
    pci_express_reset(&s->bridge.pci);
    pci_bridge_update(&s->bridge);
}

static void to_pci_loaded(void *dev)
{
    PciToPci *s = dev;
    pci_bridge_loaded(&s->bridge);
}

static const Prop pci_to_pci_props[] = {
    PCI_PROPS(PciToPci, bridge.pci),
    PROP(PciToPci, "chassis_nr", chassis, PROP_U8, "0", "number of the chassis; not 0"),
    PROP(PciToPci, "msi", msi, PROP_ON_OFF_AUTO, "auto", "accepted: nothing interrupts"),
    PROP(PciToPci, "shpc", shpc, PROP_BOOL, "off", "accepted: there is no hot-plug controller"),
    PCI_RESERVE_PROPS(PciToPci, reserve),
    PROP_LAST,
};

static const Prop pcie_to_pci_props[] = {
    PCI_PROPS(PciToPci, bridge.pci),
    PROP(PciToPci, "msi", msi, PROP_ON_OFF_AUTO, "auto", "message signalled interrupts"),
    PROP_LAST,
};

static const StateField to_pci_state[] = {
    PCI_STATE(PciToPci, bridge.pci),
    { .type = STATE_END },
};

static const PciClass pci_to_pci_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x0001, .class_code = 0x060400,
    .header_type = PCI_HEADER_BRIDGE, .config_written = pci_bridge_config_written,
    .master_changed = pci_bridge_master_changed,
};

static const PciClass pcie_to_pci_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x000e, .class_code = 0x060400,
    .header_type = PCI_HEADER_BRIDGE, .express = true, .express_bus = true,
    .config_written = pci_bridge_config_written, .master_changed = pci_bridge_master_changed,
};

static const DeviceType pci_to_pci_type = {
    .name = "pci-bridge", .doc = "PCI-to-PCI bridge", .category = CATEGORY_BRIDGE,
    .user_creatable = true, .bus_type = "pci", .size = sizeof(PciToPci), .version = 1,
    .props = pci_to_pci_props, .state = to_pci_state, .realize = pci_to_pci_realize,
    .unrealize = to_pci_unrealize, .reset = pci_to_pci_reset, .loaded = to_pci_loaded,
    .class_data = &pci_to_pci_class,
};
DEVICE_REGISTER(pci_to_pci_type)

static const DeviceType pcie_to_pci_type = {
    .name = "pcie-pci-bridge", .doc = "PCI Express to PCI bridge", .category = CATEGORY_BRIDGE,
    .user_creatable = true, .bus_type = "pci", .size = sizeof(PciToPci), .version = 1,
    .props = pcie_to_pci_props, .state = to_pci_state, .realize = pcie_to_pci_realize,
    .unrealize = to_pci_unrealize, .reset = pcie_to_pci_reset, .loaded = to_pci_loaded,
    .class_data = &pcie_to_pci_class,
};
DEVICE_REGISTER(pcie_to_pci_type)
