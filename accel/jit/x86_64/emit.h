/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86-64 emitter's state and the interfaces between its files.
 *
 * Registers of generated code (System V names):
 *   rbp   the Cpu struct plus a bias that brings the target's first slots into 8-bit reach
 *   r14   Cpu.tlb
 *   rsp   the frame of the enter thunk: [0] result, [8] memop, [16], [24] operands of slow
 *         paths, [32] three vectors, [80] rounds, [96] windows, then spilled temps
 *         (vectors have two cells)
 *   rbx r8-r13 r15   pinned slots, by pin number; hold at every block boundary and label
 *   rax rcx rdx rsi rdi, xmm0-15   temps, and copies of slots whose memory is always up to date
 *
 * Blocks with CF_PIC are entered with the guest's address in rcx, but by links within a page.
 *
 * Host registers are numbered 0-15 (general) and 16-31 (xmm).
 */
#ifndef JIT_X86_64_EMIT_H
#define JIT_X86_64_EMIT_H

#include "../jit.h"
#include "accel/tlb.h"
#include "asm.h"

enum { CLS_GPR, CLS_XMM };
enum { XMM0 = 16, N_HOST_REGS = 32 };
enum { GPR_TEMPS = 1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI };
enum { NEVER = 0xffff };
enum { IR_GROUP_BASE = 0xc000 }; /* RegState.ref: the addend of a group of memory accesses */
enum { LOC_NONE = 0xff, LOC_SPILLED = 0xfe };
enum { FRAME_RESULT = 0, FRAME_MEMOP = 8, FRAME_ARG0 = 16, FRAME_ARG1 = 24, FRAME_VEC = 32,
       FRAME_ROUNDS = FRAME_VEC + 3 * 16,
       FRAME_WINDOW = FRAME_ROUNDS + 16, N_WINDOWS = 6, /* of two cells: limit, addend */
       FRAME_SPILL = FRAME_WINDOW + N_WINDOWS * 16,
       FRAME_N_SPILLS = 2048, FRAME_SIZE = FRAME_SPILL + FRAME_N_SPILLS * 8 + 8 };

extern const uint8_t pin_regs[IR_N_PINS];
extern int pin_slot[IR_N_PINS]; /* the guest's slot that has the pin, or -1 */

/* Entries for the block's own back edges: of its first version, to its second one, and there. */
enum { SELF_FIRST, SELF_CHANGE, SELF_FASTER, N_SELF };

typedef struct HostFeatures {
    bool bmi1, bmi2, lzcnt, popcnt, pclmul, avx, avx2, fma, ssse3, sse41, sse42;
} HostFeatures;
extern HostFeatures host;

/* 16-byte constants that code reads. */
typedef enum VecConst {
    VC_ABS32, VC_ABS64, VC_SIGN32, VC_SIGN64, VC_MIN32, VC_MIN64, /* FP; MIN: smallest normal */
    VC_BYTES_70, VC_BYTES_10, VC_BYTES_0F, VC_BYTES_01, VC_LOW_BYTES, VC_LOW_WORDS, VC_WORDS_1,
    VC_WORDS_8000, VC_POPCOUNT, VC_REV16_8, VC_REV32_8, VC_REV32_16, VC_REV64_8, VC_REV64_16,
    VC_SHL8, VC_SHR8 = VC_SHL8 + 8, /* what is left of bytes after shifts by 0..7 */
    N_VEC_CONSTS = VC_SHR8 + 8
} VecConst;

/* Thunks, in the writable mapping, so that displacements from code come out right. */
typedef struct Thunks {
    const uint8_t *leave, *load, *store, *rmw, *cas, *lookup, *reload_lookup, *link, *stale, *hot, *trap,
        *fp_soft, *vec_soft, *load16, *store16;
    const uint8_t *box, *nan64, *nan32; /* constants */
    const uint8_t *vec[N_VEC_CONSTS];
} Thunks;
extern Thunks thunks;

/* Operand distances: index of the next instruction that reads the value, or NEVER. */
typedef struct NextUse {
    uint16_t use[4]; /* after this use of a, b, c, d */
    uint16_t dst;
} NextUse;

typedef struct RegState {
    IrRef ref;     /* temp, slot or constant held; IR_NONE */
    uint16_t next; /* its next use */
    bool single;   /* xmm: the low 32 bits of a cell whose upper half is ones */
} RegState;

enum { OPND_REG, OPND_MEM, OPND_IMM };
typedef struct Opnd {
    uint8_t kind, reg;
    Mem mem;
    int64_t imm;
} Opnd;

typedef struct Emit Emit;
typedef struct Stub Stub;

/* Code out of line, emitted at the end of the block. */
struct Stub {
    void (*emit)(Emit *e, Stub *s);
    uint8_t *site, *site2; /* rel32 of the jump that comes here; of another, or NULL */
    uint8_t *resume;      /* where it goes back to */
    uint8_t *again;       /* the access itself, when its window was found */
    uint16_t group;       /* has a window; or 0 */
    const IrInsn *in;
    uint64_t pc;          /* of the guest instruction */
    uint32_t insns_left;  /* in the block after this instruction, for instruction counts */
    uint8_t base, dst, x0, x1, x2; /* registers */
    bool is_single;
    int64_t offset;       /* address is base + offset; base NO_REG: offset alone */
    Opnd value, value2;
    JitLink *link;
    uint32_t xmm_live;
    IrRef xmm_ref[16];
    uint16_t xmm_single;
};

