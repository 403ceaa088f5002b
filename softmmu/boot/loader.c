/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading kernels and firmware: see include/softmmu/boot.h.
 *
 * ELF: System V ABI, 64-bit and 32-bit little-endian executables. Linux Image: arch/riscv and
 * arch/arm64 boot documentation (boot-image-header, booting). gzip too.
 * Not here: bzImage and PVH, which come with x86.
 */
#include "softmmu/boot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "softmmu/fdt.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/inflate.h"

/* A piece of guest memory that is filled at every reset. */
typedef struct Rom {
    char *name;
    hwaddr addr;
    uint64_t len;   /* in guest memory; beyond `data` it is zero */
    GBytes *data;   /* or NULL: read from a file every time */
    int fd;
    uint64_t offset, file_len;
    void (*refresh)(void *data); /* before each time; data is then ours */
} Rom;

/* A file that was mapped to be looked into. What is loaded of it is read again at each reset, which
 * costs no memory; through a mapping, a file that has become shorter would be SIGBUS. */
typedef struct Source {
    int fd;
    const uint8_t *p;
    gsize n;
} Source;

static GPtrArray *roms;
static Rom *fdt_rom;
static GArray *sources;
static GPtrArray *search_path;

/* Is there something everywhere? */
static bool in_memory(hwaddr addr, uint64_t len)
{
    for (uint64_t done = 0; done < len;) {
        MemorySection sec = memory_section_lookup(address_space_loader, addr + done);
        if (!sec.region || addr + done < addr)
            return false;
        if (sec.last - (addr + done) >= len - done - 1)
            return true;
        done = sec.last + 1 - addr;
    }
    return true;
}

static void rom_zero(const Rom *rom, uint64_t at)
{
    static const uint8_t zeros[RAM_PAGE_SIZE];
    while (at < rom->len) {
        uint64_t piece = MIN(sizeof zeros, rom->len - at);
        address_space_write_rom(address_space_loader, rom->addr + at, zeros, piece);
        at += piece;
    }
}

