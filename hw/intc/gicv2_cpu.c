/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv2: the CPU interfaces (IHI 0048B, 4.4; priorities 3.3 to 3.5, 3.8). */
#include "hw/intc/gicv2.h"
#include "util/bits.h"

enum {
    CTLR_SECURE = 0x1f | GICV2_EOI_MODE | GICV2_EOI_MODE_NS,
    CTLR_ONE_STATE = 0x1f | GICV2_EOI_MODE, /* without security extensions */
};

static Gicv2Cpu *current(Gicv2 *s)
{
    return &s->cpu[gicv2_current(s)];
}

/* The bits of a priority that decide about preemption (3.3.3). */
static uint8_t group_mask(const Gicv2Cpu *c, bool group1)
{
    if (group1 && !(c->ctlr & GICV2_CBPR))
        return (uint8_t)(0xff << c->abpr);
    return (uint8_t)(0xff << (c->bpr + 1));
}

static unsigned lowest_level(const uint32_t *apr)
{
    for (unsigned i = 0; i < 4; i++)
        if (apr[i])
            return (i * 32 + __builtin_ctz(apr[i])) << 1;
    return GIC_NO_PRIORITY;
}

unsigned gicv2_running_priority(const Gicv2Cpu *c)
{
    return MIN(lowest_level(c->apr), lowest_level(c->nsapr));
}

bool gicv2_cpu_signals(const Gicv2 *s, unsigned cpu, Gicv2Best best)
{
    const Gicv2Cpu *c = &s->cpu[cpu];
    if (best.priority >= c->pmr)
        return false;
    bool group1 = gicv2_bit(s->group, cpu, best.irq);
    if (!(c->ctlr & (group1 ? GICV2_ENABLE_GRP1 : GICV2_ENABLE_GRP0)))
        return false;
    /* The two groups may cut priorities differently: both are seen as this one cuts them. */
    unsigned running = gicv2_running_priority(c), mask = group_mask(c, group1);
    return running == GIC_NO_PRIORITY || (best.priority & mask) < (running & mask);
}

static uint64_t read_ctlr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    uint32_t ctlr = current(s)->ctlr;
    if (!gicv2_ns(s))
        return ctlr;
    return (ctlr & GICV2_ENABLE_GRP1 ? 1 : 0) | (ctlr & GICV2_EOI_MODE_NS) >> 1;
}

static void write_ctlr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    Gicv2Cpu *c = current(s);
    if (gicv2_ns(s))
        c->ctlr = (c->ctlr & ~(uint32_t)(GICV2_ENABLE_GRP1 | GICV2_EOI_MODE_NS)) |
                  (v & 1 ? GICV2_ENABLE_GRP1 : 0) | (v & GICV2_EOI_MODE) << 1;
    else
        c->ctlr = v & (s->security ? CTLR_SECURE : CTLR_ONE_STATE);
    gicv2_update_cpu(s, gicv2_current(s));
}

static uint64_t read_pmr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    uint8_t pmr = current(s)->pmr;
    if (!gicv2_ns(s))
        return pmr;
    return pmr & 0x80 ? gic_priority_to_ns(pmr) : 0;
}

static void write_pmr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    Gicv2Cpu *c = current(s);
    if (!gicv2_ns(s))
        c->pmr = v & 0xff;
    else if (c->pmr & 0x80)
        c->pmr = gic_priority_from_ns(v);
    gicv2_update_cpu(s, gicv2_current(s));
}

/* What non-secure software calls GICC_BPR is GICC_ABPR (4.4.3). */
static uint64_t read_bpr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    const Gicv2Cpu *c = current(s);
    if (!gicv2_ns(s))
        return c->bpr;
    return c->ctlr & GICV2_CBPR ? MIN(c->bpr + 1, 7u) : c->abpr;
}

static void set_abpr(Gicv2 *s, uint32_t v)
{
    current(s)->abpr = MAX(v & 7, GICV2_MIN_ABPR);
    gicv2_update_cpu(s, gicv2_current(s));
}

static void write_bpr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    Gicv2Cpu *c = current(s);
    if (!gicv2_ns(s))
        c->bpr = v & 7;
    else if (!(c->ctlr & GICV2_CBPR))
        set_abpr(s, v);
    gicv2_update_cpu(s, gicv2_current(s));
}

