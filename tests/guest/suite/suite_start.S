/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entered at EL1 with the MMU off. Interrupts are noted by on_irq, other exceptions by on_trap. */
#include "../trap_frame.inc"

    .section .text.start, "ax"
    .global _start
_start:
    ldr x0, =stack_top
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    mov x0, #3 << 20
    msr cpacr_el1, x0
    isb
    bl start
1:  wfi
    b 1b

    .balign 2048
vectors:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .balign 128
    SAVE
    .if \n == 5 || \n == 6
    bl on_irq
    .else
    mrs x0, esr_el1
    bl on_trap
    mrs x0, elr_el1
    add x0, x0, #4
    msr elr_el1, x0
    .endif
    b leave
    .endr
leave:
    RESTORE
    eret

/* Of other processors: PSCI gives x0. */
    .global secondary
secondary:
    mov x19, x0
    mrs x1, mpidr_el1
    str x1, [x0, #8]
    mov x1, #1
    str x1, [x0]
    dsb sy
    sev
    ldr x0, =0x84000002 /* CPU_OFF */
    hvc #0
    b .

    .bss
    .balign 16
    .space 65536
stack_top:
