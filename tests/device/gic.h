/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of Arm interrupt controllers share. */
#ifndef TESTS_DEVICE_GIC_H
#define TESTS_DEVICE_GIC_H

#include "bare.h"
#include "hw/arm_gic.h"

static Device *gic;

/* Who makes the accesses from here on. */
static inline void as_cpu(unsigned cpu)
{
    memory_initiator.cpu = cpu;
}

static inline void as_secure(bool secure)
{
    memory_initiator.secure = secure;
}

static inline void spi(unsigned intid, int level)
{
    IrqSink s = arm_gic_spi(gic, intid - 32);
    s.set(s.opaque, s.n, level);
}

static inline void ppi(unsigned cpu, unsigned intid, int level)
{
    IrqSink s = arm_gic_ppi(gic, cpu, intid);
    s.set(s.opaque, s.n, level);
}

static inline int out(unsigned cpu, int which)
{
    return arm_gic_output(gic, cpu, which)->level;
}

/* What the outputs of a processor say: "irq", "fiq", "" ... */
static inline const char *pins(unsigned cpu)
{
    static const char *const names[] = { "", "irq", "fiq", "irq+fiq" };
    return names[out(cpu, ARM_GIC_OUT_IRQ) | out(cpu, ARM_GIC_OUT_FIQ) << 1];
}

static inline const char *vpins(unsigned cpu)
{
    static const char *const names[] = { "", "virq", "vfiq", "virq+vfiq" };
    return names[out(cpu, ARM_GIC_OUT_VIRQ) | out(cpu, ARM_GIC_OUT_VFIQ) << 1];
}

/* No device of that type comes to be, and the message names the property. */
static inline void refuses(const char *type, const char *property, const char *value)
{
    Device *dev = device_new(device_type_find(type), NULL, NULL);
    GError *error = NULL;
    g_assert_true(device_set_prop(dev, property, value, NULL));
    g_assert_false(device_realize(dev, NULL, &error));
    g_assert_nonnull(strstr(error->message, property));
    g_clear_error(&error);
    device_unrealize(dev);
}

static inline void assert_record_holds(Device *dev)
{
    GError *error = NULL;
    GByteArray *first = g_byte_array_new(), *second = g_byte_array_new();
    device_save(dev, first);
    device_reset(dev);
    if (!device_load(dev, first->data, first->len, &error))
        g_error("%s", error->message);
    device_save(dev, second);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    g_byte_array_unref(first);
    g_byte_array_unref(second);
}

#endif
