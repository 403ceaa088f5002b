/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arm PrimeCell UART.
 * PL011 Technical Reference Manual, Arm DDI 0183 (r1p1: FIFOs of 16 entries); section numbers
 * below are of that document.
 *
 * Bytes leave at once, as fast as the host takes them; the receive timeout runs at the speed that
 * the divisors give. As in QEMU, a UART that was not enabled transmits and receives all the same:
 * small guests never write UARTCR. Left out: IrDA, parity and framing errors (the host has none),
 * DMA requests (no board has a DMA controller for them) and the integration test registers.
 */
#include <string.h>

#include "backend/char.h"
#include "hw/device.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/log.h"

enum { FIFO_SIZE = 16, UARTCLK = 24000000 };

/* UARTDR and, shifted down by 8, UARTRSR. */
enum { DR_FE = 1 << 8, DR_PE = 1 << 9, DR_BE = 1 << 10, DR_OE = 1 << 11, RSR_OE = DR_OE >> 8 };
enum { FR_CTS = 1, FR_DSR = 2, FR_DCD = 4, FR_BUSY = 8, FR_RXFE = 16, FR_TXFF = 32, FR_RXFF = 64,
       FR_TXFE = 128, FR_RI = 256 };
enum { LCR_BRK = 1, LCR_FEN = 16 };
enum { CR_UARTEN = 1, CR_LBE = 1 << 7, CR_TXE = 1 << 8, CR_RXE = 1 << 9, CR_DTR = 1 << 10,
       CR_RTS = 1 << 11, CR_OUT1 = 1 << 12, CR_OUT2 = 1 << 13 };
/* UARTRIS and the registers like it. */
enum { INT_RI = 1, INT_CTS = 2, INT_DCD = 4, INT_DSR = 8, INT_RX = 16, INT_TX = 32, INT_RT = 64,
       INT_FE = 128, INT_PE = 256, INT_BE = 512, INT_OE = 1024, INT_ALL = 0x7ff };

typedef struct RxFifo {
    uint16_t data[FIFO_SIZE]; /* with the error bits of UARTDR */
    uint8_t head, count;
} RxFifo;

typedef struct TxFifo {
    uint8_t data[FIFO_SIZE];
    uint8_t head, count;
} TxFifo;

typedef struct Pl011 {
    Device dev;
    Chardev *chardev;

    RxFifo rx;
    TxFifo tx;
    uint32_t rsr, modem, ilpr, ibrd, fbrd, lcr, cr, ifls, imsc, ris, dmacr;
    bool overrun; /* goes out with the next character that finds room */
    Timer *timeout_timer, *retry_timer;
} Pl011;

/* The pins: the combined one, then those of groups of sources (2.8). */
static const uint16_t pin_sources[] = {
    INT_ALL, INT_RX, INT_TX, INT_RT, INT_RI | INT_CTS | INT_DCD | INT_DSR,
    INT_FE | INT_PE | INT_BE | INT_OE,
};

static void update_irq(Pl011 *s)
{
    uint32_t active = s->ris & s->imsc;
    for (unsigned i = 0; i < ARRAY_LEN(pin_sources); i++) {
        int level = (active & pin_sources[i]) != 0;
        if (s->dev.irq[i].level != level)
            irq_set(&s->dev.irq[i], level);
    }
}

static unsigned fifo_size(const Pl011 *s)
{
    return s->lcr & LCR_FEN ? FIFO_SIZE : 1;
}

/* 3.3.9: an eighth, a quarter, a half, three quarters or seven eighths; others are reserved. */
static unsigned trigger(const Pl011 *s, unsigned shift)
{
    static const uint8_t levels[8] = { 2, 4, 8, 12, 14, 14, 14, 14 };
    return levels[s->ifls >> shift & 7];
}

static bool rx_at_trigger(const Pl011 *s)
{
    return s->rx.count >= (s->lcr & LCR_FEN ? trigger(s, 3) : 1);
}

/* ---- receiver ---- */

