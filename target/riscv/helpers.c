/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V instructions that are too big for IR: returns from traps, WFI, fences of address
 * translation, cache-block operations, 128-bit compare and swap.
 *
 * Documents: priv 3.3 and 10.2, "Svinval"; unpriv "Zawrs", "CMO", "Zacas".
 */
#include "target/riscv/cpu.h"

#include <sched.h>
#include <string.h>

#include "accel/accel.h"

enum {
    ALL_BUT_FP = IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES,
};

static uint64_t helper_raise(Cpu *cpu, uint64_t cause, uint64_t tval)
{
    riscv_raise(cpu, cause, tval);
}
const IrHelper riscv_helper_raise = { "raise", helper_raise, 2, false, ALL_BUT_FP };

static uint64_t helper_illegal(Cpu *cpu, uint64_t insn)
{
    riscv_raise(cpu, CAUSE_ILLEGAL, insn);
}
const IrHelper riscv_helper_illegal = { "illegal", helper_illegal, 1, false, ALL_BUT_FP };

static uint64_t helper_trap(Cpu *cpu, uint64_t cause, uint64_t tval)
{
    riscv_trap(riscv_cpu(cpu), cause, tval);
    return 0;
}
const IrHelper riscv_helper_trap = { "trap", helper_trap, 2, false, ALL_BUT_FP };

static uint64_t helper_ebreak(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);

    if (!riscv_semihosting_call(r))
        riscv_trap(r, CAUSE_BREAKPOINT, r->pc);
    return 0;
}
const IrHelper riscv_helper_ebreak = { "ebreak", helper_ebreak, 0, false, ALL_BUT_FP };

static uint64_t helper_irq_poll(Cpu *cpu, uint64_t next_pc)
{
    RiscvCpu *r = riscv_cpu(cpu);

    riscv_check_interrupts(r);
    if (atomic_load(&cpu->exit_request)) {
        r->pc = next_pc;
        cpu->exit_reason = CPU_EXIT_NONE;
        cpu_loop_exit(cpu);
    }
    return 0;
}
const IrHelper riscv_helper_irq_poll = { "irq_poll", helper_irq_poll, 1, false,
                                         IR_READS | IR_WRITES | IR_FAULTS };

/* --- returns from traps (priv 3.3.2) --- */

static uint64_t helper_mret(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t st = r->mstatus, to = bits_get(st, MSTATUS_MPP_SHIFT, 2);

    if (r->priv != PRV_M)
        riscv_raise_illegal(r);
    st = (st & ~(MSTATUS_MIE | MSTATUS_MPP)) | MSTATUS_MPIE | (st & MSTATUS_MPIE ? MSTATUS_MIE : 0);
    if (!r->ext.u)
        st |= MSTATUS_MPP; /* the least privileged mode there is */
    if (to != PRV_M)
        st &= ~MSTATUS_MPRV;
    r->mstatus = st;
    r->priv = to;
    r->pc = r->mepc & r->epc_mask;
    riscv_update_mode(r);
    riscv_check_interrupts(r);
    return 0;
}
const IrHelper riscv_helper_mret = { "mret", helper_mret, 0, false, ALL_BUT_FP };

static uint64_t helper_sret(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t st = r->mstatus;

    if (r->priv == PRV_U || !r->ext.s || (r->priv == PRV_S && st & MSTATUS_TSR))
        riscv_raise_illegal(r);
    r->priv = st & MSTATUS_SPP ? PRV_S : PRV_U;
    /* SPP is never M, so MPRV goes in any case. */
    r->mstatus = (st & ~(MSTATUS_SIE | MSTATUS_SPP | MSTATUS_MPRV)) | MSTATUS_SPIE |
                 (st & MSTATUS_SPIE ? MSTATUS_SIE : 0);
    r->pc = r->sepc & r->epc_mask;
    riscv_update_mode(r);
    riscv_check_interrupts(r);
    return 0;
}
const IrHelper riscv_helper_sret = { "sret", helper_sret, 0, false, ALL_BUT_FP };

/* --- waiting --- */

