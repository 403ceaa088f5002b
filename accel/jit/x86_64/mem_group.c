/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory accesses that make no probe of their own: in a loop those whose window still holds, and in
 * any block those off the same base as one before them.
 */
#include "mem.h"

/* --- windows --- */

/*
 * In a loop, an access whose address moves in one direction, or not at all, keeps the result of its
 * probe in two cells of the frame: how far the base may get within the page, and the addend. While
 * the base is not beyond, the access needs nothing else.
 *
 * The cells are empty when the loop is entered, and after each slow path: C may fill TLB entries
 * over others, and nobody would find those any more. Flushes, and pages that become slow, are for
 * the vCPU's safe points, or make others wait for one (tlb_demote_page): leaving the loop, that is.
 */
typedef struct MemGroup {
    int32_t first, last; /* bytes, from the base */
    uint16_t left;       /* accesses still to come */
    uint16_t latest;     /* index of the latest access, while scanning */
    uint8_t reg;         /* holds the addend; NO_REG */
    uint8_t window;      /* 1 + its number, or 0 */
    bool reads, writes;
} MemGroup;

static Mem window_cell(unsigned window, unsigned cell)
{
    return mem_bd(RSP, FRAME_WINDOW + (int32_t)((window - 1) * 16 + cell * 8));
}

static bool window_is_down(const Emit *e, unsigned window)
{
    return e->windows_down >> (window - 1) & 1;
}

void emit_forget_windows(Emit *e)
{
    for (unsigned w = 1; w <= e->n_windows; w++) {
        asm_mov_mi(&e->a, true, window_cell(w, 0), window_is_down(e, w) ? -1 : 0);
    }
}

uint8_t *mem_check_window(Emit *e, unsigned group, unsigned base, unsigned index)
{
    unsigned window = e->groups[group].window;
    asm_rm(&e->a, OP_CMP | O_W, base, window_cell(window, 0));
    uint8_t *site = asm_jcc_fwd(&e->a, window_is_down(e, window) ? CC_BE : CC_AE);
    asm_load(&e->a, index, window_cell(window, 1));
    return site;
}

void mem_window_stub(Stub *s, unsigned group, unsigned page, uint8_t *again)
{
    s->group = (uint16_t)group;
    s->x1 = (uint8_t)page;
    s->again = again;
}

void mem_refill_window(Emit *e, Stub *s)
{
    enum { NEAR_ENDS = 1 << 20 }; /* of the address space: there the base might wrap around */
    Asm *a = &e->a;
    if (!s->group) {
        return;
    }
    const MemGroup *g = &e->groups[s->group];
    bool down = window_is_down(e, g->window);
    uint8_t *miss2 = NULL;
    mem_probe_begin(e, s->base, g->first, g->last, 0, s->x0, s->x1);
    uint8_t *miss = mem_compare_tag(e, s->x0, s->x1, g->reads ? MMU_READ : MMU_WRITE);
    if (g->reads && g->writes) {
        miss2 = mem_compare_tag(e, s->x0, s->x1, MMU_WRITE);
    }
    mem_load_addend(e, s->x0);
    asm_alu_ri(a, true, G_CMP, s->base, down ? NEAR_ENDS : -NEAR_ENDS);
    uint8_t *none = asm_jcc8_fwd(a, down ? CC_B : CC_AE);
    asm_rm(a, OP_LEA | O_W, s->x1,
           mem_bd(s->x1, down ? -g->first - 1 : (1 << TLB_PAGE_BITS) - g->last));
    asm_store(a, window_cell(g->window, 0), s->x1);
    asm_store(a, window_cell(g->window, 1), s->x0);
    asm_fix8(none, a->p);
    asm_jmp(a, s->again);
    asm_fix32(miss, a->p);
    if (miss2) {
        asm_fix32(miss2, a->p);
    }
}

unsigned mem_own_window(const Emit *e)
{
    unsigned g = e->insn_group[e->i];
    const MemGroup *group = &e->groups[g];
    int64_t first = e->in->imm;
    return g && group->window && group->first == first &&
           group->last == first + ir_mo_bytes(e->in->memop) - 1 ? g : 0;
}

/* --- several accesses with one probe --- */

/*
 * Accesses off the same base value form a group (mem_scan). The first one makes a probe for the
 * range of all of them and keeps the addend in a register; the others use it. An addend of 0 says
 * that the probe failed, and they make their own, out of line. (Where a true addend is 0 that is
 * only slow.) Nothing can flush the TLB under way: what may flush ends the group.
 */
enum { GROUP_SPAN = 512, MAX_GROUPS = 1024 };

static bool groupable(const IrInsn *in)
{
    if ((in->op != IR_ld && in->op != IR_st) || ir_is_const(in->a)) {
        return false;
    }
    if (in->memop & (IR_MO_BE | IR_MO_SEQ | IR_MO_IDX | IR_MO_RMW_FAULT) || mem_always_slow(in)) {
        return false;
    }
    if ((in->memop & IR_MO_ALIGN) && ir_mo_bytes(in->memop) > 1) {
        return false;
    }
    return in->imm == (int16_t)in->imm;
}

void mem_scan(Emit *e)
{
    static MemGroup groups[MAX_GROUPS];
    const IrFunc *f = e->f;
    unsigned n = 0, n_refs = f->n_temps + f->n_slots;
    if (e->cap_open < n_refs) {
        e->cap_open = n_refs + 256;
        e->open_group = g_renew(uint16_t, e->open_group, e->cap_open);
    }
    memset(e->open_group, 0, n_refs * sizeof(*e->open_group));
    e->groups = groups;
    unsigned oldest = 1; /* groups before this one are closed */
    for (unsigned i = 0; i < f->n; i++) {
        const IrInsn *in = &f->insns[i];
        e->insn_group[i] = 0;
        if (in->op == IR_label || in->op == IR_call) {
            oldest = n + 1;
        }
        if (groupable(in) && n + 1 < MAX_GROUPS) {
            unsigned ref = ir_is_temp(in->a) ? in->a : f->n_temps + ir_slot_index(in->a);
            unsigned g = e->open_group[ref];
            int32_t first = (int32_t)in->imm, last = first + (int32_t)ir_mo_bytes(in->memop) - 1;
            if (g >= oldest && MAX(groups[g].last, last) - MIN(groups[g].first, first) <
                                   GROUP_SPAN) {
                groups[g].first = MIN(groups[g].first, first);
                groups[g].last = MAX(groups[g].last, last);
                groups[g].left++;
                e->group_next[groups[g].latest] = (uint16_t)i;
            } else {
                g = ++n;
                e->open_group[ref] = (uint16_t)g;
                groups[g] = (MemGroup){ first, last, 1, 0, NO_REG, 0, false, false };
            }
            groups[g].latest = (uint16_t)i;
            groups[g].reads |= in->op == IR_ld;
            groups[g].writes |= in->op == IR_st;
            e->insn_group[i] = (uint16_t)g;
            e->group_next[i] = NEVER;
        }
        if (ir_is_slot(in->dst)) {
            e->open_group[f->n_temps + ir_slot_index(in->dst)] = 0;
        }
    }
}

void mem_windows(Emit *e)
{
    e->n_windows = e->windows_down = 0;
    if (!e->loops || !e->faster) {
        return;
    }
    motion_scan(e, e->moves);
    for (unsigned i = 0; i < e->f->n && e->n_windows < N_WINDOWS; i++) {
        unsigned g = e->insn_group[i];
        if (g && !e->groups[g].window && e->depth[i] && e->moves[i] != MOVES_UNKNOWN) {
            e->windows_down |= (uint32_t)(e->moves[i] == MOVES_DOWN) << e->n_windows;
            e->groups[g].window = (uint8_t)++e->n_windows;
        }
    }
}

void mem_group_forget(Emit *e, IrRef group)
{
    e->groups[group & 0x3fff].reg = NO_REG;
}

