/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V hart state. Privileged architecture 1.13 ("priv"), unprivileged ISA 20240411 ("unpriv").
 *
 * Not here yet, with room in the tables: V, H, AIA, scalar crypto; none is advertised.
 */
#ifndef TARGET_RISCV_CPU_H
#define TARGET_RISCV_CPU_H

#include "accel/cpu.h"
#include "accel/ir.h"
#include "accel/tlb.h"
#include "accel/translate.h"
#include "softmmu/run.h"
#include "target/riscv.h"
#include "util/bits.h"

enum { PRV_U = 0, PRV_S = 1, PRV_M = 3 };

/*
 * Extensions that a user can switch: X(member, "name" as in -cpu and (lower case) the ISA string,
 * default on in rv64). The ISA string is derived from this table, in its canonical order.
 */
#define RISCV_EXTENSIONS(X)                                                                    \
    X(m, "m", 1) X(a, "a", 1) X(f, "f", 1) X(d, "d", 1) X(c, "c", 1) X(s, "s", 1) X(u, "u", 1) \
    X(zicbom, "zicbom", 1) X(zicbop, "zicbop", 1) X(zicboz, "zicboz", 1)                       \
    X(zicntr, "zicntr", 1) X(zicond, "zicond", 1) X(zicsr, "zicsr", 1)                         \
    X(zifencei, "zifencei", 1) X(zihintpause, "zihintpause", 1) X(zihpm, "zihpm", 1)           \
    X(zacas, "zacas", 1) X(zawrs, "zawrs", 1) X(zfa, "zfa", 1) X(zfhmin, "zfhmin", 1)          \
    X(zba, "zba", 1) X(zbb, "zbb", 1) X(zbc, "zbc", 1) X(zbs, "zbs", 1)                        \
    X(sstc, "sstc", 1) X(svade, "svade", 0) X(svadu, "svadu", 1) X(svinval, "svinval", 1)      \
    X(svnapot, "svnapot", 1) X(svpbmt, "svpbmt", 1)

/* Translation mode word (Cpu.mode): all that decoding and IR may depend on. */
enum {
    MODE_PRIV = 3 << 0,     /* U, S, M */
    MODE_FS_SHIFT = 2,      /* mstatus.FS: 0 off, else initial/clean/dirty */
    MODE_FS = 3 << 2,
    MODE_FRM_SHIFT = 4,
    MODE_FRM = 7 << 4,
    MODE_ZKR_SHIFT = 8,     /* from here: room for V, H */
};

/* Access modes of TLB contexts. */
enum { RISCV_MMU_U, RISCV_MMU_S, RISCV_MMU_S_SUM, RISCV_MMU_BARE_S, RISCV_MMU_M, RISCV_N_MMU_IDX };

/*
 * CSR cells that generated code may read or write directly as slots: no side effects, all bits
 * kept as they are (WARL masks, where there are any, are applied by whoever writes).
 */
#define RISCV_CSR_CELLS(X)                                                                     \
    X(mscratch) X(mepc) X(mcause) X(mtval) X(mtvec) X(sscratch) X(sepc) X(scause) X(stval)     \
    X(stvec) X(mstatus) X(satp) X(medeleg) X(mideleg) X(mie) X(mcounteren) X(scounteren)       \
    X(menvcfg) X(senvcfg) X(mcountinhibit) X(stimecmp)

enum { RISCV_N_PMP = 16 };

/* [start, last] has the same PMP answer; entry is the one that matches, -1 for none (pmp.c). */
typedef struct PmpRange {
    uint64_t start, last;
    int8_t entry;
    uint8_t perm_su, perm_m; /* 1 << MmuAccess */
} PmpRange;

