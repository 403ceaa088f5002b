/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of device types, and the life of devices. */
#include <string.h>

#include "hw/core/core.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

static GPtrArray *types; /* const DeviceType *, sorted by name */
static Device *first_device, *last_device;
static bool was_reset; /* the machine had its first reset: new devices are reset when realized */

/* ---- types ---- */

static gint by_name(gconstpointer a, gconstpointer b)
{
    const DeviceType *const *s = a, *const *t = b;
    return strcmp((*s)->name, (*t)->name);
}

void device_type_register(const DeviceType *t)
{
    g_assert(t->size >= sizeof(Device));
    if (!types)
        types = g_ptr_array_new();
    g_ptr_array_add(types, (gpointer)t);
    g_ptr_array_sort(types, by_name);
}

GPtrArray *device_types(void)
{
    if (!types)
        types = g_ptr_array_new();
    return types;
}

const DeviceType *device_type_find(const char *name)
{
    for (guint i = 0; i < device_types()->len; i++) {
        const DeviceType *t = g_ptr_array_index(types, i);
        if (!strcmp(t->name, name) || (t->alias && !strcmp(t->alias, name)))
            return t;
    }
    return NULL;
}

/* ---- creation ---- */

static void reset_all(void *opaque)
{
    was_reset = true;
    for (Device *dev = first_device; dev; dev = dev->next)
        if (dev->realized)
            device_reset(dev);
}

const char *device_label(const Device *dev)
{
    return dev->id ? dev->id : dev->path;
}

static bool path_taken(const char *path)
{
    for (Device *dev = first_device; dev; dev = dev->next)
        if (!strcmp(dev->path, path))
            return true;
    return false;
}

static char *new_path(const DeviceType *t, const char *id)
{
    char *path = id ? g_strdup_printf("peripheral/%s", id) : NULL;
    for (unsigned n = 0; !path || path_taken(path); n++) {
        g_free(path);
        path = id ? g_strdup_printf("peripheral/%s[%u]", id, n)
                  : g_strdup_printf("peripheral-anon/%s[%u]", t->name, n);
    }
    return path;
}

Device *device_new(const DeviceType *t, const char *id, const char *path)
{
    static bool handler;
    if (!handler) {
        vm_add_reset_handler(0, reset_all, NULL);
        handler = true;
    }
    Device *dev = g_malloc0(t->size);
    dev->type = t;
    dev->id = g_strdup(id);
    dev->path = path ? g_strdup(path) : new_path(t, id);
    dev->buses = g_ptr_array_new();
    dev->dma = address_space_memory;
    device_set_irqs(dev, t->irqs);

    for (const Prop *p = t->props; p && p->name; p++) {
        g_autoptr(GError) error = NULL;
        if (p->type == PROP_PCI_ADDR)
            *(int32_t *)((char *)dev + p->offset) = -1;
        if (p->def && !prop_set(t, dev, p, p->def, &error))
            g_error("%s.%s: bad default: %s", t->name, p->name, error->message);
    }
    globals_apply(dev);

    if (last_device)
        last_device->next = dev;
    else
        first_device = dev;
    last_device = dev;
    return dev;
}

static void device_free(Device *dev)
{
    Device **at = &first_device, *before = NULL;
    while (*at && *at != dev) {
        before = *at;
        at = &before->next;
    }
    if (*at)
        *at = dev->next;
    if (last_device == dev)
        last_device = before;
    while (dev->buses->len) {
        Bus *bus = g_ptr_array_index(dev->buses, dev->buses->len - 1);
        g_ptr_array_set_size(dev->buses, dev->buses->len - 1);
        bus_free(bus);
    }
    g_ptr_array_free(dev->buses, TRUE);
    prop_free_all(dev->type, dev);
    g_free(dev->irq);
    g_free(dev->path);
    g_free(dev->id);
    g_free(dev);
}

void device_set_irqs(Device *dev, int n)
{
    dev->irq = g_renew(IrqLine, dev->irq, MAX(n, 1));
    memset(dev->irq, 0, sizeof(IrqLine) * MAX(n, 1));
    dev->n_irqs = n;
}

