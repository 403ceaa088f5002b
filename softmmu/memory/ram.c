/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM blocks, page numbers and page flags.
 *
 * A block is private anonymous memory with huge pages, unless the user gave a file. Memfds would do
 * for everything but speed: hosts rarely allow huge pages for them, and at 4 KiB a time page faults
 * are a good part of a guest's boot. Nothing is allocated until it is touched.
 *
 * Page numbers are never used twice, and the mapping of a released block stays (with its memory
 * given back), so that a thread that has just looked a page up can never hit an unmapped address.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softmmu/memory/memory_internal.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/tsan.h"

enum { MAX_BLOCKS = 16384 };
/* Flags for 16 TiB of RAM; where address space is limited (ulimit -v), as much as there is. */
#define MAX_PAGES ((uint64_t)1 << 32)
#define MIN_PAGES ((uint64_t)1 << 20)
#define HUGE_PAGE ((uint64_t)2 << 20)

_Atomic uint8_t *ram_page_flags;
uint64_t ram_page_count;

static uint64_t max_pages;
static RamBlock *blocks; /* in use, oldest first */
/* By page number, ascending; entries never go. Readers look at block_count entries. */
static RamBlock *block_table[MAX_BLOCKS];
static _Atomic unsigned block_count;

static void reserve_flags(void)
{
    for (uint64_t n = MAX_PAGES; n >= MIN_PAGES; n /= 4) {
        void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
        if (p != MAP_FAILED) {
            madvise(p, n, MADV_DONTDUMP);
            ram_page_flags = p;
            max_pages = n;
            return;
        }
    }
}

/* Maps at a multiple of the huge page size, so that huge pages can be used at all. */
static void *map_aligned(uint64_t size, int fd, bool shared)
{
    uint8_t *room = mmap(NULL, size + HUGE_PAGE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return NULL;
    uint8_t *at = (uint8_t *)ALIGN_UP((uintptr_t)room, HUGE_PAGE);
    if (at != room)
        munmap(room, at - room);
    uint64_t rest = room + size + HUGE_PAGE - (at + size);
    if (rest)
        munmap(at + size, rest);
    int flags = MAP_NORESERVE | MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) |
                (fd < 0 ? MAP_ANONYMOUS : 0);
    if (mmap(at, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED) {
        int err = errno;
        munmap(at, size);
        errno = err;
        return NULL;
    }
    if (size >= HUGE_PAGE)
        madvise(at, size, MADV_HUGEPAGE);
    return at;
}

static bool name_taken(const char *name)
{
    for (RamBlock *b = blocks; b; b = b->next) {
        if (!strcmp(b->name, name))
            return true;
    }
    return false;
}

static char *unique_name(const char *name)
{
    char *s = g_strdup(name);
    for (unsigned i = 1; name_taken(s); i++) {
        g_free(s);
        s = g_strdup_printf("%s.%u", name, i);
    }
    return s;
}

RamBlock *ram_block_new(const char *name, uint64_t size, int fd, bool shared, GError **error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, reserve_flags);
    if (size == 0 || size > (uint64_t)INT64_MAX - RAM_PAGE_SIZE) {
        error_set(error, "memory '%s': cannot have a size of %" PRIu64 " bytes", name, size);
        return NULL;
    }
    size = ALIGN_UP(size, RAM_PAGE_SIZE);
    unsigned n = atomic_load(&block_count);
    if (size >> RAM_PAGE_BITS > max_pages - ram_page_count || n == MAX_BLOCKS) {
        error_set(error, "memory '%s': no room for %" PRIu64 " MiB more; use less RAM (-m)", name,
                  size >> 20);
        return NULL;
    }
    uint8_t *host = map_aligned(size, fd, shared);
    if (!host) {
        error_set_errno(error, errno, "memory '%s': cannot get %" PRIu64
                        " MiB from the host; use less RAM (-m)", name, size >> 20);
        return NULL;
    }
    RamBlock *b = g_new0(RamBlock, 1);
    *b = (RamBlock){ .name = unique_name(name), .host = host, .size = size,
                     .first_page = ram_page_count, .fd = fd, .shared = shared && fd >= 0 };
    ram_page_count += size >> RAM_PAGE_BITS;
    RamBlock **end = &blocks;
    while (*end)
        end = &(*end)->next;
    *end = b;
    block_table[n] = b;
    atomic_store_explicit(&block_count, n + 1, memory_order_release);
    return b;
}

