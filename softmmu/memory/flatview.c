/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flat views: from the tree of regions to a sorted array, and how readers find a section.
 *
 * Readers take no lock. While one is between its two stores to Reader.active, the views that were
 * published at or after that epoch are not freed; a retired view is freed when every active reader
 * began after its retirement. Each thread also keeps a copy of the section that it used last.
 */
#include <pthread.h>
#include <string.h>

#include "softmmu/memory/memory_internal.h"
#include "util/bits.h"

/* ---- building ---- */

typedef __int128 Wide; /* addresses before clipping may lie below 0 or beyond 2^64 */

typedef struct Range {
    uint64_t start, last, offset;
    MemoryRegion *region;
} Range;

enum { MAX_DEPTH = 64 }; /* containers and aliases inside each other; a cycle ends here */

/* Puts the parts of [start, last] that are still free into the sorted array. */
static void add_range(GArray *ranges, uint64_t start, uint64_t last, uint64_t offset,
                      MemoryRegion *region)
{
    unsigned lo = 0, hi = ranges->len;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (g_array_index(ranges, Range, mid).last < start)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (unsigned i = lo;; i++) {
        bool at_end = i == ranges->len || g_array_index(ranges, Range, i).start > last;
        Range there = at_end ? (Range){ 0 } : g_array_index(ranges, Range, i);
        if (at_end || there.start > start) {
            Range r = { start, at_end ? last : there.start - 1, offset, region };
            g_array_insert_val(ranges, i, r);
            i++;
        }
        if (at_end || there.last >= last)
            return;
        offset += there.last + 1 - start;
        start = there.last + 1;
    }
}

/* Renders r, whose offset 0 is at base, clipped to [lo, hi]. What is there already wins. */
static void render(GArray *ranges, MemoryRegion *r, Wide base, Wide lo, Wide hi, unsigned depth)
{
    if (!r->enabled || r->size == 0 || depth > MAX_DEPTH)
        return;
    lo = MAX(lo, base);
    hi = MIN(hi, base + region_last(r));
    if (lo > hi)
        return;
    for (unsigned i = 0; r->subregions && i < r->subregions->len; i++) {
        MemoryRegion *sub = r->subregions->pdata[i];
        render(ranges, sub, base + sub->addr, lo, hi, depth + 1);
    }
    if (r->kind == MEMORY_ALIAS)
        render(ranges, r->alias, base - r->alias_offset, lo, hi, depth + 1);
    else if (r->kind != MEMORY_CONTAINER)
        add_range(ranges, lo, hi, lo - base, r);
}

static void add_section(GArray *sections, MemorySection s)
{
    if (sections->len) {
        MemorySection *p = &g_array_index(sections, MemorySection, sections->len - 1);
        bool runs_on = !s.region || s.offset == p->offset + (s.start - p->start);
        if (p->region == s.region && !p->host == !s.host && runs_on) {
            p->last = s.last;
            return;
        }
    }
    g_array_append_val(sections, s);
}

/* Appends r as one section, or as two where the first page of memory isn't all its own. */
static void add_region(GArray *sections, const Range *r)
{
    MemoryRegion *mr = r->region;
    MemorySection s = { .start = r->start, .last = r->last, .region = mr, .offset = r->offset };
    bool readable = mr->kind == MEMORY_RAM || mr->kind == MEMORY_ROM ||
                    (mr->kind == MEMORY_ROMD && mr->romd_reads_direct);
    uint64_t page_mask = RAM_PAGE_SIZE - 1;
    if (!readable || ((r->start ^ r->offset) & page_mask)) {
        add_section(sections, s);
        return;
    }
    if (r->start & page_mask) {
        uint64_t head_last = r->start | page_mask;
        if (head_last >= r->last) {
            add_section(sections, s);
            return;
        }
        s.last = head_last;
        add_section(sections, s);
        s.start = head_last + 1;
        s.offset += s.start - r->start;
        s.last = r->last;
    }
    s.host = mr->ram->host + s.offset;
    s.ram_page = mr->ram->first_page + (s.offset >> RAM_PAGE_BITS);
    s.writable = mr->kind == MEMORY_RAM;
    add_section(sections, s);
}

