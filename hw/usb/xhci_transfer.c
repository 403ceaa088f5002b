/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transfer rings of the xHCI controller (4.9.2, 4.10, 4.11).
 *
 * A transfer descriptor is read as a whole and handed to the device, which does it at once or not at
 * all; then the ring's dequeue pointer stays where it was, and the ring is looked at again when the
 * device has called. So there is nothing in flight that a snapshot would have to know.
 */
#include "hw/usb/xhci.h"

#include <string.h>

#include "hw/virtio.h"
#include "util/bits.h"
#include "util/log.h"

/* Of a descriptor: most TRBs, and of them links in a row. */
enum { TD_MOST = 16384, LINKS_MOST = 64 };
/* Of a control transfer (4.11.2): what has been seen. */
enum { STAGE_NONE, STAGE_SETUP, STAGE_DONE };

typedef enum TdFound { TD_NONE, TD_READY, TD_BAD } TdFound;

UsbDevice *xhci_slot_device(Xhci *x, const XhciSlot *s)
{
    const UsbPort *p = s->bound ? xhci_find_port(x, s->root_port, s->route) : NULL;
    return p ? p->dev : NULL;
}

/* ---- reading a descriptor ---- */

/* Into x->trbs, up to the first without a chain bit; where the ring goes on is in x->td_end. */
static TdFound fetch(Xhci *x, const XhciEp *ep)
{
    XhciRing r = ep->ring;
    XhciTrb t = { 0 };
    unsigned links = 0;
    g_array_set_size(x->trbs, 0);
    while (x->trbs->len < TD_MOST && links <= LINKS_MOST) {
        if (!xhci_read_trb(x, r.dequeue, &t) || (t.control & TRB_CYCLE) != r.cycle)
            return TD_NONE;
        if (TRB_TYPE(t.control) == TRB_LINK) {
            r.dequeue = t.parameter & ~15ull;
            r.cycle ^= (t.control & TRB_TOGGLE) != 0;
            links++;
            continue;
        }
        links = 0;
        g_array_append_val(x->trbs, t);
        r.dequeue += XHCI_TRB;
        if (!(t.control & TRB_CHAIN)) {
            x->td_end = r;
            return TD_READY;
        }
    }
    if (!x->trbs->len)
        g_array_append_val(x->trbs, t); /* which the event is about */
    return TD_BAD;
}

static unsigned data_length(const XhciTrb *t)
{
    unsigned type = TRB_TYPE(t->control);
    return type == TRB_NORMAL || type == TRB_DATA ? t->status & 0x1ffff : 0;
}

static void unmap(Xhci *x, bool write, uint64_t written)
{
    for (guint i = 0; i < x->iov->len; i++) {
        const struct iovec *v = &g_array_index(x->iov, struct iovec, i);
        uint64_t n = MIN(v->iov_len, written);
        if (write && n)
            address_space_unmap(x->pci.dev.dma, v->iov_base, n, true);
        written -= n;
    }
    g_array_set_size(x->iov, 0);
}

/* The buffers of x->trbs into x->iov; false: not RAM. Immediate data lie in the TRB (6.4.1.1). */
static bool map(Xhci *x, bool write)
{
    g_array_set_size(x->iov, 0);
    x->td_len = 0;
    for (guint i = 0; i < x->trbs->len; i++) {
        XhciTrb *t = &g_array_index(x->trbs, XhciTrb, i);
        uint64_t addr = t->parameter, left = data_length(t);
        if (left && t->control & TRB_IDT) {
            t->parameter = GUINT64_TO_LE(t->parameter);
            struct iovec v = { &t->parameter, MIN(left, sizeof t->parameter) };
            if (write)
                return false;
            g_array_append_val(x->iov, v);
            x->td_len += v.iov_len;
            continue;
        }
        while (left) {
            uint64_t got = left;
            void *p = address_space_map(x->pci.dev.dma, addr, &got, write);
            if (!p)
                return false;
            struct iovec v = { p, got };
            g_array_append_val(x->iov, v);
            x->td_len += got;
            addr += got;
            left -= got;
        }
    }
    return true;
}

