/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio block device (virtio 1.2, 5.2).
 *
 * Requests go to the backend with the guest's own buffers, a whole kick at a time. Left out:
 * SCSI pass-through and barriers (legacy), secure erase, zoned disks, lifetime.
 */
#include <string.h>

#include "backend/block.h"
#include "backend/object.h"
#include "hw/virtio.h"
#include "util/bits.h"
#include "util/error.h"

/* Feature bits, 5.2.3 */
enum {
    F_SEG_MAX = 2, F_GEOMETRY = 4, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10,
    F_CONFIG_WCE = 11, F_MQ = 12, F_DISCARD = 13, F_WRITE_ZEROES = 14,
};

/* Device configuration, 5.2.4 */
enum {
    C_CAPACITY = 0, C_SEG_MAX = 12, C_GEOMETRY = 16, C_BLK_SIZE = 20, C_TOPOLOGY = 24,
    C_WRITEBACK = 32, C_NUM_QUEUES = 34, C_MAX_DISCARD_SECTORS = 36, C_MAX_DISCARD_SEG = 40,
    C_DISCARD_ALIGN = 44, C_MAX_WZ_SECTORS = 48, C_MAX_WZ_SEG = 52, C_WZ_MAY_UNMAP = 56,
    C_SIZE = 60,
};

/* Requests, 5.2.6 */
enum {
    T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13,
    T_BARRIER = 1u << 31, /* legacy drivers may set it */
};
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { SECTOR = 512, ID_BYTES = 20, WZ_UNMAP = 1 };

typedef struct VirtioBlk {
    VirtioDevice virtio;
    BlockBackend *drive;
    char *serial;
    uint16_t num_queues, queue_size;
    uint32_t logical_size, physical_size, min_io_size, opt_io_size, discard_granularity;
    uint32_t max_discard_sectors, max_wz_sectors;
    uint32_t cyls, heads, secs;
    int write_cache;   /* on/off/auto */
    int32_t bootindex;
    int rerror, werror;
    char *iothread;
    bool scsi;
    bool config_wce, seg_max_adjust, discard, write_zeroes, share_rw, request_merging;
    bool initial_wce;
} VirtioBlk;

typedef struct BlkRequest {
    VirtElement e;
    VirtioBlk *blk;
    VirtQueue *vq;
    uint8_t *status;        /* the last byte that the device may write */
    struct iovec *data;     /* what is left of e.out or e.in without header and status */
    unsigned n_data;
    uint64_t data_len;
    uint32_t written;       /* bytes of data that a success writes */
    struct iovec *last_in;  /* its length is one short until the request is given back */
} BlkRequest;

/* ---- requests ---- */

static void request_finish(BlkRequest *r, uint8_t status)
{
    *r->status = status;
    r->last_in->iov_len++;
    /* On errors too, whatever the host wrote so far is in memory: note all of it. */
    virtqueue_push(r->vq, &r->e, status == S_OK ? r->written + 1 : r->e.in_len);
    g_free(r);
}

static void request_done(void *opaque, int ret)
{
    BlkRequest *r = opaque;
    VirtioBlk *blk = r->blk;
    request_finish(r, ret ? S_IOERR : S_OK);
    if (!block_completions_left(blk->drive))
        for (unsigned i = 0; i < blk->virtio.n_queues; i++)
            virtqueue_notify(&blk->virtio.queues[i]);
}

/*
 * Takes header and status off (5.2.6: 16 bytes readable at the start, one byte writable at the
 * end; the cuts between descriptors are the driver's business).
 */
static bool take_frame(BlkRequest *r, uint8_t header[16])
{
    VirtElement *e = &r->e;
    if (e->out_len < 16 || !e->in_len) {
        virtio_error(&r->blk->virtio, "a request without header or status");
        return false;
    }
    iov_to_buf(e->out, e->n_out, 0, header, 16);
    for (size_t skip = 16; skip;) {
        size_t n = MIN(skip, e->out->iov_len);
        e->out->iov_base = (char *)e->out->iov_base + n;
        e->out->iov_len -= n;
        skip -= n;
        if (!e->out->iov_len) {
            e->out++;
            e->n_out--;
        }
        if (!e->n_out)
            break;
    }
    r->last_in = &e->in[e->n_in - 1];
    r->last_in->iov_len--;
    r->status = (uint8_t *)r->last_in->iov_base + r->last_in->iov_len;
    return true;
}

