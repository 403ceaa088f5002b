/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A push button: an edge at its input holds its pin high for a tenth of a second. */
#include "hw/device.h"
#include "softmmu/run.h"

enum { HOLD_NS = 100000000 };

typedef struct GpioKey {
    Device dev;
    Timer *timer;
} GpioKey;

static void release(void *opaque)
{
    GpioKey *s = opaque;
    irq_set(&s->dev.irq[0], 0);
}

static void gpio_key_in(void *dev, int n, int level)
{
    GpioKey *s = dev;
    if (!level)
        return;
    irq_set(&s->dev.irq[0], 1);
    timer_mod(s->timer, clock_ns(CLOCK_VIRTUAL) + HOLD_NS);
}

static const StateField gpio_key_state[] = {
    STATE_TIMER_PTR(GpioKey, timer),
    { .type = STATE_END },
};

static bool gpio_key_realize(void *dev, GError **error)
{
    GpioKey *s = dev;
    s->timer = timer_new(CLOCK_VIRTUAL, release, s);
    return true;
}

static void gpio_key_unrealize(void *dev)
{
    GpioKey *s = dev;
    timer_free(s->timer);
}

static void gpio_key_reset(void *dev)
{
    GpioKey *s = dev;
    timer_del(s->timer);
    release(s);
}

static const DeviceType gpio_key_type = {
    .name = "gpio-key", .doc = "push button on a GPIO line", .category = CATEGORY_INPUT,
    .size = sizeof(GpioKey), .irqs = 1, .gpio_ins = 1, .version = 1, .state = gpio_key_state,
    .realize = gpio_key_realize, .unrealize = gpio_key_unrealize, .reset = gpio_key_reset,
    .gpio_in = gpio_key_in,
};
DEVICE_REGISTER(gpio_key_type)
