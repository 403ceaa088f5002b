/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the riscv "virt" board starts: what goes where in memory, and the reset vector.
 * OpenSBI's docs/firmware/fw_dynamic.md (the info structure); Linux's
 * Documentation/arch/riscv/boot.rst (a0: hart, a1: device tree).
 */
#include <string.h>

#include "backend/block.h"
#include "hw/board/riscv_virt.h"
#include "hw/fw_cfg.h"
#include "util/bits.h"
#include "util/error.h"

static const uint64_t MIB = 1 << 20;
enum { KERNEL_ALIGN = 2 << 20, FDT_ALIGN = 2 << 20 };

/* Where execution goes: first from the reset vector, then from the firmware. */
typedef struct BootPlan {
    hwaddr start, kernel, fdt;
    hwaddr firmware_end;
} BootPlan;

static hwaddr ram_end(const Machine *m)
{
    return virt_map[VIRT_DRAM].base + m->ram_size;
}

/*
 * Where a program without firmware below it begins: at the start of RAM, as in QEMU, whatever its
 * ELF header calls the entry (linkers guess one where a program names none). Only a program that
 * leaves that place empty is entered where it says.
 */
static hwaddr first_instruction(const BootImage *image)
{
    hwaddr base = virt_map[VIRT_DRAM].base;
    return image->low == base ? base : image->entry;
}

static bool load_firmware(Machine *m, BootPlan *plan, GError **error)
{
    static const char *const defaults[] = { "fw_dynamic.bin",
                                            "opensbi-riscv64-generic-fw_dynamic.bin" };
    hwaddr base = virt_map[VIRT_DRAM].base;
    plan->start = plan->firmware_end = base;
    if (m->bios && !strcmp(m->bios, "none"))
        return true;
    g_autofree char *file = NULL;
    if (m->bios && strcmp(m->bios, "default")) {
        file = boot_find_firmware(m->bios);
        if (!file)
            return error_set(error, "-bios %s: no such file here or in the firmware folders; give "
                             "its path, or its folder with -L", m->bios);
    } else {
        for (unsigned i = 0; i < ARRAY_LEN(defaults) && !file; i++)
            file = boot_find_firmware(defaults[i]);
        if (!file)
            return error_set(error, "-bios default: OpenSBI's fw_dynamic.bin is not installed; "
                             "install the package opensbi, name its folder with -L, or use "
                             "-bios none");
    }
    BootImage image;
    if (!boot_load_firmware(file, BOOT_RISCV64, base, m->ram_size, &image, error))
        return false;
    plan->start = first_instruction(&image);
    plan->firmware_end = image.high;
    return true;
}

/* As QEMU: well above the kernel, so that neither it nor its page tables get there at once. */
static bool load_initrd(Machine *m, const BootImage *kernel, GError **error)
{
    hwaddr at = kernel->low + MIN(m->ram_size / 2, 512 * MIB);
    at = MAX(at, ALIGN_UP(kernel->high, RAM_PAGE_SIZE));
    if (at >= ram_end(m))
        return error_set(error, "-initrd %s: the kernel leaves no room for it; give the machine "
                         "more memory with -m", m->initrd);
    BootImage image;
    if (!boot_load_file("-initrd", m->initrd, at, ram_end(m) - at, &image, error))
        return false;
    dt_want_node(m->fdt, "/chosen");
    dt_set_u64(m->fdt, "/chosen", "linux,initrd-end", image.high);
    dt_set_u64(m->fdt, "/chosen", "linux,initrd-start", image.low);
    return true;
}

static bool load_kernel(Machine *m, BootPlan *plan, GError **error)
{
    hwaddr base = ALIGN_UP(plan->firmware_end, KERNEL_ALIGN);
    BootImage image;
    if (base >= ram_end(m))
        return error_set(error, "-kernel %s: the firmware leaves no room for it; give the machine "
                         "more memory with -m", m->kernel);
    if (!boot_load_kernel(m->kernel, BOOT_RISCV64, base, virt_map[VIRT_DRAM].base, ram_end(m),
                          &image, error))
        return false;
    plan->kernel = image.entry;
    if (m->bios && !strcmp(m->bios, "none"))
        plan->start = first_instruction(&image);
    return !m->initrd || load_initrd(m, &image, error);
}

/* At the end of RAM, but where 32-bit code can still reach it, and away from images. */
static bool place_fdt(Machine *m, BootPlan *plan, GError **error)
{
    uint32_t size;
    const void *blob = dt_blob(m->fdt, &size);
    hwaddr end = MIN(ram_end(m), 3072 * MIB);
    if (size > end - virt_map[VIRT_DRAM].base)
        return error_set(error, "-m: the device tree needs %u bytes of RAM; give more", size);
    plan->fdt = MAX(ALIGN_DOWN(end - size, FDT_ALIGN), virt_map[VIRT_DRAM].base);
    if (plan->fdt < plan->firmware_end)
        plan->fdt = ALIGN_DOWN(end - size, 8);
    if (plan->fdt < plan->firmware_end)
        return error_set(error, "-m: firmware and device tree do not fit into %" G_GUINT64_FORMAT
                         " bytes of RAM; give more", m->ram_size);
    boot_load_fdt(plan->fdt, blob, size);
    return true;
}

/* The code at the reset address, its literals, and OpenSBI's info structure behind them. */
static void write_reset_vector(const BootPlan *plan)
{
    enum { FW_DYNAMIC_MAGIC = 0x4942534f, FW_DYNAMIC_VERSION = 2, MODE_S = 1 };
    static const uint32_t code[] = {
        0x00000297, /*     auipc t0, 0 */
        0x02828613, /*     addi  a2, t0, info - start */
        0xf1402573, /*     csrr  a0, mhartid */
        0x0202b583, /*     ld    a1, fdt - start (t0) */
        0x0182b283, /*     ld    t0, entry - start (t0) */
        0x00028067, /*     jr    t0 */
    };
    const uint64_t data[] = {
        plan->start, plan->fdt,
        FW_DYNAMIC_MAGIC, FW_DYNAMIC_VERSION, plan->kernel, MODE_S, 0 /* options */,
        0 /* boot hart */,
    };
    uint8_t rom[sizeof code + sizeof data];
    memcpy(rom, code, sizeof code);
    memcpy(rom + sizeof code, data, sizeof data);
    boot_load_bytes("mrom.reset", virt_map[VIRT_MROM].base, rom, sizeof rom);
}

bool riscv_virt_boot(Machine *m, GError **error)
{
    BootPlan plan = { 0 };
    if (m->append && *m->append) {
        dt_want_node(m->fdt, "/chosen");
        dt_set_string(m->fdt, "/chosen", "bootargs", m->append);
    }
    if (!load_firmware(m, &plan, error))
        return false;
    if (m->pflash[0]) {
        /* Flash holds the firmware itself with -bios none, else what OpenSBI starts. */
        if (m->bios && !strcmp(m->bios, "none"))
            plan.start = virt_map[VIRT_FLASH].base;
        else
            plan.kernel = virt_map[VIRT_FLASH].base;
        /* It fetches kernel, initrd and command line by itself (EDK2). */
        if (!fw_cfg_offer_kernel(m->kernel, m->initrd, m->append, error))
            return false;
    } else if (m->kernel && !load_kernel(m, &plan, error)) {
        return false;
    }
    if (!place_fdt(m, &plan, error))
        return false;
    write_reset_vector(&plan);
    return true;
}
