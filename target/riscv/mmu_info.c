/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info mem and info tlb for RISC-V: the page tables that satp points at, as a list.
 *
 * Tables may be garbage, or point at themselves: the number of entries looked at is limited.
 */
#include "target/riscv/cpu.h"

#include <inttypes.h>

enum { MAX_PTES = 4 << 20, MAX_PTES_DUMP = 32 << 20, MAX_LINES = 100000 };

typedef struct Walk {
    RiscvCpu *r;
    GString *out;
    unsigned levels;
    bool merge;          /* neighbours with equal attributes in one line */
    CpuMappingFn *fn;    /* instead of lines */
    void *opaque;
    bool stop;
    uint64_t ptes, max_ptes, lines;
    /* the line that is being gathered; size 0: none */
    uint64_t va, pa, size;
    unsigned attr;
} Walk;

static void flush_line(Walk *w)
{
    static const char letters[] = "rwxugad";
    char attr[sizeof letters];

    if (!w->size)
        return;
    for (unsigned i = 0; letters[i]; i++)
        attr[i] = w->attr >> (i + 1) & 1 ? letters[i] : '-';
    attr[sizeof attr - 1] = 0;
    if (w->lines++ < MAX_LINES)
        g_string_append_printf(w->out, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n", w->va,
                               w->pa, w->size, attr);
    w->size = 0;
}

static void leaf(Walk *w, uint64_t va, uint64_t pa, uint64_t size, unsigned attr)
{
    if (w->fn) {
        w->stop = !w->fn(w->opaque, va, pa, size);
        return;
    }
    if (w->merge && w->size && w->attr == attr && w->va + w->size == va && w->pa + w->size == pa) {
        w->size += size;
        return;
    }
    flush_line(w);
    w->va = va;
    w->pa = pa;
    w->size = size;
    w->attr = attr;
}

static void table(Walk *w, uint64_t base, unsigned level, uint64_t va)
{
    unsigned shift = 12 + 9 * level;

    for (unsigned i = 0; i < 512; i++) {
        uint64_t pte, pa, here = va | (uint64_t)i << shift;
        if (w->stop || w->lines >= MAX_LINES || w->ptes++ >= w->max_ptes ||
            !riscv_debug_read_pte(w->r, base + i * 8, &pte))
            return;
        if (!(pte & 1))
            continue;
        pa = bits_get(pte, 10, 44) << 12;
        here = (uint64_t)sign_extend(here, 12 + 9 * w->levels);
        if (!(pte & 0xe)) {
            if (level)
                table(w, pa, level - 1, here);
            continue;
        }
        if (pte >> 63 && !level) /* Svnapot: this one's page of the 64 KiB */
            pa = (pa & ~MASK(16)) | (here & MASK(16));
        leaf(w, here, pa, 1ULL << shift, pte & 0xfe);
    }
}

static void print(Cpu *cpu, GString *out, bool merge)
{
    RiscvCpu *r = riscv_cpu(cpu);
    Walk w = { .r = r, .out = out, .merge = merge, .max_ptes = MAX_PTES };

    w.levels = riscv_satp_levels(r->satp >> SATP_MODE_SHIFT);
    if (!w.levels) {
        g_string_append(out, "No translation or protection\n");
        return;
    }
    g_string_append(out, "vaddr            paddr            size             attr\n"
                    "---------------- ---------------- ---------------- -------\n");
    table(&w, (r->satp & SATP_PPN) << 12, w.levels - 1, 0);
    flush_line(&w);
    if (w.ptes >= MAX_PTES || w.lines >= MAX_LINES)
        g_string_append(out, "(the rest is left out: these tables are too large or not sane)\n");
}

void riscv_info_mem(Cpu *cpu, GString *out)
{
    print(cpu, out, true);
}

void riscv_info_tlb(Cpu *cpu, GString *out)
{
    print(cpu, out, false);
}

bool riscv_each_mapping(Cpu *cpu, CpuMappingFn *fn, void *opaque)
{
    RiscvCpu *r = riscv_cpu(cpu);
    Walk w = { .r = r, .fn = fn, .opaque = opaque, .max_ptes = MAX_PTES_DUMP };

    w.levels = riscv_satp_levels(r->satp >> SATP_MODE_SHIFT);
    if (w.levels)
        table(&w, (r->satp & SATP_PPN) << 12, w.levels - 1, 0);
    return !w.stop && w.ptes < w.max_ptes;
}
