/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A linked ELF file of a Linux guest's module, made of what the guest has in memory: its sections
 * where they lie (relative to the lowest) but without contents, its symbols, its build id, by which
 * gdb finds the file with the lines and types. ELF-64 Object File Format, version 1.5.
 */
#include "monitor/gdb/gdb_int.h"

#include <elf.h>
#include <string.h>

#include "util/bits.h"

enum { MAX_NAMES = 8 << 20, NAME = 512 };

typedef struct Elf {
    const LinuxModule *m;
    GByteArray *out;
    GArray *sections;           /* of Elf64_Shdr */
    GString *names;             /* of the sections */
} Elf;

static uint32_t add_name(GString *names, const char *name)
{
    uint32_t at = (uint32_t)names->len;
    g_string_append_len(names, name, (gssize)strlen(name) + 1);
    return at;
}

/* Puts data at the end of the file; returns where it is. */
static uint64_t put(Elf *e, const void *data, size_t len)
{
    static const uint8_t zeros[8];
    g_byte_array_append(e->out, zeros, -e->out->len & 7);
    uint64_t at = e->out->len;
    g_byte_array_append(e->out, data, (guint)len);
    return at;
}

static Elf64_Shdr *add_section(Elf *e, const char *name, uint32_t type, uint64_t flags)
{
    Elf64_Shdr s = { .sh_name = add_name(e->names, name), .sh_type = type, .sh_flags = flags,
                     .sh_addralign = 1 };
    g_array_append_val(e->sections, s);
    return &g_array_index(e->sections, Elf64_Shdr, e->sections->len - 1);
}

/* ---- the module's sections ---- */

static uint64_t put_build_id(Elf *e)
{
    uint32_t head[4] = { 4, e->m->build_id_len, NT_GNU_BUILD_ID, 0 };
    memcpy(&head[3], "GNU", 4);
    uint64_t at = put(e, head, sizeof head);
    g_byte_array_append(e->out, e->m->build_id, e->m->build_id_len);
    return at;
}

/*
 * What is gone is put where no memory can be. Were it left out, gdb would put what the file with
 * the lines and types says of it to address 0.
 */
static void add_module_sections(Elf *e)
{
    const LinuxModule *m = e->m;
    uint64_t nowhere = 1ULL << 54; /* the top byte might be taken for a tag */
    for (unsigned i = 0; i < m->sections->len + m->gone->len; i++, nowhere += 1ULL << 32) {
        bool gone = i >= m->sections->len;
        const LinuxSection *from =
            gone ? &g_array_index(m->gone, LinuxSection, i - m->sections->len)
                 : &g_array_index(m->sections, LinuxSection, i);
        bool note = !gone && m->build_id_len && !strcmp(from->name, ".note.gnu.build-id");
        bool code = strstr(from->name, "text") || strstr(from->name, "plt");
        bool rodata = note || g_str_has_prefix(from->name, ".rodata");
        uint64_t flags = SHF_ALLOC | (code ? SHF_EXECINSTR : rodata ? 0 : SHF_WRITE);
        Elf64_Shdr *s = add_section(e, from->name, note ? SHT_NOTE : SHT_NOBITS, flags);
        s->sh_addr = (gone ? nowhere : from->addr) - m->base;
        s->sh_size = note ? 16 + m->build_id_len : gone ? 1 : from->size;
        s->sh_offset = note ? put_build_id(e) : e->out->len;
        s->sh_addralign = note ? 4 : 1;
    }
}

/* The section that holds addr: its index in the file; 0: none. */
static uint16_t section_of(const LinuxModule *m, uint64_t addr)
{
    unsigned from = 0, to = m->sections->len;
    while (from < to) {
        unsigned i = (from + to) / 2;
        const LinuxSection *s = &g_array_index(m->sections, LinuxSection, i);
        if (addr < s->addr)
            to = i;
        else if (addr - s->addr < s->size)
            return (uint16_t)(i + 1);
        else
            from = i + 1;
    }
    return 0;
}

/* ---- its symbols ---- */

