/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The A64 processor without instructions: models, exceptions and returns, interrupts, timers, PSCI,
 * system registers' effects, saved state (DDI 0487, DEN 0022).
 */
#include <glib.h>
#include <string.h>

#include "accel/accel.h"
#include "softmmu/memory.h"
#include "softmmu/run.h"
#include "target/arm/debug.h"
#include "target/arm/sysreg.h"

enum { RAM_SIZE = 1 << 20 };
#define RAM 0x40000000ULL

static void bus(void)
{
    static MemoryRegion ram;
    static bool done;

    if (done)
        return;
    done = true;
    main_loop_init();
    memory_init();
    g_assert_true(memory_region_init_ram(&ram, "ram", RAM_SIZE, NULL));
    memory_region_add(memory_system_root(), RAM, &ram, 0);
    g_assert_true(accel_select("interp", target_find("aarch64"), NULL, NULL));
}

static ArmCpu *processor(const char *model, bool el2, bool el3)
{
    GError *error = NULL;
    Cpu *cpu;

    bus();
    cpu = cpu_new(target_find("aarch64"), model, &error);
    g_assert_no_error(error);
    arm_cpu_set_levels(cpu, el2, el3);
    arm_cpu_set_rvbar(cpu, RAM);
    cpu->target->reset(cpu);
    return arm_cpu(cpu);
}

static void go_to(ArmCpu *a, unsigned el, uint64_t pstate)
{
    a->pstate = (a->pstate & ~PSTATE_DAIF) | pstate;
    arm_set_el(a, el, el);
    arm_update_mode(a);
}

/* As an instruction at level 1 or higher, where nothing traps. */
static uint64_t mrs(ArmCpu *a, const char *name)
{
    return arm_sysreg_read(a, arm_sysreg_by_name(name)->enc, 0);
}

static void msr(ArmCpu *a, const char *name, uint64_t v)
{
    arm_sysreg_write(a, arm_sysreg_by_name(name)->enc, 0, v);
}

static void test_models(void)
{
    const TargetOps *t = target_find("aarch64");
    const char *name, *doc;
    GError *error = NULL;
    ArmCpu *a;

    for (unsigned i = 0; (name = t->model(i, &doc)); i++) {
        a = processor(name, false, false);
        g_assert_cmphex(a->pc, ==, RAM);
        g_assert_cmpuint(arm_el(a), ==, 1);
        g_assert_cmphex(mrs(a, "ID_AA64PFR0_EL1") & 0xffff, ==, 0x0011);
        g_assert_cmphex(mrs(a, "MIDR_EL1"), ==, a->id.midr);
    }
    a = processor("cortex-a53,pmu=off", true, true);
    g_assert_cmphex(mrs(a, "ID_AA64DFR0_EL1") & 0xf00, ==, 0);
    g_assert_cmphex(mrs(a, "ID_AA64PFR0_EL1") & 0xffff, ==, 0x1111);
    g_assert_cmpuint(arm_el(a), ==, 3);
    g_assert_null(cpu_new(t, "cortex-a54", &error));
    g_assert_nonnull(strstr(error->message, "cortex-a53"));
    g_clear_error(&error);
    g_assert_null(cpu_new(t, "cortex-a53,sve=on", &error));
    g_clear_error(&error);
}

/* --- exceptions --- */

static void check_entry(ArmCpu *a, unsigned from, unsigned target, unsigned offset)
{
    uint64_t old = a->pstate | arm_nzcv(a), pc = a->pc;

    arm_exception(a, target, ESR(EC_SVC, 0x1234), 0);
    g_assert_cmpuint(arm_el(a), ==, target);
    g_assert_cmphex(a->pc, ==, a->vbar[target] + offset);
    g_assert_cmphex(a->elr[target], ==, pc);
    g_assert_cmphex(a->spsr[target], ==, old);
    g_assert_cmphex(a->esr[target], ==, ESR(EC_SVC, 0x1234));
    g_assert_cmphex(a->pstate & PSTATE_DAIF, ==, PSTATE_DAIF);
    g_assert_true(a->pstate & PSTATE_SP);
    g_assert_cmphex(a->sp, ==, 0x1000u * target);
    g_assert_cmphex(a->sp_el[0], ==, from ? 0xabc0 : 0x5550);
    arm_eret(a, a->elr[target]);
    g_assert_cmpuint(arm_el(a), ==, from);
    g_assert_cmphex(a->pstate | arm_nzcv(a), ==, old);
    g_assert_cmphex(a->pc, ==, pc);
}

