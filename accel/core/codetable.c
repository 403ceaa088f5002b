/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of code blocks: by address for lookups, by RAM page for stores that hit code.
 *
 * Changes are made under the translation lock. Lookups in the hash table take no lock: vCPUs read
 * it only between cpu_exec_start and cpu_exec_end, and a removed block's memory is given back only
 * in an exclusive section, when none of them is there.
 *
 * Each page with code has a map of its 64-byte granules that code was made from. A store to such a
 * page asks the map, without a lock: data beside code costs a few nanoseconds. While a page is
 * being translated its map is full, since nobody knows yet how far the block will go; who stores
 * there then waits for the lock and finds the finished block. A shared library's page can have
 * thousands of blocks, for every address that it was ever mapped at: to add and to remove one must
 * not look at the others. So the map keeps the granules of removed blocks until a store hits it.
 */
#include "accel/core/tcg.h"

#include <pthread.h>
#include <string.h>

enum { HASH_BITS = 18, PART_BITS = 9, CHUNK_BITS = 12, GRANULE_BITS = 6, GRAVEYARD_MAX = 8192 };
#define PAGE_CHUNKS ((size_t)1 << 20)

typedef struct CodePage {
    _Atomic uint64_t granules; /* what stores ask: all while pinned, else `map` */
    uint64_t map;              /* at least the granules of `blocks` */
    CodeBlock *blocks;
    uint32_t pins; /* translations under way */
    bool ready;    /* no store that was let through before CODE was set can still be under way */
} CodePage;

static _Atomic(CodeBlock *) hash_table[1 << HASH_BITS];
/* By 2^PART_BITS buckets: may there be anything in them? Who looks for all blocks skips the others. */
static bool part_used[1 << (HASH_BITS - PART_BITS)];
static _Atomic(CodePage *) page_chunk[PAGE_CHUNKS];
static CodeBlock *graveyard; /* by hash_next */
static unsigned graveyard_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool lock_held;
CodeStats code_stats;
const Engine *engine;

void code_lock(void)
{
    pthread_mutex_lock(&lock);
    lock_held = true;
}

void code_unlock(void)
{
    lock_held = false;
    pthread_mutex_unlock(&lock);
}

bool code_lock_held(void)
{
    return lock_held;
}

/* ---- their memory ---- */

/*
 * In pieces that the C library maps: vCPU threads have heaps of their own there, which grow by one
 * system call for every few blocks.
 */
enum { PIECE_BLOCKS = 2048 };
static CodeBlock *free_blocks; /* by hash_next */
static CodeBlock *piece;
static unsigned piece_left;

CodeBlock *code_block_new(void)
{
    CodeBlock *b = free_blocks;
    if (b) {
        free_blocks = b->hash_next;
        memset(b, 0, sizeof *b);
        return b;
    }
    if (!piece_left) {
        piece = g_new0(CodeBlock, PIECE_BLOCKS);
        piece_left = PIECE_BLOCKS;
    }
    piece_left--;
    return piece++;
}

void code_block_free(CodeBlock *b)
{
    b->hash_next = free_blocks;
    free_blocks = b;
}

/* ---- by address ---- */

/*
 * A page's buckets are neighbours, one for 8 bytes of code, from a multiple of 8 on: what is looked
 * for next is mostly near what was looked for last, and the host has that part of the table at hand.
 */
static _Atomic(CodeBlock *) *bucket(uint64_t pc, uint64_t page, uint32_t mode, uint32_t cflags)
{
    uint64_t h = ((pc & code_key_mask(cflags)) >> RAM_PAGE_BITS) ^ page * 0x9e3779b97f4a7c15u ^
                 ((uint64_t)mode << 32 | cflags) << 7;
    uint64_t first = h * 0xd6e8feb86659fd93u >> (64 - HASH_BITS) & ~(uint64_t)7;
    return &hash_table[(first + (pc % RAM_PAGE_SIZE >> 3)) % (1u << HASH_BITS)];
}

/* hash_next is read while others unlink: a block's own link stays as it is when it goes. */
static CodeBlock *chain_next(const CodeBlock *b)
{
    return __atomic_load_n(&b->hash_next, __ATOMIC_ACQUIRE);
}

CodeBlock *code_table_find(uint64_t pc, uint64_t page0, uint64_t page1, uint32_t mode,
                           uint32_t cflags)
{
    CodeBlock *b = atomic_load_explicit(bucket(pc, page0, mode, cflags), memory_order_acquire);
    for (; b; b = chain_next(b)) {
        if (!((b->pc ^ pc) & code_key_mask(cflags)) && b->page[0] == page0 &&
            b->mode == mode && b->cflags == cflags &&
            (b->page[1] == NO_RAM_PAGE || b->page[1] == page1) &&
            atomic_load_explicit(&b->valid, memory_order_relaxed))
            return b;
    }
    return NULL;
}

