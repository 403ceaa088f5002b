/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device tree of the riscv "virt" board, from its map. Node names and properties are those
 * of Linux's device-tree bindings, with QEMU's choices where they leave one.
 *
 * Nodes come out in the reverse order of creation (softmmu/fdt.h); Linux names disks and ports in
 * the order of the tree.
 */
#include "accel/cpu.h"
#include "hw/board/riscv_virt.h"
#include "hw/riscv_clint.h"
#include "target/riscv.h"
#include "util/bits.h"
#include "util/random.h"

static const char plic_path[] = "/soc/plic@c000000";

static void set_reg(DeviceTree *dt, const char *path, hwaddr base, hwaddr size)
{
    DT_CELLS(dt, path, "reg", DT_HI_LO(base), DT_HI_LO(size));
}

static char *row_path(const char *name, VirtArea area, unsigned i)
{
    return g_strdup_printf("/soc/%s@%" G_GINT64_MODIFIER "x", name,
                           virt_map[area].base + i * virt_map[area].size);
}

static void set_interrupt(DeviceTree *dt, const char *path, unsigned source)
{
    dt_set_u32(dt, path, "interrupt-parent", dt_phandle(dt, plic_path));
    dt_set_u32(dt, path, "interrupts", source);
}

/* A device with one register range and at most one interrupt. */
static void add_simple(DeviceTree *dt, const char *name, const char *compatible, VirtArea area,
                       unsigned i)
{
    g_autofree char *path = row_path(name, area, i);
    dt_add_node(dt, path);
    dt_set_strings(dt, path, "compatible", compatible);
    set_reg(dt, path, virt_map[area].base + i * virt_map[area].size, virt_map[area].size);
    if (virt_map[area].irq)
        set_interrupt(dt, path, virt_map[area].irq + i);
}

static void add_cpu(DeviceTree *dt, Cpu *cpu, unsigned hart)
{
    g_autofree char *path = g_strdup_printf("/cpus/cpu@%x", hart);
    g_autofree char *intc = g_strdup_printf("%s/interrupt-controller", path);
    g_autofree char *isa = riscv_cpu_isa_string(cpu);
    g_autoptr(GPtrArray) extensions = riscv_cpu_isa_extensions(cpu);
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint i = 0; i < extensions->len; i++)
        g_string_append_len(list, extensions->pdata[i], strlen(extensions->pdata[i]) + 1);

    dt_add_node(dt, path);
    dt_phandle(dt, path);
    dt_set_string(dt, path, "device_type", "cpu");
    dt_set_u32(dt, path, "reg", hart);
    dt_set_string(dt, path, "status", "okay");
    dt_set_string(dt, path, "compatible", "riscv");
    if (riscv_cpu_cboz_block_size(cpu))
        dt_set_u32(dt, path, "riscv,cboz-block-size", riscv_cpu_cboz_block_size(cpu));
    if (riscv_cpu_cbom_block_size(cpu))
        dt_set_u32(dt, path, "riscv,cbom-block-size", riscv_cpu_cbom_block_size(cpu));
    dt_set_bytes(dt, path, "riscv,isa-extensions", list->str, list->len);
    dt_set_string(dt, path, "riscv,isa-base", g_str_has_prefix(isa, "rv32") ? "rv32i" : "rv64i");
    dt_set_string(dt, path, "riscv,isa", isa);
    dt_set_string(dt, path, "mmu-type", riscv_cpu_mmu_type(cpu));

    dt_add_node(dt, intc);
    dt_set_u32(dt, intc, "#interrupt-cells", 1);
    dt_set_empty(dt, intc, "interrupt-controller");
    dt_set_string(dt, intc, "compatible", "riscv,cpu-intc");
    dt_phandle(dt, intc);
}

static void add_cpus(DeviceTree *dt, Machine *m)
{
    dt_add_node(dt, "/cpus");
    dt_set_u32(dt, "/cpus", "timebase-frequency", RISCV_CLINT_HZ);
    dt_set_u32(dt, "/cpus", "#size-cells", 0);
    dt_set_u32(dt, "/cpus", "#address-cells", 1);
    dt_add_node(dt, "/cpus/cpu-map");
    dt_add_node(dt, "/cpus/cpu-map/cluster0");
    for (unsigned i = m->cpus; i-- > 0;)
        add_cpu(dt, cpus[i], i);
    for (unsigned i = m->cpus; i-- > 0;) {
        g_autofree char *core = g_strdup_printf("/cpus/cpu-map/cluster0/core%u", i);
        g_autofree char *cpu = g_strdup_printf("/cpus/cpu@%x", i);
        dt_add_node(dt, core);
        dt_set_u32(dt, core, "cpu", dt_phandle(dt, cpu));
    }
}

