/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Software-generated and shared interrupts, priorities, active state, of GICv2 and GICv3. */
#include "suite.h"

static uint32_t order[8], n_order;

static void note(uint32_t id)
{
    if (n_order < 8)
        order[n_order++] = id;
}

static void test_mmio(void)
{
    uint32_t lines = 32 * ((rd32(GICD + 4) & 31) + 1);

    check("gic: 288 interrupts", lines, 288);
    check("gic: architecture", rd32(GICD + (GIC == 3 ? 0xffe8 : 0xfe8)) >> 4 & 15, GIC);
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t fixed[] = { 4, 8, 0xfe8 };
        uint64_t at = GICD + (i == 2 && GIC == 3 ? 0xffe8 : fixed[i]);
        uint32_t before = rd32(at);
        wr32(at, ~before);
        check("gic: read only", rd32(at), before);
    }
    /* Priorities: bytes and words. */
    wr32(GICD + 0x400 + 64, 0);
    wr8(GICD + 0x400 + 65, 0xf8);
    check("gic: priority byte", rd32(GICD + 0x400 + 64), 0xf800);
    check("gic: priority byte back", rd8(GICD + 0x400 + 65), 0xf8);
    wr32(GICD + 0x400 + 64, 0);
    /* Enable, pending, active: set and clear registers are one state. */
    wr32(GICD + 0x108, 0x8000);
    check("gic: ISENABLER", rd32(GICD + 0x188), 0x8000);
    wr32(GICD + 0x188, 0x8000);
    check("gic: ICENABLER", rd32(GICD + 0x108), 0);
    if (GIC == 2)
        wr8(GICD + 0x800 + 79, 1);
    wr32(GICD + 0x208, 0x8000);
    check("gic: ISPENDR", rd32(GICD + 0x288), 0x8000);
    wr32(GICD + 0x288, 0x8000);
    check("gic: ICPENDR", rd32(GICD + 0x208), 0);
    wr32(GICD + 0x308, 0x8000);
    check("gic: ISACTIVER", rd32(GICD + 0x388), 0x8000);
    wr32(GICD + 0x388, 0x8000);
    check("gic: ICACTIVER", rd32(GICD + 0x308), 0);
    check("gic: SGIs are edges", rd32(PRIVATE + 0xc00), 0xaaaaaaaa);
    wr32(GICD + 0xc10, 0xaaaaaaaa);
    check("gic: ICFGR", rd32(GICD + 0xc10), 0xaaaaaaaa);
    wr32(GICD + 0xc10, 0);
    if (GIC == 2)
        check("gic: own target", rd8(GICD + 0x800), 1);
    check("gic: outside", (wr32(GICD + 0x408 + 1020, 0xff), trap_count), 0);
}

static void test_sgis(void)
{
    irq_count = 0;
    gic_enable(1, 0xa0);
    irqs_on();
    gic_sgi_self(1);
    WAIT(irq_count);
    check("gic: sgi", irq_id & 0x3ff, 1);
    irqs_off();
    irq_count = 0;
    gic_sgi_self(1);
    gic_sgi_self(1);
    check("gic: sgi pending", rd32(PRIVATE + 0x200) & 0xffff, 2);
    irqs_on();
    WAIT(irq_count);
    irqs_off();
    check("gic: two are one", irq_count, 1);
    /* The one with the higher priority first, whatever the order. */
    gic_enable(2, 0x80);
    gic_enable(3, 0x40);
    irq_quiet = note;
    n_order = 0;
    gic_sgi_self(1);
    gic_sgi_self(2);
    gic_sgi_self(3);
    irqs_on();
    WAIT(n_order == 3);
    irqs_off();
    check("gic: order", order[0] << 8 | order[1] << 4 | order[2], 0x321);
    irq_quiet = 0;
    /* An active interrupt keeps its equals away. */
    gic_sgi_self(2);
    irq_id = gic_ack();
    check("gic: acknowledged", irq_id & 0x3ff, 2);
    check("gic: active", rd32(PRIVATE + 0x300) & 0xffff, 4);
    check("gic: not pending", rd32(PRIVATE + 0x200) & 0xffff, 0);
    gic_sgi_self(1);
    check("gic: a lower one waits", gic_ack() & 0x3ff, 1023);
    gic_sgi_self(2);
    check("gic: active and pending", rd32(PRIVATE + 0x200) & 4, 4);
    check("gic: itself waits", gic_ack() & 0x3ff, 1023);
    gic_sgi_self(3);
    check("gic: a higher one goes first", gic_ack() & 0x3ff, 3);
    gic_end(3);
    gic_end(irq_id);
    check("gic: inactive", rd32(PRIVATE + 0x300) & 0xffff, 0);
    irq_count = 0;
    irqs_on();
    WAIT(irq_count == 2);
    irqs_off();
    check("gic: the two that waited", irq_count, 2);
    check("gic: spurious", gic_ack() & 0x3ff, 1023);
}

/* PL011's interrupt as a level: SPI 1. */
static void test_level(void)
{
    enum { UART = 33 };

    wr32(GICD + 0xc08, rd32(GICD + 0xc08) & ~(3U << 2));
#if GIC == 3
    wr32(GICD + 0x84, ~0U);
    wr64(GICD + 0x6000 + 8 * UART, MRS("mpidr_el1") & 0xffffff);
#else
    wr8(GICD + 0x800 + UART, 1);
#endif
    gic_enable(UART, 0x80);
    wr32(0x09000038, 1 << 5); /* transmitter */
    put(" \n");
    check("gic: level", rd32(GICD + 0x204) >> 1 & 1, 1);
    check("gic: level, acknowledged", gic_ack() & 0x3ff, UART);
    check("gic: level stays pending", rd32(GICD + 0x204) >> 1 & 1, 1);
    check("gic: level, active", rd32(GICD + 0x304) >> 1 & 1, 1);
    wr32(GICD + 0x284, 2);
    check("gic: level can't be cleared", rd32(GICD + 0x204) >> 1 & 1, 1);
    gic_end(UART);
    check("gic: comes again", gic_ack() & 0x3ff, UART);
    wr32(0x09000038, 0);
    check("gic: level gone", rd32(GICD + 0x204) >> 1 & 1, 0);
    gic_end(UART);
    check("gic: and stays away", gic_ack() & 0x3ff, 1023);
    wr32(GICD + 0x184, 2);
}

void test_gic(void)
{
    trap_count = 0;
    test_mmio();
    test_sgis();
    test_level();
}
