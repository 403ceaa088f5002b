/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jump caches: from guest pc to code, per vCPU, address space, mode word and cflags.
 *
 * An entry says that at this address, in this address space, this block is what executes; so it
 * goes when the mapping of any page the block was read from goes. It does not go when the block is
 * invalidated: the block's own entry point takes care of that.
 *
 * What generated code asks is a table by low bits of the address; what was pushed out of there is in
 * a second one, by other bits as well, which takes a call: where several blocks that run by turns have
 * the same place, that is what it costs them, and not a walk.
 *
 * Kernels execute from pages that are global, the same in all address spaces: all of these share
 * one jump cache per mode word, so that it stays warm over context switches. A cache starts out
 * shared; the first entry from a page that isn't global makes it the address space's own, and its
 * kind is remembered.
 */
#include "accel/core/tcg.h"

#include <string.h>
#include <sys/mman.h>

unsigned jump_shift = 1;

enum { CHUNK = JUMP_CACHE_SIZE / 64 }; /* entries that a bit of `touched` stands for */
enum { TRACKED = G_N_ELEMENTS(((CodeContext *)0)->filled) };

/*
 * How many entries begin in a page (and in those that share its counter). Code outside this file
 * may empty an entry without counting down, so a count may be too high; one that is full stays.
 */
static uint16_t *page_count(CodeContext *c, uint64_t pc)
{
    return &c->page_entries[((pc >> TLB_PAGE_BITS) * 0x9e3779b97f4a7c15u >> 32) % CODE_PAGE_COUNTS];
}

static void forget_entry(CodeContext *c, JumpEntry *j, unsigned i)
{
    if (j->pc == jump_empty(i))
        return;
    uint16_t *n = page_count(c, j->pc);
    *n -= *n && *n != UINT16_MAX;
    j->pc = jump_empty(i);
}

/* Where pc is in second[]: addresses of a page are neighbours there, too. */
static unsigned second_index(uint64_t pc)
{
    uint64_t high = (pc >> jump_shift >> JUMP_CACHE_BITS) * 0x9e3779b97f4a7c15u;
    return jump_index(pc) ^ (unsigned)(high >> (64 - JUMP_CACHE_BITS));
}

/* jump[i] or second[i] got an entry. */
static void note_filled(CodeContext *c, unsigned i)
{
    if (c->used < TRACKED)
        c->filled[c->used] = (uint16_t)i;
    c->used = MIN(c->used + 1, TRACKED + 1u);
    c->touched |= 1ULL << i / CHUNK;
}

/* jump[i] is free afterwards. */
static void push_out(CodeContext *c, unsigned i)
{
    JumpEntry *j = &c->jump[i];
    if (j->pc == jump_empty(i))
        return;
    unsigned to = second_index(j->pc);
    forget_entry(c, &c->second[to], to);
    c->second[to] = *j;
    j->pc = jump_empty(i);
    note_filled(c, to);
}

void code_context_clear(CodeContext *c)
{
    if (c->used <= TRACKED) {
        for (unsigned k = 0; k < c->used; k++) {
            unsigned i = c->filled[k];
            forget_entry(c, &c->jump[i], i);
            forget_entry(c, &c->second[i], i);
        }
    } else {
        for (uint64_t t = c->touched; t; t &= t - 1) {
            unsigned i = (unsigned)__builtin_ctzll(t) * CHUNK;
            memset(&c->jump[i], 0, CHUNK * sizeof c->jump[0]);
            memset(&c->second[i], 0, CHUNK * sizeof c->second[0]);
        }
        c->jump[0].pc = c->second[0].pc = jump_empty(0);
        memset(c->page_entries, 0, sizeof c->page_entries);
    }
    c->used = c->straddlers = 0;
    c->touched = 0;
    c->pc_lo = UINT64_MAX;
    c->pc_last = 0;
}

/* ---- lists ---- */

static CodeContext **list_of(TlbState *s, CodeContext *c)
{
    return c->ctx ? &c->ctx->code : &s->shared;
}

static void list_remove(TlbState *s, CodeContext *c)
{
    CodeContext **p = list_of(s, c);
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
}

static void list_add(TlbState *s, CodeContext *c)
{
    c->next = *list_of(s, c);
    *list_of(s, c) = c;
}

/* A clean one in no list: new while there may be more, else the one not used for longest. */
static CodeContext *obtain(TlbState *s)
{
    CodeContext *oldest = NULL;
    for (unsigned i = 0; i < s->n_code; i++) {
        if (!oldest || s->code[i]->last_used < oldest->last_used)
            oldest = s->code[i];
    }
    if (s->n_code < CODE_MAX_CONTEXTS && (!oldest || oldest->last_used)) {
        /* Of a cache that stays small most pages are never there. */
        CodeContext *c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (c == MAP_FAILED)
            g_error("out of memory");
        c->used = TRACKED + 1;
        code_context_clear(c);
        s->code[s->n_code++] = c;
        return c;
    }
    code_context_clear(oldest);
    if (oldest->last_used)
        list_remove(s, oldest);
    return oldest;
}

/* The context's address space is gone; last_used 0 says that they are in no list. */
void code_contexts_drop(TlbState *s, TlbContext *ctx)
{
    for (CodeContext *c = ctx->code; c; c = c->next) {
        code_context_clear(c);
        c->ctx = NULL;
        c->last_used = 0;
    }
    ctx->code = NULL;
}

static bool is_unshared(const TlbState *s, uint32_t mode, const TlbKey *key, int fetch_idx)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(s->unshared); i++) {
        if (s->unshared[i].used && s->unshared[i].mode == mode &&
            s->unshared[i].regime == key->regime && s->unshared[i].vmid == key->vmid &&
            s->unshared[i].fetch_idx == fetch_idx)
            return true;
    }
    return false;
}

