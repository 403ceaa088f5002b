/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb-storage: a SCSI unit behind USB Mass Storage Class Bulk-Only Transport 1.0 ("BOT" in comments),
 * with QEMU's descriptors. The unit is a scsi-hd (or scsi-cd for a CD-ROM drive) on a bus of its own.
 *
 * The data of a command go through a buffer here: what the host sends is collected before the unit
 * gets the command, what the unit gives is there before the host gets any. Data that the unit has not
 * got are zeros, and the residue says so (BOT 6.7.2). Left out: units beyond LUN 0.
 */
#include <string.h>

#include "backend/block.h"
#include "hw/scsi.h"
#include "hw/usb.h"
#include "hw/virtio.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { EP_IN = 1, EP_OUT = 2 };
enum { CBW_SIZE = 31, CSW_SIZE = 13, CBW_SIGNATURE = 0x43425355, CSW_SIGNATURE = 0x53425355 };
enum { CBW_IN = 0x80, CDB_MOST = 16 };
/* BOT table 5.3 */
enum { CSW_PASSED = 0, CSW_FAILED = 1, CSW_PHASE_ERROR = 2 };
/* BOT 3.1, 3.2 */
enum { BOT_RESET = 0xff, GET_MAX_LUN = 0xfe, CLASS_OUT = 0x21, CLASS_IN = 0xa1 };
/* Of a command; and of an answer for which the host leaves less room than it asks for. */
enum { DATA_MOST = 64 << 20, SLACK = 64 << 10 };
enum { REQUEST_SENSE = 0x03 };

/* What comes next. BROKEN: after a wrapper that is none, everything stalls until a reset (6.6.1). */
typedef enum Phase { PHASE_COMMAND, PHASE_OUT, PHASE_IN, PHASE_STATUS, PHASE_BROKEN } Phase;

typedef struct UsbStorage {
    UsbDevice usb;
    /* properties that the unit gets, too */
    BlockBackend *drive;
    bool removable, share_rw, commandlog;
    int write_cache, rerror, werror;
    uint64_t logical_size, physical_size, min_io_size, opt_io_size, discard_granularity;
    int32_t bootindex;
    ScsiBus *bus;
    /* the command */
    uint8_t phase, status;
    bool busy;               /* the unit has it */
    uint8_t lun, cdb_length, cdb[CDB_MOST];
    uint32_t tag, length, moved, residue;
    uint8_t *data;           /* length bytes */
    uint8_t sense[SCSI_SENSE_MAX];
    uint8_t sense_length;    /* of the last command, until it is asked for */
    ScsiRequest request;
    struct iovec iov;
    uint32_t loaded_length;
} UsbStorage;

/* ---- the unit's side ---- */

static void command_over(UsbStorage *s, unsigned status, uint32_t moved)
{
    s->status = status;
    s->residue = s->length - MIN(moved, s->length);
    s->busy = false;
    usb_wakeup(&s->usb, USB_ENDPOINT_IN | EP_IN);
}

static void request_done(ScsiRequest *r)
{
    UsbStorage *s = (UsbStorage *)((char *)r - offsetof(UsbStorage, request));
    s->sense_length = r->sense_len;
    memcpy(s->sense, r->sense, sizeof s->sense);
    bool too_long = r->transferred > s->length; /* BOT 6.7, cases 3, 7 and 13 */
    command_over(s, too_long              ? CSW_PHASE_ERROR
                    : r->status == SCSI_GOOD ? CSW_PASSED
                                             : CSW_FAILED, r->transferred);
}

static ScsiSubmit submit(UsbStorage *s, bool in, uint32_t room)
{
    ScsiRequest *r = &s->request;
    *r = (ScsiRequest){ .lun = s->lun, .done = request_done };
    memcpy(r->cdb, s->cdb, s->cdb_length);
    s->iov = (struct iovec){ s->data, room };
    if (in && room) {
        r->in = &s->iov;
        r->n_in = 1;
        r->in_len = room;
    } else if (room) {
        r->out = &s->iov;
        r->n_out = 1;
        r->out_len = room;
    }
    return scsi_submit(s->bus, 0, 0, r);
}

/* The unit forgets sense data with the status that they came with (autosense): they are kept here. */
static bool answer_sense(UsbStorage *s)
{
    if (s->cdb[0] != REQUEST_SENSE || !s->sense_length || s->cdb[1] & 1)
        return false;
    uint32_t n = MIN(MIN(s->sense_length, s->cdb[4]), s->length);
    memcpy(s->data, s->sense, n);
    s->sense_length = 0;
    command_over(s, CSW_PASSED, n);
    return true;
}

