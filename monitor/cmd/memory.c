/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at guest memory: dumps, files, addresses, sums. */
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "accel/disas.h"
#include "monitor/schema/commands_gen.h"
#include "softmmu/memory.h"
#include "util/error.h"

enum { CHUNK = 4096 };

/* Reads guest memory, virtual through cpu, or physical where cpu is NULL. */
static bool read_guest(Cpu *cpu, uint64_t addr, void *buf, uint64_t len)
{
    if (cpu)
        return cpu_debug_read(cpu, addr, buf, len);
    return address_space_read(address_space_memory, addr, buf, len) == MEM_OK;
}

/* ---- x, xp, print ---- */

static void print_char(GString *out, unsigned c)
{
    static const char special[] = "'\\\n\r", letter[] = "'\\nr";
    const char *at = c && c < 128 ? strchr(special, c) : NULL;
    if (at)
        g_string_append_printf(out, "'\\%c'", letter[at - special]);
    else if (c >= 32 && c < 127)
        g_string_append_printf(out, "'%c'", c);
    else
        g_string_append_printf(out, "'\\x%02x'", c);
}

/* One value of `size` bytes, as wide as the widest of its kind. */
static void print_cell(GString *out, char format, unsigned size, uint64_t v)
{
    unsigned bits = size * 8;
    switch (format) {
    case 'o':
        g_string_append_printf(out, " %#*" PRIo64, (int)((bits + 2) / 3), v);
        break;
    case 'x':
        g_string_append_printf(out, " 0x%0*" PRIx64, (int)(bits / 4), v);
        break;
    case 'u':
        g_string_append_printf(out, " %*" PRIu64, (int)((bits * 10 + 32) / 33), v);
        break;
    case 'd':
        g_string_append_printf(out, " %*" PRId64, (int)((bits * 10 + 32) / 33), (int64_t)v);
        break;
    case 'c':
        g_string_append_c(out, ' ');
        print_char(out, v);
        break;
    }
}

static void dump_values(Monitor *mon, Cpu *via, int digits, char format, unsigned size,
                        uint64_t count, uint64_t addr)
{
    unsigned per_line = size == 1 ? 8 : 16;
    uint64_t left = count * size;
    if (format == 'c')
        size = 1;
    while (left) {
        uint8_t buf[16];
        unsigned n = MIN(left, per_line);
        g_autoptr(GString) line = g_string_new(NULL);
        g_string_append_printf(line, "%0*" PRIx64 ":", digits, addr);
        if (!read_guest(via, addr, buf, n)) {
            monitor_printf(mon, "%s Cannot access memory\n", line->str);
            return;
        }
        for (unsigned i = 0; i < n; i += size) {
            uint64_t v = 0;
            memcpy(&v, buf + i, size); /* guests and hosts are little-endian */
            print_cell(line, format, size, v);
        }
        monitor_printf(mon, "%s\n", line->str);
        addr += n;
        left -= n;
    }
}