/* ---- by page ---- */

static CodePage *code_page(uint64_t page, bool create)
{
    _Atomic(CodePage *) *slot = &page_chunk[page >> CHUNK_BITS];
    CodePage *chunk = atomic_load_explicit(slot, memory_order_acquire);
    if (!chunk) {
        if (!create)
            return NULL;
        chunk = g_new0(CodePage, 1 << CHUNK_BITS); /* under the lock */
        atomic_store_explicit(slot, chunk, memory_order_release);
    }
    return &chunk[page & ((1u << CHUNK_BITS) - 1)];
}

static uint64_t granule_mask(unsigned first, unsigned last)
{
    uint64_t up_to = ~0ULL >> (63 - (last >> GRANULE_BITS));
    return up_to & ~0ULL << (first >> GRANULE_BITS);
}

/*
 * Granules of the page that b was made from. Both its parts may be in the same RAM page (mapped
 * twice in a row), which then has b in its list once.
 */
static uint64_t block_granules(const CodeBlock *b, uint64_t page)
{
    unsigned end = b->first_offset + b->len;
    uint64_t map = 0;
    if (b->page[0] == page)
        map |= granule_mask(b->first_offset, MIN(end, (unsigned)RAM_PAGE_SIZE) - 1);
    if (b->page[1] == page)
        map |= granule_mask(0, end - RAM_PAGE_SIZE - 1);
    return map;
}

/* Was b made from any of the bytes [first, last] of the page? */
static bool block_overlaps(const CodeBlock *b, uint64_t page, unsigned first, unsigned last)
{
    unsigned end = b->first_offset + b->len;
    return (b->page[0] == page && b->first_offset <= last && end > first) ||
           (b->page[1] == page && end > first + RAM_PAGE_SIZE);
}

/* How many page lists b is in. */
static unsigned block_pages(const CodeBlock *b)
{
    return b->page[1] == NO_RAM_PAGE || b->page[1] == b->page[0] ? 1 : 2;
}

static CodeBlock **page_link(CodeBlock *b, uint64_t page)
{
    return &b->page_next[b->page[0] != page];
}

/* A page without blocks forgets that it had code. */
static void page_update(uint64_t page, CodePage *p)
{
    if (!p->blocks)
        p->map = 0;
    atomic_store(&p->granules, p->pins ? UINT64_MAX : p->map);
    if (!p->blocks && !p->pins)
        atomic_fetch_and(&ram_page_flags[page], (uint8_t)~RAM_PAGE_CODE);
}

/* Without the granules of blocks that are gone. */
static void page_recount(uint64_t page, CodePage *p)
{
    p->map = 0;
    for (CodeBlock *b = p->blocks; b; b = *page_link(b, page))
        p->map |= block_granules(b, page);
    page_update(page, p);
}

bool code_page_pin(uint64_t page, const Cpu *self)
{
    CodePage *p = code_page(page, true);
    p->pins++;
    atomic_store(&p->granules, UINT64_MAX);
    if (!(atomic_fetch_or(&ram_page_flags[page], RAM_PAGE_CODE) & RAM_PAGE_CODE))
        p->ready = !tlb_demote_page(page, self);
    return p->ready;
}

void code_page_set_ready(uint64_t page)
{
    code_page(page, true)->ready = true;
}

void code_page_unpin(uint64_t page)
{
    CodePage *p = code_page(page, true);
    p->pins--;
    page_update(page, p);
}

static void page_list_add(CodeBlock *b, unsigned i)
{
    uint64_t page = b->page[i];
    CodePage *p = code_page(page, true);
    b->page_next[i] = p->blocks;
    b->page_prev[i] = &p->blocks;
    if (p->blocks)
        p->blocks->page_prev[p->blocks->page[0] != page] = &b->page_next[i];
    p->blocks = b;
    p->map |= block_granules(b, page);
}

static void page_list_remove(CodeBlock *b, unsigned i)
{
    CodeBlock *next = b->page_next[i];
    *b->page_prev[i] = next;
    if (next)
        next->page_prev[next->page[0] != b->page[i]] = b->page_prev[i];
}

