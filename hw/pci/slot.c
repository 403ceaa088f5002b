/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots of PCI Express ports, where devices come and go while the machine runs: PCI Express Base
 * Specification 3.0, 6.7 (hot-plug) and 7.8.9 to 7.8.11 (slot registers). There is an attention
 * button, which device_add and device_del press, both indicators, a power controller and an
 * electromechanical interlock; no latch.
 *
 * A device goes when software has turned off the slot's power and its indicator, asked for or not.
 * That moment it no longer answers; it is freed once the access that did it is over.
 */
#include <string.h>

#include "hw/pci/bridge.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

enum { FLAGS = 0x02, LNKSTA = 0x12, SLTCAP = 0x14, SLTCTL = 0x18, SLTSTA = 0x1a };
enum { FLAGS_SLOT = 1 << 8, LINK_ACTIVE = 1 << 13 };
enum {
    CAP_BUTTON = 1 << 0, CAP_POWER = 1 << 1, CAP_ATTENTION_LIGHT = 1 << 3, CAP_POWER_LIGHT = 1 << 4,
    CAP_SURPRISE = 1 << 5, CAP_HOTPLUG = 1 << 6, CAP_INTERLOCK = 1 << 17, CAP_NUMBER_SHIFT = 19,
    NUMBER_MAX = 0x1fff,
};
enum { EVENT_BUTTON = 1 << 0, EVENT_PRESENCE = 1 << 3, EVENT_COMMAND = 1 << 4,
       EVENTS = EVENT_BUTTON | EVENT_PRESENCE | EVENT_COMMAND }; /* the same bits enable them */
enum {
    INTERRUPT_ENABLE = 1 << 5, ATTENTION_OFF = 3 << 6, POWER_LIGHT = 3 << 8, POWER_LIGHT_ON = 1 << 8,
    POWER_LIGHT_BLINKS = 2 << 8, POWER_LIGHT_OFF = 3 << 8, POWER_OFF = 1 << 10,
    INTERLOCK_TOGGLE = 1 << 11,
};
enum { PRESENT = 1 << 6, LOCKED = 1 << 7 };

static GPtrArray *slots; /* PciPort *: chassis and slot name one port */

static uint8_t *cap(PciPort *p)
{
    return p->bridge.pci.config + p->bridge.pci.express_cap;
}

static void set_bits(uint8_t *at, uint16_t bits, bool on)
{
    uint16_t v = load_le16(at);
    store_le16(at, on ? v | bits : v & ~bits);
}

static bool switched_off(uint16_t control)
{
    return (control & POWER_OFF) && (control & POWER_LIGHT) == POWER_LIGHT_OFF;
}

static bool populated(PciPort *p)
{
    return p->bridge.sec.devices[0] && !p->slot.ejected;
}

/* ---- events ---- */

static void update_interrupt(PciPort *p)
{
    PciDevice *pci = &p->bridge.pci;
    uint16_t control = load_le16(cap(p) + SLTCTL), status = load_le16(cap(p) + SLTSTA);
    bool now = (control & INTERRUPT_ENABLE) && (control & status & EVENTS);
    if (now == p->slot.interrupt)
        return;
    p->slot.interrupt = now;
    if (pci_msix_enabled(pci) || pci_msi_enabled(pci)) {
        if (now && pci_msix_enabled(pci))
            pci_msix_notify(pci, 0);
        else if (now)
            pci_msi_notify(pci, 0);
    } else {
        pci_set_intx(pci, now);
    }
}

static void event(PciPort *p, uint16_t events)
{
    set_bits(cap(p) + SLTSTA, events, true);
    update_interrupt(p);
}

/* Presence and the state of the link follow from what is there. */
static void update_presence(PciPort *p)
{
    set_bits(cap(p) + SLTSTA, PRESENT, populated(p));
    set_bits(cap(p) + SLTSTA, LOCKED, p->slot.locked);
    set_bits(cap(p) + LNKSTA, LINK_ACTIVE, populated(p));
}

static void update_power(PciPort *p)
{
    bool off = p->slot.ejected ||
               (p->slot.power_controller && (load_le16(cap(p) + SLTCTL) & POWER_OFF));
    pci_bus_set_off(&p->bridge.sec, off);
}

