/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-xhci: an xHCI 1.0 USB host controller as a PCI function with QEMU's ids, 64 slots and 16
 * interrupters. Here are registers (chapter 5), the loop over what the driver rang for, and life.
 *
 * What was rung for is done at once, so much of it at a time: the rest waits for a timer, so that a
 * ring without end keeps nobody. Left out: streams, isochronous endpoints (4.6.6 refuses them),
 * virtualization, debug capability, save and restore of the controller (a restore fails, SRE).
 */
#include "hw/usb/xhci.h"

#include <string.h>

#include "backend/block.h"
#include "hw/pci/bridge.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { BAR_SIZE = 0x4000, REGS_SIZE = 0x3000, MSIX_TABLE = 0x3000, MSIX_PBA = 0x3800 };
enum { AT_SBRN = 0x60, AT_MSIX = 0x90, AT_EXPRESS = 0xa0, USB_3_0 = 0x30 };
enum { XECP = 0x20, OPERATIONAL = 0x40, RUNTIME = 0x1000, DOORBELLS = 0x2000 };
enum { ROUND = 256, WORK_NS = 50000 }; /* transfers and commands at a time, and the pause after them */
enum { CMD_WRITABLE = 0xc0d, STS_W1C = STS_HSE | STS_EINT | STS_PCD | STS_SRE };
enum { CRCR_CYCLE = 1, CRCR_STOP = 2, CRCR_ABORT = 4, CRCR_RUNNING = 8 };

/* ---- memory ---- */

void xhci_die(Xhci *x, uint32_t status, const char *why)
{
    if (!(x->usbsts & status))
        log_guest_error(x->pci.dev.path, "%s; the controller stops until it is reset", why);
    x->usbsts |= status | STS_HALTED;
    x->usbcmd &= ~CMD_RUN;
}

static bool dma(Xhci *x, uint64_t addr, uint8_t *buf, size_t len, bool write)
{
    AddressSpace *as = x->pci.dev.dma;
    while (len) {
        uint64_t got = len;
        uint8_t *p = address_space_map(as, addr, &got, write);
        if (!p || !pci_can_master(&x->pci)) {
            xhci_die(x, STS_HSE, "a ring or context is not in RAM, or the bus master bit is off");
            return false;
        }
        if (write)
            memcpy(p, buf, got);
        else
            memcpy(buf, p, got);
        address_space_unmap(as, p, got, write);
        addr += got;
        buf += got;
        len -= got;
    }
    return true;
}

bool xhci_dma_read(Xhci *x, uint64_t addr, void *buf, size_t len)
{
    return dma(x, addr, buf, len, false);
}

bool xhci_dma_write(Xhci *x, uint64_t addr, const void *buf, size_t len)
{
    return dma(x, addr, (uint8_t *)buf, len, true);
}

bool xhci_read_trb(Xhci *x, uint64_t addr, XhciTrb *t)
{
    uint8_t b[XHCI_TRB];
    if (!xhci_dma_read(x, addr, b, sizeof b))
        return false;
    *t = (XhciTrb){ addr, load_le64(b), load_le32(b + 8), load_le32(b + 12) };
    return true;
}

/* ---- what was rung for ---- */

static bool is_kicked(const Xhci *x)
{
    if (x->command_kicked)
        return true;
    for (unsigned i = 1; i <= XHCI_SLOTS; i++)
        if (x->slots[i].kicked)
            return true;
    return false;
}

static bool may_go_on(const Xhci *x, unsigned left)
{
    return left && !xhci_halted(x) && xhci_event_room(x);
}

/* One round: every endpoint gets its turn. */
static void run_round(Xhci *x, unsigned *left)
{
    while (x->command_kicked && may_go_on(x, *left)) {
        --*left;
        x->command_kicked = xhci_run_command(x);
    }
    for (unsigned i = 1; i <= XHCI_SLOTS; i++) {
        for (unsigned ep = 1; ep <= XHCI_EPS; ep++) {
            XhciSlot *s = &x->slots[i];
            if (!s->kicked)
                break;
            while (s->kicked & BIT(ep) && may_go_on(x, *left)) {
                --*left;
                if (!xhci_run_transfer(x, i, ep))
                    s->kicked &= ~BIT(ep);
            }
        }
    }
}

