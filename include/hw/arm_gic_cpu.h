/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between an A64 processor and a GICv3: the system registers of the interrupt controller, which
 * the processor decodes and the controller implements (IHI 0069, chapters 9 and 12).
 */
#ifndef HW_ARM_GIC_CPU_H
#define HW_ARM_GIC_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* An encoding: op0..op2 of MRS/MSR in one number. */
#define ARM_SYSREG(op0, op1, crn, crm, op2)                                                    \
    ((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))
/* How the processor stands at an access. */
typedef struct ArmGicView {
    unsigned el;
    bool secure;     /* security state of that level */
    uint64_t scr_el3, hcr_el2; /* effective values; 0 where the level doesn't exist */
} ArmGicView;
typedef enum ArmGicAccess {
    ARM_GIC_OK, ARM_GIC_UNDEF,
    ARM_GIC_TRAP_EL1, ARM_GIC_TRAP_EL2, ARM_GIC_TRAP_EL3, /* as a trapped MRS or MSR */
} ArmGicAccess;
typedef struct ArmGicOps {
    /* ICC_*, ICV_* and ICH_* registers. On the vCPU's thread, main lock held. */
    ArmGicAccess (*read)(void *opaque, uint32_t sysreg, const ArmGicView *view, uint64_t *value);
    ArmGicAccess (*write)(void *opaque, uint32_t sysreg, const ArmGicView *view, uint64_t value);
    /* The processor's level, security state or interrupt routing changed in a way that decides
     * between IRQ and FIQ; NULL: of no interest. Main lock held. */
    void (*view_changed)(void *opaque, const ArmGicView *view);
    /* The processor was without power, and so was its CPU interface. Main lock held. */
    void (*reset)(void *opaque);
} ArmGicOps;

#endif