static void start(UsbStorage *s, bool in)
{
    s->busy = true;
    if (in && answer_sense(s))
        return;
    s->sense_length = 0;
    ScsiSubmit how = submit(s, in, s->length);
    if (how == SCSI_OVERRUN && in && s->length < SLACK) {
        /* The CDB has room for a longer answer than there is. */
        s->data = g_realloc(s->data, SLACK);
        memset(s->data + s->length, 0, SLACK - s->length);
        how = submit(s, in, SLACK);
    }
    if (how == SCSI_NO_TARGET)
        command_over(s, CSW_FAILED, 0);
    else if (how == SCSI_OVERRUN)
        command_over(s, CSW_PHASE_ERROR, 0);
}

/* ---- the host's side ---- */

static void forget_command(UsbStorage *s)
{
    g_clear_pointer(&s->data, g_free);
    s->phase = PHASE_COMMAND;
    s->busy = false;
    s->length = s->moved = s->residue = s->tag = 0;
    s->status = s->lun = s->cdb_length = 0;
    memset(s->cdb, 0, sizeof s->cdb);
}

/* BOT 5.1, 6.2 */
static int take_command(UsbStorage *s, const struct iovec *iov, unsigned n_iov, size_t len)
{
    uint8_t b[CBW_SIZE] = { 0 };
    iov_to_buf(iov, n_iov, 0, b, MIN(len, sizeof b));
    uint32_t length = load_le32(b + 8);
    if (len != CBW_SIZE || load_le32(b) != CBW_SIGNATURE || !b[14] || b[14] > CDB_MOST ||
        length > DATA_MOST) {
        log_guest_error(s->usb.dev.path, "no valid command block wrapper");
        s->phase = PHASE_BROKEN;
        return USB_STALL;
    }
    bool in = b[12] & CBW_IN;
    forget_command(s);
    s->tag = load_le32(b + 4);
    s->length = length;
    s->lun = b[13] & 15;
    s->cdb_length = b[14];
    memcpy(s->cdb, b + 15, s->cdb_length);
    s->data = g_malloc0(MAX(length, 1));
    s->phase = !length ? PHASE_STATUS : in ? PHASE_IN : PHASE_OUT;
    if (s->phase != PHASE_OUT)
        start(s, in || !length);
    return CBW_SIZE;
}

static int storage_out(UsbDevice *d, unsigned n, const struct iovec *iov, unsigned n_iov, size_t len)
{
    UsbStorage *s = (UsbStorage *)d;
    switch (s->phase) {
    case PHASE_COMMAND:
        return take_command(s, iov, n_iov, len);
    case PHASE_OUT:
        if (len > s->length - s->moved)
            return USB_STALL;
        iov_to_buf(iov, n_iov, 0, s->data + s->moved, len);
        s->moved += len;
        if (s->moved == s->length) {
            s->phase = PHASE_STATUS;
            start(s, false);
        }
        return len;
    case PHASE_BROKEN:
        return USB_STALL;
    default:
        return USB_NAK;
    }
}

/* BOT 5.2 */
static int give_status(UsbStorage *s, const struct iovec *iov, unsigned n_iov, size_t len)
{
    uint8_t b[CSW_SIZE] = { 0 };
    if (len < sizeof b)
        return USB_BABBLE;
    store_le32(b, CSW_SIGNATURE);
    store_le32(b + 4, s->tag);
    store_le32(b + 8, s->residue);
    b[12] = s->status;
    iov_from_buf(iov, n_iov, 0, b, sizeof b);
    forget_command(s);
    usb_wakeup(&s->usb, EP_OUT);
    return sizeof b;
}

static int storage_in(UsbDevice *d, unsigned n, const struct iovec *iov, unsigned n_iov, size_t len)
{
    UsbStorage *s = (UsbStorage *)d;
    if (s->phase == PHASE_BROKEN)
        return USB_STALL;
    if (s->busy || (s->phase != PHASE_IN && s->phase != PHASE_STATUS))
        return USB_NAK;
    if (s->phase == PHASE_STATUS)
        return give_status(s, iov, n_iov, len);
    uint32_t part = MIN(len, s->length - s->moved);
    iov_from_buf(iov, n_iov, 0, s->data + s->moved, part);
    s->moved += part;
    if (s->moved == s->length)
        s->phase = PHASE_STATUS;
    return part;
}

/* What the unit is at comes to its end first. */
static void storage_bus_reset(UsbDevice *d)
{
    UsbStorage *s = (UsbStorage *)d;
    scsi_bus_drain(s->bus);
    forget_command(s);
    s->sense_length = 0;
    memset(s->sense, 0, sizeof s->sense);
}

