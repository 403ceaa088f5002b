/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of virtio-pci: the legacy I/O BAR (virtio 4.1.4.10) and the modern memory BAR. */
#include <string.h>

#include "hw/virtio/virtio_pci.h"
#include "util/bits.h"
#include "util/log.h"

static MemResult bad_access(VirtioPci *p, const char *what, hwaddr offset, unsigned size)
{
    log_guest_error("virtio-pci", "%s: %s of %u bytes at 0x%" G_GINT64_MODIFIER "x",
                    p->pci.dev.path, what, size, offset);
    return MEM_OK;
}

/* ---- legacy ---- */

enum {
    L_DEVICE_FEATURES = 0, L_DRIVER_FEATURES = 4, L_QUEUE_PFN = 8, L_QUEUE_NUM = 12,
    L_QUEUE_SEL = 14, L_QUEUE_NOTIFY = 16, L_STATUS = 18, L_ISR = 19,
    L_CONFIG_VECTOR = 20, L_QUEUE_VECTOR = 22, /* while MSI-X is enabled */
    LEGACY_PAGE_BITS = 12,
};

static unsigned legacy_config(VirtioPci *p)
{
    return pci_msix_enabled(&p->pci) ? 24 : 20;
}

static MemResult legacy_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    VirtioPci *p = opaque;
    VirtioDevice *v = p->child;
    VirtQueue *vq = virtio_queue(v, p->queue_sel);
    *value = 0;
    if (offset >= legacy_config(p)) {
        *value = virtio_config_read(v, offset - legacy_config(p), size);
        return MEM_OK;
    }
    switch (offset) {
    case L_DEVICE_FEATURES:
        *value = (uint32_t)v->host_features;
        break;
    case L_DRIVER_FEATURES:
        *value = (uint32_t)v->guest_features;
        break;
    case L_QUEUE_PFN:
        *value = vq ? (uint32_t)(vq->desc >> LEGACY_PAGE_BITS) : 0;
        break;
    case L_QUEUE_NUM:
        *value = vq ? vq->num_max : 0;
        break;
    case L_QUEUE_SEL:
        *value = p->queue_sel;
        break;
    case L_STATUS:
        *value = v->status;
        break;
    case L_ISR:
        *value = virtio_pci_read_isr(p);
        break;
    case L_CONFIG_VECTOR:
        *value = v->config_vector;
        break;
    case L_QUEUE_VECTOR:
        *value = vq ? vq->vector : VIRTIO_NO_VECTOR;
        break;
    default:
        return bad_access(p, "bad read", offset, size);
    }
    *value &= MASK(8 * size);
    return MEM_OK;
}

static MemResult legacy_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    VirtioPci *p = opaque;
    VirtioDevice *v = p->child;
    VirtQueue *vq = virtio_queue(v, p->queue_sel);
    if (offset >= legacy_config(p)) {
        virtio_config_write(v, offset - legacy_config(p), size, value);
        return MEM_OK;
    }
    switch (offset) {
    case L_DRIVER_FEATURES:
        virtio_set_features(v, (uint32_t)value);
        return MEM_OK;
    case L_QUEUE_PFN:
        /* Old drivers wrote 0 here to reset the device. */
        if (!value)
            virtio_set_status(v, 0);
        else if (vq)
            virtio_queue_set_legacy(vq, (value & MASK(32)) << LEGACY_PAGE_BITS, 4096);
        return MEM_OK;
    case L_QUEUE_SEL:
        p->queue_sel = value;
        return MEM_OK;
    case L_QUEUE_NOTIFY:
        virtio_queue_kick(v, (uint16_t)value);
        return MEM_OK;
    case L_STATUS:
        /* Linux before 2.6.34 never made the device a bus master: QEMU does it here. */
        if (value == (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER))
            pci_make_master(&p->pci);
        virtio_set_status(v, value);
        return MEM_OK;
    case L_CONFIG_VECTOR:
        v->config_vector = virtio_pci_vector(p, value);
        return MEM_OK;
    case L_QUEUE_VECTOR:
        if (vq)
            vq->vector = virtio_pci_vector(p, value);
        return MEM_OK;
    }
    return bad_access(p, "bad write", offset, size);
}

const MmioOps virtio_pci_legacy_ops = { .read = legacy_read, .write = legacy_write,
                                        .min_size = 1, .max_size = 4 };

/* ---- common configuration (4.1.4.3) ---- */

enum {
    C_DEVICE_FEATURE_SEL = 0, C_DEVICE_FEATURE = 4, C_DRIVER_FEATURE_SEL = 8,
    C_DRIVER_FEATURE = 12, C_CONFIG_VECTOR = 16, C_NUM_QUEUES = 18, C_STATUS = 20,
    C_GENERATION = 21, C_QUEUE_SEL = 22, C_QUEUE_SIZE = 24, C_QUEUE_VECTOR = 26,
    C_QUEUE_ENABLE = 28, C_QUEUE_NOTIFY_OFF = 30, C_QUEUE_DESC = 32, C_QUEUE_DRIVER = 40,
    C_QUEUE_DEVICE = 48, C_SIZE = 56,
};

