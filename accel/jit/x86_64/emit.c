/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Emission of a block: the walk over its instructions, out-of-line stubs, links. */
#include "emit.h"

#include <stddef.h>

#include "accel/ir/internal.h"
#include "util/log.h"

static Emit emit_state; /* under the translation lock */

/* Cold paths of FP and vector operations save and fetch all xmm registers. */
enum { BYTES_PER_INSN = 384, BYTES_PER_XMM_INSN = 768, BYTES_PER_WINDOW = 160,
       BYTES_PER_BLOCK = 4096 };

static bool is_direct(const IrInsn *in)
{
    return in->op == IR_exit_if || in->op == IR_exit_jump;
}

/* Then the block may be emitted in two versions. */
static bool is_back_edge(const IrInsn *in, const CodeBlock *b)
{
    return is_direct(in) && (uint64_t)in->imm == b->pc;
}

size_t jit_host_bound(const IrFunc *f, const CodeBlock *b)
{
    size_t bytes = BYTES_PER_BLOCK;
    bool loops = false;
    for (unsigned i = 0; i < f->n; i++) {
        const IrInsn *in = &f->insns[i];
        if (in->op == IR_insn) {
            continue;
        }
        bool xmm = in->type == IR_V128 || ir_op_is_vec(in->op) || ir_op_sets_fp_flags(in->op);
        bytes += xmm ? BYTES_PER_XMM_INSN : BYTES_PER_INSN;
        bytes += in->op == IR_ld || in->op == IR_st ? BYTES_PER_WINDOW : 0;
        loops |= is_back_edge(in, b);
    }
    return loops ? 2 * bytes : bytes;
}

unsigned jit_host_count_links(const IrFunc *f, const CodeBlock *b)
{
    unsigned n = 0;
    bool loops = false;
    for (unsigned i = 0; i < f->n; i++) {
        n += is_direct(&f->insns[i]);
        loops |= is_back_edge(&f->insns[i], b);
    }
    return loops ? 3 * n : n; /* back edges of the first version have two */
}

void jit_host_set_link(uint8_t *site, const uint8_t *target)
{
    /* Within an aligned 8-byte word: atomic for the instruction fetch of other processors. */
    __atomic_store_n((int32_t *)site, (int32_t)(target - (site + 4)), __ATOMIC_RELEASE);
}

/* The entry becomes a call of the stale thunk, in the place of the nop there. */
void jit_host_kill_entry(JitBlock *jb)
{
    uint64_t *at = (uint64_t *)(jb->code + 16), word = *at;
    int32_t rel = (int32_t)(thunks.stale - ((uint8_t *)at + 5));
    word &= ~0xffffffffffULL;
    word |= 0xe8 | (uint64_t)(uint32_t)rel << 8;
    __atomic_store_n(at, word, __ATOMIC_RELEASE);
}

/* --- pieces shared by the emit_* files --- */

Stub *emit_stub(Emit *e, void (*fn)(Emit *, Stub *), uint8_t *site)
{
    if (e->n_stubs == e->cap_stubs) {
        e->cap_stubs = e->cap_stubs * 2 + 64;
        e->stubs = g_renew(Stub, e->stubs, e->cap_stubs);
    }
    Stub *s = &e->stubs[e->n_stubs++];
    s->emit = fn;
    s->site = site;
    s->site2 = NULL;
    s->resume = NULL;
    s->in = e->in;
    s->pc = e->cur_pc;
    s->insns_left = e->f->n_guest_insns - e->insn_index;
    s->xmm_live = 0;
    s->xmm_single = 0;
    /* Most code has nothing in these. */
    for (uint32_t m = (e->soft | (e->allowed & ~e->free)) >> XMM0; m; m &= m - 1) {
        unsigned x = (unsigned)__builtin_ctz(m);
        const RegState *r = &e->r[XMM0 + x];
        if (e->soft >> (XMM0 + x) & 1) {
            s->xmm_live |= 1u << x;
            s->xmm_ref[x] = IR_SLOT(e->soft_slot[XMM0 + x]);
        } else if (r->ref != IR_NONE && !ir_is_const(r->ref)) {
            s->xmm_live |= 1u << x;
            s->xmm_ref[x] = r->ref;
        }
    }
    return s;
}

