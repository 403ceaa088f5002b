/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the Arm interrupt controllers share behind include/hw/arm_gic.h. */
#ifndef HW_INTC_ARM_GIC_INT_H
#define HW_INTC_ARM_GIC_INT_H

#include "hw/arm_gic.h"

enum {
    GIC_PPI_GPIO = 1024,    /* input 1024 + 32 * cpu + INTID of a private interrupt */
    GIC_ID_NONSECURE = 1022,/* special INTIDs */
    GIC_ID_NONE = 1023,
    GIC_IDLE_PRIORITY = 0xff,
    GIC_NO_PRIORITY = 0x100, /* lower than every interrupt's */
};

/* For `info pic`: 32 interrupts from INTID `first` on, of which those are shown that wait. */
typedef struct GicShown {
    unsigned first;
    uint32_t pending, active, enabled, level, group;
    const uint8_t *priority;
    void (*target)(void *opaque, unsigned irq, GString *out); /* says where it goes; or NULL */
    void *opaque;
} GicShown;
void gic_show(const GicShown *g, GString *out);

/* class_data of the device types. */
typedef struct ArmGicClass {
    MemoryRegion *(*region)(Device *gic, int which);
    void (*set_reset_nonsecure)(Device *gic, bool on);
} ArmGicClass;

/* Non-secure software sees the lower half of the priorities as all there are (IHI 0048, 3.8). */
static inline uint8_t gic_priority_to_ns(uint8_t priority)
{
    return (uint8_t)(priority << 1);
}

static inline uint8_t gic_priority_from_ns(uint8_t priority)
{
    return priority >> 1 | 0x80;
}

/* The ID registers of Arm's components, at 0xfd0 of a 4 KiB frame or 0xffd0 of a 64 KiB one. */
enum { GIC_ID_REGS = 12 };
static inline uint64_t gic_id_reg(unsigned i, uint8_t arch_rev, uint16_t part)
{
    const uint8_t id[GIC_ID_REGS] = {
        0x44 * (arch_rev > 2) + 0x04 * (arch_rev <= 2), 0, 0, 0, (uint8_t)part,
        (uint8_t)(0xb0 | part >> 8), (uint8_t)(arch_rev << 4 | 0xb), 0, 0x0d, 0xf0, 0x05, 0xb1,
    };
    return i < GIC_ID_REGS ? id[i] : 0;
}

#endif
