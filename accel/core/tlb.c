/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The software TLB: contexts, filling, and keeping stores to special pages slow (accel/tlb.h).
 * Flushes are in tlb_flush.c.
 *
 * Other threads: a page gets a flag that wants to hear of stores (RAM_PAGE_SLOW_WRITE) while vCPUs
 * hold fast entries for it. Who sets the flag then looks for entries and marks them; who fills an
 * entry publishes it and then looks at the flag. Both with a full barrier in between, so one of
 * them sees the other. To spare most searches, write_hint remembers per RAM page the table indices
 * at which it was ever writable: the kernel's linear map and one user mapping fit.
 */
#include "accel/core/tcg.h"
#include "accel/accel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "softmmu/run.h"
#include "util/bits.h"

/* ---- hints ---- */

enum { HINT_CHUNK_BITS = 12, HINT_MANY = 0xffffffff };
#define HINT_CHUNKS ((size_t)1 << 20)
static _Atomic(_Atomic uint32_t *) hint_chunk[HINT_CHUNKS];

static _Atomic uint32_t *write_hint(uint64_t ram_page, bool create)
{
    _Atomic(_Atomic uint32_t *) *slot = &hint_chunk[ram_page >> HINT_CHUNK_BITS];
    _Atomic uint32_t *chunk = atomic_load(slot);
    if (!chunk) {
        if (!create)
            return NULL;
        _Atomic uint32_t *fresh = g_malloc0(sizeof *fresh << HINT_CHUNK_BITS);
        if (atomic_compare_exchange_strong(slot, &chunk, fresh))
            chunk = fresh;
        else
            g_free((void *)fresh);
    }
    return &chunk[ram_page & ((1u << HINT_CHUNK_BITS) - 1)];
}

/* Two 16-bit fields, each a table index + 1 or 0; or HINT_MANY. */
static void note_writable(uint64_t ram_page, unsigned index)
{
    _Atomic uint32_t *hint = write_hint(ram_page, true);
    uint32_t n = index + 1, old = atomic_load_explicit(hint, memory_order_relaxed), new;
    do {
        if (old == HINT_MANY || (old & 0xffff) == n || old >> 16 == n)
            return;
        new = !old ? n : !(old >> 16) ? old | n << 16 : HINT_MANY;
    } while (!atomic_compare_exchange_weak(hint, &old, new));
}

/* ---- tables and contexts ---- */

static TlbTable *table_new(void)
{
    TlbTable *t = aligned_alloc(64, (sizeof *t + 63) & ~(size_t)63);
    if (!t)
        g_error("out of memory");
    memset(t, 0, sizeof *t);
    memset(t->entry, 0xff, sizeof t->entry);
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        t->info[i].va = TLB_EMPTY;
        atomic_store_explicit(&t->ram_page[i], NO_RAM_PAGE, memory_order_relaxed);
    }
    tlb_large_reset(&t->large);
    tlb_large_reset(&t->large_x);
    return t;
}

TlbTable *tlb_table(Cpu *cpu, TlbContext *ctx, int mmu_idx)
{
    TlbTable *t = atomic_load_explicit(&ctx->table[mmu_idx], memory_order_relaxed);
    if (G_UNLIKELY(!t)) {
        t = table_new();
        atomic_store_explicit(&ctx->table[mmu_idx], t, memory_order_release);
    }
    return t;
}

TlbState *tlb_state_new(Cpu *cpu)
{
    if (!cpu->tlb_state) {
        cpu->tlb_state = g_new0(TlbState, 1);
        cpu->tlb_state->random = 0x9e3779b9 + cpu->index;
        pthread_mutex_init(&cpu->tlb_state->remote_lock, NULL);
    }
    return cpu->tlb_state;
}

void tlb_state_free(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    if (!s)
        return;
    for (unsigned i = 0; i < TLB_MAX_CONTEXTS; i++) {
        TlbContext *c = atomic_load(&s->ctx[i]);
        for (unsigned j = 0; c && j < TLB_MAX_MMU_IDX; j++) {
            TlbTable *t = atomic_load(&c->table[j]);
            if (t)
                tlb_second_free(t);
            free(t);
        }
        g_free(c);
    }
    for (unsigned i = 0; i < s->n_code; i++)
        munmap(s->code[i], sizeof *s->code[i]);
    pthread_mutex_destroy(&s->remote_lock);
    g_free(s);
    cpu->tlb_state = NULL;
    cpu->tlb = cpu->tlb_fetch = NULL;
    cpu->tlb_ctx = cpu->tlb_fetch_ctx = NULL;
    cpu->code = NULL;
}

