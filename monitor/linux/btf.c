/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BTF (Documentation/bpf/btf.rst): the kernel's description of its own structs, here for offsets of
 * members. A type is a header of 12 bytes and what its kind adds; they are numbered from 1.
 */
#include "monitor/linux/linux_int.h"

#include <string.h>

#include "util/bits.h"

enum { MAX_BTF = 64 << 20, HEADER = 24, MAX_STEPS = 1 << 26 };

enum { KIND_INT = 1, KIND_ARRAY = 3, KIND_STRUCT = 4, KIND_UNION = 5, KIND_ENUM = 6,
       KIND_FUNC_PROTO = 13, KIND_VAR = 14, KIND_DATASEC = 15, KIND_DECL_TAG = 17,
       KIND_ENUM64 = 19 };

/* Magic, version 1, no flags, length of the header, types follow it at once. */
const uint8_t linux_btf_magic[12] = { 0x9f, 0xeb, 1, 0, HEADER };

typedef struct Btf {
    uint8_t *data;
    size_t types, types_end, strings, end;
    unsigned steps;             /* from type to type, until now: structs may be made to take ages */
} Btf;

static uint32_t btf32(const Btf *b, size_t at)
{
    return load_le32(b->data + at);
}

static bool load(const LinuxGuest *g, uint64_t va, Btf *b)
{
    uint8_t head[HEADER];
    if (!linux_read(g, va, head, sizeof head) || memcmp(head, linux_btf_magic, 8))
        return false;
    uint64_t types = HEADER + (uint64_t)load_le32(head + 8);
    uint64_t types_end = types + load_le32(head + 12);
    uint64_t strings = HEADER + (uint64_t)load_le32(head + 16);
    uint64_t end = strings + load_le32(head + 20);
    if (types_end > end || end > MAX_BTF)
        return false;
    *b = (Btf){ g_malloc(end + 1), types, types_end, strings, end, 0 };
    b->data[end] = 0;
    return linux_read(g, va, b->data, end);
}

static const char *string(const Btf *b, uint32_t offset)
{
    size_t at = b->strings + offset;
    return at < b->end ? (const char *)b->data + at : "";
}

static unsigned kind(const Btf *b, size_t at)
{
    return btf32(b, at + 4) >> 24 & 31;
}

/* The position of the type behind the one at `at`. */
static size_t next(const Btf *b, size_t at)
{
    size_t n = btf32(b, at + 4) & 0xffff, extra = 0;
    switch (kind(b, at)) {
    case KIND_INT: case KIND_VAR: case KIND_DECL_TAG:
        extra = 4;
        break;
    case KIND_ARRAY:
        extra = 12;
        break;
    case KIND_STRUCT: case KIND_UNION: case KIND_DATASEC: case KIND_ENUM64:
        extra = 12 * n;
        break;
    case KIND_ENUM: case KIND_FUNC_PROTO:
        extra = 8 * n;
        break;
    }
    return at + 12 + extra;
}

/* The struct of that name, or without a name the type of that number; 0: there is none. */
static size_t find(Btf *b, const char *name, uint32_t id)
{
    uint32_t number = 1;
    for (size_t at = b->types; at + 12 <= b->types_end; at = next(b, at), number++) {
        if (b->steps++ > MAX_STEPS)
            break;
        bool found = name ? kind(b, at) == KIND_STRUCT && !strcmp(string(b, btf32(b, at)), name)
                          : number == id;
        if (found)
            return next(b, at) <= b->types_end ? at : 0;
    }
    return 0;
}

/* Byte offset of a member of the struct or union at `at`, unnamed ones looked into; -1: none.
 * *type: its type's number. */
