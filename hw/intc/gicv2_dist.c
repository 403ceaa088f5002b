/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv2: the distributor's registers (IHI 0048B, 4.3). */
#include "hw/intc/gicv2.h"
#include "util/bits.h"

/* The interrupts of a word that exist. */
static uint32_t present(const Gicv2 *s, unsigned word)
{
    if (word * 32 >= s->num_irq)
        return 0;
    return (uint32_t)MASK(MIN(s->num_irq - word * 32, 32u));
}

/* Of these, the ones that this access may see and change: those of Group 1, if it is non-secure. */
static uint32_t visible(const Gicv2 *s, unsigned word)
{
    uint32_t map = present(s, word);
    return gicv2_ns(s) ? map & s->group[gicv2_slot(gicv2_current(s), word)] : map;
}

static bool irq_visible(const Gicv2 *s, unsigned irq)
{
    return visible(s, irq / 32) >> (irq % 32) & 1;
}

static uint64_t read_ctlr(void *dev, unsigned i)
{
    const Gicv2 *s = dev;
    return gicv2_ns(s) ? !!(s->ctlr & GICV2_ENABLE_GRP1) : s->ctlr;
}

static void write_ctlr(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    if (gicv2_ns(s))
        s->ctlr = (s->ctlr & GICV2_ENABLE_GRP0) | (v & 1 ? GICV2_ENABLE_GRP1 : 0);
    else
        s->ctlr = v & (GICV2_ENABLE_GRP0 | GICV2_ENABLE_GRP1);
    gicv2_all_changed(s);
}

static uint64_t read_typer(void *dev, unsigned i)
{
    const Gicv2 *s = dev;
    return ((s->num_irq + 31) / 32 - 1) | (s->num_cpu - 1) << 5 | (uint32_t)s->security << 10;
}

static uint64_t read_iidr(void *dev, unsigned i)
{
    return 0x43b;
}

static uint64_t read_id(void *dev, unsigned i)
{
    return gic_id_reg(i, 2, 0x490);
}

/* GICD_NSACR is optional: what non-secure software may do is not widened (4.3.14). */
static uint64_t read_zero(void *dev, unsigned i)
{
    return 0;
}

static void write_ignored(void *dev, unsigned i, uint64_t v)
{
}

static uint64_t read_group(void *dev, unsigned w)
{
    const Gicv2 *s = dev;
    return gicv2_ns(s) ? 0 : s->group[gicv2_slot(gicv2_current(s), w)] & present(s, w);
}

static void write_group(void *dev, unsigned w, uint64_t v)
{
    Gicv2 *s = dev;
    if (gicv2_ns(s))
        return;
    s->group[gicv2_slot(gicv2_current(s), w)] = v & present(s, w);
    gicv2_word_changed(s, gicv2_current(s), w);
    /* The group decides between IRQ and FIQ even where the best candidate stays. */
    for (unsigned c = 0; c < s->num_cpu; c++)
        gicv2_update_cpu(s, c);
}

static uint64_t read_map(const Gicv2 *s, const uint32_t *map, unsigned w)
{
    return map[gicv2_slot(gicv2_current(s), w)] & visible(s, w);
}

static void change_map(Gicv2 *s, uint32_t *map, unsigned w, uint32_t bits, bool set)
{
    unsigned cpu = gicv2_current(s);
    uint32_t *word = &map[gicv2_slot(cpu, w)];
    bits &= visible(s, w);
    *word = set ? *word | bits : *word & ~bits;
    gicv2_word_changed(s, cpu, w);
}

/* SGIs are always enabled, and become pending by GICD_SGIR and GICD_SPENDSGIR only. */
static uint32_t not_sgis(unsigned w)
{
    return w ? UINT32_MAX : 0xffff0000;
}

static uint64_t read_enable(void *dev, unsigned w)
{
    return read_map(dev, ((Gicv2 *)dev)->enabled, w);
}

static void write_set_enable(void *dev, unsigned w, uint64_t v)
{
    change_map(dev, ((Gicv2 *)dev)->enabled, w, v & not_sgis(w), true);
}

static void write_clear_enable(void *dev, unsigned w, uint64_t v)
{
    change_map(dev, ((Gicv2 *)dev)->enabled, w, v & not_sgis(w), false);
}

