/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio input devices as a driver sees them (virtio 1.2, 5.8), and which device gets what. Codes are
 * those that Linux read from the same commands on the reference.
 */
#include <linux/input-event-codes.h>

#include "backend/display.h"
#include "backend/input.h"
#include "virtio_driver.h"

enum { BUFFERS = 16 };

static hwaddr buffers[BUFFERS];
static unsigned posted;

static void post_buffers(Driver *d, unsigned n, unsigned len)
{
    for (unsigned i = 0; i < n; i++) {
        hwaddr a = take(d, 8, 8);
        Seg s = { a, len, true };
        unsigned head = add(d, 0, &s, 1);
        g_assert_cmpuint(head, ==, posted % BUFFERS);
        buffers[posted++ % BUFFERS] = a;
    }
    kick(d, 0);
}

static void expect(Driver *d, unsigned type, unsigned code, int32_t value)
{
    uint32_t head = 0, len = 0;
    g_assert_true(used(d, 0, &head, &len));
    g_assert_cmpuint(len, ==, 8);
    const uint8_t *e = at(buffers[head]);
    g_assert_cmpuint(load_le16(e), ==, type);
    g_assert_cmpuint(load_le16(e + 2), ==, code);
    g_assert_cmpint((int32_t)load_le32(e + 4), ==, value);
}

static void expect_nothing(Driver *d)
{
    uint32_t head, len;
    g_assert_false(used(d, 0, &head, &len));
}

/* Reads the answer; its length. */
static unsigned ask(unsigned select, unsigned subsel, uint8_t *data)
{
    uint64_t v;
    address_space_store(address_space_memory, MMIO + 0x100, 1, select);
    address_space_store(address_space_memory, MMIO + 0x101, 1, subsel);
    for (unsigned i = 0; i < 128; i++) {
        address_space_load(address_space_memory, MMIO + 0x108 + i, 1, &v);
        data[i] = v;
    }
    address_space_load(address_space_memory, MMIO + 0x102, 1, &v);
    return v;
}

static void open_device(Driver *d, const char *type, GHashTable *more)
{
    posted = 0;
    driver_open(d, type, more, true);
    driver_start(d, 2, BUFFERS, 0);
}

static void send(InputKind kind, unsigned code, int32_t value)
{
    input_send(NULL, &(InputEvent){ kind, code, value }, 1);
}

