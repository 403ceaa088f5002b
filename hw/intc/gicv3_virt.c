/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: the virtual CPU interfaces (IHI 0069, chapter 6): ICH_* of the hypervisor, and ICV_*,
 * which its guest finds behind the names of ICC_*.
 *
 * Four list registers, 5 bits of priority, all of which decide about preemption.
 */
#include "hw/intc/gicv3.h"
#include "util/bits.h"

enum { HCR_EN = 1, HCR_UIE = 2, HCR_LRENPIE = 4, HCR_NPIE = 8, HCR_VGRP0EIE = 16,
       HCR_VGRP0DIE = 32, HCR_VGRP1EIE = 64, HCR_VGRP1DIE = 128, HCR_TSEI = 1 << 13,
       HCR_EOICOUNT_SHIFT = 27 };
#define HCR_MASK (0xf80000ffu | GICV3_HCR_TC | GICV3_HCR_TALL0 | GICV3_HCR_TALL1 | HCR_TSEI |     \
                  GICV3_HCR_TDIR)
enum { MISR_EOI = 1 }; /* the others are where their enables are in ICH_HCR_EL2 */
enum { VMCR_ENG0 = 1, VMCR_ENG1 = 2, VMCR_FIQEN = 8, VMCR_CBPR = 16, VMCR_EOIM = 1 << 9,
       VMCR_BPR1_SHIFT = 18, VMCR_BPR0_SHIFT = 21, VMCR_PMR_SHIFT = 24 };
#define VMCR_MASK 0xf8fc0213u
#define LR_ACTIVE BIT(63)
#define LR_PENDING BIT(62)
#define LR_STATE (LR_ACTIVE | LR_PENDING)
#define LR_HW BIT(61)
#define LR_GROUP1 BIT(60)
#define LR_EOI BIT(41) /* if not LR_HW */
#define LR_MASK (LR_STATE | LR_HW | LR_GROUP1 | 0xf8ull << 48 | 0x1fffull << 32 | 0xffffffffull)
enum { VCTLR_FIXED = (GICV3_PRIORITY_BITS - 1) << 8 | 1 << 11 | 1 << 15, VCTLR_CBPR = 1,
       VCTLR_EOIMODE = 2 };

static uint32_t lr_id(uint64_t lr)
{
    return (uint32_t)lr;
}

static unsigned lr_priority(uint64_t lr)
{
    return bits_get(lr, 48, 8);
}

static unsigned vbpr(const Gicv3Cpu *c, unsigned group)
{
    return c->vmcr >> (group ? VMCR_BPR1_SHIFT : VMCR_BPR0_SHIFT) & 7;
}

static uint8_t group_mask(const Gicv3Cpu *c, unsigned group)
{
    if (group && !(c->vmcr & VMCR_CBPR))
        return (uint8_t)(0xff << vbpr(c, 1));
    return (uint8_t)(0xff << (vbpr(c, 0) + 1));
}

static unsigned running_priority(const Gicv3Cpu *c)
{
    uint32_t apr = c->vapr[0] | c->vapr[1];
    return apr ? (unsigned)__builtin_ctz(apr) << 3 : GIC_NO_PRIORITY;
}

/* The list register with the highest priority pending interrupt of an enabled group, or -1. */
static int highest(const Gicv3Cpu *c)
{
    unsigned best_priority = GIC_NO_PRIORITY;
    int best = -1;
    for (int i = 0; i < GICV3_LRS; i++) {
        uint64_t lr = c->lr[i];
        if ((lr & LR_STATE) != LR_PENDING ||
            !(c->vmcr & (lr & LR_GROUP1 ? VMCR_ENG1 : VMCR_ENG0)))
            continue;
        if (lr_priority(lr) < best_priority) {
            best_priority = lr_priority(lr);
            best = i;
        }
    }
    return best;
}

static bool signals(const Gicv3Cpu *c, int i)
{
    if (i < 0 || !(c->hcr & HCR_EN))
        return false;
    unsigned p = lr_priority(c->lr[i]), running = running_priority(c);
    uint8_t mask = group_mask(c, !!(c->lr[i] & LR_GROUP1));
    return p < c->vmcr >> VMCR_PMR_SHIFT &&
           (running == GIC_NO_PRIORITY || (p & mask) < (running & mask));
}

/* ---- maintenance interrupt (6.5) ---- */

static uint32_t eisr(const Gicv3Cpu *c)
{
    uint32_t map = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++)
        map |= (uint32_t)(!(c->lr[i] & (LR_STATE | LR_HW)) && (c->lr[i] & LR_EOI)) << i;
    return map;
}

