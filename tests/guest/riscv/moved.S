# SPDX-License-Identifier: GPL-2.0-or-later
# The same two pages of user code at many addresses, in two address spaces: every address that the
# code sees (auipc, links, causes of exceptions) has to be the one that it is executed at. Then pages
# change places, and the code changes, from outside and by its own hand.
    .include "guest.inc"
    .equ V1, 0x100000000        # 4 GiB
    .equ V2, 0x2aaaaaa000
    .equ V3, 0x3ffffe4000
    .equ V4, 0x00400000         # where programs are that are not position-independent
    .equ PTE_UX, 0xdf           # V R W X U A D
    .equ RECORDS, 4             # exceptions of one run
    .equ PLACES, 12             # addresses that one run sees
    .option norvc
    .section .rodata.code, "a"
    .align 3
places:                         # those of `other` are the same
    .text

    # s10: 1 + number of the first check that failed, of all runs since the last RESULT
    .macro RUN space, va, kind
    la t0, space_\space
    ld t0, (t0)
    csrw satp, t0
    li s0, \va
    li s1, \kind
    call run
    .endm
    .macro RESULT name
    CHECK "\name", s10, 0
    li s10, 0
    .endm
    .macro MAP space, va, page
    la a0, leaf_\space\()_\va
    la a1, \page
    call map
    .endm
    .macro RUN_ALL kind
    RUN a, V1, \kind
    RUN a, V2, \kind
    RUN a, V3, \kind
    RUN a, V4, \kind
    RUN b, V2, \kind
    RUN b, V3, \kind
    .endm

test:
    la t0, moved_trap
    csrw mtvec, t0
    li s10, 0
    call make_spaces
    RUN a, V1, 1
    RESULT "at the first address"
    RUN a, V2, 1
    RESULT "at a second one"
    RUN_ALL 1
    RESULT "at all addresses"
    li s2, 50
1:  RUN_ALL 1
    addi s2, s2, -1
    bnez s2, 1b
    RESULT "at all addresses, many times"

    # Two pages that are each other's second page
    MAP a, V2, other
    RUN a, V2, 2
    RESULT "another page at the same address"
    RUN b, V2, 1
    RESULT "the first one there in another address space"
    MAP a, V2, code
    RUN a, V2, 1
    RUN a, V1, 1
    RESULT "the first one again"

    # Code that changes under all its addresses
    la s3, patch_code
    li s4, 0x00300493           # li s1, 3
    sw s4, (s3)
    fence.i
    RUN_ALL 3
    RESULT "changed by others"
    la s3, patch_code
    li s4, 0x00100493
    sw s4, (s3)
    fence.i
    RUN_ALL 1
    RESULT "changed back"
    # By itself: a store through another address to what it is about to execute
    li s2, 20
1:  la t0, space_a
    ld t0, (t0)
    csrw satp, t0
    andi t0, s2, 1
    li s0, V1
    li s5, V3
    beqz t0, 2f
    li s0, V3
    li s5, V2
2:  call run_self
    addi s2, s2, -1
    bnez s2, 1b
    RESULT "changed by itself"
    csrw satp, zero
    j finish

    # a0: leaf entry, a1: page
map:
    srli t0, a1, 2
    ori t0, t0, PTE_UX
    sd t0, (a0)
    addi t0, t0, 1 << 10        # and the page behind it, and one for data
    sd t0, 8(a0)
    la t0, values
    srli t0, t0, 2
    ori t0, t0, PTE_UX
    sd t0, 16(a0)
    sfence.vma
    ret

    # One leaf table for each 2 MiB that is used: root[va >> 30], middle[va >> 21], leaf[va >> 12]
    .macro TABLE space, va
    la t0, root_\space
    la t1, middle_\space\()_\va
    la t2, table_\space\()_\va
    srli t3, t1, 2
    ori t3, t3, 1
    li t4, (\va >> 30 & 511) * 8
    add t0, t0, t4
    sd t3, (t0)
    srli t3, t2, 2
    ori t3, t3, 1
    li t4, (\va >> 21 & 511) * 8
    add t1, t1, t4
    sd t3, (t1)
    .endm
    .macro SPACE space, asid
    TABLE \space, V1
    TABLE \space, V2
    TABLE \space, V3
    TABLE \space, V4
    MAP \space, V1, code
    MAP \space, V2, code
    MAP \space, V3, code
    MAP \space, V4, code
    la t0, root_\space
    srli t0, t0, 12
    li t1, 8 << 60 | \asid << 44
    or t0, t0, t1
    la t1, space_\space
    sd t0, (t1)
    .endm
