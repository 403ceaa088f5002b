/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * levels.c: the start at EL3, and code that runs at any level with a translation under test. That
 * code is in one page (.stubs) that every table maps where it is: read-only, for all levels.
 */
#include "../trap_frame.inc"

    .section .text.start, "ax"
    .global _start
_start:
    ldr x0, =stack_top
    mov sp, x0
    bl use_vectors
    bl start
1:  wfi
    b 1b

/* Exceptions of the C code: an AT whose tables are not there. */
    .balign 2048
vectors:
    .rept 16
    .balign 128
    b entry
    .endr
entry:
    SAVE
    mrs x0, esr_el3
    mrs x1, far_el3
    mrs x2, elr_el3
    bl trapped
    mrs x2, elr_el3
    add x2, x2, #4
    msr elr_el3, x2
    RESTORE
    eret
use_vectors:
    ldr x9, =vectors
    msr vbar_el3, x9
    isb
    ret

/* run_stub(stub, spsr, va, out, sctlr_el3): there and back.
 * out: ESR, FAR, HPFAR, the level that it was taken to, x1 */
    .global run_stub
run_stub:
    stp x29, x30, [sp, #-112]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    str x3, [sp, #96]
    ldr x9, =stub_vectors
    msr vbar_el1, x9
    msr vbar_el2, x9
    ldr x9, =stub_vectors3
    msr vbar_el3, x9
    msr elr_el3, x0
    msr spsr_el3, x1
    mov x10, x0
    mov x11, x1
    mov x0, x2
    ldr x1, =0xd4000042d4000042
    mov x2, #0
    mov x30, xzr
    isb
    ldr x12, =enter
    br x12
back:
    mrs x0, esr_el3
    mov x4, x1
    mov x3, #3
    mrs x1, far_el3
    mov x2, xzr
    lsr x5, x0, #26
    and x6, x0, #0xffff
    cmp x5, #0x17
    b.ne 3f
    mrs x0, esr_el1
    mrs x1, far_el1
    mov x3, x6
    cmp x6, #1
    b.eq 3f
    mrs x0, esr_el2
    mrs x1, far_el2
    mrs x2, hpfar_el2
3:  ldr x5, [sp, #96]
    stp x0, x1, [x5]
    stp x2, x3, [x5, #16]
    str x4, [x5, #32]
    bl use_vectors
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp x29, x30, [sp], #112
    ret
    .ltorg

    .section .stubs, "ax"
    .balign 65536
stub_vectors: /* of EL1 and EL2: SMC says which */
    .rept 16
    .balign 128
    mrs x9, CurrentEL
    cmp x9, #8
    b.eq 1f
    smc #1
1:  smc #2
    .endr
    .balign 2048
stub_vectors3:
    .rept 16
    .balign 128
    mrs x9, sctlr_el3
    bic x9, x9, #1
    msr sctlr_el3, x9
    isb
    ldr x9, 1f
    br x9
1:  .quad back
    .endr

enter: /* x10, x11: stub and SPSR, x4: SCTLR_EL3 there */
    lsr x12, x11, #2
    and x12, x12, #3
    cmp x12, #3
    b.eq 1f
    eret
1:  msr sctlr_el3, x4
    isb
    br x10

    .global stubs
    .balign 16
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
    stp x1, x1, [x0]
    .elseif \n == 6
    br x0
    .elseif \n == 7
    ldrsw x5, [x0, #4]
    .elseif \n == 8
    at s1e3r, x0
    isb
    mrs x1, par_el1
    .elseif \n == 9
    at s1e3w, x0
    isb
    mrs x1, par_el1
    .else
    ldp q0, q1, [x0]
    .endif
    svc #3
    .endr

    .bss
    .balign 16
    .space 65536
stack_top:
