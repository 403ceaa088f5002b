/* SPDX-License-Identifier: GPL-2.0-or-later */
    .section .text.start, "ax"
    .global _start
_start:
    ldr x0, =stack_top
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el2, x0
    /* PAN, where there is one, for AT S1E1RP: MSR PAN, #1 */
    mrs x0, id_aa64mmfr1_el1
    ubfx x0, x0, #20, #4
    cbz x0, 1f
    .inst 0xd500419f
1:  bl start
2:  wfi
    b 2b

    .balign 2048
vectors:
    .rept 16
    .balign 128
    b entry
    .endr
entry:
    sub sp, sp, #192
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x0, esr_el2
    mrs x1, far_el2
    mrs x2, elr_el2
    bl trapped
    mrs x2, elr_el2
    add x2, x2, #4
    msr elr_el2, x2
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x30, [sp, #144]
    add sp, sp, #192
    eret

    .bss
    .balign 16
    .space 65536
stack_top:
