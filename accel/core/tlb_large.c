/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which large pages (> 4 KiB) entries of a TLB table were made from.
 *
 * A flush of one address takes all entries of the large page around it, which are anywhere in the
 * table. Guests flush the small pages of their vmalloc areas often, between kernel image and linear
 * map, which are large pages: so a hull of the addresses is not enough to tell that a search isn't
 * needed. A filter has a bit for each 2 MiB, by the low bits of their number; it never forgets a
 * page, and may know one that isn't there. Pages above 2 MiB (a linear map's) have a hull again.
 */
#include "accel/core/tcg.h"

#include <string.h>

#include "util/bits.h"

enum { CHUNK_BITS = 21, FILTER_BITS = TLB_LARGE_WORDS * 64, MANY_CHUNKS = 64 };

static uint64_t chunk_of(vaddr va)
{
    return (va & MASK(56)) >> CHUNK_BITS;
}

/* Kernels lay their areas out at multiples of 2^30 and more. */
static unsigned filter_bit(uint64_t chunk)
{
    return (chunk ^ chunk >> 10 ^ chunk >> 19) % FILTER_BITS;
}

void tlb_large_reset(TlbLarge *l)
{
    if (l->lo <= l->last)
        memset(l->filter, 0, sizeof l->filter);
    l->lo = l->huge_lo = UINT64_MAX;
    l->last = l->huge_last = 0;
}

void tlb_large_add(TlbLarge *l, vaddr page, unsigned page_bits)
{
    uint64_t mask = page_bits >= 64 ? 0 : ~0ULL << page_bits;
    page &= MASK(56);
    if (page_bits > CHUNK_BITS) {
        l->huge_lo = MIN(l->huge_lo, page & mask);
        l->huge_last = MAX(l->huge_last, page | ~mask);
        return;
    }
    l->lo = MIN(l->lo, page & mask);
    l->last = MAX(l->last, page | ~mask);
    unsigned bit = filter_bit(chunk_of(page));
    l->filter[bit / 64] |= 1ULL << bit % 64;
}

bool tlb_large_touches(const TlbLarge *l, vaddr first, vaddr last)
{
    if (last >= l->huge_lo && first <= l->huge_last)
        return true;
    if (last < l->lo || first > l->last)
        return false;
    uint64_t from = chunk_of(first), to = chunk_of(last);
    if (to - from >= MANY_CHUNKS)
        return true;
    for (uint64_t chunk = from; chunk <= to; chunk++) {
        unsigned bit = filter_bit(chunk);
        if (l->filter[bit / 64] >> bit % 64 & 1)
            return true;
    }
    return false;
}
