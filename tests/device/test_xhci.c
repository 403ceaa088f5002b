/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The xHCI controller with a small driver (xHCI 1.1): devices are addressed and described, keys and
 * motion arrive, a disk is read and written; stalls, stops, full event rings, snapshots, devices that
 * go, rings without end, noise. Descriptors are those that Linux read from the same devices on the
 * reference.
 */
#include "backend/input.h"
#include "hw/pci.h"
#include "hw/usb.h"
#include "virtio_driver.h"

enum { BAR = 0x40000000, OP = 0x40, PORTSC = 0x440, SET0 = 0x1020, BELLS = 0x2000 };
enum { DCBAA = RAM + 0x1000, ERST = RAM + 0x2000, EVENTS = RAM + 0x3000, COMMANDS = RAM + 0x4000,
       INPUT = RAM + 0x5000, OUTPUT = RAM + 0x6000, RINGS = RAM + 0x10000, DATA = RAM + 0x100000 };
enum { RING = 0x1000, EVENT_N = 32, CONTROL = 1, IN1 = 3, OUT2 = 4, BULK_OUT = 2, BULK_IN = 6,
       INTERRUPT_IN = 7 };
enum { NORMAL = 1, SETUP = 2, DATA_STAGE = 3, STATUS = 4, LINK = 6, IOC = 32, CHAIN = 16, IDT = 64,
       ISP = 4 };

static PciBus *pci;
static Device *xhci;
static unsigned event_at, event_cycle, command_at, slot;
static struct {
    unsigned at;
} ring[32];
static struct {
    uint64_t parameter;
    uint32_t status, control;
} event;

static int64_t bare_time;

static int64_t test_clock(void)
{
    return bare_time;
}

static uint32_t rd32(hwaddr a)
{
    uint64_t v;
    g_assert_cmpint(address_space_load(address_space_memory, BAR + a, 4, &v), ==, MEM_OK);
    return v;
}

static void wr32(hwaddr a, uint32_t v)
{
    g_assert_cmpint(address_space_store(address_space_memory, BAR + a, 4, v), ==, MEM_OK);
}

static void put_trb(hwaddr a, uint64_t parameter, uint32_t status, uint32_t control)
{
    store_le64(at(a), parameter);
    store_le32(at(a) + 8, status);
    store_le32(at(a) + 12, control);
}

/* ---- events ---- */

static bool next_event(void)
{
    const uint8_t *e = at(EVENTS + 16 * event_at);
    if ((load_le32(e + 12) & 1) != event_cycle)
        return false;
    event.parameter = load_le64(e);
    event.status = load_le32(e + 8);
    event.control = load_le32(e + 12);
    if (++event_at == EVENT_N) {
        event_at = 0;
        event_cycle ^= 1;
    }
    wr32(SET0 + 0x18, (EVENTS + 16 * event_at) | 8);
    wr32(SET0 + 0x1c, 0);
    return true;
}

static unsigned event_type(void)
{
    return event.control >> 10 & 63;
}

/* The code of the next event of this type; others are passed over. -1: there is none. */
static int expect(unsigned type)
{
    while (next_event())
        if (event_type() == type)
            return event.status >> 24;
    return -1;
}

/* ---- commands ---- */

static int command(unsigned type, uint64_t parameter, uint32_t control)
{
    put_trb(COMMANDS + 16 * command_at, parameter, 0, type << 10 | control | 1);
    g_assert_cmpuint(++command_at, <, RING / 16);
    wr32(BELLS, 0);
    return expect(33);
}

static int slot_command(unsigned type, uint64_t parameter, uint32_t control)
{
    return command(type, parameter, control | slot << 24);
}

static hwaddr ring_of(unsigned ep)
{
    return RINGS + RING * ep;
}

static void put_ep(hwaddr context, unsigned ep, unsigned type, unsigned packet)
{
    memset(at(context), 0, 32);
    store_le32(at(context + 4), packet << 16 | type << 3 | 3 << 1);
    store_le64(at(context + 8), ring_of(ep) | 1);
    memset(at(ring_of(ep)), 0, RING);
    ring[ep].at = 0;
}

