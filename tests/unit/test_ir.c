/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IR: every integer operation against independent definitions, folded and executed; random
 * functions before and after optimisation, with faults, helpers that look, branches and exits;
 * the verifier against one of each kind of mistake.
 */
#include "fake_target.h"

#include "accel/fp.h"
#include "accel/interp/interp.h"

#include <inttypes.h>

static FakeCpu *cpu;
static IrFunc *f;
static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % n;
}

static const uint64_t special[] = {
    0, 1, 2, 3, 7, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
    0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xffffffff80000000, 0xffffffff7fffffff,
    0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffffffe,
    0x0102030405060708, 0xdeadbeefcafef00d, 0x00ff00ff00ff00ff,
};

static void begin(void)
{
    ir_func_clear(f);
    f->fp = cpu_fp_policy(&cpu->cpu);
    ir_insn(f, 0x1000, 4);
}

/* ---- one operation at a time ---- */

typedef unsigned __int128 u128;
typedef __int128 s128;

static uint64_t mask_to(unsigned w, uint64_t v)
{
    return w == 64 ? v : v & 0xffffffff;
}

static int64_t sx(unsigned w, uint64_t v)
{
    return w == 64 ? (int64_t)v : (int64_t)(int32_t)(uint32_t)v;
}

/* Bit n of v, for definitions bit by bit. */
static unsigned bit(uint64_t v, unsigned n)
{
    return v >> n & 1;
}

static uint64_t reference(IrOp op, unsigned w, uint64_t a, uint64_t b)
{
    uint64_t ua = mask_to(w, a), ub = mask_to(w, b), r = 0;
    s128 sa = sx(w, a), sb = sx(w, b);
    unsigned n = ub % w;
    switch (op) {
    case IR_mov: return ua;
    case IR_add: return mask_to(w, (uint64_t)((u128)ua + ub));
    case IR_sub: return mask_to(w, (uint64_t)((s128)ua - (s128)ub));
    case IR_and: case IR_or: case IR_xor: case IR_andn: case IR_orn: case IR_xnor: case IR_not:
        for (unsigned i = 0; i < w; i++) {
            unsigned x = bit(ua, i), y = bit(ub, i), z;
            z = op == IR_and ? x & y : op == IR_or ? x | y : op == IR_xor ? x != y :
                op == IR_andn ? x & !y : op == IR_orn ? x | !y : op == IR_xnor ? x == y : !x;
            r |= (uint64_t)z << i;
        }
        return r;
    case IR_neg: return mask_to(w, (uint64_t)-(s128)ua);
    case IR_shl: return mask_to(w, (uint64_t)((u128)ua << n));
    case IR_shr: return ua >> n;
    case IR_sar: return mask_to(w, (uint64_t)(sa >> n));
    case IR_rotl: case IR_rotr:
        for (unsigned i = 0; i < w; i++)
            r |= (uint64_t)bit(ua, i) << (op == IR_rotl ? (i + n) % w : (i + w - n) % w);
        return r;
    case IR_mul: return mask_to(w, (uint64_t)((u128)ua * ub));
    case IR_mulhu: return mask_to(w, (uint64_t)((u128)ua * ub >> w));
    case IR_mulhs: return mask_to(w, (uint64_t)(sa * sb >> w));
    case IR_mulhsu: {
        /* |a| * b may need 127 bits and a sign. */
        u128 m = (u128)(sa < 0 ? -sa : sa) * ub;
        return mask_to(w, (uint64_t)((s128)(sa < 0 ? -m : m) >> w));
    }
    case IR_divu: return mask_to(w, ub ? ua / ub : UINT64_MAX);
    case IR_remu: return ub ? ua % ub : ua;
    case IR_divs: return mask_to(w, (uint64_t)(sb ? sa / sb : -1));
    case IR_rems: return mask_to(w, (uint64_t)(sb ? sa % sb : sa));
    case IR_sext8: return mask_to(w, (uint64_t)(int64_t)(int8_t)a);
    case IR_sext16: return mask_to(w, (uint64_t)(int64_t)(int16_t)a);
    case IR_sext32: return mask_to(w, (uint64_t)(int64_t)(int32_t)a);
    case IR_zext8: return a % 0x100;
    case IR_zext16: return a % 0x10000;
    case IR_zext32: return a % 0x100000000;
    case IR_bswap16: case IR_bswap32: case IR_bswap64: {
        unsigned bytes = op == IR_bswap16 ? 2 : op == IR_bswap32 ? 4 : 8;
        for (unsigned i = 0; i < bytes; i++)
            r |= (ua >> 8 * i & 0xff) << 8 * (bytes - 1 - i);
        return mask_to(w, r);
    }
    case IR_clz:
        while (r < w && !bit(ua, w - 1 - r))
            r++;
        return r;
    case IR_ctz:
        while (r < w && !bit(ua, r))
            r++;
        return r;
    case IR_popcnt:
        for (unsigned i = 0; i < w; i++)
            r += bit(ua, i);
        return r;
    case IR_clmul: case IR_clmulh: {
        u128 p = 0;
        for (unsigned i = 0; i < 64; i++)
            p ^= bit(ub, i) ? (u128)ua << i : 0;
        return mask_to(w, (uint64_t)(op == IR_clmul ? p : p >> 64));
    }
    case IR_orcb:
        for (unsigned i = 0; i < w; i++)
            r |= (uint64_t)((ua >> (i & ~7u) & 0xff) != 0) << i;
        return r;
    case IR_smin: return mask_to(w, (uint64_t)(sa <= sb ? sa : sb));
    case IR_smax: return mask_to(w, (uint64_t)(sa >= sb ? sa : sb));
    case IR_umin: return ua <= ub ? ua : ub;
    case IR_umax: return ua >= ub ? ua : ub;
    default: g_assert_not_reached();
    }
}

