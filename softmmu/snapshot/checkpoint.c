/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints in memory.
 *
 * `shadow` is RAM as it was at the current checkpoint. Between two checkpoints a list has the pages
 * that differ, with both contents: to move from one to the next is to apply a list. Pages that
 * were written since the current checkpoint come from the log of written pages, so that going back
 * costs these pages, whatever the size of RAM.
 */
#include "softmmu/checkpoint.h"

#include <string.h>
#include <sys/mman.h>

#include "accel/accel.h"
#include "accel/icount.h"
#include "accel/tlb.h"
#include "backend/block.h"
#include "hw/device.h"
#include "softmmu/snapshot/snapshot_int.h"
#include "util/bits.h"
#include "util/random.h"

#define MAX_BYTES ((uint64_t)1 << 30) /* beyond, the oldest goes */

typedef struct Change {
    uint64_t page;
    uint8_t *before, *after; /* one allocation */
} Change;

typedef struct Checkpoint {
    GByteArray *state;
    uint64_t icount;
    IcountTurn turn;
    GArray *to_next;         /* of Change; NULL for the last one */
    BlockChanges *disks;     /* likewise */
    uint64_t random;         /* random_position */
} Checkpoint;

struct CheckpointRing {
    unsigned max, n, current;
    Checkpoint *list;
    uint8_t *shadow;         /* by page number */
    uint64_t pages;
    bool disks;              /* they go along */
    RamDirtyLog *log;        /* since the current one */
    uint64_t bytes;          /* of all in the list */
};

/* ---- memory ---- */

static uint8_t *shadow_page(const CheckpointRing *r, uint64_t page)
{
    return r->shadow + (page << RAM_PAGE_BITS);
}

/* What leads on from it. */
static void changes_free(CheckpointRing *r, Checkpoint *c)
{
    for (guint i = 0; c->to_next && i < c->to_next->len; i++)
        g_free(g_array_index(c->to_next, Change, i).before);
    if (c->to_next) {
        r->bytes -= (uint64_t)c->to_next->len * 2 * RAM_PAGE_SIZE;
        g_array_unref(c->to_next);
    }
    r->bytes -= block_changes_bytes(c->disks);
    block_changes_free(c->disks);
    c->to_next = NULL;
    c->disks = NULL;
}

static void checkpoint_clear(CheckpointRing *r, Checkpoint *c)
{
    changes_free(r, c);
    r->bytes -= c->state->len;
    g_byte_array_unref(c->state);
}

CheckpointRing *checkpoint_ring_new(unsigned max, bool disks)
{
    CheckpointRing *r = g_new0(CheckpointRing, 1);
    r->max = MAX(max, 2);
    r->disks = disks;
    r->list = g_new0(Checkpoint, r->max + 1);
    return r;
}

static void forget_all(CheckpointRing *r)
{
    while (r->n)
        checkpoint_clear(r, &r->list[--r->n]);
    r->current = 0;
    ram_dirty_log_free(r->log);
    r->log = NULL;
    if (r->shadow)
        munmap(r->shadow, r->pages << RAM_PAGE_BITS);
    r->shadow = NULL;
}

void checkpoint_ring_free(CheckpointRing *r)
{
    if (!r)
        return;
    forget_all(r);
    g_free(r->list);
    g_free(r);
}

unsigned checkpoint_count(const CheckpointRing *r)
{
    return r->n;
}

unsigned checkpoint_current(const CheckpointRing *r)
{
    return r->current;
}

uint64_t checkpoint_icount(const CheckpointRing *r, unsigned i)
{
    return r->list[i].icount;
}

/* ---- taking ---- */

static bool all_zero(const uint8_t *p)
{
    return !p[0] && !memcmp(p, p + 1, RAM_PAGE_SIZE - 1);
}

/* The first checkpoint, or RAM was added: everything anew. */
static void begin(CheckpointRing *r)
{
    forget_all(r);
    r->pages = ram_page_count;
    r->shadow = mmap(NULL, r->pages << RAM_PAGE_BITS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->shadow == MAP_FAILED)
        g_error("out of memory for checkpoints; use less RAM (-m)");
    madvise(r->shadow, r->pages << RAM_PAGE_BITS, MADV_DONTDUMP);
    for (const RamBlock *b = ram_blocks(); b; b = b->next)
        for (uint64_t i = 0; i < b->size; i += RAM_PAGE_SIZE)
            if (!all_zero(b->host + i))
                memcpy(shadow_page(r, b->first_page) + i, b->host + i, RAM_PAGE_SIZE);
    r->log = ram_dirty_log_new();
    if (r->disks)
        block_journal_start();
}

