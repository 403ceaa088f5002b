/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LPIs and the ITS of GICv3 against IHI 0069, chapter 5. */
#include "gicv3.h"

enum { ITS = 0x08080000, RAM = 0x40000000, RAM_SIZE = 0x1000000 };
enum { CONFIG = RAM + 0x100000, PENDTAB = RAM + 0x200000, /* 64 KiB for each processor */
       QUEUE = RAM + 0x300000, DEVICES = RAM + 0x400000, COLLECTIONS = RAM + 0x500000,
       ITTS = RAM + 0x600000, LEVEL2 = RAM + 0x700000 };
enum { GCTLR = 0, GTYPER = 8, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90, BASER0 = 0x100,
       BASER1 = 0x108, TRANSLATER = 0x10040 };
enum { MOVI = 1, INT = 3, CLEAR, SYNC, MAPD = 8, MAPC, MAPTI, MAPI, INV, INVALL, MOVALL, DISCARD };
enum { LPI = 8192, CPUS = 4 };
#define VALID (1ull << 63)
#define INDIRECT (1ull << 62)

static Device *dev, *its;
static unsigned queue_at;

static uint64_t ri(uint32_t at) { return bare_read(ITS + at, 8); }
static void wi(uint32_t at, uint64_t v) { bare_write(ITS + at, 8, v); }
static void enable(bool on) { bare_write(ITS + GCTLR, 4, on); }

static void make(void)
{
    dev = make_gic((const char *const[]){ "num-cpu=4", "num-irq=96", "has-lpi=on", NULL });
    its = device_new(device_type_find("arm-gicv3-its"), NULL, NULL);
    GError *error = NULL;
    arm_its_set_gic(its, dev);
    g_assert_true(device_realize(its, NULL, &error));
    device_map(its, ITS);
    static MemoryRegion ram;
    g_assert_true(memory_region_init_ram(&ram, "ram", RAM_SIZE, &error));
    memory_region_add(memory_system_root(), RAM, &ram, 0);
}

static void clear_memory(void)
{
    g_autofree void *zero = g_malloc0(RAM_SIZE);
    address_space_write(address_space_memory, RAM, zero, RAM_SIZE);
}

static void config(unsigned lpi, uint8_t v)
{
    bare_write(CONFIG + lpi - LPI, 1, v);
}

/* Interfaces on; LPIs on, enabled with priority 0xa0. */
static void setup_lpis(void)
{
    if (!dev) {
        bare_init();
        make();
    }
    use(dev, CPUS, 96);
    device_reset(its);
    clear_memory();
    queue_at = 0;
    wr(CTLR, 2);
    g_autofree uint8_t *on = g_malloc(57344);
    memset(on, 0xa1, 57344);
    address_space_write(address_space_memory, CONFIG, on, 57344);
    for (unsigned c = 0; c < CPUS; c++) {
        on_cpu(c);
        at_el(1, false);
        ws(PMR, 0xff);
        ws(IGRPEN1, 1);
        bare_write(redist(c) + PROPBASER, 8, CONFIG | 15);
        bare_write(redist(c) + PENDBASER, 8, PENDTAB + c * 0x10000);
        wrr(c, 0, 1);
    }
    on_cpu(0);
}

/* Queue of 64 KiB, flat tables of 64 KiB each. */
static void setup(void)
{
    setup_lpis();
    wi(CBASER, VALID | QUEUE | 15);
    wi(CWRITER, 0);
    wi(BASER0, VALID | DEVICES | 15);
    wi(BASER1, VALID | COLLECTIONS | 15);
    enable(1);
}

static void put(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t dw[] = { a, b, c, d };
    for (unsigned i = 0; i < 4; i++)
        bare_write(QUEUE + queue_at + 8 * i, 8, dw[i]);
    queue_at = (queue_at + 32) % 0x10000;
}

static void go(void)
{
    wi(CWRITER, queue_at);
    g_assert_cmphex(ri(CREADR), ==, queue_at);
}

static void mapd(uint32_t id, unsigned bits, hwaddr itt)
{
    put((uint64_t)id << 32 | MAPD, bits - 1, (bits ? VALID : 0) | itt, 0);
}
static void mapc(unsigned icid, unsigned cpu, bool on)
{
    put(MAPC, 0, (on ? VALID : 0) | cpu << 16 | icid, 0);
}
static void mapti(uint32_t id, uint32_t event, uint32_t intid, unsigned icid)
{
    put((uint64_t)id << 32 | MAPTI, (uint64_t)intid << 32 | event, icid, 0);
}
static void simple(unsigned cmd, uint32_t id, uint32_t event, unsigned icid)
{
    put((uint64_t)id << 32 | cmd, event, icid, 0);
}

/* Device 8 has 32 events; collection n is processor n; event n is LPI 8192 + 100 + n. */
static void map_all(void)
{
    for (unsigned c = 0; c < CPUS; c++)
        mapc(c, c, true);
    mapd(8, 5, ITTS);
    for (unsigned e = 0; e < 8; e++)
        mapti(8, e, LPI + 100 + e, e % CPUS);
    go();
}

static void message(uint32_t requester, uint32_t event)
{
    memory_initiator.requester = requester;
    bare_write(ITS + TRANSLATER, 4, event);
    memory_initiator.requester = 0;
}

static unsigned take(unsigned cpu)
{
    on_cpu(cpu);
    unsigned id = rs(IAR1);
    if (id != NONE)
        ws(EOIR1, id);
    on_cpu(0);
    return id;
}

static void test_identity(void)
{
    setup_lpis();
    g_assert_cmphex(ri(GTYPER), ==, 1 | 7 << 4 | 15 << 8 | 15 << 13 | 15ull << 32 | 1ull << 36);
    g_assert_cmphex(bare_read(ITS + GCTLR, 4), ==, 1u << 31);
    g_assert_cmphex(ri(BASER0), ==, 1ull << 56 | 7ull << 48);
    g_assert_cmphex(ri(BASER1), ==, 4ull << 56 | 7ull << 48);
    g_assert_cmphex(ri(BASER1 + 8), ==, 0);
    g_assert_cmphex(bare_read(ITS + 0xffe8, 4), ==, 0x3b);
    g_assert_cmphex(bare_read(ITS + 0xffe0, 4), ==, 0x94);
    wi(BASER0, UINT64_MAX);
    g_assert_cmphex(ri(BASER0), ==, 0xf9e7ffffffffffff);
    wi(CBASER, UINT64_MAX);
    g_assert_cmphex(ri(CBASER), ==, 0xb8effffffffffcff);
    wi(BASER0, 0);
    wi(CBASER, 0);
    bare_write(ITS + BASER0 + 4, 4, 1u << 31);
    g_assert_cmphex(ri(BASER0), ==, VALID | 1ull << 56 | 7ull << 48);
    /* In use: they can't be moved. */
    enable(1);
    wi(BASER0, 0);
    wi(CBASER, UINT64_MAX);
    g_assert_cmphex(ri(BASER0), ==, VALID | 1ull << 56 | 7ull << 48);
    g_assert_cmphex(ri(CBASER), ==, 0);
    g_assert_cmphex(rd(TYPER) >> 17 & 1, ==, 1);
    g_assert_cmphex(bare_read(redist(0) + GICR_TYPER, 4) & 1, ==, 1);
    g_assert_cmphex(rr(0, 0), ==, 3);
    bare_write(redist(0) + PROPBASER, 8, 0);
    g_assert_cmphex(bare_read(redist(0) + PROPBASER, 8), ==, CONFIG | 15);
    assert_record_holds(its);
    assert_record_holds(gic);
}

