/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hostile guest on RISC-V, in machine mode: start, trap, single accesses. */
    .section .text.start, "ax"
    .global _start
_start:
    csrr a0, mhartid
    la t0, trap
    csrw mtvec, t0
    la t0, setup
    ld t0, 16(t0)
    addi t1, a0, 1
    slli t1, t1, 16
    addi t1, t1, -64
    li t2, 0x1800000
    add t0, t0, t2
    add sp, t0, t1
    call cpu_start
    j .

    .text
    .balign 4
    .global trap
/* Faults of this program go on behind the instruction; an interrupt is enough for a new start. */
trap:
    csrw mscratch, t0
    csrr t0, mcause
    bltz t0, restart
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    csrr t0, mscratch
    mret
restart:
    csrw mie, zero
    li t0, -65536
    and sp, sp, t0
    li t0, 0x10000 - 64
    add sp, sp, t0
    call main_loop

    .global barrier
barrier:
    fence
    ret

    .global read_of
read_of:
    mv a1, a0
    li a0, 0
    lwu a0, 0(a1)
    ret

    .global access
access:
    andi a2, a2, 31
    la t0, kinds
    slli a2, a2, 3
    add t0, t0, a2
    jr t0
    .macro kind word:vararg
    \word
    ret
    .endm
kinds:
    kind sb a1, 0(a0)
    kind sh a1, 0(a0)
    kind sw a1, 0(a0)
    kind sd a1, 0(a0)
    kind lb t0, 0(a0)
    kind lh t0, 0(a0)
    kind lw t0, 0(a0)
    kind ld t0, 0(a0)
    kind lwu t0, 0(a0)
    kind lr.w t0, (a0)
    kind sc.w t0, a1, (a0)
    kind lr.d t0, (a0)
    kind sc.d t0, a1, (a0)
    kind amoadd.w t0, a1, (a0)
    kind amoswap.d t0, a1, (a0)
    kind amomaxu.w t0, a1, (a0)
    kind sw a1, 1(a0)
    kind sd a1, 3(a0)
    kind lw t0, 2(a0)
    kind ld t0, 5(a0)
    .rept 3
    kind sw a1, 0(a0)
    kind sb a1, 0(a0)
    kind lw t0, 0(a0)
    kind sd a1, 0(a0)
    .endr
