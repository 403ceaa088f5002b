/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scsi-hd and scsi-cd: logical units over a drive. What they do is in the tables of commands; here
 * are their properties, life and state.
 */
#include <string.h>

#include "hw/scsi/scsi_int.h"
#include "util/bits.h"
#include "util/error.h"

static const char *const error_words[] = { "auto", "report", "ignore", "stop", "enospc", NULL };
static const char *const read_error_words[] = { "auto", "report", "ignore", "stop", NULL };

enum { UNSET_GRANULARITY = UINT32_MAX, DEFAULT_GRANULARITY = 4096, MOST_BLOCK = 2 << 20 };

/* ---- properties ---- */

static bool check_block_size(const char *name, uint64_t v, GError **error)
{
    return !v || (is_pow2(v) && v >= SECTOR && v <= MOST_BLOCK) ||
           error_set(error, "%s must be a power of two from 512 to 2 MiB, not %" G_GUINT64_FORMAT,
                     name, v);
}

static bool check_disk(ScsiDevice *d, GError **error)
{
    if (!d->drive)
        return error_set(error, "drive property not set; give drive=ID and -drive "
                         "if=none,id=ID,file=...");
    if (!d->removable && !block_inserted(d->drive))
        return error_set(error, "Device needs media, but drive is empty; give -drive file=");
    if (!check_block_size("logical_block_size", d->logical_size, error) ||
        !check_block_size("physical_block_size", d->physical_size, error))
        return false;
    if (!d->logical_size)
        d->logical_size = SECTOR;
    if (!d->physical_size)
        d->physical_size = MAX(SECTOR, d->logical_size);
    if (d->physical_size < d->logical_size)
        return error_set(error, "logical_block_size > physical_block_size not supported");
    if (d->cyls > 65535 || d->heads > 255 || d->secs > 255)
        return error_set(error, "cyls, heads or secs is too big");
    if (d->discard_granularity == UNSET_GRANULARITY)
        d->discard_granularity = MAX(d->logical_size, DEFAULT_GRANULARITY);
    if (d->discard_granularity && (!is_pow2(d->discard_granularity) ||
                                   d->discard_granularity < d->logical_size))
        return error_set(error, "discard_granularity must be 0, or a power of two that is no less "
                         "than logical_block_size");
    return true;
}

static bool check_common(ScsiDevice *d, GError **error)
{
    static const struct {
        const char *name;
        size_t offset, most;
    } texts[] = {
        { "serial", offsetof(ScsiDevice, serial), 36 },
        { "device_id", offsetof(ScsiDevice, device_id), 200 },
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *s = *(char **)((char *)d + texts[i].offset);
        if (s && strlen(s) > texts[i].most)
            return error_set(error, "%s is longer than %zu bytes", texts[i].name, texts[i].most);
    }
    if (d->scsi_version > 7)
        return error_set(error, "scsi_version=%u: INQUIRY has versions 0 to 7", d->scsi_version);
    if (d->max_io_size < SECTOR)
        return error_set(error, "max_io_size is below a block");
    return true;
}

/* ---- life ---- */

static void capacity_changed(void *opaque)
{
    scsi_attend(opaque, ATTENTION_CAPACITY);
}

static void default_text(char **text, const char *def)
{
    if (!*text || !**text) {
        g_free(*text);
        *text = g_strdup(def);
    }
}

static bool attach(ScsiDevice *d, const char *product, GError **error)
{
    if (!check_common(d, error))
        return false;
    default_text(&d->vendor, "QEMU");
    default_text(&d->product, product);
    default_text(&d->version, "2.5+");
    if (!d->serial)
        d->serial = g_strdup(block_serial(d->drive));
    if (d->write_cache != 2)
        block_set_write_cache(d->drive, d->write_cache);
    block_set_error_actions(d->drive, d->rerror ? read_error_words[d->rerror] : NULL,
                            d->werror ? error_words[d->werror] : NULL);
    d->initial_wce = block_write_cache(d->drive);
    block_set_resize_listener(d->drive, capacity_changed, d);
    if (d->removable)
        block_set_tray(d->drive, d->kind == UNIT_CD ? &scsi_cd_tray : &scsi_hd_tray, d);
    return true;
}