void xhci_run(Xhci *x)
{
    unsigned left = ROUND;
    if (x->running)
        return;
    x->running = true;
    /* What the end of a batch completes may kick others. */
    while (is_kicked(x) && may_go_on(x, left)) {
        block_batch_begin();
        run_round(x, &left);
        block_batch_end();
    }
    x->running = false;
    if (!left && is_kicked(x))
        timer_mod(x->work, clock_ns(CLOCK_VIRTUAL) + WORK_NS);
}

static void work(void *opaque)
{
    xhci_run(opaque);
}

/* ---- capabilities, 5.3 and 7.2 ---- */

static uint64_t read_capability(void *dev, unsigned index)
{
    const Xhci *x = dev;
    const uint32_t name = 0x20425355; /* "USB " */
    const uint32_t words[] = {
        OPERATIONAL | 0x100 << 16,                                          /* version 1.0 */
        xhci_n_ports(x) << 24 | XHCI_INTERRUPTERS << 8 | XHCI_SLOTS,        /* HCSPARAMS1 */
        0xf, 0,                                                             /* HCSPARAMS2, 3 */
        1 | 1 << 19 | XECP / 4 << 16,                                       /* HCCPARAMS1: AC64 */
        DOORBELLS, RUNTIME, 0,
        /* Which ports are USB 2, and which USB 3. */
        0x02000402, name, x->p2 << 8 | (x->p3 + 1), 0,
        0x03000002, name, x->p3 << 8 | 1, 0,
    };
    return words[index];
}

/* ---- operational registers, 5.4 ---- */

static uint64_t read_pagesize(void *dev, unsigned index)
{
    return 1; /* 4 KiB */
}

static void controller_reset(Xhci *x)
{
    timer_del(x->work);
    x->usbcmd = 0;
    x->usbsts = STS_HALTED;
    x->dnctrl = x->config = x->dcbaap_lo = x->dcbaap_hi = 0;
    for (unsigned n = 0; n < XHCI_INTERRUPTERS; n++) {
        x->iman[n] = x->imod[n] = x->erstsz[n] = 0;
        x->erstba_lo[n] = x->erstba_hi[n] = x->erdp_lo[n] = x->erdp_hi[n] = 0;
        x->event_size[n] = x->event_index[n] = 0;
        x->event_base[n] = 0;
        x->event_cycle[n] = false;
    }
    for (unsigned i = 1; i <= XHCI_SLOTS; i++)
        memset(&x->slots[i], 0, sizeof x->slots[i]);
    g_array_set_size(x->waiting, 0);
    x->command = (XhciRing){ 0 };
    x->command_running = x->command_kicked = false;
    x->run_ns = 0;
    x->full_told = 0;
    xhci_ports_reset(x);
    xhci_pin_update(x);
}

static void write_usbcmd(void *dev, unsigned index, uint64_t v)
{
    Xhci *x = dev;
    if (v & CMD_RESET) { /* 5.4.1: what is plugged in feels it */
        for (guint i = 0; i < x->bus->ports->len; i++)
            usb_port_reset(g_ptr_array_index(x->bus->ports, i));
        controller_reset(x);
        return;
    }
    if (v & CMD_RESTORE) /* there is nothing that could be restored */
        x->usbsts |= STS_SRE;
    bool was = x->usbcmd & CMD_RUN;
    x->usbcmd = v & CMD_WRITABLE;
    if (v & CMD_RUN && !was) {
        if (x->usbsts & (STS_HCE | STS_HSE)) {
            x->usbcmd &= ~CMD_RUN;
        } else {
            x->usbsts &= ~STS_HALTED;
            x->run_ns = clock_ns(CLOCK_VIRTUAL);
        }
    } else if (!(v & CMD_RUN) && was) {
        x->usbsts |= STS_HALTED;
        x->command_running = x->command_kicked = false;
    }
    xhci_pin_update(x);
    xhci_run(x);
}

