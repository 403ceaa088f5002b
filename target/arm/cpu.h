/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A64 processor state. "DDI 0487" is the Arm Architecture Reference Manual for A-profile.
 *
 * Not here yet, with room in the tables: AArch32, SVE, SME, MTE; none is advertised.
 */
#ifndef TARGET_ARM_CPU_H
#define TARGET_ARM_CPU_H

#include "accel/cpu.h"
#include "accel/ir.h"
#include "accel/tlb.h"
#include "accel/translate.h"
#include "softmmu/run.h"
#include "target/arm.h"
#include "target/arm/mmu.h"
#include "util/bits.h"

/* Translation mode word (Cpu.mode): all that decoding and IR may depend on. */
enum {
    MODE_EL_SHIFT = 0,          /* exception level */
    MODE_EL = 3 << 0,
    MODE_FP_SHIFT = 2,          /* level that FP and AdvSIMD instructions trap to; 0: they work */
    MODE_FP = 3 << 2,
    MODE_RM_SHIFT = 4,          /* FPCR.RMode as FP_RNE... of util/softfloat.h */
    MODE_RM = 3 << 4,
    MODE_FZ = 1 << 6,           /* FPCR.FZ */
    MODE_DN = 1 << 7,           /* FPCR.DN */
    MODE_FZ16 = 1 << 8,         /* FPCR.FZ16 */
    MODE_AHP = 1 << 9,          /* FPCR.AHP */
    MODE_SPSEL = 1 << 10,       /* PSTATE.SP: only for SP alignment faults and msr SPSel */
    MODE_SA = 1 << 11,          /* SCTLR.SA / SA0 of this level: check SP alignment */
    MODE_A = 1 << 12,           /* SCTLR.A: check alignment */
    MODE_UAO = 1 << 13,         /* LDTR and STTR are plain loads and stores */
    MODE_UNPRIV = 1 << 14,      /* LDTR and STTR access as EL0 (EL1, or EL2 with E2H+TGE) */
    MODE_TBI0 = 1 << 15, MODE_TBI1 = 1 << 16, /* top byte of branch targets is ignored */
    MODE_BT = 1 << 17,          /* SCTLR.BTx: PACIASP is no target for BTYPE 3 */
    MODE_SS_ACTIVE = 1 << 20,   /* software step is active: one instruction, then a debug exception */
    MODE_SS = 1 << 21,          /* and PSTATE.SS: it has not been done yet */
    MODE_IL = 1 << 22,          /* PSTATE.IL: every instruction is an illegal state exception */
    MODE_E2H = 1 << 23,         /* HCR_EL2.E2H seen from EL2: EL1 names mean EL2's registers */
    MODE_NAA = 1 << 24,         /* SCTLR.nAA: LSE2 allows what is unaligned in 16 bytes */
    MODE_EE = 1 << 25,          /* data is big-endian */
    MODE_BP = 1 << 26,          /* hardware breakpoints of the guest may match here */
    /* SCTLR.UMA, nTWI, UCI and the like are asked by helpers. */
};

/* Access modes of a TLB context; which regime it is stands in the key. */
enum { ARM_MMU_USER, ARM_MMU_PRIV, ARM_MMU_PRIV_PAN, ARM_N_MMU_IDX };

/* Condition flags are kept as the operation that made them (trans.h turns them into conditions). */
enum {
    ARM_CC_NZCV,      /* cc_a: N, Z, C, V in bits 31 to 28 */
    ARM_CC_SUB32, ARM_CC_SUB64, /* flags of cc_a - cc_b */
    ARM_CC_ADD32, ARM_CC_ADD64, /* of cc_a + cc_b */
    ARM_CC_LOGIC32, ARM_CC_LOGIC64, /* of the result cc_a; C and V are 0 */
    ARM_CC_ADC32 = 8, ARM_CC_ADC64 = 10, /* of cc_a + cc_b; the code itself with carry in: + 1 */
    ARM_CC_LAST = ARM_CC_ADC64 + 1,
};