/* 2.8.3: 32 bit times without a further character. */
static void start_timeout(Pl011 *s)
{
    if (!s->rx.count) {
        timer_del(s->timeout_timer);
        return;
    }
    uint64_t divisor = s->ibrd ? 64 * s->ibrd + s->fbrd : 64 * 13; /* 16 bit times, in 64ths */
    uint64_t ns = 32 * divisor * 16 * 1000000000 / 64 / UARTCLK;
    timer_mod(s->timeout_timer, clock_ns(CLOCK_VIRTUAL) + (int64_t)ns);
}

static void timeout_expired(void *opaque)
{
    Pl011 *s = opaque;
    if (s->rx.count) {
        s->ris |= INT_RT;
        update_irq(s);
    }
}

static void receive(Pl011 *s, uint16_t data)
{
    if (s->rx.count < fifo_size(s)) {
        data |= s->overrun ? DR_OE : 0;
        s->overrun = false;
        s->rx.data[(s->rx.head + s->rx.count++) % FIFO_SIZE] = data;
        if (data & DR_BE)
            s->ris |= INT_BE;
        if (rx_at_trigger(s))
            s->ris |= INT_RX;
    } else { /* 3.3.2: the FIFO keeps what it has */
        s->overrun = true;
        s->rsr |= RSR_OE;
        s->ris |= INT_OE;
    }
    start_timeout(s);
    update_irq(s);
}

static size_t pl011_can_read(void *opaque)
{
    Pl011 *s = opaque;
    /* In loopback the serial input is disconnected: what comes waits. */
    return s->cr & CR_LBE ? 0 : fifo_size(s) - s->rx.count;
}

static void pl011_read(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        receive(opaque, buf[i]);
}

static void pl011_event(void *opaque, CharEvent event)
{
    Pl011 *s = opaque;
    if (event == CHAR_BREAK && !(s->cr & CR_LBE))
        receive(s, DR_BE); /* 3.3.1: only one zero character is loaded */
}

static void accept_input(Pl011 *s)
{
    if (s->chardev && pl011_can_read(s))
        chardev_accept_input(s->chardev, s);
}

static uint64_t read_dr(void *dev, unsigned i)
{
    Pl011 *s = dev;
    uint16_t data = 0;
    if (s->rx.count) {
        data = s->rx.data[s->rx.head];
        s->rx.head = (s->rx.head + 1) % FIFO_SIZE;
        s->rx.count--;
        s->rsr = (s->rsr & RSR_OE) | (data >> 8 & ~RSR_OE); /* 3.3.2 */
    }
    if (!rx_at_trigger(s))
        s->ris &= ~INT_RX;
    if (!s->rx.count) {
        s->ris &= ~INT_RT;
        timer_del(s->timeout_timer);
    }
    update_irq(s);
    accept_input(s);
    return data;
}

/* ---- transmitter ---- */

/* Hands over what the host takes; the rest is tried again soon. */
static void drain(Pl011 *s)
{
    while (s->tx.count && (!s->chardev || chardev_writable(s->chardev))) {
        uint8_t byte = s->tx.data[s->tx.head];
        s->tx.head = (s->tx.head + 1) % FIFO_SIZE;
        s->tx.count--;
        if (s->chardev)
            chardev_write(s->chardev, &byte, 1);
    }
    if (s->tx.count)
        timer_mod(s->retry_timer, clock_ns(CLOCK_VIRTUAL) + 1000000);
    /* 2.8.2: the interrupt comes as the FIFO falls through its level. A transmitter this fast
     * never lets it rise there; to drivers, all that matters is that it has room again. */
    if (s->tx.count <= (s->lcr & LCR_FEN ? trigger(s, 0) : 0))
        s->ris |= INT_TX;
}

static void retry_transmit(void *opaque)
{
    Pl011 *s = opaque;
    drain(s);
    update_irq(s);
}

static void write_dr(void *dev, unsigned i, uint64_t value)
{
    enum { SAID_DISABLED = 1u << 31 };
    Pl011 *s = dev;
    if (~s->cr & (CR_UARTEN | CR_TXE) && !(s->dev.logged & SAID_DISABLED)) {
        s->dev.logged |= SAID_DISABLED;
        log_guest_error(s->dev.path, "transmits while the UART or its transmitter is disabled");
    }
    s->ris &= ~INT_TX;
    if (s->cr & CR_LBE) {
        receive(s, value & MASK(5 + (s->lcr >> 5 & 3)));
        s->ris |= INT_TX;
    } else {
        if (s->tx.count < fifo_size(s))
            s->tx.data[(s->tx.head + s->tx.count++) % FIFO_SIZE] = value;
        drain(s);
    }
    update_irq(s);
}