static void dump_code(Monitor *mon, Cpu *cpu, Cpu *via, int digits, uint64_t count, uint64_t addr)
{
    GString *out = g_string_new(NULL);
    while (count--) {
        uint8_t buf[16];
        unsigned n = MIN(cpu->target->max_insn_len, sizeof(buf));
        while (n && !read_guest(via, addr, buf, n))
            n--;
        size_t used = n ? disas_guest(cpu->target, out, buf, n, addr, 1) : 0;
        if (!used) {
            g_string_append_printf(out, "0x%0*" PRIx64 ":  Cannot access memory\n", digits, addr);
            break;
        }
        addr += used;
        if (out->len > 1 << 16) {
            monitor_puts(mon, out->str);
            g_string_truncate(out, 0);
        }
    }
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

static void dump(Monitor *mon, const Json *args, bool virtual)
{
    Cpu *cpu = monitor_cpu(mon), *via = virtual ? cpu : NULL;
    char format = json_get_str(args, "format", "x")[0];
    uint64_t count = json_get_int(args, "count", 1);
    uint64_t addr = json_get_int(args, "addr", 0);
    if (!cpu && (virtual || format == 'i')) {
        monitor_puts(mon, "No CPU available\n");
        return;
    }
    int digits = cpu && cpu->target->name && !strcmp(cpu->target->name, "arm") ? 8 : 16;
    if (format == 'i')
        dump_code(mon, cpu, via, digits, count, addr);
    else
        dump_values(mon, via, digits, format, json_get_int(args, "size", 4), count, addr);
}

void hmp_x(Monitor *mon, const Json *args)
{
    dump(mon, args, true);
}

void hmp_xp(Monitor *mon, const Json *args)
{
    dump(mon, args, false);
}

void hmp_print(Monitor *mon, const Json *args)
{
    int64_t v = json_get_int(args, "val", 0);
    g_autoptr(GString) out = g_string_new(NULL);
    switch (json_get_str(args, "format", "d")[0]) {
    case 'o':
        g_string_append_printf(out, "%#" PRIo64, v);
        break;
    case 'x':
        g_string_append_printf(out, "%#" PRIx64, v);
        break;
    case 'u':
        g_string_append_printf(out, "%" PRIu64, v);
        break;
    case 'c':
        print_char(out, v);
        break;
    default:
        g_string_append_printf(out, "%" PRId64, v);
    }
    monitor_printf(mon, "%s\n", out->str);
}

/* ---- addresses ---- */

void hmp_gva2gpa(Monitor *mon, const Json *args)
{
    Cpu *cpu = monitor_cpu(mon);
    uint64_t va = json_get_int(args, "addr", 0);
    hwaddr pa;
    if (!cpu)
        monitor_puts(mon, "No CPU available\n");
    else if (cpu_debug_translate(cpu, va, &pa))
        monitor_printf(mon, "gpa: %#" PRIx64 "\n", pa & ~HWADDR_SECURE);
    else
        monitor_puts(mon, "Unmapped\n");
}

void hmp_gpa2hva(Monitor *mon, const Json *args)
{
    uint64_t addr = json_get_int(args, "addr", 0);
    MemorySection s = memory_section_lookup(address_space_memory, addr);
    if (!s.region)
        monitor_printf(mon, "No memory is mapped at address 0x%" PRIx64 "\n", addr);
    else if (!s.host)
        monitor_printf(mon, "Memory at address 0x%" PRIx64 " is not RAM\n", addr);
    else
        monitor_printf(mon, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr,
                       s.region->name, (void *)(s.host + (addr - s.start)));
}

/* As proc(5) tells in pagemap: bit 63 present, 0-54 the frame, which is 0 for who may not know. */
static bool host_physical(const void *p, uint64_t *pa)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && pread(fd, &entry, 8, (off_t)((uintptr_t)p / page * 8)) == 8;
    if (fd >= 0)
        close(fd);
    *pa = (entry & ((1ULL << 55) - 1)) * page + (uintptr_t)p % page;
    return ok && entry >> 63 && *pa >= page;
}

void hmp_gpa2hpa(Monitor *mon, const Json *args)
{
    uint64_t addr = json_get_int(args, "addr", 0), pa;
    MemorySection s = memory_section_lookup(address_space_memory, addr);
    if (!s.region)
        monitor_printf(mon, "No memory is mapped at address 0x%" PRIx64 "\n", addr);
    else if (!s.host)
        monitor_printf(mon, "Memory at address 0x%" PRIx64 " is not RAM\n", addr);
    else if (!host_physical(s.host + (addr - s.start), &pa))
        monitor_puts(mon, "Error: the host does not tell: the page was not touched yet, or the "
                     "program lacks CAP_SYS_ADMIN\n");
    else
        monitor_printf(mon, "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n", addr,
                       s.region->name, pa);
}

