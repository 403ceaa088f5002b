/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio devices behind virtio-mmio, legacy and modern, driven by a small guest driver that
 * builds its rings in guest RAM: good requests, bad requests, and hostile rings.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/block.h"
#include "backend/char.h"
#include "backend/object.h"
#include "hw/pci.h"
#include "hw/virtio.h"
#include "softmmu/run.h"
#include "util/bits.h"

enum { MMIO = 0x10001000, RAM = 0x80000000, RAM_BYTES = 4 << 20, QUEUES = 8 };

static MemoryRegion ram;
static uint8_t *host; /* of RAM */

/* ---- the driver ---- */

typedef struct Vq {
    unsigned num;
    hwaddr desc, avail, used;
    uint16_t avail_idx, used_seen, next_desc;
} Vq;

typedef struct Driver {
    Device *transport, *dev;
    bool modern, indirect;
    uint64_t features;
    Vq q[QUEUES];
    hwaddr next; /* free RAM */
    unsigned irqs;
    int level;
    hwaddr notify, isr;  /* PCI */
    unsigned notify_size;
} Driver;

typedef struct Seg {
    hwaddr addr;
    uint32_t len;
    bool write;
} Seg;

static uint32_t rd(hwaddr offset)
{
    uint64_t v;
    g_assert_cmpint(address_space_load(address_space_memory, MMIO + offset, 4, &v), ==, MEM_OK);
    return v;
}

static void wr(hwaddr offset, uint32_t v)
{
    g_assert_cmpint(address_space_store(address_space_memory, MMIO + offset, 4, v), ==, MEM_OK);
}

static uint8_t *at(hwaddr addr)
{
    g_assert_true(addr >= RAM && addr < RAM + RAM_BYTES);
    return host + (addr - RAM);
}

static void on_irq(void *opaque, int n, int level)
{
    Driver *d = opaque;
    d->irqs += level && !d->level;
    d->level = level;
}

static hwaddr take(Driver *d, uint64_t len, uint64_t align)
{
    hwaddr a = ALIGN_UP(d->next, align);
    d->next = a + len;
    g_assert_cmpuint(d->next, <=, RAM + RAM_BYTES);
    memset(at(a), 0, len);
    return a;
}

static void queue_setup(Driver *d, unsigned n, unsigned num)
{
    Vq *q = &d->q[n];
    *q = (Vq){ .num = num };
    wr(0x30, n);
    g_assert_cmpuint(rd(0x34), >=, num);
    wr(0x38, num);
    hwaddr base = take(d, 3 * 4096, 4096);
    q->desc = base;
    q->avail = base + 16 * num;
    if (d->modern) {
        q->used = ALIGN_UP(q->avail + 6 + 2 * num, 4);
        g_assert_cmpuint(rd(0x44), ==, 0);
        wr(0x80, q->desc);
        wr(0x84, q->desc >> 32);
        wr(0x90, q->avail);
        wr(0x94, q->avail >> 32);
        wr(0xa0, q->used);
        wr(0xa4, q->used >> 32);
        wr(0x44, 1);
        g_assert_cmpuint(rd(0x44), ==, 1);
    } else {
        q->used = ALIGN_UP(q->avail + 6 + 2 * num, 4096);
        g_assert_cmpuint(rd(0x40), ==, 0);
        wr(0x3c, 4096);
        wr(0x40, q->desc >> 12);
        g_assert_cmpuint(rd(0x40), ==, q->desc >> 12);
    }
}

/* Negotiates what is on offer except `without`. */
static void driver_start(Driver *d, unsigned n_queues, unsigned num, uint64_t without)
{
    g_assert_cmpuint(rd(0), ==, 0x74726976);
    g_assert_cmpuint(rd(4), ==, d->modern ? 2 : 1);
    if (!d->modern)
        wr(0x28, 4096);
    wr(0x70, 0);
    g_assert_cmpuint(rd(0x70), ==, 0);
    wr(0x70, 1);
    wr(0x70, 3);
    wr(0x14, 0);
    d->features = rd(0x10);
    wr(0x14, 1);
    d->features |= (uint64_t)rd(0x10) << 32;
    d->features &= ~without;
    if (!d->modern)
        d->features &= MASK(32);
    wr(0x24, 0);
    wr(0x20, d->features);
    if (d->modern) {
        wr(0x24, 1);
        wr(0x20, d->features >> 32);
        wr(0x70, 11);
        g_assert_cmpuint(rd(0x70), ==, 11);
    }
    for (unsigned i = 0; i < n_queues; i++)
        queue_setup(d, i, num);
    wr(0x70, d->modern ? 15 : 7);
    d->irqs = 0;
}

