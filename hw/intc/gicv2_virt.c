/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv2: virtualization extensions (IHI 0048B, chapter 5): the virtual interface control
 * registers of the hypervisor (GICH) and the virtual CPU interface of its guest (GICV).
 *
 * Four list registers, 5 bits of priority, all of which decide about preemption. A guest sees one
 * security state, with both groups.
 */
#include "hw/intc/gicv2.h"
#include "util/bits.h"

enum { /* GICH_HCR */
    HCR_EN = 1, HCR_UIE = 2, HCR_LRENPIE = 4, HCR_NPIE = 8, HCR_VGRP0EIE = 16, HCR_VGRP0DIE = 32,
    HCR_VGRP1EIE = 64, HCR_VGRP1DIE = 128, HCR_EOICOUNT_SHIFT = 27,
};
#define HCR_MASK 0xf80000ffu
enum { MISR_EOI = 1 }; /* the others are where their enables are in GICH_HCR */
enum { VMCR_GRP0EN = 1, VMCR_GRP1EN = 2, VMCR_ACKCTL = 4, VMCR_FIQEN = 8, VMCR_CBPR = 16,
       VMCR_VEM = 1 << 9, VMCR_CTLR = 0x21f, VMCR_ABP_SHIFT = 18, VMCR_BP_SHIFT = 21,
       VMCR_PMR_SHIFT = 27 };
#define VMCR_MASK (VMCR_CTLR | 0xf8fc0000u)
#define LR_HW BIT(31)
#define LR_GRP1 BIT(30)
#define LR_ACTIVE BIT(29)
#define LR_PENDING BIT(28)
#define LR_STATE (LR_ACTIVE | LR_PENDING)
#define LR_EOI BIT(19) /* if not LR_HW */
enum { LR_PRIORITY_SHIFT = 23, LR_PHYS_SHIFT = 10 };
#define LR_MASK 0xff8fffffu
enum { MIN_BPR = 2, MIN_ABPR = 3 };

static Gicv2Cpu *current(Gicv2 *s)
{
    return &s->cpu[gicv2_current(s)];
}

static unsigned lr_id(uint32_t lr)
{
    return lr & 0x3ff;
}

static unsigned lr_priority(uint32_t lr)
{
    return (lr >> LR_PRIORITY_SHIFT & 31) << 3;
}

/* What GICV_IAR gives for it: an SGI comes with the processor that asked. */
static uint32_t lr_ack_id(uint32_t lr)
{
    bool sgi = lr_id(lr) < 16 && !(lr & LR_HW);
    return lr_id(lr) | (sgi ? lr & 7u << LR_PHYS_SHIFT : 0);
}

static uint8_t group_mask(const Gicv2Cpu *c, bool group1)
{
    if (group1 && !(c->vmcr & VMCR_CBPR))
        return (uint8_t)(0xff << (c->vmcr >> VMCR_ABP_SHIFT & 7));
    return (uint8_t)(0xff << ((c->vmcr >> VMCR_BP_SHIFT & 7) + 1));
}

static unsigned running_priority(const Gicv2Cpu *c)
{
    return c->vapr ? (unsigned)__builtin_ctz(c->vapr) << 3 : GIC_NO_PRIORITY;
}

/* The list register with the highest priority pending interrupt of an enabled group, or -1. */
static int highest(const Gicv2Cpu *c)
{
    unsigned best_priority = GIC_NO_PRIORITY;
    int best = -1;
    for (int i = 0; i < GICV2_LRS; i++) {
        uint32_t lr = c->lr[i];
        if ((lr & LR_STATE) != LR_PENDING ||
            !(c->vmcr & (lr & LR_GRP1 ? VMCR_GRP1EN : VMCR_GRP0EN)))
            continue;
        if (lr_priority(lr) < best_priority) {
            best_priority = lr_priority(lr);
            best = i;
        }
    }
    return best;
}

static bool signals(const Gicv2Cpu *c, int i)
{
    if (i < 0 || !(c->hcr & HCR_EN))
        return false;
    unsigned p = lr_priority(c->lr[i]);
    return p < (c->vmcr >> VMCR_PMR_SHIFT) << 3 &&
           (p & group_mask(c, c->lr[i] & LR_GRP1)) < running_priority(c);
}

