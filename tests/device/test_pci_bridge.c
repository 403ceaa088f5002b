/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bridges, ports and slots against the PCI-to-PCI Bridge Architecture Specification 1.2 and PCI
 * Express 3.0 (6.7, 7.3, 7.8): numbers, windows, pins, messages, mastership, resets, hot-plug,
 * snapshots, noise. The endpoint is made for this test.
 */
#include "bare.h"
#include "hw/pci.h"

enum { ECAM = 0x30000000, MMIO = 0x40000000, PIO = 0x3000000, DOORBELL = 0x70000000 };
enum { BUS_NUMBERS = 0x18, IO_WINDOW = 0x1c, MEM_WINDOW = 0x20, PREF_WINDOW = 0x24, CONTROL = 0x3e,
       ALL_ON = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER };
enum { SLTCAP = 0x14, SLTCTL = 0x18, SLTSTA = 0x1a, EXPRESS = 0x54 };
enum { OFF = 0x7c0, ON = 0x1c0 }; /* of SLTCTL: power and lights */

typedef struct Edge {
    PciDevice pci;
    MemoryRegion mem, io;
    unsigned resets;
} Edge;

static MemResult edge_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = 0x1234;
    return MEM_OK;
}

static MemResult edge_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return MEM_OK;
}

static const MmioOps edge_ops = { .read = edge_read, .write = edge_write };

static bool edge_realize(void *dev, GError **error)
{
    Edge *s = dev;
    memory_region_init_mmio(&s->mem, "mem", 0x1000, &edge_ops, s);
    memory_region_init_mmio(&s->io, "io", 0x40, &edge_ops, s);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->mem);
    pci_add_bar(&s->pci, 2, PCI_BAR_IO, &s->io);
    pci_use_intx(&s->pci);
    pci_add_msi(&s->pci, 1);
    return true;
}

static void edge_unrealize(void *dev)
{
    Edge *s = dev;
    memory_region_deinit(&s->mem);
    memory_region_deinit(&s->io);
}

static void edge_reset(void *dev)
{
    ((Edge *)dev)->resets++;
}

static const Prop edge_props[] = { PCI_PROPS(Edge, pci), PROP_LAST };
static const StateField edge_state[] = { PCI_STATE(Edge, pci), { .type = STATE_END } };
static const PciClass edge_class = { .vendor_id = 0x1234, .device_id = 0x1111,
                                     .class_code = 0xff0000 };
static const DeviceType edge_type = {
    .name = "test-edge", .doc = "for tests", .bus_type = "pci", .user_creatable = true,
    .hotpluggable = true, .size = sizeof(Edge), .version = 1, .props = edge_props,
    .state = edge_state, .realize = edge_realize, .unrealize = edge_unrealize,
    .reset = edge_reset, .class_data = &edge_class,
};
DEVICE_REGISTER(edge_type)

static Device *host;
static MemoryRegion doorbell;
static uint32_t rung, ringer;

static MemResult ring(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    rung++;
    ringer = memory_initiator.requester;
    return MEM_OK;
}

static const MmioOps doorbell_ops = { .write = ring };

/* "driver,name=value,..." */
static Device *create(const char *text, GError **error)
{
    GHashTable *opts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    g_hash_table_insert(opts, g_strdup("driver"), g_strdup(parts[0]));
    for (char **p = parts + 1; *p; p++) {
        char *eq = strchr(*p, '=');
        g_hash_table_insert(opts, g_strndup(*p, eq - *p), g_strdup(eq + 1));
    }
    Device *dev = device_create_from_opts(opts, error);
    g_hash_table_unref(opts);
    return dev;
}

static Edge *make(const char *text)
{
    GError *error = NULL;
    Device *dev = create(text, &error);
    g_assert_no_error(error);
    return (Edge *)dev;
}

static void refused(const char *text, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(create(text, &error));
    if (!strstr(error->message, why))
        g_error("%s: \"%s\" lacks \"%s\"", text, error->message, why);
}

static hwaddr at(unsigned bus, unsigned slot, unsigned offset)
{
    return ECAM + (bus << 20 | slot << 15) + offset;
}