static uint64_t read_pending(void *dev, unsigned w)
{
    const Gicv2 *s = dev;
    return gicv2_pending(s, gicv2_slot(gicv2_current(s), w)) & visible(s, w);
}

static void write_set_pending(void *dev, unsigned w, uint64_t v)
{
    change_map(dev, ((Gicv2 *)dev)->latch, w, v & not_sgis(w), true);
}

static void write_clear_pending(void *dev, unsigned w, uint64_t v)
{
    change_map(dev, ((Gicv2 *)dev)->latch, w, v & not_sgis(w), false);
}

static uint64_t read_active(void *dev, unsigned w)
{
    return read_map(dev, ((Gicv2 *)dev)->active, w);
}

static void write_set_active(void *dev, unsigned w, uint64_t v)
{
    change_map(dev, ((Gicv2 *)dev)->active, w, v, true);
}

static void write_clear_active(void *dev, unsigned w, uint64_t v)
{
    change_map(dev, ((Gicv2 *)dev)->active, w, v, false);
}

static uint64_t read_priority(void *dev, unsigned i)
{
    const Gicv2 *s = dev;
    uint32_t value = 0;
    for (unsigned n = 0; n < 4; n++) {
        if (!irq_visible(s, i * 4 + n))
            continue;
        uint8_t p = s->priority[gicv2_index(gicv2_current(s), i * 4 + n)];
        value |= (uint32_t)(gicv2_ns(s) ? gic_priority_to_ns(p) : p) << (8 * n);
    }
    return value;
}

static void write_priority(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    for (unsigned n = 0; n < 4; n++) {
        uint8_t p = v >> (8 * n);
        if (irq_visible(s, i * 4 + n))
            s->priority[gicv2_index(gicv2_current(s), i * 4 + n)] =
                gicv2_ns(s) ? gic_priority_from_ns(p) : p;
    }
    gicv2_word_changed(s, gicv2_current(s), i / 8);
}

/* Private interrupts name the reader; a single processor needs no targets (4.3.12). */
static uint64_t read_targets(void *dev, unsigned i)
{
    const Gicv2 *s = dev;
    uint32_t value = 0;
    for (unsigned n = 0; n < 4 && s->num_cpu > 1; n++) {
        unsigned irq = i * 4 + n;
        uint32_t t = irq < 32 ? 1u << gicv2_current(s) : s->targets[gicv2_index(0, irq)];
        if (irq_visible(s, irq))
            value |= t << (8 * n);
    }
    return value;
}

static void write_targets(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    if (s->num_cpu == 1 || i < 8)
        return;
    for (unsigned n = 0; n < 4; n++)
        if (irq_visible(s, i * 4 + n))
            gicv2_set_targets(s, i * 4 + n, v >> (8 * n) & MASK(s->num_cpu));
    gicv2_word_changed(s, 0, i / 8);
}

/* Two bits per interrupt; the upper one says that it is edge-triggered. */
static uint64_t read_config(void *dev, unsigned i)
{
    const Gicv2 *s = dev;
    uint32_t edge = read_map(s, s->edge, i / 2) >> (i % 2 * 16), value = 0;
    for (unsigned n = 0; n < 16; n++)
        value |= (edge >> n & 1) << (2 * n + 1);
    return value;
}

static void write_config(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    uint32_t may = (visible(s, i / 2) & not_sgis(i / 2)) >> (i % 2 * 16) & 0xffff, edge = 0;
    for (unsigned n = 0; n < 16; n++)
        edge |= (uint32_t)(v >> (2 * n + 1) & 1) << n;
    uint32_t *word = &s->edge[gicv2_slot(gicv2_current(s), i / 2)];
    unsigned shift = i % 2 * 16;
    *word = (*word & ~(may << shift)) | (edge & may) << shift;
    gicv2_word_changed(s, gicv2_current(s), i / 2);
}

/* ---- software generated interrupts ---- */

