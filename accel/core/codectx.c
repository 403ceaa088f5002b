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

/*
 * How many entries begin in a page (and in those that share its counter). Code outside this file
 * may empty an entry without counting down, so a count may be too high; one that is full stays.
 */
static uint16_t *page_count(CodeContext *c, uint64_t pc)
{
    return &c->page_entries[(pc >> TLB_PAGE_BITS) % CODE_PAGE_COUNTS];
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
    c->all_global = true;
}

void code_context_fill(CodeContext *c, uint64_t pc, const CodeBlock *b, bool global)
{
    unsigned i = jump_index(pc);
    if (pc == JUMP_EMPTY)
        return;
    forget_entry(c, i);
    if (c->used < TRACKED)
        c->filled[c->used] = i;
    c->used = MIN(c->used + 1, TRACKED + 1u);
    c->all_global &= global;
    c->straddlers += b->page[1] != NO_RAM_PAGE;
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

void code_contexts_flush_page(TlbContext *ctx, vaddr va)
{
    for (CodeContext *c = ctx->code; c; c = c->next) {
        if (c->used && *page_count(c, va))
            forget_range(c, va, va | ~TLB_PAGE_MASK);
        /* Blocks whose first instruction reaches into this page begin before it. */
        if (c->straddlers && va)
            forget_range(c, va - 16, va - 1);
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
