/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GICv3 against IHI 0069: distributor, redistributors, CPU interfaces. */
#include "gicv3.h"

static Device *plain, *secure; /* 4 processors: EL1 only; all levels */

/* One security state, both groups on, everything to processor 0. */
static void setup(void)
{
    if (!plain)
        plain = make_gic((const char *const[]){ "num-cpu=4", "num-irq=96", NULL });
    use(plain, 4, 96);
    wr(CTLR, 3);
    for (unsigned c = 0; c < 4; c++) {
        on_cpu(c);
        at_el(1, false);
        ws(PMR, 0xff);
        ws(IGRPEN0, 1);
        ws(IGRPEN1, 1);
    }
    on_cpu(0);
}

/* Two security states; ends at EL3 of processor 0 with SCR_EL3 zero. */
static void setup_secure(void)
{
    if (!secure)
        secure = make_gic((const char *const[]){ "num-cpu=4", "num-irq=96",
                                                 "has-security-extensions=on",
                                                 "has-virtualization-extensions=on", NULL });
    use(secure, 4, 96);
    at_el(3, true);
    wr(CTLR, 7);
    for (unsigned c = 0; c < 4; c++) {
        on_cpu(c);
        at_el(3, true);
        ws(PMR, 0xff);
        ws(IGRPEN0, 1);
        ws(IGRPEN13, 3);
    }
    on_cpu(0);
}

static void test_identity(void)
{
    setup();
    device_reset(gic);
    g_assert_cmphex(rd(TYPER), ==, 2 | 15 << 19 | 1 << 24);
    g_assert_cmphex(rd(CTLR), ==, 0x50);
    g_assert_cmphex(rd(0xffe8), ==, 0x3b);
    g_assert_cmphex(rd(0xffe0), ==, 0x92);
    g_assert_cmphex(rr(0, 0xffe8), ==, 0x3b);
    g_assert_cmphex(rr(0, 0xffe0), ==, 0x93);
    for (unsigned c = 0; c < 4; c++) {
        uint64_t typer = bare_read(redist(c) + GICR_TYPER, 8);
        g_assert_cmphex(typer, ==, (uint64_t)c << 32 | c << 8 | 1 << 5 | (c == 3) << 4);
        g_assert_cmphex(rr(c, GICR_TYPER + 4), ==, c);
        g_assert_cmphex(rr(c, GICR_WAKER), ==, 6);
        wrr(c, GICR_WAKER, 0);
        g_assert_cmphex(rr(c, GICR_WAKER), ==, 0);
        g_assert_cmphex(rr(c, SGI + ICFGR), ==, 0xaaaaaaaa);
        g_assert_cmphex(rr(c, SGI + ICFGR + 4), ==, 0);
    }
    g_assert_cmphex(rs(ICTLR), ==, 4 << 8 | 1 << 11 | 1 << 15);
    g_assert_cmphex(rs(SRE), ==, 7);
    g_assert_cmphex(rs(BPR0), ==, 2);
    g_assert_cmphex(rs(BPR1), ==, 3);
    g_assert_cmphex(rs(RPR), ==, 0xff);
    g_assert_cmphex(rs(IAR0), ==, NONE);
    g_assert_cmphex(rs(IAR1), ==, NONE);
    g_assert_cmphex(rs(PMR), ==, 0);
    setup_secure();
    g_assert_cmphex(rd(TYPER), ==, 2 | 1 << 10 | 15 << 19 | 1 << 24);
    g_assert_cmphex(rd(CTLR), ==, 0x37);
    g_assert_cmphex(rs(SRE3), ==, 0xf);
    g_assert_cmphex(rs(SRE2), ==, 0xf);
    g_assert_cmphex(rs(VTR), ==, 0x90b80003);
}

static void test_masks(void)
{
    setup();
    for (unsigned n = 32; n < 96; n += 4) {
        wr(IPRIORITYR + n, 0x12345678);
        g_assert_cmphex(rd(IPRIORITYR + n), ==, 0x10305078);
        wrb(IPRIORITYR + n + 1, 0xff);
        g_assert_cmphex(rd(IPRIORITYR + n), ==, 0x1030f878);
    }
    static const uint32_t pairs[][2] = { { ISENABLER, ICENABLER }, { ISPENDR, ICPENDR },
                                         { ISACTIVER, ICACTIVER } };
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned w = 0; w < 4; w++) {
            hwaddr set = (w ? DIST + 4 * w : redist(2) + SGI) + pairs[i][0];
            hwaddr clear = set - pairs[i][0] + pairs[i][1];
            uint32_t there = w == 3 ? 0 : UINT32_MAX;
            bare_write(clear, 4, UINT32_MAX);
            bare_write(set, 4, 0xf0f0f0f0);
            g_assert_cmphex(bare_read(set, 4), ==, 0xf0f0f0f0 & there);
            g_assert_cmphex(bare_read(clear, 4), ==, 0xf0f0f0f0 & there);
            bare_write(clear, 4, 0xffff);
            g_assert_cmphex(bare_read(set, 4), ==, 0xf0f00000 & there);
        }
    }
    wr(ICFGR + 8, UINT32_MAX);
    g_assert_cmphex(rd(ICFGR + 8), ==, 0xaaaaaaaa);
    wrr(1, SGI + ICFGR, 0);
    g_assert_cmphex(rr(1, SGI + ICFGR), ==, 0xaaaaaaaa);
    wrr(1, SGI + ICFGR + 4, UINT32_MAX);
    g_assert_cmphex(rr(1, SGI + ICFGR + 4), ==, 0xaaaaaaaa);
    g_assert_cmphex(rr(0, SGI + ICFGR + 4), ==, 0);
    route(40, UINT64_MAX);
    g_assert_cmphex(bare_read(DIST + IROUTER + 320, 8), ==, 0xff80ffffff);
    bare_write(DIST + IROUTER + 320, 4, 3);
    g_assert_cmphex(bare_read(DIST + IROUTER + 320, 8), ==, 0xff00000003);
    /* Private interrupts aren't the distributor's, nor are these without security states. */
    wr(ISENABLER, UINT32_MAX);
    g_assert_cmphex(rd(ISENABLER), ==, 0);
    wr(IGRPMODR + 4, UINT32_MAX);
    g_assert_cmphex(rd(IGRPMODR + 4), ==, 0);
    wr(NSACR + 8, UINT32_MAX);
    g_assert_cmphex(rd(NSACR + 8), ==, 0);
    wr(CTLR, UINT32_MAX);
    g_assert_cmphex(rd(CTLR), ==, 0x53);
    ws(PMR, 0xff);
    g_assert_cmphex(rs(PMR), ==, 0xf8);
    ws(BPR0, 0);
    g_assert_cmphex(rs(BPR0), ==, 2);
    ws(BPR1, 0);
    g_assert_cmphex(rs(BPR1), ==, 3);
    ws(BPR0, 7);
    g_assert_cmphex(rs(BPR0), ==, 7);
    ws(ICTLR, UINT32_MAX);
    g_assert_cmphex(rs(ICTLR), ==, 0x8c03);
    g_assert_cmphex(rs(BPR1), ==, 7); /* CBPR */
    ws(BPR0, 4);
    g_assert_cmphex(rs(BPR1), ==, 5);
    assert_record_holds(gic);
}

