/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm generic interrupt controller, version 3 (IHI 0069): state, selection of what is signalled.
 *
 * Affinity routing is always on (GICD_CTLR.ARE reads as one), so the registers of the legacy
 * operation are absent. 5 bits of priority. Left out: message-based SPIs (GICD_TYPER.MBIS is 0),
 * extended SPI and PPI ranges, virtual LPIs (GICv4), PMHE. Interrupts are delivered to a processor
 * whatever GICR_WAKER says; only the choice for 1-of-N interrupts looks at it.
 *
 * For each processor and bank of 32 interrupts the best candidate is kept, so that a change costs
 * the work of one bank, whatever the number of interrupts and processors.
 */
#include "hw/intc/gicv3.h"

#include <string.h>

#include "util/bits.h"
#include "util/error.h"

enum { CPUS_PER_CLUSTER = 16 };

/* ---- selection ---- */

uint32_t gicv3_group_map(const Gicv3 *s, const Gicv3Bank *b, int group)
{
    switch (group) {
    case GICV3_G1NS:
        return b->group;
    case GICV3_G1S:
        return s->ds ? 0 : ~b->group & b->grpmod;
    default:
        return ~b->group & (s->ds ? UINT32_MAX : ~b->grpmod);
    }
}

int gicv3_irq_group(Gicv3Cpu *c, unsigned irq)
{
    const Gicv3Bank *b = gicv3_bank(c, irq);
    if (!b)
        return GICV3_G1NS; /* LPIs (IHI 0069, 4.6) */
    if (b->group >> (irq % 32) & 1)
        return GICV3_G1NS;
    return !c->gic->ds && (b->grpmod >> (irq % 32) & 1) ? GICV3_G1S : GICV3_G0;
}

static bool group_on(const Gicv3Cpu *c, int group)
{
    return (c->gic->enables >> group & 1) && c->igrpen[group];
}

static uint32_t candidates(const Gicv3Cpu *c, const Gicv3Bank *b)
{
    uint32_t map = (b->latch | (b->level & ~b->edge)) & b->enabled & ~b->active, groups = 0;
    if (!map)
        return 0;
    for (int g = 0; g < GICV3_GROUPS; g++)
        if (group_on(c, g))
            groups |= gicv3_group_map(c->gic, b, g);
    return map & groups;
}

static Gicv3Best find_best(const Gicv3Cpu *c, const Gicv3Bank *b)
{
    Gicv3Best best = { GIC_NO_PRIORITY, GIC_ID_NONE };
    for (uint32_t map = candidates(c, b); map; map &= map - 1) {
        unsigned bit = __builtin_ctz(map);
        if (b->priority[bit] < best.priority &&
            (b->cpu || c->gic->target[b->word * 32 + bit] == c->index))
            best = (Gicv3Best){ b->priority[bit], b->word * 32 + bit };
    }
    return best;
}

static void find_best_spi(Gicv3Cpu *c, unsigned word)
{
    c->best_spi[word] = find_best(c, &c->gic->spi[word]);
    c->nonempty = bits_set(c->nonempty, word, 1, c->best_spi[word].priority != GIC_NO_PRIORITY);
}

static void take_better(Gicv3Best *best, Gicv3Best other)
{
    if (other.priority < best->priority)
        *best = other;
}

/* Of equal priorities the lowest INTID. */
Gicv3Best gicv3_highest(const Gicv3Cpu *c)
{
    Gicv3Best best = c->best_private;
    for (uint32_t words = c->nonempty; words; words &= words - 1)
        take_better(&best, c->best_spi[__builtin_ctz(words)]);
    if (group_on(c, GICV3_G1NS))
        take_better(&best, c->best_lpi);
    return best;
}

void gicv3_drive(Gicv3Cpu *c, int out, int level)
{
    IrqLine *line = &c->gic->dev.irq[c->index * ARM_GIC_N_OUTS + out];
    if (line->level != level)
        irq_set(line, level);
}

void gicv3_bank_changed(Gicv3 *s, Gicv3Bank *b, uint32_t bits)
{
    if (b->cpu) {
        b->cpu->best_private = find_best(b->cpu, b);
        gicv3_update_cpu(b->cpu);
        return;
    }
    unsigned last = GICV3_NO_CPU;
    for (; bits; bits &= bits - 1) {
        unsigned cpu = s->target[b->word * 32 + __builtin_ctz(bits)];
        if (cpu == GICV3_NO_CPU || cpu == last)
            continue;
        find_best_spi(&s->cpu[cpu], b->word);
        gicv3_update_cpu(&s->cpu[cpu]);
        last = cpu;
    }
}

