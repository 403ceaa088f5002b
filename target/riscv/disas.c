/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RISC-V disassembler: the instruction table read the other way round. Mnemonics are the table's
 * (no pseudo-instructions), operands as assemblers write them.
 */
#include <inttypes.h>
#include <string.h>

#include "riscv_decode.h"
#include "target/riscv/cpu.h"

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};
static const char *const f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3",
    "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10",
    "fs11", "ft8", "ft9", "ft10", "ft11",
};

/* The row of an instruction whatever extensions are on, or -1; later rows over earlier ones. */
static int find_row(uint32_t w, unsigned width)
{
    int found = -1;
    for (int i = 0; i < RISCV_N_INSNS; i++) {
        const RiscvEncoding *e = &riscv_encoding[i];
        if (e->width == width && (w & e->mask) == e->value &&
            (found < 0 || __builtin_popcount(e->mask) > __builtin_popcount(riscv_encoding[found].mask)))
            found = i;
    }
    return found;
}

static bool is_memory(const char *name)
{
    static const char *const prefixes[] = { "lb", "lh", "lw", "ld", "flh", "flw", "fld", "sb", "sh",
                                            "sw", "sd", "fsh", "fsw", "fsd", "c.l", "c.s", "c.fl",
                                            "c.fs", "cbo.", "prefetch." };
    if (!strcmp(name, "c.li") || !strcmp(name, "c.lui") || !strncmp(name, "c.sub", 5) ||
        !strncmp(name, "c.srl", 5) || !strncmp(name, "c.sra", 5) || !strncmp(name, "c.sll", 5) ||
        !strncmp(name, "sh1", 3) || !strncmp(name, "sh2", 3) || !strncmp(name, "sh3", 3))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

/* Is this operand of an instruction of F or D a floating-point register? */
static bool is_f(const char *name, const char *operand)
{
    const char *n = strncmp(name, "c.f", 3) ? name : name + 2;
    if (*n != 'f' || !strncmp(n, "fence", 5))
        return false;
    bool rd = !strcmp(operand, "rd"), rs1 = !strcmp(operand, "rs1");
    if (is_memory(name))
        return rd ? !rs1 : !strcmp(operand, "rs2");
    if (rd)
        return strncmp(n, "feq", 3) && strncmp(n, "flt", 3) && strncmp(n, "fle", 3) &&
               strncmp(n, "fclass", 6) && strncmp(n, "fcvt.w", 6) && strncmp(n, "fcvt.l", 6) &&
               strncmp(n, "fmv.x", 5) && strncmp(n, "fcvtmod", 7);
    if (rs1)
        return !g_str_has_suffix(n, ".w") && !g_str_has_suffix(n, ".wu") &&
               !g_str_has_suffix(n, ".l") && !g_str_has_suffix(n, ".lu") &&
               strncmp(n, "fmv.w.x", 7) && strncmp(n, "fmv.d.x", 7) && strncmp(n, "fmv.h.x", 7);
    return true;
}

static bool is_pc_relative(const char *name)
{
    return *name == 'b' ? !strchr(name, '.') && strlen(name) <= 4 && name[1] != 's' && name[1] != 'c' &&
                              name[1] != 'i' && name[1] != 'r'
                        : !strcmp(name, "jal") || !strcmp(name, "c.j") || !strncmp(name, "c.b", 3);
}

static void append_operand(GString *out, const char *name, const char *operand, int32_t v,
                           uint64_t pc)
{
    static const char *const rm[] = { "rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn" };
    if (!strcmp(operand, "rs1") && !strncmp(name, "csrr", 4) && g_str_has_suffix(name, "i"))
        g_string_append_printf(out, "%d", v);
    else if (operand[0] == 'r' && (operand[1] == 'd' || operand[1] == 's'))
        g_string_append(out, (is_f(name, operand) ? f_names : x_names)[v & 31]);
    else if (!strcmp(operand, "rm"))
        g_string_append(out, rm[v & 7]);
    else if (!strcmp(operand, "csr"))
        g_string_append_printf(out, "0x%x", (unsigned)v);
    else if (is_pc_relative(name))
        g_string_append_printf(out, "0x%" PRIx64, pc + (uint64_t)(int64_t)v);
    else if (!strcmp(name, "lui") || !strcmp(name, "auipc") || !strcmp(name, "c.lui"))
        g_string_append_printf(out, "0x%x", (uint32_t)v >> 12 & 0xfffff);
    else
        g_string_append_printf(out, "%d", v);
}

size_t riscv_disas(GString *out, const uint8_t *code, size_t len, uint64_t pc)
{
    unsigned size = len >= 2 && (code[0] & 3) == 3 ? 4 : 2;
    if (len < size)
        return 0;
    uint32_t w = size == 4 ? load_le32(code) : load_le16(code);
    int row = find_row(w, size * 8);
    if (row < 0)
        return 0;
    const char *name = riscv_insn_name[row];
    const RiscvEncoding *e = &riscv_encoding[row];
    char **operands = g_strsplit(e->operands, " ", -1);
    int32_t v[8] = { 0 };
    bool memory = is_memory(name), first = true;
    int base = -1;
    e->get(w, v);
    g_string_append_printf(out, "%-8s", name);
    if (operands[0] && *operands[0])
        g_string_append_c(out, ' ');
    for (int i = 0; operands[i] && *operands[i]; i++) {
        if (memory && !strcmp(operands[i], "rs1")) {
            base = v[i];
            continue;
        }
        /* Rounding as the mode says is what assemblers leave out; so are aq and rl here. */
        if ((!strcmp(operands[i], "rm") && v[i] == 7) || !strcmp(operands[i], "aq") ||
            !strcmp(operands[i], "rl"))
            continue;
        if (!first)
            g_string_append(out, ", ");
        append_operand(out, name, operands[i], v[i], pc);
        first = false;
    }
    if (base >= 0)
        g_string_append_printf(out, "(%s)", x_names[base & 31]);
    g_strfreev(operands);
    return size;
}
