# SPDX-License-Identifier: GPL-2.0-or-later
# Zacas. amocas.w/d/q rd, rs2, (rs1) as .insn: the assembler may not know them.
# reference: skip QEMU 7.2 has no Zacas
    .include "guest.inc"
    .macro AMOCAS f3, rd, rs2, rs1
    .insn r 0x2f, \f3, 0x14, \rd, \rs1, \rs2
    .endm
test:
    la s0, cell
    li s1, 0x1122334480000001
    sd s1, 0(s0)
    li s2, 0x80000001
    li s3, 7
    AMOCAS 2, s2, s3, s0
    CHECK "amocas.w: old", s2, -0x7fffffff
    ld s4, 0(s0)
    CHECK "amocas.w: new", s4, 0x1122334400000007
    li s2, 8
    AMOCAS 2, s2, s3, s0
    CHECK "amocas.w unequal: old", s2, 7
    li s2, 0x1122334400000006
    AMOCAS 3, s2, s3, s0
    CHECK "amocas.d unequal: old", s2, 0x1122334400000007
    AMOCAS 3, s2, s3, s0
    ld s4, 0(s0)
    CHECK "amocas.d: new", s4, 7
    li s3, 9
    AMOCAS 3, zero, s3, s0
    ld s4, 0(s0)
    CHECK "x0 expects zero", s4, 7
    sd zero, 0(s0)
    AMOCAS 3, zero, s3, s0
    ld s4, 0(s0)
    CHECK "x0 expected zero", s4, 9
    # Pairs: s2:s3 expected, s4:s5 new
    li s2, 9
    li s3, 0x55
    sd s3, 8(s0)
    li s4, 1
    li s5, 2
    AMOCAS 4, s2, s4, s0
    ld s6, 0(s0)
    ld s7, 8(s0)
    CHECK "amocas.q: low", s6, 1
    CHECK "amocas.q: high", s7, 2
    CHECK "amocas.q: old low", s2, 9
    CHECK "amocas.q: old high", s3, 0x55
    li s2, 1
    li s3, 3
    AMOCAS 4, s2, s4, s0
    CHECK "amocas.q unequal: old low", s2, 1
    CHECK "amocas.q unequal: old high", s3, 2
    addi s0, s0, 8
    AMOCAS 4, s2, s4, s0
    la t0, trap_cause
    ld s8, 0(t0)
    CHECK "amocas.q misaligned", s8, 6
    call forget_trap
    .insn r 0x2f, 4, 0x14, s3, s0, s4
    TRAPPED "amocas.q of an odd register", 2, 0x294449af
    FINISH
    .data
    .align 4
cell: .dword 0, 0
