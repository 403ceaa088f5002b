/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The performance monitors (DDI 0487 D13): enables, software increments, overflow, interrupt. */
#include "suite.h"

enum { E = 1, P = 2, C = 4, LC = 64, SW_INCR = 0, CHAIN = 0x1e, CPU_CYCLES = 0x11, PPI = 23 };
#define CYCLES (1U << 31)

static void burn(void)
{
    for (volatile int i = 0; i < 2000; i++)
        ;
}

static void all_off(void)
{
    MSR("pmcr_el0", LC | P | C);
    MSR("pmcntenclr_el0", ~0U);
    MSR("pmintenclr_el1", ~0U);
    MSR("pmovsclr_el0", ~0U);
    MSR("pmuserenr_el0", 0);
}

static void event(unsigned n, uint32_t what)
{
    MSR("pmselr_el0", n);
    MSR("pmxevtyper_el0", what);
}

static uint64_t count(unsigned n)
{
    MSR("pmselr_el0", n);
    return MRS("pmxevcntr_el0");
}

static void set_count(unsigned n, uint64_t v)
{
    MSR("pmselr_el0", n);
    MSR("pmxevcntr_el0", v);
}

static void quiet(uint32_t id)
{
    if (id == PPI)
        MSR("pmovsclr_el0", ~0U);
}

void test_pmu(void)
{
    uint64_t n = MRS("pmcr_el0") >> 11 & 31, a, b;

    check("pmu: at least 2 counters", n >= 2, 1);
    check("pmu: software increments", MRS("pmceid0_el0") & 1, 1);
    check("pmu: cycles", MRS("pmceid0_el0") >> CPU_CYCLES & 1, 1);
    all_off();
    /* The cycle counter. */
    a = MRS("pmccntr_el0");
    burn();
    check("pmu: off, cycles stand", MRS("pmccntr_el0") - a, 0);
    MSR("pmcntenset_el0", CYCLES);
    MSR("pmcr_el0", LC | E);
    a = MRS("pmccntr_el0");
    burn();
    b = MRS("pmccntr_el0");
    check("pmu: cycles go on", b > a, 1);
    MSR("pmccfiltr_el0", CYCLES); /* P: not at EL1 */
    a = MRS("pmccntr_el0");
    burn();
    check("pmu: filtered, cycles stand", MRS("pmccntr_el0") - a, 0);
    MSR("pmccfiltr_el0", 0);
    MSR("pmccntr_el0", 1ULL << 60);
    MSR("pmcr_el0", LC | E | C);
    check("pmu: PMCR.C", MRS("pmccntr_el0") >> 60, 0);
    MSR("pmccntr_el0", 0xfffffffffffffff0ULL);
    burn();
    check("pmu: 64-bit overflow", MRS("pmovsclr_el0") >> 31 & 1, 1);
    MSR("pmovsclr_el0", CYCLES);
    check("pmu: PMOVSCLR", MRS("pmovsclr_el0"), 0);
    /* Software increments. */
    all_off();
    event(0, SW_INCR);
    event(1, SW_INCR);
    MSR("pmcntenset_el0", 1);
    MSR("pmswinc_el0", 3);
    check("pmu: PMCR.E is 0", count(0), 0);
    MSR("pmcr_el0", LC | E);
    for (int i = 0; i < 5; i++)
        MSR("pmswinc_el0", 3);
    check("pmu: five", count(0), 5);
    check("pmu: not enabled", count(1), 0);
    set_count(0, 0xfffffffe);
    for (int i = 0; i < 3; i++)
        MSR("pmswinc_el0", 1);
    check("pmu: wraps", count(0), 1);
    check("pmu: overflow", MRS("pmovsset_el0"), 1);
    MSR("pmcr_el0", LC | E | P);
    check("pmu: PMCR.P", count(0), 0);
    check("pmu: overflow stays", MRS("pmovsset_el0"), 1);
    /* Chained: counter 1 counts the overflows of 0. */
    all_off();
    event(0, SW_INCR);
    event(1, CHAIN);
    set_count(0, 0xffffffff);
    set_count(1, 1);
    MSR("pmcntenset_el0", 3);
    MSR("pmcr_el0", LC | E);
    MSR("pmswinc_el0", 1);
    check("pmu: chain, low", count(0), 0);
    if (MRS("pmceid0_el0") >> CHAIN & 1)
        check("pmu: chain, high", count(1), 2);
    MSR("pmevcntr1_el0", 77);
    check("pmu: PMEVCNTR1", count(1), 77);
    check("pmu: PMEVTYPER0", MRS("pmevtyper0_el0"), SW_INCR);
    /* The interrupt. */
    all_off();
    irq_quiet = quiet;
    irq_count = 0;
    gic_enable(PPI, 0x80);
    event(0, SW_INCR);
    set_count(0, 0xffffffff);
    MSR("pmcntenset_el0", 1);
    MSR("pmintenset_el1", 1);
    MSR("pmcr_el0", LC | E);
    irqs_on();
    check("pmu: no interrupt yet", irq_count, 0);
    MSR("pmswinc_el0", 1);
    WAIT(irq_count);
    check("pmu: interrupt", irq_id, PPI);
    MSR("pmovsset_el0", 1);
    WAIT(irq_count > 1);
    check("pmu: PMOVSSET makes one", irq_count, 2);
    irqs_off();
    irq_quiet = 0;
    all_off();
    MSR("pmccfiltr_el0", 1 << 30);
    MSR("pmselr_el0", 31);
    check("pmu: PMSELR 31 is the cycle filter", MRS("pmxevtyper_el0"), 1 << 30);
    MSR("pmccfiltr_el0", 0);
}
