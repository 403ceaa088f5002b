/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What boards start from: kernels, firmware and initial RAM disks, read into guest memory.
 *
 * Images are put in place through address_space_write_rom and are kept to be written again at
 * each reset (a guest may have overwritten them).
 */
#ifndef SOFTMMU_BOOT_H
#define SOFTMMU_BOOT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "softmmu/memory.h"

typedef struct BootImage {
    hwaddr entry;      /* where execution starts */
    hwaddr low, high;  /* extent in guest memory, [low, high) */
    bool is_elf;
} BootImage;

typedef enum BootArch { BOOT_RISCV64, BOOT_AARCH64, BOOT_X86_64 } BootArch;

/*
 * A kernel for -kernel: ELF (by physical addresses of its segments), Linux Image of the
 * architecture (at `base` plus the offset that its header asks for), either of them compressed
 * with gzip, or a plain binary (at base). Nothing may lie outside [ram_low, ram_high).
 */
bool boot_load_kernel(const char *file, BootArch arch, hwaddr base, hwaddr ram_low,
                      hwaddr ram_high, BootImage *out, GError **error);
/* Firmware for -bios: ELF by its addresses, else plain at base, at most max bytes. */
bool boot_load_firmware(const char *file, BootArch arch, hwaddr base, uint64_t max, BootImage *out,
                        GError **error);
/* The bytes of a file at base, at most max bytes (`what` names the option in errors). */
bool boot_load_file(const char *what, const char *file, hwaddr base, uint64_t max, BootImage *out,
                    GError **error);
/* Bytes of our own making (reset vectors, device trees); copied. */
void boot_load_bytes(const char *what, hwaddr base, const void *data, size_t len);
/* A device tree (softmmu/fdt.h); its random seeds are new at every reset. */
void boot_load_fdt(hwaddr base, const void *blob, size_t len);
/* A longer or shorter one in the place of that; may not reach into another image. */
bool boot_update_fdt(const void *blob, size_t len, GError **error);
/*
 * For -device: an ELF of the target ("riscv64") where it wants to be, or (`raw`, or if it is none)
 * the bytes at addr. All of it must be in memory that the machine has.
 */
bool boot_load_device_file(const char *target, const char *file, hwaddr addr, bool raw,
                           BootImage *out, GError **error);
/* For `info roms`. */
void boot_print_roms(GString *out);

/* What a kernel for -kernel is once it is unpacked, for firmware that loads it itself. */
GBytes *boot_unpack_kernel(const char *file, GError **error);

/*
 * Full path of a firmware file: as given if it exists, else in the -L folders, then in the
 * folders where Debian's packages put it. NULL: not found. Caller frees.
 */
char *boot_search_paths(void); /* -L help: a folder per line; caller frees */
char *boot_find_firmware(const char *name);
void boot_add_search_path(const char *dir); /* -L */

#endif