static void test_level_edge(void)
{
    setup();
    group(40, 1);
    group(41, 1);
    set_bit(ISENABLER, 40);
    set_bit(ISENABLER, 41);
    edge(41, true);
    spi(40, 1);
    g_assert_cmpstr(pins(0), ==, "irq");
    spi(40, 0);
    g_assert_cmpstr(pins(0), ==, "");
    spi(40, 1);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    g_assert_true(bit(ISACTIVER, 40));
    g_assert_true(bit(ISPENDR, 40));
    g_assert_cmpstr(pins(0), ==, "");
    ws(EOIR1, 40);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rs(IAR1), ==, 40);
    spi(40, 0);
    ws(EOIR1, 40);
    g_assert_cmpstr(pins(0), ==, "");
    spi(41, 1);
    spi(41, 0);
    g_assert_cmpuint(rs(IAR1), ==, 41);
    spi(41, 1);
    g_assert_cmpstr(pins(0), ==, "");
    ws(EOIR1, 41);
    g_assert_cmpuint(rs(IAR1), ==, 41);
    ws(EOIR1, 41);
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    /* By software, for a level-sensitive one too. */
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    ws(EOIR1, 40);
    g_assert_cmpstr(pins(0), ==, "");
    /* PPIs. */
    on_cpu(2);
    group(27, 1);
    set_bit(ISENABLER, 27);
    ppi(2, 27, 1);
    g_assert_cmpstr(pins(2), ==, "irq");
    g_assert_cmpstr(pins(0), ==, "");
    g_assert_cmpuint(rs(IAR1), ==, 27);
    ppi(2, 27, 0);
    ws(EOIR1, 27);
    assert_record_holds(gic);
}

static void test_priority(void)
{
    setup();
    for (unsigned n = 40; n < 44; n++) {
        group(n, 1);
        set_bit(ISENABLER, n);
        edge(n, true);
    }
    priority(40, 0x80);
    priority(41, 0x40);
    priority(42, 0x40);
    priority(43, 0x20);
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    g_assert_cmphex(rs(RPR), ==, 0x80);
    g_assert_cmphex(rs(AP1R0), ==, 1 << 16);
    set_bit(ISPENDR, 42);
    set_bit(ISPENDR, 41);
    g_assert_cmpuint(rs(HPPIR1), ==, 41);
    g_assert_cmpuint(rs(IAR1), ==, 41);
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    set_bit(ISPENDR, 43);
    g_assert_cmpuint(rs(IAR1), ==, 43);
    g_assert_cmphex(rs(RPR), ==, 0x20);
    ws(EOIR1, 43);
    ws(EOIR1, 41);
    g_assert_cmphex(rs(RPR), ==, 0x80);
    g_assert_cmpuint(rs(IAR1), ==, 42);
    ws(EOIR1, 42);
    ws(EOIR1, 40);
    g_assert_cmphex(rs(RPR), ==, 0xff);
    g_assert_cmphex(rs(AP1R0), ==, 0);
    ws(PMR, 0x40);
    set_bit(ISPENDR, 41);
    g_assert_cmpstr(pins(0), ==, "");
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    g_assert_cmpuint(rs(HPPIR1), ==, 41);
    ws(PMR, 0x48);
    g_assert_cmpstr(pins(0), ==, "irq");
    /* A coarse binary point: 0x40 doesn't preempt 0x60. */
    priority(40, 0x60);
    ws(PMR, 0xff);
    set_bit(ICPENDR, 41);
    ws(BPR1, 7);
    set_bit(ISPENDR, 40);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    g_assert_cmphex(rs(RPR), ==, 0);
    set_bit(ISPENDR, 41);
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    ws(EOIR1, 40);
    g_assert_cmpuint(rs(IAR1), ==, 41);
}

