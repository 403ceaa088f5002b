/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this folder. */
#ifndef HW_PCI_PCI_INTERNAL_H
#define HW_PCI_PCI_INTERNAL_H

#include "hw/pci.h"

void pci_msi_config_written(PciDevice *pci, unsigned offset, unsigned size);
void pci_msi_reset(PciDevice *pci);
void pci_msi_free(PciDevice *pci);

/* Where the BAR decodes; false: nowhere. */
bool pci_bar_address(const PciDevice *pci, unsigned n, hwaddr *addr);
PciBus *pci_bus_at(unsigned i);              /* in order of creation; NULL past the last */
const char *pci_class_name(uint16_t class_code); /* or NULL */

#endif
