/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints and watchpoints of a debugger, for all CPUs alike.
 *
 * A breakpoint is a check in front of the code made from its address, so blocks with that address
 * in their midst are removed; the check itself looks whether the breakpoint is still there. To find
 * these blocks all must be looked at, some milliseconds. gdb takes its breakpoints away at each stop,
 * steps over the one that was hit, and sets them again: so checks go on being made where a breakpoint
 * has been, and only an address without them costs anything. A watchpoint takes its pages off the
 * TLB's fast path.
 */
#include "accel/accel.h"
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

/* Addresses that keep their check without a breakpoint; none with -icount, which has been tried with
 * checks at breakpoints only. */
enum { CHECKS_KEPT = 64 };

/* Where all code has a check: ascending, among them all breakpoints. Changed as those are. */
static GArray *checks;

static void set_addresses(GArray *to, const vaddr *at, unsigned n)
{
    g_array_set_size(to, 0);
    g_array_append_vals(to, at, n);
}

static int compare_addresses(const void *a, const void *b)
{
    vaddr x = *(const vaddr *)a, y = *(const vaddr *)b;
    return x < y ? -1 : x > y;
}

bool tcg_checks_at(uint64_t pc, uint32_t cflags)
{
    uint64_t mask = code_key_mask(cflags);
    if (G_LIKELY(!checks || !checks->len))
        return false;
    if (mask == UINT64_MAX)
        return g_array_binary_search(checks, &pc, compare_addresses, NULL);
    for (unsigned k = 0; k < checks->len; k++) {
        if (!((g_array_index(checks, vaddr, k) ^ pc) & mask))
            return true;
    }
    return false;
}

static void remove_code_at(const vaddr *at, unsigned n)
{
    Addresses a = { at, n };
    if (n)
        tcg_exclusive(NULL, remove_code, &a);
}

void cpus_set_breakpoints(const vaddr *at, unsigned n)
{
    if (!cpu_count)
        return;
    if (!checks)
        checks = g_array_new(false, false, sizeof(vaddr));
    GArray *fresh = g_array_new(false, false, sizeof(vaddr));
    for (unsigned i = 0; i < n; i++) {
        if (!g_array_binary_search(checks, &at[i], compare_addresses, NULL))
            g_array_append_val(fresh, at[i]);
    }
    for (unsigned i = 0; i < cpu_count; i++)
        set_addresses(cpus[i]->breakpoints, at, n);
    if (icount_enabled() || checks->len + fresh->len > n + CHECKS_KEPT) {
        set_addresses(checks, at, n);
    } else if (fresh->len) {
        g_array_append_vals(checks, fresh->data, fresh->len);
        g_array_sort(checks, compare_addresses);
    }
    remove_code_at((const vaddr *)(void *)fresh->data, fresh->len);
    g_array_free(fresh, true);
}

void cpus_forget_breakpoints(void)
{
    cpus_set_breakpoints(NULL, 0);
    if (!checks)
        return;
    GArray *old = checks;
    checks = NULL;
    remove_code_at((const vaddr *)(void *)old->data, old->len);
    g_array_free(old, true);
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
