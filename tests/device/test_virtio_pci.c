/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio disk behind virtio-pci (legacy, modern, INTx, MSI-X), and packed rings. */
#include <glib/gstdio.h>

#include "hw/pci.h"
#include "virtio_driver.h"

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

/*
 * A snapshot of a -blockdev's node: the monitor keeps that node, and only the device has what is on
 * top, which goes with it.
 */
static void test_unplug_snapshot(void)
{
    g_autofree char *over = g_strconcat(image, ".qcow2", NULL);
    g_autoptr(GError) error = NULL;
    disk_new("");
    block_close_all();
    g_autofree char *text = g_strdup_printf("driver=file,node-name=n,filename=%s", image);
    g_assert_nonnull(blockdev_new(text, &error));
    GHashTable *p = props("driver", "virtio-blk-pci");
    g_hash_table_insert(p, "drive", "n");
    Device *dev = device_create_from_opts(p, &error);
    g_hash_table_unref(p);
    g_assert_no_error(error);
    BlockSnapshotArgs a = { .node = "n", .file = over, .format = "qcow2" };
    BlockSnapshot *s = block_snapshot_prepare(&a, &error);
    g_assert_no_error(error);
    block_snapshot_commit(s);
    device_unrealize(dev);
    g_assert_nonnull(block_find("n"));
    block_close_all();
    g_unlink(over);
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    pci_init();
    static const char *const modes[] = { "legacy", "modern", "legacy-msix", "modern-msix" };
    static const char *const rings[] = { "plain", "indirect", "event", "indirect-event" };
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("/virtio/pci/%s", modes[i]);
        g_autofree char *packed = g_strdup_printf("/virtio/packed/%s", rings[i]);
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_pci);
        g_test_add_data_func(packed, GUINT_TO_POINTER(i), test_packed);
    }
    g_test_add_func("/virtio/pci/unplug-snapshot", test_unplug_snapshot);
    return test_end();
}
