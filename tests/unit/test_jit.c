/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JIT against the IR interpreter: random functions over special values, on a made-up target
 * with the shape of a 64-bit RISC guest (32 integer slots of which 8 are pinned, 32 FP slots, pc).
 *
 * Each function runs from the same state on both engines; registers, memory, pc, FP flags and the
 * way it ended (exit or fault) must agree.
 */
#include <stdlib.h>

#ifdef __x86_64__
#include "accel/jit/x86_64/emit.h"
#endif
#include "accel/interp/interp.h"
#include "jit_target.h"

typedef struct State {
    uint64_t x[32], f[32], pc;
    IrV128 v[32];
    unsigned fp_flags;
    uint64_t fault_va;
    unsigned fault_kind;
    uint8_t ram[TOY_RAM_SIZE];
} State;

enum { HOST_ALL, HOST_NO_AVX, HOST_NO_SSE4 };

static Cpu *cpu;
static uint64_t seed;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1d;
}

static unsigned below(unsigned n)
{
    return (unsigned)(rnd() >> 33) % n;
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

static uint64_t special_int(void)
{
    static const uint64_t v[] = {
        0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000,
        0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
        0xffffffffffffffff, 0xfffffffffffffffe, 0xffffffff80000000, 0xffffffff7fffffff,
        0x0123456789abcdef, 0x8000000080000000, 0x00ff00ff00ff00ff,
    };
    return chance(60) ? v[below(G_N_ELEMENTS(v))] : rnd() >> below(64);
}

static uint64_t special_f64(void)
{
    static const uint64_t v[] = {
        0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x4000000000000000,
        0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000,
        0x7ff0000000000001, 0xfff4000000000000, 0x7ff8000000001234, 1, 0x8000000000000001,
        0x000fffffffffffff, 0x0010000000000000, 0x8010000000000000, 0x7fefffffffffffff,
        0xffefffffffffffff, 0x3ca0000000000000, 0x4340000000000000, 0x43e0000000000000,
        0xc3e0000000000000, 0x43f0000000000000, 0x41e0000000000000, 0x41dfffffffc00000,
        0xc1e0000000000000, 0xc1e0000000200000, 0x3fe0000000000000, 0x3fdfffffffffffff,
        0x3fefffffffffffff, 0x36a0000000000000, 0x380fffffffffffff, 0x47efffffffffffff,
        0x43dfffffffffffff, 0x3ff8000000000000, 0x4004000000000000, 0xbfe0000000000000,
    };
    switch (below(4)) {
    case 0:
        return rnd();
    case 1: { /* around one, so that sums cancel */
        return (rnd() & 0x800fffffffffffff) | (uint64_t)(0x3f8 + below(16)) << 52;
    }
    default:
        return v[below(G_N_ELEMENTS(v))];
    }
}

static uint32_t special_f32(void)
{
    static const uint32_t v[] = {
        0, 0x80000000, 0x3f800000, 0xbf800000, 0x40000000, 0x7f800000, 0xff800000, 0x7fc00000,
        0xffc00000, 0x7f800001, 0xffa00000, 0x7fc01234, 1, 0x80000001, 0x007fffff, 0x00800000,
        0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x4f800000, 0x5f000000,
        0xdf000000, 0x5f800000, 0x3f000000, 0x3effffff, 0x4b000000, 0x33800000, 0x3fc00000,
        0x40200000, 0xbf000000,
    };
    switch (below(4)) {
    case 0:
        return (uint32_t)rnd();
    case 1:
        return ((uint32_t)rnd() & 0x807fffff) | (0x78 + below(16)) << 23;
    default:
        return v[below(G_N_ELEMENTS(v))];
    }
}

static uint64_t special_fp(void)
{
    return chance(50) ? special_f64()
                      : chance(90) ? 0xffffffff00000000 | special_f32() : special_f32();
}

/* --- state --- */

static void random_vectors(IrV128 v[32]);

static void random_state(State *s)
{
    random_vectors(s->v);
    for (unsigned i = 0; i < 32; i++) {
        s->x[i] = special_int();
        s->f[i] = special_fp();
    }
    for (unsigned i = 8; i < 14; i++) { /* some pointers, pinned and not */
        s->x[i] = TOY_RAM_BASE + (rnd() & (TOY_RAM_SIZE - 1) & ~7u);
    }
    s->x[28] = s->x[8];
    s->x[29] = s->x[9];
    for (unsigned i = 0; i < TOY_RAM_SIZE; i += 8) {
        uint64_t v = special_int();
        memcpy(s->ram + i, &v, 8);
    }
    s->fp_flags = 0;
}

static void put_state(const State *s, uint64_t pc)
{
    ToyCpu *t = (ToyCpu *)cpu;
    memcpy(t->x, s->x, sizeof t->x);
    memcpy(t->f, s->f, sizeof t->f);
    memcpy(t->v, s->v, sizeof t->v);
    t->pc = pc;
    t->fault_kind = 0;
    t->fault_va = 0;
    memcpy(toy_ram(), s->ram, TOY_RAM_SIZE);
    tlb_flush_all(cpu);
    cpu_fp_set_flags(cpu, s->fp_flags);
}

static void get_state(State *s)
{
    ToyCpu *t = (ToyCpu *)cpu;
    memcpy(s->x, t->x, sizeof t->x);
    memcpy(s->f, t->f, sizeof t->f);
    memcpy(s->v, t->v, sizeof t->v);
    s->pc = t->pc;
    s->fault_kind = t->fault_kind;
    s->fault_va = t->fault_va;
    memcpy(s->ram, toy_ram(), TOY_RAM_SIZE);
    s->fp_flags = cpu_fp_flags(cpu);
}

static bool same_state(const State *a, const State *b, GString *why)
{
    g_string_truncate(why, 0);
    for (unsigned i = 0; i < 32; i++) {
        if (a->x[i] != b->x[i]) {
            g_string_append_printf(why, "x%u %016" G_GINT64_MODIFIER "x jit %016"
                                   G_GINT64_MODIFIER "x\n", i, a->x[i], b->x[i]);
        }
        if (a->f[i] != b->f[i]) {
            g_string_append_printf(why, "f%u %016" G_GINT64_MODIFIER "x jit %016"
                                   G_GINT64_MODIFIER "x\n", i, a->f[i], b->f[i]);
        }
    }
    for (unsigned i = 0; i < 32; i++) {
        if (memcmp(&a->v[i], &b->v[i], 16)) {
            g_string_append_printf(why, "v%u %016" G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER
                                   "x jit %016" G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER
                                   "x\n", i, a->v[i].d[1], a->v[i].d[0], b->v[i].d[1],
                                   b->v[i].d[0]);
        }
    }
    if (a->pc != b->pc) {
        g_string_append_printf(why, "pc %" G_GINT64_MODIFIER "x jit %" G_GINT64_MODIFIER "x\n",
                               a->pc, b->pc);
    }
    if (a->fp_flags != b->fp_flags) {
        g_string_append_printf(why, "fp flags %x jit %x\n", a->fp_flags, b->fp_flags);
    }
    if (a->fault_kind != b->fault_kind || a->fault_va != b->fault_va) {
        g_string_append_printf(why, "fault %u %" G_GINT64_MODIFIER "x jit %u %"
                               G_GINT64_MODIFIER "x\n", a->fault_kind, a->fault_va, b->fault_kind,
                               b->fault_va);
    }
    for (unsigned i = 0; i < TOY_RAM_SIZE; i++) {
        if (a->ram[i] != b->ram[i]) {
            g_string_append_printf(why, "ram[%x] %02x jit %02x\n", i, a->ram[i], b->ram[i]);
            break;
        }
    }
    return why->len == 0;
}

/* --- random functions --- */

typedef struct Gen {
    IrFunc *f;
    IrRef temps[64]; /* usable in this basic block */
    unsigned n_temps;
    bool fp, memory, loop, flags;
    bool streams;                /* pointers that move steadily, loops of more rounds */
    bool straight;               /* this function has no calls and labels */
    uint8_t vec_first, vec_last; /* vector operations */
    bool arm;                    /* FP policies of AArch64 too */
    unsigned host;               /* HOST_*: without what this host may have */
} Gen;

static const uint8_t stream_slots[] = { 9, 10, 20, 28, 29 };
static bool keep_streams;

static IrRef slot_x(void)
{
    unsigned n = below(2) ? 8 + below(8) : 1 + below(31);
    for (unsigned i = 0; keep_streams && i < G_N_ELEMENTS(stream_slots); i++) {
        n = n == stream_slots[i] ? 31 : n;
    }
    return IR_SLOT(n == 30 ? 31 : n); /* x30 counts iterations */
}

static IrRef stream_slot(void)
{
    return IR_SLOT(stream_slots[below(G_N_ELEMENTS(stream_slots))]);
}

static IrRef slot_f(void)
{
    return IR_SLOT(TOY_F0 + (below(2) ? below(6) : below(32)));
}

static IrRef any_int(Gen *g)
{
    if (g->vec_last && chance(5)) {
        return IR_SLOT(TOY_V0 + below(32)); /* its low half */
    }
    if (g->n_temps && chance(40)) {
        IrRef t = g->temps[below(g->n_temps)];
        if (!(g->f->temp_type[t] == IR_F32 || g->f->temp_type[t] == IR_F64)) {
            return t;
        }
    }
    return chance(15) ? ir_const(g->f, special_int()) : slot_x();
}

static IrRef new_temp(Gen *g, IrType t)
{
    IrRef r = ir_temp(g->f, t);
    g->temps[g->n_temps < 64 ? g->n_temps++ : below(64)] = r;
    return r;
}

static IrRef dst_int(Gen *g, IrType t)
{
    return chance(45) ? new_temp(g, t) : slot_x();
}

static IrRef fp_operand(Gen *g, IrType type)
{
    for (unsigned try = 0; try < 4 && g->n_temps; try++) {
        IrRef t = g->temps[below(g->n_temps)];
        if (g->f->temp_type[t] == type) {
            return t;
        }
    }
    if (g->vec_last && chance(60)) {
        return IR_SLOT(TOY_V0 + below(8));
    }
    if (type == IR_F64) {
        return chance(8) ? ir_const(g->f, special_f64()) : slot_f();
    }
    IrRef t = new_temp(g, IR_F32);
    ir_emit(g->f, IR_funbox, IR_F32, t, slot_f(), IR_NONE);
    return t;
}

/* A result of FP type, put to a slot some of the time. */
static void fp_result(Gen *g, IrInsn *in, IrType type)
{
    if (type == IR_F64) {
        in->dst = chance(60) ? slot_f() : IR_NONE;
        if (in->dst == IR_NONE) {
            unsigned at = (unsigned)(in - g->f->insns);
            IrRef t = new_temp(g, IR_F64);
            g->f->insns[at].dst = t;
        }
    } else {
        unsigned at = (unsigned)(in - g->f->insns);
        IrRef t = new_temp(g, IR_F32);
        g->f->insns[at].dst = t;
        if (chance(70)) {
            ir_emit(g->f, IR_fbox, IR_F64, slot_f(), t, IR_NONE);
        }
    }
}

static unsigned random_rm(Gen *g)
{
    return chance(75) ? IR_RM_DYN : below(5);
}

static void gen_fp(Gen *g)
{
    IrFunc *f = g->f;
    IrType type = chance(60) ? IR_F64 : IR_F32;
    unsigned kind = below(14);
    IrRef a, b = IR_NONE, c = IR_NONE;
    IrInsn *in;
    switch (kind) {
    case 0: case 1: case 2: case 3: {
        static const IrOp ops[] = { IR_fadd, IR_fsub, IR_fmul, IR_fdiv };
        a = fp_operand(g, type), b = fp_operand(g, type);
        in = ir_emit(f, ops[kind], type, IR_NONE, a, b);
        in->aux = (uint16_t)random_rm(g);
        fp_result(g, in, type);
        break;
    }
    case 4:
        a = fp_operand(g, type);
        in = ir_emit(f, IR_fsqrt, type, IR_NONE, a, IR_NONE);
        in->aux = (uint16_t)random_rm(g);
        fp_result(g, in, type);
        break;
    case 5: case 6:
        a = fp_operand(g, type), b = fp_operand(g, type), c = fp_operand(g, type);
        in = ir_emit(f, IR_fma, type, IR_NONE, a, b);
        in->c = c;
        in->aux = (uint16_t)(random_rm(g) | below(4) << 3);
        fp_result(g, in, type);
        break;
    case 7:
        a = fp_operand(g, type), b = fp_operand(g, type);
        in = ir_emit(f, below(2) ? IR_fmin : IR_fmax, type, IR_NONE, a, b);
        in->aux = (uint16_t)below(3);
        fp_result(g, in, type);
        break;
    case 8: {
        a = fp_operand(g, type), b = fp_operand(g, type);
        IrRef d = dst_int(g, IR_I64);
        if (g->arm && below(2)) {
            in = ir_emit(f, IR_fcmp_nzcv, type, d, a, b);
            in->aux = (uint16_t)below(2);
            break;
        }
        in = ir_emit(f, IR_fcmp, type, d, a, b);
        in->aux = (uint16_t)below(6);
        break;
    }
    case 9: {
        IrType from = type == IR_F64 ? IR_F32 : IR_F64;
        a = fp_operand(g, from);
        in = ir_emit(f, IR_fcvt_f, type, IR_NONE, a, IR_NONE);
        in->type2 = from;
        in->aux = (uint16_t)random_rm(g);
        fp_result(g, in, type);
        break;
    }
    case 10: {
        IrType to = below(2) ? IR_I32 : IR_I64;
        a = fp_operand(g, type);
        IrRef d = dst_int(g, IR_I64);
        in = ir_emit(f, IR_fcvt_fi, to, d, a, IR_NONE);
        in->type2 = type;
        in->aux = (uint16_t)((chance(50) ? FP_RTZ : random_rm(g)) |
                             (below(2) ? IR_CVT_UNSIGNED : 0) | (chance(20) ? IR_CVT_NO_NX : 0));
        in->imm = chance(20) ? below(65) : 0;
        break;
    }
    case 11: {
        IrType from = below(2) ? IR_I32 : IR_I64;
        a = any_int(g);
        in = ir_emit(f, IR_fcvt_if, type, IR_NONE, a, IR_NONE);
        in->type2 = from;
        in->aux = (uint16_t)(random_rm(g) | (below(2) ? IR_CVT_UNSIGNED : 0));
        in->imm = chance(20) ? below(65) : 0;
        fp_result(g, in, type);
        break;
    }
    case 12:
        a = fp_operand(g, type);
        in = ir_emit(f, IR_fround, type, IR_NONE, a, IR_NONE);
        in->aux = (uint16_t)(random_rm(g) | (chance(50) ? IR_CVT_NO_NX : 0));
        fp_result(g, in, type);
        break;
    default: /* moves between the files */
        if (below(2)) {
            ir_mov(f, slot_x(), slot_f());
        } else if (below(2)) {
            ir_mov(f, slot_f(), any_int(g));
        } else {
            ir_mov(f, slot_f(), slot_f());
        }
        break;
    }
}

static void gen_flags(Gen *g)
{
    static const IrOp ops[] = {
        IR_nzcv_add, IR_nzcv_sub, IR_nzcv_logic, IR_addc, IR_nzcv_addc, IR_carry,
    };
    IrType t = below(2) ? IR_I64 : IR_I32;
    unsigned k = below(6);
    IrRef a = any_int(g), b = any_int(g), c = any_int(g);
    for (unsigned n = k == 5 ? below(4) : 0; n; n--) { /* a chain of sums and their carries */
        IrRef carry = new_temp(g, IR_I64);
        ir_addc(g->f, t, dst_int(g, t), a, b, c);
        ir_carry(g->f, t, carry, a, b, c);
        if (below(2)) {
            ir_mov(g->f, dst_int(g, IR_I64), any_int(g));
        }
        a = any_int(g), b = any_int(g), c = carry;
    }
    IrInsn *in = ir_emit(g->f, ops[k], t, dst_int(g, k == 3 ? t : IR_I32), a, k == 2 ? IR_NONE : b);
    in->c = k >= 3 ? c : IR_NONE;
}

static void gen_int(Gen *g)
{
    static const IrOp ops2[] = {
        IR_add, IR_sub, IR_and, IR_or, IR_xor, IR_andn, IR_orn, IR_xnor, IR_shl, IR_shr, IR_sar,
        IR_rotl, IR_rotr, IR_mul, IR_mulhu, IR_mulhs, IR_mulhsu, IR_divs, IR_divu, IR_rems,
        IR_remu, IR_smin, IR_smax, IR_umin, IR_umax, IR_add, IR_sub, IR_add, IR_shl,
    };
    static const IrOp ops1[] = {
        IR_mov, IR_not, IR_neg, IR_sext8, IR_sext16, IR_zext8, IR_zext16, IR_clz, IR_ctz,
        IR_popcnt,
    };
    static const IrOp ops64[] = { IR_bswap64, IR_orcb, IR_sext32, IR_zext32 };
    static const IrOp ops64_2[] = { IR_clmul, IR_clmulh };
    IrFunc *f = g->f;
    IrType t = chance(60) ? IR_I64 : IR_I32;
    unsigned kind = below(20), width = t == IR_I64 ? 64 : 32;
    IrRef a = any_int(g), b = any_int(g), d;
    if (chance(4)) { /* a field by shifts */
        IrRef s = slot_x(), n = ir_const(f, below(width));
        ir_emit(f, IR_shl, t, s, below(2) ? s : b, n);
        a = s;
        b = below(2) ? n : ir_const(f, below(width));
        ir_emit(f, below(2) ? IR_shr : IR_sar, t, below(2) ? s : dst_int(g, t), a, b);
    } else if (kind < 1) { /* an indexed address; the index may be read again */
        IrRef index = new_temp(g, t);
        ir_emit(f, IR_shl, t, index, a, ir_const(f, below(5)));
        a = chance(50) ? index : b;
        b = chance(80) ? index : any_int(g);
        d = dst_int(g, t);
        ir_emit(f, IR_add, t, d, a, b);
    } else if (kind < 11) {
        d = dst_int(g, t);
        ir_emit(f, ops2[below(G_N_ELEMENTS(ops2))], t, d, a, b);
    } else if (kind < 13) {
        d = dst_int(g, t);
        ir_emit(f, ops1[below(G_N_ELEMENTS(ops1))], t, d, a, IR_NONE);
    } else if (kind < 14) {
        d = dst_int(g, IR_I64);
        if (below(2)) {
            ir_emit(f, ops64[below(G_N_ELEMENTS(ops64))], IR_I64, d, a, IR_NONE);
        } else {
            ir_emit(f, ops64_2[below(G_N_ELEMENTS(ops64_2))], IR_I64, d, a, b);
        }
    } else if (kind < 15) {
        d = dst_int(g, IR_I64);
        ir_emit(f, below(2) ? IR_bswap16 : IR_bswap32, IR_I64, d, a, IR_NONE);
    } else if (kind < 16) {
        d = dst_int(g, t);
        ir_setcond(f, t, (IrCond)below(12), d, a, b);
    } else if (kind < 18) {
        IrRef c = any_int(g), e = any_int(g);
        d = dst_int(g, t);
        ir_select(f, t, (IrCond)below(12), d, a, b, c, e);
    } else {
        unsigned start = below(width), len = 1 + below(width - start);
        static const IrOp ops[] = { IR_extract, IR_sextract, IR_deposit };
        unsigned k = below(3);
        d = dst_int(g, t);
        IrInsn *in = ir_emit(f, ops[k], t, d, a, k == 2 ? b : IR_NONE);
        in->aux = (uint16_t)(start | len << 8);
    }
}

static IrRef address(Gen *g, int64_t *offset)
{
    *offset = (int64_t)below(64) - 16;
    if (g->streams && chance(80)) {
        IrRef t, u;
        switch (below(4)) {
        case 0: /* indexed, by something else that moves */
            t = new_temp(g, IR_I64);
            u = new_temp(g, IR_I64);
            ir_emit(g->f, IR_shl, IR_I64, t, IR_SLOT(30), ir_const(g->f, below(5)));
            ir_emit(g->f, below(2) ? IR_add : IR_sub, IR_I64, u, stream_slot(), t);
            return u;
        case 1:
            t = new_temp(g, IR_I64);
            ir_emit(g->f, IR_add, IR_I64, t, stream_slot(), ir_const(g->f, below(64)));
            return t;
        default:
            return stream_slot();
        }
    }
    switch (below(10)) {
    case 0:
        return any_int(g); /* most likely a fault */
    case 1:
        return ir_const(g->f, TOY_RAM_BASE + below(TOY_RAM_SIZE));
    case 2: case 3: { /* anywhere in RAM */
        IrRef t = new_temp(g, IR_I64), u = new_temp(g, IR_I64);
        ir_emit(g->f, IR_and, IR_I64, t, slot_x(), ir_const(g->f, TOY_RAM_SIZE - 1));
        ir_emit(g->f, IR_add, IR_I64, u, t, ir_const(g->f, TOY_RAM_BASE));
        return u;
    }
    default: {
        static const uint8_t pointers[] = { 8, 9, 10, 11, 12, 13, 28, 29 };
        return IR_SLOT(pointers[below(G_N_ELEMENTS(pointers))]);
    }
    }
}

static void gen_memory(Gen *g)
{
    IrFunc *f = g->f;
    int64_t offset;
    IrRef a = address(g, &offset), v = any_int(g), d;
    unsigned size = below(4);
    IrType t = size == 3 || below(2) ? IR_I64 : IR_I32;
    IrMemOp m = size | (below(2) ? IR_MO_SIGN : 0) | (chance(20) ? IR_MO_ALIGN : 0) |
                (chance(10) ? IR_MO_BE : 0) | (chance(10) ? IR_MO_SEQ : 0);
    switch (below(9)) {
    case 0: case 1: case 2:
        d = dst_int(g, t);
        ir_ld(f, t, d, a, offset, m);
        break;
    case 3: case 4: case 5:
        ir_st(f, t, v, a, offset, m);
        break;
    case 6: {
        IrRef aligned = new_temp(g, IR_I64);
        ir_emit(f, IR_and, IR_I64, aligned, a, ir_const(f, ~(uint64_t)7));
        d = chance(70) ? dst_int(g, t) : IR_NONE;
        ir_rmw(f, t, (IrRmw)below(10), d, aligned, v, (m & ~(IrMemOp)IR_MO_BE) | IR_MO_ALIGN);
        break;
    }
    case 7: {
        IrRef aligned = new_temp(g, IR_I64), e = any_int(g);
        ir_emit(f, IR_and, IR_I64, aligned, a, ir_const(f, ~(uint64_t)7));
        d = dst_int(g, t);
        ir_cas(f, t, d, aligned, e, v, (m & ~(IrMemOp)IR_MO_BE) | IR_MO_ALIGN);
        break;
    }
    default:
        if (!g->fp) {
            ir_fence(f, below(16));
        } else if (below(2)) { /* FP load */
            if (below(2)) {
                ir_ld(f, IR_F64, slot_f(), a, offset, IR_MO_64);
            } else {
                IrRef w = new_temp(g, IR_F32);
                ir_ld(f, IR_F32, w, a, offset, IR_MO_32);
                ir_emit(f, IR_fbox, IR_F64, slot_f(), w, IR_NONE);
            }
        } else if (below(2)) {
            ir_st(f, IR_F64, slot_f(), a, offset, IR_MO_64);
        } else {
            ir_st(f, IR_F32, slot_f(), a, offset, IR_MO_32);
        }
        break;
    }
}

#include "jit_vec.h"

static uint64_t help_pure(Cpu *c, uint64_t a, uint64_t b)
{
    return a * 3 + b;
}

static uint64_t help_reads(Cpu *c, uint64_t a)
{
    ToyCpu *t = (ToyCpu *)c;
    uint64_t sum = a;
    for (unsigned i = 0; i < 32; i++) {
        sum = sum * 31 + t->x[i] + t->f[i] + t->v[i].d[0] * 3 + t->v[i].d[1];
    }
    return sum + t->pc;
}

static uint64_t help_writes(Cpu *c, uint64_t a, uint64_t b, uint64_t d, uint64_t e)
{
    ToyCpu *t = (ToyCpu *)c;
    t->x[1 + a % 29] += b ^ t->pc;
    t->x[8 + a % 8] = d;
    t->f[b % 32] = e;
    t->v[d % 32].d[1] += a;
    return a ^ b ^ d ^ e;
}

static uint64_t help_fp(Cpu *c, uint64_t a)
{
    cpu_fp_set_flags(c, cpu_fp_flags(c) ^ (a & 31));
    volatile double x = (double)(a | 1), y = 1.0 / x;
    (void)y;
    return cpu_fp_flags(c);
}

static uint64_t help_fault(Cpu *c, uint64_t a)
{
    if (a % 5 == 0) {
        toy_fault(c, a, 9);
    }
    return a + 1;
}

static const IrHelper helpers[] = {
    { "pure", help_pure, 2, true, IR_PURE },
    { "reads", help_reads, 1, true, IR_READS },
    { "writes", help_writes, 4, true, IR_READS | IR_WRITES },
    { "fp", help_fp, 1, true, IR_FP | IR_READS },
    { "fault", help_fault, 1, true, IR_FAULTS | IR_READS | IR_WRITES | IR_FLUSHES },
};

static void gen_call(Gen *g)
{
    const IrHelper *h = &helpers[below(G_N_ELEMENTS(helpers))];
    IrRef r[4] = { IR_NONE, IR_NONE, IR_NONE, IR_NONE };
    for (unsigned i = 0; i < h->nargs; i++) {
        r[i] = any_int(g);
    }
    IrRef d = chance(80) ? dst_int(g, IR_I64) : IR_NONE;
    ir_call(g->f, h, d, r[0], r[1], r[2], r[3]);
}

static void gen_step(Gen *g)
{
    static const int16_t steps[] = { 1, 2, 4, 8, 8, 16, 56, 120, 256, 260 };
    int64_t step = steps[below(G_N_ELEMENTS(steps))];
    IrRef s = stream_slot();
    ir_emit(g->f, IR_add, IR_I64, s, s, ir_const(g->f, (uint64_t)(below(2) ? step : -step)));
}

static void gen_func(Gen *g, uint64_t pc, unsigned n)
{
    IrFunc *f = g->f;
    uint64_t start = pc;
    g->n_temps = 0;
    keep_streams = g->streams;
    g->straight = g->streams && chance(85);
    for (unsigned k = 0; k < n; k++) {
        ir_insn(f, pc, 4);
        unsigned ops = 1 + below(4);
        if (g->memory && chance(40)) {
            gen_memory(g);
        }
        while (ops--) {
            if (g->vec_last && chance(80)) {
                if (g->memory && chance(20)) {
                    gen_vec_memory(g);
                    continue;
                }
                gen_vec(g);
            } else if (g->flags && chance(40)) {
                gen_flags(g);
            } else if (g->fp && chance(70)) {
                gen_fp(g);
            } else if (!g->straight && chance(5)) {
                gen_call(g);
            } else {
                gen_int(g);
            }
        }
        if (g->streams && chance(30)) {
            gen_step(g);
        }
        if (chance(g->straight ? 2 : 8)) {
            ir_exit_if(f, below(2) ? IR_I64 : IR_I32, (IrCond)below(12), any_int(g), any_int(g),
                       start + 4 + 4 * (uint64_t)below(2000));
        } else if (!g->straight && chance(8)) {
            unsigned label = ir_label_new(f);
            ir_brcond(f, below(2) ? IR_I64 : IR_I32, (IrCond)below(12), any_int(g), any_int(g),
                      label);
            g->n_temps = 0;
            for (unsigned i = below(4); i; i--) {
                gen_int(g);
            }
            ir_label(f, label);
            g->n_temps = 0;
        }
        pc += 4;
    }
    f->n_guest_insns = n;
    if (g->loop) {
        ir_emit(f, IR_sub, IR_I64, IR_SLOT(30), IR_SLOT(30), ir_const(f, 1));
        ir_exit_if(f, IR_I64, IR_NE, IR_SLOT(30), ir_const(f, 0), start);
    }
    switch (below(3)) {
    case 0:
        ir_exit_jump(f, pc);
        break;
    case 1: { /* never to its own start, which is even: x30 does not count that */
        IrRef a = any_int(g), to = dst_int(g, IR_I64);
        ir_emit(f, IR_or, IR_I64, to, a, ir_const(f, 1));
        ir_exit_ind(f, to, IR_JUMP);
        break;
    }
    default:
        ir_mov(f, IR_SLOT(TOY_PC), ir_const(f, pc));
        ir_exit_loop(f);
        break;
    }
}

/* --- running --- */

enum { FEW_ROUNDS = 5, MANY_ROUNDS = 60 };

static void run_interp(IrFunc *f, uint64_t start)
{
    ToyCpu *t = (ToyCpu *)cpu;
    if (jump_set(cpu->jmpbuf)) {
        return;
    }
    do {
        ir_interpret(cpu, f, false);
    } while (t->pc == start);
}

static void __attribute__((noinline)) enter_jit(const void *entry)
{
    if (jump_set(cpu->jmpbuf)) {
        engine_jit.recover(cpu);
    } else {
        engine_jit.run(cpu, entry);
        __asm__ volatile(""); /* not a tail call: jump_to needs this frame */
    }
}

static void run_jit(IrFunc *f, uint64_t start, uint32_t cflags)
{
    ToyCpu *t = (ToyCpu *)cpu;
    CodeBlock b = { .pc = start, .page = { 1, UINT64_MAX }, .cflags = cflags,
                    .n_insns = (uint16_t)f->n_guest_insns, .valid = true };
    code_lock();
    while (!engine_jit.compile(cpu, &b, f)) {
        engine_jit.evict(cpu);
        code_jump_caches_clear(cpu);
    }
    code_unlock();
    do {
        t->fault_kind = 0;
        enter_jit(b.entry);
        /* A lookup of the block's own address finds code that stops. */
    } while (t->pc == start && (t->fault_kind == 0 || t->fault_kind == TOY_FETCH));
    code_lock();
    engine_jit.invalidate(&b);
    code_unlock();
}

/* Runs f on both engines from s; false: they agree. */
static bool differ(IrFunc *f, IrFunc *jit_f, uint64_t start, uint32_t cflags, const State *s,
                   GString *why)
{
    static State a, b;
    put_state(s, start);
    run_interp(f, start);
    get_state(&a);
    put_state(s, start);
    run_jit(jit_f, start, cflags);
    get_state(&b);
    if (a.fault_kind == 0 && b.fault_kind == TOY_FETCH) {
        b.fault_kind = 0; /* a chained exit to where there is nothing */
        b.fault_va = 0;
    }
    return !same_state(&a, &b, why);
}

/* Takes out what isn't needed for a disagreement, and shows the rest. */
static void show(IrFunc *f, uint64_t start, uint32_t cflags, const State *s, GString *why)
{
    fprintf(stderr, "first seen: %s", why->str);
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = 0; i < f->n - 1; i++) {
            IrInsn saved = f->insns[i];
            memmove(f->insns + i, f->insns + i + 1, (f->n - i - 1) * sizeof saved);
            f->n--;
            bool still = false;
            bool counts = saved.dst == IR_SLOT(30); /* or the loop has no end */
            for (unsigned k = 0; k < 12 && !still && !counts && !ir_verify(f); k++) {
                still = differ(f, f, start, cflags, s, why);
            }
            if (still) {
                again = true;
                i--;
            } else {
                memmove(f->insns + i + 1, f->insns + i, (f->n - i) * sizeof saved);
                f->insns[i] = saved;
                f->n++;
            }
        }
    }
    for (unsigned k = 0; k < 5 && !differ(f, f, start, cflags, s, why); k++) {
    }
    ir_print(f, stderr);
    for (unsigned i = 0; i < 32; i++) {
        fprintf(stderr, "x%-2u %016" G_GINT64_MODIFIER "x f%-2u %016" G_GINT64_MODIFIER
                "x v%-2u %016" G_GINT64_MODIFIER "x %016" G_GINT64_MODIFIER "x\n", i,
                s->x[i], i, s->f[i], i, s->v[i].d[1], s->v[i].d[0]);
    }
    fprintf(stderr, "%s", why->str);
}

