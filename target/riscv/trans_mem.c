/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V loads, stores, fences, atomics (A, Zacas) and cache-block operations.
 *
 * Plain accesses may be misaligned; A requires alignment ("A" chapter: misaligned LR/SC/AMO raise
 * exceptions, no misaligned atomicity granule here). The reservation of LR is its address and the
 * value it read; SC is a compare-and-swap with that value, which a store of the same value by
 * another hart in between does not fail (ABA).
 */
#include "target/riscv/trans.h"

/* --- loads and stores --- */

static bool load(TransCtx *t, const RiscvArgsI *a, IrMemOp m)
{
    ir_ld(t->f, IR_I64, riscv_xd(a->rd), riscv_x(t, a->rs1), a->imm, m);
    return true;
}

static bool store(TransCtx *t, const RiscvArgsS *a, IrRef value, IrMemOp m)
{
    ir_st(t->f, IR_I64, value, riscv_x(t, a->rs1), a->imm, m);
    return true;
}

#define LOAD(name, m)                                                                          \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsI *a)                                  \
    {                                                                                          \
        return load(t, a, m);                                                                  \
    }
#define STORE(name, m)                                                                         \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsS *a)                                  \
    {                                                                                          \
        return store(t, a, riscv_x(t, a->rs2), m);                                             \
    }
#define FSTORE(name, m)                                                                        \
    bool riscv_trans_##name(TransCtx *t, const RiscvArgsS *a)                                  \
    {                                                                                          \
        return store(t, a, riscv_f(a->rs2), m);                                                \
    }
LOAD(lb, IR_MO_8 | IR_MO_SIGN)
LOAD(lh, IR_MO_16 | IR_MO_SIGN)
LOAD(lw, IR_MO_32 | IR_MO_SIGN)
LOAD(ld, IR_MO_64)
LOAD(lbu, IR_MO_8)
LOAD(lhu, IR_MO_16)
LOAD(lwu, IR_MO_32)
STORE(sb, IR_MO_8)
STORE(sh, IR_MO_16)
STORE(sw, IR_MO_32)
STORE(sd, IR_MO_64)
FSTORE(fsh, IR_MO_16)
FSTORE(fsw, IR_MO_32)
FSTORE(fsd, IR_MO_64)
#undef LOAD
#undef STORE
#undef FSTORE

bool riscv_trans_fld(TransCtx *t, const RiscvArgsI *a)
{
    ir_ld(t->f, IR_I64, riscv_f(a->rd), riscv_x(t, a->rs1), a->imm, IR_MO_64);
    return true;
}

bool riscv_trans_flw(TransCtx *t, const RiscvArgsI *a)
{
    IrRef v = ir_temp(t->f, IR_F32);

    ir_ld(t->f, IR_F32, v, riscv_x(t, a->rs1), a->imm, IR_MO_32);
    ir_emit(t->f, IR_fbox, IR_F64, riscv_f(a->rd), v, IR_NONE)->type2 = IR_F32;
    return true;
}

/* Narrower values are NaN-boxed: ones above them. */
bool riscv_trans_flh(TransCtx *t, const RiscvArgsI *a)
{
    IrRef v = ir_temp(t->f, IR_I64);

    ir_ld(t->f, IR_I64, v, riscv_x(t, a->rs1), a->imm, IR_MO_16);
    ir_emit(t->f, IR_or, IR_I64, riscv_f(a->rd), v, riscv_const(t, ~0ULL << 16));
    return true;
}

/* --- fences --- */

/*
 * imm has pred above succ, each I O R W; fm, in the ignored bits, can only make the fence weaker
 * (fence.tso). Device input counts as a read, output as a write.
 */
bool riscv_trans_fence(TransCtx *t, const RiscvArgsI *a)
{
    unsigned pred = a->imm >> 4 & 15, succ = a->imm & 15, mask = 0;
    bool pr = pred & 10, pw = pred & 5, sr = succ & 10, sw = succ & 5;

    mask |= pr && sr ? IR_FENCE_RR : 0;
    mask |= pr && sw ? IR_FENCE_RW : 0;
    mask |= pw && sr ? IR_FENCE_WR : 0;
    mask |= pw && sw ? IR_FENCE_WW : 0;
    if (mask) {
        ir_fence(t->f, mask);
    }
    return true;
}