static bool range_ok(const VirtioBlk *blk, uint64_t sector, uint64_t bytes)
{
    uint64_t capacity = block_size(blk->drive);
    return bytes % blk->logical_size == 0 && sector % (blk->logical_size / SECTOR) == 0 &&
           sector <= capacity / SECTOR && bytes <= capacity - sector * SECTOR;
}

static void submit_rw(BlkRequest *r, bool write, uint64_t sector)
{
    VirtElement *e = &r->e;
    VirtioBlk *blk = r->blk;
    r->data = write ? e->out : e->in;
    r->n_data = write ? e->n_out : e->n_in;
    r->data_len = write ? e->out_len - 16 : e->in_len - 1;
    r->written = write ? 0 : r->data_len;
    if (!write && !r->last_in->iov_len)
        r->n_data--;
    if (!range_ok(blk, sector, r->data_len) || (write && block_read_only(blk->drive))) {
        request_finish(r, S_IOERR);
        return;
    }
    block_submit(blk->drive, write ? BLOCK_WRITE : BLOCK_READ, sector * SECTOR, r->data,
                 r->n_data, r->data_len, request_done, r);
}

/* 5.2.6.2: the device takes one segment at a time. Returns a status, or -1: submitted. */
static int submit_range(BlkRequest *r, uint32_t type)
{
    VirtioBlk *blk = r->blk;
    uint8_t seg[16];
    if (block_read_only(blk->drive))
        return S_IOERR;
    if (!virtio_has(&blk->virtio, type == T_DISCARD ? F_DISCARD : F_WRITE_ZEROES) ||
        r->e.out_len - 16 != sizeof seg)
        return S_UNSUPP;
    iov_to_buf(r->e.out, r->e.n_out, 0, seg, sizeof seg);
    uint64_t sector = load_le64(seg);
    uint32_t n = load_le32(seg + 8), flags = load_le32(seg + 12);
    uint32_t max = type == T_DISCARD ? blk->max_discard_sectors : blk->max_wz_sectors;
    if (flags & ~(type == T_DISCARD ? 0u : WZ_UNMAP))
        return S_UNSUPP;
    if (n > max || !range_ok(blk, sector, (uint64_t)n * SECTOR))
        return S_IOERR;
    block_submit(blk->drive, type == T_DISCARD ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES,
                 sector * SECTOR, NULL, 0, (uint64_t)n * SECTOR, request_done, r);
    return -1;
}

static int get_id(BlkRequest *r)
{
    char id[ID_BYTES] = { 0 };
    const char *s = r->blk->serial;
    if (s)
        memcpy(id, s, MIN(strlen(s), sizeof id));
    r->written = iov_from_buf(r->e.in, r->e.n_in, 0, id, sizeof id);
    return S_OK;
}

static bool handle_request(VirtioBlk *blk, VirtQueue *vq, BlkRequest *r)
{
    uint8_t header[16];
    int status = -1;
    r->blk = blk;
    r->vq = vq;
    if (!take_frame(r, header)) {
        g_free(r);
        return false;
    }
    uint32_t type = load_le32(header) & ~(uint32_t)T_BARRIER;
    switch (type) {
    case T_IN:
    case T_OUT:
        submit_rw(r, type == T_OUT, load_le64(header + 8));
        return true;
    case T_FLUSH:
        block_submit(blk->drive, BLOCK_FLUSH, 0, NULL, 0, 0, request_done, r);
        return true;
    case T_GET_ID:
        status = get_id(r);
        break;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        status = submit_range(r, type);
        break;
    default:
        status = S_UNSUPP;
    }
    if (status >= 0)
        request_finish(r, status);
    return true;
}

static void blk_handle_queue(void *dev, unsigned n)
{
    VirtioBlk *blk = dev;
    VirtQueue *vq = &blk->virtio.queues[n];
    BlkRequest *r;
    block_batch_begin();
    /* A driver that refills the queue while we empty it gets no more than two rounds. */
    for (unsigned left = 2 * vq->num; left && (r = virtqueue_pop(vq, sizeof *r)); left--)
        if (!handle_request(blk, vq, r))
            break;
    block_batch_end();
    virtqueue_notify(vq);
}

