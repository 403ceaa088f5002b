/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NVM command set (NVMe 1.4, chapter 6), and Format NVM (5.23). Data go to the backend with the
 * guest's own buffers. Left out: metadata, Write Uncorrectable, Verify, Copy, reservations, fused
 * commands.
 */
#include <errno.h>
#include <string.h>

#include "hw/block/nvme.h"
#include "hw/virtio.h"
#include "util/bits.h"

enum { IO_FLUSH = 0x00, IO_WRITE = 0x01, IO_READ = 0x02, IO_COMPARE = 0x05, IO_WRITE_ZEROES = 0x08,
       IO_DSM = 0x09 };
enum { FUA = 1u << 30, DSM_DEALLOCATE = 4 };

/* 5.14.1.5: supported; changes what blocks hold. */
const uint8_t nvme_effects_io[][2] = {
    { IO_FLUSH, 3 }, { IO_WRITE, 3 }, { IO_READ, 1 }, { IO_COMPARE, 1 }, { IO_WRITE_ZEROES, 3 },
    { IO_DSM, 3 }, { 0, 0 },
};

static uint16_t status_of(const NvmeRequest *r, int error)
{
    bool read = r->sqe[0] == IO_READ || r->sqe[0] == IO_COMPARE;
    switch (-error) {
    case 0:
        return NVME_OK;
    case EPERM:
    case EROFS:
        return NVME_WRITE_PROTECTED | NVME_DNR;
    default:
        return read ? NVME_READ_ERROR : NVME_WRITE_FAULT;
    }
}

static void done(void *opaque, int ret)
{
    NvmeRequest *r = opaque;
    nvme_complete_async(r, status_of(r, ret), r->ns->drive);
}

static uint16_t submit(NvmeRequest *r, BlockOp op, uint64_t offset, uint64_t len,
                       void (*fn)(void *opaque, int ret))
{
    block_submit(r->ns->drive, op, offset, r->iov, r->n_iov, len, fn, r);
    return NVME_PENDING;
}

/* Starting block and number of them, within the namespace. */
static uint16_t range(const NvmeRequest *r, uint64_t *offset, uint64_t *len)
{
    uint64_t blocks = nvme_ns_blocks(r->ns), slba = load_le64(r->sqe + 40);
    uint32_t nlb = load_le16(r->sqe + 48) + 1u, size = nvme_ns_block(r->ns);
    if (slba > blocks || nlb > blocks - slba)
        return NVME_LBA_RANGE | NVME_DNR;
    *offset = slba * size;
    *len = (uint64_t)nlb * size;
    return NVME_OK;
}

static uint16_t map_data(NvmeRequest *r, uint64_t len, bool to_guest)
{
    /* Of the smallest page, which is what CAP says. */
    if (r->n->mdts && r->n->mdts < 20 && len > (uint64_t)NVME_PAGE << r->n->mdts)
        return NVME_INVALID_FIELD | NVME_DNR;
    return nvme_map(r, len, to_guest, true);
}

static void written(void *opaque, int ret)
{
    NvmeRequest *r = opaque;
    if (!ret && load_le32(r->sqe + 48) & FUA) {
        block_submit(r->ns->drive, BLOCK_FLUSH, 0, NULL, 0, 0, done, r);
        return;
    }
    done(r, ret);
}

static uint16_t read_write(NvmeRequest *r, bool write)
{
    uint64_t offset, len;
    uint16_t status = range(r, &offset, &len);
    if (status)
        return status;
    if (write && block_read_only(r->ns->drive))
        return NVME_WRITE_PROTECTED | NVME_DNR;
    status = map_data(r, len, !write);
    if (status)
        return status;
    return write ? submit(r, BLOCK_WRITE, offset, len, written)
                 : submit(r, BLOCK_READ, offset, len, done);
}

static uint16_t write_zeroes(NvmeRequest *r)
{
    uint64_t offset, len;
    uint16_t status = range(r, &offset, &len);
    if (!status && block_read_only(r->ns->drive))
        status = NVME_WRITE_PROTECTED | NVME_DNR;
    return status ? status : submit(r, BLOCK_WRITE_ZEROES, offset, len, written);
}

