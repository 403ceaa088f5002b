/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the guest's pc to its block: through the fetch TLB and the table of blocks, translating
 * what isn't there, making room when the engine has none.
 */
#include "accel/core/tcg.h"

#include <string.h>

#include "util/log.h"

static void G_GNUC_NORETURN raise_no_code(Cpu *cpu, vaddr va, const TlbLookup *l)
{
    hwaddr pa = l->paddr | (va & ~TLB_PAGE_MASK);
    MemorySection sec = memory_section_lookup(cpu->as, pa);
    cpu->target->raise_bus_error(cpu, va, pa, MMU_EXEC,
                                 sec.region ? MEM_BUS_ERROR : MEM_DECODE_ERROR);
}

static bool find_pages(Cpu *cpu, uint64_t pc, bool raise, CodePages *p)
{
    TlbState *s = cpu->tlb_state;
    TlbContext *ctx = cpu->tlb_fetch_ctx;
    /* gdb lets functions that it calls return to the entry point, which Linux has freed. */
    if (raise && G_UNLIKELY(cpu->breakpoints->len) &&
        !(tlb_lookup(cpu, ctx, s->fetch_idx, pc, MMU_EXEC, false, &p->page0) && p->page0.host))
        tcg_break_here(cpu, pc);
    if (!tlb_lookup(cpu, ctx, s->fetch_idx, pc, MMU_EXEC, raise, &p->page0))
        return false;
    if (!p->page0.host) {
        if (raise)
            raise_no_code(cpu, pc, &p->page0);
        return false;
    }
    p->cflags = cpu->cflags |
                (uint32_t)(p->page0.attrs & cpu->target->code_attrs) << CF_ATTRS_SHIFT;
    p->near_end = (pc & ~TLB_PAGE_MASK) + cpu->target->max_insn_len > RAM_PAGE_SIZE;
    if (pc >= code_pic_from && pc < CODE_PIC_END && !p->near_end &&
        code_mode_is_user(cpu->target, cpu->mode))
        p->cflags |= CF_PIC;
    p->have1 = p->near_end && tlb_lookup(cpu, ctx, s->fetch_idx, (pc | ~TLB_PAGE_MASK) + 1,
                                         MMU_EXEC, false, &p->page1) && p->page1.host;
    if (!p->page0.entry) {
        /* What may be fetched changes within the page: one instruction, and look again. */
        p->cflags |= CF_ONE_INSN | CF_NOCHAIN;
        if (p->page0.mmu.extent < 2) {
            if (raise)
                cpu->target->raise_mmu_fault(cpu, pc, MMU_EXEC, s->fetch_idx, &p->page0.mmu);
            return false;
        }
    }
    return true;
}

static CodeBlock *find_in_table(Cpu *cpu, uint64_t pc, const CodePages *p)
{
    return code_table_find(pc, p->page0.ram_page, p->have1 ? p->page1.ram_page : NO_RAM_PAGE,
                           cpu->mode, p->cflags);
}

/* ---- making room ---- */

static void clear_jump_caches(void)
{
    for (unsigned i = 0; i < cpu_count; i++)
        code_jump_caches_clear(cpus[i]);
}

static void evict(Cpu *cpu, void *arg)
{
    code_lock();
    if (engine->evict)
        engine->evict(cpu);
    clear_jump_caches();
    code_graveyard_empty();
    code_unlock();
}

/* Removed blocks pile up where a guest makes much new code. */
static void bury(Cpu *cpu, void *arg)
{
    code_lock();
    clear_jump_caches();
    code_graveyard_empty();
    code_unlock();
}

void code_invalidate_all(void)
{
    code_lock();
    code_flush_locked();
    clear_jump_caches();
    code_graveyard_empty();
    code_unlock();
}

static void flush_exclusively(Cpu *cpu, void *arg)
{
    code_invalidate_all();
}

static void flush_work(Cpu *cpu, void *arg)
{
    tcg_exclusive(cpu, flush_exclusively, NULL);
}

void code_flush_all(void)
{
    /* A helper may return into the code that would be gone: after its block, then. */
    if (current_cpu && atomic_load(&current_cpu->in_exec))
        cpu_run_on(current_cpu, flush_work, NULL);
    else
        tcg_exclusive(current_cpu, flush_exclusively, NULL);
}

static void nothing(Cpu *cpu, void *arg)
{
}

/* ---- translating ---- */

