/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux guest's kernel, found in its memory:
 *
 *   vmcoreinfo  a page of text (Documentation/admin-guide/kdump/vmcoreinfo.rst), found in RAM; since
 *               Linux 6.0 it tells where the tables of kallsyms are
 *   kallsyms    compressed names and addresses of all symbols (scripts/kallsyms.c)
 *   BTF         the layout of structs (btf.c)
 *
 * Older kernels, and those whose kallsyms have functions only (no CONFIG_KALLSYMS_ALL), do not say
 * where the list of modules and the BTF are: gdb is asked, if it has the kernel's symbols; else they
 * are looked for in the kernel's image, where both are easy to tell from all else.
 *
 * What was found stays good as long as vmcoreinfo does not change.
 */
#include "monitor/linux/linux_int.h"

#include <string.h>

#include "monitor/gdb.h"
#include "softmmu/memory.h"
#include "util/bits.h"

enum { PAGE = 4096, MAX_SYMS = 1 << 20, MAX_NAME = 512, MAX_NAMES = 64 << 20 };

typedef struct Wanted {
    const char *name;
    uint64_t addr;
} Wanted;

enum { W_MODULES, W_BTF, W_INIT, N_WANTED };

static LinuxGuest guest;
static char info[PAGE];             /* vmcoreinfo's text, for which guest is right; "": for none */
static uint64_t info_page;          /* where it was */

/* ---- memory ---- */

bool linux_read(const LinuxGuest *g, uint64_t va, void *to, size_t len)
{
    return cpu_debug_read(g->cpu, va, to, len);
}

uint64_t linux_read64(const LinuxGuest *g, uint64_t va)
{
    uint8_t raw[8];
    return linux_read(g, va, raw, sizeof raw) ? load_le64(raw) : 0;
}

uint32_t linux_read32(const LinuxGuest *g, uint64_t va)
{
    uint8_t raw[4];
    return linux_read(g, va, raw, sizeof raw) ? load_le32(raw) : 0;
}

size_t linux_read_some(const LinuxGuest *g, uint64_t va, void *to, size_t len)
{
    size_t got = 0;
    for (size_t at = 0, n; at < len; at += n) {
        n = MIN(len - at, PAGE - ((va + at) & (PAGE - 1)));
        if (linux_read(g, va + at, (uint8_t *)to + at, n))
            got += n;
        else
            memset((uint8_t *)to + at, 0, n);
    }
    return got;
}

/* ---- vmcoreinfo ---- */

/* Takes the text at page, if it is that. The guest may be running, and change it meanwhile. */
static bool take_info(const uint8_t *page)
{
    static const char start[] = "OSRELEASE=";
    if (!page || memcmp(page, start, sizeof start - 1))
        return false;
    memcpy(info, page, PAGE);
    info[PAGE - 1] = 0;
    return strstr(info, "\nSYMBOL(_stext)=");
}

static uint64_t info_number(const char *key)
{
    const char *at = strstr(info, key);
    return at ? g_ascii_strtoull(at + strlen(key), NULL, 16) : 0;
}

static uint64_t info_symbol(const char *name)
{
    g_autofree char *key = g_strdup_printf("\nSYMBOL(%s)=", name);
    return info_number(key);
}

/* ---- kallsyms ---- */

typedef struct Names {
    uint64_t at;                /* the next byte's address */
    uint64_t window_at;         /* the page in window */
    uint8_t window[PAGE];
} Names;

static uint8_t next_byte(Names *n)
{
    uint64_t va = n->at++, page = va & ~(uint64_t)(PAGE - 1);
    if (page != n->window_at) {
        n->window_at = page;
        linux_read_some(&guest, page, n->window, PAGE);
    }
    return n->window[va - page];
}

