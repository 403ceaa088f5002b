# SPDX-License-Identifier: GPL-2.0-or-later
# A: reservations, results, alignment.
# reference: BAD misaligned amo|BAD misaligned sc
    .include "guest.inc"
test:
    la s0, cell
    li s1, 0x1122334455667788
    sd s1, 0(s0)
    lr.d s2, (s0)
    CHECK "lr.d", s2, 0x1122334455667788
    li s3, -5
    sc.d s4, s3, (s0)
    CHECK "sc.d succeeds", s4, 0
    ld s5, 0(s0)
    CHECK "sc.d stored", s5, -5
    sc.d s4, s1, (s0)
    CHECK "the reservation is gone", s4, 1
    ld s5, 0(s0)
    CHECK "nothing stored", s5, -5
    # Sign extension, and x0 as both results
    lr.w s2, (s0)
    CHECK "lr.w", s2, -5
    sc.w zero, zero, (s0)
    ld s5, 0(s0)
    CHECK "sc.w to x0 stored", s5, 0xffffffff00000000
    lr.w zero, (s0)
    sc.w s4, s1, (s0)
    CHECK "lr to x0 reserves", s4, 0
    # Another address, another value
    lr.w s2, (s0)
    addi s6, s0, 4
    sc.w s4, s1, (s6)
    CHECK "sc elsewhere", s4, 1
    sc.w s4, s1, (s0)
    CHECK "a failing sc ends the reservation", s4, 1
    lr.d s2, (s0)
    sd s1, 0(s0)
    sc.d s4, s3, (s0)
    CHECK "stored to in between", s4, 1
    # rd the same as rs1 and rs2
    mv s7, s0
    lr.d s7, (s7)
    CHECK "lr over its address", s7, 0x1122334455667788
    sc.d s3, s3, (s0)
    CHECK "sc over its value", s3, 0
    mv s7, s0
    lr.d s2, (s0)
    sc.d s7, s1, (s7)
    CHECK "sc over its address", s7, 0
    # Traps end it; alignment
    lr.d s2, (s0)
    ecall
    sc.d s4, s3, (s0)
    CHECK "after a trap", s4, 1
    call forget_trap
    addi s6, s0, 2
    lr.w s4, (s6)
    la t0, trap_tval
    ld s5, 0(t0)
    sub s5, s5, s6
    CHECK "misaligned lr: tval", s5, 0
    la t0, trap_cause
    ld s5, 0(t0)
    CHECK "misaligned lr: cause", s5, 4
    call forget_trap
    sc.w s4, s1, (s6)
    la t0, trap_cause
    ld s5, 0(t0)
    CHECK "misaligned sc: cause", s5, 6
    call forget_trap
    amoadd.d s4, s1, (s6)
    la t0, trap_cause
    ld s5, 0(t0)
    CHECK "misaligned amo: cause", s5, 6
    call forget_trap

    # AMOs: result, memory
    .macro AMO name, size, before, operand, after
    li s1, \before
    sd s1, 0(s0)
    li s2, \operand
    \name s3, s2, (s0)
    l\size s4, 0(s0)
    CHECK "\name: old", s3, \before
    CHECK "\name: new", s4, \after
    .endm
    AMO amoswap.w, w, -2, 0x7fffffff, 0x7fffffff
    AMO amoadd.w, w, 0x7fffffff, 1, -0x80000000
    AMO amoxor.w, w, 0x5a5a5a5a, -1, -0x5a5a5a5b
    AMO amoand.w, w, 0x7f0f00ff, 0x0f0f0ff0, 0x0f0f00f0
    AMO amoor.w, w, 0x100, -0x80000000, -0x7fffff00
    AMO amomin.w, w, -1, 1, -1
    AMO amomax.w, w, -1, 1, 1
    AMO amominu.w, w, -1, 1, 1
    AMO amomaxu.w, w, -1, 1, -1
    AMO amoswap.d, d, -2, 0x7fffffffffffffff, 0x7fffffffffffffff
    AMO amoadd.d, d, 0x7fffffffffffffff, 1, -0x8000000000000000
    AMO amoxor.d, d, 0x5a5a5a5a00000000, -1, 0xa5a5a5a5ffffffff
    AMO amoand.d, d, -256, 0x1234, 0x1200
    AMO amoor.d, d, 1, -0x8000000000000000, -0x7fffffffffffffff
    AMO amomin.d, d, -1, 1, -1
    AMO amomax.d, d, -1, 1, 1
    AMO amominu.d, d, -1, 1, 1
    AMO amomaxu.d, d, -1, 1, -1
    # A word operation looks at 32 bits of its operand and leaves the neighbour
    li s1, 0xaaaaaaaa00000001
    sd s1, 0(s0)
    li s2, 0xffffffff00000001
    amomax.w.aqrl s3, s2, (s0)
    amoadd.w zero, s2, (s0)
    ld s4, 0(s0)
    CHECK "amo.w leaves the rest", s4, 0xaaaaaaaa00000002
    amoadd.d s0, s0, (s0)
    CHECK "amo over its address", s0, 0xaaaaaaaa00000002
    FINISH
    .data
    .align 4
cell: .dword 0, 0
