/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/pci share. */
#ifndef HW_PCI_PCI_INTERNAL_H
#define HW_PCI_PCI_INTERNAL_H

#include "hw/pci.h"

static inline const PciClass *pci_class(const PciDevice *pci)
{
    return pci->dev.type->class_data;
}

/* ---- pci.c: one function ---- */
void pci_device_init(PciDevice *pci);        /* before realize: the header */
void pci_device_reset(PciDevice *pci);
void pci_device_update_bars(PciDevice *pci);
void pci_device_update_intx(PciDevice *pci);
unsigned pci_config_size(const PciDevice *pci);
uint32_t pci_device_config_read(PciDevice *pci, unsigned offset, unsigned size);
void pci_device_config_write(PciDevice *pci, unsigned offset, unsigned size, uint32_t value);

/* ---- bus.c ---- */
/* The root bus, and the pin (0: INTA#) that pin `pin` of the device is there. */
PciBus *pci_route_pin(const PciDevice *pci, unsigned *pin);
/* The bus gets cycles: no bridge above it is without power or held in reset. */
bool pci_bus_reached(const PciBus *b);

/* ---- bridge.c ---- */
enum { PCI_WINDOW_IO, PCI_WINDOW_MEMORY, PCI_WINDOW_PREF, PCI_WINDOWS };
/* base > limit: closed */
typedef struct PciWindow {
    uint64_t base, limit;
} PciWindow;
void pci_bridge_windows(const PciDevice *pci, PciWindow w[PCI_WINDOWS]);

/* ---- rom.c ---- */
bool pci_rom_add(PciDevice *pci, GError **error); /* after its own realize */
void pci_rom_free(PciDevice *pci);

/* ---- msi.c ---- */
void pci_msi_config_written(PciDevice *pci, unsigned offset, unsigned size);
void pci_msi_reset(PciDevice *pci);
void pci_msi_free(PciDevice *pci);
/* A message is under way. */
bool pci_message_sending(void);

#endif
