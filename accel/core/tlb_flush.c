/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flushing the software TLB, and asking other vCPUs for it.
 *
 * Addresses are compared without their top byte: targets may ignore it, and entries are then made
 * for each value of it. Where it does matter, an entry more goes.
 *
 * Other vCPUs: a request is put into their list; they do it when they next enter generated code,
 * at the latest. Who waits for it (tlb_flush_wait) waits for those only that are between
 * cpu_exec_start and _end: one that is outside looks at its list before it translates anything.
 */
#include "accel/core/tcg.h"

#include <sched.h>

#include "util/bits.h"

#define VA_MASK (MASK(56) & TLB_PAGE_MASK)
enum { PAGES_ONE_BY_ONE = 32 };

/* Takes non-global entries out. */
static void table_flush_local(TlbTable *t)
{
    if (!t->n_global) {
        tlb_table_reset(t);
        return;
    }
    tlb_second_drop(t);
    unsigned n = t->n_filled <= TLB_TRACKED ? t->n_filled : TLB_SIZE;
    for (unsigned k = 0; k < n; k++) {
        unsigned i = n == TLB_SIZE ? k : t->filled[k];
        if (t->info[i].va != TLB_EMPTY && !t->info[i].global)
            tlb_entry_clear(t, i);
    }
}

static bool same_page(const TlbInfo *info, vaddr page)
{
    return info->va != TLB_EMPTY &&
           (info->page_bits >= 64 || ((info->va ^ page) & VA_MASK) >> info->page_bits == 0);
}

/*
 * All entries that were made from a page with a part in [va, va + size), or global ones only. True:
 * the range is in large pages that code may have been fetched from.
 */
static bool table_flush_range(TlbTable *t, vaddr va, uint64_t size, bool only_global)
{
    if (!t->n_filled)
        return false;
    vaddr first = va & VA_MASK, last = (va + size - 1) & VA_MASK;
    bool large = tlb_large_touches(&t->large, first, last), wide = size > 1ULL << TLB_PAGE_BITS;
    bool few = size <= (uint64_t)PAGES_ONE_BY_ONE << TLB_PAGE_BITS;
    if (few && !large)
        tlb_second_flush_pages(t, first, last);
    else
        tlb_second_drop(t);
    if (only_global && !t->n_global) /* of the code that came from some, entries may be left */
        return large && tlb_large_touches(&t->large_x, first, last);
    if (!large && few) {
        for (vaddr page = first;; page += 1ULL << TLB_PAGE_BITS) {
            unsigned i = tlb_index(page);
            const TlbInfo *info = &t->info[i];
            if (info->va != TLB_EMPTY && !((info->va ^ page) & VA_MASK) &&
                (info->global || !only_global))
                tlb_entry_clear(t, i);
            if (page >= last)
                return false;
        }
    }
    unsigned n = t->n_filled <= TLB_TRACKED ? t->n_filled : TLB_SIZE;
    for (unsigned k = 0; k < n; k++) {
        unsigned i = n == TLB_SIZE ? k : t->filled[k];
        const TlbInfo *info = &t->info[i];
        if (info->va == TLB_EMPTY || (only_global && !info->global))
            continue;
        vaddr at = info->va & VA_MASK;
        if (same_page(info, first) || (wide && (same_page(info, last) ||
                                                (at >= first && at <= last))))
            tlb_entry_clear(t, i);
    }
    return large && tlb_large_touches(&t->large_x, first, last);
}

/* Global code mappings are the caller's to flush. */
static void context_flush(TlbContext *c, bool keep_global)
{
    for (unsigned i = 0; i < TLB_MAX_MMU_IDX; i++) {
        TlbTable *t = atomic_load_explicit(&c->table[i], memory_order_relaxed);
        if (t && keep_global)
            table_flush_local(t);
        else if (t)
            tlb_table_reset(t);
    }
    code_contexts_flush(c);
}

