/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 system instructions (DDI 0487 C5, C6): hints, barriers, PSTATE fields, system registers.
 *
 * The table of system registers (sysreg.c) says which of them are plain cells in a mode word; all
 * others, and all checks, are behind helpers.
 */
#include "target/arm/trans.h"

static void helper0(TransCtx *t, const IrHelper *h)
{
    ir_call(t->f, h, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

/* --- hints: what isn't known does nothing --- */

static void pac_hint(TransCtx *t, int rd, IrRef modifier, unsigned what)
{
    IrRef x = IR_SLOT(SLOT_X0 + rd);

    if (arm_tcpu(t)->feat.pauth)
        ir_call(t->f, &arm_helper_pac, x, x, modifier, arm_const(t, what), IR_NONE);
}

static bool wait(TransCtx *t, const IrHelper *h)
{
    if (t->mode & MODE_SS)
        helper0(t, &arm_helper_ss_advance);
    arm_trans_leave(t, h, ir_address(t->f, arm_next(t)), IR_NONE);
    return true;
}

bool a64_trans_hint(TransCtx *t, const A64ArgsImm *a)
{
    IrRef sp = IR_SLOT(SLOT_SP), x16 = IR_SLOT(SLOT_X0 + 16), zero = arm_const(t, 0);

    switch (a->imm) {
    case 2: /* WFE */
        return wait(t, &arm_helper_wfe);
    case 3: /* WFI */
        return wait(t, &arm_helper_wfi);
    case 4:
        helper0(t, &arm_helper_sev);
        break;
    case 5:
        helper0(t, &arm_helper_sevl);
        break;
    case 7: /* XPACLRI */
        if (arm_tcpu(t)->feat.pauth)
            ir_call(t->f, &arm_helper_xpac, IR_SLOT(SLOT_X0 + 30), IR_SLOT(SLOT_X0 + 30), zero,
                    IR_NONE, IR_NONE);
        break;
    case 8: /* PACIA1716 */
        pac_hint(t, 17, x16, ARM_PAC_IA);
        break;
    case 10:
        pac_hint(t, 17, x16, ARM_PAC_IB);
        break;
    case 12: /* AUTIA1716 */
        pac_hint(t, 17, x16, ARM_PAC_IA | ARM_PAC_AUT);
        break;
    case 14:
        pac_hint(t, 17, x16, ARM_PAC_IB | ARM_PAC_AUT);
        break;
    case 24: /* PACIAZ, PACIASP */
        pac_hint(t, 30, zero, ARM_PAC_IA);
        break;
    case 25:
        pac_hint(t, 30, sp, ARM_PAC_IA);
        break;
    case 26:
        pac_hint(t, 30, zero, ARM_PAC_IB);
        break;
    case 27:
        pac_hint(t, 30, sp, ARM_PAC_IB);
        break;
    case 28: /* AUTIAZ, AUTIASP */
        pac_hint(t, 30, zero, ARM_PAC_IA | ARM_PAC_AUT);
        break;
    case 29:
        pac_hint(t, 30, sp, ARM_PAC_IA | ARM_PAC_AUT);
        break;
    case 30:
        pac_hint(t, 30, zero, ARM_PAC_IB | ARM_PAC_AUT);
        break;
    case 31:
        pac_hint(t, 30, sp, ARM_PAC_IB | ARM_PAC_AUT);
        break;
    default:
        break;
    }
    return true;
}

/* With a timeout, which may be taken to have passed: as a WFE or WFI that ends at once. */
bool a64_trans_wfet(TransCtx *t, const A64ArgsRt *a)
{
    return wait(t, &arm_helper_wfe);
}

bool a64_trans_wfit(TransCtx *t, const A64ArgsRt *a)
{
    return wait(t, &arm_helper_wfi);
}

/* --- barriers --- */

bool a64_trans_clrex(TransCtx *t, const A64ArgsN *a)
{
    ir_mov(t->f, IR_SLOT(SLOT_EXCL_ADDR), arm_const(t, EXCL_NONE));
    return true;
}

/* Types in the low bits of CRm: loads before all, stores before stores, all. */
static bool barrier(TransCtx *t, int crm)
{
    static const uint8_t mask[] = {
        IR_FENCE_ALL, IR_FENCE_RR | IR_FENCE_RW, IR_FENCE_WW, IR_FENCE_ALL,
    };
    ir_fence(t->f, mask[crm & 3]);
    return true;
}

bool a64_trans_dmb(TransCtx *t, const A64ArgsImm *a)
{
    return barrier(t, a->imm);
}

/* SSBB and PSSBB too, which are about speculation. TLBIs of this processor are complete after it. */
bool a64_trans_dsb(TransCtx *t, const A64ArgsImm *a)
{
    barrier(t, a->imm);
    if (a->imm & 3)
        ir_call(t->f, &arm_helper_tlbi_sync, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    return true;
}

bool a64_trans_sb(TransCtx *t, const A64ArgsN *a)
{
    return true;
}

/*
 * Code that was changed is seen from here on: the rest of this block might be a stale copy; and what
 * the last branch went to may be no target any more.
 */
bool a64_trans_isb(TransCtx *t, const A64ArgsN *a)
{
    if (arm_tcpu(t)->feat.bti)
        ir_mov(t->f, IR_SLOT(SLOT_BTYPE), arm_const(t, 0));
    arm_exit_jump(t, arm_next(t));
    return true;
}

/* --- PSTATE fields --- */

/* After interrupts were unmasked: takes one that is pending. */
static void poll_irq(TransCtx *t)
{
    unsigned none = ir_label_new(t->f);

    ir_brcond(t->f, IR_I64, IR_EQ, IR_SLOT(SLOT_IRQ_LEVEL), arm_const(t, 0), none);
    ir_call(t->f, &arm_helper_irq_poll, IR_NONE, ir_address(t->f, arm_next(t)), IR_NONE, IR_NONE,
            IR_NONE);
    ir_label(t->f, none);
}

static bool daif(TransCtx *t, bool set, int imm)
{
    IrRef pstate = IR_SLOT(SLOT_PSTATE), bits = arm_const(t, (uint64_t)imm << 6);

    if (arm_mode_el(t) == 0) {
        ir_call(t->f, &arm_helper_daif_el0, IR_NONE, arm_const(t, set), arm_const(t, (uint64_t)imm),
                IR_NONE, IR_NONE);
        t->target_data[TD_LOOKUP] = true;
        return true;
    }
    ir_emit(t->f, set ? IR_or : IR_andn, IR_I64, pstate, pstate, bits);
    if (!set)
        poll_irq(t);
    return true;
}

bool a64_trans_msr_imm(TransCtx *t, const A64ArgsMsrImm *a)
{
    const ArmCpu *cpu = arm_tcpu(t);
    bool ok, el0 = false;

    switch (a->op1 << 3 | a->op2) {
    case 0:
        if (!cpu->feat.flagm)
            return false;
        arm_trans_cfinv(t);
        return true;
    case 1:
        if (!cpu->feat.flagm2)
            return false;
        arm_trans_xaflag(t);
        return true;
    case 2:
        if (!cpu->feat.flagm2)
            return false;
        arm_trans_axflag(t);
        return true;
    case 3:
        ok = cpu->feat.uao;
        break;
    case 4:
        ok = cpu->feat.pan;
        break;
    case 5: /* SPSel */
        ok = true;
        break;
    case 3 << 3 | 1:
        ok = cpu->feat.ssbs;
        el0 = true;
        break;
    case 3 << 3 | 2:
        ok = cpu->feat.dit;
        el0 = true;
        break;
    case 3 << 3 | 6:
        return daif(t, true, a->imm);
    case 3 << 3 | 7:
        return daif(t, false, a->imm);
    default:
        ok = false;
        break;
    }
    if (!ok || (arm_mode_el(t) == 0 && !el0))
        return false;
    ir_call(t->f, &arm_helper_msr_imm, IR_NONE, arm_const(t, (uint64_t)(a->op1 << 3 | a->op2)),
            arm_const(t, (uint64_t)a->imm), IR_NONE, IR_NONE);
    t->target_data[TD_LOOKUP] = true;
    return true;
}

/* --- system registers --- */

enum {
    REG_NZCV = ARM_SYSREG(3, 3, 4, 2, 0),
    REG_DAIF = ARM_SYSREG(3, 3, 4, 2, 1),
    REG_CURRENT_EL = ARM_SYSREG(3, 0, 4, 2, 2),
    REG_RNDR = ARM_SYSREG(3, 3, 2, 4, 0),
    REG_RNDRRS = ARM_SYSREG(3, 3, 2, 4, 1),
    OP_DC_ZVA = ARM_SYSREG(1, 3, 7, 4, 1),
};

static bool read_special(TransCtx *t, uint32_t reg, int rt)
{
    IrRef v;

    switch (reg) {
    case REG_NZCV:
        arm_put_x(t, rt, arm_flags_packed(t));
        return true;
    case REG_DAIF:
        if (arm_mode_el(t) == 0)
            return false;
        if (rt != 31)
            ir_emit(t->f, IR_and, IR_I64, arm_xd(rt), IR_SLOT(SLOT_PSTATE),
                    arm_const(t, PSTATE_DAIF));
        return true;
    case REG_CURRENT_EL:
        if (arm_mode_el(t) == 0)
            return false;
        arm_put_x(t, rt, arm_const(t, arm_mode_el(t) << PSTATE_EL_SHIFT));
        return true;
    case REG_RNDR: case REG_RNDRRS:
        if (!arm_tcpu(t)->feat.rng)
            return false;
        v = ir_temp(t->f, IR_I64);
        ir_call(t->f, &arm_helper_rndr, v, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        arm_flags_nzcv(t, arm_const(t, 0));
        arm_put_x(t, rt, v);
        return true;
    default:
        return false;
    }
}

static void read_reg(TransCtx *t, uint32_t reg, int rt)
{
    ArmSysRegInline how = arm_sysreg_inline(arm_tcpu(t), t->mode, reg, false);

    if (how.slot >= 0 && rt == 31)
        return;
    if (how.slot >= 0)
        ir_emit(t->f, IR_and, IR_I64, arm_xd(rt), IR_SLOT(how.slot), arm_const(t, how.mask));
    else
        ir_call(t->f, &arm_helper_mrs, arm_xd(rt), arm_const(t, reg), arm_const(t, (uint64_t)rt),
                IR_NONE, IR_NONE);
}

/* The bits of mask. */
static void put_cell(TransCtx *t, IrRef cell, uint64_t mask, IrRef v)
{
    if (mask == UINT64_MAX) {
        ir_mov(t->f, cell, v);
        return;
    }
    v = ir_op2(t->f, IR_and, IR_I64, v, arm_const(t, mask));
    ir_emit(t->f, IR_and, IR_I64, cell, cell, arm_const(t, ~mask));
    ir_emit(t->f, IR_or, IR_I64, cell, cell, v);
}

static bool write_special(TransCtx *t, uint32_t reg, int rt)
{
    switch (reg) {
    case REG_NZCV:
        arm_flags_nzcv(t, ir_op2(t->f, IR_and, IR_I64, arm_x(t, rt), arm_const(t, PSTATE_NZCV)));
        return true;
    case REG_DAIF:
        if (arm_mode_el(t) == 0)
            return false;
        put_cell(t, IR_SLOT(SLOT_PSTATE), PSTATE_DAIF, arm_x(t, rt));
        poll_irq(t);
        return true;
    case OP_DC_ZVA:
        ir_call(t->f, &arm_helper_dc_zva, IR_NONE, arm_x(t, rt), IR_NONE, IR_NONE, IR_NONE);
        return true;
    default:
        return false;
    }
}

static void write_reg(TransCtx *t, uint32_t reg, int rt)
{
    ArmSysRegInline how = arm_sysreg_inline(arm_tcpu(t), t->mode, reg, true);

    if (how.slot >= 0)
        put_cell(t, IR_SLOT(how.slot), how.mask, arm_x(t, rt));
    else
        ir_call(t->f, &arm_helper_msr, IR_NONE, arm_const(t, reg), arm_const(t, (uint64_t)rt),
                arm_x(t, rt), IR_NONE);
    if (how.poll)
        poll_irq(t);
    if (how.ends_block)
        t->target_data[TD_LOOKUP] = true;
}

/* op0 is 2 or 3. */
bool a64_trans_mrs(TransCtx *t, const A64ArgsSys *a)
{
    uint32_t reg = (uint32_t)a->key | 1 << 15;

    if (!read_special(t, reg, a->rt))
        read_reg(t, reg, a->rt);
    return true;
}

bool a64_trans_msr(TransCtx *t, const A64ArgsSys *a)
{
    uint32_t reg = (uint32_t)a->key | 1 << 15;

    if (!write_special(t, reg, a->rt))
        write_reg(t, reg, a->rt);
    return true;
}

/* op0 is 1. */
bool a64_trans_sysl(TransCtx *t, const A64ArgsSys *a)
{
    read_reg(t, (uint32_t)a->key | 1 << 14, a->rt);
    return true;
}

bool a64_trans_sys(TransCtx *t, const A64ArgsSys *a)
{
    uint32_t op = (uint32_t)a->key | 1 << 14;

    if (!write_special(t, op, a->rt))
        write_reg(t, op, a->rt);
    return true;
}
