/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation regimes (DDI 0487 D8.1): what control registers say, parsed once per configuration;
 * TLB contexts and access modes of the current state; the TLB's question for a translation.
 *
 * Registers that change translations (TCR, MAIR, SCTLR.M, HCR.VM, ...) are not watched: their
 * values are compared when the state is set, and each combination has its number in TlbKey.regime.
 * So no change needs a flush, and what the guest must flush is found by the regime's kind alone.
 */
#include "target/arm/cpu.h"

#include <inttypes.h>
#include <string.h>

#include "util/log.h"

#define HCR_FWB (1ULL << 46)
#define SCTLR_EPAN (1ULL << 57)
#define SCTLR_MMU (SCTLR_M | SCTLR_I | SCTLR_WXN | SCTLR_EE | SCTLR_EPAN)
#define HCR_MMU (HCR_VM | HCR_PTW | HCR_DC | HCR_TGE | HCR_E2H | HCR_FWB)
#define SCR_MMU (SCR_NS | SCR_SIF)

/* ID_AA64MMFR0 to 2 */
enum { MMFR0_TGRAN16 = 20, MMFR0_TGRAN64 = 24, MMFR0_TGRAN4 = 28, MMFR1_HPDS = 12, MMFR1_PAN = 20,
       MMFR2_FWB = 40 };

/* --- which regime --- */

uint32_t arm_current_regime(const ArmCpu *a)
{
    uint64_t hcr = arm_hcr(a);
    uint32_t secure = a->has_el3 && arm_is_secure(a) ? REGIME_SECURE : 0;

    switch (arm_el(a)) {
    case 3:
        return REGIME_EL3 | REGIME_SECURE;
    case 2:
        return (hcr & HCR_E2H ? REGIME_EL20 : REGIME_EL2) | secure;
    case 1:
        return REGIME_EL10 | secure;
    default:
        return ((hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? REGIME_EL20 : REGIME_EL10) |
               secure;
    }
}

static unsigned regime_el(uint32_t which)
{
    switch (which & REGIME_KIND) {
    case REGIME_EL10:
        return 1;
    case REGIME_EL3:
        return 3;
    default:
        return 2;
    }
}

ArmRegimeRegs arm_regime_regs(const ArmCpu *a, uint32_t which)
{
    unsigned el = regime_el(which);
    ArmRegimeRegs r = {
        .which = which, .tcr = a->tcr[el], .sctlr = a->sctlr[el] & SCTLR_MMU, .mair = a->mair[el],
        .scr = a->scr & SCR_MMU,
    };

    if (el == 1) {
        r.hcr = arm_hcr(a) & HCR_MMU;
        if (r.hcr & (HCR_VM | HCR_DC)) {
            r.vtcr = a->vtcr;
            r.vttbr = a->vttbr;
        }
    }
    return r;
}

uint32_t arm_regime_asid(const ArmCpu *a, uint32_t which)
{
    unsigned el = regime_el(which);
    uint64_t tcr = a->tcr[el];
    uint32_t asid;

    if (which & REGIME_EL2) /* EL2 and EL3 have one privilege level and no ASID */
        return 0;
    asid = (tcr & 1ULL << 22 ? a->ttbr1[el] : a->ttbr0[el]) >> 48; /* TCR.A1 */
    return tcr & 1ULL << 36 ? asid : asid & 0xff;                  /* TCR.AS */
}

uint32_t arm_regime_vmid(const ArmCpu *a, uint32_t which)
{
    if (!a->has_el2 || which & (REGIME_KIND | REGIME_SECURE))
        return 0;
    return a->vtcr & 1ULL << 19 ? a->vttbr >> 48 : a->vttbr >> 48 & 0xff; /* VTCR.VS */
}

/* --- parsing --- */

static bool has_granule(const ArmCpu *a, unsigned bits)
{
    switch (bits) {
    case 12:
        return bits_get(a->id.aa64mmfr0, MMFR0_TGRAN4, 4) != 15;
    case 14:
        return bits_get(a->id.aa64mmfr0, MMFR0_TGRAN16, 4) != 0;
    default:
        return bits_get(a->id.aa64mmfr0, MMFR0_TGRAN64, 4) != 15;
    }
}

/* A granule that does not exist behaves as one that does. */
static unsigned real_granule(const ArmCpu *a, unsigned bits)
{
    return has_granule(a, bits) ? bits : has_granule(a, 12) ? 12 : has_granule(a, 16) ? 16 : 14;
}

static unsigned pa_size(const ArmCpu *a, unsigned field)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48, 52, 52 };
    return MIN(bits[field & 7], a->pa_bits);
}

