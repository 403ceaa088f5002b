/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of the xHCI controller (4.6): slots, and the contexts of devices and endpoints (6.2).
 *
 * What counts while an endpoint runs is kept here; contexts in memory are read when a command says
 * so, and written where the manual has the controller do it.
 */
#include "hw/usb/xhci.h"

#include <string.h>

#include "util/bits.h"
#include "util/log.h"

/* Fields of commands, 6.4.3 */
enum { BLOCK_SET_ADDRESS = 512, DECONFIGURE = 512 };
enum { ROUTE = 0xfffff, SLOT_STATE_SHIFT = 27, ENTRIES_SHIFT = 27, ISOCH_OUT = 1, ISOCH_IN = 5 };

static uint64_t ep_context(const XhciSlot *s, unsigned ep)
{
    return s->context + (uint64_t)ep * XHCI_CONTEXT;
}

/* ---- contexts in memory ---- */

static bool read_words(Xhci *x, uint64_t addr, uint32_t *w, unsigned n)
{
    uint8_t b[XHCI_CONTEXT];
    if (!xhci_dma_read(x, addr, b, 4 * n))
        return false;
    for (unsigned i = 0; i < n; i++)
        w[i] = load_le32(b + 4 * i);
    return true;
}

static bool write_words(Xhci *x, uint64_t addr, const uint32_t *w, unsigned n)
{
    uint8_t b[XHCI_CONTEXT];
    for (unsigned i = 0; i < n; i++)
        store_le32(b + 4 * i, w[i]);
    return xhci_dma_write(x, addr, b, 4 * n);
}

void xhci_set_ep_state(Xhci *x, unsigned slot, unsigned n, unsigned state)
{
    XhciSlot *s = &x->slots[slot];
    XhciEp *ep = &s->ep[n];
    uint32_t w[4];
    ep->state = state;
    if (!s->context || !read_words(x, ep_context(s, n), w, 4))
        return;
    w[0] = (w[0] & ~7u) | state;
    w[2] = (uint32_t)ep->ring.dequeue | ep->ring.cycle;
    w[3] = ep->ring.dequeue >> 32;
    write_words(x, ep_context(s, n), w, 4);
}

/* Of the slot context: state and address, and what else a command changes. */
static void set_slot_state(Xhci *x, unsigned slot, unsigned state, unsigned address, int entries)
{
    XhciSlot *s = &x->slots[slot];
    uint32_t w[4];
    s->state = state;
    if (!s->context || !read_words(x, s->context, w, 4))
        return;
    if (entries >= 0)
        w[0] = bits_set(w[0], ENTRIES_SHIFT, 5, (unsigned)entries);
    w[3] = state << SLOT_STATE_SHIFT | address;
    write_words(x, s->context, w, 4);
}

static void load_ep(XhciEp *ep, const uint32_t *w)
{
    *ep = (XhciEp){ .state = EP_RUNNING, .type = w[1] >> 3 & 7,
                    .ring = { ((uint64_t)w[3] << 32 | w[2]) & ~15ull, w[2] & 1 } };
}

static bool copy_ep(Xhci *x, XhciSlot *s, unsigned n, uint32_t *w)
{
    w[0] = (w[0] & ~7u) | EP_RUNNING;
    load_ep(&s->ep[n], w);
    return write_words(x, ep_context(s, n), w, 5);
}

/* ---- slots ---- */

void xhci_drop_slot(Xhci *x, unsigned slot)
{
    memset(&x->slots[slot], 0, sizeof x->slots[slot]);
}

static XhciCode enable_slot(Xhci *x, unsigned *slot)
{
    for (unsigned i = 1; i <= MIN(x->config & 0xff, XHCI_SLOTS); i++) {
        if (x->slots[i].enabled)
            continue;
        xhci_drop_slot(x, i);
        x->slots[i].enabled = true;
        *slot = i;
        return CC_SUCCESS;
    }
    return CC_NO_SLOTS;
}

static XhciCode disable_slot(Xhci *x, unsigned slot)
{
    if (x->slots[slot].state)
        set_slot_state(x, slot, 0, 0, -1);
    xhci_drop_slot(x, slot);
    return CC_SUCCESS;
}