/* ---- maintenance interrupt (5.3.4 to 5.3.6) ---- */

static uint32_t eisr(const Gicv2Cpu *c)
{
    uint32_t map = 0;
    for (unsigned i = 0; i < GICV2_LRS; i++)
        map |= (uint32_t)(!(c->lr[i] & (LR_STATE | LR_HW)) && (c->lr[i] & LR_EOI)) << i;
    return map;
}

static uint32_t elrsr(const Gicv2Cpu *c)
{
    uint32_t map = 0;
    for (unsigned i = 0; i < GICV2_LRS; i++)
        map |= (uint32_t)(!(c->lr[i] & LR_STATE) &&
                          ((c->lr[i] & LR_HW) || !(c->lr[i] & LR_EOI))) << i;
    return map;
}

static uint32_t misr(const Gicv2Cpu *c)
{
    unsigned valid = 0, pending = 0;
    for (unsigned i = 0; i < GICV2_LRS; i++) {
        valid += (c->lr[i] & LR_STATE) != 0;
        pending += (c->lr[i] & LR_STATE) == LR_PENDING;
    }
    uint32_t now = (valid < 2 ? HCR_UIE : 0) |
                   (c->hcr >> HCR_EOICOUNT_SHIFT ? HCR_LRENPIE : 0) | (pending ? 0 : HCR_NPIE) |
                   (c->vmcr & VMCR_GRP0EN ? HCR_VGRP0EIE : HCR_VGRP0DIE) |
                   (c->vmcr & VMCR_GRP1EN ? HCR_VGRP1EIE : HCR_VGRP1DIE);
    return (now & c->hcr) | (eisr(c) ? MISR_EOI : 0);
}

void gicv2_update_virtual(Gicv2 *s, unsigned cpu)
{
    const Gicv2Cpu *c = &s->cpu[cpu];
    IrqLine *out = &s->dev.irq[cpu * ARM_GIC_N_OUTS];
    int best = highest(c);
    bool on = signals(c, best);
    bool fiq = on && !(c->lr[best] & LR_GRP1) && (c->vmcr & VMCR_FIQEN);
    const int levels[][2] = {
        { ARM_GIC_OUT_VIRQ, on && !fiq },
        { ARM_GIC_OUT_VFIQ, fiq },
        { ARM_GIC_OUT_MAINT, (c->hcr & HCR_EN) && misr(c) },
    };
    for (unsigned i = 0; i < ARRAY_LEN(levels); i++)
        if (out[levels[i][0]].level != levels[i][1])
            irq_set(&out[levels[i][0]], levels[i][1]);
}

static void update(Gicv2 *s)
{
    gicv2_update_virtual(s, gicv2_current(s));
}

/* Binary points below what 5 bits of priority allow read as the least (5.3.3). */
static uint32_t valid_vmcr(uint32_t v)
{
    uint32_t bp = MAX(v >> VMCR_BP_SHIFT & 7, MIN_BPR), abp = MAX(v >> VMCR_ABP_SHIFT & 7, MIN_ABPR);
    v = bits_set(v & VMCR_MASK, VMCR_BP_SHIFT, 3, bp);
    return bits_set(v, VMCR_ABP_SHIFT, 3, abp);
}

void gicv2_virt_reset(Gicv2Cpu *c)
{
    c->vmcr = valid_vmcr(0);
}

void gicv2_virt_loaded(Gicv2Cpu *c)
{
    c->hcr &= HCR_MASK;
    c->vmcr = valid_vmcr(c->vmcr);
    for (unsigned i = 0; i < GICV2_LRS; i++)
        c->lr[i] &= LR_MASK;
}

/* ---- GICH ---- */

static uint64_t read_hcr(void *dev, unsigned i)
{
    return current(dev)->hcr;
}

static void write_hcr(void *dev, unsigned i, uint64_t v)
{
    current(dev)->hcr = v & HCR_MASK;
    update(dev);
}

static uint64_t read_vtr(void *dev, unsigned i)
{
    return 4u << 29 | 4u << 26 | (GICV2_LRS - 1);
}

