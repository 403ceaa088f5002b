/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way in and out of a block: entry, polls, linked jumps, jump-cache probes.
 *
 * Endless loops poll: every exit that can lead backwards (direct ones to this address or below,
 * and all indirect ones) looks at Cpu.exit_request. Under CF_ICOUNT the block's entry counts its
 * instructions and leaves if the budget doesn't cover them.
 */
#include <stddef.h>

#include "emit.h"

/* --- stubs --- */

static void leave_at(Emit *e, uint64_t pc)
{
    emit_standard_map(e);
    emit_store_pc(e, pc);
    asm_jmp(&e->a, thunks.leave);
}

static void stub_leave(Emit *e, Stub *s)
{
    emit_icount(e, (int32_t)s->insns_left);
    leave_at(e, s->pc);
}

static void stub_leave_reg(Emit *e, Stub *s)
{
    asm_store(&e->a, slot_mem(e, e->f->pc_slot), s->base);
    emit_standard_map(e);
    asm_jmp(&e->a, thunks.leave);
}

static void stub_lookup_reg(Emit *e, Stub *s)
{
    asm_store(&e->a, slot_mem(e, e->f->pc_slot), s->base);
    asm_jmp(&e->a, thunks.lookup);
}

static void stub_lookup(Emit *e, Stub *s)
{
    emit_store_pc(e, s->pc);
    asm_jmp(&e->a, thunks.lookup);
}

/* pc is in its slot */
static void stub_lookup_slot(Emit *e, Stub *s)
{
    asm_jmp(&e->a, thunks.lookup);
}

static void stub_leave_slot(Emit *e, Stub *s)
{
    asm_jmp(&e->a, thunks.leave);
}

static void stub_link(Emit *e, Stub *s)
{
    s->link->stub = e->a.p;
    if (s->link->pc == e->b->pc) {
        emit_standard_map(e);
    }
    emit_pc_to_rcx(e, s->link->pc);
    asm_mov_ri(&e->a, RSI, (uintptr_t)s->link);
    asm_jmp(&e->a, thunks.link);
}

/* --- polls --- */

/* Leaves at pc, having given back `left` instructions. */
static void poll(Emit *e, uint64_t pc, unsigned left)
{
    asm_alu_mi(&e->a, false, G_CMP, cpu_mem(e, offsetof(Cpu, exit_request)), 0);
    Stub *s = emit_stub(e, stub_leave, asm_jcc_fwd(&e->a, CC_NE));
    s->pc = pc;
    s->insns_left = left;
}

static void stub_hot(Emit *e, Stub *s)
{
    emit_standard_map(e);
    emit_store_pc(e, s->pc);
    asm_mov_ri(&e->a, RSI, (uintptr_t)e->jb);
    asm_mov_ri(&e->a, RDX, (uint64_t)s->offset);
    asm_jmp(&e->a, thunks.hot);
}

/*
 * Counts a backward exit to `target`, unless the loop there is known to be hot: then this is the
 * best that was possible. Goes on at pc when it's time for a region.
 */
static void count_exit(Emit *e, uint64_t target, uint64_t pc)
{
    Asm *a = &e->a;
    const void *counter = &jit_hot_counters[jit_hot_index(target)];
    /* sub dword [rip + rel], 1 has 7 bytes */
    intptr_t rel = (intptr_t)counter - (intptr_t)(jit_rx(a->p) + 7);
    if (!e->counts || (target ^ e->b->pc) >> TLB_PAGE_BITS || rel != (int32_t)rel ||
        jit_is_hot(e->cpu, target, e->b->page[0], e->b->cflags)) {
        return;
    }
    asm8(a, 0x83);
    asm8(a, G_SUB << 3 | 5);
    asm32(a, (uint32_t)rel);
    asm8(a, 1);
    Stub *s = emit_stub(e, stub_hot, asm_jcc_fwd(a, CC_S));
    s->pc = pc;
    s->offset = (int64_t)target;
}

/* --- entry --- */

