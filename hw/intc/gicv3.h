/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3: what its files share.
 *
 * Interrupts live in banks of 32: bank w of the distributor holds INTIDs 32 * w and on (bank 0 is
 * unused), each processor has one for its private interrupts.
 */
#ifndef HW_INTC_GICV3_H
#define HW_INTC_GICV3_H

#include "hw/intc/arm_gic_int.h"

enum {
    GICV3_MAX_SPI = 1019,
    GICV3_WORDS = 32,
    GICV3_PRIORITY_MASK = 0xf8, /* 5 bits, all of which decide about preemption */
    GICV3_PRIORITY_BITS = 5,
    GICV3_MIN_BPR = 7 - GICV3_PRIORITY_BITS,
    GICV3_LRS = 4,
    GICV3_ID_BITS = 16,
    GICV3_FIRST_LPI = 8192,
    GICV3_LPIS = (1 << GICV3_ID_BITS) - GICV3_FIRST_LPI,
    GICV3_NO_CPU = 0xffff,
    GICV3_MAX_REGIONS = 2,
    GICV3_ID_SECURE = 1020,      /* special INTIDs, as EL3 sees them */
    GICV3_ID_OTHER_STATE = 1021,
};

/* Groups; the numbers are the bits of their enables in GICD_CTLR. */
enum { GICV3_G0, GICV3_G1NS, GICV3_G1S, GICV3_GROUPS };

typedef struct Gicv3Best {
    uint16_t priority; /* GIC_NO_PRIORITY: none */
    uint16_t irq;
} Gicv3Best;

typedef struct Gicv3 Gicv3;
typedef struct Gicv3Cpu Gicv3Cpu;

typedef struct Gicv3Bank {
    uint32_t enabled;
    uint32_t latch;  /* pending by an edge, an SGI or ISPENDR */
    uint32_t level;  /* input pins */
    uint32_t active, group, grpmod, edge;
    uint32_t nsacr[2];
    uint8_t priority[32];
    /* Set once. */
    Gicv3Cpu *cpu;   /* NULL: SPIs */
    uint32_t word;
} Gicv3Bank;

struct Gicv3Cpu {
    Gicv3 *gic;
    uint32_t index;
    uint32_t affinity; /* Aff3 to Aff0, a byte each */
    bool last;         /* of its redistributor region */

    /* Redistributor. */
    uint32_t ctlr, waker;
    uint64_t propbaser, pendbaser;
    Gicv3Bank priv;
    uint64_t *lpi_pending;         /* bitmap by INTID - 8192; NULL: never enabled */
    uint64_t lpi_words[GICV3_LPIS / 64 / 64]; /* words of it that aren't zero */

    /* CPU interface; index 0 is the secure, 1 the non-secure copy of a banked register. */
    uint8_t pmr, bpr0, bpr1[2];
    uint8_t cbpr[2], eoimode[2], eoimode_el3;
    uint8_t igrpen[GICV3_GROUPS];
    uint32_t apr[GICV3_GROUPS];

    /* Virtual interface. */
    uint32_t hcr, vmcr, vapr[2];
    uint64_t lr[GICV3_LRS];

    /* The processor, as it was last heard of. */
    uint8_t el;
    bool secure;
    uint64_t scr, hcr_el2;

    /* Derived. */
    Gicv3Best best_private, best_lpi, best_spi[GICV3_WORDS];
    uint32_t nonempty; /* words that have a best_spi */
};

typedef struct Gicv3Region {
    Gicv3 *gic;
    uint32_t first, count; /* processors */
    MemoryRegion mr;
} Gicv3Region;

struct Gicv3 {
    Device dev;
    uint32_t num_cpu, num_irq, revision;
    bool security, virtualization, lpis; /* properties */
    uint32_t region_count[GICV3_MAX_REGIONS];
    bool reset_nonsecure;

    uint32_t enables;  /* bit per group */
    bool ds;           /* one security state */
    Gicv3Bank spi[GICV3_WORDS];
    uint64_t router[GICV3_WORDS * 32];

    uint32_t default_affinity[ARM_GICV3_MAX_CPUS];
    bool affinity_set[ARM_GICV3_MAX_CPUS];
    Gicv3Cpu *cpu;
    Gicv3Cpu *redist;  /* whose frame is being accessed */
    GHashTable *by_affinity; /* affinity -> index + 1 */
    uint8_t *lpi_config;     /* cached configuration of LPIs */
    Gicv3Region region[GICV3_MAX_REGIONS];

