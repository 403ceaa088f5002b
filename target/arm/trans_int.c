/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A64 data processing on general registers (DDI 0487 C6): arithmetic, logic, moves, fields. */
#include "target/arm/trans.h"

/* --- operands --- */

static IrRef shifted(TransCtx *t, const A64ArgsShifted *a)
{
    static const uint8_t op[] = { IR_shl, IR_shr, IR_sar, IR_rotr };
    IrRef v = arm_x(t, a->rm);

    return a->amount ? ir_op2(t->f, op[a->type], arm_type(a->sf), v,
                              arm_const(t, (uint64_t)a->amount)) : v;
}

/* A shift by more than the width is unallocated. */
static bool amount_ok(const A64ArgsShifted *a)
{
    return a->sf || a->amount < 32;
}

/* ExtendReg(): UXTB to SXTX, then a shift to the left. */
IrRef arm_extended(TransCtx *t, IrType type, int rm, int option, int amount)
{
    static const uint8_t op[] = {
        IR_zext8, IR_zext16, IR_zext32, IR_mov, IR_sext8, IR_sext16, IR_sext32, IR_mov,
    };
    IrRef v = arm_x(t, rm);

    if ((option & 3) < 2 || ((option & 3) == 2 && type == IR_I64))
        v = ir_op1(t->f, op[option], type, v);
    return amount ? ir_op2(t->f, IR_shl, type, v, arm_const(t, (uint64_t)amount)) : v;
}

/* X[rd] = a op b */
static bool op2(TransCtx *t, IrOp op, int sf, int rd, IrRef a, IrRef b)
{
    if (rd != 31)
        ir_emit(t->f, op, arm_type(sf), IR_SLOT(SLOT_X0 + rd), a, b);
    return true;
}

static bool move(TransCtx *t, int sf, int rd, IrRef v)
{
    return op2(t, IR_mov, sf, rd, v, IR_NONE);
}

/* --- add and subtract --- */

static bool add_flags(TransCtx *t, int sf, IrRef a, IrRef b, int rd)
{
    IrType type = arm_type(sf);

    arm_flags_add(t, type, a, b, rd == 31 ? IR_NONE : ir_op2(t->f, IR_add, type, a, b), rd);
    return true;
}

static bool sub_flags(TransCtx *t, int sf, IrRef a, IrRef b, int rd)
{
    IrType type = arm_type(sf);

    arm_flags_sub(t, type, a, b, rd == 31 ? IR_NONE : ir_op2(t->f, IR_sub, type, a, b), rd);
    return true;
}

static uint64_t add_imm(const A64ArgsAddImm *a)
{
    return (uint64_t)a->imm << 12 * a->sh;
}

bool a64_trans_add_i(TransCtx *t, const A64ArgsAddImm *a)
{
    if (a->rd == 31 && a->rn == 31 && a->sf)
        arm_add_sp(t, (int64_t)add_imm(a));
    else
        ir_emit(t->f, IR_add, arm_type(a->sf), arm_xsp(a->rd), arm_xsp(a->rn),
                arm_const(t, add_imm(a)));
    return true;
}

bool a64_trans_sub_i(TransCtx *t, const A64ArgsAddImm *a)
{
    if (a->rd == 31 && a->rn == 31 && a->sf)
        arm_add_sp(t, -(int64_t)add_imm(a));
    else
        ir_emit(t->f, IR_sub, arm_type(a->sf), arm_xsp(a->rd), arm_xsp(a->rn),
                arm_const(t, add_imm(a)));
    return true;
}

bool a64_trans_adds_i(TransCtx *t, const A64ArgsAddImm *a)
{
    return add_flags(t, a->sf, arm_xsp(a->rn), arm_const(t, add_imm(a)), a->rd);
}

bool a64_trans_subs_i(TransCtx *t, const A64ArgsAddImm *a)
{
    return sub_flags(t, a->sf, arm_xsp(a->rn), arm_const(t, add_imm(a)), a->rd);
}

