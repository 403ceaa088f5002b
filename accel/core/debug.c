/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints and watchpoints of a debugger, for all CPUs alike.
 *
 * A breakpoint is a check in front of the code made from its address, so blocks with that address
 * in their midst are removed; the check itself looks whether the breakpoint is still there. Thus
 * only new ones cost anything. A watchpoint takes its pages off the TLB's fast path.
 */
#include "accel/core/tcg.h"

typedef struct Addresses {
    const vaddr *at;
    unsigned n;
} Addresses;

static void remove_code(Cpu *cpu, void *arg)
{
    const Addresses *a = arg;
    code_lock();
    code_remove_at(a->at, a->n);
    code_unlock();
}

static bool is_set(const GArray *sorted, vaddr at)
{
    unsigned i;
    for (i = 0; i < sorted->len && g_array_index(sorted, vaddr, i) < at; i++)
        ;
    return i < sorted->len && g_array_index(sorted, vaddr, i) == at;
}

void cpus_set_breakpoints(const vaddr *at, unsigned n)
{
    if (!cpu_count)
        return;
    GArray *fresh = g_array_new(false, false, sizeof(vaddr));
    for (unsigned i = 0; i < n; i++) {
        if (!is_set(cpus[0]->breakpoints, at[i]))
            g_array_append_val(fresh, at[i]);
    }
    for (unsigned i = 0; i < cpu_count; i++) {
        g_array_set_size(cpus[i]->breakpoints, 0);
        g_array_append_vals(cpus[i]->breakpoints, at, n);
    }
    if (fresh->len) {
        Addresses a = { (const vaddr *)(void *)fresh->data, fresh->len };
        tcg_exclusive(NULL, remove_code, &a);
    }
    g_array_free(fresh, true);
}

static bool same_watchpoints(const CpuWatchpoint *old, unsigned n_old, const CpuWatchpoint *w,
                             unsigned n)
{
    if (n_old != n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        const CpuWatchpoint *o = &old[i];
        if (o->addr != w[i].addr || o->len != w[i].len || o->on_read != w[i].on_read ||
            o->on_write != w[i].on_write)
            return false;
    }
    return true;
}

void cpus_set_watchpoints(const CpuWatchpoint *w, unsigned n)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        Cpu *cpu = cpus[i];
        if (same_watchpoints((const CpuWatchpoint *)(void *)cpu->watchpoints->data,
                             cpu->watchpoints->len, w, n))
            continue;
        g_array_set_size(cpu->watchpoints, 0);
        g_array_append_vals(cpu->watchpoints, w, n);
        if (cpu->tlb_state) {
            cpu->tlb_state->watch_hit = false;
            tlb_flush_all(cpu);
        }
    }
}

void cpu_set_guest_watchpoints(Cpu *cpu, const CpuWatchpoint *w, unsigned n)
{
    if (same_watchpoints(cpu->guest_watch, cpu->n_guest_watch, w, n))
        return;
    g_free(cpu->guest_watch);
    cpu->guest_watch = n ? g_memdup2(w, n * sizeof *w) : NULL;
    cpu->n_guest_watch = n;
    if (cpu->tlb_state)
        tlb_flush_all(cpu);
}