/* PSTATE bits that are kept in ArmCpu.pstate, in their places of SPSR_ELx. NZCV and BTYPE have
 * cells of their own. */
#define PSTATE_SP (1ULL << 0)
#define PSTATE_EL_SHIFT 2
#define PSTATE_EL (3ULL << 2)
#define PSTATE_F (1ULL << 6)
#define PSTATE_I (1ULL << 7)
#define PSTATE_A (1ULL << 8)
#define PSTATE_D (1ULL << 9)
#define PSTATE_DAIF (15ULL << 6)
#define PSTATE_BTYPE_SHIFT 10
#define PSTATE_BTYPE (3ULL << 10)
#define PSTATE_SSBS (1ULL << 12)
#define PSTATE_IL (1ULL << 20)
#define PSTATE_SS (1ULL << 21)
#define PSTATE_PAN (1ULL << 22)
#define PSTATE_UAO (1ULL << 23)
#define PSTATE_DIT (1ULL << 24)
#define PSTATE_TCO (1ULL << 25)
#define PSTATE_NZCV (15ULL << 28)

#define EXCL_NONE UINT64_MAX

/* Some translation of interest is in mmu.c; here are the bits that more than one file asks for. */
#define SCTLR_M (1ULL << 0)
#define SCTLR_A (1ULL << 1)
#define SCTLR_C (1ULL << 2)
#define SCTLR_SA (1ULL << 3)
#define SCTLR_SA0 (1ULL << 4)
#define SCTLR_NAA (1ULL << 6)
#define SCTLR_UMA (1ULL << 9)
#define SCTLR_ENRCTX (1ULL << 10)
#define SCTLR_EOS (1ULL << 11)
#define SCTLR_I (1ULL << 12)
#define SCTLR_ENDB (1ULL << 13)
#define SCTLR_DZE (1ULL << 14)
#define SCTLR_UCT (1ULL << 15)
#define SCTLR_NTWI (1ULL << 16)
#define SCTLR_NTWE (1ULL << 18)
#define SCTLR_WXN (1ULL << 19)
#define SCTLR_TSCXT (1ULL << 20)
#define SCTLR_IESB (1ULL << 21)
#define SCTLR_EIS (1ULL << 22)
#define SCTLR_SPAN (1ULL << 23)
#define SCTLR_E0E (1ULL << 24)
#define SCTLR_EE (1ULL << 25)
#define SCTLR_UCI (1ULL << 26)
#define SCTLR_ENDA (1ULL << 27)
#define SCTLR_ENIB (1ULL << 30)
#define SCTLR_ENIA (1ULL << 31)
#define SCTLR_BT0 (1ULL << 35) /* SCTLR_EL1, and EL2 with E2H */
#define SCTLR_BT1 (1ULL << 36) /* there; BT of EL2 without E2H and EL3 */
#define SCTLR_DSSBS (1ULL << 44)

