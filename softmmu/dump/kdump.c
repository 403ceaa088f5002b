/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dump as makedumpfile writes it with -c (its IMPLEMENTATION file, and diskdump_mod.h): pages
 * compressed one by one. As from QEMU it comes flattened: a row of records that say where in the
 * file their bytes go, which suits pipes. crash, libkdumpfile and makedumpfile -R read both.
 *
 * Blocks of the file, each of the guest's page size: header; sub-header and notes; two bitmaps of
 * the page frames (there, dumped), which are the same here; page descriptors; pages.
 */
#include <string.h>
#include <zlib.h>

#include "softmmu/dump/dump_int.h"
#include "util/bits.h"
#include "util/error.h"

enum { FLAT_HEADER = 4096, BUFFER = 1 << 20, COMPRESSED_ZLIB = 1 };
enum { MAX_BITMAP = 1 << 30 };

typedef struct KdumpHeader {
    char signature[8];
    uint32_t version;
    char utsname[LINUX_UTS_NAMES][LINUX_UTS_LEN];
    uint8_t pad[6];
    uint64_t timestamp[2];
    uint32_t status, block_size, sub_blocks, bitmap_blocks, max_mapnr, ram_blocks, device_blocks,
        written_blocks, current_cpu, n_cpus;
} KdumpHeader;

typedef struct KdumpSubHeader {
    uint64_t phys_base;
    uint32_t dump_level, split;
    uint64_t start_pfn, end_pfn, info, info_size, notes, notes_size, erase, erase_size,
        start_pfn_64, end_pfn_64, max_mapnr_64;
} KdumpSubHeader;

typedef struct PageDesc {
    uint64_t offset;
    uint32_t size, flags;
    uint64_t page_flags;
} PageDesc;

G_STATIC_ASSERT(sizeof(KdumpHeader) == 464 && sizeof(KdumpSubHeader) == 104 &&
                sizeof(PageDesc) == 24);

/* Bytes for one place of the file after the other. */
typedef struct Stream {
    uint64_t at;            /* of the first in the buffer */
    GByteArray *bytes;
} Stream;

typedef struct Kdump {
    const DumpPlan *p;
    DumpOutput *o;
    unsigned shift;         /* of the guest's pages */
    uint64_t max_pfn;       /* one more than the last */
    uint64_t n_pages, bitmap_size;
    Stream descs, pages;
    uint64_t zero_page;     /* where a page of zeros is; 0: not yet written */
    uint64_t bytes_done;
} Kdump;

/* ---- records ---- */

static bool record(DumpOutput *o, uint64_t at, const void *data, uint64_t len, GError **error)
{
    uint64_t head[2] = { GUINT64_TO_BE(at), GUINT64_TO_BE(len) };
    return dump_write(o, head, sizeof head, error) && dump_write(o, data, len, error);
}

static bool flush(Kdump *k, Stream *s, GError **error)
{
    bool ok = !s->bytes->len || record(k->o, s->at, s->bytes->data, s->bytes->len, error);
    s->at += s->bytes->len;
    g_byte_array_set_size(s->bytes, 0);
    return ok;
}

static bool append(Kdump *k, Stream *s, const void *data, unsigned len, GError **error)
{
    g_byte_array_append(s->bytes, data, len);
    return s->bytes->len < BUFFER || flush(k, s, error);
}

/* ---- headers ---- */

static bool write_headers(Kdump *k, GError **error)
{
    const DumpPlan *p = k->p;
    uint32_t block = p->page_size;
    uint64_t notes = block + sizeof(KdumpSubHeader);
    uint64_t sub_blocks = (sizeof(KdumpSubHeader) + p->notes->len + block - 1) / block;
    uint64_t bitmap_blocks = 2 * (k->bitmap_size / block);
    KdumpHeader h = {
        .signature = "KDUMP   ", .version = 6, .status = COMPRESSED_ZLIB, .block_size = block,
        .sub_blocks = (uint32_t)sub_blocks, .bitmap_blocks = (uint32_t)bitmap_blocks,
        .max_mapnr = (uint32_t)MIN(k->max_pfn, UINT32_MAX), .n_cpus = p->n_cpus,
    };
    memcpy(h.utsname, p->utsname, sizeof h.utsname);
    memcpy(h.utsname[0], "Linux", sizeof "Linux");
    g_strlcpy(h.utsname[4], p->target->name, sizeof h.utsname[4]);
    KdumpSubHeader sub = {
        .phys_base = p->phys_base, .dump_level = 1, /* pages of zeros are not kept each */
        .info = p->info_size ? notes + p->info : 0, .info_size = p->info_size,
        .notes = notes, .notes_size = p->notes->len, .max_mapnr_64 = k->max_pfn,
    };
    k->descs.at = (1 + sub_blocks + bitmap_blocks) * (uint64_t)block;
    k->pages.at = k->descs.at + k->n_pages * sizeof(PageDesc);
    return record(k->o, 0, &h, sizeof h, error) && record(k->o, block, &sub, sizeof sub, error) &&
           record(k->o, notes, p->notes->data, p->notes->len, error);
}

static void page_limits(const Kdump *k, const DumpRange *r, uint64_t *first, uint64_t *last)
{
    *first = r->start >> k->shift;
    *last = (r->start + (r->size - 1)) >> k->shift;
}

