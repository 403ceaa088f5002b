/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical accesses: copies, single CPU accesses, DMA.
 *
 * Plain memory is touched without a lock. Everything else happens under the main lock, and only
 * after the section was looked up again under it: the device may have gone in between.
 */
#include <inttypes.h>
#include <string.h>

#include "softmmu/memory/memory_internal.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/log.h"

/* ---- devices: the sizes they take ---- */

static unsigned ops_min(const MmioOps *ops)
{
    return ops->min_size ? ops->min_size : 1;
}

static unsigned ops_max(const MmioOps *ops)
{
    return ops->max_size ? ops->max_size : 8;
}

/* Largest naturally aligned power of two at offset that is not above limit. */
static unsigned aligned_size(uint64_t offset, unsigned limit)
{
    unsigned size = 8;
    while (size > limit || offset & (size - 1))
        size /= 2;
    return size;
}

static MemResult worse(MemResult a, MemResult b)
{
    return a == MEM_OK ? b : a;
}

/* An access that the device takes, or a narrower one that is widened. */
static MemResult mmio_read_piece(MemoryRegion *r, uint64_t offset, unsigned size, uint64_t *value)
{
    unsigned min = ops_min(r->ops), shift = 0;
    uint64_t v = 0;
    if (size < min) {
        shift = (offset & (min - 1)) * 8;
        offset &= ~(uint64_t)(min - 1);
    }
    if (!r->ops->read)
        return MEM_BUS_ERROR;
    MemResult res = r->ops->read(r->opaque, offset, MAX(size, min), &v);
    *value = res == MEM_OK ? v >> shift & MASK(size * 8) : 0;
    return res;
}

/* The bytes beside a widened write are zero: a bus without byte strobes has nothing better. */
static MemResult mmio_write_piece(MemoryRegion *r, uint64_t offset, unsigned size, uint64_t value)
{
    unsigned min = ops_min(r->ops);
    value &= MASK(size * 8);
    if (size < min) {
        value <<= (offset & (min - 1)) * 8;
        offset &= ~(uint64_t)(min - 1);
        size = min;
    }
    return r->ops->write ? r->ops->write(r->opaque, offset, size, value) : MEM_BUS_ERROR;
}

/* Size of the first piece of an access; the rest follows in the same way. */
static unsigned mmio_piece(const MmioOps *ops, uint64_t offset, unsigned left)
{
    unsigned max = MIN(left, ops_max(ops));
    if (ops->unaligned && is_pow2(max))
        return max;
    return aligned_size(offset, max);
}

static MemResult mmio_read(MemoryRegion *r, uint64_t offset, unsigned size, uint64_t *value)
{
    MemResult res = MEM_OK;
    uint64_t v = 0;
    for (unsigned done = 0; done < size;) {
        uint64_t part = 0;
        unsigned n = mmio_piece(r->ops, offset + done, size - done);
        res = worse(res, mmio_read_piece(r, offset + done, n, &part));
        v |= part << (done * 8);
        done += n;
    }
    *value = v;
    return res;
}

static MemResult mmio_write(MemoryRegion *r, uint64_t offset, unsigned size, uint64_t value)
{
    MemResult res = MEM_OK;
    for (unsigned done = 0; done < size;) {
        unsigned n = mmio_piece(r->ops, offset + done, size - done);
        res = worse(res, mmio_write_piece(r, offset + done, n, value >> (done * 8)));
        done += n;
    }
    return res;
}

/* ---- plain memory ---- */

