/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties of devices: from and to text. */
#include <inttypes.h>
#include <string.h>

#include "backend/block.h"
#include "backend/char.h"
#include "hw/boot_order.h"
#include "hw/core/core.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/opts.h"

static void *(*netdev_find_fn)(const char *id);
static const char *(*netdev_id_fn)(void *netdev);

void device_set_netdev_lookup(void *(*find)(const char *id), const char *(*id)(void *netdev))
{
    netdev_find_fn = find;
    netdev_id_fn = id;
}

const Prop *prop_find(const DeviceType *t, const char *name)
{
    for (const Prop *p = t->props; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

static bool unknown_prop(const DeviceType *t, const char *name, GError **error)
{
    GPtrArray *names = g_ptr_array_new();
    for (const Prop *p = t->props; p && p->name; p++)
        g_ptr_array_add(names, (gpointer)p->name);
    g_ptr_array_add(names, NULL);
    const char *near = error_nearest(name, (const char *const *)names->pdata);
    g_ptr_array_free(names, TRUE);
    if (near)
        return error_set(error, "device '%s' has no property '%s'; did you mean '%s'?", t->name,
                         name, near);
    return error_set(error, "device '%s' has no property '%s'; '-device %s,help' lists them",
                     t->name, name, t->name);
}

static bool parse_mac(const char *s, uint8_t mac[6])
{
    if (strlen(s) != 17)
        return false;
    for (unsigned i = 0; i < 6; i++, s += 3) {
        int hi = g_ascii_xdigit_value(s[0]), lo = g_ascii_xdigit_value(s[1]);
        if (hi < 0 || lo < 0 || (i < 5 && s[2] != ':' && s[2] != '-'))
            return false;
        mac[i] = hi << 4 | lo;
    }
    return true;
}

/* "06", "6.1", "0x1f.7": slot and function. */
static bool parse_pci_addr(const char *s, int32_t *out)
{
    char *end;
    if (!g_ascii_isxdigit(*s))
        return false;
    uint64_t slot = g_ascii_strtoull(s, &end, 16), fn = 0;
    if (*end == '.') {
        if (!g_ascii_isdigit(end[1]))
            return false;
        fn = g_ascii_strtoull(end + 1, &end, 16);
    }
    if (*end || slot > 31 || fn > 7)
        return false;
    *out = slot << 3 | fn;
    return true;
}

static bool bad_value(const DeviceType *t, const Prop *p, const char *value, const char *wants,
                      GError **error)
{
    return error_set(error, "property '%s' of device '%s' takes %s, not '%s'", p->name, t->name,
                     wants, value);
}

static bool set_uint(const DeviceType *t, void *at, const Prop *p, const char *value,
                     GError **error)
{
    unsigned bytes = p->type == PROP_U8 ? 1 : p->type == PROP_U16 ? 2 : p->type == PROP_U32 ? 4 : 8;
    uint64_t v;
    if (!parse_number(value, &v) || v > MASK(bytes * 8)) {
        g_autofree char *wants = g_strdup_printf("a number from 0 to %llu", MASK(bytes * 8));
        return bad_value(t, p, value, wants, error);
    }
    memcpy(at, &v, bytes); /* little-endian host */
    return true;
}

/* At most one device has an index, whatever a user sets when. */
static bool set_bootindex(const DeviceType *t, int32_t *at, const Prop *p, const char *value,
                          GError **error)
{
    uint64_t v;
    bool minus = *value == '-';
    if (!parse_number(value + minus, &v) || v > (uint64_t)INT32_MAX + minus)
        return bad_value(t, p, value, "a number up to 2147483647; negative: none", error);
    int32_t index = minus ? (int32_t)-(int64_t)v : (int32_t)v;
    if (!boot_order_free(index, error))
        return false;
    *at = index;
    return true;
}

static bool set_enum(const DeviceType *t, void *at, const Prop *p, const char *value,
                     GError **error)
{
    static const char *const on_off_auto[] = { "off", "on", "auto", NULL };
    const char *const *names = p->type == PROP_ENUM ? p->names : on_off_auto;
    bool b;
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], value)) {
            *(int *)at = i;
            return true;
        }
    }
    if (p->type == PROP_ON_OFF_AUTO && parse_bool(value, &b)) {
        *(int *)at = b;
        return true;
    }
    g_autofree char *list = g_strjoinv(", ", (char **)names);
    g_autofree char *wants = g_strdup_printf("one of %s", list);
    return bad_value(t, p, value, wants, error);
}

static bool set_reference(void *at, const Prop *p, const char *value, GError **error)
{
    void *found = NULL;
    if (*value) {
        if (p->type == PROP_CHARDEV)
            found = chardev_find(value);
        else if (p->type == PROP_DRIVE)
            found = block_find(value);
        else if (netdev_find_fn)
            found = netdev_find_fn(value);
        if (!found) {
            const char *kind = p->type == PROP_CHARDEV ? "chardev"
                               : p->type == PROP_DRIVE ? "drive"
                                                       : "netdev";
            return error_set(error, "property '%s': there is no %s '%s'; give -%s ...,id=%s",
                             p->name, kind, value, kind, value);
        }
    }
    *(void **)at = found;
    return true;
}