/* ---- devices go ---- */

/* It may be gone itself, when its turn comes. */
static PciPort *port_find(const char *path)
{
    for (guint i = 0; slots && i < slots->len; i++) {
        PciPort *p = g_ptr_array_index(slots, i);
        if (!strcmp(p->bridge.pci.dev.path, path))
            return p;
    }
    return NULL;
}

static void free_devices(void *opaque)
{
    g_autofree char *path = opaque;
    PciPort *p = port_find(path);
    if (!p || !p->slot.ejected)
        return;
    Bus *bus = p->bridge.sec.bus;
    while (bus->children->len)
        device_unplug(g_ptr_array_index(bus->children, bus->children->len - 1));
    p->slot.ejected = false;
    update_power(p);
}

static void eject(PciPort *p)
{
    if (!populated(p))
        return;
    p->slot.ejected = true;
    update_presence(p);
    update_power(p);
    main_defer(free_devices, g_strdup(p->bridge.pci.dev.path));
}

static PciPort *port_of(Bus *bus)
{
    return (PciPort *)((PciBus *)bus->opaque)->bridge;
}

static bool unplug_request(Bus *bus, Device *child, GError **error)
{
    PciPort *p = port_of(bus);
    PciDevice *pci = (PciDevice *)child;
    uint16_t control = load_le16(cap(p) + SLTCTL);
    if (pci->devfn && !p->bridge.sec.devices[0]) {
        device_unplug(child); /* of a set that was never finished: software has not seen it */
        return true;
    }
    if (p->slot.ejected)
        return error_set(error, "Device %s is already in the process of unplug",
                         child->id ? child->id : child->path);
    if ((control & POWER_LIGHT) == POWER_LIGHT_BLINKS)
        return error_set(error, "Hot-unplug failed: guest is busy (power indicator blinking)");
    if (p->slot.locked)
        return error_set(error, "Hot-unplug failed: the slot of '%s' is locked", bus->name);
    if (p->slot.power_controller && switched_off(control)) {
        while (bus->children->len)
            device_unplug(g_ptr_array_index(bus->children, bus->children->len - 1));
        update_presence(p);
        event(p, EVENT_PRESENCE);
        return true;
    }
    int64_t now = clock_ns(CLOCK_RT);
    if (p->slot.asked_until > now)
        return error_set(error, "Device %s is already in the process of unplug",
                         child->id ? child->id : child->path);
    p->slot.asked_until = now + 5 * G_GINT64_CONSTANT(1000000000);
    event(p, EVENT_BUTTON);
    return true;
}

/* ---- devices come ---- */

static bool check(PciBus *b, PciDevice *pci, GError **error)
{
    PciPort *p = (PciPort *)b->bridge;
    if (p->slot.ejected)
        return error_set(error, "what was in bus '%s' is just going; try again", b->bus->name);
    if (p->slot.locked && pci->dev.hotplugged)
        return error_set(error, "the slot of bus '%s' is electromechanically locked", b->bus->name);
    return true;
}

static void plugged(PciBus *b, PciDevice *pci, bool hot)
{
    PciPort *p = (PciPort *)b->bridge;
    p->slot.asked_until = 0;
    update_presence(p);
    if (!hot || !b->devices[0])
        return;
    event(p, EVENT_PRESENCE | EVENT_BUTTON);
    update_power(p);
}

static void unplugged(PciBus *b, PciDevice *pci)
{
    PciPort *p = (PciPort *)b->bridge;
    p->slot.asked_until = 0;
    update_presence(p);
}

/* ---- registers ---- */

