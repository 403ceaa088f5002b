/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The balloon against virtio 1.2, 5.5: pages, reports, statistics, configuration, hostile drivers. */
#include <sys/mman.h>

#include "hw/attr.h"
#include "hw/balloon.h"
#include "hw/board.h"
#include "softmmu/guest_event.h"
#include "virtio_driver.h"

enum { INFLATE, DEFLATE, STATS, REPORTING, N_QUEUES, VICTIM = RAM + (2 << 20), PAGES = 256 };

static Json *change;
static int64_t now;

static int64_t test_clock(void)
{
    return now;
}

static void advance(int64_t ns)
{
    now += ns;
    clock_run_timers(CLOCK_VIRTUAL);
}

static void on_event(const char *name, Json *data)
{
    g_assert_cmpstr(name, ==, "BALLOON_CHANGE");
    json_free(change);
    change = data;
}

static void open_balloon(Driver *d, bool modern)
{
    static Machine machine = { .ram_size = RAM_BYTES };
    GHashTable *p = props("free-page-reporting", "on");
    current_machine = &machine;
    guest_event_set_listener(on_event);
    memset(at(RAM), 0, RAM_BYTES);
    driver_open(d, "virtio-balloon-device", p, modern);
    driver_start(d, N_QUEUES, 16, 0);
    memset(at(VICTIM), 0xaa, PAGES * 4096);
}

static unsigned resident(void)
{
    uint8_t in[PAGES];
    unsigned n = 0;
    g_assert_cmpint(mincore(at(VICTIM), PAGES * 4096, in), ==, 0);
    for (unsigned i = 0; i < PAGES; i++)
        n += in[i] & 1;
    return n;
}

static void send(Driver *d, unsigned queue, const void *data, unsigned len, bool in)
{
    uint32_t head, got;
    Seg s = { .addr = take(d, MAX(len, 1), 4), .len = len, .write = in };
    memcpy(at(s.addr), data, len);
    add(d, queue, &s, 1);
    kick(d, queue);
    g_assert_true(used(d, queue, &head, &got));
    g_assert_cmpuint(got, ==, 0);
    expect_irq(d);
}

static void test_pages(gconstpointer modern)
{
    Driver d;
    uint32_t pfn[PAGES], n = 0;
    open_balloon(&d, modern != NULL);
    RamDirtyLog *log = ram_dirty_log_new();
    g_assert_cmpuint(resident(), ==, PAGES);
    /* Every second page, backwards, some twice, and places that are no RAM. */
    for (int i = PAGES - 2; i >= 0; i -= 2)
        pfn[n++] = GUINT32_TO_LE((VICTIM >> 12) + (unsigned)i);
    pfn[n++] = pfn[3];
    pfn[n++] = 0;
    pfn[n++] = UINT32_MAX;
    pfn[n++] = GUINT32_TO_LE((RAM + RAM_BYTES) >> 12);
    send(&d, INFLATE, pfn, 4 * n + 3, false); /* and half a number */
    ram_dirty_log_sync();
    uint64_t first = memory_section_lookup(address_space_memory, RAM).ram_page +
                     (VICTIM - RAM) / 4096;
    g_assert_cmpuint(resident(), <=, PAGES / 2);
    for (unsigned i = 0; i < PAGES; i++) {
        g_assert_cmphex(*at(VICTIM + i * 4096 + 5), ==, i % 2 ? 0xaa : 0);
        g_assert_cmpint(ram_dirty_log_test(log, first + i), ==, !(i % 2));
    }
    send(&d, DEFLATE, pfn, 4 * n, false);
    *at(VICTIM) = 1; /* it is memory still */
    g_assert_cmphex(*at(VICTIM), ==, 1);
    ram_dirty_log_free(log);
    driver_close(&d);
}

static void test_reporting(void)
{
    Driver d;
    uint32_t head, len;
    open_balloon(&d, true);
    Seg s[] = { { VICTIM, 8 * 4096, true }, { VICTIM + 16 * 4096 + 100, 2 * 4096, true } };
    for (unsigned round = 0; round < 2; round++) {
        memset(at(VICTIM), 0xaa, PAGES * 4096);
        wr(0x10c, round ? 0 : 0xaaaaaaaa); /* poison */
        add(&d, REPORTING, s, 2);
        kick(&d, REPORTING);
        g_assert_true(used(&d, REPORTING, &head, &len));
        g_assert_cmphex(*at(VICTIM), ==, round ? 0 : 0xaa);
        g_assert_cmphex(*at(VICTIM + 8 * 4096), ==, 0xaa);
        g_assert_cmphex(*at(VICTIM + 16 * 4096), ==, 0xaa); /* whole pages only */
        g_assert_cmphex(*at(VICTIM + 17 * 4096), ==, round ? 0 : 0xaa);
        g_assert_cmphex(*at(VICTIM + 18 * 4096), ==, 0xaa);
    }
    driver_close(&d);
}

static uint64_t stat_of(Device *dev, const char *name)
{
    g_autoptr(Json) all = device_attrs(dev->type)[0].get(dev);
    return json_get_uint(json_get(all, "stats"), name, 0);
}

static bool set_interval(Device *dev, int64_t v, GError **error)
{
    g_autoptr(Json) j = json_int(v);
    return device_attrs(dev->type)[1].set(dev, j, error);
}

