/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 system instructions that are too big for IR: system registers, exception generation and
 * return, waiting (DDI 0487 C5, C6; D1.3 to D1.6).
 */
#include "target/arm/debug.h"
#include "target/arm/sysreg.h"

#include <sched.h>

#include "accel/accel.h"

enum { ALL = IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES };

static uint64_t helper_mrs(Cpu *cpu, uint64_t sysreg, uint64_t rt)
{
    return arm_sysreg_read(arm_cpu(cpu), (uint32_t)sysreg, (unsigned)rt);
}
const IrHelper arm_helper_mrs = { "mrs", helper_mrs, 2, true, ALL | IR_FP };

static uint64_t helper_msr(Cpu *cpu, uint64_t sysreg, uint64_t rt, uint64_t value)
{
    arm_sysreg_write(arm_cpu(cpu), (uint32_t)sysreg, (unsigned)rt, value);
    return 0;
}
const IrHelper arm_helper_msr = { "msr", helper_msr, 3, false, ALL | IR_FP };

static uint64_t helper_dc_zva(Cpu *cpu, uint64_t va)
{
    ArmCpu *a = arm_cpu(cpu);

    if (arm_el(a) && !(a->hcr_eff & HCR_TDZ))
        arm_dc_zva(a, va);
    else
        arm_sysreg_write(a, ARM_SYSREG(1, 3, 7, 4, 1), 31, va);
    return 0;
}
const IrHelper arm_helper_dc_zva = { "dc_zva", helper_dc_zva, 1, false, ALL };

/* --- PSTATE --- */

static void set_bit(ArmCpu *a, bool present, uint64_t bit, unsigned imm)
{
    if (!present)
        arm_raise_undef(a);
    a->pstate = (a->pstate & ~bit) | (imm & 1 ? bit : 0);
    arm_pstate_changed(a);
}

static uint64_t helper_msr_imm(Cpu *cpu, uint64_t op, uint64_t imm)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = arm_el(a), v = (unsigned)imm;

    switch (op) {
    case 0 << 3 | 3:
        set_bit(a, a->feat.uao && el, PSTATE_UAO, v);
        break;
    case 0 << 3 | 4:
        set_bit(a, a->feat.pan && el, PSTATE_PAN, v);
        break;
    case 0 << 3 | 5:
        if (!el)
            arm_raise_undef(a);
        arm_set_el(a, el, v & 1);
        arm_pstate_changed(a);
        break;
    case 3 << 3 | 1:
        set_bit(a, (a->id.aa64pfr1 >> 4 & 15) >= 2, PSTATE_SSBS, v);
        break;
    case 3 << 3 | 2:
        set_bit(a, a->feat.dit, PSTATE_DIT, v);
        break;
    case 3 << 3 | 4:
        set_bit(a, a->feat.mte, PSTATE_TCO, v);
        break;
    case 3 << 3 | 6:
        a->pstate |= (uint64_t)(v & 15) << 6;
        arm_pstate_changed(a);
        break;
    case 3 << 3 | 7:
        a->pstate &= ~((uint64_t)(v & 15) << 6);
        arm_pstate_changed(a);
        arm_check_interrupts(a);
        break;
    default:
        arm_raise_undef(a);
    }
    return 0;
}
const IrHelper arm_helper_msr_imm = { "msr_imm", helper_msr_imm, 2, false, ALL };

static uint64_t helper_daif_el0(Cpu *cpu, uint64_t set, uint64_t imm)
{
    ArmCpu *a = arm_cpu(cpu);

    if (!(arm_sctlr_el0(a) & SCTLR_UMA))
        /* As MSR (immediate) is trapped: the register field says 31, CRm the immediate. */
        arm_raise(a, arm_default_target_el(a),
                  ESR(EC_SYSREG, (set ? 6U : 7U) << 17 | 3U << 14 | 4U << 10 | 31U << 5 |
                                     (uint32_t)(imm & 15) << 1), 0);
    helper_msr_imm(cpu, 3 << 3 | (set ? 6 : 7), imm);
    return 0;
}
const IrHelper arm_helper_daif_el0 = { "daif_el0", helper_daif_el0, 2, false, ALL };

static uint64_t helper_irq_poll(Cpu *cpu, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_check_interrupts(a);
    if (atomic_load(&cpu->exit_request)) {
        a->pc = next_pc;
        cpu->exit_reason = CPU_EXIT_NONE;
        cpu_loop_exit(cpu);
    }
    return 0;
}
const IrHelper arm_helper_irq_poll = { "irq_poll", helper_irq_poll, 1, false,
                                       IR_READS | IR_WRITES | IR_FAULTS };

/* --- exceptions --- */

static uint64_t helper_undef(Cpu *cpu)
{
    arm_raise_undef(arm_cpu(cpu));
}
const IrHelper arm_helper_undef = { "undef", helper_undef, 0, false, ALL };

static uint64_t helper_illegal_state(Cpu *cpu)
{
    arm_raise(arm_cpu(cpu), arm_default_target_el(arm_cpu(cpu)), ESR(EC_ILLEGAL_STATE, 0), 0);
}
const IrHelper arm_helper_illegal_state = { "illegal_state", helper_illegal_state, 0, false, ALL };

static uint64_t helper_svc(Cpu *cpu, uint64_t imm, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);

    a->pc = next_pc;
    arm_exception(a, arm_default_target_el(a), ESR(EC_SVC, imm & 0xffff), 0);
    return 0;
}
const IrHelper arm_helper_svc = { "svc", helper_svc, 2, false, ALL };

