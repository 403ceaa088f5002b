/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the arm "virt" board starts: what goes where in memory, and at which exception level.
 * Linux's Documentation/arch/arm64/booting.rst (x0: device tree); addresses as QEMU's.
 */
#include <string.h>

#include "accel/cpu.h"
#include "hw/board/arm_virt.h"
#include "hw/arm_gic.h"
#include "hw/fw_cfg.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

static const uint64_t MIB = 1 << 20;
enum { FDT_ALIGN = 2 << 20 };

static hwaddr ram_end(const ArmVirt *s)
{
    return s->map[AV_RAM].base + s->map[AV_RAM].size;
}

static bool load_firmware(Machine *m, GError **error)
{
    const ArmVirtRow *flash = &arm_virt(m)->map[AV_FLASH];
    if (!m->bios)
        return true;
    g_autofree char *file = boot_find_firmware(m->bios);
    if (!file)
        return error_set(error, "-bios %s: no such file here or in the firmware folders; give its "
                         "path, or its folder with -L", m->bios);
    BootImage image;
    return boot_load_file("-bios", file, flash->base, flash->size, &image, error);
}

/* As QEMU: well above the kernel, so that neither it nor its page tables get there at once. */
static bool load_initrd(Machine *m, const BootImage *kernel, hwaddr *end, GError **error)
{
    ArmVirt *s = arm_virt(m);
    hwaddr at = s->map[AV_RAM].base + MIN(m->ram_size / 2, 128 * MIB);
    at = MAX(at, ALIGN_UP(kernel->high, RAM_PAGE_SIZE));
    *end = at;
    if (!m->initrd)
        return true;
    if (at >= ram_end(s))
        return error_set(error, "-initrd %s: the kernel leaves no room for it; give the machine "
                         "more memory with -m", m->initrd);
    BootImage image;
    if (!boot_load_file("-initrd", m->initrd, at, ram_end(s) - at, &image, error))
        return false;
    *end = image.high;
    dt_want_node(m->fdt, "/chosen");
    dt_set_u64(m->fdt, "/chosen", "linux,initrd-start", image.low);
    dt_set_u64(m->fdt, "/chosen", "linux,initrd-end", image.high);
    return true;
}

/* An ELF is no Linux: it starts as the processor does, and finds the tree where RAM starts. */
static bool load_kernel(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    hwaddr base = s->map[AV_RAM].base, after;
    BootImage image;
    if (!boot_load_kernel(m->kernel, BOOT_AARCH64, base, s->map[AV_FLASH].base, ram_end(s), &image,
                          error) ||
        !load_initrd(m, &image, &after, error))
        return false;
    s->entry = image.entry;
    s->linux_kernel = !image.is_elf;
    s->fdt = base;
    bool covered = image.low < base + FDT_ALIGN && image.high > base;
    if (s->linux_kernel || covered)
        s->fdt = ALIGN_UP(after, FDT_ALIGN);
    return true;
}

static bool place_fdt(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    uint32_t size;
    const void *blob = dt_blob(m->fdt, &size);
    if (s->fdt > ram_end(s) || size > ram_end(s) - s->fdt)
        return error_set(error, "-m: kernel, initrd and device tree do not fit into %"
                         G_GUINT64_FORMAT " MiB of RAM; give more", m->ram_size >> 20);
    boot_load_fdt(s->fdt, blob, size);
    return true;
}

/*
 * Firmware at EL3 answers PSCI calls itself. Else this program does: at SMC if there is an EL2,
 * at HVC if not, unless the code that starts is above the level that such a call leads to.
 */
static void choose_psci(ArmVirt *s)
{
    unsigned el = s->secure && !s->linux_kernel ? 3 : s->virtualization ? 2 : 1;
    if ((s->psci == ARM_PSCI_HVC && el >= 2) || (s->psci == ARM_PSCI_SMC && el == 3))
        s->psci = ARM_PSCI_NONE;
}

static void start_kernel(void *opaque)
{
    Machine *m = opaque;
    ArmVirt *s = arm_virt(m);
    arm_cpu_direct_boot(cpus[0], s->entry, s->fdt);
}

static void configure_cpus(Machine *m)
{
    ArmVirt *s = arm_virt(m);
    for (unsigned i = 0; i < m->cpus; i++) {
        arm_cpu_set_psci(cpus[i], s->psci);
        arm_cpu_set_powered_off(cpus[i], i && s->psci != ARM_PSCI_NONE);
        arm_cpu_set_rvbar(cpus[i], s->linux_kernel ? 0 : s->entry);
    }
    /* No firmware gives the interrupts to a kernel that starts in non-secure state. */
    arm_gic_set_reset_nonsecure(s->gic, s->linux_kernel);
    if (s->linux_kernel)
        vm_add_reset_handler(RESET_STAGE_CPUS + 1, start_kernel, m);
}

/*
 * Without a seed in the device tree Linux looks for other randomness (RNDR, EFI_RNG_PROTOCOL), and
 * would move from where a debugger that is there from the start has it.
 */
static char *command_line(Machine *m)
{
    const char *append = m->append ? m->append : "";
    if (!m->kernel || !m->debug_start || arm_virt(m)->kaslr_seed)
        return g_strdup(append);
    return g_strconcat(append, *append ? " nokaslr" : "nokaslr", NULL);
}

bool arm_virt_boot(Machine *m, GError **error)
{
    ArmVirt *s = arm_virt(m);
    g_autofree char *args = command_line(m);
    s->psci = s->secure && s->firmware ? ARM_PSCI_NONE
              : s->virtualization      ? ARM_PSCI_SMC
                                       : ARM_PSCI_HVC;
    s->fdt = s->map[AV_RAM].base;
    m->fdt = m->dtb ? dt_load(m->dtb, error) : arm_virt_fdt(m);
    if (!m->fdt)
        return false;
    if (m->dtb)
        dt_set_memory(m->fdt, s->map[AV_RAM].base, m->ram_size);
    if (*args) {
        dt_want_node(m->fdt, "/chosen");
        dt_set_string(m->fdt, "/chosen", "bootargs", args);
    }
    if (s->firmware) {
        /* It fetches kernel, initrd and command line by itself. */
        if (!load_firmware(m, error) ||
            !fw_cfg_offer_kernel(m->kernel, m->initrd, *args ? args : m->append, error))
            return false;
    } else if (m->kernel && !load_kernel(m, error)) {
        return false;
    }
    choose_psci(s);
    arm_virt_fdt_psci(m->fdt, s);
    configure_cpus(m);
    return place_fdt(m, error);
}
