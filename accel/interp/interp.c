/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IR interpreter: executes IR as it stands, over the same slots, helpers and memory functions
 * as generated code. It is what the JIT is compared with, and what runs where no JIT exists, so
 * it is written to be obviously right first.
 *
 * Each CodeBlock keeps a copy of its IR (engine_data). FP goes through softfloat, always.
 */
#include "accel/interp/interp.h"
#include "accel/ir/eval.h"
#include "accel/ir/eval_vec.h"
#include "accel/ir/internal.h"
#include "accel/tlb.h"
#include "accel/translate.h"

#include <string.h>

typedef struct Interp {
    Cpu *cpu;
    const IrFunc *f;
    IrV128 *temps;
} Interp;

static inline uint64_t *slot_cell(const Interp *p, unsigned n)
{
    return (uint64_t *)((char *)p->cpu + p->f->slots[n].offset);
}

static inline uint64_t get(const Interp *p, IrRef r)
{
    if (ir_is_temp(r))
        return p->temps[r].d[0];
    if (ir_is_slot(r))
        return *slot_cell(p, ir_slot_index(r));
    return r == IR_NONE ? 0 : ir_const_value(p->f, r);
}

static inline void set(const Interp *p, IrRef r, uint64_t v)
{
    if (r == IR_NONE)
        return;
    if (ir_is_temp(r))
        p->temps[r].d[0] = v;
    else
        *slot_cell(p, ir_slot_index(r)) = v;
}

/* ---- floating point and vectors ---- */

/* The NaN that stands for an F32 whose 64-bit cell is not boxed: RISC-V F, "NaN Boxing". */
static uint64_t fp_unbox(uint64_t a)
{
    return a >> 32 == UINT32_MAX ? (uint32_t)a : 0x7fc00000;
}

static uint64_t fp_op(const Interp *p, const IrInsn *i)
{
    return ir_eval_fp(ir_op_desc(i, &p->f->fp), get(p, i->a), get(p, i->b), get(p, i->c),
                      &p->cpu->fp);
}

static bool is_vec(const Interp *p, IrRef r)
{
    return ir_is_temp(r) ? p->f->temp_type[r] == IR_V128
                         : ir_is_slot(r) && p->f->slots[ir_slot_index(r)].type == IR_V128;
}

static IrV128 get_vec(const Interp *p, IrRef r)
{
    IrV128 v = { .d = { 0, 0 } };
    if (!is_vec(p, r))
        v.d[0] = get(p, r);
    else
        memcpy(&v, ir_is_temp(r) ? (void *)&p->temps[r] : slot_cell(p, ir_slot_index(r)), 16);
    return v;
}

static void set_vec(const Interp *p, IrRef r, const IrV128 *v)
{
    if (r == IR_NONE)
        return;
    if (!is_vec(p, r))
        set(p, r, v->d[0]);
    else
        memcpy(ir_is_temp(r) ? (void *)&p->temps[r] : slot_cell(p, ir_slot_index(r)), v, 16);
}

static void vec_op(const Interp *p, const IrInsn *i)
{
    IrV128 a = get_vec(p, i->a), b = get_vec(p, i->b), c = get_vec(p, i->c);
    ir_eval_vec(ir_op_desc(i, &p->f->fp), &a, &a, &b, &c, &p->cpu->fp);
    set_vec(p, i->dst, &a);
}

/* ---- memory ---- */

static uint64_t narrow(const IrInsn *i, uint64_t v)
{
    return i->type == IR_I32 || i->type == IR_F32 ? (uint32_t)v : v;
}