    /* Derived. */
    uint16_t target[GICV3_WORDS * 32]; /* processor that an SPI goes to, or GICV3_NO_CPU */
};

enum { GICR_ENABLE_LPIS = 1, GICR_CES = 2, GICR_DPG_SHIFT = 24 }; /* G0, G1NS, G1S */
enum { GICR_PROCESSOR_SLEEP = 2, GICR_CHILDREN_ASLEEP = 4 };
#define GICV3_IRM BIT(31)

/* Is this access by MMIO a non-secure one, where that makes a difference? */
static inline bool gicv3_ns(const Gicv3 *s)
{
    return !s->ds && !memory_initiator.secure;
}

static inline unsigned gicv3_words(const Gicv3 *s)
{
    return (s->num_irq + 31) / 32;
}

/* Bank of an SGI, PPI or SPI that exists, as processor c sees it; else NULL. */
static inline Gicv3Bank *gicv3_bank(Gicv3Cpu *c, unsigned irq)
{
    if (irq >= c->gic->num_irq)
        return NULL;
    return irq < 32 ? &c->priv : &c->gic->spi[irq / 32];
}

/* ---- gicv3.c ---- */
/* Bitmap of a bank's interrupts in a group. */
uint32_t gicv3_group_map(const Gicv3 *s, const Gicv3Bank *b, int group);
int gicv3_irq_group(Gicv3Cpu *c, unsigned irq);
/* After a change of some interrupts of a bank. */
void gicv3_bank_changed(Gicv3 *s, Gicv3Bank *b, uint32_t bits);
/* After a change of what decides for all SPIs, or for all interrupts of a processor. */
void gicv3_all_changed(Gicv3 *s);
void gicv3_cpu_changed(Gicv3Cpu *c);
Gicv3Best gicv3_highest(const Gicv3Cpu *c);
void gicv3_drive(Gicv3Cpu *c, int out, int level);
/* An SPI has a new route. */
void gicv3_route(Gicv3 *s, unsigned irq);
/* What decides about 1-of-N interrupts changed. */
void gicv3_route_any(Gicv3 *s);
Gicv3Cpu *gicv3_find(const Gicv3 *s, uint32_t affinity);

/* ---- gicv3_bank.c: registers that distributor and redistributors have both ---- */
typedef enum Gicv3BankReg {
    GICV3_GROUP, GICV3_GRPMOD, GICV3_SET_ENABLE, GICV3_CLEAR_ENABLE, GICV3_SET_PENDING,
    GICV3_CLEAR_PENDING, GICV3_SET_ACTIVE, GICV3_CLEAR_ACTIVE, GICV3_PRIORITY, GICV3_CONFIG,
    GICV3_NSACR,
} Gicv3BankReg;
/* part: which 4 (PRIORITY) or 16 (CONFIG, NSACR) of the bank. b may be NULL: reads as zero. */
uint32_t gicv3_bank_read(const Gicv3 *s, const Gicv3Bank *b, Gicv3BankReg reg, unsigned part);
void gicv3_bank_write(Gicv3 *s, Gicv3Bank *b, Gicv3BankReg reg, unsigned part, uint32_t v);
/* Interrupts of a bank that exist and that this access may see, with NSACR of at least `nsacr`. */
uint32_t gicv3_visible(const Gicv3 *s, const Gicv3Bank *b, unsigned nsacr);

/* ---- gicv3_dist.c ---- */
extern const Reg gicv3_dist_regs[];

/* ---- gicv3_redist.c ---- */
extern const MmioOps gicv3_redist_ops;

/* ---- gicv3_lpi.c ---- */
void gicv3_lpi_reset(Gicv3Cpu *c);
void gicv3_lpi_enable(Gicv3Cpu *c, bool on);
/* Bits of INTIDs that the tables of a redistributor hold; 0: LPIs are off. */
unsigned gicv3_lpi_bits(const Gicv3Cpu *c);
void gicv3_lpi_set_pending(Gicv3Cpu *c, unsigned irq, bool pending);
bool gicv3_lpi_is_pending(const Gicv3Cpu *c, unsigned irq);
void gicv3_lpi_invalidate(Gicv3Cpu *c, unsigned irq);
void gicv3_lpi_invalidate_all(Gicv3 *s);
void gicv3_lpi_move_all(Gicv3Cpu *from, Gicv3Cpu *to);
void gicv3_lpi_find_best(Gicv3Cpu *c);
void gicv3_lpi_save(const Gicv3Cpu *c, GByteArray *out);
bool gicv3_lpi_load(Gicv3Cpu *c, const uint8_t *data, size_t len, GError **error);
/* DMA that never reaches a device: tables are in RAM, or the guest made a mistake. */
bool gicv3_dma(Device *dev, hwaddr at, void *buf, uint64_t len, bool write);

