/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device tree of the arm "virt" board, from its map. Node names and properties are those of
 * Linux's device-tree bindings, with QEMU's choices where they leave one.
 *
 * Nodes come out in the reverse order of creation (softmmu/fdt.h); Linux names disks and ports in
 * the order of the tree. Order and phandles are QEMU's, so that trees can be compared as text.
 */
#include "accel/cpu.h"
#include "hw/arm_gic.h"
#include "hw/board/arm_virt.h"
#include "util/bits.h"
#include "util/random.h"

/* Cells of the GIC's interrupt specifiers (bindings/interrupt-controller/arm,gic.yaml). */
enum { GIC_SPI = 0, GIC_PPI = 1, EDGE_RISING = 1, LEVEL_HIGH = 4 };
enum { FIRST_PHANDLE = 0x8000, KEY_POWER = 116 };

static const char gic_path[] = "/intc@8000000", clock_path[] = "/apb-pclk";

static char *node_path(const char *parent, const char *name, hwaddr base)
{
    return g_strdup_printf("%s/%s@%" G_GINT64_MODIFIER "x", parent, name, base);
}

static void set_reg(DeviceTree *dt, const char *path, hwaddr base, hwaddr size)
{
    DT_CELLS(dt, path, "reg", DT_HI_LO(base), DT_HI_LO(size));
}

static void set_spi(DeviceTree *dt, const char *path, unsigned spi, unsigned flags)
{
    DT_CELLS(dt, path, "interrupts", GIC_SPI, spi, flags);
}

/* Of the secure world only: nothing for a normal kernel. */
static void set_secure_only(DeviceTree *dt, const char *path)
{
    dt_set_string(dt, path, "status", "disabled");
    dt_set_string(dt, path, "secure-status", "okay");
}

static void add_seeds(DeviceTree *dt, const ArmVirt *s, const char *path)
{
    uint8_t seed[32];
    if (s->kaslr_seed) {
        random_bytes(seed, sizeof seed);
        dt_set_bytes(dt, path, "kaslr-seed", seed, 8);
    }
    random_bytes(seed, sizeof seed);
    dt_set_bytes(dt, path, "rng-seed", seed, sizeof seed);
}

static void add_root(DeviceTree *dt, const ArmVirt *s)
{
    dt_set_string(dt, "/", "compatible", "linux,dummy-virt");
    dt_set_u32(dt, "/", "#address-cells", 2);
    dt_set_u32(dt, "/", "#size-cells", 2);
    dt_set_string(dt, "/", "model", "linux,dummy-virt");
    dt_add_node(dt, "/chosen");
    if (s->randomness)
        add_seeds(dt, s, "/chosen");
    if (s->secure) {
        dt_add_node(dt, "/secure-chosen");
        if (s->randomness)
            add_seeds(dt, s, "/secure-chosen");
    }
    if (s->uart1)
        dt_add_node(dt, "/aliases");
    dt_add_node(dt, clock_path);
    dt_set_string(dt, clock_path, "compatible", "fixed-clock");
    dt_set_u32(dt, clock_path, "#clock-cells", 0);
    dt_set_u32(dt, clock_path, "clock-frequency", ARM_VIRT_UART_CLOCK);
    dt_set_string(dt, clock_path, "clock-output-names", "clk24mhz");
    dt_phandle(dt, clock_path);
}

/* ---- processors ---- */

/* A GICv2 names the processors of a private interrupt in the flags. */
static uint32_t ppi_flags(const Machine *m, const ArmVirt *s)
{
    return LEVEL_HIGH | (s->gic_version == 2 ? (uint32_t)MASK(m->cpus) << 8 : 0);
}

static void add_timer(DeviceTree *dt, const Machine *m, const ArmVirt *s)
{
    uint32_t flags = ppi_flags(m, s);
    dt_add_node(dt, "/timer");
    dt_set_strings(dt, "/timer", "compatible", "arm,armv8-timer\0arm,armv7-timer\0");
    dt_set_empty(dt, "/timer", "always-on");
    DT_CELLS(dt, "/timer", "interrupts", GIC_PPI, ARM_VIRT_PPI_TIMER_SEC - 16, flags,
             GIC_PPI, ARM_VIRT_PPI_TIMER_PHYS - 16, flags,
             GIC_PPI, ARM_VIRT_PPI_TIMER_VIRT - 16, flags,
             GIC_PPI, ARM_VIRT_PPI_TIMER_HYP - 16, flags);
}

static void add_cpu(DeviceTree *dt, const Machine *m, const ArmVirt *s, unsigned i)
{
    g_autofree char *path = g_strdup_printf("/cpus/cpu@%u", i);
    dt_add_node(dt, path);
    dt_set_string(dt, path, "device_type", "cpu");
    dt_set_string(dt, path, "compatible", arm_cpu_fdt_compatible(cpus[i]));
    if (s->psci != ARM_PSCI_NONE && m->cpus > 1)
        dt_set_string(dt, path, "enable-method", "psci");
    dt_set_u32(dt, path, "reg", arm_virt_affinity(cpus[i]));
    dt_phandle(dt, path);
}

static void add_topology(DeviceTree *dt, const Machine *m, unsigned i)
{
    unsigned threads = MAX(m->threads, 1), cores = MAX(m->cores, 1);
    unsigned core = i / threads % cores, socket = i / (threads * cores);
    g_autofree char *cpu = g_strdup_printf("/cpus/cpu@%u", i);
    g_autofree char *s = g_strdup_printf("/cpus/cpu-map/socket%u", socket);
    g_autofree char *cl = g_strdup_printf("%s/cluster0", s);
    g_autofree char *c = g_strdup_printf("%s/core%u", cl, core);
    g_autofree char *t = g_strdup_printf("%s/thread%u", c, i % threads);
    dt_want_node(dt, s);
    dt_want_node(dt, cl);
    dt_want_node(dt, c);
    if (threads > 1)
        dt_want_node(dt, t);
    dt_set_u32(dt, threads > 1 ? t : c, "cpu", dt_phandle(dt, cpu));
}

static void add_cpus(DeviceTree *dt, const Machine *m, const ArmVirt *s)
{
    dt_add_node(dt, "/cpus");
    dt_set_u32(dt, "/cpus", "#address-cells", 1);
    dt_set_u32(dt, "/cpus", "#size-cells", 0);
    for (unsigned i = m->cpus; i-- > 0;)
        add_cpu(dt, m, s, i);
    dt_add_node(dt, "/cpus/cpu-map");
    for (unsigned i = m->cpus; i-- > 0;)
        add_topology(dt, m, i);
}

/* ---- interrupts ---- */

static void set_gic_reg(DeviceTree *dt, const ArmVirt *s)
{
    static const ArmVirtArea v2[] = { AV_GIC_DIST, AV_GIC_CPU, AV_GIC_HYP, AV_GIC_VCPU };
    static const ArmVirtArea v3[] = { AV_GIC_DIST, AV_REDIST, AV_HIGH_REDIST };
    const ArmVirtArea *areas = s->gic_version == 3 ? v3 : v2;
    unsigned n = s->gic_version == 3 ? 2 + (s->redist_count[1] > 0) : s->virtualization ? 4 : 2;
    uint32_t cells[4 * ARRAY_LEN(v2)];
    for (unsigned i = 0; i < n; i++) {
        const ArmVirtRow *row = &s->map[areas[i]];
        const uint32_t reg[] = { DT_HI_LO(row->base), DT_HI_LO(row->size) };
        memcpy(cells + 4 * i, reg, sizeof reg);
    }
    dt_set_cells(dt, gic_path, "reg", cells, 4 * n);
}

static void add_gic(DeviceTree *dt, const ArmVirt *s)
{
    bool v3 = s->gic_version == 3;
    dt_add_node(dt, gic_path);
    dt_set_u32(dt, gic_path, "#interrupt-cells", 3);
    dt_set_empty(dt, gic_path, "interrupt-controller");
    dt_set_u32(dt, gic_path, "#address-cells", 2);
    dt_set_u32(dt, gic_path, "#size-cells", 2);
    dt_set_empty(dt, gic_path, "ranges");
    dt_set_string(dt, gic_path, "compatible", v3 ? "arm,gic-v3" : "arm,cortex-a15-gic");
    if (v3)
        dt_set_u32(dt, gic_path, "#redistributor-regions", 1 + (s->redist_count[1] > 0));
    set_gic_reg(dt, s);
    if (s->virtualization)
        DT_CELLS(dt, gic_path, "interrupts", GIC_PPI, ARM_VIRT_PPI_MAINTENANCE - 16, LEVEL_HIGH);
    dt_set_u32(dt, "/", "interrupt-parent", dt_phandle(dt, gic_path));
}

