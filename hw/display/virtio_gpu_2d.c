/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-gpu's resources and scanouts (virtio 1.2, 5.7.6). What the guest may make the host keep is
 * bounded by max_hostmem, to which lists of backing count as well.
 */
#include <string.h>

#include "hw/display/virtio_gpu.h"
#include "util/bits.h"
#include "util/log.h"

/* 5.7.6.8: numbers of the formats */
static const struct {
    uint32_t number;
    PixelFormat format;
} formats[] = {
    { 1, PIXEL_BGRA }, { 2, PIXEL_BGRX }, { 3, PIXEL_ARGB }, { 4, PIXEL_XRGB },
    { 67, PIXEL_RGBA }, { 68, PIXEL_XBGR }, { 121, PIXEL_ABGR }, { 134, PIXEL_RGBX },
};

bool gpu_pixel_format(uint32_t format, PixelFormat *out)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].number == format) {
            *out = formats[i].format;
            return true;
        }
    }
    return false;
}

GpuResource *gpu_resource(VirtioGpu *s, uint32_t id)
{
    return g_hash_table_lookup(s->resources, &id);
}

static uint64_t pixels_size(const GpuResource *r)
{
    return (uint64_t)r->width * r->height * GPU_PIXEL;
}

static uint64_t all_hostmem;

static bool charge(VirtioGpu *s, uint64_t bytes)
{
    /* Neither is ever above its limit. */
    if (bytes > s->max_hostmem - s->hostmem || bytes > GPU_ALL_MOST - all_hostmem)
        return false;
    s->hostmem += bytes;
    all_hostmem += bytes;
    return true;
}

static void release(VirtioGpu *s, uint64_t bytes)
{
    s->hostmem -= bytes;
    all_hostmem -= bytes;
}

unsigned gpu_create(VirtioGpu *s, uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
    PixelFormat known;
    if (!id || gpu_resource(s, id))
        return GPU_ERR_RESOURCE;
    if (!gpu_pixel_format(format, &known) || !width || !height || width > DISPLAY_MAX_SIZE ||
        height > DISPLAY_MAX_SIZE)
        return GPU_ERR_PARAMETER;
    GpuResource r = { .id = id, .format = format, .width = width, .height = height };
    uint64_t cost = GPU_RESOURCE_COST + pixels_size(&r);
    if (!charge(s, cost))
        return GPU_ERR_OUT_OF_MEMORY;
    r.pixels = g_try_malloc0(pixels_size(&r));
    if (!r.pixels) {
        release(s, cost);
        return GPU_ERR_OUT_OF_MEMORY;
    }
    GpuResource *kept = g_memdup2(&r, sizeof r);
    g_hash_table_insert(s->resources, &kept->id, kept);
    return GPU_OK_NODATA;
}

static void drop_backing(VirtioGpu *s, GpuResource *r)
{
    release(s, (uint64_t)r->n_backing * GPU_ENTRY_COST);
    g_clear_pointer(&r->backing, g_free);
    r->n_backing = 0;
}

static void scanout_off(GpuScanout *o)
{
    o->resource = 0;
    o->rect = (GpuRect){ 0 };
}

static void drop(VirtioGpu *s, GpuResource *r)
{
    drop_backing(s, r);
    release(s, GPU_RESOURCE_COST + pixels_size(r));
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        if (s->scanouts[i].resource == r->id)
            scanout_off(&s->scanouts[i]);
    }
    g_free(r->pixels);
    g_free(r);
}

unsigned gpu_unref(VirtioGpu *s, uint32_t id)
{
    GpuResource *r = gpu_resource(s, id);
    if (!r)
        return GPU_ERR_RESOURCE;
    g_hash_table_remove(s->resources, &id);
    drop(s, r);
    return GPU_OK_NODATA;
}

void gpu_drop_all(VirtioGpu *s)
{
    GHashTableIter it;
    gpointer r;
    g_hash_table_iter_init(&it, s->resources);
    while (g_hash_table_iter_next(&it, NULL, &r)) {
        g_hash_table_iter_remove(&it);
        drop(s, r);
    }
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        g_free(s->scanouts[i].cursor);
        s->scanouts[i] = (GpuScanout){ 0 };
    }
}

/* ---- backing ---- */

/* Must all be RAM now; it is looked at again when it is used. */
static bool is_ram(VirtioGpu *s, const GpuEntry *e)
{
    uint64_t addr = e->addr, left = e->len;
    while (left) {
        uint64_t n = left;
        if (!address_space_map(s->virtio.dev.dma, addr, &n, false) || !n || addr + (n - 1) < addr)
            return false;
        addr += n;
        left -= n;
    }
    return true;
}