/* A device answers to who addressed it last. */
static void bind(Xhci *x, unsigned slot, const UsbPort *p)
{
    for (unsigned i = 1; i <= XHCI_SLOTS; i++) {
        XhciSlot *s = &x->slots[i];
        if (s->bound && xhci_find_port(x, s->root_port, s->route) == p)
            s->bound = false;
    }
    x->slots[slot].bound = true;
}

/* 4.6.5 */
static XhciCode address_device(Xhci *x, unsigned slot, const XhciTrb *t)
{
    XhciSlot *s = &x->slots[slot];
    uint64_t in = t->parameter & ~15ull, table = (uint64_t)x->dcbaap_hi << 32 | x->dcbaap_lo;
    bool block = t->control & BLOCK_SET_ADDRESS;
    uint32_t flags[2], sw[4], ew[5], context[2];
    if (s->state > SLOT_DEFAULT || (s->state == SLOT_DEFAULT && block))
        return CC_CONTEXT_STATE;
    if (!read_words(x, in, flags, 2) || !read_words(x, in + XHCI_CONTEXT, sw, 4) ||
        !read_words(x, in + 2 * XHCI_CONTEXT, ew, 5) ||
        !read_words(x, table + 8 * slot, context, 2))
        return CC_PARAMETER;
    UsbPort *p = xhci_find_port(x, sw[1] >> 16 & 0xff, sw[0] & ROUTE);
    if (flags[0] || (flags[1] & 3) != 3 || !p || (ew[1] >> 3 & 7) != EP_CONTROL)
        return CC_PARAMETER;
    if (!p->dev)
        return CC_TRANSACTION;
    s->context = ((uint64_t)context[1] << 32 | context[0]) & ~63ull;
    s->root_port = sw[1] >> 16 & 0xff;
    s->route = sw[0] & ROUTE;
    bind(x, slot, p);
    if (!block)
        p->dev->address = slot;
    s->state = block ? SLOT_DEFAULT : SLOT_ADDRESSED;
    sw[3] = (uint32_t)s->state << SLOT_STATE_SHIFT | (block ? 0 : slot);
    if (!write_words(x, s->context, sw, 4) || !copy_ep(x, s, XHCI_CONTROL_EP, ew))
        return CC_PARAMETER;
    return CC_SUCCESS;
}

/* ---- endpoints ---- */

static XhciCode check_ep(unsigned n, const uint32_t *w)
{
    unsigned type = w[1] >> 3 & 7, streams = w[0] >> 10 & 31;
    if (type == ISOCH_IN || type == ISOCH_OUT)
        return CC_BANDWIDTH;
    bool in = type >= EP_BULK_IN, direction_ok = in == (n & 1);
    return type && type != EP_CONTROL && direction_ok && !streams && w[1] >> 16 ? CC_SUCCESS
                                                                               : CC_PARAMETER;
}

static void disable_endpoints(Xhci *x, unsigned slot, uint32_t which)
{
    XhciSlot *s = &x->slots[slot];
    for (unsigned n = XHCI_CONTROL_EP + 1; n <= XHCI_EPS; n++) {
        if (!(which & BIT(n)) || s->ep[n].state == EP_DISABLED)
            continue;
        xhci_set_ep_state(x, slot, n, EP_DISABLED);
        s->ep[n] = (XhciEp){ 0 };
        s->kicked &= ~BIT(n);
    }
}