/*
 * wfi ends at once when an interrupt is pending that can't be taken. Who then looks at something
 * and waits again is polling, and takes the host CPU from the hart it waits for: OpenSBI does, with
 * the software interrupt pending that told it to come here, until a hart is started. Such a hart
 * waits, longer each time, until a line of its is raised (again).
 */
enum { WFI_FREE_POLLS = 4, WFI_FIRST_YIELD_US = 20, WFI_YIELD_DOUBLINGS = 9 };

static uint64_t helper_wfi(Cpu *cpu, uint64_t next_pc)
{
    RiscvCpu *r = riscv_cpu(cpu);

    /* The time limits of TW and of U mode (priv 3.3.3) are zero. */
    if (r->priv != PRV_M && (r->mstatus & MSTATUS_TW || (r->priv == PRV_U && r->ext.s)))
        riscv_raise_illegal(r);
    r->pc = next_pc;
    if (riscv_has_work(cpu)) {
        if (riscv_interrupt_ready(r))
            return 0;
        /* With -icount the next hart's turn comes at once, and no state outside the hart's counts. */
        if (!icount_enabled() && ++r->wfi_polls <= WFI_FREE_POLLS)
            return 0;
        cpu->yield_us = WFI_FIRST_YIELD_US << MIN(r->wfi_polls - WFI_FREE_POLLS, WFI_YIELD_DOUBLINGS);
        cpu->exit_reason = CPU_EXIT_YIELD;
        cpu_loop_exit(cpu);
    }
    r->wfi_polls = 0;
    cpu->halted = true;
    cpu->exit_reason = CPU_EXIT_HALTED;
    cpu_loop_exit(cpu);
}
const IrHelper riscv_helper_wfi = { "wfi", helper_wfi, 1, false, ALL_BUT_FP };

/*
 * Both may end at any time. The other hart that is waited for may need this host CPU, so give way
 * once, if there still is a reservation.
 */
static uint64_t helper_wrs(Cpu *cpu, uint64_t next_pc, uint64_t timed)
{
    RiscvCpu *r = riscv_cpu(cpu);

    if (!timed && r->priv != PRV_M && r->mstatus & MSTATUS_TW)
        riscv_raise_illegal(r);
    r->pc = next_pc;
    if (r->res_addr == RES_NONE)
        return 0;
    if (icount_enabled()) {
        cpu->exit_reason = CPU_EXIT_YIELD;
        cpu_loop_exit(cpu);
    }
    sched_yield();
    return 0;
}
const IrHelper riscv_helper_wrs = { "wrs", helper_wrs, 2, false, ALL_BUT_FP };

/* --- fences --- */

enum { SFENCE_ALL_ADDRESSES = 1, SFENCE_ALL_ASIDS = 2 };

static uint64_t helper_sfence_vma(Cpu *cpu, uint64_t va, uint64_t asid, uint64_t all)
{
    RiscvCpu *r = riscv_cpu(cpu);

    if (r->priv == PRV_U || (r->priv == PRV_S && r->mstatus & MSTATUS_TVM))
        riscv_raise_illegal(r);
    asid &= SATP_ASID >> SATP_ASID_SHIFT;
    switch (all & (SFENCE_ALL_ADDRESSES | SFENCE_ALL_ASIDS)) {
    case 0:
        tlb_flush_page_asid(cpu, va, (uint32_t)asid);
        break;
    case SFENCE_ALL_ADDRESSES:
        tlb_flush_asid(cpu, (uint32_t)asid);
        break;
    case SFENCE_ALL_ASIDS:
        tlb_flush_page(cpu, va);
        break;
    default:
        tlb_flush_all(cpu);
        break;
    }
    return 0;
}
const IrHelper riscv_helper_sfence_vma = { "sfence_vma", helper_sfence_vma, 3, false, ALL_BUT_FP };

/* Stores invalidate translated code by themselves; what remains is order. */
static uint64_t helper_fence_i(Cpu *cpu)
{
    atomic_thread_fence(memory_order_seq_cst);
    return 0;
}
const IrHelper riscv_helper_fence_i = { "fence_i", helper_fence_i, 0, false, IR_READS };