/* p NULL: says that property `value` doesn't exist. */
bool prop_set(const DeviceType *t, void *obj, const Prop *p, const char *value, GError **error)
{
    if (!p)
        return unknown_prop(t, value, error);
    void *at = (char *)obj + p->offset;
    switch (p->type) {
    case PROP_BOOL:
        return parse_bool(value, at) || bad_value(t, p, value, "on or off", error);
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
        return set_uint(t, at, p, value, error);
    case PROP_SIZE: {
        uint64_t v;
        if (!parse_size(value, 1, &v, NULL))
            return bad_value(t, p, value, "a size like 512, 4K or 1G", error);
        *(uint64_t *)at = v;
        return true;
    }
    case PROP_STRING:
        g_free(*(char **)at);
        *(char **)at = g_strdup(value);
        return true;
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO:
        return set_enum(t, at, p, value, error);
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
        return set_reference(at, p, value, error);
    case PROP_MACADDR:
        return parse_mac(value, at) ||
               bad_value(t, p, value, "an address like 52:54:00:12:34:56", error);
    case PROP_BOOTINDEX:
        return set_bootindex(t, at, p, value, error);
    case PROP_PCI_ADDR:
        return parse_pci_addr(value, at) ||
               bad_value(t, p, value, "a PCI slot and function like 06 or 06.0", error);
    case PROP_END:
        break;
    }
    g_assert_not_reached();
}

void prop_copy(void *to, const void *from, const Prop *p)
{
    static const size_t sizes[] = {
        [PROP_BOOL] = sizeof(bool), [PROP_U8] = 1, [PROP_U16] = 2, [PROP_U32] = 4, [PROP_U64] = 8,
        [PROP_SIZE] = 8, [PROP_ENUM] = sizeof(int), [PROP_ON_OFF_AUTO] = sizeof(int),
        [PROP_CHARDEV] = sizeof(void *), [PROP_DRIVE] = sizeof(void *),
        [PROP_NETDEV] = sizeof(void *), [PROP_MACADDR] = 6, [PROP_PCI_ADDR] = 4,
        [PROP_BOOTINDEX] = 4,
    };
    void *at = (char *)to + p->offset;
    const void *value = (const char *)from + p->offset;
    if (p->type == PROP_STRING) {
        g_free(*(char **)at);
        *(char **)at = g_strdup(*(char *const *)value);
    } else {
        memcpy(at, value, sizes[p->type]);
    }
}

char *prop_get(const void *obj, const Prop *p)
{
    const void *at = (const char *)obj + p->offset;
    switch (p->type) {
    case PROP_BOOL:
        return g_strdup(*(const bool *)at ? "true" : "false");
    case PROP_U8:
        return g_strdup_printf("%u", *(const uint8_t *)at);
    case PROP_U16:
        return g_strdup_printf("%u", *(const uint16_t *)at);
    case PROP_U32:
        return g_strdup_printf("%u", *(const uint32_t *)at);
    case PROP_U64:
    case PROP_SIZE:
        return g_strdup_printf("%" PRIu64, *(const uint64_t *)at);
    case PROP_STRING:
        return g_strdup(*(char *const *)at ? *(char *const *)at : "");
    case PROP_ENUM:
        return g_strdup(p->names[*(const int *)at]);
    case PROP_ON_OFF_AUTO:
        return g_strdup(*(const int *)at == 0 ? "off" : *(const int *)at == 1 ? "on" : "auto");
    case PROP_CHARDEV: {
        const Chardev *c = *(Chardev *const *)at;
        return g_strdup(c ? chardev_label(c) : "");
    }
    case PROP_DRIVE: {
        const BlockBackend *b = *(BlockBackend *const *)at;
        const char *name = b ? block_id(b) : NULL;
        return g_strdup(name ? name : "");
    }
    case PROP_NETDEV: {
        void *n = *(void *const *)at;
        const char *name = n && netdev_id_fn ? netdev_id_fn(n) : NULL;
        return g_strdup(name ? name : "");
    }
    case PROP_MACADDR: {
        const uint8_t *m = at;
        return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    }
    case PROP_BOOTINDEX:
        return g_strdup_printf("%d", *(const int32_t *)at);
    case PROP_PCI_ADDR: {
        int32_t v = *(const int32_t *)at;
        return v < 0 ? g_strdup("<unset>") : g_strdup_printf("%02x.%x", v >> 3, v & 7);
    }
    case PROP_END:
        break;
    }
    g_assert_not_reached();
}

