/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -cpu for RISC-V: models, extensions that can be switched, and what follows from them for the
 * guest: misa and the strings of the device tree.
 *
 * "rv64,zba=off,+svade,sv57=on,cbom_blocksize=64". What the user says has to be consistent; what
 * is on only by default goes off with what it needs.
 */
#include "target/riscv/cpu.h"

#include <string.h>

#include "util/error.h"

struct RiscvModel {
    const char *name, *doc;
    bool all; /* every extension, not just those that are on by default */
};
const struct RiscvModel riscv_models[] = {
    { "rv64", "Generic 64-bit RISC-V hart (default)", false },
    { "max", "All extensions that Sosia knows", true },
};

typedef struct Ext {
    const char *name;
    size_t offset;
    bool on;
} Ext;
static const Ext exts[] = {
#define X(m, n, d) { n, offsetof(RiscvCpu, ext.m), d },
    RISCV_EXTENSIONS(X)
#undef X
};
enum { N_EXTS = ARRAY_LEN(exts) };

/* What needs what, directly. */
static const struct { const char *ext, *needs; } needs[] = {
    { "f", "zicsr" },    { "d", "f" },        { "zfa", "f" },      { "zfhmin", "f" },
    { "zicntr", "zicsr" }, { "zihpm", "zicsr" }, { "zacas", "a" },   { "zawrs", "a" },
    { "u", "zicsr" },    { "s", "u" },        { "sstc", "s" },     { "svade", "s" },
    { "svadu", "s" },    { "svinval", "s" },  { "svnapot", "s" },  { "svpbmt", "s" },
};

/* Properties of QEMU's harts that ask for what isn't here. Turning them off is fine. */
static const char *const absent[] = {
    "e", "h", "j", "v", "zfh", "zfinx", "zdinx", "zhinx", "zhinxmin", "zbkb", "zbkc", "zbkx", "zk",
    "zkn", "zknd", "zkne", "zknh", "zkr", "zks", "zksed", "zksh", "zkt", "zve32f", "zve64f",
    "zve64d", "zvfh", "zvfhmin", "smaia", "ssaia", "smstateen", "smepmp", "smrnmi",
    "sscofpmf", "svvptc", "zicfilp", "zicfiss", "zabha", "zama16b", "zimop", "zcmop", "zce", "zcb",
    "zcmp", "zcmt", "sv32", "sv64", "debug", NULL,
};

enum { PROP_MMU = N_EXTS, PROP_PMP, PROP_SV39, PROP_SV48, PROP_SV57, PROP_G, PROP_I, N_BOOLS };
static const char *const other_bools[] = { "mmu", "pmp", "sv39", "sv48", "sv57", "g", "i" };
static const char *const numbers[] = { "cbom_blocksize", "cboz_blocksize" };
static const char *const texts[] = { "priv_spec" };

/* What the user said: -1 nothing, else off or on. */
typedef struct Choice {
    int8_t b[N_BOOLS];
} Choice;

static int ext_index(const char *name)
{
    for (unsigned i = 0; i < N_EXTS; i++)
        if (!g_ascii_strcasecmp(exts[i].name, name))
            return (int)i;
    return -1;
}

static bool *ext_member(RiscvCpu *r, int i)
{
    return (bool *)((char *)r + exts[i].offset);
}

static int bool_index(const char *name)
{
    int i = ext_index(name);

    for (unsigned k = 0; i < 0 && k < ARRAY_LEN(other_bools); k++)
        if (!g_ascii_strcasecmp(other_bools[k], name))
            return N_EXTS + (int)k;
    return i;
}

static bool unknown_property(const char *name, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    const char *near;
    g_autofree char *low = g_ascii_strdown(name, -1);

    for (unsigned i = 0; i < N_EXTS; i++)
        g_ptr_array_add(all, (char *)exts[i].name);
    for (unsigned i = 0; i < ARRAY_LEN(other_bools); i++)
        g_ptr_array_add(all, (char *)other_bools[i]);
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
        g_ptr_array_add(all, (char *)numbers[i]);
    g_ptr_array_add(all, (char *)texts[0]);
    g_ptr_array_add(all, NULL);
    near = error_nearest(low, (const char *const *)all->pdata);
    if (near)
        return error_set(error, "-cpu: this CPU has no property '%s'; did you mean '%s'?", name,
                         near);
    return error_set(error, "-cpu: this CPU has no property '%s'; the extensions are named as in "
                     "the ISA string, e.g. zba=off", name);
}

