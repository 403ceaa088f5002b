/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RISC-V hart as a target: reset, saved state, register dumps, and the table that the rest of
 * the program knows it by. Privileged architecture 1.13, unprivileged ISA 20240411, RV64.
 */
#include "target/riscv/cpu.h"

#include <inttypes.h>
#include <string.h>

#include "accel/fp.h"
#include "util/error.h"

const char *const riscv_x_names[32] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6",
};
const char *const riscv_f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2",
    "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9",
    "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

/* --- what boards set --- */

void riscv_cpu_set_hartid(Cpu *cpu, uint64_t hartid)
{
    riscv_cpu(cpu)->mhartid = hartid;
}

void riscv_cpu_set_reset_vector(Cpu *cpu, uint64_t pc)
{
    riscv_cpu(cpu)->reset_vector = pc;
}

/* --- life --- */

void riscv_derive(RiscvCpu *r)
{
    bool s = r->ext.s, u = r->ext.u;

    r->x[0] = 0;
    r->epc_mask = r->ext.c ? ~1ULL : ~3ULL;
    r->sstatus_mask = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR |
                      (r->ext.f ? MSTATUS_FS : 0);
    r->mstatus_mask = MSTATUS_MIE | MSTATUS_MPIE | (r->ext.f ? MSTATUS_FS : 0) |
                      (s ? r->sstatus_mask | MSTATUS_TVM | MSTATUS_TSR : 0) |
                      (u ? MSTATUS_MPP | MSTATUS_MPRV | MSTATUS_TW : 0);
    r->pt_start = 1; /* none */
    r->pt_last = 0;
    riscv_pmp_update(r);
    cpu_fp_update(&r->cpu);
    riscv_set_frm(r, (unsigned)r->frm);
    tlb_flush_all(&r->cpu);
    riscv_update_mode(r);
}

static void riscv_init(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);

    r->mhartid = cpu->index;
    riscv_time_init(r);
}

/* Priv 3.4; what that leaves open is zero. The wires into the hart keep their levels. */
static void riscv_reset(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);

    memset(r->x, 0, sizeof r->x);
    memset(r->f, 0, sizeof r->f);
    r->pc = r->reset_vector;
    r->res_addr = RES_NONE;
    r->res_value = 0;
#define X(n) r->n = 0;
    RISCV_CSR_CELLS(X)
#undef X
    r->priv = PRV_M;
    r->mstatus = (r->ext.u ? 2ULL << 32 : 0) | (r->ext.s ? 2ULL << 34 : 0);
    if (!r->ext.u)
        r->mstatus |= MSTATUS_MPP;
    /*
     * Firmware that is older than these leaves menvcfg alone; kernels then rely on what the device
     * tree promises: Svpbmt usable, and hardware A/D updates if Svadu alone is listed.
     */
    r->menvcfg = (r->ext.svpbmt ? ENVCFG_PBMTE : 0) |
                 (r->ext.svadu && !r->ext.svade ? ENVCFG_ADUE : 0);
    __atomic_store_n(&r->stimecmp, UINT64_MAX, __ATOMIC_SEQ_CST);
    r->mip_soft = 0;
    __atomic_fetch_and(&r->mip, ~IP_STIP, __ATOMIC_SEQ_CST);
    r->frm = 0;
    memset(r->pmpaddr, 0, sizeof r->pmpaddr);
    memset(r->pmpcfg, 0, sizeof r->pmpcfg);
    r->mcycle_offset = r->minstret_offset = 0;
    cpu->halted = false;
    cpu->fp = fp_status_riscv(FP_RNE);
    cpu_fp_set_flags(cpu, 0);
    riscv_derive(r);
}

/* Values that no hart can have must not survive a doctored snapshot. */
static void riscv_loaded(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    unsigned mode = r->satp >> SATP_MODE_SHIFT;

    if (r->priv > PRV_M || r->priv == 2 || (r->priv == PRV_S && !r->ext.s) ||
        (r->priv == PRV_U && !r->ext.u))
        r->priv = PRV_M;
    if (mode && (mode < SATP_SV39 || mode > r->max_satp_mode))
        r->satp = 0;
    if (bits_get(r->mstatus, MSTATUS_MPP_SHIFT, 2) == 2)
        r->mstatus &= ~MSTATUS_MPP;
    for (unsigned i = 0; i < RISCV_N_PMP; i++)
        r->pmpaddr[i] &= MASK(54);
    riscv_derive(r);
    riscv_cpu_time_changed(cpu);
    cpu_interrupt(cpu, RISCV_INTERRUPT_HARD);
}

static void save_fflags(const void *obj, GByteArray *out)
{
    uint8_t flags = cpu_fp_flags(&((const RiscvCpu *)obj)->cpu) & FP_FLAGS_RISCV;
    g_byte_array_append(out, &flags, 1);
}

static bool load_fflags(void *obj, const uint8_t *data, size_t len, GError **error)
{
    if (len != 1 || data[0] & ~FP_FLAGS_RISCV)
        return error_set(error, "RISC-V hart: fflags in the snapshot are damaged");
    cpu_fp_set_flags(&((RiscvCpu *)obj)->cpu, data[0]);
    return true;
}