bool a64_trans_add_r(TransCtx *t, const A64ArgsShifted *a)
{
    return amount_ok(a) && op2(t, IR_add, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));
}

bool a64_trans_sub_r(TransCtx *t, const A64ArgsShifted *a)
{
    return amount_ok(a) && op2(t, IR_sub, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));
}

bool a64_trans_adds_r(TransCtx *t, const A64ArgsShifted *a)
{
    return amount_ok(a) && add_flags(t, a->sf, arm_x(t, a->rn), shifted(t, a), a->rd);
}

bool a64_trans_subs_r(TransCtx *t, const A64ArgsShifted *a)
{
    return amount_ok(a) && sub_flags(t, a->sf, arm_x(t, a->rn), shifted(t, a), a->rd);
}

static IrRef extended(TransCtx *t, const A64ArgsShifted *a)
{
    return arm_extended(t, arm_type(a->sf), a->rm, a->type, a->amount);
}

bool a64_trans_add_x(TransCtx *t, const A64ArgsShifted *a)
{
    ir_emit(t->f, IR_add, arm_type(a->sf), arm_xsp(a->rd), arm_xsp(a->rn), extended(t, a));
    return true;
}

bool a64_trans_sub_x(TransCtx *t, const A64ArgsShifted *a)
{
    ir_emit(t->f, IR_sub, arm_type(a->sf), arm_xsp(a->rd), arm_xsp(a->rn), extended(t, a));
    return true;
}

bool a64_trans_adds_x(TransCtx *t, const A64ArgsShifted *a)
{
    return add_flags(t, a->sf, arm_xsp(a->rn), extended(t, a), a->rd);
}

bool a64_trans_subs_x(TransCtx *t, const A64ArgsShifted *a)
{
    return sub_flags(t, a->sf, arm_xsp(a->rn), extended(t, a), a->rd);
}

static bool add_carry(TransCtx *t, const A64ArgsR3 *a, bool subtract, bool flags)
{
    IrType type = arm_type(a->sf);
    IrRef carry = arm_carry(t), n = arm_x(t, a->rn), b = arm_x(t, a->rm);

    if (subtract)
        b = ir_op1(t->f, IR_not, type, b);
    if (flags)
        arm_flags_adc(t, type, n, b, carry, a->rd);
    else if (a->rd != 31)
        ir_addc(t->f, type, arm_xd(a->rd), n, b, carry);
    return true;
}

bool a64_trans_adc(TransCtx *t, const A64ArgsR3 *a)
{
    return add_carry(t, a, false, false);
}

bool a64_trans_adcs(TransCtx *t, const A64ArgsR3 *a)
{
    return add_carry(t, a, false, true);
}

bool a64_trans_sbc(TransCtx *t, const A64ArgsR3 *a)
{
    return add_carry(t, a, true, false);
}

bool a64_trans_sbcs(TransCtx *t, const A64ArgsR3 *a)
{
    return add_carry(t, a, true, true);
}

/* --- logic --- */

/* DecodeBitMasks(): the immediate of logical instructions; false: reserved. */
static bool bit_mask(const A64ArgsLogImm *a, uint64_t *imm)
{
    unsigned field = (unsigned)a->n << 6 | (~(unsigned)a->imms & 63);
    unsigned len, size, ones, rot;
    uint64_t v;

    if ((a->n && !a->sf) || field < 2)
        return false;
    len = 31 - (unsigned)__builtin_clz(field);
    size = 1U << len;
    ones = ((unsigned)a->imms & (size - 1)) + 1;
    rot = (unsigned)a->immr & (size - 1);
    if (ones == size)
        return false;
    v = MASK(ones);
    if (rot)
        v = (v >> rot | v << (size - rot)) & MASK(size);
    for (; size < 64; size *= 2)
        v |= v << size;
    *imm = a->sf ? v : (uint32_t)v;
    return true;
}