static void driver_open(Driver *d, const char *type, GHashTable *props, bool modern)
{
    *d = (Driver){ .modern = modern, .next = RAM };
    g_autoptr(GError) error = NULL;
    d->transport = device_new(device_type_find("virtio-mmio"), NULL, NULL);
    g_assert_true(device_set_prop(d->transport, "force-legacy", modern ? "off" : "on", &error));
    g_assert_true(device_realize(d->transport, NULL, &error));
    device_map(d->transport, MMIO);
    irq_connect(&d->transport->irq[0], (IrqSink){ .set = on_irq, .opaque = d });
    g_assert_cmpuint(rd(8), ==, 0);
    if (!props)
        props = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(props, "driver", (gpointer)type);
    d->dev = device_create_from_opts(props, &error);
    g_assert_no_error(error);
    g_hash_table_unref(props);
    device_reset(d->transport);
    device_reset(d->dev);
}

static void driver_close(Driver *d)
{
    device_unrealize(d->transport);
}

static void put_desc(hwaddr table, unsigned i, const Seg *s, unsigned flags, unsigned next)
{
    uint8_t *p = at(table + 16 * i);
    store_le64(p, s->addr);
    store_le32(p + 8, s->len);
    store_le16(p + 12, flags | (s->write ? 2 : 0));
    store_le16(p + 14, next);
}

/* Returns the head. */
static unsigned add(Driver *d, unsigned n, const Seg *segs, unsigned count)
{
    Vq *q = &d->q[n];
    unsigned head = q->next_desc;
    if (d->indirect) {
        hwaddr table = take(d, 16 * count, 16);
        for (unsigned i = 0; i < count; i++)
            put_desc(table, i, &segs[i], i + 1 < count ? 1 : 0, i + 1);
        Seg s = { .addr = table, .len = 16 * count };
        put_desc(q->desc, head, &s, 4, 0);
        q->next_desc = (head + 1) % q->num;
    } else {
        for (unsigned i = 0; i < count; i++)
            put_desc(q->desc, (head + i) % q->num, &segs[i], i + 1 < count ? 1 : 0,
                     (head + i + 1) % q->num);
        q->next_desc = (head + count) % q->num;
    }
    store_le16(at(q->avail + 4 + 2 * (q->avail_idx % q->num)), head);
    q->avail_idx++;
    store_le16(at(q->avail + 2), q->avail_idx);
    return head;
}

static void kick(Driver *d, unsigned n)
{
    Vq *q = &d->q[n];
    /* With event indices a driver kicks only when the device asked for it. */
    if (d->features >> VIRTIO_F_EVENT_IDX & 1)
        store_le16(at(q->avail + 4 + 2 * q->num), q->used_seen);
    if (d->notify)
        address_space_store(address_space_memory, d->notify, d->notify_size, n);
    else
        wr(0x50, n);
}

static bool used(Driver *d, unsigned n, uint32_t *head, uint32_t *len)
{
    Vq *q = &d->q[n];
    if (load_le16(at(q->used + 2)) == q->used_seen)
        return false;
    uint8_t *p = at(q->used + 4 + 8 * (q->used_seen % q->num));
    *head = load_le32(p);
    *len = load_le32(p + 4);
    q->used_seen++;
    if (d->features >> VIRTIO_F_EVENT_IDX & 1)
        store_le16(at(q->avail + 4 + 2 * q->num), q->used_seen);
    return true;
}