static void address(unsigned port)
{
    g_assert_cmpint(command(9, 0, 0), ==, 1);
    slot = event.control >> 24;
    g_assert_cmpuint(slot, >=, 1);
    memset(at(INPUT), 0, 0x1000);
    memset(at(OUTPUT), 0, 0x1000);
    store_le64(at(DCBAA + 8 * slot), OUTPUT);
    store_le32(at(INPUT + 4), 3);
    store_le32(at(INPUT + 32), 1 << 27);
    store_le32(at(INPUT + 36), port << 16);
    put_ep(INPUT + 64, CONTROL, 4, 64);
    g_assert_cmpint(slot_command(11, INPUT, 0), ==, 1);
    g_assert_cmphex(load_le32(at(OUTPUT + 12)), ==, 2u << 27 | slot);
    g_assert_cmphex(load_le32(at(OUTPUT + 32)) & 7, ==, 1);
}

static int configure(unsigned ep, unsigned type, unsigned packet)
{
    memset(at(INPUT), 0, 0x800);
    store_le32(at(INPUT + 4), 1u << ep | 1);
    store_le32(at(INPUT + 32), (uint32_t)ep << 27);
    put_ep(INPUT + 32 * (ep + 1), ep, type, packet);
    return slot_command(12, INPUT, 0);
}

/* ---- transfers ---- */

static hwaddr push(unsigned ep, uint64_t parameter, uint32_t status, uint32_t control)
{
    hwaddr a = ring_of(ep) + 16 * ring[ep].at++;
    g_assert_cmpuint(ring[ep].at, <, RING / 16);
    put_trb(a, parameter, status, control | 1);
    return a;
}

static void ring_bell(unsigned ep)
{
    wr32(BELLS + 4 * slot, ep);
}

static int transfer(unsigned ep, hwaddr data, unsigned len)
{
    push(ep, data, len, NORMAL << 10 | IOC | ISP);
    ring_bell(ep);
    block_drain_all();
    bare_time += 1000000;
    clock_run_timers(CLOCK_VIRTUAL);
    return expect(32);
}

/* A request: the code of the first event of it. */
static int ask(uint8_t type, uint8_t number, uint16_t value, uint16_t index, uint16_t length)
{
    uint64_t setup = type | number << 8 | (uint64_t)value << 16 | (uint64_t)index << 32 |
                     (uint64_t)length << 48;
    bool in = type & 0x80;
    push(CONTROL, setup, 8, SETUP << 10 | IDT | (length ? in ? 3u << 16 : 2u << 16 : 0));
    if (length)
        push(CONTROL, DATA, length, DATA_STAGE << 10 | (in ? 1 << 16 : 0));
    push(CONTROL, 0, 0, STATUS << 10 | IOC | (in && length ? 0 : 1 << 16));
    ring_bell(CONTROL);
    return expect(32);
}

/* ---- life ---- */

static Device *create(const char *driver, ...)
{
    g_autoptr(GError) error = NULL;
    GHashTable *p = props("driver", driver);
    va_list ap;
    va_start(ap, driver);
    for (const char *k; (k = va_arg(ap, const char *));)
        g_hash_table_insert(p, (gpointer)k, va_arg(ap, gpointer));
    va_end(ap);
    Device *d = device_create_from_opts(p, &error);
    g_assert_no_error(error);
    g_hash_table_unref(p);
    return d;
}

static void start_controller(void)
{
    memset(at(RAM), 0, 0x10000);
    event_at = command_at = 0;
    event_cycle = 1;
    store_le64(at(ERST), EVENTS);
    store_le32(at(ERST + 8), EVENT_N);
    wr32(OP, 2);
    g_assert_cmphex(rd32(OP + 4), ==, 1);
    wr32(OP + 0x38, 8);
    wr32(OP + 0x30, DCBAA);
    wr32(OP + 0x18, COMMANDS | 1);
    wr32(OP + 0x1c, 0);
    wr32(SET0 + 8, 1);
    wr32(SET0 + 0x18, EVENTS);
    wr32(SET0 + 0x10, ERST);
    wr32(SET0 + 0x14, 0);
    wr32(SET0, 2);
    wr32(OP, 5);
    for (unsigned n = 0; n < 8; n++)
        wr32(PORTSC + 16 * n, 1 << 17);
    g_assert_cmphex(rd32(OP + 4) & 1, ==, 0);
}

