/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watching translation tables.
 *
 * A guest that tags its kernel's pages with an ASID (Linux on A64 with KPTI) would have its jump
 * caches private to each address space, and lose them whenever it flushes an ASID. But a flush has
 * no meaning for what was read from tables that have not been written since: so the pages of the
 * tables that kernel code was found through are watched, and as long as nobody stores to them all
 * address spaces with the same tables share jump caches.
 *
 * A page is marked (RAM_PAGE_TABLE), then the walk that found it is done again: it sees every store
 * that was not noticed, but for one of another vCPU that is just between the check of its TLB and
 * the store. So if another had a fast entry for the page, nothing is trusted until all of them have
 * come to a safe point.
 */
#include "accel/core/tcg.h"

_Atomic uint32_t tlb_table_version;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool unsettled; /* changes under the lock */
static bool waiting;           /* lock: others were asked to come to a safe point */

void tlb_table_written(void)
{
    atomic_fetch_add(&tlb_table_version, 1);
}

static bool others_are_safe(const Cpu *self)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        const TlbState *s = cpus[i]->tlb_state;
        if (cpus[i] != self && s && atomic_load(&s->remote_pending) &&
            atomic_load(&cpus[i]->in_exec))
            return false;
    }
    return true;
}

static void mark(Cpu *cpu, uint64_t page)
{
    static const TlbFlush nothing = { .regime = UINT32_MAX }; /* no context is of this kind */
    pthread_mutex_lock(&lock);
    atomic_store(&unsettled, true);
    atomic_fetch_or(&ram_page_flags[page], RAM_PAGE_TABLE);
    if (tlb_demote_page(page, cpu)) {
        tlb_flush_others(cpu, &nothing);
        waiting = true;
    }
    atomic_store(&unsettled, waiting);
    pthread_mutex_unlock(&lock);
}

static bool settle(Cpu *cpu)
{
    pthread_mutex_lock(&lock);
    if (others_are_safe(cpu))
        waiting = false;
    atomic_store(&unsettled, waiting);
    bool settled = !waiting;
    pthread_mutex_unlock(&lock);
    return settled;
}

TlbTables tlb_watch_tables(Cpu *cpu, const uint64_t *ram_page, unsigned n)
{
    bool new = false;
    for (unsigned i = 0; i < n; i++) {
        if (!(atomic_load(&ram_page_flags[ram_page[i]]) & RAM_PAGE_TABLE)) {
            mark(cpu, ram_page[i]);
            new = true;
        }
    }
    if (new)
        return TLB_TABLES_NEW;
    return atomic_load(&unsettled) && !settle(cpu) ? TLB_TABLES_UNSETTLED : TLB_TABLES_WATCHED;
}
