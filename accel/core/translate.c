/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator's driver: builds the IR of a superblock with the target's translate_insn,
 * optimises it and has the engine make it executable.
 *
 * A block ends where the target says so, at the end of its first page, before a breakpoint, or at
 * a limit. An instruction that reaches into the second page is taken only as the first of its
 * block: so its fetch fault, should there be one, is the fault of the block's entry. Where a later
 * instruction turns out to need the second page while it is being decoded, its half-done IR is
 * thrown away and the block ends before it.
 */
#include "accel/core/tcg.h"
#include "accel/disas.h"
#include "accel/fp.h"
#include "accel/icount.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

uint64_t code_pic_from = 1ULL << 32;

enum { MAX_OPS = 4000, MAX_TEMPS = 8000 };

typedef CodeDriver Driver;

/* ---- fetching ---- */

/* The instruction being decoded can't go on: back to translate_guarded. */
static void G_GNUC_NORETURN abort_insn(Driver *d)
{
    jump_to(d->abort_buf);
}

static uint8_t fetch_byte(TransCtx *t, uint64_t offset)
{
    Driver *d = (Driver *)t;
    if (offset < RAM_PAGE_SIZE)
        return t->host[offset];
    if (t->n_insns || !d->host1 || offset >= 2 * RAM_PAGE_SIZE)
        abort_insn(d);
    t->straddles = true;
    return d->host1[offset - RAM_PAGE_SIZE];
}

static inline uint64_t fetch_offset(const TransCtx *t, uint64_t va)
{
    return va - (t->page_end - RAM_PAGE_SIZE);
}

uint8_t trans_fetch8(TransCtx *t, uint64_t va)
{
    return fetch_byte(t, fetch_offset(t, va));
}

uint16_t trans_fetch16(TransCtx *t, uint64_t va)
{
    uint64_t o = fetch_offset(t, va);
    if (G_LIKELY(o <= RAM_PAGE_SIZE - 2))
        return load_le16(t->host + o);
    uint16_t lo = fetch_byte(t, o);
    return lo | fetch_byte(t, o + 1) << 8;
}

uint32_t trans_fetch32(TransCtx *t, uint64_t va)
{
    uint64_t o = fetch_offset(t, va);
    if (G_LIKELY(o <= RAM_PAGE_SIZE - 4))
        return load_le32(t->host + o);
    uint32_t lo = trans_fetch16(t, va);
    return lo | (uint32_t)trans_fetch16(t, va + 2) << 16;
}

/* ---- building ---- */

/* False: the instruction needs a page that it can't have. */
static bool __attribute__((noinline)) translate_guarded(Driver *d)
{
    if (jump_set(d->abort_buf))
        return false;
    d->t.cpu->target->translate_insn(&d->t);
    return true;
}

static bool translate_near_end(Driver *d)
{
    TransCtx *t = &d->t;
    TransCtx saved = *t;
    unsigned n = t->f->n, n_temps = t->f->n_temps, n_labels = t->f->n_labels,
             n_guest_insns = t->f->n_guest_insns;
    if (translate_guarded(d))
        return true;
    *t = saved;
    t->f->n = n;
    t->f->n_temps = n_temps;
    t->f->n_labels = n_labels;
    t->f->n_guest_insns = n_guest_insns;
    return false;
}

static unsigned insn_limit(uint32_t cflags)
{
    unsigned limit = cflags >> CF_LIMIT_SHIFT;
    if (cflags & CF_ONE_INSN)
        return 1;
    return limit && limit < CODE_BLOCK_MAX_INSNS ? limit : CODE_BLOCK_MAX_INSNS;
}