static void test_messages(void)
{
    setup();
    map_all();
    message(8, 1);
    g_assert_cmpstr(pins(1), ==, "irq");
    g_assert_cmpstr(pins(0), ==, "");
    assert_record_holds(gic);
    assert_record_holds(its);
    g_assert_cmpstr(pins(1), ==, "irq");
    on_cpu(1);
    g_assert_cmpuint(rs(IAR1), ==, LPI + 101);
    g_assert_cmphex(rs(RPR), ==, 0xa0);
    message(8, 5); /* pending while another one runs */
    g_assert_cmpstr(pins(1), ==, "");
    message(8, 1);
    ws(EOIR1, LPI + 101);
    g_assert_cmpuint(take(1), ==, LPI + 101);
    g_assert_cmpuint(take(1), ==, LPI + 105);
    g_assert_cmpuint(take(1), ==, NONE);
    /* Not mapped: device, event. */
    message(9, 1);
    message(8, 8);
    message(8, 32);
    message(0xffff8, 1);
    message(8, UINT32_MAX);
    for (unsigned c = 0; c < CPUS; c++)
        g_assert_cmpuint(take(c), ==, NONE);
    /* Nor without the ITS. */
    enable(0);
    message(8, 1);
    g_assert_cmpuint(take(1), ==, NONE);
}

static void test_configuration(void)
{
    setup();
    map_all();
    /* Priorities; the lower LPI of equals. */
    config(LPI + 104, 0x41);
    message(8, 0);
    message(8, 4);
    g_assert_cmpuint(take(0), ==, LPI + 104);
    g_assert_cmpuint(take(0), ==, LPI + 100);
    /* Disabled ones stay pending; INV makes the new configuration known. */
    config(LPI + 102, 0xa0);
    message(8, 2);
    g_assert_cmpstr(pins(2), ==, "");
    config(LPI + 102, 0xa1);
    simple(INV, 8, 2, 0);
    go();
    g_assert_cmpstr(pins(2), ==, "irq");
    config(LPI + 102, 0xa0);
    simple(INVALL, 0, 0, 2);
    go();
    g_assert_cmpstr(pins(2), ==, "");
    config(LPI + 102, 0x61);
    bare_write(redist(2) + INVLPIR, 8, LPI + 102);
    g_assert_cmpstr(pins(2), ==, "irq");
    on_cpu(2);
    g_assert_cmphex(rs(IAR1), ==, LPI + 102);
    g_assert_cmphex(rs(RPR), ==, 0x60);
    ws(EOIR1, LPI + 102);
}

static void test_commands(void)
{
    setup();
    map_all();
    simple(INT, 8, 3, 0);
    go();
    g_assert_cmpstr(pins(3), ==, "irq");
    simple(CLEAR, 8, 3, 0);
    go();
    g_assert_cmpstr(pins(3), ==, "");
    /* MOVI takes along what is pending. */
    simple(INT, 8, 3, 0);
    simple(MOVI, 8, 3, 1);
    go();
    g_assert_cmpstr(pins(3), ==, "");
    g_assert_cmpuint(take(1), ==, LPI + 103);
    message(8, 3);
    g_assert_cmpuint(take(1), ==, LPI + 103);
    /* MOVALL too. */
    message(8, 0);
    message(8, 4);
    put(MOVALL, 0, 0 << 16, 2 << 16);
    go();
    g_assert_cmpuint(take(0), ==, NONE);
    g_assert_cmpuint(take(2), ==, LPI + 100);
    g_assert_cmpuint(take(2), ==, LPI + 104);
    /* Another processor for a collection. */
    mapc(0, 3, true);
    put(SYNC, 0, 3 << 16, 0);
    go();
    message(8, 0);
    g_assert_cmpuint(take(3), ==, LPI + 100);
    /* MAPI: the event is the INTID. */
    mapd(16, 16, ITTS + 0x10000);
    put((uint64_t)16 << 32 | MAPI, LPI + 7, 1, 0);
    go();
    message(16, LPI + 7);
    g_assert_cmpuint(take(1), ==, LPI + 7);
    /* DISCARD, MAPD and MAPC undo. */
    message(8, 1);
    simple(DISCARD, 8, 1, 0);
    go();
    g_assert_cmpuint(take(1), ==, NONE);
    message(8, 1);
    g_assert_cmpuint(take(1), ==, NONE);
    mapc(2, 0, false);
    go();
    message(8, 2);
    g_assert_cmpuint(take(2), ==, NONE);
    put((uint64_t)8 << 32 | MAPD, 0, 0, 0);
    go();
    message(8, 0);
    g_assert_cmpuint(take(3), ==, NONE);
    /* The queue wraps. */
    queue_at = 0;
    setup();
    for (unsigned i = 0; i < 2047; i++)
        put(SYNC, 0, 0, 0);
    go();
    map_all();
    message(8, 2);
    g_assert_cmpuint(take(2), ==, LPI + 102);
}

