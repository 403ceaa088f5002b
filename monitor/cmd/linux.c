/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `info modules`: what a Linux guest has loaded, from what its kernel says of itself in memory, so
 * that it needs neither symbols nor nokaslr.
 *
 *   vmcoreinfo  a page of text (Documentation/admin-guide/kdump/vmcoreinfo.rst), found in RAM; since
 *               Linux 6.0 it tells where the tables of kallsyms are
 *   kallsyms    compressed names and addresses of all symbols (scripts/kallsyms.c)
 *   BTF         the layout of structs (Documentation/bpf/btf.rst)
 *
 * Kernels whose kallsyms have functions only (no CONFIG_KALLSYMS_ALL) do not say where the list is:
 * there gdb is asked, if it has the kernel's symbols.
 *
 * All of it is the guest's: nothing is believed without bounds.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/cpu.h"
#include "monitor/gdb.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/memory.h"
#include "util/bits.h"

enum {
    PAGE = 4096, MAX_SYMS = 1 << 20, MAX_BTF = 64 << 20, MAX_MODULES = 4096, MAX_SECTIONS = 256,
    MAX_NAME = 512,
};

typedef struct Guest {
    Cpu *cpu;
    const char *info;           /* vmcoreinfo's text */
    uint8_t window[PAGE];       /* of the kallsyms names: the page last read */
    uint64_t window_at;
    uint8_t *btf;
    size_t btf_types, btf_types_end, btf_strings, btf_end;
} Guest;

static bool rd(Guest *g, uint64_t va, void *to, size_t len)
{
    return cpu_debug_read(g->cpu, va, to, len);
}

static uint64_t rd64(Guest *g, uint64_t va)
{
    uint8_t raw[8] = { 0 };
    return rd(g, va, raw, sizeof raw) ? load_u64(raw) : 0;
}

/* ---- vmcoreinfo ---- */

static const char *find_info(void)
{
    static const char start[] = "OSRELEASE=";
    for (uint64_t page = 0; page < ram_page_count; page++) {
        const uint8_t *host = ram_page_host(page);
        if (host && !memcmp(host, start, sizeof start - 1) && memchr(host, 0, PAGE) &&
            strstr((const char *)host, "SYMBOL(kallsyms_names)="))
            return (const char *)host;
    }
    return NULL;
}

static uint64_t info_symbol(const Guest *g, const char *name)
{
    g_autofree char *key = g_strdup_printf("\nSYMBOL(%s)=", name);
    const char *at = strstr(g->info, key);
    return at ? g_ascii_strtoull(at + strlen(key), NULL, 16) : 0;
}

/* ---- kallsyms ---- */

static uint8_t name_byte(Guest *g, uint64_t va)
{
    uint64_t page = va & ~(uint64_t)(PAGE - 1);
    if (page != g->window_at) {
        g->window_at = page;
        if (!rd(g, page, g->window, PAGE))
            memset(g->window, 0, PAGE);
    }
    return g->window[va - page];
}

typedef struct Wanted {
    const char *name;
    uint64_t addr;
} Wanted;

/* Expands all names, and notes the addresses of those that are wanted. */
static void find_symbols(Guest *g, Wanted *wanted, unsigned n_wanted)
{
    uint64_t names = info_symbol(g, "kallsyms_names");
    uint64_t offsets = info_symbol(g, "kallsyms_offsets");
    uint64_t base = rd64(g, info_symbol(g, "kallsyms_relative_base"));
    uint64_t tokens = info_symbol(g, "kallsyms_token_table");
    uint32_t count = MIN((uint32_t)rd64(g, info_symbol(g, "kallsyms_num_syms")), MAX_SYMS);
    uint8_t index[512], table[16384];
    if (!offsets || !base || !rd(g, info_symbol(g, "kallsyms_token_index"), index, sizeof index))
        return;
    memset(table, 0, sizeof table);
    for (size_t done = 0; done < sizeof table && rd(g, tokens + done, table + done, 512); done += 512)
        ;
    table[sizeof table - 1] = 0;
    g->window_at = UINT64_MAX;
    uint64_t at = names;
    for (uint32_t i = 0; i < count; i++) {
        char name[MAX_NAME];
        unsigned used = 0, len = name_byte(g, at++);
        if (len & 0x80)
            len = (len & 0x7f) | (unsigned)name_byte(g, at++) << 7;
        for (unsigned k = 0; k < len; k++) {
            uint16_t where = load_le16(index + 2 * name_byte(g, at + k));
            const char *token = where < sizeof table ? (const char *)table + where : "";
            size_t n = MIN(strlen(token), sizeof name - 1 - used);
            memcpy(name + used, token, n);
            used += n;
        }
        at += len;
        name[used] = 0;
        for (unsigned w = 0; w < n_wanted; w++) {
            uint8_t raw[4];
            if (!wanted[w].addr && used && !strcmp(name + 1, wanted[w].name) &&
                rd(g, offsets + 4 * (uint64_t)i, raw, 4))
                wanted[w].addr = base + load_le32(raw);
        }
    }
}

