/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every device type that plugs into the system bus, alone: reset is idempotent, any access to
 * any register survives, masks hold, saving, loading and saving again gives the same record, and
 * no member is left out of it.
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

/* A plain row keeps the bits outside of its mask. The name of one that doesn't, or NULL. */
static const char *find_bad_mask(Device *dev)
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
            return r->name;
    }
    return NULL;
}

/*
 * Runs the device, saves it, resets and loads it: all members must be what they were, saved,
 * recomputed by .loaded or never changed. The offset of one that isn't, or 0.
 */
static size_t find_unsaved(Device *dev)
{
    GError *error = NULL;
    for (unsigned round = 0; round < 10; round++) {
        random_accesses(dev);
        GByteArray *record = save(dev);
        /* Loading puts members into their canonical form. */
        g_assert_true(device_load(dev, record->data, record->len, &error));
        g_autofree char *before = g_memdup2(dev, dev->type->size);
        device_reset(dev);
        g_assert_true(device_load(dev, record->data, record->len, &error));
        g_byte_array_unref(record);
        for (size_t i = sizeof(Device); i < dev->type->size; i++)
            if (before[i] != ((char *)dev)[i])
                return i;
    }
    return 0;
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

    const char *bad = find_bad_mask(dev);
    if (bad)
        g_error("%s.%s: the mask does not hold", t->name, bad);
    size_t unsaved = find_unsaved(dev);
    if (unsaved)
        g_error("%s: the member at offset %zu is neither saved nor derived", t->name, unsaved);
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

/* A device with the mistakes that these tests are for: they must find them. */
typedef struct Broken {
    Device dev;
    uint32_t plain, forgotten;
} Broken;

static void broken_write(void *dev, unsigned index, uint64_t value)
{
    Broken *s = dev;
    s->forgotten = value;
}

static void broken_reset(void *dev)
{
    Broken *s = dev;
    s->forgotten = 0;
}

static const Reg broken_regs[] = {
    REG(Broken, 0, PLAIN, 4, plain, .mask = 0xff),
    REG_FN(4, FORGOTTEN, 4, .write = broken_write),
    REG_END,
};

static const DeviceType broken_type = {
    .name = "test-broken", .doc = "a member that is not saved", .size = sizeof(Broken),
    .mmio_size = 8, .version = 1, .regs = broken_regs, .reset = broken_reset,
};

static void test_broken(void)
{
    bare_init();
    Device *dev = try_create(&broken_type);
    g_assert_null(find_bad_mask(dev));
    size_t at = find_unsaved(dev);
    g_assert_cmpuint(at, >=, offsetof(Broken, forgotten));
    g_assert_cmpuint(at, <, offsetof(Broken, forgotten) + 4);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/devices/tables", test_tables);
    g_test_add_func("/devices/broken", test_broken);
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
