/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Administration of an NVMe controller (NVMe 1.4, chapter 5): queues, features, events, Abort.
 * What is asked for with Identify and Get Log Page is in nvme_log.c, Format NVM in nvme_io.c.
 */
#include <string.h>

#include "hw/block/nvme.h"
#include "hw/virtio.h"
#include "softmmu/run.h"
#include "util/bits.h"

enum { A_DELETE_SQ = 0x00, A_CREATE_SQ = 0x01, A_GET_LOG = 0x02, A_DELETE_CQ = 0x04,
       A_CREATE_CQ = 0x05, A_IDENTIFY = 0x06, A_ABORT = 0x08, A_SET_FEATURES = 0x09,
       A_GET_FEATURES = 0x0a, A_EVENT = 0x0c, A_FORMAT = 0x80 };

/* 5.14.1.5 */
const uint8_t nvme_effects_admin[][2] = {
    { A_DELETE_SQ, 1 }, { A_CREATE_SQ, 1 }, { A_GET_LOG, 1 }, { A_DELETE_CQ, 1 },
    { A_CREATE_CQ, 1 }, { A_IDENTIFY, 1 }, { A_ABORT, 1 }, { A_SET_FEATURES, 1 },
    { A_GET_FEATURES, 1 }, { A_EVENT, 1 }, { A_FORMAT, 3 }, { 0, 0 },
};

static uint32_t dword(const NvmeRequest *r, unsigned n)
{
    return load_le32(r->sqe + 4 * n);
}

/* ---- queues, 5.3 to 5.6 ---- */

static uint16_t check_new_queue(const NvmeRequest *r, bool there)
{
    const Nvme *n = r->n;
    uint32_t id = dword(r, 10) & 0xffff, size = (dword(r, 10) >> 16) + 1;
    uint64_t addr = load_le64(r->sqe + 24);
    if (!id || id > n->max_ioqpairs || there)
        return NVME_INVALID_QUEUE | NVME_DNR;
    if (size < 2 || size > NVME_MAX_QUEUE)
        return NVME_INVALID_QUEUE_SIZE | NVME_DNR;
    if (!addr || addr % nvme_page_size(n))
        return NVME_PRP_OFFSET | NVME_DNR;
    /* Contiguous ones only (CAP.CQR); entries of 64 and 16 bytes (CC.IOSQES, CC.IOCQES). */
    if (!(dword(r, 11) & 1) || (n->cc >> 16 & 15) != 6 || (n->cc >> 20 & 15) != 4)
        return NVME_INVALID_FIELD | NVME_DNR;
    return NVME_OK;
}

static uint16_t create_cq(NvmeRequest *r)
{
    Nvme *n = r->n;
    unsigned id = dword(r, 10) & 0xffff, vector = dword(r, 11) >> 16;
    uint16_t status = check_new_queue(r, id <= n->max_ioqpairs && n->cq[id].there);
    if (status)
        return status;
    if (vector >= n->msix_qsize || (!pci_msix_enabled(&n->pci) && vector))
        return NVME_INVALID_VECTOR | NVME_DNR;
    n->cq[id] = (NvmeCq){ .id = id, .there = true, .phase = true, .vector = vector,
                          .interrupts = dword(r, 11) & 2, .size = (dword(r, 10) >> 16) + 1,
                          .addr = load_le64(r->sqe + 24) };
    return NVME_OK;
}

static uint16_t create_sq(NvmeRequest *r)
{
    Nvme *n = r->n;
    unsigned id = dword(r, 10) & 0xffff, cq = dword(r, 11) >> 16;
    if (!cq || cq > n->max_ioqpairs || !n->cq[cq].there)
        return NVME_INVALID_CQ | NVME_DNR;
    uint16_t status = check_new_queue(r, id <= n->max_ioqpairs && n->sq[id].there);
    if (status)
        return status;
    n->sq[id] = (NvmeSq){ .id = id, .there = true, .cq = cq, .size = (dword(r, 10) >> 16) + 1,
                          .addr = load_le64(r->sqe + 24) };
    return NVME_OK;
}

/* What is under way is done first, and answered. */
static uint16_t delete_sq(NvmeRequest *r)
{
    Nvme *n = r->n;
    unsigned id = dword(r, 10) & 0xffff;
    if (!id || id > n->max_ioqpairs || !n->sq[id].there)
        return NVME_INVALID_QUEUE | NVME_DNR;
    n->sq[id].there = false; /* nothing more is fetched */
    nvme_drain(n);
    nvme_drop_waiting(n, &n->sq[id]);
    n->sq[id] = (NvmeSq){ .id = id };
    return NVME_OK;
}

static uint16_t delete_cq(NvmeRequest *r)
{
    Nvme *n = r->n;
    unsigned id = dword(r, 10) & 0xffff;
    if (!id || id > n->max_ioqpairs || !n->cq[id].there)
        return NVME_INVALID_QUEUE | NVME_DNR;
    for (unsigned i = 1; i <= n->max_ioqpairs; i++)
        if (n->sq[i].there && n->sq[i].cq == id)
            return NVME_INVALID_QUEUE_DELETION | NVME_DNR;
    n->irq_status &= ~BIT(n->cq[id].vector & 31);
    n->cq[id] = (NvmeCq){ .id = id };
    nvme_pin_update(n);
    return NVME_OK;
}