static void test_command_errors(void)
{
    setup();
    map_all();
    simple(0x77, 8, 0, 0);
    simple(0, 0, 0, 0);
    mapd(0x10000, 5, ITTS + 0x20000);       /* no such device ID */
    put(9ull << 32 | MAPD, 16, VALID | ITTS, 0); /* too many events */
    mapc(0x1, CPUS, true);                  /* no such processor */
    mapti(8, 32, LPI, 0);                   /* no such event */
    mapti(8, 9, 1023, 0);                   /* no LPI */
    mapti(8, 10, 65536, 0);
    mapti(9, 0, LPI, 0);                    /* no such device */
    simple(INT, 8, 20, 0);                  /* not mapped */
    simple(MOVI, 8, 20, 1);
    simple(MOVI, 8, 0, 77);                 /* no such collection */
    simple(INV, 8, 20, 0);
    simple(INVALL, 0, 0, 77);
    simple(DISCARD, 8, 20, 0);
    put(MOVALL, 0, 99 << 16, 2 << 16);
    put(SYNC, 0, 99 << 16, 0);
    simple(INT, 8, 1, 0);
    go();
    g_assert_cmpuint(take(1), ==, LPI + 101);
    for (unsigned e = 0; e < 32; e++)
        message(9, e);
    message(8, 9);
    message(8, 10);
    for (unsigned c = 0; c < CPUS; c++)
        g_assert_cmpuint(take(c), ==, NONE);
    /* Beyond the queue: nothing happens. */
    unsigned before = ri(CREADR);
    wi(CWRITER, 0x10000);
    g_assert_cmphex(ri(CREADR), ==, before);
    /* A queue that isn't in memory stalls, and goes on when asked. */
    enable(0);
    wi(CBASER, VALID | 0x20000000 | 15);
    enable(1);
    wi(CWRITER, 64);
    g_assert_cmphex(ri(CREADR), ==, 1);
    wi(CWRITER, 64);
    g_assert_cmphex(ri(CREADR), ==, 1);
    wi(CWRITER, 65);
    g_assert_cmphex(ri(CREADR), ==, 1);
    assert_record_holds(its);
}

static void test_two_levels(void)
{
    setup_lpis();
    wi(CBASER, VALID | QUEUE | 15);
    wi(BASER0, VALID | INDIRECT | DEVICES | 0); /* pages of 4 KiB: 512 entries of 512 devices */
    wi(BASER1, VALID | INDIRECT | COLLECTIONS | 2 << 8);
    enable(1);
    bare_write(COLLECTIONS, 8, VALID | LEVEL2);
    bare_write(DEVICES + 8, 8, VALID | (LEVEL2 + 0x10000));
    mapc(3, 2, true);
    mapd(512 + 5, 5, ITTS);
    mapti(512 + 5, 0, LPI + 1, 3);
    mapd(5, 5, ITTS + 0x1000); /* the first level has nothing there */
    mapti(5, 0, LPI + 2, 3);
    go();
    g_assert_cmphex(bare_read(LEVEL2 + 0x10000 + 5 * 8, 8), !=, 0);
    message(512 + 5, 0);
    message(5, 0);
    g_assert_cmpuint(take(2), ==, LPI + 1);
    g_assert_cmpuint(take(2), ==, NONE);
    /* Bits 51 to 48 of an address of 64 KiB pages are in bits 15 to 12. */
    enable(0);
    wi(BASER0, VALID | DEVICES | 2 << 8 | 1 << 12);
    enable(1);
    mapd(5, 5, ITTS + 0x1000);
    go();
    message(5, 0);
    g_assert_cmpuint(take(2), ==, NONE);
}

