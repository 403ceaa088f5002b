/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's buffers of a command: physical region pages, scatter gather lists (NVMe 4.3, 4.4). */
#include <string.h>

#include "hw/block/nvme.h"
#include "hw/virtio.h"
#include "util/bits.h"

static uint16_t add(NvmeRequest *r, uint64_t addr, uint64_t len)
{
    while (len) {
        uint64_t n = len;
        void *p = address_space_map(r->n->pci.dev.dma, addr, &n, r->to_guest);
        if (!p || addr + (n - 1) < addr)
            return NVME_DATA_TRANSFER;
        if (r->n_iov == r->max_iov) {
            r->max_iov = MAX(16, 2 * r->max_iov);
            r->iov = g_renew(struct iovec, r->iov, r->max_iov);
        }
        r->iov[r->n_iov++] = (struct iovec){ p, n };
        r->len += n;
        addr += n;
        len -= n;
    }
    return NVME_OK;
}

/* A piece of the guest's lists, which must be RAM: it is copied before it is looked at. */
static bool fetch(Nvme *n, uint64_t addr, void *to, uint64_t len)
{
    uint64_t got = len;
    void *p = address_space_map(n->pci.dev.dma, addr, &got, false);
    if (!p || got != len)
        return false;
    memcpy(to, p, len);
    return true;
}

/* 4.3: the first entry may begin within a page, others are whole; lists chain by their last. */
static uint16_t map_prp(NvmeRequest *r, uint64_t prp1, uint64_t prp2, uint64_t len)
{
    uint64_t page = nvme_page_size(r->n), first = MIN(len, page - prp1 % page), list = 0;
    uint16_t status = prp1 & 3 ? NVME_PRP_OFFSET | NVME_DNR : add(r, prp1, first);
    len -= first;
    if (status || !len)
        return status;
    if (len <= page) {
        if (prp2 % page)
            return NVME_PRP_OFFSET | NVME_DNR;
        return add(r, prp2, len);
    }
    if (prp2 & 7)
        return NVME_PRP_OFFSET | NVME_DNR;
    for (list = prp2; len;) {
        uint64_t entry;
        if (!fetch(r->n, list, &entry, sizeof entry))
            return NVME_DATA_TRANSFER;
        if (entry % page)
            return NVME_PRP_OFFSET | NVME_DNR;
        /* Each chain of lists brings a page of data nearer: at least two entries fit in one. */
        if (len > page && list % page == page - 8) {
            list = entry;
            continue;
        }
        uint64_t n = MIN(len, page);
        status = add(r, entry, n);
        if (status)
            return status;
        len -= n;
        list += 8;
    }
    return NVME_OK;
}

/* 4.4: descriptors of 16 bytes; a segment's last one may point at the next segment. */
static uint16_t map_sgl(NvmeRequest *r, const uint8_t *first, uint64_t len)
{
    enum { DATA = 0, SEGMENT = 2, LAST = 3 };
    uint8_t d[16];
    uint64_t at = 0;
    unsigned left = 0, seen = 0;
    bool last = false;
    memcpy(d, first, sizeof d);
    for (;;) {
        unsigned kind = d[15] >> 4;
        uint64_t addr = load_le64(d);
        uint32_t n = load_le32(d + 8);
        if (d[15] & 15 || ++seen > NVME_MAX_SGL)
            return (seen > NVME_MAX_SGL ? NVME_SGL_COUNT : NVME_SGL_TYPE) | NVME_DNR;
        if (kind == DATA) {
            if (n > len)
                return NVME_SGL_LENGTH | NVME_DNR;
            uint16_t status = add(r, addr, n);
            if (status)
                return status;
            len -= n;
        } else if (kind == SEGMENT || kind == LAST) {
            /* Only as the last of its segment, and none behind a "last segment". */
            if (left || last || !n || n % 16)
                return NVME_SGL_SEGMENT | NVME_DNR;
            at = addr;
            left = MIN(n / 16, NVME_MAX_SGL + 1);
            last = kind == LAST;
        } else {
            return NVME_SGL_TYPE | NVME_DNR;
        }
        if (!left)
            break;
        if (!fetch(r->n, at, d, sizeof d))
            return NVME_DATA_TRANSFER;
        at += 16;
        left--;
    }
    return len ? NVME_SGL_LENGTH | NVME_DNR : NVME_OK;
}

uint16_t nvme_map(NvmeRequest *r, uint64_t len, bool to_guest, bool sgl_allowed)
{
    unsigned psdt = r->sqe[1] >> 6;
    uint16_t status;
    r->to_guest = to_guest;
    if (!len)
        return NVME_OK;
    if (len > NVME_MAX_DATA || psdt == 3 || (psdt && !sgl_allowed))
        return NVME_INVALID_FIELD | NVME_DNR;
    if (psdt)
        status = map_sgl(r, r->sqe + 24, len);
    else
        status = map_prp(r, load_le64(r->sqe + 24), load_le64(r->sqe + 32), len);
    return status;
}

void nvme_unmap(NvmeRequest *r)
{
    for (unsigned i = 0; r->to_guest && i < r->n_iov; i++)
        address_space_unmap(r->n->pci.dev.dma, r->iov[i].iov_base, r->iov[i].iov_len, true);
    g_clear_pointer(&r->iov, g_free);
    r->n_iov = r->max_iov = 0;
}

uint16_t nvme_reply(NvmeRequest *r, const void *data, uint64_t len)
{
    uint16_t status = nvme_map(r, len, true, false);
    if (!status)
        iov_from_buf(r->iov, r->n_iov, 0, data, len);
    return status;
}