static bool pin(Cpu *cpu, const CodePages *p)
{
    bool ready = code_page_pin(p->page0.ram_page, cpu);
    if (p->have1)
        ready &= code_page_pin(p->page1.ram_page, cpu);
    return ready;
}

static void unpin(const CodePages *p)
{
    code_page_unpin(p->page0.ram_page);
    if (p->have1)
        code_page_unpin(p->page1.ram_page);
}

static bool same_pages(const CodePages *a, const CodePages *b)
{
    return a->page0.ram_page == b->page0.ram_page && a->have1 == b->have1 &&
           a->cflags == b->cflags && (!a->have1 || a->page1.ram_page == b->page1.ram_page);
}

/*
 * Pages must be read only when no other vCPU can be between the check and the store of a write
 * that was allowed before they became code. NULL: something changed, start again.
 */
static CodeBlock *translate(Cpu *cpu, uint64_t pc, CodePages *p)
{
    bool full = false;
    code_lock();
    CodeBlock *b = find_in_table(cpu, pc, p);
    if (b) {
        code_unlock();
        return b;
    }
    if (!pin(cpu, p)) {
        CodePages now;
        code_unlock();
        tcg_exclusive(cpu, nothing, NULL);
        bool same = find_pages(cpu, pc, false, &now) && same_pages(p, &now);
        code_lock();
        code_page_set_ready(p->page0.ram_page);
        if (p->have1)
            code_page_set_ready(p->page1.ram_page);
        if (!same || (b = find_in_table(cpu, pc, p))) {
            unpin(p);
            code_unlock();
            return b;
        }
    }
    b = code_translate(cpu, pc, p, &full);
    unpin(p);
    bool graves = code_graveyard_full();
    code_unlock();
    if (full || graves) {
        tcg_exclusive(cpu, full ? evict : bury, NULL);
        return NULL;
    }
    if (!b) {
        /* The first instruction needs the second page: now for its fault. */
        vaddr next = (pc | ~TLB_PAGE_MASK) + 1;
        TlbLookup l;
        if (tlb_lookup(cpu, cpu->tlb_fetch_ctx, cpu->tlb_state->fetch_idx, next, MMU_EXEC, true,
                       &l) && !l.host)
            raise_no_code(cpu, next, &l);
    }
    return b;
}

CodeBlock *code_find(Cpu *cpu, uint64_t pc, CodePages *p)
{
    TlbState *s = cpu->tlb_state;
    s->lookups++;
    if (G_UNLIKELY(chaos.random_evict) && chaos_roll(s, chaos.random_evict))
        tcg_exclusive(cpu, flush_exclusively, NULL);
    for (;;) {
        find_pages(cpu, pc, true, p);
        CodeBlock *b = find_in_table(cpu, pc, p);
        if (G_LIKELY(b)) {
            s->lookup_hits++;
            return b;
        }
        b = translate(cpu, pc, p);
        if (b)
            return b;
    }
}

CodeBlock *code_block_find(Cpu *cpu, uint64_t pc)
{
    CodePages p;
    return code_find(cpu, pc, &p);
}

static uint8_t who_may_cache(const TlbLookup *l)
{
    return !l->entry ? CODE_UNCACHED : l->global ? CODE_SHARED : l->code;
}

const void *code_lookup(Cpu *cpu)
{
    CodePages p;
    uint64_t pc = cpu_pc(cpu);
    const void *second = code_context_second(cpu, pc);
    if (second)
        return second;
    CodeBlock *b = code_find(cpu, pc, &p);
    bool straddles = b->page[1] != NO_RAM_PAGE;
    uint8_t who = who_may_cache(&p.page0);
    if (straddles && who == CODE_SHARED)
        who = who_may_cache(&p.page1);
    if (who != CODE_UNCACHED && (!straddles || who_may_cache(&p.page1) != CODE_UNCACHED))
        code_context_fill(cpu, pc, b, who);
    return b->entry;
}

bool cpu_peek_code(Cpu *cpu, vaddr va, void *buf, unsigned len)
{
    TlbLookup l;
    if (!tlb_lookup(cpu, cpu->tlb_fetch_ctx, cpu->tlb_state->fetch_idx, va, MMU_EXEC, false, &l) ||
        !l.host || (va & ~TLB_PAGE_MASK) + len > RAM_PAGE_SIZE)
        return false;
    memcpy(buf, l.host + (va & ~TLB_PAGE_MASK), len);
    return true;
}
