/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jump caches: from guest pc to code, per vCPU, address space, mode word and cflags.
 *
 * An entry says that at this address, in this address space, this block is what executes; so it
 * goes when the mapping of any page the block was read from goes. It does not go when the block is
 * invalidated: the block's own entry point takes care of that.
 *
 * Kernels execute from pages that are global, the same in all address spaces: all of these share
 * one jump cache per mode word, so that it stays warm over context switches. A cache starts out
 * shared; the first entry from a page that isn't global makes it the address space's own, and its
 * kind is remembered.
 */
#include "accel/core/tcg.h"

#include <stdlib.h>
#include <string.h>

enum { TRACKED = G_N_ELEMENTS(((CodeContext *)0)->filled) };

/*
 * How many entries begin in a page (and in those that share its counter). Code outside this file
 * may empty an entry without counting down, so a count may be too high; one that is full stays.
 */
static uint16_t *page_count(CodeContext *c, uint64_t pc)
{
    return &c->page_entries[((pc >> TLB_PAGE_BITS) * 0x9e3779b97f4a7c15u >> 32) % CODE_PAGE_COUNTS];
}

static void forget_entry(CodeContext *c, unsigned i)
{
    if (c->jump[i].pc == jump_empty(i))
        return;
    uint16_t *n = page_count(c, c->jump[i].pc);
    *n -= *n && *n != UINT16_MAX;
    c->jump[i].pc = jump_empty(i);
}

void code_context_clear(CodeContext *c)
{
    if (c->used <= TRACKED) {
        for (unsigned i = 0; i < c->used; i++)
            forget_entry(c, c->filled[i]);
    } else {
        memset(c->jump, 0xff, sizeof c->jump);
        c->jump[jump_index(JUMP_EMPTY)].pc = jump_empty(jump_index(JUMP_EMPTY));
        memset(c->page_entries, 0, sizeof c->page_entries);
    }
    c->used = c->straddlers = 0;
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
        CodeContext *c = aligned_alloc(64, (sizeof *c + 63) & ~(size_t)63);
        if (!c)
            g_error("out of memory");
        memset(c, 0, sizeof *c);
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
            c->regime != key->regime || c->vmid != key->vmid)
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
        list_add(s, c);
    }
    c->last_used = ++s->clock;
    cpu->code = c;
}

static void make_private(Cpu *cpu, CodeContext *c)
{
    TlbState *s = cpu->tlb_state;
    unsigned n = s->n_unshared++ % G_N_ELEMENTS(s->unshared);
    s->unshared[n].mode = c->mode;
    s->unshared[n].regime = c->regime;
    s->unshared[n].vmid = c->vmid;
    s->unshared[n].fetch_idx = c->fetch_idx;
    s->unshared[n].used = true;
    code_context_clear(c);
    list_remove(s, c);
    c->ctx = cpu->tlb_fetch_ctx;
    list_add(s, c);
}

/* ---- entries ---- */

void code_context_fill(Cpu *cpu, uint64_t pc, const CodeBlock *b, bool global)
{
    CodeContext *c = cpu->code;
    unsigned i = jump_index(pc);
    if (pc == JUMP_EMPTY)
        return;
    if (!global && !c->ctx)
        make_private(cpu, c);
    forget_entry(c, i);
    if (c->used < TRACKED)
        c->filled[c->used] = i;
    c->used = MIN(c->used + 1, TRACKED + 1u);
    c->straddlers += b->page[1] != NO_RAM_PAGE;
    c->pc_lo = MIN(c->pc_lo, pc & TLB_PAGE_MASK);
    c->pc_last = MAX(c->pc_last, pc | ~TLB_PAGE_MASK);
    *page_count(c, pc) += *page_count(c, pc) != UINT16_MAX;
    c->jump[i] = (JumpEntry){ pc, b->entry };
}

static void forget_range(CodeContext *c, uint64_t first, uint64_t last)
{
    if (c->used <= TRACKED) {
        for (unsigned k = 0; k < c->used; k++) {
            unsigned i = c->filled[k];
            if (c->jump[i].pc >= first && c->jump[i].pc <= last)
                forget_entry(c, i);
        }
        return;
    }
    /* A page's addresses are neighbours in the cache. */
    for (uint64_t pc = first & ~1ULL;; pc += 2) {
        unsigned i = jump_index(pc);
        if (c->jump[i].pc >= first && c->jump[i].pc <= last)
            forget_entry(c, i);
        if (last - pc < 2)
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
