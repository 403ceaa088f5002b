/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regions: a hot loop as one function, so that the engine can keep its registers where they are
 * from one iteration to the next.
 *
 * From the loop's head all direct exits to the same page are followed (not below the head: loops
 * are laid out upwards), up to some limits. Of the superblocks found, those stay that lead back to
 * the head; their exits to each other become jumps within the region (accel/ir.h). Calls do not
 * come back by a direct exit, so what follows one is not found; such loops get no region.
 *
 * All code is of one page, so the region is as valid as its first block.
 */
#include "accel/core/tcg.h"
#include "accel/fp.h"

enum { MAX_BLOCKS = 24, MAX_INSNS = 400, MAX_REGION_OPS = 6000, MAX_EXITS = 96 };

typedef struct Node {
    uint64_t pc, end;
    IrFunc *f;             /* optimised */
    unsigned n_exits;
    uint64_t exits[MAX_EXITS];
    bool loops;            /* the head can be reached from here */
} Node;

typedef struct Region {
    Node node[MAX_BLOCKS];
    unsigned n, n_insns;
} Region;

static Node *find_node(Region *r, uint64_t pc)
{
    for (unsigned k = 0; k < r->n; k++) {
        if (r->node[k].pc == pc)
            return &r->node[k];
    }
    return NULL;
}

static bool is_direct_exit(const IrInsn *i)
{
    return i->op == IR_exit_if || i->op == IR_exit_jump;
}

static bool build_node(Region *r, Cpu *cpu, uint64_t pc, const CodePages *pages)
{
    Node *n = &r->node[r->n];
    const TargetOps *target = cpu->target;
    if (!n->f || n->f->slots != target->slots) {
        ir_func_free(n->f);
        n->f = ir_func_new(target->slots, target->n_slots, target->pc_slot);
    }
    ir_func_clear(n->f);
    n->f->fp = cpu_fp_policy(cpu);
    n->f->pic = false;
    CodeDriver d = {
        .t = { .cpu = cpu, .f = n->f, .pc_first = pc, .pc = pc, .mode = cpu->mode,
               .cflags = pages->cflags, .page_end = (pc | ~TLB_PAGE_MASK) + 1,
               .host = pages->page0.host },
    };
    if (!code_build(&d) || d.t.straddles)
        return false;
    if (!chaos.no_optimize)
        ir_optimize(n->f);
    n->pc = pc;
    n->end = d.t.pc;
    n->n_exits = 0;
    n->loops = false;
    for (unsigned k = 0; k < n->f->n; k++) {
        const IrInsn *i = &n->f->insns[k];
        if (is_direct_exit(i) && n->n_exits < MAX_EXITS)
            n->exits[n->n_exits++] = (uint64_t)i->imm;
    }
    r->n++;
    r->n_insns += n->f->n_guest_insns;
    return true;
}

/* Breadth first, so that what is cut off at a limit is far from the head. */
static void explore(Region *r, Cpu *cpu, uint64_t pc, const CodePages *pages)
{
    for (unsigned k = 0; k < r->n; k++) {
        for (unsigned x = 0; x < r->node[k].n_exits; x++) {
            uint64_t to = r->node[k].exits[x];
            if (r->n == MAX_BLOCKS || r->n_insns >= MAX_INSNS)
                return;
            if (to >= pc && !((to ^ pc) & TLB_PAGE_MASK) && !find_node(r, to))
                build_node(r, cpu, to, pages);
        }
    }
}

static void find_cycles(Region *r)
{
    for (bool again = true; again;) {
        again = false;
        for (unsigned k = 0; k < r->n; k++) {
            Node *n = &r->node[k];
            for (unsigned x = 0; x < n->n_exits && !n->loops; x++) {
                const Node *to = find_node(r, n->exits[x]);
                n->loops = to && (to == &r->node[0] || to->loops);
                again |= n->loops;
            }
        }
    }
}

static bool join(Region *r, IrFunc *f)
{
    unsigned label[MAX_BLOCKS];
    for (unsigned k = 0; k < r->n; k++)
        label[k] = r->node[k].loops ? ir_label_new(f) : 0;
    for (unsigned k = 0; k < r->n; k++) {
        const Node *n = &r->node[k];
        if (!n->loops)
            continue;
        unsigned from = f->n + 1;
        ir_label(f, label[k]);
        if (!ir_append(f, n->f))
            return false;
        for (unsigned o = from; o < f->n; o++) {
            IrInsn *i = &f->insns[o];
            const Node *to = is_direct_exit(i) ? find_node(r, (uint64_t)i->imm) : NULL;
            if (to && to->loops)
                i->aux = 1 + label[to - r->node];
        }
    }
    return f->n <= MAX_REGION_OPS;
}

IrFunc *code_build_region(Cpu *cpu, uint64_t pc, const CodePages *pages, unsigned *len)
{
    static Region r;
    static IrFunc *f;
    const TargetOps *target = cpu->target;
    r.n = r.n_insns = 0;
    if (!build_node(&r, cpu, pc, pages))
        return NULL;
    explore(&r, cpu, pc, pages);
    find_cycles(&r);
    if (!r.node[0].loops)
        return NULL;
    if (!f || f->slots != target->slots) {
        ir_func_free(f);
        f = ir_func_new(target->slots, target->n_slots, target->pc_slot);
    }
    ir_func_clear(f);
    f->fp = cpu_fp_policy(cpu);
    f->pic = false;
    if (!join(&r, f))
        return NULL;
    uint64_t end = pc;
    for (unsigned k = 0; k < r.n; k++) {
        if (r.node[k].loops)
            end = MAX(end, r.node[k].end);
    }
    *len = (unsigned)(end - pc);
    return f;
}