static void test_eoi_modes(void)
{
    setup();
    group(40, 1);
    set_bit(ISENABLER, 40);
    ws(ICTLR, 2);
    spi(40, 1);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    ws(EOIR1, 40);
    g_assert_cmphex(rs(RPR), ==, 0xff);
    g_assert_true(bit(ISACTIVER, 40));
    g_assert_cmpstr(pins(0), ==, "");
    ws(DIR_, 40);
    g_assert_false(bit(ISACTIVER, 40));
    g_assert_cmpstr(pins(0), ==, "irq");
    ws(ICTLR, 0);
    g_assert_cmpuint(rs(IAR1), ==, 40);
    ws(DIR_, 40); /* ignored */
    g_assert_true(bit(ISACTIVER, 40));
    ws(EOIR0, 40); /* not of this group */
    g_assert_cmphex(rs(RPR), ==, 0);
    for (unsigned n = 1020; n < 1024; n++)
        ws(EOIR1, n);
    ws(EOIR1, 96);
    g_assert_cmphex(rs(RPR), ==, 0);
    ws(EOIR1, 40);
    g_assert_cmphex(rs(RPR), ==, 0xff);
}

static void test_groups(void)
{
    setup();
    for (unsigned n = 40; n < 42; n++)
        set_bit(ISENABLER, n);
    group(41, 1);
    priority(40, 0x40);
    priority(41, 0x60);
    spi(40, 1);
    spi(41, 1);
    g_assert_cmpstr(pins(0), ==, "fiq");
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    g_assert_cmpuint(rs(HPPIR1), ==, NONE);
    g_assert_cmpuint(rs(HPPIR0), ==, 40);
    /* An interface that has a group off isn't offered its interrupts. */
    ws(IGRPEN0, 0);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpuint(rs(HPPIR1), ==, 41);
    ws(IGRPEN0, 1);
    wr(CTLR, 2);
    g_assert_cmpstr(pins(0), ==, "irq");
    wr(CTLR, 3);
    g_assert_cmpstr(pins(0), ==, "fiq");
    g_assert_cmpuint(rs(IAR0), ==, 40);
    g_assert_cmphex(rs(AP0R0), ==, 1 << 8);
    ws(EOIR1, 40); /* must be EOIR0 */
    g_assert_cmphex(rs(RPR), ==, 0x40);
    spi(40, 0);
    ws(EOIR0, 40);
    g_assert_cmpstr(pins(0), ==, "irq");
    wr(CTLR, 0);
    g_assert_cmpstr(pins(0), ==, "");
}

static void test_routing(void)
{
    setup();
    group(50, 1);
    set_bit(ISENABLER, 50);
    spi(50, 1);
    g_assert_cmpstr(pins(0), ==, "irq");
    route(50, 3);
    g_assert_cmpstr(pins(0), ==, "");
    g_assert_cmpstr(pins(3), ==, "irq");
    route(50, 0x0100000003); /* nobody */
    g_assert_cmpstr(pins(3), ==, "");
    /* 1 of N: somebody who is awake, has the group on and doesn't object. */
    route(50, 1u << 31);
    for (unsigned c = 0; c < 4; c++)
        g_assert_cmpstr(pins(c), ==, "");
    wrr(2, GICR_WAKER, 0);
    g_assert_cmpstr(pins(2), ==, "irq");
    wrr(1, GICR_WAKER, 0);
    g_assert_cmpstr(pins(1), ==, "irq");
    g_assert_cmpstr(pins(2), ==, "");
    wrr(1, 0, 1 << 25); /* DPG1NS */
    g_assert_cmpstr(pins(2), ==, "irq");
    wrr(1, 0, 0);
    on_cpu(1);
    ws(IGRPEN1, 0);
    g_assert_cmpstr(pins(2), ==, "irq");
    on_cpu(2);
    g_assert_cmpuint(rs(IAR1), ==, 50);
    ws(EOIR1, 50);
    assert_record_holds(gic);
    g_assert_cmpstr(pins(2), ==, "irq");
}

static void test_sgi(void)
{
    setup();
    for (unsigned c = 0; c < 4; c++) {
        wrr(c, SGI + ISENABLER, 0xffff);
        wrr(c, SGI + IGROUPR, 0xfffe); /* SGI 0 is Group 0 */
    }
    ws(SGI1R, 0xd | 5 << 24);
    g_assert_cmpstr(pins(0), ==, "irq");
    g_assert_cmpstr(pins(1), ==, "");
    g_assert_cmpstr(pins(2), ==, "irq");
    on_cpu(2);
    ws(SGI1R, 1ull << 40 | 6 << 24); /* all others */
    g_assert_cmpuint(rs(IAR1), ==, 5);
    ws(EOIR1, 5);
    g_assert_cmpuint(rs(IAR1), ==, NONE);
    on_cpu(1);
    g_assert_cmpuint(rs(IAR1), ==, 6);
    ws(EOIR1, 6);
    ws(SGI0R, 2 | 0 << 24);
    g_assert_cmpstr(pins(1), ==, "fiq");
    g_assert_cmpuint(rs(IAR0), ==, 0);
    ws(EOIR0, 0);
    ws(SGI0R, 2 | 3 << 24); /* wrong group */
    ws(SGI1R, 2 | 0 << 24);
    ws(SGI1R, 2 | 3 << 24 | 1 << 16); /* no such cluster */
    ws(SGI1R, 2 | 3 << 24 | 1ull << 44);
    ws(SGI1R, 0xfff0 | 3 << 24);
    g_assert_cmpstr(pins(1), ==, "");
    /* By the redistributor. */
    wrr(1, SGI + ISPENDR, 1 << 7);
    g_assert_cmpuint(rs(IAR1), ==, 7);
    ws(EOIR1, 7);
}

