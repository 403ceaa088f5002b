/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVMe controller (NVM Express Base Specification 1.4), as QEMU's with its default options:
 * registers, doorbells, queues, completions and their interrupts, snapshots.
 *
 * Queues must lie in RAM: a controller that would have to ask other devices for its commands stops
 * (CSTS.CFS). Left out: controller memory buffer, persistent memory region, subsystems with several
 * controllers, virtual functions, shadow doorbells, zones, weighted arbitration.
 */
#include "hw/block/nvme.h"

#include <string.h>

#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

/* Registers, NVMe 3.1 */
enum { R_CAP = 0x00, R_VS = 0x08, R_INTMS = 0x0c, R_INTMC = 0x10, R_CC = 0x14, R_CSTS = 0x1c,
       R_AQA = 0x24, R_ASQ = 0x28, R_ACQ = 0x30, R_DOORBELLS = 0x1000 };
enum { CC_EN = 1, CC_WRITABLE = 0x00fffff1, CSTS_RDY = 1, CSTS_CFS = 2, CSTS_SHST = 12,
       CSTS_SHST_DONE = 8 };
enum { MPS_MAX = 4, CSS_NVM = 0, CSS_ALL = 6, CSS_ADMIN = 7, VERSION_1_4 = 0x10400 };

/* 2048 entries, contiguous queues, 7.5 s, command sets (NVM, all, none), pages of up to 64 KiB */
static const uint64_t cap = (NVME_MAX_QUEUE - 1) | 1ull << 16 | 15ull << 24 |
                            (1ull | 1ull << 6 | 1ull << 7) << 37 | (uint64_t)MPS_MAX << 52;

static void run_queue(NvmeSq *sq, Nvme *n);

/* ---- interrupts ---- */

void nvme_pin_update(Nvme *n)
{
    if (!pci_msix_enabled(&n->pci))
        pci_set_intx(&n->pci, (n->irq_status & ~n->intms) != 0);
}

/* Of all completion queues that got entries since the last time. */
static void notify(Nvme *n)
{
    if (n->notifying)
        return;
    n->notifying = true;
    for (unsigned i = 0; i <= n->max_ioqpairs; i++) {
        NvmeCq *cq = &n->cq[i];
        if (!cq->posted)
            continue;
        cq->posted = false;
        if (!cq->there || !cq->interrupts)
            continue;
        if (pci_msix_enabled(&n->pci))
            pci_msix_notify(&n->pci, cq->vector);
        else if (cq->head != cq->tail)
            n->irq_status |= BIT(cq->vector & 31);
    }
    n->notifying = false;
    nvme_pin_update(n);
}

/* ---- completions ---- */

void nvme_fatal(Nvme *n, const char *why)
{
    if (!(n->csts & CSTS_CFS))
        log_guest_error("nvme", "%s; the controller stops until it is reset", why);
    n->csts |= CSTS_CFS;
}

static void *ring(Nvme *n, uint64_t addr, unsigned len, bool write)
{
    uint64_t got = len;
    void *p = address_space_map(n->pci.dev.dma, addr, &got, write);
    if (p && got == len)
        return p;
    nvme_fatal(n, "a queue is not in RAM");
    return NULL;
}

static bool cq_full(const NvmeCq *cq)
{
    return (cq->tail + 1) % cq->size == cq->head;
}

/* 4.6: the phase bit tells the driver that the entry is new. */
static void post(Nvme *n, NvmeSq *sq, NvmeCq *cq, uint16_t cid, uint32_t result, uint16_t status)
{
    uint8_t *p = ring(n, cq->addr + (uint64_t)cq->tail * NVME_CQE, NVME_CQE, true);
    sq->in_flight--;
    if (!p)
        return;
    store_le32(p, result);
    store_le32(p + 4, 0);
    store_le16(p + 8, sq->head);
    store_le16(p + 10, sq->id);
    store_le16(p + 12, cid);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    store_le16(p + 14, status << 1 | cq->phase);
    address_space_unmap(n->pci.dev.dma, p, NVME_CQE, true);
    cq->tail++;
    if (cq->tail == cq->size) {
        cq->tail = 0;
        cq->phase = !cq->phase;
    }
    cq->posted = true;
}

