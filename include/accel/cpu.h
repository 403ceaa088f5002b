/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual CPU as the rest of the program sees it, whatever executes it.
 *
 * A target embeds Cpu as the first member of its own state (struct RiscvCpu { Cpu cpu; ... }).
 * Architectural state lives in the target's part, complete and precise whenever the CPU is outside
 * generated code, so that any accelerator can load and store it.
 *
 * Threads: fields belong to the vCPU's own thread unless marked "any thread".
 */
#ifndef ACCEL_CPU_H
#define ACCEL_CPU_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/state.h"
#include "softmmu/memory.h"
#include "util/jump.h"
#include "util/softfloat.h"

typedef uint64_t vaddr; /* guest virtual address */

typedef struct Cpu Cpu;
typedef struct TargetOps TargetOps;
typedef struct TlbEntry TlbEntry;
typedef struct TlbContext TlbContext;
typedef struct CodeContext CodeContext;
typedef struct TransCtx TransCtx;
typedef struct IrSlot IrSlot;

typedef enum MmuAccess { MMU_READ, MMU_WRITE, MMU_EXEC } MmuAccess;

/* Why cpu_exec returned (accel/accel.h), kept in Cpu.exit_reason. */
typedef enum CpuExit {
    CPU_EXIT_NONE,       /* look at exit_request and go on */
    CPU_EXIT_HALTED,     /* wfi and the like: sleep until has_work */
    CPU_EXIT_DEBUG,      /* breakpoint, watchpoint or single step: stop the machine for gdb */
    CPU_EXIT_YIELD,      /* let another vCPU run (icount, pause) */
    CPU_EXIT_BUDGET,     /* icount budget used up */
} CpuExit;

typedef enum CpuDebugStop {
    CPU_DEBUG_NONE, CPU_DEBUG_STEP, CPU_DEBUG_BREAK, CPU_DEBUG_WATCH
} CpuDebugStop;

struct Cpu {
    /* --- what generated code touches; offsets are taken with offsetof --- */
    _Atomic uint32_t exit_request; /* any thread: nonzero makes generated code leave at a poll */
    uint32_t mxcsr;                /* host FP control/status that generated code runs under; its
                                      sticky bits are part of the guest's FP flags (accel/fp.h) */
    int64_t icount_left;           /* -icount: instructions until the next stop; goes negative */
    TlbEntry *tlb;                 /* data TLB table of the current context and access mode */
    CodeContext *code;             /* jump cache of the current address space and mode word */
    uint64_t scratch[4];           /* for the JIT */
    uint64_t code_page;            /* in a block with CF_PIC: the page that it is executed at */

    /* --- execution --- */
    const TargetOps *target;
    unsigned index;
    uint32_t mode;                 /* translation mode word: all that the translator may assume */
    uint32_t cflags;               /* CF_*: how blocks are made just now */
    bool halted;
    CpuExit exit_reason;
    uint32_t yield_us;             /* with CPU_EXIT_YIELD: sleep so long, or until the next kick */
    FpStatus fp;                   /* rounding mode, NaN policy, soft sticky flags */
    JumpBuf jmpbuf;                /* set by cpu_exec; see cpu_loop_exit */
    TlbContext *tlb_ctx;           /* that .tlb belongs to */
    TlbEntry *tlb_fetch;           /* table for instruction fetch (may differ: MPRV) */
    TlbContext *tlb_fetch_ctx;
    struct TlbState *tlb_state;    /* all contexts; accel/core/tlb.c */
    void *engine;                  /* the accelerator's own */
    AddressSpace *as;              /* physical memory as this CPU sees it */
    uint64_t icount;               /* instructions done (icount mode), at the last stop */