static void rom_read(const Rom *rom)
{
    enum { PIECE = 256 << 10 };
    g_autofree uint8_t *buf = g_malloc(PIECE);
    uint64_t at = 0;
    while (at < rom->file_len) {
        ssize_t n = pread(rom->fd, buf, MIN(PIECE, rom->file_len - at), (off_t)(rom->offset + at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        address_space_write_rom(address_space_loader, rom->addr + at, buf, n);
        at += n;
    }
    if (at < rom->file_len)
        warn_report("%s: has become shorter since it was loaded first; the rest is zeros", rom->name);
    rom_zero(rom, at);
}

static void rom_write(const Rom *rom)
{
    if (!rom->data) {
        rom_read(rom);
        return;
    }
    gsize n;
    const uint8_t *p = g_bytes_get_data(rom->data, &n);
    if (rom->refresh)
        rom->refresh((void *)p);
    address_space_write_rom(address_space_loader, rom->addr, p, n);
    rom_zero(rom, n);
}

static void roms_reset(void *opaque)
{
    (void)opaque;
    for (guint i = 0; i < roms->len; i++)
        rom_write(roms->pdata[i]);
}

/* Of mapped data only where it is in its file is kept. */
static void rom_forget_data(Rom *rom)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(rom->data, &n);
    for (guint i = sources ? sources->len : 0; i-- > 0;) { /* the newest: older ones may be gone */
        const Source *s = &g_array_index(sources, Source, i);
        if (p < s->p || p >= s->p + s->n)
            continue;
        rom->fd = s->fd;
        rom->offset = p - s->p;
        rom->file_len = n;
        g_bytes_unref(rom->data);
        rom->data = NULL;
        return;
    }
}

/* Keeps the data and takes over the reference; `mapped`: it is what read_file gave, or of it. */
static Rom *rom_add(const char *what, const char *file, hwaddr addr, GBytes *data, uint64_t len,
                    bool mapped)
{
    if (!roms) {
        roms = g_ptr_array_new();
        /* Before the CPUs, whose reset vectors point into what is written here. */
        vm_add_reset_handler(-1, roms_reset, NULL);
    }
    Rom *rom = g_new0(Rom, 1);
    rom->name = file ? g_strdup_printf("%s %s", what, file) : g_strdup(what);
    rom->addr = addr;
    rom->data = data;
    rom->len = len;
    if (mapped)
        rom_forget_data(rom);
    g_ptr_array_add(roms, rom);
    return rom;
}

void boot_load_bytes(const char *what, hwaddr base, const void *data, size_t len)
{
    rom_add(what, NULL, base, g_bytes_new(data, len), len, false);
}

void boot_load_fdt(hwaddr base, const void *blob, size_t len)
{
    fdt_rom = rom_add("fdt", NULL, base, g_bytes_new(blob, len), len, false);
    fdt_rom->refresh = dt_refresh_seeds;
}

bool boot_update_fdt(const void *blob, size_t len, GError **error)
{
    if (!fdt_rom)
        return true;
    for (guint i = 0; i < roms->len; i++) {
        const Rom *rom = roms->pdata[i];
        if (rom != fdt_rom && rom->addr < fdt_rom->addr + len && fdt_rom->addr < rom->addr + rom->len)
            return error_set(error, "the device tree at 0x%" PRIx64 " and %s at 0x%" PRIx64
                             " overlap; load that elsewhere", fdt_rom->addr, rom->name, rom->addr);
    }
    if (!in_memory(fdt_rom->addr, len))
        return error_set(error, "the device tree has no room at 0x%" PRIx64 "; give the machine more "
                         "memory with -m", fdt_rom->addr);
    g_bytes_unref(fdt_rom->data);
    fdt_rom->data = g_bytes_new(blob, len);
    fdt_rom->len = len;
    return true;
}

void boot_print_roms(GString *out)
{
    for (guint i = 0; roms && i < roms->len; i++) {
        const Rom *rom = roms->pdata[i];
        g_string_append_printf(out, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=ram name=\"%s\"\n",
                               rom->addr, rom->len, rom->name);
    }
}

static GBytes *read_file(const char *what, const char *file, GError **error)
{
    if (g_file_test(file, G_FILE_TEST_IS_DIR)) {
        error_set(error, "%s %s: is a directory; give a file", what, file);
        return NULL;
    }
    GError *why = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "%s %s", what, file);
        return NULL;
    }
    GMappedFile *map = g_mapped_file_new_from_fd(fd, FALSE, &why);
    if (!map) {
        error_set(error, "%s %s: %s", what, file, why->message);
        g_error_free(why);
        close(fd);
        return NULL;
    }
    GBytes *bytes = g_mapped_file_get_bytes(map);
    g_mapped_file_unref(map);
    Source s = { .fd = fd };
    s.p = g_bytes_get_data(bytes, &s.n);
    if (!s.n) {
        error_set(error, "%s %s: the file is empty", what, file);
        g_bytes_unref(bytes);
        close(fd);
        return NULL;
    }
    if (!sources)
        sources = g_array_new(FALSE, FALSE, sizeof(Source));
    g_array_append_val(sources, s);
    return bytes;
}

/* What gzip data unpacks to; at most max bytes, so that a small file can't fill the host. */
static GBytes *gunzip(const char *what, const char *file, GBytes *packed, uint64_t max,
                      GError **error)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(packed, &n);
    bool too_long;
    GBytes *out = inflate_gzip(p, n, max, &too_long);
    if (!out && too_long)
        error_set(error, "%s %s: unpacks to more than the %" PRIu64 " bytes of RAM; give the machine "
                  "more with -m", what, file, max);
    else if (!out)
        error_set(error, "%s %s: the gzip data is damaged or cut short", what, file);
    return out;
}

static bool is_elf(GBytes *b)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(b, &n);
    return n >= EI_NIDENT && !memcmp(p, ELFMAG, SELFMAG);
}

static bool is_gzip(GBytes *b)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(b, &n);
    return n > 2 && p[0] == 0x1f && p[1] == 0x8b;
}

typedef struct Segment {
    uint64_t offset, addr, file_size, mem_size;
    bool load;
} Segment;

static Segment segment_get(const uint8_t *p, bool wide, uint64_t at)
{
    if (wide) {
        Elf64_Phdr h;
        memcpy(&h, p + at, sizeof h);
        return (Segment){ h.p_offset, h.p_paddr, h.p_filesz, h.p_memsz, h.p_type == PT_LOAD };
    }
    Elf32_Phdr h;
    memcpy(&h, p + at, sizeof h);
    return (Segment){ h.p_offset, h.p_paddr, h.p_filesz, h.p_memsz, h.p_type == PT_LOAD };
}

/*
 * Linkers put the ELF headers into the page before the first section: for a program linked to
 * the start of memory that is a page where there is no memory, and nobody misses it.
 */
