/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a dump holds: ranges of RAM and ROM on the system bus, notes, mappings.
 *
 * Notes are those of a Linux core file: NT_PRSTATUS and NT_FPREGSET of every CPU, and what the guest
 * offers about its kernel (VMCOREINFO: Linux' "admin-guide/kdump/vmcoreinfo"). Where no driver told of
 * that (the machine has no vmcoreinfo device, or its module is not loaded), Linux' is found in memory.
 */
#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "softmmu/dump/dump_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

/* struct elf_prstatus of 64-bit Linux, around the registers. */
enum { PRSTATUS_PID = 32, PRSTATUS_REGS = 112, PRSTATUS_TAIL = 8 };
enum { MAX_GUEST_NOTE = 1 << 20 };

static struct GuestNote {
    uint64_t paddr;
    uint32_t size;
} guest_note;

void dump_set_guest_note(uint64_t paddr, uint32_t size)
{
    guest_note = (struct GuestNote){ paddr, size };
}

bool dump_is_zero(const uint8_t *p, size_t len)
{
    enum { FIRST = 16 };
    static const uint8_t zeros[FIRST];
    if (len <= FIRST)
        return !memcmp(p, zeros, len);
    return !memcmp(p, zeros, FIRST) && !memcmp(p, p + FIRST, len - FIRST);
}

/* ---- physical memory ---- */

static void add_range(DumpPlan *p, const DumpRequest *r, const MemorySection *s)
{
    uint64_t start = s->start, last = s->last;
    if (r->filter) {
        uint64_t end = r->begin + (r->length - 1) < r->begin ? UINT64_MAX
                                                             : r->begin + (r->length - 1);
        start = MAX(start, r->begin);
        last = MIN(last, end);
    }
    if (start > last)
        return;
    const uint8_t *host = s->host + (start - s->start);
    uint64_t size = last - start + 1;
    if (p->ranges->len) {
        DumpRange *before = &g_array_index(p->ranges, DumpRange, p->ranges->len - 1);
        if (before->start + before->size == start && before->host + before->size == host) {
            before->size += size;
            p->total += size;
            return;
        }
    }
    DumpRange range = { .start = start, .size = size, .host = host, .offset = p->total };
    g_array_append_val(p->ranges, range);
    p->total += size;
}

static bool add_ranges(DumpPlan *p, const DumpRequest *r, GError **error)
{
    bool found_ram = false;
    for (hwaddr at = 0;;) {
        MemorySection s = memory_section_lookup(address_space_memory, at);
        bool ram = s.region && s.region->kind == MEMORY_RAM;
        if (s.host && (ram || (s.region && s.region->kind == MEMORY_ROM)))
            add_range(p, r, &s);
        if (ram && !found_ram) {
            p->phys_base = s.start;
            found_ram = true;
        }
        if (s.last == UINT64_MAX)
            break;
        at = s.last + 1;
    }
    return p->ranges->len || error_set(error, "dump: no guest memory to dump");
}

/* ---- virtual memory ---- */

typedef struct Collect {
    DumpPlan *p;
    bool too_many;
} Collect;

/* Pages that follow each other make one mapping. */
static bool add_mapping(void *opaque, vaddr va, hwaddr pa, uint64_t size)
{
    Collect *c = opaque;
    GArray *list = c->p->mappings;
    if (list->len) {
        DumpMapping *m = &g_array_index(list, DumpMapping, list->len - 1);
        if (m->va + m->size == va && m->pa + m->size == pa) {
            m->size += size;
            return true;
        }
    }
    c->too_many = list->len >= DUMP_MAX_MAPPINGS;
    if (!c->too_many) {
        DumpMapping m = { va, pa, size };
        g_array_append_val(list, m);
    }
    return !c->too_many;
}

static int compare_mappings(const void *a, const void *b)
{
    const DumpMapping *x = a, *y = b;
    if (x->va != y->va)
        return x->va < y->va ? -1 : 1;
    return x->pa < y->pa ? -1 : x->pa > y->pa;
}

/* CPUs share most of their tables: what several map alike is there once. */
static void merge_mappings(GArray *list)
{
    guint n = 0;
    g_array_sort(list, compare_mappings);
    for (guint i = 0; i < list->len; i++) {
        DumpMapping m = g_array_index(list, DumpMapping, i);
        DumpMapping *last = n ? &g_array_index(list, DumpMapping, n - 1) : NULL;
        if (last && m.va - last->va <= last->size && m.va - last->va == m.pa - last->pa)
            last->size = MAX(last->size, m.va - last->va + m.size);
        else
            g_array_index(list, DumpMapping, n++) = m;
    }
    g_array_set_size(list, n);
}

/* Each of them within one range: the rest is devices, or nothing. */
static void cut_mappings(DumpPlan *p)
{
    GArray *out = g_array_new(false, false, sizeof(DumpMapping));
    for (guint i = 0; i < p->mappings->len; i++) {
        const DumpMapping *m = &g_array_index(p->mappings, DumpMapping, i);
        for (guint k = 0; k < p->ranges->len; k++) {
            const DumpRange *r = &g_array_index(p->ranges, DumpRange, k);
            uint64_t from = MAX(m->pa, r->start);
            uint64_t last = MIN(m->pa + (m->size - 1), r->start + (r->size - 1));
            if (from > last)
                continue;
            DumpMapping piece = { m->va + (from - m->pa), from, last - from + 1 };
            g_array_append_val(out, piece);
        }
    }
    g_array_unref(p->mappings);
    p->mappings = out;
}

static bool add_mappings(DumpPlan *p, GError **error)
{
    Collect c = { .p = p };
    p->mappings = g_array_new(false, false, sizeof(DumpMapping));
    for (unsigned i = 0; i < cpu_count && !c.too_many; i++)
        if (p->target->each_mapping && !p->target->each_mapping(cpus[i], add_mapping, &c))
            c.too_many = true;
    merge_mappings(p->mappings);
    bool none = !p->mappings->len;
    cut_mappings(p);
    if (c.too_many || p->mappings->len > DUMP_MAX_MAPPINGS)
        return error_set(error, "dump: the guest's page tables map too much to list; dump without "
                         "paging");
    if (none) { /* no MMU is on: addresses are physical */
        g_array_unref(p->mappings);
        p->mappings = NULL;
    }
    return true;
}

/* ---- notes ---- */

static void add_cpu(DumpPlan *p, Cpu *cpu)
{
    g_autoptr(GByteArray) status = g_byte_array_new(), fp = g_byte_array_new();
    uint8_t head[PRSTATUS_REGS] = { 0 }, tail[PRSTATUS_TAIL] = { 0 };
    store_le32(head + PRSTATUS_PID, cpu->index + 1);
    g_byte_array_append(status, head, sizeof head);
    p->target->core_regs(cpu, status, fp);
    g_byte_array_append(status, tail, sizeof tail);
    dump_note(p->notes, "CORE", NT_PRSTATUS, status->data, status->len);
    if (fp->len)
        dump_note(p->notes, "CORE", NT_PRFPREG, fp->data, fp->len);
}

/* The number behind `key` at the start of a line of the guest's text. */
static bool info_number(const char *text, const char *key, uint64_t *value)
{
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, key, n)) {
            *value = g_ascii_strtoull(line + n, NULL, 0);
            return true;
        }
    }
    return false;
}