#define HCR_VM (1ULL << 0)
#define HCR_SWIO (1ULL << 1)
#define HCR_PTW (1ULL << 2)
#define HCR_FMO (1ULL << 3)
#define HCR_IMO (1ULL << 4)
#define HCR_AMO (1ULL << 5)
#define HCR_VF (1ULL << 6)
#define HCR_VI (1ULL << 7)
#define HCR_VSE (1ULL << 8)
#define HCR_FB (1ULL << 9)
#define HCR_BSU (3ULL << 10)
#define HCR_DC (1ULL << 12)
#define HCR_TWI (1ULL << 13)
#define HCR_TWE (1ULL << 14)
#define HCR_TID0 (1ULL << 15)
#define HCR_TID1 (1ULL << 16)
#define HCR_TID2 (1ULL << 17)
#define HCR_TID3 (1ULL << 18)
#define HCR_TSC (1ULL << 19)
#define HCR_TIDCP (1ULL << 20)
#define HCR_TACR (1ULL << 21)
#define HCR_TSW (1ULL << 22)
#define HCR_TPCP (1ULL << 23)
#define HCR_TPU (1ULL << 24)
#define HCR_TTLB (1ULL << 25)
#define HCR_TVM (1ULL << 26)
#define HCR_TGE (1ULL << 27)
#define HCR_TDZ (1ULL << 28)
#define HCR_HCD (1ULL << 29)
#define HCR_TRVM (1ULL << 30)
#define HCR_RW (1ULL << 31)
#define HCR_CD (1ULL << 32)
#define HCR_ID (1ULL << 33)
#define HCR_E2H (1ULL << 34)
#define HCR_TLOR (1ULL << 35)
#define HCR_TERR (1ULL << 36)
#define HCR_TEA (1ULL << 37)
#define HCR_MIOCNCE (1ULL << 38)
#define HCR_APK (1ULL << 40)
#define HCR_API (1ULL << 41)
#define HCR_FIEN (1ULL << 47)
#define HCR_TID4 (1ULL << 49)
#define HCR_TICAB (1ULL << 50)
#define HCR_TOCU (1ULL << 52)
#define HCR_ENSCXT (1ULL << 53)
#define HCR_TTLBIS (1ULL << 54)
#define HCR_TTLBOS (1ULL << 55)
#define HCR_TID5 (1ULL << 58)

#define SCR_NS (1ULL << 0)
#define SCR_IRQ (1ULL << 1)
#define SCR_FIQ (1ULL << 2)
#define SCR_EA (1ULL << 3)
#define SCR_SMD (1ULL << 7)
#define SCR_HCE (1ULL << 8)
#define SCR_SIF (1ULL << 9)
#define SCR_RW (1ULL << 10)
#define SCR_ST (1ULL << 11)
#define SCR_TWI (1ULL << 12)
#define SCR_TWE (1ULL << 13)
#define SCR_TLOR (1ULL << 14)
#define SCR_TERR (1ULL << 15)
#define SCR_APK (1ULL << 16)
#define SCR_API (1ULL << 17)
#define SCR_EASE (1ULL << 19)
#define SCR_ATA (1ULL << 26)
#define SCR_FGTEN (1ULL << 27)
#define SCR_ECVEN (1ULL << 28)

enum { ARM_N_BRP = 6, ARM_N_WRP = 4, ARM_N_PMC = 6 };

/* A generic timer; index in ArmCpu.timer is that of its output (ARM_OUT_TIMER_*). */
enum { ARM_N_TIMERS = 5 };
typedef struct ArmTimer {
    uint64_t cval;
    uint64_t ctl;            /* ENABLE, IMASK; ISTATUS is computed */
    Timer *timer;            /* main lock */
    int64_t armed;           /* ns that it is set for; INT64_MAX: it isn't */
} ArmTimer;

typedef struct ArmVec {
    uint64_t d[2];
} __attribute__((aligned(16))) ArmVec;

typedef struct ArmIdRegs {
    uint64_t midr, ctr, dczid, clidr;
    uint64_t aa64pfr0, aa64pfr1, aa64dfr0, aa64dfr1, aa64isar0, aa64isar1, aa64isar2, aa64mmfr0,
        aa64mmfr1, aa64mmfr2, aa64zfr0, aa64smfr0;
} ArmIdRegs;

/* Features that decoding asks for: the %extension of arm.isa. Derived from the ID registers. */
#define ARM_FEATURES(X)                                                                        \
    X(lse) X(lse2) X(lor) X(rcpc) X(rcpc2) X(crc32) X(aes) X(pmull) X(sha1) X(sha256) X(sha512) \
    X(sha3) X(sm3) X(sm4) X(fp16) X(dotprod) X(rdm) X(fcma) X(fhm) X(frintts) X(jscvt) X(bf16) \
    X(i8mm) X(flagm) X(flagm2) X(pauth) X(bti) X(rng) X(sb) X(ssbs) X(predres) X(dpb) X(dpb2)  \
    X(pan) X(pan2) X(uao) X(dit) X(tlbios) X(tlbirange) X(vhe) X(xnx) X(ttst) X(lpa) X(lpa2)   \
    X(hafdbs) X(dbm) X(e0pd) X(ecv) X(fgt) X(mte) X(wfxt)

