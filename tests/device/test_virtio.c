/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtio devices behind virtio-mmio, legacy and modern: disks, entropy, serial ports. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/char.h"
#include "backend/object.h"
#include "backend/rng.h"
#include "virtio_driver.h"

/* ---- block ---- */

static void blk_basic(Driver *d)
{
    g_assert_cmpuint(rd(8), ==, 2);
    g_assert_cmpuint(rd(0x100), ==, DISK / 512);
    g_assert_cmpuint(rd(0x104), ==, 0);
    g_assert_cmpuint(rd(0x10c), ==, 254);
    g_assert_cmpuint(rd(0x114), ==, 512);

    Request r = request(d, 0, 5, 1024);
    g_assert_cmpint(run(d, &r, true, 1025), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data)), ==, 5);
    g_assert_cmpuint(load_le32(at(r.data + 512)), ==, 6);

    Request w = request(d, 1, 7, 512);
    memset(at(w.data), 0xa5, 512);
    g_assert_cmpint(run(d, &w, false, 1), ==, 0);
    r = request(d, 0, 6, 1536);
    g_assert_cmpint(run(d, &r, true, 1537), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data)), ==, 6);
    g_assert_cmpmem(at(r.data + 512), 512, at(w.data), 512);
    g_assert_cmpuint(load_le32(at(r.data + 1024)), ==, 8);

    Request f = request(d, 4, 0, 0);
    g_assert_cmpint(run(d, &f, false, 1), ==, 0);
    Request id = request(d, 8, 0, 20);
    g_assert_cmpint(run(d, &id, true, 21), ==, 0);
    g_assert_cmpstr((char *)at(id.data), ==, "SERIAL");
    Request bad = request(d, 99, 0, 0);
    g_assert_cmpint(run(d, &bad, false, 1), ==, 2);
    /* Beyond the end, and sector numbers that overflow. */
    static const uint64_t sectors[] = { DISK / 512, DISK / 512 - 1, UINT64_MAX, 1ull << 55 };
    for (unsigned i = 0; i < ARRAY_LEN(sectors); i++) {
        r = request(d, 0, sectors[i], 1024);
        g_assert_cmpint(run(d, &r, true, 1), ==, 1);
        w = request(d, 1, sectors[i], 1024);
        g_assert_cmpint(run(d, &w, false, 1), ==, 1);
    }
    r = request(d, 0, 0, 100);
    g_assert_cmpint(run(d, &r, true, 1), ==, 1);
}

static void blk_ranges(Driver *d)
{
    Request z = request(d, 13, 0, 16);
    store_le64(at(z.data), 6);
    store_le32(at(z.data + 8), 2);
    if (!(d->features >> 14 & 1)) {
        g_assert_cmpint(run(d, &z, false, 1), ==, 2);
        return;
    }
    g_assert_cmpint(run(d, &z, false, 1), ==, 0);
    Request r = request(d, 0, 5, 2048);
    g_assert_cmpint(run(d, &r, true, 2049), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data)), ==, 5);
    for (int i = 512; i < 1536; i++)
        g_assert_cmpint(*at(r.data + i), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data + 1536)), ==, 8);
    Request t = request(d, 11, 0, 16);
    store_le64(at(t.data), 8);
    store_le32(at(t.data + 8), 1);
    g_assert_cmpint(run(d, &t, false, 1), ==, 0);
    store_le32(at(t.data + 12), 1);
    g_assert_cmpint(run(d, &t, false, 1), ==, 2);
    store_le32(at(t.data + 12), 0);
    store_le64(at(t.data), UINT64_MAX);
    g_assert_cmpint(run(d, &t, false, 1), ==, 1);
    store_le64(at(t.data), 0);
    store_le32(at(t.data + 8), UINT32_MAX);
    g_assert_cmpint(run(d, &t, false, 1), ==, 1);
}