/* 5.4.5: the pointer can be written while commands are not run; else they can be stopped. */
static void write_crcr_lo(void *dev, unsigned index, uint64_t v)
{
    Xhci *x = dev;
    if (x->command_running) {
        if (v & (CRCR_STOP | CRCR_ABORT))
            xhci_stop_commands(x);
        return;
    }
    x->command.dequeue = bits_set(x->command.dequeue, 0, 32, v & ~63ull);
    x->command.cycle = v & CRCR_CYCLE;
}

static void write_crcr_hi(void *dev, unsigned index, uint64_t v)
{
    Xhci *x = dev;
    if (!x->command_running)
        x->command.dequeue = bits_set(x->command.dequeue, 32, 32, v);
}

static uint64_t read_crcr_lo(void *dev, unsigned index)
{
    const Xhci *x = dev;
    return x->command_running ? CRCR_RUNNING : 0;
}

/* ---- runtime registers, 5.5 ---- */

/* Units of 125 us. */
static uint64_t read_mfindex(void *dev, unsigned index)
{
    const Xhci *x = dev;
    if (xhci_halted(x))
        return 0;
    return (uint64_t)(clock_ns(CLOCK_VIRTUAL) - x->run_ns) / 125000 & 0x3fff;
}

static void write_iman(void *dev, unsigned n, uint64_t v)
{
    Xhci *x = dev;
    x->iman[n] = (x->iman[n] & ~(v & 1) & 1) | (v & 2);
    xhci_pin_update(x);
}

static void write_erstba_lo(void *dev, unsigned n, uint64_t v)
{
    Xhci *x = dev;
    x->erstba_lo[n] = v & ~63u;
    xhci_event_ring_changed(x, n);
}

static void write_erstba_hi(void *dev, unsigned n, uint64_t v)
{
    Xhci *x = dev;
    x->erstba_hi[n] = v;
    xhci_event_ring_changed(x, n);
}

static void write_erdp_lo(void *dev, unsigned n, uint64_t v)
{
    enum { BUSY = 8 };
    Xhci *x = dev;
    bool cleared = v & BUSY;
    x->erdp_lo[n] = (v & ~(uint64_t)BUSY) | (cleared ? 0 : x->erdp_lo[n] & BUSY);
    xhci_event_dequeued(x, n, cleared);
}

static void write_erdp_hi(void *dev, unsigned n, uint64_t v)
{
    Xhci *x = dev;
    x->erdp_hi[n] = v;
    xhci_event_dequeued(x, n, false);
}

/* ---- doorbells, 5.6 ---- */

static void write_doorbell(void *dev, unsigned n, uint64_t v)
{
    Xhci *x = dev;
    unsigned target = v & 0xff;
    if (xhci_halted(x)) {
        log_guest_error(x->pci.dev.path, "doorbell %u of a controller that does not run", n);
        return;
    }
    if (!n) {
        if (target)
            return;
        x->command_running = x->command_kicked = true;
    } else {
        XhciSlot *s = &x->slots[n];
        if (!s->enabled || !target || target > XHCI_EPS || s->ep[target].state == EP_DISABLED) {
            log_guest_error(x->pci.dev.path, "doorbell %u rung for endpoint %u, which is not there",
                            n, target);
            return;
        }
        if (s->ep[target].state == EP_STOPPED || s->ep[target].state == EP_ERROR)
            xhci_set_ep_state(x, n, target, EP_RUNNING);
        s->kicked |= BIT(target);
    }
    xhci_run(x);
}

static uint64_t read_zero(void *dev, unsigned index)
{
    return 0;
}

