/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-mmio (virtio 1.2, 4.2): the legacy interface (version 1) by default, as QEMU has it, or
 * the modern one (version 2) with force-legacy=off.
 *
 * Left out: shared memory regions (reported as absent).
 */
#include <string.h>

#include "hw/virtio/virtio_int.h"
#include "util/bits.h"
#include "util/log.h"

/* Registers, virtio 4.2.2 and 4.2.4 */
enum {
    R_MAGIC = 0x000, R_VERSION = 0x004, R_DEVICE_ID = 0x008, R_VENDOR_ID = 0x00c,
    R_DEVICE_FEATURES = 0x010, R_DEVICE_FEATURES_SEL = 0x014,
    R_DRIVER_FEATURES = 0x020, R_DRIVER_FEATURES_SEL = 0x024,
    R_GUEST_PAGE_SIZE = 0x028, /* legacy */
    R_QUEUE_SEL = 0x030, R_QUEUE_NUM_MAX = 0x034, R_QUEUE_NUM = 0x038,
    R_QUEUE_ALIGN = 0x03c, R_QUEUE_PFN = 0x040, /* legacy */
    R_QUEUE_READY = 0x044, R_QUEUE_NOTIFY = 0x050,
    R_INTERRUPT_STATUS = 0x060, R_INTERRUPT_ACK = 0x064, R_STATUS = 0x070,
    R_QUEUE_DESC_LOW = 0x080, R_QUEUE_DESC_HIGH = 0x084,
    R_QUEUE_DRIVER_LOW = 0x090, R_QUEUE_DRIVER_HIGH = 0x094,
    R_QUEUE_DEVICE_LOW = 0x0a0, R_QUEUE_DEVICE_HIGH = 0x0a4,
    R_SHM_SEL = 0x0ac, R_SHM_LEN_LOW = 0x0b0, R_SHM_LEN_HIGH = 0x0b4,
    R_SHM_BASE_LOW = 0x0b8, R_SHM_BASE_HIGH = 0x0bc,
    R_CONFIG_GENERATION = 0x0fc, R_CONFIG = 0x100,
};

enum { MAGIC = 0x74726976 /* "virt" */, VENDOR = 0x554d4551 /* what drivers know */ };

typedef struct VirtioMmio {
    Device dev;
    Bus *bus;
    VirtioDevice *child;
    bool force_legacy;
    uint32_t device_features_sel, driver_features_sel, queue_sel;
    uint32_t page_shift;  /* legacy: of QueuePFN */
    uint32_t queue_align; /* legacy */
    uint32_t features[2]; /* modern: as the driver wrote them */
} VirtioMmio;

static void update_irq(VirtioMmio *m)
{
    irq_set(&m->dev.irq[0], m->child && m->child->isr);
}

static void notify_queue(Device *dev, VirtQueue *vq)
{
    VirtioMmio *m = (VirtioMmio *)dev;
    if (m->child->isr & VIRTIO_ISR_QUEUE)
        return; /* the line is high */
    m->child->isr |= VIRTIO_ISR_QUEUE;
    update_irq(m);
}

static void notify_config(Device *dev)
{
    VirtioMmio *m = (VirtioMmio *)dev;
    m->child->isr |= VIRTIO_ISR_CONFIG;
    update_irq(m);
}

/* By the driver: GuestPageSize stays, since Linux sets it before its first reset. */
static void transport_reset(Device *dev)
{
    VirtioMmio *m = (VirtioMmio *)dev;
    m->features[0] = m->features[1] = 0;
    update_irq(m);
}

static const VirtioTransport mmio_transport = {
    .notify_queue = notify_queue, .notify_config = notify_config, .reset = transport_reset,
};

static MemResult bad_access(VirtioMmio *m, const char *what, hwaddr offset, unsigned size)
{
    log_guest_error("virtio-mmio", "%s: %s of %u bytes at 0x%" G_GINT64_MODIFIER "x", m->dev.path,
                    what, size, offset);
    return MEM_OK;
}

/* ---- reading ---- */

/* Does this interface version have the register? */
static bool of_this_version(const VirtioMmio *m, hwaddr offset)
{
    switch (offset) {
    case R_GUEST_PAGE_SIZE:
    case R_QUEUE_ALIGN:
    case R_QUEUE_PFN:
        return m->force_legacy;
    case R_QUEUE_READY:
    case R_QUEUE_DESC_LOW:
    case R_QUEUE_DESC_HIGH:
    case R_QUEUE_DRIVER_LOW:
    case R_QUEUE_DRIVER_HIGH:
    case R_QUEUE_DEVICE_LOW:
    case R_QUEUE_DEVICE_HIGH:
    case R_SHM_SEL:
    case R_SHM_LEN_LOW:
    case R_SHM_LEN_HIGH:
    case R_SHM_BASE_LOW:
    case R_SHM_BASE_HIGH:
    case R_CONFIG_GENERATION:
        return !m->force_legacy;
    }
    return true;
}