static void run_deferred(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static Edge *deep, *plain;

/* Root port 1 (bus 1): switch (bus 2), downstream port (bus 3), pcie-pci-bridge (bus 4), edge at 5.
 * Conventional bridge 2 (bus 8): edge at 3. Root port 3 (bus 9): its slot is empty. */
static void setup(void)
{
    if (!host) {
        host = bare_device("gpex-pcihost", 0, NULL);
        gpex_map(host, &(GpexWindows){ .ecam = ECAM, .ecam_size = 0x10000000, .mmio = MMIO,
                                       .mmio_size = 0x20000000, .pio = PIO });
        bare_watch_pins(host);
        memory_region_init_mmio(&doorbell, "doorbell", 0x1000, &doorbell_ops, NULL);
        memory_region_add(memory_system_root(), DOORBELL, &doorbell, 0);
        make("pcie-root-port,id=rp,chassis=1,addr=1");
        make("x3130-upstream,id=up,bus=rp");
        make("xio3130-downstream,id=down,bus=up,chassis=2");
        make("pcie-pci-bridge,id=ppb,bus=down");
        deep = make("test-edge,id=deep,bus=ppb,addr=5");
        make("pci-bridge,id=pb,chassis_nr=1,addr=2");
        plain = make("test-edge,id=plain,bus=pb,addr=3");
        make("pcie-root-port,id=slot,chassis=3,addr=3");
        refused("pcie-root-port,chassis=3,addr=4", "another port's");
        refused("pcie-root-port,chassis=4,bus=rp", "root bus");
        refused("pcie-root-port,chassis=4,bus=pb", "root bus");
        refused("xio3130-downstream,chassis=4,bus=pb", "conventional");
        refused("test-edge,bus=rp", "taken by");
        refused("test-edge,bus=slot,addr=1", "slot 0 only");
        refused("pci-bridge", "chassis_nr");
        refused("pcie-root-port,chassis=5,slot=8192", "slot=8192");
        refused("pcie-root-port,chassis=5,bus-reserve=300", "bus-reserve=300");
        refused("pcie-root-port,chassis=5,pref32-reserve=1M,pref64-reserve=1M", "exclude");
    }
    vm_reset_now();
    deep->resets = plain->resets = 0;
    rung = 0;
}

/* A number is given as software does it, with everything below in reach. */
static void open_bridge(unsigned bus, unsigned slot, unsigned secondary, unsigned subordinate)
{
    bare_write(at(bus, slot, BUS_NUMBERS), 4, bus | secondary << 8 | subordinate << 16);
    bare_write(at(bus, slot, MEM_WINDOW), 4, 0x41f04000);
    bare_write(at(bus, slot, PREF_WINDOW), 4, 0x43f04200);
    bare_write(at(bus, slot, IO_WINDOW), 2, 0x2010);
    bare_write(at(bus, slot, PCI_COMMAND), 2, ALL_ON);
}

static void open_all(void)
{
    open_bridge(0, 1, 1, 4);
    open_bridge(1, 0, 2, 4);
    open_bridge(2, 0, 3, 4);
    open_bridge(3, 0, 4, 4);
}

static void test_numbers(void)
{
    setup();
    g_assert_cmphex(bare_read(at(0, 1, 0), 4), ==, 0x000c1b36);
    g_assert_cmphex(bare_read(at(0, 1, 0x0e), 1), ==, 1);
    g_assert_cmphex(bare_read(at(1, 0, 0), 4), ==, 0xffffffff);
    open_bridge(0, 1, 1, 4);
    g_assert_cmphex(bare_read(at(1, 0, 0), 4), ==, 0x8232104c);
    open_all();
    g_assert_cmphex(bare_read(at(2, 0, 0), 4), ==, 0x8233104c);
    g_assert_cmphex(bare_read(at(3, 0, 0), 4), ==, 0x000e1b36);
    g_assert_cmphex(bare_read(at(4, 5, 0), 4), ==, 0x11111234);
    g_assert_cmphex(bare_read(at(4, 4, 0), 4), ==, 0xffffffff);
    g_assert_cmpuint(pci_bus_number(pci_bus_of(&deep->pci)), ==, 4);
    /* Out of the range of one above. */
    bare_write(at(0, 1, 0x1a), 1, 3);
    g_assert_cmphex(bare_read(at(4, 5, 0), 4), ==, 0xffffffff);
    g_assert_cmphex(bare_read(at(3, 0, 0), 4), ==, 0x000e1b36);
    /* Renumbered. */
    open_bridge(0, 2, 8, 8);
    g_assert_cmphex(bare_read(at(8, 3, 0), 4), ==, 0x11111234);
    bare_write(at(0, 2, 0x19), 2, 0x2020);
    g_assert_cmphex(bare_read(at(8, 3, 0), 4), ==, 0xffffffff);
    g_assert_cmphex(bare_read(at(0x20, 3, 0), 4), ==, 0x11111234);
}

/* 3.2.5: what is in no window is not forwarded. */
static void test_windows(void)
{
    setup();
    open_all();
    hwaddr edge = at(4, 5, 0);
    bare_write(edge + 0x10, 4, 0x42300000);
    bare_write(edge + 0x18, 4, 0x1100);
    bare_write(edge + PCI_COMMAND, 2, ALL_ON);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0x1234);
    g_assert_cmphex(bare_read(PIO + 0x1100, 4), ==, 0x1234);
    bare_write(edge + 0x10, 4, 0x40300000); /* the other window does as well */
    g_assert_cmphex(bare_read(0x40300000, 4), ==, 0x1234);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0xffffffff);
    bare_write(edge + 0x10, 4, 0x46000000); /* in none */
    g_assert_cmphex(bare_read(0x46000000, 4), ==, 0xffffffff);
    bare_write(edge + 0x10, 4, 0x42300000);
    /* Overlapping, closed, shut by COMMAND: at any level. */
    bare_write(at(2, 0, MEM_WINDOW), 4, 0x42f04000);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0x1234);
    bare_write(at(2, 0, MEM_WINDOW), 4, 0x41f04000);
    bare_write(at(2, 0, PREF_WINDOW), 4, 0x42004300);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0xffffffff);
    g_assert_cmphex(bare_read(PIO + 0x1100, 4), ==, 0x1234);
    bare_write(at(2, 0, PREF_WINDOW), 4, 0x43f04200);
    bare_write(at(0, 1, PCI_COMMAND), 2, PCI_COMMAND_IO);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0xffffffff);
    bare_write(at(0, 1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0x1234);
    g_assert_cmphex(bare_read(PIO + 0x1100, 4), ==, 0xffffffff);
    /* All 64 bits. */
    bare_write(at(0, 1, PREF_WINDOW), 4, 0xfff00000);
    bare_write(at(0, 1, 0x28), 4, 0);
    bare_write(at(0, 1, 0x2c), 4, 0xffffffff);
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0x1234);
}