/* A pair (interrupt controller of the hart, interrupt) for both interrupts of every hart. */
static void set_hart_interrupts(DeviceTree *dt, Machine *m, const char *path, uint32_t a,
                                uint32_t b)
{
    g_autofree uint32_t *cells = g_new(uint32_t, 4 * m->cpus);
    for (unsigned i = 0; i < m->cpus; i++) {
        g_autofree char *intc = g_strdup_printf("/cpus/cpu@%x/interrupt-controller", i);
        uint32_t phandle = dt_phandle(dt, intc);
        cells[4 * i] = cells[4 * i + 2] = phandle;
        cells[4 * i + 1] = a;
        cells[4 * i + 3] = b;
    }
    dt_set_cells(dt, path, "interrupts-extended", cells, 4 * m->cpus);
}

static void add_clint(DeviceTree *dt, Machine *m)
{
    static const char path[] = "/soc/clint@2000000";
    dt_add_node(dt, path);
    dt_set_strings(dt, path, "compatible", "sifive,clint0\0riscv,clint0\0");
    set_reg(dt, path, virt_map[VIRT_CLINT].base, virt_map[VIRT_CLINT].size);
    set_hart_interrupts(dt, m, path, RISCV_IRQ_MSIP, RISCV_IRQ_MTIP);
}

static void add_plic(DeviceTree *dt, Machine *m)
{
    dt_add_node(dt, plic_path);
    dt_set_u32(dt, plic_path, "#interrupt-cells", 1);
    dt_set_u32(dt, plic_path, "#address-cells", 0);
    dt_set_strings(dt, plic_path, "compatible", "sifive,plic-1.0.0\0riscv,plic0\0");
    dt_set_empty(dt, plic_path, "interrupt-controller");
    set_hart_interrupts(dt, m, plic_path, RISCV_IRQ_MEIP, RISCV_IRQ_SEIP);
    set_reg(dt, plic_path, virt_map[VIRT_PLIC].base, virt_map[VIRT_PLIC].size);
    dt_set_u32(dt, plic_path, "riscv,ndev", VIRT_PLIC_SOURCES - 1);
    dt_phandle(dt, plic_path);
}

/* PCI 3.0, 2.2.6, as the "interrupt-map" of the Open Firmware PCI binding writes it. */
static void set_pcie_interrupt_map(DeviceTree *dt, const char *path)
{
    enum { PINS = 4, CELLS = 6 };
    uint32_t cells[PINS * PINS * CELLS], *c = cells, plic = dt_phandle(dt, plic_path);
    for (unsigned slot = 0; slot < PINS; slot++) {
        for (unsigned pin = 0; pin < PINS; pin++) {
            *c++ = slot << 11;
            *c++ = 0;
            *c++ = 0;
            *c++ = pin + 1;
            *c++ = plic;
            *c++ = virt_map[VIRT_PCIE_ECAM].irq + (slot + pin) % PINS;
        }
    }
    dt_set_cells(dt, path, "interrupt-map", cells, ARRAY_LEN(cells));
    DT_CELLS(dt, path, "interrupt-map-mask", 3 << 11, 0, 0, 7);
}

static void add_pcie(DeviceTree *dt, Machine *m)
{
    enum { SPACE_IO = 0x01000000, SPACE_MEM32 = 0x02000000, SPACE_MEM64 = 0x03000000 };
    const RiscvVirt *s = m->board_state;
    const VirtRow *ecam = &virt_map[VIRT_PCIE_ECAM], *pio = &virt_map[VIRT_PCIE_PIO],
                  *mmio = &virt_map[VIRT_PCIE_MMIO];
    g_autofree char *path = row_path("pci", VIRT_PCIE_ECAM, 0);
    dt_add_node(dt, path);
    dt_set_u32(dt, path, "#address-cells", 3);
    dt_set_u32(dt, path, "#interrupt-cells", 1);
    dt_set_u32(dt, path, "#size-cells", 2);
    dt_set_string(dt, path, "compatible", "pci-host-ecam-generic");
    dt_set_string(dt, path, "device_type", "pci");
    dt_set_u32(dt, path, "linux,pci-domain", 0);
    DT_CELLS(dt, path, "bus-range", 0, (ecam->size >> 20) - 1);
    dt_set_empty(dt, path, "dma-coherent");
    set_reg(dt, path, ecam->base, ecam->size);
    DT_CELLS(dt, path, "ranges",
             SPACE_IO, 0, 0, DT_HI_LO(pio->base), DT_HI_LO(pio->size),
             SPACE_MEM32, DT_HI_LO(mmio->base), DT_HI_LO(mmio->base), DT_HI_LO(mmio->size),
             SPACE_MEM64, DT_HI_LO(s->pcie_high_base), DT_HI_LO(s->pcie_high_base),
             DT_HI_LO(s->pcie_high_size));
    set_pcie_interrupt_map(dt, path);
}

