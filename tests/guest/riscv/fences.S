# SPDX-License-Identifier: GPL-2.0-or-later
# Code of global pages in S mode whose mapping changes: after an SFENCE.VMA the new one holds, at
# whatever level, by whatever store and by whichever hart it was written; code elsewhere that was run
# before goes on as it did.
# args: -smp 2
    .equ SMP, 1
    .include "guest.inc"
    .equ VA, 0x4000000000 - 0x40000000          # root entry 255
    .equ ROOT, 255 * 8
    .equ LEAF, 0x4b                             # V R X A, to which G comes
    .equ POINTER, 1

    # reg = PTE for the page at a symbol
    .macro PTE reg, at, bits
    la \reg, \at
    srli \reg, \reg, 2
    ori \reg, \reg, \bits
    .endm

    # what the code at VA answers, after it was run there twice before `change`
    .macro EXPECT name, want
    li t0, VA
    jalr t0
    mv s11, a0
    li t0, VA
    jalr t0
    bne a0, s11, 8f
    li t0, VA + 4096
    jalr t0
    addi a0, a0, -9
    beqz a0, 9f
8:  li s11, -1
9:
    CHECK "\name", s11, \want
    .endm

    .macro FLUSH
    sfence.vma zero, zero
    .endm

test:
    la s0, root
    la s1, root2
    la s2, middle
    la s3, leaf
    la s4, leaf2
    li t0, 0x20000000 | 0xef                    # RAM where it is, global
    sd t0, 2 * 8(s0)
    sd t0, 2 * 8(s1)
    li t0, 0xe7                                 # and devices
    sd t0, 0(s0)
    sd t0, 0(s1)
    PTE s5, one, LEAF | 0x20
    PTE s6, two, LEAF | 0x20
    PTE s7, three, LEAF | 0x20
    PTE s8, nine, LEAF | 0x20
    sd s5, 0(s3)
    sd s8, 8(s3)
    sd s7, 0(s4)
    sd s8, 8(s4)
    PTE t0, leaf, POINTER
    sd t0, 0(s2)
    PTE t0, middle, POINTER
    sd t0, ROOT(s0)
    la t1, middle2
    PTE t0, middle2, POINTER
    sd t0, ROOT(s1)
    PTE t0, leaf2, POINTER
    sd t0, 0(t1)
    srli s9, s0, 12
    srli s10, s1, 12
    li t0, 8 << 60
    or s9, s9, t0
    or s10, s10, t0
    csrw satp, s9
    sfence.vma
    ENTER 1

    EXPECT "at first", 1
    sd s6, 0(s3)
    FLUSH
    EXPECT "a leaf, fence for all", 2
    sd s5, 0(s3)
    li t0, VA
    sfence.vma t0, zero
    EXPECT "a leaf, fence for its page", 1
    amoswap.d zero, s6, (s3)
    FLUSH
    EXPECT "by an AMO", 2
1:  lr.d t0, (s3)
    sc.d t0, s5, (s3)
    bnez t0, 1b
    FLUSH
    EXPECT "by SC", 1
    srli t0, s6, 8
    sb t0, 1(s3)
    srli t0, s6, 16
    sb t0, 2(s3)
    FLUSH
    EXPECT "by stores of bytes", 2
    sd s5, 0(s3)
    li t0, 100