typedef struct ArmCpu {
    Cpu cpu;
    /* --- what generated code touches --- */
    uint64_t x[31];
    uint64_t sp;             /* the one in use, by PSTATE.SP; the others are in sp_el */
    uint64_t pc;
    uint64_t cc_op, cc_a, cc_b;  /* ARM_CC_*; see arm_nzcv */
    uint64_t cond;           /* a condition or address, within an instruction */
    /* PSTATE.BTYPE is btype at btype_pc, where the last branch that set it went, and 0 elsewhere. So
     * nobody needs to clear it; that a direct branch to the same place sees it again does no harm:
     * the place was an allowed target before. */
    uint64_t btype, btype_pc;
    uint64_t excl_addr;      /* exclusive monitor: virtual address, or EXCL_NONE */
    uint64_t excl_val[2];    /* what the exclusive load read */
    uint64_t excl_size;      /* bytes */
    uint64_t tpidr_el0, tpidrro_el0, tpidr_el1; /* plain cells, read and written as slots */
    uint64_t pstate;         /* PSTATE_* without NZCV and BTYPE. PSTATE.DAIF and EL as slot */
    ArmVec v[32];
    ArmVec qc;               /* FPSR.QC is set if any bit is */
    /* --- exception levels; index 0..3 --- */
    uint64_t sp_el[4];
    uint64_t elr[4], spsr[4], esr[4], far_[4], vbar[4], sctlr[4], tcr[4], ttbr0[4], ttbr1[3],
        mair[4], amair[4], afsr0[4], afsr1[4], actlr[4], contextidr[3], tpidr_el[4];
    uint64_t par, cpacr, cptr_el2, cptr_el3, scr, hcr, hpfar, vttbr, vtcr, mdcr_el2, mdcr_el3,
        hstr, hacr, vpidr, vmpidr, csselr, mdscr, oslsr, osdlr, fpcr;
    uint64_t mdccint;
    uint64_t scxtnum[4], apkey[10]; /* pauth keys: IA, IB, DA, DB, GA, each low and high half */
    uint64_t vsesr, vdisr, disr;
    uint64_t lorsa, lorea, lorn, lorc;
    uint64_t cntkctl, cnthctl, cntvoff, cntfrq; /* generic timers */
    ArmTimer timer[ARM_N_TIMERS];
    uint64_t dbgbvr[ARM_N_BRP], dbgbcr[ARM_N_BRP], dbgwvr[ARM_N_WRP], dbgwcr[ARM_N_WRP];
    uint64_t dbgclaim, sder;
    uint64_t pmcr, pmcnten, pminten, pmovs, pmselr, pmuserenr, pmccfiltr;
    uint64_t pmevtyper[ARM_N_PMC];
    uint64_t pmccnt, pmevcnt[ARM_N_PMC]; /* counted up to pm_base; pmu.c */
    uint64_t pm_base;        /* clock at that time */
    uint64_t pm_icount;      /* and instructions (icount mode) */
    Timer *pm_timer;         /* the next overflow */
    bool pm_filtered;        /* some counter that is on doesn't count at all levels */
    uint64_t event;          /* WFE's event register */
    uint64_t hcr_eff;        /* arm_hcr; derived from hcr and scr */
    uint32_t mode_base[4];   /* mode.c: parts of the mode word that only control registers decide */
    uint8_t mode_valid;      /* levels for which they are known */
    uint8_t gic_view;        /* what the GIC was last told */
    /* --- wires --- */
    uint64_t irq_level;      /* any thread, __atomic: 1 << ARM_CPU_* inputs, and ARM_SOFT_* */
    IrqLine out[ARM_N_CPU_OUTPUTS];
    const ArmGicOps *gic;
    void *gic_opaque;
    /* --- configuration --- */
    const struct ArmModel *model;
    ArmIdRegs id;
    struct {
#define X(n) bool n;
        ARM_FEATURES(X)
#undef X
    } feat;
    bool has_el2, has_el3, has_pmu;
    bool start_powered_off;
    uint8_t powered_off;     /* PSCI: 1 off, 2 about to start; any thread, __atomic; saved */
    uint8_t start_el;        /* how, while it is about to; saved */
    uint64_t start_entry, start_context;
    ArmPsciConduit psci;
    uint64_t rvbar, mpidr;
    uint8_t pa_bits, va_bits;
    ArmMmu mmu;              /* caches of mmu.c: nothing architectural */
} ArmCpu;

