/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "guest-loader" (QEMU's docs/system/guest-loader): no hardware, but a guest's kernel or initrd in
 * memory for a hypervisor that -kernel starts, which finds it by a node under /chosen ("Multiboot
 * device tree bindings" of Xen: multiboot,module with reg and bootargs).
 */
#include <inttypes.h>

#include "hw/board.h"
#include "softmmu/boot.h"
#include "softmmu/fdt.h"
#include "util/error.h"

typedef struct GuestLoader {
    Device dev;
    uint64_t addr;
    char *kernel, *initrd, *bootargs;
} GuestLoader;

static const Prop guest_loader_props[] = {
    PROP(GuestLoader, "addr", addr, PROP_U64, "0", "where to load"),
    PROP(GuestLoader, "kernel", kernel, PROP_STRING, NULL, "a guest's kernel"),
    PROP(GuestLoader, "initrd", initrd, PROP_STRING, NULL, "a guest's initrd"),
    PROP(GuestLoader, "bootargs", bootargs, PROP_STRING, NULL, "command line of kernel="),
    PROP_LAST,
};

static bool guest_loader_realize(void *dev, GError **error)
{
    GuestLoader *s = dev;
    DeviceTree *dt = current_machine ? current_machine->fdt : NULL;
    g_autofree char *node = g_strdup_printf("/chosen/module@0x%08" PRIx64, s->addr);
    BootImage image;

    if (!s->kernel == !s->initrd)
        return error_set(error, "give either kernel= or initrd=; another guest-loader has the other");
    if (s->bootargs && !s->kernel)
        return error_set(error, "bootargs= are for kernel=, not for initrd=");
    if (!dt)
        return error_set(error, "the machine has no device tree to tell a hypervisor of it");
    if (dt_has_node(dt, node))
        return error_set(error, "addr=0x%" PRIx64 ": another guest-loader is there", s->addr);
    if (!boot_load_device_file(current_machine->target, s->kernel ? s->kernel : s->initrd, s->addr,
                               true, &image, error))
        return false;
    dt_want_node(dt, "/chosen");
    dt_add_node(dt, node);
    DT_CELLS(dt, node, "reg", DT_HI_LO(s->addr), DT_HI_LO(image.high - image.low));
    if (s->kernel)
        dt_set_strings(dt, node, "compatible", "multiboot,module\0multiboot,kernel\0");
    else
        dt_set_strings(dt, node, "compatible", "multiboot,module\0multiboot,ramdisk\0");
    if (s->bootargs)
        dt_set_string(dt, node, "bootargs", s->bootargs);
    uint32_t size;
    const void *blob = dt_blob(dt, &size);
    return boot_update_fdt(blob, size, error);
}

static const DeviceType guest_loader_type = {
    .name = "guest-loader", .doc = "puts a guest's kernel or initrd into memory for a hypervisor",
    .category = CATEGORY_MISC, .user_creatable = true, .size = sizeof(GuestLoader), .version = 1,
    .props = guest_loader_props, .realize = guest_loader_realize,
};
DEVICE_REGISTER(guest_loader_type)
