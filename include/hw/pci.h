/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI: PCI Local Bus Specification 3.0; PCI Express Base Specification 3.0 for ECAM.
 *
 * A PCI device's struct begins with a PciDevice, its type has bus_type "pci", a PciClass as
 * class_data, PCI_PROPS(S, pci) first in its props and PCI_STATE(S, pci) first in its state. The
 * core fills the configuration header before the device's realize, which then adds BARs and
 * capabilities; reset, snapshots and mapping of BARs are the core's.
 */
#ifndef HW_PCI_H
#define HW_PCI_H

#include "hw/device.h"
#include "util/json.h"

enum { PCI_CONFIG_SIZE = 256, PCIE_CONFIG_SIZE = 4096, PCI_BARS = 6, PCI_ROM_BAR = 6 };

/* Configuration header (PCI 3.0, 6.1). */
enum {
    PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06,
    PCI_REVISION_ID = 0x08, PCI_CLASS_PROG = 0x09, PCI_CACHE_LINE_SIZE = 0x0c,
    PCI_LATENCY_TIMER = 0x0d, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10, PCI_SUBVENDOR_ID = 0x2c,
    PCI_SUBDEVICE_ID = 0x2e, PCI_ROM_ADDRESS = 0x30, PCI_CAP_PTR = 0x34, PCI_INT_LINE = 0x3c,
    PCI_INT_PIN = 0x3d,
    /* Type 1 (PCI-to-PCI Bridge Architecture Specification 1.2, 3.2). */
    PCI_PRIMARY_BUS = 0x18, PCI_SECONDARY_BUS = 0x19, PCI_SUBORDINATE_BUS = 0x1a,
    PCI_IO_BASE = 0x1c, PCI_IO_LIMIT = 0x1d, PCI_SECONDARY_STATUS = 0x1e,
    PCI_MEMORY_BASE = 0x20, PCI_MEMORY_LIMIT = 0x22, PCI_PREF_BASE = 0x24, PCI_PREF_LIMIT = 0x26,
    PCI_PREF_BASE_UPPER = 0x28, PCI_PREF_LIMIT_UPPER = 0x2c, PCI_BRIDGE_ROM_ADDRESS = 0x38,
    PCI_BRIDGE_CONTROL = 0x3e,
};
enum { PCI_HEADER_BRIDGE = 1, PCI_HEADER_MULTIFUNCTION = 0x80 };
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_PARITY = 64,
       PCI_COMMAND_SERR = 256, PCI_COMMAND_INTX_OFF = 1024 };
enum { PCI_STATUS_INTX = 8, PCI_STATUS_CAPS = 16 };
enum { PCI_CAP_PM = 0x01, PCI_CAP_SLOT_ID = 0x04, PCI_CAP_MSI = 0x05, PCI_CAP_VENDOR = 0x09,
       PCI_CAP_SSVID = 0x0d, PCI_CAP_EXPRESS = 0x10, PCI_CAP_MSIX = 0x11 };
enum { PCI_BAR_IO = 1, PCI_BAR_MEM32 = 0, PCI_BAR_MEM64 = 4, PCI_BAR_PREFETCH = 8 };

/* IDs that QEMU's own devices have. */
enum { PCI_VENDOR_REDHAT_QUMRANET = 0x1af4, PCI_VENDOR_REDHAT = 0x1b36,
       PCI_SUBDEVICE_QEMU = 0x1100 };

typedef struct PciDevice PciDevice;
typedef struct PciRom PciRom;

typedef struct PciClass {
    uint16_t vendor_id, device_id;
    uint16_t subvendor_id, subdevice_id; /* 0: 1af4:1100 */
    uint8_t revision;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    uint8_t header_type; /* 0, or PCI_HEADER_BRIDGE */
    bool express;        /* 4 KiB of configuration space */
    bool express_bus;    /* it can only be on a bus of PCI Express */
    const char *romfile; /* its expansion ROM where that is installed, or NULL */
    bool root_bus;       /* it can only be on a root bus */
    /* After a write of configuration space was stored; may be NULL. */
    void (*config_written)(PciDevice *pci, unsigned offset, unsigned size);
    /* For windows into the device (virtio's PCI configuration access); may be NULL. Called
     * before the bytes are read. */
    void (*config_reading)(PciDevice *pci, unsigned offset, unsigned size);
    /* pci_can_master changed, or may have; may be NULL. */
    void (*master_changed)(PciDevice *pci);
} PciClass;

