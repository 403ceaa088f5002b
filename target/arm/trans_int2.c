/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 data processing on general registers (DDI 0487 C6): conditions and flags, multiplication,
 * division, variable shifts, bits and bytes, checksums.
 */
#include "target/arm/trans.h"

/* --- conditional compare and select --- */

#define CCMP(name, add, operand)                                                               \
    bool a64_trans_##name(TransCtx *t, const A64ArgsCondCmp *a)                                \
    {                                                                                          \
        arm_flags_ccmp(t, arm_type(a->sf), add, arm_x(t, a->rn), operand, (unsigned)a->nzcv,   \
                       (unsigned)a->cond);                                                     \
        return true;                                                                           \
    }
CCMP(ccmn_r, true, arm_x(t, a->rm))
CCMP(ccmn_i, true, arm_const(t, (uint64_t)a->rm))
CCMP(ccmp_r, false, arm_x(t, a->rm))
CCMP(ccmp_i, false, arm_const(t, (uint64_t)a->rm))
#undef CCMP

static bool choose(TransCtx *t, const A64ArgsCondSel *a, IrOp op)
{
    IrType type = arm_type(a->sf);
    IrRef n = arm_x(t, a->rn), m = arm_x(t, a->rm);
    ArmCond c;

    if (a->rd == 31)
        return true;
    c = arm_cond(t, (unsigned)a->cond);
    if (op == IR_add)
        m = ir_op2(t->f, op, type, m, arm_const(t, 1));
    else if (op != IR_mov)
        m = ir_op1(t->f, op, type, m);
    arm_select(t, type, c, arm_xd(a->rd), n, m);
    return true;
}

bool a64_trans_csel(TransCtx *t, const A64ArgsCondSel *a)
{
    return choose(t, a, IR_mov);
}

/* dst = condition ? 0 : 1 */
static void setcond_not(TransCtx *t, int cond, IrRef dst)
{
    ArmCond c = arm_cond(t, (unsigned)cond);

    ir_setcond(t->f, c.type, ir_cond_invert(c.cc), dst, c.a, c.b);
}

bool a64_trans_csinc(TransCtx *t, const A64ArgsCondSel *a)
{
    if (a->rn != 31 || a->rm != 31 || a->rd == 31)
        return choose(t, a, IR_add);
    setcond_not(t, a->cond, arm_xd(a->rd));
    return true;
}

bool a64_trans_csinv(TransCtx *t, const A64ArgsCondSel *a)
{
    IrRef v;

    if (a->rn != 31 || a->rm != 31 || a->rd == 31)
        return choose(t, a, IR_not);
    v = ir_temp(t->f, IR_I64);
    setcond_not(t, a->cond, v);
    ir_emit(t->f, IR_neg, arm_type(a->sf), arm_xd(a->rd), v, IR_NONE);
    return true;
}

bool a64_trans_csneg(TransCtx *t, const A64ArgsCondSel *a)
{
    return choose(t, a, IR_neg);
}

/* --- flags as data (FEAT_FlagM, FEAT_FlagM2) --- */

/* Replaces the flags of mask by those of v. */
static void put_flags(TransCtx *t, uint32_t mask, IrRef v)
{
    IrRef old = ir_op2(t->f, IR_and, IR_I64, arm_flags_packed(t),
                       arm_const(t, (uint32_t)PSTATE_NZCV & ~mask));

    v = ir_op2(t->f, IR_and, IR_I64, v, arm_const(t, mask));
    arm_flags_nzcv(t, ir_op2(t->f, IR_or, IR_I64, old, v));
}

bool a64_trans_rmif(TransCtx *t, const A64ArgsRmif *a)
{
    IrRef v = ir_op2(t->f, IR_rotr, IR_I64, arm_x(t, a->rn), arm_const(t, (uint64_t)a->imm));

    put_flags(t, (uint32_t)a->mask << 28, ir_op2(t->f, IR_shl, IR_I64, v, arm_const(t, 28)));
    return true;
}

/* N and Z of the low bits; V where the sign does not agree with the bit above. */
static bool setf(TransCtx *t, int rn, unsigned bits)
{
    IrFunc *f = t->f;
    IrRef x = arm_x(t, rn), z = ir_temp(f, IR_I64), n, v;

    x = ir_op2(f, IR_shl, IR_I32, x, arm_const(t, 32 - bits));
    ir_setcond(f, IR_I32, IR_EQ, z, x, arm_const(t, 0));
    z = ir_op2(f, IR_shl, IR_I64, z, arm_const(t, 30));
    n = ir_op2(f, IR_and, IR_I32, x, arm_const(t, 1U << 31));
    v = ir_op2(f, IR_shr, IR_I32, arm_x(t, rn), arm_const(t, 1));
    v = ir_op2(f, IR_xor, IR_I32, v, arm_x(t, rn));
    v = ir_op2(f, IR_shl, IR_I32, v, arm_const(t, 29 - bits));
    v = ir_op2(f, IR_and, IR_I32, v, arm_const(t, 1U << 28));
    v = ir_op2(f, IR_or, IR_I64, ir_op2(f, IR_or, IR_I64, n, z), v);
    put_flags(t, 0xd0000000, v);
    return true;
}

