/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hostile driver can do to virtio devices: bad chains, bad rings, noise. */
#include "backend/net.h"
#include "virtio_driver.h"

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
                               flags | (s.write ? 2 : 0) |
                                   (g_rand_int_range(r, 0, 9) ? 1 << 7 : 0));
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
        noise("virtio-net-device", props("netdev", "n0"), modern, 3);
        noise("virtio-serial-device", packed ? props("packed", "on") : NULL, modern, 6);
    }
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    device_set_netdev_lookup(net_find_any, net_id);
    g_assert_nonnull(net_new("user,id=n0,restrict=on", NULL));
    static const char *const modes[] = { "legacy", "modern" };
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *name = g_strdup_printf("/virtio/hostile/%s", modes[i]);
        g_autofree char *noise_name = g_strdup_printf("/virtio/noise/%s", modes[i]);
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_hostile);
        g_test_add_data_func(noise_name, GUINT_TO_POINTER(i), test_noise);
    }
    return test_end();
}