void gicv3_cpu_changed(Gicv3Cpu *c)
{
    c->best_private = find_best(c, &c->priv);
    for (unsigned w = 1; w < gicv3_words(c->gic); w++)
        find_best_spi(c, w);
    gicv3_update_cpu(c);
}

/* Once through all SPIs, not once per processor. */
void gicv3_all_changed(Gicv3 *s)
{
    const Gicv3Best none = { GIC_NO_PRIORITY, GIC_ID_NONE };
    for (unsigned i = 0; i < s->num_cpu; i++) {
        Gicv3Cpu *c = &s->cpu[i];
        c->best_private = find_best(c, &c->priv);
        c->nonempty = 0;
        for (unsigned w = 0; w < GICV3_WORDS; w++)
            c->best_spi[w] = none;
    }
    for (unsigned w = 1; w < gicv3_words(s); w++) {
        const Gicv3Bank *b = &s->spi[w];
        uint32_t map = (b->latch | (b->level & ~b->edge)) & b->enabled & ~b->active;
        for (; map; map &= map - 1) {
            unsigned cpu = s->target[w * 32 + __builtin_ctz(map)];
            if (cpu != GICV3_NO_CPU && s->cpu[cpu].best_spi[w].priority == GIC_NO_PRIORITY)
                find_best_spi(&s->cpu[cpu], w);
        }
    }
    for (unsigned i = 0; i < s->num_cpu; i++)
        gicv3_update_cpu(&s->cpu[i]);
}

/* ---- routing ---- */

Gicv3Cpu *gicv3_find(const Gicv3 *s, uint32_t affinity)
{
    guint i = GPOINTER_TO_UINT(g_hash_table_lookup(s->by_affinity, GUINT_TO_POINTER(affinity)));
    return i ? &s->cpu[i - 1] : NULL;
}

/* The first processor that takes part in 1-of-N distribution of the group (IHI 0069, 4.4). */
static unsigned any_cpu(Gicv3 *s, int group)
{
    for (unsigned i = 0; i < s->num_cpu; i++) {
        const Gicv3Cpu *c = &s->cpu[i];
        if (c->igrpen[group] && !(c->waker & GICR_PROCESSOR_SLEEP) &&
            !(c->ctlr >> (GICR_DPG_SHIFT + group) & 1))
            return i;
    }
    return GICV3_NO_CPU;
}

static unsigned find_target(Gicv3 *s, unsigned irq)
{
    uint64_t r = s->router[irq];
    if (r & GICV3_IRM)
        return any_cpu(s, gicv3_irq_group(&s->cpu[0], irq));
    const Gicv3Cpu *c = gicv3_find(s, (uint32_t)(r >> 32 << 24 | (r & 0xffffff)));
    return c ? c->index : GICV3_NO_CPU;
}

void gicv3_route(Gicv3 *s, unsigned irq)
{
    unsigned before = s->target[irq], now = find_target(s, irq);
    if (before == now)
        return;
    s->target[irq] = now;
    if (before != GICV3_NO_CPU) {
        find_best_spi(&s->cpu[before], irq / 32);
        gicv3_update_cpu(&s->cpu[before]);
    }
    gicv3_bank_changed(s, &s->spi[irq / 32], 1u << (irq % 32));
}

void gicv3_route_any(Gicv3 *s)
{
    for (unsigned irq = 32; irq < s->num_irq; irq++)
        if (s->router[irq] & GICV3_IRM)
            gicv3_route(s, irq);
}

static void gicv3_gpio_in(void *dev, int n, int level)
{
    Gicv3 *s = dev;
    unsigned irq = n + 32;
    Gicv3Bank *b;
    if (n >= GIC_PPI_GPIO) {
        unsigned cpu = (n - GIC_PPI_GPIO) / 32;
        irq = (n - GIC_PPI_GPIO) % 32;
        if (cpu >= s->num_cpu || irq < 16)
            return;
        b = &s->cpu[cpu].priv;
    } else if (irq < s->num_irq) {
        b = &s->spi[irq / 32];
    } else {
        return;
    }
    uint32_t bit = 1u << (irq % 32);
    if (!level == !(b->level & bit))
        return;
    b->level ^= bit;
    if (level && (b->edge & bit))
        b->latch |= bit;
    gicv3_bank_changed(s, b, bit);
}