static bool is_absent(const char *name)
{
    for (unsigned i = 0; absent[i]; i++)
        if (!g_ascii_strcasecmp(absent[i], name))
            return true;
    return false;
}

static bool set_bool(Choice *c, const char *name, bool on, GError **error)
{
    int i = bool_index(name);
    static const char *const g[] = { "i", "m", "a", "f", "d", "zicsr", "zifencei" };

    if (i < 0 && is_absent(name))
        return !on || error_set(error, "-cpu: '%s' is not implemented; leave it off", name);
    if (i < 0)
        return unknown_property(name, error);
    if (i == PROP_I && !on)
        return error_set(error, "-cpu: i=off is impossible: the base instruction set is RV64I");
    if (i == PROP_G && on)
        for (unsigned k = 0; k < ARRAY_LEN(g); k++)
            c->b[bool_index(g[k])] = 1;
    c->b[i] = on;
    return true;
}

static bool parse_switch(const char *value, bool *on)
{
    static const char *const yes[] = { "on", "true", "yes", "y" };
    static const char *const no[] = { "off", "false", "no", "n" };

    for (unsigned i = 0; i < ARRAY_LEN(yes); i++) {
        *on = !strcmp(value, yes[i]);
        if (*on || !strcmp(value, no[i]))
            return true;
    }
    return false;
}

static bool set_blocksize(RiscvCpu *r, const char *name, const char *value, GError **error)
{
    guint64 n;

    if (!g_ascii_string_to_unsigned(value, 10, 8, 4096, &n, NULL) || !is_pow2(n))
        return error_set(error, "-cpu: %s=%s must be a power of two from 8 to 4096 bytes", name,
                         value);
    if (!strcmp(name, "cbom_blocksize"))
        r->cbom_blocksize = (uint16_t)n;
    else
        r->cboz_blocksize = (uint16_t)n;
    return true;
}

static bool parse_property(RiscvCpu *r, Choice *c, const char *item, GError **error)
{
    g_autofree char *name = NULL;
    const char *eq = strchr(item, '=');
    bool on;

    if (*item == '+' || *item == '-')
        return set_bool(c, item + 1, *item == '+', error);
    if (!*item)
        return error_set(error, "-cpu: empty property; write them as name=on or name=off");
    if (!eq)
        return set_bool(c, item, true, error);
    name = g_strndup(item, (gsize)(eq - item));
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
        if (!strcmp(name, numbers[i]))
            return set_blocksize(r, name, eq + 1, error);
    if (!strcmp(name, "priv_spec"))
        return !strcmp(eq + 1, "v1.12.0") || !strcmp(eq + 1, "v1.13.0") ||
               error_set(error, "-cpu: priv_spec=%s is not supported; this is v1.13.0, which "
                         "includes v1.12.0", eq + 1);
    if (bool_index(name) < 0 && !is_absent(name))
        return unknown_property(name, error);
    if (!parse_switch(eq + 1, &on))
        return error_set(error, "-cpu: %s=%s must be on or off", name, eq + 1);
    return set_bool(c, name, on, error);
}

static bool resolve_extensions(RiscvCpu *r, const Choice *c, GError **error)
{
    bool again = true;

    for (unsigned i = 0; i < N_EXTS; i++)
        *ext_member(r, (int)i) = c->b[i] >= 0 ? c->b[i] : r->model->all || exts[i].on;
    while (again) { /* each turn switches something off or on for good, so it ends */
        again = false;
        for (unsigned i = 0; i < ARRAY_LEN(needs); i++) {
            int e = ext_index(needs[i].ext), n = ext_index(needs[i].needs);
            if (!*ext_member(r, e) || *ext_member(r, n))
                continue;
            if (c->b[e] > 0)
                return error_set(error, "-cpu: %s=on needs %s, which is off; add %s=on or drop %s",
                                 needs[i].ext, needs[i].needs, needs[i].needs, needs[i].ext);
            *ext_member(r, e) = false;
            again = true;
        }
    }
    return true;
}

