/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../trap_frame.inc"

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
    .rept 8
    .balign 128
    b entry
    .endr
    .rept 8
    .balign 128
    b lower
    .endr
entry:
    SAVE
    mrs x0, esr_el2
    mrs x1, far_el2
    mrs x2, elr_el2
    bl trapped
    mrs x2, elr_el2
    add x2, x2, #4
    msr elr_el2, x2
    RESTORE
    eret


/* run_el1(elr, spsr, va, out): there and back; out: ESR, FAR, HPFAR, code of the HVC. */
    .global run_el1
run_el1:
    stp x29, x30, [sp, #-112]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    str x3, [sp, #96]
    msr elr_el2, x0
    msr spsr_el2, x1
    mov x0, x2
    ldr x1, =0xd4000042d4000042
    mov x2, #0
    mov x30, xzr
    isb
    eret
lower:
    mrs x0, esr_el2
    lsr x1, x0, #26
    mov x4, #0xff
    mrs x2, hpfar_el2
    cmp x1, #0x16
    b.ne 1f
    and x4, x0, #0xffff
    mov x2, xzr
    cmp x4, #1
    b.ne 1f
    mrs x0, esr_el1
    mrs x1, far_el1
    b 2f
1:  mrs x1, far_el2
    cmp x4, #0xff
    csel x1, x1, xzr, eq
2:  ldr x3, [sp, #96]
    stp x0, x1, [x3]
    stp x2, x4, [x3, #16]
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp x29, x30, [sp], #112
    ret

    .balign 2048
    .global el1_vectors
el1_vectors:
    .rept 16
    .balign 128
    hvc #1
    .endr

    .balign 16
    .global stubs
stubs:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    .balign 16
    .if \n == 0
    ldr x1, [x0]
    .elseif \n == 1
    str x1, [x0]
    .elseif \n == 2
    ldrb w1, [x0, #3]
    .elseif \n == 3
    ldtr x1, [x0]
    .elseif \n == 4
    sttr x1, [x0, #8]
    .elseif \n == 5
    .inst 0xf8220001 /* ldadd x2, x1, [x0] */
    .elseif \n == 6
    br x0
    .elseif \n == 7
    dc civac, x0
    .elseif \n == 8
    dc zva, x0
    .elseif \n == 9
    stp x1, x1, [x0]
    .else
    ldrsw x5, [x0, #4]
    .endif
    svc #3
    .endr

    .bss
    .balign 16
    .space 65536
stack_top:
