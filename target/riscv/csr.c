/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V control and status registers (priv 1.13 chapters 2, 3 and 10, unpriv "Zicsr", "F",
 * "Zicntr", "Zihpm"; Sstc).
 *
 * One row per register, or range of registers, says all there is: number (which implies privilege
 * and read-only), when it exists, when an access is allowed, the cell behind it, its WARL mask, and
 * functions where a cell and a mask are not enough.
 *
 * Left out: debug registers, hypervisor, state enable, AIA, mseccfg: accesses are illegal
 * instructions, which is how software finds out. Event counters 3 to 31 read as zero. There are no
 * triggers: their registers say so to software that looks for some (RISC-V debug 1.0, 5.1).
 */
#include "target/riscv/cpu.h"

#include <stdio.h>
#include <string.h>

#include "accel/fp.h"

typedef struct Csr Csr;
struct Csr {
    uint16_t num, count;     /* count: of a range; 0 is 1 */
    int16_t slot;            /* SLOT_* of the cell; 0: none (x0 is no CSR) */
    uint16_t offset;         /* of the cell in RiscvCpu */
    const char *name;        /* of a range: printf format for the index */
    unsigned first;          /* index of the first one of a range, for the name */
    uint64_t mask;           /* bits of the cell that can be written */
    bool (*exists)(const RiscvCpu *r);                   /* NULL: always */
    bool (*allowed)(RiscvCpu *r, unsigned num, bool write); /* besides privilege; NULL: yes */
    uint64_t (*read)(RiscvCpu *r, unsigned num);         /* NULL: the cell, or 0 without one */
    /* Bits of value where mask is set are written, the others keep their value. NULL: the cell,
     * or ignored without one. */
    void (*write)(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask);
    /* A write may change what ends_block (target/riscv/cpu.h) is about. */
    bool ends;
    bool m_plain;            /* `allowed` has nothing to say in M mode */
};

enum { CSR_FFLAGS = 1, CSR_FRM = 2, CSR_FCSR = 3, CSR_MIP = 0x344, CSR_SIP = 0x144 };

#define SIP_WRITABLE IP_SSIP
#define ENVCFG_CB (ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE)

/* --- when a register exists --- */

static bool has_s(const RiscvCpu *r) { return r->ext.s; }
static bool has_u(const RiscvCpu *r) { return r->ext.u; }
static bool has_f(const RiscvCpu *r) { return r->ext.f; }
static bool has_zicntr(const RiscvCpu *r) { return r->ext.zicntr; }
static bool has_zihpm(const RiscvCpu *r) { return r->ext.zihpm; }
static bool has_sstc(const RiscvCpu *r) { return r->ext.sstc && r->ext.s; }
static bool has_pmp(const RiscvCpu *r) { return r->pmp; }

/* --- when an access is allowed, as things are --- */

static bool allow_fp(RiscvCpu *r, unsigned num, bool write)
{
    return r->mstatus & MSTATUS_FS;
}

/* mcounteren for all below M, scounteren for U as well (priv 3.1.11, 10.1.5). */
static bool counter_enabled(const RiscvCpu *r, unsigned n)
{
    if (r->priv == PRV_M)
        return true;
    if (!(r->mcounteren >> n & 1))
        return false;
    return r->priv == PRV_S || !r->ext.s || r->scounteren >> n & 1;
}

static bool allow_counter(RiscvCpu *r, unsigned num, bool write)
{
    return counter_enabled(r, num & 31);
}

static bool allow_satp(RiscvCpu *r, unsigned num, bool write)
{
    return r->priv == PRV_M || !(r->mstatus & MSTATUS_TVM);
}

/* Sstc: from S mode mcounteren.TM and menvcfg.STCE both. */
static bool allow_stimecmp(RiscvCpu *r, unsigned num, bool write)
{
    return r->priv == PRV_M || (r->mcounteren & 2 && r->menvcfg & ENVCFG_STCE);
}

/* --- floating point --- */

void riscv_set_frm(RiscvCpu *r, unsigned frm)
{
    r->frm = frm & 7;
    /* With a reserved value no instruction gets as far as rounding. */
    cpu_fp_set_rounding(&r->cpu, r->frm <= FP_RMM ? (unsigned)r->frm : FP_RNE);
}