/* ---- life ---- */

static MemoryRegion *gicv3_region(Device *dev, int which)
{
    Gicv3 *s = (Gicv3 *)dev;
    if (which == ARM_GIC_DIST)
        return &dev->mmio;
    which -= ARM_GIC_REDIST;
    return which >= 0 && which < GICV3_MAX_REGIONS && s->region[which].count
           ? &s->region[which].mr : NULL;
}

static void gicv3_set_reset_nonsecure(Device *dev, bool on)
{
    ((Gicv3 *)dev)->reset_nonsecure = on;
}

void arm_gicv3_set_affinity(Device *gic, unsigned cpu, uint64_t affinity)
{
    Gicv3 *s = (Gicv3 *)gic;
    g_assert(cpu < ARM_GICV3_MAX_CPUS);
    s->default_affinity[cpu] = (uint32_t)(affinity >> 32 << 24 | (affinity & 0xffffff));
    s->affinity_set[cpu] = true;
}

void *arm_gicv3_cpu(Device *gic, unsigned cpu)
{
    return &((Gicv3 *)gic)->cpu[cpu];
}

static bool check_props(Gicv3 *s, GError **error)
{
    if (!s->num_cpu || s->num_cpu > ARM_GICV3_MAX_CPUS)
        return error_set(error, "arm-gicv3: num-cpu must be from 1 to %d, not %u",
                         ARM_GICV3_MAX_CPUS, s->num_cpu);
    if (s->num_irq < 64 || s->num_irq > GICV3_MAX_SPI + 1 ||
        (s->num_irq % 32 && s->num_irq != GICV3_MAX_SPI + 1))
        return error_set(error, "arm-gicv3: num-irq must be %d or a multiple of 32 from 64 to "
                         "below that, not %u", GICV3_MAX_SPI + 1, s->num_irq);
    if (s->revision != 3)
        return error_set(error, "arm-gicv3: revision must be 3, not %u", s->revision);
    uint64_t room = (uint64_t)s->region_count[0] + s->region_count[1];
    if (room && room < s->num_cpu)
        return error_set(error, "arm-gicv3: redist-region-count has room for %u processors, and "
                         "there are %u", (unsigned)room, s->num_cpu);
    return true;
}

static void make_cpus(Gicv3 *s)
{
    s->cpu = g_new0(Gicv3Cpu, s->num_cpu);
    s->by_affinity = g_hash_table_new(NULL, NULL);
    s->lpi_config = g_malloc0(GICV3_LPIS);
    for (unsigned i = 0; i < s->num_cpu; i++) {
        Gicv3Cpu *c = &s->cpu[i];
        c->gic = s;
        c->index = i;
        c->priv.cpu = c;
        c->affinity = s->affinity_set[i] ? s->default_affinity[i]
                                         : i / CPUS_PER_CLUSTER << 8 | i % CPUS_PER_CLUSTER;
        g_hash_table_insert(s->by_affinity, GUINT_TO_POINTER(c->affinity),
                            GUINT_TO_POINTER(i + 1));
    }
    for (unsigned w = 0; w < GICV3_WORDS; w++)
        s->spi[w].word = w;
}

static bool gicv3_realize(void *dev, GError **error)
{
    Gicv3 *s = dev;
    if (!check_props(s, error))
        return false;
    device_set_irqs(&s->dev, s->num_cpu * ARM_GIC_N_OUTS);
    make_cpus(s);
    for (unsigned i = 0, first = 0; i < GICV3_MAX_REGIONS && first < s->num_cpu; i++) {
        Gicv3Region *r = &s->region[i];
        r->gic = s;
        r->first = first;
        r->count = MIN(s->region_count[i] ? s->region_count[i] : i ? 0 : s->num_cpu,
                       s->num_cpu - first);
        first += r->count;
        if (!r->count)
            continue;
        memory_region_init_mmio(&r->mr, "gicv3_redist",
                                (uint64_t)r->count * ARM_GICV3_REDIST_SIZE, &gicv3_redist_ops, r);
        s->cpu[first - 1].last = true;
    }
    return true;
}

static void gicv3_unrealize(void *dev)
{
    Gicv3 *s = dev;
    for (unsigned i = 0; i < GICV3_MAX_REGIONS; i++)
        if (s->region[i].count)
            memory_region_deinit(&s->region[i].mr);
    for (unsigned i = 0; i < s->num_cpu; i++)
        g_free(s->cpu[i].lpi_pending);
    g_hash_table_destroy(s->by_affinity);
    g_free(s->lpi_config);
    g_free(s->cpu);
}