/* Expands all names, and notes the addresses of those that are wanted. */
static void find_symbols(Wanted *wanted)
{
    uint64_t offsets = info_symbol("kallsyms_offsets");
    uint64_t base = linux_read64(&guest, info_symbol("kallsyms_relative_base"));
    uint64_t tokens = info_symbol("kallsyms_token_table");
    uint32_t count = MIN(linux_read32(&guest, info_symbol("kallsyms_num_syms")), (uint32_t)MAX_SYMS);
    uint8_t index[512], table[16384];
    if (!offsets || !base || !tokens ||
        !linux_read(&guest, info_symbol("kallsyms_token_index"), index, sizeof index))
        return;
    linux_read_some(&guest, tokens, table, sizeof table);
    table[sizeof table - 1] = 0;
    uint64_t start = info_symbol("kallsyms_names");
    Names names = { .at = start, .window_at = UINT64_MAX };
    for (uint32_t i = 0; i < count && names.at - start < MAX_NAMES; i++) {
        char name[MAX_NAME];
        unsigned used = 0, len = next_byte(&names);
        if (len & 0x80)
            len = (len & 0x7f) | (unsigned)next_byte(&names) << 7;
        while (len--) {
            uint16_t where = load_le16(index + 2 * next_byte(&names));
            const char *token = where < sizeof table ? (const char *)table + where : "";
            while (*token && used < sizeof name - 1)
                name[used++] = *token++;
        }
        name[used] = 0;
        /* The first letter is the symbol's kind. */
        for (unsigned w = 0; w < N_WANTED; w++)
            if (!wanted[w].addr && used && !strcmp(name + 1, wanted[w].name))
                wanted[w].addr = base + linux_read32(&guest, offsets + 4 * (uint64_t)i);
    }
}

static void ask_gdb(Wanted *wanted)
{
    vaddr base = 0;
    linux_kernel_base(&base);
    for (unsigned i = 0; i < N_WANTED; i++)
        if (!wanted[i].addr)
            gdb_symbol(wanted[i].name, base, info_number("\nKERNELOFFSET="), &wanted[i].addr);
}

/* ---- the image ---- */

enum { PIECE = 1 << 20, MAX_IMAGE = 128 << 20, MAX_HOLE = 16 << 20, MAX_TRIES = 1 << 21 };

/*
 * Calls fn for the image's pieces until it finds something: what it returns, or 0. Each piece
 * begins with the last bytes of the one before.
 */
static uint64_t search_image(uint64_t (*fn)(const uint8_t *data, size_t len, uint64_t va))
{
    enum { OVERLAP = 64 };
    uint64_t start = info_symbol("_stext"), found = 0;
    uint8_t *data = g_malloc0(OVERLAP + PIECE);
    for (size_t at = 0, hole = 0; start && at < MAX_IMAGE && hole < MAX_HOLE && !found; at += PIECE) {
        hole = linux_read_some(&guest, start + at, data + OVERLAP, PIECE) ? 0 : hole + PIECE;
        found = fn(data, OVERLAP + PIECE, start + at - OVERLAP);
        memcpy(data, data + PIECE, OVERLAP);
    }
    g_free(data);
    return found;
}

static uint64_t btf_in(const uint8_t *data, size_t len, uint64_t va)
{
    const uint8_t *at = memmem(data, len, linux_btf_magic, sizeof linux_btf_magic);
    return at ? va + (uint64_t)(at - data) : 0;
}

static unsigned head_tries;

/* The list's head points to the newest module's member, and that back to it. Modules lie near the
 * image, as their calls reach it. */
static uint64_t head_in(const uint8_t *data, size_t len, uint64_t va)
{
    const uint64_t near = 4ULL << 30;
    for (size_t i = 0; i + 16 <= len; i += 8) {
        uint64_t head = va + i, first = load_le64(data + i);
        if (first - (head - near) < 2 * near && first != head && !(first & 7) &&
            load_le64(data + i + 8) - (head - near) < 2 * near && head_tries++ < MAX_TRIES &&
            linux_read64(&guest, first + 8) == head &&
            linux_is_module(&guest, first - (uint64_t)guest.layout.list))
            return head;
    }
    return 0;
}

/* ---- together ---- */

/* A CPU in user mode may not see the kernel (KPTI): then another one. */
static bool choose_cpu(Cpu *cpu)
{
    uint64_t text = info_symbol("_stext");
    hwaddr pa;
    for (unsigned i = 0; i <= cpu_count; i++) {
        Cpu *c = i ? cpus[i - 1] : cpu;
        if (c && cpu_debug_translate(c, text, &pa)) {
            guest.cpu = c;
            return true;
        }
    }
    return false;
}