static inline bool key_equal(const TlbKey *a, const TlbKey *b)
{
    return a->root[0] == b->root[0] && a->root[1] == b->root[1] && a->asid == b->asid &&
           a->vmid == b->vmid && a->regime == b->regime;
}

static bool context_is_empty(const TlbContext *c)
{
    for (unsigned i = 0; i < TLB_MAX_MMU_IDX; i++) {
        TlbTable *t = atomic_load_explicit(&c->table[i], memory_order_relaxed);
        if (t && t->n_filled)
            return false;
    }
    return !c->code;
}

/*
 * The context for key: the one it has, a new one, or the one not used for longest. Guests change
 * their registers one by one: a combination that lasts for a few instructions, and makes no entry,
 * must not push out another. So one that is empty is the first to go.
 */
static TlbContext *context_get(TlbState *s, const TlbKey *key, const TlbContext *keep)
{
    TlbContext *oldest = NULL;
    for (unsigned i = 0; i < TLB_MAX_CONTEXTS; i++) {
        TlbContext *c = atomic_load_explicit(&s->ctx[i], memory_order_relaxed);
        if (!c) {
            if (s->spare && s->spare != keep && context_is_empty(s->spare)) {
                s->spare->key = *key;
                return s->spare;
            }
            c = g_new0(TlbContext, 1);
            c->key = *key;
            c->valid = true;
            atomic_store_explicit(&s->ctx[i], c, memory_order_release);
            s->spare = c;
            return c;
        }
        if (key_equal(&c->key, key))
            return c;
        if (c != keep && (!oldest || c->last_used < oldest->last_used))
            oldest = c;
    }
    if (s->spare && s->spare != keep && context_is_empty(s->spare)) {
        s->spare->key = *key;
        return s->spare;
    }
    s->spare = oldest;
    s->stats.contexts_reused++;
    for (unsigned i = 0; i < TLB_MAX_MMU_IDX; i++) {
        TlbTable *t = atomic_load_explicit(&oldest->table[i], memory_order_relaxed);
        if (t)
            tlb_table_reset(t);
    }
    code_contexts_drop(s, oldest);
    oldest->key = *key;
    return oldest;
}

void cpu_set_translation(Cpu *cpu, const TlbKey *data, int data_idx, const TlbKey *fetch,
                         int fetch_idx, uint32_t mode)
{
    TlbState *s = tlb_state_new(cpu);
    TlbContext *d = cpu->tlb_ctx, *f = cpu->tlb_fetch_ctx;
    bool f_stays = f && key_equal(&f->key, fetch);
    if (!d || !key_equal(&d->key, data)) {
        d = context_get(s, data, f_stays ? f : NULL);
        s->stats.switches++;
    }
    if (!f_stays) {
        code_contexts_check_tables(s);
        f = key_equal(data, fetch) ? d : context_get(s, fetch, d);
    }
    bool code_stays = cpu->code && f_stays && fetch_idx == s->fetch_idx && mode == cpu->mode;
    d->last_used = f->last_used = ++s->clock;
    cpu->tlb_ctx = d;
    cpu->tlb_fetch_ctx = f;
    s->data_idx = data_idx;
    s->fetch_idx = fetch_idx;
    cpu->mode = mode;
    cpu->tlb = tlb_table(cpu, d, data_idx)->entry;
    cpu->tlb_fetch = tlb_table(cpu, f, fetch_idx)->entry;
    if (!code_stays)
        code_context_select(cpu);
}

/* ---- entries ---- */

void tlb_entry_clear(TlbTable *t, unsigned i)
{
    TlbEntry *e = &t->entry[i];
    tlb_set_tag(e, MMU_READ, TLB_EMPTY);
    tlb_set_tag(e, MMU_WRITE, TLB_EMPTY);
    tlb_set_tag(e, MMU_EXEC, TLB_EMPTY);
    t->n_global -= t->info[i].va != TLB_EMPTY && t->info[i].global;
    t->info[i].va = TLB_EMPTY;
    atomic_store_explicit(&t->ram_page[i], NO_RAM_PAGE, memory_order_relaxed);
}

void tlb_table_reset(TlbTable *t)
{
    if (t->n_filled <= TLB_TRACKED) {
        for (unsigned i = 0; i < t->n_filled; i++)
            tlb_entry_clear(t, t->filled[i]);
    } else {
        for (unsigned i = 0; i < TLB_SIZE; i++)
            tlb_entry_clear(t, i);
    }
    t->n_filled = t->n_global = 0;
    tlb_second_drop(t);
    tlb_large_reset(&t->large);
    tlb_large_reset(&t->large_x);
}

