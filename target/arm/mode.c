/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translation mode word: what control registers and PSTATE make of the instructions to come
 * (DDI 0487, D1 and the registers' own descriptions).
 *
 * Exception entry and return come by here every time, so what only control registers decide is kept
 * per exception level until one of them is written.
 */
#include "target/arm/cpu.h"

#include "target/arm/debug.h"
#include "util/softfloat.h"

bool arm_el2_on(const ArmCpu *a)
{
    return a->has_el2 && !arm_is_secure_below_el3(a);
}

bool arm_is_secure_below_el3(const ArmCpu *a)
{
    return a->has_el3 && !(a->scr & SCR_NS);
}

bool arm_is_secure(const ArmCpu *a)
{
    return arm_el(a) == 3 || arm_is_secure_below_el3(a);
}

/* --- HCR_EL2 --- */

static uint64_t effective_hcr(const ArmCpu *a)
{
    uint64_t h = a->hcr;

    if (!arm_el2_on(a))
        return 0;
    if (!(h & HCR_TGE))
        return h;
    /* Each field's description says what it behaves as while TGE is 1. */
    if (h & HCR_E2H)
        h &= ~(HCR_VM | HCR_FMO | HCR_IMO | HCR_AMO | HCR_BSU | HCR_DC | HCR_TWI | HCR_TWE |
               HCR_TID0 | HCR_TID2 | HCR_TPCP | HCR_TPU | HCR_TDZ | HCR_CD | HCR_ID |
               HCR_MIOCNCE | HCR_TID4 | HCR_TICAB | HCR_TOCU | HCR_ENSCXT | HCR_TTLBIS |
               HCR_TTLBOS | HCR_TID5);
    else
        h |= HCR_FMO | HCR_IMO | HCR_AMO;
    return h & ~(HCR_SWIO | HCR_PTW | HCR_VF | HCR_VI | HCR_VSE | HCR_FB | HCR_TID1 | HCR_TID3 |
                 HCR_TSC | HCR_TACR | HCR_TSW | HCR_TTLB | HCR_TVM | HCR_HCD | HCR_TRVM |
                 HCR_TLOR | HCR_TERR);
}

void arm_hcr_changed(ArmCpu *a)
{
    uint64_t h = effective_hcr(a), soft = 0;

    a->hcr_eff = h;
    soft |= h & HCR_VI ? ARM_SOFT_VI : 0;
    soft |= h & HCR_VF ? ARM_SOFT_VF : 0;
    soft |= h & HCR_VSE ? ARM_SOFT_VSE : 0;
    __atomic_fetch_and(&a->irq_level, ~(uint64_t)(ARM_SOFT_VI | ARM_SOFT_VF | ARM_SOFT_VSE),
                       __ATOMIC_SEQ_CST);
    if (soft)
        __atomic_fetch_or(&a->irq_level, soft, __ATOMIC_SEQ_CST);
    arm_update_mode(a);
    arm_check_interrupts(a);
}

/* --- FP and AdvSIMD --- */

enum { CPACR_FPEN_SHIFT = 20, CPTR_TFP = 1 << 10 };

static bool fpen_traps(uint64_t reg, bool user)
{
    unsigned fpen = bits_get(reg, CPACR_FPEN_SHIFT, 2);

    return !(fpen & 1) || (fpen == 1 && user);
}

/* The level that these instructions trap to, 0 for none. */
static unsigned fp_trap_el(const ArmCpu *a, unsigned el)
{
    bool tge = a->hcr_eff & HCR_TGE, e2h = a->hcr_eff & HCR_E2H;

    if (el <= 1 && !(e2h && tge) && fpen_traps(a->cpacr, el == 0))
        return tge ? 2 : 1;
    if (el <= 2 && arm_el2_on(a)) {
        if (!e2h) {
            if (a->cptr_el2 & CPTR_TFP)
                return 2;
        } else if (fpen_traps(a->cptr_el2, el == 0 && tge)) {
            return 2;
        }
    }
    return a->has_el3 && a->cptr_el3 & CPTR_TFP ? 3 : 0;
}

/* --- the word --- */

/* The regime of a level that has two address ranges, EL0's being that of EL1 or EL2. */
static unsigned regime_el(const ArmCpu *a, unsigned el)
{
    if (el == 0)
        return (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? 2 : 1;
    return el;
}

static uint32_t tbi_bits(const ArmCpu *a, unsigned regime)
{
    uint64_t tcr = a->tcr[regime];

    if (regime == 1 || (regime == 2 && a->hcr_eff & HCR_E2H)) {
        uint64_t tbi = tcr >> 37 & 3;
        if (a->feat.pauth)
            tbi &= ~(tcr >> 51 & 3);
        return (tbi & 1 ? MODE_TBI0 : 0) | (tbi & 2 ? MODE_TBI1 : 0);
    }
    return tcr >> 20 & 1 && !(a->feat.pauth && tcr >> 29 & 1) ? MODE_TBI0 | MODE_TBI1 : 0;
}

static uint32_t control_part(const ArmCpu *a, unsigned el)
{
    unsigned regime = regime_el(a, el);
    uint64_t s = a->sctlr[regime], hcr = a->hcr_eff;
    uint32_t m = fp_trap_el(a, el) << MODE_FP_SHIFT | tbi_bits(a, regime);

    m |= s & (el ? SCTLR_SA : SCTLR_SA0) ? MODE_SA : 0;
    m |= s & SCTLR_A ? MODE_A : 0;
    m |= a->feat.lse2 && s & SCTLR_NAA ? MODE_NAA : 0;
    m |= s & (el ? SCTLR_EE : SCTLR_E0E) ? MODE_EE : 0;
    if (el == 1 || (el == 2 && (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE)))
        m |= MODE_UNPRIV;
    if (a->feat.bti && s & (el ? SCTLR_BT1 : SCTLR_BT0))
        m |= MODE_BT;
    if (el == 2 && hcr & HCR_E2H)
        m |= MODE_E2H;
    return m;
}

static uint32_t fpcr_part(uint64_t fpcr)
{
    static const uint8_t rounding[] = { FP_RNE, FP_RUP, FP_RDN, FP_RTZ };

    return (uint32_t)rounding[fpcr >> 22 & 3] << MODE_RM_SHIFT | (fpcr >> 24 & 1 ? MODE_FZ : 0) |
           (fpcr >> 25 & 1 ? MODE_DN : 0) | (fpcr >> 19 & 1 ? MODE_FZ16 : 0) |
           (fpcr >> 26 & 1 ? MODE_AHP : 0);
}

/* The GIC decides between IRQ and FIQ by this. */
static void tell_gic(ArmCpu *a)
{
    uint8_t view = arm_el(a) == 3 ? 2 : arm_is_secure_below_el3(a);
    ArmGicView v;
    bool locked;

    if (view == a->gic_view)
        return;
    a->gic_view = view;
    if (!a->gic || !a->gic->view_changed)
        return;
    v = arm_cpu_gic_view(&a->cpu);
    locked = main_lock_held();
    if (!locked)
        main_lock();
    a->gic->view_changed(a->gic_opaque, &v);
    if (!locked)
        main_unlock();
}

void arm_pstate_changed(ArmCpu *a)
{
    unsigned el = arm_el(a);
    uint64_t p = a->pstate;
    uint32_t m;

    if (G_UNLIKELY(!(a->mode_valid >> el & 1))) {
        a->mode_base[el] = control_part(a, el);
        a->mode_valid |= (uint8_t)(1 << el);
    }
    m = a->mode_base[el] | el << MODE_EL_SHIFT | fpcr_part(a->fpcr);
    m |= p & PSTATE_SP ? MODE_SPSEL : 0;
    if (p & PSTATE_UAO)
        m |= MODE_UAO;
    if (G_UNLIKELY(p & PSTATE_IL))
        m |= MODE_IL;
    if (G_UNLIKELY(a->mdscr & (MDSCR_SS | MDSCR_MDE)))
        m |= arm_debug_mode(a);
    if (a->has_el3)
        tell_gic(a);
    arm_set_translation(a, m);
}

void arm_update_mode(ArmCpu *a)
{
    a->mode_valid = 0;
    arm_pstate_changed(a);
}