/* ---- configuration ---- */

static uint64_t blk_features(void *dev)
{
    const VirtioBlk *blk = dev;
    uint64_t f = BIT(F_SEG_MAX) | BIT(F_GEOMETRY) | BIT(F_BLK_SIZE) | BIT(F_FLUSH) |
                 BIT(F_TOPOLOGY);
    f |= block_read_only(blk->drive) ? BIT(F_RO) : 0;
    f |= blk->config_wce ? BIT(F_CONFIG_WCE) : 0;
    f |= blk->num_queues > 1 ? BIT(F_MQ) : 0;
    f |= blk->discard ? BIT(F_DISCARD) : 0;
    f |= blk->write_zeroes ? BIT(F_WRITE_ZEROES) : 0;
    return f;
}

static void put_geometry(const VirtioBlk *blk, uint8_t *config)
{
    /* What a PC firmware would make up: 16 heads of 63 sectors (ATA's translation). */
    uint64_t sectors = block_size(blk->drive) / SECTOR;
    uint32_t heads = blk->heads ? blk->heads : 16, secs = blk->secs ? blk->secs : 63;
    uint64_t cyls = blk->cyls ? blk->cyls : MIN(sectors / ((uint64_t)heads * secs), 16383);
    store_le16(config + C_GEOMETRY, MAX(cyls, 2));
    config[C_GEOMETRY + 2] = heads;
    config[C_GEOMETRY + 3] = secs;
}

static void blk_get_config(void *dev, uint8_t *config)
{
    const VirtioBlk *blk = dev;
    uint32_t lbs = blk->logical_size;
    memset(config, 0, C_SIZE);
    store_le64(config + C_CAPACITY, block_size(blk->drive) / SECTOR);
    store_le32(config + C_SEG_MAX, blk->seg_max_adjust ? blk->queue_size - 2 : 126);
    put_geometry(blk, config);
    store_le32(config + C_BLK_SIZE, lbs);
    config[C_TOPOLOGY] = __builtin_ctz(blk->physical_size / lbs);
    store_le16(config + C_TOPOLOGY + 2, blk->min_io_size / lbs);
    store_le32(config + C_TOPOLOGY + 4, blk->opt_io_size / lbs);
    config[C_WRITEBACK] = block_write_cache(blk->drive);
    store_le16(config + C_NUM_QUEUES, blk->num_queues);
    if (blk->discard) {
        uint32_t granularity = blk->discard_granularity == UINT32_MAX ? lbs
                                                                     : blk->discard_granularity;
        store_le32(config + C_MAX_DISCARD_SECTORS, blk->max_discard_sectors);
        store_le32(config + C_MAX_DISCARD_SEG, 1);
        store_le32(config + C_DISCARD_ALIGN, MAX(granularity, lbs) / SECTOR);
    }
    if (blk->write_zeroes) {
        store_le32(config + C_MAX_WZ_SECTORS, blk->max_wz_sectors);
        store_le32(config + C_MAX_WZ_SEG, 1);
        config[C_WZ_MAY_UNMAP] = 1;
    }
}

static void blk_set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
    VirtioBlk *blk = dev;
    if (offset <= C_WRITEBACK && offset + size > C_WRITEBACK && blk->config_wce)
        block_set_write_cache(blk->drive, config[C_WRITEBACK]);
}

/* 5.2.5.2: a driver that can't flush must find a write-through disk. */
static void blk_set_status(void *dev, uint8_t status)
{
    VirtioBlk *blk = dev;
    if (status & VIRTIO_STATUS_DRIVER_OK && !virtio_has(&blk->virtio, F_CONFIG_WCE))
        block_set_write_cache(blk->drive,
                              blk->initial_wce && virtio_has(&blk->virtio, F_FLUSH));
}

static void blk_reset(void *dev)
{
    VirtioBlk *blk = dev;
    block_drain(blk->drive);
    block_set_write_cache(blk->drive, blk->initial_wce);
}

static void blk_resized(void *opaque)
{
    virtio_config_changed(opaque);
}

/* ---- the device ---- */

static const char *const error_words[] = { "auto", "report", "ignore", "stop", "enospc", NULL };
static const char *const read_error_words[] = { "auto", "report", "ignore", "stop", NULL };