bool a64_trans_setf8(TransCtx *t, const A64ArgsRn *a)
{
    return setf(t, a->rn, 8);
}

bool a64_trans_setf16(TransCtx *t, const A64ArgsRn *a)
{
    return setf(t, a->rn, 16);
}

void arm_trans_cfinv(TransCtx *t)
{
    arm_flags_nzcv(t, ir_op2(t->f, IR_xor, IR_I64, arm_flags_packed(t), arm_const(t, 1U << 29)));
}

static IrRef packed_bit(TransCtx *t, IrRef p, unsigned bit)
{
    IrRef v = ir_temp(t->f, IR_I64);

    ir_emit(t->f, IR_extract, IR_I64, v, p, IR_NONE)->aux = (uint16_t)(bit | 1 << 8);
    return v;
}

static void pack(TransCtx *t, IrRef n, IrRef z, IrRef c, IrRef v)
{
    IrFunc *f = t->f;

    n = ir_op2(f, IR_shl, IR_I64, n, arm_const(t, 31));
    z = ir_op2(f, IR_shl, IR_I64, z, arm_const(t, 30));
    c = ir_op2(f, IR_shl, IR_I64, c, arm_const(t, 29));
    v = ir_op2(f, IR_shl, IR_I64, v, arm_const(t, 28));
    arm_flags_nzcv(t, ir_op2(f, IR_or, IR_I64, ir_op2(f, IR_or, IR_I64, n, z),
                             ir_op2(f, IR_or, IR_I64, c, v)));
}

/* Between the flags of FCMP and another convention. */
void arm_trans_axflag(TransCtx *t)
{
    IrRef p = arm_flags_packed(t), zero = arm_const(t, 0);
    IrRef z = packed_bit(t, p, 30), c = packed_bit(t, p, 29), v = packed_bit(t, p, 28);

    pack(t, zero, ir_op2(t->f, IR_or, IR_I64, z, v), ir_op2(t->f, IR_andn, IR_I64, c, v), zero);
}

void arm_trans_xaflag(TransCtx *t)
{
    IrFunc *f = t->f;
    IrRef p = arm_flags_packed(t), one = arm_const(t, 1);
    IrRef z = packed_bit(t, p, 30), c = packed_bit(t, p, 29);
    IrRef either = ir_op2(f, IR_or, IR_I64, c, z);

    pack(t, ir_op2(f, IR_xor, IR_I64, either, one), ir_op2(f, IR_and, IR_I64, z, c), either,
         ir_op2(f, IR_andn, IR_I64, z, c));
}

/* --- multiplication and division --- */

static bool mul_add(TransCtx *t, const A64ArgsR4 *a, IrOp op, IrOp extend)
{
    IrType type = arm_type(a->sf);
    IrRef n = arm_x(t, a->rn), m = arm_x(t, a->rm), v;

    if (a->rd == 31)
        return true;
    if (extend != IR_mov) {
        n = ir_op1(t->f, extend, IR_I64, n);
        m = ir_op1(t->f, extend, IR_I64, m);
    }
    if (a->ra == 31 && op == IR_add) {
        ir_emit(t->f, IR_mul, type, arm_xd(a->rd), n, m);
        return true;
    }
    v = ir_op2(t->f, IR_mul, type, n, m);
    ir_emit(t->f, op, type, arm_xd(a->rd), arm_x(t, a->ra), v);
    return true;
}

#define MUL(name, op, extend)                                                                  \
    bool a64_trans_##name(TransCtx *t, const A64ArgsR4 *a)                                     \
    {                                                                                          \
        return mul_add(t, a, op, extend);                                                      \
    }
MUL(madd, IR_add, IR_mov)
MUL(msub, IR_sub, IR_mov)
MUL(smaddl, IR_add, IR_sext32)
MUL(smsubl, IR_sub, IR_sext32)
MUL(umaddl, IR_add, IR_zext32)
MUL(umsubl, IR_sub, IR_zext32)
#undef MUL

/* Division by zero gives zero. */
static bool divide(TransCtx *t, const A64ArgsR3 *a, IrOp op)
{
    IrType type = arm_type(a->sf);
    IrRef m = arm_x(t, a->rm), q, zero = arm_const(t, 0);

    if (a->rd == 31)
        return true;
    q = ir_op2(t->f, op, type, arm_x(t, a->rn), m);
    ir_select(t->f, type, IR_EQ, arm_xd(a->rd), m, zero, zero, q);
    return true;
}

bool a64_trans_udiv(TransCtx *t, const A64ArgsR3 *a)
{
    return divide(t, a, IR_divu);
}

bool a64_trans_sdiv(TransCtx *t, const A64ArgsR3 *a)
{
    return divide(t, a, IR_divs);
}