static void test_entry(void)
{
    ArmCpu *a = processor("cortex-a57", true, true);

    a->scr |= SCR_NS;
    arm_hcr_changed(a);
    for (unsigned el = 1; el < 4; el++)
        a->vbar[el] = 0x10000 * el;
    for (unsigned from = 0; from < 4; from++)
        for (unsigned target = MAX(from, 1); target < 4; target++) {
            go_to(a, from, 0);
            a->sp_el[0] = 0xabc0;
            for (unsigned el = 1; el < 4; el++)
                a->sp_el[el] = 0x1000 * el;
            a->sp = from ? 0x1000 * from : 0x5550;
            arm_set_nzcv(a, 0xa0000000);
            check_entry(a, from, target, target > from ? 0x400 : 0x200);
        }
    /* HCR_EL2.TGE: EL0's exceptions to EL2 */
    msr(a, "HCR_EL2", HCR_TGE);
    go_to(a, 0, 0);
    arm_exception(a, 1, ESR(EC_SVC, 0), 0);
    g_assert_cmpuint(arm_el(a), ==, 2);
}

static void test_illegal_return(void)
{
    static const uint64_t bad[] = { 0x10, 0x1d, 0x01, 0x06, 0x0d, 0x09 };
    ArmCpu *a = processor("cortex-a57", true, true);

    /* At EL2: AArch32, EL0 with SPx, reserved, EL3; EL2 itself while Secure. */
    a->scr |= SCR_NS;
    arm_hcr_changed(a);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        bool legal = bad[i] == 0x09;
        go_to(a, 2, 0);
        a->pstate &= ~PSTATE_IL;
        a->spsr[2] = bad[i] | 0x60000000 | PSTATE_I;
        arm_eret(a, 0x1234);
        g_assert_cmphex(!(a->pstate & PSTATE_IL), ==, legal);
        g_assert_cmpuint(arm_el(a), ==, 2);
        g_assert_cmphex(arm_nzcv(a), ==, 0x60000000);
        g_assert_cmphex(a->pstate & PSTATE_DAIF, ==, PSTATE_I);
        g_assert_cmphex(a->pc, ==, 0x1234);
    }
    go_to(a, 3, 0);
    a->pstate &= ~PSTATE_IL;
    msr(a, "SCR_EL3", 0);
    a->spsr[3] = 0x09;
    arm_eret(a, 0);
    g_assert_true(a->pstate & PSTATE_IL);
    g_assert_cmpuint(arm_el(a), ==, 3);
}

/* --- interrupts (D1.3.6.3: tables of routing and masking) --- */

typedef struct IrqCase {
    unsigned el;
    uint64_t scr, hcr;
    bool masked;
    int target; /* -1: stays pending */
} IrqCase;