static uint64_t read_fcsr(RiscvCpu *r, unsigned num)
{
    unsigned flags = num == CSR_FRM ? 0 : cpu_fp_flags(&r->cpu) & FP_FLAGS_RISCV;
    uint64_t frm = num == CSR_FFLAGS ? 0 : r->frm;

    return num == CSR_FRM ? frm : frm << 5 | flags;
}

static void write_fcsr(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    value = (read_fcsr(r, num) & ~mask) | (value & mask);
    r->mstatus |= MSTATUS_FS;
    if (num != CSR_FRM)
        cpu_fp_set_flags(&r->cpu, value & FP_FLAGS_RISCV);
    if (num != CSR_FFLAGS)
        riscv_set_frm(r, num == CSR_FRM ? value & 7 : value >> 5 & 7);
    riscv_update_mode(r);
}

/* --- counters --- */

static uint64_t read_cycle(RiscvCpu *r, unsigned num) { return riscv_read_cycle(r); }
static uint64_t read_time(RiscvCpu *r, unsigned num) { return riscv_read_time(r); }

static void write_mcycle(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    riscv_write_cycle(r, mask == UINT64_MAX ? value
                                            : (riscv_read_cycle(r) & ~mask) | (value & mask));
}

/*
 * The instruction after a write reads what was written, however long the two took (priv 3.1.10).
 * instret_expected is one more than the address of that instruction; 0: there was no write.
 */
static uint64_t read_instret(RiscvCpu *r, unsigned num)
{
    if (r->instret_expected == r->pc + 1)
        riscv_write_instret(r, r->instret_value);
    else
        r->instret_value = riscv_read_instret(r);
    r->instret_expected = 0;
    return r->instret_value;
}

/* Bits are set or cleared in the value that was read just before. */
static void write_minstret(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    r->instret_value = (r->instret_value & ~mask) | (value & mask);
    riscv_write_instret(r, r->instret_value);
    r->instret_expected = r->pc + 4 + 1;
}

static void write_mcountinhibit(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    riscv_write_countinhibit(r, (r->mcountinhibit & ~mask) | (value & mask));
}

static void write_stimecmp(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    value = (r->stimecmp & ~mask) | (value & mask);
    __atomic_store_n(&r->stimecmp, value, __ATOMIC_SEQ_CST);
    riscv_stimecmp_changed(r);
}

/* --- status --- */

static uint64_t read_mstatus(RiscvCpu *r, unsigned num)
{
    return r->mstatus | ((r->mstatus & MSTATUS_FS) == MSTATUS_FS ? MSTATUS_SD : 0);
}

static uint64_t read_sstatus(RiscvCpu *r, unsigned num)
{
    return read_mstatus(r, num) & (r->sstatus_mask | MSTATUS_UXL | MSTATUS_SD);
}

static void change_status(RiscvCpu *r, uint64_t value, uint64_t mask)
{
    uint64_t old = r->mstatus, new = (old & ~mask) | (value & mask), changed;
    unsigned mpp = bits_get(new, MSTATUS_MPP_SHIFT, 2);

    if (mpp == 2 || (mpp == PRV_S && !r->ext.s) || (mpp == PRV_U && !r->ext.u))
        new = (new & ~MSTATUS_MPP) | (old & MSTATUS_MPP);
    changed = old ^ new;
    r->mstatus = new;
    if (changed & (MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_MPRV) ||
        (changed & MSTATUS_MPP && new & MSTATUS_MPRV))
        riscv_update_mode(r);
    if (changed & new & (MSTATUS_SIE | MSTATUS_MIE))
        riscv_check_interrupts(r);
}

static void write_mstatus(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    change_status(r, value, mask & r->mstatus_mask);
}

static void write_sstatus(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    change_status(r, value, mask & r->sstatus_mask);
}

static uint64_t read_misa(RiscvCpu *r, unsigned num)
{
    return riscv_misa(r);
}

/* Type 0 alone: no trigger at this tselect. */
static uint64_t read_tinfo(RiscvCpu *r, unsigned num)
{
    return 1;
}

/* --- interrupts --- */

static uint64_t mie_mask(const RiscvCpu *r)
{
    return IP_M | (r->ext.s ? IP_S : 0);
}