static char *msi_path(const ArmVirt *s)
{
    return s->gic_version == 3 ? node_path(gic_path, "its", s->map[AV_ITS].base)
                               : node_path(gic_path, "v2m", s->map[AV_GIC_V2M].base);
}

static void add_msi(DeviceTree *dt, const ArmVirt *s)
{
    bool v3 = s->gic_version == 3;
    const ArmVirtRow *row = &s->map[v3 ? AV_ITS : AV_GIC_V2M];
    g_autofree char *path = msi_path(s);
    if (!s->msi)
        return;
    dt_add_node(dt, path);
    dt_set_string(dt, path, "compatible", v3 ? "arm,gic-v3-its" : "arm,gic-v2m-frame");
    dt_set_empty(dt, path, "msi-controller");
    if (v3)
        dt_set_u32(dt, path, "#msi-cells", 1);
    set_reg(dt, path, row->base, row->size);
    dt_phandle(dt, path);
}

static void add_pmu(DeviceTree *dt, const Machine *m, const ArmVirt *s)
{
    if (!arm_cpu_has_pmu(cpus[0]))
        return;
    dt_add_node(dt, "/pmu");
    dt_set_string(dt, "/pmu", "compatible", "arm,armv8-pmuv3");
    DT_CELLS(dt, "/pmu", "interrupts", GIC_PPI, ARM_VIRT_PPI_PMU - 16, ppi_flags(m, s));
}

/* ---- devices ---- */

static void add_flash_bank(DeviceTree *dt, const char *name, const ArmVirtRow *row, unsigned first,
                           unsigned n)
{
    hwaddr base = row->base + first * row->size, next = base + row->size;
    const uint32_t reg[] = { DT_HI_LO(base), DT_HI_LO(row->size), DT_HI_LO(next),
                             DT_HI_LO(row->size) };
    g_autofree char *path = node_path("", name, base);
    dt_add_node(dt, path);
    dt_set_string(dt, path, "compatible", "cfi-flash");
    dt_set_cells(dt, path, "reg", reg, 4 * n);
    dt_set_u32(dt, path, "bank-width", 4);
    if (first + n < row->count)
        set_secure_only(dt, path);
}

static void add_flash(DeviceTree *dt, const ArmVirt *s)
{
    const ArmVirtRow *row = &s->map[AV_FLASH];
    if (s->secure) {
        add_flash_bank(dt, "secflash", row, 0, 1);
        add_flash_bank(dt, "flash", row, 1, 1);
    } else {
        add_flash_bank(dt, "flash", row, 0, 2);
    }
}

/* A PrimeCell's clocks. */
static void set_clocks(DeviceTree *dt, const char *path)
{
    dt_set_u32(dt, path, "clocks", dt_phandle(dt, clock_path));
    dt_set_string(dt, path, "clock-names", "apb_pclk");
}

static char *add_uart(DeviceTree *dt, const ArmVirt *s, ArmVirtArea area)
{
    const ArmVirtRow *row = &s->map[area];
    char *path = node_path("", "pl011", row->base);
    uint32_t clock = dt_phandle(dt, clock_path);
    dt_add_node(dt, path);
    dt_set_strings(dt, path, "compatible", "arm,pl011\0arm,primecell\0");
    set_reg(dt, path, row->base, row->size);
    set_spi(dt, path, row->spi, LEVEL_HIGH);
    DT_CELLS(dt, path, "clocks", clock, clock);
    dt_set_strings(dt, path, "clock-names", "uartclk\0apb_pclk\0");
    return path;
}

static void add_uarts(DeviceTree *dt, const ArmVirt *s)
{
    g_autofree char *second = NULL;
    if (s->uart1) { /* before the first, so that it comes second */
        second = add_uart(dt, s, AV_UART1);
        dt_set_string(dt, "/aliases", "serial1", second);
    }
    g_autofree char *first = add_uart(dt, s, AV_UART0);
    dt_set_string(dt, "/chosen", "stdout-path", first);
    if (s->uart1)
        dt_set_string(dt, "/aliases", "serial0", first);
    if (!s->secure)
        return;
    const ArmVirtRow *ram = &s->map[AV_SECURE_RAM];
    g_autofree char *path = node_path("", "secram", ram->base);
    dt_add_node(dt, path);
    dt_set_string(dt, path, "device_type", "memory");
    set_reg(dt, path, ram->base, ram->size);
    set_secure_only(dt, path);
    second = add_uart(dt, s, AV_UART1);
    set_secure_only(dt, second);
    dt_set_string(dt, "/secure-chosen", "stdout-path", second);
}