bool riscv_trans_fence_i(TransCtx *t, const RiscvArgsN *a)
{
    ir_call(t->f, &riscv_helper_fence_i, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    riscv_exit_lookup_next(t);
    return true;
}

bool riscv_trans_pause(TransCtx *t, const RiscvArgsN *a)
{
    return true;
}

/* --- atomics --- */

static IrMemOp atomic_memop(const RiscvArgsAmo *a, IrMemOp size)
{
    return size | IR_MO_ALIGN | IR_MO_ATOMIC | (a->aq ? IR_MO_ACQUIRE : 0) |
           (a->rl ? IR_MO_RELEASE : 0);
}

static bool load_reserved(TransCtx *t, const RiscvArgsAmo *a, IrMemOp size)
{
    IrRef v = ir_temp(t->f, IR_I64);

    if (a->rl) { /* with aq: no later than any earlier access; rl alone has no use */
        ir_fence(t->f, IR_FENCE_WR | IR_FENCE_RR);
    }
    ir_ld(t->f, IR_I64, v, riscv_x(t, a->rs1), 0, atomic_memop(a, size) | IR_MO_SIGN);
    ir_mov(t->f, IR_SLOT(SLOT_RES_ADDR), riscv_x(t, a->rs1));
    ir_mov(t->f, IR_SLOT(SLOT_RES_VALUE), v);
    if (a->rd) {
        ir_mov(t->f, IR_SLOT(a->rd), v);
    }
    return true;
}

bool riscv_trans_lr_w(TransCtx *t, const RiscvArgsAmo *a)
{
    return load_reserved(t, a, IR_MO_32);
}

bool riscv_trans_lr_d(TransCtx *t, const RiscvArgsAmo *a)
{
    return load_reserved(t, a, IR_MO_64);
}

static bool store_conditional(TransCtx *t, const RiscvArgsAmo *a, IrType type, IrMemOp size)
{
    IrRef addr = riscv_x(t, a->rs1), res = IR_SLOT(SLOT_RES_ADDR);
    unsigned fail = ir_label_new(t->f), aligned = ir_label_new(t->f), done = ir_label_new(t->f);
    IrRef old;

    ir_brcond(t->f, IR_I64, IR_NE, addr, res, fail);
    old = ir_temp(t->f, type);
    ir_cas(t->f, type, old, addr, IR_SLOT(SLOT_RES_VALUE), riscv_x(t, a->rs2),
           atomic_memop(a, size));
    if (a->rd) {
        ir_setcond(t->f, type, IR_NE, IR_SLOT(a->rd), old, IR_SLOT(SLOT_RES_VALUE));
    }
    ir_mov(t->f, res, riscv_const(t, RES_NONE));
    ir_br(t->f, done);

    /* A reserved address is aligned, so only here it may be that this one isn't. */
    ir_label(t->f, fail);
    ir_brcond(t->f, IR_I64, IR_TSTEQ, addr, riscv_const(t, ir_mo_bytes(size) - 1), aligned);
    ir_call(t->f, &riscv_helper_raise, IR_NONE, riscv_const(t, CAUSE_STORE_MISALIGNED), addr,
            IR_NONE, IR_NONE);
    ir_label(t->f, aligned);
    if (a->rd) {
        ir_mov(t->f, IR_SLOT(a->rd), riscv_const(t, 1));
    }
    ir_mov(t->f, res, riscv_const(t, RES_NONE));
    ir_label(t->f, done);
    return true;
}

bool riscv_trans_sc_w(TransCtx *t, const RiscvArgsAmo *a)
{
    return store_conditional(t, a, IR_I32, IR_MO_32);
}

bool riscv_trans_sc_d(TransCtx *t, const RiscvArgsAmo *a)
{
    return store_conditional(t, a, IR_I64, IR_MO_64);
}

static bool amo_w(TransCtx *t, const RiscvArgsAmo *a, IrRmw op)
{
    IrRef old = a->rd ? ir_temp(t->f, IR_I32) : IR_NONE;

    ir_rmw(t->f, IR_I32, op, old, riscv_x(t, a->rs1), riscv_x(t, a->rs2),
           atomic_memop(a, IR_MO_32));
    if (a->rd) {
        riscv_put_w(t, a->rd, old);
    }
    return true;
}

static bool amo_d(TransCtx *t, const RiscvArgsAmo *a, IrRmw op)
{
    ir_rmw(t->f, IR_I64, op, riscv_xd(a->rd), riscv_x(t, a->rs1), riscv_x(t, a->rs2),
           atomic_memop(a, IR_MO_64));
    return true;
}

#define AMO(name, op)                                                                          \
    bool riscv_trans_##name##_w(TransCtx *t, const RiscvArgsAmo *a)                            \
    {                                                                                          \
        return amo_w(t, a, IR_RMW_##op);                                                       \
    }                                                                                          \
    bool riscv_trans_##name##_d(TransCtx *t, const RiscvArgsAmo *a)                            \
    {                                                                                          \
        return amo_d(t, a, IR_RMW_##op);                                                       \
    }
AMO(amoswap, SWAP)
AMO(amoadd, ADD)
AMO(amoxor, XOR)
AMO(amoand, AND)
AMO(amoor, OR)
AMO(amomin, SMIN)
AMO(amomax, SMAX)
AMO(amominu, UMIN)
AMO(amomaxu, UMAX)
#undef AMO

/* --- Zacas: rd is the expected value and gets the old one --- */

bool riscv_trans_amocas_w(TransCtx *t, const RiscvArgsAmo *a)
{
    IrRef old = a->rd ? ir_temp(t->f, IR_I32) : IR_NONE;

    ir_cas(t->f, IR_I32, old, riscv_x(t, a->rs1), riscv_x(t, a->rd), riscv_x(t, a->rs2),
           atomic_memop(a, IR_MO_32));
    if (a->rd) {
        riscv_put_w(t, a->rd, old);
    }
    return true;
}

bool riscv_trans_amocas_d(TransCtx *t, const RiscvArgsAmo *a)
{
    ir_cas(t->f, IR_I64, riscv_xd(a->rd), riscv_x(t, a->rs1), riscv_x(t, a->rd),
           riscv_x(t, a->rs2), atomic_memop(a, IR_MO_64));
    return true;
}

bool riscv_trans_amocas_q(TransCtx *t, const RiscvArgsAmo *a)
{
    ir_call(t->f, &riscv_helper_cas128, IR_NONE, riscv_x(t, a->rs1), riscv_const(t, a->rd),
            riscv_const(t, a->rs2), IR_NONE);
    return true;
}

/* --- cache blocks --- */

static bool cbo(TransCtx *t, const RiscvArgsRs1 *a, unsigned kind)
{
    ir_call(t->f, &riscv_helper_cbo_check, IR_NONE, riscv_x(t, a->rs1), riscv_const(t, kind),
            IR_NONE, IR_NONE);
    return true;
}

bool riscv_trans_cbo_inval(TransCtx *t, const RiscvArgsRs1 *a)
{
    return cbo(t, a, 0);
}

bool riscv_trans_cbo_clean(TransCtx *t, const RiscvArgsRs1 *a)
{
    return cbo(t, a, 1);
}

bool riscv_trans_cbo_flush(TransCtx *t, const RiscvArgsRs1 *a)
{
    return cbo(t, a, 2);
}

bool riscv_trans_cbo_zero(TransCtx *t, const RiscvArgsRs1 *a)
{
    ir_call(t->f, &riscv_helper_cbo_zero, IR_NONE, riscv_x(t, a->rs1), IR_NONE, IR_NONE, IR_NONE);
    return true;
}

/* A prefetch never faults and there is no cache: nothing to do. */
bool riscv_trans_prefetch(TransCtx *t, const RiscvArgsS *a)
{
    return true;
}
