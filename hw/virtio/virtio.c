/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all virtio devices share: status, features, configuration, snapshot state
 * (Virtual I/O Device specification 1.2, chapters 2 to 4). Queues are in virtqueue.c.
 *
 * Left out: VIRTIO_F_ACCESS_PLATFORM, IN_ORDER, ORDER_PLATFORM, SR_IOV, NOTIFICATION_DATA and
 * RING_RESET, which are not offered.
 */
#include <stdarg.h>
#include <string.h>

#include "hw/virtio/virtio_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

static void (*type_listener)(const DeviceType *t);
static GPtrArray *types;

void virtio_type_register(const DeviceType *t)
{
    device_type_register(t);
    if (!types)
        types = g_ptr_array_new();
    g_ptr_array_add(types, (gpointer)t);
    if (type_listener)
        type_listener(t);
}

void virtio_set_type_listener(void (*fn)(const DeviceType *t))
{
    type_listener = fn;
    for (guint i = 0; types && i < types->len; i++)
        fn(g_ptr_array_index(types, i));
}

const VirtioClass *virtio_class(const VirtioDevice *v)
{
    return v->dev.type->class_data;
}

void virtio_error(VirtioDevice *v, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    g_autofree char *msg = g_strdup_vprintf(fmt, args);
    va_end(args);
    if (v->broken)
        return;
    log_guest_error(virtio_class(v)->name, "%s; the device stops until it is reset", msg);
    v->broken = true;
    /* virtio 2.1.2: legacy drivers know no DEVICE_NEEDS_RESET. */
    if (virtio_has(v, VIRTIO_F_VERSION_1)) {
        v->status |= VIRTIO_STATUS_NEEDS_RESET;
        virtio_config_changed(v);
    }
}

/* ---- queues' registers ---- */

bool virtio_add_queues(VirtioDevice *v, unsigned n, unsigned size, GError **error)
{
    if (size < 2 || size > VIRTIO_QUEUE_MAX_SIZE || !is_pow2(size))
        return error_set(error, "device '%s': the size of a queue must be a power of two from 2 "
                         "to %d, not %u", v->dev.type->name, VIRTIO_QUEUE_MAX_SIZE, size);
    if (v->prop_iommu)
        return error_set(error, "device '%s': iommu_platform=on is not supported; this build has "
                         "no IOMMU", v->dev.type->name);
    v->queues = g_renew(VirtQueue, v->queues, v->n_queues + n);
    for (unsigned i = v->n_queues; i < v->n_queues + n; i++)
        v->queues[i] = (VirtQueue){ .index = i, .num_max = size, .num = size,
                                    .vector = VIRTIO_NO_VECTOR };
    v->n_queues += n;
    for (unsigned i = 0; i < v->n_queues; i++)
        v->queues[i].v = v;
    return true;
}

void virtio_free_queues(VirtioDevice *v)
{
    g_clear_pointer(&v->queues, g_free);
    v->n_queues = 0;
}

VirtQueue *virtio_queue(VirtioDevice *v, unsigned n)
{
    return n < v->n_queues ? &v->queues[n] : NULL;
}

void virtio_queue_set_num(VirtQueue *vq, uint32_t num)
{
    bool packed = virtio_has(vq->v, VIRTIO_F_RING_PACKED);
    if (!num || num > vq->num_max || (!packed && !is_pow2(num))) {
        log_guest_error(virtio_class(vq->v)->name, "queue %u can't have %u entries", vq->index,
                        num);
        return;
    }
    if (!vq->ready)
        vq->num = num;
}

static void queue_restart(VirtQueue *vq)
{
    vq->last_avail = vq->used_idx = vq->signalled_used = vq->in_use = 0;
    vq->signalled_valid = vq->pushed = false;
    vq->avail_wrap = vq->used_wrap = true;
}

void virtio_queue_set_legacy(VirtQueue *vq, uint64_t addr, uint64_t align)
{
    if (!addr) {
        vq->ready = false;
        vq->desc = vq->avail = vq->used = 0;
        return;
    }
    /* virtio 2.7.2: flags, index, ring, used_event; then the used ring on the next boundary. */
    vq->desc = addr;
    vq->avail = addr + 16 * (uint64_t)vq->num;
    vq->used = ALIGN_UP(vq->avail + 4 + 2 * (uint64_t)vq->num + 2, align);
    virtio_queue_set_ready(vq, true);
}

