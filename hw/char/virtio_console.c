/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of a virtio serial device (virtio 1.2, 5.3): virtconsole (hvcN) and virtserialport (a
 * named byte channel, /dev/virtio-ports/NAME).
 */
#include <string.h>

#include "hw/char/virtio_serial.h"
#include "util/error.h"

/* ---- from the host ---- */

static bool guest_listens(const SerialPort *p)
{
    const VirtioSerial *s = p->serial;
    return s && s->virtio.status & VIRTIO_STATUS_DRIVER_OK &&
           (p->guest_open || !virtio_serial_multiport(s));
}

/* Moves what is buffered into the guest's buffers. */
static void flush_buffer(SerialPort *p)
{
    if (!p->buffered || !guest_listens(p))
        return;
    VirtQueue *vq = virtio_serial_rx(p->serial, p->nr);
    uint32_t at = 0;
    VirtElement *e;
    while (at < p->buffered && (e = virtqueue_pop(vq, sizeof *e))) {
        size_t n = iov_from_buf(e->in, e->n_in, 0, p->buffer + at, p->buffered - at);
        virtqueue_push(vq, e, n);
        g_free(e);
        at += n;
    }
    p->buffered -= at;
    memmove(p->buffer, p->buffer + at, p->buffered);
    virtqueue_notify(vq);
}

static size_t port_can_read(void *opaque)
{
    SerialPort *p = opaque;
    if (p->buffered || !guest_listens(p) ||
        virtqueue_empty(virtio_serial_rx(p->serial, p->nr)))
        return 0;
    return PORT_BUFFER;
}

static void port_read(void *opaque, const uint8_t *buf, size_t len)
{
    SerialPort *p = opaque;
    len = MIN(len, PORT_BUFFER - p->buffered);
    memcpy(p->buffer + p->buffered, buf, len);
    p->buffered += len;
    flush_buffer(p);
}

void serial_port_input_room(SerialPort *p)
{
    flush_buffer(p);
    if (p->chr && !p->buffered)
        chardev_accept_input(p->chr, p);
}

static void port_event(void *opaque, CharEvent event)
{
    SerialPort *p = opaque;
    bool open = event == CHAR_OPENED;
    /* A console has nobody to tell: it is always open. */
    if (p->is_console || (event != CHAR_OPENED && event != CHAR_CLOSED) || open == p->host_open)
        return;
    p->host_open = open;
    if (p->serial)
        virtio_serial_control(p->serial, p->nr, SERIAL_PORT_OPEN, open, NULL);
}

/* ---- from the guest ---- */

/* Of one request. Drivers send pages; a hostile one could send all RAM a thousand times over. */
enum { OUTPUT_MOST = 16 << 20 };

void serial_port_output(SerialPort *p)
{
    VirtQueue *vq = virtio_serial_tx(p->serial, p->nr);
    VirtElement *e;
    for (unsigned left = 2 * vq->num; left && (e = virtqueue_pop(vq, sizeof *e)); left--) {
        uint64_t room = OUTPUT_MOST;
        for (unsigned i = 0; p->chr && i < e->n_out && room; i++) {
            size_t n = MIN(e->out[i].iov_len, room);
            chardev_write(p->chr, e->out[i].iov_base, n);
            room -= n;
        }
        virtqueue_push(vq, e, 0);
        g_free(e);
    }
    virtqueue_notify(vq);
}

void serial_port_emergency(SerialPort *p, uint8_t c)
{
    if (p->chr)
        chardev_write(p->chr, &c, 1);
}

void serial_port_announce(SerialPort *p)
{
    if (p->is_console)
        virtio_serial_control(p->serial, p->nr, SERIAL_CONSOLE_PORT, 1, NULL);
    if (p->name && *p->name)
        virtio_serial_control(p->serial, p->nr, SERIAL_PORT_NAME, 1, p->name);
    if (p->host_open)
        virtio_serial_control(p->serial, p->nr, SERIAL_PORT_OPEN, 1, NULL);
}

void serial_port_reset(SerialPort *p)
{
    p->guest_open = false;
    p->buffered = 0;
}

/* ---- the devices ---- */

static bool port_realize(SerialPort *p, GError **error)
{
    if (!p->chr)
        return true;
    CharFrontend fe = { .can_read = port_can_read, .read = port_read, .event = port_event,
                        .opaque = p };
    return chardev_attach(p->chr, &fe, error);
}

static bool console_realize(void *dev, GError **error)
{
    SerialPort *p = dev;
    p->is_console = true;
    p->host_open = true;
    return port_realize(p, error);
}

static bool serialport_realize(void *dev, GError **error)
{
    return port_realize(dev, error);
}

static void port_unrealize(void *dev)
{
    SerialPort *p = dev;
    if (p->chr)
        chardev_detach(p->chr, p);
}

static void port_loaded(void *dev)
{
    SerialPort *p = dev;
    p->buffered = MIN(p->buffered, PORT_BUFFER);
    if (p->chr && !p->buffered)
        chardev_accept_input(p->chr, p);
}

static const Prop port_props[] = {
    PROP(SerialPort, "chardev", chr, PROP_CHARDEV, NULL, "where the bytes go"),
    PROP(SerialPort, "name", name, PROP_STRING, NULL, "name that the guest sees"),
    PROP(SerialPort, "nr", nr, PROP_U32, "4294967295", "number of the port; default: first free"),
    PROP_LAST,
};

static const StateField port_state[] = {
    STATE(SerialPort, guest_open),
    STATE_ARRAY(SerialPort, buffer),
    STATE(SerialPort, buffered),
    { .name = NULL },
};

#define PORT_TYPE(nm, text, fn)                                                                \
    {                                                                                          \
        .name = nm, .doc = text, .category = CATEGORY_INPUT, .user_creatable = true,           \
        .hotpluggable = true, .bus_type = "virtio-serial-bus", .size = sizeof(SerialPort),     \
        .version = 1, .props = port_props, .state = port_state, .realize = fn,                 \
        .unrealize = port_unrealize, .loaded = port_loaded,                                    \
    }

static const DeviceType virtconsole_type =
    PORT_TYPE("virtconsole", "virtio console port (virtio 1.2, 5.3)", console_realize);
static const DeviceType virtserialport_type =
    PORT_TYPE("virtserialport", "virtio named port (virtio 1.2, 5.3)", serialport_realize);
DEVICE_REGISTER(virtconsole_type)
DEVICE_REGISTER(virtserialport_type)
