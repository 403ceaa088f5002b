/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The A64 processor as a target: reset, saved state, register dumps, what boards set, and the table
 * that the rest of the program knows it by (DDI 0487).
 */
#include "target/arm/cpu.h"

#include <inttypes.h>
#include <string.h>

#include "accel/fp.h"
#include "target/arm/debug.h"
#include "target/arm/models.h"
#include "target/arm/sysreg.h"
#include "util/error.h"

/* --- what boards set --- */

IrqLine *arm_cpu_output(Cpu *cpu, int n)
{
    g_assert(n >= 0 && n < ARM_N_CPU_OUTPUTS);
    return &arm_cpu(cpu)->out[n];
}

void arm_cpu_set_mpidr(Cpu *cpu, uint64_t affinity)
{
    arm_cpu(cpu)->mpidr = affinity | 1ULL << 31;
}

uint64_t arm_cpu_mpidr(Cpu *cpu)
{
    return arm_cpu(cpu)->mpidr;
}

void arm_cpu_set_rvbar(Cpu *cpu, uint64_t pc)
{
    arm_cpu(cpu)->rvbar = pc;
}

void arm_cpu_set_powered_off(Cpu *cpu, bool off)
{
    arm_cpu(cpu)->start_powered_off = off;
}

void arm_cpu_set_levels(Cpu *cpu, bool el2, bool el3)
{
    ArmCpu *a = arm_cpu(cpu);

    a->has_el2 = el2;
    a->has_el3 = el3;
    a->id.aa64pfr0 = bits_set(a->id.aa64pfr0, 8, 8, (el2 ? 1 : 0) | (el3 ? 0x10 : 0));
    if (el3)
        memory_secure_root();
    cpu->as = address_space_cpu;
}

void arm_cpu_set_psci(Cpu *cpu, ArmPsciConduit conduit)
{
    arm_cpu(cpu)->psci = conduit;
}

unsigned arm_cpu_pa_bits(Cpu *cpu)
{
    return arm_cpu(cpu)->pa_bits;
}

const char *arm_cpu_fdt_compatible(Cpu *cpu)
{
    return arm_cpu(cpu)->model->compatible;
}

bool arm_cpu_has_pmu(Cpu *cpu)
{
    return arm_cpu(cpu)->has_pmu;
}

void arm_cpu_set_gic(Cpu *cpu, const ArmGicOps *ops, void *opaque)
{
    ArmCpu *a = arm_cpu(cpu);

    a->gic = ops;
    a->gic_opaque = opaque;
    a->id.aa64pfr0 = bits_set(a->id.aa64pfr0, 24, 4, 1);
}

ArmGicView arm_cpu_gic_view(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    return (ArmGicView){ arm_el(a), arm_is_secure(a), a->has_el3 ? a->scr : 0, a->hcr_eff };
}

/* --- life --- */

static void arm_init(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    if (!a->mpidr)
        arm_cpu_set_mpidr(cpu, (cpu->index & 7) | (cpu->index >> 3 & 0xff) << 8);
    arm_cpu_set_levels(cpu, a->has_el2, a->has_el3);
    arm_timer_init(a);
    arm_pmu_init(a);
}

/* Everything derived, from the architectural state. */
static void derive(ArmCpu *a)
{
    a->mode_valid = 0;
    a->gic_view = 0xff;
    tlb_flush_all(&a->cpu);
    arm_set_fpcr(a, a->fpcr);
    arm_hcr_changed(a);
    arm_pmu_changed(a);
    arm_debug_changed(a);
    arm_timer_update(a);
}