/* Pins rotate by the slot on every bus: INTA# at 5, then slots 0, 0, 0, and 1. */
static void test_pins(void)
{
    setup();
    pci_set_intx(&deep->pci, 1);
    g_assert_cmpint(bare_level[(5 + 0 + 0 + 0 + 1) % 4], ==, 1);
    pci_set_intx(&deep->pci, 0);
    pci_set_intx(&plain->pci, 1);
    g_assert_cmpint(bare_level[(3 + 2) % 4], ==, 1);
    vm_reset_now();
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpint(bare_level[i], ==, 0);
}

static void message(Edge *s, unsigned bus, unsigned slot)
{
    bare_write(at(bus, slot, PCI_COMMAND), 2, ALL_ON);
    bare_write(at(bus, slot, s->pci.msi_cap + 4), 4, DOORBELL);
    bare_write(at(bus, slot, s->pci.msi_cap + 2), 2, 1);
    rung = 0;
    pci_msi_notify(&s->pci, 0);
}

static void test_messages(void)
{
    setup();
    open_all();
    open_bridge(0, 2, 8, 8);
    message(deep, 4, 5);
    g_assert_cmpuint(rung, ==, 1);
    g_assert_cmphex(ringer, ==, 0x400); /* the bridge took it over */
    message(plain, 8, 3);
    g_assert_cmphex(ringer, ==, 2 << 3);
    /* A master by its own bit, whatever those of bridges say. */
    static const uint8_t above[] = { 0, 1, 1, 0, 2, 0, 3, 0 };
    for (unsigned i = 0; i < sizeof above; i += 2) {
        hwaddr command = at(above[i], above[i + 1], PCI_COMMAND);
        bare_write(command, 2, PCI_COMMAND_MEMORY);
        message(deep, 4, 5);
        g_assert_cmpuint(rung, ==, 1);
        bare_write(command, 2, ALL_ON);
    }
    bare_write(at(4, 5, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
    pci_msi_notify(&deep->pci, 0);
    g_assert_cmpuint(rung, ==, 1);
    bare_write(at(4, 5, PCI_COMMAND), 2, ALL_ON);
    /* A message to configuration space does nothing. */
    bare_write(at(4, 5, deep->pci.msi_cap + 4), 4, at(4, 5, PCI_COMMAND));
    bare_write(at(4, 5, deep->pci.msi_cap + 12), 2, 0);
    pci_msi_notify(&deep->pci, 0);
    g_assert_cmphex(bare_read(at(4, 5, PCI_COMMAND), 2), ==, ALL_ON);
}

static void test_bus_reset(void)
{
    setup();
    open_all();
    bare_write(at(4, 5, 0x3c), 1, 77);
    bare_write(at(1, 0, CONTROL), 2, 0x40);
    g_assert_cmpuint(deep->resets, ==, 1);
    g_assert_cmpuint(plain->resets, ==, 0);
    g_assert_cmphex(bare_read(at(2, 0, 0), 4), ==, 0xffffffff); /* held */
    bare_write(at(1, 0, CONTROL), 2, 0);
    g_assert_cmphex(bare_read(at(2, 0, 0), 4), ==, 0x8233104c);
    g_assert_cmphex(bare_read(at(3, 0, 0), 4), ==, 0xffffffff); /* its numbers are gone */
    open_all();
    g_assert_cmphex(bare_read(at(4, 5, 0x3c), 1), ==, 0);
    g_assert_cmpuint(deep->resets, ==, 1);
}

/* ---- slots ---- */

static unsigned gone;

static void on_unplug(const char *id, const char *path)
{
    gone += !g_strcmp0(id, "hot");
}

static hwaddr slot(unsigned offset) { return at(0, 3, EXPRESS + offset); }

static void test_slot(void)
{
    setup();
    GError *error = NULL;
    device_set_unplug_listener(on_unplug);
    gone = 0;
    open_bridge(0, 3, 9, 9);
    g_assert_cmphex(bare_read(at(0, 3, EXPRESS), 1), ==, 0x10);
    g_assert_cmphex(bare_read(at(0, 1, EXPRESS + SLTSTA), 2), ==, 0x40); /* there from the start */
    g_assert_cmphex(bare_read(at(0, 1, EXPRESS + SLTCTL), 2), ==, ON);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2), ==, 0);
    g_assert_cmphex(bare_read(slot(SLTCTL), 2), ==, OFF);
    refused("test-edge", "Bus 'pcie.0' does not support hotplugging");
    refused("test-edge,bus=pb", "Bus 'pb' does not support hotplugging");
    refused("pcie-root-port,chassis=7,bus=slot", "can't be added while");
    bare_write(slot(SLTCTL), 2, OFF | 0x39); /* events interrupt */
    g_assert_cmphex(bare_read(slot(SLTSTA), 2), ==, 0x10);
    g_assert_cmpint(bare_level[3], ==, 1);
    bare_write(slot(SLTSTA), 2, 0x10);
    g_assert_cmpint(bare_level[3], ==, 0);

    Edge *hot = make("test-edge,id=hot,bus=slot");
    g_assert_true(hot->pci.dev.hotplugged);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2), ==, 0x49); /* present, changed, button */
    g_assert_cmphex(bare_read(slot(0x12), 2) & 0x2000, ==, 0x2000);
    g_assert_cmpint(bare_level[3], ==, 1);
    g_assert_cmphex(bare_read(at(9, 0, 0), 4), ==, 0xffffffff); /* no power yet */
    bare_write(slot(SLTSTA), 2, 0x9);
    bare_write(slot(SLTCTL), 2, ON | 0x39);
    g_assert_cmphex(bare_read(at(9, 0, 0), 4), ==, 0x11111234);
    refused("test-edge,id=more,bus=slot", "taken by");
    refused("test-edge,id=hot,bus=slot", "Duplicate");

    /* Taken out: the button; then software switches off. */
    bare_write(slot(SLTSTA), 2, 0xff);
    g_assert_true(device_unplug_request(&hot->pci.dev, &error));
    g_assert_cmphex(bare_read(slot(SLTSTA), 2), ==, 0x41);
    g_assert_false(device_unplug_request(&hot->pci.dev, &error));
    g_assert_nonnull(strstr(error->message, "already in the process of unplug"));
    g_clear_error(&error);
    bare_write(slot(SLTCTL), 2, 0x5c0); /* the light is still on */
    g_assert_cmphex(bare_read(slot(SLTSTA), 2) & 0x40, ==, 0x40);
    bare_write(slot(SLTCTL), 2, ON);
    g_assert_cmphex(bare_read(at(9, 0, 0), 4), ==, 0x11111234);
    bare_write(slot(SLTCTL), 2, OFF);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2) & 0x48, ==, 0x08);
    g_assert_cmpuint(gone, ==, 0);
    g_assert_nonnull(device_find("hot"));
    bare_write(slot(SLTCTL), 2, ON); /* too late */
    g_assert_cmphex(bare_read(at(9, 0, 0), 4), ==, 0xffffffff);
    refused("test-edge,id=other,bus=slot", "taken by");
    run_deferred();
    g_assert_cmpuint(gone, ==, 1);
    g_assert_null(device_find("hot"));

    /* The id and the slot are free again; where the slot is off nobody needs to be asked. */
    bare_write(slot(SLTCTL), 2, OFF);
    hot = make("test-edge,id=hot,bus=slot");
    g_assert_true(device_unplug_request(&hot->pci.dev, &error));
    g_assert_cmpuint(gone, ==, 2);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2) & 0x40, ==, 0);

    /* While the light blinks nothing is accepted; the interlock holds devices out. */
    hot = make("test-edge,id=hot,bus=slot");
    bare_write(slot(SLTCTL), 2, 0x2c0);
    g_assert_false(device_unplug_request(&hot->pci.dev, &error));
    g_assert_nonnull(strstr(error->message, "blinking"));
    g_clear_error(&error);
    vm_reset_now(); /* what is there has power then */
    g_assert_cmphex(bare_read(slot(SLTCTL), 2), ==, ON);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2), ==, 0x40);
    bare_write(slot(SLTCTL), 2, OFF);
    run_deferred();
    bare_write(slot(SLTCTL), 2, OFF | 0x800);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2) & 0x80, ==, 0x80);
    g_assert_cmphex(bare_read(slot(SLTCTL), 2), ==, OFF);
    refused("test-edge,id=hot,bus=slot", "locked");
    device_set_unplug_listener(NULL);
}