#define EACH(n, step) .count = (n), .stride = (step)
enum { MOST = 2 * XHCI_PORTS_MOST, SETS = XHCI_INTERRUPTERS };
static const Reg xhci_regs[] = {
    REG_FN(0x00, CAPABILITIES, 4, .sizes = 7, .count = 16, .read = read_capability),
    REG(Xhci, 0x40, USBCMD, 4, usbcmd, .write = write_usbcmd),
    REG(Xhci, 0x44, USBSTS, 4, usbsts, .reset = STS_HALTED, .w1c = STS_W1C),
    REG_FN(0x48, PAGESIZE, 4, .read = read_pagesize),
    REG(Xhci, 0x54, DNCTRL, 4, dnctrl, .mask = 0xffff),
    REG_FN(0x58, CRCR_LO, 4, .read = read_crcr_lo, .write = write_crcr_lo),
    REG_FN(0x5c, CRCR_HI, 4, .read = read_zero, .write = write_crcr_hi),
    REG(Xhci, 0x70, DCBAAP_LO, 4, dcbaap_lo, .mask = ~63u),
    REG(Xhci, 0x74, DCBAAP_HI, 4, dcbaap_hi, .mask = UINT32_MAX),
    REG(Xhci, 0x78, CONFIG, 4, config, .mask = 0xff),
    REG(Xhci, 0x440, PORTSC, 4, portsc, EACH(MOST, 16), .write = xhci_write_portsc),
    REG(Xhci, 0x444, PORTPMSC, 4, portpmsc, EACH(MOST, 16), .mask = UINT32_MAX),
    REG_FN(0x448, PORTLI, 4, EACH(MOST, 16), .read = read_zero),
    REG_FN(0x44c, PORTHLPMC, 4, EACH(MOST, 16), .read = read_zero),
    REG_FN(0x1000, MFINDEX, 4, .read = read_mfindex),
    REG(Xhci, 0x1020, IMAN, 4, iman, EACH(SETS, 32), .write = write_iman),
    REG(Xhci, 0x1024, IMOD, 4, imod, EACH(SETS, 32), .mask = UINT32_MAX),
    REG(Xhci, 0x1028, ERSTSZ, 4, erstsz, EACH(SETS, 32), .mask = 0xffff),
    REG(Xhci, 0x1030, ERSTBA_LO, 4, erstba_lo, EACH(SETS, 32), .write = write_erstba_lo),
    REG(Xhci, 0x1034, ERSTBA_HI, 4, erstba_hi, EACH(SETS, 32), .write = write_erstba_hi),
    REG(Xhci, 0x1038, ERDP_LO, 4, erdp_lo, EACH(SETS, 32), .write = write_erdp_lo),
    REG(Xhci, 0x103c, ERDP_HI, 4, erdp_hi, EACH(SETS, 32), .write = write_erdp_hi),
    REG_FN(0x2000, DOORBELL, 4, .count = XHCI_SLOTS + 1, .read = read_zero,
           .write = write_doorbell),
    REG_END,
};

static MemResult regs_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return reg_read(opaque, xhci_regs, offset, size, value);
}

/* A message that the guest aims at these very registers reaches nothing. */
static MemResult regs_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Xhci *x = opaque;
    if (x->running || x->notifying) {
        log_guest_error(x->pci.dev.path, "a message of its own for its registers");
        return MEM_OK;
    }
    return reg_write(opaque, xhci_regs, offset, size, value);
}

static const MmioOps regs_ops = { .read = regs_read, .write = regs_write, .min_size = 1,
                                  .max_size = 4 };

/* ---- life ---- */

/* As in a device's path: domain, bus, and the way there through bridges. */
static char *location(const PciDevice *pci)
{
    GString *way = g_string_new(NULL);
    for (; pci; pci = pci_bus_of(pci)->bridge) {
        g_autofree char *step = g_strdup_printf(":%02x.%x", pci->devfn >> 3, pci->devfn & 7);
        g_string_prepend(way, step);
    }
    g_string_prepend(way, "0000:00");
    return g_string_free(way, FALSE);
}

