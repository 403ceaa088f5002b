/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-9p: a folder of the host for the guest (virtio device 9; its configuration is the mount
 * tag, as Linux's net/9p/trans_virtio has it). The protocol is p9.c's.
 *
 * Requests are served one after the other on a thread of the device's own, because the host's
 * files may be slow; replies go back on the main thread.
 */
#include <string.h>

#include "hw/9pfs/p9.h"
#include "hw/virtio.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/tsan.h"

enum { TAG_MAX = 32, QUEUE_SIZE = 128, REQUEST_MAX = P9_MSIZE_MAX + 4096 };

typedef struct Virtio9p {
    VirtioDevice virtio;
    char *fsdev_id, *tag;
    FsDev *fs;
    P9Server *server;       /* the thread's while requests are in flight */
    GThreadPool *worker;    /* of one thread */
    GMutex lock;
    GCond idle;
    GQueue done;            /* of Request *; under lock */
    unsigned in_flight;     /* under lock: queued or being served */
    bool scheduled;         /* a call of deliver is on its way; under lock */
    struct Doorbell *bell;
} Virtio9p;

/* What a deferred call finds when the device is gone meanwhile. */
typedef struct Doorbell {
    Virtio9p *device;
} Doorbell;

typedef struct Request {
    VirtElement element;
    uint8_t *message;
    size_t len;
    GByteArray *reply;
    bool bad;
} Request;

static void lock(Virtio9p *s)
{
    g_mutex_lock(&s->lock);
    TSAN_ACQUIRE(&s->lock);
}

static void unlock(Virtio9p *s)
{
    TSAN_RELEASE(&s->lock);
    g_mutex_unlock(&s->lock);
}

/* ---- replies (main lock held) ---- */

static void deliver(Virtio9p *s)
{
    VirtQueue *vq = &s->virtio.queues[0];
    for (;;) {
        lock(s);
        s->scheduled = false;
        Request *r = g_queue_pop_head(&s->done);
        unlock(s);
        if (!r)
            break;
        uint32_t n = 0;
        if (r->bad)
            virtio_error(&s->virtio, "a request that is no message of 9P");
        else
            n = iov_from_buf(r->element.in, r->element.n_in, 0, r->reply->data, r->reply->len);
        virtqueue_push(vq, &r->element, n);
        g_byte_array_unref(r->reply);
        g_free(r->message);
        g_free(r);
    }
    virtqueue_notify(vq);
}

static void bell_rang(void *opaque)
{
    Doorbell *bell = opaque;
    if (bell->device)
        deliver(bell->device);
    else
        g_free(bell);
}

/* ---- requests ---- */

static void serve(gpointer data, gpointer opaque)
{
    Virtio9p *s = opaque;
    Request *r = data;
    TSAN_ACQUIRE(r);
    TSAN_ACQUIRE(s->server); /* the pool may have another thread for each request */
    r->bad = !p9_serve(s->server, r->message, r->len, r->reply, r->element.in_len);
    TSAN_RELEASE(s->server);
    lock(s);
    g_queue_push_tail(&s->done, r);
    if (!--s->in_flight)
        g_cond_broadcast(&s->idle);
    bool ring = !s->scheduled;
    s->scheduled = true;
    if (ring)
        main_defer(bell_rang, s->bell);
    unlock(s);
}

/* Waits for the thread, and hands all replies over. */
static void drain(void *opaque)
{
    Virtio9p *s = opaque;
    lock(s);
    while (s->in_flight) {
        TSAN_RELEASE(&s->lock);
        g_cond_wait(&s->idle, &s->lock);
        TSAN_ACQUIRE(&s->lock);
    }
    unlock(s);
    TSAN_ACQUIRE(s->server);
    deliver(s);
}

static void handle_queue(void *dev, unsigned n)
{
    Virtio9p *s = dev;
    VirtQueue *vq = &s->virtio.queues[0];
    Request *r;
    for (unsigned left = vq->num; left && (r = virtqueue_pop(vq, sizeof *r)); left--) {
        if (r->element.out_len > REQUEST_MAX) {
            virtio_error(&s->virtio, "a request of %zu bytes", (size_t)r->element.out_len);
            virtqueue_push(vq, &r->element, 0);
            g_free(r);
            return;
        }
        r->message = g_malloc(r->element.out_len + 1);
        r->len = iov_to_buf(r->element.out, r->element.n_out, 0, r->message, r->element.out_len);
        r->reply = g_byte_array_new();
        lock(s);
        s->in_flight++;
        unlock(s);
        TSAN_RELEASE(r);
        g_thread_pool_push(s->worker, r, NULL);
    }
}

/* ---- the device ---- */

static uint64_t features(void *dev)
{
    return BIT(0); /* VIRTIO_9P_MOUNT_TAG */
}

static void get_config(void *dev, uint8_t *config)
{
    Virtio9p *s = dev;
    size_t len = strlen(s->tag);
    store_le16(config, len);
    memcpy(config + 2, s->tag, len);
}

static void v9p_reset(void *dev)
{
    Virtio9p *s = dev;
    drain(s);
    p9_reset(s->server);
}

static bool v9p_realize(void *dev, GError **error)
{
    Virtio9p *s = dev;
    if (!s->fsdev_id || !*s->fsdev_id)
        return error_set(error, "virtio-9p: fsdev= is missing; see -fsdev or -virtfs");
    s->fs = fsdev_find(s->fsdev_id);
    if (!s->fs)
        return error_set(error, "there is no fsdev '%s'; add -fsdev local,id=%s,path=...",
                         s->fsdev_id, s->fsdev_id);
    if (!s->tag || !*s->tag || strlen(s->tag) > TAG_MAX)
        return error_set(error, "virtio-9p: mount_tag= must have 1 to %d characters", TAG_MAX);
    if (!virtio_add_queues(&s->virtio, 1, QUEUE_SIZE, error))
        return false;
    g_mutex_init(&s->lock);
    g_cond_init(&s->idle);
    g_queue_init(&s->done);
    s->server = p9_new(s->fs);
    s->bell = g_new0(Doorbell, 1);
    s->bell->device = s;
    s->worker = g_thread_pool_new(serve, s, 1, FALSE, NULL);
    vm_add_drain_handler(drain, s);
    return true;
}

static void v9p_unrealize(void *dev)
{
    Virtio9p *s = dev;
    vm_remove_drain_handler(drain, s);
    g_thread_pool_free(s->worker, FALSE, TRUE);
    drain(s);
    s->bell->device = NULL;
    main_defer(bell_rang, s->bell); /* behind all others: frees it */
    p9_free(s->server);
    g_mutex_clear(&s->lock);
    g_cond_clear(&s->idle);
    virtio_free_queues(&s->virtio);
}

static void save_files(const void *obj, GByteArray *out)
{
    p9_save(((const Virtio9p *)obj)->server, out);
}

static bool load_files(void *obj, const uint8_t *data, size_t len, GError **error)
{
    return p9_load(((Virtio9p *)obj)->server, data, len, error);
}

static void v9p_loaded(void *dev)
{
    Virtio9p *s = dev;
    if (s->virtio.status & VIRTIO_STATUS_DRIVER_OK)
        handle_queue(s, 0);
}

static const Prop v9p_props[] = {
    PROP(Virtio9p, "fsdev", fsdev_id, PROP_STRING, NULL, "id of an -fsdev"),
    PROP(Virtio9p, "mount_tag", tag, PROP_STRING, NULL, "name by which the guest mounts it"),
    VIRTIO_PROPS(Virtio9p),
    PROP_LAST,
};

static const StateField v9p_state[] = {
    VIRTIO_STATE(Virtio9p),
    { .name = "files", .type = STATE_CUSTOM, .count = 1, .save = save_files, .load = load_files },
    { .name = NULL },
};

static const VirtioClass v9p_class = {
    .name = "virtio-9p", .device_id = 9, .pci_class = 0x000200, .config_size = 2 + TAG_MAX,
    .features = features, .get_config = get_config, .handle_queue = handle_queue,
    .reset = v9p_reset,
};

static const DeviceType virtio_9p_type = {
    .name = "virtio-9p-device",
    .doc = "folder of the host (9P2000.L over virtio)",
    .category = CATEGORY_STORAGE,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(Virtio9p),
    .version = 1,
    .props = v9p_props,
    .state = v9p_state,
    .realize = v9p_realize,
    .unrealize = v9p_unrealize,
    .reset = virtio_device_reset,
    .loaded = v9p_loaded,
    .class_data = &v9p_class,
};
VIRTIO_DEVICE_REGISTER(virtio_9p_type)