typedef struct RiscvCpu {
    Cpu cpu;
    uint64_t x[32];          /* x[0] stays 0 */
    uint64_t f[32];          /* NaN-boxed */
    uint64_t pc;
    uint64_t res_addr;       /* LR reservation: virtual address, or RES_NONE */
    uint32_t wfi_polls;      /* wfi that ended at once since it last slept or took an interrupt */
    uint64_t res_value;      /* what LR read (sign-extended as LR gave it) */
#define X(n) uint64_t n;
    RISCV_CSR_CELLS(X)
#undef X
    uint64_t mip;            /* any thread, __atomic: interrupt inputs as driven; Sstc's STIP */
    uint64_t mip_soft;       /* bits that CSR writes set; riscv_mip() has what the guest sees */
    uint64_t priv;
    uint64_t frm;            /* also Cpu.fp.rm and Cpu.mxcsr */
    uint64_t pmpaddr[RISCV_N_PMP];
    uint8_t pmpcfg[RISCV_N_PMP];
    /* Counter = clock + offset, or just offset while mcountinhibit stops it. */
    uint64_t mcycle_offset, minstret_offset;
    uint64_t mhartid;
    /* configuration */
    const struct RiscvModel *model;
    struct {
#define X(m, n, d) bool m;
        RISCV_EXTENSIONS(X)
#undef X
    } ext;
    uint8_t max_satp_mode;   /* 0 none, 8 Sv39, 9 Sv48, 10 Sv57 (-cpu sv39=on ...) */
    bool pmp;                /* the harts have PMP (pmp=on) */
    uint16_t cbom_blocksize, cboz_blocksize; /* bytes */
    uint64_t reset_vector;   /* of the board */
    /* derived, not saved */
    uint64_t mstatus_mask, sstatus_mask, epc_mask; /* writable bits */
    bool pmp_active;         /* any entry is on: else only M mode may access anything */
    uint8_t n_pmp_ranges, last_pmp_range;
    PmpRange pmp_ranges[2 * RISCV_N_PMP + 1]; /* ascending, all of the address space */
    uint8_t *pt_host;        /* page walks: RAM last used, valid while pt_version is current */
    uint64_t pt_start, pt_last, pt_ram_page; /* where a PTE may start; start > last: none */
    uint32_t pt_version;
    bool pt_writable;
    uint64_t (*read_time)(void *opaque); /* mtime, from the board's CLINT */
    void *time_opaque;
    uint32_t time_hz;
    Timer *stimer;           /* Sstc; changed with the main lock held */
    uint64_t instret_value, instret_expected; /* last read or written; csr.c */
    uint64_t stimer_armed;   /* mtime that stimer is set for, or UINT64_MAX; any thread */
} RiscvCpu;

#define RES_NONE UINT64_MAX

/* Slot numbers. x0 has none: read it as ir_const(0). */
enum {
    SLOT_X0 = 0, /* SLOT_X0 + n; slot 0 exists but is never written */
    SLOT_F0 = 32,
    SLOT_PC = 64,
    SLOT_PAGE,
    SLOT_RES_ADDR,
    SLOT_RES_VALUE,
    SLOT_PRIV,
    SLOT_MIP, SLOT_MIP_SOFT, /* read only, to see whether an interrupt may be pending */
#define X(n) SLOT_##n,
    RISCV_CSR_CELLS(X)
#undef X
    RISCV_N_SLOTS
};
extern const IrSlot riscv_slots[RISCV_N_SLOTS];

static inline RiscvCpu *riscv_cpu(Cpu *cpu)
{
    return (RiscvCpu *)cpu;
}

/* mstatus fields (priv 3.1.6) */
#define MSTATUS_SIE (1ULL << 1)
#define MSTATUS_MIE (1ULL << 3)
#define MSTATUS_SPIE (1ULL << 5)
#define MSTATUS_UBE (1ULL << 6)
#define MSTATUS_MPIE (1ULL << 7)
#define MSTATUS_SPP (1ULL << 8)
#define MSTATUS_VS (3ULL << 9)
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_MPP (3ULL << 11)
#define MSTATUS_FS_SHIFT 13
#define MSTATUS_FS (3ULL << 13)
#define MSTATUS_XS (3ULL << 15)
#define MSTATUS_MPRV (1ULL << 17)
#define MSTATUS_SUM (1ULL << 18)
#define MSTATUS_MXR (1ULL << 19)
#define MSTATUS_TVM (1ULL << 20)
#define MSTATUS_TW (1ULL << 21)
#define MSTATUS_TSR (1ULL << 22)
#define MSTATUS_UXL (3ULL << 32)
#define MSTATUS_SXL (3ULL << 34)
#define MSTATUS_SD (1ULL << 63) /* derived; never kept in the cell */

/* menvcfg and senvcfg fields (priv 3.1.18, 10.1.10) */
#define ENVCFG_FIOM (1ULL << 0)
#define ENVCFG_CBIE_SHIFT 4
#define ENVCFG_CBIE (3ULL << 4)
#define ENVCFG_CBCFE (1ULL << 6)
#define ENVCFG_CBZE (1ULL << 7)
#define ENVCFG_ADUE (1ULL << 61)
#define ENVCFG_PBMTE (1ULL << 62)
#define ENVCFG_STCE (1ULL << 63)

