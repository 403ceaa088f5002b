/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI core and ECAM bridge against PCI 3.0 (chapter 6): enumeration as software does it, BARs of
 * all kinds, INTx swizzle, MSI, MSI-X, snapshots. The device is made for this test.
 */
#include "bare.h"
#include "hw/pci.h"

enum { ECAM = 0x30000000, MMIO = 0x40000000, PIO = 0x3000000, RAM = 0x80000000 };
#define HIGH 0x400000000ull

typedef struct TestPci {
    PciDevice pci;
    MemoryRegion mem, big, io;
    uint32_t last;
} TestPci;

static MemResult test_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = (0x100 + offset) & MASK(8 * size);
    return MEM_OK;
}

static MemResult test_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    TestPci *s = opaque;
    s->last = value;
    return MEM_OK;
}

static const MmioOps test_ops = { .read = test_read, .write = test_write, .min_size = 4,
                                  .max_size = 4 };

static bool test_realize(void *dev, GError **error)
{
    TestPci *s = dev;
    memory_region_init_mmio(&s->mem, "mem", 0x2000, &test_ops, s);
    memory_region_init_mmio(&s->big, "big", 0x100000, &test_ops, s);
    memory_region_init_mmio(&s->io, "io", 0x40, &test_ops, s);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->io);
    pci_add_bar(&s->pci, 1, PCI_BAR_MEM32, &s->mem);
    pci_add_bar(&s->pci, 2, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->big);
    pci_use_intx(&s->pci);
    pci_add_capability(&s->pci, PCI_CAP_VENDOR, 5);
    pci_add_msi(&s->pci, 4);
    return pci_add_msix(&s->pci, 3, 4, error);
}

static const Prop test_props[] = { PCI_PROPS(TestPci, pci), PROP_LAST };
static const StateField test_state[] = {
    PCI_STATE(TestPci, pci),
    STATE(TestPci, last),
    { .type = STATE_END },
};
static const PciClass test_class = { .vendor_id = 0x1234, .device_id = 0x5678,
                                     .class_code = 0x0c0330, .revision = 2 };
static const DeviceType test_pci_type = {
    .name = "test-pci", .doc = "for tests", .bus_type = "pci", .user_creatable = true,
    .hotpluggable = true, .size = sizeof(TestPci), .version = 1, .props = test_props,
    .state = test_state, .realize = test_realize, .class_data = &test_class,
};
DEVICE_REGISTER(test_pci_type)

static Device *host;
static TestPci *one, *two;
static MemoryRegion ram;

static TestPci *create(const char *id, const char *addr)
{
    GError *error = NULL;
    GHashTable *opts = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(opts, "driver", "test-pci");
    g_hash_table_insert(opts, "id", (gpointer)id);
    if (addr)
        g_hash_table_insert(opts, "addr", (gpointer)addr);
    Device *dev = device_create_from_opts(opts, &error);
    g_hash_table_unref(opts);
    if (!dev) {
        g_test_message("%s", error->message);
        g_error_free(error);
        return NULL;
    }
    device_reset(dev);
    return (TestPci *)dev;
}

static void setup(void)
{
    GError *error = NULL;
    if (!host) {
        host = bare_device("gpex-pcihost", 0, NULL);
        gpex_map(host, &(GpexWindows){ .ecam = ECAM, .ecam_size = 0x10000000, .mmio = MMIO,
                                       .mmio_size = 0x40000000, .high = HIGH,
                                       .high_size = HIGH, .pio = PIO });
        bare_watch_pins(host);
        g_assert_true(memory_region_init_ram(&ram, "ram", 1 << 20, &error));
        memory_region_add(memory_system_root(), RAM, &ram, 0);
        one = create("one", NULL);
        two = create("two", "5.0");
    }
    device_reset(&one->pci.dev);
    device_reset(&two->pci.dev);
}

static hwaddr cfg(const TestPci *s, unsigned at) { return ECAM + (s->pci.devfn << 12) + at; }
static uint32_t crd(const TestPci *s, unsigned at, unsigned n) { return bare_read(cfg(s, at), n); }

static void cwr(const TestPci *s, unsigned at, unsigned n, uint32_t v)
{
    bare_write(cfg(s, at), n, v);
}

