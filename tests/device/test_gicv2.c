/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv2 against IHI 0048B. Section numbers are its. */
#include "gic.h"

enum { DIST = 0x08000000, CPU = 0x08010000, HYP = 0x08030000, VCPU = 0x08040000, V2M = 0x08020000 };
enum { CTLR = 0, PMR = 4, BPR = 8, IAR = 0xc, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18, ABPR = 0x1c,
       AIAR = 0x20, AEOIR = 0x24, AHPPIR = 0x28, APR = 0xd0, NSAPR = 0xe0, DIR_ = 0x1000 };
enum { ICTLR = 0, TYPER = 4, IGROUPR = 0x80, ISENABLER = 0x100, ICENABLER = 0x180, ISPENDR = 0x200,
       ICPENDR = 0x280, ISACTIVER = 0x300, ICACTIVER = 0x380, IPRIORITYR = 0x400,
       ITARGETSR = 0x800, ICFGR = 0xc00, SGIR = 0xf00, CPENDSGIR = 0xf10, SPENDSGIR = 0xf20 };
enum { HCR = 0, VTR = 4, VMCR = 8, MISR = 0x10, EISR = 0x20, ELRSR = 0x30, HAPR = 0xf0, LR = 0x100 };
enum { NONE = 1023, NONSECURE = 1022 };

static Device *plain, *secure; /* 4 processors: one state, two states with virtualization */

static uint32_t rd(uint32_t at) { return bare_read(DIST + at, 4); }
static void wr(uint32_t at, uint32_t v) { bare_write(DIST + at, 4, v); }
static void wrb(uint32_t at, uint8_t v) { bare_write(DIST + at, 1, v); }
static uint32_t rc(uint32_t at) { return bare_read(CPU + at, 4); }
static void wc(uint32_t at, uint32_t v) { bare_write(CPU + at, 4, v); }
static uint32_t rh(uint32_t at) { return bare_read(HYP + at, 4); }
static void wh(uint32_t at, uint32_t v) { bare_write(HYP + at, 4, v); }
static uint32_t rv(uint32_t at) { return bare_read(VCPU + at, 4); }
static void wv(uint32_t at, uint32_t v) { bare_write(VCPU + at, 4, v); }
static bool bit(uint32_t at, unsigned n) { return rd(at + n / 32 * 4) >> (n % 32) & 1; }
static void set_bit(uint32_t at, unsigned n) { wr(at + n / 32 * 4, 1u << (n % 32)); }
static void edge(unsigned n, bool on)
{
    uint32_t at = ICFGR + n / 16 * 4, sh = n % 16 * 2;
    wr(at, (rd(at) & ~(3u << sh)) | (on ? 2u : 0) << sh);
}
static void group1(unsigned n, bool on)
{
    uint32_t at = IGROUPR + n / 32 * 4, b = 1u << (n % 32);
    wr(at, on ? rd(at) | b : rd(at) & ~b);
}

static void map(MemoryRegion *r, hwaddr at, bool on)
{
    if (r && on)
        memory_region_add(memory_system_root(), at, r, 0);
    else if (r && r->container)
        memory_region_del(memory_system_root(), r);
}

static void use(Device *dev)
{
    if (gic)
        for (int i = ARM_GIC_DIST; i <= ARM_GIC_VCPU; i++)
            map(arm_gic_region(gic, i), 0, false);
    gic = dev;
    static const hwaddr at[] = { DIST, CPU, HYP, VCPU };
    for (int i = ARM_GIC_DIST; i <= ARM_GIC_VCPU; i++)
        map(arm_gic_region(gic, i), at[i], true);
    for (unsigned n = 32; n < 96; n++)
        spi(n, 0);
    for (unsigned c = 0; c < 4; c++)
        for (unsigned n = 16; n < 32; n++)
            ppi(c, n, 0);
    as_cpu(0);
    as_secure(true);
    device_reset(gic);
}

static Device *make(const char *const *props)
{
    Device *dev = bare_device("arm_gic", 0x70000000, props);
    memory_region_del(memory_system_root(), &dev->mmio);
    return dev;
}

/* All of Group 0 and 1 enabled everywhere, SPIs to processor 0. */
static void enable_all(Device *dev)
{
    use(dev);
    wr(ICTLR, 3);
    for (unsigned c = 0; c < 4; c++) {
        as_cpu(c);
        wc(CTLR, 3);
        wc(PMR, 0xff);
    }
    as_cpu(0);
    for (unsigned n = 32; n < 96; n += 4)
        wr(ITARGETSR + n, 0x01010101);
}

/* One security state. */
static void setup(void)
{
    if (!plain)
        plain = make((const char *const[]){ "num-cpu=4", "num-irq=96", NULL });
    enable_all(plain);
}

static void setup_secure(void)
{
    if (!secure)
        secure = make((const char *const[]){ "num-cpu=4", "num-irq=96",
                                             "has-security-extensions=on",
                                             "has-virtualization-extensions=on", NULL });
    enable_all(secure);
}

