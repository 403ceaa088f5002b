/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an NVMe controller tells of itself: Identify (NVMe 1.4, 5.15) and Get Log Page (5.14). */
#include <string.h>

#include "hw/block/nvme.h"
#include "util/bits.h"

enum { IDENTIFY_BYTES = 4096, TEMPERATURE = 323, CSI_NVM = 0 };

static void put_text(uint8_t *to, const char *text, size_t len)
{
    memset(to, ' ', len);
    memcpy(to, text, strnlen(text, len));
}

static const uint8_t oui[3] = { 0x00, 0x54, 0x52 }; /* 52:54:00, last byte first */

/* Figure 247; offsets are those of the specification. */
static void identify_controller(const Nvme *n, uint8_t *p)
{
    store_le16(p, load_le16(n->pci.config + PCI_VENDOR_ID));
    store_le16(p + 2, load_le16(n->pci.config + PCI_SUBVENDOR_ID));
    put_text(p + 4, n->serial, 20);
    put_text(p + 24, "QEMU NVMe Ctrl", 40);
    put_text(p + 64, "1.0", 8);
    p[72] = 6;                       /* recommended arbitration burst */
    memcpy(p + 73, oui, 3);
    p[77] = n->mdts;
    store_le32(p + 80, 0x10400);
    store_le32(p + 92, BIT(8));      /* events: namespace attributes */
    p[111] = 1;                      /* an I/O controller */
    store_le16(p + 256, BIT(1));     /* Format NVM */
    p[258] = 3;                      /* aborts at once, less one */
    p[259] = n->aerl;
    p[260] = 1 << 1 | 1;             /* one firmware slot, read-only */
    p[261] = 7;                      /* logs: SMART per namespace, effects, offsets */
    store_le16(p + 266, 343);        /* warning and critical temperatures */
    store_le16(p + 268, 373);
    p[512] = 0x66;
    p[513] = 0x44;
    store_le32(p + 516, NVME_MAX_NS);
    /* Compare, Dataset Management, Write Zeroes, Save and Select, Timestamp */
    store_le16(p + 520, BIT(0) | BIT(2) | BIT(3) | BIT(4) | BIT(6));
    p[525] = 7;                      /* a cache; Flush takes the broadcast */
    store_le32(p + 536, 1);          /* SGLs, aligned anyhow */
    g_snprintf((char *)p + 768, 256, "nqn.2019-08.org.qemu:%s", n->serial);
    store_le16(p + 2048, 0x9c4);     /* power state 0: 25 W, latencies */
    store_le32(p + 2052, 16);
    store_le32(p + 2056, 4);
}

/* Figure 245 */
static void identify_ns(const NvmeNs *ns, uint8_t *p)
{
    uint32_t block = nvme_ns_block(ns);
    uint64_t blocks = nvme_ns_blocks(ns);
    uint16_t grain = MAX(ns->discard_granularity / block, 1) - 1;
    unsigned n = 0;
    store_le64(p, blocks);
    store_le64(p + 8, blocks);
    store_le64(p + 16, blocks);
    p[24] = BIT(4);                  /* what follows from offset 64 on is there */
    for (; n < NVME_NS_FORMATS && nvme_ns_format_size(ns, n); n++)
        p[128 + 4 * n + 2] = __builtin_ctz(nvme_ns_format_size(ns, n));
    p[25] = n - 1;
    p[26] = ns->format;
    p[33] = 1;                       /* deallocated blocks read as zeros */
    store_le16(p + 64, MIN(MAX(ns->min_io_size / block, 1) - 1, UINT16_MAX));
    store_le16(p + 66, MIN(MAX(ns->min_io_size / block, 1) - 1, UINT16_MAX));
    store_le16(p + 68, grain);
    store_le16(p + 70, grain);
    store_le16(p + 72, MIN(MAX(ns->opt_io_size / block, 1) - 1, UINT16_MAX));
    if (ns->eui64)
        store_be64(p + 120, ns->eui64);
}

