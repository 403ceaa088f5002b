/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ram.index: which pages of RAM are where.
 *
 * All numbers little-endian:
 *   "SOSIARAM", u32 version, u32 files, u32 blocks, u32 0, u64 size of each file
 *   files times: name, 64 bytes, padded with zeros
 *   blocks times: u64 size, u64 offset in the files, name, 240 bytes, padded with zeros
 *   runs (u32 page, u32 count, u32 source) of the first block until its size is covered, and so on
 * It is written by a forked child, which has nothing but memory to fill (ram_save.c).
 */
#include <string.h>

#include "softmmu/snapshot/ram_format.h"
#include "util/bits.h"
#include "util/error.h"

static bool take_runs(RamIndex *x, RamIndexBlock *b, RamRun **at, const RamRun *end)
{
    uint64_t pages = b->size >> RAM_PAGE_BITS, next = 0;
    b->runs = *at;
    while (next < pages) {
        const RamRun *r = *at;
        if (r == end || r->page != next || !r->count || r->count > pages - next ||
            r->source > x->n_files)
            return false;
        next += r->count;
        ++*at;
    }
    b->n_runs = *at - b->runs;
    return true;
}

static bool parse(RamIndex *x, GByteArray *bytes)
{
    const RamIndexHead *h = (const RamIndexHead *)bytes->data;
    size_t left = bytes->len;
    if (left < sizeof *h || memcmp(h->magic, RAM_INDEX_MAGIC, sizeof h->magic) ||
        h->version != RAM_INDEX_VERSION || h->n_files > RAM_FILES_MAX || h->n_blocks > 4096)
        return false;
    x->n_files = h->n_files;
    x->file_size = h->file_size;
    size_t names = x->n_files * sizeof x->files[0], heads = h->n_blocks * sizeof(RamIndexBlockHead);
    left -= sizeof *h;
    if (left < names + heads || (left - names - heads) % sizeof(RamRun))
        return false;
    x->files = (void *)(bytes->data + sizeof *h);
    for (unsigned i = 0; i < x->n_files; i++)
        if (!memchr(x->files[i], 0, sizeof x->files[i]) || !x->files[i][0] ||
            strchr(x->files[i], '/'))
            return false;
    const RamIndexBlockHead *b = (const void *)(bytes->data + sizeof *h + names);
    RamRun *run = (RamRun *)(b + h->n_blocks);
    const RamRun *end = (const RamRun *)(bytes->data + bytes->len);
    x->blocks = g_new0(RamIndexBlock, h->n_blocks + 1);
    for (; x->n_blocks < h->n_blocks; b++) {
        RamIndexBlock *to = &x->blocks[x->n_blocks++];
        if (!memchr(b->name, 0, sizeof b->name) || b->size % RAM_PAGE_SIZE ||
            b->offset % RAM_PAGE_SIZE || b->offset > x->file_size ||
            b->size > x->file_size - b->offset)
            return false;
        to->name = g_strdup(b->name);
        to->size = b->size;
        to->offset = b->offset;
        if (!take_runs(x, to, &run, end))
            return false;
    }
    return run == end;
}

RamIndex *ram_index_read(const char *dir, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    RamIndex *x = g_new0(RamIndex, 1);
    if (store_read(dir, SNAP_RAM_INDEX, bytes, error)) {
        x->data = g_byte_array_ref(bytes);
        if (parse(x, bytes))
            return x;
        error_set(error, "'%s/%s' is damaged", dir, SNAP_RAM_INDEX);
    }
    ram_index_free(x);
    return NULL;
}

void ram_index_free(RamIndex *x)
{
    if (!x)
        return;
    for (unsigned i = 0; i < x->n_blocks; i++)
        g_free(x->blocks[i].name);
    g_free(x->blocks);
    if (x->data)
        g_byte_array_unref(x->data);
    g_free(x);
}

static const RamIndexBlock *find(const RamIndex *x, const char *name)
{
    for (unsigned i = 0; i < x->n_blocks; i++)
        if (!strcmp(x->blocks[i].name, name))
            return &x->blocks[i];
    return NULL;
}

RamBlock *ram_block_named(const char *name)
{
    for (RamBlock *b = ram_blocks(); b; b = b->next)
        if (!strcmp(b->name, name))
            return b;
    return NULL;
}

bool ram_index_matches(const RamIndex *x, GError **error)
{
    for (const RamBlock *b = ram_blocks(); b; b = b->next) {
        const RamIndexBlock *i = find(x, b->name);
        if (!i)
            return error_set(error, "it has no memory '%s', which this machine has", b->name);
        if (i->size != b->size)
            return error_set(error, "its memory '%s' has %" G_GUINT64_FORMAT " KiB, and here it "
                             "has %" G_GUINT64_FORMAT " KiB", b->name, i->size >> 10,
                             b->size >> 10);
    }
    for (unsigned i = 0; i < x->n_blocks; i++)
        if (!ram_block_named(x->blocks[i].name))
            return error_set(error, "it has a memory '%s', which this machine does not",
                             x->blocks[i].name);
    return true;
}
