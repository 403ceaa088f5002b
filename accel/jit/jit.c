/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JIT as an engine (accel/translate.h). */
#include "jit.h"

#include <inttypes.h>

#include "accel/disas.h"
#include "accel/fp.h"
#include "util/error.h"
#include "util/opts.h"
#include "util/log.h"

enum { TB_SIZE_DEFAULT = 512, TB_SIZE_MIN = 32, TB_SIZE_MAX = 2047 }; /* MiB */

static bool jit_init(GHashTable *opts, GError **error)
{
    const char *text = opts ? g_hash_table_lookup(opts, "tb-size") : NULL;
    guint64 mib = TB_SIZE_DEFAULT;
    if (text && (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX, &mib, NULL))) {
        g_set_error(error, SOSIA_ERROR, 0, "tb-size=%s: not a number of MiB", text);
        return false;
    }
    if (mib == 0) {
        mib = TB_SIZE_DEFAULT;
    }
    const char *regions = opts ? g_hash_table_lookup(opts, "x-regions") : NULL;
    if (regions && !parse_bool(regions, &jit.regions)) {
        g_set_error(error, SOSIA_ERROR, 0, "x-regions=%s: must be on or off", regions);
        return false;
    }
    if (jit.regions) {
        code_pic_from = UINT64_MAX; /* regions have the addresses of their blocks */
    }
    mib = CLAMP(mib, TB_SIZE_MIN, TB_SIZE_MAX);
    return jit.rw || jit_cache_init((size_t)mib << 20, error);
}

static void log_host_code(const CodeBlock *b, const JitBlock *jb)
{
    FILE *out = log_begin(LOG_OUT_ASM);
    if (out) {
        GString *s = g_string_new(NULL);
        const uint8_t *entry = b->entry, *end = jit_rx(jb->code) + jb->size;
        size_t size = (size_t)(end - entry); /* without the words before it */
        disas_host(s, entry, size);
        fprintf(out, "OUT: [size=%zu] for 0x%016" PRIx64 "\n%s", size, b->pc, s->str);
        g_string_truncate(s, 0);
        disas_host(s, jit_rx(jb->cold), jb->cold_size);
        fprintf(out, "out of line: [size=%u]\n%s\n", jb->cold_size, s->str);
        g_string_free(s, true);
        log_end(out);
    }
}

static bool jit_compile(Cpu *cpu, CodeBlock *b, IrFunc *f)
{
    if (G_UNLIKELY(jit.target != cpu->target)) {
        jit_host_init(jit.rw, cpu->target);
        for (unsigned i = 0; i < JIT_HOT_COUNTERS; i++) {
            jit_hot_counters[i] = JIT_HOT_LOOP;
        }
        jit.target = cpu->target;
    }
    uint8_t *code, *cold;
    if (!jit_cache_reserve(jit_host_bound(f, b), &code, &cold)) {
        return false;
    }
    JitBlock *jb = jit_cache_new_block(jit_host_count_links(f, b));
    jb->b = b;
    jb->pc = b->pc;
    jb->pic = b->cflags & CF_PIC;
    jb->code = code;
    jb->cold = cold;
    b->engine_data = jb;
    jit_host_emit(cpu, b, jb, f);
    jit_cache_commit(jb);
    code_stats.host_bytes += jb->size + jb->cold_size;
    if (log_on(LOG_OUT_ASM)) {
        log_host_code(b, jb);
    }
    return true;
}

static void jit_invalidate(CodeBlock *b)
{
    JitBlock *jb = b->engine_data;
    if (jb) {
        jit_unlink_incoming(jb);
        jit_host_kill_entry(jb);
        /* Who is in a region goes round in it until there is something to do outside. */
        for (unsigned i = 0; jb->region && i < cpu_count; i++) {
            cpu_kick(cpus[i]);
        }
        jb->b = NULL;
        b->engine_data = NULL;
    }
}

static void jit_evict(Cpu *cpu)
{
    jit_cache_evict();
}

static void jit_run(Cpu *cpu, const void *entry)
{
    cpu->mxcsr |= MXCSR_MASKS; /* all exceptions masked, whatever was restored from a snapshot */
    cpu->scratch[1] = MXCSR_DEFAULT;
    jit.enter(cpu, entry);
}

static void jit_info(GString *out)
{
    size_t used = 0, cold = 0;
    unsigned blocks = 0;
    for (unsigned i = 0; i < jit.n_segments; i++) {
        used += jit_area_used(&jit.seg[i].code);
        cold += jit_area_used(&jit.seg[i].cold);
        blocks += jit.seg[i].n_blocks;
    }
    g_string_append_printf(out, "code cache        %zu / %zu KiB in %u segments, out of line %zu\n",
                           (used + cold) >> 10, jit.size >> 10, jit.n_segments, cold >> 10);
    g_string_append_printf(out, "blocks in cache   %u (compiled %" PRIu64 ", evicted %" PRIu64
                           ")\n", blocks, jit.n_compiled, jit.n_evicted);
    g_string_append_printf(out, "links made        %" PRIu64 "\n", jit.n_links);
}

const Engine engine_jit = {
    .name = "jit",
    .init = jit_init,
    .compile = jit_compile,
    .is_hot = jit_is_hot,
    .invalidate = jit_invalidate,
    .evict = jit_evict,
    .run = jit_run,
    .recover = jit_host_recover,
    .info = jit_info,
};
