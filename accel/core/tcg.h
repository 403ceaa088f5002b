/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside accel/core: what the software TLB, the slow path of memory, the table of code blocks, the
 * translator's driver and the execution loop know of each other.
 */
#ifndef ACCEL_CORE_TCG_H
#define ACCEL_CORE_TCG_H

#include "accel/cpu.h"
#include "accel/tlb.h"
#include "accel/translate.h"

enum {
    TLB_MAX_CONTEXTS = 16,
    TLB_MAX_MMU_IDX = 8,
    TLB_TRACKED = 256,      /* filled entries that are remembered one by one */
    TLB_MAX_REMOTE = 32,    /* flushes that a vCPU may ask another for before that drops all */
    CODE_MAX_CONTEXTS = 32, /* jump caches of one vCPU: up to 512 KiB each */
};
#define TLB_EMPTY UINT64_MAX   /* tag, and info.va, of an entry that is not in use */
#define NO_RAM_PAGE UINT64_MAX

/* What an entry says besides TlbEntry. */
typedef struct TlbInfo {
    vaddr va;       /* page address, or TLB_EMPTY */
    hwaddr paddr;   /* page address */
    uint8_t page_bits, attrs, code;
    bool global;
    uint32_t code_version; /* tlb_table_version before the walk */
} TlbInfo;

typedef struct TlbSecond TlbSecond; /* tlb_second.c */

enum { TLB_LARGE_WORDS = 16 };
/* tlb_large.c. Addresses without their top byte. Empty: lo > last */
typedef struct TlbLarge {
    vaddr lo, last;                   /* hull of pages up to 2 MiB */
    uint64_t filter[TLB_LARGE_WORDS]; /* of these */
    vaddr huge_lo, huge_last;         /* hull of larger ones */
} TlbLarge;

/* One table: an access mode of a context. */
typedef struct TlbTable {
    TlbEntry entry[TLB_SIZE]; /* first: Cpu.tlb points here */
    TlbInfo info[TLB_SIZE];
    /* RAM page of each entry, or NO_RAM_PAGE. Other threads look for pages here. */
    _Atomic uint64_t ram_page[TLB_SIZE];
    unsigned n_filled;        /* > TLB_TRACKED: more than filled[] holds */
    uint16_t filled[TLB_TRACKED];
    unsigned n_global;
    TlbLarge large, large_x;  /* pages > 4 KiB that entries were made from; that code may be in */
    unsigned n_pushed_out;    /* entries that made room for others, since the last flush */
    TlbSecond *second;        /* NULL until many were */
} TlbTable;

struct TlbContext {
    TlbKey key;
    _Atomic(TlbTable *) table[TLB_MAX_MMU_IDX]; /* NULL until used */
    CodeContext *code;
    uint64_t last_used;
    bool valid;
};

typedef struct TlbState {
    _Atomic(TlbContext *) ctx[TLB_MAX_CONTEXTS]; /* NULL until used; never freed before the vCPU */
    TlbContext *spare;        /* the last one that was made or reused */
    int data_idx, fetch_idx;
    uint64_t clock;           /* for last_used */
    CodeContext *code[CODE_MAX_CONTEXTS]; /* all there are */
    unsigned n_code;
    CodeContext *shared;      /* those without a TlbContext */
    /* Kinds of context that were found to run code of non-global pages; a ring. */
    struct { uint32_t mode, regime, vmid; int fetch_idx; bool used; } unshared[32];
    unsigned n_unshared;
    TlbStats stats;
    /* Flushes that other vCPUs ask for (tlb_flush.c). */
    pthread_mutex_t remote_lock;
    _Atomic bool remote_pending; /* set under the lock, cleared when they are done */
    TlbFlush remote[TLB_MAX_REMOTE];
    unsigned n_remote;        /* > TLB_MAX_REMOTE: everything */
    uint32_t table_version;   /* tlb_table_version that shared jump caches are good for */
    bool flushes_out;         /* own ones that were not waited for */
    uint64_t lookups, lookup_hits;
    /* exec.c */
    bool want_exclusive;      /* the current instruction must be done with all others stopped */
    bool exclusive;           /* it is being done so */
    bool watch_hit;           /* finish the current instruction, then stop for the debugger */
    bool ignore_watch;        /* it is being finished */
    bool want_alone;          /* the current instruction needs a block of its own (icount_exact) */
    bool alone;               /* it has it */
    /* Blocks that stores of this vCPU invalidated; x86 will look whether one is its own. */
    uint64_t smc_hits;
    /* chaos */
    struct { TlbTable *table; unsigned index; } recent[4];
    unsigned n_recent;
    uint32_t random;
} TlbState;

