/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An NVMe controller with a small driver: queues, identification, reading and writing, noise. */
#include "hw/pci.h"
#include "virtio_driver.h"

enum { BAR = 0x40000000, ENTRIES = 16, ADMIN = 0, IO = 1, DEEP = 4 };
enum { ASQ = RAM + 0x10000, ACQ = RAM + 0x20000, SQ1 = RAM + 0x30000, CQ1 = RAM + 0x40000,
       DATA = RAM + 0x100000, LIST = RAM + 0x200000 };

static PciBus *pci;
static Device *dev;
static struct {
    unsigned tail, head, phase, size;
    hwaddr sq, cq;
} q[2];
static uint32_t result;
static unsigned pin;

static void on_intx(void *opaque, int n, int level)
{
    pin += level;
}

static uint32_t rd32(hwaddr a)
{
    uint64_t v;
    g_assert_cmpint(address_space_load(address_space_memory, BAR + a, 4, &v), ==, MEM_OK);
    return v;
}

static void wr32(hwaddr a, uint32_t v)
{
    g_assert_cmpint(address_space_store(address_space_memory, BAR + a, 4, v), ==, MEM_OK);
}

/* The status of what came, or -1. */
static int poll(unsigned n)
{
    uint8_t *e = at(q[n].cq + 16 * q[n].head);
    uint16_t status = load_le16(e + 14);
    if ((status & 1) != q[n].phase)
        return -1;
    result = load_le32(e);
    if (++q[n].head == q[n].size) {
        q[n].head = 0;
        q[n].phase ^= 1;
    }
    wr32(0x1004 + 8 * n, q[n].head);
    return status >> 1 & 0x7ff;
}

static uint8_t *entry(unsigned n, uint8_t opcode, uint32_t nsid, hwaddr prp1, hwaddr prp2)
{
    uint8_t *e = at(q[n].sq + 64 * q[n].tail);
    memset(e, 0, 64);
    e[0] = opcode;
    store_le16(e + 2, 0x1234);
    store_le32(e + 4, nsid);
    store_le64(e + 24, prp1);
    store_le64(e + 32, prp2);
    return e;
}

static void ring_doorbell(unsigned n)
{
    q[n].tail = (q[n].tail + 1) % q[n].size;
    wr32(0x1000 + 8 * n, q[n].tail);
}

static int go(unsigned n)
{
    ring_doorbell(n);
    block_drain_all();
    return poll(n);
}

static int admin(uint8_t opcode, uint32_t nsid, uint32_t cdw10, uint32_t cdw11)
{
    uint8_t *e = entry(ADMIN, opcode, nsid, DATA, DATA + 4096);
    store_le32(e + 40, cdw10);
    store_le32(e + 44, cdw11);
    return go(ADMIN);
}

static int io(uint8_t opcode, uint64_t slba, unsigned blocks, hwaddr prp1, hwaddr prp2)
{
    uint8_t *e = entry(IO, opcode, 1, prp1, prp2);
    store_le64(e + 40, slba);
    store_le32(e + 48, blocks - 1);
    return go(IO);
}