static int storage_control(UsbDevice *d, const UsbSetup *r, uint8_t *data)
{
    UsbStorage *s = (UsbStorage *)d;
    switch (r->type << 8 | r->request) {
    case CLASS_OUT << 8 | BOT_RESET: /* endpoints that are halted stay so */
        storage_bus_reset(d);
        scsi_bus_reset(s->bus);
        return 0;
    case CLASS_IN << 8 | GET_MAX_LUN:
        data[0] = 0;
        return 1;
    default:
        return USB_STALL;
    }
}

/* ---- life ---- */

/* What the user said of the device goes for its unit. */
static bool make_unit(UsbStorage *s, GError **error)
{
    static const char *const shared[] = {
        "removable", "share-rw", "write-cache", "rerror", "werror", "logical_block_size",
        "physical_block_size", "min_io_size", "opt_io_size", "discard_granularity", "serial",
    };
    bool cdrom = block_is_cdrom(s->drive);
    const DeviceType *t = device_type_find(cdrom ? "scsi-cd" : "scsi-hd");
    g_autofree char *path = g_strdup_printf("%s/%s", s->usb.dev.path, t->name);
    Device *unit = device_new(t, NULL, path);
    unit->keeps_drive = true; /* as in QEMU, where the drive is none of the unit's own */
    for (unsigned i = 0; i < ARRAY_LEN(shared); i++) {
        g_autofree char *value = device_get_prop(&s->usb.dev, shared[i]);
        bool skip = cdrom && !strcmp(shared[i], "removable");
        if (value && *value && !skip && !device_set_prop(unit, shared[i], value, error)) {
            device_unrealize(unit);
            return false;
        }
    }
    /* An index is one device's: it is the unit that is booted from. */
    g_autofree char *index = g_strdup_printf("%d", s->bootindex);
    s->bootindex = -1;
    if (!device_set_prop(unit, "bootindex", index, error)) {
        device_unrealize(unit);
        return false;
    }
    block_release(s->drive); /* a drive serves one device: it is the unit that uses it */
    device_set_ptr(unit, "drive", g_steal_pointer(&s->drive));
    if (!device_realize(unit, s->bus->bus, error)) {
        device_unrealize(unit);
        return false;
    }
    return true;
}

static const ScsiBusOps scsi_ops = { 0 };
static const UsbDescription storage_desc;

static void storage_unrealize(void *dev)
{
    UsbStorage *s = dev;
    while (s->bus->bus->children->len)
        device_unrealize(g_ptr_array_index(s->bus->bus->children, 0));
    g_free(s->data);
    scsi_bus_free(s->bus);
}

static bool storage_realize(void *dev, GError **error)
{
    UsbStorage *s = dev;
    if (!s->drive)
        return error_set(error, "drive property not set; give drive=ID and -drive "
                         "if=none,id=ID,file=...");
    s->usb.desc = &storage_desc;
    s->bus = scsi_bus_new(&s->usb.dev, s->usb.dev.id, &scsi_ops, s);
    if (make_unit(s, error))
        return true;
    storage_unrealize(s);
    return false;
}

static void storage_reset(void *dev)
{
    usb_device_reset(dev);
}

/* ---- state ---- */

static void save_data(const void *obj, GByteArray *out)
{
    const UsbStorage *s = obj;
    if (s->data)
        g_byte_array_append(out, s->data, s->length);
}

static bool load_data(void *obj, const uint8_t *data, size_t len, GError **error)
{
    UsbStorage *s = obj;
    if (len > DATA_MOST)
        return error_set(error, "the data of its command are damaged");
    g_free(s->data);
    s->data = len ? g_memdup2(data, len) : NULL;
    s->loaded_length = len;
    return true;
}

/* Disks are drained before a snapshot; only what waits for `cont` after an error is lost. */
static void storage_loaded(void *dev)
{
    UsbStorage *s = dev;
    bool ok = s->loaded_length == s->length && s->moved <= s->length && s->phase <= PHASE_BROKEN &&
              s->cdb_length <= CDB_MOST && s->lun < 16 &&
              (s->phase == PHASE_OUT || s->phase == PHASE_IN ? s->moved < s->length
                                                             : true);
    if (!ok)
        forget_command(s);
    if (s->busy)
        s->status = CSW_FAILED;
    s->busy = false;
    s->sense_length = MIN(s->sense_length, SCSI_SENSE_MAX);
    s->loaded_length = 0;
}

static const StateField storage_state[] = {
    USB_STATE(UsbStorage, usb),
    STATE(UsbStorage, phase), STATE(UsbStorage, status), STATE(UsbStorage, busy),
    STATE(UsbStorage, lun), STATE(UsbStorage, cdb_length), STATE_ARRAY(UsbStorage, cdb),
    STATE(UsbStorage, tag), STATE(UsbStorage, length), STATE(UsbStorage, moved),
    STATE(UsbStorage, residue), STATE_ARRAY(UsbStorage, sense), STATE(UsbStorage, sense_length),
    { .name = "data", .type = STATE_CUSTOM, .count = 1, .save = save_data, .load = load_data },
    { .type = STATE_END },
};

