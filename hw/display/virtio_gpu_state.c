/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot keeps of a virtio-gpu. Resources and scanouts are numbers, little-endian:
 *   u32 resources, each: u32 id, format, width, height, entries, entries times u64 address and
 *   u32 length, pixels
 *   GPU_SCANOUTS times: u32 resource, x, y, width, height, cursor x, y, hot x, hot y, and u32 1 with
 *   the cursor's pixels, or 0
 */
#include <string.h>

#include "hw/display/virtio_gpu.h"
#include "util/bits.h"
#include "util/error.h"

enum { CURSOR_BYTES = GPU_CURSOR_SIDE * GPU_CURSOR_SIDE * GPU_PIXEL };

static void put32(GByteArray *out, uint32_t v)
{
    uint8_t b[4];
    store_le32(b, v);
    g_byte_array_append(out, b, sizeof b);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void save_resource(const GpuResource *r, GByteArray *out)
{
    put32(out, r->id);
    put32(out, r->format);
    put32(out, r->width);
    put32(out, r->height);
    put32(out, r->backing ? r->n_backing + 1 : 0); /* a list may be empty */
    for (uint32_t i = 0; i < r->n_backing; i++) {
        put32(out, r->backing[i].addr);
        put32(out, r->backing[i].addr >> 32);
        put32(out, r->backing[i].len);
    }
    g_byte_array_append(out, r->pixels, r->width * r->height * GPU_PIXEL);
}

static void save_pictures(const void *obj, GByteArray *out)
{
    const VirtioGpu *s = obj;
    g_autoptr(GList) ids = g_list_sort(g_hash_table_get_keys(s->resources), by_id);
    put32(out, g_hash_table_size(s->resources));
    for (const GList *l = ids; l; l = l->next)
        save_resource(g_hash_table_lookup(s->resources, l->data), out);
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        const GpuScanout *o = &s->scanouts[i];
        const uint32_t words[] = { o->resource, o->rect.x, o->rect.y, o->rect.width, o->rect.height,
                                   o->cursor_x, o->cursor_y, o->hot_x, o->hot_y, o->cursor != NULL };
        for (size_t k = 0; k < G_N_ELEMENTS(words); k++)
            put32(out, words[k]);
        if (o->cursor)
            g_byte_array_append(out, (const uint8_t *)o->cursor, CURSOR_BYTES);
    }
}

/* The record from `at` on; bad: it ended too early. */
typedef struct Record {
    const uint8_t *at;
    size_t left;
    bool bad;
} Record;

static const uint8_t *take(Record *rec, size_t n)
{
    if (rec->bad || rec->left < n) {
        rec->bad = true;
        return NULL;
    }
    const uint8_t *p = rec->at;
    rec->at += n;
    rec->left -= n;
    return p;
}

static uint32_t get32(Record *rec)
{
    const uint8_t *p = take(rec, 4);
    return p ? load_le32(p) : 0;
}

static bool load_backing(VirtioGpu *s, uint32_t id, Record *rec)
{
    uint32_t n = get32(rec);
    if (!n)
        return true;
    if (--n > GPU_ENTRIES_MOST || rec->left / 12 < n)
        return false;
    GpuEntry *list = g_new0(GpuEntry, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        list[i].addr = get32(rec);
        list[i].addr |= (uint64_t)get32(rec) << 32;
        list[i].len = get32(rec);
    }
    return gpu_attach(s, id, list, n, false) == GPU_OK_NODATA;
}

static bool load_resource(VirtioGpu *s, Record *rec)
{
    uint32_t id = get32(rec), format = get32(rec), width = get32(rec), height = get32(rec);
    if (rec->bad || gpu_create(s, id, format, width, height) != GPU_OK_NODATA ||
        !load_backing(s, id, rec))
        return false;
    size_t size = (size_t)width * height * GPU_PIXEL;
    const uint8_t *pixels = take(rec, size);
    if (pixels)
        memcpy(gpu_resource(s, id)->pixels, pixels, size);
    return pixels;
}

static bool load_scanout(VirtioGpu *s, unsigned n, Record *rec)
{
    GpuScanout *o = &s->scanouts[n];
    uint32_t id = get32(rec);
    GpuRect r;
    r.x = get32(rec);
    r.y = get32(rec);
    r.width = get32(rec);
    r.height = get32(rec);
    o->cursor_x = get32(rec);
    o->cursor_y = get32(rec);
    o->hot_x = get32(rec);
    o->hot_y = get32(rec);
    const uint8_t *cursor = get32(rec) ? take(rec, CURSOR_BYTES) : NULL;
    if (cursor)
        o->cursor = g_memdup2(cursor, CURSOR_BYTES);
    return !rec->bad && (!id || gpu_set_scanout(s, n, id, &r) == GPU_OK_NODATA);
}

static bool load_pictures(void *obj, const uint8_t *data, size_t len, GError **error)
{
    VirtioGpu *s = obj;
    Record rec = { data, len, false };
    gpu_drop_all(s);
    bool ok = true;
    for (uint32_t n = get32(&rec); ok && n; n--)
        ok = load_resource(s, &rec);
    for (unsigned i = 0; ok && i < GPU_SCANOUTS; i++)
        ok = load_scanout(s, i, &rec);
    if (ok && !rec.bad && !rec.left)
        return true;
    gpu_drop_all(s);
    return error_set(error, "the snapshot's pictures do not fit this virtio-gpu (max_outputs, "
                     "max_hostmem), or are damaged");
}

const StateField gpu_state[] = {
    VIRTIO_STATE(VirtioGpu),
    STATE_TIMER_PTR(VirtioGpu, work),
    { .name = "pictures", .type = STATE_CUSTOM, .count = 1, .save = save_pictures,
      .load = load_pictures },
    { .name = NULL },
};