static void change_mie(RiscvCpu *r, uint64_t value, uint64_t mask)
{
    value = (r->mie & ~mask) | (value & mask);
    __atomic_store_n(&r->mie, value, __ATOMIC_RELAXED);
    riscv_check_interrupts(r);
}

static void write_mie(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    change_mie(r, value, mask & mie_mask(r));
}

static uint64_t read_sie(RiscvCpu *r, unsigned num)
{
    return r->mie & r->mideleg;
}

static void write_sie(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    change_mie(r, value, mask & r->mideleg);
}

static uint64_t read_mip(RiscvCpu *r, unsigned num)
{
    return num == CSR_SIP ? riscv_mip(r) & r->mideleg : riscv_mip(r);
}

/*
 * Only the bits that software owns. For SEIP csrrs and csrrc modify the software bit, whatever the
 * line from the controller says (priv 3.1.9); so the mask, not the old value, decides.
 */
static void write_mip(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    if (num == CSR_SIP)
        mask &= SIP_WRITABLE & r->mideleg;
    else
        mask &= r->ext.s ? IP_S & ~(r->menvcfg & ENVCFG_STCE ? IP_STIP : 0) : 0;
    value = (r->mip_soft & ~mask) | (value & mask);
    __atomic_store_n(&r->mip_soft, value, __ATOMIC_RELAXED);
    riscv_check_interrupts(r);
}

static void write_mideleg(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    mask &= IP_S;
    r->mideleg = (r->mideleg & ~mask) | (value & mask);
    riscv_check_interrupts(r);
}

/* --- translation and environment --- */

static void write_satp(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    unsigned mode;

    value = (r->satp & ~mask) | (value & mask);
    mode = value >> SATP_MODE_SHIFT;
    /* An unsupported mode: nothing of the write takes effect (priv 10.1.11). */
    if (value == r->satp || (mode && (mode < SATP_SV39 || mode > r->max_satp_mode)))
        return;
    r->satp = value;
    riscv_update_mode(r);
}

/* CBIE = 2 is reserved. */
static uint64_t legal_envcfg(uint64_t old, uint64_t value, uint64_t mask)
{
    uint64_t new = (old & ~mask) | (value & mask);

    if (bits_get(new, ENVCFG_CBIE_SHIFT, 2) == 2)
        new = (new & ~ENVCFG_CBIE) | (old & ENVCFG_CBIE);
    return new;
}

static uint64_t envcfg_mask(const RiscvCpu *r)
{
    return (r->ext.s ? ENVCFG_FIOM : 0) | (r->ext.zicboz ? ENVCFG_CBZE : 0) |
           (r->ext.zicbom ? ENVCFG_CBIE | ENVCFG_CBCFE : 0);
}

static void write_menvcfg(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    uint64_t old = r->menvcfg, changed;

    mask &= envcfg_mask(r) | (has_sstc(r) ? ENVCFG_STCE : 0) |
            (r->ext.svpbmt ? ENVCFG_PBMTE : 0) | (r->ext.svadu ? ENVCFG_ADUE : 0);
    changed = old ^ legal_envcfg(old, value, mask);
    __atomic_store_n(&r->menvcfg, old ^ changed, __ATOMIC_SEQ_CST);
    if (changed & (ENVCFG_PBMTE | ENVCFG_ADUE))
        tlb_flush_all(&r->cpu);
    if (changed & ENVCFG_STCE) {
        riscv_stimecmp_changed(r);
        riscv_check_interrupts(r);
    }
}

static void write_senvcfg(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    r->senvcfg = legal_envcfg(r->senvcfg, value, mask & envcfg_mask(r));
}

/* --- PMP --- */

enum { CSR_PMPCFG0 = 0x3a0, CSR_PMPADDR0 = 0x3b0 };

/* Odd ones belong to RV32. */
static bool allow_pmpcfg(RiscvCpu *r, unsigned num, bool write)
{
    return !(num & 1);
}

static uint64_t read_pmpcfg(RiscvCpu *r, unsigned num)
{
    return load_le64(&r->pmpcfg[(num - CSR_PMPCFG0) / 2 * 8]);
}

static void write_pmpcfg(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    value = (read_pmpcfg(r, num) & ~mask) | (value & mask);
    riscv_pmp_write_cfg(r, (num - CSR_PMPCFG0) / 2 * 8, value);
}