static void segment_clip(Segment *s, uint64_t low)
{
    uint64_t skip = low - s->addr;
    if (s->addr >= low || skip >= s->mem_size || skip > RAM_PAGE_SIZE)
        return;
    s->addr = low;
    s->offset += MIN(skip, s->file_size);
    s->file_size -= MIN(skip, s->file_size);
    s->mem_size -= skip;
}

/* The physical address of the entry, which ELF gives as a virtual one. */
static uint64_t entry_to_physical(const uint8_t *p, bool wide, uint64_t phoff, unsigned phnum,
                                  size_t phsize, uint64_t entry)
{
    for (unsigned i = 0; i < phnum; i++) {
        uint64_t va, pa, size;
        uint32_t type;
        if (wide) {
            Elf64_Phdr h;
            memcpy(&h, p + phoff + i * phsize, sizeof h);
            va = h.p_vaddr, pa = h.p_paddr, size = h.p_memsz, type = h.p_type;
        } else {
            Elf32_Phdr h;
            memcpy(&h, p + phoff + i * phsize, sizeof h);
            va = h.p_vaddr, pa = h.p_paddr, size = h.p_memsz, type = h.p_type;
        }
        if (type == PT_LOAD && entry >= va && entry - va < size)
            return entry - va + pa;
    }
    return entry;
}

static bool load_elf(const char *what, const char *file, BootArch arch, GBytes *bytes, bool mapped,
                     hwaddr low, hwaddr high, BootImage *out, GError **error)
{
    static const uint16_t machines[] = {
        [BOOT_RISCV64] = EM_RISCV, [BOOT_AARCH64] = EM_AARCH64, [BOOT_X86_64] = EM_X86_64,
    };
    gsize n;
    const uint8_t *p = g_bytes_get_data(bytes, &n);
    bool wide = p[EI_CLASS] == ELFCLASS64;
    size_t header = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    if (n < header || (!wide && p[EI_CLASS] != ELFCLASS32))
        return error_set(error, "%s %s: the ELF header is damaged", what, file);
    if (p[EI_DATA] != ELFDATA2LSB)
        return error_set(error, "%s %s: is a big-endian ELF; the machine is little-endian", what,
                         file);
    Elf64_Ehdr eh = { 0 };
    if (wide) {
        memcpy(&eh, p, sizeof eh);
    } else {
        Elf32_Ehdr e;
        memcpy(&e, p, sizeof e);
        eh.e_machine = e.e_machine, eh.e_entry = e.e_entry, eh.e_phoff = e.e_phoff;
        eh.e_phnum = e.e_phnum, eh.e_phentsize = e.e_phentsize;
    }
    if (eh.e_machine != machines[arch])
        return error_set(error, "%s %s: is an ELF for another architecture (machine %u); this "
                         "program runs machine %u", what, file, eh.e_machine, machines[arch]);
    size_t phsize = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (eh.e_phentsize != phsize || eh.e_phoff > n || (n - eh.e_phoff) / phsize < eh.e_phnum)
        return error_set(error, "%s %s: the ELF program headers are damaged", what, file);
    *out = (BootImage){ .low = UINT64_MAX, .is_elf = true };
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < eh.e_phnum; i++) {
            Segment s = segment_get(p, wide, eh.e_phoff + i * phsize);
            if (!s.load || !s.mem_size)
                continue;
            if (s.file_size > s.mem_size || s.offset > n || s.file_size > n - s.offset)
                return error_set(error, "%s %s: segment %u lies outside the file (cut short?)",
                                 what, file, i);
            segment_clip(&s, low);
            if (s.addr < low || s.addr >= high || s.mem_size > high - s.addr)
                return error_set(error, "%s %s: segment %u wants 0x%" PRIx64 " bytes at 0x%" PRIx64
                                 ", outside the memory at 0x%" PRIx64 "..0x%" PRIx64, what, file,
                                 i, s.mem_size, s.addr, low, high - 1);
            if (pass) {
                rom_add(what, file, s.addr,
                        g_bytes_new_from_bytes(bytes, s.offset, s.file_size), s.mem_size, mapped);
                out->low = MIN(out->low, s.addr);
                out->high = MAX(out->high, s.addr + s.mem_size);
            }
        }
    }
    if (!out->high)
        return error_set(error, "%s %s: the ELF has nothing to load", what, file);
    out->entry = entry_to_physical(p, wide, eh.e_phoff, eh.e_phnum, phsize, eh.e_entry);
    return true;
}

