# SPDX-License-Identifier: GPL-2.0-or-later
# A hart that polls by wfi with an interrupt pending that it can't take (as OpenSBI does until the
# hart is started) must not keep a host CPU busy, and must see the next message.
# args: -smp 2
# reference: BAD wfi that ended at once
    .equ SMP, 1
    .equ CLINT, 0x02000000
    .equ TICKS, 3000000     # 0.3 s
    .include "guest.inc"
test:
    la s0, flag
    li s3, 2                # two rounds: the second finds the hart waiting
    li s4, 0
next:
    li t0, CLINT + 4        # msip of hart 1; set already in the second round
    li t1, 1
    sw t1, 0(t0)
    rdtime s1
    li t0, TICKS
    add s1, s1, t0
1:  rdtime t0
    bltu t0, s1, 1b
    addi s4, s4, 1
    sw s4, 0(s0)
    fence rw, rw
    li t0, CLINT + 4
    li t1, 1
    sw t1, 0(t0)
2:  lw t1, 64(s0)           # its answer
    bne t1, s4, 2b
    addi s3, s3, -1
    bnez s3, next
    fence r, r
    lw s2, 128(s0)
    sltiu s2, s2, 1000
    CHECK "wfi that ended at once", s2, 1
    FINISH

secondary:
    la s0, flag
    li t0, 8
    csrs mie, t0
    li s1, 0
1:  wfi
    addi s1, s1, 1
    sw s1, 128(s0)
    fence rw, rw
    lw t0, 0(s0)
    sw t0, 64(s0)
    j 1b
    .data
    .align 6
flag: .zero 192