static uint64_t read_pmpaddr(RiscvCpu *r, unsigned num)
{
    return r->pmpaddr[num - CSR_PMPADDR0];
}

static void write_pmpaddr(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    unsigned n = num - CSR_PMPADDR0;
    riscv_pmp_write_addr(r, n, (r->pmpaddr[n] & ~mask) | (value & mask));
}

/* --- exception program counters: IALIGN may keep bit 1 clear --- */

static void write_epc(RiscvCpu *r, unsigned num, uint64_t value, uint64_t mask)
{
    uint64_t *cell = num == 0x341 ? &r->mepc : &r->sepc;
    *cell = ((*cell & ~mask) | (value & mask)) & r->epc_mask;
}

/* --- the table --- */

#define CELL(c) .slot = SLOT_##c, .offset = offsetof(RiscvCpu, c)

static const Csr csrs[] = {
    { 0, .count = 1 }, /* csr_row's "none" */
    /* U */
    { 0x001, .name = "fflags", .exists = has_f, .allowed = allow_fp, .read = read_fcsr,
      .write = write_fcsr, .ends = true },
    { 0x002, .name = "frm", .exists = has_f, .allowed = allow_fp, .read = read_fcsr,
      .write = write_fcsr, .ends = true },
    { 0x003, .name = "fcsr", .exists = has_f, .allowed = allow_fp, .read = read_fcsr,
      .write = write_fcsr, .ends = true },
    { 0xc00, .name = "cycle", .exists = has_zicntr, .allowed = allow_counter, .read = read_cycle },
    { 0xc01, .name = "time", .exists = has_zicntr, .allowed = allow_counter, .read = read_time },
    { 0xc02, .name = "instret", .exists = has_zicntr, .allowed = allow_counter,
      .read = read_instret },
    { 0xc03, 29, .name = "hpmcounter%u", .first = 3, .exists = has_zihpm,
      .allowed = allow_counter },
    /* S */
    { 0x100, .name = "sstatus", .exists = has_s, .read = read_sstatus, .write = write_sstatus,
      .ends = true },
    { 0x104, .name = "sie", .exists = has_s, .read = read_sie, .write = write_sie, .ends = true },
    { 0x105, .name = "stvec", .exists = has_s, CELL(stvec), .mask = ~2ULL },
    { 0x106, .name = "scounteren", .exists = has_s, CELL(scounteren), .mask = UINT32_MAX },
    { 0x10a, .name = "senvcfg", .exists = has_s, CELL(senvcfg), .write = write_senvcfg },
    { 0x140, .name = "sscratch", .exists = has_s, CELL(sscratch), .mask = UINT64_MAX },
    { 0x141, .name = "sepc", .exists = has_s, CELL(sepc), .mask = ~1ULL, .write = write_epc },
    { 0x142, .name = "scause", .exists = has_s, CELL(scause), .mask = UINT64_MAX },
    { 0x143, .name = "stval", .exists = has_s, CELL(stval), .mask = UINT64_MAX },
    { 0x144, .name = "sip", .exists = has_s, .read = read_mip, .write = write_mip, .ends = true },
    { 0x14d, .name = "stimecmp", .exists = has_sstc, .allowed = allow_stimecmp, CELL(stimecmp),
      .write = write_stimecmp, .ends = true, .m_plain = true },
    { 0x180, .name = "satp", .exists = has_s, .allowed = allow_satp, CELL(satp),
      .write = write_satp, .ends = true, .m_plain = true },
    /* M */
    { 0xf11, .name = "mvendorid" },
    { 0xf12, .name = "marchid" },
    { 0xf13, .name = "mimpid" },
    { 0xf14, .name = "mhartid", .offset = offsetof(RiscvCpu, mhartid) },
    { 0xf15, .name = "mconfigptr" },
    { 0x300, .name = "mstatus", .offset = offsetof(RiscvCpu, mstatus), .read = read_mstatus,
      .write = write_mstatus, .ends = true },
    { 0x301, .name = "misa", .read = read_misa },
    { 0x302, .name = "medeleg", .exists = has_s, CELL(medeleg), .mask = 0xb3ff },
    { 0x303, .name = "mideleg", .exists = has_s, CELL(mideleg), .write = write_mideleg,
      .ends = true },
    { 0x304, .name = "mie", CELL(mie), .write = write_mie, .ends = true },
    { 0x305, .name = "mtvec", CELL(mtvec), .mask = ~2ULL },
    { 0x306, .name = "mcounteren", .exists = has_u, CELL(mcounteren), .mask = UINT32_MAX },
    { 0x30a, .name = "menvcfg", .exists = has_u, CELL(menvcfg), .write = write_menvcfg,
      .ends = true },
    { 0x320, .name = "mcountinhibit", CELL(mcountinhibit), .write = write_mcountinhibit },
    { 0x323, 29, .name = "mhpmevent%u", .first = 3 },
    { 0x340, .name = "mscratch", CELL(mscratch), .mask = UINT64_MAX },
    { 0x341, .name = "mepc", CELL(mepc), .mask = ~1ULL, .write = write_epc },
    { 0x342, .name = "mcause", CELL(mcause), .mask = UINT64_MAX },
    { 0x343, .name = "mtval", CELL(mtval), .mask = UINT64_MAX },
    { 0x344, .name = "mip", .read = read_mip, .write = write_mip, .ends = true },
    { 0x3a0, 4, .name = "pmpcfg%u", .exists = has_pmp, .allowed = allow_pmpcfg,
      .read = read_pmpcfg, .write = write_pmpcfg, .ends = true },
    { 0x3b0, RISCV_N_PMP, .name = "pmpaddr%u", .exists = has_pmp, .read = read_pmpaddr,
      .write = write_pmpaddr, .ends = true },
    { 0x7a0, .name = "tselect" },
    { 0x7a1, 3, .name = "tdata%u", .first = 1 },
    { 0x7a4, .name = "tinfo", .read = read_tinfo },
    { 0xb00, .name = "mcycle", .read = read_cycle, .write = write_mcycle },
    { 0xb02, .name = "minstret", .read = read_instret, .write = write_minstret },
    { 0xb03, 29, .name = "mhpmcounter%u", .first = 3 },
};

