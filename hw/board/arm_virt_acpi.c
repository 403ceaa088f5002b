/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables of the arm "virt" board: section numbers are of ACPI 6.3 unless another document
 * is named. They go to firmware through fw_cfg.
 */
#include "hw/board/arm_virt.h"

#include <string.h>

#include "accel/cpu.h"
#include "hw/fw_cfg.h"
#include "softmmu/smbios.h"
#include "util/bits.h"

enum { SPI_BASE = 32 };

/* 5.2.9: hardware-reduced; the processors are started by PSCI, whoever answers it. */
static void add_fadt(AcpiTables *t, const ArmVirt *s, uint32_t dsdt)
{
    enum { LENGTH = 276, FLAGS = 112, ARM_BOOT_ARCH = 129, MINOR_VERSION = 131, X_DSDT = 140 };
    enum { HW_REDUCED = 1 << 20, PSCI_COMPLIANT = 1, PSCI_USE_HVC = 2 };
    uint32_t table = acpi_begin(t, "FACP", 6, true);
    acpi_put_zeros(t->data, LENGTH - (t->data->len - table));
    uint8_t *p = t->data->data + table;
    store_le32(p + FLAGS, HW_REDUCED);
    p[ARM_BOOT_ARCH] = PSCI_COMPLIANT | (s->psci == ARM_PSCI_HVC ? PSCI_USE_HVC : 0);
    p[MINOR_VERSION] = 3;
    acpi_pointer(t, table + X_DSDT, 8, dsdt);
    acpi_end(t, table);
}

/* ---- interrupts (5.2.12) ---- */

static void put_gicc(GByteArray *a, const ArmVirt *s, unsigned i)
{
    bool v2 = s->gic_version == 2;
    acpi_put(a, 1, 0x0b);
    acpi_put(a, 1, 80);
    acpi_put(a, 2, 0);
    acpi_put(a, 4, i); /* CPU interface number */
    acpi_put(a, 4, i); /* processor UID */
    acpi_put(a, 4, 1); /* enabled */
    acpi_put(a, 4, 0);
    acpi_put(a, 4, arm_cpu_has_pmu(cpus[i]) ? ARM_VIRT_PPI_PMU : 0);
    acpi_put(a, 8, 0);
    acpi_put(a, 8, v2 ? s->map[AV_GIC_CPU].base : 0);
    acpi_put(a, 8, v2 && s->virtualization ? s->map[AV_GIC_VCPU].base : 0);
    acpi_put(a, 8, v2 && s->virtualization ? s->map[AV_GIC_HYP].base : 0);
    acpi_put(a, 4, s->virtualization ? ARM_VIRT_PPI_MAINTENANCE : 0);
    acpi_put(a, 8, 0); /* redistributors have structures of their own */
    acpi_put(a, 8, arm_virt_affinity(cpus[i]));
    acpi_put_zeros(a, 4);
}

static void put_gicr(GByteArray *a, const ArmVirtRow *row)
{
    acpi_put(a, 1, 0x0e);
    acpi_put(a, 1, 16);
    acpi_put(a, 2, 0);
    acpi_put(a, 8, row->base);
    acpi_put(a, 4, row->size);
}

static void put_its(GByteArray *a, const ArmVirtRow *row)
{
    acpi_put(a, 1, 0x0f);
    acpi_put(a, 1, 20);
    acpi_put(a, 2, 0);
    acpi_put(a, 4, 0); /* ID */
    acpi_put(a, 8, row->base);
    acpi_put(a, 4, 0);
}

static void put_v2m(GByteArray *a, const ArmVirtRow *row)
{
    acpi_put(a, 1, 0x0d);
    acpi_put(a, 1, 24);
    acpi_put(a, 2, 0);
    acpi_put(a, 4, 0); /* ID */
    acpi_put(a, 8, row->base);
    acpi_put(a, 4, 1); /* the numbers that follow count, not those of MSI_TYPER */
    acpi_put(a, 2, ARM_VIRT_V2M_SPIS);
    acpi_put(a, 2, row->spi + SPI_BASE);
}

static void add_madt(AcpiTables *t, const Machine *m, const ArmVirt *s)
{
    GByteArray *a = t->data;
    uint32_t table = acpi_begin(t, "APIC", 4, true);
    acpi_put_zeros(a, 8);
    acpi_put(a, 1, 0x0c); /* distributor */
    acpi_put(a, 1, 24);
    acpi_put(a, 2, 0);
    acpi_put(a, 4, 0);
    acpi_put(a, 8, s->map[AV_GIC_DIST].base);
    acpi_put(a, 4, 0);
    acpi_put(a, 1, s->gic_version);
    acpi_put_zeros(a, 3);
    for (unsigned i = 0; i < m->cpus; i++)
        put_gicc(a, s, i);
    if (s->gic_version == 3) {
        put_gicr(a, &s->map[AV_REDIST]);
        if (s->redist_count[1])
            put_gicr(a, &s->map[AV_HIGH_REDIST]);
        if (s->its)
            put_its(a, &s->map[AV_ITS]);
    } else {
        put_v2m(a, &s->map[AV_GIC_V2M]);
    }
    acpi_end(t, table);
}