/* Slot numbers. Register 31 is xzr (ir_const 0) or SLOT_SP, as the instruction says. */
enum {
    SLOT_X0 = 0,
    SLOT_SP = 31,
    SLOT_PC = 32,
    SLOT_PAGE,
    SLOT_CC_OP, SLOT_CC_A, SLOT_CC_B, SLOT_COND, SLOT_BTYPE, SLOT_BTYPE_PC,
    SLOT_EXCL_ADDR, SLOT_EXCL_VAL0, SLOT_EXCL_VAL1, SLOT_EXCL_SIZE,
    SLOT_TPIDR_EL0, SLOT_TPIDRRO_EL0, SLOT_TPIDR_EL1,
    SLOT_PSTATE,
    SLOT_IRQ_LEVEL, /* read only: 0 if no interrupt is pending at all, masked or not */
    SLOT_SP_EL0, SLOT_ELR_EL1, SLOT_SPSR_EL1, SLOT_ESR_EL1, SLOT_FAR_EL1,
    SLOT_CONTEXTIDR_EL1, SLOT_TPIDR_EL2, SLOT_VBAR_EL1, SLOT_ELR_EL2, SLOT_SPSR_EL2,
    SLOT_V0, /* V128, SLOT_V0 + n */
    SLOT_QC = SLOT_V0 + 32, /* V128 */
    ARM_N_SLOTS
};
extern const IrSlot arm_slots[ARM_N_SLOTS];

static inline ArmCpu *arm_cpu(Cpu *cpu)
{
    return (ArmCpu *)cpu;
}
static inline unsigned arm_el(const ArmCpu *a)
{
    return a->pstate >> PSTATE_EL_SHIFT & 3;
}

/* --- flags.c --- */
/* PSTATE.BTYPE. */
static inline uint64_t arm_btype(const ArmCpu *a)
{
    return a->btype_pc == a->pc ? a->btype & 3 : 0;
}
static inline void arm_set_btype(ArmCpu *a, uint64_t btype)
{
    a->btype = btype & 3;
    a->btype_pc = a->pc;
}
uint32_t arm_nzcv(const ArmCpu *a);               /* bits 31..28 */
uint32_t arm_nzcv_of(uint64_t cc_op, uint64_t cc_a, uint64_t cc_b);
void arm_set_nzcv(ArmCpu *a, uint32_t nzcv);

/* --- exception.c --- */
/* Where an exception of the current instruction goes if the rules leave no choice: EL1, or EL2 for
 * code at EL0 under HCR_EL2.TGE, or the level that it is taken from. */
