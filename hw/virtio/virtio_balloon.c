/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio traditional memory balloon device (virtio 1.2, 5.5).
 *
 * Pages that the driver puts into the balloon, or reports as free, go back to the host and read as
 * zeros until they are written. What the host asks for (num_pages) and what the driver says it gave
 * (actual) stay over a reset, as in QEMU. Left out: free page hints (5.5.6.5), which serve a
 * migration, and F_MUST_TELL_HOST: pages may be used before they are told.
 *
 * Statistics: the driver's buffer stays in its queue, read but not taken, until the next poll gives
 * it back; so none is ever in flight.
 */
#include "hw/balloon.h"

#include <stdlib.h>
#include <string.h>

#include "hw/attr.h"
#include "hw/board.h"
#include "hw/virtio.h"
#include "softmmu/discard.h"
#include "softmmu/guest_event.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { Q_INFLATE, Q_DEFLATE, Q_STATS, Q_REPORTING };
enum { F_STATS_VQ = 1, F_DEFLATE_ON_OOM = 2, F_PAGE_POISON = 4, F_REPORTING = 5 };
enum { NUM_PAGES = 0, ACTUAL = 4, HINT_ID = 8, POISON_VAL = 12, CONFIG_SIZE = 16 };
enum { QUEUE_SIZE = 128, REPORTING_SIZE = 32, PAGE_BITS = 12 };
enum {
    MAX_PFNS = 4096,  /* looked at in one request: Linux sends 256, others 1024 */
    MAX_AT_ONCE = 64, /* requests, before others have their turn */
    STAT_SIZE = 10, MAX_STATS = 64,
};

/* 5.5.6.3, in the order of their tags; named as in QEMU's guest-stats */
static const char *const stat_names[] = {
    "stat-swap-in", "stat-swap-out", "stat-major-faults", "stat-minor-faults", "stat-free-memory",
    "stat-total-memory", "stat-available-memory", "stat-disk-caches", "stat-htlb-pgalloc",
    "stat-htlb-pgfail",
};
enum { N_STATS = ARRAY_LEN(stat_names) };

typedef struct VirtioBalloon {
    VirtioDevice virtio;
    bool deflate_on_oom, page_poison, reporting, hint; /* properties */
    uint32_t interval;      /* seconds between polls of statistics; 0: none */
    uint32_t num_pages, actual, poison;
    uint64_t stats[N_STATS];
    uint64_t updated;       /* seconds since the epoch; 0: no statistics yet */
    Timer *poll;
    Timer *again;           /* goes on with queues that were too long for one turn */
} VirtioBalloon;

static VirtioBalloon *the_balloon;

/* ---- pages ---- */

