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
};
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_PARITY = 64,
       PCI_COMMAND_SERR = 256, PCI_COMMAND_INTX_OFF = 1024 };
enum { PCI_STATUS_INTX = 8, PCI_STATUS_CAPS = 16 };
enum { PCI_CAP_PM = 0x01, PCI_CAP_MSI = 0x05, PCI_CAP_VENDOR = 0x09, PCI_CAP_EXPRESS = 0x10,
       PCI_CAP_MSIX = 0x11 };
enum { PCI_BAR_IO = 1, PCI_BAR_MEM32 = 0, PCI_BAR_MEM64 = 4, PCI_BAR_PREFETCH = 8 };

/* IDs that QEMU's own devices have. */
enum { PCI_VENDOR_REDHAT_QUMRANET = 0x1af4, PCI_VENDOR_REDHAT = 0x1b36,
       PCI_SUBDEVICE_QEMU = 0x1100 };

typedef struct PciDevice PciDevice;

typedef struct PciClass {
    uint16_t vendor_id, device_id;
    uint16_t subvendor_id, subdevice_id; /* 0: 1af4:1100 */
    uint8_t revision;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    uint8_t header_type; /* 0 */
    bool express;        /* 4 KiB of configuration space */
    /* After a write of configuration space was stored; may be NULL. */
    void (*config_written)(PciDevice *pci, unsigned offset, unsigned size);
    /* For windows into the device (virtio's PCI configuration access); may be NULL. Called
     * before the bytes are read. */
    void (*config_reading)(PciDevice *pci, unsigned offset, unsigned size);
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
    char *romfile;              /* property; "" or absent: none */
    uint32_t rombar;            /* property; nothing is in it either way */
    uint8_t devfn;
    uint8_t config[PCIE_CONFIG_SIZE];
    uint8_t wmask[PCIE_CONFIG_SIZE];   /* bits that the guest can write */
    uint8_t w1cmask[PCIE_CONFIG_SIZE];
    PciBar bars[PCI_BARS + 1];
    uint16_t caps_end;          /* where the next capability goes */
    uint16_t ext_caps_last;     /* 0: none */
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
    PROP(S, "romfile", m.romfile, PROP_STRING, NULL,                                           \
         "option ROM (no boards of these use one)"),                                           \
    PROP(S, "rombar", m.rombar, PROP_U32, "1", "accepted: there is no option ROM to show")

/* ---- for devices, in realize ---- */
/* region->size must be a power of two, at least 16 bytes (memory) or 4 (I/O). */
void pci_add_bar(PciDevice *pci, unsigned n, unsigned flags, MemoryRegion *region);
/* Zeroed room for a capability; its offset. `size` includes the id and the link. */
unsigned pci_add_capability(PciDevice *pci, uint8_t id, unsigned size);
/* INTA#. Without it (0 in the header) the device has no pin. */
void pci_use_intx(PciDevice *pci);
void pci_add_msi(PciDevice *pci, unsigned vectors);
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

/* ---- for host bridges ---- */
typedef struct PciBus {
    Bus *bus;
    PciDevice *devices[256];  /* by devfn */
    MemoryRegion *mem, *io;   /* where BARs go */
    /* pin 0..3 (INTA#..INTD#) after the swizzle of the root bus; changes only. */
    void (*set_intx)(void *opaque, int pin, int level);
    void *opaque;
    int intx_count[4];
} PciBus;

PciBus *pci_bus_new(Device *owner, const char *name, MemoryRegion *mem, MemoryRegion *io);
/* Configuration cycles; nothing there reads as ones. bus_nr 0 only: there are no bridges yet. */
uint32_t pci_config_read(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset,
                         unsigned size);
void pci_config_write(PciBus *b, unsigned bus_nr, unsigned devfn, unsigned offset, unsigned size,
                      uint32_t value);
Json *pci_query(void);        /* query-pci */
void pci_print(GString *out); /* info pci: the same as text */

/* ---- generic ECAM host bridge (hw/pci/gpex.c) ---- */
typedef struct GpexWindows {
    hwaddr ecam, ecam_size, mmio, mmio_size, high, high_size, pio; /* 64 KiB of ports */
} GpexWindows;
/* Maps a realized "gpex-pcihost"; its pins are INTA#..INTD#. */
void gpex_map(Device *dev, const GpexWindows *w);

#endif