static uint8_t csr_row[4096]; /* number -> row; 0: none */

static void __attribute__((constructor)) build_rows(void)
{
    for (unsigned i = 1; i < ARRAY_LEN(csrs); i++)
        for (unsigned k = 0; k < MAX(csrs[i].count, 1u); k++)
            csr_row[csrs[i].num + k] = (uint8_t)i;
}

static const Csr *csr_find(const RiscvCpu *r, unsigned num)
{
    const Csr *c = &csrs[csr_row[num & 4095]];

    if (c == csrs || (c->exists && !c->exists(r)))
        return NULL;
    return c;
}

static inline bool csr_read_only(unsigned num)
{
    return num >> 10 == 3;
}

static inline uint64_t *csr_cell(RiscvCpu *r, const Csr *c)
{
    return (uint64_t *)(void *)((char *)r + c->offset);
}

static inline uint64_t csr_value(RiscvCpu *r, const Csr *c, unsigned num)
{
    if (c->read)
        return c->read(r, num);
    return c->offset ? *csr_cell(r, c) : 0;
}

static inline void csr_change(RiscvCpu *r, const Csr *c, unsigned num, uint64_t value,
                              uint64_t mask)
{
    if (c->write) {
        c->write(r, num, value, mask);
    } else if (c->offset) {
        uint64_t *cell = csr_cell(r, c);
        mask &= c->mask;
        *cell = (*cell & ~mask) | (value & mask);
    }
}

/* --- for translation --- */

bool riscv_csr_inline(const RiscvCpu *r, uint32_t mode, unsigned num, bool write,
                      RiscvCsrInline *how)
{
    const Csr *c = csr_find(r, num);
    unsigned priv = mode & MODE_PRIV;
    bool plain;

    *how = (RiscvCsrInline){ .read_slot = -1, .write_slot = -1 };
    if (!c || priv < (num >> 8 & 3) || (write && csr_read_only(num)) ||
        (c->allowed == allow_fp && !(mode & MODE_FS)) ||
        (c->allowed == allow_pmpcfg && num & 1))
        return false;
    plain = c->slot && (!c->allowed || (c->m_plain && priv == PRV_M));
    if (plain && !c->read) {
        how->read_slot = c->slot;
        how->read_mask = UINT64_MAX;
    }
    if (plain && (!c->write || c->write == write_epc)) {
        how->write_slot = c->slot;
        how->write_mask = c->write == write_epc ? r->epc_mask : c->mask;
    }
    how->ends_block = write && c->ends;
    return true;
}

