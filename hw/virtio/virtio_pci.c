/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio over PCI (virtio 1.2, 4.1): the modern interface in BAR 4, the legacy one in I/O BAR 0
 * of transitional devices, MSI-X in BAR 1.
 *
 * Every virtio device type X-device gets three PCI types: X-pci (transitional unless
 * disable-legacy=on), X-pci-transitional and X-pci-non-transitional. Such a device has a virtio
 * bus with the real device on it, and shows that one's properties as its own.
 *
 * Left out: shared memory capabilities, VF functions, notification data, queue reset.
 */
#include <string.h>

#include "hw/pci/bridge.h"
#include "hw/virtio/virtio_pci.h"
#include "util/bits.h"
#include "util/error.h"

enum { BAR_LEGACY = 0, BAR_MSIX = 1, BAR_MODERN = 4 };
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI_CFG = 5 };
enum { VECTORS_AUTO = UINT32_MAX };

/* ---- interrupts ---- */

static void update_intx(VirtioPci *p)
{
    pci_set_intx(&p->pci, p->child->isr && !pci_msix_enabled(&p->pci));
}

static void notify(VirtioPci *p, uint8_t isr, uint16_t vector)
{
    p->child->isr |= isr;
    if (!pci_msix_enabled(&p->pci))
        update_intx(p);
    else if (vector != VIRTIO_NO_VECTOR)
        pci_msix_notify(&p->pci, vector);
}

static void notify_queue(Device *dev, VirtQueue *vq)
{
    notify((VirtioPci *)dev, VIRTIO_ISR_QUEUE, vq->vector);
}

static void notify_config(Device *dev)
{
    VirtioPci *p = (VirtioPci *)dev;
    notify(p, VIRTIO_ISR_CONFIG, p->child->config_vector);
}

static void transport_reset(Device *dev)
{
    VirtioPci *p = (VirtioPci *)dev;
    p->features[0] = p->features[1] = 0;
    pci_set_intx(&p->pci, 0);
}

static const VirtioTransport pci_transport = {
    .notify_queue = notify_queue, .notify_config = notify_config, .reset = transport_reset,
};

/* Reading acknowledges (4.1.4.5). */
uint8_t virtio_pci_read_isr(VirtioPci *p)
{
    uint8_t isr = p->child->isr;
    p->child->isr = 0;
    update_intx(p);
    return isr;
}

/* A vector that the device does not have reads back as "none" (4.1.5.1.3). */
uint16_t virtio_pci_vector(VirtioPci *p, uint16_t vector)
{
    return vector < p->pci.msix_vectors ? vector : VIRTIO_NO_VECTOR;
}

/* ---- configuration space ---- */

static void add_modern_cap(VirtioPci *p, uint8_t type, uint32_t offset, uint32_t len,
                           uint32_t multiplier)
{
    unsigned size = type == CAP_NOTIFY || type == CAP_PCI_CFG ? 20 : 16;
    unsigned at = pci_add_capability(&p->pci, PCI_CAP_VENDOR, size);
    uint8_t *c = p->pci.config + at;
    c[2] = size;
    c[3] = type;
    if (type == CAP_PCI_CFG) {
        uint8_t *w = p->pci.wmask + at;
        p->cfg_cap = at;
        w[4] = 0xff;
        memset(w + 8, 0xff, 12);
        return;
    }
    c[4] = BAR_MODERN;
    store_le32(c + 8, offset);
    store_le32(c + 12, len);
    if (type == CAP_NOTIFY)
        store_le32(c + 16, multiplier);
}

/* 4.1.4.9: a window into BAR 4 for firmware that can't map it. Its size, or 0: none. */
static unsigned cfg_window(PciDevice *pci, unsigned offset, unsigned size, uint32_t *target)
{
    VirtioPci *p = (VirtioPci *)pci;
    unsigned data = p->cfg_cap + 16;
    if (!p->cfg_cap || offset + size <= data || offset >= data + 4)
        return 0;
    const uint8_t *c = pci->config + p->cfg_cap;
    uint32_t len = load_le32(c + 12);
    *target = load_le32(c + 8);
    if (c[4] != BAR_MODERN || (len != 1 && len != 2 && len != 4) || *target % len ||
        *target >= VIRTIO_PCI_MODERN_SIZE)
        return 0;
    return len;
}

void virtio_pci_config_reading(PciDevice *pci, unsigned offset, unsigned size)
{
    VirtioPci *p = (VirtioPci *)pci;
    uint32_t target;
    uint64_t value;
    unsigned len = cfg_window(pci, offset, size, &target);
    if (len && virtio_pci_modern_ops.read(p, target, len, &value) == MEM_OK)
        memcpy(pci->config + p->cfg_cap + 16, &value, len);
}

void virtio_pci_config_written(PciDevice *pci, unsigned offset, unsigned size)
{
    VirtioPci *p = (VirtioPci *)pci;
    uint32_t target;
    unsigned len = cfg_window(pci, offset, size, &target);
    if (len)
        virtio_pci_modern_ops.write(p, target, len,
                                    load_le32(pci->config + p->cfg_cap + 16) & MASK(8 * len));
    /* MSI-X may have been switched on or off. */
    if (p->child && pci->msix_cap && offset <= pci->msix_cap + 3u && offset + size > pci->msix_cap)
        update_intx(p);
    pci_express_config_written(pci, offset, size);
}

void virtio_pci_master_changed(PciDevice *pci)
{
    VirtioPci *p = (VirtioPci *)pci;
    if (p->child)
        virtio_set_dma(p->child, pci_can_master(pci));
}

/* ---- the child ---- */

