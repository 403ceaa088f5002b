/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event rings and interrupts of the xHCI controller (4.9.4, 4.17).
 *
 * An event for which there is no room waits, and nothing that could make more is done meanwhile. Left
 * out: rings of several segments (HCSPARAMS2 says one), interrupt moderation.
 */
#include "hw/usb/xhci.h"
#include "util/bits.h"
#include "util/log.h"

enum { IP = 1, IE = 2, BUSY = 8, MIN_SEGMENT = 16, MAX_SEGMENT = 4096 };

/* ---- interrupts ---- */

void xhci_pin_update(Xhci *x)
{
    if (!pci_msix_enabled(&x->pci))
        pci_set_intx(&x->pci, x->iman[0] & IP && x->iman[0] & IE && x->usbcmd & CMD_INTE);
}

/* 4.17.5: an event is there. */
static void interrupt(Xhci *x, unsigned n)
{
    bool busy = x->erdp_lo[n] & BUSY;
    x->erdp_lo[n] |= BUSY;
    x->iman[n] |= IP;
    x->usbsts |= STS_EINT;
    if (busy || !(x->iman[n] & IE) || !(x->usbcmd & CMD_INTE))
        return;
    if (!pci_msix_enabled(&x->pci)) {
        xhci_pin_update(x);
        return;
    }
    x->iman[n] &= ~IP;
    bool nested = x->notifying;
    x->notifying = true;
    pci_msix_notify(&x->pci, n);
    x->notifying = nested;
}

/* ---- rings ---- */

/* Free entries, less the one that a full ring leaves free; -1: there is no ring that could be used. */
static int room(const Xhci *x, unsigned n)
{
    uint64_t dequeue = (uint64_t)x->erdp_hi[n] << 32 | (x->erdp_lo[n] & ~15u);
    uint64_t offset = dequeue - x->event_base[n];
    if (!x->event_size[n] || offset >= (uint64_t)x->event_size[n] * XHCI_TRB)
        return -1;
    unsigned at = offset / XHCI_TRB, size = x->event_size[n];
    return (int)((at + size - x->event_index[n] - 1) % size);
}

static void put(Xhci *x, unsigned n, const XhciWaiting *w)
{
    uint8_t b[XHCI_TRB];
    uint64_t at = x->event_base[n] + (uint64_t)x->event_index[n] * XHCI_TRB;
    store_le64(b, w->parameter);
    store_le32(b + 8, w->status);
    store_le32(b + 12, w->control | (x->event_cycle[n] ? TRB_CYCLE : 0));
    if (!xhci_dma_write(x, at, b, 12))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (!xhci_dma_write(x, at + 12, b + 12, 4))
        return;
    if (++x->event_index[n] == x->event_size[n]) {
        x->event_index[n] = 0;
        x->event_cycle[n] = !x->event_cycle[n];
    }
}

/* False: it has to wait. The last entry is for the event that says so (4.9.4), once until
 * the ring has been emptied. */
static bool deliver(Xhci *x, const XhciWaiting *w)
{
    static const XhciWaiting full = { .status = (uint32_t)CC_EVENT_RING_FULL << 24,
                                      .control = TRB_HOST_EVENT << 10 };
    unsigned n = w->interrupter;
    int left = room(x, n);
    if (left < 0) {
        xhci_die(x, STS_HCE, "an event for an interrupter without a ring, or ERDP out of it");
        return true;
    }
    if (left > 1) {
        put(x, n, w);
        if (!w->quiet)
            interrupt(x, n);
        return true;
    }
    if (left == 1 && !(x->full_told & BIT(n))) {
        x->full_told |= BIT(n);
        put(x, n, &full);
        interrupt(x, n);
    }
    return false;
}

bool xhci_event_room(const Xhci *x)
{
    return !x->waiting->len;
}

void xhci_event(Xhci *x, unsigned interrupter, uint64_t parameter, uint32_t status, uint32_t control,
                bool quiet)
{
    XhciWaiting w = { interrupter < XHCI_INTERRUPTERS ? interrupter : 0, quiet, parameter, status,
                      control };
    if (!xhci_halted(x) && (x->waiting->len || !deliver(x, &w)))
        g_array_append_val(x->waiting, w);
}

/* 4.9.4: ERSTBA was written; the table has one entry. */
void xhci_event_ring_changed(Xhci *x, unsigned n)
{
    uint8_t entry[XHCI_TRB];
    uint64_t table = (uint64_t)x->erstba_hi[n] << 32 | x->erstba_lo[n], got = sizeof entry;
    x->event_size[n] = x->event_index[n] = 0;
    if (!x->erstsz[n])
        return;
    const void *p = address_space_map(x->pci.dev.dma, table, &got, false);
    if (!p || got < sizeof entry)
        return; /* the other half of the address may come yet */
    memcpy(entry, p, sizeof entry);
    uint32_t size = load_le32(entry + 8) & 0xffff;
    if (size < MIN_SEGMENT || size > MAX_SEGMENT || load_le64(entry) & 63) {
        log_guest_error(x->pci.dev.path, "an event ring of %u entries, or not aligned", size);
        return;
    }
    x->event_base[n] = load_le64(entry);
    x->event_size[n] = size;
    x->event_index[n] = 0;
    x->event_cycle[n] = true;
}

/* ERDP was written: there may be room, or more to tell. */
void xhci_event_dequeued(Xhci *x, unsigned n, bool busy_cleared)
{
    int left = room(x, n);
    if (busy_cleared && left >= 0 && (unsigned)left + 1 < x->event_size[n] && !xhci_halted(x))
        interrupt(x, n);
    if (left >= 0 && (unsigned)left + 1 == x->event_size[n])
        x->full_told &= ~BIT(n);
    guint done = 0;
    while (done < x->waiting->len && !xhci_halted(x)) {
        XhciWaiting w = g_array_index(x->waiting, XhciWaiting, done);
        if (!deliver(x, &w))
            break;
        done++;
    }
    g_array_remove_range(x->waiting, 0, MIN(done, x->waiting->len));
    if (!x->waiting->len)
        xhci_port_events(x);
    xhci_run(x);
}
