/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio console device (virtio 1.2, 5.3): the controller with its control queues. The ports,
 * which plug into its bus, are in virtio_console.c.
 *
 * Left out: VIRTIO_CONSOLE_F_SIZE (the size of a terminal is not known to backends).
 */
#include "hw/char/virtio_serial.h"

#include <string.h>

#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
enum { C_MAX_PORTS = 4, C_EMERG_WRITE = 8, C_SIZE = 12 };
enum { QUEUE_SIZE = 128, QUEUE_CONTROL_RX = 2, QUEUE_CONTROL_TX = 3, CONTROL_HEADER = 8 };
enum { CONTROL_MOST = 64 << 10 }; /* bytes of waiting messages: a guest may never read them */

bool virtio_serial_multiport(const VirtioSerial *s)
{
    return virtio_has(&s->virtio, F_MULTIPORT);
}

/* Queues 0 and 1 are port 0's, 2 and 3 the control queues, and 4 + 2n port n + 1's. */
static unsigned queue_of_port(uint32_t port)
{
    return port ? 2 + 2 * port : 0;
}

VirtQueue *virtio_serial_rx(VirtioSerial *s, uint32_t port)
{
    return &s->virtio.queues[queue_of_port(port)];
}

VirtQueue *virtio_serial_tx(VirtioSerial *s, uint32_t port)
{
    return &s->virtio.queues[queue_of_port(port) + 1];
}

/* ---- control messages to the guest ---- */

static void flush_control(VirtioSerial *s)
{
    VirtQueue *vq = &s->virtio.queues[QUEUE_CONTROL_RX];
    uint32_t at = 0;
    VirtElement *e;
    while (at < s->control_len && (e = virtqueue_pop(vq, sizeof *e))) {
        uint32_t len = load_le16(s->control + at);
        size_t n = iov_from_buf(e->in, e->n_in, 0, s->control + at + 2, len);
        virtqueue_push(vq, e, n);
        g_free(e);
        at += 2 + len;
    }
    s->control_len -= at;
    memmove(s->control, s->control + at, s->control_len);
    virtqueue_notify(vq);
}

void virtio_serial_control(VirtioSerial *s, uint32_t port, uint16_t event, uint16_t value,
                           const char *text)
{
    size_t text_len = text ? MIN(strlen(text), 1024) : 0;
    size_t len = CONTROL_HEADER + text_len;
    if (!virtio_serial_multiport(s) || !s->ready)
        return;
    if (s->control_len + len + 2 > CONTROL_MOST) {
        log_guest_error("virtio-serial", "the guest takes no control messages; one is lost");
        return;
    }
    uint8_t *p = s->control + s->control_len;
    store_le16(p, len);
    store_le32(p + 2, port);
    store_le16(p + 6, event);
    store_le16(p + 8, value);
    if (text_len)
        memcpy(p + 10, text, text_len);
    s->control_len += len + 2;
    flush_control(s);
}

/* ---- control messages from the guest ---- */

static void device_ready(VirtioSerial *s, bool ok)
{
    s->ready = ok;
    for (uint32_t i = 0; ok && i < s->max_ports; i++)
        if (s->ports[i])
            virtio_serial_control(s, i, SERIAL_PORT_ADD, 1, NULL);
}

static void control_message(VirtioSerial *s, const uint8_t *m)
{
    uint32_t nr = load_le32(m);
    uint16_t event = load_le16(m + 4), value = load_le16(m + 6);
    if (event == SERIAL_DEVICE_READY) {
        device_ready(s, value);
        return;
    }
    SerialPort *p = nr < s->max_ports ? s->ports[nr] : NULL;
    if (!p) {
        log_guest_error("virtio-serial", "control message %u for port %u, which is not there",
                        event, nr);
        return;
    }
    switch (event) {
    case SERIAL_PORT_READY:
        if (value)
            serial_port_announce(p);
        else
            log_guest_error("virtio-serial", "the guest could not set up port %u", nr);
        break;
    case SERIAL_PORT_OPEN:
        p->guest_open = value;
        if (value)
            serial_port_input_room(p);
        break;
    default:
        log_guest_error("virtio-serial", "control message of unknown kind %u", event);
    }
}

