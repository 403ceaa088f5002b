/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of boards. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hw/board.h"
#include "util/error.h"

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

bool machine_init_ram(Machine *m, GError **error)
{
    const char *name = m->board->ram_id;
    if (!m->ram_in_file)
        return memory_region_init_ram(&m->ram, name, m->ram_size, error);
    int fd = dup(m->ram_fd);
    return fd < 0 ? error_set_errno(error, errno, "can't map RAM from its file")
                  : memory_region_init_ram_file(&m->ram, name, m->ram_size, fd, m->ram_shared, error);
}