/* The group's probe failed, or there is no use in trying: this access alone. */
static void stub_group(Emit *e, Stub *s)
{
    Asm *a = &e->a;
    bool load = s->in->op == IR_ld;
    MemAddress ad = { s->base, s->offset };
    if (s->site2) {
        asm_fix32(s->site2, a->p);
    }
    mem_refill_window(e, s);
    if (s->x1 != NO_REG) {
        uint8_t *miss = mem_probe(e, ad, s->x0, s->x1, load ? MMU_READ : MMU_WRITE);
        if (load) {
            mem_load_from(e, s->dst, mem_host(ad, s->x0, s->x1));
        } else {
            mem_store_to(e, mem_host(ad, s->x0, s->x1), s->value, ir_mo_bytes(s->in->memop));
        }
        asm_rr(a, OP_XOR, s->x0, s->x0);
        asm_jmp(a, s->resume);
        asm_fix32(miss, a->p);
    }
    mem_slow_address(e, s);
    if (!load) {
        mem_slow_stored(e, s);
    }
    emit_slow_begin(e, s);
    mem_slow_memop(e, s, 0);
    asm_call(a, load ? mem_load_thunk(s->in) : mem_store_thunk(s->in));
    emit_slow_end(e, s);
    mem_slow_result(e, s);
    asm_rr(a, OP_XOR, s->x0, s->x0);
    asm_jmp(a, s->resume);
}

bool mem_grouped(Emit *e)
{
    Asm *a = &e->a;
    unsigned g = e->insn_group[e->i];
    MemGroup *group = &e->groups[g];
    bool load = e->in->op == IR_ld, fp = load && mem_is_fp_load(e);
    if (!g || (--group->left == 0 && group->reg == NO_REG)) {
        return false;
    }
    unsigned base = ra_gpr(e, 0), d = NO_REG;
    Opnd v = { 0 };
    if (!load) {
        v = mem_stored(e, ir_mo_bytes(e->in->memop));
    }
    MemAddress ad = { base, e->in->imm };
    bool first = group->reg == NO_REG;
    unsigned addend = first ? ra_alloc(e, CLS_GPR) : group->reg, scratch;
    uint8_t *site, *site2 = NULL;
    e->locked |= 1u << addend;
    scratch = first ? ra_alloc(e, CLS_GPR) : ra_try_alloc(e);
    if (fp) {
        d = ra_def(e, CLS_XMM, NO_REG);
    } else if (load && scratch == NO_REG) {
        d = ra_def_early(e, CLS_GPR);
    }
    if (first && group->window) {
        site = mem_check_window(e, g, base, addend);
    } else if (first) {
        mem_probe_begin(e, base, group->first, group->last, 0, addend, scratch);
        site = mem_compare_tag(e, addend, scratch, group->reads ? MMU_READ : MMU_WRITE);
        if (group->reads && group->writes) {
            site2 = mem_compare_tag(e, addend, scratch, MMU_WRITE);
        }
        mem_load_addend(e, addend);
    } else {
        asm_rr(a, OP_TEST | O_W, addend, addend);
        site = asm_jcc_fwd(a, CC_E);
    }
    Stub *s = mem_stub(e, stub_group, site, ad, addend);
    s->site2 = site2;
    mem_window_stub(s, first && group->window ? g : 0, scratch, a->p);
    s->value = v;
    ra_release(e);
    if (load) {
        if (d == NO_REG) {
            ra_recycle(e, scratch);
            d = ra_def(e, CLS_GPR, scratch);
        }
        s->dst = (uint8_t)d;
        mem_load_from(e, d, mem_host(ad, addend, NO_REG));
    } else {
        mem_store_to(e, mem_host(ad, addend, NO_REG), v, ir_mo_bytes(e->in->memop));
    }
    s->resume = a->p;
    if (first) {
        group->reg = (uint8_t)addend;
        ra_hold(e, addend, (IrRef)(IR_GROUP_BASE | g), e->group_next[e->i]);
    } else {
        e->r[addend].next = e->group_next[e->i];
    }
    if (load) {
        ra_def_end(e, d);
    }
    return true;
}
