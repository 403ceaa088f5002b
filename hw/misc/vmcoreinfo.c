/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcoreinfo (QEMU's docs/specs/vmcoreinfo): a file of fw_cfg, "etc/vmcoreinfo", where the guest
 * writes the place of an ELF note about its kernel. A dump of memory carries that note, and debuggers
 * find the kernel by it (softmmu/dump). The file itself is part of fw_cfg's state.
 */
#include <string.h>

#include "hw/device.h"
#include "hw/fw_cfg.h"
#include "softmmu/dump.h"
#include "util/bits.h"
#include "util/error.h"

#define FILE_NAME "etc/vmcoreinfo"
enum { HOST_FORMAT = 0, GUEST_FORMAT = 2, SIZE = 4, PADDR = 8, FILE_SIZE = 16 };
enum { FORMAT_ELF = 1 };

static bool exists;

static void written(void *opaque, const uint8_t *data, size_t len)
{
    bool elf = load_le16(data + GUEST_FORMAT) == FORMAT_ELF;
    dump_set_guest_note(load_le64(data + PADDR), elf ? load_le32(data + SIZE) : 0);
}

static void vmcoreinfo_reset(void *dev)
{
    uint8_t data[FILE_SIZE] = { 0 };
    store_le16(data + HOST_FORMAT, FORMAT_ELF);
    fw_cfg_set_file(FILE_NAME, data, sizeof data);
    dump_set_guest_note(0, 0);
}

static bool vmcoreinfo_realize(void *dev, GError **error)
{
    if (exists)
        return error_set(error, "at most one vmcoreinfo device is permitted");
    if (!fw_cfg_present())
        return error_set(error, "vmcoreinfo device requires fw_cfg with DMA");
    if (!fw_cfg_add_writable_file(FILE_NAME, FILE_SIZE, written, NULL, error))
        return false;
    exists = true;
    return true;
}

static void vmcoreinfo_unrealize(void *dev)
{
    fw_cfg_remove_file(FILE_NAME);
    dump_set_guest_note(0, 0);
    exists = false;
}

static const StateField vmcoreinfo_state[] = { { .type = STATE_END } };

static const DeviceType vmcoreinfo_type = {
    .name = "vmcoreinfo", .doc = "the guest's note about its kernel, for dumps of memory",
    .category = CATEGORY_MISC, .user_creatable = true, .size = sizeof(Device), .version = 1,
    .state = vmcoreinfo_state, .realize = vmcoreinfo_realize, .unrealize = vmcoreinfo_unrealize,
    .reset = vmcoreinfo_reset,
};
DEVICE_REGISTER(vmcoreinfo_type)
