/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Condition flags in translation (DDI 0487 C1.2.4, "Condition code").
 *
 * The cells cc_op, cc_a, cc_b always hold the operation that made the flags, so that they are
 * precise at every fault and exit. What is known of them at translation time is kept in
 * TransCtx.target_data as the kind of operation and the operands themselves, as long as these live:
 * a compare and the branch after it so become one comparison of the operands.
 */
#include "target/arm/trans.h"

/* The low four bits: 0 where nothing is known, else 1 + ARM_CC_*. */
enum {
    KIND_UNKNOWN = 0,
    KIND_MASK = 15,
    KIND_C_DIFFERS = 16, /* of a conditional compare: C isn't that of a - b, in cells it is right */
};

typedef struct Flags {
    unsigned kind; /* of sums with carry: that without carry in */
    IrRef a, b, r; /* operands; result or IR_NONE. Operands IR_NONE: they are in the cells only */
} Flags;

enum { N_BIT = 1 << 3, Z_BIT = 1 << 2, C_BIT = 1 << 1, V_BIT = 1 << 0 };

static void note(TransCtx *t, Flags g)
{
    t->target_data[TD_FLAGS] =
        (uint64_t)g.r << 48 | (uint64_t)g.b << 32 | (uint64_t)g.a << 16 | g.kind;
    t->target_data[TD_FLAGS_AT] = t->f->n;
}

static bool overwrites(const IrInsn *i, IrRef r)
{
    if (i->op == IR_label || i->op == IR_br || i->op == IR_brcond)
        return ir_is_temp(r); /* they end with their basic block */
    if (i->op == IR_call)
        return ir_is_slot(r) && ((const IrHelper *)(intptr_t)i->imm)->effects & IR_WRITES;
    return i->dst == r;
}

/* What is known now: operands that were overwritten since they were noted are dropped. */
static Flags known(TransCtx *t)
{
    uint64_t v = t->target_data[TD_FLAGS];
    Flags g = { (unsigned)(v & 0xffff), (IrRef)(v >> 16), (IrRef)(v >> 32), (IrRef)(v >> 48) };

    if (g.kind == KIND_UNKNOWN)
        return g;
    for (unsigned k = (unsigned)t->target_data[TD_FLAGS_AT]; k < t->f->n; k++) {
        const IrInsn *i = &t->f->insns[k];
        g.a = g.a != IR_NONE && overwrites(i, g.a) ? IR_NONE : g.a;
        g.b = g.b != IR_NONE && overwrites(i, g.b) ? IR_NONE : g.b;
        g.r = g.r != IR_NONE && overwrites(i, g.r) ? IR_NONE : g.r;
        if (t->target_data[TD_CARRY] != IR_NONE && overwrites(i, (IrRef)t->target_data[TD_CARRY]))
            t->target_data[TD_CARRY] = IR_NONE;
    }
    note(t, g);
    g.a = g.a == IR_NONE ? IR_SLOT(SLOT_CC_A) : g.a;
    g.b = g.b == IR_NONE ? IR_SLOT(SLOT_CC_B) : g.b;
    return g;
}

static void put(TransCtx *t, unsigned op, IrRef a, IrRef b)
{
    ir_mov(t->f, IR_SLOT(SLOT_CC_OP), arm_const(t, op));
    ir_mov(t->f, IR_SLOT(SLOT_CC_A), a);
    if (b != IR_NONE)
        ir_mov(t->f, IR_SLOT(SLOT_CC_B), b);
}

static void put_and_note(TransCtx *t, unsigned op, IrRef a, IrRef b, IrRef result, int rd)
{
    put(t, op, a, b);
    note(t, (Flags){ 1 + op, a, b, rd == 31 ? result : IR_NONE });
    if (rd != 31) {
        ir_mov(t->f, IR_SLOT(SLOT_X0 + rd), result);
        Flags g = known(t);
        g.a = g.a == IR_SLOT(SLOT_CC_A) ? IR_NONE : g.a;
        g.b = g.b == IR_SLOT(SLOT_CC_B) ? IR_NONE : g.b;
        g.r = IR_SLOT(SLOT_X0 + rd);
        note(t, g);
    }
}

