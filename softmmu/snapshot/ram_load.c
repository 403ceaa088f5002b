/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM of a snapshot: its files are mapped copy-on-write in place of what was there, so that the
 * time this takes does not grow with RAM; pages are read when the guest touches them. A file stays
 * as it is, and may be removed: the mapping keeps it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "softmmu/snapshot/ram_format.h"
#include "util/error.h"

struct RamLoad {
    const RamIndex *x;
    int fd[RAM_FILES_MAX];
};

void ram_load_free(RamLoad *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < RAM_FILES_MAX; i++)
        if (l->fd[i] >= 0)
            close(l->fd[i]);
    g_free(l);
}

static bool open_file(RamLoad *l, unsigned i, const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, l->x->files[i], NULL);
    RamFileHead head;
    struct stat st;
    l->fd[i] = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would keep us */
    if (l->fd[i] < 0 || fstat(l->fd[i], &st))
        return error_set_errno(error, errno, "can't open '%s'", path);
    if (!S_ISREG(st.st_mode) || pread(l->fd[i], &head, sizeof head, 0) != sizeof head ||
        memcmp(head.magic, RAM_FILE_MAGIC, sizeof head.magic) ||
        head.version != RAM_INDEX_VERSION || strncmp(head.name, l->x->files[i], sizeof head.name))
        return error_set(error, "'%s' does not hold RAM of this snapshot", path);
    if (head.file_size != l->x->file_size || (uint64_t)st.st_size != l->x->file_size)
        return error_set(error, "'%s' is damaged: it has %" G_GUINT64_FORMAT " bytes and should "
                         "have %" G_GUINT64_FORMAT, path, (uint64_t)st.st_size, l->x->file_size);
    return true;
}

RamLoad *ram_load_prepare(const char *dir, const RamIndex *x, GError **error)
{
    RamLoad *l = g_new0(RamLoad, 1);
    l->x = x;
    for (unsigned i = 0; i < RAM_FILES_MAX; i++)
        l->fd[i] = -1;
    for (unsigned i = 0; i < x->n_files; i++) {
        if (!open_file(l, i, dir, error)) {
            ram_load_free(l);
            return NULL;
        }
    }
    return l;
}

/* Where mapping is not possible. What the host can't read is zeros, and said. */
static void copy_run(const RamLoad *l, const RamIndexBlock *i, const RamRun *r, uint8_t *at)
{
    uint64_t len = (uint64_t)r->count << RAM_PAGE_BITS, done = 0;
    uint64_t from = i->offset + ((uint64_t)r->page << RAM_PAGE_BITS);
    while (r->source && done < len) {
        ssize_t n = pread(l->fd[r->source - 1], at + done, len - done, from + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            error_report("RAM at %s+0x%" G_GINT64_MODIFIER "x can't be read from the snapshot: %s",
                         i->name, ((uint64_t)r->page << RAM_PAGE_BITS) + done,
                         n ? g_strerror(errno) : "the file is too short");
            break;
        }
        done += n;
    }
    memset(at + done, 0, len - done);
}

static void map_run(const RamLoad *l, const RamIndexBlock *i, const RamRun *r, uint8_t *at)
{
    uint64_t len = (uint64_t)r->count << RAM_PAGE_BITS;
    uint64_t from = i->offset + ((uint64_t)r->page << RAM_PAGE_BITS);
    if (mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
             l->fd[r->source - 1], from) == MAP_FAILED)
        copy_run(l, i, r, at);
}

typedef struct Old {
    void *at;
    uint64_t size;
} Old;

/* Gives memory back, which takes the longer the more of it was in use. */
static gpointer free_old(gpointer arg)
{
    GArray *list = arg;
    for (guint i = 0; i < list->len; i++)
        munmap(g_array_index(list, Old, i).at, g_array_index(list, Old, i).size);
    g_array_unref(list);
    return NULL;
}

/*
 * The block's pages go aside, unless it is made of several mappings: these are replaced in place.
 * At no time may there be a hole where the block is: another thread could map something there.
 */
static void put_aside(RamBlock *b, GArray *old)
{
    if (b->pieces)
        return;
    void *aside = mmap(NULL, b->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0);
    if (aside == MAP_FAILED)
        return;
    Old o = { aside, b->size };
    void *moved = mremap(b->host, b->size, b->size,
                         MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, aside);
    if (moved != MAP_FAILED)
        g_array_append_val(old, o);
    /* Else it may have unmapped that place: it is not touched again. */
}

static void load_block(const RamLoad *l, const RamIndexBlock *i, RamBlock *b, GArray *old)
{
    bool map = !b->shared;
    if (map) {
        put_aside(b, old);
        b->pieces = true;
        map = mmap(b->host, b->size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
        if (b->size >= 2 << 20)
            madvise(b->host, b->size, MADV_HUGEPAGE);
    }
    for (uint32_t k = 0; k < i->n_runs; k++) {
        const RamRun *r = &i->runs[k];
        uint8_t *at = b->host + ((uint64_t)r->page << RAM_PAGE_BITS);
        if (!map)
            copy_run(l, i, r, at);
        else if (r->source)
            map_run(l, i, r, at);
    }
}

/*
 * Translated code stays where the page that it was made from holds the same afterwards, which is
 * most of it when a machine goes back to a snapshot of its own.
 */
typedef struct CodePages {
    GArray *pages;       /* uint64_t */
    GByteArray *before;  /* their contents */
} CodePages;

static CodePages code_pages_note(void)
{
    CodePages c = { g_array_new(false, false, sizeof(uint64_t)), g_byte_array_new() };
    for (const RamBlock *b = ram_blocks(); b; b = b->next) {
        for (uint64_t i = 0; i < b->size >> RAM_PAGE_BITS; i++) {
            uint64_t page = b->first_page + i;
            if (!(atomic_load_explicit(&ram_page_flags[page], memory_order_relaxed) &
                  RAM_PAGE_CODE))
                continue;
            g_array_append_val(c.pages, page);
            g_byte_array_append(c.before, b->host + (i << RAM_PAGE_BITS), RAM_PAGE_SIZE);
        }
    }
    return c;
}

static void code_pages_compare(CodePages *c)
{
    for (guint i = 0; i < c->pages->len; i++) {
        uint64_t page = g_array_index(c->pages, uint64_t, i);
        if (memcmp(ram_page_host(page), c->before->data + (size_t)i * RAM_PAGE_SIZE,
                   RAM_PAGE_SIZE))
            ram_page_written(page, 0, RAM_PAGE_SIZE);
    }
    g_array_unref(c->pages);
    g_byte_array_unref(c->before);
}

void ram_load_commit(RamLoad *l)
{
    CodePages code = code_pages_note();
    GArray *old = g_array_new(false, false, sizeof(Old));
    for (unsigned i = 0; i < l->x->n_blocks; i++) {
        RamBlock *b = ram_block_named(l->x->blocks[i].name);
        if (b)
            load_block(l, &l->x->blocks[i], b, old);
    }
    code_pages_compare(&code);
    GThread *t = g_thread_try_new("free RAM", free_old, old, NULL);
    if (t)
        g_thread_unref(t);
    else
        free_old(old);
}