typedef struct PciBar {
    MemoryRegion *region; /* NULL: none */
    uint64_t size;
    uint8_t flags;        /* PCI_BAR_* */
} PciBar;

struct PciDevice {
    Device dev;
    int32_t addr;               /* property: devfn, or -1 for the first free one */
    bool multifunction;         /* property */
    char *romfile;              /* property; "": none; absent: the type's own */
    uint32_t rombar;            /* property; 0: no ROM BAR */
    uint32_t romsize;           /* property; UINT32_MAX: what the file needs */
    PciRom *rom;                /* NULL: none */
    uint8_t devfn;
    bool express;               /* 4 KiB of configuration space */
    uint8_t config[PCIE_CONFIG_SIZE];
    uint8_t wmask[PCIE_CONFIG_SIZE];   /* bits that the guest can write */
    uint8_t w1cmask[PCIE_CONFIG_SIZE];
    PciBar bars[PCI_BARS + 1];
    uint16_t caps_end;          /* where the next capability goes */
    uint16_t ext_caps_end;      /* 0: none */
    uint16_t express_cap, aer_cap; /* 0: none */
    bool intx_level;            /* what the device asks for */
    bool intx_driven;           /* what the bus was told */
    uint16_t msi_cap, msix_cap; /* 0: none */
    uint32_t msix_vectors;
    uint32_t msix_table_size;   /* bytes */
    uint8_t *msix_table;        /* 16 bytes per vector */
    uint32_t msix_pba_size;
    uint8_t *msix_pba;
    MemoryRegion msix_bar, msix_table_mr, msix_pba_mr;
    /* A vector was masked or unmasked; may be NULL. */
    void (*msix_mask_changed)(PciDevice *pci, unsigned vector, bool masked);
};

extern const StateField pci_state[];
#define PCI_STATE(S, m)                                                                        \
    { .name = "pci", .type = STATE_STRUCT, .offset = offsetof(S, m), .count = 1,               \
      .stride = sizeof(PciDevice), .fields = pci_state }
#define PCI_PROPS(S, m)                                                                        \
    PROP(S, "addr", m.addr, PROP_PCI_ADDR, NULL, NULL),                                        \
    PROP(S, "multifunction", m.multifunction, PROP_BOOL, "off", NULL),                         \
    PROP(S, "romfile", m.romfile, PROP_STRING, NULL, "expansion ROM; empty: none"),            \
    PROP(S, "romsize", m.romsize, PROP_U32, "4294967295", "size of its BAR"),                  \
    PROP(S, "rombar", m.rombar, PROP_U32, "1", "0: the ROM is not shown")

/* ---- for devices, in realize ---- */
/* region->size must be a power of two, at least 16 bytes (memory) or 4 (I/O). */
void pci_add_bar(PciDevice *pci, unsigned n, unsigned flags, MemoryRegion *region);
/* Zeroed room for a capability; its offset. `size` includes the id and the link. */
unsigned pci_add_capability(PciDevice *pci, uint8_t id, unsigned size);
/* The next one goes there; multiples of 4, beyond those that exist. */
void pci_place_capability(PciDevice *pci, unsigned offset);
/* An extended capability of an express device. */
unsigned pci_add_ext_capability(PciDevice *pci, uint16_t id, unsigned version, unsigned size);
/* INTA#. Without it (0 in the header) the device has no pin. */
void pci_use_intx(PciDevice *pci);
void pci_add_msi(PciDevice *pci, unsigned vectors);
void pci_add_msi_masked(PciDevice *pci, unsigned vectors); /* with a mask per vector */
/* Makes table and pending bits in a 4 KiB or larger BAR of their own. */
bool pci_add_msix(PciDevice *pci, unsigned vectors, unsigned bar, GError **error);
/* The same within a BAR region (a container) of the device. */
bool pci_add_msix_in(PciDevice *pci, unsigned vectors, unsigned bar, MemoryRegion *container,
                     uint32_t table_offset, uint32_t pba_offset, GError **error);

