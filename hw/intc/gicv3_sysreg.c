/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: the table of system registers, and who may access which (IHI 0069, 12.2 to 12.4: the
 * pseudocode of each register).
 *
 * System registers are the only interface to the CPU interfaces: ICC_SRE_EL<n> are constant.
 */
#include "hw/intc/gicv3.h"
#include "util/bits.h"

#define SCR_IRQ BIT(1)
#define SCR_FIQ BIT(2)
#define SCR_EEL2 BIT(18)
#define HCR_FMO BIT(3)
#define HCR_IMO BIT(4)
enum { SRE_SRE = 1, SRE_DFB = 2, SRE_DIB = 4, SRE_ENABLE = 8 };

/* arg: 1 where lower levels' access is enabled here. */
static uint64_t read_sre(Gicv3Cpu *c, const ArmGicView *v, unsigned arg)
{
    return SRE_SRE | SRE_DFB | SRE_DIB | (arg ? SRE_ENABLE : 0);
}

static void write_sre(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value)
{
}

#define ICC(crn, crm, op2) ARM_SYSREG(3, 0, crn, crm, op2)
#define ICH(crm, op2) ARM_SYSREG(3, 4, 12, crm, op2)
#define ICC3(op2) ARM_SYSREG(3, 6, 12, 12, op2)
#define BOTH(reg) gicv3_read_##reg, gicv3_write_##reg
#define RO(reg) gicv3_read_##reg, NULL
#define WO(reg) NULL, gicv3_write_##reg