static void test_interrupts(void)
{
    static const IrqCase cases[] = {
        { 0, SCR_NS, 0, false, 1 }, { 0, SCR_NS, 0, true, -1 }, { 1, SCR_NS, 0, false, 1 },
        { 1, SCR_NS, 0, true, -1 }, { 2, SCR_NS, 0, false, -1 }, { 3, SCR_NS, 0, false, -1 },
        { 0, SCR_NS, HCR_IMO, true, 2 }, { 1, SCR_NS, HCR_IMO, true, 2 },
        { 2, SCR_NS, HCR_IMO, false, 2 }, { 2, SCR_NS, HCR_IMO, true, -1 },
        { 3, SCR_NS, HCR_IMO, false, -1 }, { 0, SCR_NS, HCR_TGE, true, 2 },
        { 0, SCR_NS, HCR_TGE | HCR_E2H, true, -1 }, { 0, SCR_NS, HCR_TGE | HCR_E2H, false, 2 },
        { 0, SCR_NS | SCR_IRQ, 0, true, 3 }, { 2, SCR_NS | SCR_IRQ, HCR_IMO, true, 3 },
        { 3, SCR_NS | SCR_IRQ, 0, false, 3 }, { 3, SCR_NS | SCR_IRQ, 0, true, -1 },
        { 1, 0, HCR_IMO, false, 1 }, { 1, 0, HCR_IMO, true, -1 },
    };
    ArmCpu *a = processor("cortex-a76", true, true);
    IrqSink irq = arm_cpu_irq(&a->cpu, ARM_CPU_IRQ);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const IrqCase *c = &cases[i];
        bool took;
        go_to(a, 3, PSTATE_DAIF);
        msr(a, "SCR_EL3", c->scr);
        msr(a, "HCR_EL2", c->hcr);
        go_to(a, c->el, c->masked ? PSTATE_I : 0);
        irq.set(irq.opaque, irq.n, 1);
        g_assert_true(arm_has_work(&a->cpu));
        took = arm_take_interrupt(&a->cpu);
        g_assert_cmpint(took ? (int)arm_el(a) : -1, ==, c->target);
        if (took)
            g_assert_cmphex(a->pc & 0x7f, ==, 0);
        g_assert_cmphex(a->pc & 0x180, ==, took ? 0x80 : a->pc & 0x180);
        irq.set(irq.opaque, irq.n, 0);
        g_assert_false(arm_take_interrupt(&a->cpu));
    }
    /* Virtual ones, from HCR_EL2 alone. */
    go_to(a, 3, PSTATE_DAIF);
    msr(a, "SCR_EL3", SCR_NS);
    msr(a, "HCR_EL2", HCR_IMO | HCR_VI);
    g_assert_false(arm_take_interrupt(&a->cpu));
    go_to(a, 1, PSTATE_I);
    g_assert_false(arm_take_interrupt(&a->cpu));
    g_assert_true(arm_has_work(&a->cpu));
    go_to(a, 0, 0);
    g_assert_true(arm_take_interrupt(&a->cpu));
    g_assert_cmpuint(arm_el(a), ==, 1);
    go_to(a, 3, PSTATE_DAIF);
    msr(a, "HCR_EL2", HCR_AMO | HCR_VSE);
    go_to(a, 1, 0);
    g_assert_true(arm_take_interrupt(&a->cpu));
    g_assert_cmphex(a->esr[1] >> 26, ==, EC_SERROR);
    go_to(a, 3, PSTATE_DAIF);
    g_assert_cmphex(mrs(a, "HCR_EL2") & HCR_VSE, ==, 0);
}

/* --- timers --- */

static void wire(void *opaque, int n, int level)
{
    *(int *)opaque = level;
}

static int64_t now_ns = 1000000, drift_ns; /* drift: passes with each reading */

static int64_t test_time(void)
{
    return now_ns += drift_ns;
}

static void test_timer(void)
{
    ArmCpu *a;
    int level = 0;

    bus();
    clock_set_virtual_source(test_time);
    a = processor("cortex-a57", true, false);

    irq_connect(arm_cpu_output(&a->cpu, ARM_OUT_TIMER_VIRT), (IrqSink){ wire, &level, 0 });
    msr(a, "CNTVOFF_EL2", (uint64_t)-1000);
    g_assert_cmpuint(mrs(a, "CNTPCT_EL0"), ==, 1000000 / 16);
    g_assert_cmpuint(mrs(a, "CNTVCT_EL0"), ==, 1000000 / 16 + 1000);
    msr(a, "CNTV_TVAL_EL0", 62500); /* 1 ms */
    msr(a, "CNTV_CTL_EL0", 1);
    g_assert_cmpint(level, ==, 0);
    now_ns += 999984;
    clock_run_timers(CLOCK_VIRTUAL);
    g_assert_cmpint(level, ==, 0);
    g_assert_cmpuint(mrs(a, "CNTV_TVAL_EL0"), ==, 1);
    now_ns += 16;
    clock_run_timers(CLOCK_VIRTUAL);
    g_assert_cmpint(level, ==, 1);
    g_assert_cmphex(mrs(a, "CNTV_CTL_EL0"), ==, 5);
    g_assert_cmpint((int32_t)mrs(a, "CNTV_TVAL_EL0"), <=, 0);
    msr(a, "CNTV_CTL_EL0", 3);
    g_assert_cmpint(level, ==, 0);
    msr(a, "CNTV_CTL_EL0", 1);
    g_assert_cmpint(level, ==, 1);
    msr(a, "CNTV_CVAL_EL0", UINT64_MAX);
    g_assert_cmpint(level, ==, 0);
    msr(a, "CNTV_CVAL_EL0", 0);
    g_assert_cmpint(level, ==, 1);
    msr(a, "CNTV_CTL_EL0", 0);
    g_assert_cmpint(level, ==, 0);
    clock_set_virtual_source(NULL);
}

