/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: the redistributors (IHI 0069, 12.10 and 12.11), two frames of 64 KiB per processor: one
 * of its control, one of SGIs and PPIs.
 */
#include "hw/intc/gicv3.h"
#include "util/bits.h"

enum { CTLR_DPG = 7 << GICR_DPG_SHIFT };
enum { TYPER_PLPIS = 1, TYPER_LAST = 1 << 4, TYPER_DPGS = 1 << 5 };
#define PROPBASER_MASK 0x070fffffffffff9full
#define PENDBASER_MASK 0x070fffffffff0f80ull
#define PENDBASER_PTZ BIT(62)

static Gicv3Cpu *current(void *dev)
{
    return ((Gicv3 *)dev)->redist;
}

static uint64_t read_ctlr(void *dev, unsigned i)
{
    const Gicv3Cpu *c = current(dev);
    return c->ctlr | (c->gic->lpis ? GICR_CES : 0);
}

static void write_ctlr(void *dev, unsigned i, uint64_t v)
{
    Gicv3Cpu *c = current(dev);
    uint32_t dpg = CTLR_DPG;
    if (gicv3_ns(c->gic))
        dpg = 1 << (GICR_DPG_SHIFT + GICV3_G1NS);
    c->ctlr = (c->ctlr & ~dpg) | (v & dpg);
    if (c->gic->lpis && (v ^ c->ctlr) & GICR_ENABLE_LPIS)
        gicv3_lpi_enable(c, v & GICR_ENABLE_LPIS);
    gicv3_route_any(c->gic);
}

static uint64_t read_iidr(void *dev, unsigned i)
{
    return 0x43b;
}

static uint64_t read_typer(void *dev, unsigned i)
{
    const Gicv3Cpu *c = current(dev);
    return (uint64_t)c->affinity << 32 | c->index << 8 | TYPER_DPGS |
           (c->gic->lpis ? TYPER_PLPIS : 0) | (c->last ? TYPER_LAST : 0);
}

static uint64_t read_waker(void *dev, unsigned i)
{
    return gicv3_ns(dev) ? 0 : current(dev)->waker;
}

/* The interface falls asleep and wakes at once. */
static void write_waker(void *dev, unsigned i, uint64_t v)
{
    if (gicv3_ns(dev))
        return;
    current(dev)->waker = v & GICR_PROCESSOR_SLEEP
                          ? GICR_PROCESSOR_SLEEP | GICR_CHILDREN_ASLEEP : 0;
    gicv3_route_any(dev);
}

static uint64_t read_propbaser(void *dev, unsigned i)
{
    return current(dev)->propbaser;
}

/* While LPIs are on, writes of the tables' places are unpredictable: ignored. */
static bool tables_in_use(const Gicv3Cpu *c)
{
    return !c->gic->lpis || (c->ctlr & GICR_ENABLE_LPIS);
}

static void write_propbaser(void *dev, unsigned i, uint64_t v)
{
    if (!tables_in_use(current(dev)))
        current(dev)->propbaser = v & PROPBASER_MASK;
}

static uint64_t read_pendbaser(void *dev, unsigned i)
{
    return current(dev)->pendbaser & ~PENDBASER_PTZ;
}

static void write_pendbaser(void *dev, unsigned i, uint64_t v)
{
    if (!tables_in_use(current(dev)))
        current(dev)->pendbaser = v & (PENDBASER_MASK | PENDBASER_PTZ);
}

static void write_invlpi(void *dev, unsigned i, uint64_t v)
{
    gicv3_lpi_invalidate(current(dev), (uint32_t)v);
}

static void write_invall(void *dev, unsigned i, uint64_t v)
{
    if (gicv3_lpi_bits(current(dev)))
        gicv3_lpi_invalidate_all(dev);
}

static uint64_t read_zero(void *dev, unsigned i)
{
    return 0;
}

static void write_ignored(void *dev, unsigned i, uint64_t v)
{
}

static uint64_t read_id(void *dev, unsigned i)
{
    return gic_id_reg(i, 3, 0x493);
}

#define BANK_REG(name, kind)                                                                   \
    static uint64_t read_##name(void *dev, unsigned i)                                         \
    {                                                                                          \
        return gicv3_bank_read(dev, &current(dev)->priv, kind, i);                             \
    }                                                                                          \
    static void write_##name(void *dev, unsigned i, uint64_t v)                                \
    {                                                                                          \
        gicv3_bank_write(dev, &current(dev)->priv, kind, i, v);                                \
    }