static void test_keyboard(void)
{
    Driver d;
    uint8_t data[128];
    open_device(&d, "virtio-keyboard-device", props("serial", "s1"));
    g_assert_cmpuint(ask(1, 0, data), ==, 21);
    g_assert_cmpstr((char *)data, ==, "QEMU Virtio Keyboard");
    g_assert_cmpuint(ask(1, 1, data), ==, 0);
    g_assert_cmpuint(ask(2, 0, data), ==, 2);
    g_assert_cmpmem(data, 2, "s1", 2);
    g_assert_cmpuint(ask(3, 0, data), ==, 8);
    g_assert_cmpmem(data, 8, "\x06\x00\x27\x06\x01\x00\x01\x00", 8);
    g_assert_cmpuint(ask(0x11, EV_KEY, data), ==, KEY_MEDIA / 8 + 1);
    g_assert_cmphex(data[0], ==, 0xfe);
    g_assert_cmpuint(ask(0x11, EV_LED, data), ==, 1);
    g_assert_cmphex(data[0], ==, 7);
    g_assert_cmpuint(ask(0x11, EV_REP, data), ==, 1);
    g_assert_cmpuint(ask(0x11, EV_REL, data), ==, 0);
    g_assert_cmpuint(ask(0x12, 0, data), ==, 0);
    g_assert_cmpuint(ask(0xff, 0xff, data), ==, 0);

    send(INPUT_KEY, input_key_find("a", 1), 1); /* no buffers: lost */
    expect_nothing(&d);
    post_buffers(&d, 1, 8);
    send(INPUT_KEY, input_key_find("a", 1), 1); /* not half */
    expect_nothing(&d);
    post_buffers(&d, 6, 8);
    send(INPUT_KEY, input_key_find("a", 1), 1);
    expect(&d, EV_KEY, KEY_A, 1);
    expect(&d, EV_SYN, SYN_REPORT, 0);
    send(INPUT_KEY, 0, 1);
    send(INPUT_REL, INPUT_X, 1);
    expect_nothing(&d);
    InputEvent both[] = { { INPUT_KEY, input_key_find("ctrl", 4), 1 },
                          { INPUT_KEY, input_key_from_number(0xc8), 0 } };
    input_send(NULL, both, 2);
    expect(&d, EV_KEY, KEY_LEFTCTRL, 1);
    expect(&d, EV_KEY, KEY_UP, 0);
    expect(&d, EV_SYN, SYN_REPORT, 0);
    /* A buffer that is too short gets what fits, and an event of many parts does no harm. */
    post_buffers(&d, 1, 3);
    InputEvent many[200];
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++)
        many[i] = both[i & 1];
    input_send(NULL, many, G_N_ELEMENTS(many));
    expect_nothing(&d);
    g_assert_true(input_possible(INPUT_KEY, NULL));
    g_assert_false(input_possible(INPUT_ABS, NULL));

    /* Lights, and one message that is none. */
    static const uint16_t lights[][3] = { { EV_LED, LED_CAPSL, 1 }, { EV_LED, LED_NUML, 1 },
                                          { EV_LED, LED_NUML, 0 }, { EV_LED, 40, 1 }, { 9, 0, 1 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(lights); i++) {
        Seg s = { take(&d, 8, 8), i == 4 ? 4 : 8, false };
        store_le16(at(s.addr), lights[i][0]);
        store_le16(at(s.addr) + 2, lights[i][1]);
        store_le32(at(s.addr) + 4, lights[i][2]);
        add(&d, 1, &s, 1);
    }
    kick(&d, 1);
    g_autoptr(GString) info = g_string_new(NULL);
    d.dev->type->info(d.dev, info);
    g_assert_cmpstr(info->str, ==, "light caps-lock is on\n");

    g_autoptr(GByteArray) one = g_byte_array_new(), two = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    device_save(d.dev, one);
    device_reset(d.dev);
    send(INPUT_KEY, input_key_find("a", 1), 1); /* nobody listens */
    g_assert_true(device_load(d.dev, one->data, one->len, &error));
    device_save(d.dev, two);
    g_assert_cmpmem(one->data, one->len, two->data, two->len);
    post_buffers(&d, 2, 8);
    uint32_t head, len;
    while (used(&d, 0, &head, &len))
        ;
    driver_close(&d);
    send(INPUT_KEY, input_key_find("a", 1), 1);
}

static int64_t now;

static int64_t virtual_now(void)
{
    return now;
}

