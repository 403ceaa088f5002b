/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm generic interrupt controller, version 2 (IHI 0048B): state, selection of what is signalled.
 *
 * Up to 8 processors, 8 bits of priority, both groups; security and virtualization extensions if
 * asked for. Left out: interrupt bypass, GICD_NSACR (reads as zero, as the manual allows), lockable
 * SPIs. SGIs are always enabled, PPIs can be configured.
 *
 * For each processor and word of 32 interrupts the best candidate is kept, so that a change costs
 * the work of one word, whatever the number of interrupts.
 */
#include "hw/intc/gicv2.h"

#include <string.h>

#include "util/bits.h"
#include "util/error.h"

uint32_t gicv2_pending(const Gicv2 *s, unsigned slot)
{
    uint32_t pending = s->latch[slot] | (s->level[slot] & ~s->edge[slot]);
    if (slot < GICV2_MAX_CPUS)
        for (unsigned i = 0; i < 16; i++)
            pending |= (uint32_t)(s->cpu[slot].sgi_sources[i] != 0) << i;
    return pending;
}

/* What the distributor may forward to a processor, of one word (3.1, 4.3). */
static uint32_t candidates(const Gicv2 *s, unsigned cpu, unsigned word)
{
    unsigned slot = gicv2_slot(cpu, word);
    uint32_t groups = (s->ctlr & GICV2_ENABLE_GRP0 ? ~s->group[slot] : 0) |
                      (s->ctlr & GICV2_ENABLE_GRP1 ? s->group[slot] : 0);
    uint32_t map = s->enabled[slot] & ~s->active[slot] & groups;
    if (word)
        map &= s->targeted[cpu][word];
    return map ? map & gicv2_pending(s, slot) : 0;
}

static void find_best(Gicv2 *s, unsigned cpu, unsigned word)
{
    const uint8_t *priority = &s->priority[gicv2_slot(cpu, word) * 32];
    uint32_t map = candidates(s, cpu, word);
    Gicv2Best best = { GIC_NO_PRIORITY, GIC_ID_NONE };
    for (; map; map &= map - 1) {
        unsigned bit = __builtin_ctz(map);
        if (priority[bit] < best.priority)
            best = (Gicv2Best){ priority[bit], word * 32 + bit };
    }
    s->best[cpu][word] = best;
    s->nonempty[cpu] = bits_set(s->nonempty[cpu], word, 1, best.priority != GIC_NO_PRIORITY);
}

/* The highest priority; of equal ones the lowest number (3.3). */
Gicv2Best gicv2_highest(const Gicv2 *s, unsigned cpu)
{
    Gicv2Best best = { GIC_NO_PRIORITY, GIC_ID_NONE };
    for (uint32_t words = s->nonempty[cpu]; words; words &= words - 1) {
        const Gicv2Best *b = &s->best[cpu][__builtin_ctz(words)];
        if (b->priority < best.priority)
            best = *b;
    }
    return best;
}

static void drive(Gicv2 *s, unsigned cpu, int out, int level)
{
    IrqLine *line = &s->dev.irq[cpu * ARM_GIC_N_OUTS + out];
    if (line->level != level)
        irq_set(line, level);
}

void gicv2_update_cpu(Gicv2 *s, unsigned cpu)
{
    Gicv2Best best = gicv2_highest(s, cpu);
    bool signals = gicv2_cpu_signals(s, cpu, best);
    bool fiq = signals && (s->cpu[cpu].ctlr & GICV2_FIQ_EN) &&
               !gicv2_bit(s->group, cpu, best.irq);
    drive(s, cpu, ARM_GIC_OUT_IRQ, signals && !fiq);
    drive(s, cpu, ARM_GIC_OUT_FIQ, fiq);
}

void gicv2_word_changed(Gicv2 *s, unsigned cpu, unsigned word)
{
    unsigned first = word ? 0 : cpu, end = word ? s->num_cpu : cpu + 1;
    for (unsigned c = first; c < end; c++) {
        Gicv2Best before = s->best[c][word];
        find_best(s, c, word);
        Gicv2Best now = s->best[c][word];
        if (now.priority != before.priority || now.irq != before.irq)
            gicv2_update_cpu(s, c);
    }
}

void gicv2_all_changed(Gicv2 *s)
{
    for (unsigned c = 0; c < s->num_cpu; c++) {
        for (unsigned w = 0; w < GICV2_WORDS; w++)
            find_best(s, c, w);
        gicv2_update_cpu(s, c);
    }
}

void gicv2_set_targets(Gicv2 *s, unsigned irq, uint8_t targets)
{
    s->targets[gicv2_index(0, irq)] = targets;
    for (unsigned c = 0; c < s->num_cpu; c++)
        s->targeted[c][irq / 32] =
            bits_set(s->targeted[c][irq / 32], irq % 32, 1, targets >> c & 1);
}