static void add_rtc(DeviceTree *dt, const ArmVirt *s)
{
    const ArmVirtRow *row = &s->map[AV_RTC];
    g_autofree char *path = node_path("", "pl031", row->base);
    dt_add_node(dt, path);
    dt_set_strings(dt, path, "compatible", "arm,pl031\0arm,primecell\0");
    set_reg(dt, path, row->base, row->size);
    set_spi(dt, path, row->spi, LEVEL_HIGH);
    set_clocks(dt, path);
}

/* PCI 3.0, 2.2.6, as the "interrupt-map" of the Open Firmware PCI binding writes it. */
static void set_pcie_interrupt_map(DeviceTree *dt, const char *path, unsigned first_spi)
{
    enum { PINS = 4, CELLS = 10 };
    uint32_t cells[PINS * PINS * CELLS], gic = dt_phandle(dt, gic_path);
    for (unsigned i = 0; i < PINS * PINS; i++) {
        unsigned slot = i / PINS, pin = i % PINS;
        const uint32_t row[CELLS] = { slot << 11, 0, 0, pin + 1, gic, 0, 0, GIC_SPI,
                                      first_spi + (slot + pin) % PINS, LEVEL_HIGH };
        memcpy(cells + i * CELLS, row, sizeof row);
    }
    dt_set_cells(dt, path, "interrupt-map", cells, ARRAY_LEN(cells));
    DT_CELLS(dt, path, "interrupt-map-mask", 3 << 11, 0, 0, 7);
}

static void add_pcie(DeviceTree *dt, const ArmVirt *s)
{
    enum { SPACE_IO = 0x01000000, SPACE_MEM32 = 0x02000000, SPACE_MEM64 = 0x03000000 };
    const ArmVirtRow *ecam = arm_virt_ecam(s), *pio = &s->map[AV_PCIE_PIO],
                     *mmio = &s->map[AV_PCIE_MMIO], *high = &s->map[AV_HIGH_MMIO];
    const uint32_t ranges[] = {
        SPACE_IO, 0, 0, DT_HI_LO(pio->base), DT_HI_LO(pio->size),
        SPACE_MEM32, DT_HI_LO(mmio->base), DT_HI_LO(mmio->base), DT_HI_LO(mmio->size),
        SPACE_MEM64, DT_HI_LO(high->base), DT_HI_LO(high->base), DT_HI_LO(high->size),
    };
    g_autofree char *path = node_path("", "pcie", mmio->base), *msi = msi_path(s);
    dt_add_node(dt, path);
    dt_set_string(dt, path, "compatible", "pci-host-ecam-generic");
    dt_set_string(dt, path, "device_type", "pci");
    dt_set_u32(dt, path, "#address-cells", 3);
    dt_set_u32(dt, path, "#size-cells", 2);
    dt_set_u32(dt, path, "linux,pci-domain", 0);
    DT_CELLS(dt, path, "bus-range", 0, (ecam->size >> 20) - 1);
    dt_set_empty(dt, path, "dma-coherent");
    if (s->msi)
        DT_CELLS(dt, path, "msi-map", 0, dt_phandle(dt, msi), 0, 0x10000);
    set_reg(dt, path, ecam->base, ecam->size);
    dt_set_cells(dt, path, "ranges", ranges, high->size ? ARRAY_LEN(ranges) : 14);
    dt_set_u32(dt, path, "#interrupt-cells", 1);
    set_pcie_interrupt_map(dt, path, ecam->spi);
}

static char *add_gpio(DeviceTree *dt, const ArmVirtRow *row)
{
    char *path = node_path("", "pl061", row->base);
    dt_add_node(dt, path);
    set_reg(dt, path, row->base, row->size);
    dt_set_strings(dt, path, "compatible", "arm,pl061\0arm,primecell\0");
    dt_set_u32(dt, path, "#gpio-cells", 2);
    dt_set_empty(dt, path, "gpio-controller");
    set_spi(dt, path, row->spi, LEVEL_HIGH);
    set_clocks(dt, path);
    dt_phandle(dt, path);
    return path;
}

