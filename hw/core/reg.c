/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MMIO through register tables (struct Reg in include/hw/device.h), and the members that the
 * tables imply: reset values and snapshot fields.
 */
#include <inttypes.h>
#include <string.h>

#include "hw/core/core.h"
#include "util/bits.h"
#include "util/log.h"

/* Kinds of guest errors; each is logged once per device and life of the machine. */
enum { ERR_OFFSET_READ = 1, ERR_OFFSET_WRITE = 2, ERR_SIZE = 4, ERR_WRITE_ONLY = 8,
       ERR_READ_ONLY = 16 };

static bool first_time(Device *dev, uint32_t kind)
{
    bool first = !(dev->logged & kind);
    dev->logged |= kind;
    return first;
}

/* The row that holds byte `offset`, its index in a repeated row, and the byte within it. */
static const Reg *reg_find(const Reg *regs, hwaddr offset, unsigned *index, unsigned *byte)
{
    for (const Reg *r = regs; r->name; r++) {
        if (offset < r->offset)
            continue;
        uint64_t rel = offset - r->offset, i = 0;
        if (r->count > 1) {
            unsigned stride = r->stride ? r->stride : r->width;
            i = rel / stride;
            rel %= stride;
            if (i >= r->count)
                continue;
        }
        if (rel < r->width) {
            *index = i;
            *byte = rel;
            return r;
        }
    }
    return NULL;
}

static void *reg_member(Device *dev, const Reg *r, unsigned index)
{
    return (char *)dev + r->field + (size_t)index * r->width;
}

static uint64_t member_load(const void *p, unsigned width)
{
    switch (width) {
    case 1:
        return load_u8(p);
    case 2:
        return load_u16(p);
    case 4:
        return load_u32(p);
    default:
        return load_u64(p);
    }
}

static void member_store(void *p, unsigned width, uint64_t v)
{
    switch (width) {
    case 1:
        store_u8(p, v);
        break;
    case 2:
        store_u16(p, v);
        break;
    case 4:
        store_u32(p, v);
        break;
    default:
        store_u64(p, v);
        break;
    }
}

static bool size_allowed(const Reg *r, unsigned size)
{
    return size == r->width || (r->sizes & size);
}

MemResult reg_read(Device *dev, const Reg *regs, hwaddr offset, unsigned size, uint64_t *value)
{
    unsigned index, byte;
    *value = 0;
    const Reg *r = reg_find(regs, offset, &index, &byte);
    if (!r) {
        if (first_time(dev, ERR_OFFSET_READ))
            log_guest_error(dev->path, "read of offset 0x%" PRIx64 ": no register there", offset);
        return MEM_OK;
    }
    if (!size_allowed(r, size)) {
        if (first_time(dev, ERR_SIZE))
            log_guest_error(dev->path, "read of %s (0x%" PRIx64 ") with size %u", r->name, offset,
                            size);
        return MEM_OK;
    }
    if (r->write_only || (!r->has_field && !r->read)) {
        if (first_time(dev, ERR_WRITE_ONLY))
            log_guest_error(dev->path, "read of write-only %s", r->name);
        return MEM_OK;
    }
    uint64_t whole = r->read ? r->read(dev, index)
                             : member_load(reg_member(dev, r, index), r->width);
    uint64_t v = (whole & MASK(r->width * 8)) >> (byte * 8);
    unsigned got = r->width - byte;
    if (size <= got) {
        *value = v & MASK(size * 8);
        return MEM_OK;
    }
    /* Wider than the register: the following ones make up the upper part. */
    uint64_t rest;
    MemResult res = reg_read(dev, regs, offset + got, size - got, &rest);
    *value = v | rest << (got * 8);
    return res;
}

MemResult reg_write(Device *dev, const Reg *regs, hwaddr offset, unsigned size, uint64_t value)
{
    unsigned index, byte;
    value &= MASK(size * 8);
    const Reg *r = reg_find(regs, offset, &index, &byte);
    if (!r) {
        if (first_time(dev, ERR_OFFSET_WRITE))
            log_guest_error(dev->path, "write of offset 0x%" PRIx64 ": no register there", offset);
        return MEM_OK;
    }
    if (!size_allowed(r, size)) {
        if (first_time(dev, ERR_SIZE))
            log_guest_error(dev->path, "write of %s (0x%" PRIx64 ") with size %u", r->name, offset,
                            size);
        return MEM_OK;
    }
    if (!r->write && (!r->has_field || !(r->mask | r->w1c))) {
        if (first_time(dev, ERR_READ_ONLY))
            log_guest_error(dev->path, "write of 0x%" PRIx64 " to read-only %s", value, r->name);
        return MEM_OK;
    }
    unsigned part = MIN(size, r->width - byte);
    uint64_t old = r->has_field ? member_load(reg_member(dev, r, index), r->width)
                   : r->merge && part < r->width ? r->read(dev, index)
                                                 : 0;
    /* Bytes that the access leaves out keep their value, and must not clear w1c bits. */
    uint64_t v = bits_set(old & ~r->w1c, byte * 8, part * 8, value);
    if (r->write)
        r->write(dev, index, v);
    else
        member_store(reg_member(dev, r, index), r->width,
                     ((old & ~r->mask) | (v & r->mask)) & ~(v & r->w1c));
    if (size > part)
        return reg_write(dev, regs, offset + part, size - part, value >> (part * 8));
    return MEM_OK;
}

static MemResult region_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Device *dev = opaque;
    return reg_read(dev, dev->type->regs, offset, size, value);
}

static MemResult region_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Device *dev = opaque;
    return reg_write(dev, dev->type->regs, offset, size, value);
}

const MmioOps reg_mmio_ops = { .read = region_read, .write = region_write, .min_size = 1,
                               .max_size = 8 };

void reg_reset_all(Device *dev)
{
    for (const Reg *r = dev->type->regs; r && r->name; r++) {
        if (!r->has_field || r->no_reset)
            continue;
        for (unsigned i = 0; i < MAX(r->count, 1); i++)
            member_store(reg_member(dev, r, i), r->width, r->reset);
    }
}

static StateType width_type(unsigned width)
{
    return width == 1 ? STATE_U8 : width == 2 ? STATE_U16 : width == 4 ? STATE_U32 : STATE_U64;
}

const StateField *device_type_state(const DeviceType *t)
{
    static GHashTable *tables; /* DeviceType * -> StateField * */
    if (!tables)
        tables = g_hash_table_new(NULL, NULL);
    StateField *table = g_hash_table_lookup(tables, t);
    if (table)
        return table;

    GArray *a = g_array_new(FALSE, TRUE, sizeof(StateField));
    for (const Reg *r = t->regs; r && r->name; r++) {
        bool known = !r->has_field || r->transient;
        /* Several rows may show one member (aliases); it is saved once. */
        for (guint i = 0; i < a->len && !known; i++)
            known = g_array_index(a, StateField, i).offset == r->field;
        if (known)
            continue;
        StateField f = { .name = r->name, .type = width_type(r->width), .offset = r->field,
                         .count = MAX(r->count, 1) };
        g_array_append_val(a, f);
    }
    for (const StateField *f = t->state; f && f->type != STATE_END; f++)
        g_array_append_vals(a, f, 1);
    StateField end = { .type = STATE_END };
    g_array_append_val(a, end);
    table = (StateField *)(void *)g_array_free(a, FALSE);
    g_hash_table_insert(tables, (gpointer)t, table);
    return table;
}