static void test_enumerate(void)
{
    setup();
    g_assert_cmphex(bare_read(ECAM, 4), ==, 0x00081b36);
    g_assert_cmphex(bare_read(ECAM + 8, 4), ==, 0x06000000);
    g_assert_cmphex(bare_read(ECAM + 0x2c, 4), ==, 0x11001af4);
    g_assert_cmphex(bare_read(ECAM + (2 << 15), 4), ==, 0xffffffff); /* an empty slot */
    g_assert_cmphex(bare_read(ECAM + (1 << 20), 2), ==, 0xffff);     /* an empty bus */
    g_assert_cmphex(one->pci.devfn, ==, 8);
    g_assert_cmphex(crd(one, 0, 4), ==, 0x56781234);
    g_assert_cmphex(crd(one, 8, 4), ==, 0x0c033002);
    g_assert_cmphex(crd(one, 0x3d, 1), ==, 1);
    cwr(one, 0, 4, 0);
    g_assert_cmphex(crd(one, 0, 4), ==, 0x56781234);
    /* The list of capabilities ends and has all three. */
    g_assert_cmphex(crd(one, 6, 2) & 0x10, ==, 0x10);
    unsigned n = 0, ids = 0;
    for (unsigned at = crd(one, 0x34, 1); at && n < 10; at = crd(one, at + 1, 1), n++)
        ids |= 1u << crd(one, at, 1);
    g_assert_cmpuint(n, ==, 3);
    g_assert_cmphex(ids, ==, 1u << 9 | 1u << 5 | 1u << 0x11);
    g_assert_null(create("one", NULL));
    g_assert_null(create("three", "5.0"));
    g_assert_null(create("four", "5.1")); /* 5.0 isn't multifunction */
    g_assert_null(create("five", "32.0"));
    TestPci *third = create("third", NULL);
    g_assert_cmphex(third->pci.devfn, ==, 0x10);
    device_unrealize(&third->pci.dev);
    g_assert_cmphex(bare_read(ECAM + (2 << 15), 4), ==, 0xffffffff);
}

