/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The execution loop of a vCPU under an engine (JIT or interpreter): interrupts, finding the next
 * block, running it, and what helpers leave by cpu_loop_exit for.
 *
 * exit_request is looked at after interrupts and by every block at its head. Whoever sets it has
 * left his request before; the vCPU loop clears it before it looks at requests (accel/cpu.h).
 */
#include "accel/core/tcg.h"

#include "accel/icount.h"
#include "softmmu/run.h"
#include "util/log.h"

#include <inttypes.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#include <sanitizer/asan_interface.h>
#endif
#endif

Chaos chaos;

bool chaos_roll(TlbState *s, unsigned n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random % n == 0;
}

void cpu_loop_exit(Cpu *cpu)
{
#ifdef __SANITIZE_ADDRESS__
    __asan_handle_no_return();
#endif
    jump_to(cpu->jmpbuf);
}

void tcg_exclusive(Cpu *cpu, void (*fn)(Cpu *cpu, void *arg), void *arg)
{
    if (cpu && cpu->tlb_state && cpu->tlb_state->exclusive) {
        fn(cpu, arg);
        return;
    }
    bool in_exec = cpu && atomic_load(&cpu->in_exec);
    if (in_exec)
        cpu_exec_end(cpu);
    cpu_exclusive_begin();
    fn(cpu, arg);
    cpu_exclusive_end();
    if (in_exec) {
        cpu_exec_start(cpu);
        tlb_remote_drain(cpu);
    }
}

/* ---- breakpoints ---- */

static bool has_breakpoint(const Cpu *cpu, uint64_t pc)
{
    const vaddr *at = (const vaddr *)(void *)cpu->breakpoints->data;
    unsigned lo = 0, hi = cpu->breakpoints->len;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (at[mid] < pc)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < cpu->breakpoints->len && at[lo] == pc;
}

static void debug_stop(Cpu *cpu, CpuDebugStop why)
{
    cpu->exit_reason = CPU_EXIT_DEBUG;
    cpu->debug_stop = why;
}

void tcg_leave_before(Cpu *cpu)
{
    if (cpu->cflags & CF_ICOUNT)
        cpu->icount_left++;
    cpu_loop_exit(cpu);
}

/* A single step overrides a breakpoint, or it could never get past it. */
static bool stops_at(Cpu *cpu, uint64_t pc)
{
    if (cpu->singlestep || cpu->tlb_state->ignore_watch || !has_breakpoint(cpu, pc))
        return false;
    bool pass = cpu->pass_break && cpu->pass_pc == pc;
    cpu->pass_break = false;
    if (!pass)
        debug_stop(cpu, CPU_DEBUG_BREAK);
    return !pass;
}

void tcg_break_here(Cpu *cpu, uint64_t pc)
{
    if (stops_at(cpu, pc))
        cpu_loop_exit(cpu);
}

static uint64_t helper_breakpoint(Cpu *cpu)
{
    if (stops_at(cpu, cpu_pc(cpu)))
        tcg_leave_before(cpu);
    return 0;
}

const IrHelper tcg_helper_breakpoint = {
    .name = "breakpoint", .fn = (void *)helper_breakpoint,
    .effects = IR_READS | IR_FAULTS | IR_WRITES,
};

/* ---- the loop ---- */

static void log_entry(Cpu *cpu, uint64_t pc)
{
    log_printf(LOG_EXEC, "Trace %u: 0x%016" PRIx64 " mode 0x%x flags 0x%x\n", cpu->index, pc,
               cpu->mode, cpu->cflags);
    if (log_on(LOG_CPU)) {
        GString *s = g_string_new(NULL);
        cpu->target->dump(cpu, s);
        log_printf(LOG_CPU, "%s", s->str);
        g_string_free(s, true);
    }
}

/* cflags decide which blocks there are to find. */
static void set_cflags(Cpu *cpu)
{
    uint32_t cflags = cpu->cflags & CF_ICOUNT;
    if (cpu->singlestep)
        cflags |= CF_ONE_INSN | CF_NOCHAIN;
    if (chaos.one_insn)
        cflags |= CF_ONE_INSN;
    if (log_on(LOG_NOCHAIN))
        cflags |= CF_NOCHAIN;
    if (cflags != cpu->cflags || cpu->code->cflags != cflags) {
        cpu->cflags = cflags;
        code_context_select(cpu);
    }
}

/* A block made for this once: it returns here after at most `limit` instructions. */
static const void *limited_entry(Cpu *cpu, uint64_t pc, unsigned limit)
{
    uint32_t cflags = cpu->cflags;
    cpu->cflags = (cflags & CF_ICOUNT) | CF_NOCHAIN | limit << CF_LIMIT_SHIFT;
    CodeBlock *b = code_block_find(cpu, pc);
    cpu->cflags = cflags;
    return b->entry;
}

static const void *next_entry(Cpu *cpu, uint64_t pc)
{
    if (cpu->cflags & CF_ICOUNT) {
        CodeBlock *b = code_block_find(cpu, pc);
        if (b->n_insns > cpu->icount_left)
            return limited_entry(cpu, pc, (unsigned)cpu->icount_left);
        return b->entry;
    }
    const JumpEntry *j = &cpu->code->jump[jump_index(pc)];
    return j->pc == pc ? j->entry : code_lookup(cpu);
}

static void run_alone(Cpu *cpu, uint64_t pc)
{
    cpu->tlb_state->alone = true;
    engine->run(cpu, limited_entry(cpu, pc, 1));
    cpu->tlb_state->alone = false;
}