static void memory_op(const Interp *p, const IrInsn *i)
{
    vaddr va = get(p, i->a) + (uint64_t)i->imm;
    switch (i->op) {
    case IR_ld:
        if (i->type == IR_V128) {
            IrV128 v = { .d = { 0, 0 } };
            if ((i->memop & IR_MO_SIZE) == IR_MO_128)
                cpu_load16(p->cpu, va, v.d, i->memop);
            else
                v.d[0] = cpu_load(p->cpu, va, i->memop);
            set_vec(p, i->dst, &v);
            break;
        }
        set(p, i->dst, narrow(i, cpu_load(p->cpu, va, i->memop)));
        break;
    case IR_st:
        if ((i->memop & IR_MO_SIZE) == IR_MO_128) {
            IrV128 v = get_vec(p, i->b);
            cpu_store16(p->cpu, va, v.d, i->memop);
            break;
        }
        cpu_store(p->cpu, va, get(p, i->b), i->memop);
        break;
    case IR_rmw: {
        uint64_t old = cpu_atomic_rmw(p->cpu, va, get(p, i->b), i->memop, (IrRmw)i->aux);
        set(p, i->dst, narrow(i, old));
        break;
    }
    case IR_cas: {
        uint64_t old = cpu_atomic_cas(p->cpu, va, get(p, i->b), get(p, i->c), i->memop);
        set(p, i->dst, narrow(i, old));
        break;
    }
    }
}

static void call_op(const Interp *p, const IrInsn *i)
{
    typedef uint64_t Fn0(Cpu *);
    typedef uint64_t Fn1(Cpu *, uint64_t);
    typedef uint64_t Fn2(Cpu *, uint64_t, uint64_t);
    typedef uint64_t Fn3(Cpu *, uint64_t, uint64_t, uint64_t);
    typedef uint64_t Fn4(Cpu *, uint64_t, uint64_t, uint64_t, uint64_t);
    const IrHelper *h = (const IrHelper *)(intptr_t)i->imm;
    uint64_t a = get(p, i->a), b = get(p, i->b), c = get(p, i->c), d = get(p, i->d), r;
    switch (h->nargs) {
    case 0: r = ((Fn0 *)h->fn)(p->cpu); break;
    case 1: r = ((Fn1 *)h->fn)(p->cpu, a); break;
    case 2: r = ((Fn2 *)h->fn)(p->cpu, a, b); break;
    case 3: r = ((Fn3 *)h->fn)(p->cpu, a, b, c); break;
    default: r = ((Fn4 *)h->fn)(p->cpu, a, b, c, d); break;
    }
    if (h->has_result)
        set(p, i->dst, r);
}

/* ---- blocks ---- */

static unsigned find_label(const IrFunc *f, unsigned from, unsigned label)
{
    while (f->insns[from].op != IR_label || f->insns[from].aux != label)
        from++;
    return from;
}