/* Those that waited for room in this queue, in their order. */
static void post_waiting(Nvme *n, NvmeCq *cq)
{
    for (guint i = 0; i < n->waiting->len && !cq_full(cq);) {
        NvmeWaiting w = g_array_index(n->waiting, NvmeWaiting, i);
        if (n->sq[w.sq].cq != cq->id) {
            i++;
            continue;
        }
        g_array_remove_index(n->waiting, i);
        post(n, &n->sq[w.sq], cq, w.cid, w.result, w.status);
    }
}

void nvme_drop_waiting(Nvme *n, const NvmeSq *sq)
{
    for (guint i = n->waiting->len; i-- > 0;)
        if (g_array_index(n->waiting, NvmeWaiting, i).sq == sq->id)
            g_array_remove_index(n->waiting, i);
}

void nvme_complete(NvmeRequest *r, uint16_t status)
{
    Nvme *n = r->n;
    NvmeWaiting w = { r->sq->id, load_le16(r->sqe + 2), status, r->result };
    NvmeCq *cq = &n->cq[r->sq->cq];
    nvme_unmap(r);
    g_free(r->buffer);
    if (n->waiting->len || cq_full(cq)) {
        g_array_append_val(n->waiting, w);
        post_waiting(n, cq);
    } else {
        post(n, r->sq, cq, w.cid, w.result, w.status);
    }
    g_free(r);
}

void nvme_complete_async(NvmeRequest *r, uint16_t status, BlockBackend *drive)
{
    Nvme *n = r->n;
    NvmeSq *sq = r->sq;
    bool running = sq->running;
    nvme_complete(r, status);
    if (running)
        return; /* who empties the queue goes on */
    run_queue(sq, n);
    if (!block_completions_left(drive))
        notify(n);
}

/* ---- events, 5.2 ---- */

/* Hands what waits to commands that wait for it. */
void nvme_send_events(Nvme *n)
{
    for (unsigned kind = 0; kind < NVME_EVENTS && n->n_aer; kind++) {
        if (!(n->event_pending & BIT(kind)) || n->event_masked & BIT(kind))
            continue;
        n->event_pending &= ~BIT(kind);
        n->event_masked |= BIT(kind); /* until its log was read */
        uint16_t cid = n->aer[--n->n_aer];
        NvmeRequest *r = g_new0(NvmeRequest, 1);
        r->n = n;
        r->sq = &n->sq[0];
        store_le16(r->sqe + 2, cid);
        r->result = n->event[kind];
        nvme_complete(r, NVME_OK);
    }
}

void nvme_post_event(Nvme *n, unsigned kind, uint8_t info, uint8_t log)
{
    if (!(n->csts & CSTS_RDY) || (kind == NVME_EVENT_NOTICE && !(n->async_config & BIT(8))))
        return;
    n->event_pending |= BIT(kind);
    n->event[kind] = kind | info << 8 | (uint32_t)log << 16;
    nvme_send_events(n);
    notify(n);
}

/* ---- submission ---- */

static bool may_fetch(const Nvme *n, const NvmeSq *sq)
{
    return sq->there && sq->head != sq->tail && sq->in_flight < sq->size && n->csts & CSTS_RDY &&
           !(n->csts & CSTS_CFS);
}

static void run_one(Nvme *n, NvmeSq *sq)
{
    const void *p = ring(n, sq->addr + (uint64_t)sq->head * NVME_SQE, NVME_SQE, false);
    if (!p)
        return;
    NvmeRequest *r = g_new0(NvmeRequest, 1);
    r->n = n;
    r->sq = sq;
    memcpy(r->sqe, p, NVME_SQE);
    sq->head = (sq->head + 1) % sq->size;
    sq->in_flight++;
    uint16_t status = sq->id ? nvme_io(r) : nvme_admin(r);
    if (status != NVME_PENDING)
        nvme_complete(r, status);
}

/* Commands up to the tail, which the guest can't move meanwhile. */
static void run_queue(NvmeSq *sq, Nvme *n)
{
    if (sq->running)
        return;
    sq->running = true;
    /* What the end of a batch completes makes room for more. */
    while (may_fetch(n, sq)) {
        block_batch_begin();
        while (may_fetch(n, sq))
            run_one(n, sq);
        block_batch_end();
    }
    sq->running = false;
}

void nvme_drain(Nvme *n)
{
    for (unsigned i = 1; i <= NVME_MAX_NS; i++)
        if (n->ns[i])
            block_drain(n->ns[i]->drive);
}

