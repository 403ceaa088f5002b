/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JIT's own interfaces: code cache, block records and links (generic), and what a host
 * architecture provides.
 *
 * Everything here is under the translation lock (code_lock) unless said otherwise.
 */
#ifndef JIT_JIT_H
#define JIT_JIT_H

#include "accel/translate.h"

typedef struct JitBlock JitBlock;
typedef struct JitLink JitLink;

/* A direct exit: a jump instruction in generated code that is patched to reach its target. */
struct JitLink {
    JitBlock *from, *to;    /* to NULL: not linked, the site goes to the stub */
    JitLink *in_next;       /* in to->in */
    JitLink **in_prev;
    uint64_t pc;            /* guest address of the target (as CodeBlock.pc) */
    bool probe;             /* the target can't be linked: it reaches into the next page, or might */
    uint8_t *site;          /* rel32 field in the writable mapping */
    uint8_t *stub;          /* where it goes when unlinked, writable mapping */
};

struct JitBlock {
    CodeBlock *b;           /* NULL once invalidated */
    JitBlock *seg_next;
    uint8_t *code, *cold;   /* writable mapping; what is in line, and what is out of line */
    uint32_t size, cold_size;
    uint32_t n_links;
    uint64_t pc;
    const uint8_t *linked;  /* where links lead: behind the setting of Cpu.code_page */
    bool pic;
    bool region;            /* jumps within itself */
    JitLink *in;            /* links that lead here */
    JitLink links[];
};

enum { JIT_SEGMENTS = 8 }; /* at most */

/* Part of a segment that is filled from its start. */
typedef struct JitArea {
    uint8_t *start, *limit, *p;
    uint8_t *ready;           /* up to here the host's page tables have been filled */
} JitArea;

typedef struct JitSegment {
    JitArea code, cold;       /* what blocks run, and what they seldom jump to */
    JitBlock *blocks;
    struct JitChunk *chunks;  /* storage of block records */
    unsigned n_blocks;
} JitSegment;

typedef struct Jit {
    bool regions;             /* x-regions=on: hot loops become regions */
    uint8_t *rw;              /* the two mappings of the same memory */
    const uint8_t *rx;
    size_t size;
    JitSegment seg[JIT_SEGMENTS];
    unsigned n_segments;
    unsigned cur;             /* segment that is being filled; the next one is the oldest */
    _Atomic unsigned generation; /* counts evictions */
    const TargetOps *target;  /* that the thunks were made for */
    void (*enter)(Cpu *cpu, const void *entry);
    uint64_t n_evicted, n_links, n_compiled;
} Jit;
extern Jit jit;

static inline size_t jit_area_used(const JitArea *a)
{
    return (size_t)(a->p - a->start);
}

static inline const uint8_t *jit_rx(const uint8_t *rw)
{
    return jit.rx + (rw - jit.rw);
}

/* --- cache.c --- */
bool jit_cache_init(size_t size, GError **error);
/*
 * Room for `need` bytes of code, and as much for what is out of line: sets jb->code and cold.
 * False: evict and try again. Nothing is taken until commit, which takes jb's sizes.
 */
bool jit_cache_reserve(size_t need, uint8_t **code, uint8_t **cold);
JitBlock *jit_cache_new_block(unsigned n_links);
void jit_cache_commit(JitBlock *jb);
void jit_cache_evict(void);

/* --- link.c --- */
/* From generated code: the entry for the link's target, at pc, which gets linked if it may be. */
const void *jit_link(Cpu *cpu, JitLink *l, uint64_t pc);
/* From generated code: an invalidated block (its header word) was entered; pc counts if jb->pic. */
const void *jit_stale(Cpu *cpu, JitBlock *jb, uint64_t pc);
/* `at`: where in `to` the jump goes, writable mapping. */
void jit_link_to(JitLink *l, JitBlock *to, const uint8_t *at);
void jit_unlink_incoming(JitBlock *jb);
void jit_unlink_outgoing(JitBlock *jb);

/* --- hot.c --- */
/*
 * Loops are found by counters at backward exits; generated code counts down jit_hot_counters
 * and calls jit_hot_loop when one is used up.
 */
enum { JIT_HOT_COUNTERS = 4096, JIT_HOT_LOOP = 2000 };
extern int32_t jit_hot_counters[JIT_HOT_COUNTERS];
unsigned jit_hot_index(uint64_t pc);
bool jit_is_hot(Cpu *cpu, uint64_t pc, uint64_t ram_page, uint32_t cflags);
/* From generated code in block jb: the loop at pc shall be made again, as a region. */
void jit_hot_loop(Cpu *cpu, JitBlock *jb, uint64_t pc);

/* --- fp_soft.c --- */
/*
 * In software: an FP operation on raw bits, a vector operation whose operands are in cells[0..2]
 * and whose result goes to cells[0] (desc: accel/ir/eval_vec.h). Rounding and NaN policy are
 * those of cpu->fp, where sticky flags go, too.
 */
uint64_t jit_fp_soft(Cpu *cpu, uint64_t desc, uint64_t a, uint64_t b, uint64_t c);
void jit_vec_soft(Cpu *cpu, uint64_t desc, IrV128 *cells);

/* --- the host's part --- */
/* What depends on the guest alone: thunks, at the start of the cache, and its pins. */
void jit_host_init(uint8_t *at, const TargetOps *t);
/* Upper bound of the size of f's code, in line or out of it. */
size_t jit_host_bound(const IrFunc *f, const CodeBlock *b);
/* Emits b's code at jb->code and cold, and fills its sizes, links and entry. */
void jit_host_emit(Cpu *cpu, CodeBlock *b, JitBlock *jb, IrFunc *f);
unsigned jit_host_count_links(const IrFunc *f, const CodeBlock *b);
void jit_host_set_link(uint8_t *site, const uint8_t *target); /* atomically; both writable map */
void jit_host_kill_entry(JitBlock *jb);
void jit_host_recover(Cpu *cpu);

#endif