static CodeContext *find(TlbState *s, CodeContext **list, const Cpu *cpu, const TlbKey *key)
{
    for (CodeContext **p = list; *p; p = &(*p)->next) {
        CodeContext *c = *p;
        if (c->mode != cpu->mode || c->cflags != cpu->cflags || c->fetch_idx != s->fetch_idx ||
            c->regime != key->regime || c->vmid != key->vmid || c->share != key->share)
            continue;
        *p = c->next;
        c->next = *list;
        *list = c;
        return c;
    }
    return NULL;
}

void code_context_select(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    TlbContext *ctx = cpu->tlb_fetch_ctx;
    CodeContext *c = find(s, &ctx->code, cpu, &ctx->key);
    if (!c)
        c = find(s, &s->shared, cpu, &ctx->key);
    if (!c) {
        c = obtain(s);
        c->ctx = is_unshared(s, cpu->mode, &ctx->key, s->fetch_idx) ? ctx : NULL;
        c->mode = cpu->mode;
        c->cflags = cpu->cflags;
        c->fetch_idx = s->fetch_idx;
        c->regime = ctx->key.regime;
        c->vmid = ctx->key.vmid;
        c->share = ctx->key.share;
        list_add(s, c);
    }
    c->last_used = ++s->clock;
    cpu->code = c;
}

static void make_private(Cpu *cpu, CodeContext *c, bool all_of_kind)
{
    TlbState *s = cpu->tlb_state;
    if (all_of_kind) {
        unsigned n = s->n_unshared++ % G_N_ELEMENTS(s->unshared);
        s->unshared[n].mode = c->mode;
        s->unshared[n].regime = c->regime;
        s->unshared[n].vmid = c->vmid;
        s->unshared[n].fetch_idx = c->fetch_idx;
        s->unshared[n].used = true;
    }
    code_context_clear(c);
    list_remove(s, c);
    c->ctx = cpu->tlb_fetch_ctx;
    list_add(s, c);
}

/* ---- entries ---- */

void code_context_fill(Cpu *cpu, uint64_t pc, const CodeBlock *b, uint8_t who)
{
    CodeContext *c = cpu->code;
    unsigned i = jump_index(pc);
    if (who != CODE_SHARED && !c->ctx) {
        make_private(cpu, c, who == CODE_BY_GLOBAL);
        c = cpu->code;
    }
    unsigned second = second_index(pc);
    if (c->second[second].pc == pc)
        forget_entry(c, &c->second[second], second);
    if (c->jump[i].pc == pc)
        forget_entry(c, &c->jump[i], i);
    else
        push_out(c, i);
    note_filled(c, i);
    c->straddlers += b->page[1] != NO_RAM_PAGE;
    c->pc_lo = MIN(c->pc_lo, pc & TLB_PAGE_MASK);
    c->pc_last = MAX(c->pc_last, pc | ~TLB_PAGE_MASK);
    *page_count(c, pc) += *page_count(c, pc) != UINT16_MAX;
    c->jump[i] = (JumpEntry){ pc, b->entry };
}

const void *code_context_second(Cpu *cpu, uint64_t pc)
{
    CodeContext *c = cpu->code;
    unsigned i = jump_index(pc), from = second_index(pc);
    if (c->second[from].pc != pc)
        return NULL;
    JumpEntry found = c->second[from];
    c->second[from].pc = jump_empty(from);
    push_out(c, i);
    c->jump[i] = found;
    return found.entry;
}

static void forget_in_range(CodeContext *c, unsigned i, unsigned second, uint64_t first,
                            uint64_t last)
{
    if (c->jump[i].pc >= first && c->jump[i].pc <= last)
        forget_entry(c, &c->jump[i], i);
    if (c->second[second].pc >= first && c->second[second].pc <= last)
        forget_entry(c, &c->second[second], second);
}

static void forget_range(CodeContext *c, uint64_t first, uint64_t last)
{
    if (c->used <= TRACKED) {
        for (unsigned k = 0; k < c->used; k++)
            forget_in_range(c, c->filled[k], c->filled[k], first, last);
        return;
    }
    /* A page's addresses are neighbours in the cache. */
    uint64_t step = 1ULL << jump_shift;
    for (uint64_t pc = first & -step;; pc += step) {
        forget_in_range(c, jump_index(pc), second_index(pc), first, last);
        if (last - pc < step)
            break;
    }
}

static void flush_page(CodeContext *list, vaddr va)
{
    for (CodeContext *c = list; c; c = c->next) {
        if (va >= c->pc_lo && va <= c->pc_last && *page_count(c, va))
            forget_range(c, va, va | ~TLB_PAGE_MASK);
        /* Blocks whose first instruction reaches into this page begin before it. */
        if (c->straddlers && va)
            forget_range(c, va - 16, va - 1);
    }
}

void code_contexts_flush_page(TlbContext *ctx, vaddr va)
{
    flush_page(ctx->code, va);
}

void code_contexts_flush_global_page(TlbState *s, vaddr va)
{
    flush_page(s->shared, va);
}

static void flush(CodeContext *list)
{
    for (CodeContext *c = list; c; c = c->next) {
        if (c->used)
            code_context_clear(c);
    }
}

void code_contexts_flush(TlbContext *ctx)
{
    flush(ctx->code);
}

void code_contexts_flush_global(TlbState *s)
{
    flush(s->shared);
}

void code_jump_caches_clear(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    for (unsigned i = 0; s && i < s->n_code; i++)
        code_context_clear(s->code[i]);
}
