/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mode pages (SPC-4, 6.11 and 7.5; SBC-3, 6.4; MMC-6, 7). What can be changed is the write cache
 * (WCE of the caching page), for as long as the machine runs: nothing is saved.
 */
#include <string.h>

#include "hw/scsi/scsi_int.h"
#include "util/bits.h"

enum { PAGE_RECOVERY = 0x01, PAGE_GEOMETRY = 0x04, PAGE_FLEXIBLE = 0x05, PAGE_CACHING = 0x08,
       PAGE_AUDIO = 0x0e, PAGE_CAPABILITIES = 0x2a, PAGE_ALL = 0x3f };
enum { CURRENT, CHANGEABLE, DEFAULT, SAVED };
enum { WCE = 4 };

/* SBC-2, 6.3.5 (obsolete since): made up as for a PC. */
static void geometry(const ScsiDevice *d, uint32_t *cyls, uint32_t *heads, uint32_t *secs)
{
    uint64_t sectors = block_size(d->drive) / SECTOR;
    *heads = d->heads ? d->heads : 16;
    *secs = d->secs ? d->secs : 63;
    *cyls = d->cyls ? d->cyls : MIN(MAX(sectors / (*heads * *secs), 2), 16383);
}

static void page_recovery(const ScsiDevice *d, uint8_t *p)
{
    p[2] = 0x80; /* AWRE */
    p[3] = d->kind == UNIT_CD ? 0x20 : 0;
}

static void page_geometry(const ScsiDevice *d, uint8_t *p)
{
    uint32_t cyls, heads, secs;
    geometry(d, &cyls, &heads, &secs);
    store_be16(p + 2, cyls >> 8);
    p[4] = cyls;
    p[5] = heads;
    memcpy(p + 6, p + 2, 3);          /* write precompensation, reduced current: no such cylinder */
    memcpy(p + 9, p + 2, 3);
    store_be16(p + 12, 200);          /* step rate */
    memset(p + 14, 0xff, 3);          /* landing zone */
    store_be16(p + 20, 5400);         /* rotations per minute */
}

static void page_flexible(const ScsiDevice *d, uint8_t *p)
{
    uint32_t cyls, heads, secs;
    geometry(d, &cyls, &heads, &secs);
    store_be16(p + 2, 5000);          /* transfer rate */
    p[4] = heads;
    p[5] = secs;
    store_be16(p + 6, d->logical_size);
    store_be16(p + 8, cyls);
    store_be16(p + 10, cyls);
    store_be16(p + 12, cyls);
    store_be16(p + 14, 1);            /* step rate and width, head settling, motor */
    p[16] = 1;
    store_be16(p + 17, 1);
    p[19] = p[20] = 1;
    store_be16(p + 28, 5400);
}

static void page_caching(const ScsiDevice *d, uint8_t *p)
{
    p[2] = block_write_cache(d->drive) ? WCE : 0;
}

static void page_audio(const ScsiDevice *d, uint8_t *p)
{
}

/* MMC-3, 6.3.11 */
static void page_capabilities(const ScsiDevice *d, uint8_t *p)
{
    p[2] = 0x3b;                      /* reads CD-R, CD-RW, method 2, DVD-ROM, -R, -RAM */
    p[4] = 0x7f;                      /* audio, composite, digital, mode 2, multi-session */
    p[5] = 0xff;                      /* CD-DA, C2, UPC, ... */
    p[6] = 0x2d | (d->locked ? 2 : 0); /* a tray that locks and ejects */
    store_be16(p + 8, 50 * 176);      /* 50 times the speed of audio, KB/s */
    store_be16(p + 10, 2);            /* volume levels */
    store_be16(p + 12, 2048);         /* buffer, KB */
    store_be16(p + 14, 16 * 176);
    store_be16(p + 18, 16 * 176);
    store_be16(p + 20, 16 * 176);
}

static const struct {
    uint8_t code, units, len;         /* len: behind the first two bytes */
    void (*fill)(const ScsiDevice *d, uint8_t *p);
} pages[] = {
    { PAGE_RECOVERY, UNIT_DISK | UNIT_CD, 10, page_recovery },
    { PAGE_GEOMETRY, UNIT_DISK, 22, page_geometry },
    { PAGE_FLEXIBLE, UNIT_DISK, 30, page_flexible },
    { PAGE_CACHING, UNIT_DISK | UNIT_CD, 18, page_caching },
    { PAGE_AUDIO, UNIT_CD, 14, page_audio },
    { PAGE_CAPABILITIES, UNIT_CD, 20, page_capabilities },
};

static unsigned put_page(const ScsiDevice *d, size_t i, unsigned control, uint8_t *p)
{
    p[0] = pages[i].code;
    p[1] = pages[i].len;
    if (control != CHANGEABLE)
        pages[i].fill(d, p);
    else if (pages[i].code == PAGE_CACHING && d->kind == UNIT_DISK)
        p[2] = WCE;
    if (control == DEFAULT && pages[i].code == PAGE_CACHING)
        p[2] = d->initial_wce ? WCE : 0;
    return pages[i].len + 2;
}

