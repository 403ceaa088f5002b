/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm PrimeCell GPIO: eight lines.
 * PL061 Technical Reference Manual, Arm DDI 0190.
 *
 * Pin 0 is the interrupt; pins 1 to 8 are the lines: what GPIODATA says where a line is an output,
 * else what pulls it ("pullups", "pulldowns": QEMU's properties). Left out: GPIOAFSEL is only kept
 * (no board leads a hardware function here), and the integration test registers.
 */
#include "hw/device.h"
#include "util/error.h"

enum { LINES = 8 };

typedef struct Pl061 {
    Device dev;
    uint8_t pullups, pulldowns; /* bits of lines */
    uint32_t data;              /* of outputs */
    uint32_t inputs;            /* levels that others drive */
    uint32_t dir, is, ibe, iev, ie, ris, afsel;
    uint32_t seen;              /* input levels at the last look, for edges */
} Pl061;

static void update_outputs(Pl061 *s)
{
    uint32_t out = (s->data & s->dir) | (s->pullups & ~s->dir);
    for (unsigned i = 0; i < LINES; i++) {
        int level = out >> i & 1;
        if (s->dev.irq[1 + i].level != level)
            irq_set(&s->dev.irq[1 + i], level);
    }
}

/* 2.3.3: edges latch, levels follow. */
static void update_irq(Pl061 *s)
{
    uint32_t rising = s->inputs & ~s->seen, falling = s->seen & ~s->inputs;
    uint32_t edges = (s->ibe & (rising | falling)) |
                     (~s->ibe & ((s->iev & rising) | (~s->iev & falling)));
    s->seen = s->inputs;
    uint32_t levels = ~(s->inputs ^ s->iev);
    s->ris = ((s->is & levels) | (~s->is & (s->ris | edges))) & ~s->dir & 0xff;
    int level = (s->ris & s->ie) != 0;
    if (s->dev.irq[0].level != level)
        irq_set(&s->dev.irq[0], level);
}

static void pl061_gpio_in(void *dev, int n, int level)
{
    Pl061 *s = dev;
    s->inputs = (s->inputs & ~(1u << n)) | (uint32_t)!!level << n;
    update_irq(s);
}

/* 3.3.1: address bits 9 to 2 choose the lines of an access. */
static uint64_t read_data(void *dev, unsigned lines)
{
    const Pl061 *s = dev;
    return ((s->data & s->dir) | (s->inputs & ~s->dir)) & lines;
}

static void write_data(void *dev, unsigned lines, uint64_t value)
{
    Pl061 *s = dev;
    uint32_t mask = lines & s->dir;
    s->data = (s->data & ~mask) | (value & mask);
    update_outputs(s);
}

static void write_dir(void *dev, unsigned i, uint64_t value)
{
    Pl061 *s = dev;
    s->dir = value & 0xff;
    update_outputs(s);
    update_irq(s);
}

#define WRITE(reg)                                                                             \
    static void write_##reg(void *dev, unsigned i, uint64_t value)                             \
    {                                                                                          \
        Pl061 *s = dev;                                                                        \
        s->reg = value & 0xff;                                                                 \
        update_irq(s);                                                                         \
    }
WRITE(is)
WRITE(ibe)
WRITE(iev)
WRITE(ie)

static uint64_t read_mis(void *dev, unsigned i)
{
    const Pl061 *s = dev;
    return s->ris & s->ie;
}

static void write_ic(void *dev, unsigned i, uint64_t value)
{
    Pl061 *s = dev;
    s->ris &= ~value;
    update_irq(s);
}

static uint64_t read_id(void *dev, unsigned i)
{
    static const uint8_t id[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    return id[i];
}

#define ANY .sizes = 1 | 2 | 4
static const Reg pl061_regs[] = {
    REG_FN(0x000, GPIODATA, 4, ANY, .count = 256, .read = read_data, .write = write_data),
    REG(Pl061, 0x400, GPIODIR, 4, dir, ANY, .write = write_dir),
    REG(Pl061, 0x404, GPIOIS, 4, is, ANY, .write = write_is),
    REG(Pl061, 0x408, GPIOIBE, 4, ibe, ANY, .write = write_ibe),
    REG(Pl061, 0x40c, GPIOIEV, 4, iev, ANY, .write = write_iev),
    REG(Pl061, 0x410, GPIOIE, 4, ie, ANY, .write = write_ie),
    REG(Pl061, 0x414, GPIORIS, 4, ris, ANY),
    REG_FN(0x418, GPIOMIS, 4, ANY, .read = read_mis),
    REG_FN(0x41c, GPIOIC, 4, ANY, .write = write_ic),
    REG(Pl061, 0x420, GPIOAFSEL, 4, afsel, ANY, .mask = 0xff),
    REG_FN(0xfe0, GPIOPeriphID, 4, ANY, .count = 8, .read = read_id), /* and GPIOPCellID */
    REG_END,
};

static const Prop pl061_props[] = {
    PROP(Pl061, "pullups", pullups, PROP_U8, "255", "lines that are high while nobody drives them"),
    PROP(Pl061, "pulldowns", pulldowns, PROP_U8, "0", "lines that are low while nobody drives them"),
    PROP_LAST,
};

static const StateField pl061_state[] = {
    STATE(Pl061, data),
    STATE(Pl061, inputs),
    STATE(Pl061, seen),
    { .type = STATE_END },
};

static bool pl061_realize(void *dev, GError **error)
{
    Pl061 *s = dev;
    if (s->pullups & s->pulldowns)
        return error_set(error, "pl061: pullups=0x%x and pulldowns=0x%x have lines in common",
                         s->pullups, s->pulldowns);
    return true;
}

/* The inputs stay what others drive. */
static void pl061_reset(void *dev)
{
    Pl061 *s = dev;
    s->data = 0;
    s->seen = s->inputs;
    update_outputs(s);
    update_irq(s);
}

static void pl061_loaded(void *dev)
{
    Pl061 *s = dev;
    uint32_t *const bytes[] = { &s->data, &s->inputs, &s->seen, &s->dir, &s->is, &s->ibe, &s->iev,
                                &s->ie, &s->ris };
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        *bytes[i] &= 0xff;
    update_outputs(s);
    update_irq(s);
}

static const DeviceType pl061_type = {
    .name = "pl061", .doc = "Arm PrimeCell GPIO (DDI 0190)", .fdt_compatible = "arm,pl061",
    .size = sizeof(Pl061), .mmio_size = 0x1000, .irqs = 1 + LINES, .gpio_ins = LINES, .version = 1,
    .regs = pl061_regs, .props = pl061_props, .state = pl061_state, .realize = pl061_realize,
    .reset = pl061_reset, .loaded = pl061_loaded, .gpio_in = pl061_gpio_in,
};
DEVICE_REGISTER(pl061_type)