static void add_power_button(DeviceTree *dt, const ArmVirt *s)
{
    g_autofree char *gpio = add_gpio(dt, &s->map[AV_GPIO]);
    dt_add_node(dt, "/gpio-keys");
    dt_set_string(dt, "/gpio-keys", "compatible", "gpio-keys");
    dt_add_node(dt, "/gpio-keys/poweroff");
    dt_set_string(dt, "/gpio-keys/poweroff", "label", "GPIO Key Poweroff");
    dt_set_u32(dt, "/gpio-keys/poweroff", "linux,code", KEY_POWER);
    DT_CELLS(dt, "/gpio-keys/poweroff", "gpios", dt_phandle(dt, gpio), ARM_VIRT_POWER_LINE, 0);
}

static void add_secure_gpio(DeviceTree *dt, const ArmVirt *s)
{
    static const char *const actions[] = { "gpio-poweroff", "gpio-restart" };
    if (!s->secure)
        return;
    g_autofree char *gpio = add_gpio(dt, &s->map[AV_SECURE_GPIO]);
    set_secure_only(dt, gpio);
    for (unsigned i = 0; i < ARRAY_LEN(actions); i++) {
        g_autofree char *path = g_strdup_printf("/%s", actions[i]);
        dt_add_node(dt, path);
        dt_set_string(dt, path, "compatible", actions[i]);
        DT_CELLS(dt, path, "gpios", dt_phandle(dt, gpio), i, 0);
        set_secure_only(dt, path);
    }
}

static void add_virtio(DeviceTree *dt, const ArmVirt *s)
{
    const ArmVirtRow *row = &s->map[AV_VIRTIO];
    for (unsigned i = row->count; i-- > 0;) {
        hwaddr base = row->base + i * row->size;
        g_autofree char *path = node_path("", "virtio_mmio", base);
        dt_add_node(dt, path);
        dt_set_string(dt, path, "compatible", "virtio,mmio");
        set_reg(dt, path, base, row->size);
        set_spi(dt, path, row->spi + i, EDGE_RISING);
        dt_set_empty(dt, path, "dma-coherent");
    }
}

static void add_fw_cfg(DeviceTree *dt, const ArmVirt *s)
{
    const ArmVirtRow *row = &s->map[AV_FW_CFG];
    g_autofree char *path = node_path("", "fw-cfg", row->base);
    dt_add_node(dt, path);
    dt_set_string(dt, path, "compatible", "qemu,fw-cfg-mmio");
    set_reg(dt, path, row->base, row->size);
    dt_set_empty(dt, path, "dma-coherent");
}

/* Arm DEN 0022; function numbers of its 64-bit calling convention. */
void arm_virt_fdt_psci(DeviceTree *dt, const ArmVirt *s)
{
    dt_delete_node(dt, "/psci");
    if (s->psci == ARM_PSCI_NONE)
        return;
    dt_add_node(dt, "/psci");
    dt_set_strings(dt, "/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci\0");
    dt_set_string(dt, "/psci", "method", s->psci == ARM_PSCI_SMC ? "smc" : "hvc");
    dt_set_u32(dt, "/psci", "cpu_suspend", 0xc4000001);
    dt_set_u32(dt, "/psci", "cpu_off", 0x84000002);
    dt_set_u32(dt, "/psci", "cpu_on", 0xc4000003);
    dt_set_u32(dt, "/psci", "migrate", 0xc4000005);
}

DeviceTree *arm_virt_fdt(Machine *m)
{
    const ArmVirt *s = arm_virt(m);
    DeviceTree *dt = dt_new();
    dt_set_first_phandle(dt, FIRST_PHANDLE);
    add_root(dt, s);
    add_timer(dt, m, s);
    add_cpus(dt, m, s);
    add_flash(dt, s);
    add_gic(dt, s);
    add_msi(dt, s);
    add_pmu(dt, m, s);
    add_uarts(dt, s);
    add_rtc(dt, s);
    add_pcie(dt, s);
    add_power_button(dt, s);
    add_secure_gpio(dt, s);
    add_virtio(dt, s);
    add_fw_cfg(dt, s);
    dt_set_memory(dt, s->map[AV_RAM].base, m->ram_size);
    return dt;
}