/* 3.1.24: even doorbells are submission tails, odd ones completion heads. */
static void doorbell(Nvme *n, hwaddr offset, uint32_t value)
{
    enum { BAD_REGISTER = 0, BAD_VALUE = 1, ERROR_LOG = 1 };
    unsigned index = (offset - R_DOORBELLS) / 4, id = index / 2;
    bool completion = index & 1;
    if (offset & 3 || id > n->max_ioqpairs || !(completion ? n->cq[id].there : n->sq[id].there)) {
        log_guest_error("nvme", "doorbell 0x%x of no queue", (unsigned)offset);
        nvme_post_event(n, NVME_EVENT_ERROR, BAD_REGISTER, ERROR_LOG);
        return;
    }
    uint32_t size = completion ? n->cq[id].size : n->sq[id].size;
    if (value >= size) {
        log_guest_error("nvme", "doorbell of queue %u: %u, which has %u entries", id, value, size);
        nvme_post_event(n, NVME_EVENT_ERROR, BAD_VALUE, ERROR_LOG);
        return;
    }
    if (!completion) {
        n->sq[id].tail = value;
        run_queue(&n->sq[id], n);
        notify(n);
        return;
    }
    NvmeCq *cq = &n->cq[id];
    cq->head = value;
    post_waiting(n, cq);
    for (unsigned i = 0; i <= n->max_ioqpairs; i++)
        if (n->sq[i].there && n->sq[i].cq == id && n->sq[i].head != n->sq[i].tail)
            run_queue(&n->sq[i], n);
    if (cq->head == cq->tail && cq->interrupts) {
        bool others = false;
        for (unsigned i = 0; i <= n->max_ioqpairs; i++)
            others |= n->cq[i].there && n->cq[i].interrupts && n->cq[i].head != n->cq[i].tail &&
                      n->cq[i].vector == cq->vector;
        if (!others)
            n->irq_status &= ~BIT(cq->vector & 31);
    }
    notify(n);
}

/* ---- CC ---- */

static void controller_reset(Nvme *n)
{
    n->csts = 0; /* nothing more is fetched */
    nvme_drain(n);
    for (unsigned i = 0; i <= n->max_ioqpairs; i++) {
        n->sq[i] = (NvmeSq){ .id = i };
        n->cq[i] = (NvmeCq){ .id = i };
    }
    g_array_set_size(n->waiting, 0);
    n->n_aer = 0;
    n->event_pending = n->event_masked = 0;
    memset(n->event, 0, sizeof n->event);
    memset(n->changed_ns, 0, sizeof n->changed_ns);
    n->irq_status = 0;
    n->async_config = BIT(8); /* namespaces change */
    n->temp_over = 343;
    n->temp_under = 0;
    n->recovery_time = 0;
    nvme_pin_update(n);
}

static bool start(Nvme *n)
{
    unsigned mps = n->cc >> 7 & 15, css = n->cc >> 4 & 7, ams = n->cc >> 11 & 7;
    uint32_t sq_size = (n->aqa & 0xfff) + 1, cq_size = (n->aqa >> 16 & 0xfff) + 1;
    if (mps > MPS_MAX || ams || (css != CSS_NVM && css != CSS_ALL && css != CSS_ADMIN) ||
        sq_size < 2 || cq_size < 2 || n->asq % (NVME_PAGE << mps) || n->acq % (NVME_PAGE << mps)) {
        nvme_fatal(n, "CC, AQA, ASQ or ACQ make no sense");
        return false;
    }
    n->sq[0] = (NvmeSq){ .there = true, .size = sq_size, .addr = n->asq };
    n->cq[0] = (NvmeCq){ .there = true, .size = cq_size, .addr = n->acq, .phase = true,
                         .interrupts = true };
    n->csts = CSTS_RDY;
    return true;
}

/* 3.1.5: CC.SHN; what is written is on the medium when CSTS.SHST says that it is over. */
static void flushed(void *opaque, int ret)
{
}

static void shut_down(Nvme *n)
{
    for (unsigned i = 1; i <= NVME_MAX_NS; i++)
        if (n->ns[i])
            block_submit(n->ns[i]->drive, BLOCK_FLUSH, 0, NULL, 0, 0, flushed, NULL);
    nvme_drain(n);
    n->csts = (n->csts & ~CSTS_SHST) | CSTS_SHST_DONE;
}

