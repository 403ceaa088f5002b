/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm generic interrupt controllers, as boards see them.
 *
 *   type            properties (QEMU's)
 *   arm_gic         num-cpu (1..8), num-irq (with the 32 private ones), has-security-extensions,
 *                   has-virtualization-extensions
 *   arm-gicv2m      base-spi, num-spi; pin n is SPI base-spi - 32 + n
 *   arm-gicv3       num-cpu (1..512), num-irq, has-security-extensions (EL3 exists),
 *                   has-virtualization-extensions (EL2 exists), has-lpi,
 *                   redist-region-count[0], redist-region-count[1] (0: all in the first)
 *   arm-gicv3-its   none; arm_its_set_gic before realize
 *
 * After realize the board connects the pins and maps the regions. Region 0 (dev->mmio) is the
 * distributor, the frame of the ITS, the frame of GICv2m.
 *
 * Device tree: arm_gic is "arm,cortex-a15-gic" (reg: distributor 64 KiB apart, CPU interface
 * [, GICH, GICV]); arm-gicv3 "arm,gic-v3" (reg: distributor, redistributor regions;
 * #redistributor-regions); both have #interrupt-cells 3 and, with virtualization, interrupts
 * <1 9 4>. arm-gicv2m is "arm,gic-v2m-frame" with msi-controller; arm-gicv3-its is
 * "arm,gic-v3-its" with msi-controller and #msi-cells 1, device IDs being the PCI requester IDs.
 */
#ifndef HW_ARM_GIC_H
#define HW_ARM_GIC_H

#include "hw/arm_gic_cpu.h"
#include "hw/device.h"

enum {
    ARM_GICV2_MAX_CPUS = 8,
    ARM_GICV3_MAX_CPUS = 512,
    ARM_GICV2_DIST_SIZE = 0x1000,
    ARM_GICV2_CPU_SIZE = 0x2000,
    ARM_GICV2_HYP_SIZE = 0x1000,
    ARM_GICV3_DIST_SIZE = 0x10000,
    ARM_GICV3_REDIST_SIZE = 0x20000, /* of one processor */
    ARM_GICV2M_SIZE = 0x1000,
    ARM_ITS_SIZE = 0x20000,
};

/* --- arm_gic and arm-gicv3 --- */

/* Inputs. SPI n is also device_gpio_in(gic, n); PPIs have their INTID, 16 to 31. */
IrqSink arm_gic_spi(Device *gic, unsigned n);
IrqSink arm_gic_ppi(Device *gic, unsigned cpu, unsigned intid);

/* Output pins of processor `cpu`; maintenance is for PPI 25 of the same processor. */
enum { ARM_GIC_OUT_IRQ, ARM_GIC_OUT_FIQ, ARM_GIC_OUT_VIRQ, ARM_GIC_OUT_VFIQ, ARM_GIC_OUT_MAINT,
       ARM_GIC_N_OUTS };
IrqLine *arm_gic_output(Device *gic, unsigned cpu, int out);

/*
 * Regions, to be added to memory where the board wants them. ARM_GIC_REDIST + i is redistributor
 * region i of a GICv3. ARM_GIC_HYP and ARM_GIC_VCPU (a GICv2's) exist with virtualization only.
 * Whether an access is secure is known from memory_initiator (softmmu/memory.h).
 */
enum { ARM_GIC_DIST, ARM_GIC_CPU, ARM_GIC_HYP, ARM_GIC_VCPU, ARM_GIC_REDIST };
MemoryRegion *arm_gic_region(Device *gic, int which);

/* A kernel starts in non-secure state without firmware: at reset all interrupts are its own. */
void arm_gic_set_reset_nonsecure(Device *gic, bool on);

/* --- arm-gicv3 --- */
/* Aff3..Aff0 as in MPIDR_EL1, before realize; by default 16 processors per cluster. */
void arm_gicv3_set_affinity(Device *gic, unsigned cpu, uint64_t affinity);
/* For arm_cpu_set_gic(cpus[i], &arm_gicv3_cpu_ops, arm_gicv3_cpu(gic, i)); after realize. */
extern const ArmGicOps arm_gicv3_cpu_ops;
void *arm_gicv3_cpu(Device *gic, unsigned cpu);

/* --- arm-gicv3-its --- */
void arm_its_set_gic(Device *its, Device *gic);

#endif
