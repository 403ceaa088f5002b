/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x-query-virtio and what HMP prints of it: virtio devices, their status and queues. Features are
 * told by their names in the specification (Virtual I/O Device 1.2); those without one there are in
 * unknown-dev-features.
 */
#include <inttypes.h>
#include <string.h>

#include "monitor/cmd/qom.h"
#include "monitor/cmd/virtio.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/run.h"
#include "util/error.h"

typedef struct BitName {
    unsigned device; /* 0: of all */
    unsigned bit;
    const char *name;
} BitName;

enum { NET = 1, BLK = 2, CONSOLE = 3 };

static const BitName features[] = {
    { 0, 24, "VIRTIO_F_NOTIFY_ON_EMPTY" }, { 0, 27, "VIRTIO_F_ANY_LAYOUT" },
    { 0, 28, "VIRTIO_RING_F_INDIRECT_DESC" }, { 0, 29, "VIRTIO_RING_F_EVENT_IDX" },
    { 0, 32, "VIRTIO_F_VERSION_1" }, { 0, 33, "VIRTIO_F_IOMMU_PLATFORM" },
    { 0, 34, "VIRTIO_F_RING_PACKED" },
    { NET, 0, "VIRTIO_NET_F_CSUM" }, { NET, 1, "VIRTIO_NET_F_GUEST_CSUM" },
    { NET, 2, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS" }, { NET, 3, "VIRTIO_NET_F_MTU" },
    { NET, 5, "VIRTIO_NET_F_MAC" }, { NET, 6, "VIRTIO_NET_F_GSO" },
    { NET, 7, "VIRTIO_NET_F_GUEST_TSO4" }, { NET, 8, "VIRTIO_NET_F_GUEST_TSO6" },
    { NET, 9, "VIRTIO_NET_F_GUEST_ECN" }, { NET, 10, "VIRTIO_NET_F_GUEST_UFO" },
    { NET, 11, "VIRTIO_NET_F_HOST_TSO4" }, { NET, 12, "VIRTIO_NET_F_HOST_TSO6" },
    { NET, 13, "VIRTIO_NET_F_HOST_ECN" }, { NET, 14, "VIRTIO_NET_F_HOST_UFO" },
    { NET, 15, "VIRTIO_NET_F_MRG_RXBUF" }, { NET, 16, "VIRTIO_NET_F_STATUS" },
    { NET, 17, "VIRTIO_NET_F_CTRL_VQ" }, { NET, 18, "VIRTIO_NET_F_CTRL_RX" },
    { NET, 19, "VIRTIO_NET_F_CTRL_VLAN" }, { NET, 20, "VIRTIO_NET_F_CTRL_RX_EXTRA" },
    { NET, 21, "VIRTIO_NET_F_GUEST_ANNOUNCE" }, { NET, 22, "VIRTIO_NET_F_MQ" },
    { NET, 23, "VIRTIO_NET_F_CTRL_MAC_ADDR" }, { NET, 63, "VIRTIO_NET_F_SPEED_DUPLEX" },
    { BLK, 1, "VIRTIO_BLK_F_SIZE_MAX" }, { BLK, 2, "VIRTIO_BLK_F_SEG_MAX" },
    { BLK, 4, "VIRTIO_BLK_F_GEOMETRY" }, { BLK, 5, "VIRTIO_BLK_F_RO" },
    { BLK, 6, "VIRTIO_BLK_F_BLK_SIZE" }, { BLK, 9, "VIRTIO_BLK_F_FLUSH" },
    { BLK, 10, "VIRTIO_BLK_F_TOPOLOGY" }, { BLK, 11, "VIRTIO_BLK_F_CONFIG_WCE" },
    { BLK, 12, "VIRTIO_BLK_F_MQ" }, { BLK, 13, "VIRTIO_BLK_F_DISCARD" },
    { BLK, 14, "VIRTIO_BLK_F_WRITE_ZEROES" },
    { CONSOLE, 0, "VIRTIO_CONSOLE_F_SIZE" }, { CONSOLE, 1, "VIRTIO_CONSOLE_F_MULTIPORT" },
    { CONSOLE, 2, "VIRTIO_CONSOLE_F_EMERG_WRITE" },
};

static const BitName statuses[] = {
    { 0, 0, "VIRTIO_CONFIG_S_ACKNOWLEDGE" }, { 0, 1, "VIRTIO_CONFIG_S_DRIVER" },
    { 0, 2, "VIRTIO_CONFIG_S_DRIVER_OK" }, { 0, 3, "VIRTIO_CONFIG_S_FEATURES_OK" },
    { 0, 6, "VIRTIO_CONFIG_S_NEEDS_RESET" }, { 0, 7, "VIRTIO_CONFIG_S_FAILED" },
};

/* ---- devices and their paths ---- */

static bool is_virtio(const Device *dev)
{
    return dev->type->bus_type && !strcmp(dev->type->bus_type, "virtio-bus") && dev->realized;
}

/* Behind a PCI function it is that one's backend. */
static char *path_of(const Device *dev)
{
    const Device *owner = dev->parent_bus ? dev->parent_bus->owner : NULL;
    char *path = qom_device_path(owner ? owner->path : dev->path);
    if (g_str_has_suffix(path, "/virtio-backend"))
        return path;
    g_free(path);
    return qom_device_path(dev->path);
}

static VirtioDevice *find(const Json *args, GError **error)
{
    const char *path = json_get_str(args, "path", "");
    for (Device *dev = device_first(); dev; dev = dev->next) {
        g_autofree char *own = is_virtio(dev) ? path_of(dev) : NULL;
        if (own && !strcmp(own, path))
            return (VirtioDevice *)dev;
    }
    error_set(error, "Path %s is not a VirtIODevice", path);
    return NULL;
}

VirtQueue *qmp_virtio_find_queue(const Json *args, GError **error)
{
    VirtioDevice *v = find(args, error);
    int64_t n = json_get_int(args, "queue", 0);
    VirtQueue *vq = v && n >= 0 && n <= UINT16_MAX ? virtio_queue(v, (unsigned)n) : NULL;
    if (v && !vq)
        error_set(error, "Invalid virtqueue number %" PRId64, n);
    return vq;
}

Json *qmp_x_query_virtio(const Json *args, GError **error)
{
    Json *list = json_array();
    for (Device *dev = device_first(); dev; dev = dev->next) {
        if (!is_virtio(dev))
            continue;
        g_autofree char *path = path_of(dev);
        Json *o = json_object();
        json_set_str(o, "path", path);
        json_set_str(o, "name", virtio_class((VirtioDevice *)dev)->name);
        json_add(list, o);
    }
    return list;
}

/* ---- status ---- */

/* Names of the bits that are set, which are taken out of *bits. */
static Json *names(const BitName *table, size_t n, unsigned device, uint64_t *bits)
{
    Json *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (table[i].device != device || !(*bits >> table[i].bit & 1))
            continue;
        json_add(list, json_string(table[i].name));
        *bits &= ~(1ULL << table[i].bit);
    }
    return list;
}

