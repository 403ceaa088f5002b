/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the xHCI controller share (eXtensible Host Controller Interface for USB, 1.1;
 * numbers of sections in their comments are of it): xhci.c has registers and life, xhci_event.c event
 * rings and interrupts, xhci_port.c ports, xhci_command.c commands, xhci_transfer.c transfer rings,
 * xhci_state.c what a snapshot keeps of slots.
 *
 * Rings, contexts and buffers must be in RAM: no other device is ever touched, least of all itself.
 */
#ifndef HW_USB_XHCI_H
#define HW_USB_XHCI_H

#include "hw/pci.h"
#include "hw/usb.h"
#include "softmmu/run.h"

enum { XHCI_SLOTS = 64, XHCI_INTERRUPTERS = 16, XHCI_PORTS_MOST = 15, XHCI_EPS = 31 };
enum { XHCI_TRB = 16, XHCI_CONTEXT = 32, XHCI_CONTROL_EP = 1 };

/* Types of TRBs, table 131 */
enum {
    TRB_NORMAL = 1, TRB_SETUP = 2, TRB_DATA = 3, TRB_STATUS = 4, TRB_ISOCH = 5, TRB_LINK = 6,
    TRB_EVENT_DATA = 7, TRB_NO_OP = 8, TRB_ENABLE_SLOT = 9, TRB_DISABLE_SLOT = 10,
    TRB_ADDRESS_DEVICE = 11, TRB_CONFIGURE_ENDPOINT = 12, TRB_EVALUATE_CONTEXT = 13,
    TRB_RESET_ENDPOINT = 14, TRB_STOP_ENDPOINT = 15, TRB_SET_TR_DEQUEUE = 16,
    TRB_RESET_DEVICE = 17, TRB_GET_BANDWIDTH = 21, TRB_NO_OP_COMMAND = 23, TRB_TRANSFER_EVENT = 32,
    TRB_COMPLETION_EVENT = 33, TRB_PORT_EVENT = 34, TRB_HOST_EVENT = 37,
};

/* Completion codes, table 130 */
typedef enum XhciCode {
    CC_SUCCESS = 1, CC_DATA_BUFFER = 2, CC_BABBLE = 3, CC_TRANSACTION = 4, CC_TRB = 5, CC_STALL = 6,
    CC_BANDWIDTH = 8, CC_NO_SLOTS = 9, CC_SLOT_NOT_ENABLED = 11, CC_EP_NOT_ENABLED = 12,
    CC_SHORT_PACKET = 13, CC_PARAMETER = 17, CC_CONTEXT_STATE = 19, CC_EVENT_RING_FULL = 21,
    CC_COMMAND_RING_STOPPED = 24, CC_STOPPED = 26,
} XhciCode;

/* Control word of a TRB, 6.4 */
enum { TRB_CYCLE = 1, TRB_TOGGLE = 2, TRB_EVENT_DATA_FLAG = 4, TRB_ISP = 4, TRB_CHAIN = 16,
       TRB_IOC = 32, TRB_IDT = 64, TRB_BEI = 512, TRB_DIR_IN = 1 << 16 };
#define TRB_TYPE(control) ((control) >> 10 & 63)

/* USBCMD and USBSTS, 5.4.1 and 5.4.2 */
enum { CMD_RUN = 1, CMD_RESET = 2, CMD_INTE = 4, CMD_HSEE = 8, CMD_SAVE = 256, CMD_RESTORE = 512 };
enum { STS_HALTED = 1, STS_HSE = 4, STS_EINT = 8, STS_PCD = 16, STS_SRE = 1024, STS_HCE = 4096 };

/* Slot states, 6.2.2, and endpoint states, 6.2.3 */
enum { SLOT_ENABLED = 0, SLOT_DEFAULT = 1, SLOT_ADDRESSED = 2, SLOT_CONFIGURED = 3 };
enum { EP_DISABLED = 0, EP_RUNNING = 1, EP_HALTED = 2, EP_STOPPED = 3, EP_ERROR = 4 };
enum { EP_BULK_OUT = 2, EP_INTERRUPT_OUT = 3, EP_CONTROL = 4, EP_BULK_IN = 6, EP_INTERRUPT_IN = 7 };

typedef struct XhciTrb {
    uint64_t addr, parameter;
    uint32_t status, control;
} XhciTrb;

typedef struct XhciRing {
    uint64_t dequeue;
    bool cycle;
} XhciRing;

typedef struct XhciEp {
    uint8_t state, type;
    uint8_t stage;          /* of a control transfer: what was seen of it */
    uint8_t setup[8];
    XhciRing ring;
} XhciEp;

typedef struct XhciSlot {
    bool enabled;
    bool bound;             /* to the device on its port, as long as that stays */
    uint8_t state, root_port;
    uint32_t route;
    uint64_t context;       /* the output device context */
    uint32_t kicked;        /* endpoints whose ring may have something to do: bits by number */
    XhciEp ep[XHCI_EPS + 1];
} XhciSlot;

