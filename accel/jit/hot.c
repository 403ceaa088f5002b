/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which loops are worth a region (accel/core/region.c). Blocks count their backward exits; when a
 * counter is used up, the target is remembered as hot and its block removed, so that the next
 * lookup makes it again. Nothing depends on these tables being right: they are small, and
 * addresses share entries.
 */
#include "jit.h"

enum { SIGNATURES = 4096 };

int32_t jit_hot_counters[JIT_HOT_COUNTERS];
static uint64_t signatures[SIGNATURES];

static uint64_t signature(uint64_t pc, uint64_t ram_page, uint32_t mode)
{
    uint64_t h = (pc ^ (ram_page + 1) * 0x9e3779b97f4a7c15 ^ (uint64_t)mode << 40) *
                 0xd6e8feb86659fd93;
    return h | 1;
}

unsigned jit_hot_index(uint64_t pc)
{
    return (unsigned)(pc * 0x9e3779b97f4a7c15 >> 52) % JIT_HOT_COUNTERS;
}

bool jit_is_hot(Cpu *cpu, uint64_t pc, uint64_t ram_page, uint32_t cflags)
{
    uint64_t s = signature(pc, ram_page, cpu->mode);
    return jit.regions && !cflags && signatures[s >> 52] == s;
}

void jit_hot_loop(Cpu *cpu, JitBlock *jb, uint64_t pc)
{
    code_lock();
    jit_hot_counters[jit_hot_index(pc)] = JIT_HOT_LOOP;
    /* The loop's head is in the page of the block that jumps to it. */
    if (jb->b && !jit_is_hot(cpu, pc, jb->b->page[0], jb->b->cflags)) {
        uint64_t s = signature(pc, jb->b->page[0], cpu->mode);
        signatures[s >> 52] = s;
        CodeBlock *head = jb->pc == pc ? jb->b : NULL;
        for (unsigned i = 0; i < jb->n_links && !head; i++) {
            JitLink *l = &jb->links[i];
            if (l->pc == pc && l->to) {
                head = l->to->b;
            }
        }
        if (head) {
            code_block_remove(head);
        }
    }
    code_unlock();
}