/* All of it at once: a read takes any part that it likes. */
static void common_image(VirtioPci *p, uint8_t image[C_SIZE])
{
    VirtioDevice *v = p->child;
    VirtQueue *vq = virtio_queue(v, p->queue_sel);
    /* Bits that only legacy drivers know (virtio 6.3). */
    uint64_t f = v->host_features &
                 ~(BIT(VIRTIO_F_NOTIFY_ON_EMPTY) | BIT(VIRTIO_F_ANY_LAYOUT));
    memset(image, 0, C_SIZE);
    store_le32(image + C_DEVICE_FEATURE_SEL, p->device_feature_sel);
    if (p->device_feature_sel < 2)
        store_le32(image + C_DEVICE_FEATURE, f >> 32 * p->device_feature_sel);
    store_le32(image + C_DRIVER_FEATURE_SEL, p->driver_feature_sel);
    if (p->driver_feature_sel < 2)
        store_le32(image + C_DRIVER_FEATURE, p->features[p->driver_feature_sel]);
    store_le16(image + C_CONFIG_VECTOR, v->config_vector);
    store_le16(image + C_NUM_QUEUES, v->n_queues);
    image[C_STATUS] = v->status;
    image[C_GENERATION] = v->generation;
    store_le16(image + C_QUEUE_SEL, p->queue_sel);
    if (!vq)
        return;
    store_le16(image + C_QUEUE_SIZE, vq->num);
    store_le16(image + C_QUEUE_VECTOR, vq->vector);
    store_le16(image + C_QUEUE_ENABLE, vq->ready);
    store_le16(image + C_QUEUE_NOTIFY_OFF, vq->index);
    store_le64(image + C_QUEUE_DESC, vq->desc);
    store_le64(image + C_QUEUE_DRIVER, vq->avail);
    store_le64(image + C_QUEUE_DEVICE, vq->used);
}

static bool write_queue_address(VirtQueue *vq, hwaddr offset, unsigned size, uint64_t value)
{
    uint64_t *addr = offset < C_QUEUE_DRIVER   ? &vq->desc
                     : offset < C_QUEUE_DEVICE ? &vq->avail
                                               : &vq->used;
    if (size != 4 || vq->ready)
        return false;
    *addr = bits_set(*addr, offset & 4 ? 32 : 0, 32, value & MASK(32));
    return true;
}

static bool write_queue(VirtioPci *p, VirtQueue *vq, hwaddr offset, unsigned size, uint64_t value)
{
    switch (offset) {
    case C_QUEUE_SIZE:
        virtio_queue_set_num(vq, value);
        return true;
    case C_QUEUE_VECTOR:
        vq->vector = virtio_pci_vector(p, value);
        return true;
    case C_QUEUE_ENABLE:
        /* 4.1.4.3.2: only a reset disables a queue. */
        if (value == 1)
            virtio_queue_set_ready(vq, true);
        return value == 1;
    }
    return offset >= C_QUEUE_DESC && offset < C_SIZE && offset % 4 == 0 &&
           write_queue_address(vq, offset, size, value);
}

static bool write_common(VirtioPci *p, hwaddr offset, unsigned size, uint64_t value)
{
    VirtioDevice *v = p->child;
    VirtQueue *vq = virtio_queue(v, p->queue_sel);
    switch (offset) {
    case C_DEVICE_FEATURE_SEL:
        p->device_feature_sel = value;
        return true;
    case C_DRIVER_FEATURE_SEL:
        p->driver_feature_sel = value;
        return true;
    case C_DRIVER_FEATURE:
        if (p->driver_feature_sel < 2) {
            p->features[p->driver_feature_sel] = value;
            virtio_set_features(v, (uint64_t)p->features[1] << 32 | p->features[0]);
        }
        return true;
    case C_CONFIG_VECTOR:
        v->config_vector = virtio_pci_vector(p, value);
        return true;
    case C_STATUS:
        virtio_set_status(v, value);
        return true;
    case C_QUEUE_SEL:
        p->queue_sel = value;
        return true;
    }
    return vq && write_queue(p, vq, offset, size, value);
}

/* ---- the modern BAR ---- */

static MemResult modern_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    VirtioPci *p = opaque;
    hwaddr part = offset & ~(hwaddr)(VIRTIO_PCI_PART - 1), at = offset - part;
    *value = 0;
    if (part == VIRTIO_PCI_COMMON) {
        uint8_t image[C_SIZE];
        if (at + size > C_SIZE)
            return bad_access(p, "bad read", offset, size);
        common_image(p, image);
        memcpy(value, image + at, size);
    } else if (part == VIRTIO_PCI_ISR) {
        *value = at == 0 ? virtio_pci_read_isr(p) : 0;
    } else if (part == VIRTIO_PCI_DEVICE) {
        *value = virtio_config_read(p->child, at, size);
    }
    return MEM_OK;
}

static MemResult modern_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    VirtioPci *p = opaque;
    hwaddr part = offset & ~(hwaddr)(VIRTIO_PCI_PART - 1), at = offset - part;
    if (part == VIRTIO_PCI_NOTIFY)
        virtio_queue_kick(p->child, at / VIRTIO_PCI_NOTIFY_STEP);
    else if (part == VIRTIO_PCI_DEVICE)
        virtio_config_write(p->child, at, size, value);
    else if (part != VIRTIO_PCI_COMMON || !write_common(p, at, size, value))
        return bad_access(p, "bad write", offset, size);
    return MEM_OK;
}

const MmioOps virtio_pci_modern_ops = { .read = modern_read, .write = modern_write,
                                        .min_size = 1, .max_size = 4 };