bool riscv_csr_allowed(RiscvCpu *r, unsigned num, bool write)
{
    const Csr *c = csr_find(r, num);

    return c && r->priv >= (num >> 8 & 3) && !(write && csr_read_only(num)) &&
           (!c->allowed || c->allowed(r, num, write));
}

static inline const Csr *csr_access(RiscvCpu *r, unsigned num, bool write)
{
    if (G_UNLIKELY(!riscv_csr_allowed(r, num, write)))
        riscv_raise_illegal(r);
    return &csrs[csr_row[num & 4095]];
}

static uint64_t helper_read(Cpu *cpu, uint64_t num)
{
    RiscvCpu *r = riscv_cpu(cpu);
    return csr_value(r, csr_access(r, num & 4095, false), num & 4095);
}

static uint64_t helper_write(Cpu *cpu, uint64_t num, uint64_t value)
{
    RiscvCpu *r = riscv_cpu(cpu);
    csr_change(r, csr_access(r, num & 4095, true), num & 4095, value, UINT64_MAX);
    return 0;
}

static uint64_t helper_rw(Cpu *cpu, uint64_t num, uint64_t value, uint64_t mask)
{
    RiscvCpu *r = riscv_cpu(cpu);
    const Csr *c = csr_access(r, num & 4095, true);
    uint64_t old = csr_value(r, c, num & 4095);

    csr_change(r, c, num & 4095, value, mask);
    return old;
}

/*
 * Compilers put a read and a write of fflags around comparisons that must stay quiet. Access was
 * checked when this was translated, and with FS dirty nothing but the flags changes.
 */
static uint64_t helper_fflags(Cpu *cpu)
{
    return cpu_fp_flags(cpu) & FP_FLAGS_RISCV;
}

static uint64_t helper_set_fflags(Cpu *cpu, uint64_t value)
{
    cpu_fp_set_flags(cpu, value & FP_FLAGS_RISCV);
    return 0;
}

const IrHelper riscv_helper_fflags = { "fflags", helper_fflags, 0, true, IR_FP };
const IrHelper riscv_helper_set_fflags = { "set_fflags", helper_set_fflags, 1, false, IR_FP };

enum { EFFECTS = IR_READS | IR_WRITES | IR_FAULTS | IR_FLUSHES | IR_FP };
const IrHelper riscv_helper_csr_read = { "csr_read", helper_read, 1, true, EFFECTS };
const IrHelper riscv_helper_csr_write = { "csr_write", helper_write, 2, false, EFFECTS };
const IrHelper riscv_helper_csr_rw = { "csr_rw", helper_rw, 3, true, EFFECTS };

/* --- for debuggers --- */

const char *riscv_csr_name(unsigned num)
{
    static __thread char buf[24];
    const Csr *c = &csrs[csr_row[num & 4095]];

    if (c == csrs)
        return NULL;
    if (c->count <= 1)
        return c->name;
    /* The format is one of the table's own. */
    const char *percent = strchr(c->name, '%');
    snprintf(buf, sizeof buf, "%.*s%u", (int)(percent - c->name), c->name,
             c->first + (num - c->num));
    return buf;
}

bool riscv_csr_by_name(const char *name, unsigned *num)
{
    for (unsigned i = 0; i < 4096; i++) {
        const char *n = csr_row[i] ? riscv_csr_name(i) : NULL;
        if (n && !strcmp(n, name)) {
            *num = i;
            return true;
        }
    }
    return false;
}

bool riscv_csr_exists(const RiscvCpu *r, unsigned num)
{
    const Csr *c = csr_find(r, num);

    return c && !(c->allowed == allow_pmpcfg && num & 1);
}

void riscv_csr_poke(RiscvCpu *r, unsigned num, uint64_t value)
{
    const Csr *c = csr_find(r, num);

    if (c && !csr_read_only(num))
        csr_change(r, c, num, value, UINT64_MAX);
}

bool riscv_csr_peek(RiscvCpu *r, unsigned num, uint64_t *value)
{
    const Csr *c = csr_find(r, num);

    if (!c || (c->allowed == allow_pmpcfg && num & 1))
        return false;
    *value = csr_value(r, c, num);
    return true;
}