static void expect_irq(Driver *d)
{
    uint64_t isr;
    if (d->notify && !d->isr) /* MSI-X */
        return;
    g_assert_cmpint(d->level, ==, 1);
    if (d->isr) {
        address_space_load(address_space_memory, d->isr, 1, &isr);
        g_assert_cmpuint(isr & 1, ==, 1);
        g_assert_cmpint(d->level, ==, 0);
        return;
    }
    g_assert_cmpuint(rd(0x60) & 1, ==, 1);
    wr(0x64, 1);
    g_assert_cmpint(d->level, ==, 0);
}

/* ---- block ---- */

enum { DISK = 1 << 20 };

static GHashTable *props(const char *key, const char *value)
{
    GHashTable *p = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(p, (gpointer)key, (gpointer)value);
    return p;
}

static char *image;

static void disk_new(const char *more)
{
    g_autofree char *zeros = g_malloc0(DISK);
    for (int i = 0; i < DISK; i += 512)
        store_le32(zeros + i, i / 512);
    g_assert_true(g_file_set_contents(image, zeros, DISK, NULL));
    g_autofree char *text = g_strdup_printf("file=%s,format=raw,if=none,id=d%s", image, more);
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(drive_new(text, NULL, &error));
}

typedef struct Request {
    hwaddr header, data, status;
    uint32_t len;
} Request;

static Request request(Driver *d, uint32_t type, uint64_t sector, uint32_t len)
{
    Request r = { .header = take(d, 16, 1), .data = take(d, len + 1, 4), .len = len };
    r.status = r.data + len;
    store_le32(at(r.header), type);
    store_le64(at(r.header + 8), sector);
    *at(r.status) = 0xee;
    return r;
}

static unsigned submit(Driver *d, const Request *r, bool write)
{
    Seg s[] = { { r->header, 16, false }, { r->data, r->len, write }, { r->status, 1, true } };
    Seg none[] = { s[0], s[2] };
    return r->len ? add(d, 0, s, 3) : add(d, 0, none, 2);
}

static int run(Driver *d, const Request *r, bool write, uint32_t want_len)
{
    uint32_t head, len, want = submit(d, r, write);
    kick(d, 0);
    block_drain_all();
    g_assert_true(used(d, 0, &head, &len));
    g_assert_cmpuint(head, ==, want);
    if (*at(r->status) == 0)
        g_assert_cmpuint(len, ==, want_len);
    expect_irq(d);
    return *at(r->status);
}

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
    uint32_t head, len;
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
    uint32_t head, len;
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
    uint32_t head, len;
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

/* ---- PCI ---- */

enum { PCI_MEM = 0x40000000, PCI_IO = 0x30000000, BAR0 = 0x1000, BAR1 = PCI_MEM + 0x10000,
       BAR4 = PCI_MEM + 0x20000 };

static PciBus *pci;

static void on_intx(void *opaque, int pin, int level)
{
    Driver *d = *(Driver **)opaque;
    if (d)
        on_irq(d, pin, level);
}

static Driver *pci_driver;

static void pci_init(void)
{
    static MemoryRegion mem, io;
    memory_region_init_container(&mem, "pci-mem", 1ull << 40);
    memory_region_init_container(&io, "pci-io", 0x10000);
    memory_region_add(memory_system_root(), 0, &mem, -1);
    memory_region_add(memory_system_root(), PCI_IO, &io, 0);
    pci = pci_bus_new(NULL, "pcie.0", &mem, &io);
    pci->set_intx = on_intx;
    pci->opaque = &pci_driver;
}

