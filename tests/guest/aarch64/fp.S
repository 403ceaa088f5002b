// SPDX-License-Identifier: GPL-2.0-or-later
// SIMD&FP registers and the rest of the machine: faults halfway through an access, traps of FP
// instructions, alignment checks, big-endian data. The reference writes registers before the fault,
// which the manual allows, too.
// reference: BAD ld4: v|BAD ld4, the last|BAD ld1 of four|BAD ld3: v0|BAD ld3: v1|BAD ld3: v2|BAD ld2 of an element
    .include "guest.inc"
    .equ END, 0x40600000            // the first address behind the mapped data
    .equ FP_TRAP, 0x1fe00000
    .equ UNDEFINED, 0x02000000

    .macro FILL                     // registers 0 to 3 hold something
    movi v0.16b, #0x10
    movi v1.16b, #0x11
    movi v2.16b, #0x12
    movi v3.16b, #0x13
    .endm

    // They still do; x20 is where it was, x21 bytes before the end
    .macro UNCHANGED name, at
    fmov x22, d0
    mov x23, v0.d[1]
    eor x22, x22, x23
    fmov x24, d1
    fmov x25, d2
    fmov x26, d3
    CHECK "\name: v0", x22, 0
    CHECK "\name: v1", x24, 0x1111111111111111
    CHECK "\name: v2", x25, 0x1212121212121212
    CHECK "\name: v3", x26, 0x1313131313131313
    CHECK "\name: base", x20, \at
    .endm

    .macro FAULTS name, at, far, esr, insn:vararg
    FILL
    LI x20, \at
    \insn
    UNCHANGED "\name", \at
    TRAPPED "\name", \esr, \far
    .endm

    .macro SET_CPACR value
    mov x19, #\value << 20
    msr cpacr_el1, x19
    isb
    .endm

    // SCTLR_EL1 with the bits of x27, without a load or store
    .macro SET_SCTLR
    mrs x28, sctlr_el1
    eor x28, x28, x27
    msr sctlr_el1, x28
    isb
    .endm