static void write_cc(Nvme *n, uint32_t v)
{
    uint32_t old = n->cc;
    n->cc = v & CC_WRITABLE;
    if (n->cc & ~old & CC_EN)
        start(n);
    else if (old & ~n->cc & CC_EN)
        controller_reset(n);
    if (v >> 14 & 3 && !(old >> 14 & 3))
        shut_down(n);
    else if (!(v >> 14 & 3))
        n->csts &= ~CSTS_SHST;
}

/* ---- registers ---- */

static uint64_t read_register(const Nvme *n, hwaddr offset)
{
    switch (offset) {
    case R_CAP:
        return cap;
    case R_VS:
        return VERSION_1_4 | (uint64_t)n->intms << 32;
    case R_INTMC & ~7:
        return n->intms | (uint64_t)n->cc << 32;
    case R_CSTS & ~7:
        return (uint64_t)n->csts << 32;
    case R_AQA & ~7:
        return (uint64_t)n->aqa << 32;
    case R_ASQ:
        return n->asq;
    case R_ACQ:
        return n->acq;
    default:
        return 0;
    }
}

static MemResult nvme_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Nvme *n = opaque;
    uint64_t v = offset < R_DOORBELLS ? read_register(n, offset & ~7ull) : 0;
    *value = v >> 8 * (offset & 7);
    if (size < 8)
        *value &= MASK(8 * size);
    return MEM_OK;
}

static void write_half(uint64_t *reg, bool high, uint32_t v)
{
    *reg = high ? (*reg & MASK(32)) | (uint64_t)v << 32 : (*reg & ~MASK(32)) | v;
}

static void write_register(Nvme *n, hwaddr offset, uint32_t v)
{
    switch (offset) {
    case R_INTMS:
        n->intms |= v;
        nvme_pin_update(n);
        break;
    case R_INTMC:
        n->intms &= ~v;
        nvme_pin_update(n);
        break;
    case R_CC:
        write_cc(n, v);
        break;
    case R_AQA:
        n->aqa = v & 0x0fff0fff;
        break;
    case R_ASQ:
    case R_ASQ + 4:
        write_half(&n->asq, offset & 4, offset & 4 ? v : v & ~0xfffu);
        break;
    case R_ACQ:
    case R_ACQ + 4:
        write_half(&n->acq, offset & 4, offset & 4 ? v : v & ~0xfffu);
        break;
    default:
        log_guest_error("nvme", "write of register 0x%x", (unsigned)offset);
    }
}

static MemResult nvme_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Nvme *n = opaque;
    if (n->notifying) /* by our own message */
        return MEM_OK;
    if (size < 4 || offset & 3) {
        log_guest_error("nvme", "write of %u bytes at 0x%x", size, (unsigned)offset);
        return MEM_OK;
    }
    if (offset >= R_DOORBELLS) {
        doorbell(n, offset, value);
        return MEM_OK;
    }
    write_register(n, offset, value);
    if (size == 8)
        write_register(n, offset + 4, value >> 32);
    return MEM_OK;
}

static const MmioOps nvme_ops = { .read = nvme_read, .write = nvme_write, .min_size = 1,
                                  .max_size = 8 };

/* ---- the bus of namespaces ---- */

static bool plug(Bus *bus, Device *child, GError **error)
{
    Nvme *n = (Nvme *)bus->owner;
    NvmeNs *ns = (NvmeNs *)child;
    for (unsigned i = 1; !ns->nsid && i <= NVME_MAX_NS; i++)
        if (!n->ns[i])
            ns->nsid = i;
    if (!ns->nsid)
        return error_set(error, "no free namespace id");
    if (n->ns[ns->nsid])
        return error_set(error, "namespace id '%u' already allocated", ns->nsid);
    ns->n = n;
    n->ns[ns->nsid] = ns;
    return true;
}

/* ---- life ---- */

static bool check_props(Nvme *n, GError **error)
{
    if (n->num_queues) {
        warn_report("num_queues is deprecated; please use max_ioqpairs instead");
        n->max_ioqpairs = n->num_queues - 1;
    }
    if (n->max_ioqpairs < 1 || n->max_ioqpairs > 65535)
        return error_set(error, "max_ioqpairs must be between 1 and 65535");
    if (n->msix_qsize < 1 || n->msix_qsize > 2048)
        return error_set(error, "msix_qsize must be between 1 and 2048");
    if (!n->serial)
        return error_set(error, "serial property not set");
    if (strlen(n->serial) > 20)
        return error_set(error, "serial is longer than 20 bytes");
    if (n->aerl == UINT8_MAX)
        return error_set(error, "aerl must be below 255");
    if (n->cmb_size_mb)
        return error_set(error, "cmb_size_mb: there is no controller memory buffer; leave it out");
    return true;
}

