/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x-query-virtio-queue-element: one request of a virtqueue as the driver wrote it (virtio 1.2, 2.7).
 * It is only looked at: what is not RAM is not read, and a chain is as long as its table at most.
 */
#include <string.h>

#include "hw/virtio.h"
#include "monitor/cmd/virtio.h"
#include "monitor/schema/commands_gen.h"
#include "util/bits.h"
#include "util/error.h"

enum { DESC_SIZE = 16, DESC_NEXT = 1, DESC_INDIRECT = 4, QUEUE_DEFAULT = -1 };

/* `len` bytes of RAM, which need not lie in one piece. */
static bool read_ram(const VirtQueue *vq, uint64_t addr, void *buf, uint64_t len)
{
    AddressSpace *as = vq->v->dev.dma;
    for (char *to = buf; len;) {
        uint64_t n = len;
        void *p = address_space_map(as, addr, &n, false);
        if (!p)
            return false;
        memcpy(to, p, n);
        address_space_unmap(as, p, 0, false);
        to += n;
        addr += n;
        len -= n;
    }
    return true;
}

static bool read16(const VirtQueue *vq, uint64_t addr, unsigned *value)
{
    uint8_t v[2];
    if (!read_ram(vq, addr, v, sizeof v))
        return false;
    *value = load_le16(v);
    return true;
}

/* The last one first, as QEMU lists them. */
static Json *flag_names(unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = { { 1 << 7, "used" }, { 1 << 15, "avail" }, { DESC_INDIRECT, "indirect" },
                  { 2, "write" }, { DESC_NEXT, "next" } };
    Json *list = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (flags & names[i].flag)
            json_add(list, json_string(names[i].name));
    return list;
}

static Json *desc_json(const uint8_t *d)
{
    Json *o = json_object();
    json_set_uint(o, "addr", load_le64(d));
    json_set_uint(o, "len", load_le32(d + 8));
    json_set(o, "flags", flag_names(load_le16(d + 12)));
    return o;
}

/* The chain that begins at `head`; its last descriptor is the list's first. */
static Json *chain(const VirtQueue *vq, unsigned head, GError **error)
{
    uint8_t d[DESC_SIZE];
    uint64_t table = vq->desc;
    unsigned max = vq->num, i = head;
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    if (i >= max || !read_ram(vq, table + (uint64_t)i * DESC_SIZE, d, sizeof d)) {
        error_set(error, "Cannot map descriptor ring");
        return NULL;
    }
    if (load_le16(d + 12) & DESC_INDIRECT) {
        table = load_le64(d);
        max = MIN(load_le32(d + 8) / DESC_SIZE, VIRTIO_QUEUE_MAX_SIZE);
        i = 0;
        if (!max || !read_ram(vq, table, d, sizeof d)) {
            error_set(error, "Cannot map indirect buffer");
            return NULL;
        }
    }
    do {
        g_ptr_array_add(all, desc_json(d));
        i = load_le16(d + 14);
    } while ((load_le16(d + 12) & DESC_NEXT) && all->len < max && i < max &&
             read_ram(vq, table + (uint64_t)i * DESC_SIZE, d, sizeof d));
    Json *list = json_array();
    for (guint n = all->len; n-- > 0;)
        json_add(list, all->pdata[n]);
    return list;
}

Json *qmp_x_query_virtio_queue_element(const Json *args, GError **error)
{
    const VirtQueue *vq = qmp_virtio_find_queue(args, error);
    if (!vq)
        return NULL;
    if (virtio_has(vq->v, VIRTIO_F_RING_PACKED)) {
        error_set(error, "Packed ring not supported");
        return NULL;
    }
    int64_t index = json_get_int(args, "index", QUEUE_DEFAULT);
    unsigned at = (index < 0 ? vq->last_avail : (unsigned)index) % MAX(vq->num, 1u);
    unsigned head, avail_flags, avail_idx, used_flags, used_idx;
    if (!vq->ready || !vq->num || !read16(vq, vq->avail + 4 + 2 * at, &head) ||
        !read16(vq, vq->avail, &avail_flags) || !read16(vq, vq->avail + 2, &avail_idx) ||
        !read16(vq, vq->used, &used_flags) || !read16(vq, vq->used + 2, &used_idx)) {
        error_set(error, "Region caches not initialized");
        return NULL;
    }
    Json *descs = chain(vq, head, error);
    if (!descs)
        return NULL;
    Json *o = json_object(), *avail = json_object(), *used = json_object();
    json_set_str(o, "name", virtio_class(vq->v)->name);
    json_set_uint(o, "index", head);
    json_set(o, "descs", descs);
    json_set_uint(avail, "flags", avail_flags);
    json_set_uint(avail, "idx", avail_idx);
    json_set_uint(avail, "ring", head);
    json_set(o, "avail", avail);
    json_set_uint(used, "flags", used_flags);
    json_set_uint(used, "idx", used_idx);
    json_set(o, "used", used);
    return o;
}

void hmp_info_virtio_queue_element(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    g_autoptr(Json) e = qmp_x_query_virtio_queue_element(args, &error);
    if (!e) {
        monitor_report(mon, error);
        return;
    }
    const Json *avail = json_get(e, "avail"), *used = json_get(e, "used"),
               *descs = json_get(e, "descs");
    monitor_printf(mon, "%s:\n  device_name: %s\n  index:   %d\n  desc:\n    descs:\n",
                   json_get_str(args, "path", ""), json_get_str(e, "name", ""),
                   (int)json_get_int(e, "index", 0));
    for (unsigned i = 0; i < json_len(descs); i++) {
        const Json *d = json_at(descs, i), *flags = json_get(d, "flags");
        monitor_printf(mon, "        addr 0x%" G_GINT64_MODIFIER "x len %u",
                       json_get_uint(d, "addr", 0), (unsigned)json_get_uint(d, "len", 0));
        for (unsigned f = 0; f < json_len(flags); f++)
            monitor_printf(mon, "%s%s%s", f ? ", " : " (", json_str(json_at(flags, f)),
                           f + 1 < json_len(flags) ? "" : ")");
        monitor_puts(mon, i + 1 < json_len(descs) ? ",\n" : "\n");
    }
    monitor_printf(mon, "  avail:\n    flags: %d\n    idx:   %d\n    ring:  %d\n",
                   (int)json_get_int(avail, "flags", 0), (int)json_get_int(avail, "idx", 0),
                   (int)json_get_int(avail, "ring", 0));
    monitor_printf(mon, "  used:\n    flags: %d\n    idx:   %d\n",
                   (int)json_get_int(used, "flags", 0), (int)json_get_int(used, "idx", 0));
}