make_spaces:
    mv s11, ra
    SPACE a, 1
    SPACE b, 2
    mv ra, s11
    ret

    # s0: where; s1: what li_patch is expected to say
run:
    la t0, moved_n
    sd zero, (t0)
    mv s9, ra
    li s7, 8192
    add s7, s7, s0
    la t0, values
    li t1, PLACES
5:  sd zero, (t0)
    addi t0, t0, 8
    addi t1, t1, -1
    bnez t1, 5b
    li t0, 3 << 11
    csrc mstatus, t0
    csrw mepc, s0
    la s11, 1f
    mret
1:  bnez a0, 4f
    la t0, values
    la t1, places
    li t2, PLACES
3:  ld t4, (t1)
    add t4, t4, s0
    ld t5, (t0)
    bne t4, t5, 4f
    addi t0, t0, 8
    addi t1, t1, 8
    addi a0, a0, 1
    blt a0, t2, 3b
    la t0, moved_n              # all exceptions that there should be, and no more
    ld t1, (t0)
    li a0, 100
    li t2, RECORDS
    bne t1, t2, 4f
    la t0, records
    la t1, expected
    li t3, 0
5:  ld t4, (t1)                 # cause
    ld t5, (t0)
    bne t4, t5, 4f
    ld t4, 8(t1)                # offset of epc
    add t4, t4, s0
    ld t5, 16(t0)
    bne t4, t5, 4f
    ld t4, 16(t1)               # tval, of which bit 63 says: an offset, too
    bgez t4, 6f
    slli t4, t4, 1
    srli t4, t4, 1
    add t4, t4, s0
    ld t5, 8(t0)
    beqz t5, 8f                 # or 0, where tval isn't written (priv 3.1.16)
6:  ld t5, 8(t0)
    bne t4, t5, 4f
8:  addi t0, t0, 24
    addi t1, t1, 24
    addi a0, a0, 1
    addi t3, t3, 1
    blt t3, t2, 5b
    jr s9
4:  bnez s10, 7f
    addi s10, a0, 1
7:  jr s9

run_self:
    la t0, moved_n
    sd zero, (t0)
    mv s9, ra
    li t0, 3 << 11
    csrc mstatus, t0
    la t0, code
    la t1, self
    sub t1, t1, t0
    add t1, t1, s0
    csrw mepc, t1
    la t1, self_patch
    sub t1, t1, t0
    add s5, s5, t1
    la s11, 1f
    mret
1:  beqz a0, 2f
    bnez s10, 2f
    addi s10, a0, 1
2:  jr s9

    .balign 4
moved_trap:
    csrw mscratch, t6
    csrr t6, mcause
    addi t6, t6, -8
    beqz t6, 2f
    la t6, moved_n
    sd t5, 8(t6)
    sd t4, 16(t6)
    ld t5, (t6)
    li t4, RECORDS
    bge t5, t4, 1f
    slli t4, t5, 3
    slli t6, t5, 4
    add t6, t6, t4
    la t4, records
    add t6, t6, t4
    csrr t4, mcause
    sd t4, (t6)
    csrr t4, mtval
    sd t4, 8(t6)
    csrr t4, mepc
    sd t4, 16(t6)
1:  addi t5, t5, 1
    la t6, moved_n
    sd t5, (t6)
    csrr t5, mepc
    addi t5, t5, 4
    csrw mepc, t5
    ld t5, 8(t6)
    ld t4, 16(t6)
    csrr t6, mscratch
    mret
2:  li t6, 3 << 11              # an ecall: back to s11 in M mode
    csrs mstatus, t6
    csrw mepc, s11
    csrr t6, mscratch
    mret

    # Notes `reg`, which should be where `label` is; n counts these
    .macro PLACE n, reg, label, page
    sd \reg, 8 * \n(s7)
    .pushsection .rodata.\page, "a"
    .dword \label - \page
    .popsection
    .endm
    # The code at both pages, which differ in what they give for s1
    .macro PAGE name, kind
    .balign 4096
