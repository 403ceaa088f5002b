/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semihosting ("RISC-V Semihosting" 1.0): an EBREAK between two shifts of x0 that do nothing, with
 * the operation in a0 and its argument in a1.
 */
#include "softmmu/semihosting.h"

#include "target/riscv/cpu.h"
#include "util/bits.h"

/* As a debugger sees memory; that wants the main lock. */
static bool guest_read(void *opaque, uint64_t va, void *buf, size_t len)
{
    bool ok;

    main_lock();
    ok = cpu_debug_read(opaque, va, buf, len);
    main_unlock();
    return ok;
}

static bool guest_write(void *opaque, uint64_t va, const void *buf, size_t len)
{
    bool ok;

    main_lock();
    ok = cpu_debug_write(opaque, va, buf, len);
    main_unlock();
    return ok;
}

/* Chapter 2: the three are of 32 bits each, and in one page. */
static bool is_call(RiscvCpu *r)
{
    enum { ENTRY = 0x01f01013, EBREAK = 0x00100073, EXIT = 0x40705013 };
    uint64_t from = r->pc - 4;
    uint8_t code[12];

    return from >> RAM_PAGE_BITS == (r->pc + 4) >> RAM_PAGE_BITS &&
           guest_read(&r->cpu, from, code, sizeof code) && load_le32(code) == ENTRY &&
           load_le32(code + 4) == EBREAK && load_le32(code + 8) == EXIT;
}

/* The RAM that the program is in. */
static void find_ram(RiscvCpu *r, SemihostGuest *g)
{
    hwaddr pa;
    MemorySection sec;

    main_lock();
    if (cpu_debug_translate(&r->cpu, r->pc, &pa)) {
        sec = memory_section_lookup(r->cpu.as, pa);
        if (sec.host) {
            g->ram_base = sec.start;
            g->ram_size = sec.last - sec.start + 1;
        }
    }
    main_unlock();
}

bool riscv_semihosting_call(RiscvCpu *r)
{
    enum { SYS_HEAPINFO = 0x16, SYS_EXIT = 0x18, SYS_EXIT_EXTENDED = 0x20 };
    SemihostGuest g = { .read = guest_read, .write = guest_write, .opaque = &r->cpu,
                        .user = r->priv == PRV_U };
    uint32_t op = (uint32_t)r->x[10];

    if (!semihosting_enabled(g.user) || !is_call(r))
        return false;
    if (op == SYS_HEAPINFO)
        find_ram(r, &g);
    r->x[10] = semihosting_call(&g, op, r->x[11]);
    r->pc += 4;
    if (op == SYS_EXIT || op == SYS_EXIT_EXTENDED)
        cpu_stop_current();
    return true;
}