static void test_identity(void)
{
    setup();
    device_reset(gic);
    g_assert_cmphex(rd(TYPER), ==, 2 | 3 << 5);
    g_assert_cmphex(rd(ICTLR), ==, 0);
    g_assert_cmphex(rd(ISENABLER), ==, 0xffff);
    g_assert_cmphex(rd(ICFGR), ==, 0xaaaaaaaa);
    g_assert_cmphex(rd(ICFGR + 8), ==, 0);
    g_assert_cmphex(rd(0xfe8), ==, 0x2b);
    g_assert_cmphex(rd(0xff0), ==, 0x0d);
    g_assert_cmphex(rd(0xffc), ==, 0xb1);
    g_assert_cmphex(rc(BPR), ==, 0);
    g_assert_cmphex(rc(ABPR), ==, 1);
    g_assert_cmphex(rc(RPR), ==, 0xff);
    g_assert_cmphex(rc(IAR), ==, NONE);
    g_assert_cmphex(rc(HPPIR), ==, NONE);
    g_assert_cmphex(rc(0xfc), ==, 0x0002043b);
    /* SGIs can't be disabled, nor be anything but edge-triggered. */
    wr(ICENABLER, UINT32_MAX);
    g_assert_cmphex(rd(ISENABLER), ==, 0xffff);
    wr(ICFGR, 0);
    g_assert_cmphex(rd(ICFGR), ==, 0xaaaaaaaa);
    /* What doesn't exist reads as zero and ignores writes. */
    wr(ISENABLER + 12, UINT32_MAX);
    g_assert_cmphex(rd(ISENABLER + 12), ==, 0);
    wr(IPRIORITYR + 96, UINT32_MAX);
    g_assert_cmphex(rd(IPRIORITYR + 96), ==, 0);
    setup_secure();
    g_assert_cmphex(rd(TYPER), ==, 2 | 3 << 5 | 1 << 10);
}

static void test_masks(void)
{
    setup();
    for (unsigned n = 32; n < 96; n += 4) {
        wr(IPRIORITYR + n, 0x12345678);
        g_assert_cmphex(rd(IPRIORITYR + n), ==, 0x12345678);
        wrb(IPRIORITYR + n + 2, 0xaa);
        g_assert_cmphex(rd(IPRIORITYR + n), ==, 0x12aa5678);
        g_assert_cmphex(bare_read(DIST + IPRIORITYR + n + 2, 1), ==, 0xaa);
        wr(ITARGETSR + n, 0xff0f0103);
        g_assert_cmphex(rd(ITARGETSR + n), ==, 0x0f0f0103);
    }
    for (unsigned w = 1; w < 3; w++) {
        wr(ISENABLER + 4 * w, 0xf0f0);
        g_assert_cmphex(rd(ISENABLER + 4 * w), ==, 0xf0f0);
        g_assert_cmphex(rd(ICENABLER + 4 * w), ==, 0xf0f0);
        wr(ICENABLER + 4 * w, 0xff);
        g_assert_cmphex(rd(ISENABLER + 4 * w), ==, 0xf000);
        wr(ISPENDR + 4 * w, 0x11);
        g_assert_cmphex(rd(ICPENDR + 4 * w), ==, 0x11);
        wr(ICPENDR + 4 * w, 0x10);
        g_assert_cmphex(rd(ISPENDR + 4 * w), ==, 0x1);
        wr(ISACTIVER + 4 * w, 0x30);
        wr(ICACTIVER + 4 * w, 0x10);
        g_assert_cmphex(rd(ISACTIVER + 4 * w), ==, 0x20);
        wr(IGROUPR + 4 * w, 0xdeadbeef);
        g_assert_cmphex(rd(IGROUPR + 4 * w), ==, 0xdeadbeef);
    }
    wr(ICFGR + 8, UINT32_MAX);
    g_assert_cmphex(rd(ICFGR + 8), ==, 0xaaaaaaaa);
    wc(CTLR, UINT32_MAX);
    g_assert_cmphex(rc(CTLR), ==, 0x21f);
    wc(PMR, 0x5a);
    g_assert_cmphex(rc(PMR), ==, 0x5a);
    wc(BPR, 7);
    wc(ABPR, 0);
    g_assert_cmphex(rc(BPR), ==, 7);
    g_assert_cmphex(rc(ABPR), ==, 1);
    assert_record_holds(gic);
}

static void test_banked(void)
{
    setup();
    for (unsigned c = 0; c < 4; c++) {
        as_cpu(c);
        wr(IPRIORITYR + 28, 0x10u * c + 1);
        wr(ISENABLER, 1u << (16 + c));
        wc(PMR, 0x80 + c);
    }
    for (unsigned c = 0; c < 4; c++) {
        as_cpu(c);
        g_assert_cmphex(rd(IPRIORITYR + 28), ==, 0x10u * c + 1);
        g_assert_cmphex(rd(ISENABLER), ==, 0xffffu | 1u << (16 + c));
        g_assert_cmphex(rc(PMR), ==, 0x80 + c);
        g_assert_cmphex(rd(ITARGETSR), ==, 0x01010101u << c);
        g_assert_cmphex(rd(ITARGETSR + 28), ==, 0x01010101u << c);
    }
    /* PPIs are each processor's own. */
    ppi(2, 18, 1);
    g_assert_cmpstr(pins(2), ==, "irq");
    g_assert_cmpstr(pins(1), ==, "");
    as_cpu(2);
    g_assert_cmpuint(rc(IAR), ==, 18);
    as_cpu(1);
    g_assert_cmpuint(rc(IAR), ==, NONE);
    ppi(2, 18, 0);
    as_cpu(9); /* debuggers and the like: as the first */
    g_assert_cmphex(rd(ITARGETSR), ==, 0x01010101u);
}