bool device_set_prop(Device *dev, const char *name, const char *value, GError **error)
{
    const Prop *p = prop_find(dev->type, name);
    if (!p)
        return prop_set(dev->type, dev, NULL, name, error);
    if (dev->realized && p->type != PROP_BOOTINDEX)
        return error_set(error, "property '%s' of device '%s' can't change while it is in use",
                         name, device_label(dev));
    return prop_set(dev->type, dev, p, value, error);
}

char *device_get_prop(Device *dev, const char *name)
{
    const Prop *p = prop_find(dev->type, name);
    return p ? prop_get(dev, p) : NULL;
}

void device_set_ptr(Device *dev, const char *name, void *value)
{
    const Prop *p = prop_find(dev->type, name);
    g_assert(p && (p->type == PROP_CHARDEV || p->type == PROP_DRIVE || p->type == PROP_NETDEV));
    *(void **)((char *)dev + p->offset) = value;
}

bool device_replace_ptr(void *from, void *to)
{
    bool any = false;
    for (Device *dev = device_first(); dev; dev = dev->next) {
        for (const Prop *p = dev->type->props; p && p->name; p++) {
            if (p->type != PROP_CHARDEV && p->type != PROP_DRIVE && p->type != PROP_NETDEV)
                continue;
            void **at = (void **)((char *)dev + p->offset);
            if (*at != from)
                continue;
            any = true;
            if (to)
                *at = to;
        }
    }
    return any;
}

void device_set_uint(Device *dev, const char *name, uint64_t v)
{
    const Prop *p = prop_find(dev->type, name);
    g_assert(p);
    void *at = (char *)dev + p->offset;
    switch (p->type) {
    case PROP_BOOL:
        *(bool *)at = v;
        break;
    case PROP_U8:
        *(uint8_t *)at = v;
        break;
    case PROP_U16:
        *(uint16_t *)at = v;
        break;
    case PROP_U32:
        *(uint32_t *)at = v;
        break;
    case PROP_U64:
    case PROP_SIZE:
        *(uint64_t *)at = v;
        break;
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO:
    case PROP_PCI_ADDR:
        *(int *)at = v;
        break;
    default:
        g_assert_not_reached();
    }
}

static bool choose_bus(Device *dev, Bus **bus, GError **error)
{
    const char *type = dev->type->bus_type ? dev->type->bus_type : "sysbus";
    if (!*bus) {
        *bus = bus_find_free(type);
        if (!*bus)
            return error_set(error, "device '%s' needs a free bus of type '%s', and this machine "
                             "has none; add a controller or choose another variant of the device",
                             dev->type->name, bus_type_title(type));
    }
    if (strcmp((*bus)->type, type))
        return error_set(error, "device '%s' can't go on bus '%s', which is of type '%s', not '%s'",
                         dev->type->name, (*bus)->name, bus_type_title((*bus)->type),
                         bus_type_title(type));
    if ((*bus)->max_children && (*bus)->children->len >= (guint)(*bus)->max_children)
        return error_set(error, "bus '%s' is full; it takes %d device%s", (*bus)->name,
                         (*bus)->max_children, (*bus)->max_children == 1 ? "" : "s");
    return true;
}

static void unmap_mmio(Device *dev)
{
    if (dev->mmio.container)
        memory_region_del(dev->mmio.container, &dev->mmio);
}

bool device_realize(Device *dev, Bus *bus, GError **error)
{
    g_assert(!dev->realized);
    if (!choose_bus(dev, &bus, error) || !prop_claim_drives(dev, error))
        return false;
    dev->parent_bus = bus;
    dev->hotplugged = was_reset;
    if (dev->type->regs && dev->type->mmio_size)
        memory_region_init_mmio(&dev->mmio, dev->type->name, dev->type->mmio_size, &reg_mmio_ops,
                                dev);
    if (bus->preplug && !bus->preplug(bus, dev, error))
        goto fail;
    if (dev->type->realize && !dev->type->realize(dev, error))
        goto fail;
    if (bus->plug && !bus->plug(bus, dev, error)) {
        if (dev->type->unrealize)
            dev->type->unrealize(dev);
        goto fail;
    }
    g_ptr_array_add(bus->children, dev);
    dev->realized = true;
    if (was_reset)
        device_reset(dev);
    return true;
fail:
    unmap_mmio(dev);
    prop_release_drives(dev);
    dev->parent_bus = NULL;
    return false;
}