/* Two regions, clusters of 16. */
static void test_many_cpus(void)
{
    Device *many = make_gic((const char *const[]){ "num-cpu=40", "num-irq=1020",
                                                   "redist-region-count[0]=20",
                                                   "redist-region-count[1]=30", NULL });
    use(many, 40, 1020);
    memory_region_add(memory_system_root(), 0x4000000000, arm_gic_region(gic, ARM_GIC_REDIST + 1),
                      0);
    g_assert_cmphex(arm_gic_region(gic, ARM_GIC_REDIST)->size, ==, 20 * 0x20000);
    g_assert_cmphex(arm_gic_region(gic, ARM_GIC_REDIST + 1)->size, ==, 20 * 0x20000);
    g_assert_cmphex(rd(TYPER) & 31, ==, 31);
    g_assert_cmphex(bare_read(redist(19) + GICR_TYPER, 8), ==, 0x10300000000 | 19 << 8 | 0x30);
    g_assert_cmphex(bare_read(0x4000000000 + GICR_TYPER, 8), ==, 0x10400000000 | 20 << 8 | 0x20);
    hwaddr last = 0x4000000000 + 19 * 0x20000;
    g_assert_cmphex(bare_read(last + GICR_TYPER, 8), ==, 0x20700000000 | 39 << 8 | 0x30);
    wr(CTLR, 2);
    on_cpu(39);
    ws(PMR, 0xff);
    ws(IGRPEN1, 1);
    bare_write(last + SGI + IGROUPR, 4, UINT32_MAX);
    bare_write(last + SGI + ISENABLER, 4, UINT32_MAX);
    on_cpu(3);
    ws(SGI1R, 2 << 16 | 1 << 7 | 9 << 24);
    g_assert_cmpstr(pins(39), ==, "irq");
    on_cpu(39);
    g_assert_cmpuint(rs(IAR1), ==, 9);
    ws(EOIR1, 9);
    group(1019, 1);
    set_bit(ISENABLER, 1019);
    route(1019, 0x207);
    spi(1019, 1);
    g_assert_cmpuint(rs(IAR1), ==, 1019);
    assert_record_holds(gic);
    memory_region_del(memory_system_root(), arm_gic_region(gic, ARM_GIC_REDIST + 1));
    unmap_gic();
    gic = NULL;
    device_unrealize(many);
}

/* ---- security ---- */

static void test_security_dist(void)
{
    setup_secure();
    group(40, 0);
    group(41, 1);
    group(42, 2);
    g_assert_cmphex(rd(IGROUPR + 4), ==, 2 << 8);
    g_assert_cmphex(rd(IGRPMODR + 4), ==, 4 << 8);
    wr(ISENABLER + 4, 7 << 8);
    for (unsigned n = 40; n < 43; n++)
        priority(n, 0xa0);
    as_secure(false);
    g_assert_cmphex(rd(CTLR), ==, 0x12);
    wr(CTLR, 0);
    g_assert_cmphex(rd(CTLR), ==, 0x10);
    g_assert_cmphex(rd(ISENABLER + 4), ==, 2 << 8);
    g_assert_cmphex(rd(IPRIORITYR + 40), ==, 0x4000);
    wr(IPRIORITYR + 40, 0x60606060);
    wr(IGROUPR + 4, 0);
    wr(IGRPMODR + 4, 0);
    wr(ICENABLER + 4, UINT32_MAX);
    wr(ISPENDR + 4, UINT32_MAX);
    route(40, 3);
    wrr(0, GICR_WAKER, 0);
    g_assert_cmphex(rr(0, GICR_WAKER), ==, 0);
    as_secure(true);
    g_assert_cmphex(rd(CTLR), ==, 0x35);
    g_assert_cmphex(rd(IPRIORITYR + 40), ==, 0xa0b0a0);
    g_assert_cmphex(rd(IGROUPR + 4), ==, 2 << 8);
    g_assert_cmphex(rd(IGRPMODR + 4), ==, 4 << 8);
    g_assert_cmphex(rd(ISENABLER + 4), ==, 5 << 8);
    g_assert_cmphex(rd(ISPENDR + 4), ==, 2 << 8);
    g_assert_cmphex(bare_read(DIST + IROUTER + 320, 8), ==, 0);
    g_assert_cmphex(rr(0, GICR_WAKER), ==, 6);
    /* NSACR opens secure interrupts bit by bit. */
    static const struct { unsigned nsacr; bool set, clear, active, route; } opened[] = {
        { 0, false, false, false, false }, { 1, true, false, false, false },
        { 2, true, true, true, false }, { 3, true, true, true, true },
    };
    for (unsigned i = 0; i < 4; i++) {
        wr(NSACR + 8, opened[i].nsacr << 16);
        wr(ICPENDR + 4, UINT32_MAX);
        wr(ICACTIVER + 4, UINT32_MAX);
        route(40, 0);
        as_secure(false);
        wr(ISPENDR + 4, 1 << 8);
        wr(ISACTIVER + 4, 1 << 8);
        route(40, 2);
        g_assert_cmphex(rd(NSACR + 8), ==, 0);
        as_secure(true);
        g_assert_true(bit(ISPENDR, 40) == opened[i].set);
        g_assert_true(bit(ISACTIVER, 40) == opened[i].active);
        g_assert_cmphex(bare_read(DIST + IROUTER + 320, 8), ==, opened[i].route ? 2 : 0);
        as_secure(false);
        wr(ICPENDR + 4, 1 << 8);
        as_secure(true);
        g_assert_true(bit(ISPENDR, 40) == (opened[i].set && !opened[i].clear));
    }
    /* DS: for good. */
    wr(CTLR, 0x47);
    g_assert_cmphex(rd(CTLR), ==, 0x53);
    as_secure(false);
    wr(CTLR, 0);
    g_assert_cmphex(rd(CTLR), ==, 0x50);
    assert_record_holds(gic);
}

