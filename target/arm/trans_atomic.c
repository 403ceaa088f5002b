/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 exclusive, ordered and atomic loads and stores (DDI 0487 B2.3, B2.17, C6).
 *
 * The exclusive monitor is the address and the value that the exclusive load read; an exclusive
 * store is a compare and swap with that value. It so succeeds where memory was written, and has the
 * old value again: software that is written for this architecture can't tell the difference other
 * than by counting on failure, which it may not.
 */
#include "target/arm/trans.h"

/*
 * Atomic accesses are aligned. FEAT_LSE2: those that are not exclusive may be unaligned within 16
 * bytes, and anywhere where SCTLR.nAA says so (B2.2.1.1, B2.5.2).
 */
static IrMemOp ordered(TransCtx *t, unsigned size, IrMemOp order)
{
    return (arm_memop(t, size) | IR_MO_ATOMIC | order) & ~(IrMemOp)IR_MO_ALIGN;
}

static IrMemOp exclusive(TransCtx *t, unsigned size, IrMemOp order)
{
    return ordered(t, size, order) | IR_MO_ALIGN;
}

/* Emits what the access to base + offset needs in the way of checks, and completes its memop. */
static IrMemOp check_alignment(TransCtx *t, int rn, int64_t offset, IrMemOp m, bool write)
{
    unsigned bytes = ir_mo_bytes(m), ok;
    IrFunc *f = t->f;
    IrRef v;

    arm_check_sp(t, rn);
    if (bytes == 1)
        return m;
    if (!arm_tcpu(t)->feat.lse2 || t->mode & MODE_A)
        return m | IR_MO_ALIGN;
    if (t->mode & MODE_NAA)
        return m;
    ok = ir_label_new(f);
    v = ir_op2(f, IR_add, IR_I64, arm_xsp(rn), arm_const(t, (uint64_t)offset));
    v = ir_op2(f, IR_and, IR_I64, v, arm_const(t, 15));
    ir_brcond(f, IR_I64, IR_LEU, v, arm_const(t, 16 - bytes), ok);
    v = ir_op2(f, IR_add, IR_I64, arm_xsp(rn), arm_const(t, (uint64_t)offset));
    ir_call(f, &arm_helper_unaligned, IR_NONE, v, arm_const(t, write), IR_NONE, IR_NONE);
    ir_label(f, ok);
    return m;
}

/* --- ordered loads and stores --- */

bool a64_trans_ldar(TransCtx *t, const A64ArgsLdSt *a)
{
    IrMemOp m = check_alignment(t, a->rn, 0, ordered(t, (unsigned)a->size, IR_MO_ACQUIRE), false);

    ir_ld(t->f, IR_I64, arm_xd(a->rt), arm_xsp(a->rn), 0, m);
    return true;
}

/* A later LDAR must not overtake it: sequentially consistent among themselves. */
bool a64_trans_stlr(TransCtx *t, const A64ArgsLdSt *a)
{
    IrMemOp m = check_alignment(t, a->rn, 0,
                                ordered(t, (unsigned)a->size, IR_MO_RELEASE | IR_MO_SEQ), true);

    ir_st(t->f, IR_I64, arm_x(t, a->rt), arm_xsp(a->rn), 0, m);
    return true;
}

bool a64_trans_ldapr(TransCtx *t, const A64ArgsLdSt *a)
{
    return a64_trans_ldar(t, a);
}

bool a64_trans_stlur(TransCtx *t, const A64ArgsLdSt *a)
{
    IrMemOp m = check_alignment(t, a->rn, a->imm,
                                ordered(t, (unsigned)a->size, IR_MO_RELEASE | IR_MO_SEQ), true);

    ir_st(t->f, IR_I64, arm_x(t, a->rt), arm_xsp(a->rn), a->imm, m);
    return true;
}

static bool load_acquire(TransCtx *t, const A64ArgsLdSt *a, IrType type, IrMemOp sign)
{
    IrMemOp m = check_alignment(t, a->rn, a->imm, ordered(t, (unsigned)a->size, IR_MO_ACQUIRE),
                                false);

    ir_ld(t->f, type, arm_xd(a->rt), arm_xsp(a->rn), a->imm, m | sign);
    return true;
}

bool a64_trans_ldapur(TransCtx *t, const A64ArgsLdSt *a)
{
    return load_acquire(t, a, IR_I64, 0);
}

