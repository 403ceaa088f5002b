/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GICv3 ITS: the device, collection and interrupt translation tables, which are in memory that
 * the guest gives (IHI 0069, 5.2). What entries look like is our business:
 *
 *   device      63: valid, 51..8: address of its ITT, 4..0: bits of event IDs less one
 *   collection  63: valid, 15..0: number of the processor
 *   event       63: valid, 47..32: collection, 31..0: INTID
 *
 * The guest can change them behind our back, so each is checked whenever it is used.
 */
#include "hw/intc/gicv3_its.h"
#include "util/bits.h"

#define VALID BIT(63)
#define BASER_INDIRECT BIT(62)
#define ITT_ADDR 0x000fffffffffff00ull
#define L1_ADDR 0x000ffffffffff000ull

static bool load(Its *s, hwaddr at, uint64_t *entry)
{
    uint8_t b[ITS_ENTRY_SIZE];
    if (!gicv3_dma(&s->dev, at, b, sizeof b, false))
        return false;
    *entry = load_le64(b);
    return true;
}

static bool store(Its *s, hwaddr at, uint64_t entry)
{
    uint8_t b[ITS_ENTRY_SIZE];
    store_le64(b, entry);
    return gicv3_dma(&s->dev, at, b, sizeof b, true);
}

static unsigned page_bits(uint64_t baser)
{
    static const uint8_t bits[] = { 12, 14, 16, 16 };
    return bits[baser >> 8 & 3];
}

/* With 64 KiB pages, bits 15 to 12 are bits 51 to 48 of the address (GITS_BASER<n>). */
static hwaddr table_base(uint64_t baser)
{
    hwaddr at = baser & 0x0000fffffffff000ull;
    if (page_bits(baser) == 16)
        at = (at & ~0xf000ull) | bits_get(baser, 12, 4) << 48;
    return at;
}

/* Where the entry of `id` is, if the table has room for it. */
static bool entry_address(Its *s, int table, uint32_t id, unsigned id_bits, hwaddr *at)
{
    uint64_t baser = s->baser[table];
    unsigned bits = page_bits(baser);
    uint64_t per_page = 1u << (bits - 3), pages = (baser & 0xff) + 1;
    if (!(baser & VALID) || id >> id_bits)
        return false;
    if (!(baser & BASER_INDIRECT)) {
        *at = table_base(baser) + (hwaddr)id * ITS_ENTRY_SIZE;
        return id < pages * per_page;
    }
    uint64_t l1;
    if (id / per_page >= pages * per_page ||
        !load(s, table_base(baser) + id / per_page * 8, &l1) || !(l1 & VALID))
        return false;
    *at = (l1 & L1_ADDR & ~MASK(bits)) + id % per_page * ITS_ENTRY_SIZE;
    return true;
}

bool its_get_device(Its *s, uint32_t id, ItsDevice *d)
{
    hwaddr at;
    uint64_t entry;
    if (!entry_address(s, ITS_DEVICES, id, ITS_DEVICE_BITS, &at) || !load(s, at, &entry))
        return false;
    *d = (ItsDevice){ .valid = entry & VALID, .itt = entry & ITT_ADDR,
                      .event_bits = MIN((entry & 0x1f) + 1, ITS_EVENT_BITS) };
    return true;
}

bool its_put_device(Its *s, uint32_t id, const ItsDevice *d)
{
    hwaddr at;
    return entry_address(s, ITS_DEVICES, id, ITS_DEVICE_BITS, &at) &&
           store(s, at, d->valid ? VALID | d->itt | (d->event_bits - 1) : 0);
}

bool its_get_event(Its *s, const ItsDevice *d, uint32_t id, ItsEvent *e)
{
    uint64_t entry;
    if (!d->valid || id >> d->event_bits || !load(s, d->itt + (hwaddr)id * ITS_ENTRY_SIZE, &entry))
        return false;
    *e = (ItsEvent){ .valid = entry & VALID, .intid = (uint32_t)entry,
                     .collection = bits_get(entry, 32, 16) };
    return true;
}

bool its_put_event(Its *s, const ItsDevice *d, uint32_t id, const ItsEvent *e)
{
    if (!d->valid || id >> d->event_bits)
        return false;
    return store(s, d->itt + (hwaddr)id * ITS_ENTRY_SIZE,
                 e->valid ? VALID | (uint64_t)e->collection << 32 | e->intid : 0);
}

Gicv3Cpu *its_get_collection(Its *s, uint32_t id)
{
    hwaddr at;
    uint64_t entry;
    if (!entry_address(s, ITS_COLLECTIONS, id, ITS_COLLECTION_BITS, &at) ||
        !load(s, at, &entry) || !(entry & VALID) || (entry & 0xffff) >= s->gic->num_cpu)
        return NULL;
    return &s->gic->cpu[entry & 0xffff];
}

bool its_put_collection(Its *s, uint32_t id, const Gicv3Cpu *target)
{
    hwaddr at;
    return entry_address(s, ITS_COLLECTIONS, id, ITS_COLLECTION_BITS, &at) &&
           store(s, at, target ? VALID | target->index : 0);
}
