/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info mtree`: the trees of regions, or the flat views made of them, in QEMU's layout. */
#include <inttypes.h>
#include <string.h>

#include "softmmu/memory/memory_internal.h"

static const char *kind_name(const MemoryRegion *r)
{
    switch (r->kind) {
    case MEMORY_RAM: return "ram";
    case MEMORY_ROM: return "rom";
    case MEMORY_ROMD: return r->romd_reads_direct ? "romd" : "i/o";
    case MEMORY_ALIAS: return kind_name(r->alias);
    default: return "i/o";
    }
}

static void print_range(GString *out, unsigned indent, uint64_t start, uint64_t last,
                        const MemoryRegion *r)
{
    g_string_append_printf(out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", indent, "",
                           start, last, r->priority, kind_name(r));
}

static int by_address(const void *a, const void *b)
{
    const MemoryRegion *x = *(MemoryRegion *const *)a, *y = *(MemoryRegion *const *)b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return y->priority - x->priority;
}

/* Targets of aliases that no address space shows are collected in `others`. */
static void print_region(GString *out, MemoryRegion *r, uint64_t base, unsigned depth,
                         GPtrArray *others)
{
    if (r->size == 0 || depth > 64)
        return;
    print_range(out, 2 + 2 * depth, base, base + region_last(r), r);
    if (r->kind == MEMORY_ALIAS) {
        g_string_append_printf(out, "alias %s @%s %016" PRIx64 "-%016" PRIx64, r->name,
                               r->alias->name, r->alias_offset, r->alias_offset + region_last(r));
        MemoryRegion *top = r->alias;
        while (top->container)
            top = top->container;
        if (!g_ptr_array_find(others, top, NULL))
            g_ptr_array_add(others, top);
    } else {
        g_string_append(out, r->name);
    }
    g_string_append(out, r->enabled ? "\n" : " [disabled]\n");
    if (!r->subregions)
        return;
    GPtrArray *sorted = g_ptr_array_copy(r->subregions, NULL, NULL);
    if (sorted->len)
        qsort(sorted->pdata, sorted->len, sizeof(void *), by_address);
    for (unsigned i = 0; i < sorted->len; i++) {
        MemoryRegion *sub = sorted->pdata[i];
        print_region(out, sub, base + sub->addr, depth + 1, others);
    }
    g_ptr_array_free(sorted, true);
}

static void print_trees(GString *out)
{
    GPtrArray *others = g_ptr_array_new(), *shown = g_ptr_array_new();
    for (AddressSpace *as = address_spaces; as; as = as->next) {
        if (g_ptr_array_find(shown, as->root, NULL))
            continue;
        g_ptr_array_add(shown, as->root);
        for (AddressSpace *same = as; same; same = same->next) {
            if (same->root == as->root)
                g_string_append_printf(out, "address-space: %s\n", same->name);
        }
        print_region(out, as->root, 0, 0, others);
        g_string_append_c(out, '\n');
    }
    /* Grows while it is walked: an alias may lead to a tree with aliases. */
    for (unsigned i = 0; i < others->len; i++) {
        MemoryRegion *r = others->pdata[i];
        if (g_ptr_array_find(shown, r, NULL))
            continue;
        g_ptr_array_add(shown, r);
        g_string_append_printf(out, "memory-region: %s\n", r->name);
        print_region(out, r, r->addr, 0, others);
        g_string_append_c(out, '\n');
    }
    g_ptr_array_free(others, true);
    g_ptr_array_free(shown, true);
}

static void print_views(GString *out)
{
    unsigned number = 0;
    GPtrArray *shown = g_ptr_array_new();
    for (AddressSpace *as = address_spaces; as; as = as->next) {
        if (g_ptr_array_find(shown, as->root, NULL))
            continue;
        g_ptr_array_add(shown, as->root);
        g_string_append_printf(out, "FlatView #%u\n", number++);
        for (AddressSpace *same = as; same; same = same->next) {
            if (same->root == as->root)
                g_string_append_printf(out, " AS \"%s\", root: %s\n", same->name,
                                       same->root->name);
        }
        g_string_append_printf(out, " Root memory region: %s\n", as->root->name);
        const FlatView *v = as->view;
        bool any = false;
        for (unsigned i = 0; i < v->n; i++) {
            const MemorySection *s = &v->sections[i];
            if (!s->region)
                continue;
            any = true;
            print_range(out, 2, s->start, s->last, s->region);
            g_string_append(out, s->region->name);
            if (s->offset)
                g_string_append_printf(out, " @%016" PRIx64, s->offset);
            g_string_append_c(out, '\n');
        }
        if (!any)
            g_string_append(out, "  No rendered FlatView\n");
        g_string_append_c(out, '\n');
    }
    g_ptr_array_free(shown, true);
}

void memory_print_tree(GString *out, bool flat)
{
    if (flat)
        print_views(out);
    else
        print_trees(out);
}
