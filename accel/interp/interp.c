/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IR interpreter: executes IR as it stands, over the same slots, helpers and memory functions
 * as generated code. It is what the JIT is compared with, and what runs where no JIT exists, so
 * it is written to be obviously right first.
 *
 * Each CodeBlock keeps a copy of its IR (engine_data). FP goes through softfloat, always.
 */
#include "accel/fp.h"
#include "accel/interp/interp.h"
#include "accel/ir/eval.h"
#include "accel/tlb.h"
#include "accel/translate.h"

#include <string.h>

typedef struct Interp {
    Cpu *cpu;
    const IrFunc *f;
    uint64_t *temps;
} Interp;

static inline uint64_t *slot_cell(const Interp *p, unsigned n)
{
    return (uint64_t *)((char *)p->cpu + p->f->slots[n].offset);
}

static inline uint64_t get(const Interp *p, IrRef r)
{
    if (ir_is_temp(r))
        return p->temps[r];
    if (ir_is_slot(r))
        return *slot_cell(p, ir_slot_index(r));
    return r == IR_NONE ? 0 : ir_const_value(p->f, r);
}

static inline void set(const Interp *p, IrRef r, uint64_t v)
{
    if (r == IR_NONE)
        return;
    if (ir_is_temp(r))
        p->temps[r] = v;
    else
        *slot_cell(p, ir_slot_index(r)) = v;
}

/* ---- floating point ---- */

static uint64_t fp_compare(const IrInsn *i, uint64_t a, uint64_t b, FpStatus *st)
{
    bool d = i->type == IR_F64;
    switch (i->aux) {
    case IR_FEQ: return d ? fp_f64_eq_quiet(a, b, st) : fp_f32_eq_quiet(a, b, st);
    case IR_FLT: return d ? fp_f64_lt_signaling(a, b, st) : fp_f32_lt_signaling(a, b, st);
    case IR_FLE: return d ? fp_f64_le_signaling(a, b, st) : fp_f32_le_signaling(a, b, st);
    case IR_FEQ_SIG: return d ? fp_f64_eq_signaling(a, b, st) : fp_f32_eq_signaling(a, b, st);
    case IR_FLT_QUIET: return d ? fp_f64_lt_quiet(a, b, st) : fp_f32_lt_quiet(a, b, st);
    default: return d ? fp_f64_le_quiet(a, b, st) : fp_f32_le_quiet(a, b, st);
    }
}

static uint64_t fp_to_int(const IrInsn *i, uint64_t a, unsigned rm, FpIntPolicy how, FpStatus *st)
{
    bool d = i->type2 == IR_F64, w = i->type == IR_I32, u = i->aux & IR_CVT_UNSIGNED;
    unsigned nx = st->flags & FP_FLAG_NX;
    uint64_t r;
    if (w && u)
        r = d ? fp_f64_to_u32(a, rm, how, st) : fp_f32_to_u32(a, rm, how, st);
    else if (w)
        r = (uint32_t)(d ? fp_f64_to_i32(a, rm, how, st) : fp_f32_to_i32(a, rm, how, st));
    else if (u)
        r = d ? fp_f64_to_u64(a, rm, how, st) : fp_f32_to_u64(a, rm, how, st);
    else
        r = (uint64_t)(d ? fp_f64_to_i64(a, rm, how, st) : fp_f32_to_i64(a, rm, how, st));
    if (i->aux & IR_CVT_NO_NX)
        st->flags = (st->flags & ~FP_FLAG_NX) | nx;
    return r;
}

static uint64_t fp_from_int(const IrInsn *i, uint64_t a, FpStatus *st)
{
    bool d = i->type == IR_F64, w = i->type2 == IR_I32, u = i->aux & IR_CVT_UNSIGNED;
    if (w && u)
        return d ? fp_u32_to_f64(a, st) : fp_u32_to_f32(a, st);
    if (w)
        return d ? fp_i32_to_f64((int32_t)a, st) : fp_i32_to_f32((int32_t)a, st);
    if (u)
        return d ? fp_u64_to_f64(a, st) : fp_u64_to_f32(a, st);
    return d ? fp_i64_to_f64((int64_t)a, st) : fp_i64_to_f32((int64_t)a, st);
}