unsigned gpu_attach(VirtioGpu *s, uint32_t id, GpuEntry *entries, uint32_t n, bool check)
{
    g_autofree GpuEntry *list = entries;
    GpuResource *r = gpu_resource(s, id);
    if (!r)
        return GPU_ERR_RESOURCE;
    if (r->backing)
        return GPU_ERR_UNSPEC;
    for (uint32_t i = 0; check && i < n; i++) {
        if (!is_ram(s, &list[i])) {
            log_guest_error(s->virtio.dev.path, "backing at 0x%" G_GINT64_MODIFIER "x is no RAM",
                            list[i].addr);
            return GPU_ERR_UNSPEC;
        }
    }
    if (!charge(s, (uint64_t)n * GPU_ENTRY_COST))
        return GPU_ERR_OUT_OF_MEMORY;
    r->backing = g_steal_pointer(&list);
    r->n_backing = n;
    return GPU_OK_NODATA;
}

unsigned gpu_detach(VirtioGpu *s, uint32_t id)
{
    GpuResource *r = gpu_resource(s, id);
    if (!r)
        return GPU_ERR_RESOURCE;
    if (!r->backing)
        return GPU_ERR_UNSPEC;
    drop_backing(s, r);
    return GPU_OK_NODATA;
}

/* A place in a list of entries; reading goes forward only. */
typedef struct Reader {
    VirtioGpu *s;
    const GpuResource *r;
    uint32_t entry;
    uint64_t start; /* of that entry, in bytes from the first */
} Reader;

/* What lies beyond the backing stays as it is. */
static void read_at(Reader *b, uint64_t offset, uint8_t *to, uint64_t len)
{
    const GpuResource *r = b->r;
    while (len) {
        while (b->entry < r->n_backing && offset - b->start >= r->backing[b->entry].len)
            b->start += r->backing[b->entry++].len;
        if (b->entry == r->n_backing)
            return;
        const GpuEntry *e = &r->backing[b->entry];
        uint64_t at = offset - b->start, n = MIN(len, e->len - at);
        if (address_space_read(b->s->virtio.dev.dma, e->addr + at, to, n) != MEM_OK)
            return;
        offset += n;
        to += n;
        len -= n;
    }
}

static bool within(const GpuRect *r, uint32_t width, uint32_t height)
{
    return r->x <= width && r->width <= width - r->x && r->y <= height &&
           r->height <= height - r->y;
}

unsigned gpu_transfer(VirtioGpu *s, uint32_t id, const GpuRect *r, uint64_t offset)
{
    GpuResource *res = gpu_resource(s, id);
    if (!res)
        return GPU_ERR_RESOURCE;
    if (!res->backing)
        return GPU_ERR_UNSPEC;
    if (!within(r, res->width, res->height) || offset > UINT64_MAX / 2)
        return GPU_ERR_PARAMETER;
    uint64_t stride = (uint64_t)res->width * GPU_PIXEL;
    Reader reader = { .s = s, .r = res };
    uint8_t *to = res->pixels + r->y * stride + (uint64_t)r->x * GPU_PIXEL;
    for (uint32_t y = 0; y < r->height; y++)
        read_at(&reader, offset + y * stride, to + y * stride, (uint64_t)r->width * GPU_PIXEL);
    return GPU_OK_NODATA;
}

/* ---- what is shown ---- */

/* Pictures are looked at when they are wanted, so that there is nothing to do. */
unsigned gpu_flush(VirtioGpu *s, uint32_t id, const GpuRect *r)
{
    const GpuResource *res = gpu_resource(s, id);
    if (!res)
        return GPU_ERR_RESOURCE;
    return within(r, res->width, res->height) ? GPU_OK_NODATA : GPU_ERR_PARAMETER;
}

unsigned gpu_set_scanout(VirtioGpu *s, uint32_t scanout, uint32_t id, const GpuRect *r)
{
    enum { SIDE_LEAST = 16 };
    if (scanout >= s->max_outputs)
        return GPU_ERR_SCANOUT;
    GpuScanout *o = &s->scanouts[scanout];
    if (!id) {
        scanout_off(o);
        return GPU_OK_NODATA;
    }
    const GpuResource *res = gpu_resource(s, id);
    if (!res)
        return GPU_ERR_RESOURCE;
    if (!within(r, res->width, res->height) || r->width < SIDE_LEAST || r->height < SIDE_LEAST)
        return GPU_ERR_PARAMETER;
    o->resource = id;
    o->rect = *r;
    return GPU_OK_NODATA;
}

/* ---- cursors ---- */

void gpu_cursor(VirtioGpu *s, uint32_t scanout, uint32_t x, uint32_t y)
{
    if (scanout < s->max_outputs) {
        s->scanouts[scanout].cursor_x = x;
        s->scanouts[scanout].cursor_y = y;
    }
}

void gpu_cursor_image(VirtioGpu *s, uint32_t scanout, uint32_t id, uint32_t hot_x, uint32_t hot_y)
{
    if (scanout >= s->max_outputs)
        return;
    GpuScanout *o = &s->scanouts[scanout];
    const GpuResource *r = id ? gpu_resource(s, id) : NULL;
    o->hot_x = hot_x;
    o->hot_y = hot_y;
    if (!r) {
        g_clear_pointer(&o->cursor, g_free);
        return;
    }
    if (r->width != GPU_CURSOR_SIDE || r->height != GPU_CURSOR_SIDE)
        return;
    g_free(o->cursor);
    o->cursor = g_memdup2(r->pixels, pixels_size(r));
}
