/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map and interrupts of the riscv "virt" board, and what its files share. */
#ifndef HW_BOARD_RISCV_VIRT_H
#define HW_BOARD_RISCV_VIRT_H

#include "hw/board.h"
#include "softmmu/boot.h"
#include "softmmu/fdt.h"

enum { VIRT_MAX_CPUS = 64, VIRT_VIRTIO_COUNT = 8, VIRT_PLIC_SOURCES = 96, VIRT_FLASH_COUNT = 2 };

typedef enum VirtArea {
    VIRT_MROM, VIRT_TEST, VIRT_RTC, VIRT_CLINT, VIRT_PCIE_PIO, VIRT_PLIC, VIRT_UART0, VIRT_VIRTIO,
    VIRT_FW_CFG, VIRT_FLASH, VIRT_PCIE_ECAM, VIRT_PCIE_MMIO, VIRT_DRAM, VIRT_AREAS,
} VirtArea;

typedef struct VirtRow {
    hwaddr base, size;
    unsigned irq;  /* PLIC source; 0: none. VIRTIO and PCIE_ECAM: the first of several */
    unsigned count; /* of equal devices, `size` apart; 0 stands for 1 */
} VirtRow;

extern const VirtRow virt_map[VIRT_AREAS];

typedef struct RiscvVirt {
    MemoryRegion mrom;
    Device *clint, *plic, *flash[VIRT_FLASH_COUNT];
    hwaddr pcie_high_base, pcie_high_size;
} RiscvVirt;

/* riscv_virt_fdt.c: the tree without /chosen's boot part. */
DeviceTree *riscv_virt_fdt(Machine *m);
/* riscv_virt_boot.c: loads firmware, kernel, initrd and tree; writes the reset vector. */
bool riscv_virt_boot(Machine *m, GError **error);

#endif