static Json *feature_names(const VirtioDevice *v, uint64_t bits)
{
    Json *o = json_object();
    json_set(o, "transports", names(features, G_N_ELEMENTS(features), 0, &bits));
    json_set(o, "dev-features", names(features, G_N_ELEMENTS(features), virtio_class(v)->device_id,
                                      &bits));
    if (bits)
        json_set_uint(o, "unknown-dev-features", bits);
    return o;
}

Json *qmp_x_query_virtio_status(const Json *args, GError **error)
{
    VirtioDevice *v = find(args, error);
    if (!v)
        return NULL;
    Json *o = json_object(), *status = json_object();
    uint64_t bits = v->status;
    json_set_str(o, "name", virtio_class(v)->name);
    json_set_uint(o, "device-id", virtio_class(v)->device_id);
    json_set_bool(o, "vhost-started", false);
    json_set_str(o, "device-endian", "little");
    json_set(o, "guest-features", feature_names(v, v->guest_features));
    json_set(o, "host-features", feature_names(v, v->host_features));
    json_set(o, "backend-features", feature_names(v, 0));
    json_set_uint(o, "num-vqs", v->n_queues);
    json_set(status, "statuses", names(statuses, G_N_ELEMENTS(statuses), 0, &bits));
    if (bits)
        json_set_uint(status, "unknown-statuses", bits);
    json_set(o, "status", status);
    json_set_uint(o, "isr", v->isr);
    json_set_uint(o, "queue-sel", 0); /* the transport's own */
    json_set_bool(o, "vm-running", run_state_is_running());
    json_set_bool(o, "broken", v->broken);
    json_set_bool(o, "disabled", false);
    json_set_bool(o, "use-started", true);
    json_set_bool(o, "started", v->status & VIRTIO_STATUS_DRIVER_OK);
    json_set_bool(o, "start-on-kick", false);
    json_set_bool(o, "disable-legacy-check", false);
    json_set_str(o, "bus-name", v->dev.parent_bus ? v->dev.parent_bus->name : "");
    json_set_bool(o, "use-guest-notifier-mask", true);
    return o;
}

