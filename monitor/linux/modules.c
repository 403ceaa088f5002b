/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modules that a Linux guest has loaded (kernel/module/): the list, and what sysfs shows of
 * each as /sys/module/NAME/sections. A module's .init sections are listed there for ever, but are
 * gone once it has started: only what lies in memory that the module still has counts.
 */
#include "monitor/linux/linux_int.h"

#include <string.h>

#include "util/bits.h"

enum { MAX_MODULES = 4096, MAX_SECTIONS = 256, MAX_PIECES = 16, MAX_SYMBOLS = 1 << 17,
       MAX_ALL_SECTIONS = 1 << 16 };

typedef struct Piece {
    uint64_t base, size;
} Piece;

/* Printable text; "?" for what is not. */
static void get_text(const LinuxGuest *g, uint64_t va, char *to, size_t size)
{
    linux_read_some(g, va, to, size);
    to[size - 1] = 0;
    for (; *to; to++)
        if (!g_ascii_isgraph(*to) || strchr("\"'<>&/\\", *to))
            *to = '?';
}

bool linux_is_module(const LinuxGuest *g, uint64_t va)
{
    return linux_read64(g, va + (uint64_t)g->layout.self) == va;
}

static unsigned get_pieces(const LinuxGuest *g, uint64_t module, Piece *to)
{
    const LinuxLayout *l = &g->layout;
    unsigned n = 0;
    if (l->mem_base < 0 || l->mem_size < 0)
        return 0;
    for (unsigned i = 0; i < (l->mem >= 0 ? MIN(l->mem_count, (uint32_t)MAX_PIECES) : 2U); i++) {
        int64_t offset = l->mem >= 0 ? l->mem + (int64_t)i * l->mem_stride
                       : i           ? l->init_layout : l->core_layout;
        uint64_t at = module + (uint64_t)offset;
        Piece p = { linux_read64(g, at + (uint64_t)l->mem_base),
                    linux_read32(g, at + (uint64_t)l->mem_size) };
        if (offset >= 0 && p.base && p.size)
            to[n++] = p;
    }
    return n;
}

static int by_address(gconstpointer a, gconstpointer b)
{
    uint64_t x = ((const LinuxSection *)a)->addr, y = ((const LinuxSection *)b)->addr;
    return x < y ? -1 : x > y;
}

/* A section reaches up to the next, or to the end of its piece of memory. */
static void set_sizes(LinuxModule *m, const Piece *pieces, unsigned n)
{
    g_array_sort(m->sections, by_address);
    for (unsigned i = m->sections->len; i--;) {
        LinuxSection *s = &g_array_index(m->sections, LinuxSection, i);
        const Piece *p = pieces;
        while (p < pieces + n && s->addr - p->base >= p->size)
            p++;
        if (p == pieces + n) {
            g_array_append_val(m->gone, *s);
            g_array_remove_index(m->sections, i);
            continue;
        }
        s->size = p->base + p->size - s->addr;
        if (i + 1 < m->sections->len)
            s->size = MIN(s->size, s[1].addr - s->addr);
    }
    m->base = m->sections->len ? g_array_index(m->sections, LinuxSection, 0).addr : 0;
}

/* The module loader keeps these in memory, too; no use to anybody as sections. */
static bool is_table(const char *name)
{
    return !strcmp(name, ".symtab") || !strcmp(name, ".strtab") || !strcmp(name, ".shstrtab");
}

static void add_gone(LinuxModule *m, const char *name)
{
    LinuxSection s = { 0 };
    g_strlcpy(s.name, name, sizeof s.name);
    g_array_append_val(m->gone, s);
}

/* What the loader reads and does not keep, or keeps once for each CPU. */
static void add_unlisted(const LinuxGuest *g, LinuxModule *m)
{
    const LinuxLayout *l = &g->layout;
    add_gone(m, ".modinfo");
    if (l->crcs >= 0)
        add_gone(m, "__versions");
    if (l->percpu_size >= 0 && linux_read32(g, m->at + (uint64_t)l->percpu_size))
        add_gone(m, ".data..percpu");
}