static void test_pending_table(void)
{
    setup();
    map_all();
    message(8, 1);
    message(8, 5);
    hwaddr table = PENDTAB + 0x10000 + (LPI + 101) / 8;
    wrr(1, 0, 0);
    g_assert_cmpstr(pins(1), ==, "");
    g_assert_cmphex(bare_read(table, 1), ==, 1 << 5 | 0);
    g_assert_cmphex(bare_read(table + 1, 1), ==, 1 << 1);
    message(8, 1); /* lost: LPIs are off */
    bare_write(table, 1, 0x80);
    wrr(1, 0, 1);
    g_assert_cmpuint(take(1), ==, LPI + 103);
    g_assert_cmpuint(take(1), ==, LPI + 105);
    g_assert_cmpuint(take(1), ==, NONE);
    /* PTZ: software says that the table is zero. */
    wrr(1, 0, 0);
    bare_write(table, 1, 0x80);
    bare_write(redist(1) + PENDBASER, 8, 1ull << 62 | (PENDTAB + 0x10000));
    g_assert_cmphex(bare_read(redist(1) + PENDBASER, 8), ==, PENDTAB + 0x10000);
    wrr(1, 0, 1);
    g_assert_cmpuint(take(1), ==, NONE);
    /* Fewer bits of INTIDs. */
    wrr(1, 0, 0);
    bare_write(redist(1) + PROPBASER, 8, CONFIG | 13);
    wrr(1, 0, 1);
    mapti(8, 1, 20000, 1);
    mapti(8, 5, 16383, 1);
    go();
    message(8, 1);
    message(8, 5);
    g_assert_cmpuint(take(1), ==, 16383);
    g_assert_cmpuint(take(1), ==, NONE);
    wrr(1, 0, 0);
    bare_write(redist(1) + PROPBASER, 8, CONFIG | 12);
    wrr(1, 0, 1);
    message(8, 5);
    g_assert_cmpuint(take(1), ==, NONE);
}

/* All LPIs at once: a write does a bounded amount of work, a timer the rest. */
static void test_budget(void)
{
    setup();
    map_all();
    for (unsigned i = 0; i < 57344 / 8; i += 8)
        bare_write(PENDTAB + 1024 + i, 8, UINT64_MAX);
    wrr(0, 0, 0);
    for (unsigned i = 0; i < 57344 / 8; i += 8)
        bare_write(PENDTAB + 1024 + i, 8, UINT64_MAX);
    wrr(0, 0, 1);
    g_assert_cmpuint(take(0), ==, LPI);
    for (unsigned i = 0; i < 1000; i++)
        put(i % 2 ? MOVALL : INVALL, 0, 0, 0);
    for (unsigned i = 0; i < 500; i++)
        put(MOVALL, 0, (i % 2) << 16, (1 - i % 2) << 16);
    uint64_t start = queue_at;
    wi(CWRITER, start);
    g_assert_cmphex(ri(CREADR), !=, start);
    assert_record_holds(its);
    for (unsigned i = 0; i < 100 && ri(CREADR) != start; i++)
        bare_advance(100000);
    g_assert_cmphex(ri(CREADR), ==, start);
    g_assert_cmpuint(take(0), ==, LPI + 1);
    assert_record_holds(gic);
}

static hwaddr anywhere(void)
{
    switch (g_random_int_range(0, 4)) {
    case 0:
        return RAM + (g_random_int() % RAM_SIZE & ~0xfffu);
    case 1:
        return ITS + (g_random_int() % 0x20000 & ~0xfffu);
    case 2:
        return REDIST + (g_random_int() % 0x80000 & ~0xfffu);
    default:
        return ((uint64_t)g_random_int() << 32 | g_random_int()) & 0xffffffffff000;
    }
}