void arm_flags_sub(TransCtx *t, IrType type, IrRef a, IrRef b, IrRef result, int rd)
{
    put_and_note(t, type == IR_I32 ? ARM_CC_SUB32 : ARM_CC_SUB64, a, b, result, rd);
}

/* Is b a constant so that the flags of a + b are those of a - (-b)? All but 0 and MIN are. */
static bool negatable(const TransCtx *t, IrType type, IrRef b, uint64_t *minus)
{
    uint64_t v;

    if (!ir_is_const(b))
        return false;
    v = ir_const_value(t->f, b);
    *minus = type == IR_I32 ? (uint32_t)-v : -v;
    return type == IR_I32 ? (uint32_t)v << 1 : v << 1;
}

void arm_flags_add(TransCtx *t, IrType type, IrRef a, IrRef b, IrRef result, int rd)
{
    uint64_t minus;

    if (negatable(t, type, b, &minus))
        arm_flags_sub(t, type, a, arm_const(t, minus), result, rd);
    else
        put_and_note(t, type == IR_I32 ? ARM_CC_ADD32 : ARM_CC_ADD64, a, b, result, rd);
}

void arm_flags_logic(TransCtx *t, IrType type, IrRef result, int rd)
{
    unsigned op = type == IR_I32 ? ARM_CC_LOGIC32 : ARM_CC_LOGIC64;

    put(t, op, result, IR_NONE);
    if (rd != 31) {
        ir_mov(t->f, IR_SLOT(SLOT_X0 + rd), result);
        result = IR_SLOT(SLOT_X0 + rd);
    }
    note(t, (Flags){ 1 + op, result, IR_NONE, IR_NONE });
}

void arm_flags_nzcv(TransCtx *t, IrRef nzcv)
{
    put(t, ARM_CC_NZCV, nzcv, IR_NONE);
    note(t, (Flags){ 1 + ARM_CC_NZCV, nzcv, IR_NONE, IR_NONE });
}

static bool is_adc(Flags g)
{
    return g.kind == 1 + ARM_CC_ADC32 || g.kind == 1 + ARM_CC_ADC64;
}

void arm_flags_adc(TransCtx *t, IrType type, IrRef a, IrRef b, IrRef carry, int rd)
{
    unsigned op = type == IR_I32 ? ARM_CC_ADC32 : ARM_CC_ADC64;
    IrRef sum = ir_temp(t->f, type), out = ir_temp(t->f, IR_I64);

    ir_addc(t->f, type, sum, a, b, carry);
    ir_carry(t->f, type, out, a, b, carry);
    ir_emit(t->f, IR_add, IR_I64, IR_SLOT(SLOT_CC_OP), carry, arm_const(t, op));
    ir_mov(t->f, IR_SLOT(SLOT_CC_A), a);
    ir_mov(t->f, IR_SLOT(SLOT_CC_B), b);
    if (rd != 31) {
        ir_mov(t->f, IR_SLOT(SLOT_X0 + rd), sum);
        sum = IR_SLOT(SLOT_X0 + rd);
    }
    /* The operands are in the cells, in case that anybody asks for more than these two. */
    note(t, (Flags){ 1 + op, IR_NONE, IR_NONE, sum });
    t->target_data[TD_CARRY] = out;
}

static IrRef packed_of(TransCtx *t, unsigned op, IrRef a, IrRef b)
{
    IrType type = op & 1 ? IR_I32 : IR_I64;

    switch (op) {
    case ARM_CC_SUB32: case ARM_CC_SUB64:
        return ir_op2(t->f, IR_nzcv_sub, type, a, b);
    case ARM_CC_ADD32: case ARM_CC_ADD64:
        return ir_op2(t->f, IR_nzcv_add, type, a, b);
    case ARM_CC_ADC32: case ARM_CC_ADC64: {
        IrRef p = ir_temp(t->f, IR_I64);
        ir_nzcv_addc(t->f, op == ARM_CC_ADC32 ? IR_I32 : IR_I64, p, a, b, IR_SLOT(SLOT_CC_OP));
        return p;
    }
    default:
        return ir_op1(t->f, IR_nzcv_logic, type, a);
    }
}
_Static_assert((ARM_CC_SUB32 & ARM_CC_ADD32 & ARM_CC_LOGIC32 & 1) == 1 &&
               !((ARM_CC_SUB64 | ARM_CC_ADD64 | ARM_CC_LOGIC64) & 1), "the width is bit 0");