/* ---- events and Abort ---- */

static uint16_t event_request(NvmeRequest *r)
{
    Nvme *n = r->n;
    if (n->n_aer > n->aerl)
        return NVME_AER_LIMIT;
    n->aer[n->n_aer++] = load_le16(r->sqe + 2);
    g_free(r);
    nvme_send_events(n);
    return NVME_PENDING;
}

/* 5.1: nothing can be taken back; bit 0 of the result says so. */
static uint16_t abort_command(NvmeRequest *r)
{
    unsigned id = dword(r, 10) & 0xffff;
    r->result = 1;
    return id > r->n->max_ioqpairs || !r->n->sq[id].there ? NVME_INVALID_FIELD | NVME_DNR : NVME_OK;
}

/* ---- features, 5.12 and 5.21 ---- */

enum { F_ARBITRATION = 0x01, F_POWER = 0x02, F_TEMPERATURE = 0x04, F_RECOVERY = 0x05,
       F_WRITE_CACHE = 0x06, F_QUEUES = 0x07, F_COALESCING = 0x08, F_VECTOR = 0x09,
       F_ATOMICITY = 0x0a, F_EVENTS = 0x0b, F_TIMESTAMP = 0x0e, F_COMMAND_SETS = 0x19 };
enum { CHANGEABLE = 4, PER_NS = 2, TEMPERATURE = 323 };

static const struct {
    uint8_t id, caps;
} features[] = {
    { F_ARBITRATION, 0 }, { F_POWER, 0 }, { F_TEMPERATURE, CHANGEABLE },
    { F_RECOVERY, CHANGEABLE | PER_NS }, { F_WRITE_CACHE, CHANGEABLE }, { F_QUEUES, CHANGEABLE },
    { F_COALESCING, 0 }, { F_VECTOR, 0 }, { F_ATOMICITY, 0 }, { F_EVENTS, CHANGEABLE },
    { F_TIMESTAMP, CHANGEABLE }, { F_COMMAND_SETS, CHANGEABLE },
};

static int capabilities(unsigned id)
{
    for (size_t i = 0; i < ARRAY_LEN(features); i++)
        if (features[i].id == id)
            return features[i].caps;
    return -1;
}

/* Features of namespaces need one; the others take any number that could be one. */
static uint16_t check_feature(const NvmeRequest *r, int caps, bool set)
{
    uint32_t nsid = dword(r, 1);
    if (caps < 0)
        return NVME_INVALID_FIELD | NVME_DNR;
    if (!(caps & PER_NS))
        return set && nsid && nsid != UINT32_MAX ? NVME_NOT_NS_SPECIFIC | NVME_DNR : NVME_OK;
    if (set && nsid == UINT32_MAX)
        return NVME_OK;
    if (!nsid || nsid > NVME_MAX_NS)
        return NVME_INVALID_NS | NVME_DNR;
    return nvme_find_ns(r->n, nsid) ? NVME_OK : NVME_INVALID_FIELD | NVME_DNR;
}

static uint32_t temperature(const NvmeRequest *r, bool initial)
{
    const Nvme *n = r->n;
    unsigned sensor = dword(r, 11) >> 16 & 15, under = dword(r, 11) >> 20 & 3;
    if (sensor || under > 1)
        return 0;
    return under ? (initial ? 0 : n->temp_under) : (initial ? 343 : n->temp_over);
}

static bool any_cache(const Nvme *n)
{
    for (unsigned i = 1; i <= NVME_MAX_NS; i++)
        if (n->ns[i] && block_write_cache(n->ns[i]->drive))
            return true;
    return false;
}

/* Milliseconds since 1970, as it was set, or since the reset (5.21.1.14). */
static uint16_t get_timestamp(NvmeRequest *r)
{
    const Nvme *n = r->n;
    uint64_t since = (uint64_t)clock_ns(CLOCK_VIRTUAL) - n->timestamp_set_ns;
    uint64_t now = n->timestamp + since / 1000000;
    uint8_t data[8];
    store_le64(data, (now & MASK(48)) | (uint64_t)n->timestamp_origin << 49);
    return nvme_reply(r, data, sizeof data);
}