static void ld(hwaddr a, unsigned size, uint64_t want)
{
    uint64_t v;
    g_assert_cmpint(address_space_load(address_space_memory, a, size, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, want);
}

static void st(hwaddr a, unsigned size, uint64_t v)
{
    g_assert_cmpint(address_space_store(address_space_memory, a, size, v), ==, MEM_OK);
}

/* Offset of the n-th capability with this id (and virtio type), or 0. */
static unsigned find_cap(uint8_t id, uint8_t type)
{
    for (unsigned at = pci_config_read(pci, 0, 0, 0x34, 1); at;
         at = pci_config_read(pci, 0, 0, at + 1, 1))
        if (pci_config_read(pci, 0, 0, at, 1) == id &&
            (id != 9 || pci_config_read(pci, 0, 0, at + 3, 1) == type))
            return at;
    return 0;
}

static hwaddr cap_address(uint8_t type)
{
    unsigned at = find_cap(9, type);
    g_assert_cmpuint(at, !=, 0);
    g_assert_cmpuint(pci_config_read(pci, 0, 0, at + 4, 1), ==, 4);
    return BAR4 + pci_config_read(pci, 0, 0, at + 8, 4);
}

static void pci_queue(Driver *d, hwaddr common)
{
    Vq *q = &d->q[0];
    *q = (Vq){ .num = 64 };
    q->desc = take(d, 3 * 4096, 4096);
    q->avail = q->desc + 16 * q->num;
    if (d->modern) {
        q->used = q->avail + 1024;
        st(common + 22, 2, 0);
        ld(common + 24, 2, 256);
        st(common + 24, 2, 64);
        for (int i = 0; i < 3; i++) {
            hwaddr a = i == 0 ? q->desc : i == 1 ? q->avail : q->used;
            st(common + 32 + 8 * i, 4, a);
            st(common + 36 + 8 * i, 4, a >> 32);
            ld(common + 32 + 8 * i, 8, a);
        }
        st(common + 28, 2, 1);
        ld(common + 28, 2, 1);
    } else {
        q->num = 256;
        q->avail = q->desc + 16 * q->num;
        q->used = ALIGN_UP(q->avail + 6 + 2 * q->num, 4096);
        st(common + 14, 2, 0);
        ld(common + 12, 2, 256);
        st(common + 8, 4, q->desc >> 12);
        ld(common + 8, 4, q->desc >> 12);
    }
}

static void test_pci(gconstpointer data)
{
    unsigned how = GPOINTER_TO_UINT(data);
    bool modern = how & 1, msix = how & 2;
    Driver d = { .modern = modern, .next = RAM };
    g_autoptr(GError) error = NULL;
    disk_new("");
    GHashTable *p = props("driver", modern ? "virtio-blk-pci-non-transitional" : "virtio-blk");
    g_hash_table_insert(p, "drive", "d");
    g_hash_table_insert(p, "serial", "SERIAL");
    d.dev = device_create_from_opts(p, &error);
    g_hash_table_unref(p);
    g_assert_no_error(error);
    pci_driver = &d;
    device_reset(d.dev);
    g_assert_cmphex(pci_config_read(pci, 0, 0, 0, 4), ==, modern ? 0x10421af4 : 0x10011af4);
    g_assert_cmphex(pci_config_read(pci, 0, 0, 8, 4), ==, modern ? 0x01000001 : 0x01000000);
    g_assert_cmphex(pci_config_read(pci, 0, 0, 0x2c, 4), ==, modern ? 0x11001af4 : 0x00021af4);
    pci_config_write(pci, 0, 0, 0x10, 4, BAR0);
    pci_config_write(pci, 0, 0, 0x14, 4, BAR1);
    pci_config_write(pci, 0, 0, 0x20, 4, BAR4);
    pci_config_write(pci, 0, 0, 0x24, 4, 0);
    pci_config_write(pci, 0, 0, 4, 2, 7);
    hwaddr message = take(&d, 8, 8);
    if (msix) {
        unsigned at = find_cap(0x11, 0);
        g_assert_cmpuint(pci_config_read(pci, 0, 0, at + 2, 2), ==, 1);
        pci_config_write(pci, 0, 0, at + 2, 2, 0x8000);
        st(BAR1 + 16, 4, message);
        st(BAR1 + 24, 4, 0x1234);
        st(BAR1 + 28, 4, 0);
    }
    if (modern) {
        hwaddr c = cap_address(1);
        d.notify = cap_address(2);
        d.notify_size = 2;
        d.isr = msix ? 0 : cap_address(3);
        ld(cap_address(4), 8, DISK / 512);
        ld(cap_address(4) + 12, 4, 254);
        st(c + 20, 1, 0);
        ld(c + 20, 1, 0);
        st(c + 20, 1, 3);
        ld(c + 18, 2, 1);
        st(c, 4, 1);
        ld(c + 4, 4, 1);
        st(c + 8, 4, 1);
        st(c + 12, 4, 1);
        st(c + 20, 1, 11);
        ld(c + 20, 1, 11);
        if (msix) {
            st(c + 22, 2, 0);
            st(c + 26, 2, 1);
            ld(c + 26, 2, 1);
            st(c + 16, 2, 77);
            ld(c + 16, 2, 0xffff);
        }
        pci_queue(&d, c);
        st(c + 20, 1, 15);
        /* The window in configuration space sees the same registers. */
        unsigned w = find_cap(9, 5);
        pci_config_write(pci, 0, 0, w + 4, 1, 4);
        pci_config_write(pci, 0, 0, w + 8, 4, c - BAR4 + 20);
        pci_config_write(pci, 0, 0, w + 12, 4, 1);
        g_assert_cmpuint(pci_config_read(pci, 0, 0, w + 16, 1), ==, 15);
        pci_config_write(pci, 0, 0, w + 8, 4, 0xffffffff);
        pci_config_write(pci, 0, 0, w + 16, 4, 1);
        pci_config_write(pci, 0, 0, w + 12, 4, 3);
        pci_config_write(pci, 0, 0, w + 16, 4, 1);
    } else {
        hwaddr c = PCI_IO + BAR0;
        d.notify = c + 16;
        d.notify_size = 2;
        d.isr = msix ? 0 : c + 19;
        unsigned config = msix ? 24 : 20;
        ld(c + config, 4, DISK / 512);
        st(c + 18, 1, 0);
        st(c + 18, 1, 3);
        if (msix) {
            st(c + 14, 2, 0);
            st(c + 22, 2, 1);
            ld(c + 22, 2, 1);
            st(c + 20, 2, 9);
            ld(c + 20, 2, 0xffff);
        }
        pci_queue(&d, c);
        st(c + 18, 1, 7);
    }
    Request id = request(&d, 8, 0, 20);
    g_assert_cmpint(run(&d, &id, true, 21), ==, 0);
    g_assert_cmpstr((char *)at(id.data), ==, "SERIAL");
    for (int i = 0; i < 3; i++) {
        store_le32(at(message), 0);
        Request r = request(&d, 0, 5 + i, 512);
        g_assert_cmpint(run(&d, &r, true, 513), ==, 0);
        g_assert_cmpuint(load_le32(at(r.data)), ==, 5 + i);
        g_assert_cmphex(load_le32(at(message)), ==, msix ? 0x1234 : 0);
    }
    if (msix && modern) {
        /* Messages aimed at the device's own kick register. */
        st(BAR1 + 16, 4, d.notify);
        Request r = request(&d, 0, 9, 512);
        submit(&d, &r, true);
        submit(&d, &r, true);
        kick(&d, 0);
        block_drain_all();
        g_assert_cmpint(*at(r.status), ==, 0);
    }
    g_autoptr(GByteArray) one = g_byte_array_new(), two = g_byte_array_new();
    device_save(d.dev, one);
    g_assert_true(device_load(d.dev, one->data, one->len, &error));
    device_save(d.dev, two);
    g_assert_cmpmem(one->data, one->len, two->data, two->len);
    pci_driver = NULL;
    device_unrealize(d.dev);
    block_close_all();
}

/* ---- packed rings ---- */

/* Adds chains at the ring's position, wraps, and collects what comes back in any order. */
static void test_packed(gconstpointer data)
{
    unsigned how = GPOINTER_TO_UINT(data);
    Driver d;
    disk_new("");
    GHashTable *p = props("drive", "d");
    g_hash_table_insert(p, "packed", "on");
    driver_open(&d, "virtio-blk-device", p, true);
    driver_start(&d, 1, 32, how & 2 ? 0 : BIT(VIRTIO_F_EVENT_IDX));
    g_assert_true(d.features >> VIRTIO_F_RING_PACKED & 1);
    Vq *q = &d.q[0];
    unsigned at_desc = 0, at_used = 0;
    bool wrap = true, used_wrap = true;
    store_le16(at(q->avail + 2), 0); /* the driver wants all interrupts */
    for (int round = 0; round < 50; round++) {
        Request r[5];
        d.next = RAM + (1 << 20);
        for (unsigned i = 0; i < 5; i++) {
            r[i] = request(&d, 0, 20 * round + i, 512);
            Seg segs[] = { { r[i].header, 16, false }, { r[i].data, 512, true },
                           { r[i].status, 1, true } };
            unsigned n = 3, first = at_desc;
            uint16_t first_flags = 0;
            hwaddr table = 0;
            if (how & 1) {
                table = take(&d, 48, 16);
                for (unsigned k = 0; k < 3; k++) {
                    store_le64(at(table + 16 * k), segs[k].addr);
                    store_le32(at(table + 16 * k + 8), segs[k].len);
                    store_le16(at(table + 16 * k + 14), segs[k].write ? 2 : 0);
                }
                n = 1;
            }
            for (unsigned k = 0; k < n; k++) {
                uint8_t *e = at(q->desc + 16 * at_desc);
                uint16_t flags = (table ? 4 : segs[k].write ? 2 : 0) | (k + 1 < n ? 1 : 0) |
                                 (wrap ? 1 << 7 : 1 << 15);
                store_le64(e, table ? table : segs[k].addr);
                store_le32(e + 8, table ? 48 : segs[k].len);
                store_le16(e + 12, 100 + i);
                if (k)
                    store_le16(e + 14, flags);
                else
                    first_flags = flags;
                if (++at_desc == q->num) {
                    at_desc = 0;
                    wrap = !wrap;
                }
            }
            store_le16(at(q->desc + 16 * first) + 14, first_flags);
        }
        wr(0x50, 0);
        block_drain_all();
        bool seen[5] = { false };
        for (unsigned i = 0; i < 5; i++) {
            uint8_t *e = at(q->desc + 16 * at_used);
            uint16_t flags = load_le16(e + 14), id = load_le16(e + 12) - 100;
            g_assert_cmpuint(flags >> 7 & 1, ==, used_wrap);
            g_assert_cmpuint(flags >> 15 & 1, ==, used_wrap);
            g_assert_cmpuint(id, <, 5);
            g_assert_false(seen[id]);
            seen[id] = true;
            g_assert_cmpuint(load_le32(e + 8), ==, 513);
            g_assert_cmpint(*at(r[id].status), ==, 0);
            g_assert_cmpuint(load_le32(at(r[id].data)), ==, 20 * round + id);
            at_used += how & 1 ? 1 : 3;
            if (at_used >= q->num) {
                at_used -= q->num;
                used_wrap = !used_wrap;
            }
        }
        expect_irq(&d);
        /* Where the device waits now is where it says that it wants the next kick. */
        if (how & 2) {
            g_assert_cmpuint(load_le16(at(q->used + 2)), ==, 2);
            g_assert_cmpuint(load_le16(at(q->used)), ==, at_desc | wrap << 15);
        }
    }
    driver_close(&d);
    block_close_all();
}

/* ---- hostile guests ---- */

static void expect_broken(Driver *d)
{
    block_drain_all();
    if (d->modern)
        g_assert_cmpuint(rd(0x70) & 64, ==, 64);
    Request r = request(d, 0, 0, 512);
    submit(d, &r, true);
    kick(d, 0);
    block_drain_all();
    g_assert_cmpint(*at(r.status), ==, 0xee);
    /* A reset helps. */
    d->next = RAM;
    d->indirect = false;
    driver_start(d, 1, 64, BIT(VIRTIO_F_EVENT_IDX));
    wr(0x64, 3);
    r = request(d, 0, 3, 512);
    g_assert_cmpint(run(d, &r, true, 513), ==, 0);
}

static void hostile(Driver *d)
{
    hwaddr buf = take(d, 4096, 16);
    Vq *q = &d->q[0];
#define START driver_start(d, 1, 64, BIT(VIRTIO_F_EVENT_IDX))
#define ONE(...)                                                                               \
    do {                                                                                       \
        Seg s[] = { __VA_ARGS__ };                                                             \
        START;                                                                                 \
        add(d, 0, s, ARRAY_LEN(s));                                                            \
        kick(d, 0);                                                                            \
        expect_broken(d);                                                                      \
    } while (0)
    ONE({ 0, 16, false }, { buf, 1, true });                        /* no RAM */
    ONE({ MMIO, 16, false }, { buf, 1, true });                     /* a device */
    ONE({ buf, 16, false }, { RAM + RAM_BYTES - 8, 16, true });     /* over the end */
    ONE({ buf, 16, false }, { buf, UINT32_MAX, true });
    ONE({ UINT64_MAX - 8, 16, false }, { buf, 1, true });           /* wraps */
    ONE({ buf, 8, false }, { buf, 1, true });                       /* short header */
    ONE({ buf, 16, false });                                        /* no status */
    ONE({ buf, 1, true }, { buf, 16, false });                      /* wrong order */

    /* A chain that bites its tail; a next out of range; a head out of range. */
    START;
    Seg s = { .addr = buf, .len = 16 };
    put_desc(q->desc, 0, &s, 1, 1);
    put_desc(q->desc, 1, &s, 1, 0);
    store_le16(at(q->avail + 2), 1);
    kick(d, 0);
    expect_broken(d);
    START;
    put_desc(q->desc, 0, &s, 1, 64);
    store_le16(at(q->avail + 2), 1);
    kick(d, 0);
    expect_broken(d);
    START;
    store_le16(at(q->avail + 4), 0xffff);
    store_le16(at(q->avail + 2), 1);
    kick(d, 0);
    expect_broken(d);
    START;
    store_le16(at(q->avail + 2), 65); /* the index jumps */
    kick(d, 0);
    expect_broken(d);

    /* Indirect: in an indirect table, with NEXT, of odd length, outside RAM, endless. */
    for (int i = 0; i < 5; i++) {
        START;
        Seg t = { .addr = buf, .len = i == 2 ? 24 : 32 };
        if (i == 3)
            t.addr = RAM + RAM_BYTES;
        Seg in = { .addr = buf + 64, .len = 32 };
        memset(at(buf), 0, 64);
        put_desc(buf, 0, &in, i == 0 ? 4 : i == 4 ? 1 : 0, 0);
        put_desc(q->desc, 0, &t, i == 1 ? 5 : 4, 1);
        store_le16(at(q->avail + 2), 1);
        kick(d, 0);
        expect_broken(d);
    }

    /* Rings on the device's own registers, and where nothing is. */
    static const hwaddr places[] = { MMIO, 0x1000, RAM + RAM_BYTES - 4096, 0xfffff000 };
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        wr(0x70, 0);
        wr(0x70, 3);
        if (d->modern) {
            wr(0x24, 1);
            wr(0x20, 1);
            wr(0x70, 11);
            wr(0x38, 256);
            wr(0x80, places[i]);
            wr(0x90, places[i] + 0x50);
            wr(0xa0, places[i] + 0x48);
            wr(0x44, 1);
        } else {
            wr(0x38, 256);
            wr(0x40, places[i] >> 12);
        }
        wr(0x70, d->modern ? 15 : 7);
        wr(0x50, 0);
        wr(0x50, 7);
        block_drain_all();
    }
    expect_broken(d);
}

