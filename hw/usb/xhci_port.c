/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root hub ports of the xHCI controller (4.19, 5.4.8): first those of USB 3, then those of USB 2. A
 * connector is one of each with the same number; a device shows on the one of its speed.
 *
 * Left out: power (ports always have it), over-current, compliance modes, L1.
 */
#include "hw/usb/xhci.h"
#include "util/bits.h"

/* PORTSC */
enum {
    CCS = 1 << 0, PED = 1 << 1, PR = 1 << 4, PLS_SHIFT = 5, PP = 1 << 9, SPEED_SHIFT = 10,
    PIC = 3 << 14, LWS = 1 << 16, CSC = 1 << 17, PRC = 1 << 21, PLC = 1 << 22, WRC = 1 << 19,
    CHANGES = 0x7f << 17, WAKES = 7 << 25,
};
#define WPR (1u << 31)
enum { PLS_U0 = 0, PLS_U3 = 3, PLS_RX_DETECT = 5, PLS_POLLING = 7, PLS_RESUME = 15 };
enum { PLS = 15 << PLS_SHIFT };

static bool is_usb3(const Xhci *x, unsigned n)
{
    return n < x->p3;
}

/* Of the register; NULL: nothing is there at one of its speeds. */
static UsbPort *connector(Xhci *x, unsigned n)
{
    UsbPort *p = &x->ports[is_usb3(x, n) ? n : n - x->p3];
    return p->dev && (p->dev->speed == USB_SUPER) == is_usb3(x, n) ? p : NULL;
}

static unsigned register_of(const Xhci *x, const UsbPort *p)
{
    return p->number - 1 + (p->dev->speed == USB_SUPER ? 0 : x->p3);
}

static unsigned link_state(const Xhci *x, unsigned n)
{
    return x->portsc[n] >> PLS_SHIFT & 15;
}

static void set_link_state(Xhci *x, unsigned n, unsigned state)
{
    x->portsc[n] = (x->portsc[n] & ~PLS) | state << PLS_SHIFT;
}

/* ---- events ---- */

static void send_event(Xhci *x, unsigned n)
{
    x->ports_waiting &= ~BIT(n);
    xhci_event(x, 0, (uint64_t)(n + 1) << 24, (uint32_t)CC_SUCCESS << 24, TRB_PORT_EVENT << 10, false);
}

void xhci_port_events(Xhci *x)
{
    for (unsigned n = 0; n < xhci_n_ports(x) && xhci_event_room(x); n++)
        if (x->ports_waiting & BIT(n))
            send_event(x, n);
}

/* 4.19.2: one event tells of all changes until the driver has cleared them. */
static void change(Xhci *x, unsigned n, uint32_t bits)
{
    bool new = bits & ~x->portsc[n];
    x->portsc[n] |= bits;
    if (!new)
        return;
    x->usbsts |= STS_PCD;
    if (xhci_halted(x))
        return;
    if (xhci_event_room(x))
        send_event(x, n);
    else
        x->ports_waiting |= BIT(n);
}

/* ---- devices come and go ---- */

/* As without changes: what is there, at which speed. */
static uint32_t at_rest(Xhci *x, unsigned n)
{
    const UsbPort *p = connector(x, n);
    if (!p)
        return PP | PLS_RX_DETECT << PLS_SHIFT;
    uint32_t v = PP | CCS | (uint32_t)p->dev->speed << SPEED_SHIFT;
    return is_usb3(x, n) ? v | PED | PLS_U0 << PLS_SHIFT : v | PLS_POLLING << PLS_SHIFT;
}

static void reattach(Xhci *x, unsigned n, uint32_t status)
{
    x->portsc[n] = (x->portsc[n] & (CHANGES | WAKES | PIC)) | status;
    change(x, n, CSC);
}

static void attached(void *opaque, UsbPort *p)
{
    Xhci *x = opaque;
    if (p->hub)
        return;
    unsigned n = register_of(x, p);
    reattach(x, n, at_rest(x, n));
}

