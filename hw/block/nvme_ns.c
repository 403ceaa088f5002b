/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces of an NVMe controller: nvme-ns on its bus, and the one of its own drive=.
 * Left out: metadata and protection information, zones, sharing between controllers.
 */
#include <string.h>

#include "hw/block/nvme.h"
#include "util/bits.h"
#include "util/error.h"

enum { SECTOR = 512, MOST_BLOCK = 2 << 20, UNSET_GRANULARITY = UINT32_MAX };

/* Blocks of 512 and 4096 bytes, and those that the user asked for. */
uint32_t nvme_ns_format_size(const NvmeNs *ns, unsigned i)
{
    static const uint32_t sizes[] = { 512, 4096 };
    if (i < ARRAY_LEN(sizes))
        return sizes[i];
    return i == ARRAY_LEN(sizes) && ns->logical_size != 512 && ns->logical_size != 4096
               ? ns->logical_size
               : 0;
}

uint32_t nvme_ns_block(const NvmeNs *ns)
{
    return nvme_ns_format_size(ns, ns->format);
}

uint64_t nvme_ns_blocks(const NvmeNs *ns)
{
    return block_size(ns->drive) / nvme_ns_block(ns);
}

NvmeNs *nvme_find_ns(Nvme *n, uint32_t nsid)
{
    return nsid && nsid <= NVME_MAX_NS ? n->ns[nsid] : NULL;
}

/* ---- properties ---- */

static bool check_block_size(const char *name, uint64_t v, GError **error)
{
    return !v || (is_pow2(v) && v >= SECTOR && v <= MOST_BLOCK) ||
           error_set(error, "%s must be a power of two from 512 to 2 MiB, not %" G_GUINT64_FORMAT,
                     name, v);
}

static bool check_sizes(NvmeNs *ns, GError **error)
{
    if (!check_block_size("logical_block_size", ns->logical_size, error) ||
        !check_block_size("physical_block_size", ns->physical_size, error))
        return false;
    if (!ns->logical_size)
        ns->logical_size = SECTOR;
    if (!ns->physical_size)
        ns->physical_size = MAX(SECTOR, ns->logical_size);
    if (ns->physical_size < ns->logical_size)
        return error_set(error, "logical_block_size > physical_block_size not supported");
    if (ns->discard_granularity == UNSET_GRANULARITY)
        ns->discard_granularity = MAX(ns->logical_size, 4096);
    if (ns->discard_granularity % ns->logical_size)
        return error_set(error, "discard_granularity must be a multiple of logical_block_size");
    return true;
}

static bool take_uuid(NvmeNs *ns, GError **error)
{
    if (!ns->uuid || !strcmp(ns->uuid, "auto")) {
        g_free(ns->uuid);
        ns->uuid = g_uuid_string_random();
    }
    unsigned n = 0;
    for (const char *s = ns->uuid; *s && n < 32; s++) {
        if (*s == '-')
            continue;
        int v = g_ascii_xdigit_value(*s);
        if (v < 0)
            break;
        ns->raw_uuid[n / 2] = ns->raw_uuid[n / 2] << 4 | v;
        n++;
    }
    ns->has_uuid = g_uuid_string_is_valid(ns->uuid);
    return ns->has_uuid || error_set(error, "uuid=%s: is no UUID, and not auto", ns->uuid);
}

/* ---- life ---- */

static void resized(void *opaque)
{
    NvmeNs *ns = opaque;
    Nvme *n = ns->n;
    n->changed_ns[ns->nsid / 8] |= BIT(ns->nsid % 8);
    nvme_post_event(n, NVME_EVENT_NOTICE, 0, 4);
}

static bool set_up(NvmeNs *ns, GError **error)
{
    if (!ns->drive)
        return error_set(error, "block backend not configured; give drive=ID and -drive "
                         "if=none,id=ID,file=...");
    if (!block_inserted(ns->drive))
        return error_set(error, "could not get blockdev size: No medium found; give -drive file=");
    if (!check_sizes(ns, error))
        return false;
    ns->format = 0;
    for (unsigned i = 0; i < NVME_NS_FORMATS; i++)
        if (nvme_ns_format_size(ns, i) == ns->logical_size)
            ns->format = i;
    if (ns->write_cache != 2)
        block_set_write_cache(ns->drive, ns->write_cache);
    ns->initial_wce = block_write_cache(ns->drive);
    block_set_resize_listener(ns->drive, resized, ns);
    return true;
}

static bool ns_realize(void *dev, GError **error)
{
    NvmeNs *ns = dev;
    if (ns->nsid > NVME_MAX_NS)
        return error_set(error, "invalid namespace id (must be between 0 and %u)", NVME_MAX_NS);
    return take_uuid(ns, error) && set_up(ns, error);
}

static bool own_realize(void *dev, GError **error)
{
    return set_up(dev, error);
}

static void ns_unrealize(void *dev)
{
    NvmeNs *ns = dev;
    block_drain(ns->drive);
    block_set_resize_listener(ns->drive, NULL, NULL);
    if (ns->n && ns->n->ns[ns->nsid] == ns)
        ns->n->ns[ns->nsid] = NULL;
}

