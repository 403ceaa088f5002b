# SPDX-License-Identifier: GPL-2.0-or-later
# All 256 values of a leaf PTE's low byte, with each kind of access, privilege, SUM and MXR, against
# the rules of priv 10.3.2: who faults, with which cause and tval, and what the PTE is afterwards.
# First with A and D set by hardware (Svadu), then by software (menvcfg.ADUE clear).
# reference: BAD amo|BAD ADUE clear|BAD PBMT|BAD reserved
    .include "guest.inc"
    .equ VA, 0x100000000        # of the page under test
    .equ MXR_SUM_MPRV, 0xe0000
    .equ PTE_A, 0x40
    .equ PTE_D, 0x80

    # accesses wrong, over all privileges, SUM and MXR
    .macro SWEEP name, access, adue
    li s6, \access
    li s7, \adue
    call sweep
    CHECK "\name", s8, 0
    .endm

    # bits set in a PTE that otherwise permits everything, and whether that must fault
    .macro SPECIAL name, bits, fault
    li s2, \bits
    call special
    CHECK "\name", s3, \fault
    .endm

test:
    la t0, walk_trap
    csrw mtvec, t0
    la t0, root
    li t1, 0x80000000 >> 2 | 0xcf       # where this is, for S mode
    sd t1, 2 * 8(t0)
    li t1, 0x80000000 >> 2 | 0xdf       # the same 1 GiB above, for U mode
    sd t1, 3 * 8(t0)
    la t1, middle
    srli t2, t1, 2
    ori t2, t2, 1
    sd t2, 4 * 8(t0)
    la s1, leaf
    srli t2, s1, 2
    ori t2, t2, 1
    sd t2, 0(t1)
    srli t0, t0, 12
    li t1, 8 << 60
    or t0, t0, t1
    csrw satp, t0
    li t0, 1 << 61
    csrs menvcfg, t0
    SWEEP "load", 0, 1
    SWEEP "store", 1, 1
    SWEEP "fetch", 2, 1
    SWEEP "amo", 3, 1
    SPECIAL "nothing special", 0, 0
    SPECIAL "reserved bit 54", 1 << 54, 1
    SPECIAL "reserved bit 60", 1 << 60, 1
    SPECIAL "PBMT 3", 3 << 61, 1
    SPECIAL "NAPOT of no known size", 1 << 63, 1
    li t0, 1 << 61
    csrc menvcfg, t0
    SWEEP "ADUE clear: load", 0, 0
    SWEEP "ADUE clear: store", 1, 0
    SWEEP "ADUE clear: fetch", 2, 0
    SWEEP "ADUE clear: amo", 3, 0
    j finish

special:
    mv s0, ra
    li t0, 0xcf
    or s2, s2, t0
    li s4, 0
    li s5, 0
    li s6, 0
    call attempt
    snez s3, s10
    jr s0

# s6 access, s7 hardware updates; s8 is the number of wrong results
sweep:
    addi sp, sp, -16
    sd ra, 0(sp)
    li s8, 0
    li s4, 0                    # 0 S, 1 U; 2, 3 M with MPRV as these
1:  li s5, 0                    # SUM | MXR << 1
2:  li s2, 0                    # the PTE's low byte
3:  call attempt
    call expect
    bne s10, a3, 4f
    beqz a3, 5f
    li t0, VA
    beq s9, t0, 5f
4:  addi s8, s8, 1
5:  ld t0, (s1)
    andi t0, t0, 0xff
    beq t0, a4, 6f
    addi s8, s8, 1
6:  addi s2, s2, 1
    li t0, 256
    blt s2, t0, 3b
    addi s5, s5, 1
    li t0, 4
    blt s5, t0, 2b
    addi s4, s4, 1
    blt s4, t0, 1b
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

# a3: cause or 0, a4: PTE byte afterwards
expect:
    li a3, 0
    mv a4, s2
    andi t0, s2, 1
    beqz t0, fault
    andi t0, s2, 6
    addi t0, t0, -4
    beqz t0, fault              # W without R
    andi t0, s2, 10
    beqz t0, fault              # a pointer, at the last level
    andi t1, s2, 16
    andi t0, s4, 1
    bnez t0, 1f
    beqz t1, 2f                 # S and a page of U: with SUM, and not to execute
    li t0, 2
    beq s6, t0, fault
    andi t0, s5, 1
    beqz t0, fault
    j 2f
1:  beqz t1, fault
2:  li t0, 2
    andi t1, s2, 8
    beq s6, t0, 3f
    andi t1, s2, 4
    bnez s6, 3f
    andi t1, s2, 2
    andi t0, s5, 2
    beqz t0, 3f
    andi t1, s2, 10
3:  beqz t1, fault
    li t1, PTE_A
    andi t0, s6, 1
    beqz t0, 4f
    li t1, PTE_A | PTE_D
4:  or a4, s2, t1
    bnez s7, 5f
    bne a4, s2, fault
5:  ret
fault:
    mv a4, s2
    la t0, causes
    add t0, t0, s6
    lbu a3, 0(t0)
    ret

# One access: s10 cause (0: none), s9 tval
attempt:
    la t0, page
    srli t1, t0, 2
    or t1, t1, s2
    sd t1, 0(s1)
    li t1, 0x73                 # ecall
    sw t1, 0(t0)
    sfence.vma
    li a0, VA
    li a1, 0x73
    la s11, 4f
    li t0, MXR_SUM_MPRV | 3 << 11
    csrc mstatus, t0
    slli t0, s5, 18
    csrs mstatus, t0
    la t1, stubs
    slli t0, s6, 4
    add t1, t1, t0
    andi t0, s4, 1
    bnez t0, 1f
    li t0, 1 << 11
    csrs mstatus, t0
1:  andi t0, s4, 2
    bnez t0, 3f
    andi t0, s4, 1
    slli t0, t0, 30
    add t1, t1, t0
    csrw mepc, t1
    mret
3:  li t0, 2                    # MPRV is not for instructions
    li s10, 0
    mv s9, a0
    bne s6, t0, 5f
    mv t2, ra
    call expect
    mv s10, a3
    sb a4, 0(s1)
    jr t2
5:  li t0, 1 << 17
    csrs mstatus, t0
    jr t1
4:  ret

    .option push
    .option norvc
    .balign 16
stubs:
    lw t0, 0(a0)
    ecall
    .balign 16
    sw a1, 0(a0)
    ecall
    .balign 16
    jr a0
    .balign 16
    amoadd.w zero, zero, (a0)
    ecall
    .option pop

    .balign 4
walk_trap:
    li t0, MXR_SUM_MPRV
    csrc mstatus, t0
    csrr s10, mcause
    csrr s9, mtval
    addi t0, s10, -8
    sltiu t0, t0, 4             # an ecall: nothing happened
    beqz t0, 1f
    li s10, 0
1:  csrw mepc, s11
    li t0, 3 << 11
    csrs mstatus, t0
    mret

    .section .rodata
causes: .byte 13, 15, 12, 15
    .bss
    .balign 4096
root: .skip 4096
middle: .skip 4096
leaf: .skip 4096
page: .skip 4096
