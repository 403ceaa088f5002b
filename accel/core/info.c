/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info jit`: counters of translation and of the software TLB. */
#include "accel/core/tcg.h"

#include <inttypes.h>

static void line(GString *out, const char *what, uint64_t n)
{
    g_string_append_printf(out, "%-22s%" PRIu64 "\n", what, n);
}

void tcg_info(GString *out)
{
    TlbStats t;
    uint64_t lookups = 0, hits = 0;
    tlb_stats_get(&t);
    for (unsigned i = 0; i < cpu_count; i++) {
        const TlbState *s = cpus[i]->tlb_state;
        lookups += s ? s->lookups : 0;
        hits += s ? s->lookup_hits : 0;
    }
    code_lock();
    CodeStats c = code_stats;
    code_unlock();
    g_string_append_printf(out, "Translation (%s)\n", engine->name);
    line(out, "blocks", c.blocks);
    line(out, "guest instructions", c.guest_insns);
    line(out, "guest bytes", c.guest_bytes);
    line(out, "host bytes", c.host_bytes);
    line(out, "blocks invalidated", c.invalidated);
    line(out, "stores that hit code", c.smc_stores);
    line(out, "flushes of all code", c.flushes);
    line(out, "table lookups", lookups);
    line(out, "  found", hits);
    line(out, "translation time (us)", c.translate_ns / 1000);
    g_string_append(out, "Software TLB\n");
    line(out, "page walks", t.walks);
    line(out, "entries filled", t.fills);
    line(out, "full flushes", t.flushes);
    line(out, "page flushes", t.page_flushes);
    line(out, "context switches", t.switches);
    line(out, "contexts reused", t.contexts_reused);
    if (engine->info)
        engine->info(out);
}
