/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI buses: addresses of units, the way of a request to the code for its command, status and
 * sense data, unit attentions (SAM-5, SPC-4).
 *
 * Sense data go with the status (autosense), so that a unit keeps none. Left out: descriptor format
 * sense as a default (D_SENSE), ACA, task attributes beyond SIMPLE, reservations between initiators
 * (an adapter is the only one).
 */
#include <string.h>

#include "hw/scsi/scsi_int.h"
#include "hw/virtio.h"
#include "util/bits.h"
#include "util/error.h"

const SenseCode sense_none = { 0, 0, 0 };
const SenseCode sense_not_ready_removal_prevented = { 2, 0x53, 2 };
const SenseCode sense_no_medium = { 2, 0x3a, 0 };
const SenseCode sense_target_failure = { 4, 0x44, 0 };
const SenseCode sense_invalid_opcode = { 5, 0x20, 0 };
const SenseCode sense_lba_range = { 5, 0x21, 0 };
const SenseCode sense_invalid_field = { 5, 0x24, 0 };
const SenseCode sense_invalid_param = { 5, 0x26, 0 };
const SenseCode sense_invalid_param_len = { 5, 0x1a, 0 };
const SenseCode sense_lun_not_supported = { 5, 0x25, 0 };
const SenseCode sense_removal_prevented = { 5, 0x53, 2 };
const SenseCode sense_incompatible_format = { 5, 0x30, 0 };
const SenseCode sense_saving_unsupported = { 5, 0x39, 0 };
const SenseCode sense_write_protected = { 7, 0x27, 0 };
const SenseCode sense_no_space = { 7, 0x27, 7 };
const SenseCode sense_io_error = { 11, 0, 6 };

static const SenseCode attentions[ATTENTION_N] = {
    [ATTENTION_POWER_ON] = { 6, 0x29, 0 }, [ATTENTION_BUS_RESET] = { 6, 0x29, 2 },
    [ATTENTION_UNIT_RESET] = { 6, 0x29, 3 }, [ATTENTION_NO_MEDIUM] = { 6, 0x3a, 0 },
    [ATTENTION_MEDIUM_CHANGED] = { 6, 0x28, 0 }, [ATTENTION_CAPACITY] = { 6, 0x2a, 9 },
    [ATTENTION_MODE] = { 6, 0x2a, 1 }, [ATTENTION_LUNS] = { 6, 0x3f, 0x0e },
};

/* ---- status ---- */

static void finish(ScsiRequest *r, uint8_t status)
{
    r->status = status;
    g_clear_pointer(&r->iov, g_free);
    g_clear_pointer(&r->buffer, g_free);
    r->done(r);
}

void scsi_good(ScsiRequest *r)
{
    finish(r, SCSI_GOOD);
}

/* SPC-4, 4.5.3 */
static void put_sense(uint8_t *s, const SenseCode *c)
{
    memset(s, 0, SCSI_SENSE_MAX);
    s[0] = 0x70;
    s[2] = c->key;
    s[7] = SCSI_SENSE_MAX - 8;
    s[12] = c->asc;
    s[13] = c->ascq;
}

void scsi_check(ScsiRequest *r, const SenseCode *c)
{
    put_sense(r->sense, c);
    r->sense_len = SCSI_SENSE_MAX;
    r->transferred = 0;
    finish(r, SCSI_CHECK_CONDITION);
}

void scsi_reply(ScsiRequest *r, const void *data, size_t len)
{
    r->transferred = iov_from_buf(r->in, r->n_in, 0, data, MIN(len, r->wanted));
    scsi_good(r);
}

size_t scsi_parameters(const ScsiRequest *r, uint8_t *data, size_t room)
{
    return iov_to_buf(r->out, r->n_out, 0, data, MIN(room, r->wanted));
}

/* ---- unit attentions ---- */

/* What waits first, and no more after this; NULL: nothing. */
static const SenseCode *take_attention(ScsiDevice *d)
{
    for (unsigned i = 0; i < ATTENTION_N; i++) {
        if (d->attention & BIT(i)) {
            /* A reset of any kind says it all (SAM-5, 5.14.4). */
            d->attention &= i <= ATTENTION_UNIT_RESET ? ~MASK(ATTENTION_UNIT_RESET + 1) : ~BIT(i);
            return &attentions[i];
        }
    }
    return NULL;
}