/* Deadlines that pass while a timer is being set. */
static void test_timer_race(void)
{
    ArmCpu *a;
    int level = 0;

    bus();
    clock_set_virtual_source(test_time);
    a = processor("cortex-a57", false, false);
    irq_connect(arm_cpu_output(&a->cpu, ARM_OUT_TIMER_VIRT), (IrqSink){ wire, &level, 0 });
    for (unsigned ticks = 0; ticks < 10; ticks++) {
        msr(a, "CNTV_CVAL_EL0", mrs(a, "CNTVCT_EL0") + ticks);
        drift_ns = 40;
        msr(a, "CNTV_CTL_EL0", 1);
        drift_ns = 0;
        now_ns += 1000;
        clock_run_timers(CLOCK_VIRTUAL);
        g_assert_cmpint(level, ==, 1);
        msr(a, "CNTV_CTL_EL0", 0);
        g_assert_cmpint(level, ==, 0);
    }
    clock_set_virtual_source(NULL);
}

/* --- PSCI --- */

static int64_t psci(ArmCpu *a, uint32_t fn, uint64_t x1, uint64_t x2)
{
    a->x[0] = fn;
    a->x[1] = x1;
    a->x[2] = x2;
    g_assert_true(arm_psci_call(a));
    return (int64_t)a->x[0];
}

static void test_psci(void)
{
    ArmCpu *a = processor("cortex-a57", false, false), *b = processor("cortex-a57", false, false);

    arm_cpu_set_mpidr(&a->cpu, 0x200);
    arm_cpu_set_mpidr(&b->cpu, 0x201);
    arm_cpu_set_powered_off(&b->cpu, true);
    b->cpu.target->reset(&b->cpu);
    g_assert_true(b->cpu.halted);
    g_assert_cmphex((uint64_t)psci(a, 0x84000000, 0, 0), ==, 0x10001);
    g_assert_cmpint(psci(a, 0xc4000004, 0x201, 0), ==, 1);
    g_assert_cmpint(psci(a, 0xc4000004, 0x200, 0), ==, 0);
    g_assert_cmpint(psci(a, 0xc4000004, 0x777, 0), ==, -2);
    g_assert_cmpint(psci(a, 0x8400000a, 0xc4000003, 0), ==, 0);
    g_assert_cmpint(psci(a, 0x8400000a, 0xc4000008, 0), ==, -1);
    g_assert_cmpint(psci(a, 0x84000099, 0, 0), ==, -1);
    g_assert_cmpint(psci(a, 0xc4000003, 0x200, RAM), ==, -4);
    g_assert_cmpint(psci(a, 0xc4000003, 0x999, RAM), ==, -2);
    a->x[3] = 0x4242;
    g_assert_cmpint(psci(a, 0xc4000003, 0x201, RAM + 0x100), ==, 0);
    /* Not before its thread runs; meanwhile a reset takes the request back, a snapshot has it. */
    g_assert_true(b->cpu.halted);
    g_assert_cmpint(psci(a, 0xc4000004, 0x201, 0), ==, 2);
    g_assert_cmpint(psci(a, 0xc4000003, 0x201, RAM), ==, -5);
    GByteArray *record = g_byte_array_new();
    state_save(b->cpu.target->state, b, record);
    b->cpu.target->reset(&b->cpu);
    b->cpu.target->serve(&b->cpu, atomic_exchange(&b->cpu.requests, 0));
    g_assert_true(b->cpu.halted);
    g_assert_cmpint(psci(a, 0xc4000004, 0x201, 0), ==, 1);
    g_assert_true(state_load(b->cpu.target->state, b, record->data, record->len, NULL));
    g_byte_array_unref(record);
    b->cpu.target->loaded(&b->cpu);
    g_assert_cmpint(psci(a, 0xc4000004, 0x201, 0), ==, 2);
    b->cpu.target->serve(&b->cpu, atomic_exchange(&b->cpu.requests, 0));
    g_assert_false(b->cpu.halted);
    g_assert_cmphex(b->pc, ==, RAM + 0x100);
    g_assert_cmphex(b->x[0], ==, 0x4242);
    g_assert_cmpint(psci(a, 0xc4000004, 0x201, 0), ==, 0);
    g_assert_cmpint(psci(a, 0xc4000003, 0x201, RAM), ==, -4);
}

