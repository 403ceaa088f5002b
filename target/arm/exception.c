/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 exceptions: entry, return, interrupts and where they go (DDI 0487 D1.3, D1.4; the pseudocode
 * of J1.1, AArch64.TakeException and AArch64.ExceptionReturn).
 *
 * Interrupt inputs may change on any thread: ArmCpu.irq_level has them. A vCPU is asked to look
 * (interrupt_request) when an input rises and when it unmasks something itself; it forgets the
 * request when nothing can be taken. Physical SErrors do not occur: bus errors are synchronous.
 */
#include "target/arm/cpu.h"

#include <inttypes.h>

#include "target/arm/debug.h"
#include "util/log.h"

enum { ARM_INTERRUPT_HARD = 1 };
enum { VECTOR_SYNC = 0, VECTOR_IRQ = 0x80, VECTOR_FIQ = 0x100, VECTOR_SERROR = 0x180 };

unsigned arm_default_target_el(const ArmCpu *a)
{
    unsigned el = arm_el(a);

    if (el)
        return el;
    return a->hcr_eff & HCR_TGE ? 2 : 1;
}

/* --- levels --- */

static unsigned sp_index(uint64_t pstate)
{
    return pstate & PSTATE_SP ? pstate >> PSTATE_EL_SHIFT & 3 : 0;
}

void arm_set_el(ArmCpu *a, unsigned el, bool spsel)
{
    uint64_t p = (a->pstate & ~(PSTATE_EL | PSTATE_SP)) | (uint64_t)el << PSTATE_EL_SHIFT |
                 (spsel ? PSTATE_SP : 0);

    a->sp_el[sp_index(a->pstate)] = a->sp;
    a->sp = a->sp_el[sp_index(p)];
    a->pstate = p;
}

