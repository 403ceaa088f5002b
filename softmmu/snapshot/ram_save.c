/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing RAM behind the running machine.
 *
 * While the machine stands still a child is forked; it has RAM as it was then (the kernel copies
 * pages that either side writes), and writes it to the file at its leisure. Between fork and exit
 * it uses system calls and memory made before only: other threads may have held any lock.
 *
 * What was not written since the snapshot that RAM came from is not written again: the new index
 * names the older snapshot's file, of which the new folder gets a hard link. Zero pages are holes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softmmu/snapshot/ram_format.h"
#include "util/bits.h"
#include "util/error.h"

enum {
    GAP = 4,              /* clean pages between written ones that are written along */
    ZERO_RUN = 64,        /* zero pages in a row that are worth a run */
    CHUNK = 1024,         /* pages per system call */
    REPORT = 4096,        /* pages between reports of progress */
};

typedef struct PlanBlock {
    const uint8_t *host;
    uint64_t pages, first_page, offset;
    const RamRun *base;   /* its runs in the base */
    uint32_t n_base;
} PlanBlock;

struct RamPlan {
    int file, index;
    const RamDirtyLog *dirty; /* NULL: everything */
    unsigned n_blocks;
    PlanBlock *blocks;
    uint64_t pages;       /* all */
    unsigned n_files;     /* of the base */
    char (*files)[64];    /* of the base, then the new one */
    uint32_t map[RAM_FILES_MAX + 1]; /* source in the base -> in the new index */
    uint32_t used[RAM_FILES_MAX + 1]; /* by source in the base: pages still referred to */
    uint32_t own;         /* source of the new file */
    RamIndexHead head;
    RamIndexBlockHead *heads;
    RamRun *runs;         /* reserved memory, filled by the child */
    uint64_t room;
    /* the child's */
    uint64_t n_runs;
    uint32_t block_first; /* first run of the block */
    uint64_t done, reported;
    int progress_fd;
};

/* ---- before the fork ---- */

static const RamIndexBlock *in_base(const RamIndex *base, const RamBlock *b)
{
    for (unsigned i = 0; base && i < base->n_blocks; i++)
        if (!strcmp(base->blocks[i].name, b->name) && base->blocks[i].size == b->size)
            return &base->blocks[i];
    return NULL;
}

static void add_block(RamPlan *p, const RamBlock *b, const RamIndex *base, uint64_t *offset)
{
    PlanBlock *to = &p->blocks[p->n_blocks];
    RamIndexBlockHead *head = &p->heads[p->n_blocks++];
    const RamIndexBlock *old = in_base(base, b);
    *to = (PlanBlock){ .host = b->host, .pages = b->size >> RAM_PAGE_BITS,
                       .first_page = b->first_page, .offset = *offset };
    if (old && !b->shared && old->offset == *offset) {
        to->base = old->runs;
        to->n_base = old->n_runs;
    }
    head->size = b->size;
    head->offset = *offset;
    g_strlcpy(head->name, b->name, sizeof head->name);
    p->pages += to->pages;
    *offset += b->size;
}

/* The base's files must all be in the new folder before anything relies on them. */
static bool link_base(const char *dir, const RamIndex *base)
{
    for (unsigned i = 0; i < base->n_files; i++) {
        g_autofree char *from = g_build_filename(base_dir(), base->files[i], NULL);
        g_autofree char *to = g_build_filename(dir, base->files[i], NULL);
        if (link(from, to))
            return false;
    }
    return true;
}

static int create(const char *dir, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        error_set_errno(error, errno, "can't write '%s'", path);
    return fd;
}