static void stub_no_budget(Emit *e, Stub *s)
{
    emit_icount(e, (int32_t)e->f->n_guest_insns);
    leave_at(e, e->b->pc);
}

void emit_faster_entry(Emit *e)
{
    emit_evict_pins(e);
    emit_forget_windows(e);
    e->self_entry[SELF_FASTER] = e->a.p;
}

void emit_entry(Emit *e, bool first_version)
{
    enum { ROUNDS = 8 };
    asm_nop(&e->a, 5); /* jit_host_kill_entry puts a call here */
    if (e->f->pic) {
        if (e->b->first_offset) {
            asm_alu_ri(&e->a, true, G_SUB, RCX, e->b->first_offset);
        }
        asm_store(&e->a, slot_mem(e, e->f->page_slot), RCX);
    }
    e->jb->linked = e->a.p;
    if (first_version) {
        asm_mov_mi(&e->a, false, mem_bd(RSP, FRAME_ROUNDS), ROUNDS - 1);
        e->self_entry[SELF_FIRST] = e->a.p;
    } else {
        emit_faster_entry(e);
    }
    if (e->icount) {
        asm_alu_mi(&e->a, true, G_SUB, cpu_mem(e, offsetof(Cpu, icount_left)),
                   (int32_t)e->f->n_guest_insns);
        emit_stub(e, stub_no_budget, asm_jcc_fwd(&e->a, CC_S));
    }
}

/* --- direct exits --- */

static bool same_page(const Emit *e, uint64_t pc)
{
    return (pc ^ e->b->pc) >> TLB_PAGE_BITS == 0;
}

/* The patchable field must not straddle 8 bytes; code from `from` on may be moved up. */
static void align_site(Emit *e, uint8_t *from, unsigned before)
{
    Asm *a = &e->a;
    unsigned low = (uintptr_t)(a->p + before) & 7;
    if (low > 4) {
        unsigned pad = 8 - low;
        size_t len = (size_t)(a->p - from);
        memmove(from + pad, from, len);
        a->p = from;
        asm_nop(a, pad);
        a->p += len;
    }
}

static void new_link(Emit *e, uint8_t *site, uint64_t pc)
{
    if (e->n_links >= e->cap_links) {
        e->cap_links = e->cap_links * 2 + 64;
        e->link_self = g_renew(uint8_t, e->link_self, e->cap_links);
    }
    e->link_self[e->n_links] = SELF_FASTER;
    JitLink *l = &e->jb->links[e->n_links++];
    l->pc = pc;
    l->site = site;
    Stub *s = emit_stub(e, stub_link, site);
    s->link = l;
}

/* Jumps to the block for the address in `target` through the jump cache; `s` is scratch. */
static void probe_jump(Emit *e, unsigned target, unsigned s,
                       void (*miss)(Emit *, Stub *))
{
    Asm *a = &e->a;
    /* the entry's offset: jump_index(pc) * 16 = pc * 8 (or 4) in these bits */
    enum { MASK = (JUMP_CACHE_SIZE - 1) * sizeof(JumpEntry) };
    unsigned left = 4 - jump_shift;
    if (host.bmi2) {
        asm_vrr(a, OP_RORX | O_W, s, 0, target);
        asm8(a, 64 - left);
    } else {
        asm_mov_rr(a, s, target);
        asm_shift_ri(a, false, G_SHL, s, left);
    }
    asm_alu_ri(a, false, G_AND, s, MASK);
    asm_rm(a, OP_ADD | O_W, s, cpu_mem(e, offsetof(Cpu, code)));
    asm_rm(a, OP_CMP | O_W, target, mem_bd(s, 0));
    Stub *st = emit_stub(e, miss, asm_jcc_fwd(a, CC_NE));
    st->base = (uint8_t)target;
    asm_rm(a, 0xff, 4, mem_bd(s, offsetof(JumpEntry, entry)));
}

