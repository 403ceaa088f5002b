/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of C functions from generated code: what must be in memory before, and what is fetched
 * again after, follows from the helper's effects (accel/ir.h).
 *
 * Argument registers are rdi (the Cpu), rsi, rdx, rcx, r8; r8-r11 hold pins and are lost in C.
 */
#include <stddef.h>

#include "emit.h"

enum { LOST_PINS = 1u << R8 | 1u << R9 | 1u << R10 | 1u << R11, ALL_PINS = 0xffff };

/* Pinned slots to or from their cells; registers in mask, but for pins this block evicted. */
static void move_pins(Emit *e, uint32_t mask, bool store)
{
    for (unsigned p = 0; p < IR_N_PINS; p++) {
        unsigned reg = pin_regs[p];
        if (pin_slot[p] < 0 || !(mask >> reg & 1) || (e->evicted >> reg & 1)) {
            continue;
        }
        Mem cell = slot_mem(e, (unsigned)pin_slot[p]);
        if (store) {
            asm_store(&e->a, cell, reg);
        } else {
            asm_load(&e->a, reg, cell);
        }
    }
}

static const uint8_t arg_regs[] = { RSI, RDX, RCX, R8 };

/* All at once: no source is lost before it is read. */
static void move_args(Emit *e, Opnd *src, unsigned n)
{
    bool done[4] = { false };
    unsigned left = n;
    while (left) {
        bool progress = false;
        for (unsigned i = 0; i < n; i++) {
            if (done[i]) {
                continue;
            }
            bool blocked = false;
            for (unsigned k = 0; k < n; k++) {
                blocked |= k != i && !done[k] && src[k].kind == OPND_REG &&
                           src[k].reg == arg_regs[i];
            }
            if (!blocked) {
                emit_mov_opnd(e, true, arg_regs[i], src[i]);
                done[i] = true;
                left--;
                progress = true;
            }
        }
        if (!progress) {
            /* a cycle: rax takes one of the sources out of it */
            for (unsigned i = 0; i < n; i++) {
                if (!done[i]) {
                    unsigned from = src[i].reg;
                    asm_mov_rr(&e->a, RAX, from);
                    for (unsigned k = i; k < n; k++) {
                        if (!done[k] && src[k].kind == OPND_REG && src[k].reg == from) {
                            src[k].reg = RAX;
                        }
                    }
                    break;
                }
            }
        }
    }
}

void emit_call_effects(Emit *e, const void *fn, unsigned nargs, unsigned effects,
                       const uint64_t *imm_arg0)
{
    Asm *a = &e->a;
    Opnd src[4];
    unsigned n = 0;
    if (imm_arg0) {
        src[n++] = (Opnd){ .kind = OPND_IMM, .imm = (int64_t)*imm_arg0 };
    }
    for (unsigned i = 0; i < nargs; i++) {
        src[n] = ra_opnd(e, i);
        n++;
    }
    ra_before_call(e);
    bool pure = !(effects & ~(unsigned)IR_FP);
    bool settle = e->icount && !pure;
    int32_t left = (int32_t)(e->f->n_guest_insns - e->insn_index);
    emit_store_soft(e, pure ? LOST_PINS | 0xffff0000u : ~0u);
    move_pins(e, pure ? LOST_PINS : ALL_PINS, true);
    if (!pure) {
        emit_store_pc(e, e->cur_pc);
    }
    if (settle) {
        emit_icount(e, left);
    }
    if (effects & IR_FP) {
        asm_rm(a, 0xae | O_0F, 3, cpu_mem(e, offsetof(Cpu, mxcsr)));
        asm_rm(a, 0xae | O_0F, 2, cpu_mem(e, offsetof(Cpu, scratch[1])));
        asm_mov_mi(a, true, cpu_mem(e, offsetof(Cpu, scratch[0])), 0);
    }
    move_args(e, src, n);
    asm_rm(a, OP_LEA | O_W, RDI, mem_bd(RBP, -e->bias));
    emit_call_c(e, fn);
    if (effects & IR_FP) {
        asm_rm(a, 0xae | O_0F, 2, cpu_mem(e, offsetof(Cpu, mxcsr)));
        asm_mov_mi(a, true, cpu_mem(e, offsetof(Cpu, scratch[0])), 1);
    }
    if (settle) {
        emit_icount(e, -left);
    }
    if (effects & IR_FLUSHES) {
        asm_load(a, R14, cpu_mem(e, offsetof(Cpu, tlb)));
    }
    uint32_t lost = effects & IR_WRITES ? ALL_PINS : LOST_PINS;
    move_pins(e, lost, false);
    emit_load_soft(e, lost | 0xffff0000u);
    ra_insn_end(e);
    if (e->in->dst != IR_NONE) {
        ra_def_end(e, RAX);
    }
    e->insn_clean = false;
}

void emit_helper(Emit *e)
{
    const IrHelper *h = (const IrHelper *)(uintptr_t)e->in->imm;
    emit_call_effects(e, h->fn, h->nargs, h->effects, NULL);
    if (h->effects & IR_WRITES) {
        memset(e->slot_boxed, 0, e->f->n_slots);
        memset(e->slot_clean, 0, e->f->n_slots);
    }
}

static void stub_trap(Emit *e, Stub *s)
{
    const IrHelper *h = (const IrHelper *)(uintptr_t)s->in->imm;
    emit_slow_begin(e, s);
    asm_mov_ri(&e->a, RSI, (uintptr_t)h->fn);
    asm_jmp(&e->a, thunks.trap);
}

void emit_trap_if(Emit *e)
{
    unsigned cc = emit_compare(e);
    emit_stub(e, stub_trap, asm_jcc_fwd(&e->a, cc));
}