static void test_hostile(gconstpointer data)
{
    Driver d;
    disk_new("");
    driver_open(&d, "virtio-blk-device", props("drive", "d"), GPOINTER_TO_UINT(data));
    hostile(&d);
    driver_close(&d);
    block_close_all();
}

/* Random bytes all over the rings and registers: nothing to check but that we are still here. */
static void noise(const char *type, GHashTable *p, bool modern, unsigned n_queues)
{
    Driver d;
    g_autoptr(GRand) r = g_rand_new_with_seed(11);
    bool packed = p && g_hash_table_contains(p, "packed");
    driver_open(&d, type, p, modern);
    bool blk = rd(8) == 2;
    for (int round = 0; round < 400; round++) {
        d.next = RAM;
        unsigned num = blk ? 64 : 8;
        driver_start(&d, n_queues, num, g_rand_boolean(r) ? BIT(VIRTIO_F_EVENT_IDX) : 0);
        hwaddr buf = take(&d, 8192, 16);
        for (unsigned n = 0; n < n_queues; n++) {
            Vq *q = &d.q[n];
            for (unsigned i = 0; i < num; i++) {
                Seg s = { .addr = buf + g_rand_int_range(r, 0, 4096),
                          .len = g_rand_int_range(r, 0, 2048),
                          .write = g_rand_int_range(r, 0, 3) == 0 };
                if (g_rand_int_range(r, 0, 40) == 0)
                    s.addr = g_rand_int(r);
                unsigned flags = g_rand_int_range(r, 0, 30) ? g_rand_int_range(r, 0, 2) : 4;
                put_desc(q->desc, i, &s, flags, g_rand_int_range(r, 0, num + 2));
                if (packed)
                    store_le16(at(q->desc + 16 * i + 14),
                               flags | (s.write ? 2 : 0) | (g_rand_int_range(r, 0, 9) ? 1 << 7 : 0));
                else
                    store_le16(at(q->avail + 4 + 2 * i), g_rand_int_range(r, 0, num + 1));
            }
            if (!packed)
                store_le16(at(q->avail + 2), g_rand_int_range(r, 1, num));
        }
        for (int i = 0; i < 4096; i += 4)
            store_le32(at(buf + i), g_rand_int_range(r, 0, 15));
        for (unsigned n = 0; n < n_queues; n++)
            wr(0x50, n);
        for (int i = 0; i < 20; i++) {
            static const uint16_t regs[] = { 0x14, 0x20, 0x24, 0x30, 0x38, 0x3c, 0x44, 0x50, 0x64,
                                             0x80, 0x84, 0x90, 0xa0, 0xa4, 0x100, 0x120, 0x1fc };
            wr(regs[g_rand_int_range(r, 0, ARRAY_LEN(regs))],
               g_rand_int(r) >> g_rand_int_range(r, 0, 32));
            uint64_t v;
            address_space_load(address_space_memory, MMIO + g_rand_int_range(r, 0, 0x200), 1, &v);
        }
        if (g_rand_boolean(r))
            block_drain_all();
    }
    driver_close(&d);
}