static void test_functions(void)
{
    setup();
    open_bridge(0, 3, 9, 9);
    bare_write(slot(SLTCTL), 2, ON);
    /* Function 0 comes last, and with it the others. */
    make("test-edge,id=f1,bus=slot,addr=0.1");
    g_assert_cmphex(bare_read(slot(SLTSTA), 2) & 0x9, ==, 0);
    g_assert_cmphex(bare_read(ECAM + (9 << 20) + 0x1000, 4), ==, 0xffffffff);
    refused("test-edge,id=f0,bus=slot,addr=0", "other functions");
    make("test-edge,id=f0,bus=slot,addr=0,multifunction=on");
    g_assert_cmphex(bare_read(slot(SLTSTA), 2) & 0x49, ==, 0x49);
    g_assert_cmphex(bare_read(ECAM + (9 << 20) + 0x1000, 4), ==, 0x11111234);
    bare_write(slot(SLTCTL), 2, OFF);
    run_deferred();
    g_assert_null(device_find("f0"));
    g_assert_null(device_find("f1"));
}

static void test_depth(void)
{
    setup();
    g_autoptr(GError) error = NULL;
    Bus *bus = bus_find("pb");
    unsigned n = 1;
    for (;; n++) { /* not through create: the machine runs */
        Device *dev = device_new(device_type_find("pci-bridge"), NULL, NULL);
        device_set_uint(dev, "chassis_nr", 10);
        if (!device_realize(dev, bus, &error)) {
            device_unrealize(dev);
            break;
        }
        g_assert_cmpuint(n, <, 100);
        bus = g_ptr_array_index(dev->buses, 0);
    }
    g_assert_cmpuint(n, ==, 24);
    g_assert_nonnull(strstr(error->message, "24 bridges"));
    device_unrealize(g_ptr_array_index(bus_find("pb")->children, 1)); /* and all the others */
}