static const StateField riscv_state[] = {
    STATE_ARRAY(RiscvCpu, x),
    STATE_ARRAY(RiscvCpu, f),
    STATE(RiscvCpu, pc),
    STATE(RiscvCpu, res_addr),
    STATE(RiscvCpu, res_value),
#define X(n) STATE(RiscvCpu, n),
    RISCV_CSR_CELLS(X)
#undef X
    STATE(RiscvCpu, mip),
    STATE(RiscvCpu, mip_soft),
    STATE(RiscvCpu, priv),
    STATE(RiscvCpu, frm),
    { .name = "fflags", .type = STATE_CUSTOM, .count = 1, .save = save_fflags,
      .load = load_fflags },
    STATE_ARRAY(RiscvCpu, pmpaddr),
    STATE_ARRAY(RiscvCpu, pmpcfg),
    STATE(RiscvCpu, mcycle_offset),
    STATE(RiscvCpu, minstret_offset),
    STATE(RiscvCpu, mhartid),
    STATE(RiscvCpu, cpu.halted),
    { .type = STATE_END },
};

static uint64_t riscv_get_pc(Cpu *cpu)
{
    return riscv_cpu(cpu)->pc;
}

static void riscv_set_pc(Cpu *cpu, uint64_t pc)
{
    riscv_cpu(cpu)->pc = pc;
}

/* --- registers for people: the form of QEMU's info registers --- */

static void dump_bank(GString *out, const uint64_t *regs, char letter, const char *const *names)
{
    for (unsigned i = 0; i < 32; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "%c%u/%s", letter, i, names[i]);
        g_string_append_printf(out, " %-8s %016" PRIx64 "%s", name, regs[i],
                               i % 4 == 3 ? "\n" : "");
    }
}

static void riscv_dump(Cpu *cpu, GString *out)
{
    static const char *const shown[] = {
        "mhartid", "mstatus", "mip", "mie", "mideleg", "medeleg", "mtvec", "stvec", "mepc", "sepc",
        "mcause", "scause", "mtval", "stval", "mscratch", "sscratch", "satp",
    };
    RiscvCpu *r = riscv_cpu(cpu);

    g_string_append_printf(out, " %-8s %016" PRIx64 "\n", "pc", r->pc);
    for (unsigned i = 0; i < ARRAY_LEN(shown); i++) {
        uint64_t v;
        unsigned n;
        if (riscv_csr_by_name(shown[i], &n) && riscv_csr_peek(r, n, &v))
            g_string_append_printf(out, " %-8s %016" PRIx64 "\n", shown[i], v);
    }
    dump_bank(out, r->x, 'x', riscv_x_names);
    if (r->ext.f)
        dump_bank(out, r->f, 'f', riscv_f_names);
}

/* "x7", "f31": the number, or -1. */
static int numbered(const char *name, char letter)
{
    guint64 n;

    if (name[0] != letter || !g_ascii_string_to_unsigned(name + 1, 10, 0, 31, &n, NULL))
        return -1;
    return (int)n;
}

static bool riscv_reg_by_name(Cpu *cpu, const char *name, uint64_t *value)
{
    RiscvCpu *r = riscv_cpu(cpu);
    int n;
    unsigned csr;

    if (*name == '$')
        name++;
    if (!strcmp(name, "pc"))
        *value = r->pc;
    else if (!strcmp(name, "priv"))
        *value = r->priv;
    else if (!strcmp(name, "fp"))
        *value = r->x[8];
    else if ((n = numbered(name, 'x')) >= 0)
        *value = r->x[n];
    else if ((n = numbered(name, 'f')) >= 0)
        *value = r->f[n];
    else if (riscv_csr_by_name(name, &csr))
        return riscv_csr_peek(r, csr, value);
    else {
        for (unsigned i = 0; i < 32; i++)
            if (!strcmp(name, riscv_x_names[i]) || !strcmp(name, riscv_f_names[i])) {
                *value = strcmp(name, riscv_x_names[i]) ? r->f[i] : r->x[i];
                return true;
            }
        return false;
    }
    return true;
}

static const TargetOps riscv64_target = {
    .name = "riscv64",
    .cpu_size = sizeof(RiscvCpu),
    .slots = riscv_slots,
    .n_slots = RISCV_N_SLOTS,
    .pc_slot = SLOT_PC,
    .page_slot = SLOT_PAGE,
    .user_mask = MODE_PRIV,
    .user_mode = PRV_U,
    .n_mmu_idx = RISCV_N_MMU_IDX,
    .max_insn_len = 4,
    .state = riscv_state,
    .state_version = 1,
    .model = riscv_model_name,
    .configure = riscv_configure,
    .init = riscv_init,
    .reset = riscv_reset,
    .loaded = riscv_loaded,
    .get_pc = riscv_get_pc,
    .set_pc = riscv_set_pc,
    .translate_insn = riscv_translate_insn,
    .translate = riscv_translate,
    .raise_mmu_fault = riscv_raise_mmu_fault,
    .raise_unaligned = riscv_raise_unaligned,
    .raise_bus_error = riscv_raise_bus_error,
    .fetch_mmu_idx = riscv_fetch_mmu_idx,
    .data_mmu_idx = riscv_data_mmu_idx,
    .has_work = riscv_has_work,
    .take_interrupt = riscv_take_interrupt,
    .dump = riscv_dump,
    .info_pic = riscv_info_pic,
    .info_tlb = riscv_info_tlb,
    .info_mem = riscv_info_mem,
    .reg_by_name = riscv_reg_by_name,
    .disas = riscv_disas,
    .disas_unit = 2,
    .gdb_arch = "riscv:rv64",
    .elf_machine = 243, .elf_flags = 1,
    .watch_before = true,
    .gdb_reg = riscv_gdb_reg,
    .core_regs = riscv_core_regs, .each_mapping = riscv_each_mapping,
    .gdb_read = riscv_gdb_read,
    .gdb_write = riscv_gdb_write,
    .debug_translate = riscv_debug_translate,
    .kernel_vectors = riscv_kernel_vectors,
    .kernel_base = riscv_kernel_base,
};
TARGET_REGISTER(riscv64_target)
