/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DSDT of the arm "virt" board: its devices as ACPI names them (ACPI 6.3; Arm's BBR, section
 * 8.4; PCI Firmware Specification 3.2 for the host bridge; hardware IDs as QEMU's).
 */
#include "hw/board/arm_virt.h"

enum { SPI_BASE = 32, ECAM_BYTES_PER_BUS = 1 << 20 };

static void add_cpus(Aml *sb, const Machine *m)
{
    for (unsigned i = 0; i < m->cpus; i++) {
        char name[5];
        g_snprintf(name, sizeof name, "C%03X", i & 0xfff);
        Aml *dev = aml_new();
        aml_name_string(dev, "_HID", "ACPI0007");
        aml_name_int(dev, "_UID", i);
        aml_device(sb, name, dev);
    }
}

/* A device with one range of registers and at most one interrupt. */
static void add_simple(Aml *sb, const char *name, const char *hid, unsigned uid, hwaddr base,
                       hwaddr size, int gsi, bool dma)
{
    Aml *dev = aml_new(), *crs = aml_new();
    aml_name_string(dev, "_HID", hid);
    aml_name_int(dev, "_UID", uid);
    if (dma)
        aml_name_int(dev, "_CCA", 1); /* DMA is coherent */
    aml_memory32_fixed(crs, base, size);
    if (gsi >= 0)
        aml_interrupt(crs, false, gsi);
    aml_resources(dev, "_CRS", crs);
    aml_device(sb, name, dev);
}

static void add_row(Aml *sb, const char *name, const char *hid, const ArmVirtRow *row)
{
    add_simple(sb, name, hid, 0, row->base, row->size, row->spi ? (int)row->spi + SPI_BASE : -1,
               false);
}

static void add_fw_cfg(Aml *sb, const ArmVirtRow *row)
{
    Aml *dev = aml_new(), *crs = aml_new();
    aml_name_string(dev, "_HID", "QEMU0002");
    aml_name_int(dev, "_STA", 0xb); /* present, not shown */
    aml_name_int(dev, "_CCA", 1);
    aml_memory32_fixed(crs, row->base, row->size);
    aml_resources(dev, "_CRS", crs);
    aml_device(sb, "FWCF", dev);
}

static void add_virtio(Aml *sb, const ArmVirtRow *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        char name[5];
        g_snprintf(name, sizeof name, "VR%02u", i);
        add_simple(sb, name, "LNRO0005", i, row->base + i * row->size, row->size,
                   (int)(row->spi + i) + SPI_BASE, true);
    }
}

/* ---- PCI ---- */

/* INTA# to INTD# are wired: links that can't be changed. */
static void add_pci_links(Aml *pci, unsigned first_gsi)
{
    for (unsigned i = 0; i < 4; i++) {
        char name[5];
        Aml *dev = aml_new(), *crs = aml_new(), *prs = aml_new();
        g_snprintf(name, sizeof name, "GSI%u", i);
        aml_name_string(dev, "_HID", "PNP0C0F");
        aml_name_int(dev, "_UID", i);
        aml_interrupt(prs, false, first_gsi + i);
        aml_resources(dev, "_PRS", prs);
        aml_interrupt(crs, false, first_gsi + i);
        aml_resources(dev, "_CRS", crs);
        aml_method(dev, "_SRS", 1, false, aml_new());
        aml_device(pci, name, dev);
    }
}

/* 6.2.13: (slot, pin) to link, after the swizzle of PCI 3.0, 2.2.6. */
static void add_pci_routing(Aml *pci)
{
    enum { SLOTS = 32, PINS = 4, ANY_FUNCTION = 0xffff };
    Aml *routes = aml_new();
    for (unsigned i = 0; i < SLOTS * PINS; i++) {
        unsigned slot = i / PINS, pin = i % PINS;
        char link[5];
        Aml *route = aml_new();
        g_snprintf(link, sizeof link, "GSI%u", (slot + pin) % PINS);
        aml_int(route, (uint64_t)slot << 16 | ANY_FUNCTION);
        aml_int(route, pin);
        aml_path(route, link);
        aml_int(route, 0);
        aml_package(routes, 4, route);
    }
    aml_name(pci, "_PRT");
    aml_package(pci, SLOTS * PINS, routes);
}

static void create_field(Aml *to, unsigned offset, const char *name)
{
    aml_op(to, AML_CREATE_DWORD_FIELD);
    aml_op(to, AML_ARG3);
    aml_int(to, offset);
    aml_path(to, name);
}

/* Sets bits of CDW1. */
static void complain(Aml *to, uint64_t bits)
{
    aml_op(to, AML_OR);
    aml_path(to, "CDW1");
    aml_int(to, bits);
    aml_path(to, "CDW1");
}

