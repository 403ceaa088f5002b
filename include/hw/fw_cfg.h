/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fw_cfg: what the board tells firmware and guests, by key and by file name.
 * QEMU's specification docs/specs/fw_cfg; boards and boot code fill it before the machine runs.
 *
 * There is at most one per machine. The functions copy what they are given; without a fw_cfg
 * device the ones that return nothing do nothing.
 */
#ifndef HW_FW_CFG_H
#define HW_FW_CFG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys of the specification. */
enum {
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_UUID = 0x02, FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04, FW_CFG_NB_CPUS = 0x05, FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07, FW_CFG_KERNEL_SIZE = 0x08, FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a, FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d, FW_CFG_BOOT_MENU = 0x0e, FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10, FW_CFG_KERNEL_DATA = 0x11, FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13, FW_CFG_CMDLINE_SIZE = 0x14, FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16, FW_CFG_SETUP_SIZE = 0x17, FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19, FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000,
};

bool fw_cfg_present(void);
/* By key; a second call for the same key replaces the first. */
void fw_cfg_add_bytes(uint16_t key, const void *data, size_t len);
void fw_cfg_add_string(uint16_t key, const char *text); /* with its NUL */
void fw_cfg_add_u16(uint16_t key, uint16_t v);          /* little-endian, as all numbers */
void fw_cfg_add_u32(uint16_t key, uint32_t v);
void fw_cfg_add_u64(uint16_t key, uint64_t v);
/* By name ("etc/acpi/tables"); keys are given in the order of the names. */
bool fw_cfg_add_file(const char *name, const void *data, size_t len, GError **error);
/* A file that the guest may write (by DMA): written(opaque, data, len) after each write. */
bool fw_cfg_add_writable_file(const char *name, size_t len,
                              void (*written)(void *opaque, const uint8_t *data, size_t len),
                              void *opaque, GError **error);
/* New contents of a writable file, as long as it is; written is not called. */
void fw_cfg_set_file(const char *name, const void *data, size_t len);
/* New contents of any length; of a file that is there and that the guest can't write. */
void fw_cfg_replace_file(const char *name, const void *data, size_t len);
void fw_cfg_remove_file(const char *name);
/* -kernel, -initrd and -append (each may be NULL) for firmware that starts them. */
bool fw_cfg_offer_kernel(const char *kernel, const char *initrd, const char *append,
                         GError **error);

#endif