static void take_control(VirtioSerial *s, VirtQueue *vq)
{
    VirtElement *e;
    for (unsigned left = 2 * vq->num; left && (e = virtqueue_pop(vq, sizeof *e)); left--) {
        uint8_t m[CONTROL_HEADER];
        if (iov_to_buf(e->out, e->n_out, 0, m, sizeof m) == sizeof m)
            control_message(s, m);
        else
            log_guest_error("virtio-serial", "a control message of %u bytes",
                            (unsigned)e->out_len);
        virtqueue_push(vq, e, 0);
        g_free(e);
    }
    virtqueue_notify(vq);
}

/* ---- the device ---- */

static void serial_handle_queue(void *dev, unsigned n)
{
    VirtioSerial *s = dev;
    VirtQueue *vq = &s->virtio.queues[n];
    if (n == QUEUE_CONTROL_RX) {
        flush_control(s);
        return;
    }
    if (n == QUEUE_CONTROL_TX) {
        take_control(s, vq);
        return;
    }
    SerialPort *p = s->ports[n < 2 ? 0 : n / 2 - 1];
    if (!p)
        return;
    if (n & 1)
        serial_port_output(p);
    else
        serial_port_input_room(p);
}

static uint64_t serial_features(void *dev)
{
    const VirtioSerial *s = dev;
    return (s->max_ports > 1 ? BIT(F_MULTIPORT) : 0) |
           (s->emergency_write ? BIT(F_EMERG_WRITE) : 0);
}

static void serial_get_config(void *dev, uint8_t *config)
{
    const VirtioSerial *s = dev;
    store_le32(config + C_MAX_PORTS, s->max_ports);
}

static void serial_set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
    VirtioSerial *s = dev;
    if (offset != C_EMERG_WRITE || !s->emergency_write)
        return;
    for (uint32_t i = 0; i < s->max_ports; i++) {
        if (s->ports[i] && s->ports[i]->is_console) {
            serial_port_emergency(s->ports[i], config[C_EMERG_WRITE]);
            return;
        }
    }
}

static void serial_reset(void *dev)
{
    VirtioSerial *s = dev;
    s->ready = false;
    s->control_len = 0;
    for (uint32_t i = 0; i < s->max_ports; i++)
        if (s->ports[i])
            serial_port_reset(s->ports[i]);
}

static void serial_set_status(void *dev, uint8_t status)
{
    VirtioSerial *s = dev;
    /* Without multiport there is no message for it: port 0 is open as soon as the driver is. */
    if (status & VIRTIO_STATUS_DRIVER_OK && !virtio_serial_multiport(s) && s->ports[0])
        s->ports[0]->guest_open = true;
}

static uint32_t first_free(const VirtioSerial *s, bool console)
{
    /* Port 0 is the console's, since it is the one that early boot code knows. */
    for (uint32_t i = console ? 0 : 1; i < s->max_ports; i++)
        if (!s->ports[i])
            return i;
    return UINT32_MAX;
}

static bool plug(Bus *bus, Device *child, GError **error)
{
    VirtioSerial *s = (VirtioSerial *)bus->owner;
    SerialPort *p = (SerialPort *)child;
    if (p->nr == UINT32_MAX) {
        p->nr = first_free(s, p->is_console);
        if (p->nr == UINT32_MAX)
            return error_set(error, "virtio-serial has no free port; give it a bigger max_ports");
    }
    if (p->nr >= s->max_ports)
        return error_set(error, "nr=%u: virtio-serial has ports 0 to %u", p->nr,
                         s->max_ports - 1);
    if (!p->nr && !p->is_console)
        return error_set(error, "nr=0: port 0 is for a virtconsole");
    if (s->ports[p->nr])
        return error_set(error, "nr=%u: the port is taken", p->nr);
    for (uint32_t i = 0; p->name && i < s->max_ports; i++)
        if (s->ports[i] && !g_strcmp0(s->ports[i]->name, p->name))
            return error_set(error, "name=%s: another port has this name", p->name);
    p->serial = s;
    s->ports[p->nr] = p;
    virtio_serial_control(s, p->nr, SERIAL_PORT_ADD, 1, NULL);
    return true;
}