/* Header, data and status cut anyhow. */
static void blk_layout(Driver *d)
{
    Request r = request(d, 0, 1, 1024);
    Seg s[] = {
        { r.header, 3, false }, { r.header + 3, 13, false },
        { r.data, 7, true }, { r.data + 7, 1000, true }, { r.data + 1007, 18, true },
    };
    uint32_t head = 0, len = 0;
    add(d, 0, s, ARRAY_LEN(s));
    kick(d, 0);
    block_drain_all();
    g_assert_true(used(d, 0, &head, &len));
    g_assert_cmpuint(len, ==, 1025);
    g_assert_cmpint(*at(r.status), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data + 512)), ==, 2);

    Request w = request(d, 1, 40, 512);
    hwaddr joined = take(d, 528, 16);
    memcpy(at(joined), at(w.header), 16);
    memset(at(joined + 16), 0x3c, 512);
    Seg j[] = { { joined, 528, false }, { w.status, 1, true } };
    add(d, 0, j, 2);
    kick(d, 0);
    block_drain_all();
    g_assert_true(used(d, 0, &head, &len));
    g_assert_cmpint(*at(w.status), ==, 0);
    r = request(d, 0, 40, 512);
    wr(0x64, 3);
    g_assert_cmpint(run(d, &r, true, 513), ==, 0);
    g_assert_cmpmem(at(r.data), 512, at(joined + 16), 512);
}

static void blk_burst(Driver *d)
{
    Request r[16];
    bool seen[256] = { false };
    for (int round = 0; round < 40; round++) {
        d->next = RAM + (1 << 20);
        for (int i = 0; i < 16; i++) {
            r[i] = request(d, 0, 100 + i * 7 + round, 4096);
            submit(d, &r[i], true);
        }
        d->irqs = 0;
        kick(d, 0);
        block_drain_all();
        uint32_t head, len;
        for (int i = 0; i < 16; i++) {
            g_assert_true(used(d, 0, &head, &len));
            g_assert_cmpuint(len, ==, 4097);
            g_assert_cmpuint(load_le32(at(r[i].data)), ==, 100 + i * 7 + round);
            seen[head] = true;
        }
        g_assert_false(used(d, 0, &head, &len));
        g_assert_cmpuint(d->irqs, ==, 1);
        expect_irq(d);
    }
    g_assert_true(seen[0]);
}

static void test_blk(gconstpointer data)
{
    unsigned how = GPOINTER_TO_UINT(data);
    bool modern = how & 1;
    Driver d;
    disk_new(",discard=unmap");
    GHashTable *p = props("drive", "d");
    g_hash_table_insert(p, "serial", "SERIAL");
    driver_open(&d, "virtio-blk-device", p, modern);
    for (int again = 0; again < 2; again++) {
        d.next = RAM;
        driver_start(&d, 1, 256, how & 4 ? 0 : BIT(VIRTIO_F_EVENT_IDX));
        d.indirect = how & 2;
        if (!again)
            blk_basic(&d);
        else
            blk_burst(&d);
        if (!again) {
            blk_ranges(&d);
            blk_layout(&d);
        }
    }
    driver_close(&d);
    block_close_all();
}

static void test_blk_read_only(void)
{
    Driver d;
    disk_new(",readonly=on");
    driver_open(&d, "virtio-blk-device", props("drive", "d"), true);
    driver_start(&d, 1, 64, 0);
    g_assert_true(d.features >> 5 & 1);
    Request w = request(&d, 1, 0, 512), r = request(&d, 0, 9, 512), z = request(&d, 13, 0, 16);
    g_assert_cmpint(run(&d, &w, false, 1), ==, 1);
    g_assert_cmpint(run(&d, &z, false, 1), ==, 1);
    g_assert_cmpint(run(&d, &r, true, 513), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data)), ==, 9);
    driver_close(&d);
    block_close_all();
}

static void test_blk_errors(void)
{
    static const struct {
        const char *key, *value;
    } bad[] = {
        { "num-queues", "0" }, { "queue-size", "100" }, { "queue-size", "2048" },
        { "logical_block_size", "100" }, { "physical_block_size", "256" }, { "queue-size", "2" },
        { "drive", "" },
    };
    disk_new("");
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        g_autoptr(GError) error = NULL;
        Device *t = device_new(device_type_find("virtio-mmio"), NULL, NULL);
        g_assert_true(device_realize(t, NULL, NULL));
        GHashTable *p = props("driver", "virtio-blk-device");
        g_hash_table_insert(p, "drive", "d");
        g_hash_table_insert(p, (gpointer)bad[i].key, (gpointer)bad[i].value);
        g_assert_null(device_create_from_opts(p, &error));
        g_assert_nonnull(error);
        g_hash_table_unref(p);
        device_unrealize(t);
    }
    block_close_all();
}

