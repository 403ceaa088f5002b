/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code cache: one memory object mapped twice, writable and executable, so that no page is ever
 * both. It is divided into segments that are filled in turn; when all are full the oldest is
 * emptied whole (Hazelwood & Smith: coarse FIFO beats both full flushes and per-block eviction).
 * A segment has two areas, so that code that runs is not spread among what seldom does. Pages are
 * touched as they fill, so a large reservation costs nothing.
 */
#include "jit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/error.h"

Jit jit;

enum { JIT_THUNK_ROOM = 16 * 1024, JIT_CHUNK_SIZE = 256 * 1024 };
enum { JIT_FILL_SIZE = 256 * 1024, JIT_FILL_AHEAD = 8 * 1024 };
/* Each of its areas has room for the longest block. */
enum { JIT_SEGMENT_MIN = 16 << 20 };
enum { JIT_CODE_PERCENT = 42 }; /* of a segment, a bit more than usual; the rest is out of line */

typedef struct JitChunk {
    struct JitChunk *next;
    size_t used, size;
    char data[] __attribute__((aligned(16)));
} JitChunk;

/* An executable mapping within reach of the program's own functions makes calls to them short. */
static void *map_near(size_t size, int fd)
{
    uintptr_t self = (uintptr_t)&jit_cache_init & ~(uintptr_t)0xfffff;
    for (unsigned i = 1; i < 16; i++) {
        uintptr_t step = i * (64u << 20) + size;
        void *p;
        if (self > step && step < (1u << 30)) {
            p = mmap((void *)(self - step), size, PROT_READ | PROT_EXEC,
                     MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
            if (p != MAP_FAILED) {
                if (p == (void *)(self - step)) {
                    return p;
                }
                munmap(p, size);
            }
        }
    }
    return mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
}

bool jit_cache_init(size_t size, GError **error)
{
    int fd = memfd_create("jit", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0) {
        g_set_error(error, SOSIA_ERROR, 0, "code cache: %s; try a smaller tb-size",
                    strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    void *rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *rx = rw == MAP_FAILED ? MAP_FAILED : map_near(size, fd);
    if (rx == MAP_FAILED) {
        g_set_error(error, SOSIA_ERROR, 0, "code cache: mapping %zu MiB: %s; try a smaller "
                    "tb-size, or accel interp where executable memory is forbidden", size >> 20,
                    strerror(errno));
        if (rw != MAP_FAILED) {
            munmap(rw, size);
        }
        close(fd);
        return false;
    }
    close(fd);
    jit.rw = rw;
    jit.rx = rx;
    jit.size = size;
    jit.n_segments = (unsigned)CLAMP(size / JIT_SEGMENT_MIN, 2, JIT_SEGMENTS);
    size_t each = (size - JIT_THUNK_ROOM) / jit.n_segments & ~(size_t)63;
    for (unsigned i = 0; i < jit.n_segments; i++) {
        JitSegment *s = &jit.seg[i];
        uint8_t *at = jit.rw + JIT_THUNK_ROOM + i * each, *limit = at + each;
        uint8_t *cold = at + (each / 100 * JIT_CODE_PERCENT & ~(size_t)63);
        s->code = (JitArea){ .start = at, .limit = cold, .p = at, .ready = at };
        s->cold = (JitArea){ .start = cold, .limit = limit, .p = cold, .ready = cold };
    }
    return true;
}

/*
 * The next pages of both mappings at once: that is much less work than two page faults for each. A
 * host kernel before 5.14 doesn't know how, and will have the faults.
 */
static void fill_page_tables(JitArea *s)
{
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    size_t from = ((size_t)(s->ready - jit.rw) + page - 1) & ~(page - 1);
    size_t to = MIN(from + JIT_FILL_SIZE, (size_t)(s->limit - jit.rw) & ~(page - 1));
    if (from < to) {
        madvise(jit.rw + from, to - from, MADV_POPULATE_WRITE);
        madvise((void *)(jit.rx + from), to - from, MADV_POPULATE_READ);
    }
#endif
    s->ready = MIN(s->ready + JIT_FILL_SIZE, s->limit);
}

static bool has_room(const JitSegment *s, size_t need)
{
    return (size_t)(s->code.limit - s->code.p) >= need &&
           (size_t)(s->cold.limit - s->cold.p) >= need;
}

static uint8_t *fill_ahead(JitArea *a)
{
    while (G_UNLIKELY(a->ready - a->p < JIT_FILL_AHEAD && a->ready < a->limit)) {
        fill_page_tables(a);
    }
    return a->p;
}

bool jit_cache_reserve(size_t need, uint8_t **code, uint8_t **cold)
{
    JitSegment *s = &jit.seg[jit.cur];
    if (!has_room(s, need)) {
        unsigned next = (jit.cur + 1) % jit.n_segments;
        if (jit.seg[next].blocks || !has_room(&jit.seg[next], need)) {
            return false;
        }
        jit.cur = next;
        s = &jit.seg[next];
    }
    *code = fill_ahead(&s->code);
    *cold = fill_ahead(&s->cold);
    return true;
}

JitBlock *jit_cache_new_block(unsigned n_links)
{
    JitSegment *s = &jit.seg[jit.cur];
    size_t size = (sizeof(JitBlock) + n_links * sizeof(JitLink) + 15) & ~(size_t)15;
    JitChunk *c = s->chunks;
    if (!c || c->size - c->used < size) {
        size_t room = MAX((size_t)JIT_CHUNK_SIZE, size);
        c = g_malloc(sizeof(*c) + room);
        c->next = s->chunks;
        c->used = 0;
        c->size = room;
        s->chunks = c;
    }
    JitBlock *jb = (JitBlock *)(c->data + c->used);
    c->used += size;
    memset(jb, 0, sizeof(*jb) + n_links * sizeof(JitLink));
    jb->n_links = n_links;
    for (unsigned i = 0; i < n_links; i++) {
        jb->links[i].from = jb;
    }
    return jb;
}

static void take(JitArea *a, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    a->p += MIN(size, (size_t)(a->limit - a->p));
}

void jit_cache_commit(JitBlock *jb)
{
    JitSegment *s = &jit.seg[jit.cur];
    take(&s->code, jb->size);
    take(&s->cold, jb->cold_size);
    jb->seg_next = s->blocks;
    s->blocks = jb;
    s->n_blocks++;
    jit.n_compiled++;
}

/*
 * Empties the oldest segment. The caller holds the translation lock in an exclusive section: no
 * vCPU is in generated code, and none comes back to an address in it, because whoever waits there
 * waits outside. It clears the jump caches after.
 */
void jit_cache_evict(void)
{
    JitSegment *s = &jit.seg[(jit.cur + 1) % jit.n_segments];
    for (JitBlock *jb = s->blocks; jb; jb = jb->seg_next) {
        if (jb->b) {
            code_block_remove(jb->b);
        }
    }
    for (JitBlock *jb = s->blocks; jb; jb = jb->seg_next) {
        jit_unlink_incoming(jb);
        jit_unlink_outgoing(jb);
    }
    for (JitChunk *c = s->chunks; c;) {
        JitChunk *next = c->next;
        g_free(c);
        c = next;
    }
    jit.n_evicted += s->n_blocks;
    s->chunks = NULL;
    s->blocks = NULL;
    s->n_blocks = 0;
    s->code.p = s->code.start;
    s->cold.p = s->cold.start;
    jit.generation++;
}
