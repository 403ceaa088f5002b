/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation table walks of VMSAv8-64, stages 1 and 2 (DDI 0487 D8): the order of checks follows
 * the pseudocode of AArch64.S1Walk, S1Translate, S2Walk and S2Translate (J1.1.5).
 *
 * A TLB miss comes here, so tables are read through a host pointer to the RAM that was used last.
 * Physical addresses of the secure address space have HWADDR_SECURE set (D8.2.4).
 *
 * The contiguous hint is not needed: each entry is made from its own descriptor. Not here: secure
 * stage 2 (FEAT_SEL2), realms, 128-bit descriptors, permission overlays; none is advertised.
 */
#include "target/arm/cpu.h"

enum {
    DESC_VALID = 1, DESC_TABLE = 2, DESC_NS = 1 << 5, DESC_AP1 = 1 << 6, DESC_AP2 = 1 << 7,
    DESC_AF = 1 << 10, DESC_NG = 1 << 11,
    DESC_S2_R = 1 << 6, DESC_S2_W = 1 << 7,
};
#define DESC_GP (1ULL << 50)
#define DESC_DBM (1ULL << 51)
#define DESC_PXN (1ULL << 53)
#define DESC_XN (1ULL << 54)
#define DESC_PXN_TABLE (1ULL << 59)
#define DESC_XN_TABLE (1ULL << 60)
#define DESC_AP_TABLE0 (1ULL << 61) /* no access from EL0 */
#define DESC_AP_TABLE1 (1ULL << 62) /* read-only */
#define DESC_NS_TABLE (1ULL << 63)

/* --- tables in memory --- */

static bool table_ram_find(ArmCpu *a, hwaddr pa)
{
    ArmTableRam *p = &a->mmu.pt;
    uint32_t version = atomic_load_explicit(&memory_map_version, memory_order_acquire);
    MemorySection s = memory_section_lookup(a->cpu.as, pa);

    if (!s.host || s.last - pa < 7)
        return false;
    p->host = s.host;
    p->start = s.start;
    p->last = s.last - 7;
    p->ram_page = s.ram_page;
    p->writable = s.writable;
    p->version = version;
    return true;
}

/* Forgets the pointer if it may be stale: at the start of each walk. */
static inline void table_ram_check(ArmCpu *a)
{
    if (G_UNLIKELY(a->mmu.pt.version !=
                   atomic_load_explicit(&memory_map_version, memory_order_acquire))) {
        a->mmu.pt.start = 1;
        a->mmu.pt.last = 0;
    }
}

static inline uint64_t *table_host(ArmCpu *a, hwaddr pa)
{
    ArmTableRam *p = &a->mmu.pt;

    if (G_UNLIKELY(pa < p->start || pa > p->last) && !table_ram_find(a, pa))
        return NULL;
    return (uint64_t *)(void *)(p->host + (pa - p->start));
}

static inline bool read_descriptor(ArmCpu *a, hwaddr pa, bool big_endian, bool debug,
                                   uint64_t *desc)
{
    const uint64_t *host = table_host(a, pa);

    if (G_LIKELY(host))
        *desc = __atomic_load_n(host, __ATOMIC_RELAXED);
    else if (debug || address_space_load(a->cpu.as, pa, 8, desc) != MEM_OK)
        return false;
    if (G_UNLIKELY(big_endian))
        *desc = __builtin_bswap64(*desc);
    return true;
}

bool arm_debug_read_descriptor(ArmCpu *a, const ArmRegime *rg, hwaddr pa, uint64_t *desc)
{
    table_ram_check(a);
    return read_descriptor(a, pa, rg->big_endian, true, desc);
}

typedef enum Update { UPDATED, CHANGED, NO_ACCESS } Update;

