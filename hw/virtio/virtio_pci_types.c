/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI forms of all virtio device types, made when those register themselves.
 *
 * A PCI type shows its child's properties: its struct is a VirtioPci and room for the child's
 * struct behind it, where the child's own table of properties applies at an offset.
 */
#include <string.h>

#include "hw/virtio/virtio_pci.h"

/* One of the three types for one child. */
typedef struct PciForm {
    DeviceType type;
    PciClass class;
    const DeviceType *child;
} PciForm;

static bool form_realize(void *dev, GError **error)
{
    const PciForm *form = (const PciForm *)((Device *)dev)->type;
    return virtio_pci_realize(dev, form->child, error);
}

static void form_unrealize(void *dev)
{
    virtio_pci_unrealize(dev);
}

static void form_reset(void *dev)
{
    virtio_pci_reset(dev);
}

#define COMMON_PROPS(legacy)                                                                   \
    PCI_PROPS(VirtioPci, pci),                                                                 \
    PROP(VirtioPci, "disable-legacy", disable_legacy, PROP_ON_OFF_AUTO, legacy,                \
         "no legacy interface; auto: not behind a port"),                                         \
    PROP(VirtioPci, "disable-modern", disable_modern, PROP_BOOL, "off", "no modern interface"),\
    PROP(VirtioPci, "vectors", vectors, PROP_U32, "4294967295",                                \
         "MSI-X vectors; default: one per queue and one"),                                     \
    PROP(VirtioPci, "ioeventfd", ioeventfd, PROP_BOOL, "on", "accepted without effect"),       \
    PROP(VirtioPci, "page-per-vq", page_per_vq, PROP_BOOL, "off", "accepted without effect"),  \
    PROP(VirtioPci, "ats", ats, PROP_BOOL, "off", "accepted without effect")

static const Prop auto_props[] = { COMMON_PROPS("auto"), PROP_LAST };
static const Prop transitional_props[] = { COMMON_PROPS("off"), PROP_LAST };
static const Prop modern_props[] = { COMMON_PROPS("on"), PROP_LAST };

static const Prop *joined_props(const Prop *own, const Prop *child)
{
    GArray *a = g_array_new(TRUE, TRUE, sizeof(Prop));
    for (; own->name; own++)
        g_array_append_vals(a, own, 1);
    for (; child && child->name; child++) {
        Prop p = *child;
        p.offset += sizeof(VirtioPci);
        g_array_append_vals(a, &p, 1);
    }
    return (const Prop *)(void *)g_array_free(a, FALSE);
}

/* 4.1.2.1 and legacy: the numbers of old drivers; others count from 0x1000 as QEMU has them. */
static uint16_t transitional_id(uint16_t virtio_id)
{
    static const uint16_t ids[] = { [1] = 0x1000, [2] = 0x1001, [3] = 0x1003, [4] = 0x1005,
                                    [5] = 0x1002, [8] = 0x1004, [9] = 0x1009 };
    return virtio_id < G_N_ELEMENTS(ids) && ids[virtio_id] ? ids[virtio_id] : 0x1040 + virtio_id;
}

static void register_form(const DeviceType *child, const char *base, const char *suffix,
                          const Prop *props)
{
    const VirtioClass *c = child->class_data;
    PciForm *f = g_new0(PciForm, 1);
    f->child = child;
    f->class = (PciClass){
        .vendor_id = PCI_VENDOR_REDHAT_QUMRANET, .device_id = transitional_id(c->device_id),
        .subvendor_id = PCI_VENDOR_REDHAT_QUMRANET, .subdevice_id = PCI_SUBDEVICE_QEMU,
        .class_code = c->pci_class, .romfile = c->pci_rom, .config_reading = virtio_pci_config_reading,
        .config_written = virtio_pci_config_written,
        .master_changed = virtio_pci_master_changed,
    };
    f->type = (DeviceType){
        .name = g_strconcat(base, "-pci", suffix, NULL),
        .alias = *suffix ? NULL : g_strdup(base),
        .doc = g_strconcat(child->doc, ", over PCI (4.1)", NULL),
        .category = child->category,
        .user_creatable = true,
        .hotpluggable = !c->no_hotplug,
        .bus_type = "pci",
        .size = sizeof(VirtioPci) + child->size,
        .version = 1,
        .props = joined_props(props, child->props),
        .state = virtio_pci_state,
        .realize = form_realize,
        .unrealize = form_unrealize,
        .reset = form_reset,
        .class_data = &f->class,
    };
    device_type_register(&f->type);
}

static void on_type(const DeviceType *child)
{
    g_assert(g_str_has_suffix(child->name, "-device"));
    g_autofree char *base = g_strndup(child->name, strlen(child->name) - strlen("-device"));
    const VirtioClass *c = child->class_data;
    register_form(child, base, "", c->modern_only ? modern_props : auto_props);
    if (c->modern_only)
        return;
    register_form(child, base, "-transitional", transitional_props);
    register_form(child, base, "-non-transitional", modern_props);
}

static void __attribute__((constructor)) register_forms(void)
{
    virtio_set_type_listener(on_type);
}
