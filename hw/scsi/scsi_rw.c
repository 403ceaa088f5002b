/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that move blocks or ask for their number (SBC-3, chapter 5), for disks and CDs.
 *
 * Reads and writes go to the backend with the guest's own buffers. Left out: protection
 * information, comparing VERIFY (BYTCHK), COMPARE AND WRITE, GET LBA STATUS, FUA of reads (no cache of ours
 * stands between).
 */
#include <errno.h>
#include <string.h>

#include "hw/scsi/scsi_int.h"
#include "util/bits.h"

enum { FUA = 8, SAME_CHUNK = 512 << 10 };

uint64_t scsi_capacity(const ScsiDevice *d)
{
    return block_size(d->drive) / d->logical_size;
}

static const SenseCode *sense_of_error(int error)
{
    switch (-error) {
    case ENOMEDIUM:
        return &sense_no_medium;
    case ENOMEM:
        return &sense_target_failure;
    case EINVAL:
        return &sense_invalid_field;
    case ENOSPC:
        return &sense_no_space;
    case EPERM:
    case EACCES:
    case EROFS:
        return &sense_write_protected;
    default:
        return &sense_io_error;
    }
}

static bool in_range(const ScsiDevice *d, uint64_t lba, uint64_t blocks)
{
    uint64_t capacity = scsi_capacity(d);
    return lba <= capacity && blocks <= capacity - lba;
}

static void end(ScsiRequest *r, int error)
{
    if (error)
        scsi_check(r, sense_of_error(error));
    else
        scsi_good(r);
}

static void done(void *opaque, int ret)
{
    end(opaque, ret);
}

static void flush(ScsiRequest *r)
{
    block_submit(r->dev->drive, BLOCK_FLUSH, 0, NULL, 0, 0, done, r);
}

/* ---- READ, WRITE ---- */

static void written(void *opaque, int ret)
{
    ScsiRequest *r = opaque;
    /* WRITE AND VERIFY: what is on the medium is what was written. */
    bool through = r->command->opcode == 0x2e || r->command->opcode == 0x8e ||
                   r->command->opcode == 0xae ||
                   (r->cdb[1] & FUA && r->command->opcode != 0x0a);
    if (!ret && through)
        flush(r);
    else
        end(r, ret);
}

/* The first `len` bytes of a vector that has at least so many. */
static unsigned cut_vector(struct iovec *to, const struct iovec *from, uint64_t len)
{
    unsigned n = 0;
    for (; len; n++) {
        to[n] = from[n];
        to[n].iov_len = MIN(to[n].iov_len, len);
        len -= to[n].iov_len;
    }
    return n;
}

static void read_write(ScsiRequest *r)
{
    const ScsiDevice *d = r->dev;
    bool write = r->command->flags & F_OUT;
    uint64_t len = r->blocks * d->logical_size;
    if (!in_range(d, r->lba, r->blocks)) {
        scsi_check(r, &sense_lba_range);
        return;
    }
    /* Protection information (5.11: RDPROTECT, WRPROTECT) is not on this medium. */
    if (r->command->opcode > 0x1f && r->cdb[1] >> 5) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    r->transferred = len;
    if (!len) {
        scsi_good(r);
        return;
    }
    const struct iovec *data = write ? r->out : r->in;
    unsigned n = write ? r->n_out : r->n_in;
    if ((write ? r->out_len : r->in_len) != len) {
        r->iov = g_new(struct iovec, n);
        n = cut_vector(r->iov, data, len);
        data = r->iov;
    }
    block_submit(d->drive, write ? BLOCK_WRITE : BLOCK_READ, r->lba * d->logical_size, data, n, len,
                 write ? written : done, r);
}

/* ---- without data ---- */

static void synchronize(ScsiRequest *r)
{
    if (block_read_only(r->dev->drive))
        scsi_good(r);
    else
        flush(r);
}