/* Which of IRQ and FIQ, by group and where the processor runs (IHI 0069, 4.6.2). */
static void test_irq_or_fiq(void)
{
    setup_secure();
    static const char *const expected[3][3] = {
        /*             EL3    secure EL1  non-secure */
        /* G0 */   { "fiq", "fiq", "fiq" },
        /* G1NS */ { "fiq", "fiq", "irq" },
        /* G1S */  { "fiq", "irq", "fiq" },
    };
    for (unsigned g = 0; g < 3; g++) {
        at_el(3, true);
        group(40, g);
        set_bit(ISENABLER, 40);
        spi(40, 1);
        for (unsigned place = 0; place < 3; place++) {
            at_el(place == 0 ? 3 : 1, place < 2);
            g_assert_cmpstr(pins(0), ==, expected[g][place]);
            g_assert_cmpstr(pins(1), ==, "");
        }
        spi(40, 0);
    }
}

/* What ICC_IAR<n> and HPPIR<n> show of an interrupt of each group. */
static void test_special_ids(void)
{
    setup_secure();
    enum { S = 1020, O = 1021 };
    static const uint16_t expected[3][4][2] = {
        /*  EL3          sec. EL1       ns EL2         ns EL1   */
        { { 40, NONE }, { 40, NONE }, { NONE, NONE }, { NONE, NONE } },
        { { O, 40 }, { NONE, NONE }, { NONE, 40 }, { NONE, 40 } },
        { { S, 40 }, { NONE, 40 }, { NONE, NONE }, { NONE, NONE } },
    };
    for (unsigned g = 0; g < 3; g++) {
        at_el(3, true);
        group(40, g);
        set_bit(ISENABLER, 40);
        edge(40, true);
        set_bit(ISPENDR, 40);
        for (unsigned place = 0; place < 4; place++) {
            at_el(place == 0 ? 3 : place == 2 ? 2 : 1, place < 2);
            for (unsigned n = 0; n < 2; n++) {
                unsigned want = expected[g][place][n];
                g_assert_cmpuint(rs(n ? HPPIR1 : HPPIR0), ==, want);
                g_assert_cmpuint(rs(n ? IAR1 : IAR0), ==, want);
                if (want != 40)
                    continue;
                ws(n ? EOIR1 : EOIR0, 40);
                g_assert_cmpuint(rs(RPR), ==, 0xff);
                as_secure(true);
                g_assert_false(bit(ISACTIVER, 40));
                set_bit(ISPENDR, 40);
            }
        }
        as_secure(true);
        set_bit(ICPENDR, 40);
    }
}

static void test_banked_by_state(void)
{
    setup_secure();
    ws(CTLR3, 0);
    view.scr_el3 = SCR_NS;
    ws(BPR1, 5); /* EL3 chooses by SCR_EL3.NS */
    ws(IGRPEN1, 0);
    ws(ICTLR, 2);
    view.scr_el3 = 0;
    g_assert_cmphex(rs(BPR1), ==, 2);
    g_assert_cmphex(rs(IGRPEN1), ==, 1);
    g_assert_cmphex(rs(IGRPEN13), ==, 2);
    g_assert_cmphex(rs(CTLR3), ==, 0x28c10);
    ws(BPR0, 4);
    ws(CTLR3, 1 | 2 | 4 | 8);
    g_assert_cmphex(rs(BPR1), ==, 2);
    at_el(1, true);
    g_assert_cmphex(rs(BPR1), ==, 4); /* CBPR_EL1S: it is ICC_BPR0_EL1 */
    g_assert_cmphex(rs(ICTLR), ==, 0x8c03);
    ws(ICTLR, 0);
    g_assert_cmphex(rs(ICTLR), ==, 0x8c01); /* CBPR is EL3's */
    at_el(1, false);
    g_assert_cmphex(rs(BPR1), ==, 5);
    ws(BPR1, 7);
    g_assert_cmphex(rs(BPR1), ==, 5);
    g_assert_cmphex(rs(ICTLR), ==, 0x8c01);
    at_el(3, true);
    g_assert_cmphex(rs(CTLR3), ==, 0x28c07);
    assert_record_holds(gic);
}

static void test_ns_priorities(void)
{
    setup_secure();
    group(41, 1);
    set_bit(ISENABLER, 41);
    edge(41, true);
    priority(41, 0xc0);
    view.scr_el3 = SCR_NS | SCR_FIQ;
    at_el(1, false);
    g_assert_cmphex(rs(PMR), ==, 0xf0);
    ws(PMR, 0x60);
    set_bit(ISPENDR, 41);
    g_assert_cmpstr(pins(0), ==, "");
    ws(PMR, 0x90);
    g_assert_cmpuint(rs(IAR1), ==, 41);
    g_assert_cmphex(rs(RPR), ==, 0x80);
    at_el(3, true);
    g_assert_cmphex(rs(PMR), ==, 0xc8);
    g_assert_cmphex(rs(RPR), ==, 0xc0);
    ws(PMR, 0x70);
    at_el(1, false);
    g_assert_cmphex(rs(PMR), ==, 0);
    ws(PMR, 0xf0);
    at_el(3, true);
    g_assert_cmphex(rs(PMR), ==, 0x70);
    ws(AP0R0, 1 << 4);
    at_el(1, false);
    g_assert_cmphex(rs(RPR), ==, 0);
    /* Without FIQs at EL3 there is one view. */
    view.scr_el3 = SCR_NS;
    g_assert_cmphex(rs(RPR), ==, 0x20);
    g_assert_cmphex(rs(PMR), ==, 0x70);
}