/* Keeps the levels of the pins. */
static void reset_bank(Gicv3 *s, Gicv3Bank *b)
{
    bool ns = s->security && s->reset_nonsecure;
    *b = (Gicv3Bank){ .level = b->level, .cpu = b->cpu, .word = b->word,
                      .group = ns ? UINT32_MAX : 0, .edge = b->cpu ? 0xffff : 0 };
    memset(b->priority, ns ? 0x80 : 0, sizeof b->priority);
}

static void gicv3_reset(void *dev)
{
    Gicv3 *s = dev;
    s->enables = 0;
    s->ds = !s->security;
    memset(s->router, 0, sizeof s->router);
    memset(s->lpi_config, 0, GICV3_LPIS);
    for (unsigned w = 0; w < GICV3_WORDS; w++)
        reset_bank(s, &s->spi[w]);
    for (unsigned i = 0; i < s->num_cpu; i++) {
        Gicv3Cpu *c = &s->cpu[i];
        reset_bank(s, &c->priv);
        c->ctlr = 0;
        c->waker = GICR_PROCESSOR_SLEEP | GICR_CHILDREN_ASLEEP;
        c->propbaser = c->pendbaser = 0;
        gicv3_lpi_reset(c);
        gicv3_cpu_reset(c);
        gicv3_virt_reset(c);
        gicv3_update_virtual(c);
    }
    for (unsigned irq = 0; irq < GICV3_WORDS * 32; irq++)
        s->target[irq] = irq >= 32 && irq < s->num_irq ? find_target(s, irq) : GICV3_NO_CPU;
    gicv3_all_changed(s);
}

static void loaded_bank(const Gicv3 *s, Gicv3Bank *b)
{
    uint32_t there = (uint32_t)MASK(MIN(s->num_irq - MIN(b->word * 32, s->num_irq), 32u));
    if (!b->cpu && !b->word)
        there = 0;
    b->enabled &= there;
    b->latch &= there;
    b->level &= b->cpu ? 0xffff0000 : there;
    b->active &= there;
    if (b->cpu)
        b->edge |= 0xffff;
    for (unsigned i = 0; i < 32; i++)
        b->priority[i] &= GICV3_PRIORITY_MASK;
}

/* A record may say anything: what the write paths guarantee holds here too. */
static void gicv3_loaded(void *dev)
{
    Gicv3 *s = dev;
    s->enables &= MASK(GICV3_GROUPS);
    s->ds |= !s->security;
    for (unsigned w = 0; w < GICV3_WORDS; w++)
        loaded_bank(s, &s->spi[w]);
    for (unsigned i = 0; i < s->num_cpu; i++) {
        loaded_bank(s, &s->cpu[i].priv);
        gicv3_cpu_loaded(&s->cpu[i]);
        gicv3_virt_loaded(&s->cpu[i]);
        gicv3_update_virtual(&s->cpu[i]);
    }
    for (unsigned irq = 0; irq < GICV3_WORDS * 32; irq++)
        s->target[irq] = irq >= 32 && irq < s->num_irq ? find_target(s, irq) : GICV3_NO_CPU;
    gicv3_lpi_invalidate_all(s);
    gicv3_all_changed(s);
}

static const StateField gicv3_bank_state[] = {
    STATE(Gicv3Bank, enabled),
    STATE(Gicv3Bank, latch),
    STATE(Gicv3Bank, level),
    STATE(Gicv3Bank, active),
    STATE(Gicv3Bank, group),
    STATE(Gicv3Bank, grpmod),
    STATE(Gicv3Bank, edge),
    STATE_ARRAY(Gicv3Bank, nsacr),
    STATE_ARRAY(Gicv3Bank, priority),
    { .type = STATE_END },
};

static void save_lpis(const void *obj, GByteArray *out)
{
    gicv3_lpi_save(obj, out);
}

static bool load_lpis(void *obj, const uint8_t *data, size_t len, GError **error)
{
    return gicv3_lpi_load(obj, data, len, error);
}