/* D1.5.1; what that leaves open is zero. The wires into the processor keep their levels. */
void arm_reset_core(ArmCpu *a)
{
    unsigned el = a->has_el3 ? 3 : a->has_el2 ? 2 : 1;

    memset(a->x, 0, sizeof a->x);
    memset(a->v, 0, sizeof a->v);
    a->sp = 0;
    a->pc = a->rvbar;
    a->btype = 0;
    a->excl_addr = EXCL_NONE;
    a->excl_val[0] = a->excl_val[1] = a->excl_size = 0;
    arm_set_nzcv(a, 0);
    arm_sysregs_reset(a);
    a->oslsr = 8 | 2; /* the OS lock is set: LK and OSLM */
    a->vpidr = a->id.midr;
    a->vmpidr = a->mpidr;
    a->pmcr = a->has_pmu ? a->model->pmcr : 0;
    a->pmccfiltr = a->pmccnt = 0;
    memset(a->pmevtyper, 0, sizeof a->pmevtyper);
    memset(a->pmevcnt, 0, sizeof a->pmevcnt);
    a->mdcr_el2 = a->pmcr >> 11 & 31; /* HPMN */
    a->dbgclaim = 0;
    a->disr = a->event = 0;
    for (unsigned n = 0; n < ARM_N_TIMERS; n++)
        a->timer[n].cval = a->timer[n].ctl = 0;
    a->pstate = PSTATE_DAIF | (uint64_t)el << PSTATE_EL_SHIFT | PSTATE_SP;
    a->fpcr = 0;
    arm_set_fpsr(a, 0);
    derive(a);
}

static void arm_reset(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_reset_core(a);
    cpu->halted = a->start_powered_off;
    __atomic_store_n(&a->powered_off, a->start_powered_off, __ATOMIC_SEQ_CST);
    a->start_el = 0;
    a->start_entry = a->start_context = 0;
}

static void arm_serve(Cpu *cpu, uint32_t bits)
{
    ArmCpu *a = arm_cpu(cpu);

    if (bits & ARM_REQUEST_PMU)
        arm_pmu_overflow(a);
    if (bits & ARM_REQUEST_START)
        arm_psci_start(a);
}

/* What firmware would have set up before it goes to a kernel in Non-secure state. */
void arm_start_at(ArmCpu *a, unsigned el, uint64_t entry, uint64_t x0)
{
    if (a->has_el3) {
        a->scr |= SCR_NS | SCR_HCE;
        if (a->id.aa64isar1 & 0xff0)
            a->scr |= SCR_API | SCR_APK;
        if ((a->id.aa64pfr0 >> 56 & 15) >= 2)
            a->scr |= 1ULL << 25;
        a->cptr_el3 = 0;
        a->mdcr_el3 = 0;
    }
    if (el < 2 && a->has_el2)
        a->hcr = HCR_RW;
    arm_set_el(a, el, true);
    a->pc = entry;
    a->x[0] = x0;
    a->mode_valid = 0;
    arm_hcr_changed(a);
}

void arm_cpu_direct_boot(Cpu *cpu, uint64_t entry, uint64_t x0)
{
    ArmCpu *a = arm_cpu(cpu);

    arm_start_at(a, a->has_el2 ? 2 : 1, entry, x0);
}

/* Values that no processor can have must not survive a doctored snapshot. */
static void arm_loaded(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned el = arm_el(a);

    a->pstate &= PSTATE_SP | PSTATE_EL | PSTATE_DAIF | PSTATE_SSBS | PSTATE_IL | PSTATE_SS |
                 PSTATE_PAN | PSTATE_UAO | PSTATE_DIT | PSTATE_TCO;
    if ((el == 2 && !a->has_el2) || (el == 3 && !a->has_el3))
        a->pstate = (a->pstate & ~PSTATE_EL) | 1ULL << PSTATE_EL_SHIFT;
    if (!arm_el(a))
        a->pstate &= ~PSTATE_SP;
    if (a->cc_op > ARM_CC_LAST)
        arm_set_nzcv(a, 0);
    a->btype &= 3;
    if (!arm_psci_loaded(a))
        a->powered_off = 1;
    a->pmcr = bits_set(a->pmcr, 11, 5, MIN(a->pmcr >> 11 & 31, ARM_N_PMC));
    a->pm_base = (uint64_t)clock_ns(CLOCK_VIRTUAL);
    derive(a);
    cpu_interrupt(cpu, 1);
}