static void open_xhci(void)
{
    static MemoryRegion mem, ports;
    if (!pci) {
        memory_region_init_container(&mem, "pci-mem", 1ull << 40);
        memory_region_init_container(&ports, "pci-io", 0x10000);
        memory_region_add(memory_system_root(), 0, &mem, -1);
        pci = pci_bus_new(NULL, "pcie.0", &mem, &ports);
    }
    xhci = create("qemu-xhci", "id", "xhci", NULL);
    for (Device *d = device_first(); d; d = d->next)
        device_reset(d);
    pci_config_write(pci, 0, 0, 0x10, 4, BAR);
    pci_config_write(pci, 0, 0, 0x14, 4, 0);
    pci_config_write(pci, 0, 0, 4, 2, 6);
    start_controller();
}

static void close_xhci(void)
{
    device_unrealize(xhci);
    block_close_all();
}

/* ---- tests ---- */

static void test_registers(void)
{
    open_xhci();
    g_assert_cmphex(pci_config_read(pci, 0, 0, 0, 4), ==, 0x000d1b36);
    g_assert_cmphex(pci_config_read(pci, 0, 0, 8, 4), ==, 0x0c033001);
    g_assert_cmphex(pci_config_read(pci, 0, 0, 0x60, 1), ==, 0x30);
    g_assert_cmphex(rd32(0), ==, 0x01000040);
    g_assert_cmphex(rd32(4), ==, 0x08001040);
    g_assert_cmphex(rd32(0x20), ==, 0x02000402);
    g_assert_cmphex(rd32(0x28), ==, 0x405);
    g_assert_cmphex(rd32(0x38), ==, 0x401);
    for (unsigned n = 0; n < 8; n++)
        g_assert_cmphex(rd32(PORTSC + 16 * n), ==, 0x2a0);
    g_assert_cmpint(command(23, 0, 0), ==, 1);
    g_assert_cmpint(command(40, 0, 0), ==, 5);
    slot = 3;
    g_assert_cmpint(slot_command(10, 0, 0), ==, 11);
    /* More slots than were asked for. */
    for (unsigned i = 1; i <= 8; i++)
        g_assert_cmpint(command(9, 0, 0), ==, 1);
    g_assert_cmpint(command(9, 0, 0), ==, 9);
    wr32(OP, 0);
    g_assert_cmphex(rd32(OP + 4) & 1, ==, 1);
    close_xhci();
}

static void test_keyboard(void)
{
    static const uint8_t shifted[] = { 2, 0, 4, 0, 0, 0, 0, 0 };
    open_xhci();
    Device *kbd = create("usb-kbd", NULL);
    g_assert_cmpint(expect(34), ==, 1);
    g_assert_cmphex(event.parameter, ==, 5 << 24);
    g_assert_cmphex(rd32(PORTSC + 16 * 4), ==, 0x20ee1);
    wr32(PORTSC + 16 * 4, 1 << 17 | 1 << 4 | 1 << 9);
    g_assert_cmphex(rd32(PORTSC + 16 * 4), ==, 0x200e03);
    address(5);
    g_assert_cmpint(ask(0x80, 6, 0x100, 0, 18), ==, 1);
    static const uint8_t descriptor[] = { 18, 1, 0, 2, 0, 0, 0, 64, 0x27, 6, 1, 0, 0, 0, 1, 4, 11, 1 };
    g_assert_cmpmem(at(DATA), 18, descriptor, 18);
    g_assert_cmpint(ask(0x80, 6, 0x200, 0, 255), ==, 1);
    g_assert_cmphex(load_le16(at(DATA + 2)), ==, 34);
    g_assert_cmpint(ask(0x80, 6, 0x4200, 0, 255), ==, 6);
    g_assert_cmphex(load_le32(at(OUTPUT + 32)) & 7, ==, 2);
    g_assert_cmpint(slot_command(14, 0, CONTROL << 16), ==, 1);
    g_assert_cmpint(slot_command(16, (ring_of(CONTROL) + 16 * ring[CONTROL].at) | 1, CONTROL << 16),
                    ==, 1);
    g_assert_cmpint(ask(0, 9, 1, 0, 0), ==, 1);
    g_assert_cmpint(configure(IN1, INTERRUPT_IN, 8), ==, 1);
    g_assert_cmphex(load_le32(at(OUTPUT + 12)) >> 27, ==, 3);
    /* Nothing yet; then two keys, of which the queue keeps the second report. */
    g_assert_cmpint(transfer(IN1, DATA, 8), ==, -1);
    const InputEvent down[] = { { INPUT_KEY, input_key_find("shift", 5), 1 },
                                { INPUT_KEY, input_key_find("a", 1), 1 } };
    input_send(NULL, down, 2);
    g_assert_cmpint(expect(32), ==, 1);
    g_assert_cmpuint(at(DATA)[0], ==, 2);
    g_assert_cmpint(transfer(IN1, DATA, 8), ==, 1);
    g_assert_cmpmem(at(DATA), 8, shifted, 8);
    /* Too little room. */
    input_send(NULL, &(InputEvent){ INPUT_KEY, input_key_find("a", 1), 0 }, 1);
    g_assert_cmpint(transfer(IN1, DATA, 4), ==, 3);
    g_assert_cmpint(slot_command(14, 0, IN1 << 16), ==, 1);
    g_assert_cmpint(slot_command(16, (ring_of(IN1) + 16 * ring[IN1].at) | 1, IN1 << 16), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 8), ==, 1);
    /* A transfer that waits is told of when its endpoint stops; and goes on with the doorbell. */
    g_assert_cmpint(transfer(IN1, DATA, 8), ==, -1);
    push(IN1, DATA, 8, NORMAL << 10 | IOC);
    put_trb(COMMANDS + 16 * command_at++, 0, 0, 15 << 10 | slot << 24 | IN1 << 16 | 1);
    wr32(BELLS, 0);
    g_assert_cmpint(expect(32), ==, 26);
    g_assert_cmpint(expect(33), ==, 1);
    g_assert_cmphex(load_le64(at(OUTPUT + 32 * IN1 + 8)), ==,
                    (ring_of(IN1) + 16 * (ring[IN1].at - 2)) | 1);
    ring_bell(IN1);
    input_send(NULL, &(InputEvent){ INPUT_KEY, input_key_find("shift", 5), 0 }, 1);
    g_assert_cmpint(expect(32), ==, 1);
    /* It goes while a transfer waits. */
    device_unrealize(kbd);
    g_assert_cmpint(expect(34), ==, 1);
    g_assert_cmphex(rd32(PORTSC + 16 * 4), ==, 0x202a0 | 1 << 21);
    ring_bell(IN1);
    g_assert_cmpint(expect(32), ==, 4);
    g_assert_cmpint(slot_command(10, 0, 0), ==, 1);
    close_xhci();
}

