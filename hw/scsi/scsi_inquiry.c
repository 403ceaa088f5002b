/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a unit says about itself: INQUIRY with its vital product data (SPC-4, 6.6 and 7.8; SBC-3,
 * 6.5), and small commands of SPC-4 that all units have. The texts are those of QEMU's units, which
 * names below /dev/disk/by-id are made of.
 */
#include <string.h>

#include "hw/scsi/scsi_int.h"
#include "util/bits.h"

enum { STANDARD_BYTES = 36, PAGE_BYTES = 256 };
enum { VPD_PAGES = 0x00, VPD_SERIAL = 0x80, VPD_IDENTIFICATION = 0x83, VPD_LIMITS = 0xb0,
       VPD_CHARACTERISTICS = 0xb1, VPD_PROVISIONING = 0xb2 };
enum { MAX_SERIAL = 36, MAX_DEVICE_ID = 20, HISUP = 0x10, FORMAT_2 = 2 };

static void put_text(uint8_t *to, const char *text, size_t len)
{
    size_t n = strnlen(text, len);
    memset(to, ' ', len);
    memcpy(to, text, n);
}

static bool has_serial(const ScsiDevice *d)
{
    return d->serial && *d->serial;
}

static uint32_t in_blocks(const ScsiDevice *d, uint64_t bytes)
{
    return MIN(bytes / d->logical_size, UINT32_MAX);
}

/* ---- vital product data: functions return the bytes behind the header of 4 ---- */

static unsigned vpd_pages(const ScsiDevice *d, uint8_t *p)
{
    static const uint8_t disk[] = { VPD_LIMITS, VPD_CHARACTERISTICS, VPD_PROVISIONING };
    unsigned n = 0;
    p[n++] = VPD_PAGES;
    if (has_serial(d))
        p[n++] = VPD_SERIAL;
    p[n++] = VPD_IDENTIFICATION;
    if (d->kind == UNIT_DISK) {
        memcpy(p + n, disk, sizeof disk);
        n += sizeof disk;
    }
    return n;
}

static unsigned vpd_serial(const ScsiDevice *d, uint8_t *p)
{
    unsigned n = MIN(strlen(d->serial), MAX_SERIAL);
    memcpy(p, d->serial, n);
    return n;
}

/* One designator, 7.8.6.1: protocol and code set, then association and type. */
static unsigned put_designator(uint8_t *p, uint8_t code_set, uint8_t type, const void *data,
                               unsigned len)
{
    p[0] = code_set;
    p[1] = type;
    p[2] = 0;
    p[3] = len;
    memcpy(p + 4, data, len);
    return 4 + len;
}

static unsigned vpd_identification(const ScsiDevice *d, uint8_t *p)
{
    enum { BINARY = 1, ASCII = 2, SAS = 0x60, VENDOR = 0, NAA = 3, RELATIVE_PORT = 4,
           PIV_PORT = 0x90 };
    unsigned n = 0;
    uint8_t b[8];
    const char *name = d->device_id && *d->device_id ? d->device_id
                       : has_serial(d)               ? d->serial
                                                     : block_id(d->drive);
    if (name && *name && *name != '#') /* a made-up name says nothing */
        n += put_designator(p + n, ASCII, VENDOR, name,
                            MIN(strlen(name), name == d->device_id ? 200 : MAX_DEVICE_ID));
    if (d->wwn) {
        store_be64(b, d->wwn);
        n += put_designator(p + n, BINARY, NAA, b, 8);
    }
    if (d->port_wwn) {
        store_be64(b, d->port_wwn);
        n += put_designator(p + n, SAS | BINARY, PIV_PORT | NAA, b, 8);
    }
    if (d->port_index) {
        store_be32(b, d->port_index);
        n += put_designator(p + n, SAS | BINARY, PIV_PORT | RELATIVE_PORT, b, 4);
    }
    return n;
}

static unsigned vpd_limits(const ScsiDevice *d, uint8_t *p)
{
    uint32_t most = in_blocks(d, d->max_io_size);
    p[0] = 1; /* WSNZ: WRITE SAME of 0 blocks is refused */
    store_be16(p + 2, MIN(in_blocks(d, d->min_io_size), UINT16_MAX));
    store_be32(p + 4, most);
    store_be32(p + 8, in_blocks(d, d->opt_io_size));
    store_be32(p + 16, in_blocks(d, d->max_unmap_size));
    store_be32(p + 20, SCSI_MAX_UNMAP_DESCRIPTORS);
    store_be32(p + 24, in_blocks(d, d->discard_granularity));
    store_be64(p + 32, most);
    return 0x3c;
}

static unsigned vpd_characteristics(const ScsiDevice *d, uint8_t *p)
{
    store_be16(p, d->rotation_rate);
    return 0x3c;
}

static unsigned vpd_provisioning(const ScsiDevice *d, uint8_t *p)
{
    enum { LBPU = 0x80, LBPWS = 0x40, LBPWS10 = 0x20, FULL = 0, THIN = 2 };
    p[1] = LBPU | LBPWS | LBPWS10;
    p[2] = d->discard_granularity ? THIN : FULL;
    return 4;
}

