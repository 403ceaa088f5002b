/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all Arm interrupt controllers have in common: what boards call (include/hw/arm_gic.h), and how
 * interrupts are shown. */
#include "hw/intc/arm_gic_int.h"

IrqSink arm_gic_spi(Device *gic, unsigned n)
{
    return device_gpio_in(gic, n);
}

IrqSink arm_gic_ppi(Device *gic, unsigned cpu, unsigned intid)
{
    g_assert(intid >= 16 && intid < 32);
    return device_gpio_in(gic, GIC_PPI_GPIO + 32 * cpu + intid);
}

IrqLine *arm_gic_output(Device *gic, unsigned cpu, int out)
{
    int n = cpu * ARM_GIC_N_OUTS + out;
    g_assert(out >= 0 && out < ARM_GIC_N_OUTS && n < gic->n_irqs);
    return &gic->irq[n];
}

MemoryRegion *arm_gic_region(Device *gic, int which)
{
    return ((const ArmGicClass *)gic->type->class_data)->region(gic, which);
}

void arm_gic_set_reset_nonsecure(Device *gic, bool on)
{
    ((const ArmGicClass *)gic->type->class_data)->set_reset_nonsecure(gic, on);
}

void gic_show(const GicShown *g, GString *out)
{
    for (uint32_t map = g->pending | g->active; map; map &= map - 1) {
        unsigned i = __builtin_ctz(map);
        g_string_append_printf(out, "    INTID %u:%s%s%s%s, group %u, priority 0x%02x", g->first + i,
                               g->pending >> i & 1 ? " pending" : "",
                               g->active >> i & 1 ? " active" : "",
                               g->enabled >> i & 1 ? " enabled" : " disabled",
                               g->level >> i & 1 ? ", line high" : "", g->group >> i & 1,
                               g->priority[i]);
        if (g->target)
            g->target(g->opaque, g->first + i, out);
        g_string_append_c(out, '\n');
    }
}
