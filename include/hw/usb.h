/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB: devices and the ports that they plug into. Universal Serial Bus Specification 2.0 ("USB 2.0"
 * in comments), 3.0 for what SuperSpeed adds.
 *
 * A device's struct begins with a UsbDevice, its type has bus_type "usb-bus" and a UsbClass as
 * class_data, USB_PROPS(S, usb) in its props and USB_STATE(S, usb) first in its state. What it is
 * stands in a UsbDescription, from which the core answers standard requests.
 *
 * A host controller asks a device for a transfer, which is done at once or not at all (USB_NAK): it
 * asks again when the device has called usb_wakeup. So no transfer is ever under way between the two.
 */
#ifndef HW_USB_H
#define HW_USB_H

#include <sys/uio.h>

#include "hw/device.h"

/* Numbered as by default in xHCI (7.2.2.1.1). */
typedef enum UsbSpeed { USB_FULL = 1, USB_LOW, USB_HIGH, USB_SUPER, USB_SPEEDS } UsbSpeed;

/* What came of a transfer, where it is no number of bytes. GONE: nobody answers. */
enum { USB_NAK = -1, USB_STALL = -2, USB_BABBLE = -3, USB_GONE = -4 };

enum { USB_ENDPOINT_IN = 0x80, USB_BULK = 2, USB_INTERRUPT = 3, USB_CONTROL_MOST = 4096 };

/* USB 2.0, 9.3 */
typedef struct UsbSetup {
    uint8_t type, request;
    uint16_t value, index, length;
} UsbSetup;

typedef struct UsbEndpoint {
    uint8_t address, attributes, interval, burst; /* of a burst: packets less one, at SuperSpeed */
    uint16_t max_packet;
} UsbEndpoint;

/* The one configuration, with one interface, as it is at some speed. */
typedef struct UsbConfig {
    uint16_t version;     /* of USB */
    uint8_t max_packet0;  /* SuperSpeed: as a power of two */
    uint8_t string, attributes, power;
    const UsbEndpoint *endpoints;
    unsigned n_endpoints;
} UsbConfig;

typedef struct UsbDescription {
    uint16_t vendor, product, release;
    uint8_t device_class;
    uint8_t manufacturer_string, product_string, serial_string;
    uint8_t class, subclass, protocol;      /* of the interface */
    const uint8_t *class_descriptor;        /* behind the interface's, its length first; or NULL */
    const char *const *strings;             /* [0] is none */
    unsigned n_strings;
    const UsbConfig *at[USB_SPEEDS];        /* NULL: it can't go at that speed */
} UsbDescription;

typedef struct UsbBus UsbBus;
typedef struct UsbPort UsbPort;
typedef struct UsbDevice UsbDevice;

typedef struct UsbClass {
    const char *name; /* as `info usb` shows it */
    /* Requests of the class, and standard ones to the interface. An answer may be longer than asked. */
    int (*control)(UsbDevice *d, const UsbSetup *s, uint8_t *data);
    /* Endpoints of the description that are not halted; n: the endpoint's number. */
    int (*in)(UsbDevice *d, unsigned n, const struct iovec *iov, unsigned n_iov, size_t len);
    int (*out)(UsbDevice *d, unsigned n, const struct iovec *iov, unsigned n_iov, size_t len);
    /* The port was reset, or power came; may be NULL. */
    void (*bus_reset)(UsbDevice *d);
    /* A configuration was chosen or left; may be NULL. */
    void (*configured)(UsbDevice *d, bool on);
} UsbClass;

struct UsbDevice {
    Device dev;
    char *port_path, *serial;        /* properties */
    const UsbDescription *desc;      /* by realize */
    UsbPort *port;
    UsbSpeed speed;
    /* USB 2.0, 9.1 */
    uint8_t address, configuration;
    bool remote_wakeup;
    uint32_t halted;                 /* endpoints: bit n, and 16 + n for IN */
};

extern const StateField usb_state[];
#define USB_STATE(S, m)                                                                        \
    { .name = "usb", .type = STATE_STRUCT, .offset = offsetof(S, m), .count = 1,               \
      .stride = sizeof(UsbDevice), .fields = usb_state }
#define USB_PROPS(S, m)                                                                        \
    PROP(S, "port", m.port_path, PROP_STRING, NULL, "1, 2...; 1.2 is port 2 of the hub on 1"), \
    PROP(S, "serial", m.serial, PROP_STRING, NULL, "serial number that the guest sees")

/* ---- for devices ---- */
/* In reset. */
void usb_device_reset(UsbDevice *d);
/* This endpoint (a descriptor's address), which had nothing or took nothing, may now. */
void usb_wakeup(UsbDevice *d, unsigned endpoint);

/* ---- ports: of a controller, or of a hub ---- */
struct UsbPort {
    UsbBus *bus;
    char path[16];
    unsigned speeds;        /* bits: 1 << UsbSpeed */
    unsigned number;        /* from 1, among its controller's or hub's */
    UsbDevice *hub, *dev;   /* NULL: it is the controller's; nothing is there */
};

typedef struct UsbBusOps {
    void (*attached)(void *opaque, UsbPort *p);
    void (*detaching)(void *opaque, UsbPort *p);
    void (*wakeup)(void *opaque, UsbDevice *d, unsigned endpoint);
} UsbBusOps;

struct UsbBus {
    Bus *bus;
    unsigned number;
    const UsbBusOps *ops;
    void *opaque;
    char *location;         /* of the controller; part of serial numbers */
    GPtrArray *ports;       /* UsbPort * */
};

UsbBus *usb_bus_new(Device *owner, const UsbBusOps *ops, void *opaque, const char *location);
void usb_bus_free(UsbBus *b);
/* p is the caller's, and stays where it is. */
void usb_bus_add_port(UsbBus *b, UsbPort *p, UsbDevice *hub, unsigned number, unsigned speeds);
UsbBus *usb_bus_of(const UsbDevice *d);
bool usb_any_bus(void);
/* `info usb` */
void usb_print(GString *out);

/* ---- for host controllers ---- */
void usb_port_reset(UsbPort *p);
/* A whole control transfer: bytes of data, either way, or what went wrong. data has room for
 * USB_CONTROL_MOST bytes; what goes out is there, and no longer than that. */
int usb_control(UsbDevice *d, const UsbSetup *s, uint8_t *data);
int usb_transfer(UsbDevice *d, unsigned endpoint, const struct iovec *iov, unsigned n, size_t len);

#endif