static uint32_t elrsr(const Gicv3Cpu *c)
{
    uint32_t map = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++)
        map |= (uint32_t)(!(c->lr[i] & LR_STATE) &&
                          ((c->lr[i] & LR_HW) || !(c->lr[i] & LR_EOI))) << i;
    return map;
}

static uint32_t misr(const Gicv3Cpu *c)
{
    unsigned valid = 0, pending = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++) {
        valid += (c->lr[i] & LR_STATE) != 0;
        pending += (c->lr[i] & LR_STATE) == LR_PENDING;
    }
    uint32_t now = (valid < 2 ? HCR_UIE : 0) |
                   (c->hcr >> HCR_EOICOUNT_SHIFT ? HCR_LRENPIE : 0) | (pending ? 0 : HCR_NPIE) |
                   (c->vmcr & VMCR_ENG0 ? HCR_VGRP0EIE : HCR_VGRP0DIE) |
                   (c->vmcr & VMCR_ENG1 ? HCR_VGRP1EIE : HCR_VGRP1DIE);
    return (now & c->hcr) | (eisr(c) ? MISR_EOI : 0);
}

void gicv3_update_virtual(Gicv3Cpu *c)
{
    int best = highest(c);
    bool on = signals(c, best), group1 = on && (c->lr[best] & LR_GROUP1);
    gicv3_drive(c, ARM_GIC_OUT_VIRQ, group1);
    gicv3_drive(c, ARM_GIC_OUT_VFIQ, on && !group1);
    gicv3_drive(c, ARM_GIC_OUT_MAINT, (c->hcr & HCR_EN) && misr(c));
}

/* ICH_VMCR_EL2.VFIQEn is one: system registers are the only interface. */
static uint32_t valid_vmcr(uint32_t v)
{
    uint32_t bpr0 = MAX(v >> VMCR_BPR0_SHIFT & 7, GICV3_MIN_BPR);
    uint32_t bpr1 = MAX(v >> VMCR_BPR1_SHIFT & 7, GICV3_MIN_BPR + 1);
    v = bits_set(v & VMCR_MASK, VMCR_BPR0_SHIFT, 3, bpr0);
    return bits_set(v, VMCR_BPR1_SHIFT, 3, bpr1) | VMCR_FIQEN;
}

void gicv3_virt_reset(Gicv3Cpu *c)
{
    c->hcr = c->vapr[0] = c->vapr[1] = 0;
    c->vmcr = valid_vmcr(0);
    for (unsigned i = 0; i < GICV3_LRS; i++)
        c->lr[i] = 0;
}

void gicv3_virt_loaded(Gicv3Cpu *c)
{
    c->hcr &= HCR_MASK;
    c->vmcr = valid_vmcr(c->vmcr);
    for (unsigned i = 0; i < GICV3_LRS; i++)
        c->lr[i] &= LR_MASK;
}

/* ---- ICH ---- */

uint64_t gicv3_read_hcr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->hcr;
}

void gicv3_write_hcr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    c->hcr = value & HCR_MASK;
    gicv3_update_virtual(c);
}

/* No GICv4, affinity 3 can be used, ICH_HCR_EL2.TDIR exists, 24 bits of INTIDs. */
uint64_t gicv3_read_vtr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return (GICV3_LRS - 1) | 1 << 19 | 1 << 20 | 1 << 21 | 1 << 23 |
           (uint64_t)(GICV3_PRIORITY_BITS - 1) << 26 | (uint64_t)(GICV3_PRIORITY_BITS - 1) << 29;
}

uint64_t gicv3_read_vmcr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->vmcr;
}

void gicv3_write_vmcr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    c->vmcr = valid_vmcr(value);
    gicv3_update_virtual(c);
}

uint64_t gicv3_read_misr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return misr(c);
}

uint64_t gicv3_read_eisr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return eisr(c);
}

uint64_t gicv3_read_elrsr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return elrsr(c);
}

uint64_t gicv3_read_lr(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    return c->lr[n];
}

void gicv3_write_lr(Gicv3Cpu *c, const ArmGicView *v, unsigned n, uint64_t value)
{
    c->lr[n] = value & LR_MASK;
    gicv3_update_virtual(c);
}

/* ICH_AP0R0_EL2, ICH_AP1R0_EL2 and the guest's ICV_AP0R0_EL1, ICV_AP1R0_EL1. */
uint64_t gicv3_read_vapr(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    return c->vapr[n];
}

void gicv3_write_vapr(Gicv3Cpu *c, const ArmGicView *v, unsigned n, uint64_t value)
{
    c->vapr[n] = value;
    gicv3_update_virtual(c);
}

/* ---- ICV ---- */

