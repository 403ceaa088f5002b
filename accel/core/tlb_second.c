/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second level of the software TLB: results of walks, for pages that the table has no room for.
 *
 * A table of the first level gets one when it begins to push entries out. What is in it is what a
 * bigger first level would still have, so whatever flushes that one flushes this one, and more than
 * it must where that is simpler: all of it at once, by a new generation number. Host addresses are
 * not kept: they are found anew, as after a walk.
 *
 * Four ways of 4096 sets, by the page number's low bits.
 */
#include "accel/core/tcg.h"

#include <string.h>
#include <sys/mman.h>

#include "util/bits.h"

enum { WAYS = 4, SET_BITS = 12, SETS = 1 << SET_BITS, PRESSURE = TLB_SIZE };
enum { P_R = 1, P_W = 2, P_X = 4, P_GLOBAL = 8, P_ALIGNED = 16 };
#define VA_MASK (MASK(56) & TLB_PAGE_MASK)

typedef struct Way {
    vaddr page;
    hwaddr paddr;
    uint32_t generation; /* valid if it is the table's; 0 never is */
    uint8_t page_bits, flags, attrs, code;
    uint32_t code_version;
} Way;

struct TlbSecond {
    Way way[SETS][WAYS];
    uint32_t generation;
    unsigned next; /* way to replace */
};

static unsigned set_of(vaddr page)
{
    return page >> TLB_PAGE_BITS & (SETS - 1);
}

void tlb_second_free(TlbTable *t)
{
    if (t->second)
        munmap(t->second, sizeof *t->second);
    t->second = NULL;
}

bool tlb_second_find(const TlbTable *t, vaddr page, MmuAccess access, MmuResult *r)
{
    static const uint8_t wanted[] = { [MMU_READ] = P_R, [MMU_WRITE] = P_W, [MMU_EXEC] = P_X };
    const TlbSecond *s = t->second;
    if (!s)
        return false;
    const Way *w = s->way[set_of(page)];
    for (unsigned n = 0; n < WAYS; n++, w++) {
        if (w->page != page || w->generation != s->generation)
            continue;
        if (access == MMU_EXEC && w->code == CODE_SHARED &&
            w->code_version != atomic_load(&tlb_table_version))
            return false; /* to watch the tables again */
        if (!(w->flags & wanted[access]))
            return false; /* a fault, or tables that the walk has to change */
        *r = (MmuResult){ .paddr = w->paddr, .page_bits = w->page_bits, .attrs = w->attrs,
                          .code = w->code, .code_version = w->code_version,
                          .r = w->flags & P_R, .w = w->flags & P_W, .x = w->flags & P_X,
                          .global = w->flags & P_GLOBAL, .aligned = w->flags & P_ALIGNED };
        return true;
    }
    return false;
}

void tlb_second_note(TlbTable *t, vaddr page, const MmuResult *r)
{
    TlbSecond *s = t->second;
    if (!s) {
        if (t->n_pushed_out < PRESSURE && !chaos.tiny_tlb)
            return;
        s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (s == MAP_FAILED)
            return;
        s->generation = 1;
        t->second = s;
    }
    Way *set = s->way[set_of(page)], *w = &set[s->next++ % WAYS];
    for (unsigned n = 0; n < WAYS; n++) {
        if (set[n].page == page || set[n].generation != s->generation) {
            w = &set[n];
            if (w->page == page)
                break;
        }
    }
    *w = (Way){ .page = page, .paddr = r->paddr & TLB_PAGE_MASK, .generation = s->generation,
                .page_bits = r->page_bits, .attrs = r->attrs, .code = r->code,
                .code_version = r->code_version,
                .flags = (r->r ? P_R : 0) | (r->w ? P_W : 0) | (r->x ? P_X : 0) |
                         (r->global ? P_GLOBAL : 0) | (r->aligned ? P_ALIGNED : 0) };
}

void tlb_second_drop(TlbTable *t)
{
    TlbSecond *s = t->second;
    t->n_pushed_out = 0;
    if (s && ++s->generation == 0) {
        memset(s->way, 0, sizeof s->way);
        s->generation = 1;
    }
}

void tlb_second_flush_pages(TlbTable *t, vaddr first, vaddr last)
{
    for (vaddr page = first; t->second; page += 1ULL << TLB_PAGE_BITS) {
        Way *w = t->second->way[set_of(page)];
        for (unsigned n = 0; n < WAYS; n++, w++) {
            if (!((w->page ^ page) & VA_MASK))
                w->generation = 0;
        }
        if (page >= last)
            break;
    }
}