static bool reference_cond(IrCond cc, unsigned w, uint64_t a, uint64_t b)
{
    uint64_t ua = mask_to(w, a), ub = mask_to(w, b);
    s128 d = (s128)sx(w, a) - sx(w, b), ud = (s128)ua - (s128)ub;
    switch (cc) {
    case IR_EQ: return ud == 0;
    case IR_NE: return ud != 0;
    case IR_LT: return d < 0;
    case IR_GE: return d >= 0;
    case IR_LE: return d <= 0;
    case IR_GT: return d > 0;
    case IR_LTU: return ud < 0;
    case IR_GEU: return ud >= 0;
    case IR_LEU: return ud <= 0;
    case IR_GTU: return ud > 0;
    case IR_TSTEQ: return !(ua & ub);
    default: return ua & ub;
    }
}

/* How the operands are given: slots, or constants in one or both places. */
enum { A_CONST = 1, B_CONST = 2, A_BY_MOV = 4, MODES = 8 };

static IrRef operand(unsigned mode, bool first, uint64_t v)
{
    unsigned n = first ? 1 : 2;
    cpu->r[n] = v;
    if (first && mode & A_BY_MOV)
        ir_mov(f, IR_SLOT(n), ir_const(f, v));
    return mode & (first ? A_CONST : B_CONST) ? ir_const(f, v) : IR_SLOT(n);
}

static void verify(const char *when)
{
    const char *wrong = ir_verify(f);
    if (wrong) {
        ir_print(f, stderr);
        g_error("%s: %s", when, wrong);
    }
}

/* Executes f as it is and optimised; the result in r3 must be `expect` both times. */
static void expect_r3(uint64_t expect, const char *what, bool folds)
{
    ir_exit_jump(f, 0x1004);
    verify(what);
    for (unsigned pass = 0; pass < 2; pass++) {
        cpu->r[3] = 0x5555;
        ir_interpret(&cpu->cpu, f, false);
        if (cpu->r[3] != expect) {
            ir_print(f, stderr);
            g_error("%s (pass %u): %" PRIx64 ", not %" PRIx64, what, pass, cpu->r[3], expect);
        }
        ir_optimize(f);
        verify(what);
    }
    if (folds) {
        bool left = false;
        for (unsigned i = 0; i < f->n; i++)
            left |= f->insns[i].op != IR_insn && f->insns[i].op != IR_mov &&
                    f->insns[i].op != IR_exit_jump;
        if (left) {
            ir_print(f, stderr);
            g_error("%s was not folded", what);
        }
    }
}

static void test_ops(void)
{
    for (IrOp op = IR_mov; op <= IR_umax; op++) {
        bool two = ir_op_formats[op][1] == 'B';
        for (unsigned k = 0; k < G_N_ELEMENTS(special) * G_N_ELEMENTS(special); k++) {
            uint64_t a = special[k % G_N_ELEMENTS(special)], b = special[k / G_N_ELEMENTS(special)];
            if (!two && k >= G_N_ELEMENTS(special))
                break;
            for (unsigned m = 0; m < 2 * MODES; m++) {
                IrType t = m & 1 ? IR_I32 : IR_I64;
                unsigned mode = m >> 1;
                begin();
                IrRef ra = operand(mode, true, a), rb = two ? operand(mode, false, b) : IR_NONE;
                ir_emit(f, op, t, IR_SLOT(3), ra, rb);
                expect_r3(reference(op, t == IR_I32 ? 32 : 64, a, b), ir_op_names[op],
                          (mode & (A_CONST | A_BY_MOV)) && (mode & B_CONST || !two));
            }
        }
        /* Both operands the same register. */
        for (unsigned k = 0; two && k < 2 * G_N_ELEMENTS(special); k++) {
            IrType t = k & 1 ? IR_I32 : IR_I64;
            begin();
            IrRef ra = operand(0, true, special[k / 2]);
            ir_emit(f, op, t, IR_SLOT(3), ra, ra);
            expect_r3(reference(op, t == IR_I32 ? 32 : 64, special[k / 2], special[k / 2]),
                      ir_op_names[op], false);
        }
    }
}