static void get_sections(const LinuxGuest *g, LinuxModule *m)
{
    const LinuxLayout *l = &g->layout;
    uint64_t attrs = linux_read64(g, m->at + (uint64_t)l->sect_attrs);
    uint64_t pointers = l->nsections < 0 ? linux_read64(g, attrs + (uint64_t)l->pointers) : 0;
    uint32_t n = l->nsections < 0 ? MAX_SECTIONS : linux_read32(g, attrs + (uint64_t)l->nsections);
    for (uint32_t i = 0; i < MIN(n, (uint32_t)MAX_SECTIONS); i++) {
        LinuxSection s = { 0 };
        uint64_t attr = l->nsections < 0 ? linux_read64(g, pointers + 8 * (uint64_t)i)
                      : attrs + (uint64_t)l->attrs + i * (uint64_t)l->attr_stride;
        if (!attr)
            break;
        get_text(g, linux_read64(g, attr), s.name, sizeof s.name); /* attr.name comes first */
        s.addr = linux_read64(g, attr + (uint64_t)l->address);
        if (*s.name && s.addr && !is_table(s.name))
            g_array_append_val(m->sections, s);
    }
}

/* The note's header is of three words; the name "GNU" comes before the id. */
static void get_build_id(const LinuxGuest *g, LinuxModule *m)
{
    enum { HEAD = 16, NT_GNU_BUILD_ID = 3 };
    for (unsigned i = 0; i < m->sections->len; i++) {
        const LinuxSection *s = &g_array_index(m->sections, LinuxSection, i);
        uint8_t note[HEAD + LINUX_BUILD_ID];
        if (strcmp(s->name, ".note.gnu.build-id"))
            continue;
        linux_read_some(g, s->addr, note, sizeof note);
        uint32_t len = load_le32(note + 4);
        if (load_le32(note) == 4 && load_le32(note + 8) == NT_GNU_BUILD_ID &&
            !memcmp(note + 12, "GNU", 4) && len <= LINUX_BUILD_ID) {
            m->build_id_len = len;
            memcpy(m->build_id, note + HEAD, len);
        }
    }
}

static void get_symbols(const LinuxGuest *g, LinuxModule *m)
{
    const LinuxLayout *l = &g->layout;
    uint64_t at = l->kallsyms >= 0 ? linux_read64(g, m->at + (uint64_t)l->kallsyms) : 0;
    if (!at || l->symtab < 0 || l->strtab < 0 || l->num_symtab < 0)
        return;
    m->symtab = linux_read64(g, at + (uint64_t)l->symtab);
    m->strtab = linux_read64(g, at + (uint64_t)l->strtab);
    m->symbols = MIN(linux_read32(g, at + (uint64_t)l->num_symtab), (uint32_t)MAX_SYMBOLS);
}

static void free_module(gpointer data)
{
    LinuxModule *m = data;
    g_array_unref(m->sections);
    g_array_unref(m->gone);
    g_free(m);
}

static LinuxModule *get_module(const LinuxGuest *g, uint64_t at)
{
    LinuxModule *m = g_new0(LinuxModule, 1);
    Piece pieces[MAX_PIECES];
    m->at = at;
    m->sections = g_array_new(FALSE, TRUE, sizeof(LinuxSection));
    m->gone = g_array_new(FALSE, TRUE, sizeof(LinuxSection));
    get_text(g, at + (uint64_t)g->layout.name, m->name, sizeof m->name);
    get_sections(g, m);
    set_sizes(m, pieces, get_pieces(g, at, pieces));
    add_unlisted(g, m);
    get_build_id(g, m);
    get_symbols(g, m);
    return m;
}

GPtrArray *linux_modules(const LinuxGuest *g)
{
    const LinuxLayout *l = &g->layout;
    GPtrArray *all = g_ptr_array_new_with_free_func(free_module);
    uint64_t at = linux_read64(g, g->modules);
    unsigned sections = 0;
    for (unsigned i = 0; i < MAX_MODULES && sections < MAX_ALL_SECTIONS; i++) {
        if (!at || at == g->modules)
            break;
        uint64_t module = at - (uint64_t)l->list;
        at = linux_read64(g, at);
        if (l->state >= 0 && linux_read32(g, module + (uint64_t)l->state) == LINUX_STATE_UNFORMED)
            continue;
        LinuxModule *m = get_module(g, module);
        sections += m->sections->len + m->gone->len + 1;
        if (*m->name && m->sections->len)
            g_ptr_array_add(all, m);
        else
            free_module(m);
    }
    return all;
}