static void print_names(Monitor *mon, const Json *list)
{
    for (unsigned i = 0; i < json_len(list); i++)
        monitor_printf(mon, "\t%s%s\n", json_str(json_at(list, i)),
                       i + 1 < json_len(list) ? "," : "");
}

static void print_features(Monitor *mon, const char *title, const Json *f)
{
    monitor_printf(mon, "  %s features:\n", title);
    print_names(mon, json_get(f, "transports"));
    print_names(mon, json_get(f, "dev-features"));
    if (json_get(f, "unknown-dev-features"))
        monitor_printf(mon, "  unknown-features(0x%016" PRIx64 ")\n",
                       json_get_uint(f, "unknown-dev-features", 0));
}

static void print_bool(Monitor *mon, const Json *s, const char *key)
{
    g_autofree char *text = g_strdelimit(g_strconcat(key, ":", NULL), "-", '_');
    monitor_printf(mon, "  %-24s %s\n", text, json_get_bool(s, key, false) ? "true" : "false");
}

void hmp_info_virtio(Monitor *mon, const Json *args)
{
    g_autoptr(Json) list = qmp_x_query_virtio(args, NULL);
    if (!json_len(list))
        monitor_puts(mon, "No VirtIO devices\n");
    for (unsigned i = 0; i < json_len(list); i++)
        monitor_printf(mon, "%s [%s]\n", json_get_str(json_at(list, i), "path", ""),
                       json_get_str(json_at(list, i), "name", ""));
}

void hmp_info_virtio_status(Monitor *mon, const Json *args)
{
    static const char *const flags[] = { "broken", "disabled", "disable-legacy-check", "started",
                                         "use-started", "start-on-kick",
                                         "use-guest-notifier-mask", "vm-running" };
    GError *error = NULL;
    g_autoptr(Json) s = qmp_x_query_virtio_status(args, &error);
    if (!s) {
        monitor_report(mon, error);
        return;
    }
    monitor_printf(mon, "%s:\n", json_get_str(args, "path", ""));
    monitor_printf(mon, "  %-24s %s\n", "device_name:", json_get_str(s, "name", ""));
    monitor_printf(mon, "  %-24s %d\n", "device_id:", (int)json_get_int(s, "device-id", 0));
    print_bool(mon, s, "vhost-started");
    monitor_printf(mon, "  %-24s %s\n", "bus_name:", json_get_str(s, "bus-name", ""));
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        print_bool(mon, s, flags[i]);
    monitor_printf(mon, "  %-24s %d\n", "num_vqs:", (int)json_get_int(s, "num-vqs", 0));
    monitor_printf(mon, "  %-24s %d\n", "queue_sel:", (int)json_get_int(s, "queue-sel", 0));
    monitor_printf(mon, "  %-24s %d\n", "isr:", (int)json_get_int(s, "isr", 0));
    monitor_printf(mon, "  %-24s %s\n", "endianness:", json_get_str(s, "device-endian", ""));
    monitor_puts(mon, "  status:\n");
    print_names(mon, json_get(json_get(s, "status"), "statuses"));
    print_features(mon, "Guest", json_get(s, "guest-features"));
    print_features(mon, "Host", json_get(s, "host-features"));
    print_features(mon, "Backend", json_get(s, "backend-features"));
}