/* The NaN that stands for an F32 whose 64-bit cell is not boxed: RISC-V F, "NaN Boxing". */
static uint64_t fp_unbox(uint64_t a)
{
    return a >> 32 == UINT32_MAX ? (uint32_t)a : 0x7fc00000;
}

static uint64_t fp_op(const Interp *p, const IrInsn *i)
{
    FpStatus *st = &p->cpu->fp;
    uint64_t a = get(p, i->a), b = get(p, i->b), r = 0;
    bool d = i->type == IR_F64;
    unsigned dyn = st->rm;
    /* fmin, fmax and fcmp have no rounding in aux. */
    unsigned rm = (i->aux & 7) == IR_RM_DYN ? dyn : i->aux & 7u;
    if (i->op != IR_fmin && i->op != IR_fmax && i->op != IR_fcmp)
        st->rm = rm;
    switch (i->op) {
    case IR_fadd: r = d ? fp_f64_add(a, b, st) : fp_f32_add(a, b, st); break;
    case IR_fsub: r = d ? fp_f64_sub(a, b, st) : fp_f32_sub(a, b, st); break;
    case IR_fmul: r = d ? fp_f64_mul(a, b, st) : fp_f32_mul(a, b, st); break;
    case IR_fdiv: r = d ? fp_f64_div(a, b, st) : fp_f32_div(a, b, st); break;
    case IR_fsqrt: r = d ? fp_f64_sqrt(a, st) : fp_f32_sqrt(a, st); break;
    case IR_fma: {
        unsigned negate = (i->aux & IR_FMA_NEG_PRODUCT ? FP_MULADD_NEG_PRODUCT : 0) |
                          (i->aux & IR_FMA_NEG_ADDEND ? FP_MULADD_NEG_ADDEND : 0);
        uint64_t c = get(p, i->c);
        r = d ? fp_f64_muladd(a, b, c, negate, st) : fp_f32_muladd(a, b, c, negate, st);
        break;
    }
    case IR_fmin: r = d ? fp_f64_minimum_number(a, b, st) : fp_f32_minimum_number(a, b, st); break;
    case IR_fmax: r = d ? fp_f64_maximum_number(a, b, st) : fp_f32_maximum_number(a, b, st); break;
    case IR_fcmp: r = fp_compare(i, a, b, st); break;
    case IR_fcvt_f: r = d ? fp_f32_to_f64(a, st) : fp_f64_to_f32(a, st); break;
    case IR_fcvt_fi: r = fp_to_int(i, a, rm, p->f->fp.int_policy, st); break;
    case IR_fcvt_if: r = fp_from_int(i, a, st); break;
    case IR_fround: {
        bool exact = !(i->aux & IR_CVT_NO_NX);
        r = d ? fp_f64_round_to_int(a, rm, exact, st) : fp_f32_round_to_int(a, rm, exact, st);
        break;
    }
    }
    st->rm = dyn;
    return r;
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
        set(p, i->dst, narrow(i, cpu_load(p->cpu, va, i->memop)));
        break;
    case IR_st:
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
    uint64_t temps[f->n_temps + 1];
    Interp p = { cpu, f, temps };
    uint64_t *pc = slot_cell(&p, f->pc_slot);
    for (unsigned n = 0;; n++) {
        const IrInsn *i = &f->insns[n];
        switch (i->op) {
        case IR_insn:
            *pc = (uint64_t)i->imm;
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
            set(&p, i->dst, narrow(i, get(&p, i->a)));
            break;
        case IR_ld: case IR_st: case IR_rmw: case IR_cas:
            memory_op(&p, i);
            break;
        case IR_fence:
            atomic_thread_fence(memory_order_seq_cst);
            break;
        case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fsqrt: case IR_fma:
        case IR_fmin: case IR_fmax: case IR_fcmp: case IR_fcvt_f: case IR_fcvt_fi: case IR_fcvt_if:
        case IR_fround:
            set(&p, i->dst, fp_op(&p, i));
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
            *pc = (uint64_t)i->imm;
            return INTERP_JUMP;
        case IR_exit_jump:
            *pc = (uint64_t)i->imm;
            return INTERP_JUMP;
        case IR_exit_ind:
            *pc = get(&p, i->a);
            return INTERP_JUMP;
        case IR_exit_loop:
            return INTERP_LOOP;
        case IR_exit_lookup:
            return INTERP_JUMP;
        default:
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
