/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv2: what its files share.
 *
 * Interrupts live in slots of 32: slots 0 to 7 hold the private interrupts (SGIs and PPIs) of
 * each processor, slot 7 + w those with INTIDs 32 * w and on. A bitmap has a word per slot.
 */
#ifndef HW_INTC_GICV2_H
#define HW_INTC_GICV2_H

#include "hw/intc/arm_gic_int.h"

enum {
    GICV2_MAX_CPUS = ARM_GICV2_MAX_CPUS,
    GICV2_MAX_IRQS = 1020,
    GICV2_WORDS = 32,
    GICV2_SLOTS = GICV2_MAX_CPUS + GICV2_WORDS - 1,
    GICV2_LRS = 4,
    GICV2_MIN_BPR = 0, /* 8 bits of priority */
    GICV2_MIN_ABPR = 1,
    GICV2_IIDR = 0x0002043b, /* Arm, architecture 2 */
};

/* GICD_CTLR and, of these, GICC_CTLR and GICV_CTLR (IHI 0048, 4.3.1, 4.4.1). */
enum {
    GICV2_ENABLE_GRP0 = 1, GICV2_ENABLE_GRP1 = 2, GICV2_ACK_CTL = 4, GICV2_FIQ_EN = 8,
    GICV2_CBPR = 16, GICV2_EOI_MODE = 1 << 9, GICV2_EOI_MODE_NS = 1 << 10,
};

/* The highest priority pending interrupt of a slot, as one processor sees it. */
typedef struct Gicv2Best {
    uint16_t priority; /* GIC_NO_PRIORITY: none */
    uint16_t irq;
} Gicv2Best;

typedef struct Gicv2Cpu {
    uint32_t ctlr, pmr, bpr, abpr;
    uint32_t apr[4], nsapr[4];
    uint8_t sgi_sources[16]; /* pending SGIs: a bit per processor that asked */
    /* Virtual interface control block. */
    uint32_t hcr, vmcr, vapr;
    uint32_t lr[GICV2_LRS];
} Gicv2Cpu;

typedef struct Gicv2 {
    Device dev;
    uint32_t num_cpu, num_irq, revision;
    bool security, virtualization; /* properties */
    bool reset_nonsecure;

    uint32_t ctlr;
    uint32_t enabled[GICV2_SLOTS];
    uint32_t latch[GICV2_SLOTS]; /* pending by an edge or GICD_ISPENDR */
    uint32_t level[GICV2_SLOTS]; /* input pins */
    uint32_t active[GICV2_SLOTS];
    uint32_t group[GICV2_SLOTS];
    uint32_t edge[GICV2_SLOTS];
    uint8_t priority[GICV2_SLOTS * 32];
    uint8_t targets[GICV2_SLOTS * 32]; /* of SPIs */
    Gicv2Cpu cpu[GICV2_MAX_CPUS];

    /* Derived. */
    uint32_t targeted[GICV2_MAX_CPUS][GICV2_WORDS]; /* bitmaps of .targets */
    Gicv2Best best[GICV2_MAX_CPUS][GICV2_WORDS];
    uint32_t nonempty[GICV2_MAX_CPUS];              /* words that have a best */

    MemoryRegion cpu_mr, hyp_mr, vcpu_mr;
} Gicv2;

static inline unsigned gicv2_slot(unsigned cpu, unsigned word)
{
    return word ? GICV2_MAX_CPUS - 1 + word : cpu;
}

/* Index of an interrupt into .priority and .targets. */
static inline unsigned gicv2_index(unsigned cpu, unsigned irq)
{
    return gicv2_slot(cpu, irq / 32) * 32 + irq % 32;
}

static inline bool gicv2_bit(const uint32_t *map, unsigned cpu, unsigned irq)
{
    return map[gicv2_slot(cpu, irq / 32)] >> (irq % 32) & 1;
}

/* The processor that makes this access. */
static inline unsigned gicv2_current(const Gicv2 *s)
{
    return memory_initiator.cpu < s->num_cpu ? memory_initiator.cpu : 0;
}

/* Is this access a non-secure one, where that makes a difference? */
static inline bool gicv2_ns(const Gicv2 *s)
{
    return s->security && !memory_initiator.secure;
}

/* ---- gicv2.c ---- */
/* After a change of interrupts of a word (of `cpu`'s, if it is word 0). */
void gicv2_word_changed(Gicv2 *s, unsigned cpu, unsigned word);
void gicv2_all_changed(Gicv2 *s);
Gicv2Best gicv2_highest(const Gicv2 *s, unsigned cpu);
/* Drives the outputs of a processor. */
void gicv2_update_cpu(Gicv2 *s, unsigned cpu);
void gicv2_set_targets(Gicv2 *s, unsigned irq, uint8_t targets);
uint32_t gicv2_pending(const Gicv2 *s, unsigned slot);

/* ---- gicv2_dist.c ---- */
extern const Reg gicv2_dist_regs[];

/* ---- gicv2_cpu.c ---- */
extern const Reg gicv2_cpu_regs[];
unsigned gicv2_running_priority(const Gicv2Cpu *c);
/* Is `irq` of that priority to be signalled? */
bool gicv2_cpu_signals(const Gicv2 *s, unsigned cpu, Gicv2Best best);
void gicv2_deactivate(Gicv2 *s, unsigned cpu, unsigned irq);

/* ---- gicv2_info.c ---- */
void gicv2_info(void *dev, GString *out);

/* ---- gicv2_virt.c ---- */
extern const Reg gicv2_hyp_regs[], gicv2_vcpu_regs[];
/* Drives the virtual and maintenance outputs. */
void gicv2_update_virtual(Gicv2 *s, unsigned cpu);
void gicv2_virt_reset(Gicv2Cpu *c);
void gicv2_virt_loaded(Gicv2Cpu *c);

#endif
