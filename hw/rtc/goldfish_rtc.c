/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Goldfish real-time clock with alarm.
 * Android's goldfish virtual hardware document, "Goldfish timer/RTC device"; Linux's binding
 * google,goldfish-rtc.
 *
 * Time is nanoseconds since the Unix epoch. Reading TIME_LOW latches TIME_HIGH; writing TIME_LOW
 * sets the clock together with what TIME_HIGH was given before; the alarm works the same way.
 */
#include "hw/device.h"
#include "softmmu/rtc.h"
#include "softmmu/run.h"

typedef struct GoldfishRtc {
    Device dev;
    uint32_t time_high;   /* latch */
    uint64_t offset;      /* our time minus that of -rtc */
    uint64_t alarm;       /* ns since the epoch */
    uint32_t alarm_high;
    uint32_t alarm_running;
    uint32_t irq_pending;
    uint32_t irq_enabled;
    Timer *timer;
} GoldfishRtc;

static uint64_t rtc_now(GoldfishRtc *s)
{
    return (uint64_t)rtc_now_ns() + s->offset;
}

static void update_irq(GoldfishRtc *s)
{
    irq_set(&s->dev.irq[0], s->irq_pending & s->irq_enabled);
}

static void alarm_stop(GoldfishRtc *s)
{
    s->alarm_running = 0;
    timer_del(s->timer);
}

static void alarm_due(void *opaque)
{
    GoldfishRtc *s = opaque;
    alarm_stop(s);
    s->irq_pending = 1;
    update_irq(s);
}

static void alarm_start(GoldfishRtc *s)
{
    /* Read once: an alarm that is ahead must still be so when the timer is set. */
    uint64_t host = (uint64_t)rtc_now_ns(), now = host + s->offset, left = s->alarm - now;
    if (s->alarm <= now) {
        alarm_due(s);
        return;
    }
    s->alarm_running = 1;
    if (left <= INT64_MAX - host)
        timer_mod(s->timer, (int64_t)(host + left));
    else
        timer_del(s->timer); /* beyond any clock: armed, and never due */
}

static uint64_t read_time_low(void *dev, unsigned i)
{
    GoldfishRtc *s = dev;
    uint64_t now = rtc_now(s);
    s->time_high = now >> 32;
    return (uint32_t)now;
}

static void write_time_low(void *dev, unsigned i, uint64_t value)
{
    GoldfishRtc *s = dev;
    uint64_t now = (uint64_t)s->time_high << 32 | (uint32_t)value;
    s->offset = now - (uint64_t)rtc_now_ns();
    if (s->alarm_running)
        alarm_start(s);
}

static uint64_t read_alarm_low(void *dev, unsigned i)
{
    GoldfishRtc *s = dev;
    return (uint32_t)s->alarm;
}

static void write_alarm_low(void *dev, unsigned i, uint64_t value)
{
    GoldfishRtc *s = dev;
    s->alarm = (uint64_t)s->alarm_high << 32 | (uint32_t)value;
    alarm_start(s);
}

static void write_irq_enabled(void *dev, unsigned i, uint64_t value)
{
    GoldfishRtc *s = dev;
    s->irq_enabled = value & 1;
    update_irq(s);
}

static void write_clear_alarm(void *dev, unsigned i, uint64_t value)
{
    alarm_stop(dev);
}

static void write_clear_interrupt(void *dev, unsigned i, uint64_t value)
{
    GoldfishRtc *s = dev;
    s->irq_pending = 0;
    update_irq(s);
}

static const Reg goldfish_rtc_regs[] = {
    REG_FN(0x00, TIME_LOW, 4, .read = read_time_low, .write = write_time_low),
    REG(GoldfishRtc, 0x04, TIME_HIGH, 4, time_high, .mask = UINT32_MAX),
    REG_FN(0x08, ALARM_LOW, 4, .read = read_alarm_low, .write = write_alarm_low),
    REG(GoldfishRtc, 0x0c, ALARM_HIGH, 4, alarm_high, .mask = UINT32_MAX),
    REG(GoldfishRtc, 0x10, IRQ_ENABLED, 4, irq_enabled, .mask = 1, .write = write_irq_enabled),
    REG_FN(0x14, CLEAR_ALARM, 4, .write = write_clear_alarm),
    REG(GoldfishRtc, 0x18, ALARM_STATUS, 4, alarm_running),
    REG_FN(0x1c, CLEAR_INTERRUPT, 4, .write = write_clear_interrupt),
    REG_END,
};

static const StateField goldfish_rtc_state[] = {
    STATE(GoldfishRtc, offset),
    STATE(GoldfishRtc, alarm),
    STATE(GoldfishRtc, irq_pending),
    { .type = STATE_END },
};

static bool goldfish_rtc_realize(void *dev, GError **error)
{
    GoldfishRtc *s = dev;
    s->timer = timer_new(CLOCK_HOST, alarm_due, s);
    return true;
}

static void goldfish_rtc_unrealize(void *dev)
{
    GoldfishRtc *s = dev;
    timer_free(s->timer);
}

/* A real-time clock keeps its time over a reset. */
static void goldfish_rtc_reset(void *dev)
{
    GoldfishRtc *s = dev;
    alarm_stop(s);
    s->alarm = 0;
    s->irq_pending = 0;
    update_irq(s);
}

static void goldfish_rtc_loaded(void *dev)
{
    GoldfishRtc *s = dev;
    s->irq_enabled &= 1;
    s->irq_pending &= 1;
    if (s->alarm_running)
        alarm_start(s);
    else
        timer_del(s->timer);
}

static const DeviceType goldfish_rtc_type = {
    .name = "goldfish_rtc", .doc = "Goldfish real-time clock",
    .fdt_compatible = "google,goldfish-rtc", .size = sizeof(GoldfishRtc), .mmio_size = 0x24,
    .irqs = 1, .version = 1, .regs = goldfish_rtc_regs, .state = goldfish_rtc_state,
    .realize = goldfish_rtc_realize, .unrealize = goldfish_rtc_unrealize,
    .reset = goldfish_rtc_reset, .loaded = goldfish_rtc_loaded,
};
DEVICE_REGISTER(goldfish_rtc_type)
