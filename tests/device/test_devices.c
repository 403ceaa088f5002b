/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every device type that plugs into the system bus, alone: reset is idempotent, any access to
 * any register survives, masks hold, and saving, loading and saving again gives the same record.
 * Damaged records must be refused and leave the device as it was, or load as something valid.
 */
#include "bare.h"

enum { BASE = 0x10000000, ACCESSES = 3000 };

static GByteArray *save(Device *dev)
{
    GByteArray *out = g_byte_array_new();
    device_save(dev, out);
    return out;
}

static void assert_same(GByteArray *a, GByteArray *b)
{
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
}

/* NULL where the type needs what a bare bus can't give (a drive, a parent). */
static Device *try_create(const DeviceType *t)
{
    GError *error = NULL;
    Device *dev = device_new(t, NULL, NULL);
    if (!device_realize(dev, NULL, &error)) {
        g_test_message("%s: %s", t->name, error->message);
        g_assert_nonnull(error->message);
        g_error_free(error);
        device_unrealize(dev);
        return NULL;
    }
    if (dev->mmio.size)
        device_map(dev, BASE);
    device_reset(dev);
    return dev;
}

static hwaddr random_offset(Device *dev)
{
    /* Half the time a register of the table, else anywhere. */
    const Reg *regs = dev->type->regs;
    unsigned n = 0;
    while (regs && regs[n].name)
        n++;
    if (n && g_random_boolean()) {
        const Reg *r = &regs[g_random_int_range(0, (gint)n)];
        unsigned i = r->count > 1 ? (unsigned)g_random_int_range(0, (gint)r->count) : 0;
        return MIN(r->offset + (uint64_t)i * (r->stride ? r->stride : r->width),
                   dev->mmio.size - 1);
    }
    return (hwaddr)g_random_int() % dev->mmio.size;
}

static void random_accesses(Device *dev)
{
    for (unsigned i = 0; i < ACCESSES && dev->mmio.size; i++) {
        unsigned size = 1u << g_random_int_range(0, 4);
        hwaddr at = random_offset(dev);
        if (g_random_boolean())
            at &= ~(hwaddr)(size - 1);
        if (at + size > dev->mmio.size)
            continue;
        uint64_t v = (uint64_t)g_random_int() << 32 | g_random_int();
        if (g_random_boolean())
            v &= 0xff;
        if (g_random_boolean()) {
            address_space_store(address_space_memory, BASE + at, size, v);
        } else {
            address_space_load(address_space_memory, BASE + at, size, &v);
            g_assert_cmphex(v & ~MASK(8 * size), ==, 0);
        }
        if (dev->type->gpio_ins && i % 8 == 0) {
            IrqSink pin = device_gpio_in(dev, g_random_int_range(0, dev->type->gpio_ins));
            pin.set(pin.opaque, pin.n, g_random_boolean());
        }
        if (i % 16 == 0)
            bare_advance(g_random_int_range(0, 1000000));
    }
}

/* A plain row keeps the bits outside of its mask. */
static void check_masks(Device *dev)
{
    for (const Reg *r = dev->type->regs; r && r->name; r++) {
        if (!r->has_field || r->read || r->write)
            continue;
        uint64_t before, after;
        reg_read(dev, dev->type->regs, r->offset, r->width, &before);
        reg_write(dev, dev->type->regs, r->offset, r->width, ~before);
        reg_read(dev, dev->type->regs, r->offset, r->width, &after);
        uint64_t may_change = r->mask | r->w1c;
        if ((before ^ after) & ~may_change & MASK(8 * r->width))
            g_error("%s.%s: mask does not hold", dev->type->name, r->name);
    }
}