void emit_store_pc(Emit *e, uint64_t pc)
{
    Mem m = slot_mem(e, e->f->pc_slot);
    if (e->f->pic) {
        /* All registers may be in use. */
        asm_rm(&e->a, 0xff, 6, slot_mem(e, e->f->page_slot));
        if (pc != e->f->page) {
            asm_alu_mi(&e->a, true, G_ADD, mem_bd(RSP, 0), (int32_t)(pc - e->f->page));
        }
        asm_rm(&e->a, 0x8f, 0, m);
    } else if (pc == (uint64_t)(int64_t)(int32_t)pc) {
        asm_mov_mi(&e->a, true, m, (int32_t)pc);
    } else {
        asm_mov_mi(&e->a, false, m, (int32_t)pc);
        m.disp += 4;
        asm_mov_mi(&e->a, false, m, (int32_t)(pc >> 32));
    }
}

void emit_pc_to_rcx(Emit *e, uint64_t pc)
{
    if (!e->f->pic) {
        asm_mov_ri(&e->a, RCX, pc);
        return;
    }
    asm_load(&e->a, RCX, slot_mem(e, e->f->page_slot));
    if (pc != e->f->page) {
        asm_alu_ri(&e->a, true, G_ADD, RCX, (int32_t)(pc - e->f->page));
    }
}

static void move_evicted(Emit *e, bool store)
{
    for (unsigned p = 0; p < IR_N_PINS; p++) {
        if (e->evicted >> pin_regs[p] & 1) {
            Mem cell = slot_mem(e, (unsigned)pin_slot[p]);
            if (store) {
                asm_store(&e->a, cell, pin_regs[p]);
            } else {
                asm_load(&e->a, pin_regs[p], cell);
            }
        }
    }
}

void emit_store_soft(Emit *e, uint32_t mask)
{
    for (uint32_t m = e->soft_written & ~e->soft_through & mask; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);
        Mem cell = slot_mem(e, e->soft_slot[reg]);
        if (reg < XMM0) {
            asm_store(&e->a, cell, reg);
        } else {
            emit_xmm_store(e, ref_is_vec(e, IR_SLOT(e->soft_slot[reg])), cell, reg);
        }
    }
}

void emit_load_soft(Emit *e, uint32_t mask)
{
    for (uint32_t m = e->soft & mask; m; m &= m - 1) {
        unsigned reg = (unsigned)__builtin_ctz(m);
        Mem cell = slot_mem(e, e->soft_slot[reg]);
        if (reg < XMM0) {
            asm_load(&e->a, reg, cell);
        } else {
            emit_xmm_load(e, ref_is_vec(e, IR_SLOT(e->soft_slot[reg])), reg, cell);
        }
    }
}

void emit_standard_map(Emit *e)
{
    emit_store_soft(e, ~0u);
    move_evicted(e, false);
}

void emit_evict_pins(Emit *e)
{
    move_evicted(e, true);
    emit_load_soft(e, ~0u);
}

void emit_icount(Emit *e, int32_t n)
{
    if (e->icount && n) {
        asm_alu_mi(&e->a, true, G_ADD, cpu_mem(e, offsetof(Cpu, icount_left)), n);
    }
}