static void test_conditions(void)
{
    for (IrCond cc = IR_EQ; cc <= IR_TSTNE; cc++) {
        for (unsigned k = 0; k < G_N_ELEMENTS(special) * G_N_ELEMENTS(special); k++) {
            uint64_t a = special[k % G_N_ELEMENTS(special)], b = special[k / G_N_ELEMENTS(special)];
            for (unsigned m = 0; m < 8 * MODES; m++) {
                IrType t = m & 1 ? IR_I32 : IR_I64;
                unsigned mode = m >> 3, form = m >> 1 & 3;
                bool yes = reference_cond(cc, t == IR_I32 ? 32 : 64, a, b);
                begin();
                IrRef ra = operand(mode, true, a), rb = operand(mode, false, b);
                bool consts = mode & (A_CONST | A_BY_MOV) && mode & B_CONST;
                if (form == 0) {
                    ir_setcond(f, t, cc, IR_SLOT(3), ra, rb);
                    expect_r3(yes, "setcond", consts);
                } else if (form == 1) {
                    ir_select(f, IR_I64, cc, IR_SLOT(3), ra, rb, ir_const(f, 10), ir_const(f, 20));
                    expect_r3(reference_cond(cc, 64, a, b) ? 10 : 20, "select", consts);
                } else if (form == 2) {
                    unsigned l = ir_label_new(f);
                    ir_mov(f, IR_SLOT(3), ir_const(f, 7));
                    ir_brcond(f, t, cc, ra, rb, l);
                    ir_mov(f, IR_SLOT(3), ir_const(f, 8));
                    ir_label(f, l);
                    ir_emit(f, IR_add, IR_I64, IR_SLOT(3), IR_SLOT(3), ir_const(f, 1));
                    expect_r3(yes ? 8 : 9, "brcond", false);
                } else {
                    ir_mov(f, IR_SLOT(3), ir_const(f, 5));
                    ir_exit_if(f, t, cc, ra, rb, 0x2000);
                    ir_mov(f, IR_SLOT(3), ir_const(f, 6));
                    expect_r3(yes ? 5 : 6, "exit_if", false);
                    g_assert_cmphex(cpu->pc, ==, yes ? 0x2000 : 0x1004);
                }
            }
        }
    }
}

static void test_fields(void)
{
    for (unsigned w = 32; w <= 64; w += 32) {
        for (unsigned start = 0; start < w; start++) {
            for (unsigned len = 1; start + len <= w; len++) {
                for (unsigned k = 0; k < 6; k++) {
                    uint64_t a = special[rnd(G_N_ELEMENTS(special))];
                    uint64_t b = special[rnd(G_N_ELEMENTS(special))];
                    uint64_t z = 0, d = mask_to(w, a);
                    for (unsigned i = 0; i < len; i++) {
                        z |= (uint64_t)bit(a, start + i) << i;
                        d = (d & ~(1ULL << (start + i))) | (uint64_t)bit(b, i) << (start + i);
                    }
                    uint64_t s = z;
                    for (unsigned i = len; i < w; i++)
                        s |= (uint64_t)bit(z, len - 1) << i;
                    IrOp op = k % 3 == 0 ? IR_extract : k % 3 == 1 ? IR_sextract : IR_deposit;
                    begin();
                    IrRef ra = operand(k / 3, true, a);
                    IrRef rb = op == IR_deposit ? operand(k / 3, false, b) : IR_NONE;
                    ir_emit(f, op, w == 32 ? IR_I32 : IR_I64, IR_SLOT(3), ra, rb)->aux =
                        start | len << 8;
                    expect_r3(op == IR_extract ? z : op == IR_sextract ? s : d, ir_op_names[op],
                              false);
                }
            }
        }
    }
}

/* ---- random functions ---- */

static uint64_t trace_hash;

static void trace(uint64_t v)
{
    trace_hash = (trace_hash ^ v) * 0x9e3779b97f4a7c15u;
    trace_hash ^= trace_hash >> 29;
}

static void trace_state(void)
{
    for (unsigned i = 0; i < FAKE_N_REGS; i++)
        trace(cpu->r[i]);
    for (unsigned i = 0; i < FAKE_N_FREGS; i++)
        trace(cpu->f[i]);
}

