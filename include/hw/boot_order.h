/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What firmware is told about booting: -boot, and the devices' bootindex= (PROP_BOOTINDEX), as files
 * of fw_cfg.
 */
#ifndef HW_BOOT_ORDER_H
#define HW_BOOT_ORDER_H

#include "hw/device.h"

typedef struct BootConfig {
    bool menu, strict;       /* strict: firmware is to stop rather than to try what is not listed */
    int32_t splash_time;     /* ms; negative: not given */
    int32_t reboot_timeout;  /* ms; -1: firmware does not try again */
    char *splash;            /* picture, or NULL */
} BootConfig;

/* Once the board has its fw_cfg; without one there is nobody to tell. */
bool boot_order_start(const BootConfig *c, GError **error);
/* "bootorder" as it is at a reset: a path per line in the order of the indices, and a NUL; empty
 * where no device has an index. */
GString *boot_order_list(bool strict);
/* May a device get this index? */
bool boot_order_free(int32_t index, GError **error);

#endif