/* Save in the middle of a conversation, into a fresh device. */
static void test_blk_snapshot(void)
{
    Driver d;
    disk_new("");
    driver_open(&d, "virtio-blk-device", props("drive", "d"), true);
    driver_start(&d, 1, 64, 0);
    Request r = request(&d, 0, 9, 512);
    g_assert_cmpint(run(&d, &r, true, 513), ==, 0);
    g_autoptr(GByteArray) transport = g_byte_array_new(), dev = g_byte_array_new(),
                          again = g_byte_array_new();
    device_save(d.transport, transport);
    device_save(d.dev, dev);
    device_reset(d.dev);
    device_reset(d.transport);
    g_autoptr(GError) error = NULL;
    g_assert_true(device_load(d.transport, transport->data, transport->len, &error));
    g_assert_true(device_load(d.dev, dev->data, dev->len, &error));
    device_save(d.dev, again);
    g_assert_cmpmem(dev->data, dev->len, again->data, again->len);
    r = request(&d, 0, 11, 512);
    g_assert_cmpint(run(&d, &r, true, 513), ==, 0);
    g_assert_cmpuint(load_le32(at(r.data)), ==, 11);
    g_assert_false(device_load(d.dev, dev->data, dev->len - 9, &error));
    driver_close(&d);
    block_close_all();
}

/* ---- entropy ---- */

static unsigned draw(Driver *d, uint32_t len, hwaddr *buf)
{
    uint32_t head, got = 0;
    *buf = take(d, len, 1);
    Seg s = { *buf, len, true };
    add(d, 0, &s, 1);
    kick(d, 0);
    return used(d, 0, &head, &got) ? got : 0;
}

static void test_rng(gconstpointer data)
{
    Driver d;
    hwaddr a, b;
    g_autoptr(GError) error = NULL;
    g_assert_true(object_add("rng-random,id=r0,filename=/dev/urandom", &error));
    g_assert_false(object_add("rng-random,id=r0", NULL));
    g_assert_false(object_add("rng-random,id=r1,filename=/nonexistent", NULL));
    g_assert_false(object_add("rng-rndom,id=r1", &error));
    g_assert_nonnull(strstr(error->message, "did you mean 'rng-random'"));
    g_clear_error(&error);
    GHashTable *p = GPOINTER_TO_UINT(data) & 2 ? props("rng", "r0") : NULL;
    driver_open(&d, "virtio-rng-device", p, GPOINTER_TO_UINT(data) & 1);
    driver_start(&d, 1, 8, 0);
    g_assert_cmpuint(rd(8), ==, 4);
    g_assert_cmpuint(draw(&d, 64, &a), ==, 64);
    expect_irq(&d);
    g_assert_cmpuint(draw(&d, 64, &b), ==, 64);
    g_assert_cmpint(memcmp(at(a), at(b), 64), !=, 0);
    g_assert_cmpuint(draw(&d, 1, &a), ==, 1);
    if (p)
        g_assert_false(object_del("r0", NULL));
    driver_close(&d);
    g_assert_true(object_del("r0", &error));
}

static void test_rng_limit(void)
{
    Driver d;
    hwaddr a;
    GHashTable *p = props("max-bytes", "100");
    g_hash_table_insert(p, "period", "1000000");
    driver_open(&d, "virtio-rng-device", p, true);
    driver_start(&d, 1, 8, 0);
    g_assert_cmpuint(draw(&d, 64, &a), ==, 64);
    g_assert_cmpuint(draw(&d, 64, &a), ==, 36);
    g_assert_cmpuint(draw(&d, 64, &a), ==, 0);
    g_assert_cmpuint(draw(&d, 64, &a), ==, 0);
    driver_close(&d);
}

static void count(void *opaque, const void *buf, size_t len)
{
    *(size_t *)opaque += len;
}

