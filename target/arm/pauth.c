/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pointer authentication (FEAT_PAuth, DDI 0487 D8.10) with the architected algorithm, QARMA5
 * (qarma.c).
 *
 * Authentication that fails makes the pointer invalid (without FEAT_EPAC, FEAT_PAuth2, FEAT_FPAC).
 */
#include "target/arm/qarma.h"
#include "target/arm/trans.h"

/* Functions sign their return address with the same stack pointer again and again. */
typedef struct Remembered {
    uint64_t text, tweak, key[2], code;
} Remembered;
enum { N_REMEMBERED = 256 };

static uint64_t compute(uint64_t text, uint64_t tweak, const uint64_t key[2])
{
    static __thread Remembered memory[N_REMEMBERED];
    uint64_t h = (text ^ tweak << 17 ^ tweak >> 7 ^ key[0]) * 0x9e3779b97f4a7c15;
    Remembered *m = &memory[h >> 56];

    /* An entry that was never written is that of all zeros, with a wrong code. */
    if (m->text != text || m->tweak != tweak || m->key[0] != key[0] || m->key[1] != key[1] ||
        !(text | tweak | key[0] | key[1]))
        *m = (Remembered){ text, tweak, { key[0], key[1] }, qarma5(text, tweak, key[1], key[0]) };
    return m->code;
}

/* --- pointers --- */

/* TCR_ELx fields: TBI and TBID of a single range of addresses, of two; DS likewise. */
enum { TCR_TBI = 20, TCR_TBID = 29, TCR_TBI0 = 37, TCR_TBID0 = 51, TCR_DS1 = 32, TCR_DS2 = 59 };

typedef struct Layout {
    unsigned bottom; /* lowest bit of the code */
    bool tbi;        /* bits 63 to 56 are a tag */
    bool any_tbi;    /* in one of the two ranges */
} Layout;

