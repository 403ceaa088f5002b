/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trays and optical media: START STOP UNIT for all units (SBC-3, 5.25), and the commands of CD and
 * DVD drives (MMC-6, chapter 6; the media are images of data, one session with one track).
 *
 * Left out: audio, READ CD, writing, changers, regions and keys of DVDs.
 */
#include <string.h>

#include "hw/scsi/scsi_int.h"
#include "util/bits.h"

/* MMC-6, 5.3.1: a medium is taken for a DVD where it holds more than a CD of 80 minutes. */
enum { CD_MOST_BLOCKS = 80 * 60 * 75, PROFILE_NONE = 0, PROFILE_CD = 8, PROFILE_DVD = 0x10 };
enum { LEAD_IN_FRAMES = 150, FRAMES = 75, LEAD_OUT = 0xaa, DATA_TRACK = 0x14 };

bool scsi_not_ready(const ScsiDevice *d)
{
    return d->removable && (d->tray_open || !block_inserted(d->drive));
}

static unsigned profile(const ScsiDevice *d)
{
    return scsi_not_ready(d)                      ? PROFILE_NONE
           : scsi_capacity(d) > CD_MOST_BLOCKS ? PROFILE_DVD
                                                 : PROFILE_CD;
}

/* ---- the tray ---- */

static bool tray_is_open(void *opaque)
{
    return ((ScsiDevice *)opaque)->tray_open;
}

static bool tray_is_locked(void *opaque)
{
    return ((ScsiDevice *)opaque)->locked;
}

/* Somebody pressed the button: the guest may let it go (MMC-6, 6.6.4). */
static void eject_requested(void *opaque, bool force)
{
    ScsiDevice *d = opaque;
    d->eject_request = true;
    if (force)
        d->locked = false;
}

/* The host's side moved it. */
static void tray_moved(void *opaque, bool load)
{
    ScsiDevice *d = opaque;
    d->tray_open = !load;
    d->media_event = load;
    d->eject_request = false;
    scsi_attend(d, ATTENTION_NO_MEDIUM);
    if (load)
        scsi_attend(d, ATTENTION_MEDIUM_CHANGED);
}

#define TRAY                                                                                   \
    .is_open = tray_is_open, .is_locked = tray_is_locked, .eject_requested = eject_requested,  \
    .moved = tray_moved
const BlockTray scsi_cd_tray = { TRAY, .read_only = true };
const BlockTray scsi_hd_tray = { TRAY };

static void start_stop(ScsiRequest *r)
{
    ScsiDevice *d = r->dev;
    bool start = r->cdb[4] & 1, eject = r->cdb[4] & 2;
    if (r->cdb[4] >> 4 || !eject || !d->removable) { /* power conditions change nothing here */
        scsi_good(r);
        return;
    }
    if (!start && d->locked && !d->tray_open) {
        scsi_check(r, scsi_not_ready(d) ? &sense_not_ready_removal_prevented
                                        : &sense_removal_prevented);
        return;
    }
    if (d->tray_open == start) {
        d->tray_open = !start;
        d->media_event = start && block_inserted(d->drive);
        d->eject_request = false;
        block_tray_moved(d->drive, !start);
    }
    scsi_good(r);
}

/* ---- READ TOC/PMA/ATIP, 6.24 ---- */

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (!msf) {
        store_be32(p, lba);
        return;
    }
    lba += LEAD_IN_FRAMES;
    p[0] = 0;
    p[1] = lba / FRAMES / 60;
    p[2] = lba / FRAMES % 60;
    p[3] = lba % FRAMES;
}

/* 6.24.3.2.1: the track, and the lead-out, from `first` on. 0: no such track. */
static unsigned formatted_toc(uint8_t *p, uint32_t blocks, bool msf, unsigned first)
{
    unsigned n = 4;
    if (first > 1 && first != LEAD_OUT)
        return 0;
    if (first <= 1) {
        p[n + 1] = DATA_TRACK;
        p[n + 2] = 1;
        put_address(p + n + 4, 0, msf);
        n += 8;
    }
    p[n + 1] = 0x16;
    p[n + 2] = LEAD_OUT;
    put_address(p + n + 4, blocks, msf);
    return n + 8;
}

