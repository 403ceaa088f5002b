/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine in XML for gdb (gdb manual, appendix G: target descriptions; E.7 to E.14: threads
 * and memory map): registers from the target's table, memory from the address space.
 *
 * gdb takes what the memory map leaves out for inaccessible, and its addresses are virtual. So all
 * of the address space is "ram", but for the ROM that the machine starts from.
 */
#include "monitor/gdb/gdb_int.h"

#include <string.h>

/* ---- registers ---- */

const GArray *gdb_registers(void)
{
    static GArray *regs;
    if (!regs) {
        regs = g_array_new(FALSE, FALSE, sizeof(GdbReg));
        GdbReg r;
        for (unsigned i = 0; cpus[0]->target->gdb_reg(cpus[0], i, &r); i++)
            g_array_append_val(regs, r);
    }
    return regs;
}

const GdbReg *gdb_register(unsigned num)
{
    const GArray *regs = gdb_registers();
    for (unsigned i = 0; i < regs->len; i++) {
        const GdbReg *r = &g_array_index(regs, GdbReg, i);
        if (r->num == num)
            return r;
    }
    return NULL;
}

char *gdb_target_xml(void)
{
    const GArray *regs = gdb_registers();
    const TargetOps *t = cpus[0]->target;
    const char *feature = NULL;
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM "
                              "\"gdb-target.dtd\">\n<target version=\"1.0\">\n");
    g_string_append_printf(s, "<architecture>%s</architecture>\n", t->gdb_arch);
    for (unsigned i = 0; i < regs->len; i++) {
        const GdbReg *r = &g_array_index(regs, GdbReg, i);
        if (!feature || strcmp(feature, r->feature)) {
            g_string_append_printf(s, "%s<feature name=\"%s\">\n", feature ? "</feature>\n" : "",
                                   r->feature);
            feature = r->feature;
            const char *types = t->gdb_types ? t->gdb_types(feature) : NULL;
            g_string_append(s, types ? types : "");
        }
        g_string_append_printf(s, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\"", r->name,
                               r->bits, r->num);
        if (r->type)
            g_string_append_printf(s, " type=\"%s\"", r->type);
        if (r->group)
            g_string_append_printf(s, " group=\"%s\"", r->group);
        if (gdb.lldb && r->generic)
            g_string_append_printf(s, " generic=\"%s\"", r->generic);
        if (gdb.lldb && r->dwarf)
            g_string_append_printf(s, " dwarf_regnum=\"%u\" ehframe_regnum=\"%u\"", r->dwarf - 1U,
                                   r->dwarf - 1U);
        g_string_append(s, "/>\n");
    }
    g_string_append_printf(s, "%s</target>\n", feature ? "</feature>\n" : "");
    return g_string_free(s, FALSE);
}

/* ---- threads ---- */

void gdb_put_cpu_state(GString *out, const Cpu *cpu)
{
    g_string_append_printf(out, "CPU#%u [%s]", cpu->index, cpu->halted ? "halted" : "running");
}

char *gdb_threads_xml(void)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n<threads>\n");
    for (unsigned i = 0; i < cpu_count; i++) {
        g_string_append(s, "<thread id=\"");
        gdb_put_thread(s, cpus[i]);
        g_string_append_printf(s, "\" core=\"%u\">", i);
        gdb_put_cpu_state(s, cpus[i]);
        g_string_append(s, "</thread>\n");
    }
    g_string_append(s, "</threads>\n");
    return g_string_free(s, FALSE);
}

/* ---- memory ---- */

static void put_memory(GString *s, const char *type, uint64_t start, uint64_t last)
{
    /* Pieces of at most half of all, so that each length fits. */
    while (last - start >= 1ULL << 63) {
        put_memory(s, type, start, start + (1ULL << 63) - 1);
        start += 1ULL << 63;
    }
    g_string_append_printf(s, "<memory type=\"%s\" start=\"0x%" G_GINT64_MODIFIER "x\" length=\"0x%"
                           G_GINT64_MODIFIER "x\"/>\n", type, start, last - start + 1);
}

char *gdb_memory_map_xml(void)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC "
                              "\"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
                              "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n");
    uint64_t ram = 0; /* all is written up to here */
    for (uint64_t at = 0;; at++) {
        MemorySection sec = memory_section_lookup(address_space_memory, at);
        bool rom = sec.region && sec.region->kind == MEMORY_ROM;
        if ((rom || sec.last == UINT64_MAX) && (at > ram || !rom))
            put_memory(s, "ram", ram, rom ? at - 1 : UINT64_MAX);
        if (rom) {
            put_memory(s, "rom", at, sec.last);
            ram = sec.last + 1;
        }
        at = sec.last;
        if (at == UINT64_MAX)
            break;
    }
    g_string_append(s, "</memory-map>\n");
    return g_string_free(s, FALSE);
}