static void test_level(void)
{
    setup();
    set_bit(ISENABLER, 40);
    spi(40, 1);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_true(bit(ISPENDR, 40));
    spi(40, 0); /* withdrawn before it was taken */
    g_assert_cmpstr(pins(0), ==, "");
    g_assert_cmpuint(rc(IAR), ==, NONE);
    spi(40, 1);
    g_assert_cmpuint(rc(IAR), ==, 40);
    /* Active and pending while the line is high, and not signalled before it is deactivated. */
    g_assert_true(bit(ISACTIVER, 40));
    g_assert_true(bit(ISPENDR, 40));
    g_assert_cmpstr(pins(0), ==, "");
    wc(EOIR, 40);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rc(IAR), ==, 40);
    spi(40, 0);
    wc(EOIR, 40);
    g_assert_cmpstr(pins(0), ==, "");
    /* Made pending by software: until it is taken. */
    set_bit(ISPENDR, 40);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rc(IAR), ==, 40);
    wc(EOIR, 40);
    g_assert_cmpuint(rc(IAR), ==, NONE);
    /* GICD_ICPENDR can't lower a line. */
    spi(40, 1);
    set_bit(ICPENDR, 40);
    g_assert_true(bit(ISPENDR, 40));
}

static void test_edge(void)
{
    setup();
    set_bit(ISENABLER, 40);
    edge(40, true);
    spi(40, 1);
    spi(40, 0);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rc(IAR), ==, 40);
    g_assert_false(bit(ISPENDR, 40));
    spi(40, 1); /* another one while it is active */
    g_assert_true(bit(ISPENDR, 40));
    g_assert_cmpstr(pins(0), ==, "");
    wc(EOIR, 40);
    g_assert_cmpuint(rc(IAR), ==, 40);
    wc(EOIR, 40);
    g_assert_cmpuint(rc(IAR), ==, NONE); /* high, but no edge */
    set_bit(ISPENDR, 40);
    set_bit(ICPENDR, 40);
    g_assert_cmpstr(pins(0), ==, "");
}

static void test_priority(void)
{
    setup();
    for (unsigned n = 40; n < 44; n++) {
        set_bit(ISENABLER, n);
        edge(n, true);
    }
    wrb(IPRIORITYR + 40, 0x80);
    wrb(IPRIORITYR + 41, 0x40);
    wrb(IPRIORITYR + 42, 0x40);
    wrb(IPRIORITYR + 43, 0x20);
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rc(IAR), ==, 40);
    g_assert_cmphex(rc(RPR), ==, 0x80);
    set_bit(ISPENDR, 42);
    set_bit(ISPENDR, 41);
    g_assert_cmpuint(rc(HPPIR), ==, 41); /* of equals the lowest number */
    g_assert_cmpstr(pins(0), ==, "irq"); /* preempts */
    g_assert_cmpuint(rc(IAR), ==, 41);
    g_assert_cmphex(rc(RPR), ==, 0x40);
    g_assert_cmpstr(pins(0), ==, "");    /* 42 doesn't */
    g_assert_cmpuint(rc(IAR), ==, NONE);
    set_bit(ISPENDR, 43);
    g_assert_cmpuint(rc(IAR), ==, 43);
    g_assert_cmphex(rc(RPR), ==, 0x20);
    wc(EOIR, 43);
    g_assert_cmphex(rc(RPR), ==, 0x40);
    wc(EOIR, 41);
    g_assert_cmphex(rc(RPR), ==, 0x80);
    g_assert_cmpuint(rc(IAR), ==, 42);
    wc(EOIR, 42);
    wc(EOIR, 40);
    g_assert_cmphex(rc(RPR), ==, 0xff);
    /* The mask: only higher priorities than it are signalled; HPPIR doesn't care. */
    wc(PMR, 0x40);
    set_bit(ISPENDR, 41);
    g_assert_cmpstr(pins(0), ==, "");
    g_assert_cmpuint(rc(IAR), ==, NONE);
    g_assert_cmpuint(rc(HPPIR), ==, 41);
    wc(PMR, 0x41);
    g_assert_cmpstr(pins(0), ==, "irq");
    /* A new priority for what is pending. */
    wrb(IPRIORITYR + 41, 0x90);
    g_assert_cmpstr(pins(0), ==, "");
}