static uint16_t get_features(NvmeRequest *r)
{
    const Nvme *n = r->n;
    unsigned id = dword(r, 10) & 0xff, select = dword(r, 10) >> 8 & 7;
    int caps = capabilities(id);
    uint16_t status = check_feature(r, caps, false);
    bool initial = select == 1 || select == 2; /* default, saved: nothing is */
    if (status)
        return status;
    if (select > 3)
        return NVME_INVALID_FIELD | NVME_DNR;
    if (select == 3) {
        r->result = caps;
        return NVME_OK;
    }
    switch (id) {
    case F_ARBITRATION:
        r->result = 7; /* no limit of a burst */
        break;
    case F_TEMPERATURE:
        r->result = temperature(r, initial);
        break;
    case F_RECOVERY:
        r->result = initial ? 0 : n->recovery_time;
        break;
    case F_WRITE_CACHE:
        r->result = initial || any_cache(n);
        break;
    case F_QUEUES:
        r->result = (n->max_ioqpairs - 1) | (n->max_ioqpairs - 1) << 16;
        break;
    case F_VECTOR:
        r->result = dword(r, 11) & 0xffff;
        if (r->result >= n->msix_qsize)
            return NVME_INVALID_FIELD | NVME_DNR;
        r->result |= r->result ? 0 : BIT(16); /* the admin queue's is never coalesced */
        break;
    case F_EVENTS:
        r->result = initial ? BIT(8) : n->async_config;
        break;
    case F_TIMESTAMP:
        return get_timestamp(r);
    default:
        r->result = 0;
    }
    return NVME_OK;
}

static uint16_t set_temperature(NvmeRequest *r)
{
    Nvme *n = r->n;
    uint32_t v = dword(r, 11);
    unsigned under = v >> 20 & 3;
    if (v >> 16 & 15)
        return NVME_OK; /* sensors that are not there */
    if (under > 1)
        return NVME_INVALID_FIELD | NVME_DNR;
    *(under ? &n->temp_under : &n->temp_over) = v;
    if ((TEMPERATURE >= n->temp_over || TEMPERATURE <= n->temp_under) && n->async_config & BIT(1))
        nvme_post_event(n, NVME_EVENT_SMART, 1, 2);
    return NVME_OK;
}

static uint16_t set_timestamp(NvmeRequest *r)
{
    Nvme *n = r->n;
    uint8_t data[8];
    uint16_t status = nvme_map(r, sizeof data, false, false);
    if (status)
        return status;
    iov_to_buf(r->iov, r->n_iov, 0, data, sizeof data);
    n->timestamp = load_le64(data) & MASK(48);
    n->timestamp_set_ns = clock_ns(CLOCK_VIRTUAL);
    n->timestamp_origin = 1;
    return NVME_OK;
}

static uint16_t set_write_cache(NvmeRequest *r)
{
    for (unsigned i = 1; i <= NVME_MAX_NS; i++)
        if (r->n->ns[i])
            block_set_write_cache(r->n->ns[i]->drive, dword(r, 11) & 1);
    return NVME_OK;
}

static uint16_t set_features(NvmeRequest *r)
{
    Nvme *n = r->n;
    unsigned id = dword(r, 10) & 0xff;
    uint32_t v = dword(r, 11);
    int caps = capabilities(id);
    if (dword(r, 10) >> 31)
        return NVME_NOT_SAVEABLE | NVME_DNR;
    uint16_t status = check_feature(r, caps, true);
    if (status)
        return status;
    if (!(caps & CHANGEABLE))
        return NVME_NOT_CHANGEABLE | NVME_DNR;
    switch (id) {
    case F_TEMPERATURE:
        return set_temperature(r);
    case F_RECOVERY:
        if (v & BIT(16)) /* DULBE: blocks are never told to be deallocated */
            return NVME_INVALID_FIELD | NVME_DNR;
        n->recovery_time = v;
        return NVME_OK;
    case F_WRITE_CACHE:
        return set_write_cache(r);
    case F_QUEUES:
        if ((v & 0xffff) == 0xffff || v >> 16 == 0xffff)
            return NVME_INVALID_FIELD | NVME_DNR;
        r->result = (n->max_ioqpairs - 1) | (n->max_ioqpairs - 1) << 16;
        return NVME_OK;
    case F_EVENTS:
        n->async_config = v;
        return NVME_OK;
    case F_TIMESTAMP:
        return set_timestamp(r);
    case F_COMMAND_SETS: /* the one combination that there is */
        return v & 0x1ff ? NVME_INVALID_FIELD | NVME_DNR : NVME_OK;
    default:
        return NVME_NOT_CHANGEABLE | NVME_DNR;
    }
}

uint16_t nvme_admin(NvmeRequest *r)
{
    if (r->sqe[1] & 3 || r->sqe[1] >> 6) /* fused; SGLs are not for these (4.4) */
        return NVME_INVALID_FIELD | NVME_DNR;
    switch (r->sqe[0]) {
    case A_DELETE_SQ:
        return delete_sq(r);
    case A_CREATE_SQ:
        return create_sq(r);
    case A_GET_LOG:
        return nvme_get_log(r);
    case A_DELETE_CQ:
        return delete_cq(r);
    case A_CREATE_CQ:
        return create_cq(r);
    case A_IDENTIFY:
        return nvme_identify(r);
    case A_ABORT:
        return abort_command(r);
    case A_SET_FEATURES:
        return set_features(r);
    case A_GET_FEATURES:
        return get_features(r);
    case A_EVENT:
        return event_request(r);
    case A_FORMAT:
        return nvme_format(r);
    default:
        return NVME_INVALID_OPCODE | NVME_DNR;
    }
}