static void test_pointers(void)
{
    open_xhci();
    create("usb-mouse", NULL);
    address(5);
    g_assert_cmpint(ask(0, 9, 1, 0, 0), ==, 1);
    g_assert_cmpint(configure(IN1, INTERRUPT_IN, 4), ==, 1);
    const InputEvent move[] = { { INPUT_REL, INPUT_X, 300 }, { INPUT_REL, INPUT_Y, -5 },
                                { INPUT_BUTTON, INPUT_RIGHT, 1 },
                                { INPUT_BUTTON, INPUT_WHEEL_UP, 1 } };
    input_send(NULL, move, 4);
    static const int8_t expected[][4] = { { 2, 127, -5, 1 }, { 2, 127, 0, 0 }, { 2, 46, 0, 0 } };
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(transfer(IN1, DATA, 4), ==, 1);
        g_assert_cmpmem(at(DATA), 4, expected[i], 4);
    }
    g_assert_cmpint(transfer(IN1, DATA, 4), ==, -1);
    /* What waits, outlives a snapshot: it is the ring. */
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) record = g_byte_array_new();
    device_save(xhci, record);
    wr32(OP, 2);
    g_assert_true(device_load(xhci, record->data, record->len, &error));
    input_send(NULL, &(InputEvent){ INPUT_BUTTON, INPUT_RIGHT, 0 }, 1);
    close_xhci();

    open_xhci();
    create("usb-tablet", "port", "2", NULL);
    address(6);
    g_assert_cmpint(ask(0, 9, 1, 0, 0), ==, 1);
    g_assert_cmpint(configure(IN1, INTERRUPT_IN, 8), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 8), ==, -1);
    const InputEvent to[] = { { INPUT_ABS, INPUT_X, 30000 }, { INPUT_ABS, INPUT_Y, 70000 } };
    static const uint8_t place[] = { 0, 0x30, 0x75, 0xff, 0x7f, 0 };
    input_send(NULL, to, 2);
    g_assert_cmpint(expect(32), ==, 13); /* short: 6 of 8 bytes */
    g_assert_cmphex(event.status & 0xffffff, ==, 2);
    g_assert_cmpmem(at(DATA), 6, place, 6);
    close_xhci();
}

/* ---- storage ---- */

