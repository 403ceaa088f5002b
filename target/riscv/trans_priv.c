/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V CSR accesses (Zicsr), traps and returns from them, and the privileged instructions.
 *
 * sstatus has paths of its own here: kernels switch SIE and SUM so often that leaving the block for
 * each would show.
 */
#include "target/riscv/trans.h"

enum { CSR_FFLAGS = 0x001, CSR_SSTATUS = 0x100 };
typedef enum CsrOp { CSR_SWAP, CSR_SET, CSR_CLEAR } CsrOp;

/*
 * Which bits of a value may be ones, as far as the block's IR up to here tells; *exact: they are.
 */
static uint64_t possible_bits(const IrFunc *f, IrRef v, bool *exact)
{
    *exact = false;
    if (ir_is_const(v)) {
        *exact = true;
        return ir_const_value(f, v);
    }
    for (unsigned i = f->n; i-- > 0;) {
        const IrInsn *insn = &f->insns[i];
        if (insn->op == IR_label || insn->op == IR_call) {
            break;
        }
        if (insn->dst != v) {
            continue;
        }
        if (insn->op == IR_mov && ir_is_const(insn->a)) {
            *exact = true;
            return ir_const_value(f, insn->a);
        }
        if (insn->op == IR_and && ir_is_const(insn->b)) {
            return ir_const_value(f, insn->b);
        }
        break;
    }
    return ~0ULL;
}

/* sstatus as a value of its own: SD follows from FS, which the block knows. */
static IrRef read_sstatus(TransCtx *t)
{
    uint64_t mask = riscv_cpu(t->cpu)->sstatus_mask | MSTATUS_UXL;
    IrRef v = ir_op2(t->f, IR_and, IR_I64, IR_SLOT(SLOT_mstatus), riscv_const(t, mask));

    if ((t->mode & MODE_FS) == MODE_FS) {
        v = ir_op2(t->f, IR_or, IR_I64, v, riscv_const(t, MSTATUS_SD));
    }
    return v;
}

/*
 * mstatus.SIE was set: an interrupt that was held back is taken now. One that comes from here on
 * finds it set and is taken at the next poll.
 */
static void sie_was_set(TransCtx *t)
{
    IrFunc *f = t->f;
    unsigned none = ir_label_new(f);
    IrRef pending;

    ir_brcond(f, IR_I64, IR_TSTEQ, IR_SLOT(SLOT_mstatus), riscv_const(t, MSTATUS_SIE), none);
    pending = ir_op2(f, IR_or, IR_I64, IR_SLOT(SLOT_MIP), IR_SLOT(SLOT_MIP_SOFT));
    ir_brcond(f, IR_I64, IR_TSTEQ, pending, IR_SLOT(SLOT_mie), none);
    ir_call(f, &riscv_helper_irq_poll, IR_NONE, ir_address(t->f, riscv_next(t)), IR_NONE, IR_NONE,
            IR_NONE);
    ir_label(f, none);
}

/* The accesses to sstatus that need no general helper or no end of the block; false: others. */
static bool access_sstatus(TransCtx *t, int rd, CsrOp op, IrRef value, bool write)
{
    IrFunc *f = t->f;
    IrRef mstatus = IR_SLOT(SLOT_mstatus), old = IR_NONE, bits;
    bool exact;
    uint64_t possible;

    if (!write) {
        if (rd) {
            ir_mov(f, IR_SLOT(rd), read_sstatus(t));
        }
        return true;
    }
    if (op == CSR_SWAP) {
        return false;
    }
    possible = possible_bits(f, value, &exact);
    if (exact && possible == MSTATUS_SUM) {
        /* Changes how data is translated, which the block doesn't depend on. */
        ir_call(f, &riscv_helper_csr_rw, riscv_xd(rd), riscv_const(t, CSR_SSTATUS),
                riscv_const(t, op == CSR_SET ? ~0ULL : 0), value, IR_NONE);
        return true;
    }
    if (possible & ~MSTATUS_SIE) {
        return false;
    }
    if (rd) {
        old = read_sstatus(t);
    }
    bits = exact ? riscv_const(t, possible) : value;
    ir_emit(f, op == CSR_SET ? IR_or : IR_andn, IR_I64, mstatus, mstatus, bits);
    if (rd) {
        ir_mov(f, IR_SLOT(rd), old);
    }
    if (op == CSR_SET) {
        sie_was_set(t);
    }
    return true;
}