static uint64_t read_vmcr(void *dev, unsigned i)
{
    return current(dev)->vmcr;
}

static void write_vmcr(void *dev, unsigned i, uint64_t v)
{
    current(dev)->vmcr = valid_vmcr(v);
    update(dev);
}

static uint64_t read_misr(void *dev, unsigned i)
{
    return misr(current(dev));
}

static uint64_t read_eisr(void *dev, unsigned i)
{
    return i ? 0 : eisr(current(dev));
}

static uint64_t read_elrsr(void *dev, unsigned i)
{
    return i ? 0 : elrsr(current(dev));
}

static uint64_t read_vapr(void *dev, unsigned i)
{
    return current(dev)->vapr;
}

static void write_vapr(void *dev, unsigned i, uint64_t v)
{
    current(dev)->vapr = v;
    update(dev);
}

static uint64_t read_lr(void *dev, unsigned i)
{
    return i < GICV2_LRS ? current(dev)->lr[i] : 0;
}

static void write_lr(void *dev, unsigned i, uint64_t v)
{
    if (i >= GICV2_LRS)
        return;
    current(dev)->lr[i] = v & LR_MASK;
    update(dev);
}

const Reg gicv2_hyp_regs[] = {
    REG_FN(0x100, GICH_LR, 4, .count = 64, .read = read_lr, .write = write_lr),
    REG_FN(0x000, GICH_HCR, 4, .read = read_hcr, .write = write_hcr),
    REG_FN(0x004, GICH_VTR, 4, .read = read_vtr),
    REG_FN(0x008, GICH_VMCR, 4, .read = read_vmcr, .write = write_vmcr),
    REG_FN(0x010, GICH_MISR, 4, .read = read_misr),
    REG_FN(0x020, GICH_EISR, 4, .count = 2, .read = read_eisr),
    REG_FN(0x030, GICH_ELRSR, 4, .count = 2, .read = read_elrsr),
    REG_FN(0x0f0, GICH_APR, 4, .read = read_vapr, .write = write_vapr),
    REG_END,
};

/* ---- GICV ---- */

static uint64_t read_vctlr(void *dev, unsigned i)
{
    return current(dev)->vmcr & VMCR_CTLR;
}

static void set_vmcr(void *dev, unsigned start, unsigned len, uint32_t v)
{
    Gicv2Cpu *c = current(dev);
    c->vmcr = valid_vmcr(bits_set(c->vmcr, start, len, v));
    update(dev);
}

static void write_vctlr(void *dev, unsigned i, uint64_t v)
{
    set_vmcr(dev, 0, 10, v & VMCR_CTLR);
}

static uint64_t read_vpmr(void *dev, unsigned i)
{
    return (current(dev)->vmcr >> VMCR_PMR_SHIFT) << 3;
}

static void write_vpmr(void *dev, unsigned i, uint64_t v)
{
    set_vmcr(dev, VMCR_PMR_SHIFT, 5, v >> 3);
}

static uint64_t read_vbpr(void *dev, unsigned i)
{
    return current(dev)->vmcr >> VMCR_BP_SHIFT & 7;
}

static void write_vbpr(void *dev, unsigned i, uint64_t v)
{
    set_vmcr(dev, VMCR_BP_SHIFT, 3, v);
}

static uint64_t read_vabpr(void *dev, unsigned i)
{
    return current(dev)->vmcr >> VMCR_ABP_SHIFT & 7;
}

static void write_vabpr(void *dev, unsigned i, uint64_t v)
{
    set_vmcr(dev, VMCR_ABP_SHIFT, 3, v);
}

/* Which INTID to show for list register i, or one of the special ones. */
static uint32_t shown(const Gicv2Cpu *c, int i, bool alias)
{
    if (i < 0 || (alias && !(c->lr[i] & LR_GRP1)))
        return GIC_ID_NONE;
    if (!alias && (c->lr[i] & LR_GRP1) && !(c->vmcr & VMCR_ACKCTL))
        return GIC_ID_NONSECURE;
    return lr_ack_id(c->lr[i]);
}

