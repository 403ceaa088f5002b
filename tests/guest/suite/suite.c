/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks share: console, interrupts of either GIC, PSCI. */
#include "suite.h"

volatile uint32_t irq_id, irq_count, trap_count;
volatile uint64_t trap_esr;
void (*volatile irq_quiet)(uint32_t id);

void put(const char *s)
{
    while (*s)
        wr32(0x09000000, (uint32_t)*s++);
}

static void hex(uint64_t v)
{
    char text[2] = { 0 };

    for (int n = 60; n >= 0; n -= 4) {
        text[0] = "0123456789abcdef"[v >> n & 15];
        if (v >> n || !n)
            put(text);
    }
}

void check(const char *name, uint64_t got, uint64_t want)
{
    put(got == want ? "ok " : "BAD ");
    put(name);
    if (got != want) {
        put(": got ");
        hex(got);
        put(" want ");
        hex(want);
    }
    put("\n");
}

void on_trap(uint64_t esr)
{
    trap_esr = esr;
    trap_count++;
}

void on_irq(void)
{
    uint32_t id = gic_ack();

    irq_id = id;
    irq_count++;
    if (irq_quiet)
        irq_quiet(id & 0x3ff);
    if ((id & 0x3ff) < 1020)
        gic_end(id);
}

void gic_init(void)
{
#if GIC == 3
    wr32(GICR + 0x14, 0); /* awake */
    MSR("S3_0_C12_C12_5", 7);
    wr32(GICD, 0x12 | 1 << 4);
    WAIT(!(rd32(GICD) >> 31));
    wr32(SGI_FRAME + 0x80, ~0U); /* Group 1 */
    MSR("S3_0_C4_C6_0", 0xff);
    MSR("S3_0_C12_C12_7", 1);
#else
    wr32(GICD, 1);
    wr32(GICC + 4, 0xff);
    wr32(GICC, 1);
#endif
}

void gic_enable(uint32_t id, uint8_t priority)
{
    uint64_t base = id < 32 ? PRIVATE : GICD;

    wr8(base + 0x400 + id, priority);
    wr32(base + 0x100 + id / 32 * 4, 1U << id % 32);
}

void gic_sgi_self(uint32_t id)
{
#if GIC == 3
    uint64_t mpidr = MRS("mpidr_el1");
    MSR("S3_0_C12_C11_5", (uint64_t)id << 24 | 1 << (mpidr & 15) | (mpidr >> 8 & 255) << 16);
#else
    wr32(GICD + 0xf00, 2 << 24 | id);
#endif
}

uint32_t gic_ack(void)
{
#if GIC == 3
    return (uint32_t)MRS("S3_0_C12_C12_0");
#else
    return rd32(GICC + 0xc);
#endif
}

void gic_end(uint32_t id)
{
#if GIC == 3
    MSR("S3_0_C12_C12_1", id);
#else
    wr32(GICC + 0x10, id);
#endif
}

uint64_t psci(uint64_t fn, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = fn;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;

    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory",
                     "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                     "x16", "x17");
    return x0;
}

void start(void)
{
    gic_init();
    test_timers();
    test_pmu();
    test_gic();
    test_psci();
    test_pci();
    put("done\n");
    /* A chardev "testdev" behind the second UART, if there is one: status 7. */
    wr32(0x09040000, '3');
    wr32(0x09040000, 'q');
    for (uint64_t end = MRS("cntvct_el0") + MRS("cntfrq_el0"); MRS("cntvct_el0") < end;)
        ;
    psci(0x84000008, 0, 0, 0);
}