static void verify(ScsiRequest *r)
{
    if (r->cdb[1] & 6) /* BYTCHK */
        scsi_check(r, &sense_invalid_field);
    else if (!in_range(r->dev, r->lba, r->blocks))
        scsi_check(r, &sense_lba_range);
    else
        scsi_good(r);
}

static void seek(ScsiRequest *r)
{
    if (r->lba >= scsi_capacity(r->dev))
        scsi_check(r, &sense_lba_range);
    else
        scsi_good(r);
}

/* 5.3: what blocks hold afterwards is not said: what they held. */
static void format_unit(ScsiRequest *r)
{
    if (r->cdb[1])
        scsi_check(r, &sense_invalid_field);
    else
        scsi_good(r);
}

/* ---- READ CAPACITY ---- */

static void read_capacity_10(ScsiRequest *r)
{
    const ScsiDevice *d = r->dev;
    uint64_t blocks = scsi_capacity(d);
    uint8_t data[8];
    if (!(r->cdb[8] & 1) && load_be32(r->cdb + 2)) { /* an address without PMI */
        scsi_check(r, &sense_invalid_field);
        return;
    }
    store_be32(data, MIN(blocks ? blocks - 1 : 0, UINT32_MAX));
    store_be32(data + 4, d->logical_size);
    scsi_reply(r, data, sizeof data);
}

static void read_capacity_16(ScsiRequest *r)
{
    enum { LBPME = 0x80 };
    const ScsiDevice *d = r->dev;
    uint64_t blocks = scsi_capacity(d);
    uint8_t data[32] = { 0 };
    store_be64(data, blocks ? blocks - 1 : 0);
    store_be32(data + 8, d->logical_size);
    data[13] = __builtin_ctzll(d->physical_size / d->logical_size);
    data[14] = d->discard_granularity ? LBPME : 0;
    scsi_reply(r, data, sizeof data);
}

/* ---- UNMAP, 5.28 ---- */

static void part_done(void *opaque, int ret)
{
    ScsiRequest *r = opaque;
    if (ret)
        r->error = ret;
    if (!--r->pending)
        end(r, r->error);
}

static void unmap(ScsiRequest *r)
{
    enum { HEADER = 8, DESCRIPTOR = 16 };
    const ScsiDevice *d = r->dev;
    uint8_t p[HEADER + SCSI_MAX_UNMAP_DESCRIPTORS * DESCRIPTOR];
    size_t len = scsi_parameters(r, p, sizeof p);
    if (r->cdb[1] & 1) { /* ANCHOR */
        scsi_check(r, &sense_invalid_field);
        return;
    }
    if (!r->wanted) {
        scsi_good(r);
        return;
    }
    if (len < HEADER || load_be16(p) + 2u > r->wanted || load_be16(p + 2) + 8u > r->wanted ||
        load_be16(p + 2) % DESCRIPTOR) {
        scsi_check(r, &sense_invalid_param_len);
        return;
    }
    unsigned n = load_be16(p + 2) / DESCRIPTOR;
    if (n > SCSI_MAX_UNMAP_DESCRIPTORS) {
        scsi_check(r, &sense_invalid_param);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *e = p + HEADER + i * DESCRIPTOR;
        if (!in_range(d, load_be64(e), load_be32(e + 8))) {
            scsi_check(r, &sense_lba_range);
            return;
        }
    }
    r->pending = 1; /* so that it ends once, and only here or later */
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *e = p + HEADER + i * DESCRIPTOR;
        if (!load_be32(e + 8))
            continue;
        r->pending++;
        block_submit(d->drive, BLOCK_DISCARD, load_be64(e) * d->logical_size, NULL, 0,
                     load_be32(e + 8) * d->logical_size, part_done, r);
    }
    part_done(r, 0);
}

/* ---- WRITE SAME, 5.50 ---- */

static void same_next(void *opaque, int ret)
{
    ScsiRequest *r = opaque;
    const ScsiDevice *d = r->dev;
    uint64_t left = r->blocks * d->logical_size - r->position;
    if (ret || !left) {
        end(r, ret);
        return;
    }
    uint64_t n = MIN(left, r->chunk), at = r->lba * d->logical_size + r->position;
    r->position += n;
    r->iov->iov_len = n;
    block_submit(d->drive, BLOCK_WRITE, at, r->iov, 1, n, same_next, r);
}