static void write_sgir(void *dev, unsigned i, uint64_t v)
{
    Gicv2 *s = dev;
    unsigned cpu = gicv2_current(s), sgi = v & 15;
    uint32_t list = v >> 16 & 0xff;
    switch (v >> 24 & 3) {
    case 1: /* all but the requester */
        list = ~(1u << cpu);
        break;
    case 2:
        list = 1u << cpu;
        break;
    case 3:
        list = 0;
        break;
    }
    for (unsigned c = 0; c < s->num_cpu; c++) {
        if (!(list >> c & 1))
            continue;
        /* Only if the target holds it in the group that is asked for (4.3.15). */
        bool group1 = s->group[c] >> sgi & 1;
        if (s->security && group1 != (gicv2_ns(s) || (v >> 15 & 1)))
            continue;
        s->cpu[c].sgi_sources[sgi] |= 1u << cpu;
        gicv2_word_changed(s, c, 0);
    }
}

static uint64_t read_sgi_pending(void *dev, unsigned i)
{
    const Gicv2 *s = dev;
    uint32_t value = 0;
    for (unsigned n = 0; n < 4; n++)
        if (irq_visible(s, i * 4 + n))
            value |= (uint32_t)s->cpu[gicv2_current(s)].sgi_sources[i * 4 + n] << (8 * n);
    return value;
}

static void change_sgi_pending(Gicv2 *s, unsigned i, uint32_t v, bool set)
{
    uint8_t *sources = &s->cpu[gicv2_current(s)].sgi_sources[i * 4];
    for (unsigned n = 0; n < 4; n++) {
        uint8_t bits = v >> (8 * n) & MASK(s->num_cpu);
        if (irq_visible(s, i * 4 + n))
            sources[n] = set ? sources[n] | bits : sources[n] & ~bits;
    }
    gicv2_word_changed(s, gicv2_current(s), 0);
}

static void write_clear_sgi(void *dev, unsigned i, uint64_t v)
{
    change_sgi_pending(dev, i, v, false);
}

static void write_set_sgi(void *dev, unsigned i, uint64_t v)
{
    change_sgi_pending(dev, i, v, true);
}

const Reg gicv2_dist_regs[] = {
    REG_FN(0xf00, GICD_SGIR, 4, .write = write_sgir),
    REG_FN(0x000, GICD_CTLR, 4, .read = read_ctlr, .write = write_ctlr),
    REG_FN(0x004, GICD_TYPER, 4, .read = read_typer),
    REG_FN(0x008, GICD_IIDR, 4, .read = read_iidr),
    REG_FN(0x080, GICD_IGROUPR, 4, .count = 32, .read = read_group, .write = write_group),
    REG_FN(0x100, GICD_ISENABLER, 4, .count = 32, .read = read_enable, .write = write_set_enable),
    REG_FN(0x180, GICD_ICENABLER, 4, .count = 32, .read = read_enable,
           .write = write_clear_enable),
    REG_FN(0x200, GICD_ISPENDR, 4, .count = 32, .read = read_pending, .write = write_set_pending),
    REG_FN(0x280, GICD_ICPENDR, 4, .count = 32, .read = read_pending,
           .write = write_clear_pending),
    REG_FN(0x300, GICD_ISACTIVER, 4, .count = 32, .read = read_active, .write = write_set_active),
    REG_FN(0x380, GICD_ICACTIVER, 4, .count = 32, .read = read_active,
           .write = write_clear_active),
    REG_FN(0x400, GICD_IPRIORITYR, 4, .sizes = 1 | 4, .count = 255, .merge = true,
           .read = read_priority, .write = write_priority),
    REG_FN(0x800, GICD_ITARGETSR, 4, .sizes = 1 | 4, .count = 255, .merge = true,
           .read = read_targets, .write = write_targets),
    REG_FN(0xc00, GICD_ICFGR, 4, .count = 64, .read = read_config, .write = write_config),
    REG_FN(0xe00, GICD_NSACR, 4, .count = 64, .read = read_zero, .write = write_ignored),
    /* Bytes that a narrow write leaves out are zeros here, which change nothing. */
    REG_FN(0xf10, GICD_CPENDSGIR, 4, .sizes = 1 | 4, .count = 4, .read = read_sgi_pending,
           .write = write_clear_sgi),
    REG_FN(0xf20, GICD_SPENDSGIR, 4, .sizes = 1 | 4, .count = 4, .read = read_sgi_pending,
           .write = write_set_sgi),
    REG_FN(0xfd0, GICD_ID, 4, .count = GIC_ID_REGS, .read = read_id),
    REG_END,
};