void device_unrealize(Device *dev)
{
    if (dev->realized) {
        for (guint i = 0; i < dev->buses->len; i++) {
            Bus *bus = g_ptr_array_index(dev->buses, i);
            while (bus->children->len)
                device_unrealize(g_ptr_array_index(bus->children, bus->children->len - 1));
        }
        Bus *bus = dev->parent_bus;
        if (bus->unplug)
            bus->unplug(bus, dev);
        if (dev->type->unrealize)
            dev->type->unrealize(dev);
        g_ptr_array_remove(bus->children, dev);
        unmap_mmio(dev);
        prop_release_drives(dev);
        dev->realized = false;
    }
    device_free(dev);
}

void device_reset(Device *dev)
{
    reg_reset_all(dev);
    if (dev->parent_bus && dev->parent_bus->reset_child)
        dev->parent_bus->reset_child(dev->parent_bus, dev);
    if (dev->type->reset)
        dev->type->reset(dev);
}

void device_reset_tree(Device *dev)
{
    device_reset(dev);
    for (guint i = 0; i < dev->buses->len; i++) {
        const Bus *bus = g_ptr_array_index(dev->buses, i);
        for (guint j = 0; j < bus->children->len; j++)
            device_reset_tree(g_ptr_array_index(bus->children, j));
    }
}

void device_map(Device *dev, hwaddr addr)
{
    memory_region_add(memory_system_root(), addr, &dev->mmio, 0);
}

void device_map_secure(Device *dev, hwaddr addr)
{
    memory_region_add(memory_secure_root(), addr, &dev->mmio, 0);
}

static void gpio_set(void *opaque, int n, int level)
{
    Device *dev = opaque;
    dev->type->gpio_in(dev, n, level);
}

IrqSink device_gpio_in(Device *dev, int n)
{
    g_assert(dev->type->gpio_in && n >= 0 && n < dev->type->gpio_ins);
    return (IrqSink){ .set = gpio_set, .opaque = dev, .n = n };
}

Device *device_first(void)
{
    return first_device;
}

Device *device_find(const char *id)
{
    for (Device *dev = first_device; dev; dev = dev->next)
        if (dev->id && !strcmp(dev->id, id))
            return dev;
    for (Device *dev = first_device; dev; dev = dev->next)
        if (!strcmp(dev->path, id))
            return dev;
    return NULL;
}

/* ---- device_del ---- */

static void (*unplug_listener)(const char *id, const char *path);

void device_set_unplug_listener(void (*fn)(const char *id, const char *path))
{
    unplug_listener = fn;
}

bool device_unplug_request(Device *dev, GError **error)
{
    Bus *bus = dev->parent_bus;
    if (bus && bus->no_hotplug)
        return error_set(error, "Bus '%s' does not support hotplugging", bus->name);
    if (!dev->type->hotpluggable)
        return error_set(error, "Device '%s' does not support hotplugging", dev->type->name);
    if (bus && bus->unplug_request)
        return bus->unplug_request(bus, dev, error);
    device_unplug(dev);
    return true;
}

/* Pairs of id (or NULL) and path, what is on a device before the device; and their drives. */
static void note_names(Device *dev, GPtrArray *names, GPtrArray *drives)
{
    for (guint i = 0; i < dev->buses->len; i++) {
        const Bus *bus = g_ptr_array_index(dev->buses, i);
        for (guint j = 0; j < bus->children->len; j++)
            note_names(g_ptr_array_index(bus->children, j), names, drives);
    }
    g_ptr_array_add(names, g_strdup(dev->id));
    g_ptr_array_add(names, g_strdup(dev->path));
    if (!dev->keeps_drive)
        prop_note_drives(dev, drives);
}

