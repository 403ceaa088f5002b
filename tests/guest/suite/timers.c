/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The physical and the virtual timer of EL1 (DDI 0487 D12.2), and their interrupts. */
#include "suite.h"

enum { ENABLE = 1, IMASK = 2, ISTATUS = 4 };

#define TIMER(name, CNT, id)                                                                   \
static void quiet_##name(uint32_t irq)                                                         \
{                                                                                              \
    if (irq == id)                                                                             \
        MSR(CNT "_ctl_el0", ENABLE | IMASK);                                                   \
}                                                                                              \
static unsigned pending_##name(void)                                                           \
{                                                                                              \
    return rd32(PRIVATE + 0x200) >> id & 1;                                                    \
}                                                                                              \
static void test_##name(void)                                                                  \
{                                                                                              \
    uint64_t now, freq = MRS("cntfrq_el0");                                                    \
                                                                                               \
    MSR(CNT "_cval_el0", ~0ULL);                                                               \
    MSR(CNT "_ctl_el0", ENABLE);                                                               \
    check(#name ": not due", MRS(CNT "_ctl_el0"), ENABLE);                                     \
    check(#name ": not pending", pending_##name(), 0);                                         \
    MSR(CNT "_cval_el0", 0);                                                                   \
    check(#name ": due", MRS(CNT "_ctl_el0"), ENABLE | ISTATUS);                               \
    check(#name ": pending", pending_##name(), 1);                                             \
    MSR(CNT "_ctl_el0", ENABLE | IMASK);                                                       \
    check(#name ": masked, due", MRS(CNT "_ctl_el0"), ENABLE | IMASK | ISTATUS);               \
    check(#name ": masked, not pending", pending_##name(), 0);                                 \
    MSR(CNT "_ctl_el0", 0);                                                                    \
    check(#name ": off", MRS(CNT "_ctl_el0") & 3, 0);                                          \
    check(#name ": off, not pending", pending_##name(), 0);                                    \
    /* TVAL is a signed view of CVAL - count. */                                               \
    MSR(CNT "_tval_el0", 0xffffffff);                                                          \
    now = MRS("cntvct_el0");                                                                   \
    check(#name ": tval -1 is past", (int64_t)(MRS(CNT "_cval_el0") - now) < 0, 1);            \
    MSR(CNT "_tval_el0", 0x7fffffff);                                                          \
    check(#name ": tval counts down", (int32_t)MRS(CNT "_tval_el0") < 0x7fffffff, 1);          \
    MSR(CNT "_cval_el0", MRS("cntvct_el0") + (1ULL << 33) + freq);                             \
    check(#name ": tval is 32 bits", MRS(CNT "_tval_el0") >> 32, 0);                           \
    /* The interrupt. */                                                                       \
    irq_quiet = quiet_##name;                                                                  \
    irq_count = 0;                                                                             \
    gic_enable(id, 0x80);                                                                      \
    MSR(CNT "_tval_el0", freq / 100);                                                          \
    MSR(CNT "_ctl_el0", ENABLE);                                                               \
    irqs_on();                                                                                 \
    WAIT(irq_count);                                                                           \
    check(#name ": interrupt", irq_id, id);                                                    \
    check(#name ": once", irq_count, 1);                                                       \
    check(#name ": in time", (int32_t)MRS(CNT "_tval_el0") <= 0, 1);                           \
    /* Latched or not: a level that goes away is not taken. */                                 \
    irqs_off();                                                                                \
    irq_count = 0;                                                                             \
    MSR(CNT "_cval_el0", 0);                                                                   \
    MSR(CNT "_ctl_el0", ENABLE);                                                               \
    MSR(CNT "_ctl_el0", 0);                                                                    \
    irqs_on();                                                                                 \
    check(#name ": a level that went", irq_count, 0);                                          \
    irqs_off();                                                                                \
    MSR(CNT "_ctl_el0", ENABLE);                                                               \
    irqs_on();                                                                                 \
    WAIT(irq_count);                                                                           \
    check(#name ": at once", irq_id, id);                                                      \
    irqs_off();                                                                                \
    irq_count = 0;                                                                             \
    /* WFI ends by a pending interrupt that PSTATE masks. */                                   \
    MSR(CNT "_tval_el0", freq / 200);                                                          \
    MSR(CNT "_ctl_el0", ENABLE);                                                               \
    __asm__ volatile("wfi" : : : "memory");                                                    \
    check(#name ": wfi", MRS(CNT "_ctl_el0"), ENABLE | ISTATUS);                               \
    MSR(CNT "_ctl_el0", 0);                                                                    \
    irq_quiet = 0;                                                                             \
}
TIMER(ptimer, "cntp", 30)
TIMER(vtimer, "cntv", 27)

void test_timers(void)
{
    uint64_t a, b;

    test_ptimer();
    test_vtimer();
    a = MRS("cntpct_el0");
    b = MRS("cntvct_el0");
    check("counts agree", b - a < MRS("cntfrq_el0"), 1);
    check("frequency", MRS("cntfrq_el0"), 62500000);
    MSR("cntkctl_el1", 0x3ff);
    check("cntkctl", MRS("cntkctl_el1"), 0x3ff);
    /* With its event stream on, WFE comes back. */
    MSR("cntkctl_el1", 1 << 2 | 8 << 4);
    for (int i = 0; i < 4; i++)
        __asm__ volatile("wfe" : : : "memory");
    check("wfe with an event stream", 1, 1);
}
