/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V traps: exceptions, interrupts and their delegation (priv 3.1.6 to 3.1.9, 3.3, 10.1).
 *
 * Interrupt inputs may change on any thread: Cpu.mip is the wires, mip_soft what CSR writes set,
 * and riscv_mip() puts the two together. A vCPU is asked to look (interrupt_request) when an input
 * rises and when it enables something itself; it forgets the request when nothing can be taken.
 */
#include "target/riscv/cpu.h"

#include <inttypes.h>

#include "util/log.h"

static const char *const exception_names[] = {
    "misaligned_fetch", "fault_fetch", "illegal_instruction", "breakpoint", "misaligned_load",
    "fault_load", "misaligned_store", "fault_store", "user_ecall", "supervisor_ecall",
    "hypervisor_ecall", "machine_ecall", "exec_page_fault", "load_page_fault", "reserved",
    "store_page_fault",
};
static const char *const interrupt_names[] = {
    "u_software", "s_software", "vs_software", "m_software", "u_timer", "s_timer", "vs_timer",
    "m_timer", "u_external", "s_external", "vs_external", "m_external", "reserved", "reserved",
    "reserved", "reserved",
};

static void log_trap(const RiscvCpu *r, uint64_t cause, uint64_t tval)
{
    bool async = cause & CAUSE_INTERRUPT;
    unsigned n = cause & 63;
    const char *name = n < 16 ? (async ? interrupt_names : exception_names)[n] : "(unknown)";

    /* The wording of QEMU's log, which scripts look for. */
    log_printf(LOG_INT, "riscv_cpu_do_interrupt: hart:%" PRIu64 ", async:%d, cause:%016" PRIx64
               ", epc:0x%016" PRIx64 ", tval:0x%016" PRIx64 ", desc=%s\n", r->mhartid, async,
               (uint64_t)n, r->pc, tval, name);
}

void riscv_trap(RiscvCpu *r, uint64_t cause, uint64_t tval)
{
    bool async = cause & CAUSE_INTERRUPT;
    uint64_t st = r->mstatus, vec, offset, deleg = async ? r->mideleg : r->medeleg;

    if (log_on(LOG_INT))
        log_trap(r, cause, tval);
    if (r->priv != PRV_M && deleg >> (cause & 63) & 1) {
        r->mstatus = (st & ~(MSTATUS_SPIE | MSTATUS_SIE | MSTATUS_SPP)) |
                     (st & MSTATUS_SIE ? MSTATUS_SPIE : 0) | (r->priv ? MSTATUS_SPP : 0);
        r->scause = cause;
        r->sepc = r->pc & r->epc_mask;
        r->stval = tval;
        r->priv = PRV_S;
        vec = r->stvec;
    } else {
        r->mstatus = (st & ~(MSTATUS_MPIE | MSTATUS_MIE | MSTATUS_MPP)) |
                     (st & MSTATUS_MIE ? MSTATUS_MPIE : 0) | r->priv << MSTATUS_MPP_SHIFT;
        r->mcause = cause;
        r->mepc = r->pc & r->epc_mask;
        r->mtval = tval;
        r->priv = PRV_M;
        vec = r->mtvec;
    }
    offset = async && vec & 1 ? (cause & 63) * 4 : 0;
    r->pc = (vec & ~3ULL) + offset;
    r->res_addr = RES_NONE;
    riscv_update_mode(r);
}

void riscv_raise(Cpu *cpu, uint64_t cause, uint64_t tval)
{
    riscv_trap(riscv_cpu(cpu), cause, tval);
    cpu->exit_reason = CPU_EXIT_NONE;
    cpu_loop_exit(cpu);
}

/* The instruction at pc, which was fetched a moment ago; 0 if it isn't there any more. */
static uint32_t insn_bits(RiscvCpu *r)
{
    uint8_t buf[4] = { 0 };

    for (unsigned i = 0; i < 4; i += 2) {
        MmuResult res;
        if (!riscv_translate(&r->cpu, r->pc + i, MMU_EXEC, riscv_fetch_mmu_idx(&r->cpu), true,
                             &res) ||
            address_space_read(r->cpu.as, res.paddr, buf + i, 2) != MEM_OK)
            return i ? load_le16(buf) : 0;
        if ((buf[0] & 3) != 3)
            return load_le16(buf);
    }
    return load_le32(buf);
}

