# SPDX-License-Identifier: GPL-2.0-or-later
# Without C: instructions are on 4-byte boundaries, 16-bit ones are illegal.
# march: rv64imafd_zicsr_zifencei
# cpu: c=off
# reference: BAD mepc drops bit 1
    .include "guest.inc"
test:
    la s0, 1f
    la t1, trap_resume
    addi s1, s0, -2
    sd s0, 0(t1)
    li s3, 7
    mv s2, s1
    jalr s3, (s1)
    j .
    .align 2
1:  la t0, trap_cause
    ld s4, 0(t0)
    CHECK "jalr: cause", s4, 0
    la t0, trap_tval
    ld s4, 0(t0)
    sub s4, s4, s2
    CHECK "jalr: tval", s4, 0
    CHECK "jalr: rd is as before", s3, 7
    call forget_trap
    la t0, 2f
    jalr s3, 1(t0)
2:  NO_TRAP "bit 0 is dropped"
    la t1, trap_resume
    la s0, 3f
    sd s0, 0(t1)
    .word 0x0020006f | 9 << 7       # jal s1, 2
3:  la t0, trap_cause
    ld s4, 0(t0)
    CHECK "jal: cause", s4, 0
    call forget_trap
    .word 0x00001163                # bne zero, zero, 2
    NO_TRAP "a branch that isn't taken"
    la t1, trap_resume
    la s0, 4f
    sd s0, 0(t1)
    .word 0x00000163                # beq zero, zero, 2
4:  la t0, trap_cause
    ld s4, 0(t0)
    CHECK "a branch that is taken", s4, 0
    call forget_trap
    la t1, trap_resume
    la s0, 5f
    sd s0, 0(t1)
    .word 0x00010001                # two c.nop
5:  la t0, trap_cause
    ld s4, 0(t0)
    CHECK "c.nop is illegal", s4, 2
    call forget_trap
    la s0, 6f
    addi s0, s0, 2
    csrw mepc, s0
    csrr s1, mepc
    sub s1, s0, s1
    CHECK "mepc drops bit 1", s1, 2
    li t0, 3 << 11
    csrs mstatus, t0
    mret
6:  CHECK "mret", zero, 0
    FINISH
