/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors and standard requests of USB devices (USB 2.0, chapter 9; USB 3.0, chapter 9, for
 * companion descriptors and the binary object store), made from a UsbDescription.
 *
 * Every device has one configuration with one interface. Left out: alternate settings, several
 * languages, test modes, Microsoft's descriptors, U1 and U2 (SET_FEATURE is refused).
 */
#include <string.h>

#include "hw/usb.h"
#include "util/bits.h"

/* USB 2.0, table 9-4; USB 3.0, table 9-5 */
enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, SET_ADDRESS = 5, GET_DESCRIPTOR = 6,
       GET_CONFIGURATION = 8, SET_CONFIGURATION = 9, GET_INTERFACE = 10, SET_INTERFACE = 11,
       SET_SEL = 48, SET_ISOCH_DELAY = 49 };
/* table 9-5 */
enum { D_DEVICE = 1, D_CONFIG = 2, D_STRING = 3, D_INTERFACE = 4, D_ENDPOINT = 5, D_QUALIFIER = 6,
       D_OTHER_SPEED = 7, D_BOS = 15, D_CAPABILITY = 16, D_COMPANION = 48 };
enum { FEATURE_HALT = 0, FEATURE_WAKEUP = 1 };
/* 9.3.1 */
enum { TO_DEVICE = 0x00, TO_INTERFACE = 0x01, TO_ENDPOINT = 0x02, IN = 0x80, TYPE = 0x60 };
enum { CONFIG_SELF_POWERED = 0x40, CONFIG_WAKEUP = 0x20, ENGLISH = 0x0409, LANGUAGE_FIRST = 0xff };

static const UsbClass *class_of(const UsbDevice *d)
{
    return d->dev.type->class_data;
}

static const UsbConfig *config(const UsbDevice *d)
{
    return d->desc->at[d->speed];
}

/* ---- descriptors ---- */

static void put8(GByteArray *out, uint8_t v)
{
    g_byte_array_append(out, &v, 1);
}

static void put16(GByteArray *out, uint16_t v)
{
    put8(out, v & 0xff);
    put8(out, v >> 8);
}

/* 9.6.1, and without the strings 9.6.2 */
static void put_device(GByteArray *out, const UsbDescription *desc, const UsbConfig *c, bool other)
{
    put8(out, other ? 10 : 18);
    put8(out, other ? D_QUALIFIER : D_DEVICE);
    put16(out, c->version);
    put8(out, desc->device_class);
    put8(out, 0);
    put8(out, 0);
    put8(out, c->max_packet0);
    if (!other) {
        put16(out, desc->vendor);
        put16(out, desc->product);
        put16(out, desc->release);
        put8(out, desc->manufacturer_string);
        put8(out, desc->product_string);
        put8(out, desc->serial_string);
    }
    put8(out, 1); /* configurations */
    if (other)
        put8(out, 0);
}

/* 9.6.3 to 9.6.6 */
static void put_config(GByteArray *out, const UsbDescription *desc, const UsbConfig *c, uint8_t type,
                       bool super)
{
    guint start = out->len;
    put8(out, 9);
    put8(out, type);
    put16(out, 0);
    put8(out, 1); /* interfaces */
    put8(out, 1); /* its number */
    put8(out, c->string);
    put8(out, c->attributes);
    put8(out, c->power);
    const uint8_t interface[] = { 9, D_INTERFACE, 0, 0, c->n_endpoints, desc->class,
                                  desc->subclass, desc->protocol, 0 };
    g_byte_array_append(out, interface, sizeof interface);
    if (desc->class_descriptor)
        g_byte_array_append(out, desc->class_descriptor, desc->class_descriptor[0]);
    for (unsigned i = 0; i < c->n_endpoints; i++) {
        const UsbEndpoint *e = &c->endpoints[i];
        const uint8_t endpoint[] = { 7, D_ENDPOINT, e->address, e->attributes,
                                     e->max_packet & 0xff, e->max_packet >> 8, e->interval };
        const uint8_t companion[] = { 6, D_COMPANION, e->burst, 0, 0, 0 };
        g_byte_array_append(out, endpoint, sizeof endpoint);
        if (super)
            g_byte_array_append(out, companion, sizeof companion);
    }
    store_le16(out->data + start + 2, out->len - start);
}