static void test_secure_sgis(void)
{
    /* Who sends by what to an SGI of which group, with which NSACR: does it arrive? */
    static const struct { bool ns; uint32_t reg; unsigned group, nsacr; bool arrives; } cases[] = {
        { false, SGI0R, 0, 0, true }, { false, SGI0R, 1, 0, false }, { false, SGI0R, 2, 0, false },
        { false, SGI1R, 0, 0, true }, { false, SGI1R, 1, 0, false }, { false, SGI1R, 2, 0, true },
        { false, ASGI1R, 0, 0, false }, { false, ASGI1R, 1, 0, true },
        { false, ASGI1R, 2, 0, false },
        { true, SGI0R, 0, 0, false }, { true, SGI0R, 0, 1, true }, { true, SGI0R, 1, 3, false },
        { true, SGI1R, 1, 0, true }, { true, SGI1R, 0, 3, false }, { true, SGI1R, 2, 3, false },
        { true, ASGI1R, 2, 1, false }, { true, ASGI1R, 2, 2, true }, { true, ASGI1R, 0, 1, true },
        { true, ASGI1R, 0, 0, false }, { true, ASGI1R, 1, 3, false },
    };
    setup_secure();
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        on_cpu(1);
        as_secure(true);
        group(4, cases[i].group);
        wrr(1, SGI + NSACR, cases[i].nsacr << 8);
        wrr(1, SGI + ICPENDR, UINT32_MAX);
        on_cpu(0);
        at_el(1, !cases[i].ns);
        ws(cases[i].reg, 2 | 4 << 24);
        on_cpu(1);
        as_secure(true);
        if (bit(ISPENDR, 4) != cases[i].arrives)
            g_error("case %u", i);
    }
}

/* ---- access to system registers ---- */

static ArmGicAccess access_to(uint32_t reg, bool write)
{
    uint64_t v = 0;
    return write ? try_write(reg, 0) : try_read(reg, &v);
}