/* Still the same, without a search? Snapshots, reboots and a hostile guest may have changed it. */
static bool same_info(void)
{
    if (!*info || info_page >= ram_page_count)
        return false;
    const uint8_t *host = ram_page_host(info_page);
    return host && !memcmp(host, info, PAGE);
}

/* RAM may have that of an earlier kernel, too, which is not where it was any more. */
static bool find_info(void)
{
    if (same_info())
        return true;
    guest = (LinuxGuest){ 0 };
    for (uint64_t page = 0; page < ram_page_count; page++) {
        if (take_info(ram_page_host(page)) && choose_cpu(NULL)) {
            info_page = page;
            return true;
        }
    }
    *info = 0;
    return false;
}

bool linux_kernel_base(vaddr *base)
{
    bool runs = false;
    vaddr va;
    for (unsigned i = 0; i < cpu_count; i++) {
        const TargetOps *t = cpus[i]->target;
        if (t->kernel_vectors && t->kernel_vectors(cpus[i], &va)) {
            runs = true;
            if (t->kernel_base(cpus[i], va, base))
                return true;
        }
    }
    return runs && find_info() && choose_cpu(NULL) &&
           guest.cpu->target->kernel_base(guest.cpu, info_symbol("_stext"), base);
}

bool linux_guest_known(void)
{
    return same_info();
}

const char *linux_vmcoreinfo(void)
{
    return find_info() ? info : NULL;
}

bool linux_utsname(char names[LINUX_UTS_NAMES][LINUX_UTS_LEN])
{
    static const char key[] = "\nOFFSET(uts_namespace.name)=";
    const size_t size = LINUX_UTS_NAMES * LINUX_UTS_LEN;
    if (!find_info())
        return false;
    const char *offset = strstr(info, key);
    uint64_t at = info_symbol("init_uts_ns");
    if (offset && at)
        at += g_ascii_strtoull(offset + sizeof key - 1, NULL, 10);
    bool ok = offset && at && choose_cpu(NULL) && linux_read(&guest, at, names, size) &&
              !memcmp(names[0], "Linux", sizeof "Linux");
    if (!ok)
        memset(names, 0, size);
    for (unsigned i = 0; i < LINUX_UTS_NAMES; i++)
        names[i][LINUX_UTS_LEN - 1] = 0;
    return ok;
}

bool linux_slide(uint64_t base, uint64_t *slide)
{
    static const char offset[] = "\nKERNELOFFSET=", link[] = "\nNUMBER(KERNEL_LINK_ADDR)=";
    if (!find_info())
        return false;
    *slide = strstr(info, offset) ? info_number(offset) : base - info_number(link);
    return strstr(info, offset) || strstr(info, link);
}

static const char *find_tables(void)
{
    Wanted wanted[] = { [W_MODULES] = { "modules", 0 }, [W_BTF] = { "__start_BTF", 0 },
                        [W_INIT] = { "do_init_module", 0 } };
    find_symbols(wanted);
    ask_gdb(wanted);
    if (!wanted[W_BTF].addr)
        wanted[W_BTF].addr = search_image(btf_in);
    if (!wanted[W_BTF].addr || !linux_layout(&guest, wanted[W_BTF].addr, &guest.layout))
        return "this kernel has no BTF that tells the layout of modules (CONFIG_DEBUG_INFO_BTF)";
    head_tries = 0;
    if (!wanted[W_MODULES].addr && guest.layout.self >= 0)
        wanted[W_MODULES].addr = search_image(head_in);
    guest.modules = wanted[W_MODULES].addr;
    guest.do_init_module = wanted[W_INIT].addr;
    return guest.modules ? NULL : "this kernel has no modules, or does not tell where";
}

LinuxGuest *linux_guest(Cpu *cpu, bool search, const char **why)
{
    static const char *verdict;
    const char *dummy;
    why = why ? why : &dummy;
    if (!(search ? find_info() : same_info())) {
        *info = 0;
        *why = "no Linux kernel was found in memory (it may not have started yet)";
        return NULL;
    }
    if (!choose_cpu(cpu)) {
        *why = "no CPU runs with the kernel's own translation tables just now";
        return NULL;
    }
    if (!guest.modules) {
        if (search)
            verdict = find_tables();
        *why = verdict;
    }
    return guest.modules ? &guest : NULL;
}

uint64_t linux_do_init_module(const LinuxGuest *g)
{
    return g->do_init_module;
}
