/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads and stores of SIMD&FP registers (DDI 0487 C4.1.92 ff.).
 *
 * Registers are written after the last access that may fault, the base register last. Structures
 * are moved in pieces of the size of a register and shuffled; with alignment checks (which are by
 * element) or big-endian data element by element.
 */
#include "target/arm/simd.h"

typedef ArmSimdArgsMEM MemArgs;
typedef ArmSimdArgsVEC VecArgs;

#define TRANS(name, args) bool arm_simd_trans_##name(TransCtx *t, const args *a)

static bool is_big_endian(const TransCtx *t)
{
    return t->mode & MODE_EE;
}

static void load(TransCtx *t, unsigned size, IrRef dst, IrRef addr, int64_t offset)
{
    IrRef low, high;

    if (size < 4 || !is_big_endian(t)) {
        ir_ld(t->f, IR_V128, dst, addr, offset, arm_memop(t, size));
        return;
    }
    low = ir_temp(t->f, IR_I64);
    high = ir_temp(t->f, IR_I64);
    ir_ld(t->f, IR_I64, high, addr, offset, arm_memop(t, 3));
    ir_ld(t->f, IR_I64, low, addr, offset + 8, arm_memop(t, 3));
    ir_vec(t->f, IR_vmake, IR_V128, 0, dst, low, high, IR_NONE, 0);
}

static void store(TransCtx *t, unsigned size, IrRef v, IrRef addr, int64_t offset)
{
    IrRef high;

    if (size < 4 || !is_big_endian(t)) {
        ir_st(t->f, IR_V128, v, addr, offset, arm_memop(t, size));
        return;
    }
    high = ir_temp(t->f, IR_I64);
    ir_vec(t->f, IR_vget, IR_I64, IR_VE_64, high, v, IR_NONE, IR_NONE, 1);
    ir_st(t->f, IR_I64, high, addr, offset, arm_memop(t, 3));
    ir_st(t->f, IR_I64, v, addr, offset + 8, arm_memop(t, 3));
}

static void move(TransCtx *t, int rd, IrRef v)
{
    ir_emit(t->f, IR_mov, IR_V128, arm_v(rd & 31), v, IR_NONE);
}

/* --- one register, and pairs --- */

static void ldst_at(TransCtx *t, const MemArgs *a, IrRef addr, int64_t offset)
{
    if (a->load)
        load(t, (unsigned)a->size, arm_v(a->rt), addr, offset);
    else
        store(t, (unsigned)a->size, arm_v(a->rt), addr, offset);
}

TRANS(ldst, MemArgs)
{
    arm_check_sp(t, a->rn);
    ldst_at(t, a, arm_xsp(a->rn), a->post ? 0 : a->imm);
    if (a->wb)
        arm_writeback(t, a->rn, a->imm);
    return true;
}

TRANS(ldst_reg, MemArgs)
{
    unsigned shift = a->imm & 1 ? (unsigned)a->size : 0;
    IrRef m = arm_x(t, a->rm);

    arm_check_sp(t, a->rn);
    if (!(a->imm & 2))
        m = ir_op1(t->f, a->imm & 8 ? IR_sext32 : IR_zext32, IR_I64, m);
    if (shift)
        m = ir_op2(t->f, IR_shl, IR_I64, m, arm_const(t, shift));
    ldst_at(t, a, ir_op2(t->f, IR_add, IR_I64, arm_xsp(a->rn), m), 0);
    return true;
}

TRANS(ldr_lit, MemArgs)
{
    load(t, (unsigned)a->size, arm_v(a->rt),
         ir_address(t->f, t->pc + (uint64_t)(int64_t)a->imm), 0);
    return true;
}

TRANS(ldstp, MemArgs)
{
    unsigned size = (unsigned)a->size;
    int64_t at = a->post ? 0 : a->imm;
    IrRef base = arm_xsp(a->rn);

    arm_check_sp(t, a->rn);
    if (a->load) {
        IrRef v = simd_temp(t);
        load(t, size, v, base, at);
        load(t, size, arm_v(a->rt2), base, at + (1 << size));
        move(t, a->rt, v);
    } else {
        store(t, size, arm_v(a->rt), base, at);
        store(t, size, arm_v(a->rt2), base, at + (1 << size));
    }
    if (a->wb)
        arm_writeback(t, a->rn, a->imm);
    return true;
}

/* --- structures --- */

