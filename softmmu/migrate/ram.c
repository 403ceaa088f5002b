/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM on its way, in rounds: all of it, then what was written meanwhile, and so on.
 *
 * What is to be sent in a round is a bit per page, filled on the main thread from the log of
 * written pages while no vCPU runs guest code; then a thread sends it while they run. A page may
 * change while it is read: it is copied first, so that checksum and contents agree, and being
 * written it is part of the next round. Pages of zeros are runs without contents; the receiver
 * makes them zero, as its own RAM is not empty (the kernel that its command line names is there).
 */
#include <string.h>
#include <sys/mman.h>

#include "softmmu/migrate/migrate_int.h"
#include "softmmu/snapshot/ram_format.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/inflate.h"

typedef struct MigBlock {
    RamBlock *ram;
    bool ignored;      /* shared with the other side */
    uint64_t pages;
    uint64_t *todo;    /* sender: to be sent; receiver: has come */
} MigBlock;

struct MigRam {
    MigBlock *blocks;
    unsigned n;
    RamDirtyLog *log;
    bool begun;
    uint64_t left;     /* pages to be sent */
    uint8_t *chunk, *packed;
};

static uint64_t words(uint64_t pages)
{
    return pages / 64 + 1;
}

static MigRam *with_room(unsigned n)
{
    MigRam *r = g_new0(MigRam, 1);
    r->blocks = g_new0(MigBlock, n + 1);
    r->chunk = g_malloc((size_t)MIG_CHUNK_PAGES << RAM_PAGE_BITS);
    r->packed = g_malloc((size_t)MIG_CHUNK_PAGES << RAM_PAGE_BITS);
    return r;
}

static void add(MigRam *r, RamBlock *b, bool ignored)
{
    MigBlock *to = &r->blocks[r->n++];
    to->ram = b;
    to->ignored = ignored;
    to->pages = b->size >> RAM_PAGE_BITS;
    to->todo = g_new0(uint64_t, words(to->pages));
}

MigRam *mig_ram_new(bool ignore_shared)
{
    unsigned n = 0;
    for (const RamBlock *b = ram_blocks(); b; b = b->next)
        n++;
    MigRam *r = with_room(n);
    for (RamBlock *b = ram_blocks(); b; b = b->next)
        add(r, b, ignore_shared && b->shared);
    return r;
}

void mig_ram_free(MigRam *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->n; i++)
        g_free(r->blocks[i].todo);
    ram_dirty_log_free(r->log);
    g_free(r->blocks);
    g_free(r->chunk);
    g_free(r->packed);
    g_free(r);
}

uint64_t mig_ram_bytes(const MigRam *r)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < r->n; i++)
        bytes += r->blocks[i].ignored ? 0 : r->blocks[i].ram->size;
    return bytes;
}

/* ---- what must be the same ---- */

Json *mig_ram_describe(const MigRam *r)
{
    Json *list = json_array();
    for (unsigned i = 0; i < r->n; i++) {
        Json *o = json_object();
        json_set_str(o, "name", r->blocks[i].ram->name);
        json_set_uint(o, "size", r->blocks[i].ram->size);
        if (r->blocks[i].ignored)
            json_set_bool(o, "ignored", true);
        json_add(list, o);
    }
    return list;
}

/* As the index of a snapshot, which knows how to compare. */
static bool same_blocks(const Json *list, GError **error)
{
    RamIndex x = { .n_blocks = json_len(list) };
    x.blocks = g_new0(RamIndexBlock, x.n_blocks + 1);
    for (unsigned i = 0; i < x.n_blocks; i++) {
        x.blocks[i].name = (char *)json_get_str(json_at(list, i), "name", "");
        x.blocks[i].size = json_get_uint(json_at(list, i), "size", 0);
    }
    bool ok = ram_index_matches(&x, error);
    g_free(x.blocks);
    return ok;
}

