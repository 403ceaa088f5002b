/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SYS space: cache and TLB maintenance, address translation (DDI 0487 C5.3 to C5.5). Caches
 * are coherent here, and stores invalidate translated code by themselves; what remains of cache
 * maintenance is its checks.
 */
#include "target/arm/sysreg.h"

#include "util/tsan.h"

/* --- caches --- */

static void nothing(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
}

static void G_GNUC_NORETURN cache_fault(ArmCpu *a, uint64_t va, const MmuResult *res)
{
    ArmAbort b = { .va = va, .ipa = res->fault_info, .fault = res->fault, .write = true,
                   .maintenance = true };
    arm_raise_abort(a, &b);
}

/* By address: EL0 needs the right to read, and a translation that fails faults for all. */
static void write_dc_va(ArmCpu *a, const ArmSysReg *r, uint64_t va)
{
    Cpu *cpu = &a->cpu;
    MmuResult res = { 0 };
    int idx = arm_data_mmu_idx(cpu);
    const TlbEntry *e = &cpu->tlb[tlb_index(va)];

    if (atomic_load_explicit(&e->tag[MMU_READ], memory_order_relaxed) == (va & TLB_PAGE_MASK))
        return;
    if (!arm_translate(cpu, va, MMU_READ, idx, false, &res))
        cache_fault(a, va, &res);
}

/* DC IVAC may do what a store may; see the manual's description of it. */
static void write_dc_ivac(ArmCpu *a, const ArmSysReg *r, uint64_t va)
{
    Cpu *cpu = &a->cpu;
    MmuResult res = { 0 };
    int idx = arm_data_mmu_idx(cpu);

    if (!arm_translate(cpu, va, MMU_WRITE, idx, false, &res))
        cache_fault(a, va, &res);
}

static ArmAccess check_zva(ArmCpu *a, const ArmSysReg *r, bool write)
{
    unsigned el = arm_el(a);

    if (el == 0 && !(arm_sctlr_el0(a) & SCTLR_DZE))
        return arm_trap_from_el0(a);
    return el < 2 && a->hcr_eff & HCR_TDZ ? ACCESS_EL2 : ACCESS_OK;
}

TSAN_GUEST_ACCESS static void zero(void *p, unsigned size)
{
    for (unsigned i = 0; i < size / 8; i++)
        ((volatile uint64_t *)p)[i] = 0;
}

/* Faults are those of the address as given. */
void arm_dc_zva(ArmCpu *a, uint64_t given)
{
    Cpu *cpu = &a->cpu;
    unsigned size = 4U << (a->id.dczid & 15);
    uint64_t va = ALIGN_DOWN(given, size);
    const TlbEntry *e = &cpu->tlb[tlb_index(va)];
    MmuResult res;

    if (atomic_load_explicit(&e->tag[MMU_WRITE], memory_order_relaxed) == (va & TLB_PAGE_MASK) &&
        !(cpu->mode & MODE_A)) {
        zero((void *)(uintptr_t)(va + e->addend), size);
        return;
    }
    cpu_probe(cpu, given, 1, MMU_WRITE, arm_data_mmu_idx(cpu));
    /* To Device memory it is an alignment fault. */
    if (arm_translate(cpu, given, MMU_WRITE, arm_data_mmu_idx(cpu), true, &res) &&
        res.attrs & ARM_PAGE_DEVICE)
        arm_raise_unaligned(cpu, given, MMU_WRITE);
    for (unsigned i = 0; i < size; i += 8)
        cpu_store(cpu, va + i, 0, IR_MO_64);
}

static void write_zva(ArmCpu *a, const ArmSysReg *r, uint64_t va)
{
    arm_dc_zva(a, va);
}

static ArmAccess check_rctx(ArmCpu *a, const ArmSysReg *r, bool write)
{
    if (arm_el(a) == 0 && !(arm_sctlr_el0(a) & SCTLR_ENRCTX))
        return arm_trap_from_el0(a);
    return ACCESS_OK;
}

/* --- translation --- */

static ArmAccess check_at_el2(ArmCpu *a, const ArmSysReg *r, bool write)
{
    /* AT S12E* need EL2 only to be enabled; at EL3 without it they are UNDEFINED. */
    return ACCESS_OK;
}

static ArmAccess check_at_s1e2(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return arm_el(a) == 3 && !arm_el2_on(a) ? ACCESS_UNDEF : ACCESS_OK;
}

static void write_at(ArmCpu *a, const ArmSysReg *r, uint64_t va)
{
    arm_at(a, r->enc, va);
}

static void write_tlbi(ArmCpu *a, const ArmSysReg *r, uint64_t v)
{
    arm_tlbi(a, r->enc, v);
}

/* Those of EL2's regime are UNDEFINED at EL3 while EL2 is off (no Secure EL2 here). */
static ArmAccess check_tlbi_e2(ArmCpu *a, const ArmSysReg *r, bool write)
{
    return arm_el(a) == 3 && !arm_el2_on(a) ? ACCESS_UNDEF : ACCESS_OK;
}