/* An event that found its ring full. */
typedef struct XhciWaiting {
    uint8_t interrupter;
    bool quiet;
    uint64_t parameter;
    uint32_t status, control;
} XhciWaiting;

typedef struct Xhci {
    PciDevice pci;
    uint32_t p2, p3;        /* properties */
    MemoryRegion bar, regs;
    UsbBus *bus;
    UsbPort ports[XHCI_PORTS_MOST];
    Timer *work;            /* goes on with rings that have not come to their end */
    bool running;           /* rings are looked after */
    bool notifying;         /* a message is sent */
    GArray *waiting;        /* XhciWaiting */
    uint32_t ports_waiting; /* whose events found no room */
    uint32_t full_told;     /* interrupters whose driver was told that its ring is full */
    GArray *trbs, *iov;     /* of the transfer that is looked at */
    uint64_t td_len;
    XhciRing td_end;
    /* registers, as in the manual */
    uint32_t usbcmd, usbsts, dnctrl, config;
    uint32_t dcbaap_lo, dcbaap_hi;
    uint32_t portsc[2 * XHCI_PORTS_MOST], portpmsc[2 * XHCI_PORTS_MOST];
    uint32_t iman[XHCI_INTERRUPTERS], imod[XHCI_INTERRUPTERS], erstsz[XHCI_INTERRUPTERS];
    uint32_t erstba_lo[XHCI_INTERRUPTERS], erstba_hi[XHCI_INTERRUPTERS];
    uint32_t erdp_lo[XHCI_INTERRUPTERS], erdp_hi[XHCI_INTERRUPTERS];
    /* behind the registers */
    int64_t run_ns;         /* when it was started: MFINDEX counts from there */
    XhciRing command;
    bool command_running, command_kicked;
    uint64_t event_base[XHCI_INTERRUPTERS];
    uint32_t event_size[XHCI_INTERRUPTERS]; /* 0: there is no ring */
    uint32_t event_index[XHCI_INTERRUPTERS];
    bool event_cycle[XHCI_INTERRUPTERS];
    XhciSlot slots[XHCI_SLOTS + 1];
} Xhci;

/* ---- xhci.c ---- */
/* False: not RAM; the controller stops (HSE). */
bool xhci_dma_read(Xhci *x, uint64_t addr, void *buf, size_t len);
bool xhci_dma_write(Xhci *x, uint64_t addr, const void *buf, size_t len);
/* The controller can't go on; the driver has to reset it. */
void xhci_die(Xhci *x, uint32_t status, const char *why);
static inline bool xhci_halted(const Xhci *x)
{
    return x->usbsts & (STS_HALTED | STS_HSE | STS_HCE);
}
/* Looks after everything that was kicked, unless that is what is going on. */
void xhci_run(Xhci *x);
bool xhci_read_trb(Xhci *x, uint64_t addr, XhciTrb *t);
static inline unsigned xhci_n_ports(const Xhci *x)
{
    return x->p2 + x->p3;
}

/* ---- xhci_event.c ---- */
/* quiet: without an interrupt. */
void xhci_event(Xhci *x, unsigned interrupter, uint64_t parameter, uint32_t status, uint32_t control,
                bool quiet);
bool xhci_event_room(const Xhci *x); /* nothing waits */
void xhci_event_ring_changed(Xhci *x, unsigned interrupter);
void xhci_event_dequeued(Xhci *x, unsigned interrupter, bool busy_cleared);
void xhci_pin_update(Xhci *x);

/* ---- xhci_port.c ---- */
extern const UsbBusOps xhci_bus_ops;
void xhci_ports_reset(Xhci *x);
void xhci_write_portsc(void *dev, unsigned index, uint64_t v);
void xhci_port_events(Xhci *x); /* that found no room before */
UsbPort *xhci_find_port(Xhci *x, unsigned root_port, uint32_t route);

/* ---- xhci_command.c ---- */
bool xhci_run_command(Xhci *x); /* false: there is none */
void xhci_stop_commands(Xhci *x);
void xhci_drop_slot(Xhci *x, unsigned slot);

/* ---- xhci_transfer.c ---- */
/* The next transfer of a kicked endpoint; false: there is none that could go on. */
bool xhci_run_transfer(Xhci *x, unsigned slot, unsigned ep);
UsbDevice *xhci_slot_device(Xhci *x, const XhciSlot *s);
/* Into the endpoint's context too. */
void xhci_set_ep_state(Xhci *x, unsigned slot, unsigned ep, unsigned state);
/* Tells of a transfer that waits, as the endpoint stops. */
void xhci_report_stopped(Xhci *x, unsigned slot, unsigned ep);

/* ---- xhci_state.c ---- */
extern const StateField xhci_state[];
void xhci_loaded(void *dev);

#endif
