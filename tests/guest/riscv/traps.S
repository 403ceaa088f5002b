# SPDX-License-Identifier: GPL-2.0-or-later
# Exceptions: causes, tval, where execution goes on; what is illegal in which mode.
# reference: BAD ebreak: tval|BAD amo nowhere: cause|BAD csrrs of zero bits to a read-only one
    .include "guest.inc"
test:
    .word 0x0000000b
    TRAPPED "illegal 32", 2, 0x0000000b
    .option push
    .option norvc
    .balign 4
    .hword 0x0000
    .option pop
    TRAPPED "illegal 16", 2, 0
    .hword 0x8002
    TRAPPED "c.jr x0", 2, 0x8002
    .hword 0x4002
    TRAPPED "c.lwsp x0", 2, 0x4002
    ecall
    TRAPPED "ecall M", 11, 0
    .option push
    .option norvc
7:  ebreak
    .option pop
    la s0, 7b
    la t0, trap_epc
    ld s1, 0(t0)
    sub s1, s1, s0
    CHECK "ebreak: epc", s1, 0
    la s0, 7b
    la t0, trap_tval
    ld s1, 0(t0)
    sub s1, s1, s0
    CHECK "ebreak: tval", s1, 0
    la t0, trap_cause
    ld s1, 0(t0)
    CHECK "ebreak: cause", s1, 3
    call forget_trap

    # Loads and stores where nothing is; a load to x0 still happens
    li s0, NOWHERE
    li s1, 77
    lw s1, 4(s0)
    TRAPPED "load nowhere", 5, NOWHERE + 4
    CHECK "its register", s1, 77
    lw zero, 8(s0)
    TRAPPED "load to x0", 5, NOWHERE + 8
    sd s1, 16(s0)
    TRAPPED "store nowhere", 7, NOWHERE + 16
    amoadd.w s1, s1, (s0)
    TRAPPED "amo nowhere", 7, NOWHERE
    CHECK "its register again", s1, 77
    fld f1, 0(s0)
    TRAPPED "fld nowhere", 5, NOWHERE
    # More than one access in a straight line: the first that faults
    la s2, scratch
    li s3, 5
    sd s3, 0(s2)
    ld s4, 0(s2)
    addi s4, s4, 1
    sd s4, 8(s0)
    addi s4, s4, 1
    TRAPPED "after good ones", 7, NOWHERE + 8
    CHECK "instructions around it", s4, 7

    # Fetches
    la t0, 1f
    la t1, trap_resume
    sd t0, 0(t1)
    li s0, NOWHERE
    jalr s1, 1(s0)
1:  TRAPPED "fetch nowhere", 1, NOWHERE
    la t0, 1b
    sub s1, s1, t0
    CHECK "the link was written", s1, 0
    la t0, trap_epc
    ld s1, 0(t0)
    CHECK "its epc", s1, NOWHERE

    # CSR accesses
    csrr s0, 0xc00
    NO_TRAP "csrr cycle"
    csrrs s0, 0xc00, zero
    NO_TRAP "csrrs x0"
    csrrc s0, 0xf14, zero
    NO_TRAP "csrrc x0"
    li s1, 0
    csrrs s0, 0xf14, s1
    TRAPPED "csrrs of zero bits to a read-only one", 2, 0xf144a473
    csrrw zero, 0xf14, zero
    TRAPPED "csrrw to a read-only one", 2, 0xf1401073
    csrrsi s0, 0xf14, 0
    NO_TRAP "csrrsi 0"
    csrrci s0, 0xf14, 1
    TRAPPED "csrrci 1", 2, 0xf140f473
    csrr s0, 0x5c0
    TRAPPED "no such register", 2, 0x5c002473

    # S mode
    la t0, trap_count
    ld s1, 0(t0)
    ENTER 1
    ecall
    TRAPPED "ecall S", 9, 0
    ENTER 1
    mret
    li s2, 1
    ecall
    CHECK "mret in S was skipped", s2, 1
    ENTER 1
    csrr s0, mstatus
    ecall
    la t0, trap_count
    ld s2, 0(t0)
    sub s2, s2, s1
    CHECK "traps of that", s2, 5

    # U mode
    ENTER 0
    ecall
    TRAPPED "ecall U", 8, 0
    la t0, trap_count
    ld s1, 0(t0)
    csrw mcounteren, zero
    csrw scounteren, zero
    ENTER 0
    csrr s0, sstatus
    sret
    wfi
    sfence.vma
    csrr s0, 0xc00
    ecall
    la t0, trap_count
    ld s2, 0(t0)
    sub s2, s2, s1
    CHECK "illegal in U", s2, 6
    li t0, 7
    csrw mcounteren, t0
    csrw scounteren, t0
    call forget_trap
    ENTER 0
    csrr s3, 0xc00
    csrr s3, 0xc02
    ecall
    TRAPPED "counters enabled", 8, 0

    # TSR, TVM, TW
    li t0, 0x700000
    csrs mstatus, t0
    la t0, trap_count
    ld s1, 0(t0)
    ENTER 1
    sret
    csrr s0, satp
    csrw satp, zero
    sfence.vma
    wfi
    ecall
    la t0, trap_count
    ld s2, 0(t0)
    sub s2, s2, s1
    CHECK "TSR TVM TW", s2, 6
    li t0, 0x700000
    csrc mstatus, t0
    la t0, trap_count
    ld s1, 0(t0)
    ENTER 1
    csrr s0, satp
    sfence.vma
    ecall
    la t0, trap_count
    ld s2, 0(t0)
    sub s2, s2, s1
    CHECK "none of them", s2, 1

    # Delegation: a trap to S, back, and again
    li t0, 1 << 8
    csrw medeleg, t0
    la t0, 1f
    csrw stvec, t0
    li s9, 0
    ENTER 0
    li s5, 1
    ecall
    li s5, 2
    ecall
    .align 2
1:  bnez s9, 2f
    li s9, 1
    csrr s6, scause
    csrr s7, sepc
    csrr s8, sstatus
    addi s7, s7, 4
    csrw sepc, s7
    sret
2:  ecall
    csrw medeleg, zero
    CHECK "delegated: scause", s6, 8
    andi s8, s8, 0x100
    CHECK "delegated: SPP", s8, 0
    CHECK "back in U", s5, 2
    FINISH
    .data
    .align 3
scratch: .dword 0, 0