/* 4.6.6: all of it, or nothing. */
static XhciCode configure_endpoint(Xhci *x, unsigned slot, const XhciTrb *t)
{
    XhciSlot *s = &x->slots[slot];
    uint64_t in = t->parameter & ~15ull;
    uint32_t flags[2], sw[4], ew[XHCI_EPS + 1][5];
    if (s->state < SLOT_ADDRESSED)
        return CC_CONTEXT_STATE;
    if (t->control & DECONFIGURE) {
        disable_endpoints(x, slot, UINT32_MAX);
        set_slot_state(x, slot, SLOT_ADDRESSED, slot, 1);
        return CC_SUCCESS;
    }
    if (!read_words(x, in, flags, 2) || !read_words(x, in + XHCI_CONTEXT, sw, 4))
        return CC_PARAMETER;
    if (flags[0] & 3 || !(flags[1] & 1))
        return CC_PARAMETER;
    for (unsigned n = XHCI_CONTROL_EP + 1; n <= XHCI_EPS; n++) {
        if (!(flags[1] & BIT(n)))
            continue;
        if (!read_words(x, in + (n + 1) * XHCI_CONTEXT, ew[n], 5))
            return CC_PARAMETER;
        XhciCode code = check_ep(n, ew[n]);
        if (code != CC_SUCCESS)
            return code;
    }
    disable_endpoints(x, slot, flags[0]);
    for (unsigned n = XHCI_CONTROL_EP + 1; n <= XHCI_EPS; n++)
        if (flags[1] & BIT(n) && !copy_ep(x, s, n, ew[n]))
            return CC_PARAMETER;
    set_slot_state(x, slot, SLOT_CONFIGURED, slot, sw[0] >> ENTRIES_SHIFT);
    return CC_SUCCESS;
}

/* 4.6.7: of the slot the interrupter and the exit latency, of endpoint 0 the packet size. */
static XhciCode evaluate_context(Xhci *x, unsigned slot, const XhciTrb *t)
{
    XhciSlot *s = &x->slots[slot];
    uint64_t in = t->parameter & ~15ull;
    uint32_t flags[2], from[4], to[4];
    if (s->state < SLOT_DEFAULT)
        return CC_CONTEXT_STATE;
    if (!read_words(x, in, flags, 2))
        return CC_PARAMETER;
    if (flags[0] || flags[1] & ~3u)
        return CC_PARAMETER;
    if (flags[1] & 1) {
        if (!read_words(x, in + XHCI_CONTEXT, from, 4) || !read_words(x, s->context, to, 4))
            return CC_PARAMETER;
        to[1] = (to[1] & ~0xffffu) | (from[1] & 0xffff);
        to[2] = (to[2] & ~0xffc00000u) | (from[2] & 0xffc00000u);
        if (!write_words(x, s->context, to, 4))
            return CC_PARAMETER;
    }
    if (flags[1] & 2) {
        if (!read_words(x, in + 2 * XHCI_CONTEXT, from, 4) ||
            !read_words(x, ep_context(s, XHCI_CONTROL_EP), to, 4))
            return CC_PARAMETER;
        to[1] = (to[1] & 0xffffu) | (from[1] & 0xffff0000u);
        if (!write_words(x, ep_context(s, XHCI_CONTROL_EP), to, 4))
            return CC_PARAMETER;
    }
    return CC_SUCCESS;
}

/* 4.6.8 to 4.6.10 */
static XhciCode endpoint_command(Xhci *x, unsigned slot, const XhciTrb *t)
{
    XhciSlot *s = &x->slots[slot];
    unsigned n = t->control >> 16 & 31;
    XhciEp *ep = &s->ep[n];
    if (!n)
        return CC_TRB;
    if (ep->state == EP_DISABLED)
        return CC_EP_NOT_ENABLED;
    switch (TRB_TYPE(t->control)) {
    case TRB_RESET_ENDPOINT:
        if (ep->state != EP_HALTED)
            return CC_CONTEXT_STATE;
        break;
    case TRB_STOP_ENDPOINT:
        if (ep->state != EP_RUNNING)
            return CC_CONTEXT_STATE;
        xhci_report_stopped(x, slot, n);
        break;
    case TRB_SET_TR_DEQUEUE:
        if (ep->state != EP_STOPPED && ep->state != EP_ERROR)
            return CC_CONTEXT_STATE;
        if (t->status >> 16)
            return CC_TRB; /* a stream */
        ep->ring = (XhciRing){ t->parameter & ~15ull, t->parameter & 1 };
        break;
    }
    s->kicked &= ~BIT(n);
    xhci_set_ep_state(x, slot, n, EP_STOPPED);
    return CC_SUCCESS;
}

