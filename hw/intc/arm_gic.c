/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What boards call, the same for all Arm interrupt controllers: include/hw/arm_gic.h. */
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