/* ---- telling of its end, 4.10.1 ---- */

static void transfer_event(Xhci *x, unsigned slot, unsigned ep, const XhciTrb *t, XhciCode code,
                           uint32_t length, bool event_data)
{
    xhci_event(x, t->status >> 22, t->parameter * event_data + t->addr * !event_data,
               (uint32_t)code << 24 | (length & 0xffffff),
               TRB_TRANSFER_EVENT << 10 | ep << 16 | slot << 24 |
                   (event_data ? TRB_EVENT_DATA_FLAG : 0),
               t->control & TRB_BEI && code == CC_SUCCESS);
}

/* On success a short packet is told once, by the first that may tell it. */
static void report(Xhci *x, unsigned slot, unsigned ep, uint64_t done, XhciCode code)
{
    uint32_t since_event = 0; /* EDTLA, 4.11.5.2 */
    bool is_short = false;
    for (guint i = 0; i < x->trbs->len; i++) {
        const XhciTrb *t = &g_array_index(x->trbs, XhciTrb, i);
        unsigned len = data_length(t), part = MIN(len, done);
        bool last = i + 1 == x->trbs->len;
        done -= part;
        since_event += part;
        is_short |= part < len;
        if (code != CC_SUCCESS) {
            if (last || part < len) {
                transfer_event(x, slot, ep, t, code, len - part, false);
                return;
            }
        } else if (TRB_TYPE(t->control) == TRB_EVENT_DATA) {
            if (t->control & TRB_IOC) {
                transfer_event(x, slot, ep, t, is_short ? CC_SHORT_PACKET : CC_SUCCESS,
                               since_event, true);
                if (is_short)
                    return;
            }
            since_event = 0;
        } else if (t->control & TRB_IOC || (is_short && t->control & TRB_ISP)) {
            transfer_event(x, slot, ep, t, is_short ? CC_SHORT_PACKET : CC_SUCCESS, len - part,
                           false);
            if (is_short)
                return;
        }
    }
}

static void succeed(Xhci *x, unsigned slot, unsigned ep, uint64_t done)
{
    x->slots[slot].ep[ep].ring = x->td_end;
    report(x, slot, ep, done, CC_SUCCESS);
}

/* The ring stands at the descriptor that failed. */
static void fail(Xhci *x, unsigned slot, unsigned ep, XhciCode code)
{
    x->slots[slot].ep[ep].stage = STAGE_NONE;
    xhci_set_ep_state(x, slot, ep, code == CC_TRB ? EP_ERROR : EP_HALTED);
    report(x, slot, ep, 0, code);
}

static XhciCode code_of(int result)
{
    switch (result) {
    case USB_STALL:
        return CC_STALL;
    case USB_BABBLE:
        return CC_BABBLE;
    default:
        return CC_TRANSACTION;
    }
}

void xhci_report_stopped(Xhci *x, unsigned slot, unsigned ep)
{
    if (ep != XHCI_CONTROL_EP && fetch(x, &x->slots[slot].ep[ep]) == TD_READY)
        report(x, slot, ep, 0, CC_STOPPED);
}

/* ---- control transfers ---- */

static UsbSetup setup_of(const XhciEp *ep)
{
    const uint8_t *p = ep->setup;
    return (UsbSetup){ p[0], p[1], load_le16(p + 2), load_le16(p + 4), load_le16(p + 6) };
}

/* The data stage, with what goes out in the buffers of x->iov, or room for what comes in. */
static int data_stage(Xhci *x, XhciEp *ep, UsbDevice *d, bool in)
{
    uint8_t data[USB_CONTROL_MOST];
    struct iovec *iov = (struct iovec *)(void *)x->iov->data;
    UsbSetup s = setup_of(ep);
    if (ep->stage != STAGE_SETUP || in != (s.type >> 7) || (!in && x->td_len > sizeof data))
        return USB_STALL;
    ep->stage = STAGE_DONE;
    s.length = MIN(s.length, sizeof data);
    if (!in) {
        s.length = MIN(s.length, x->td_len);
        iov_to_buf(iov, x->iov->len, 0, data, s.length);
        int r = usb_control(d, &s, data);
        return r < 0 ? r : s.length;
    }
    int r = usb_control(d, &s, data);
    if (r > 0 && (uint64_t)r > x->td_len)
        return USB_BABBLE;
    if (r > 0)
        iov_from_buf(iov, x->iov->len, 0, data, r);
    return r;
}

