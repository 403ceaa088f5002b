/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot keeps of the xHCI controller: beside its registers the slots that are in use, with
 * their endpoints, and events that wait for room. Transfers are none: see xhci_transfer.c.
 */
#include "hw/usb/xhci.h"

#include <string.h>

#include "util/bits.h"
#include "util/error.h"

enum { SLOT_RECORD = 24, EP_RECORD = 24, WAITING_RECORD = 20, MAX_EVENTS = 4096 };

/* ---- slots ---- */

static void save_slots(const void *obj, GByteArray *out)
{
    const Xhci *x = obj;
    for (unsigned i = 1; i <= XHCI_SLOTS; i++) {
        const XhciSlot *s = &x->slots[i];
        if (!s->enabled)
            continue;
        uint8_t b[SLOT_RECORD] = { i, s->bound, s->state, s->root_port };
        store_le32(b + 4, s->route);
        store_le64(b + 8, s->context);
        store_le32(b + 16, s->kicked);
        for (unsigned n = 1; n <= XHCI_EPS; n++)
            b[20] += s->ep[n].state != EP_DISABLED;
        g_byte_array_append(out, b, sizeof b);
        for (unsigned n = 1; n <= XHCI_EPS; n++) {
            const XhciEp *ep = &s->ep[n];
            if (ep->state == EP_DISABLED)
                continue;
            uint8_t e[EP_RECORD] = { n, ep->state, ep->type, ep->stage, ep->ring.cycle };
            memcpy(e + 5, ep->setup, sizeof ep->setup);
            store_le64(e + 16, ep->ring.dequeue);
            g_byte_array_append(out, e, sizeof e);
        }
    }
}

static bool ep_ok(const uint8_t *e)
{
    unsigned n = e[0], type = e[2];
    bool control = n == XHCI_CONTROL_EP;
    return n && n <= XHCI_EPS && e[1] >= EP_RUNNING && e[1] <= EP_ERROR && e[3] <= 2 && e[4] <= 1 &&
           (control ? type == EP_CONTROL
                    : n & 1 ? type == EP_BULK_IN || type == EP_INTERRUPT_IN
                            : type == EP_BULK_OUT || type == EP_INTERRUPT_OUT);
}

static bool slots_ok(const Xhci *x, const uint8_t *data, size_t len)
{
    unsigned before = 0;
    while (len) {
        if (len < SLOT_RECORD || data[0] <= before || data[0] > XHCI_SLOTS || data[1] > 1 ||
            data[2] > SLOT_CONFIGURED || data[3] > xhci_n_ports(x) || data[20] > XHCI_EPS ||
            len - SLOT_RECORD < (size_t)data[20] * EP_RECORD)
            return false;
        before = data[0];
        const uint8_t *e = data + SLOT_RECORD;
        for (unsigned i = 0, last = 0; i < data[20]; i++, e += EP_RECORD) {
            if (!ep_ok(e) || e[0] <= last)
                return false;
            last = e[0];
        }
        len -= (size_t)(e - data);
        data = e;
    }
    return true;
}

static bool load_slots(void *obj, const uint8_t *data, size_t len, GError **error)
{
    Xhci *x = obj;
    if (!slots_ok(x, data, len))
        return error_set(error, "its slots are damaged");
    memset(x->slots, 0, sizeof x->slots);
    const uint8_t *end = data + len;
    while (data < end) {
        XhciSlot *s = &x->slots[data[0]];
        unsigned eps = data[20];
        s->enabled = true;
        s->bound = data[1];
        s->state = data[2];
        s->root_port = data[3];
        s->route = load_le32(data + 4) & 0xfffff;
        s->context = load_le64(data + 8) & ~63ull;
        s->kicked = load_le32(data + 16) & ~1u;
        data += SLOT_RECORD;
        for (unsigned i = 0; i < eps; i++, data += EP_RECORD) {
            XhciEp *ep = &s->ep[data[0]];
            ep->state = data[1];
            ep->type = data[2];
            ep->stage = data[3];
            ep->ring.cycle = data[4];
            memcpy(ep->setup, data + 5, sizeof ep->setup);
            ep->ring.dequeue = load_le64(data + 16) & ~15ull;
        }
    }
    return true;
}

/* ---- events ---- */

static void save_waiting(const void *obj, GByteArray *out)
{
    const Xhci *x = obj;
    for (guint i = 0; i < x->waiting->len; i++) {
        const XhciWaiting *w = &g_array_index(x->waiting, XhciWaiting, i);
        uint8_t b[WAITING_RECORD] = { w->interrupter, w->quiet };
        store_le64(b + 4, w->parameter);
        store_le32(b + 12, w->status);
        store_le32(b + 16, w->control);
        g_byte_array_append(out, b, sizeof b);
    }
}

static bool load_waiting(void *obj, const uint8_t *data, size_t len, GError **error)
{
    Xhci *x = obj;
    if (len % WAITING_RECORD)
        return error_set(error, "its events are damaged");
    g_array_set_size(x->waiting, 0);
    for (; len; data += WAITING_RECORD, len -= WAITING_RECORD) {
        XhciWaiting w = { data[0] % XHCI_INTERRUPTERS, data[1] & 1, load_le64(data + 4),
                          load_le32(data + 12), load_le32(data + 16) };
        g_array_append_val(x->waiting, w);
    }
    return true;
}

/* ---- the table ---- */

void xhci_loaded(void *dev)
{
    Xhci *x = dev;
    for (unsigned n = 0; n < XHCI_INTERRUPTERS; n++) {
        if (x->event_size[n] > MAX_EVENTS)
            x->event_size[n] = 0;
        if (x->event_index[n] >= MAX(x->event_size[n], 1))
            x->event_index[n] = 0;
    }
    x->ports_waiting &= MASK(xhci_n_ports(x));
    xhci_pin_update(x);
}

const StateField xhci_state[] = {
    PCI_STATE(Xhci, pci),
    STATE(Xhci, run_ns), STATE(Xhci, command.dequeue), STATE(Xhci, command.cycle),
    STATE(Xhci, command_running), STATE(Xhci, command_kicked), STATE(Xhci, ports_waiting),
    STATE(Xhci, full_told),
    STATE_ARRAY(Xhci, event_base), STATE_ARRAY(Xhci, event_size), STATE_ARRAY(Xhci, event_index),
    STATE_ARRAY(Xhci, event_cycle), STATE_TIMER_PTR(Xhci, work),
    { .name = "slots", .type = STATE_CUSTOM, .count = 1, .save = save_slots, .load = load_slots },
    { .name = "waiting", .type = STATE_CUSTOM, .count = 1, .save = save_waiting,
      .load = load_waiting },
    { .type = STATE_END },
};