static void write_same(ScsiRequest *r)
{
    enum { NDOB = 1, REFUSED = 0x16 /* ANCHOR, PBDATA, LBDATA */ };
    const ScsiDevice *d = r->dev;
    size_t size = d->logical_size;
    bool no_data = r->cdb[0] == 0x93 && r->cdb[1] & NDOB;
    if (!r->blocks || r->cdb[1] & REFUSED || r->cdb[1] >> 5) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    if (!in_range(d, r->lba, r->blocks)) {
        scsi_check(r, &sense_lba_range);
        return;
    }
    r->transferred = r->wanted;
    uint64_t len = r->blocks * size;
    r->chunk = MIN(len, MAX(SAME_CHUNK, size));
    r->buffer = g_malloc(r->chunk);
    size_t got = no_data ? 0 : scsi_parameters(r, r->buffer, size);
    memset(r->buffer + got, 0, size - got);
    if (!r->buffer[0] && !memcmp(r->buffer, r->buffer + 1, size - 1)) {
        block_submit(d->drive, BLOCK_WRITE_ZEROES, r->lba * size, NULL, 0, len, done, r);
        return;
    }
    /* Written piece by piece, and not to be stopped: no more than VPD page b0 allows. */
    if (len > d->max_io_size) {
        scsi_check(r, &sense_invalid_field);
        return;
    }
    for (uint64_t at = size; at < r->chunk; at += size)
        memcpy(r->buffer + at, r->buffer, size);
    r->iov = g_new(struct iovec, 1);
    r->iov->iov_base = r->buffer;
    same_next(r, 0);
}

enum { ALL = UNIT_DISK | UNIT_CD, OUT = F_OUT | F_MEDIUM | F_WRITES };

const ScsiCommand scsi_rw_commands[] = {
    { 0x28, 0, ALL, F_MEDIUM, LEN_BLOCKS, 0, read_write },
    { 0x2a, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0x88, 0, ALL, F_MEDIUM, LEN_BLOCKS, 0, read_write },
    { 0x8a, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0x35, 0, ALL, F_MEDIUM, LEN_NONE, 0, synchronize },
    { 0x91, 0, ALL, F_MEDIUM, LEN_NONE, 0, synchronize },
    { 0x08, 0, ALL, F_MEDIUM, LEN_BLOCKS, 0, read_write },
    { 0x0a, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0xa8, 0, ALL, F_MEDIUM, LEN_BLOCKS, 0, read_write },
    { 0xaa, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0x2e, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0x8e, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0xae, 0, UNIT_DISK, OUT, LEN_BLOCKS, 0, read_write },
    { 0x25, 0, ALL, F_MEDIUM, LEN_FIXED8, 0, read_capacity_10 },
    { 0x9e, 0x10, ALL, F_MEDIUM, LEN_BE32, 10, read_capacity_16 },
    { 0x2f, 0, ALL, F_MEDIUM | F_OUT, LEN_VERIFY, 0, verify },
    { 0x8f, 0, ALL, F_MEDIUM | F_OUT, LEN_VERIFY, 0, verify },
    { 0xaf, 0, ALL, F_MEDIUM | F_OUT, LEN_VERIFY, 0, verify },
    { 0x42, 0, UNIT_DISK, OUT, LEN_BE16, 7, unmap },
    { 0x41, 0, UNIT_DISK, OUT, LEN_ONE_BLOCK, 0, write_same },
    { 0x93, 0, UNIT_DISK, OUT, LEN_ONE_BLOCK, 0, write_same },
    { 0x2b, 0, ALL, F_MEDIUM, LEN_NONE, 0, seek },
    { 0x04, 0, UNIT_DISK, OUT & ~F_OUT, LEN_NONE, 0, format_unit },
    { 0 },
};