static void give_back(VirtioBalloon *b, hwaddr addr, uint64_t len)
{
    while (len) {
        MemorySection s = memory_section_lookup(b->virtio.dev.dma, addr);
        uint64_t n = s.last - addr < len ? s.last - addr + 1 : len;
        if (s.region && s.region->kind == MEMORY_RAM && s.host && s.writable)
            ram_discard(s.host + (addr - s.start), n);
        else
            log_guest_error("virtio-balloon", "page 0x%" G_GINT64_MODIFIER "x is not RAM",
                            addr >> PAGE_BITS);
        addr += n;
        len -= n;
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void inflate(VirtioBalloon *b, const VirtElement *e)
{
    uint32_t pfn[MAX_PFNS];
    unsigned n = iov_to_buf(e->out, e->n_out, 0, pfn, sizeof pfn) / sizeof *pfn;
    for (unsigned i = 0; i < n; i++)
        pfn[i] = GUINT32_FROM_LE(pfn[i]);
    qsort(pfn, n, sizeof *pfn, compare); /* neighbours in one go */
    for (unsigned i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && pfn[k] - pfn[k - 1] <= 1;)
            k++;
        give_back(b, (hwaddr)pfn[i] << PAGE_BITS, ((uint64_t)pfn[k - 1] - pfn[i] + 1) << PAGE_BITS);
    }
}

/* 5.5.6.7. Where free pages are filled with a pattern, they must keep it. */
static void report(VirtioBalloon *b, const VirtElement *e)
{
    if (virtio_has(&b->virtio, F_PAGE_POISON) && b->poison)
        return;
    for (unsigned i = 0; i < e->n_in; i++)
        ram_discard(e->in[i].iov_base, e->in[i].iov_len);
}

static void serve(VirtioBalloon *b, unsigned n)
{
    VirtQueue *vq = &b->virtio.queues[n];
    VirtElement *e = NULL;
    unsigned left = MAX_AT_ONCE;
    for (; left && (e = virtqueue_pop(vq, sizeof *e)); left--) {
        if (n == Q_INFLATE)
            inflate(b, e);
        else if (n == Q_REPORTING)
            report(b, e);
        virtqueue_push(vq, e, 0);
        g_free(e);
    }
    virtqueue_notify(vq);
    if (!left && !timer_pending(b->again))
        timer_mod(b->again, clock_ns(CLOCK_VIRTUAL));
}

static void serve_all(void *opaque)
{
    VirtioBalloon *b = opaque;
    for (unsigned n = 0; n < b->virtio.n_queues; n++)
        if (n != Q_STATS && b->virtio.status & VIRTIO_STATUS_DRIVER_OK)
            serve(b, n);
}

/* ---- statistics ---- */

static void forget_stats(VirtioBalloon *b)
{
    for (unsigned i = 0; i < N_STATS; i++)
        b->stats[i] = UINT64_MAX;
}

static void read_stats(VirtioBalloon *b)
{
    VirtQueue *vq = &b->virtio.queues[Q_STATS];
    VirtElement *e = virtqueue_pop(vq, sizeof *e);
    uint8_t stat[STAT_SIZE];
    if (!e)
        return;
    forget_stats(b);
    for (unsigned i = 0; i < MAX_STATS && iov_to_buf(e->out, e->n_out, (size_t)i * STAT_SIZE, stat,
                                                     STAT_SIZE) == STAT_SIZE; i++)
        if (load_le16(stat) < N_STATS)
            b->stats[load_le16(stat)] = load_le64(stat + 2);
    b->updated = clock_ns(CLOCK_HOST) / 1000000000;
    virtqueue_unpop(vq, e);
    g_free(e);
}

/* Returns the driver's buffer, for which it gives one with news. */
static void poll_stats(void *opaque)
{
    VirtioBalloon *b = opaque;
    VirtQueue *vq = &b->virtio.queues[Q_STATS];
    bool on = b->virtio.status & VIRTIO_STATUS_DRIVER_OK && virtio_has(&b->virtio, F_STATS_VQ);
    VirtElement *e = on ? virtqueue_pop(vq, sizeof *e) : NULL;
    if (e) {
        virtqueue_push(vq, e, 0);
        virtqueue_notify(vq);
        g_free(e);
        read_stats(b); /* usually there is none yet: then the driver kicks */
    }
    timer_mod(b->poll, clock_ns(CLOCK_VIRTUAL) + b->interval * G_GINT64_CONSTANT(1000000000));
}

static Json *get_stats(void *dev)
{
    VirtioBalloon *b = dev;
    Json *o = json_object(), *stats = json_object();
    for (unsigned i = 0; i < N_STATS; i++)
        json_set_uint(stats, stat_names[i], b->stats[i]);
    json_set(o, "stats", stats);
    json_set_uint(o, "last-update", b->updated);
    return o;
}

static Json *get_interval(void *dev)
{
    return json_uint(((VirtioBalloon *)dev)->interval);
}

static bool set_interval(void *dev, const Json *value, GError **error)
{
    VirtioBalloon *b = dev;
    if (json_type(value) != JSON_INT && json_type(value) != JSON_UINT)
        return error_set(error, "Invalid parameter type for 'guest-stats-polling-interval', "
                         "expected: integer");
    g_autoptr(Json) holder = json_object();
    json_set(holder, "v", json_copy(value));
    int64_t v = json_get_int(holder, "v", INT64_MAX);
    if (v < 0)
        return error_set(error, "timer value must be greater than zero");
    if (v > UINT32_MAX)
        return error_set(error, "timer value is too big");
    b->interval = (uint32_t)v;
    if (v)
        timer_mod(b->poll, clock_ns(CLOCK_VIRTUAL));
    else
        timer_del(b->poll);
    return true;
}

static const DeviceAttr balloon_attrs[] = {
    { "guest-stats", "guest statistics", get_stats, NULL },
    { "guest-stats-polling-interval", "int", get_interval, set_interval },
    { NULL, NULL, NULL, NULL },
};

/* ---- the monitor's side ---- */

static uint64_t ram_bytes(void)
{
    return current_machine ? current_machine->ram_size : 0;
}

bool balloon_present(void)
{
    return the_balloon;
}

void balloon_set_target(uint64_t bytes)
{
    uint64_t ram = ram_bytes();
    the_balloon->num_pages = (ram - MIN(bytes, ram)) >> PAGE_BITS;
    virtio_config_changed(&the_balloon->virtio);
}

static uint64_t actual_bytes(const VirtioBalloon *b)
{
    return ram_bytes() - MIN((uint64_t)b->actual << PAGE_BITS, ram_bytes());
}

uint64_t balloon_actual(void)
{
    return actual_bytes(the_balloon);
}

/* ---- the device ---- */

static uint64_t balloon_features(void *dev)
{
    VirtioBalloon *b = dev;
    return 1 << F_STATS_VQ | (uint64_t)b->deflate_on_oom << F_DEFLATE_ON_OOM |
           (uint64_t)b->page_poison << F_PAGE_POISON | (uint64_t)b->reporting << F_REPORTING;
}

static void balloon_get_config(void *dev, uint8_t *config)
{
    VirtioBalloon *b = dev;
    store_le32(config + NUM_PAGES, b->num_pages);
    store_le32(config + ACTUAL, b->actual);
    store_le32(config + HINT_ID, 0);
    store_le32(config + POISON_VAL, b->poison);
}

static void balloon_set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
    VirtioBalloon *b = dev;
    uint32_t before = b->actual;
    b->actual = load_le32(config + ACTUAL);
    if (b->actual != before) {
        Json *data = json_object();
        json_set_uint(data, "actual", actual_bytes(b));
        guest_event("BALLOON_CHANGE", data);
    }
    b->poison = virtio_has(&b->virtio, F_PAGE_POISON) ? load_le32(config + POISON_VAL) : 0;
}