void virtio_queue_set_ready(VirtQueue *vq, bool ready)
{
    if (ready && !vq->ready) {
        bool packed = virtio_has(vq->v, VIRTIO_F_RING_PACKED);
        if (vq->desc & 15 || vq->avail & (packed ? 3 : 1) || vq->used & 3) {
            virtio_error(vq->v, "queue %u lies at misaligned addresses", vq->index);
            return;
        }
        queue_restart(vq);
    }
    vq->ready = ready;
}

void virtio_queue_kick(VirtioDevice *v, uint32_t n)
{
    if (n >= v->n_queues) {
        log_guest_error(virtio_class(v)->name, "kick of queue %u, which it does not have", n);
        return;
    }
    /*
     * virtio 3.1.1: a driver must not kick before DRIVER_OK. Legacy drivers did (virtio 3.1.2),
     * and devices served them.
     */
    if (v->broken || v->notifying || v->no_dma || !v->queues[n].ready ||
        (virtio_has(v, VIRTIO_F_VERSION_1) && !(v->status & VIRTIO_STATUS_DRIVER_OK)))
        return;
    virtio_class(v)->handle_queue(v, n);
}

void virtio_set_dma(VirtioDevice *v, bool on)
{
    v->no_dma = !on;
}

/* ---- status and features ---- */

void virtio_attach(VirtioDevice *v, Device *transport, const VirtioTransport *ops, bool modern)
{
    const VirtioClass *c = virtio_class(v);
    v->transport = transport;
    v->ops = ops;
    v->modern = modern;
    v->config_vector = VIRTIO_NO_VECTOR;
    v->dev.dma = transport->dma;
    uint64_t f = c->features ? c->features(v) : 0;
    f |= v->prop_indirect ? BIT(VIRTIO_F_INDIRECT_DESC) : 0;
    f |= v->prop_event_idx ? BIT(VIRTIO_F_EVENT_IDX) : 0;
    f |= v->prop_notify_on_empty ? BIT(VIRTIO_F_NOTIFY_ON_EMPTY) : 0;
    f |= v->prop_any_layout ? BIT(VIRTIO_F_ANY_LAYOUT) : 0;
    if (modern) {
        f |= BIT(VIRTIO_F_VERSION_1);
        f |= v->prop_packed ? BIT(VIRTIO_F_RING_PACKED) : 0;
    }
    v->host_features = f;
}

void virtio_set_features(VirtioDevice *v, uint64_t features)
{
    if (v->status & VIRTIO_STATUS_FEATURES_OK) {
        log_guest_error(virtio_class(v)->name, "features changed after FEATURES_OK; ignored");
        return;
    }
    uint64_t unknown = features & ~v->host_features;
    if (unknown)
        log_guest_error(virtio_class(v)->name, "driver takes features 0x%" G_GINT64_MODIFIER
                        "x, which are not on offer", unknown);
    v->guest_features = features & v->host_features;
}

void virtio_device_reset(void *dev)
{
    VirtioDevice *v = dev;
    const VirtioClass *c = virtio_class(v);
    if (c->reset)
        c->reset(v);
    v->status = 0;
    v->isr = 0;
    v->broken = false;
    v->guest_features = 0;
    v->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < v->n_queues; i++) {
        VirtQueue *vq = &v->queues[i];
        vq->desc = vq->avail = vq->used = 0;
        vq->ready = false;
        vq->num = vq->num_max;
        vq->vector = VIRTIO_NO_VECTOR;
        queue_restart(vq);
    }
    if (v->ops && v->ops->reset)
        v->ops->reset(v->transport);
}

void virtio_set_status(VirtioDevice *v, uint8_t status)
{
    const VirtioClass *c = virtio_class(v);
    if (v->notifying)
        return;
    if (!status) {
        virtio_device_reset(v);
        if (c->set_status)
            c->set_status(v, 0);
        return;
    }
    uint8_t old = v->status;
    /* A modern driver must take VERSION_1 (virtio 6.1), or FEATURES_OK stays clear (3.1.1). */
    if (status & ~old & VIRTIO_STATUS_FEATURES_OK && v->modern &&
        v->host_features >> VIRTIO_F_VERSION_1 & 1 && !virtio_has(v, VIRTIO_F_VERSION_1)) {
        log_guest_error(c->name, "driver did not take VIRTIO_F_VERSION_1");
        status &= ~VIRTIO_STATUS_FEATURES_OK;
    }
    v->status = status | (old & VIRTIO_STATUS_NEEDS_RESET);
    if (c->set_status)
        c->set_status(v, v->status);
    if (status & ~old & VIRTIO_STATUS_DRIVER_OK)
        for (unsigned i = 0; i < v->n_queues; i++)
            virtio_queue_kick(v, i);
}