struct Emit {
    Asm a;
    uint8_t *cold;          /* where what is out of line goes */
    Cpu *cpu;
    CodeBlock *b;
    JitBlock *jb;
    IrFunc *f;
    const IrInsn *in;
    unsigned i;
    const NextUse *nu;
    int32_t bias;
    bool icount, nochain;
    bool user;              /* where it leads there may be blocks with CF_PIC: the address in rcx */

    /* registers */
    RegState r[N_HOST_REGS];
    uint32_t allowed, free, locked, released;
    uint8_t *temp_loc;      /* by temp */
    uint16_t *temp_spill;   /* frame cell that holds it too, or NEVER */
    int8_t *slot_loc[2];    /* by slot: register with a copy, or -1 */
    int8_t *slot_fixed;     /* by slot: its register for the whole block, or -1 */
    uint8_t *slot_boxed;    /* by slot: the cell's upper half is known to be ones */
    /* By slot and temp in xmm registers: 32 or 64 where it is known that all bits from there on are
     * zeros, else 0. */
    uint8_t *slot_clean, *temp_clean;
    uint32_t soft;          /* registers with a slot for this block only */
    uint32_t soft_written;  /* those that the block changes: memory is behind */
    uint32_t soft_through;  /* those that are stored at once (checked for boxes in memory) */
    uint16_t soft_slot[N_HOST_REGS];
    uint32_t evicted;       /* registers whose pinned slot is in memory in this block */
    unsigned n_spills;

    /* the guest instruction */
    uint64_t cur_pc;
    unsigned insn_index;    /* counts from 1 */
    bool insn_clean;        /* nothing written since it began */

    uint8_t *self_entry[N_SELF];
    uint8_t *link_self;     /* by link: of those to the block itself, the entry */
    unsigned n_windows;
    uint32_t windows_down;  /* those that go to lower addresses */
    bool loops;             /* jumps back to its own start */
    bool faster;            /* the version of a loop for its later rounds */
    uint8_t *moves;         /* by instruction: what motion_scan says */
    unsigned n_links;
    bool counts;            /* backward exits count */
    uint8_t **label_at;     /* by label: its place, or NULL */
    struct LabelRef { uint8_t *site; unsigned label; } *label_refs;
    bool *label_seen;
    uint8_t *depth;         /* by instruction: nesting of loops */
    unsigned n_label_refs, cap_label_refs, cap_links;
    Stub *stubs;
    unsigned n_stubs, cap_stubs;
    NextUse *next_use;
    unsigned cap_next_use, cap_temps, cap_slots, cap_labels;
    struct MemGroup *groups;
    /* Where the code of the last addc ended. The temp whose value CF has as long as no other code
     * than that of moves comes after cf_end. */
    uint8_t *sum_end, *cf_end;
    IrRef cf_ref;
    uint16_t *insn_group, *group_next; /* by instruction */
    uint16_t *open_group;
    unsigned cap_open;
    uint16_t *scan_temp, *scan_slot, *scan_epoch;
};

static inline Mem slot_mem(const Emit *e, unsigned slot)
{
    return mem_bd(RBP, (int32_t)e->f->slots[slot].offset - e->bias);
}

static inline Mem cpu_mem(const Emit *e, size_t offset)
{
    return mem_bd(RBP, (int32_t)offset - e->bias);
}

static inline bool is_fp_type(unsigned t)
{
    return t == IR_F32 || t == IR_F64;
}

static inline bool ref_is_vec(const Emit *e, IrRef r)
{
    return ir_is_slot(r) ? e->f->slots[ir_slot_index(r)].type == IR_V128
                         : ir_is_temp(r) && e->f->temp_type[r] == IR_V128;
}

/* Does r live in xmm registers? */
static inline bool ref_is_xmm(const Emit *e, IrRef r)
{
    unsigned t = ir_is_slot(r) ? e->f->slots[ir_slot_index(r)].type
                               : ir_is_temp(r) ? e->f->temp_type[r] : IR_VOID;
    return is_fp_type(t) || t == IR_V128;
}

static inline IrRef operand_ref(const Emit *e, unsigned which)
{
    const IrInsn *in = e->in;
    return which == 0 ? in->a : which == 1 ? in->b : which == 2 ? in->c : in->d;
}

/* --- ra_scan.c --- */
void ra_scan(Emit *e);                /* next uses, loops */
void ra_choose_soft_pins(Emit *e);