/* The flags as a packed value, which they are kept as from here on. */
IrRef arm_flags_packed(TransCtx *t)
{
    Flags g = known(t);
    IrRef p;

    if (g.kind == 1 + ARM_CC_NZCV)
        return g.a;
    if (g.kind == KIND_UNKNOWN || g.kind & KIND_C_DIFFERS) {
        p = ir_temp(t->f, IR_I64);
        ir_call(t->f, &arm_helper_nzcv, p, IR_SLOT(SLOT_CC_OP), IR_SLOT(SLOT_CC_A),
                IR_SLOT(SLOT_CC_B), IR_NONE);
    } else {
        p = packed_of(t, g.kind - 1, g.a, g.b);
    }
    arm_flags_nzcv(t, p);
    return p;
}

/* --- conditions --- */

static ArmCond never(TransCtx *t)
{
    return (ArmCond){ IR_I64, IR_NE, arm_const(t, 0), arm_const(t, 0) };
}

/* cond without its low bit: EQ, CS, MI, VS, HI, GE, GT, AL */
enum { C_EQ, C_CS, C_MI, C_VS, C_HI, C_GE, C_GT, C_AL };

static ArmCond cond_nzcv(TransCtx *t, unsigned cond, IrRef p)
{
    IrFunc *f = t->f;
    IrRef v;
    uint32_t n = 1U << 31, z = 1U << 30, c = 1U << 29;

    switch (cond) {
    case C_EQ:
        return (ArmCond){ IR_I32, IR_TSTNE, p, arm_const(t, z) };
    case C_CS:
        return (ArmCond){ IR_I32, IR_TSTNE, p, arm_const(t, c) };
    case C_MI:
        return (ArmCond){ IR_I32, IR_LT, p, arm_const(t, 0) };
    case C_VS:
        return (ArmCond){ IR_I32, IR_TSTNE, p, arm_const(t, 1U << 28) };
    case C_HI:
        v = ir_op2(f, IR_and, IR_I32, p, arm_const(t, z | c));
        return (ArmCond){ IR_I32, IR_EQ, v, arm_const(t, c) };
    default:
        /* N ^ V in bit 31 */
        v = ir_op2(f, IR_shl, IR_I32, p, arm_const(t, 3));
        v = ir_op2(f, IR_xor, IR_I32, v, p);
        if (cond == C_GT)
            v = ir_op2(f, IR_or, IR_I32, v, ir_op2(f, IR_shl, IR_I32, p, arm_const(t, 1)));
        return (ArmCond){ IR_I32, IR_TSTEQ, v, arm_const(t, n) };
    }
}

static ArmCond cond_sub(TransCtx *t, IrType type, unsigned cond, Flags *g)
{
    IrFunc *f = t->f;
    IrRef r, v;

    switch (cond) {
    case C_EQ:
        if (g->r != IR_NONE)
            return (ArmCond){ type, IR_EQ, g->r, arm_const(t, 0) };
        return (ArmCond){ type, IR_EQ, g->a, g->b };
    case C_CS:
        return (ArmCond){ type, IR_GEU, g->a, g->b };
    case C_MI:
        r = g->r != IR_NONE ? g->r : ir_op2(f, IR_sub, type, g->a, g->b);
        return (ArmCond){ type, IR_LT, r, arm_const(t, 0) };
    case C_VS:
        r = g->r != IR_NONE ? g->r : ir_op2(f, IR_sub, type, g->a, g->b);
        v = ir_op2(f, IR_xor, type, g->a, g->b);
        v = ir_op2(f, IR_and, type, v, ir_op2(f, IR_xor, type, g->a, r));
        return (ArmCond){ type, IR_LT, v, arm_const(t, 0) };
    case C_HI:
        return (ArmCond){ type, IR_GTU, g->a, g->b };
    case C_GE:
        return (ArmCond){ type, IR_GE, g->a, g->b };
    default:
        return (ArmCond){ type, IR_GT, g->a, g->b };
    }
}