static uint64_t help_look(Cpu *c, uint64_t a)
{
    trace_state();
    trace(a);
    return trace_hash;
}
static uint64_t help_change(Cpu *c, uint64_t a, uint64_t b)
{
    trace(a);
    cpu->r[a % FAKE_N_REGS] = b;
    return a ^ b;
}
static uint64_t help_pure(Cpu *c, uint64_t a, uint64_t b, uint64_t x, uint64_t y)
{
    return a + 3 * b + 5 * x + 7 * y;
}
static uint64_t help_fault(Cpu *c, uint64_t a)
{
    if (a % 8 == 0)
        cpu_loop_exit(c);
    return a;
}
static const IrHelper look = { "look", (void *)help_look, 1, true, IR_READS };
static const IrHelper change = { "change", (void *)help_change, 2, true, IR_WRITES };
static const IrHelper pure = { "pure", (void *)help_pure, 4, true, IR_PURE };
static const IrHelper fault = { "fault", (void *)help_fault, 1, true, IR_FAULTS | IR_READS };

static IrRef live[64]; /* temps of this basic block */
static unsigned n_live;

static IrRef any_value(void)
{
    switch (rnd(6)) {
    case 0:
        return ir_const(f, special[rnd(G_N_ELEMENTS(special))]);
    case 1: case 2:
        if (n_live)
            return live[rnd(n_live)];
        /* fall through */
    default:
        return IR_SLOT(rnd(8));
    }
}

static IrRef new_temp(IrType t)
{
    return ir_temp(f, t);
}

static void defined(IrRef t)
{
    if (ir_is_temp(t))
        live[n_live < 64 ? n_live++ : rnd(64)] = t;
}

static IrRef any_dst(IrType t)
{
    return rnd(3) ? IR_SLOT(rnd(8)) : new_temp(t);
}

static void random_int_op(void)
{
    IrOp op = IR_mov + rnd(IR_umax - IR_mov + 1);
    IrType t = rnd(3) ? IR_I64 : IR_I32;
    IrRef a = any_value(), b = ir_op_formats[op][1] == 'B' ? any_value() : IR_NONE;
    IrRef d = any_dst(t);
    ir_emit(f, op, t, d, a, b);
    defined(d);
    if (ir_is_temp(d) && rnd(2))
        ir_mov(f, IR_SLOT(rnd(8)), d);
}

static IrRef fp_value(void)
{
    return IR_SLOT(FAKE_SLOT_F + rnd(FAKE_N_FREGS));
}

static void random_fp_op(void)
{
    IrRef d = fp_value();
    unsigned rm = rnd(2) ? IR_RM_DYN : rnd(5);
    switch (rnd(6)) {
    case 0: {
        IrRef a = ir_op1(f, IR_funbox, IR_F32, fp_value());
        IrRef b = ir_op1(f, IR_funbox, IR_F32, fp_value());
        IrRef r = new_temp(IR_F32);
        ir_emit(f, IR_fadd + rnd(4), IR_F32, r, a, b)->aux = rm;
        ir_emit(f, IR_fbox, IR_F64, d, r, IR_NONE);
        break;
    }
    case 1:
        ir_emit(f, IR_fcmp, IR_F64, IR_SLOT(rnd(8)), fp_value(), fp_value())->aux = rnd(6);
        break;
    case 2: {
        IrInsn *i = ir_emit(f, IR_fcvt_fi, rnd(2) ? IR_I64 : IR_I32, IR_SLOT(rnd(8)), fp_value(),
                            IR_NONE);
        i->type2 = IR_F64;
        i->aux = rm | (rnd(2) ? IR_CVT_UNSIGNED : 0);
        break;
    }
    case 3: {
        IrInsn *i = ir_emit(f, IR_fcvt_if, IR_F64, d, IR_SLOT(rnd(8)), IR_NONE);
        i->type2 = rnd(2) ? IR_I64 : IR_I32;
        i->aux = rm | (rnd(2) ? IR_CVT_UNSIGNED : 0);
        break;
    }
    case 4: {
        IrInsn *i = ir_emit(f, IR_fma, IR_F64, d, fp_value(), fp_value());
        i->c = fp_value();
        i->aux = rm;
        break;
    }
    default:
        ir_emit(f, IR_fadd + rnd(4), IR_F64, d, fp_value(), fp_value())->aux = rm;
        break;
    }
}

/* RAM at 0x10000..0x1ffff, or now and then a place where nothing is. */
static IrRef random_address(void)
{
    IrRef t = new_temp(IR_I64);
    ir_emit(f, IR_and, IR_I64, t, any_value(), ir_const(f, rnd(16) ? 0xfff8 : 0x10000fff8));
    IrRef u = ir_op2(f, IR_or, IR_I64, t, ir_const(f, 0x10000));
    defined(t);
    return u;
}

