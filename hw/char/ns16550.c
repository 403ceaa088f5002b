/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A UART.
 * National Semiconductor PC16550D data sheet (1995); section numbers below are of chapter 8,
 * "Registers".
 *
 * Bytes leave at once, as fast as the host takes them; the receive timeout runs at the speed
 * that divisor and line format give. Left out: parity and framing errors (the host has none)
 * and the DMA mode pins.
 */
#include <string.h>

#include "backend/char.h"
#include "hw/device.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

enum { FIFO_SIZE = 16 };

enum { IER_RDI = 1, IER_THRI = 2, IER_RLSI = 4, IER_MSI = 8 };
enum { IIR_NONE = 1, IIR_MSI = 0, IIR_THRI = 2, IIR_RDI = 4, IIR_RLSI = 6, IIR_CTI = 12,
       IIR_FIFOS = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4 };
enum { LCR_STOP2 = 4, LCR_PARITY = 8, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_PE = 4, LSR_FE = 8, LSR_BI = 16, LSR_THRE = 32, LSR_TEMT = 64,
       LSR_FIFO_ERROR = 128 };
enum { MSR_DCTS = 1, MSR_DDSR = 2, MSR_TERI = 4, MSR_DDCD = 8, MSR_CTS = 16, MSR_DSR = 32,
       MSR_RI = 64, MSR_DCD = 128 };

typedef struct Fifo {
    uint8_t data[FIFO_SIZE];
    uint8_t head, count;
} Fifo;

typedef struct Ns16550 {
    Device dev;
    Chardev *chardev;
    uint8_t regshift;
    uint32_t baudbase;     /* input clock / 16 */

    uint8_t ier, lcr, mcr, msr, scr;
    uint8_t fcr;           /* enable and trigger bits */
    uint8_t lsr_errors;    /* OE, BI and FIFO_ERROR; the rest is computed */
    uint16_t divisor;
    bool thr_ipending;     /* the transmitter became empty and nobody was told yet */
    bool timeout_ipending;
    Fifo rx, tx;
    Timer *timeout_timer, *retry_timer;
} Ns16550;

static void fifo_clear(Fifo *f)
{
    f->head = f->count = 0;
}

static void fifo_push(Fifo *f, uint8_t byte)
{
    f->data[(f->head + f->count) % FIFO_SIZE] = byte;
    f->count++;
}

static uint8_t fifo_pop(Fifo *f)
{
    uint8_t byte = f->data[f->head];
    f->head = (f->head + 1) % FIFO_SIZE;
    f->count--;
    return byte;
}

static unsigned fifo_room(const Ns16550 *s, const Fifo *f)
{
    return (s->fcr & FCR_ENABLE ? FIFO_SIZE : 1) - f->count;
}

static unsigned rx_trigger(const Ns16550 *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };
    return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

/* 8.6.4 and table III: the pending interrupt of highest priority. */
static uint8_t iir_source(const Ns16550 *s)
{
    if ((s->ier & IER_RLSI) && (s->lsr_errors & (LSR_OE | LSR_BI)))
        return IIR_RLSI;
    if ((s->ier & IER_RDI) && s->timeout_ipending)
        return IIR_CTI;
    if ((s->ier & IER_RDI) && s->rx.count >= rx_trigger(s))
        return IIR_RDI;
    if ((s->ier & IER_THRI) && s->thr_ipending)
        return IIR_THRI;
    if ((s->ier & IER_MSI) && (s->msr & 0x0f))
        return IIR_MSI;
    return IIR_NONE;
}

static void update_irq(Ns16550 *s)
{
    int level = iir_source(s) != IIR_NONE;
    if (s->dev.irq[0].level != level)
        irq_set(&s->dev.irq[0], level);
}

/* ---- receiver ---- */

/* Four character times (8.6.2, "FIFO timeout interrupt"). */
static void start_timeout(Ns16550 *s)
{
    if (!(s->fcr & FCR_ENABLE) || !s->rx.count) {
        timer_del(s->timeout_timer);
        return;
    }
    unsigned bits = 1 + 5 + (s->lcr & 3) + (s->lcr & LCR_PARITY ? 1 : 0) +
                    (s->lcr & LCR_STOP2 ? 2 : 1);
    uint64_t ns = 4ull * bits * 1000000000 * MAX(s->divisor, 1) / s->baudbase;
    timer_mod(s->timeout_timer, clock_ns(CLOCK_VIRTUAL) + (int64_t)ns);
}