/* Of what is no ELF, files that would be silent here: other machines' kernels, packed ones. */
static bool refuse_foreign(BootArch arch, const char *file, GBytes *b, GError **error)
{
    static const struct {
        const char *name, *magic;
        gsize at;
        BootArch arch;
    } kinds[] = {
        { "arm64", "ARM\x64", 56, BOOT_AARCH64 },
        { "RISC-V", "RSC\x05", 56, BOOT_RISCV64 },
        { "x86", "HdrS", 514, BOOT_X86_64 },
    };
    gsize n;
    const char *p = g_bytes_get_data(b, &n);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (n < kinds[i].at + 4 || memcmp(p + kinds[i].at, kinds[i].magic, 4))
            continue;
        return kinds[i].arch == arch ||
               error_set(error, "-kernel %s: is a Linux kernel for %s, which this program does not "
                         "run; another sosia-system-... may", file, kinds[i].name);
    }
    if (n >= 64 && !memcmp(p, "MZ\0\0zimg", 8))
        return error_set(error, "-kernel %s: is packed with '%.8s', and only gzip is known; give "
                         "the Image that is inside", file, p + 24);
    return true;
}

/* Linux's Image header: text_offset at 8, image_size at 16, flags at 24; magic at 48 or 56. */
static bool image_header(BootArch arch, GBytes *b, uint64_t *text_offset, uint64_t *image_size)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(b, &n);
    if (n < 64)
        return false;
    bool found = arch == BOOT_RISCV64 ? !memcmp(p + 56, "RSC\x05", 4)
                                      : arch == BOOT_AARCH64 && !memcmp(p + 56, "ARM\x64", 4);
    if (!found)
        return false;
    *text_offset = load_le64(p + 8);
    *image_size = load_le64(p + 16);
    if (!*image_size) { /* arm64 before 3.17 */
        *text_offset = 0x80000;
        *image_size = n;
    }
    return true;
}

/* From the 2 MiB aligned start of RAM. As QEMU: its first page stays free, and what has no header
 * is taken for a kernel of the old days. */
static uint64_t arm64_offset(bool image, uint64_t text_offset)
{
    if (!image)
        return 0x80000;
    return text_offset < RAM_PAGE_SIZE ? text_offset + (2 << 20) : text_offset;
}

static bool load_plain(const char *what, const char *file, GBytes *bytes, bool mapped, hwaddr base,
                       uint64_t max, BootImage *out, GError **error)
{
    gsize n = g_bytes_get_size(bytes);
    if (n > max)
        return error_set(error, "%s %s: %zu bytes do not fit into the %" PRIu64 " bytes at 0x%"
                         PRIx64 "; give the machine more memory with -m", what, file, n, max, base);
    rom_add(what, file, base, g_bytes_ref(bytes), n, mapped);
    *out = (BootImage){ .entry = base, .low = base, .high = base + n };
    return true;
}

/* Linux's EFI "zboot" wrapper: magic at 4, payload's offset and size at 8, its kind at 24. */
static bool zboot_payload(GBytes *b, GBytes **payload)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(b, &n);
    if (n < 64 || memcmp(p, "MZ\0\0zimg", 8) || strcmp((const char *)p + 24, "gzip"))
        return false;
    uint32_t offset = load_le32(p + 8), size = load_le32(p + 12);
    if (offset > n || size > n - offset)
        return false;
    *payload = g_bytes_new_from_bytes(b, offset, size);
    return true;
}

/* The file, unpacked if it was packed (`*packed`). */
static GBytes *read_kernel(const char *file, uint64_t max, bool *packed, GError **error)
{
    GBytes *bytes = read_file("-kernel", file, error), *inner;
    if (bytes && zboot_payload(bytes, &inner)) {
        g_bytes_unref(bytes);
        bytes = inner;
    }
    *packed = bytes && is_gzip(bytes);
    if (*packed) {
        inner = gunzip("-kernel", file, bytes, max, error);
        g_bytes_unref(bytes);
        bytes = inner;
    }
    return bytes;
}

GBytes *boot_unpack_kernel(const char *file, GError **error)
{
    bool packed;
    return read_kernel(file, 1 << 30, &packed, error);
}