static void emit_breakpoint(TransCtx *t)
{
    ir_insn(t->f, t->pc, 0);
    ir_call(t->f, &tcg_helper_breakpoint, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

/* Did the instruction whose operations begin at `from` call what may raise interrupts? */
static bool calls_out(const IrFunc *f, unsigned from)
{
    for (unsigned i = from; i < f->n; i++) {
        const IrInsn *in = &f->insns[i];
        if (in->op == IR_call && ((const IrHelper *)(uintptr_t)in->imm)->effects & ~(unsigned)IR_FP)
            return true;
    }
    return false;
}

bool code_build(Driver *d)
{
    TransCtx *t = &d->t;
    const TargetOps *target = t->cpu->target;
    unsigned limit = insn_limit(t->cflags);
    do {
        uint64_t left = t->page_end - t->pc;
        unsigned first = t->f->n;
        if (G_UNLIKELY(tcg_checks_at(t->pc, t->cflags))) {
            if (t->n_insns)
                break;
            emit_breakpoint(t);
        }
        if (G_LIKELY(left >= target->max_insn_len)) {
            target->translate_insn(t);
        } else if (!translate_near_end(d)) {
            if (!t->n_insns)
                return false;
            break;
        }
        t->n_insns++;
        if (G_UNLIKELY(icount_exact) && calls_out(t->f, first))
            break;
        /* The second comparison is for a page at the top of the address space. */
    } while (!t->end && t->n_insns < limit && t->page_end - t->pc <= RAM_PAGE_SIZE &&
             t->pc != t->page_end && t->f->n < MAX_OPS && t->f->n_temps < MAX_TEMPS);
    if (!t->end)
        ir_exit_jump(t->f, t->pc);
    return true;
}

/* ---- logging ---- */

static void log_ir(const IrFunc *f, uint32_t item, const char *title)
{
    FILE *out = log_begin(item);
    if (!out)
        return;
    fprintf(out, "%s:\n", title);
    ir_print(f, out);
    fputc('\n', out);
    log_end(out);
}

static void log_guest_code(const Driver *d, const CodeBlock *b)
{
    FILE *out = log_begin(LOG_IN_ASM);
    if (!out)
        return;
    unsigned here = MIN(b->len, RAM_PAGE_SIZE - b->first_offset);
    uint8_t *code = g_malloc(b->len);
    memcpy(code, d->t.host + b->first_offset, here);
    if (b->len > here)
        memcpy(code + here, d->host1, b->len - here);
    GString *s = g_string_new(NULL);
    disas_guest(d->t.cpu->target, s, code, b->len, b->pc, 0);
    fprintf(out, "----------------\nIN:\n%s\n", s->str);
    g_string_free(s, true);
    g_free(code);
    log_end(out);
}

static void check_ir(const IrFunc *f, const char *when)
{
    const char *wrong = ir_verify(f);
    if (G_LIKELY(!wrong))
        return;
    fprintf(stderr, "IR is malformed %s optimisation: %s\n", when, wrong);
    ir_print(f, stderr);
    g_assert_not_reached();
}

/* ---- the whole ---- */

static IrFunc *the_func(const TargetOps *target)
{
    static IrFunc *f; /* under the translation lock */
    if (G_UNLIKELY(!f || f->slots != target->slots)) {
        ir_func_free(f);
        f = ir_func_new(target->slots, target->n_slots, target->pc_slot);
    }
    ir_func_clear(f);
    return f;
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

CodeBlock *code_translate(Cpu *cpu, uint64_t pc, const CodePages *pages, bool *full)
{
    uint64_t start = now_ns();
    IrFunc *f = the_func(cpu->target);
    f->fp = cpu_fp_policy(cpu);
    f->pic = pages->cflags & CF_PIC;
    f->page = pc & TLB_PAGE_MASK;
    f->page_slot = cpu->target->page_slot;
    Driver d = {
        .t = { .cpu = cpu, .f = f, .pc_first = pc, .pc = pc, .mode = cpu->mode,
               .cflags = pages->cflags, .page_end = (pc | ~TLB_PAGE_MASK) + 1,
               .host = pages->page0.host },
        .host1 = pages->have1 ? pages->page1.host : NULL,
    };
    *full = false;
    if (!code_build(&d))
        return NULL;
    if (G_UNLIKELY(chaos.verify_ir))
        check_ir(f, "before");
    if (log_on(LOG_OP))
        log_ir(f, LOG_OP, "OP");
    if (!chaos.no_optimize)
        ir_optimize(f);
    if (G_UNLIKELY(chaos.verify_ir))
        check_ir(f, "after");
    unsigned len = d.t.pc - pc;
    if (G_UNLIKELY(engine->is_hot && engine->is_hot(cpu, pc, pages->page0.ram_page,
                                                    pages->cflags))) {
        IrFunc *region = code_build_region(cpu, pc, pages, &len);
        f = region ? region : f;
    }
    CodeBlock *b = code_block_new();
    b->pc = pc;
    b->page[0] = pages->page0.ram_page;
    b->page[1] = d.t.straddles ? pages->page1.ram_page : NO_RAM_PAGE;
    b->mode = cpu->mode;
    b->cflags = pages->cflags;
    b->first_offset = pc & ~TLB_PAGE_MASK;
    b->len = len;
    b->n_insns = f->n_guest_insns;
    atomic_store_explicit(&b->valid, true, memory_order_relaxed);
    if (log_on(LOG_IN_ASM))
        log_guest_code(&d, b);
    if (log_on(LOG_OP_OPT))
        log_ir(f, LOG_OP_OPT, "OP after optimization");
    if (!engine->compile(cpu, b, f)) {
        code_block_free(b);
        *full = true;
        return NULL;
    }
    code_table_add(b);
    code_stats.translate_ns += now_ns() - start;
    return b;
}
