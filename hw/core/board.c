/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of boards. */
#include <string.h>

#include "hw/board.h"

static GPtrArray *boards; /* const BoardType *, sorted by name */

GPtrArray *board_types(void)
{
    if (!boards)
        boards = g_ptr_array_new();
    return boards;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const BoardType *const *s = a, *const *t = b;
    return strcmp((*s)->name, (*t)->name);
}

void board_type_register(const BoardType *t)
{
    g_ptr_array_add(board_types(), (gpointer)t);
    g_ptr_array_sort(boards, by_name);
}

/* A board without a target ("none") is there for all. */
const BoardType *board_type_find(const char *target, const char *name)
{
    for (guint i = 0; i < board_types()->len; i++) {
        const BoardType *t = g_ptr_array_index(boards, i);
        if (t->target && strcmp(t->target, target))
            continue;
        if (!strcmp(t->name, name) || (t->alias && !strcmp(t->alias, name)))
            return t;
    }
    return NULL;
}