static GArray *collect(CheckpointRing *r)
{
    GArray *list = g_array_new(false, false, sizeof(Change));
    for (const RamBlock *b = ram_blocks(); b; b = b->next) {
        uint64_t end = b->first_page + (b->size >> RAM_PAGE_BITS);
        uint64_t page = ram_dirty_log_next(r->log, b->first_page, end);
        for (; page < end; page = ram_dirty_log_next(r->log, page + 1, end)) {
            const uint8_t *now = b->host + ((page - b->first_page) << RAM_PAGE_BITS);
            if (!memcmp(now, shadow_page(r, page), RAM_PAGE_SIZE))
                continue;
            Change c = { .page = page, .before = g_malloc(2 * RAM_PAGE_SIZE) };
            c.after = c.before + RAM_PAGE_SIZE;
            memcpy(c.before, shadow_page(r, page), RAM_PAGE_SIZE);
            memcpy(c.after, now, RAM_PAGE_SIZE);
            memcpy(shadow_page(r, page), now, RAM_PAGE_SIZE);
            g_array_append_val(list, c);
        }
    }
    r->bytes += (uint64_t)list->len * 2 * RAM_PAGE_SIZE;
    return list;
}

void checkpoint_truncate(CheckpointRing *r)
{
    while (r->n > r->current + 1)
        checkpoint_clear(r, &r->list[--r->n]);
    if (r->n)
        changes_free(r, &r->list[r->current]);
}

void checkpoint_take(CheckpointRing *r)
{
    checkpoint_truncate(r);
    ram_dirty_log_sync();
    if (!r->n || r->pages != ram_page_count) {
        begin(r);
    } else {
        Checkpoint *last = &r->list[r->current];
        last->to_next = collect(r);
        last->disks = block_journal_take();
        r->bytes += block_changes_bytes(last->disks);
        ram_dirty_log_clear(r->log);
    }
    while (r->n == r->max || (r->n > 2 && r->bytes > MAX_BYTES)) {
        checkpoint_clear(r, &r->list[0]);
        memmove(r->list, r->list + 1, --r->n * sizeof *r->list);
    }
    Checkpoint *c = &r->list[r->n++];
    *c = (Checkpoint){ .state = g_byte_array_new(), .icount = icount_total(),
                        .random = random_position() };
    if (icount_enabled())
        c->turn = icount_turn();
    machine_save(c->state);
    r->bytes += c->state->len;
    r->current = r->n - 1;
    /* As after going back to it: what the TLBs hold must not make a difference. */
    for (unsigned i = 0; i < cpu_count; i++)
        tlb_flush_all(cpus[i]);
}

/* ---- going back ---- */

static void put_page(CheckpointRing *r, uint64_t page, const uint8_t *from)
{
    uint8_t *host = ram_page_host(page);
    if (!host)
        return;
    memcpy(host, from, RAM_PAGE_SIZE);
    ram_page_written(page, 0, RAM_PAGE_SIZE); /* code, and the other logs */
}

static void undo_since_current(CheckpointRing *r)
{
    for (const RamBlock *b = ram_blocks(); b; b = b->next) {
        uint64_t end = b->first_page + (b->size >> RAM_PAGE_BITS);
        uint64_t page = ram_dirty_log_next(r->log, b->first_page, end);
        for (; page < end; page = ram_dirty_log_next(r->log, page + 1, end))
            put_page(r, page, shadow_page(r, page));
    }
}

static void apply(CheckpointRing *r, const GArray *list, bool forward)
{
    for (guint i = 0; list && i < list->len; i++) {
        const Change *c = &g_array_index(list, Change, i);
        const uint8_t *to = forward ? c->after : c->before;
        memcpy(shadow_page(r, c->page), to, RAM_PAGE_SIZE);
        put_page(r, c->page, to);
    }
}

bool checkpoint_restore(CheckpointRing *r, unsigned i, GError **error)
{
    const Checkpoint *c = &r->list[i];
    device_load_exact = true;
    MachineRecords *records = machine_check(c->state->data, c->state->len, error);
    bool ok = records && machine_load(records, error);
    machine_records_free(records);
    if (!ok) {
        device_load_exact = false;
        return false;
    }
    ram_dirty_log_sync();
    undo_since_current(r);
    block_journal_undo();
    while (r->current > i) {
        const Checkpoint *to = &r->list[--r->current];
        apply(r, to->to_next, false);
        block_changes_apply(to->disks, false);
    }
    while (r->current < i) {
        const Checkpoint *from = &r->list[r->current++];
        apply(r, from->to_next, true);
        block_changes_apply(from->disks, true);
    }
    random_set_position(c->random);
    ram_dirty_log_sync();
    ram_dirty_log_clear(r->log);
    for (unsigned k = 0; k < cpu_count; k++)
        tlb_flush_all(cpus[k]);
    if (icount_enabled())
        icount_set_turn(c->turn);
    machine_loaded();
    device_load_exact = false;
    return true;
}