/* What the slow path knows of an access: the entry as it was made, cached or not. */
typedef struct TlbLookup {
    uint8_t *host;     /* of the page; NULL: MMIO */
    hwaddr paddr;      /* of the page */
    uint64_t ram_page;
    unsigned flags;    /* TLB_MMIO, TLB_SLOW_PAGE, TLB_WATCH, TLB_ALIGNED for this access */
    TlbEntry *entry;   /* NULL: not cached (MmuResult.no_tlb) */
    bool global;
    uint8_t attrs;     /* MmuResult.attrs */
    uint8_t code;      /* as MmuResult.code; CODE_UNCACHED where tables have been written since */
    MmuResult mmu;     /* of the walk, if entry is NULL */
} TlbLookup;

/* Test options of -accel tcg and interp. */
typedef struct Chaos {
    bool tiny_tlb;         /* only the last few entries filled are kept */
    unsigned random_flush; /* on average every n-th return to the dispatcher flushes the TLB; 0 no */
    unsigned random_evict; /* every n-th lookup in the table drops all code */
    bool verify_ir;        /* check every function before and after optimisation */
    bool no_optimize;
    bool one_insn;         /* one-insn-per-tb */
} Chaos;
extern Chaos chaos;
bool chaos_roll(TlbState *s, unsigned n);

/* --- tlb.c --- */
TlbState *tlb_state_new(Cpu *cpu);
void tlb_state_free(Cpu *cpu);
TlbTable *tlb_table(Cpu *cpu, TlbContext *ctx, int mmu_idx);
/*
 * The page of va for this kind of access, through the table or a walk. A guest fault: raised if
 * `raise`, else false.
 */
bool tlb_lookup(Cpu *cpu, TlbContext *ctx, int mmu_idx, vaddr va, MmuAccess access, bool raise,
                TlbLookup *out);
/* The page's flags may have become harmless: lets e be fast for stores again, if so. */
void tlb_make_fast(TlbEntry *e, uint64_t ram_page);
/* tlb_make_page_slow, with the answer whether a vCPU other than self had a fast entry. */
bool tlb_demote_page(uint64_t ram_page, const Cpu *self);
void tlb_map_changed(AddressSpace *as);
void tlb_entry_clear(TlbTable *t, unsigned i);
void tlb_table_reset(TlbTable *t);
void tlb_pages_made_clean(void);

/* --- tlb_large.c --- */
void tlb_large_reset(TlbLarge *l);
void tlb_large_add(TlbLarge *l, vaddr page, unsigned page_bits);
/* May one of the pages have a part in [first, last]? Top bytes are clear. */
bool tlb_large_touches(const TlbLarge *l, vaddr first, vaddr last);

/* --- tlb_second.c --- */
/* What a walk for this access found before; only if it allows it. */
bool tlb_second_find(const TlbTable *t, vaddr page, MmuAccess access, MmuResult *r);
void tlb_second_note(TlbTable *t, vaddr page, const MmuResult *r);
void tlb_second_drop(TlbTable *t); /* everything */
/* Page addresses without their top byte; no page of these is part of a larger one. */
void tlb_second_flush_pages(TlbTable *t, vaddr first, vaddr last);
void tlb_second_free(TlbTable *t);

/* --- tlb_flush.c --- */
void tlb_remote_drain_slow(Cpu *cpu);
/*
 * Does what others asked for. Before anything is translated after the vCPU was outside of
 * cpu_exec_start and _end: those who wait for a flush do not wait for a vCPU that is there.
 */
static inline void tlb_remote_drain(Cpu *cpu)
{
    if (G_UNLIKELY(atomic_load(&cpu->tlb_state->remote_pending)))
        tlb_remote_drain_slow(cpu);
}

/* --- tables.c --- */
extern _Atomic uint32_t tlb_table_version; /* grows when a watched table was written */
void tlb_table_written(void);

/* --- codectx.c --- */
void code_context_select(Cpu *cpu);
void code_context_clear(CodeContext *c);
/* Notes in Cpu.code that pc is b's; who is CODE_SHARED, CODE_PRIVATE, or CODE_BY_GLOBAL: contexts of
 * this kind have private ones. */
void code_context_fill(Cpu *cpu, uint64_t pc, const CodeBlock *b, uint8_t who);
/* The entry for pc if it was pushed out of cpu->code not long ago; else NULL. */
const void *code_context_second(Cpu *cpu, uint64_t pc);
/* Mappings of a page, or any, went: those of a context, or global ones. */
void code_contexts_flush_page(TlbContext *ctx, vaddr va);
void code_contexts_flush(TlbContext *ctx);
void code_contexts_flush_global_page(TlbState *s, vaddr va);
void code_contexts_flush_global(TlbState *s);
/* An address space comes or was flushed: what is shared goes if tables have been written. */
static inline void code_contexts_check_tables(TlbState *s)
{
    uint32_t version = atomic_load(&tlb_table_version);
    if (G_LIKELY(s->table_version == version))
        return;
    s->table_version = version;
    code_contexts_flush_global(s);
}
/* The context is about to be used for another address space. */
void code_contexts_drop(TlbState *s, TlbContext *ctx);