static void save(Device *dev, GByteArray *out)
{
    g_byte_array_set_size(out, 0);
    device_save(dev, out);
}

static void test_snapshot(void)
{
    setup();
    g_autoptr(GError) error = NULL;
    const char *const names[] = { "rp", "up", "down", "ppb", "deep", "slot" };
    GByteArray *records[G_N_ELEMENTS(names)];
    open_all();
    bare_write(at(4, 5, 0x10), 4, 0x42300000);
    bare_write(at(4, 5, PCI_COMMAND), 2, ALL_ON);
    bare_write(slot(SLTCTL), 2, OFF | 0x39);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        records[i] = g_byte_array_new();
        save(device_find(names[i]), records[i]);
    }
    vm_reset_now();
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0xffffffff);
    deep->resets = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(device_load_record(device_find(names[i]), records[i]->data, records[i]->len,
                                         &error));
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        device_loaded(device_find(names[i]));
    device_redrive_pins();
    g_assert_cmphex(bare_read(0x42300000, 4), ==, 0x1234);
    g_assert_cmphex(bare_read(slot(SLTSTA), 2), ==, 0x10);
    g_assert_cmphex(bare_read(at(0, 1, EXPRESS + SLTSTA), 2), ==, 0x40);
    g_assert_cmpint(bare_level[3], ==, 1);
    g_assert_cmpuint(deep->resets, ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GByteArray) again = g_byte_array_new();
        save(device_find(names[i]), again);
        g_assert_cmpmem(again->data, again->len, records[i]->data, records[i]->len);
        g_byte_array_unref(records[i]);
    }
}