static void ask_gdb(const Guest *g, Wanted *wanted, unsigned n)
{
    const char *at = strstr(g->info, "\nKERNELOFFSET=");
    uint64_t offset = at ? g_ascii_strtoull(at + strlen("\nKERNELOFFSET="), NULL, 16) : 0;
    vaddr base = 0;
    if (g->cpu->target->kernel_base)
        g->cpu->target->kernel_base(g->cpu, &base);
    for (unsigned i = 0; i < n; i++)
        if (!wanted[i].addr)
            gdb_symbol(wanted[i].name, base, offset, &wanted[i].addr);
}

/* ---- BTF ---- */

enum { KIND_INT = 1, KIND_ARRAY = 3, KIND_STRUCT = 4, KIND_UNION = 5, KIND_ENUM = 6,
       KIND_FUNC_PROTO = 13, KIND_VAR = 14, KIND_DATASEC = 15, KIND_DECL_TAG = 17,
       KIND_ENUM64 = 19 };

static uint32_t btf32(const Guest *g, size_t at)
{
    return load_le32(g->btf + at);
}

static bool btf_load(Guest *g, uint64_t start, uint64_t stop)
{
    uint64_t len = stop - start;
    if (!start || stop < start || len < 24 || len > MAX_BTF)
        return false;
    g->btf = g_malloc(len + 1);
    if (!rd(g, start, g->btf, len) || load_le16(g->btf) != 0xeb9f)
        return false;
    g->btf[len] = 0;
    uint64_t head = btf32(g, 4), types = head + btf32(g, 8), strings = head + btf32(g, 16);
    g->btf_types = types;
    g->btf_types_end = types + btf32(g, 12);
    g->btf_strings = strings;
    g->btf_end = len;
    return g->btf_types_end <= len && strings <= len;
}

static const char *btf_string(const Guest *g, uint32_t offset)
{
    size_t at = g->btf_strings + offset;
    return at < g->btf_end ? (const char *)g->btf + at : "";
}

