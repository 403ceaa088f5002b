/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watching translation tables.
 *
 * Guests flush often what they have not changed: Linux flushes everything when it has changed the
 * permissions of one page of the kernel or unmapped some of vmalloc's, and on A64 with KPTI, where
 * the kernel's pages have an ASID, whenever it flushes an address space. But a flush has no meaning
 * for what was read from descriptors that have not been written since. So the descriptors that
 * shared code was found through are watched, one by one, and the jump caches of such code lose at a
 * flush only what descriptors lead to that were written (codectx.c).
 *
 * A page of tables is marked (RAM_PAGE_TABLE) and the descriptor's bit set, then the walk that found
 * it is done again: it sees every store that was not noticed, but for one of another vCPU that is
 * just between the check of its TLB and the store. So if another had a fast entry for the page,
 * nothing is trusted until all of them have come to a safe point.
 *
 * A store that hits a watched descriptor ends its watch and leaves the range of addresses it mapped
 * in a ring, where each vCPU finds it when it next flushes.
 */
#include "accel/core/tcg.h"

_Atomic uint32_t tlb_table_version;

/* Descriptors of 8 bytes; TABLE_RINGS is a power of two, as versions wrap. */
enum { CHUNK_BITS = 12, SLOTS = RAM_PAGE_SIZE / 8, TABLE_RINGS = 64 };
#define PAGE_CHUNKS ((size_t)1 << 20)

typedef struct TablePage {
    _Atomic uint64_t used[SLOTS / 64]; /* which descriptors code was found through */
    /* Where the range of the first descriptor begins | log2 of its size, or SEVERAL answers; changes
     * under the lock. */
    _Atomic uint64_t where;
} TablePage;
#define SEVERAL UINT64_MAX

static _Atomic(_Atomic(TablePage *) *) page_chunk[PAGE_CHUNKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool unsettled; /* changes under the lock */
static bool waiting;           /* lock: others were asked to come to a safe point */
static struct { vaddr first, last; } ring[TABLE_RINGS]; /* lock: by version that they made */

static TablePage *table_page(uint64_t page, bool create)
{
    _Atomic(_Atomic(TablePage *) *) *slot = &page_chunk[page >> CHUNK_BITS];
    _Atomic(TablePage *) *chunk = atomic_load_explicit(slot, memory_order_acquire);
    if (!chunk) {
        if (!create)
            return NULL;
        chunk = g_new0(_Atomic(TablePage *), 1 << CHUNK_BITS);
        atomic_store_explicit(slot, chunk, memory_order_release);
    }
    chunk += page & ((1u << CHUNK_BITS) - 1);
    TablePage *t = atomic_load_explicit(chunk, memory_order_acquire);
    if (!t && create) {
        t = g_new0(TablePage, 1);
        atomic_store_explicit(chunk, t, memory_order_release);
    }
    return t;
}

/* ---- stores ---- */

static void note_range(const TablePage *t, unsigned first, unsigned last)
{
    uint32_t version = atomic_load(&tlb_table_version) + 1;
    uint64_t where = atomic_load(&t->where);
    vaddr base = where & TLB_PAGE_MASK, span = 1ULL << (where & ~TLB_PAGE_MASK & 63);
    ring[version % TABLE_RINGS].first = where == SEVERAL ? 0 : base + first * span;
    ring[version % TABLE_RINGS].last = where == SEVERAL ? UINT64_MAX : base + (last + 1) * span - 1;
    atomic_store(&tlb_table_version, version);
}

static uint64_t slots_mask(unsigned word, unsigned first, unsigned last)
{
    unsigned lo = MAX(first, word * 64) - word * 64, hi = MIN(last, word * 64 + 63) - word * 64;
    return ~0ULL << lo & ~0ULL >> (63 - hi);
}

void tlb_table_written(uint64_t page, unsigned offset, unsigned len)
{
    TablePage *t = table_page(page, false);
    unsigned first = offset / 8, last = (offset + len - 1) / 8;
    uint64_t hit = 0;
    if (!t || !len)
        return;
    last = MIN(last, SLOTS - 1u);
    /* The store before this must not be overtaken by the look at the descriptors' bits. */
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned w = first / 64; w <= last / 64; w++)
        hit |= atomic_load(&t->used[w]) & slots_mask(w, first, last);
    if (!hit)
        return;
    pthread_mutex_lock(&lock);
    unsigned run = SLOTS, left = 0; /* neighbours make one range */
    for (unsigned i = first; i <= last; i++) {
        uint64_t bit = 1ULL << i % 64;
        if (atomic_fetch_and(&t->used[i / 64], ~bit) & bit) {
            run = MIN(run, i);
        } else if (run < i) {
            note_range(t, run, i - 1);
            run = SLOTS;
        }
    }
    if (run <= last)
        note_range(t, run, last);
    for (unsigned w = 0; w < SLOTS / 64; w++)
        left |= atomic_load(&t->used[w]) != 0;
    if (!left)
        atomic_fetch_and(&ram_page_flags[page], (uint8_t)~RAM_PAGE_TABLE);
    pthread_mutex_unlock(&lock);
}

