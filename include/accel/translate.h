/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From guest code to code blocks: the translator's driver, the table of blocks, and the interface
 * between them and an engine (JIT or interpreter).
 *
 * A CodeBlock is a region of guest code with one entry. It is found by (pc, RAM page of pc, mode
 * word, cflags) and belongs to all vCPUs. Of the pc only the offset in its page counts with CF_PIC:
 * user code, which is mapped at different addresses by different processes. `n_pages` is 1 or 2 now
 * (the last instruction may straddle); a region of several blocks may have more.
 */
#ifndef ACCEL_TRANSLATE_H
#define ACCEL_TRANSLATE_H

#include "accel/cpu.h"
#include "accel/ir.h"
#include "accel/tlb.h"

/* User code at and above this address is position-independent; UINT64_MAX: none is. */
extern uint64_t code_pic_from;
/* Addresses from here on may have a tag. */
#define CODE_PIC_END (1ULL << 55)

static inline bool code_mode_is_user(const TargetOps *t, uint32_t mode)
{
    return t->user_mask && (mode & t->user_mask) == t->user_mode;
}
/* Which bits of the address a block is found by. */
static inline uint64_t code_key_mask(uint32_t cflags)
{
    return cflags & CF_PIC ? ~TLB_PAGE_MASK : UINT64_MAX;
}

enum { CODE_BLOCK_MAX_INSNS = 64, CODE_BLOCK_MAX_PAGES = 8 };

/* State of one translation, for TargetOps.translate_insn. */
struct TransCtx {
    Cpu *cpu;
    IrFunc *f;
    uint64_t pc_first, pc;  /* of the block; of the current instruction */
    uint32_t mode, cflags;
    bool end;               /* set by the target when it emitted the final exit */
    unsigned n_insns;
    uint64_t page_end;      /* first address after the block's first page */
    const uint8_t *host;    /* first page's contents, at page start */
    bool straddles;         /* code was read from the second page */
    uint64_t target_data[8];/* the target's own, zero at the start of a block */
};

/*
 * 16 bits of code at va, in the first or the next page; faults leave by cpu_loop_exit with the
 * fault on the *current instruction's* pc and tval va: the driver sees to it that this happens only
 * when the instruction is the first of its block (it ends the block before, otherwise).
 */
uint16_t trans_fetch16(TransCtx *t, uint64_t va);
uint32_t trans_fetch32(TransCtx *t, uint64_t va);
uint8_t trans_fetch8(TransCtx *t, uint64_t va);

typedef struct CodeBlock CodeBlock;
struct CodeBlock {
    uint64_t pc;             /* with CF_PIC: where it was translated */
    uint64_t page[2];        /* RAM page numbers; page[1] == UINT64_MAX if there is none */
    uint32_t mode, cflags;
    uint16_t first_offset;   /* of pc in page[0] */
    uint16_t len;            /* bytes of guest code */
    uint16_t n_insns;
    _Atomic bool valid;      /* cleared once, when code was overwritten or evicted */
    const void *entry;       /* what the engine jumps to; for the interpreter, the block itself */
    void *engine_data;
    CodeBlock *hash_next;
    CodeBlock *page_next[2], **page_prev[2]; /* in the lists of its pages */
};

/* What executes blocks. */
typedef struct Engine {
    const char *name;
    bool (*init)(GHashTable *opts, GError **error);
    /* Makes b executable from f (translation lock held). False: the cache is full; the caller
     * evicts (evict below) and tries again. */
    bool (*compile)(Cpu *cpu, CodeBlock *b, IrFunc *f);
    /* Shall the block be made as a region, because it is the head of a loop that runs often?
     * NULL: never. Translation lock held. */
    bool (*is_hot)(Cpu *cpu, uint64_t pc, uint64_t ram_page, uint32_t cflags);
    /* b is no longer valid: nobody may enter it from now on (links into it, its head). */
    void (*invalidate)(CodeBlock *b);
    /* b's memory goes, when no vCPU can be in it any more; NULL: nothing to free. */
    void (*free_block)(CodeBlock *b);
    /* Frees room for new code, invalidating blocks through code_block_remove. The translation
     * lock is held, all other vCPUs are outside generated code, and the caller clears all jump
     * caches afterwards: memory of removed blocks may be used again at once. */
    void (*evict)(Cpu *cpu);
    /* Runs from `entry` until something leaves generated code. pc is in its slot. */
    void (*run)(Cpu *cpu, const void *entry);
    /*
     * To be called first by whoever catches cpu_loop_exit: the host's FP control register goes
     * back to the C world's, its sticky bits to Cpu.mxcsr, instruction counts are settled. A
     * no-op when the exit didn't come out of generated code. NULL: nothing to do.
     */
    void (*recover)(Cpu *cpu);
    void (*info)(GString *out);
} Engine;
extern const Engine *engine;           /* in use */
extern const Engine engine_interp, engine_jit;

/* --- jump caches: guest pc -> entry, per (address space, mode word, cflags) and vCPU --- */
enum { JUMP_CACHE_BITS = 14, JUMP_CACHE_SIZE = 1 << JUMP_CACHE_BITS };
typedef struct JumpEntry {
    uint64_t pc;             /* jump_empty() where free */
    const void *entry;
} JumpEntry;
enum { CODE_PAGE_COUNTS = 4096 };
struct CodeContext {
    JumpEntry jump[JUMP_CACHE_SIZE]; /* first: generated code indexes it from Cpu.code */
    JumpEntry second[JUMP_CACHE_SIZE]; /* what was pushed out of jump: code_lookup looks there */
    TlbContext *ctx;         /* NULL: shared by all address spaces, entries of global pages only */
    uint32_t mode, cflags;
    int fetch_idx;
    uint32_t regime, vmid;
    uint64_t share;
    uint32_t used;           /* entries filled since the last clear */
    uint16_t filled[512];    /* which of jump[] or second[], as long as there are no more */
    uint64_t touched;        /* which 64ths of jump[] and second[] may have entries */
    uint32_t straddlers;     /* entries of blocks in two pages, ever filled */
    uint64_t pc_lo, pc_last; /* hull of all entries' pages */
    /* Number of entries by page, hashed; too high where others emptied entries. */
    uint16_t page_entries[CODE_PAGE_COUNTS];
    uint64_t last_used;
    CodeContext *next;       /* of the same TlbContext, or shared; most recently used first */
};
extern unsigned jump_shift; /* log2 of the guest's instruction alignment; set with the first CPU */
static inline unsigned jump_index(uint64_t pc)
{
    return (unsigned)(pc >> jump_shift) & (JUMP_CACHE_SIZE - 1);
}
/* For entry i: a pc that no jump which looks there can have. 0 for most: memory starts as that. */
static inline uint64_t jump_empty(unsigned i)
{
    return i ? 0 : 4;
}

/*
 * The entry for the pc now in the Cpu's pc slot, translating if need be; fills the jump cache.
 * May leave by cpu_loop_exit (fetch fault). Never NULL.
 */
const void *code_lookup(Cpu *cpu);
/* The same as a block, without filling the jump cache. */
CodeBlock *code_block_find(Cpu *cpu, uint64_t pc);
/*
 * Takes b out of all tables and calls engine->invalidate. Translation lock held. The memory of b
 * stays until no vCPU can be between a lookup and using its result (freed in an eviction or flush,
 * in an exclusive section).
 */
void code_block_remove(CodeBlock *b);
void code_flush_all(void);
/* All block entries of the CPU's jump caches are forgotten (after eviction). */
void code_jump_caches_clear(Cpu *cpu);
void code_lock(void);
void code_unlock(void);

typedef struct CodeStats {
    uint64_t blocks, guest_insns, guest_bytes, host_bytes, invalidated, flushes, lookups,
        lookup_hits, smc_stores, translate_ns;
} CodeStats;
extern CodeStats code_stats;

#endif
