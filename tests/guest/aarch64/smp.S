// SPDX-License-Identifier: GPL-2.0-or-later
// Four processors at once: exclusives, LSE, a lock, message passing, store buffering.
// cpu: max
// args: -smp 4
// reference: BAD stlr and ldar
    .arch armv8.5-a
    .equ SMP, 4
    .equ ROUNDS, 20000
    .include "guest.inc"
test:
    ADDR x0, go
    mov w1, #1
    stlr w1, [x0]
    mov x19, #0
    bl work
    ADDR x20, finished
1:  ldar w0, [x20]
    cmp w0, #SMP
    b.ne 1b
    ADDR x20, counters
    ldr x21, [x20]
    CHECK "ldadd", x21, SMP*ROUNDS
    ldr x21, [x20, #64]
    CHECK "ldxr and stxr", x21, SMP*ROUNDS
    ldr x21, [x20, #128]
    CHECK "under a lock", x21, SMP*ROUNDS
    ldp x21, x22, [x20, #192]
    CHECK "ldxp and stxp, first", x21, SMP*ROUNDS
    CHECK "ldxp and stxp, second", x22, -SMP*ROUNDS
    ldr x21, [x20, #256]
    CHECK "cas", x21, SMP*ROUNDS
    ADDR x20, both_zero
    ldr x21, [x20]
    CHECK "stlr and ldar are passed", x21, 0
    FINISH

secondary:
    ADDR x0, go
1:  ldar w1, [x0]
    cbz w1, 1b
    mrs x19, mpidr_el1
    and x19, x19, #0xff
    adr x30, 2f
    b work
2:  wfi
    b 2b

// x19: number
work:
    LI x8, ROUNDS
    ADDR x1, counters
    add x2, x1, #64
    add x3, x1, #128
    add x4, x1, #192
    add x5, x1, #256
    ADDR x6, lock
    mov x7, #1
1:  ldadd x7, x9, [x1]
2:  ldxr x9, [x2]
    add x9, x9, #1
    stxr w10, x9, [x2]
    cbnz w10, 2b
3:  ldaxr w9, [x6]
    cbnz w9, 3b
    stxr w10, w7, [x6]
    cbnz w10, 3b
    ldr x9, [x3]
    add x9, x9, #1
    str x9, [x3]
    stlr wzr, [x6]
4:  ldxp x9, x10, [x4]
    add x9, x9, #1
    sub x10, x10, #1
    stxp w11, x9, x10, [x4]
    cbnz w11, 4b
5:  ldr x9, [x5]
    mov x10, x9
    add x11, x9, #1
    casal x10, x11, [x5]
    cmp x10, x9
    b.ne 5b
    subs x8, x8, #1
    b.ne 1b
    // Store buffering: 0 and 1 write their own flag, then read the other's
    cmp x19, #1
    b.hi 9f
    // Fewer rounds: where the host does not run both at once, each takes a time slice or two.
    LI x8, ROUNDS / 20
    ADDR x1, flags
    add x1, x1, x19, lsl #7
    eor x2, x19, #1
    ADDR x3, flags
    add x3, x3, x2, lsl #7
    ADDR x4, seen
    add x4, x4, x19, lsl #7
    ADDR x5, seen
    add x5, x5, x2, lsl #7
6:  stlr x8, [x1]
    ldar x9, [x3]
    stlr x9, [x4]
    add x10, x4, #8
    stlr x8, [x10]
    // Both are through this round
    add x10, x5, #8
7:  ldar x11, [x10]
    cmp x11, x8
    b.hi 7b
    ldar x11, [x5]
    cmp x9, x8
    b.ls 8f             // the other's store of this round (or a later one) was seen
    cmp x11, x8
    b.ls 8f
    ADDR x12, both_zero
    mov x13, #1
    ldadd x13, x13, [x12]
8:  // and know it
    add x12, x4, #16
    stlr x8, [x12]
    add x12, x5, #16
0:  ldar x13, [x12]
    cmp x13, x8
    b.hi 0b
    subs x8, x8, #1
    b.ne 6b
9:  ADDR x1, finished
    mov w2, #1
    ldaddal w2, w3, [x1]
    ret
    .data
    .align 7
counters: .skip 512
lock: .quad 0
    .align 7
flags: .fill 32, 8, -1
seen: .fill 32, 8, -1
    .align 7
both_zero: .quad 0
finished: .word 0
go: .word 0
