/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine "virt" for riscv64: memory map, interrupts and devices of QEMU's board of that name
 * (docs/system/riscv/virt).
 *
 * Left out: AIA (APLIC, IMSIC), ACLINT's supervisor software interrupts, NUMA sockets, the
 * platform bus and ACPI tables.
 */
#include "hw/board/riscv_virt.h"

#include <string.h>

#include "accel/cpu.h"
#include "backend/block.h"
#include "backend/char.h"
#include "hw/fw_cfg.h"
#include "hw/pci.h"
#include "hw/riscv_clint.h"
#include "target/riscv.h"
#include "util/bits.h"
#include "util/error.h"

const VirtRow virt_map[VIRT_AREAS] = {
    [VIRT_MROM] =      { 0x00001000, 0x0000f000 },
    [VIRT_TEST] =      { 0x00100000, 0x00001000 },
    [VIRT_RTC] =       { 0x00101000, 0x00001000, .irq = 11 },
    [VIRT_CLINT] =     { 0x02000000, 0x00010000 },
    [VIRT_PCIE_PIO] =  { 0x03000000, 0x00010000 },
    [VIRT_PLIC] =      { 0x0c000000, 0x00600000 },
    [VIRT_UART0] =     { 0x10000000, 0x00000100, .irq = 10 },
    [VIRT_VIRTIO] =    { 0x10001000, 0x00001000, .irq = 1, .count = VIRT_VIRTIO_COUNT },
    [VIRT_FW_CFG] =    { 0x10100000, 0x00000018 },
    [VIRT_FLASH] =     { 0x20000000, 0x02000000, .count = VIRT_FLASH_COUNT },
    [VIRT_PCIE_ECAM] = { 0x30000000, 0x10000000, .irq = 32 }, /* to 35: INTA# to INTD# */
    [VIRT_PCIE_MMIO] = { 0x40000000, 0x40000000 },
    [VIRT_DRAM] =      { 0x80000000, 0 /* -m */ },
};

/* The 64-bit PCI window: above RAM, aligned to its size. */
static const hwaddr pcie_high_size = 16ull << 30;
/* Sv39 and Sv57 guests see at most 56 bits of physical address; keep RAM and PCI within. */
static const hwaddr max_address = 1ull << 46;

/* Creates, realizes and maps; NULL with a reason on failure. */
static Device *create(const char *type, const char *path, hwaddr addr, GError **error)
{
    const DeviceType *t = device_type_find(type);
    g_assert(t);
    Device *dev = device_new(t, NULL, path);
    if (!device_realize(dev, NULL, error))
        return NULL;
    device_map(dev, addr);
    return dev;
}

static void connect(Device *dev, int pin, Device *plic, unsigned source)
{
    irq_connect(&dev->irq[pin], device_gpio_in(plic, (int)source));
}

static void time_changed(void *opaque)
{
    for (unsigned i = 0; i < cpu_count; i++)
        riscv_cpu_time_changed(cpus[i]);
}

static bool create_harts(Machine *m, GError **error)
{
    const TargetOps *target = target_find(m->target);
    for (unsigned i = 0; i < m->cpus; i++) {
        Cpu *cpu = cpu_new(target, m->cpu_model, error);
        if (!cpu)
            return false;
        riscv_cpu_set_hartid(cpu, i);
        riscv_cpu_set_reset_vector(cpu, virt_map[VIRT_MROM].base);
    }
    return true;
}

static bool create_memory(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    hwaddr base = virt_map[VIRT_DRAM].base;
    if (m->ram_size > max_address / 4)
        return error_set(error, "-m: this board takes at most %u GiB",
                         (unsigned)(max_address / 4 >> 30));
    if (!machine_init_ram(m, error) ||
        !memory_region_init_rom(&s->mrom, "riscv_virt_board.mrom", virt_map[VIRT_MROM].size, error))
        return false;
    memory_region_add(memory_system_root(), base, &m->ram, 0);
    memory_region_add(memory_system_root(), virt_map[VIRT_MROM].base, &s->mrom, 0);
    s->pcie_high_size = pcie_high_size;
    s->pcie_high_base = ALIGN_UP(base + m->ram_size, pcie_high_size);
    return true;
}