/* A slow source that others draw from, too: the requests wait in order, all of them. */
static void test_rng_slow(void)
{
    Driver d;
    uint32_t head, got;
    size_t other = 0, cancelled = 0;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_strdup_printf("%s.fifo", image);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    g_autofree char *text = g_strdup_printf("rng-random,id=r0,filename=%s", path);
    g_assert_true(object_add(text, &error));
    driver_open(&d, "virtio-rng-device", props("rng", "r0"), true);
    driver_start(&d, 1, 8, 0);
    Seg s[] = { { take(&d, 8, 1), 8, true }, { take(&d, 8, 1), 8, true } };
    add(&d, 0, &s[0], 1);
    add(&d, 0, &s[1], 1);
    kick(&d, 0);
    g_assert_false(used(&d, 0, &head, &got));
    RngBackend *r = object_use("r0", "rng-", &error);
    rng_request(r, 4, count, &other);
    rng_request(r, 4, count, &cancelled);
    rng_cancel(r, &cancelled);
    g_assert_cmpint(write(fd, "01234567abcd89abcdef", 20), ==, 20);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(other, ==, 4);
    g_assert_cmpuint(cancelled, ==, 0);
    g_assert_true(used(&d, 0, &head, &got) && got == 8);
    g_assert_cmpmem(at(s[0].addr), 8, "01234567", 8);
    g_assert_true(used(&d, 0, &head, &got) && got == 8);
    g_assert_cmpmem(at(s[1].addr), 8, "89abcdef", 8);
    object_unuse("r0");
    driver_close(&d);
    g_assert_true(object_del("r0", &error));
    close(fd);
    unlink(path);
}

/* ---- serial ports ---- */

enum { CONTROL_IN = 2, CONTROL_OUT = 3 };

static void say(Driver *d, unsigned queue, const void *data, uint32_t len)
{
    uint32_t head, got;
    hwaddr a = take(d, len, 1);
    memcpy(at(a), data, len);
    Seg s = { a, len, false };
    add(d, queue, &s, 1);
    kick(d, queue);
    g_assert_true(used(d, queue, &head, &got));
    g_assert_cmpuint(got, ==, 0);
}

static void send_control(Driver *d, uint32_t port, uint16_t event, uint16_t value)
{
    uint8_t m[8];
    store_le32(m, port);
    store_le16(m + 4, event);
    store_le16(m + 6, value);
    say(d, CONTROL_OUT, m, sizeof m);
}

static hwaddr post(Driver *d, unsigned queue, uint32_t len)
{
    hwaddr a = take(d, len, 8);
    Seg s = { a, len, true };
    add(d, queue, &s, 1);
    kick(d, queue);
    return a;
}

static void expect_control(Driver *d, uint32_t port, uint16_t event, const char *text)
{
    uint32_t head = 0, len = 0;
    hwaddr a = post(d, CONTROL_IN, 64);
    g_assert_true(used(d, CONTROL_IN, &head, &len));
    g_assert_cmpuint(len, ==, 8 + (text ? strlen(text) : 0));
    g_assert_cmpuint(load_le32(at(a)), ==, port);
    g_assert_cmpuint(load_le16(at(a + 4)), ==, event);
    g_assert_cmpuint(load_le16(at(a + 6)), ==, 1);
    if (text)
        g_assert_cmpmem(at(a + 8), strlen(text), text, strlen(text));
}

static void expect_output(Chardev *c, const char *text)
{
    char buf[256];
    size_t len = sizeof buf;
    g_assert_true(chardev_ringbuf_read(c, buf, &len));
    g_assert_cmpmem(buf, len, text, strlen(text));
}

static Device *port_new(const char *type, const char *chardev, const char *name, GError **error)
{
    GHashTable *p = props("driver", type);
    g_hash_table_insert(p, "chardev", (gpointer)chardev);
    if (name)
        g_hash_table_insert(p, "name", (gpointer)name);
    Device *dev = device_create_from_opts(p, error);
    g_hash_table_unref(p);
    return dev;
}