static void one(Gen *g, State *s, unsigned n, bool optimize)
{
    uint64_t start = TOY_CODE + 16 * below(100), saved = seed;
    IrFunc *f = ir_func_new(toy_target.slots, toy_target.n_slots, TOY_PC), *plain;
    f->fp = cpu_fp_policy(cpu);
    g->f = f;
    gen_func(g, start, n);
    const char *bad = ir_verify(f);
    if (bad) {
        ir_print(f, stderr);
        g_error("generator: %s", bad);
    }
    plain = ir_func_copy(f);
    if (optimize) {
        ir_optimize(f);
    }
    GString *why = g_string_new(NULL);
    for (unsigned round = 0; round < 3; round++) {
        uint32_t cflags = chance(50) ? 0 : CF_NOCHAIN;
        random_state(s);
        s->x[30] = 1 + below(g->streams || chance(30) ? MANY_ROUNDS : FEW_ROUNDS);
        if (g->streams) {
            for (unsigned i = 0; i < G_N_ELEMENTS(stream_slots); i++) { /* some near the ends */
                unsigned far = below(chance(50) ? 500 : TOY_RAM_SIZE);
                s->x[stream_slots[i]] = TOY_RAM_BASE + (chance(50) ? far : TOY_RAM_SIZE - far);
            }
        }
        if (differ(plain, f, start, cflags, s, why)) {
            if (optimize && !differ(f, f, start, cflags, s, why)) {
                ir_print(plain, stderr);
                ir_print(f, stderr);
                g_error("the optimiser, seed 0x%" G_GINT64_MODIFIER "x", saved);
            }
            show(f, start, cflags, s, why);
            g_error("seed 0x%" G_GINT64_MODIFIER "x", saved);
        }
    }
    g_string_free(why, true);
    ir_func_free(f);
    ir_func_free(plain);
}

