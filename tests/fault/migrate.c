/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that knows when its memory is not of one moment: it counts, writes each number to the
 * next of RING pages, and finds there the number of RING rounds ago. Now and then it prints the
 * number; "B" for ever if it found another one. Built by migrate.py for both boards.
 */
#include <stdint.h>

enum { RING = 2048, EVERY = 1 << 15 };

#ifdef __riscv
#define UART 0x10000000
#define PAGES 0x80400000
__asm__(".section .text.start\n.global _start\n_start:\n"
        "csrr t0, mhartid\n1: bnez t0, 1b\nla sp, stack_end\nj count\n");
#else
#define UART 0x09000000
#define PAGES 0x40800000
__asm__(".section .text.start\n.global _start\n_start:\n"
        "ldr x0, =stack_end\nmov sp, x0\nb count\n");
#endif
uint8_t stack[4096] __attribute__((aligned(16)));
__asm__(".global stack_end\n.set stack_end, stack + 4096\n");

static void put(char c)
{
    *(volatile uint8_t *)UART = c;
}

__attribute__((used)) void count(void)
{
    for (uint64_t n = 1;; n++) {
        volatile uint64_t *at = (volatile uint64_t *)(PAGES + n % RING * 4096);
        while (n > RING && (at[0] != n - RING || at[100] != n - RING))
            put('B');
        at[0] = at[100] = n;
        if (n % EVERY)
            continue;
        for (int i = 60; i >= 0; i -= 4)
            put("0123456789abcdef"[n >> i & 15]);
        put('\n');
    }
}