bool boot_load_kernel(const char *file, BootArch arch, hwaddr base, hwaddr ram_low, hwaddr ram_high,
                      BootImage *out, GError **error)
{
    const char *what = "-kernel";
    bool packed;
    GBytes *bytes = read_kernel(file, ram_high - base, &packed, error);
    if (!bytes)
        return false;
    bool ok;
    uint64_t text_offset = 0, image_size = 0;
    if (is_elf(bytes)) {
        ok = load_elf(what, file, arch, bytes, !packed, ram_low, ram_high, out, error);
    } else if (!refuse_foreign(arch, file, bytes, error)) {
        ok = false;
    } else {
        bool image = image_header(arch, bytes, &text_offset, &image_size);
        /* riscv's header gives the offset from the start of RAM, which firmware occupies; what
         * matters is 2 MiB alignment, and that is what the caller's base has. */
        hwaddr at = base + (arch == BOOT_AARCH64 ? arm64_offset(image, text_offset) : 0);
        if (at < base || at >= ram_high)
            ok = error_set(error, "-kernel %s: asks for an address outside of RAM", file);
        else
            ok = load_plain(what, file, bytes, !packed, at, ram_high - at, out, error);
        if (ok && image && image_size > g_bytes_get_size(bytes)) {
            if (image_size > ram_high - at)
                ok = error_set(error, "-kernel %s: needs %" PRIu64 " bytes of RAM from 0x%" PRIx64
                               "; give the machine more with -m", file, image_size, at);
            out->high = at + image_size;
        }
    }
    g_bytes_unref(bytes);
    return ok;
}

bool boot_load_firmware(const char *file, BootArch arch, hwaddr base, uint64_t max, BootImage *out,
                        GError **error)
{
    GBytes *bytes = read_file("-bios", file, error);
    if (!bytes)
        return false;
    bool ok = is_elf(bytes)
        ? load_elf("-bios", file, arch, bytes, true, base, base + max, out, error)
        : load_plain("-bios", file, bytes, true, base, max, out, error);
    g_bytes_unref(bytes);
    return ok;
}

bool boot_load_file(const char *what, const char *file, hwaddr base, uint64_t max, BootImage *out,
                    GError **error)
{
    GBytes *bytes = read_file(what, file, error);
    if (!bytes)
        return false;
    bool ok = load_plain(what, file, bytes, true, base, max, out, error);
    g_bytes_unref(bytes);
    return ok;
}

bool boot_load_device_file(const char *target, const char *file, hwaddr addr, bool raw,
                           BootImage *out, GError **error)
{
    const char *what = "file";
    BootArch arch = !strcmp(target, "riscv64") ? BOOT_RISCV64 : BOOT_AARCH64;
    guint before = roms ? roms->len : 0;
    GBytes *bytes = read_file(what, file, error);
    if (!bytes)
        return false;
    bool ok = !raw && is_elf(bytes)
        ? load_elf(what, file, arch, bytes, true, 0, UINT64_MAX, out, error)
        : load_plain(what, file, bytes, true, addr, UINT64_MAX, out, error);
    g_bytes_unref(bytes);
    for (guint i = before; ok && i < roms->len; i++) {
        const Rom *rom = roms->pdata[i];
        if (!in_memory(rom->addr, rom->len))
            ok = error_set(error, "file %s: the machine has no memory for all of the 0x%" PRIx64
                           " bytes at 0x%" PRIx64, file, rom->len, rom->addr);
    }
    return ok;
}

void boot_add_search_path(const char *dir)
{
    if (!search_path)
        search_path = g_ptr_array_new();
    g_ptr_array_add(search_path, g_strdup(dir));
}

static const char *const packaged[] = {
    "/usr/share/sosia", "/usr/share/qemu", "/usr/lib/riscv64-linux-gnu/opensbi/generic",
    "/usr/lib/u-boot", "/usr/share/AAVMF", "/usr/share/qemu-efi-aarch64", "/usr/share/OVMF",
    "/usr/share/seabios", "/usr/lib/ipxe/qemu",
};

char *boot_search_paths(void)
{
    GString *s = g_string_new(NULL);
    for (guint i = 0; search_path && i < search_path->len; i++)
        g_string_append_printf(s, "%s\n", (char *)search_path->pdata[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(packaged); i++)
        g_string_append_printf(s, "%s\n", packaged[i]);
    return g_string_free(s, FALSE);
}

char *boot_find_firmware(const char *name)
{
    if (g_file_test(name, G_FILE_TEST_IS_REGULAR))
        return g_strdup(name);
    for (guint i = 0; search_path && i < search_path->len; i++) {
        char *path = g_build_filename(search_path->pdata[i], name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return path;
        g_free(path);
    }
    for (size_t i = 0; i < ARRAY_LEN(packaged); i++) {
        char *path = g_build_filename(packaged[i], name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return path;
        g_free(path);
    }
    return NULL;
}
