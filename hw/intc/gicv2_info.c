/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv2: `info pic`, why a processor gets an interrupt, or does not. */
#include "hw/intc/gicv2.h"

static void show_targets(void *opaque, unsigned irq, GString *out)
{
    const Gicv2 *s = opaque;
    g_string_append_printf(out, ", for CPUs 0x%02x", s->targets[gicv2_index(0, irq)]);
}

static void show_word(Gicv2 *s, unsigned cpu, unsigned word, GString *out)
{
    unsigned slot = gicv2_slot(cpu, word);
    GicShown g = { .first = word * 32, .pending = gicv2_pending(s, slot),
                   .active = s->active[slot], .enabled = s->enabled[slot], .level = s->level[slot],
                   .group = s->group[slot], .priority = &s->priority[slot * 32],
                   .target = word ? show_targets : NULL, .opaque = s };
    gic_show(&g, out);
}

void gicv2_info(void *dev, GString *out)
{
    Gicv2 *s = dev;
    g_string_append_printf(out, "  distributor: GICD_CTLR 0x%x\n", s->ctlr);
    for (unsigned w = 1; w * 32 < s->num_irq; w++)
        show_word(s, 0, w, out);
    for (unsigned i = 0; i < s->num_cpu; i++) {
        const Gicv2Cpu *c = &s->cpu[i];
        const IrqLine *line = &s->dev.irq[i * ARM_GIC_N_OUTS];
        Gicv2Best best = gicv2_highest(s, i);
        unsigned running = gicv2_running_priority(c);
        g_string_append_printf(out, "  for CPU#%u: IRQ %d FIQ %d VIRQ %d VFIQ %d, GICC_CTLR 0x%x, "
                               "PMR 0x%02x, running priority 0x%02x", i,
                               line[ARM_GIC_OUT_IRQ].level, line[ARM_GIC_OUT_FIQ].level,
                               line[ARM_GIC_OUT_VIRQ].level, line[ARM_GIC_OUT_VFIQ].level, c->ctlr,
                               c->pmr, MIN(running, GIC_IDLE_PRIORITY));
        if (best.priority != GIC_NO_PRIORITY)
            g_string_append_printf(out, ", next INTID %u at 0x%02x", best.irq, best.priority);
        g_string_append_c(out, '\n');
        show_word(s, i, 0, out);
    }
}
