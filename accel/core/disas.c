/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disassembly: of guests by their targets, of the host by capstone, which only this file knows.
 * Made per call: this is for logs and people.
 *
 * Capstone is loaded when something is first to be disassembled. Its tables have 90,000 pointers to
 * relocate, which would be half of the time that a start takes, for what few runs ask for.
 */
#include "accel/disas.h"

#include <capstone/capstone.h>
#include <dlfcn.h>
#include <inttypes.h>

#include "util/error.h"

typedef struct {
    __typeof__(&cs_open) open;
    __typeof__(&cs_close) close;
    __typeof__(&cs_disasm) disasm;
    __typeof__(&cs_free) free;
} Capstone;

/* The library; NULL, after one line about it, if this machine has none. Any thread. */
static const Capstone *capstone(void)
{
    static Capstone lib;
    static gsize tried;
    if (g_once_init_enter(&tried)) {
        static const char name[] = "libcapstone.so." G_STRINGIFY(CS_API_MAJOR);
        void *so = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (so) {
            lib.close = (__typeof__(lib.close))dlsym(so, "cs_close");
            lib.disasm = (__typeof__(lib.disasm))dlsym(so, "cs_disasm");
            lib.free = (__typeof__(lib.free))dlsym(so, "cs_free");
            if (lib.close && lib.disasm && lib.free)
                lib.open = (__typeof__(lib.open))dlsym(so, "cs_open");
        }
        if (!lib.open)
            warn_report("no disassembly: %s; Debian has it as libcapstone" G_STRINGIFY(CS_API_MAJOR), dlerror());
        g_once_init_leave(&tried, 1);
    }
    return lib.open ? &lib : NULL;
}

/* Bytes in the order of memory, but the encodings of fixed-width instructions as one number. */
static void append_bytes(GString *out, const uint8_t *code, size_t len, unsigned unit)
{
    enum { COLUMN = 11 };
    for (size_t i = 0; i < MAX(len, COLUMN); i++) {
        if (i < len)
            g_string_append_printf(out, "%02x", code[unit > 1 ? len - 1 - i : i]);
        else
            g_string_append(out, "  ");
    }
}

/* One line per instruction: next() appends its text and gives its length, 0 if it is none. */
static size_t disas(GString *out, const uint8_t *code, size_t len, uint64_t pc, unsigned max,
                    unsigned unit,
                    size_t (*next)(void *opaque, GString *text, const uint8_t *code, size_t len,
                                   uint64_t pc), void *opaque)
{
    size_t done = 0;
    GString *text = g_string_new(NULL);
    for (unsigned n = 0; done < len && (!max || n < max); n++) {
        g_string_truncate(text, 0);
        size_t size = next(opaque, text, code + done, len - done, pc + done);
        if (!size) {
            size = MIN(unit, len - done);
            g_string_assign(text, "(data)");
        }
        g_string_append_printf(out, "0x%016" PRIx64 ":  ", pc + done);
        append_bytes(out, code + done, size, unit);
        g_string_append_printf(out, "  %s\n", text->str);
        done += size;
    }
    g_string_free(text, TRUE);
    return done;
}

static size_t guest_next(void *opaque, GString *text, const uint8_t *code, size_t len, uint64_t pc)
{
    const TargetOps *t = opaque;
    return t->disas ? t->disas(text, code, len, pc) : 0;
}

size_t disas_guest(const TargetOps *t, GString *out, const void *code, size_t len, uint64_t pc,
                   unsigned max)
{
    return disas(out, code, len, pc, max, t->disas_unit, guest_next, (void *)t);
}

typedef struct {
    const Capstone *lib;
    csh handle;
} Disassembler;

static bool capstone_open(Disassembler *d, cs_arch arch, cs_mode mode)
{
    d->lib = capstone();
    return d->lib && d->lib->open(arch, mode, &d->handle) == CS_ERR_OK;
}

static size_t capstone_next(void *opaque, GString *text, const uint8_t *code, size_t len,
                            uint64_t pc)
{
    Disassembler *d = opaque;
    cs_insn *insn;
    if (!d->lib->disasm(d->handle, code, len, pc, 1, &insn))
        return 0;
    size_t size = insn->size;
    g_string_append_printf(text, "%-8s %s", insn->mnemonic, insn->op_str);
    d->lib->free(insn, 1);
    return size;
}

size_t disas_host(GString *out, const void *code, size_t len)
{
#if defined(__x86_64__)
    const cs_arch arch = CS_ARCH_X86;
    const cs_mode mode = CS_MODE_64;
    const unsigned unit = 1;
#elif defined(__aarch64__)
    const cs_arch arch = CS_ARCH_ARM64;
    const cs_mode mode = CS_MODE_LITTLE_ENDIAN;
    const unsigned unit = 4;
#else
#error "no disassembler for this host"
#endif
    Disassembler d;
    if (!capstone_open(&d, arch, mode))
        return 0;
    size_t done = disas(out, code, len, (uintptr_t)code, 0, unit, capstone_next, &d);
    d.lib->close(&d.handle);
    return done;
}

size_t disas_a64(GString *out, const uint8_t *code, size_t len, uint64_t pc)
{
    Disassembler d;
    if (!capstone_open(&d, CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN))
        return 0;
    size_t size = capstone_next(&d, out, code, len, pc);
    d.lib->close(&d.handle);
    return size;
}