static void test_binary_point(void)
{
    setup();
    for (unsigned n = 40; n < 42; n++) {
        set_bit(ISENABLER, n);
        edge(n, true);
    }
    wrb(IPRIORITYR + 40, 0x4f);
    wrb(IPRIORITYR + 41, 0x48);
    wc(BPR, 3); /* bits 7 to 4 decide */
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rc(IAR), ==, 40);
    g_assert_cmphex(rc(RPR), ==, 0x40);
    g_assert_cmphex(rc(APR), ==, 0);
    g_assert_cmphex(rc(APR + 4), ==, 1);
    set_bit(ISPENDR, 41);
    g_assert_cmpstr(pins(0), ==, "");
    wc(BPR, 2); /* bits 7 to 3 */
    wc(EOIR, 40);
    wc(EOIR, 41);
    g_assert_cmpuint(rc(IAR), ==, 41);
    wc(EOIR, 41);
    /* Group 1 has its own, one less, unless CBPR says otherwise. */
    group1(40, true);
    group1(41, true);
    wc(BPR, 0);
    wc(ABPR, 4);
    wc(CTLR, 3 | 4);
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rc(IAR), ==, 40);
    g_assert_cmphex(rc(NSAPR + 4), ==, 1);
    set_bit(ISPENDR, 41);
    g_assert_cmpstr(pins(0), ==, "");
    wc(CTLR, 3 | 4 | 16);
    g_assert_cmpstr(pins(0), ==, ""); /* 0x48 is not below the running 0x40 */
    wc(EOIR, 40);
    g_assert_cmpuint(rc(IAR), ==, 41);
    g_assert_cmphex(rc(RPR), ==, 0x48);
}

static void test_eoi_modes(void)
{
    setup();
    set_bit(ISENABLER, 40);
    wc(CTLR, 3 | 1 << 9);
    spi(40, 1);
    g_assert_cmpuint(rc(IAR), ==, 40);
    wc(EOIR, 40);
    g_assert_cmphex(rc(RPR), ==, 0xff);
    g_assert_true(bit(ISACTIVER, 40));
    g_assert_cmpstr(pins(0), ==, ""); /* active still */
    wc(DIR_, 40);
    g_assert_false(bit(ISACTIVER, 40));
    g_assert_cmpstr(pins(0), ==, "irq");
    wc(CTLR, 3);
    g_assert_cmpuint(rc(IAR), ==, 40);
    wc(DIR_, 40); /* ignored in this mode */
    g_assert_true(bit(ISACTIVER, 40));
    spi(40, 0);
    wc(EOIR, 40);
    /* Deactivated by the distributor, on behalf of another processor. */
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rc(IAR), ==, 40);
    as_cpu(3);
    set_bit(ICACTIVER, 40);
    as_cpu(0);
    g_assert_false(bit(ISACTIVER, 40));
    /* Special numbers and those that don't exist change nothing. */
    for (unsigned n = 96; n < 1024; n++)
        wc(EOIR, n);
    g_assert_cmphex(rc(RPR), ==, 0);
}

static void test_targets(void)
{
    setup();
    set_bit(ISENABLER, 50);
    wrb(ITARGETSR + 50, 0x0a);
    spi(50, 1);
    g_assert_cmpstr(pins(0), ==, "");
    g_assert_cmpstr(pins(1), ==, "irq");
    g_assert_cmpstr(pins(3), ==, "irq");
    as_cpu(3);
    g_assert_cmpuint(rc(IAR), ==, 50);
    g_assert_cmpstr(pins(1), ==, ""); /* the first one takes it */
    as_cpu(1);
    g_assert_cmpuint(rc(IAR), ==, NONE);
    as_cpu(3);
    wc(EOIR, 50);
    g_assert_cmpstr(pins(1), ==, "irq");
    wrb(ITARGETSR + 50, 0x04);
    g_assert_cmpstr(pins(1), ==, "");
    g_assert_cmpstr(pins(2), ==, "irq");
    /* Neither enabled nor forwarded. */
    set_bit(ICENABLER, 50);
    g_assert_cmpstr(pins(2), ==, "");
    set_bit(ISENABLER, 50);
    wr(ICTLR, 0);
    g_assert_cmpstr(pins(2), ==, "");
    g_assert_true(bit(ISPENDR, 50));
    wr(ICTLR, 1);
    g_assert_cmpstr(pins(2), ==, "irq");
    as_cpu(2);
    wc(CTLR, 0);
    g_assert_cmpstr(pins(2), ==, "");
    g_assert_cmpuint(rc(IAR), ==, NONE);
}