void emit_cold_begin(Emit *e, Stub *s)
{
    unsigned cell = e->n_spills;
    for (uint32_t m = s->xmm_live; m; m &= m - 1) {
        unsigned x = (unsigned)__builtin_ctz(m);
        bool vec = ref_is_vec(e, s->xmm_ref[x]);
        if (ir_is_temp(s->xmm_ref[x])) {
            emit_xmm_store(e, vec, mem_bd(RSP, FRAME_SPILL + (int32_t)cell * 8), XMM0 + x);
            cell += vec ? 2 : 1;
        }
    }
    g_assert(cell <= FRAME_N_SPILLS);
    emit_standard_map(e);
}

void emit_slow_begin(Emit *e, Stub *s)
{
    emit_cold_begin(e, s);
    emit_store_pc(e, s->pc);
    emit_icount(e, (int32_t)s->insns_left);
}

void emit_cold_end(Emit *e, Stub *s)
{
    unsigned cell = e->n_spills;
    for (uint32_t m = s->xmm_live; m; m &= m - 1) {
        unsigned x = (unsigned)__builtin_ctz(m);
        bool vec = ref_is_vec(e, s->xmm_ref[x]);
        if (ir_is_temp(s->xmm_ref[x])) {
            emit_xmm_load(e, vec, XMM0 + x, mem_bd(RSP, FRAME_SPILL + (int32_t)cell * 8));
            cell += vec ? 2 : 1;
        } else {
            emit_xmm_load(e, vec, XMM0 + x, slot_mem(e, ir_slot_index(s->xmm_ref[x])));
        }
    }
    emit_load_soft(e, 0xffff);
}

void emit_slow_end(Emit *e, Stub *s)
{
    emit_forget_windows(e); /* entries may have been pushed out */
    emit_icount(e, -(int32_t)s->insns_left);
    emit_cold_end(e, s);
}

void emit_alu_rr_opnd(Emit *e, bool w, unsigned op, unsigned d, Opnd o)
{
    op |= w ? O_W : 0;
    switch (o.kind) {
    case OPND_REG:
        asm_rr(&e->a, op, d, o.reg);
        break;
    case OPND_MEM:
        asm_rm(&e->a, op, d, o.mem);
        break;
    case OPND_IMM:
        /* 03 0b 23 2b 33 3b: the group number is in bits 3..5 */
        asm_alu_ri(&e->a, w, (op & 0xff) >> 3, d, (int32_t)o.imm);
        break;
    }
}

void emit_call_c(Emit *e, const void *fn)
{
    const uint8_t *next = jit_rx(e->a.p) + 5;
    intptr_t rel = (intptr_t)fn - (intptr_t)next;
    if (rel == (int32_t)rel) {
        asm8(&e->a, 0xe8);
        asm32(&e->a, (uint32_t)rel);
    } else {
        asm_mov_ri(&e->a, RAX, (uintptr_t)fn);
        asm_rr(&e->a, 0xff, 2, RAX);
    }
}