/* ---- Compare, 6.6 ---- */

static void compare_read(void *opaque, int ret)
{
    NvmeRequest *r = opaque;
    uint16_t status = status_of(r, ret);
    const uint8_t *p = r->buffer;
    for (unsigned i = 1; !status && i < r->n_iov; p += r->iov[i].iov_len, i++)
        if (memcmp(p, r->iov[i].iov_base, r->iov[i].iov_len))
            status = NVME_COMPARE_FAILURE | NVME_DNR;
    nvme_complete_async(r, status, r->ns->drive);
}

static uint16_t compare(NvmeRequest *r)
{
    uint64_t offset, len;
    uint16_t status = range(r, &offset, &len);
    if (!status)
        status = map_data(r, len, false);
    if (status)
        return status;
    /* Entry 0 becomes the buffer that is read into; the guest's are behind it. */
    r->buffer = g_try_malloc(len);
    if (!r->buffer)
        return NVME_INTERNAL;
    r->iov = g_renew(struct iovec, r->iov, r->n_iov + 1);
    memmove(r->iov + 1, r->iov, r->n_iov * sizeof *r->iov);
    r->iov[0] = (struct iovec){ r->buffer, len };
    r->n_iov++;
    block_submit(r->ns->drive, BLOCK_READ, offset, r->iov, 1, len, compare_read, r);
    return NVME_PENDING;
}

/* ---- several requests for one command ---- */

static void part_done(void *opaque, int ret)
{
    NvmeRequest *r = opaque;
    if (ret && !r->status)
        r->status = status_of(r, ret);
    if (!--r->pending)
        nvme_complete_async(r, r->status, r->ns->drive);
}

/* The last of them, where parts were submitted: those are never done from within. */
static uint16_t parts_submitted(NvmeRequest *r)
{
    return --r->pending ? NVME_PENDING : NVME_OK;
}

/* 6.7: ranges of 16 bytes. Hints but for deallocation. */
static uint16_t dataset_management(NvmeRequest *r)
{
    enum { RANGES = 256 };
    uint8_t list[RANGES * 16];
    unsigned n = r->sqe[40] + 1u;
    uint32_t size = nvme_ns_block(r->ns);
    uint64_t blocks = nvme_ns_blocks(r->ns);
    uint16_t status = nvme_map(r, n * 16, false, true);
    if (status)
        return status;
    iov_to_buf(r->iov, r->n_iov, 0, list, n * 16);
    nvme_unmap(r);
    for (unsigned i = 0; i < n; i++) {
        uint64_t slba = load_le64(list + 16 * i + 8), nlb = load_le32(list + 16 * i + 4);
        if (slba > blocks || nlb > blocks - slba)
            return NVME_LBA_RANGE | NVME_DNR;
    }
    if (!(load_le32(r->sqe + 44) & DSM_DEALLOCATE))
        return NVME_OK;
    if (block_read_only(r->ns->drive))
        return NVME_WRITE_PROTECTED | NVME_DNR;
    r->pending = 1;
    for (unsigned i = 0; i < n; i++) {
        uint64_t slba = load_le64(list + 16 * i + 8), nlb = load_le32(list + 16 * i + 4);
        if (!nlb)
            continue;
        r->pending++;
        block_submit(r->ns->drive, BLOCK_DISCARD, slba * size, NULL, 0, nlb * size, part_done, r);
    }
    return parts_submitted(r);
}

/* 6.8; to all namespaces, too (VWC). */
static uint16_t flush(NvmeRequest *r, uint32_t nsid)
{
    Nvme *n = r->n;
    r->pending = 1;
    for (unsigned i = 1; i <= NVME_MAX_NS; i++) {
        if (!n->ns[i] || (nsid != UINT32_MAX && nsid != i))
            continue;
        r->ns = n->ns[i];
        r->pending++;
        block_submit(r->ns->drive, BLOCK_FLUSH, 0, NULL, 0, 0, part_done, r);
    }
    return parts_submitted(r);
}