static void test_sgi(void)
{
    setup();
    as_cpu(1);
    wr(SGIR, 0x0d << 16 | 5); /* to 0, 2 and 3 */
    as_cpu(2);
    wr(SGIR, 1u << 24 | 5);   /* to all others */
    wr(SGIR, 2u << 24 | 7);   /* to itself */
    wr(SGIR, 3u << 24 | 0xff0000 | 9);
    g_assert_cmpstr(pins(1), ==, "irq");
    as_cpu(0);
    g_assert_cmphex(rd(CPENDSGIR + 4), ==, 0x06 << 8);
    g_assert_cmphex(rd(ISPENDR), ==, 1 << 5);
    g_assert_cmphex(rc(HPPIR), ==, 1 << 10 | 5);
    g_assert_cmphex(rc(IAR), ==, 1 << 10 | 5);
    g_assert_cmpstr(pins(0), ==, "");
    wc(EOIR, 1 << 10 | 5);
    g_assert_cmphex(rc(IAR), ==, 2 << 10 | 5);
    wc(EOIR, 2 << 10 | 5);
    g_assert_cmphex(rc(IAR), ==, NONE);
    as_cpu(2);
    g_assert_cmphex(rc(IAR), ==, 1 << 10 | 5);
    wc(EOIR, 1 << 10 | 5);
    g_assert_cmphex(rc(IAR), ==, 2 << 10 | 7);
    wc(EOIR, 2 << 10 | 7);
    g_assert_cmphex(rc(IAR), ==, NONE);
    /* GICD_ISPENDR doesn't make SGIs pending, GICD_SPENDSGIR does. */
    wr(ISPENDR, 0xffff);
    g_assert_cmphex(rd(ISPENDR), ==, 0);
    wrb(SPENDSGIR + 6, 0xff);
    g_assert_cmphex(rd(SPENDSGIR + 4), ==, 0x0f0000);
    wrb(CPENDSGIR + 6, 0x01);
    g_assert_cmphex(rd(SPENDSGIR + 4), ==, 0x0e0000);
    g_assert_cmphex(rc(IAR), ==, 1 << 10 | 6);
    assert_record_holds(gic);
}

static void test_groups(void)
{
    setup();
    set_bit(ISENABLER, 40);
    set_bit(ISENABLER, 41);
    group1(41, true);
    wrb(IPRIORITYR + 41, 0x10);
    wc(CTLR, 3 | 8); /* Group 0 by FIQ */
    spi(40, 1);
    g_assert_cmpstr(pins(0), ==, "fiq");
    group1(40, true);
    g_assert_cmpstr(pins(0), ==, "irq");
    group1(40, false);
    g_assert_cmpstr(pins(0), ==, "fiq");
    g_assert_cmpuint(rc(AIAR), ==, NONE);
    g_assert_cmpuint(rc(AHPPIR), ==, NONE);
    spi(40, 0);
    spi(41, 1);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rc(IAR), ==, NONSECURE);
    g_assert_cmpuint(rc(HPPIR), ==, NONSECURE);
    g_assert_cmpuint(rc(AHPPIR), ==, 41);
    g_assert_cmpuint(rc(AIAR), ==, 41);
    g_assert_cmphex(rc(NSAPR), ==, 1 << 8);
    wc(AEOIR, 41);
    g_assert_cmphex(rc(NSAPR), ==, 0);
    wc(CTLR, 3 | 4); /* AckCtl */
    g_assert_cmpuint(rc(IAR), ==, 41);
    spi(41, 0);
    wc(EOIR, 41);
    /* A group that is off at the interface hides nothing of the other's enable. */
    wc(CTLR, 2);
    spi(40, 1);
    g_assert_cmpstr(pins(0), ==, "");
    wr(ICTLR, 2);
    spi(41, 1);
    g_assert_cmpstr(pins(0), ==, "irq");
}

static void test_security(void)
{
    setup_secure();
    group1(41, true);
    wr(ISENABLER + 4, 3 << 8);
    wrb(IPRIORITYR + 40, 0x20);
    wrb(IPRIORITYR + 41, 0xa0);
    wc(CTLR, 1 | 2 | 8);
    as_secure(false);
    /* Group 0 isn't there for non-secure accesses. */
    g_assert_cmphex(rd(ISENABLER + 4), ==, 2 << 8);
    g_assert_cmphex(rd(IPRIORITYR + 40), ==, 0x4000); /* its half of the priorities */
    wr(IPRIORITYR + 40, 0x6060);
    wr(ICENABLER + 4, UINT32_MAX);
    wr(IGROUPR + 4, UINT32_MAX);
    g_assert_cmphex(rd(IGROUPR + 4), ==, 0);
    g_assert_cmphex(rd(ICTLR), ==, 1);
    g_assert_cmphex(rc(CTLR), ==, 1);
    wc(CTLR, UINT32_MAX);
    g_assert_cmphex(rc(CTLR), ==, 0x201);
    wc(CTLR, 1);
    g_assert_cmphex(rc(PMR), ==, 0xfe);
    as_secure(true);
    g_assert_cmphex(rd(ISENABLER + 4), ==, 1 << 8);
    g_assert_cmphex(rd(IPRIORITYR + 40), ==, 0xb020);
    g_assert_cmphex(rd(IGROUPR + 4), ==, 2 << 8);
    set_bit(ISENABLER, 41);
    /* Both pending: FIQ for Group 0 goes first, and is none of non-secure software's business. */
    spi(40, 1);
    spi(41, 1);
    g_assert_cmpstr(pins(0), ==, "fiq");
    as_secure(false);
    g_assert_cmpuint(rc(IAR), ==, NONE);
    g_assert_cmpuint(rc(HPPIR), ==, NONE);
    as_secure(true);
    g_assert_cmpuint(rc(IAR), ==, 40);
    spi(40, 0);
    as_secure(false);
    wc(EOIR, 40);
    g_assert_cmphex(rc(RPR), ==, 0); /* a secure priority */
    as_secure(true);
    g_assert_true(bit(ISACTIVER, 40));
    wc(EOIR, 40);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rc(IAR), ==, NONSECURE);
    as_secure(false);
    g_assert_cmpuint(rc(IAR), ==, 41);
    g_assert_cmphex(rc(RPR), ==, 0x60);
    g_assert_cmphex(rc(APR + 0), ==, 0x01000000);
    g_assert_cmphex(rc(NSAPR + 8), ==, 0);
    as_secure(true);
    g_assert_cmphex(rc(NSAPR + 8), ==, 0x01000000);
    as_secure(false);
    wc(EOIR, 41);
    g_assert_cmphex(rc(RPR), ==, 0xff);
    /* The mask in the secure half can't be moved. */
    as_secure(true);
    wc(PMR, 0x70);
    as_secure(false);
    g_assert_cmphex(rc(PMR), ==, 0);
    wc(PMR, 0xf0);
    as_secure(true);
    g_assert_cmphex(rc(PMR), ==, 0x70);
    wc(PMR, 0x80);
    as_secure(false);
    wc(PMR, 0xf0);
    as_secure(true);
    g_assert_cmphex(rc(PMR), ==, 0xf8);
    /* GICC_BPR is banked as GICC_ABPR. */
    wc(ABPR, 5);
    wc(BPR, 2);
    as_secure(false);
    g_assert_cmphex(rc(BPR), ==, 5);
    g_assert_cmphex(rc(ABPR), ==, 0);
    as_secure(true);
    wc(CTLR, 3 | 16);
    as_secure(false);
    g_assert_cmphex(rc(BPR), ==, 3);
    wc(BPR, 7);
    as_secure(true);
    g_assert_cmphex(rc(ABPR), ==, 5);
    assert_record_holds(gic);
}

