/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic PCI Express host bridge with ECAM, as QEMU's GPEX: function 00.0 is 1b36:0008.
 * PCI Express Base Specification 3.0, 7.2.2 (ECAM); Linux's binding pci-host-ecam-generic.
 */
#include "hw/pci.h"
#include "util/bits.h"

typedef struct GpexRoot {
    PciDevice pci;
} GpexRoot;

typedef struct Gpex {
    Device dev;
    PciBus *bus;
    MemoryRegion mem, io;          /* what BARs are mapped into */
    MemoryRegion low, high;        /* windows onto mem */
    MemoryRegion low_rest, high_rest, io_rest; /* behind them, where no BAR is */
} Gpex;

static MemResult ecam_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Gpex *s = opaque;
    *value = pci_config_read(s->bus, offset >> 20 & 0xff, offset >> 12 & 0xff, offset & 0xfff,
                             size);
    return MEM_OK;
}

static MemResult ecam_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Gpex *s = opaque;
    pci_config_write(s->bus, offset >> 20 & 0xff, offset >> 12 & 0xff, offset & 0xfff, size, value);
    return MEM_OK;
}

static const MmioOps ecam_ops = { .read = ecam_read, .write = ecam_write, .min_size = 1,
                                  .max_size = 4 };

/* A cycle that nobody claims ends in a master abort: ones on a read. */
static MemResult rest_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = MASK(8 * size);
    return MEM_OK;
}

static MemResult rest_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return MEM_OK;
}

static const MmioOps rest_ops = { .read = rest_read, .write = rest_write, .min_size = 1,
                                  .max_size = 8 };

static void set_intx(void *opaque, int pin, int level)
{
    Gpex *s = opaque;
    irq_set(&s->dev.irq[pin], level);
}

static const DeviceType gpex_root_type;

static bool gpex_realize(void *dev, GError **error)
{
    Gpex *s = dev;
    memory_region_init_container(&s->mem, "gpex_mmio", UINT64_MAX);
    memory_region_init_container(&s->io, "gpex_ioport", 0x10000);
    s->bus = pci_bus_new(&s->dev, "pcie.0", &s->mem, &s->io);
    s->bus->set_intx = set_intx;
    s->bus->opaque = s;
    g_autofree char *path = g_strdup_printf("%s/root", s->dev.path);
    Device *root = device_new(&gpex_root_type, NULL, path);
    return device_realize(root, s->bus->bus, error);
}

void gpex_map(Device *dev, const GpexWindows *w)
{
    Gpex *s = (Gpex *)dev;
    MemoryRegion *sys = memory_system_root();
    memory_region_init_mmio(&s->dev.mmio, "pcie-mmcfg-mmio", w->ecam_size, &ecam_ops, s);
    memory_region_add(sys, w->ecam, &s->dev.mmio, 0);

    memory_region_init_alias(&s->low, "gpex_mmio_window", &s->mem, w->mmio, w->mmio_size);
    memory_region_init_mmio(&s->low_rest, "gpex_mmio_rest", w->mmio_size, &rest_ops, s);
    memory_region_add(sys, w->mmio, &s->low, 0);
    memory_region_add(sys, w->mmio, &s->low_rest, -1);
    if (w->high_size) {
        memory_region_init_alias(&s->high, "gpex_mmio_window_high", &s->mem, w->high, w->high_size);
        memory_region_init_mmio(&s->high_rest, "gpex_mmio_rest_high", w->high_size, &rest_ops, s);
        memory_region_add(sys, w->high, &s->high, 0);
        memory_region_add(sys, w->high, &s->high_rest, -1);
    }
    memory_region_init_mmio(&s->io_rest, "gpex_ioport_rest", 0x10000, &rest_ops, s);
    memory_region_add(sys, w->pio, &s->io, 0);
    memory_region_add(sys, w->pio, &s->io_rest, -1);
}

static const DeviceType gpex_type = {
    .name = "gpex-pcihost", .doc = "generic PCI Express host bridge", .category = CATEGORY_BRIDGE,
    .fdt_compatible = "pci-host-ecam-generic",
    .boot_node = "pci@ffffffffffffffff", /* as the board of QEMU maps it: the bus knows no address */
    .size = sizeof(Gpex), .irqs = 4, .version = 1,
    .realize = gpex_realize,
};
DEVICE_REGISTER(gpex_type)

static const Prop gpex_root_props[] = {
    PCI_PROPS(GpexRoot, pci),
    PROP_LAST,
};

static const StateField gpex_root_state[] = {
    PCI_STATE(GpexRoot, pci),
    { .type = STATE_END },
};

static const PciClass gpex_root_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x0008, .class_code = 0x060000, .express = true,
};

static const DeviceType gpex_root_type = {
    .name = "gpex-root", .doc = "host bridge function of gpex-pcihost", .bus_type = "pci",
    .category = CATEGORY_BRIDGE, .size = sizeof(GpexRoot), .version = 1,
    .props = gpex_root_props, .state = gpex_root_state, .class_data = &gpex_root_class,
};
DEVICE_REGISTER(gpex_root_type)