void ram_block_release(RamBlock *b)
{
    for (RamBlock **p = &blocks; *p; p = &(*p)->next) {
        if (*p == b) {
            *p = b->next;
            break;
        }
    }
    /* In place: zeros for a late reader, and nothing of a user's file. */
    mmap(b->host, b->size, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

RamBlock *ram_blocks(void)
{
    return blocks;
}

RamBlock *ram_block_by_page(uint64_t page)
{
    unsigned lo = 0, hi = atomic_load_explicit(&block_count, memory_order_acquire);
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;
        if (block_table[mid]->first_page <= page)
            lo = mid;
        else
            hi = mid;
    }
    if (lo == hi)
        return NULL;
    RamBlock *b = block_table[lo];
    return page >= b->first_page && page - b->first_page < b->size >> RAM_PAGE_BITS ? b : NULL;
}

RamBlock *ram_block_by_host(const void *host)
{
    unsigned n = atomic_load_explicit(&block_count, memory_order_acquire);
    for (unsigned i = 0; i < n; i++) {
        RamBlock *b = block_table[i];
        if ((uintptr_t)host - (uintptr_t)b->host < b->size)
            return b;
    }
    return NULL;
}

uint8_t *ram_page_host(uint64_t page)
{
    RamBlock *b = ram_block_by_page(page);
    return b ? b->host + ((page - b->first_page) << RAM_PAGE_BITS) : NULL;
}

/* ---- flags ---- */

/*
 * Pages that lost CLEAN since the last sync of the logs, as a ring: page + 1, or 0 where nothing is
 * yet. Each page is in it at most once, and there is room for all.
 */
static _Atomic uint32_t *written;
static _Atomic uint64_t n_written;
static uint64_t n_logged; /* of these, taken out */

void ram_page_written(uint64_t page, unsigned offset, unsigned len)
{
    uint8_t flags = atomic_load_explicit(&ram_page_flags[page], memory_order_relaxed);
    if (flags & RAM_PAGE_CLEAN) {
        flags = atomic_fetch_and(&ram_page_flags[page], (uint8_t)~RAM_PAGE_CLEAN);
        if (flags & RAM_PAGE_CLEAN)
            atomic_store_explicit(&written[atomic_fetch_add(&n_written, 1) % max_pages],
                                  (uint32_t)page + 1, memory_order_release);
    }
    if (flags & RAM_PAGE_TABLE) {
        atomic_fetch_and(&ram_page_flags[page], (uint8_t)~RAM_PAGE_TABLE);
        if (memory_hooks.table_written)
            memory_hooks.table_written();
    }
    if (flags & RAM_PAGE_CODE && memory_hooks.code_written)
        memory_hooks.code_written(page, offset, len);
}

/*
 * A translator sets CODE, then reads the page; a writer writes the page, then reads CODE. One of
 * them must see the other, so both need a full barrier between.
 */
static void store_load_barrier(void)
{
#ifdef TSAN_ON
    _Atomic int x = 0; /* the sanitizer does not know fences */
    atomic_fetch_or(&x, 1);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

void ram_host_written(uint64_t first_page, uint64_t offset, uint64_t len)
{
    store_load_barrier();
    uint64_t page = first_page + (offset >> RAM_PAGE_BITS);
    unsigned in_page = offset & (RAM_PAGE_SIZE - 1);
    while (len) {
        unsigned n = MIN(len, (uint64_t)RAM_PAGE_SIZE - in_page);
        if (atomic_load_explicit(&ram_page_flags[page], memory_order_relaxed))
            ram_page_written(page, in_page, n);
        len -= n;
        in_page = 0;
        page++;
    }
}

/* ---- logs ---- */

struct RamDirtyLog {
    uint64_t *bits; /* by page */
    uint64_t pages; /* that there were when it began; reserved memory */
    RamDirtyLog *next;
};

static RamDirtyLog *logs;
static uint64_t marked; /* pages below were marked CLEAN at some time */

static void *reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        g_error("out of memory for the log of written pages");
    madvise(p, bytes, MADV_DONTDUMP);
    return p;
}

static uint64_t bits_bytes(uint64_t pages)
{
    return ALIGN_UP(pages / 8 + 8, (uint64_t)RAM_PAGE_SIZE);
}

static uint64_t take_written(void)
{
    _Atomic uint32_t *at = &written[n_logged++ % max_pages];
    uint32_t page;
    while (!(page = atomic_exchange(at, 0)))
        ; /* its writer is between its two steps */
    return page - 1;
}

/* What running vCPUs write meanwhile is either in the logs or found the next time. */
void ram_dirty_log_sync(void)
{
    if (!written)
        written = reserve(max_pages * sizeof *written);
    uint64_t end = atomic_load(&n_written), from = marked;
    bool any = n_logged != end;
    while (n_logged != end) {
        uint64_t page = take_written();
        for (RamDirtyLog *log = logs; log; log = log->next)
            if (page < log->pages)
                log->bits[page / 64] |= BIT(page % 64);
        atomic_fetch_or_explicit(&ram_page_flags[page], RAM_PAGE_CLEAN, memory_order_relaxed);
    }
    marked = ram_page_count;
    for (uint64_t i = from; i < marked; i++)
        atomic_fetch_or_explicit(&ram_page_flags[i], RAM_PAGE_CLEAN, memory_order_relaxed);
    if ((any || from < marked) && memory_hooks.pages_made_clean)
        memory_hooks.pages_made_clean();
}

RamDirtyLog *ram_dirty_log_new(void)
{
    ram_dirty_log_sync();
    RamDirtyLog *log = g_new0(RamDirtyLog, 1);
    log->pages = ram_page_count;
    log->bits = reserve(bits_bytes(log->pages));
    log->next = logs;
    logs = log;
    return log;
}

void ram_dirty_log_free(RamDirtyLog *log)
{
    for (RamDirtyLog **p = &logs; log && *p; p = &(*p)->next) {
        if (*p == log) {
            *p = log->next;
            munmap(log->bits, bits_bytes(log->pages));
            g_free(log);
            return;
        }
    }
}

bool ram_dirty_log_test(const RamDirtyLog *log, uint64_t page)
{
    return page >= log->pages || log->bits[page / 64] >> page % 64 & 1;
}

uint64_t ram_dirty_log_next(const RamDirtyLog *log, uint64_t page, uint64_t end)
{
    for (; page < end && page < log->pages; page = (page | 63) + 1) {
        uint64_t word = log->bits[page / 64] >> page % 64;
        if (word)
            return MIN(page + (uint64_t)__builtin_ctzll(word), end);
    }
    return MIN(page, end);
}

void ram_dirty_log_clear(RamDirtyLog *log)
{
    if (log->pages < ram_page_count) {
        munmap(log->bits, bits_bytes(log->pages));
        log->pages = ram_page_count;
        log->bits = reserve(bits_bytes(log->pages));
        return;
    }
    madvise(log->bits, bits_bytes(log->pages), MADV_DONTNEED);
}

void ram_dirty_log_or(RamDirtyLog *to, const RamDirtyLog *from)
{
    uint64_t n = MIN(to->pages, from->pages);
    for (uint64_t i = 0; i < n / 64 + 1; i++)
        if (from->bits[i])
            to->bits[i] |= from->bits[i];
}

void ram_dirty_log_start(void)
{
    ram_dirty_log_sync();
}
