// SPDX-License-Identifier: GPL-2.0-or-later
// Exclusive, ordered and LSE atomic accesses: results, monitor, alignment.
// cpu: max
    .arch armv8.5-a+rng
    .include "guest.inc"
test:
    ADDR x19, cell
    LI x20, 0x1122334455667788
    str x20, [x19]
    ldxr x21, [x19]
    CHECK "ldxr", x21, 0x1122334455667788
    mov x22, #-5
    stxr w23, x22, [x19]
    CHECK "stxr succeeds", x23, 0
    ldr x21, [x19]
    CHECK "stxr stored", x21, -5
    stxr w23, x20, [x19]
    CHECK "the monitor is open again", x23, 1
    ldr x21, [x19]
    CHECK "nothing stored", x21, -5
    ldxr w21, [x19]
    CHECK "ldxr w", x21, 0xfffffffb
    stxr w23, wzr, [x19]
    ldr x21, [x19]
    CHECK "stxr wzr", x21, 0xffffffff00000000
    ldxrh w21, [x19]
    clrex
    stxrh w23, w22, [x19]
    CHECK "after clrex", x23, 1
    ldaxrb w21, [x19]
    stlxrb w23, w22, [x19]
    CHECK "stlxrb", x23, 0
    ldr x21, [x19]
    CHECK "stlxrb stored", x21, 0xffffffff000000fb
    ldxr x21, [x19]
    svc #0
    stxr w23, x22, [x19]
    CHECK "after an exception return", x23, 1
    bl forget_trap
    ldxr x21, [x19]
    add x24, x19, #8
    stxr w23, x22, [x24]
    CHECK "stxr elsewhere", x23, 1
    // Pairs
    stp x20, x22, [x19]
    ldxp x21, x24, [x19]
    CHECK "ldxp first", x21, 0x1122334455667788
    CHECK "ldxp second", x24, -5
    stxp w23, x24, x21, [x19]
    CHECK "stxp", x23, 0
    ldp x21, x24, [x19]
    CHECK "stxp stored first", x21, -5
    CHECK "stxp stored second", x24, 0x1122334455667788
    ldaxp x21, x24, [x19]
    str xzr, [x19, #8]
    stlxp w23, x24, x21, [x19]
    CHECK "stlxp after another store", x23, 1
    stp w20, w22, [x19]
    ldxp w21, w24, [x19]
    CHECK "ldxp w first", x21, 0x55667788
    CHECK "ldxp w second", x24, 0xfffffffb
    stxp w23, w24, w21, [x19]
    CHECK "stxp w", x23, 0
    ldr x21, [x19]
    CHECK "stxp w stored", x21, 0x55667788fffffffb
    // LSE
    str x20, [x19]
    mov x22, #8
    ldadd x22, x21, [x19]
    CHECK "ldadd old", x21, 0x1122334455667788
    ldr x21, [x19]
    CHECK "ldadd new", x21, 0x1122334455667790
    ldclrah w22, w21, [x19]
    CHECK "ldclrah old", x21, 0x7790
    mov x22, #0xf0
    ldclrl x22, x21, [x19]
    ldr x21, [x19]
    CHECK "ldclrl new", x21, 0x1122334455667700
    ldeoral x22, x21, [x19]
    ldset x20, xzr, [x19]
    ldr x21, [x19]
    CHECK "ldset new", x21, 0x11223344556677f8
    mov x22, #-1
    ldsmaxb w22, w21, [x19]
    CHECK "ldsmaxb old is zero-extended", x21, 0xf8
    ldrb w21, [x19]
    CHECK "ldsmaxb new", x21, 0xff
    mov x22, #0x80
    ldsminb w22, w21, [x19]
    ldrb w21, [x19]
    CHECK "ldsminb new", x21, 0x80
    mov x22, #0x7f
    ldumaxb w22, w21, [x19]
    ldrb w21, [x19]
    CHECK "ldumaxb new", x21, 0x80
    lduminb w22, w21, [x19]
    ldrb w21, [x19]
    CHECK "lduminb new", x21, 0x7f
    LI x22, 0x80000000
    str x22, [x19]
    ldsmin wzr, w21, [x19]
    ldr w21, [x19]
    CHECK "ldsmin w", x21, 0x80000000
    ldsmax wzr, w21, [x19]
    ldr w21, [x19]
    CHECK "ldsmax w", x21, 0
    mov x22, #7
    str x22, [x19]
    swpal x20, x21, [x19]
    CHECK "swpal old", x21, 7
    mov x21, x20
    mov x22, #9
    cas x21, x22, [x19]
    CHECK "cas old", x21, 0x1122334455667788
    ldr x21, [x19]
    CHECK "cas stored", x21, 9
    mov x21, #8
    casal x21, x20, [x19]
    CHECK "casal that fails", x21, 9
    LI x21, 0xffffff09
    mov w22, #0x33
    casb w21, w22, [x19]
    ldrb w21, [x19]
    CHECK "casb compares a byte", x21, 0x33
    // Pairs
    stp x20, x22, [x19]
    mov x24, x20
    mov x25, x22
    mov x26, #1
    mov x27, #2
    caspal x24, x25, x26, x27, [x19]
    CHECK "casp old", x25, 0x33
    ldp x24, x25, [x19]
    CHECK "casp first", x24, 1
    CHECK "casp second", x25, 2
    mov x24, #3
    casp x24, x25, x26, x27, [x19]
    CHECK "casp that fails", x24, 1
    mov w24, #1
    mov w25, #0
    casp w24, w25, w26, w27, [x19]
    ldr x24, [x19]
    CHECK "casp w", x24, 0x200000001
    // Alignment
    add x24, x19, #2
    ldxr w21, [x24]
    ADDR x25, trap_far
    ldr x25, [x25]
    sub x25, x25, x19
    CHECK "unaligned ldxr: FAR", x25, 2
    TRAPPED "unaligned ldxr", 0x96000021
    ldar w21, [x24]
    TRAPPED "unaligned ldar", 0x96000021
    stlr w21, [x24]
    TRAPPED "unaligned stlr", 0x96000061
    ldadd w21, w21, [x24]
    ADDR x25, trap_esr
    ldr x25, [x25]
    and x25, x25, #~0x40
    CHECK "unaligned ldadd", x25, 0x96000021
    bl forget_trap
    add x24, x19, #8
    ldxp x21, x25, [x24]
    TRAPPED "unaligned ldxp", 0x96000021
    ldaprb w21, [x24]
    NO_TRAP "ldaprb"
    str x20, [x19, #8]
    ldapur x21, [x24]
    CHECK "ldapur", x21, 0x1122334455667788
    mov w20, #0x8001
    stlurh w20, [x24, #-2]
    ldapursh x21, [x24, #-2]
    CHECK "ldapursh x", x21, 0xffffffffffff8001
    ldapursh w21, [x24, #-2]
    CHECK "ldapursh w", x21, 0xffff8001
    // Odd registers of pairs, FEAT_RNG
    .inst 0x48217c00 | 3
    TRAPPED "casp of odd registers", 0x2000000
    msr nzcv, x24
    mrs x21, rndr
    mrs x24, nzcv
    CHECK "flags of rndr", x24, 0
    mrs x22, rndr
    cmp x21, x22
    cset x21, eq
    CHECK "two random numbers are equal", x21, 0
    FINISH
    .data
    .align 4
cell: .quad 0, 0, 0, 0
