/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio SCSI host adapter (virtio 1.2, 5.6): queue 0 for control, 1 for events, 2 and up for
 * requests.
 *
 * Requests of the backend can't be taken back: a task management function that aborts waits until
 * they are done, and answers then. Left out: VIRTIO_SCSI_F_INOUT (both ways in one request),
 * protection information, task attributes (all are SIMPLE).
 */
#include <string.h>

#include "backend/block.h"
#include "backend/object.h"
#include "hw/scsi.h"
#include "hw/virtio.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { F_HOTPLUG = 1, F_CHANGE = 2 };

/* Device configuration, 5.6.4 */
enum {
    C_NUM_QUEUES = 0, C_SEG_MAX = 4, C_MAX_SECTORS = 8, C_CMD_PER_LUN = 12, C_EVENT_INFO_SIZE = 16,
    C_SENSE_SIZE = 20, C_CDB_SIZE = 24, C_MAX_CHANNEL = 28, C_MAX_TARGET = 30, C_MAX_LUN = 32,
    C_SIZE = 36,
};
enum { CONTROL = 0, EVENTS = 1, FIRST_REQUESTS = 2, MAX_QUEUES = 1024 };
enum { DEFAULT_SENSE = 96, DEFAULT_CDB = 32, MAX_TARGET = 255, MAX_LUN = 16383 };
enum { EVENT_SIZE = 16 };

/* Requests, 5.6.6.1: what comes before the CDB, and before the sense data. */
enum { REQUEST_HEAD = 19, RESPONSE_HEAD = 12 };
enum { S_OK = 0, S_OVERRUN = 1, S_ABORTED = 2, S_BAD_TARGET = 3, S_RESET = 4, S_FAILURE = 9,
       S_FUNCTION_REJECTED = 11, S_INCORRECT_LUN = 12 };

/* Control requests, 5.6.6.2, and events, 5.6.6.3 */
enum { T_TMF = 0, T_AN_QUERY = 1, T_AN_SUBSCRIBE = 2 };
enum { TMF_ABORT_TASK, TMF_ABORT_TASK_SET, TMF_CLEAR_ACA, TMF_CLEAR_TASK_SET, TMF_I_T_NEXUS_RESET,
       TMF_LOGICAL_UNIT_RESET, TMF_QUERY_TASK, TMF_QUERY_TASK_SET };
enum { E_NONE = 0, E_TRANSPORT_RESET = 1, E_ASYNC_NOTIFY = 2, E_PARAM_CHANGE = 3,
       E_MISSED = 0x80000000 };
enum { RESET_RESCAN = 1, RESET_REMOVED = 2 };

typedef struct VirtioScsi {
    VirtioDevice virtio;
    ScsiBus *bus;
    uint32_t num_queues, queue_size, max_sectors, cmd_per_lun, seg_max;
    bool hotplug, param_change, seg_max_adjust;
    char *iothread;
    uint32_t sense_size, cdb_size;
    bool events_missed;
    bool busy; /* with a queue: who empties it interrupts in the end */
} VirtioScsi;

typedef struct VirtioScsiRequest {
    VirtElement e;
    ScsiRequest r;
    VirtioScsi *scsi;
    VirtQueue *vq;
} VirtioScsiRequest;

/* ---- addresses, 5.6.6.1: byte 0 is 1, byte 1 the target, then a LUN in flat format ---- */

static bool parse_lun(const uint8_t *p, uint32_t *target, uint32_t *lun)
{
    *target = p[1];
    *lun = load_be16(p + 2) & 0x3fff;
    return p[0] == 1;
}

static void put_lun(uint8_t *p, const ScsiDevice *dev)
{
    uint32_t channel, target, lun;
    scsi_device_address(dev, &channel, &target, &lun);
    memset(p, 0, 8);
    p[0] = 1;
    p[1] = target;
    store_be16(p + 2, lun < 256 ? lun : 0x4000 | lun);
}

/* ---- requests ---- */