void scsi_attend(ScsiDevice *d, ScsiAttention a)
{
    d->attention |= BIT(a);
    if (d->bus && d->bus->ops->changed)
        d->bus->ops->changed(d->bus->opaque, d, attentions[a].asc, attentions[a].ascq);
}

/* ---- commands of any unit and of a target ---- */

/* SPC-4, 6.39. A target that has no such LUN says so only here. */
static void request_sense(ScsiRequest *r)
{
    ScsiDevice *d = r->dev;
    const SenseCode *c = r->lun != d->lun ? &sense_lun_not_supported : take_attention(d);
    uint8_t s[SCSI_SENSE_MAX];
    if (!c)
        c = &sense_none;
    if (r->cdb[1] & 1) { /* descriptor format */
        uint8_t desc[8] = { 0x72, c->key, c->asc, c->ascq };
        scsi_reply(r, desc, sizeof desc);
        return;
    }
    put_sense(s, c);
    scsi_reply(r, s, sizeof s);
}

static bool same_target(const ScsiDevice *a, const ScsiDevice *b)
{
    return a->channel == b->channel && a->id == b->id;
}

static void put_lun(GByteArray *out, uint32_t lun)
{
    uint8_t b[8] = { 0 };
    if (lun < 256) /* SAM-5, 4.6.4: peripheral device, or flat space */
        b[1] = lun;
    else
        store_be16(b, 0x4000 | lun);
    g_byte_array_append(out, b, sizeof b);
}

/* SPC-4, 6.33: LUN 0 is always among them, as where initiators ask. */
static void report_luns(ScsiRequest *r)
{
    ScsiDevice *d = r->dev;
    const GPtrArray *units = d->bus->bus->children;
    if (r->wanted < 16 || r->cdb[2] > 2) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    GByteArray *out = g_byte_array_new();
    uint8_t head[8] = { 0 };
    g_byte_array_append(out, head, sizeof head);
    if (r->cdb[2] != 1) { /* 1: well-known units, of which there are none */
        put_lun(out, 0);
        for (guint i = 0; i < units->len; i++) {
            ScsiDevice *u = g_ptr_array_index(units, i);
            if (same_target(u, d) && u->lun)
                put_lun(out, u->lun);
        }
    }
    store_be32(out->data, out->len - 8);
    d->attention &= ~BIT(ATTENTION_LUNS);
    scsi_reply(r, out->data, out->len);
    g_byte_array_unref(out);
}

static const ScsiCommand common_commands[] = {
    { 0x03, 0, UNIT_DISK | UNIT_CD, F_EARLY | F_ANY_LUN, LEN_BYTE, 4, request_sense },
    { 0xa0, 0, UNIT_DISK | UNIT_CD, F_EARLY | F_ANY_LUN, LEN_BE32, 6, report_luns },
    { 0 },
};

/* ---- the way of a request ---- */

