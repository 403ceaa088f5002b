/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qSymbol: gdb tells where symbols of the program that it debugs are. What is asked for is what
 * finds a Linux guest's modules (monitor/linux).
 */
#include <string.h>

#include "monitor/gdb/gdb_int.h"

static struct {
    const char *name;
    uint64_t value;
    bool known;
} symbols[] = { { .name = "modules" }, { .name = "__start_BTF" }, { .name = "do_init_module" } };

static vaddr base_told; /* by qOffsets; 0: gdb has the addresses that the file was linked for */

void gdb_symbol_base(vaddr base)
{
    base_told = base;
}

static void ask(unsigned i, GString *out)
{
    if (i >= G_N_ELEMENTS(symbols)) {
        g_string_append(out, "OK");
        return;
    }
    g_string_append(out, "qSymbol:");
    gdb_put_hex(out, symbols[i].name, strlen(symbols[i].name));
}

/* ":" or ":VALUE:NAME" or "::NAME" (unknown) */
void gdb_symbol_query(GdbText *t, GString *out)
{
    uint64_t value = 0;
    bool known = gdb_get_char(t, ':') && gdb_get_hex(t, &value);
    gdb_get_char(t, ':');
    GByteArray *name = gdb_get_bytes(t);
    unsigned next = 0;
    for (unsigned i = 0; name && i < G_N_ELEMENTS(symbols); i++) {
        if (name->len != strlen(symbols[i].name) ||
            memcmp(name->data, symbols[i].name, name->len))
            continue;
        symbols[i].known = known;
        symbols[i].value = value;
        next = i + 1;
    }
    if (name)
        g_byte_array_unref(name);
    ask(next, out);
}

bool gdb_symbol(const char *name, uint64_t base_now, uint64_t offset, uint64_t *value)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(symbols); i++) {
        if (strcmp(symbols[i].name, name) || !symbols[i].known)
            continue;
        if (base_told)
            offset = base_now ? base_now - base_told : 0;
        *value = symbols[i].value + offset;
        return true;
    }
    return false;
}