InterpExit ir_interpret(Cpu *cpu, const IrFunc *f, bool count)
{
    IrV128 temps[f->n_temps + 1];
    Interp p = { cpu, f, temps };
    uint64_t *pc = slot_cell(&p, f->pc_slot);
    uint64_t moved = f->pic ? cpu->code_page - f->page : 0;
    for (unsigned n = 0;; n++) {
        const IrInsn *i = &f->insns[n];
        switch (i->op) {
        case IR_insn:
            *pc = (uint64_t)i->imm + moved;
            if (count && i->aux)
                cpu->icount_left--;
            break;
        case IR_setcond:
            set(&p, i->dst, ir_eval_cond(i->type, i->cond, get(&p, i->a), get(&p, i->b)));
            break;
        case IR_select: {
            bool yes = ir_eval_cond(i->type, i->cond, get(&p, i->a), get(&p, i->b));
            set(&p, i->dst, narrow(i, get(&p, yes ? i->c : i->d)));
            break;
        }
        case IR_mov:
            if (i->type == IR_V128) {
                IrV128 v = get_vec(&p, i->a);
                set_vec(&p, i->dst, &v);
                break;
            }
            set(&p, i->dst, narrow(i, get(&p, i->a)));
            break;
        case IR_ld: case IR_st: case IR_rmw: case IR_cas:
            memory_op(&p, i);
            break;
        case IR_fence:
            atomic_thread_fence(memory_order_seq_cst);
            break;
        case IR_addc:
            set(&p, i->dst, narrow(i, get(&p, i->a) + get(&p, i->b) + (get(&p, i->c) & 1)));
            break;
        case IR_carry:
            set(&p, i->dst, ir_eval_carry(i->type, get(&p, i->a), get(&p, i->b), get(&p, i->c)));
            break;
        case IR_nzcv_addc:
            set(&p, i->dst, ir_eval_nzcv(i->op, i->type, get(&p, i->a), get(&p, i->b),
                                         get(&p, i->c)));
            break;
        case IR_funbox:
            set(&p, i->dst, fp_unbox(get(&p, i->a)));
            break;
        case IR_fbox:
            set(&p, i->dst, 0xffffffff00000000 | (uint32_t)get(&p, i->a));
            break;
        case IR_call:
            call_op(&p, i);
            break;
        case IR_trap_if:
            if (ir_eval_cond(i->type, i->cond, get(&p, i->a), get(&p, i->b)))
                ((void (*)(Cpu *))((const IrHelper *)(intptr_t)i->imm)->fn)(p.cpu);
            break;
        case IR_label:
            break;
        case IR_br:
            n = find_label(f, n, i->aux);
            break;
        case IR_brcond:
            if (ir_eval_cond(i->type, i->cond, get(&p, i->a), get(&p, i->b)))
                n = find_label(f, n, (unsigned)i->imm);
            break;
        case IR_exit_if:
            if (!ir_eval_cond(i->type, i->cond, get(&p, i->a), get(&p, i->b)))
                break;
            *pc = (uint64_t)i->imm + moved;
            return INTERP_JUMP;
        case IR_exit_jump:
            *pc = (uint64_t)i->imm + moved;
            return INTERP_JUMP;
        case IR_exit_ind:
            *pc = get(&p, i->a);
            return INTERP_JUMP;
        case IR_exit_loop:
            return INTERP_LOOP;
        case IR_exit_lookup:
            return INTERP_JUMP;
        default:
            if (ir_op_is_vec(i->op)) {
                vec_op(&p, i);
                break;
            }
            if (ir_op_sets_fp_flags(i->op)) {
                set(&p, i->dst, fp_op(&p, i));
                break;
            }
            set(&p, i->dst, ir_eval(i->op, i->type, i->aux, get(&p, i->a), get(&p, i->b)));
            break;
        }
    }
}

/* ---- engine ---- */

static bool interp_init(GHashTable *opts, GError **error)
{
    return true;
}

static bool interp_compile(Cpu *cpu, CodeBlock *b, IrFunc *f)
{
    b->engine_data = ir_func_copy(f);
    b->entry = b;
    return true;
}

/* A vCPU may be in the block: its memory goes with the block's (engine->free). */
static void interp_invalidate(CodeBlock *b)
{
}

static void interp_free(CodeBlock *b)
{
    ir_func_free(b->engine_data);
}

static void interp_run(Cpu *cpu, const void *entry)
{
    const CodeBlock *b = entry;
    bool count = cpu->cflags & CF_ICOUNT;
    for (;;) {
        /* Whoever invalidates does not purge jump caches. */
        if (!atomic_load_explicit(&b->valid, memory_order_acquire))
            b = code_lookup(cpu);
        if (atomic_load_explicit(&cpu->exit_request, memory_order_relaxed) ||
            (count && cpu->icount_left < b->n_insns))
            return;
        if (b->cflags & CF_PIC)
            cpu->code_page = cpu->target->get_pc(cpu) & TLB_PAGE_MASK;
        if (ir_interpret(cpu, b->engine_data, count) == INTERP_LOOP ||
            b->cflags & (CF_NOCHAIN | CF_ONE_INSN))
            return;
        uint64_t pc = cpu->target->get_pc(cpu);
        const JumpEntry *j = &cpu->code->jump[jump_index(pc)];
        b = j->pc == pc ? j->entry : code_lookup(cpu);
    }
}

const Engine engine_interp = {
    .name = "interp",
    .init = interp_init,
    .compile = interp_compile,
    .invalidate = interp_invalidate,
    .free_block = interp_free,
    .run = interp_run,
};
