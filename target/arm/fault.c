/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Aborts: from what a translation reported to ESR_ELx, FAR_ELx and HPFAR_EL2 (DDI 0487 D24.2.40,
 * D1.3.6), and where they are taken.
 *
 * What the syndrome says about the instruction (is it atomic, a cache maintenance operation, which
 * register does it load) is decoded from the instruction at pc when an abort is raised.
 */
#include "target/arm/cpu.h"

enum {
    ISS_WNR = 1 << 6, ISS_S1PTW = 1 << 7, ISS_CM = 1 << 8, ISS_AR = 1 << 14, ISS_SF = 1 << 15,
    ISS_SRT_SHIFT = 16, ISS_SSE = 1 << 21, ISS_SAS_SHIFT = 22, ISS_ISV = 1 << 24,
};

/* --- what the instruction is --- */

typedef struct Access {
    bool atomic, maintenance;
    unsigned size;  /* of an element; 0: not known */
    uint32_t isv;
} Access;

static uint32_t single_register(unsigned size, unsigned rt, bool sign, bool wide, bool ordered)
{
    return ISS_ISV | size << ISS_SAS_SHIFT | rt << ISS_SRT_SHIFT | (sign ? ISS_SSE : 0) |
           (wide ? ISS_SF : 0) | (ordered ? ISS_AR : 0);
}

/* Loads and stores of one register: size in 31:30, opc in 23:22, V in 26 (C4.1.94). */
static void decode_single(uint32_t insn, bool writeback, bool ordered, Access *x)
{
    unsigned size = insn >> 30, opc = insn >> 22 & 3;

    if (insn >> 26 & 1) {
        x->size = 1u << (size | (opc >> 1) << 2);
        return;
    }
    if (size == 3 && opc == 2)
        return; /* PRFM */
    x->size = 1u << size;
    if (!writeback)
        x->isv = single_register(size, insn & 31, opc >= 2, opc == 2 || (opc < 2 && size == 3),
                                 ordered);
}

enum { ZVA = 3 << 11 | 7 << 7 | 4 << 3 | 1 }; /* op1, CRn, CRm, op2 */

static Access decode_access(uint32_t insn)
{
    Access x = { 0 };
    unsigned size = insn >> 30, opc = insn >> 22 & 3;

    if ((insn & 0xfff80000) == 0xd5080000) { /* SYS: DC, IC and AT have CRn 7; DC ZVA is no such */
        x.maintenance = (insn >> 12 & 15) == 7 && (insn >> 5 & 0x3fff) != ZVA;
        return x;
    }
    if ((insn & 0x0a000000) != 0x08000000)
        return x;
    if ((insn & 0x3f000000) == 0x08000000) { /* exclusive, ordered, compare and swap */
        bool o2 = insn >> 23 & 1, o1 = insn >> 21 & 1;
        x.size = 1u << size;
        x.atomic = o1 && (o2 || !(size & 2));
        if (o2 && !o1)
            x.isv = single_register(size, insn & 31, false, size == 3, true);
    } else if ((insn & 0x3b200c00) == 0x38200000) {
        bool ldapr = (insn & 0xf000) == 0xc000;
        x.size = 1u << size;
        x.atomic = !ldapr;
        if (ldapr)
            x.isv = single_register(size, insn & 31, false, size == 3, true);
    } else if ((insn & 0x3b000000) == 0x18000000) { /* literal: opc 31:30 is the size */
        if (insn >> 26 & 1)
            x.size = 4u << size;
        else if (size < 3) {
            x.size = size == 1 ? 8 : 4;
            x.isv = single_register(size == 1 ? 3 : 2, insn & 31, size == 2, size != 0, false);
        }
    } else if ((insn & 0x3b200c00) == 0x19000000) { /* LDAPUR, STLUR */
        decode_single(insn, false, true, &x);
    } else if ((insn & 0x3b200000) == 0x38000000) {
        decode_single(insn, insn >> 10 & 1, false, &x);
    } else if ((insn & 0x3b200c00) == 0x38200800 || (insn & 0x3b000000) == 0x39000000) {
        decode_single(insn, false, false, &x);
    } else if ((insn & 0x3a000000) == 0x28000000) { /* pairs */
        x.size = insn >> 26 & 1 ? 4u << size : size & 2 ? 8 : 4;
    } else if ((opc & 2) == 0 && (insn & 0xbf000000) == 0x0c000000) { /* structures */
        x.size = 1u << (insn >> 10 & 3);
    }
    return x;
}