/* Code is emitted for a processor of so much. */
static void choose_host(unsigned how)
{
#ifdef __x86_64__
    static HostFeatures all;
    static bool known;
    if (how == HOST_ALL && !known) {
        return; /* the first test of all: the engine has not looked yet */
    }
    if (!known) {
        all = host;
        known = true;
    }
    host = all;
    if (how >= HOST_NO_AVX) {
        host.avx = host.avx2 = host.fma = host.bmi1 = host.bmi2 = false;
    }
    if (how >= HOST_NO_SSE4) {
        host.ssse3 = host.sse41 = host.sse42 = host.popcnt = host.pclmul = false;
        host.lzcnt = false;
    }
#endif
}

static void test_random(gconstpointer data)
{
    Gen g = *(const Gen *)data;
    choose_host(g.host);
    State *s = g_new(State, 1);
    const char *env = g_getenv("JIT_TEST_COUNT");
    unsigned count = env ? (unsigned)atoi(env) : 1500;
    for (unsigned i = 0; i < count; i++) {
        seed = (uint64_t)i * 0x9e3779b97f4a7c15 + 88172645463325252;
        cpu->fp = fp_status_riscv(g.fp ? (uint8_t)below(5) : 0);
        if (g.arm && chance(80)) {
            cpu->fp = fp_status_arm(chance(70) ? FP_RNE : (uint8_t)below(4));
            cpu->fp.nan_policy = chance(70) ? FP_NAN_ARM : FP_NAN_DEFAULT;
            cpu->fp.flush_outputs = cpu->fp.flush_inputs = chance(20);
        }
        cpu_fp_update(cpu);
        one(&g, s, 1 + below(24), below(2));
    }
    g_free(s);
}