static void ns_reset(void *dev)
{
    NvmeNs *ns = dev;
    block_set_write_cache(ns->drive, ns->initial_wce);
}

bool nvme_add_own_ns(Nvme *n, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/namespace", n->pci.dev.path);
    Device *dev = device_new(device_type_find("nvme-own-ns"), NULL, path);
    NvmeNs *ns = (NvmeNs *)dev;
    block_release(n->drive); /* a drive serves one device: it is the namespace that uses it */
    ns->drive = g_steal_pointer(&n->drive);
    ns->nsid = 1;
    ns->logical_size = n->logical_size;
    ns->physical_size = n->physical_size;
    ns->min_io_size = n->min_io_size;
    ns->opt_io_size = n->opt_io_size;
    ns->discard_granularity = n->discard_granularity;
    ns->write_cache = n->write_cache;
    if (device_realize(dev, n->bus, error))
        return true;
    device_unrealize(dev);
    return false;
}

/* ---- state ---- */

static void save_wce(const void *obj, GByteArray *out)
{
    const NvmeNs *ns = obj;
    uint8_t on = block_write_cache(ns->drive);
    g_byte_array_append(out, &on, 1);
}

static bool load_wce(void *obj, const uint8_t *data, size_t len, GError **error)
{
    NvmeNs *ns = obj;
    if (len != 1)
        return error_set(error, "the state of the write cache is damaged");
    block_set_write_cache(ns->drive, data[0]);
    return true;
}

static void save_format(const void *obj, GByteArray *out)
{
    const NvmeNs *ns = obj;
    g_byte_array_append(out, &ns->format, 1);
}

static bool load_format(void *obj, const uint8_t *data, size_t len, GError **error)
{
    NvmeNs *ns = obj;
    if (len != 1 || !nvme_ns_format_size(ns, data[0]))
        return error_set(error, "the namespace's format is damaged");
    ns->format = data[0];
    return true;
}

static const StateField ns_state[] = {
    { .name = "write_cache", .type = STATE_CUSTOM, .count = 1, .save = save_wce, .load = load_wce },
    { .name = "format", .type = STATE_CUSTOM, .count = 1, .save = save_format,
      .load = load_format },
    { .name = NULL },
};

static const Prop ns_props[] = {
    PROP(NvmeNs, "drive", drive, PROP_DRIVE, NULL, NULL),
    PROP(NvmeNs, "nsid", nsid, PROP_U32, "0", "number of the namespace; 0: a free one"),
    PROP(NvmeNs, "uuid", uuid, PROP_STRING, "auto", "UUID, or auto for a random one"),
    PROP(NvmeNs, "eui64", eui64, PROP_U64, "0", "extended unique identifier"),
    PROP(NvmeNs, "eui64-default", eui64_default, PROP_BOOL, "off", "make up an eui64"),
    PROP(NvmeNs, "shared", shared, PROP_BOOL, "on", "accepted; there is one controller"),
    PROP(NvmeNs, "logical_block_size", logical_size, PROP_SIZE, "0", "bytes of a block"),
    PROP(NvmeNs, "physical_block_size", physical_size, PROP_SIZE, "0",
         "bytes that the disk writes best"),
    PROP(NvmeNs, "min_io_size", min_io_size, PROP_SIZE, "0", "hint for the guest"),
    PROP(NvmeNs, "opt_io_size", opt_io_size, PROP_SIZE, "0", "hint for the guest"),
    PROP(NvmeNs, "discard_granularity", discard_granularity, PROP_SIZE, "4294967295",
         "alignment of deallocation"),
    PROP(NvmeNs, "write-cache", write_cache, PROP_ON_OFF_AUTO, "auto",
         "write-back cache; auto: as -drive cache= says"),
    PROP(NvmeNs, "share-rw", share_rw, PROP_BOOL, "off", "accepted; drives serve one device"),
    PROP_BOOT(NvmeNs, bootindex, NULL),
    PROP_LAST,
};

static const DeviceType nvme_ns_type = {
    .name = "nvme-ns", .doc = "Virtual NVMe namespace", .category = CATEGORY_STORAGE,
    .user_creatable = true, .bus_type = "nvme-bus", .size = sizeof(NvmeNs), .version = 1,
    .props = ns_props, .state = ns_state, .realize = ns_realize, .unrealize = ns_unrealize,
    .reset = ns_reset,
};
DEVICE_REGISTER(nvme_ns_type)

static const DeviceType nvme_own_ns_type = {
    .name = "nvme-own-ns", .doc = "The namespace of an NVMe controller's drive=",
    .category = CATEGORY_STORAGE, .bus_type = "nvme-bus", .size = sizeof(NvmeNs), .version = 1,
    .props = ns_props, .state = ns_state, .realize = own_realize, .unrealize = ns_unrealize,
    .reset = ns_reset,
};
DEVICE_REGISTER(nvme_own_ns_type)