static bool add_bar(Nvme *n, GError **error)
{
    uint32_t doorbells = ALIGN_UP(R_DOORBELLS + 8 * (n->max_ioqpairs + 1), NVME_PAGE);
    uint32_t pba = doorbells + ALIGN_UP(16u * n->msix_qsize, NVME_PAGE), size = doorbells;
    if (!n->msix_exclusive_bar)
        size = pba + ALIGN_UP((n->msix_qsize + 63u) / 64 * 8, NVME_PAGE);
    uint32_t pow2 = NVME_PAGE;
    while (pow2 < size)
        pow2 *= 2;
    memory_region_init_container(&n->bar, "nvme-bar0", pow2);
    /* Behind the MSI-X table, too: there are no holes that would fault. */
    memory_region_init_mmio(&n->registers, "nvme", pow2, &nvme_ops, n);
    memory_region_add(&n->bar, 0, &n->registers, -1);
    pci_add_bar(&n->pci, 0, PCI_BAR_MEM64, &n->bar);
    return n->msix_exclusive_bar
               ? pci_add_msix(&n->pci, n->msix_qsize, 4, error)
               : pci_add_msix_in(&n->pci, n->msix_qsize, 0, &n->bar, doorbells, pba, error);
}

static void free_queues(Nvme *n)
{
    g_clear_pointer(&n->sq, g_free);
    g_clear_pointer(&n->cq, g_free);
    g_clear_pointer(&n->waiting, g_array_unref);
}

static char *boot_node(const Bus *bus, const Device *child)
{
    return g_strdup_printf("namespace@%x,0", ((const NvmeNs *)child)->nsid);
}

static bool nvme_realize(void *dev, GError **error)
{
    Nvme *n = dev;
    if (!check_props(n, error))
        return false;
    n->sq = g_new0(NvmeSq, n->max_ioqpairs + 1);
    n->cq = g_new0(NvmeCq, n->max_ioqpairs + 1);
    n->waiting = g_array_new(FALSE, FALSE, sizeof(NvmeWaiting));
    n->bus = bus_new("nvme-bus", n->pci.dev.id, &n->pci.dev);
    n->bus->plug = plug;
    n->bus->boot_node = boot_node;
    if (n->use_intel_id) {
        store_le16(n->pci.config + PCI_VENDOR_ID, 0x8086);
        store_le16(n->pci.config + PCI_DEVICE_ID, 0x5845);
    }
    pci_use_intx(&n->pci);
    controller_reset(n);
    if (add_bar(n, error) && (!n->drive || nvme_add_own_ns(n, error)))
        return true;
    free_queues(n);
    return false;
}

static void nvme_unrealize(void *dev)
{
    Nvme *n = dev;
    memory_region_deinit(&n->registers);
    memory_region_deinit(&n->bar);
    free_queues(n);
}

static void nvme_reset(void *dev)
{
    Nvme *n = dev;
    controller_reset(n);
    n->cc = n->aqa = n->intms = 0;
    n->asq = n->acq = 0;
    n->timestamp = n->timestamp_set_ns = 0;
    n->timestamp_origin = 0;
}

/* ---- state ---- */

enum { SQ_RECORD = 1 + 2 + 3 * 4 + 8, CQ_RECORD = 1 + 2 + 3 * 4 + 8, WAITING_RECORD = 10 };