/* --- saved state --- */

/* What isn't saved, and why not. */
static const struct {
    size_t start, size;
} transient[] = {
#define MEMBER(m) { offsetof(ArmCpu, m), sizeof(((ArmCpu *)0)->m) }
    MEMBER(cond), /* within an instruction */
    MEMBER(qc), MEMBER(pmccnt), MEMBER(pmevcnt), /* by custom records, compared below */
    MEMBER(afsr0), MEMBER(afsr1), MEMBER(actlr), MEMBER(amair), MEMBER(hstr), MEMBER(hacr),
    MEMBER(sder), MEMBER(lorsa), MEMBER(lorea), MEMBER(lorn), MEMBER(lorc), /* always zero */
    MEMBER(timer), /* compared below */
    MEMBER(pm_base), MEMBER(pm_icount), MEMBER(pm_timer), /* of the host */
    MEMBER(hcr_eff), MEMBER(mode_base), MEMBER(mode_valid), /* derived */
    /* Single bytes, and what the compiler leaves behind them and before vectors. */
    { offsetof(ArmCpu, pstate) + 8, offsetof(ArmCpu, v) - offsetof(ArmCpu, pstate) - 8 },
    { offsetof(ArmCpu, pm_filtered), offsetof(ArmCpu, event) - offsetof(ArmCpu, pm_filtered) },
    { offsetof(ArmCpu, gic_view), offsetof(ArmCpu, irq_level) - offsetof(ArmCpu, gic_view) },
#undef MEMBER
};

static bool is_transient(size_t at)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(transient); i++)
        if (at - transient[i].start < transient[i].size)
            return true;
    return false;
}

static void test_state(void)
{
    ArmCpu *a = processor("cortex-a76", true, true), *b = processor("cortex-a76", true, true);
    const StateField *fields = a->cpu.target->state;
    size_t start = offsetof(ArmCpu, x), end = offsetof(ArmCpu, out), saved = 0;
    GByteArray *record = g_byte_array_new();
    GRand *g = g_rand_new_with_seed(7);
    GError *error = NULL;

    for (size_t at = start; at < end; at++)
        if (!is_transient(at)) {
            ((uint8_t *)a)[at] = (uint8_t)g_rand_int(g);
            saved++;
        }
    g_assert_cmpuint(saved, >, 1500);
    a->pmcnten = 0;
    arm_set_fpsr(a, 0x0800001f);
    a->pmevcnt[3] = 77;
    a->timer[2].cval = 1234;
    a->timer[2].ctl = 3;
    a->out[1].level = 1;
    a->powered_off = 1;
    state_save(fields, a, record);
    g_assert_true(state_load(fields, b, record->data, record->len, &error));
    g_assert_no_error(error);
    for (size_t at = start; at < end; at++)
        if (!is_transient(at) && ((uint8_t *)a)[at] != ((uint8_t *)b)[at])
            g_error("the byte at offset %zu of ArmCpu is not saved (x is at %zu, tpidr_el0 at %zu, "
                    "sp_el at %zu, par at %zu, dbgbvr at %zu)", at, start,
                    offsetof(ArmCpu, tpidr_el0), offsetof(ArmCpu, sp_el), offsetof(ArmCpu, par),
                    offsetof(ArmCpu, dbgbvr));
    g_assert_cmphex(arm_fpsr(b), ==, 0x0800001f);
    g_assert_cmpuint(b->pmevcnt[3], ==, 77);
    g_assert_cmpuint(b->timer[2].cval, ==, 1234);
    g_assert_cmpuint(b->timer[2].ctl, ==, 3);
    g_assert_cmpint(b->out[1].level, ==, 1);
    g_assert_cmpuint(b->powered_off, ==, 1);
    /* Whatever a file says, the processor is one that can exist. */
    b->powered_off = 2;
    b->start_el = 3;
    b->cpu.target->loaded(&b->cpu);
    g_assert_cmpuint(b->cc_op, <=, ARM_CC_LAST);
    g_assert_cmpuint(b->powered_off, ==, 1);
    g_assert_false(state_load(fields, b, record->data, record->len / 2, &error));
    g_clear_error(&error);
    g_byte_array_unref(record);
    g_rand_free(g);
}