static void unplug(Bus *bus, Device *child)
{
    VirtioSerial *s = (VirtioSerial *)bus->owner;
    SerialPort *p = (SerialPort *)child;
    virtio_serial_control(s, p->nr, SERIAL_PORT_REMOVE, 1, NULL);
    s->ports[p->nr] = NULL;
    p->serial = NULL;
}

static bool serial_realize(void *dev, GError **error)
{
    VirtioSerial *s = dev;
    if (!s->max_ports || s->max_ports > VIRTIO_SERIAL_MAX_PORTS)
        return error_set(error, "virtio-serial: max_ports must be from 1 to %d, not %u",
                         VIRTIO_SERIAL_MAX_PORTS, s->max_ports);
    if (!virtio_add_queues(&s->virtio, 2 * (s->max_ports + 1), QUEUE_SIZE, error))
        return false;
    s->ports = g_new0(SerialPort *, s->max_ports);
    s->control = g_malloc(CONTROL_MOST);
    /* Users write bus=ID.0 with the id that they gave, which may be the PCI transport's. */
    const char *id = s->virtio.dev.id ? s->virtio.dev.id : s->virtio.dev.parent_bus->owner->id;
    g_autofree char *name = id ? g_strdup_printf("%s.0", id) : NULL;
    s->bus = bus_new("virtio-serial-bus", name, &s->virtio.dev);
    s->bus->plug = plug;
    s->bus->unplug = unplug;
    return true;
}

static void serial_unrealize(void *dev)
{
    VirtioSerial *s = dev;
    g_free(s->ports);
    g_free(s->control);
    virtio_free_queues(&s->virtio);
}

static void save_control(const void *obj, GByteArray *out)
{
    const VirtioSerial *s = obj;
    g_byte_array_append(out, s->control, s->control_len);
}

static bool load_control(void *obj, const uint8_t *data, size_t len, GError **error)
{
    VirtioSerial *s = obj;
    size_t at = 0;
    while (at + 2 <= len && load_le16(data + at) <= len - at - 2)
        at += 2 + load_le16(data + at);
    if (at != len || len > CONTROL_MOST)
        return error_set(error, "the waiting control messages are damaged");
    memcpy(s->control, data, len);
    s->control_len = len;
    return true;
}

static const Prop serial_props[] = {
    PROP(VirtioSerial, "max_ports", max_ports, PROP_U32, "31", "number of ports, 1 to 511"),
    PROP(VirtioSerial, "emergency-write", emergency_write, PROP_BOOL, "on",
         "offer the register for early messages"),
    VIRTIO_PROPS(VirtioSerial),
    PROP_LAST,
};

static const StateField serial_state[] = {
    VIRTIO_STATE(VirtioSerial),
    STATE(VirtioSerial, ready),
    { .name = "control", .type = STATE_CUSTOM, .count = 1, .save = save_control,
      .load = load_control },
    { .name = NULL },
};

static const VirtioClass serial_class = {
    .name = "virtio-serial", .device_id = 3, .pci_class = 0x078000, .config_size = C_SIZE,
    .features = serial_features, .get_config = serial_get_config,
    .set_config = serial_set_config, .handle_queue = serial_handle_queue,
    .set_status = serial_set_status, .reset = serial_reset,
};

static const DeviceType virtio_serial_type = {
    .name = "virtio-serial-device",
    .doc = "virtio serial ports (virtio 1.2, 5.3)",
    .category = CATEGORY_INPUT,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioSerial),
    .version = 1,
    .props = serial_props,
    .state = serial_state,
    .realize = serial_realize,
    .unrealize = serial_unrealize,
    .reset = virtio_device_reset,
    .class_data = &serial_class,
};
VIRTIO_DEVICE_REGISTER(virtio_serial_type)
