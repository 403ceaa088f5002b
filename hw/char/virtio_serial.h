/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What virtio-serial (the controller) and its ports share. */
#ifndef HW_CHAR_VIRTIO_SERIAL_H
#define HW_CHAR_VIRTIO_SERIAL_H

#include "backend/char.h"
#include "hw/virtio.h"

enum { VIRTIO_SERIAL_MAX_PORTS = 511, PORT_BUFFER = 4096 };

typedef struct VirtioSerial VirtioSerial;

/* virtconsole or virtserialport. */
typedef struct SerialPort {
    Device dev;
    VirtioSerial *serial;
    Chardev *chr;
    char *name;
    uint32_t nr;            /* property; UINT32_MAX: the first free one */
    bool is_console;
    bool guest_open, host_open;
    /* From the host, taken off the chardev, for which the guest had no room left. */
    uint8_t buffer[PORT_BUFFER];
    uint32_t buffered;
} SerialPort;

struct VirtioSerial {
    VirtioDevice virtio;
    Bus *bus;
    uint32_t max_ports;
    bool emergency_write;
    SerialPort **ports;     /* by number */
    bool ready;             /* the driver sent DEVICE_READY */
    uint8_t *control;       /* messages that wait for the guest's buffers, length first */
    uint32_t control_len;
};

/* Control messages, virtio 1.2, 5.3.6.2 */
enum {
    SERIAL_DEVICE_READY = 0, SERIAL_PORT_ADD = 1, SERIAL_PORT_REMOVE = 2, SERIAL_PORT_READY = 3,
    SERIAL_CONSOLE_PORT = 4, SERIAL_RESIZE = 5, SERIAL_PORT_OPEN = 6, SERIAL_PORT_NAME = 7,
};

void virtio_serial_control(VirtioSerial *s, uint32_t port, uint16_t event, uint16_t value,
                           const char *text);
VirtQueue *virtio_serial_rx(VirtioSerial *s, uint32_t port); /* to the guest */
VirtQueue *virtio_serial_tx(VirtioSerial *s, uint32_t port);
bool virtio_serial_multiport(const VirtioSerial *s);

/* ---- ports, for the controller ---- */
void serial_port_input_room(SerialPort *p);  /* the guest gave buffers, or opened */
void serial_port_output(SerialPort *p);      /* the guest has something to say */
void serial_port_announce(SerialPort *p);    /* the guest asked what the port is like */
void serial_port_reset(SerialPort *p);
void serial_port_emergency(SerialPort *p, uint8_t c);

#endif
