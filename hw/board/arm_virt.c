/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine "virt" for aarch64: memory map, interrupts and devices of QEMU's board of that name
 * (docs/system/arm/virt). The map is in arm_virt_options.c.
 *
 * Left out: the SMMU, the platform bus, memory and CPU hotplug, NVDIMM, NUMA.
 */
#include "hw/board/arm_virt.h"

#include <string.h>

#include "accel/cpu.h"
#include "backend/block.h"
#include "backend/char.h"
#include "hw/arm_gic.h"
#include "hw/fw_cfg.h"
#include "hw/pci.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

static Device *new_device(const char *type, const char *path)
{
    const DeviceType *t = device_type_find(type);
    g_assert(t);
    return device_new(t, NULL, path);
}

static bool realize_at(Device *dev, hwaddr addr, GError **error)
{
    if (!device_realize(dev, NULL, error))
        return false;
    device_map(dev, addr);
    return true;
}

/* Out of the normal world's reach. */
static bool realize_secure(Device *dev, hwaddr addr, GError **error)
{
    if (!device_realize(dev, NULL, error))
        return false;
    device_map_secure(dev, addr);
    return true;
}

static void connect(ArmVirt *s, Device *dev, int pin, unsigned spi)
{
    irq_connect(&dev->irq[pin], arm_gic_spi(s->gic, spi));
}

static bool create_cpus(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    const TargetOps *target = target_find(m->target);
    unsigned per_cluster = s->gic_version == 3 ? 16 : 8; /* what a target list can name */
    for (unsigned i = 0; i < m->cpus; i++) {
        Cpu *cpu = cpu_new(target, m->cpu_model, error);
        if (!cpu)
            return false;
        arm_cpu_set_mpidr(cpu, (uint64_t)(i / per_cluster) << 8 | i % per_cluster);
        arm_cpu_set_levels(cpu, s->virtualization, s->secure);
    }
    return true;
}

static bool create_memory(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    if (!machine_init_ram(m, error))
        return false;
    memory_region_add(memory_system_root(), s->map[AV_RAM].base, &m->ram, 0);
    if (!s->secure)
        return true;
    const ArmVirtRow *row = &s->map[AV_SECURE_RAM];
    if (!memory_region_init_ram(&s->secure_ram, "virt.secure-ram", row->size, error))
        return false;
    memory_region_add(memory_secure_root(), row->base, &s->secure_ram, 0);
    return true;
}

/* ---- interrupts ---- */

static void map_gic_region(ArmVirt *s, int which, ArmVirtArea area)
{
    memory_region_add(memory_system_root(), s->map[area].base, arm_gic_region(s->gic, which), 0);
}

static void connect_cpu(ArmVirt *s, unsigned i)
{
    static const struct {
        int output;
        unsigned ppi;
    } outputs[] = {
        { ARM_OUT_TIMER_PHYS, ARM_VIRT_PPI_TIMER_PHYS }, { ARM_OUT_TIMER_VIRT, ARM_VIRT_PPI_TIMER_VIRT },
        { ARM_OUT_TIMER_HYP, ARM_VIRT_PPI_TIMER_HYP }, { ARM_OUT_TIMER_SEC, ARM_VIRT_PPI_TIMER_SEC },
        { ARM_OUT_TIMER_HYPVIRT, ARM_VIRT_PPI_TIMER_HYPVIRT }, { ARM_OUT_PMU, ARM_VIRT_PPI_PMU },
    };
    static const struct {
        int gic, cpu;
    } inputs[] = {
        { ARM_GIC_OUT_IRQ, ARM_CPU_IRQ }, { ARM_GIC_OUT_FIQ, ARM_CPU_FIQ },
        { ARM_GIC_OUT_VIRQ, ARM_CPU_VIRQ }, { ARM_GIC_OUT_VFIQ, ARM_CPU_VFIQ },
    };
    for (unsigned k = 0; k < ARRAY_LEN(outputs); k++)
        irq_connect(arm_cpu_output(cpus[i], outputs[k].output),
                    arm_gic_ppi(s->gic, i, outputs[k].ppi));
    for (unsigned k = 0; k < ARRAY_LEN(inputs); k++)
        irq_connect(arm_gic_output(s->gic, i, inputs[k].gic), arm_cpu_irq(cpus[i], inputs[k].cpu));
    irq_connect(arm_gic_output(s->gic, i, ARM_GIC_OUT_MAINT),
                arm_gic_ppi(s->gic, i, ARM_VIRT_PPI_MAINTENANCE));
}