    /* --- thread (accel/core/vcpu.c) --- */
    GThread *thread;
    struct CpuWaker *waker;        /* what its thread sleeps on (accel/core/vcpu.h) */
    _Atomic bool stop, stopped;    /* asked to pause; has paused. Written under the main lock */
    _Atomic uint32_t in_exec;      /* between cpu_exec_start and cpu_exec_end */
    bool unplugged;
    GQueue *work;                  /* of cpu_run_on; under work_lock */
    pthread_mutex_t work_lock;
    _Atomic uint32_t interrupt_request; /* any thread; target-defined bits */
    _Atomic uint32_t requests;     /* of cpu_request; target-defined bits */

    /* --- debugging --- */
    GArray *breakpoints;           /* of vaddr, ascending; changed with the machine stopped */
    GArray *watchpoints;           /* of CpuWatchpoint */
    bool singlestep;
    bool step_irq;                 /* interrupts are taken while stepping */
    bool held;                     /* cpus_resume_all leaves it stopped */
    bool pass_break, pass_watch;   /* what stopped it at pass_pc was reported: go on from there */
    vaddr pass_pc;
    vaddr step_start, step_end;    /* steps go on within [start, end) */
    struct CpuWatchpoint *guest_watch; /* the guest's own; TargetOps.guest_watch decides */
    unsigned n_guest_watch;
    CpuDebugStop debug_stop;       /* why it left with CPU_EXIT_DEBUG */
    vaddr watch_hit;
    bool watch_write;
};

typedef struct CpuWatchpoint {
    vaddr addr;
    uint64_t len;
    bool on_read, on_write;
} CpuWatchpoint;

enum {
    CF_NOCHAIN = 1,  /* -d nochain: every block ends in the dispatcher */
    CF_ONE_INSN = 2, /* single step, one-insn-per-tb */
    CF_ICOUNT = 4,   /* blocks count instructions */
    CF_PIC = 8,      /* the block is good at any address that its page is mapped at */
    CF_ATTRS_SHIFT = 8,  /* 8 bits: TargetOps.code_attrs of the block's first page */
    CF_LIMIT_SHIFT = 16, /* from here: at most so many instructions; 0: no limit */
};

enum {
    CODE_BY_GLOBAL, /* contexts of the same kind and key.share if global, else the context */
    CODE_SHARED,    /* as if global: tlb_watch_tables says so */
    CODE_PRIVATE,   /* the context, which is an exception among its kind */
    CODE_UNCACHED,  /* nobody */
};

/* Result of an address translation. */
typedef struct MmuResult {
    hwaddr paddr;
    uint8_t page_bits;   /* size of the leaf, log2; >= 12 */
    bool r, w, x;        /* what may be done without another walk (w only if D is set, ...) */
    bool global;         /* the same in all address spaces of this translation regime */
    bool aligned;        /* accesses that are not aligned fault here (raise_unaligned) */
    uint8_t attrs;       /* target-defined; TargetOps.code_attrs */
    uint8_t code;        /* CODE_*: who may keep that this is the code here */
    uint32_t code_version; /* for the software TLB: what CODE_SHARED was found at */
    /*
     * The answer isn't the same for the whole 4 KiB page (RISC-V PMP): no fast TLB entry may be
     * made; every access translates anew. It holds for `extent` bytes from va on; of an access of
     * more bytes (within this page) the slow path calls raise_mmu_fault with this result, in which
     * `fault` is set for that purpose.
     */
    bool no_tlb;
    uint16_t extent;
    uint32_t fault;      /* target-defined, when translation fails */
    uint64_t fault_info; /* target-defined (guest physical address, syndrome) */
} MmuResult;

/* A register as gdb sees it; its bytes are in the guest's order. */
enum { GDB_REG_MAX_BYTES = 256 };
typedef struct GdbReg {
    const char *feature; /* "org.gnu.gdb.riscv.cpu" */
    char name[28];
    const char *type;    /* of gdb: "int", "code_ptr", "ieee_double"; NULL: by size */
    const char *group;   /* "general", "float", "system"; NULL: gdb's own idea */
    const char *generic; /* its role, for lldb where it does not know: "pc", "sp"; NULL: none */
    uint16_t num, bits;
    uint16_t dwarf;      /* for the same: DWARF's number and one; 0: none */
} GdbReg;

