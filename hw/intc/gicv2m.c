/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv2m: a frame whose doorbell turns PCI messages into SPIs.
 * Server Base System Architecture 3.0, appendix E "GICv2m architecture"; the frame is non-secure.
 *
 * Pin n is SPI base-spi - 32 + n of the GIC, which must be configured as edge-triggered.
 */
#include "hw/arm_gic.h"
#include "util/error.h"

enum { MAX_SPIS = 1020 - 32 };

typedef struct Gicv2m {
    Device dev;
    uint32_t base_spi, num_spi;
} Gicv2m;

static uint64_t read_typer(void *dev, unsigned i)
{
    const Gicv2m *s = dev;
    return s->base_spi << 16 | s->num_spi;
}

static void write_setspi(void *dev, unsigned i, uint64_t v)
{
    Gicv2m *s = dev;
    uint32_t n = (v & 0x3ff) - s->base_spi;
    if (n < s->num_spi)
        irq_pulse(&s->dev.irq[n]);
}

/* Product "S". */
static uint64_t read_iidr(void *dev, unsigned i)
{
    return 0x53 << 20;
}

static uint64_t read_zero(void *dev, unsigned i)
{
    return 0;
}

static const Reg gicv2m_regs[] = {
    REG_FN(0x040, MSI_SETSPI_NS, 4, .sizes = 2 | 4, .write = write_setspi),
    REG_FN(0x008, MSI_TYPER, 4, .read = read_typer),
    REG_FN(0xfcc, MSI_IIDR, 4, .read = read_iidr),
    REG_FN(0xfd0, MSI_ID, 4, .count = 12, .read = read_zero),
    REG_END,
};

static const Prop gicv2m_props[] = {
    PROP(Gicv2m, "base-spi", base_spi, PROP_U32, "80", "INTID of the first SPI"),
    PROP(Gicv2m, "num-spi", num_spi, PROP_U32, "64", "number of SPIs"),
    PROP_LAST,
};

static bool gicv2m_realize(void *dev, GError **error)
{
    Gicv2m *s = dev;
    if (s->base_spi < 32 || s->base_spi > 1019)
        return error_set(error, "arm-gicv2m: base-spi must be from 32 to 1019, not %u",
                         s->base_spi);
    if (!s->num_spi || s->num_spi > MAX_SPIS || s->base_spi + s->num_spi > 1020)
        return error_set(error, "arm-gicv2m: num-spi must be from 1 to %u, not %u",
                         1020 - s->base_spi, s->num_spi);
    device_set_irqs(&s->dev, s->num_spi);
    return true;
}

static const DeviceType gicv2m_type = {
    .name = "arm-gicv2m", .doc = "MSI frame of GICv2 (SBSA, GICv2m)",
    .fdt_compatible = "arm,gic-v2m-frame", .size = sizeof(Gicv2m), .mmio_size = ARM_GICV2M_SIZE,
    .version = 1, .regs = gicv2m_regs, .props = gicv2m_props, .realize = gicv2m_realize,
};
DEVICE_REGISTER(gicv2m_type)