static void timeout_expired(void *opaque)
{
    Ns16550 *s = opaque;
    if (s->rx.count) {
        s->timeout_ipending = true;
        update_irq(s);
    }
}

static void receive(Ns16550 *s, uint8_t byte)
{
    if (fifo_room(s, &s->rx)) {
        fifo_push(&s->rx, byte);
    } else {
        s->lsr_errors |= LSR_OE;
        /* Without FIFOs the new character replaces the one in RBR (8.4, bit 1). */
        if (!(s->fcr & FCR_ENABLE))
            s->rx.data[s->rx.head] = byte;
    }
    start_timeout(s);
    update_irq(s);
}

static size_t ns16550_can_read(void *opaque)
{
    Ns16550 *s = opaque;
    /* In loopback the serial input is disconnected: what comes waits. */
    return s->mcr & MCR_LOOP ? 0 : fifo_room(s, &s->rx);
}

static void ns16550_read(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        receive(opaque, buf[i]);
}

static void ns16550_event(void *opaque, CharEvent event)
{
    Ns16550 *s = opaque;
    if (event == CHAR_BREAK && !(s->mcr & MCR_LOOP)) {
        s->lsr_errors |= LSR_BI | (s->fcr & FCR_ENABLE ? LSR_FIFO_ERROR : 0);
        receive(s, 0); /* 8.4, bit 4: only one zero character is loaded */
    }
}

static void accept_input(Ns16550 *s)
{
    if (s->chardev && ns16550_can_read(s))
        chardev_accept_input(s->chardev, s);
}

static uint64_t read_rbr(Ns16550 *s)
{
    uint8_t byte = s->rx.count ? fifo_pop(&s->rx) : 0;
    s->timeout_ipending = false;
    if (!s->rx.count)
        s->lsr_errors &= ~LSR_FIFO_ERROR;
    start_timeout(s);
    update_irq(s);
    accept_input(s);
    return byte;
}

/* ---- transmitter ---- */

/* Hands over what the host takes; the rest is tried again soon. */
static void drain(Ns16550 *s)
{
    while (s->tx.count && (!s->chardev || chardev_writable(s->chardev))) {
        uint8_t byte = fifo_pop(&s->tx);
        if (s->chardev)
            chardev_write(s->chardev, &byte, 1);
    }
    if (s->tx.count)
        timer_mod(s->retry_timer, clock_ns(CLOCK_VIRTUAL) + 1000000);
    else
        s->thr_ipending = true;
}

static void retry_transmit(void *opaque)
{
    Ns16550 *s = opaque;
    drain(s);
    update_irq(s);
}

static void write_thr(Ns16550 *s, uint8_t byte)
{
    s->thr_ipending = false;
    if (s->mcr & MCR_LOOP) {
        receive(s, byte & MASK(5 + (s->lcr & 3)));
        s->thr_ipending = true;
    } else {
        if (fifo_room(s, &s->tx))
            fifo_push(&s->tx, byte);
        drain(s);
    }
    update_irq(s);
}

/* ---- modem ---- */

/* New state of the modem inputs; changes set the delta bits (8.8). */
static void set_modem_inputs(Ns16550 *s, uint8_t inputs)
{
    uint8_t changed = (s->msr ^ inputs) & 0xf0;
    uint8_t delta = changed >> 4 & (MSR_DCTS | MSR_DDSR | MSR_DDCD);
    if ((changed & MSR_RI) && !(inputs & MSR_RI))
        delta |= MSR_TERI;
    s->msr = inputs | (s->msr & 0x0f) | delta;
}