/* Of TargetOps.each_mapping; false ends it. */
typedef bool CpuMappingFn(void *opaque, vaddr va, hwaddr pa, uint64_t size);

/* What a target provides. One const table per guest architecture. */
struct TargetOps {
    const char *name;            /* "riscv64" */
    size_t cpu_size;
    const IrSlot *slots;         /* accel/ir.h */
    unsigned n_slots;
    uint16_t pc_slot;
    uint16_t page_slot;          /* Cpu.code_page; read only, for blocks with CF_PIC */
    uint32_t user_mask, user_mode; /* of mode words: masked so, this is user mode. 0: has none */
    unsigned n_mmu_idx;          /* access modes per TLB context; at most 8 */
    unsigned max_insn_len;       /* bytes */
    const StateField *state;     /* architectural state, offsets within the target's struct */
    uint32_t state_version;

    /* Names for -cpu help: NULL-terminated "name\0doc" pairs by index; NULL past the end. */
    const char *(*model)(unsigned i, const char **doc);
    /* Parses -cpu text ("rv64,zba=off") into the CPU's configuration. */
    bool (*configure)(Cpu *cpu, const char *model, GError **error);
    /* What query-cpu-model-expansion tells of a configured CPU: the i-th property that can be said
     * with its name in `model`, and whether it is on. NULL past the end. The field may be NULL. */
    const char *(*property)(Cpu *cpu, unsigned i, bool *on);
    void (*init)(Cpu *cpu);      /* after configure, before the first reset */
    void (*reset)(Cpu *cpu);
    void (*loaded)(Cpu *cpu);    /* after a snapshot was loaded */

    uint64_t (*get_pc)(Cpu *cpu);
    void (*set_pc)(Cpu *cpu, uint64_t pc);
    /* Decodes the instruction at t->pc and appends its IR; advances t->pc (accel/translate.h). */
    void (*translate_insn)(TransCtx *t);
    uint8_t code_attrs;  /* which of MmuResult.attrs translate_insn asks for, in TransCtx.cflags */
    /*
     * Walks the tables. No side effect but hardware A/D updates, and not even those if debug.
     * False: the access faults, r->fault says how. mmu_idx is the target's access mode.
     */
    bool (*translate)(Cpu *cpu, vaddr va, MmuAccess access, int mmu_idx, bool debug,
                      MmuResult *r);
    /* Raises the fault that translate reported: does not return (cpu_loop_exit). */
    void (*raise_mmu_fault)(Cpu *cpu, vaddr va, MmuAccess access, int mmu_idx,
                            const MmuResult *r) G_GNUC_NORETURN;
    void (*raise_unaligned)(Cpu *cpu, vaddr va, MmuAccess access) G_GNUC_NORETURN;
    /* The bus refused physical access. */
    void (*raise_bus_error)(Cpu *cpu, vaddr va, hwaddr pa, MmuAccess access,
                            MemResult why) G_GNUC_NORETURN;
    int (*fetch_mmu_idx)(Cpu *cpu);
    int (*data_mmu_idx)(Cpu *cpu);

    /* An access touches a page with watchpoints of the guest's own (cpu_set_guest_watchpoints):
     * raises its exception if one matches. NULL: the architecture has none. */
    void (*guest_watch)(Cpu *cpu, vaddr va, uint64_t len, bool write, int mmu_idx);