/* PCI Firmware 3.2, 4.5.1: the system gets all that it asks for, of what there is. */
static void add_pci_osc(Aml *pci)
{
    enum { UNKNOWN_UUID = 4, UNKNOWN_REVISION = 8, MASKED = 16, CONTROL = 0x1f };
    Aml *method = aml_new(), *known = aml_new(), *body = aml_new(), *other = aml_new();
    create_field(method, 0, "CDW1");

    aml_op(known, AML_EQUAL);
    aml_op(known, AML_ARG0);
    aml_uuid(known, "33db4d5b-1ff7-401c-9657-7441c03dd766");

    create_field(body, 4, "CDW2");
    create_field(body, 8, "CDW3");
    aml_op(body, AML_AND);
    aml_path(body, "CDW3");
    aml_int(body, CONTROL);
    aml_op(body, AML_LOCAL0);

    Aml *wrong = aml_new(), *then = aml_new();
    aml_op(wrong, AML_NOT);
    aml_op(wrong, AML_EQUAL);
    aml_op(wrong, AML_ARG1);
    aml_int(wrong, 1);
    complain(then, UNKNOWN_REVISION);
    aml_if(body, wrong, then);

    Aml *less = aml_new();
    then = aml_new();
    aml_op(less, AML_NOT);
    aml_op(less, AML_EQUAL);
    aml_path(less, "CDW3");
    aml_op(less, AML_LOCAL0);
    complain(then, MASKED);
    aml_if(body, less, then);

    aml_op(body, AML_STORE);
    aml_op(body, AML_LOCAL0);
    aml_path(body, "CDW3");

    aml_if(method, known, body);
    complain(other, UNKNOWN_UUID);
    aml_else(method, other);
    aml_return(method);
    aml_op(method, AML_ARG3);
    aml_method(pci, "_OSC", 4, false, method);
}

static void add_pci(Aml *sb, const ArmVirt *s)
{
    const ArmVirtRow *ecam = arm_virt_ecam(s), *mmio = &s->map[AV_PCIE_MMIO],
                     *pio = &s->map[AV_PCIE_PIO], *high = &s->map[AV_HIGH_MMIO];
    Aml *pci = aml_new(), *crs = aml_new(), *base = aml_new();
    aml_name_string(pci, "_HID", "PNP0A08");
    aml_name_string(pci, "_CID", "PNP0A03");
    aml_name_int(pci, "_SEG", 0);
    aml_name_int(pci, "_BBN", 0);
    aml_name_int(pci, "_UID", 0);
    aml_name_int(pci, "_CCA", 1);
    add_pci_links(pci, ecam->spi + SPI_BASE);
    add_pci_routing(pci);

    aml_return(base);
    aml_int(base, ecam->base);
    aml_method(pci, "_CBA", 0, false, base);

    aml_bus_numbers(crs, 0, ecam->size / ECAM_BYTES_PER_BUS - 1);
    aml_window_memory32(crs, mmio->base, mmio->size);
    aml_window_io(crs, pio->size, pio->base);
    if (high->size)
        aml_window_memory64(crs, high->base, high->size);
    aml_resources(pci, "_CRS", crs);
    add_pci_osc(pci);

    /* The configuration space is in use (PCI Firmware 3.2, 4.1.2). */
    Aml *reserved = aml_new(), *taken = aml_new();
    aml_name_string(reserved, "_HID", "PNP0C02");
    aml_memory64(taken, ecam->base, ecam->size);
    aml_resources(reserved, "_CRS", taken);
    aml_device(pci, "RES0", reserved);
    aml_device(sb, "PCI0", pci);
}

/* ---- power button ---- */

/* 5.6.9.1: the event's method reads what happened and tells the button. */
static void add_power_button(Aml *sb, const ArmVirtRow *ged)
{
    enum { POWER_BUTTON_EVENT = 2, PRESSED = 0x80 };
    Aml *button = aml_new();
    aml_name_string(button, "_HID", "PNP0C0C");
    aml_name_int(button, "_UID", 0);
    aml_device(sb, "PWRB", button);

    Aml *dev = aml_new(), *crs = aml_new(), *event = aml_new();
    aml_name_string(dev, "_HID", "ACPI0013");
    aml_name_int(dev, "_UID", 0);
    aml_interrupt(crs, true, ged->spi + SPI_BASE);
    aml_resources(dev, "_CRS", crs);
    aml_memory_field(dev, "EREG", ged->base, ged->size, "ESEL", 32);

    Aml *pressed = aml_new(), *notify = aml_new();
    aml_op(event, AML_STORE);
    aml_path(event, "ESEL");
    aml_op(event, AML_LOCAL0);
    aml_op(pressed, AML_EQUAL);
    aml_op(pressed, AML_AND);
    aml_op(pressed, AML_LOCAL0);
    aml_int(pressed, POWER_BUTTON_EVENT);
    aml_op(pressed, 0); /* no target */
    aml_int(pressed, POWER_BUTTON_EVENT);
    aml_op(notify, AML_NOTIFY);
    aml_path(notify, "\\_SB.PWRB");
    aml_int(notify, PRESSED);
    aml_if(event, pressed, notify);
    aml_method(dev, "_EVT", 1, true, event);
    aml_device(sb, "GED", dev);
}

uint32_t arm_virt_dsdt(AcpiTables *t, Machine *m)
{
    const ArmVirt *s = arm_virt(m);
    const ArmVirtRow *flash = &s->map[AV_FLASH];
    uint32_t table = acpi_begin(t, "DSDT", 2, false);
    Aml *sb = aml_new();
    add_cpus(sb, m);
    add_row(sb, "COM0", "ARMH0011", &s->map[AV_UART0]);
    if (s->uart1)
        add_simple(sb, "COM1", "ARMH0011", 1, s->map[AV_UART1].base, s->map[AV_UART1].size,
                   (int)s->map[AV_UART1].spi + SPI_BASE, false);
    for (unsigned i = s->secure; i < flash->count; i++) {
        char name[5];
        g_snprintf(name, sizeof name, "FLS%u", i);
        add_simple(sb, name, "LNRO0015", i, flash->base + i * flash->size, flash->size, -1, false);
    }
    add_fw_cfg(sb, &s->map[AV_FW_CFG]);
    add_virtio(sb, &s->map[AV_VIRTIO]);
    add_pci(sb, s);
    add_power_button(sb, &s->map[AV_GED]);
    aml_scope(t->data, "\\_SB", sb);
    acpi_end(t, table);
    return table;
}