static void enable(void)
{
    memset(at(ASQ), 0, 0x40000);
    wr32(0x24, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    wr32(0x28, ASQ);
    wr32(0x2c, 0);
    wr32(0x30, ACQ);
    wr32(0x34, 0);
    wr32(0x14, 0x460001);
    g_assert_cmphex(rd32(0x1c), ==, 1);
    q[0].tail = q[0].head = q[1].tail = q[1].head = 0;
    q[0].phase = q[1].phase = 1;
    q[0].size = q[1].size = ENTRIES;
    q[0].sq = ASQ;
    q[0].cq = ACQ;
    q[1].sq = SQ1;
    q[1].cq = CQ1;
}

static void io_queues(unsigned cq_size)
{
    uint8_t *e = entry(ADMIN, 5, 0, CQ1, 0);
    store_le32(e + 40, (cq_size - 1) << 16 | 1);
    store_le32(e + 44, 3);
    g_assert_cmpint(go(ADMIN), ==, 0);
    e = entry(ADMIN, 1, 0, SQ1, 0);
    store_le32(e + 40, (ENTRIES - 1) << 16 | 1);
    store_le32(e + 44, 1 << 16 | 1);
    g_assert_cmpint(go(ADMIN), ==, 0);
}

static void open_nvme(const char *more)
{
    g_autoptr(GError) error = NULL;
    static MemoryRegion mem, ports;
    if (!pci) {
        memory_region_init_container(&mem, "pci-mem", 1ull << 40);
        memory_region_init_container(&ports, "pci-io", 0x10000);
        memory_region_add(memory_system_root(), 0, &mem, -1);
        pci = pci_bus_new(NULL, "pcie.0", &mem, &ports);
        pci->set_intx = on_intx;
    }
    disk_new(more);
    GHashTable *p = props("driver", "nvme");
    g_hash_table_insert(p, "drive", "d");
    g_hash_table_insert(p, "serial", "SERIAL");
    dev = device_create_from_opts(p, &error);
    g_hash_table_unref(p);
    g_assert_no_error(error);
    for (Device *d = device_first(); d; d = d->next)
        device_reset(d);
    pci_config_write(pci, 0, 0, 0x10, 4, BAR);
    pci_config_write(pci, 0, 0, 0x14, 4, 0);
    pci_config_write(pci, 0, 0, 4, 2, 6);
}

static void close_nvme(void)
{
    device_unrealize(dev);
    block_close_all();
}

static void test_admin(void)
{
    open_nvme("");
    g_assert_cmphex(pci_config_read(pci, 0, 0, 0, 4), ==, 0x00101b36);
    g_assert_cmphex(pci_config_read(pci, 0, 0, 8, 4) >> 8, ==, 0x010802);
    g_assert_cmphex(rd32(0), ==, 0x0f0107ff);
    g_assert_cmphex(rd32(8), ==, 0x10400);
    enable();
    pin = 0;
    g_assert_cmpint(admin(6, 0, 1, 0), ==, 0);
    g_assert_cmpuint(pin, ==, 1);
    g_assert_cmpmem(at(DATA) + 4, 20, "SERIAL              ", 20);
    g_assert_cmpuint(at(DATA)[512], ==, 0x66);
    g_assert_cmpint(admin(6, 1, 0, 0), ==, 0);
    g_assert_cmpuint(load_le64(at(DATA)), ==, DISK / 512);
    g_assert_cmpint(admin(6, 0, 2, 0), ==, 0);
    g_assert_cmpuint(load_le64(at(DATA)), ==, 1);
    g_assert_cmpint(admin(6, 0, 0, 0), ==, 0x0b);
    g_assert_cmpint(admin(6, 1, 0x55, 0), ==, 2);
    g_assert_cmpint(admin(0x77, 0, 0, 0), ==, 1);
    /* Features and logs. */
    g_assert_cmpint(admin(0x0a, 0, 7, 0), ==, 0);
    g_assert_cmphex(result, ==, 0x003f003f);
    g_assert_cmpint(admin(0x09, 0, 6, 0), ==, 0);
    g_assert_cmpint(admin(0x0a, 0, 6, 0), ==, 0);
    g_assert_cmpuint(result, ==, 0);
    g_assert_cmpint(admin(0x09, 0, 1, 3), ==, 0x10e);
    g_assert_cmpint(admin(0x09, 0, 0x80000006, 1), ==, 0x10d);
    g_assert_cmpint(admin(0x0a, 0, 0x80, 1), ==, 2);
    g_assert_cmpint(admin(2, -1, 127 << 16 | 2, 0), ==, 0);
    g_assert_cmpuint(load_le16(at(DATA) + 1), ==, 323);
    g_assert_cmpint(admin(2, -1, 127 << 16 | 9, 0), ==, 2);
    /* An event waits for a command, or the other way round; a namespace that grew. */
    entry(ADMIN, 0x0c, 0, 0, 0);
    g_assert_cmpint(go(ADMIN), ==, -1);
    g_assert_true(block_resize(block_find("d"), 2 * DISK, NULL));
    g_assert_cmpint(poll(ADMIN), ==, 0);
    g_assert_cmphex(result, ==, 0x040002);
    g_assert_cmpint(admin(2, -1, 1023 << 16 | 4, 0), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA)), ==, 1);
    wr32(0x1000 + 8 * 9, 1); /* a doorbell of no queue */
    entry(ADMIN, 0x0c, 0, 0, 0);
    g_assert_cmpint(go(ADMIN), ==, 0);
    g_assert_cmphex(result, ==, 0x010000);
    /* Queues that can't be. */
    uint8_t *e = entry(ADMIN, 1, 0, SQ1, 0);
    store_le32(e + 40, 7 << 16 | 1);
    store_le32(e + 44, 1 << 16 | 1);
    g_assert_cmpint(go(ADMIN), ==, 0x100);
    io_queues(ENTRIES);
    g_assert_cmpint(admin(4, 0, 1, 0), ==, 0x10c);
    g_assert_cmpint(admin(0, 0, 1, 0), ==, 0);
    g_assert_cmpint(admin(4, 0, 1, 0), ==, 0);
    g_assert_cmpint(admin(0, 0, 1, 0), ==, 0x101);
    /* Off, and what makes no sense. */
    wr32(0x14, 0x460000);
    g_assert_cmphex(rd32(0x1c), ==, 0);
    wr32(0x28, ASQ + 4096);
    wr32(0x2c, 0);
    wr32(0x14, 0x460081); /* pages of 8 KiB */
    g_assert_cmphex(rd32(0x1c) & 2, ==, 2);
    close_nvme();
}