static const ScsiCommand *find_command(const ScsiDevice *d, const uint8_t *cdb)
{
    static const ScsiCommand *const tables[] = {
        scsi_rw_commands, scsi_primary_commands, common_commands, scsi_mode_commands,
        scsi_mmc_commands,
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (const ScsiCommand *c = tables[i]; c->run; c++)
            if (c->opcode == cdb[0] && c->units & d->kind &&
                (!c->action || c->action == (cdb[1] & 0x1f)))
                return c;
    return NULL;
}

/* Address and number of blocks, by the group of the opcode (SPC-4, 4.3). */
static void parse_blocks(ScsiRequest *r)
{
    const uint8_t *c = r->cdb;
    switch (c[0] >> 5) {
    case 0:
        r->lba = load_be32(c) & 0x1fffff;
        r->blocks = c[4] ? c[4] : 256;
        break;
    case 1:
    case 2:
        r->lba = load_be32(c + 2);
        r->blocks = load_be16(c + 7);
        break;
    case 4:
        r->lba = load_be64(c + 2);
        r->blocks = load_be32(c + 10);
        break;
    case 5:
        r->lba = load_be32(c + 2);
        r->blocks = load_be32(c + 6);
        break;
    }
}

static uint64_t data_length(ScsiRequest *r)
{
    const ScsiCommand *c = r->command;
    uint64_t size = r->dev->logical_size;
    switch (c->length) {
    case LEN_NONE:
        return 0;
    case LEN_FIXED8:
        return 8;
    case LEN_BYTE:
        return r->cdb[c->at];
    case LEN_BE16:
        return load_be16(r->cdb + c->at);
    case LEN_BE32:
        return load_be32(r->cdb + c->at);
    case LEN_BLOCKS:
        return r->blocks * size;
    case LEN_ONE_BLOCK: /* SBC-3, 5.51: none with NDOB */
        return r->cdb[0] == 0x93 && r->cdb[1] & 1 ? 0 : size;
    case LEN_VERIFY: /* SBC-3, 5.36: BYTCHK */
        return r->cdb[1] & 6 ? r->blocks * size : 0;
    }
    return 0;
}

static void execute(ScsiRequest *r)
{
    ScsiDevice *d = r->dev;
    const ScsiCommand *c = r->command;
    const SenseCode *attention;
    bool there = r->lun == d->lun;
    if (!there && (!c || !(c->flags & F_ANY_LUN)))
        scsi_check(r, &sense_lun_not_supported);
    else if (there && !(c && c->flags & F_EARLY) && (attention = take_attention(d)))
        scsi_check(r, attention);
    else if (!c)
        scsi_check(r, &sense_invalid_opcode);
    else if (c->flags & F_MEDIUM && scsi_not_ready(d))
        scsi_check(r, &sense_no_medium);
    else if (c->flags & F_WRITES && block_read_only(d->drive))
        scsi_check(r, &sense_write_protected);
    else
        c->run(r);
}

ScsiSubmit scsi_submit(ScsiBus *b, uint32_t channel, uint32_t target, ScsiRequest *r)
{
    ScsiDevice *any = NULL;
    for (guint i = 0; i < b->bus->children->len; i++) {
        ScsiDevice *d = g_ptr_array_index(b->bus->children, i);
        if (d->channel != channel || d->id != target)
            continue;
        any = d;
        if (d->lun == r->lun)
            break;
    }
    if (!any)
        return SCSI_NO_TARGET;
    r->dev = any;
    r->command = find_command(any, r->cdb);
    parse_blocks(r);
    r->wanted = r->command ? data_length(r) : 0;
    if (r->wanted > (r->command && r->command->flags & F_OUT ? r->out_len : r->in_len))
        return SCSI_OVERRUN;
    execute(r);
    return SCSI_SUBMITTED;
}

bool scsi_completions_left(const ScsiRequest *r)
{
    return block_completions_left(r->dev->drive);
}

/* ---- units ---- */

ScsiDevice *scsi_find(ScsiBus *b, uint32_t channel, uint32_t target, uint32_t lun)
{
    for (guint i = 0; i < b->bus->children->len; i++) {
        ScsiDevice *d = g_ptr_array_index(b->bus->children, i);
        if (d->channel == channel && d->id == target && d->lun == lun)
            return d;
    }
    return NULL;
}

bool scsi_has_target(ScsiBus *b, uint32_t channel, uint32_t target)
{
    for (guint i = 0; i < b->bus->children->len; i++) {
        ScsiDevice *d = g_ptr_array_index(b->bus->children, i);
        if (d->channel == channel && d->id == target)
            return true;
    }
    return false;
}

void scsi_drain(ScsiDevice *d)
{
    block_drain(d->drive);
}

void scsi_reset(ScsiDevice *d, bool whole)
{
    scsi_drain(d);
    d->attention |= BIT(whole ? ATTENTION_BUS_RESET : ATTENTION_UNIT_RESET);
    d->locked = false;
    block_set_write_cache(d->drive, d->initial_wce);
}

void scsi_bus_drain(ScsiBus *b)
{
    for (guint i = 0; i < b->bus->children->len; i++)
        scsi_drain(g_ptr_array_index(b->bus->children, i));
}

void scsi_bus_reset(ScsiBus *b)
{
    for (guint i = 0; i < b->bus->children->len; i++)
        scsi_reset(g_ptr_array_index(b->bus->children, i), true);
}

void scsi_device_address(const ScsiDevice *d, uint32_t *channel, uint32_t *target, uint32_t *lun)
{
    *channel = d->channel;
    *target = d->id;
    *lun = d->lun;
}

/* ---- the bus ---- */

/* An address for whom the user gave none: the next target, or the next LUN of a given one. */
static bool choose_address(ScsiBus *b, ScsiDevice *d, GError **error)
{
    bool any_id = d->id == UINT32_MAX, any_lun = d->lun == UINT32_MAX;
    if (d->channel > b->max_channel)
        return error_set(error, "bad scsi channel id: %u; the bus has channels 0 to %u", d->channel,
                         b->max_channel);
    if (!any_id && d->id > b->max_target)
        return error_set(error, "bad scsi device id: %u; the bus has targets 0 to %u", d->id,
                         b->max_target);
    if (!any_lun && d->lun > b->max_lun)
        return error_set(error, "bad scsi device lun: %u; the bus has LUNs 0 to %u", d->lun,
                         b->max_lun);
    if (any_id)
        d->id = 0;
    if (any_lun)
        d->lun = 0;
    ScsiDevice *there;
    while ((there = scsi_find(b, d->channel, d->id, d->lun))) {
        if (any_id && d->id < b->max_target)
            d->id++;
        else if (!any_id && any_lun && d->lun < b->max_lun)
            d->lun++;
        else if (any_id || any_lun)
            return error_set(error, "no free %s", any_id ? "target" : "lun");
        else
            return error_set(error, "lun already used by '%s'",
                             there->dev.id ? there->dev.id : there->dev.path);
    }
    return true;
}

static bool preplug(Bus *bus, Device *child, GError **error)
{
    return choose_address(bus->opaque, (ScsiDevice *)child, error);
}

static bool plug(Bus *bus, Device *child, GError **error)
{
    ScsiBus *b = bus->opaque;
    ScsiDevice *d = (ScsiDevice *)child;
    d->bus = b;
    if (b->ops->plugged)
        b->ops->plugged(b->opaque, d);
    return true;
}

static void unplug(Bus *bus, Device *child)
{
    ScsiBus *b = bus->opaque;
    ScsiDevice *d = (ScsiDevice *)child;
    scsi_drain(d); /* their answers go through the bus */
    if (b->ops->unplugged)
        b->ops->unplugged(b->opaque, d);
    for (guint i = 0; i < bus->children->len; i++) {
        ScsiDevice *u = g_ptr_array_index(bus->children, i);
        if (u != d && same_target(u, d))
            u->attention |= BIT(ATTENTION_LUNS);
    }
}

static char *boot_node(const Bus *bus, const Device *child)
{
    uint32_t channel, target, lun;
    scsi_device_address((const ScsiDevice *)child, &channel, &target, &lun);
    return g_strdup_printf("channel@%x/disk@%x,%x", channel, target, lun);
}

void scsi_bus_free(ScsiBus *b)
{
    g_free(b);
}

ScsiBus *scsi_bus_new(Device *owner, const char *id, const ScsiBusOps *ops, void *opaque)
{
    ScsiBus *b = g_new0(ScsiBus, 1);
    g_autofree char *name = id ? g_strdup_printf("%s.0", id) : NULL;
    for (unsigned n = 0; !name || (!id && bus_find(name)); n++) {
        g_free(name);
        name = g_strdup_printf("scsi.%u", n);
    }
    b->bus = bus_new("SCSI", name, owner);
    b->bus->preplug = preplug;
    b->bus->plug = plug;
    b->bus->unplug = unplug;
    b->bus->boot_node = boot_node;
    b->bus->opaque = b;
    b->ops = ops;
    b->opaque = opaque;
    return b;
}