/* Tag and value of one, in a buffer that is offered anew. */
static void offer_stat(Driver *d, hwaddr buffer, uint16_t tag, uint64_t value)
{
    store_le16(at(buffer), tag);
    store_le64(at(buffer + 2), value);
    store_le16(at(buffer + 10), 77); /* unknown to all */
    Seg s = { .addr = buffer, .len = 25 };
    add(d, STATS, &s, 1);
    kick(d, STATS);
}

static void test_stats(void)
{
    Driver d;
    GError *error = NULL;
    uint32_t head, len;
    open_balloon(&d, true);
    hwaddr buffer = take(&d, 64, 4);
    g_assert_cmphex(stat_of(d.dev, "stat-free-memory"), ==, UINT64_MAX);
    offer_stat(&d, buffer, 4, 12345);
    g_assert_cmpuint(stat_of(d.dev, "stat-free-memory"), ==, 12345);
    advance(100 * G_GINT64_CONSTANT(1000000000));
    g_assert_false(used(&d, STATS, &head, &len)); /* nobody polls */
    g_assert_false(set_interval(d.dev, -1, &error));
    g_assert_cmpstr(error->message, ==, "timer value must be greater than zero");
    g_clear_error(&error);
    g_assert_false(set_interval(d.dev, 1LL << 32, &error));
    g_clear_error(&error);
    g_assert_true(set_interval(d.dev, 2, &error));
    for (unsigned round = 0; round < 3; round++) {
        advance(round ? 2 * G_GINT64_CONSTANT(1000000000) : 1);
        g_assert_true(used(&d, STATS, &head, &len));
        expect_irq(&d);
        offer_stat(&d, buffer, 5, round);
        g_assert_cmpuint(stat_of(d.dev, "stat-total-memory"), ==, round);
        g_assert_cmphex(stat_of(d.dev, "stat-free-memory"), ==, UINT64_MAX);
    }
    /* A record with the buffer in its queue, the timer running. */
    g_autoptr(GByteArray) one = g_byte_array_new(), two = g_byte_array_new();
    device_save(d.dev, one);
    g_assert_true(device_load(d.dev, one->data, one->len, &error));
    device_save(d.dev, two);
    g_assert_cmpmem(one->data, one->len, two->data, two->len);
    advance(2 * G_GINT64_CONSTANT(1000000000));
    g_assert_true(used(&d, STATS, &head, &len));
    g_assert_true(set_interval(d.dev, 0, &error));
    offer_stat(&d, buffer, 0, 9);
    advance(10 * G_GINT64_CONSTANT(1000000000));
    g_assert_false(used(&d, STATS, &head, &len));
    driver_close(&d);
}

static void test_size(void)
{
    Driver d;
    GError *error = NULL;
    g_assert_false(balloon_present());
    open_balloon(&d, true);
    Device *second = device_new(d.dev->type, NULL, NULL);
    g_assert_false(d.dev->type->realize(second, &error));
    g_assert_cmpstr(error->message, ==, "Only one balloon device is supported");
    g_clear_error(&error);
    device_unrealize(second);
    g_assert_cmpuint(balloon_actual(), ==, RAM_BYTES);
    balloon_set_target(RAM_BYTES - (1 << 20));
    g_assert_cmpuint(rd(0x60) & 2, ==, 2); /* configuration changed */
    g_assert_cmpuint(rd(0x100), ==, 256);
    balloon_set_target(UINT64_MAX);
    g_assert_cmpuint(rd(0x100), ==, 0);
    wr(0x104, 256);
    g_assert_cmpuint(balloon_actual(), ==, RAM_BYTES - (1 << 20));
    g_assert_cmpuint(json_get_uint(change, "actual", 0), ==, RAM_BYTES - (1 << 20));
    wr(0x104, UINT32_MAX); /* more than there is */
    g_assert_cmpuint(balloon_actual(), ==, 0);
    wr(0x100, 77); /* not the driver's to write */
    g_assert_cmpuint(rd(0x100), ==, 0);
    driver_close(&d);
    g_assert_false(balloon_present());
}

/* More requests than a turn serves, each with more pages than it is looked at. */
static void test_much(void)
{
    Driver d;
    uint32_t head, len;
    unsigned n = 0;
    open_balloon(&d, true);
    memset(at(VICTIM), 0, PAGES * 4096);
    Seg s = { .addr = VICTIM, .len = 1 << 20 };
    for (unsigned i = 0; i < 200; i++) {
        add(&d, INFLATE, &s, 1);
        kick(&d, INFLATE);
        advance(1);
        while (used(&d, INFLATE, &head, &len))
            n++;
    }
    g_assert_cmpuint(n, ==, 200);
    driver_close(&d);
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    clock_set_virtual_source(test_clock);
    g_test_add_data_func("/balloon/pages/legacy", NULL, test_pages);
    g_test_add_data_func("/balloon/pages/modern", "", test_pages);
    g_test_add_func("/balloon/reporting", test_reporting);
    g_test_add_func("/balloon/stats", test_stats);
    g_test_add_func("/balloon/size", test_size);
    g_test_add_func("/balloon/much", test_much);
    return test_end();
}