static unsigned max_tsz(const ArmCpu *a, unsigned granule)
{
    return !a->feat.ttst ? 39 : granule == 16 ? 47 : 48;
}

static void set_granule(const ArmCpu *a, ArmRange *r, unsigned granule, bool ds)
{
    r->granule = (uint8_t)real_granule(a, granule);
    r->lpa2 = ds && a->feat.lpa2 && r->granule != 16;
    r->high_in_15_12 = a->feat.lpa && r->granule == 16;
    switch (r->granule) {
    case 12:
        r->block_levels = r->lpa2 ? 7 : 6;
        break;
    case 14:
        r->block_levels = r->lpa2 ? 6 : 4;
        break;
    default:
        r->block_levels = a->feat.lpa ? 6 : 4;
        break;
    }
}

/* Without room in TTBRs and descriptors for more, 48 bits (AArch64.PhysicalAddressSize). */
static void set_output_size(const ArmCpu *a, ArmRange *r, unsigned ps)
{
    unsigned bits = pa_size(a, ps);
    r->oa_bits = (uint8_t)(r->granule == 16 || r->lpa2 ? bits : MIN(bits, 48));
}

/* T0SZ or T1SZ out of bounds is a translation fault at level 0, one of the choices there are. */
static void set_size(const ArmCpu *a, ArmRange *r, unsigned tsz)
{
    bool large = r->granule == 16 ? a->va_bits > 48 : r->lpa2;
    unsigned stride = r->granule - 3;

    if (tsz > max_tsz(a, r->granule) || tsz < (large ? 12 : 16))
        r->faults = true;
    r->ia_bits = (uint8_t)(64 - MIN(MAX(tsz, 12), 48));
    r->start = (int8_t)(3 - (int)((r->ia_bits - 1 - r->granule) / stride));
}

static unsigned granule_tg0(unsigned tg)
{
    static const uint8_t bits[] = { 12, 16, 14, 12 };
    return bits[tg & 3];
}

static unsigned granule_tg1(unsigned tg)
{
    static const uint8_t bits[] = { 12, 14, 12, 16 };
    return bits[tg & 3];
}

static void parse_two_ranges(const ArmCpu *a, ArmRegime *rg)
{
    uint64_t tcr = rg->regs.tcr;
    bool hpds = bits_get(a->id.aa64mmfr1, MMFR1_HPDS, 4), ds = tcr >> 59 & 1;

    for (unsigned i = 0; i < 2; i++) {
        ArmRange *r = &rg->range[i];
        set_granule(a, r, i ? granule_tg1(bits_get(tcr, 30, 2)) : granule_tg0(bits_get(tcr, 14, 2)),
                    ds);
        r->faults = tcr >> (i ? 23 : 7) & 1; /* EPDn */
        set_size(a, r, bits_get(tcr, i ? 16 : 0, 6));
        r->tbi_data = tcr >> (37 + i) & 1;
        r->tbi_insn = r->tbi_data && !(tcr >> (51 + i) & 1 && a->feat.pauth); /* TBIDn */
        r->hpd = hpds && tcr >> (41 + i) & 1;
        r->e0pd = a->feat.e0pd && tcr >> (55 + i) & 1;
        set_output_size(a, r, bits_get(tcr, 32, 3));
    }
    rg->ha = a->feat.hafdbs && tcr >> 39 & 1;
    rg->hd = rg->ha && a->feat.dbm && tcr >> 40 & 1;
}

static void parse_one_range(const ArmCpu *a, ArmRegime *rg)
{
    uint64_t tcr = rg->regs.tcr;
    ArmRange *r = &rg->range[0];

    set_granule(a, r, granule_tg0(bits_get(tcr, 14, 2)), tcr >> 32 & 1);
    set_size(a, r, bits_get(tcr, 0, 6));
    r->tbi_data = tcr >> 20 & 1;
    r->tbi_insn = r->tbi_data && !(tcr >> 29 & 1 && a->feat.pauth);
    r->hpd = bits_get(a->id.aa64mmfr1, MMFR1_HPDS, 4) && tcr >> 24 & 1;
    set_output_size(a, r, bits_get(tcr, 16, 3));
    rg->range[1] = *r;
    rg->ha = a->feat.hafdbs && tcr >> 21 & 1;
    rg->hd = rg->ha && a->feat.dbm && tcr >> 22 & 1;
}