bool a64_trans_ldapurs64(TransCtx *t, const A64ArgsLdSt *a)
{
    return load_acquire(t, a, IR_I64, IR_MO_SIGN);
}

bool a64_trans_ldapurs32(TransCtx *t, const A64ArgsLdSt *a)
{
    return load_acquire(t, a, IR_I32, IR_MO_SIGN);
}

/* --- exclusive --- */

static void set_monitor(TransCtx *t, int rn, unsigned bytes, IrRef v0, IrRef v1)
{
    ir_mov(t->f, IR_SLOT(SLOT_EXCL_ADDR), arm_xsp(rn));
    ir_mov(t->f, IR_SLOT(SLOT_EXCL_VAL0), v0);
    if (v1 != IR_NONE)
        ir_mov(t->f, IR_SLOT(SLOT_EXCL_VAL1), v1);
    ir_mov(t->f, IR_SLOT(SLOT_EXCL_SIZE), arm_const(t, bytes));
}

bool a64_trans_ldxr(TransCtx *t, const A64ArgsEx *a)
{
    IrRef v;

    arm_check_sp(t, a->rn);
    v = ir_temp(t->f, IR_I64);
    ir_ld(t->f, IR_I64, v, arm_xsp(a->rn), 0,
          exclusive(t, (unsigned)a->size, a->o0 ? IR_MO_ACQUIRE : 0));
    set_monitor(t, a->rn, 1U << a->size, v, IR_NONE);
    arm_put_x(t, a->rt, v);
    return true;
}

/* Two words in one doubleword: which half is the first one depends on byte order. */
static IrRef word_of(TransCtx *t, IrRef v, bool second)
{
    IrRef w = ir_temp(t->f, IR_I64);
    bool high = second != !!(t->mode & MODE_EE);

    ir_emit(t->f, IR_extract, IR_I64, w, v, IR_NONE)->aux = (uint16_t)((high ? 32 : 0) | 32 << 8);
    return w;
}

static IrRef two_words(TransCtx *t, IrRef first, IrRef second)
{
    IrRef v = ir_temp(t->f, IR_I64);
    bool swapped = t->mode & MODE_EE;

    ir_emit(t->f, IR_deposit, IR_I64, v, swapped ? second : first, swapped ? first : second)->aux =
        32 | 32 << 8;
    return v;
}

bool a64_trans_ldxp(TransCtx *t, const A64ArgsEx *a)
{
    IrMemOp order = a->o0 ? IR_MO_ACQUIRE : 0;
    IrRef v, first, second;

    arm_check_sp(t, a->rn);
    if (!a->size) {
        v = ir_temp(t->f, IR_I64);
        ir_ld(t->f, IR_I64, v, arm_xsp(a->rn), 0, exclusive(t, 3, order));
        first = word_of(t, v, false);
        second = word_of(t, v, true);
        set_monitor(t, a->rn, 8, v, IR_NONE);
    } else {
        v = ir_temp(t->f, IR_V128);
        ir_ld(t->f, IR_V128, v, arm_xsp(a->rn), 0, exclusive(t, 4, order));
        first = ir_temp(t->f, IR_I64);
        second = ir_temp(t->f, IR_I64);
        ir_vec(t->f, IR_vget, IR_I64, IR_VE_64, first, v, IR_NONE, IR_NONE, 0);
        ir_vec(t->f, IR_vget, IR_I64, IR_VE_64, second, v, IR_NONE, IR_NONE, 1);
        if (t->mode & MODE_EE) {
            first = ir_op1(t->f, IR_bswap64, IR_I64, first);
            second = ir_op1(t->f, IR_bswap64, IR_I64, second);
        }
        set_monitor(t, a->rn, 16, first, second);
    }
    arm_put_x(t, a->rt2, second);
    arm_put_x(t, a->rt, first);
    return true;
}

static void end_monitor(TransCtx *t, int rs, IrRef status)
{
    ir_mov(t->f, IR_SLOT(SLOT_EXCL_ADDR), arm_const(t, EXCL_NONE));
    arm_put_x(t, rs, status);
}

