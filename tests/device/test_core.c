/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/core alone: register tables, properties, state records, creation from options, help. */
#include "bare.h"

enum { BASE = 0x10000000 };
enum { COLOUR_RED, COLOUR_GREEN };

typedef struct Inner {
    uint16_t a;
    bool b;
} Inner;

typedef struct Sample {
    Device dev;
    uint32_t plain, flags, repeated[4];
    uint8_t narrow;
    uint64_t wide, computed;
    unsigned last_index;
    /* properties */
    bool on;
    uint8_t u8;
    uint64_t size;
    char *text;
    int colour, automatic;
    uint8_t mac[6];
    uint32_t refuse;
    /* state */
    Inner inner[3];
    uint32_t n_var;
    uint32_t *var;
    Timer *timer;
    uint32_t fresh;
    unsigned loads;
} Sample;

static uint64_t read_computed(void *dev, unsigned i) { return ((Sample *)dev)->computed; }
static void write_computed(void *dev, unsigned i, uint64_t v) { ((Sample *)dev)->computed = v; }

static void write_repeated(void *dev, unsigned i, uint64_t v)
{
    Sample *s = dev;
    s->repeated[i] = v;
    s->last_index = i;
}

static const Reg sample_regs[] = {
    REG(Sample, 0x00, PLAIN, 4, plain, .mask = 0xffff, .reset = 0x12340000, .sizes = 1 | 2 | 8),
    REG(Sample, 0x04, FLAGS, 4, flags, .mask = 0xff00, .w1c = 0xff, .sizes = 1 | 2),
    REG(Sample, 0x10, REPEATED, 4, repeated, .count = 4, .stride = 8, .write = write_repeated),
    REG(Sample, 0x30, NARROW, 1, narrow, .mask = 0xff),
    REG(Sample, 0x38, WIDE, 8, wide, .mask = UINT64_MAX, .sizes = 4, .no_reset = true),
    REG_FN(0x40, COMPUTED, 8, .sizes = 4, .merge = true, .read = read_computed,
           .write = write_computed),
    REG_FN(0x48, ONLY_WRITE, 4, .write = write_computed),
    REG(Sample, 0x4c, ONLY_READ, 4, fresh),
    REG_END,
};

static const char *const colours[] = { "red", "green", NULL };
static const Prop sample_props[] = {
    PROP(Sample, "on", on, PROP_BOOL, "on", NULL),
    PROP(Sample, "count", u8, PROP_U8, "3", "how many"),
    PROP(Sample, "size", size, PROP_SIZE, "4K", NULL),
    PROP(Sample, "text", text, PROP_STRING, NULL, "anything"),
    { .name = "colour", .type = PROP_ENUM, .offset = offsetof(Sample, colour), .def = "green",
      .names = colours },
    PROP(Sample, "automatic", automatic, PROP_ON_OFF_AUTO, "auto", NULL),
    PROP(Sample, "mac", mac, PROP_MACADDR, NULL, NULL),
    PROP(Sample, "refuse", refuse, PROP_U32, "0", NULL),
    PROP_LAST,
};

static const StateField inner_state[] = {
    STATE(Inner, a),
    STATE(Inner, b),
    { .type = STATE_END },
};

static const StateField sample_state[] = {
    STATE(Sample, computed),
    STATE_STRUCTS(Sample, inner, 3, inner_state),
    STATE_VAR_ARRAY_U32(Sample, var, n_var),
    STATE_TIMER_PTR(Sample, timer),
    { .type = STATE_END },
};

static void tick(void *opaque)
{
    ((Sample *)opaque)->plain++;
}

static bool sample_realize(void *dev, GError **error)
{
    Sample *s = dev;
    if (s->refuse) {
        g_set_error(error, 1, 1, "refused");
        return false;
    }
    if (!s->n_var)
        s->n_var = 2;
    s->var = g_new0(uint32_t, s->n_var);
    s->timer = timer_new(CLOCK_VIRTUAL, tick, s);
    return true;
}

static void sample_unrealize(void *dev)
{
    Sample *s = dev;
    g_free(s->var);
    timer_free(s->timer);
}

static void sample_loaded(void *dev)
{
    ((Sample *)dev)->loads++;
}

static const DeviceType sample_type = {
    .name = "sample-device", .alias = "sample", .doc = "for tests", .user_creatable = true,
    .hotpluggable = true, .size = sizeof(Sample), .mmio_size = 0x100, .irqs = 2, .version = 2,
    .regs = sample_regs, .props = sample_props, .state = sample_state, .realize = sample_realize,
    .unrealize = sample_unrealize, .loaded = sample_loaded,
};
DEVICE_REGISTER(sample_type)

