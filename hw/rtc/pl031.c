/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm PrimeCell real-time clock.
 * PL031 Technical Reference Manual, Arm DDI 0224.
 *
 * Counts seconds since the Unix epoch as -rtc gives them. Firmware is taken to have started it:
 * RTCCR reads 1. Left out: the integration test registers.
 */
#include "hw/device.h"
#include "softmmu/rtc.h"
#include "softmmu/run.h"

enum { NS_PER_S = 1000000000 };

typedef struct Pl031 {
    Device dev;
    uint32_t mr, lr, imsc, ris;
    uint32_t offset; /* our count minus the seconds of -rtc */
    Timer *timer;
} Pl031;

static uint32_t count_at(const Pl031 *s, int64_t ns)
{
    return (uint32_t)(ns / NS_PER_S) + s->offset;
}

static uint32_t count_now(const Pl031 *s)
{
    return count_at(s, rtc_now_ns());
}

static void update_irq(Pl031 *s)
{
    irq_set(&s->dev.irq[0], s->ris & s->imsc);
}

/* The counter wraps, so a match always lies ahead; now counts as well. */
static void arm_timer(Pl031 *s)
{
    int64_t now = rtc_now_ns();
    uint32_t left = s->mr - count_at(s, now);
    if (!left) {
        timer_del(s->timer);
        s->ris = 1;
        update_irq(s);
        return;
    }
    timer_mod(s->timer, now - now % NS_PER_S + (int64_t)left * NS_PER_S);
}

static void timer_expired(void *opaque)
{
    Pl031 *s = opaque;
    /* The host's clock may have been set back meanwhile, or run a second past the match. */
    if ((int32_t)(count_now(s) - s->mr) < 0) {
        arm_timer(s);
        return;
    }
    s->ris = 1;
    update_irq(s);
}

static uint64_t read_dr(void *dev, unsigned i)
{
    return count_now(dev);
}

static void write_mr(void *dev, unsigned i, uint64_t value)
{
    Pl031 *s = dev;
    s->mr = value;
    arm_timer(s);
}

static void write_lr(void *dev, unsigned i, uint64_t value)
{
    Pl031 *s = dev;
    s->lr = value;
    s->offset += s->lr - count_now(s);
    arm_timer(s);
}

static uint64_t read_cr(void *dev, unsigned i)
{
    return 1;
}

/* Once it runs, only a reset stops it (3.3.4). */
static void write_cr(void *dev, unsigned i, uint64_t value)
{
}

static void write_imsc(void *dev, unsigned i, uint64_t value)
{
    Pl031 *s = dev;
    s->imsc = value & 1;
    update_irq(s);
}

static uint64_t read_mis(void *dev, unsigned i)
{
    const Pl031 *s = dev;
    return s->ris & s->imsc;
}

static void write_icr(void *dev, unsigned i, uint64_t value)
{
    Pl031 *s = dev;
    s->ris &= ~value;
    update_irq(s);
}

static uint64_t read_id(void *dev, unsigned i)
{
    static const uint8_t id[] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    return id[i];
}

static const Reg pl031_regs[] = {
    REG_FN(0x000, RTCDR, 4, .read = read_dr),
    REG(Pl031, 0x004, RTCMR, 4, mr, .write = write_mr),
    REG(Pl031, 0x008, RTCLR, 4, lr, .write = write_lr),
    REG_FN(0x00c, RTCCR, 4, .read = read_cr, .write = write_cr),
    REG(Pl031, 0x010, RTCIMSC, 4, imsc, .write = write_imsc),
    REG(Pl031, 0x014, RTCRIS, 4, ris),
    REG_FN(0x018, RTCMIS, 4, .read = read_mis),
    REG_FN(0x01c, RTCICR, 4, .write = write_icr),
    REG_FN(0xfe0, RTCPeriphID, 4, .sizes = 1 | 2 | 4, .count = 8, .read = read_id), /* and RTCPCellID */
    REG_END,
};

static const StateField pl031_state[] = {
    STATE(Pl031, offset),
    STATE_TIMER_PTR(Pl031, timer),
    { .type = STATE_END },
};

static bool pl031_realize(void *dev, GError **error)
{
    Pl031 *s = dev;
    s->timer = timer_new(CLOCK_HOST, timer_expired, s);
    return true;
}

static void pl031_unrealize(void *dev)
{
    Pl031 *s = dev;
    timer_free(s->timer);
}

/* A real-time clock keeps its time over a reset. */
static void pl031_reset(void *dev)
{
    Pl031 *s = dev;
    timer_del(s->timer);
    update_irq(s);
}

static void pl031_loaded(void *dev)
{
    Pl031 *s = dev;
    s->imsc &= 1;
    s->ris &= 1;
}

static const DeviceType pl031_type = {
    .name = "pl031", .doc = "Arm PrimeCell real-time clock (DDI 0224)",
    .fdt_compatible = "arm,pl031", .size = sizeof(Pl031), .mmio_size = 0x1000, .irqs = 1,
    .version = 1, .regs = pl031_regs, .state = pl031_state, .realize = pl031_realize,
    .unrealize = pl031_unrealize, .reset = pl031_reset, .loaded = pl031_loaded,
};
DEVICE_REGISTER(pl031_type)