/* Software that writes anything anywhere, with devices that come and go. */
static void test_noise(void)
{
    setup();
    open_all();
    for (unsigned i = 0; i < 40000; i++) {
        unsigned bus = g_random_int_range(0, 10), devfn = g_random_int_range(0, 0x30);
        unsigned size = 1u << g_random_int_range(0, 3), r = g_random_int();
        unsigned offset = r & 1 ? r >> 8 & 0xff : r & 2 ? EXPRESS + (r >> 8 & 0x1f) : r >> 8 & 0xfff;
        uint64_t v = r & 4 ? 0x02000000 | (g_random_int() & 0x07ff0947) : g_random_int();
        address_space_store(address_space_memory, ECAM + (bus << 20 | devfn << 12) + offset, size, v);
        if (i % 128 == 0)
            open_all();
        if (i % 16 == 0 && (r & 0x700) == 0) {
            g_autoptr(GError) error = NULL;
            Device *hot = device_find("noise");
            if (hot)
                device_unplug_request(hot, &error);
            else
                create("test-edge,id=noise,bus=slot", &error);
        }
        if (i % 64 == 0) {
            Edge *edge = (Edge *)device_find("deep"); /* software may have thrown it out */
            if (edge) {
                pci_msi_notify(&edge->pci, 0);
                pci_set_intx(&edge->pci, r & 1);
            }
            run_deferred();
        }
    }
    run_deferred();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci-bridge/numbers", test_numbers);
    g_test_add_func("/pci-bridge/windows", test_windows);
    g_test_add_func("/pci-bridge/pins", test_pins);
    g_test_add_func("/pci-bridge/messages", test_messages);
    g_test_add_func("/pci-bridge/bus-reset", test_bus_reset);
    g_test_add_func("/pci-bridge/slot", test_slot);
    g_test_add_func("/pci-bridge/functions", test_functions);
    g_test_add_func("/pci-bridge/depth", test_depth);
    g_test_add_func("/pci-bridge/snapshot", test_snapshot);
    g_test_add_func("/pci-bridge/noise", test_noise);
    return g_test_run();
}