static Sample *sample(void)
{
    static Sample *s;
    if (!s)
        s = (Sample *)bare_device("sample", BASE, NULL);
    device_reset(&s->dev);
    return s;
}

static void test_registers(void)
{
    Sample *s = sample();
    g_assert_cmphex(bare_read(BASE, 4), ==, 0x12340000);
    bare_write(BASE, 4, 0xaaaabbbb);
    g_assert_cmphex(bare_read(BASE, 4), ==, 0x1234bbbb);
    bare_write(BASE + 1, 1, 0xcc);
    g_assert_cmphex(bare_read(BASE, 4), ==, 0x1234ccbb);
    g_assert_cmphex(bare_read(BASE + 2, 2), ==, 0x1234);
    /* w1c, and a narrow write that leaves the others alone. */
    s->flags = 0x00ff;
    bare_write(BASE + 4, 4, 0x120f);
    g_assert_cmphex(s->flags, ==, 0x12f0);
    bare_write(BASE + 5, 1, 0x34);
    g_assert_cmphex(s->flags, ==, 0x34f0);
    /* Wider than the row: the next row follows. */
    s->flags = 0x5500;
    g_assert_cmphex(bare_read(BASE, 8), ==, 0x550012340000ull | 0xccbb);
    bare_write(BASE + 0x20, 4, 7);
    g_assert_cmpuint(s->last_index, ==, 2);
    g_assert_cmpuint(s->repeated[2], ==, 7);
    g_assert_cmphex(bare_read(BASE + 0x24, 4), ==, 0); /* between two of them */
    g_assert_cmphex(bare_read(BASE + 0x30, 4), ==, 0); /* a size that it doesn't take */
    bare_write(BASE + 0x30, 2, 0xff);
    g_assert_cmphex(s->narrow, ==, 0);
    bare_write(BASE + 0x38, 8, 0x1122334455667788);
    bare_write(BASE + 0x3c, 4, 0x99);
    g_assert_cmphex(bare_read(BASE + 0x38, 8), ==, 0x9955667788);
    s->computed = 0x1111111122222222;
    bare_write(BASE + 0x40, 4, 3);
    g_assert_cmphex(s->computed, ==, 0x1111111100000003);
    g_assert_cmphex(bare_read(BASE + 0x48, 4), ==, 0);
    s->fresh = 5;
    bare_write(BASE + 0x4c, 4, 9);
    g_assert_cmphex(bare_read(BASE + 0x4c, 4), ==, 5);
    g_assert_cmphex(bare_read(BASE + 0x80, 4), ==, 0);
    device_reset(&s->dev);
    g_assert_cmphex(s->wide, ==, 0x9955667788);
    g_assert_cmphex(s->fresh, ==, 0);
}

static void expect(Device *dev, const char *name, const char *value, const char *message)
{
    GError *error = NULL;
    bool ok = device_set_prop(dev, name, value, &error);
    if (message) {
        g_assert_false(ok);
        g_assert_cmpstr(error->message, ==, message);
        g_error_free(error);
    } else {
        g_assert_no_error(error);
        g_assert_true(ok);
    }
}

static void test_props(void)
{
    bare_init();
    Device *dev = device_new(&sample_type, NULL, NULL);
    Sample *s = (Sample *)dev;
    g_assert_true(s->on);
    g_assert_cmpuint(s->u8, ==, 3);
    g_assert_cmpuint(s->size, ==, 4096);
    g_assert_cmpint(s->colour, ==, COLOUR_GREEN);
    g_assert_cmpint(s->automatic, ==, 2);
    expect(dev, "on", "no", NULL);
    expect(dev, "count", "0x10", NULL);
    expect(dev, "size", "1G", NULL);
    expect(dev, "text", "a b", NULL);
    expect(dev, "colour", "red", NULL);
    expect(dev, "automatic", "off", NULL);
    expect(dev, "mac", "52:54:00:12:34:56", NULL);
    g_assert_false(s->on);
    g_assert_cmpuint(s->u8, ==, 16);
    g_assert_cmpuint(s->size, ==, 1 << 30);
    g_assert_cmpstr(s->text, ==, "a b");
    g_assert_cmpint(s->colour, ==, COLOUR_RED);
    g_assert_cmpint(s->automatic, ==, 0);
    g_assert_cmphex(s->mac[5], ==, 0x56);
    expect(dev, "on", "maybe", "property 'on' of device 'sample-device' takes on or off, "
                               "not 'maybe'");
    expect(dev, "count", "256", "property 'count' of device 'sample-device' takes a number from 0 "
                                "to 255, not '256'");
    expect(dev, "count", "-1", "property 'count' of device 'sample-device' takes a number from 0 "
                               "to 255, not '-1'");
    expect(dev, "colour", "blue", "property 'colour' of device 'sample-device' takes one of red, "
                                  "green, not 'blue'");
    expect(dev, "color", "red", "device 'sample-device' has no property 'color'; did you mean "
                                "'colour'?");
    expect(dev, "xyzzy", "", "device 'sample-device' has no property 'xyzzy'; '-device "
                             "sample-device,help' lists them");
    expect(dev, "mac", "52:54:00:12:34",
           "property 'mac' of device 'sample-device' takes an address like 52:54:00:12:34:56, not "
           "'52:54:00:12:34'");
    char *mac = device_get_prop(dev, "mac");
    g_assert_cmpstr(mac, ==, "52:54:00:12:34:56");
    g_free(mac);
    device_unrealize(dev);
}

