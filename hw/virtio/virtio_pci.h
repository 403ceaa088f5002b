/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of virtio-pci share. */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "backend/block.h"
#include "hw/pci.h"
#include "hw/virtio.h"

/* BAR 4; each part has a page. */
enum {
    VIRTIO_PCI_PART = 0x1000, VIRTIO_PCI_COMMON = 0x0000, VIRTIO_PCI_ISR = 0x1000,
    VIRTIO_PCI_DEVICE = 0x2000, VIRTIO_PCI_NOTIFY = 0x3000, VIRTIO_PCI_MODERN_SIZE = 0x4000,
    VIRTIO_PCI_NOTIFY_STEP = 4,
};

/* Followed by a struct of the child's type, of which only the properties are used. */
typedef struct VirtioPci {
    PciDevice pci;
    Bus *bus;
    VirtioDevice *child;
    MemoryRegion legacy, modern;
    unsigned cfg_cap;       /* 0: none */
    /* registers */
    uint32_t device_feature_sel, driver_feature_sel, features[2];
    uint16_t queue_sel;
    /* properties */
    int disable_legacy;     /* on/off/auto */
    bool disable_modern, ioeventfd, page_per_vq, ats;
    uint32_t vectors;
} __attribute__((aligned(16))) VirtioPci;

extern const StateField virtio_pci_state[];
bool virtio_pci_realize(VirtioPci *p, const DeviceType *child, GError **error);
void virtio_pci_unrealize(VirtioPci *p);
void virtio_pci_reset(VirtioPci *p);
void virtio_pci_config_reading(PciDevice *pci, unsigned offset, unsigned size);
void virtio_pci_config_written(PciDevice *pci, unsigned offset, unsigned size);
void virtio_pci_master_changed(PciDevice *pci);
uint8_t virtio_pci_read_isr(VirtioPci *p);
uint16_t virtio_pci_vector(VirtioPci *p, uint16_t vector);

/* virtio_pci_regs.c; opaque is the VirtioPci */
extern const MmioOps virtio_pci_legacy_ops, virtio_pci_modern_ops;

#endif