static void answer(VirtioScsiRequest *q, uint8_t response)
{
    VirtioScsi *s = q->scsi;
    const ScsiRequest *r = &q->r;
    uint8_t head[RESPONSE_HEAD] = { 0 };
    uint64_t data = q->e.in_len - RESPONSE_HEAD - s->sense_size;
    if (response == S_OK) {
        uint64_t asked = r->out_len > 0 ? r->out_len : data;
        uint32_t sense = MIN(r->sense_len, s->sense_size);
        store_le32(head, sense);
        store_le32(head + 4, asked - MIN(r->transferred, asked));
        head[10] = r->status;
        iov_from_buf(q->e.in, q->e.n_in, RESPONSE_HEAD, r->sense, sense);
    }
    head[11] = response;
    iov_from_buf(q->e.in, q->e.n_in, 0, head, sizeof head);
    /* On errors too, whatever the host wrote so far is in memory: note all of it. */
    uint64_t written = q->e.in_len;
    if (response == S_OK && r->status == SCSI_GOOD)
        written += (r->out_len ? 0 : r->transferred) - data;
    virtqueue_push(q->vq, &q->e, MIN(written, UINT32_MAX));
    g_free((void *)q->r.in);
    g_free((void *)q->r.out);
}

static void notify_all(VirtioScsi *s)
{
    for (unsigned i = 0; i < s->virtio.n_queues; i++)
        virtqueue_notify(&s->virtio.queues[i]);
}

static void request_done(ScsiRequest *r)
{
    VirtioScsiRequest *q = (VirtioScsiRequest *)((char *)r - offsetof(VirtioScsiRequest, r));
    VirtioScsi *s = q->scsi;
    bool notify = !s->busy && !scsi_completions_left(r);
    answer(q, S_OK);
    g_free(q);
    if (notify)
        notify_all(s);
}

/* A vector without its first `skip` bytes; NULL where nothing is left. */
static struct iovec *behind(const struct iovec *iov, unsigned n, size_t skip, unsigned *left)
{
    while (n && skip >= iov->iov_len) {
        skip -= iov->iov_len;
        iov++;
        n--;
    }
    *left = n;
    if (!n)
        return NULL;
    struct iovec *v = g_new(struct iovec, n);
    memcpy(v, iov, n * sizeof *v);
    v->iov_base = (char *)v->iov_base + skip;
    v->iov_len -= skip;
    return v;
}

static bool handle_request(VirtioScsi *s, VirtQueue *vq, VirtioScsiRequest *q)
{
    uint8_t head[REQUEST_HEAD];
    uint64_t out = REQUEST_HEAD + s->cdb_size, in = RESPONSE_HEAD + s->sense_size;
    uint32_t target;
    ScsiRequest *r = &q->r;
    if (q->e.out_len < out || q->e.in_len < in) {
        virtio_error(&s->virtio, "a request without room for its header or response");
        g_free(q);
        return false;
    }
    q->scsi = s;
    q->vq = vq;
    iov_to_buf(q->e.out, q->e.n_out, 0, head, sizeof head);
    iov_to_buf(q->e.out, q->e.n_out, sizeof head, r->cdb, MIN(s->cdb_size, sizeof r->cdb));
    r->out_len = q->e.out_len - out;
    r->in_len = q->e.in_len - in;
    r->done = request_done;
    if (r->out_len && r->in_len) { /* INOUT was not offered */
        answer(q, S_FAILURE);
        g_free(q);
        return true;
    }
    r->out = behind(q->e.out, q->e.n_out, out, &r->n_out);
    r->in = behind(q->e.in, q->e.n_in, in, &r->n_in);
    ScsiSubmit how = SCSI_NO_TARGET;
    if (parse_lun(head, &target, &r->lun))
        how = scsi_submit(s->bus, 0, target, r);
    if (how == SCSI_SUBMITTED)
        return true; /* q may be gone */
    answer(q, how == SCSI_OVERRUN ? S_OVERRUN : S_BAD_TARGET);
    g_free(q);
    return true;
}

static void handle_requests(VirtioScsi *s, VirtQueue *vq)
{
    VirtioScsiRequest *q;
    s->busy = true;
    block_batch_begin();
    /* A driver that refills the queue while we empty it gets no more than two rounds. */
    for (unsigned left = 2 * vq->num; left && (q = virtqueue_pop(vq, sizeof *q)); left--)
        if (!handle_request(s, vq, q))
            break;
    block_batch_end();
    s->busy = false;
    notify_all(s);
}