static const Gicv3SysReg gicv3_sysregs[] = {
    { ICC(12, 12, 0), "ICC_IAR1_EL1", GICV3_CLASS_G1, 1, RO(iar), RO(viar) },
    { ICC(12, 12, 1), "ICC_EOIR1_EL1", GICV3_CLASS_G1, 1, WO(eoir), WO(veoir) },
    { ICC(12, 11, 5), "ICC_SGI1R_EL1", GICV3_CLASS_SGI, 1, WO(sgi), NULL, NULL },
    { ICC(4, 6, 0), "ICC_PMR_EL1", GICV3_CLASS_COMMON, 0, BOTH(pmr), BOTH(vpmr) },
    { ICC(12, 11, 3), "ICC_RPR_EL1", GICV3_CLASS_COMMON, 0, RO(rpr), RO(vrpr) },
    { ICC(12, 11, 1), "ICC_DIR_EL1", GICV3_CLASS_DIR, 0, WO(dir), WO(vdir) },
    { ICC(12, 12, 4), "ICC_CTLR_EL1", GICV3_CLASS_COMMON, 0, BOTH(ctlr), BOTH(vctlr) },
    { ICC(12, 12, 2), "ICC_HPPIR1_EL1", GICV3_CLASS_G1, 1, RO(hppir), RO(vhppir) },
    { ICC(12, 12, 3), "ICC_BPR1_EL1", GICV3_CLASS_G1, 1, BOTH(bpr1), BOTH(vbpr1) },
    { ICC(12, 12, 5), "ICC_SRE_EL1", GICV3_CLASS_SRE, 0, read_sre, write_sre, NULL, NULL },
    { ICC(12, 12, 7), "ICC_IGRPEN1_EL1", GICV3_CLASS_G1, 1, BOTH(igrpen1), BOTH(vigrpen) },
    { ICC(12, 9, 0), "ICC_AP1R0_EL1", GICV3_CLASS_G1, 1, BOTH(apr), BOTH(vapr) },
    { ICC(12, 8, 0), "ICC_IAR0_EL1", GICV3_CLASS_G0, 0, RO(iar), RO(viar) },
    { ICC(12, 8, 1), "ICC_EOIR0_EL1", GICV3_CLASS_G0, 0, WO(eoir), WO(veoir) },
    { ICC(12, 8, 2), "ICC_HPPIR0_EL1", GICV3_CLASS_G0, 0, RO(hppir), RO(vhppir) },
    { ICC(12, 8, 3), "ICC_BPR0_EL1", GICV3_CLASS_G0, 0, BOTH(bpr0), BOTH(vbpr0) },
    { ICC(12, 12, 6), "ICC_IGRPEN0_EL1", GICV3_CLASS_G0, 0, BOTH(igrpen0), BOTH(vigrpen) },
    { ICC(12, 8, 4), "ICC_AP0R0_EL1", GICV3_CLASS_G0, 0, BOTH(apr), BOTH(vapr) },
    { ICC(12, 11, 6), "ICC_ASGI1R_EL1", GICV3_CLASS_SGI, 2, WO(sgi), NULL, NULL },
    { ICC(12, 11, 7), "ICC_SGI0R_EL1", GICV3_CLASS_SGI, 0, WO(sgi), NULL, NULL },
    { ICH(9, 5), "ICC_SRE_EL2", GICV3_CLASS_EL2, 1, read_sre, write_sre, NULL, NULL },
    { ICH(8, 0), "ICH_AP0R0_EL2", GICV3_CLASS_EL2, 0, BOTH(vapr), NULL, NULL },
    { ICH(9, 0), "ICH_AP1R0_EL2", GICV3_CLASS_EL2, 1, BOTH(vapr), NULL, NULL },
    { ICH(11, 0), "ICH_HCR_EL2", GICV3_CLASS_EL2, 0, BOTH(hcr), NULL, NULL },
    { ICH(11, 1), "ICH_VTR_EL2", GICV3_CLASS_EL2, 0, RO(vtr), NULL, NULL },
    { ICH(11, 2), "ICH_MISR_EL2", GICV3_CLASS_EL2, 0, RO(misr), NULL, NULL },
    { ICH(11, 3), "ICH_EISR_EL2", GICV3_CLASS_EL2, 0, RO(eisr), NULL, NULL },
    { ICH(11, 5), "ICH_ELRSR_EL2", GICV3_CLASS_EL2, 0, RO(elrsr), NULL, NULL },
    { ICH(11, 7), "ICH_VMCR_EL2", GICV3_CLASS_EL2, 0, BOTH(vmcr), NULL, NULL },
    { ICH(12, 0), "ICH_LR0_EL2", GICV3_CLASS_EL2, 0, BOTH(lr), NULL, NULL },
    { ICH(12, 1), "ICH_LR1_EL2", GICV3_CLASS_EL2, 1, BOTH(lr), NULL, NULL },
    { ICH(12, 2), "ICH_LR2_EL2", GICV3_CLASS_EL2, 2, BOTH(lr), NULL, NULL },
    { ICH(12, 3), "ICH_LR3_EL2", GICV3_CLASS_EL2, 3, BOTH(lr), NULL, NULL },
    { ICC3(4), "ICC_CTLR_EL3", GICV3_CLASS_EL3, 0, BOTH(ctlr_el3), NULL, NULL },
    { ICC3(5), "ICC_SRE_EL3", GICV3_CLASS_EL3, 1, read_sre, write_sre, NULL, NULL },
    { ICC3(7), "ICC_IGRPEN1_EL3", GICV3_CLASS_EL3, 0, BOTH(igrpen1_el3), NULL, NULL },
    { 0, NULL, 0, 0, NULL, NULL, NULL, NULL },
};

static const Gicv3SysReg *find(uint32_t sysreg)
{
    for (const Gicv3SysReg *r = gicv3_sysregs; r->name; r++)
        if (r->sysreg == sysreg)
            return r;
    return NULL;
}

/* Traps of ICH_HCR_EL2 on accesses from EL1. */
static bool el2_traps(const Gicv3Cpu *c, Gicv3RegClass class)
{
    switch (class) {
    case GICV3_CLASS_G0:
        return c->hcr & GICV3_HCR_TALL0;
    case GICV3_CLASS_G1:
        return c->hcr & GICV3_HCR_TALL1;
    case GICV3_CLASS_DIR:
        return c->hcr & (GICV3_HCR_TC | GICV3_HCR_TDIR);
    case GICV3_CLASS_COMMON:
    case GICV3_CLASS_SGI:
        return c->hcr & GICV3_HCR_TC;
    default:
        return false;
    }
}

/* Does EL3 keep the interrupts of this class for itself? */
static bool el3_traps(const ArmGicView *v, Gicv3RegClass class)
{
    switch (class) {
    case GICV3_CLASS_G0:
        return v->scr_el3 & SCR_FIQ;
    case GICV3_CLASS_G1:
        return v->scr_el3 & SCR_IRQ;
    case GICV3_CLASS_DIR:
    case GICV3_CLASS_COMMON:
    case GICV3_CLASS_SGI:
        return (v->scr_el3 & (SCR_IRQ | SCR_FIQ)) == (SCR_IRQ | SCR_FIQ);
    default:
        return false;
    }
}

