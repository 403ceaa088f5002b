/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between pci.c and msi.c. */
#ifndef HW_PCI_PCI_INTERNAL_H
#define HW_PCI_PCI_INTERNAL_H

#include "hw/pci.h"

void pci_msi_config_written(PciDevice *pci, unsigned offset, unsigned size);
void pci_msi_reset(PciDevice *pci);
void pci_msi_free(PciDevice *pci);

#endif
