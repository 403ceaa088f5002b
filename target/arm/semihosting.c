/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Semihosting for A64: HLT 0xf000 with the operation in W0 and its argument in X1. */
#include "softmmu/semihosting.h"

#include "target/arm/cpu.h"

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

/* The RAM that the program is in. */
static void find_ram(ArmCpu *a, SemihostGuest *g)
{
    hwaddr pa;
    MemorySection sec;

    main_lock();
    if (cpu_debug_translate(&a->cpu, a->pc, &pa)) {
        sec = memory_section_lookup(a->cpu.as, pa);
        if (sec.host) {
            g->ram_base = sec.start & ~HWADDR_SECURE;
            g->ram_size = sec.last - sec.start + 1;
        }
    }
    main_unlock();
}

bool arm_semihosting_call(ArmCpu *a)
{
    enum { SYS_HEAPINFO = 0x16, SYS_EXIT = 0x18, SYS_EXIT_EXTENDED = 0x20 };
    SemihostGuest g = { .read = guest_read, .write = guest_write, .opaque = &a->cpu,
                        .user = arm_el(a) == 0 };
    uint32_t op = (uint32_t)a->x[0];

    if (!semihosting_enabled(g.user))
        return false;
    if (op == SYS_HEAPINFO)
        find_ram(a, &g);
    a->x[0] = semihosting_call(&g, op, a->x[1]);
    if (op == SYS_EXIT || op == SYS_EXIT_EXTENDED)
        cpu_stop_current();
    return true;
}