static void balloon_handle_queue(void *dev, unsigned n)
{
    if (n == Q_STATS)
        read_stats(dev);
    else
        serve(dev, n);
}

static void balloon_reset(void *dev)
{
    VirtioBalloon *b = dev;
    b->poison = 0;
    timer_del(b->again);
}

static bool balloon_realize(void *dev, GError **error)
{
    VirtioBalloon *b = dev;
    if (the_balloon)
        return error_set(error, "Only one balloon device is supported");
    if (b->hint)
        return error_set(error, "virtio-balloon: free-page-hint=on is not supported; what it serves "
                         "is a live migration");
    if (!virtio_add_queues(&b->virtio, 3, QUEUE_SIZE, error) ||
        (b->reporting && !virtio_add_queues(&b->virtio, 1, REPORTING_SIZE, error))) {
        virtio_free_queues(&b->virtio);
        return false;
    }
    b->poll = timer_new(CLOCK_VIRTUAL, poll_stats, b);
    b->again = timer_new(CLOCK_VIRTUAL, serve_all, b);
    forget_stats(b);
    if (b->interval)
        timer_mod(b->poll, clock_ns(CLOCK_VIRTUAL));
    the_balloon = b;
    return true;
}

static void balloon_unrealize(void *dev)
{
    VirtioBalloon *b = dev;
    timer_free(b->poll);
    timer_free(b->again);
    virtio_free_queues(&b->virtio);
    the_balloon = NULL;
}

static const Prop balloon_props[] = {
    PROP(VirtioBalloon, "deflate-on-oom", deflate_on_oom, PROP_BOOL, "off",
         "the guest may take memory back before it runs out of it"),
    PROP(VirtioBalloon, "page-poison", page_poison, PROP_BOOL, "on",
         "the guest may tell what it fills free pages with"),
    PROP(VirtioBalloon, "free-page-reporting", reporting, PROP_BOOL, "off",
         "the guest tells of free pages, which go back to the host"),
    PROP(VirtioBalloon, "free-page-hint", hint, PROP_BOOL, "off", "not supported"),
    PROP(VirtioBalloon, "guest-stats-polling-interval", interval, PROP_U32, "0",
         "seconds between statistics; 0: none"),
    VIRTIO_PROPS(VirtioBalloon),
    PROP_LAST,
};

static const StateField balloon_state[] = {
    VIRTIO_STATE(VirtioBalloon),
    STATE(VirtioBalloon, interval),
    STATE(VirtioBalloon, num_pages),
    STATE(VirtioBalloon, actual),
    STATE(VirtioBalloon, poison),
    STATE_ARRAY(VirtioBalloon, stats),
    STATE(VirtioBalloon, updated),
    STATE_TIMER_PTR(VirtioBalloon, poll),
    STATE_TIMER_PTR(VirtioBalloon, again),
    { .name = NULL },
};

static const VirtioClass balloon_class = {
    .name = "virtio-balloon", .device_id = 5, .pci_class = 0x00ff00, .config_size = CONFIG_SIZE,
    .features = balloon_features, .get_config = balloon_get_config,
    .set_config = balloon_set_config, .handle_queue = balloon_handle_queue, .reset = balloon_reset,
};

static const DeviceType virtio_balloon_type = {
    .name = "virtio-balloon-device",
    .doc = "virtio memory balloon (virtio 1.2, 5.5)",
    .category = CATEGORY_MISC,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioBalloon),
    .version = 1,
    .props = balloon_props,
    .state = balloon_state,
    .realize = balloon_realize,
    .unrealize = balloon_unrealize,
    .reset = virtio_device_reset,
    .class_data = &balloon_class,
};
VIRTIO_DEVICE_REGISTER(virtio_balloon_type)
DEVICE_ATTRS_REGISTER(virtio_balloon_type, balloon_attrs)