static bool hd_realize(void *dev, GError **error)
{
    ScsiDevice *d = dev;
    d->kind = UNIT_DISK;
    return check_disk(d, error) && attach(d, "QEMU HARDDISK", error);
}

/* A drive of our own where none was given: it can get a medium later. Released as any other. */
static bool own_drive(ScsiDevice *d, GError **error)
{
    BlockBackend *b = block_new_empty();
    if (!block_claim(b, d->dev.id ? d->dev.id : d->dev.path, error)) {
        block_free(b);
        return false;
    }
    d->drive = b;
    return true;
}

static bool cd_realize(void *dev, GError **error)
{
    ScsiDevice *d = dev;
    d->kind = UNIT_CD;
    d->removable = true;
    if (!check_block_size("logical_block_size", d->logical_size, error) ||
        !check_block_size("physical_block_size", d->physical_size, error) ||
        (!d->drive && !own_drive(d, error)))
        return false;
    d->logical_size = d->physical_size = CD_BLOCK; /* what media have, whatever was asked for */
    if (d->discard_granularity == UNSET_GRANULARITY)
        d->discard_granularity = 0;
    return attach(d, "QEMU CD-ROM", error);
}

static void unit_unrealize(void *dev)
{
    ScsiDevice *d = dev;
    block_drain(d->drive);
    block_set_resize_listener(d->drive, NULL, NULL);
    block_set_tray(d->drive, NULL, NULL);
}

static void unit_reset(void *dev)
{
    ScsiDevice *d = dev;
    scsi_drain(d);
    d->attention = BIT(ATTENTION_POWER_ON);
    d->tray_open = d->locked = d->media_event = d->eject_request = false;
    block_set_write_cache(d->drive, d->initial_wce);
}

/* ---- state ---- */

static void save_wce(const void *obj, GByteArray *out)
{
    const ScsiDevice *d = obj;
    uint8_t on = block_write_cache(d->drive);
    g_byte_array_append(out, &on, 1);
}

static bool load_wce(void *obj, const uint8_t *data, size_t len, GError **error)
{
    ScsiDevice *d = obj;
    if (len != 1)
        return error_set(error, "the state of the write cache is damaged");
    block_set_write_cache(d->drive, data[0]);
    return true;
}

static void unit_loaded(void *dev)
{
    ScsiDevice *d = dev;
    d->attention &= MASK(ATTENTION_N);
}

static const StateField unit_state[] = {
    STATE(ScsiDevice, attention),
    STATE(ScsiDevice, tray_open),
    STATE(ScsiDevice, locked),
    STATE(ScsiDevice, media_event),
    STATE(ScsiDevice, eject_request),
    { .name = "write_cache", .type = STATE_CUSTOM, .count = 1, .save = save_wce, .load = load_wce },
    { .name = NULL },
};

