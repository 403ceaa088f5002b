/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hostile guest on RISC-V drives devices only: random code, CSRs and page tables are what
 * tests/guest/riscv/hostile.s is for.
 */
#include "hostile.h"

void target_begin(void)
{
}

void target_end(void)
{
    if (setup.finisher)
        *(volatile u32 *)setup.finisher = 0x5555;
    while (1)
        __asm__ volatile("wfi");
}

static void do_csr(void)
{
    u64 v = value();
    switch (below(4)) {
    case 0:
        __asm__ volatile("csrw 0x304, %0\n\tcsrs mstatus, %1" : : "r"(v), "r"(8) : "memory");
        break;
    case 1:
        __asm__ volatile("csrw 0x320, %0" : : "r"(v));
        break;
    case 2:
        __asm__ volatile("csrw 0x14d, %0\n\tcsrw 0x30a, %1" : : "r"(v), "r"(rnd()));
        break;
    default:
        __asm__ volatile("csrw 0x180, %0\n\tsfence.vma" : : "r"(v) : "memory");
    }
}

static void do_wait(void)
{
    CpuData *c = cpu_data();
    access(0x2004000 + c->index * 8, 0, 3);
    __asm__ volatile("csrw mie, %0\n\tcsrs mstatus, %1\n\twfi\n\tcsrc mstatus, %1" : : "r"(0x80), "r"(8)
                     : "memory");
}

Action *const target_actions[] = { do_csr, do_wait };