#define OP2(name, op)                                                                          \
    bool a64_trans_##name(TransCtx *t, const A64ArgsR3 *a)                                     \
    {                                                                                          \
        if (a->rd != 31)                                                                       \
            ir_emit(t->f, op, arm_type(a->sf), arm_xd(a->rd), arm_x(t, a->rn),                 \
                    arm_x(t, a->rm));                                                          \
        return true;                                                                           \
    }
OP2(smulh, IR_mulhs)
OP2(umulh, IR_mulhu)
OP2(lslv, IR_shl)
OP2(lsrv, IR_shr)
OP2(asrv, IR_sar)
OP2(rorv, IR_rotr)
#undef OP2

/* --- bits and bytes --- */

/*
 * RBIT and then CLZ is how compilers count trailing zeros: what the RBIT was of is kept in a temp
 * (TD_RBIT) until the next instruction.
 */
static uint64_t rbit_note(unsigned at, int sf, int rd)
{
    return (uint64_t)at << 32 | 1U << 25 | (uint64_t)sf << 24 | (uint64_t)rd << 16;
}

bool a64_trans_rbit(TransCtx *t, const A64ArgsR1 *a)
{
    IrRef v = ir_temp(t->f, IR_I64), r;

    if (a->rd == 31)
        return true;
    ir_emit(t->f, IR_mov, arm_type(a->sf), v, arm_x(t, a->rn), IR_NONE);
    r = ir_temp(t->f, IR_I64);
    ir_call(t->f, &arm_helper_rbit, r, v, arm_const(t, a->sf ? 0 : 32), IR_NONE, IR_NONE);
    ir_mov(t->f, arm_xd(a->rd), r);
    t->target_data[TD_RBIT] = rbit_note(t->f->n, a->sf, a->rd) | v;
    return true;
}

bool a64_trans_clz(TransCtx *t, const A64ArgsR1 *a)
{
    uint64_t note = rbit_note(t->f->n - 1, a->sf, a->rn); /* before the insn marker */

    if (a->rd == 31)
        return true;
    if (t->target_data[TD_RBIT] >> 16 == note >> 16)
        ir_emit(t->f, IR_ctz, arm_type(a->sf), arm_xd(a->rd), (IrRef)t->target_data[TD_RBIT],
                IR_NONE);
    else
        ir_emit(t->f, IR_clz, arm_type(a->sf), arm_xd(a->rd), arm_x(t, a->rn), IR_NONE);
    return true;
}

bool a64_trans_cls(TransCtx *t, const A64ArgsR1 *a)
{
    IrType type = arm_type(a->sf);
    IrRef x = arm_x(t, a->rn), v;

    if (a->rd == 31)
        return true;
    v = ir_op2(t->f, IR_sar, type, x, arm_const(t, 1));
    v = ir_op1(t->f, IR_clz, type, ir_op2(t->f, IR_xor, type, v, x));
    ir_emit(t->f, IR_sub, type, arm_xd(a->rd), v, arm_const(t, 1));
    return true;
}

bool a64_trans_rev16(TransCtx *t, const A64ArgsR1 *a)
{
    IrType type = arm_type(a->sf);
    IrRef x = arm_x(t, a->rn), even = arm_const(t, a->sf ? 0x00ff00ff00ff00ffULL : 0x00ff00ff);
    IrRef up, down;

    if (a->rd == 31)
        return true;
    up = ir_op2(t->f, IR_and, type, x, even);
    up = ir_op2(t->f, IR_shl, type, up, arm_const(t, 8));
    down = ir_op2(t->f, IR_shr, type, x, arm_const(t, 8));
    down = ir_op2(t->f, IR_and, type, down, even);
    ir_emit(t->f, IR_or, type, arm_xd(a->rd), up, down);
    return true;
}

bool a64_trans_rev32(TransCtx *t, const A64ArgsR1 *a)
{
    if (a->rd == 31)
        return true;
    if (a->sf) {
        IrRef v = ir_op1(t->f, IR_bswap64, IR_I64, arm_x(t, a->rn));
        ir_emit(t->f, IR_rotr, IR_I64, arm_xd(a->rd), v, arm_const(t, 32));
    } else {
        ir_emit(t->f, IR_bswap32, IR_I64, arm_xd(a->rd), arm_x(t, a->rn), IR_NONE);
    }
    return true;
}

bool a64_trans_rev64(TransCtx *t, const A64ArgsR1 *a)
{
    if (a->rd != 31)
        ir_emit(t->f, IR_bswap64, IR_I64, arm_xd(a->rd), arm_x(t, a->rn), IR_NONE);
    return true;
}

/* --- checksums --- */

static bool checksum(TransCtx *t, const A64ArgsCrc *a, const IrHelper *h)
{
    if (a->rd != 31)
        ir_call(t->f, h, arm_xd(a->rd), arm_x(t, a->rn), arm_x(t, a->rm),
                arm_const(t, 1ULL << a->size), IR_NONE);
    return true;
}

bool a64_trans_crc32(TransCtx *t, const A64ArgsCrc *a)
{
    return checksum(t, a, &arm_helper_crc32);
}

bool a64_trans_crc32c(TransCtx *t, const A64ArgsCrc *a)
{
    return checksum(t, a, &arm_helper_crc32c);
}