/* Not marks in the code ($x, .L0), and nothing that a terminal would take for a command. */
static bool get_name(const char *all, size_t at, char *to)
{
    if (!all[at] || all[at] == '$' || all[at] == '.')
        return false;
    g_strlcpy(to, all + at, NAME);
    for (; *to; to++)
        if (!g_ascii_isgraph(*to))
            *to = '?';
    return true;
}

static void add_symbols(Elf *e, const LinuxGuest *g)
{
    const LinuxModule *m = e->m;
    size_t size = m->symbols * sizeof(Elf64_Sym), n_names = 0;
    Elf64_Sym *from = g_malloc(size + 1);
    GArray *to = g_array_new(FALSE, TRUE, sizeof(Elf64_Sym));
    GString *names = g_string_new(NULL);
    char name[NAME];

    linux_read_some(g, m->symtab, from, size);
    for (uint32_t i = 0; i < m->symbols; i++)
        if (from[i].st_name < MAX_NAMES)
            n_names = MAX(n_names, (size_t)from[i].st_name + NAME);
    char *all = g_malloc(n_names + 1);
    linux_read_some(g, m->strtab, all, n_names);
    all[n_names] = 0;

    g_array_set_size(to, 1);
    g_string_append_c(names, 0);
    for (uint32_t i = 0; i < m->symbols; i++) {
        uint16_t section = section_of(m, from[i].st_value);
        unsigned type = ELF64_ST_TYPE(from[i].st_info);
        if (!section || from[i].st_name >= MAX_NAMES || !get_name(all, from[i].st_name, name))
            continue;
        /* The names of a hostile guest may overlap, and be more than what they were read from. */
        if (names->len > 2 * MAX_NAMES)
            break;
        Elf64_Sym s = { .st_name = add_name(names, name), .st_shndx = section,
                        .st_info = ELF64_ST_INFO(STB_GLOBAL, type <= STT_FUNC ? type : STT_NOTYPE),
                        .st_value = from[i].st_value - m->base, .st_size = from[i].st_size };
        g_array_append_val(to, s);
    }
    Elf64_Shdr *s = add_section(e, ".symtab", SHT_SYMTAB, 0);
    s->sh_size = to->len * sizeof(Elf64_Sym);
    s->sh_offset = put(e, to->data, s->sh_size);
    s->sh_entsize = sizeof(Elf64_Sym);
    s->sh_addralign = 8;
    s->sh_link = e->sections->len;
    s->sh_info = 1;             /* the first that is not local */
    s = add_section(e, ".strtab", SHT_STRTAB, 0);
    s->sh_size = names->len;
    s->sh_offset = put(e, names->str, names->len);
    g_free(from);
    g_free(all);
    g_array_unref(to);
    g_string_free(names, TRUE);
}

GBytes *gdb_module_elf(const LinuxGuest *g, const LinuxModule *m)
{
    const TargetOps *target = gdb.cpu->target;
    Elf64_Ehdr head = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_DYN, .e_machine = target->elf_machine, .e_version = EV_CURRENT,
        .e_flags = target->elf_flags, .e_ehsize = sizeof head, .e_shentsize = sizeof(Elf64_Shdr),
    };
    Elf e = { m, g_byte_array_new(), g_array_new(FALSE, TRUE, sizeof(Elf64_Shdr)),
              g_string_new(NULL) };
    put(&e, &head, sizeof head);
    add_section(&e, "", SHT_NULL, 0)->sh_addralign = 0;
    add_module_sections(&e);
    add_symbols(&e, g);
    Elf64_Shdr *s = add_section(&e, ".shstrtab", SHT_STRTAB, 0);
    s->sh_size = e.names->len;
    s->sh_offset = put(&e, e.names->str, e.names->len);
    head.e_shoff = put(&e, e.sections->data, e.sections->len * sizeof *s);
    head.e_shnum = (uint16_t)e.sections->len;
    head.e_shstrndx = (uint16_t)(e.sections->len - 1);
    memcpy(e.out->data, &head, sizeof head);
    g_array_unref(e.sections);
    g_string_free(e.names, TRUE);
    return g_byte_array_free_to_bytes(e.out);
}