test:
    LI x20, 0xffff                  // normal memory, which does not ask for alignment
    msr mair_el1, x20
    dsb sy
    tlbi vmalle1
    dsb sy
    isb
    FAULTS "ld4", END - 32, END, 0x96000006, ld4 {v0.16b-v3.16b}, [x20], #64
    FAULTS "ld4, the last element", END - 62, END, 0x96000006, ld4 {v0.8h-v3.8h}, [x20], #64
    FAULTS "ld1 of four", END - 48, END, 0x96000006, ld1 {v0.2d-v3.2d}, [x20], x21
    FAULTS "ld3", END - 24, END, 0x96000006, ld3 {v0.4s-v2.4s}, [x20], #48
    FAULTS "ld2 of an element", END - 4, END, 0x96000006, ld2 {v0.s, v1.s}[1], [x20], #8
    FAULTS "ld3r", END - 4, END, 0x96000006, ld3r {v0.2d-v2.2d}, [x20], #24
    FAULTS "ldp", END - 16, END, 0x96000006, ldp q0, q1, [x20], #32
    FAULTS "ldp before", END - 16, END, 0x96000006, ldp d0, d1, [x20, #8]!
    FAULTS "ldr across", END - 8, END, 0x96000006, ldr q1, [x20], #16
    FAULTS "ldr d across", END - 4, END, 0x96000006, ldr d1, [x20], #16
    FAULTS "ldr", END - 8, END, 0x96000006, ldr s1, [x20, #8]!
    FAULTS "st4", END - 8, END, 0x96000046, st4 {v0.4s-v3.4s}, [x20], #64
    FAULTS "st1 of two", END - 16, END, 0x96000046, st1 {v0.16b-v1.16b}, [x20], #32
    FAULTS "stp", END, END, 0x96000046, stp q0, q1, [x20], #32
    LI x20, END
    ldr x21, [x20, #-8]
    CHECK "st1, stored before its fault", x21, 0x1010101010101010

    // Traps. What is undefined is so first; a trap comes before an abort.
    SET_CPACR 0
    fadd d0, d0, d0
    TRAPPED "fadd", FP_TRAP
    SET_CPACR 2
    LI x20, NOWHERE
    ldr q0, [x20]
    TRAPPED "ldr", FP_TRAP
    ld1 {v0.8b}, [x20]
    TRAPPED "ld1", FP_TRAP
    .inst 0x0e62d420                // fadd v0.1d
    TRAPPED "undefined vector", UNDEFINED
    .inst 0x0c401c20                // ld1 with opcode 0001
    TRAPPED "undefined structure", UNDEFINED
    mrs x21, fpcr
    TRAPPED "fpcr", FP_TRAP
    msr fpsr, x21
    TRAPPED "fpsr", FP_TRAP
    SET_CPACR 1
    fmov d0, #2.0
    fadd d0, d0, d0
    fmov x21, d0
    NO_TRAP "fadd at EL1"
    CHECK "sum", x21, 0x4010000000000000
    ENTER_EL0
    fmov d0, #1.0
    svc #0
    ADDR x20, trap_count
    ldr x21, [x20]
    ENTER_EL0
    fmov d0, #1.0
    movi v0.16b, #0
    svc #0
    ldr x22, [x20]
    sub x22, x22, x21
    CHECK "traps at EL0", x22, 3
    SET_CPACR 3
    bl forget_trap
    fmov x21, d0
    CHECK "d0 is as it was", x21, 0x4010000000000000

    // SCTLR.A: registers as a whole, structures by element
    .macro CHECKED insn:vararg
    mov x27, #2
    SET_SCTLR
    \insn
    SET_SCTLR
    .endm
    ADDR x20, bytes + 2
    CHECKED ld1 {v0.8h}, [x20]
    NO_TRAP "ld1 of halves"
    CHECKED ld1 {v0.4s}, [x20]
    ADDR x22, trap_far
    ldr x22, [x22]
    sub x22, x22, x20
    CHECK "ld1 of words: FAR", x22, 0
    TRAPPED "ld1 of words", 0x96000021
    CHECKED ldr s0, [x20]
    TRAPPED "ldr s", 0x96000021
    add x20, x20, #2
    CHECKED ldr d0, [x20]
    TRAPPED "ldr d", 0x96000021
    CHECKED st2 {v0.d, v1.d}[0], [x20]
    TRAPPED "st2 of double words", 0x96000061
    CHECKED ldp s0, s1, [x20]
    NO_TRAP "ldp of words"
    CHECKED ld4 {v0.4s-v3.4s}, [x20], #64
    NO_TRAP "ld4 of words"
    fmov x21, d1
    mov x22, v3.d[1]
    CHECK "ld4: v1", x21, 0x1b1a19180b0a0908
    CHECK "ld4: v3", x22, 0x4342414033323130

    // SCTLR.E0E: at EL0 each element has its most significant byte first
    ADDR x20, bytes
    ADDR x21, user_page
    ld1 {v0.16b-v3.16b}, [x20]
    st1 {v0.16b-v3.16b}, [x21]
    mov x20, x21
    add x21, x21, #256
    LI x27, 1 << 24
    SET_SCTLR
    ENTER_EL0
    ldr q0, [x20]
    ldr d1, [x20]
    ldr h2, [x20, #2]
    ldp s3, s4, [x20]
    ld1 {v5.8h}, [x20]
    ld2 {v6.4s, v7.4s}, [x20]
    ld3 {v16.8b-v18.8b}, [x20]
    ld1 {v19.d}[1], [x20]
    ld1r {v20.4s}, [x20]
    str q0, [x21]
    st2 {v6.4s, v7.4s}, [x21], #32
    str s3, [x21]
    svc #0
    SET_SCTLR
    fmov x22, d0
    mov x23, v0.d[1]
    fmov x24, d1
    fmov w25, s2
    fmov x26, d3
    CHECK "ldr q, low", x22, 0x08090a0b0c0d0e0f
    CHECK "ldr q, high", x23, 0x0001020304050607
    CHECK "ldr d", x24, 0x0001020304050607
    CHECK "ldr h", x25, 0x0203
    CHECK "ldp, first", x26, 0x00010203
    fmov x22, d4
    fmov x23, d5
    fmov x24, d6
    fmov x25, d7
    fmov x26, d17
    CHECK "ldp, second", x22, 0x04050607
    CHECK "ld1", x23, 0x0607040502030001
    CHECK "ld2, first", x24, 0x08090a0b00010203
    CHECK "ld2, second", x25, 0x0c0d0e0f04050607
    CHECK "ld3, second", x26, 0x1613100d0a070401
    mov x22, v19.d[1]
    mov x23, v20.d[1]
    ldr x24, [x21]
    ldr x25, [x21, #-32]
    ldr x26, [x21, #-24]
    CHECK "ld1 of an element", x22, 0x0001020304050607
    CHECK "ld1r", x23, 0x0001020300010203
    CHECK "str s", x24, 0x03020100
    CHECK "st2, first", x25, 0x0706050403020100
    CHECK "st2, second", x26, 0x0f0e0d0c0b0a0908

    // FPCR and FPSR take effect at once, in the middle of a block
    msr fpcr, xzr
    msr fpsr, xzr
    fmov d0, #1.0
    fmov d1, #3.0
    fdiv d2, d0, d1
    mrs x20, fpsr
    msr fpsr, xzr
    mrs x21, fpsr
    mov x22, #1 << 22               // up
    msr fpcr, x22
    fdiv d3, d0, d1
    mov x22, #3 << 22               // towards zero
    msr fpcr, x22
    fneg d4, d0
    fdiv d4, d4, d1
    movi d5, #0
    fdiv d5, d0, d5
    mrs x23, fpsr
    mov x22, #1 << 25               // default NaN
    msr fpcr, x22
    fsub d5, d5, d5
    mrs x24, fpcr
    msr fpcr, xzr
    fsub d6, d0, d5
    fmov x25, d2
    fmov x26, d3
    CHECK "fpsr after a division", x20, 0x10
    CHECK "fpsr cleared", x21, 0
    CHECK "to nearest", x25, 0x3fd5555555555555
    CHECK "up", x26, 0x3fd5555555555556
    fmov x25, d4
    fmov x26, d5
    CHECK "towards zero", x25, 0xbfd5555555555555
    CHECK "default NaN", x26, 0x7ff8000000000000
    CHECK "fpsr after a division by zero", x23, 0x12
    CHECK "fpcr", x24, 0x02000000
    mrs x20, fpsr
    CHECK "fpsr after an invalid operation", x20, 0x13
    mov x22, #-1                    // what is not implemented stays zero
    msr fpcr, x22
    mrs x23, fpcr
    msr fpsr, x22
    mrs x24, fpsr
    msr fpcr, xzr
    msr fpsr, xzr
    LI x25, 0x0fc8ffff              // without Len and Stride, and NZCV, which are of AArch32
    and x23, x23, x25
    and x24, x24, #0x0fffffff
    CHECK "fpcr's bits", x23, 0x07c00000
    CHECK "fpsr's bits", x24, 0x0800009f
    movi v0.16b, #0x7f
    sqadd v1.16b, v0.16b, v0.16b
    mrs x20, fpsr
    CHECK "qc", x20, 0x08000000
    FINISH

    .section .data
    .align 4
bytes:
    .set i, 0
    .rept 80
    .byte i
    .set i, i + 1
    .endr
