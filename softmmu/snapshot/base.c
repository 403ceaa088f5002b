/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which snapshot RAM came from, and what was written since: what the next one need not write. */
#include "softmmu/snapshot/snapshot_int.h"

static struct {
    char *dir;
    RamIndex *index;
    RamDirtyLog *since;  /* it */
    RamDirtyLog *saving; /* the snapshot that is being saved */
} base;

const RamIndex *base_index(void)
{
    return base.index;
}

const char *base_dir(void)
{
    return base.dir;
}

const RamDirtyLog *base_dirty(void)
{
    return base.since;
}

static void set(const char *dir, RamIndex *x, RamDirtyLog *log)
{
    ram_index_free(base.index);
    ram_dirty_log_free(base.since);
    g_free(base.dir);
    base.dir = g_strdup(dir);
    base.index = x;
    base.since = log;
}

void base_loaded(const char *dir, RamIndex *x)
{
    set(dir, x, ram_dirty_log_new());
}

void base_saving(void)
{
    ram_dirty_log_free(base.saving);
    base.saving = ram_dirty_log_new();
}

void base_saved(const char *dir, RamIndex *x)
{
    if (x)
        set(dir, x, base.saving);
    else
        ram_dirty_log_free(base.saving);
    base.saving = NULL;
}