static void pass(int64_t ns)
{
    now += ns;
    clock_run_timers(CLOCK_VIRTUAL);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void test_hold(void)
{
    Driver d;
    clock_set_virtual_source(virtual_now);
    open_device(&d, "virtio-keyboard-device", NULL);
    post_buffers(&d, BUFFERS, 8);
    unsigned keys[] = { input_key_find("alt", 3), input_key_find("x", 1) };
    input_press_keys(keys, 2, 5);
    static const unsigned wanted[][2] = { { KEY_LEFTALT, 1 }, { KEY_X, 1 }, { KEY_X, 0 },
                                          { KEY_LEFTALT, 0 } };
    for (unsigned i = 0; i < 4; i++) {
        pass(i ? 4999999 : 0);
        if (i)
            expect_nothing(&d);
        pass(i ? 1 : 0);
        expect(&d, EV_KEY, wanted[i][0], wanted[i][1]);
        expect(&d, EV_SYN, SYN_REPORT, 0);
    }
    /* Somebody who types without end takes no memory without end. */
    for (unsigned i = 0; i < 100000; i++)
        input_press_keys(keys, 2, INT64_MAX);
    driver_close(&d);
}

static bool nothing(void *opaque, unsigned head, DisplayFrame *f)
{
    return false;
}

/* A keyboard of a screen hears of that screen's user only. */
static void test_bound(void)
{
    static const DisplayOps ops = { nothing };
    Driver d;
    GHashTable *more = props("display", "g");
    g_hash_table_insert(more, (gpointer)"head", (gpointer)"1");
    DisplayConsole *c = display_console_new(&ops, NULL, "g", 1);
    DisplayConsole *other = display_console_new(&ops, NULL, "g", 0);
    open_device(&d, "virtio-keyboard-device", more);
    post_buffers(&d, BUFFERS, 8);
    InputEvent e = { INPUT_KEY, input_key_find("a", 1), 1 };
    input_send(NULL, &e, 1);
    input_send(other, &e, 1);
    expect_nothing(&d);
    g_assert_false(input_possible(INPUT_KEY, NULL));
    g_assert_true(input_possible(INPUT_KEY, c));
    input_send(c, &e, 1);
    expect(&d, EV_KEY, KEY_A, 1);
    driver_close(&d);
    display_console_free(c);
    display_console_free(other);
}

static void see_mouse(void *arg, const char *name, unsigned index, bool current, bool absolute)
{
    g_string_append_printf(arg, "%s%s%s;", current ? "*" : "", name, absolute ? " abs" : "");
}

static void test_pointers(void)
{
    Driver d;
    uint8_t data[128];
    open_device(&d, "virtio-tablet-device", NULL);
    g_assert_cmpuint(ask(0x12, ABS_Y, data), ==, 20);
    g_assert_cmpuint(load_le32(data + 4), ==, 32767);
    g_assert_cmpuint(ask(0x12, 2, data), ==, 0);
    g_assert_cmpuint(ask(0x11, EV_ABS, data), ==, 1);
    g_assert_cmphex(data[0], ==, 3);
    g_assert_cmpuint(ask(0x11, EV_REL, data), ==, 2);
    g_assert_cmphex(data[1], ==, 1);
    post_buffers(&d, BUFFERS, 8);
    InputEvent place[] = { { INPUT_ABS, INPUT_X, 100 }, { INPUT_ABS, INPUT_Y, INPUT_ABS_MAX } };
    input_send(NULL, place, 2);
    expect(&d, EV_ABS, ABS_X, 100);
    expect(&d, EV_ABS, ABS_Y, 32767);
    expect(&d, EV_SYN, SYN_REPORT, 0);
    send(INPUT_BUTTON, INPUT_WHEEL_DOWN, 1);
    expect(&d, EV_REL, REL_WHEEL, -1);
    expect(&d, EV_SYN, SYN_REPORT, 0);
    send(INPUT_BUTTON, INPUT_WHEEL_DOWN, 0);
    send(INPUT_BUTTON, INPUT_WHEEL_LEFT, 1);
    expect_nothing(&d);
    send(INPUT_BUTTON, INPUT_RIGHT, 1);
    expect(&d, EV_KEY, BTN_RIGHT, 1);
    g_autoptr(GString) mice = g_string_new(NULL);
    input_foreach_mouse(see_mouse, mice);
    g_assert_cmpstr(mice->str, ==, "*QEMU Virtio Tablet abs;");
    g_assert_true(input_is_absolute(NULL));
    g_assert_false(input_select_mouse(99999, NULL));
    driver_close(&d);

    open_device(&d, "virtio-mouse-device", props("wheel-axis", "off"));
    g_assert_cmpuint(ask(0x11, EV_REL, data), ==, 1);
    g_assert_cmpuint(ask(3, 0, data), ==, 8);
    g_assert_cmpuint(data[6], ==, 1);
    post_buffers(&d, BUFFERS, 8);
    send(INPUT_REL, INPUT_Y, -7);
    expect(&d, EV_REL, REL_Y, -7);
    expect(&d, EV_SYN, SYN_REPORT, 0);
    send(INPUT_BUTTON, INPUT_WHEEL_UP, 1);
    expect(&d, EV_KEY, BTN_GEAR_UP, 1);
    driver_close(&d);
}

/* The table of keys against itself: no name, number or keysym stands for two. */
static void test_keys(void)
{
    g_assert_cmpuint(input_key_count(), ==, 150);
    for (unsigned key = 1; key < input_key_count(); key++) {
        const char *name = input_key_name(key);
        g_assert_cmpuint(input_key_find(name, strlen(name)), ==, key);
        g_assert_cmpuint(input_key_linux(key), !=, 0);
    }
    unsigned numbers = 0;
    for (int n = -1; n < 0x200; n++)
        numbers += input_key_from_number(n) != 0;
    g_assert_cmpuint(numbers, ==, 148); /* asterisk and kp_multiply are one */
    g_assert_cmpuint(input_key_from_keysym('A'), ==, input_key_find("a", 1));
    g_assert_cmpuint(input_key_from_keysym(0xff0d), ==, input_key_find("ret", 3));
    g_assert_cmpuint(input_key_from_keysym(0), ==, 0);
    g_assert_cmpuint(input_key_linux(1000), ==, 0);
    g_assert_cmpstr(input_key_name(0), ==, "unmapped");
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    vm_start();
    g_test_add_func("/input/keys", test_keys);
    g_test_add_func("/input/keyboard", test_keyboard);
    g_test_add_func("/input/pointers", test_pointers);
    g_test_add_func("/input/bound", test_bound);
    g_test_add_func("/input/hold", test_hold);
    return test_end();
}
