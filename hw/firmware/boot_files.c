/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -boot and the order of devices as files of fw_cfg, with QEMU's names and contents: "bootorder"
 * (made again at every reset), "etc/boot-menu-wait", "etc/boot-fail-wait", "bootsplash.jpg" or
 * ".bmp". "bios-geometry" is always empty: it would tell PC firmware about cylinders.
 */
#include <string.h>

#include "hw/boot_order.h"
#include "hw/fw_cfg.h"
#include "softmmu/boot.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

static const char order_file[] = "bootorder";
static bool strict_order;

static void update_order(void *opaque)
{
    GString *list = boot_order_list(strict_order);
    fw_cfg_replace_file(order_file, list->str, list->len);
    g_string_free(list, TRUE);
}

/* "bootsplash.jpg", or .bmp with 24 bits; NULL: firmware could do nothing with it. */
static const char *splash_name(const uint8_t *data, size_t len)
{
    enum { SHORTEST = 30, BMP_BITS = 28 };
    if (len >= SHORTEST && load_le16(data) == 0xd8ff)
        return "bootsplash.jpg";
    if (len >= SHORTEST && !memcmp(data, "BM", 2) && load_le16(data + BMP_BITS) == 24)
        return "bootsplash.bmp";
    return NULL;
}

/* A machine starts without its picture, as it does with QEMU. */
static bool add_splash(const char *file, GError **error)
{
    g_autofree char *path = boot_find_firmware(file), *data = NULL;
    gsize len;
    if (!path || !g_file_get_contents(path, &data, &len, NULL)) {
        warn_report("-boot splash=%s: there is no such file here or in the firmware folders", file);
        return true;
    }
    const char *name = splash_name((const uint8_t *)data, len);
    if (name)
        return fw_cfg_add_file(name, data, len, error);
    warn_report("-boot splash=%s: must be a JPEG, or a BMP with 24 bits per pixel", file);
    return true;
}

bool boot_order_start(const BootConfig *c, GError **error)
{
    uint8_t fail_wait[4], menu_wait[2];
    if (!fw_cfg_present())
        return true;
    store_le32(fail_wait, (uint32_t)c->reboot_timeout);
    store_le16(menu_wait, (uint16_t)c->splash_time);
    strict_order = c->strict;
    fw_cfg_add_u16(FW_CFG_BOOT_MENU, c->menu);
    vm_add_reset_handler(0, update_order, NULL);
    return fw_cfg_add_file(order_file, NULL, 0, error) &&
           fw_cfg_add_file("bios-geometry", NULL, 0, error) &&
           fw_cfg_add_file("etc/boot-fail-wait", fail_wait, sizeof fail_wait, error) &&
           (c->splash_time < 0 ||
            fw_cfg_add_file("etc/boot-menu-wait", menu_wait, sizeof menu_wait, error)) &&
           (!c->splash || add_splash(c->splash, error));
}
