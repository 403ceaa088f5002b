/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio entropy device (virtio 1.2, 5.4).
 *
 * A request is taken from the queue only when there are bytes for it, so that none is ever in
 * flight. max-bytes per period limits what the guest may draw.
 */
#include <string.h>

#include "backend/object.h"
#include "backend/rng.h"
#include "hw/virtio.h"
#include "softmmu/run.h"
#include "util/error.h"

typedef struct VirtioRng {
    VirtioDevice virtio;
    char *rng_id;
    uint64_t max_bytes;
    uint32_t period_ms;
    RngBackend *rng;
    bool own_rng;
    bool waiting;       /* for the backend */
    bool serving;       /* an answer that comes now is to serve()'s own request */
    uint64_t quota;     /* bytes left in this period */
    Timer *period;      /* runs while something was drawn from the quota */
} VirtioRng;

static void serve(VirtioRng *r);

static void rng_done(void *opaque, const void *buf, size_t len)
{
    VirtioRng *r = opaque;
    VirtQueue *vq = &r->virtio.queues[0];
    r->waiting = false;
    r->quota -= MIN(len, r->quota);
    while (len) {
        VirtElement *e = virtqueue_pop(vq, sizeof *e);
        if (!e)
            break;
        size_t n = iov_from_buf(e->in, e->n_in, 0, buf, len);
        virtqueue_push(vq, e, n);
        g_free(e);
        buf = (const char *)buf + n;
        len -= n;
    }
    virtqueue_notify(vq);
    if (!r->serving)
        serve(r);
}

/* Bytes that the next request has room for; 0 where there is none. */
static size_t next_room(VirtQueue *vq)
{
    VirtElement *e = virtqueue_pop(vq, sizeof *e);
    if (!e)
        return 0;
    size_t room = MAX(MIN(e->in_len, 4096), 1);
    virtqueue_unpop(vq, e);
    g_free(e);
    return room;
}

static void serve(VirtioRng *r)
{
    VirtQueue *vq = &r->virtio.queues[0];
    /* Bounded, for a driver that refills the queue while it is emptied. */
    r->serving = true;
    for (unsigned left = 2 * vq->num; left && !r->waiting && r->quota; left--) {
        size_t room = next_room(vq);
        if (!room)
            break;
        if (r->max_bytes != INT64_MAX && !timer_pending(r->period))
            timer_mod(r->period, clock_ns(CLOCK_VIRTUAL) + r->period_ms * 1000000LL);
        r->waiting = true;
        rng_request(r->rng, MIN(room, r->quota), rng_done, r);
    }
    r->serving = false;
}

static void period_over(void *opaque)
{
    VirtioRng *r = opaque;
    r->quota = r->max_bytes;
    if (r->virtio.status & VIRTIO_STATUS_DRIVER_OK)
        virtio_queue_kick(&r->virtio, 0);
}

static void rng_handle_queue(void *dev, unsigned n)
{
    serve(dev);
}

static void rng_reset(void *dev)
{
    VirtioRng *r = dev;
    rng_cancel(r->rng, r);
    r->waiting = false;
    r->quota = r->max_bytes;
    timer_del(r->period);
}

static bool rng_realize(void *dev, GError **error)
{
    VirtioRng *r = dev;
    if (r->max_bytes > INT64_MAX)
        return error_set(error, "virtio-rng: max-bytes must be below 2^63");
    if (!r->period_ms)
        return error_set(error, "virtio-rng: period must be at least 1 (milliseconds)");
    if (!virtio_add_queues(&r->virtio, 1, 8, error))
        return false;
    if (r->rng_id && *r->rng_id) {
        r->rng = object_use(r->rng_id, "rng-", error);
        if (!r->rng) {
            virtio_free_queues(&r->virtio);
            return false;
        }
    } else {
        r->rng = rng_new_builtin();
        r->own_rng = true;
    }
    r->period = timer_new(CLOCK_VIRTUAL, period_over, r);
    r->quota = r->max_bytes;
    return true;
}

static void rng_unrealize(void *dev)
{
    VirtioRng *r = dev;
    rng_cancel(r->rng, r);
    timer_free(r->period);
    if (r->own_rng)
        rng_free(r->rng);
    else
        object_unuse(r->rng_id);
    virtio_free_queues(&r->virtio);
}

/* A snapshot knows nothing of the host's source: ask again. */
static void rng_loaded(void *dev)
{
    VirtioRng *r = dev;
    rng_cancel(r->rng, r);
    r->waiting = false;
    r->quota = MIN(r->quota, r->max_bytes);
    if (!device_load_exact && r->virtio.status & VIRTIO_STATUS_DRIVER_OK &&
        !timer_pending(r->period))
        timer_mod(r->period, clock_ns(CLOCK_VIRTUAL));
}

static const Prop rng_props[] = {
    PROP(VirtioRng, "rng", rng_id, PROP_STRING, NULL, "id of an -object rng-...; none: builtin"),
    PROP(VirtioRng, "max-bytes", max_bytes, PROP_U64, "9223372036854775807",
         "most bytes in a period"),
    PROP(VirtioRng, "period", period_ms, PROP_U32, "65536", "milliseconds of a period"),
    VIRTIO_PROPS(VirtioRng),
    PROP_LAST,
};

static const StateField rng_state[] = {
    VIRTIO_STATE(VirtioRng),
    STATE(VirtioRng, quota),
    STATE_TIMER_PTR(VirtioRng, period),
    { .name = NULL },
};

static const VirtioClass rng_class = {
    .name = "virtio-rng", .device_id = 4, .pci_class = 0x00ff00,
    .handle_queue = rng_handle_queue, .reset = rng_reset,
};

static const DeviceType virtio_rng_type = {
    .name = "virtio-rng-device",
    .doc = "virtio entropy source (virtio 1.2, 5.4)",
    .category = CATEGORY_MISC,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioRng),
    .version = 1,
    .props = rng_props,
    .state = rng_state,
    .realize = rng_realize,
    .unrealize = rng_unrealize,
    .reset = virtio_device_reset,
    .loaded = rng_loaded,
    .class_data = &rng_class,
};
VIRTIO_DEVICE_REGISTER(virtio_rng_type)