#define DC(name_, op1, crm, op2, acc, trap_, ...)                                              \
    { .name = name_, SYS(1, op1, 7, crm, op2), .access = acc, .trap = trap_, .no_gdb = true,   \
      __VA_ARGS__ }
#define AT(name_, op1, crm, op2, acc, need_, ...)                                              \
    { .name = name_, SYS(1, op1, 7, crm, op2), .access = acc, .need = need_, .no_gdb = true,   \
      .write = write_at, __VA_ARGS__ }
#define TLBI(name_, op1, crm, op2, acc, need_, trap_, ...)                                     \
    { .name = name_, SYS(1, op1, 8, crm, op2), .access = acc, .need = need_, .trap = trap_,    \
      .no_gdb = true, .write = write_tlbi, __VA_ARGS__ }
/* The three scopes of one operation. */
#define TLBI3(name_, op1, op2, acc, need_, trap_, ...)                                         \
    TLBI(name_, op1, 7, op2, acc, need_, trap_, __VA_ARGS__),                                  \
        TLBI(name_ "IS", op1, 3, op2, acc, need_, (trap_) ? (trap_) | TRAP_TLBIS : 0,          \
             __VA_ARGS__),                                                                     \
        TLBI(name_ "OS", op1, 1, op2, acc, NEED_TLBIOS, (trap_) ? (trap_) | TRAP_TLBOS : 0,    \
             __VA_ARGS__)
#define TLBI3_RANGE(name_, op1, op2, acc, trap_, ...)                                          \
    TLBI(name_, op1, 6, op2, acc, NEED_TLBIRANGE, trap_, __VA_ARGS__),                         \
        TLBI(name_ "IS", op1, 2, op2, acc, NEED_TLBIRANGE, (trap_) ? (trap_) | TRAP_TLBIS : 0, \
             __VA_ARGS__),                                                                     \
        TLBI(name_ "OS", op1, 5, op2, acc, NEED_TLBIRANGE, (trap_) ? (trap_) | TRAP_TLBOS : 0, \
             __VA_ARGS__)

