/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions, flat views against a naive model, access splitting, page flags, concurrent lookup. */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softmmu/memory.h"
#include "softmmu/run.h"
#include "util/bits.h"

/* ---- a device that writes down what it is asked ---- */

typedef struct Access {
    bool write;
    hwaddr offset;
    unsigned size;
    uint64_t value;
} Access;

static Access seen[64];
static unsigned n_seen;
static bool seen_without_lock;

static void note(bool write, hwaddr offset, unsigned size, uint64_t value)
{
    if (n_seen < G_N_ELEMENTS(seen))
        seen[n_seen++] = (Access){ write, offset, size, value };
    seen_without_lock |= !main_lock_held();
}

/* Byte n of the device reads as n. */
static MemResult dev_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)(uint8_t)(offset + i) << (8 * i);
    note(false, offset, size, v);
    *value = v;
    return opaque ? *(MemResult *)opaque : MEM_OK;
}

static MemResult dev_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    note(true, offset, size, value);
    return opaque ? *(MemResult *)opaque : MEM_OK;
}

static const MmioOps ops_any = { dev_read, dev_write, 1, 8, false };
static const MmioOps ops_4 = { dev_read, dev_write, 4, 4, false };
static const MmioOps ops_1 = { dev_read, dev_write, 1, 1, false };
static const MmioOps ops_unaligned = { dev_read, dev_write, 1, 8, true };

static void expect_seen(unsigned i, bool write, hwaddr offset, unsigned size, uint64_t value)
{
    g_assert_cmpuint(i, <, n_seen);
    g_assert_cmpint(seen[i].write, ==, write);
    g_assert_cmphex(seen[i].offset, ==, offset);
    g_assert_cmpuint(seen[i].size, ==, size);
    g_assert_cmphex(seen[i].value, ==, value);
}