/* USB 3.0, 9.6.2: link power management; from SuperSpeed on, which speeds there are. */
static void put_bos(GByteArray *out, const UsbDescription *desc)
{
    static const uint8_t usb2[] = { 7, D_CAPABILITY, 2, 2, 0, 0, 0 };
    static const uint8_t super[] = { 10, D_CAPABILITY, 3, 0, 0x0e, 0, 1, 10, 32, 0 };
    bool has_usb2 = desc->at[USB_HIGH], has_super = desc->at[USB_SUPER];
    put8(out, 5);
    put8(out, D_BOS);
    put16(out, 5 + (has_usb2 ? sizeof usb2 : 0) + (has_super ? sizeof super : 0));
    put8(out, has_usb2 + has_super);
    if (has_usb2)
        g_byte_array_append(out, usb2, sizeof usb2);
    if (has_super)
        g_byte_array_append(out, super, sizeof super);
}

/* The user's number, or the model's own made unique by the place. */
static char *string_text(const UsbDevice *d, unsigned index)
{
    if (!index || index >= d->desc->n_strings || !d->desc->strings[index])
        return NULL;
    if (index != d->desc->serial_string)
        return g_strdup(d->desc->strings[index]);
    if (d->serial && *d->serial)
        return g_strdup(d->serial);
    return g_strdup_printf("%s-%s-%s", d->desc->strings[index], usb_bus_of(d)->location,
                           d->port->path);
}

/* 9.6.7: UTF-16 */
static bool put_string(GByteArray *out, const UsbDevice *d, unsigned index)
{
    if (!index) {
        put8(out, 4);
        put8(out, D_STRING);
        put16(out, ENGLISH);
        return true;
    }
    g_autofree char *text = string_text(d, index);
    glong units = 0;
    g_autofree gunichar2 *wide = text ? g_utf8_to_utf16(text, -1, NULL, &units, NULL) : NULL;
    if (!wide)
        return false;
    units = MIN(units, 126);
    put8(out, 2 + 2 * units);
    put8(out, D_STRING);
    for (glong i = 0; i < units; i++)
        put16(out, wide[i]);
    return true;
}

static bool put_descriptor(GByteArray *out, const UsbDevice *d, unsigned type, unsigned index)
{
    const UsbDescription *desc = d->desc;
    const UsbConfig *other = d->speed == USB_HIGH   ? desc->at[USB_FULL]
                             : d->speed == USB_FULL ? desc->at[USB_HIGH]
                                                    : NULL;
    switch (type) {
    case D_DEVICE:
        put_device(out, desc, config(d), false);
        return true;
    case D_CONFIG:
        if (!index)
            put_config(out, desc, config(d), type, d->speed == USB_SUPER);
        return !index;
    case D_STRING:
        return put_string(out, d, index);
    case D_QUALIFIER:
        if (other)
            put_device(out, desc, other, true);
        return other;
    case D_OTHER_SPEED:
        if (other && !index)
            put_config(out, desc, other, type, false);
        return other && !index;
    case D_BOS:
        put_bos(out, desc);
        return true;
    default:
        return false;
    }
}

static int get_descriptor(const UsbDevice *d, const UsbSetup *s, uint8_t *data)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    if (!put_descriptor(out, d, s->value >> 8, s->value & 0xff))
        return USB_STALL;
    unsigned n = MIN(out->len, USB_CONTROL_MOST);
    memcpy(data, out->data, n);
    return n;
}

/* ---- requests ---- */

static uint32_t halt_bit(unsigned endpoint)
{
    return 1u << ((endpoint & 15) + (endpoint & USB_ENDPOINT_IN ? 16 : 0));
}

static bool has_endpoint(const UsbDevice *d, unsigned endpoint)
{
    const UsbConfig *c = config(d);
    for (unsigned i = 0; d->configuration && i < c->n_endpoints; i++)
        if (c->endpoints[i].address == endpoint)
            return true;
    return false;
}

static void set_configuration(UsbDevice *d, unsigned n)
{
    const UsbClass *c = class_of(d);
    bool change = d->configuration != n;
    d->configuration = n;
    d->halted = 0;
    if (change && c->configured)
        c->configured(d, n);
}