MigRam *mig_ram_match(const Json *list, GError **error)
{
    if (!same_blocks(list, error))
        return NULL;
    MigRam *r = with_room(json_len(list));
    for (unsigned i = 0; i < json_len(list); i++) {
        const Json *o = json_at(list, i);
        RamBlock *b = ram_block_named(json_get_str(o, "name", ""));
        bool ignored = json_get_bool(o, "ignored", false), twice = false;
        for (unsigned k = 0; k < r->n; k++)
            twice |= r->blocks[k].ram == b;
        if (twice) {
            error_set(error, "the stream is damaged: memory '%s' is in it twice", b->name);
        } else if (ignored && !b->shared) {
            error_set(error, "its memory '%s' is not in the stream (x-ignore-shared), and here it "
                      "is no shared file; use a memory-backend-file with share=on", b->name);
        } else {
            add(r, b, ignored);
            continue;
        }
        mig_ram_free(r);
        return NULL;
    }
    return r;
}

/* ---- sending ---- */

void mig_ram_track(MigRam *r)
{
    r->log = ram_dirty_log_new();
    for (unsigned i = 0; i < r->n; i++) {
        MigBlock *b = &r->blocks[i];
        if (b->ignored)
            continue;
        memset(b->todo, 0xff, b->pages / 64 * 8);
        b->todo[b->pages / 64] = MASK(b->pages % 64);
    }
    r->begun = false;
}

uint64_t mig_ram_collect(MigRam *r)
{
    if (!r->begun) {
        r->begun = true;
        r->left = mig_ram_bytes(r) >> RAM_PAGE_BITS;
        return r->left;
    }
    ram_dirty_log_sync();
    for (unsigned i = 0; i < r->n; i++) {
        MigBlock *b = &r->blocks[i];
        uint64_t first = b->ram->first_page, end = first + b->pages;
        for (uint64_t p = b->ignored ? end : ram_dirty_log_next(r->log, first, end); p < end;
             p = ram_dirty_log_next(r->log, p + 1, end)) {
            uint64_t *word = &b->todo[(p - first) / 64], bit = BIT((p - first) % 64);
            r->left += !(*word & bit);
            *word |= bit;
        }
    }
    ram_dirty_log_clear(r->log);
    return r->left;
}

static bool is_zero(const uint8_t *page)
{
    const uint64_t *p = (const uint64_t *)page;
    for (unsigned i = 0; i < RAM_PAGE_SIZE / 8; i += 8)
        if (p[i] | p[i + 1] | p[i + 2] | p[i + 3] | p[i + 4] | p[i + 5] | p[i + 6] | p[i + 7])
            return false;
    return true;
}

static uint64_t next_todo(const MigBlock *b, uint64_t page)
{
    for (; page < b->pages; page = (page | 63) + 1) {
        uint64_t word = b->todo[page / 64] >> page % 64;
        if (word)
            return MIN(page + (uint64_t)__builtin_ctzll(word), b->pages);
    }
    return b->pages;
}

static bool take_todo(MigBlock *b, uint64_t page)
{
    bool set = page < b->pages && b->todo[page / 64] >> page % 64 & 1;
    if (set)
        b->todo[page / 64] &= ~BIT(page % 64);
    return set;
}

/* Pages from `page` on that are alike, in one record. */
static bool send_run(MigRam *r, unsigned block, uint64_t page, unsigned chunk, MigWriter *w,
                     int level, MigCounts *counts, GError **error)
{
    MigBlock *b = &r->blocks[block];
    const uint8_t *host = b->ram->host;
    MigPages head = { block, page, 0 };
    bool zero = is_zero(host + (page << RAM_PAGE_BITS));
    uint64_t most = zero ? b->pages : page + chunk;
    for (uint64_t p = page; p < most; p++) {
        const uint8_t *at = host + (p << RAM_PAGE_BITS);
        if (p != page && (p >= b->pages || is_zero(at) != zero))
            break;
        if (!take_todo(b, p))
            break;
        if (!zero)
            memcpy(r->chunk + ((size_t)head.count << RAM_PAGE_BITS), at, RAM_PAGE_SIZE);
        head.count++;
    }
    r->left -= head.count;
    atomic_fetch_sub(&counts->remaining, head.count);
    atomic_fetch_add(zero ? &counts->zero : &counts->normal, head.count);
    if (zero)
        return mig_write(w, MIG_ZEROS, &head, sizeof head, NULL, 0, error);
    size_t len = (size_t)head.count << RAM_PAGE_BITS;
    size_t small = level >= 0 ? deflate_raw(r->chunk, len, level, r->packed, len - 1) : 0;
    return mig_write(w, small ? MIG_PACKED : MIG_PAGES, &head, sizeof head,
                     small ? r->packed : r->chunk, small ? small : len, error);
}