/* ---- descriptors ---- */

enum { S_MAKER = 1, S_PRODUCT, S_SERIAL, S_FULL, S_HIGH, S_SUPER, S_N };
static const char *const strings[S_N] = {
    [S_MAKER] = "QEMU", [S_PRODUCT] = "QEMU USB HARDDRIVE", [S_SERIAL] = "1",
    [S_FULL] = "Full speed config (usb 1.1)", [S_HIGH] = "High speed config (usb 2.0)",
    [S_SUPER] = "Super speed config (usb 3.0)",
};

#define CONFIG(usb, packet0, s, packet, packets)                                               \
    &(const UsbConfig){                                                                        \
        .version = usb, .max_packet0 = packet0, .string = s, .attributes = 0xc0,               \
        .endpoints = (const UsbEndpoint[]){                                                    \
            { .address = USB_ENDPOINT_IN | EP_IN, .attributes = USB_BULK, .burst = packets,    \
              .max_packet = packet },                                                          \
            { .address = EP_OUT, .attributes = USB_BULK, .burst = packets,                     \
              .max_packet = packet },                                                          \
        },                                                                                     \
        .n_endpoints = 2,                                                                      \
    }
/* BOT 4: mass storage, the SCSI command set, bulk-only transport */
static const UsbDescription storage_desc = {
    .vendor = 0x46f4, .product = 1, .manufacturer_string = S_MAKER, .product_string = S_PRODUCT,
    .serial_string = S_SERIAL, .class = 0x08, .subclass = 0x06, .protocol = 0x50,
    .strings = strings, .n_strings = S_N,
    .at = { [USB_FULL] = CONFIG(0x0200, 8, S_FULL, 64, 0),
            [USB_HIGH] = CONFIG(0x0200, 64, S_HIGH, 512, 0),
            [USB_SUPER] = CONFIG(0x0300, 9, S_SUPER, 1024, 15) },
};

static const char *const error_words[] = { "auto", "report", "ignore", "stop", "enospc", NULL };

static const Prop storage_props[] = {
    USB_PROPS(UsbStorage, usb),
    PROP(UsbStorage, "drive", drive, PROP_DRIVE, NULL, NULL),
    PROP(UsbStorage, "removable", removable, PROP_BOOL, "off", "a medium that can be changed"),
    PROP(UsbStorage, "logical_block_size", logical_size, PROP_SIZE, "0", "bytes of a block"),
    PROP(UsbStorage, "physical_block_size", physical_size, PROP_SIZE, "0",
         "bytes that the disk writes best"),
    PROP(UsbStorage, "min_io_size", min_io_size, PROP_SIZE, "0", "hint for the guest"),
    PROP(UsbStorage, "opt_io_size", opt_io_size, PROP_SIZE, "0", "hint for the guest"),
    PROP(UsbStorage, "discard_granularity", discard_granularity, PROP_SIZE, "4294967295",
         "alignment of UNMAP; 0: none"),
    PROP(UsbStorage, "share-rw", share_rw, PROP_BOOL, "off", "accepted; drives serve one device"),
    PROP(UsbStorage, "commandlog", commandlog, PROP_BOOL, "off", "accepted without effect"),
    PROP(UsbStorage, "write-cache", write_cache, PROP_ON_OFF_AUTO, "auto",
         "write-back cache; auto: as -drive cache= says"),
    { .name = "rerror", .type = PROP_ENUM, .offset = offsetof(UsbStorage, rerror), .def = "auto",
      .names = error_words, .doc = "what a read error does; auto: as the drive says" },
    { .name = "werror", .type = PROP_ENUM, .offset = offsetof(UsbStorage, werror), .def = "auto",
      .names = error_words, .doc = "what a write error does; auto: as the drive says" },
    PROP_BOOT(UsbStorage, bootindex, NULL),
    PROP_LAST,
};

static const UsbClass storage_class = {
    .name = "QEMU USB MSD", .control = storage_control, .in = storage_in, .out = storage_out,
    .bus_reset = storage_bus_reset,
};

static const DeviceType usb_storage_type = {
    .name = "usb-storage", .doc = "USB disk (bulk-only transport)", .category = CATEGORY_STORAGE,
    .user_creatable = true, .hotpluggable = true, .bus_type = "usb-bus",
    .size = sizeof(UsbStorage), .version = 1, .props = storage_props, .state = storage_state,
    .realize = storage_realize, .unrealize = storage_unrealize, .reset = storage_reset,
    .loaded = storage_loaded, .class_data = &storage_class,
};
DEVICE_REGISTER(usb_storage_type)