static Access current_access(ArmCpu *a)
{
    uint32_t insn;

    if (a->pc & 3 || !cpu_peek_code(&a->cpu, a->pc, &insn, 4))
        return (Access){ 0 };
    return decode_access(insn);
}

/* --- raising --- */

void arm_raise_abort(ArmCpu *a, const ArmAbort *b)
{
    unsigned el = arm_el(a), fsc = b->fault & FAULT_FSC, target = arm_default_target_el(a);
    bool external = fsc == FSC_EXTERNAL || arm_fsc_is_walk(fsc);
    uint64_t hcr = arm_hcr(a);
    uint32_t iss = fsc, ec;

    /* AArch64.AbortTarget */
    if (external && a->has_el3 && a->scr & SCR_EA)
        target = 3;
    else if (el < 2 && (b->fault & FAULT_STAGE2 || (external && hcr & HCR_TEA)))
        target = 2;
    if (b->fault & FAULT_S1PTW)
        iss |= ISS_S1PTW;
    if (b->exec) {
        ec = target == el ? EC_INSN_ABORT : EC_INSN_ABORT_LOWER;
    } else {
        ec = target == el ? EC_DATA_ABORT : EC_DATA_ABORT_LOWER;
        iss |= (b->write ? ISS_WNR : 0) | (b->maintenance ? ISS_CM : 0);
        if (target == 2 && b->fault & FAULT_STAGE2 && !(b->fault & FAULT_S1PTW) && !external)
            iss |= b->isv;
    }
    if (target == 2 && b->fault & FAULT_STAGE2)
        a->hpfar = (b->ipa & MASK(52)) >> 12 << 4;
    arm_raise(a, target, ESR(ec, iss), b->va);
}

static void G_GNUC_NORETURN raise_data(ArmCpu *a, vaddr va, MmuAccess access, uint32_t fault, hwaddr ipa)
{
    ArmAbort b = { .va = va, .ipa = ipa, .fault = fault, .exec = access == MMU_EXEC,
                   .write = access == MMU_WRITE };

    if (b.exec) {
        /* The pc that the branch made has no tag. */
        a->pc = arm_branch_addr(a, a->pc, arm_el(a));
        b.va = arm_branch_addr(a, va, arm_el(a));
    } else {
        Access x = current_access(a);
        /* Device memory: alignment is looked at before permissions (R_XCHFJ). */
        if (fault & FAULT_DEVICE && x.size && va & (x.size - 1))
            b.fault = FSC_ALIGNMENT;
        b.maintenance = x.maintenance;
        b.isv = x.isv;
        if (x.maintenance)
            b.write = true;
        else if (fault & FAULT_WRITE_PTW)
            b.write = true;
        else if (x.atomic && (fault & FAULT_NO_READ || (fault & 0x3c) != FSC_PERMISSION))
            b.write = false;
    }
    arm_raise_abort(a, &b);
}

void arm_raise_mmu_fault(Cpu *cpu, vaddr va, MmuAccess access, int idx, const MmuResult *r)
{
    raise_data(arm_cpu(cpu), va, access, r->fault, r->fault_info);
}

void arm_raise_unaligned(Cpu *cpu, vaddr va, MmuAccess access)
{
    ArmCpu *a = arm_cpu(cpu);
    /* An atomic's read would have faulted: WnR is 0. */
    raise_data(a, va, access, FSC_ALIGNMENT, 0);
}

void arm_raise_bus_error(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access, MemResult why)
{
    raise_data(arm_cpu(cpu), va, access, FSC_EXTERNAL, 0);
}