static ArmCond cond_add(TransCtx *t, IrType type, unsigned cond, Flags *g)
{
    IrFunc *f = t->f;
    IrRef zero = arm_const(t, 0), v;
    IrRef r = g->r != IR_NONE ? g->r : ir_op2(f, IR_add, type, g->a, g->b);

    switch (cond) {
    case C_EQ:
        return (ArmCond){ type, IR_EQ, r, zero };
    case C_CS:
        return (ArmCond){ type, IR_LTU, r, g->a };
    case C_MI:
        return (ArmCond){ type, IR_LT, r, zero };
    case C_HI:
        v = ir_temp(f, type);
        ir_select(f, type, IR_LTU, v, r, g->a, r, zero);
        return (ArmCond){ type, IR_NE, v, zero };
    default:
        /* V in the sign bit */
        v = ir_op2(f, IR_xor, type, g->a, r);
        v = ir_op2(f, IR_and, type, v, ir_op2(f, IR_xor, type, g->b, r));
        if (cond == C_VS)
            return (ArmCond){ type, IR_LT, v, zero };
        v = ir_op2(f, IR_xor, type, v, r);
        if (cond == C_GT) {
            IrRef s = ir_temp(f, type);
            ir_select(f, type, IR_EQ, s, r, zero, arm_const(t, UINT64_MAX), v);
            v = s;
        }
        return (ArmCond){ type, IR_GE, v, zero };
    }
}

static ArmCond cond_logic(TransCtx *t, IrType type, unsigned cond, IrRef r)
{
    IrRef zero = arm_const(t, 0);

    switch (cond) {
    case C_EQ:
        return (ArmCond){ type, IR_EQ, r, zero };
    case C_MI:
        return (ArmCond){ type, IR_LT, r, zero };
    case C_GE:
        return (ArmCond){ type, IR_GE, r, zero };
    case C_GT:
        return (ArmCond){ type, IR_GT, r, zero };
    default:
        return never(t); /* C and V */
    }
}

static ArmCond cond_of(TransCtx *t, unsigned cond, Flags g)
{
    unsigned base = cond >> 1;
    ArmCond c;

    switch ((g.kind & KIND_MASK) - 1) {
    case ARM_CC_SUB32:
        c = cond_sub(t, IR_I32, base, &g);
        break;
    case ARM_CC_SUB64:
        c = cond_sub(t, IR_I64, base, &g);
        break;
    case ARM_CC_ADD32:
        c = cond_add(t, IR_I32, base, &g);
        break;
    case ARM_CC_ADD64:
        c = cond_add(t, IR_I64, base, &g);
        break;
    case ARM_CC_LOGIC32:
        c = cond_logic(t, IR_I32, base, g.a);
        break;
    case ARM_CC_LOGIC64:
        c = cond_logic(t, IR_I64, base, g.a);
        break;
    default:
        c = cond_nzcv(t, base, g.a);
        break;
    }
    if (cond & 1)
        c.cc = ir_cond_invert(c.cc);
    return c;
}

/*
 * Of which kind the flags are at addresses that were seen as targets of branches: so that code
 * which is jumped to after the flags were made can guess. Under the translation lock.
 */
enum { N_HINTS = 4096, HINT_KIND_BITS = 4 };
static uint16_t hints[N_HINTS];

static uint16_t *hint_of(uint64_t pc, uint16_t *tag)
{
    *tag = (uint16_t)((pc >> 14 ^ pc >> 30) << HINT_KIND_BITS);
    return &hints[pc >> 2 & (N_HINTS - 1)];
}

void arm_flags_at_target(TransCtx *t, uint64_t pc)
{
    unsigned kind = t->target_data[TD_FLAGS] & KIND_MASK;
    uint16_t tag, *h = hint_of(pc, &tag);

    if (kind != KIND_UNKNOWN)
        *h = (uint16_t)(tag | kind);
}

/*
 * Nothing is known of the flags but what branches to this block promised, or else their kind just
 * now, as it is being translated; unless they came out of SPSR_ELx in the meantime.
 */