static Device *create(GError **error, const char *first, ...)
{
    GHashTable *opts = g_hash_table_new(g_str_hash, g_str_equal);
    va_list ap;
    va_start(ap, first);
    for (const char *k = first; k; k = va_arg(ap, const char *))
        g_hash_table_insert(opts, (gpointer)k, va_arg(ap, char *));
    va_end(ap);
    Device *dev = device_create_from_opts(opts, error);
    g_hash_table_unref(opts);
    return dev;
}

#define EXPECT_FAILURE(text_, ...)                                                             \
    do {                                                                                       \
        GError *error_ = NULL;                                                                 \
        g_assert_null(create(&error_, __VA_ARGS__, NULL));                                     \
        g_assert_cmpstr(error_->message, ==, text_);                                           \
        g_error_free(error_);                                                                  \
    } while (0)

static void test_create(void)
{
    bare_init();
    GError *error = NULL;
    Device *dev = create(&error, "driver", "sample", "id", "s0", "count", "9", NULL);
    g_assert_no_error(error);
    g_assert_true(device_find("s0") == dev);
    g_assert_cmpstr(dev->path, ==, "peripheral/s0");
    g_assert_cmpuint(((Sample *)dev)->u8, ==, 9);
    expect(dev, "count", "1", "property 'count' of device 's0' can't change while it is in use");
    Device *other = create(&error, "driver", "sample-device", NULL);
    g_assert_true(g_str_has_prefix(other->path, "peripheral-anon/sample-device["));
    EXPECT_FAILURE("Duplicate device ID 's0'; choose another id=", "driver", "sample", "id", "s0");
    EXPECT_FAILURE("there is no device 'sampel'; did you mean 'sample'?", "driver", "sampel");
    EXPECT_FAILURE("Bus 'b' not found; 'info qtree' lists them", "driver", "sample", "bus", "b");
    EXPECT_FAILURE("refused", "driver", "sample", "refuse", "1");
    EXPECT_FAILURE("id '1x' is not valid; ids begin with a letter and have letters, digits, '-', "
                   "'.' and '_'", "driver", "sample", "id", "1x");
    device_unrealize(dev);
    device_unrealize(other);
    g_assert_null(device_find("s0"));

    g_assert_true(device_add_global("sample-device", "count", "77", &error));
    g_assert_false(device_add_global("sample-device", "count", "777", &error));
    g_clear_error(&error);
    g_assert_false(device_add_global("sample-device", "cuont", "1", &error));
    g_clear_error(&error);
    dev = create(&error, "driver", "sample", NULL);
    g_assert_cmpuint(((Sample *)dev)->u8, ==, 77);
    GString *tree = g_string_new(NULL);
    device_print_tree(tree);
    g_assert_nonnull(strstr(tree->str, "  dev: sample-device, id \"\"\n"
                                       "    gpio-out \"sysbus-irq\" 2\n"
                                       "    on = true\n    count = 77 (0x4d)\n"
                                       "    size = 4096 (4 KiB)\n    text = \"\"\n"
                                       "    colour = \"green\"\n"));
    g_string_free(tree, TRUE);
    device_unrealize(dev);
}

static void test_help(void)
{
    GError *error = NULL;
    char *list = device_help(NULL, &error);
    g_assert_nonnull(strstr(list, "Misc devices:\n"));
    g_assert_nonnull(strstr(list, "name \"sample-device\", bus System, alias \"sample\", "
                                  "desc \"for tests\"\n"));
    g_free(list);
    char *one = device_help("sample", &error);
    g_assert_cmpstr(one, ==,
                    "sample-device options:\n"
                    "  automatic=<OnOffAuto>  - on/off/auto (default: \"auto\")\n"
                    "  colour=<enum>          -  (default: \"green\")\n"
                    "  count=<uint8>          - how many (default: 3)\n"
                    "  mac=<str>              - Ethernet address, like 52:54:00:12:34:56\n"
                    "  on=<bool>              - on/off (default: true)\n"
                    "  refuse=<uint32>        -  (default: 0)\n"
                    "  size=<size>            -  (default: 4096)\n"
                    "  text=<str>             - anything\n");
    g_free(one);
    g_assert_null(device_help("nothing-like-it", &error));
    g_error_free(error);
}

