/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 loads and stores of general registers but for the atomic ones (DDI 0487 C6).
 *
 * Where writeback and transfer name the same register the architecture promises nothing; here the
 * base has the last word.
 */
#include "target/arm/trans.h"

/* --- one register --- */

/* To 64 bits, or sign-extended to 32. */
enum { PLAIN, SIGN64, SIGN32 };

static void load(TransCtx *t, IrRef dst, IrRef addr, int64_t offset, IrMemOp m, int kind)
{
    ir_ld(t->f, kind == SIGN32 ? IR_I32 : IR_I64, dst, addr, offset,
          m | (kind == PLAIN ? 0 : (unsigned)IR_MO_SIGN));
}

static bool load_imm(TransCtx *t, const A64ArgsLdSt *a, int64_t offset, int kind)
{
    arm_check_sp(t, a->rn);
    load(t, arm_xd(a->rt), arm_xsp(a->rn), offset, arm_memop(t, (unsigned)a->size), kind);
    return true;
}

static bool store_imm(TransCtx *t, const A64ArgsLdSt *a, int64_t offset)
{
    arm_check_sp(t, a->rn);
    ir_st(t->f, IR_I64, arm_x(t, a->rt), arm_xsp(a->rn), offset, arm_memop(t, (unsigned)a->size));
    return true;
}

static bool load_wb(TransCtx *t, const A64ArgsLdSt *a, bool pre, int kind)
{
    bool same = a->rt == a->rn && a->rn != 31;
    IrRef dst = same ? ir_temp(t->f, IR_I64) : arm_xd(a->rt);

    arm_check_sp(t, a->rn);
    load(t, dst, arm_xsp(a->rn), pre ? a->imm : 0, arm_memop(t, (unsigned)a->size), kind);
    arm_writeback(t, a->rn, a->imm);
    return true;
}

static bool store_wb(TransCtx *t, const A64ArgsLdSt *a, bool pre)
{
    store_imm(t, a, pre ? a->imm : 0);
    arm_writeback(t, a->rn, a->imm);
    return true;
}

/* LDTR and STTR: as EL0 would, from EL1. */
static IrMemOp unpriv_memop(TransCtx *t, int size)
{
    IrMemOp m = arm_memop(t, (unsigned)size);

    if (t->mode & MODE_UNPRIV && !(t->mode & MODE_UAO))
        m |= IR_MO_IDX | ARM_MMU_USER << IR_MO_IDX_SHIFT;
    return m;
}

static bool load_unpriv(TransCtx *t, const A64ArgsLdSt *a, int kind)
{
    arm_check_sp(t, a->rn);
    load(t, arm_xd(a->rt), arm_xsp(a->rn), a->imm, unpriv_memop(t, a->size), kind);
    return true;
}

bool a64_trans_sttr(TransCtx *t, const A64ArgsLdSt *a)
{
    arm_check_sp(t, a->rn);
    ir_st(t->f, IR_I64, arm_x(t, a->rt), arm_xsp(a->rn), a->imm, unpriv_memop(t, a->size));
    return true;
}

#define LDST(name, what)                                                                       \
    bool a64_trans_##name(TransCtx *t, const A64ArgsLdSt *a)                                   \
    {                                                                                          \
        return what;                                                                           \
    }
#define SCALED ((int64_t)a->imm << a->size)
LDST(str_u, store_imm(t, a, SCALED))
LDST(ldr_u, load_imm(t, a, SCALED, PLAIN))
LDST(ldrs64_u, load_imm(t, a, SCALED, SIGN64))
LDST(ldrs32_u, load_imm(t, a, SCALED, SIGN32))
LDST(stur, store_imm(t, a, a->imm))
LDST(ldur, load_imm(t, a, a->imm, PLAIN))
LDST(ldurs64, load_imm(t, a, a->imm, SIGN64))
LDST(ldurs32, load_imm(t, a, a->imm, SIGN32))
LDST(str_post, store_wb(t, a, false))
LDST(ldr_post, load_wb(t, a, false, PLAIN))
LDST(ldrs64_post, load_wb(t, a, false, SIGN64))
LDST(ldrs32_post, load_wb(t, a, false, SIGN32))
LDST(str_pre, store_wb(t, a, true))
LDST(ldr_pre, load_wb(t, a, true, PLAIN))
LDST(ldrs64_pre, load_wb(t, a, true, SIGN64))
LDST(ldrs32_pre, load_wb(t, a, true, SIGN32))
LDST(ldtr, load_unpriv(t, a, PLAIN))
LDST(ldtrs64, load_unpriv(t, a, SIGN64))
LDST(ldtrs32, load_unpriv(t, a, SIGN32))
#undef LDST
#undef SCALED

/* X[rn] or SP plus an extended register. */
IrRef arm_reg_address(TransCtx *t, int rn, int rm, int option, int shift)
{
    arm_check_sp(t, rn);
    return ir_op2(t->f, IR_add, IR_I64, arm_xsp(rn), arm_extended(t, IR_I64, rm, option, shift));
}

static bool load_reg(TransCtx *t, const A64ArgsLdStR *a, int kind)
{
    IrRef addr = arm_reg_address(t, a->rn, a->rm, a->option, a->s ? a->size : 0);

    load(t, arm_xd(a->rt), addr, 0, arm_memop(t, (unsigned)a->size), kind);
    return true;
}

bool a64_trans_str_r(TransCtx *t, const A64ArgsLdStR *a)
{
    IrRef addr = arm_reg_address(t, a->rn, a->rm, a->option, a->s ? a->size : 0);

    ir_st(t->f, IR_I64, arm_x(t, a->rt), addr, 0, arm_memop(t, (unsigned)a->size));
    return true;
}