static void gicv2_gpio_in(void *dev, int n, int level)
{
    Gicv2 *s = dev;
    unsigned cpu = 0, irq = n + 32;
    if (n >= GIC_PPI_GPIO) {
        cpu = (n - GIC_PPI_GPIO) / 32;
        irq = (n - GIC_PPI_GPIO) % 32;
        if (cpu >= s->num_cpu || irq < 16)
            return;
    } else if (irq >= s->num_irq) {
        return;
    }
    unsigned slot = gicv2_slot(cpu, irq / 32);
    uint32_t bit = 1u << (irq % 32);
    if (!level == !(s->level[slot] & bit))
        return;
    s->level[slot] ^= bit;
    if (level && (s->edge[slot] & bit))
        s->latch[slot] |= bit;
    gicv2_word_changed(s, cpu, irq / 32);
}

/* ---- life ---- */

static MemResult read_cpu(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return reg_read(opaque, gicv2_cpu_regs, offset, size, value);
}

static MemResult write_cpu(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return reg_write(opaque, gicv2_cpu_regs, offset, size, value);
}

static MemResult read_hyp(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return reg_read(opaque, gicv2_hyp_regs, offset, size, value);
}

static MemResult write_hyp(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return reg_write(opaque, gicv2_hyp_regs, offset, size, value);
}

static MemResult read_vcpu(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return reg_read(opaque, gicv2_vcpu_regs, offset, size, value);
}

static MemResult write_vcpu(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return reg_write(opaque, gicv2_vcpu_regs, offset, size, value);
}

static const MmioOps cpu_ops = { .read = read_cpu, .write = write_cpu, .min_size = 1,
                                 .max_size = 8 };
static const MmioOps hyp_ops = { .read = read_hyp, .write = write_hyp, .min_size = 1,
                                 .max_size = 8 };
static const MmioOps vcpu_ops = { .read = read_vcpu, .write = write_vcpu, .min_size = 1,
                                  .max_size = 8 };

static MemoryRegion *gicv2_region(Device *dev, int which)
{
    Gicv2 *s = (Gicv2 *)dev;
    switch (which) {
    case ARM_GIC_DIST:
        return &dev->mmio;
    case ARM_GIC_CPU:
        return &s->cpu_mr;
    case ARM_GIC_HYP:
        return s->virtualization ? &s->hyp_mr : NULL;
    case ARM_GIC_VCPU:
        return s->virtualization ? &s->vcpu_mr : NULL;
    default:
        return NULL;
    }
}

static void gicv2_set_reset_nonsecure(Device *dev, bool on)
{
    ((Gicv2 *)dev)->reset_nonsecure = on;
}

static bool gicv2_realize(void *dev, GError **error)
{
    Gicv2 *s = dev;
    if (!s->num_cpu || s->num_cpu > GICV2_MAX_CPUS)
        return error_set(error, "arm_gic: num-cpu must be from 1 to %d, not %u", GICV2_MAX_CPUS,
                         s->num_cpu);
    if (s->num_irq < 32 || s->num_irq > GICV2_MAX_IRQS ||
        (s->num_irq % 32 && s->num_irq != GICV2_MAX_IRQS))
        return error_set(error, "arm_gic: num-irq must be %d or a multiple of 32 below that, not "
                         "%u", GICV2_MAX_IRQS, s->num_irq);
    if (s->revision != 2)
        return error_set(error, "arm_gic: revision must be 2, not %u", s->revision);
    device_set_irqs(&s->dev, s->num_cpu * ARM_GIC_N_OUTS);
    memory_region_init_mmio(&s->cpu_mr, "gic_cpu", ARM_GICV2_CPU_SIZE, &cpu_ops, s);
    if (s->virtualization) {
        memory_region_init_mmio(&s->hyp_mr, "gic_viface", ARM_GICV2_HYP_SIZE, &hyp_ops, s);
        memory_region_init_mmio(&s->vcpu_mr, "gic_vcpu", ARM_GICV2_CPU_SIZE, &vcpu_ops, s);
    }
    return true;
}

static void gicv2_unrealize(void *dev)
{
    Gicv2 *s = dev;
    memory_region_deinit(&s->cpu_mr);
    if (s->virtualization) {
        memory_region_deinit(&s->hyp_mr);
        memory_region_deinit(&s->vcpu_mr);
    }
}

static void gicv2_reset(void *dev)
{
    Gicv2 *s = dev;
    bool ns = s->security && s->reset_nonsecure;
    s->ctlr = 0;
    memset(s->enabled, 0, sizeof s->enabled);
    memset(s->latch, 0, sizeof s->latch);
    memset(s->active, 0, sizeof s->active);
    memset(s->edge, 0, sizeof s->edge);
    memset(s->group, ns ? 0xff : 0, sizeof s->group);
    memset(s->priority, ns ? 0x80 : 0, sizeof s->priority);
    memset(s->targeted, 0, sizeof s->targeted);
    memset(s->targets, 0, sizeof s->targets);
    for (unsigned i = 0; i < s->num_cpu; i++) {
        s->enabled[i] = s->edge[i] = 0xffff;
        s->cpu[i] = (Gicv2Cpu){ .pmr = ns ? 0x80 : 0, .bpr = GICV2_MIN_BPR,
                                .abpr = GICV2_MIN_ABPR };
        gicv2_virt_reset(&s->cpu[i]);
        gicv2_update_virtual(s, i);
    }
    /* The only processor there is gets everything (4.3.12). */
    if (s->num_cpu == 1)
        for (unsigned irq = 32; irq < s->num_irq; irq++)
            gicv2_set_targets(s, irq, 1);
    gicv2_all_changed(s);
}