static void test_records(void)
{
    Sample *s = sample();
    GError *error = NULL;
    s->plain = 0x77;
    s->inner[1] = (Inner){ 0x1234, true };
    s->var[1] = 99;
    s->computed = 42;
    irq_set(&s->dev.irq[1], 1);
    timer_mod(s->timer, bare_now + 1000);
    GByteArray *record = g_byte_array_new();
    device_save(&s->dev, record);

    device_reset(&s->dev);
    memset(s->inner, 0, sizeof s->inner);
    s->var[1] = 0;
    irq_set(&s->dev.irq[1], 0);
    timer_del(s->timer);
    s->loads = 0;
    g_assert_true(device_load(&s->dev, record->data, record->len, &error));
    g_assert_cmpuint(s->loads, ==, 1);
    g_assert_cmphex(s->plain, ==, 0x77);
    g_assert_cmphex(s->inner[1].a, ==, 0x1234);
    g_assert_true(s->inner[1].b);
    g_assert_cmpuint(s->var[1], ==, 99);
    g_assert_cmpint(s->dev.irq[1].level, ==, 1);
    bare_watch_pins(&s->dev);
    bare_level[1] = 0;
    device_redrive_pins();
    g_assert_cmpint(bare_level[1], ==, 1);
    bare_advance(1000);
    g_assert_cmphex(s->plain, ==, 0x78);

    /* A machine of another shape, a newer program. */
    s->n_var = 1;
    g_assert_false(device_load(&s->dev, record->data, record->len, &error));
    g_assert_nonnull(strstr(error->message, "member 'var' has 2 elements, this machine has 1"));
    g_clear_error(&error);
    s->n_var = 2;
    record->data[0] = 3;
    g_assert_false(device_load(&s->dev, record->data, record->len, &error));
    g_assert_nonnull(strstr(error->message, "newer"));
    g_clear_error(&error);
    g_byte_array_unref(record);
}

typedef struct Old {
    uint32_t a, b;
} Old;
static const StateField old_a[] = { STATE(Old, a), { .type = STATE_END } };
static const StateField old_ab[] = { STATE(Old, a), STATE(Old, b), { .type = STATE_END } };
static const StateField old_a_opt_b[] = {
    STATE(Old, a),
    { .name = "b", .type = STATE_U32, .offset = offsetof(Old, b), .count = 1, .optional = true },
    { .type = STATE_END },
};

/* What versions that know more or fewer members make of each other's records. */
static void test_versions(void)
{
    Old o = { 1, 2 };
    GError *error = NULL;
    GByteArray *a = g_byte_array_new(), *ab = g_byte_array_new(), *opt = g_byte_array_new();
    state_save(old_a, &o, a);
    state_save(old_ab, &o, ab);
    state_save(old_a_opt_b, &o, opt);
    o = (Old){ 0 };
    g_assert_false(state_load(old_ab, &o, a->data, a->len, &error));
    g_assert_cmpstr(error->message, ==, "member 'b' is missing");
    g_clear_error(&error);
    g_assert_false(state_load(old_a, &o, ab->data, ab->len, &error));
    g_assert_cmpstr(error->message, ==, "member 'b' is unknown to this version");
    g_clear_error(&error);
    g_assert_cmpuint(o.a, ==, 0);
    g_assert_true(state_load(old_a, &o, opt->data, opt->len, &error));
    g_assert_true(state_load(old_a_opt_b, &o, a->data, a->len, &error));
    g_assert_cmpuint(o.a, ==, 1);
    g_assert_cmpuint(o.b, ==, 0);
    g_assert_true(state_load(old_a_opt_b, &o, ab->data, ab->len, &error));
    g_assert_cmpuint(o.b, ==, 2);
    g_byte_array_unref(a);
    g_byte_array_unref(ab);
    g_byte_array_unref(opt);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/registers", test_registers);
    g_test_add_func("/core/props", test_props);
    g_test_add_func("/core/help", test_help);
    g_test_add_func("/core/create", test_create);
    g_test_add_func("/core/records", test_records);
    g_test_add_func("/core/versions", test_versions);
    return g_test_run();
}