static void check_load(AddressSpace *as, hwaddr addr, unsigned size, uint64_t expect)
{
    uint64_t v = ~0ULL;
    n_seen = 0;
    g_assert_cmpint(address_space_load(as, addr, size, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, expect);
}

static void test_splitting(void)
{
    MemoryRegion root, any, only4, only1, un;
    memory_region_init_container(&root, "root", UINT64_MAX);
    memory_region_init_mmio(&any, "any", 0x100, &ops_any, NULL);
    memory_region_init_mmio(&only4, "only4", 0x100, &ops_4, NULL);
    memory_region_init_mmio(&only1, "only1", 0x100, &ops_1, NULL);
    memory_region_init_mmio(&un, "unaligned", 0x100, &ops_unaligned, NULL);
    memory_region_add(&root, 0x1000, &any, 0);
    memory_region_add(&root, 0x2000, &only4, 0);
    memory_region_add(&root, 0x3000, &only1, 0);
    memory_region_add(&root, 0x4000, &un, 0);
    AddressSpace *as = address_space_new(&root, "split");

    check_load(as, 0x1010, 8, 0x1716151413121110);
    g_assert_cmpuint(n_seen, ==, 1);
    check_load(as, 0x2010, 8, 0x1716151413121110);
    g_assert_cmpuint(n_seen, ==, 2);
    expect_seen(0, false, 0x10, 4, 0x13121110);
    expect_seen(1, false, 0x14, 4, 0x17161514);
    check_load(as, 0x2013, 1, 0x13);
    expect_seen(0, false, 0x10, 4, 0x13121110);
    check_load(as, 0x2012, 2, 0x1312);
    g_assert_cmpuint(n_seen, ==, 1);
    check_load(as, 0x2011, 4, 0x14131211);
    check_load(as, 0x3010, 4, 0x13121110);
    g_assert_cmpuint(n_seen, ==, 4);
    check_load(as, 0x1011, 4, 0x14131211); /* 1 + 2 + 1 */
    g_assert_cmpuint(n_seen, ==, 3);
    check_load(as, 0x4011, 4, 0x14131211);
    g_assert_cmpuint(n_seen, ==, 1);

    n_seen = 0;
    g_assert_cmpint(address_space_store(as, 0x2010, 8, 0x1122334455667788), ==, MEM_OK);
    expect_seen(0, true, 0x10, 4, 0x55667788);
    expect_seen(1, true, 0x14, 4, 0x11223344);
    n_seen = 0;
    address_space_store(as, 0x2012, 2, 0xabcd);
    expect_seen(0, true, 0x10, 4, 0xabcd0000);
    n_seen = 0;
    address_space_store(as, 0x1010, 1, 0x1234);
    expect_seen(0, true, 0x10, 1, 0x34);

    /* Beyond the end of a device. */
    uint64_t v;
    n_seen = 0;
    g_assert_cmpint(address_space_load(as, 0x10fc, 8, &v), ==, MEM_DECODE_ERROR);
    g_assert_cmphex(v, ==, 0xfffefdfc);
    g_assert_cmpint(address_space_load(as, 0x9000, 4, &v), ==, MEM_DECODE_ERROR);
    g_assert_cmpint(address_space_store(as, 0x9000, 4, 1), ==, MEM_DECODE_ERROR);
    g_assert_cmpint(address_space_load(as, UINT64_MAX, 8, &v), ==, MEM_DECODE_ERROR);

    /* Copies. */
    uint8_t buf[32];
    n_seen = 0;
    g_assert_cmpint(address_space_read(as, 0x1001, buf, 31), ==, MEM_OK);
    for (unsigned i = 0; i < 31; i++)
        g_assert_cmpuint(buf[i], ==, i + 1);
    g_assert_cmpuint(n_seen, ==, 6); /* 1 2 4 8 8 8 */
    g_assert_false(seen_without_lock);

    address_space_free(as);
    for (MemoryRegion **r = (MemoryRegion *[]){ &any, &only4, &only1, &un, &root, NULL }; *r; r++)
        memory_region_deinit(*r);
}

static void test_bus_error(void)
{
    static MemResult result = MEM_BUS_ERROR;
    MemoryRegion root;
    memory_region_init_mmio(&root, "refuses", 0x1000, &ops_any, &result);
    AddressSpace *as = address_space_new(&root, "refuses");
    uint64_t v = 1;
    g_assert_cmpint(address_space_load(as, 0, 4, &v), ==, MEM_BUS_ERROR);
    g_assert_cmphex(v, ==, 0);
    g_assert_cmpint(address_space_store(as, 0, 4, 1), ==, MEM_BUS_ERROR);
    address_space_free(as);
    memory_region_deinit(&root);
}

static void test_ram(void)
{
    MemoryRegion root, ram, rom, flash, sub;
    memory_region_init_container(&root, "root", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&ram, "ram", 0x10000, NULL));
    g_assert_true(memory_region_init_rom(&rom, "rom", 0x3000, NULL));
    g_assert_true(memory_region_init_romd(&flash, "flash", 0x4000, &ops_any, NULL, NULL));
    memory_region_add(&root, 0x80000000, &ram, 0);
    memory_region_add(&root, 0x1000, &rom, 0);
    memory_region_add(&root, 0x20000000, &flash, 0);
    AddressSpace *as = address_space_new(&root, "ram");

    MemorySection s = memory_section_lookup(as, 0x80000123);
    g_assert_true(s.region == &ram && s.writable && s.host == ram.ram->host);
    g_assert_cmphex(s.start, ==, 0x80000000);
    g_assert_cmphex(s.last, ==, 0x8000ffff);
    g_assert_true(ram_page_host(s.ram_page + 3) == s.host + 0x3000);
    g_assert_true(ram_block_by_page(s.ram_page) == ram.ram);
    g_assert_null(memory_section_lookup(as, 0x80010000).region);

    uint64_t v;
    g_assert_cmpint(address_space_store(as, 0x80000ffd, 8, 0x1122334455667788), ==, MEM_OK);
    g_assert_cmpint(address_space_load(as, 0x80000ffd, 8, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x1122334455667788);
    g_assert_cmpint(address_space_load(as, 0x8000fffc, 8, &v), ==, MEM_DECODE_ERROR);

    /* ROM takes only write_rom. */
    const char text[] = "some text";
    char buf[sizeof text];
    g_assert_cmpint(address_space_write_rom(as, 0x1ffc, text, sizeof text), ==, MEM_OK);
    g_assert_cmpint(address_space_write(as, 0x1ffc, "xxxx", 4), ==, MEM_OK);
    g_assert_cmpint(address_space_read(as, 0x1ffc, buf, sizeof text), ==, MEM_OK);
    g_assert_cmpstr(buf, ==, text);

    /* Flash: array reads, writes to the device; then reads from the device as well. */
    address_space_write_rom(as, 0x20000000, text, sizeof text);
    check_load(as, 0x20000000, 4, load_le32(text));
    g_assert_cmpuint(n_seen, ==, 0);
    address_space_store(as, 0x20000000, 4, 7);
    expect_seen(0, true, 0, 4, 7);
    memory_region_romd_set_direct(&flash, false);
    check_load(as, 0x20000004, 4, 0x07060504);
    g_assert_null(memory_section_lookup(as, 0x20000000).host);
    memory_region_romd_set_direct(&flash, true);
    g_assert_nonnull(memory_section_lookup(as, 0x20000000).host);

    /* A device over the middle of a page leaves odd pieces of RAM. */
    memory_region_init_mmio(&sub, "sub", 0x10, &ops_any, NULL);
    memory_region_add(&root, 0x80002100, &sub, 1);
    s = memory_section_lookup(as, 0x80002110);
    g_assert_true(s.region == &ram && !s.host);
    g_assert_cmphex(s.start, ==, 0x80002110);
    g_assert_cmphex(s.last, ==, 0x80002fff);
    s = memory_section_lookup(as, 0x80003000);
    g_assert_true(s.host == ram.ram->host + 0x3000);
    g_assert_cmphex(s.ram_page, ==, ram.ram->first_page + 3);
    g_assert_cmphex(memory_section_lookup(as, 0x80002000).last, ==, 0x800020ff);
    address_space_store(as, 0x80002110, 4, 0xcafe);
    check_load(as, 0x80002110, 4, 0xcafe);
    /* Half device, half RAM. */
    check_load(as, 0x8000210c, 8, 0xcafe0f0e0d0cULL);

    uint64_t len = 0x100000;
    g_assert_null(address_space_map(as, 0x80002104, &len, true));
    len = 0x100000;
    uint8_t *p = address_space_map(as, 0x8000fff0, &len, true);
    g_assert_true(p == ram.ram->host + 0xfff0);
    g_assert_cmphex(len, ==, 0x10);
    address_space_unmap(as, p, len, true);
    len = 16;
    g_assert_null(address_space_map(as, 0x1000, &len, true));
    len = 16;
    g_assert_nonnull(address_space_map(as, 0x1000, &len, false));

    address_space_free(as);
    for (MemoryRegion **r = (MemoryRegion *[]){ &sub, &ram, &rom, &flash, &root, NULL }; *r; r++)
        memory_region_deinit(*r);
}

/* ---- page flags ---- */

static uint64_t code_page;
static unsigned code_calls, code_offset, code_len, clean_calls, map_calls;

static void on_code(uint64_t page, unsigned offset, unsigned len)
{
    code_page = page;
    code_offset = offset;
    code_len = len;
    code_calls++;
}
static void on_clean(void) { clean_calls++; }
static void on_map(AddressSpace *as) { map_calls++; }

/* Logs know what was written since each of them was cleared. */
static void test_dirty_logs(void)
{
    memory_set_hooks(&(MemoryHooks){ NULL, NULL, NULL });
    MemoryRegion ram;
    g_assert_true(memory_region_init_ram(&ram, "logs", 0x200000, NULL));
    AddressSpace *as = address_space_new(&ram, "logs");
    uint64_t page = ram.ram->first_page, end = page + 0x200;
    RamDirtyLog *a = ram_dirty_log_new();
    g_assert_cmpuint(ram_dirty_log_next(a, page, end), ==, end);
    address_space_store(as, 0x3ffe, 4, 1);
    ram_dirty_log_sync();
    RamDirtyLog *b = ram_dirty_log_new();
    address_space_store(as, 0x100000, 8, 1);
    address_space_store(as, 0x100008, 8, 1);
    g_assert_false(ram_dirty_log_test(b, page + 0x100));
    ram_dirty_log_sync();
    g_assert_cmpuint(ram_dirty_log_next(a, page, end), ==, page + 3);
    g_assert_cmpuint(ram_dirty_log_next(a, page + 4, end), ==, page + 4);
    g_assert_cmpuint(ram_dirty_log_next(a, page + 5, end), ==, page + 0x100);
    g_assert_cmpuint(ram_dirty_log_next(b, page, end), ==, page + 0x100);
    g_assert_cmpuint(ram_dirty_log_next(b, page + 0x101, end), ==, end);
    ram_dirty_log_clear(a);
    g_assert_cmpuint(ram_dirty_log_next(a, page, end), ==, end);
    ram_dirty_log_or(a, b);
    g_assert_true(ram_dirty_log_test(a, page + 0x100));
    ram_dirty_log_free(b);
    address_space_store(as, 0, 1, 1);
    ram_dirty_log_sync();
    g_assert_cmpuint(ram_dirty_log_next(a, page, end), ==, page);
    /* RAM that came later counts as written. */
    MemoryRegion later;
    g_assert_true(memory_region_init_ram(&later, "later", 0x1000, NULL));
    g_assert_true(ram_dirty_log_test(a, later.ram->first_page));
    ram_dirty_log_free(a);
    memory_region_deinit(&later);
    address_space_free(as);
    memory_region_deinit(&ram);
}

static void test_flags(void)
{
    memory_set_hooks(&(MemoryHooks){ on_code, on_map, on_clean });
    MemoryRegion ram;
    g_assert_true(memory_region_init_ram(&ram, "flags", 0x8000, NULL));
    AddressSpace *as = address_space_new(&ram, "flags");
    uint64_t page = ram.ram->first_page;

    g_assert_true(ram_page_dirty(page));
    ram_dirty_log_start();
    g_assert_cmpuint(clean_calls, ==, 1);
    g_assert_false(ram_page_dirty(page + 1));
    address_space_store(as, 0x1ffe, 4, 1);
    g_assert_false(ram_page_dirty(page));
    g_assert_true(ram_page_dirty(page + 1) && ram_page_dirty(page + 2));
    g_assert_false(ram_page_dirty(page + 3));
    uint64_t len = 0x1001;
    void *p = address_space_map(as, 0x3fff, &len, true);
    g_assert_false(ram_page_dirty(page + 3));
    address_space_unmap(as, p, len, true);
    g_assert_true(ram_page_dirty(page + 3) && ram_page_dirty(page + 4));
    g_assert_false(ram_page_dirty(page + 5));

    g_assert_cmpuint(code_calls, ==, 0);
    atomic_fetch_or(&ram_page_flags[page + 5], RAM_PAGE_CODE);
    uint8_t zeros[0x3000] = { 0 };
    address_space_write(as, 0x4800, zeros, 0x1000);
    g_assert_cmpuint(code_calls, ==, 1);
    g_assert_cmphex(code_page, ==, page + 5);
    g_assert_cmphex(code_offset, ==, 0);
    g_assert_cmphex(code_len, ==, 0x800);
    address_space_write_rom(as, 0x5010, zeros, 5);
    g_assert_cmphex(code_offset, ==, 0x10);
    g_assert_cmphex(code_len, ==, 5);

    address_space_free(as);
    memory_region_deinit(&ram);
    memory_set_hooks(&(MemoryHooks){ 0 });
}

static void test_transaction(void)
{
    memory_set_hooks(&(MemoryHooks){ on_code, on_map, on_clean });
    MemoryRegion root, dev;
    memory_region_init_container(&root, "root", 0x10000);
    memory_region_init_mmio(&dev, "dev", 0x1000, &ops_any, NULL);
    AddressSpace *as = address_space_new(&root, "tx");
    map_calls = 0;
    memory_transaction_begin();
    memory_region_add(&root, 0, &dev, 0);
    memory_transaction_begin();
    memory_region_set_addr(&dev, 0x1000);
    memory_transaction_commit();
    memory_region_set_addr(&dev, 0x2000);
    g_assert_null(memory_section_lookup(as, 0x2000).region);
    memory_transaction_commit();
    g_assert_cmpuint(map_calls, ==, 1);
    g_assert_true(memory_section_lookup(as, 0x2000).region == &dev);
    /* No change that can be seen: nobody is told. */
    memory_transaction_begin();
    memory_region_set_enabled(&dev, false);
    memory_region_set_enabled(&dev, true);
    memory_transaction_commit();
    g_assert_cmpuint(map_calls, ==, 1);
    address_space_free(as);
    memory_region_deinit(&dev);
    memory_region_deinit(&root);
    memory_set_hooks(&(MemoryHooks){ 0 });
}

static void test_huge(void)
{
    /* Containers of 2^64, an alias that reaches round, a device at the very top. */
    MemoryRegion root, inner, all, dev, top;
    memory_region_init_container(&root, "root", UINT64_MAX);
    memory_region_init_container(&inner, "inner", UINT64_MAX);
    memory_region_init_mmio(&all, "all", UINT64_MAX, &ops_any, NULL);
    memory_region_init_mmio(&dev, "dev", 0x1000, &ops_any, NULL);
    memory_region_init_alias(&top, "top", &inner, 0x5000, 0x2000);
    memory_region_add(&inner, 0x6000, &dev, 0);
    memory_region_add(&root, 0, &all, -5);
    memory_region_add(&root, 0xffffffffffffe000, &top, 0);
    AddressSpace *as = address_space_new(&root, "huge");
    g_assert_true(memory_section_lookup(as, UINT64_MAX).region == &dev);
    g_assert_cmphex(memory_section_lookup(as, UINT64_MAX).start, ==, 0xfffffffffffff000);
    MemorySection s = memory_section_lookup(as, 0xffffffffffffe123);
    g_assert_true(s.region == &all);
    g_assert_cmphex(s.start, ==, 0);
    g_assert_cmphex(s.last, ==, 0xffffffffffffefff);
    memory_region_set_enabled(&top, false);
    g_assert_cmphex(memory_section_lookup(as, 1).last, ==, UINT64_MAX);
    address_space_free(as);
    for (MemoryRegion **r = (MemoryRegion *[]){ &top, &dev, &all, &inner, &root, NULL }; *r; r++)
        memory_region_deinit(*r);
}

/* ---- random trees against a model that asks the tree for every address ---- */

typedef struct Found {
    MemoryRegion *region;
    uint64_t offset;
} Found;

/* By the rules of the header, without clipping tricks: who answers at offset of r? */
static Found model_find(MemoryRegion *r, uint64_t offset)
{
    Found none = { NULL, 0 };
    if (!r->enabled || (r->size != UINT64_MAX && offset >= r->size))
        return none;
    for (int priority = 2; priority >= -1; priority--) {
        for (unsigned i = 0; r->subregions && i < r->subregions->len; i++) {
            MemoryRegion *sub = r->subregions->pdata[i];
            if (sub->priority != priority || offset < sub->addr)
                continue;
            Found f = model_find(sub, offset - sub->addr);
            if (f.region)
                return f;
        }
    }
    switch (r->kind) {
    case MEMORY_CONTAINER: return none;
    case MEMORY_ALIAS: return model_find(r->alias, offset + r->alias_offset);
    default: return (Found){ r, offset };
    }
}

enum { N_REGIONS = 24, SPACE = 0x4000, STEP = 0x10 };

static void check_model(AddressSpace *as, MemoryRegion *root)
{
    for (uint64_t a = 0; a < SPACE; a += STEP) {
        Found f = model_find(root, a);
        MemorySection s = memory_section_lookup(as, a);
        g_assert_true(s.start <= a && a <= s.last);
        g_assert_true(s.region == f.region);
        if (f.region)
            g_assert_cmphex(s.offset + (a - s.start), ==, f.offset);
        if (s.host) {
            g_assert_cmphex(s.start & 0xfff, ==, 0);
            g_assert_true(s.host == f.region->ram->host + s.offset);
            g_assert_true(ram_page_host(s.ram_page) == s.host);
        }
    }
}

static void test_random(void)
{
    for (unsigned seed = 0; seed < 150; seed++) {
        GRand *rand = g_rand_new_with_seed(seed);
        MemoryRegion root, r[N_REGIONS];
        memory_region_init_container(&root, "root", SPACE);
        AddressSpace *as = address_space_new(&root, "random");
        for (unsigned i = 0; i < N_REGIONS; i++) {
            uint64_t size = g_rand_int_range(rand, 1, SPACE / STEP / 2) * STEP;
            switch (g_rand_int_range(rand, 0, 5)) {
            case 0:
                g_assert_true(memory_region_init_ram(&r[i], "ram", size, NULL));
                break;
            case 1:
            case 2:
                memory_region_init_mmio(&r[i], "mmio", size, &ops_any, NULL);
                break;
            case 3:
                memory_region_init_container(&r[i], "container", size);
                break;
            default: /* of an earlier region, so that there is no cycle */
                memory_region_init_alias(&r[i], "alias", i ? &r[g_rand_int_range(rand, 0, i)]
                                                           : &root,
                                         g_rand_int_range(rand, 0, 64) * STEP, size);
                if (!i)
                    r[i].kind = MEMORY_CONTAINER;
                break;
            }
            /* Into the root or a later-made container would allow cycles: root or earlier. */
            MemoryRegion *in = &root;
            if (i && g_rand_boolean(rand)) {
                MemoryRegion *c = &r[g_rand_int_range(rand, 0, i)];
                /* An alias only points to earlier ones, which may contain it: keep it out. */
                if (r[i].kind != MEMORY_ALIAS && c->kind == MEMORY_CONTAINER)
                    in = c;
            }
            uint64_t step = g_rand_boolean(rand) ? STEP : 0x1000;
            memory_region_add(in, g_rand_int_range(rand, 0, SPACE / step) * step, &r[i],
                              g_rand_int_range(rand, -1, 3));
        }
        check_model(as, &root);
        for (unsigned n = 0; n < 10; n++) {
            MemoryRegion *x = &r[g_rand_int_range(rand, 0, N_REGIONS)];
            switch (g_rand_int_range(rand, 0, 3)) {
            case 0: memory_region_set_enabled(x, !x->enabled); break;
            case 1: memory_region_set_addr(x, g_rand_int_range(rand, 0, 0x400) * STEP); break;
            default: {
                MemoryRegion *in = x->container;
                memory_region_del(in, x);
                memory_region_add(in, x->addr, x, g_rand_int_range(rand, -1, 3));
            }
            }
            check_model(as, &root);
        }
        address_space_free(as);
        for (int i = N_REGIONS - 1; i >= 0; i--)
            memory_region_deinit(&r[i]);
        memory_region_deinit(&root);
        g_rand_free(rand);
    }
}

/* ---- lookups while the map changes ---- */

static AddressSpace *busy_as;
static MemoryRegion busy_a, busy_b;
static _Atomic bool busy_end;

static void *busy_reader(void *arg)
{
    uint64_t n = 0;
    while (!busy_end) {
        for (hwaddr a = 0; a < 0x8000; a += 0x800) {
            MemorySection s = memory_section_lookup(busy_as, a);
            g_assert_true(s.start <= a && a <= s.last);
            g_assert_true(!s.region || s.region == &busy_a || s.region == &busy_b);
            uint64_t v;
            address_space_load(busy_as, a, 4, &v);
            n++;
        }
    }
    *(uint64_t *)arg = n;
    return NULL;
}

static void test_concurrent(void)
{
    MemoryRegion root;
    memory_region_init_container(&root, "root", 0x10000);
    g_assert_true(memory_region_init_ram(&busy_a, "a", 0x4000, NULL));
    memory_region_init_mmio(&busy_b, "b", 0x1000, &ops_any, NULL);
    memory_region_add(&root, 0, &busy_a, 0);
    memory_region_add(&root, 0, &busy_b, 1);
    busy_as = address_space_new(&root, "busy");
    pthread_t t[3];
    uint64_t counts[3];
    for (unsigned i = 0; i < G_N_ELEMENTS(t); i++)
        pthread_create(&t[i], NULL, busy_reader, &counts[i]);
    gint64 end = g_get_monotonic_time() + 400000;
    unsigned changes = 0;
    while (g_get_monotonic_time() < end || changes <= 10) {
        memory_region_set_addr(&busy_b, (changes * 0x1000) & 0x7fff);
        changes++;
        main_unlock(); /* readers of MMIO need it */
        main_lock();
    }
    busy_end = true;
    main_unlock();
    for (unsigned i = 0; i < G_N_ELEMENTS(t); i++)
        pthread_join(t[i], NULL);
    main_lock();
    address_space_free(busy_as);
    memory_region_deinit(&busy_a);
    memory_region_deinit(&busy_b);
    memory_region_deinit(&root);
}

/* RAM takes memory of the host only where it was touched. */
static void test_lazy(void)
{
    MemoryRegion ram;
    g_assert_true(memory_region_init_ram(&ram, "big", (uint64_t)16 << 30, NULL));
    AddressSpace *as = address_space_new(&ram, "big");
    address_space_store(as, (uint64_t)9 << 30, 4, 1);
    unsigned char *vec = g_malloc(1 << 18);
    unsigned resident = 0;
    g_assert_cmpint(mincore(ram.ram->host + ((uint64_t)9 << 30), 1 << 30, vec), ==, 0);
    for (unsigned i = 0; i < 1 << 18; i++)
        resident += vec[i] & 1;
    g_assert_cmpuint(resident, >=, 1);
    g_assert_cmpuint(resident, <=, 512);
    g_free(vec);
    address_space_free(as);
    memory_region_deinit(&ram);

    /* In a file, shared or not. */
    for (unsigned shared = 0; shared < 2; shared++) {
        int fd = memfd_create("file", MFD_CLOEXEC), copy = dup(fd);
        g_assert_cmpint(ftruncate(fd, 0x4000), ==, 0);
        g_assert_cmpint(pwrite(fd, "abcd", 4, 0x1000), ==, 4);
        g_assert_true(memory_region_init_ram_file(&ram, "file", 0x4000, fd, shared, NULL));
        as = address_space_new(&ram, "file");
        check_load(as, 0x1000, 4, load_le32("abcd"));
        address_space_store(as, 0x1000, 1, 'x');
        address_space_free(as);
        memory_region_deinit(&ram);
        char c;
        g_assert_cmpint(pread(copy, &c, 1, 0x1000), ==, 1);
        g_assert_cmpint(c, ==, shared ? 'x' : 'a');
        close(copy);
    }

    GError *error = NULL;
    g_assert_false(memory_region_init_ram(&ram, "huge", (uint64_t)1 << 62, &error));
    g_assert_nonnull(strstr(error->message, "-m"));
    g_clear_error(&error);
    g_assert_false(memory_region_init_ram(&ram, "none", 0, &error));
    g_clear_error(&error);
}

static void test_print(void)
{
    MemoryRegion root, ram, dev, alias;
    memory_region_init_container(&root, "root", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&ram, "test.ram", 0x8000000, NULL));
    memory_region_init_mmio(&dev, "serial", 8, &ops_any, NULL);
    memory_region_init_alias(&alias, "serial-alias", &dev, 4, 4);
    memory_region_add(&root, 0x80000000, &ram, 0);
    memory_region_add(&root, 0x10000000, &dev, 1);
    memory_region_add(&root, 0x20000000, &alias, 0);
    memory_region_set_enabled(&dev, false);
    AddressSpace *as = address_space_new(&root, "printed");
    GString *s = g_string_new(NULL);
    memory_print_tree(s, false);
    g_assert_nonnull(strstr(s->str,
        "address-space: printed\n"
        "  0000000000000000-ffffffffffffffff (prio 0, i/o): root\n"
        "    0000000010000000-0000000010000007 (prio 1, i/o): serial [disabled]\n"
        "    0000000020000000-0000000020000003 (prio 0, i/o): alias serial-alias @serial "
        "0000000000000004-0000000000000007\n"
        "    0000000080000000-0000000087ffffff (prio 0, ram): test.ram\n"));
    memory_region_set_enabled(&dev, true);
    g_string_truncate(s, 0);
    memory_print_tree(s, true);
    g_assert_nonnull(strstr(s->str,
        " AS \"printed\", root: root\n"
        " Root memory region: root\n"
        "  0000000010000000-0000000010000007 (prio 1, i/o): serial\n"
        "  0000000020000000-0000000020000003 (prio 1, i/o): serial @0000000000000004\n"
        "  0000000080000000-0000000087ffffff (prio 0, ram): test.ram\n"));
    g_string_free(s, true);
    address_space_free(as);
    for (MemoryRegion **r = (MemoryRegion *[]){ &ram, &dev, &alias, &root, NULL }; *r; r++)
        memory_region_deinit(*r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_lock();
    memory_init();
    g_test_add_func("/memory/splitting", test_splitting);
    g_test_add_func("/memory/bus-error", test_bus_error);
    g_test_add_func("/memory/ram", test_ram);
    g_test_add_func("/memory/flags", test_flags);
    g_test_add_func("/memory/dirty-logs", test_dirty_logs);
    g_test_add_func("/memory/transaction", test_transaction);
    g_test_add_func("/memory/huge", test_huge);
    g_test_add_func("/memory/random", test_random);
    g_test_add_func("/memory/concurrent", test_concurrent);
    g_test_add_func("/memory/lazy", test_lazy);
    g_test_add_func("/memory/print", test_print);
    return g_test_run();
}