/* IO Remapping Table, Arm DEN 0049: PCI requester IDs are the ITS's device IDs. */
static void add_iort(AcpiTables *t)
{
    enum { HEADER = 48, ITS_SIZE = 24, ROOT_SIZE = 32, MAPPING_SIZE = 20, ALL_IDS = 0xffff };
    GByteArray *a = t->data;
    uint32_t table = acpi_begin(t, "IORT", 0, true);
    acpi_put(a, 4, 2); /* nodes */
    acpi_put(a, 4, HEADER);
    acpi_put(a, 4, 0);

    acpi_put(a, 1, 0); /* ITS group */
    acpi_put(a, 2, ITS_SIZE);
    acpi_put_zeros(a, 5);
    acpi_put(a, 4, 0); /* no mappings */
    acpi_put(a, 4, 0);
    acpi_put(a, 4, 1); /* of one ITS: */
    acpi_put(a, 4, 0);

    acpi_put(a, 1, 2); /* root complex */
    acpi_put(a, 2, ROOT_SIZE + MAPPING_SIZE);
    acpi_put_zeros(a, 5);
    acpi_put(a, 4, 1); /* one mapping */
    acpi_put(a, 4, ROOT_SIZE);
    acpi_put(a, 4, 1); /* coherent */
    acpi_put_zeros(a, 3);
    acpi_put(a, 1, 3); /* whatever attributes an access has */
    acpi_put(a, 4, 0);
    acpi_put(a, 4, 0); /* segment */
    acpi_put(a, 4, 0); /* from ID 0 */
    acpi_put(a, 4, ALL_IDS);
    acpi_put(a, 4, 0);
    acpi_put(a, 4, HEADER); /* to the ITS group */
    acpi_put(a, 4, 0);
    acpi_end(t, table);
}

/* ---- timers (5.2.24) ---- */

static void add_gtdt(AcpiTables *t, const ArmVirt *s)
{
    enum { ALWAYS_ON = 4 };
    const uint64_t absent = UINT64_MAX;
    GByteArray *a = t->data;
    uint32_t table = acpi_begin(t, "GTDT", 3, true);
    acpi_put(a, 8, absent);
    acpi_put(a, 4, 0);
    static const uint8_t ppis[] = { ARM_VIRT_PPI_TIMER_SEC, ARM_VIRT_PPI_TIMER_PHYS,
                                    ARM_VIRT_PPI_TIMER_VIRT, ARM_VIRT_PPI_TIMER_HYP };
    for (unsigned i = 0; i < ARRAY_LEN(ppis); i++) {
        acpi_put(a, 4, ppis[i]);
        acpi_put(a, 4, ALWAYS_ON);
    }
    acpi_put(a, 8, absent);
    acpi_put(a, 4, 0); /* platform timers */
    acpi_put(a, 4, 0);
    acpi_put(a, 4, s->virtualization ? ARM_VIRT_PPI_TIMER_HYPVIRT : 0);
    acpi_put(a, 4, s->virtualization ? ALWAYS_ON : 0);
    acpi_end(t, table);
}

/* ---- PCI ---- */

/* PCI Firmware 3.2, 4.1.2. */
static void add_mcfg(AcpiTables *t, const ArmVirt *s)
{
    const ArmVirtRow *ecam = arm_virt_ecam(s);
    uint32_t table = acpi_begin(t, "MCFG", 1, true);
    acpi_put_zeros(t->data, 8);
    acpi_put(t->data, 8, ecam->base);
    acpi_put(t->data, 2, 0);
    acpi_put(t->data, 1, 0);
    acpi_put(t->data, 1, (ecam->size >> 20) - 1);
    acpi_put(t->data, 4, 0);
    acpi_end(t, table);
}

/* ---- console ---- */

enum { ARM_PL011 = 3 };

/* Microsoft, "Serial Port Console Redirection Table", revision 2. */
static void add_spcr(AcpiTables *t, const ArmVirtRow *uart)
{
    enum { ARM_GIC = 8, BAUD_115200 = 7 };
    GByteArray *a = t->data;
    uint32_t table = acpi_begin(t, "SPCR", 2, true);
    acpi_put(a, 1, ARM_PL011);
    acpi_put_zeros(a, 3);
    acpi_put_gas(a, 32, uart->base);
    acpi_put(a, 1, ARM_GIC);
    acpi_put(a, 1, 0);
    acpi_put(a, 4, uart->spi + SPI_BASE);
    acpi_put(a, 1, BAUD_115200);
    acpi_put(a, 1, 0); /* parity */
    acpi_put(a, 1, 1); /* stop bits */
    acpi_put(a, 1, 0); /* flow control */
    acpi_put(a, 2, 0); /* VT100; language */
    acpi_put(a, 4, UINT32_MAX); /* no PCI device */
    acpi_put_zeros(a, 3 + 4 + 1 + 4);
    acpi_end(t, table);
}