/* 4.6.11 */
static XhciCode reset_device(Xhci *x, unsigned slot)
{
    XhciSlot *s = &x->slots[slot];
    UsbDevice *d = xhci_slot_device(x, s);
    if (s->state < SLOT_ADDRESSED)
        return CC_CONTEXT_STATE;
    if (d)
        usb_device_reset(d);
    disable_endpoints(x, slot, UINT32_MAX);
    set_slot_state(x, slot, SLOT_DEFAULT, 0, 1);
    return CC_SUCCESS;
}

/* 4.6.15: in percent, by port; there is no limit. */
static XhciCode get_bandwidth(Xhci *x, const XhciTrb *t)
{
    uint8_t b[2 * XHCI_PORTS_MOST + 1] = { 0 };
    memset(b + 1, 80, xhci_n_ports(x));
    return xhci_dma_write(x, t->parameter & ~15ull, b, xhci_n_ports(x) + 1) ? CC_SUCCESS : CC_TRB;
}

/* ---- the ring ---- */

static XhciCode slot_command(Xhci *x, unsigned slot, const XhciTrb *t)
{
    switch (TRB_TYPE(t->control)) {
    case TRB_DISABLE_SLOT:
        return disable_slot(x, slot);
    case TRB_ADDRESS_DEVICE:
        return address_device(x, slot, t);
    case TRB_CONFIGURE_ENDPOINT:
        return configure_endpoint(x, slot, t);
    case TRB_EVALUATE_CONTEXT:
        return evaluate_context(x, slot, t);
    case TRB_RESET_DEVICE:
        return reset_device(x, slot);
    default:
        return endpoint_command(x, slot, t);
    }
}

static void complete(Xhci *x, uint64_t addr, XhciCode code, unsigned slot)
{
    xhci_event(x, 0, addr, (uint32_t)code << 24, TRB_COMPLETION_EVENT << 10 | slot << 24, false);
}

static void execute(Xhci *x, const XhciTrb *t)
{
    XhciCode code;
    unsigned slot = t->control >> 24, type = TRB_TYPE(t->control);
    switch (type) {
    case TRB_ENABLE_SLOT:
        slot = 0;
        code = enable_slot(x, &slot);
        break;
    case TRB_NO_OP_COMMAND:
        slot = 0;
        code = CC_SUCCESS;
        break;
    case TRB_GET_BANDWIDTH:
        code = get_bandwidth(x, t);
        break;
    case TRB_DISABLE_SLOT:
    case TRB_ADDRESS_DEVICE:
    case TRB_CONFIGURE_ENDPOINT:
    case TRB_EVALUATE_CONTEXT:
    case TRB_RESET_ENDPOINT:
    case TRB_STOP_ENDPOINT:
    case TRB_SET_TR_DEQUEUE:
    case TRB_RESET_DEVICE:
        if (!slot || slot > XHCI_SLOTS)
            code = CC_TRB;
        else if (!x->slots[slot].enabled)
            code = CC_SLOT_NOT_ENABLED;
        else
            code = slot_command(x, slot, t);
        break;
    default:
        log_guest_error(x->pci.dev.path, "command of type %u, which is not known", type);
        code = CC_TRB;
        break;
    }
    complete(x, t->addr, code, slot);
}

bool xhci_run_command(Xhci *x)
{
    XhciTrb t;
    XhciRing *r = &x->command;
    if (!x->command_running || !xhci_read_trb(x, r->dequeue, &t) ||
        (t.control & TRB_CYCLE) != r->cycle)
        return false;
    if (TRB_TYPE(t.control) == TRB_LINK) {
        r->dequeue = t.parameter & ~15ull;
        r->cycle ^= (t.control & TRB_TOGGLE) != 0;
        return true;
    }
    r->dequeue += XHCI_TRB;
    execute(x, &t);
    return true;
}

/* 4.6.1.1: what runs comes to its end at once here. */
void xhci_stop_commands(Xhci *x)
{
    x->command_running = x->command_kicked = false;
    complete(x, x->command.dequeue, CC_COMMAND_RING_STOPPED, 0);
}