/* -accel tcg,x-tiny-tlb=on: what is filled pushes out all but the last few. */
static void chaos_filled(TlbState *s, TlbTable *t, unsigned i)
{
    unsigned n = s->n_recent++ % G_N_ELEMENTS(s->recent);
    if (s->recent[n].table && (s->recent[n].table != t || s->recent[n].index != i))
        tlb_entry_clear(s->recent[n].table, s->recent[n].index);
    s->recent[n].table = t;
    s->recent[n].index = i;
}

static bool watches_page(const CpuWatchpoint *w, unsigned n, vaddr page, bool write)
{
    for (unsigned i = 0; i < n; i++, w++) {
        vaddr last = w->addr + (w->len ? w->len - 1 : 0);
        /* Read-modify-writes are checked as writes, and for watchers of reads as well. */
        if (w->addr <= page + ~TLB_PAGE_MASK && last >= page && (write || w->on_read))
            return true;
    }
    return false;
}

static bool page_watched(const Cpu *cpu, vaddr page, bool write)
{
    return watches_page((const CpuWatchpoint *)(const void *)cpu->watchpoints->data,
                        cpu->watchpoints->len, page, write) ||
           watches_page(cpu->guest_watch, cpu->n_guest_watch, page, write);
}

/* Where in host and RAM the page at pa is; flags for reads, and for writes. */
static void resolve_page(Cpu *cpu, hwaddr pa, TlbLookup *out, unsigned *write_flags)
{
    MemorySection sec = memory_section_lookup(cpu->as, pa);
    out->paddr = pa;
    out->host = NULL;
    out->ram_page = NO_RAM_PAGE;
    out->flags = *write_flags = TLB_MMIO;
    if (sec.host && sec.start <= pa && sec.last >= (pa | ~TLB_PAGE_MASK)) {
        out->host = sec.host + (pa - sec.start);
        out->ram_page = sec.ram_page + ((pa - sec.start) >> RAM_PAGE_BITS);
        out->flags = 0;
        *write_flags = sec.writable ? 0 : TLB_MMIO;
    }
}

static inline bool ram_page_slow(uint64_t ram_page)
{
    return atomic_load_explicit(&ram_page_flags[ram_page], memory_order_relaxed) &
           RAM_PAGE_SLOW_WRITE;
}

static void fill(Cpu *cpu, TlbTable *t, vaddr page, const MmuResult *r, TlbLookup *out,
                 unsigned write_flags, MmuAccess access)
{
    TlbState *s = cpu->tlb_state;
    unsigned i = tlb_index(page);
    TlbEntry *e = &t->entry[i];
    TlbInfo *info = &t->info[i];
    unsigned read_flags = out->flags, exec_flags = out->flags;
    if (cpu->watchpoints->len || cpu->n_guest_watch) {
        read_flags |= page_watched(cpu, page, false) ? TLB_WATCH : 0;
        write_flags |= page_watched(cpu, page, true) ? TLB_WATCH : 0;
    }
    if (r->aligned) {
        read_flags |= TLB_ALIGNED;
        write_flags |= TLB_ALIGNED;
    }
    s->stats.fills++;
    if (info->va == TLB_EMPTY) {
        if (t->n_filled < TLB_TRACKED)
            t->filled[t->n_filled] = i;
        t->n_filled = MIN(t->n_filled + 1, TLB_TRACKED + 1u);
    } else {
        t->n_pushed_out += info->va != page;
        tlb_entry_clear(t, i);
    }
    *info = (TlbInfo){ .va = page, .paddr = out->paddr, .page_bits = r->page_bits,
                       .global = r->global, .attrs = r->attrs,
                       .code = r->code, .code_version = r->code_version };
    t->n_global += r->global;
    if (r->page_bits > TLB_PAGE_BITS) {
        tlb_large_add(&t->large, page, r->page_bits);
        if (r->x)
            tlb_large_add(&t->large_x, page, r->page_bits);
    }
    e->addend = (uintptr_t)out->host - page;
    tlb_set_tag(e, MMU_READ, r->r ? page | read_flags : TLB_EMPTY);
    tlb_set_tag(e, MMU_EXEC, r->x ? page | exec_flags : TLB_EMPTY);
    atomic_store_explicit(&t->ram_page[i], out->ram_page, memory_order_relaxed);
    if (!r->w) {
        tlb_set_tag(e, MMU_WRITE, TLB_EMPTY);
    } else if (write_flags & TLB_MMIO) {
        tlb_set_tag(e, MMU_WRITE, page | write_flags);
    } else {
        note_writable(out->ram_page, i);
        tlb_set_tag(e, MMU_WRITE, page | write_flags);
        atomic_thread_fence(memory_order_seq_cst);
        if (ram_page_slow(out->ram_page)) {
            write_flags |= TLB_SLOW_PAGE;
            atomic_fetch_or(&e->tag[MMU_WRITE], TLB_SLOW_PAGE);
        }
    }
    if (chaos.tiny_tlb)
        chaos_filled(s, t, i);
    out->flags = access == MMU_READ ? read_flags : access == MMU_WRITE ? write_flags : exec_flags;
    out->entry = e;
    out->global = r->global;
    out->attrs = r->attrs;
    out->code = r->code;
}