static void save_fpsr(const void *obj, GByteArray *out)
{
    uint8_t b[8];

    store_le64(b, arm_fpsr(obj));
    g_byte_array_append(out, b, sizeof b);
}

static bool load_fpsr(void *obj, const uint8_t *data, size_t len, GError **error)
{
    if (len != 8)
        return error_set(error, "AArch64 CPU: FPSR in the snapshot is damaged");
    arm_set_fpsr(obj, load_le64(data));
    return true;
}

/* Counters are saved as of now. */
static void save_pmu(const void *obj, GByteArray *out)
{
    ArmCpu *a = (ArmCpu *)obj;
    uint8_t b[8 * (1 + ARM_N_PMC)];

    arm_pmu_before_change(a);
    store_le64(b, a->pmccnt);
    for (unsigned i = 0; i < ARM_N_PMC; i++)
        store_le64(b + 8 + 8 * i, a->pmevcnt[i]);
    g_byte_array_append(out, b, sizeof b);
}

static bool load_pmu(void *obj, const uint8_t *data, size_t len, GError **error)
{
    ArmCpu *a = obj;

    if (len != 8 * (1 + ARM_N_PMC))
        return error_set(error, "AArch64 CPU: event counters in the snapshot are damaged");
    a->pmccnt = load_le64(data);
    for (unsigned i = 0; i < ARM_N_PMC; i++)
        a->pmevcnt[i] = load_le64(data + 8 + 8 * i);
    return true;
}

static const StateField vec_state[] = {
    STATE_ARRAY(ArmVec, d),
    { .type = STATE_END },
};

static const StateField timer_state[] = {
    STATE(ArmTimer, cval),
    STATE(ArmTimer, ctl),
    { .type = STATE_END },
};

