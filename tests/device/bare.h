/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device alone: main memory, a main loop that does not run, virtual time that the test steps.
 */
#ifndef TESTS_DEVICE_BARE_H
#define TESTS_DEVICE_BARE_H

#include <string.h>

#include "hw/device.h"
#include "softmmu/run.h"
#include "util/bits.h"

static int64_t bare_now;
static int64_t bare_drift; /* time that passes with each reading of the clock */

static int64_t bare_clock(void)
{
    return bare_now += bare_drift;
}

static void bare_init(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    main_loop_init();
    if (!main_lock_held())
        main_lock();
    memory_init();
    clock_set_virtual_source(bare_clock);
}

static inline void bare_advance(int64_t ns)
{
    bare_now += ns;
    clock_run_timers(CLOCK_VIRTUAL);
}

/* Realized and reset, with region 0 at `addr`; props as "name=value" up to NULL. */
static inline Device *bare_device(const char *type, hwaddr addr, const char *const *props)
{
    bare_init();
    const DeviceType *t = device_type_find(type);
    g_assert_nonnull(t);
    Device *dev = device_new(t, NULL, NULL);
    GError *error = NULL;
    for (; props && *props; props++) {
        char **kv = g_strsplit(*props, "=", 2);
        if (!device_set_prop(dev, kv[0], kv[1], &error))
            g_error("%s", error->message);
        g_strfreev(kv);
    }
    if (!device_realize(dev, NULL, &error))
        g_error("%s", error->message);
    if (dev->mmio.size)
        device_map(dev, addr);
    device_reset(dev);
    return dev;
}

static inline uint64_t bare_read(hwaddr addr, unsigned size)
{
    uint64_t v = 0;
    g_assert_cmpint(address_space_load(address_space_memory, addr, size, &v), ==, MEM_OK);
    return v;
}

static inline void bare_write(hwaddr addr, unsigned size, uint64_t v)
{
    g_assert_cmpint(address_space_store(address_space_memory, addr, size, v), ==, MEM_OK);
}

/* Levels that a device drives on its pins, by number. */
static int bare_level[256];

static inline void bare_set_level(void *opaque, int n, int level)
{
    bare_level[n] = level;
}

static inline void bare_watch_pins(Device *dev)
{
    for (int i = 0; i < dev->n_irqs && i < 256; i++) {
        irq_connect(&dev->irq[i], (IrqSink){ bare_set_level, NULL, i });
        bare_level[i] = dev->irq[i].level;
    }
}

#endif
