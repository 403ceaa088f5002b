/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info mem and info tlb for A64: the stage 1 tables of the current regime, as a list. Letters: what
 * EL0 and the privileged level may do (rwx each), global, Device.
 *
 * Tables may be garbage, or point at themselves: the number of descriptors looked at is limited.
 */
#include "target/arm/cpu.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_DESCRIPTORS = 4 << 20, MAX_DESCRIPTORS_DUMP = 32 << 20, MAX_LINES = 100000 };

typedef struct Walk {
    ArmCpu *a;
    const ArmRegime *rg;
    const ArmRange *r;
    GString *out;
    bool merge;          /* neighbours with equal attributes in one line */
    CpuMappingFn *fn;    /* instead of lines */
    void *opaque;
    bool stop;
    uint64_t descriptors, max_descriptors, lines;
    /* the line that is being gathered; size 0: none */
    uint64_t va, pa, size;
    char attr[16];
} Walk;

static void flush_line(Walk *w)
{
    if (!w->size)
        return;
    if (w->lines++ < MAX_LINES)
        g_string_append_printf(w->out, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n", w->va,
                               w->pa, w->size, w->attr);
    w->size = 0;
}

static void leaf(Walk *w, uint64_t va, uint64_t size)
{
    ArmAsk priv = { .access = MMU_READ, .debug = true }, user = { .el0 = true, .debug = true };
    ArmXlat p, u;
    char attr[sizeof w->attr];

    /* What the walk makes of it, stage 2 included, is what is true. */
    if (!arm_walk(w->a, w->rg, va, &priv, &p))
        return;
    if (w->fn) {
        w->stop = !w->fn(w->opaque, va, p.pa, size);
        return;
    }
    if (!arm_walk(w->a, w->rg, va, &user, &u))
        u = (ArmXlat){ 0 }; /* TCR_ELx.E0PD */
    g_snprintf(attr, sizeof attr, "%c%c%c %c%c%c %c%c", w->rg->two_ranges && u.r ? 'r' : '-',
               w->rg->two_ranges && u.w ? 'w' : '-', w->rg->two_ranges && u.x ? 'x' : '-',
               p.r ? 'r' : '-', p.w ? 'w' : '-', p.x ? 'x' : '-', p.global ? 'g' : '-',
               arm_attr_is_device(p.mem.attr) ? 'd' : '-');
    if (w->merge && w->size && !strcmp(w->attr, attr) && w->va + w->size == va &&
        w->pa + w->size == (p.pa & ~HWADDR_SECURE)) {
        w->size += size;
        return;
    }
    flush_line(w);
    w->va = va;
    w->pa = p.pa & ~HWADDR_SECURE;
    w->size = size;
    memcpy(w->attr, attr, sizeof attr);
}

static void table(Walk *w, uint64_t base, int level, unsigned bits, uint64_t va)
{
    unsigned shift = w->r->granule + (unsigned)(w->r->granule - 3) * (unsigned)(3 - level);

    for (uint64_t i = 0; i < 1ULL << bits; i++) {
        uint64_t d, here = va | i << shift;
        if (w->stop || w->lines >= MAX_LINES || w->descriptors++ >= w->max_descriptors ||
            !arm_debug_read_descriptor(w->a, w->rg, base + i * 8, &d))
            return;
        if (!(d & 1))
            continue;
        if (level < 3 && d & 2)
            table(w, arm_descriptor_address(w->r, d), level + 1, w->r->granule - 3u, here);
        else
            leaf(w, here, 1ULL << shift);
    }
}

/* False: there are no tables. */
static bool walk(Walk *w)
{
    ArmCpu *a = w->a;
    uint32_t which = arm_current_regime(a);
    ArmRegimeRegs regs = arm_regime_regs(a, which);
    ArmRegime rg;
    unsigned el = (which & REGIME_KIND) == REGIME_EL10 ? 1
                  : (which & REGIME_KIND) == REGIME_EL3 ? 3 : 2;

    arm_regime_parse(a, &regs, &rg);
    if (!rg.stage1)
        return false;
    w->rg = &rg;
    for (unsigned i = 0; i < (rg.two_ranges ? 2 : 1); i++) {
        unsigned shift;
        w->r = &rg.range[i];
        if (w->r->faults)
            continue;
        shift = w->r->granule + (unsigned)(w->r->granule - 3) * (unsigned)(3 - w->r->start);
        table(w, arm_table_base(w->r, i ? a->ttbr1[el] : a->ttbr0[el], shift),
              w->r->start, w->r->ia_bits - shift, i ? ~0ULL << w->r->ia_bits : 0);
        flush_line(w);
    }
    w->rg = NULL;
    return true;
}

static void print(Cpu *cpu, GString *out, bool merge)
{
    Walk w = { .a = arm_cpu(cpu), .out = out, .merge = merge, .max_descriptors = MAX_DESCRIPTORS };
    gsize start = out->len;

    g_string_append(out, "vaddr            paddr            size             EL0 priv\n"
                    "---------------- ---------------- ---------------- --- --- --\n");
    if (!walk(&w)) {
        g_string_truncate(out, start);
        g_string_append(out, "No translation or protection\n");
    }
    if (w.descriptors >= MAX_DESCRIPTORS || w.lines >= MAX_LINES)
        g_string_append(out, "(the rest is left out: these tables are too large or not sane)\n");
}

bool arm_each_mapping(Cpu *cpu, CpuMappingFn *fn, void *opaque)
{
    Walk w = { .a = arm_cpu(cpu), .fn = fn, .opaque = opaque,
               .max_descriptors = MAX_DESCRIPTORS_DUMP };

    walk(&w);
    return !w.stop && w.descriptors < w.max_descriptors;
}

void arm_info_mem(Cpu *cpu, GString *out)
{
    print(cpu, out, true);
}

void arm_info_tlb(Cpu *cpu, GString *out)
{
    print(cpu, out, false);
}