static void random_memory_op(void)
{
    IrMemOp m = rnd(4) | (rnd(2) ? IR_MO_SIGN : 0) | (rnd(8) ? 0 : IR_MO_BE);
    IrRef addr = random_address(), v = any_value();
    switch (rnd(5)) {
    case 0: case 1: {
        IrRef d = any_dst(IR_I64);
        ir_ld(f, IR_I64, d, addr, 0, m);
        defined(d);
        break;
    }
    case 2: {
        IrRef d = any_dst(IR_I64);
        ir_rmw(f, IR_I64, rnd(IR_RMW_UMAX + 1), d, addr, v, m);
        defined(d);
        break;
    }
    case 3: {
        IrRef d = any_dst(IR_I64), expect = any_value();
        ir_cas(f, IR_I64, d, addr, expect, v, m);
        defined(d);
        break;
    }
    default:
        ir_st(f, IR_I64, v, addr, 0, m);
        break;
    }
}

static void random_call(void)
{
    IrRef a = any_value(), b = any_value(), d = any_dst(IR_I64);
    switch (rnd(4)) {
    case 0: ir_call(f, &look, d, a, IR_NONE, IR_NONE, IR_NONE); break;
    case 1: ir_call(f, &change, d, a, b, IR_NONE, IR_NONE); break;
    case 2: ir_call(f, &fault, d, a, IR_NONE, IR_NONE, IR_NONE); break;
    default: ir_call(f, &pure, d, a, b, a, b); break;
    }
    defined(d);
}

static void random_function(void)
{
    unsigned pending[4], n_pending = 0;
    begin();
    n_live = 0;
    for (unsigned k = 5 + rnd(60); k > 0; k--) {
        switch (rnd(24)) {
        case 0: case 1: case 2:
            random_memory_op();
            break;
        case 3:
            random_call();
            break;
        case 4: {
            IrRef a = any_value(), b = any_value();
            ir_exit_if(f, rnd(2) ? IR_I64 : IR_I32, rnd(IR_TSTNE + 1), a, b, 0x3000 + rnd(8) * 16);
            break;
        }
        case 5:
            if (n_pending < 4) {
                unsigned l = pending[n_pending++] = ir_label_new(f);
                IrRef a = any_value(), b = any_value();
                if (rnd(4))
                    ir_brcond(f, rnd(2) ? IR_I64 : IR_I32, rnd(IR_TSTNE + 1), a, b, l);
                else
                    ir_br(f, l);
                n_live = 0;
            }
            break;
        case 6:
            if (n_pending) {
                ir_label(f, pending[--n_pending]);
                n_live = 0;
            }
            break;
        case 7:
            ir_insn(f, 0x1000 + 4 * k, 4);
            break;
        case 8: case 9: case 10:
            random_fp_op();
            break;
        case 11: case 12: case 13:
            ir_mov(f, IR_SLOT(rnd(8)), any_value());
            break;
        case 14: {
            IrRef a = any_value(), b = any_value(), c = any_value(), d = any_value();
            ir_select(f, rnd(2) ? IR_I64 : IR_I32, rnd(IR_TSTNE + 1), IR_SLOT(rnd(8)), a, b, c, d);
            break;
        }
        case 15: {
            IrRef a = any_value(), b = any_value(), d = any_dst(IR_I64);
            ir_setcond(f, rnd(2) ? IR_I64 : IR_I32, rnd(IR_TSTNE + 1), d, a, b);
            defined(d);
            break;
        }
        default:
            random_int_op();
            break;
        }
    }
    while (n_pending)
        ir_label(f, pending[--n_pending]);
    n_live = 0;
    if (rnd(2))
        ir_exit_jump(f, 0x4000);
    else
        ir_exit_ind(f, any_value(), IR_JUMP);
}

static uint64_t initial[FAKE_N_REGS + FAKE_N_FREGS];

/* Left by a fault, or by an exit; the state is hashed either way. */
static void __attribute__((noinline)) run_guarded(const IrFunc *g)
{
    if (jump_set(cpu->cpu.jmpbuf)) {
        trace(0xfa0175);
        return;
    }
    trace(ir_interpret(&cpu->cpu, g, false));
}

static uint64_t run(const IrFunc *g)
{
    memcpy(cpu->r, initial, sizeof cpu->r);
    memcpy(cpu->f, initial + FAKE_N_REGS, sizeof cpu->f);
    cpu->pc = 0;
    memset(fake_host(0x10000), 0x5a, 0x10008);
    cpu_fp_set_flags(&cpu->cpu, 0);
    trace_hash = 1;
    run_guarded(g);
    trace_state();
    trace(cpu->pc);
    trace(cpu_fp_flags(&cpu->cpu));
    for (unsigned i = 0; i < 0x10008; i += 8) {
        uint64_t v;
        memcpy(&v, fake_host(0x10000 + i), 8);
        if (v != 0x5a5a5a5a5a5a5a5a)
            trace(v + i);
    }
    return trace_hash;
}