static void structure_writeback(TransCtx *t, const VecArgs *a, int64_t bytes)
{
    if (!a->post)
        return;
    if (a->rm == 31) {
        arm_writeback(t, a->rn, bytes);
        return;
    }
    ir_emit(t->f, IR_add, IR_I64, arm_xsp(a->rn), arm_xsp(a->rn), arm_x(t, a->rm));
    if (a->rn == 31)
        t->target_data[TD_SP] = 0;
}

static void load_elements(TransCtx *t, const VecArgs *a)
{
    unsigned size = (unsigned)a->size, lanes = (a->q ? 16u : 8u) >> size;
    IrRef v[4], x, w;

    for (int r = 0; r < a->regs; r++)
        v[r] = simd_const(t, 0, 0);
    for (unsigned k = 0; k < lanes * (unsigned)a->regs; k++) {
        unsigned lane = a->selem > 1 ? k / (unsigned)a->regs : k % lanes;
        unsigned r = a->selem > 1 ? k % (unsigned)a->regs : k / lanes;
        x = ir_temp(t->f, IR_I64);
        w = simd_temp(t);
        ir_ld(t->f, IR_I64, x, arm_xsp(a->rn), k << size, arm_memop(t, size));
        ir_vec(t->f, IR_vins, IR_V128, size, w, v[r], x, IR_NONE, lane);
        v[r] = w;
    }
    for (int r = 0; r < a->regs; r++)
        move(t, a->rt + r, v[r]);
}

static void store_elements(TransCtx *t, const VecArgs *a)
{
    unsigned size = (unsigned)a->size, lanes = (a->q ? 16u : 8u) >> size;

    for (unsigned k = 0; k < lanes * (unsigned)a->regs; k++) {
        unsigned lane = a->selem > 1 ? k / (unsigned)a->regs : k % lanes;
        unsigned r = a->selem > 1 ? k % (unsigned)a->regs : k / lanes;
        IrRef x = ir_temp(t->f, IR_I64);
        ir_vec(t->f, IR_vget, IR_I64, size, x, arm_v((a->rt + (int)r) & 31), IR_NONE, IR_NONE,
               lane);
        ir_st(t->f, IR_I64, x, arm_xsp(a->rn), k << size, arm_memop(t, size));
    }
}

/* Even and odd elements of x, y. */
static void split(TransCtx *t, unsigned aux, IrRef x, IrRef y, IrRef *even, IrRef *odd)
{
    *even = simd_new2(t, IR_vuzp1, aux, x, y);
    *odd = simd_new2(t, IR_vuzp2, aux, x, y);
}
static void merge(TransCtx *t, unsigned aux, IrRef x, IrRef y, IrRef *low, IrRef *high)
{
    *low = simd_new2(t, IR_vzip1, aux, x, y);
    *high = simd_new2(t, IR_vzip2, aux, x, y);
}

/*
 * Three registers' worth of bytes from three: bytes `from`(register, lane)... of the 48 (24) bytes
 * of v. Table lookups of which every byte is in one.
 */
static IrRef pick3(TransCtx *t, const VecArgs *a, const IrRef v[3], const uint8_t *from)
{
    unsigned bytes = a->q ? 16 : 8;
    uint64_t first[2] = { UINT64_MAX, UINT64_MAX }, last[2] = { UINT64_MAX, UINT64_MAX };
    uint8_t *f = (uint8_t *)first, *l = (uint8_t *)last;
    IrRef x = simd_temp(t), y;

    for (unsigned i = 0; i < bytes; i++) {
        unsigned reg = from[i] / bytes, at = from[i] % bytes;
        if (reg < 2)
            f[i] = (uint8_t)(reg * 16 + at);
        else
            l[i] = (uint8_t)at;
    }
    ir_vec(t->f, IR_vtbl2, IR_V128, 0, x, v[0], v[1], simd_const(t, first[0], first[1]), 0);
    y = simd_new2(t, IR_vtbl1, 0, v[2], simd_const(t, last[0], last[1]));
    return simd_new2(t, IR_vor, 0, x, y);
}

/* Byte i of register r is byte from[i] of memory; or with `store` the other way round. */
static void pattern3(const VecArgs *a, unsigned r, bool store, uint8_t *from)
{
    unsigned bytes = a->q ? 16 : 8, es = 1u << a->size;

    for (unsigned i = 0; i < bytes; i++) {
        unsigned lane = i / es, b = i % es, at;
        if (!store) {
            from[i] = (uint8_t)((lane * 3 + r) * es + b);
            continue;
        }
        at = r * bytes + i; /* in memory */
        from[i] = (uint8_t)(at / es % 3 * bytes + at / (3 * es) * es + at % es);
    }
}