static void save_queues(const void *obj, GByteArray *out)
{
    const Nvme *n = obj;
    for (unsigned i = 0; i <= n->max_ioqpairs; i++) {
        const NvmeSq *sq = &n->sq[i];
        const NvmeCq *cq = &n->cq[i];
        uint8_t b[SQ_RECORD + CQ_RECORD];
        b[0] = sq->there;
        store_le16(b + 1, sq->cq);
        store_le32(b + 3, sq->size);
        store_le32(b + 7, sq->head);
        store_le32(b + 11, sq->tail);
        store_le64(b + 15, sq->addr);
        uint8_t *c = b + SQ_RECORD;
        c[0] = cq->there | cq->phase << 1 | cq->interrupts << 2 | cq->posted << 3;
        store_le16(c + 1, cq->vector);
        store_le32(c + 3, cq->size);
        store_le32(c + 7, cq->head);
        store_le32(c + 11, cq->tail);
        store_le64(c + 15, cq->addr);
        g_byte_array_append(out, b, sizeof b);
    }
    for (guint i = 0; i < n->waiting->len; i++) {
        const NvmeWaiting *w = &g_array_index(n->waiting, NvmeWaiting, i);
        uint8_t b[WAITING_RECORD];
        store_le16(b, w->sq);
        store_le16(b + 2, w->cid);
        store_le16(b + 4, w->status);
        store_le32(b + 6, w->result);
        g_byte_array_append(out, b, sizeof b);
    }
}

static bool ring_ok(bool there, uint32_t size, uint32_t head, uint32_t tail)
{
    return !there || (size >= 2 && size <= 4096 && head < size && tail < size);
}

static bool check_queues(const Nvme *n, const uint8_t *data, size_t len)
{
    size_t fixed = (size_t)(n->max_ioqpairs + 1) * (SQ_RECORD + CQ_RECORD);
    if (len < fixed || (len - fixed) % WAITING_RECORD)
        return false;
    for (unsigned i = 0; i <= n->max_ioqpairs; i++) {
        const uint8_t *b = data + (size_t)i * (SQ_RECORD + CQ_RECORD), *c = b + SQ_RECORD;
        if (!ring_ok(b[0] & 1, load_le32(b + 3), load_le32(b + 7), load_le32(b + 11)) ||
            !ring_ok(c[0] & 1, load_le32(c + 3), load_le32(c + 7), load_le32(c + 11)) ||
            (c[0] & 1 && load_le16(c + 1) >= n->msix_qsize))
            return false;
        unsigned cq = load_le16(b + 1);
        if (b[0] & 1 && (cq > n->max_ioqpairs ||
                         !(data[(size_t)cq * (SQ_RECORD + CQ_RECORD) + SQ_RECORD] & 1)))
            return false;
    }
    for (const uint8_t *w = data + fixed; w < data + len; w += WAITING_RECORD)
        if (load_le16(w) > n->max_ioqpairs ||
            !(data[(size_t)load_le16(w) * (SQ_RECORD + CQ_RECORD)] & 1))
            return false;
    return true;
}

static bool load_queues(void *obj, const uint8_t *data, size_t len, GError **error)
{
    Nvme *n = obj;
    if (!check_queues(n, data, len))
        return error_set(error, "its queues are damaged, or it has another number of them");
    const uint8_t *end = data + len;
    for (unsigned i = 0; i <= n->max_ioqpairs; i++, data += SQ_RECORD + CQ_RECORD) {
        const uint8_t *c = data + SQ_RECORD;
        n->sq[i] = (NvmeSq){ .id = i, .there = data[0] & 1, .cq = load_le16(data + 1),
                             .size = load_le32(data + 3), .head = load_le32(data + 7),
                             .tail = load_le32(data + 11), .addr = load_le64(data + 15) };
        n->cq[i] = (NvmeCq){ .id = i, .there = c[0] & 1, .phase = c[0] & 2, .interrupts = c[0] & 4,
                             .posted = c[0] & 8, .vector = load_le16(c + 1),
                             .size = load_le32(c + 3), .head = load_le32(c + 7),
                             .tail = load_le32(c + 11), .addr = load_le64(c + 15) };
    }
    g_array_set_size(n->waiting, 0);
    for (; data < end; data += WAITING_RECORD) {
        NvmeWaiting w = { load_le16(data), load_le16(data + 2), load_le16(data + 4),
                          load_le32(data + 6) };
        n->sq[w.sq].in_flight++;
        g_array_append_val(n->waiting, w);
    }
    return true;
}

static void nvme_loaded(void *dev)
{
    Nvme *n = dev;
    n->n_aer = n->sq[0].there ? MIN(n->n_aer, n->aerl + 1u) : 0;
    n->event_pending &= MASK(NVME_EVENTS);
    if (!n->sq[0].there)
        n->csts &= ~CSTS_RDY;
    if ((n->cc >> 7 & 15) > MPS_MAX)
        n->cc &= ~(15u << 7);
    n->sq[0].in_flight += n->n_aer;
    nvme_pin_update(n);
}