static bool create_gic(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    bool v3 = s->gic_version == 3;
    s->gic = new_device(v3 ? "arm-gicv3" : "arm_gic", "virt/gic");
    device_set_uint(s->gic, "num-cpu", m->cpus);
    device_set_uint(s->gic, "num-irq", ARM_VIRT_SPIS + 32);
    device_set_uint(s->gic, "has-security-extensions", s->secure);
    device_set_uint(s->gic, "has-virtualization-extensions", s->virtualization);
    if (v3) {
        device_set_uint(s->gic, "has-lpi", s->its);
        device_set_uint(s->gic, "redist-region-count[0]", s->redist_count[0]);
        device_set_uint(s->gic, "redist-region-count[1]", s->redist_count[1]);
        for (unsigned i = 0; i < m->cpus; i++)
            arm_gicv3_set_affinity(s->gic, i, arm_virt_affinity(cpus[i]));
    }
    if (!device_realize(s->gic, NULL, error))
        return false;
    map_gic_region(s, ARM_GIC_DIST, AV_GIC_DIST);
    if (v3) {
        map_gic_region(s, ARM_GIC_REDIST, AV_REDIST);
        if (s->redist_count[1])
            map_gic_region(s, ARM_GIC_REDIST + 1, AV_HIGH_REDIST);
    } else {
        map_gic_region(s, ARM_GIC_CPU, AV_GIC_CPU);
        if (s->virtualization) {
            map_gic_region(s, ARM_GIC_HYP, AV_GIC_HYP);
            map_gic_region(s, ARM_GIC_VCPU, AV_GIC_VCPU);
        }
    }
    for (unsigned i = 0; i < m->cpus; i++) {
        connect_cpu(s, i);
        if (v3)
            arm_cpu_set_gic(cpus[i], &arm_gicv3_cpu_ops, arm_gicv3_cpu(s->gic, i));
    }
    return true;
}

/* What turns messages of PCI devices into interrupts. */
static bool create_msi(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    if (s->gic_version == 3) {
        if (!s->its)
            return true;
        s->msi = new_device("arm-gicv3-its", "virt/its");
        arm_its_set_gic(s->msi, s->gic);
        return realize_at(s->msi, s->map[AV_ITS].base, error);
    }
    const ArmVirtRow *row = &s->map[AV_GIC_V2M];
    s->msi = new_device("arm-gicv2m", "virt/v2m");
    device_set_uint(s->msi, "base-spi", row->spi + 32);
    device_set_uint(s->msi, "num-spi", ARM_VIRT_V2M_SPIS);
    if (!realize_at(s->msi, row->base, error))
        return false;
    for (unsigned i = 0; i < ARM_VIRT_V2M_SPIS; i++)
        connect(s, s->msi, (int)i, row->spi + i);
    return true;
}

/* ---- devices ---- */