static bool write_bitmaps(Kdump *k, uint8_t *map, GError **error)
{
    uint64_t at = k->descs.at - 2 * k->bitmap_size;
    for (guint i = 0; i < k->p->ranges->len; i++) {
        uint64_t first, last;
        page_limits(k, &g_array_index(k->p->ranges, DumpRange, i), &first, &last);
        for (uint64_t pfn = first; pfn <= last; pfn++)
            map[pfn / 8] |= 1 << pfn % 8;
    }
    return record(k->o, at, map, k->bitmap_size, error) &&
           record(k->o, at + k->bitmap_size, map, k->bitmap_size, error);
}

/* ---- pages ---- */

/* What of the page is in ranges; the rest is zero. True: some of it is. */
static bool read_page(Kdump *k, uint64_t pfn, guint *range, uint8_t *page)
{
    uint64_t start = pfn << k->shift, last = start + (k->p->page_size - 1);
    bool any = false;
    memset(page, 0, k->p->page_size);
    for (guint i = *range; i < k->p->ranges->len; i++) {
        const DumpRange *r = &g_array_index(k->p->ranges, DumpRange, i);
        uint64_t from = MAX(start, r->start), to = MIN(last, r->start + (r->size - 1));
        if (r->start > last)
            break;
        if (r->start + (r->size - 1) <= last)
            *range = i + 1; /* no later page has any of it */
        if (from > to)
            continue;
        memcpy(page + (from - start), r->host + (from - r->start), to - from + 1);
        k->bytes_done += to - from + 1;
        any = true;
    }
    return any;
}

static bool write_page(Kdump *k, const uint8_t *page, uint8_t *room, uLong room_size,
                       GError **error)
{
    uint32_t size = k->p->page_size;
    uLongf len = room_size;
    PageDesc d = { .offset = k->pages.at + k->pages.bytes->len, .size = size };
    if (dump_is_zero(page, size)) {
        if (k->zero_page) {
            d.offset = k->zero_page;
            return append(k, &k->descs, &d, sizeof d, error);
        }
        k->zero_page = d.offset;
    } else if (compress2(room, &len, page, size, Z_BEST_SPEED) == Z_OK && len < size) {
        d.size = (uint32_t)len;
        d.flags = COMPRESSED_ZLIB;
        page = room;
    }
    return append(k, &k->pages, page, d.size, error) && append(k, &k->descs, &d, sizeof d, error);
}

static bool write_pages(Kdump *k, GError **error)
{
    uLong room_size = compressBound(k->p->page_size);
    g_autofree uint8_t *page = g_malloc(k->p->page_size), *room = g_malloc(room_size);
    guint range = 0;
    bool ok = true;
    while (ok && range < k->p->ranges->len) {
        uint64_t first, last;
        page_limits(k, &g_array_index(k->p->ranges, DumpRange, range), &first, &last);
        guint here = range;
        for (uint64_t pfn = first; ok && pfn <= last && range == here; pfn++) {
            if (!read_page(k, pfn, &range, page))
                continue;
            ok = write_page(k, page, room, room_size, error);
            atomic_store_explicit(k->p->done, k->bytes_done, memory_order_relaxed);
        }
    }
    return ok && flush(k, &k->pages, error) && flush(k, &k->descs, error);
}

/* Frames that hold parts of several ranges count once. */
static uint64_t count_pages(const Kdump *k)
{
    uint64_t n = 0, next = 0;
    for (guint i = 0; i < k->p->ranges->len; i++) {
        uint64_t first, last;
        page_limits(k, &g_array_index(k->p->ranges, DumpRange, i), &first, &last);
        first = MAX(first, next);
        if (first <= last)
            n += last - first + 1;
        next = MAX(next, last + 1);
    }
    return n;
}

bool dump_kdump(const DumpPlan *p, DumpOutput *o, GError **error)
{
    uint8_t flat[FLAT_HEADER] = "makedumpfile";
    uint64_t end[2] = { UINT64_MAX, UINT64_MAX }, last, first;
    Kdump k = { .p = p, .o = o, .shift = (unsigned)__builtin_ctz(p->page_size) };
    page_limits(&k, &g_array_index(p->ranges, DumpRange, p->ranges->len - 1), &first, &last);
    k.max_pfn = last + 1;
    k.n_pages = count_pages(&k);
    k.bitmap_size = ALIGN_UP(k.max_pfn / 8 + 1, p->page_size);
    uint8_t *map = k.bitmap_size > MAX_BITMAP ? NULL : g_try_malloc0(k.bitmap_size);
    if (!map)
        return error_set(error, "dump: memory reaches too high for this format; use ELF");
    store_be64(flat + 16, 1); /* type */
    store_be64(flat + 24, 1); /* version */
    k.descs.bytes = g_byte_array_new();
    k.pages.bytes = g_byte_array_new();
    bool ok = dump_write(o, flat, sizeof flat, error) && write_headers(&k, error) &&
              write_bitmaps(&k, map, error) && write_pages(&k, error) &&
              dump_write(o, end, sizeof end, error);
    g_byte_array_unref(k.descs.bytes);
    g_byte_array_unref(k.pages.bytes);
    g_free(map);
    return ok;
}
