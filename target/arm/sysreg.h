/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System registers: one table, in parts by subject (sysreg_*.c, timer.c, pmu.c, debug.c). A row
 * gives name, encoding, who may access it, what traps it, where its value is and what a write
 * changes. Access rules, gdb's list and register dumps all come from it.
 */
#ifndef TARGET_ARM_SYSREG_H
#define TARGET_ARM_SYSREG_H

#include "target/arm/cpu.h"

/* Who may: R and W by exception level, 1 << level. */
enum {
    AR_0 = 15, AR_1 = 14, AR_2 = 12, AR_3 = 8,              /* read, from that level up */
    AW_0 = 15 << 4, AW_1 = 14 << 4, AW_2 = 12 << 4, AW_3 = 8 << 4,
    ARW_0 = AR_0 | AW_0, ARW_1 = AR_1 | AW_1, ARW_2 = AR_2 | AW_2, ARW_3 = AR_3 | AW_3,
};

/* What may send an access elsewhere, by the control bit; several are tried in this order. */
enum {
    TRAP_VM = 1 << 0,     /* HCR_EL2.TVM, TRVM */
    TRAP_ID1 = 1 << 1, TRAP_ID2 = 1 << 2, TRAP_ID3 = 1 << 3, /* HCR_EL2.TIDn */
    TRAP_ACR = 1 << 4,    /* HCR_EL2.TACR */
    TRAP_CPACR = 1 << 5,  /* CPTR_EL2.TCPAC, CPTR_EL3.TCPAC */
    TRAP_PM = 1 << 6,     /* MDCR_EL2.TPM, MDCR_EL3.TPM */
    TRAP_PMCR = 1 << 7,   /* MDCR_EL2.TPMCR */
    TRAP_DA = 1 << 8,     /* MDCR_ELx.TDA, TDE */
    TRAP_OSA = 1 << 9,    /* MDCR_ELx.TDOSA, TDE */
    TRAP_DRA = 1 << 10,   /* MDCR_EL2.TDRA, TDE; MDCR_EL3.TDA */
    TRAP_APK = 1 << 11,   /* HCR_EL2.APK, SCR_EL3.APK */
    TRAP_LOR = 1 << 12,   /* HCR_EL2.TLOR, SCR_EL3.TLOR */
    TRAP_ERR = 1 << 13,   /* HCR_EL2.TERR, SCR_EL3.TERR */
    TRAP_SCXT = 1 << 14,  /* SCTLR.TSCXT, HCR_EL2.EnSCXT, SCR_EL3.EnSCXT */
    TRAP_SW = 1 << 15,    /* HCR_EL2.TSW */
    TRAP_PCP = 1 << 16,   /* SCTLR.UCI, HCR_EL2.TPCP */
    TRAP_PU = 1 << 17,    /* SCTLR.UCI for what EL0 may do, HCR_EL2.TPU, TOCU, TICAB */
    TRAP_TLB = 1 << 18,   /* HCR_EL2.TTLB */
    TRAP_TLBIS = 1 << 19, TRAP_TLBOS = 1 << 20,
    TRAP_FP = 1 << 21,    /* as FP instructions */
    TRAP_ID4 = 1 << 22, TRAP_ICAB = 1 << 23,
};

/* What a row needs to be there. */
typedef enum ArmNeed {
    NEED_NOTHING, NEED_EL2, NEED_EL3, NEED_PMU, NEED_VHE, NEED_PAUTH, NEED_RAS, NEED_LOR, NEED_PAN,
    NEED_UAO, NEED_DIT, NEED_SSBS, NEED_RNG, NEED_SCXT, NEED_DPB, NEED_DPB2, NEED_PREDRES,
    NEED_TLBIOS, NEED_TLBIRANGE, NEED_PAN2, NEED_PMU_V34, NEED_NO_EL2, NEED_NO_EL3, NEED_A57,
    NEED_DSU, NEED_HIGHEST2, NEED_ECV, NEED_EL2_OR_EL3,
} ArmNeed;

typedef enum ArmAccess {
    ACCESS_OK, ACCESS_EL1, ACCESS_EL2, ACCESS_EL3, ACCESS_UNDEF
} ArmAccess;

typedef struct ArmSysReg ArmSysReg;
struct ArmSysReg {
    const char *name;
    uint16_t enc;
    uint8_t access;
    uint8_t need;            /* ArmNeed */
    uint32_t trap;
    uint32_t offset;         /* of the cell in ArmCpu; 0: constant `reset`, or functions */
    uint64_t reset, mask;    /* writable bits */
    uint16_t e2h;            /* EL2 with HCR_EL2.E2H: this name means that register */
    bool no_gdb;             /* reading it is no plain look at a value */
    ArmAccess (*check)(ArmCpu *a, const ArmSysReg *r, bool write);
    uint64_t (*read)(ArmCpu *a, const ArmSysReg *r);
    /* v: merged with what isn't writable, if there is a cell. Does the store. */
    void (*write)(ArmCpu *a, const ArmSysReg *r, uint64_t v);
};
#define SYS(op0, op1, crn, crm, op2) .enc = ARM_SYSREG(op0, op1, crn, crm, op2)
#define CELL(member) .offset = offsetof(ArmCpu, member)

typedef struct ArmSysRegPart {
    const ArmSysReg *rows;
    unsigned n;
} ArmSysRegPart;
extern const ArmSysRegPart arm_sysregs_id, arm_sysregs_el1, arm_sysregs_el2, arm_sysregs_el3,
    arm_sysregs_sys, arm_sysregs_debug, arm_sysregs_timer, arm_sysregs_pmu, arm_sysregs_impdef;
#define SYSREG_PART(name, rows) const ArmSysRegPart name = { rows, ARRAY_LEN(rows) }

static inline uint64_t *sysreg_cell(ArmCpu *a, const ArmSysReg *r)
{
    return (uint64_t *)(void *)((char *)a + r->offset);
}

/* The row of an encoding, or NULL: no such register in any model. */
const ArmSysReg *arm_sysreg_find(uint32_t enc);
bool arm_sysreg_present(const ArmCpu *a, const ArmSysReg *r);
/* All rows, by index; NULL past the end. */
const ArmSysReg *arm_sysreg_nth(unsigned i);
const ArmSysReg *arm_sysreg_by_name(const char *name);
/* For debuggers: without checks. */
uint64_t arm_sysreg_peek(ArmCpu *a, const ArmSysReg *r);
void arm_sysreg_poke(ArmCpu *a, const ArmSysReg *r, uint64_t value);
/* Reset values of all cells. */
void arm_sysregs_reset(ArmCpu *a);
/* The SCTLR that code at EL0 obeys. */
uint64_t arm_sctlr_el0(const ArmCpu *a);
/* EL1, or EL2 for EL0 under HCR_EL2.TGE. */
ArmAccess arm_trap_from_el0(const ArmCpu *a);

/* sysreg_id.c, sysreg_*.c: parts of others' business */
void arm_sysreg_id_init(ArmCpu *a);

#endif