uint64_t arm_branch_addr(const ArmCpu *a, uint64_t target, unsigned el)
{
    bool host = (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
    unsigned regime = el ? el : host ? 2 : 1;
    uint64_t tcr = a->tcr[regime];

    if (regime == 1 || (regime == 2 && a->hcr_eff & HCR_E2H)) {
        unsigned high = target >> 55 & 1;
        if (!(tcr >> (37 + high) & 1) || (a->feat.pauth && tcr >> (51 + high) & 1))
            return target;
        /* EL2's own code with E2H but not TGE has two ranges as well. */
        return (uint64_t)sign_extend(target, 56);
    }
    if (!(tcr >> 20 & 1) || (a->feat.pauth && tcr >> 29 & 1))
        return target;
    return target & MASK(56);
}

/* --- entry --- */

static const char *class_name(unsigned ec)
{
    switch (ec) {
    case EC_UNKNOWN: return "Undefined Instruction";
    case EC_SVC: return "SVC";
    case EC_HVC: return "Hypervisor Call";
    case EC_SMC: return "Secure Monitor Call";
    case EC_INSN_ABORT_LOWER: case EC_INSN_ABORT: return "Prefetch Abort";
    case EC_DATA_ABORT_LOWER: case EC_DATA_ABORT: return "Data Abort";
    case EC_BRK: return "Breakpoint";
    default: return "Exception";
    }
}

static bool pan_is_set(const ArmCpu *a, unsigned target_el)
{
    if (!a->feat.pan || a->sctlr[target_el] & SCTLR_SPAN)
        return false;
    return target_el == 1 ||
           (target_el == 2 && (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE));
}

/* Everything but the syndrome. */
static void enter(ArmCpu *a, unsigned target, unsigned vector)
{
    unsigned el = arm_el(a);
    uint64_t spsr = a->pstate | arm_nzcv(a) | arm_btype(a) << PSTATE_BTYPE_SHIFT, p;

    if (target > el)
        vector += 0x400;
    else if (a->pstate & PSTATE_SP)
        vector += 0x200;
    p = (a->pstate & ~(PSTATE_IL | PSTATE_SS | PSTATE_UAO | PSTATE_SSBS)) | PSTATE_DAIF;
    if (pan_is_set(a, target))
        p |= PSTATE_PAN;
    if (a->feat.ssbs && a->sctlr[target] & SCTLR_DSSBS)
        p |= PSTATE_SSBS;
    if (a->feat.mte)
        p |= PSTATE_TCO;
    a->spsr[target] = spsr;
    a->elr[target] = a->pc;
    a->pstate = p;
    a->btype = 0;
    if (G_UNLIKELY(a->pm_filtered))
        arm_pmu_before_change(a);
    arm_set_el(a, target, true);
    a->pc = a->vbar[target] + vector;
    arm_pstate_changed(a);
    if (G_UNLIKELY(a->pm_filtered))
        arm_pmu_changed(a);
}

static void log_exception(const ArmCpu *a, unsigned target, const char *what, uint32_t esr,
                          uint64_t far)
{
    log_printf(LOG_INT, "Taking exception [%s] on CPU %u\n...from EL%u to EL%u\n"
               "...with ESR 0x%x/0x%" PRIx32 "\n...with FAR 0x%" PRIx64 "\n"
               "...with ELR 0x%" PRIx64 "\n", what, a->cpu.index, arm_el(a), target, esr >> 26, esr,
               far, a->pc);
}

static bool has_far(unsigned ec)
{
    switch (ec) {
    case EC_INSN_ABORT_LOWER: case EC_INSN_ABORT: case EC_DATA_ABORT_LOWER: case EC_DATA_ABORT:
    case EC_PC_ALIGNMENT: case EC_WATCHPOINT_LOWER: case EC_WATCHPOINT:
        return true;
    default:
        return false;
    }
}

void arm_exception(ArmCpu *a, unsigned target, uint32_t esr, uint64_t far)
{
    unsigned ec = esr >> 26;

    if (target == 1 && arm_el(a) == 0 && a->hcr_eff & HCR_TGE)
        target = 2;
    if (log_on(LOG_INT))
        log_exception(a, target, class_name(ec), esr, far);
    a->esr[target] = esr;
    if (has_far(ec))
        a->far_[target] = far;
    /* Instructions that are done, as a step counts them. */
    if (ec == EC_SVC || ec == EC_HVC || ec == EC_SMC)
        a->pstate &= ~PSTATE_SS;
    enter(a, target, VECTOR_SYNC);
}

void arm_raise(ArmCpu *a, unsigned target, uint32_t esr, uint64_t far)
{
    arm_exception(a, target, esr, far);
    a->cpu.exit_reason = CPU_EXIT_NONE;
    cpu_loop_exit(&a->cpu);
}

void arm_raise_undef(ArmCpu *a)
{
    arm_raise(a, arm_default_target_el(a), ESR(EC_UNKNOWN, 0), 0);
}

/* --- return --- */

enum { SPSR_NRW = 1 << 4, SPSR_M1 = 1 << 1 };

/* The level that an SPSR names; false: an illegal return. */
static bool return_el(const ArmCpu *a, uint64_t spsr, unsigned *dest)
{
    unsigned el = spsr >> 2 & 3;

    *dest = el;
    if (spsr & (SPSR_NRW | SPSR_M1) || el > arm_el(a) || (el == 0 && spsr & PSTATE_SP))
        return false;
    if (el == 3)
        return a->has_el3;
    if (el == 2)
        return arm_el2_on(a);
    return el == 0 || !(a->hcr_eff & HCR_TGE);
}

void arm_eret(ArmCpu *a, uint64_t target)
{
    unsigned el = arm_el(a), dest;
    uint64_t spsr = a->spsr[el], p, kept;
    bool legal = return_el(a, spsr, &dest), ss = false;

    if (G_UNLIKELY(a->mdscr & MDSCR_SS))
        ss = arm_debug_return_ss(a, spsr, legal ? dest : el);
    kept = PSTATE_DAIF | (a->feat.pan ? PSTATE_PAN : 0);
    if (legal) {
        kept |= PSTATE_IL | (a->feat.ssbs ? PSTATE_SSBS : 0) | (a->feat.uao ? PSTATE_UAO : 0) |
                (a->feat.dit ? PSTATE_DIT : 0) | (a->feat.mte ? PSTATE_TCO : 0);
    }
    p = (a->pstate & ~(kept | PSTATE_SS)) | (spsr & kept) | (ss ? PSTATE_SS : 0);
    a->pstate = legal ? p : p | PSTATE_IL;
    arm_set_nzcv(a, (uint32_t)spsr);
    a->excl_addr = EXCL_NONE;
    a->event = 1;
    if (G_UNLIKELY(a->pm_filtered))
        arm_pmu_before_change(a);
    if (legal)
        arm_set_el(a, dest, spsr & PSTATE_SP);
    else
        log_guest_error("aarch64", "illegal exception return from EL%u with SPSR 0x%" PRIx64, el,
                        spsr);
    a->pc = arm_branch_addr(a, target, arm_el(a));
    if (legal && a->feat.bti)
        arm_set_btype(a, spsr >> PSTATE_BTYPE_SHIFT);
    arm_pstate_changed(a);
    if (G_UNLIKELY(a->pm_filtered))
        arm_pmu_changed(a);
    if (__atomic_load_n(&a->irq_level, __ATOMIC_RELAXED))
        arm_check_interrupts(a);
}

/* --- interrupts --- */

typedef struct Interrupt {
    unsigned vector, target;
    uint64_t bit;
    const char *name;
} Interrupt;

static unsigned route(const ArmCpu *a, uint64_t scr_bit, uint64_t hcr_bit)
{
    if (a->has_el3 && a->scr & scr_bit)
        return 3;
    return a->hcr_eff & (HCR_TGE | hcr_bit) ? 2 : 1;
}

/* Physical ones (D1.3.6.3): may this be taken now? */
static bool takes(const ArmCpu *a, unsigned target, uint64_t mask)
{
    unsigned el = arm_el(a);

    if (target < el)
        return false;
    if (target > el && (target == 3 || (target == 2 && (a->hcr_eff & (HCR_E2H | HCR_TGE)) !=
                                                           (HCR_E2H | HCR_TGE))))
        return true;
    return !(a->pstate & mask);
}

static bool takes_virtual(const ArmCpu *a, uint64_t hcr_bit, uint64_t mask)
{
    return arm_el(a) < 2 && (a->hcr_eff & (HCR_TGE | hcr_bit)) == hcr_bit && !(a->pstate & mask);
}

/* What is taken next; false: nothing. */
static bool deliverable(const ArmCpu *a, Interrupt *i)
{
    uint64_t level = __atomic_load_n(&a->irq_level, __ATOMIC_SEQ_CST);

    if (G_LIKELY(!level))
        return false;
    if (level & ARM_SOFT_VSE && takes_virtual(a, HCR_AMO, PSTATE_A)) {
        *i = (Interrupt){ VECTOR_SERROR, 1, ARM_SOFT_VSE, "Virtual SERR" };
        return true;
    }
    if (level & (1 << ARM_CPU_FIQ) && takes(a, route(a, SCR_FIQ, HCR_FMO), PSTATE_F)) {
        *i = (Interrupt){ VECTOR_FIQ, route(a, SCR_FIQ, HCR_FMO), 0, "FIQ" };
        return true;
    }
    if (level & (1 << ARM_CPU_IRQ) && takes(a, route(a, SCR_IRQ, HCR_IMO), PSTATE_I)) {
        *i = (Interrupt){ VECTOR_IRQ, route(a, SCR_IRQ, HCR_IMO), 0, "IRQ" };
        return true;
    }
    if (level & (1 << ARM_CPU_VFIQ | ARM_SOFT_VF) && takes_virtual(a, HCR_FMO, PSTATE_F)) {
        *i = (Interrupt){ VECTOR_FIQ, 1, 0, "Virtual FIQ" };
        return true;
    }
    if (level & (1 << ARM_CPU_VIRQ | ARM_SOFT_VI) && takes_virtual(a, HCR_IMO, PSTATE_I)) {
        *i = (Interrupt){ VECTOR_IRQ, 1, 0, "Virtual IRQ" };
        return true;
    }
    return false;
}

void arm_check_interrupts(ArmCpu *a)
{
    Interrupt i;

    if (deliverable(a, &i))
        cpu_interrupt(&a->cpu, ARM_INTERRUPT_HARD);
}

/* Masks of PSTATE don't keep it asleep (D1.6.1); being powered off does. */
bool arm_has_work(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);
    uint64_t level = __atomic_load_n(&a->irq_level, __ATOMIC_SEQ_CST), hcr = a->hcr_eff;

    if (__atomic_load_n(&a->powered_off, __ATOMIC_SEQ_CST))
        return false;
    if (level & (1 << ARM_CPU_IRQ | 1 << ARM_CPU_FIQ))
        return true;
    return (level & (1 << ARM_CPU_VIRQ | ARM_SOFT_VI) && hcr & HCR_IMO) ||
           (level & (1 << ARM_CPU_VFIQ | ARM_SOFT_VF) && hcr & HCR_FMO) ||
           (level & ARM_SOFT_VSE && hcr & HCR_AMO);
}

