/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-gpu: a display adapter without 3D (virtio 1.2, 5.7). The guest makes pictures in the host's
 * memory, copies its own to them, and says which one each output shows.
 *
 * Requests are carried out on the main thread soon after the kick, a bounded amount at a time, and
 * in order; so every fence is reached when its answer is given.
 *
 * Left out: virgl and capsets, blobs, UUIDs of resources, contexts, changes of an output's size.
 */
#include "hw/display/virtio_gpu.h"

#include <string.h>

#include "hw/display/edid.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { F_EDID = 1 };
enum { CONTROL_SIZE = 64, CURSOR_SIZE = 16, CONFIG_SIZE = 16 };
enum { HDR_SIZE = 24, FLAG_FENCE = 1, EDID_ROOM = 1024 };
/* 5.7.6.8 */
enum { CMD_DISPLAY_INFO = 0x100, CMD_CREATE_2D, CMD_UNREF, CMD_SET_SCANOUT, CMD_FLUSH, CMD_TRANSFER,
       CMD_ATTACH, CMD_DETACH, CMD_CAPSET_INFO, CMD_CAPSET, CMD_EDID,
       CMD_UPDATE_CURSOR = 0x300, CMD_MOVE_CURSOR };
enum { COPY_AT_ONCE = 64 << 20 }; /* bytes, before others have their turn */

/* A request: what of it is fixed, and what is answered. */
typedef struct Request {
    VirtElement *e;
    uint8_t in[HDR_SIZE + 48];
    size_t in_len;
    uint8_t out[HDR_SIZE + 8 + EDID_ROOM];
    size_t out_len;
    uint64_t copied;
} Request;

static uint32_t arg32(const Request *q, unsigned offset)
{
    return load_le32(q->in + HDR_SIZE + offset);
}

static GpuRect arg_rect(const Request *q)
{
    return (GpuRect){ arg32(q, 0), arg32(q, 4), arg32(q, 8), arg32(q, 12) };
}

/* ---- commands ---- */

static unsigned display_info(VirtioGpu *s, Request *q)
{
    enum { MODE_SIZE = 24 };
    uint8_t *m = q->out + HDR_SIZE; /* only the first output has a monitor */
    store_le32(m + 8, s->xres);
    store_le32(m + 12, s->yres);
    store_le32(m + 16, 1);
    q->out_len = HDR_SIZE + GPU_SCANOUTS * MODE_SIZE;
    return GPU_OK_DISPLAY_INFO;
}

static unsigned get_edid(VirtioGpu *s, Request *q)
{
    if (arg32(q, 0) >= s->max_outputs)
        return GPU_ERR_PARAMETER;
    store_le32(q->out + HDR_SIZE, EDID_SIZE);
    edid_make(q->out + HDR_SIZE + 8, MIN(s->xres, 4095), MIN(s->yres, 4095));
    q->out_len = HDR_SIZE + 8 + EDID_ROOM;
    return GPU_OK_EDID;
}

static unsigned create_2d(VirtioGpu *s, Request *q)
{
    return gpu_create(s, arg32(q, 0), arg32(q, 4), arg32(q, 8), arg32(q, 12));
}

static unsigned unref(VirtioGpu *s, Request *q)
{
    return gpu_unref(s, arg32(q, 0));
}

static unsigned set_scanout(VirtioGpu *s, Request *q)
{
    GpuRect r = arg_rect(q);
    return gpu_set_scanout(s, arg32(q, 16), arg32(q, 20), &r);
}

static unsigned flush(VirtioGpu *s, Request *q)
{
    GpuRect r = arg_rect(q);
    return gpu_flush(s, arg32(q, 16), &r);
}

static unsigned transfer(VirtioGpu *s, Request *q)
{
    GpuRect r = arg_rect(q);
    q->copied = (uint64_t)r.width * r.height * GPU_PIXEL;
    return gpu_transfer(s, arg32(q, 24), &r, load_le64(q->in + HDR_SIZE + 16));
}

static unsigned attach(VirtioGpu *s, Request *q)
{
    enum { ENTRY_SIZE = 16 };
    uint32_t id = arg32(q, 0), n = arg32(q, 4);
    size_t size = (size_t)n * ENTRY_SIZE;
    if (n > GPU_ENTRIES_MOST)
        return GPU_ERR_UNSPEC;
    g_autofree uint8_t *list = g_malloc(size + 1);
    if (iov_to_buf(q->e->out, q->e->n_out, HDR_SIZE + 8, list, size) != size)
        return GPU_ERR_UNSPEC;
    GpuEntry *entries = g_new(GpuEntry, n + 1);
    for (uint32_t i = 0; i < n; i++)
        entries[i] = (GpuEntry){ load_le64(list + i * ENTRY_SIZE),
                                 load_le32(list + i * ENTRY_SIZE + 8) };
    q->copied = 16 * size; /* what looking them up takes */
    return gpu_attach(s, id, entries, n, true);
}