RamPlan *ram_plan_new(const char *dir, const RamIndex *base, const RamDirtyLog *dirty,
                      GError **error)
{
    if (base && (!dirty || base->n_files >= RAM_FILES_MAX || !link_base(dir, base)))
        base = NULL;
    RamPlan *p = g_new0(RamPlan, 1);
    unsigned n = 0;
    for (const RamBlock *b = ram_blocks(); b; b = b->next)
        n++;
    p->file = p->index = -1;
    p->dirty = base ? dirty : NULL;
    p->blocks = g_new0(PlanBlock, n + 1);
    p->heads = g_new0(RamIndexBlockHead, n + 1);
    p->files = g_malloc0((RAM_FILES_MAX + 1) * sizeof *p->files);
    p->n_files = base ? base->n_files : 0;
    if (base)
        memcpy(p->files, base->files, p->n_files * sizeof *p->files);
    g_autofree char *uuid = g_uuid_string_random();
    char *own = p->files[p->n_files];
    g_snprintf(own, sizeof *p->files, "ram-%s", uuid);

    uint64_t offset = RAM_FILE_HEAD;
    for (const RamBlock *b = ram_blocks(); b; b = b->next)
        add_block(p, b, base, &offset);
    memcpy(p->head.magic, RAM_INDEX_MAGIC, sizeof p->head.magic);
    p->head.version = RAM_INDEX_VERSION;
    p->head.n_blocks = n;
    p->head.file_size = offset;

    p->room = (p->pages + n + 1) * sizeof *p->runs;
    void *room = mmap(NULL, p->room, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    p->runs = room == MAP_FAILED ? NULL : room;
    if (!p->runs)
        error_set(error, "out of memory for the index of RAM");
    if (p->runs && (p->file = create(dir, own, error)) >= 0 &&
        (p->index = create(dir, SNAP_RAM_INDEX, error)) >= 0)
        return p;
    ram_plan_free(p);
    return NULL;
}

void ram_plan_free(RamPlan *p)
{
    if (!p)
        return;
    if (p->file >= 0)
        close(p->file);
    if (p->index >= 0)
        close(p->index);
    if (p->runs)
        munmap(p->runs, p->room);
    g_free(p->blocks);
    g_free(p->heads);
    g_free(p->files);
    g_free(p);
}

uint64_t ram_plan_total(const RamPlan *p)
{
    return p->pages << RAM_PAGE_BITS;
}

void ram_plan_fds(const RamPlan *p, int *file, int *index)
{
    *file = p->file;
    *index = p->index;
}

bool ram_plan_needs_pause(void)
{
    for (const RamBlock *b = ram_blocks(); b; b = b->next)
        if (b->shared)
            return true;
    return false;
}

/* ---- the child ---- */

static int write_all(int fd, const void *data, size_t len, off_t at)
{
    const uint8_t *p = data;
    while (len) {
        ssize_t n = pwrite(fd, p, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        p += n;
        at += n;
        len -= n;
    }
    return 0;
}

static bool page_is_zero(const uint8_t *page)
{
    const uint64_t *p = (const uint64_t *)page;
    for (unsigned i = 0; i < RAM_PAGE_SIZE / 8; i += 32) {
        uint64_t any = 0;
        for (unsigned k = 0; k < 32; k++)
            any |= p[i + k];
        if (any)
            return false;
    }
    return true;
}

/* Pages come in order. */
static void emit(RamPlan *p, uint64_t page, uint64_t count, uint32_t source)
{
    RamRun *last = p->n_runs > p->block_first ? &p->runs[p->n_runs - 1] : NULL;
    if (last && last->source == source)
        last->count += count;
    else
        p->runs[p->n_runs++] = (RamRun){ page, count, source };
}

/* From `page` on: the next pages that were written (and small gaps between), as [*from, *to). */
static void next_written(const RamPlan *p, const PlanBlock *b, uint64_t page, uint64_t *from,
                         uint64_t *to)
{
    uint64_t end = b->first_page + b->pages;
    if (!p->dirty || !b->base) {
        *from = page;
        *to = b->pages;
        return;
    }
    uint64_t at = ram_dirty_log_next(p->dirty, b->first_page + page, end), last = at;
    *from = at - b->first_page;
    while (at < end) {
        last = at;
        at = ram_dirty_log_next(p->dirty, at + 1, end);
        if (at > last + 1 + GAP)
            break;
    }
    *to = last < end ? last + 1 - b->first_page : *from;
}

/* What the base has for [from, to); *k is where to begin to look, and moves on. */
static void from_base(RamPlan *p, const PlanBlock *b, uint64_t from, uint64_t to, uint32_t *k,
                      bool count_only)
{
    while (*k < b->n_base && from < to) {
        const RamRun *r = &b->base[*k];
        uint64_t end = (uint64_t)r->page + r->count;
        if (end <= from) {
            ++*k;
            continue;
        }
        uint64_t n = MIN(end, to) - from;
        if (count_only)
            p->used[r->source] += n;
        else
            emit(p, from, n, p->map[r->source]);
        from += n;
    }
}

/* How much of the base is still needed, and into how many runs that falls. */
static uint64_t count_runs(RamPlan *p)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < p->n_blocks; i++) {
        const PlanBlock *b = &p->blocks[i];
        uint32_t k = 0;
        for (uint64_t page = 0, from, to; page < b->pages; page = to) {
            next_written(p, b, page, &from, &to);
            from_base(p, b, page, from, &k, true);
            n += 2;
        }
        n += b->n_base;
    }
    return n;
}