/* True: all code mappings may be affected, global ones too. */
static bool context_flush_page(TlbContext *c, vaddr page)
{
    bool large = false;
    for (unsigned i = 0; i < TLB_MAX_MMU_IDX; i++) {
        TlbTable *t = atomic_load_explicit(&c->table[i], memory_order_relaxed);
        if (t)
            large |= table_flush_range(t, page, 1ULL << TLB_PAGE_BITS, false);
    }
    if (large)
        code_contexts_flush(c);
    else
        code_contexts_flush_page(c, page);
    return large;
}

#define FOR_EACH_CONTEXT(cpu, c)                                                               \
    for (unsigned n_ = 0; n_ < TLB_MAX_CONTEXTS; n_++)                                         \
        for (TlbContext *c = atomic_load_explicit(&(cpu)->tlb_state->ctx[n_],                  \
                                                  memory_order_relaxed); c; c = NULL)

void tlb_flush_all(Cpu *cpu)
{
    if (!cpu->tlb_state)
        return;
    FOR_EACH_CONTEXT(cpu, c)
        context_flush(c, false);
    code_contexts_flush_global(cpu->tlb_state);
    cpu->tlb_state->stats.flushes++;
}

void tlb_flush_asid(Cpu *cpu, uint32_t asid)
{
    if (!cpu->tlb_state)
        return;
    FOR_EACH_CONTEXT(cpu, c)
        if (c->key.asid == asid)
            context_flush(c, true);
    code_contexts_check_tables(cpu->tlb_state);
    cpu->tlb_state->stats.flushes++;
}

void tlb_flush_regime(Cpu *cpu, uint32_t regime)
{
    if (!cpu->tlb_state)
        return;
    FOR_EACH_CONTEXT(cpu, c)
        if (c->key.regime == regime)
            context_flush(c, false);
    code_contexts_flush_global(cpu->tlb_state);
    cpu->tlb_state->stats.flushes++;
}

void tlb_flush_page(Cpu *cpu, vaddr va)
{
    bool large = false;
    if (!cpu->tlb_state)
        return;
    FOR_EACH_CONTEXT(cpu, c)
        large |= context_flush_page(c, va & TLB_PAGE_MASK);
    if (large)
        code_contexts_flush_global(cpu->tlb_state);
    else
        code_contexts_flush_global_page(cpu->tlb_state, va & TLB_PAGE_MASK);
    cpu->tlb_state->stats.page_flushes++;
}

/* A global entry of the context may go as well: nothing says that it must stay. */
void tlb_flush_page_asid(Cpu *cpu, vaddr va, uint32_t asid)
{
    if (!cpu->tlb_state)
        return;
    FOR_EACH_CONTEXT(cpu, c)
        if (c->key.asid == asid)
            context_flush_page(c, va & TLB_PAGE_MASK);
    cpu->tlb_state->stats.page_flushes++;
}

/* ---- in general ---- */

static bool context_matches(const TlbContext *c, const TlbFlush *f)
{
    return (c->key.regime & f->regime_mask) == f->regime && (f->any_vmid || c->key.vmid == f->vmid);
}

static void flush_code_range(TlbContext *c, const TlbFlush *f)
{
    if (!c->code)
        return;
    if (f->size > (uint64_t)PAGES_ONE_BY_ONE << TLB_PAGE_BITS) {
        code_contexts_flush(c);
        return;
    }
    for (uint64_t off = 0; off < f->size; off += 1ULL << TLB_PAGE_BITS)
        code_contexts_flush_page(c, (f->va + off) & TLB_PAGE_MASK);
}

/* True: code mappings that contexts share may be affected beyond the range. */
static bool context_flush_range(TlbContext *c, const TlbFlush *f)
{
    bool asid = f->any_asid || c->key.asid == f->asid, large = false;
    if (!asid && !f->global)
        return false;
    for (unsigned i = 0; i < TLB_MAX_MMU_IDX; i++) {
        TlbTable *t = atomic_load_explicit(&c->table[i], memory_order_relaxed);
        if (t)
            large |= table_flush_range(t, f->va, f->size, !asid);
    }
    if (large)
        code_contexts_flush(c);
    else
        flush_code_range(c, f);
    return large;
}