static bool walk(Cpu *cpu, TlbTable *t, int mmu_idx, vaddr va, MmuAccess access, bool raise,
                 TlbLookup *out)
{
    MmuResult r = { .page_bits = TLB_PAGE_BITS,
                    .code_version = atomic_load(&tlb_table_version) };
    vaddr page = va & TLB_PAGE_MASK;
    unsigned write_flags;
    if (!tlb_second_find(t, page, access, &r)) {
        cpu->tlb_state->stats.walks++;
        if (!cpu->target->translate(cpu, va, access, mmu_idx, false, &r)) {
            if (raise)
                cpu->target->raise_mmu_fault(cpu, va, access, mmu_idx, &r);
            return false;
        }
        if (!r.no_tlb)
            tlb_second_note(t, page, &r);
    }
    resolve_page(cpu, r.paddr & TLB_PAGE_MASK, out, &write_flags);
    if (!r.no_tlb) {
        /* A permission that needs another walk each time has no tag: the access itself goes on. */
        fill(cpu, t, page, &r, out, write_flags, access);
        return true;
    }
    out->flags |= r.aligned && access != MMU_EXEC ? TLB_ALIGNED : 0;
    if (access == MMU_WRITE) {
        out->flags = write_flags | (r.aligned ? TLB_ALIGNED : 0);
        if (!(write_flags & TLB_MMIO))
            out->flags |= TLB_SLOW_PAGE; /* there is no entry that could be made slow */
    }
    if (access != MMU_EXEC && page_watched(cpu, page, access == MMU_WRITE))
        out->flags |= TLB_WATCH;
    out->entry = NULL;
    out->global = false;
    out->attrs = r.attrs;
    out->code = CODE_UNCACHED;
    out->mmu = r;
    return true;
}

bool tlb_lookup(Cpu *cpu, TlbContext *ctx, int mmu_idx, vaddr va, MmuAccess access, bool raise,
                TlbLookup *out)
{
    TlbTable *t = tlb_table(cpu, ctx, mmu_idx);
    unsigned i = tlb_index(va);
    TlbEntry *e = &t->entry[i];
    uint64_t tag = tlb_get_tag(e, access);
    if ((tag & (TLB_PAGE_MASK | TLB_INVALID)) != (va & TLB_PAGE_MASK))
        return walk(cpu, t, mmu_idx, va, access, raise, out);
    out->entry = e;
    out->flags = tag & TLB_FLAGS;
    out->paddr = t->info[i].paddr;
    out->global = t->info[i].global;
    out->attrs = t->info[i].attrs;
    out->code = t->info[i].code;
    if (G_UNLIKELY(out->code == CODE_SHARED && access == MMU_EXEC &&
                   t->info[i].code_version != atomic_load(&tlb_table_version)))
        return walk(cpu, t, mmu_idx, va, access, raise, out); /* to watch the tables again */
    out->ram_page = atomic_load_explicit(&t->ram_page[i], memory_order_relaxed);
    out->host = out->ram_page == NO_RAM_PAGE ? NULL : (uint8_t *)(t->info[i].va + e->addend);
    return true;
}

/* ---- stores to special pages ---- */

void tlb_make_fast(TlbEntry *e, uint64_t ram_page)
{
    if (ram_page_slow(ram_page))
        return;
    atomic_fetch_and(&e->tag[MMU_WRITE], ~(uint64_t)TLB_SLOW_PAGE);
    /* Has a flag come back before that could be seen? (The fetch_and is a full barrier.) */
    if (ram_page_slow(ram_page))
        atomic_fetch_or(&e->tag[MMU_WRITE], TLB_SLOW_PAGE);
}

