/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links between blocks. A direct exit to the block's own guest page is a jump that is patched to
 * its target the first time it is taken; the target keeps a list of such jumps, so that when it
 * becomes invalid they go back to their stubs. That the mapping of the page holds is implied by
 * the source block being executed at this address.
 *
 * Of a target that reaches into the next page that is not so: there the link goes on asking, from
 * its second time on the jump cache.
 *
 * Position-independent blocks (CF_PIC) are linked to each other alone. Links lead behind the
 * instructions that set Cpu.code_page, since both are in the same page; every other way in has the
 * target's address in rcx for these.
 */
#include "jit.h"

#include "util/tsan.h"

void jit_link_to(JitLink *l, JitBlock *to, const uint8_t *at)
{
    l->to = to;
    l->in_next = to->in;
    l->in_prev = &to->in;
    if (to->in) {
        to->in->in_prev = &l->in_next;
    }
    to->in = l;
    /* What this vCPU compiled may be reached by this jump alone, without any load that a sanitizer
     * sees: hosts make what was stored before the jump visible to those who fetch it. */
    TSAN_RELEASE(&jit);
    jit_host_set_link(l->site, at);
    jit.n_links++;
}

static void unlink_one(JitLink *l)
{
    *l->in_prev = l->in_next;
    if (l->in_next) {
        l->in_next->in_prev = l->in_prev;
    }
    l->to = NULL;
    jit_host_set_link(l->site, l->stub);
}

void jit_unlink_incoming(JitBlock *jb)
{
    while (jb->in) {
        unlink_one(jb->in);
    }
}

void jit_unlink_outgoing(JitBlock *jb)
{
    for (unsigned i = 0; i < jb->n_links; i++) {
        if (jb->links[i].to) {
            unlink_one(&jb->links[i]);
        }
    }
}

static void set_pc(Cpu *cpu, uint64_t pc)
{
    const TargetOps *t = cpu->target;
    *(uint64_t *)((char *)cpu + t->slots[t->pc_slot].offset) = pc;
}

/*
 * The lookup may translate, which may evict the block that l is part of, or leave by a fetch
 * fault. Whether l still exists is known by the count of evictions; it changes only while this
 * vCPU is in the lookup or outside generated code.
 */
const void *jit_link(Cpu *cpu, JitLink *l, uint64_t pc)
{
    TSAN_ACQUIRE(&jit);
    unsigned generation = jit.generation;
    set_pc(cpu, pc);
    CodeBlock *b = code_block_find(cpu, pc);
    const void *entry = b->entry;
    code_lock();
    const CodeBlock *from = generation == jit.generation ? l->from->b : NULL;
    if (from && (b->page[1] != UINT64_MAX || b->cflags != from->cflags)) {
        l->probe = true;
    } else if (from && !l->to && b->valid && b->page[0] == from->page[0] &&
               !((b->pc ^ pc) & code_key_mask(b->cflags)) && b->mode == from->mode) {
        JitBlock *to = b->engine_data;
        jit_link_to(l, to, to->linked);
    }
    code_unlock();
    return entry;
}

const void *jit_stale(Cpu *cpu, JitBlock *jb, uint64_t pc)
{
    TSAN_ACQUIRE(&jit);
    pc = jb->pic ? pc : jb->pc;
    JumpEntry *j = &cpu->code->jump[jump_index(pc)];
    if (j->pc == pc) {
        j->pc = jump_empty(jump_index(pc));
    }
    set_pc(cpu, pc);
    return code_lookup(cpu);
}