static void test_secure_sgi(void)
{
    setup_secure();
    group1(3, true);
    as_secure(false);
    wr(SGIR, 1 << 16 | 2); /* Group 0: not for non-secure software */
    as_secure(true);
    g_assert_cmphex(rd(ISPENDR), ==, 0);
    wr(SGIR, 1 << 16 | 1 << 15 | 2); /* NSATT asks for Group 1 */
    wr(SGIR, 1 << 16 | 3);
    g_assert_cmphex(rd(ISPENDR), ==, 0);
    wr(SGIR, 1 << 16 | 2);
    wr(SGIR, 1 << 16 | 1 << 15 | 3);
    g_assert_cmphex(rd(ISPENDR), ==, 0xc);
    as_secure(false);
    g_assert_cmphex(rd(ISPENDR), ==, 0x8);
    wr(CPENDSGIR, UINT32_MAX);
    as_secure(true);
    g_assert_cmphex(rd(ISPENDR), ==, 0x4);
    as_secure(false);
    wr(SGIR, 1 << 16 | 3);
    g_assert_cmphex(rd(ISPENDR), ==, 0x8);
    /* A kernel without firmware finds all in its hands. */
    arm_gic_set_reset_nonsecure(gic, true);
    device_reset(gic);
    wc(PMR, 0xf0);
    g_assert_cmphex(rc(PMR), ==, 0xf0);
    wr(ISENABLER + 4, UINT32_MAX);
    g_assert_cmphex(rd(ISENABLER + 4), ==, UINT32_MAX);
    arm_gic_set_reset_nonsecure(gic, false);
}

static uint32_t lr(unsigned state, unsigned priority, unsigned id, uint32_t more)
{
    return state << 28 | (priority >> 3) << 23 | id | more;
}