static void check_records(Device *dev)
{
    GError *error = NULL;
    GByteArray *first = save(dev);
    if (!device_load(dev, first->data, first->len, &error))
        g_error("%s", error->message);
    GByteArray *second = save(dev);
    assert_same(first, second);

    /* After a reset the record brings everything back. */
    device_reset(dev);
    if (!device_load(dev, first->data, first->len, &error))
        g_error("%s", error->message);
    GByteArray *third = save(dev);
    assert_same(first, third);

    /* Cut short: refused, and nothing changes. */
    for (unsigned i = 0; i < 40; i++) {
        guint len = (guint)g_random_int_range(0, (gint)first->len);
        g_assert_false(device_load(dev, first->data, len, &error));
        g_clear_error(&error);
        GByteArray *now = save(dev);
        assert_same(first, now);
        g_byte_array_unref(now);
    }
    /* A wrong byte: refused, or something that can be used. */
    for (unsigned i = 0; i < 300; i++) {
        guint at = (guint)g_random_int_range(0, (gint)first->len);
        first->data[at] ^= 1 + g_random_int_range(0, 255);
        if (!device_load(dev, first->data, first->len, &error)) {
            g_clear_error(&error);
        } else {
            for (unsigned n = 0; n < 20 && dev->mmio.size; n++) {
                uint64_t v;
                address_space_load(address_space_memory, BASE + random_offset(dev), 4, &v);
                address_space_store(address_space_memory, BASE + random_offset(dev), 4, v);
            }
            bare_advance(1000000);
        }
        memcpy(first->data, third->data, third->len);
    }
    g_assert_true(device_load(dev, third->data, third->len, &error));
    g_byte_array_unref(first);
    g_byte_array_unref(second);
    g_byte_array_unref(third);
}

static void test_type(gconstpointer data)
{
    const DeviceType *t = data;
    bare_init();
    Device *dev = try_create(t);
    if (!dev) {
        g_test_skip("needs more than a bare bus");
        return;
    }
    GByteArray *fresh = save(dev);
    device_reset(dev);
    GByteArray *again = save(dev);
    assert_same(fresh, again);

    check_masks(dev);
    random_accesses(dev);
    check_records(dev);
    random_accesses(dev);

    device_reset(dev);
    GByteArray *reset = save(dev);
    device_reset(dev);
    GByteArray *reset2 = save(dev);
    assert_same(reset, reset2);
    device_unrealize(dev);
    g_byte_array_unref(fresh);
    g_byte_array_unref(again);
    g_byte_array_unref(reset);
    g_byte_array_unref(reset2);
}

/* What a table can get wrong without the compiler noticing. */
static void test_tables(void)
{
    for (guint i = 0; i < device_types()->len; i++) {
        const DeviceType *t = g_ptr_array_index(device_types(), i);
        g_assert_cmpuint(t->version, >, 0);
        g_assert_nonnull(t->doc);
        g_assert_true(!t->gpio_ins || t->gpio_in);
        for (const Reg *r = t->regs; r && r->name; r++) {
            g_assert_true(r->width == 1 || r->width == 2 || r->width == 4 || r->width == 8);
            g_assert_true(r->has_field || r->read || r->write);
            if (r->has_field)
                g_assert_cmpuint(r->field + (size_t)r->width * MAX(r->count, 1), <=, t->size);
            g_assert_cmphex((r->reset | r->mask | r->w1c) & ~MASK(8 * r->width) &
                            (r->width == 8 ? 0 : UINT64_MAX), ==, 0);
        }
        for (const Prop *p = t->props; p && p->name; p++) {
            g_assert_cmpuint(p->offset, >=, sizeof(Device));
            g_assert_cmpuint(p->offset, <, t->size);
        }
        for (const StateField *f = t->state; f && f->type != STATE_END; f++) {
            g_assert_nonnull(f->name);
            g_assert_cmpuint(f->offset, <, t->size);
            for (const StateField *g = t->state; g != f; g++)
                g_assert_cmpstr(f->name, !=, g->name);
        }
        GError *error = NULL;
        char *help = device_help(t->name, &error);
        g_assert_no_error(error);
        g_assert_nonnull(strstr(help, t->name));
        g_free(help);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/devices/tables", test_tables);
    for (guint i = 0; i < device_types()->len; i++) {
        const DeviceType *t = g_ptr_array_index(device_types(), i);
        if (t->bus_type && strcmp(t->bus_type, "sysbus"))
            continue;
        char *name = g_strdup_printf("/devices/%s", t->name);
        g_test_add_data_func(name, t, test_type);
        g_free(name);
    }
    return g_test_run();
}