static uint64_t helper_hvc(Cpu *cpu, uint64_t imm, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = arm_el(a);

    if (el && a->psci == ARM_PSCI_HVC) {
        a->pc = next_pc;
        arm_psci_call(a);
        return 0;
    }
    if (el == 0 || !a->has_el2 || (el == 1 && arm_is_secure_below_el3(a)) ||
        (a->has_el3 ? !(a->scr & SCR_HCE) : (a->hcr_eff & HCR_HCD) != 0))
        arm_raise_undef(a);
    a->pc = next_pc;
    arm_exception(a, MAX(el, 2), ESR(EC_HVC, imm & 0xffff), 0);
    return 0;
}
const IrHelper arm_helper_hvc = { "hvc", helper_hvc, 2, false, ALL };

static uint64_t helper_smc(Cpu *cpu, uint64_t imm, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = arm_el(a);

    if (el == 0 || (!a->has_el3 && a->psci != ARM_PSCI_SMC && !(a->hcr_eff & HCR_TSC)))
        arm_raise_undef(a);
    if (el == 1 && a->hcr_eff & HCR_TSC)
        arm_raise(a, 2, ESR(EC_SMC, imm & 0xffff), 0);
    if (a->psci == ARM_PSCI_SMC) {
        a->pc = next_pc;
        arm_psci_call(a);
        return 0;
    }
    if (!a->has_el3 || a->scr & SCR_SMD)
        arm_raise_undef(a);
    a->pc = next_pc;
    arm_exception(a, 3, ESR(EC_SMC, imm & 0xffff), 0);
    return 0;
}
const IrHelper arm_helper_smc = { "smc", helper_smc, 2, false, ALL };

static uint64_t helper_brk(Cpu *cpu, uint64_t imm)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = arm_el(a);

    arm_exception(a, MAX(arm_debug_target(a), el), ESR(EC_BRK, imm & 0xffff), 0);
    return 0;
}
const IrHelper arm_helper_brk = { "brk", helper_brk, 1, false, ALL };

static uint64_t helper_hlt(Cpu *cpu, uint64_t imm, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);
    uint64_t pc = a->pc;

    if (imm == 0xf000) {
        a->pc = next_pc;
        if (arm_semihosting_call(a))
            return 0;
        a->pc = pc;
    }
    arm_raise_undef(a);
}
const IrHelper arm_helper_hlt = { "hlt", helper_hlt, 2, false, ALL };

static uint64_t helper_eret(Cpu *cpu, uint64_t target)
{
    ArmCpu *a = arm_cpu(cpu);

    if (arm_el(a) == 0)
        arm_raise_undef(a);
    arm_eret(a, target);
    return 0;
}
const IrHelper arm_helper_eret = { "eret", helper_eret, 1, false, ALL };

/* --- waiting (D1.6) --- */

enum { WFX_WFI = 0, WFX_WFE = 1 };

/* The level that a wait of this kind traps to, 0 for none. */
static unsigned wfx_trap(const ArmCpu *a, unsigned kind)
{
    unsigned el = arm_el(a);

    if (el == 0 && !(arm_sctlr_el0(a) & (kind == WFX_WFI ? SCTLR_NTWI : SCTLR_NTWE)))
        return arm_default_target_el(a);
    if (el < 2 && a->hcr_eff & (kind == WFX_WFI ? HCR_TWI : HCR_TWE))
        return 2;
    return el < 3 && a->has_el3 && a->scr & (kind == WFX_WFI ? SCR_TWI : SCR_TWE) ? 3 : 0;
}

static void check_wfx(ArmCpu *a, unsigned kind)
{
    unsigned target = wfx_trap(a, kind);

    if (target)
        arm_raise(a, target, ESR(EC_WFX, 1 << 24 | 0xe << 20 | kind), 0);
}

static uint64_t helper_wfi(Cpu *cpu, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);

    if (arm_has_work(cpu)) {
        a->pc = next_pc;
        return 0;
    }
    check_wfx(a, WFX_WFI);
    a->pc = next_pc;
    cpu->halted = true;
    cpu->exit_reason = CPU_EXIT_HALTED;
    cpu_loop_exit(cpu);
}
const IrHelper arm_helper_wfi = { "wfi", helper_wfi, 1, false, ALL };

/*
 * May end at any time, and does so at once: nobody counts events of other processors (stores to
 * monitored locations, the timers' event streams). But the one that is waited for may need this
 * host CPU, so give way.
 */
static uint64_t helper_wfe(Cpu *cpu, uint64_t next_pc)
{
    ArmCpu *a = arm_cpu(cpu);

    if (a->event) {
        a->event = 0;
        a->pc = next_pc;
        return 0;
    }
    check_wfx(a, WFX_WFE);
    a->pc = next_pc;
    if (icount_enabled()) {
        cpu->exit_reason = CPU_EXIT_YIELD;
        cpu_loop_exit(cpu);
    }
    sched_yield();
    return 0;
}
const IrHelper arm_helper_wfe = { "wfe", helper_wfe, 1, false, ALL };

/* Waits of others end by themselves. */
static uint64_t helper_sev(Cpu *cpu)
{
    arm_cpu(cpu)->event = 1;
    return 0;
}
const IrHelper arm_helper_sev = { "sev", helper_sev, 0, false, IR_WRITES };
const IrHelper arm_helper_sevl = { "sevl", helper_sev, 0, false, IR_WRITES };