static void test_virtual(void)
{
    enum { GRP1 = 1 << 30, EOI = 1 << 19 };
    setup_secure();
    g_assert_cmphex(rh(VTR), ==, 0x90000003);
    g_assert_cmphex(rh(VMCR), ==, 2 << 21 | 3 << 18);
    g_assert_cmphex(rh(ELRSR), ==, 0xf);
    wh(LR, lr(1, 0x80, 30, 0));
    wv(CTLR, 1);
    wv(PMR, 0xff);
    g_assert_cmphex(rv(PMR), ==, 0xf8);
    g_assert_cmphex(rh(VMCR), ==, 0xf84c0001);
    g_assert_cmpstr(vpins(0), ==, "");
    wh(HCR, 1);
    g_assert_cmpstr(vpins(0), ==, "virq");
    wv(CTLR, 1 | 8);
    g_assert_cmpstr(vpins(0), ==, "vfiq");
    g_assert_cmpuint(rv(HPPIR), ==, 30);
    g_assert_cmpuint(rv(IAR), ==, 30);
    g_assert_cmpstr(vpins(0), ==, "");
    g_assert_cmphex(rh(LR), ==, lr(2, 0x80, 30, 0));
    g_assert_cmphex(rh(HAPR), ==, 1 << 16);
    g_assert_cmphex(rv(RPR), ==, 0x80);
    /* An SGI of higher priority, with its source. */
    wh(LR + 4, lr(1, 0x40, 5, 3 << 10));
    g_assert_cmphex(rv(IAR), ==, 3 << 10 | 5);
    wv(EOIR, 3 << 10 | 5);
    g_assert_cmphex(rh(LR + 4), ==, lr(0, 0x40, 5, 3 << 10));
    g_assert_cmphex(rh(ELRSR), ==, 0xe);
    wv(EOIR, 30);
    g_assert_cmphex(rh(ELRSR), ==, 0xf);
    g_assert_cmphex(rv(RPR), ==, 0xff);
    /* Group 1. */
    wv(CTLR, 3);
    wh(LR + 8, lr(1, 0x40, 33, GRP1));
    g_assert_cmpuint(rv(IAR), ==, NONSECURE);
    g_assert_cmpuint(rv(AHPPIR), ==, 33);
    g_assert_cmpuint(rv(AIAR), ==, 33);
    wv(AEOIR, 33);
    /* A hardware interrupt is deactivated with its virtual one. */
    set_bit(ISENABLER, 40);
    edge(40, true);
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rc(IAR), ==, 40);
    wh(LR + 12, 1u << 31 | 40 << 10 | lr(1, 0x40, 50, 0));
    g_assert_cmpuint(rv(IAR), ==, 50);
    g_assert_true(bit(ISACTIVER, 40));
    wv(EOIR, 50);
    g_assert_false(bit(ISACTIVER, 40));
    /* EOI of what is in no list register is counted. */
    wh(HAPR, 1);
    wv(EOIR, 99);
    g_assert_cmphex(rh(HCR), ==, 1 | 1 << 27);
    wv(EOIR, 99); /* nothing was active any more */
    g_assert_cmphex(rh(HCR), ==, 1 | 1 << 27);
    /* Separate deactivation. */
    wv(CTLR, 3 | 1 << 9);
    wh(LR, lr(1, 0x40, 60, 0));
    g_assert_cmpuint(rv(IAR), ==, 60);
    wv(EOIR, 60);
    g_assert_cmphex(rh(LR), ==, lr(2, 0x40, 60, 0));
    wv(DIR_, 60);
    g_assert_cmphex(rh(LR), ==, lr(0, 0x40, 60, 0));
    assert_record_holds(gic);
}

static void test_maintenance(void)
{
    setup_secure();
    enum { EOI = 1 << 19 };
    wh(HCR, 1);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
    wh(LR, lr(1, 0x40, 30, EOI));
    wv(CTLR, 1);
    wv(PMR, 0xff);
    g_assert_cmpuint(rv(IAR), ==, 30);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
    wv(EOIR, 30);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 1);
    g_assert_cmphex(rh(MISR), ==, 1);
    g_assert_cmphex(rh(EISR), ==, 1);
    g_assert_cmphex(rh(ELRSR), ==, 0xe);
    wh(LR, 0);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
    static const struct { uint32_t hcr, vmcr, lr0, lr1, misr; } cases[] = {
        { 2, 0, 0, 0, 2 }, { 2, 0, 1, 0, 2 }, { 2, 0, 1, 1, 0 }, { 2, 0, 1, 2, 0 },
        { 4 | 1 << 27, 0, 0, 0, 4 }, { 4, 0, 0, 0, 0 }, { 8, 0, 0, 0, 8 }, { 8, 0, 1, 0, 0 },
        { 8, 0, 2, 0, 8 }, { 16, 1, 0, 0, 16 }, { 16, 0, 0, 0, 0 }, { 32, 0, 0, 0, 32 },
        { 32, 1, 0, 0, 0 }, { 64, 2, 0, 0, 64 }, { 64, 1, 0, 0, 0 }, { 128, 1, 0, 0, 128 },
        { 128, 2, 0, 0, 0 }, { 0xfe, 0, 0, 0, 0xaa },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        wh(HCR, cases[i].hcr | 1);
        wh(VMCR, cases[i].vmcr);
        wh(LR, lr(cases[i].lr0, 0x40, 30, 0));
        wh(LR + 4, lr(cases[i].lr1, 0x40, 31, 0));
        g_assert_cmphex(rh(MISR), ==, cases[i].misr);
        g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, cases[i].misr != 0);
    }
    wh(HCR, 0x20);
    g_assert_cmpint(out(0, ARM_GIC_OUT_MAINT), ==, 0);
}

/* Whatever is pending where: outputs follow a model that looks at everything. */
static void test_model(void)
{
    setup();
    for (unsigned n = 32; n < 96; n++)
        wrb(IPRIORITYR + n, g_random_int_range(0, 8) << 4);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned n = g_random_int_range(32, 96);
        switch (g_random_int_range(0, 8)) {
        case 0: spi(n, 1); break;
        case 1: spi(n, 0); break;
        case 2: set_bit(ISENABLER, n); break;
        case 3: set_bit(g_random_boolean() ? ICENABLER : ISPENDR, n); break;
        case 4: wrb(IPRIORITYR + n, g_random_int_range(0, 16) << 4); break;
        case 5: wrb(ITARGETSR + n, g_random_int_range(0, 16)); break;
        case 6: edge(n, g_random_boolean()); break;
        case 7: set_bit(g_random_boolean() ? ISACTIVER : ICACTIVER, n); break;
        }
        for (unsigned c = 0; c < 4; c++) {
            unsigned best = 0x100, id = NONE;
            for (unsigned i = 32; i < 96; i++) {
                unsigned p = bare_read(DIST + IPRIORITYR + i, 1);
                if (bit(ISPENDR, i) && bit(ISENABLER, i) && !bit(ISACTIVER, i) &&
                    (bare_read(DIST + ITARGETSR + i, 1) >> c & 1) && p < best) {
                    best = p;
                    id = i;
                }
            }
            as_cpu(c);
            g_assert_cmpuint(rc(HPPIR), ==, id);
            g_assert_cmpstr(pins(c), ==, id == NONE ? "" : "irq");
        }
        as_cpu(0);
    }
    assert_record_holds(gic);
}