static uint32_t read_device_features(VirtioMmio *m)
{
    VirtioDevice *v = m->child;
    if (m->device_features_sel > 1 || (m->force_legacy && m->device_features_sel))
        return 0;
    uint64_t f = v->host_features;
    /* Bits that only legacy drivers know (virtio 6.3). */
    if (!m->force_legacy)
        f &= ~(BIT(VIRTIO_F_NOTIFY_ON_EMPTY) | BIT(VIRTIO_F_ANY_LAYOUT));
    return f >> 32 * m->device_features_sel;
}

static bool read_register(VirtioMmio *m, hwaddr offset, uint32_t *value)
{
    VirtioDevice *v = m->child;
    VirtQueue *vq = virtio_queue(v, m->queue_sel);
    switch (offset) {
    case R_MAGIC: *value = MAGIC; return true;
    case R_VERSION: *value = m->force_legacy ? 1 : 2; return true;
    case R_DEVICE_ID: *value = virtio_class(v)->device_id; return true;
    case R_VENDOR_ID: *value = VENDOR; return true;
    case R_DEVICE_FEATURES: *value = read_device_features(m); return true;
    case R_QUEUE_NUM_MAX: *value = vq ? vq->num_max : 0; return true;
    case R_QUEUE_PFN: *value = vq ? vq->desc >> m->page_shift : 0; return true;
    case R_QUEUE_READY: *value = vq && vq->ready; return true;
    case R_INTERRUPT_STATUS: *value = v->isr; return true;
    case R_STATUS: *value = v->status; return true;
    case R_SHM_LEN_LOW:
    case R_SHM_LEN_HIGH:
    case R_SHM_BASE_LOW:
    case R_SHM_BASE_HIGH: *value = UINT32_MAX; return true; /* no such region (4.2.2) */
    case R_CONFIG_GENERATION: *value = v->generation; return true;
    }
    return false;
}

static MemResult mmio_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    VirtioMmio *m = opaque;
    uint32_t v = 0;
    *value = 0;
    if (!m->child) {
        /* An empty slot: a magic number, and device ID 0, which drivers skip (4.2.2). */
        if (size == 4)
            *value = offset == R_MAGIC ? MAGIC
                     : offset == R_VERSION ? (m->force_legacy ? 1 : 2)
                     : offset == R_VENDOR_ID ? VENDOR : 0;
        return MEM_OK;
    }
    if (offset >= R_CONFIG) {
        *value = virtio_config_read(m->child, offset - R_CONFIG, size);
        return MEM_OK;
    }
    if (size != 4 || !of_this_version(m, offset) || !read_register(m, offset, &v))
        return bad_access(m, "bad read", offset, size);
    *value = v;
    return MEM_OK;
}

/* ---- writing ---- */

static void write_driver_features(VirtioMmio *m, uint32_t value)
{
    if (m->force_legacy) {
        if (m->driver_features_sel)
            bad_access(m, "write of legacy feature word 1 or above", R_DRIVER_FEATURES, 4);
        else
            virtio_set_features(m->child, value);
        return;
    }
    if (m->driver_features_sel > 1)
        return;
    m->features[m->driver_features_sel] = value;
    virtio_set_features(m->child, (uint64_t)m->features[1] << 32 | m->features[0]);
}

static void set_half(uint64_t *addr, bool high, uint32_t value)
{
    *addr = high ? (*addr & MASK(32)) | (uint64_t)value << 32 : (*addr & ~MASK(32)) | value;
}

/* virtio 4.2.2.2: addresses of a queue that is live are not to be touched. */
static bool write_queue_address(VirtQueue *vq, hwaddr offset, uint32_t value)
{
    uint64_t *addr = (offset & ~7) == R_QUEUE_DESC_LOW     ? &vq->desc
                     : (offset & ~7) == R_QUEUE_DRIVER_LOW ? &vq->avail
                                                           : &vq->used;
    if (!vq->ready)
        set_half(addr, offset & 4, value);
    return !vq->ready;
}

static void write_legacy_pfn(VirtioMmio *m, VirtQueue *vq, uint32_t value)
{
    if (value && !m->page_shift) {
        bad_access(m, "QueuePFN before GuestPageSize: write", R_QUEUE_PFN, 4);
        return;
    }
    vq->ready = false;
    virtio_queue_set_legacy(vq, (uint64_t)value << m->page_shift, m->queue_align);
}

static bool write_queue_register(VirtioMmio *m, hwaddr offset, uint32_t value)
{
    VirtQueue *vq = virtio_queue(m->child, m->queue_sel);
    switch (offset) {
    case R_QUEUE_NUM:
        if (vq)
            virtio_queue_set_num(vq, value);
        return vq;
    case R_QUEUE_ALIGN:
        /* A power of two (4.2.4); others would put the used ring where nobody expects it. */
        if (value && is_pow2(value) && value <= 1 << 16)
            m->queue_align = value;
        return value && is_pow2(value);
    case R_QUEUE_PFN:
        if (vq)
            write_legacy_pfn(m, vq, value);
        return vq;
    case R_QUEUE_READY:
        if (vq)
            virtio_queue_set_ready(vq, value & 1);
        return vq;
    case R_QUEUE_DESC_LOW:
    case R_QUEUE_DESC_HIGH:
    case R_QUEUE_DRIVER_LOW:
    case R_QUEUE_DRIVER_HIGH:
    case R_QUEUE_DEVICE_LOW:
    case R_QUEUE_DEVICE_HIGH:
        return vq && write_queue_address(vq, offset, value);
    }
    return false;
}

