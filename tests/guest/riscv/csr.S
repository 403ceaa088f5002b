# SPDX-License-Identifier: GPL-2.0-or-later
# CSR instructions on plain registers, and the switches in sstatus that kernels use most.
# reference: BAD mepc is even|BAD sepc is even
    .include "guest.inc"
    .equ CLINT, 0x2000000
test:
    # Read, set, clear, swap; rd and rs1 the same
    li s0, 0x1234
    csrw mscratch, s0
    csrrw s0, mscratch, s0
    CHECK "swap with itself", s0, 0x1234
    li s1, 0x0ff0
    csrrs s1, mscratch, s1
    CHECK "csrrs: old", s1, 0x1234
    csrrc s2, mscratch, s0
    CHECK "csrrs: new, csrrc: old", s2, 0x1ff4
    csrr s2, mscratch
    CHECK "csrrc: new", s2, 0x0dc0
    csrrwi s2, mscratch, 31
    csrrsi zero, mscratch, 0
    csrrci s2, mscratch, 1
    CHECK "csrrwi", s2, 31
    csrrsi s2, mscratch, 0
    CHECK "csrrci", s2, 30
    # WARL fields
    li s0, -1
    csrw mepc, s0
    csrr s1, mepc
    CHECK "mepc is even", s1, -2
    csrw sepc, s0
    csrr s1, sepc
    CHECK "sepc is even", s1, -2
    csrw mcause, s0
    li s0, 5
    csrw stvec, s0
    csrr s1, stvec
    CHECK "stvec vectored", s1, 5
    csrw satp, zero
    li s0, 5 << 60
    csrw satp, s0
    csrr s1, satp
    CHECK "satp with an unknown mode", s1, 0

    # sstatus is a window of mstatus
    csrsi sstatus, 2
    csrr s1, mstatus
    andi s1, s1, 2
    CHECK "SIE is in mstatus", s1, 2
    csrrci s1, sstatus, 2
    andi s1, s1, 2
    CHECK "csrrci: old SIE", s1, 2
    csrr s1, sstatus
    andi s1, s1, 2
    CHECK "csrrci: SIE clear", s1, 0
    li s0, 2
    csrrs s0, sstatus, s0
    andi s0, s0, 2
    CHECK "csrrs over its operand: old", s0, 0
    csrr s1, sstatus
    andi s1, s1, 2
    CHECK "csrrs over its operand: new", s1, 2
    # restoring: a masked value
    csrci sstatus, 2
    li s0, -1
    andi s0, s0, 2
    csrs sstatus, s0
    csrr s1, sstatus
    andi s1, s1, 2
    CHECK "SIE restored", s1, 2
    csrci sstatus, 2
    andi s0, s0, 0
    csrs sstatus, s0
    csrr s1, sstatus
    andi s1, s1, 2
    CHECK "SIE restored to off", s1, 0
    li s0, 0x40000
    csrrs s1, sstatus, s0
    srli s1, s1, 18
    andi s1, s1, 1
    CHECK "csrrs SUM: old", s1, 0
    csrrc s1, sstatus, s0
    srli s1, s1, 18
    andi s1, s1, 1
    CHECK "csrrc SUM: old", s1, 1
    csrr s1, sstatus
    srli s1, s1, 18
    andi s1, s1, 1
    CHECK "SUM clear", s1, 0
    li s0, 0x1800
    csrs sstatus, s0
    csrr s1, sstatus
    and s1, s1, s0
    CHECK "MPP is not in sstatus", s1, 0
    csrr s1, sstatus
    srli s1, s1, 63
    CHECK "SD", s1, 1

    # An interrupt that waits is taken when it is enabled, by whatever instruction
    la s0, 1f
    csrw stvec, s0
    li s0, 2
    csrw mideleg, s0
    csrw mie, s0
    csrw mip, s0
    li s7, 0
    ENTER 1
    li s3, 0
    csrsi sstatus, 2
    addi s3, s3, 1
    csrw sie, zero
    csrsi sip, 2
    csrsi sstatus, 2
    addi s3, s3, 1
    csrsi sie, 2
    addi s3, s3, 1
    csrci sstatus, 2
    csrsi sip, 2
    li s4, 2
    csrs sstatus, s4
    addi s3, s3, 1
    csrci sstatus, 2
    csrsi sip, 2
    andi s4, s4, 2
    csrs sstatus, s4
    addi s3, s3, 1
    csrci sstatus, 2
    csrsi sip, 2
    csrr s4, sstatus
    ori s4, s4, 2
    csrw sstatus, s4
    addi s3, s3, 1
    csrci sstatus, 2
    csrsi sip, 2
    csrci sstatus, 2
    addi s3, s3, 1
    ecall
    j 2f
    .align 2
1:  addi s7, s7, 1
    csrci sip, 2
    csrr s8, scause
    csrr s9, sstatus
    sret
2:  CHECK "interrupts taken", s7, 5
    CHECK "instructions after them", s3, 7
    csrci mip, 2
    li s0, 1
    slli s0, s0, 63
    addi s0, s0, 1
    sub s8, s8, s0
    CHECK "scause", s8, 0
    andi s9, s9, 0x122
    CHECK "SIE off, SPIE and SPP on in the handler", s9, 0x120

    # Waiting with the interrupt masked globally; then the machine software interrupt
    li s0, 8
    csrw mie, s0
    li s1, CLINT
    li s2, 1
    sw s2, 0(s1)
    wfi
    csrr s3, mip
    andi s3, s3, 8
    CHECK "MSIP pending after wfi", s3, 8
    la t0, trap_entry
    la s4, 3f
    csrw mtvec, s4
    li s5, 0
    csrsi mstatus, 8
    li s5, 1
    j 4f
    .align 2
3:  csrr s6, mcause
    sw zero, 0(s1)
    addi s5, s5, 16
    csrr s9, mepc
    mret
4:  csrci mstatus, 8
    la t0, trap_entry
    csrw mtvec, t0
    li s0, 1
    slli s0, s0, 63
    addi s0, s0, 3
    sub s6, s6, s0
    CHECK "mcause", s6, 0
    CHECK "returned to the next instruction", s5, 1
    FINISH