static int cbw(uint32_t tag, uint32_t length, bool in, unsigned n, const uint8_t *cdb)
{
    uint8_t *b = at(DATA + 0x10000);
    memset(b, 0, 31);
    store_le32(b, 0x43425355);
    store_le32(b + 4, tag);
    store_le32(b + 8, length);
    b[12] = in ? 0x80 : 0;
    b[14] = n;
    memcpy(b + 15, cdb, n);
    return transfer(OUT2, DATA + 0x10000, 31);
}

static unsigned csw(uint32_t tag, uint32_t residue)
{
    g_assert_cmpint(transfer(IN1, DATA + 0x20000, 13), ==, 1);
    const uint8_t *b = at(DATA + 0x20000);
    g_assert_cmphex(load_le32(b), ==, 0x53425355);
    g_assert_cmphex(load_le32(b + 4), ==, tag);
    g_assert_cmpuint(load_le32(b + 8), ==, residue);
    return b[12];
}

static void open_storage(void)
{
    open_xhci();
    disk_new("");
    device_reset_tree(create("usb-storage", "drive", "d", NULL));
    g_assert_cmphex(rd32(PORTSC), ==, 0x21203);
    g_assert_cmpint(expect(34), ==, 1);
    address(1);
    g_assert_cmpint(ask(0, 9, 1, 0, 0), ==, 1);
    g_assert_cmpint(configure(IN1, BULK_IN, 1024), ==, 1);
    g_assert_cmpint(configure(OUT2, BULK_OUT, 1024), ==, 1);
}

static void test_storage(void)
{
    static const uint8_t inquiry[] = { 0x12, 0, 0, 0, 36, 0 }, ready[6] = { 0 };
    static const uint8_t sense[] = { 3, 0, 0, 0, 18, 0 };
    uint8_t read[10] = { 0x28, 0, 0, 0, 0, 3, 0, 0, 2 }, write[10] = { 0x2a, 0, 0, 0, 0, 7, 0, 0, 1 };
    open_storage();
    g_assert_cmpint(ask(0xa1, 0xfe, 0, 0, 1), ==, 1);
    g_assert_cmpint(cbw(1, 36, true, 6, inquiry), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 36), ==, 1);
    g_assert_cmpmem(at(DATA) + 8, 8, "QEMU    ", 8);
    g_assert_cmpuint(csw(1, 0), ==, 0);
    /* The unit attention of its power-on fails a command, and is kept for who asks. */
    g_assert_cmpint(cbw(2, 0, false, 6, ready), ==, 1);
    g_assert_cmpuint(csw(2, 0), ==, 1);
    g_assert_cmpint(cbw(3, 18, true, 6, sense), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 18), ==, 1);
    g_assert_cmphex(at(DATA)[2], ==, 6);
    g_assert_cmphex(at(DATA)[12], ==, 0x29);
    g_assert_cmpuint(csw(3, 0), ==, 0);
    /* Reads, in pieces that are chained. */
    g_assert_cmpint(cbw(4, 1024, true, 10, read), ==, 1);
    push(IN1, DATA, 500, NORMAL << 10 | CHAIN | ISP);
    g_assert_cmpint(transfer(IN1, DATA + 0x1000, 524), ==, 1);
    g_assert_cmpuint(load_le32(at(DATA)), ==, 3);
    g_assert_cmpuint(load_le32(at(DATA + 0x1000 + 12)), ==, 4);
    g_assert_cmpuint(csw(4, 0), ==, 0);
    /* Writes, and reads that. */
    memset(at(DATA), 0xa5, 512);
    g_assert_cmpint(cbw(5, 512, false, 10, write), ==, 1);
    g_assert_cmpint(transfer(OUT2, DATA, 512), ==, 1);
    g_assert_cmpuint(csw(5, 0), ==, 0);
    read[5] = 7;
    read[8] = 1;
    memset(at(DATA), 0, 512);
    g_assert_cmpint(cbw(6, 512, true, 10, read), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 512), ==, 1);
    g_assert_cmphex(at(DATA)[511], ==, 0xa5);
    g_assert_cmpuint(csw(6, 0), ==, 0);
    /* BOT 6.7: the host expects more than there is, less, nothing, or to send. */
    g_assert_cmpint(cbw(7, 100, true, 6, inquiry), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 100), ==, 1);
    g_assert_cmpuint(csw(7, 64), ==, 0);
    g_assert_cmpint(cbw(8, 256, true, 10, read), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 256), ==, 1);
    g_assert_cmpuint(csw(8, 0), ==, 2);
    g_assert_cmpint(cbw(9, 0, true, 10, read), ==, 1);
    g_assert_cmpuint(csw(9, 0), ==, 2);
    g_assert_cmpint(cbw(10, 512, false, 10, read), ==, 1);
    g_assert_cmpint(transfer(OUT2, DATA, 512), ==, 1);
    g_assert_cmpuint(csw(10, 512), ==, 2);
    /* No wrapper: both stall, until the reset of the transport and of both endpoints. */
    g_assert_cmpint(transfer(OUT2, DATA, 5), ==, 6);
    g_assert_cmpint(transfer(IN1, DATA, 13), ==, 6);
    g_assert_cmpint(ask(0x21, 0xff, 0, 0, 0), ==, 1);
    for (unsigned ep = IN1; ep <= OUT2; ep++) {
        g_assert_cmpint(ask(2, 1, 0, ep == IN1 ? 0x81 : 2, 0), ==, 1);
        g_assert_cmpint(slot_command(14, 0, ep << 16), ==, 1);
        g_assert_cmpint(slot_command(16, (ring_of(ep) + 16 * ring[ep].at) | 1, ep << 16), ==, 1);
    }
    g_assert_cmpint(cbw(11, 36, true, 6, inquiry), ==, 1);
    g_assert_cmpint(transfer(IN1, DATA, 36), ==, 1);
    g_assert_cmpuint(csw(11, 0), ==, 0);
    g_assert_cmpint(configure(5, 5, 64), ==, 8); /* isochronous */
    close_xhci();
}