/* What has no data stage is done here. */
static int status_stage(XhciEp *ep, UsbDevice *d)
{
    uint8_t data[USB_CONTROL_MOST];
    UsbSetup s = setup_of(ep);
    unsigned stage = ep->stage;
    ep->stage = STAGE_NONE;
    if (stage == STAGE_DONE)
        return 0;
    if (stage == STAGE_NONE)
        return USB_STALL;
    s.length = 0;
    int r = usb_control(d, &s, data);
    return MIN(r, 0);
}

static int control_stage(Xhci *x, XhciEp *ep, UsbDevice *d)
{
    const XhciTrb *t = &g_array_index(x->trbs, XhciTrb, 0);
    switch (TRB_TYPE(t->control)) {
    case TRB_SETUP: /* 6.4.1.2.1: always immediate */
        store_le64(ep->setup, t->parameter);
        ep->stage = STAGE_SETUP;
        return 0;
    case TRB_DATA:
        return data_stage(x, ep, d, t->control & TRB_DIR_IN);
    default:
        return status_stage(ep, d);
    }
}

/* ---- a descriptor ---- */

static bool type_fits(const XhciEp *ep, unsigned type)
{
    switch (type) {
    case TRB_SETUP:
    case TRB_DATA:
    case TRB_STATUS:
        return ep->type == EP_CONTROL;
    case TRB_NORMAL:
        return ep->type != EP_CONTROL;
    default:
        return type == TRB_NO_OP || type == TRB_EVENT_DATA;
    }
}

static bool is_in(const XhciEp *ep, const XhciTrb *first)
{
    return ep->type == EP_CONTROL
               ? TRB_TYPE(first->control) == TRB_DATA && first->control & TRB_DIR_IN
               : ep->type >= EP_BULK_IN;
}

/* False: the device has nothing, or takes nothing, now. */
static bool transfer(Xhci *x, unsigned slot, unsigned n, UsbDevice *d)
{
    XhciEp *ep = &x->slots[slot].ep[n];
    bool in = is_in(ep, &g_array_index(x->trbs, XhciTrb, 0));
    if (!map(x, in)) {
        unmap(x, false, 0);
        fail(x, slot, n, CC_DATA_BUFFER);
        return true;
    }
    int r = ep->type == EP_CONTROL
                ? control_stage(x, ep, d)
                : usb_transfer(d, n / 2 | (in ? USB_ENDPOINT_IN : 0),
                               (struct iovec *)(void *)x->iov->data, x->iov->len, x->td_len);
    unmap(x, in, r > 0 ? r : 0);
    if (r == USB_NAK)
        return false;
    if (r < 0)
        fail(x, slot, n, code_of(r));
    else
        succeed(x, slot, n, r);
    return true;
}

bool xhci_run_transfer(Xhci *x, unsigned slot, unsigned n)
{
    XhciSlot *s = &x->slots[slot];
    XhciEp *ep = &s->ep[n];
    UsbDevice *d = xhci_slot_device(x, s);
    if (!s->enabled || ep->state != EP_RUNNING)
        return false;
    TdFound found = fetch(x, ep);
    if (found == TD_NONE)
        return false;
    unsigned type = TRB_TYPE(g_array_index(x->trbs, XhciTrb, 0).control);
    if (found == TD_BAD || !type_fits(ep, type)) {
        log_guest_error(x->pci.dev.path, "slot %u, endpoint %u: a transfer without end, or TRBs of "
                        "type %u", slot, n, type);
        fail(x, slot, n, CC_TRB);
        return false;
    }
    if (type == TRB_NO_OP || type == TRB_EVENT_DATA) {
        succeed(x, slot, n, 0);
        return true;
    }
    if (!d) {
        fail(x, slot, n, CC_TRANSACTION);
        return false;
    }
    return transfer(x, slot, n, d);
}