static unsigned detach(VirtioGpu *s, Request *q)
{
    return gpu_detach(s, arg32(q, 0));
}

static const struct {
    unsigned type, args; /* bytes behind the header */
    unsigned (*run)(VirtioGpu *s, Request *q);
} commands[] = {
    { CMD_DISPLAY_INFO, 0, display_info }, { CMD_CREATE_2D, 16, create_2d }, { CMD_UNREF, 8, unref },
    { CMD_SET_SCANOUT, 24, set_scanout }, { CMD_FLUSH, 24, flush }, { CMD_TRANSFER, 32, transfer },
    { CMD_ATTACH, 8, attach }, { CMD_DETACH, 8, detach }, { CMD_EDID, 8, get_edid },
};

static unsigned run(VirtioGpu *s, Request *q)
{
    unsigned type = load_le32(q->in);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].type != type || (type == CMD_EDID && !virtio_has(&s->virtio, F_EDID)))
            continue;
        return q->in_len < HDR_SIZE + commands[i].args ? GPU_ERR_UNSPEC : commands[i].run(s, q);
    }
    return GPU_ERR_UNSPEC;
}

/* ---- queues ---- */

/* Carries one out; what it cost. 5.7.6.7: answers have the request's fence and context. */
static uint64_t control(VirtioGpu *s, VirtQueue *vq, VirtElement *e)
{
    Request q = { .e = e, .out_len = HDR_SIZE };
    q.in_len = iov_to_buf(e->out, e->n_out, 0, q.in, sizeof q.in);
    unsigned answer = q.in_len < HDR_SIZE ? GPU_ERR_UNSPEC : run(s, &q);
    if (answer >= GPU_ERR_UNSPEC)
        log_guest_error(s->virtio.dev.path, "command 0x%x is answered by error 0x%x",
                        load_le32(q.in), answer);
    store_le32(q.out, answer);
    if (load_le32(q.in + 4) & FLAG_FENCE) {
        store_le32(q.out + 4, FLAG_FENCE);
        memcpy(q.out + 8, q.in + 8, 12);
    }
    virtqueue_push(vq, e, iov_from_buf(e->in, e->n_in, 0, q.out, q.out_len));
    return q.copied;
}

static void cursor(VirtioGpu *s, const VirtElement *e)
{
    Request q = { .in_len = 0 };
    if (iov_to_buf(e->out, e->n_out, 0, q.in, HDR_SIZE + 32) < HDR_SIZE + 32)
        return;
    unsigned type = load_le32(q.in);
    if (type != CMD_UPDATE_CURSOR && type != CMD_MOVE_CURSOR)
        return;
    gpu_cursor(s, arg32(&q, 0), arg32(&q, 4), arg32(&q, 8));
    if (type == CMD_UPDATE_CURSOR)
        gpu_cursor_image(s, arg32(&q, 0), arg32(&q, 16), arg32(&q, 20), arg32(&q, 24));
}

static void work_soon(VirtioGpu *s)
{
    if (!timer_pending(s->work))
        timer_mod(s->work, clock_ns(CLOCK_VIRTUAL));
}

static void work(void *opaque)
{
    VirtioGpu *s = opaque;
    if (!(s->virtio.status & VIRTIO_STATUS_DRIVER_OK) || s->virtio.broken)
        return;
    uint64_t copied = 0;
    unsigned left = 2 * CONTROL_SIZE;
    for (unsigned n = 0; n < 2; n++) {
        VirtQueue *vq = &s->virtio.queues[n];
        VirtElement *e;
        for (; left && copied < COPY_AT_ONCE && (e = virtqueue_pop(vq, sizeof *e)); left--) {
            if (n) {
                cursor(s, e);
                virtqueue_push(vq, e, 0);
            } else {
                copied += control(s, vq, e);
            }
            g_free(e);
        }
        virtqueue_notify(vq);
    }
    if (!left || copied >= COPY_AT_ONCE)
        work_soon(s);
}

static void handle_queue(void *dev, unsigned n)
{
    work_soon(dev);
}

/* ---- configuration ---- */

static uint64_t features(void *dev)
{
    const VirtioGpu *s = dev;
    return s->edid ? BIT(F_EDID) : 0;
}

static void get_config(void *dev, uint8_t *config)
{
    const VirtioGpu *s = dev;
    memset(config, 0, CONFIG_SIZE);
    store_le32(config + 8, s->max_outputs);
}

/* 5.7.4: clears events, of which there are none. */
static void set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
}

/* ---- the device ---- */

static bool frame(void *opaque, unsigned head, DisplayFrame *f)
{
    VirtioGpu *s = opaque;
    const GpuScanout *o = &s->scanouts[head];
    const GpuResource *r = o->resource ? gpu_resource(s, o->resource) : NULL;
    if (!r || !gpu_pixel_format(r->format, &f->format))
        return false;
    f->width = o->rect.width;
    f->height = o->rect.height;
    f->stride = (size_t)r->width * GPU_PIXEL;
    f->pixels = r->pixels + o->rect.y * f->stride + (size_t)o->rect.x * GPU_PIXEL;
    return true;
}

