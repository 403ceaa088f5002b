/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jump caches: from guest pc to code, per vCPU, address space, mode word and cflags.
 *
 * An entry says that at this address, in this address space, this block is what executes; so it
 * goes when the mapping of any page the block was read from goes. It does not go when the block is
 * invalidated: the block's own entry point takes care of that.
 */
#include "accel/core/tcg.h"

#include <stdlib.h>
#include <string.h>

enum { TRACKED = G_N_ELEMENTS(((CodeContext *)0)->filled) };

static unsigned page_hash(uint64_t page)
{
    return (page * 0x9e3779b97f4a7c15u) >> 56;
}

static bool bloom_has(const CodeContext *c, uint64_t page)
{
    unsigned h = page_hash(page);
    return c->pages_seen[h / 64] >> h % 64 & 1;
}

static void bloom_add(CodeContext *c, uint64_t page)
{
    unsigned h = page_hash(page);
    c->pages_seen[h / 64] |= 1ULL << h % 64;
}

void code_context_clear(CodeContext *c)
{
    if (c->used <= TRACKED) {
        for (unsigned i = 0; i < c->used; i++)
            c->jump[c->filled[i]].pc = jump_empty(c->filled[i]);
    } else {
        memset(c->jump, 0xff, sizeof c->jump);
        c->jump[jump_index(JUMP_EMPTY)].pc = jump_empty(jump_index(JUMP_EMPTY));
    }
    c->used = 0;
    c->all_global = true;
    memset(c->pages_seen, 0, sizeof c->pages_seen);
}

void code_context_fill(CodeContext *c, uint64_t pc, const CodeBlock *b, bool global)
{
    unsigned i = jump_index(pc);
    if (pc == JUMP_EMPTY)
        return;
    if (c->used < TRACKED)
        c->filled[c->used] = i;
    c->used = MIN(c->used + 1, TRACKED + 1u);
    c->all_global &= global;
    bloom_add(c, pc >> TLB_PAGE_BITS);
    if (b->page[1] != NO_RAM_PAGE)
        bloom_add(c, (pc >> TLB_PAGE_BITS) + 1);
    c->jump[i] = (JumpEntry){ pc, b->entry };
}

static void forget_range(CodeContext *c, uint64_t first, uint64_t last)
{
    if (c->used <= TRACKED) {
        for (unsigned i = 0; i < c->used; i++) {
            JumpEntry *j = &c->jump[c->filled[i]];
            if (j->pc >= first && j->pc <= last)
                j->pc = jump_empty(c->filled[i]);
        }
        return;
    }
    /* A page's addresses are neighbours in the cache. */
    for (uint64_t pc = first & ~1ULL;; pc += 2) {
        JumpEntry *j = &c->jump[jump_index(pc)];
        if (j->pc >= first && j->pc <= last)
            j->pc = jump_empty(jump_index(pc));
        if (last - pc < 2)
            break;
    }
}

void code_contexts_flush_page(TlbContext *ctx, vaddr va)
{
    for (CodeContext *c = ctx->code; c; c = c->next) {
        if (!c->used || !bloom_has(c, va >> TLB_PAGE_BITS))
            continue;
        /* Blocks whose first instruction reaches into this page begin before it. */
        forget_range(c, va - MIN(va, 16), va | ~TLB_PAGE_MASK);
    }
}

void code_contexts_flush(TlbContext *ctx, bool keep_global)
{
    for (CodeContext *c = ctx->code; c; c = c->next) {
        if (c->used && !(keep_global && c->all_global))
            code_context_clear(c);
    }
}

void code_jump_caches_clear(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    for (unsigned i = 0; s && i < s->n_code; i++)
        code_context_clear(s->code[i]);
}

void code_contexts_drop(TlbState *s, TlbContext *ctx)
{
    for (CodeContext *c = ctx->code, *next; c; c = next) {
        next = c->next;
        code_context_clear(c);
        c->ctx = NULL;
        c->next = NULL;
        c->last_used = 0;
    }
    ctx->code = NULL;
}

static void unlink_from_context(CodeContext *c)
{
    if (!c->ctx)
        return;
    CodeContext **p = &c->ctx->code;
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
}

/* A clean one: new while there may be more, else the one not used for longest. */
static CodeContext *obtain(TlbState *s)
{
    CodeContext *oldest = NULL;
    for (unsigned i = 0; i < s->n_code; i++) {
        if (!oldest || s->code[i]->last_used < oldest->last_used)
            oldest = s->code[i];
    }
    if (s->n_code < CODE_MAX_CONTEXTS && (!oldest || oldest->ctx)) {
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
    unlink_from_context(oldest);
    return oldest;
}

void code_context_select(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    TlbContext *ctx = cpu->tlb_fetch_ctx;
    for (CodeContext **p = &ctx->code; *p; p = &(*p)->next) {
        CodeContext *c = *p;
        if (c->mode != cpu->mode || c->cflags != cpu->cflags || c->fetch_idx != s->fetch_idx)
            continue;
        *p = c->next;
        c->next = ctx->code;
        ctx->code = c;
        c->last_used = ++s->clock;
        cpu->code = c;
        return;
    }
    CodeContext *c = obtain(s);
    c->ctx = ctx;
    c->mode = cpu->mode;
    c->cflags = cpu->cflags;
    c->fetch_idx = s->fetch_idx;
    c->last_used = ++s->clock;
    c->next = ctx->code;
    ctx->code = c;
    cpu->code = c;
}