void code_table_add(CodeBlock *b)
{
    for (unsigned i = 0; i < block_pages(b); i++)
        page_list_add(b, i);
    _Atomic(CodeBlock *) *head = bucket(b->pc, b->page[0], b->mode, b->cflags);
    b->hash_next = atomic_load_explicit(head, memory_order_relaxed);
    atomic_store_explicit(head, b, memory_order_release);
    part_used[(head - hash_table) >> PART_BITS] = true;
    code_stats.blocks++;
    code_stats.guest_insns += b->n_insns;
    code_stats.guest_bytes += b->len;
}

static void hash_unlink(CodeBlock *b)
{
    _Atomic(CodeBlock *) *head = bucket(b->pc, b->page[0], b->mode, b->cflags);
    CodeBlock *at = atomic_load_explicit(head, memory_order_relaxed);
    if (at == b) {
        atomic_store_explicit(head, b->hash_next, memory_order_release);
        return;
    }
    while (at->hash_next != b)
        at = at->hash_next;
    __atomic_store_n(&at->hash_next, b->hash_next, __ATOMIC_RELEASE);
}

/* All but the page maps. */
static void remove_block(CodeBlock *b)
{
    atomic_store(&b->valid, false);
    hash_unlink(b);
    for (unsigned i = 0; i < block_pages(b); i++)
        page_list_remove(b, i);
    engine->invalidate(b);
    code_stats.invalidated++;
    code_stats.blocks--;
    code_stats.guest_insns -= b->n_insns;
    code_stats.guest_bytes -= b->len;
    /* hash_next must stay for readers who are at b just now; page_next is free. */
    b->page_next[0] = graveyard;
    graveyard = b;
    graveyard_size++;
}

void code_block_remove(CodeBlock *b)
{
    remove_block(b);
    for (unsigned i = 0; i < block_pages(b); i++)
        page_update(b->page[i], code_page(b->page[i], true));
}

bool code_graveyard_full(void)
{
    return graveyard_size > GRAVEYARD_MAX;
}

void code_graveyard_empty(void)
{
    while (graveyard) {
        CodeBlock *b = graveyard;
        graveyard = b->page_next[0];
        if (engine->free_block)
            engine->free_block(b);
        code_block_free(b);
    }
    graveyard_size = 0;
}

/* ---- stores ---- */

void code_table_written(uint64_t page, unsigned offset, unsigned len)
{
    CodePage *p = code_page(page, false);
    if (!p || !len)
        return;
    unsigned last = MIN(offset + len, (unsigned)RAM_PAGE_SIZE) - 1;
    /* The store before this must not be overtaken by the look at the map. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!(atomic_load(&p->granules) & granule_mask(offset, last)))
        return;
    bool was_held = code_lock_held();
    if (!was_held)
        code_lock();
    code_stats.smc_stores++;
    unsigned n = 0;
    for (CodeBlock *b = p->blocks, *next; b; b = next) {
        next = *page_link(b, page);
        if (!block_overlaps(b, page, offset, last))
            continue;
        remove_block(b);
        if (block_pages(b) == 2) {
            uint64_t other = b->page[b->page[0] == page];
            page_update(other, code_page(other, true));
        }
        n++;
    }
    page_recount(page, p);
    if (n && current_cpu && current_cpu->tlb_state)
        current_cpu->tlb_state->smc_hits += n;
    if (!was_held)
        code_unlock();
}

/* Is one of the addresses in b? */
static bool block_has(const CodeBlock *b, const vaddr *at, unsigned n)
{
    uint64_t mask = code_key_mask(b->cflags);
    for (unsigned k = 0; k < n; k++) {
        if (((at[k] - b->pc) & mask) < b->len)
            return true;
    }
    return false;
}

/* The first bucket from h on that may have blocks, or one beyond the table. */
static unsigned first_used(unsigned h)
{
    while (h < G_N_ELEMENTS(hash_table) && !part_used[h >> PART_BITS])
        h = ((h >> PART_BITS) + 1) << PART_BITS;
    return h;
}

void code_remove_at(const vaddr *at, unsigned n)
{
    for (unsigned h = first_used(0); h < G_N_ELEMENTS(hash_table); h = first_used(h + 1)) {
        CodeBlock *b = atomic_load_explicit(&hash_table[h], memory_order_relaxed);
        for (CodeBlock *next; b; b = next) {
            next = chain_next(b);
            if (block_has(b, at, n))
                code_block_remove(b);
        }
    }
}

void code_flush_locked(void)
{
    for (unsigned h = first_used(0); h < G_N_ELEMENTS(hash_table); h = first_used(h + 1)) {
        CodeBlock *b;
        while ((b = atomic_load_explicit(&hash_table[h], memory_order_relaxed)))
            code_block_remove(b);
    }
    memset(part_used, 0, sizeof part_used);
    code_stats.flushes++;
}