1:  sd s8, 2040(s3)
    FLUSH
    addi t0, t0, -1
    bnez t0, 1b
    EXPECT "long before other stores and fences", 1
    sd s6, 0(s3)
    sd s5, 0(s3)
    sd s6, 0(s3)
    FLUSH
    EXPECT "back and forth", 2
    PTE t0, leaf2, POINTER
    sd t0, 0(s2)
    FLUSH
    EXPECT "a pointer to other leaves", 3
    sd s6, 0(s4)
    FLUSH
    EXPECT "one of these", 2
    PTE t0, leaf, POINTER
    sd t0, 0(s2)
    sd s7, 0(s4)
    sd s5, 0(s3)
    FLUSH
    EXPECT "and back", 1
    PTE t0, middle2, POINTER
    sd t0, ROOT(s0)
    FLUSH
    EXPECT "a pointer of the root", 3
    PTE t0, middle, POINTER
    sd t0, ROOT(s0)
    li t0, VA
    sfence.vma t0, zero
    li t0, VA + 4096
    sfence.vma t0, zero
    EXPECT "back, fences for both pages", 1
    csrw satp, s10
    FLUSH
    EXPECT "another root", 3
    csrw satp, s9
    FLUSH
    EXPECT "the first root", 1
    PTE t0, middle, POINTER
    sd t0, ROOT(s1)
    csrw satp, s10
    FLUSH
    EXPECT "the other root, with the same tables", 1
    sd s6, 0(s3)
    FLUSH
    EXPECT "written there", 2
    csrw satp, s9
    FLUSH
    EXPECT "and in the first", 2

    # a superpage: both pages in one PTE
    la t0, super
    srli t0, t0, 2
    ori t0, t0, LEAF | 0x20
    sd t0, 0(s2)
    FLUSH
    EXPECT "a superpage", 4
    la t1, super2
    srli t1, t1, 2
    ori t1, t1, LEAF | 0x20
    sd t1, 0(s2)
    li t0, VA
    sfence.vma t0, zero
    EXPECT "another, fence for one of its pages", 5
    PTE t0, leaf, POINTER
    sd t0, 0(s2)
    FLUSH
    EXPECT "pages again", 2

    # what is not there or may not be executed faults
    sd zero, 0(s3)
    FLUSH
    la t0, trap_resume
    la t1, 1f
    sd t1, (t0)
    li t0, VA
    jalr t0
1:  TRAPPED "not valid", 12, VA
    sd s5, 0(s3)
    FLUSH
    EXPECT "valid", 1
    andi t0, s5, -9
    sd t0, 0(s3)
    FLUSH
    la t0, trap_resume
    la t1, 1f
    sd t1, (t0)
    li t0, VA
    jalr t0
1:  TRAPPED "not executable", 12, VA
    sd s5, 0(s3)
    FLUSH
    EXPECT "executable", 1

    # from M mode, whose stores go elsewhere, and by the other hart
    ecall
    sd s6, 0(s3)
    FLUSH
    ENTER 1
    EXPECT "written and fenced in M mode", 2
    ecall
    li s11, 0
    la a3, ask
    li a4, 2000
2:  sd s5, 8(a3)
    fence rw, rw
    sw a4, (a3)
3:  lw t0, (a3)
    bnez t0, 3b
    fence rw, rw
    FLUSH
    ENTER 1
    li t0, VA
    jalr t0
    xor t0, s5, s6
    xor s5, s5, t0
    xor s6, s6, t0
    mv a5, a0
    li t0, VA
    jalr t0
    mv a6, a0
    ecall
    bne a5, a6, 4f
    andi t0, a4, 1
    addi t0, t0, 1
    beq a5, t0, 5f
4:  addi s11, s11, 1
5:  addi a4, a4, -1
    bnez a4, 2b
    CHECK "written by another hart", s11, 0
    FINISH

# the other hart: stores what it is asked to
secondary:
    la s3, leaf
    la a3, ask
1:  lw t0, (a3)
    beqz t0, 1b
    fence rw, rw
    ld t0, 8(a3)
    sd t0, (s3)
    fence rw, rw
    sw zero, (a3)
    j 1b

    .data
    .align 3
ask: .dword 0, 0
    .section .text.pages, "ax"
    .macro ANSWER number
    li a0, \number
    ret
    .endm
    .align 12
one: ANSWER 1
    .align 12
two: ANSWER 2
    .align 12
three: ANSWER 3
    .align 12
nine: ANSWER 9
    .align 21
super: ANSWER 4
    .align 12
    ANSWER 9
    .align 21
super2: ANSWER 5
    .align 12
    ANSWER 9
    .bss
    .align 12
root: .skip 4096
root2: .skip 4096
middle: .skip 4096
middle2: .skip 4096
leaf: .skip 4096
leaf2: .skip 4096