/* Microsoft, "Debug Port Table 2". */
static void add_dbg2(AcpiTables *t, const ArmVirtRow *uart)
{
    static const char name[] = "\\_SB.COM0";
    enum { HEADER = 44, GAS = 22, SIZE = GAS + 12, NAME = SIZE + 4, SERIAL = 0x8000 };
    GByteArray *a = t->data;
    uint32_t table = acpi_begin(t, "DBG2", 0, true);
    acpi_put(a, 4, HEADER);
    acpi_put(a, 4, 1);
    acpi_put(a, 1, 0);
    acpi_put(a, 2, NAME + sizeof name);
    acpi_put(a, 1, 1); /* registers */
    acpi_put(a, 2, sizeof name);
    acpi_put(a, 2, NAME);
    acpi_put(a, 4, 0); /* no OEM data */
    acpi_put(a, 2, SERIAL);
    acpi_put(a, 2, ARM_PL011);
    acpi_put(a, 2, 0);
    acpi_put(a, 2, GAS);
    acpi_put(a, 2, SIZE);
    acpi_put_gas(a, 32, uart->base);
    acpi_put(a, 4, uart->size);
    g_byte_array_append(a, (const uint8_t *)name, sizeof name);
    acpi_end(t, table);
}

/* ---- topology (5.2.29) ---- */

static uint32_t put_processor(GByteArray *a, uint32_t table, uint32_t flags, uint32_t parent,
                              uint32_t id)
{
    uint32_t node = a->len - table;
    acpi_put(a, 1, 0);
    acpi_put(a, 1, 20);
    acpi_put(a, 2, 0);
    acpi_put(a, 4, flags);
    acpi_put(a, 4, parent);
    acpi_put(a, 4, id);
    acpi_put(a, 4, 0); /* private resources */
    return node;
}

static void add_pptt(AcpiTables *t, const Machine *m)
{
    enum { PACKAGE = 1, ID_VALID = 2, THREAD = 4, LEAF = 8 };
    unsigned threads = MAX(m->threads, 1), cores = MAX(m->cores, 1);
    uint32_t table = acpi_begin(t, "PPTT", 2, true), socket = 0, core = 0;
    for (unsigned i = 0; i < m->cpus; i++) {
        if (i % (threads * cores) == 0)
            socket = put_processor(t->data, table, PACKAGE, 0, i / (threads * cores));
        if (threads == 1) {
            put_processor(t->data, table, ID_VALID | LEAF, socket, i);
            continue;
        }
        if (i % threads == 0)
            core = put_processor(t->data, table, 0, socket, i / threads);
        put_processor(t->data, table, ID_VALID | THREAD | LEAF, core, i);
    }
    acpi_end(t, table);
}

bool arm_virt_acpi(Machine *m, GError **error)
{
    const ArmVirt *s = arm_virt(m);
    AcpiTables *t = acpi_new(s->oem_id, s->oem_table_id);
    uint32_t dsdt = arm_virt_dsdt(t, m);
    add_fadt(t, s, dsdt);
    add_madt(t, m, s);
    add_pptt(t, m);
    add_gtdt(t, s);
    add_mcfg(t, s);
    add_spcr(t, &s->map[AV_UART0]);
    add_dbg2(t, &s->map[AV_UART0]);
    if (s->gic_version == 3 && s->its)
        add_iort(t);
    acpi_finish(t);
    bool ok = fw_cfg_add_file("etc/acpi/tables", t->data->data, t->data->len, error) &&
              fw_cfg_add_file("etc/acpi/rsdp", t->rsdp->data, t->rsdp->len, error) &&
              fw_cfg_add_file("etc/table-loader", t->loader->data, t->loader->len, error) &&
              fw_cfg_add_file("etc/tpm/log", NULL, 0, error); /* there is no TPM */
    acpi_free(t);
    return ok;
}

bool arm_virt_smbios(Machine *m, GError **error)
{
    const ArmVirt *s = arm_virt(m);
    const SmbiosMachine machine = {
        .manufacturer = "QEMU", .product = "QEMU Virtual Machine", .version = "virt",
        .uuid = m->uuid, .sockets = MAX(m->sockets, 1), .cores = MAX(m->cores, 1),
        .threads = MAX(m->threads, 1), .ram_base = s->map[AV_RAM].base, .ram_size = m->ram_size,
    };
    g_autoptr(GByteArray) anchor = g_byte_array_new(), tables = g_byte_array_new();
    smbios_build(&machine, anchor, tables);
    return fw_cfg_add_file("etc/smbios/smbios-anchor", anchor->data, anchor->len, error) &&
           fw_cfg_add_file("etc/smbios/smbios-tables", tables->data, tables->len, error);
}
