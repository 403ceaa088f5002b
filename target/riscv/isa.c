/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From RISC-V instructions to IR: fetch, decode (generated from riscv.isa), and what happens around
 * every instruction. The semantics are in trans_*.c.
 */
#include "target/riscv/trans.h"

void riscv_trans_raise(TransCtx *t, uint64_t cause, IrRef tval)
{
    ir_call(t->f, &riscv_helper_raise, IR_NONE, riscv_const(t, cause), tval, IR_NONE, IR_NONE);
    ir_exit_loop(t->f);
    t->end = true;
}

/*
 * Before the first instruction of a block that changes FP state, unless mstatus.FS is dirty. FS may
 * so become dirty by an instruction that faults: the manual lets FS be set when nothing changed.
 */
void riscv_fp_write(TransCtx *t)
{
    if ((t->mode & MODE_FS) != MODE_FS && !t->target_data[TD_LOOKUP]) {
        ir_call(t->f, &riscv_helper_set_fs_dirty, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        t->target_data[TD_LOOKUP] = true;
    }
}

/* The bits at t->pc; *len is 2 or 4. Without C all instructions have 32 bits. */
static uint32_t fetch(TransCtx *t, unsigned *len)
{
    uint32_t w;

    if (t->pc >= ((t->page_end - 1) & TLB_PAGE_MASK) && t->pc + 4 <= t->page_end) {
        w = load_le32(t->host + (t->pc & ~TLB_PAGE_MASK));
    } else {
        w = trans_fetch16(t, t->pc);
        if ((w & 3) == 3) {
            w |= (uint32_t)trans_fetch16(t, t->pc + 2) << 16;
        }
    }
    *len = (w & 3) == 3 ? 4 : 2;
    return *len == 4 ? w : w & 0xffff;
}

void riscv_translate_insn(TransCtx *t)
{
    unsigned len;
    uint32_t w = fetch(t, &len);
    bool ok;

    t->target_data[TD_NEXT] = t->pc + len;
    ir_insn(t->f, t->pc, len);
    ok = len == 4 ? riscv_decode32(t, w) : riscv_cpu(t->cpu)->ext.c && riscv_decode16(t, w);
    if (!ok) {
        ir_call(t->f, &riscv_helper_illegal, IR_NONE, riscv_const(t, w), IR_NONE, IR_NONE, IR_NONE);
        ir_exit_loop(t->f);
        t->end = true;
    }
    if (!t->end && t->target_data[TD_LOOKUP]) {
        riscv_exit_lookup_next(t);
    }
    t->pc = riscv_next(t);
}