/* ---- control ---- */

static uint8_t reset_target(VirtioScsi *s, uint32_t target)
{
    ScsiDevice *dev;
    const GPtrArray *units = s->bus->bus->children;
    for (guint i = 0; i < units->len; i++) {
        uint32_t channel, id, lun;
        dev = g_ptr_array_index(units, i);
        scsi_device_address(dev, &channel, &id, &lun);
        if (id == target)
            scsi_reset(dev, false);
    }
    return S_OK;
}

/* 5.6.6.2.1: "function complete" is 0; to queries it says that there is no such task. */
static uint8_t task_management(VirtioScsi *s, const uint8_t *p)
{
    uint32_t target, lun, function = load_le32(p + 4);
    if (!parse_lun(p + 8, &target, &lun) || !scsi_has_target(s->bus, 0, target))
        return S_BAD_TARGET;
    if (function == TMF_I_T_NEXUS_RESET)
        return reset_target(s, target);
    ScsiDevice *dev = scsi_find(s->bus, 0, target, lun);
    if (!dev)
        return S_INCORRECT_LUN;
    switch (function) {
    case TMF_LOGICAL_UNIT_RESET:
        scsi_reset(dev, false);
        return S_OK;
    case TMF_ABORT_TASK:
    case TMF_ABORT_TASK_SET:
    case TMF_CLEAR_TASK_SET:
    case TMF_QUERY_TASK: /* after the drain there is none */
    case TMF_QUERY_TASK_SET:
        scsi_drain(dev);
        return S_OK;
    default:
        return S_FUNCTION_REJECTED;
    }
}

/* 5.6.6.2: of asynchronous notifications there are none to subscribe to. */
static uint32_t control_request(VirtioScsi *s, const VirtElement *e, uint8_t *reply)
{
    uint8_t p[24] = { 0 };
    size_t n = iov_to_buf(e->out, e->n_out, 0, p, sizeof p);
    uint32_t target, lun;
    if (n < 4)
        return 0;
    switch (load_le32(p)) {
    case T_TMF:
        if (n < 24)
            return 0;
        reply[0] = task_management(s, p);
        return 1;
    case T_AN_QUERY:
    case T_AN_SUBSCRIBE:
        if (n < 16)
            return 0;
        store_le32(reply, 0);
        reply[4] = !parse_lun(p + 4, &target, &lun) || !scsi_has_target(s->bus, 0, target)
                       ? S_BAD_TARGET
                   : scsi_find(s->bus, 0, target, lun) ? S_OK
                                                       : S_INCORRECT_LUN;
        return 5;
    default:
        reply[0] = S_FUNCTION_REJECTED;
        return 1;
    }
}

static void handle_control(VirtioScsi *s, VirtQueue *vq)
{
    VirtElement *e;
    for (unsigned left = 2 * vq->num; left && (e = virtqueue_pop(vq, sizeof *e)); left--) {
        uint8_t reply[5];
        uint32_t n = control_request(s, e, reply);
        if (!n || e->in_len < n) {
            virtio_error(&s->virtio, "a control request that is too short");
            g_free(e);
            return;
        }
        /* What a reset waited for was pushed meanwhile, to queues of its own. */
        iov_from_buf(e->in, e->n_in, 0, reply, n);
        virtqueue_push(vq, e, n);
        g_free(e);
    }
    notify_all(s);
}

/* ---- events ---- */

static void push_event(VirtioScsi *s, const ScsiDevice *dev, uint32_t event, uint32_t reason)
{
    uint8_t b[EVENT_SIZE] = { 0 };
    if (!(s->virtio.status & VIRTIO_STATUS_DRIVER_OK))
        return;
    VirtQueue *vq = &s->virtio.queues[EVENTS];
    VirtElement *e = virtqueue_pop(vq, sizeof *e);
    if (!e) {
        s->events_missed = true;
        return;
    }
    if (e->in_len < sizeof b) {
        virtio_error(&s->virtio, "an event buffer of %u bytes", (unsigned)e->in_len);
        g_free(e);
        return;
    }
    if (s->events_missed)
        event |= E_MISSED;
    s->events_missed = false;
    store_le32(b, event);
    if (dev)
        put_lun(b + 4, dev);
    store_le32(b + 12, reason);
    iov_from_buf(e->in, e->n_in, 0, b, sizeof b);
    virtqueue_push(vq, e, sizeof b);
    g_free(e);
    virtqueue_notify(vq);
}