/* The 16-bit rotating sum of BSD's sum(1). */
void hmp_sum(Monitor *mon, const Json *args)
{
    uint64_t addr = json_get_int(args, "start", 0), left = json_get_int(args, "size", 0);
    uint16_t sum = 0;
    uint8_t buf[CHUNK];
    if (left > 1ULL << 30) { /* nobody is answered meanwhile: a second or two */
        monitor_puts(mon, "sum: at most 1 GiB at a time\n");
        return;
    }
    while (left) {
        unsigned n = MIN(left, CHUNK);
        if (!read_guest(NULL, addr, buf, n))
            memset(buf, 0, n);
        for (unsigned i = 0; i < n; i++)
            sum = (uint16_t)((sum >> 1 | sum << 15) + buf[i]);
        addr += n;
        left -= n;
    }
    monitor_printf(mon, "%05d\n", sum);
}

/* ---- files ---- */

static bool save(Cpu *via, const Json *args, GError **error)
{
    uint64_t addr = json_get_int(args, "val", 0);
    int64_t size = json_get_int(args, "size", 0);
    const char *name = json_get_str(args, "filename", "");
    if (size < 0)
        return error_set(error, "Parameter 'size' is out of range");
    FILE *f = fopen(name, "wb");
    if (!f)
        return error_set_errno(error, errno, "Could not open '%s'", name);
    bool ok = true;
    for (uint8_t buf[CHUNK]; ok && size > 0;) {
        /* A piece stays within its page, so that only what is missing fails. */
        unsigned n = MIN((uint64_t)size, CHUNK - addr % CHUNK);
        if (!read_guest(via, addr, buf, n))
            ok = error_set(error, "Invalid addr 0x%016" PRIx64 "/size %" PRId64 " specified",
                           (uint64_t)json_get_int(args, "val", 0), json_get_int(args, "size", 0));
        else if (fwrite(buf, 1, n, f) != n)
            ok = error_set_errno(error, errno, "writing memory to '%s' failed", name);
        addr += n;
        size -= n;
    }
    if (fclose(f) && ok)
        ok = error_set_errno(error, errno, "writing memory to '%s' failed", name);
    return ok;
}

bool qmp_memsave(const Json *args, GError **error)
{
    int64_t index = json_get_int(args, "cpu-index", 0);
    if (index < 0 || index >= cpu_count)
        return error_set(error, "Parameter 'cpu-index' expects a CPU number");
    return save(cpus[index], args, error);
}

void hmp_memsave(Monitor *mon, const Json *args)
{
    GError *error = NULL;
    Cpu *cpu = monitor_cpu(mon);
    if (!cpu)
        monitor_puts(mon, "No CPU available\n");
    else if (!save(cpu, args, &error))
        monitor_report(mon, error);
}

bool qmp_pmemsave(const Json *args, GError **error)
{
    return save(NULL, args, error);
}

void hmp_info_mtree(Monitor *mon, const Json *args)
{
    GString *out = g_string_new(NULL);
    memory_print_tree(out, json_get_bool(args, "flatview", false));
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

/* The largest first. */
static int by_size(gconstpointer a, gconstpointer b)
{
    const RamBlock *x = *(RamBlock *const *)a, *y = *(RamBlock *const *)b;
    return x->size != y->size ? (x->size < y->size ? 1 : -1) : x->first_page < y->first_page ? -1 : 1;
}

void hmp_info_ramblock(Monitor *mon, const Json *args)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (RamBlock *b = ram_blocks(); b; b = b->next)
        g_ptr_array_add(list, b);
    g_ptr_array_sort(list, by_size);
    monitor_printf(mon, "%24s %8s  %18s %18s %18s\n", "Block Name", "PSize", "Offset", "Used",
                   "Total");
    for (unsigned i = 0; i < list->len; i++) {
        const RamBlock *b = list->pdata[i];
        monitor_printf(mon, "%24s %4u KiB  0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 "\n",
                       b->name, RAM_PAGE_SIZE >> 10, b->first_page << RAM_PAGE_BITS, b->size,
                       b->size);
    }
}
