/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm GICv3 interrupt translation service (IHI 0069, 5.2 and 12.12): turns a PCI function's
 * message, which is a write of an event's number, into an LPI.
 *
 * 16 bits of device IDs (PCI requester IDs), event IDs, collections and INTIDs; flat and two-level
 * tables. Left out: virtual LPIs (GICv4), collections held in the ITS, partitioning.
 */
#include "hw/intc/gicv3_its.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

#define CTLR_QUIESCENT BIT(31)
/* Valid, Indirect, InnerCache, OuterCache, address, shareability, page size, size. */
#define BASER_MASK 0xf8e0ffffffffffffull
#define BASER_TYPE(type) ((uint64_t)(type) << 56 | (uint64_t)(ITS_ENTRY_SIZE - 1) << 48)
#define CBASER_MASK 0xb8effffffffffcffull
#define OFFSET_MASK 0xfffe0ull
enum { RETRY = 1, STALLED = 1, LOGGED_TRANSLATER = 0x40000 };

static uint64_t read_ctlr(void *dev, unsigned i)
{
    const Its *s = dev;
    return s->ctlr | (s->ctlr & ITS_CTLR_ENABLED ? 0 : CTLR_QUIESCENT);
}

static void write_ctlr(void *dev, unsigned i, uint64_t v)
{
    Its *s = dev;
    s->ctlr = v & ITS_CTLR_ENABLED;
    its_process(s);
}

static uint64_t read_iidr(void *dev, unsigned i)
{
    return 0x43b;
}

static uint64_t read_typer(void *dev, unsigned i)
{
    return 1 /* physical LPIs */ | (ITS_ENTRY_SIZE - 1) << 4 | (ITS_EVENT_BITS - 1) << 8 |
           (ITS_DEVICE_BITS - 1) << 13 | (uint64_t)(ITS_COLLECTION_BITS - 1) << 32 | BIT(36);
}

/* Places of tables and queue, which are unpredictable to change while in use: ignored. */
static void set_base(Its *s, uint64_t *reg, uint64_t mask, uint64_t v)
{
    if (!(s->ctlr & ITS_CTLR_ENABLED))
        *reg = (*reg & ~mask) | (v & mask);
}

static void write_devices(void *dev, unsigned i, uint64_t v)
{
    Its *s = dev;
    set_base(s, &s->baser[ITS_DEVICES], BASER_MASK, v);
}

static void write_collections(void *dev, unsigned i, uint64_t v)
{
    Its *s = dev;
    set_base(s, &s->baser[ITS_COLLECTIONS], BASER_MASK, v);
}

static void write_cbaser(void *dev, unsigned i, uint64_t v)
{
    Its *s = dev;
    set_base(s, &s->cbaser, CBASER_MASK, v);
    if (!(s->ctlr & ITS_CTLR_ENABLED))
        s->creadr = 0;
}

static void write_cwriter(void *dev, unsigned i, uint64_t v)
{
    Its *s = dev;
    s->cwriter = v & OFFSET_MASK;
    if (v & RETRY)
        s->creadr &= ~(uint64_t)STALLED;
    its_process(s);
}

static void write_translater(void *dev, unsigned i, uint64_t v)
{
    Its *s = dev;
    Gicv3Cpu *target;
    uint32_t intid;
    if (!(s->ctlr & ITS_CTLR_ENABLED))
        return;
    if (its_translate(s, memory_initiator.requester, (uint32_t)v, &target, &intid)) {
        gicv3_lpi_set_pending(target, intid, true);
        return;
    }
    if (!(s->dev.logged & LOGGED_TRANSLATER))
        log_guest_error(s->dev.path, "event 0x%x of device 0x%x is not mapped", (unsigned)v,
                        memory_initiator.requester);
    s->dev.logged |= LOGGED_TRANSLATER;
}

static uint64_t read_id(void *dev, unsigned i)
{
    return gic_id_reg(i, 3, 0x494);
}

static uint64_t read_zero(void *dev, unsigned i)
{
    return 0;
}

static void write_ignored(void *dev, unsigned i, uint64_t v)
{
}

static const Reg its_regs[] = {
    REG_FN(0x10040, GITS_TRANSLATER, 4, .sizes = 2 | 4, .write = write_translater),
    REG(Its, 0x0000, GITS_CTLR, 4, ctlr, .read = read_ctlr, .write = write_ctlr),
    REG_FN(0x0004, GITS_IIDR, 4, .read = read_iidr),
    REG_FN(0x0008, GITS_TYPER, 8, .sizes = 4 | 8, .read = read_typer),
    REG(Its, 0x0080, GITS_CBASER, 8, cbaser, .sizes = 4 | 8, .write = write_cbaser),
    REG(Its, 0x0088, GITS_CWRITER, 8, cwriter, .sizes = 4 | 8, .write = write_cwriter),
    REG(Its, 0x0090, GITS_CREADR, 8, creadr, .sizes = 4 | 8),
    REG(Its, 0x0100, GITS_BASER0, 8, baser[ITS_DEVICES], .sizes = 4 | 8,
        .reset = BASER_TYPE(1), .write = write_devices),
    REG(Its, 0x0108, GITS_BASER1, 8, baser[ITS_COLLECTIONS], .sizes = 4 | 8,
        .reset = BASER_TYPE(4), .write = write_collections),
    REG_FN(0x0110, GITS_BASER, 8, .sizes = 4 | 8, .count = ITS_BASERS - 2, .read = read_zero,
           .write = write_ignored),
    REG_FN(0xffd0, GITS_ID, 4, .count = GIC_ID_REGS, .read = read_id),
    REG_END,
};

static const StateField its_state[] = {
    STATE_TIMER_PTR(Its, timer),
    { .type = STATE_END },
};

static void process_more(void *opaque)
{
    its_process(opaque);
}

void arm_its_set_gic(Device *its, Device *gic)
{
    ((Its *)its)->gic = (Gicv3 *)gic;
}

static bool its_realize(void *dev, GError **error)
{
    Its *s = dev;
    if (!s->gic || !s->gic->lpis)
        return error_set(error, "arm-gicv3-its: needs a GICv3 with has-lpi=on");
    s->timer = timer_new(CLOCK_VIRTUAL, process_more, s);
    return true;
}

static void its_unrealize(void *dev)
{
    timer_free(((Its *)dev)->timer);
}

static void its_reset(void *dev)
{
    timer_del(((Its *)dev)->timer);
}

/* A record may say anything: what the write paths guarantee holds here too. */
static void its_loaded(void *dev)
{
    Its *s = dev;
    s->ctlr &= ITS_CTLR_ENABLED;
    s->baser[ITS_DEVICES] = (s->baser[ITS_DEVICES] & BASER_MASK) | BASER_TYPE(1);
    s->baser[ITS_COLLECTIONS] = (s->baser[ITS_COLLECTIONS] & BASER_MASK) | BASER_TYPE(4);
    s->cbaser &= CBASER_MASK;
    s->cwriter &= OFFSET_MASK;
    s->creadr &= OFFSET_MASK | STALLED;
}

static const DeviceType its_type = {
    .name = "arm-gicv3-its", .doc = "Arm GICv3 interrupt translation service (IHI 0069)",
    .fdt_compatible = "arm,gic-v3-its", .size = sizeof(Its), .mmio_size = ARM_ITS_SIZE,
    .version = 1, .regs = its_regs, .state = its_state, .realize = its_realize,
    .unrealize = its_unrealize, .reset = its_reset, .loaded = its_loaded,
};
DEVICE_REGISTER(its_type)