uint16_t nvme_io(NvmeRequest *r)
{
    uint32_t nsid = load_le32(r->sqe + 4);
    if (r->sqe[1] & 3) /* fused */
        return NVME_INVALID_FIELD | NVME_DNR;
    if (r->sqe[0] == IO_FLUSH && nsid == UINT32_MAX)
        return flush(r, nsid);
    if (!nsid || nsid > NVME_MAX_NS)
        return NVME_INVALID_NS | NVME_DNR;
    r->ns = nvme_find_ns(r->n, nsid);
    if (!r->ns)
        return NVME_INVALID_FIELD | NVME_DNR;
    if (r->ns->formatting)
        return NVME_FORMAT_IN_PROGRESS;
    switch (r->sqe[0]) {
    case IO_FLUSH:
        return flush(r, nsid);
    case IO_READ:
    case IO_WRITE:
        return read_write(r, r->sqe[0] == IO_WRITE);
    case IO_COMPARE:
        return compare(r);
    case IO_WRITE_ZEROES:
        return write_zeroes(r);
    case IO_DSM:
        return dataset_management(r);
    default:
        return NVME_INVALID_OPCODE | NVME_DNR;
    }
}

/* ---- Format NVM ---- */

static bool formats(const NvmeRequest *r, uint32_t i)
{
    uint32_t nsid = load_le32(r->sqe + 4);
    return r->n->ns[i] && (nsid == UINT32_MAX || nsid == i);
}

static void format_done(void *opaque, int ret)
{
    NvmeRequest *r = opaque;
    if (ret && !r->status)
        r->status = status_of(r, ret);
    if (--r->pending)
        return;
    for (unsigned i = 1; i <= NVME_MAX_NS; i++) {
        if (!formats(r, i))
            continue;
        r->n->ns[i]->formatting = 0;
        if (!r->status)
            r->n->ns[i]->format = r->sqe[40] & 15;
    }
    nvme_complete_async(r, r->status, r->ns->drive);
}

uint16_t nvme_format(NvmeRequest *r)
{
    enum { CRYPTOGRAPHIC_ERASE = 2 };
    Nvme *n = r->n;
    uint32_t nsid = load_le32(r->sqe + 4), cdw10 = load_le32(r->sqe + 40);
    if (!nsid || (nsid > NVME_MAX_NS && nsid != UINT32_MAX))
        return NVME_INVALID_NS | NVME_DNR;
    if ((cdw10 >> 5 & 7) || (cdw10 >> 9 & 7) > 1) /* protection information; ways of erasing */
        return (cdw10 >> 5 & 7 ? NVME_INVALID_FORMAT : NVME_INVALID_FIELD) | NVME_DNR;
    for (unsigned i = 1; i <= NVME_MAX_NS; i++) {
        if (!formats(r, i))
            continue;
        r->ns = n->ns[i];
        if (!nvme_ns_format_size(r->ns, cdw10 & 15))
            return NVME_INVALID_FORMAT | NVME_DNR;
        if (block_read_only(r->ns->drive))
            return NVME_WRITE_PROTECTED | NVME_DNR;
        if (r->ns->formatting)
            return NVME_FORMAT_IN_PROGRESS;
    }
    if (!r->ns)
        return nsid == UINT32_MAX ? NVME_OK : NVME_INVALID_FIELD | NVME_DNR;
    /* What is under way has been given its blocks of the old size. */
    r->pending = 1;
    for (unsigned i = 1; i <= NVME_MAX_NS; i++) {
        if (!formats(r, i))
            continue;
        n->ns[i]->formatting = 1;
        r->pending++;
        block_submit(n->ns[i]->drive, BLOCK_WRITE_ZEROES, 0, NULL, 0, block_size(n->ns[i]->drive),
                     format_done, r);
    }
    return parts_submitted(r);
}