static bool create_interrupt_controllers(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    s->clint = device_new(device_type_find("riscv.clint"), NULL, "virt/clint");
    device_set_uint(s->clint, "num-harts", m->cpus);
    s->plic = device_new(device_type_find("riscv.sifive.plic"), NULL, "virt/plic");
    g_autoptr(GString) harts = g_string_new("MS");
    for (unsigned i = 1; i < m->cpus; i++)
        g_string_append(harts, ",MS");
    device_set_uint(s->plic, "num-sources", VIRT_PLIC_SOURCES);
    if (!device_set_prop(s->plic, "hart-config", harts->str, error) ||
        !device_realize(s->clint, NULL, error) || !device_realize(s->plic, NULL, error))
        return false;
    device_map(s->clint, virt_map[VIRT_CLINT].base);
    device_map(s->plic, virt_map[VIRT_PLIC].base);
    for (unsigned i = 0; i < m->cpus; i++) {
        irq_connect(&s->clint->irq[2 * i], riscv_cpu_irq(cpus[i], RISCV_IRQ_MSIP));
        irq_connect(&s->clint->irq[2 * i + 1], riscv_cpu_irq(cpus[i], RISCV_IRQ_MTIP));
        irq_connect(&s->plic->irq[2 * i], riscv_cpu_irq(cpus[i], RISCV_IRQ_MEIP));
        irq_connect(&s->plic->irq[2 * i + 1], riscv_cpu_irq(cpus[i], RISCV_IRQ_SEIP));
        riscv_cpu_set_time_source(cpus[i], riscv_clint_time, s->clint, RISCV_CLINT_HZ);
    }
    riscv_clint_on_time_changed(s->clint, time_changed, NULL);
    return true;
}

static bool create_uart(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    Device *uart = device_new(device_type_find("serial-mm"), NULL, "virt/uart0");
    device_set_ptr(uart, "chardev", serial_hd(0));
    device_set_uint(uart, "baudbase", 3686400 / 16);
    if (!device_realize(uart, NULL, error))
        return false;
    device_map(uart, virt_map[VIRT_UART0].base);
    connect(uart, 0, s->plic, virt_map[VIRT_UART0].irq);
    return true;
}

static bool create_flash(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    const VirtRow *row = &virt_map[VIRT_FLASH];
    for (unsigned i = 0; i < row->count; i++) {
        g_autofree char *name = g_strdup_printf("virt.flash%u", i);
        g_autofree char *path = g_strdup_printf("virt/flash%u", i);
        Device *flash = device_new(device_type_find("cfi.pflash01"), NULL, path);
        if (m->pflash[i]) {
            BlockBackend *b = block_find(m->pflash[i]);
            if (!b)
                return error_set(error, "-machine pflash%u=%s: there is no such drive or block "
                                 "node", i, m->pflash[i]);
            device_set_ptr(flash, "drive", b);
        }
        device_set_uint(flash, "sector-length", 256 << 10);
        device_set_uint(flash, "num-blocks", row->size / (256 << 10));
        device_set_uint(flash, "width", 4);
        device_set_uint(flash, "device-width", 2);
        if (!device_set_prop(flash, "name", name, error) || !device_realize(flash, NULL, error))
            return false;
        device_map(flash, row->base + i * row->size);
        s->flash[i] = flash;
    }
    return true;
}

static bool create_virtio_slots(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    const VirtRow *row = &virt_map[VIRT_VIRTIO];
    for (unsigned i = 0; i < row->count && device_type_find("virtio-mmio"); i++) {
        g_autofree char *path = g_strdup_printf("virt/virtio-mmio.%u", i);
        Device *dev = create("virtio-mmio", path, row->base + i * row->size, error);
        if (!dev)
            return false;
        connect(dev, 0, s->plic, row->irq + i);
    }
    return true;
}