/* One piece where a single access of the host does it: other threads may be looking. */
static void copy(void *to, const void *from, uint64_t len)
{
    bool aligned = !(((uintptr_t)to | (uintptr_t)from) & (len - 1));
    if (len == 4 && aligned)
        __atomic_store_n((uint32_t *)to, __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    else if (len == 2 && aligned)
        __atomic_store_n((uint16_t *)to, __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    else if (len == 8 && aligned)
        __atomic_store_n((uint64_t *)to, __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    else
        memcpy(to, from, len);
}

static uint64_t host_load(const uint8_t *p, unsigned size)
{
    if (!((uintptr_t)p & (size - 1))) {
        switch (size) {
        case 1: return __atomic_load_n(p, __ATOMIC_RELAXED);
        case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
        case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
        case 8: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
        }
    }
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

static void host_store(uint8_t *p, unsigned size, uint64_t value)
{
    if (!((uintptr_t)p & (size - 1))) {
        switch (size) {
        case 1: __atomic_store_n(p, value, __ATOMIC_RELAXED); return;
        case 2: __atomic_store_n((uint16_t *)p, value, __ATOMIC_RELAXED); return;
        case 4: __atomic_store_n((uint32_t *)p, value, __ATOMIC_RELAXED); return;
        case 8: __atomic_store_n((uint64_t *)p, value, __ATOMIC_RELAXED); return;
        }
    }
    memcpy(p, &value, size);
}

/* ---- one section, main lock held ---- */

/* Takes the lock if need be; to be paired with unlock_if. */
static bool lock_if_needed(void)
{
    if (main_lock_held())
        return false;
    main_lock();
    return true;
}

static void unlock_if(bool locked)
{
    if (locked)
        main_unlock();
}

static bool reads_memory(const MemoryRegion *r)
{
    return r->kind == MEMORY_RAM || r->kind == MEMORY_ROM ||
           (r->kind == MEMORY_ROMD && r->romd_reads_direct);
}

/* Up to 8 bytes that lie in one section. */
static MemResult section_read(const MemorySection *s, hwaddr addr, unsigned size, uint64_t *value)
{
    *value = 0;
    MemoryRegion *r = s->region;
    if (!r)
        return MEM_DECODE_ERROR;
    uint64_t offset = s->offset + (addr - s->start);
    if (reads_memory(r)) {
        *value = host_load(r->ram->host + offset, size);
        return MEM_OK;
    }
    return mmio_read(r, offset, size, value);
}

static MemResult section_write(const MemorySection *s, hwaddr addr, unsigned size, uint64_t value)
{
    MemoryRegion *r = s->region;
    if (!r)
        return MEM_DECODE_ERROR;
    uint64_t offset = s->offset + (addr - s->start);
    switch (r->kind) {
    case MEMORY_RAM:
        host_store(r->ram->host + offset, size, value);
        ram_host_written(r->ram->first_page, offset, size);
        return MEM_OK;
    case MEMORY_ROM:
        log_guest_error("memory", "write of %u bytes to ROM '%s' at 0x%" PRIx64 " ignored", size,
                        r->name, addr);
        return MEM_OK;
    default:
        return mmio_write(r, offset, size, value);
    }
}

static uint64_t section_left(const MemorySection *s, hwaddr addr, uint64_t len)
{
    return s->last - addr < len - 1 ? s->last - addr + 1 : len;
}

/* ---- copies ---- */

/* Bytes of a copy that go to a device in one access. */
static unsigned device_piece(const MemorySection *s, hwaddr addr, uint64_t len)
{
    unsigned limit = MIN(len, 8);
    if (s->region && s->region->ops)
        limit = MIN(limit, ops_max(s->region->ops));
    return aligned_size(s->offset + (addr - s->start), limit);
}

MemResult address_space_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    MemResult res = MEM_OK;
    uint8_t *p = buf;
    while (len) {
        MemorySection s = memory_section_lookup(as, addr);
        uint64_t n = section_left(&s, addr, len);
        if (s.host) {
            copy(p, s.host + (addr - s.start), n);
        } else if (!s.region) {
            memset(p, 0, n);
            res = worse(res, MEM_DECODE_ERROR);
        } else {
            bool locked = lock_if_needed();
            s = memory_section_lookup(as, addr);
            n = device_piece(&s, addr, section_left(&s, addr, len));
            uint64_t v;
            res = worse(res, section_read(&s, addr, n, &v));
            memcpy(p, &v, n);
            unlock_if(locked);
        }
        addr += n;
        p += n;
        len -= n;
    }
    return res;
}

MemResult address_space_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    MemResult res = MEM_OK;
    const uint8_t *p = buf;
    while (len) {
        MemorySection s = memory_section_lookup(as, addr);
        uint64_t n = section_left(&s, addr, len);
        if (s.writable) {
            uint64_t offset = addr - s.start;
            copy(s.host + offset, p, n);
            ram_host_written(s.ram_page, offset, n);
        } else if (!s.region) {
            res = worse(res, MEM_DECODE_ERROR);
        } else {
            bool locked = lock_if_needed();
            s = memory_section_lookup(as, addr);
            n = device_piece(&s, addr, section_left(&s, addr, len));
            uint64_t v = 0;
            memcpy(&v, p, n);
            res = worse(res, section_write(&s, addr, n, v));
            unlock_if(locked);
        }
        addr += n;
        p += n;
        len -= n;
    }
    return res;
}

MemResult address_space_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    MemResult res = MEM_OK;
    const uint8_t *p = buf;
    bool locked = lock_if_needed();
    while (len) {
        MemorySection s = memory_section_lookup(as, addr);
        uint64_t n = section_left(&s, addr, len);
        if (s.region && s.region->ram) {
            uint64_t offset = s.offset + (addr - s.start);
            copy(s.region->ram->host + offset, p, n);
            ram_host_written(s.region->ram->first_page, offset, n);
        } else {
            res = worse(res, s.region ? MEM_BUS_ERROR : MEM_DECODE_ERROR);
        }
        addr += n;
        p += n;
        len -= n;
    }
    unlock_if(locked);
    return res;
}

/* ---- CPU accesses ---- */

static MemResult load_slow(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value)
{
    MemResult res = MEM_OK;
    *value = 0;
    bool locked = lock_if_needed();
    for (unsigned done = 0; done < size;) {
        MemorySection s = memory_section_lookup(as, addr + done);
        unsigned n = section_left(&s, addr + done, size - done);
        uint64_t v;
        res = worse(res, section_read(&s, addr + done, n, &v));
        *value |= (v & MASK(n * 8)) << (done * 8);
        done += n;
    }
    unlock_if(locked);
    return res;
}

static MemResult store_slow(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value)
{
    MemResult res = MEM_OK;
    bool locked = lock_if_needed();
    for (unsigned done = 0; done < size;) {
        MemorySection s = memory_section_lookup(as, addr + done);
        unsigned n = section_left(&s, addr + done, size - done);
        res = worse(res, section_write(&s, addr + done, n, value >> (done * 8)));
        done += n;
    }
    unlock_if(locked);
    return res;
}

MemResult address_space_load(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value)
{
    MemorySection s = memory_section_lookup(as, addr);
    if (s.host && s.last - addr >= size - 1) {
        *value = host_load(s.host + (addr - s.start), size);
        return MEM_OK;
    }
    if (!s.region && s.last - addr >= size - 1) {
        *value = 0;
        log_guest_error("memory", "read of %u bytes at 0x%" PRIx64 ", where nothing is", size,
                        addr);
        return MEM_DECODE_ERROR;
    }
    return load_slow(as, addr, size, value);
}

MemResult address_space_store(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value)
{
    MemorySection s = memory_section_lookup(as, addr);
    if (s.writable && s.last - addr >= size - 1) {
        host_store(s.host + (addr - s.start), size, value);
        ram_host_written(s.ram_page, addr - s.start, size);
        return MEM_OK;
    }
    if (!s.region && s.last - addr >= size - 1) {
        log_guest_error("memory", "write of %u bytes at 0x%" PRIx64 ", where nothing is", size,
                        addr);
        return MEM_DECODE_ERROR;
    }
    return store_slow(as, addr, size, value);
}

/* ---- DMA ---- */

void *address_space_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool write)
{
    MemorySection s = memory_section_lookup(as, addr);
    if (!*len || (write ? !s.writable : !s.host)) {
        *len = 0;
        return NULL;
    }
    *len = section_left(&s, addr, *len);
    return s.host + (addr - s.start);
}

void address_space_unmap(AddressSpace *as, void *host, uint64_t len, bool write)
{
    if (!write || !len)
        return;
    RamBlock *b = ram_block_by_host(host);
    if (b)
        ram_host_written(b->first_page, (uint8_t *)host - b->host, len);
}