static void test_io(void)
{
    open_nvme(",discard=unmap");
    enable();
    io_queues(ENTRIES);
    g_assert_cmpint(io(2, 7, 1, DATA, 0), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA)), ==, 7);
    /* Over a page's end by PRP 2; over many pages by a list, which goes on in another. */
    g_assert_cmpint(io(2, 8, 8, DATA + 2048, DATA + 8192), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA) + 2048), ==, 8);
    g_assert_cmpuint(load_le32(at(DATA) + 8192), ==, 12);
    hwaddr list = LIST + 4096 - 24, more = LIST + 0x10000;
    for (int i = 0; i < 2; i++)
        store_le64(at(list + 8 * i), DATA + 0x10000 * (i + 1));
    store_le64(at(list + 16), more);
    for (int i = 0; i < 2; i++)
        store_le64(at(more + 8 * i), DATA + 0x10000 * (i + 3));
    g_assert_cmpint(io(2, 100, 40, DATA, list), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA) + 0x10000), ==, 108);
    g_assert_cmpuint(load_le32(at(DATA) + 0x40000 + 512), ==, 133);
    g_assert_cmpint(io(2, 100, 40, DATA, list + 4), ==, 0x13);
    g_assert_cmpint(io(2, 100, 8, DATA + 1, 0), ==, 0x13);
    g_assert_cmpint(io(2, 100, 8, 0x100, 0), ==, 4);
    /* Write, compare, zeroes, flush. */
    memset(at(DATA), 0x5a, 4096);
    g_assert_cmpint(io(1, 200, 8, DATA, 0), ==, 0);
    g_assert_cmpint(io(5, 200, 8, DATA, 0), ==, 0);
    at(DATA)[4095] = 0;
    g_assert_cmpint(io(5, 200, 8, DATA, 0), ==, 0x285);
    g_assert_cmpint(io(8, 201, 2, 0, 0), ==, 0);
    g_assert_cmpint(io(2, 200, 4, DATA, 0), ==, 0);
    g_assert_cmpuint(at(DATA)[511], ==, 0x5a);
    g_assert_cmpuint(at(DATA)[512], ==, 0);
    g_assert_cmpuint(at(DATA)[3 * 512], ==, 0x5a);
    g_assert_cmpint(io(0, 0, 1, 0, 0), ==, 0);
    /* Ends, wrong numbers. */
    g_assert_cmpint(io(2, DISK / 512, 1, DATA, 0), ==, 0x80);
    g_assert_cmpint(io(2, UINT64_MAX, 2, DATA, 0), ==, 0x80);
    g_assert_cmpint(io(2, 0, 2048, DATA, LIST), ==, 2); /* beyond MDTS */
    g_assert_cmpint(io(0x7f, 0, 1, DATA, 0), ==, 1);
    uint8_t *e = entry(IO, 2, 2, DATA, 0);
    g_assert_cmpint(go(IO), ==, 2);
    /* Deallocate two ranges. */
    memset(at(DATA), 0, 64);
    store_le32(at(DATA) + 4, 1);
    store_le64(at(DATA) + 8, 300);
    store_le32(at(DATA) + 20, 8);
    store_le64(at(DATA) + 24, 304);
    e = entry(IO, 9, 1, DATA, 0);
    store_le32(e + 40, 1);
    store_le32(e + 44, 4);
    g_assert_cmpint(go(IO), ==, 0);
    g_assert_cmpint(io(2, 304, 1, DATA, 0), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA)), ==, 0);
    /* A list of descriptors in a segment. */
    e = entry(IO, 2, 1, LIST, 0);
    e[1] = 0x40;
    store_le32(e + 32, 32);
    e[39] = 3 << 4;
    store_le64(e + 40, 16);
    store_le32(e + 48, 1);
    memset(at(LIST), 0, 32);
    store_le64(at(LIST), DATA + 5);
    store_le32(at(LIST) + 8, 1000);
    store_le64(at(LIST) + 16, DATA + 0x3000);
    store_le32(at(LIST) + 24, 24);
    g_assert_cmpint(go(IO), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA) + 5), ==, 16);
    g_assert_cmpuint(load_le32(at(DATA) + 5 + 512), ==, 17);
    /* Other blocks, all zeros. */
    g_assert_cmpint(admin(0x80, 1, 7, 0), ==, 0x10a);
    g_assert_cmpint(admin(0x80, 1, 1, 0), ==, 0);
    g_assert_cmpint(admin(6, 1, 0, 0), ==, 0);
    g_assert_cmpuint(load_le64(at(DATA)), ==, DISK / 4096);
    g_assert_cmpuint(at(DATA)[26], ==, 1);
    memset(at(DATA), 1, 4096);
    g_assert_cmpint(io(2, 25, 1, DATA, 0), ==, 0);
    g_assert_cmpuint(load_le32(at(DATA)), ==, 0);
    close_nvme();
}