static void on_plugged(void *opaque, ScsiDevice *dev)
{
    VirtioScsi *s = opaque;
    if (virtio_has(&s->virtio, F_HOTPLUG))
        push_event(s, dev, E_TRANSPORT_RESET, RESET_RESCAN);
}

static void on_unplugged(void *opaque, ScsiDevice *dev)
{
    VirtioScsi *s = opaque;
    if (virtio_has(&s->virtio, F_HOTPLUG))
        push_event(s, dev, E_TRANSPORT_RESET, RESET_REMOVED);
}

static void on_changed(void *opaque, ScsiDevice *dev, uint8_t asc, uint8_t ascq)
{
    VirtioScsi *s = opaque;
    if (virtio_has(&s->virtio, F_CHANGE))
        push_event(s, dev, E_PARAM_CHANGE, asc | (uint32_t)ascq << 8);
}

static const ScsiBusOps bus_ops = { .plugged = on_plugged, .unplugged = on_unplugged,
                                    .changed = on_changed };

/* ---- the device ---- */

static void scsi_handle_queue(void *dev, unsigned n)
{
    VirtioScsi *s = dev;
    if (n == CONTROL)
        handle_control(s, &s->virtio.queues[n]);
    else if (n >= FIRST_REQUESTS)
        handle_requests(s, &s->virtio.queues[n]);
    else if (s->events_missed)
        push_event(s, NULL, E_NONE, 0);
}

static uint64_t scsi_features(void *dev)
{
    const VirtioScsi *s = dev;
    return (s->hotplug ? BIT(F_HOTPLUG) : 0) | (s->param_change ? BIT(F_CHANGE) : 0);
}

static void scsi_get_config(void *dev, uint8_t *config)
{
    const VirtioScsi *s = dev;
    store_le32(config + C_NUM_QUEUES, s->num_queues);
    store_le32(config + C_SEG_MAX, s->seg_max);
    store_le32(config + C_MAX_SECTORS, s->max_sectors);
    store_le32(config + C_CMD_PER_LUN, s->cmd_per_lun);
    store_le32(config + C_EVENT_INFO_SIZE, EVENT_SIZE);
    store_le32(config + C_SENSE_SIZE, s->sense_size);
    store_le32(config + C_CDB_SIZE, s->cdb_size);
    store_le16(config + C_MAX_CHANNEL, 0);
    store_le16(config + C_MAX_TARGET, MAX_TARGET);
    store_le32(config + C_MAX_LUN, MAX_LUN);
}

static bool sizes_ok(uint32_t sense, uint32_t cdb)
{
    return sense <= 65535 && cdb <= 255;
}

/* 5.6.4: the driver says how long CDBs and sense data are. */
static void scsi_set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
    VirtioScsi *s = dev;
    uint32_t sense = load_le32(config + C_SENSE_SIZE), cdb = load_le32(config + C_CDB_SIZE);
    if (!sizes_ok(sense, cdb)) {
        virtio_error(&s->virtio, "sense data of %u bytes, CDBs of %u", sense, cdb);
        return;
    }
    s->sense_size = sense;
    s->cdb_size = cdb;
}

static void scsi_device_reset(void *dev)
{
    VirtioScsi *s = dev;
    scsi_bus_reset(s->bus);
    s->sense_size = DEFAULT_SENSE;
    s->cdb_size = DEFAULT_CDB;
    s->events_missed = false;
}

