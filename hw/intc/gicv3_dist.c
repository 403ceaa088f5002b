/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv3: the distributor's registers (IHI 0069, 12.9). */
#include "hw/intc/gicv3.h"
#include "util/bits.h"

enum { CTLR_ARE = 1 << 4, CTLR_ARE_NS = 1 << 5, CTLR_DS = 1 << 6 };
enum { TYPER_MBIS = 1 << 16, TYPER_LPIS = 1 << 17, TYPER_A3V = 1 << 24 };

static uint64_t read_ctlr(void *dev, unsigned i)
{
    const Gicv3 *s = dev;
    if (s->ds)
        return s->enables | CTLR_ARE | CTLR_DS;
    if (gicv3_ns(s))
        return (s->enables & BIT(GICV3_G1NS)) | CTLR_ARE;
    return s->enables | CTLR_ARE | CTLR_ARE_NS;
}

/* GICD_CTLR.DS: one security state until the next reset. */
static void drop_security(Gicv3 *s)
{
    s->ds = true;
    for (unsigned i = 0; i < s->num_cpu; i++)
        gicv3_lpi_find_best(&s->cpu[i]);
}

static void write_ctlr(void *dev, unsigned i, uint64_t v)
{
    Gicv3 *s = dev;
    uint32_t mask = MASK(GICV3_GROUPS);
    if (gicv3_ns(s))
        mask = BIT(GICV3_G1NS);
    else if (!s->ds && (v & CTLR_DS))
        drop_security(s);
    s->enables = (s->enables & ~mask) | (v & mask);
    if (s->ds)
        s->enables &= ~BIT(GICV3_G1S);
    gicv3_route_any(s);
    gicv3_all_changed(s);
}

static uint64_t read_typer(void *dev, unsigned i)
{
    const Gicv3 *s = dev;
    return (gicv3_words(s) - 1) | (s->ds ? 0 : 1 << 10) | (GICV3_ID_BITS - 1) << 19 |
           (s->lpis ? TYPER_LPIS : 0) | TYPER_A3V;
}

static uint64_t read_iidr(void *dev, unsigned i)
{
    return 0x43b;
}

static uint64_t read_id(void *dev, unsigned i)
{
    return gic_id_reg(i, 3, 0x492);
}

/* Optional registers, or what affinity routing leaves without meaning. */
static uint64_t read_zero(void *dev, unsigned i)
{
    return 0;
}

static void write_ignored(void *dev, unsigned i, uint64_t v)
{
}

/* `per_bank` registers of each kind describe the interrupts of a bank. */
#define BANK_REG(name, kind, per_bank)                                                         \
    static uint64_t read_##name(void *dev, unsigned i)                                         \
    {                                                                                          \
        Gicv3 *s = dev;                                                                        \
        return gicv3_bank_read(s, &s->spi[i / per_bank], kind, i % per_bank);                  \
    }                                                                                          \
    static void write_##name(void *dev, unsigned i, uint64_t v)                                \
    {                                                                                          \
        Gicv3 *s = dev;                                                                        \
        gicv3_bank_write(s, &s->spi[i / per_bank], kind, i % per_bank, v);                     \
    }
BANK_REG(group, GICV3_GROUP, 1)
BANK_REG(set_enable, GICV3_SET_ENABLE, 1)
BANK_REG(clear_enable, GICV3_CLEAR_ENABLE, 1)
BANK_REG(set_pending, GICV3_SET_PENDING, 1)
BANK_REG(clear_pending, GICV3_CLEAR_PENDING, 1)
BANK_REG(set_active, GICV3_SET_ACTIVE, 1)
BANK_REG(clear_active, GICV3_CLEAR_ACTIVE, 1)
BANK_REG(priority, GICV3_PRIORITY, 8)
BANK_REG(config, GICV3_CONFIG, 2)
BANK_REG(grpmod, GICV3_GRPMOD, 1)
BANK_REG(nsacr, GICV3_NSACR, 2)

static bool may_route(const Gicv3 *s, unsigned irq)
{
    return gicv3_visible(s, &s->spi[irq / 32], 3) >> (irq % 32) & 1;
}

static uint64_t read_router(void *dev, unsigned i)
{
    const Gicv3 *s = dev;
    return may_route(s, i + 32) ? s->router[i + 32] : 0;
}

static void write_router(void *dev, unsigned i, uint64_t v)
{
    Gicv3 *s = dev;
    if (!may_route(s, i + 32))
        return;
    s->router[i + 32] = v & (0xff00ffffffull | GICV3_IRM);
    gicv3_route(s, i + 32);
}

#define BANK_ROW(off, nm, name, n, ...)                                                        \
    REG_FN(off, nm, 4, .count = (n), .read = read_##name, .write = write_##name, __VA_ARGS__)

const Reg gicv3_dist_regs[] = {
    REG_FN(0x0000, GICD_CTLR, 4, .read = read_ctlr, .write = write_ctlr),
    REG_FN(0x0004, GICD_TYPER, 4, .read = read_typer),
    REG_FN(0x0008, GICD_IIDR, 4, .read = read_iidr),
    REG_FN(0x000c, GICD_TYPER2, 4, .read = read_zero),
    REG_FN(0x0010, GICD_STATUSR, 4, .read = read_zero, .write = write_ignored),
    BANK_ROW(0x0080, GICD_IGROUPR, group, 32),
    BANK_ROW(0x0100, GICD_ISENABLER, set_enable, 32),
    BANK_ROW(0x0180, GICD_ICENABLER, clear_enable, 32),
    BANK_ROW(0x0200, GICD_ISPENDR, set_pending, 32),
    BANK_ROW(0x0280, GICD_ICPENDR, clear_pending, 32),
    BANK_ROW(0x0300, GICD_ISACTIVER, set_active, 32),
    BANK_ROW(0x0380, GICD_ICACTIVER, clear_active, 32),
    BANK_ROW(0x0400, GICD_IPRIORITYR, priority, 255, .sizes = 1 | 4, .merge = true),
    REG_FN(0x0800, GICD_ITARGETSR, 4, .sizes = 1 | 4, .count = 255, .read = read_zero,
           .write = write_ignored),
    BANK_ROW(0x0c00, GICD_ICFGR, config, 64),
    BANK_ROW(0x0d00, GICD_IGRPMODR, grpmod, 32),
    BANK_ROW(0x0e00, GICD_NSACR, nsacr, 64),
    REG_FN(0x0f00, GICD_SGIR, 4, .write = write_ignored),
    REG_FN(0x0f10, GICD_CPENDSGIR, 4, .sizes = 1 | 4, .count = 4, .read = read_zero,
           .write = write_ignored),
    REG_FN(0x0f20, GICD_SPENDSGIR, 4, .sizes = 1 | 4, .count = 4, .read = read_zero,
           .write = write_ignored),
    REG_FN(0x6100, GICD_IROUTER, 8, .sizes = 4 | 8, .merge = true, .count = 988,
           .read = read_router, .write = write_router),
    REG_FN(0xffd0, GICD_ID, 4, .count = GIC_ID_REGS, .read = read_id),
    REG_END,
};