static void test_hostile(void)
{
    setup_secure();
    static const hwaddr base[] = { DIST, CPU, HYP, VCPU };
    static const unsigned size[] = { 0x1000, 0x2000, 0x1000, 0x2000 };
    for (unsigned i = 0; i < 60000; i++) {
        as_cpu(g_random_int_range(0, 6));
        as_secure(g_random_boolean());
        unsigned r = g_random_int_range(0, 4), width = 1u << g_random_int_range(0, 4);
        hwaddr at = g_random_int_range(0, size[r] / 8) * 8;
        if (g_random_boolean())
            at = g_random_int_range(0, 0x40) * 4;
        if (r == 1 && g_random_int_range(0, 4) == 0)
            at = 0x1000;
        at = MIN(at + g_random_int_range(0, 8) / width * width, size[r] - width);
        if (g_random_boolean())
            bare_read(base[r] + at, width);
        else
            bare_write(base[r] + at, width, (uint64_t)g_random_int() << 32 | g_random_int());
        if (i % 4 == 0)
            spi(g_random_int_range(32, 96), g_random_boolean());
        if (i % 1000 == 0)
            assert_record_holds(gic);
    }
}

static void test_v2m(void)
{
    setup();
    Device *v2m = bare_device("arm-gicv2m", V2M, (const char *const[]){ "base-spi=80",
                                                                         "num-spi=16", NULL });
    for (unsigned i = 0; i < 16; i++)
        irq_connect(&v2m->irq[i], arm_gic_spi(gic, 80 - 32 + i));
    g_assert_cmphex(bare_read(V2M + 8, 4), ==, 80 << 16 | 16);
    edge(85, true);
    set_bit(ISENABLER, 85);
    bare_write(V2M + 0x40, 4, 85);
    g_assert_cmpuint(rc(IAR), ==, 85);
    wc(EOIR, 85);
    g_assert_cmpuint(rc(IAR), ==, NONE);
    bare_write(V2M + 0x40, 4, 79);
    bare_write(V2M + 0x40, 4, 96);
    bare_write(V2M + 0x40, 4, UINT32_MAX);
    g_assert_cmphex(rd(ISPENDR + 4), ==, 0);
    g_assert_cmphex(rd(ISPENDR + 8), ==, 0);
    device_unrealize(v2m);
}

static void test_properties(void)
{
    bare_init();
    static const char *const bad[][2] = {
        { "num-cpu", "0" }, { "num-cpu", "9" }, { "num-irq", "31" }, { "num-irq", "33" },
        { "num-irq", "1021" }, { "revision", "1" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        refuses("arm_gic", bad[i][0], bad[i][1]);
    Device *dev = bare_device("arm_gic", 0x70000000,
                              (const char *const[]){ "num-irq=1020", NULL });
    g_assert_cmphex(bare_read(0x70000000 + TYPER, 4), ==, 31);
    /* A single processor: no targets to choose, and all SPIs are its. */
    g_assert_cmphex(bare_read(0x70000000 + ITARGETSR + 1016, 4), ==, 0);
    bare_write(0x70000000 + ISENABLER + 124, 4, UINT32_MAX);
    g_assert_cmphex(bare_read(0x70000000 + ISENABLER + 124, 4), ==, 0x0fffffff);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gicv2/identity", test_identity);
    g_test_add_func("/gicv2/masks", test_masks);
    g_test_add_func("/gicv2/banked", test_banked);
    g_test_add_func("/gicv2/level", test_level);
    g_test_add_func("/gicv2/edge", test_edge);
    g_test_add_func("/gicv2/priority", test_priority);
    g_test_add_func("/gicv2/binary-point", test_binary_point);
    g_test_add_func("/gicv2/eoi-modes", test_eoi_modes);
    g_test_add_func("/gicv2/targets", test_targets);
    g_test_add_func("/gicv2/sgi", test_sgi);
    g_test_add_func("/gicv2/groups", test_groups);
    g_test_add_func("/gicv2/security", test_security);
    g_test_add_func("/gicv2/secure-sgi", test_secure_sgi);
    g_test_add_func("/gicv2/virtual", test_virtual);
    g_test_add_func("/gicv2/maintenance", test_maintenance);
    g_test_add_func("/gicv2/model", test_model);
    g_test_add_func("/gicv2/hostile", test_hostile);
    g_test_add_func("/gicv2m", test_v2m);
    g_test_add_func("/gicv2/properties", test_properties);
    return g_test_run();
}