    /* Any thread: is there a reason to leave the halted state? */
    bool (*has_work)(Cpu *cpu);
    /* Does what cpu_request asked for; NULL: the target makes no requests. */
    void (*serve)(Cpu *cpu, uint32_t bits);
    /* Takes the highest-priority interrupt that is enabled, if any; true if it did. */
    bool (*take_interrupt)(Cpu *cpu);
    /* Register dump of `info registers` and -d cpu. */
    void (*dump)(Cpu *cpu, GString *out);
    /* `info pic`: lines that say what interrupts it sees, and when its timers are due */
    void (*info_pic)(Cpu *cpu, GString *out);
    /* info tlb / info mem; NULL where there is none */
    void (*info_tlb)(Cpu *cpu, GString *out);
    void (*info_mem)(Cpu *cpu, GString *out);
    /* Register by name for `print $pc`, `info registers`, scripts; false: unknown. */
    bool (*reg_by_name)(Cpu *cpu, const char *name, uint64_t *value);
    /* Appends what the instruction at code (of at most len bytes) says, for pc; its length in
     * bytes, or 0 if it is none. For accel/disas.h. */
    size_t (*disas)(GString *out, const uint8_t *code, size_t len, uint64_t pc);
    uint8_t disas_unit; /* bytes to show as data where it is none */

    /* --- for gdb --- */
    const char *gdb_arch;        /* "riscv:rv64" */
    uint16_t elf_machine;        /* e_machine and e_flags of its kernel's modules */
    uint32_t elf_flags;
    bool watch_before;           /* watchpoints stop it before the access, as gdb expects */
    /* Register i in the order of the target description, whose first feature is what 'g' carries;
     * false past the end. */
    bool (*gdb_reg)(Cpu *cpu, unsigned i, GdbReg *out);
    /* XML of the types that a feature's registers name; NULL where there are none. */
    const char *(*gdb_types)(const char *feature);
    void (*gdb_read)(Cpu *cpu, unsigned num, uint8_t *bytes);
    void (*gdb_write)(Cpu *cpu, unsigned num, const uint8_t *bytes);
    /* May follow translate where permissions keep cpu_debug_translate out; NULL: no more to try. */
    bool (*debug_translate)(Cpu *cpu, vaddr va, hwaddr *pa);
    /* Where exceptions from user mode go; false: no kernel runs at its own addresses. */
    bool (*kernel_vectors)(Cpu *cpu, vaddr *va);
    /* Where the image of the kernel begins that va is in; false: it is in none. */
    bool (*kernel_base)(Cpu *cpu, vaddr va, vaddr *base);

    /* --- for dumps of memory (softmmu/dump.h), machine stopped --- */
    /* Appends what Linux' core files have of it: pr_reg of NT_PRSTATUS, and NT_FPREGSET. */
    void (*core_regs)(Cpu *cpu, GByteArray *general, GByteArray *fp);
    /* What the page tables that are in use map, ascending; false: fn said so, or there was no end
     * to it. Physical addresses are those of cpu->as. */
    bool (*each_mapping)(Cpu *cpu, CpuMappingFn *fn, void *opaque);
};

/* All targets in this build. */
void target_register(const TargetOps *t);
#define TARGET_REGISTER(t)                                                                     \
    static void __attribute__((constructor)) register_##t(void) { target_register(&t); }
const TargetOps *target_find(const char *name);
GPtrArray *targets(void);

/* All vCPUs, by index. Fixed once the machine runs. */
extern Cpu **cpus;
extern unsigned cpu_count;

/* Main thread, before the machine starts. The accelerator must have been chosen. */
Cpu *cpu_new(const TargetOps *t, const char *model, GError **error);

/* --- any thread --- */
void cpu_kick(Cpu *cpu);                       /* makes it look at its requests soon */
void cpu_interrupt(Cpu *cpu, uint32_t mask);   /* sets interrupt_request bits and kicks */
void cpu_clear_interrupt(Cpu *cpu, uint32_t mask);
/*
 * Asks the target to change the vCPU's state by itself (TargetOps.serve): on the vCPU's thread, and
 * in guest time, so never while the machine is stopped. Until then the bits wait; a reset and a
 * loadvm drop them, so what a snapshot must not lose is also in the state, and loaded() asks anew.
 */
void cpu_request(Cpu *cpu, uint32_t bits);
/* Queues fn for the vCPU's thread, between two blocks, without the main lock; _sync waits (not
 * from another vCPU's thread) and gives up the main lock meanwhile, if it is held. It also runs
 * while the machine is stopped: not for what a reset or a savevm on the main thread looks at. */