static void set_vmcr(Gicv3Cpu *c, unsigned start, unsigned len, uint64_t field)
{
    c->vmcr = valid_vmcr(bits_set(c->vmcr, start, len, field));
    gicv3_update_virtual(c);
}

uint64_t gicv3_read_vctlr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return VCTLR_FIXED | (c->vmcr & VMCR_CBPR ? VCTLR_CBPR : 0) |
           (c->vmcr & VMCR_EOIM ? VCTLR_EOIMODE : 0);
}

void gicv3_write_vctlr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    set_vmcr(c, __builtin_ctz(VMCR_CBPR), 1, !!(value & VCTLR_CBPR));
    set_vmcr(c, __builtin_ctz(VMCR_EOIM), 1, !!(value & VCTLR_EOIMODE));
}

uint64_t gicv3_read_vpmr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->vmcr >> VMCR_PMR_SHIFT;
}

void gicv3_write_vpmr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    set_vmcr(c, VMCR_PMR_SHIFT, 8, value);
}

uint64_t gicv3_read_vbpr0(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return vbpr(c, 0);
}

void gicv3_write_vbpr0(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    set_vmcr(c, VMCR_BPR0_SHIFT, 3, value & 7);
}

uint64_t gicv3_read_vbpr1(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return c->vmcr & VMCR_CBPR ? MIN(vbpr(c, 0) + 1, 7) : vbpr(c, 1);
}

void gicv3_write_vbpr1(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    if (!(c->vmcr & VMCR_CBPR))
        set_vmcr(c, VMCR_BPR1_SHIFT, 3, value & 7);
}

uint64_t gicv3_read_vigrpen(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    return c->vmcr >> n & 1;
}

void gicv3_write_vigrpen(Gicv3Cpu *c, const ArmGicView *v, unsigned n, uint64_t value)
{
    set_vmcr(c, n, 1, value & 1);
}

static uint32_t shown(const Gicv3Cpu *c, int i, unsigned n)
{
    return i >= 0 && n == !!(c->lr[i] & LR_GROUP1) ? lr_id(c->lr[i]) : GIC_ID_NONE;
}

uint64_t gicv3_read_vhppir(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    return shown(c, highest(c), n);
}

uint64_t gicv3_read_viar(Gicv3Cpu *c, const ArmGicView *v, unsigned n)
{
    int i = highest(c);
    if (!signals(c, i) || n != !!(c->lr[i] & LR_GROUP1))
        return GIC_ID_NONE;
    uint32_t id = lr_id(c->lr[i]);
    c->lr[i] &= ~LR_PENDING;
    if (id >= GICV3_ID_SECURE && id < GICV3_FIRST_LPI) {
        id = GIC_ID_NONE; /* the hypervisor's mistake: it goes away */
    } else {
        c->vapr[n] |= 1u << ((lr_priority(c->lr[i]) & group_mask(c, n)) >> 3);
        if (id < GICV3_FIRST_LPI)
            c->lr[i] |= LR_ACTIVE;
    }
    gicv3_update_virtual(c);
    return id;
}

uint64_t gicv3_read_vrpr(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    unsigned p = running_priority(c);
    return p == GIC_NO_PRIORITY ? GIC_IDLE_PRIORITY : p;
}

static void deactivate(Gicv3Cpu *c, uint32_t id)
{
    for (unsigned i = 0; i < GICV3_LRS; i++) {
        uint64_t lr = c->lr[i];
        if (!(lr & LR_ACTIVE) || lr_id(lr) != id)
            continue;
        c->lr[i] &= ~LR_ACTIVE;
        if (lr & LR_HW)
            gicv3_deactivate(c, bits_get(lr, 32, 13));
        return;
    }
    if (id < GICV3_FIRST_LPI)
        c->hcr += 1u << HCR_EOICOUNT_SHIFT; /* in no list register */
}

static bool special(uint32_t id)
{
    return id >= GICV3_ID_SECURE && id <= GIC_ID_NONE;
}

void gicv3_write_veoir(Gicv3Cpu *c, const ArmGicView *v, unsigned n, uint64_t value)
{
    uint32_t id = value & 0xffffff, lowest = c->vapr[0] | c->vapr[1];
    if (special(id) || !lowest)
        return;
    lowest &= -lowest;
    unsigned group = !(c->vapr[0] & lowest);
    if (group != n)
        return;
    c->vapr[group] &= ~lowest;
    if (!(c->vmcr & VMCR_EOIM))
        deactivate(c, id);
    gicv3_update_virtual(c);
}

void gicv3_write_vdir(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
    uint32_t id = value & 0xffffff;
    if (!(c->vmcr & VMCR_EOIM) || special(id))
        return;
    deactivate(c, id);
    gicv3_update_virtual(c);
}