bool mig_ram_send(MigRam *r, MigWriter *w, int level, MigCounts *counts, MigPace *pace,
                  void *opaque, GError **error)
{
    for (unsigned i = 0; i < r->n; i++) {
        MigBlock *b = &r->blocks[i];
        if (b->ignored)
            continue;
        for (uint64_t p = next_todo(b, 0); p < b->pages; p = next_todo(b, p + 1)) {
            unsigned chunk = MIG_CHUNK_PAGES;
            if (!pace(opaque, w, &chunk, error) ||
                !send_run(r, i, p, chunk, w, level, counts, error))
                return false;
            atomic_store(&counts->bytes, w->bytes);
        }
    }
    return true;
}

/* ---- receiving ---- */

static void make_zero(const MigBlock *b, uint64_t page, uint64_t count)
{
    for (uint8_t *at = b->ram->host + (page << RAM_PAGE_BITS); count; count--, at += RAM_PAGE_SIZE)
        if (!is_zero(at))
            memset(at, 0, RAM_PAGE_SIZE);
}

bool mig_ram_receive(MigRam *r, const MigRecord *rec, GError **error)
{
    MigPages head;
    if (rec->len < sizeof head)
        return error_set(error, "the stream is damaged: a record of pages is too short");
    memcpy(&head, rec->data, sizeof head);
    const MigBlock *b = head.block < r->n ? &r->blocks[head.block] : NULL;
    const uint8_t *data = rec->data + sizeof head;
    size_t len = rec->len - sizeof head, room = (size_t)head.count << RAM_PAGE_BITS;
    bool ok = b && !b->ignored && head.count && head.page < b->pages &&
              head.count <= b->pages - head.page &&
              (rec->type == MIG_ZEROS || head.count <= MIG_CHUNK_PAGES);
    if (!ok)
        return error_set(error, "the stream is damaged: pages that this machine does not have");
    uint8_t *at = b->ram->host + ((uint64_t)head.page << RAM_PAGE_BITS);
    if (rec->type == MIG_ZEROS) {
        ok = !len;
        make_zero(b, head.page, ok ? head.count : 0);
    } else if (rec->type == MIG_PACKED) {
        ok = inflate_raw(data, len, r->chunk, room);
        memcpy(at, r->chunk, ok ? room : 0);
    } else {
        ok = len == room;
        memcpy(at, data, ok ? room : 0);
    }
    if (!ok)
        return error_set(error, "the stream is damaged: contents of pages are not whole");
    for (uint64_t p = head.page; p < (uint64_t)head.page + head.count; p++) {
        b->todo[p / 64] |= BIT(p % 64);
        if (atomic_load_explicit(&ram_page_flags[b->ram->first_page + p], memory_order_relaxed))
            ram_page_written(b->ram->first_page + p, 0, RAM_PAGE_SIZE);
    }
    return true;
}

bool mig_ram_complete(const MigRam *r, GError **error)
{
    for (unsigned i = 0; i < r->n; i++) {
        const MigBlock *b = &r->blocks[i];
        for (uint64_t p = 0; !b->ignored && p < b->pages; p += 64) {
            uint64_t all = b->pages - p < 64 ? MASK(b->pages - p) : UINT64_MAX;
            if (b->todo[p / 64] != all)
                return error_set(error, "the stream is damaged: a part of memory '%s' is missing",
                                 b->ram->name);
        }
    }
    return true;
}