static const StateField gicv3_cpu_state[] = {
    STATE(Gicv3Cpu, ctlr),
    STATE(Gicv3Cpu, waker),
    STATE(Gicv3Cpu, propbaser),
    STATE(Gicv3Cpu, pendbaser),
    STATE_STRUCTS(Gicv3Cpu, priv, 1, gicv3_bank_state),
    STATE(Gicv3Cpu, pmr),
    STATE(Gicv3Cpu, bpr0),
    STATE_ARRAY(Gicv3Cpu, bpr1),
    STATE_ARRAY(Gicv3Cpu, cbpr),
    STATE_ARRAY(Gicv3Cpu, eoimode),
    STATE(Gicv3Cpu, eoimode_el3),
    STATE_ARRAY(Gicv3Cpu, igrpen),
    STATE_ARRAY(Gicv3Cpu, apr),
    STATE(Gicv3Cpu, hcr),
    STATE(Gicv3Cpu, vmcr),
    STATE_ARRAY(Gicv3Cpu, vapr),
    STATE_ARRAY(Gicv3Cpu, lr),
    STATE(Gicv3Cpu, el),
    STATE(Gicv3Cpu, secure),
    STATE(Gicv3Cpu, scr),
    STATE(Gicv3Cpu, hcr_el2),
    { .name = "lpi_pending", .type = STATE_CUSTOM, .count = 1, .save = save_lpis,
      .load = load_lpis },
    { .type = STATE_END },
};

static void save_cpus(const void *obj, GByteArray *out)
{
    const Gicv3 *s = obj;
    for (unsigned i = 0; i < s->num_cpu; i++)
        state_save(gicv3_cpu_state, &s->cpu[i], out);
}

static bool load_cpus(void *obj, const uint8_t *data, size_t len, GError **error)
{
    Gicv3 *s = obj;
    for (unsigned i = 0; i < s->num_cpu; i++) {
        size_t n = len < 4 ? 0 : load_le32(data) + (size_t)4;
        if (!n || n > len)
            return error_set(error, "the record of processor %u is cut short", i);
        if (!state_load(gicv3_cpu_state, &s->cpu[i], data, n, error))
            return false;
        data += n;
        len -= n;
    }
    return !len || error_set(error, "the record has more processors than this machine");
}

static const StateField gicv3_state[] = {
    STATE(Gicv3, enables),
    STATE(Gicv3, ds),
    STATE_STRUCTS(Gicv3, spi, GICV3_WORDS, gicv3_bank_state),
    STATE_ARRAY(Gicv3, router),
    { .name = "cpus", .type = STATE_CUSTOM, .count = 1, .save = save_cpus, .load = load_cpus },
    { .type = STATE_END },
};

static const Prop gicv3_props[] = {
    PROP(Gicv3, "num-cpu", num_cpu, PROP_U32, "1", "processors that it serves"),
    PROP(Gicv3, "num-irq", num_irq, PROP_U32, "64", "interrupts, with the 32 private ones"),
    PROP(Gicv3, "revision", revision, PROP_U32, "3", "architecture version; only 3"),
    PROP(Gicv3, "has-security-extensions", security, PROP_BOOL, "off", "processors have EL3"),
    PROP(Gicv3, "has-virtualization-extensions", virtualization, PROP_BOOL, "off",
         "processors have EL2"),
    PROP(Gicv3, "has-lpi", lpis, PROP_BOOL, "off", "locality-specific peripheral interrupts"),
    PROP(Gicv3, "redist-region-count[0]", region_count[0], PROP_U32, "0",
         "redistributors in the first region; 0 in both: all of them"),
    PROP(Gicv3, "redist-region-count[1]", region_count[1], PROP_U32, "0",
         "redistributors in the second region"),
    PROP_LAST,
};

static const ArmGicClass gicv3_class = {
    .region = gicv3_region, .set_reset_nonsecure = gicv3_set_reset_nonsecure,
};

static const DeviceType gicv3_type = {
    .name = "arm-gicv3", .doc = "Arm generic interrupt controller, version 3 (IHI 0069)",
    .fdt_compatible = "arm,gic-v3", .size = sizeof(Gicv3), .mmio_size = ARM_GICV3_DIST_SIZE,
    .gpio_ins = GIC_PPI_GPIO + 32 * ARM_GICV3_MAX_CPUS, .version = 1, .regs = gicv3_dist_regs,
    .props = gicv3_props, .state = gicv3_state, .realize = gicv3_realize,
    .unrealize = gicv3_unrealize, .reset = gicv3_reset, .loaded = gicv3_loaded,
    .gpio_in = gicv3_gpio_in, .info_pic = gicv3_info, .class_data = &gicv3_class,
};
DEVICE_REGISTER(gicv3_type)