/* --- cache blocks (unpriv "CMO") --- */

/* A bit of xenvcfg that less privileged modes need: menvcfg below M, senvcfg in U too. */
static bool envcfg_allows(const RiscvCpu *r, uint64_t bits)
{
    if (r->priv == PRV_M)
        return true;
    if (!(r->menvcfg & bits))
        return false;
    return r->priv == PRV_S || !r->ext.s || r->senvcfg & bits;
}

static uint64_t helper_cbo_zero(Cpu *cpu, uint64_t va)
{
    RiscvCpu *r = riscv_cpu(cpu);
    unsigned size = r->cboz_blocksize;
    uint64_t page;
    const TlbEntry *e;

    if (!envcfg_allows(r, ENVCFG_CBZE))
        riscv_raise_illegal(r);
    va = ALIGN_DOWN(va, size);
    page = va & TLB_PAGE_MASK;
    e = &cpu->tlb[tlb_index(va)];
    if (atomic_load_explicit(&e->tag[MMU_WRITE], memory_order_relaxed) == page) {
        memset((void *)(uintptr_t)(va + e->addend), 0, size);
        return 0;
    }
    cpu_probe(cpu, va, size, MMU_WRITE, riscv_data_mmu_idx(cpu));
    for (unsigned i = 0; i < size; i += 8)
        cpu_store(cpu, va + i, 0, IR_MO_64);
    return 0;
}
const IrHelper riscv_helper_cbo_zero = { "cbo_zero", helper_cbo_zero, 1, false, ALL_BUT_FP };

enum { CBO_INVAL, CBO_CLEAN, CBO_FLUSH };

/* Caches are coherent here: what remains of inval, clean and flush are their checks. */
static uint64_t helper_cbo_check(Cpu *cpu, uint64_t va, uint64_t kind)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t block = ALIGN_DOWN(va, r->cbom_blocksize);
    int idx = riscv_data_mmu_idx(cpu);
    MmuResult res;

    if (!envcfg_allows(r, kind == CBO_INVAL ? ENVCFG_CBIE : ENVCFG_CBCFE))
        riscv_raise_illegal(r);
    /* Whatever permits a load or a store permits these; they fault as stores do. */
    if ((riscv_translate(cpu, block, MMU_READ, idx, false, &res) &&
         (!res.no_tlb || res.extent >= r->cbom_blocksize)) ||
        (riscv_translate(cpu, block, MMU_WRITE, idx, false, &res) &&
         (!res.no_tlb || res.extent >= r->cbom_blocksize)))
        return 0;
    riscv_raise(cpu, res.fault, va);
}
const IrHelper riscv_helper_cbo_check = { "cbo_check", helper_cbo_check, 2, false, ALL_BUT_FP };

/* --- the rest --- */

static uint64_t helper_set_fs_dirty(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);

    r->mstatus |= MSTATUS_FS;
    riscv_update_mode(r);
    return 0;
}
const IrHelper riscv_helper_set_fs_dirty = {
    "set_fs_dirty", helper_set_fs_dirty, 0, false, IR_READS | IR_WRITES | IR_FLUSHES,
};

/* amocas.q: register pairs; x0 stands for a pair of zeros, and is not written ("Zacas"). */
static uint64_t helper_cas128(Cpu *cpu, uint64_t va, uint64_t rd, uint64_t rs2)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t expect[2] = { 0 }, value[2] = { 0 }, old[2];

    rd &= 30;
    rs2 &= 30;
    if (rd)
        memcpy(expect, &r->x[rd], sizeof expect);
    if (rs2)
        memcpy(value, &r->x[rs2], sizeof value);
    cpu_atomic_cas16(cpu, va, expect, value, old,
                     IR_MO_128 | IR_MO_ALIGN | IR_MO_ATOMIC | IR_MO_SEQ | IR_MO_RMW_FAULT);
    if (rd)
        memcpy(&r->x[rd], old, sizeof old);
    return 0;
}
const IrHelper riscv_helper_cas128 = { "cas128", helper_cas128, 3, false, ALL_BUT_FP };