/* A jump to another block, everything where blocks expect it. */
static void jump_out(Emit *e, uint64_t pc)
{
    Asm *a = &e->a;
    if (e->nochain) {
        emit_store_pc(e, pc);
        asm_jmp(a, thunks.leave);
    } else if (same_page(e, pc)) {
        align_site(e, a->p, 1);
        new_link(e, asm_jmp_fwd(a), pc);
    } else if (e->f->pic) {
        emit_pc_to_rcx(e, pc);
        probe_jump(e, RCX, RAX, stub_lookup_reg);
    } else {
        int32_t entry = (int32_t)(jump_index(pc) * sizeof(JumpEntry));
        asm_load(a, RAX, cpu_mem(e, offsetof(Cpu, code)));
        if (pc == (uint64_t)(int64_t)(int32_t)pc && !(e->user && pc >= code_pic_from)) {
            asm_alu_mi(a, true, G_CMP, mem_bd(RAX, entry), (int32_t)pc);
        } else {
            asm_mov_ri(a, RCX, pc);
            asm_rm(a, OP_CMP | O_W, RCX, mem_bd(RAX, entry));
        }
        Stub *s = emit_stub(e, stub_lookup, asm_jcc_fwd(a, CC_NE));
        s->pc = pc;
        asm_rm(a, 0xff, 4, mem_bd(RAX, entry + (int32_t)offsetof(JumpEntry, entry)));
    }
}

static void self_link(Emit *e, unsigned entry)
{
    align_site(e, e->a.p, 1);
    new_link(e, asm_jmp_fwd(&e->a), e->b->pc);
    e->link_self[e->n_links - 1] = (uint8_t)entry;
}

static void stub_change(Emit *e, Stub *s)
{
    self_link(e, SELF_CHANGE);
}

/* Back to the block's own start, always. */
static void next_round(Emit *e)
{
    if (e->faster) {
        self_link(e, SELF_FASTER);
        return;
    }
    asm_alu_mi(&e->a, false, G_SUB, mem_bd(RSP, FRAME_ROUNDS), 1);
    emit_stub(e, stub_change, asm_jcc_fwd(&e->a, CC_S));
    self_link(e, SELF_FIRST);
}

/* A taken conditional exit that needs more than the jump itself. */
static void stub_exit_if(Emit *e, Stub *s)
{
    uint64_t pc = s->pc;
    if (s->x1) {
        asm_alu_mi(&e->a, false, G_CMP, cpu_mem(e, offsetof(Cpu, exit_request)), 0);
        Stub *leave = emit_stub(e, stub_leave, asm_jcc_fwd(&e->a, CC_NE));
        leave->pc = pc;
        leave->insns_left = s->insns_left;
    }
    emit_icount(e, (int32_t)s->insns_left);
    if (pc == e->b->pc && !e->nochain) {
        next_round(e);
    } else {
        emit_standard_map(e);
        jump_out(e, pc);
    }
}

/* Within a region: the poll of the loops, and a plain jump. */
static bool is_internal(const Emit *e)
{
    return e->in->aux && !e->nochain && !e->icount;
}

static void internal_jump(Emit *e, bool conditional)
{
    unsigned label = e->in->aux - 1u;
    uint64_t pc = (uint64_t)e->in->imm;
    bool backward = e->label_at[label] != NULL;
    if (conditional) {
        if (backward && e->insn_clean) {
            poll(e, e->cur_pc, 0);
            emit_label_ref(e, asm_jcc_fwd(&e->a, emit_compare(e)), label);
        } else if (backward) {
            uint8_t *over = asm_jcc_fwd(&e->a, emit_compare(e) ^ 1);
            poll(e, pc, 0);
            emit_label_ref(e, asm_jmp_fwd(&e->a), label);
            asm_fix32(over, e->a.p);
        } else {
            emit_label_ref(e, asm_jcc_fwd(&e->a, emit_compare(e)), label);
        }
        return;
    }
    const IrInsn *next = e->in + 1;
    bool last = e->i + 1 == e->f->n;
    if (backward) {
        poll(e, pc, 0);
    }
    if (last || next->op != IR_label || next->aux != label) {
        emit_label_ref(e, asm_jmp_fwd(&e->a), label);
    }
}