/* ---- queues ---- */

Json *qmp_x_query_virtio_queue_status(const Json *args, GError **error)
{
    const VirtQueue *vq = qmp_virtio_find_queue(args, error);
    if (!vq)
        return NULL;
    Json *o = json_object();
    json_set_str(o, "name", virtio_class(vq->v)->name);
    json_set_uint(o, "queue-index", vq->index);
    json_set_uint(o, "inuse", vq->in_use);
    json_set_uint(o, "vring-num", vq->num);
    json_set_uint(o, "vring-num-default", vq->num_max);
    json_set_uint(o, "vring-align", 4096);
    json_set_uint(o, "vring-desc", vq->desc);
    json_set_uint(o, "vring-avail", vq->avail);
    json_set_uint(o, "vring-used", vq->used);
    json_set_uint(o, "last-avail-idx", vq->last_avail);
    json_set_uint(o, "shadow-avail-idx", vq->last_avail); /* there is no copy of it */
    json_set_uint(o, "used-idx", vq->used_idx);
    json_set_uint(o, "signalled-used", vq->signalled_used);
    json_set_bool(o, "signalled-used-valid", vq->signalled_valid);
    return o;
}

Json *qmp_x_query_virtio_vhost_queue_status(const Json *args, GError **error)
{
    if (find(args, error))
        error_set(error, "Error: vhost device has not started yet");
    return NULL;
}

void hmp_info_virtio_vhost_queue_status(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    qmp_x_query_virtio_vhost_queue_status(args, &error);
    monitor_report(mon, error);
}

void hmp_info_virtio_queue_status(Monitor *mon, const Json *args)
{
    /* A line's words, and the reply's member; the last six are the ring's. */
    static const char *const rows[][2] = {
        { "queue_index:", "queue-index" }, { "inuse:", "inuse" }, { "used_idx:", "used-idx" },
        { "signalled_used:", "signalled-used" }, { "last_avail_idx:", "last-avail-idx" },
        { "shadow_avail_idx:", "shadow-avail-idx" },
    };
    static const char *const ring[][2] = {
        { "num:", "vring-num" }, { "num_default:", "vring-num-default" },
        { "align:", "vring-align" },
    };
    static const char *const addresses[][2] = {
        { "desc:", "vring-desc" }, { "avail:", "vring-avail" }, { "used:", "vring-used" },
    };
    GError *error = NULL;
    g_autoptr(Json) s = qmp_x_query_virtio_queue_status(args, &error);
    if (!s) {
        monitor_report(mon, error);
        return;
    }
    monitor_printf(mon, "%s:\n  %-21s %s\n", json_get_str(args, "path", ""), "device_name:",
                   json_get_str(s, "name", ""));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        monitor_printf(mon, "  %-21s %d\n", rows[i][0], (int)json_get_int(s, rows[i][1], 0));
        if (!strcmp(rows[i][1], "signalled-used"))
            monitor_printf(mon, "  signalled_used_valid: %s\n",
                           json_get_bool(s, "signalled-used-valid", false) ? "true" : "false");
    }
    monitor_puts(mon, "  VRing:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(ring); i++)
        monitor_printf(mon, "    %-12s %d\n", ring[i][0], (int)json_get_int(s, ring[i][1], 0));
    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++)
        monitor_printf(mon, "    %-12s 0x%016" PRIx64 "\n", addresses[i][0],
                       json_get_uint(s, addresses[i][1], 0));
}