static bool check_ports(const Xhci *x, GError **error)
{
    if (x->p2 > XHCI_PORTS_MOST || x->p3 > XHCI_PORTS_MOST)
        return error_set(error, "qemu-xhci: p2=%u, p3=%u: there can be 0 to %d ports of each kind",
                         x->p2, x->p3, XHCI_PORTS_MOST);
    return true;
}

static void add_capabilities(Xhci *x)
{
    PciDevice *pci = &x->pci;
    const PciBus *on = pci_bus_of(pci);
    pci->config[AT_SBRN] = USB_3_0; /* 5.2.3 */
    pci_place_capability(pci, AT_EXPRESS);
    pci->express = on->express;
    if (on->express)
        pci_add_express(pci, on->bridge ? PCIE_ENDPOINT : PCIE_RC_ENDPOINT, 0, PCIE_2_5GT, 1);
}

static bool xhci_realize(void *dev, GError **error)
{
    Xhci *x = dev;
    if (!check_ports(x, error))
        return false;
    pci_use_intx(&x->pci);
    memory_region_init_container(&x->bar, "xhci", BAR_SIZE);
    memory_region_init_mmio(&x->regs, "xhci-registers", REGS_SIZE, &regs_ops, x);
    memory_region_add(&x->bar, 0, &x->regs, 0);
    pci_place_capability(&x->pci, AT_MSIX);
    if (!pci_add_msix_in(&x->pci, XHCI_INTERRUPTERS, 0, &x->bar, MSIX_TABLE, MSIX_PBA, error))
        return false;
    add_capabilities(x);
    pci_add_bar(&x->pci, 0, PCI_BAR_MEM64, &x->bar);
    x->usbsts = STS_HALTED; /* until the first reset, which is after the devices have come */
    x->work = timer_new(CLOCK_VIRTUAL, work, x);
    x->waiting = g_array_new(FALSE, TRUE, sizeof(XhciWaiting));
    x->trbs = g_array_new(FALSE, TRUE, sizeof(XhciTrb));
    x->iov = g_array_new(FALSE, TRUE, sizeof(struct iovec));
    g_autofree char *where = location(&x->pci);
    x->bus = usb_bus_new(&x->pci.dev, &xhci_bus_ops, x, where);
    for (unsigned i = 0; i < MAX(x->p2, x->p3); i++)
        usb_bus_add_port(x->bus, &x->ports[i], NULL, i + 1,
                         (i < x->p2 ? 1u << USB_LOW | 1u << USB_FULL | 1u << USB_HIGH : 0) |
                         (i < x->p3 ? 1u << USB_SUPER : 0));
    return true;
}

static void xhci_unrealize(void *dev)
{
    Xhci *x = dev;
    usb_bus_free(x->bus);
    timer_free(x->work);
    g_array_unref(x->waiting);
    g_array_unref(x->trbs);
    g_array_unref(x->iov);
    memory_region_deinit(&x->regs);
    memory_region_deinit(&x->bar);
}

static void xhci_device_reset(void *dev)
{
    controller_reset(dev);
}

static const Prop xhci_props[] = {
    PCI_PROPS(Xhci, pci),
    PROP(Xhci, "p2", p2, PROP_U32, "4", "ports of USB 2"),
    PROP(Xhci, "p3", p3, PROP_U32, "4", "ports of USB 3"),
    PROP_LAST,
};

static const PciClass xhci_class = {
    .vendor_id = PCI_VENDOR_REDHAT, .device_id = 0x000d, .revision = 1, .class_code = 0x0c0330,
};

static const DeviceType xhci_type = {
    .name = "qemu-xhci", .doc = "USB 3 host controller (xHCI 1.0)", .category = CATEGORY_USB,
    .user_creatable = true, .hotpluggable = true, .bus_type = "pci", .size = sizeof(Xhci),
    .version = 1, .regs = xhci_regs, .props = xhci_props, .state = xhci_state,
    .realize = xhci_realize, .unrealize = xhci_unrealize, .reset = xhci_device_reset,
    .loaded = xhci_loaded, .class_data = &xhci_class,
};
DEVICE_REGISTER(xhci_type)