static void update_modem(Ns16550 *s)
{
    if (s->mcr & MCR_LOOP) /* 8.7, bit 4 */
        set_modem_inputs(s, (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                                (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
                                (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
    else
        set_modem_inputs(s, MSR_CTS | MSR_DSR | MSR_DCD);
}

/* ---- registers ---- */

static uint64_t read_0(void *dev, unsigned i)
{
    Ns16550 *s = dev;
    return s->lcr & LCR_DLAB ? s->divisor & 0xff : read_rbr(s);
}

static void write_0(void *dev, unsigned i, uint64_t value)
{
    Ns16550 *s = dev;
    if (s->lcr & LCR_DLAB)
        s->divisor = (s->divisor & 0xff00) | value;
    else
        write_thr(s, value);
}

static uint64_t read_1(void *dev, unsigned i)
{
    Ns16550 *s = dev;
    return s->lcr & LCR_DLAB ? s->divisor >> 8 : s->ier;
}

static void write_1(void *dev, unsigned i, uint64_t value)
{
    Ns16550 *s = dev;
    if (s->lcr & LCR_DLAB) {
        s->divisor = (s->divisor & 0x00ff) | value << 8;
        return;
    }
    /* Enabling it while THR is empty raises the interrupt at once. */
    if (!(s->ier & IER_THRI) && (value & IER_THRI) && !s->tx.count)
        s->thr_ipending = true;
    s->ier = value & 0x0f;
    update_irq(s);
}

static uint64_t read_iir(void *dev, unsigned i)
{
    Ns16550 *s = dev;
    uint8_t source = iir_source(s);
    if (source == IIR_THRI) {
        s->thr_ipending = false;
        update_irq(s);
    }
    return source | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static void write_fcr(void *dev, unsigned i, uint64_t value)
{
    Ns16550 *s = dev;
    /* Changing the enable bit clears both FIFOs (8.5, bit 0); other bits need it set. */
    if ((value ^ s->fcr) & FCR_ENABLE)
        value |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    if (value & FCR_CLEAR_RX) {
        fifo_clear(&s->rx);
        s->timeout_ipending = false;
        s->lsr_errors &= ~(LSR_BI | LSR_FIFO_ERROR);
        timer_del(s->timeout_timer);
    }
    if ((value & FCR_CLEAR_TX)) {
        fifo_clear(&s->tx);
        s->thr_ipending = true;
        timer_del(s->retry_timer);
    }
    s->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
    update_irq(s);
    accept_input(s);
}

static void write_lcr(void *dev, unsigned i, uint64_t value)
{
    Ns16550 *s = dev;
    if ((value & ~s->lcr & LCR_BREAK) && s->chardev && !(s->mcr & MCR_LOOP))
        chardev_send_break(s->chardev);
    s->lcr = value;
}

static void write_mcr(void *dev, unsigned i, uint64_t value)
{
    Ns16550 *s = dev;
    s->mcr = value & 0x1f;
    update_modem(s);
    update_irq(s);
    accept_input(s);
}

static uint64_t read_lsr(void *dev, unsigned i)
{
    Ns16550 *s = dev;
    uint8_t lsr = s->lsr_errors | (s->rx.count ? LSR_DR : 0) |
                  (s->tx.count ? 0 : LSR_THRE | LSR_TEMT);
    if (s->lsr_errors & (LSR_OE | LSR_BI)) {
        s->lsr_errors &= ~(LSR_OE | LSR_BI);
        update_irq(s);
    }
    return lsr;
}

static uint64_t read_msr(void *dev, unsigned i)
{
    Ns16550 *s = dev;
    uint8_t msr = s->msr;
    s->msr &= 0xf0;
    update_irq(s);
    return msr;
}

static const Reg ns16550_regs[] = {
    REG_FN(0, RBR_THR_DLL, 1, .read = read_0, .write = write_0),
    REG_FN(1, IER_DLM, 1, .read = read_1, .write = write_1),
    REG_FN(2, IIR_FCR, 1, .read = read_iir, .write = write_fcr),
    REG(Ns16550, 3, LCR, 1, lcr, .write = write_lcr),
    REG(Ns16550, 4, MCR, 1, mcr, .write = write_mcr),
    REG_FN(5, LSR, 1, .read = read_lsr),
    REG(Ns16550, 6, MSR, 1, msr, .read = read_msr),
    REG(Ns16550, 7, SCR, 1, scr, .mask = 0xff, .no_reset = true),
    REG_END,
};

static const Prop ns16550_props[] = {
    PROP(Ns16550, "chardev", chardev, PROP_CHARDEV, NULL, NULL),
    PROP(Ns16550, "regshift", regshift, PROP_U8, "0", "registers are 1 << regshift bytes apart"),
    PROP(Ns16550, "baudbase", baudbase, PROP_U32, "115200", "input clock divided by 16"),
    PROP_LAST,
};

static const StateField fifo_state[] = {
    STATE_ARRAY(Fifo, data),
    STATE(Fifo, head),
    STATE(Fifo, count),
    { .type = STATE_END },
};

static const StateField ns16550_state[] = {
    STATE(Ns16550, ier),
    STATE(Ns16550, fcr),
    STATE(Ns16550, lsr_errors),
    STATE(Ns16550, divisor),
    STATE(Ns16550, thr_ipending),
    STATE(Ns16550, timeout_ipending),
    STATE_STRUCTS(Ns16550, rx, 1, fifo_state),
    STATE_STRUCTS(Ns16550, tx, 1, fifo_state),
    STATE_TIMER_PTR(Ns16550, timeout_timer),
    STATE_TIMER_PTR(Ns16550, retry_timer),
    { .type = STATE_END },
};

/* Whatever the width of an access, the chip sits on the low byte of its register. */
static MemResult ns16550_mmio_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Ns16550 *s = opaque;
    return reg_read(&s->dev, ns16550_regs, offset >> s->regshift, 1, value);
}

static MemResult ns16550_mmio_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Ns16550 *s = opaque;
    return reg_write(&s->dev, ns16550_regs, offset >> s->regshift, 1, value & 0xff);
}

static const MmioOps ns16550_ops = {
    .read = ns16550_mmio_read, .write = ns16550_mmio_write, .min_size = 1, .max_size = 8,
};

static bool ns16550_realize(void *dev, GError **error)
{
    Ns16550 *s = dev;
    if (s->regshift > 3)
        return error_set(error, "serial-mm: regshift must be from 0 to 3, not %u", s->regshift);
    if (!s->baudbase)
        return error_set(error, "serial-mm: baudbase can't be 0");
    static const CharFrontend frontend = { .can_read = ns16550_can_read, .read = ns16550_read,
                                           .event = ns16550_event };
    CharFrontend fe = frontend;
    fe.opaque = s;
    if (s->chardev && !chardev_attach(s->chardev, &fe, error))
        return false;
    s->timeout_timer = timer_new(CLOCK_VIRTUAL, timeout_expired, s);
    s->retry_timer = timer_new(CLOCK_VIRTUAL, retry_transmit, s);
    memory_region_init_mmio(&s->dev.mmio, "serial", 8u << s->regshift, &ns16550_ops, s);
    return true;
}

static void ns16550_unrealize(void *dev)
{
    Ns16550 *s = dev;
    if (s->chardev)
        chardev_detach(s->chardev, s);
    timer_free(s->timeout_timer);
    timer_free(s->retry_timer);
}

static void ns16550_reset(void *dev)
{
    Ns16550 *s = dev;
    s->ier = s->fcr = s->lsr_errors = 0;
    s->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    s->divisor = 12;
    s->thr_ipending = s->timeout_ipending = false;
    fifo_clear(&s->rx);
    fifo_clear(&s->tx);
    timer_del(s->timeout_timer);
    timer_del(s->retry_timer);
    irq_set(&s->dev.irq[0], 0);
    accept_input(s);
}

static void ns16550_loaded(void *dev)
{
    Ns16550 *s = dev;
    s->ier &= 0x0f;
    s->mcr &= 0x1f;
    s->rx.head %= FIFO_SIZE;
    s->tx.head %= FIFO_SIZE;
    s->rx.count = MIN(s->rx.count, s->fcr & FCR_ENABLE ? FIFO_SIZE : 1);
    s->tx.count = MIN(s->tx.count, s->fcr & FCR_ENABLE ? FIFO_SIZE : 1);
    accept_input(s);
}

static const DeviceType ns16550_type = {
    .name = "serial-mm", .alias = "ns16550a", .doc = "16550A UART (PC16550D data sheet)",
    .category = CATEGORY_INPUT, .fdt_compatible = "ns16550a", .size = sizeof(Ns16550), .irqs = 1,
    .version = 1, .regs = ns16550_regs, .props = ns16550_props, .state = ns16550_state,
    .realize = ns16550_realize, .unrealize = ns16550_unrealize, .reset = ns16550_reset,
    .loaded = ns16550_loaded,
};
DEVICE_REGISTER(ns16550_type)