static void test_bars(void)
{
    setup();
    static const uint32_t sizes[] = { 0xffffffc1, 0xffffe000, 0xfff0000c, 0xffffffff, 0xfffff000,
                                      0 };
    for (unsigned i = 0; i < 6; i++) {
        cwr(one, 0x10 + 4 * i, 4, 0xffffffff);
        g_assert_cmphex(crd(one, 0x10 + 4 * i, 4), ==, sizes[i]);
    }
    cwr(one, 0x10, 4, 0x1000);
    cwr(one, 0x14, 4, MMIO + 0x4000);
    cwr(one, 0x18, 4, 0x100000);
    cwr(one, 0x1c, 4, HIGH >> 32);
    /* Not decoded yet: nobody answers. */
    g_assert_cmphex(bare_read(MMIO + 0x4004, 4), ==, 0xffffffff);
    cwr(one, 4, 2, PCI_COMMAND_MEMORY);
    g_assert_cmphex(bare_read(MMIO + 0x4004, 4), ==, 0x104);
    g_assert_cmphex(bare_read(HIGH + 0x100008, 4), ==, 0x108);
    g_assert_cmphex(bare_read(PIO + 0x1004, 4), ==, 0xffffffff);
    cwr(one, 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
    g_assert_cmphex(bare_read(PIO + 0x1004, 4), ==, 0x104);
    bare_write(MMIO + 0x4000, 4, 42);
    g_assert_cmpuint(one->last, ==, 42);
    /* Moved. */
    cwr(one, 0x14, 4, MMIO + 0x8000);
    g_assert_cmphex(bare_read(MMIO + 0x4004, 4), ==, 0xffffffff);
    g_assert_cmphex(bare_read(MMIO + 0x8004, 4), ==, 0x104);
    /* Reset unmaps. */
    device_reset(&one->pci.dev);
    g_assert_cmphex(bare_read(MMIO + 0x8004, 4), ==, 0xffffffff);
    g_assert_cmphex(crd(one, 0x14, 4), ==, 0);
}

static void test_intx(void)
{
    setup();
    pci_set_intx(&one->pci, 1); /* slot 1, INTA: pin 1 */
    g_assert_cmpint(bare_level[1], ==, 1);
    g_assert_cmphex(crd(one, 6, 2) & 8, ==, 8);
    pci_set_intx(&two->pci, 1); /* slot 5: the same line */
    pci_set_intx(&one->pci, 0);
    g_assert_cmpint(bare_level[1], ==, 1);
    cwr(two, 4, 2, PCI_COMMAND_INTX_OFF);
    g_assert_cmpint(bare_level[1], ==, 0);
    cwr(two, 4, 2, 0);
    g_assert_cmpint(bare_level[1], ==, 1);
    device_reset(&two->pci.dev);
    g_assert_cmpint(bare_level[1], ==, 0);
    g_assert_cmpint(bare_level[0] + bare_level[2] + bare_level[3], ==, 0);
}

static void test_msi(void)
{
    setup();
    unsigned cap = one->pci.msi_cap;
    pci_msi_notify(&one->pci, 0);
    cwr(one, 4, 2, PCI_COMMAND_MASTER);
    cwr(one, cap + 4, 4, RAM);
    cwr(one, cap + 12, 2, 0x40);
    cwr(one, cap + 2, 2, 1 | 2 << 4);
    bare_write(RAM, 4, 0);
    pci_msi_notify(&one->pci, 3);
    g_assert_cmphex(bare_read(RAM, 4), ==, 0x43);
    cwr(one, cap + 2, 2, 1); /* one vector granted */
    pci_msi_notify(&one->pci, 3);
    g_assert_cmphex(bare_read(RAM, 4), ==, 0x40);
}

static void test_msix(void)
{
    setup();
    unsigned cap = one->pci.msix_cap;
    g_assert_cmphex(crd(one, cap + 2, 2), ==, 2); /* three vectors */
    g_assert_cmphex(crd(one, cap + 4, 4), ==, 4);
    hwaddr table = MMIO + 0x10000, pba = table + crd(one, cap + 8, 4) - 4;
    cwr(one, 0x20, 4, table);
    cwr(one, 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    cwr(one, cap + 2, 2, 0x8000);
    for (unsigned v = 0; v < 3; v++) {
        g_assert_cmphex(bare_read(table + 16 * v + 12, 4), ==, 1);
        bare_write(table + 16 * v, 4, RAM + 16 * v);
        bare_write(table + 16 * v + 8, 4, 0x70 + v);
        bare_write(RAM + 16 * v, 4, 0);
    }
    pci_msix_notify(&one->pci, 1);
    g_assert_cmphex(bare_read(RAM + 16, 4), ==, 0); /* masked: pending */
    g_assert_cmphex(bare_read(pba, 8), ==, 2);
    bare_write(table + 16 + 12, 4, 0);
    g_assert_cmphex(bare_read(RAM + 16, 4), ==, 0x71);
    g_assert_cmphex(bare_read(pba, 8), ==, 0);
    /* The mask of all. */
    bare_write(table + 12, 4, 0);
    cwr(one, cap + 2, 2, 0xc000);
    pci_msix_notify(&one->pci, 0);
    g_assert_cmphex(bare_read(RAM, 4), ==, 0);
    cwr(one, cap + 2, 2, 0x8000);
    g_assert_cmphex(bare_read(RAM, 4), ==, 0x70);
    pci_msix_notify(&one->pci, 77);
}

static void test_snapshot(void)
{
    setup();
    GError *error = NULL;
    cwr(one, 0x14, 4, MMIO + 0x4000);
    cwr(one, 0x20, 4, MMIO + 0x10000);
    cwr(one, 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    bare_write(MMIO + 0x10008, 4, 0x55);
    pci_set_intx(&one->pci, 1);
    GByteArray *record = g_byte_array_new();
    device_save(&one->pci.dev, record);
    device_reset(&one->pci.dev);
    g_assert_true(device_load(&one->pci.dev, record->data, record->len, &error));
    g_assert_cmphex(bare_read(MMIO + 0x4004, 4), ==, 0x104);
    g_assert_cmphex(bare_read(MMIO + 0x10008, 4), ==, 0x55);
    g_assert_cmpint(bare_level[1], ==, 1);
    /* The bridge has other ids. */
    g_assert_false(device_load(device_find(host->path)->next, record->data, record->len, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_byte_array_unref(record);
}

static void test_random(void)
{
    setup();
    for (unsigned i = 0; i < 20000; i++) {
        unsigned size = 1u << g_random_int_range(0, 4);
        hwaddr at = ECAM + ((g_random_int() % 0x30) << 12) + (g_random_int() & 0xff);
        uint64_t v = g_random_int();
        if (g_random_boolean())
            address_space_store(address_space_memory, at, size, v);
        else
            address_space_load(address_space_memory, at, size, &v);
        if (i % 64 == 0) {
            address_space_store(address_space_memory, MMIO + (g_random_int() & 0xfffff), 4, v);
            pci_msix_notify(&one->pci, g_random_int() % 4);
            pci_msi_notify(&two->pci, g_random_int() % 40);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/enumerate", test_enumerate);
    g_test_add_func("/pci/bars", test_bars);
    g_test_add_func("/pci/intx", test_intx);
    g_test_add_func("/pci/msi", test_msi);
    g_test_add_func("/pci/msix", test_msix);
    g_test_add_func("/pci/snapshot", test_snapshot);
    g_test_add_func("/pci/random", test_random);
    return g_test_run();
}