/* AArch64.S2InvalidSL: start levels that small physical address spaces have no use for. */
static bool start_level_invalid(const ArmCpu *a, const ArmRange *r)
{
    switch (r->granule) {
    case 12:
        return r->start == 0 && a->pa_bits < 44;
    case 14:
        return r->start == 0 || (r->start == 1 && a->pa_bits < 42);
    default:
        return r->start == 0 || (r->start == 1 && a->pa_bits < 44);
    }
}

static void parse_stage2(const ArmCpu *a, ArmRegime *rg)
{
    static const int8_t start4[] = { 2, 1, 0, 3 }, start[] = { 3, 2, 1, 0 };
    uint64_t vtcr = rg->regs.vtcr;
    ArmRange *r = &rg->s2;
    unsigned tsz = bits_get(vtcr, 0, 6), sl0 = bits_get(vtcr, 6, 2), stride, low, min_tsz;

    set_granule(a, r, granule_tg0(bits_get(vtcr, 14, 2)), vtcr >> 32 & 1);
    set_output_size(a, r, bits_get(vtcr, 16, 3));
    r->start = r->granule == 12 ? start4[sl0] : start[sl0];
    if (r->granule == 12 && r->lpa2 && vtcr >> 33 & 1) /* SL2 */
        r->start = -1;
    r->ia_bits = (uint8_t)(64 - MIN(MAX(tsz, 12), 48));
    stride = r->granule - 3;
    min_tsz = MAX(64 - a->pa_bits, r->granule == 16 || r->lpa2 ? 12 : 16);
    low = (unsigned)(3 - r->start) * stride + r->granule + 1;
    r->faults = tsz > max_tsz(a, r->granule) || tsz < min_tsz || start_level_invalid(a, r) ||
                (r->granule == 12 && sl0 == 3 && !a->feat.ttst) || (r->start < 0 && sl0) ||
                r->ia_bits < low || r->ia_bits > low + stride + 3;
    rg->s2_ha = a->feat.hafdbs && vtcr >> 21 & 1;
    rg->s2_hd = rg->s2_ha && a->feat.dbm && vtcr >> 22 & 1;
    rg->s2_big_endian = a->sctlr[2] & SCTLR_EE;
    rg->xnx = a->feat.xnx;
    rg->ptw = rg->regs.hcr & HCR_PTW;
    rg->fwb = bits_get(a->id.aa64mmfr2, MMFR2_FWB, 4) && rg->regs.hcr & HCR_FWB;
}

void arm_regime_parse(const ArmCpu *a, const ArmRegimeRegs *regs, ArmRegime *rg)
{
    unsigned kind = regs->which & REGIME_KIND;

    memset(rg, 0, sizeof *rg);
    rg->regs = *regs;
    rg->two_ranges = kind == REGIME_EL10 || kind == REGIME_EL20;
    rg->secure = regs->which & REGIME_SECURE;
    rg->stage1 = regs->sctlr & SCTLR_M;
    rg->wxn = regs->sctlr & SCTLR_WXN;
    rg->epan = regs->sctlr & SCTLR_EPAN && bits_get(a->id.aa64mmfr1, MMFR1_PAN, 4) >= 3;
    rg->big_endian = regs->sctlr & SCTLR_EE;
    rg->sif = rg->secure && regs->scr & SCR_SIF;
    if (rg->two_ranges)
        parse_two_ranges(a, rg);
    else
        parse_one_range(a, rg);
    if (kind != REGIME_EL10)
        return;
    /* HCR_EL2.DC and TGE turn stage 1 off; DC implies stage 2. */
    rg->dc = regs->hcr & HCR_DC;
    if (regs->hcr & (HCR_DC | HCR_TGE))
        rg->stage1 = false;
    rg->stage2 = regs->hcr & (HCR_DC | HCR_VM);
    if (rg->stage2)
        parse_stage2(a, rg);
}