void riscv_raise_illegal(RiscvCpu *r)
{
    riscv_raise(&r->cpu, CAUSE_ILLEGAL, insn_bits(r));
}

/* --- interrupts --- */

uint64_t riscv_mip(const RiscvCpu *r)
{
    uint64_t lines = __atomic_load_n(&r->mip, __ATOMIC_SEQ_CST);
    uint64_t soft = __atomic_load_n(&r->mip_soft, __ATOMIC_RELAXED);

    /* STIP is the comparator's alone with STCE, software's alone without (Sstc). */
    if (__atomic_load_n(&r->menvcfg, __ATOMIC_RELAXED) & ENVCFG_STCE)
        soft &= ~IP_STIP;
    else
        lines &= ~IP_STIP;
    return lines | soft;
}

/* Interrupts that can be taken now: those for M mode if there are any, else those for S. */
static inline uint64_t deliverable(const RiscvCpu *r)
{
    uint64_t pending = riscv_mip(r) & r->mie, m, s;

    if (G_LIKELY(!pending))
        return 0;
    m = pending & ~r->mideleg;
    s = pending & r->mideleg;
    if (m && (r->priv != PRV_M || r->mstatus & MSTATUS_MIE))
        return m;
    if (s && (r->priv == PRV_U || (r->priv == PRV_S && r->mstatus & MSTATUS_SIE)))
        return s;
    return 0;
}

void riscv_check_interrupts(RiscvCpu *r)
{
    if (deliverable(r))
        cpu_interrupt(&r->cpu, RISCV_INTERRUPT_HARD);
}

bool riscv_interrupt_ready(const RiscvCpu *r)
{
    return deliverable(r);
}

bool riscv_has_work(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    return riscv_mip(r) & __atomic_load_n(&r->mie, __ATOMIC_RELAXED);
}

bool riscv_take_interrupt(Cpu *cpu)
{
    static const uint8_t order[] = { 11, 3, 7, 9, 1, 5 }; /* priv 3.1.9 */
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t pending;

    /* Before mip is read: whoever raises a line from now on asks again. */
    atomic_fetch_and(&cpu->interrupt_request, ~(uint32_t)RISCV_INTERRUPT_HARD);
    pending = deliverable(r);
    if (!pending)
        return false;
    r->wfi_polls = 0;
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        if (pending >> order[i] & 1) {
            riscv_trap(r, CAUSE_INTERRUPT | order[i], 0);
            break;
        }
    riscv_check_interrupts(r);
    return true;
}

static void irq_input(void *opaque, int n, int level)
{
    RiscvCpu *r = opaque;
    uint64_t bit = 1ULL << n;

    if (!level)
        __atomic_fetch_and(&r->mip, ~bit, __ATOMIC_SEQ_CST);
    else if (!(__atomic_fetch_or(&r->mip, bit, __ATOMIC_SEQ_CST) & bit))
        cpu_interrupt(&r->cpu, RISCV_INTERRUPT_HARD);
    else
        cpu_kick(&r->cpu); /* it may poll by wfi, see there */
}

IrqSink riscv_cpu_irq(Cpu *cpu, int n)
{
    g_assert(n >= 0 && n < 64);
    return (IrqSink){ irq_input, cpu, n };
}

void riscv_info_pic(Cpu *cpu, GString *out)
{
    RiscvCpu *r = riscv_cpu(cpu);

    g_string_append_printf(out, " in mode %u, mip 0x%" PRIx64 ", mie 0x%" PRIx64 ", mideleg 0x%" PRIx64
                           ", MIE %d SIE %d\n", (unsigned)r->priv, riscv_mip(r), r->mie, r->mideleg,
                           (int)(r->mstatus >> 3 & 1), (int)(r->mstatus >> 1 & 1));
    if (r->ext.sstc && r->menvcfg & ENVCFG_STCE)
        g_string_append_printf(out, "  stimecmp 0x%" PRIx64 ", time 0x%" PRIx64 "\n", r->stimecmp,
                               riscv_read_time(r));
}
