# SPDX-License-Identifier: GPL-2.0-or-later
# Sv39: SUM and MXR switched in the middle of straight-line code, remapping under running code.
    .include "guest.inc"
    .equ USER_VA, 0x40000000
    .equ XONLY_VA, 0x40001000
test:
    # 0x80000000: 1 GiB identity for S; 0x40000000: two pages
    la s0, root
    li s1, (0x80000000 >> 2) | 0xef         # V R W X G A D
    sd s1, 16(s0)
    la s2, mid
    srli s3, s2, 2
    ori s3, s3, 1
    sd s3, 8(s0)
    la s4, leaf
    srli s3, s4, 2
    ori s3, s3, 1
    sd s3, 0(s2)
    la s5, user_page
    srli s3, s5, 2
    ori s3, s3, 0xd7                        # V R W U A D
    sd s3, 0(s4)
    la s5, other_page
    srli s3, s5, 2
    ori s3, s3, 0xc9                        # V X A D
    sd s3, 8(s4)
    srli s0, s0, 12
    li s1, 8
    slli s1, s1, 60
    or s0, s0, s1
    csrw satp, s0
    sfence.vma
    li s0, USER_VA
    li s6, XONLY_VA
    la s8, trap_count
    ld s9, 0(s8)
    li s7, 0x40000
    li s11, 0
    ENTER 1
    ld s1, 0(s0)                            # traps
    li s7, 0x40000
    csrs sstatus, s7
    ld s1, 0(s0)
    addi s11, s11, 1
    sd s11, 8(s0)
    csrc sstatus, s7
    ld s2, 0(s0)                            # traps
    csrs sstatus, s7
    ld s3, 8(s0)
    csrc sstatus, s7
    sd s3, 0(s0)                            # traps
    ecall
    ld s10, 0(s8)
    sub s10, s10, s9
    CHECK "traps", s10, 4
    CHECK "user memory", s1, 0x1111
    CHECK "user memory that was written", s3, 1
    call forget_trap
    ld s9, 0(s8)

    # Many times, so that the code is hot
    li s5, 2000
    li s4, 0
    ENTER 1
1:  lui s7, 0x40
    csrs sstatus, s7
    ld s1, 0(s0)
    csrc sstatus, s7
    add s4, s4, s1
    addi s5, s5, -1
    bnez s5, 1b
    ecall
    CHECK "sum with SUM", s4, 2000 * 0x1111
    ld s10, 0(s8)
    sub s10, s10, s9
    CHECK "no traps", s10, 1

    # MXR
    ld s9, 0(s8)
    ENTER 1
    ld s1, 0(s6)                            # traps
    li s7, 0x80000
    csrs sstatus, s7
    ld s1, 0(s6)
    csrc sstatus, s7
    ld s2, 0(s6)                            # traps
    ecall
    ld s10, 0(s8)
    sub s10, s10, s9
    CHECK "MXR: traps", s10, 3
    CHECK "MXR", s1, 0x2222

    # A new mapping shows after sfence.vma, by address and for all
    la s4, leaf
    la s5, other_page
    srli s3, s5, 2
    ori s3, s3, 0xc7                        # V R W A D
    la s5, user_page
    srli s7, s5, 2
    ori s7, s7, 0xc7
    ENTER 1
    sd s3, 0(s4)
    sfence.vma s0, zero
    ld s1, 0(s0)
    sd s7, 0(s4)
    sfence.vma
    ld s2, 0(s0)
    ecall
    CHECK "remapped", s1, 0x2222
    CHECK "remapped again", s2, 0x1111

    # Faults: no page, a store to one that may not be written; causes and values
    ENTER 1
    li s5, USER_VA + 0x2000
    lw s1, 4(s5)
    csrr s1, sscratch
    ecall
    csrw medeleg, zero
    FINISH
    .data
    .balign 4096
root: .skip 4096
mid: .skip 4096
leaf: .skip 4096
user_page: .dword 0x1111
    .balign 4096
other_page: .dword 0x2222
    .balign 4096