/* A record may say anything: what the write paths guarantee holds here too. */
static void gicv2_loaded(void *dev)
{
    Gicv2 *s = dev;
    s->ctlr &= GICV2_ENABLE_GRP0 | GICV2_ENABLE_GRP1;
    for (unsigned slot = 0; slot < GICV2_MAX_CPUS; slot++) {
        if (slot < s->num_cpu)
            s->enabled[slot] |= 0xffff;
        else
            s->enabled[slot] = 0;
        s->latch[slot] &= 0xffff0000;
        s->level[slot] &= 0xffff0000;
    }
    for (unsigned irq = s->num_irq; irq < 32 * GICV2_WORDS; irq++) {
        unsigned slot = gicv2_slot(0, irq / 32);
        s->enabled[slot] &= ~(1u << (irq % 32));
        s->active[slot] &= ~(1u << (irq % 32));
        s->targets[gicv2_index(0, irq)] = 0;
    }
    for (unsigned irq = 32; irq < 32 * GICV2_WORDS; irq++)
        gicv2_set_targets(s, irq, s->targets[gicv2_index(0, irq)] & MASK(s->num_cpu));
    for (unsigned i = 0; i < s->num_cpu; i++) {
        Gicv2Cpu *c = &s->cpu[i];
        c->pmr &= 0xff;
        c->bpr &= 7;
        c->abpr = MAX(c->abpr & 7, GICV2_MIN_ABPR);
        gicv2_virt_loaded(c);
        gicv2_update_virtual(s, i);
    }
    gicv2_all_changed(s);
}

static const StateField gicv2_cpu_state[] = {
    STATE(Gicv2Cpu, ctlr),
    STATE(Gicv2Cpu, pmr),
    STATE(Gicv2Cpu, bpr),
    STATE(Gicv2Cpu, abpr),
    STATE_ARRAY(Gicv2Cpu, apr),
    STATE_ARRAY(Gicv2Cpu, nsapr),
    STATE_ARRAY(Gicv2Cpu, sgi_sources),
    STATE(Gicv2Cpu, hcr),
    STATE(Gicv2Cpu, vmcr),
    STATE(Gicv2Cpu, vapr),
    STATE_ARRAY(Gicv2Cpu, lr),
    { .type = STATE_END },
};

static const StateField gicv2_state[] = {
    STATE(Gicv2, ctlr),
    STATE_ARRAY(Gicv2, enabled),
    STATE_ARRAY(Gicv2, latch),
    STATE_ARRAY(Gicv2, level),
    STATE_ARRAY(Gicv2, active),
    STATE_ARRAY(Gicv2, group),
    STATE_ARRAY(Gicv2, edge),
    STATE_ARRAY(Gicv2, priority),
    STATE_ARRAY(Gicv2, targets),
    STATE_STRUCTS(Gicv2, cpu, GICV2_MAX_CPUS, gicv2_cpu_state),
    { .type = STATE_END },
};

static const Prop gicv2_props[] = {
    PROP(Gicv2, "num-cpu", num_cpu, PROP_U32, "1", "processors that it serves"),
    PROP(Gicv2, "num-irq", num_irq, PROP_U32, "32", "interrupts, with the 32 private ones"),
    PROP(Gicv2, "revision", revision, PROP_U32, "2", "architecture version; only 2"),
    PROP(Gicv2, "has-security-extensions", security, PROP_BOOL, "off",
         "two security states"),
    PROP(Gicv2, "has-virtualization-extensions", virtualization, PROP_BOOL, "off",
         "virtual CPU interfaces"),
    PROP_LAST,
};

static const ArmGicClass gicv2_class = {
    .region = gicv2_region, .set_reset_nonsecure = gicv2_set_reset_nonsecure,
};

static const DeviceType gicv2_type = {
    .name = "arm_gic", .doc = "Arm generic interrupt controller, version 2 (IHI 0048)",
    .fdt_compatible = "arm,cortex-a15-gic", .size = sizeof(Gicv2),
    .mmio_size = ARM_GICV2_DIST_SIZE, .gpio_ins = GIC_PPI_GPIO + 32 * GICV2_MAX_CPUS,
    .version = 1, .regs = gicv2_dist_regs, .props = gicv2_props, .state = gicv2_state,
    .realize = gicv2_realize, .unrealize = gicv2_unrealize, .reset = gicv2_reset,
    .loaded = gicv2_loaded, .gpio_in = gicv2_gpio_in, .info_pic = gicv2_info,
    .class_data = &gicv2_class,
};
DEVICE_REGISTER(gicv2_type)