static bool check_size(const char *name, uint32_t v, GError **error)
{
    return (is_pow2(v) && v >= SECTOR && v <= 2 << 20) ||
           error_set(error, "virtio-blk: %s must be a power of two from 512 to 2 MiB, not %u",
                     name, v);
}

static bool check_props(VirtioBlk *blk, GError **error)
{
    if (!blk->drive)
        return error_set(error, "virtio-blk needs a disk: give drive=ID and -drive "
                         "if=none,id=ID,file=...");
    if (!block_inserted(blk->drive))
        return error_set(error, "virtio-blk: drive '%s' has no medium; give it file=",
                         block_id(blk->drive));
    if (!blk->num_queues || blk->num_queues > 1024)
        return error_set(error, "virtio-blk: num-queues must be from 1 to 1024, not %u",
                         blk->num_queues);
    if (blk->queue_size < 4)
        return error_set(error, "virtio-blk: queue-size must be at least 4, not %u",
                         blk->queue_size);
    if (!check_size("logical_block_size", blk->logical_size, error) ||
        !check_size("physical_block_size", blk->physical_size, error))
        return false;
    if (blk->physical_size < blk->logical_size)
        return error_set(error, "virtio-blk: physical_block_size is below logical_block_size");
    if (block_size(blk->drive) % blk->logical_size)
        return error_set(error, "virtio-blk: the size of drive '%s' is no multiple of "
                         "logical_block_size=%u", block_id(blk->drive), blk->logical_size);
    if (blk->heads > 255 || blk->secs > 255 || blk->cyls > 65535)
        return error_set(error, "virtio-blk: cyls, heads or secs is too big");
    if (blk->scsi)
        return error_set(error, "virtio-blk: scsi=on is not supported");
    if (blk->iothread && *blk->iothread &&
        g_strcmp0(object_type(blk->iothread), "iothread"))
        return error_set(error, "virtio-blk: there is no iothread '%s'; define it with -object "
                         "iothread,id=%s", blk->iothread, blk->iothread);
    uint32_t most = G_MAXINT32 / SECTOR;
    if (blk->max_discard_sectors > most || blk->max_wz_sectors > most ||
        !blk->max_discard_sectors || !blk->max_wz_sectors)
        return error_set(error, "virtio-blk: max-discard-sectors and max-write-zeroes-sectors "
                         "must be from 1 to %u", most);
    return true;
}

static bool blk_realize(void *dev, GError **error)
{
    VirtioBlk *blk = dev;
    if (!check_props(blk, error) ||
        !virtio_add_queues(&blk->virtio, blk->num_queues, blk->queue_size, error))
        return false;
    if (!blk->serial)
        blk->serial = g_strdup(block_serial(blk->drive));
    if (blk->write_cache != 2)
        block_set_write_cache(blk->drive, blk->write_cache);
    block_set_error_actions(blk->drive, blk->rerror ? error_words[blk->rerror] : NULL,
                            blk->werror ? error_words[blk->werror] : NULL);
    blk->initial_wce = block_write_cache(blk->drive);
    block_set_resize_listener(blk->drive, blk_resized, blk);
    return true;
}

static void blk_unrealize(void *dev)
{
    VirtioBlk *blk = dev;
    block_drain(blk->drive);
    block_set_resize_listener(blk->drive, NULL, NULL);
    virtio_free_queues(&blk->virtio);
}

static void blk_save_wce(const void *obj, GByteArray *out)
{
    const VirtioBlk *blk = obj;
    uint8_t on = block_write_cache(blk->drive);
    g_byte_array_append(out, &on, 1);
}

static bool blk_load_wce(void *obj, const uint8_t *data, size_t len, GError **error)
{
    VirtioBlk *blk = obj;
    if (len != 1)
        return error_set(error, "the state of the write cache is damaged");
    block_set_write_cache(blk->drive, data[0]);
    return true;
}