static void add_syscon(DeviceTree *dt)
{
    g_autofree char *test = row_path("test", VIRT_TEST, 0);
    add_simple(dt, "test", "sifive,test1\0sifive,test0\0syscon\0", VIRT_TEST, 0);
    uint32_t phandle = dt_phandle(dt, test);
    static const struct {
        const char *node, *compatible;
        uint32_t value;
    } actions[] = { { "/reboot", "syscon-reboot", 0x7777 },
                    { "/poweroff", "syscon-poweroff", 0x5555 } };
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        dt_add_node(dt, actions[i].node);
        dt_set_string(dt, actions[i].node, "compatible", actions[i].compatible);
        dt_set_u32(dt, actions[i].node, "regmap", phandle);
        dt_set_u32(dt, actions[i].node, "offset", 0);
        dt_set_u32(dt, actions[i].node, "value", actions[i].value);
    }
}

static void add_uart(DeviceTree *dt)
{
    g_autofree char *path = row_path("serial", VIRT_UART0, 0);
    add_simple(dt, "serial", "ns16550a\0", VIRT_UART0, 0);
    dt_set_u32(dt, path, "clock-frequency", 3686400);
    dt_set_string(dt, "/chosen", "stdout-path", path);
    dt_set_string(dt, "/aliases", "serial0", path);
}

static void add_root_devices(DeviceTree *dt)
{
    const VirtRow *flash = &virt_map[VIRT_FLASH], *fw_cfg = &virt_map[VIRT_FW_CFG];
    dt_add_node(dt, "/flash@20000000");
    dt_set_string(dt, "/flash@20000000", "compatible", "cfi-flash");
    DT_CELLS(dt, "/flash@20000000", "reg", DT_HI_LO(flash->base), DT_HI_LO(flash->size),
             DT_HI_LO(flash->base + flash->size), DT_HI_LO(flash->size));
    dt_set_u32(dt, "/flash@20000000", "bank-width", 4);
    dt_add_node(dt, "/fw-cfg@10100000");
    dt_set_string(dt, "/fw-cfg@10100000", "compatible", "qemu,fw-cfg-mmio");
    set_reg(dt, "/fw-cfg@10100000", fw_cfg->base, fw_cfg->size);
    dt_set_empty(dt, "/fw-cfg@10100000", "dma-coherent");
}

DeviceTree *riscv_virt_fdt(Machine *m)
{
    DeviceTree *dt = dt_new();
    dt_set_string(dt, "/", "model", "riscv-virtio,qemu");
    dt_set_string(dt, "/", "compatible", "riscv-virtio");
    dt_set_u32(dt, "/", "#size-cells", 2);
    dt_set_u32(dt, "/", "#address-cells", 2);

    dt_add_node(dt, "/soc");
    dt_set_empty(dt, "/soc", "ranges");
    dt_set_string(dt, "/soc", "compatible", "simple-bus");
    dt_set_u32(dt, "/soc", "#size-cells", 2);
    dt_set_u32(dt, "/soc", "#address-cells", 2);
    add_cpus(dt, m);

    g_autofree char *memory =
        g_strdup_printf("/memory@%" G_GINT64_MODIFIER "x", virt_map[VIRT_DRAM].base);
    dt_add_node(dt, memory);
    set_reg(dt, memory, virt_map[VIRT_DRAM].base, m->ram_size);
    dt_set_string(dt, memory, "device_type", "memory");

    dt_add_node(dt, "/aliases");
    dt_add_node(dt, "/chosen");
    uint8_t seed[32];
    random_bytes(seed, sizeof seed);
    dt_set_bytes(dt, "/chosen", "rng-seed", seed, sizeof seed);

    add_clint(dt, m);
    add_plic(dt, m);
    for (unsigned i = 0; i < virt_map[VIRT_VIRTIO].count; i++)
        add_simple(dt, "virtio_mmio", "virtio,mmio\0", VIRT_VIRTIO, i);
    add_pcie(dt, m);
    add_syscon(dt);
    add_uart(dt);
    add_simple(dt, "rtc", "google,goldfish-rtc\0", VIRT_RTC, 0);
    add_root_devices(dt);
    return dt;
}
