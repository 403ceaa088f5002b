/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semihosting ("RISC-V Semihosting" 1.0): an EBREAK between two shifts of x0 that do nothing, with
 * the operation in a0 and its argument in a1.
 */
#include "softmmu/semihosting.h"

#include "target/riscv/cpu.h"
#include "util/bits.h"

/* Chapter 2: the three are of 32 bits each, and in one page. */
static bool is_call(RiscvCpu *r)
{
    enum { ENTRY = 0x01f01013, EBREAK = 0x00100073, EXIT = 0x40705013 };
    uint64_t from = r->pc - 4;
    uint8_t code[12];

    return from >> RAM_PAGE_BITS == (r->pc + 4) >> RAM_PAGE_BITS &&
           semihosting_read(&r->cpu, from, code, sizeof code) && load_le32(code) == ENTRY &&
           load_le32(code + 4) == EBREAK && load_le32(code + 8) == EXIT;
}

bool riscv_semihosting_call(RiscvCpu *r)
{
    bool user = r->priv == PRV_U;

    if (!semihosting_enabled(user) || !is_call(r))
        return false;
    r->x[10] = semihosting_cpu_call(&r->cpu, r->pc, user, (uint32_t)r->x[10], r->x[11]);
    r->pc += 4;
    return true;
}