/* Older snapshots are without these. */
#define OPTIONAL(m, t)                                                                         \
    { .name = #m, .type = (t), .offset = offsetof(ArmCpu, m), .count = 1, .optional = true }

static const StateField arm_state[] = {
    STATE_ARRAY(ArmCpu, x), STATE(ArmCpu, sp), STATE(ArmCpu, pc), STATE(ArmCpu, cc_op),
    STATE(ArmCpu, cc_a), STATE(ArmCpu, cc_b), STATE(ArmCpu, btype), STATE(ArmCpu, btype_pc),
    STATE(ArmCpu, pstate), STATE(ArmCpu, excl_addr), STATE_ARRAY(ArmCpu, excl_val),
    STATE(ArmCpu, excl_size),
    STATE_STRUCTS(ArmCpu, v, 32, vec_state),
    STATE(ArmCpu, fpcr),
    { .name = "fpsr", .type = STATE_CUSTOM, .count = 1, .save = save_fpsr, .load = load_fpsr },
    STATE(ArmCpu, tpidr_el0), STATE(ArmCpu, tpidrro_el0), STATE(ArmCpu, tpidr_el1),
    STATE_ARRAY(ArmCpu, tpidr_el), STATE_ARRAY(ArmCpu, scxtnum),
    STATE_ARRAY(ArmCpu, sp_el), STATE_ARRAY(ArmCpu, elr), STATE_ARRAY(ArmCpu, spsr),
    STATE_ARRAY(ArmCpu, esr), STATE_ARRAY(ArmCpu, far_), STATE_ARRAY(ArmCpu, vbar),
    STATE_ARRAY(ArmCpu, sctlr), STATE_ARRAY(ArmCpu, tcr), STATE_ARRAY(ArmCpu, ttbr0),
    STATE_ARRAY(ArmCpu, ttbr1), STATE_ARRAY(ArmCpu, mair), STATE_ARRAY(ArmCpu, contextidr),
    STATE(ArmCpu, par), STATE(ArmCpu, cpacr), STATE(ArmCpu, cptr_el2), STATE(ArmCpu, cptr_el3),
    STATE(ArmCpu, scr), STATE(ArmCpu, hcr), STATE(ArmCpu, hpfar), STATE(ArmCpu, vttbr),
    STATE(ArmCpu, vtcr), STATE(ArmCpu, mdcr_el2), STATE(ArmCpu, mdcr_el3),
    STATE(ArmCpu, vpidr), STATE(ArmCpu, vmpidr), STATE(ArmCpu, csselr), STATE(ArmCpu, vsesr),
    STATE(ArmCpu, vdisr), STATE(ArmCpu, disr), STATE_ARRAY(ArmCpu, apkey),
    STATE(ArmCpu, mdscr), STATE(ArmCpu, mdccint), STATE(ArmCpu, oslsr), STATE(ArmCpu, osdlr),
    STATE(ArmCpu, dbgclaim), STATE_ARRAY(ArmCpu, dbgbvr), STATE_ARRAY(ArmCpu, dbgbcr),
    STATE_ARRAY(ArmCpu, dbgwvr), STATE_ARRAY(ArmCpu, dbgwcr),
    STATE(ArmCpu, cntkctl), STATE(ArmCpu, cnthctl), STATE(ArmCpu, cntvoff), STATE(ArmCpu, cntfrq),
    STATE_STRUCTS(ArmCpu, timer, ARM_N_TIMERS, timer_state),
    /* First: counting up to now may set bits of PMOVSCLR. */
    { .name = "pmu_counters", .type = STATE_CUSTOM, .count = 1, .save = save_pmu,
      .load = load_pmu },
    STATE(ArmCpu, pmcr), STATE(ArmCpu, pmcnten), STATE(ArmCpu, pminten), STATE(ArmCpu, pmovs),
    STATE(ArmCpu, pmselr), STATE(ArmCpu, pmuserenr), STATE(ArmCpu, pmccfiltr),
    STATE_ARRAY(ArmCpu, pmevtyper),
    STATE(ArmCpu, event), STATE(ArmCpu, irq_level), STATE_IRQ_LINES(ArmCpu, out, ARM_N_CPU_OUTPUTS),
    STATE(ArmCpu, powered_off), STATE(ArmCpu, cpu.halted),
    OPTIONAL(start_el, STATE_U8), OPTIONAL(start_entry, STATE_U64),
    OPTIONAL(start_context, STATE_U64),
    { .type = STATE_END },
};
#undef OPTIONAL

static uint64_t arm_get_pc(Cpu *cpu)
{
    return arm_cpu(cpu)->pc;
}

static void arm_set_pc(Cpu *cpu, uint64_t pc)
{
    arm_cpu(cpu)->pc = pc;
}

/* --- registers for people: the form of QEMU's info registers --- */

static void arm_dump(Cpu *cpu, GString *out)
{
    ArmCpu *a = arm_cpu(cpu);
    uint64_t psr = a->pstate | arm_nzcv(a) | arm_btype(a) << PSTATE_BTYPE_SHIFT;
    unsigned el = arm_el(a);

    g_string_append_printf(out, " PC=%016" PRIx64, a->pc);
    for (unsigned i = 0; i < 31; i++)
        g_string_append_printf(out, "%sX%02u=%016" PRIx64, i % 3 == 2 ? "\n" : " ", i, a->x[i]);
    g_string_append_printf(out, "  SP=%016" PRIx64 "\n", a->sp);
    g_string_append_printf(out, "PSTATE=%08" PRIx64 " %c%c%c%c %sEL%u%c", psr,
                           psr >> 31 & 1 ? 'N' : '-', psr >> 30 & 1 ? 'Z' : '-',
                           psr >> 29 & 1 ? 'C' : '-', psr >> 28 & 1 ? 'V' : '-',
                           a->has_el3 && el != 3 ? arm_is_secure_below_el3(a) ? "S " : "NS " : "",
                           el, psr & PSTATE_SP ? 'h' : 't');
    if (a->feat.bti)
        g_string_append_printf(out, "  BTYPE=%u", (unsigned)arm_btype(a));
    g_string_append_printf(out, "    FPCR=%08" PRIx64 " FPSR=%08" PRIx64 "\n", a->fpcr,
                           arm_fpsr(a));
    for (unsigned i = 0; i < 32; i++)
        g_string_append_printf(out, "Q%02u=%016" PRIx64 ":%016" PRIx64 "%s", i, a->v[i].d[1],
                               a->v[i].d[0], i % 2 ? "\n" : " ");
}

static bool arm_reg_by_name(Cpu *cpu, const char *name, uint64_t *value)
{
    ArmCpu *a = arm_cpu(cpu);
    const ArmSysReg *r;
    guint64 n;

    if (*name == '$')
        name++;
    if ((*name == 'x' || *name == 'w') &&
        g_ascii_string_to_unsigned(name + 1, 10, 0, 30, &n, NULL))
        *value = *name == 'w' ? (uint32_t)a->x[n] : a->x[n];
    else if (*name == 'd' && g_ascii_string_to_unsigned(name + 1, 10, 0, 31, &n, NULL))
        *value = a->v[n].d[0];
    else if (!strcmp(name, "pc"))
        *value = a->pc;
    else if (!strcmp(name, "sp"))
        *value = a->sp;
    else if (!strcmp(name, "fp"))
        *value = a->x[29];
    else if (!strcmp(name, "lr"))
        *value = a->x[30];
    else if (!strcmp(name, "cpsr") || !strcmp(name, "pstate"))
        *value = a->pstate | arm_nzcv(a) | arm_btype(a) << PSTATE_BTYPE_SHIFT;
    else if ((r = arm_sysreg_by_name(name)) && !r->no_gdb && r->access & 15 &&
             arm_sysreg_present(a, r))
        *value = arm_sysreg_peek(a, r);
    else
        return false;
    return true;
}

static const TargetOps aarch64_target = {
    .name = "aarch64",
    .cpu_size = sizeof(ArmCpu),
    .slots = arm_slots,
    .n_slots = ARM_N_SLOTS,
    .pc_slot = SLOT_PC,
    .page_slot = SLOT_PAGE,
    .user_mask = MODE_EL,
    .user_mode = 0,
    .n_mmu_idx = ARM_N_MMU_IDX,
    .max_insn_len = 4,
    .state = arm_state,
    .state_version = 1,
    .model = arm_model_name,
    .configure = arm_configure,
    .property = arm_property,
    .init = arm_init,
    .reset = arm_reset,
    .loaded = arm_loaded,
    .get_pc = arm_get_pc,
    .set_pc = arm_set_pc,
    .translate_insn = arm_translate_insn,
    .code_attrs = ARM_PAGE_GUARDED,
    .translate = arm_translate,
    .raise_mmu_fault = arm_raise_mmu_fault,
    .raise_unaligned = arm_raise_unaligned,
    .raise_bus_error = arm_raise_bus_error,
    .fetch_mmu_idx = arm_fetch_mmu_idx,
    .data_mmu_idx = arm_data_mmu_idx,
    .guest_watch = arm_guest_watch,
    .has_work = arm_has_work,
    .serve = arm_serve,
    .take_interrupt = arm_take_interrupt,
    .dump = arm_dump,
    .info_pic = arm_info_pic,
    .info_tlb = arm_info_tlb,
    .info_mem = arm_info_mem,
    .reg_by_name = arm_reg_by_name,
    .disas = arm_disas,
    .disas_unit = 4,
    .gdb_arch = "aarch64",
    .elf_machine = 183,
    .watch_before = true,
    .gdb_types = arm_gdb_types,
    .gdb_reg = arm_gdb_reg,
    .core_regs = arm_core_regs, .each_mapping = arm_each_mapping,
    .gdb_read = arm_gdb_read,
    .gdb_write = arm_gdb_write,
    .debug_translate = arm_debug_translate,
    .kernel_vectors = arm_kernel_vectors,
    .kernel_base = arm_kernel_base,
};
TARGET_REGISTER(aarch64_target)