/* 5.15.2.4: type, length, two reserved bytes, the identifier. */
static void identify_descriptors(const NvmeNs *ns, uint8_t *p)
{
    if (ns->has_uuid) {
        p[0] = 3;
        p[1] = 16;
        memcpy(p + 4, ns->raw_uuid, 16);
        p += 20;
    }
    if (ns->eui64) {
        p[0] = 1;
        p[1] = 8;
        store_be64(p + 4, ns->eui64);
        p += 12;
    }
    p[0] = 4; /* the command set */
    p[1] = 1;
    p[4] = CSI_NVM;
}

static void list_namespaces(const Nvme *n, uint32_t above, uint8_t *p)
{
    unsigned k = 0;
    for (uint32_t i = above + 1; i <= NVME_MAX_NS && k < IDENTIFY_BYTES / 4; i++)
        if (n->ns[i])
            store_le32(p + 4 * k++, i);
}

uint16_t nvme_identify(NvmeRequest *r)
{
    const Nvme *n = r->n;
    uint32_t nsid = load_le32(r->sqe + 4);
    unsigned cns = r->sqe[40], csi = r->sqe[47], first = load_le16(r->sqe + 42);
    uint8_t data[IDENTIFY_BYTES] = { 0 };
    const NvmeNs *ns = nvme_find_ns(r->n, nsid);
    bool nsid_ok = nsid && nsid <= NVME_MAX_NS;
    switch (cns) {
    case 0x00: /* namespace; one that is not there is zeros */
    case 0x11:
        if (!nsid_ok)
            return NVME_INVALID_NS | NVME_DNR;
        if (ns)
            identify_ns(ns, data);
        break;
    case 0x01:
        identify_controller(n, data);
        break;
    case 0x02: /* namespaces above that number: of all, of the command set, allocated */
    case 0x07:
    case 0x10:
    case 0x1a:
        if (nsid >= 0xfffffffe)
            return NVME_INVALID_NS | NVME_DNR;
        if ((cns == 0x07 || cns == 0x1a) && csi != CSI_NVM)
            return NVME_INVALID_FIELD | NVME_DNR;
        list_namespaces(n, MIN(nsid, NVME_MAX_NS), data);
        break;
    case 0x03:
        if (!nsid_ok)
            return NVME_INVALID_NS | NVME_DNR;
        if (!ns)
            return NVME_INVALID_FIELD | NVME_DNR;
        identify_descriptors(ns, data);
        break;
    case 0x05: /* of the NVM command set there is nothing more to say */
    case 0x1b:
        if (!nsid_ok)
            return NVME_INVALID_NS | NVME_DNR;
        if (csi != CSI_NVM)
            return NVME_INVALID_FIELD | NVME_DNR;
        break;
    case 0x06:
        if (csi != CSI_NVM)
            return NVME_INVALID_FIELD | NVME_DNR;
        break;
    case 0x12: /* controllers of a namespace, of the subsystem: this one */
        if (!nsid_ok)
            return NVME_INVALID_NS | NVME_DNR;
        if (!ns)
            return NVME_INVALID_FIELD | NVME_DNR;
        /* fall through */
    case 0x13:
        store_le16(data, first ? 0 : 1); /* number 0 */
        break;
    case 0x1c: /* combinations of command sets */
        if (first && first != 0xffff) /* of this controller, or of the one that asks */
            return NVME_INVALID_FIELD | NVME_DNR;
        store_le64(data, BIT(CSI_NVM));
        break;
    default:
        return NVME_INVALID_FIELD | NVME_DNR;
    }
    return nvme_reply(r, data, sizeof data);
}

/* ---- logs ---- */

typedef struct Units {
    uint64_t read, written, reads, writes;
} Units;

static void add_units(const NvmeNs *ns, Units *u)
{
    const BlockStats *s = block_stats(ns->drive);
    u->read += s->of[BLOCK_STAT_READ].bytes;
    u->written += s->of[BLOCK_STAT_WRITE].bytes;
    u->reads += s->of[BLOCK_STAT_READ].operations;
    u->writes += s->of[BLOCK_STAT_WRITE].operations;
}