/* Nobody takes events: they wait, and come in order. */
static void test_full(void)
{
    open_xhci();
    for (unsigned i = 0; i < 100; i++)
        put_trb(COMMANDS + 16 * i, 0, 0, 23 << 10 | 1);
    wr32(BELLS, 0);
    for (unsigned i = 0, full = 0; i < 100 + full;) {
        g_assert_true(next_event());
        full += event_type() == 37;
        if (event_type() == 33) {
            g_assert_cmphex(event.parameter, ==, COMMANDS + 16 * (i - full));
        }
        i++;
        g_assert_cmpuint(full, <=, 1);
    }
    g_assert_false(next_event());
    close_xhci();
}

/* Rings whose ends are their beginnings: every call returns, and the rest of the machine goes on. */
static void test_endless(void)
{
    open_storage();
    put_trb(ring_of(OUT2), ring_of(OUT2), 0, LINK << 10 | 1);
    g_assert_cmpint(slot_command(15, 0, OUT2 << 16), ==, 1);
    g_assert_cmpint(slot_command(16, ring_of(OUT2) | 1, OUT2 << 16), ==, 1);
    ring_bell(OUT2);
    g_assert_cmpint(expect(32), ==, 5);
    put_trb(ring_of(IN1), DATA, 64, NORMAL << 10 | CHAIN | 1);
    put_trb(ring_of(IN1) + 16, ring_of(IN1), 0, LINK << 10 | CHAIN | 1);
    ring_bell(IN1);
    g_assert_cmpint(expect(32), ==, 5);
    put_trb(ring_of(CONTROL) + 16 * ring[CONTROL].at, 0, 0, 8 << 10 | 1);
    put_trb(ring_of(CONTROL) + 16 * (ring[CONTROL].at + 1), ring_of(CONTROL) + 16 * ring[CONTROL].at, 0,
            LINK << 10 | 1);
    ring_bell(CONTROL);
    for (unsigned i = 0; i < 100; i++) {
        bare_time += 1000000;
        clock_run_timers(CLOCK_VIRTUAL);
    }
    put_trb(COMMANDS + 16 * command_at, COMMANDS + 16 * command_at, 0, LINK << 10 | 1);
    wr32(BELLS, 0);
    close_xhci();
}

