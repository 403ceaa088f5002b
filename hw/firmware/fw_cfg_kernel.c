/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel, initrd and command line in fw_cfg: firmware in flash (EDK2) starts them by itself. */
#include <string.h>

#include "hw/fw_cfg.h"
#include "softmmu/boot.h"
#include "util/error.h"

static bool offer_file(uint16_t size_key, uint16_t data_key, const char *what, const char *file,
                       GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *data = NULL;
    gsize len;
    if (!g_file_get_contents(file, &data, &len, &why))
        return error_set(error, "%s: %s", what, why->message);
    fw_cfg_add_u32(size_key, len);
    fw_cfg_add_bytes(data_key, data, len);
    return true;
}

bool fw_cfg_offer_kernel(const char *kernel, const char *initrd, const char *append,
                         GError **error)
{
    if (!kernel)
        return true;
    g_autoptr(GBytes) image = boot_unpack_kernel(kernel, error);
    if (!image)
        return false;
    gsize len;
    const void *data = g_bytes_get_data(image, &len);
    fw_cfg_add_u32(FW_CFG_KERNEL_SIZE, len);
    fw_cfg_add_bytes(FW_CFG_KERNEL_DATA, data, len);
    if (append) {
        fw_cfg_add_u32(FW_CFG_CMDLINE_SIZE, strlen(append) + 1);
        fw_cfg_add_string(FW_CFG_CMDLINE_DATA, append);
    }
    return !initrd || offer_file(FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, "-initrd", initrd, error);
}