void tcg_need_alone(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    if (G_LIKELY(!icount_exact) || s->alone || cpu->cflags & CF_ONE_INSN)
        return;
    s->want_alone = true;
    tcg_leave_before(cpu);
}

/*
 * The current instruction needs more than one access to memory to be atomic in (accel/tlb.h): it is
 * done alone. It may leave by cpu_loop_exit, see landed.
 */
static void exclusive_step(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    s->want_exclusive = false;
    cpu_exec_end(cpu);
    cpu_exclusive_begin();
    s->exclusive = true;
    tlb_remote_drain(cpu);
    run_alone(cpu, cpu_pc(cpu));
}

static void exclusive_step_end(Cpu *cpu)
{
    cpu->tlb_state->exclusive = false;
    cpu_exclusive_end();
    cpu_exec_start(cpu);
}

/* One instruction that watchpoints do not stop. False: it left before the instruction. */
static bool unwatched_step(Cpu *cpu, uint64_t pc)
{
    cpu->tlb_state->ignore_watch = true;
    run_alone(cpu, pc);
    cpu->tlb_state->ignore_watch = false;
    return cpu_pc(cpu) != pc || !atomic_load(&cpu->exit_request);
}

/*
 * A watchpoint was hit, and the debugger is told; where it expects that, after the instruction. Or
 * it was told before, and the instruction is still to be done.
 */
static void watch_step(Cpu *cpu, uint64_t pc)
{
    TlbState *s = cpu->tlb_state;
    if (cpu->pass_watch) {
        cpu->pass_watch = false;
        if (cpu->pass_pc == pc)
            cpu->pass_watch = !unwatched_step(cpu, pc);
        return;
    }
    s->watch_hit = false;
    if (cpu->target->watch_before || unwatched_step(cpu, pc))
        debug_stop(cpu, CPU_DEBUG_WATCH);
    else
        s->watch_hit = true;
}

/* Stepping, and an instruction at pc may have been done: is the step over? */
static void step_end(Cpu *cpu, uint64_t pc)
{
    uint64_t now = cpu_pc(cpu);
    if (cpu->exit_reason == CPU_EXIT_NONE && now == pc && atomic_load(&cpu->exit_request))
        return; /* it left before the instruction */
    if (cpu->exit_reason != CPU_EXIT_NONE && cpu->exit_reason != CPU_EXIT_HALTED &&
        cpu->exit_reason != CPU_EXIT_YIELD)
        return;
    bool in_range = now - cpu->step_start < cpu->step_end - cpu->step_start;
    if (cpu->exit_reason == CPU_EXIT_NONE && in_range) {
        if (!has_breakpoint(cpu, now))
            return;
        debug_stop(cpu, CPU_DEBUG_BREAK);
        return;
    }
    /* Waiting for an interrupt is allowed to end at once, and there may never be one. */
    cpu->halted = false;
    debug_stop(cpu, CPU_DEBUG_STEP);
}

/* Returns when the vCPU loop has something to do. */
static void __attribute__((noinline)) loop(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    const TargetOps *t = cpu->target;
    while (cpu->exit_reason == CPU_EXIT_NONE) {
        if ((!cpu->singlestep || cpu->step_irq) && !s->watch_hit && !cpu->pass_watch)
            t->take_interrupt(cpu);
        if (atomic_load(&cpu->exit_request))
            return;
        if (cpu->cflags & CF_ICOUNT && cpu->icount_left <= 0) {
            cpu->exit_reason = CPU_EXIT_BUDGET;
            return;
        }
        if (G_UNLIKELY(chaos.random_flush) && chaos_roll(s, chaos.random_flush))
            tlb_flush_all(cpu);
        tlb_remote_drain(cpu);
        set_cflags(cpu);
        uint64_t pc = cpu_pc(cpu);
        if (G_UNLIKELY(s->want_exclusive)) {
            exclusive_step(cpu);
            exclusive_step_end(cpu);
        } else if (G_UNLIKELY(s->watch_hit || cpu->pass_watch)) {
            watch_step(cpu, pc);
        } else if (G_UNLIKELY(s->want_alone)) {
            s->want_alone = false;
            run_alone(cpu, pc);
        } else {
            const void *entry = next_entry(cpu, pc);
            if (log_on(LOG_EXEC | LOG_CPU))
                log_entry(cpu, pc);
            engine->run(cpu, entry);
        }
        if (G_UNLIKELY(cpu->singlestep))
            step_end(cpu, pc);
    }
}

/* After cpu_loop_exit. */
static void landed(Cpu *cpu)
{
    TlbState *s = cpu->tlb_state;
    if (engine->recover)
        engine->recover(cpu);
    /* A helper that faulted in the middle of something. */
    while (main_lock_held())
        main_unlock();
    s->alone = false;
    if (s->exclusive)
        exclusive_step_end(cpu);
    if (s->ignore_watch) {
        s->ignore_watch = false;
        if (!cpu->target->watch_before)
            debug_stop(cpu, CPU_DEBUG_WATCH);
    }
    /* An exception taken is a step done, too. */
    if (cpu->singlestep && !s->want_exclusive && !s->watch_hit)
        step_end(cpu, ~cpu_pc(cpu));
}

CpuExit tcg_exec(Cpu *cpu)
{
    g_assert(cpu->tlb_state && cpu->code);
    cpu->exit_reason = CPU_EXIT_NONE;
    cpu_exec_start(cpu);
    if (jump_set(cpu->jmpbuf))
        landed(cpu);
    loop(cpu);
    cpu_exec_end(cpu);
    return cpu->exit_reason;
}