/* Whoever hears of it finds ids and drives free. */
void device_unplug(Device *dev)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free), drives = g_ptr_array_new();
    note_names(dev, names, drives);
    device_unrealize(dev);
    prop_free_drives(drives);
    for (guint i = 0; unplug_listener && i < names->len; i += 2)
        unplug_listener(names->pdata[i], names->pdata[i + 1]);
}

/* ---- -device ---- */

/* Known, and not here: what to take instead. */
static const char *const elsewhere[][2] = {
    { "scsi-generic", "the host's SCSI devices are not passed on; use scsi-hd with a block device" },
    { "scsi-block", "the host's SCSI devices are not passed on; use scsi-hd with a block device" },
};

static const DeviceType *find_driver(const char *name, GError **error)
{
    const DeviceType *t = device_type_find(name);
    if (t && t->user_creatable)
        return t;
    for (size_t i = 0; !t && i < ARRAY_LEN(elsewhere); i++) {
        if (!strcmp(name, elsewhere[i][0])) {
            error_set(error, "there is no device '%s': %s", name, elsewhere[i][1]);
            return NULL;
        }
    }
    if (t) {
        error_set(error, "'%s' is a fixed part of boards; it can't be added", name);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new();
    for (guint i = 0; i < device_types()->len; i++) {
        const DeviceType *u = g_ptr_array_index(types, i);
        if (!u->user_creatable)
            continue;
        g_ptr_array_add(names, (gpointer)u->name);
        if (u->alias)
            g_ptr_array_add(names, (gpointer)u->alias);
    }
    g_ptr_array_add(names, NULL);
    const char *near = error_nearest(name, (const char *const *)names->pdata);
    if (near)
        error_set(error, "there is no device '%s'; did you mean '%s'?", name, near);
    else
        error_set(error, "there is no device '%s'; '-device help' lists them", name);
    g_ptr_array_free(names, TRUE);
    return NULL;
}

static bool id_well_formed(const char *id)
{
    if (!g_ascii_isalpha(*id))
        return false;
    for (; *id; id++)
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id))
            return false;
    return true;
}

static bool set_props(Device *dev, GHashTable *opts, GError **error)
{
    GHashTableIter it;
    gpointer key, value;
    g_hash_table_iter_init(&it, opts);
    while (g_hash_table_iter_next(&it, &key, &value)) {
        if (!strcmp(key, "driver") || !strcmp(key, "id") || !strcmp(key, "bus"))
            continue;
        if (!device_set_prop(dev, key, value, error))
            return false;
    }
    return true;
}

Device *device_create_from_opts(GHashTable *opts, GError **error)
{
    const char *driver = g_hash_table_lookup(opts, "driver");
    const char *id = g_hash_table_lookup(opts, "id");
    const char *bus_name = g_hash_table_lookup(opts, "bus");
    Bus *bus = NULL;
    if (!driver || !*driver) {
        error_set(error, "the name of the device is missing; '-device help' lists them");
        return NULL;
    }
    const DeviceType *t = find_driver(driver, error);
    if (!t)
        return NULL;
    if (was_reset && !t->hotpluggable) {
        error_set(error, "'%s' can't be added while the machine runs", driver);
        return NULL;
    }
    if (id && !id_well_formed(id)) {
        error_set(error, "id '%s' is not valid; ids begin with a letter and have letters, digits, "
                  "'-', '.' and '_'", id);
        return NULL;
    }
    if (id && device_find(id)) {
        error_set(error, "Duplicate device ID '%s'; choose another id=", id);
        return NULL;
    }
    if (bus_name && !(bus = bus_find(bus_name))) {
        error_set(error, "Bus '%s' not found; 'info qtree' lists them", bus_name);
        return NULL;
    }
    if (was_reset && !bus && t->bus_type)
        bus = bus_find_free(t->bus_type);
    if (was_reset && bus && bus->no_hotplug) {
        error_set(error, "Bus '%s' does not support hotplugging", bus->name);
        return NULL;
    }
    Device *dev = device_new(t, id, NULL);
    if (set_props(dev, opts, error) && device_realize(dev, bus, error))
        return dev;
    device_unrealize(dev);
    return NULL;
}