/* More commands than the completion queue has room for; a snapshot while they wait. */
static void test_full(void)
{
    g_autoptr(GError) error = NULL;
    open_nvme("");
    enable();
    io_queues(DEEP);
    q[IO].size = ENTRIES;
    for (int i = 0; i < 10; i++) {
        store_le64(entry(IO, 2, 1, DATA, 0) + 40, i);
        ring_doorbell(IO);
    }
    block_drain_all();
    GByteArray *record = g_byte_array_new(), *again = g_byte_array_new();
    device_save(dev, record);
    device_reset(dev);
    g_assert_true(device_load(dev, record->data, record->len, &error));
    device_save(dev, again);
    g_assert_cmpmem(record->data, record->len, again->data, again->len);
    unsigned got = 0;
    q[IO].size = DEEP;
    while (poll(IO) == 0)
        got++;
    g_assert_cmpuint(got, ==, 10);
    for (int i = 0; i < 300; i++) {
        g_autofree uint8_t *bad = g_memdup2(record->data, record->len);
        for (int k = 0; k < 3; k++)
            bad[g_random_int_range(0, (gint)record->len)] ^= 1 + g_random_int_range(0, 255);
        device_load(dev, bad, record->len, NULL);
        /* The BAR may be elsewhere now, or off. */
        for (int k = 0; k < 4; k++)
            address_space_store(address_space_memory, BAR + 0x1000 + 4 * k, 4,
                                g_random_int_range(0, ENTRIES));
        block_drain_all();
    }
    g_byte_array_unref(record);
    g_byte_array_unref(again);
    close_nvme();
}

/* Commands that are nearly right, and registers at random. */
static void test_noise(void)
{
    static const uint8_t opcodes[] = { 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 0x80 };
    open_nvme("");
    enable();
    io_queues(ENTRIES);
    for (int i = 0; i < 20000; i++) {
        unsigned n = g_random_boolean();
        if (!(rd32(0x1c) & 1) || rd32(0x1c) & 2 || !g_random_int_range(0, 500)) {
            wr32(0x14, 0);
            enable();
            io_queues(ENTRIES);
        }
        hwaddr list = LIST + 8 * g_random_int_range(0, 600);
        store_le64(at(list), g_random_boolean() ? DATA : g_random_int());
        uint8_t *e = entry(n, opcodes[g_random_int_range(0, G_N_ELEMENTS(opcodes))],
                           g_random_int_range(0, 3), DATA, list);
        for (int k = 40; k < 64; k++)
            e[k] = g_random_int_range(0, 3) ? 0 : g_random_int() % 9;
        if (!g_random_int_range(0, 8))
            e[g_random_int_range(0, 64)] = g_random_int();
        q[n].tail = (q[n].tail + 1) % q[n].size;
        wr32(0x1000 + 8 * n, q[n].tail);
        block_drain_all();
        while (poll(n) >= 0)
            continue;
        if (!g_random_int_range(0, 50))
            wr32(4 * (g_random_int() % 0x420), g_random_int());
        if (!g_random_int_range(0, 50))
            rd32(g_random_int() % 0x4000 & ~3);
    }
    close_nvme();
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    g_test_add_func("/nvme/admin", test_admin);
    g_test_add_func("/nvme/io", test_io);
    g_test_add_func("/nvme/full", test_full);
    g_test_add_func("/nvme/noise", test_noise);
    return test_end();
}