/* satp fields (priv 10.1.11) */
#define SATP_MODE_SHIFT 60
#define SATP_ASID_SHIFT 44
#define SATP_ASID (0xffffULL << 44)
#define SATP_PPN MASK(44)
enum { SATP_BARE = 0, SATP_SV39 = 8, SATP_SV48 = 9, SATP_SV57 = 10 };

/* Bits of mip and mie */
#define IP_SSIP (1ULL << 1)
#define IP_MSIP (1ULL << 3)
#define IP_STIP (1ULL << 5)
#define IP_MTIP (1ULL << 7)
#define IP_SEIP (1ULL << 9)
#define IP_MEIP (1ULL << 11)
#define IP_S (IP_SSIP | IP_STIP | IP_SEIP)
#define IP_M (IP_MSIP | IP_MTIP | IP_MEIP)
#define CAUSE_INTERRUPT (1ULL << 63)

/* Exception causes (priv table 14) */
enum {
    CAUSE_FETCH_MISALIGNED = 0, CAUSE_FETCH_ACCESS = 1, CAUSE_ILLEGAL = 2, CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4, CAUSE_LOAD_ACCESS = 5, CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7, CAUSE_ECALL_U = 8, CAUSE_ECALL_S = 9, CAUSE_ECALL_M = 11,
    CAUSE_FETCH_PAGE = 12, CAUSE_LOAD_PAGE = 13, CAUSE_STORE_PAGE = 15,
};

/* --- trap.c --- */
/* Bit of Cpu.interrupt_request: some interrupt may have to be taken. */
enum { RISCV_INTERRUPT_HARD = 1 };

/* Takes the trap now (CSRs, privilege, pc), with the pc slot at the instruction that traps. */
void riscv_trap(RiscvCpu *r, uint64_t cause, uint64_t tval);
/* The same, and leaves to the dispatcher. */
void riscv_raise(Cpu *cpu, uint64_t cause, uint64_t tval) G_GNUC_NORETURN;
/* Illegal instruction at the pc slot, with its bits in tval. */
void riscv_raise_illegal(RiscvCpu *r) G_GNUC_NORETURN;
/* mip as the guest reads it. Any thread. */
uint64_t riscv_mip(const RiscvCpu *r);
/* Something was enabled: makes this vCPU look soon if an interrupt can be taken now. */
void riscv_check_interrupts(RiscvCpu *r);
bool riscv_take_interrupt(Cpu *cpu);
void riscv_info_pic(Cpu *cpu, GString *out);
bool riscv_has_work(Cpu *cpu);
/* Would an interrupt be taken now? */
bool riscv_interrupt_ready(const RiscvCpu *r);
/* Recomputes Cpu.mode and the translation context from priv, mstatus, satp, frm. */
void riscv_update_mode(RiscvCpu *r);

/* --- mmu.c --- */
bool riscv_translate(Cpu *cpu, vaddr va, MmuAccess access, int mmu_idx, bool debug, MmuResult *res);
int riscv_fetch_mmu_idx(Cpu *cpu);
int riscv_data_mmu_idx(Cpu *cpu);
void riscv_raise_mmu_fault(Cpu *cpu, vaddr va, MmuAccess access, int mmu_idx,
                           const MmuResult *res) G_GNUC_NORETURN;
void riscv_raise_unaligned(Cpu *cpu, vaddr va, MmuAccess access) G_GNUC_NORETURN;
void riscv_raise_bus_error(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access,
                           MemResult why) G_GNUC_NORETURN;
/* Number of levels of a satp mode; 0: Bare or none. */
unsigned riscv_satp_levels(unsigned mode);
/* A PTE, for debuggers: no effects; false: not there. */
bool riscv_debug_read_pte(RiscvCpu *r, hwaddr pa, uint64_t *pte);

/* --- mmu_info.c --- */
void riscv_info_tlb(Cpu *cpu, GString *out);
void riscv_info_mem(Cpu *cpu, GString *out);
bool riscv_each_mapping(Cpu *cpu, CpuMappingFn *fn, void *opaque);

/* --- pmp.c --- */
/* PMP: may an access of this kind and privilege touch [pa, pa + len)? *page_uniform: the answer is
 * the same for the whole 4 KiB page. */
bool riscv_pmp_check(RiscvCpu *r, hwaddr pa, uint64_t len, MmuAccess access, int priv,
                     bool *page_uniform);
/* The range that holds pa. */
const PmpRange *riscv_pmp_range(RiscvCpu *r, hwaddr pa);
void riscv_pmp_write_cfg(RiscvCpu *r, unsigned first_entry, uint64_t eight);
void riscv_pmp_write_addr(RiscvCpu *r, unsigned entry, uint64_t value);
/* After pmpcfg and pmpaddr changed: ranges anew, TLBs flushed if anything is different. */
void riscv_pmp_update(RiscvCpu *r);