/* Sources of the new index: the base's files that are still needed, then the new one. */
static void choose_sources(RamPlan *p)
{
    unsigned n = 0;
    if (p->dirty && count_runs(p) > RAM_RUNS_MAX)
        p->dirty = NULL;
    for (unsigned i = 0; p->dirty && i < p->n_files; i++) {
        if (!p->used[i + 1])
            continue;
        p->map[i + 1] = n + 1;
        memmove(p->files[n++], p->files[i], sizeof *p->files);
    }
    memmove(p->files[n], p->files[p->n_files], sizeof *p->files);
    p->own = n + 1;
    p->head.n_files = n + 1;
}

static void report(RamPlan *p, uint64_t pages)
{
    p->done += pages;
    if (p->progress_fd < 0 || p->done - p->reported < REPORT)
        return;
    p->reported = p->done;
    uint64_t bytes = p->done << RAM_PAGE_BITS;
    ssize_t n = write(p->progress_fd, &bytes, sizeof bytes);
    (void)n; /* a full pipe or a dead parent: neither is our business */
}

/* Contents of [from, to): zeros in long rows, and the rest in the new file. */
static int write_pages(RamPlan *p, const PlanBlock *b, uint64_t from, uint64_t to)
{
    uint64_t zeros = 0;   /* zero pages right before `page` that nothing was emitted for */
    for (uint64_t page = from; page < to;) {
        if (page_is_zero(b->host + (page << RAM_PAGE_BITS))) {
            zeros++;
            page++;
            report(p, 1);
            continue;
        }
        if (zeros)
            emit(p, page - zeros, zeros, zeros >= ZERO_RUN ? 0 : p->own);
        zeros = 0;
        uint64_t n = 1;
        while (n < CHUNK && page + n < to &&
               !page_is_zero(b->host + ((page + n) << RAM_PAGE_BITS)))
            n++;
        int err = write_all(p->file, b->host + (page << RAM_PAGE_BITS), n << RAM_PAGE_BITS,
                            b->offset + (page << RAM_PAGE_BITS));
        if (err)
            return err;
        emit(p, page, n, p->own);
        page += n;
        report(p, n);
    }
    if (zeros)
        emit(p, to - zeros, zeros, zeros >= ZERO_RUN ? 0 : p->own);
    return 0;
}

static int write_block(RamPlan *p, const PlanBlock *b)
{
    uint32_t k = 0;
    p->block_first = p->n_runs;
    for (uint64_t page = 0, from, to; page < b->pages; page = to) {
        next_written(p, b, page, &from, &to);
        from_base(p, b, page, from, &k, false);
        report(p, from - page);
        int err = write_pages(p, b, from, to);
        if (err)
            return err;
    }
    return 0;
}

static int write_index(RamPlan *p)
{
    off_t at = 0;
    int err = write_all(p->index, &p->head, sizeof p->head, at);
    at += sizeof p->head;
    if (!err)
        err = write_all(p->index, p->files, p->head.n_files * sizeof *p->files, at);
    at += p->head.n_files * sizeof *p->files;
    if (!err)
        err = write_all(p->index, p->heads, p->n_blocks * sizeof *p->heads, at);
    at += p->n_blocks * sizeof *p->heads;
    if (!err)
        err = write_all(p->index, p->runs, p->n_runs * sizeof *p->runs, at);
    return err;
}

int ram_plan_write(RamPlan *p, int progress_fd)
{
    RamFileHead head = { .version = RAM_INDEX_VERSION, .file_size = p->head.file_size };
    memcpy(head.magic, RAM_FILE_MAGIC, sizeof head.magic);
    memcpy(head.name, p->files[p->n_files], sizeof head.name);
    p->progress_fd = progress_fd;
    choose_sources(p);
    int err = write_all(p->file, &head, sizeof head, 0);
    if (!err && ftruncate(p->file, p->head.file_size))
        err = errno;
    for (unsigned i = 0; !err && i < p->n_blocks; i++)
        err = write_block(p, &p->blocks[i]);
    if (!err)
        err = write_index(p);
    if (!err && (fsync(p->file) || fsync(p->index)))
        err = errno;
    return err;
}