static Flags guess(TransCtx *t, unsigned otherwise)
{
    uint16_t tag, h = *hint_of(t->pc_first, &tag);
    unsigned op = (unsigned)arm_tcpu(t)->cc_op;

    if ((h & KIND_MASK) != KIND_UNKNOWN && !((h ^ tag) >> HINT_KIND_BITS))
        op = (h & KIND_MASK) - 1u;
    if (op == ARM_CC_NZCV || op > ARM_CC_LOGIC64)
        op = ARM_CC_SUB64;
    ir_brcond(t->f, IR_I32, IR_NE, IR_SLOT(SLOT_CC_OP), arm_const(t, op), otherwise);
    return (Flags){ 1 + op, IR_SLOT(SLOT_CC_A), IR_SLOT(SLOT_CC_B), IR_NONE };
}

static ArmCond cond_by_helper(TransCtx *t, unsigned cond)
{
    IrRef p = ir_temp(t->f, IR_I64);

    ir_call(t->f, &arm_helper_nzcv, p, IR_SLOT(SLOT_CC_OP), IR_SLOT(SLOT_CC_A),
            IR_SLOT(SLOT_CC_B), IR_NONE);
    return cond_of(t, cond, (Flags){ 1 + ARM_CC_NZCV, p, IR_NONE, IR_NONE });
}

/* A condition of unknown flags: 0 or 1 in a cell, as it has to live across labels. */
static ArmCond unknown_cond(TransCtx *t, unsigned cond)
{
    unsigned otherwise = ir_label_new(t->f), done = ir_label_new(t->f);
    ArmCond c = cond_of(t, cond, guess(t, otherwise));

    ir_setcond(t->f, c.type, c.cc, IR_SLOT(SLOT_COND), c.a, c.b);
    ir_br(t->f, done);
    ir_label(t->f, otherwise);
    c = cond_by_helper(t, cond);
    ir_setcond(t->f, c.type, c.cc, IR_SLOT(SLOT_COND), c.a, c.b);
    ir_label(t->f, done);
    return (ArmCond){ IR_I64, IR_NE, IR_SLOT(SLOT_COND), arm_const(t, 0) };
}

ArmCond arm_cond(TransCtx *t, unsigned cond)
{
    Flags g = known(t);
    unsigned base = cond >> 1;

    if (base == C_AL)
        return (ArmCond){ IR_I64, IR_EQ, arm_const(t, 0), arm_const(t, 0) };
    if (g.kind == KIND_UNKNOWN)
        return unknown_cond(t, cond);
    if (is_adc(g) && (base == C_EQ || base == C_MI) && g.r != IR_NONE) {
        ArmCond c = cond_logic(t, g.kind == 1 + ARM_CC_ADC32 ? IR_I32 : IR_I64, base, g.r);
        if (cond & 1)
            c.cc = ir_cond_invert(c.cc);
        return c;
    }
    if (is_adc(g) || (g.kind & KIND_C_DIFFERS && base == C_CS)) {
        arm_flags_packed(t);
        g = known(t);
    }
    return cond_of(t, cond, g);
}

void arm_flags_branch(TransCtx *t, unsigned cond, uint64_t target)
{
    ArmCond c;
    unsigned otherwise, done;

    if ((t->target_data[TD_FLAGS] & KIND_MASK) != KIND_UNKNOWN || arm_mode_changes(t)) {
        c = arm_cond(t, cond);
        arm_exit_if(t, c.type, c.cc, c.a, c.b, target);
        return;
    }
    otherwise = ir_label_new(t->f);
    done = ir_label_new(t->f);
    c = cond_of(t, cond, guess(t, otherwise));
    ir_exit_if(t->f, c.type, c.cc, c.a, c.b, target);
    ir_br(t->f, done);
    ir_label(t->f, otherwise);
    c = cond_by_helper(t, cond);
    ir_exit_if(t->f, c.type, c.cc, c.a, c.b, target);
    ir_label(t->f, done);
}

void arm_select(TransCtx *t, IrType type, ArmCond c, IrRef dst, IrRef a, IrRef b)
{
    /* One type for comparison and choice: a 32-bit choice is cut afterwards. */
    if (c.type != type && type == IR_I32) {
        IrRef v = ir_temp(t->f, IR_I64);
        ir_select(t->f, IR_I64, c.cc, v, c.a, c.b, a, b);
        ir_emit(t->f, IR_zext32, IR_I64, dst, v, IR_NONE);
        return;
    }
    if (c.type != type) {
        IrRef v = ir_temp(t->f, IR_I64);
        ir_setcond(t->f, c.type, c.cc, v, c.a, c.b);
        c = (ArmCond){ IR_I64, IR_NE, v, arm_const(t, 0) };
    }
    ir_select(t->f, type, c.cc, dst, c.a, c.b, a, b);
}

