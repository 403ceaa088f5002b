/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio devices and their queues (Virtual I/O Device specification 1.2, "virtio" below).
 *
 * A virtio device is one file over this: its struct begins with a VirtioDevice, its DeviceType
 * plugs into a "virtio-bus" and has a VirtioClass as class_data. Transports (virtio-mmio,
 * virtio-pci) provide such a bus and drive the device through the functions of the second half.
 */
#ifndef HW_VIRTIO_H
#define HW_VIRTIO_H

#include <sys/uio.h>

#include "hw/device.h"

typedef struct VirtioDevice VirtioDevice;
typedef struct VirtQueue VirtQueue;

/* Feature bits of all devices (virtio 6, legacy 6.3 and 2.4.5). */
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24, VIRTIO_F_ANY_LAYOUT = 27, VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29, VIRTIO_F_VERSION_1 = 32, VIRTIO_F_ACCESS_PLATFORM = 33,
    VIRTIO_F_RING_PACKED = 34,
};

/* Device status (virtio 2.1). */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1, VIRTIO_STATUS_DRIVER = 2, VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8, VIRTIO_STATUS_NEEDS_RESET = 64, VIRTIO_STATUS_FAILED = 128,
};

enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };
enum { VIRTIO_QUEUE_MAX_SIZE = 1024, VIRTIO_NO_VECTOR = 0xffff, VIRTIO_CONFIG_MAX = 256 };

typedef struct VirtioClass {
    const char *name;     /* "virtio-blk", for logs */
    uint16_t device_id;   /* virtio 5 */
    uint32_t pci_class;   /* class code of virtio-pci, e.g. 0x010000 */
    bool no_hotplug;      /* it stays as long as the machine, as in QEMU */
    const char *pci_rom;  /* file name of virtio-pci's expansion ROM, or NULL */
    bool modern_only;     /* never had a legacy interface: one PCI form, without it */
    uint32_t config_size; /* bytes of device configuration; at most VIRTIO_CONFIG_MAX */
    /* Offered beside the bits of the ring, which virtio.c adds. */
    uint64_t (*features)(void *dev);
    /* Fills all config_size bytes, little-endian. */
    void (*get_config)(void *dev, uint8_t *config);
    /* The driver wrote [offset, offset + size) of config, which holds the new contents. */
    void (*set_config)(void *dev, const uint8_t *config, uint32_t offset, uint32_t size);
    /* The driver kicked queue n, or may take up again what was waiting (after DRIVER_OK). */
    void (*handle_queue)(void *dev, unsigned n);
    /* The status changed to `status`; v->guest_features are final once DRIVER_OK is set. */
    void (*set_status)(void *dev, uint8_t status);
    /* No request may be in flight afterwards. */
    void (*reset)(void *dev);
} VirtioClass;

/* What a transport does for its device. */
typedef struct VirtioTransport {
    void (*notify_queue)(Device *transport, VirtQueue *vq);
    void (*notify_config)(Device *transport);
    void (*reset)(Device *transport); /* the driver or device reset itself */
} VirtioTransport;

struct VirtQueue {
    VirtioDevice *v;
    unsigned index;
    uint16_t num, num_max;
    uint16_t vector;           /* virtio-pci */
    bool ready;
    uint64_t desc, avail, used; /* guest addresses; modern names: descriptor, driver, device */
    uint16_t last_avail;       /* next entry of the available ring to take */
    uint16_t used_idx;
    uint16_t signalled_used;   /* used_idx when the driver was interrupted last */
    bool signalled_valid;
    bool pushed;               /* since the last virtqueue_notify */
    uint16_t in_use;           /* popped and not pushed yet */
    /* Packed ring */
    bool avail_wrap, used_wrap;
};

struct VirtioDevice {
    Device dev;
    Device *transport;
    const VirtioTransport *ops;
    uint64_t host_features, guest_features;
    uint8_t status, isr;
    bool broken;               /* the driver broke the rules: nothing goes on until a reset */
    /* An interrupt is being sent. Where a guest aims messages at devices' registers, what they
     * write is ignored, or devices would call each other for ever. */
    bool notifying;
    bool no_dma;               /* the transport is no bus master: queues rest (not saved) */
    bool modern;               /* the transport presents the 1.x interface */
    uint16_t config_vector;    /* virtio-pci */
    uint32_t generation;       /* of the configuration */
    VirtQueue *queues;
    unsigned n_queues;
    /* properties */
    bool prop_indirect, prop_event_idx, prop_notify_on_empty, prop_any_layout, prop_packed,
        prop_iommu;
};