static char *size_text(uint64_t v)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned i = 0;
    double d = v;
    while (d >= 1000 && i + 1 < ARRAY_LEN(units)) {
        d /= 1024;
        i++;
    }
    return g_strdup_printf("%.3g %s", d, units[i]);
}

char *prop_pretty(const void *obj, const Prop *p)
{
    g_autofree char *text = prop_get(obj, p);
    switch (p->type) {
    case PROP_BOOL:
    case PROP_PCI_ADDR:
        return g_steal_pointer(&text);
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
        return g_strdup_printf("%s (0x%" PRIx64 ")", text, g_ascii_strtoull(text, NULL, 10));
    case PROP_SIZE: {
        g_autofree char *size = size_text(g_ascii_strtoull(text, NULL, 10));
        return g_strdup_printf("%s (%s)", text, size);
    }
    default:
        return g_strdup_printf("\"%s\"", text);
    }
}

void prop_free_all(const DeviceType *t, void *obj)
{
    for (const Prop *p = t->props; p && p->name; p++) {
        if (p->type == PROP_STRING) {
            char **s = (char **)((char *)obj + p->offset);
            g_clear_pointer(s, g_free);
        }
    }
}

const char *prop_type_name(PropType type)
{
    static const char *const names[] = {
        [PROP_BOOL] = "bool", [PROP_U8] = "uint8", [PROP_U16] = "uint16", [PROP_U32] = "uint32",
        [PROP_U64] = "uint64", [PROP_SIZE] = "size", [PROP_STRING] = "str", [PROP_ENUM] = "enum",
        [PROP_CHARDEV] = "str", [PROP_DRIVE] = "str", [PROP_NETDEV] = "str",
        [PROP_MACADDR] = "str", [PROP_ON_OFF_AUTO] = "OnOffAuto", [PROP_PCI_ADDR] = "int32",
        [PROP_BOOTINDEX] = "int32",
    };
    return names[type];
}

const char *prop_type_doc(PropType type)
{
    switch (type) {
    case PROP_BOOL:
        return "on/off";
    case PROP_ON_OFF_AUTO:
        return "on/off/auto";
    case PROP_CHARDEV:
        return "ID of a chardev to use as a backend";
    case PROP_DRIVE:
        return "Node name or ID of a block device to use as a backend";
    case PROP_NETDEV:
        return "ID of a netdev to use as a backend";
    case PROP_MACADDR:
        return "Ethernet address, like 52:54:00:12:34:56";
    case PROP_PCI_ADDR:
        return "PCI slot and function, like 06 or 06.0";
    default:
        return NULL;
    }
}

char *prop_default_text(const Prop *p)
{
    switch (p->type) {
    case PROP_BOOL: {
        bool b = false;
        if (p->def)
            parse_bool(p->def, &b);
        return g_strdup(b ? "true" : "false");
    }
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
        return g_strdup(p->def ? p->def : "0");
    case PROP_SIZE: {
        uint64_t v = 0;
        if (p->def)
            parse_size(p->def, 1, &v, NULL);
        return g_strdup_printf("%" PRIu64, v);
    }
    case PROP_ENUM:
        return g_strdup_printf("\"%s\"", p->def ? p->def : p->names[0]);
    case PROP_ON_OFF_AUTO:
        return g_strdup_printf("\"%s\"", p->def ? p->def : "off");
    case PROP_BOOTINDEX:
        return NULL;
    default:
        return p->def ? g_strdup_printf("\"%s\"", p->def) : NULL;
    }
}

static BlockBackend *drive_of(Device *dev, const Prop *p)
{
    return p->type == PROP_DRIVE ? *(BlockBackend **)((char *)dev + p->offset) : NULL;
}

bool prop_claim_drives(Device *dev, GError **error)
{
    for (const Prop *p = dev->type->props; p && p->name; p++) {
        BlockBackend *b = drive_of(dev, p);
        if (!b || block_claim(b, device_label(dev), error))
            continue;
        for (const Prop *q = dev->type->props; q != p; q++)
            if (drive_of(dev, q))
                block_release(drive_of(dev, q));
        return false;
    }
    return true;
}

void prop_release_drives(Device *dev)
{
    for (const Prop *p = dev->type->props; p && p->name; p++)
        if (drive_of(dev, p))
            block_release(drive_of(dev, p));
}

/* Those that are -drive's (or drive_add's): in QEMU they go with their device. */
void prop_note_drives(Device *dev, GPtrArray *drives)
{
    for (const Prop *p = dev->type->props; p && p->name; p++) {
        BlockBackend *b = drive_of(dev, p);
        if (b && block_is_drive(b) && !g_ptr_array_find(drives, b, NULL))
            g_ptr_array_add(drives, b);
    }
}

void prop_free_drives(GPtrArray *drives)
{
    for (guint i = 0; i < drives->len; i++)
        if (!block_owner(drives->pdata[i]) && !block_is_busy(drives->pdata[i]))
            block_free(drives->pdata[i]);
}