/* ---- gicv3_cpu.c ---- */
void gicv3_update_cpu(Gicv3Cpu *c);
void gicv3_cpu_reset(Gicv3Cpu *c);
void gicv3_cpu_loaded(Gicv3Cpu *c);
void gicv3_deactivate(Gicv3Cpu *c, unsigned irq);

/* ---- gicv3_sysreg.c ---- */
typedef enum Gicv3RegClass {
    GICV3_CLASS_G0, GICV3_CLASS_G1, GICV3_CLASS_COMMON, GICV3_CLASS_DIR, GICV3_CLASS_SGI,
    GICV3_CLASS_SRE, GICV3_CLASS_EL2, GICV3_CLASS_EL3,
} Gicv3RegClass;
/* A register; `arg` tells apart what shares functions (a group, a number). */
typedef uint64_t Gicv3Read(Gicv3Cpu *c, const ArmGicView *v, unsigned arg);
typedef void Gicv3Write(Gicv3Cpu *c, const ArmGicView *v, unsigned arg, uint64_t value);
typedef struct Gicv3SysReg {
    uint32_t sysreg;
    const char *name;
    Gicv3RegClass class;
    unsigned arg;
    Gicv3Read *read;
    Gicv3Write *write;
    /* The virtual register behind the same name, where there is one. */
    Gicv3Read *vread;
    Gicv3Write *vwrite;
} Gicv3SysReg;

/* Physical ones, of gicv3_cpu.c. */
Gicv3Read gicv3_read_iar, gicv3_read_hppir, gicv3_read_pmr, gicv3_read_rpr, gicv3_read_bpr0,
    gicv3_read_bpr1, gicv3_read_ctlr, gicv3_read_ctlr_el3, gicv3_read_igrpen0,
    gicv3_read_igrpen1, gicv3_read_igrpen1_el3, gicv3_read_apr;
Gicv3Write gicv3_write_eoir, gicv3_write_dir, gicv3_write_pmr, gicv3_write_bpr0,
    gicv3_write_bpr1, gicv3_write_ctlr, gicv3_write_ctlr_el3, gicv3_write_igrpen0,
    gicv3_write_igrpen1, gicv3_write_igrpen1_el3, gicv3_write_apr, gicv3_write_sgi;
/* Virtual ones and the hypervisor's, of gicv3_virt.c. */
Gicv3Read gicv3_read_viar, gicv3_read_vhppir, gicv3_read_vpmr, gicv3_read_vrpr, gicv3_read_vbpr0,
    gicv3_read_vbpr1, gicv3_read_vctlr, gicv3_read_vigrpen, gicv3_read_vapr, gicv3_read_hcr,
    gicv3_read_vtr, gicv3_read_vmcr, gicv3_read_misr, gicv3_read_eisr, gicv3_read_elrsr,
    gicv3_read_lr;
Gicv3Write gicv3_write_veoir, gicv3_write_vdir, gicv3_write_vpmr, gicv3_write_vbpr0,
    gicv3_write_vbpr1, gicv3_write_vctlr, gicv3_write_vigrpen, gicv3_write_vapr, gicv3_write_hcr,
    gicv3_write_vmcr, gicv3_write_lr;

/* ---- gicv3_info.c ---- */
void gicv3_info(void *dev, GString *out);

/* ---- gicv3_virt.c ---- */
void gicv3_update_virtual(Gicv3Cpu *c);
void gicv3_virt_reset(Gicv3Cpu *c);
void gicv3_virt_loaded(Gicv3Cpu *c);

enum { GICV3_HCR_TC = 1 << 10, GICV3_HCR_TALL0 = 1 << 11, GICV3_HCR_TALL1 = 1 << 12,
       GICV3_HCR_TDIR = 1 << 14 };

#endif