static bool create_pcie(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    const GpexWindows windows = {
        .ecam = virt_map[VIRT_PCIE_ECAM].base, .ecam_size = virt_map[VIRT_PCIE_ECAM].size,
        .mmio = virt_map[VIRT_PCIE_MMIO].base, .mmio_size = virt_map[VIRT_PCIE_MMIO].size,
        .high = s->pcie_high_base, .high_size = s->pcie_high_size,
        .pio = virt_map[VIRT_PCIE_PIO].base,
    };
    Device *host = device_new(device_type_find("gpex-pcihost"), NULL, "virt/pcie");
    if (!device_realize(host, NULL, error))
        return false;
    gpex_map(host, &windows);
    for (int pin = 0; pin < 4; pin++)
        connect(host, pin, s->plic, virt_map[VIRT_PCIE_ECAM].irq + pin);
    return true;
}

static bool create_misc(Machine *m, GError **error)
{
    RiscvVirt *s = m->board_state;
    if (!create("riscv.sifive.test", "virt/test", virt_map[VIRT_TEST].base, error) ||
        !create("fw_cfg_mem", "virt/fw_cfg", virt_map[VIRT_FW_CFG].base, error))
        return false;
    Device *rtc = create("goldfish_rtc", "virt/rtc", virt_map[VIRT_RTC].base, error);
    if (!rtc)
        return false;
    connect(rtc, 0, s->plic, virt_map[VIRT_RTC].irq);
    static const uint8_t no_uuid[16];
    fw_cfg_add_bytes(FW_CFG_UUID, no_uuid, sizeof no_uuid);
    fw_cfg_add_u16(FW_CFG_NB_CPUS, m->cpus);
    fw_cfg_add_u16(FW_CFG_MAX_CPUS, m->max_cpus);
    fw_cfg_add_u64(FW_CFG_RAM_SIZE, m->ram_size);
    return true;
}

/* Options that name what this board doesn't have: "off" is the truth, "on" is an error. */
static bool check_options(Machine *m, GError **error)
{
    static const struct {
        const char *name, *is;
    } fixed[] = { { "aclint", "off" }, { "aia", "none" }, { "iommu-sys", "off" } };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        const char *v = g_hash_table_lookup(m->opts, fixed[i].name);
        if (v && strcmp(v, fixed[i].is))
            return error_set(error, "-machine virt,%s=%s: this board has only %s=%s", fixed[i].name,
                             v, fixed[i].name, fixed[i].is);
    }
    return true;
}

static bool riscv_virt_init(Machine *m, GError **error)
{
    if (!check_options(m, error) || !create_memory(m, error) || !create_harts(m, error) ||
        !create_interrupt_controllers(m, error) || !create_misc(m, error) ||
        !create_virtio_slots(m, error) || !create_pcie(m, error) || !create_uart(m, error) ||
        !create_flash(m, error))
        return false;
    m->fdt = m->dtb ? dt_load(m->dtb, error) : riscv_virt_fdt(m);
    return m->fdt && riscv_virt_boot(m, error);
}

static const char *const riscv_virt_options[] = {
    "acpi=ACPI tables (this board has none: no effect)",
    "aclint=off: software and timer interrupts come from a CLINT",
    "aia=none: external interrupts come from a PLIC",
    "iommu-sys=off: there is no IOMMU",
    NULL,
};

static const BoardType riscv_virt_board = {
    .name = "virt", .doc = "RISC-V VirtIO board", .target = "riscv64", .default_cpu = "rv64",
    .max_cpus = VIRT_MAX_CPUS, .default_ram = 128 << 20, .ram_id = "riscv_virt_board.ram",
    .options = riscv_virt_options,
    .state_size = sizeof(RiscvVirt), .init = riscv_virt_init,
};
BOARD_REGISTER(riscv_virt_board)