/* --- codetable.c --- */
/* The block, or NULL. page1: RAM page after the first, if known, else NO_RAM_PAGE. */
CodeBlock *code_table_find(uint64_t pc, uint64_t page0, uint64_t page1, uint32_t mode,
                           uint32_t cflags);
/* All under the translation lock: */
CodeBlock *code_block_new(void); /* zeroed */
void code_block_free(CodeBlock *b);
void code_table_add(CodeBlock *b);
/*
 * Until unpinned, stores to the page are noticed. False: another vCPU had the page writable and
 * may be about to store; the bytes may be read after an exclusive section and _set_ready.
 */
bool code_page_pin(uint64_t page, const Cpu *self);
void code_page_set_ready(uint64_t page);
void code_page_unpin(uint64_t page);
bool code_graveyard_full(void);
/* In an exclusive section: frees removed blocks. */
void code_graveyard_empty(void);
void code_flush_locked(void);
/* Blocks with any of these guest addresses (ascending) go. In an exclusive section. */
void code_remove_at(const vaddr *at, unsigned n);
void code_table_written(uint64_t page, unsigned offset, unsigned len); /* hook; takes the lock */
bool code_lock_held(void);

/* --- translate.c --- */
/* What code is read from: the page of pc, and the next one if an instruction may reach it. */
typedef struct CodePages {
    TlbLookup page0, page1;
    bool near_end;  /* page1 was looked up */
    bool have1;     /* and may be read */
    uint32_t cflags;
} CodePages;
/*
 * Translates the block at pc and enters it into the table. NULL: the second page is needed and
 * can't be fetched. Translation lock held, pages pinned; *full: the engine wants an eviction.
 */
CodeBlock *code_translate(Cpu *cpu, uint64_t pc, const CodePages *pages, bool *full);
/* One superblock's translation. */
typedef struct CodeDriver {
    TransCtx t; /* first: what the target gets */
    const uint8_t *host1; /* contents of the second page, or NULL */
    JumpBuf abort_buf;
} CodeDriver;
/*
 * Fills d->t.f with the superblock at d->t.pc. False: its first instruction needs the second page
 * and that can't be fetched.
 */
bool code_build(CodeDriver *d);

/* --- region.c --- */
/*
 * The loop at pc as one function: all blocks of its page that lie on a cycle through it. NULL:
 * there is none, or it is too big. *len: bytes of code from pc on. Under the translation lock; valid
 * until the next call.
 */
IrFunc *code_build_region(Cpu *cpu, uint64_t pc, const CodePages *pages, unsigned *len);

/* --- exec.c --- */
/* cpu_loop_exit of an instruction that is not done, and will be done again. */
void tcg_leave_before(Cpu *cpu) G_GNUC_NORETURN;
/* Before a device is accessed: what it causes must come right behind the instruction. */
void tcg_need_alone(Cpu *cpu);
/* At pc, where no code can be: stops if there is a breakpoint. */
void tcg_break_here(Cpu *cpu, uint64_t pc);
CpuExit tcg_exec(Cpu *cpu);
/* Runs fn while all other vCPUs are outside generated code. Not from within generated code, and
 * whatever was looked up before may be gone after. */
void tcg_exclusive(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg);
extern const IrHelper tcg_helper_breakpoint;

/* --- debug.c --- */
/* Does code for pc begin with a breakpoint's check? With CF_PIC: of any address with this offset in
 * its page. */
bool tcg_checks_at(uint64_t pc, uint32_t cflags);

/* --- lookup.c --- */
CodeBlock *code_find(Cpu *cpu, uint64_t pc, CodePages *pages);
void code_invalidate_all(void); /* in an exclusive section */

/* --- info.c --- */
void tcg_info(GString *out);

static inline uint64_t cpu_pc(const Cpu *cpu)
{
    const TargetOps *t = cpu->target;
    return *(const uint64_t *)((const char *)cpu + t->slots[t->pc_slot].offset);
}

static inline void tlb_set_tag(TlbEntry *e, MmuAccess access, uint64_t tag)
{
    atomic_store_explicit(&e->tag[access], tag, memory_order_relaxed);
}

static inline uint64_t tlb_get_tag(const TlbEntry *e, MmuAccess access)
{
    return atomic_load_explicit(&e->tag[access], memory_order_relaxed);
}

#endif