void tlb_flush(Cpu *cpu, const TlbFlush *f)
{
    TlbState *s = cpu->tlb_state;
    bool large = false;
    if (!s)
        return;
    FOR_EACH_CONTEXT(cpu, c) {
        if (!context_matches(c, f))
            continue;
        if (f->one_address)
            large |= context_flush_range(c, f);
        else if (f->any_asid || c->key.asid == f->asid)
            context_flush(c, !f->global);
    }
    if (!f->one_address) {
        s->stats.flushes++;
        if (f->global)
            code_contexts_flush_global(s);
        else
            code_contexts_check_tables(s);
        return;
    }
    s->stats.page_flushes++;
    if (!f->global)
        return;
    if (large || f->size > (uint64_t)PAGES_ONE_BY_ONE << TLB_PAGE_BITS) {
        code_contexts_flush_global(s);
        return;
    }
    for (uint64_t off = 0; off < f->size; off += 1ULL << TLB_PAGE_BITS)
        code_contexts_flush_global_page(s, (f->va + off) & TLB_PAGE_MASK);
}

/* ---- on other vCPUs ---- */

void tlb_remote_drain_slow(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    pthread_mutex_lock(&s->remote_lock);
    if (s->n_remote > TLB_MAX_REMOTE) {
        tlb_flush_all(cpu);
    } else {
        for (unsigned i = 0; i < s->n_remote; i++)
            tlb_flush(cpu, &s->remote[i]);
    }
    s->n_remote = 0;
    atomic_store(&s->remote_pending, false);
    pthread_mutex_unlock(&s->remote_lock);
}

/* Guests flush neighbouring pages one by one. */
static bool merges(TlbFlush *last, const TlbFlush *f)
{
    if (!last->one_address || !f->one_address || last->regime != f->regime ||
        last->regime_mask != f->regime_mask || last->vmid != f->vmid || last->asid != f->asid ||
        last->any_vmid != f->any_vmid || last->any_asid != f->any_asid ||
        last->global != f->global || last->va + last->size != f->va)
        return false;
    last->size += f->size;
    return true;
}

static void ask(Cpu *cpu, const TlbFlush *f)
{
    TlbState *s = cpu->tlb_state;
    pthread_mutex_lock(&s->remote_lock);
    bool first = !s->n_remote;
    if (s->n_remote <= TLB_MAX_REMOTE && (first || !merges(&s->remote[s->n_remote - 1], f))) {
        if (s->n_remote < TLB_MAX_REMOTE)
            s->remote[s->n_remote] = *f;
        s->n_remote++;
    }
    atomic_store(&s->remote_pending, true);
    pthread_mutex_unlock(&s->remote_lock);
    /* One that is not there yet finds it when it comes. */
    if (first && atomic_load(&cpu->in_exec))
        cpu_kick(cpu);
}

void tlb_flush_others(Cpu *self, const TlbFlush *f)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        if (cpus[i] == self || !cpus[i]->tlb_state)
            continue;
        ask(cpus[i], f);
        self->tlb_state->flushes_out = true;
    }
}

void tlb_flush_wait(Cpu *self)
{
    if (!self->tlb_state->flushes_out)
        return;
    self->tlb_state->flushes_out = false;
    for (unsigned i = 0; i < cpu_count; i++) {
        Cpu *cpu = cpus[i];
        if (cpu == self || !cpu->tlb_state)
            continue;
        for (unsigned n = 0; atomic_load(&cpu->tlb_state->remote_pending) &&
                             atomic_load(&cpu->in_exec); n++) {
            /* It may be waiting for this one. */
            tlb_remote_drain(self);
            if (n > 50)
                sched_yield();
        }
    }
}