/* With a secure world the first bank, which the CPUs start from, is its own. */
static bool create_flash(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    const ArmVirtRow *row = &s->map[AV_FLASH];
    enum { SECTOR = 256 << 10 };
    for (unsigned i = 0; i < row->count; i++) {
        g_autofree char *name = g_strdup_printf("virt.flash%u", i);
        g_autofree char *path = g_strdup_printf("virt/flash%u", i);
        Device *flash = new_device("cfi.pflash01", path);
        if (m->pflash[i]) {
            BlockBackend *b = block_find(m->pflash[i]);
            if (!b)
                return error_set(error, "-machine pflash%u=%s: there is no such drive or block "
                                 "node", i, m->pflash[i]);
            device_set_ptr(flash, "drive", b);
        }
        device_set_uint(flash, "sector-length", SECTOR);
        device_set_uint(flash, "num-blocks", row->size / SECTOR);
        device_set_uint(flash, "width", 4);
        device_set_uint(flash, "device-width", 2);
        bool secure = s->secure && !i;
        if (!device_set_prop(flash, "name", name, error) ||
            !(secure ? realize_secure : realize_at)(flash, row->base + i * row->size, error))
            return false;
        s->flash[i] = flash;
    }
    return true;
}

static bool create_uart(Machine *m, ArmVirtArea area, unsigned n, bool secure, GError **error)
{
    ArmVirt *s = arm_virt(m);
    g_autofree char *path = g_strdup_printf("virt/uart%u", n);
    Device *uart = new_device("pl011", path);
    device_set_ptr(uart, "chardev", serial_hd(n));
    if (!(secure ? realize_secure : realize_at)(uart, s->map[area].base, error))
        return false;
    connect(s, uart, 0, s->map[area].spi);
    return true;
}

/* The second one belongs to the secure world, if there is one; else it is there if it is asked
 * for: with a second -serial. */
static bool create_uarts(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    s->uart1 = !s->secure && serial_hd(1);
    return create_uart(m, AV_UART0, 0, false, error) &&
           (!(s->secure || s->uart1) || create_uart(m, AV_UART1, 1, s->secure, error));
}

static bool create_rtc(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    Device *rtc = new_device("pl031", "virt/rtc");
    if (!realize_at(rtc, s->map[AV_RTC].base, error))
        return false;
    connect(s, rtc, 0, s->map[AV_RTC].spi);
    return true;
}

static void press_power(void *opaque)
{
    IrqSink button = device_gpio_in(opaque, 0);
    button.set(button.opaque, button.n, 1);
}

static Device *create_gpio(ArmVirt *s, const char *path, ArmVirtArea area, bool secure,
                           GError **error)
{
    Device *gpio = new_device("pl061", path);
    device_set_uint(gpio, "pullups", 0);
    device_set_uint(gpio, "pulldowns", 0xff);
    if (!(secure ? realize_secure : realize_at)(gpio, s->map[area].base, error))
        return NULL;
    if (s->map[area].spi)
        connect(s, gpio, 0, s->map[area].spi);
    return gpio;
}

/* Guests of ACPI hear of the power button from a generic event device, those of a device tree by
 * GPIO. It is pressed for both. */
static bool create_power_button(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    s->gpio = create_gpio(s, "virt/gpio", AV_GPIO, false, error);
    if (!s->gpio)
        return false;
    s->power_key = new_device("gpio-key", "virt/power-key");
    if (!device_realize(s->power_key, NULL, error))
        return false;
    irq_connect(&s->power_key->irq[0], device_gpio_in(s->gpio, ARM_VIRT_POWER_LINE));
    vm_add_powerdown_notifier(press_power, s->power_key);
    if (!s->firmware || !s->acpi)
        return true;
    s->ged = new_device("acpi-ged", "virt/ged");
    if (!realize_at(s->ged, s->map[AV_GED].base, error))
        return false;
    connect(s, s->ged, 0, s->map[AV_GED].spi);
    vm_add_powerdown_notifier(press_power, s->ged);
    return true;
}

static void secure_reset(void *opaque, int n, int level)
{
    if (level)
        vm_request_reset(SHUTDOWN_GUEST_RESET);
}

static void secure_power_off(void *opaque, int n, int level)
{
    if (level)
        vm_request_shutdown(SHUTDOWN_GUEST_SHUTDOWN, 0);
}