/* A new version, so that TLB entries aren't taken for what descriptors were watched for either. */
void tlb_forget_watched(Cpu *cpu)
{
    if (!cpu->tlb_state)
        return;
    pthread_mutex_lock(&lock);
    uint32_t version = atomic_load(&tlb_table_version) + 1;
    ring[version % TABLE_RINGS].first = UINT64_MAX;
    ring[version % TABLE_RINGS].last = 0;
    atomic_store(&tlb_table_version, version);
    pthread_mutex_unlock(&lock);
    code_contexts_flush_global(cpu->tlb_state);
}

void tlb_tables_catch_up(TlbState *s)
{
    pthread_mutex_lock(&lock);
    uint32_t version = atomic_load(&tlb_table_version);
    if (version - s->table_version > TABLE_RINGS) {
        code_contexts_flush_global(s);
    } else {
        for (uint32_t v = s->table_version; v != version; v++) {
            unsigned n = (v + 1) % TABLE_RINGS;
            code_contexts_flush_global_range(s, ring[n].first, ring[n].last);
        }
    }
    s->table_version = version;
    pthread_mutex_unlock(&lock);
}

/* ---- walks ---- */

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

static void mark_page(Cpu *cpu, TablePage *t, uint64_t page)
{
    static const TlbFlush nothing = { .regime = UINT32_MAX }; /* no context is of this kind */
    for (unsigned w = 0; w < SLOTS / 64; w++)
        atomic_store(&t->used[w], 0);
    atomic_store(&unsettled, true);
    atomic_fetch_or(&ram_page_flags[page], RAM_PAGE_TABLE);
    if (tlb_demote_page(page, cpu)) {
        tlb_flush_others(cpu, &nothing);
        waiting = true;
    }
    atomic_store(&unsettled, waiting);
}

/* True: it was not watched before. */
static bool watch(Cpu *cpu, vaddr va, const TlbDescriptor *d)
{
    TablePage *t = table_page(d->ram_page, false);
    unsigned slot = d->offset / 8;
    vaddr span = 1ULL << d->shift;
    uint64_t bit = 1ULL << slot % 64, where = ((va & -span) - slot * span) | d->shift;
    if (t && atomic_load(&t->used[slot / 64]) & bit && atomic_load(&t->where) == where)
        return false;
    pthread_mutex_lock(&lock);
    t = table_page(d->ram_page, true);
    if (!(atomic_load(&ram_page_flags[d->ram_page]) & RAM_PAGE_TABLE)) {
        mark_page(cpu, t, d->ram_page);
        atomic_store(&t->where, where);
    } else if (atomic_load(&t->where) != where) {
        atomic_store(&t->where, SEVERAL);
    }
    bool was = atomic_fetch_or(&t->used[slot / 64], bit) & bit;
    atomic_thread_fence(memory_order_seq_cst);
    pthread_mutex_unlock(&lock);
    return !was;
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

TlbTables tlb_watch_tables(Cpu *cpu, vaddr va, const TlbDescriptor *d, unsigned n)
{
    bool new = false;
    for (unsigned i = 0; i < n; i++)
        new |= watch(cpu, va, &d[i]);
    if (new)
        return TLB_TABLES_NEW;
    return atomic_load(&unsettled) && !settle(cpu) ? TLB_TABLES_UNSETTLED : TLB_TABLES_WATCHED;
}