void cpu_run_on(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg);
void cpu_run_on_sync(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg);
/*
 * All other vCPUs are outside generated code between these. Called from a vCPU thread (outside
 * generated code) or the main thread. If the main lock is held, cpu_exclusive_begin gives it up
 * while it waits: a vCPU may need it to come out.
 */
void cpu_exclusive_begin(void);
void cpu_exclusive_end(void);
/* Main lock held, returns when all have stopped. These nest: every pause needs its resume. */
void cpus_pause_all(void);
void cpus_resume_all(void);
/* The calling vCPU, if it is one, runs nothing more until cpus_resume_all. */
void cpu_stop_current(void);
/* One instruction per block (-singlestep), on all CPUs. Main thread, main lock held. */
void cpus_set_one_insn(bool on);
bool cpus_one_insn(void);
/* For all CPUs, machine stopped. Breakpoints ascending. Cheap where nothing is new. */
void cpus_set_breakpoints(const vaddr *at, unsigned n);
/* None, and none will come: code is as fast as if there had never been any. */
void cpus_forget_breakpoints(void);
void cpus_set_watchpoints(const CpuWatchpoint *w, unsigned n);
/* The vCPU's own thread: accesses to these bytes go by TargetOps.guest_watch from now on. */
void cpu_set_guest_watchpoints(Cpu *cpu, const CpuWatchpoint *w, unsigned n);
extern __thread Cpu *current_cpu; /* of a vCPU thread, else NULL */

/* --- for the exec loop (accel/core/exec.c) --- */
/*
 * Generated code runs only between these two, on the vCPU's thread without the main lock; see
 * cpu_exclusive_begin. cpu_exec_start may wait.
 *
 * What Accel.exec owes the vCPU loop: it looks for interrupts (TargetOps.take_interrupt) when it
 * is entered; when exit_request is set it leaves with CPU_EXIT_NONE and does not clear it (the
 * loop clears it before it looks at the requests, then calls exec again). CPU_EXIT_HALTED: the
 * loop sets Cpu.halted and sleeps until TargetOps.has_work. CPU_EXIT_BUDGET: icount_left
 * instructions were done, exactly: a block that would overrun is not entered, shorter ones are.
 * (icount_left may shrink during MMIO, when a timer is set; that block may run to its end.)
 */
extern _Atomic uint32_t cpu_exclusive_pending;
void cpu_exec_start_slow(Cpu *cpu);
void cpu_exec_end_slow(Cpu *cpu);
static inline void cpu_exec_start(Cpu *cpu)
{
    atomic_store(&cpu->in_exec, 1);
    if (G_UNLIKELY(atomic_load(&cpu_exclusive_pending)))
        cpu_exec_start_slow(cpu);
}
static inline void cpu_exec_end(Cpu *cpu)
{
    atomic_store(&cpu->in_exec, 0);
    if (G_UNLIKELY(atomic_load(&cpu_exclusive_pending)))
        cpu_exec_end_slow(cpu);
}

/* --- the vCPU's own thread, from helpers --- */
/*
 * Leaves generated code or the interpreter at once and goes back to the dispatcher, which looks
 * at exit_reason and requests and goes on at the target's pc. All architectural state must be in
 * the Cpu struct already (engines guarantee that at helpers with IR_FAULTS).
 */
void cpu_loop_exit(Cpu *cpu) G_GNUC_NORETURN;

/* --- guest virtual memory for debuggers, monitor, loaders (machine stopped or main lock) --- */
bool cpu_debug_translate(Cpu *cpu, vaddr va, hwaddr *pa);
bool cpu_debug_read(Cpu *cpu, vaddr va, void *buf, uint64_t len);
bool cpu_debug_write(Cpu *cpu, vaddr va, const void *buf, uint64_t len); /* also ROM */

#endif