/* Does an access from EL1 mean the virtual register, the interrupts being the hypervisor's? */
static bool is_virtual(const ArmGicView *v, Gicv3RegClass class)
{
    switch (class) {
    case GICV3_CLASS_G0:
        return v->hcr_el2 & HCR_FMO;
    case GICV3_CLASS_G1:
        return v->hcr_el2 & HCR_IMO;
    case GICV3_CLASS_DIR:
    case GICV3_CLASS_COMMON:
    case GICV3_CLASS_SGI:
        return v->hcr_el2 & (HCR_IMO | HCR_FMO);
    default:
        return false;
    }
}

static ArmGicAccess check(const Gicv3Cpu *c, const ArmGicView *v, Gicv3RegClass class,
                          bool *to_virtual)
{
    const Gicv3 *s = c->gic;
    *to_virtual = false;
    if (v->el == 0 || (class == GICV3_CLASS_EL3 && (v->el < 3 || !s->security)) ||
        (class == GICV3_CLASS_EL2 && v->el < (s->virtualization ? 2 : 3)))
        return ARM_GIC_UNDEF;
    bool el2 = s->virtualization && (!v->secure || (v->scr_el3 & SCR_EEL2));
    if (v->el == 1 && el2) {
        if (el2_traps(c, class))
            return ARM_GIC_TRAP_EL2;
        if (is_virtual(v, class)) {
            *to_virtual = true;
            /* There are no virtual SGIs to send. */
            return class == GICV3_CLASS_SGI ? ARM_GIC_TRAP_EL2 : ARM_GIC_OK;
        }
    }
    return v->el < 3 && el3_traps(v, class) ? ARM_GIC_TRAP_EL3 : ARM_GIC_OK;
}

/* EL2's registers where there is no EL2, from EL3 (IHI 0069, 12.2 and 12.4). */
static bool res0(const Gicv3Cpu *c, const Gicv3SysReg *r)
{
    return r->class == GICV3_CLASS_EL2 && !c->gic->virtualization;
}

static void see(Gicv3Cpu *c, const ArmGicView *v)
{
    bool changed = c->el != v->el || c->secure != v->secure;
    c->el = v->el;
    c->secure = v->secure;
    c->scr = v->scr_el3;
    c->hcr_el2 = v->hcr_el2;
    if (changed)
        gicv3_update_cpu(c);
}

static ArmGicAccess sysreg_read(void *opaque, uint32_t sysreg, const ArmGicView *v,
                                uint64_t *value)
{
    Gicv3Cpu *c = opaque;
    const Gicv3SysReg *r = find(sysreg);
    bool to_virtual;
    *value = 0;
    if (!r || !r->read)
        return ARM_GIC_UNDEF;
    see(c, v);
    ArmGicAccess a = check(c, v, r->class, &to_virtual);
    if (a == ARM_GIC_OK && !res0(c, r))
        *value = (to_virtual ? r->vread : r->read)(c, v, r->arg);
    return a;
}

static ArmGicAccess sysreg_write(void *opaque, uint32_t sysreg, const ArmGicView *v,
                                 uint64_t value)
{
    Gicv3Cpu *c = opaque;
    const Gicv3SysReg *r = find(sysreg);
    bool to_virtual;
    if (!r || !r->write)
        return ARM_GIC_UNDEF;
    see(c, v);
    ArmGicAccess a = check(c, v, r->class, &to_virtual);
    if (a == ARM_GIC_OK && !res0(c, r))
        (to_virtual ? r->vwrite : r->write)(c, v, r->arg, value);
    return a;
}

static void view_changed(void *opaque, const ArmGicView *v)
{
    see(opaque, v);
}

/* The redistributor has power of its own (IHI 0069, chapter 11). */
static void power_on_reset(void *opaque)
{
    Gicv3Cpu *c = opaque;
    gicv3_cpu_reset(c);
    gicv3_virt_reset(c);
    gicv3_route_any(c->gic);
    gicv3_cpu_changed(c);
    gicv3_update_virtual(c);
}

const ArmGicOps arm_gicv3_cpu_ops = {
    .read = sysreg_read, .write = sysreg_write, .view_changed = view_changed,
    .reset = power_on_reset,
};