bool pci_slot_add(PciPort *p, GError **error)
{
    PciDevice *pci = &p->bridge.pci;
    if (p->slot.number > NUMBER_MAX)
        return error_set(error, "slot=%u: slots have numbers up to %d", p->slot.number, NUMBER_MAX);
    for (guint i = 0; slots && i < slots->len; i++) {
        const PciPort *other = g_ptr_array_index(slots, i);
        if (other->slot.chassis == p->slot.chassis && other->slot.number == p->slot.number)
            return error_set(error, "Can't add chassis slot: chassis=%u,slot=%u is another port's; "
                             "give every port a chassis= of its own", p->slot.chassis,
                             p->slot.number);
    }
    unsigned at = pci->express_cap;
    uint32_t v = CAP_BUTTON | CAP_ATTENTION_LIGHT | CAP_POWER_LIGHT | CAP_INTERLOCK;
    uint16_t control = EVENTS | INTERRUPT_ENABLE | ATTENTION_OFF | POWER_LIGHT | INTERLOCK_TOGGLE;
    if (p->slot.hotplug && p->slot.native)
        v |= CAP_SURPRISE | CAP_HOTPLUG;
    if (p->slot.power_controller) {
        v |= CAP_POWER;
        control |= POWER_OFF;
    }
    set_bits(pci->config + at + FLAGS, FLAGS_SLOT, true);
    store_le32(pci->config + at + SLTCAP, v | (uint32_t)p->slot.number << CAP_NUMBER_SHIFT);
    store_le16(pci->wmask + at + SLTCTL, control);
    store_le16(pci->w1cmask + at + SLTSTA, EVENTS);
    if (!slots)
        slots = g_ptr_array_new();
    g_ptr_array_add(slots, p);
    return true;
}

void pci_slot_init(PciPort *p)
{
    PciBus *b = &p->bridge.sec;
    b->link = true;
    b->check = check;
    b->plugged = plugged;
    b->unplugged = unplugged;
    b->bus->no_hotplug = !(p->slot.hotplug && p->slot.native);
    b->bus->unplug_request = unplug_request;
}

void pci_slot_exit(PciPort *p)
{
    if (slots)
        g_ptr_array_remove(slots, p);
}

/* What is in the slot has power from the start, and nobody is told of it. */
void pci_slot_reset(PciPort *p)
{
    uint16_t control = ATTENTION_OFF;
    if (p->slot.power_controller)
        control |= populated(p) ? POWER_LIGHT_ON : POWER_LIGHT_OFF | POWER_OFF;
    store_le16(cap(p) + SLTCTL, control);
    p->slot.control = control;
    p->slot.locked = false;
    p->slot.asked_until = 0;
    update_presence(p);
    update_power(p);
    update_interrupt(p);
}

void pci_slot_config_written(PciPort *p, unsigned offset, unsigned size)
{
    unsigned at = p->bridge.pci.express_cap + SLTCTL;
    if (offset >= at + 4 || offset + size <= at)
        return;
    uint16_t before = p->slot.control, now = load_le16(cap(p) + SLTCTL);
    bool command = offset < at + 2;
    if (command) {
        p->slot.control = now & ~INTERLOCK_TOGGLE;
        if (now & INTERLOCK_TOGGLE) { /* reads as 0 */
            store_le16(cap(p) + SLTCTL, p->slot.control);
            p->slot.locked = !p->slot.locked;
            update_presence(p);
        }
        /* Software that merely repeats itself before it switches an empty slot on is no reason. */
        if (p->slot.power_controller && switched_off(now) && !switched_off(before) && populated(p)) {
            eject(p);
            set_bits(cap(p) + SLTSTA, EVENT_PRESENCE, true);
        }
        update_power(p);
        set_bits(cap(p) + SLTSTA, EVENT_COMMAND, true); /* 6.7.3.2: carried out at once */
    }
    update_interrupt(p);
}

void pci_slot_loaded(PciPort *p)
{
    p->slot.control = load_le16(cap(p) + SLTCTL);
    p->bridge.sec.off = false;
    update_presence(p);
    /* Not by update_power: what is behind has loaded its own state, and must not be reset. */
    p->bridge.sec.off = p->slot.ejected ||
                        (p->slot.power_controller && (p->slot.control & POWER_OFF));
    if (p->slot.ejected)
        main_defer(free_devices, g_strdup(p->bridge.pci.dev.path));
}

const StateField pci_slot_state[] = {
    STATE(PciSlot, ejected),
    STATE(PciSlot, locked),
    STATE(PciSlot, interrupt),
    { .type = STATE_END },
};
