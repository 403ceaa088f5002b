/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -singlestep, one-insn-per-tb: every block is one instruction, so that logs show each. */
#include "accel/core/tcg.h"

void cpus_set_one_insn(bool on)
{
    cpus_pause_all();
    chaos.one_insn = on; /* what tcg_exec goes by from now on */
    for (unsigned i = 0; i < cpu_count; i++) {
        Cpu *cpu = cpus[i];
        cpu->cflags = on ? cpu->cflags | CF_ONE_INSN : cpu->cflags & ~(uint32_t)CF_ONE_INSN;
        if (cpu->tlb_fetch_ctx)
            code_context_select(cpu); /* blocks are found by cflags too */
    }
    cpus_resume_all();
}

bool cpus_one_insn(void)
{
    return cpu_count && chaos.one_insn;
}