static void test_traps(void)
{
    setup_secure();
    enum { TC = 1 << 10, TALL0 = 1 << 11, TALL1 = 1 << 12, TDIR = 1 << 14 };
    enum { U = ARM_GIC_UNDEF, K = ARM_GIC_OK, E2 = ARM_GIC_TRAP_EL2, E3 = ARM_GIC_TRAP_EL3 };
    static const struct {
        uint32_t reg;
        bool write;
        unsigned el;
        bool secure;
        uint64_t scr, hcr;
        uint32_t ich;
        int want;
    } cases[] = {
        { PMR, 0, 0, 0, 0, 0, 0, U }, { PMR, 0, 1, 0, 0, 0, 0, K },
        { IAR1, 1, 1, 0, 0, 0, 0, U }, { EOIR1, 0, 1, 0, 0, 0, 0, U },
        { SGI1R, 0, 1, 0, 0, 0, 0, U }, { RPR, 1, 1, 0, 0, 0, 0, U },
        { ICC(12, 8, 5), 0, 1, 0, 0, 0, 0, U }, { ICC(12, 9, 1), 0, 1, 0, 0, 0, 0, U },
        { ICC(12, 13, 0), 0, 1, 0, 0, 0, 0, U },
        /* EL3's own routing */
        { IAR0, 0, 1, 0, SCR_FIQ, 0, 0, E3 }, { IAR0, 0, 1, 0, SCR_IRQ, 0, 0, K },
        { IAR0, 0, 2, 0, SCR_FIQ, 0, 0, E3 }, { IAR0, 0, 3, 1, SCR_FIQ, 0, 0, K },
        { IAR1, 0, 1, 0, SCR_IRQ, 0, 0, E3 }, { IAR1, 0, 2, 0, SCR_IRQ, 0, 0, E3 },
        { IAR1, 0, 1, 1, SCR_IRQ, 0, 0, E3 }, { IAR1, 0, 1, 0, SCR_FIQ, 0, 0, K },
        { PMR, 0, 1, 0, SCR_IRQ, 0, 0, K }, { PMR, 0, 1, 0, SCR_IRQ | SCR_FIQ, 0, 0, E3 },
        { PMR, 1, 2, 0, SCR_IRQ | SCR_FIQ, 0, 0, E3 },
        { DIR_, 1, 1, 0, SCR_IRQ | SCR_FIQ, 0, 0, E3 },
        { SGI1R, 1, 1, 0, SCR_IRQ | SCR_FIQ, 0, 0, E3 },
        { BPR0, 0, 1, 0, SCR_FIQ, 0, 0, E3 }, { IGRPEN0, 1, 1, 0, SCR_FIQ, 0, 0, E3 },
        { IGRPEN1, 1, 1, 0, SCR_IRQ, 0, 0, E3 }, { AP1R0, 1, 1, 0, SCR_IRQ, 0, 0, E3 },
        { SRE, 0, 1, 0, SCR_IRQ | SCR_FIQ, 0, 0, K },
        /* the hypervisor's traps */
        { PMR, 0, 1, 0, 0, 0, TC, E2 }, { PMR, 0, 2, 0, 0, 0, TC, K },
        { PMR, 0, 1, 1, 0, 0, TC, K }, { ICTLR, 0, 1, 0, 0, 0, TC, E2 },
        { IAR0, 0, 1, 0, 0, 0, TALL0, E2 }, { IAR1, 0, 1, 0, 0, 0, TALL0, K },
        { IAR1, 0, 1, 0, 0, 0, TALL1, E2 }, { BPR1, 0, 1, 0, 0, 0, TALL1, E2 },
        { DIR_, 1, 1, 0, 0, 0, TDIR, E2 }, { DIR_, 1, 1, 0, 0, 0, TC, E2 },
        { SGI1R, 1, 1, 0, 0, 0, TC, E2 },
        /* before EL3's */
        { IAR1, 0, 1, 0, SCR_IRQ, 0, TALL1, E2 },
        /* virtual registers aren't trapped by EL3; SGIs always by the hypervisor */
        { IAR1, 0, 1, 0, SCR_IRQ, HCR_IMO, 0, K }, { IAR0, 0, 1, 0, SCR_FIQ, HCR_IMO, 0, E3 },
        { IAR0, 0, 1, 0, SCR_FIQ, HCR_FMO, 0, K },
        { PMR, 0, 1, 0, SCR_IRQ | SCR_FIQ, HCR_FMO, 0, K },
        { SGI1R, 1, 1, 0, 0, HCR_IMO, 0, E2 }, { SGI0R, 1, 1, 0, 0, HCR_FMO, 0, E2 },
        { SGI1R, 1, 2, 0, 0, HCR_IMO, 0, K },
        /* levels */
        { HCR, 0, 1, 0, 0, 0, 0, U }, { HCR, 0, 2, 0, 0, 0, 0, K }, { HCR, 0, 3, 1, 0, 0, 0, K },
        { VTR, 1, 2, 0, 0, 0, 0, U }, { LR(3), 1, 2, 0, 0, 0, 0, K }, { LR(4), 0, 2, 0, 0, 0, 0, U },
        { SRE2, 0, 1, 0, 0, 0, 0, U }, { SRE2, 1, 2, 0, 0, 0, 0, K },
        { SRE3, 0, 2, 0, 0, 0, 0, U }, { CTLR3, 0, 3, 1, 0, 0, 0, K },
        { IGRPEN13, 0, 2, 0, 0, 0, 0, U },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        view = (ArmGicView){ .el = 3, .secure = true };
        ws(HCR, cases[i].ich);
        view = (ArmGicView){ .el = cases[i].el, .secure = cases[i].secure,
                             .scr_el3 = cases[i].scr, .hcr_el2 = cases[i].hcr };
        int got = access_to(cases[i].reg, cases[i].write);
        if (got != cases[i].want)
            g_error("case %u: %d, not %d", i, got, cases[i].want);
    }
    /* What the processor doesn't have. */
    setup();
    g_assert_cmpint(access_to(HCR, false), ==, ARM_GIC_UNDEF);
    view.el = 3;
    g_assert_cmpint(access_to(CTLR3, false), ==, ARM_GIC_UNDEF);
}

static void test_dir_rules(void)
{
    setup_secure();
    static const struct { unsigned el; bool secure; uint64_t scr; bool may[3]; } cases[] = {
        { 3, true, SCR_IRQ | SCR_FIQ, { true, true, true } },
        { 1, true, 0, { true, true, true } },
        { 1, true, SCR_FIQ, { false, true, true } },
        { 1, true, SCR_IRQ, { true, false, false } },
        { 1, false, 0, { false, true, false } },
        { 2, false, 0, { false, true, false } },
        { 2, false, SCR_IRQ, { false, false, false } },
    };
    ws(CTLR3, 4 | 8 | 16);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned g = 0; g < 3; g++) {
            view.scr_el3 = 0;
            at_el(3, true);
            group(40, g);
            set_bit(ISACTIVER, 40);
            view.scr_el3 = cases[i].scr;
            at_el(cases[i].el, cases[i].secure);
            ws(DIR_, 40);
            as_secure(true);
            if (bit(ISACTIVER, 40) == cases[i].may[g])
                g_error("case %u, group %u", i, g);
        }
    }
}

/* ---- against a model, and garbage ---- */

static void test_model(void)
{
    setup();
    for (unsigned round = 0; round < 3000; round++) {
        unsigned n = g_random_int_range(16, 96);
        bool private = n < 32;
        on_cpu(g_random_int_range(0, 4));
        switch (g_random_int_range(0, 9)) {
        case 0: case 1:
            if (private)
                ppi(cpu_now, n, g_random_boolean());
            else
                spi(n, g_random_boolean());
            break;
        case 2: set_bit(ISENABLER, n); break;
        case 3: set_bit(g_random_boolean() ? ICENABLER : ISPENDR, n); break;
        case 4: priority(n, g_random_int_range(0, 16) << 4); break;
        case 5:
            if (!private)
                route(n, g_random_int_range(0, 5));
            break;
        case 6: edge(n, g_random_boolean()); break;
        case 7: set_bit(g_random_boolean() ? ISACTIVER : ICACTIVER, n); break;
        case 8: group(n, g_random_int_range(0, 2)); break;
        }
        for (unsigned c = 0; c < 4; c++) {
            unsigned best = 0x100, id = NONE, g = 0;
            on_cpu(c);
            for (unsigned i = 16; i < 96; i++) {
                hwaddr base = i < 32 ? redist(c) + SGI : DIST;
                unsigned p = bare_read(base + IPRIORITYR + i, 1);
                if (bit(ISPENDR, i) && bit(ISENABLER, i) && !bit(ISACTIVER, i) && p < best &&
                    (i < 32 || bare_read(DIST + IROUTER + 8 * i, 8) == c)) {
                    best = p;
                    id = i;
                    g = bit(IGROUPR, i);
                }
            }
            g_assert_cmpuint(rs(g ? HPPIR1 : HPPIR0), ==, id);
            g_assert_cmpstr(pins(c), ==, id == NONE || best >= 0xf8 ? "" : g ? "irq" : "fiq");
        }
    }
    assert_record_holds(gic);
}

