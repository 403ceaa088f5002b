/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disassembly by capstone; the only file that knows it. A disassembler is made per call: this is
 * for logs and people.
 */
#include "accel/disas.h"

#include <capstone/capstone.h>
#include <inttypes.h>

static void append_bytes(GString *out, const uint8_t *code, size_t len)
{
    enum { COLUMN = 11 };
    for (size_t i = 0; i < MAX(len, COLUMN); i++) {
        if (i < len)
            g_string_append_printf(out, "%02x", code[i]);
        else
            g_string_append(out, "  ");
    }
}

static size_t disas(int arch, int mode, unsigned unit, GString *out, const uint8_t *code,
                    size_t len, uint64_t pc, unsigned max)
{
    csh handle;
    bool have = arch >= 0 && cs_open((cs_arch)arch, (cs_mode)mode, &handle) == CS_ERR_OK;
    size_t done = 0;
    cs_insn *insn = have ? cs_malloc(handle) : NULL;
    for (unsigned n = 0; done < len && (!max || n < max); n++) {
        const uint8_t *p = code + done;
        size_t left = len - done;
        uint64_t address = pc + done;
        g_string_append_printf(out, "0x%016" PRIx64 ":  ", address);
        if (insn && cs_disasm_iter(handle, &p, &left, &address, insn)) {
            append_bytes(out, code + done, insn->size);
            g_string_append_printf(out, "  %-8s %s\n", insn->mnemonic, insn->op_str);
            done += insn->size;
        } else {
            size_t size = MIN(unit, len - done);
            append_bytes(out, code + done, size);
            g_string_append(out, "  (data)\n");
            done += size;
        }
    }
    if (insn)
        cs_free(insn, 1);
    if (have)
        cs_close(&handle);
    return done;
}

size_t disas_guest(const TargetOps *t, GString *out, const void *code, size_t len, uint64_t pc,
                   unsigned max)
{
    unsigned unit = t->capstone_arch == CS_ARCH_X86 ? 1 : t->capstone_arch == CS_ARCH_ARM64 ? 4 : 2;
    return disas(t->capstone_arch, t->capstone_mode, unit, out, code, len, pc, max);
}

size_t disas_host(GString *out, const void *code, size_t len)
{
#if defined(__x86_64__)
    return disas(CS_ARCH_X86, CS_MODE_64, 1, out, code, len, (uintptr_t)code, 0);
#elif defined(__aarch64__)
    return disas(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, 4, out, code, len, (uintptr_t)code, 0);
#else
    return disas(-1, 0, 4, out, code, len, (uintptr_t)code, 0);
#endif
}