/* --- regalloc.c --- */
void ra_init(const TargetOps *t);
void ra_begin(Emit *e);
void ra_insn_end(Emit *e);
/* An operand as it comes: register, memory cell or 32-bit immediate. */
Opnd ra_opnd(Emit *e, unsigned which);
/* The same, but a register. */
unsigned ra_gpr(Emit *e, unsigned which);
unsigned ra_xmm(Emit *e, unsigned which, bool single);
/* xmm register or 8-byte memory cell */
Opnd ra_xmm_opnd(Emit *e, unsigned which, bool single);
/* A vector, all of it: register; the same or, where AVX allows, its memory cell. */
unsigned ra_vec(Emit *e, unsigned which);
Opnd ra_vec_opnd(Emit *e, unsigned which);
/* A scratch register until the end of this instruction. */
unsigned ra_alloc(Emit *e, unsigned cls);
/* The same if one is free, else NO_REG. General registers. */
unsigned ra_try_alloc(Emit *e);
/* A scratch register that is done with: the result may go there. */
void ra_recycle(Emit *e, unsigned reg);
/* A scratch register keeps something beyond this instruction, until `next`. */
void ra_hold(Emit *e, unsigned reg, IrRef what, uint16_t next);
/* Empties a particular temp register and takes it as scratch. */
void ra_take(Emit *e, unsigned reg);
/* Call after the operands were fetched: registers of values that die here may hold the result. */
void ra_release(Emit *e);
/* The register to compute dst in; hint: preferably this one. After ra_release. */
unsigned ra_def(Emit *e, unsigned cls, unsigned hint);
/* Like ra_def, but never the register of an operand. Before or after ra_release. */
unsigned ra_def_early(Emit *e, unsigned cls);
/* dst is in reg now: stores it where it must go. */
void ra_def_end(Emit *e, unsigned reg);
/*
 * dst, a slot, is an F32 in a boxed cell that was stored already: single holds the F32 (and
 * anything above), cell all of it.
 */
void ra_def_single(Emit *e, unsigned single, unsigned cell);
/* A slot gets a new value that is in memory only (or in its fixed register: loads it). */
void ra_def_in_memory(Emit *e);
void ra_drop_all(Emit *e);            /* at labels: nothing is cached */
void ra_before_call(Emit *e);         /* temps that live on go to the frame, copies are dropped */
/* An xmm register to or from memory: 8 bytes, or 16 of a vector. */
void emit_xmm_store(Emit *e, bool vec, Mem to, unsigned reg);
void emit_xmm_load(Emit *e, bool vec, unsigned reg, Mem from);
/* Moves an operand's value to a general register. */
void emit_mov_opnd(Emit *e, bool w, unsigned d, Opnd o);

/* --- emit.c --- */
Stub *emit_stub(Emit *e, void (*fn)(Emit *, Stub *), uint8_t *site);
void emit_store_pc(Emit *e, uint64_t pc);     /* changes flags */
void emit_pc_to_rcx(Emit *e, uint64_t pc);    /* changes flags */
void emit_standard_map(Emit *e);             /* soft pins to memory, pins to their registers */
void emit_store_soft(Emit *e, uint32_t mask);/* soft pins that were written */
void emit_load_soft(Emit *e, uint32_t mask);
void emit_evict_pins(Emit *e);               /* the opposite of emit_standard_map */
void emit_icount(Emit *e, int32_t n);       /* under CF_ICOUNT: give back n instructions */
void emit_slow_begin(Emit *e, Stub *s); /* a stub that calls C: registers as C finds them */
void emit_slow_end(Emit *e, Stub *s);
void emit_cold_begin(Emit *e, Stub *s); /* the same where C can't fault */
void emit_cold_end(Emit *e, Stub *s);
void emit_label_ref(Emit *e, uint8_t *site, unsigned label);
void emit_alu_rr_opnd(Emit *e, bool w, unsigned op, unsigned d, Opnd o);
/* Compares for in->cond; the condition code to test. */
unsigned emit_compare(Emit *e);
void emit_call_c(Emit *e, const void *fn); /* call, near or far; may use rax */

/* --- motion.c --- */
/* Of accesses, in a block that loops: how the value that their address is relative to moves. */
enum { MOVES_UNKNOWN, MOVES_UP /* or not at all */, MOVES_DOWN };
void motion_scan(Emit *e, uint8_t *moves);

/* --- emit_int.c, emit_mem.c, mem_group.c, emit_fp.c, emit_call.c, emit_exit.c --- */
bool emit_int(Emit *e);
void emit_mem(Emit *e);
void mem_scan(Emit *e);
void mem_windows(Emit *e);           /* after ra_begin */
void emit_forget_windows(Emit *e);
void mem_group_forget(Emit *e, IrRef group);
void emit_fp(Emit *e);
bool emit_vec(Emit *e);
/* Notes what the instruction that was just emitted makes known of its result's upper bits. */
void emit_note_clean(Emit *e);
void emit_helper(Emit *e);
void emit_trap_if(Emit *e);
/* A call of a C function with effects like a helper's, results and arguments as in->*. */
void emit_call_effects(Emit *e, const void *fn, unsigned nargs, unsigned effects,
                       const uint64_t *imm_arg0);
void emit_exit(Emit *e);
void emit_entry(Emit *e, bool first_version);
void emit_faster_entry(Emit *e);

#endif
