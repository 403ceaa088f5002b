/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest tells of its kernel: pvpanic-pci (docs/specs/pvpanic), vmcoreinfo. */
#include "bare.h"
#include "hw/fw_cfg.h"
#include "hw/pci.h"
#include "softmmu/guest_event.h"

enum { ECAM = 0x30000000, MMIO = 0x40000000, PIO = 0x3000000, HIGH = 0x400000000, BAR = 0x50000000,
       FW_CFG = 0x10100000, RAM = 0x80000000 };

static GString *events;

static void on_event(const char *name, Json *data)
{
    g_string_append_printf(events, "%s:%s ", name, json_get_str(data, "action", "?"));
    json_free(data);
}

static void expect(const char *want)
{
    g_assert_cmpstr(events->str, ==, want);
    g_string_truncate(events, 0);
}

static Device *create(const char *driver, GError **error)
{
    GHashTable *opts = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(opts, "driver", (gpointer)driver);
    Device *dev = device_create_from_opts(opts, error);
    g_hash_table_unref(opts);
    if (dev)
        device_reset(dev);
    return dev;
}

static void test_pvpanic(void)
{
    GError *error = NULL;
    Device *host = bare_device("gpex-pcihost", 0, NULL);
    gpex_map(host, &(GpexWindows){ .ecam = ECAM, .ecam_size = 0x10000000, .mmio = MMIO,
                                   .mmio_size = 0x40000000, .high = HIGH, .high_size = HIGH,
                                   .pio = PIO });
    PciDevice *pci = (PciDevice *)create("pvpanic-pci", &error);
    g_assert_no_error(error);
    hwaddr config = ECAM + ((hwaddr)pci->devfn << 12);
    g_assert_cmphex(bare_read(config, 4), ==, 0x00111b36);
    g_assert_cmphex(bare_read(config + 8, 4), ==, 0x08800001);
    bare_write(config + PCI_BAR0, 4, BAR);
    bare_write(config + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);

    events = g_string_new(NULL);
    guest_event_set_listener(on_event);
    g_assert_cmphex(bare_read(BAR, 1), ==, 3);
    bare_write(BAR, 1, 0xf0); /* nothing that we know */
    bare_write(BAR, 1, 0);
    expect("");
    bare_write(BAR, 1, 2);
    expect("GUEST_CRASHLOADED:run ");
    vm_actions.panic = PANIC_NONE;
    bare_write(BAR, 1, 1);
    expect("GUEST_PANICKED:run ");
    vm_actions = (VmActions){ .panic = PANIC_PAUSE };
    bare_write(BAR, 1, 3);
    expect("GUEST_PANICKED:pause ");
    vm_actions = (VmActions){ .shutdown_is_pause = true };
    bare_write(BAR, 1, 1);
    expect("GUEST_PANICKED:pause ");
    vm_actions = (VmActions){ .panic = PANIC_EXIT_FAILURE, .shutdown_is_pause = true };
    bare_write(BAR, 1, 1);
    expect("GUEST_PANICKED:poweroff ");
    device_unrealize(&pci->dev);
    guest_event_set_listener(NULL);
}

/* What the file has at `offset`, by the data register. */
static uint64_t file_read(uint16_t key, unsigned offset, unsigned size)
{
    bare_write(FW_CFG + 8, 2, __builtin_bswap16(key));
    for (unsigned i = 0; i < offset; i++)
        bare_read(FW_CFG, 1);
    return bare_read(FW_CFG, size);
}

static void test_vmcoreinfo(void)
{
    static MemoryRegion ram;
    GError *error = NULL;
    bare_init();
    g_assert_null(create("vmcoreinfo", &error));
    g_assert_cmpstr(error->message, ==, "vmcoreinfo device requires fw_cfg with DMA");
    g_clear_error(&error);
    Device *fw_cfg = bare_device("fw_cfg_mem", FW_CFG, NULL);
    g_assert_true(memory_region_init_ram(&ram, "ram", 1 << 20, &error));
    memory_region_add(memory_system_root(), RAM, &ram, 0);
    Device *dev = create("vmcoreinfo", &error);
    g_assert_no_error(error);
    g_assert_null(create("vmcoreinfo", &error));
    g_assert_cmpstr(error->message, ==, "at most one vmcoreinfo device is permitted");
    g_clear_error(&error);
    g_assert_cmphex(file_read(FW_CFG_FILE_FIRST, 0, 8), ==, 1); /* the host takes ELF */

    uint8_t request[16], file[16] = { 1, 0, 1, 0, 0x34, 0x12 };
    store_be32(request, FW_CFG_FILE_FIRST << 16 | 8 | 16);
    store_be32(request + 4, sizeof file);
    store_be64(request + 8, RAM + 64);
    store_le64(file + 8, RAM + 256);
    address_space_write(address_space_memory, RAM, request, sizeof request);
    address_space_write(address_space_memory, RAM + 64, file, sizeof file);
    bare_write(FW_CFG + 16, 8, __builtin_bswap64(RAM));
    g_assert_cmphex(file_read(FW_CFG_FILE_FIRST, 8, 8), ==, RAM + 256);
    device_reset(dev);
    g_assert_cmphex(file_read(FW_CFG_FILE_FIRST, 0, 8), ==, 1);
    g_assert_cmphex(file_read(FW_CFG_FILE_FIRST, 8, 8), ==, 0);
    device_unrealize(dev);
    g_assert_cmphex(file_read(FW_CFG_FILE_FIRST, 0, 8), ==, 0);
    dev = create("vmcoreinfo", &error);
    g_assert_no_error(error);
    device_unrealize(dev);
    device_unrealize(fw_cfg);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pvpanic", test_pvpanic);
    g_test_add_func("/vmcoreinfo", test_vmcoreinfo);
    return g_test_run();
}