static bool logic_imm(TransCtx *t, const A64ArgsLogImm *a, IrOp op)
{
    uint64_t imm;

    if (!bit_mask(a, &imm))
        return false;
    ir_emit(t->f, op, arm_type(a->sf), arm_xsp(a->rd), arm_x(t, a->rn), arm_const(t, imm));
    return true;
}

bool a64_trans_and_i(TransCtx *t, const A64ArgsLogImm *a)
{
    return logic_imm(t, a, IR_and);
}

bool a64_trans_orr_i(TransCtx *t, const A64ArgsLogImm *a)
{
    return logic_imm(t, a, IR_or);
}

bool a64_trans_eor_i(TransCtx *t, const A64ArgsLogImm *a)
{
    return logic_imm(t, a, IR_xor);
}

static bool and_flags(TransCtx *t, IrOp op, int sf, int rd, IrRef a, IrRef b)
{
    IrType type = arm_type(sf);

    arm_flags_logic(t, type, ir_op2(t->f, op, type, a, b), rd);
    return true;
}

bool a64_trans_ands_i(TransCtx *t, const A64ArgsLogImm *a)
{
    uint64_t imm;

    return bit_mask(a, &imm) &&
           and_flags(t, IR_and, a->sf, a->rd, arm_x(t, a->rn), arm_const(t, imm));
}

bool a64_trans_ands_r(TransCtx *t, const A64ArgsShifted *a)
{
    return amount_ok(a) &&
           and_flags(t, IR_and, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));
}

bool a64_trans_bics_r(TransCtx *t, const A64ArgsShifted *a)
{
    return amount_ok(a) &&
           and_flags(t, IR_andn, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));
}

#define LOGIC(name, op)                                                                        \
    bool a64_trans_##name(TransCtx *t, const A64ArgsShifted *a)                                \
    {                                                                                          \
        return amount_ok(a) && op2(t, op, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));       \
    }
LOGIC(and_r, IR_and)
LOGIC(bic_r, IR_andn)
LOGIC(eor_r, IR_xor)
LOGIC(eon_r, IR_xnor)
#undef LOGIC

bool a64_trans_orr_r(TransCtx *t, const A64ArgsShifted *a)
{
    if (!amount_ok(a))
        return false;
    if (a->rn == 31)
        return move(t, a->sf, a->rd, shifted(t, a));
    return op2(t, IR_or, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));
}

bool a64_trans_orn_r(TransCtx *t, const A64ArgsShifted *a)
{
    if (!amount_ok(a))
        return false;
    if (a->rn == 31)
        return op2(t, IR_not, a->sf, a->rd, shifted(t, a), IR_NONE);
    return op2(t, IR_orn, a->sf, a->rd, arm_x(t, a->rn), shifted(t, a));
}

/* --- moves and fields --- */

static bool address(TransCtx *t, int rd, uint64_t va)
{
    if (rd != 31)
        ir_set_address(t->f, IR_SLOT(SLOT_X0 + rd), va);
    return true;
}

bool a64_trans_adr(TransCtx *t, const A64ArgsAdr *a)
{
    return address(t, a->rd, t->pc + (uint64_t)(int64_t)a->imm);
}

bool a64_trans_adrp(TransCtx *t, const A64ArgsAdr *a)
{
    return address(t, a->rd, (t->pc & ~0xfffULL) + ((uint64_t)(int64_t)a->imm << 12));
}

bool a64_trans_movz(TransCtx *t, const A64ArgsMovW *a)
{
    if (!a->sf && a->hw > 1)
        return false;
    return move(t, 1, a->rd, arm_const(t, (uint64_t)a->imm << 16 * a->hw));
}