/* --- the current state --- */

static bool regs_equal(const ArmRegimeRegs *a, const ArmRegimeRegs *b)
{
    return a->tcr == b->tcr && a->sctlr == b->sctlr && a->mair == b->mair && a->hcr == b->hcr &&
           a->scr == b->scr && a->vtcr == b->vtcr && a->vttbr == b->vttbr && a->which == b->which;
}

/* The regime as the registers are now; it stays the current one. */
static const ArmRegime *regime_select(ArmCpu *a)
{
    ArmMmu *m = &a->mmu;
    ArmRegimeRegs regs = arm_regime_regs(a, arm_current_regime(a));
    ArmRegime *rg;

    if (G_LIKELY(m->n_regimes && regs_equal(&m->regime[m->current].regs, &regs)))
        return &m->regime[m->current];
    for (unsigned i = 0; i < m->n_regimes; i++) {
        if (regs_equal(&m->regime[i].regs, &regs)) {
            m->current = i;
            return &m->regime[i];
        }
    }
    if (m->n_regimes == ARM_MAX_REGIMES) {
        tlb_flush_all(&a->cpu);
        m->n_regimes = 0;
    }
    m->current = m->n_regimes++;
    rg = &m->regime[m->current];
    arm_regime_parse(a, &regs, rg);
    rg->key = regs.which | m->current << REGIME_CONFIG_SHIFT;
    return rg;
}

static inline int privileged_idx(const ArmCpu *a, uint32_t which)
{
    return a->pstate & PSTATE_PAN && !(which & REGIME_EL2) ? ARM_MMU_PRIV_PAN : ARM_MMU_PRIV;
}

int arm_fetch_mmu_idx(Cpu *cpu)
{
    return arm_el(arm_cpu(cpu)) ? ARM_MMU_PRIV : ARM_MMU_USER;
}

int arm_data_mmu_idx(Cpu *cpu)
{
    ArmCpu *a = arm_cpu(cpu);
    return arm_el(a) ? privileged_idx(a, arm_current_regime(a)) : ARM_MMU_USER;
}

void arm_set_translation(ArmCpu *a, uint32_t mode)
{
    const ArmRegime *rg = regime_select(a);
    unsigned el = regime_el(rg->regs.which);
    TlbKey key = { .regime = rg->key };
    int fetch_idx = arm_fetch_mmu_idx(&a->cpu);

    if (rg->stage1) {
        key.root[0] = a->ttbr0[el] & MASK(48) & ~1ULL; /* without CnP */
        if (rg->two_ranges) {
            key.root[1] = key.share = a->ttbr1[el] & MASK(48) & ~1ULL;
            key.asid = arm_regime_asid(a, rg->regs.which);
        }
    }
    key.vmid = arm_regime_vmid(a, rg->regs.which);
    cpu_set_translation(&a->cpu, &key,
                        fetch_idx == ARM_MMU_USER ? ARM_MMU_USER : privileged_idx(a, key.regime),
                        &key, fetch_idx, mode);
}

/* --- the TLB's question --- */

/* TCR.TBID: an entry made for data at a tagged address is not one for fetches. */
static inline bool tag_may_be_fetched(const ArmRegime *rg, vaddr va)
{
    unsigned high = rg->two_ranges ? va >> 55 & 1 : 0;
    const ArmRange *r = &rg->range[high];
    return G_LIKELY(r->tbi_data == r->tbi_insn) || va >> 56 == (high ? 0xff : 0);
}

/*
 * The kernel's code is often not global (KPTI), but the same in all address spaces with this
 * TTBR1, as long as nobody writes the tables that say so.
 */
static bool walk_kernel_code(ArmCpu *a, const ArmRegime *rg, vaddr va, const ArmAsk *ask,
                             ArmXlat *x, uint8_t *code)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        if (!arm_walk(a, rg, va, ask, x))
            return false;
        if (x->global)
            return true;
        *code = CODE_UNCACHED;
        if (!x->tables_known)
            return true;
        switch (tlb_watch_tables(&a->cpu, x->table, x->n_tables)) {
        case TLB_TABLES_WATCHED:
            *code = CODE_SHARED;
            return true;
        case TLB_TABLES_UNSETTLED:
            return true;
        case TLB_TABLES_NEW:
            break;
        }
    }
    return true;
}