/* 6.24.3.4: entries A0 (first track), A1 (last), A2 (lead-out) and the track itself. */
static unsigned raw_toc(uint8_t *p, uint32_t blocks)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    unsigned n = 4;
    for (size_t i = 0; i < sizeof points; i++, n += 11) {
        p[n] = 1; /* session */
        p[n + 1] = DATA_TRACK;
        p[n + 3] = points[i];
        if (points[i] < 0xa2 && points[i] >= 0xa0)
            p[n + 8] = points[i] == 0xa0 || points[i] == 0xa1;
        else
            put_address(p + n + 7, points[i] == 1 ? 0 : blocks, true);
    }
    return n;
}

static void read_toc(ScsiRequest *r)
{
    uint8_t data[64] = { 0 };
    bool msf = r->cdb[1] & 2;
    uint32_t blocks = MIN(scsi_capacity(r->dev), UINT32_MAX / 2);
    unsigned format = r->cdb[2] & 15, n = 0;
    if (!format)
        format = r->cdb[9] >> 6; /* where SFF-8020i had it */
    switch (format) {
    case 0:
        n = formatted_toc(data, blocks, msf, r->cdb[6]);
        break;
    case 1: /* multi-session: the only one begins with track 1 */
        data[5] = DATA_TRACK;
        data[6] = 1;
        put_address(data + 8, 0, msf);
        n = 12;
        break;
    case 2:
        n = raw_toc(data, blocks);
        break;
    }
    if (!n) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    store_be16(data, n - 2);
    data[2] = data[3] = 1;
    scsi_reply(r, data, n);
}

/* ---- what the drive is ---- */

/* 6.5 and 5.3: profile list, core, removable medium. */
static void get_configuration(ScsiRequest *r)
{
    enum { PERSISTENT = 2, CURRENT = 1, ATAPI_OR_SCSI = 1, TRAY_LOCK_EJECT = 0x39 };
    unsigned now = profile(r->dev), first = load_be16(r->cdb + 2), kind = r->cdb[1] & 3;
    const struct {
        uint16_t code;
        uint8_t version, len;
        uint8_t data[8];
    } features[] = {
        { 0, 0, 8, { 0, PROFILE_DVD, now == PROFILE_DVD, 0, 0, PROFILE_CD, now == PROFILE_CD } },
        { 1, 2, 8, { 0, 0, 0, ATAPI_OR_SCSI, 1 } },
        { 3, 2, 4, { TRAY_LOCK_EJECT } },
    };
    uint8_t data[8 + 3 * 12] = { 0 };
    unsigned n = 8;
    if (kind == 3) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        if (kind == 2 ? features[i].code != first : features[i].code < first)
            continue;
        store_be16(data + n, features[i].code);
        data[n + 2] = features[i].version << 2 | PERSISTENT | CURRENT;
        data[n + 3] = features[i].len;
        memcpy(data + n + 4, features[i].data, features[i].len);
        n += 4 + features[i].len;
    }
    store_be32(data, n - 4);
    store_be16(data + 6, now);
    scsi_reply(r, data, n);
}

/* 6.6: polled; of the classes there is that of media (4). */
static void get_event_status(ScsiRequest *r)
{
    enum { POLLED = 1, MEDIA = 4, NONE = 0x80, EJECT_REQUEST = 1, NEW_MEDIUM = 2, REMOVAL = 3 };
    ScsiDevice *d = r->dev;
    uint8_t data[8] = { 0, 2, NONE, 1 << MEDIA };
    unsigned n = 4;
    if (!(r->cdb[1] & POLLED)) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    if (r->cdb[4] & 1 << MEDIA) {
        bool present = block_inserted(d->drive) && !d->tray_open;
        data[1] = 6;
        data[2] = MEDIA;
        data[4] = d->media_event ? (present ? NEW_MEDIUM : REMOVAL)
                  : d->eject_request ? EJECT_REQUEST
                                     : 0;
        data[5] = d->tray_open | present << 1;
        d->media_event = d->eject_request = false;
        n = 8;
    }
    scsi_reply(r, data, n);
}