static void test_hostile(void)
{
    setup();
    for (unsigned round = 0; round < 300; round++) {
        enable(0);
        wi(CBASER, VALID | (round % 3 ? QUEUE : anywhere()) | g_random_int_range(0, 256));
        wi(BASER0, VALID | (round & 1 ? INDIRECT : 0) | anywhere() | g_random_int_range(0, 1024));
        wi(BASER1, VALID | (round & 2 ? INDIRECT : 0) | anywhere() | g_random_int_range(0, 1024));
        if (round & 4) {
            wi(BASER0, VALID | DEVICES | 15);
            wi(BASER1, VALID | COLLECTIONS | 15);
        }
        for (unsigned c = 0; c < CPUS; c++) {
            wrr(c, 0, 0);
            bare_write(redist(c) + PROPBASER, 8, anywhere() | g_random_int_range(0, 32));
            bare_write(redist(c) + PENDBASER, 8, anywhere());
            wrr(c, 0, 1);
        }
        enable(1);
        queue_at = 0;
        for (unsigned i = 0; i < 100; i++) {
            uint64_t small = g_random_int() & 7;
            put(small << 32 | g_random_int_range(0, 17),
                (uint64_t)(LPI + (g_random_int() & 0xff)) << 32 | (g_random_int() & 15),
                VALID | (g_random_boolean() ? anywhere() : (g_random_int() & 7) << 16) | small,
                (g_random_int() & 7) << 16);
        }
        wi(CWRITER, g_random_boolean() ? queue_at : g_random_int());
        for (unsigned i = 0; i < 20; i++)
            message(g_random_int() & 7, g_random_int() & 15);
        for (unsigned i = 0; i < 50; i++) {
            unsigned width = 1u << g_random_int_range(0, 4);
            hwaddr at = ITS + (g_random_int() % 0x20000 & ~(width - 1));
            if (g_random_boolean())
                bare_write(at, width, (uint64_t)g_random_int() << 32 | g_random_int());
            else
                bare_read(at, width);
        }
        bare_advance(10000000);
        for (unsigned c = 0; c < CPUS; c++)
            take(c);
        if (round % 50 == 0) {
            assert_record_holds(its);
            assert_record_holds(gic);
        }
    }
}

/* Records that say what no guest can bring about. */
static void test_damaged_records(void)
{
    setup();
    map_all();
    message(8, 1);
    Device *both[] = { gic, its };
    for (unsigned d = 0; d < 2; d++) {
        g_autoptr(GByteArray) good = g_byte_array_new();
        device_save(both[d], good);
        g_autofree uint8_t *bad = g_malloc(good->len);
        for (unsigned i = 0; i < 3000; i++) {
            memcpy(bad, good->data, good->len);
            bad[g_random_int_range(0, good->len)] ^= 1 + g_random_int_range(0, 255);
            if (device_load(both[d], bad, good->len, NULL)) {
                for (unsigned c = 0; c < CPUS; c++)
                    take(c);
                message(8, 1);
                wi(CWRITER, 0);
                bare_advance(1000000);
            }
        }
        g_assert_true(device_load(both[d], good->data, good->len, NULL));
    }
    setup();
    map_all();
    message(8, 1);
    g_assert_cmpuint(take(1), ==, LPI + 101);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/its/identity", test_identity);
    g_test_add_func("/its/messages", test_messages);
    g_test_add_func("/its/configuration", test_configuration);
    g_test_add_func("/its/commands", test_commands);
    g_test_add_func("/its/command-errors", test_command_errors);
    g_test_add_func("/its/two-levels", test_two_levels);
    g_test_add_func("/its/pending-table", test_pending_table);
    g_test_add_func("/its/budget", test_budget);
    g_test_add_func("/its/hostile", test_hostile);
    g_test_add_func("/its/damaged-records", test_damaged_records);
    return g_test_run();
}
