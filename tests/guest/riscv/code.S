# SPDX-License-Identifier: GPL-2.0-or-later
# Code that changes, crosses pages, calls and loops.
    .include "guest.inc"
test:
    # Patched code, in the page that runs and in another one
    la s0, patch
    jal patch
    CHECK "before the patch", s1, 1
    li s2, 0x00200493           # li s1, 2
    sw s2, 0(s0)
    fence.i
    jal patch
    CHECK "after the patch", s1, 2
    li s3, 100
1:  slli s4, s3, 20
    ori s4, s4, 0x493
    sw s4, 0(s0)
    fence.i
    jal patch
    bne s1, s3, 2f
    addi s3, s3, -1
    bnez s3, 1b
2:  CHECK "patched a hundred times", s3, 0
    la s0, far
    li s3, 100
1:  slli s4, s3, 20
    ori s4, s4, 0x493
    sw s4, 0(s0)
    fence.i
    jalr s0
    bne s1, s3, 2f
    addi s3, s3, -1
    bnez s3, 1b
2:  CHECK "patched far away", s3, 0

    # An instruction in two pages
    li s3, 1000
    li s1, 0
1:  jal straddle
    addi s3, s3, -1
    bnez s3, 1b
    CHECK "instruction in two pages", s1, 1000

    # A loop over a page border, whose second page is mapped anew: a jump to the instruction there
    # lies in a page that stays. (In S mode, at 4 GiB; the program itself is where it was.)
    la s4, root
    li t0, 0x80000000 >> 2 | 0xcf
    sd t0, 16(s4)
    la s5, middle
    srli t0, s5, 2
    ori t0, t0, 1
    sd t0, 32(s4)
    la s6, leaf
    srli t0, s6, 2
    ori t0, t0, 1
    sd t0, 0(s5)
    la t0, loop_first
    srli t0, t0, 2
    ori t0, t0, 0xcf
    sd t0, 0(s6)
    srli t0, s4, 12
    li t1, 8 << 60
    or t0, t0, t1
    csrw satp, t0
    la t0, loop_ones
    call run_loop
    CHECK "loop over two pages", s1, 1000 * 1
    la t0, loop_hundreds
    call run_loop
    CHECK "loop whose second page is another one", s1, 1000 * 100
    la t0, loop_ones
    call run_loop
    CHECK "loop whose second page is the first one again", s1, 1000 * 1
    csrw satp, zero

    # Calls: recursion, and through a table
    li a0, 20
    jal fib
    CHECK "recursion", a0, 6765
    li s3, 3000
    li s1, 0
    la s2, table
1:  andi s4, s3, 3
    slli s4, s4, 3
    add s4, s4, s2
    ld s4, 0(s4)
    jalr s4
    addi s3, s3, -1
    bnez s3, 1b
    CHECK "calls through a table", s1, 750 * 1111

    # ra as source and target of one jump, and other link registers
    la ra, 1f
    jalr ra, (ra)
1:  la s4, 1b
    sub s4, ra, s4
    CHECK "jalr ra, (ra)", s4, 0
    la t0, 1f
    jalr ra, (t0)
1:  jalr t0, 8(ra)
    nop
    CHECK "t0 and ra", zero, 0

    # Forward jumps in a straight line
    li s1, 0
    j 1f
    addi s1, s1, 1
1:  addi s1, s1, 2
    j 2f
    addi s1, s1, 4
3:  addi s1, s1, 8
    j 4f
2:  addi s1, s1, 16
    j 3b
4:  CHECK "jumps", s1, 26

    # A long loop with a hint, fences and a pause
    li s3, 100000
    li s1, 0
1:  add s1, s1, s3
    slti zero, s1, 4
    c.addi s2, 0
    lui zero, 5
    fence
    fence.tso
    pause
    addi s3, s3, -1
    bnez s3, 1b
    CHECK "a sum", s1, 5000050000
    FINISH

fib:
    li t0, 2
    blt a0, t0, 1f
    addi sp, sp, -32
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    mv s0, a0
    addi a0, a0, -1
    jal fib
    mv s1, a0
    addi a0, s0, -2
    jal fib
    add a0, a0, s1
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    addi sp, sp, 32
1:  ret

# t0: the page behind loop_first
run_loop:
    srli t0, t0, 2
    ori t0, t0, 0xcf
    sd t0, 8(s6)
    sfence.vma
    li t0, 3 << 11
    csrc mstatus, t0
    li t0, 1 << 11
    csrs mstatus, t0
    la t0, 1f
    csrw mepc, t0
    li s3, 1000
    li s1, 0
    mv s7, ra
    mret
1:  li t0, 0x100000000 + 4080
    jalr t0
    ecall
    jr s7

f0: addi s1, s1, 1
    ret
f1: addi s1, s1, 10
    ret
f2: addi s1, s1, 100
    ret
f3: addi s1, s1, 1000
    ret
    .align 2
    .option push
    .option norvc
patch:
    li s1, 1
    ret
    .balign 4096
    .skip 4094
    .option pop
straddle:
    .option push
    .option norvc
    addi s1, s1, 1
    .option pop
    ret
    .balign 4096
    .option push
    .option norvc
far:
    li s1, 1
    ret
    # The last instruction of the first page, addi s1, s1, N, has N in the second one.
    .macro SECOND name, n
    .balign 4096
\name:
    .2byte (\n << 20 | 0x48493) >> 16
    addi s3, s3, -1
    bnez s3, . - 2 - 4 - 16
    ret
    .endm
    .balign 4096
loop_first:
    .skip 4080
    addi s2, s2, 1
    addi s2, s2, -2
    addi s2, s2, 1
    .2byte 0x0001               # c.nop
    .2byte 0x8493
    SECOND loop_ones, 1
    SECOND loop_hundreds, 100
    .option pop
    .bss
    .balign 4096
root: .skip 4096
middle: .skip 4096
leaf: .skip 4096
    .data
    .align 3
table: .dword f0, f1, f2, f3