/* --- time.c --- */
uint64_t riscv_read_time(const RiscvCpu *r);   /* mtime; any thread */
uint64_t riscv_read_cycle(const RiscvCpu *r);
uint64_t riscv_read_instret(const RiscvCpu *r);
void riscv_write_cycle(RiscvCpu *r, uint64_t value);
void riscv_write_instret(RiscvCpu *r, uint64_t value);
void riscv_write_countinhibit(RiscvCpu *r, uint64_t value);
/* stimecmp was written, or mtime jumped. vCPU's own thread, or the main lock. */
void riscv_stimecmp_changed(RiscvCpu *r);
void riscv_time_init(RiscvCpu *r);

/* --- config.c: -cpu --- */
const char *riscv_model_name(unsigned i, const char **doc);
bool riscv_configure(Cpu *cpu, const char *text, GError **error);
uint64_t riscv_misa(const RiscvCpu *r);

/* --- gdb.c --- */
bool riscv_gdb_reg(Cpu *cpu, unsigned i, GdbReg *out);
void riscv_gdb_read(Cpu *cpu, unsigned num, uint8_t *bytes);
void riscv_core_regs(Cpu *cpu, GByteArray *general, GByteArray *fp);
void riscv_gdb_write(Cpu *cpu, unsigned num, const uint8_t *bytes);
bool riscv_debug_translate(Cpu *cpu, vaddr va, hwaddr *pa);
bool riscv_kernel_vectors(Cpu *cpu, vaddr *va);
bool riscv_kernel_base(Cpu *cpu, vaddr va, vaddr *base);

/* --- cpu.c --- */
extern const char *const riscv_x_names[32], *const riscv_f_names[32];
/* Everything under "derived", and TLBs, from the architectural state. */
void riscv_derive(RiscvCpu *r);
/* Rounding mode and all that is derived from fcsr.frm. */
void riscv_set_frm(RiscvCpu *r, unsigned frm);

/* --- csr.c: one table of all CSRs --- */
/* For translation: how may this CSR be accessed inline? */
typedef struct RiscvCsrInline {
    int read_slot;       /* slot whose value is the CSR, or -1: call the helper */
    uint64_t read_mask;  /* applied to the cell */
    int write_slot;      /* slot that takes the value, masked by write_mask; -1: helper */
    uint64_t write_mask; /* writable bits: cell = (cell & ~mask) | (value & mask) */
    /*
     * A write may change the mode word, translation, or FP state, or make an interrupt takable:
     * after the helper the block ends with exit_lookup (the helpers set exit_request themselves
     * where an interrupt waits).
     */
    bool ends_block;
} RiscvCsrInline;
/*
 * False: the access is illegal in this mode word for static reasons (no such CSR, privilege,
 * read-only): raise an illegal instruction. Dynamic checks (counteren, TVM, stimecmp enable) are
 * done by the helper.
 */
bool riscv_csr_inline(const RiscvCpu *r, uint32_t mode, unsigned csr, bool write,
                      RiscvCsrInline *how);
/* Helpers; they check dynamic conditions and raise. _rw returns the old value. Effects: all. */
extern const IrHelper riscv_helper_csr_read;  /* (csr) */
extern const IrHelper riscv_helper_csr_write; /* (csr, value) */
extern const IrHelper riscv_helper_csr_rw;    /* (csr, new, mask) -> old; csrrs/c pass mask */
/* fflags where FS is dirty; these do nothing but look at, or change, FP flags. */
extern const IrHelper riscv_helper_fflags, riscv_helper_set_fflags; /* (), (value) */

/* Name of a CSR ("mstatus", "pmpaddr3"), or NULL; static or per-thread text. */
const char *riscv_csr_name(unsigned csr);
/* For debuggers: value without privilege checks or effects; false: no such CSR in this hart. */
bool riscv_csr_peek(RiscvCpu *r, unsigned csr, uint64_t *value);
bool riscv_csr_exists(const RiscvCpu *r, unsigned csr);
/* As an instruction in M mode would write it; nothing where there is none, or it is read-only. */
void riscv_csr_poke(RiscvCpu *r, unsigned csr, uint64_t value);
bool riscv_csr_by_name(const char *name, unsigned *csr);
/* May the hart as it is now access the CSR? All static and dynamic conditions. */
bool riscv_csr_allowed(RiscvCpu *r, unsigned csr, bool write);