static void use_info(DumpPlan *p)
{
    static const char *const bases[] = { "NUMBER(PHYS_OFFSET)=", "NUMBER(phys_ram_base)=" };
    g_autofree char *text = g_strndup((const char *)p->notes->data + p->info, p->info_size);
    uint64_t v;
    if (info_number(text, "PAGESIZE=", &v) && (v == 4096 || v == 16384 || v == 65536))
        p->page_size = (uint32_t)v;
    for (unsigned i = 0; i < G_N_ELEMENTS(bases); i++)
        if (info_number(text, bases[i], &v))
            p->phys_base = v;
}

/* Size and place are the guest's word: nothing may follow from them but that the note is missing. */
static void add_guest_note(DumpPlan *p)
{
    Elf64_Nhdr h;
    uint64_t paddr = guest_note.paddr;
    uint32_t size = MIN(guest_note.size, (uint32_t)MAX_GUEST_NOTE);
    if (size < sizeof h)
        return;
    g_autofree uint8_t *data = g_malloc(size);
    for (uint64_t at = 0; at < size; at += RAM_PAGE_SIZE) {
        MemorySection s = memory_section_lookup(address_space_memory, paddr + at);
        if (!s.host) {
            log_guest_error("dump", "the guest's note at 0x%" PRIx64 " is not in memory", paddr);
            return;
        }
    }
    if (address_space_read(address_space_memory, paddr, data, size) != MEM_OK)
        return;
    memcpy(&h, data, sizeof h);
    uint64_t name = ALIGN_UP((uint64_t)h.n_namesz, 4), text = sizeof h + name;
    if (text + h.n_descsz > size || !h.n_namesz || data[sizeof h + h.n_namesz - 1]) {
        log_guest_error("dump", "the guest's note at 0x%" PRIx64 " is not an ELF note", paddr);
        return;
    }
    p->info = p->notes->len + text;
    dump_note(p->notes, (char *)data + sizeof h, h.n_type, data + text, h.n_descsz);
    if (strcmp((char *)data + sizeof h, "VMCOREINFO"))
        return;
    p->info_size = h.n_descsz;
    use_info(p);
}

static void add_linux_note(DumpPlan *p)
{
    const char *text = linux_vmcoreinfo();
    if (!text)
        return;
    p->info_size = strlen(text);
    dump_note(p->notes, "VMCOREINFO", 0, text, p->info_size);
    p->info = p->notes->len - ALIGN_UP(p->info_size, 4);
    use_info(p);
}

/* ---- */

DumpPlan *dump_plan_new(const DumpRequest *r, GError **error)
{
    DumpPlan *p = g_new0(DumpPlan, 1);
    p->page_size = RAM_PAGE_SIZE;
    p->ranges = g_array_new(false, false, sizeof(DumpRange));
    p->notes = g_byte_array_new();
    p->n_cpus = cpu_count;
    if (!cpu_count) {
        error_set(error, "dump: this machine has no CPU");
    } else {
        p->target = cpus[0]->target;
        if (add_ranges(p, r, error) && (!r->paging || add_mappings(p, error))) {
            for (unsigned i = 0; i < cpu_count; i++)
                add_cpu(p, cpus[i]);
            add_guest_note(p);
            if (!p->info_size)
                add_linux_note(p);
            linux_utsname(p->utsname);
            return p;
        }
    }
    dump_plan_free(p);
    return NULL;
}

void dump_plan_free(DumpPlan *p)
{
    if (!p)
        return;
    g_array_unref(p->ranges);
    if (p->mappings)
        g_array_unref(p->mappings);
    g_byte_array_unref(p->notes);
    g_free(p);
}