/* Rows for the tables of a device whose struct S begins with `VirtioDevice virtio`. */
#define VIRTIO_PROPS(S)                                                                        \
    PROP(S, "indirect_desc", virtio.prop_indirect, PROP_BOOL, "on",                            \
         "offer indirect descriptors"),                                                        \
    PROP(S, "event_idx", virtio.prop_event_idx, PROP_BOOL, "on", "offer event indices"),       \
    PROP(S, "notify_on_empty", virtio.prop_notify_on_empty, PROP_BOOL, "on",                   \
         "offer interrupts when a queue runs empty (legacy)"),                                 \
    PROP(S, "any_layout", virtio.prop_any_layout, PROP_BOOL, "on",                             \
         "offer requests cut into descriptors anyhow"),                                        \
    PROP(S, "iommu_platform", virtio.prop_iommu, PROP_BOOL, "off",                             \
         "DMA goes through the platform's IOMMU; this build has none to offer"),               \
    PROP(S, "packed", virtio.prop_packed, PROP_BOOL, "off", "offer packed rings")
extern const StateField virtio_state[];
#define VIRTIO_STATE(S)                                                                        \
    { .name = "virtio", .type = STATE_STRUCT, .offset = offsetof(S, virtio), .count = 1,       \
      .stride = sizeof(VirtioDevice), .fields = virtio_state }

/*
 * Registers the type, and the virtio-pci forms of it where the program has PCI. The transport
 * needs to be nothing but there: devices know none.
 */
#define VIRTIO_DEVICE_REGISTER(t)                                                              \
    static void __attribute__((constructor)) register_##t(void) { virtio_type_register(&t); }
void virtio_type_register(const DeviceType *t);
/* Set by virtio-pci; told of every type, whichever came first. */
void virtio_set_type_listener(void (*fn)(const DeviceType *t));

/* ---- for devices ---- */

/* In realize, in the order of their numbers. size: a power of two. */
bool virtio_add_queues(VirtioDevice *v, unsigned n, unsigned size, GError **error);
void virtio_free_queues(VirtioDevice *v);   /* in unrealize */
void virtio_device_reset(void *dev);        /* as DeviceType.reset */
/* The configuration changed: interrupt, and a new generation. */
void virtio_config_changed(VirtioDevice *v);
/* The driver did what it must not: logs, and stops the device until it is reset. */
void virtio_error(VirtioDevice *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static inline bool virtio_has(const VirtioDevice *v, unsigned feature)
{
    return v->guest_features >> feature & 1;
}

/* A chain of descriptors, mapped. Requests' structs begin with one. */
typedef struct VirtElement {
    uint16_t head;
    uint16_t n_desc;          /* packed ring: descriptors that the chain takes */
    unsigned n_out, n_in;
    uint64_t out_len, in_len; /* bytes: what the device reads, what it writes */
    struct iovec *out, *in;   /* in must be unchanged when the element is pushed */
} VirtElement;

/*
 * The next request of the driver, as a block of `size` bytes that begins with a VirtElement (the
 * rest is zero), or NULL. To be given back by virtqueue_push, in any order, and then g_free'd.
 * Once NULL was returned the driver will kick for what it adds.
 */
void *virtqueue_pop(VirtQueue *vq, size_t size);
bool virtqueue_empty(VirtQueue *vq);
/* Hands the element back with `written` bytes written to in; does not interrupt. */
void virtqueue_push(VirtQueue *vq, VirtElement *e, uint32_t written);
/* As if the element had never been popped; it must be the last one that was. */
void virtqueue_unpop(VirtQueue *vq, VirtElement *e);
/* Interrupts the driver if something was pushed since the last call, and the driver wants it. */
void virtqueue_notify(VirtQueue *vq);

/* Copies between a vector, from byte offset on, and a buffer; returns the bytes copied. */
size_t iov_to_buf(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned n, size_t offset, const void *buf,
                    size_t len);

/* ---- for transports ---- */

const VirtioClass *virtio_class(const VirtioDevice *v);
/* Called by plug: ties the two together and computes the features on offer. */
void virtio_attach(VirtioDevice *v, Device *transport, const VirtioTransport *ops, bool modern);
void virtio_set_features(VirtioDevice *v, uint64_t features); /* what the driver takes */
void virtio_set_status(VirtioDevice *v, uint8_t status);      /* 0 resets */
uint64_t virtio_config_read(VirtioDevice *v, uint64_t offset, unsigned size);
void virtio_config_write(VirtioDevice *v, uint64_t offset, unsigned size, uint64_t value);
/* NULL: no such queue (guests choose the number freely). */
VirtQueue *virtio_queue(VirtioDevice *v, unsigned n);
void virtio_queue_set_num(VirtQueue *vq, uint32_t num);
/* Legacy: one address for all three parts; 0 disables the queue. */
void virtio_queue_set_legacy(VirtQueue *vq, uint64_t addr, uint64_t align);
void virtio_queue_set_ready(VirtQueue *vq, bool ready);
void virtio_queue_kick(VirtioDevice *v, uint32_t n);
/* Whether the transport lets DMA through. What waited meanwhile is taken up with the next kick. */
void virtio_set_dma(VirtioDevice *v, bool on);

#endif