static bool demote_entry(TlbTable *t, unsigned i)
{
    uint64_t old = atomic_fetch_or(&t->entry[i].tag[MMU_WRITE], TLB_SLOW_PAGE);
    return !(old & TLB_FLAGS);
}

static bool demote_in_table(TlbTable *t, uint64_t ram_page, uint32_t hint)
{
    bool was_fast = false;
    if (hint != HINT_MANY) {
        for (; hint; hint >>= 16) {
            unsigned i = (hint & 0xffff) - 1;
            if (atomic_load_explicit(&t->ram_page[i], memory_order_relaxed) == ram_page)
                was_fast |= demote_entry(t, i);
        }
        return was_fast;
    }
    for (unsigned i = 0; i < TLB_SIZE; i++) {
        if (atomic_load_explicit(&t->ram_page[i], memory_order_relaxed) == ram_page)
            was_fast |= demote_entry(t, i);
    }
    return was_fast;
}

/* fn for all tables of all vCPUs. */
static bool demote_everywhere(const Cpu *self, uint64_t ram_page, uint32_t hint)
{
    bool others = false;
    for (unsigned n = 0; n < cpu_count; n++) {
        TlbState *s = cpus[n]->tlb_state;
        for (unsigned i = 0; s && i < TLB_MAX_CONTEXTS; i++) {
            TlbContext *c = atomic_load_explicit(&s->ctx[i], memory_order_acquire);
            for (unsigned j = 0; c && j < TLB_MAX_MMU_IDX; j++) {
                TlbTable *t = atomic_load_explicit(&c->table[j], memory_order_acquire);
                if (t && demote_in_table(t, ram_page, hint))
                    others |= cpus[n] != self;
            }
        }
    }
    return others;
}

bool tlb_demote_page(uint64_t ram_page, const Cpu *self)
{
    atomic_thread_fence(memory_order_seq_cst);
    _Atomic uint32_t *hint = write_hint(ram_page, false);
    uint32_t h = hint ? atomic_load(hint) : 0;
    return h && demote_everywhere(self, ram_page, h);
}

void tlb_make_page_slow(uint64_t ram_page)
{
    tlb_demote_page(ram_page, NULL);
}

/*
 * Returns when no vCPU can store any more by what it looked up before: generated code keeps that for
 * some accesses, loops until they are left.
 */
void tlb_pages_made_clean(void)
{
    bool running = false;
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned n = 0; n < cpu_count; n++) {
        TlbState *s = cpus[n]->tlb_state;
        for (unsigned i = 0; s && i < TLB_MAX_CONTEXTS; i++) {
            TlbContext *c = atomic_load_explicit(&s->ctx[i], memory_order_acquire);
            for (unsigned j = 0; c && j < TLB_MAX_MMU_IDX; j++) {
                TlbTable *t = atomic_load_explicit(&c->table[j], memory_order_acquire);
                for (unsigned k = 0; t && k < TLB_SIZE; k++) {
                    if (atomic_load_explicit(&t->ram_page[k], memory_order_relaxed) != NO_RAM_PAGE)
                        demote_entry(t, k);
                }
            }
        }
        running |= cpus[n] != current_cpu && atomic_load(&cpus[n]->in_exec);
    }
    if (running && !icount_enabled()) {
        cpu_exclusive_begin();
        cpu_exclusive_end();
    }
}

/* ---- the memory map ---- */

/* On the vCPU's thread, also while it is stopped: not while the main thread resets it (which holds
 * the main lock), and not while another flushes everybody's code (an exclusive section). */
static void flush_work(Cpu *cpu, void *arg)
{
    cpu_exec_start(cpu);
    main_lock();
    tlb_flush_all(cpu);
    main_unlock();
    cpu_exec_end(cpu);
}

/* The vCPU that changes the map sees the new one with its next access, the others soon. */
void tlb_map_changed(AddressSpace *as)
{
    for (unsigned n = 0; n < cpu_count; n++) {
        if (cpus[n]->as != as || !cpus[n]->tlb_state)
            continue;
        if (cpus[n] == current_cpu)
            tlb_flush_all(cpus[n]);
        else
            cpu_run_on(cpus[n], flush_work, NULL);
    }
}

void tlb_stats_get(TlbStats *sum)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned n = 0; n < cpu_count; n++) {
        const TlbState *s = cpus[n]->tlb_state;
        if (!s)
            continue;
        sum->fills += s->stats.fills;
        sum->walks += s->stats.walks;
        sum->flushes += s->stats.flushes;
        sum->page_flushes += s->stats.page_flushes;
        sum->switches += s->stats.switches;
        sum->contexts_reused += s->stats.contexts_reused;
    }
}
