/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map and interrupts of the arm "virt" board, and what its files share. */
#ifndef HW_BOARD_ARM_VIRT_H
#define HW_BOARD_ARM_VIRT_H

#include "hw/board.h"
#include "softmmu/acpi.h"
#include "softmmu/boot.h"
#include "softmmu/fdt.h"
#include "target/arm.h"

enum { ARM_VIRT_MAX_CPUS = 512, ARM_VIRT_SPIS = 256, ARM_VIRT_V2M_SPIS = 64,
       ARM_VIRT_UART_CLOCK = 24000000, ARM_VIRT_POWER_LINE = 3 };

/* Private peripheral interrupts, by INTID (Arm BSA, table of PPI assignments). */
enum { ARM_VIRT_PPI_PMU = 23, ARM_VIRT_PPI_MAINTENANCE = 25, ARM_VIRT_PPI_TIMER_HYP = 26,
       ARM_VIRT_PPI_TIMER_VIRT = 27, ARM_VIRT_PPI_TIMER_HYPVIRT = 28, ARM_VIRT_PPI_TIMER_SEC = 29,
       ARM_VIRT_PPI_TIMER_PHYS = 30 };

typedef enum ArmVirtArea {
    AV_FLASH, AV_GIC_DIST, AV_GIC_CPU, AV_GIC_V2M, AV_GIC_HYP, AV_GIC_VCPU, AV_ITS, AV_REDIST,
    AV_UART0, AV_RTC, AV_FW_CFG, AV_GPIO, AV_UART1, AV_GED, AV_SECURE_GPIO, AV_VIRTIO,
    AV_SECURE_RAM, AV_PCIE_MMIO, AV_PCIE_PIO, AV_PCIE_ECAM, AV_RAM,
    /* Behind RAM; their bases depend on its size. */
    AV_HIGH_REDIST, AV_HIGH_ECAM, AV_HIGH_MMIO,
    AV_AREAS
} ArmVirtArea;

typedef struct ArmVirtRow {
    hwaddr base, size;
    unsigned spi;   /* interrupt (INTID - 32); VIRTIO, PCIE_ECAM: the first of several */
    unsigned count; /* of equal devices, `size` apart; 0 stands for 1 */
} ArmVirtRow;

typedef struct ArmVirt {
    ArmVirtRow map[AV_AREAS];   /* size 0: not there */
    unsigned gic_version;       /* 2 or 3 */
    bool secure, virtualization, its, acpi, randomness;
    bool kaslr_seed;
    bool highmem, highmem_ecam, highmem_mmio, highmem_redists;
    bool firmware;              /* -bios, or an image in the first flash */
    bool uart1;                 /* the second UART, for the normal world */
    ArmPsciConduit psci;
    unsigned redist_count[2];
    char oem_id[7], oem_table_id[9];
    MemoryRegion secure_ram;
    Device *gic, *msi, *flash[2], *gpio, *secure_gpio, *ged, *power_key;
    hwaddr entry, fdt;          /* direct boot; entry 0: from flash */
    bool linux_kernel;          /* entry is that of a Linux Image */
} ArmVirt;

static inline ArmVirt *arm_virt(Machine *m)
{
    return m->board_state;
}
/* Aff3..Aff0: how device tree, ACPI and GIC name a processor. */
static inline uint64_t arm_virt_affinity(Cpu *cpu)
{
    return arm_cpu_mpidr(cpu) & 0xff00ffffff;
}
/* The configuration space in use, with its interrupts in the row of AV_PCIE_ECAM. */
static inline const ArmVirtRow *arm_virt_ecam(const ArmVirt *s)
{
    return &s->map[s->map[AV_HIGH_ECAM].size ? AV_HIGH_ECAM : AV_PCIE_ECAM];
}

/* arm_virt_options.c: -machine options and what follows from them for the map. */
bool arm_virt_options(Machine *m, GError **error);
bool arm_virt_place_high(Machine *m, GError **error); /* needs the CPUs */
extern const char *const arm_virt_option_names[];
/* arm_virt_fdt.c */
DeviceTree *arm_virt_fdt(Machine *m);
/* The PSCI node as this machine has it, in a tree of any origin. */
void arm_virt_fdt_psci(DeviceTree *dt, const ArmVirt *s);
/* arm_virt_boot.c: loads firmware, kernel, initrd and tree; decides who answers PSCI calls. */
bool arm_virt_boot(Machine *m, GError **error);
/* arm_virt_acpi.c, arm_virt_dsdt.c: what firmware hands on, in fw_cfg. */
bool arm_virt_acpi(Machine *m, GError **error);
uint32_t arm_virt_dsdt(AcpiTables *t, Machine *m);
bool arm_virt_smbios(Machine *m, GError **error);

#endif
