/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arm "virt" board's -machine options, and its memory map as they and -m make it.
 * Names and defaults are QEMU's (docs/system/arm/virt).
 */
#include <string.h>

#include "hw/arm_gic.h"
#include "hw/board/arm_virt.h"
#include "util/bits.h"
#include "util/error.h"

static const ArmVirtRow base_map[AV_AREAS] = {
    [AV_FLASH] =       { 0x00000000, 0x04000000, .count = 2 },
    [AV_GIC_DIST] =    { 0x08000000, 0x00010000 },
    [AV_GIC_CPU] =     { 0x08010000, 0x00010000 },
    [AV_GIC_V2M] =     { 0x08020000, 0x00001000, .spi = 48 },
    [AV_GIC_HYP] =     { 0x08030000, 0x00010000 },
    [AV_GIC_VCPU] =    { 0x08040000, 0x00010000 },
    [AV_ITS] =         { 0x08080000, 0x00020000 },
    [AV_REDIST] =      { 0x080a0000, 0x00f60000 },
    [AV_UART0] =       { 0x09000000, 0x00001000, .spi = 1 },
    [AV_RTC] =         { 0x09010000, 0x00001000, .spi = 2 },
    [AV_FW_CFG] =      { 0x09020000, 0x00000018 },
    [AV_GPIO] =        { 0x09030000, 0x00001000, .spi = 7 },
    [AV_UART1] =       { 0x09040000, 0x00001000, .spi = 8 },
    [AV_GED] =         { 0x09080000, 0x00000004, .spi = 9 },
    [AV_SECURE_GPIO] = { 0x090b0000, 0x00001000 },
    [AV_VIRTIO] =      { 0x0a000000, 0x00000200, .spi = 16, .count = 32 },
    [AV_SECURE_RAM] =  { 0x0e000000, 0x01000000 },
    [AV_PCIE_MMIO] =   { 0x10000000, 0x2eff0000 },
    [AV_PCIE_PIO] =    { 0x3eff0000, 0x00010000 },
    [AV_PCIE_ECAM] =   { 0x3f000000, 0x01000000, .spi = 3 }, /* to 6: INTA# to INTD# */
    [AV_RAM] =         { 0x40000000, 0 /* -m */ },
    [AV_HIGH_REDIST] = { 0, 64ull << 20 },
    [AV_HIGH_ECAM] =   { 0, 256ull << 20, .spi = 3 },
    [AV_HIGH_MMIO] =   { 0, 512ull << 30 },
};

/* The high areas lie behind RAM, and never below this. */
static const hwaddr high_base = 256ull << 30;

static bool option_bool(Machine *m, const char *name, bool *value, GError **error)
{
    static const char *const yes[] = { "on", "true", "yes", "y" };
    static const char *const no[] = { "off", "false", "no", "n" };
    const char *text = g_hash_table_lookup(m->opts, name);
    if (!text)
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
        *value = !strcmp(text, yes[i]);
        if (*value || !strcmp(text, no[i]))
            return true;
    }
    return error_set(error, "-machine virt,%s=%s: must be on or off", name, text);
}

static bool option_gic(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    const char *v = g_hash_table_lookup(m->opts, "gic-version");
    if (!v || !strcmp(v, "2"))
        s->gic_version = 2;
    else if (!strcmp(v, "3") || !strcmp(v, "max"))
        s->gic_version = 3;
    else if (!strcmp(v, "host"))
        return error_set(error, "-machine virt,gic-version=host: needs KVM, which is not in use; "
                         "choose 2, 3 or max");
    else if (!strcmp(v, "4"))
        return error_set(error, "-machine virt,gic-version=4: is not implemented; choose 3");
    else
        return error_set(error, "-machine virt,gic-version=%s: must be 2, 3 or max", v);
    if (s->gic_version == 2 && m->max_cpus > ARM_GICV2_MAX_CPUS)
        return error_set(error, "-smp %u: a GICv2 serves at most %d CPUs; add -machine "
                         "gic-version=3", m->max_cpus, ARM_GICV2_MAX_CPUS);
    return true;
}

/* Options that name what this board doesn't have: "off" is the truth, "on" is an error. */
static bool option_absent(Machine *m, GError **error)
{
    static const struct {
        const char *name, *why;
    } absent[] = {
        { "mte", "memory tagging is not implemented" },
        { "ras", "host memory errors are not reported to guests" },
        { "default-bus-bypass-iommu", "there is no IOMMU to bypass" },
        { "default_bus_bypass_iommu", "there is no IOMMU to bypass" },
    };
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        bool on = false;
        if (!option_bool(m, absent[i].name, &on, error))
            return false;
        if (on)
            return error_set(error, "-machine virt,%s=on: %s; leave it off", absent[i].name,
                             absent[i].why);
    }
    const char *iommu = g_hash_table_lookup(m->opts, "iommu");
    if (iommu && strcmp(iommu, "none"))
        return error_set(error, "-machine virt,iommu=%s: this board has no IOMMU; use iommu=none",
                         iommu);
    return true;
}

/* Texts of fixed width in ACPI headers. */
static bool option_text(Machine *m, const char *name, const char *def, char *to, size_t size,
                        GError **error)
{
    const char *v = g_hash_table_lookup(m->opts, name);
    if (v && strlen(v) >= size)
        return error_set(error, "-machine virt,%s=%s: at most %zu characters", name, v, size - 1);
    g_strlcpy(to, v ? v : def, size);
    return true;
}

