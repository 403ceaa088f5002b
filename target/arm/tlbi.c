/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLBI (DDI 0487 D8.17): from the encoding and the operand to a flush of the software TLB, whose
 * entries hold both stages. So what invalidates stage 2 alone drops the whole VM's entries, and "last
 * level only" makes no difference. Who may execute which is sysreg's to know.
 */
#include "target/arm/cpu.h"

typedef enum What { ALL, ASID, VA, VA_ALL_ASIDS, IPA } What;

static uint32_t security(const ArmCpu *a)
{
    return a->has_el3 && arm_is_secure_below_el3(a) ? REGIME_SECURE : 0;
}

static void flush(ArmCpu *a, const TlbFlush *f, bool shared)
{
    tlb_flush(&a->cpu, f);
    if (shared)
        tlb_flush_others(&a->cpu, f);
}

/* Operand of the range instructions: BaseADDR, NUM, SCALE, TG (C5.5, TLBI RVAE1). */
static bool range_operand(uint64_t v, TlbFlush *f)
{
    static const uint8_t granules[] = { 0, 12, 14, 16 };
    unsigned granule = granules[bits_get(v, 46, 2)];

    if (!granule)
        return false; /* reserved: nothing has to be invalidated */
    f->va = (uint64_t)sign_extend(v, 37) << granule;
    f->size = (bits_get(v, 39, 5) + 1) << (5 * bits_get(v, 44, 2) + 1) << granule;
    return true;
}

void arm_tlbi(ArmCpu *a, uint32_t sysreg, uint64_t value)
{
    unsigned op1 = sysreg >> 11 & 7, crm = sysreg >> 3 & 15, op2 = sysreg & 7;
    bool local = crm == 4 ? op2 == 1 || op2 == 2 || op2 == 5 || op2 == 6 : crm == 6 || crm == 7;
    bool range = crm == 2 || crm == 5 || crm == 6, shared = !local;
    uint64_t hcr = arm_hcr(a);
    uint32_t kind = op1 == 6 ? REGIME_EL3 : op1 == 4 ? hcr & HCR_E2H ? REGIME_EL20 : REGIME_EL2
                    : (hcr & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE) ? REGIME_EL20
                    : REGIME_EL10;
    TlbFlush f = { .regime_mask = REGIME_WHICH, .any_vmid = true, .any_asid = true, .global = true };
    What what;

    if (op1 == 0 && arm_el(a) == 1 && hcr & HCR_FB)
        shared = true;
    if (op1 == 4 && (crm == 0 || crm == 4)) {
        what = IPA;
    } else {
        static const uint8_t el1[] = { ALL, VA, ASID, VA_ALL_ASIDS, ALL, VA, ALL, VA_ALL_ASIDS };
        what = el1[op2];
    }
    if (what == IPA || (op1 == 4 && what == ALL && op2 != 0)) /* IPAS2E1, ALLE1, VMALLS12E1 */
        kind = REGIME_EL10;
    f.regime = kind | (kind == REGIME_EL3 ? REGIME_SECURE : security(a));
    if (kind == REGIME_EL10 && !(op1 == 4 && op2 == 4 && what == ALL)) {
        f.any_vmid = false;
        f.vmid = arm_regime_vmid(a, f.regime);
    }
    switch (what) {
    case IPA:
        break;
    case ALL:
        if (op1 == 4 && op2 == 0) { /* both that EL2 has, whichever E2H names now */
            TlbFlush other = f;
            other.regime ^= REGIME_EL20 ^ REGIME_EL2;
            flush(a, &other, shared);
        }
        break;
    case ASID:
    case VA:
    case VA_ALL_ASIDS:
        /* EL2 and EL3 have no ASIDs. */
        if (what != VA_ALL_ASIDS && !(kind & REGIME_EL2)) {
            uint64_t tcr = a->tcr[kind == REGIME_EL10 ? 1 : 2];
            f.any_asid = false;
            f.asid = (uint32_t)(value >> 48);
            if (!(tcr & 1ULL << 36)) /* TCR.AS */
                f.asid &= 0xff;
        }
        if (what == ASID) {
            f.global = false;
            break;
        }
        f.one_address = true;
        if (!range) {
            f.va = (uint64_t)sign_extend(value << 12, 56);
            f.size = 1ULL << TLB_PAGE_BITS;
        } else if (!range_operand(value, &f)) {
            return;
        }
        break;
    }
    flush(a, &f, shared);
}

void arm_tlbi_sync(ArmCpu *a)
{
    tlb_flush_wait(&a->cpu);
}

static uint64_t helper_tlbi_sync(Cpu *cpu)
{
    arm_tlbi_sync(arm_cpu(cpu));
    return 0;
}

const IrHelper arm_helper_tlbi_sync = {
    .name = "tlbi_sync", .fn = (void *)helper_tlbi_sync, .effects = IR_FLUSHES,
};