/* The position of the type behind the one at `at`. */
static size_t btf_next(const Guest *g, size_t at)
{
    uint32_t info = btf32(g, at + 4);
    size_t n = info & 0xffff, extra = 0;
    switch (info >> 24 & 31) {
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

/* The struct of that name, or the type number `id` (counted from 1); 0: there is none. */
static size_t btf_find(const Guest *g, const char *name, uint32_t id)
{
    uint32_t number = 1;
    for (size_t at = g->btf_types; at + 12 <= g->btf_types_end; at = btf_next(g, at), number++) {
        bool is_struct = (btf32(g, at + 4) >> 24 & 31) == KIND_STRUCT;
        if (name ? is_struct && !strcmp(btf_string(g, btf32(g, at)), name) : number == id)
            return at;
    }
    return 0;
}

/* Byte offset of a member of the struct (or union) at `at`, unnamed ones looked into; -1: none. */
static int64_t btf_member(const Guest *g, size_t at, const char *name, int depth)
{
    if (!at || depth > 4)
        return -1;
    uint32_t info = btf32(g, at + 4), kind = info >> 24 & 31;
    if ((kind != KIND_STRUCT && kind != KIND_UNION) || btf_next(g, at) > g->btf_types_end)
        return -1;
    for (unsigned i = 0; i < (info & 0xffff); i++) {
        size_t m = at + 12 + 12 * (size_t)i;
        uint32_t bits = btf32(g, m + 8);
        int64_t offset = (info >> 31 ? bits & 0xffffff : bits) / 8;
        const char *have = btf_string(g, btf32(g, m));
        if (!strcmp(have, name))
            return offset;
        if (!*have) {
            int64_t inner = btf_member(g, btf_find(g, NULL, btf32(g, m + 4)), name, depth + 1);
            if (inner >= 0)
                return offset + inner;
        }
    }
    return -1;
}

static int64_t offset_of(const Guest *g, const char *type, const char *member)
{
    return btf_member(g, btf_find(g, type, 0), member, 0);
}

/* ---- modules ---- */

typedef struct Layout {
    int64_t list, name, sect_attrs, nsections, attrs, address, attr_size;
} Layout;

static bool layout(Guest *g, Layout *l)
{
    size_t attr = btf_find(g, "module_sect_attr", 0);
    *l = (Layout){
        .list = offset_of(g, "module", "list"), .name = offset_of(g, "module", "name"),
        .sect_attrs = offset_of(g, "module", "sect_attrs"),
        .nsections = offset_of(g, "module_sect_attrs", "nsections"),
        .attrs = offset_of(g, "module_sect_attrs", "attrs"),
        .address = offset_of(g, "module_sect_attr", "address"),
        .attr_size = attr ? btf32(g, attr + 8) : 0,
    };
    return l->list >= 0 && l->name >= 0 && l->sect_attrs >= 0 && l->nsections >= 0 &&
           l->attrs >= 0 && l->address >= 0 && l->attr_size > 0;
}

static void get_text(Guest *g, uint64_t va, char *to, size_t size)
{
    memset(to, 0, size);
    for (size_t i = 0; i < size - 1 && rd(g, va + i, to + i, 1) && to[i]; i++)
        if (!g_ascii_isgraph(to[i]) || to[i] == '"')
            to[i] = '?';
}

/* One line: what gdb's add-symbol-file takes, which is also good to read. */
static void print_module(Monitor *mon, Guest *g, const Layout *l, uint64_t module)
{
    char name[64], section[64];
    GString *rest = g_string_new(NULL);
    uint64_t text = 0, attrs = rd64(g, module + l->sect_attrs);
    uint32_t n = MIN((uint32_t)rd64(g, attrs + l->nsections), MAX_SECTIONS);
    get_text(g, module + l->name, name, sizeof name);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t attr = attrs + l->attrs + i * (uint64_t)l->attr_size;
        uint64_t addr = rd64(g, attr + l->address);
        get_text(g, rd64(g, attr), section, sizeof section); /* bin_attribute.attr.name is first */
        if (!strcmp(section, ".text"))
            text = addr;
        else if (!strcmp(section, ".data") || !strcmp(section, ".bss") ||
                 !strcmp(section, ".rodata") || !strcmp(section, ".data..ro_after_init") ||
                 !strcmp(section, ".exit.text") || !strcmp(section, ".text.unlikely"))
            g_string_append_printf(rest, " -s %s 0x%" PRIx64, section, addr);
    }
    monitor_printf(mon, "add-symbol-file %s.ko 0x%" PRIx64 "%s\n", name, text, rest->str);
    g_string_free(rest, TRUE);
}

void hmp_info_modules(Monitor *mon, const Json *args)
{
    Guest *g = g_new0(Guest, 1);
    Wanted wanted[] = { { "modules", 0 }, { "__start_BTF", 0 }, { "__stop_BTF", 0 } };
    Layout l;
    g->cpu = monitor_cpu(mon);
    g->info = g->cpu ? find_info() : NULL;
    if (!g->info) {
        monitor_puts(mon, "no Linux kernel of version 6.0 or later was found in memory (it may not "
                          "have started yet)\n");
    } else {
        find_symbols(g, wanted, G_N_ELEMENTS(wanted));
        ask_gdb(g, wanted, G_N_ELEMENTS(wanted));
        if (!wanted[0].addr)
            monitor_puts(mon, "this kernel's tables have no symbols of data (CONFIG_KALLSYMS_ALL): "
                              "connect a gdb that has loaded its vmlinux, and ask again\n");
        else if (!btf_load(g, wanted[1].addr, wanted[2].addr) || !layout(g, &l))
            monitor_puts(mon, "this kernel has no BTF that tells the layout of modules "
                              "(CONFIG_DEBUG_INFO_BTF)\n");
        else {
            uint64_t head = wanted[0].addr, at = rd64(g, head);
            for (unsigned i = 0; at && at != head && i < MAX_MODULES; i++, at = rd64(g, at))
                print_module(mon, g, &l, at - (uint64_t)l.list);
        }
    }
    g_free(g->btf);
    g_free(g);
}