BANK_REG(group, GICV3_GROUP)
BANK_REG(set_enable, GICV3_SET_ENABLE)
BANK_REG(clear_enable, GICV3_CLEAR_ENABLE)
BANK_REG(set_pending, GICV3_SET_PENDING)
BANK_REG(clear_pending, GICV3_CLEAR_PENDING)
BANK_REG(set_active, GICV3_SET_ACTIVE)
BANK_REG(clear_active, GICV3_CLEAR_ACTIVE)
BANK_REG(priority, GICV3_PRIORITY)
BANK_REG(config, GICV3_CONFIG)
BANK_REG(grpmod, GICV3_GRPMOD)
BANK_REG(nsacr, GICV3_NSACR)

#define BANK_ROW(off, nm, name, ...)                                                           \
    REG_FN(off, nm, 4, .read = read_##name, .write = write_##name, __VA_ARGS__)
#define WIDE .sizes = 4 | 8, .merge = true

static const Reg redist_regs[] = {
    REG_FN(0x00000, GICR_CTLR, 4, .read = read_ctlr, .write = write_ctlr),
    REG_FN(0x00004, GICR_IIDR, 4, .read = read_iidr),
    REG_FN(0x00008, GICR_TYPER, 8, .sizes = 4 | 8, .read = read_typer),
    REG_FN(0x00010, GICR_STATUSR, 4, .read = read_zero, .write = write_ignored),
    REG_FN(0x00014, GICR_WAKER, 4, .read = read_waker, .write = write_waker),
    REG_FN(0x00070, GICR_PROPBASER, 8, WIDE, .read = read_propbaser, .write = write_propbaser),
    REG_FN(0x00078, GICR_PENDBASER, 8, WIDE, .read = read_pendbaser, .write = write_pendbaser),
    REG_FN(0x000a0, GICR_INVLPIR, 8, .sizes = 4 | 8, .write = write_invlpi),
    REG_FN(0x000b0, GICR_INVALLR, 8, .sizes = 4 | 8, .write = write_invall),
    REG_FN(0x000c0, GICR_SYNCR, 4, .read = read_zero),
    REG_FN(0x0ffd0, GICR_ID, 4, .count = GIC_ID_REGS, .read = read_id),
    BANK_ROW(0x10080, GICR_IGROUPR0, group),
    BANK_ROW(0x10100, GICR_ISENABLER0, set_enable),
    BANK_ROW(0x10180, GICR_ICENABLER0, clear_enable),
    BANK_ROW(0x10200, GICR_ISPENDR0, set_pending),
    BANK_ROW(0x10280, GICR_ICPENDR0, clear_pending),
    BANK_ROW(0x10300, GICR_ISACTIVER0, set_active),
    BANK_ROW(0x10380, GICR_ICACTIVER0, clear_active),
    BANK_ROW(0x10400, GICR_IPRIORITYR, priority, .sizes = 1 | 4, .count = 8, .merge = true),
    BANK_ROW(0x10c00, GICR_ICFGR, config, .count = 2),
    BANK_ROW(0x10d00, GICR_IGRPMODR0, grpmod),
    BANK_ROW(0x10e00, GICR_NSACR, nsacr),
    REG_FN(0x1ffd0, GICR_ID, 4, .count = GIC_ID_REGS, .read = read_id),
    REG_END,
};

static hwaddr select_redist(const Gicv3Region *r, hwaddr offset)
{
    r->gic->redist = &r->gic->cpu[r->first + offset / ARM_GICV3_REDIST_SIZE];
    return offset % ARM_GICV3_REDIST_SIZE;
}

static MemResult redist_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    const Gicv3Region *r = opaque;
    MemResult res = reg_read(&r->gic->dev, redist_regs, select_redist(r, offset), size, value);
    r->gic->redist = NULL;
    return res;
}

static MemResult redist_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    const Gicv3Region *r = opaque;
    MemResult res = reg_write(&r->gic->dev, redist_regs, select_redist(r, offset), size, value);
    r->gic->redist = NULL;
    return res;
}

const MmioOps gicv3_redist_ops = { .read = redist_read, .write = redist_write, .min_size = 1,
                                   .max_size = 8 };
