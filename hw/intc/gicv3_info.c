/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv3: `info pic`, why a processor gets an interrupt, or does not. */
#include "hw/intc/gicv3.h"

static GicShown shown(const Gicv3Bank *b, unsigned first)
{
    return (GicShown){ .first = first, .pending = b->latch | (b->level & ~b->edge),
                       .active = b->active, .enabled = b->enabled, .level = b->level,
                       .group = b->group, .priority = b->priority };
}

static void show_target(void *opaque, unsigned irq, GString *out)
{
    const Gicv3 *s = opaque;
    if (s->target[irq] == GICV3_NO_CPU)
        g_string_append(out, ", for no CPU");
    else
        g_string_append_printf(out, ", for CPU#%u", s->target[irq]);
}

static void show_cpu(Gicv3Cpu *c, GString *out)
{
    const IrqLine *line = &c->gic->dev.irq[c->index * ARM_GIC_N_OUTS];
    Gicv3Best best = gicv3_highest(c);
    g_string_append_printf(out, "  for CPU#%u: IRQ %d FIQ %d VIRQ %d VFIQ %d, PMR 0x%02x, groups on:"
                           "%s%s%s, active priorities 0x%x 0x%x 0x%x%s", c->index,
                           line[ARM_GIC_OUT_IRQ].level, line[ARM_GIC_OUT_FIQ].level,
                           line[ARM_GIC_OUT_VIRQ].level, line[ARM_GIC_OUT_VFIQ].level, c->pmr,
                           c->igrpen[GICV3_G0] ? " 0" : "", c->igrpen[GICV3_G1NS] ? " 1NS" : "",
                           c->igrpen[GICV3_G1S] ? " 1S" : "", c->apr[GICV3_G0], c->apr[GICV3_G1NS],
                           c->apr[GICV3_G1S],
                           c->waker & GICR_PROCESSOR_SLEEP ? ", redistributor asleep" : "");
    if (best.priority != GIC_NO_PRIORITY)
        g_string_append_printf(out, ", next INTID %u at 0x%02x", best.irq, best.priority);
    g_string_append_c(out, '\n');
    GicShown private = shown(&c->priv, 0);
    gic_show(&private, out);
}

void gicv3_info(void *dev, GString *out)
{
    Gicv3 *s = dev;
    g_string_append_printf(out, "  distributor: groups on:%s%s%s\n", s->enables & 1 ? " 0" : "",
                           s->enables >> GICV3_G1NS & 1 ? " 1NS" : "",
                           s->enables >> GICV3_G1S & 1 ? " 1S" : "");
    for (unsigned w = 1; w < gicv3_words(s); w++) {
        GicShown spis = shown(&s->spi[w], w * 32);
        spis.target = show_target;
        spis.opaque = s;
        gic_show(&spis, out);
    }
    for (unsigned i = 0; i < s->num_cpu; i++)
        show_cpu(&s->cpu[i], out);
}