static bool write_register(VirtioMmio *m, hwaddr offset, uint32_t value)
{
    VirtioDevice *v = m->child;
    switch (offset) {
    case R_QUEUE_NOTIFY:
        virtio_queue_kick(v, value);
        return true;
    case R_INTERRUPT_ACK:
        v->isr &= ~value;
        update_irq(m);
        return true;
    case R_DEVICE_FEATURES_SEL:
        m->device_features_sel = value;
        return true;
    case R_DRIVER_FEATURES_SEL:
        m->driver_features_sel = value;
        return true;
    case R_DRIVER_FEATURES:
        write_driver_features(m, value);
        return true;
    case R_GUEST_PAGE_SIZE:
        m->page_shift = is_pow2(value) ? __builtin_ctz(value) : 0;
        return m->page_shift;
    case R_QUEUE_SEL:
        m->queue_sel = value;
        return true;
    case R_STATUS:
        virtio_set_status(v, value & 0xff);
        return true;
    case R_SHM_SEL:
        return true;
    }
    return write_queue_register(m, offset, value);
}

static MemResult mmio_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    VirtioMmio *m = opaque;
    if (!m->child)
        return MEM_OK;
    if (offset >= R_CONFIG) {
        virtio_config_write(m->child, offset - R_CONFIG, size, value);
        return MEM_OK;
    }
    if (size != 4 || !of_this_version(m, offset) || !write_register(m, offset, value))
        return bad_access(m, "bad write", offset, size);
    return MEM_OK;
}

static const MmioOps mmio_ops = { .read = mmio_read, .write = mmio_write, .min_size = 1,
                                  .max_size = 4 };

/* ---- the device ---- */

static bool plug(Bus *bus, Device *child, GError **error)
{
    VirtioMmio *m = (VirtioMmio *)bus->owner;
    m->child = (VirtioDevice *)child;
    virtio_attach(m->child, &m->dev, &mmio_transport, !m->force_legacy);
    return true;
}

static void unplug(Bus *bus, Device *child)
{
    VirtioMmio *m = (VirtioMmio *)bus->owner;
    m->child = NULL;
    update_irq(m);
}

static bool mmio_realize(void *dev, GError **error)
{
    VirtioMmio *m = dev;
    g_autofree char *name = NULL;
    for (unsigned n = 0; !name || bus_find(name); n++) {
        g_free(name);
        name = g_strdup_printf("virtio-mmio-bus.%u", n);
    }
    m->bus = bus_new("virtio-bus", name, &m->dev);
    m->bus->max_children = 1;
    m->bus->plug = plug;
    m->bus->unplug = unplug;
    memory_region_init_mmio(&m->dev.mmio, "virtio-mmio", 0x200, &mmio_ops, m);
    return true;
}

static void mmio_unrealize(void *dev)
{
    VirtioMmio *m = dev;
    memory_region_deinit(&m->dev.mmio);
}

static void mmio_reset(void *dev)
{
    VirtioMmio *m = dev;
    m->device_features_sel = m->driver_features_sel = m->queue_sel = 0;
    m->page_shift = 0;
    m->queue_align = 4096;
    transport_reset(dev);
}

static void mmio_loaded(void *dev)
{
    VirtioMmio *m = dev;
    /* Both come from a guest's write, and only these values can. */
    m->page_shift &= 31;
    if (!is_pow2(m->queue_align) || m->queue_align > 1 << 16)
        m->queue_align = 4096;
}

static const Prop mmio_props[] = {
    PROP(VirtioMmio, "force-legacy", force_legacy, PROP_BOOL, "on",
         "offer the legacy interface (version 1) only; off: the modern one (version 2)"),
    PROP_LAST,
};

static const StateField mmio_state[] = {
    STATE(VirtioMmio, device_features_sel),
    STATE(VirtioMmio, driver_features_sel),
    STATE(VirtioMmio, queue_sel),
    STATE(VirtioMmio, page_shift),
    STATE(VirtioMmio, queue_align),
    STATE_ARRAY(VirtioMmio, features),
    { .name = NULL },
};

static const DeviceType virtio_mmio_type = {
    .name = "virtio-mmio",
    .doc = "virtio transport over memory-mapped registers (virtio 1.2, 4.2)",
    .category = CATEGORY_BRIDGE,
    .fdt_compatible = "virtio,mmio",
    .size = sizeof(VirtioMmio),
    .irqs = 1,
    .version = 1,
    .props = mmio_props,
    .state = mmio_state,
    .realize = mmio_realize,
    .unrealize = mmio_unrealize,
    .reset = mmio_reset,
    .loaded = mmio_loaded,
};
DEVICE_REGISTER(virtio_mmio_type)