static bool resolve_mmu(RiscvCpu *r, const Choice *c, GError **error)
{
    static const int sv[] = { PROP_SV39, PROP_SV48, PROP_SV57 };
    unsigned highest = 3, lowest_off = 3;

    for (unsigned i = 3; i-- > 0;)
        if (c->b[sv[i]] == 0)
            lowest_off = i;
    for (unsigned i = 0; i < 3; i++)
        if (c->b[sv[i]] > 0) {
            if (i > lowest_off)
                return error_set(error, "-cpu: %s=on needs %s, which is off",
                                 other_bools[sv[i] - N_EXTS],
                                 other_bools[sv[lowest_off] - N_EXTS]);
            highest = i + 1;
        }
    if (highest > lowest_off)
        highest = lowest_off;
    r->max_satp_mode = highest ? (uint8_t)(SATP_SV39 + highest - 1) : 0;
    if (c->b[PROP_MMU] == 0 || !r->ext.s) {
        for (unsigned i = 0; i < 3; i++)
            if (c->b[sv[i]] > 0)
                return error_set(error, "-cpu: %s=on needs an MMU: mmu=on and s=on",
                                 other_bools[sv[i] - N_EXTS]);
        r->max_satp_mode = 0;
    }
    return true;
}

bool riscv_configure(Cpu *cpu, const char *text, GError **error)
{
    RiscvCpu *r = riscv_cpu(cpu);
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    const char *name = items[0] ? items[0] : "";
    const char *names[ARRAY_LEN(riscv_models) + 1] = { NULL };
    Choice c;

    memset(c.b, -1, sizeof c.b);
    r->model = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(riscv_models); i++) {
        names[i] = riscv_models[i].name;
        if (!strcmp(name, names[i]))
            r->model = &riscv_models[i];
    }
    if (!r->model) {
        const char *near = error_nearest(name, names);
        return error_set(error, "-cpu: there is no RISC-V CPU '%s'; %s%s (-cpu help lists them)",
                         name, near ? "did you mean " : "try ", near ? near : "rv64");
    }
    r->cbom_blocksize = r->cboz_blocksize = 64;
    for (unsigned i = 1; items[i]; i++)
        if (!parse_property(r, &c, items[i], error))
            return false;
    if (!resolve_extensions(r, &c, error) || !resolve_mmu(r, &c, error))
        return false;
    r->pmp = c.b[PROP_PMP] != 0;
    return true;
}

const char *riscv_model_name(unsigned i, const char **doc)
{
    if (i >= ARRAY_LEN(riscv_models))
        return NULL;
    if (doc)
        *doc = riscv_models[i].doc;
    return riscv_models[i].name;
}

/* --- for the guest --- */

uint64_t riscv_misa(const RiscvCpu *r)
{
    uint64_t misa = 2ULL << 62 | 1 << ('i' - 'a');

    for (unsigned i = 0; i < N_EXTS; i++)
        if (!exts[i].name[1] && *ext_member((RiscvCpu *)r, (int)i))
            misa |= 1ULL << (exts[i].name[0] - 'a');
    return misa;
}

/* The table is in the canonical order of ISA strings (unpriv 36.12); S and U are not part of it. */
static bool in_isa_string(RiscvCpu *r, unsigned i)
{
    return *ext_member(r, (int)i) && strcmp(exts[i].name, "s") && strcmp(exts[i].name, "u");
}

char *riscv_cpu_isa_string(Cpu *cpu)
{
    GString *s = g_string_new("rv64i");

    for (unsigned i = 0; i < N_EXTS; i++)
        if (in_isa_string(riscv_cpu(cpu), i))
            g_string_append_printf(s, exts[i].name[1] ? "_%s" : "%s", exts[i].name);
    return g_string_free(s, FALSE);
}

GPtrArray *riscv_cpu_isa_extensions(Cpu *cpu)
{
    GPtrArray *a = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(a, g_strdup("i"));
    for (unsigned i = 0; i < N_EXTS; i++)
        if (in_isa_string(riscv_cpu(cpu), i))
            g_ptr_array_add(a, g_strdup(exts[i].name));
    return a;
}

const char *riscv_cpu_mmu_type(Cpu *cpu)
{
    switch (riscv_cpu(cpu)->max_satp_mode) {
    case SATP_SV39:
        return "riscv,sv39";
    case SATP_SV48:
        return "riscv,sv48";
    case SATP_SV57:
        return "riscv,sv57";
    default:
        return "riscv,none";
    }
}

unsigned riscv_cpu_cbom_block_size(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    return r->ext.zicbom ? r->cbom_blocksize : 0;
}

unsigned riscv_cpu_cboz_block_size(Cpu *cpu)
{
    RiscvCpu *r = riscv_cpu(cpu);
    return r->ext.zicboz ? r->cboz_blocksize : 0;
}