static void test_noise(gconstpointer data)
{
    bool modern = GPOINTER_TO_UINT(data) & 1;
    for (int packed = 0; packed <= modern; packed++) {
        disk_new("");
        GHashTable *p = props("drive", "d");
        if (packed)
            g_hash_table_insert(p, "packed", "on");
        noise("virtio-blk-device", p, modern, 1);
        block_close_all();
        noise("virtio-rng-device", packed ? props("packed", "on") : NULL, modern, 1);
        noise("virtio-serial-device", packed ? props("packed", "on") : NULL, modern, 6);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    memory_init();
    g_assert_true(memory_region_init_ram(&ram, "ram", RAM_BYTES, NULL));
    memory_region_add(memory_system_root(), RAM, &ram, 0);
    host = ram.ram->host;
    g_autofree char *dir = g_dir_make_tmp("sosia-virtio-XXXXXX", NULL);
    image = g_build_filename(dir, "disk.img", NULL);

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
    pci_init();
    static const char *const pci_modes[] = { "legacy", "modern", "legacy-msix", "modern-msix" };
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("/virtio/pci/%s", pci_modes[i]);
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_pci);
    }
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("/virtio/packed/%u", i);
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_packed);
    }
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *name = g_strdup_printf("/virtio/hostile/%s", modes[i]);
        g_autofree char *rng = g_strdup_printf("/virtio/rng/%s", modes[i]);
        g_autofree char *file = g_strdup_printf("/virtio/rng/%s-file", modes[i]);
        g_autofree char *serial = g_strdup_printf("/virtio/serial/%s", modes[i]);
        g_test_add_data_func(rng, GUINT_TO_POINTER(i), test_rng);
        g_test_add_data_func(file, GUINT_TO_POINTER(i | 2), test_rng);
        g_test_add_data_func(serial, GUINT_TO_POINTER(i), test_serial);
        g_autofree char *noise = g_strdup_printf("/virtio/noise/%s", modes[i]);
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_hostile);
        g_test_add_data_func(noise, GUINT_TO_POINTER(i), test_noise);
    }
    int r = g_test_run();
    g_unlink(image);
    g_rmdir(dir);
    g_free(image);
    return r;
}