static void test_hostile(void)
{
    setup_secure();
    for (unsigned i = 0; i < 60000; i++) {
        on_cpu(g_random_int_range(0, 4));
        view = (ArmGicView){ .el = g_random_int_range(0, 4), .secure = g_random_boolean(),
                             .scr_el3 = g_random_int() & 7, .hcr_el2 = g_random_int() & 0x18 };
        as_secure(view.secure);
        uint64_t v = (uint64_t)g_random_int() << 32 | g_random_int();
        unsigned width = 1u << g_random_int_range(0, 4);
        hwaddr at = g_random_boolean() ? DIST + g_random_int_range(0, 0x10000)
                                       : REDIST + g_random_int_range(0, 0x80000);
        at &= ~(hwaddr)(width - 1);
        switch (g_random_int_range(0, 5)) {
        case 0: bare_write(at, width, v); break;
        case 1: bare_read(at, width); break;
        case 2: try_read(ICC(g_random_boolean() ? 12 : 4, g_random_int_range(6, 14),
                             g_random_int_range(0, 8)), &v);
            break;
        case 3: try_write(ICC(12, g_random_int_range(8, 14), g_random_int_range(0, 8)), v); break;
        case 4: try_write(ICH(g_random_int_range(8, 14), g_random_int_range(0, 8)), v); break;
        }
        if (i % 3 == 0)
            spi(g_random_int_range(32, 96), g_random_boolean());
        if (i % 1000 == 0)
            assert_record_holds(gic);
    }
}

/* `info pic` says what keeps an interrupt from a processor. */
static void test_info(void)
{
    setup();
    put_bit(IGROUPR, 27, true);
    set_bit(ISENABLER, 27);
    ws(PMR, 0);
    ppi(0, 27, 1);
    GString *out = g_string_new(NULL);
    plain->type->info_pic(plain, out);
    g_assert_nonnull(strstr(out->str, "CPU#0: IRQ 0 FIQ 0 VIRQ 0 VFIQ 0, PMR 0x00, groups on: 0 1NS, "
                                      "active priorities 0x0 0x0 0x0, redistributor asleep, next "
                                      "INTID 27 at 0x00"));
    g_assert_nonnull(strstr(out->str, "INTID 27: pending enabled, line high, group 1, priority "
                                      "0x00\n"));
    ppi(0, 27, 0);
    g_string_set_size(out, 0);
    plain->type->info_pic(plain, out);
    g_assert_null(strstr(out->str, "INTID"));
    g_string_free(out, TRUE);
}

static void test_properties(void)
{
    bare_init();
    static const char *const bad[][2] = {
        { "num-cpu", "0" }, { "num-cpu", "513" }, { "num-irq", "32" }, { "num-irq", "100" },
        { "num-irq", "1021" }, { "revision", "2" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        refuses("arm-gicv3", bad[i][0], bad[i][1]);
    Device *dev = device_new(device_type_find("arm-gicv3"), NULL, NULL);
    device_set_uint(dev, "num-cpu", 5);
    device_set_uint(dev, "redist-region-count[0]", 4);
    GError *error = NULL;
    g_assert_false(device_realize(dev, NULL, &error));
    g_assert_nonnull(strstr(error->message, "room for 4"));
    g_clear_error(&error);
    device_unrealize(dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gicv3/identity", test_identity);
    g_test_add_func("/gicv3/masks", test_masks);
    g_test_add_func("/gicv3/level-edge", test_level_edge);
    g_test_add_func("/gicv3/priority", test_priority);
    g_test_add_func("/gicv3/eoi-modes", test_eoi_modes);
    g_test_add_func("/gicv3/groups", test_groups);
    g_test_add_func("/gicv3/routing", test_routing);
    g_test_add_func("/gicv3/sgi", test_sgi);
    g_test_add_func("/gicv3/many-cpus", test_many_cpus);
    g_test_add_func("/gicv3/security-dist", test_security_dist);
    g_test_add_func("/gicv3/irq-or-fiq", test_irq_or_fiq);
    g_test_add_func("/gicv3/special-ids", test_special_ids);
    g_test_add_func("/gicv3/banked-by-state", test_banked_by_state);
    g_test_add_func("/gicv3/ns-priorities", test_ns_priorities);
    g_test_add_func("/gicv3/secure-sgis", test_secure_sgis);
    g_test_add_func("/gicv3/traps", test_traps);
    g_test_add_func("/gicv3/dir-rules", test_dir_rules);
    g_test_add_func("/gicv3/model", test_model);
    g_test_add_func("/gicv3/hostile", test_hostile);
    g_test_add_func("/gicv3/info", test_info);
    g_test_add_func("/gicv3/properties", test_properties);
    return g_test_run();
}
