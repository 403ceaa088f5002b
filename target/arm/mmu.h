/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside mmu*.c, tlbi.c, at.c, fault.c: translation regimes (DDI 0487 D8), and what a walk finds.
 */
#ifndef TARGET_ARM_MMU_H
#define TARGET_ARM_MMU_H

#include "accel/cpu.h"
#include "accel/tlb.h"

struct ArmCpu;

/* TlbKey.regime: kind, then these, then the number of the configuration. */
enum ArmRegimeKind { REGIME_EL10, REGIME_EL20, REGIME_EL2, REGIME_EL3 };
enum {
    REGIME_KIND = 3, REGIME_SECURE = 4, REGIME_CONFIG_SHIFT = 8,
    REGIME_WHICH = REGIME_KIND | REGIME_SECURE,
};

/* One VA range (or the IPA range) of a stage, as its control register describes it. */
typedef struct ArmRange {
    uint8_t granule;      /* bits: 12, 14, 16 */
    uint8_t ia_bits;      /* size of the input address */
    int8_t start;         /* level of the first table */
    uint8_t block_levels; /* 1 << level: blocks are allowed there */
    bool faults;          /* everything is a translation fault at level 0 */
    bool tbi_data, tbi_insn;
    bool hpd;
    bool e0pd;
    bool lpa2;            /* TCR.DS: descriptors have the address bits 51:50 in 9:8 */
    bool high_in_15_12;   /* 52-bit addresses with 64 KiB pages */
    uint8_t oa_bits;      /* size of the output address */
} ArmRange;

/* What the registers say that are compared to know a configuration again. */
typedef struct ArmRegimeRegs {
    uint64_t tcr, sctlr, mair, hcr, scr, vtcr, vttbr;
    uint32_t which;
} ArmRegimeRegs;

typedef struct ArmRegime {
    ArmRegimeRegs regs;
    uint32_t key;         /* TlbKey.regime */
    bool stage1, stage2;
    bool two_ranges;      /* and two privilege levels */
    bool wxn, epan, ha, hd, big_endian, sif;
    bool secure, dc, ptw, fwb;
    ArmRange range[2];
    /* stage 2 */
    ArmRange s2;
    bool s2_ha, s2_hd, s2_big_endian, xnx;
} ArmRegime;

enum { ARM_MAX_REGIMES = 32 };

/* RAM that page tables were found in last. */
typedef struct ArmTableRam {
    uint8_t *host;
    hwaddr start, last;   /* of first bytes of descriptors; empty: start > last */
    uint64_t ram_page;
    uint32_t version;
    bool writable;
} ArmTableRam;

typedef struct ArmMmu {
    ArmTableRam pt;
    unsigned n_regimes, current;
    ArmRegime regime[ARM_MAX_REGIMES];
} ArmMmu;

/* Memory attributes in the form of MAIR_ELx and PAR_EL1. */
typedef struct ArmMemAttr {
    uint8_t attr;
    uint8_t sh;
} ArmMemAttr;
static inline bool arm_attr_is_device(uint8_t attr)
{
    return !(attr & 0xf0);
}

/* MmuResult.fault: a fault status code (ISS.DFSC), and these. */
enum {
    FAULT_FSC = 0x3f,
    FAULT_STAGE2 = 1 << 8,
    FAULT_S1PTW = 1 << 9,   /* stage 2, of the address of a stage 1 descriptor */
    FAULT_DEVICE = 1 << 11, /* stage 1 permission fault on Device memory: alignment goes first */
    FAULT_WRITE_PTW = 1 << 12, /* the descriptor was to be updated */
    FAULT_NO_READ = 1 << 13, /* a read would have faulted the same way */
};
/* Fault status codes; the level is added to the first five. Those of level -1 are the last three. */
enum {
    FSC_ADDRESS_SIZE = 0x00, FSC_TRANSLATION = 0x04, FSC_ACCESS_FLAG = 0x08, FSC_PERMISSION = 0x0c,
    FSC_EXTERNAL_WALK = 0x14, FSC_EXTERNAL = 0x10, FSC_ALIGNMENT = 0x21,
    FSC_UNSUPPORTED_EXCLUSIVE = 0x35, FSC_EXTERNAL_WALK_1 = 0x13, FSC_ADDRESS_SIZE_1 = 0x29,
    FSC_TRANSLATION_1 = 0x2b,
};
/* A table could not be read. */
static inline bool arm_fsc_is_walk(unsigned fsc)
{
    return fsc >= FSC_EXTERNAL_WALK_1 && fsc < FSC_EXTERNAL_WALK + 4;
}

/* MmuResult.attrs */
enum { ARM_PAGE_GUARDED = 1, ARM_PAGE_DEVICE = 2 };

/* A translation, from mmu_walk.c. */
typedef struct ArmXlat {
    hwaddr pa;
    uint8_t page_bits;
    bool r, w, x;         /* permitted, and needing no update of a descriptor */
    bool global, ns, guarded;
    ArmMemAttr mem;
    uint32_t fault;       /* as MmuResult.fault */
    hwaddr ipa;           /* of a stage 2 fault */
    uint64_t table[5];    /* RAM pages of the descriptors, if asked for */
    unsigned n_tables;
    bool tables_known;    /* that is where all of them are */
} ArmXlat;

/* Who asks, and for what. */
typedef struct ArmAsk {
    MmuAccess access;
    bool el0;
    bool pan;
    bool debug;           /* no updates; permissions don't matter */
    bool stage1_only;     /* the output is an IPA (AT S1*) */
    bool note_tables;     /* fills ArmXlat.table */
    bool no_dirty;        /* AT: a clean page stays clean */
    int32_t table1_from;  /* debug: the upper range's first table is so far from where TTBR1 says */
} ArmAsk;

/* --- mmu.c --- */
/* The registers of a regime as they are now. */
ArmRegimeRegs arm_regime_regs(const struct ArmCpu *a, uint32_t which);
void arm_regime_parse(const struct ArmCpu *a, const ArmRegimeRegs *regs, ArmRegime *rg);
uint32_t arm_current_regime(const struct ArmCpu *a); /* kind and security */
uint32_t arm_regime_vmid(const struct ArmCpu *a, uint32_t which);
uint32_t arm_regime_asid(const struct ArmCpu *a, uint32_t which);

/* --- fault.c --- */
typedef struct ArmAbort {
    vaddr va;
    hwaddr ipa;
    uint32_t fault;       /* as MmuResult.fault */
    bool exec, write, maintenance; /* ISS.WnR, ISS.CM */
    uint32_t isv;         /* ISS bits 24 to 14, for stage 2 */
} ArmAbort;
void arm_raise_abort(struct ArmCpu *a, const ArmAbort *b) G_GNUC_NORETURN;

/* --- mmu_walk.c --- */
bool arm_walk(struct ArmCpu *a, const ArmRegime *rg, vaddr va, const ArmAsk *ask, ArmXlat *out);
/* For info mem: the descriptor at pa, without side effects, in the regime's byte order. */
bool arm_debug_read_descriptor(struct ArmCpu *a, const ArmRegime *rg, hwaddr pa, uint64_t *desc);
/* Address bits of a descriptor of this range. */
hwaddr arm_descriptor_address(const ArmRange *range, uint64_t desc);
/* The first table, whose entries are for 1 << shift bytes: what a TTBR says, without what are bits
 * below the table's size. */
hwaddr arm_table_base(const ArmRange *range, uint64_t ttbr, unsigned shift);

#endif