static void exit_if(Emit *e)
{
    Asm *a = &e->a;
    const IrInsn *in = e->in;
    uint64_t pc = (uint64_t)in->imm;
    unsigned left = e->f->n_guest_insns - e->insn_index;
    bool backward = pc <= e->cur_pc, self = pc == e->b->pc;
    bool polled = false;
    if (is_internal(e)) {
        internal_jump(e, true);
        return;
    }
    if (backward && !e->nochain && e->insn_clean) {
        count_exit(e, pc, e->cur_pc);
        poll(e, e->cur_pc, left + 1);
        polled = true;
    }
    bool direct = !e->nochain && same_page(e, pc) && !(e->icount && left) &&
                  (!backward || polled) && (self ? e->faster : !e->soft);
    uint8_t *from = a->p;
    unsigned cc = emit_compare(e);
    if (direct) {
        align_site(e, from, 2);
        new_link(e, asm_jcc_fwd(a, cc), pc);
    } else {
        Stub *s = emit_stub(e, stub_exit_if, asm_jcc_fwd(a, cc));
        s->pc = pc;
        s->insns_left = left;
        s->x1 = backward && !polled && !e->nochain;
    }
}

static void exit_jump(Emit *e)
{
    uint64_t pc = (uint64_t)e->in->imm;
    if (is_internal(e)) {
        internal_jump(e, false);
        return;
    }
    if (pc <= e->cur_pc && !e->nochain) {
        count_exit(e, pc, pc);
        poll(e, pc, 0);
    }
    if (pc == e->b->pc && !e->nochain) {
        next_round(e);
    } else {
        emit_standard_map(e);
        jump_out(e, pc);
    }
}

/* --- indirect exits --- */

static void exit_ind(Emit *e)
{
    Asm *a = &e->a;
    unsigned target = ra_gpr(e, 0);
    if (e->evicted >> target & 1) {
        unsigned t = ra_alloc(e, CLS_GPR);
        asm_mov_rr(a, t, target);
        target = t;
    }
    if (e->nochain) {
        asm_store(a, slot_mem(e, e->f->pc_slot), target);
        emit_standard_map(e);
        asm_jmp(a, thunks.leave);
        return;
    }
    asm_alu_mi(a, false, G_CMP, cpu_mem(e, offsetof(Cpu, exit_request)), 0);
    Stub *s = emit_stub(e, stub_leave_reg, asm_jcc_fwd(a, CC_NE));
    s->base = (uint8_t)target;
    emit_standard_map(e);
    if (e->user) {
        asm_mov_rr(a, RCX, target);
        probe_jump(e, RCX, RAX, stub_lookup_reg);
    } else {
        probe_jump(e, target, ra_alloc(e, CLS_GPR), stub_lookup_reg);
    }
}

static void exit_lookup(Emit *e)
{
    Asm *a = &e->a;
    emit_standard_map(e);
    if (e->nochain) {
        asm_jmp(a, thunks.leave);
        return;
    }
    asm_alu_mi(a, false, G_CMP, cpu_mem(e, offsetof(Cpu, exit_request)), 0);
    emit_stub(e, stub_leave_slot, asm_jcc_fwd(a, CC_NE));
    asm_load(a, R14, cpu_mem(e, offsetof(Cpu, tlb)));
    asm_load(a, RCX, slot_mem(e, e->f->pc_slot));
    probe_jump(e, RCX, RAX, stub_lookup_slot);
}

void emit_exit(Emit *e)
{
    switch (e->in->op) {
    case IR_exit_if:
        exit_if(e);
        break;
    case IR_exit_jump:
        exit_jump(e);
        break;
    case IR_exit_ind:
        exit_ind(e);
        break;
    case IR_exit_lookup:
        exit_lookup(e);
        break;
    default:
        emit_standard_map(e);
        asm_jmp(&e->a, thunks.leave);
        break;
    }
}