/* What was loaded is saved again as it was; a damaged record is refused, or does no harm. */
static void check_record(void)
{
    g_autoptr(GError) error = NULL;
    for (Device *d = device_first(); d; d = d->next) {
        g_autoptr(GByteArray) a = g_byte_array_new(), b = g_byte_array_new();
        device_save(d, a);
        if (!device_load(d, a->data, a->len, &error))
            g_error("%s", error->message);
        device_save(d, b);
        if (a->len != b->len || memcmp(a->data, b->data, a->len))
            g_error("%s: saved again, its record differs", d->path);
        if (g_random_int_range(0, 4))
            continue;
        g_autoptr(GError) why = NULL;
        a->data[g_random_int_range(0, (gint)a->len)] ^= 1 << g_random_int_range(0, 8);
        if (!device_load(d, a->data, a->len, &why))
            g_assert_nonnull(why);
        if (!device_load(d, b->data, b->len, &error))
            g_error("%s", error->message);
    }
}

static void test_noise(void)
{
    static const uint8_t types[] = { 1, 1, 1, 2, 3, 4, 6, 7, 8, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
    static const uint8_t opcodes[] = { 0, 3, 0x12, 0x1a, 0x25, 0x28, 0x2a, 0x35, 0x8a, 0xa0 };
    Device *kbd = NULL;
    open_storage();
    create("usb-tablet", NULL);
    for (unsigned i = 0; i < 12000; i++) {
        unsigned ep = (unsigned[]){ CONTROL, IN1, OUT2 }[g_random_int_range(0, 3)];
        hwaddr a = g_random_boolean() ? ring_of(ep) : COMMANDS;
        hwaddr to[] = { DATA, ring_of(ep), INPUT, OUTPUT, BAR + BELLS, BAR, RAM + RAM_BYTES - 8,
                        (hwaddr)g_random_int() << 8, EVENTS, DCBAA };
        uint64_t parameter = to[g_random_int_range(0, G_N_ELEMENTS(to))];
        if (!g_random_int_range(0, 4))
            parameter = 0x12000000680 | (uint64_t)g_random_int_range(0, 64) << 48;
        put_trb(a + 16 * g_random_int_range(0, 40), parameter, g_random_int() & 0x801fff,
                (uint32_t)types[g_random_int_range(0, G_N_ELEMENTS(types))] << 10 | 1 | slot << 24 |
                    (g_random_int() & 0x1f027e));
        uint8_t *b = at(DATA);
        store_le32(b, 0x43425355);
        store_le32(b + 8, g_random_int_range(0, 3) ? 512 * g_random_int_range(0, 9) : (gint)g_random_int());
        b[12] = g_random_int();
        b[13] = 0;
        b[14] = g_random_int_range(0, 18);
        b[15] = opcodes[g_random_int_range(0, G_N_ELEMENTS(opcodes))];
        wr32(BELLS + (g_random_int_range(0, 3) ? 4 * slot : 0), g_random_boolean() ? ep : 0);
        if (!g_random_int_range(0, 3))
            wr32(OP + (g_random_int_range(0, 0x40) & ~3), g_random_int() & ~2u);
        if (!g_random_int_range(0, 8))
            wr32(4 * g_random_int_range(0, 0xc00), g_random_int() & g_random_int());
        if (!g_random_int_range(0, 4))
            input_send(NULL, &(InputEvent){ INPUT_ABS, INPUT_X, g_random_int_range(0, 40000) }, 1);
        if (!g_random_int_range(0, 64)) {
            if (kbd)
                device_unrealize(kbd);
            kbd = kbd ? NULL : create("usb-kbd", NULL);
        }
        if (!g_random_int_range(0, 200))
            check_record();
        if (!g_random_int_range(0, 10)) {
            block_drain_all();
            bare_time += 1000000;
            clock_run_timers(CLOCK_VIRTUAL);
        }
        for (unsigned k = 0; k < 8 && next_event(); k++)
            continue;
        if (!g_random_int_range(0, 60)) {
            pci_config_write(pci, 0, 0, 4, 2, 6);
            start_controller();
            if (rd32(PORTSC) & 1 && !g_random_int_range(0, 4)) {
                address(1);
                ask(0, 9, 1, 0, 0);
                configure(IN1, BULK_IN, 1024);
                configure(OUT2, BULK_OUT, 1024);
            }
        }
    }
    close_xhci();
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    clock_set_virtual_source(test_clock);
    vm_start();
    g_test_add_func("/xhci/registers", test_registers);
    g_test_add_func("/xhci/keyboard", test_keyboard);
    g_test_add_func("/xhci/pointers", test_pointers);
    g_test_add_func("/xhci/storage", test_storage);
    g_test_add_func("/xhci/full", test_full);
    g_test_add_func("/xhci/endless", test_endless);
    g_test_add_func("/xhci/noise", test_noise);
    return test_end();
}