/* Hardware update of the descriptor at pa, if it still is `old` (D8.4.6). */
static Update update_descriptor(ArmCpu *a, hwaddr pa, bool big_endian, uint64_t old, uint64_t new)
{
    uint64_t *host = table_host(a, pa), page;

    if (!host || !a->mmu.pt.writable || pa & 7)
        return NO_ACCESS;
    if (big_endian) {
        old = __builtin_bswap64(old);
        new = __builtin_bswap64(new);
    }
    if (!__atomic_compare_exchange_n(host, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return CHANGED;
    page = a->mmu.pt.ram_page + ((pa - a->mmu.pt.start) >> RAM_PAGE_BITS);
    if (atomic_load_explicit(&ram_page_flags[page], memory_order_relaxed) & RAM_PAGE_SLOW_WRITE)
        ram_page_written(page, pa & (RAM_PAGE_SIZE - 1), 8);
    return UPDATED;
}

hwaddr arm_descriptor_address(const ArmRange *r, uint64_t d)
{
    if (G_UNLIKELY(r->high_in_15_12))
        return (d & MASK(48) & ~MASK(16)) | bits_get(d, 12, 4) << 48;
    if (G_UNLIKELY(r->lpa2))
        return (d & MASK(50) & ~MASK(r->granule)) | bits_get(d, 8, 2) << 50;
    return d & MASK(48) & ~MASK(r->granule);
}

hwaddr arm_table_base(const ArmRange *r, uint64_t ttbr, unsigned shift)
{
    unsigned size = r->ia_bits - shift + 3;
    hwaddr base = ttbr & MASK(48);

    if (G_UNLIKELY(r->oa_bits == 52)) {
        base = (base & ~MASK(6)) | bits_get(ttbr, 2, 4) << 48;
        size = MAX(size, 6);
    }
    return base & ~MASK(size);
}

/* --- stage 2 --- */

typedef struct Stage2 {
    hwaddr pa;
    uint8_t page_bits;
    uint8_t mem_attr; /* of the descriptor */
    uint8_t sh;
    bool r, w, x;
} Stage2;

/* A status code that has a level. */
static inline unsigned fsc_at(unsigned fsc, int level)
{
    if (G_LIKELY(level >= 0))
        return fsc + (unsigned)level;
    return fsc == FSC_TRANSLATION    ? FSC_TRANSLATION_1
           : fsc == FSC_ADDRESS_SIZE ? FSC_ADDRESS_SIZE_1
                                     : FSC_EXTERNAL_WALK_1;
}

static bool fail2(ArmXlat *out, unsigned fault, hwaddr ipa)
{
    out->fault = fault | FAULT_STAGE2;
    out->ipa = ipa;
    return false;
}

static bool s2_is_device(const ArmRegime *rg, unsigned mem_attr)
{
    return rg->fwb ? !(mem_attr & 4) : !(mem_attr & 12);
}

static bool walk_stage2(ArmCpu *a, const ArmRegime *rg, hwaddr ipa, MmuAccess access, bool el0,
                        unsigned ptw, bool debug, Stage2 *s, ArmXlat *out)
{
    const ArmRange *r = &rg->s2;
    unsigned stride = r->granule - 3, shift, bits;
    uint64_t d, want;
    hwaddr base, at;
    int level;
    bool dirty_pending;

    if (r->faults || ipa >> r->ia_bits)
        return fail2(out, FSC_TRANSLATION | ptw, ipa);
restart:
    level = r->start;
    shift = r->granule + stride * (unsigned)(3 - level);
    base = arm_table_base(r, rg->regs.vttbr, shift);
    bits = r->ia_bits - shift;
    if (base >> r->oa_bits)
        return fail2(out, FSC_ADDRESS_SIZE | ptw, ipa);
    for (;;) {
        at = base | (ipa >> shift & MASK(bits)) << 3;
        if (!read_descriptor(a, at, rg->s2_big_endian, debug, &d))
            return fail2(out, fsc_at(FSC_EXTERNAL_WALK, level) | ptw, ipa);
        if (!(d & DESC_VALID))
            return fail2(out, fsc_at(FSC_TRANSLATION, level) | ptw, ipa);
        if (level == 3 || !(d & DESC_TABLE))
            break;
        base = arm_descriptor_address(r, d);
        if (base >> r->oa_bits)
            return fail2(out, fsc_at(FSC_ADDRESS_SIZE, level) | ptw, ipa);
        level++;
        shift -= stride;
        bits = stride;
    }
    if (level == 3 ? !(d & DESC_TABLE) : level < 0 || !(r->block_levels >> level & 1))
        return fail2(out, fsc_at(FSC_TRANSLATION, level) | ptw, ipa);
    s->pa = arm_descriptor_address(r, d) & ~MASK(shift);
    s->page_bits = (uint8_t)shift;
    if (s->pa >> r->oa_bits)
        return fail2(out, fsc_at(FSC_ADDRESS_SIZE, level) | ptw, ipa);
    s->pa |= ipa & MASK(shift);
    want = d | DESC_AF;
    if (!(d & DESC_AF) && !rg->s2_ha && !debug)
        return fail2(out, fsc_at(FSC_ACCESS_FLAG, level) | ptw, ipa);

    s->mem_attr = bits_get(d, 2, 4);
    s->sh = bits_get(d, 8, 2);
    s->r = d & DESC_S2_R;
    s->w = d & DESC_S2_W;
    dirty_pending = !s->w && rg->s2_hd && d & DESC_DBM;
    /* XN[1:0] with FEAT_XNX: 00 all, 01 EL0 only, 10 none, 11 EL1 only. */
    s->x = !(d & DESC_XN) ? !(d & DESC_PXN) || !rg->xnx || el0 : rg->xnx && d & DESC_PXN && !el0;
    if (!debug) {
        bool ok = access == MMU_READ ? s->r : access == MMU_WRITE ? s->w || dirty_pending : s->x;
        if (ptw && rg->ptw && s2_is_device(rg, s->mem_attr))
            ok = false;
        if (!ok)
            return fail2(out, fsc_at(FSC_PERMISSION, level) | ptw, ipa);
        if (access == MMU_WRITE && dirty_pending) {
            want |= DESC_S2_W;
            s->w = true;
        }
        if (d != want) {
            switch (update_descriptor(a, at, rg->s2_big_endian, d, want)) {
            case UPDATED:
                break;
            case CHANGED:
                goto restart;
            case NO_ACCESS:
                return fail2(out, fsc_at(FSC_EXTERNAL_WALK, level) | ptw, ipa);
            }
        }
    }
    return true;
}

/* --- memory attributes --- */

static uint8_t combine_nibble(uint8_t s1, uint8_t s2)
{
    if (s1 == 4 || s2 == 1)
        return 4; /* one of the two is non-cacheable */
    if (s2 == 2 && s1 & 4)
        return 8 | (s1 & 3); /* write-through, with the hints of stage 1 */
    return s1;
}

/* D8.6.4: the more restrictive of the two; or what FEAT_S2FWB says. */
static void combine_attr(const ArmRegime *rg, const Stage2 *s, ArmMemAttr *m)
{
    uint8_t a2 = s->mem_attr, hi = m->attr >> 4, lo = m->attr & 15;
    bool device = arm_attr_is_device(m->attr);

    if (rg->fwb) {
        switch (a2 & 7) {
        case 7:
            break;
        case 6:
            m->attr = (uint8_t)(0xcc | (device ? 0x33 : (hi & 3) << 4 | (lo & 3)));
            if (m->attr == 0xcc)
                m->attr = 0xff;
            break;
        case 5:
            if (!device)
                m->attr = 0x44;
            break;
        default:
            m->attr = (uint8_t)((a2 & 3) << 2);
            break;
        }
    } else if (device || s2_is_device(rg, a2)) {
        unsigned d1 = device ? m->attr & 0xc : 0xc, d2 = s2_is_device(rg, a2) ? (a2 & 3) << 2 : 0xc;
        m->attr = (uint8_t)MIN(d1, d2);
    } else {
        m->attr = (uint8_t)(combine_nibble(hi, a2 >> 2) << 4 | combine_nibble(lo, a2 & 3));
    }
    m->sh = m->sh == 2 || s->sh == 2 ? 2 : m->sh == 3 || s->sh == 3 ? 3 : 0;
}

/* Device and non-cacheable memory is outer shareable, whatever descriptors say. */
static inline void fix_shareability(ArmMemAttr *m)
{
    if (arm_attr_is_device(m->attr) || m->attr == 0x44)
        m->sh = 2;
}

/* --- stage 1 --- */

static inline bool fail1(ArmXlat *out, unsigned fsc, int level)
{
    out->fault = fsc_at(fsc, level);
    return false;
}

/* Stage 1 is off: the address goes through (D8.2.12). */
static bool flat_stage1(ArmCpu *a, const ArmRegime *rg, vaddr va, const ArmAsk *ask, ArmXlat *out)
{
    const ArmRange *r = &rg->range[rg->two_ranges ? va >> 55 & 1 : 0];
    bool tbi = ask->access == MMU_EXEC ? r->tbi_insn : r->tbi_data;

    if ((tbi ? va & MASK(56) : va) >> a->pa_bits)
        return fail1(out, FSC_ADDRESS_SIZE, 0);
    out->pa = (va & MASK(a->pa_bits)) | (rg->secure ? HWADDR_SECURE : 0);
    out->page_bits = TLB_PAGE_BITS;
    out->r = out->w = out->x = true;
    out->global = true;
    out->guarded = false;
    out->ns = !rg->secure;
    if (rg->dc)
        out->mem = (ArmMemAttr){ 0xff, 0 };
    else if (ask->access == MMU_EXEC)
        out->mem = (ArmMemAttr){ rg->regs.sctlr & SCTLR_I ? 0xaa : 0x44, 2 };
    else
        out->mem = (ArmMemAttr){ 0, 2 };
    return true;
}

/* What the leaf and the tables above it permit (D8.4). */
static inline void permissions(const ArmRegime *rg, uint64_t d, uint64_t tables, const ArmAsk *ask,
                               ArmXlat *out, bool *dirty_pending)
{
    bool ro = d & DESC_AP2, dbm = ro && rg->hd && d & DESC_DBM, w, x;

    w = (!ro || dbm) && !(tables & DESC_AP_TABLE1);
    if (rg->two_ranges) {
        bool user = d & DESC_AP1 && !(tables & DESC_AP_TABLE0);
        bool uxn = (d | tables >> 6) & DESC_XN, pxn = (d | tables >> 6) & DESC_PXN;
        if (ask->el0) {
            x = !uxn && !(rg->wxn && user && w);
            out->r = user;
            w = user && w;
        } else {
            x = !pxn && !(user && w) && !(rg->wxn && w);
            out->r = true;
            if (ask->pan && (user || (rg->epan && !uxn)))
                out->r = w = false;
        }
    } else {
        x = !((d | tables >> 6) & DESC_XN) && !(rg->wxn && w);
        out->r = true;
    }
    if (rg->sif && out->ns)
        x = false;
    *dirty_pending = dbm && w;
    out->w = w;
    out->x = x;
}

static void note_table(ArmCpu *a, hwaddr at, ArmXlat *out)
{
    const ArmTableRam *p = &a->mmu.pt;

    if (at < p->start || at > p->last)
        out->tables_known = false;
    else
        out->table[out->n_tables++] = p->ram_page + ((at - p->start) >> RAM_PAGE_BITS);
}

static bool walk_stage1(ArmCpu *a, const ArmRegime *rg, vaddr va, const ArmAsk *ask, ArmXlat *out)
{
    unsigned high = rg->two_ranges ? va >> 55 & 1 : 0, stride, shift, bits;
    const ArmRange *r = &rg->range[high];
    unsigned which = rg->regs.which & REGIME_KIND;
    unsigned el = which == REGIME_EL10 ? 1 : which == REGIME_EL3 ? 3 : 2;
    uint64_t ttbr = high ? a->ttbr1[el] + (uint64_t)(int64_t)ask->table1_from : a->ttbr0[el];
    uint64_t d, tables, want, ipa;
    bool tbi = ask->access == MMU_EXEC ? r->tbi_insn : r->tbi_data, dirty_pending, ok;
    hwaddr base, at, space;
    int level;

    /* Bits above the range have to equal bit 55, or 0 where there is one range. */
    int64_t top = (int64_t)(tbi ? va << 8 : va) >> (r->ia_bits + (tbi ? 8 : 0));
    if (G_UNLIKELY(r->faults || top != -(int64_t)high || (ask->el0 && r->e0pd)))
        return fail1(out, FSC_TRANSLATION, 0);
    table_ram_check(a);
    stride = r->granule - 3;
restart:
    out->n_tables = 0;
    out->tables_known = true;
    level = r->start;
    shift = r->granule + stride * (unsigned)(3 - level);
    base = arm_table_base(r, ttbr, shift);
    bits = r->ia_bits - shift;
    tables = 0;
    space = rg->secure ? HWADDR_SECURE : 0;
    if (G_UNLIKELY(base >> r->oa_bits))
        return fail1(out, FSC_ADDRESS_SIZE, 0);
    for (;;) {
        at = ipa = base | (va >> shift & MASK(bits)) << 3 | space;
        if (G_UNLIKELY(rg->stage2)) {
            Stage2 s;
            if (!walk_stage2(a, rg, ipa, MMU_READ, false, FAULT_S1PTW, ask->debug, &s, out))
                return false;
            at = s.pa;
        }
        if (G_UNLIKELY(!read_descriptor(a, at, rg->big_endian, ask->debug, &d)))
            return fail1(out, FSC_EXTERNAL_WALK, level);
        if (!(d & DESC_VALID))
            return fail1(out, FSC_TRANSLATION, level);
        if (ask->note_tables)
            note_table(a, at, out);
        if (level == 3 || !(d & DESC_TABLE))
            break;
        base = arm_descriptor_address(r, d);
        if (G_UNLIKELY(base >> r->oa_bits))
            return fail1(out, FSC_ADDRESS_SIZE, level);
        tables |= d;
        if (G_UNLIKELY(d & DESC_NS_TABLE))
            space = 0;
        level++;
        shift -= stride;
        bits = stride;
    }
    if (level == 3 ? !(d & DESC_TABLE) : level < 0 || !(r->block_levels >> level & 1))
        return fail1(out, FSC_TRANSLATION, level);
    out->pa = arm_descriptor_address(r, d) & ~MASK(shift);
    out->page_bits = (uint8_t)shift;
    if (G_UNLIKELY(out->pa >> r->oa_bits))
        return fail1(out, FSC_ADDRESS_SIZE, level);
    out->pa |= va & MASK(shift);
    want = d | DESC_AF;
    if (!(d & DESC_AF) && !rg->ha && !ask->debug)
        return fail1(out, FSC_ACCESS_FLAG, level);

    bool ns_table = tables & DESC_NS_TABLE;
    out->ns = !rg->secure || ns_table || d & DESC_NS;
    out->pa |= out->ns ? 0 : HWADDR_SECURE;
    out->global = !rg->two_ranges || !(d & DESC_NG || (rg->secure && ns_table));
    out->guarded = d & DESC_GP;
    out->mem.attr = (uint8_t)(rg->regs.mair >> 8 * bits_get(d, 2, 3));
    out->mem.sh = r->lpa2 ? bits_get(rg->regs.tcr, high ? 28 : 12, 2) : bits_get(d, 8, 2);
    permissions(rg, d, r->hpd ? 0 : tables, ask, out, &dirty_pending);
    if (ask->debug)
        return true;

    ok = ask->access == MMU_READ ? out->r : ask->access == MMU_WRITE ? out->w : out->x;
    if (!ok) {
        fail1(out, FSC_PERMISSION, level);
        out->fault |= arm_attr_is_device(out->mem.attr) ? FAULT_DEVICE : 0;
        out->fault |= out->r ? 0 : FAULT_NO_READ;
        return false;
    }
    if (dirty_pending) {
        if (ask->access == MMU_WRITE && !ask->no_dirty)
            want &= ~(uint64_t)DESC_AP2;
        else
            out->w = false; /* the first store has to come here */
    }
    if (G_UNLIKELY(d != want)) {
        if (rg->stage2) {
            Stage2 s;
            if (!walk_stage2(a, rg, ipa, MMU_WRITE, false, FAULT_S1PTW | FAULT_WRITE_PTW, false, &s,
                             out))
                return false;
        }
        switch (update_descriptor(a, at, rg->big_endian, d, want)) {
        case UPDATED:
            break;
        case CHANGED:
            goto restart;
        case NO_ACCESS:
            return fail1(out, FSC_EXTERNAL_WALK, level);
        }
    }
    return true;
}

bool arm_walk(ArmCpu *a, const ArmRegime *rg, vaddr va, const ArmAsk *ask, ArmXlat *out)
{
    out->fault = 0;
    if (!(rg->stage1 ? walk_stage1(a, rg, va, ask, out) : flat_stage1(a, rg, va, ask, out)))
        return false;
    if (G_UNLIKELY(rg->stage2 && !ask->stage1_only)) {
        Stage2 s;
        table_ram_check(a);
        if (!walk_stage2(a, rg, out->pa, ask->access, ask->el0, 0, ask->debug, &s, out))
            return false;
        out->pa = s.pa;
        out->page_bits = MIN(out->page_bits, s.page_bits);
        if (!rg->stage1)
            out->page_bits = s.page_bits;
        out->r &= s.r;
        out->w &= s.w;
        out->x &= s.x;
        combine_attr(rg, &s, &out->mem);
    }
    fix_shareability(&out->mem);
    return true;
}
