/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What any target's processor lends to its calls: memory as a debugger sees it, the RAM it is in. */
#include "accel/cpu.h"
#include "softmmu/run.h"
#include "softmmu/semihosting.h"

/* Looking at memory as a debugger wants the main lock. */
bool semihosting_read(void *cpu, uint64_t va, void *buf, size_t len)
{
    main_lock();
    bool ok = cpu_debug_read(cpu, va, buf, len);
    main_unlock();
    return ok;
}

static bool guest_write(void *cpu, uint64_t va, const void *buf, size_t len)
{
    main_lock();
    bool ok = cpu_debug_write(cpu, va, buf, len);
    main_unlock();
    return ok;
}

/* The RAM that the program is in. */
static void find_ram(Cpu *cpu, uint64_t pc, SemihostGuest *g)
{
    hwaddr pa;

    main_lock();
    if (cpu_debug_translate(cpu, pc, &pa)) {
        MemorySection sec = memory_section_lookup(cpu->as, pa);
        if (sec.host) {
            g->ram_base = sec.start & ~HWADDR_SECURE;
            g->ram_size = sec.last - sec.start + 1;
        }
    }
    main_unlock();
}

uint64_t semihosting_cpu_call(Cpu *cpu, uint64_t pc, bool user, uint32_t op, uint64_t arg)
{
    enum { SYS_HEAPINFO = 0x16, SYS_EXIT = 0x18, SYS_EXIT_EXTENDED = 0x20 };
    SemihostGuest g = { .read = semihosting_read, .write = guest_write, .opaque = cpu,
                        .user = user };

    if (op == SYS_HEAPINFO)
        find_ram(cpu, pc, &g);
    uint64_t result = semihosting_call(&g, op, arg);
    if (op == SYS_EXIT || op == SYS_EXIT_EXTENDED)
        cpu_stop_current();
    return result;
}