/* The regime that translates addresses of this level. */
static unsigned regime_el(const ArmCpu *a)
{
    unsigned el = arm_el(a);

    if (el)
        return el;
    return (arm_hcr(a) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? 2 : 1;
}

static bool tag_ignored(uint64_t tcr, unsigned tbi, unsigned tbid, bool data)
{
    return tcr >> tbi & 1 && (data || !(tcr >> tbid & 1));
}

/* The lowest bit of a code. A size out of bounds, whose addresses all fault, counts as the nearest. */
static unsigned bottom_bit(const ArmCpu *a, unsigned tsz, bool pages_of_64k, bool ds)
{
    bool large = pages_of_64k ? a->feat.lpa : ds && a->feat.lpa2;
    unsigned most = !a->feat.ttst ? 39 : pages_of_64k ? 47 : 48;

    return 64 - CLAMP(tsz, large ? 12u : 16u, most);
}

static Layout layout(const ArmCpu *a, uint64_t ptr, bool data)
{
    unsigned el = regime_el(a), upper = ptr >> 55 & 1;
    uint64_t tcr = a->tcr[el];
    Layout l;

    if (el == 3 || (el == 2 && !(arm_hcr(a) & HCR_E2H))) {
        l.bottom = bottom_bit(a, tcr & 63, (tcr >> 14 & 3) == 1, tcr >> TCR_DS1 & 1);
        l.tbi = l.any_tbi = tag_ignored(tcr, TCR_TBI, TCR_TBID, data);
    } else {
        bool pages_of_64k = upper ? (tcr >> 30 & 3) == 3 : (tcr >> 14 & 3) == 1;
        l.bottom = bottom_bit(a, tcr >> (upper ? 16 : 0) & 63, pages_of_64k, tcr >> TCR_DS2 & 1);
        l.tbi = tag_ignored(tcr, TCR_TBI0 + upper, TCR_TBID0 + upper, data);
        l.any_tbi = l.tbi || tag_ignored(tcr, TCR_TBI0 + !upper, TCR_TBID0 + !upper, data);
    }
    return l;
}

/* The bits that a code may be in, with bit 55, which stays. */
static uint64_t extension(const Layout *l)
{
    return MASK(l->tbi ? 56 : 64) & ~MASK(l->bottom);
}

static uint64_t extended(const Layout *l, uint64_t ptr, bool ones)
{
    return ones ? ptr | extension(l) : ptr & ~extension(l);
}

static uint64_t add_pac(const ArmCpu *a, uint64_t ptr, uint64_t modifier, const uint64_t key[2],
                        bool data)
{
    Layout l = layout(a, ptr, data);
    bool upper = ptr >> (l.any_tbi ? 55 : 63) & 1;
    uint64_t field = extension(&l), code;

    code = compute(extended(&l, ptr, upper), modifier, key);
    /* Not a proper address: the code is made wrong. */
    if (ptr & field && (ptr & field) != field)
        code ^= 1ULL << (l.tbi ? 54 : 62);
    field &= ~(1ULL << 55);
    return (ptr & ~(field | 1ULL << 55)) | (code & field) | (uint64_t)upper << 55;
}

static uint64_t authenticate(const ArmCpu *a, uint64_t ptr, uint64_t modifier,
                             const uint64_t key[2], bool data, bool b)
{
    Layout l = layout(a, ptr, data);
    uint64_t plain = extended(&l, ptr, ptr >> 55 & 1);
    uint64_t field = extension(&l) & ~(1ULL << 55);
    unsigned at = l.tbi ? 53 : 61;

    if (!((compute(plain, modifier, key) ^ ptr) & field))
        return plain;
    return (plain & ~(3ULL << at)) | (b ? 2ULL : 1ULL) << at;
}

/* --- instructions --- */

static const uint64_t *key_of(const ArmCpu *a, unsigned key)
{
    return &a->apkey[2 * key];
}

static bool enabled(const ArmCpu *a, unsigned key)
{
    static const uint64_t bit[] = { SCTLR_ENIA, SCTLR_ENIB, SCTLR_ENDA, SCTLR_ENDB };

    return a->sctlr[regime_el(a)] & bit[key];
}

/* HCR_EL2.API and SCR_EL3.API. */
static void check_trap(ArmCpu *a)
{
    unsigned el = arm_el(a);
    uint64_t hcr = arm_hcr(a);
    bool el2_on = a->has_el2 && (!arm_is_secure_below_el3(a));
    bool host = (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);

    if (el < 2 && el2_on && !(hcr & HCR_API) && !(el == 0 && host))
        arm_raise(a, 2, ESR(EC_PAC, 0), 0);
    if (el < 3 && a->has_el3 && !(a->scr & SCR_API))
        arm_raise(a, 3, ESR(EC_PAC, 0), 0);
}

static uint64_t helper_pac(Cpu *cpu, uint64_t ptr, uint64_t modifier, uint64_t what)
{
    ArmCpu *a = arm_cpu(cpu);
    unsigned key = what & 3;
    bool data = key >= ARM_PAC_DA;

    if (!enabled(a, key))
        return ptr;
    check_trap(a);
    if (what & ARM_PAC_AUT)
        return authenticate(a, ptr, modifier, key_of(a, key), data, key & 1);
    return add_pac(a, ptr, modifier, key_of(a, key), data);
}
const IrHelper arm_helper_pac = { "pac", helper_pac, 3, true, IR_READS | IR_FAULTS };

static uint64_t helper_xpac(Cpu *cpu, uint64_t ptr, uint64_t data)
{
    Layout l = layout(arm_cpu(cpu), ptr, data);

    return extended(&l, ptr, ptr >> 55 & 1);
}
const IrHelper arm_helper_xpac = { "xpac", helper_xpac, 2, true, IR_READS };

static uint64_t helper_pacga(Cpu *cpu, uint64_t x, uint64_t y)
{
    ArmCpu *a = arm_cpu(cpu);

    check_trap(a);
    return compute(x, y, key_of(a, 4)) & 0xffffffff00000000;
}
const IrHelper arm_helper_pacga = { "pacga", helper_pacga, 2, true, IR_READS | IR_FAULTS };