/* 5.14.1.2: bytes are counted in thousands of 512, rounded up. */
static void smart_log(const Nvme *n, uint32_t nsid, uint8_t *p)
{
    Units u = { 0 };
    for (unsigned i = 1; i <= NVME_MAX_NS; i++)
        if (n->ns[i] && (nsid == UINT32_MAX || !nsid || nsid == i))
            add_units(n->ns[i], &u);
    p[0] = n->smart_warning;
    if (TEMPERATURE >= n->temp_over || TEMPERATURE <= n->temp_under)
        p[0] |= 2;
    store_le16(p + 1, TEMPERATURE);
    store_le64(p + 32, (u.read + 511999) / 512000);
    store_le64(p + 48, (u.written + 511999) / 512000);
    store_le64(p + 64, u.reads);
    store_le64(p + 80, u.writes);
}

static void effects_log(const Nvme *n, uint8_t csi, uint8_t *p)
{
    for (unsigned i = 0; nvme_effects_admin[i][1]; i++)
        store_le32(p + 4 * nvme_effects_admin[i][0], nvme_effects_admin[i][1]);
    for (unsigned i = 0; csi == CSI_NVM && nvme_effects_io[i][1]; i++)
        store_le32(p + 1024 + 4 * nvme_effects_io[i][0], nvme_effects_io[i][1]);
}

/* 5.14.1.4: what changed since this was read last. */
static void changed_log(Nvme *n, bool keep, uint8_t *p)
{
    unsigned k = 0;
    for (unsigned i = 1; i <= NVME_MAX_NS; i++)
        if (n->changed_ns[i / 8] & BIT(i % 8))
            store_le32(p + 4 * k++, i);
    if (!keep)
        memset(n->changed_ns, 0, sizeof n->changed_ns);
}

/* Reading a log without RAE lets events of its kind come again (5.2). */
static void log_read(Nvme *n, unsigned kind)
{
    n->event_masked &= ~BIT(kind);
    nvme_send_events(n);
}

uint16_t nvme_get_log(NvmeRequest *r)
{
    enum { L_ERROR = 1, L_SMART = 2, L_FIRMWARE = 3, L_CHANGED = 4, L_EFFECTS = 5, RAE = 0x8000 };
    static const uint16_t sizes[] = { [L_ERROR] = 64, [L_SMART] = 512, [L_FIRMWARE] = 512,
                                      [L_CHANGED] = 4096, [L_EFFECTS] = 4096 };
    static const uint8_t kinds[] = { [L_ERROR] = NVME_EVENT_ERROR, [L_SMART] = NVME_EVENT_SMART,
                                     [L_FIRMWARE] = NVME_EVENTS, [L_CHANGED] = NVME_EVENT_NOTICE,
                                     [L_EFFECTS] = NVME_EVENTS };
    Nvme *n = r->n;
    uint32_t cdw10 = load_le32(r->sqe + 40), nsid = load_le32(r->sqe + 4);
    uint64_t dwords = (cdw10 >> 16 | (uint64_t)load_le16(r->sqe + 44) << 16) + 1;
    uint64_t offset = load_le64(r->sqe + 48);
    unsigned id = cdw10 & 0xff;
    bool keep = cdw10 & RAE;
    uint8_t data[4096] = { 0 };
    if (!id || id > L_EFFECTS || offset & 3 || offset >= sizes[id])
        return NVME_INVALID_FIELD | NVME_DNR;
    switch (id) {
    case L_SMART:
        if (nsid && nsid != UINT32_MAX && !nvme_find_ns(n, nsid))
            return (nsid > NVME_MAX_NS ? NVME_INVALID_NS : NVME_INVALID_FIELD) | NVME_DNR;
        smart_log(n, nsid, data);
        break;
    case L_FIRMWARE:
        data[0] = 1;
        put_text(data + 8, "1.0", 8);
        break;
    case L_CHANGED:
        if (nsid && nsid != UINT32_MAX)
            return NVME_INVALID_NS | NVME_DNR;
        changed_log(n, keep, data);
        break;
    case L_EFFECTS:
        effects_log(n, r->sqe[59], data);
        break;
    }
    uint16_t status = nvme_reply(r, data + offset, MIN(dwords * 4, sizes[id] - offset));
    if (!status && !keep && kinds[id] < NVME_EVENTS)
        log_read(n, kinds[id]);
    return status;
}