/* 6.11: no changer, nothing going on. */
static void mechanism_status(ScsiRequest *r)
{
    uint8_t data[8] = { 0, r->dev->tray_open << 4, 0, 0, 0, 1 };
    scsi_reply(r, data, sizeof data);
}

/* 6.22: a finished disc with one session. */
static void read_disc_information(ScsiRequest *r)
{
    enum { COMPLETE = 0x0e, UNRESTRICTED = 0x20 };
    uint8_t data[34] = { 0, 32, COMPLETE, 1, 1, 1, 1, UNRESTRICTED };
    if (r->cdb[1] & 7)
        scsi_check(r, &sense_invalid_field);
    else
        scsi_reply(r, data, sizeof data);
}

/* 6.23: formats 0 (physical), 1 (copyright), 4 (manufacturing), ff (a list of these). */
static void read_disc_structure(ScsiRequest *r)
{
    const ScsiDevice *d = r->dev;
    uint8_t data[2052] = { 0 };
    uint32_t last = scsi_capacity(d) ? scsi_capacity(d) - 1 : 0;
    unsigned n, format = r->cdb[7];
    static const struct {
        uint8_t format;
        uint16_t len;
    } known[] = { { 0, 2052 }, { 1, 8 }, { 4, 2052 }, { 0xff, 20 } };
    if (format != 0xff && profile(d) != PROFILE_DVD) {
        scsi_check(r, scsi_not_ready(d) ? &sense_no_medium : &sense_incompatible_format);
        return;
    }
    switch (format) {
    case 0: /* DVD-ROM, version 1, 120 mm, one layer; blocks begin at 0x30000 */
        n = 2052;
        data[4] = 1;
        data[5] = 0x0f;
        data[6] = 1;
        store_be32(data + 8, 0x30000);
        store_be32(data + 12, 0x30000 + last);
        break;
    case 1:
        n = 8;
        break;
    case 4:
        n = 2052;
        break;
    case 0xff:
        n = 4;
        for (size_t i = 0; i < ARRAY_LEN(known); i++, n += 4) {
            data[n] = known[i].format;
            data[n + 1] = 0x40; /* can be read */
            store_be16(data + n + 2, known[i].len);
        }
        break;
    default:
        scsi_check(r, &sense_invalid_field);
        return;
    }
    if (r->cdb[1] & 15 || r->cdb[6]) { /* media type DVD, layer 0 */
        scsi_check(r, &sense_invalid_field);
        return;
    }
    store_be16(data, n - 2);
    scsi_reply(r, data, n);
}

/* 6.37: it is as fast as it is. */
static void set_speed(ScsiRequest *r)
{
    scsi_good(r);
}

enum { CD = UNIT_CD };

const ScsiCommand scsi_mmc_commands[] = {
    { 0x1b, 0, UNIT_DISK | UNIT_CD, 0, LEN_NONE, 0, start_stop },
    { 0x43, 0, CD, F_MEDIUM, LEN_BE16, 7, read_toc },
    { 0x46, 0, CD, F_EARLY, LEN_BE16, 7, get_configuration },
    { 0x4a, 0, CD, F_EARLY, LEN_BE16, 7, get_event_status },
    { 0x51, 0, CD, F_MEDIUM, LEN_BE16, 7, read_disc_information },
    { 0xad, 0, CD, 0, LEN_BE16, 8, read_disc_structure },
    { 0xbb, 0, CD, 0, LEN_NONE, 0, set_speed },
    { 0xbd, 0, CD, 0, LEN_BE16, 8, mechanism_status },
    { 0 },
};