unsigned arm_default_target_el(const ArmCpu *a);
/* Bits of irq_level that follow from HCR_EL2: pending virtual interrupts. */
enum { ARM_SOFT_VI = 1 << 8, ARM_SOFT_VF = 1 << 9, ARM_SOFT_VSE = 1 << 10 };
/* Exception classes (ESR_ELx.EC, DDI 0487 D24). */
enum {
    EC_UNKNOWN = 0x00, EC_WFX = 0x01, EC_FP_ACCESS = 0x07, EC_PAC = 0x09, EC_BTI = 0x0d,
    EC_ILLEGAL_STATE = 0x0e, EC_SVC = 0x15, EC_HVC = 0x16, EC_SMC = 0x17, EC_SYSREG = 0x18,
    EC_INSN_ABORT_LOWER = 0x20, EC_INSN_ABORT = 0x21, EC_PC_ALIGNMENT = 0x22,
    EC_DATA_ABORT_LOWER = 0x24, EC_DATA_ABORT = 0x25, EC_SP_ALIGNMENT = 0x26, EC_FPAC = 0x1c,
    EC_SERROR = 0x2f, EC_BREAKPOINT_LOWER = 0x30, EC_BREAKPOINT = 0x31, EC_STEP_LOWER = 0x32,
    EC_STEP = 0x33, EC_WATCHPOINT_LOWER = 0x34, EC_WATCHPOINT = 0x35, EC_BRK = 0x3c,
};
#define ESR_IL (1U << 25)
#define ESR(ec, iss) ((uint32_t)(ec) << 26 | ESR_IL | (uint32_t)(iss))
/*
 * Takes a synchronous exception now, to target_el (not below the current level; raised as the
 * routing rules say, which arm_exception applies for HCR_EL2.TGE only), with the pc slot at the
 * preferred return address. far: FAR_ELx, where the class has one.
 */
void arm_exception(ArmCpu *a, unsigned target_el, uint32_t esr, uint64_t far);
/* The same, and leaves to the dispatcher. */
void arm_raise(ArmCpu *a, unsigned target_el, uint32_t esr, uint64_t far) G_GNUC_NORETURN;
/* UNDEFINED at the current instruction. */
void arm_raise_undef(ArmCpu *a) G_GNUC_NORETURN;
/* The exception-return of ERET: SPSR and ELR of the current level, illegal returns included. The
 * caller ends the block with exit_lookup. */
void arm_eret(ArmCpu *a, uint64_t target);
bool arm_take_interrupt(Cpu *cpu);
void arm_info_pic(Cpu *cpu, GString *out);
bool arm_has_work(Cpu *cpu);
/* All but what PSCI has of it. */
void arm_reset_core(ArmCpu *a);
/* Something was enabled or unmasked: makes this vCPU look soon if an interrupt can be taken. */
void arm_check_interrupts(ArmCpu *a);
/* The address that a branch or return to `target` at level el goes to (BranchAddr: TBI). */
uint64_t arm_branch_addr(const ArmCpu *a, uint64_t target, unsigned el);
/* Sets pstate's EL, banking sp; the caller calls arm_update_mode. */
void arm_set_el(ArmCpu *a, unsigned el, bool spsel);

/* --- mode.c --- */
/* Something that Cpu.mode, TLB contexts or interrupt masks depend on changed. Cheap if nothing. */
void arm_update_mode(ArmCpu *a);
/* The same where only PSTATE or FPCR changed. */
void arm_pstate_changed(ArmCpu *a);
/* HCR_EL2 as it works: RES0 bits and TGE's implications done (D24.2.55); 0 without EL2 or while it
 * is off for the security state. */
static inline uint64_t arm_hcr(const ArmCpu *a)
{
    return a->hcr_eff;
}
/* hcr or scr changed: hcr_eff anew, virtual interrupt bits, mode. */
void arm_hcr_changed(ArmCpu *a);
bool arm_is_secure_below_el3(const ArmCpu *a);
bool arm_is_secure(const ArmCpu *a);
bool arm_el2_on(const ArmCpu *a); /* EL2 exists and is enabled in the security state below EL3 */

/* --- mmu.c, tlbi.c, at.c --- */
bool arm_translate(Cpu *cpu, vaddr va, MmuAccess access, int mmu_idx, bool debug, MmuResult *r);
void arm_raise_mmu_fault(Cpu *cpu, vaddr va, MmuAccess access, int mmu_idx,
                         const MmuResult *r) G_GNUC_NORETURN;
void arm_raise_unaligned(Cpu *cpu, vaddr va, MmuAccess access) G_GNUC_NORETURN;
void arm_raise_bus_error(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access,
                         MemResult why) G_GNUC_NORETURN;
