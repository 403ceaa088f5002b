/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MRS, MSR and SYS: finding the register, whether the access is allowed, which level it traps to
 * otherwise, and doing it (DDI 0487 D19 and the accessibility of each register).
 *
 * With HCR_EL2.E2H, names of EL1's registers mean EL2's at EL2, and op1 = 5 is the way to EL1's.
 */
#include "target/arm/sysreg.h"

#include <string.h>

#include "target/arm/debug.h"
#include "target/arm/models.h"

static const ArmSysRegPart *const parts[] = {
    &arm_sysregs_id, &arm_sysregs_el1, &arm_sysregs_el2, &arm_sysregs_el3, &arm_sysregs_sys,
    &arm_sysregs_debug, &arm_sysregs_timer, &arm_sysregs_pmu, &arm_sysregs_impdef,
};
/* Rows by encoding. Only one row of an encoding is present in a processor; more are in `next`. */
enum { MAX_ROWS = 1024 };
static const ArmSysReg *all_rows[MAX_ROWS];
static unsigned n_rows;
static uint16_t row_index[1 << 16], row_next[MAX_ROWS]; /* number + 1 */

static void __attribute__((constructor)) index_rows(void)
{
    for (unsigned p = 0; p < ARRAY_LEN(parts); p++)
        for (unsigned i = 0; i < parts[p]->n; i++) {
            const ArmSysReg *r = &parts[p]->rows[i];
            g_assert(n_rows < MAX_ROWS);
            all_rows[n_rows] = r;
            row_next[n_rows] = row_index[r->enc];
            row_index[r->enc] = (uint16_t)++n_rows;
        }
}

const ArmSysReg *arm_sysreg_nth(unsigned i)
{
    return i < n_rows ? all_rows[i] : NULL;
}

const ArmSysReg *arm_sysreg_find(uint32_t enc)
{
    unsigned i = row_index[enc & 0xffff];
    return i ? all_rows[i - 1] : NULL;
}

bool arm_sysreg_present(const ArmCpu *a, const ArmSysReg *r)
{
    switch ((ArmNeed)r->need) {
    case NEED_NOTHING: return true;
    case NEED_EL2: return a->has_el2;
    case NEED_EL3: return a->has_el3;
    case NEED_EL2_OR_EL3: return a->has_el2 || a->has_el3;
    case NEED_PMU: return a->has_pmu;
    case NEED_PMU_V34: return a->has_pmu && (a->id.aa64dfr0 >> 8 & 15) >= 5;
    case NEED_VHE: return a->has_el2 && a->feat.vhe;
    case NEED_PAUTH: return a->feat.pauth || a->id.aa64isar1 & 0xff0;
    case NEED_RAS: return a->id.aa64pfr0 >> 28 & 15;
    case NEED_LOR: return a->feat.lor;
    case NEED_PAN: return a->feat.pan;
    case NEED_PAN2: return a->feat.pan2;
    case NEED_UAO: return a->feat.uao;
    case NEED_DIT: return a->feat.dit;
    case NEED_SSBS: return (a->id.aa64pfr1 >> 4 & 15) >= 2;
    case NEED_RNG: return a->feat.rng;
    case NEED_SCXT: return (a->id.aa64pfr0 >> 56 & 15) >= 2 || (a->id.aa64pfr1 >> 32 & 15) >= 1;
    case NEED_DPB: return a->feat.dpb;
    case NEED_DPB2: return a->feat.dpb2;
    case NEED_PREDRES: return a->feat.predres;
    case NEED_TLBIOS: return a->feat.tlbios;
    case NEED_TLBIRANGE: return a->feat.tlbirange;
    case NEED_ECV: return a->feat.ecv;
    case NEED_NO_EL2: return !a->has_el2;
    case NEED_NO_EL3: return !a->has_el3;
    case NEED_HIGHEST2: return a->has_el2 && !a->has_el3;
    case NEED_A57: return a->model->impdef == ARM_IMPDEF_A57;
    case NEED_DSU: return a->model->impdef == ARM_IMPDEF_DSU;
    }
    return false;
}

static const ArmSysReg *find_present(const ArmCpu *a, uint32_t enc)
{
    for (unsigned i = row_index[enc & 0xffff]; i; i = row_next[i - 1])
        if (arm_sysreg_present(a, all_rows[i - 1]))
            return all_rows[i - 1];
    return NULL;
}