static bool scsi_realize(void *dev, GError **error)
{
    VirtioScsi *s = dev;
    if (s->num_queues == UINT32_MAX)
        s->num_queues = 1;
    if (!s->num_queues || s->num_queues > MAX_QUEUES - FIRST_REQUESTS)
        return error_set(error, "Invalid number of queues (= %u), must be a positive integer less "
                         "than %u.", s->num_queues, MAX_QUEUES - FIRST_REQUESTS);
    if (s->queue_size < 4)
        return error_set(error, "virtio-scsi: virtqueue_size must be at least 4, not %u",
                         s->queue_size);
    if (s->iothread && *s->iothread && g_strcmp0(object_type(s->iothread), "iothread"))
        return error_set(error, "virtio-scsi: there is no iothread '%s'; define it with -object "
                         "iothread,id=%s", s->iothread, s->iothread);
    if (!virtio_add_queues(&s->virtio, s->num_queues + FIRST_REQUESTS, s->queue_size, error))
        return false;
    s->seg_max = s->seg_max_adjust ? s->queue_size - 2 : 126;
    s->sense_size = DEFAULT_SENSE;
    s->cdb_size = DEFAULT_CDB;
    /* Users write bus=ID.0 with the id that they gave, which may be the PCI transport's. */
    const char *id = s->virtio.dev.id ? s->virtio.dev.id : s->virtio.dev.parent_bus->owner->id;
    s->bus = scsi_bus_new(&s->virtio.dev, id, &bus_ops, s);
    s->bus->max_target = MAX_TARGET;
    s->bus->max_lun = MAX_LUN;
    return true;
}

static void scsi_unrealize(void *dev)
{
    VirtioScsi *s = dev;
    g_clear_pointer(&s->bus, scsi_bus_free);
    virtio_free_queues(&s->virtio);
}

static void scsi_loaded(void *dev)
{
    VirtioScsi *s = dev;
    if (!sizes_ok(s->sense_size, s->cdb_size)) {
        s->sense_size = DEFAULT_SENSE;
        s->cdb_size = DEFAULT_CDB;
    }
}

static const Prop scsi_props[] = {
    PROP(VirtioScsi, "num_queues", num_queues, PROP_U32, "4294967295",
         "number of request queues; default: 1"),
    PROP(VirtioScsi, "virtqueue_size", queue_size, PROP_U32, "256", "entries of a queue"),
    PROP(VirtioScsi, "seg_max_adjust", seg_max_adjust, PROP_BOOL, "on",
         "as many segments as the queue has entries"),
    PROP(VirtioScsi, "max_sectors", max_sectors, PROP_U32, "65535",
         "most sectors of a transfer, as the adapter tells it"),
    PROP(VirtioScsi, "cmd_per_lun", cmd_per_lun, PROP_U32, "128",
         "most requests to a unit at once, as the adapter tells it"),
    PROP(VirtioScsi, "hotplug", hotplug, PROP_BOOL, "on",
         "tell the guest of units that come and go"),
    PROP(VirtioScsi, "param_change", param_change, PROP_BOOL, "on",
         "tell the guest of units that change"),
    PROP(VirtioScsi, "iothread", iothread, PROP_STRING, NULL,
         "accepted; disks have threads of their own"),
    VIRTIO_PROPS(VirtioScsi),
    PROP_LAST,
};

static const StateField scsi_state[] = {
    VIRTIO_STATE(VirtioScsi),
    STATE(VirtioScsi, sense_size),
    STATE(VirtioScsi, cdb_size),
    STATE(VirtioScsi, events_missed),
    { .name = NULL },
};

static const VirtioClass scsi_class = {
    .name = "virtio-scsi", .device_id = 8, .pci_class = 0x010000, .config_size = C_SIZE,
    .features = scsi_features, .get_config = scsi_get_config, .set_config = scsi_set_config,
    .handle_queue = scsi_handle_queue, .reset = scsi_device_reset,
};

static const DeviceType virtio_scsi_type = {
    .name = "virtio-scsi-device",
    .doc = "virtio SCSI host adapter (virtio 1.2, 5.6)",
    .category = CATEGORY_STORAGE,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioScsi),
    .version = 1,
    .props = scsi_props,
    .state = scsi_state,
    .realize = scsi_realize,
    .unrealize = scsi_unrealize,
    .reset = virtio_device_reset,
    .loaded = scsi_loaded,
    .class_data = &scsi_class,
};
VIRTIO_DEVICE_REGISTER(virtio_scsi_type)