bool a64_trans_movn(TransCtx *t, const A64ArgsMovW *a)
{
    uint64_t v = ~((uint64_t)a->imm << 16 * a->hw);

    if (!a->sf && a->hw > 1)
        return false;
    return move(t, 1, a->rd, arm_const(t, a->sf ? v : (uint32_t)v));
}

bool a64_trans_movk(TransCtx *t, const A64ArgsMovW *a)
{
    IrRef d = arm_xd(a->rd);

    if (!a->sf && a->hw > 1)
        return false;
    if (a->rd != 31)
        ir_emit(t->f, IR_deposit, arm_type(a->sf), d, d, arm_const(t, (uint64_t)a->imm))->aux =
            (uint16_t)(16 * a->hw | 16 << 8);
    return true;
}

static bool field_ok(const A64ArgsLogImm *a)
{
    return a->sf == a->n && (a->sf || (a->immr < 32 && a->imms < 32));
}

static bool field(TransCtx *t, IrOp op, const A64ArgsLogImm *a, int start, int len, IrRef dst)
{
    ir_emit(t->f, op, arm_type(a->sf), dst, arm_x(t, a->rn), IR_NONE)->aux =
        (uint16_t)(start | len << 8);
    return true;
}

/* SBFM, UBFM: a field goes to the bottom, or the low bits go up. */
static bool extract_field(TransCtx *t, const A64ArgsLogImm *a, IrOp op)
{
    int width = a->sf ? 64 : 32;
    IrType type = arm_type(a->sf);
    IrRef v;

    if (!field_ok(a))
        return false;
    if (a->rd == 31)
        return true;
    if (a->imms >= a->immr)
        return field(t, op, a, a->immr, a->imms - a->immr + 1, arm_xd(a->rd));
    v = arm_x(t, a->rn);
    if (a->imms + 1 != a->immr) {
        v = ir_temp(t->f, type);
        field(t, op, a, 0, a->imms + 1, v);
    }
    return op2(t, IR_shl, a->sf, a->rd, v, arm_const(t, (uint64_t)(width - a->immr)));
}

bool a64_trans_sbfm(TransCtx *t, const A64ArgsLogImm *a)
{
    return extract_field(t, a, IR_sextract);
}

bool a64_trans_ubfm(TransCtx *t, const A64ArgsLogImm *a)
{
    return extract_field(t, a, IR_extract);
}

bool a64_trans_bfm(TransCtx *t, const A64ArgsLogImm *a)
{
    int width = a->sf ? 64 : 32;
    IrType type = arm_type(a->sf);
    IrRef v = arm_x(t, a->rn), d = arm_xd(a->rd);
    int start = 0, len = a->imms - a->immr + 1;

    if (!field_ok(a))
        return false;
    if (a->rd == 31)
        return true;
    if (a->imms < a->immr) {
        start = width - a->immr;
        len = a->imms + 1;
    } else if (a->immr) {
        v = ir_op2(t->f, IR_shr, type, v, arm_const(t, (uint64_t)a->immr));
    }
    ir_emit(t->f, IR_deposit, type, d, d, v)->aux = (uint16_t)(start | len << 8);
    return true;
}

bool a64_trans_extr(TransCtx *t, const A64ArgsShifted *a)
{
    int width = a->sf ? 64 : 32;
    IrType type = arm_type(a->sf);
    IrRef low = arm_x(t, a->rm), high = arm_x(t, a->rn);

    if (a->type != a->sf || a->amount >= width)
        return false;
    if (!a->amount)
        return move(t, a->sf, a->rd, low);
    if (a->rn == a->rm)
        return op2(t, IR_rotr, a->sf, a->rd, low, arm_const(t, (uint64_t)a->amount));
    low = ir_op2(t->f, IR_shr, type, low, arm_const(t, (uint64_t)a->amount));
    high = ir_op2(t->f, IR_shl, type, high, arm_const(t, (uint64_t)(width - a->amount)));
    return op2(t, IR_or, a->sf, a->rd, low, high);
}