static int device_request(UsbDevice *d, const UsbSetup *s, uint8_t *data)
{
    switch (s->request | (s->type & IN) << 1) {
    case GET_STATUS | 0x100:
        data[0] = (config(d)->attributes & CONFIG_SELF_POWERED ? 1 : 0) | d->remote_wakeup << 1;
        data[1] = 0;
        return 2;
    case CLEAR_FEATURE:
    case SET_FEATURE:
        if (s->value != FEATURE_WAKEUP)
            return USB_STALL;
        d->remote_wakeup = s->request == SET_FEATURE;
        return 0;
    case SET_ADDRESS:
        d->address = s->value & 127;
        return 0;
    case GET_DESCRIPTOR | 0x100:
        return get_descriptor(d, s, data);
    case GET_CONFIGURATION | 0x100:
        data[0] = d->configuration;
        return 1;
    case SET_CONFIGURATION:
        if (s->value > 1)
            return USB_STALL;
        set_configuration(d, s->value);
        return 0;
    case SET_SEL:
    case SET_ISOCH_DELAY:
        return d->speed == USB_SUPER ? 0 : USB_STALL;
    default:
        return USB_STALL;
    }
}

static int interface_request(UsbDevice *d, const UsbSetup *s, uint8_t *data)
{
    if (!d->configuration || s->index & 0xff)
        return USB_STALL;
    switch (s->request | (s->type & IN) << 1) {
    case GET_STATUS | 0x100:
        data[0] = data[1] = 0;
        return 2;
    case GET_INTERFACE | 0x100:
        data[0] = 0;
        return 1;
    case SET_INTERFACE:
        if (s->value)
            return USB_STALL;
        d->halted = 0;
        return 0;
    default:
        return class_of(d)->control(d, s, data);
    }
}

static int endpoint_request(UsbDevice *d, const UsbSetup *s, uint8_t *data)
{
    unsigned endpoint = s->index & 0x8f;
    bool control = !(endpoint & 15);
    if (!control && !has_endpoint(d, endpoint))
        return USB_STALL;
    switch (s->request | (s->type & IN) << 1) {
    case GET_STATUS | 0x100:
        data[0] = !control && d->halted & halt_bit(endpoint);
        data[1] = 0;
        return 2;
    case CLEAR_FEATURE:
    case SET_FEATURE:
        if (s->value != FEATURE_HALT)
            return USB_STALL;
        if (s->request == SET_FEATURE)
            d->halted |= control ? 0 : halt_bit(endpoint);
        else
            d->halted &= ~halt_bit(endpoint);
        return 0;
    default:
        return USB_STALL;
    }
}

static int request(UsbDevice *d, const UsbSetup *s, uint8_t *data)
{
    if (s->type & TYPE)
        return class_of(d)->control(d, s, data);
    switch (s->type & 0x1f) {
    case TO_DEVICE:
        return device_request(d, s, data);
    case TO_INTERFACE:
        return interface_request(d, s, data);
    case TO_ENDPOINT:
        return endpoint_request(d, s, data);
    default:
        return USB_STALL;
    }
}

int usb_control(UsbDevice *d, const UsbSetup *s, uint8_t *data)
{
    int r = request(d, s, data);
    return r > s->length ? s->length : r;
}

int usb_transfer(UsbDevice *d, unsigned endpoint, const struct iovec *iov, unsigned n, size_t len)
{
    const UsbClass *c = class_of(d);
    if (!has_endpoint(d, endpoint))
        return USB_GONE;
    if (d->halted & halt_bit(endpoint))
        return USB_STALL;
    int r = (endpoint & USB_ENDPOINT_IN ? c->in : c->out)(d, endpoint & 15, iov, n, len);
    if (r == USB_STALL)
        d->halted |= halt_bit(endpoint);
    return r;
}

/* ---- life ---- */

void usb_device_reset(UsbDevice *d)
{
    const UsbClass *c = class_of(d);
    if (c->bus_reset)
        c->bus_reset(d);
    set_configuration(d, 0);
    d->address = 0;
    d->remote_wakeup = false;
}

void usb_wakeup(UsbDevice *d, unsigned endpoint)
{
    const UsbBus *b = usb_bus_of(d);
    if (d->port)
        b->ops->wakeup(b->opaque, d, endpoint);
}

const StateField usb_state[] = {
    STATE(UsbDevice, address), STATE(UsbDevice, configuration), STATE(UsbDevice, remote_wakeup),
    STATE(UsbDevice, halted),
    { .type = STATE_END },
};