/* --- semihosting.c --- */
/* The EBREAK at pc as a call of semihosting: done, and pc behind it; false: it is none. */
bool riscv_semihosting_call(RiscvCpu *r);

/*
 * --- helpers.c: what is too big for IR ---
 * All that may fault want the pc slot at the current instruction, as engines see to. Helpers that
 * go on elsewhere (trap, mret, sret, wfi, wrs) set the pc slot themselves: exit_lookup follows,
 * and the translator does not write the pc slot before them.
 */
extern const IrHelper riscv_helper_raise;        /* (cause, tval): does not return */
/* (cause, tval): takes the trap and returns with pc, privilege and mode changed: ecall */
extern const IrHelper riscv_helper_trap;
extern const IrHelper riscv_helper_ebreak;       /* () the same, or a call of semihosting */
/* (next pc): interrupts may have been enabled; if one can be taken, leaves with pc = next */
extern const IrHelper riscv_helper_irq_poll;
extern const IrHelper riscv_helper_illegal;      /* (insn) */
extern const IrHelper riscv_helper_mret, riscv_helper_sret;
extern const IrHelper riscv_helper_wfi;          /* (next pc) halts if nothing pends; checks TW */
extern const IrHelper riscv_helper_wrs;          /* (next pc, timed): 0 wrs.nto, 1 wrs.sto */
extern const IrHelper riscv_helper_sfence_vma;   /* (va, asid, rs1 is x0 | rs2 is x0 << 1) */
extern const IrHelper riscv_helper_fence_i;
extern const IrHelper riscv_helper_cbo_zero;     /* (va) */
extern const IrHelper riscv_helper_cbo_check;    /* (va, kind 0 inval 1 clean 2 flush) */
extern const IrHelper riscv_helper_set_fs_dirty; /* () mstatus.FS = dirty, mode updated */
extern const IrHelper riscv_helper_cas128;       /* (va, rd, rs2) amocas.q; register numbers */

/* --- helpers_fp.c: results as NaN-boxed register images; rm as encoded in the instruction --- */
extern const IrHelper riscv_helper_fp_check_rm;  /* (insn): illegal if rm is DYN and frm > 4 */
/*
 * One helper per operation and format. Arguments, rm being 0..4 or 7 for the dynamic mode:
 *   fadd fsub fmul fdiv (a, b, rm)     fsqrt fround froundnx fcvt_* (a, rm)
 *   fmadd (a, b, c, rm | IR_FMA_NEG_*)   fmin fmax fminm fmaxm feq flt fle fltq fleq (a, b)
 *   fclass fcvtmod (a)
 * FP operands and results are 64-bit register images, integer results sign-extended from 32 bits.
 */
#define RISCV_FP_HELPERS(X)                                                                    \
    X(fadd_s) X(fsub_s) X(fmul_s) X(fdiv_s) X(fsqrt_s) X(fadd_d) X(fsub_d) X(fmul_d) X(fdiv_d) \
    X(fsqrt_d) X(fmadd_s) X(fmadd_d) X(fmin_s) X(fmax_s) X(fmin_d) X(fmax_d) X(fclass_s)       \
    X(fclass_d) X(fcvt_w_s) X(fcvt_wu_s) X(fcvt_l_s) X(fcvt_lu_s) X(fcvt_w_d) X(fcvt_wu_d)     \
    X(fcvt_l_d) X(fcvt_lu_d) X(fcvt_s_w) X(fcvt_s_wu) X(fcvt_s_l) X(fcvt_s_lu) X(fcvt_d_w)     \
    X(fcvt_d_wu) X(fcvt_d_l) X(fcvt_d_lu) X(fcvt_s_d) X(fcvt_d_s) X(fcvt_h_s) X(fcvt_s_h)      \
    X(fcvt_h_d) X(fcvt_d_h) X(fminm_s) X(fmaxm_s) X(fminm_d) X(fmaxm_d) X(fround_s)            \
    X(fround_d) X(froundnx_s) X(froundnx_d) X(fcvtmod_w_d) X(feq_s) X(flt_s) X(fle_s) X(feq_d) \
    X(flt_d) X(fle_d) X(fltq_s) X(fleq_s) X(fltq_d) X(fleq_d)
#define X(n) extern const IrHelper riscv_helper_##n;
RISCV_FP_HELPERS(X)
#undef X

/* --- disas.c --- */
size_t riscv_disas(GString *out, const uint8_t *code, size_t len, uint64_t pc);

/* --- isa.c (generated decoder) and trans_*.c --- */
void riscv_translate_insn(TransCtx *t);

#endif
