/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI-to-PCI bridges and the ports of PCI Express: what their types share. */
#ifndef HW_PCI_BRIDGE_H
#define HW_PCI_BRIDGE_H

#include "hw/pci/pci_internal.h"

/* ---- type 1 headers (bridge.c) ---- */

typedef struct PciBridge {
    PciDevice pci;
    PciBus sec;
    MemoryRegion mem, io;                 /* what is behind */
    MemoryRegion windows[PCI_WINDOWS];    /* onto that, in the bus above */
    PciWindow open[PCI_WINDOWS];          /* that are mapped */
    bool bus_in_reset;                    /* the bit of BRIDGE_CONTROL when it was looked at last */
} PciBridge;

/* The last step of a realize that may fail. `express`: of the bus behind; QEMU's bus names. */
void pci_bridge_init(PciBridge *br, bool express, uint16_t control_mask);
void pci_bridge_exit(PciBridge *br);
/* After whatever changed configuration space. */
void pci_bridge_config_written(PciDevice *pci, unsigned offset, unsigned size);
void pci_bridge_master_changed(PciDevice *pci);
void pci_bridge_update(PciBridge *br);
void pci_bridge_loaded(PciBridge *br);
/* Reset: all windows closed, rather than open at 0. */
void pci_bridge_close_windows(PciBridge *br);

/* ---- capabilities (express.c) ---- */

enum { PCIE_ENDPOINT = 0, PCIE_ROOT_PORT = 4, PCIE_UPSTREAM_PORT = 5, PCIE_DOWNSTREAM_PORT = 6,
       PCIE_PCI_BRIDGE = 7, PCIE_RC_ENDPOINT = 9 };
enum { PCIE_2_5GT = 1, PCIE_16GT = 4 };

void pci_add_express(PciDevice *pci, unsigned type, unsigned port, unsigned speed, unsigned width);
void pci_add_aer(PciDevice *pci);
void pci_add_acs(PciDevice *pci);
void pci_add_pm(PciDevice *pci);
void pci_add_ssvid(PciDevice *pci, uint16_t vendor, uint16_t device);
void pci_express_reset(PciDevice *pci);
/* Of an endpoint: FLR. To be called from config_written. */
void pci_express_config_written(PciDevice *pci, unsigned offset, unsigned size);

/* The vendor capability by which firmware leaves room behind a bridge for what may be plugged. */
typedef struct PciReserve {
    uint32_t bus;
    uint64_t io, mem, pref32, pref64; /* UINT64_MAX: no wish */
} PciReserve;
#define PCI_RESERVE_PROPS(S, m)                                                                \
    PROP(S, "bus-reserve", m.bus, PROP_U32, "4294967295", "bus numbers for what is plugged"),  \
    PROP(S, "io-reserve", m.io, PROP_SIZE, "18446744073709551615", "I/O ports for it"),        \
    PROP(S, "mem-reserve", m.mem, PROP_SIZE, "18446744073709551615", "memory for it"),         \
    PROP(S, "pref32-reserve", m.pref32, PROP_SIZE, "18446744073709551615",                     \
         "prefetchable memory below 4 GiB for it"),                                            \
    PROP(S, "pref64-reserve", m.pref64, PROP_SIZE, "18446744073709551615",                     \
         "prefetchable memory anywhere for it")
bool pci_add_reserve(PciDevice *pci, const PciReserve *r, GError **error);

/* ---- slots (slot.c) ---- */

typedef struct PciSlot {
    uint8_t chassis;         /* property */
    uint16_t number;         /* property */
    bool hotplug, native, power_controller; /* properties */
    bool ejected;            /* what is in it has lost its power for good */
    bool locked;             /* electromechanical interlock */
    bool interrupt;          /* a hot-plug event that software waits for */
    uint16_t control;        /* SLTCTL when it was looked at last */
    int64_t asked_until;     /* CLOCK_RT: device_del is not repeated before */
} PciSlot;

#define PCI_SLOT_PROPS(S, m)                                                                   \
    PROP(S, "chassis", m.chassis, PROP_U8, "0", "number of the chassis"),                      \
    PROP(S, "slot", m.number, PROP_U16, "0", "number of the slot in it"),                      \
    PROP(S, "hotplug", m.hotplug, PROP_BOOL, "on", "devices come and go while it runs"),       \
    PROP(S, "x-native-hotplug", m.native, PROP_BOOL, "on", "by the slot's own registers"),     \
    PROP(S, "power_controller_present", m.power_controller, PROP_BOOL, "on",                   \
         "software switches the slot's power")
extern const StateField pci_slot_state[];
#define PCI_SLOT_STATE(S, m)                                                                   \
    { .name = "slot", .type = STATE_STRUCT, .offset = offsetof(S, m), .count = 1,              \
      .stride = sizeof(PciSlot), .fields = pci_slot_state }

/* A port: a bridge with a slot behind it. Types of ports begin with it. */
typedef struct PciPort {
    PciBridge bridge;
    PciSlot slot;
    uint8_t number;          /* property */
    uint16_t aer_log_max;    /* property */
    int speed, width;        /* properties of root ports */
    PciReserve reserve;      /* likewise */
    bool disable_acs;        /* likewise */
} PciPort;

/* root_port.c: the last step of realize, and the rest of its life. */
bool pci_port_finish(PciPort *p, GError **error);
void pci_port_unrealize(void *dev);
void pci_port_loaded(void *dev);
void pci_port_config_written(PciDevice *pci, unsigned offset, unsigned size);

/* After pci_add_express; false: the numbers are taken. */
bool pci_slot_add(PciPort *p, GError **error);
void pci_slot_init(PciPort *p);    /* once the bus is there */
void pci_slot_exit(PciPort *p);
void pci_slot_reset(PciPort *p);
void pci_slot_config_written(PciPort *p, unsigned offset, unsigned size);
void pci_slot_loaded(PciPort *p);

#endif