/* The value is made after the branches: temps do not live across them. */
static bool store_exclusive(TransCtx *t, const A64ArgsEx *a, unsigned size, bool pair)
{
    IrFunc *f = t->f;
    unsigned fails = ir_label_new(f), done = ir_label_new(f);
    IrRef v, old, status;

    arm_check_sp(t, a->rn);
    ir_brcond(f, IR_I64, IR_NE, IR_SLOT(SLOT_EXCL_ADDR), arm_xsp(a->rn), fails);
    ir_brcond(f, IR_I64, IR_NE, IR_SLOT(SLOT_EXCL_SIZE), arm_const(t, 1U << size), fails);
    v = pair ? two_words(t, arm_x(t, a->rt), arm_x(t, a->rt2)) : arm_x(t, a->rt);
    old = ir_temp(f, IR_I64);
    status = ir_temp(f, IR_I64);
    ir_cas(f, IR_I64, old, arm_xsp(a->rn), IR_SLOT(SLOT_EXCL_VAL0), v,
           exclusive(t, size, a->o0 ? IR_MO_RELEASE : 0));
    ir_setcond(f, IR_I64, IR_NE, status, old, IR_SLOT(SLOT_EXCL_VAL0));
    end_monitor(t, a->rs, status);
    ir_br(f, done);
    ir_label(f, fails);
    end_monitor(t, a->rs, arm_const(t, 1));
    ir_label(f, done);
    return true;
}

bool a64_trans_stxr(TransCtx *t, const A64ArgsEx *a)
{
    return store_exclusive(t, a, (unsigned)a->size, false);
}

bool a64_trans_stxp(TransCtx *t, const A64ArgsEx *a)
{
    IrRef status;

    if (!a->size)
        return store_exclusive(t, a, 3, true);
    arm_check_sp(t, a->rn);
    status = ir_temp(t->f, IR_I64);
    ir_call(t->f, &arm_helper_stxp, status, arm_xsp(a->rn), arm_x(t, a->rt), arm_x(t, a->rt2),
            IR_NONE);
    end_monitor(t, a->rs, status);
    return true;
}

/* --- atomic --- */

static bool atomic(TransCtx *t, const A64ArgsLse *a, IrRmw op)
{
    IrMemOp m = check_alignment(t, a->rn, 0,
                                ordered(t, (unsigned)a->size, IR_MO_ACQUIRE | IR_MO_RELEASE), true);

    ir_rmw(t->f, IR_I64, op, arm_xd(a->rt), arm_xsp(a->rn), arm_x(t, a->rs), m);
    return true;
}

#define LSE(name, op)                                                                          \
    bool a64_trans_##name(TransCtx *t, const A64ArgsLse *a)                                    \
    {                                                                                          \
        return atomic(t, a, op);                                                               \
    }
LSE(ldadd, IR_RMW_ADD)
LSE(ldclr, IR_RMW_ANDN)
LSE(ldeor, IR_RMW_XOR)
LSE(ldset, IR_RMW_OR)
LSE(ldsmax, IR_RMW_SMAX)
LSE(ldsmin, IR_RMW_SMIN)
LSE(ldumax, IR_RMW_UMAX)
LSE(ldumin, IR_RMW_UMIN)
LSE(swp, IR_RMW_SWAP)
#undef LSE

bool a64_trans_cas(TransCtx *t, const A64ArgsCas *a)
{
    IrMemOp m = check_alignment(t, a->rn, 0,
                                ordered(t, (unsigned)a->size, IR_MO_ACQUIRE | IR_MO_RELEASE), true);

    ir_cas(t->f, IR_I64, arm_xd(a->rs), arm_xsp(a->rn), arm_x(t, a->rs), arm_x(t, a->rt), m);
    return true;
}

/* Pairs are in an even register and the next one; after 30 comes zero. */
bool a64_trans_casp(TransCtx *t, const A64ArgsCas *a)
{
    IrRef first, old, low, high;
    IrMemOp m;

    if (a->size) {
        arm_check_sp(t, a->rn);
        ir_call(t->f, &arm_helper_casp, IR_NONE, arm_xsp(a->rn), arm_const(t, (uint64_t)a->rs),
                arm_const(t, (uint64_t)a->rt), IR_NONE);
        return true;
    }
    m = check_alignment(t, a->rn, 0, ordered(t, 3, IR_MO_ACQUIRE | IR_MO_RELEASE), true);
    first = two_words(t, arm_x(t, a->rs), arm_x(t, a->rs + 1));
    old = ir_temp(t->f, IR_I64);
    ir_cas(t->f, IR_I64, old, arm_xsp(a->rn), first,
           two_words(t, arm_x(t, a->rt), arm_x(t, a->rt + 1)), m);
    low = word_of(t, old, false);
    high = word_of(t, old, true);
    arm_put_x(t, a->rs, low);
    arm_put_x(t, a->rs + 1, high);
    return true;
}
