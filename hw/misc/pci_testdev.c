/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "PCI test device" (QEMU's docs/specs/pci-testdev): BAR 0 in memory and BAR 1 in I/O space, each
 * with a header that says which write the chosen test wants and counts those that came. The tests
 * differ in how a hypervisor would hear of the writes; here all are plain ones:
 *   0  no-eventfd, 1  wildcard-eventfd: any data;  2  datamatch-eventfd: only the header's data.
 * membar= adds a 64-bit memory BAR 2 of that size with nothing behind it.
 */
#include <string.h>

#include "hw/pci.h"
#include "util/bits.h"
#include "util/error.h"

enum { N_TESTS = 3, MEM_SIZE = 4096, IO_SIZE = 256, DATA_AREA = 64, NO_TEST = 0xff, WIDTH = 1 };
enum { H_TEST = 0, H_WIDTH = 1, H_OFFSET = 4, H_DATA = 8, H_COUNT = 12, H_NAME = 16 };

typedef struct TestBar {
    MemoryRegion region;
    uint8_t header[DATA_AREA]; /* of the chosen test; zero if there is none: width 0 */
    uint8_t test;
    bool io;
} TestBar;

typedef struct PciTestdev {
    PciDevice pci;
    TestBar bar[2];
    MemoryRegion large;
    uint64_t membar;
} PciTestdev;

static void choose(TestBar *b, uint8_t test)
{
    static const char *const names[N_TESTS] = { "no-eventfd", "wildcard-eventfd",
                                                "datamatch-eventfd" };
    memset(b->header, 0, sizeof b->header);
    b->test = test < N_TESTS ? test : NO_TEST;
    if (b->test == NO_TEST)
        return;
    b->header[H_TEST] = test;
    b->header[H_WIDTH] = WIDTH;
    b->header[H_OFFSET] = (uint8_t)(DATA_AREA + test);
    b->header[H_DATA] = test == 2 ? 0xa5 : 0x5a;
    g_snprintf((char *)b->header + H_NAME, sizeof b->header - H_NAME, "%s-%s",
               b->io ? "portio" : "mmio", names[test]);
}

static MemResult testdev_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    TestBar *b = opaque;
    *value = 0;
    for (unsigned i = 0; i < size && offset + i < sizeof b->header; i++)
        *value |= (uint64_t)b->header[offset + i] << 8 * i;
    return MEM_OK;
}

static MemResult testdev_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    TestBar *b = opaque;
    uint32_t count;
    if (offset == H_TEST) {
        choose(b, (uint8_t)value);
    } else if (b->test != NO_TEST && offset == b->header[H_OFFSET] && size == WIDTH &&
               (b->test != 2 || (uint8_t)value == b->header[H_DATA])) {
        memcpy(&count, b->header + H_COUNT, sizeof count);
        count = GUINT32_TO_LE(GUINT32_FROM_LE(count) + 1);
        memcpy(b->header + H_COUNT, &count, sizeof count);
    }
    return MEM_OK;
}

static const MmioOps testdev_ops = {
    .read = testdev_read, .write = testdev_write, .min_size = 1, .max_size = 4, .unaligned = true,
};

static bool testdev_realize(void *opaque, GError **error)
{
    PciTestdev *s = opaque;
    if (s->membar && (s->membar < 16 || s->membar & (s->membar - 1)))
        return error_set(error, "pci-testdev: membar=%" G_GUINT64_FORMAT ": must be a power of "
                         "two, at least 16", s->membar);
    for (unsigned i = 0; i < ARRAY_LEN(s->bar); i++) {
        TestBar *b = &s->bar[i];
        b->io = i;
        memory_region_init_mmio(&b->region, i ? "pci-testdev-portio" : "pci-testdev-mmio",
                                i ? IO_SIZE : MEM_SIZE, &testdev_ops, b);
        pci_add_bar(&s->pci, i, i ? PCI_BAR_IO : PCI_BAR_MEM32, &b->region);
    }
    if (s->membar) {
        memory_region_init_container(&s->large, "pci-testdev-membar", s->membar);
        pci_add_bar(&s->pci, 2, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->large);
    }
    return true;
}

static void testdev_unrealize(void *opaque)
{
    PciTestdev *s = opaque;
    for (unsigned i = 0; i < ARRAY_LEN(s->bar); i++)
        memory_region_deinit(&s->bar[i].region);
    if (s->membar)
        memory_region_deinit(&s->large);
}

static void testdev_reset(void *opaque)
{
    PciTestdev *s = opaque;
    for (unsigned i = 0; i < ARRAY_LEN(s->bar); i++)
        choose(&s->bar[i], NO_TEST);
}

static const Prop testdev_props[] = {
    PCI_PROPS(PciTestdev, pci),
    PROP(PciTestdev, "membar", membar, PROP_SIZE, "0", "size of BAR 2 (default: none)"),
    PROP_LAST,
};

static const StateField testdev_state[] = {
    PCI_STATE(PciTestdev, pci),
    STATE(PciTestdev, bar[0].test), STATE_ARRAY(PciTestdev, bar[0].header),
    STATE(PciTestdev, bar[1].test), STATE_ARRAY(PciTestdev, bar[1].header),
    { .name = NULL },
};

static const PciClass testdev_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x0005, .class_code = 0x00ff00,
};

static const DeviceType testdev_type = {
    .name = "pci-testdev", .doc = "PCI Test Device", .category = CATEGORY_MISC,
    .user_creatable = true, .bus_type = "pci", .size = sizeof(PciTestdev), .version = 1,
    .props = testdev_props, .state = testdev_state, .realize = testdev_realize,
    .unrealize = testdev_unrealize, .reset = testdev_reset, .class_data = &testdev_class,
};
DEVICE_REGISTER(testdev_type)