static const uint8_t cond_cc[] = {
    [IR_EQ] = CC_E, [IR_NE] = CC_NE, [IR_LT] = CC_L, [IR_GE] = CC_GE, [IR_LE] = CC_LE,
    [IR_GT] = CC_G, [IR_LTU] = CC_B, [IR_GEU] = CC_AE, [IR_LEU] = CC_BE, [IR_GTU] = CC_A,
    [IR_TSTEQ] = CC_E, [IR_TSTNE] = CC_NE,
};
/* the condition for exchanged operands */
static const uint8_t cond_swapped[] = {
    [IR_EQ] = IR_EQ, [IR_NE] = IR_NE, [IR_LT] = IR_GT, [IR_GE] = IR_LE, [IR_LE] = IR_GE,
    [IR_GT] = IR_LT, [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU, [IR_LEU] = IR_GEU, [IR_GTU] = IR_LTU,
    [IR_TSTEQ] = IR_TSTEQ, [IR_TSTNE] = IR_TSTNE,
};

unsigned emit_compare(Emit *e)
{
    Asm *a = &e->a;
    bool w = e->in->type != IR_I32;
    unsigned ow = w ? O_W : 0, cond = e->in->cond;
    Opnd x = ra_opnd(e, 0), y = ra_opnd(e, 1);
    if (x.kind == OPND_IMM && y.kind == OPND_IMM) {
        x = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)ra_gpr(e, 0) };
    } else if (x.kind == OPND_IMM || (x.kind == OPND_MEM && y.kind == OPND_REG)) {
        Opnd t = x;
        x = y;
        y = t;
        cond = cond_swapped[cond];
    } else if (x.kind == OPND_MEM && y.kind == OPND_MEM) {
        unsigned r = ra_alloc(e, CLS_GPR);
        emit_mov_opnd(e, w, r, x);
        x = (Opnd){ .kind = OPND_REG, .reg = (uint8_t)r };
    }
    bool test = cond == IR_TSTEQ || cond == IR_TSTNE;
    if (y.kind == OPND_IMM) {
        int32_t imm = (int32_t)y.imm;
        if (test) {
            bool tw = w && imm < 0;
            if (x.kind == OPND_REG) {
                asm_rr(a, 0xf7 | (tw ? O_W : 0), 0, x.reg);
            } else {
                asm_rm(a, 0xf7 | (tw ? O_W : 0), 0, x.mem);
            }
            asm32(a, (uint32_t)imm);
        } else if (x.kind == OPND_REG && imm == 0) {
            asm_rr(a, OP_TEST | ow, x.reg, x.reg);
        } else if (x.kind == OPND_REG) {
            asm_alu_ri(a, w, G_CMP, x.reg, imm);
        } else {
            asm_alu_mi(a, w, G_CMP, x.mem, imm);
        }
    } else if (y.kind == OPND_REG) {
        if (x.reg == y.reg && !test) {
            asm_rr(a, OP_CMP | ow, x.reg, y.reg);
        } else {
            asm_rr(a, (test ? OP_TEST : OP_CMP) | ow, x.reg, y.reg);
        }
    } else {
        asm_rm(a, (test ? OP_TEST : OP_CMP) | ow, x.reg, y.mem);
    }
    return cond_cc[cond];
}

/* --- the block --- */

static void emit_label(Emit *e, unsigned label)
{
    ra_drop_all(e);
    e->label_at[label] = e->a.p;
    e->insn_clean = false;
}

void emit_label_ref(Emit *e, uint8_t *site, unsigned label)
{
    if (e->n_label_refs == e->cap_label_refs) {
        e->cap_label_refs = e->cap_label_refs * 2 + 16;
        e->label_refs = g_renew(struct LabelRef, e->label_refs, e->cap_label_refs);
    }
    e->label_refs[e->n_label_refs].site = site;
    e->label_refs[e->n_label_refs++].label = label;
}

static void emit_insn(Emit *e)
{
    const IrInsn *in = e->in;
    switch (in->op) {
    case IR_insn:
        e->cur_pc = (uint64_t)in->imm;
        e->insn_index++;
        e->insn_clean = true;
        return;
    case IR_label:
        emit_label(e, in->aux);
        return;
    case IR_br:
        emit_label_ref(e, asm_jmp_fwd(&e->a), in->aux);
        return;
    case IR_brcond: {
        unsigned cc = emit_compare(e);
        emit_label_ref(e, asm_jcc_fwd(&e->a, cc), (unsigned)in->imm);
        break;
    }
    case IR_trap_if:
        emit_trap_if(e);
        break;
    case IR_call:
        emit_helper(e);
        break;
    case IR_exit_if:
    case IR_exit_jump:
    case IR_exit_ind:
    case IR_exit_loop:
    case IR_exit_lookup:
        emit_exit(e);
        break;
    case IR_ld:
    case IR_st:
    case IR_rmw:
    case IR_cas:
    case IR_fence:
        e->insn_clean = false;
        emit_mem(e);
        break;
    default:
        if (!emit_int(e) && !emit_vec(e)) {
            emit_fp(e);
        }
        break;
    }
    emit_note_clean(e);
    ra_insn_end(e);
}