static const ArmSysReg rows[] = {
    DC("IC IALLUIS", 0, 1, 0, AW_1, TRAP_PU | TRAP_ICAB, .write = nothing),
    DC("IC IALLU", 0, 5, 0, AW_1, TRAP_PU, .write = nothing),
    DC("IC IVAU", 3, 5, 1, AW_0, TRAP_PU, .write = nothing),
    DC("DC IVAC", 0, 6, 1, AW_1, TRAP_PCP, .write = write_dc_ivac),
    DC("DC ISW", 0, 6, 2, AW_1, TRAP_SW, .write = nothing),
    DC("DC CSW", 0, 10, 2, AW_1, TRAP_SW, .write = nothing),
    DC("DC CISW", 0, 14, 2, AW_1, TRAP_SW, .write = nothing),
    DC("DC ZVA", 3, 4, 1, AW_0, 0, .check = check_zva, .write = write_zva),
    DC("DC CVAC", 3, 10, 1, AW_0, TRAP_PCP, .write = write_dc_va),
    DC("DC CVAU", 3, 11, 1, AW_0, TRAP_PU, .write = write_dc_va),
    DC("DC CVAP", 3, 12, 1, AW_0, TRAP_PCP, .need = NEED_DPB, .write = write_dc_va),
    DC("DC CVADP", 3, 13, 1, AW_0, TRAP_PCP, .need = NEED_DPB2, .write = write_dc_va),
    DC("DC CIVAC", 3, 14, 1, AW_0, TRAP_PCP, .write = write_dc_va),
    DC("CFP RCTX", 3, 3, 4, AW_0, 0, .need = NEED_PREDRES, .check = check_rctx, .write = nothing),
    DC("DVP RCTX", 3, 3, 5, AW_0, 0, .need = NEED_PREDRES, .check = check_rctx, .write = nothing),
    DC("CPP RCTX", 3, 3, 7, AW_0, 0, .need = NEED_PREDRES, .check = check_rctx, .write = nothing),

    AT("AT S1E1R", 0, 8, 0, AW_1, NEED_NOTHING), AT("AT S1E1W", 0, 8, 1, AW_1, NEED_NOTHING),
    AT("AT S1E0R", 0, 8, 2, AW_1, NEED_NOTHING), AT("AT S1E0W", 0, 8, 3, AW_1, NEED_NOTHING),
    AT("AT S1E1RP", 0, 9, 0, AW_1, NEED_PAN2), AT("AT S1E1WP", 0, 9, 1, AW_1, NEED_PAN2),
    AT("AT S1E2R", 4, 8, 0, AW_2, NEED_EL2, .check = check_at_s1e2),
    AT("AT S1E2W", 4, 8, 1, AW_2, NEED_EL2, .check = check_at_s1e2),
    AT("AT S12E1R", 4, 8, 4, AW_2, NEED_EL2, .check = check_at_el2),
    AT("AT S12E1W", 4, 8, 5, AW_2, NEED_EL2, .check = check_at_el2),
    AT("AT S12E0R", 4, 8, 6, AW_2, NEED_EL2, .check = check_at_el2),
    AT("AT S12E0W", 4, 8, 7, AW_2, NEED_EL2, .check = check_at_el2),
    AT("AT S1E3R", 6, 8, 0, AW_3, NEED_EL3), AT("AT S1E3W", 6, 8, 1, AW_3, NEED_EL3),

    TLBI3("TLBI VMALLE1", 0, 0, AW_1, NEED_NOTHING, TRAP_TLB),
    TLBI3("TLBI VAE1", 0, 1, AW_1, NEED_NOTHING, TRAP_TLB),
    TLBI3("TLBI ASIDE1", 0, 2, AW_1, NEED_NOTHING, TRAP_TLB),
    TLBI3("TLBI VAAE1", 0, 3, AW_1, NEED_NOTHING, TRAP_TLB),
    TLBI3("TLBI VALE1", 0, 5, AW_1, NEED_NOTHING, TRAP_TLB),
    TLBI3("TLBI VAALE1", 0, 7, AW_1, NEED_NOTHING, TRAP_TLB),
    TLBI3_RANGE("TLBI RVAE1", 0, 1, AW_1, TRAP_TLB),
    TLBI3_RANGE("TLBI RVAAE1", 0, 3, AW_1, TRAP_TLB),
    TLBI3_RANGE("TLBI RVALE1", 0, 5, AW_1, TRAP_TLB),
    TLBI3_RANGE("TLBI RVAALE1", 0, 7, AW_1, TRAP_TLB),
    TLBI3("TLBI ALLE2", 4, 0, AW_2, NEED_EL2, 0, .check = check_tlbi_e2),
    TLBI3("TLBI VAE2", 4, 1, AW_2, NEED_EL2, 0, .check = check_tlbi_e2),
    TLBI3("TLBI ALLE1", 4, 4, AW_2, NEED_EL2_OR_EL3, 0, .check = NULL),
    TLBI3("TLBI VALE2", 4, 5, AW_2, NEED_EL2, 0, .check = check_tlbi_e2),
    TLBI3("TLBI VMALLS12E1", 4, 6, AW_2, NEED_EL2_OR_EL3, 0, .check = NULL),
    TLBI3_RANGE("TLBI RVAE2", 4, 1, AW_2, 0, .check = check_tlbi_e2),
    TLBI3_RANGE("TLBI RVALE2", 4, 5, AW_2, 0, .check = check_tlbi_e2),
    TLBI("TLBI IPAS2E1", 4, 4, 1, AW_2, NEED_EL2, 0),
    TLBI("TLBI IPAS2LE1", 4, 4, 5, AW_2, NEED_EL2, 0),
    TLBI("TLBI IPAS2E1IS", 4, 0, 1, AW_2, NEED_EL2, 0),
    TLBI("TLBI IPAS2LE1IS", 4, 0, 5, AW_2, NEED_EL2, 0),
    TLBI("TLBI IPAS2E1OS", 4, 4, 0, AW_2, NEED_TLBIOS, 0),
    TLBI("TLBI IPAS2LE1OS", 4, 4, 4, AW_2, NEED_TLBIOS, 0),
    TLBI("TLBI RIPAS2E1", 4, 4, 2, AW_2, NEED_TLBIRANGE, 0),
    TLBI("TLBI RIPAS2LE1", 4, 4, 6, AW_2, NEED_TLBIRANGE, 0),
    TLBI("TLBI RIPAS2E1IS", 4, 0, 2, AW_2, NEED_TLBIRANGE, 0),
    TLBI("TLBI RIPAS2LE1IS", 4, 0, 6, AW_2, NEED_TLBIRANGE, 0),
    TLBI("TLBI RIPAS2E1OS", 4, 4, 3, AW_2, NEED_TLBIRANGE, 0),
    TLBI("TLBI RIPAS2LE1OS", 4, 4, 7, AW_2, NEED_TLBIRANGE, 0),
    TLBI3("TLBI ALLE3", 6, 0, AW_3, NEED_EL3, 0, .check = NULL),
    TLBI3("TLBI VAE3", 6, 1, AW_3, NEED_EL3, 0, .check = NULL),
    TLBI3("TLBI VALE3", 6, 5, AW_3, NEED_EL3, 0, .check = NULL),
    TLBI3_RANGE("TLBI RVAE3", 6, 1, AW_3, 0, .check = NULL),
    TLBI3_RANGE("TLBI RVALE3", 6, 5, AW_3, 0, .check = NULL),
};
SYSREG_PART(arm_sysregs_sys, rows);