\name:
    mv t5, s1
    j 1f
\name\()_here:
    auipc t2, 0
    ret
1:  auipc t0, 0
    PLACE 0, t0, 1b, \name
    lui t1, 0x12345
2:  auipc t0, 0x12345
    sub t0, t0, t1
    addi t0, t0, -12
    PLACE 1, t0, 2b - 12, \name
    jal \name\()_near
2:  PLACE 2, ra, 2b, \name
    PLACE 3, t2, 2b, \name
    call \name\()_far           # in the next page, by auipc and jalr
3:  PLACE 4, ra, 3b, \name
    PLACE 5, t2, 3b, \name
    jal t0, \name\()_far2       # by jal
4:  mv t3, t0
    PLACE 6, t3, 4b, \name
    la t3, \name\()_far
    jalr t3
5:  PLACE 7, t2, 5b, \name
    # A constant is the address of one place, wherever the code is that has it.
    li a0, 44
    li t3, V2 + 8               # here
    jalr t3
    bne t2, t3, \name\()_end
    # Loops: within the page, and over both
    li t4, 300
6:  addi t4, t4, -1
    auipc t0, 0
    bnez t4, 6b
    PLACE 8, t0, 6b + 4, \name
    li t4, 300
7:  jal \name\()_far
8:  addi t4, t4, -1
    bnez t4, 7b
    PLACE 9, t2, 8b, \name
    # Exceptions
\name\()_load:
    lw t0, 16(zero)
\name\()_break:
    ebreak
\name\()_illegal:
    .4byte 0xffffffff
    # What others change
patch_\name:
    li s1, \kind
    li a0, 40
    bne s1, t5, \name\()_end
    j \name\()_more
\name\()_near:
    mv t2, ra
    ret
    .option rvc
    c.nop
    .option norvc
\name\()_end:
    ecall
    .if \kind == 1
    # Stores to what comes next through s5, then executes it
self:
    li t0, 0x00000513           # li a0, 0
    li t1, 0x03700513           # li a0, 55
    sw t1, (s5)
    fence.i
    call self_patch
    addi t2, a0, -55
    sw t0, (s5)
    fence.i
    call self_patch
    add a0, a0, t2
    beqz t2, 1f
    li a0, 41
1:  ecall
self_patch:
    li a0, 0
    ret
    .endif
    .org \name + 4096 - 18
\name\()_more:
    nop                         # then one of 4 bytes in both pages
    nop
    nop
    .option rvc
    c.nop
    c.nop
    .option norvc
    auipc t3, 0
\name\()_cont:
    PLACE 10, t3, \name\()_cont - 4, \name
    call \name\()_near
\name\()_back:
    PLACE 11, t2, \name\()_back, \name
\name\()_store:
    sw t0, 32(zero)
    li a0, 0
    ecall
\name\()_far:
    mv t2, ra
    ret
\name\()_far2:
    jr t0
    .option rvc
    c.nop
    .option norvc
    .endm
    PAGE code, 1
    PAGE other, 2
    .balign 4096

    .section .rodata
    .align 3
expected:
    .dword 13, code_load - code, 16
    .dword 3, code_break - code, code_break - code + (1 << 63)
    .dword 2, code_illegal - code, 0xffffffff
    .dword 15, code_store - code, 32
    .data
    .align 3
space_a: .dword 0
space_b: .dword 0
moved_n: .dword 0, 0, 0
records: .skip RECORDS * 24
    .bss
    .balign 4096
values: .skip 4096
    .macro TABLES space, va
middle_\space\()_\va: .skip 4096
table_\space\()_\va: .skip 4096
    .equ leaf_\space\()_\va, table_\space\()_\va + (\va >> 12 & 511) * 8
    .endm
root_a: .skip 4096
root_b: .skip 4096
    TABLES a, V1
    TABLES a, V2
    TABLES a, V3
    TABLES a, V4
    TABLES b, V1
    TABLES b, V2
    TABLES b, V3
    TABLES b, V4