/* The whole function, with what is out of line. */
static void emit_body(Emit *e)
{
    IrFunc *f = e->f;
    for (unsigned i = 0; i < f->n; i++) {
        e->i = i;
        e->in = &f->insns[i];
        e->nu = &e->next_use[i];
        emit_insn(e);
    }
    uint8_t *end = e->a.p;
    e->a.p = e->cold;
    for (unsigned i = 0; i < e->n_stubs; i++) {
        Stub s = e->stubs[i];
        asm_fix32(s.site, e->a.p);
        e->in = s.in;
        s.emit(e, &s);
    }
    e->cold = e->a.p;
    e->a.p = end;
    for (unsigned i = 0; i < e->n_label_refs; i++) {
        asm_fix32(e->label_refs[i].site, e->label_at[e->label_refs[i].label]);
    }
}

static void begin_version(Emit *e, bool faster)
{
    e->faster = faster;
    e->in = e->f->insns;
    e->i = 0;
    e->cur_pc = e->b->pc;
    e->insn_index = 0;
    e->insn_clean = true;
    e->n_label_refs = e->n_stubs = 0;
    e->sum_end = e->cf_end = NULL;
    memset(e->label_at, 0, (e->f->n_labels + 1) * sizeof(*e->label_at));
    mem_scan(e);
    ra_begin(e);
    mem_windows(e);
}

/*
 * A block that jumps back to its own start comes in two versions. The second one has registers and
 * windows (mem_group.c) made for the loop, if any, which take some rounds to pay off; the first one
 * counts rounds, and is all that is needed where the loop ends early or is left and entered again.
 */
static void emit_versions(Emit *e)
{
    bool two = e->loops;
    for (unsigned i = 0; two && i < e->f->n; i++) {
        two &= !(is_direct(&e->f->insns[i]) && e->f->insns[i].aux); /* a region is hot anyway */
    }
    begin_version(e, true);
    if (!two || !(e->soft || e->n_windows)) {
        emit_entry(e, false);
        emit_body(e);
        return;
    }
    begin_version(e, false);
    emit_entry(e, true);
    emit_body(e);
    begin_version(e, true);
    e->self_entry[SELF_CHANGE] = e->a.p;
    emit_faster_entry(e);
    emit_body(e);
}

void jit_host_emit(Cpu *cpu, CodeBlock *b, JitBlock *jb, IrFunc *f)
{
    Emit *e = &emit_state;
    e->a.p = jb->code + 16;
    e->cold = jb->cold;
    e->cpu = cpu;
    e->b = b;
    e->jb = jb;
    e->f = f;
    e->bias = (int32_t)f->slots[0].offset + 128;
    e->icount = b->cflags & CF_ICOUNT;
    e->nochain = b->cflags & CF_NOCHAIN;
    e->user = code_pic_from != UINT64_MAX && code_mode_is_user(cpu->target, b->mode);
    e->counts = jit.regions && !b->cflags && b->page[1] == UINT64_MAX;
    jb->region = false;
    e->n_links = 0;
    memcpy(jb->code + 8, &jb, 8);
    b->entry = jit_rx(e->a.p);

    ra_scan(e);
    emit_versions(e);
    for (unsigned i = 0; jit.regions && i < f->n; i++) {
        jb->region |= is_direct(&f->insns[i]) && f->insns[i].aux;
    }
    jb->size = (uint32_t)(e->a.p - jb->code);
    jb->cold_size = (uint32_t)(e->cold - jb->cold);
    jb->n_links = e->n_links;
    if (e->b->page[1] == UINT64_MAX) {
        for (unsigned i = 0; i < e->n_links; i++) {
            if (jb->links[i].pc == b->pc) {
                jit_link_to(&jb->links[i], jb, e->self_entry[e->link_self[i]]);
            }
        }
    }
}