/* Registers' values from memory's in v; IRs in place. */
static void deinterleave(TransCtx *t, const VecArgs *a, IrRef v[4])
{
    unsigned aux = (unsigned)a->size | (a->q ? 0 : (unsigned)IR_V_LOW64);
    IrRef e[2], o[2], r[3];
    uint8_t from[16];

    if (a->selem == 2) {
        split(t, aux, v[0], v[1], &e[0], &o[0]);
        v[0] = e[0], v[1] = o[0];
    } else if (a->selem == 4) {
        split(t, aux, v[0], v[1], &e[0], &o[0]);
        split(t, aux, v[2], v[3], &e[1], &o[1]);
        split(t, aux, e[0], e[1], &v[0], &v[2]);
        split(t, aux, o[0], o[1], &v[1], &v[3]);
    } else if (a->selem == 3) {
        for (unsigned k = 0; k < 3; k++) {
            pattern3(a, k, false, from);
            r[k] = pick3(t, a, v, from);
        }
        memcpy(v, r, sizeof r);
    }
}

static void interleave(TransCtx *t, const VecArgs *a, IrRef v[4])
{
    unsigned aux = (unsigned)a->size | (a->q ? 0 : (unsigned)IR_V_LOW64);
    IrRef e[2], o[2], r[3];
    uint8_t from[16];

    if (a->selem == 2) {
        merge(t, aux, v[0], v[1], &e[0], &o[0]);
        v[0] = e[0], v[1] = o[0];
    } else if (a->selem == 4) {
        merge(t, aux, v[0], v[2], &e[0], &e[1]);
        merge(t, aux, v[1], v[3], &o[0], &o[1]);
        merge(t, aux, e[0], o[0], &v[0], &v[1]);
        merge(t, aux, e[1], o[1], &v[2], &v[3]);
    } else if (a->selem == 3) {
        for (unsigned k = 0; k < 3; k++) {
            pattern3(a, k, true, from);
            r[k] = pick3(t, a, v, from);
        }
        memcpy(v, r, sizeof r);
    }
}

TRANS(ldm, VecArgs)
{
    unsigned size = a->q ? 4 : 3;
    IrRef v[4];

    arm_check_sp(t, a->rn);
    if (t->mode & MODE_A || (is_big_endian(t) && a->size)) {
        if (a->load)
            load_elements(t, a);
        else
            store_elements(t, a);
    } else if (a->load) {
        for (int r = 0; r < a->regs; r++) {
            v[r] = simd_temp(t);
            ir_ld(t->f, IR_V128, v[r], arm_xsp(a->rn), r << size, size);
        }
        deinterleave(t, a, v);
        for (int r = 0; r < a->regs; r++)
            move(t, a->rt + r, v[r]);
    } else {
        for (int r = 0; r < a->regs; r++)
            v[r] = arm_v((a->rt + r) & 31);
        interleave(t, a, v);
        for (int r = 0; r < a->regs; r++)
            ir_st(t->f, IR_V128, v[r], arm_xsp(a->rn), r << size, size);
    }
    structure_writeback(t, a, a->regs << size);
    return true;
}

static void load_single(TransCtx *t, const VecArgs *a)
{
    unsigned size = (unsigned)a->size, low = a->q ? 0 : (unsigned)IR_V_LOW64;
    IrRef x[4];

    for (int r = 0; r < a->regs; r++) {
        x[r] = ir_temp(t->f, IR_I64);
        ir_ld(t->f, IR_I64, x[r], arm_xsp(a->rn), r << size, arm_memop(t, size));
    }
    for (int r = 0; r < a->regs; r++) {
        IrRef d = arm_v((a->rt + r) & 31);
        if (a->rep)
            ir_vec(t->f, IR_vdup, IR_V128, size | low, d, x[r], IR_NONE, IR_NONE, 0);
        else
            ir_vec(t->f, IR_vins, IR_V128, size, d, d, x[r], IR_NONE, a->lane);
    }
}

TRANS(lds, VecArgs)
{
    unsigned size = (unsigned)a->size;

    arm_check_sp(t, a->rn);
    if (a->load) {
        load_single(t, a);
    } else {
        for (int r = 0; r < a->regs; r++) {
            IrRef x = ir_temp(t->f, IR_I64);
            ir_vec(t->f, IR_vget, IR_I64, size, x, arm_v((a->rt + r) & 31), IR_NONE, IR_NONE,
                   a->lane);
            ir_st(t->f, IR_I64, x, arm_xsp(a->rn), r << size, arm_memop(t, size));
        }
    }
    structure_writeback(t, a, a->regs << size);
    return true;
}