/* ---- registers ---- */

/* New state of the modem inputs, as UARTFR shows it. */
static void update_modem(Pl011 *s)
{
    static const struct {
        uint32_t out, in, source;
    } wires[] = { /* 3.3.8, LBE */
        { CR_DTR, FR_DSR, INT_DSR }, { CR_RTS, FR_CTS, INT_CTS },
        { CR_OUT1, FR_DCD, INT_DCD }, { CR_OUT2, FR_RI, INT_RI },
    };
    uint32_t now = FR_CTS | FR_DSR | FR_DCD;
    if (s->cr & CR_LBE) {
        now = 0;
        for (unsigned i = 0; i < ARRAY_LEN(wires); i++)
            now |= s->cr & wires[i].out ? wires[i].in : 0;
    }
    for (unsigned i = 0; i < ARRAY_LEN(wires); i++)
        s->ris |= (now ^ s->modem) & wires[i].in ? wires[i].source : 0;
    s->modem = now;
}

static void write_ecr(void *dev, unsigned i, uint64_t value)
{
    Pl011 *s = dev;
    s->rsr = 0;
}

static uint64_t read_fr(void *dev, unsigned i)
{
    const Pl011 *s = dev;
    return s->modem | (s->tx.count ? FR_BUSY : FR_TXFE) | (s->rx.count ? 0 : FR_RXFE) |
           (s->tx.count >= fifo_size(s) ? FR_TXFF : 0) | (s->rx.count >= fifo_size(s) ? FR_RXFF : 0);
}

static void write_lcr(void *dev, unsigned i, uint64_t value)
{
    Pl011 *s = dev;
    uint32_t changed = s->lcr ^ value;
    s->lcr = value & 0xff;
    if (changed & LCR_FEN) {
        s->rx.count = s->tx.count = 0;
        s->ris &= ~(INT_RX | INT_RT);
        timer_del(s->timeout_timer);
        timer_del(s->retry_timer);
    }
    if (changed & value & LCR_BRK) {
        if (s->cr & CR_LBE)
            receive(s, DR_BE);
        else if (s->chardev)
            chardev_send_break(s->chardev);
    }
    update_irq(s);
    accept_input(s);
}

static void write_cr(void *dev, unsigned i, uint64_t value)
{
    Pl011 *s = dev;
    s->cr = value & 0xff87;
    update_modem(s);
    update_irq(s);
    accept_input(s);
}

static void write_ifls(void *dev, unsigned i, uint64_t value)
{
    Pl011 *s = dev;
    s->ifls = value & 0x3f;
    if (s->rx.count && rx_at_trigger(s))
        s->ris |= INT_RX;
    update_irq(s);
}

static void write_imsc(void *dev, unsigned i, uint64_t value)
{
    Pl011 *s = dev;
    s->imsc = value & INT_ALL;
    update_irq(s);
}

static uint64_t read_mis(void *dev, unsigned i)
{
    const Pl011 *s = dev;
    return s->ris & s->imsc;
}

static void write_icr(void *dev, unsigned i, uint64_t value)
{
    Pl011 *s = dev;
    s->ris &= ~value;
    if (value & INT_RT)
        start_timeout(s);
    update_irq(s);
}