static uint32_t acknowledge(Gicv2 *s, bool alias)
{
    Gicv2Cpu *c = current(s);
    int i = highest(c);
    uint32_t id = signals(c, i) ? shown(c, i, alias) : GIC_ID_NONE;
    if ((id & 0x3ff) >= GIC_ID_NONSECURE)
        return id;
    uint8_t level = lr_priority(c->lr[i]) & group_mask(c, c->lr[i] & LR_GRP1);
    c->vapr |= 1u << (level >> 3);
    c->lr[i] = (c->lr[i] & ~LR_STATE) | LR_ACTIVE;
    update(s);
    return id;
}

static uint64_t read_viar(void *dev, unsigned i)
{
    return acknowledge(dev, false);
}

static uint64_t read_vaiar(void *dev, unsigned i)
{
    return acknowledge(dev, true);
}

static uint64_t read_vhppir(void *dev, unsigned i)
{
    const Gicv2Cpu *c = current(dev);
    return shown(c, highest(c), false);
}

static uint64_t read_vahppir(void *dev, unsigned i)
{
    const Gicv2Cpu *c = current(dev);
    return shown(c, highest(c), true);
}

static uint64_t read_vrpr(void *dev, unsigned i)
{
    unsigned p = running_priority(current(dev));
    return p == GIC_NO_PRIORITY ? GIC_IDLE_PRIORITY : p;
}

static void deactivate(Gicv2 *s, uint32_t v)
{
    Gicv2Cpu *c = current(s);
    for (unsigned i = 0; i < GICV2_LRS; i++) {
        uint32_t lr = c->lr[i];
        if (!(lr & LR_ACTIVE) || lr_ack_id(lr) != (v & 0x1fff))
            continue;
        c->lr[i] &= ~LR_ACTIVE;
        if (lr & LR_HW)
            gicv2_deactivate(s, gicv2_current(s), lr >> LR_PHYS_SHIFT & 0x3ff);
        return;
    }
    c->hcr += 1u << HCR_EOICOUNT_SHIFT; /* in no list register (5.3.1) */
}

/* Ends what has the highest active priority (5.2.1). */
static void end_of_interrupt(Gicv2 *s, uint32_t v)
{
    Gicv2Cpu *c = current(s);
    if ((v & 0x3ff) >= GICV2_MAX_IRQS || !c->vapr)
        return;
    c->vapr &= c->vapr - 1;
    if (!(c->vmcr & VMCR_VEM))
        deactivate(s, v);
    update(s);
}

static void write_veoir(void *dev, unsigned i, uint64_t v)
{
    end_of_interrupt(dev, v);
}

static void write_vdir(void *dev, unsigned i, uint64_t v)
{
    if (!(current(dev)->vmcr & VMCR_VEM) || (v & 0x3ff) >= GICV2_MAX_IRQS)
        return;
    deactivate(dev, v);
    update(dev);
}

static uint64_t read_viidr(void *dev, unsigned i)
{
    return GICV2_IIDR;
}

const Reg gicv2_vcpu_regs[] = {
    REG_FN(0x0c, GICV_IAR, 4, .read = read_viar),
    REG_FN(0x10, GICV_EOIR, 4, .write = write_veoir),
    REG_FN(0x00, GICV_CTLR, 4, .read = read_vctlr, .write = write_vctlr),
    REG_FN(0x04, GICV_PMR, 4, .read = read_vpmr, .write = write_vpmr),
    REG_FN(0x08, GICV_BPR, 4, .read = read_vbpr, .write = write_vbpr),
    REG_FN(0x14, GICV_RPR, 4, .read = read_vrpr),
    REG_FN(0x18, GICV_HPPIR, 4, .read = read_vhppir),
    REG_FN(0x1c, GICV_ABPR, 4, .read = read_vabpr, .write = write_vabpr),
    REG_FN(0x20, GICV_AIAR, 4, .read = read_vaiar),
    REG_FN(0x24, GICV_AEOIR, 4, .write = write_veoir),
    REG_FN(0x28, GICV_AHPPIR, 4, .read = read_vahppir),
    REG_FN(0xd0, GICV_APR, 4, .read = read_vapr, .write = write_vapr),
    REG_FN(0xfc, GICV_IIDR, 4, .read = read_viidr),
    REG_FN(0x1000, GICV_DIR, 4, .write = write_vdir),
    REG_END,
};