static void test_random(void)
{
    for (unsigned n = 0; n < 20000; n++) {
        seed = n * 2654435761u + 1;
        random_function();
        verify("random function");
        IrFunc *before = ir_func_copy(f);
        ir_optimize(f);
        verify("optimised random function");
        g_assert_cmpuint(f->n, <=, before->n);
        for (unsigned k = 0; k < 3; k++) {
            for (unsigned i = 0; i < G_N_ELEMENTS(initial); i++)
                initial[i] = special[rnd(G_N_ELEMENTS(special))];
            if (run(before) != run(f)) {
                ir_print(before, stderr);
                fprintf(stderr, "optimised:\n");
                ir_print(f, stderr);
                g_error("function %u behaves differently when optimised", n);
            }
        }
        ir_func_free(before);
    }
}

/* ---- what the passes should achieve ---- */

static unsigned count_op(IrOp op)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->n; i++)
        n += f->insns[i].op == op;
    return n;
}

static void test_passes(void)
{
    /* A slot write that is overwritten unseen goes; one that a fault could show stays. */
    begin();
    ir_mov(f, IR_SLOT(1), ir_const(f, 1));
    ir_mov(f, IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(count_op(IR_mov), ==, 1);
    begin();
    ir_mov(f, IR_SLOT(1), ir_const(f, 1));
    ir_ld(f, IR_I64, IR_SLOT(1), IR_SLOT(2), 0, IR_MO_64);
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(count_op(IR_mov), ==, 1);

    /* A temp that is only moved to a slot: the slot is written directly. */
    begin();
    IrRef t = ir_op2(f, IR_add, IR_I64, IR_SLOT(1), IR_SLOT(2));
    ir_mov(f, IR_SLOT(1), t);
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(f->n, ==, 3);
    g_assert_cmphex(f->insns[1].dst, ==, IR_SLOT(1));

    /* A jump to a known address is direct. */
    begin();
    ir_mov(f, IR_SLOT(1), ir_const(f, 0x123450000));
    t = ir_op2(f, IR_add, IR_I64, IR_SLOT(1), ir_const(f, 0x10));
    ir_exit_ind(f, t, IR_JUMP_CALL);
    ir_optimize(f);
    g_assert_cmpuint(f->insns[f->n - 1].op, ==, IR_exit_jump);
    g_assert_cmphex(f->insns[f->n - 1].imm, ==, 0x123450010);

    /* What follows an exit that is always taken goes. */
    begin();
    ir_exit_if(f, IR_I64, IR_EQ, ir_const(f, 1), ir_const(f, 1), 0x77);
    ir_insn(f, 0x1004, 4);
    ir_ld(f, IR_I64, IR_SLOT(1), IR_SLOT(2), 0, IR_MO_64);
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(f->n, ==, 2);
    g_assert_cmpuint(f->n_guest_insns, ==, 1);

    /* Unboxing what was just boxed needs no check. */
    begin();
    t = ir_op1(f, IR_funbox, IR_F32, IR_SLOT(FAKE_SLOT_F));
    ir_emit(f, IR_fbox, IR_F64, IR_SLOT(FAKE_SLOT_F + 1), t, IR_NONE);
    t = ir_op1(f, IR_funbox, IR_F32, IR_SLOT(FAKE_SLOT_F + 1));
    ir_emit(f, IR_fbox, IR_F64, IR_SLOT(FAKE_SLOT_F + 2), t, IR_NONE);
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(count_op(IR_funbox), ==, 1);
    g_assert_cmpuint(count_op(IR_mov), ==, 0);

    /* Nor does it read the box, which may be gone then. */
    begin();
    t = ir_op1(f, IR_funbox, IR_F32, IR_SLOT(FAKE_SLOT_F));
    for (unsigned k = 0; k < 3; k++) {
        t = ir_op2(f, IR_fadd, IR_F32, t, t);
        ir_emit(f, IR_fbox, IR_F64, IR_SLOT(FAKE_SLOT_F + 1), t, IR_NONE);
        t = ir_op1(f, IR_funbox, IR_F32, IR_SLOT(FAKE_SLOT_F + 1));
    }
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(count_op(IR_fadd), ==, 3);
    g_assert_cmpuint(count_op(IR_fbox), ==, 1);

    /* Sums of 32 bits: only the last one is read as 64 bits. */
    begin();
    for (unsigned k = 0; k < 4; k++) {
        t = ir_op2(f, IR_add, IR_I32, IR_SLOT(1), IR_SLOT(2));
        ir_emit(f, IR_sext32, IR_I64, IR_SLOT(1), t, IR_NONE);
        ir_emit(f, IR_xor, IR_I64, IR_SLOT(1), IR_SLOT(1), IR_SLOT(3));
    }
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(count_op(IR_sext32), ==, 1);

    /* Nor are bits above the 31st wanted of a shift to the right, where they are zeros anyway. */
    begin();
    t = ir_op2(f, IR_shr, IR_I32, IR_SLOT(1), ir_const(f, 3));
    ir_emit(f, IR_sext32, IR_I64, IR_SLOT(1), t, IR_NONE);
    t = ir_op2(f, IR_shr, IR_I32, IR_SLOT(2), ir_const(f, 0));
    ir_emit(f, IR_sext32, IR_I64, IR_SLOT(2), t, IR_NONE);
    ir_exit_jump(f, 0);
    ir_optimize(f);
    g_assert_cmpuint(count_op(IR_sext32), ==, 1);

    /* A slot that nobody sees before it is written again is a temp, unless it is pinned. */
    for (unsigned n = 0; n < f->n_slots; n++) {
        if (f->slots[n].type != IR_I64 || n == f->pc_slot)
            continue;
        begin();
        ir_emit(f, IR_add, IR_I64, IR_SLOT(n), IR_SLOT(n), ir_const(f, 5));
        ir_emit(f, IR_mul, IR_I64, IR_SLOT(n), IR_SLOT(n), IR_SLOT(n));
        ir_st(f, IR_I64, IR_SLOT(2), IR_SLOT(3), 0, IR_MO_64);
        ir_emit(f, IR_add, IR_I64, IR_SLOT(n), IR_SLOT(n), ir_const(f, 5));
        ir_exit_jump(f, 0);
        ir_optimize(f);
        g_assert_true(ir_is_temp(f->insns[1].dst) == (f->slots[n].pin < 0));
        g_assert_true(f->insns[1].dst == f->insns[2].a && f->insns[1].dst == f->insns[2].b);
        g_assert_cmpuint(f->insns[2].dst, ==, IR_SLOT(n));
    }
}

/* ---- the verifier ---- */

static void rejects(const char *part)
{
    const char *wrong = ir_verify(f);
    if (!wrong || !strstr(wrong, part))
        g_error("verifier says \"%s\", expected \"%s\"", wrong ? wrong : "fine", part);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    ir_print(f, out); /* must survive malformed IR */
    fclose(out);
    free(text);
}

static void test_verifier(void)
{
    IrRef t, c;

    ir_func_clear(f);
    rejects("empty");
    begin();
    ir_mov(f, IR_SLOT(1), IR_SLOT(2));
    rejects("does not end in an exit");
    begin();
    ir_exit_jump(f, 0);
    ir_exit_jump(f, 0);
    rejects("before the end");
    begin();
    t = ir_temp(f, IR_I64);
    ir_mov(f, IR_SLOT(1), t);
    ir_exit_jump(f, 0);
    rejects("before it is assigned");
    begin();
    t = ir_temp(f, IR_I64);
    ir_mov(f, t, IR_SLOT(1));
    ir_mov(f, t, IR_SLOT(1));
    ir_exit_jump(f, 0);
    rejects("assigned twice");
    begin();
    t = ir_temp(f, IR_I64);
    ir_mov(f, t, IR_SLOT(1));
    unsigned l = ir_label_new(f);
    ir_label(f, l);
    ir_mov(f, IR_SLOT(1), t);
    ir_exit_jump(f, 0);
    rejects("outside its basic block");
    begin();
    l = ir_label_new(f);
    ir_label(f, l);
    ir_br(f, l);
    ir_exit_jump(f, 0);
    rejects("backward");
    begin();
    l = ir_label_new(f);
    ir_br(f, l);
    ir_exit_jump(f, 0);
    rejects("never placed");
    begin();
    ir_br(f, 3);
    ir_exit_jump(f, 0);
    rejects("no such label");
    begin();
    l = ir_label_new(f);
    ir_label(f, l);
    ir_label(f, l);
    ir_exit_jump(f, 0);
    rejects("placed twice");
    begin();
    ir_mov(f, IR_SLOT(99), IR_SLOT(1));
    ir_exit_jump(f, 0);
    rejects("no such slot");
    begin();
    ir_mov(f, IR_SLOT(1), IR_CONST_BASE + 77);
    ir_exit_jump(f, 0);
    rejects("no such constant");
    begin();
    ir_mov(f, IR_SLOT(1), 55);
    ir_exit_jump(f, 0);
    rejects("no such temp");
    begin();
    c = ir_const(f, 1);
    ir_mov(f, c, IR_SLOT(1));
    ir_exit_jump(f, 0);
    rejects("dst is a constant");
    begin();
    ir_emit(f, IR_add, IR_I64, IR_NONE, IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("without dst");
    begin();
    ir_emit(f, IR_add, IR_I64, IR_SLOT(1), IR_SLOT(1), IR_NONE);
    ir_exit_jump(f, 0);
    rejects("operand b is missing");
    begin();
    ir_emit(f, IR_not, IR_I64, IR_SLOT(1), IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("operand b is not used");
    begin();
    ir_emit(f, IR_add, IR_F64, IR_SLOT(1), IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("not integer");
    begin();
    ir_emit(f, IR_fadd, IR_I64, IR_SLOT(1), IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("not FP");
    begin();
    t = ir_temp(f, IR_I32);
    ir_mov(f, t, IR_SLOT(1));
    ir_exit_jump(f, 0);
    rejects("too narrow");
    begin();
    t = ir_temp(f, IR_F64);
    ir_emit(f, IR_add, IR_I64, t, IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("wrong kind");
    begin();
    ir_emit(f, IR_fadd, IR_F64, IR_SLOT(1), IR_SLOT(1), IR_SLOT(2))->aux = 6;
    ir_exit_jump(f, 0);
    rejects("no such rounding");
    begin();
    ir_emit(f, IR_extract, IR_I32, IR_SLOT(1), IR_SLOT(1), IR_NONE)->aux = 20 | 20 << 8;
    ir_exit_jump(f, 0);
    rejects("field range");
    begin();
    ir_ld(f, IR_I32, IR_SLOT(1), IR_SLOT(1), 0, IR_MO_64);
    ir_exit_jump(f, 0);
    rejects("wider than its type");
    begin();
    ir_ld(f, IR_I64, IR_SLOT(1), IR_SLOT(1), 0, IR_MO_128);
    ir_exit_jump(f, 0);
    rejects("access size");
    begin();
    ir_rmw(f, IR_F64, IR_RMW_ADD, IR_SLOT(1), IR_SLOT(1), IR_SLOT(1), IR_MO_64);
    ir_exit_jump(f, 0);
    rejects("FP type");
    ir_func_clear(f);
    ir_ld(f, IR_I64, IR_SLOT(1), IR_SLOT(1), 0, IR_MO_64);
    ir_exit_jump(f, 0);
    rejects("before the first insn marker");
    begin();
    ir_call(f, &pure, IR_SLOT(1), IR_SLOT(1), IR_NONE, IR_NONE, IR_NONE);
    ir_exit_jump(f, 0);
    rejects("operand b is missing");
    begin();
    ir_call(f, &fake_helper_halt, IR_SLOT(1), IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_exit_jump(f, 0);
    rejects("has no result");
    begin();
    ir_setcond(f, IR_I64, 40, IR_SLOT(1), IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("no such condition");
    begin();
    ir_emit(f, IR_N_OPS, IR_I64, IR_SLOT(1), IR_SLOT(1), IR_SLOT(2));
    ir_exit_jump(f, 0);
    rejects("no such operation");
}

/* ---- FP flags in two places ---- */

static void test_fp_environment(void)
{
    Cpu *c = &cpu->cpu;
    cpu_fp_set_rounding(c, FP_RDN);
    g_assert_cmphex(c->mxcsr & MXCSR_RC, ==, 1 << MXCSR_RC_SHIFT);
    cpu_fp_set_rounding(c, FP_RTZ);
    g_assert_cmphex(c->mxcsr & MXCSR_RC, ==, MXCSR_RC);
    cpu_fp_set_flags(c, 0);
    c->mxcsr |= MXCSR_PE | MXCSR_ZE | MXCSR_DE;
    c->fp.flags = FP_FLAG_NV;
    g_assert_cmphex(cpu_fp_flags(c), ==, FP_FLAG_NX | FP_FLAG_DZ | FP_FLAG_NV);
    cpu_fp_set_flags(c, FP_FLAG_OF);
    g_assert_cmphex(cpu_fp_flags(c), ==, FP_FLAG_OF);
    g_assert_cmphex(c->mxcsr & MXCSR_MASKS, ==, MXCSR_MASKS);
    cpu_fp_set_rounding(c, FP_RNE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cpu = fake_machine("interp", 1);
    f = ir_func_new(fake_slots, FAKE_N_SLOTS, FAKE_SLOT_PC);
    g_test_add_func("/ir/ops", test_ops);
    g_test_add_func("/ir/conditions", test_conditions);
    g_test_add_func("/ir/fields", test_fields);
    g_test_add_func("/ir/passes", test_passes);
    g_test_add_func("/ir/random", test_random);
    g_test_add_func("/ir/verifier", test_verifier);
    g_test_add_func("/ir/fp-environment", test_fp_environment);
    int status = g_test_run();
    ir_func_free(f);
    return status;
}