IrRef arm_carry(TransCtx *t)
{
    if (is_adc(known(t)) && t->target_data[TD_CARRY] != IR_NONE)
        return (IrRef)t->target_data[TD_CARRY];
    ArmCond c = arm_cond(t, 2 * C_CS);
    IrRef v = ir_temp(t->f, IR_I64);

    ir_setcond(t->f, c.type, c.cc, v, c.a, c.b);
    return v;
}

/* --- conditional compares --- */

/*
 * A pair of numbers whose difference has these flags: so that the operands can be chosen by the
 * condition, and what follows be a comparison still. False where there is none. Z without C, which
 * compilers like, is that of the logical result 0, and differs from that of 0 - 0 in C only.
 */
static bool pair_for(IrType type, unsigned nzcv, uint64_t *a, uint64_t *b)
{
    uint64_t min = type == IR_I32 ? 1ULL << 31 : 1ULL << 63;

    switch (nzcv) {
    case 0:
        *a = 1, *b = UINT64_MAX;
        return true;
    case C_BIT:
        *a = 1, *b = 0;
        return true;
    case N_BIT:
        *a = 0, *b = 1;
        return true;
    case N_BIT | C_BIT:
        *a = UINT64_MAX, *b = 0;
        return true;
    case Z_BIT: case Z_BIT | C_BIT:
        *a = 0, *b = 0;
        return true;
    case N_BIT | V_BIT:
        *a = min - 1, *b = UINT64_MAX;
        return true;
    case C_BIT | V_BIT:
        *a = min, *b = 1;
        return true;
    default:
        return false;
    }
}

void arm_flags_ccmp(TransCtx *t, IrType type, bool add, IrRef a, IrRef b, unsigned nzcv,
                    unsigned cond)
{
    IrFunc *f = t->f;
    uint64_t ka, kb, minus;
    ArmCond c;
    unsigned op = type == IR_I32 ? ARM_CC_SUB32 : ARM_CC_SUB64;
    unsigned logic = type == IR_I32 ? ARM_CC_LOGIC32 : ARM_CC_LOGIC64;

    if (cond >> 1 == C_AL) {
        if (add)
            arm_flags_add(t, type, a, b, IR_NONE, 31);
        else
            arm_flags_sub(t, type, a, b, IR_NONE, 31);
        return;
    }
    c = arm_cond(t, cond);
    if (add && negatable(t, type, b, &minus)) {
        add = false;
        b = arm_const(t, minus);
    }
    if (add || !pair_for(type, nzcv, &ka, &kb)) {
        IrRef p = ir_op2(f, add ? IR_nzcv_add : IR_nzcv_sub, type, a, b);
        IrRef v = ir_temp(f, IR_I64);
        arm_select(t, IR_I64, c, v, p, arm_const(t, (uint64_t)nzcv << 28));
        arm_flags_nzcv(t, v);
        return;
    }
    if (c.type != type) {
        IrRef v = ir_temp(f, IR_I64);
        ir_setcond(f, c.type, c.cc, v, c.a, c.b);
        c = (ArmCond){ IR_I64, IR_NE, v, arm_const(t, 0) };
    }
    IrRef va = ir_temp(f, IR_I64), vb = ir_temp(f, IR_I64), vop = arm_const(t, op);
    ir_select(f, c.type, c.cc, va, c.a, c.b, a, arm_const(t, ka));
    ir_select(f, c.type, c.cc, vb, c.a, c.b, b, arm_const(t, kb));
    if (nzcv == Z_BIT) {
        vop = ir_temp(f, IR_I64);
        ir_select(f, c.type, c.cc, vop, c.a, c.b, arm_const(t, op), arm_const(t, logic));
    }
    ir_mov(f, IR_SLOT(SLOT_CC_OP), vop);
    ir_mov(f, IR_SLOT(SLOT_CC_A), va);
    ir_mov(f, IR_SLOT(SLOT_CC_B), vb);
    note(t, (Flags){ (1 + op) | (nzcv == Z_BIT ? KIND_C_DIFFERS : 0), va, vb, IR_NONE });
}