static void read_csr(TransCtx *t, int rd, unsigned csr, const RiscvCsrInline *how)
{
    if (how->read_slot < 0) {
        ir_call(t->f, &riscv_helper_csr_read, riscv_xd(rd), riscv_const(t, csr), IR_NONE, IR_NONE,
                IR_NONE);
    } else if (rd) {
        ir_emit(t->f, IR_and, IR_I64, IR_SLOT(rd), IR_SLOT(how->read_slot),
                riscv_const(t, how->read_mask));
    }
}

static void write_cell(TransCtx *t, int rd, CsrOp op, IrRef value, const RiscvCsrInline *how)
{
    IrFunc *f = t->f;
    IrRef cell = IR_SLOT(how->write_slot), old = IR_NONE;

    if (rd) {
        old = ir_op2(f, IR_and, IR_I64, IR_SLOT(how->read_slot), riscv_const(t, how->read_mask));
    }
    if (how->write_mask != ~0ULL) {
        value = ir_op2(f, IR_and, IR_I64, value, riscv_const(t, how->write_mask));
    }
    if (op != CSR_SWAP) {
        ir_emit(f, op == CSR_SET ? IR_or : IR_andn, IR_I64, cell, cell, value);
    } else if (how->write_mask == ~0ULL) {
        ir_mov(f, cell, value);
    } else {
        IrRef kept = ir_op2(f, IR_and, IR_I64, cell, riscv_const(t, ~how->write_mask));
        ir_emit(f, IR_or, IR_I64, cell, kept, value);
    }
    if (rd) {
        ir_mov(f, IR_SLOT(rd), old);
    }
}