/* ---- for devices, at run time ---- */
void pci_set_intx(PciDevice *pci, int level);
bool pci_msi_enabled(const PciDevice *pci);
bool pci_msix_enabled(const PciDevice *pci);
/* Sends the message, or notes it as pending where the vector is masked. */
void pci_msi_notify(PciDevice *pci, unsigned vector);
void pci_msix_notify(PciDevice *pci, unsigned vector);
bool pci_msix_masked(const PciDevice *pci, unsigned vector);
void pci_msix_clear_pending(PciDevice *pci, unsigned vector);
static inline bool pci_bus_master(const PciDevice *pci)
{
    return pci->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

void pci_make_master(PciDevice *pci);
/* It may be a bus master, and no bridge above is off or in reset: its DMA and messages get through. */
bool pci_can_master(const PciDevice *pci);
/* bus << 8 | devfn of its requests as the host bridge sees them. */
unsigned pci_requester_id(const PciDevice *pci);

/* ---- buses ---- */
typedef struct PciBus PciBus;
struct PciBus {
    Bus *bus;
    PciDevice *bridge;        /* whose secondary bus it is; NULL: a root bus */
    PciDevice *devices[256];  /* by devfn */
    MemoryRegion *mem, *io;   /* where BARs go */
    bool express;
    bool link;                /* a link between two ports: slot 0 is all that there is */
    bool off;                 /* without power: nothing there answers */
    uint8_t first_slot;       /* that -device chooses */
    /* Of a root bus: INTA#..INTD# after all swizzles; changes only. */
    void (*set_intx)(void *opaque, int pin, int level);
    void *opaque;
    int intx_count[4];
    /* Devices came or went, or are about to; may be NULL. */
    bool (*check)(PciBus *b, PciDevice *pci, GError **error);
    void (*plugged)(PciBus *b, PciDevice *pci, bool hot);
    void (*unplugged)(PciBus *b, PciDevice *pci);
};

PciBus *pci_bus_new(Device *owner, const char *name, MemoryRegion *mem, MemoryRegion *io);
/* The secondary bus of a bridge, in the bridge's struct. */
void pci_bus_init(PciBus *b, Device *owner, const char *name, MemoryRegion *mem, MemoryRegion *io);
static inline PciBus *pci_bus_of(const PciDevice *pci)
{
    return pci->dev.parent_bus->opaque;
}
/* As software numbered it; root buses are 0. */
unsigned pci_bus_number(const PciBus *b);
/* Its devices' BARs, pins and mastership again, and those behind their bridges. */
void pci_bus_update(PciBus *b);
/* Resets all that is on it and behind it. */
void pci_bus_reset(PciBus *b);
/* Power goes, and devices are reset; or it comes. */
void pci_bus_set_off(PciBus *b, bool off);
/* Root buses, in order of creation; NULL where there are no more. */
PciBus *pci_root_bus(unsigned n);
/* The secondary bus of a bridge, else NULL. */
PciBus *pci_secondary_bus(const PciDevice *pci);
/* Where a BAR decodes; false: nowhere. */
bool pci_bar_address(const PciDevice *pci, unsigned n, hwaddr *addr);

/* Configuration cycles on a root bus; nothing there reads as ones. */
uint32_t pci_config_read(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset,
                         unsigned size);
void pci_config_write(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset, unsigned size,
                      uint32_t value);
AddressSpace *pci_ports(void); /* of the first bus, 64 KiB; NULL: no bus */
Json *pci_query(void);        /* query-pci */
void pci_print(GString *out); /* info pci: the same as text */
/* "Ethernet controller", or NULL. */
const char *pci_class_name(uint16_t class_code);
/* "ethernet", as firmware calls it, or NULL. */
const char *pci_boot_name(uint16_t class_code);

/* ---- generic ECAM host bridge (hw/pci/gpex.c) ---- */
typedef struct GpexWindows {
    hwaddr ecam, ecam_size, mmio, mmio_size, high, high_size, pio; /* 64 KiB of ports */
} GpexWindows;
/* Maps a realized "gpex-pcihost"; its pins are INTA#..INTD#. */
void gpex_map(Device *dev, const GpexWindows *w);

#endif