int main(int argc, char **argv)
{
    static const Gen ints = { 0 }, memory = { .memory = true }, loops = { .loop = true },
        loops_memory = { .loop = true, .memory = true }, fp = { .fp = true },
        all = { .fp = true, .memory = true, .loop = true },
        streams = { .memory = true, .loop = true, .streams = true },
        flags = { .flags = true },
        arm_fp = { .fp = true, .arm = true },
        vec = { .vec_first = IR_vzext, .vec_last = IR_vuminv },
        vec_fp = { .fp = true, .arm = true, .vec_first = IR_vfabs, .vec_last = IR_vfcvtn },
        vec_all = { .fp = true, .arm = true, .memory = true, .loop = true,
                    .vec_first = IR_vzext, .vec_last = IR_vfcvtn };
    Gen no_avx = vec_all, no_sse4 = vec_all;
    no_avx.host = HOST_NO_AVX;
    no_sse4.host = HOST_NO_SSE4;
    g_test_init(&argc, &argv, NULL);
    cpu = toy_machine();
    g_test_add_data_func("/jit/int", &ints, test_random);
    g_test_add_data_func("/jit/memory", &memory, test_random);
    g_test_add_data_func("/jit/loops", &loops, test_random);
    g_test_add_data_func("/jit/loops-memory", &loops_memory, test_random);
    g_test_add_data_func("/jit/streams", &streams, test_random);
    g_test_add_data_func("/jit/fp", &fp, test_random);
    g_test_add_data_func("/jit/all", &all, test_random);
    g_test_add_data_func("/jit/flags", &flags, test_random);
    g_test_add_data_func("/jit/arm-fp", &arm_fp, test_random);
    g_test_add_data_func("/jit/vec", &vec, test_random);
    g_test_add_data_func("/jit/vec-fp", &vec_fp, test_random);
    g_test_add_data_func("/jit/vec-all", &vec_all, test_random);
    g_test_add_data_func("/jit/no-avx", &no_avx, test_random);
    g_test_add_data_func("/jit/no-sse4", &no_sse4, test_random);
    return g_test_run();
}
