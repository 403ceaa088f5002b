/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerators that translate: "tcg" with the JIT, "interp" with the IR interpreter. */
#include "accel/accel.h"
#include "accel/core/tcg.h"
#include "util/error.h"

#include <string.h>

static bool opt_bool(GHashTable *opts, const char *name, bool *value, GError **error)
{
    const char *text = opts ? g_hash_table_lookup(opts, name) : NULL;
    if (!text)
        return true;
    *value = !strcmp(text, "on") || !strcmp(text, "yes") || !strcmp(text, "true");
    if (*value || !strcmp(text, "off") || !strcmp(text, "no") || !strcmp(text, "false"))
        return true;
    return error_set(error, "%s=%s: use on or off", name, text);
}

static bool opt_number(GHashTable *opts, const char *name, unsigned *value, GError **error)
{
    const char *text = opts ? g_hash_table_lookup(opts, name) : NULL;
    guint64 n;
    if (!text)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX, &n, NULL))
        return error_set(error, "%s=%s: not a number", name, text);
    *value = (unsigned)n;
    return true;
}

static bool parse_pic(GHashTable *opts, GError **error)
{
    const char *text = opts ? g_hash_table_lookup(opts, "x-pic") : NULL;
    if (!text || !strcmp(text, "on"))
        return true;
    code_pic_from = !strcmp(text, "all") ? 0 : UINT64_MAX;
    if (!strcmp(text, "all") || !strcmp(text, "off"))
        return true;
    return error_set(error, "x-pic=%s: use on, off or all", text);
}

static bool parse_options(GHashTable *opts, GError **error)
{
    const char *thread = opts ? g_hash_table_lookup(opts, "thread") : NULL;
    if (thread && strcmp(thread, "single") && strcmp(thread, "multi"))
        return error_set(error, "thread=%s: use single or multi", thread);
    return opt_bool(opts, "one-insn-per-tb", &chaos.one_insn, error) &&
           parse_pic(opts, error) &&
           opt_bool(opts, "x-tiny-tlb", &chaos.tiny_tlb, error) &&
           opt_bool(opts, "x-verify-ir", &chaos.verify_ir, error) &&
           opt_bool(opts, "x-no-optimize", &chaos.no_optimize, error) &&
           opt_number(opts, "x-random-flush", &chaos.random_flush, error) &&
           opt_number(opts, "x-random-evict", &chaos.random_evict, error);
}

static bool init_with(const Engine *e, GHashTable *opts, GError **error)
{
    static const MemoryHooks hooks = {
        .code_written = code_table_written,
        .table_written = tlb_table_written,
        .map_changed = tlb_map_changed,
        .pages_made_clean = tlb_pages_made_clean,
    };
    if (!parse_options(opts, error) || !e->init(opts, error))
        return false;
    engine = e;
    memory_set_hooks(&hooks);
    return true;
}

static bool cpu_init(Cpu *cpu, GError **error)
{
    if (cpu->target->n_mmu_idx > TLB_MAX_MMU_IDX)
        return error_set(error, "%s has more access modes than the TLB", cpu->target->name);
    tlb_state_new(cpu);
    jump_shift = cpu->target->disas_unit >= 4 ? 2 : 1;
    return true;
}

static bool interp_init(const TargetOps *target, GHashTable *opts, GError **error)
{
    return init_with(&engine_interp, opts, error);
}

#define COMMON_OPTIONS                                                                         \
    "thread=single or multi (vCPUs have threads of their own, except under -icount)",          \
    "one-insn-per-tb=translate one guest instruction at a time (for debugging)",               \
    "x-pic=position-independent code: on (user code above 4 GiB), all (user code), off",           \
    "x-tiny-tlb=keep only a few TLB entries (test)",                                           \
    "x-random-flush=flush the TLB at every n-th chance on average (test)",                     \
    "x-random-evict=drop all code at every n-th lookup on average (test)",                     \
    "x-verify-ir=check intermediate code (test)",                                              \
    "x-no-optimize=do not optimise intermediate code (test)"

static const char *const interp_options[] = { COMMON_OPTIONS, NULL };

static const Accel accel_interp = {
    .name = "interp",
    .doc = "interpret intermediate code: slow, works on every host",
    .options = interp_options,
    .init = interp_init,
    .cpu_init = cpu_init,
    .exec = tcg_exec,
    .info = tcg_info,
    .threads = true,
};
ACCEL_REGISTER(accel_interp)

#if defined(__x86_64__)
static bool tcg_init(const TargetOps *target, GHashTable *opts, GError **error)
{
    return init_with(&engine_jit, opts, error);
}

static const char *const tcg_options[] = {
    "tb-size=size of the code cache in MiB (512)",
    "x-regions=on: loops that run often are made again as one region of several blocks",
    COMMON_OPTIONS,
    NULL,
};

static const Accel accel_tcg = {
    .name = "tcg",
    .doc = "translate guest code to host code",
    .options = tcg_options,
    .init = tcg_init,
    .cpu_init = cpu_init,
    .exec = tcg_exec,
    .info = tcg_info,
    .threads = true,
};
ACCEL_REGISTER(accel_tcg)
#endif
