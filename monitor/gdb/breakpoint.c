/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The breakpoints and watchpoints that gdb asked for. There are as many as it likes, and none of
 * them is written to the guest's memory.
 *
 * gdb takes all of them away at each stop and sets them again when it goes on; the CPUs are told
 * only then, so that the difference is what counts.
 */
#include "monitor/gdb/gdb_int.h"

#include <stdlib.h>

typedef struct Break {
    GdbBreak kind;
    vaddr addr;
    uint64_t len;
} Break;

enum { MAX_BREAKS = 20000 }; /* as a limit to what a stranger on the socket can use up */

static GArray *list;

static int find(GdbBreak kind, vaddr addr, uint64_t len)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        const Break *b = &g_array_index(list, Break, i);
        if (b->kind == kind && b->addr == addr && b->len == len)
            return (int)i;
    }
    return -1;
}

bool gdb_break_add(GdbBreak kind, vaddr addr, uint64_t len)
{
    if (!list)
        list = g_array_new(FALSE, FALSE, sizeof(Break));
    if (kind >= WATCH_WRITE && (!len || addr + (len - 1) < addr))
        return false;
    if (find(kind, addr, len) >= 0)
        return true;
    if (list->len >= MAX_BREAKS)
        return false;
    Break b = { kind, addr, len };
    g_array_append_val(list, b);
    return true;
}

bool gdb_break_remove(GdbBreak kind, vaddr addr, uint64_t len)
{
    int i = find(kind, addr, len);
    if (i >= 0)
        g_array_remove_index_fast(list, (guint)i);
    return i >= 0;
}

void gdb_break_clear(void)
{
    if (list)
        g_array_set_size(list, 0);
}

static int compare_addresses(const void *a, const void *b)
{
    vaddr x = *(const vaddr *)a, y = *(const vaddr *)b;
    return x < y ? -1 : x > y;
}

void gdb_break_apply(vaddr event)
{
    unsigned n_list = list ? list->len : 0, n = 0, n_watch = 0;
    vaddr *at = g_new(vaddr, n_list + 2);
    CpuWatchpoint *watch = g_new(CpuWatchpoint, n_list + 1);
    for (unsigned i = 0; i < n_list; i++) {
        const Break *b = &g_array_index(list, Break, i);
        if (b->kind < WATCH_WRITE)
            at[n++] = b->addr;
        else
            watch[n_watch++] = (CpuWatchpoint){ .addr = b->addr, .len = b->len,
                                                .on_read = b->kind != WATCH_WRITE,
                                                .on_write = b->kind != WATCH_READ };
    }
    if (event)
        at[n++] = event;
    qsort(at, n, sizeof *at, compare_addresses);
    cpus_set_breakpoints(at, n);
    cpus_set_watchpoints(watch, n_watch);
    g_free(at);
    g_free(watch);
}

bool gdb_break_at(vaddr addr)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        const Break *b = &g_array_index(list, Break, i);
        if (b->addr == addr && b->kind < WATCH_WRITE)
            return true;
    }
    return false;
}

bool gdb_break_is_hard(vaddr addr)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        const Break *b = &g_array_index(list, Break, i);
        if (b->addr == addr && b->kind == BREAK_SOFT)
            return false;
    }
    return true;
}

GdbBreak gdb_watch_kind(vaddr hit, bool write)
{
    for (unsigned i = 0; list && i < list->len; i++) {
        const Break *b = &g_array_index(list, Break, i);
        if (b->kind >= WATCH_WRITE && hit - b->addr < b->len &&
            b->kind != (write ? WATCH_READ : WATCH_WRITE))
            return b->kind;
    }
    return write ? WATCH_WRITE : WATCH_READ;
}