bool a64_trans_ldr_r(TransCtx *t, const A64ArgsLdStR *a)
{
    return load_reg(t, a, PLAIN);
}

bool a64_trans_ldrs64_r(TransCtx *t, const A64ArgsLdStR *a)
{
    return load_reg(t, a, SIGN64);
}

bool a64_trans_ldrs32_r(TransCtx *t, const A64ArgsLdStR *a)
{
    return load_reg(t, a, SIGN32);
}

static bool literal(TransCtx *t, const A64ArgsLit *a, unsigned size, int kind)
{
    load(t, arm_xd(a->rt), ir_address(t->f, t->pc + (uint64_t)(int64_t)a->imm), 0,
         arm_memop(t, size), kind);
    return true;
}

bool a64_trans_ldr_w_lit(TransCtx *t, const A64ArgsLit *a)
{
    return literal(t, a, 2, PLAIN);
}

bool a64_trans_ldr_x_lit(TransCtx *t, const A64ArgsLit *a)
{
    return literal(t, a, 3, PLAIN);
}

bool a64_trans_ldrsw_lit(TransCtx *t, const A64ArgsLit *a)
{
    return literal(t, a, 2, SIGN64);
}

/* Caches are not modelled: prefetches do nothing. */
bool a64_trans_prfm(TransCtx *t, const A64ArgsN *a)
{
    return true;
}

/* LDRAA, LDRAB: the base is authenticated first, without a modifier. */
bool a64_trans_ldraa(TransCtx *t, const A64ArgsLdraa *a)
{
    IrRef base, addr = IR_NONE;
    IrRef key = arm_const(t, ARM_PAC_AUT | ARM_PAC_COMBINED | (a->m ? ARM_PAC_DB : ARM_PAC_DA));

    arm_check_sp(t, a->rn);
    base = ir_temp(t->f, IR_I64);
    ir_call(t->f, &arm_helper_pac, base, arm_xsp(a->rn), arm_const(t, 0), key, IR_NONE);
    addr = ir_op2(t->f, IR_add, IR_I64, base, arm_const(t, (uint64_t)(int64_t)a->imm));
    ir_ld(t->f, IR_I64, a->w && a->rt == a->rn ? ir_temp(t->f, IR_I64) : arm_xd(a->rt), addr, 0,
          arm_memop(t, 3));
    if (a->w)
        ir_mov(t->f, arm_xsp(a->rn), addr);
    return true;
}

/* --- two registers --- */

/* opc: two words, two words sign-extended (loads only), two doublewords. */
static unsigned pair_size(const A64ArgsPair *a)
{
    return a->opc == 2 ? 3 : 2;
}

static int64_t pair_offset(const A64ArgsPair *a)
{
    return (int64_t)a->imm * (1 << pair_size(a));
}

static void load_pair(TransCtx *t, const A64ArgsPair *a, int64_t offset, bool wb)
{
    unsigned size = pair_size(a);
    IrMemOp m = arm_memop(t, size);
    int kind = a->opc == 1 ? SIGN64 : PLAIN;
    IrRef v, base = arm_xsp(a->rn), second = arm_xd(a->rt2);

    arm_check_sp(t, a->rn);
    v = ir_temp(t->f, IR_I64);
    load(t, v, base, offset, m, kind);
    if (wb && a->rt2 == a->rn && a->rn != 31)
        second = ir_temp(t->f, IR_I64);
    load(t, second, base, offset + (1 << size), m, kind);
    if (!wb || a->rt != a->rn)
        arm_put_x(t, a->rt, v);
}

static void store_pair(TransCtx *t, const A64ArgsPair *a, int64_t offset)
{
    unsigned size = pair_size(a);
    IrMemOp m = arm_memop(t, size);
    IrRef base = arm_xsp(a->rn);

    arm_check_sp(t, a->rn);
    ir_st(t->f, IR_I64, arm_x(t, a->rt), base, offset, m);
    ir_st(t->f, IR_I64, arm_x(t, a->rt2), base, offset + (1 << size), m);
}

bool a64_trans_stp(TransCtx *t, const A64ArgsPair *a)
{
    store_pair(t, a, pair_offset(a));
    return true;
}

bool a64_trans_stnp(TransCtx *t, const A64ArgsPair *a)
{
    return a64_trans_stp(t, a);
}

bool a64_trans_stp_post(TransCtx *t, const A64ArgsPair *a)
{
    store_pair(t, a, 0);
    arm_writeback(t, a->rn, pair_offset(a));
    return true;
}

bool a64_trans_stp_pre(TransCtx *t, const A64ArgsPair *a)
{
    store_pair(t, a, pair_offset(a));
    arm_writeback(t, a->rn, pair_offset(a));
    return true;
}

bool a64_trans_ldp(TransCtx *t, const A64ArgsPair *a)
{
    load_pair(t, a, pair_offset(a), false);
    return true;
}

bool a64_trans_ldnp(TransCtx *t, const A64ArgsPair *a)
{
    return a64_trans_ldp(t, a);
}

bool a64_trans_ldp_post(TransCtx *t, const A64ArgsPair *a)
{
    load_pair(t, a, 0, true);
    arm_writeback(t, a->rn, pair_offset(a));
    return true;
}

bool a64_trans_ldp_pre(TransCtx *t, const A64ArgsPair *a)
{
    load_pair(t, a, pair_offset(a), true);
    arm_writeback(t, a->rn, pair_offset(a));
    return true;
}