FlatView *flatview_build(MemoryRegion *root)
{
    static _Atomic uint64_t last_generation;
    GArray *ranges = g_array_new(false, false, sizeof(Range));
    render(ranges, root, 0, 0, UINT64_MAX, 0);

    GArray *sections = g_array_new(false, false, sizeof(MemorySection));
    uint64_t next = 0;
    bool full = false; /* up to the very end */
    for (unsigned i = 0; i < ranges->len; i++) {
        const Range *r = &g_array_index(ranges, Range, i);
        if (r->start > next)
            add_section(sections, (MemorySection){ .start = next, .last = r->start - 1 });
        add_region(sections, r);
        next = r->last + 1;
        full = r->last == UINT64_MAX;
    }
    if (!full)
        add_section(sections, (MemorySection){ .start = next, .last = UINT64_MAX });

    FlatView *v = g_malloc0(sizeof(*v) + sections->len * sizeof(MemorySection));
    v->n = sections->len;
    memcpy(v->sections, sections->data, v->n * sizeof(MemorySection));
    v->generation = atomic_fetch_add(&last_generation, 1) + 1;
    g_array_free(ranges, true);
    g_array_free(sections, true);
    return v;
}

bool flatview_equal(const FlatView *a, const FlatView *b)
{
    if (a->n != b->n)
        return false;
    for (unsigned i = 0; i < a->n; i++) {
        const MemorySection *x = &a->sections[i], *y = &b->sections[i];
        if (x->start != y->start || x->last != y->last || x->region != y->region ||
            x->offset != y->offset || x->host != y->host)
            return false;
    }
    return true;
}

/* ---- lifetime ---- */

typedef struct Reader {
    _Atomic uint64_t active; /* epoch at which it began to read, or 0 */
    struct Reader *next;
    bool in_use;
    /* The section used last. */
    AddressSpace *as;
    uint64_t generation;
    MemorySection section;
} Reader;

static pthread_mutex_t readers_lock = PTHREAD_MUTEX_INITIALIZER;
static Reader *readers; /* never freed, but used again by later threads */
static pthread_key_t reader_key;
static __thread Reader *this_reader;
static _Atomic uint64_t epoch = 1;
static FlatView *retired; /* main lock */

static void reader_release(void *p)
{
    Reader *r = p;
    pthread_mutex_lock(&readers_lock);
    r->in_use = false;
    pthread_mutex_unlock(&readers_lock);
}

static void reader_init(void)
{
    pthread_key_create(&reader_key, reader_release);
}

static Reader *reader_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, reader_init);
    pthread_mutex_lock(&readers_lock);
    Reader *r = readers;
    while (r && r->in_use)
        r = r->next;
    if (!r) {
        r = g_new0(Reader, 1);
        r->next = readers;
        readers = r;
    }
    r->in_use = true;
    r->as = NULL;
    pthread_mutex_unlock(&readers_lock);
    pthread_setspecific(reader_key, r);
    this_reader = r;
    return r;
}

static uint64_t oldest_reader(void)
{
    uint64_t oldest = UINT64_MAX;
    pthread_mutex_lock(&readers_lock);
    for (Reader *r = readers; r; r = r->next) {
        uint64_t e = atomic_load(&r->active);
        if (e && e < oldest)
            oldest = e;
    }
    pthread_mutex_unlock(&readers_lock);
    return oldest;
}

_Atomic uint32_t memory_map_version;
__thread MemoryInitiator memory_initiator;

void flatview_publish(AddressSpace *as, FlatView *v)
{
    FlatView *old = atomic_exchange(&as->view, v);
    atomic_store(&as->generation, v ? v->generation : 0);
    atomic_fetch_add(&memory_map_version, 1);
    if (old) {
        old->retired_at = atomic_fetch_add(&epoch, 1) + 1;
        old->next_retired = retired;
        retired = old;
    }
    uint64_t oldest = oldest_reader();
    for (FlatView **p = &retired; *p;) {
        FlatView *r = *p;
        if (r->retired_at > oldest) {
            p = &r->next_retired;
            continue;
        }
        *p = r->next_retired;
        g_free(r);
    }
}

MemorySection memory_section_lookup(AddressSpace *as, hwaddr addr)
{
    Reader *r = this_reader;
    if (G_UNLIKELY(!r))
        r = reader_new();
    uint64_t generation = atomic_load_explicit(&as->generation, memory_order_acquire);
    if (r->as == as && r->generation == generation && addr >= r->section.start &&
        addr <= r->section.last)
        return r->section;

    atomic_store(&r->active, atomic_load(&epoch));
    const FlatView *v = atomic_load(&as->view);
    unsigned lo = 0, hi = v->n - 1;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (v->sections[mid].last < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    r->section = v->sections[lo];
    r->generation = v->generation;
    r->as = as;
    atomic_store_explicit(&r->active, 0, memory_order_release);
    return r->section;
}