bool arm_take_interrupt(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);
    Interrupt i;

    /* Before the inputs are read: whoever raises one from now on asks again. */
    if (atomic_load(&cpu->interrupt_request))
        atomic_fetch_and(&cpu->interrupt_request, ~(uint32_t)ARM_INTERRUPT_HARD);
    if (!deliverable(a, &i))
        return false;
    if (log_on(LOG_INT))
        log_exception(a, i.target, i.name, 0, 0);
    if (i.bit == ARM_SOFT_VSE) {
        a->esr[1] = ESR(EC_SERROR, a->vsesr & MASK(25));
        a->hcr &= ~HCR_VSE;
        a->hcr_eff &= ~HCR_VSE;
        __atomic_fetch_and(&a->irq_level, ~(uint64_t)ARM_SOFT_VSE, __ATOMIC_SEQ_CST);
    }
    enter(a, i.target, i.vector);
    arm_check_interrupts(a);
    return true;
}

static void irq_input(void *opaque, int n, int level)
{
    ArmCpu *a = opaque;
    uint64_t bit = 1ULL << n;

    if (!level)
        __atomic_fetch_and(&a->irq_level, ~bit, __ATOMIC_SEQ_CST);
    else if (!(__atomic_fetch_or(&a->irq_level, bit, __ATOMIC_SEQ_CST) & bit))
        cpu_interrupt(&a->cpu, ARM_INTERRUPT_HARD);
}

IrqSink arm_cpu_irq(Cpu *cpu, int n)
{
    g_assert(n >= 0 && n < ARM_N_CPU_INPUTS);
    return (IrqSink){ irq_input, cpu, n };
}

void arm_info_pic(Cpu *cpu, GString *out)
{
    ArmCpu *a = arm_cpu(cpu);
    uint64_t level = __atomic_load_n(&a->irq_level, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&a->powered_off, __ATOMIC_SEQ_CST)) {
        g_string_append(out, ", powered off\n");
        return;
    }
    g_string_append_printf(out, " at EL%u, PSTATE.A %d I %d F %d, inputs IRQ %d FIQ %d VIRQ %d VFIQ "
                           "%d\n", arm_el(a), !!(a->pstate & PSTATE_A), !!(a->pstate & PSTATE_I),
                           !!(a->pstate & PSTATE_F), !!(level & 1 << ARM_CPU_IRQ),
                           !!(level & 1 << ARM_CPU_FIQ), !!(level & 1 << ARM_CPU_VIRQ),
                           !!(level & 1 << ARM_CPU_VFIQ));
    arm_timer_print(a, out);
}
