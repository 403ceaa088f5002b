# SPDX-License-Identifier: GPL-2.0-or-later
# Four harts at once: atomic counters, a lock, message passing, store buffering with a fence.
# args: -smp 4
    .equ SMP, 1
    .equ HARTS, 4
    .equ ROUNDS, 20000
    .include "guest.inc"
test:
    li s0, 0
    la t0, go
    li t1, 1
    fence rw, w
    sw t1, 0(t0)
    call work
    la s1, finished
1:  lw t0, 0(s1)
    li t1, HARTS
    bne t0, t1, 1b
    fence r, rw
    la t0, counters
    lw s2, 0(t0)
    CHECK "amoadd.w", s2, HARTS*ROUNDS
    la t0, counters
    ld s2, 64(t0)
    CHECK "lr.d and sc.d", s2, HARTS*ROUNDS
    la t0, counters
    ld s2, 128(t0)
    CHECK "under a lock", s2, HARTS*ROUNDS
    la t0, counters
    lw s2, 192(t0)
    CHECK "amomaxu.w", s2, HARTS*ROUNDS
    la t0, counters
    lw s2, 256(t0)
    CHECK "amoxor.w an even number of times", s2, 0
    la t0, stale
    lw s2, 0(t0)
    CHECK "messages without their data", s2, 0
    la t0, both_zero
    lw s2, 0(t0)
    CHECK "store buffering in spite of fences", s2, 0
    FINISH

secondary:
    la t0, go
1:  lw t1, 0(t0)
    beqz t1, 1b
    fence r, rw
    csrr s0, mhartid
    call work
1:  wfi
    j 1b

# s0: hart
work:
    la s2, counters
    addi s3, s2, 64
    addi s4, s2, 128
    la s5, lock
    li s6, ROUNDS
    li t6, 1
1:  amoadd.w zero, t6, (s2)
2:  lr.d t0, (s3)
    addi t0, t0, 1
    sc.d t1, t0, (s3)
    bnez t1, 2b
3:  amoswap.w.aq t0, t6, (s5)
    bnez t0, 3b
    ld t0, 0(s4)
    addi t0, t0, 1
    sd t0, 0(s4)
    amoswap.w.rl zero, zero, (s5)
    li t0, ROUNDS + 1
    sub t0, t0, s6
    slli t0, t0, 2
    addi t1, s2, 192
    amomaxu.w zero, t0, (t1)
    addi t1, s2, 256
    amoxor.w zero, s6, (t1)
    amoxor.w zero, s6, (t1)
    addi s6, s6, -1
    bnez s6, 1b

    # Harts 0 and 1: x = 1; fence; r = y against y = 1; fence; r = x. Harts 2 and 3: messages.
    li s6, 0
    li s7, 2000
    la s8, boxes
    li t0, 2
    bge s0, t0, messages
    slli s9, s0, 6
    add s9, s9, s8          # own
    xori s10, s0, 1
    slli s10, s10, 6
    add s10, s10, s8        # the other's
    la s11, barrier
1:  addi s6, s6, 1
    sw s6, 0(s9)
    fence rw, rw
    lw t1, 0(s10)
    # 0 if the other's store of this round wasn't seen
    slt t2, t1, s6
    sw t2, 8(s9)
    # meet
    amoadd.w zero, t6, (s11)
    slli t3, s6, 2
2:  lw t4, 0(s11)
    slli t5, s6, 2
    addi t5, t5, -2
    blt t4, t5, 2b
    fence rw, rw
    lw t4, 8(s10)
    and t4, t4, t2
    la t5, both_zero
    amoadd.w zero, t4, (t5)
    amoadd.w zero, t6, (s11)
3:  lw t4, 0(s11)
    blt t4, t3, 3b
    bne s6, s7, 1b
    j finished_work

messages:
    bne s0, t0, reader
1:  addi s6, s6, 1
    sw s6, 128(s8)
    fence w, w
    sw s6, 192(s8)
    bne s6, s7, 1b
    j finished_work
reader:
    lw t1, 192(s8)
    fence r, r
    lw t2, 128(s8)
    bge t2, t1, 2f
    la t3, stale
    amoadd.w zero, t6, (t3)
2:  bne t1, s7, reader

finished_work:
    fence rw, w
    la t0, finished
    amoadd.w zero, t6, (t0)
    ret
    .data
    .align 6
go: .word 0
    .align 6
lock: .word 0
    .align 6
finished: .word 0
stale: .word 0
both_zero: .word 0
    .align 6
barrier: .word 0
    .align 6
counters: .skip 320
boxes: .skip 320