/* Secure firmware ends the machine by the first two lines. */
static bool create_secure_gpio(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    if (!s->secure)
        return true;
    s->secure_gpio = create_gpio(s, "virt/secure-gpio", AV_SECURE_GPIO, true, error);
    if (!s->secure_gpio)
        return false;
    irq_connect(&s->secure_gpio->irq[1], (IrqSink){ secure_power_off, NULL, 0 });
    irq_connect(&s->secure_gpio->irq[2], (IrqSink){ secure_reset, NULL, 0 });
    return true;
}

static bool create_virtio_slots(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    const ArmVirtRow *row = &s->map[AV_VIRTIO];
    for (unsigned i = 0; i < row->count; i++) {
        g_autofree char *path = g_strdup_printf("virt/virtio-mmio.%u", i);
        Device *dev = new_device("virtio-mmio", path);
        if (!realize_at(dev, row->base + i * row->size, error))
            return false;
        connect(s, dev, 0, row->spi + i);
    }
    return true;
}

static bool create_pcie(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    const ArmVirtRow *ecam = arm_virt_ecam(s), *high = &s->map[AV_HIGH_MMIO];
    const GpexWindows windows = {
        .ecam = ecam->base, .ecam_size = ecam->size,
        .mmio = s->map[AV_PCIE_MMIO].base, .mmio_size = s->map[AV_PCIE_MMIO].size,
        .high = high->base, .high_size = high->size,
        .pio = s->map[AV_PCIE_PIO].base,
    };
    Device *host = new_device("gpex-pcihost", "virt/pcie");
    if (!device_realize(host, NULL, error))
        return false;
    gpex_map(host, &windows);
    for (int pin = 0; pin < 4; pin++)
        connect(s, host, pin, ecam->spi + pin);
    return true;
}

static bool create_fw_cfg(Machine *m, GError **error)
{
    static const uint8_t no_uuid[16];
    Device *fw_cfg = new_device("fw_cfg_mem", "virt/fw_cfg");
    if (!realize_at(fw_cfg, arm_virt(m)->map[AV_FW_CFG].base, error))
        return false;
    fw_cfg_add_bytes(FW_CFG_UUID, no_uuid, sizeof no_uuid);
    fw_cfg_add_u16(FW_CFG_NB_CPUS, m->cpus);
    fw_cfg_add_u16(FW_CFG_MAX_CPUS, m->max_cpus);
    fw_cfg_add_u64(FW_CFG_RAM_SIZE, m->ram_size);
    return true;
}

static bool arm_virt_init(Machine *m, GError **error)
{
    const ArmVirt *s = arm_virt(m);
    if (!arm_virt_options(m, error) || !create_cpus(m, error) || !arm_virt_place_high(m, error) ||
        !create_memory(m, error) || !create_flash(m, error) || !create_gic(m, error) ||
        !create_msi(m, error) || !create_fw_cfg(m, error) || !create_uarts(m, error) ||
        !create_rtc(m, error) || !create_pcie(m, error) || !create_power_button(m, error) ||
        !create_secure_gpio(m, error) || !create_virtio_slots(m, error) || !arm_virt_boot(m, error))
        return false;
    if (s->firmware && (!arm_virt_smbios(m, error) || (s->acpi && !arm_virt_acpi(m, error))))
        return false;
    return true;
}

static const BoardType arm_virt_board = {
    .name = "virt", .alias = "virt-7.2", .doc = "ARM Virtual Machine", .target = "aarch64", .default_cpu = "cortex-a72",
    .max_cpus = ARM_VIRT_MAX_CPUS, .default_ram = 128 << 20, .ram_id = "mach-virt.ram",
    .options = arm_virt_option_names, .state_size = sizeof(ArmVirt), .init = arm_virt_init,
};
BOARD_REGISTER(arm_virt_board)
