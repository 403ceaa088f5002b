/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI generic event device, as QEMU's (docs/specs/acpi_hw_reduced_hotplug, first part): a
 * register that tells which events happened since it was last read, and an edge for each.
 * The only event here is the power button: a rising input.
 */
#include "hw/device.h"

enum { EVENT_POWER_BUTTON = 2 };

typedef struct AcpiGed {
    Device dev;
    uint32_t selector;
} AcpiGed;

static uint64_t read_selector(void *dev, unsigned i)
{
    AcpiGed *s = dev;
    uint32_t events = s->selector;
    s->selector = 0;
    return events;
}

static void acpi_ged_in(void *dev, int n, int level)
{
    AcpiGed *s = dev;
    if (!level)
        return;
    s->selector |= EVENT_POWER_BUTTON;
    irq_pulse(&s->dev.irq[0]);
}

static const Reg acpi_ged_regs[] = {
    REG(AcpiGed, 0, EVENT_SELECTOR, 4, selector, .read = read_selector),
    REG_END,
};

static const DeviceType acpi_ged_type = {
    .name = "acpi-ged", .doc = "ACPI generic event device (ACPI 6.3, 5.6.9)",
    .size = sizeof(AcpiGed), .mmio_size = 4, .irqs = 1, .gpio_ins = 1, .version = 1,
    .regs = acpi_ged_regs, .gpio_in = acpi_ged_in,
};
DEVICE_REGISTER(acpi_ged_type)
