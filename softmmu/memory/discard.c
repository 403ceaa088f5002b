/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See include/softmmu/discard.h. */
#include "softmmu/discard.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "softmmu/memory/memory_internal.h"
#include "util/bits.h"

static bool is_zero(const uint8_t *page)
{
    static const uint8_t zeros[16];
    return !memcmp(page, zeros, sizeof zeros) &&
           !memcmp(page, page + sizeof zeros, RAM_PAGE_SIZE - sizeof zeros);
}

/*
 * Where a private mapping of a file was, that file shows through again. Anonymous memory takes its
 * place; but a process has a limited number of mappings, so that in the end some are written.
 */
static void cover_file(uint8_t *at, uint64_t len)
{
    enum { MAX_COVERS = 8192 };
    static unsigned covers;
    for (uint64_t i = 0, n; i < len; i += n) {
        for (n = 0; i + n < len && !is_zero(at + i + n);)
            n += RAM_PAGE_SIZE;
        if (n && (covers >= MAX_COVERS ||
                  mmap(at + i, n, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
                      MAP_FAILED))
            memset(at + i, 0, n);
        else if (n)
            covers++;
        n += RAM_PAGE_SIZE; /* the page behind it is zero */
    }
}

static bool give_back(const RamBlock *b, uint64_t offset, uint64_t len)
{
    uint8_t *at = b->host + offset;
    if (b->shared)
        return !fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                          (off_t)len);
    if (madvise(at, len, MADV_DONTNEED))
        return false;
    if (b->pieces || b->fd >= 0)
        cover_file(at, len);
    return true;
}

void ram_discard(void *host, uint64_t len)
{
    const RamBlock *b = ram_block_by_host(host);
    if (!b)
        return;
    uint64_t offset = (uint8_t *)host - b->host;
    uint64_t end = ALIGN_DOWN(offset + MIN(len, b->size - offset), RAM_PAGE_SIZE);
    offset = ALIGN_UP(offset, RAM_PAGE_SIZE);
    if (offset >= end)
        return;
    if (!give_back(b, offset, end - offset))
        memset(b->host + offset, 0, end - offset);
    ram_host_written(b->first_page, offset, end - offset);
}