static const StateField nvme_state[] = {
    PCI_STATE(Nvme, pci),
    STATE(Nvme, intms), STATE(Nvme, cc), STATE(Nvme, csts), STATE(Nvme, aqa), STATE(Nvme, asq),
    STATE(Nvme, acq), STATE(Nvme, irq_status), STATE_ARRAY(Nvme, aer), STATE(Nvme, n_aer),
    STATE_ARRAY(Nvme, event), STATE(Nvme, event_pending), STATE(Nvme, event_masked),
    STATE(Nvme, async_config), STATE(Nvme, temp_over), STATE(Nvme, temp_under),
    STATE(Nvme, recovery_time), STATE(Nvme, timestamp), STATE(Nvme, timestamp_set_ns),
    STATE(Nvme, timestamp_origin), STATE_ARRAY(Nvme, changed_ns),
    { .name = "queues", .type = STATE_CUSTOM, .count = 1, .save = save_queues,
      .load = load_queues },
    { .name = NULL },
};

static const Prop nvme_props[] = {
    PCI_PROPS(Nvme, pci),
    PROP(Nvme, "drive", drive, PROP_DRIVE, NULL, NULL),
    PROP(Nvme, "serial", serial, PROP_STRING, NULL, "serial number; up to 20 bytes"),
    PROP(Nvme, "max_ioqpairs", max_ioqpairs, PROP_U32, "64", "most pairs of queues for I/O"),
    PROP(Nvme, "num_queues", num_queues, PROP_U32, "0", "old form: pairs of queues, and one"),
    PROP(Nvme, "msix_qsize", msix_qsize, PROP_U16, "65", "MSI-X vectors"),
    PROP(Nvme, "msix-exclusive-bar", msix_exclusive_bar, PROP_BOOL, "off", "MSI-X in BAR 4"),
    PROP(Nvme, "aerl", aerl, PROP_U8, "3", "most asynchronous event requests, less one"),
    PROP(Nvme, "aer_max_queued", aer_max_queued, PROP_U32, "64",
         "accepted; one event of each kind waits"),
    PROP(Nvme, "mdts", mdts, PROP_U8, "7", "most data of a command, as a power of two of pages"),
    PROP(Nvme, "vsl", vsl, PROP_U8, "7", "accepted; there is no Verify command"),
    PROP(Nvme, "cmb_size_mb", cmb_size_mb, PROP_U32, "0", "only 0 is supported"),
    PROP(Nvme, "smart_critical_warning", smart_warning, PROP_U8, "0", "bits of the SMART log"),
    PROP(Nvme, "use-intel-id", use_intel_id, PROP_BOOL, "off", "PCI ids of an Intel device"),
    PROP(Nvme, "ioeventfd", ioeventfd, PROP_BOOL, "off", "accepted without effect"),
    PROP(Nvme, "logical_block_size", logical_size, PROP_SIZE, "0", "bytes of a block"),
    PROP(Nvme, "physical_block_size", physical_size, PROP_SIZE, "0",
         "bytes that the disk writes best"),
    PROP(Nvme, "min_io_size", min_io_size, PROP_SIZE, "0", "hint for the guest"),
    PROP(Nvme, "opt_io_size", opt_io_size, PROP_SIZE, "0", "hint for the guest"),
    PROP(Nvme, "discard_granularity", discard_granularity, PROP_SIZE, "4294967295",
         "alignment of deallocation"),
    PROP(Nvme, "write-cache", write_cache, PROP_ON_OFF_AUTO, "auto",
         "write-back cache; auto: as -drive cache= says"),
    PROP(Nvme, "share-rw", share_rw, PROP_BOOL, "off", "accepted; drives serve one device"),
    PROP_BOOT(Nvme, bootindex, "namespace@1,0"),
    PROP_LAST,
};

static const PciClass nvme_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x0010, .revision = 2, .class_code = 0x010802,
};

static const DeviceType nvme_type = {
    .name = "nvme", .doc = "Non-Volatile Memory Express", .category = CATEGORY_STORAGE,
    .user_creatable = true, .bus_type = "pci", .size = sizeof(Nvme), .version = 1,
    .props = nvme_props, .state = nvme_state, .realize = nvme_realize,
    .unrealize = nvme_unrealize, .reset = nvme_reset, .loaded = nvme_loaded,
    .class_data = &nvme_class,
};
DEVICE_REGISTER(nvme_type)