static bool plug(Bus *bus, Device *child, GError **error)
{
    VirtioPci *p = (VirtioPci *)bus->owner;
    p->child = (VirtioDevice *)child;
    virtio_attach(p->child, &p->pci.dev, &pci_transport, !p->disable_modern);
    return true;
}

/* The properties that the user gave to the PCI device; see virtio_pci_types.c. */
static void copy_props(VirtioPci *p, Device *child)
{
    const char *shadow = (const char *)p + sizeof(VirtioPci);
    for (const Prop *q = child->type->props; q && q->name; q++) {
        if (q->type == PROP_BOOTINDEX)
            continue; /* stays here: an index is one device's */
        BlockBackend *const *b = (const void *)(shadow + q->offset);
        if (q->type == PROP_DRIVE && *b)
            block_release(*b); /* one device per drive: it is the child that uses it */
        prop_copy(child, shadow, q);
    }
}

/* The child has let go of its drive, which may have gone with that. */
static void forget_drives(VirtioPci *p)
{
    for (const Prop *q = p->pci.dev.type->props; q->name; q++)
        if (q->type == PROP_DRIVE)
            device_set_ptr(&p->pci.dev, q->name, NULL);
}

static bool make_child(VirtioPci *p, const DeviceType *t, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/virtio-backend", p->pci.dev.path);
    Device *child = device_new(t, NULL, path);
    copy_props(p, child);
    if (device_realize(child, p->bus, error))
        return true;
    device_unrealize(child);
    forget_drives(p);
    return false;
}

/* ---- the device ---- */

static void set_ids(VirtioPci *p, bool legacy)
{
    uint8_t *c = p->pci.config;
    uint16_t id = virtio_class(p->child)->device_id;
    if (legacy) {
        store_le16(c + PCI_SUBDEVICE_ID, id); /* 4.1.2.1 */
        return;
    }
    store_le16(c + PCI_DEVICE_ID, 0x1040 + id);
    c[PCI_REVISION_ID] = 1;
}

static void add_bars(VirtioPci *p, bool legacy)
{
    if (legacy) {
        unsigned size = 24 + virtio_class(p->child)->config_size, pow2 = 32;
        while (pow2 < size)
            pow2 *= 2;
        memory_region_init_mmio(&p->legacy, "virtio-pci-legacy", pow2, &virtio_pci_legacy_ops, p);
        pci_add_bar(&p->pci, BAR_LEGACY, PCI_BAR_IO, &p->legacy);
    }
    if (p->disable_modern)
        return;
    memory_region_init_mmio(&p->modern, "virtio-pci-modern", VIRTIO_PCI_MODERN_SIZE,
                            &virtio_pci_modern_ops, p);
    pci_add_bar(&p->pci, BAR_MODERN, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &p->modern);
    add_modern_cap(p, CAP_COMMON, VIRTIO_PCI_COMMON, VIRTIO_PCI_PART, 0);
    add_modern_cap(p, CAP_ISR, VIRTIO_PCI_ISR, VIRTIO_PCI_PART, 0);
    add_modern_cap(p, CAP_DEVICE, VIRTIO_PCI_DEVICE, VIRTIO_PCI_PART, 0);
    add_modern_cap(p, CAP_NOTIFY, VIRTIO_PCI_NOTIFY, VIRTIO_PCI_PART, VIRTIO_PCI_NOTIFY_STEP);
    add_modern_cap(p, CAP_PCI_CFG, 0, 0, 0);
}

/* Behind a port of PCI Express it is an endpoint of that; on a root bus it is part of the complex. */
static void add_express(VirtioPci *p)
{
    pci_add_express(&p->pci, PCIE_ENDPOINT, 0, PCIE_2_5GT, 1);
    pci_add_pm(&p->pci);
}

bool virtio_pci_realize(VirtioPci *p, const DeviceType *child, GError **error)
{
    enum { OFF, ON, AUTO };
    const PciBus *on = pci_bus_of(&p->pci);
    bool express = on->express && on->bridge;
    bool legacy = p->disable_legacy == OFF || (p->disable_legacy == AUTO && !express);
    if (p->disable_modern && !legacy)
        return error_set(error, "without legacy interface (disable-legacy=on, or auto behind a PCI "
                         "Express port) disable-modern=on leaves none");
    if (p->vectors != (uint32_t)VECTORS_AUTO && p->vectors > 2048)
        return error_set(error, "vectors=%u: PCI allows 2048 at most", p->vectors);
    p->pci.express = express;
    p->bus = bus_new("virtio-bus", "virtio-bus", &p->pci.dev);
    p->bus->max_children = 1;
    p->bus->plug = plug;
    if (!make_child(p, child, error))
        return false;
    set_ids(p, legacy);
    pci_use_intx(&p->pci);
    if (p->vectors == (uint32_t)VECTORS_AUTO)
        p->vectors = MIN(p->child->n_queues, 64) + 1;
    if (express)
        add_express(p);
    add_bars(p, legacy);
    return !p->vectors || pci_add_msix(&p->pci, p->vectors, BAR_MSIX, error);
}

void virtio_pci_unrealize(VirtioPci *p)
{
    forget_drives(p);
    memory_region_deinit(&p->legacy);
    memory_region_deinit(&p->modern);
}

void virtio_pci_reset(VirtioPci *p)
{
    p->device_feature_sel = p->driver_feature_sel = 0;
    p->queue_sel = 0;
    p->features[0] = p->features[1] = 0;
}

const StateField virtio_pci_state[] = {
    PCI_STATE(VirtioPci, pci),
    STATE(VirtioPci, device_feature_sel),
    STATE(VirtioPci, driver_feature_sel),
    STATE(VirtioPci, queue_sel),
    STATE_ARRAY(VirtioPci, features),
    { .name = NULL },
};
