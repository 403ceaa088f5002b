/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A RISC-V hart for gdb: features and numbers as in "RISC-V Features" of gdb's manual, appendix G.
 * The CSRs are those of csr.c's table that the hart has.
 */
#include "target/riscv/cpu.h"

#include <string.h>

/* gdb's numbers. */
enum { NUM_PC = 32, NUM_F0 = 33, NUM_CSR0 = 65, NUM_PRIV = NUM_CSR0 + 4096 };
enum { CSR_FFLAGS = 1, CSR_FCSR = 3 };

/* --- the list --- */

/* What lldb wants to know of x0 to x31. */
static const char *const roles[32] = {
    [1] = "ra", "sp", [8] = "fp", [10] = "arg1", "arg2", "arg3", "arg4", "arg5", "arg6", "arg7", "arg8",
};

static bool describe_csr(unsigned csr, const char *feature, GdbReg *out)
{
    out->feature = feature;
    out->group = csr <= CSR_FCSR ? "float" : "system";
    out->num = (uint16_t)(NUM_CSR0 + csr);
    g_strlcpy(out->name, riscv_csr_name(csr), sizeof out->name);
    return true;
}

/* CSRs but those of the FPU, which the fpu feature has. */
static bool nth_csr(const RiscvCpu *r, unsigned i, GdbReg *out)
{
    static const RiscvCpu *of;
    static uint16_t list[4096];
    static unsigned n;

    if (of != r) {
        of = r;
        n = 0;
        for (unsigned csr = CSR_FCSR + 1; csr < 4096; csr++)
            if (riscv_csr_exists(r, csr))
                list[n++] = (uint16_t)csr;
    }
    if (i < n)
        return describe_csr(list[i], "org.gnu.gdb.riscv.csr", out);
    if (i > n)
        return false;
    out->feature = "org.gnu.gdb.riscv.virtual";
    out->num = NUM_PRIV;
    g_strlcpy(out->name, "priv", sizeof out->name);
    return true;
}

bool riscv_gdb_reg(Cpu *cpu, unsigned i, GdbReg *out)
{
    RiscvCpu *r = riscv_cpu(cpu);

    *out = (GdbReg){ .bits = 64 };
    if (i <= NUM_PC) {
        out->feature = "org.gnu.gdb.riscv.cpu";
        out->group = "general";
        out->num = (uint16_t)i;
        out->type = i == NUM_PC || i == 1 ? "code_ptr" : i >= 2 && i <= 4 ? "data_ptr" : "int";
        out->generic = i == NUM_PC ? "pc" : roles[i];
        out->dwarf = i == NUM_PC ? 0 : (uint16_t)(i + 1);
        g_strlcpy(out->name, i == NUM_PC ? "pc" : riscv_x_names[i], sizeof out->name);
        return true;
    }
    i -= NUM_F0;
    if (!r->ext.f)
        return nth_csr(r, i, out);
    if (i < 32) {
        out->feature = "org.gnu.gdb.riscv.fpu";
        out->group = "float";
        out->num = (uint16_t)(NUM_F0 + i);
        out->type = "ieee_double";
        out->dwarf = (uint16_t)(32 + i + 1);
        g_strlcpy(out->name, riscv_f_names[i], sizeof out->name);
        return true;
    }
    if (i < 32 + CSR_FCSR)
        return describe_csr(CSR_FFLAGS + i - 32, "org.gnu.gdb.riscv.fpu", out);
    return nth_csr(r, i - 32 - CSR_FCSR, out);
}

/* --- values --- */

void riscv_gdb_read(Cpu *cpu, unsigned num, uint8_t *bytes)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t v = 0;

    if (num < NUM_PC)
        v = r->x[num];
    else if (num == NUM_PC)
        v = r->pc;
    else if (num < NUM_CSR0)
        v = r->f[num - NUM_F0];
    else if (num == NUM_PRIV)
        v = r->priv;
    else
        riscv_csr_peek(r, num - NUM_CSR0, &v);
    store_le64(bytes, v);
}