#define COMMON_PROPS                                                                           \
    PROP(ScsiDevice, "drive", drive, PROP_DRIVE, NULL, NULL),                                  \
    PROP(ScsiDevice, "channel", channel, PROP_U32, "0", "of the address"),                     \
    PROP(ScsiDevice, "scsi-id", id, PROP_U32, "4294967295", "target; default: a free one"),    \
    PROP(ScsiDevice, "lun", lun, PROP_U32, "4294967295", "logical unit; default: a free one"), \
    PROP(ScsiDevice, "serial", serial, PROP_STRING, NULL, "serial number; up to 36 bytes"),    \
    PROP(ScsiDevice, "vendor", vendor, PROP_STRING, NULL, "as INQUIRY tells it; 8 bytes"),     \
    PROP(ScsiDevice, "product", product, PROP_STRING, NULL, "as INQUIRY tells it; 16 bytes"),  \
    PROP(ScsiDevice, "ver", version, PROP_STRING, NULL, "as INQUIRY tells it; 4 bytes"),       \
    PROP(ScsiDevice, "device_id", device_id, PROP_STRING, NULL,                                \
         "identification; default: the serial number, or the drive's name"),                   \
    PROP(ScsiDevice, "wwn", wwn, PROP_U64, "0", "World Wide Name"),                            \
    PROP(ScsiDevice, "port_wwn", port_wwn, PROP_U64, "0", "World Wide Name of the port"),      \
    PROP(ScsiDevice, "port_index", port_index, PROP_U16, "0", "of the port in its target"),    \
    PROP(ScsiDevice, "logical_block_size", logical_size, PROP_SIZE, "0", "bytes of a block"),  \
    PROP(ScsiDevice, "physical_block_size", physical_size, PROP_SIZE, "0",                     \
         "bytes that the disk writes best"),                                                   \
    PROP(ScsiDevice, "min_io_size", min_io_size, PROP_SIZE, "0", "hint for the guest"),        \
    PROP(ScsiDevice, "opt_io_size", opt_io_size, PROP_SIZE, "0", "hint for the guest"),        \
    PROP(ScsiDevice, "discard_granularity", discard_granularity, PROP_SIZE, "4294967295",      \
         "alignment of UNMAP; 0: none"),                                                       \
    PROP(ScsiDevice, "max_io_size", max_io_size, PROP_U64, "2147483647",                       \
         "most bytes of a transfer, as the unit tells it"),                                    \
    PROP(ScsiDevice, "scsi_version", scsi_version, PROP_U32, "5", "as INQUIRY tells it"),      \
    PROP(ScsiDevice, "share-rw", share_rw, PROP_BOOL, "off", "accepted; drives serve one device"), \
    PROP(ScsiDevice, "write-cache", write_cache, PROP_ON_OFF_AUTO, "auto",                     \
         "write-back cache; auto: as -drive cache= says"),                                     \
    { .name = "rerror", .type = PROP_ENUM, .offset = offsetof(ScsiDevice, rerror), .def = "auto", \
      .names = read_error_words, .doc = "what a read error does; auto: as the drive says" },   \
    { .name = "werror", .type = PROP_ENUM, .offset = offsetof(ScsiDevice, werror), .def = "auto", \
      .names = error_words, .doc = "what a write error does; auto: as the drive says" },       \
    PROP_BOOT(ScsiDevice, bootindex, NULL)

static const Prop hd_props[] = {
    COMMON_PROPS,
    PROP(ScsiDevice, "removable", removable, PROP_BOOL, "off", "a medium that can be changed"),
    PROP(ScsiDevice, "dpofua", dpofua, PROP_BOOL, "off", "tell that writes may bypass the cache"),
    PROP(ScsiDevice, "rotation_rate", rotation_rate, PROP_U16, "0",
         "per minute; 0: not told, 1: it does not rotate"),
    PROP(ScsiDevice, "max_unmap_size", max_unmap_size, PROP_U64, "1073741824",
         "most bytes of an UNMAP, as the unit tells it"),
    PROP(ScsiDevice, "cyls", cyls, PROP_U32, "0", "geometry: cylinders; 0: made up"),
    PROP(ScsiDevice, "heads", heads, PROP_U32, "0", "geometry: heads"),
    PROP(ScsiDevice, "secs", secs, PROP_U32, "0", "geometry: sectors"),
    PROP_LAST,
};

static const Prop cd_props[] = { COMMON_PROPS, PROP_LAST };

#define UNIT_TYPE(nm, text, props_, realize_)                                                  \
    {                                                                                          \
        .name = nm, .doc = text, .category = CATEGORY_STORAGE, .user_creatable = true,         \
        .hotpluggable = true, .bus_type = "SCSI", .size = sizeof(ScsiDevice), .version = 1,    \
        .props = props_, .state = unit_state, .realize = realize_,                             \
        .unrealize = unit_unrealize, .reset = unit_reset, .loaded = unit_loaded,               \
    }

static const DeviceType scsi_hd_type = UNIT_TYPE("scsi-hd", "SCSI disk (SBC-3)", hd_props,
                                                 hd_realize);
static const DeviceType scsi_cd_type = UNIT_TYPE("scsi-cd", "SCSI CD-ROM drive (MMC-6)", cd_props,
                                                 cd_realize);
DEVICE_REGISTER(scsi_hd_type)
DEVICE_REGISTER(scsi_cd_type)