static int64_t member(Btf *b, size_t at, const char *name, uint32_t *type, int depth)
{
    if (!at || depth > 4 || (kind(b, at) != KIND_STRUCT && kind(b, at) != KIND_UNION))
        return -1;
    uint32_t info = btf32(b, at + 4);
    for (unsigned i = 0; i < (info & 0xffff); i++) {
        size_t m = at + 12 + 12 * (size_t)i;
        uint32_t bits = btf32(b, m + 8);
        if (b->steps++ > MAX_STEPS)
            break;
        int64_t offset = (info >> 31 ? bits & 0xffffff : bits) / 8;
        const char *have = string(b, btf32(b, m));
        if (type)
            *type = btf32(b, m + 4);
        if (!strcmp(have, name))
            return offset;
        if (!*have) {
            int64_t inner = member(b, find(b, NULL, btf32(b, m + 4)), name, type, depth + 1);
            if (inner >= 0)
                return offset + inner;
        }
    }
    return -1;
}

static uint32_t size_of(const Btf *b, size_t at)
{
    return at ? btf32(b, at + 8) : 0;
}

static void memory_layout(Btf *b, size_t module, LinuxLayout *l)
{
    uint32_t type = 0;
    l->mem = member(b, module, "mem", &type, 0);
    l->core_layout = member(b, module, "core_layout", NULL, 0);
    l->init_layout = member(b, module, "init_layout", NULL, 0);
    size_t piece = find(b, l->mem >= 0 ? "module_memory" : "module_layout", 0);
    size_t array = l->mem >= 0 ? find(b, NULL, type) : 0;
    l->mem_base = member(b, piece, "base", NULL, 0);
    l->mem_size = member(b, piece, "size", NULL, 0);
    l->mem_stride = size_of(b, piece);
    l->mem_count = array && kind(b, array) == KIND_ARRAY ? btf32(b, array + 20) : 0;
}

static void section_layout(Btf *b, LinuxLayout *l)
{
    size_t attrs = find(b, "module_sect_attrs", 0), attr = find(b, "module_sect_attr", 0);
    size_t bin = find(b, "bin_attribute", 0), group = find(b, "attribute_group", 0);
    int64_t grp = member(b, attrs, "grp", NULL, 0), list = member(b, group, "bin_attrs", NULL, 0);
    l->nsections = member(b, attrs, "nsections", NULL, 0);
    l->attrs = member(b, attrs, "attrs", NULL, 0);
    l->address = attr ? member(b, attr, "address", NULL, 0) : member(b, bin, "private", NULL, 0);
    l->attr_stride = size_of(b, attr ? attr : bin);
    l->pointers = grp >= 0 && list >= 0 ? grp + list : -1;
}

bool linux_layout(const LinuxGuest *g, uint64_t va, LinuxLayout *l)
{
    Btf b = { 0 };
    bool good = load(g, va, &b);
    if (good) {
        size_t module = find(&b, "module", 0), kallsyms = find(&b, "mod_kallsyms", 0);
        int64_t mkobj = member(&b, module, "mkobj", NULL, 0);
        int64_t self = member(&b, find(&b, "module_kobject", 0), "mod", NULL, 0);
        *l = (LinuxLayout){
            .list = member(&b, module, "list", NULL, 0),
            .name = member(&b, module, "name", NULL, 0),
            .state = member(&b, module, "state", NULL, 0),
            .sect_attrs = member(&b, module, "sect_attrs", NULL, 0),
            .kallsyms = member(&b, module, "kallsyms", NULL, 0),
            .crcs = member(&b, module, "crcs", NULL, 0),
            .percpu_size = member(&b, module, "percpu_size", NULL, 0),
            .self = mkobj >= 0 && self >= 0 ? mkobj + self : -1,
            .symtab = member(&b, kallsyms, "symtab", NULL, 0),
            .num_symtab = member(&b, kallsyms, "num_symtab", NULL, 0),
            .strtab = member(&b, kallsyms, "strtab", NULL, 0),
        };
        memory_layout(&b, module, l);
        section_layout(&b, l);
        good = l->list >= 0 && l->name >= 0 && l->sect_attrs >= 0 && l->address >= 0 &&
               ((l->nsections >= 0 && l->attrs >= 0 && l->attr_stride) || l->pointers >= 0);
    }
    g_free(b.data);
    return good;
}
