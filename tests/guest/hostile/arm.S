/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hostile guest on AArch64: start, vectors, single accesses, the way to lower ELs. */

/* Runs \name_el3, _el2 or _el1 by the current EL; changes \t. */
    .macro by_el t, three, two, one
    mrs \t, currentel
    tbz \t, #3, 1f
    tbz \t, #2, 2f
    \three
    b 9f
2:  \two
    b 9f
1:  \one
9:
    .endm

    .section .text.start, "ax"
    .global _start, secondary
_start:
    mov x0, #0
secondary:
    msr daifset, #15
    msr spsel, #1
    adr x1, setup_ram
    ldr x1, [x1]
    ldr x1, [x1]
    add x2, x0, #1
    lsl x2, x2, #16
    sub x2, x2, #64
    mov x3, #0x1800000
    add x1, x1, x3
    add x1, x1, x2
    mov sp, x1
    bl cpu_start
    b .
    .balign 8
setup_ram:
    .quad setup + 16

    .text
    .global vectors, restart
    .balign 2048
vectors:
    .rept 4
    b current_sync
    .balign 128
    b restart
    .balign 128
    b restart
    .balign 128
    b restart
    .balign 128
    .endr

/* Within this program: go on behind the instruction. */
current_sync:
    msr spsel, #1
    stp x0, x1, [sp, #-32]!
    str x2, [sp, #16]
    by_el x0, "mrs x0, spsr_el3", "mrs x0, spsr_el2", "mrs x0, spsr_el1"
    mrs x1, currentel
    and x0, x0, #0xc
    cmp x0, x1
    b.ne restart
    by_el x0, "mrs x0, elr_el3", "mrs x0, elr_el2", "mrs x0, elr_el1"
    adrp x1, _start
    cmp x0, x1
    b.lo restart
    ldr x2, =program_end
    cmp x0, x2
    b.lo skip
    and x1, x1, #0xffffffffc0000000
    sub x0, x0, x1
    lsr x0, x0, #19
    cmp x0, #(0x1800000 >> 19)
    b.eq in_stack
    cmp x0, #(0x3800000 >> 19)
    b.ne restart
in_stack:
    by_el x0, "mrs x0, elr_el3", "mrs x0, elr_el2", "mrs x0, elr_el1"
skip:
    add x0, x0, #4
    by_el x1, "msr elr_el3, x0", "msr elr_el2, x0", "msr elr_el1, x0"
    ldr x2, [sp, #16]
    ldp x0, x1, [sp], #32
    eret

restart:
    msr spsel, #1
    msr daifset, #15
    mov x0, sp
    and x0, x0, #~0xffff
    mov x1, #(0x10000 - 64)
    add x0, x0, x1
    mov sp, x0
    bl main_loop
    b .
    .ltorg

/* enter(registers, elr, spsr): to a lower EL. */
    .global enter
enter:
    by_el x3, "msr elr_el3, x1", "msr elr_el2, x1", "msr elr_el1, x1"
    by_el x3, "msr spsr_el3, x2", "msr spsr_el2, x2", "msr spsr_el1, x2"
    mov x30, x0
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25
    ldr x\n, [x30, #8 * \n]
    .endr
    ldp x26, x27, [x30, #208]
    ldp x28, x29, [x30, #224]
    ldr x30, [x30, #240]
    eret

    .global by_el_begin
/* by_el_begin(sctlr): this EL's vectors, and no translation. */
by_el_begin:
    adr x1, vectors
    by_el x2, "msr vbar_el3, x1", "msr vbar_el2, x1", "msr vbar_el1, x1"
    by_el x2, "msr sctlr_el3, x0", "msr sctlr_el2, x0", "msr sctlr_el1, x0"
    mov x1, #(3 << 20)
    by_el x2, "msr cptr_el3, xzr", "msr cptr_el2, xzr", "msr cpacr_el1, x1"
    isb
    ret

    .global barrier
barrier:
    dsb sy
    ret

    .global read_of
read_of:
    mov x2, x0
    mov x0, #0
    ldr w0, [x2]
    ret

/* hvc or smc with x0 to x3; semihosting with x0 and x1 */
    .global call_hvc, call_smc, call_host
call_hvc:
    hvc #0
    ret
call_smc:
    smc #0
    ret
call_host:
    hlt #0xf000
    ret

/* access(addr, value, kind) */
    .global access
access:
    and x2, x2, #31
    adr x3, kinds
    add x3, x3, x2, lsl #3
    br x3
    .macro kind word:vararg
    \word
    ret
    .endm
    .arch armv8.2-a+lse+fp16
kinds:
    kind strb w1, [x0]
    kind strh w1, [x0]
    kind str w1, [x0]
    kind str x1, [x0]
    kind ldrb w4, [x0]
    kind ldrh w4, [x0]
    kind ldr w4, [x0]
    kind ldr x4, [x0]
    kind ldrsw x4, [x0]
    kind stp w1, w0, [x0]
    kind stp x1, x0, [x0]
    kind ldp x4, x5, [x0]
    kind ldxr x4, [x0]
    kind stxr w4, w1, [x0]
    kind ldaxp x4, x5, [x0]
    kind stlxp w4, x1, x2, [x0]
    kind ldadd w1, w4, [x0]
    kind swpal x1, x4, [x0]
    kind casb w1, w2, [x0]
    kind caspal x4, x5, x0, x1, [x0]
    kind ldr q0, [x0]
    kind str q0, [x0]
    kind st1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x0]
    kind ld4 {v0.4s, v1.4s, v2.4s, v3.4s}, [x0]
    kind st2 {v0.b, v1.b}[3], [x0]
    kind dc zva, x0
    kind dc cvac, x0
    kind stur x1, [x0, #3]
    kind ldur x4, [x0, #5]
    kind prfm pldl1keep, [x0]
    kind stlr w1, [x0]
    kind ldar x4, [x0]