/* ---- MODE SENSE ---- */

/* Header, block descriptor, pages. */
static void mode_sense(ScsiRequest *r)
{
    enum { DBD = 8, DPOFUA = 0x10, WP = 0x80 };
    const ScsiDevice *d = r->dev;
    bool ten = r->cdb[0] == 0x5a;
    unsigned code = r->cdb[2] & 0x3f, control = r->cdb[2] >> 6, head = ten ? 8 : 4, n = head;
    uint8_t data[256] = { 0 };
    bool descriptor = d->kind == UNIT_DISK && !(r->cdb[1] & DBD), found = code == PAGE_ALL;
    if (control == SAVED) {
        scsi_check(r, &sense_saving_unsupported);
        return;
    }
    if (d->kind == UNIT_DISK)
        data[ten ? 3 : 2] = (d->dpofua ? DPOFUA : 0) | (block_read_only(d->drive) ? WP : 0);
    if (descriptor) { /* SBC-3, 6.4.2.2 */
        uint64_t blocks = scsi_capacity(d);
        data[ten ? 7 : 3] = 8;
        store_be32(data + n, blocks > 0xffffff ? 0 : blocks);
        store_be32(data + n + 4, d->logical_size);
        n += 8;
    }
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!(pages[i].units & d->kind) || (code != PAGE_ALL && code != pages[i].code) ||
            (r->cdb[3] && r->cdb[3] != 0xff))
            continue;
        n += put_page(d, i, control, data + n);
        found = true;
    }
    if (!found) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    if (ten)
        store_be16(data, n - 2);
    else
        data[0] = n - 1;
    scsi_reply(r, data, n);
}

/* ---- MODE SELECT ---- */

/* A page as it could be: equal but for what can be changed. */
static const SenseCode *check_page(ScsiDevice *d, const uint8_t *p, size_t left, bool apply)
{
    uint8_t now[64] = { 0 }, mask[64] = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (pages[i].code != (p[0] & 0x3f) || !(pages[i].units & d->kind) || p[0] & 0x40)
            continue;
        unsigned len = put_page(d, i, CURRENT, now);
        put_page(d, i, CHANGEABLE, mask);
        if (p[1] != pages[i].len || len > left)
            return &sense_invalid_param_len;
        for (unsigned k = 2; k < len; k++)
            if ((p[k] ^ now[k]) & ~mask[k])
                return &sense_invalid_param;
        if (apply && pages[i].code == PAGE_CACHING && d->kind == UNIT_DISK)
            block_set_write_cache(d->drive, p[2] & WCE);
        return NULL;
    }
    return &sense_invalid_param;
}

static const SenseCode *select_pages(ScsiDevice *d, const uint8_t *p, size_t left, bool apply)
{
    while (left) {
        const SenseCode *wrong = left < 2 ? &sense_invalid_param_len
                                          : check_page(d, p, left, apply);
        if (wrong)
            return wrong;
        left -= 2u + p[1];
        p += 2u + p[1];
    }
    return NULL;
}

static void flushed(void *opaque, int ret)
{
    ScsiRequest *r = opaque;
    if (ret)
        scsi_check(r, &sense_io_error);
    else
        scsi_good(r);
}

static void mode_select(ScsiRequest *r)
{
    enum { PF = 0x10, SP = 1 };
    ScsiDevice *d = r->dev;
    bool ten = r->cdb[0] == 0x55, was_on = block_write_cache(d->drive);
    uint8_t data[256];
    size_t head = ten ? 8 : 4, len = scsi_parameters(r, data, sizeof data);
    if ((r->cdb[1] & (PF | SP)) != PF) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    if (!r->wanted) {
        scsi_good(r);
        return;
    }
    size_t descriptor = len < head ? 0 : ten ? load_be16(data + 6) : data[3];
    if (len < head || len != r->wanted || descriptor > len - head ||
        (descriptor && descriptor != 8)) {
        scsi_check(r, &sense_invalid_param_len);
        return;
    }
    head += descriptor;
    /* All is looked at before anything changes. */
    const SenseCode *wrong = select_pages(d, data + head, len - head, false);
    if (wrong) {
        scsi_check(r, wrong);
        return;
    }
    select_pages(d, data + head, len - head, true);
    r->transferred = len;
    if (was_on && !block_write_cache(d->drive))
        block_submit(d->drive, BLOCK_FLUSH, 0, NULL, 0, 0, flushed, r);
    else
        scsi_good(r);
}

enum { ALL = UNIT_DISK | UNIT_CD };

const ScsiCommand scsi_mode_commands[] = {
    { 0x1a, 0, ALL, 0, LEN_BYTE, 4, mode_sense },
    { 0x5a, 0, ALL, 0, LEN_BE16, 7, mode_sense },
    { 0x15, 0, ALL, F_OUT, LEN_BYTE, 4, mode_select },
    { 0x55, 0, ALL, F_OUT, LEN_BE16, 7, mode_select },
    { 0 },
};