static const Prop blk_props[] = {
    PROP(VirtioBlk, "drive", drive, PROP_DRIVE, NULL, "the disk"),
    PROP(VirtioBlk, "serial", serial, PROP_STRING, NULL, "serial number; up to 20 bytes"),
    PROP(VirtioBlk, "logical_block_size", logical_size, PROP_U32, "512", "bytes of a sector"),
    PROP(VirtioBlk, "physical_block_size", physical_size, PROP_U32, "512",
         "bytes that the disk writes best"),
    PROP(VirtioBlk, "min_io_size", min_io_size, PROP_U32, "0", "hint for the guest, bytes"),
    PROP(VirtioBlk, "opt_io_size", opt_io_size, PROP_U32, "0", "hint for the guest, bytes"),
    PROP(VirtioBlk, "discard_granularity", discard_granularity, PROP_U32, "4294967295",
         "alignment of discards, bytes"),
    PROP(VirtioBlk, "write-cache", write_cache, PROP_ON_OFF_AUTO, "auto",
         "write-back cache; auto: as -drive cache= says"),
    PROP(VirtioBlk, "share-rw", share_rw, PROP_BOOL, "off", "accepted; drives serve one device"),
    PROP(VirtioBlk, "cyls", cyls, PROP_U32, "0", "geometry: cylinders; 0: made up"),
    PROP(VirtioBlk, "heads", heads, PROP_U32, "0", "geometry: heads"),
    PROP(VirtioBlk, "secs", secs, PROP_U32, "0", "geometry: sectors"),
    PROP(VirtioBlk, "config-wce", config_wce, PROP_BOOL, "on", "the driver may switch the cache"),
    PROP(VirtioBlk, "request-merging", request_merging, PROP_BOOL, "on",
         "accepted; the block layer decides"),
    PROP(VirtioBlk, "num-queues", num_queues, PROP_U16, "1", "number of request queues"),
    PROP(VirtioBlk, "queue-size", queue_size, PROP_U16, "256", "entries of a queue"),
    PROP(VirtioBlk, "seg-max-adjust", seg_max_adjust, PROP_BOOL, "on",
         "as many segments as the queue has entries"),
    PROP(VirtioBlk, "discard", discard, PROP_BOOL, "on", "offer discard"),
    PROP(VirtioBlk, "write-zeroes", write_zeroes, PROP_BOOL, "on", "offer write zeroes"),
    PROP(VirtioBlk, "max-discard-sectors", max_discard_sectors, PROP_U32, "4194303",
         "most sectors of a discard"),
    PROP(VirtioBlk, "max-write-zeroes-sectors", max_wz_sectors, PROP_U32, "4194303",
         "most sectors of a write zeroes"),
    { .name = "rerror", .type = PROP_ENUM, .offset = offsetof(VirtioBlk, rerror), .def = "auto",
      .names = read_error_words, .doc = "what a read error does; auto: as the drive says" },
    { .name = "werror", .type = PROP_ENUM, .offset = offsetof(VirtioBlk, werror), .def = "auto",
      .names = error_words, .doc = "what a write error does; auto: as the drive says" },
    PROP(VirtioBlk, "scsi", scsi, PROP_BOOL, "off", "only off is supported"),
    PROP(VirtioBlk, "iothread", iothread, PROP_STRING, NULL,
         "accepted; disks have threads of their own"),
    PROP_BOOT(VirtioBlk, bootindex, "disk@0,0"),
    VIRTIO_PROPS(VirtioBlk),
    PROP_LAST,
};

static const StateField blk_state[] = {
    VIRTIO_STATE(VirtioBlk),
    { .name = "write_cache", .type = STATE_CUSTOM, .count = 1, .save = blk_save_wce,
      .load = blk_load_wce },
    { .name = NULL },
};

static const VirtioClass blk_class = {
    .name = "virtio-blk", .device_id = 2, .pci_class = 0x010000, .config_size = C_SIZE,
    .features = blk_features, .get_config = blk_get_config, .set_config = blk_set_config,
    .handle_queue = blk_handle_queue, .set_status = blk_set_status, .reset = blk_reset,
};

static const DeviceType virtio_blk_type = {
    .name = "virtio-blk-device",
    .doc = "virtio disk (virtio 1.2, 5.2)",
    .category = CATEGORY_STORAGE,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioBlk),
    .version = 1,
    .props = blk_props,
    .state = blk_state,
    .realize = blk_realize,
    .unrealize = blk_unrealize,
    .reset = virtio_device_reset,
    .class_data = &blk_class,
};
VIRTIO_DEVICE_REGISTER(virtio_blk_type)