void riscv_gdb_write(Cpu *cpu, unsigned num, const uint8_t *bytes)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t v = load_le64(bytes);

    if (num < NUM_PC) {
        r->x[num] = num ? v : 0;
    } else if (num == NUM_PC) {
        r->pc = v & r->epc_mask;
    } else if (num < NUM_CSR0) {
        r->f[num - NUM_F0] = v;
    } else if (num != NUM_PRIV) {
        riscv_csr_poke(r, num - NUM_CSR0, v);
    } else if (v == PRV_M || (v == PRV_S && r->ext.s) || (v == PRV_U && r->ext.u)) {
        r->priv = v;
        riscv_update_mode(r);
    }
}

/* As Linux' user_regs_struct (pc instead of x0) and __riscv_d_ext_state. */
void riscv_core_regs(Cpu *cpu, GByteArray *general, GByteArray *fp)
{
    RiscvCpu *r = riscv_cpu(cpu);
    uint64_t fcsr = 0;
    uint8_t b[8];

    for (unsigned i = 0; i < 32; i++) {
        store_le64(b, i ? r->x[i] : r->pc);
        g_byte_array_append(general, b, sizeof b);
    }
    if (!r->ext.f)
        return;
    for (unsigned i = 0; i < 32; i++) {
        store_le64(b, r->f[i]);
        g_byte_array_append(fp, b, sizeof b);
    }
    riscv_csr_peek(r, CSR_FCSR, &fcsr);
    store_le64(b, fcsr);
    g_byte_array_append(fp, b, sizeof b);
}

/* --- memory --- */

/* A debugger may see user pages from S mode, and the kernel's from U mode and from M mode. */
bool riscv_debug_translate(Cpu *cpu, vaddr va, hwaddr *pa)
{
    static const uint8_t modes[] = { RISCV_MMU_S_SUM, RISCV_MMU_U };
    int now = riscv_data_mmu_idx(cpu);

    if (now >= RISCV_MMU_BARE_S && !(va >> 63))
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(modes); i++) {
        for (MmuAccess access = MMU_READ; access <= MMU_EXEC; access++) {
            MmuResult res = { 0 };
            if (riscv_translate(cpu, va, access, modes[i], true, &res)) {
                *pa = (res.paddr & ~(hwaddr)0xfff) | (va & 0xfff);
                return true;
            }
        }
    }
    return false;
}

/* Before paging is on, Linux' address would be another one later. */
bool riscv_kernel_vectors(Cpu *cpu, vaddr *va)
{
    RiscvCpu *r = riscv_cpu(cpu);
    *va = r->stvec;
    return r->satp >> SATP_MODE_SHIFT && *va >> 63;
}

/*
 * Linux keeps the header of its image mapped at its start, which is aligned to 2 MiB ("Boot image
 * header in RISC-V Linux": RISCV at byte 48, RSC 5 at 56).
 */
bool riscv_kernel_base(Cpu *cpu, vaddr va, vaddr *base)
{
    enum { STEP_BITS = 21, MAX_STEPS = 128 };

    va = va >> STEP_BITS << STEP_BITS;
    for (unsigned i = 0; i < MAX_STEPS && va >> 63; i++, va -= 1ULL << STEP_BITS) {
        MmuResult res = { 0 };
        uint8_t header[64];
        if (riscv_translate(cpu, va, MMU_EXEC, RISCV_MMU_S, true, &res) &&
            address_space_read(cpu->as, res.paddr & ~(hwaddr)0xfff, header, sizeof header) ==
                MEM_OK &&
            !memcmp(header + 48, "RISCV\0\0\0", 8) && !memcmp(header + 56, "RSC\5", 4)) {
            *base = va;
            return true;
        }
    }
    return false;
}