static uint64_t read_id(void *dev, unsigned i)
{
    static const uint8_t id[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
    return id[i];
}

#define ANY .sizes = 1 | 2 | 4
static const Reg pl011_regs[] = {
    REG_FN(0x000, UARTDR, 4, ANY, .read = read_dr, .write = write_dr),
    REG(Pl011, 0x004, UARTRSR, 4, rsr, ANY, .write = write_ecr),
    REG_FN(0x018, UARTFR, 4, ANY, .read = read_fr),
    REG(Pl011, 0x020, UARTILPR, 4, ilpr, ANY, .mask = 0xff),
    REG(Pl011, 0x024, UARTIBRD, 4, ibrd, ANY, .mask = 0xffff),
    REG(Pl011, 0x028, UARTFBRD, 4, fbrd, ANY, .mask = 0x3f),
    REG(Pl011, 0x02c, UARTLCR_H, 4, lcr, ANY, .write = write_lcr),
    REG(Pl011, 0x030, UARTCR, 4, cr, ANY, .reset = CR_TXE | CR_RXE, .write = write_cr),
    REG(Pl011, 0x034, UARTIFLS, 4, ifls, ANY, .reset = 0x12, .write = write_ifls),
    REG(Pl011, 0x038, UARTIMSC, 4, imsc, ANY, .write = write_imsc),
    REG(Pl011, 0x03c, UARTRIS, 4, ris, ANY),
    REG_FN(0x040, UARTMIS, 4, ANY, .read = read_mis),
    REG_FN(0x044, UARTICR, 4, ANY, .write = write_icr),
    REG(Pl011, 0x048, UARTDMACR, 4, dmacr, ANY, .mask = 7),
    REG_FN(0xfe0, UARTPeriphID, 4, ANY, .count = 8, .read = read_id), /* and UARTPCellID */
    REG_END,
};

static const Prop pl011_props[] = {
    PROP(Pl011, "chardev", chardev, PROP_CHARDEV, NULL, NULL),
    PROP_LAST,
};

static const StateField rx_fifo_state[] = {
    STATE_ARRAY(RxFifo, data),
    STATE(RxFifo, head),
    STATE(RxFifo, count),
    { .type = STATE_END },
};

static const StateField tx_fifo_state[] = {
    STATE_ARRAY(TxFifo, data),
    STATE(TxFifo, head),
    STATE(TxFifo, count),
    { .type = STATE_END },
};

static const StateField pl011_state[] = {
    STATE(Pl011, modem),
    STATE(Pl011, overrun),
    STATE_STRUCTS(Pl011, rx, 1, rx_fifo_state),
    STATE_STRUCTS(Pl011, tx, 1, tx_fifo_state),
    STATE_TIMER_PTR(Pl011, timeout_timer),
    STATE_TIMER_PTR(Pl011, retry_timer),
    { .type = STATE_END },
};

static bool pl011_realize(void *dev, GError **error)
{
    Pl011 *s = dev;
    CharFrontend fe = { .can_read = pl011_can_read, .read = pl011_read, .event = pl011_event,
                        .opaque = s };
    if (s->chardev && !chardev_attach(s->chardev, &fe, error))
        return false;
    s->timeout_timer = timer_new(CLOCK_VIRTUAL, timeout_expired, s);
    s->retry_timer = timer_new(CLOCK_VIRTUAL, retry_transmit, s);
    return true;
}

static void pl011_unrealize(void *dev)
{
    Pl011 *s = dev;
    if (s->chardev)
        chardev_detach(s->chardev, s);
    timer_free(s->timeout_timer);
    timer_free(s->retry_timer);
}

static void pl011_reset(void *dev)
{
    Pl011 *s = dev;
    memset(&s->rx, 0, sizeof s->rx);
    memset(&s->tx, 0, sizeof s->tx);
    s->overrun = false;
    update_modem(s);
    s->ris = 0;
    timer_del(s->timeout_timer);
    timer_del(s->retry_timer);
    update_irq(s);
    accept_input(s);
}

static void pl011_loaded(void *dev)
{
    Pl011 *s = dev;
    s->lcr &= 0xff;
    s->rx.head %= FIFO_SIZE;
    s->tx.head %= FIFO_SIZE;
    s->rx.count = MIN(s->rx.count, fifo_size(s));
    s->tx.count = MIN(s->tx.count, fifo_size(s));
    s->ibrd &= 0xffff;
    s->fbrd &= 0x3f;
    accept_input(s);
}

static const DeviceType pl011_type = {
    .name = "pl011", .doc = "Arm PrimeCell UART (DDI 0183)", .category = CATEGORY_INPUT,
    .fdt_compatible = "arm,pl011", .size = sizeof(Pl011), .mmio_size = 0x1000,
    .irqs = ARRAY_LEN(pin_sources), .version = 1, .regs = pl011_regs, .props = pl011_props,
    .state = pl011_state, .realize = pl011_realize, .unrealize = pl011_unrealize,
    .reset = pl011_reset, .loaded = pl011_loaded,
};
DEVICE_REGISTER(pl011_type)