static const DisplayOps gpu_display = { .frame = frame };

static void gpu_reset(void *dev)
{
    VirtioGpu *s = dev;
    timer_del(s->work);
    gpu_drop_all(s);
}

static bool gpu_realize(void *dev, GError **error)
{
    VirtioGpu *s = dev;
    const Device *owner = s->virtio.dev.parent_bus ? s->virtio.dev.parent_bus->owner : NULL;
    const char *id = s->virtio.dev.id ? s->virtio.dev.id : owner ? owner->id : NULL;
    if (!s->max_outputs || s->max_outputs > GPU_SCANOUTS)
        return error_set(error, "virtio-gpu: max_outputs must be 1 to %d, not %u", GPU_SCANOUTS,
                         s->max_outputs);
    if (s->xres < 16 || s->yres < 16 || s->xres > DISPLAY_MAX_SIZE || s->yres > DISPLAY_MAX_SIZE)
        return error_set(error, "virtio-gpu: xres and yres must be 16 to %d", DISPLAY_MAX_SIZE);
    if (s->max_hostmem > GPU_ALL_MOST)
        return error_set(error, "virtio-gpu: max_hostmem must be at most 1G");
    if (s->blob)
        return error_set(error, "virtio-gpu: blob=on is not supported by this build");
    if (!virtio_add_queues(&s->virtio, 1, CONTROL_SIZE, error) ||
        !virtio_add_queues(&s->virtio, 1, CURSOR_SIZE, error)) {
        virtio_free_queues(&s->virtio);
        return false;
    }
    s->resources = g_hash_table_new(g_int_hash, g_int_equal);
    s->work = timer_new(CLOCK_VIRTUAL, work, s);
    for (unsigned i = 0; i < s->max_outputs; i++)
        s->consoles[i] = display_console_new(&gpu_display, s, id, i);
    return true;
}

static void gpu_unrealize(void *dev)
{
    VirtioGpu *s = dev;
    for (unsigned i = 0; i < s->max_outputs; i++)
        display_console_free(s->consoles[i]);
    gpu_drop_all(s);
    g_hash_table_unref(s->resources);
    timer_free(s->work);
    virtio_free_queues(&s->virtio);
}

static void gpu_info(void *dev, GString *out)
{
    VirtioGpu *s = dev;
    g_string_append_printf(out, "resources %u, %" G_GUINT64_FORMAT " bytes\n",
                           g_hash_table_size(s->resources), s->hostmem);
    for (unsigned i = 0; i < s->max_outputs; i++) {
        const GpuScanout *o = &s->scanouts[i];
        if (o->resource)
            g_string_append_printf(out, "output %u: %ux%u of resource %u\n", i, o->rect.width,
                                   o->rect.height, o->resource);
        if (o->cursor)
            g_string_append_printf(out, "cursor %u at %u,%u\n", i, o->cursor_x, o->cursor_y);
    }
}

static const Prop gpu_props[] = {
    PROP(VirtioGpu, "max_outputs", max_outputs, PROP_U32, "1", "outputs, up to 16"),
    PROP(VirtioGpu, "xres", xres, PROP_U32, "1280", "preferred width"),
    PROP(VirtioGpu, "yres", yres, PROP_U32, "800", "preferred height"),
    PROP(VirtioGpu, "max_hostmem", max_hostmem, PROP_SIZE, "256M",
         "most of the host's memory for the guest's pictures"),
    PROP(VirtioGpu, "edid", edid, PROP_BOOL, "on", "tell of the monitor"),
    PROP(VirtioGpu, "blob", blob, PROP_BOOL, "off", "resources in the guest's memory: not supported"),
    VIRTIO_PROPS(VirtioGpu),
    PROP_LAST,
};

static const VirtioClass gpu_class = {
    .name = "virtio-gpu", .device_id = 16, .pci_class = 0x038000, .modern_only = true,
    .no_hotplug = true, .config_size = CONFIG_SIZE, .features = features, .get_config = get_config,
    .set_config = set_config, .handle_queue = handle_queue, .reset = gpu_reset,
};

static const DeviceType virtio_gpu_type = {
    .name = "virtio-gpu-device",
    .doc = "virtio display adapter (virtio 1.2, 5.7)",
    .category = CATEGORY_DISPLAY,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioGpu),
    .version = 1,
    .props = gpu_props,
    .state = gpu_state,
    .realize = gpu_realize,
    .unrealize = gpu_unrealize,
    .reset = virtio_device_reset,
    .info = gpu_info,
    .class_data = &gpu_class,
};
VIRTIO_DEVICE_REGISTER(virtio_gpu_type)