static const struct {
    uint8_t page, units;
    unsigned (*fill)(const ScsiDevice *d, uint8_t *p);
} vpd[] = {
    { VPD_PAGES, UNIT_DISK | UNIT_CD, vpd_pages },
    { VPD_SERIAL, UNIT_DISK | UNIT_CD, vpd_serial },
    { VPD_IDENTIFICATION, UNIT_DISK | UNIT_CD, vpd_identification },
    { VPD_LIMITS, UNIT_DISK, vpd_limits },
    { VPD_CHARACTERISTICS, UNIT_DISK, vpd_characteristics },
    { VPD_PROVISIONING, UNIT_DISK, vpd_provisioning },
};

static void inquiry_page(ScsiRequest *r, uint8_t page)
{
    const ScsiDevice *d = r->dev;
    uint8_t data[PAGE_BYTES + 4] = { d->kind == UNIT_CD ? TYPE_CD : TYPE_DISK, page };
    for (size_t i = 0; i < ARRAY_LEN(vpd); i++) {
        if (vpd[i].page != page || !(vpd[i].units & d->kind) ||
            (page == VPD_SERIAL && !has_serial(d)))
            continue;
        unsigned n = vpd[i].fill(d, data + 4);
        store_be16(data + 2, n);
        scsi_reply(r, data, n + 4);
        return;
    }
    scsi_check(r, &sense_invalid_field);
}

/* ---- INQUIRY ---- */

/* SPC-4, 6.6.2: LUN 0 could be there, others can't. */
static void inquire_absent(ScsiRequest *r)
{
    enum { COULD_BE = 0x3f, CANNOT_BE = 0x7f };
    uint8_t data[STANDARD_BYTES] = { r->lun ? CANNOT_BE : COULD_BE };
    if (r->cdb[1] & 1) {
        if (r->cdb[2] != VPD_PAGES) {
            scsi_check(r, &sense_invalid_field);
            return;
        }
        data[3] = 1;
        scsi_reply(r, data, 5);
        return;
    }
    data[2] = 5;
    data[3] = FORMAT_2 | HISUP;
    data[4] = sizeof data - 5;
    put_text(data + 8, "QEMU", 8);
    put_text(data + 16, "QEMU TARGET", 16);
    put_text(data + 32, "2.5+", 4);
    scsi_reply(r, data, sizeof data);
}

static void inquiry(ScsiRequest *r)
{
    const ScsiDevice *d = r->dev;
    uint8_t data[STANDARD_BYTES] = { d->kind == UNIT_CD ? TYPE_CD : TYPE_DISK };
    if (r->lun != d->lun) {
        inquire_absent(r);
        return;
    }
    if (r->cdb[1] & 1) {
        inquiry_page(r, r->cdb[2]);
        return;
    }
    if (r->cdb[2]) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    data[1] = d->removable ? 0x80 : 0;
    data[2] = d->scsi_version;
    data[3] = FORMAT_2 | HISUP;
    data[4] = sizeof data - 5;
    data[7] = 0x12; /* SYNC, CMDQUE */
    put_text(data + 8, d->vendor, 8);
    put_text(data + 16, d->product, 16);
    put_text(data + 32, d->version, 4);
    scsi_reply(r, data, sizeof data);
}

/* ---- small ones ---- */

static void test_unit_ready(ScsiRequest *r)
{
    scsi_good(r);
}

/* SPC-2, 7.21: all initiators of an adapter are one, so that a reservation bars nobody. */
static void reserve(ScsiRequest *r)
{
    if (r->cdb[1] & 1) /* extents */
        scsi_check(r, &sense_invalid_field);
    else
        scsi_good(r);
}

/* SPC-4, 6.42: the default self-test finds nothing wrong. */
static void send_diagnostic(ScsiRequest *r)
{
    enum { SELF_TEST = 4 };
    if (r->cdb[1] & ~SELF_TEST)
        scsi_check(r, &sense_invalid_field);
    else
        scsi_good(r);
}

static void prevent_removal(ScsiRequest *r)
{
    r->dev->locked = r->cdb[4] & 1 && r->dev->removable;
    scsi_good(r);
}

enum { ALL = UNIT_DISK | UNIT_CD };

const ScsiCommand scsi_primary_commands[] = {
    { 0x12, 0, ALL, F_EARLY | F_ANY_LUN, LEN_BE16, 3, inquiry },
    { 0x00, 0, ALL, F_MEDIUM, LEN_NONE, 0, test_unit_ready },
    { 0x16, 0, ALL, 0, LEN_NONE, 0, reserve },
    { 0x17, 0, ALL, 0, LEN_NONE, 0, reserve },
    { 0x56, 0, ALL, 0, LEN_NONE, 0, reserve },
    { 0x57, 0, ALL, 0, LEN_NONE, 0, reserve },
    { 0x1d, 0, ALL, 0, LEN_NONE, 0, send_diagnostic },
    { 0x1e, 0, ALL, 0, LEN_NONE, 0, prevent_removal },
    { 0 },
};