static uint64_t read_abpr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    return gicv2_ns(s) ? 0 : current(s)->abpr;
}

static void write_abpr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    if (!gicv2_ns(s))
        set_abpr(s, v);
}

/* ---- acknowledge ---- */

static void acknowledge(Gicv2 *s, unsigned cpu, Gicv2Best best, uint32_t *id)
{
    Gicv2Cpu *c = &s->cpu[cpu];
    unsigned slot = gicv2_slot(cpu, best.irq / 32);
    uint32_t bit = 1u << (best.irq % 32);
    bool group1 = s->group[slot] & bit;
    unsigned level = (best.priority & group_mask(c, group1)) >> 1;

    *id = best.irq;
    if (best.irq < 16) {
        unsigned source = __builtin_ctz(c->sgi_sources[best.irq]);
        c->sgi_sources[best.irq] &= ~(1u << source);
        *id |= source << 10;
    }
    s->latch[slot] &= ~bit;
    s->active[slot] |= bit;
    (group1 ? c->nsapr : c->apr)[level / 32] |= 1u << (level % 32);
    gicv2_word_changed(s, cpu, best.irq / 32);
    gicv2_update_cpu(s, cpu);
}

/* Reading GICC_IAR, or with `alias` GICC_AIAR or the non-secure GICC_IAR (3.4, 4.4.4). */
static uint32_t read_ack(Gicv2 *s, bool alias)
{
    unsigned cpu = gicv2_current(s);
    Gicv2Best best = gicv2_highest(s, cpu);
    uint32_t id;
    if (!gicv2_cpu_signals(s, cpu, best))
        return GIC_ID_NONE;
    bool group1 = gicv2_bit(s->group, cpu, best.irq);
    if (alias && !group1)
        return GIC_ID_NONE;
    if (!alias && group1 && !(s->cpu[cpu].ctlr & GICV2_ACK_CTL))
        return GIC_ID_NONSECURE;
    acknowledge(s, cpu, best, &id);
    return id;
}

static uint64_t read_iar(void *dev, unsigned i)
{
    return read_ack(dev, gicv2_ns(dev));
}

static uint64_t read_aiar(void *dev, unsigned i)
{
    return gicv2_ns(dev) ? 0 : read_ack(dev, true);
}

/* The priority mask has no say here (4.4.7). */
static uint32_t read_highest(Gicv2 *s, bool alias)
{
    unsigned cpu = gicv2_current(s);
    Gicv2Best best = gicv2_highest(s, cpu);
    if (best.irq == GIC_ID_NONE)
        return GIC_ID_NONE;
    bool group1 = gicv2_bit(s->group, cpu, best.irq);
    if (alias && !group1)
        return GIC_ID_NONE;
    if (!alias && group1 && !(s->cpu[cpu].ctlr & GICV2_ACK_CTL))
        return GIC_ID_NONSECURE;
    if (best.irq < 16)
        return best.irq | __builtin_ctz(s->cpu[cpu].sgi_sources[best.irq]) << 10;
    return best.irq;
}

static uint64_t read_hppir(void *dev, unsigned i)
{
    return read_highest(dev, gicv2_ns(dev));
}

static uint64_t read_ahppir(void *dev, unsigned i)
{
    return gicv2_ns(dev) ? 0 : read_highest(dev, true);
}

static uint64_t read_rpr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    unsigned p = gicv2_running_priority(current(s));
    if (p == GIC_NO_PRIORITY)
        return GIC_IDLE_PRIORITY;
    if (!gicv2_ns(s))
        return p;
    return p & 0x80 ? gic_priority_to_ns(p) : 0;
}

/* ---- end of interrupt ---- */

void gicv2_deactivate(Gicv2 *s, unsigned cpu, unsigned irq)
{
    if (irq >= s->num_irq)
        return;
    s->active[gicv2_slot(cpu, irq / 32)] &= ~(1u << (irq % 32));
    gicv2_word_changed(s, cpu, irq / 32);
}

static void priority_drop(uint32_t *apr)
{
    for (unsigned i = 0; i < 4; i++) {
        if (apr[i]) {
            apr[i] &= apr[i] - 1;
            return;
        }
    }
}