/* --- debug --- */

static void test_software_step(void)
{
    ArmCpu *a = processor("cortex-a57", false, false);

    go_to(a, 1, PSTATE_DAIF);
    msr(a, "OSLAR_EL1", 0);
    msr(a, "MDSCR_EL1", MDSCR_SS);
    g_assert_cmphex(a->cpu.mode & MODE_SS_ACTIVE, ==, 0);
    a->spsr[1] = PSTATE_SS;
    arm_eret(a, RAM);
    g_assert_cmpuint(arm_el(a), ==, 0);
    g_assert_cmphex(a->cpu.mode & (MODE_SS | MODE_SS_ACTIVE), ==, MODE_SS | MODE_SS_ACTIVE);
    /* A system call counts as done: after the return the step exception is pending. */
    arm_exception(a, 1, ESR(EC_SVC, 0), 0);
    g_assert_cmphex(a->spsr[1] & PSTATE_SS, ==, 0);
    g_assert_cmphex(a->pstate & PSTATE_SS, ==, 0);
    /* A fault is not. */
    a->spsr[1] = PSTATE_SS;
    arm_eret(a, RAM);
    arm_exception(a, 1, ESR(EC_DATA_ABORT_LOWER, 4), 0x1000);
    g_assert_cmphex(a->spsr[1] & PSTATE_SS, ==, PSTATE_SS);
    /* The OS lock keeps debug exceptions off. */
    msr(a, "OSLAR_EL1", 1);
    arm_eret(a, RAM);
    g_assert_cmphex(a->cpu.mode & MODE_SS_ACTIVE, ==, 0);
}

/* --- event counters --- */

static void test_pmu(void)
{
    ArmCpu *a = processor("cortex-a57", false, false);

    go_to(a, 1, PSTATE_DAIF);
    g_assert_cmphex(mrs(a, "PMCR_EL0") >> 11 & 31, ==, 6);
    msr(a, "PMEVTYPER2_EL0", 0); /* SW_INCR */
    msr(a, "PMCNTENSET_EL0", 4);
    msr(a, "PMSWINC_EL0", 4);
    g_assert_cmpuint(mrs(a, "PMEVCNTR2_EL0"), ==, 0);
    msr(a, "PMCR_EL0", 1);
    msr(a, "PMSWINC_EL0", 7);
    msr(a, "PMSWINC_EL0", 4);
    g_assert_cmpuint(mrs(a, "PMEVCNTR2_EL0"), ==, 2);
    msr(a, "PMINTENSET_EL1", 4);
    msr(a, "PMEVCNTR2_EL0", 0xffffffff);
    msr(a, "PMSWINC_EL0", 4);
    g_assert_cmphex(mrs(a, "PMOVSSET_EL0"), ==, 4);
    g_assert_cmpint(arm_cpu_output(&a->cpu, ARM_OUT_PMU)->level, ==, 1);
    msr(a, "PMOVSCLR_EL0", 4);
    g_assert_cmpint(arm_cpu_output(&a->cpu, ARM_OUT_PMU)->level, ==, 0);
    msr(a, "PMEVTYPER2_EL0", 1U << 31); /* not at EL1 */
    msr(a, "PMSWINC_EL0", 4);
    g_assert_cmpuint(mrs(a, "PMEVCNTR2_EL0"), ==, 0);
    msr(a, "PMCR_EL0", 3);
    g_assert_cmpuint(mrs(a, "PMEVCNTR2_EL0"), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arm/models", test_models);
    g_test_add_func("/arm/entry", test_entry);
    g_test_add_func("/arm/illegal-return", test_illegal_return);
    g_test_add_func("/arm/interrupts", test_interrupts);
    g_test_add_func("/arm/psci", test_psci);
    g_test_add_func("/arm/state", test_state);
    g_test_add_func("/arm/software-step", test_software_step);
    g_test_add_func("/arm/pmu", test_pmu);
    g_test_add_func("/arm/timer", test_timer);
    g_test_add_func("/arm/timer-race", test_timer_race);
    return g_test_run();
}