const ArmSysReg *arm_sysreg_by_name(const char *name)
{
    for (unsigned i = 0; i < n_rows; i++)
        if (!g_ascii_strcasecmp(all_rows[i]->name, name))
            return all_rows[i];
    return NULL;
}

/* --- access rules --- */

uint64_t arm_sctlr_el0(const ArmCpu *a)
{
    return a->sctlr[(a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? 2 : 1];
}

ArmAccess arm_trap_from_el0(const ArmCpu *a)
{
    return a->hcr_eff & HCR_TGE ? ACCESS_EL2 : ACCESS_EL1;
}

typedef struct TrapRow {
    uint32_t trap;
    uint64_t hcr; /* any of these bits at EL0 or EL1 */
} TrapRow;

/* Bits of HCR_EL2, which are 0 in its effective value where they have no effect. */
static const TrapRow hcr_traps[] = {
    { TRAP_ID1, HCR_TID1 }, { TRAP_ID2, HCR_TID2 }, { TRAP_ID3, HCR_TID3 },
    { TRAP_ID4, HCR_TID4 }, { TRAP_ACR, HCR_TACR }, { TRAP_LOR, HCR_TLOR },
    { TRAP_ERR, HCR_TERR }, { TRAP_SW, HCR_TSW }, { TRAP_PCP, HCR_TPCP },
    { TRAP_PU, HCR_TPU | HCR_TOCU }, { TRAP_ICAB, HCR_TICAB }, { TRAP_TLB, HCR_TTLB },
    { TRAP_TLBIS, HCR_TTLBIS }, { TRAP_TLBOS, HCR_TTLBOS },
};

static ArmAccess trap_to_el2(const ArmCpu *a, uint32_t trap, bool write)
{
    uint64_t hcr = a->hcr_eff, mdcr = arm_el2_on(a) ? a->mdcr_el2 : 0;
    bool tde = mdcr & MDCR2_TDE || hcr & HCR_TGE;

    for (unsigned i = 0; i < ARRAY_LEN(hcr_traps); i++)
        if (trap & hcr_traps[i].trap && hcr & hcr_traps[i].hcr)
            return ACCESS_EL2;
    if (trap & TRAP_VM && hcr & (write ? HCR_TVM : HCR_TRVM))
        return ACCESS_EL2;
    if (trap & TRAP_APK && arm_el2_on(a) && !(hcr & HCR_APK) &&
        (arm_el(a) == 1 || !(hcr & HCR_TGE)))
        return ACCESS_EL2;
    if (trap & TRAP_CPACR && arm_el2_on(a) && a->cptr_el2 >> 31 & 1)
        return ACCESS_EL2;
    if ((trap & TRAP_PM && mdcr & MDCR2_TPM) || (trap & TRAP_PMCR && mdcr & MDCR2_TPMCR))
        return ACCESS_EL2;
    if ((trap & TRAP_DA && (tde || mdcr & MDCR2_TDA)) ||
        (trap & TRAP_OSA && (tde || mdcr & MDCR2_TDOSA)) ||
        (trap & TRAP_DRA && (tde || mdcr & MDCR2_TDRA)))
        return ACCESS_EL2;
    return ACCESS_OK;
}

static ArmAccess trap_to_el3(const ArmCpu *a, uint32_t trap)
{
    uint64_t mdcr = a->mdcr_el3, scr = a->scr;

    if ((trap & TRAP_CPACR && a->cptr_el3 >> 31 & 1) || (trap & TRAP_PM && mdcr & MDCR3_TPM) ||
        (trap & (TRAP_DA | TRAP_DRA) && mdcr & MDCR3_TDA) ||
        (trap & TRAP_OSA && mdcr & MDCR3_TDOSA) || (trap & TRAP_APK && !(scr & SCR_APK)) ||
        (trap & TRAP_LOR && scr & SCR_TLOR) || (trap & TRAP_ERR && scr & SCR_TERR))
        return ACCESS_EL3;
    return ACCESS_OK;
}

/* Cache maintenance that EL0 may do. */
static ArmAccess trap_from_el0(const ArmCpu *a, const ArmSysReg *r)
{
    if (r->trap & (TRAP_PCP | TRAP_PU) && !(arm_sctlr_el0(a) & SCTLR_UCI))
        return arm_trap_from_el0(a);
    return ACCESS_OK;
}

static ArmAccess trap_scxt(const ArmCpu *a)
{
    unsigned el = arm_el(a);
    bool host = (a->hcr_eff & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);

    if (el == 0 && arm_sctlr_el0(a) & SCTLR_TSCXT)
        return arm_trap_from_el0(a);
    if (el < 2 && arm_el2_on(a) && !host && !(a->hcr_eff & HCR_ENSCXT))
        return ACCESS_EL2;
    return el < 3 && a->has_el3 && !(a->scr >> 25 & 1) ? ACCESS_EL3 : ACCESS_OK;
}

static ArmAccess check_access(ArmCpu *a, const ArmSysReg *r, bool write)
{
    unsigned el = arm_el(a), fp;
    ArmAccess why = ACCESS_OK;

    if (!(r->access >> (write ? 4 : 0) >> el & 1))
        return ACCESS_UNDEF;
    if (G_LIKELY(!r->trap && !r->check))
        return ACCESS_OK;
    if (el == 0 && r->trap)
        why = trap_from_el0(a, r);
    if (why == ACCESS_OK && r->check && !(r->trap & TRAP_FP))
        why = r->check(a, r, write);
    if (why == ACCESS_OK && el < 2 && r->trap && a->has_el2)
        why = trap_to_el2(a, r->trap, write);
    if (why == ACCESS_OK && el == 2 && r->trap & TRAP_CPACR && a->has_el3 && a->cptr_el3 >> 31 & 1)
        return ACCESS_EL3;
    if (why == ACCESS_OK && el < 3 && r->trap && a->has_el3)
        why = trap_to_el3(a, r->trap);
    if (why == ACCESS_OK && r->trap & TRAP_SCXT)
        why = trap_scxt(a);
    if (why == ACCESS_OK && r->trap & TRAP_FP) {
        fp = (a->cpu.mode & MODE_FP) >> MODE_FP_SHIFT;
        if (fp)
            arm_raise(a, MAX(fp, el), ESR(EC_FP_ACCESS, 1 << 24 | 0xe << 20), 0);
    }
    return why;
}

static void G_GNUC_NORETURN deny(ArmCpu *a, ArmAccess why, uint32_t enc, unsigned rt, bool write)
{
    uint32_t iss = (enc >> 14 & 3) << 20 | (enc & 7) << 17 | (enc >> 11 & 7) << 14 |
                   (enc >> 7 & 15) << 10 | (rt & 31) << 5 | (enc >> 3 & 15) << 1 | !write;

    if (why == ACCESS_UNDEF)
        arm_raise_undef(a);
    arm_raise(a, MAX((unsigned)why, arm_el(a)), ESR(EC_SYSREG, iss), 0);
}

/* --- which register --- */

static bool gic_register(uint32_t enc)
{
    unsigned crn = enc >> 7 & 15, crm = enc >> 3 & 15, op1 = enc >> 11 & 7;

    if (enc >> 14 != 3)
        return false;
    return (op1 == 0 && crn == 4 && crm == 6) || (op1 == 0 && crn == 12 && crm >= 8) ||
           ((op1 == 4 || op1 == 6) && crn == 12 && crm >= 8);
}

/* Registers of EL1 and the timers by their names for EL2 with E2H; 0: not such a name. */
static uint32_t el12_target(uint32_t enc)
{
    unsigned crn = enc >> 7 & 15, crm = enc >> 3 & 15;

    if (enc >> 11 != (3 << 3 | 5))
        return 0;
    if (crn == 14 && (crm == 2 || crm == 3))
        return (enc & ~(7U << 11)) | 3U << 11;
    return enc & ~(7U << 11);
}

/*
 * EL2's registers seen from EL3 where there is no EL2: zero, or what they would stand for ("if EL2
 * is not implemented" in each register's description).
 */
static const ArmSysReg *absent_el2(const ArmCpu *a, uint32_t enc)
{
    static const ArmSysReg zero = { .name = "RES0" };
    const ArmSysReg *r = arm_sysreg_find(enc);

    if (!r || enc >> 14 != 3 || r->need != NEED_EL2)
        return enc == ARM_SYSREG(3, 4, 13, 0, 1) && a->feat.vhe ? &zero : NULL; /* CONTEXTIDR_EL2 */
    switch (enc) {
    case ARM_SYSREG(3, 4, 0, 0, 0):
        return arm_sysreg_find(ARM_SYSREG(3, 0, 0, 0, 0)); /* VPIDR_EL2: MIDR_EL1 */
    case ARM_SYSREG(3, 4, 0, 0, 5):
        return arm_sysreg_find(ARM_SYSREG(3, 0, 0, 0, 5));
    default:
        return &zero;
    }
}

/* The row that an access means now; *why says what is in the way of it. */
static const ArmSysReg *resolve(ArmCpu *a, uint32_t enc, bool write, ArmAccess *why)
{
    unsigned el = arm_el(a);
    uint32_t alias = G_UNLIKELY(enc >> 11 == (3 << 3 | 5)) ? el12_target(enc) : 0;
    const ArmSysReg *r = find_present(a, alias ? alias : enc);

    if (G_UNLIKELY(!r)) {
        unsigned op1 = enc >> 11 & 7, crn = enc >> 7 & 15;
        if (el == 3 && !a->has_el2 && (r = absent_el2(a, enc)) != NULL) {
            *why = ACCESS_OK;
            return r;
        }
        *why = ACCESS_UNDEF;
        if (a->hcr_eff & HCR_TIDCP && el == 1 && (crn == 11 || crn == 15) && op1 < 8 &&
            (enc >> 14 & 1))
            *why = ACCESS_EL2;
        return NULL;
    }
    if (alias) {
        bool named = r->e2h && a->has_el2 && a->feat.vhe;
        *why = named && el >= 2 && a->hcr_eff & HCR_E2H ? ACCESS_OK : ACCESS_UNDEF;
        return r;
    }
    if (el == 2 && r->e2h && a->hcr_eff & HCR_E2H) {
        const ArmSysReg *to = find_present(a, r->e2h);
        if (to)
            r = to;
    }
    *why = check_access(a, r, write);
    return r;
}

/* --- the accesses --- */

static uint64_t get(ArmCpu *a, const ArmSysReg *r)
{
    if (r->read)
        return r->read(a, r);
    return r->offset ? *sysreg_cell(a, r) : r->reset;
}

static void put(ArmCpu *a, const ArmSysReg *r, uint64_t value)
{
    if (r->offset) {
        uint64_t *cell = sysreg_cell(a, r);
        value = (*cell & ~r->mask) | (value & r->mask);
        if (!r->write)
            *cell = value;
    }
    if (r->write)
        r->write(a, r, value);
}

static ArmAccess gic_access(ArmCpu *a, uint32_t enc, bool write, uint64_t *value)
{
    ArmGicView v = arm_cpu_gic_view(&a->cpu);
    bool locked = main_lock_held();
    ArmGicAccess why;

    if (!a->gic)
        return ACCESS_UNDEF;
    if (!locked)
        main_lock();
    why = write ? a->gic->write(a->gic_opaque, enc, &v, *value)
                : a->gic->read(a->gic_opaque, enc, &v, value);
    if (!locked)
        main_unlock();
    switch (why) {
    case ARM_GIC_OK: return ACCESS_OK;
    case ARM_GIC_TRAP_EL1: return ACCESS_EL1;
    case ARM_GIC_TRAP_EL2: return ACCESS_EL2;
    case ARM_GIC_TRAP_EL3: return ACCESS_EL3;
    default: return ACCESS_UNDEF;
    }
}

uint64_t arm_sysreg_read(ArmCpu *a, uint32_t enc, unsigned rt)
{
    ArmAccess why;
    uint64_t v = 0;
    const ArmSysReg *r;

    if (G_UNLIKELY(gic_register(enc))) {
        why = gic_access(a, enc, false, &v);
        if (why != ACCESS_OK)
            deny(a, why, enc, rt, false);
        return v;
    }
    r = resolve(a, enc, false, &why);
    if (G_UNLIKELY(why != ACCESS_OK))
        deny(a, why, enc, rt, false);
    return get(a, r);
}

void arm_sysreg_write(ArmCpu *a, uint32_t enc, unsigned rt, uint64_t value)
{
    ArmAccess why;
    const ArmSysReg *r;

    if (G_UNLIKELY(gic_register(enc))) {
        why = gic_access(a, enc, true, &value);
        if (why != ACCESS_OK)
            deny(a, why, enc, rt, true);
        return;
    }
    r = resolve(a, enc, true, &why);
    if (G_UNLIKELY(why != ACCESS_OK))
        deny(a, why, enc, rt, true);
    put(a, r, value);
}

uint64_t arm_sysreg_peek(ArmCpu *a, const ArmSysReg *r)
{
    return get(a, r);
}

void arm_sysreg_poke(ArmCpu *a, const ArmSysReg *r, uint64_t value)
{
    if (r->access & 0xf0 && !r->no_gdb)
        put(a, r, value);
}

void arm_sysregs_reset(ArmCpu *a)
{
    for (unsigned i = 0; i < n_rows; i++) {
        const ArmSysReg *r = all_rows[i];
        if (r->offset && r->mask)
            *sysreg_cell(a, r) = r->reset;
    }
}

/* --- for the translator --- */

static ArmSysRegInline whole(int slot)
{
    return (ArmSysRegInline){ .slot = slot, .mask = ~0ULL };
}

ArmSysRegInline arm_sysreg_inline(const ArmCpu *a, uint32_t mode, uint32_t enc, bool write)
{
    unsigned el = (mode & MODE_EL) >> MODE_EL_SHIFT;
    bool e2h = mode & MODE_E2H, plain1 = el == 1 || (el >= 2 && !e2h);
    ArmSysRegInline how = { .slot = -1 };

    switch (enc) {
    case ARM_SYSREG(3, 3, 13, 0, 2):
        return whole(SLOT_TPIDR_EL0);
    case ARM_SYSREG(3, 3, 13, 0, 3):
        return !write || el ? whole(SLOT_TPIDRRO_EL0) : how;
    case ARM_SYSREG(3, 0, 13, 0, 4):
        return el ? whole(SLOT_TPIDR_EL1) : how;
    case ARM_SYSREG(3, 4, 13, 0, 2):
        return el >= 2 && a->has_el2 ? whole(SLOT_TPIDR_EL2) : how;
    case ARM_SYSREG(3, 0, 4, 1, 0):
        return el && mode & MODE_SPSEL ? whole(SLOT_SP_EL0) : how;
    case ARM_SYSREG(3, 0, 4, 0, 1):
        return plain1 ? whole(SLOT_ELR_EL1) : el == 2 ? whole(SLOT_ELR_EL2) : how;
    case ARM_SYSREG(3, 0, 4, 0, 0):
        return plain1 ? whole(SLOT_SPSR_EL1) : el == 2 ? whole(SLOT_SPSR_EL2) : how;
    case ARM_SYSREG(3, 4, 4, 0, 1):
        return el >= 2 && a->has_el2 ? whole(SLOT_ELR_EL2) : how;
    case ARM_SYSREG(3, 4, 4, 0, 0):
        return el >= 2 && a->has_el2 ? whole(SLOT_SPSR_EL2) : how;
    case ARM_SYSREG(3, 0, 5, 2, 0):
        return el == 1 && !a->has_el2 ? whole(SLOT_ESR_EL1) : how;
    case ARM_SYSREG(3, 0, 6, 0, 0):
        return el == 1 && !a->has_el2 ? whole(SLOT_FAR_EL1) : how;
    case ARM_SYSREG(3, 0, 4, 2, 2):
        if (el && !write)
            how = (ArmSysRegInline){ .slot = SLOT_PSTATE, .mask = PSTATE_EL };
        return how;
    case ARM_SYSREG(3, 3, 4, 2, 1):
        if (el)
            how = (ArmSysRegInline){ SLOT_PSTATE, PSTATE_DAIF, write, false };
        return how;
    case ARM_SYSREG(3, 0, 4, 2, 3): /* PAN */
    case ARM_SYSREG(3, 0, 2, 0, 0): /* TTBRn_EL1: code that is mapped otherwise needs an ISB */
    case ARM_SYSREG(3, 0, 2, 0, 1):
        return how;
    default:
        /* Whatever decides about the mode word, or may: the rest of op0 = 3 isn't frequent. */
        how.ends_block = write && enc >> 14 >= 2 && !gic_register(enc) && (enc >> 7 & 15) != 14 &&
                         (enc >> 7 & 15) != 9;
        return how;
    }
}