int arm_fetch_mmu_idx(Cpu *cpu);
int arm_data_mmu_idx(Cpu *cpu);
/* Keys and access modes of the current state go to cpu_set_translation with this mode word. */
void arm_set_translation(ArmCpu *a, uint32_t mode);
/*
 * TLBI by encoding (ARM_SYSREG), operand in value; shareable ones reach all processors. That they
 * have done it is known after arm_tlbi_sync only, which DSB calls (cheap if there is nothing).
 */
void arm_tlbi(ArmCpu *a, uint32_t sysreg, uint64_t value);
void arm_tlbi_sync(ArmCpu *a);
extern const IrHelper arm_helper_tlbi_sync; /* (): what DSB calls */
/* AT by encoding: PAR_EL1 gets the answer. */
void arm_at(ArmCpu *a, uint32_t sysreg, uint64_t va);
void arm_info_tlb(Cpu *cpu, GString *out);
void arm_info_mem(Cpu *cpu, GString *out);
bool arm_each_mapping(Cpu *cpu, CpuMappingFn *fn, void *opaque);
bool arm_debug_translate(Cpu *cpu, vaddr va, hwaddr *pa);

/* --- sysreg.c: the table of system registers --- */
/* MRS, MSR (register) and the SYS space, called by generated code through helpers: all access
 * rules, traps (leave by arm_raise) and effects. pc must be precise. */
uint64_t arm_sysreg_read(ArmCpu *a, uint32_t sysreg, unsigned rt);
void arm_sysreg_write(ArmCpu *a, uint32_t sysreg, unsigned rt, uint64_t value);
/* DC ZVA, where nothing forbids it. */
void arm_dc_zva(ArmCpu *a, uint64_t va);


/*
 * How generated code may do an MRS or MSR in this mode word.
 *   slot >= 0: MRS: slot & mask. MSR: slot = (slot & ~mask) | (value & mask)
 *   else: arm_helper_mrs, arm_helper_msr
 * poll: after the write, if SLOT_IRQ_LEVEL isn't 0, arm_helper_irq_poll. ends_block: after the
 * write, pc = next and exit_lookup. Existence and traps: the helpers see to them. (DAIF and
 * CurrentEL are bits of SLOT_PSTATE; NZCV is best made of flags by the translator.)
 */
typedef struct ArmSysRegInline {
    int slot;
    uint64_t mask;
    bool poll, ends_block;
} ArmSysRegInline;
ArmSysRegInline arm_sysreg_inline(const ArmCpu *a, uint32_t mode, uint32_t sysreg, bool write);

/*
 * --- helpers_sys.c: what system instructions call ---
 * All want the pc slot at the current instruction, as engines see to. Those marked (jumps) set pc
 * and mode themselves: exit_lookup follows, and the translator does not write the pc slot.
 */
extern const IrHelper arm_helper_mrs;      /* (sysreg, rt) -> value */
extern const IrHelper arm_helper_msr;      /* (sysreg, rt, value): MSR and SYS */
/* MSR (immediate) other than DAIFSet and DAIFClr from EL1 up, which are IR on SLOT_PSTATE: after
 * DAIFClr, if SLOT_IRQ_LEVEL isn't 0, call irq_poll. (op1 << 3 | op2, imm4). After PAN the block
 * may go on, after others exit_lookup. */
