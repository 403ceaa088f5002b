/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvpanic as a PCI device (QEMU's docs/specs/pvpanic): a byte in BAR 0 that says which events it
 * takes, and takes one when written. What follows from an event: softmmu/guest_event.h.
 */
#include "hw/pci.h"
#include "softmmu/guest_event.h"
#include "util/log.h"

enum { PANICKED = 1, CRASH_LOADED = 2, BAR_SIZE = 16 };

typedef struct Pvpanic {
    PciDevice pci;
    MemoryRegion bar;
    uint8_t events;   /* property: what the guest may tell */
} Pvpanic;

static uint64_t read_event(void *dev, unsigned i)
{
    return ((Pvpanic *)dev)->events;
}

static void write_event(void *dev, unsigned i, uint64_t value)
{
    Device *d = dev;
    if (value & ~(uint64_t)(PANICKED | CRASH_LOADED) && !(d->logged & 0x10000)) {
        d->logged |= 0x10000;
        log_guest_error(d->path, "unknown event 0x%x", (unsigned)value);
    }
    if (value & PANICKED)
        vm_guest_panicked();
    else if (value & CRASH_LOADED)
        vm_guest_crashloaded();
}

static const Reg pvpanic_regs[] = {
    REG_FN(0, EVENT, 1, .read = read_event, .write = write_event),
    REG_END,
};

static MemResult bar_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return reg_read(opaque, pvpanic_regs, offset, size, value);
}

static MemResult bar_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return reg_write(opaque, pvpanic_regs, offset, size, value);
}

static const MmioOps bar_ops = { .read = bar_read, .write = bar_write, .min_size = 1,
                                 .max_size = 1 };

static bool pvpanic_realize(void *dev, GError **error)
{
    Pvpanic *s = dev;
    memory_region_init_mmio(&s->bar, "pvpanic", BAR_SIZE, &bar_ops, s);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->bar);
    return true;
}

static void pvpanic_unrealize(void *dev)
{
    memory_region_deinit(&((Pvpanic *)dev)->bar);
}

static const Prop pvpanic_props[] = {
    PCI_PROPS(Pvpanic, pci),
    PROP(Pvpanic, "events", events, PROP_U8, "3", "bits of the events that the guest may tell"),
    PROP_LAST,
};

static const StateField pvpanic_state[] = {
    PCI_STATE(Pvpanic, pci),
    { .name = NULL },
};

static const PciClass pvpanic_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x0011, .class_code = 0x088000, .revision = 1,
};

static const DeviceType pvpanic_type = {
    .name = "pvpanic-pci", .doc = "the guest tells that it panicked (pvpanic)",
    .category = CATEGORY_MISC, .user_creatable = true, .bus_type = "pci", .size = sizeof(Pvpanic),
    .version = 1, .props = pvpanic_props, .state = pvpanic_state, .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize, .class_data = &pvpanic_class,
};
DEVICE_REGISTER(pvpanic_type)