bool arm_translate(Cpu *cpu, vaddr va, MmuAccess access, int idx, bool debug, MmuResult *r)
{
    ArmCpu *a = arm_cpu(cpu);
    const ArmRegime *rg = &a->mmu.regime[a->mmu.current];
    ArmAsk ask = { .access = access, .el0 = idx == ARM_MMU_USER,
                   .pan = idx == ARM_MMU_PRIV_PAN && access != MMU_EXEC, .debug = debug };
    ArmXlat x;
    bool ok, kernel = !ask.el0 && va >> 55 & 1 && rg->two_ranges && rg->stage1 && !rg->stage2;

    ask.note_tables = kernel && access == MMU_EXEC && !debug;
    /* Kernels run in the upper range; what they do in the lower one says nothing about others. */
    r->code = rg->two_ranges && !ask.el0 ? CODE_PRIVATE : CODE_BY_GLOBAL;
    if (kernel && access != MMU_EXEC) {
        r->code = CODE_SHARED; /* if it is fetched from: by the walk that this version asks for */
        r->code_version--;
    }
    ok = ask.note_tables ? walk_kernel_code(a, rg, va, &ask, &x, &r->code)
                         : arm_walk(a, rg, va, &ask, &x);
    if (ok) {
        r->paddr = x.pa;
        r->page_bits = x.page_bits;
        r->r = x.r;
        r->w = x.w;
        r->x = x.x && tag_may_be_fetched(rg, va);
        r->global = x.global;
        /* With stage 1 off, all data are in Device-nGnRnE memory; but programs without an MMU (C
         * libraries in DC ZVA among them) count on emulators that don't mind. */
        r->aligned = arm_attr_is_device(x.mem.attr) && rg->stage1;
        r->attrs = (x.guarded && a->feat.bti ? ARM_PAGE_GUARDED : 0) |
                   (r->aligned ? ARM_PAGE_DEVICE : 0);
    } else {
        r->fault = x.fault;
        r->fault_info = x.ipa;
    }
    if (log_on(LOG_MMU) && !debug) {
        if (ok)
            log_printf(LOG_MMU, "arm_cpu_tlb_fill address=%016" PRIx64 " access %d mmu_idx %d "
                       "physical %016" PRIx64 " prot %c%c%c\n", va, access, idx,
                       r->paddr & ~HWADDR_SECURE,
                       r->r ? 'r' : '-', r->w ? 'w' : '-', r->x ? 'x' : '-');
        else
            log_printf(LOG_MMU, "arm_cpu_tlb_fill address=%016" PRIx64 " access %d mmu_idx %d "
                       "fault %02x\n", va, access, idx, r->fault & FAULT_FSC);
    }
    return ok;
}

/*
 * A debugger may see the kernel from EL0 (E0PD keeps arm_translate out), and more: under KPTI Linux
 * runs user programs with tables in which of the kernel there are only the vectors. The whole ones
 * lie a few pages from them, and are known by the vectors, which they map to the same place.
 */
bool arm_debug_translate(Cpu *cpu, vaddr va, hwaddr *pa)
{
    enum { MAX_PAGES = 8 };
    ArmCpu *a = arm_cpu(cpu);
    const ArmRegime *rg = &a->mmu.regime[a->mmu.current];
    vaddr vectors = a->vbar[regime_el(rg->regs.which)];
    ArmAsk ask = { .access = MMU_READ, .debug = true };
    ArmXlat now, x;
    bool found;

    if (!rg->two_ranges || !rg->stage1 || !(va >> 55 & 1))
        return false;
    found = arm_walk(a, rg, va, &ask, &x);
    if (!found && vectors >> 55 & 1 && arm_walk(a, rg, vectors, &ask, &now)) {
        for (int i = 2; i < 2 * MAX_PAGES + 2 && !ask.table1_from; i++) {
            ask.table1_from = (i & 1 ? -(i / 2) : i / 2) * (1 << rg->range[1].granule);
            if (!arm_walk(a, rg, vectors, &ask, &x) || x.pa != now.pa)
                ask.table1_from = 0;
        }
        found = ask.table1_from && arm_walk(a, rg, va, &ask, &x);
    }
    if (found)
        *pa = x.pa;
    return found;
}