extern const IrHelper arm_helper_msr_imm;
/* DAIFSet and DAIFClr at EL0: traps if SCTLR.UMA says so, else does it. (set, imm4) */
extern const IrHelper arm_helper_daif_el0;
extern const IrHelper arm_helper_irq_poll; /* (next pc): leaves there if an interrupt can be taken */
extern const IrHelper arm_helper_undef;    /* (): UNDEFINED; does not return */
extern const IrHelper arm_helper_svc, arm_helper_hvc, arm_helper_smc; /* (imm16, next pc) jumps */
extern const IrHelper arm_helper_brk;      /* (imm16) jumps */
extern const IrHelper arm_helper_hlt;      /* (imm16, next pc) jumps: semihosting, else UNDEFINED */
extern const IrHelper arm_helper_eret;     /* (target: elr, or authenticated) jumps */
extern const IrHelper arm_helper_wfi, arm_helper_wfe; /* (next pc) jumps */
extern const IrHelper arm_helper_sev, arm_helper_sevl; /* () */
extern const IrHelper arm_helper_illegal_state; /* (): MODE_IL; does not return */
/*
 * In mode words with MODE_SS_ACTIVE: MODE_SS clear: a block is just this call (does not return).
 * MODE_SS set: one instruction after ss_advance, which clears PSTATE.SS (the mode changes: the
 * block ends with exit_lookup at the instruction's next pc).
 */
extern const IrHelper arm_helper_ss_exception, arm_helper_ss_advance; /* () */
/* With MODE_BP: before every instruction; raises a breakpoint exception if one of the guest's own
 * matches. */
extern const IrHelper arm_helper_breakpoints; /* () */
extern const IrHelper arm_helper_dc_zva;   /* (va); access to DC ZVA at EL0 is checked inside */

/* --- timer.c --- */
void arm_timer_init(ArmCpu *a);
/* After reset, a snapshot's load or a change of CNTVOFF_EL2: timers and outputs anew. */
void arm_timer_update(ArmCpu *a);
/* Lines for `info pic`: the timers that are on. */
void arm_timer_print(const ArmCpu *a, GString *out);
uint64_t arm_count(void); /* CNTPCT */

/* --- pmu.c --- */
void arm_pmu_init(ArmCpu *a);
/* Around a change of what decides whether events are counted: level, filters, enables. */
void arm_pmu_before_change(ArmCpu *a);
void arm_pmu_changed(ArmCpu *a);
void arm_pmu_overflow(ArmCpu *a); /* the time has come that arm_pmu_changed foretold */

/* --- psci.c, semihosting.c --- */
/* Bits of cpu_request. */
enum { ARM_REQUEST_START = 1, ARM_REQUEST_PMU = 2 };
void arm_psci_start(ArmCpu *a);  /* as CPU_ON asked */
bool arm_psci_loaded(ArmCpu *a); /* false: powered_off and its like are nonsense */
/* HVC or SMC with a PSCI function in x0: true if it was one and is done. */
bool arm_psci_call(ArmCpu *a);
/* HLT 0xf000: true if semihosting is on and the call is done. pc is past the instruction. */
bool arm_semihosting_call(ArmCpu *a);

/* --- trans.c --- */
void arm_translate_insn(TransCtx *t);

/* --- fp.c --- */
uint64_t arm_fpsr(const ArmCpu *a);
void arm_set_fpsr(ArmCpu *a, uint64_t v);
void arm_set_fpcr(ArmCpu *a, uint64_t v); /* and the rounding mode, Cpu.fp, the mode word */

/* --- cpu.c --- */
/* As firmware that came up at EL3 would go on: at el in Non-secure state. After a reset. */
void arm_start_at(ArmCpu *a, unsigned el, uint64_t entry, uint64_t x0);

/* --- debug.c --- */
void arm_guest_watch(Cpu *cpu, vaddr va, uint64_t len, bool write, int mmu_idx);

/* --- disas.c, gdb.c --- */
size_t arm_disas(GString *out, const uint8_t *code, size_t len, uint64_t pc);
const char *arm_gdb_types(const char *feature);
bool arm_gdb_reg(Cpu *cpu, unsigned i, GdbReg *out);
void arm_gdb_read(Cpu *cpu, unsigned num, uint8_t *bytes);
void arm_core_regs(Cpu *cpu, GByteArray *general, GByteArray *fp);
void arm_gdb_write(Cpu *cpu, unsigned num, const uint8_t *bytes);
bool arm_kernel_vectors(Cpu *cpu, vaddr *va);
bool arm_kernel_base(Cpu *cpu, vaddr va, vaddr *base);

#endif
