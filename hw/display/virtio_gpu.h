/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of virtio-gpu share. */
#ifndef HW_DISPLAY_VIRTIO_GPU_H
#define HW_DISPLAY_VIRTIO_GPU_H

#include "backend/display.h"
#include "hw/virtio.h"
#include "softmmu/run.h"

enum { GPU_SCANOUTS = 16, GPU_ENTRIES_MOST = 16384, GPU_CURSOR_SIDE = 64, GPU_PIXEL = 4 };
/* Beside the pixels, what a resource and an entry of its backing cost the host. */
enum { GPU_RESOURCE_COST = 256, GPU_ENTRY_COST = 16 };
/* Of all such devices together: a snapshot keeps their pictures in one piece. */
#define GPU_ALL_MOST (UINT64_C(1) << 30)

/* 5.7.6.8: answers */
enum { GPU_OK_NODATA = 0x1100, GPU_OK_DISPLAY_INFO = 0x1101, GPU_OK_EDID = 0x1104,
       GPU_ERR_UNSPEC = 0x1200, GPU_ERR_OUT_OF_MEMORY = 0x1201, GPU_ERR_SCANOUT = 0x1202,
       GPU_ERR_RESOURCE = 0x1203, GPU_ERR_PARAMETER = 0x1205 };

typedef struct GpuRect {
    uint32_t x, y, width, height;
} GpuRect;

typedef struct GpuEntry {
    uint64_t addr;
    uint32_t len;
} GpuEntry;

typedef struct GpuResource {
    uint32_t id, format, width, height;
    uint8_t *pixels;    /* rows of width * GPU_PIXEL bytes */
    GpuEntry *backing;  /* in the guest's RAM */
    uint32_t n_backing;
} GpuResource;

typedef struct GpuScanout {
    uint32_t resource;  /* 0: off */
    GpuRect rect;       /* within it */
    uint32_t cursor_x, cursor_y, hot_x, hot_y;
    uint32_t *cursor;   /* GPU_CURSOR_SIDE squared pixels, or NULL: none shown */
} GpuScanout;

typedef struct VirtioGpu {
    VirtioDevice virtio;
    uint32_t max_outputs, xres, yres;
    uint64_t max_hostmem;
    bool edid, blob;
    DisplayConsole *consoles[GPU_SCANOUTS];
    Timer *work;            /* pending: requests wait */
    GHashTable *resources;  /* uint32_t id -> GpuResource * */
    uint64_t hostmem;       /* what all of them take */
    GpuScanout scanouts[GPU_SCANOUTS];
} VirtioGpu;

/* ---- virtio_gpu_2d.c: commands, which return an answer of 5.7.6.8 ---- */
GpuResource *gpu_resource(VirtioGpu *s, uint32_t id);
bool gpu_pixel_format(uint32_t format, PixelFormat *out);
unsigned gpu_create(VirtioGpu *s, uint32_t id, uint32_t format, uint32_t width, uint32_t height);
unsigned gpu_unref(VirtioGpu *s, uint32_t id);
/* Takes entries over, whatever comes of it. check: they must be RAM. */
unsigned gpu_attach(VirtioGpu *s, uint32_t id, GpuEntry *entries, uint32_t n, bool check);
unsigned gpu_detach(VirtioGpu *s, uint32_t id);
unsigned gpu_transfer(VirtioGpu *s, uint32_t id, const GpuRect *r, uint64_t offset);
unsigned gpu_flush(VirtioGpu *s, uint32_t id, const GpuRect *r);
unsigned gpu_set_scanout(VirtioGpu *s, uint32_t scanout, uint32_t id, const GpuRect *r);
void gpu_cursor(VirtioGpu *s, uint32_t scanout, uint32_t x, uint32_t y);
void gpu_cursor_image(VirtioGpu *s, uint32_t scanout, uint32_t id, uint32_t hot_x, uint32_t hot_y);
void gpu_drop_all(VirtioGpu *s);

/* ---- virtio_gpu_state.c ---- */
extern const StateField gpu_state[];

#endif