/* FS is dirty: no more than the flags changes. */
static void access_fflags(TransCtx *t, int rd, CsrOp op, IrRef value, bool write)
{
    IrFunc *f = t->f;
    IrRef old = IR_NONE;

    if (op != CSR_SWAP || rd) {
        old = ir_temp(f, IR_I64);
        ir_call(f, &riscv_helper_fflags, old, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    }
    if (write) {
        if (op != CSR_SWAP) {
            value = ir_op2(f, op == CSR_SET ? IR_or : IR_andn, IR_I64, old, value);
        }
        ir_call(f, &riscv_helper_set_fflags, IR_NONE, value, IR_NONE, IR_NONE, IR_NONE);
    }
    if (rd) {
        ir_mov(f, IR_SLOT(rd), old);
    }
}

static bool access_csr(TransCtx *t, int rd, unsigned csr, CsrOp op, IrRef value, bool write)
{
    IrFunc *f = t->f;
    RiscvCsrInline how;
    bool read = op != CSR_SWAP || rd;

    if (!riscv_csr_inline(riscv_cpu(t->cpu), t->mode, csr, write, &how)) {
        return false;
    }
    if (csr == CSR_FFLAGS && (t->mode & MODE_FS) == MODE_FS) {
        access_fflags(t, rd, op, value, write);
        return true;
    }
    if (csr == CSR_SSTATUS && access_sstatus(t, rd, op, value, write)) {
        return true;
    }
    if (!write) {
        read_csr(t, rd, csr, &how);
        return true;
    }
    if (how.write_slot >= 0 && (!read || how.read_slot >= 0)) {
        write_cell(t, rd, op, value, &how);
    } else if (!read) {
        ir_call(f, &riscv_helper_csr_write, IR_NONE, riscv_const(t, csr), value, IR_NONE, IR_NONE);
    } else if (op == CSR_SWAP) {
        ir_call(f, &riscv_helper_csr_rw, riscv_xd(rd), riscv_const(t, csr), value,
                riscv_const(t, ~0ULL), IR_NONE);
    } else {
        ir_call(f, &riscv_helper_csr_rw, riscv_xd(rd), riscv_const(t, csr),
                riscv_const(t, op == CSR_SET ? ~0ULL : 0), value, IR_NONE);
    }
    if (how.ends_block) {
        riscv_exit_lookup_next(t);
    }
    return true;
}

bool riscv_trans_csrrw(TransCtx *t, const RiscvArgsCsr *a)
{
    return access_csr(t, a->rd, a->csr & 0xfff, CSR_SWAP, riscv_x(t, a->rs1), true);
}

bool riscv_trans_csrrs(TransCtx *t, const RiscvArgsCsr *a)
{
    return access_csr(t, a->rd, a->csr & 0xfff, CSR_SET, riscv_x(t, a->rs1), a->rs1);
}

bool riscv_trans_csrrc(TransCtx *t, const RiscvArgsCsr *a)
{
    return access_csr(t, a->rd, a->csr & 0xfff, CSR_CLEAR, riscv_x(t, a->rs1), a->rs1);
}

bool riscv_trans_csrrwi(TransCtx *t, const RiscvArgsCsr *a)
{
    return access_csr(t, a->rd, a->csr & 0xfff, CSR_SWAP, riscv_const(t, (uint32_t)a->rs1), true);
}

bool riscv_trans_csrrsi(TransCtx *t, const RiscvArgsCsr *a)
{
    return access_csr(t, a->rd, a->csr & 0xfff, CSR_SET, riscv_const(t, (uint32_t)a->rs1), a->rs1);
}

bool riscv_trans_csrrci(TransCtx *t, const RiscvArgsCsr *a)
{
    return access_csr(t, a->rd, a->csr & 0xfff, CSR_CLEAR, riscv_const(t, (uint32_t)a->rs1),
                      a->rs1);
}

/* --- traps --- */

/* The helper has set pc and mode. */
static void leave(TransCtx *t)
{
    ir_exit_lookup(t->f);
    t->end = true;
}

bool riscv_trans_ecall(TransCtx *t, const RiscvArgsN *a)
{
    ir_call(t->f, &riscv_helper_trap, IR_NONE, riscv_const(t, CAUSE_ECALL_U + riscv_priv(t)),
            riscv_const(t, 0), IR_NONE, IR_NONE);
    leave(t);
    return true;
}

bool riscv_trans_ebreak(TransCtx *t, const RiscvArgsN *a)
{
    ir_call(t->f, &riscv_helper_ebreak, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    leave(t);
    return true;
}

bool riscv_trans_mret(TransCtx *t, const RiscvArgsN *a)
{
    if (riscv_priv(t) < PRV_M) {
        return false;
    }
    ir_call(t->f, &riscv_helper_mret, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    leave(t);
    return true;
}

bool riscv_trans_sret(TransCtx *t, const RiscvArgsN *a)
{
    if (riscv_priv(t) < PRV_S) {
        return false;
    }
    ir_call(t->f, &riscv_helper_sret, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    leave(t);
    return true;
}

/* In U mode wfi would have to end within a bounded time; it is illegal instead (priv 3.3.3). */
bool riscv_trans_wfi(TransCtx *t, const RiscvArgsN *a)
{
    if (riscv_priv(t) < PRV_S && riscv_cpu(t->cpu)->ext.s) {
        return false;
    }
    ir_call(t->f, &riscv_helper_wfi, IR_NONE, ir_address(t->f, riscv_next(t)), IR_NONE, IR_NONE,
            IR_NONE);
    leave(t);
    return true;
}

static bool wait_on_reservation(TransCtx *t, bool timed)
{
    ir_call(t->f, &riscv_helper_wrs, IR_NONE, ir_address(t->f, riscv_next(t)), riscv_const(t, timed),
            IR_NONE, IR_NONE);
    leave(t);
    return true;
}

bool riscv_trans_wrs_nto(TransCtx *t, const RiscvArgsN *a)
{
    return wait_on_reservation(t, false);
}

bool riscv_trans_wrs_sto(TransCtx *t, const RiscvArgsN *a)
{
    return wait_on_reservation(t, true);
}

/* --- address translation --- */

/* Also what is fetched next may be elsewhere now, so the block ends. */
bool riscv_trans_sfence_vma(TransCtx *t, const RiscvArgsR *a)
{
    if (riscv_priv(t) < PRV_S) {
        return false;
    }
    ir_call(t->f, &riscv_helper_sfence_vma, IR_NONE, riscv_x(t, a->rs1), riscv_x(t, a->rs2),
            riscv_const(t, (a->rs1 == 0) | (a->rs2 == 0) << 1), IR_NONE);
    riscv_exit_lookup_next(t);
    return true;
}

/* sinval.vma acts at once, so that nothing is left to order. Not subject to TVM (Svinval). */
static bool order_invalidations(TransCtx *t)
{
    return riscv_priv(t) >= PRV_S;
}

bool riscv_trans_sfence_w_inval(TransCtx *t, const RiscvArgsN *a)
{
    return order_invalidations(t);
}

bool riscv_trans_sfence_inval_ir(TransCtx *t, const RiscvArgsN *a)
{
    return order_invalidations(t);
}