/* Slots whose device it was have none from now on. */
static void detaching(void *opaque, UsbPort *p)
{
    Xhci *x = opaque;
    for (unsigned i = 1; i <= XHCI_SLOTS; i++) {
        XhciSlot *s = &x->slots[i];
        if (s->enabled && s->bound && xhci_find_port(x, s->root_port, s->route) == p)
            s->bound = false;
    }
    if (!p->hub)
        reattach(x, register_of(x, p), PP | PLS_RX_DETECT << PLS_SHIFT);
}

/* 4.15.2.3: a device that may, wakes a suspended port up. */
static void resume(Xhci *x, UsbDevice *d)
{
    if (d->port->hub)
        return;
    unsigned n = register_of(x, d->port);
    if (link_state(x, n) != PLS_U3 || !d->remote_wakeup)
        return;
    set_link_state(x, n, PLS_RESUME);
    change(x, n, PLC);
}

static void wakeup(void *opaque, UsbDevice *d, unsigned endpoint)
{
    Xhci *x = opaque;
    unsigned ep = 2 * (endpoint & 15) + (endpoint & USB_ENDPOINT_IN ? 1 : 0);
    resume(x, d);
    for (unsigned i = 1; i <= XHCI_SLOTS; i++) {
        XhciSlot *s = &x->slots[i];
        if (s->enabled && s->bound && xhci_slot_device(x, s) == d)
            s->kicked |= BIT(ep);
    }
    /* While the machine stands still its rings do, too: a ring without end would never drain. */
    if (run_state_is_running())
        xhci_run(x);
    else
        timer_mod(x->work, clock_ns(CLOCK_VIRTUAL));
}

const UsbBusOps xhci_bus_ops = { .attached = attached, .detaching = detaching, .wakeup = wakeup };

/* 8.9: the port behind the root port, and then by the hubs' ports, four bits each. */
UsbPort *xhci_find_port(Xhci *x, unsigned root_port, uint32_t route)
{
    if (!root_port || root_port > xhci_n_ports(x))
        return NULL;
    UsbPort *p = &x->ports[is_usb3(x, root_port - 1) ? root_port - 1 : root_port - 1 - x->p3];
    for (; route; route >>= 4) {
        UsbPort *next = NULL;
        for (guint i = 0; i < x->bus->ports->len && !next; i++) {
            UsbPort *q = g_ptr_array_index(x->bus->ports, i);
            if (p->dev && q->hub == p->dev && q->number == (route & 15))
                next = q;
        }
        if (!next)
            return NULL;
        p = next;
    }
    return p;
}

/* ---- PORTSC ---- */

static void port_reset(Xhci *x, unsigned n, bool warm)
{
    UsbPort *p = connector(x, n);
    if (!p)
        return;
    usb_port_reset(p);
    x->portsc[n] |= PED;
    set_link_state(x, n, PLS_U0);
    change(x, n, is_usb3(x, n) && warm ? WRC | PRC : PRC);
}

/* 4.15, 4.19.1: from U3 a port comes back to U0 by software, and that is a change. */
static void move_link(Xhci *x, unsigned n, unsigned to)
{
    unsigned from = link_state(x, n);
    if (to == PLS_U0 && from != PLS_U0) {
        set_link_state(x, n, PLS_U0);
        change(x, n, PLC);
    } else if (to == PLS_U3 && from < PLS_U3) {
        set_link_state(x, n, PLS_U3);
    }
}

void xhci_write_portsc(void *dev, unsigned n, uint64_t v)
{
    Xhci *x = dev;
    if (n >= xhci_n_ports(x))
        return;
    x->portsc[n] &= ~(v & CHANGES);
    x->portsc[n] = (x->portsc[n] & ~(WAKES | PIC)) | (v & (WAKES | PIC));
    if (v & WPR && is_usb3(x, n)) {
        port_reset(x, n, true);
        return;
    }
    if (v & PR) {
        port_reset(x, n, false);
        return;
    }
    if (v & PED)
        x->portsc[n] &= ~PED;
    if (v & LWS && connector(x, n))
        move_link(x, n, v >> PLS_SHIFT & 15);
}

/* Without devices, too, the drivers find a change and look (as QEMU has it). */
void xhci_ports_reset(Xhci *x)
{
    x->ports_waiting = 0;
    for (unsigned n = 0; n < xhci_n_ports(x); n++) {
        x->portsc[n] = at_rest(x, n) | CSC;
        x->portpmsc[n] = 0;
    }
}