/* ---- configuration ---- */

void virtio_config_changed(VirtioDevice *v)
{
    if (!v->transport)
        return;
    v->generation++;
    if (!(v->status & VIRTIO_STATUS_DRIVER_OK) || v->notifying)
        return;
    v->notifying = true;
    v->ops->notify_config(v->transport);
    v->notifying = false;
}

uint64_t virtio_config_read(VirtioDevice *v, uint64_t offset, unsigned size)
{
    const VirtioClass *c = virtio_class(v);
    uint8_t config[VIRTIO_CONFIG_MAX + 8] = { 0 };
    uint64_t value = 0;
    if (offset >= c->config_size)
        return 0;
    c->get_config(v, config);
    memcpy(&value, config + offset, size);
    return value;
}

void virtio_config_write(VirtioDevice *v, uint64_t offset, unsigned size, uint64_t value)
{
    const VirtioClass *c = virtio_class(v);
    uint8_t config[VIRTIO_CONFIG_MAX] = { 0 };
    if (!c->set_config || offset >= c->config_size || size > c->config_size - offset) {
        log_guest_error(c->name, "write of %u bytes to its configuration at 0x%" G_GINT64_MODIFIER
                        "x ignored", size, offset);
        return;
    }
    c->get_config(v, config);
    memcpy(config + offset, &value, size);
    c->set_config(v, config, offset, size);
}

/* ---- snapshots ---- */

enum { QUEUE_RECORD = 2 + 2 + 1 + 24 + 6 + 1 + 2 };

static void save_queues(const void *obj, GByteArray *out)
{
    const VirtioDevice *v = obj;
    for (unsigned i = 0; i < v->n_queues; i++) {
        const VirtQueue *vq = &v->queues[i];
        uint8_t b[QUEUE_RECORD];
        store_le16(b, vq->num);
        store_le16(b + 2, vq->vector);
        b[4] = vq->ready | vq->signalled_valid << 1 | vq->avail_wrap << 2 | vq->used_wrap << 3 |
               vq->pushed << 4;
        store_le64(b + 5, vq->desc);
        store_le64(b + 13, vq->avail);
        store_le64(b + 21, vq->used);
        store_le16(b + 29, vq->last_avail);
        store_le16(b + 31, vq->used_idx);
        store_le16(b + 33, vq->signalled_used);
        b[35] = 0;
        store_le16(b + 36, vq->in_use);
        g_byte_array_append(out, b, sizeof b);
    }
}

static bool load_queues(void *obj, const uint8_t *data, size_t len, GError **error)
{
    VirtioDevice *v = obj;
    if (len != (size_t)v->n_queues * QUEUE_RECORD)
        return error_set(error, "the snapshot has another number of queues than the %u here",
                         v->n_queues);
    for (unsigned i = 0; i < v->n_queues; i++) {
        uint16_t num = load_le16(data + i * QUEUE_RECORD);
        if (!num || num > v->queues[i].num_max)
            return error_set(error, "the snapshot has queues of another size");
    }
    for (unsigned i = 0; i < v->n_queues; i++, data += QUEUE_RECORD) {
        VirtQueue *vq = &v->queues[i];
        vq->num = load_le16(data);
        vq->vector = load_le16(data + 2);
        vq->ready = data[4] & 1;
        vq->signalled_valid = data[4] & 2;
        vq->avail_wrap = data[4] & 4;
        vq->used_wrap = data[4] & 8;
        vq->pushed = data[4] & 16;
        vq->desc = load_le64(data + 5);
        vq->avail = load_le64(data + 13);
        vq->used = load_le64(data + 21);
        vq->last_avail = load_le16(data + 29);
        vq->used_idx = load_le16(data + 31);
        vq->signalled_used = load_le16(data + 33);
        vq->in_use = load_le16(data + 36);
    }
    return true;
}

const StateField virtio_state[] = {
    STATE(VirtioDevice, status),
    STATE(VirtioDevice, isr),
    STATE(VirtioDevice, broken),
    STATE(VirtioDevice, guest_features),
    STATE(VirtioDevice, config_vector),
    STATE(VirtioDevice, generation),
    { .name = "queues", .type = STATE_CUSTOM, .count = 1, .save = save_queues,
      .load = load_queues },
    { .name = NULL },
};