/* Two ports: the console on a ring buffer, the other on a socket that the test connects to. */
static void test_serial(gconstpointer data)
{
    Driver d;
    bool modern = GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_strdup_printf("%s.sock", image);
    g_autofree char *text = g_strdup_printf("socket,id=c1,path=%s,server=on,wait=off", path);
    Chardev *ring = chardev_new_from_opts("ringbuf,id=c0,size=4096", &error);
    g_assert_no_error(error);
    Chardev *sock = chardev_new_from_opts(text, &error);
    g_assert_no_error(error);
    driver_open(&d, "virtio-serial-device", NULL, modern);
    g_assert_nonnull(port_new("virtconsole", "c0", NULL, &error));
    g_assert_nonnull(port_new("virtserialport", "c1", "org.test.0", &error));
    g_assert_null(port_new("virtserialport", "c1", "org.test.0", &error));
    g_clear_error(&error);
    driver_start(&d, 6, 64, 0);
    g_assert_cmpuint(rd(8), ==, 3);
    g_assert_cmpuint(rd(0x104), ==, 31);

    send_control(&d, 0, 0, 1);
    expect_control(&d, 0, 1, NULL);
    expect_control(&d, 1, 1, NULL);
    send_control(&d, 0, 3, 1);
    expect_control(&d, 0, 4, NULL);
    expect_control(&d, 0, 6, NULL);
    send_control(&d, 1, 3, 1);
    expect_control(&d, 1, 7, "org.test.0");
    send_control(&d, 0, 6, 1);
    say(&d, 1, "hello", 5);
    expect_output(ring, "hello");
    wr(0x108, 'X');
    expect_output(ring, "X");

    /* A client comes: the guest hears of it; bytes both ways. */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    g_strlcpy(addr.sun_path, path, sizeof addr.sun_path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof addr), ==, 0);
    g_assert_cmpint(write(fd, "abcdefgh", 8), ==, 8);
    for (int i = 0; i < 20; i++)
        g_main_context_iteration(NULL, FALSE);
    expect_control(&d, 1, 6, NULL);
    hwaddr a = post(&d, 4, 5);
    uint32_t head = 0, len = 0;
    for (int i = 0; i < 20; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_false(used(&d, 4, &head, &len)); /* the guest has not opened it */
    send_control(&d, 1, 6, 1);
    for (int i = 0; i < 20; i++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_true(used(&d, 4, &head, &len));
    g_assert_cmpuint(len, ==, 5);
    g_assert_cmpmem(at(a), 5, "abcde", 5);
    a = post(&d, 4, 64);
    g_assert_true(used(&d, 4, &head, &len));
    g_assert_cmpuint(len, ==, 3);
    g_assert_cmpmem(at(a), 3, "fgh", 3);
    say(&d, 5, "reply", 5);
    char buf[16];
    g_assert_cmpint(read(fd, buf, sizeof buf), ==, 5);

    /* Nonsense: unknown ports and events, short messages. */
    send_control(&d, 1000, 3, 1);
    send_control(&d, 30, 6, 1);
    send_control(&d, 0, 77, 1);
    say(&d, CONTROL_OUT, "abc", 3);
    g_autoptr(GByteArray) one = g_byte_array_new(), two = g_byte_array_new();
    device_save(d.dev, one);
    g_assert_true(device_load(d.dev, one->data, one->len, &error));
    device_save(d.dev, two);
    g_assert_cmpmem(one->data, one->len, two->data, two->len);
    close(fd);
    driver_close(&d);
    chardev_free(ring);
    chardev_free(sock);
    g_unlink(path);
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    static const char *const modes[] = { "legacy", "modern" };
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *name = g_strdup_printf("/virtio/blk/%s%s%s", modes[i & 1],
                                                i & 2 ? "-indirect" : "", i & 4 ? "-event" : "");
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_blk);
    }
    g_test_add_func("/virtio/blk/read-only", test_blk_read_only);
    g_test_add_func("/virtio/blk/errors", test_blk_errors);
    g_test_add_func("/virtio/blk/snapshot", test_blk_snapshot);
    g_test_add_func("/virtio/rng/limit", test_rng_limit);
    g_test_add_func("/virtio/rng/slow", test_rng_slow);
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *rng = g_strdup_printf("/virtio/rng/%s", modes[i]);
        g_autofree char *file = g_strdup_printf("/virtio/rng/%s-file", modes[i]);
        g_autofree char *serial = g_strdup_printf("/virtio/serial/%s", modes[i]);
        g_test_add_data_func(rng, GUINT_TO_POINTER(i), test_rng);
        g_test_add_data_func(file, GUINT_TO_POINTER(i | 2), test_rng);
        g_test_add_data_func(serial, GUINT_TO_POINTER(i), test_serial);
    }
    return test_end();
}
