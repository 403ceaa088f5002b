/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dump as an ELF core file (System V ABI, "Object Files" and "Program Loading"): one PT_NOTE, and
 * a PT_LOAD for each range of physical memory, or for each mapping of the page tables. All ranges
 * are in the file, mapped or not.
 */
#include <elf.h>
#include <string.h>

#include "softmmu/dump/dump_int.h"
#include "util/bits.h"

enum { CHUNK = 1 << 20 };

void dump_note(GByteArray *out, const char *name, uint32_t type, const void *data, size_t len)
{
    static const uint8_t pad[4];
    uint32_t n = strlen(name) + 1;
    Elf64_Nhdr h = { .n_namesz = n, .n_descsz = len, .n_type = type };
    g_byte_array_append(out, (const uint8_t *)&h, sizeof h);
    g_byte_array_append(out, (const uint8_t *)name, n);
    g_byte_array_append(out, pad, -n & 3);
    g_byte_array_append(out, data, len);
    g_byte_array_append(out, pad, -len & 3);
}

/* The program headers, without the file's offsets of memory: they count from the first range. */
static GArray *headers(const DumpPlan *p)
{
    GArray *list = g_array_new(false, true, sizeof(Elf64_Phdr));
    Elf64_Phdr note = { .p_type = PT_NOTE, .p_filesz = p->notes->len, .p_memsz = p->notes->len,
                        .p_align = 4 };
    g_array_append_val(list, note);
    for (guint i = 0; !p->mappings && i < p->ranges->len; i++) {
        const DumpRange *r = &g_array_index(p->ranges, DumpRange, i);
        Elf64_Phdr h = { .p_type = PT_LOAD, .p_offset = r->offset, .p_vaddr = r->start,
                         .p_paddr = r->start, .p_filesz = r->size, .p_memsz = r->size };
        g_array_append_val(list, h);
    }
    for (guint i = 0; p->mappings && i < p->mappings->len; i++) {
        const DumpMapping *m = &g_array_index(p->mappings, DumpMapping, i);
        guint k = 0;
        while (g_array_index(p->ranges, DumpRange, k).start +
                   g_array_index(p->ranges, DumpRange, k).size <= m->pa)
            k++; /* plan.c has cut the mappings at the ends of ranges */
        const DumpRange *r = &g_array_index(p->ranges, DumpRange, k);
        Elf64_Phdr h = { .p_type = PT_LOAD, .p_offset = r->offset + (m->pa - r->start),
                         .p_vaddr = m->va, .p_paddr = m->pa, .p_filesz = m->size,
                         .p_memsz = m->size };
        g_array_append_val(list, h);
    }
    return list;
}

static bool write_headers(const DumpPlan *p, DumpOutput *o, GError **error)
{
    g_autoptr(GArray) ph = headers(p);
    bool many = ph->len >= PN_XNUM; /* then a section header has the number */
    Elf64_Ehdr e = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE, .e_machine = p->target->elf_machine, .e_version = EV_CURRENT,
        .e_flags = p->target->elf_flags, .e_ehsize = sizeof e, .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = many ? PN_XNUM : ph->len, .e_phoff = sizeof e,
    };
    Elf64_Shdr sh = { .sh_info = ph->len };
    if (many) {
        e.e_shoff = sizeof e;
        e.e_shentsize = sizeof sh;
        e.e_shnum = 1;
        e.e_phoff += sizeof sh;
    }
    uint64_t notes = e.e_phoff + (uint64_t)ph->len * sizeof(Elf64_Phdr);
    uint64_t memory = ALIGN_UP(notes + p->notes->len, RAM_PAGE_SIZE);
    g_array_index(ph, Elf64_Phdr, 0).p_offset = notes;
    for (guint i = 1; i < ph->len; i++)
        g_array_index(ph, Elf64_Phdr, i).p_offset += memory;
    return dump_write(o, &e, sizeof e, error) && (!many || dump_write(o, &sh, sizeof sh, error)) &&
           dump_write(o, ph->data, (size_t)ph->len * sizeof(Elf64_Phdr), error) &&
           dump_write(o, p->notes->data, p->notes->len, error) &&
           dump_write_zeros(o, memory - notes - p->notes->len, error);
}

static bool write_range(const DumpPlan *p, const DumpRange *r, DumpOutput *o, GError **error)
{
    for (uint64_t at = 0; at < r->size;) {
        uint64_t len = MIN(r->size - at, CHUNK), from = at, end = at + len;
        /* Runs of pages that are zero, or are not. */
        while (from < end) {
            uint64_t n = MIN(end - from, RAM_PAGE_SIZE);
            bool zero = dump_is_zero(r->host + from, n);
            while (from + n < end &&
                   dump_is_zero(r->host + from + n, MIN(end - from - n, RAM_PAGE_SIZE)) == zero)
                n += MIN(end - from - n, RAM_PAGE_SIZE);
            if (!(zero ? dump_write_zeros(o, n, error)
                       : dump_write(o, r->host + from, n, error)))
                return false;
            from += n;
        }
        at = end;
        atomic_fetch_add_explicit(p->done, len, memory_order_relaxed);
    }
    return true;
}

bool dump_elf(const DumpPlan *p, DumpOutput *o, GError **error)
{
    bool ok = write_headers(p, o, error);
    for (guint i = 0; ok && i < p->ranges->len; i++)
        ok = write_range(p, &g_array_index(p->ranges, DumpRange, i), o, error);
    return ok;
}
