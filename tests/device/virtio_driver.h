/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small guest driver for virtio-mmio, legacy and modern, that builds its rings in guest RAM. */
#ifndef TESTS_DEVICE_VIRTIO_DRIVER_H
#define TESTS_DEVICE_VIRTIO_DRIVER_H

#include <glib/gstdio.h>
#include <string.h>

#include "backend/block.h"
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
static G_GNUC_UNUSED void driver_start(Driver *d, unsigned n_queues, unsigned num, uint64_t without)
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

static G_GNUC_UNUSED void driver_open(Driver *d, const char *type, GHashTable *props, bool modern)
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

static G_GNUC_UNUSED void driver_close(Driver *d)
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

static G_GNUC_UNUSED void expect_irq(Driver *d)
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

static G_GNUC_UNUSED GHashTable *props(const char *key, const char *value)
{
    GHashTable *p = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(p, (gpointer)key, (gpointer)value);
    return p;
}

static char *image;

static G_GNUC_UNUSED void disk_new(const char *more)
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

static G_GNUC_UNUSED Request request(Driver *d, uint32_t type, uint64_t sector, uint32_t len)
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

static G_GNUC_UNUSED int run(Driver *d, const Request *r, bool write, uint32_t want_len)
{
    uint32_t head = 0, len = 0, want = submit(d, r, write);
    kick(d, 0);
    block_drain_all();
    g_assert_true(used(d, 0, &head, &len));
    g_assert_cmpuint(head, ==, want);
    if (*at(r->status) == 0)
        g_assert_cmpuint(len, ==, want_len);
    expect_irq(d);
    return *at(r->status);
}

/* ---- start and end of a test program ---- */

static void test_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    main_loop_init();
    memory_init();
    g_assert_true(memory_region_init_ram(&ram, "ram", RAM_BYTES, NULL));
    memory_region_add(memory_system_root(), RAM, &ram, 0);
    host = ram.ram->host;
    g_autofree char *dir = g_dir_make_tmp("sosia-virtio-XXXXXX", NULL);
    image = g_build_filename(dir, "disk.img", NULL);
}

static int test_end(void)
{
    int r = g_test_run();
    g_autofree char *dir = g_path_get_dirname(image);
    g_unlink(image);
    g_rmdir(dir);
    g_free(image);
    return r;
}

#endif