bool arm_virt_options(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    const char *acpi = g_hash_table_lookup(m->opts, "acpi");
    memcpy(s->map, base_map, sizeof s->map);
    s->map[AV_RAM].size = m->ram_size;
    s->its = s->acpi = s->randomness = s->highmem = true;
    s->highmem_ecam = s->highmem_mmio = s->highmem_redists = true;
    /* A debugger that is there from the start has the addresses that vmlinux was linked for. */
    s->kaslr_seed = !m->debug_start;
    bool compact = true;
    if (!option_gic(m, error) || !option_absent(m, error) ||
        !option_bool(m, "secure", &s->secure, error) ||
        !option_bool(m, "virtualization", &s->virtualization, error) ||
        !option_bool(m, "its", &s->its, error) || !option_bool(m, "highmem", &s->highmem, error) ||
        !option_bool(m, "highmem-ecam", &s->highmem_ecam, error) ||
        !option_bool(m, "highmem-mmio", &s->highmem_mmio, error) ||
        !option_bool(m, "highmem-redists", &s->highmem_redists, error) ||
        !option_bool(m, "compact-highmem", &compact, error) ||
        !option_bool(m, "dtb-kaslr-seed", &s->kaslr_seed, error) ||
        !option_bool(m, "dtb-randomness", &s->randomness, error) ||
        (acpi && strcmp(acpi, "auto") && !option_bool(m, "acpi", &s->acpi, error)) ||
        !option_text(m, "x-oem-id", "BOCHS ", s->oem_id, sizeof s->oem_id, error) ||
        !option_text(m, "x-oem-table-id", "BXPC    ", s->oem_table_id, sizeof s->oem_table_id,
                     error))
        return false;
    if (m->bios && !strcmp(m->bios, "none"))
        m->bios = NULL;
    if (m->bios && m->pflash[0])
        return error_set(error, "-bios %s: the first flash has an image already (pflash0, or "
                         "-drive if=pflash); give one of them", m->bios);
    s->firmware = m->bios || m->pflash[0];
    return true;
}

/*
 * The areas behind RAM, each aligned to its size, as far as the processor can address them.
 * highmem=off: everything within 4 GiB.
 */
bool arm_virt_place_high(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    unsigned pa_bits = s->highmem ? MIN(arm_cpu_pa_bits(cpus[0]), 48u) : 32;
    hwaddr limit = BIT(pa_bits), ram = s->map[AV_RAM].base;
    if (m->ram_size > limit - ram)
        return error_set(error, "-m: RAM starts at 1 GiB and must end within the %u bits of "
                         "physical address%s: at most %" G_GUINT64_FORMAT " MiB", pa_bits,
                         s->highmem ? "" : " (highmem=off)", (limit - ram) >> 20);
    const bool wanted[] = {
        s->highmem_redists && s->gic_version == 3, s->highmem_ecam, s->highmem_mmio,
    };
    hwaddr at = MAX(ALIGN_UP(ram + m->ram_size, 1ull << 30), high_base);
    for (unsigned i = 0; i < ARRAY_LEN(wanted); i++) {
        ArmVirtRow *row = &s->map[AV_HIGH_REDIST + i];
        /* Room is kept for redistributors, so that the others are where QEMU has them. */
        bool takes_room = s->highmem && (wanted[i] || (i == 0 && s->highmem_redists));
        row->base = ALIGN_UP(at, row->size);
        if (!takes_room || row->base + row->size > limit) {
            row->size = 0;
            continue;
        }
        at = row->base + row->size;
        if (!wanted[i])
            row->size = 0;
    }
    unsigned first = s->map[AV_REDIST].size / ARM_GICV3_REDIST_SIZE;
    s->redist_count[0] = MIN(m->cpus, first);
    s->redist_count[1] = m->cpus - s->redist_count[0];
    if (s->redist_count[1] > s->map[AV_HIGH_REDIST].size / ARM_GICV3_REDIST_SIZE)
        return error_set(error, "-smp %u: without the high redistributors (highmem, "
                         "highmem-redists) a GICv3 serves at most %u CPUs", m->cpus, first);
    return true;
}

const char *const arm_virt_option_names[] = {
    "acpi=on|off|auto: ACPI tables for firmware (default on)",
    "compact-highmem=on|off: accepted; disabled high areas never take room",
    "default-bus-bypass-iommu=off: there is no IOMMU",
    "default_bus_bypass_iommu=off: there is no IOMMU",
    "dtb-kaslr-seed=on|off: a seed for KASLR in the device tree (default: off with -S and a gdb "
    "stub, and nokaslr in the kernel's command line, else on)",
    "dtb-randomness=on|off: random seeds in the device tree (default on)",
    "gic-version=2|3|max: interrupt controller (default 2)",
    "highmem=on|off: addresses above 4 GiB (default on)",
    "highmem-ecam=on|off: 256 MiB of PCI configuration space there (default on)",
    "highmem-mmio=on|off: 512 GiB of PCI memory there (default on)",
    "highmem-redists=on|off: redistributors of CPUs 123 and up there (default on)",
    "iommu=none: there is no IOMMU",
    "its=on|off: message-signalled interrupts of a GICv3 (default on)",
    "mte=off: memory tagging is not implemented",
    "ras=off: host memory errors are not reported",
    "secure=on|off: EL3 and secure devices (default off)",
    "virtualization=on|off: EL2 (default off)",
    "x-oem-id=OEM ID in ACPI tables",
    "x-oem-table-id=OEM table ID in ACPI tables",
    NULL,
};