/* ---- snapshots ---- */

/* Layout: u32 version, u32 length of the members' record, that record, the pins' record. */
typedef struct Pins {
    uint32_t n;
    uint32_t *levels;
} Pins;

static const StateField pins_state[] = {
    STATE_VAR_ARRAY_U32(Pins, levels, n),
    { .type = STATE_END },
};

void device_save(Device *dev, GByteArray *out)
{
    uint8_t head[8] = { 0 };
    guint start = out->len;
    store_le32(head, dev->type->version);
    g_byte_array_append(out, head, sizeof head);
    state_save(device_type_state(dev->type), dev, out);
    store_le32(out->data + start + 4, out->len - start - 8);

    Pins pins = { .n = dev->n_irqs, .levels = g_new0(uint32_t, dev->n_irqs + 1) };
    for (int i = 0; i < dev->n_irqs; i++)
        pins.levels[i] = dev->irq[i].level;
    state_save(pins_state, &pins, out);
    g_free(pins.levels);
}

typedef struct Record {
    const uint8_t *members, *pins;
    size_t members_len, pins_len;
} Record;

static bool split_record(Device *dev, const uint8_t *data, size_t len, Record *r, GError **error)
{
    if (len < 8 || load_le32(data + 4) > len - 8)
        return error_set(error, "the record is cut short");
    uint32_t version = load_le32(data);
    if (version > dev->type->version)
        return error_set(error, "the record was written by a newer program (version %u of this "
                         "device, known are versions up to %u)", version, dev->type->version);
    r->members = data + 8;
    r->members_len = load_le32(data + 4);
    r->pins = r->members + r->members_len;
    r->pins_len = len - 8 - r->members_len;
    return true;
}

bool device_check(Device *dev, const uint8_t *data, size_t len, GError **error)
{
    Record r;
    Pins pins = { .n = dev->n_irqs, .levels = g_new0(uint32_t, dev->n_irqs + 1) };
    bool ok = split_record(dev, data, len, &r, error) &&
              state_check(pins_state, &pins, r.pins, r.pins_len, error) &&
              state_check(device_type_state(dev->type), dev, r.members, r.members_len, error);
    g_free(pins.levels);
    if (!ok)
        g_prefix_error(error, "device '%s': ", dev->path);
    return ok;
}

bool device_load_record(Device *dev, const uint8_t *data, size_t len, GError **error)
{
    Record r;
    if (!device_check(dev, data, len, error))
        return false;
    split_record(dev, data, len, &r, NULL);
    Pins pins = { .n = dev->n_irqs, .levels = g_new0(uint32_t, dev->n_irqs + 1) };
    bool ok = state_load(device_type_state(dev->type), dev, r.members, r.members_len, error) &&
              state_load(pins_state, &pins, r.pins, r.pins_len, error);
    for (int i = 0; ok && i < dev->n_irqs; i++)
        dev->irq[i].level = (int)pins.levels[i];
    g_free(pins.levels);
    if (!ok)
        g_prefix_error(error, "device '%s': ", dev->path);
    return ok;
}

bool device_load_exact;

void device_loaded(Device *dev)
{
    if (dev->parent_bus && dev->parent_bus->child_loaded)
        dev->parent_bus->child_loaded(dev->parent_bus, dev);
    if (dev->type->loaded)
        dev->type->loaded(dev);
}

bool device_load(Device *dev, const uint8_t *data, size_t len, GError **error)
{
    if (!device_load_record(dev, data, len, error))
        return false;
    device_loaded(dev);
    return true;
}

void device_redrive_pins(void)
{
    for (Device *dev = first_device; dev; dev = dev->next)
        for (int i = 0; dev->realized && i < dev->n_irqs; i++)
            irq_set(&dev->irq[i], dev->irq[i].level);
}