static void end_of_interrupt(Gicv2 *s, uint32_t v, bool alias)
{
    unsigned cpu = gicv2_current(s), irq = v & 0x3ff;
    Gicv2Cpu *c = &s->cpu[cpu];
    /* Also the special INTIDs. With nothing active this is unpredictable (4.4.5): ignored. */
    if (irq >= s->num_irq || gicv2_running_priority(c) == GIC_NO_PRIORITY)
        return;
    bool group1 = gicv2_bit(s->group, cpu, irq);
    if (alias && !group1)
        return;
    priority_drop(group1 ? c->nsapr : c->apr);
    if (!(c->ctlr & (gicv2_ns(s) ? GICV2_EOI_MODE_NS : GICV2_EOI_MODE)))
        gicv2_deactivate(s, cpu, irq);
    gicv2_update_cpu(s, cpu);
}

static void write_eoir(void *dev, unsigned i, uint64_t v)
{
    end_of_interrupt(dev, v, gicv2_ns(dev));
}

static void write_aeoir(void *dev, unsigned i, uint64_t v)
{
    if (!gicv2_ns(dev))
        end_of_interrupt(dev, v, true);
}

/* Where EOI deactivates already, this write is unpredictable: ignored (4.4.14). */
static void write_dir(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    unsigned cpu = gicv2_current(s), irq = v & 0x3ff;
    bool ns = gicv2_ns(s);
    if (!(s->cpu[cpu].ctlr & (ns ? GICV2_EOI_MODE_NS : GICV2_EOI_MODE)) || irq >= s->num_irq)
        return;
    if (!ns || gicv2_bit(s->group, cpu, irq))
        gicv2_deactivate(s, cpu, irq);
}

/* ---- active priorities ---- */

/* Non-secure software sees the upper half of GICC_NSAPR as GICC_APR (4.4.12). */
static uint64_t read_apr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    if (!gicv2_ns(s))
        return current(s)->apr[i];
    return i < 2 ? current(s)->nsapr[i + 2] : 0;
}

static void write_apr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    if (!gicv2_ns(s))
        current(s)->apr[i] = v;
    else if (i < 2)
        current(s)->nsapr[i + 2] = v;
    gicv2_update_cpu(s, gicv2_current(s));
}

static uint64_t read_nsapr(void *dev, unsigned i)
{
    Gicv2 *s = dev;
    return gicv2_ns(s) ? 0 : current(s)->nsapr[i];
}

static void write_nsapr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    if (gicv2_ns(s))
        return;
    current(s)->nsapr[i] = v;
    gicv2_update_cpu(s, gicv2_current(s));
}

static uint64_t read_iidr(void *dev, unsigned i)
{
    return GICV2_IIDR;
}

const Reg gicv2_cpu_regs[] = {
    REG_FN(0x0c, GICC_IAR, 4, .read = read_iar),
    REG_FN(0x10, GICC_EOIR, 4, .write = write_eoir),
    REG_FN(0x00, GICC_CTLR, 4, .read = read_ctlr, .write = write_ctlr),
    REG_FN(0x04, GICC_PMR, 4, .read = read_pmr, .write = write_pmr),
    REG_FN(0x08, GICC_BPR, 4, .read = read_bpr, .write = write_bpr),
    REG_FN(0x14, GICC_RPR, 4, .read = read_rpr),
    REG_FN(0x18, GICC_HPPIR, 4, .read = read_hppir),
    REG_FN(0x1c, GICC_ABPR, 4, .read = read_abpr, .write = write_abpr),
    REG_FN(0x20, GICC_AIAR, 4, .read = read_aiar),
    REG_FN(0x24, GICC_AEOIR, 4, .write = write_aeoir),
    REG_FN(0x28, GICC_AHPPIR, 4, .read = read_ahppir),
    REG_FN(0xd0, GICC_APR, 4, .count = 4, .read = read_apr, .write = write_apr),
    REG_FN(0xe0, GICC_NSAPR, 4, .count = 4, .read = read_nsapr, .write = write_nsapr),
    REG_FN(0xfc, GICC_IIDR, 4, .read = read_iidr),
    REG_FN(0x1000, GICC_DIR, 4, .write = write_dir),
    REG_END,
};
